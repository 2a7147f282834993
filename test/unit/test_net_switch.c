/* SPDX-License-Identifier: MIT */
/* The switch between real virtio-net devices of several VMs: who gets what, who waits, and that nobody is held up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <time.h>

#include "job_host.h"
#include "role/hyp/dev/net_loopback.h"
#include "role/hyp/dev/net_switch.h"
#include "role/hyp/dev/virtio_net.h"
#include "virtio_guest.h"

#define BASE UINT64_C(0x0a000000)
#define INTID 48
#define HEADER ((uint32_t)sizeof(struct virtio_net_hdr))
#define RX 0
#define TX 1
#define VMS 3

struct guest {
	struct test_vm *vm;
	struct virtio_device *dev;
	struct net_port *port;
	struct net_switch_port *plug;
	struct driver_queue q[2];
	uint64_t tx, rx;
	uint8_t mac[6];
};

static struct guest guests[VMS];
static struct net_switch *sw;
static const uint8_t everybody[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
static const uint8_t strange[6] = { 2, 0, 0, 0, 0, 9 };
static uint64_t ticks_per_look; /* how far the counter goes on whenever it is read */

static bool receiver_fails; /* guests[1] gives its device up when guests[0] begins to wait for it */

static void counter_is_read(enum host_sysreg_index reg)
{
	if (reg == HOST_SYSREG_cntpct_el0) {
		host_sysreg[reg] += ticks_per_look;
		if (receiver_fails && guests[0].plug->waits_for != NULL) {
			receiver_fails = false;
			test_write(guests[1].vm, BASE + VIRTIO_MMIO_STATUS, VIRTIO_STATUS_FAILED);
		}
	}
}

static void start_guest(struct guest *g, unsigned i)
{
	const struct net_switch_port *other;

	*g = (struct guest){ .vm = test_vm_new(MIB(1)), .mac = { 0x52, 0x54, 0, 0, 0, (uint8_t)i } };
	assert_int_equal(virtio_net_create(&g->vm->vm, ipa(BASE), INTID, g->mac, &net_loopback, NULL, &g->dev), OK);
	g->port = virtio_net_port(g->dev);
	assert_int_equal(net_switch_plug(sw, g->port, "port", &other), OK);
	g->plug = g->port->network;
	assert_true(driver_start(g->vm, BASE, VIRTIO_F_VERSION_1, g->q, 2, 64));
	g->tx = test_vm_alloc(g->vm, 64 * 2048, 16);
	g->rx = test_vm_alloc(g->vm, 64 * 2048, 16);
}

static int set_up(void **state)
{
	(void)state;
	write_cntfrq_el0(1000000000);
	write_cntpct_el0(1000000000);
	host_sysreg_reading = counter_is_read;
	ticks_per_look = 0;
	sw = net_switch_create("lan", VMS);
	for (unsigned i = 0; i < VMS; i++) {
		start_guest(&guests[i], i);
	}
	write_tpidr_el2((uint64_t)(uintptr_t)&guests[0].vm->cpu[0]);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	for (unsigned i = 0; i < VMS; i++) {
		virtio_destroy(guests[i].dev);
		test_vm_free(guests[i].vm);
	}
	assert_int_equal(sw->port_count, 0);
	pool_free_object(sw->ports, VMS * sizeof(*sw->ports));
	pool_free_object(sw->addresses, sw->address_count * sizeof(*sw->addresses));
	pool_free_object(sw, sizeof(*sw));
	return 0;
}

/* What other CPUs would do when they are kicked. */
static void run_posted(void)
{
	for (unsigned i = 0; i < VMS; i++) {
		cpu_run_work(&guests[i].vm->cpu[0]);
		guests[i].vm->cpu[0].attention = 0;
	}
	while (run_slice()) {
	}
}

