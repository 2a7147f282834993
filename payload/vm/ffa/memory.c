/* SPDX-License-Identifier: MIT */
/* Memory for a partition or another VM, and from another VM; the data is looked at on both sides. */
#include "payload/lib/exception.h"
#include "payload/vm/ffa/ffa.h"

#define TAG UINT64_C(0x7a67)

static uint64_t page(uint32_t n)
{
	return (uint64_t)nwd_pages[n];
}

/* True if we can read and write it. */
static bool is_ours(uint32_t n)
{
	uint64_t value = 0;

	return sp_touch(page(n), false, &value) && sp_touch(page(n), true, &value);
}

static bool is_gone(uint32_t n)
{
	uint64_t value = 0;

	return !sp_touch(page(n), false, &value) && !sp_touch(page(n), true, &value);
}

static uint64_t wrong(uint16_t id, uint64_t handle, uint64_t pattern)
{
	struct words w = COMMAND(id, COMMAND_CHECK, handle, pattern);

	return w.w[0] == FFA_OK ? w.w[1] : UINT64_MAX;
}

static int32_t relinquish(uint16_t id, uint64_t handle)
{
	return COMMAND_CODE(id, COMMAND_RELINQUISH, handle, 0);
}

/* ---- there and back ---- */

static void round_trip(uint32_t id, uint32_t pages)
{
	bool share = id == FFA_MEM_SHARE_64;
	uint64_t handle = 0;
	struct words w;

	pattern_fill(page(0), pages, 0x1000);
	REQUIRE(nwd_send_pages(id, partner, nwd_pages[0], pages, &handle) == FFA_OK);
	CHECK_EQ((handle & FFA_HANDLE_HYPERVISOR) != 0, is_vm(partner));
	CHECK(share ? is_ours(0) : is_gone(0));
	CHECK(share ? is_ours(pages - 1) : is_gone(pages - 1));
	CHECK(is_ours(pages));
	w = nwd_retrieve(partner, id, handle, 0);
	CHECK_CODE(w.w[0], FFA_OK);
	CHECK_EQ(w.w[1], pages);
	if (share) {
		pattern_fill(page(0), pages, 0x1000);
	}
	CHECK_EQ(wrong(partner, handle, 0x1000), 0);
	CHECK_CODE(COMMAND_CODE(partner, COMMAND_FILL, handle, 0x2000), FFA_OK);
	if (share) {
		CHECK_EQ(pattern_wrong(page(0), pages, 0x2000), 0);
	}
	/* While it is there it cannot be sent again, nor taken back. */
	CHECK(nwd_send_pages(FFA_MEM_SHARE_64, partner, nwd_pages[0], 1, &handle) != FFA_OK);
	CHECK_CODE(nwd_reclaim(handle), FFA_DENIED);
	CHECK_CODE(relinquish(partner, handle), FFA_OK);
	CHECK_CODE(relinquish(partner, handle), FFA_INVALID_PARAMETERS);
	CHECK_CODE(nwd_reclaim(handle), FFA_OK);
	CHECK_CODE(nwd_reclaim(handle), FFA_INVALID_PARAMETERS);
	CHECK_EQ(pattern_wrong(page(0), pages, 0x2000), 0);
	CHECK(is_ours(0));
	CHECK(is_ours(pages - 1));
}

static void share(void)
{
	round_trip(FFA_MEM_SHARE_64, 3);
}
static void lend(void)
{
	round_trip(FFA_MEM_LEND_64, 3);
}
static void share_2_mib(void)
{
	round_trip(FFA_MEM_SHARE_64, 512);
}
static void lend_2_mib(void)
{
	round_trip(FFA_MEM_LEND_64, 512);
}

