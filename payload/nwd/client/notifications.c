/* SPDX-License-Identifier: MIT */
/* Notifications between partitions, us and VMs; the Schedule Receiver Interrupt; what INFO_GET tells. */
#include "payload/lib/cpu.h"
#include "payload/lib/timer.h"
#include "payload/nwd/client/handler.h"
#include "payload/nwd/client/tests.h"

#define VM 13
#define BITS_A UINT64_C(0x0000000100000006)
#define LOW(bits) ((uint32_t)(bits))
#define HIGH(bits) ((bits) >> 32)
#define SRI_WAIT_MS 200

/* ---- bitmaps ---- */

static void bitmap_create(void)
{
	CHECK_CODE(FFA_CODE(FFA_NOTIFICATION_BITMAP_CREATE, hello, 1), FFA_INVALID_PARAMETERS);
	CHECK_CODE(FFA_CODE(FFA_NOTIFICATION_BITMAP_DESTROY, VM), FFA_DENIED);
	CHECK_CODE(FFA_CODE(FFA_NOTIFICATION_BITMAP_CREATE, VM, 2), FFA_OK);
	CHECK_CODE(FFA_CODE(FFA_NOTIFICATION_BITMAP_CREATE, VM, 2), FFA_DENIED);
	CHECK_CODE(FFA_CODE(FFA_NOTIFICATION_BITMAP_DESTROY, VM), FFA_OK);
	CHECK_CODE(FFA_CODE(FFA_NOTIFICATION_BITMAP_DESTROY, VM), FFA_DENIED);
	/* Without one, id 0 receives nothing. */
	CHECK_CODE(FFA_CODE(FFA_NOTIFICATION_BIND, ffa_pair(hello, FFA_ID_NWD), 0, 1, 0), FFA_NOT_SUPPORTED);
	CHECK_CODE(FFA_CODE(FFA_NOTIFICATION_BITMAP_CREATE, FFA_ID_NWD, cpu_count), FFA_OK);
	CHECK_CODE(FFA_CODE(FFA_NOTIFICATION_BITMAP_CREATE, FFA_ID_NWD, cpu_count), FFA_DENIED);
}

static void bind_checks(void)
{
	const uint32_t w1 = ffa_pair(hello, FFA_ID_NWD);

	CHECK_CODE(FFA_CODE(FFA_NOTIFICATION_BIND, w1, 2, 1, 0), FFA_INVALID_PARAMETERS);
	CHECK_CODE(FFA_CODE(FFA_NOTIFICATION_BIND, w1, 0, 0, 0), FFA_INVALID_PARAMETERS);
	CHECK_CODE(FFA_CODE(FFA_NOTIFICATION_BIND, ffa_pair(FFA_ID_NWD, FFA_ID_NWD), 0, 1, 0), FFA_INVALID_PARAMETERS);
	CHECK_CODE(FFA_CODE(FFA_NOTIFICATION_BIND, ffa_pair(hello, irq), 0, 1, 0), FFA_INVALID_PARAMETERS);
	CHECK_CODE(FFA_CODE(FFA_NOTIFICATION_BIND, ffa_pair(0x8077, FFA_ID_NWD), 0, 1, 0), FFA_INVALID_PARAMETERS);
	CHECK_CODE(FFA_CODE(FFA_NOTIFICATION_UNBIND, w1, 0, 1, 0), FFA_DENIED);
	CHECK_CODE(FFA_CODE(FFA_NOTIFICATION_BIND, w1, 0, LOW(BITS_A), HIGH(BITS_A)), FFA_OK);
	CHECK_CODE(FFA_CODE(FFA_NOTIFICATION_BIND, w1, 0, 2, 0), FFA_DENIED);
	CHECK_CODE(FFA_CODE(FFA_NOTIFICATION_BIND, ffa_pair(irq, FFA_ID_NWD), 0, 3, 0), FFA_DENIED);
	CHECK_CODE(FFA_CODE(FFA_NOTIFICATION_UNBIND, ffa_pair(irq, FFA_ID_NWD), 0, 2, 0), FFA_DENIED);
	CHECK_CODE(FFA_CODE(FFA_NOTIFICATION_UNBIND, w1, 0, LOW(BITS_A), HIGH(BITS_A)), FFA_OK);
	/* All or none of the bits: the third is bound by nobody. */
	CHECK_CODE(FFA_CODE(FFA_NOTIFICATION_BIND, w1, 0, 2, 0), FFA_OK);
	CHECK_CODE(FFA_CODE(FFA_NOTIFICATION_UNBIND, w1, 0, 6, 0), FFA_DENIED);
	CHECK_CODE(FFA_CODE(FFA_NOTIFICATION_UNBIND, w1, 0, 2, 0), FFA_OK);
}

