/* SPDX-License-Identifier: MIT */
/*
 * virtio-blk under a hostile guest (virtio_fuzz.h). The disk lies alone on the heap, so ASan sees any access beside
 * it.
 */
#include "role/hyp/dev/virtio_blk.h"
#include "virtio_fuzz.h"

#define DISK_SIZE (64 * VIRTIO_BLK_SECTOR_SIZE)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* After all that, an honest driver gets the disk's first sector. */
static void still_works(struct fuzz_guest *g, const uint8_t *disk)
{
	struct virtio_blk_req req = { .type = VIRTIO_BLK_T_IN };
	struct driver_buffer buffers[] = { { 0, sizeof(req), false },
					   { 0, VIRTIO_BLK_SECTOR_SIZE, true },
					   { 0, 1, true } };
	struct virtq_used_elem elem;

	fuzz_start(g, 0);
	for (unsigned i = 0; i < 3; i++) {
		buffers[i].ipa = test_vm_alloc(g->vm, buffers[i].size, 16);
	}
	memcpy(test_vm_ptr(g->vm, buffers[0].ipa), &req, sizeof(req));
	driver_add(&g->q[0], buffers, 3);
	driver_kick(&g->q[0], FUZZ_BASE, 0);
	if (!driver_take(&g->q[0], &elem) || elem.len != VIRTIO_BLK_SECTOR_SIZE + 1 ||
	    memcmp(test_vm_ptr(g->vm, buffers[1].ipa), disk, VIRTIO_BLK_SECTOR_SIZE) != 0) {
		abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	struct fuzz_guest g = { .queue_count = 1 };
	struct virtio_blk_disk disk = { malloc(DISK_SIZE), DISK_SIZE, false, "fuzz" };

	disk.read_only = fuzz_take(&in, 1) % 4 == 3;
	memset(disk.data, 0x5a, DISK_SIZE);
	g.vm = test_vm_new(FUZZ_RAM_SIZE);
	if (virtio_blk_create(&g.vm->vm, ipa(FUZZ_BASE), FUZZ_INTID, &disk, &g.dev) != OK) {
		abort();
	}
	fuzz_start(&g, fuzz_take(&in, 1));
	for (unsigned steps = 0; in.left != 0 && steps < FUZZ_STEPS_MAX; steps++) {
		fuzz_step(&g, &in, (unsigned)fuzz_take(&in, 1) % 7);
	}
	for (unsigned i = 0; disk.read_only && i < DISK_SIZE; i++) {
		if (disk.data[i] != 0x5a) {
			abort();
		}
	}
	still_works(&g, disk.data);
	virtio_destroy(g.dev);
	test_vm_free(g.vm);
	free(disk.data);
	return 0;
}
