/* SPDX-License-Identifier: MIT */
#include "role/hyp/ffa/runner.h"

#include "arch/atomic.h"
#include "core/vcpu/run.h"
#include "ffa/answer.h"
#include "role/hyp/ffa/sp_run.h"

#define TURN_US 1000

_Static_assert(FFA_SP_MAX <= 64, "partitions of a CPU are a word of bits");

/* Of one CPU. Partitions are bits, by their number from FFA_ID_SP_FIRST on. */
static struct runner {
	struct work work;
	struct timer timer; /* ends a turn, then the pause behind it */
	uint64_t woken;     /* atomic */
	uint64_t wanted;    /* its CPU only, as the rest: woken, and not at their end */
	unsigned last;      /* who had the last turn */
} runners[CPU_MAX];

static uint64_t turn_ticks(void)
{
	return read_cntfrq_el0() / 1000000 * TURN_US;
}

/*
 * True if it is at its end, or not ours to run; false if the turn is over, or it runs elsewhere at the moment. An
 * interrupt is served, and it goes on at once: whoever calls it meanwhile would find it busy.
 */
static bool run(struct cpu *cpu, unsigned number, uint64_t end)
{
	const struct ffa_endpoint *sp = ffa_endpoint_find((uint16_t)(FFA_ID_SP_FIRST + number));
	uint64_t x[FFA_REGS];

	do {
		ffa_answer(x, FFA_RUN);
		x[1] = (uint64_t)sp->id << 16 | (sp->vcpu_count > 1 ? cpu->index : 0);
		sp_run(FFA_ID_NWD, x);
		cpu_serve_irqs(cpu);
	} while (lo32(x[0]) == FFA_INTERRUPT && cpu_now() < end);
	switch (lo32(x[0])) {
	case FFA_INTERRUPT:
	case FFA_YIELD:
		return false;
	case FFA_ERROR:
		return (int32_t)x[2] != FFA_BUSY;
	default:
		return true;
	}
}

/* Of 'left', who comes next: the first behind the last one, or the first of all. */
static unsigned next_of(const struct runner *r, uint64_t left)
{
	uint64_t behind = left & ~GENMASK(r->last, 0);

	return (unsigned)__builtin_ctzll(behind != 0 ? behind : left);
}

static void serve(struct work *work)
{
	struct runner *r = container_of(work, struct runner, work);
	uint64_t end = cpu_now() + turn_ticks();
	struct cpu *cpu = this_cpu();
	uint64_t left;

	r->wanted |= atomic_swap(&r->woken, 0);
	/* Its interrupt is what brings the CPU back. */
	timer_start(&cpu->timers, &r->timer, end);
	cpu_program_timer(cpu);
	for (left = r->wanted; left != 0 && cpu_now() < end; left &= ~BIT(r->last)) {
		r->last = next_of(r, left);
		if (run(cpu, r->last, end)) {
			r->wanted &= ~BIT(r->last);
		}
	}
	timer_stop(&cpu->timers, &r->timer);
	if (r->wanted != 0) {
		timer_start(&cpu->timers, &r->timer, cpu_now() + turn_ticks());
	}
}

static void fired(struct timer *timer)
{
	cpu_post(this_cpu(), &container_of(timer, struct runner, timer)->work);
}

static const struct work_ops work_ops = { .run = serve };
static const struct timer_ops timer_ops = { .fired = fired };

void runner_init(void)
{
	for (unsigned i = 0; i < cpu_count; i++) {
		runners[i].work.ops = &work_ops;
		timer_init(&runners[i].timer, &timer_ops);
	}
}

void runner_wake(struct cpu *cpu, const struct ffa_endpoint *sp)
{
	atomic_or(&runners[cpu->index].woken, BIT(sp->id - FFA_ID_SP_FIRST));
	cpu_post(cpu, &runners[cpu->index].work);
}
