/* SPDX-License-Identifier: MIT */
/*
 * Without the driver, with a mailbox of our own: what it cannot be made to say. Descriptors that lie, buffers that are
 * none, and messages of 1.2 if the parameter 'version' is that.
 */
#include <linux/mm.h>

#include "payload/linux/ffa_test/groups.h"
#include "payload/linux/ffa_test/own_mailbox.h"
#include "payload/linux/ffa_test/tree.h"

#define ACCESS_SIZE 16

static u16 hello_id, irq_id;

/* With a mailbox, and without: buffers that are none are refused. */
static void begin(void)
{
	phys_addr_t tx_page, rx_page;

	REQUIRE(mailbox_open());
	hello_id = MAILBOX_FIND(UUID_WORDS_HELLO);
	irq_id = MAILBOX_FIND(UUID_WORDS_IRQ);
	if (FFA_CODE(FFA_SPM_ID_GET) != 0) {
		mailbox_close();
		test_skip("no partitions below");
		return;
	}
	REQUIRE(hello_id != 0 && irq_id != 0);
	tx_page = virt_to_phys(mailbox_tx);
	rx_page = virt_to_phys(mailbox_rx);
	CHECK_CODE(FFA_CODE(FFA_RXTX_UNMAP, 0), 0);
	CHECK_CODE(mailbox_map(tx_page + 8, rx_page, 1), FFA_RET_INVALID_PARAMETERS);
	CHECK_CODE(mailbox_map(tx_page, rx_page + 8, 1), FFA_RET_INVALID_PARAMETERS);
	CHECK_CODE(mailbox_map(tx_page, tx_page, 1), FFA_RET_INVALID_PARAMETERS);
	CHECK_CODE(mailbox_map(tx_page, rx_page, 0), FFA_RET_INVALID_PARAMETERS);
	CHECK_CODE(mailbox_map(tx_page, rx_page, 2), FFA_RET_INVALID_PARAMETERS);
	CHECK_CODE(FFA_CODE(FFA_RXTX_UNMAP, 0), FFA_RET_INVALID_PARAMETERS);
	REQUIRE(mailbox_map(tx_page, rx_page, 1) == 0);
}

static void end(void)
{
	SKIP_UNLESS(hello_id != 0, "no mailbox");
	CHECK_CODE(FFA_CODE(FFA_RXTX_UNMAP, 0), 0);
	CHECK_CODE(FFA_CODE(FFA_RXTX_UNMAP, 0), FFA_RET_INVALID_PARAMETERS);
	mailbox_close();
	hello_id = 0;
}

/* ---- descriptors ---- */

/* A share of two ranges of ours. */
struct descriptor {
	struct ffa_mem_region region;
	struct ffa_mem_region_attributes access;
	u32 page_count, range_count;
	u64 reserved;
	struct ffa_mem_region_addr_range ranges[2];
} __packed;

static struct descriptor good(void)
{
	phys_addr_t page = virt_to_phys(mailbox_rx + PAGE_SIZE);

	return (struct descriptor){
		.region = { .sender_id = own_id,
			    .attributes = FFA_MEM_NORMAL | FFA_MEM_WRITE_BACK | FFA_MEM_INNER_SHAREABLE,
			    .ep_mem_size = ACCESS_SIZE,
			    .ep_count = 1,
			    .ep_mem_offset = sizeof(struct ffa_mem_region) },
		.access = { .receiver = hello_id,
			    .attrs = FFA_MEM_RW,
			    .composite_off = offsetof(struct descriptor, page_count) },
		.page_count = 3,
		.range_count = 2,
		.ranges = { { .address = page, .pg_cnt = 1 }, { .address = page + 2 * PAGE_SIZE, .pg_cnt = 2 } },
	};
}

static int send_of(const struct descriptor *d, u32 length, u64 *handle)
{
	struct arm_smccc_1_2_regs r;

	memcpy(mailbox_tx, d, sizeof(*d));
	r = FFA(FFA_FN64_MEM_SHARE, length, length);
	if (ffa_is(&r, FFA_SUCCESS)) {
		*handle = PACK_HANDLE(r.a2, r.a3);
	}
	return ffa_code(&r);
}

static void check_good(void)
{
	struct descriptor d = good();
	u64 handle = 0;

	REQUIRE(send_of(&d, sizeof(d), &handle) == 0);
	CHECK_CODE(FFA_CODE(FFA_MEM_RECLAIM, (u32)handle, handle >> 32, 0), 0);
}

/* A good one, with 'change'. */
#define REFUSED(change, want)                                         \
	do {                                                          \
		struct descriptor d = good();                         \
		u64 handle_ = 0;                                      \
		change;                                               \
		CHECK_CODE(send_of(&d, sizeof(d), &handle_), (want)); \
	} while (0)

