/* SPDX-License-Identifier: MIT */
/* virtio-net with the loopback network: frames in any cut come back whole, bad ones are counted, nothing locks up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <time.h>

#include "job_host.h"
#include "role/hyp/dev/net_loopback.h"
#include "role/hyp/dev/virtio_net.h"
#include "virtio_guest.h"

#define BASE UINT64_C(0x0a000000)
#define INTID 48
#define HEADER ((uint32_t)sizeof(struct virtio_net_hdr))
#define RX 0
#define TX 1

static const uint8_t mac[NET_MAC_SIZE] = { 0x52, 0x54, 0, 1, 2, 3 };

struct fixture {
	struct test_vm *vm;
	struct virtio_device *dev;
	struct net_port *port;
	struct driver_queue q[2];
	uint64_t tx; /* where a frame is sent from */
	uint64_t rx; /* receive buffers, 2 KiB each, by their descriptor */
	uint32_t rx_size;
};

static struct fixture *start(uint64_t features, const struct net_port_ops *ops)
{
	struct fixture *f = calloc(1, sizeof(*f));

	write_cntfrq_el0(1000000000);
	f->vm = test_vm_new(MIB(1));
	assert_int_equal(virtio_net_create(&f->vm->vm, ipa(BASE), INTID, mac, ops, NULL, &f->dev), OK);
	f->port = virtio_net_port(f->dev);
	assert_true(driver_start(f->vm, BASE, VIRTIO_F_VERSION_1 | features, f->q, 2, 64));
	f->tx = test_vm_alloc(f->vm, 4096, 16);
	f->rx = test_vm_alloc(f->vm, 64 * 2048, 16);
	f->rx_size = HEADER + NET_FRAME_MAX;
	return f;
}

static void stop(struct fixture *f)
{
	virtio_destroy(f->dev);
	test_vm_free(f->vm);
	free(f);
	assert_int_equal(pool_objects, 0);
}

/* Gives the device one receive buffer of f->rx_size bytes, in one or two pieces. */
static void give_buffer(struct fixture *f)
{
	uint16_t head = f->q[RX].free[f->q[RX].free_count - 1];
	uint64_t at = f->rx + head * UINT64_C(2048);
	uint32_t first = 1 + random_below(f->rx_size);
	struct driver_buffer buffers[] = { { at, first, true }, { at + first, f->rx_size - first, true } };

	memset(test_vm_ptr(f->vm, at), 0xcc, 2048);
	assert_true(driver_add(&f->q[RX], buffers, first == f->rx_size ? 1 : 2) >= 0);
}

/* Sends header and frame, cut at random into up to eight buffers. */
static void send(struct fixture *f, const struct virtio_net_hdr *hdr, const uint8_t *frame, uint32_t size)
{
	struct driver_buffer buffers[8];
	struct virtq_used_elem elem;
	uint64_t at = f->tx;
	uint32_t left = HEADER + size;
	unsigned count = 0;

	memcpy(test_vm_ptr(f->vm, at), hdr, HEADER);
	memcpy(test_vm_ptr(f->vm, at + HEADER), frame, size);
	while (left != 0) {
		uint32_t piece = count == 7 ? left : 1 + random_below(left);

		buffers[count++] = (struct driver_buffer){ at, piece, false };
		at += piece;
		left -= piece;
	}
	assert_true(driver_add(&f->q[TX], buffers, count) >= 0);
	driver_kick(&f->q[TX], BASE, TX);
	assert_true(driver_take(&f->q[TX], &elem));
	assert_int_equal(elem.len, 0);
}

static const struct virtio_net_hdr plain;

/* With a VLAN tag a frame may be as long as any. */
static void tag(uint8_t *frame)
{
	frame[12] = 0x81;
	frame[13] = 0;
}

/* Delivers a frame that comes from no guest. */
static enum net_result deliver(struct fixture *f, const uint8_t *bytes, uint32_t size)
{
	struct net_frame frame = { .header_size = NET_FRAME_MIN, .size = size, .data = bytes + NET_FRAME_MIN };

	memcpy(frame.header, bytes, NET_FRAME_MIN);
	return net_port_deliver(f->port, &frame);
}

