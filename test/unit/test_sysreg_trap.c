/* SPDX-License-Identifier: MIT */
#include "cmocka_main.h"

#include "vcpu_fixture.h"

#define DFR0 IDREG_INDEX(id_aa64dfr0_el1)
#define UNDEFINED 0x02000000u /* ESR_EL1 */

static struct vcpu *const v = &fx.v;

static int setup(void **state)
{
	(void)state;
	fixture_reset();
	/* Six breakpoints, four watchpoints. */
	cpu_features.raw[DFR0] = 5 << 12 | 3 << 20;
	return 0;
}

/* Executes an access by the guest through register 'rt'; true if it was not UNDEFINED. */
static bool access_by(uint32_t enc, bool read, unsigned rt)
{
	uint64_t pc = v->regs.pc;

	v->regs.esr = FIELD_PUT(ESR_EC, EC_SYSREG) | ESR_IL | enc | FIELD_PUT(ESR_SYSREG_RT, rt) |
		      (read ? ESR_SYSREG_READ : 0);
	assert_int_equal(fixture_trap(true), TRAP_RESUME);
	if (v->regs.pc == pc + 4) {
		return true;
	}
	assert_int_equal(read_esr_el1(), UNDEFINED);
	assert_int_equal(read_elr_el1(), pc);
	v->regs.pc = pc;
	v->regs.pstate = PSTATE_EL1H;
	return false;
}

static uint64_t sysreg_read(uint32_t enc)
{
	assert_true(access_by(enc, true, 2));
	return v->regs.x[2];
}

static void sysreg_write(uint32_t enc, uint64_t value)
{
	v->regs.x[2] = value;
	assert_true(access_by(enc, false, 2));
}

/* What a guest may read (bit 0) and write (bit 1); written down apart from the code. */
static unsigned expected(unsigned op0, unsigned op1, unsigned crn, unsigned crm, unsigned op2)
{
	static const struct {
		uint8_t op0, op1, crn, crm, op2, may;
	} known[] = {
		/* debug */
		{ 2, 0, 0, 0, 2, 3 },
		{ 2, 0, 0, 2, 0, 3 },
		{ 2, 0, 0, 2, 2, 3 },
		{ 2, 0, 0, 3, 2, 3 },
		{ 2, 0, 0, 6, 2, 3 },
		{ 2, 0, 1, 0, 0, 1 },
		{ 2, 0, 1, 0, 4, 2 },
		{ 2, 0, 1, 1, 4, 1 },
		{ 2, 0, 1, 3, 4, 3 },
		{ 2, 0, 1, 4, 4, 3 },
		{ 2, 0, 7, 8, 6, 3 },
		{ 2, 0, 7, 9, 6, 3 },
		{ 2, 0, 7, 14, 6, 1 },
		{ 2, 3, 0, 1, 0, 1 },
		{ 2, 3, 0, 4, 0, 3 },
		{ 2, 3, 0, 5, 0, 3 },
		/* REVIDR, AIDR, ACTLR */
		{ 3, 0, 0, 0, 6, 1 },
		{ 3, 1, 0, 0, 7, 1 },
		{ 3, 0, 1, 0, 1, 3 },
		/* DIR, SGI1R, ASGI1R, SGI0R, SRE */
		{ 3, 0, 12, 11, 1, 2 },
		{ 3, 0, 12, 11, 5, 2 },
		{ 3, 0, 12, 11, 6, 2 },
		{ 3, 0, 12, 11, 7, 2 },
		{ 3, 0, 12, 12, 5, 3 },
		/* CNTP */
		{ 3, 3, 14, 2, 0, 3 },
		{ 3, 3, 14, 2, 1, 3 },
		{ 3, 3, 14, 2, 2, 3 },
	};

	if (op0 == 3 && op1 == 0 && crn == 0 && crm >= 1 && crm <= 7) {
		return 1;
	}
	if (op0 == 2 && op1 == 0 && crn == 0 && op2 >= 4 && crm < (op2 < 6 ? 6u : 4u)) {
		return 3;
	}
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		if (known[i].op0 == op0 && known[i].op1 == op1 && known[i].crn == crn && known[i].crm == crm &&
		    known[i].op2 == op2) {
			return known[i].may;
		}
	}
	return 0;
}

