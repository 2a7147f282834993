/* SPDX-License-Identifier: MIT */
/* Memory that is shared, lent, donated, retrieved, relinquished and reclaimed; the data is looked at on both sides. */
#include "payload/lib/arch.h"
#include "payload/nwd/client/tests.h"

#define TAG UINT64_C(0x7a67)
#define VM 11

static uint64_t page(uint32_t n)
{
	return (uint64_t)nwd_pages[n];
}

static int32_t fill(uint16_t sp, uint64_t handle, uint64_t pattern)
{
	return COMMAND_CODE(sp, COMMAND_FILL, handle, pattern);
}

static uint64_t wrong(uint16_t sp, uint64_t handle, uint64_t pattern)
{
	struct words w = COMMAND(sp, COMMAND_CHECK, handle, pattern);

	return w.w[0] == FFA_OK ? w.w[1] : UINT64_MAX;
}

static int32_t relinquish(uint16_t sp, uint64_t handle)
{
	return COMMAND_CODE(sp, COMMAND_RELINQUISH, handle, 0);
}

/* From send to reclaim with a partition that writes what we read, and reads what we wrote. */
static void round_trip(uint32_t id, uint16_t sp, uint32_t pages)
{
	uint64_t handle = 0;
	struct words w;

	pattern_fill(page(0), pages, 0x1000);
	REQUIRE(nwd_send_pages(id, sp, nwd_pages[0], pages, &handle) == FFA_OK);
	CHECK_EQ(handle & FFA_HANDLE_HYPERVISOR, 0);
	w = nwd_retrieve(sp, id, handle, 0);
	CHECK_CODE(w.w[0], FFA_OK);
	CHECK_EQ(w.w[1], pages);
	CHECK_EQ(w.w[2], 1);
	CHECK_EQ(w.w[3], page(0));
	CHECK((w.w[4] & FFA_ATTRIBUTE_NS) != 0);
	CHECK_EQ(wrong(sp, handle, 0x1000), 0);
	CHECK_CODE(fill(sp, handle, 0x77000), FFA_OK);
	/* Without RME the normal world's accesses do not go through the SPMC: lent memory is readable too. */
	CHECK_EQ(pattern_wrong(page(0), pages, 0x77000), 0);
	CHECK_CODE(nwd_reclaim(handle), FFA_DENIED);
	CHECK_CODE(relinquish(sp, handle), FFA_OK);
	CHECK_CODE(relinquish(sp, handle), FFA_INVALID_PARAMETERS);
	CHECK_CODE(nwd_reclaim(handle), FFA_OK);
	CHECK_CODE(nwd_reclaim(handle), FFA_INVALID_PARAMETERS);
}

static void share_round_trip(void)
{
	round_trip(FFA_MEM_SHARE_64, hello, 1);
	round_trip(FFA_MEM_SHARE, irq, 3);
	round_trip(FFA_MEM_SHARE_64, relay, 16);
}

static void lend_round_trip(void)
{
	round_trip(FFA_MEM_LEND_64, hello, 1);
	round_trip(FFA_MEM_LEND, relay, 5);
}

static void share_512_pages(void)
{
	round_trip(FFA_MEM_SHARE_64, hello, 512);
}

/* After relinquish and after reclaim the partition has it no more. */
static void borrower_loses_access(void)
{
	uint64_t handle = 0;

	CHECK_EQ(COMMAND(hello, COMMAND_TOUCH, page(0), 0).w[1], 1);
	REQUIRE(nwd_send_pages(FFA_MEM_SHARE_64, hello, nwd_pages[0], 1, &handle) == FFA_OK);
	CHECK_EQ(COMMAND(hello, COMMAND_TOUCH, page(0), 0).w[1], 1);
	CHECK_CODE(nwd_retrieve(hello, FFA_MEM_SHARE_64, handle, 0).w[0], FFA_OK);
	CHECK_EQ(COMMAND(hello, COMMAND_TOUCH, page(0), 1).w[1], 0);
	/* Neither the next page nor another partition. */
	CHECK_EQ(COMMAND(hello, COMMAND_TOUCH, page(1), 0).w[1], 1);
	CHECK_EQ(COMMAND(irq, COMMAND_TOUCH, page(0), 0).w[1], 1);
	CHECK_CODE(relinquish(hello, handle), FFA_OK);
	CHECK_EQ(COMMAND(hello, COMMAND_TOUCH, page(0), 0).w[1], 1);
	CHECK_CODE(nwd_reclaim(handle), FFA_OK);
}