/* Takes what was received: the frame without its header into 'frame', its size as result; 0 if there is nothing. */
static uint32_t take_frame(struct fixture *f, uint8_t *frame, unsigned *buffers)
{
	uint8_t bytes[2 * 2048];
	struct virtio_net_hdr hdr = { .num_buffers = 1 };
	uint32_t size = 0;

	for (*buffers = 0; *buffers < hdr.num_buffers; (*buffers)++) {
		struct virtq_used_elem elem;

		if (!driver_take(&f->q[RX], &elem)) {
			assert_int_equal(*buffers, 0);
			return 0;
		}
		assert_true(elem.len != 0 && elem.len <= f->rx_size && size + elem.len <= sizeof(bytes));
		memcpy(bytes + size, test_vm_ptr(f->vm, f->rx + elem.id * 2048), elem.len);
		size += elem.len;
		if (size >= HEADER) {
			memcpy(&hdr, bytes, HEADER);
		} else {
			hdr.num_buffers++; /* the number is still to come */
		}
	}
	assert_int_equal(hdr.flags, 0);
	assert_int_equal(hdr.gso_type, VIRTIO_NET_HDR_GSO_NONE);
	assert_true(size > HEADER);
	memcpy(frame, bytes + HEADER, size - HEADER);
	return size - HEADER;
}

static void what_the_device_says_of_itself(void **state)
{
	struct fixture *f = start(0, &net_loopback);
	uint64_t features = driver_offered(f->vm, BASE);
	uint8_t config[12];

	(void)state;
	for (unsigned i = 0; i < sizeof(config); i++) {
		uint64_t byte;

		assert_true(test_access(f->vm, false, BASE + VIRTIO_MMIO_CONFIG + i, 1, &byte));
		config[i] = (uint8_t)byte;
	}
	assert_memory_equal(config, mac, sizeof(mac));
	assert_int_equal(config[6], VIRTIO_NET_S_LINK_UP);
	assert_int_equal(config[10] | config[11] << 8, 1500);
	assert_int_not_equal(features & VIRTIO_NET_F_MAC, 0);
	stop(f);
}

static void frames_come_back(void **state)
{
	static const struct {
		uint64_t features;
		uint32_t rx_size;
	} cases[] = {
		{ 0, HEADER + NET_FRAME_MAX },
		{ VIRTIO_NET_F_MRG_RXBUF | VIRTIO_F_EVENT_IDX, 1600 },
		{ VIRTIO_NET_F_MRG_RXBUF | VIRTIO_F_INDIRECT_DESC, 128 },
		{ VIRTIO_NET_F_MRG_RXBUF, HEADER },
	};
	uint8_t frame[NET_FRAME_MAX], back[2 * NET_FRAME_MAX];

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fixture *f = start(cases[i].features, &net_loopback);
		unsigned sent = 0, arrived = 0;

		f->rx_size = cases[i].rx_size;
		for (unsigned round = 0; round < 2000; round++) {
			uint32_t size = NET_FRAME_MIN + random_below(NET_FRAME_MAX - NET_FRAME_MIN + 1);
			uint32_t needed = (HEADER + size + f->rx_size - 1) / f->rx_size;
			unsigned given, taken;
			uint32_t got;

			size = f->rx_size == HEADER ? NET_FRAME_MIN + size % 100 : size;
			needed = f->rx_size == HEADER ? (HEADER + size + HEADER - 1) / HEADER : needed;
			while (f->q[RX].free_count >= 2 && random_below(4) != 0) {
				give_buffer(f);
			}
			given = (uint16_t)(f->q[RX].added - f->q[RX].seen);
			random_fill(frame, size);
			tag(frame);
			send(f, &plain, frame, size);
			sent++;
			got = take_frame(f, back, &taken);
			if (given < needed) {
				assert_int_equal(got, 0);
				continue;
			}
			assert_int_equal(got, size);
			assert_int_equal(taken, needed);
			assert_memory_equal(frame, back, size);
			arrived++;
		}
		assert_int_equal(f->port->counters.tx_frames, arrived);
		assert_int_equal(f->port->counters.rx_frames, arrived);
		assert_int_equal(f->port->counters.tx_dropped, sent - arrived);
		assert_int_equal(f->port->counters.rx_dropped, sent - arrived);
		assert_true(arrived > 500);
		assert_false(device_broken(f->vm, BASE));
		stop(f);
	}
}

