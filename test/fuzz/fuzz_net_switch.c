/* SPDX-License-Identifier: MIT */
/*
 * A switch between three hostile guests (virtio_fuzz.h): frames for each other and for nobody, to be cut or not, DHCP,
 * receivers that give buffers or do not, time that passes. Nobody waits for ever, and in the end all is as it was.
 */
#include "../unit/job_host.h"
#include "role/hyp/dev/net_loopback.h"
#include "role/hyp/dev/net_switch.h"
#include "role/hyp/dev/virtio_net.h"
#include "virtio_fuzz.h"

#define GUESTS 3
#define HEADER sizeof(struct virtio_net_hdr)
#define FRAME_AT KIB(32)
#define BUFFERS_AT KIB(48)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct fuzz_guest guests[GUESTS];
static struct net_switch *sw;

/* A chain of one descriptor, the one that 'index' says, whatever was in it. */
static void offer(struct driver_queue *d, unsigned index, uint64_t at, uint32_t size, bool writable)
{
	d->desc[index] = (struct virtq_desc){ TEST_RAM_BASE + at, size, writable ? VIRTQ_DESC_F_WRITE : 0, 0 };
	driver_publish(d, (uint16_t)index);
}

static void notify(struct fuzz_guest *g, uint64_t queue)
{
	test_access(g->vm, true, FUZZ_BASE + VIRTIO_MMIO_QUEUE_NOTIFY, 4, &queue);
}

static void give_buffer(struct fuzz_guest *g, struct fuzz_input *in)
{
	unsigned index = (unsigned)fuzz_take(in, 1) % FUZZ_QUEUE_SIZE;

	offer(&g->q[0], index, BUFFERS_AT + KIB(2) * index, 1 + (uint32_t)fuzz_take(in, 1) * 8, true);
	notify(g, 0);
}

/* The headers of a TCP segment that is left to the device, or of a DHCP message; what is wrong the script writes. */
static uint32_t fill_headers(uint8_t *at, unsigned kind, uint64_t choice)
{
	struct virtio_net_hdr *hdr = (void *)at;
	uint8_t *frame = at + HEADER;

	frame[12] = 0x08;
	frame[13] = 0;
	frame[14] = 0x45;
	frame[20] = frame[21] = 0;
	if (kind == 0) {
		*hdr = (struct virtio_net_hdr){ .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
						.gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
						.gso_size = (uint16_t)(48 + choice * 5),
						.csum_start = 34,
						.csum_offset = 16 };
		frame[23] = 6;
		frame[46] = 0x50;
		return 54 + (uint32_t)choice * 32;
	}
	*hdr = (struct virtio_net_hdr){ 0 };
	if (kind == 1) {
		memset(frame + 23, 0, 300);
		frame[23] = 17;
		frame[37] = 67;
		frame[42] = frame[43] = 1;
		frame[44] = 6;
		memcpy(frame + 278, "\x63\x82\x53\x63\x35\x01\x01", 7);
		return 42 + 300;
	}
	return NET_FRAME_MIN + (uint32_t)choice * 4;
}

static void send(struct fuzz_guest *g, struct fuzz_input *in)
{
	unsigned from = (unsigned)(g - guests), to = (unsigned)fuzz_take(in, 1), kind = to / 16 % 4;
	uint8_t *frame = g->vm->ram + FRAME_AT + HEADER;
	uint32_t size = fill_headers(frame - HEADER, kind, fuzz_take(in, 1));

	memset(frame, 0, 12);
	frame[6] = 2;
	frame[11] = (uint8_t)from;
	if (to % 16 < GUESTS) {
		frame[0] = 2;
		frame[5] = to % 16;
	} else if (to % 16 < 8) {
		memset(frame, 0xff, 6);
	} else {
		frame[0] = frame[6] = 4;
		frame[5] = to % 16;
		frame[11] = (uint8_t)fuzz_take(in, 1);
	}
	offer(&g->q[1], 0, FRAME_AT, (uint32_t)HEADER + size, false);
	notify(g, 1);
}

static void other_cpus(void)
{
	for (unsigned i = 0; i < GUESTS; i++) {
		cpu_run_work(&guests[i].vm->cpu[0]);
		guests[i].vm->cpu[0].attention = 0;
	}
	run_slice();
}