static void isolation(void)
{
	/* The SPMC, other partitions, the firmware, devices of others. */
	static const uint64_t addresses[] = { 0x0e100000, 0x0e000000, 0x0e900000, 0x0ea80000, RTC_BASE };

	for (uint32_t i = 0; i < ARRAY_SIZE(addresses); i++) {
		struct words w = COMMAND(hello, COMMAND_TOUCH, addresses[i], 0);

		if (w.w[0] != FFA_OK || w.w[1] != 1) {
			test_fail("hello reads 0x%lx", addresses[i]);
		}
		w = COMMAND(hello, COMMAND_TOUCH, addresses[i], 1);
		if (w.w[0] != FFA_OK || w.w[1] != 1) {
			test_fail("hello writes 0x%lx", addresses[i]);
		}
	}
}

/* A share may be retrieved again as often as one likes, one at a time. */
static void retrieve_again(void)
{
	uint64_t handle = 0;

	REQUIRE(nwd_send_pages(FFA_MEM_SHARE_64, hello, nwd_pages[0], 1, &handle) == FFA_OK);
	for (uint32_t i = 0; i < 3; i++) {
		CHECK_CODE(nwd_retrieve(hello, FFA_MEM_SHARE_64, handle, 0).w[0], FFA_OK);
		CHECK_CODE(nwd_retrieve(hello, FFA_MEM_SHARE_64, handle, 0).w[0], FFA_DENIED);
		CHECK_CODE(relinquish(hello, handle), FFA_OK);
	}
	CHECK_CODE(nwd_reclaim(handle), FFA_OK);
}

static void read_only(void)
{
	uint64_t handle = 0;
	struct ffa_constituent range;
	struct ffa_transaction t = nwd_transaction(FFA_MEM_SHARE_64, hello, &range, nwd_pages[0], 1);
	uint64_t ro = FFA_PERMISSIONS(FFA_DATA_RO, 0);
	uint64_t rw = FFA_PERMISSIONS(FFA_DATA_RW, 0);
	uint64_t normal = (uint64_t)FFA_ATTRIBUTES_NORMAL << 32;

	t.borrowers[0].permissions = (uint8_t)ro;
	t.tag = TAG;
	REQUIRE(nwd_send(FFA_MEM_SHARE_64, &t, &handle) == FFA_OK);
	CHECK_CODE(COMMAND_CODE(hello, COMMAND_RETRIEVE, handle, TAG, rw << 16 | normal), FFA_DENIED);
	CHECK_CODE(COMMAND_CODE(hello, COMMAND_RETRIEVE, handle, TAG, ro << 16 | normal), FFA_OK);
	CHECK_EQ(COMMAND(hello, COMMAND_TOUCH, page(0), 0).w[1], 0);
	CHECK_EQ(COMMAND(hello, COMMAND_TOUCH, page(0), 1).w[1], 1);
	CHECK_CODE(relinquish(hello, handle), FFA_OK);
	/* Of what is sent for writing one may ask for reading, or for nothing in particular. */
	CHECK_CODE(nwd_reclaim(handle), FFA_OK);
	t.borrowers[0].permissions = (uint8_t)rw;
	REQUIRE(nwd_send(FFA_MEM_SHARE_64, &t, &handle) == FFA_OK);
	CHECK_CODE(COMMAND_CODE(hello, COMMAND_RETRIEVE, handle, TAG, ro << 16 | normal), FFA_OK);
	CHECK_EQ(COMMAND(hello, COMMAND_TOUCH, page(0), 1).w[1], 1);
	CHECK_CODE(relinquish(hello, handle), FFA_OK);
	CHECK_CODE(COMMAND_CODE(hello, COMMAND_RETRIEVE, handle, TAG, 0), FFA_OK);
	CHECK_EQ(COMMAND(hello, COMMAND_TOUCH, page(0), 1).w[1], 0);
	CHECK_CODE(relinquish(hello, handle), FFA_OK);
	CHECK_CODE(nwd_reclaim(handle), FFA_OK);
}

