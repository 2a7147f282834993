/* SPDX-License-Identifier: MIT */
/* Versions, features, ids, partition information. */
#include "payload/lib/string.h"
#include "payload/nwd/client/tests.h"

static void version_rejects(void)
{
	struct ffa_regs r = FFA(FFA_VERSION, 0x80010001u);

	CHECK_CODE(r.x[0], FFA_NOT_SUPPORTED);
	r = FFA(FFA_VERSION, 0x20000);
	CHECK_CODE(r.x[0], FFA_NOT_SUPPORTED);
	r = FFA(FFA_VERSION, 0x10003);
	CHECK_CODE(r.x[0], FFA_NOT_SUPPORTED);
	r = FFA(FFA_VERSION, 0);
	CHECK_CODE(r.x[0], FFA_NOT_SUPPORTED);
}

static void version_may_be_asked_again_before_use(void)
{
	struct ffa_regs r = FFA(FFA_VERSION, FFA_VERSION_1_0);

	CHECK_EQ(r.x[0], FFA_VERSION_1_2);
	r = FFA(FFA_VERSION, FFA_VERSION_1_1);
	CHECK_EQ(r.x[0], FFA_VERSION_1_2);
	r = FFA(FFA_VERSION, FFA_VERSION_1_2);
	CHECK_EQ(r.x[0], FFA_VERSION_1_2);
}

static void init(void)
{
	REQUIRE(nwd_init(FFA_VERSION_1_2));
	CHECK_EQ(hello, FFA_ID_SP_FIRST);
	CHECK(irq != 0 && relay != 0);
}

static void version_is_locked_by_use(void)
{
	struct ffa_regs r = FFA(FFA_VERSION, FFA_VERSION_1_2);

	CHECK_EQ(r.x[0], FFA_VERSION_1_2);
	r = FFA(FFA_VERSION, FFA_VERSION_1_1);
	CHECK_CODE(r.x[0], FFA_NOT_SUPPORTED);
	r = FFA(FFA_VERSION, FFA_VERSION_1_2);
	CHECK_EQ(r.x[0], FFA_VERSION_1_2);
}

static void ids(void)
{
	struct ffa_regs r = FFA(FFA_ID_GET);

	CHECK_EQ(r.x[0], FFA_SUCCESS);
	CHECK_EQ(r.x[2], FFA_ID_NWD);
	r = FFA(FFA_SPM_ID_GET);
	CHECK_EQ(r.x[0], FFA_SUCCESS);
	CHECK_EQ(r.x[2], FFA_ID_SPMC);
}

static void ids_of_a_partition(void)
{
	struct ffa_regs r = SP_FFA(hello, FFA_ID_GET);

	CHECK_EQ(r.x[0], FFA_SUCCESS);
	CHECK_EQ(r.x[2], hello);
	r = SP_FFA(hello, FFA_SPM_ID_GET);
	CHECK_EQ(r.x[0], FFA_SUCCESS);
	CHECK_EQ(r.x[2], FFA_ID_SPMC);
	r = SP_FFA(hello, FFA_VERSION, FFA_VERSION_1_2);
	CHECK_EQ(r.x[0], FFA_VERSION_1_2);
	r = SP_FFA(hello, FFA_VERSION, FFA_VERSION_1_0);
	CHECK_CODE(r.x[0], FFA_NOT_SUPPORTED);
}

static const uint32_t features_of_all[] = {
	FFA_ERROR,
	FFA_SUCCESS,
	FFA_INTERRUPT,
	FFA_VERSION,
	FFA_FEATURES,
	FFA_RX_RELEASE,
	FFA_RXTX_UNMAP,
	FFA_PARTITION_INFO_GET,
	FFA_PARTITION_INFO_GET_REGS_64,
	FFA_ID_GET,
	FFA_SPM_ID_GET,
	FFA_RUN,
	FFA_MSG_SEND_DIRECT_REQ,
	FFA_MSG_SEND_DIRECT_REQ_64,
	FFA_MSG_SEND_DIRECT_REQ2_64,
	FFA_MSG_SEND2,
	FFA_MEM_DONATE,
	FFA_MEM_DONATE_64,
	FFA_MEM_LEND,
	FFA_MEM_LEND_64,
	FFA_MEM_SHARE,
	FFA_MEM_SHARE_64,
	FFA_MEM_RELINQUISH,
	FFA_MEM_RECLAIM,
	FFA_MEM_FRAG_RX,
	FFA_MEM_FRAG_TX,
	FFA_NOTIFICATION_BIND,
	FFA_NOTIFICATION_UNBIND,
	FFA_NOTIFICATION_SET,
	FFA_NOTIFICATION_GET,
};

