/* SPDX-License-Identifier: MIT */
/* Descriptors that are wrong in one place each: every one is refused and leaves no trace. */
#include "payload/lib/string.h"
#include "payload/nwd/client/tests.h"

static uint64_t page(uint32_t n)
{
	return (uint64_t)nwd_pages[n];
}

/* A good share of two ranges in TX; tests break it. */
static struct ffa_constituent ranges[2];
static struct ffa_transaction good(uint32_t id)
{
	struct ffa_transaction t = nwd_transaction(id, hello, &ranges[0], nwd_pages[0], 1);

	ranges[1] = (struct ffa_constituent){ .address = page(4), .page_count = 2 };
	t.range_count = 2;
	return t;
}

static int32_t try(uint32_t id, uint32_t total, uint32_t length)
{
	return FFA_CODE(id, total, length);
}

#define HEADER ((struct ffa_memory_region *)nwd_tx)
#define ACCESS ((struct ffa_memory_access_1_2 *)(nwd_tx + sizeof(struct ffa_memory_region)))
#define COMPOSITE ((struct ffa_composite *)(ACCESS + 1))
#define RANGES ((struct ffa_constituent *)(COMPOSITE + 1))

/* Writes a good descriptor, does 'change', and wants that code. */
#define BREAK(id, change, want)                                \
	do {                                                   \
		struct ffa_transaction t_ = good(id);          \
		uint32_t size_ = ffa_describe(nwd_tx, &t_, 2); \
		change;                                        \
		CHECK_CODE(try((id), size_, size_), (want));   \
	} while (0)

static void is_good(uint32_t id)
{
	struct ffa_transaction t = good(id);
	uint64_t handle = 0;

	CHECK_CODE(nwd_send(id, &t, &handle), FFA_OK);
	CHECK_CODE(nwd_reclaim(handle), FFA_OK);
}

static void headers(void)
{
	const uint32_t id = FFA_MEM_SHARE_64;

	BREAK(id, HEADER->sender = irq, FFA_DENIED);
	BREAK(id, HEADER->attributes = 0x80 | FFA_ATTRIBUTES_NORMAL, FFA_INVALID_PARAMETERS);
	BREAK(id, HEADER->attributes = FFA_ATTRIBUTE_NS | FFA_ATTRIBUTES_NORMAL, FFA_INVALID_PARAMETERS);
	BREAK(id, HEADER->attributes = FFA_ATTRIBUTES_NORMAL & ~0xcu, FFA_DENIED);
	BREAK(id, HEADER->attributes = FFA_ATTRIBUTES_NORMAL & ~0x3u, FFA_DENIED);
	BREAK(id, HEADER->flags = FFA_MEM_ZERO, FFA_INVALID_PARAMETERS);
	BREAK(id, HEADER->flags = 1u << 5, FFA_INVALID_PARAMETERS);
	BREAK(id, HEADER->handle = 1, FFA_INVALID_PARAMETERS);
	BREAK(id, HEADER->access_size = 8, FFA_INVALID_PARAMETERS);
	BREAK(id, HEADER->access_size = 24, FFA_INVALID_PARAMETERS);
	BREAK(id, HEADER->access_count = 0, FFA_INVALID_PARAMETERS);
	BREAK(id, HEADER->access_count = UINT32_MAX, FFA_INVALID_PARAMETERS);
	BREAK(id, HEADER->access_count = 0x08000001, FFA_INVALID_PARAMETERS);
	BREAK(id, HEADER->access_offset = 0, FFA_INVALID_PARAMETERS);
	BREAK(id, HEADER->access_offset = 0xfffffff0, FFA_INVALID_PARAMETERS);
	BREAK(id, HEADER->reserved[1] = 1, FFA_INVALID_PARAMETERS);
	is_good(id);
}

