/* SPDX-License-Identifier: MIT */
/* What the driver found, and what discovery says past it. */
#include <linux/bitfield.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "payload/linux/ffa_test/partition.h"
#include "payload/linux/ffa_test/groups.h"
#include "payload/linux/ffa_test/tree.h"

#define OF_HYPERVISOR 2
#define SPMC_ID 0x8000
#define INFO_COUNT_ONLY 1
#define INFO_MAX 16

static void version(void)
{
	struct arm_smccc_1_2_regs r = FFA(FFA_VERSION, partition_version());

	CHECK(partition_version() >= FFA_VERSION_1_1 && partition_version() <= DRIVER_VERSION);
	/* The SPMC says what it speaks, pKVM what was agreed. */
	CHECK_EQ(r.a0, below == BELOW_PKVM ? partition_version() : FFA_VERSION_1_2);
	report_note("FF-A %u.%u", FFA_MAJOR_VERSION(partition_version()), FFA_MINOR_VERSION(partition_version()));
}

static void version_others(void)
{
	static const u32 others[] = { 0, 0x20000, 0x20001, 0x7fff0001, 0xffffffff };

	for (unsigned int i = 0; i < ARRAY_SIZE(others); i++) {
		struct arm_smccc_1_2_regs r = FFA(FFA_VERSION, others[i]);

		CHECK_CODE(r.a0, FFA_RET_NOT_SUPPORTED);
	}
	CHECK_EQ(FFA(FFA_ID_GET).a0, FFA_SUCCESS);
}

static void ids(void)
{
	struct arm_smccc_1_2_regs r = FFA(FFA_ID_GET);

	CHECK_EQ(r.a0, FFA_SUCCESS);
	CHECK_EQ(r.a2, own_id);
	CHECK((own_id & 0x8000) == 0);
	r = FFA(FFA_SPM_ID_GET);
	CHECK_EQ(r.a0, FFA_SUCCESS);
	CHECK_EQ(r.a2, SPMC_ID);
}

static void partitions(void)
{
	struct ffa_device *const all[] = { hello, irq, relay };

	for (unsigned int i = 0; i < ARRAY_SIZE(all); i++) {
		REQUIRE(all[i] != NULL);
		CHECK(all[i]->vm_id > SPMC_ID);
		CHECK(ffa_partition_supports_direct_recv(all[i]));
		CHECK((all[i]->properties & FFA_PARTITION_AARCH64_EXEC) != 0);
		CHECK(!all[i]->mode_32bit);
	}
	CHECK(hello->vm_id != irq->vm_id && hello->vm_id != relay->vm_id && irq->vm_id != relay->vm_id);
	CHECK(ffa_partition_supports_indirect_msg(hello) && !ffa_partition_supports_indirect_msg(irq));
	CHECK(ffa_partition_supports_notify_recv(hello));
}

