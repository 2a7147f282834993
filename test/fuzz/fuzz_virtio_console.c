/* SPDX-License-Identifier: MIT */
/* virtio-console under a hostile guest (virtio_fuzz.h), with a chardev that is full at times, and keys. */
#include "role/hyp/dev/virtio_console.h"
#include "virtio_fuzz.h"

#define RX 0
#define TX 1
#define TURN_MAX 32768 /* bytes that a turn sends at most */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct sink {
	unsigned room;
	unsigned taken; /* since the last step */
	uint8_t last;
};

static bool sink_put(void *ctx, uint8_t byte)
{
	struct sink *sink = ctx;

	if (sink->room == 0) {
		return false;
	}
	sink->room--;
	sink->taken++;
	sink->last = byte;
	return true;
}

static const struct chardev_ops sink_ops = { .put = sink_put };

/* After all that, an honest driver's byte goes out, and one comes in. */
static void still_works(struct fuzz_guest *g, struct sink *sink)
{
	struct driver_buffer out = { 0, 1, false }, in = { 0, 1, true };
	struct virtq_used_elem elem;

	fuzz_start(g, 0);
	sink->room = 1;
	out.ipa = test_vm_alloc(g->vm, 1, 1);
	in.ipa = test_vm_alloc(g->vm, 1, 1);
	*(uint8_t *)test_vm_ptr(g->vm, out.ipa) = '!';
	driver_add(&g->q[TX], &out, 1);
	driver_kick(&g->q[TX], FUZZ_BASE, TX);
	driver_add(&g->q[RX], &in, 1);
	driver_kick(&g->q[RX], FUZZ_BASE, RX);
	if (sink->last != '!' || !driver_take(&g->q[TX], &elem) || !virtio_console_input(g->dev, '?') ||
	    !driver_take(&g->q[RX], &elem) || elem.len != 1 || *(uint8_t *)test_vm_ptr(g->vm, in.ipa) != '?') {
		abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	struct fuzz_guest g = { .queue_count = 2 };
	struct sink sink = { .room = 100 };

	g.vm = test_vm_new(FUZZ_RAM_SIZE);
	if (virtio_console_create(&g.vm->vm, ipa(FUZZ_BASE), FUZZ_INTID, (struct chardev){ &sink_ops, &sink },
				  &g.dev) != OK) {
		abort();
	}
	fuzz_start(&g, fuzz_take(&in, 1));
	for (unsigned steps = 0; in.left != 0 && steps < FUZZ_STEPS_MAX; steps++) {
		unsigned code = (unsigned)fuzz_take(&in, 1) % 9;

		sink.taken = 0;
		if (code == 7) {
			sink.room = (unsigned)fuzz_take(&in, 2);
			virtio_console_tx_ready(g.dev);
		} else if (!fuzz_step(&g, &in, code)) {
			virtio_console_input(g.dev, (uint8_t)fuzz_take(&in, 1));
		}
		if (sink.taken > TURN_MAX) {
			abort();
		}
	}
	still_works(&g, &sink);
	virtio_destroy(g.dev);
	test_vm_free(g.vm);
	return 0;
}