/* Time passes, and timers fire. */
static void pass_ms(unsigned ms)
{
	struct cpu *cpu = &guests[0].vm->cpu[0];

	write_cntpct_el0(read_cntpct_el0() + ms * UINT64_C(1000000));
	timer_run(&cpu->timers, read_cntpct_el0());
	run_posted();
}

/* Notifies as a driver does that is told to go on with it (vcpu_repeat); returns how often. */
static unsigned notify_tx(struct guest *g)
{
	uint64_t *pc = &g->vm->vcpu[0].regs.pc;
	unsigned times = 0;

	do {
		*pc = 4;
		test_write(g->vm, BASE + VIRTIO_MMIO_QUEUE_NOTIFY, TX);
		*pc += 4;
		times++;
	} while (*pc == 4);
	return times;
}

static void give_buffer(struct guest *g)
{
	uint16_t head = g->q[RX].free[g->q[RX].free_count - 1];
	struct driver_buffer buffer = { g->rx + head * UINT64_C(2048), 2048, true };

	assert_true(driver_add(&g->q[RX], &buffer, 1) >= 0);
	driver_kick(&g->q[RX], BASE, RX);
}

/* Queues a frame of 100 bytes whose payload begins with 'tag'. */
static void queue(struct guest *g, const uint8_t *to, const uint8_t *from, uint8_t tag)
{
	uint16_t head = g->q[TX].free[g->q[TX].free_count - 1];
	uint64_t at = g->tx + head * UINT64_C(2048);
	uint8_t *p = test_vm_ptr(g->vm, at);
	struct driver_buffer buffer = { at, HEADER + 100, false };

	memset(p, 0, HEADER + 100);
	memcpy(p + HEADER, to, 6);
	memcpy(p + HEADER + 6, from, 6);
	p[HEADER + 14] = tag;
	assert_true(driver_add(&g->q[TX], &buffer, 1) >= 0);
}

static void send(struct guest *g, const uint8_t *to, const uint8_t *from, uint8_t tag)
{
	queue(g, to, from, tag);
	driver_kick(&g->q[TX], BASE, TX);
}

/* The tag of the next frame that was received, or -1. */
static int receive(struct guest *g)
{
	struct virtq_used_elem elem;

	if (!driver_take(&g->q[RX], &elem)) {
		return -1;
	}
	assert_int_equal(elem.len, HEADER + 100);
	return ((uint8_t *)test_vm_ptr(g->vm, g->rx + elem.id * 2048))[HEADER + 14];
}

static unsigned sent(struct guest *g)
{
	struct virtq_used_elem elem;
	unsigned n = 0;

	while (driver_take(&g->q[TX], &elem)) {
		n++;
	}
	return n;
}

static void a_frame_goes_to_whom_it_is_for(void **state)
{
	(void)state;
	for (unsigned i = 0; i < VMS; i++) {
		give_buffer(&guests[i]);
	}
	send(&guests[0], guests[1].mac, guests[0].mac, 7);
	assert_int_equal(receive(&guests[1]), 7);
	assert_int_equal(receive(&guests[2]), -1);
	send(&guests[1], guests[0].mac, guests[1].mac, 8);
	assert_int_equal(receive(&guests[0]), 8);
	/* To itself: not reflected. */
	give_buffer(&guests[0]);
	send(&guests[0], guests[0].mac, guests[0].mac, 9);
	assert_int_equal(receive(&guests[0]), -1);
	assert_int_equal(sw->counters.forwarded, 2);
	assert_int_equal(sw->counters.dropped, 1);
}

static void broadcasts_go_to_all_others_and_wait_for_nobody(void **state)
{
	(void)state;
	give_buffer(&guests[0]);
	give_buffer(&guests[1]);
	send(&guests[0], everybody, guests[0].mac, 1);
	assert_int_equal(receive(&guests[0]), -1);
	assert_int_equal(receive(&guests[1]), 1);
	assert_int_equal(guests[2].port->counters.rx_dropped, 1);
	assert_int_equal(sent(&guests[0]), 1);
}