/* ---- from a partition to us ---- */

static struct ffa_regs get(uint32_t vcpu, uint32_t flags)
{
	return FFA(FFA_NOTIFICATION_GET, ffa_pair(vcpu, FFA_ID_NWD), flags);
}

static int32_t set_from(uint16_t sp, uint16_t receiver, uint32_t flags, uint64_t bits)
{
	return SP_FFA_CODE(sp, FFA_NOTIFICATION_SET, ffa_pair(sp, receiver), flags, LOW(bits), HIGH(bits));
}

static void partition_to_us(void)
{
	const uint32_t w1 = ffa_pair(hello, FFA_ID_NWD);
	struct ffa_regs r;

	sri_count = 0;
	REQUIRE(FFA_CODE(FFA_NOTIFICATION_BIND, w1, 0, LOW(BITS_A), HIGH(BITS_A)) == FFA_OK);
	r = FFA(FFA_NOTIFICATION_INFO_GET_64);
	CHECK_CODE(ffa_code(&r), FFA_NO_DATA);
	CHECK_CODE(set_from(hello, FFA_ID_NWD, 0, BITS_A), FFA_OK);
	CHECK(WAIT_UNTIL(sri_count == 1, SRI_WAIT_MS));
	r = FFA(FFA_NOTIFICATION_INFO_GET_64);
	CHECK_EQ(r.x[0], FFA_SUCCESS_64);
	CHECK_EQ(r.x[2], 1u << 7); /* one list of one id */
	CHECK_EQ(r.x[3] & 0xffff, FFA_ID_NWD);
	/* It was told once. */
	r = FFA(FFA_NOTIFICATION_INFO_GET_64);
	CHECK_CODE(ffa_code(&r), FFA_NO_DATA);
	CHECK_CODE(FFA_CODE(FFA_NOTIFICATION_UNBIND, w1, 0, LOW(BITS_A), HIGH(BITS_A)), FFA_DENIED);
	CHECK_CODE(FFA_CODE(FFA_NOTIFICATION_BITMAP_DESTROY, FFA_ID_NWD), FFA_DENIED);
	r = get(0, FFA_NOTIFICATION_GET_SP);
	CHECK_EQ(r.x[0], FFA_SUCCESS);
	CHECK_EQ(ffa_u64(r.x[2], r.x[3]), BITS_A);
	CHECK_EQ(r.x[4] | r.x[5] | r.x[6] | r.x[7], 0);
	r = get(0, FFA_NOTIFICATION_GET_SP);
	CHECK_EQ(ffa_u64(r.x[2], r.x[3]), 0);
	CHECK_CODE(FFA_CODE(FFA_NOTIFICATION_UNBIND, w1, 0, LOW(BITS_A), HIGH(BITS_A)), FFA_OK);
}

static void delayed_sri(void)
{
	const uint32_t w1 = ffa_pair(hello, FFA_ID_NWD);

	sri_count = 0;
	REQUIRE(FFA_CODE(FFA_NOTIFICATION_BIND, w1, 0, 1, 0) == FFA_OK);
	CHECK_CODE(set_from(hello, FFA_ID_NWD, FFA_NOTIFICATION_DELAY_SRI, 1), FFA_OK);
	CHECK(WAIT_UNTIL(sri_count >= 1, SRI_WAIT_MS));
	get(0, FFA_NOTIFICATION_GET_SP);
	CHECK_CODE(FFA_CODE(FFA_NOTIFICATION_UNBIND, w1, 0, 1, 0), FFA_OK);
}

static void set_checks(void)
{
	const uint32_t w1 = ffa_pair(hello, FFA_ID_NWD);

	REQUIRE(FFA_CODE(FFA_NOTIFICATION_BIND, w1, 0, 1, 0) == FFA_OK);
	CHECK_CODE(set_from(hello, FFA_ID_NWD, 0, 2), FFA_DENIED);
	CHECK_CODE(set_from(hello, FFA_ID_NWD, 0, 0), FFA_INVALID_PARAMETERS);
	CHECK_CODE(set_from(hello, FFA_ID_NWD, 4, 1), FFA_INVALID_PARAMETERS);
	CHECK_CODE(set_from(hello, FFA_ID_NWD, 1 << 16, 1), FFA_INVALID_PARAMETERS);
	CHECK_CODE(set_from(hello, FFA_ID_NWD, FFA_NOTIFICATION_PER_VCPU, 1), FFA_INVALID_PARAMETERS);
	CHECK_CODE(set_from(irq, FFA_ID_NWD, 0, 1), FFA_DENIED);
	CHECK_CODE(SP_FFA_CODE(irq, FFA_NOTIFICATION_SET, w1, 0, 1), FFA_INVALID_PARAMETERS);
	CHECK_CODE(FFA_CODE(FFA_NOTIFICATION_SET, w1, 0, 1), FFA_INVALID_PARAMETERS);
	CHECK_EQ(ffa_u64(get(0, 1).x[2], 0), 0);
	CHECK_CODE(FFA_CODE(FFA_NOTIFICATION_UNBIND, w1, 0, 1, 0), FFA_OK);
}