static void features(void)
{
	static const u32 there[] = { FFA_VERSION,
				     FFA_FEATURES,
				     FFA_RX_RELEASE,
				     FFA_FN64_RXTX_MAP,
				     FFA_RXTX_UNMAP,
				     FFA_PARTITION_INFO_GET,
				     FFA_ID_GET,
				     FFA_RUN,
				     FFA_MSG_SEND_DIRECT_REQ,
				     FFA_FN64_MSG_SEND_DIRECT_REQ,
				     FFA_FN64_MEM_SHARE,
				     FFA_FN64_MEM_LEND,
				     FFA_MEM_RECLAIM };
	/* A hypervisor calls the last two for its VMs. */
	static const u32 by_age[] = { FFA_PARTITION_INFO_GET_REGS,    FFA_NOTIFICATION_BIND,
				      FFA_NOTIFICATION_UNBIND,        FFA_NOTIFICATION_SET,
				      FFA_NOTIFICATION_GET,           FFA_NOTIFICATION_BITMAP_CREATE,
				      FFA_NOTIFICATION_BITMAP_DESTROY };
	static const u32 of_1_2[] = { FFA_MSG_SEND_DIRECT_REQ2, FFA_MSG_SEND_DIRECT_RESP2 };
	bool all = !partition_strict_proxy();

	for (unsigned int i = 0; i < ARRAY_SIZE(there); i++) {
		CHECK_CODE(FFA_CODE(FFA_FEATURES, there[i]), 0);
	}
	/* A proxy has none of these, and refuses the calls too, or all. */
	for (unsigned int i = 0; i < ARRAY_SIZE(by_age); i++) {
		bool there_is = all && (below != BELOW_HYPERVISOR || i < ARRAY_SIZE(by_age) - OF_HYPERVISOR);

		CHECK_CODE(FFA_CODE(FFA_FEATURES, by_age[i]), there_is ? 0 : FFA_RET_NOT_SUPPORTED);
		CHECK(there_is || FFA_CODE(by_age[i], ffa_pair(hello->vm_id, own_id), 0, 1) == FFA_RET_NOT_SUPPORTED);
	}
	CHECK(all || hello->ops->notifier_ops->notify_send(hello, 0, false, 0) == -EOPNOTSUPP);
	for (unsigned int i = 0; i < ARRAY_SIZE(of_1_2); i++) {
		CHECK_CODE(FFA_CODE(FFA_FEATURES, of_1_2[i]),
			   all && partition_version() == FFA_VERSION_1_2 ? 0 : FFA_RET_NOT_SUPPORTED);
	}
	CHECK_CODE(FFA_CODE(FFA_FEATURES, FFA_FN64_NOTIFICATION_INFO_GET),
		   below == BELOW_HYPERVISOR ? FFA_RET_NOT_SUPPORTED : 0);
}

/* What the proxy itself says of what it does not let through. */
static void features_of_pkvm(void)
{
	static const u32 blocked[] = {
		FFA_MEM_DONATE,     FFA_FN64_MEM_DONATE, FFA_MEM_RETRIEVE_REQ, FFA_FN64_MEM_RETRIEVE_REQ,
		FFA_MEM_RELINQUISH, FFA_MEM_FRAG_RX,     FFA_MEM_OP_PAUSE,     FFA_MEM_OP_RESUME,
		FFA_MSG_SEND,       FFA_MSG_POLL,        FFA_MSG_WAIT,         FFA_MSG_SEND_DIRECT_RESP,
		FFA_RXTX_MAP
	};

	SKIP_UNLESS(below == BELOW_PKVM, "no pKVM");
	for (unsigned int i = 0; i < ARRAY_SIZE(blocked); i++) {
		CHECK_CODE(FFA_CODE(FFA_FEATURES, blocked[i]), FFA_RET_NOT_SUPPORTED);
	}
}

/* 4 KiB, for callers of 1.2 with the most that there may be, and no dynamic buffers. */
static void feature_values(void)
{
	struct arm_smccc_1_2_regs r = FFA(FFA_FEATURES, FFA_FN64_RXTX_MAP);

	CHECK_EQ(r.a2 & 0xffff, 0);
	CHECK_EQ(r.a2 >> 16 != 0, partition_version() == FFA_VERSION_1_2);
	r = FFA(FFA_FEATURES, FFA_FN64_MEM_SHARE);
	CHECK_EQ(r.a2, 0);
	r = FFA(FFA_FEATURES, FFA_FN64_MEM_LEND);
	CHECK_EQ(r.a2, 0);
}

static void info_by_uuid(void)
{
	struct ffa_partition_info *info = kcalloc(INFO_MAX, sizeof(*info), GFP_KERNEL);
	char text[UUID_STRING_LEN + 1];

	REQUIRE(info != NULL);
	snprintf(text, sizeof(text), "%pUb", &relay->uuid);
	CHECK_CODE(relay->ops->info_ops->partition_info_get(text, info), 0);
	CHECK_EQ(info[0].id, relay->vm_id);
	CHECK_EQ(info[0].exec_ctxt, 1);
	snprintf(text, sizeof(text), "%pUb", &hello->uuid);
	CHECK_CODE(hello->ops->info_ops->partition_info_get(text, info), 0);
	CHECK_EQ(info[0].id, hello->vm_id);
	CHECK_EQ(info[0].properties, hello->properties);
	CHECK_CODE(hello->ops->info_ops->partition_info_get("00000001-0002-0003-0004-000000000005", info), -ENOENT);
	kfree(info);
}

