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

/* el1_switch.S: with E2H = 0. */
void el1_save_plain(struct el1_state *state);
void el1_load_plain(const struct el1_state *state);
void el1_save_world_plain(struct el1_state *state);
void el1_load_world_plain(const struct el1_state *state);

#define SAVE(name) state->name = read_##name();
#define LOAD(name) write_##name(state->name);
#define SAVE_EL12(name) state->name = read_##name##_el12();
#define LOAD_EL12(name) write_##name##_el12(state->name);

void el1_save_base(struct el1_state *state)
{
	if (likely(!el2_e2h)) {
		el1_save_plain(state);
		return;
	}
	GUEST_EL12_LIST(SAVE_EL12)
	GUEST_EL1_LIST(SAVE)
}

void el1_load_base(const struct el1_state *state)
{
	if (likely(!el2_e2h)) {
		el1_load_plain(state);
		return;
	}
	GUEST_EL12_LIST(LOAD_EL12)
	GUEST_EL1_LIST(LOAD)
}

static void save_world_e2h(struct el1_state *state)
{
	el1_save_base(state);
	state->cntv_ctl = read_cntv_ctl_el02();
	state->cntv_cval = read_cntv_cval_el02();
	write_cntv_ctl_el02(0);
	write_cntv_cval_el02(0);
	SAVE(mdscr_el1)
	write_mdscr_el1(0);
}

static void load_world_e2h(const struct el1_state *state)
{
	el1_load_base(state);
	write_cntv_cval_el02(state->cntv_cval);
	write_cntv_ctl_el02(state->cntv_ctl);
	LOAD(mdscr_el1)
}

void el1_save_world(struct el1_state *state)
{
	if (has_ras()) {
		state->vdisr = read_vdisr_el2();
		write_vdisr_el2(0);
	}
	if (likely(!el2_e2h)) {
		el1_save_world_plain(state);
	} else {
		save_world_e2h(state);
	}
}

void el1_load_world(const struct el1_state *state)
{
	if (has_ras()) {
		write_vdisr_el2(state->vdisr);
	}
	if (likely(!el2_e2h)) {
		el1_load_world_plain(state);
	} else {
		load_world_e2h(state);
	}
}

void el1_save_keys(struct el1_state *state)
{
	if (el2_pauth) {
		GUEST_PAUTH_LIST(SAVE)
	}
}

void el1_load_keys(const struct el1_state *state)
{
	if (el2_pauth) {
		GUEST_PAUTH_LIST(LOAD)
	}
}

void el1_save(struct el1_state *state)
{
	el1_save_base(state);
	GUEST_TRAPPED_LIST(SAVE)
	el1_save_keys(state);
	if (has_scxtnum()) {
		SAVE(scxtnum_el0)
		SAVE(scxtnum_el1)
	}
	if (has_ras()) {
		state->vdisr = read_vdisr_el2();
	}
}

void el1_load(const struct el1_state *state)
{
	el1_load_base(state);
	GUEST_TRAPPED_LIST(LOAD)
	el1_load_keys(state);
	if (has_scxtnum()) {
		LOAD(scxtnum_el0)
		LOAD(scxtnum_el1)
	}
	if (has_ras()) {
		write_vdisr_el2(state->vdisr);
	}
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
