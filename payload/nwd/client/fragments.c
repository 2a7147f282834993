/* SPDX-License-Identifier: MIT */
/* Descriptors larger than a buffer, in both directions, and the retrieve request of a hypervisor. */
#include "payload/nwd/client/tests.h"

#define MANY 600

static struct ffa_constituent ranges[MANY];

static struct ffa_transaction scattered(uint32_t id, uint16_t sp, uint32_t count)
{
	struct ffa_constituent unused;
	struct ffa_transaction t = nwd_transaction(id, sp, &unused, nwd_pages[0], 1);

	for (uint32_t i = 0; i < count; i++) {
		ranges[i] = (struct ffa_constituent){ .address = (uint64_t)nwd_pages[2 * i], .page_count = 1 };
	}
	t.ranges = ranges;
	t.range_count = count;
	return t;
}

/* Every page another pattern, so that an order that is lost is seen. */
static void check_scattered(uint16_t sp, uint32_t count, uint32_t fragment)
{
	struct ffa_transaction t = scattered(FFA_MEM_SHARE_64, sp, count);
	uint64_t handle = 0;
	struct words w;

	for (uint32_t i = 0; i < count; i++) {
		pattern_fill(ranges[i].address, 1, 0x10000 + i * PAGE_SIZE);
	}
	REQUIRE(ffa_mem_send(FFA_MEM_SHARE_64, &t, nwd_tx, fragment, &handle) == FFA_OK);
	w = nwd_retrieve(sp, FFA_MEM_SHARE_64, handle, 0);
	CHECK_CODE(w.w[0], FFA_OK);
	CHECK_EQ(w.w[1], count);
	w = COMMAND(sp, COMMAND_CHECK, handle, 0x10000);
	CHECK_EQ(w.w[1], 0);
	CHECK_CODE(COMMAND_CODE(sp, COMMAND_RELINQUISH, handle, 0), FFA_OK);
	CHECK_CODE(nwd_reclaim(handle), FFA_OK);
}

static void one_page_of_descriptor(void)
{
	check_scattered(hello, 240, PAGE_SIZE);
}
static void two_fragments(void)
{
	check_scattered(hello, 300, PAGE_SIZE);
}
static void three_fragments(void)
{
	check_scattered(relay, MANY, PAGE_SIZE);
}
static void small_fragments(void)
{
	check_scattered(irq, 40, 256);
}

static void fragment_checks(void)
{
	struct ffa_transaction t = scattered(FFA_MEM_SHARE_64, hello, 4);
	uint32_t total = ffa_describe_size(&t);
	uint32_t first = ffa_describe(nwd_tx, &t, 1);
	struct ffa_regs r = FFA(FFA_MEM_SHARE_64, total, first);
	uint64_t handle = ffa_u64(r.x[1], r.x[2]);
	struct ffa_constituent *list = (struct ffa_constituent *)nwd_tx;

	CHECK_EQ(r.x[0], FFA_MEM_FRAG_RX);
	CHECK_EQ(r.x[3], first);
	/* It is not complete: nobody can retrieve it. */
	CHECK_CODE(nwd_retrieve(hello, FFA_MEM_SHARE_64, handle, 0).w[0], FFA_INVALID_PARAMETERS);
	CHECK_CODE(FFA_CODE(FFA_MEM_FRAG_TX, r.x[1], r.x[2], PAGE_SIZE + 16, 0), FFA_INVALID_PARAMETERS);
	CHECK_CODE(FFA_CODE(FFA_MEM_FRAG_TX, r.x[1], r.x[2], 8, 0), FFA_INVALID_PARAMETERS);
	CHECK_CODE(FFA_CODE(FFA_MEM_FRAG_TX, r.x[1], r.x[2], 24, 0), FFA_INVALID_PARAMETERS);
	CHECK_CODE(FFA_CODE(FFA_MEM_FRAG_TX, r.x[1] + 999, r.x[2], 48, 0), FFA_INVALID_PARAMETERS);
	for (uint32_t i = 0; i < 3; i++) {
		list[i] = ranges[1 + i];
	}
	r = FFA(FFA_MEM_FRAG_TX, r.x[1], r.x[2], 48, 0);
	CHECK_EQ(r.x[0], FFA_SUCCESS);
	CHECK_EQ(ffa_u64(r.x[2], r.x[3]), handle);
	CHECK_CODE(FFA_CODE(FFA_MEM_FRAG_TX, (uint32_t)handle, handle >> 32, 16, 0), FFA_INVALID_PARAMETERS);
	CHECK_CODE(nwd_reclaim(handle), FFA_OK);
}

