/* SPDX-License-Identifier: MIT */
/* Direct messages (FF-A 1.2, 7.3 and 15): requests of the normal world and of SPs, and what answers them. */
#ifndef ROLE_SPMC_MESSAGE_H
#define ROLE_SPMC_MESSAGE_H

#include "role/spmc/schedule.h"

/*
 * 'from' is NULL if the normal world calls, else it is current; 'v', which responds, is current. x is the caller's
 * x0..x17, for errors too.
 */
void ffa_msg_send_direct_req(struct schedule *s, struct sp_vcpu *from, uint64_t *x);
void ffa_msg_send_direct_resp(struct schedule *s, struct sp_vcpu *v, uint64_t *x);
void ffa_msg_send_direct_req2(struct schedule *s, struct sp_vcpu *from, uint64_t *x);
void ffa_msg_send_direct_resp2(struct schedule *s, struct sp_vcpu *v, uint64_t *x);

/* A context is about to run: if there is something for it to fetch, and it is at S-EL1, its NPI is made pending. */
void message_set_npi(struct sp_vcpu *v);
static inline void message_pend_npi(struct sp_vcpu *v)
{
	if (unlikely(atomic_load(&v->sp->endpoint.notifications.pending_hint) != 0)) {
		message_set_npi(v);
	}
}

#endif