static void features_calls(void)
{
	struct ffa_regs r;

	for (size_t i = 0; i < ARRAY_SIZE(features_of_all); i++) {
		if (FFA_CODE(FFA_FEATURES, features_of_all[i]) != FFA_OK) {
			test_fail("FFA_FEATURES(0x%x) says no", features_of_all[i]);
		}
	}
	r = FFA(FFA_FEATURES, FFA_RXTX_MAP_64);
	CHECK_EQ(r.x[0], FFA_SUCCESS);
	CHECK_EQ(r.x[2] & 3, 0);
	CHECK_EQ(r.x[2] >> 16, 1);
	CHECK_CODE(FFA_CODE(FFA_FEATURES, FFA_NOTIFICATION_BITMAP_CREATE), FFA_OK);
	CHECK_CODE(FFA_CODE(FFA_FEATURES, FFA_NOTIFICATION_BITMAP_DESTROY), FFA_OK);
	CHECK_CODE(FFA_CODE(FFA_FEATURES, FFA_NOTIFICATION_INFO_GET_64), FFA_OK);
	CHECK_CODE(FFA_CODE(FFA_FEATURES, FFA_RX_ACQUIRE), FFA_OK);
}

static void features_not_there(void)
{
	static const uint32_t absent[] = { FFA_MSG_POLL,      FFA_MSG_SEND,        FFA_MEM_OP_PAUSE,
					   FFA_MEM_OP_RESUME, FFA_EL3_INTR_HANDLE, FFA_NORMAL_WORLD_RESUME,
					   0x8400008f,        0xc4000095,          0x80000000,
					   FFA_RXTX_MAP };

	for (size_t i = 0; i < ARRAY_SIZE(absent); i++) {
		if (FFA_CODE(FFA_FEATURES, absent[i]) != FFA_NOT_SUPPORTED) {
			test_fail("FFA_FEATURES(0x%x) does not say NOT_SUPPORTED", absent[i]);
		}
	}
}

static void features_by_id(void)
{
	struct ffa_regs r = FFA(FFA_FEATURES, FFA_FEATURE_SRI);

	CHECK_EQ(r.x[0], FFA_SUCCESS);
	CHECK_EQ(r.x[2], FFA_INTID_SRI);
	CHECK_CODE(FFA_CODE(FFA_FEATURES, FFA_FEATURE_NPI), FFA_NOT_SUPPORTED);
	CHECK_CODE(FFA_CODE(FFA_FEATURES, FFA_FEATURE_ME), FFA_NOT_SUPPORTED);
	CHECK_CODE(FFA_CODE(FFA_FEATURES, 0x7f), FFA_NOT_SUPPORTED);
	CHECK_CODE(FFA_CODE(FFA_FEATURES, 0x100 | FFA_FEATURE_SRI), FFA_NOT_SUPPORTED);
	r = SP_FFA(hello, FFA_FEATURES, FFA_FEATURE_NPI);
	CHECK_EQ(r.x[0], FFA_SUCCESS);
	CHECK_EQ(r.x[2], FFA_INTID_NPI);
	r = SP_FFA(hello, FFA_FEATURES, FFA_FEATURE_ME);
	CHECK_EQ(r.x[0], FFA_SUCCESS);
	CHECK_EQ(r.x[2], FFA_INTID_ME);
	CHECK_CODE(SP_FFA_CODE(hello, FFA_FEATURES, FFA_FEATURE_SRI), FFA_NOT_SUPPORTED);
}