static void get_checks(void)
{
	struct ffa_regs r = get(0, 0x10);

	CHECK_CODE(ffa_code(&r), FFA_INVALID_PARAMETERS);
	r = get(64, FFA_NOTIFICATION_GET_SP);
	CHECK_CODE(ffa_code(&r), FFA_INVALID_PARAMETERS);
	r = get(0, FFA_NOTIFICATION_GET_VM);
	CHECK_CODE(ffa_code(&r), FFA_INVALID_PARAMETERS);
	r = get(0, FFA_NOTIFICATION_GET_HYP);
	CHECK_CODE(ffa_code(&r), FFA_INVALID_PARAMETERS);
	CHECK_CODE(FFA_CODE(FFA_NOTIFICATION_GET, hello, FFA_NOTIFICATION_GET_SP), FFA_INVALID_PARAMETERS);
	CHECK_CODE(SP_FFA_CODE(hello, FFA_NOTIFICATION_GET, irq, FFA_NOTIFICATION_GET_SP), FFA_INVALID_PARAMETERS);
}

static void per_vcpu(void)
{
	const uint32_t w1 = ffa_pair(hello, FFA_ID_NWD);
	const uint32_t vcpu = cpu_count - 1;
	struct ffa_regs r;

	REQUIRE(FFA_CODE(FFA_NOTIFICATION_BIND, w1, FFA_NOTIFICATION_PER_VCPU, 8, 0) == FFA_OK);
	CHECK_CODE(set_from(hello, FFA_ID_NWD, 0, 8), FFA_INVALID_PARAMETERS);
	CHECK_CODE(set_from(hello, FFA_ID_NWD, FFA_NOTIFICATION_PER_VCPU | 200u << 16, 8), FFA_INVALID_PARAMETERS);
	CHECK_CODE(set_from(hello, FFA_ID_NWD, FFA_NOTIFICATION_PER_VCPU | vcpu << 16, 8), FFA_OK);
	r = FFA(FFA_NOTIFICATION_INFO_GET_64);
	CHECK_EQ(r.x[0], FFA_SUCCESS_64);
	CHECK_EQ(r.x[2], 1u << 7 | 1u << 12);
	CHECK_EQ(r.x[3] & 0xffffffff, vcpu << 16);
	if (vcpu != 0) {
		CHECK_EQ(get(0, FFA_NOTIFICATION_GET_SP).x[2], 0);
	}
	CHECK_EQ(get(vcpu, FFA_NOTIFICATION_GET_SP).x[2], 8);
	CHECK_CODE(FFA_CODE(FFA_NOTIFICATION_UNBIND, w1, 0, 8, 0), FFA_OK);
}

/* ---- to a partition ---- */

static void us_to_partition(void)
{
	struct ffa_regs r;
	uint64_t npis = (uint32_t)COMMAND(hello, COMMAND_STATE).w[4];

	CHECK_CODE(FFA_CODE(FFA_NOTIFICATION_SET, ffa_pair(FFA_ID_NWD, hello), 0, 1), FFA_DENIED);
	CHECK_CODE(SP_FFA_CODE(hello, FFA_NOTIFICATION_BIND, ffa_pair(FFA_ID_NWD, hello), 0, 0x11, 0), FFA_OK);
	CHECK_CODE(FFA_CODE(FFA_NOTIFICATION_SET, ffa_pair(FFA_ID_NWD, hello), 0, 0x11), FFA_OK);
	r = FFA(FFA_NOTIFICATION_INFO_GET_64);
	CHECK_EQ(r.x[0], FFA_SUCCESS_64);
	CHECK_EQ(r.x[3] & 0xffff, hello);
	/* When it runs next, the pending notifications are an interrupt to it. */
	CHECK_EQ((uint32_t)COMMAND(hello, COMMAND_STATE).w[4], npis + 1);
	r = SP_FFA(hello, FFA_NOTIFICATION_GET, hello, FFA_NOTIFICATION_GET_VM);
	CHECK_EQ(r.x[0], FFA_SUCCESS);
	CHECK_EQ(ffa_u64(r.x[4], r.x[5]), 0x11);
	CHECK_EQ(ffa_u64(r.x[2], r.x[3]), 0);
	CHECK_CODE(SP_FFA_CODE(hello, FFA_NOTIFICATION_UNBIND, ffa_pair(FFA_ID_NWD, hello), 0, 0x11, 0), FFA_OK);
}

