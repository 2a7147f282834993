/* SPDX-License-Identifier: MIT */
#include "arch/el1.h"

#include "arch/host/host.h"

bool el2_e2h;
bool el2_pauth;
_Thread_local struct fp_state host_fp;

#define SAVE_EL12(name) state->name = guest_read_##name();
#define LOAD_EL12(name) guest_write_##name(state->name);
#define SAVE(name) state->name = read_##name();
#define LOAD(name) write_##name(state->name);

void el1_save_base(struct el1_state *state)
{
	GUEST_EL12_LIST(SAVE_EL12)
	GUEST_EL1_LIST(SAVE)
}

void el1_load_base(const struct el1_state *state)
{
	GUEST_EL12_LIST(LOAD_EL12)
	GUEST_EL1_LIST(LOAD)
}

void el1_save_world(struct el1_state *state)
{
	el1_save_base(state);
	SAVE(mdscr_el1)
	state->cntv_ctl = guest_read_cntv_ctl();
	state->cntv_cval = guest_read_cntv_cval();
	state->vdisr = read_vdisr_el2();
	write_mdscr_el1(0);
	guest_write_cntv_ctl(0);
	guest_write_cntv_cval(0);
	write_vdisr_el2(0);
}

void el1_load_world(const struct el1_state *state)
{
	el1_load_base(state);
	LOAD(mdscr_el1)
	guest_write_cntv_cval(state->cntv_cval);
	guest_write_cntv_ctl(state->cntv_ctl);
	write_vdisr_el2(state->vdisr);
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
}

void el1_load(const struct el1_state *state)
{
	el1_load_base(state);
	GUEST_TRAPPED_LIST(LOAD)
	el1_load_keys(state);
}

void fp_save(struct fp_state *state)
{
	*state = host_fp;
}

void fp_load(const struct fp_state *state)
{
	host_fp = *state;
}