static void other_addresses_are_learned_and_forgotten(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		give_buffer(&guests[0]);
		give_buffer(&guests[1]);
		give_buffer(&guests[2]);
	}
	send(&guests[0], strange, guests[0].mac, 1);
	assert_int_equal(receive(&guests[1]), 1);
	assert_int_equal(receive(&guests[2]), 1);
	send(&guests[1], guests[0].mac, strange, 2);
	send(&guests[2], strange, guests[2].mac, 3);
	assert_int_equal(receive(&guests[1]), 3);
	assert_int_equal(sw->counters.learned, 1);
	/* Moved. */
	send(&guests[2], guests[1].mac, strange, 4);
	assert_int_equal(receive(&guests[1]), 4);
	send(&guests[1], strange, guests[1].mac, 5);
	assert_int_equal(receive(&guests[2]), 5);
	/* Forgotten. */
	write_cntpct_el0(read_cntpct_el0() + read_cntfrq_el0() * (NET_SWITCH_AGE_S + 1));
	send(&guests[1], strange, guests[1].mac, 6);
	assert_int_equal(receive(&guests[2]), 6);
	assert_true(sw->counters.flooded == 2);
}

static void nobody_uses_the_address_of_another(void **state)
{
	(void)state;
	give_buffer(&guests[1]);
	give_buffer(&guests[2]);
	send(&guests[2], everybody, guests[1].mac, 1);
	send(&guests[2], guests[0].mac, everybody, 1);
	assert_int_equal(sw->counters.dropped, 2);
	send(&guests[0], guests[1].mac, guests[0].mac, 2);
	assert_int_equal(receive(&guests[1]), 2);
	assert_int_equal(receive(&guests[2]), -1);
}

static void a_sender_waits_for_its_receiver(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		send(&guests[0], guests[1].mac, guests[0].mac, (uint8_t)i);
	}
	assert_int_equal(sent(&guests[0]), 0);
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(receive(&guests[1]), -1);
		give_buffer(&guests[1]);
		run_posted();
		assert_int_equal(receive(&guests[1]), (int)i);
	}
	assert_int_equal(sent(&guests[0]), 5);
	assert_int_equal(guests[0].port->counters.tx_dropped, 0);
}

static void but_not_for_ever(void **state)
{
	(void)state;
	give_buffer(&guests[2]);
	send(&guests[0], guests[1].mac, guests[0].mac, 1);
	send(&guests[0], guests[2].mac, guests[0].mac, 2);
	assert_int_equal(receive(&guests[2]), -1);
	pass_ms(NET_SWITCH_PATIENCE_MS - 1);
	assert_int_equal(receive(&guests[2]), -1);
	assert_false(net_switch_is_stuck(guests[1].plug));
	pass_ms(1);
	assert_true(net_switch_is_stuck(guests[1].plug));
	assert_int_equal(receive(&guests[2]), 2);
	assert_int_equal(sent(&guests[0]), 2);
	assert_int_equal(guests[1].port->counters.rx_dropped, 1);
	/* It stays so until it takes frames. */
	send(&guests[0], guests[1].mac, guests[0].mac, 3);
	assert_int_equal(sent(&guests[0]), 1);
	give_buffer(&guests[1]);
	send(&guests[0], guests[1].mac, guests[0].mac, 4);
	assert_int_equal(receive(&guests[1]), 4);
	assert_false(net_switch_is_stuck(guests[1].plug));
}

/* A receiver that only says that it has buffers, or resets itself, gains nothing by it. */
static void promises_do_not_hold_a_sender(void **state)
{
	(void)state;
	give_buffer(&guests[2]);
	send(&guests[0], guests[1].mac, guests[0].mac, 1);
	send(&guests[0], guests[2].mac, guests[0].mac, 2);
	for (unsigned ms = 0; ms < NET_SWITCH_PATIENCE_MS; ms += 50) {
		test_write(guests[1].vm, BASE + VIRTIO_MMIO_QUEUE_NOTIFY, RX);
		assert_null(guests[0].vm->cpu[0].work);
		pass_ms(50);
	}
	assert_int_equal(receive(&guests[2]), 2);
	assert_int_equal(sent(&guests[0]), 2);
	assert_true(driver_start(guests[1].vm, BASE, VIRTIO_F_VERSION_1, guests[1].q, 2, 64));
	send(&guests[0], guests[1].mac, guests[0].mac, 3);
	assert_int_equal(sent(&guests[0]), 1);
}

