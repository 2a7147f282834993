/* SPDX-License-Identifier: MIT */
/* Discovery, messages and notifications, in the order in which Linux's driver (arm_ffa, of 1.1) uses them. */
#include "payload/lib/cpu.h"
#include "payload/lib/exception.h"
#include "payload/lib/gic.h"
#include "payload/lib/string.h"
#include "payload/lib/timer.h"
#include "payload/nwd/older/tests.h"

#define SP_COUNT 3
#define SRI_WAIT_MS 1000
#define PER_VCPU 0x20
#define GLOBAL 0x4
/* Which partitions' and which framework's bits: what the driver fetches. */
#define GET_FLAGS (FFA_NOTIFICATION_GET_SP | FFA_NOTIFICATION_GET_SPM)

static bool is_1_0(void)
{
	return nwd_version < FFA_VERSION_1_1;
}

static volatile uint32_t sri_count;

static void on_interrupt(void)
{
	uint32_t intid = gic_ack();

	if (intid >= 1020) {
		return;
	}
	if (intid == FFA_INTID_SRI) {
		sri_count++;
	} else if (!watchdog_irq(intid)) {
		test_fail("unexpected interrupt %u", intid);
		gic_disable(this_cpu()->index, intid);
	}
	gic_eoi(intid);
}

/* ---- discovery ---- */

static void id(void)
{
	struct ffa_regs r = FFA(FFA_ID_GET);

	CHECK_EQ(r.x[0], FFA_SUCCESS);
	CHECK_EQ(r.x[2], FFA_ID_NWD);
}

/* All of w2, though its upper half has a meaning since 1.2: pKVM takes nothing else for 4 KiB. */
static void buffer_size(void)
{
	struct ffa_regs r = FFA(FFA_FEATURES, FFA_RXTX_MAP_64);

	CHECK_EQ(r.x[0], FFA_SUCCESS);
	CHECK_EQ(r.x[2], 0);
	CHECK_EQ(r.x[3], 0);
}

static void features(void)
{
	static const uint32_t since_1_0[] = { FFA_MEM_SHARE_64, FFA_MEM_LEND_64, FFA_MSG_SEND_DIRECT_REQ_64,
					      FFA_PARTITION_INFO_GET, FFA_RX_RELEASE };
	static const uint32_t since_1_1[] = { FFA_NOTIFICATION_BITMAP_CREATE, FFA_NOTIFICATION_BIND,
					      FFA_NOTIFICATION_SET,           FFA_NOTIFICATION_GET,
					      FFA_NOTIFICATION_INFO_GET_64,   FFA_MSG_SEND2 };
	static const uint32_t since_1_2[] = { FFA_MSG_SEND_DIRECT_REQ2_64, FFA_MSG_SEND_DIRECT_RESP2_64 };

	for (uint32_t i = 0; i < ARRAY_SIZE(since_1_0); i++) {
		CHECK_CODE(FFA_CODE(FFA_FEATURES, since_1_0[i]), FFA_OK);
	}
	for (uint32_t i = 0; i < ARRAY_SIZE(since_1_1); i++) {
		CHECK_CODE(FFA_CODE(FFA_FEATURES, since_1_1[i]), is_1_0() ? FFA_NOT_SUPPORTED : FFA_OK);
	}
	for (uint32_t i = 0; i < ARRAY_SIZE(since_1_2); i++) {
		CHECK_CODE(FFA_CODE(FFA_FEATURES, since_1_2[i]), FFA_NOT_SUPPORTED);
	}
	/* Since 1.1 the caller says that it knows of the NS bit. */
	CHECK_CODE(FFA_CODE(FFA_FEATURES, FFA_MEM_RETRIEVE_REQ_64), is_1_0() ? FFA_OK : FFA_NOT_SUPPORTED);
	CHECK_CODE(FFA_CODE(FFA_FEATURES, FFA_MEM_RETRIEVE_REQ_64, FFA_FEATURES_RETRIEVE_NS_BIT), FFA_OK);
}

