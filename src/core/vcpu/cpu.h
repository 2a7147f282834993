/* SPDX-License-Identifier: MIT */
/* A physical CPU: what runs on it and what others want of it. TPIDR_EL2 points to it. */
#ifndef CORE_VCPU_CPU_H
#define CORE_VCPU_CPU_H

#include "arch/sysreg.h"
#include "core/vcpu/timer.h"
#include "lib/addr.h"
#include "lib/heap.h"
#include "lib/list.h"

struct vcpu;

#define CPU_MAX 64
#define CPU_STACK_SIZE KIB(16)

/* EL2's registers when EL2 itself took an exception; vectors.S writes it. */
struct crash_regs {
	uint64_t x[31];
	uint64_t sp;
	uint64_t elr, spsr;
	uint64_t esr, far;
};

/* What a CPU's time goes to. */
enum cpu_time {
	CPU_TIME_GUEST, /* with the quick exits, which are counted but not timed */
	CPU_TIME_HYP,
	CPU_TIME_IDLE,
	CPU_TIME_COUNT,
};

/* What a CPU is asked to look at. */
enum {
	CPU_ATTENTION_ROLE = 1 << 0, /* work of the role's (role_serve) */
	CPU_ATTENTION_WORK = 1 << 1, /* something was posted (cpu_post) */
	CPU_ATTENTION_VCPU = 1 << 2, /* requests of a vCPU of group 0; the bits above are those of the others */
};
#define CPU_VCPU_GROUPS 30 /* a CPU with more vCPUs looks at several for a request of one */

/* Something for a CPU to do in its loop, in an object that stays until it is done. */
struct work;
struct work_ops {
	void (*run)(struct work *work); /* no lock is held; it may be posted again from here */
};
struct work {
	const struct work_ops *ops;
	struct work *next;
	uint32_t posted; /* atomic */
};

struct cpu {
	struct vcpu *current;  /* the vCPU whose state is loaded, or NULL; its CPU only */
	uint32_t attention;    /* atomic; CPU_ATTENTION_*: non-zero keeps the guest from running on */
	uint32_t online;       /* atomic */
	struct work *work;     /* atomic; what was posted, the newest first */
	struct vcpu *fp_owner; /* whose FP/SIMD registers are in the CPU, or NULL */
	uint64_t apia[2];      /* EL2's pointer authentication key on this CPU */
	uint64_t stack_top;    /* a guard page lies below the stack */

	unsigned index; /* as in host.cpu_mpidr; 0 is the one that booted */
	uint64_t mpidr; /* affinity fields only */
	uint64_t sgi_target; /* names it in ICC_SGI1R_EL1 */

	struct list vcpus[CPU_VCPU_GROUPS]; /* those that belong here, by cpu_node, dealt out in turn */
	unsigned vcpu_count; /* one alone runs untrapped */
	struct timer_queue timers;

	/* The role's scheduler: */
	struct heap woken;      /* struct cpu_share, by virtual time: those who woke up */
	struct heap ready;      /* the others who want the CPU and have not got it */
	struct cpu_share *turn;  /* who is charged for the time since 'turn_since', or NULL */
	uint64_t turn_since;
	uint64_t switch_ticks;  /* what it took to load a vCPU the last time */
	uint64_t virtual_time;  /* the mean of the shares that want the CPU, by weight */
	uint64_t rest;          /* what is not yet a whole tick of that, in parts of 'weight' */
	uint64_t weight;        /* the sum of theirs */
	struct timer slice;     /* when the scheduler must look again */

	uint64_t deadline;  /* what EL2's timer is programmed with; UINT64_MAX: off */
	bool timer_due;     /* it fired; the loop runs the queue */
	bool reschedule;    /* the loop shall ask the role who is next */

	enum cpu_time time_kind;
	uint64_t time_since;
	uint64_t time[CPU_TIME_COUNT]; /* counter ticks */

	bool crashing;
	struct crash_regs crash;
};

/* A CPU's memory: the guard page is unmapped, the emergency stack fills the last page down to struct cpu. */
struct cpu_area {
	_Alignas(PAGE_SIZE) uint8_t guard[PAGE_SIZE];
	uint8_t stack[CPU_STACK_SIZE];
	_Alignas(PAGE_SIZE) struct cpu cpu;
};

static inline struct cpu *this_cpu(void) { return (struct cpu *)(uintptr_t)read_tpidr_el2(); }

/* All CPUs, by index; complete before any guest runs. */
extern struct cpu *cpus[CPU_MAX];
extern unsigned cpu_count;

/* Prepares the structure (zeroed) of CPU 'index'. */
void cpu_init(struct cpu *cpu, unsigned index, uint64_t mpidr);

/* Makes 'cpu' look soon: the word first (release), then, if it is not the caller, an SGI. Any CPU. */
void cpu_kick(struct cpu *cpu, uint32_t attention);

/* 'cpu' runs the work soon, once, however often it is posted before. Any CPU; what was written before is seen. */
void cpu_post(struct cpu *cpu, struct work *work);
/* Runs all that was posted to this CPU. */
void cpu_run_work(struct cpu *cpu);

/* Time spent since the last call goes to the kind of then; from now on it is 'kind'. */
void cpu_account(struct cpu *cpu, enum cpu_time kind);

/* Physical counter now. */
uint64_t cpu_now(void);

/* (Re)programs EL2's timer for the earliest deadline of the CPU's queue, if it changed. Own CPU. */
void cpu_program_timer(struct cpu *cpu);
/* Its interrupt came: it is off, and 'timer_due' asks the loop to fire what is due and to program it again. Own CPU. */
void cpu_timer_fired(struct cpu *cpu);
/* It is off until it is programmed again, whatever is in the queue. Own CPU. */
void cpu_timer_off(struct cpu *cpu);

#endif