static void features_of_a_partition(void)
{
	struct ffa_regs r;

	CHECK_CODE(SP_FFA_CODE(hello, FFA_FEATURES, FFA_MSG_WAIT), FFA_OK);
	CHECK_CODE(SP_FFA_CODE(hello, FFA_FEATURES, FFA_YIELD), FFA_OK);
	CHECK_CODE(SP_FFA_CODE(hello, FFA_FEATURES, FFA_MSG_SEND_DIRECT_RESP), FFA_OK);
	CHECK_CODE(SP_FFA_CODE(hello, FFA_FEATURES, FFA_CONSOLE_LOG), FFA_OK);
	CHECK_CODE(SP_FFA_CODE(hello, FFA_FEATURES, FFA_CONSOLE_LOG_64), FFA_OK);
	CHECK_CODE(SP_FFA_CODE(hello, FFA_FEATURES, FFA_SECONDARY_EP_REGISTER_64), FFA_OK);
	CHECK_CODE(SP_FFA_CODE(hello, FFA_FEATURES, FFA_MEM_PERM_GET), FFA_NOT_SUPPORTED);
	CHECK_CODE(SP_FFA_CODE(hello, FFA_FEATURES, FFA_MEM_PERM_SET_64), FFA_NOT_SUPPORTED);
	CHECK_CODE(SP_FFA_CODE(hello, FFA_FEATURES, FFA_RX_ACQUIRE), FFA_NOT_SUPPORTED);
	/* A caller since 1.1 must say that it knows of the NS bit. */
	CHECK_CODE(SP_FFA_CODE(hello, FFA_FEATURES, FFA_MEM_RETRIEVE_REQ_64), FFA_NOT_SUPPORTED);
	r = SP_FFA(hello, FFA_FEATURES, FFA_MEM_RETRIEVE_REQ_64, FFA_FEATURES_RETRIEVE_NS_BIT);
	CHECK_EQ(r.x[0], FFA_SUCCESS);
	CHECK_EQ(r.x[2] & FFA_FEATURES_RETRIEVE_NS_BIT, FFA_FEATURES_RETRIEVE_NS_BIT);
}

static void unknown_calls(void)
{
	struct ffa_regs r = FFA(FFA_MSG_POLL);

	CHECK(ffa_is(&r, FFA_ERROR) || (int32_t)r.x[0] == -1);
	CHECK_CODE(FFA_CODE(FFA_MEM_OP_PAUSE), FFA_NOT_SUPPORTED);
	CHECK_CODE(FFA_CODE(FFA_MSG_SEND), FFA_NOT_SUPPORTED);
	/* Those of partitions are not the normal world's. */
	CHECK_CODE(FFA_CODE(FFA_MSG_WAIT), FFA_NOT_SUPPORTED);
	CHECK_CODE(FFA_CODE(FFA_YIELD), FFA_NOT_SUPPORTED);
	CHECK_CODE(FFA_CODE(FFA_MEM_PERM_GET, (uint64_t)nwd_pages), FFA_NOT_SUPPORTED);
	CHECK_CODE(FFA_CODE(FFA_CONSOLE_LOG, 1, 'x'), FFA_NOT_SUPPORTED);
	CHECK_CODE(FFA_CODE(FFA_SECONDARY_EP_REGISTER_64, (uint64_t)nwd_pages), FFA_NOT_SUPPORTED);
	/* And the other way round. */
	CHECK_CODE(SP_FFA_CODE(hello, FFA_NOTIFICATION_BITMAP_CREATE, 1, 1), FFA_NOT_SUPPORTED);
	CHECK_CODE(SP_FFA_CODE(hello, FFA_NOTIFICATION_BITMAP_DESTROY, 1), FFA_NOT_SUPPORTED);
	CHECK_CODE(SP_FFA_CODE(hello, FFA_NOTIFICATION_INFO_GET_64), FFA_NOT_SUPPORTED);
	CHECK_CODE(SP_FFA_CODE(hello, FFA_RX_ACQUIRE, 1), FFA_NOT_SUPPORTED);
	CHECK_CODE(SP_FFA_CODE(hello, FFA_INTERRUPT, 0, 34), FFA_DENIED);
	CHECK_CODE(SP_FFA_CODE(hello, FFA_ERROR, 0, (uint32_t)FFA_ABORTED), FFA_NOT_SUPPORTED);
	CHECK_CODE(SP_FFA_CODE(hello, FFA_MSG_POLL), FFA_NOT_SUPPORTED);
}

/* Registers that a call does not define stay as they were, with the SMCCC hint bit of SVE too. */
static void registers_survive(void)
{
	struct ffa_regs r = { .x = { FFA_FEATURES | 1u << 16, FFA_MEM_SHARE_64 } };

	for (uint32_t i = 8; i < 18; i++) {
		r.x[i] = UINT64_C(0x5a5a000000000000) + i;
	}
	ffa_call(&r);
	CHECK_EQ(r.x[0], FFA_SUCCESS);
	for (uint32_t i = 8; i < 18; i++) {
		CHECK_EQ(r.x[i], UINT64_C(0x5a5a000000000000) + i);
	}
	for (uint32_t i = 1; i < 8; i++) {
		CHECK_EQ(r.x[i], 0);
	}
}

