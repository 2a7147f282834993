/* SPDX-License-Identifier: MIT */
/* The block device (virtio 1.2, 5.2): each request, in each way to describe it. Keeps what the disk held. */
#include "payload/vm/virtio/tests.h"

#include "payload/lib/exception.h"
#include "payload/lib/gic.h"
#include "payload/lib/string.h"

struct virtio disk;
struct virtq disk_queue;
struct blk_header disk_header;
uint8_t disk_data[8 * SECTOR];
volatile uint8_t disk_status;

static uint8_t kept[8 * SECTOR];

bool disk_open(uint64_t features)
{
	if (!virtio_find(&disk, VIRTIO_ID_BLK, 0)) {
		test_skip("no disk");
		return false;
	}
	if (!virtio_start(&disk, features) || !virtio_queue(&disk, &disk_queue, 0)) {
		test_fail("the disk does not start");
		return false;
	}
	virtio_driver_ok(&disk);
	return true;
}

uint64_t disk_capacity(void)
{
	return virtio_get(&disk, VIRTIO_CONFIG) | (uint64_t)virtio_get(&disk, VIRTIO_CONFIG + 4) << 32;
}

static bool reads_disk(uint32_t type)
{
	return type == BLK_T_IN || type == BLK_T_GET_ID;
}

static uint16_t describe(struct virtio_piece *pieces, uint32_t type, uint64_t sector, uint32_t len)
{
	uint16_t count = 0;

	disk_header = (struct blk_header){ type, 0, sector };
	disk_status = BLK_S_NONE;
	pieces[count++] = (struct virtio_piece){ &disk_header, sizeof(disk_header), false };
	if (len != 0) {
		pieces[count++] = (struct virtio_piece){ disk_data, len, reads_disk(type) };
	}
	pieces[count++] = (struct virtio_piece){ (const void *)&disk_status, 1, true };
	return count;
}

uint8_t disk_do(uint32_t type, uint64_t sector, uint32_t len)
{
	struct virtio_piece pieces[3];
	uint16_t count = describe(pieces, type, sector, len);
	uint32_t written;

	if (!virtio_request(&disk, &disk_queue, pieces, count, &written)) {
		return BLK_S_NONE;
	}
	if (disk_status == BLK_S_OK && reads_disk(type)) {
		CHECK_EQ(written, len + 1);
	}
	return disk_status;
}

static void fill(uint32_t seed)
{
	for (uint32_t i = 0; i < sizeof(disk_data); i++) {
		disk_data[i] = (uint8_t)((i * 31 + seed) ^ i >> 8);
	}
}

static void check_filled(uint32_t seed)
{
	for (uint32_t i = 0; i < sizeof(disk_data); i++) {
		CHECK_EQ(disk_data[i], (uint8_t)((i * 31 + seed) ^ i >> 8));
	}
}

static bool keep(uint64_t sector)
{
	bool good = disk_do(BLK_T_IN, sector, sizeof(disk_data)) == BLK_S_OK;

	memcpy(kept, disk_data, sizeof(kept));
	return good;
}

static bool put_back(uint64_t sector)
{
	memcpy(disk_data, kept, sizeof(kept));
	return disk_do(BLK_T_OUT, sector, sizeof(disk_data)) == BLK_S_OK;
}

/* True if the disk may be written and is large enough; skips the test if not. */
static bool writable(void)
{
	if ((virtio_offered(&disk) & BLK_F_RO) != 0 || disk_capacity() < 16) {
		test_skip("the disk is read-only or tiny");
		return false;
	}
	return true;
}

void blk_read_write(void)
{
	uint64_t last;

	if (!disk_open(BLK_WANTED) || !writable()) {
		return;
	}
	last = disk_capacity() - 8;
	for (uint32_t i = 0; i < 2; i++) {
		uint64_t sector = i == 0 ? 8 : last;

		REQUIRE(keep(sector));
		fill(i + 1);
		CHECK_EQ(disk_do(BLK_T_OUT, sector, sizeof(disk_data)), BLK_S_OK);
		memset(disk_data, 0, sizeof(disk_data));
		CHECK_EQ(disk_do(BLK_T_IN, sector, sizeof(disk_data)), BLK_S_OK);
		check_filled(i + 1);
		/* One sector out of the middle. */
		CHECK_EQ(disk_do(BLK_T_IN, sector + 3, SECTOR), BLK_S_OK);
		CHECK_EQ(disk_data[5], (uint8_t)(((3 * SECTOR + 5) * 31 + i + 1) ^ (3 * SECTOR + 5) >> 8));
		CHECK(put_back(sector));
	}
}