/* The last fragment is bad: all of it goes, and the pages are free. */
static void bad_last_fragment(void)
{
	struct ffa_transaction t = scattered(FFA_MEM_SHARE_64, hello, 3);
	uint32_t total = ffa_describe_size(&t);
	struct ffa_regs r = FFA(FFA_MEM_SHARE_64, total, ffa_describe(nwd_tx, &t, 2));
	uint64_t handle = ffa_u64(r.x[1], r.x[2]);
	struct ffa_constituent *list = (struct ffa_constituent *)nwd_tx;

	REQUIRE(ffa_is(&r, FFA_MEM_FRAG_RX));
	list[0] = (struct ffa_constituent){ .address = 0x0e100000, .page_count = 1 };
	CHECK_CODE(FFA_CODE(FFA_MEM_FRAG_TX, r.x[1], r.x[2], 16, 0), FFA_DENIED);
	CHECK_CODE(FFA_CODE(FFA_MEM_FRAG_TX, r.x[1], r.x[2], 16, 0), FFA_INVALID_PARAMETERS);
	CHECK_CODE(nwd_reclaim(handle), FFA_INVALID_PARAMETERS);
	check_scattered(hello, 3, PAGE_SIZE);
}

/* ---- what a hypervisor asks before it takes memory back for a VM ---- */

static void hypervisor(void)
{
	struct ffa_transaction t = scattered(FFA_MEM_SHARE_64, hello, 3);
	struct ffa_retrieved got;
	struct ffa_regs r;
	uint64_t handle = 0;

	t.tag = 0x99;
	REQUIRE(nwd_send(FFA_MEM_SHARE_64, &t, &handle) == FFA_OK);
	r = nwd_hypervisor_retrieve(handle);
	REQUIRE(ffa_is(&r, FFA_MEM_RETRIEVE_RESP));
	CHECK_EQ(r.x[1], r.x[2]);
	CHECK(ffa_read_response(nwd_rx, FFA_VERSION_1_2, (uint32_t)r.x[2], &got));
	CHECK_EQ(got.handle, handle);
	CHECK_EQ(got.sender, FFA_ID_NWD);
	CHECK_EQ(got.borrower_count, 1);
	CHECK_EQ(got.borrower.id, hello);
	CHECK_EQ(got.page_count, 3);
	CHECK_EQ(got.ranges[2].address, ranges[2].address);
	r = nwd_hypervisor_retrieve(handle);
	CHECK_CODE(ffa_code(&r), FFA_BUSY);
	CHECK_CODE(FFA_CODE(FFA_RX_RELEASE), FFA_OK);
	/* It took nothing: the owner has it back at once. */
	CHECK_CODE(nwd_reclaim(handle), FFA_OK);
	r = nwd_hypervisor_retrieve(handle);
	CHECK_CODE(ffa_code(&r), FFA_INVALID_PARAMETERS);
}

static void hypervisor_in_fragments(void)
{
	struct ffa_transaction t = scattered(FFA_MEM_SHARE_64, hello, MANY);
	struct ffa_retrieved got;
	struct ffa_regs r;
	uint64_t handle = 0;
	uint32_t seen, size, total;

	REQUIRE(nwd_send(FFA_MEM_SHARE_64, &t, &handle) == FFA_OK);
	r = nwd_hypervisor_retrieve(handle);
	REQUIRE(ffa_is(&r, FFA_MEM_RETRIEVE_RESP));
	total = (uint32_t)r.x[1];
	size = (uint32_t)r.x[2];
	REQUIRE(ffa_read_response(nwd_rx, FFA_VERSION_1_2, size, &got));
	CHECK_EQ(got.range_count, MANY);
	for (seen = 0; seen < got.in_rx; seen++) {
		CHECK_EQ(got.ranges[seen].address, ranges[seen].address);
	}
	CHECK_CODE(FFA_CODE(FFA_MEM_FRAG_RX, (uint32_t)handle, handle >> 32, size), FFA_BUSY);
	CHECK_CODE(FFA_CODE(FFA_RX_RELEASE), FFA_OK);
	CHECK_CODE(FFA_CODE(FFA_MEM_FRAG_RX, (uint32_t)handle, handle >> 32, size + 16), FFA_INVALID_PARAMETERS);
	while (size < total && !test_failed()) {
		const struct ffa_constituent *list = (const void *)nwd_rx;

		r = FFA(FFA_MEM_FRAG_RX, (uint32_t)handle, handle >> 32, size);
		REQUIRE(ffa_is(&r, FFA_MEM_FRAG_TX) && r.x[3] != 0 && r.x[3] % 16 == 0 && r.x[3] <= PAGE_SIZE);
		for (uint32_t i = 0; i < r.x[3] / 16 && seen < MANY; i++, seen++) {
			CHECK_EQ(list[i].address, ranges[seen].address);
		}
		size += (uint32_t)r.x[3];
		CHECK_CODE(FFA_CODE(FFA_RX_RELEASE), FFA_OK);
	}
	CHECK_EQ(seen, MANY);
	CHECK_EQ(size, total);
	CHECK_CODE(nwd_reclaim(handle), FFA_OK);
}

void test_fragments(void)
{
	static const struct test tests[] = {
		{ "fragments_none", one_page_of_descriptor },
		{ "fragments_two", two_fragments },
		{ "fragments_three", three_fragments },
		{ "fragments_small", small_fragments },
		{ "fragments_checks", fragment_checks },
		{ "fragments_bad_last", bad_last_fragment },
		{ "hypervisor_retrieve", hypervisor },
		{ "hypervisor_retrieve_in_fragments", hypervisor_in_fragments },
	};

	RUN_TESTS(tests);
}