static void partition_to_partition(void)
{
	struct ffa_regs r;

	CHECK_CODE(SP_FFA_CODE(hello, FFA_NOTIFICATION_BIND, ffa_pair(irq, hello), 0, 0, 0x80), FFA_OK);
	CHECK_CODE(set_from(irq, hello, FFA_NOTIFICATION_DELAY_SRI, UINT64_C(0x8000000000)), FFA_OK);
	r = FFA(FFA_NOTIFICATION_INFO_GET_64);
	CHECK_EQ(r.x[0], FFA_SUCCESS_64);
	r = SP_FFA(hello, FFA_NOTIFICATION_GET, hello, FFA_NOTIFICATION_GET_SP);
	CHECK_EQ(ffa_u64(r.x[2], r.x[3]), UINT64_C(0x8000000000));
	CHECK_CODE(SP_FFA_CODE(hello, FFA_NOTIFICATION_UNBIND, ffa_pair(irq, hello), 0, 0, 0x80), FFA_OK);
	/* In another's name, or for another. */
	CHECK_CODE(SP_FFA_CODE(hello, FFA_NOTIFICATION_BIND, ffa_pair(irq, relay), 0, 1), FFA_INVALID_PARAMETERS);
	CHECK_CODE(SP_FFA_CODE(hello, FFA_NOTIFICATION_BIND, ffa_pair(hello, hello), 0, 1), FFA_INVALID_PARAMETERS);
}

static void vm_receives(void)
{
	struct ffa_regs r;

	sri_count = 0;
	REQUIRE(FFA_CODE(FFA_NOTIFICATION_BITMAP_CREATE, VM, 2) == FFA_OK);
	CHECK_CODE(FFA_CODE(FFA_NOTIFICATION_BIND, ffa_pair(hello, VM), 0, 4, 0), FFA_OK);
	CHECK_CODE(set_from(hello, VM, 0, 4), FFA_OK);
	r = FFA(FFA_NOTIFICATION_INFO_GET_64);
	CHECK_EQ(r.x[0], FFA_SUCCESS_64);
	CHECK_EQ(r.x[3] & 0xffff, VM);
	r = FFA(FFA_NOTIFICATION_GET, ffa_pair(1, VM), FFA_NOTIFICATION_GET_SP);
	CHECK_EQ(r.x[2], 4);
	CHECK_CODE(FFA_CODE(FFA_NOTIFICATION_GET, ffa_pair(2, VM), FFA_NOTIFICATION_GET_SP), FFA_INVALID_PARAMETERS);
	CHECK_CODE(FFA_CODE(FFA_NOTIFICATION_UNBIND, ffa_pair(hello, VM), 0, 4, 0), FFA_OK);
	CHECK_CODE(FFA_CODE(FFA_NOTIFICATION_BITMAP_DESTROY, VM), FFA_OK);
}

static void bitmap_destroy(void)
{
	CHECK_CODE(FFA_CODE(FFA_NOTIFICATION_BITMAP_DESTROY, FFA_ID_NWD), FFA_OK);
	CHECK_CODE(FFA_CODE(FFA_NOTIFICATION_BITMAP_DESTROY, FFA_ID_NWD), FFA_DENIED);
}

void test_notifications(void)
{
	static const struct test tests[] = {
		{ "notification_bitmap_create", bitmap_create },
		{ "notification_bind_checks", bind_checks },
		{ "notification_partition_to_us", partition_to_us },
		{ "notification_delayed_sri", delayed_sri },
		{ "notification_set_checks", set_checks },
		{ "notification_get_checks", get_checks },
		{ "notification_per_vcpu", per_vcpu },
		{ "notification_us_to_partition", us_to_partition },
		{ "notification_partition_to_partition", partition_to_partition },
		{ "notification_vm_receives", vm_receives },
		{ "notification_bitmap_destroy", bitmap_destroy },
	};

	handler_begin();
	RUN_TESTS(tests);
	handler_end();
}
