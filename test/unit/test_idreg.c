/* SPDX-License-Identifier: MIT */
#include "cmocka_main.h"

#include <string.h>

#include "arch/el1.h"
#include "core/vcpu/idreg.h"

static struct cpu_features f;

static int setup(void **state)
{
	(void)state;
	memset(host_sysreg, 0, sizeof(host_sysreg));
	el2_e2h = false;
	return 0;
}

static uint64_t shown(unsigned index)
{
	return idreg_value(&f, index, 48);
}

static unsigned field(uint64_t value, unsigned shift)
{
	return (unsigned)(value >> shift) & 0xf;
}

#define INDEX(reg) IDREG_INDEX(id_aa64##reg##_el1)

static void idreg_shows_an_old_cpu_as_it_is(void **state)
{
	(void)state;
	/* A Cortex-A53 with AArch32, GICv3 and a PMU of 6 counters. */
	write_id_aa64pfr0_el1(0x01002222);
	write_id_aa64dfr0_el1(0x10305106);
	write_id_aa64isar0_el1(0x00011120);
	write_id_aa64mmfr0_el1(0x00001122);
	write_pmcr_el0(0x41033000);
	cpu_features_read(&f);
	assert_int_equal(shown(INDEX(pfr0)), 0x01000011);
	assert_int_equal(shown(INDEX(dfr0)), UINT64_C(0xf010305006));
	assert_int_equal(shown(INDEX(isar0)), 0x00011120);
	assert_int_equal(shown(INDEX(mmfr0)), 0x00000022);
	assert_int_equal(shown(INDEX(mmfr1)), 0);
	assert_int_equal(f.pmu_counters, 6);
	assert_int_equal(cpu_features_breakpoints(&f), 6);
	assert_int_equal(cpu_features_watchpoints(&f), 4);
}

/* A CPU of the far future: every field of every register holds a value that nobody knows. */
static void idreg_hides_what_it_does_not_know(void **state)
{
	(void)state;
	for (unsigned i = 0; i < HOST_SYSREG_COUNT; i++) {
		host_sysreg[i] = UINT64_C(0xeeeeeeeeeeeeeeee);
	}
	cpu_features_read(&f);
	/* EL0, EL1: AArch64; FP, AdvSIMD 1; GIC 1; DIT 1; CSV2 3; CSV3 1. Nothing else. */
	assert_int_equal(shown(INDEX(pfr0)), UINT64_C(0x1301000001110011));
	assert_int_equal(shown(INDEX(pfr1)), UINT64_C(0x0000000200000021));
	assert_int_equal(shown(INDEX(pfr2)), 0);
	assert_int_equal(shown(INDEX(zfr0)), 0);
	assert_int_equal(shown(INDEX(smfr0)), 0);
	assert_int_equal(shown(INDEX(fpfr0)), 0);
	assert_int_equal(shown(INDEX(dfr1)), 0);
	assert_int_equal(shown(INDEX(mmfr4)), 0);
	assert_int_equal(shown(INDEX(mmfr3)), UINT64_C(0x1000000000000000));
	/* PMU, trace, SPE, TRBE, BRBE: none. */
	assert_int_equal(shown(INDEX(dfr0)), UINT64_C(0x000000f0e0e0e009));
	/* No LS64. */
	assert_int_equal(field(shown(INDEX(isar1)), 60), 0);
	/* AArch32 and reserved registers. */
	for (unsigned i = 0; i < 32; i++) {
		assert_int_equal(shown(i), 0);
	}
	/* No VHE, no HCX, no LORegions, no VMID bits; no NV, FWB, EVT. */
	assert_int_equal(shown(INDEX(mmfr1)) & UINT64_C(0x00000f0000ff0ff0) & ~UINT64_C(0xf00000), 0);
	assert_int_equal(shown(INDEX(mmfr2)) & UINT64_C(0x0f000f000f000000), 0);
	assert_int_equal(shown(INDEX(mmfr0)) & UINT64_C(0x0f000fff000fff00), 0);
}

static void idreg_keeps_signed_fields(void **state)
{
	(void)state;
	write_id_aa64pfr0_el1(UINT64_C(0x0000000000ff0011)); /* no FP */
	write_id_aa64mmfr0_el1(UINT64_C(0x00000000ff000000)); /* no 64 KiB, no 4 KiB granule */
	write_id_aa64dfr0_el1(0xf << 8);                      /* a PMU of its own kind */
	cpu_features_read(&f);
	assert_int_equal(field(shown(INDEX(pfr0)), 16), 15);
	assert_int_equal(field(shown(INDEX(pfr0)), 20), 15);
	assert_int_equal(field(shown(INDEX(mmfr0)), 24), 15);
	assert_int_equal(field(shown(INDEX(mmfr0)), 28), 15);
	assert_int_equal(field(shown(INDEX(dfr0)), 8), 0);
	assert_int_equal(f.pmu_counters, 0);
}