static void what_is_not_a_frame_is_dropped(void **state)
{
	struct fixture *f = start(0, &net_loopback);
	uint8_t frame[2 * NET_FRAME_MAX] = { 0 };
	struct virtio_net_hdr hdr = plain;
	struct driver_buffer small = { f->tx, HEADER - 1, false };
	struct driver_buffer wrong = { f->tx, 100, true };
	unsigned buffers;

	(void)state;
	give_buffer(f);
	send(f, &plain, frame, NET_FRAME_MIN - 1);
	send(f, &plain, frame, NET_FRAME_MAX + 1);
	hdr.gso_type = 1;
	send(f, &hdr, frame, 100);
	hdr = plain;
	hdr.flags = 1;
	send(f, &hdr, frame, 100);
	/* Without a VLAN tag it may hold no more than the MTU. */
	send(f, &plain, frame, NET_FRAME_MIN + NET_MTU + 1);
	driver_add(&f->q[TX], &small, 1);
	driver_add(&f->q[TX], &wrong, 1);
	driver_kick(&f->q[TX], BASE, TX);
	assert_int_equal(f->port->counters.tx_dropped, 7);
	assert_int_equal(f->port->counters.tx_frames, 0);
	assert_int_equal(take_frame(f, frame, &buffers), 0);
	assert_int_equal(f->q[TX].used->idx, 7);
	/* Flags that only a device sets mean nothing here (5.1.6.2.2). */
	hdr = plain;
	hdr.flags = 0xfe;
	send(f, &hdr, frame, 100);
	assert_int_equal(take_frame(f, frame, &buffers), 100);
	assert_false(device_broken(f->vm, BASE));
	stop(f);
}

static void small_buffers_do_not_hold_a_frame_without_merging(void **state)
{
	struct fixture *f = start(0, &net_loopback);
	uint8_t frame[200] = { 0 };
	unsigned buffers;

	(void)state;
	f->rx_size = 128;
	give_buffer(f);
	give_buffer(f);
	send(f, &plain, frame, 117);
	assert_int_equal(take_frame(f, frame, &buffers), 0);
	assert_int_equal(f->port->counters.rx_dropped, 1);
	send(f, &plain, frame, 116);
	assert_int_equal(take_frame(f, frame, &buffers), 116);
	stop(f);
}

static void a_receive_buffer_that_cannot_be_written_breaks_the_device(void **state)
{
	struct fixture *f = start(VIRTIO_NET_F_MRG_RXBUF, &net_loopback);
	struct driver_buffer buffer = { f->rx, 2000, false };
	uint8_t frame[100] = { 0 };

	(void)state;
	driver_add(&f->q[RX], &buffer, 1);
	send(f, &plain, frame, sizeof(frame));
	assert_true(device_broken(f->vm, BASE));
	assert_int_equal(f->q[RX].used->idx, 0);
	assert_int_equal(deliver(f, frame, sizeof(frame)), NET_DROPPED);
	stop(f);
}

static enum net_result refuse(struct net_port *port, const struct net_frame *frame)
{
	(void)port;
	(void)frame;
	return NET_DROPPED;
}

static void a_frame_for_nobody_is_dropped(void **state)
{
	static const struct net_port_ops nobody = { .send = refuse };
	struct fixture *f = start(0, &nobody);
	uint8_t frame[100] = { 0 };

	(void)state;
	send(f, &plain, frame, sizeof(frame));
	assert_int_equal(f->port->counters.tx_dropped, 1);
	test_write(f->vm, BASE + VIRTIO_MMIO_STATUS, 0);
	assert_int_equal(deliver(f, frame, sizeof(frame)), NET_DROPPED);
	assert_int_equal(f->port->counters.rx_dropped, 0);
	stop(f);
}

/* The receive queue needs a notification only after a frame has found it empty. */
static void receive_buffers_need_a_notification_when_one_is_missed(void **state)
{
	for (unsigned i = 0; i < 2; i++) {
		struct fixture *f = start(i == 0 ? 0 : VIRTIO_F_EVENT_IDX, &net_loopback);
		uint8_t frame[100] = { 0 };
		unsigned buffers;

		(void)state;
		give_buffer(f);
		if (i == 0) {
			assert_false(driver_must_kick(&f->q[RX]));
		}
		driver_kick(&f->q[RX], BASE, RX);
		assert_int_equal(deliver(f, frame, sizeof(frame)), NET_TAKEN);
		assert_int_equal(deliver(f, frame, sizeof(frame)), NET_FULL);
		give_buffer(f);
		assert_true(driver_must_kick(&f->q[RX]));
		test_write(f->vm, BASE + VIRTIO_MMIO_QUEUE_NOTIFY, RX);
		assert_int_equal(deliver(f, frame, sizeof(frame)), NET_TAKEN);
		assert_int_equal(take_frame(f, frame, &buffers), sizeof(frame));
		give_buffer(f);
		if (i == 0) {
			assert_false(driver_must_kick(&f->q[RX]));
		}
		stop(f);
	}
}