/* Nor does one that takes a frame now and then: what others are to get comes soon enough. */
static void a_slow_receiver_does_not_hold_a_sender(void **state)
{
	unsigned ms = 0, taken = 0;

	(void)state;
	give_buffer(&guests[2]);
	for (unsigned i = 0; i < 40; i++) {
		send(&guests[0], guests[1].mac, guests[0].mac, (uint8_t)i);
	}
	send(&guests[0], guests[2].mac, guests[0].mac, 99);
	while (receive(&guests[2]) < 0) {
		pass_ms(99);
		give_buffer(&guests[1]);
		run_posted();
		taken += receive(&guests[1]) >= 0;
		ms += 99;
		assert_true(ms <= NET_SWITCH_PATIENCE_MS + 40 * (NET_SWITCH_PATIENCE_MS / NET_SWITCH_FRAMES + 1) + 99);
	}
	assert_true(taken >= 5);
	assert_int_equal(sent(&guests[0]), 41);
	assert_int_equal(guests[0].port->counters.tx_dropped, 40 - taken);
}

/* A sender that went on by itself waits for the next receiver, not for the one before. */
static void a_sender_waits_for_the_right_one(void **state)
{
	struct guest *g = &guests[1];
	struct driver_buffer buffer = { g->rx, 2048, true };

	(void)state;
	send(&guests[0], guests[1].mac, guests[0].mac, 1);
	send(&guests[0], guests[2].mac, guests[0].mac, 2);
	assert_ptr_equal(guests[0].plug->waits_for, guests[1].plug);
	/* Not notified of yet. */
	assert_true(driver_add(&g->q[RX], &buffer, 1) >= 0);
	notify_tx(&guests[0]);
	assert_int_equal(sent(&guests[0]), 1);
	assert_ptr_equal(guests[0].plug->waits_for, guests[2].plug);
	pass_ms(100);
	give_buffer(&guests[2]);
	run_posted();
	assert_int_equal(receive(&guests[2]), 2);
	assert_false(net_switch_is_stuck(guests[1].plug));
}

/* Nor does it wait for one that is gone before it is among the waiters. */
static void a_sender_does_not_wait_for_nobody(void **state)
{
	(void)state;
	send(&guests[0], guests[2].mac, guests[0].mac, 1);
	assert_int_equal(sent(&guests[0]), 0);
	give_buffer(&guests[2]);
	run_posted();
	receiver_fails = true;
	send(&guests[0], guests[1].mac, guests[0].mac, 2);
	assert_int_equal(sent(&guests[0]), 2);
	assert_null(guests[0].plug->waits_for);
	assert_true(list_empty(&guests[1].plug->waiters));
}

/* With event indexes, whoever sees new buffers first is who must tell the others. */
static void who_waits_for_less_is_served(void **state)
{
	struct guest *g = &guests[1];
	struct virtq_used_elem elem;

	(void)state;
	assert_true(driver_start(g->vm, BASE, VIRTIO_F_VERSION_1 | VIRTIO_F_EVENT_IDX | VIRTIO_NET_F_MRG_RXBUF, g->q, 2,
				 64));
	queue(&guests[2], g->mac, guests[2].mac, 2);
	guests[2].q[TX].desc[guests[2].q[TX].avail->ring[0]].len = HEADER + 50;
	driver_kick(&guests[2].q[TX], BASE, TX);
	send(&guests[0], g->mac, guests[0].mac, 1);
	/* Room for the smaller frame only. */
	assert_true(driver_add(&g->q[RX], &(struct driver_buffer){ g->rx, 80, true }, 1) >= 0);
	notify_tx(&guests[0]);
	driver_kick(&g->q[RX], BASE, RX);
	run_posted();
	assert_true(driver_take(&g->q[RX], &elem));
	assert_int_equal(elem.len, HEADER + 50);
	assert_int_equal(sent(&guests[2]), 1);
	assert_int_equal(sent(&guests[0]), 0);
}

