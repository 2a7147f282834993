/* SPDX-License-Identifier: MIT */
#include "role/hyp/ffa/direct.h"

#include "core/port/role.h"
#include "core/vcpu/run.h"
#include "role/hyp/ffa/guest.h"
#include "role/hyp/ffa/sp_run.h"

/* All calls and services, for as long as it takes to copy a message. Nothing nests inside. */
static struct spinlock lock;

static struct ffa_direct *direct_of(const struct vcpu *v)
{
	return &ffa_vcpu_of(v)->direct;
}

/* Bits [31:16] the guest's id, [15:0] the vCPU's index: how FFA_INTERRUPT, FFA_YIELD and FFA_RUN name it. */
static uint32_t ids_of(const struct vcpu *v)
{
	return (uint32_t)ffa_guest_of(v)->endpoint.id << 16 | v->index;
}

/* Its CPU shall look whether it can go on. NULL is harmless. */
static void notify(struct vcpu *v)
{
	if (v != NULL) {
		vcpu_request(v, VCPU_REQ_ANSWER);
	}
}

static enum trap_result refuse(struct vcpu *v, enum ffa_code code)
{
	ffa_answer_error(v->regs.x, code);
	return TRAP_RESUME;
}

/* ---- messages ---- */

static bool is_direct2(uint64_t x0)
{
	uint32_t id = lo32(x0);

	return id == FFA_MSG_SEND_DIRECT_REQ2_64 || id == FFA_MSG_SEND_DIRECT_RESP2_64;
}

/* What a message or an answer defines: SMC32 forms the lower halves of x0..x7 only. The rest of 'to' stays. */
static void copy_message(uint64_t *to, const uint64_t *x)
{
	uint64_t mask = (x[0] & FFA_64) != 0 ? UINT64_MAX : UINT32_MAX;
	unsigned count = is_direct2(x[0]) ? FFA_REGS : 8;

	to[0] = lo32(x[0]);
	to[1] = lo32(x[1]);
	for (unsigned i = 2; i < count; i++) {
		to[i] = x[i] & mask;
	}
}

/* ---- waiting, and going on. Own CPU ---- */

/* Lock held. What has come of the call, for the vCPU that waited for it: it is nobody's waiter any more. */
static void take_answer(struct ffa_call *call, uint64_t *x)
{
	call->waiter = NULL;
	switch (call->state) {
	case FFA_CALL_ANSWERED:
		call->state = FFA_CALL_FREE;
		copy_message(x, call->x);
		break;
	case FFA_CALL_YIELDED:
		copy_message(x, call->x);
		break;
	default:
		ffa_answer(x, FFA_INTERRUPT);
		x[1] = ids_of(call->callee);
		break;
	}
}

/* Lock held. The request that has come, or none: then the vCPU goes on with an interrupt, and does not listen. */
static void take_request(struct ffa_service *service, uint64_t *x)
{
	if (service->state == FFA_SERVICE_GIVEN) {
		service->state = FFA_SERVICE_BUSY;
		copy_message(x, service->call->x);
	} else {
		service->state = FFA_SERVICE_NONE;
		ffa_answer(x, FFA_INTERRUPT);
	}
}

void role_answer(struct vcpu *v)
{
	struct ffa_direct *d = direct_of(v);

	spin_lock(&lock);
	switch (d->wait) {
	case FFA_WAIT_REQUEST:
		take_request(&d->service, v->regs.x);
		break;
	case FFA_WAIT_ANSWER:
		take_answer(d->awaited, v->regs.x);
		break;
	case FFA_WAIT_CYCLES:
		/* An interrupt gives it cycles as well as the sender's FFA_RUN does. */
		if (d->service.state == FFA_SERVICE_YIELDED) {
			d->service.state = FFA_SERVICE_BUSY;
			d->service.call->state = FFA_CALL_SENT;
		}
		ffa_answer_success(v->regs.x);
		break;
	case FFA_WAIT_NONE:
		break;
	}
	d->wait = FFA_WAIT_NONE;
	spin_unlock(&lock);
}

bool role_has_answer(const struct vcpu *v)
{
	const struct ffa_direct *d = direct_of(v);
	bool has = false;

	spin_lock(&lock);
	switch (d->wait) {
	case FFA_WAIT_REQUEST:
		has = d->service.state == FFA_SERVICE_GIVEN;
		break;
	case FFA_WAIT_ANSWER:
		has = d->awaited->state == FFA_CALL_ANSWERED || d->awaited->state == FFA_CALL_YIELDED;
		break;
	case FFA_WAIT_CYCLES:
		has = d->service.state != FFA_SERVICE_YIELDED;
		break;
	case FFA_WAIT_NONE:
		break;
	}
	spin_unlock(&lock);
	return has;
}

