/* SPDX-License-Identifier: MIT */
/* The ABI as a table: who serves which function, and to which callers it is legal (FF-A 1.2, 11, 13 to 18). */
#ifndef ROLE_SPMC_CALL_H
#define ROLE_SPMC_CALL_H

#include "role/spmc/schedule.h"

/* The current context made a call (SP_EXIT_CALL): it is answered in its registers, or somebody else is current now. */
void call_from_sp(struct schedule *s, struct sp_vcpu *v);
/* x[0] bit 16 (the SVE hint) is clear. Answered in x, or a context is current. */
void call_from_normal_world(struct schedule *s, uint64_t *x);

/*
 * The normal world's call, or an interrupt from the SPMD, in x0..x17; it has been answered there when this returns. Own
 * CPU.
 */
static inline void call_serve_normal_world(struct schedule *s, uint64_t *x)
{
	s->nwd = x;
	call_from_normal_world(s, x);
	if (s->current != NULL || unlikely(s->wake != NULL)) {
		schedule_loop(s);
	}
}

#endif
