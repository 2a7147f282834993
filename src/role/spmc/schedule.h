/* SPDX-License-Identifier: MIT */
/*
 * What runs on a CPU, and how the CPU goes from one context to another (docs/spmc-scheduling.md).
 *
 * A call that gives the CPU away does so by changing 'current'; when the call has been served, the loop goes on with
 * whatever that is, and when it is NULL the normal world goes on with the registers that 'nwd' points to. So nothing
 * about a chain of calls is on a stack: it is in the contexts' 'caller' fields.
 */
#ifndef ROLE_SPMC_SCHEDULE_H
#define ROLE_SPMC_SCHEDULE_H

#include "arch/barrier.h"
#include "role/spmc/sp.h"

/* No value of enum sp_mask: ICC_PMR_EL1 is to be written before a context runs. */
#define SCHEDULE_MASK_UNKNOWN 0xff

/* Of one CPU; that CPU alone touches it. */
struct schedule {
	struct sp_vcpu *current; /* RUNNING here; NULL: the normal world is next */
	uint64_t *nwd;           /* x0..x17 of the normal world: its call, and then what it is answered */
	struct cpu *cpu;
	struct sp_vcpu *wake;    /* contexts that an interrupt of this CPU pends for (interrupt.c) */
	uint64_t turns;          /* schedule_turn() */
	uint64_t nwd_pmr;        /* the normal world's ICC_PMR_EL1, in schedule_loop() */
	uint8_t before_nwd;      /* SCHEDULE_*: what is to be done when the normal world goes on */
	uint8_t mask;            /* enum sp_mask: what ICC_PMR_EL1 does now; or SCHEDULE_MASK_UNKNOWN */
};

#define SCHEDULE_SRI 1u  /* the Schedule Receiver Interrupt is raised */
#define SCHEDULE_TURN 2u /* 'turns' counts: something is allowed so often, or so long, until then */

extern struct schedule schedules[CPU_MAX];

static inline struct schedule *schedule_of(const struct cpu *cpu) { return &schedules[cpu->index]; }

/* Runs contexts from 'current' on until the normal world is next. Own CPU. */
void schedule_loop(struct schedule *s);

/* The time from when the normal world had this CPU last until it has it again. No number comes twice; 0 is none. */
static inline uint64_t schedule_turn(struct schedule *s)
{
	s->before_nwd |= SCHEDULE_TURN;
	return s->turns * CPU_MAX + s->cpu->index + 1;
}

/* Bits [31:16] the partition's id, [15:0] the vCPU's index: how FFA_INTERRUPT, _YIELD and _RUN name a context. */
static inline uint32_t sp_vcpu_ids(const struct sp_vcpu *v)
{
	return (uint32_t)v->sp->endpoint.id << 16 | v->cpu.index;
}

/*
 * Wins the context for this CPU if it is in state 'from' (at rest, or OFF): then it is RUNNING, and nobody else touches
 * it.
 */
static inline bool schedule_claim(struct schedule *s, struct sp_vcpu *v, enum sp_state from)
{
	uint32_t state = from;

	if (unlikely(atomic_load(&v->state) != state) || !atomic_cas(&v->state, &state, SP_RUNNING)) {
		return false;
	}
	if (sp_is_up(v->sp)) {
		/*
		 * DMB: whoever signals this context either sees here where it runs, or set the signal before we look
		 * at it; partner is sp_notice() in interrupt.c.
		 */
		v->cpu.cpu = s->cpu;
		dmb_ish();
	}
	return true;
}

/* The claimed context is in 'state' again, where it was at rest, as if it had not been claimed. */
void schedule_unclaim(struct schedule *s, struct sp_vcpu *v, enum sp_state state);

/* Whoever waits for a context of this model was interrupted for it, and did not call it. */
static inline bool schedule_is_unasked(const struct sp_vcpu *v)
{
	return v->model == SP_MODEL_INTERRUPT || v->model == SP_MODEL_INIT;
}

/*
 * The watchdog: how long a context may keep the CPU. It starts with a run and stops when the CPU is given back: not
 * while the context waits for one that it called, but while it is INTERRUPTED.
 */