/* ---- partition information ---- */

static uint32_t sp_count(void)
{
	return 3 + (el0 != 0);
}

static void info_count(void)
{
	struct ffa_regs r = FFA(FFA_PARTITION_INFO_GET, 0, 0, 0, 0, FFA_PARTITION_INFO_COUNT_ONLY);

	CHECK_EQ(r.x[0], FFA_SUCCESS);
	/* hello offers two services, each with its entry. */
	CHECK_EQ(r.x[2], sp_count() + 1);
	CHECK_EQ(r.x[3], 0);
	CHECK_CODE(FFA_CODE(FFA_PARTITION_INFO_GET, 0, 0, 0, 0, 2), FFA_INVALID_PARAMETERS);
	CHECK_CODE(FFA_CODE(FFA_PARTITION_INFO_GET, 1, 2, 3, 4, 1), FFA_INVALID_PARAMETERS);
	CHECK_CODE(FFA_CODE(FFA_PARTITION_INFO_GET, 1, 2, 3, 4, 0), FFA_INVALID_PARAMETERS);
	/* Nothing of this took the RX buffer. */
	CHECK_CODE(FFA_CODE(FFA_RX_RELEASE), FFA_DENIED);
}

static void info_in_buffer(void)
{
	const struct ffa_partition_info *info = (const void *)nwd_rx;
	struct ffa_uuid uuid = UUID_HELLO;
	struct ffa_regs r = FFA(FFA_PARTITION_INFO_GET);

	CHECK_EQ(r.x[0], FFA_SUCCESS);
	CHECK_EQ(r.x[2], sp_count() + 1);
	CHECK_EQ(r.x[3], sizeof(*info));
	CHECK_EQ(info[0].id, hello);
	CHECK(memcmp(&info[0].uuid, &uuid, sizeof(uuid)) == 0);
	CHECK_EQ(info[1].id, hello);
	CHECK_EQ(info[2].id, irq);
	CHECK_EQ(info[3].id, relay);
	CHECK_EQ(info[3].vcpu_count, 1);
	CHECK_EQ(info[0].properties, FFA_PROPERTY_DIRECT_RECV | FFA_PROPERTY_INDIRECT | FFA_PROPERTY_NOTIFICATIONS |
					     FFA_PROPERTY_VM_CREATED | FFA_PROPERTY_VM_DESTROYED |
					     FFA_PROPERTY_AARCH64 | FFA_PROPERTY_DIRECT2_RECV);
	/* Now the buffer is ours: nobody writes it. */
	CHECK_CODE(FFA_CODE(FFA_PARTITION_INFO_GET), FFA_BUSY);
	CHECK_CODE(FFA_CODE(FFA_PARTITION_INFO_GET, 0, 0, 0, 0, 1), FFA_OK);
	CHECK_CODE(FFA_CODE(FFA_RX_RELEASE), FFA_OK);
	CHECK_CODE(FFA_CODE(FFA_RX_RELEASE), FFA_DENIED);

	r = FFA(FFA_PARTITION_INFO_GET, uuid.word[0], uuid.word[1], uuid.word[2], uuid.word[3]);
	CHECK_EQ(r.x[2], 1);
	CHECK_EQ(info[0].id, hello);
	CHECK_EQ(info[0].uuid.word[0], 0);
	CHECK_CODE(FFA_CODE(FFA_RX_RELEASE), FFA_OK);
}