/* Sums 16-bit words with end-around carry, as receivers check. */
static uint16_t sum_of(const uint8_t *p, uint32_t size)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < size; i++) {
		sum += (uint32_t)p[i] << (i % 2 == 0 ? 8 : 0);
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return (uint16_t)sum;
}

/* A checksum left to us is made for a driver that wants it whole, and left to one that can do it. */
static void partial_checksums(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 400; round++) {
		bool whole = round % 2 == 0;
		struct fixture *f = start(VIRTIO_NET_F_CSUM | (whole ? 0 : VIRTIO_NET_F_GUEST_CSUM), &net_loopback);
		uint32_t size = 60 + random_below(NET_FRAME_MAX - 60 + 1);
		struct virtio_net_hdr hdr = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
					      .csum_start = 34,
					      .csum_offset = 16 };
		uint8_t frame[NET_FRAME_MAX], back[2048];
		struct virtq_used_elem elem;

		random_fill(frame, size);
		tag(frame);
		give_buffer(f);
		send(f, &hdr, frame, size);
		assert_true(driver_take(&f->q[RX], &elem));
		memcpy(back, test_vm_ptr(f->vm, f->rx + elem.id * 2048), elem.len);
		assert_int_equal(elem.len, HEADER + size);
		if (whole) {
			uint16_t pseudo = (uint16_t)(frame[50] << 8 | frame[51]); /* the sum that was in the field */
			uint32_t sum = (uint32_t)sum_of(back + HEADER + 34, size - 34) + pseudo;

			assert_int_equal(back[0], 0);
			sum = (sum & 0xffff) + (sum >> 16);
			assert_true(sum == 0xffff);
			memcpy(back + HEADER + 50, frame + 50, 2);
		} else {
			assert_int_equal(back[0], VIRTIO_NET_HDR_F_NEEDS_CSUM);
			assert_int_equal(back[6] | back[7] << 8, 34);
			assert_int_equal(back[8] | back[9] << 8, 16);
		}
		assert_memory_equal(back + HEADER, frame, size);
		hdr.csum_start = (uint16_t)(size - 17);
		give_buffer(f);
		send(f, &hdr, frame, size);
		assert_int_equal(f->port->counters.tx_dropped, 1);
		stop(f);
	}
}

/* A TCP segment of 'data' bytes, to be cut into pieces of 'piece': headers of 54 bytes. */
static struct virtio_net_hdr make_big(uint8_t *frame, uint32_t data, uint16_t piece)
{
	random_fill(frame, 54 + data);
	frame[12] = 0x08;
	frame[13] = 0;
	frame[14] = 0x45;
	frame[20] = 0x40;
	frame[21] = 0;
	frame[23] = 6;
	frame[46] = 0x50;
	return (struct virtio_net_hdr){ .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
					.gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
					.hdr_len = 0xffff, /* not believed */
					.gso_size = piece,
					.csum_start = 34,
					.csum_offset = 16 };
}

#define OFFLOADS (VIRTIO_NET_F_CSUM | VIRTIO_NET_F_HOST_TSO4)

/* A driver that takes it gets it in one, with a header of ours. */
static void big_frames_pass_uncut(void **state)
{
	static uint8_t frame[3600], bytes[4096];

	(void)state;
	for (unsigned round = 0; round < 500; round++) {
		uint32_t data = 1 + random_below(3500), size = 0;
		struct fixture *f = start(OFFLOADS | VIRTIO_NET_F_GUEST_CSUM | VIRTIO_NET_F_GUEST_TSO4 |
						  VIRTIO_NET_F_MRG_RXBUF,
					  &net_loopback);
		struct virtio_net_hdr hdr = make_big(frame, data, 1000), got;
		struct virtq_used_elem elem;

		f->rx_size = 700;
		for (unsigned i = 0; i < 6; i++) {
			give_buffer(f);
		}
		send(f, &hdr, frame, 54 + data);
		while (driver_take(&f->q[RX], &elem)) {
			memcpy(bytes + size, test_vm_ptr(f->vm, f->rx + elem.id * 2048), elem.len);
			size += elem.len;
		}
		assert_int_equal(size, HEADER + 54 + data);
		memcpy(&got, bytes, HEADER);
		assert_int_equal(got.hdr_len, 54);
		assert_int_equal(got.num_buffers, (size + 699) / 700);
		got.hdr_len = 0xffff;
		got.num_buffers = 0;
		assert_memory_equal(&got, &hdr, HEADER);
		assert_memory_equal(bytes + HEADER, frame, 54 + data);
		stop(f);
	}
}