static void retrieve_checks(void)
{
	uint64_t handle = 0;
	struct ffa_constituent range;
	struct ffa_transaction t = nwd_transaction(FFA_MEM_SHARE_64, hello, &range, nwd_pages[0], 1);
	uint64_t normal = (uint64_t)FFA_ATTRIBUTES_NORMAL << 32;
	uint64_t want = normal | (uint64_t)FFA_PERMISSIONS(FFA_DATA_RW, 0) << 16;

	t.tag = TAG;
	REQUIRE(nwd_send(FFA_MEM_SHARE_64, &t, &handle) == FFA_OK);
#define RETRIEVE(sp, handle, tag, what, flags) COMMAND_CODE((sp), COMMAND_RETRIEVE, (handle), (tag), (what), (flags))
	CHECK_CODE(RETRIEVE(hello, handle, TAG + 1, want, 0), FFA_INVALID_PARAMETERS);
	CHECK_CODE(RETRIEVE(hello, handle + 1000, TAG, want, 0), FFA_INVALID_PARAMETERS);
	CHECK_CODE(RETRIEVE(hello, handle | FFA_HANDLE_HYPERVISOR, TAG, want, 0), FFA_INVALID_PARAMETERS);
	CHECK_CODE(RETRIEVE(hello, handle, TAG, want | VM, 0), FFA_DENIED);
	CHECK(RETRIEVE(irq, handle, TAG, want, 0) != FFA_OK);
	/* The kind that it is not. */
	CHECK_CODE(RETRIEVE(hello, handle, TAG, want, FFA_MEMORY_LEND << FFA_RETRIEVE_TYPE_SHIFT),
		   FFA_INVALID_PARAMETERS);
	CHECK_CODE(RETRIEVE(hello, handle, TAG, want, FFA_MEMORY_DONATE << FFA_RETRIEVE_TYPE_SHIFT),
		   FFA_INVALID_PARAMETERS);
	CHECK_CODE(RETRIEVE(hello, handle, TAG, want, FFA_MEM_ZERO), FFA_INVALID_PARAMETERS);
	CHECK_CODE(RETRIEVE(hello, handle, TAG, want, FFA_RETRIEVE_HINT_VALID), FFA_INVALID_PARAMETERS);
	CHECK_CODE(RETRIEVE(hello, handle, TAG, want, 1u << 20), FFA_INVALID_PARAMETERS);
	/* Instruction access of a share is nobody's to choose. */
	CHECK_CODE(RETRIEVE(hello, handle, TAG, want | (uint64_t)FFA_EXEC_X << 18, 0), FFA_INVALID_PARAMETERS);
	CHECK_CODE(RETRIEVE(hello, handle, TAG, want | 0xf0 << 16, 0), FFA_INVALID_PARAMETERS);
	CHECK_CODE(RETRIEVE(hello, handle, TAG, (want & ~normal) | UINT64_C(0x10) << 32, 0), FFA_DENIED);
	/* After all that it is as before. */
	CHECK_CODE(RETRIEVE(hello, handle, TAG, want, FFA_MEMORY_SHARE << FFA_RETRIEVE_TYPE_SHIFT), FFA_OK);
	CHECK_CODE(relinquish(hello, handle), FFA_OK);
	CHECK_CODE(nwd_reclaim(handle), FFA_OK);
	CHECK_CODE(RETRIEVE(hello, handle, TAG, want, 0), FFA_INVALID_PARAMETERS);
#undef RETRIEVE
}

