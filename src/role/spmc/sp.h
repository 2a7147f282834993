/* SPDX-License-Identifier: MIT */
/*
 * A secure partition, its execution contexts (vCPUs), and how one comes onto a physical CPU and off it.
 *
 * The normal world runs on a CPU until an SMC or a Secure interrupt brings us here (loop.c). schedule.c then decides
 * what runs: cpu state 'current' is a vCPU of an SP, or NULL when the next thing to do is to answer the normal world.
 * context.c moves register state; it alone touches the hardware.
 */
#ifndef ROLE_SPMC_SP_H
#define ROLE_SPMC_SP_H

#include "arch/atomic.h"
#include "core/vcpu/cpu.h"
#include "core/vcpu/timer.h"
#include "core/vcpu/vcpu.h"
#include "ffa/endpoint.h"
#include "lib/log.h"
#include "role/spmc/manifest.h"

#define SP_INTID_COUNT 1024 /* virtual interrupt ids of an SP; physical ones keep their number */

/*
 * FF-A 1.2, 4.10, with two of its states split in two (docs/spmc-scheduling.md has the edges). schedule.c and life.c
 * own every change. A context at rest, that is in WAITING, YIELDED, PREEMPTED or SUSPENDED, belongs to whoever wins it
 * by compare-and-swap; in any other but OFF and ABORTED it belongs to the CPU that it is on, where somebody it waits
 * for runs.
 */
enum sp_state {
	SP_OFF, /* not started on its CPU yet */
	SP_WAITING, /* for a request, an interrupt or cycles */
	SP_RUNNING,
	SP_BLOCKED, /* called another context and waits for it */
	SP_YIELDED, /* FFA_YIELD: "blocked" to the specification, until FFA_RUN */
	SP_PREEMPTED, /* by a Non-secure interrupt, until FFA_RUN */
	SP_SUSPENDED, /* its chain, for an interrupt of one below it: until that one's FFA_RUN (schedule_recall()) */
	SP_INTERRUPTED, /* "preempted" too, by a Secure interrupt: this CPU resumes it when that has been served */
	SP_ABORTED,
};

/* What a context may do now (FF-A 1.2, 8.2: partition runtime models); runtime.h has the table. */
enum sp_model {
	SP_MODEL_NONE,
	SP_MODEL_INIT,
	SP_MODEL_DIRECT, /* answers a direct request */
	SP_MODEL_RUN, /* got cycles by FFA_RUN */
	SP_MODEL_INTERRUPT, /* handles a Secure interrupt */
	SP_MODEL_POWER, /* answers a power management message of ours */
	SP_MODEL_COUNT,
};

/* Which physical interrupts are kept from a CPU while a context runs: more along a call chain, never less. */
enum sp_mask {
	SP_MASK_NONE, /* the normal world's own priority mask */
	SP_MASK_NS,
	SP_MASK_ALL, /* but the SPMC's own */
};

/* Virtual interrupts of a vCPU: what HF_INTERRUPT_GET gives. Their sum is in 'signals' of the vCPU. */
struct sp_interrupts {
	struct spinlock lock; /* innermost: other CPUs make interrupts pending */
	uint32_t enabled[SP_INTID_COUNT / 32];
	uint32_t pending[SP_INTID_COUNT / 32];
	uint32_t fiq[SP_INTID_COUNT / 32]; /* type: FIQ instead of IRQ */
	uint32_t active[SP_INTID_COUNT / 32]; /* physical ones that the GIC holds back until they have been handled */
	uint32_t irq_count, fiq_count; /* enabled and pending ones */
	uint32_t arrivals; /* atomic; counts interrupts that became enabled and pending */
};

/* struct sp_vcpu.signals */
#define SP_SIGNAL_ABORT UINT64_C(1)
#define SP_SIGNAL_EL0 UINT64_C(2) /* an S-EL0 partition's interrupt, which it is told of when it waits */
#define SP_SIGNAL_FIQ UINT64_C(0x40) /* HCR_EL2.VF */
#define SP_SIGNAL_IRQ UINT64_C(0x80) /* HCR_EL2.VI */

