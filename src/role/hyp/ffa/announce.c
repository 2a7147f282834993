/* SPDX-License-Identifier: MIT */
#include "role/hyp/ffa/announce.h"

#include "core/vcpu/run.h"
#include "ffa/answer.h"
#include "lib/log.h"
#include "role/hyp/ffa/guest.h"
#include "role/hyp/ffa/sp_run.h"

#define SLICE_US 1000
#define PATIENCE_MS 1000

static void limit_fired(struct timer *timer unused_arg)
{
	/* That its interrupt comes is all that is wanted of it. */
}

static const struct timer_ops limit_ops = { .fired = limit_fired };

void announce_begin(struct ffa_guest *g, bool created)
{
	struct announcement *a = &g->announcement;

	a->message = created ? FFA_FRAMEWORK_VM_CREATED_REQ : FFA_FRAMEWORK_VM_DESTROYED_REQ;
	a->next = 0;
	a->left = 0;
	a->deadline = 0;
	a->told = created ? 0 : a->told;
	timer_init(&a->limit, &limit_ops);
}

/* Who heard of the start, or did not want to, hears of the end, if it wants to. */
static bool wants(const struct announcement *a, const struct ffa_endpoint *sp)
{
	uint32_t created = FFA_PROPERTY_DIRECT_RECV | FFA_PROPERTY_VM_CREATED;
	uint32_t destroyed = FFA_PROPERTY_DIRECT_RECV | FFA_PROPERTY_VM_DESTROYED;

	if (sp->kind != FFA_KIND_SP_BELOW) {
		return false;
	}
	if (a->message == FFA_FRAMEWORK_VM_CREATED_REQ) {
		return (sp->properties & created) == created;
	}
	return (sp->properties & destroyed) == destroyed &&
	       ((sp->properties & FFA_PROPERTY_VM_CREATED) == 0 || (a->told & BIT(sp->id - FFA_ID_SP_FIRST)) != 0);
}

/* On to the next one. */
static void done(struct announcement *a)
{
	a->next++;
	a->left = 0;
	a->deadline = 0;
}

/* The request, or its continuation; x is answered. */
static void call(struct ffa_guest *g, const struct ffa_endpoint *sp, uint64_t *x)
{
	struct announcement *a = &g->announcement;
	struct cpu *cpu = this_cpu();

	/* What is pending now would end the stay before it begins. */
	cpu_serve_irqs(cpu);
	timer_start(&cpu->timers, &a->limit, cpu_now() + read_cntfrq_el0() / 1000000 * SLICE_US);
	cpu_program_timer(cpu);
	ffa_answer(x, a->left != 0 ? FFA_RUN : FFA_MSG_SEND_DIRECT_REQ);
	if (a->left != 0) {
		x[1] = a->left;
		sp_run(g->endpoint.id, x);
	} else {
		x[1] = (uint64_t)FFA_ID_NWD << 16 | sp->id;
		x[2] = FFA_FRAMEWORK_MESSAGE | a->message;
		/* There is no memory that describes the VM. */
		x[3] = x[4] = lo32(FFA_HANDLE_INVALID);
		x[5] = g->endpoint.id;
		sp_request(g->endpoint.id, x);
	}
	timer_stop(&cpu->timers, &a->limit);
}

/* It could not be told, for a reason that it or the SPMC gave. */
static void refused(struct ffa_guest *g, const struct ffa_endpoint *sp, int32_t code)
{
	/* One that is dead need not know. */
	if (code != FFA_ABORTED) {
		log_limited(&g->vm->vm.log_limit, "VM '%s': partition 0x%x answers %d to the news that it %s",
			    g->endpoint.name, sp->id, code,
			    g->announcement.message == FFA_FRAMEWORK_VM_CREATED_REQ ? "starts" : "has ended");
	}
	done(&g->announcement);
}

/* True if it is to be told again: it was busy, or wants to be asked once more. */
static bool take_answer(struct ffa_guest *g, const struct ffa_endpoint *sp, const uint64_t *x)
{
	struct announcement *a = &g->announcement;
	uint32_t expected = FFA_FRAMEWORK_MESSAGE | (a->message + 1);
	int32_t code;

	switch (lo32(x[0])) {
	case FFA_INTERRUPT:
	case FFA_YIELD:
		a->left = lo32(x[1]);
		return true;
	case FFA_MSG_SEND_DIRECT_RESP:
		code = lo32(x[2]) == expected ? (int32_t)x[3] : FFA_INVALID_PARAMETERS;
		break;
	case FFA_ERROR:
		code = (int32_t)x[2] == FFA_BUSY ? FFA_RETRY : (int32_t)x[2];
		break;
	default:
		code = FFA_NOT_SUPPORTED;
		break;
	}
	a->left = 0;
	if (code == FFA_RETRY || code == FFA_INTERRUPTED) {
		return true;
	}
	if (code != FFA_OK) {
		refused(g, sp, code);
		return false;
	}
	a->told |= BIT(sp->id - FFA_ID_SP_FIRST);
	done(a);
	return false;
}

/* Its patience is over. If it works on the message, it may do so to the end, but nobody waits. */
static void give_up(struct ffa_guest *g, const struct ffa_endpoint *sp)
{
	sp_run_drop(g->endpoint.id);
	log_limited(&g->vm->vm.log_limit, "VM '%s': partition 0x%x does not take the news that it %s", g->endpoint.name,
		    sp->id, g->announcement.message == FFA_FRAMEWORK_VM_CREATED_REQ ? "starts" : "has ended");
	done(&g->announcement);
}

bool announce_some(struct ffa_guest *g)
{
	struct announcement *a = &g->announcement;
	const struct ffa_endpoint *sp;
	uint64_t x[FFA_REGS] = { 0 };

	while (a->next < ffa_partition_count() && !wants(a, ffa_partition(a->next))) {
		a->next++;
	}
	if (a->next >= ffa_partition_count()) {
		return false;
	}
	sp = ffa_partition(a->next);
	if (a->deadline == 0) {
		a->deadline = cpu_now() + read_cntfrq_el0() / 1000 * PATIENCE_MS;
	}
	call(g, sp, x);
	if (take_answer(g, sp, x) && cpu_now() >= a->deadline) {
		give_up(g, sp);
	}
	return true;
}