/* The call is answered when there is something to go on with: at once, if that is so already. */
static enum trap_result wait_for(struct vcpu *v, enum ffa_wait wait)
{
	direct_of(v)->wait = wait;
	if (role_has_answer(v) || vcpu_has_wakeup(v)) {
		role_answer(v);
		return TRAP_RESUME;
	}
	v->in_call = true;
	vcpu_state_set(v, VCPU_WAITING);
	return TRAP_LEAVE;
}

static enum trap_result wait_for_answer(struct vcpu *v, struct ffa_call *call)
{
	direct_of(v)->awaited = call;
	return wait_for(v, FFA_WAIT_ANSWER);
}

/* ---- requests ---- */

/* What an SP's UUIDs and version are is for the SPMC to look at. Framework messages are the hypervisor's. */
static enum ffa_code may_request(const struct ffa_endpoint *from, const struct ffa_endpoint *to, const uint64_t *x)
{
	bool two = is_direct2(x[0]), is_guest = to != NULL && to->kind == FFA_KIND_GUEST;
	uint32_t sends = two ? FFA_PROPERTY_DIRECT2_SEND : FFA_PROPERTY_DIRECT_SEND;
	uint32_t receives = two ? FFA_PROPERTY_DIRECT2_RECV : FFA_PROPERTY_DIRECT_RECV;

	if ((!two && lo32(x[2]) != 0) || to == NULL || to == from || lo32(x[1]) >> 16 != from->id ||
	    (two && is_guest && !ffa_has_service(to, x[2], x[3]))) {
		return FFA_INVALID_PARAMETERS;
	}
	if ((two && (from->version < FFA_VERSION_1_2 || (is_guest && to->version < FFA_VERSION_1_2))) ||
	    (from->properties & sends) == 0 || (to->properties & receives) == 0) {
		return FFA_DENIED;
	}
	return FFA_OK;
}

/* Lock held. The guest's call to that vCPU, or NULL. There is one at most (listener). */
static struct ffa_call *find_call(struct ffa_guest *g, const struct vcpu *callee)
{
	for (unsigned i = 0; i < g->endpoint.vcpu_count; i++) {
		struct ffa_call *call = &g->vcpus[i].direct.call;

		if (call->state != FFA_CALL_FREE && call->callee == callee) {
			return call;
		}
	}
	return NULL;
}

/* Lock held. One that is free, v's own first; or NULL. */
static struct ffa_call *free_call(struct ffa_guest *g, const struct vcpu *v)
{
	unsigned count = g->endpoint.vcpu_count;

	for (unsigned i = 0; i < count; i++) {
		struct ffa_call *call = &g->vcpus[(v->index + i) % count].direct.call;

		if (call->state == FFA_CALL_FREE) {
			return call;
		}
	}
	return NULL;
}

/* Lock held. Marks the vCPUs that the sender has called and has no answer of, or has not taken it; or ends that. */
static void mark_called(struct ffa_guest *sender, bool called)
{
	for (unsigned i = 0; i < sender->endpoint.vcpu_count; i++) {
		const struct ffa_call *call = &sender->vcpus[i].direct.call;

		if (call->state != FFA_CALL_FREE) {
			direct_of(call->callee)->called = called;
		}
	}
}

/*
 * Lock held. A vCPU of the receiver that takes requests, on the sender's CPU if there is one; or NULL. None whose last
 * answer the sender has yet to take, since FFA_RUN names a call by its callee.
 */
static struct vcpu *listener(struct ffa_guest *sender, struct ffa_guest *receiver, const struct cpu *cpu)
{
	struct vcpu *found = NULL;

	mark_called(sender, true);
	for (unsigned i = 0; i < receiver->endpoint.vcpu_count && (found == NULL || found->cpu != cpu); i++) {
		struct ffa_direct *d = &receiver->vcpus[i].direct;
		struct vcpu *v = receiver->vcpus[i].vcpu;

		if (d->service.state == FFA_SERVICE_LISTENING && !d->called && (found == NULL || v->cpu == cpu)) {
			found = v;
		}
	}
	mark_called(sender, false);
	return found;
}

/* Puts the request where a vCPU of the receiver takes it. NULL: there is no room for it, or nobody to take it. */
static struct ffa_call *send(struct vcpu *v, struct ffa_guest *receiver)
{
	struct ffa_guest *sender = ffa_guest_of(v);
	struct vcpu *callee;
	struct ffa_call *call;

