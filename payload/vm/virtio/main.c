/* SPDX-License-Identifier: MIT */
/*
 * virtio on MMIO, version 2 (virtio 1.2): discovery, handshake, the block, entropy, console and network
 * devices, and what a broken or evil driver can do to one of them. A device that is not there is skipped.
 *
 * Wants: 1 CPU, and devices: blk of 8 KiB at least, rng, console, net (a loopback peer or one that answers ARP).
 */
#include "payload/vm/virtio/tests.h"

#include "payload/lib/exception.h"
#include "payload/lib/fdt.h"
#include "payload/lib/gic.h"
#include "payload/lib/string.h"

static struct virtio device;
static struct virtq queue;
static struct virtq queue2;

static void discovery(void)
{
	uint32_t slots = 0;
	uint32_t devices = 0;

	for (uint32_t node = FDT_ROOT; node != 0; node = fdt_next(node)) {
		struct virtio slot = { 0 };

		if (!fdt_is_compatible(node, "virtio,mmio")) {
			continue;
		}
		slot.base = fdt_u64(node, "reg", 0);
		slots++;
		CHECK_EQ(virtio_get(&slot, VIRTIO_MAGIC), VIRTIO_MAGIC_VALUE);
		CHECK_EQ(virtio_get(&slot, VIRTIO_VERSION), 2);
		CHECK(slot.base >= VIRTIO_BASE && slot.base < VIRTIO_BASE + VIRTIO_SLOTS * VIRTIO_STRIDE);
		CHECK_EQ(32 + fdt_u32(node, "interrupts", 1), VIRTIO_INTID((slot.base - VIRTIO_BASE) / VIRTIO_STRIDE));
		if (virtio_get(&slot, VIRTIO_DEVICE_ID) != 0) {
			print("# device %u at 0x%lx\n", virtio_get(&slot, VIRTIO_DEVICE_ID), slot.base);
			devices++;
		}
	}
	CHECK(slots > 0);
	if (devices == 0) {
		test_skip("no devices");
	}
}

/* Status goes up bit by bit and to zero by a reset only; every device is asked. */
static void handshake(void)
{
	uint32_t devices = 0;

	for (uint32_t id = VIRTIO_ID_NET; id <= VIRTIO_ID_RNG; id++) {
		if (!virtio_find(&device, id, 0)) {
			continue;
		}
		devices++;
		CHECK((virtio_offered(&device) & VIRTIO_F_VERSION_1) != 0);
		CHECK(virtio_start(&device, 0));
		CHECK_EQ(virtio_get(&device, VIRTIO_STATUS), VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER | VIRTIO_FEATURES_OK);
		CHECK(virtio_queue(&device, &queue, 0));
		virtio_driver_ok(&device);
		CHECK_EQ(virtio_get(&device, VIRTIO_STATUS),
			 VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER | VIRTIO_FEATURES_OK | VIRTIO_DRIVER_OK);
		virtio_set(&device, VIRTIO_STATUS, 0);
		CHECK_EQ(virtio_get(&device, VIRTIO_STATUS), 0);
		CHECK_EQ(virtio_get(&device, VIRTIO_QUEUE_READY), 0);
	}
	if (devices == 0) {
		test_skip("no devices");
	}
}

static bool open_queue0(uint32_t id)
{
	if (!virtio_find(&device, id, 0)) {
		test_skip("no such device");
		return false;
	}
	if (!virtio_start(&device, 0) || !virtio_queue(&device, &queue, 0)) {
		test_fail("it does not start");
		return false;
	}
	return true;
}

static uint8_t random[2][256];

static void entropy(void)
{
	uint32_t equal = 0;

	if (!open_queue0(VIRTIO_ID_RNG)) {
		return;
	}
	virtio_driver_ok(&device);
	for (uint32_t i = 0; i < 2; i++) {
		uint32_t got = 0;

		while (got < sizeof(random[i])) {
			struct virtio_piece piece = { random[i] + got, (uint32_t)sizeof(random[i]) - got, true };
			uint32_t len = 0;

			REQUIRE(virtio_request(&device, &queue, &piece, 1, &len));
			REQUIRE(len > 0 && len <= piece.len);
			got += len;
		}
	}
	for (uint32_t i = 0; i < sizeof(random[0]); i++) {
		equal += random[0][i] == random[1][i];
	}
	CHECK(equal < 32);
}

/* Queue 1 of the console is its output. */
static void console(void)
{
	static const char text[] = "# over virtio-console\n";
	struct virtio_piece pieces[] = { { text, 7, false }, { text + 7, sizeof(text) - 8, false } };
	uint32_t len;

	if (!open_queue0(VIRTIO_ID_CONSOLE)) {
		return;
	}
	REQUIRE(virtio_queue(&device, &queue2, 1));
	virtio_driver_ok(&device);
	for (uint32_t i = 0; i < 20; i++) {
		REQUIRE(virtio_request(&device, &queue2, pieces, 2, &len));
	}
}

