/* SPDX-License-Identifier: MIT */
#include "cmocka_main.h"

#include "arch/sysreg.h"
#include "core/vcpu/esr.h"

/* Arm ARM, HPFAR_EL2: translation, access flag and address size faults, and any fault of a stage-1 walk. */
static void esr_tells_when_hpfar_is_valid(void **state)
{
	(void)state;
	for (unsigned fsc = 0; fsc < 64; fsc++) {
		bool stage2_fault = fsc <= 0x0b || fsc == 0x29 || fsc == 0x2b;
		bool permission = fsc >= 0x0c && fsc <= 0x0f;

		assert_int_equal(esr_hpfar_valid(fsc), stage2_fault);
		assert_int_equal(esr_hpfar_valid(fsc | ESR_ABT_S1PTW), stage2_fault || permission);
	}
}

static void esr_of_real_traps_decodes(void **state)
{
	(void)state;
	/* ldr w2, [x1] at a device, translation fault at level 3 */
	assert_int_equal(esr_ec(0x93820007), EC_DABT_LOWER);
	assert_int_equal(FIELD_GET(ESR_ABT_SAS, 0x93820007u), 2);
	assert_int_equal(FIELD_GET(ESR_ABT_SRT, 0x93820007u), 2);
	assert_true((0x93820007u & ESR_ABT_ISV) != 0);
	/* hvc #0, wfi, mrs x0, id_aa64pfr0_el1 (op0 3, op2 0, op1 0, CRn 0, Rt 0, CRm 4, read) */
	assert_int_equal(esr_ec(0x5a000000), EC_HVC64);
	assert_int_equal(esr_ec(0x06000000), EC_WFX);
	assert_int_equal(0x62300009u & 0x1ffffffu & ~ESR_SYSREG_READ, SYSREG_ENC_id_aa64pfr0_el1);
	assert_int_equal(esr_ec(0x62300009), EC_SYSREG);
}

static void esr_make_is_for_a_32_bit_instruction(void **state)
{
	(void)state;
	assert_int_equal(esr_make(EC_UNKNOWN, 0), 0x02000000);
	assert_int_equal(esr_make(EC_DABT, FSC_EXTERNAL | ESR_ABT_WNR), 0x96000050);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(esr_tells_when_hpfar_is_valid),
		cmocka_unit_test(esr_of_real_traps_decodes),
		cmocka_unit_test(esr_make_is_for_a_32_bit_instruction),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