static void borrowers(void)
{
	const uint32_t id = FFA_MEM_SHARE_64;

	BREAK(id, ACCESS->endpoint = 0x8077, FFA_INVALID_PARAMETERS);
	BREAK(id, ACCESS->endpoint = FFA_ID_NWD, FFA_INVALID_PARAMETERS);
	BREAK(id, ACCESS->permissions = 0, FFA_INVALID_PARAMETERS);
	BREAK(id, ACCESS->permissions = 3, FFA_INVALID_PARAMETERS);
	BREAK(id, ACCESS->permissions = FFA_PERMISSIONS(FFA_DATA_RW, FFA_EXEC_X), FFA_INVALID_PARAMETERS);
	BREAK(id, ACCESS->permissions |= 0x10, FFA_INVALID_PARAMETERS);
	BREAK(id, ACCESS->reserved = 1, FFA_INVALID_PARAMETERS);
	BREAK(id, ACCESS->composite_offset = 0, FFA_INVALID_PARAMETERS);
	BREAK(id, ACCESS->composite_offset = 48, FFA_INVALID_PARAMETERS);
	BREAK(id, ACCESS->composite_offset = 84, FFA_INVALID_PARAMETERS);
	BREAK(id, ACCESS->composite_offset = 0x1000, FFA_INVALID_PARAMETERS);
	BREAK(id, ACCESS->composite_offset = 0xfffffff0, FFA_INVALID_PARAMETERS);
	is_good(id);
}

static void same_borrower_twice(void)
{
	struct ffa_transaction t = good(FFA_MEM_SHARE_64);
	uint64_t handle;

	t.borrower_count = 2;
	t.borrowers[1] = t.borrowers[0];
	CHECK_CODE(nwd_send(FFA_MEM_SHARE_64, &t, &handle), FFA_INVALID_PARAMETERS);
	/* More than there can be, and a donation to two. */
	t.borrowers[1].id = irq;
	CHECK_CODE(nwd_send(FFA_MEM_DONATE_64, &t, &handle), FFA_INVALID_PARAMETERS);
	is_good(FFA_MEM_SHARE_64);
}

static void pages(void)
{
	const uint32_t id = FFA_MEM_SHARE_64;

	BREAK(id, COMPOSITE->page_count = 2, FFA_INVALID_PARAMETERS);
	BREAK(id, COMPOSITE->page_count = 4, FFA_INVALID_PARAMETERS);
	BREAK(id, COMPOSITE->page_count = UINT32_MAX, FFA_INVALID_PARAMETERS);
	BREAK(id, COMPOSITE->range_count = 0, FFA_INVALID_PARAMETERS);
	BREAK(id, COMPOSITE->range_count = 1, FFA_INVALID_PARAMETERS);
	BREAK(id, COMPOSITE->range_count = 0x10000001, FFA_INVALID_PARAMETERS);
	BREAK(id, RANGES[0].address += 8, FFA_INVALID_PARAMETERS);
	BREAK(id, (RANGES[0].page_count = 0, COMPOSITE->page_count = 2), FFA_INVALID_PARAMETERS);
	BREAK(id, RANGES[0].address = page(4), FFA_INVALID_PARAMETERS);
	BREAK(id, RANGES[0].address = page(5), FFA_INVALID_PARAMETERS);
	/* What is not the normal world's memory. */
	BREAK(id, RANGES[1].address = 0x0e100000, FFA_DENIED);
	BREAK(id, RANGES[1].address = 0x0e800000, FFA_DENIED);
	BREAK(id, RANGES[1].address = UINT64_C(0x80000000) - PAGE_SIZE, FFA_DENIED);
	BREAK(id, RANGES[1].address = UINT64_C(0x10000000000), FFA_DENIED);
	BREAK(id, RANGES[1].address = UINT64_C(0xfffffffffffff000), FFA_INVALID_PARAMETERS);
	is_good(id);
}