/* However long frames take, a turn does not; nothing is lost between turns. */
static void turns_are_short(void **state)
{
	static const uint64_t ticks[] = { 130000, 200000, 330000, 1000000 };

	(void)state;
	for (unsigned round = 0; round < ARRAY_SIZE(ticks); round++) {
		for (unsigned i = 0; i < 20; i++) {
			give_buffer(&guests[1]);
			give_buffer(&guests[2]);
			queue(&guests[0], i % 2 == 0 ? everybody : guests[1].mac, guests[0].mac, (uint8_t)i);
		}
		ticks_per_look = ticks[round];
		assert_in_range(notify_tx(&guests[0]), 40 * ticks[round] / 1000000, 80 * ticks[round] / 1000000);
		ticks_per_look = 0;
		for (unsigned i = 0; i < 20; i++) {
			assert_int_equal(receive(&guests[1]), (int)i);
			if (i % 2 == 0) {
				assert_int_equal(receive(&guests[2]), (int)i);
			}
		}
		assert_int_equal(receive(&guests[2]), -1);
		assert_int_equal(sent(&guests[0]), 20);
		assert_int_equal(sw->counters.flooded, 10 * (round + 1));
		assert_int_equal(guests[0].port->counters.tx_frames, 20 * (round + 1));
		while (guests[2].q[RX].free_count < 64 - 10) {
			send(&guests[0], guests[2].mac, guests[0].mac, 0);
			assert_int_equal(receive(&guests[2]), 0);
		}
		sent(&guests[0]);
		guests[0].port->counters.tx_frames = 20 * (round + 1);
	}
}

/* What it waited with goes on in slices, each as short. */
static void so_are_those_of_a_sender_that_waited(void **state)
{
	unsigned slices = 0;

	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		send(&guests[0], guests[1].mac, guests[0].mac, (uint8_t)i);
	}
	for (unsigned i = 0; i < 20; i++) {
		give_buffer(&guests[1]);
	}
	ticks_per_look = 200000;
	cpu_run_work(&guests[0].vm->cpu[0]);
	while (run_slice()) {
		slices++;
		/* Once more is not twice. */
		net_port_resume(guests[0].port);
		cpu_run_work(&guests[0].vm->cpu[0]);
		assert_true(list_empty(&begun_jobs) || begun_jobs.next == begun_jobs.prev);
		if (sent(&guests[0]) == 0) {
			break;
		}
	}
	assert_in_range(slices, 6, 12);
	run_posted();
	for (unsigned i = 0; i < 20; i++) {
		assert_int_equal(receive(&guests[1]), (int)i);
	}
}

/* Neither who waits for it nor what it waits for keeps a port that is reset, and what was learned behind it goes. */
static void a_port_that_is_down_holds_nobody(void **state)
{
	(void)state;
	give_buffer(&guests[2]);
	send(&guests[1], everybody, strange, 1);
	assert_int_equal(receive(&guests[2]), 1);
	assert_int_equal(sw->counters.learned, 1);
	send(&guests[0], guests[1].mac, guests[0].mac, 2);
	send(&guests[0], guests[2].mac, guests[0].mac, 3);
	send(&guests[1], guests[2].mac, guests[1].mac, 4);
	assert_ptr_equal(guests[0].plug->waits_for, guests[1].plug);
	assert_ptr_equal(guests[1].plug->waits_for, guests[2].plug);
	test_write(guests[1].vm, BASE + VIRTIO_MMIO_STATUS, 0);
	assert_null(guests[1].plug->waits_for);
	assert_true(list_empty(&guests[2].plug->waiters));
	give_buffer(&guests[2]);
	run_posted();
	assert_int_equal(receive(&guests[2]), 3);
	assert_int_equal(sent(&guests[0]), 2);
	assert_int_equal(guests[0].port->counters.tx_frames, 1);
	assert_int_equal(guests[0].port->counters.tx_dropped, 1);
	/* No longer behind it: flooded. */
	give_buffer(&guests[0]);
	send(&guests[2], strange, guests[2].mac, 5);
	assert_int_equal(receive(&guests[0]), 5);
}