static void donate(void)
{
	uint64_t handle = 0;
	struct words w;

	pattern_fill(page(NWD_PAGES - 1), 1, 0x2000);
	REQUIRE(nwd_send_pages(FFA_MEM_DONATE_64, hello, nwd_pages[NWD_PAGES - 1], 1, &handle) == FFA_OK);
	/* Until it is retrieved it can be taken back. */
	CHECK_CODE(nwd_reclaim(handle), FFA_OK);
	REQUIRE(nwd_send_pages(FFA_MEM_DONATE_64, hello, nwd_pages[NWD_PAGES - 1], 1, &handle) == FFA_OK);
	w = nwd_retrieve(hello, FFA_MEM_DONATE_64, handle, 0);
	CHECK_CODE(w.w[0], FFA_OK);
	CHECK_EQ(wrong(hello, handle, 0x2000), 0);
	/* Then never. */
	CHECK_CODE(nwd_reclaim(handle), FFA_INVALID_PARAMETERS);
	CHECK_CODE(nwd_send_pages(FFA_MEM_SHARE_64, irq, nwd_pages[NWD_PAGES - 1], 1, &handle), FFA_DENIED);
}

static void zeroed(void)
{
	uint64_t handle = 0;
	struct ffa_constituent range;
	struct ffa_transaction t = nwd_transaction(FFA_MEM_LEND_64, hello, &range, nwd_pages[0], 2);
	uint64_t want = (uint64_t)FFA_PERMISSIONS(FFA_DATA_RW, FFA_EXEC_XN) << 16 | (uint64_t)FFA_ATTRIBUTES_NORMAL
											    << 32;

	pattern_fill(page(0), 2, 0x3000);
	t.flags = FFA_MEM_ZERO;
	REQUIRE(nwd_send(FFA_MEM_LEND_64, &t, &handle) == FFA_OK);
	CHECK_CODE(COMMAND_CODE(hello, COMMAND_RETRIEVE, handle, 0, want, FFA_MEM_ZERO), FFA_OK);
	for (uint32_t i = 0; i < 2 * PAGE_SIZE / 8; i++) {
		CHECK_EQ(((volatile uint64_t *)page(0))[i], 0);
	}
	CHECK_CODE(fill(hello, handle, 0x4000), FFA_OK);
	/* Relinquished with the flag: what the borrower wrote is gone. */
	CHECK_CODE(COMMAND_CODE(hello, COMMAND_RELINQUISH, handle, FFA_MEM_ZERO), FFA_OK);
	for (uint32_t i = 0; i < 2 * PAGE_SIZE / 8; i++) {
		CHECK_EQ(((volatile uint64_t *)page(0))[i], 0);
	}
	pattern_fill(page(0), 2, 0x5000);
	CHECK_CODE(FFA_CODE(FFA_MEM_RECLAIM, (uint32_t)handle, handle >> 32, FFA_MEM_ZERO), FFA_OK);
	for (uint32_t i = 0; i < 2 * PAGE_SIZE / 8; i++) {
		CHECK_EQ(((volatile uint64_t *)page(0))[i], 0);
	}
}

/* The console's registers may be lent, but writing zeroes there would be nobody's wish. */
static void device_not_zeroed(void)
{
	uint64_t handle = 0;
	struct ffa_constituent range;
	struct ffa_transaction t = nwd_transaction(FFA_MEM_LEND_64, hello, &range, (void *)UART_BASE, 1);
	uint64_t want = (uint64_t)FFA_PERMISSIONS(FFA_DATA_RW, FFA_EXEC_XN) << 16;

	t.flags = FFA_MEM_ZERO;
	CHECK_CODE(nwd_send(FFA_MEM_LEND_64, &t, &handle), FFA_DENIED);
	t.flags = 0;
	REQUIRE(nwd_send(FFA_MEM_LEND_64, &t, &handle) == FFA_OK);
	CHECK_CODE(COMMAND_CODE(hello, COMMAND_RETRIEVE, handle, 0, want, FFA_RETRIEVE_ZERO_AFTER), FFA_DENIED);
	CHECK_CODE(COMMAND_CODE(hello, COMMAND_RETRIEVE, handle, 0, want, FFA_MEM_ZERO), FFA_DENIED);
	CHECK_CODE(COMMAND_CODE(hello, COMMAND_RETRIEVE, handle, 0, want), FFA_OK);
	CHECK_CODE(COMMAND_CODE(hello, COMMAND_RELINQUISH, handle, FFA_MEM_ZERO), FFA_DENIED);
	CHECK_CODE(relinquish(hello, handle), FFA_OK);
	CHECK_CODE(FFA_CODE(FFA_MEM_RECLAIM, (uint32_t)handle, handle >> 32, FFA_MEM_ZERO), FFA_DENIED);
	CHECK_CODE(nwd_reclaim(handle), FFA_OK);
}