/* Only how many: nothing is written. */
static void info_count(void)
{
	struct arm_smccc_1_2_regs r = FFA(FFA_PARTITION_INFO_GET, 0, 0, 0, 0, INFO_COUNT_ONLY);

	CHECK_EQ(r.a0, FFA_SUCCESS);
	CHECK(r.a2 >= 3);
	CHECK_CODE(FFA_CODE(FFA_PARTITION_INFO_GET, 1, 2, 3, 4, INFO_COUNT_ONLY), FFA_RET_INVALID_PARAMETERS);
}

static bool regs_has(const struct arm_smccc_1_2_regs *r, unsigned int count, u16 id)
{
	const struct ffa_partition_info *info = (const void *)&r->a3;

	for (unsigned int i = 0; i < count; i++) {
		if (info[i].id == id) {
			return true;
		}
	}
	return false;
}

static void info_in_registers(void)
{
	struct arm_smccc_1_2_regs r = FFA(FFA_PARTITION_INFO_GET_REGS);
	unsigned int count = FIELD_GET(GENMASK(31, 16), r.a2) + 1;

	SKIP_UNLESS(!partition_strict_proxy(), "pKVM's proxy has no such call");
	REQUIRE((u32)r.a0 == FFA_FN64_SUCCESS);
	CHECK_EQ(FIELD_GET(GENMASK(63, 48), r.a2), sizeof(struct ffa_partition_info));
	CHECK(regs_has(&r, count, hello->vm_id) && regs_has(&r, count, irq->vm_id) &&
	      regs_has(&r, count, relay->vm_id));
	CHECK_CODE(FFA_CODE(FFA_PARTITION_INFO_GET_REGS, 0, 0, 0x7fff), FFA_RET_INVALID_PARAMETERS);
}

/* The driver has mapped its buffers: there are no others, and nobody else's are taken away. */
static void second_buffers(void)
{
	unsigned long pages = __get_free_pages(GFP_KERNEL, 1);

	REQUIRE(pages != 0);
	CHECK_CODE(
		FFA_CODE(FFA_FN64_RXTX_MAP, virt_to_phys((void *)pages), virt_to_phys((void *)(pages + PAGE_SIZE)), 1),
		FFA_RET_DENIED);
	CHECK_CODE(FFA_CODE(FFA_RXTX_UNMAP, (u32)hello->vm_id << 16), FFA_RET_INVALID_PARAMETERS);
	free_pages(pages, 1);
	CHECK_CODE(COMMAND_CODE(hello, COMMAND_STATE), 0);
	info_by_uuid();
}

/* The numbers are FF-A's, and nothing is behind them. */
static void unknown_calls(void)
{
	static const u32 unknown[] = { 0x84000087, 0x84000090, 0x840000a0, 0xc40000a0, 0xc4000063 };

	for (unsigned int i = 0; i < ARRAY_SIZE(unknown); i++) {
		struct arm_smccc_1_2_regs r = FFA(unknown[i]);

		CHECK((int)r.a0 == FFA_RET_NOT_SUPPORTED || ffa_code(&r) == FFA_RET_NOT_SUPPORTED);
	}
}

static const struct test tests[] = {
	{ "version", version },
	{ "version_others", version_others },
	{ "ids", ids },
	{ "partitions", partitions },
	{ "features", features },
	{ "features_of_pkvm", features_of_pkvm },
	{ "feature_values", feature_values },
	{ "info_by_uuid", info_by_uuid },
	{ "info_count", info_count },
	{ "info_in_registers", info_in_registers },
	{ "second_buffers", second_buffers },
	{ "unknown_calls", unknown_calls },
};
GROUP(discovery, tests);