static void idreg_parange_covers_the_guests_space(void **state)
{
	static const struct {
		unsigned cpu, ipa_bits, parange;
	} cases[] = {
		{ 5, 32, 0 }, { 5, 33, 1 }, { 5, 36, 1 }, { 5, 39, 2 }, { 5, 40, 2 }, { 5, 41, 3 },
		{ 5, 43, 4 }, { 5, 48, 5 }, { 6, 48, 5 }, { 2, 48, 2 }, { 0, 39, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		write_id_aa64mmfr0_el1(0x20 | cases[i].cpu);
		cpu_features_read(&f);
		assert_int_equal(idreg_value(&f, INDEX(mmfr0), cases[i].ipa_bits), 0x20 | cases[i].parange);
	}
}

/* What is shown is enabled; what the CPU has beyond that is trapped. */
static void idreg_controls_agree_with_what_is_shown(void **state)
{
	(void)state;
	cpu_features_read(&f);
	uint64_t plain = vcpu_hcr(&f, true);

	assert_int_equal(plain & GENMASK(41, 40), 0); /* no PAuth: API, APK are RES0 */
	assert_int_equal(vcpu_hcrx(&f), 0);
	assert_int_equal(vcpu_mdcr(&f), 0xe00); /* TDA, TDOSA, TDRA */
	assert_int_equal(vcpu_hcr(&f, false) ^ plain, BIT(13) | BIT(14));

	write_id_aa64isar1_el1(1 << 4);
	write_id_aa64isar2_el1(1 << 16);
	write_id_aa64pfr0_el1(UINT64_C(2) << 56 | UINT64_C(1) << 28 | UINT64_C(1) << 44);
	write_id_aa64pfr1_el1(UINT64_C(2) << 8 | UINT64_C(1) << 36);
	write_id_aa64mmfr1_el1(UINT64_C(1) << 16 | UINT64_C(1) << 40);
	write_id_aa64dfr0_el1(UINT64_C(1) << 32 | UINT64_C(1) << 40 | 6 << 8 | 1 << 4);
	write_pmcr_el0(8 << 11);
	cpu_features_read(&f);
	assert_int_equal(vcpu_hcr(&f, true) ^ plain, BIT(40) | BIT(41) | BIT(53) /* EnSCXT */ | BIT(35) /* TLOR */ |
							     BIT(36) /* TERR */ | BIT(58) /* TID5 */);
	assert_int_equal(field(shown(INDEX(isar2)), 16), 1);
	assert_int_equal(vcpu_hcrx(&f), BIT(11) /* MSCEn */ | BIT(6) /* TALLINT */);
	assert_int_equal(vcpu_mdcr(&f), 0xe00 | BIT(6) | BIT(5) | 8 | BIT(14) | BIT(19));
	assert_int_equal(vcpu_cptr(&f, true), 0x33ff | BIT(20) | BIT(30));
	el2_e2h = true;
	assert_int_equal(vcpu_cptr(&f, true), 3 << 20 | BIT(28) | BIT(30));
	assert_true((vcpu_hcr(&f, true) & BIT(34)) != 0);
}

static void idreg_cptr_traps_fp_in_both_layouts(void **state)
{
	(void)state;
	cpu_features_read(&f);
	assert_int_equal(vcpu_cptr(&f, true), 0x33ff);
	assert_int_equal(vcpu_cptr(&f, false), 0x37ff);
	assert_int_equal(vcpu_cnthctl(), 1);
	el2_e2h = true;
	assert_int_equal(vcpu_cptr(&f, true), 3 << 20);
	assert_int_equal(vcpu_cptr(&f, false), 0);
	assert_int_equal(vcpu_cnthctl(), 1 << 10);
}

static void idreg_writes_only_registers_that_exist(void **state)
{
	(void)state;
	cpu_features_read(&f);
	write_hcrx_el2(77);
	write_hfgrtr_el2(77);
	write_dbgbcr1_el1(77);
	cpu_traps_init(&f);
	assert_int_equal(read_hcrx_el2(), 77);
	assert_int_equal(read_hfgrtr_el2(), 77);
	assert_int_equal(read_dbgbcr1_el1(), 77); /* one breakpoint, so there is no second */
	assert_int_equal(read_mdcr_el2(), vcpu_mdcr(&f));

	write_id_aa64mmfr0_el1(UINT64_C(1) << 56);
	write_id_aa64mmfr1_el1(UINT64_C(1) << 40);
	write_id_aa64dfr0_el1(1 << 12);
	cpu_features_read(&f);
	cpu_traps_init(&f);
	assert_int_equal(read_hcrx_el2(), 0);
	assert_int_equal(read_hfgrtr_el2(), 0);
	assert_int_equal(read_dbgbcr1_el1(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(idreg_shows_an_old_cpu_as_it_is, setup),
		cmocka_unit_test_setup(idreg_hides_what_it_does_not_know, setup),
		cmocka_unit_test_setup(idreg_keeps_signed_fields, setup),
		cmocka_unit_test_setup(idreg_parange_covers_the_guests_space, setup),
		cmocka_unit_test_setup(idreg_controls_agree_with_what_is_shown, setup),
		cmocka_unit_test_setup(idreg_cptr_traps_fp_in_both_layouts, setup),
		cmocka_unit_test_setup(idreg_writes_only_registers_that_exist, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