/* What was donated is the other's for good; it is taken back as long as he has not taken it. */
static void donate(void)
{
	static uint32_t next = NWD_PAGES - 16;
	uint64_t handle = 0;

	pattern_fill(page(next), 1, 0x3000);
	REQUIRE(nwd_send_pages(FFA_MEM_DONATE_64, partner, nwd_pages[next], 1, &handle) == FFA_OK);
	CHECK(is_gone(next));
	CHECK_CODE(nwd_reclaim(handle), FFA_OK);
	CHECK_EQ(pattern_wrong(page(next), 1, 0x3000), 0);
	REQUIRE(nwd_send_pages(FFA_MEM_DONATE_64, partner, nwd_pages[next], 1, &handle) == FFA_OK);
	CHECK_CODE(nwd_retrieve(partner, FFA_MEM_DONATE_64, handle, 0).w[0], FFA_OK);
	CHECK_EQ(wrong(partner, handle, 0x3000), 0);
	CHECK_CODE(nwd_reclaim(handle), FFA_INVALID_PARAMETERS);
	CHECK(is_gone(next));
	CHECK(nwd_send_pages(FFA_MEM_SHARE_64, partner, nwd_pages[next], 1, &handle) != FFA_OK);
	next++;
}

static void zeroed(void)
{
	struct ffa_constituent range;
	struct ffa_transaction t = nwd_transaction(FFA_MEM_LEND_64, partner, &range, nwd_pages[0], 1);
	uint64_t handle = 0;

	pattern_fill(page(0), 1, 0x4000);
	t.flags = FFA_MEM_ZERO;
	REQUIRE(nwd_send(FFA_MEM_LEND_64, &t, &handle) == FFA_OK);
	CHECK_CODE(nwd_reclaim(handle), FFA_OK);
	CHECK_EQ(*(uint64_t *)page(0), 0);
	CHECK_EQ(*(uint64_t *)(page(0) + PATTERN_STEP), 0);
}

/* Who may only read cannot write. A partition would die of it. */
static void read_only(void)
{
	struct ffa_constituent range;
	struct ffa_transaction t = nwd_transaction(FFA_MEM_SHARE_64, partner, &range, nwd_pages[0], 1);
	uint64_t want = nwd_id | (uint64_t)FFA_PERMISSIONS(FFA_DATA_RO, 0) << 16 |
			(uint64_t)FFA_ATTRIBUTES_NORMAL << 32;
	uint64_t handle = 0;
	struct words w;

	t.borrowers[0].permissions = FFA_PERMISSIONS(FFA_DATA_RO, 0);
	REQUIRE(nwd_send(FFA_MEM_SHARE_64, &t, &handle) == FFA_OK);
	CHECK_CODE(nwd_retrieve(partner, FFA_MEM_SHARE_64, handle, 0).w[0], FFA_DENIED);
	w = COMMAND(partner, COMMAND_RETRIEVE, handle, 0, want, 0);
	CHECK_CODE(w.w[0], FFA_OK);
	CHECK_EQ(COMMAND(partner, COMMAND_TOUCH, w.w[3], 0).w[1], 0);
	CHECK_EQ(COMMAND(partner, COMMAND_TOUCH, w.w[3], 1).w[1], 1);
	CHECK_CODE(relinquish(partner, handle), FFA_OK);
	CHECK_EQ(COMMAND(partner, COMMAND_TOUCH, w.w[3], 0).w[1], 1);
	CHECK_CODE(nwd_reclaim(handle), FFA_OK);
}

/* ---- fragments ---- */

static struct ffa_constituent scattered[700];

/* Every other page of 700: the description does not fit into the buffer, nor does the answer. */
static void fragments(void)
{
	struct ffa_constituent range;
	struct ffa_transaction t = nwd_transaction(FFA_MEM_LEND_64, partner, &range, nwd_pages[0], 1);
	uint64_t handle = 0;

	for (uint32_t i = 0; i < 600; i++) {
		scattered[i] = (struct ffa_constituent){ .address = page(2 * i), .page_count = 1 };
		pattern_fill(page(2 * i), 1, 0x5000 + i * PAGE_SIZE);
	}
	t.ranges = scattered;
	t.range_count = 600;
	REQUIRE(nwd_send(FFA_MEM_LEND_64, &t, &handle) == FFA_OK);
	CHECK(is_gone(0) && is_ours(1) && is_gone(1198) && is_ours(1199));
	CHECK_CODE(nwd_retrieve(partner, FFA_MEM_LEND_64, handle, 0).w[0], FFA_OK);
	CHECK_EQ(wrong(partner, handle, 0x5000), 0);
	CHECK_CODE(relinquish(partner, handle), FFA_OK);
	CHECK_CODE(nwd_reclaim(handle), FFA_OK);
	CHECK(is_ours(0) && is_ours(1198));
}

