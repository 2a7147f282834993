/* SPDX-License-Identifier: MIT */
/*
 * What a driver must never do. The device may refuse the request, ask for a reset or fall silent; it may not do
 * as it was told, and after a reset it works as before.
 */
#include "payload/vm/virtio/tests.h"

#include "payload/lib/boot.h"
#include "payload/lib/exception.h"
#include "payload/lib/mmu.h"
#include "payload/lib/psci.h"

static struct virtq_desc table[VIRTQ_SIZE + 1] __attribute__((aligned(16)));

static struct virtq_desc header_desc(uint16_t next)
{
	return (struct virtq_desc){ (uint64_t)&disk_header, sizeof(disk_header), VIRTQ_NEXT, next };
}

static struct virtq_desc data_desc(uint16_t next)
{
	return (struct virtq_desc){ (uint64_t)disk_data, SECTOR, VIRTQ_NEXT | VIRTQ_WRITE, next };
}

static struct virtq_desc status_desc(void)
{
	return (struct virtq_desc){ (uint64_t)&disk_status, 1, VIRTQ_WRITE, 0 };
}

/* A good read of sector 0, in three descriptors; each case then spoils something. */
static bool begin(void)
{
	if (!disk_open(VIRTIO_F_INDIRECT_DESC)) {
		return false;
	}
	disk_header = (struct blk_header){ BLK_T_IN, 0, 0 };
	disk_status = BLK_S_NONE;
	disk_queue.desc[0] = header_desc(1);
	disk_queue.desc[1] = data_desc(2);
	disk_queue.desc[2] = status_desc();
	return true;
}

static void check_works_again(const char *what)
{
	if (!disk_open(BLK_WANTED) || disk_do(BLK_T_IN, 0, SECTOR) != BLK_S_OK) {
		test_fail("%s: the disk does not work after a reset", what);
	}
}

/* While set, a request that is accepted is only survived. */
static bool lenient;

/* Sends what 'begin' and the case made. */
static void check_refused(const char *what)
{
	uint32_t head;
	uint32_t len;

	virtio_notify(&disk, &disk_queue);
	virtq_wait(&disk_queue, 20, &head, &len);
	if (disk_status == BLK_S_OK && !lenient) {
		test_fail("%s is accepted", what);
	}
	check_works_again(what);
}

static void refuse_chain(const char *what)
{
	virtq_offer(&disk_queue, 0);
	check_refused(what);
}

void bad_chains(void)
{
	if (!begin()) {
		return;
	}
	disk_queue.desc[1].next = 0;
	refuse_chain("loop over two");
	begin();
	disk_queue.desc[1].next = 1;
	refuse_chain("loop on itself");
	begin();
	disk_queue.desc[1].next = VIRTQ_SIZE;
	refuse_chain("next past the queue");
	begin();
	disk_queue.desc[0].next = 0xffff;
	refuse_chain("next far past the queue");
	begin();
	disk_queue.desc[0].flags |= VIRTQ_WRITE;
	refuse_chain("writable header");
	begin();
	disk_queue.desc[2].flags = 0;
	refuse_chain("read-only status");
	begin();
	disk_queue.desc[0] = status_desc();
	refuse_chain("status alone");
	begin();
	disk_queue.desc[0].flags = 0;
	refuse_chain("header alone");
}

/* A disk may find that there is nothing to read into, and say that it did so; it may not write there. */
void bad_direction(void)
{
	uint32_t head;
	uint32_t len;

	if (!begin()) {
		return;
	}
	for (uint32_t i = 0; i < SECTOR; i++) {
		disk_data[i] = 0x5a;
	}
	disk_queue.desc[1].flags = VIRTQ_NEXT;
	virtq_offer(&disk_queue, 0);
	virtio_notify(&disk, &disk_queue);
	virtq_wait(&disk_queue, 20, &head, &len);
	for (uint32_t i = 0; i < SECTOR; i++) {
		CHECK_EQ(disk_data[i], 0x5a);
	}
	check_works_again("read into read-only data");
}

static void refuse_address(uint64_t address, uint32_t len)
{
	for (uint32_t i = 0; i < 3; i++) {
		if (!begin()) {
			return;
		}
		disk_queue.desc[i].addr = address;
		if (len != 0) {
			disk_queue.desc[i].len = len;
		}
		if (i == 2) {
			disk_status = BLK_S_NONE;
		}
		refuse_chain("bad address");
	}
}