static void kinds(void)
{
	/* Lent to one, or donated: the receiver says what kind of memory it is. */
	BREAK(FFA_MEM_LEND_64, HEADER->attributes = FFA_ATTRIBUTES_NORMAL, FFA_INVALID_PARAMETERS);
	BREAK(FFA_MEM_DONATE_64, HEADER->attributes = FFA_ATTRIBUTES_NORMAL, FFA_INVALID_PARAMETERS);
	BREAK(FFA_MEM_DONATE_64, ACCESS->permissions = FFA_PERMISSIONS(FFA_DATA_RW, 0), FFA_INVALID_PARAMETERS);
	BREAK(FFA_MEM_LEND_64, ACCESS->permissions = FFA_PERMISSIONS(FFA_DATA_RW, FFA_EXEC_X), FFA_INVALID_PARAMETERS);
	is_good(FFA_MEM_LEND_64);
	is_good(FFA_MEM_DONATE_64);
}

static void lengths(void)
{
	const uint32_t id = FFA_MEM_SHARE_64;
	struct ffa_transaction t = good(id);
	uint32_t size = ffa_describe(nwd_tx, &t, 2);

	CHECK_CODE(FFA_CODE(id, size, size, page(0), 1), FFA_INVALID_PARAMETERS);
	CHECK_CODE(try(id, size, size + 16), FFA_INVALID_PARAMETERS);
	CHECK_CODE(try(id, size + 8, size + 8), FFA_INVALID_PARAMETERS);
	CHECK_CODE(try(id, size - 8, size - 8), FFA_INVALID_PARAMETERS);
	CHECK_CODE(try(id, size - 16, size - 16), FFA_INVALID_PARAMETERS);
	CHECK_CODE(try(id, 0, 0), FFA_INVALID_PARAMETERS);
	CHECK_CODE(try(id, 48, 48), FFA_INVALID_PARAMETERS);
	CHECK_CODE(try(id, 95, 95), FFA_INVALID_PARAMETERS);
	CHECK_CODE(try(id, 0x2000, 0x2000), FFA_INVALID_PARAMETERS);
	CHECK_CODE(try(id, UINT32_MAX, UINT32_MAX), FFA_INVALID_PARAMETERS);
	is_good(id);
}

/* A page is in one transaction at most. */
static void already_sent(void)
{
	uint64_t handle, other;

	REQUIRE(nwd_send_pages(FFA_MEM_SHARE_64, hello, nwd_pages[4], 1, &handle) == FFA_OK);
	BREAK(FFA_MEM_SHARE_64, (void)0, FFA_DENIED);
	BREAK(FFA_MEM_LEND_64, (void)0, FFA_DENIED);
	BREAK(FFA_MEM_DONATE_64, (void)0, FFA_DENIED);
	/* The page before the one that is shared was not taken. */
	CHECK_CODE(nwd_send_pages(FFA_MEM_SHARE_64, hello, nwd_pages[0], 1, &other), FFA_OK);
	CHECK(other != handle);
	CHECK_CODE(nwd_reclaim(other), FFA_OK);
	CHECK_CODE(nwd_reclaim(handle), FFA_OK);
	is_good(FFA_MEM_SHARE_64);
}

static void reclaims(void)
{
	CHECK_CODE(nwd_reclaim(FFA_HANDLE_INVALID), FFA_INVALID_PARAMETERS);
	CHECK_CODE(nwd_reclaim(FFA_HANDLE_HYPERVISOR), FFA_INVALID_PARAMETERS);
	CHECK_CODE(nwd_reclaim(0x12345678), FFA_INVALID_PARAMETERS);
}

