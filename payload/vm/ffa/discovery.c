/* SPDX-License-Identifier: MIT */
/* What a VM hears before it does anything. */
#include "payload/vm/ffa/ffa.h"

static void version_and_ids(void)
{
	struct ffa_regs r = FFA(FFA_VERSION, FFA_VERSION_1_2);

	CHECK_EQ((uint32_t)r.x[0], FFA_VERSION_1_2);
	/* It is agreed upon, and calls have been made. */
	r = FFA(FFA_VERSION, FFA_VERSION_1_0);
	CHECK_EQ((uint32_t)r.x[0], (uint32_t)FFA_NOT_SUPPORTED);
	r = FFA(FFA_VERSION, FFA_VERSION_MBZ | FFA_VERSION_1_2);
	CHECK_EQ((uint32_t)r.x[0], (uint32_t)FFA_NOT_SUPPORTED);
	r = FFA(FFA_ID_GET);
	CHECK_EQ(r.x[0], FFA_SUCCESS);
	CHECK(r.x[2] != FFA_ID_NWD && r.x[2] < FFA_ID_VM_INVALID);
	r = FFA(FFA_SPM_ID_GET);
	CHECK_CODE(ffa_code(&r), hello != 0 ? FFA_OK : FFA_NOT_SUPPORTED);
	CHECK_EQ(hello != 0 ? r.x[2] : FFA_ID_SPMC, FFA_ID_SPMC);
}

static void features(void)
{
	static const uint32_t has[] = { FFA_ERROR,
					FFA_SUCCESS,
					FFA_INTERRUPT,
					FFA_VERSION,
					FFA_RX_RELEASE,
					FFA_RXTX_MAP_64,
					FFA_PARTITION_INFO_GET,
					FFA_PARTITION_INFO_GET_REGS_64,
					FFA_MSG_WAIT,
					FFA_YIELD,
					FFA_RUN,
					FFA_MSG_SEND_DIRECT_REQ,
					FFA_MSG_SEND_DIRECT_REQ2_64,
					FFA_MEM_DONATE_64,
					FFA_MEM_LEND,
					FFA_MEM_SHARE,
					FFA_MEM_RELINQUISH,
					FFA_MEM_RECLAIM,
					FFA_MEM_FRAG_TX,
					FFA_NOTIFICATION_BIND,
					FFA_NOTIFICATION_GET,
					FFA_MSG_SEND2 };
	static const uint32_t not[] = { FFA_NOTIFICATION_BITMAP_CREATE,
					FFA_NOTIFICATION_INFO_GET_64,
					FFA_RX_ACQUIRE,
					FFA_MEM_PERM_GET,
					FFA_SECONDARY_EP_REGISTER_64,
					FFA_NORMAL_WORLD_RESUME,
					FFA_CONSOLE_LOG,
					FFA_EL3_INTR_HANDLE,
					FFA_FEATURE_SRI,
					FFA_FEATURE_ME,
					0xc40000ff };
	struct ffa_regs r;

	for (uint32_t i = 0; i < ARRAY_SIZE(has); i++) {
		r = FFA(FFA_FEATURES, has[i]);
		if (!ffa_is(&r, FFA_SUCCESS)) {
			test_fail("0x%x is not supported", has[i]);
		}
	}
	for (uint32_t i = 0; i < ARRAY_SIZE(not); i++) {
		r = FFA(FFA_FEATURES, not[i]);
		if (ffa_code(&r) != FFA_NOT_SUPPORTED) {
			test_fail("0x%x: %d", not[i], ffa_code(&r));
		}
	}
	r = FFA(FFA_FEATURES, FFA_FEATURE_NPI);
	CHECK_EQ(r.x[0], FFA_SUCCESS);
	CHECK(r.x[2] < 16);
}

/* Calls that are the hypervisor's. */
static void not_for_vms(void)
{
	static const uint32_t ids[] = { FFA_NOTIFICATION_BITMAP_CREATE,
					FFA_NOTIFICATION_BITMAP_DESTROY,
					FFA_NOTIFICATION_INFO_GET_64,
					FFA_RX_ACQUIRE,
					FFA_SECONDARY_EP_REGISTER_64,
					FFA_MEM_PERM_GET,
					FFA_NORMAL_WORLD_RESUME,
					FFA_EL3_INTR_HANDLE,
					FFA_CONSOLE_LOG,
					FFA_MSG_POLL,
					FFA_MSG_SEND };

	for (uint32_t i = 0; i < ARRAY_SIZE(ids); i++) {
		struct ffa_regs r = FFA(ids[i], nwd_id, 1);

		if (ffa_code(&r) != FFA_NOT_SUPPORTED) {
			test_fail("0x%x: %d", ids[i], ffa_code(&r));
		}
	}
}