	spin_lock(&lock);
	callee = listener(sender, receiver, v->cpu);
	call = callee != NULL ? free_call(sender, v) : NULL;
	if (call != NULL) {
		copy_message(call->x, v->regs.x);
		call->state = FFA_CALL_SENT;
		call->callee = callee;
		call->waiter = v;
		direct_of(callee)->service = (struct ffa_service){ .state = FFA_SERVICE_GIVEN,
								   .call = call,
								   .request = lo32(v->regs.x[0]),
								   .requester = sender->endpoint.id };
	}
	spin_unlock(&lock);
	if (call != NULL) {
		notify(callee);
	}
	return call;
}

enum trap_result ffa_direct_req(struct vcpu *v)
{
	struct ffa_guest *g = ffa_guest_of(v);
	uint64_t *x = v->regs.x;
	struct ffa_endpoint *to = ffa_endpoint_find((uint16_t)x[1]);
	enum ffa_code code = may_request(&g->endpoint, to, x);
	struct ffa_call *call;

	if (code != FFA_OK) {
		return refuse(v, code);
	}
	if (to->kind == FFA_KIND_SP_BELOW) {
		sp_request(g->endpoint.id, x);
		return TRAP_RESUME;
	}
	call = send(v, ffa_guest(to));
	return call != NULL ? wait_for_answer(v, call) : refuse(v, FFA_BUSY);
}

/* ---- answers ---- */

/* Lock held. The sender, if he is still there, gets 'x'. Returns whom to notify, or NULL. */
static struct vcpu *answer(struct ffa_service *service, const uint64_t *x)
{
	struct ffa_call *call = service->call;

	service->call = NULL;
	if (call == NULL) {
		return NULL;
	}
	copy_message(call->x, x);
	call->state = FFA_CALL_ANSWERED;
	return call->waiter;
}

static enum ffa_code may_respond(const struct vcpu *v, const uint64_t *x)
{
	const struct ffa_service *service = &direct_of(v)->service;
	uint16_t self = ffa_guest_of(v)->endpoint.id, to = (uint16_t)x[1];
	bool two = is_direct2(x[0]);
	uint32_t flags = two ? 0 : lo32(x[2]);

	if ((flags != 0 && (flags & FFA_FRAMEWORK_MESSAGE) == 0) || lo32(x[1]) >> 16 != self || to == self) {
		return FFA_INVALID_PARAMETERS;
	}
	/* No guest is sent a framework message that it could answer. */
	if (service->state != FFA_SERVICE_BUSY || to != service->requester || is_direct2(service->request) != two ||
	    flags != 0) {
		return FFA_DENIED;
	}
	return FFA_OK;
}

enum trap_result ffa_direct_resp(struct vcpu *v)
{
	struct ffa_service *service = &direct_of(v)->service;
	uint64_t *x = v->regs.x;
	enum ffa_code code = may_respond(v, x);
	struct vcpu *waiter;

	if (code != FFA_OK) {
		return refuse(v, code);
	}
	if (is_direct2(x[0])) {
		x[2] = x[3] = 0;
	}
	spin_lock(&lock);
	waiter = answer(service, x);
	service->state = FFA_SERVICE_LISTENING;
	spin_unlock(&lock);
	notify(waiter);
	return wait_for(v, FFA_WAIT_REQUEST);
}

/* ---- cycles ---- */

enum trap_result ffa_msg_wait(struct vcpu *v)
{
	struct ffa_endpoint *e = &ffa_guest_of(v)->endpoint;
	struct ffa_service *service = &direct_of(v)->service;
	uint64_t flags = e->version >= FFA_VERSION_1_2 ? FFA_MSG_WAIT_RETAIN_RX : 0;
	const uint64_t *x = v->regs.x;

	if ((x[1] | x[3] | x[4] | x[5] | x[6] | x[7] | (x[2] & ~flags)) != 0) {
		return refuse(v, FFA_INVALID_PARAMETERS);
	}
	if (service->state != FFA_SERVICE_NONE) {
		return refuse(v, FFA_DENIED);
	}
	ffa_mailbox_wait(e, x[2] != 0);
	spin_lock(&lock);
	service->state = FFA_SERVICE_LISTENING;
	spin_unlock(&lock);
	return wait_for(v, FFA_WAIT_REQUEST);
}

/* Lock held. The sender gets FFA_YIELD and may let v go on by FFA_RUN. False: v works for nobody. */
static bool yield(struct vcpu *v, struct vcpu **waiter)
{
	struct ffa_service *service = &direct_of(v)->service;
	struct ffa_call *call = service->call;

	if (service->state != FFA_SERVICE_BUSY || call == NULL) {
		return false;
	}
	service->state = FFA_SERVICE_YIELDED;
	call->state = FFA_CALL_YIELDED;
	ffa_answer(call->x, FFA_YIELD);
	call->x[1] = ids_of(v);
	call->x[2] = v->regs.x[2];
	call->x[3] = v->regs.x[3];
	*waiter = call->waiter;
	return true;
}

