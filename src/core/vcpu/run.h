/* SPDX-License-Identifier: MIT */
/*
 * The loop of a physical CPU, and how a vCPU comes onto it and off it.
 *
 *   serve requests -> fire due timers -> choose a vCPU (the role) -> load it -> enter -> handle the exit -> again
 */
#ifndef CORE_VCPU_RUN_H
#define CORE_VCPU_RUN_H

#include "core/vcpu/cpu.h"
#include "core/vcpu/vcpu.h"

/* Runs this CPU for good. */
noreturn void cpu_loop(struct cpu *cpu);

/* Fills a zeroed vCPU: OFF, and 'cpu' is its physical CPU. 'mpidr' has affinity fields only. */
void vcpu_init(struct vcpu *v, struct vm *vm, struct cpu *cpu, unsigned index, uint64_t mpidr);
/* Puts it on its CPU's list. That CPU must have no request yet: it walks the list for those only (see role_main). */
void vcpu_attach(struct vcpu *v);

/*
 * The one function that changes a vCPU's state and its place in the run queue. Own CPU. False, and nothing done, if
 * there is no such edge:
 *   OFF -> READY                     started
 *   READY -> RUNNING -> READY        its turn, and its end
 *   RUNNING -> WAITING -> READY      WFI, and an interrupt
 *   RUNNING -> OFF                   PSCI CPU_OFF
 *   READY, RUNNING, WAITING -> PAUSED -> READY   paused, and resumed: to wake from WFI early is harmless
 *   any -> STOPPED -> OFF            the VM stopped; it is being reset
 */
bool vcpu_state_set(struct vcpu *v, enum vcpu_state state);

/* FP/SIMD access trapped: its registers are brought in. Own CPU. */
void vcpu_fp_trap(struct vcpu *v);

/* Takes v's state off the hardware into memory if it is loaded here. Own CPU. */
void vcpu_put(struct vcpu *v);

/*
 * Around a call that lets somebody else have this CPU below us, who may turn the loaded vCPU's virtual timer off for as
 * long: EL2's own timer stands in for it. Own CPU.
 */
void vcpu_cover_vtimer(struct vcpu *v);
void vcpu_uncover_vtimer(struct vcpu *v);

/*
 * Takes the physical interrupts that are pending, for code that waits with them masked longer than an interrupt may
 * wait. What they ask for is done by the loop as ever. Own CPU.
 */
void cpu_serve_irqs(struct cpu *cpu);

/* Asks, of a vCPU in any state, whether it has something to wake for. Own CPU. */
bool vcpu_has_wakeup(struct vcpu *v);

#endif
