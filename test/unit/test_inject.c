/* SPDX-License-Identifier: MIT */
#include "cmocka_main.h"

#include "core/vcpu/inject.h"

#include "vcpu_fixture.h"

#define SPAN BIT(23)
#define DSSBS BIT(44)
#define PFR1 IDREG_INDEX(id_aa64pfr1_el1)
#define MMFR1 IDREG_INDEX(id_aa64mmfr1_el1)

static int setup(void **state)
{
	(void)state;
	fixture_reset();
	write_vbar_el1(UINT64_C(0xffff800008012800));
	write_sctlr_el1(SPAN);
	return 0;
}

static void inject_takes_the_vector_of_the_source(void **state)
{
	static const struct {
		uint64_t pstate;
		uint64_t offset;
	} cases[] = {
		{ 0x4, 0x000 },  /* EL1t */
		{ 0x5, 0x200 },  /* EL1h */
		{ 0x0, 0x400 },  /* EL0 */
		{ 0x10, 0x600 }, /* AArch32 User */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		fx.v.regs.pc = 0x1234;
		fx.v.regs.pstate = cases[i].pstate | PSTATE_NZCV;
		inject_undefined(&fx.v);
		assert_int_equal(fx.v.regs.pc, UINT64_C(0xffff800008012800) + cases[i].offset);
		assert_int_equal(read_elr_el1(), 0x1234);
		assert_int_equal(read_spsr_el1(), cases[i].pstate | PSTATE_NZCV);
		assert_int_equal(read_esr_el1(), 0x02000000);
		assert_int_equal(fx.v.regs.pstate, PSTATE_NZCV | PSTATE_DAIF | PSTATE_EL1H);
	}
}

static void inject_ignores_the_low_bits_of_vbar(void **state)
{
	(void)state;
	write_vbar_el1(UINT64_C(0xffff8000080127ff));
	inject_undefined(&fx.v);
	assert_int_equal(fx.v.regs.pc, UINT64_C(0xffff800008012200));
}

/* What the handler inherits, what is cleared and what SCTLR_EL1 decides, by the features of the CPU. */
static void inject_makes_pstate_as_the_cpu_does(void **state)
{
	const uint64_t cleared = PSTATE_SS | PSTATE_IL | PSTATE_UAO | PSTATE_BTYPE | PSTATE_SSBS;
	const uint64_t kept = PSTATE_NZCV | PSTATE_DIT;
	const uint64_t base = PSTATE_EL1H | PSTATE_DAIF | kept;

	(void)state;
	/* Armv8.0: SPAN = 0 means nothing. */
	write_sctlr_el1(DSSBS);
	fx.v.regs.pstate = kept | cleared;
	inject_undefined(&fx.v);
	assert_int_equal(fx.v.regs.pstate, base);
	assert_int_equal(read_spsr_el1(), kept | cleared);

	cpu_features.raw[MMFR1] = 1 << 20; /* PAN */
	cpu_features.raw[PFR1] = 2 << 4;   /* SSBS */
	fx.v.regs.pstate = kept;
	inject_undefined(&fx.v);
	assert_int_equal(fx.v.regs.pstate, base | PSTATE_PAN | PSTATE_SSBS);

	write_sctlr_el1(SPAN);
	fx.v.regs.pstate = kept | PSTATE_PAN | PSTATE_SSBS;
	inject_undefined(&fx.v);
	assert_int_equal(fx.v.regs.pstate, base | PSTATE_PAN);
	fx.v.regs.pstate = kept;
	inject_undefined(&fx.v);
	assert_int_equal(fx.v.regs.pstate, base);

	cpu_features.raw[PFR1] |= UINT64_C(2) << 8 | UINT64_C(1) << 36; /* MTE2, NMI */
	fx.v.regs.pstate = kept;
	inject_undefined(&fx.v);
	assert_int_equal(fx.v.regs.pstate, base | PSTATE_TCO | PSTATE_ALLINT);
	write_sctlr_el1(SPAN | BIT(62));
	inject_undefined(&fx.v);
	assert_int_equal(fx.v.regs.pstate & PSTATE_ALLINT, 0);
}

static void inject_abort_says_what_and_where(void **state)
{
	const uint64_t dabt = FIELD_PUT(ESR_EC, EC_DABT_LOWER);
	const uint64_t iabt = FIELD_PUT(ESR_EC, EC_IABT_LOWER);

	(void)state;
	/* A write from EL1: data abort, same EL; ISV and its fields are not EL1's. */
	inject_abort(&fx.v, dabt | ESR_ABT_ISV | ESR_ABT_WNR | FIELD_PUT(ESR_ABT_SRT, 7) | 0x07, 0xabc);
	assert_int_equal(read_esr_el1(), 0x96000050);
	assert_int_equal(read_far_el1(), 0xabc);
	/* A read from EL0. */
	fx.v.regs.pstate = 0;
	inject_abort(&fx.v, dabt | 0x07, 0xdef);
	assert_int_equal(read_esr_el1(), 0x92000010);
	assert_int_equal(read_far_el1(), 0xdef);
	/* Fetches. */
	fx.v.regs.pstate = PSTATE_EL1H;
	inject_abort(&fx.v, iabt | 0x06, 0x123);
	assert_int_equal(read_esr_el1(), 0x86000010);
	fx.v.regs.pstate = 0;
	inject_abort(&fx.v, iabt | 0x06, 0x123);
	assert_int_equal(read_esr_el1(), 0x82000010);
	/* A walk outside RAM. */
	fx.v.regs.pstate = PSTATE_EL1H;
	inject_abort(&fx.v, dabt | ESR_ABT_S1PTW | 0x07, 0x123);
	assert_int_equal(read_esr_el1(), 0x96000014);
}

static void inject_works_with_e2h(void **state)
{
	(void)state;
	el2_e2h = true;
	write_vbar_el12(0x10000);
	inject_abort(&fx.v, FIELD_PUT(ESR_EC, EC_DABT_LOWER) | 0x07, 0x55);
	el2_e2h = false;
	assert_int_equal(fx.v.regs.pc, 0x10200);
	assert_int_equal(read_esr_el12(), 0x96000010);
	assert_int_equal(read_far_el12(), 0x55);
	assert_int_equal(read_elr_el12(), RAM_BASE + 0x100);
	assert_int_equal(read_spsr_el12(), PSTATE_EL1H);
	/* Nothing of EL2's own. */
	assert_int_equal(read_esr_el1(), 0);
	assert_int_equal(read_far_el1(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(inject_takes_the_vector_of_the_source, setup),
		cmocka_unit_test_setup(inject_ignores_the_low_bits_of_vbar, setup),
		cmocka_unit_test_setup(inject_makes_pstate_as_the_cpu_does, setup),
		cmocka_unit_test_setup(inject_abort_says_what_and_where, setup),
		cmocka_unit_test_setup(inject_works_with_e2h, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