void bad_addresses(void)
{
	if (!begin()) {
		return;
	}
	/* Bare QEMU lets its devices go wherever they are sent. */
	lenient = !psci_has_smccc();
	refuse_address(ram_base + ram_size, 0);
	refuse_address(ram_base + ram_size - 8, 4096);
	refuse_address(UINT64_C(0xfffffffffffff000), 0);
	refuse_address(UINT64_C(0xfffffffffffffff0), 4096);
	refuse_address(BIT(47), 0);
	refuse_address(0x0b800000, 0);
	if (!lenient) {
		refuse_address(RTC_BASE, 0);
	}
	refuse_address((uint64_t)disk_data, 0xffffffff);
	begin();
	disk_queue.desc[1].len = 0xfffffe00;
	refuse_chain("huge data");
	lenient = false;
}

void bad_indirect(void)
{
	if (!begin()) {
		return;
	}
	if ((disk.features & VIRTIO_F_INDIRECT_DESC) == 0) {
		test_skip("not offered");
		return;
	}
	for (uint32_t i = 0; i < 7; i++) {
		static const char *const names[] = { "table of length 0", "table of length 40", "table outside of RAM",
						     "table in a table",  "table with next",    "next past the table",
						     "loop in the table" };
		struct virtq_desc *desc = &disk_queue.desc[0];

		begin();
		table[0] = header_desc(1);
		table[1] = data_desc(2);
		table[2] = status_desc();
		*desc = (struct virtq_desc){ (uint64_t)table, 48, VIRTQ_INDIRECT, 0 };
		if (i == 0) {
			desc->len = 0;
		} else if (i == 1) {
			desc->len = 40;
		} else if (i == 2) {
			desc->addr = ram_base + ram_size;
		} else if (i == 3) {
			table[0] = (struct virtq_desc){ (uint64_t)table, 48, VIRTQ_INDIRECT, 0 };
		} else if (i == 4) {
			desc->flags |= VIRTQ_NEXT;
			desc->next = 3;
			disk_queue.desc[3] = (struct virtq_desc){ 0, 0, 0, 0 };
			desc->len = 32;
		} else if (i == 5) {
			table[1].next = 3;
		} else {
			table[1].next = 0;
		}
		refuse_chain(names[i]);
	}
}

/* Well-formed chains that make no request. */
void bad_requests(void)
{
	if (!begin()) {
		return;
	}
	disk_queue.desc[0].len = 8;
	refuse_chain("short header");
	begin();
	disk_queue.desc[1].len = SECTOR - 1;
	refuse_chain("part of a sector");
	begin();
	disk_queue.desc[0].len = 0;
	refuse_chain("empty header");
	begin();
	disk_queue.desc[2].len = 0;
	refuse_chain("empty status");
}

void bad_ring(void)
{
	if (!begin()) {
		return;
	}
	virtq_offer(&disk_queue, VIRTQ_SIZE);
	check_refused("head past the queue");
	begin();
	virtq_offer(&disk_queue, 0xffff);
	check_refused("head far past the queue");
	begin();
	*(volatile uint16_t *)&disk_queue.avail.idx = VIRTQ_SIZE + 1;
	for (uint32_t i = 0; i < VIRTQ_SIZE; i++) {
		disk_queue.avail.ring[i] = 0xffff;
	}
	check_refused("avail.idx too far");
	begin();
	/* The same with heads that are good: it may serve some. */
	*(volatile uint16_t *)&disk_queue.avail.idx = 0x8000;
	virtio_notify(&disk, &disk_queue);
	delay_us(1000);
	check_works_again("avail.idx half round");
}

/* The queue's own registers: whatever is set, nothing hangs and a reset makes it good. */
static void setup_with(uint32_t size, uint64_t desc, uint64_t avail, uint64_t used)
{
	uint64_t addresses[] = { desc, avail, used };

	REQUIRE(virtio_start(&disk, 0));
	virtio_set(&disk, VIRTIO_QUEUE_SEL, 0);
	virtio_set(&disk, VIRTIO_QUEUE_NUM, size);
	for (uint32_t i = 0; i < 3; i++) {
		virtio_set(&disk, VIRTIO_QUEUE_DESC + 0x10 * i, (uint32_t)addresses[i]);
		virtio_set(&disk, VIRTIO_QUEUE_DESC + 0x10 * i + 4, (uint32_t)(addresses[i] >> 32));
	}
	virtio_set(&disk, VIRTIO_QUEUE_READY, 1);
	virtio_driver_ok(&disk);
	virtio_set(&disk, VIRTIO_QUEUE_NOTIFY, 0);
	delay_us(1000);
	check_works_again("bad queue");
}

