/* SPDX-License-Identifier: MIT */
/*
 * Does blocks of disk and network requests for `make bench-io`, which counts what the hypervisor spends on each. A
 * block lies between two markers (scripts/qemu/count.c) and is told by `io NAME REQUESTS NOTIFICATIONS INTERRUPTS
 * TICKS`.
 *
 * Wants: a disk of at least 64 KiB and two ports on one switch, in bootargs nothing.
 */
#include "payload/lib/exception.h"
#include "payload/lib/gic.h"
#include "payload/lib/report.h"
#include "payload/lib/string.h"
#include "payload/lib/timer.h"
#include "payload/lib/virtio.h"

#define MARKER() __asm__ volatile("hint #0x7f" ::: "memory")
#define ROUNDS 64 /* of VIRTQ_SIZE requests or, one by one, of one */
#define HEADER 12
#define FRAME 64
#define BLK_T_IN 0
#define BLK_T_OUT 1

/* A device with one queue that requests go into, and what a block of them has cost. */
struct user {
	struct virtio dev;
	struct virtq q;
	uint16_t kicked; /* avail.idx when the need of a notification was last asked */
	uint32_t notifications;
};

static struct user disk, from, to;
static struct virtq unused;
static volatile uint32_t interrupts;

static void handler(void)
{
	struct user *users[] = { &disk, &from, &to };
	uint32_t intid = gic_ack();

	for (uint32_t i = 0; i < ARRAY_SIZE(users); i++) {
		if (intid == users[i]->dev.intid) {
			virtio_set(&users[i]->dev, VIRTIO_INTERRUPT_ACK,
				   virtio_get(&users[i]->dev, VIRTIO_INTERRUPT_STATUS));
			interrupts++;
			gic_eoi(intid);
			return;
		}
	}
	if (!watchdog_irq(intid)) {
		report_fatal("unexpected interrupt %u", intid);
	}
	gic_eoi(intid);
}

/* VIRTIO 1.2, 2.7.10: notifies if the device wants to know of what was added since the last time. */
static void kick(struct user *u)
{
	volatile uint16_t *flags = &u->q.used.flags;
	volatile uint16_t *avail_event = (volatile uint16_t *)&u->q.used.ring[u->q.size];
	uint16_t now = u->q.avail.idx, added = (uint16_t)(now - u->kicked);
	bool must = (u->dev.features & VIRTIO_F_EVENT_IDX) != 0 ? (uint16_t)(now - *avail_event - 1) < added
								: (*flags & 1) == 0;

	u->kicked = now;
	if (must) {
		u->notifications++;
		virtio_notify(&u->dev, &u->q);
	}
}

/* An interrupt when all 'count' of the next requests are used, or at each use without VIRTIO_F_EVENT_IDX. */
static void collect(struct user *u, uint16_t count)
{
	uint32_t head, len;

	for (uint16_t i = 0; i < count; i++) {
		if (!virtq_wait(&u->q, 1000, &head, &len)) {
			report_fatal("device at 0x%lx: request %u does not end", u->dev.base, i);
		}
	}
}

static void expect(struct user *u, uint16_t count)
{
	virtq_set_used_event(&u->q, (uint16_t)(u->q.seen + count - 1));
}

static void start(struct user *u, uint64_t features, uint16_t queue, uint16_t other)
{
	gic_disable(0, u->dev.intid);
	if (!virtio_start(&u->dev, features) || !virtio_queue(&u->dev, &u->q, queue) ||
	    (other != queue && !virtio_queue(&u->dev, &unused, other))) {
		report_fatal("device at 0x%lx does not start", u->dev.base);
	}
	virtio_driver_ok(&u->dev);
	u->kicked = 0;
	gic_set_edge(0, u->dev.intid, u->dev.edge);
	gic_route(u->dev.intid, 0);
	gic_enable(0, u->dev.intid);
}

/* ---- blocks ---- */

static void measure(const char *name, void (*round)(uint16_t batch), uint16_t batch)
{
	uint64_t begin;

	for (uint32_t i = 0; i < 4; i++) {
		round(batch);
	}
	disk.notifications = from.notifications = to.notifications = interrupts = 0;
	watchdog_feed();
	begin = timer_now();
	MARKER();
	for (uint32_t i = 0; i < ROUNDS; i++) {
		round(batch);
	}
	MARKER();
	print("io %s-batch%u %u %u %u %lu\n", name, batch, ROUNDS * batch,
	      disk.notifications + from.notifications + to.notifications, interrupts, timer_now() - begin);
}

