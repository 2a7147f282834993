/* SPDX-License-Identifier: MIT */
/*
 * Direct messages of guests, and the calls that give cycles (FF-A 1.2, 7.3, 14, 15): docs/ffa-hypervisor-messages.md.
 *
 * A request to an SP is made by a call to the SPMC below, and the SP runs in the caller's turn (sp_run.h). One to
 * another guest goes to a vCPU of it that waits for requests, and both run as the scheduler has them. It is in two
 * places, both under one lock:
 *
 *   the sender's call       FREE -> SENT <-> YIELDED           it is with the callee's vCPU, which may yield
 *                                   SENT -> ANSWERED -> FREE   answered; the sender has the answer
 *   the callee's service    NONE -> LISTENING -> GIVEN         it waits for requests; there is one
 *                                   GIVEN -> BUSY <-> YIELDED  it has it, and works on it
 *                                   BUSY -> LISTENING          it answers, and waits for the next one
 *
 * The sender's vCPU waits in its call. An interrupt ends that with FFA_INTERRUPT, and FFA_RUN waits on; nothing is lost
 * meanwhile, since the answer waits in the call. So a vCPU waits for nobody whom it cannot leave, whoever calls whom.
 */
#ifndef ROLE_HYP_FFA_DIRECT_H
#define ROLE_HYP_FFA_DIRECT_H

#include "core/vcpu/trap.h"
#include "ffa/answer.h"

struct ffa_guest;

enum ffa_call_state {
	FFA_CALL_FREE,
	FFA_CALL_SENT,
	FFA_CALL_YIELDED, /* the callee waits until the sender runs it */
	FFA_CALL_ANSWERED,
};

struct ffa_call {
	enum ffa_call_state state;
	struct vcpu *callee;
	struct vcpu *waiter;  /* of the sender, waits for the answer; NULL: it was interrupted */
	uint64_t x[FFA_REGS]; /* the request until the callee takes it; what the sender gets, if YIELDED or ANSWERED */
};

enum ffa_service_state {
	FFA_SERVICE_NONE,
	FFA_SERVICE_LISTENING,
	FFA_SERVICE_GIVEN,
	FFA_SERVICE_BUSY,
	FFA_SERVICE_YIELDED,
};

struct ffa_service {
	enum ffa_service_state state;
	struct ffa_call *call; /* GIVEN to YIELDED; NULL: the sender ended, and nobody wants the answer */
	uint32_t request; /* its function id */
	uint16_t requester;
};

/* What a vCPU waits for in a call. */
enum ffa_wait {
	FFA_WAIT_NONE,
	FFA_WAIT_REQUEST,
	FFA_WAIT_ANSWER,
	FFA_WAIT_CYCLES, /* it yielded */
};

/* Of a guest's vCPU; zeroed at first. */
struct ffa_direct {
	/* its CPU only */
	enum ffa_wait wait;
	struct ffa_call *awaited; /* FFA_WAIT_ANSWER: a call of its VM */
	/* under the lock; what is in 'service' of a vCPU that runs, only its CPU changes */
	struct ffa_call call; /* any vCPU of the VM uses it, this one first */
	struct ffa_service service;
	bool called; /* while its next caller looks for somebody: he has not done with a call to it */
};

/*
 * Calls of a guest: v->regs.x is answered, when they return or when they end (TRAP_LEAVE). No lock is held. Own CPU, v
 * RUNNING. FFA_MSG_WAIT, FFA_YIELD and FFA_RUN find the upper halves of their registers zero.
 */
enum trap_result ffa_direct_req(struct vcpu *v); /* FFA_MSG_SEND_DIRECT_REQ, both forms, and _REQ2 */
enum trap_result ffa_direct_resp(struct vcpu *v); /* _RESP, both forms, and _RESP2 */
enum trap_result ffa_msg_wait(struct vcpu *v);
enum trap_result ffa_yield(struct vcpu *v);
enum trap_result ffa_run(struct vcpu *v);

/* The vCPU turns itself off, or starts anew: what it works on for somebody else is aborted. Own CPU. */
void ffa_direct_forget(struct vcpu *v);
/*
 * The guest's VM ended, and no vCPU of it runs: who waits for it hears FFA_ABORTED, who works for it keeps the answer,
 * and what runs for it in SPs is brought to its end.
 */
void ffa_direct_reset(struct ffa_guest *g);

#endif
