/* SPDX-License-Identifier: MIT */
/* Memory that partitions get and give back, with what is in it looked at from both sides. */
#include <linux/sizes.h>

#include "payload/linux/ffa_test/memory.h"
#include "payload/linux/ffa_test/groups.h"

#define OURS 0x111000
#define THEIRS 0x222000
#define MANY 64
#define SP_MEM_SHARE FFA_FN64_MEM_SHARE

static void share_page(void)
{
	memory_round_trip(hello, SHARE, 1, 0);
	memory_round_trip(irq, SHARE, 1, 0);
	memory_round_trip(relay, SHARE, 1, 0);
}

static void lend_page(void)
{
	memory_round_trip(hello, LEND, 1, 0);
	memory_round_trip(irq, LEND, 1, 0);
	memory_round_trip(relay, LEND, 1, 0);
}

static void share_ranges(void)
{
	memory_round_trip(hello, SHARE, 20, 2);
}

static void share_2_mib(void)
{
	memory_round_trip(hello, SHARE, 1, get_order(SZ_2M));
}

static void lend_2_mib(void)
{
	memory_round_trip(irq, LEND, 1, get_order(SZ_2M));
}

/* The last descriptor that fits our buffer, the first that does not, and three fragments; taking back has them too. */
static void fragments_share(void)
{
	static const unsigned int ranges[] = { 250, 251, 252, 253, 600 };

	for (unsigned int i = 0; i < ARRAY_SIZE(ranges) && !test_failed(); i++) {
		memory_round_trip(hello, SHARE, ranges[i], 0);
	}
}

static void fragments_lend(void)
{
	memory_round_trip(irq, LEND, 252, 0);
	memory_round_trip(hello, LEND, 600, 0);
}

/* Reading is allowed, writing faults; so do both when it has given it back. */
static void read_only(void)
{
	struct memory *m = memory_get(1, 0);
	u64 page;

	SKIP_UNLESS(below != BELOW_HYPERVISOR, "a VM does not know where its pages are");
	REQUIRE(m != NULL);
	page = memory_page(m, 0);
	memory_fill(m, OURS);
	REQUIRE(memory_send(m, (struct send){ SHARE, hello, .access = FFA_MEM_RO }) == 0);
	CHECK_CODE(memory_retrieve(m, hello, FFA_MEM_RW), FFA_RET_DENIED);
	REQUIRE(memory_retrieve(m, hello, FFA_MEM_RO) == 0);
	CHECK_EQ(COMMAND(hello, COMMAND_TOUCH, page, 0).w[1], 0);
	CHECK_EQ(COMMAND(hello, COMMAND_TOUCH, page, 0).w[2], OURS);
	CHECK_EQ(COMMAND(hello, COMMAND_TOUCH, page, 1).w[1], 1);
	CHECK_EQ(memory_wrong(m, OURS), 0);
	CHECK_CODE(memory_relinquish(m, hello), 0);
	CHECK_EQ(COMMAND(hello, COMMAND_TOUCH, page, 0).w[1], 1);
}

static void not_before_retrieve(void)
{
	struct memory *m = memory_get(1, 0);
	u64 page;

	SKIP_UNLESS(below != BELOW_HYPERVISOR, "a VM does not know where its pages are");
	REQUIRE(m != NULL);
	page = memory_page(m, 0);
	CHECK_EQ(COMMAND(hello, COMMAND_TOUCH, page, 0).w[1], 1);
	REQUIRE(SEND(m, SHARE, hello) == 0);
	CHECK_EQ(COMMAND(hello, COMMAND_TOUCH, page, 0).w[1], 1);
	/* What is hello's is not irq's. */
	CHECK_CODE(memory_retrieve(m, irq, FFA_MEM_RW), FFA_RET_INVALID_PARAMETERS);
	REQUIRE(memory_retrieve(m, hello, FFA_MEM_RW) == 0);
	CHECK_EQ(COMMAND(hello, COMMAND_TOUCH, page, 1).w[1], 0);
	CHECK_EQ(COMMAND(irq, COMMAND_TOUCH, page, 0).w[1], 1);
}

/* Zeroed before it is theirs, and before it is ours again. */
static void zeroed(void)
{
	struct memory *m = memory_get(4, 1);

	SKIP_UNLESS(below != BELOW_HYPERVISOR, "a VM does not know where its pages are");
	REQUIRE(m != NULL);
	memory_fill(m, OURS);
	REQUIRE(SEND(m, LEND, hello, .flags = FFA_MEM_CLEAR) == 0);
	REQUIRE(memory_retrieve(m, hello, FFA_MEM_RW) == 0);
	for (unsigned int page = 0; page < 8; page++) {
		CHECK_EQ(COMMAND(hello, COMMAND_TOUCH, memory_page(m, page), 0).w[2], 0);
	}
	CHECK_CODE(memory_fill_by(m, hello, THEIRS), 0);
	CHECK_CODE(memory_relinquish(m, hello), 0);
	CHECK_CODE(memory_reclaim(m), 0);
	CHECK_EQ(memory_wrong(m, THEIRS), 0);
}