struct sp_vcpu {
	struct vcpu cpu; /* first: registers, for vectors.S. cpu.cpu: where it is, or ran last */
	struct sp *sp;
	uint32_t state; /* enum sp_state; atomic */
	uint32_t model; /* enum sp_model; the following are its CPU's, see enum sp_state */
	uint32_t request; /* function id of the direct request that it serves; 0: none */
	uint16_t requester; /* whose request that is */
	uint8_t framework; /* id of the framework message that must answer it; 0: it is no framework message */
	uint8_t mask; /* enum sp_mask */
	bool spmc_scheduled; /* in a chain that an interrupt or the framework started: no NS interrupt preempts it */
	/*
	 * Who goes on when this one gives the CPU back: BLOCKED, to get an answer, or INTERRUPTED, to go on where it
	 * was. NULL: the normal world. Of a YIELDED, PREEMPTED or SUSPENDED context: who may run it again, until his
	 * run ends; then it is the normal world.
	 */
	struct sp_vcpu *caller;
	struct sp_vcpu *callee; /* of a BLOCKED or SUSPENDED one: whom it called; NULL: the end of a suspended chain */
	uint64_t signals; /* atomic; SP_SIGNAL_*. Non-zero keeps the context from going to rest */
	uint16_t handling; /* the interrupt that it fetched last, until it is done with it; 0: none */
	uint32_t told; /* 'arrivals' when it was last told of an interrupt */
	uint32_t wakeup; /* atomic; something pends while it waits, and the normal world has not been told */
	struct sp_vcpu *wake_next; /* in its CPU's list of those to be run for an interrupt (interrupt.c) */
	uint32_t wake_queued; /* atomic */
	bool watchdog_bit; /* it ran for too long */
	struct timer watchdog;
	uint64_t watchdog_left; /* ticks, while the watchdog is stopped */
	uint64_t watchdog_unasked; /* ticks left for runs that nobody asked for, in this turn */
	uint64_t watchdog_turn; /* schedule_turn() */
	struct sp_interrupts interrupts;
	uint64_t entry; /* where it starts: the image's entry, or FFA_SECONDARY_EP_REGISTER's */
	uint64_t hcr; /* HCR_EL2 while it runs, but for its virtual interrupts; sp_vcpu_reset() sets it */
	const char *reason; /* of SP_EXIT_ABORT */
	struct cpu *timer_cpu; /* in whose queue cpu.ptimer is, if it runs (sp_timer.c) */
};

struct sp {
	struct ffa_endpoint endpoint; /* first */
	struct ffa_space space;
	struct sp_manifest manifest; /* as read; immutable */
	const struct spmc_sp *grant; /* what the SPMC manifest says of it; immutable */
	pa_t base; /* the package as loaded, and the memory behind it */
	uint64_t size;
	struct sp_vcpu **vcpus; /* endpoint.vcpu_count of them: one (UP, migrates) or one for each CPU (MP, pinned) */
	uint8_t mask; /* enum sp_mask that its manifest asks for; life.c sets it, and the next */
	uint64_t watchdog_ticks; /* how long a context may keep the CPU; 0: for ever */
	uint32_t stopped; /* atomic; contexts that are ABORTED: the last one's CPU cleans up (life.c) */
	bool prepared; /* life.c has looked at it */
	bool restarting; /* its first context initializes it anew: the others are ABORTED until then (life.c) */
	bool died_starting; /* it is not restarted then, or that would go on for ever */
	uint64_t restart_turn; /* schedule_turn() of its last restart: not twice in one */
	struct log_limit log;
	struct list boot_node; /* in boot order */
};

static inline struct sp *sp_of(struct ffa_endpoint *e) { return container_of(e, struct sp, endpoint); }
static inline struct sp_vcpu *sp_vcpu_of(struct vcpu *v) { return container_of(v, struct sp_vcpu, cpu); }

/* ---- context.c: register state ---- */

/* Once, before the first SP is made: what SPs are shown, memory for the normal world's registers. ERR_NO_MEMORY. */
enum err sp_contexts_init(void);
/* On each CPU, when it comes up or comes again: what SPs may do. The registers are the normal world's. */
void sp_cpu_init(struct cpu *cpu);
/* The CPU goes off: all that it holds of SPs is in memory, and the normal world's is as it was. Own CPU. */
void sp_cpu_put(struct cpu *cpu);