/* Who works for nobody gives away what is left of his turn. */
enum trap_result ffa_yield(struct vcpu *v)
{
	uint64_t *x = v->regs.x;
	struct vcpu *waiter = NULL;
	bool yielded;

	if ((x[4] | x[5] | x[6] | x[7]) != 0) {
		return refuse(v, FFA_INVALID_PARAMETERS);
	}
	spin_lock(&lock);
	yielded = yield(v, &waiter);
	spin_unlock(&lock);
	if (!yielded) {
		ffa_answer_success(x);
		return role_wait(v, false);
	}
	notify(waiter);
	return wait_for(v, FFA_WAIT_CYCLES);
}

/* A guest that was interrupted, or whose callee has yielded, waits on. No guest runs by this: all are scheduled. */
static enum trap_result run_guest(struct vcpu *v, struct vcpu *callee)
{
	struct vcpu *resumed = NULL;
	struct ffa_call *call;
	enum ffa_code code = FFA_OK;

	spin_lock(&lock);
	call = find_call(ffa_guest_of(v), callee);
	if (call == NULL) {
		code = FFA_DENIED;
	} else if (call->waiter != NULL) {
		code = FFA_BUSY;
	} else {
		call->waiter = v;
		if (call->state == FFA_CALL_YIELDED) {
			call->state = FFA_CALL_SENT;
			direct_of(callee)->service.state = FFA_SERVICE_BUSY;
			resumed = callee;
		}
	}
	spin_unlock(&lock);
	if (code != FFA_OK) {
		return refuse(v, code);
	}
	notify(resumed);
	return wait_for_answer(v, call);
}

enum trap_result ffa_run(struct vcpu *v)
{
	uint32_t ids = lo32(v->regs.x[1]);
	struct ffa_endpoint *to = ffa_endpoint_find((uint16_t)(ids >> 16));
	uint16_t index = (uint16_t)ids;

	if (to == NULL || index >= to->vcpu_count) {
		return refuse(v, FFA_INVALID_PARAMETERS);
	}
	if (to->kind == FFA_KIND_SP_BELOW) {
		sp_run(ffa_guest_of(v)->endpoint.id, v->regs.x);
		return TRAP_RESUME;
	}
	return run_guest(v, ffa_guest(to)->vcpus[index].vcpu);
}

/* ---- ends ---- */

/* Lock held. Returns whom to notify. */
static struct vcpu *forget(struct ffa_direct *d)
{
	uint64_t aborted[FFA_REGS];
	struct vcpu *waiter;

	ffa_answer_error(aborted, FFA_ABORTED);
	waiter = answer(&d->service, aborted);
	d->service.state = FFA_SERVICE_NONE;
	d->wait = FFA_WAIT_NONE;
	return waiter;
}

void ffa_direct_forget(struct vcpu *v)
{
	struct vcpu *waiter;

	if (ffa_guest_of(v) == NULL) {
		return;
	}
	ffa_mailbox_leave(&ffa_guest_of(v)->endpoint, v);
	spin_lock(&lock);
	waiter = forget(direct_of(v));
	spin_unlock(&lock);
	notify(waiter);
}

/* Lock held. The callee's answer is for nobody. Returns whom to notify. */
static struct vcpu *drop(struct ffa_call *call)
{
	struct vcpu *resumed = NULL;

	if (call->state == FFA_CALL_SENT || call->state == FFA_CALL_YIELDED) {
		struct ffa_service *service = &direct_of(call->callee)->service;

		service->call = NULL;
		if (service->state == FFA_SERVICE_GIVEN) {
			service->state = FFA_SERVICE_LISTENING;
		} else if (service->state == FFA_SERVICE_YIELDED) {
			service->state = FFA_SERVICE_BUSY;
			resumed = call->callee;
		}
	}
	call->state = FFA_CALL_FREE;
	return resumed;
}

void ffa_direct_reset(struct ffa_guest *g)
{
	for (unsigned i = 0; i < g->endpoint.vcpu_count; i++) {
		struct ffa_direct *d = &g->vcpus[i].direct;
		struct vcpu *waiter, *resumed;

		spin_lock(&lock);
		waiter = forget(d);
		resumed = drop(&d->call);
		spin_unlock(&lock);
		notify(waiter);
		notify(resumed);
	}
	sp_run_drop(g->endpoint.id);
}