/* One that is never completed is given up; of one that ends badly nothing remains. */
static void broken_fragments(void)
{
	struct ffa_constituent range;
	struct ffa_transaction t = nwd_transaction(FFA_MEM_LEND_64, partner, &range, nwd_pages[0], 1);
	uint32_t total, first;
	uint64_t handle = 0;
	struct ffa_regs r;

	for (uint32_t i = 0; i < 4; i++) {
		scattered[i] = (struct ffa_constituent){ .address = page(2 * i), .page_count = 1 };
	}
	t.ranges = scattered;
	t.range_count = 4;
	total = ffa_describe_size(&t);
	first = ffa_describe(nwd_tx, &t, 2);
	r = FFA(FFA_MEM_LEND_64, total, first);
	REQUIRE(ffa_is(&r, FFA_MEM_FRAG_RX));
	CHECK_EQ(r.x[3], first);
	handle = ffa_u64(r.x[1], r.x[2]);
	CHECK(is_ours(0));
	CHECK_CODE(nwd_retrieve(partner, FFA_MEM_LEND_64, handle, 0).w[0], FFA_INVALID_PARAMETERS);
	CHECK_CODE(FFA_CODE(FFA_MEM_FRAG_TX, r.x[1], r.x[2], 8), FFA_INVALID_PARAMETERS);
	CHECK_CODE(FFA_CODE(FFA_MEM_FRAG_TX, r.x[1] + 1, r.x[2], 32), FFA_INVALID_PARAMETERS);
	/* The last ranges overlap the first one. */
	((struct ffa_constituent *)nwd_tx)[0] = scattered[2];
	((struct ffa_constituent *)nwd_tx)[1] = scattered[0];
	r = FFA(FFA_MEM_FRAG_TX, r.x[1], r.x[2], 32, (uint64_t)r.x[4]);
	CHECK_CODE(ffa_code(&r), FFA_INVALID_PARAMETERS);
	CHECK_CODE(nwd_reclaim(handle), FFA_INVALID_PARAMETERS);
	for (uint32_t i = 0; i < 8; i++) {
		CHECK(is_ours(i));
	}
	round_trip(FFA_MEM_LEND_64, 8);
}

/* ---- lies ---- */

/* A good description of one page, in TX. */
static struct ffa_memory_region *describe(uint32_t id)
{
	struct ffa_constituent range;
	struct ffa_transaction t = nwd_transaction(id, partner, &range, nwd_pages[0], 1);

	ffa_describe(nwd_tx, &t, 1);
	return (struct ffa_memory_region *)nwd_tx;
}

#define SIZE (sizeof(struct ffa_memory_region) + FFA_MEMORY_ACCESS_1_2 + 32)
#define ACCESS ((struct ffa_memory_access_1_2 *)(nwd_tx + sizeof(struct ffa_memory_region)))
#define COMPOSITE ((struct ffa_composite *)(nwd_tx + SIZE - 32))
#define RANGE ((struct ffa_constituent *)(nwd_tx + SIZE - 16))

/* Changes the description, sends it and wants that code; nothing has happened then. */
#define LIE(id, change, code)                                             \
	do {                                                              \
		struct ffa_memory_region *region = describe(id);          \
		(void)region;                                             \
		change;                                                   \
		CHECK_CODE(FFA_CODE((id), SIZE, SIZE), (code));           \
		if (!is_ours(0)) {                                        \
			test_fail("line %d: the page is gone", __LINE__); \
		}                                                         \
	} while (0)

