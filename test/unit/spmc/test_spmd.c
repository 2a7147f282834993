/* SPDX-License-Identifier: MIT */
#include "cmocka_main.h"

#include "abi/psci.h"
#include "arch/smc.h"
#include "arch/sysreg.h"
#include "ffa/discovery.h"
#include "ffa/endpoint.h"
#include "lib/str.h"
#include "role/spmc/power.h"
#include "role/spmc/spmd.h"

/* ---- the SPMD ---- */

static struct smc_regs smc_seen, smc_answer;

void arch_smc(struct smc_regs *regs)
{
	smc_seen = *regs;
	*regs = smc_answer;
}

/* ---- the rest of the SPMC ---- */

static int32_t off_status;
static unsigned off_calls;

int32_t power_cpu_off(struct cpu *cpu)
{
	assert_non_null(cpu);
	off_calls++;
	return off_status;
}

static unsigned leaves;

void sp_timers_leave(struct cpu *cpu)
{
	assert_int_equal(off_status, 0);
	assert_int_equal(cpu->online, 1);
	leaves++;
}

struct ffa_endpoint ffa_nwd;
static uint32_t version_asked;

int32_t ffa_version_negotiate(struct ffa_endpoint *caller, uint32_t requested)
{
	assert_ptr_equal(caller, &ffa_nwd);
	version_asked = requested;
	return requested >> FFA_VERSION_MAJOR_SHIFT == 1 ? (int32_t)FFA_VERSION_OWN : FFA_NOT_SUPPORTED;
}

/* ---- */

static void message(struct cpu *cpu, uint64_t *x, uint64_t w2, uint64_t w3)
{
	memset(x, 0, 18 * sizeof(*x));
	x[0] = FFA_MSG_SEND_DIRECT_REQ;
	x[1] = 0xffff8000;
	x[2] = w2;
	x[3] = w3;
	for (unsigned i = 4; i < 18; i++) {
		x[i] = 0x1000 + i;
	}
	assert_true(spmd_is_message(x));
	spmd_message(cpu, x);
}

static void assert_response(const uint64_t *x, uint64_t w2, uint64_t w3)
{
	assert_int_equal(x[0], FFA_MSG_SEND_DIRECT_RESP);
	assert_int_equal(x[1], 0x8000ffff);
	assert_int_equal(x[2], w2);
	assert_int_equal(x[3], w3);
	for (unsigned i = 4; i < 8; i++) {
		assert_int_equal(x[i], 0);
	}
	for (unsigned i = 8; i < 18; i++) {
		assert_int_equal(x[i], 0x1000 + i); /* the message does not define them */
	}
}

static void spmd_knows_its_messages(void **state)
{
	uint64_t x[18] = { FFA_MSG_SEND_DIRECT_REQ, 0xffff8000 };

	(void)state;
	assert_true(spmd_is_message(x));
	x[1] = 0x8000; /* the normal world's */
	assert_false(spmd_is_message(x));
	x[1] = 0xffff8001;
	assert_false(spmd_is_message(x));
	x[1] = 0xffff8000;
	x[0] = FFA_MSG_SEND_DIRECT_REQ_64;
	assert_false(spmd_is_message(x));
	x[0] = FFA_INTERRUPT;
	assert_false(spmd_is_message(x));
}

static void spmd_version_is_negotiated(void **state)
{
	struct cpu cpu = { .online = 1 };
	uint64_t x[18];

	(void)state;
	message(&cpu, x, 0x80000008, FFA_VERSION_1_1);
	assert_int_equal(version_asked, FFA_VERSION_1_1);
	assert_response(x, 0x80000009, FFA_VERSION_1_2);
	message(&cpu, x, 0x80000008, 0x20000);
	assert_response(x, 0x80000009, 0xffffffff);
	/* Upper halves are not part of an SMC32 call. */
	message(&cpu, x, 0xabcd000080000008, 0xabcd000000010000);
	assert_int_equal(version_asked, FFA_VERSION_1_0);
	assert_response(x, 0x80000009, FFA_VERSION_1_2);
}