void blk_flush_and_id(void)
{
	if (!disk_open(BLK_WANTED)) {
		return;
	}
	if ((disk.features & BLK_F_FLUSH) != 0) {
		CHECK_EQ(disk_do(BLK_T_FLUSH, 0, 0), BLK_S_OK);
	}
	CHECK_EQ(disk_do(BLK_T_GET_ID, 0, 20), BLK_S_OK);
	for (uint32_t i = 0; i < 20 && disk_data[i] != 0; i++) {
		CHECK(disk_data[i] >= ' ' && disk_data[i] < 0x7f);
	}
}

static void set_range(uint64_t sector, uint32_t count, uint32_t flags)
{
	memcpy(disk_data, &sector, 8);
	memcpy(disk_data + 8, &count, 4);
	memcpy(disk_data + 12, &flags, 4);
}

void blk_discard(void)
{
	if (!disk_open(BLK_WANTED) || !writable()) {
		return;
	}
	if ((disk.features & (BLK_F_DISCARD | BLK_F_WRITE_ZEROES)) != (BLK_F_DISCARD | BLK_F_WRITE_ZEROES)) {
		test_skip("not offered");
		return;
	}
	REQUIRE(keep(8));
	fill(9);
	CHECK_EQ(disk_do(BLK_T_OUT, 8, sizeof(disk_data)), BLK_S_OK);
	set_range(10, 2, 0);
	CHECK_EQ(disk_do(BLK_T_WRITE_ZEROES, 0, 16), BLK_S_OK);
	CHECK_EQ(disk_do(BLK_T_IN, 8, sizeof(disk_data)), BLK_S_OK);
	CHECK(disk_data[SECTOR] == (uint8_t)((SECTOR * 31 + 9) ^ SECTOR >> 8));
	for (uint32_t i = 2 * SECTOR; i < 4 * SECTOR; i++) {
		CHECK_EQ(disk_data[i], 0);
	}
	CHECK(disk_data[4 * SECTOR] == (uint8_t)((4 * SECTOR * 31 + 9) ^ 4 * SECTOR >> 8));
	set_range(8, 8, 0);
	CHECK_EQ(disk_do(BLK_T_DISCARD, 0, 16), BLK_S_OK);
	set_range(disk_capacity() - 1, 2, 0);
	CHECK_EQ(disk_do(BLK_T_DISCARD, 0, 16), BLK_S_IOERR);
	set_range(UINT64_MAX - 1, 8, 0);
	CHECK_EQ(disk_do(BLK_T_WRITE_ZEROES, 0, 16), BLK_S_IOERR);
	set_range(8, 8, 0xfffffffe);
	CHECK_EQ(disk_do(BLK_T_WRITE_ZEROES, 0, 16), BLK_S_UNSUPP);
	CHECK(put_back(8));
}

void blk_errors(void)
{
	if (!disk_open(BLK_WANTED)) {
		return;
	}
	CHECK_EQ(disk_do(BLK_T_IN, disk_capacity(), SECTOR), BLK_S_IOERR);
	CHECK_EQ(disk_do(BLK_T_IN, disk_capacity() - 1, 2 * SECTOR), BLK_S_IOERR);
	CHECK_EQ(disk_do(BLK_T_IN, UINT64_MAX, SECTOR), BLK_S_IOERR);
	CHECK_EQ(disk_do(BLK_T_IN, UINT64_MAX / SECTOR + 1, SECTOR), BLK_S_IOERR);
	CHECK_EQ(disk_do(BLK_T_OUT, disk_capacity(), SECTOR), BLK_S_IOERR);
	CHECK_EQ(disk_do(BLK_T_OUT, UINT64_MAX - 1, sizeof(disk_data)), BLK_S_IOERR);
	CHECK_EQ(disk_do(0x7777, 0, SECTOR), BLK_S_UNSUPP);
	CHECK_EQ(disk_do(BLK_T_IN, 0, SECTOR), BLK_S_OK);
}

/* Header, data and status in many pieces, cut where it pleases. */
void blk_chained(void)
{
	struct virtio_piece pieces[8];
	uint32_t len;

	if (!disk_open(BLK_WANTED)) {
		return;
	}
	REQUIRE(keep(0));
	memset(disk_data, 0x5a, sizeof(disk_data));
	disk_header = (struct blk_header){ BLK_T_IN, 0, 0 };
	disk_status = BLK_S_NONE;
	pieces[0] = (struct virtio_piece){ &disk_header, 5, false };
	pieces[1] = (struct virtio_piece){ (uint8_t *)&disk_header + 5, 11, false };
	pieces[2] = (struct virtio_piece){ disk_data, 1, true };
	pieces[3] = (struct virtio_piece){ disk_data + 1, 1023, true };
	pieces[4] = (struct virtio_piece){ disk_data + 1024, 512, true };
	pieces[5] = (struct virtio_piece){ disk_data + 1536, 2047, true };
	pieces[6] = (struct virtio_piece){ disk_data + 3583, 513, true };
	pieces[7] = (struct virtio_piece){ (const void *)&disk_status, 1, true };
	REQUIRE(virtio_request(&disk, &disk_queue, pieces, 8, &len));
	CHECK_EQ(disk_status, BLK_S_OK);
	CHECK_EQ(len, sizeof(disk_data) + 1);
	CHECK(memcmp(disk_data, kept, sizeof(kept)) == 0);
}