static void pass_time(uint64_t ms)
{
	struct cpu *cpu = &guests[0].vm->cpu[0];

	write_cntpct_el0(read_cntpct_el0() + ms * 1000000);
	timer_run(&cpu->timers, read_cntpct_el0());
	other_cpus();
}

static void check(void)
{
	for (unsigned i = 0; i < GUESTS; i++) {
		const struct net_switch_port *p = sw->ports[i];

		if ((p->waits_for != NULL) == list_empty(&p->waiting_node) ||
		    (p->waits_for != NULL && !p->patience_runs)) {
			abort();
		}
		for (unsigned to = 0; to < GUESTS; to++) {
			if (p->waited[to] > sw->patience) {
				abort();
			}
		}
	}
}

static void set_up(uint64_t features)
{
	write_cntfrq_el0(1000000000);
	write_cntpct_el0(1000000000);
	sw = net_switch_create("lan", GUESTS);
	sw->dhcp = (struct net_dhcp){ true, 0x0a070000, 24 };
	for (unsigned i = 0; i < GUESTS; i++) {
		const uint8_t mac[NET_MAC_SIZE] = { 2, 0, 0, 0, 0, (uint8_t)i };
		const struct net_switch_port *other;
		struct fuzz_guest *g = &guests[i];

		*g = (struct fuzz_guest){ .queue_count = 2, .vm = test_vm_new(FUZZ_RAM_SIZE) };
		if (virtio_net_create(&g->vm->vm, ipa(FUZZ_BASE), FUZZ_INTID, mac, &net_loopback, NULL, &g->dev) !=
			    OK ||
		    net_switch_plug(sw, virtio_net_port(g->dev), "port", &other) != OK) {
			abort();
		}
		fuzz_start(g, features >> (2 * i));
	}
	write_tpidr_el2((uint64_t)(uintptr_t)&guests[0].vm->cpu[0]);
}

/* After all that, an honest sender reaches an honest receiver at once, whatever it waited for. */
static void still_works(void)
{
	struct virtq_used_elem elem;
	uint8_t *frame;

	for (unsigned i = 0; i < GUESTS; i++) {
		fuzz_start(&guests[i], 0);
	}
	offer(&guests[1].q[0], 0, BUFFERS_AT, KIB(2), true);
	notify(&guests[1], 0);
	frame = guests[0].vm->ram + FRAME_AT + HEADER;
	memset(frame - HEADER, 0, HEADER + 60);
	frame[0] = frame[6] = 2;
	frame[5] = 1;
	offer(&guests[0].q[1], 0, FRAME_AT, HEADER + 60, false);
	notify(&guests[0], 1);
	if (!driver_take(&guests[0].q[1], &elem) || !driver_take(&guests[1].q[0], &elem) || elem.len != HEADER + 60) {
		abort();
	}
}

static void tear_down(void)
{
	pass_time(NET_SWITCH_PATIENCE_MS);
	while (run_slice()) {
	}
	for (unsigned i = 0; i < GUESTS; i++) {
		virtio_destroy(guests[i].dev);
		test_vm_free(guests[i].vm);
	}
	pool_free_object(sw->ports, GUESTS * sizeof(*sw->ports));
	pool_free_object(sw->addresses, sw->address_count * sizeof(*sw->addresses));
	pool_free_object(sw, sizeof(*sw));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };

	set_up(fuzz_take(&in, 1));
	for (unsigned steps = 0; in.left != 0 && steps < FUZZ_STEPS_MAX; steps++) {
		unsigned code = (unsigned)fuzz_take(&in, 1);
		struct fuzz_guest *g = &guests[code / 64 % GUESTS];

		switch (code % 16) {
		case 7:
		case 8:
		case 9:
			give_buffer(g, &in);
			break;
		case 10:
		case 11:
		case 12:
			send(g, &in);
			break;
		case 13:
			pass_time(fuzz_take(&in, 1));
			break;
		case 14:
			other_cpus();
			break;
		default:
			fuzz_step(g, &in, code % 16 % 7);
			break;
		}
		check();
	}
	still_works();
	tear_down();
	return 0;
}