static const struct ffa_partition_info *find_info(uint64_t count, uint16_t id)
{
	const struct ffa_partition_info *info = (const void *)nwd_rx;

	for (uint64_t i = 0; i < count; i++) {
		if (info[i].id == id) {
			return &info[i];
		}
	}
	return NULL;
}

static void partitions(void)
{
	const uint16_t all[] = { hello, irq, relay, second, third };
	struct ffa_regs r = FFA(FFA_PARTITION_INFO_GET, 0, 0, 0, 0, FFA_PARTITION_INFO_COUNT_ONLY);
	uint64_t count = r.x[2];

	CHECK_EQ(r.x[0], FFA_SUCCESS);
	CHECK_CODE(FFA_CODE(FFA_RX_RELEASE), FFA_DENIED);
	r = FFA(FFA_PARTITION_INFO_GET);
	REQUIRE(ffa_is(&r, FFA_SUCCESS));
	CHECK_EQ(r.x[2], count);
	CHECK_EQ(r.x[3], sizeof(struct ffa_partition_info));
	for (uint32_t i = 0; i < ARRAY_SIZE(all); i++) {
		const struct ffa_partition_info *info = all[i] != 0 ? find_info(count, all[i]) : NULL;

		CHECK((info != NULL) == (all[i] != 0));
		if (info != NULL) {
			CHECK((info->properties & FFA_PROPERTY_DIRECT_RECV) != 0);
			CHECK((info->properties & FFA_PROPERTY_AARCH64) != 0);
			CHECK((info->uuid.word[0] | info->uuid.word[1]) != 0);
		}
	}
	CHECK_CODE(FFA_CODE(FFA_PARTITION_INFO_GET), FFA_BUSY);
	CHECK_CODE(FFA_CODE(FFA_RX_RELEASE), FFA_OK);
	CHECK_CODE(FFA_CODE(FFA_RX_RELEASE), FFA_DENIED);
	CHECK_CODE(FFA_CODE(FFA_PARTITION_INFO_GET, 1, 2, 3, 4), FFA_INVALID_PARAMETERS);
	CHECK_CODE(FFA_CODE(FFA_PARTITION_INFO_GET, 0, 0, 0, 0, 2), FFA_INVALID_PARAMETERS);
}

static void buffers(void)
{
	uint64_t tx = (uint64_t)nwd_tx, rx = (uint64_t)nwd_rx;

	CHECK_CODE(FFA_CODE(FFA_RXTX_MAP_64, tx, rx, 1), FFA_DENIED);
	CHECK_CODE(FFA_CODE(FFA_RXTX_UNMAP), FFA_OK);
	CHECK_CODE(FFA_CODE(FFA_RXTX_UNMAP), FFA_INVALID_PARAMETERS);
	CHECK_CODE(FFA_CODE(FFA_RXTX_MAP_64, tx, rx, 0), FFA_INVALID_PARAMETERS);
	CHECK_CODE(FFA_CODE(FFA_RXTX_MAP_64, tx, rx, 2), FFA_INVALID_PARAMETERS);
	CHECK_CODE(FFA_CODE(FFA_RXTX_MAP_64, tx + 8, rx, 1), FFA_INVALID_PARAMETERS);
	CHECK_CODE(FFA_CODE(FFA_RXTX_MAP_64, tx, tx, 1), FFA_INVALID_PARAMETERS);
	CHECK(FFA_CODE(FFA_RXTX_MAP_64, UART_BASE, rx, 1) != FFA_OK);
	CHECK(FFA_CODE(FFA_RXTX_MAP_64, BIT(47), rx, 1) != FFA_OK);
	CHECK(FFA_CODE(FFA_RXTX_MAP_64, UINT64_MAX - 0xfff, rx, 1) != FFA_OK);
	CHECK_CODE(FFA_CODE(FFA_PARTITION_INFO_GET), FFA_BUSY);
	CHECK_CODE(FFA_CODE(FFA_RXTX_MAP_64, tx, rx, 1), FFA_OK);
}

void test_discovery(void)
{
	static const struct test tests[] = {
		{ "version_and_ids", version_and_ids }, { "features", features }, { "not_for_vms", not_for_vms },
		{ "partitions", partitions },           { "buffers", buffers },
	};

	RUN_TESTS(tests);
}
