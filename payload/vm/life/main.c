/* SPDX-License-Identifier: MIT */
/*
 * A VM whose life is disturbed, or that disturbs others. Its command line says what it does; it prints lines that begin
 * with "life".
 *
 *   clock                prints every 100 ms of virtual time how many of them have passed
 *   off ms=              powers itself off after so long
 *   crash ms=            makes a call after so long, HVC #0x5e55, which the test turns into an SError
 *   stream peer= brief=  sends numbered frames to the port whose address ends with the first number, receives the
 *                        peer's, and says once a second how many came and how many were missing or wrong. Some frames
 *                        go to the second address, where nobody need be.
 *   brief left= right=   sends to everybody and to those two without end, and takes what comes, or in some lives,
 *                        nothing
 *
 * Before anything else it prints how many lives its RAM has seen: one more than it finds there.
 */
#include "payload/lib/boot.h"
#include "payload/lib/fdt.h"
#include "payload/lib/psci.h"
#include "payload/lib/report.h"
#include "payload/lib/string.h"
#include "payload/lib/timer.h"
#include "payload/lib/virtio.h"

#define HEADER 12 /* struct virtio_net_hdr */
#define MAC_SIZE 6
#define MAGIC 0x6c69666520303031ull
#define FRAME_MAX 1400
#define BUFFER_SIZE 2048
#define QUEUE_RX 0
#define QUEUE_TX 1

/* An Ethernet frame of ours. */
struct frame {
	uint8_t header[HEADER];
	uint8_t to[MAC_SIZE], from[MAC_SIZE];
	uint8_t type[2];
	uint8_t pad[2]; /* what follows is aligned */
	uint32_t size;  /* bytes of 'data' */
	uint64_t magic;
	uint64_t number;
	uint8_t data[FRAME_MAX];
} __attribute__((aligned(16)));

#define FRAME_HEAD (offsetof(struct frame, data))

static struct virtio net;
static struct virtq rx, tx;
static union {
	struct frame frame;
	uint8_t bytes[BUFFER_SIZE];
} received[VIRTQ_SIZE] __attribute__((aligned(64))), sent[VIRTQ_SIZE] __attribute__((aligned(64)));
static uint16_t free_sent[VIRTQ_SIZE], free_count;
static uint8_t own_mac[MAC_SIZE];

/* ---- the command line ---- */

/* The number behind 'key' ("ms="). */
static uint32_t number(const char *key)
{
	const char *p = fdt_bootargs();
	uint32_t value = 0;

	for (; *p != '\0' && !str_starts(p, key); p++) {
	}
	if (*p == '\0') {
		report_fatal("no %s in the command line", key);
	}
	for (p += strlen(key); *p >= '0' && *p <= '9'; p++) {
		value = value * 10 + (uint32_t)(*p - '0');
	}
	return value;
}

/* ---- the network ---- */

static void offer_rx(uint16_t i)
{
	rx.desc[i] = (struct virtq_desc){ (uint64_t)&received[i], sizeof(received[i]), VIRTQ_WRITE, 0 };
	virtq_offer(&rx, i);
}

static void net_start(void)
{
	if (!virtio_find(&net, VIRTIO_ID_NET, 0) || !virtio_start(&net, BIT(5)) || !virtio_queue(&net, &rx, QUEUE_RX) ||
	    !virtio_queue(&net, &tx, QUEUE_TX)) {
		report_fatal("no network");
	}
	for (unsigned i = 0; i < MAC_SIZE; i++) {
		own_mac[i] = (uint8_t)(virtio_get(&net, VIRTIO_CONFIG + (i & 4)) >> (8 * (i & 3)));
	}
	virtio_driver_ok(&net);
	for (uint16_t i = 0; i < tx.size; i++) {
		free_sent[free_count++] = i;
	}
}

/* What byte i of that frame's data is. */
static uint8_t pattern(uint64_t frame_number, uint32_t i)
{
	return (uint8_t)(frame_number * 31 + i * 7 + (i >> 8));
}

static void take_back_sent(void)
{
	while (*(volatile uint16_t *)&tx.used.idx != tx.seen) {
		dsb();
		free_sent[free_count++] = (uint16_t)tx.used.ring[tx.seen % tx.size].id;
		tx.seen++;
	}
}