void bad_queue_setup(void)
{
	uint64_t desc = (uint64_t)disk_queue.desc;
	uint64_t avail = (uint64_t)&disk_queue.avail;
	uint64_t used = (uint64_t)&disk_queue.used;

	if (!begin()) {
		return;
	}
	setup_with(0, desc, avail, used);
	setup_with(3, desc, avail, used);
	setup_with(0xffff, desc, avail, used);
	setup_with(0xffffffff, desc, avail, used);
	setup_with(VIRTQ_SIZE, ram_base + ram_size, avail, used);
	setup_with(VIRTQ_SIZE, desc, ram_base + ram_size, used);
	setup_with(VIRTQ_SIZE, desc, avail, ram_base + ram_size);
	setup_with(VIRTQ_SIZE, ram_base + ram_size - 16, avail, used);
	setup_with(VIRTQ_SIZE, UINT64_C(0xfffffffffffffff0), avail, used);
	setup_with(VIRTQ_SIZE, desc, UINT64_C(0xfffffffffffffffe), used);
	setup_with(VIRTQ_SIZE, desc, avail, UINT64_C(0xfffffffffffffffc));
	setup_with(VIRTQ_SIZE, desc + 1, avail + 1, used + 1);
	setup_with(VIRTQ_SIZE, 0, 0, 0);
	setup_with(VIRTQ_SIZE, UART_BASE + 0x100, avail, used);
}

/* The transport: out-of-range selectors, registers that may only be read, widths, orders. */
void bad_registers(void)
{
	uint64_t value;

	if (!begin()) {
		return;
	}
	virtio_set(&disk, VIRTIO_QUEUE_SEL, 0xffffffff);
	virtio_set(&disk, VIRTIO_QUEUE_SEL, 1000);
	CHECK_EQ(virtio_get(&disk, VIRTIO_QUEUE_NUM_MAX), 0);
	virtio_set(&disk, VIRTIO_QUEUE_READY, 1);
	virtio_set(&disk, VIRTIO_QUEUE_NOTIFY, 0xffff);
	virtio_set(&disk, VIRTIO_QUEUE_NOTIFY, 0xffffffff);
	virtio_set(&disk, VIRTIO_DEVICE_FEATURES_SEL, 0xffffffff);
	virtio_get(&disk, VIRTIO_DEVICE_FEATURES);
	virtio_set(&disk, VIRTIO_MAGIC, 0);
	virtio_set(&disk, VIRTIO_DEVICE_ID, 7);
	CHECK_EQ(virtio_get(&disk, VIRTIO_MAGIC), VIRTIO_MAGIC_VALUE);
	CHECK_EQ(virtio_get(&disk, VIRTIO_DEVICE_ID), VIRTIO_ID_BLK);
	for (uint32_t offset = 0; offset < VIRTIO_STRIDE; offset += 4) {
		FAULT_OF("ldrb %w0, [%1]" : "=r"(value) : "r"(disk.base + offset + 1));
		FAULT_OF("ldrh %w0, [%1]" : "=r"(value) : "r"(disk.base + offset + 2));
		FAULT_OF("ldr %0, [%1]" : "=r"(value) : "r"((disk.base + offset) & ~7ul));
	}
	check_works_again("odd widths");
	/* Notified and fed before DRIVER_OK, and after a reset. */
	REQUIRE(virtio_start(&disk, 0));
	virtio_set(&disk, VIRTIO_QUEUE_NOTIFY, 0);
	REQUIRE(virtio_queue(&disk, &disk_queue, 0));
	virtio_set(&disk, VIRTIO_STATUS, 0);
	virtio_set(&disk, VIRTIO_QUEUE_NOTIFY, 0);
	CHECK_EQ(virtio_get(&disk, VIRTIO_STATUS), 0);
	virtio_set(&disk, VIRTIO_QUEUE_SEL, 0);
	CHECK_EQ(virtio_get(&disk, VIRTIO_QUEUE_READY), 0);
	check_works_again("notify without a queue");
	/* A feature that was not offered. */
	virtio_set(&disk, VIRTIO_STATUS, 0);
	virtio_set(&disk, VIRTIO_STATUS, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER);
	virtio_set(&disk, VIRTIO_DRIVER_FEATURES_SEL, 1);
	virtio_set(&disk, VIRTIO_DRIVER_FEATURES, 0x80000001);
	virtio_set(&disk, VIRTIO_STATUS, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER | VIRTIO_FEATURES_OK);
	if (psci_has_smccc()) {
		/* Bare QEMU drops the feature and says yes. */
		CHECK_EQ(virtio_get(&disk, VIRTIO_STATUS) & VIRTIO_FEATURES_OK, 0);
	}
	check_works_again("bad feature");
}
