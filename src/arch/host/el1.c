/* SPDX-License-Identifier: MIT */
#include "arch/el1.h"

#include "arch/host/host.h"

bool el2_e2h;
bool el2_pauth;
_Thread_local struct fp_state host_fp;

void el1_save(struct el1_state *state)
{
#define SAVE_EL12(name) state->name = guest_read_##name();
#define SAVE(name) state->name = read_##name();
	GUEST_EL12_LIST(SAVE_EL12)
	GUEST_EL1_LIST(SAVE)
	if (el2_pauth) {
		GUEST_PAUTH_LIST(SAVE)
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
#undef LOAD
#undef LOAD_EL12
}

void fp_save(struct fp_state *state)
{
	*state = host_fp;
}

void fp_load(const struct fp_state *state)
{
	host_fp = *state;
}