void schedule_watchdog_start(struct schedule *s, struct sp_vcpu *v);
void schedule_watchdog_stop(struct schedule *s, struct sp_vcpu *v);

static inline void schedule_guard(struct schedule *s, struct sp_vcpu *v)
{
	if (unlikely(v->sp->watchdog_ticks != 0)) {
		schedule_watchdog_start(s, v);
	}
}

static inline void schedule_guard_end(struct schedule *s, struct sp_vcpu *v)
{
	if (unlikely(v->sp->watchdog_ticks != 0)) {
		schedule_watchdog_stop(s, v);
	}
}

/* Makes 'v' current under the mask that it and those who wait for it need. */
static inline void schedule_make_current(struct schedule *s, struct sp_vcpu *v, uint8_t mask)
{
	v->mask = MAX(v->sp->mask, mask);
	s->current = v;
	schedule_guard(s, v);
}

/*
 * A claimed context is what runs next. 'caller' is BLOCKED for it from now on, or NULL if it is the normal world that
 * waits. The model and the registers are the caller's business, before or after.
 */
static inline void schedule_enter(struct schedule *s, struct sp_vcpu *v, struct sp_vcpu *caller)
{
	uint8_t mask = SP_MASK_NONE;

	v->caller = caller;
	v->spmc_scheduled = false;
	if (caller != NULL) {
		v->spmc_scheduled = caller->spmc_scheduled;
		mask = caller->mask;
		caller->callee = v;
		atomic_store(&caller->state, SP_BLOCKED);
	}
	schedule_make_current(s, v, mask);
}

/* 'v' is not INTERRUPTED any more. */
void schedule_end_interruption(struct schedule *s, struct sp_vcpu *v);

/*
 * The current context gives the CPU back: whoever waits for it is current. Returns the registers in which he is to be
 * answered, or NULL if he waits for no answer (he was interrupted, or he is gone). The context stays RUNNING until
 * schedule_rest(), so that its registers can still be read.
 */
static inline uint64_t *schedule_leave(struct schedule *s, struct sp_vcpu *v)
{
	struct sp_vcpu *to = v->caller;

	schedule_guard_end(s, v);
	s->current = to;
	if (to != NULL) {
		to->callee = NULL;
		atomic_store(&to->state, SP_RUNNING);
	}
	if (schedule_is_unasked(v)) {
		schedule_end_interruption(s, to);
		return NULL;
	}
	return to != NULL ? to->cpu.regs.x : s->nwd;
}

/* A claimed context preempts what is current, for the SPMC: to handle an interrupt, or to initialize itself. */
void schedule_preempt(struct schedule *s, struct sp_vcpu *v, enum sp_model model);
/*
 * Ends what schedule_leave() began: the context is at rest, in 'state', and anybody's to claim.
 * But one that would wait with an interrupt pending of which it does not know is told, and is current again.
 */
void schedule_rest(struct schedule *s, struct sp_vcpu *v, enum sp_state state);
/* A Non-secure interrupt takes the CPU from the current context: its caller gets FFA_INTERRUPT. */
void schedule_ns_preempt(struct schedule *s, struct sp_vcpu *v);
/* The current context yields: its caller gets FFA_YIELD with that timeout. */
void schedule_yield(struct schedule *s, struct sp_vcpu *v, uint64_t low, uint64_t high);
/* The current context executed WFI or WFE with nothing pending: as FFA_YIELD, but its registers stay. */
void schedule_wait(struct schedule *s, struct sp_vcpu *v);
/*
 * A Secure interrupt is for 'v', BLOCKED in the chain of this CPU: it goes on, and all that it waits for are SUSPENDED,
 * in a chain that FFA_RUN of its first one, which is v's to make, has go on at its end.
 */
void schedule_recall(struct schedule *s, struct sp_vcpu *v);

/* Calls; 'from' is NULL if the normal world makes them, else it is current. x is the caller's x0..x17. */
void ffa_msg_wait(struct schedule *s, struct sp_vcpu *from, uint64_t *x);
void ffa_yield(struct schedule *s, struct sp_vcpu *from, uint64_t *x);
void ffa_run(struct schedule *s, struct sp_vcpu *from, uint64_t *x);

#endif