static void lies(void)
{
	SKIP_UNLESS(hello_id != 0, "no mailbox");
	check_good();
	/* Who has nobody below speaks for VMs too. */
	if (below != BELOW_NOBODY) {
		REFUSED(d.region.sender_id = own_id + 1,
			below == BELOW_PKVM ? FFA_RET_INVALID_PARAMETERS : FFA_RET_DENIED);
	}
	REFUSED(d.region.sender_id = irq_id, below == BELOW_PKVM ? FFA_RET_INVALID_PARAMETERS : FFA_RET_DENIED);
	REFUSED(d.region.handle = 7, FFA_RET_INVALID_PARAMETERS);
	REFUSED(d.region.flags = 1u << 5, FFA_RET_INVALID_PARAMETERS);
	REFUSED(d.region.ep_count = 0, FFA_RET_INVALID_PARAMETERS);
	REFUSED(d.region.ep_count = 0x10000001, FFA_RET_INVALID_PARAMETERS);
	REFUSED(d.region.ep_mem_size = 8, FFA_RET_INVALID_PARAMETERS);
	REFUSED(d.access.receiver = own_id, FFA_RET_INVALID_PARAMETERS);
	REFUSED(d.access.receiver = 0x8077, FFA_RET_INVALID_PARAMETERS);
	REFUSED(d.access.composite_off = 0, FFA_RET_INVALID_PARAMETERS);
	REFUSED(d.access.composite_off = 0xfffffff0, FFA_RET_INVALID_PARAMETERS);
	REFUSED(d.access.composite_off = sizeof(d), FFA_RET_INVALID_PARAMETERS);
	check_good();
}

static void lies_of_ranges(void)
{
	SKIP_UNLESS(hello_id != 0, "no mailbox");
	REFUSED(d.page_count = 2, FFA_RET_INVALID_PARAMETERS);
	REFUSED(d.page_count = ~0u, FFA_RET_INVALID_PARAMETERS);
	REFUSED(d.range_count = 0, FFA_RET_INVALID_PARAMETERS);
	REFUSED(d.range_count = 1, FFA_RET_INVALID_PARAMETERS);
	REFUSED(d.range_count = 0x10000001, FFA_RET_INVALID_PARAMETERS);
	REFUSED((d.ranges[0].pg_cnt = 0, d.page_count = 2), FFA_RET_INVALID_PARAMETERS);
	check_good();
}

/* The first 16 bytes of a range and no more; and a descriptor without one. */
static void cut_off(void)
{
	struct descriptor d = good();
	u64 handle = 0;

	SKIP_UNLESS(hello_id != 0, "no mailbox");
	CHECK_CODE(send_of(&d, sizeof(d) - 8, &handle), FFA_RET_INVALID_PARAMETERS);
	CHECK_CODE(send_of(&d, sizeof(d) - 16, &handle), FFA_RET_INVALID_PARAMETERS);
	CHECK_CODE(send_of(&d, sizeof(d.region), &handle), FFA_RET_INVALID_PARAMETERS);
	CHECK_CODE(send_of(&d, sizeof(d.region) + ACCESS_SIZE, &handle), FFA_RET_INVALID_PARAMETERS);
	check_good();
}

/* One fragment of two, and then the mailbox goes: the pages must be free again. */
static void half_sent(void)
{
	struct descriptor d = good();
	struct arm_smccc_1_2_regs r;
	u64 handle;

	SKIP_UNLESS(hello_id != 0, "no mailbox");
	/* The first range only. */
	memcpy(mailbox_tx, &d, sizeof(d));
	r = FFA(FFA_FN64_MEM_SHARE, sizeof(d), sizeof(d) - sizeof(d.ranges[1]));
	REQUIRE(ffa_is(&r, FFA_MEM_FRAG_RX));
	handle = PACK_HANDLE(r.a1, r.a2);
	CHECK_EQ(r.a3, sizeof(d) - sizeof(d.ranges[1]));
	memcpy(mailbox_tx, &d.ranges[1], sizeof(d.ranges[1]));
	r = FFA(FFA_MEM_FRAG_TX, (u32)handle, handle >> 32, sizeof(d.ranges[1]), 0);
	CHECK_EQ(r.a0, FFA_SUCCESS);
	CHECK_CODE(FFA_CODE(FFA_MEM_RECLAIM, (u32)handle, handle >> 32, 0), 0);
	check_good();
}

static void req2(void)
{
	struct arm_smccc_1_2_regs r;

	SKIP_UNLESS(hello_id != 0, "no mailbox");
	r = ffa_message((struct arm_smccc_1_2_regs){ FFA_MSG_SEND_DIRECT_REQ2, ffa_pair(own_id, hello_id), 0, 0, 1, 2,
						     3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14 });
	if (version < FFA_VERSION_1_2 || partition_strict_proxy()) {
		CHECK_CODE(ffa_code(&r), partition_strict_proxy() ? FFA_RET_NOT_SUPPORTED : FFA_RET_DENIED);
		return;
	}
	CHECK_EQ(r.a0, FFA_MSG_SEND_DIRECT_RESP2);
	CHECK_EQ(r.a1, ffa_pair(hello_id, own_id));
	CHECK(r.a4 == 1 && r.a5 == 2 && r.a10 == 7 && r.a16 == 13 && r.a17 == 14);
}

static const struct test tests[] = {
	{ "begin", begin },     { "lies", lies },           { "lies_of_ranges", lies_of_ranges },
	{ "cut_off", cut_off }, { "half_sent", half_sent }, { "req2", req2 },
	{ "end", end },
};
GROUP(mailbox, tests);
