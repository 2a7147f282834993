/* SPDX-License-Identifier: MIT */
#include "cmocka_main.h"

#include "abi/psci.h"
#include "ffa/answer.h"
#include "lib/str.h"
#include "role/spmc/refuse.h"

static uint64_t x[FFA_REGS];

/* A call comes with something in every register; x8 and up must stay, and the rest of an answer is zero. */
static void bring(struct refusal *r, uint64_t x0, uint64_t x1, uint64_t x2, uint64_t x3)
{
	for (unsigned i = 0; i < FFA_REGS; i++) {
		x[i] = 0xabcd00000000 + i;
	}
	x[0] = x0;
	x[1] = x1;
	x[2] = x2;
	x[3] = x3;
	refuse_answer(r, x);
	for (unsigned i = 4; i < FFA_REGS; i++) {
		assert_int_equal(x[i], i < 8 ? 0 : 0xabcd00000000 + i);
	}
}

static void expect(uint32_t x0, uint32_t x1, uint32_t x2, uint32_t x3)
{
	assert_int_equal(x[0], x0);
	assert_int_equal(x[1], x1);
	assert_int_equal(x[2], x2);
	assert_int_equal(x[3], x3);
}

static void no_version_is_supported(void **state unused_arg)
{
	struct refusal r = { .starting = true };

	bring(&r, FFA_MSG_SEND_DIRECT_REQ | 0x10000, 0xffff8000, 0x80000008, FFA_VERSION_1_2);
	expect(FFA_MSG_SEND_DIRECT_RESP, 0x8000ffff, 0x80000009, (uint32_t)FFA_NOT_SUPPORTED);
	assert_true(r.starting && !r.off);
}

static void every_call_is_refused(void **state unused_arg)
{
	static const uint32_t calls[] = { FFA_FEATURES, FFA_RXTX_MAP_64, FFA_MEM_SHARE_64, FFA_RUN, 0x84000000 };
	struct refusal r = { 0 };

	for (unsigned i = 0; i < ARRAY_SIZE(calls); i++) {
		bring(&r, calls[i], 1, 2, 3);
		expect(FFA_ERROR, 0, (uint32_t)FFA_NOT_SUPPORTED, 0);
	}
	bring(&r, FFA_MSG_SEND_DIRECT_REQ, 0x8001, 0, 0);
	expect(FFA_ERROR, 0, (uint32_t)FFA_NOT_SUPPORTED, 0);
	bring(&r, FFA_INTERRUPT, 0, 0, 0);
	expect(FFA_NORMAL_WORLD_RESUME, 0, 0, 0);
}

/* While the SPMD thinks that the SPMC starts, FFA_ERROR would end that again. */
static void a_cpu_that_starts_gives_no_second_error(void **state unused_arg)
{
	struct refusal r = { .starting = true };

	bring(&r, FFA_FEATURES, FFA_VERSION, 0, 0);
	expect(FFA_INTERRUPT, 0, 0, 0);
	bring(&r, FFA_INTERRUPT, 0, 0, 0);
	expect(FFA_NORMAL_WORLD_RESUME, 0, 0, 0);
}

static void cpus_go_and_come(void **state unused_arg)
{
	struct refusal r = { .starting = true };

	bring(&r, FFA_MSG_SEND_DIRECT_REQ, 0xffff8000, 0x80000000, PSCI_CPU_OFF);
	expect(FFA_MSG_SEND_DIRECT_RESP, 0x8000ffff, 0x80000002, PSCI_SUCCESS);
	assert_true(r.off);
	bring(&r, x[0], x[1], x[2], x[3]);
	expect(FFA_MSG_WAIT, 0, 0, 0);
	assert_false(r.off || r.starting);
	bring(&r, FFA_FEATURES, FFA_VERSION, 0, 0);
	expect(FFA_ERROR, 0, (uint32_t)FFA_NOT_SUPPORTED, 0);
	bring(&r, FFA_MSG_SEND_DIRECT_REQ, 0xffff8000, 0x80000000, PSCI_CPU_SUSPEND_32);
	expect(FFA_MSG_SEND_DIRECT_RESP, 0x8000ffff, 0x80000002, (uint32_t)PSCI_NOT_SUPPORTED);
	assert_false(r.off);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_version_is_supported),
		cmocka_unit_test(every_call_is_refused),
		cmocka_unit_test(a_cpu_that_starts_gives_no_second_error),
		cmocka_unit_test(cpus_go_and_come),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
