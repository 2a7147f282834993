/* SPDX-License-Identifier: MIT */
/* virtio-net with the loopback network under a hostile guest (virtio_fuzz.h), and frames that come from outside. */
#include "role/hyp/dev/net_loopback.h"
#include "role/hyp/dev/virtio_net.h"
#include "virtio_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void deliver(struct fuzz_guest *g, uint64_t choice)
{
	uint8_t bytes[NET_FRAME_MAX];
	struct net_frame frame = { .data = bytes };

	frame.size = NET_FRAME_MIN + (uint32_t)(choice * 6) % (NET_FRAME_MAX - NET_FRAME_MIN + 1);
	frame.partial_checksum = (choice & 1) != 0;
	frame.checksum_start = NET_FRAME_MIN;
	frame.checksum_offset = (uint16_t)(choice % (frame.size - NET_FRAME_MIN + 1));
	if (frame.checksum_start + frame.checksum_offset + 2u > frame.size) {
		frame.partial_checksum = false;
	}
	memset(bytes, (uint8_t)choice, sizeof(bytes));
	net_port_deliver(virtio_net_port(g->dev), &frame);
}

/* After all that, an honest driver sends a frame and has it back. */
static void still_works(struct fuzz_guest *g)
{
	struct driver_buffer rx = { 0, 128, true };
	struct driver_buffer tx = { 0, sizeof(struct virtio_net_hdr) + 60, false };
	struct virtq_used_elem elem;

	fuzz_start(g, 0);
	rx.ipa = test_vm_alloc(g->vm, rx.size, 16);
	tx.ipa = test_vm_alloc(g->vm, tx.size, 16);
	memset(test_vm_ptr(g->vm, tx.ipa), 0, tx.size);
	driver_add(&g->q[0], &rx, 1);
	driver_add(&g->q[1], &tx, 1);
	driver_kick(&g->q[1], FUZZ_BASE, 1);
	if (!driver_take(&g->q[1], &elem) || !driver_take(&g->q[0], &elem) || elem.len != tx.size) {
		abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t mac[NET_MAC_SIZE] = { 2, 0, 0, 0, 0, 1 };
	struct fuzz_input in = { data, size };
	struct fuzz_guest g = { .queue_count = 2 };

	g.vm = test_vm_new(FUZZ_RAM_SIZE);
	if (virtio_net_create(&g.vm->vm, ipa(FUZZ_BASE), FUZZ_INTID, mac, &net_loopback, NULL, &g.dev) != OK) {
		abort();
	}
	fuzz_start(&g, fuzz_take(&in, 1));
	for (unsigned steps = 0; in.left != 0 && steps < FUZZ_STEPS_MAX; steps++) {
		if (!fuzz_step(&g, &in, (unsigned)fuzz_take(&in, 1) % 8)) {
			deliver(&g, fuzz_take(&in, 1));
		}
	}
	still_works(&g);
	virtio_destroy(g.dev);
	test_vm_free(g.vm);
	return 0;
}