static uint8_t block[KIB(64)] __attribute__((aligned(64)));
static struct {
	uint32_t type;
	uint32_t reserved;
	uint64_t sector;
} requests[VIRTQ_SIZE];
static uint8_t statuses[VIRTQ_SIZE];
static uint32_t block_type, block_size;

/* Three descriptors each, so at most five requests at once. */
static void disk_round(uint16_t batch)
{
	uint16_t data_flags = block_type == BLK_T_IN ? VIRTQ_NEXT | VIRTQ_WRITE : VIRTQ_NEXT;

	expect(&disk, batch);
	for (uint16_t i = 0; i < batch; i++) {
		struct virtq_desc *desc = &disk.q.desc[3 * i];

		requests[i].type = block_type;
		statuses[i] = 0xff;
		desc[0] = (struct virtq_desc){ (uint64_t)&requests[i], sizeof(requests[i]), VIRTQ_NEXT,
					       (uint16_t)(3 * i + 1) };
		desc[1] = (struct virtq_desc){ (uint64_t)block, block_size, data_flags, (uint16_t)(3 * i + 2) };
		desc[2] = (struct virtq_desc){ (uint64_t)&statuses[i], 1, VIRTQ_WRITE, 0 };
		virtq_offer(&disk.q, (uint16_t)(3 * i));
	}
	kick(&disk);
	collect(&disk, batch);
	for (uint16_t i = 0; i < batch; i++) {
		if (statuses[i] != 0) {
			report_fatal("the disk answers %u", statuses[i]);
		}
	}
}

static void measure_disk(uint64_t features, const char *const names[4])
{
	for (uint32_t i = 0; i < 4; i++) {
		start(&disk, features, 0, 0);
		block_type = i % 2 == 0 ? BLK_T_IN : BLK_T_OUT;
		block_size = i < 2 ? KIB(4) : KIB(64);
		measure(names[i], disk_round, 1);
		measure(names[i], disk_round, 5);
	}
}

static uint8_t sent[HEADER + FRAME], received[VIRTQ_SIZE][HEADER + FRAME];

/* From the one port to the other; the buffers are given back at once, as a driver does. */
static void net_round(uint16_t batch)
{
	expect(&from, batch);
	expect(&to, batch);
	for (uint16_t i = 0; i < batch; i++) {
		from.q.desc[i] = (struct virtq_desc){ (uint64_t)sent, sizeof(sent), 0, 0 };
		virtq_offer(&from.q, i);
	}
	kick(&from);
	collect(&to, batch);
	collect(&from, batch);
	for (uint16_t i = 0; i < batch; i++) {
		virtq_offer(&to.q, to.q.used.ring[(uint16_t)(to.q.seen - batch + i) % to.q.size].id & (VIRTQ_SIZE - 1));
	}
	kick(&to);
}

static void measure_net(uint64_t features, const char *name)
{
	start(&from, features, 1, 0);
	start(&to, features, 0, 1);
	for (uint32_t i = 0; i < 6; i++) {
		sent[HEADER + i] = mmio_read8(to.dev.base + VIRTIO_CONFIG + i);
		sent[HEADER + 6 + i] = mmio_read8(from.dev.base + VIRTIO_CONFIG + i);
	}
	for (uint16_t i = 0; i < to.q.size; i++) {
		to.q.desc[i] = (struct virtq_desc){ (uint64_t)received[i], sizeof(received[i]), VIRTQ_WRITE, 0 };
		virtq_offer(&to.q, i);
	}
	kick(&to);
	measure(name, net_round, 1);
	measure(name, net_round, VIRTQ_SIZE / 2);
}

void payload_main(void)
{
	static const char *const names[2][4] = {
		{ "blk-read-4k-flags", "blk-write-4k-flags", "blk-read-64k-flags", "blk-write-64k-flags" },
		{ "blk-read-4k", "blk-write-4k", "blk-read-64k", "blk-write-64k" },
	};

	watchdog_start(TIMER_VIRTUAL, 60);
	if (!virtio_find(&disk.dev, VIRTIO_ID_BLK, 0) || !virtio_find(&from.dev, VIRTIO_ID_NET, 0) ||
	    !virtio_find(&to.dev, VIRTIO_ID_NET, 1)) {
		report_fatal("wants a disk and two network devices");
	}
	irq_set_handler(handler);
	measure_disk(0, names[0]);
	measure_disk(VIRTIO_F_EVENT_IDX, names[1]);
	measure_net(0, "net-64-flags");
	measure_net(VIRTIO_F_EVENT_IDX, "net-64");
	report_end();
}
