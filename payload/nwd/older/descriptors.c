/* SPDX-License-Identifier: MIT */
/* Transaction descriptors in the layout of the version, and no other. */
#include "payload/lib/string.h"
#include "payload/nwd/older/tests.h"

static struct ffa_constituent ranges[PAGES_MAX];

struct ffa_transaction scattered(uint32_t id, uint16_t sender, uint32_t pages)
{
	struct ffa_constituent unused;
	struct ffa_transaction t = nwd_transaction(id, hello, &unused, nwd_pages[0], 1);

	for (uint32_t i = 0; i < pages; i++) {
		ranges[i] = (struct ffa_constituent){ .address = (uint64_t)nwd_pages[2 * i], .page_count = 1 };
	}
	t.sender = sender;
	t.ranges = ranges;
	t.range_count = pages;
	return t;
}

static void fill(uint32_t pages, uint64_t pattern)
{
	for (uint32_t i = 0; i < pages; i++) {
		pattern_fill((uint64_t)nwd_pages[2 * i], 1, pattern + i * PAGE_SIZE);
	}
}

/* hello, of 1.2, reads what we wrote: every page has another pattern. */
static void round_trip(uint32_t id, uint32_t pages)
{
	struct ffa_transaction t = scattered(id, FFA_ID_NWD, pages);
	uint64_t handle = 0;
	struct words w;

	fill(pages, 0x30000);
	REQUIRE(nwd_send(id, &t, &handle) == FFA_OK);
	w = nwd_retrieve(hello, id, handle, 0);
	CHECK_CODE(w.w[0], FFA_OK);
	CHECK_EQ(w.w[1], pages);
	CHECK((w.w[4] & FFA_ATTRIBUTE_NS) != 0);
	CHECK_EQ(COMMAND(hello, COMMAND_CHECK, handle, 0x30000).w[1], 0);
	CHECK_CODE(nwd_reclaim(handle), FFA_DENIED);
	CHECK_CODE(COMMAND_CODE(hello, COMMAND_RELINQUISH, handle, 0), FFA_OK);
	CHECK_CODE(nwd_reclaim(handle), FFA_OK);
}

static void share(void)
{
	round_trip(FFA_MEM_SHARE_64, 1);
	round_trip(FFA_MEM_SHARE, 40);
}

/* Linux says nothing of attributes when it lends. */
static void lend(void)
{
	round_trip(FFA_MEM_LEND_64, 1);
	round_trip(FFA_MEM_LEND, 40);
}

/* The last that fits one page, the first that does not, and three fragments: in the headers of 1.0 and 1.1. */
static void fragments(void)
{
	for (uint32_t pages = 250; pages <= 253; pages++) {
		round_trip(FFA_MEM_SHARE_64, pages);
	}
	round_trip(FFA_MEM_LEND_64, PAGES_MAX);
}

/* ---- the other layouts ---- */

static void refused(uint32_t version)
{
	struct ffa_transaction t = scattered(FFA_MEM_SHARE_64, FFA_ID_NWD, 2);
	uint64_t handle = 0;

	t.version = version;
	CHECK_CODE(nwd_send(FFA_MEM_SHARE_64, &t, &handle), FFA_INVALID_PARAMETERS);
}

static void other_layouts(void)
{
	refused(FFA_VERSION_1_2);
	refused(nwd_version == FFA_VERSION_1_0 ? FFA_VERSION_1_1 : FFA_VERSION_1_0);
	round_trip(FFA_MEM_SHARE_64, 2);
}

/* ---- the hypervisor's retrieve request ---- */

/* The header of the first fragment; how many ranges came with it. */
static uint32_t check_first(const struct ffa_transaction *t, uint64_t handle, uint32_t size)
{
	struct ffa_retrieved got;

	if (!ffa_read_response(nwd_rx, nwd_version, size, &got)) {
		test_fail("not a response");
		return 0;
	}
	CHECK_EQ(got.handle, handle);
	CHECK_EQ(got.sender, t->sender);
	CHECK_EQ(got.borrower_count, 1);
	CHECK_EQ(got.borrower.id, hello);
	CHECK_EQ(got.range_count, t->range_count);
	CHECK(memcmp(got.ranges, t->ranges, got.in_rx * sizeof(got.ranges[0])) == 0);
	return got.in_rx;
}

void inspect(const struct ffa_transaction *t, uint64_t handle)
{
	struct ffa_regs r = nwd_hypervisor_retrieve(handle);
	uint32_t total = (uint32_t)r.x[1], size = (uint32_t)r.x[2];
	uint32_t seen;

	REQUIRE(ffa_is(&r, FFA_MEM_RETRIEVE_RESP) && size <= PAGE_SIZE);
	CHECK_EQ(total, ffa_describe_size(t));
	seen = check_first(t, handle, size);
	while (size < total && !test_failed()) {
		uint32_t count;

		CHECK_CODE(FFA_CODE(FFA_RX_RELEASE), FFA_OK);
		r = FFA(FFA_MEM_FRAG_RX, (uint32_t)handle, handle >> 32, size);
		count = (uint32_t)r.x[3] / (uint32_t)sizeof(ranges[0]);
		REQUIRE(ffa_is(&r, FFA_MEM_FRAG_TX) && count != 0 && count <= t->range_count - seen);
		CHECK(memcmp(nwd_rx, &t->ranges[seen], count * sizeof(ranges[0])) == 0);
		seen += count;
		size += (uint32_t)r.x[3];
	}
	CHECK_CODE(FFA_CODE(FFA_RX_RELEASE), FFA_OK);
	CHECK_EQ(seen, t->range_count);
}

static void hypervisor_retrieve(void)
{
	static const uint32_t pages[] = { 1, 250, 251, 252, 253, PAGES_MAX };

	for (uint32_t i = 0; i < ARRAY_SIZE(pages); i++) {
		struct ffa_transaction t = scattered(FFA_MEM_SHARE_64, FFA_ID_NWD, pages[i]);
		uint64_t handle = 0;

		REQUIRE(nwd_send(FFA_MEM_SHARE_64, &t, &handle) == FFA_OK);
		inspect(&t, handle);
		CHECK_CODE(nwd_reclaim(handle), FFA_OK);
	}
}

void test_descriptors(void)
{
	static const struct test tests[] = {
		{ "descriptor_share", share },
		{ "descriptor_lend", lend },
		{ "descriptor_fragments", fragments },
		{ "descriptor_other_layouts", other_layouts },
		{ "descriptor_hypervisor_retrieve", hypervisor_retrieve },
	};

	RUN_TESTS(tests);
}