/* One entry a partition, though hello has two services. */
static void info_1_0(void)
{
	const struct ffa_partition_info_1_0 *info = (const void *)nwd_rx;
	struct ffa_regs r;

	/* No flags yet. */
	CHECK_CODE(FFA_CODE(FFA_PARTITION_INFO_GET, 0, 0, 0, 0, FFA_PARTITION_INFO_COUNT_ONLY), FFA_INVALID_PARAMETERS);
	r = FFA(FFA_PARTITION_INFO_GET);
	CHECK_EQ(r.x[0], FFA_SUCCESS);
	CHECK_EQ(r.x[2], SP_COUNT);
	CHECK_EQ(r.x[3], sizeof(*info));
	CHECK(info[0].id == hello && info[1].id == irq && info[2].id == relay);
	CHECK_EQ(info[0].properties, FFA_PROPERTY_DIRECT_RECV | FFA_PROPERTY_INDIRECT);
	CHECK_EQ(info[1].properties, FFA_PROPERTY_DIRECT_RECV);
	CHECK_EQ(info[2].vcpu_count, 1);
}

static void info_1_1(void)
{
	const struct ffa_partition_info *info = (const void *)nwd_rx;
	struct ffa_uuid uuid = UUID_HELLO;
	struct ffa_regs r = FFA(FFA_PARTITION_INFO_GET, 0, 0, 0, 0, FFA_PARTITION_INFO_COUNT_ONLY);

	CHECK_EQ(r.x[0], FFA_SUCCESS);
	CHECK_EQ(r.x[2], SP_COUNT);
	r = FFA(FFA_PARTITION_INFO_GET);
	CHECK_EQ(r.x[0], FFA_SUCCESS);
	CHECK_EQ(r.x[2], SP_COUNT);
	CHECK_EQ(r.x[3], sizeof(*info));
	CHECK(info[0].id == hello && info[1].id == irq && info[2].id == relay);
	CHECK(memcmp(&info[0].uuid, &uuid, sizeof(uuid)) == 0);
	CHECK_EQ(info[0].properties & (FFA_PROPERTY_VM_CREATED | FFA_PROPERTY_VM_DESTROYED | FFA_PROPERTY_AARCH64),
		 FFA_PROPERTY_VM_CREATED | FFA_PROPERTY_VM_DESTROYED | FFA_PROPERTY_AARCH64);
}

static void info_by_uuid(void)
{
	struct ffa_uuid uuid = UUID_HELLO_2;
	struct ffa_regs r = FFA(FFA_PARTITION_INFO_GET, uuid.word[0], uuid.word[1], uuid.word[2], uuid.word[3]);

	CHECK_EQ(r.x[0], FFA_SUCCESS);
	CHECK_EQ(r.x[2], 1);
	CHECK_EQ(*(const uint16_t *)nwd_rx, hello);
	CHECK_CODE(FFA_CODE(FFA_PARTITION_INFO_GET), FFA_BUSY);
	CHECK_CODE(FFA_CODE(FFA_RX_RELEASE), FFA_OK);
	CHECK_CODE(FFA_CODE(FFA_RX_RELEASE), FFA_DENIED);
	CHECK_CODE(FFA_CODE(FFA_PARTITION_INFO_GET, 1, 2, 3, 4), FFA_INVALID_PARAMETERS);
}

static void info(void)
{
	(is_1_0() ? info_1_0 : info_1_1)();
	CHECK_CODE(FFA_CODE(FFA_RX_RELEASE), FFA_OK);
	info_by_uuid();
}

/* Packed records of 24 bytes from x3 on, from the index that follows the last one that came. */
static void info_in_registers(void)
{
	const uint16_t want[SP_COUNT] = { hello, irq, relay };
	uint32_t next = 0, last = 0;

	REQUIRE(FFA_CODE(FFA_FEATURES, FFA_PARTITION_INFO_GET_REGS_64) == FFA_OK);
	do {
		struct ffa_regs r = FFA(FFA_PARTITION_INFO_GET_REGS_64, 0, 0, next);
		const struct ffa_partition_info *info = (const void *)&r.x[3];
		uint32_t current = (uint32_t)BITS(r.x[2], 31, 16);

		REQUIRE(ffa_is(&r, FFA_SUCCESS_64));
		CHECK_EQ(BITS(r.x[2], 63, 48), sizeof(*info));
		CHECK_EQ(BITS(r.x[2], 47, 32), 0);
		last = (uint32_t)BITS(r.x[2], 15, 0);
		REQUIRE(last == SP_COUNT - 1 && current >= next && current <= last);
		for (; next <= current; next++, info++) {
			CHECK_EQ(info->id, want[next]);
		}
	} while (next <= last && !test_failed());
}