static struct virtq_desc table[4] __attribute__((aligned(16)));

void blk_indirect(void)
{
	uint32_t head;
	uint32_t len;

	if (!disk_open(BLK_WANTED)) {
		return;
	}
	if ((disk.features & VIRTIO_F_INDIRECT_DESC) == 0) {
		test_skip("not offered");
		return;
	}
	REQUIRE(keep(0));
	memset(disk_data, 0x5a, sizeof(disk_data));
	disk_header = (struct blk_header){ BLK_T_IN, 0, 0 };
	disk_status = BLK_S_NONE;
	/* In the table's own order 2, 0, 3 behind its first entry. */
	table[0] = (struct virtq_desc){ (uint64_t)&disk_header, sizeof(disk_header), VIRTQ_NEXT, 2 };
	table[2] = (struct virtq_desc){ (uint64_t)disk_data, sizeof(disk_data), VIRTQ_NEXT | VIRTQ_WRITE, 3 };
	table[3] = (struct virtq_desc){ (uint64_t)&disk_status, 1, VIRTQ_WRITE, 0 };
	disk_queue.desc[11] = (struct virtq_desc){ (uint64_t)table, sizeof(table), VIRTQ_INDIRECT, 0 };
	virtq_offer(&disk_queue, 11);
	virtio_notify(&disk, &disk_queue);
	REQUIRE(virtq_wait(&disk_queue, 5000, &head, &len));
	CHECK_EQ(head, 11);
	CHECK_EQ(disk_status, BLK_S_OK);
	CHECK(memcmp(disk_data, kept, sizeof(kept)) == 0);
}

static uint32_t disk_irqs;

static void handler(void)
{
	uint32_t intid = gic_ack();

	if (intid >= 1020) {
		return;
	}
	if (intid == disk.intid) {
		uint32_t status = virtio_get(&disk, VIRTIO_INTERRUPT_STATUS);

		virtio_set(&disk, VIRTIO_INTERRUPT_ACK, status);
		atomic_add(&disk_irqs, status & 1);
	} else if (!watchdog_irq(intid)) {
		test_fail("unexpected interrupt %u", intid);
	}
	gic_eoi(intid);
}

static void interrupts_on(void)
{
	disk_irqs = 0;
	irq_set_handler(handler);
	gic_set_edge(0, disk.intid, disk.edge);
	gic_route(disk.intid, 0);
	gic_enable(0, disk.intid);
}

static void interrupts_off(void)
{
	gic_disable(0, disk.intid);
	virtio_set(&disk, VIRTIO_INTERRUPT_ACK, 3);
	irq_set_handler(NULL);
}

/* Interrupts come when the used index passes used_event, and not for the requests before and after. */
void blk_event_idx(void)
{
	static const uint32_t wanted[] = { 1, 1, 1, 2, 2, 2 };

	if (!disk_open(VIRTIO_F_EVENT_IDX)) {
		return;
	}
	if ((disk.features & VIRTIO_F_EVENT_IDX) == 0) {
		test_skip("not offered");
		return;
	}
	interrupts_on();
	for (uint32_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		virtq_set_used_event(&disk_queue, i == 0 ? 0 : 3);
		CHECK_EQ(disk_do(BLK_T_IN, 0, SECTOR), BLK_S_OK);
		CHECK(WAIT_UNTIL(atomic_load(&disk_irqs) == wanted[i], 1000));
		delay_us(2000);
		CHECK_EQ(atomic_load(&disk_irqs), wanted[i]);
	}
	interrupts_off();
}

void blk_interrupt(void)
{
	if (!disk_open(0)) {
		return;
	}
	interrupts_on();
	for (uint32_t i = 0; i < 10; i++) {
		CHECK_EQ(disk_do(BLK_T_IN, 0, SECTOR), BLK_S_OK);
		CHECK(WAIT_UNTIL(atomic_load(&disk_irqs) == i + 1, 1000));
		CHECK_EQ(virtio_get(&disk, VIRTIO_INTERRUPT_STATUS) & 1, 0);
	}
	interrupts_off();
}
