/* SPDX-License-Identifier: MIT */
#include "payload/lib/cpu.h"

#include "payload/lib/cpu_offsets.h"
#include "payload/lib/exception.h"
#include "payload/lib/gic.h"
#include "payload/lib/psci.h"
#include "payload/lib/timer.h"

#define STACK_SIZE 16384
#define CPACR_FPEN (UINT64_C(3) << 20)

_Static_assert(offsetof(struct cpu, stack) == CPU_STACK, "start.S");
_Static_assert(offsetof(struct cpu, mmu.ttbr0) == CPU_TTBR0, "start.S");
_Static_assert(offsetof(struct cpu, mmu.tcr) == CPU_TCR, "start.S");
_Static_assert(offsetof(struct cpu, mmu.mair) == CPU_MAIR, "start.S");
_Static_assert(offsetof(struct cpu, mmu.sctlr) == CPU_SCTLR, "start.S");

struct cpu cpus[CPU_MAX] __attribute__((aligned(64)));
uint32_t cpu_count = 1;

static char stacks[CPU_MAX][STACK_SIZE] __attribute__((aligned(64)));

noreturn void cpu_main(struct cpu *cpu);

static void cpu_off(uint64_t arg)
{
	(void)arg;
	irq_off();
	atomic_store(&this_cpu()->online, false);
	psci_call(PSCI_CPU_OFF, 0, 0, 0);
}

/* A started CPU: its MMU is on, its stack is its own. */
noreturn void cpu_main(struct cpu *cpu)
{
	write_sysreg(tpidr_el1, (uint64_t)cpu);
	write_sysreg(cpacr_el1, CPACR_FPEN);
	exception_init_cpu();
	gic_init_cpu();
	irq_on();
	atomic_store(&cpu->online, true);
	sev();
	for (;;) {
		while (atomic_load(&cpu->posted) == cpu->done) {
			wfe();
		}
		cpu->task(cpu->arg);
		atomic_store(&cpu->done, cpu->done + 1);
		sev();
	}
}

void cpu_prepare(uint32_t n)
{
	struct cpu *cpu = &cpus[n];

	cpu->stack = (uint64_t)stacks[n] + STACK_SIZE;
	cpu->posted = 0;
	cpu->done = 0;
	cache_clean(cpu, sizeof(*cpu));
}

bool cpu_start(uint32_t n)
{
	struct cpu *cpu = &cpus[n];

	cpu_prepare(n);
	if (psci_call(PSCI_CPU_ON_64, cpu->affinity, (uint64_t)cpu_entry, (uint64_t)cpu) != PSCI_SUCCESS) {
		return false;
	}
	return WAIT_UNTIL(atomic_load(&cpu->online), 5000);
}

uint32_t cpu_start_all(void)
{
	uint32_t online = 1;

	for (uint32_t i = 1; i < cpu_count; i++) {
		online += cpus[i].online || cpu_start(i);
	}
	return online;
}

void cpu_post(uint32_t n, void (*task)(uint64_t arg), uint64_t arg)
{
	cpus[n].task = task;
	cpus[n].arg = arg;
	atomic_add(&cpus[n].posted, 1);
	sev();
}

bool cpu_wait(uint32_t n, uint32_t ms)
{
	return WAIT_UNTIL(atomic_load(&cpus[n].done) == cpus[n].posted, ms);
}

bool cpu_run(uint32_t n, void (*task)(uint64_t arg), uint64_t arg)
{
	cpu_post(n, task, arg);
	return cpu_wait(n, 10000);
}

bool cpu_stop(uint32_t n)
{
	cpu_post(n, cpu_off, 0);
	return WAIT_UNTIL(psci_call(PSCI_AFFINITY_INFO_64, cpus[n].affinity, 0, 0) == PSCI_AFFINITY_OFF, 5000);
}

bool cpu_run_all(uint32_t n, void (*task)(uint64_t arg), uint64_t arg)
{
	bool all = true;

	for (uint32_t i = 1; i < n; i++) {
		cpu_post(i, task, arg);
	}
	task(arg);
	for (uint32_t i = 1; i < n; i++) {
		all = cpu_wait(i, 10000) && all;
	}
	return all;
}

bool barrier_wait(struct barrier *barrier, uint32_t n)
{
	uint32_t generation = atomic_load(&barrier->generation);

	if (atomic_add(&barrier->arrived, 1) == n) {
		atomic_store(&barrier->arrived, 0);
		atomic_add(&barrier->generation, 1);
		return true;
	}
	return WAIT_UNTIL(atomic_load(&barrier->generation) != generation, 10000);
}
