/* SPDX-License-Identifier: MIT */
/* HVC and SMC of a guest: who answers which function id. */
#include "cmocka_main.h"

#include <string.h>

#include "abi/psci.h"
#include "abi/smccc.h"
#include "arch/smc.h"
#include "core/port/entropy.h"
#include "core/port/firmware.h"
#include "core/port/role.h"
#include "role/hyp/ffa/call.h"
#include "role/hyp/psci.h"
#include "role/hyp/vm.h"

static enum { NOBODY, PSCI, FFA, FIRMWARE } served;
static bool firmware;
static struct smc_regs below;
static struct hyp_vm vm;
static struct vm_config config;
static struct vcpu v;

enum trap_result psci_call(struct vcpu *caller)
{
	assert_ptr_equal(caller, &v);
	served = PSCI;
	return TRAP_LEAVE;
}

enum trap_result ffa_call(struct vcpu *caller)
{
	assert_ptr_equal(caller, &v);
	served = FFA;
	return TRAP_LEAVE;
}

bool firmware_has_smccc_1_2(void)
{
	return firmware;
}

void firmware_call(struct smc_regs *regs)
{
	served = FIRMWARE;
	below = *regs;
	for (unsigned i = 0; i < ARRAY_SIZE(regs->x); i++) {
		regs->x[i] = 1000 + i;
	}
}

bool entropy_get(uint64_t *value)
{
	*value = 1;
	return true;
}

static void make(unsigned count, const uint32_t *allowed)
{
	memset(&v, 0, sizeof(v));
	config = (struct vm_config){ .smc_count = count };
	memcpy(config.smcs, allowed, count * sizeof(allowed[0]));
	vm.config = &config;
	vm.vm.id = 4;
	v.vm = &vm.vm;
	firmware = true;
	served = NOBODY;
}

static uint64_t call(uint32_t id)
{
	for (unsigned i = 0; i < 31; i++) {
		v.regs.x[i] = 0x500000000 + i;
	}
	v.regs.x[0] = id;
	role_call(&v);
	return v.regs.x[0];
}

static const uint32_t allowed[] = { 0xc2000001, 0xb2000004 };

static void each_range_has_its_owner(void **state unused_arg)
{
	make(ARRAY_SIZE(allowed), allowed);
	call(PSCI_VERSION);
	assert_int_equal(served, PSCI);
	call(PSCI_CPU_ON_64);
	assert_int_equal(served, PSCI);
	for (uint32_t id = 0x84000060; id < 0x840000f0; id++) {
		served = NOBODY;
		call(id);
		assert_int_equal(served, FFA);
		served = NOBODY;
		call(id | 0x40010000);
		assert_int_equal(served, FFA);
	}
	served = NOBODY;
	assert_int_equal(call(SMCCC_VERSION), SMCCC_VERSION_1_2);
	assert_int_equal(call(TRNG_VERSION), 0x10000);
	assert_int_equal(served, NOBODY);
}

static void the_rest_does_not_exist(void **state unused_arg)
{
	static const uint32_t ids[] = { 0x8400005f, 0x840000f0, 0xc2000002, 0x82000001, 0x04000060, 0xc4000131,
					0xb2000005, 0xffffffff, 0,          0x86000000, 0xc5000020, 0x81000000 };

	make(ARRAY_SIZE(allowed), allowed);
	for (unsigned i = 0; i < ARRAY_SIZE(ids); i++) {
		assert_int_equal((int64_t)call(ids[i]), SMCCC_NOT_SUPPORTED);
		assert_int_equal(v.regs.x[1], 0x500000001);
		assert_int_equal(served, NOBODY);
	}
}

static void what_is_allowed_goes_down(void **state unused_arg)
{
	make(ARRAY_SIZE(allowed), allowed);
	assert_int_equal(call(allowed[1]), 1000);
	assert_int_equal(served, FIRMWARE);
	assert_int_equal(below.x[0], allowed[1]);
	assert_int_equal(below.x[6], 0x500000006);
	assert_int_equal(below.x[7], 0x500000005); /* VM number 4 is FF-A's number 5 */
	assert_int_equal(below.x[17], 0x500000011);
	assert_int_equal(v.regs.x[7], 0x500000007);
	assert_int_equal(v.regs.x[17], 1017);
	assert_int_equal(v.regs.x[18], 0x500000012);
}

static void nothing_goes_down_where_there_is_no_firmware(void **state unused_arg)
{
	make(ARRAY_SIZE(allowed), allowed);
	firmware = false;
	assert_int_equal((int64_t)call(allowed[0]), SMCCC_NOT_SUPPORTED);
	assert_int_equal(served, NOBODY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_range_has_its_owner),
		cmocka_unit_test(the_rest_does_not_exist),
		cmocka_unit_test(what_is_allowed_goes_down),
		cmocka_unit_test(nothing_goes_down_where_there_is_no_firmware),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