static void lies(void)
{
	const uint32_t lend_id = FFA_MEM_LEND_64, share_id = FFA_MEM_SHARE_64;

	CHECK_CODE(FFA_CODE(lend_id, SIZE, SIZE + 16), FFA_INVALID_PARAMETERS);
	CHECK_CODE(FFA_CODE(lend_id, 2 * PAGE_SIZE, 2 * PAGE_SIZE), FFA_INVALID_PARAMETERS);
	CHECK_CODE(FFA_CODE(lend_id, 0, 0), FFA_INVALID_PARAMETERS);
	CHECK_CODE(FFA_CODE(lend_id, UINT32_MAX, UINT32_MAX), FFA_INVALID_PARAMETERS);
	LIE(lend_id, region->sender = 0x55, FFA_DENIED);
	LIE(lend_id, region->sender = FFA_ID_NWD, FFA_DENIED);
	LIE(lend_id, region->access_count = 0, FFA_INVALID_PARAMETERS);
	LIE(lend_id, region->access_count = 0xffffffff, FFA_INVALID_PARAMETERS);
	LIE(lend_id, region->access_offset = 0xfffffff0, FFA_INVALID_PARAMETERS);
	LIE(lend_id, region->access_size = 1, FFA_INVALID_PARAMETERS);
	LIE(lend_id, region->handle = 1, FFA_INVALID_PARAMETERS);
	LIE(lend_id, region->flags = 0x80000000, FFA_INVALID_PARAMETERS);
	LIE(share_id, region->flags = FFA_MEM_ZERO, FFA_INVALID_PARAMETERS);
	LIE(lend_id, ACCESS->endpoint = nwd_id, FFA_INVALID_PARAMETERS);
	LIE(lend_id, ACCESS->endpoint = 0x77, FFA_INVALID_PARAMETERS);
	LIE(lend_id, ACCESS->endpoint = 0x8077, FFA_INVALID_PARAMETERS);
	LIE(lend_id, ACCESS->permissions = 0xff, FFA_INVALID_PARAMETERS);
	LIE(lend_id, ACCESS->composite_offset = 0xfffffff0, FFA_INVALID_PARAMETERS);
	LIE(lend_id, ACCESS->composite_offset = 0, FFA_INVALID_PARAMETERS);
	LIE(lend_id, COMPOSITE->range_count = 0xffffffff, FFA_INVALID_PARAMETERS);
	LIE(lend_id, COMPOSITE->range_count = 0, FFA_INVALID_PARAMETERS);
	LIE(lend_id, COMPOSITE->page_count = 2, FFA_INVALID_PARAMETERS);
	LIE(lend_id, RANGE->page_count = 0, FFA_INVALID_PARAMETERS);
	LIE(lend_id, RANGE->page_count = 0xffffffff, FFA_INVALID_PARAMETERS);
	LIE(lend_id, RANGE->address++, FFA_INVALID_PARAMETERS);
	/* Not our memory: behind RAM, a device, nothing, what EL2 or another VM may have at that physical address. */
	LIE(lend_id, RANGE->address = UINT64_MAX - 0xfff, FFA_INVALID_PARAMETERS);
	LIE(lend_id, RANGE->address = UART_BASE, FFA_DENIED);
	LIE(lend_id, RANGE->address = BIT(47), FFA_DENIED);
	LIE(lend_id, RANGE->address = BIT(39) + GIB(1), FFA_DENIED);
	LIE(lend_id, RANGE->address = 0x0e100000, FFA_DENIED);
	/* The buffers are the mailbox's. */
	LIE(lend_id, RANGE->address = (uint64_t)nwd_tx, FFA_DENIED);
	LIE(lend_id, RANGE->address = (uint64_t)nwd_rx, FFA_DENIED);
	round_trip(FFA_MEM_LEND_64, 1);
}

static void not_a_handle(void)
{
	static const uint64_t handles[] = { 0,         1, 0x1234, FFA_HANDLE_HYPERVISOR, FFA_HANDLE_HYPERVISOR | 0x1234,
					    UINT64_MAX };

	for (uint32_t i = 0; i < ARRAY_SIZE(handles); i++) {
		CHECK_CODE(nwd_reclaim(handles[i]), FFA_INVALID_PARAMETERS);
		CHECK_CODE(relinquish(partner, handles[i]), FFA_INVALID_PARAMETERS);
		CHECK_CODE(nwd_retrieve(partner, FFA_MEM_LEND_64, handles[i], 0).w[0], FFA_INVALID_PARAMETERS);
	}
}

