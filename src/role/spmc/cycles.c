/* SPDX-License-Identifier: MIT */
/* FFA_MSG_WAIT, FFA_YIELD and FFA_RUN (FF-A 1.2, 14): cycles given back, lent for a while, and given. */
#include "ffa/answer.h"
#include "role/spmc/life.h"
#include "role/spmc/message.h"
#include "role/spmc/runtime.h"
#include "role/spmc/schedule.h"

void ffa_msg_wait(struct schedule *s, struct sp_vcpu *from, uint64_t *x)
{
	struct ffa_endpoint *e = &from->sp->endpoint;
	uint64_t flags = e->version >= FFA_VERSION_1_2 ? FFA_MSG_WAIT_RETAIN_RX : 0;
	uint64_t *to;

	if ((x[1] | x[3] | x[4] | x[5] | x[6] | x[7] | (x[2] & ~flags)) != 0) {
		ffa_answer_error(x, FFA_INVALID_PARAMETERS);
		return;
	}
	if (sp_may(from->model, SP_CALL_MSG_WAIT) != SP_GO) {
		ffa_answer_error(x, FFA_DENIED);
		return;
	}
	ffa_mailbox_wait(e, x[2] != 0);
	if (from->model == SP_MODEL_INIT) {
		life_initialized(from->sp);
	}
	to = schedule_leave(s, from);
	if (to != NULL) {
		ffa_answer(to, FFA_MSG_WAIT);
	}
	schedule_rest(s, from, SP_WAITING);
}

void ffa_yield(struct schedule *s, struct sp_vcpu *from, uint64_t *x)
{
	uint64_t low = x[2], high = x[3];

	if ((x[4] | x[5] | x[6] | x[7]) != 0) {
		ffa_answer_error(x, FFA_INVALID_PARAMETERS);
		return;
	}
	switch (sp_may(from->model, SP_CALL_YIELD)) {
	case SP_GO:
		ffa_answer_success(x); /* what it sees when it goes on */
		schedule_yield(s, from, low, high);
		break;
	case SP_NO_EFFECT:
		ffa_answer_success(x);
		break;
	default:
		ffa_answer_error(x, FFA_DENIED);
		break;
	}
}

/* ---- FFA_RUN ---- */

/*
 * 'from' may run 't' again, which it lost or which left it. What a context leaves behind when its run ends, or its
 * life, is the normal world's: nobody else is sure to come back for it.
 */
static bool may_resume(const struct sp_vcpu *from, const struct sp_vcpu *t)
{
	const struct sp_vcpu *caller = atomic_load(&t->caller);
	uint32_t state;

	if (caller == from || from != NULL) {
		return caller == from;
	}
	state = atomic_load(&caller->state);
	return state == SP_WAITING || state == SP_OFF || state == SP_ABORTED;
}

/* Claims a context at rest that 'from' may run. */
static enum ffa_code take(struct schedule *s, const struct sp_vcpu *from, struct sp_vcpu *t, enum sp_state state)
{
	if (!may_resume(from, t)) {
		return FFA_DENIED;
	}
	if (!schedule_claim(s, t, state)) {
		return FFA_BUSY;
	}
	if (!may_resume(from, t)) {
		schedule_unclaim(s, t, state); /* somebody ran it since we looked, and it came to rest again */
		return FFA_DENIED;
	}
	return FFA_OK;
}

/* All of v's chain may run on this CPU. v is claimed; for the others see go_on(). */
static bool is_chain_here(const struct schedule *s, const struct sp_vcpu *v)
{
	const struct sp_vcpu *callee = v->callee;

	while (callee != NULL && atomic_load(&callee->caller) == v) {
		if (!sp_is_up(callee->sp) && callee->cpu.index != s->cpu->index) {
			return false;
		}
		v = callee;
		callee = v->callee;
	}
	return true;
}

/*
 * v is current, and as if it had just called its callee: whoever was running at the end of the chain goes on, and those
 * between are BLOCKED. Only v may take its callee, whose 'caller' it is: unless that one died.
 */
static void go_on(struct schedule *s, struct sp_vcpu *v)
{
	struct sp_vcpu *callee = v->callee;

	while (callee != NULL && take(s, v, callee, SP_SUSPENDED) == FFA_OK) {
		schedule_enter(s, callee, v);
		v = callee;
		callee = v->callee;
	}
	if (callee != NULL) {
		v->callee = NULL;
		ffa_answer_error(v->cpu.regs.x, FFA_ABORTED);
	}
	message_pend_npi(v);
}

/* A context at rest goes on where it was. */
static enum ffa_code resume(struct schedule *s, struct sp_vcpu *from, struct sp_vcpu *t, enum sp_state state)
{
	enum ffa_code code;

	if (state == SP_SUSPENDED && from != NULL && sp_interrupt_hcr(from) != 0) {
		return FFA_DENIED; /* it came for an interrupt, and has not looked at it */
	}
	code = take(s, from, t, state);
	if (code != FFA_OK) {
		return code;
	}
	if (!is_chain_here(s, t)) {
		schedule_unclaim(s, t, state);
		return FFA_DENIED;
	}
	schedule_enter(s, t, from);
	go_on(s, t);
	return FFA_OK;
}

/* The normal world gives cycles to a context that waits. */
static enum ffa_code start(struct schedule *s, struct sp_vcpu *t)
{
	if (!schedule_claim(s, t, SP_WAITING)) {
		return FFA_BUSY;
	}
	t->model = SP_MODEL_RUN;
	t->request = 0;
	ffa_answer(t->cpu.regs.x, FFA_RUN);
	message_pend_npi(t);
	schedule_enter(s, t, NULL);
	return FFA_OK;
}

static enum ffa_code run(struct schedule *s, struct sp_vcpu *from, uint32_t ids)
{
	struct sp *sp = sp_find((uint16_t)(ids >> 16));
	unsigned index = (uint16_t)ids;
	struct sp_vcpu *t;
	uint32_t state;

	if (sp == NULL) {
		return from != NULL && (ids >> 16 & FFA_ID_SECURE) == 0 ? FFA_DENIED : FFA_INVALID_PARAMETERS;
	}
	if (index >= sp->endpoint.vcpu_count || (!sp_is_up(sp) && index != s->cpu->index)) {
		return FFA_INVALID_PARAMETERS;
	}
	t = sp->vcpus[index];
	state = atomic_load_acquire(&t->state);
	if (from != NULL && sp_may(from->model, SP_CALL_RUN) != SP_GO) {
		return FFA_DENIED;
	}
	if (atomic_load(&sp->endpoint.aborted) != 0) {
		return FFA_ABORTED;
	}
	switch (state) {
	case SP_PREEMPTED:
	case SP_YIELDED:
	case SP_SUSPENDED:
		return resume(s, from, t, (enum sp_state)state);
	case SP_WAITING:
		return from != NULL ? FFA_DENIED : start(s, t);
	case SP_OFF:
		return from != NULL ? FFA_DENIED : FFA_INVALID_PARAMETERS;
	default:
		/* At work here or on another CPU. An SP may not even ask for what it cannot have lost. */
		return from != NULL ? FFA_DENIED : FFA_BUSY;
	}
}

void ffa_run(struct schedule *s, struct sp_vcpu *from, uint64_t *x)
{
	enum ffa_code code = run(s, from, (uint32_t)x[1]);

	if (code != FFA_OK) {
		ffa_answer_error(x, code);
	}
}
