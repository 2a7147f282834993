/* SPDX-License-Identifier: MIT */
#include "role/spmc/schedule.h"

#include "arch/barrier.h"
#include "core/port/secure_irq.h"
#include "ffa/answer.h"
#include "ffa/port.h"
#include "role/spmc/call.h"
#include "role/spmc/interrupt.h"
#include "role/spmc/life.h"
#include "role/spmc/runtime.h"

_Alignas(64) struct schedule schedules[CPU_MAX];

/* ---- the watchdog: how long a context may keep the CPU ---- */

static void watchdog_fired(struct timer *timer)
{
	container_of(timer, struct sp_vcpu, watchdog)->watchdog_bit = true;
}

const struct timer_ops sp_watchdog_ops = { .fired = watchdog_fired };

/*
 * Who asks for a run has his own watchdog go on meanwhile, or is the normal world: so each gets the whole time. Runs
 * that nobody asked for have one time together until the normal world has had the CPU.
 */
void schedule_watchdog_start(struct schedule *s, struct sp_vcpu *v)
{
	uint64_t ticks = v->sp->watchdog_ticks;

	if (schedule_is_unasked(v)) {
		uint64_t turn = schedule_turn(s);

		if (v->watchdog_turn != turn) {
			v->watchdog_turn = turn;
			v->watchdog_unasked = ticks;
		}
		ticks = v->watchdog_unasked;
	}
	sp_timer_start(s->cpu, &v->watchdog, cpu_now() + ticks);
}

void schedule_watchdog_stop(struct schedule *s, struct sp_vcpu *v)
{
	uint64_t now = cpu_now();
	uint64_t left = timer_running(&v->watchdog) && v->watchdog.deadline > now ? v->watchdog.deadline - now : 0;

	sp_timer_stop(s->cpu, &v->watchdog);
	v->watchdog_bit = false;
	v->watchdog_left = left;
	if (schedule_is_unasked(v)) {
		v->watchdog_unasked = left;
	}
}

/* Whom v, which is interrupted, keeps waiting is so too: as far as where an earlier interruption is being served. */
static struct sp_vcpu *next_interrupted(const struct sp_vcpu *v)
{
	return schedule_is_unasked(v) ? NULL : v->caller;
}

static void begin_interruption(struct schedule *s, struct sp_vcpu *v)
{
	atomic_store(&v->state, SP_INTERRUPTED);
	for (; v != NULL; v = next_interrupted(v)) {
		schedule_guard_end(s, v);
	}
}

void schedule_end_interruption(struct schedule *s, struct sp_vcpu *v)
{
	for (; v != NULL; v = next_interrupted(v)) {
		if (v->sp->watchdog_ticks != 0) {
			sp_timer_start(s->cpu, &v->watchdog, cpu_now() + v->watchdog_left);
		}
	}
}

/* ---- from one context to another ---- */

void schedule_preempt(struct schedule *s, struct sp_vcpu *v, enum sp_model model)
{
	struct sp_vcpu *preempted = s->current;

	if (preempted != NULL) {
		begin_interruption(s, preempted);
	}
	v->caller = preempted;
	v->model = model;
	v->request = 0;
	v->spmc_scheduled = true;
	schedule_make_current(s, v, SP_MASK_ALL);
}

/* It would wait with interrupts pending. True if it is told of one, and so does not wait. */
static __attribute__((noinline)) bool keep_for_interrupt(struct schedule *s, struct sp_vcpu *v)
{
	const struct sp_manifest *m = &v->sp->manifest;

	/* These two speak of the run that ends now. */
	interrupt_clear(v, FFA_INTID_ME);
	interrupt_clear(v, FFA_INTID_NPI);
	if (atomic_load(&v->signals) == 0 || (atomic_load(&v->signals) & SP_SIGNAL_ABORT) != 0) {
		return false;
	}
	if (m->sri_delayed_preempted || (!m->s_el0 && v->told == atomic_load(&v->interrupts.arrivals))) {
		/* It wants it later, or was told already and left it: when the normal world gives it cycles. */
		interrupt_wakeup(v, m->sri_delayed_preempted);
		return false;
	}
	schedule_preempt(s, v, SP_MODEL_INTERRUPT);
	interrupt_tell(v);
	return true;
}

/* A signal was there already, or came while the context went to rest. Apart, so that the usual way is short. */
static __attribute__((noinline)) void rest_signalled(struct schedule *s, struct sp_vcpu *v, enum sp_state state,
						     uint32_t arrivals)
{
	uint32_t expected = state;

	if ((atomic_load(&v->signals) & SP_SIGNAL_ABORT) != 0) {
		if (atomic_cas(&v->state, &expected, SP_ABORTED)) {
			life_context_stopped(s, v);
		}
	} else if (state == SP_WAITING && atomic_load(&v->interrupts.arrivals) != arrivals) {
		interrupt_queue_wake(s, v);
	}
}

/* The context is at rest. 'arrivals' is what it knew of interrupts when it decided to. */
static inline void let_go(struct schedule *s, struct sp_vcpu *v, enum sp_state state, uint32_t arrivals)
{
	/* Release: who claims it sees all that was done to it. */
	atomic_store_release(&v->state, state);
	/* DMB: a signal that is set now is seen here, or he who set it sees the state; partner is sp_notice(). */
	dmb_ish();
	if (unlikely(atomic_load(&v->signals) != 0)) {
		rest_signalled(s, v, state, arrivals);
	}
}