/* ---- messages ---- */

static void direct(void)
{
	static const uint32_t ids[] = { FFA_MSG_SEND_DIRECT_REQ, FFA_MSG_SEND_DIRECT_REQ_64 };

	for (uint32_t i = 0; i < ARRAY_SIZE(ids); i++) {
		struct ffa_regs r = FFA(ids[i], ffa_pair(FFA_ID_NWD, relay), 0, 1, 2, 3, 4, 5);

		CHECK_EQ(r.x[0], ids[i] + 1);
		CHECK_EQ(r.x[1], ffa_pair(relay, FFA_ID_NWD));
		CHECK(r.x[3] == 1 && r.x[4] == 2 && r.x[5] == 3 && r.x[6] == 4 && r.x[7] == 5);
	}
	CHECK_CODE(FFA_CODE(FFA_MSG_SEND_DIRECT_REQ2_64, ffa_pair(FFA_ID_NWD, hello)), FFA_DENIED);
	CHECK_CODE(COMMAND_CODE(hello, COMMAND_YIELD, 3, 1000), FFA_OK);
}

/* The header without a UUID. */
static void indirect(void)
{
	struct words w;

	*(struct ffa_message_header *)nwd_tx = (struct ffa_message_header){ .offset = FFA_MESSAGE_HEADER_1_1,
									    .receiver = hello,
									    .size = 2 };
	nwd_tx[FFA_MESSAGE_HEADER_1_1] = 0x11;
	nwd_tx[FFA_MESSAGE_HEADER_1_1 + 1] = 0x12;
	if (is_1_0()) {
		CHECK_CODE(FFA_CODE(FFA_MSG_SEND2), FFA_DENIED);
		return;
	}
	CHECK_CODE(FFA_CODE(FFA_MSG_SEND2), FFA_OK);
	w = COMMAND(hello, COMMAND_RECEIVED, 0x11);
	CHECK_CODE(w.w[0], FFA_OK);
	CHECK_EQ(w.w[1], FFA_ID_NWD | (uint64_t)hello << 16 | UINT64_C(2) << 32);
	CHECK_EQ(w.w[2], 0);
	CHECK_EQ(COMMAND(hello, COMMAND_CALL, FFA_NOTIFICATION_GET, hello, FFA_NOTIFICATION_GET_HYP).w[1], FFA_SUCCESS);
	CHECK_EQ(COMMAND(hello, COMMAND_CALL, FFA_RX_RELEASE).w[1], FFA_SUCCESS);
}

/* ---- notifications ---- */

static void no_notifications(void)
{
	CHECK_CODE(FFA_CODE(FFA_NOTIFICATION_BITMAP_CREATE, FFA_ID_NWD, cpu_count), FFA_NOT_SUPPORTED);
	CHECK_CODE(FFA_CODE(FFA_NOTIFICATION_BITMAP_DESTROY, FFA_ID_NWD), FFA_NOT_SUPPORTED);
	CHECK_CODE(FFA_CODE(FFA_NOTIFICATION_BIND, ffa_pair(hello, FFA_ID_NWD), 0, 1), FFA_NOT_SUPPORTED);
	CHECK_CODE(FFA_CODE(FFA_NOTIFICATION_UNBIND, ffa_pair(hello, FFA_ID_NWD), 0, 1), FFA_NOT_SUPPORTED);
	CHECK_CODE(FFA_CODE(FFA_NOTIFICATION_SET, ffa_pair(FFA_ID_NWD, hello), 0, 1), FFA_NOT_SUPPORTED);
	CHECK_CODE(FFA_CODE(FFA_NOTIFICATION_GET, FFA_ID_NWD, GET_FLAGS), FFA_NOT_SUPPORTED);
	CHECK_CODE(FFA_CODE(FFA_NOTIFICATION_INFO_GET_64), FFA_NOT_SUPPORTED);
}

