/* SPDX-License-Identifier: MIT */
/* CPUs: the boot CPU and those that PSCI starts, each with a stack and a mailbox for one task at a time. */
#ifndef PAYLOAD_LIB_CPU_H
#define PAYLOAD_LIB_CPU_H

#include "payload/lib/arch.h"
#include "payload/lib/mmu.h"

#define CPU_MAX 8

/* What a synchronous exception left behind; 'taken' is false if none came. */
struct fault {
	bool taken;
	uint64_t esr;
	uint64_t far;
	uint64_t elr;
};

struct cpu {
	/* read by start.S with the MMU off */
	uint64_t stack;
	struct mmu_regs mmu;

	uint32_t index;
	uint64_t affinity; /* MPIDR_EL1 affinity fields, as PSCI wants them */
	uint64_t gicr;     /* this CPU's redistributor, RD_base */
	bool expecting;    /* see fault_expect() */
	struct fault fault;

	bool online;
	void (*task)(uint64_t arg);
	uint64_t arg;
	uint32_t posted; /* tasks given and tasks finished: equal when idle */
	uint32_t done;
};

extern struct cpu cpus[CPU_MAX];
extern uint32_t cpu_count; /* CPUs in the device tree, at most CPU_MAX */

static inline struct cpu *this_cpu(void)
{
	struct cpu *cpu;

	__asm__ volatile("mrs %0, tpidr_el1" : "=r"(cpu));
	return cpu;
}

/* Entry of a started CPU, for CPU_ON: its context id is &cpus[n]. */
void cpu_entry(void);

/* Starts CPU n and waits until it is idle with its redistributor awake. Returns false if that takes over a second. */
bool cpu_start(uint32_t n);
/* Starts all; returns how many CPUs are online. */
uint32_t cpu_start_all(void);
/* Makes CPU n's start data visible to a CPU that comes up with its caches off; cpu_start() does it itself. */
void cpu_prepare(uint32_t n);

/*
 * Has an idle CPU n run a task, with interrupts on. cpu_wait() waits until it is done: false after 'ms'
 * milliseconds.
 */
void cpu_post(uint32_t n, void (*task)(uint64_t arg), uint64_t arg);
bool cpu_wait(uint32_t n, uint32_t ms);
/* Post and wait up to ten seconds. */
bool cpu_run(uint32_t n, void (*task)(uint64_t arg), uint64_t arg);
/* CPU n turns itself off by PSCI; true when AFFINITY_INFO says so. */
bool cpu_stop(uint32_t n);

/* Runs 'task' with argument arg on CPUs 0 .. n-1 at once and waits for all, ten seconds at most. Called on CPU 0. */
bool cpu_run_all(uint32_t n, void (*task)(uint64_t arg), uint64_t arg);

/* All of n CPUs meet; false if they do not within ten seconds. Reusable; zero-initialised. */
struct barrier {
	uint32_t arrived;
	uint32_t generation;
};
bool barrier_wait(struct barrier *barrier, uint32_t n);

#endif