static void retrieve_checks(void)
{
	struct ffa_constituent range;
	struct ffa_transaction t = nwd_transaction(FFA_MEM_SHARE_64, partner, &range, nwd_pages[0], 1);
	uint64_t want = (uint64_t)FFA_PERMISSIONS(FFA_DATA_RW, 0) << 16 | (uint64_t)FFA_ATTRIBUTES_NORMAL << 32;
	uint16_t other = partner == second ? third : second;
	uint64_t handle = 0;

	t.tag = TAG;
	REQUIRE(nwd_send(FFA_MEM_SHARE_64, &t, &handle) == FFA_OK);
	CHECK_CODE(COMMAND_CODE(partner, COMMAND_RETRIEVE, handle, TAG + 1, nwd_id | want, 0), FFA_INVALID_PARAMETERS);
	CHECK_CODE(COMMAND_CODE(partner, COMMAND_RETRIEVE, handle, TAG, (nwd_id + 1u) | want, 0), FFA_DENIED);
	CHECK_CODE(relinquish(partner, handle), FFA_INVALID_PARAMETERS);
	if (other != 0) {
		/* To another it is no handle, or none of his. */
		CHECK(COMMAND_CODE(other, COMMAND_RETRIEVE, handle, TAG, nwd_id | want, 0) != FFA_OK);
		CHECK(SP_FFA_CODE(other, FFA_MEM_RECLAIM, (uint32_t)handle, handle >> 32) != FFA_OK);
	}
	CHECK_CODE(COMMAND_CODE(partner, COMMAND_RETRIEVE, handle, TAG, nwd_id | want, 0), FFA_OK);
	CHECK_CODE(relinquish(partner, handle), FFA_OK);
	CHECK_CODE(nwd_reclaim(handle), FFA_OK);
}

/* ---- two receivers ---- */

/* Both have it at once, and each sees what the other writes; it comes back from the last one. */
static void to_two(uint32_t id)
{
	uint64_t want = nwd_id | (uint64_t)FFA_PERMISSIONS(FFA_DATA_RW, 0) << 16 |
			(uint64_t)FFA_ATTRIBUTES_NORMAL << 32;
	uint64_t handle = 0;
	struct ffa_constituent range;
	struct ffa_transaction t = nwd_transaction(id, second, &range, nwd_pages[0], 3);

	t.borrower_count = 2;
	t.borrowers[0].permissions = FFA_PERMISSIONS(FFA_DATA_RW, 0);
	t.borrowers[1] = t.borrowers[0];
	t.borrowers[1].id = third;
	t.attributes = FFA_ATTRIBUTES_NORMAL;
	pattern_fill(page(0), 3, 0x7000);
	REQUIRE(nwd_send(id, &t, &handle) == FFA_OK);
	CHECK_CODE(COMMAND_CODE(second, COMMAND_RETRIEVE, handle, 0, want, 0), FFA_INVALID_PARAMETERS);
	CHECK_CODE(COMMAND_CODE(second, COMMAND_RETRIEVE, handle, 0, want, FFA_RETRIEVE_BYPASS), FFA_OK);
	CHECK_EQ(wrong(second, handle, 0x7000), 0);
	CHECK_CODE(COMMAND_CODE(second, COMMAND_FILL, handle, 0x8000), FFA_OK);
	CHECK_CODE(COMMAND_CODE(third, COMMAND_RETRIEVE, handle, 0, want, FFA_RETRIEVE_BYPASS), FFA_OK);
	CHECK_EQ(wrong(third, handle, 0x8000), 0);
	CHECK_CODE(COMMAND_CODE(third, COMMAND_FILL, handle, 0x9000), FFA_OK);
	CHECK_EQ(wrong(second, handle, 0x9000), 0);
	CHECK_CODE(relinquish(second, handle), FFA_OK);
	CHECK_CODE(nwd_reclaim(handle), FFA_DENIED);
	CHECK_EQ(wrong(third, handle, 0x9000), 0);
	CHECK_CODE(relinquish(third, handle), FFA_OK);
	CHECK_CODE(nwd_reclaim(handle), FFA_OK);
	CHECK_EQ(pattern_wrong(page(0), 3, 0x9000), 0);
}