/* The whole encoding space; a table that is not sorted would lose some. */
static void sysreg_space_has_what_is_shown_and_no_more(void **state)
{
	(void)state;
	for (unsigned n = 0; n < 1u << 16; n++) {
		unsigned op0 = n >> 14, op1 = n >> 11 & 7, crn = n >> 7 & 15, crm = n >> 3 & 15, op2 = n & 7;
		uint32_t enc = SYSREG_ENC(op0, op1, crn, crm, op2);
		unsigned may = expected(op0, op1, crn, crm, op2);

		v->regs.x[0] = 0;
		if (access_by(enc, true, 0) != ((may & 1) != 0) || access_by(enc, false, 31) != ((may & 2) != 0)) {
			fail_msg("S%u_%u_C%u_C%u_%u", op0, op1, crn, crm, op2);
		}
	}
}

static void sysreg_retries_without_a_trace(void **state)
{
	(void)state;
	for (unsigned rt = 0; rt < 32; rt++) {
		struct vcpu before;
		bool missing = rt >= 19 && rt <= 28;

		v->regs.esr = FIELD_PUT(ESR_EC, EC_SYSREG) | SYSREG_ENC_icc_sgi1r_el1 | FIELD_PUT(ESR_SYSREG_RT, rt);
		before = *v;
		fx.sgis = 0;
		assert_int_equal(fixture_trap(false), missing ? TRAP_RETRY : TRAP_RESUME);
		assert_int_equal(fx.sgis, missing ? 0 : 1);
		if (missing) {
			assert_memory_equal(v, &before, sizeof(before));
		}
	}
}

static void sysreg_sends_sgis(void **state)
{
	(void)state;
	sysreg_write(SYSREG_ENC_icc_sgi1r_el1, 0x123456789);
	assert_int_equal(fx.sgi_value, 0x123456789);
	assert_true(fx.sgi_group1);
	sysreg_write(SYSREG_ENC_icc_sgi0r_el1, 5);
	assert_false(fx.sgi_group1);
	sysreg_write(SYSREG_ENC_icc_asgi1r_el1, 6);
	assert_int_equal(fx.sgi_value, 6);
	assert_false(fx.sgi_group1);
	assert_int_equal(fx.sgis, 3);
	sysreg_write(SYSREG_ENC_icc_dir_el1, BIT(32) | 0xff000021);
	assert_int_equal(fx.deactivated, 0x21);
	assert_int_equal(sysreg_read(SYSREG_ENC_icc_sre_el1), 7);
}

static void sysreg_shows_id_registers(void **state)
{
	(void)state;
	cpu_features.shown[IDREG_INDEX(id_aa64isar0_el1)] = 0x1234;
	cpu_features.shown[IDREG_INDEX(id_aa64mmfr0_el1)] = 0x1126;
	assert_int_equal(sysreg_read(SYSREG_ENC_id_aa64isar0_el1), 0x1234);
	/* 40 bits of IPA: PARange 2. */
	assert_int_equal(sysreg_read(SYSREG_ENC_id_aa64mmfr0_el1), 0x1122);
	assert_int_equal(sysreg_read(SYSREG_ENC_id_pfr0_el1), 0);
	write_revidr_el1(9);
	assert_int_equal(sysreg_read(SYSREG_ENC_revidr_el1), 9);
	/* Into XZR. */
	assert_true(access_by(SYSREG_ENC_id_aa64isar0_el1, true, 31));
}

static void sysreg_os_lock_is_the_vcpus(void **state)
{
	(void)state;
	debug_reset(v);
	debug_load(v);
	assert_int_equal(read_oslar_el1(), 1);
	assert_int_equal(sysreg_read(SYSREG_ENC_oslsr_el1), 0xa);
	sysreg_write(SYSREG_ENC_oslar_el1, 0);
	assert_int_equal(read_oslar_el1(), 0);
	assert_int_equal(sysreg_read(SYSREG_ENC_oslsr_el1), 0x8);
}

