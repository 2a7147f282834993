/* SPDX-License-Identifier: MIT */
#include "role/spmc/message.h"

#include "ffa/answer.h"
#include "role/spmc/life.h"
#include "role/spmc/runtime.h"

void message_set_npi(struct sp_vcpu *v)
{
	struct ffa_endpoint *e = &v->sp->endpoint;

	if (e->kind == FFA_KIND_SP_EL1 && ffa_notifications_pending(e, v->cpu.index)) {
		sp_interrupt_set(v, FFA_INTID_NPI);
	}
}

/* ---- registers ---- */

/* x0 to x7; the SMC32 forms define the lower halves only. */
static inline void copy_message(uint64_t *to, const uint64_t *x)
{
	uint64_t mask = (x[0] & FFA_64) != 0 ? UINT64_MAX : UINT32_MAX;
	uint64_t x3 = x[3] & mask, x4 = x[4] & mask, x5 = x[5] & mask, x6 = x[6] & mask, x7 = x[7] & mask;

	to[0] = (uint32_t)x[0];
	to[1] = (uint32_t)x[1];
	to[2] = (uint32_t)x[2];
	to[3] = x3;
	to[4] = x4;
	to[5] = x5;
	to[6] = x6;
	to[7] = x7;
}

/* x4 to x17, in pairs as the CPU does it. */
static inline void copy_message2(uint64_t *to, const uint64_t *x)
{
	for (unsigned i = 4; i < FFA_REGS; i += 2) {
		uint64_t low = x[i], high = x[i + 1];

		to[i] = low;
		to[i + 1] = high;
	}
}

/* ---- requests ---- */

/* A logical partition at EL3. Its requests arrive as the normal world's do, which the SPMD keeps from using its id. */
static inline bool is_el3(uint16_t id)
{
	return id >= FFA_ID_EL3_FIRST && id <= FFA_ID_EL3_LAST;
}

/* Whose id a sender may claim: an SP its own, the normal world its VMs', the SPMD those of partitions at EL3. */
static inline bool is_sender(const struct sp_vcpu *from, uint16_t id)
{
	if (from != NULL) {
		return id == from->sp->endpoint.id;
	}
	return (id & FFA_ID_SECURE) == 0 || is_el3(id);
}

/* A context could not be claimed: what does it do? */
static enum ffa_code why_not(struct schedule *s, struct sp_vcpu *v, const struct sp_vcpu *from)
{
	if (life_start(s, v)) {
		return FFA_BUSY; /* it was restarted on another CPU, and on this one it starts now */
	}
	if (atomic_load(&v->sp->endpoint.aborted) != 0) {
		return FFA_ABORTED;
	}
	/* A chain may not come back to one of its own that serves no request (one that does is busy). */
	for (const struct sp_vcpu *at = from; at != NULL; at = at->caller) {
		if (at == v && v->request == 0) {
			return FFA_DENIED;
		}
	}
	return FFA_BUSY;
}

/* The receiver's context, claimed and current, all but its registers set; or NULL, and x is answered. */
static inline __attribute__((always_inline)) struct sp_vcpu *send(struct schedule *s, struct sp_vcpu *from,
								  struct sp *sp, uint16_t sender, uint64_t *x)
{
	struct sp_vcpu *v = sp_local_vcpu(sp, s->cpu);

	if (unlikely(from != NULL && sp_may(from->model, SP_CALL_DIRECT_REQ) != SP_GO)) {
		ffa_answer_error(x, FFA_DENIED);
		return NULL;
	}
	if (unlikely(!schedule_claim(s, v, SP_WAITING))) {
		ffa_answer_error(x, why_not(s, v, from));
		return NULL;
	}
	v->model = SP_MODEL_DIRECT;
	v->request = (uint32_t)x[0];
	v->requester = sender;
	v->framework = 0;
	message_pend_npi(v);
	schedule_enter(s, v, from);
	if (unlikely(from == NULL && is_el3(sender))) {
		/* EL3 waits for the answer, and for nothing that the normal world wants. */
		v->spmc_scheduled = true;
		v->mask = SP_MASK_ALL;
	}
	return v;
}

/*
 * A framework message in a request: only the hypervisor's about its VMs come this way (the SPMD's end in spmd.c). The
 * id of the answer, or 0 if it may not be sent.
 */
static uint8_t framework_answer(const struct sp_vcpu *from, const struct sp *sp, const uint64_t *x)
{
	uint32_t id = (uint32_t)x[2] & FFA_FRAMEWORK_ID_MASK;

	if (from != NULL || (uint32_t)x[2] != (FFA_FRAMEWORK_MESSAGE | id) || (x[0] & FFA_64) != 0 ||
	    (uint32_t)x[1] >> 16 != FFA_ID_NWD || sp == NULL) {
		return 0;
	}
	if (id == FFA_FRAMEWORK_VM_CREATED_REQ && sp->manifest.vm_created) {
		return FFA_FRAMEWORK_VM_CREATED_RESP;
	}
	if (id == FFA_FRAMEWORK_VM_DESTROYED_REQ && sp->manifest.vm_destroyed) {
		return FFA_FRAMEWORK_VM_DESTROYED_RESP;
	}
	return 0;
}