void schedule_unclaim(struct schedule *s, struct sp_vcpu *v, enum sp_state state)
{
	let_go(s, v, state, atomic_load(&v->interrupts.arrivals));
}

void schedule_rest(struct schedule *s, struct sp_vcpu *v, enum sp_state state)
{
	uint32_t arrivals = atomic_load(&v->interrupts.arrivals);

	if (unlikely(v->handling != 0)) {
		interrupt_done(v);
	}
	if (unlikely(atomic_load(&v->signals) != 0) && state == SP_WAITING && keep_for_interrupt(s, v)) {
		return;
	}
	if (state == SP_WAITING) {
		v->model = SP_MODEL_NONE;
		v->request = 0;
		v->caller = NULL;
	}
	if (sp_is_up(v->sp)) {
		sp_vcpu_put(v);
	}
	let_go(s, v, state, arrivals);
}

void schedule_ns_preempt(struct schedule *s, struct sp_vcpu *v)
{
	uint64_t *x = schedule_leave(s, v);

	if (x != NULL) {
		ffa_answer(x, FFA_INTERRUPT);
		x[1] = sp_vcpu_ids(v);
	}
	schedule_rest(s, v, SP_PREEMPTED);
}

void schedule_yield(struct schedule *s, struct sp_vcpu *v, uint64_t low, uint64_t high)
{
	uint64_t *x = schedule_leave(s, v);

	if (x != NULL) {
		ffa_answer(x, FFA_YIELD);
		x[1] = sp_vcpu_ids(v);
		x[2] = low;
		x[3] = high;
	}
	schedule_rest(s, v, SP_YIELDED);
}

void schedule_wait(struct schedule *s, struct sp_vcpu *v)
{
	if (sp_interrupt_hcr(v) == 0 && sp_may(v->model, SP_CALL_YIELD) == SP_GO) {
		schedule_yield(s, v, 0, 0);
	}
}

void schedule_recall(struct schedule *s, struct sp_vcpu *v)
{
	struct sp_vcpu *at = s->current;

	ffa_answer(v->cpu.regs.x, FFA_INTERRUPT);
	v->cpu.regs.x[1] = sp_vcpu_ids(v->callee);
	v->told = atomic_load(&v->interrupts.arrivals);
	v->callee = NULL;
	atomic_store(&v->state, SP_RUNNING);
	s->current = v;
	/* 'caller' and 'callee' stay what they were: who may run it again, and who goes on when he does. */
	while (at != v) {
		struct sp_vcpu *caller = at->caller;

		schedule_guard_end(s, at);
		schedule_rest(s, at, SP_SUSPENDED);
		at = caller;
	}
}

/* ---- the loop ---- */

#define PMR_SECURE 0x80 /* lets Secure interrupts through */
#define PMR_OWN (SECURE_IRQ_PRIORITY_EL2 + 8) /* ours alone */

/* The priority mask; writes to it need no barrier before an ERET (GICv3, 12.1.8). */
static void set_mask(struct schedule *s, uint8_t mask)
{
	s->mask = mask;
	write_icc_pmr_el1(mask == SP_MASK_NONE ? s->nwd_pmr : mask == SP_MASK_NS ? PMR_SECURE : PMR_OWN);
}

static void run_current(struct schedule *s, struct sp_vcpu *v)
{
	if (unlikely(v->mask != s->mask)) {
		set_mask(s, v->mask);
	}
	switch (sp_enter(v)) {
	case SP_EXIT_CALL:
		call_from_sp(s, v);
		break;
	case SP_EXIT_IRQ:
		s->mask = SCHEDULE_MASK_UNKNOWN;
		interrupt_secure(s);
		break;
	case SP_EXIT_FIQ:
		/* A mask that keeps it back may have been undone: on QEMU partitions reach it. */
		s->mask = SCHEDULE_MASK_UNKNOWN;
		interrupt_other(s, v);
		break;
	case SP_EXIT_WAIT:
		schedule_wait(s, v);
		break;
	case SP_EXIT_ABORT:
		life_abort(s, v, sp_exit_reason(v));
		break;
	}
}

void schedule_loop(struct schedule *s)
{
	s->nwd_pmr = read_icc_pmr_el1();
	for (;;) {
		struct sp_vcpu *v = s->current;

		if (unlikely(s->wake != NULL) && interrupt_wake(s)) {
			continue;
		}
		if (v == NULL) {
			break;
		}
		if (unlikely((atomic_load(&v->signals) & SP_SIGNAL_ABORT) != 0)) {
			life_abort(s, v, "stopped with its partition");
		} else if (unlikely(v->watchdog_bit)) {
			life_abort(s, v, "ran for longer than its watchdog allows");
		} else {
			run_current(s, v);
		}
	}
	set_mask(s, SP_MASK_NONE);
	sp_leave(s->cpu);
	if (unlikely(s->before_nwd != 0)) {
		bool sri = (s->before_nwd & SCHEDULE_SRI) != 0;

		s->before_nwd = 0;
		s->turns++;
		if (sri) {
			interrupt_sri(false);
		}
	}
}
