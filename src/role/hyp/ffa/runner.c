/* SPDX-License-Identifier: MIT */
#include "role/hyp/ffa/runner.h"

#include "arch/atomic.h"
#include "core/mm/pool.h"
#include "core/vcpu/run.h"
#include "ffa/answer.h"
#include "role/hyp/ffa/sp_run.h"
#include "role/hyp/sched.h"

#define WEIGHT 100
#define SLICE_US 1000
#define REST_US 1000

_Static_assert(FFA_SP_MAX <= 64, "partitions of a CPU are a word of bits");

/* Of one CPU. Partitions are bits, by their number from FFA_ID_SP_FIRST on. */
static struct runner {
	struct cpu_share share;
	struct sched_job job;
	struct work work;   /* somebody was woken */
	struct timer limit; /* of a slice: that its interrupt comes is all that is wanted of it */
	struct timer rest;
	uint64_t woken;     /* atomic */
	uint64_t wanted;    /* its CPU only, as the rest: woken, and not at their end */
	uint64_t resting;   /* of them: who gave the CPU away, until the timer fires */
	unsigned last;      /* who had the last slice */
	bool working;       /* the job is begun */
} *runners; /* by CPU */

static uint64_t ticks_of_us(uint64_t us)
{
	return read_cntfrq_el0() / 1000000 * us;
}

/* Who comes next: the first behind the last one, or the first of all. */
static unsigned next_of(const struct runner *r)
{
	uint64_t left = r->wanted & ~r->resting, behind = left & ~GENMASK(r->last, 0);

	return (unsigned)__builtin_ctzll(behind != 0 ? behind : left);
}

/* It runs until an interrupt comes, and x says why it came back. */
static void run(struct cpu *cpu, unsigned number, uint64_t *x)
{
	const struct ffa_endpoint *sp = ffa_endpoint_find((uint16_t)(FFA_ID_SP_FIRST + number));

	sp_run_alone((uint32_t)sp->id << 16 | (sp->vcpu_count > 1 ? cpu->index : 0), x);
	cpu_serve_irqs(cpu);
}

/* It has yielded, or somebody else has it at the moment. */
static void let_rest(struct cpu *cpu, struct runner *r)
{
	r->resting |= BIT(r->last);
	if (!timer_running(&r->rest)) {
		timer_start(&cpu->timers, &r->rest, cpu_now() + ticks_of_us(REST_US));
	}
}

static bool slice(struct sched_job *job)
{
	struct runner *r = container_of(job, struct runner, job);
	struct cpu *cpu = this_cpu();
	uint64_t x[FFA_REGS];

	r->last = next_of(r);
	timer_start(&cpu->timers, &r->limit, cpu_now() + ticks_of_us(SLICE_US));
	cpu_program_timer(cpu);
	run(cpu, r->last, x);
	timer_stop(&cpu->timers, &r->limit);
	if (lo32(x[0]) == FFA_YIELD || (lo32(x[0]) == FFA_ERROR && (int32_t)x[2] == FFA_BUSY)) {
		let_rest(cpu, r);
	} else if (lo32(x[0]) != FFA_INTERRUPT) {
		r->wanted &= ~BIT(r->last);
	}
	r->working = (r->wanted & ~r->resting) != 0;
	return r->working;
}

static void begin(struct runner *r, bool wakes)
{
	if (!r->working && (r->wanted & ~r->resting) != 0) {
		r->working = true;
		sched_begin(&r->share, &r->job, wakes);
	}
}

static void serve(struct work *work)
{
	struct runner *r = container_of(work, struct runner, work);
	uint64_t woken = atomic_swap(&r->woken, 0);

	r->wanted |= woken;
	r->resting &= ~woken;
	begin(r, true);
}

static void rested(struct timer *timer)
{
	struct runner *r = container_of(timer, struct runner, rest);

	r->resting = 0;
	begin(r, false);
}

static void limit_fired(struct timer *timer unused_arg)
{
}

static const struct sched_job_ops job_ops = { .slice = slice };
static const struct work_ops work_ops = { .run = serve };
static const struct timer_ops rest_ops = { .fired = rested };
static const struct timer_ops limit_ops = { .fired = limit_fired };

bool runner_init(void)
{
	runners = pool_alloc_object(cpu_count * sizeof(*runners));
	if (runners == NULL) {
		return false;
	}
	for (unsigned i = 0; i < cpu_count; i++) {
		struct runner *r = &runners[i];

		*r = (struct runner){ .job.ops = &job_ops, .work.ops = &work_ops };
		sched_share_init(&r->share, WEIGHT, 0);
		timer_init(&r->limit, &limit_ops);
		timer_init(&r->rest, &rest_ops);
	}
	return true;
}

void runner_wake(struct cpu *cpu, const struct ffa_endpoint *sp)
{
	atomic_or(&runners[cpu->index].woken, BIT(sp->id - FFA_ID_SP_FIRST));
	cpu_post(cpu, &runners[cpu->index].work);
}

struct cpu_share *runner_share(const struct cpu *cpu)
{
	return &runners[cpu->index].share;
}