static void share_with_two(void)
{
	to_two(FFA_MEM_SHARE_64);
}
static void lend_to_two(void)
{
	to_two(FFA_MEM_LEND_64);
}

/* ---- from another VM to us ---- */

/* The response's first range, or what failed. */
static int32_t retrieve_here(uint64_t handle, uint8_t permissions, uint64_t *address)
{
	struct ffa_transaction request = {
		.version = nwd_version,
		.sender = partner,
		.attributes = FFA_ATTRIBUTES_NORMAL,
		.handle = handle,
		.borrower_count = 1,
		.borrowers = { { nwd_id, permissions } },
	};
	uint32_t size = ffa_describe(nwd_tx, &request, 0);
	struct ffa_regs r = FFA(FFA_MEM_RETRIEVE_REQ_64, size, size);
	struct ffa_retrieved got;

	if (!ffa_is(&r, FFA_MEM_RETRIEVE_RESP)) {
		return ffa_code(&r);
	}
	if (!ffa_read_response(nwd_rx, nwd_version, (uint32_t)r.x[2], &got) || got.range_count != 1) {
		return FFA_ABORTED;
	}
	*address = got.ranges[0].address;
	return FFA_CODE(FFA_RX_RELEASE);
}

static int32_t relinquish_here(uint64_t handle)
{
	struct ffa_relinquish *request = (struct ffa_relinquish *)nwd_tx;

	*request = (struct ffa_relinquish){ .handle = handle, .endpoint_count = 1 };
	request->endpoints[0] = nwd_id;
	return FFA_CODE(FFA_MEM_RELINQUISH);
}

static void from_partner(void)
{
	uint8_t permissions = FFA_PERMISSIONS(FFA_DATA_RW, FFA_EXEC_XN);
	uint64_t address = 0, value = 0;
	struct words w;

	if (!is_vm(partner)) {
		test_skip("partitions send nothing to VMs");
		return;
	}
	w = COMMAND(partner, COMMAND_SEND, FFA_MEM_LEND_64, nwd_id, 2 | (uint64_t)FFA_PERMISSIONS(FFA_DATA_RW, 0) << 32,
		    0);
	REQUIRE(w.w[0] == FFA_OK);
	CHECK_EQ(COMMAND(partner, COMMAND_TOUCH, w.w[2], 0).w[1], 1);
	REQUIRE(retrieve_here(w.w[1], permissions, &address) == FFA_OK);
	pattern_fill(sp_va(address), 2, 0x6000);
	CHECK_CODE(SP_FFA_CODE(partner, FFA_MEM_RECLAIM, (uint32_t)w.w[1], w.w[1] >> 32), FFA_DENIED);
	CHECK_CODE(relinquish_here(w.w[1]), FFA_OK);
	CHECK(!sp_touch(address, false, &value));
	CHECK_CODE(SP_FFA_CODE(partner, FFA_MEM_RECLAIM, (uint32_t)w.w[1], w.w[1] >> 32), FFA_OK);
	CHECK_EQ(COMMAND(partner, COMMAND_CHECK, 0, 0x6000, w.w[2], 2).w[1], 0);
}

void test_memory(void)
{
	static const struct test tests[] = {
		{ "memory_share", share },
		{ "memory_lend", lend },
		{ "memory_share_2_mib", share_2_mib },
		{ "memory_lend_2_mib", lend_2_mib },
		{ "memory_donate", donate },
		{ "memory_zeroed", zeroed },
		{ "memory_read_only", read_only },
		{ "memory_fragments", fragments },
		{ "memory_broken_fragments", broken_fragments },
		{ "memory_lies", lies },
		{ "memory_no_handle", not_a_handle },
		{ "memory_retrieve_checks", retrieve_checks },
		{ "memory_from_partner", from_partner },
	};

	static const struct test with_both[] = {
		{ "memory_share_with_two", share_with_two },
		{ "memory_lend_to_two", lend_to_two },
	};

	RUN_FOR_PARTNER(tests);
	if (partner == third) {
		RUN_TESTS(with_both);
	}
}