/* While somebody has it, it cannot be had back; and afterwards once. */
static void reclaim_in_use(void)
{
	struct memory *m = memory_get(3, 0);

	REQUIRE(m != NULL);
	REQUIRE(SEND(m, SHARE, hello) == 0);
	REQUIRE(memory_retrieve(m, hello, FFA_MEM_RW) == 0);
	CHECK_CODE(memory_reclaim(m), -EACCES);
	CHECK_CODE(memory_fill_by(m, hello, THEIRS), 0);
	CHECK_EQ(memory_wrong(m, THEIRS), 0);
	CHECK_CODE(memory_relinquish(m, hello), 0);
	CHECK_CODE(memory_relinquish(m, hello), FFA_RET_INVALID_PARAMETERS);
	CHECK_CODE(memory_reclaim(m), 0);
	CHECK_CODE(memory_reclaim(m), -EINVAL);
	CHECK_CODE(memory_retrieve(m, hello, FFA_MEM_RW), FFA_RET_INVALID_PARAMETERS);
}

static void retrieve_wrong(void)
{
	struct memory *m = memory_get(1, 0);

	REQUIRE(m != NULL);
	m->tag = 5;
	REQUIRE(SEND(m, SHARE, hello) == 0);
	m->tag = 6;
	CHECK_CODE(memory_retrieve(m, hello, FFA_MEM_RW), FFA_RET_INVALID_PARAMETERS);
	m->tag = 5;
	CHECK_CODE(memory_retrieve(m, hello, FFA_MEM_RW), 0);
}

/* Many at once, taken back in another order. */
static void many(void)
{
	struct memory *all[MANY];

	for (unsigned int i = 0; i < MANY; i++) {
		all[i] = memory_get(1, 0);
		REQUIRE(all[i] != NULL);
		REQUIRE(SEND(all[i], i % 2 == 0 ? SHARE : LEND, i % 3 == 0 ? irq : hello) == 0);
		for (unsigned int j = 0; j < i; j++) {
			CHECK(all[i]->handle != all[j]->handle);
		}
	}
	for (unsigned int i = 0; i < MANY; i++) {
		CHECK_CODE(memory_reclaim(all[i * 37 % MANY]), 0);
	}
}

/* Between partitions, and we have no part in it. */
static void between_partitions(void)
{
	struct words w = COMMAND(hello, COMMAND_SEND, SP_MEM_SHARE, irq->vm_id, 2 | (u64)FFA_MEM_RW << 32,
				 0x2full << 32);
	u64 handle = w.w[1], address = w.w[2];

	CHECK_CODE(w.w[0], 0);
	REQUIRE(w.w[0] == 0);
	CHECK_CODE(COMMAND_CODE(irq, COMMAND_RETRIEVE, handle, 0, hello->vm_id | 2u << 16 | 0x2full << 32, 0), 0);
	CHECK_CODE(COMMAND_CODE(irq, COMMAND_FILL, handle, THEIRS), 0);
	CHECK_EQ(COMMAND(hello, COMMAND_CHECK, 0, THEIRS, address, 2).w[1], 0);
	/* It is not ours to take back. */
	CHECK(hello->ops->mem_ops->memory_reclaim(handle, 0) != 0);
	CHECK_CODE(COMMAND_CODE(irq, COMMAND_RELINQUISH, handle, 0), 0);
	CHECK_CODE(code_from(hello, FFA_MEM_RECLAIM, (u32)handle, handle >> 32, 0), 0);
}

/* Both see what either writes; it is ours again when both have given it back. */
static void two_receivers(void)
{
	struct memory *m = memory_get(2, 0);

	SKIP_UNLESS(below != BELOW_PKVM, "pKVM's proxy takes one receiver");
	REQUIRE(m != NULL);
	memory_fill(m, OURS);
	REQUIRE(SEND(m, SHARE, hello, irq) == 0);
	REQUIRE(memory_retrieve(m, hello, FFA_MEM_RW) == 0);
	REQUIRE(memory_retrieve(m, irq, FFA_MEM_RW) == 0);
	CHECK_EQ(memory_wrong_for(m, irq, OURS), 0);
	CHECK_CODE(memory_fill_by(m, hello, THEIRS), 0);
	CHECK_EQ(memory_wrong_for(m, irq, THEIRS), 0);
	CHECK_EQ(memory_wrong(m, THEIRS), 0);
	CHECK_CODE(memory_relinquish(m, hello), 0);
	CHECK_CODE(memory_reclaim(m), -EACCES);
	CHECK_CODE(memory_relinquish(m, irq), 0);
	CHECK_CODE(memory_reclaim(m), 0);
}

static const struct test tests[] = {
	{ "share_page", share_page },
	{ "lend_page", lend_page },
	{ "share_ranges", share_ranges },
	{ "share_2_mib", share_2_mib },
	{ "lend_2_mib", lend_2_mib },
	{ "fragments_share", fragments_share },
	{ "fragments_lend", fragments_lend },
	{ "read_only", read_only },
	{ "not_before_retrieve", not_before_retrieve },
	{ "zeroed", zeroed },
	{ "reclaim_in_use", reclaim_in_use },
	{ "retrieve_wrong", retrieve_wrong },
	{ "many", many },
	{ "between_partitions", between_partitions },
	{ "two_receivers", two_receivers },
};
GROUP(sharing, tests);
