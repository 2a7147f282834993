/* SPDX-License-Identifier: MIT */
/* virtio-net with the loopback network under a hostile guest (virtio_fuzz.h), and frames that come from outside. */
#include "../unit/job_host.h"
#include "role/hyp/dev/net_loopback.h"
#include "role/hyp/dev/net_offload.h"
#include "role/hyp/dev/virtio_net.h"
#include "virtio_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A TCP segment to be cut, as read_frame() lets it through; what its data says does not matter. */
static void make_big(struct net_frame *frame, uint8_t *bytes, uint64_t choice)
{
	bytes[12] = 0x08;
	bytes[13] = 0;
	bytes[14] = 0x45;
	bytes[20] = bytes[21] = 0;
	bytes[23] = 6;
	bytes[46] = 0x50;
	frame->size = 55 + (uint32_t)(choice * 37) % 8000;
	frame->partial_checksum = true;
	frame->checksum_start = 34;
	frame->checksum_offset = 16;
	frame->gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
	frame->gso_size = (uint16_t)(NET_GSO_SIZE_MIN + choice * 5);
	frame->header_size = net_offload_check(frame, bytes);
	if (frame->header_size == 0) {
		abort();
	}
}

static void deliver(struct fuzz_guest *g, uint64_t choice, bool big)
{
	static uint8_t bytes[8192];
	struct net_frame frame = { .header_size = NET_FRAME_MIN };
	uint64_t progress = 0;

	memset(bytes, (uint8_t)choice, sizeof(bytes));
	if (big) {
		make_big(&frame, bytes, choice);
		frame.progress = &progress;
		frame.until = UINT64_MAX;
	} else {
		frame.size = NET_FRAME_MIN + (uint32_t)(choice * 6) % (NET_FRAME_MAX - NET_FRAME_MIN + 1);
		frame.partial_checksum = (choice & 1) != 0;
		frame.checksum_start = NET_FRAME_MIN;
		frame.checksum_offset = (uint16_t)(choice % (frame.size - NET_FRAME_MIN + 1));
		if (frame.checksum_start + frame.checksum_offset + 2u > frame.size) {
			frame.partial_checksum = false;
		}
	}
	memcpy(frame.header, bytes, frame.header_size);
	frame.data = bytes + frame.header_size;
	if (net_port_deliver(virtio_net_port(g->dev), &frame) == NET_FULL && big) {
		/* As when the sender tries again. */
		net_port_deliver(virtio_net_port(g->dev), &frame);
	}
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

	write_cntfrq_el0(1000000000);
	g.vm = test_vm_new(FUZZ_RAM_SIZE);
	if (virtio_net_create(&g.vm->vm, ipa(FUZZ_BASE), FUZZ_INTID, mac, &net_loopback, NULL, &g.dev) != OK) {
		abort();
	}
	fuzz_start(&g, fuzz_take(&in, 1));
	for (unsigned steps = 0; in.left != 0 && steps < FUZZ_STEPS_MAX; steps++) {
		unsigned code = (unsigned)fuzz_take(&in, 1);

		if (!fuzz_step(&g, &in, code % 9)) {
			deliver(&g, fuzz_take(&in, 1), code % 9 == 8);
		}
	}
	still_works(&g);
	virtio_destroy(g.dev);
	test_vm_free(g.vm);
	return 0;
}