/* A TCP segment to be cut, to everybody: each gets all its pieces, however many another had room for. */
static void big_frames_to_many_are_cut_for_each(void **state)
{
	struct guest *g = &guests[0];
	struct virtio_net_hdr hdr = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
				      .gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
				      .gso_size = 1000,
				      .csum_start = 34,
				      .csum_offset = 16 };
	uint64_t features = VIRTIO_F_VERSION_1 | VIRTIO_NET_F_CSUM | VIRTIO_NET_F_HOST_TSO4;
	uint8_t *frame = (uint8_t *)test_vm_ptr(g->vm, g->tx) + HEADER;
	struct driver_buffer buffer = { g->tx, HEADER + 54 + 2500, false };
	struct virtq_used_elem elem;

	(void)state;
	assert_true(driver_start(g->vm, BASE, features, g->q, 2, 64));
	memset(frame, 0, 54 + 2500);
	memcpy(frame, everybody, 6);
	memcpy(frame + 6, g->mac, 6);
	frame[12] = 0x08;
	frame[14] = 0x45;
	frame[23] = 6;
	frame[46] = 0x50;
	memcpy(frame - HEADER, &hdr, HEADER);
	for (unsigned i = 0; i < 2; i++) {
		give_buffer(&guests[1]);
		give_buffer(&guests[2]);
	}
	give_buffer(&guests[2]);
	assert_true(driver_add(&g->q[TX], &buffer, 1) >= 0);
	driver_kick(&g->q[TX], BASE, TX);
	assert_int_equal(sent(g), 1);
	for (unsigned i = 0; i < 5; i++) {
		assert_true(driver_take(&guests[i < 2 ? 1 : 2].q[RX], &elem));
		assert_int_equal(elem.len, HEADER + 54 + (i == 4 ? 500 : 1000));
	}
	assert_int_equal(guests[1].port->counters.rx_dropped, 1);
	assert_int_equal(guests[2].port->counters.rx_dropped, 0);
}

static void two_ports_cannot_have_one_address(void **state)
{
	const struct net_switch_port *other = NULL;

	(void)state;
	assert_int_equal(net_switch_plug(sw, guests[1].port, "copy", &other), ERR_EXISTS);
	assert_ptr_equal(other, guests[1].plug);
}

/* A switch has room for all ports that it was made for, whatever their addresses. */
static void there_is_room_for_every_port(void **state)
{
	static struct net_port ports[400];

	(void)state;
	for (unsigned round = 0; round < 50; round++) {
		unsigned count = round == 0 ? ARRAY_SIZE(ports) : 1 + random_below(ARRAY_SIZE(ports));
		struct net_switch *big = net_switch_create("big", count);
		const struct net_switch_port *other;

		for (unsigned i = 0; i < count; i++) {
			/* The first time those that a manifest without addresses has. */
			uint8_t mac[6] = { 0x52, 0x54, 0, 0x76, (uint8_t)i, (uint8_t)(i >> 8) };

			if (round != 0) {
				random_fill(mac + 3, 1);
			}
			memcpy(ports[i].mac, mac, sizeof(mac));
			assert_int_equal(net_switch_plug(big, &ports[i], "port", &other), OK);
		}
		while (big->port_count != 0) {
			struct net_port *last = big->ports[big->port_count - 1]->port;

			last->ops->gone(last);
		}
		pool_free_object(big->ports, count * sizeof(*big->ports));
		pool_free_object(big->addresses, big->address_count * sizeof(*big->addresses));
		pool_free_object(big, sizeof(*big));
	}
}