static void set_from_hello(uint32_t flags, uint32_t bits)
{
	struct words w = COMMAND(hello, COMMAND_CALL, FFA_NOTIFICATION_SET, ffa_pair(hello, FFA_ID_NWD), flags, bits);

	CHECK_CODE(w.w[0], FFA_OK);
	CHECK_EQ(w.w[1], FFA_SUCCESS);
}

/* Each is told of once: id 0 alone for a global one, id 0 and the vCPU for the other. */
static void check_told(uint32_t vcpu)
{
	struct ffa_regs r = FFA(FFA_NOTIFICATION_INFO_GET_64);
	uint64_t lists = BITS(r.x[2], 11, 7);

	CHECK_EQ(r.x[0], FFA_SUCCESS_64);
	CHECK_EQ(lists, 2);
	CHECK_EQ(BITS(r.x[2], 13, 12), 0);
	CHECK_EQ(BITS(r.x[2], 15, 14), 1);
	CHECK_EQ(r.x[3] & 0xffffffffffff, (uint64_t)vcpu << 32);
	r = FFA(FFA_NOTIFICATION_INFO_GET_64);
	CHECK_CODE(ffa_code(&r), FFA_NO_DATA);
}

static void from_partition(void)
{
	const uint32_t w1 = ffa_pair(hello, FFA_ID_NWD);
	const uint32_t vcpu = cpu_count - 1;
	struct ffa_regs r;

	CHECK_CODE(FFA_CODE(FFA_NOTIFICATION_BIND, w1, 0, GLOBAL), FFA_OK);
	CHECK_CODE(FFA_CODE(FFA_NOTIFICATION_BIND, w1, FFA_NOTIFICATION_PER_VCPU, PER_VCPU), FFA_OK);
	sri_count = 0;
	set_from_hello(0, GLOBAL);
	set_from_hello(FFA_NOTIFICATION_PER_VCPU | FFA_NOTIFICATION_DELAY_SRI | vcpu << 16, PER_VCPU);
	CHECK(WAIT_UNTIL(sri_count >= 1, SRI_WAIT_MS));
	check_told(vcpu);
	r = FFA(FFA_NOTIFICATION_GET, ffa_pair(vcpu, FFA_ID_NWD), GET_FLAGS);
	CHECK_EQ(r.x[0], FFA_SUCCESS);
	CHECK_EQ(ffa_u64(r.x[2], r.x[3]), GLOBAL | PER_VCPU);
	CHECK_EQ(r.x[4] | r.x[5] | r.x[6] | r.x[7], 0);
	CHECK_CODE(FFA_CODE(FFA_NOTIFICATION_UNBIND, w1, 0, GLOBAL | PER_VCPU), FFA_OK);
}

static void notifications(void)
{
	struct ffa_regs r;

	if (is_1_0()) {
		no_notifications();
		return;
	}
	r = FFA(FFA_FEATURES, FFA_FEATURE_SRI);
	CHECK_EQ(r.x[0], FFA_SUCCESS);
	CHECK_EQ(r.x[2], FFA_INTID_SRI);
	CHECK_CODE(FFA_CODE(FFA_FEATURES, FFA_FEATURE_NPI), FFA_NOT_SUPPORTED);
	REQUIRE(FFA_CODE(FFA_NOTIFICATION_BITMAP_CREATE, FFA_ID_NWD, cpu_count) == FFA_OK);
	irq_set_handler(on_interrupt);
	gic_enable(this_cpu()->index, FFA_INTID_SRI);
	from_partition();
	gic_disable(this_cpu()->index, FFA_INTID_SRI);
	irq_set_handler(NULL);
	CHECK_CODE(FFA_CODE(FFA_NOTIFICATION_BITMAP_DESTROY, FFA_ID_NWD), FFA_OK);
}

void test_driver(void)
{
	static const struct test tests[] = {
		{ "driver_id", id },
		{ "driver_buffer_size", buffer_size },
		{ "driver_features", features },
		{ "driver_info", info },
		{ "driver_info_in_registers", info_in_registers },
		{ "driver_direct_messages", direct },
		{ "driver_indirect_messages", indirect },
		{ "driver_notifications", notifications },
	};

	RUN_TESTS(tests);
}