static void info_in_registers(void)
{
	struct ffa_uuid uuid = UUID_HELLO_2;
	struct ffa_regs r = FFA(FFA_PARTITION_INFO_GET_REGS_64);
	uint32_t last = sp_count();

	CHECK_EQ(r.x[0], FFA_SUCCESS_64);
	CHECK_EQ(BITS(r.x[2], 15, 0), last);
	CHECK_EQ(BITS(r.x[2], 31, 16), MIN(last, 4));
	CHECK_EQ(BITS(r.x[2], 63, 48), sizeof(struct ffa_partition_info));
	CHECK_EQ(BITS(r.x[3], 15, 0), hello);
	CHECK_EQ(r.x[4], ffa_u64(UUID_HELLO.word[0], UUID_HELLO.word[1]));
	CHECK_EQ(r.x[5], ffa_u64(UUID_HELLO.word[2], UUID_HELLO.word[3]));
	CHECK_EQ(BITS(r.x[9], 15, 0), irq);
	CHECK_EQ(BITS(r.x[12], 15, 0), relay);

	r = FFA(FFA_PARTITION_INFO_GET_REGS_64, 0, 0, 2);
	CHECK_EQ(BITS(r.x[3], 15, 0), irq);
	r = FFA(FFA_PARTITION_INFO_GET_REGS_64, ffa_u64(uuid.word[0], uuid.word[1]),
		ffa_u64(uuid.word[2], uuid.word[3]));
	CHECK_EQ(r.x[0], FFA_SUCCESS_64);
	CHECK_EQ(BITS(r.x[2], 31, 0), 0);
	CHECK_EQ(BITS(r.x[3], 15, 0), hello);
	CHECK_EQ(r.x[4], 0);
	CHECK_CODE(FFA_CODE(FFA_PARTITION_INFO_GET_REGS_64, 0, 0, last + 1), FFA_INVALID_PARAMETERS);
	CHECK_CODE(FFA_CODE(FFA_PARTITION_INFO_GET_REGS_64, 0, 0, 1 << 16), FFA_RETRY);
	CHECK_CODE(FFA_CODE(FFA_PARTITION_INFO_GET_REGS_64, 5, 5, 0), FFA_INVALID_PARAMETERS);
}

static void info_for_a_partition(void)
{
	struct ffa_regs r = SP_FFA(hello, FFA_PARTITION_INFO_GET, 0, 0, 0, 0, FFA_PARTITION_INFO_COUNT_ONLY);

	CHECK_EQ(r.x[0], FFA_SUCCESS);
	CHECK_EQ(r.x[2], sp_count() + 1);
	r = SP_FFA(irq, FFA_PARTITION_INFO_GET_REGS_64);
	CHECK_EQ(r.x[0], FFA_SUCCESS_64);
	CHECK_EQ(BITS(r.x[3], 15, 0), hello);
	CHECK(((r.x[3] >> 32) & FFA_PROPERTY_DIRECT_SEND) != 0);
	/* Through its own RX buffer, and released. */
	CHECK_CODE(SP_FFA_CODE(hello, FFA_PARTITION_INFO_GET), FFA_OK);
	CHECK_CODE(SP_FFA_CODE(hello, FFA_PARTITION_INFO_GET), FFA_BUSY);
	CHECK_CODE(SP_FFA_CODE(hello, FFA_RX_RELEASE), FFA_OK);
	CHECK_CODE(SP_FFA_CODE(hello, FFA_RX_RELEASE), FFA_DENIED);
	CHECK_CODE(SP_FFA_CODE(hello, FFA_RX_RELEASE, 5), FFA_INVALID_PARAMETERS);
}

/* hello found its manifest by the boot information in its register, and reads it. */
static void boot_information(void)
{
	struct words w = COMMAND(hello, COMMAND_BOOT_INFO);

	CHECK_CODE(w.w[0], FFA_OK);
	CHECK_EQ(w.w[1], FFA_VERSION_1_2);
	CHECK_EQ(w.w[2], FFA_VERSION_1_2);
	CHECK(w.w[3] > 0 && w.w[3] <= 0x3000);
	CHECK_EQ(w.w[4], UUID_HELLO.word[0]);
}

bool test_start(void)
{
	static const struct test tests[] = {
		{ "version_rejects", version_rejects },
		{ "version_may_be_asked_again_before_use", version_may_be_asked_again_before_use },
		{ "init", init },
	};

	RUN_TESTS(tests);
	return hello != 0;
}

void test_discovery(void)
{
	static const struct test tests[] = {
		{ "version_is_locked_by_use", version_is_locked_by_use },
		{ "ids", ids },
		{ "ids_of_a_partition", ids_of_a_partition },
		{ "features_calls", features_calls },
		{ "features_not_there", features_not_there },
		{ "features_by_id", features_by_id },
		{ "features_of_a_partition", features_of_a_partition },
		{ "unknown_calls", unknown_calls },
		{ "registers_survive", registers_survive },
		{ "info_count", info_count },
		{ "info_in_buffer", info_in_buffer },
		{ "info_in_registers", info_in_registers },
		{ "info_for_a_partition", info_for_a_partition },
		{ "boot_information", boot_information },
	};

	RUN_TESTS(tests);
}