/* ---- several borrowers ---- */

static void two_borrowers(uint32_t id)
{
	uint64_t handle = 0;
	struct ffa_constituent range;
	struct ffa_transaction t = nwd_transaction(id, hello, &range, nwd_pages[0], 2);
	uint64_t want = (uint64_t)FFA_PERMISSIONS(FFA_DATA_RW, 0) << 16 | (uint64_t)FFA_ATTRIBUTES_NORMAL << 32;

	t.borrower_count = 2;
	t.borrowers[1] = (struct ffa_borrower){ irq, FFA_PERMISSIONS(FFA_DATA_RW, 0) };
	t.attributes = FFA_ATTRIBUTES_NORMAL;
	pattern_fill(page(0), 2, 0x6000);
	REQUIRE(nwd_send(id, &t, &handle) == FFA_OK);
	/* Each names all of them, or says that it need not. */
	CHECK_CODE(COMMAND_CODE(hello, COMMAND_RETRIEVE, handle, 0, want, 0), FFA_INVALID_PARAMETERS);
	CHECK_CODE(COMMAND_CODE(hello, COMMAND_RETRIEVE, handle, 0, want, FFA_RETRIEVE_BYPASS), FFA_OK);
	CHECK_CODE(COMMAND_CODE(irq, COMMAND_RETRIEVE, handle, 0, want, FFA_RETRIEVE_BYPASS), FFA_OK);
	CHECK_EQ(wrong(irq, handle, 0x6000), 0);
	CHECK_CODE(fill(hello, handle, 0x8000), FFA_OK);
	CHECK_EQ(wrong(irq, handle, 0x8000), 0);
	CHECK_CODE(relinquish(hello, handle), FFA_OK);
	CHECK_CODE(nwd_reclaim(handle), FFA_DENIED);
	CHECK_CODE(relinquish(irq, handle), FFA_OK);
	CHECK_CODE(nwd_reclaim(handle), FFA_OK);
}

static void share_to_two(void)
{
	two_borrowers(FFA_MEM_SHARE_64);
}
static void lend_to_two(void)
{
	two_borrowers(FFA_MEM_LEND_64);
}

/* ---- between partitions ---- */

static struct words send_from(uint16_t sp, uint32_t id, uint16_t to, uint32_t first, uint32_t pages)
{
	uint64_t permissions = id == FFA_MEM_DONATE_64 ? 0 : FFA_PERMISSIONS(FFA_DATA_RW, 0);
	uint64_t attributes = id == FFA_MEM_SHARE_64 ? FFA_ATTRIBUTES_NORMAL : 0;

	return COMMAND(sp, COMMAND_SEND, id, to, pages | first << 16 | permissions << 32, attributes << 32);
}

static struct words retrieve_from(uint16_t sp, uint32_t id, uint16_t from, uint64_t handle)
{
	uint64_t exec = id == FFA_MEM_SHARE_64 ? FFA_EXEC_UNSPECIFIED : FFA_EXEC_XN;

	return COMMAND(sp, COMMAND_RETRIEVE, handle, 0,
		       from | (uint64_t)FFA_PERMISSIONS(FFA_DATA_RW, exec) << 16 |
			       (uint64_t)FFA_ATTRIBUTES_NORMAL << 32);
}