#define NET_HEADER 12
#define FRAME_SIZE 60

static uint8_t sent[NET_HEADER + FRAME_SIZE];
static uint8_t received[VIRTQ_SIZE][NET_HEADER + 1514];

/* "Who has 10.0.2.2?", broadcast from the device's own address. */
static void make_arp(void)
{
	static const uint8_t arp[] = { 0x08, 0x06, 0, 1, 0x08, 0, 6, 4, 0, 1 };
	static const uint8_t addresses[] = { 10, 0, 2, 15, 0, 0, 0, 0, 0, 0, 10, 0, 2, 2 };
	uint8_t *frame = sent + NET_HEADER;
	uint8_t mac[6];

	for (uint32_t i = 0; i < 6; i++) {
		mac[i] = mmio_read8(device.base + VIRTIO_CONFIG + i);
	}
	memset(sent, 0, sizeof(sent));
	memset(frame, 0xff, 6);
	memcpy(frame + 6, mac, 6);
	memcpy(frame + 12, arp, sizeof(arp));
	memcpy(frame + 22, mac, 6);
	memcpy(frame + 28, addresses, sizeof(addresses));
}

/* Our own frame, or an answer to it. Other hosts may speak too. */
static bool is_reply(const uint8_t *frame, uint32_t len)
{
	if (len < 42) {
		return false;
	}
	if (memcmp(frame, sent + NET_HEADER, 42) == 0) {
		return true;
	}
	return memcmp(frame + 12, sent + NET_HEADER + 12, 8) == 0 && frame[21] == 2 &&
	       memcmp(frame + 28, sent + NET_HEADER + 38, 4) == 0;
}

static bool wait_reply(void)
{
	for (uint32_t i = 0; i < 10; i++) {
		uint32_t head;
		uint32_t len;

		if (!virtq_wait(&queue, 1000, &head, &len)) {
			return false;
		}
		virtq_offer(&queue, (uint16_t)head);
		virtio_notify(&device, &queue);
		if (len > NET_HEADER && is_reply(received[head] + NET_HEADER, len - NET_HEADER)) {
			return true;
		}
	}
	return false;
}

static void net(void)
{
	struct virtio_piece pieces[] = { { sent, NET_HEADER, false }, { sent + NET_HEADER, FRAME_SIZE, false } };
	uint32_t len;

	if (!virtio_find(&device, VIRTIO_ID_NET, 0)) {
		test_skip("no such device");
		return;
	}
	REQUIRE(virtio_start(&device, BIT(5))); /* VIRTIO_NET_F_MAC */
	REQUIRE(virtio_queue(&device, &queue, 0));
	REQUIRE(virtio_queue(&device, &queue2, 1));
	CHECK((device.features & BIT(5)) != 0);
	virtio_driver_ok(&device);
	for (uint16_t i = 0; i < queue.size; i++) {
		queue.desc[i] = (struct virtq_desc){ (uint64_t)received[i], sizeof(received[i]), VIRTQ_WRITE, 0 };
		virtq_offer(&queue, i);
	}
	virtio_notify(&device, &queue);
	make_arp();
	for (uint32_t i = 0; i < 100; i++) {
		REQUIRE(virtio_request(&device, &queue2, pieces, 2, &len));
		REQUIRE(wait_reply());
	}
}

static const struct test tests[] = {
	{ "discovery", discovery },
	{ "handshake", handshake },
	{ "blk-read-write", blk_read_write },
	{ "blk-flush-and-id", blk_flush_and_id },
	{ "blk-discard", blk_discard },
	{ "blk-errors", blk_errors },
	{ "blk-chained", blk_chained },
	{ "blk-indirect", blk_indirect },
	{ "blk-event-idx", blk_event_idx },
	{ "blk-interrupt", blk_interrupt },
	{ "rng", entropy },
	{ "console", console },
	{ "net", net },
	{ "bad-chains", bad_chains },
	{ "bad-direction", bad_direction },
	{ "bad-addresses", bad_addresses },
	{ "bad-indirect", bad_indirect },
	{ "bad-requests", bad_requests },
	{ "bad-ring", bad_ring },
	{ "bad-queue-setup", bad_queue_setup },
	{ "bad-registers", bad_registers },
	{ "rng-unharmed", entropy },
	{ "net-unharmed", net },
};

void payload_main(void)
{
	watchdog_start(TIMER_VIRTUAL, 60);
	report_run(tests, ARRAY_SIZE(tests));
}