/* Whatever is sent and taken in whatever order, each frame arrives once, in order, and is used once. */
static void random_traffic_is_neither_lost_nor_reordered(void **state)
{
	uint8_t next[VMS][VMS] = { 0 }, expected[VMS][VMS] = { 0 };
	unsigned outstanding[VMS] = { 0 };

	(void)state;
	for (unsigned round = 0; round < 30000; round++) {
		unsigned from = random_below(VMS), to = random_below(VMS);
		int tag;

		switch (random_below(4)) {
		case 0:
			if (from != to && guests[from].q[TX].free_count != 0) {
				/* From whom it is stands in the upper bits. */
				send(&guests[from], guests[to].mac, guests[from].mac,
				     (uint8_t)(from << 6 | (next[from][to]++ & 63)));
				outstanding[from]++;
			}
			break;
		case 1:
			if (guests[to].q[RX].free_count != 0) {
				give_buffer(&guests[to]);
			}
			break;
		case 2:
			run_posted();
			break;
		default:
			while ((tag = receive(&guests[to])) >= 0) {
				unsigned sender = (unsigned)tag >> 6;

				assert_int_equal(tag & 63, expected[sender][to]++ & 63);
			}
			outstanding[from] -= sent(&guests[from]);
			break;
		}
	}
	for (unsigned i = 0; i < VMS * 400; i++) {
		struct guest *g = &guests[i % VMS];

		if (g->q[RX].free_count != 0) {
			give_buffer(g);
		}
		run_posted();
		for (int tag; (tag = receive(g)) >= 0;) {
			expected[(unsigned)tag >> 6][i % VMS]++;
		}
	}
	for (unsigned i = 0; i < VMS; i++) {
		assert_int_equal(sent(&guests[i]), outstanding[i]);
		assert_memory_equal(next[i], expected[i], VMS);
		assert_int_equal(guests[i].port->counters.tx_dropped + guests[i].port->counters.rx_dropped, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_frame_goes_to_whom_it_is_for, set_up, tear_down),
		cmocka_unit_test_setup_teardown(broadcasts_go_to_all_others_and_wait_for_nobody, set_up, tear_down),
		cmocka_unit_test_setup_teardown(other_addresses_are_learned_and_forgotten, set_up, tear_down),
		cmocka_unit_test_setup_teardown(nobody_uses_the_address_of_another, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_sender_waits_for_its_receiver, set_up, tear_down),
		cmocka_unit_test_setup_teardown(but_not_for_ever, set_up, tear_down),
		cmocka_unit_test_setup_teardown(promises_do_not_hold_a_sender, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_slow_receiver_does_not_hold_a_sender, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_sender_waits_for_the_right_one, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_sender_does_not_wait_for_nobody, set_up, tear_down),
		cmocka_unit_test_setup_teardown(who_waits_for_less_is_served, set_up, tear_down),
		cmocka_unit_test_setup_teardown(turns_are_short, set_up, tear_down),
		cmocka_unit_test_setup_teardown(so_are_those_of_a_sender_that_waited, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_port_that_is_down_holds_nobody, set_up, tear_down),
		cmocka_unit_test_setup_teardown(big_frames_to_many_are_cut_for_each, set_up, tear_down),
		cmocka_unit_test_setup_teardown(two_ports_cannot_have_one_address, set_up, tear_down),
		cmocka_unit_test(there_is_room_for_every_port),
		cmocka_unit_test_setup_teardown(random_traffic_is_neither_lost_nor_reordered, set_up, tear_down),
	};

	random_seed((uint64_t)time(NULL));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