static void partition_to_partition(uint32_t id, uint16_t from, uint16_t to)
{
	struct words sent = send_from(from, id, to, 0, 2);
	uint64_t handle = sent.w[1];
	uint64_t address = sent.w[2];
	struct words w;

	REQUIRE(sent.w[0] == FFA_OK);
	/* The owner keeps what it shares, and has not what it lends. */
	CHECK_EQ(COMMAND(from, COMMAND_TOUCH, address, 0).w[1], id != FFA_MEM_SHARE_64);
	CHECK_EQ(COMMAND(to, COMMAND_TOUCH, address, 0).w[1], 1);
	w = retrieve_from(to, id, from, handle);
	CHECK_CODE(w.w[0], FFA_OK);
	CHECK_EQ(w.w[3], address);
	CHECK_EQ(w.w[4] & FFA_ATTRIBUTE_NS, 0);
	CHECK_CODE(fill(to, handle, 0x9000), FFA_OK);
	/* Another's handle is nothing to us. */
	CHECK(nwd_reclaim(handle) != FFA_OK);
	CHECK_CODE(SP_FFA_CODE(from, FFA_MEM_RECLAIM, (uint32_t)handle, handle >> 32), FFA_DENIED);
	CHECK_CODE(relinquish(to, handle), FFA_OK);
	CHECK_CODE(SP_FFA_CODE(from, FFA_MEM_RECLAIM, (uint32_t)handle, handle >> 32), FFA_OK);
	CHECK_EQ(COMMAND(from, COMMAND_CHECK, 0, 0x9000, address, 2).w[1], 0);
	CHECK_EQ(COMMAND(to, COMMAND_TOUCH, address, 0).w[1], 1);
}

static void partition_share(void)
{
	partition_to_partition(FFA_MEM_SHARE_64, hello, irq);
}
static void partition_lend(void)
{
	partition_to_partition(FFA_MEM_LEND_64, irq, hello);
}

/* For good: the page is the other's, who may give it back. */
static void partition_donate(void)
{
	struct words sent = send_from(hello, FFA_MEM_DONATE_64, irq, 20, 1);
	uint64_t handle = sent.w[1];
	uint64_t address = sent.w[2];

	REQUIRE(sent.w[0] == FFA_OK);
	CHECK_CODE(retrieve_from(irq, FFA_MEM_DONATE_64, hello, handle).w[0], FFA_OK);
	CHECK_EQ(COMMAND(hello, COMMAND_TOUCH, address, 0).w[1], 1);
	CHECK_EQ(COMMAND(irq, COMMAND_TOUCH, address, 1).w[1], 0);
	CHECK_CODE(SP_FFA_CODE(hello, FFA_MEM_RECLAIM, (uint32_t)handle, handle >> 32), FFA_INVALID_PARAMETERS);
	/* hello cannot send what it does not own any more. */
	CHECK_CODE(send_from(hello, FFA_MEM_SHARE_64, irq, 20, 1).w[0], FFA_DENIED);
}

static void partition_to_normal_world(void)
{
	CHECK(send_from(hello, FFA_MEM_SHARE_64, FFA_ID_NWD, 4, 1).w[0] != FFA_OK);
	CHECK(send_from(hello, FFA_MEM_LEND_64, VM, 4, 1).w[0] != FFA_OK);
	CHECK_CODE(send_from(hello, FFA_MEM_SHARE_64, hello, 4, 1).w[0], FFA_INVALID_PARAMETERS);
	CHECK_CODE(send_from(hello, FFA_MEM_SHARE_64, 0x8077, 4, 1).w[0], FFA_INVALID_PARAMETERS);
	/* Of all that nothing remains. */
	partition_to_partition(FFA_MEM_SHARE_64, hello, irq);
}

void test_memory(void)
{
	static const struct test tests[] = {
		{ "memory_share", share_round_trip },
		{ "memory_lend", lend_round_trip },
		{ "memory_share_512_pages", share_512_pages },
		{ "memory_borrower_loses_access", borrower_loses_access },
		{ "memory_isolation", isolation },
		{ "memory_retrieve_again", retrieve_again },
		{ "memory_read_only", read_only },
		{ "memory_retrieve_checks", retrieve_checks },
		{ "memory_donate", donate },
		{ "memory_zeroed", zeroed },
		{ "memory_device_not_zeroed", device_not_zeroed },
		{ "memory_share_to_two", share_to_two },
		{ "memory_lend_to_two", lend_to_two },
		{ "memory_partition_share", partition_share },
		{ "memory_partition_lend", partition_lend },
		{ "memory_partition_donate", partition_donate },
		{ "memory_partition_to_normal_world", partition_to_normal_world },
	};

	RUN_TESTS(tests);
}