static void spmd_turns_a_cpu_off(void **state)
{
	struct cpu cpu = { .online = 1 };
	uint64_t x[18];

	(void)state;
	off_calls = 0;
	off_status = PSCI_DENIED;
	message(&cpu, x, 0x80000000, PSCI_CPU_OFF);
	assert_response(x, 0x80000002, (uint32_t)PSCI_DENIED);
	assert_int_equal(leaves, 0);

	off_status = PSCI_SUCCESS;
	message(&cpu, x, 0x80000000, PSCI_CPU_OFF);
	assert_response(x, 0x80000002, 0);
	assert_int_equal(leaves, 1);
	assert_int_equal(off_calls, 2);
}

static void spmd_other_messages(void **state)
{
	static const uint32_t unknown[] = { 0x80000002, 0x80000003, 0x80000004, 0x80000009, 0x8000000a,
					    0x800000ff, 0,          8,          0x80000108, 0xc0000008 };
	struct cpu cpu = { .online = 1 };
	uint64_t x[18];

	(void)state;
	off_calls = 0;
	message(&cpu, x, 0x80000000, PSCI_SYSTEM_OFF);
	assert_response(x, 0x80000002, (uint32_t)PSCI_NOT_SUPPORTED);
	message(&cpu, x, 0x80000001, 0);
	assert_response(x, 0x80000002, 0);
	for (unsigned i = 0; i < ARRAY_SIZE(unknown); i++) {
		message(&cpu, x, unknown[i], PSCI_CPU_OFF);
		assert_int_equal(x[0], FFA_ERROR);
		assert_int_equal(x[2], (uint32_t)FFA_INVALID_PARAMETERS);
	}
	assert_int_equal(off_calls, 0);
	assert_int_equal(cpu.online, 1);
}

static void spmd_calls(void **state)
{
	(void)state;
	smc_answer = (struct smc_regs){ .x = { FFA_SUCCESS, 0, FFA_ID_SPMC } };
	assert_int_equal(spmd_id_get(), FFA_ID_SPMC);
	assert_int_equal(smc_seen.x[0], FFA_ID_GET);
	smc_answer = (struct smc_regs){ .x = { FFA_ERROR, 0, (uint32_t)FFA_NOT_SUPPORTED } };
	assert_int_equal(spmd_id_get(), FFA_ID_NWD);
	smc_answer = (struct smc_regs){ .x = { UINT64_MAX, 0, FFA_ID_SPMC } };
	assert_int_equal(spmd_id_get(), FFA_ID_NWD);

	smc_answer = (struct smc_regs){ .x = { FFA_SUCCESS_64 } };
	assert_int_equal(spmd_register_entry(pa(0xe100040)), FFA_OK);
	assert_int_equal(smc_seen.x[0], FFA_SECONDARY_EP_REGISTER_64);
	assert_int_equal(smc_seen.x[1], 0xe100040);
	smc_answer = (struct smc_regs){ .x = { FFA_SUCCESS } };
	assert_int_equal(spmd_register_entry(pa(0xe100040)), FFA_OK);
	smc_answer = (struct smc_regs){ .x = { FFA_ERROR | FFA_64, 0, (uint32_t)FFA_INVALID_PARAMETERS } };
	assert_int_equal(spmd_register_entry(pa(0xe100040)), FFA_INVALID_PARAMETERS);
	smc_answer = (struct smc_regs){ .x = { UINT64_MAX } };
	assert_int_equal(spmd_register_entry(pa(0xe100040)), FFA_NOT_SUPPORTED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spmd_knows_its_messages),
		cmocka_unit_test(spmd_version_is_negotiated),
		cmocka_unit_test(spmd_turns_a_cpu_off),
		cmocka_unit_test(spmd_other_messages),
		cmocka_unit_test(spmd_calls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