void ffa_msg_send_direct_req(struct schedule *s, struct sp_vcpu *from, uint64_t *x)
{
	uint32_t ids = (uint32_t)x[1];
	struct sp *sp = sp_find((uint16_t)ids);
	uint8_t framework = 0;
	struct sp_vcpu *v;

	if (unlikely((uint32_t)x[2] != 0)) {
		framework = framework_answer(from, sp, x);
		if (framework == 0) {
			ffa_answer_error(x, FFA_INVALID_PARAMETERS);
			return;
		}
	}
	if (unlikely(sp == NULL || !is_sender(from, (uint16_t)(ids >> 16)) || (from != NULL && from->sp == sp))) {
		ffa_answer_error(x, FFA_INVALID_PARAMETERS);
		return;
	}
	if (unlikely((sp->endpoint.properties & FFA_PROPERTY_DIRECT_RECV) == 0 ||
		     (from != NULL && (from->sp->endpoint.properties & FFA_PROPERTY_DIRECT_SEND) == 0))) {
		ffa_answer_error(x, FFA_DENIED);
		return;
	}
	v = send(s, from, sp, (uint16_t)(ids >> 16), x);
	if (likely(v != NULL)) {
		v->framework = framework;
		copy_message(v->cpu.regs.x, x);
	}
}

void ffa_msg_send_direct_req2(struct schedule *s, struct sp_vcpu *from, uint64_t *x)
{
	uint32_t ids = (uint32_t)x[1];
	struct sp *sp = sp_find((uint16_t)ids);
	const struct ffa_endpoint *sender = from != NULL ? &from->sp->endpoint : &ffa_nwd;
	struct sp_vcpu *v;

	if (unlikely(sp == NULL || !is_sender(from, (uint16_t)(ids >> 16)) || (from != NULL && from->sp == sp) ||
		     !ffa_has_service(&sp->endpoint, x[2], x[3]))) {
		ffa_answer_error(x, FFA_INVALID_PARAMETERS);
		return;
	}
	if (unlikely((sender->version < FFA_VERSION_1_2 && !(from == NULL && is_el3((uint16_t)(ids >> 16)))) ||
		     sp->endpoint.version < FFA_VERSION_1_2 ||
		     (sp->endpoint.properties & FFA_PROPERTY_DIRECT2_RECV) == 0 ||
		     (from != NULL && (sender->properties & FFA_PROPERTY_DIRECT2_SEND) == 0))) {
		ffa_answer_error(x, FFA_DENIED);
		return;
	}
	v = send(s, from, sp, (uint16_t)(ids >> 16), x);
	if (likely(v != NULL)) {
		v->cpu.regs.x[0] = FFA_MSG_SEND_DIRECT_REQ2_64;
		v->cpu.regs.x[1] = ids;
		v->cpu.regs.x[2] = x[2];
		v->cpu.regs.x[3] = x[3];
		copy_message2(v->cpu.regs.x, x);
	}
}

/* ---- responses ---- */

/* What both forms check, in this order; 'two' if it is FFA_MSG_SEND_DIRECT_RESP2. */
static enum ffa_code may_respond(const struct sp_vcpu *v, uint32_t ids, bool two)
{
	uint16_t self = v->sp->endpoint.id;

	if (ids >> 16 != self || (uint16_t)ids == self) {
		return FFA_INVALID_PARAMETERS;
	}
	if (sp_may(v->model, SP_CALL_DIRECT_RESP) != SP_GO || (uint16_t)ids != v->requester ||
	    (v->request == FFA_MSG_SEND_DIRECT_REQ2_64) != two) {
		return FFA_DENIED;
	}
	return FFA_OK;
}

/*
 * Hands the CPU to the requester and returns his registers, or NULL if he will not see the answer: an SP that died, in
 * whose place the normal world gave us the cycles, learns nothing; the normal world that we wait again.
 */
static inline uint64_t *leave_to_requester(struct schedule *s, struct sp_vcpu *v)
{
	bool orphan = v->caller == NULL && unlikely((v->requester & FFA_ID_SECURE) != 0) &&
		      sp_find(v->requester) != NULL;
	uint64_t *to = schedule_leave(s, v);

	if (unlikely(orphan)) {
		ffa_answer(to, FFA_MSG_WAIT);
		return NULL;
	}
	return to;
}

void ffa_msg_send_direct_resp(struct schedule *s, struct sp_vcpu *v, uint64_t *x)
{
	uint32_t flags = (uint32_t)x[2];
	enum ffa_code code;
	uint64_t *to;

	if (unlikely(flags != 0 && (flags & FFA_FRAMEWORK_MESSAGE) == 0)) {
		code = FFA_INVALID_PARAMETERS;
	} else {
		code = may_respond(v, (uint32_t)x[1], false);
		if (code == FFA_OK &&
		    unlikely(flags != (v->framework == 0 ? 0 : FFA_FRAMEWORK_MESSAGE | v->framework))) {
			code = FFA_DENIED; /* a message of the partition's to the framework, or the reverse */
		}
	}
	if (unlikely(code != FFA_OK)) {
		ffa_answer_error(x, code);
		return;
	}
	to = leave_to_requester(s, v);
	if (likely(to != NULL)) {
		copy_message(to, x);
	}
	schedule_rest(s, v, SP_WAITING);
}

void ffa_msg_send_direct_resp2(struct schedule *s, struct sp_vcpu *v, uint64_t *x)
{
	enum ffa_code code = may_respond(v, (uint32_t)x[1], true);
	uint64_t *to;

	if (unlikely(code != FFA_OK)) {
		ffa_answer_error(x, code);
		return;
	}
	to = leave_to_requester(s, v);
	if (likely(to != NULL)) {
		to[0] = FFA_MSG_SEND_DIRECT_RESP2_64;
		to[1] = (uint32_t)x[1];
		to[2] = to[3] = 0;
		copy_message2(to, x);
	}
	schedule_rest(s, v, SP_WAITING);
}
