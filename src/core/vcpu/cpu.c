/* SPDX-License-Identifier: MIT */
#include "core/vcpu/cpu.h"

#include "arch/atomic.h"
#include "arch/gic_cpu.h"
#include "arch/world.h"

struct cpu *cpus[CPU_MAX];
unsigned cpu_count;

/* The loop asks the role who is next whenever it has fired timers. */
static void slice_fired(struct timer *timer unused_arg)
{
}

static const struct timer_ops slice_ops = { .fired = slice_fired };

void cpu_init(struct cpu *cpu, unsigned index, uint64_t mpidr)
{
	cpu->index = index;
	cpu->mpidr = mpidr;
	cpu->sgi_target = gic_sgi_target(mpidr);
	cpu->stack_top = (uint64_t)(uintptr_t)cpu;
	cpu->deadline = UINT64_MAX;
	cpu->time_kind = CPU_TIME_HYP;
	for (unsigned i = 0; i < CPU_VCPU_GROUPS; i++) {
		list_init(&cpu->vcpus[i]);
	}
	timer_queue_init(&cpu->timers);
	timer_init(&cpu->slice, &slice_ops);
}

void cpu_kick(struct cpu *cpu, uint32_t attention)
{
	/* Who finds the word set already knows that the one who set it sent the SGI. */
	if (atomic_or(&cpu->attention, attention) == 0 && cpu != this_cpu()) {
		gic_send_sgi(cpu->sgi_target, world_sgi_kick);
	}
}

void cpu_post(struct cpu *cpu, struct work *work)
{
	struct work *first;

	if (atomic_swap(&work->posted, 1) != 0) {
		return;
	}
	first = atomic_load(&cpu->work);
	do {
		work->next = first;
	} while (!atomic_cas(&cpu->work, &first, work));
	cpu_kick(cpu, CPU_ATTENTION_WORK);
}

void cpu_run_work(struct cpu *cpu)
{
	struct work *work = atomic_swap(&cpu->work, (struct work *)NULL);

	while (work != NULL) {
		struct work *next = work->next;

		/* From here on it can be posted again; acquire pairs with the swap in cpu_post(). */
		atomic_swap(&work->posted, 0);
		work->ops->run(work);
		work = next;
	}
}

uint64_t cpu_now(void)
{
	/* The counter may be read early otherwise, before what the caller measures or waits for. */
	isb();
	return read_cntpct_el0();
}

void cpu_account(struct cpu *cpu, enum cpu_time kind)
{
	uint64_t now = read_cntpct_el0();

	cpu->time[cpu->time_kind] += now - cpu->time_since;
	cpu->time_since = now;
	cpu->time_kind = kind;
}

void cpu_program_timer(struct cpu *cpu)
{
	uint64_t next = timer_next(&cpu->timers);

	if (next == cpu->deadline) {
		return;
	}
	cpu->deadline = next;
	world_timer_set(next);
}

void cpu_timer_fired(struct cpu *cpu)
{
	cpu_timer_off(cpu);
	cpu->timer_due = true;
}

void cpu_timer_off(struct cpu *cpu)
{
	cpu->deadline = UINT64_MAX;
	world_timer_set(UINT64_MAX);
}