/* Why sp_enter came back. */
enum sp_exit {
	SP_EXIT_CALL, /* HVC, SMC or an S-EL0 partition's SVC; x0..x17 in cpu.regs.x, the PC is past it */
	SP_EXIT_IRQ, /* a Secure Group 1 interrupt is pending at the CPU interface */
	SP_EXIT_FIQ, /* a Non-secure or Group 0 interrupt is pending */
	SP_EXIT_WAIT, /* WFI or WFE; the PC is past it */
	SP_EXIT_ABORT, /* it did what nothing can answer; sp_exit_reason() says what */
};

/* How a call came: what is not FF-A is answered differently (FFA-FACTS 1.1). */
enum sp_conduit {
	SP_CONDUIT_SMC,
	SP_CONDUIT_HVC,
	SP_CONDUIT_SVC,
};

/*
 * Runs the vCPU on this CPU until something is to be done. Loads its state first if another's is there: the normal
 * world's EL1 state, FP/SIMD/SVE on first use, or another vCPU's is saved. All that an exit can be answered with alone
 * (ID registers, the emulated timer, FP traps) does not come out.
 */
enum sp_exit sp_enter(struct sp_vcpu *v);
enum sp_conduit sp_exit_conduit(const struct sp_vcpu *v);
const char *sp_exit_reason(const struct sp_vcpu *v);
/* Before the CPU goes back to the normal world: its EL1 and FP state is as it left it. Nothing of an SP remains. */
void sp_leave(struct cpu *cpu);
/*
 * Registers as at power-up, at 'entry'; x0 and the others are the caller's business, and EL1's of an S-EL0 partition.
 * The vCPU runs nowhere, and no other CPU but this one still holds anything of it (sp_vcpu_put).
 */
void sp_vcpu_reset(struct sp_vcpu *v, uint64_t entry);
/* v's state in memory is current, so that another CPU can run it (a UP partition migrates). On the CPU that ran it. */
void sp_vcpu_put(struct sp_vcpu *v);

/* ---- sp_timer.c: struct cpu.timers, which other CPUs take timers out of when a UP context moves ---- */

/* As timer_start() and timer_stop(), and EL2's timer is programmed. Own CPU's queue. */
void sp_timer_start(struct cpu *cpu, struct timer *timer, uint64_t deadline);
void sp_timer_stop(struct cpu *cpu, struct timer *timer);
/*
 * EL2's timer fired: calls 'fired' of all that are due, under the queues' lock, so that these may make virtual
 * interrupts pending and note things, but not start or stop timers. Programs EL2's timer for the next. Own CPU.
 */
void sp_timers_run(struct cpu *cpu);
/* EL2's timer was turned off with its CPU: it is programmed again for what is in the queue. Own CPU. */
void sp_timers_program(struct cpu *cpu);
/*
 * The CPU goes off: it is not online any more and EL2's timer is off. Timers of contexts that migrate go on at a CPU
 * that is online, those of pinned ones when this CPU is back, as do all if no other is online. Own CPU.
 */
void sp_timers_leave(struct cpu *cpu);

/* ---- interrupt.c: virtual and physical interrupts ---- */

/* Makes a virtual interrupt pending; from any CPU. False if it was already or the vCPU is aborted. */
bool sp_interrupt_set(struct sp_vcpu *v, unsigned intid);
/* HCR_EL2.VI and VF bits for the vCPU now. */
static inline uint64_t sp_interrupt_hcr(const struct sp_vcpu *v)
{
	return atomic_load(&v->signals) & (SP_SIGNAL_IRQ | SP_SIGNAL_FIQ);
}

/* ---- the partitions ---- */

extern struct sp **sps; /* by id - FFA_ID_SP_FIRST: SPMC_SPS_MAX of them, NULL: no such SP */
/* UP: its only context migrates to whoever calls it. */
static inline bool sp_is_up(const struct sp *sp) { return sp->endpoint.vcpu_count == 1; }
/* The context of 'sp' that a request on this CPU uses: its only one, or the one pinned here. */
static inline struct sp_vcpu *sp_local_vcpu(struct sp *sp, const struct cpu *cpu)
{
	return sp->vcpus[sp_is_up(sp) ? 0 : cpu->index];
}
/* The SP of that id, or NULL. Those that died are still there. */
static inline struct sp *sp_find(uint16_t id)
{
	unsigned index = (unsigned)id - FFA_ID_SP_FIRST;

	return index < SPMC_SPS_MAX ? sps[index] : NULL;
}

#endif
