/* SPDX-License-Identifier: MIT */
#include "arch/el1.h"

#include "arch/barrier.h"
#include "arch/vcpu_enter.h"

bool el2_e2h;
bool el2_pauth;

#define ID_AA64PFR0_RAS_SHIFT 28
#define ID_AA64PFR0_RAS_WIDTH 4
#define ID_AA64PFR0_CSV2_SHIFT 56
#define ID_AA64PFR0_CSV2_WIDTH 4
#define ID_AA64PFR1_CSV2_FRAC_SHIFT 32
#define ID_AA64PFR1_CSV2_FRAC_WIDTH 4

/* SCXTNUM_ELx exist with FEAT_CSV2_2, or FEAT_CSV2_1p2. */
static bool has_scxtnum(void)
{
	uint64_t csv2 = FIELD_GET(ID_AA64PFR0_CSV2, read_id_aa64pfr0_el1());

	return csv2 >= 2 || (csv2 == 1 && FIELD_GET(ID_AA64PFR1_CSV2_FRAC, read_id_aa64pfr1_el1()) >= 2);
}

static bool has_ras(void)
{
	return FIELD_GET(ID_AA64PFR0_RAS, read_id_aa64pfr0_el1()) != 0;
}

void el1_save(struct el1_state *state)
{
#define SAVE_EL12(name) state->name = guest_read_##name();
#define SAVE(name) state->name = read_##name();
	GUEST_EL12_LIST(SAVE_EL12)
	GUEST_EL1_LIST(SAVE)
	if (el2_pauth) {
		GUEST_PAUTH_LIST(SAVE)
	}
	if (has_scxtnum()) {
		SAVE(scxtnum_el0)
		SAVE(scxtnum_el1)
	}
	if (has_ras()) {
		state->vdisr = read_vdisr_el2();
	}
#undef SAVE
#undef SAVE_EL12
}

void el1_load(const struct el1_state *state)
{
#define LOAD_EL12(name) guest_write_##name(state->name);
#define LOAD(name) write_##name(state->name);
	GUEST_EL12_LIST(LOAD_EL12)
	GUEST_EL1_LIST(LOAD)
	if (el2_pauth) {
		GUEST_PAUTH_LIST(LOAD)
	}
	if (has_scxtnum()) {
		LOAD(scxtnum_el0)
		LOAD(scxtnum_el1)
	}
	if (has_ras()) {
		write_vdisr_el2(state->vdisr);
	}
#undef LOAD
#undef LOAD_EL12
}

void arch_wait_for_interrupt(void)
{
	/*
	 * DSB: what others should see before we sleep is out; WFI wakes on a pending interrupt though PSTATE masks
	 * it.
	 */
	dsb_sy();
	__asm__ volatile("wfi" ::: "memory");
}

void arch_flush_local_guest(void)
{
	__asm__ volatile("tlbi vmalle1\n\tdsb nsh\n\tisb" ::: "memory");
}