static void sysreg_breakpoints_work_and_stay_with_the_vcpu(void **state)
{
	const uint32_t bvr3 = SYSREG_ENC_dbgbvr3_el1, bcr3 = SYSREG_ENC_dbgbcr3_el1;
	const uint32_t wvr1 = SYSREG_ENC_dbgwvr1_el1, wcr1 = SYSREG_ENC_dbgwcr1_el1;
	struct vcpu other;

	(void)state;
	memset(&other, 0, sizeof(other));
	sysreg_write(bvr3, UINT64_C(0xffff800011112220));
	sysreg_write(bcr3, UINT64_C(0xf0000000000001e4)); /* not enabled yet; the upper half is RES0 */
	debug_put(v);
	debug_load(&other);
	debug_put(&other);
	debug_load(v);
	assert_int_equal(sysreg_read(bvr3), UINT64_C(0xffff800011112220));
	assert_int_equal(sysreg_read(bcr3), 0x1e4);
	/* What was written before another vCPU had the CPU counts when it is enabled. */
	write_dbgbvr3_el1(0);
	sysreg_write(bcr3, 0x1e5);
	assert_int_equal(read_dbgbvr3_el1(), UINT64_C(0xffff800011112220));
	assert_int_equal(read_dbgbcr3_el1(), 0x1e5);
	sysreg_write(wvr1, 0x4000);
	sysreg_write(wcr1, 0x1ff5);
	debug_put(v);
	assert_int_equal(read_dbgbcr3_el1(), 0);
	assert_int_equal(read_dbgwcr1_el1(), 0);
	assert_int_equal(read_dbgwvr1_el1(), 0);
	debug_load(&other);
	assert_int_equal(read_dbgbcr3_el1(), 0);
	debug_put(&other);
	debug_load(v);
	assert_int_equal(read_dbgbvr3_el1(), UINT64_C(0xffff800011112220));
	assert_int_equal(read_dbgbcr3_el1(), 0x1e5);
	assert_int_equal(read_dbgwvr1_el1(), 0x4000);
	assert_int_equal(read_dbgwcr1_el1(), 0x1ff5);
	sysreg_write(bcr3, 0);
	assert_true(v->debug.armed);
	sysreg_write(wcr1, 0);
	assert_false(v->debug.armed);
}

static void sysreg_debug_control_goes_to_the_hardware(void **state)
{
	(void)state;
	sysreg_write(SYSREG_ENC_mdscr_el1, 0x8001);
	assert_int_equal(read_mdscr_el1(), 0x8001);
	assert_int_equal(sysreg_read(SYSREG_ENC_mdscr_el1), 0x8001);
	/* The debugger's bits stay 0, HDE (14) above all: under the OS lock the hardware would take them. */
	sysreg_write(SYSREG_ENC_mdscr_el1, UINT64_MAX);
	assert_int_equal(read_mdscr_el1(), 0xb001);
}

static void sysreg_runs_the_physical_timer(void **state)
{
	(void)state;
	fx.now = 1000;
	sysreg_write(SYSREG_ENC_cntp_tval_el0, 500);
	assert_int_equal(sysreg_read(SYSREG_ENC_cntp_cval_el0), 1500);
	sysreg_write(SYSREG_ENC_cntp_ctl_el0, 1);
	assert_int_equal(sysreg_read(SYSREG_ENC_cntp_ctl_el0), 1);
	fx.now = 1500;
	assert_int_equal(sysreg_read(SYSREG_ENC_cntp_ctl_el0), 5);
	sysreg_write(SYSREG_ENC_cntp_cval_el0, 9999);
	assert_int_equal(sysreg_read(SYSREG_ENC_cntp_tval_el0), 9999 - 1500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(sysreg_space_has_what_is_shown_and_no_more, setup),
		cmocka_unit_test_setup(sysreg_retries_without_a_trace, setup),
		cmocka_unit_test_setup(sysreg_sends_sgis, setup),
		cmocka_unit_test_setup(sysreg_shows_id_registers, setup),
		cmocka_unit_test_setup(sysreg_os_lock_is_the_vcpus, setup),
		cmocka_unit_test_setup(sysreg_breakpoints_work_and_stay_with_the_vcpu, setup),
		cmocka_unit_test_setup(sysreg_debug_control_goes_to_the_hardware, setup),
		cmocka_unit_test_setup(sysreg_runs_the_physical_timer, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