/* The bytes of a segmented frame arrive in order; when buffers run out it goes on where it was. */
static void big_frames_are_cut_for_others(void **state)
{
	struct fixture *from = start(OFFLOADS, &net_loopback), *to = start(0, &net_loopback);
	static uint8_t frame[3600];
	struct virtio_net_hdr hdr = make_big(frame, 3500, 1000);
	struct net_frame big = { .header_size = 54,
				 .size = 3554,
				 .partial_checksum = true,
				 .checksum_start = 34,
				 .checksum_offset = 16,
				 .gso_type = hdr.gso_type,
				 .gso_size = 1000,
				 .data = frame + 54 };
	uint8_t got[4096];
	uint64_t progress = 0;
	unsigned buffers;

	(void)state;
	memcpy(big.header, frame, 54);
	big.progress = &progress;
	big.until = UINT64_MAX;
	give_buffer(to);
	give_buffer(to);
	assert_int_equal(net_port_deliver(to->port, &big), NET_FULL);
	assert_int_equal(progress, 2);
	for (unsigned i = 0; i < 4; i++) {
		uint32_t data = i == 3 ? 500 : 1000;

		if (i == 2) {
			give_buffer(to);
			give_buffer(to);
			assert_int_equal(net_port_deliver(to->port, &big), NET_TAKEN);
		}
		assert_int_equal(take_frame(to, got, &buffers), 54 + data);
		assert_memory_equal(got + 54, frame + 54 + 1000 * i, data);
	}
	assert_int_equal(take_frame(to, got, &buffers), 0);
	assert_int_equal(to->port->counters.rx_frames, 1);
	/* From a guest, whose chain may be cut anywhere. */
	for (unsigned i = 0; i < 4; i++) {
		give_buffer(from);
	}
	send(from, &hdr, frame, 3554);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(take_frame(from, got, &buffers), 54 + (i == 3 ? 500 : 1000));
		assert_memory_equal(got + 54, frame + 54 + 1000 * i, i == 3 ? 500 : 1000);
	}
	virtio_destroy(to->dev);
	test_vm_free(to->vm);
	free(to);
	stop(from);
}

static void tick(enum host_sysreg_index reg)
{
	if (reg == HOST_SYSREG_cntpct_el0) {
		host_sysreg[reg] += 100000;
	}
}

/* A frame of many segments does not make a turn long, and each of them arrives once. */
static void so_many_segments_take_several_turns(void **state)
{
	struct fixture *f = start(OFFLOADS, &net_loopback);
	static uint8_t frame[3600];
	struct virtio_net_hdr hdr = make_big(frame, 48 * 40, 48);
	struct driver_buffer buffer = { f->tx, HEADER + 54 + 48 * 40, false };
	uint64_t *pc = &f->vm->vcpu[0].regs.pc;
	struct virtq_used_elem elem;
	unsigned turns = 0, arrived = 0, buffers;
	uint8_t got[4096];

	(void)state;
	memcpy(test_vm_ptr(f->vm, f->tx), &hdr, HEADER);
	memcpy(test_vm_ptr(f->vm, f->tx + HEADER), frame, 54 + 48 * 40);
	driver_add(&f->q[TX], &buffer, 1);
	host_sysreg_reading = tick;
	do {
		unsigned before = arrived;

		while (f->q[RX].free_count >= 2) {
			give_buffer(f);
		}
		assert_false(driver_take(&f->q[TX], &elem));
		*pc = 4;
		test_write(f->vm, BASE + VIRTIO_MMIO_QUEUE_NOTIFY, TX);
		*pc += 4;
		turns++;
		for (uint32_t size; (size = take_frame(f, got, &buffers)) != 0; arrived++) {
			assert_int_equal(size, 54 + 48);
			assert_memory_equal(got + 54, frame + 54 + 48 * arrived, 48);
		}
		assert_in_range(arrived - before, 1, 11);
	} while (*pc == 4);
	host_sysreg_reading = NULL;
	assert_in_range(turns, 4, 8);
	assert_int_equal(arrived, 40);
	assert_true(driver_take(&f->q[TX], &elem));
	assert_int_equal(f->port->counters.tx_frames, 1);
	stop(f);
}

