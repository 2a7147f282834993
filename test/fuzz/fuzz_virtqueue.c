/* SPDX-License-Identifier: MIT */
/*
 * A virtqueue over arbitrary rings: the input is the queue's size, its features, and what guest memory holds.
 * Everything that comes out of it must lie in RAM, in a bounded number of chains; the streams must be as long as they
 * say.
 */
#include "../unit/virtio_guest.h"
#include "role/hyp/dev/virtqueue.h"

#define RAM_SIZE KIB(16)
#define DESC TEST_RAM_BASE
#define AVAIL (TEST_RAM_BASE + 0x800)
#define USED (TEST_RAM_BASE + 0xa00)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
	if (!holds) {
		abort();
	}
}

static void use_chain(struct virtq *q, struct virtq_chain *chain, const struct test_vm *vm, unsigned pattern)
{
	static uint8_t scratch[RAM_SIZE];
	uint64_t readable = chain->readable_size;
	uint64_t writable = chain->writable_size;

	check(chain->segment_count >= 1 && chain->segment_count <= q->size_max);
	for (unsigned i = 0; i < chain->segment_count; i++) {
		const struct virtq_segment *s = &chain->segments[i];

		check(s->size != 0 && s->data >= vm->ram && s->size <= (size_t)(vm->ram + RAM_SIZE - s->data));
	}
	while (virtq_read(chain, scratch, 1 + pattern % 1000) != 0) {
	}
	check(chain->readable_size == 0);
	/* Reading wrote nothing, and what may be written is what was counted. */
	check(chain->writable_size == writable && readable <= (uint64_t)RAM_SIZE * q->size_max);
	if (pattern % 4 == 0) {
		virtq_write(chain, NULL, pattern);
	}
	check(virtq_write(chain, scratch, 100) <= 100);
	check(chain->written <= 100);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct test_vm *vm;
	struct virtq *q;

	if (size < 3) {
		return 0;
	}
	vm = test_vm_new(RAM_SIZE);
	q = calloc(1, sizeof(*q));
	memcpy(vm->ram, data + 3, MIN(size - 3, RAM_SIZE));
	q->size_max = VIRTQ_SIZE_MAX;
	q->want_notify = (data[1] & 1) != 0;
	q->size = (uint16_t)(1u << data[0] % 8);
	q->desc_ipa = DESC;
	q->avail_ipa = AVAIL;
	q->used_ipa = USED;
	check(virtq_start(q, &vm->vm.mem, (uint64_t)(data[1] >> 1 & 3) << 28));
	for (unsigned turn = 0; turn < 4 && virtq_begin(q, &vm->vm.mem); turn++) {
		struct virtq_chain *chain;
		unsigned chains = 0;

		while ((chain = virtq_pop(q)) != NULL) {
			check(++chains <= q->size);
			use_chain(q, chain, vm, data[2] + chains);
			virtq_push(q, chain->head, chain->written);
		}
		virtq_end(q);
	}
	free(q);
	test_vm_free(vm);
	return 0;
}