static void relinquishes(void)
{
	struct ffa_relinquish *request = (struct ffa_relinquish *)nwd_tx;

	*request = (struct ffa_relinquish){ .handle = 12345, .endpoint_count = 1 };
	request->endpoints[0] = FFA_ID_NWD;
	CHECK_CODE(FFA_CODE(FFA_MEM_RELINQUISH), FFA_INVALID_PARAMETERS);
	request->endpoint_count = 0;
	CHECK_CODE(FFA_CODE(FFA_MEM_RELINQUISH), FFA_INVALID_PARAMETERS);
	request->endpoint_count = UINT32_MAX;
	CHECK_CODE(FFA_CODE(FFA_MEM_RELINQUISH), FFA_INVALID_PARAMETERS);
	CHECK_CODE(COMMAND_CODE(hello, COMMAND_RELINQUISH, 12345, 0), FFA_INVALID_PARAMETERS);
}

/* In a descriptor of 1.1, which callers of 1.2 may still send. */
static void older_access_descriptor(void)
{
	struct ffa_transaction t = good(FFA_MEM_SHARE_64);
	uint64_t handle = 0;

	t.version = FFA_VERSION_1_1;
	CHECK_CODE(nwd_send(FFA_MEM_SHARE_64, &t, &handle), FFA_OK);
	CHECK_CODE(nwd_retrieve(hello, FFA_MEM_SHARE_64, handle, 0).w[0], FFA_OK);
	CHECK_CODE(COMMAND_CODE(hello, COMMAND_RELINQUISH, handle, 0), FFA_OK);
	CHECK_CODE(nwd_reclaim(handle), FFA_OK);
}

/* In the name of a VM: it is the sender, and owns what the hypervisor says. */
static void share_of_vm(void)
{
	struct ffa_transaction t = good(FFA_MEM_SHARE_64);
	uint64_t handle = 0;
	uint64_t want = 12 | (uint64_t)FFA_PERMISSIONS(FFA_DATA_RW, 0) << 16 | (uint64_t)FFA_ATTRIBUTES_NORMAL << 32;

	t.sender = 12;
	REQUIRE(nwd_send(FFA_MEM_SHARE_64, &t, &handle) == FFA_OK);
	CHECK_CODE(nwd_retrieve(hello, FFA_MEM_SHARE_64, handle, 0).w[0], FFA_DENIED);
	CHECK_CODE(COMMAND_CODE(hello, COMMAND_RETRIEVE, handle, 0, want), FFA_OK);
	CHECK_CODE(COMMAND_CODE(hello, COMMAND_RELINQUISH, handle, 0), FFA_OK);
	CHECK_CODE(nwd_reclaim(handle), FFA_OK);
}

/* As many as there may be: then NO_MEMORY, and all can be reclaimed. */
static void many_transactions(void)
{
	static uint64_t handles[NWD_PAGES];
	uint32_t count = 0;
	int32_t code = FFA_OK;

	while (count < NWD_PAGES - 1 && code == FFA_OK) {
		code = nwd_send_pages(FFA_MEM_SHARE_64, hello, nwd_pages[count], 1, &handles[count]);
		count += code == FFA_OK;
	}
	CHECK(code == FFA_OK || code == FFA_NO_MEMORY);
	CHECK(count >= 64);
	for (uint32_t i = 0; i < count; i++) {
		CHECK_CODE(nwd_reclaim(handles[i]), FFA_OK);
	}
	is_good(FFA_MEM_SHARE_64);
}

void test_memory_errors(void)
{
	static const struct test tests[] = {
		{ "descriptor_headers", headers },
		{ "descriptor_borrowers", borrowers },
		{ "descriptor_same_borrower_twice", same_borrower_twice },
		{ "descriptor_pages", pages },
		{ "descriptor_kinds", kinds },
		{ "descriptor_lengths", lengths },
		{ "descriptor_older_access", older_access_descriptor },
		{ "memory_already_sent", already_sent },
		{ "memory_reclaim_checks", reclaims },
		{ "memory_relinquish_checks", relinquishes },
		{ "memory_share_of_vm", share_of_vm },
		{ "memory_many_transactions", many_transactions },
	};

	RUN_TESTS(tests);
}