/* False if all buffers are under way. To the address that ends with 'last'; 0: to everybody. */
static bool send(uint8_t last, uint64_t frame_number)
{
	uint32_t size = 46 + (uint32_t)(frame_number * 89 % (FRAME_MAX - 46));
	struct frame *f;
	uint16_t i;

	take_back_sent();
	if (free_count == 0) {
		return false;
	}
	i = free_sent[--free_count];
	f = &sent[i].frame;
	memset(f, 0, FRAME_HEAD);
	memcpy(f->from, own_mac, MAC_SIZE);
	memcpy(f->to, own_mac, MAC_SIZE);
	f->to[MAC_SIZE - 1] = last;
	if (last == 0) {
		memset(f->to, 0xff, MAC_SIZE);
	}
	f->type[0] = 0x88; /* for local experiments (IEEE 802, 9.2.4) */
	f->type[1] = 0xb5;
	f->size = size;
	f->magic = MAGIC;
	f->number = frame_number;
	for (uint32_t n = 0; n < size; n++) {
		f->data[n] = pattern(frame_number, n);
	}
	tx.desc[i] = (struct virtq_desc){ (uint64_t)f, (uint32_t)FRAME_HEAD + size, 0, 0 };
	virtq_offer(&tx, i);
	virtio_notify(&net, &tx);
	return true;
}

static bool is_whole(const struct frame *f, uint32_t len)
{
	if (len < FRAME_HEAD || f->magic != MAGIC || f->size > FRAME_MAX || len != FRAME_HEAD + f->size) {
		return false;
	}
	for (uint32_t i = 0; i < f->size; i++) {
		if (f->data[i] != pattern(f->number, i)) {
			return false;
		}
	}
	return true;
}

/* ---- what it does ---- */

struct tally {
	uint64_t sent, received, wrong, next;
};

/* Of others than the peer nothing is expected. */
static void take(struct tally *t, uint8_t peer)
{
	bool any = false;

	while (*(volatile uint16_t *)&rx.used.idx != rx.seen) {
		uint16_t i;

		dsb();
		i = (uint16_t)rx.used.ring[rx.seen % rx.size].id;
		if (received[i].frame.from[MAC_SIZE - 1] == peer) {
			const struct frame *f = &received[i].frame;
			bool first = t->received == 0; /* the peer may have been up before */
			bool good = is_whole(f, rx.used.ring[rx.seen % rx.size].len) && (first || f->number == t->next);

			t->received++;
			t->wrong += good ? 0 : 1;
			t->next = f->number + 1;
		}
		rx.seen++;
		offer_rx(i);
		any = true;
	}
	if (any) {
		virtio_notify(&net, &rx);
	}
}

static void offer_all(void)
{
	for (uint16_t i = 0; i < rx.size; i++) {
		offer_rx(i);
	}
	virtio_notify(&net, &rx);
}

static void stream(void)
{
	uint8_t peer = (uint8_t)number("peer="), brief = (uint8_t)number("brief=");
	uint64_t report = timer_now(), second = timer_ticks(1000000);
	struct tally t = { 0 };

	net_start();
	offer_all();
	for (;;) {
		t.sent += send(peer, t.sent) ? 1 : 0;
		if (t.sent % 16 == 0) {
			send(brief, t.sent);
		}
		take(&t, peer);
		if (timer_now() - report >= second) {
			report += second;
			print("life stream sent %lu received %lu wrong %lu\n", t.sent, t.received, t.wrong);
		}
	}
}

static void brief(uint64_t life)
{
	uint8_t left = (uint8_t)number("left="), right = (uint8_t)number("right=");
	bool takes = (timer_count(TIMER_PHYSICAL) >> 10) % 4 != 0;
	struct tally t = { 0 };

	net_start();
	offer_all();
	print("life brief %lu is up\n", life);
	for (uint64_t n = 0;; n++) {
		send(n % 3 == 0 ? left : n % 3 == 1 ? right : 0, n);
		if (takes) {
			take(&t, left);
		}
	}
}

static void clock(void)
{
	for (uint64_t n = 1;; n++) {
		while (timer_now() < timer_ticks(n * 100000)) {
		}
		print("life clock %lu\n", n);
	}
}

/* RAM outlives a reset, and nothing else. */
static uint64_t count_lives(void)
{
	volatile uint64_t *at = (volatile uint64_t *)(ram_base + ram_size - PAGE_SIZE);

	*at += 1;
	return *at;
}

void payload_main(void)
{
	const char *what = fdt_bootargs();
	uint64_t life = count_lives();

	print("life begins %lu\n", life);
	if (str_starts(what, "clock")) {
		clock();
	} else if (str_starts(what, "off")) {
		delay_us(number("ms=") * UINT64_C(1000));
		psci_system_off();
	} else if (str_starts(what, "crash")) {
		delay_us(number("ms=") * UINT64_C(1000));
		__asm__ volatile("hvc #0x5e55" ::: "x0", "memory");
		report_fatal("no SError came");
	} else if (str_starts(what, "stream")) {
		stream();
	} else if (str_starts(what, "brief")) {
		brief(life);
	}
	report_fatal("'%s' is nothing that it can do", what);
}