static void big_frames_that_are_wrong_are_dropped(void **state)
{
	struct fixture *f = start(OFFLOADS, &net_loopback);
	static uint8_t frame[3600];
	struct virtio_net_hdr hdr, good = make_big(frame, 3500, 1000);
	unsigned buffers, dropped = 0;
	uint8_t got[4096];

	(void)state;
#define DROPPED(change)                                                    \
	do {                                                               \
		hdr = good;                                                \
		change;                                                    \
		send(f, &hdr, frame, 3554);                                \
		assert_int_equal(f->port->counters.tx_dropped, ++dropped); \
	} while (0)
	DROPPED(hdr.flags = 0);
	DROPPED(hdr.gso_type = VIRTIO_NET_HDR_GSO_NONE);
	DROPPED(hdr.gso_type = VIRTIO_NET_HDR_GSO_TCPV6); /* not agreed */
	DROPPED(hdr.gso_type = 3);
	DROPPED(hdr.gso_type |= 0x80); /* ECN: not agreed */
	DROPPED(hdr.gso_size = 0);
	DROPPED(hdr.gso_size = 0xffff);
	DROPPED(hdr.csum_start = 0xffff);
	DROPPED(hdr.csum_start = 33);
	DROPPED(hdr.csum_offset = 0xffff);
	assert_int_equal(take_frame(f, got, &buffers), 0);
	for (unsigned i = 0; i < 4; i++) {
		give_buffer(f);
	}
	hdr = good;
	hdr.flags = 0xff;
	send(f, &hdr, frame, 3554);
	assert_int_equal(f->port->counters.tx_dropped, dropped);
	assert_int_equal(take_frame(f, got, &buffers), 1054);
	assert_false(device_broken(f->vm, BASE));
	stop(f);
}

/* One that is larger than all that a ring can hold must not wait for ever. */
static void what_never_fits_is_dropped(void **state)
{
	struct fixture *f = start(OFFLOADS | VIRTIO_NET_F_GUEST_CSUM | VIRTIO_NET_F_GUEST_TSO4 | VIRTIO_NET_F_MRG_RXBUF,
				  &net_loopback);
	static uint8_t frame[3600];
	struct net_frame big = { .header_size = 54,
				 .size = 3554,
				 .partial_checksum = true,
				 .checksum_start = 34,
				 .checksum_offset = 16,
				 .gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
				 .gso_size = 1000,
				 .data = frame + 54 };

	(void)state;
	f->rx_size = 12;
	while (f->q[RX].free_count >= 2) {
		struct driver_buffer buffer = { f->rx, 12, true };

		assert_int_equal(net_port_deliver(f->port, &big), NET_FULL);
		driver_add(&f->q[RX], &buffer, 1);
	}
	driver_add(&f->q[RX], &(struct driver_buffer){ f->rx, 12, true }, 1);
	assert_int_equal(net_port_deliver(f->port, &big), NET_DROPPED);
	assert_int_equal(f->port->counters.rx_dropped, 1);
	stop(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_device_says_of_itself),
		cmocka_unit_test(frames_come_back),
		cmocka_unit_test(what_is_not_a_frame_is_dropped),
		cmocka_unit_test(small_buffers_do_not_hold_a_frame_without_merging),
		cmocka_unit_test(a_receive_buffer_that_cannot_be_written_breaks_the_device),
		cmocka_unit_test(a_frame_for_nobody_is_dropped),
		cmocka_unit_test(receive_buffers_need_a_notification_when_one_is_missed),
		cmocka_unit_test(partial_checksums),
		cmocka_unit_test(big_frames_pass_uncut),
		cmocka_unit_test(big_frames_are_cut_for_others),
		cmocka_unit_test(so_many_segments_take_several_turns),
		cmocka_unit_test(big_frames_that_are_wrong_are_dropped),
		cmocka_unit_test(what_never_fits_is_dropped),
	};

	random_seed((uint64_t)time(NULL));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
