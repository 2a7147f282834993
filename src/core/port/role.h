/* SPDX-License-Identifier: MIT */
/* What the core asks of the image it is linked into. Each role implements all of it once. */
#ifndef CORE_PORT_ROLE_H
#define CORE_PORT_ROLE_H

#include "core/vcpu/cpu.h"
#include "core/vcpu/trap.h"

/*
 * An SMCCC call by HVC or SMC with immediate 0: function id in v->regs.x[0], arguments after it, results go back there
 * (x0..x3; the others stay). The PC has been moved already where the architecture leaves that to us. Returns
 * TRAP_RESUME or TRAP_LEAVE.
 */
enum trap_result role_call(struct vcpu *v);

/* The vCPU executed WFI (true) or WFE and they are trapped because it shares its CPU; the PC is past it. */
enum trap_result role_wait(struct vcpu *v, bool wfi);

/*
 * The vCPU becomes READY from state 'from', or is READY no more: it comes into the queue of its CPU, or out of it.
 * Called by vcpu_state_set() only. Own CPU.
 */
void role_ready(struct vcpu *v, uint32_t from);
void role_unready(struct vcpu *v);

/*
 * The vCPU that this CPU should run now: READY, or the current one if it is still RUNNING and its turn goes on (then it
 * is made READY first, so that every turn begins at READY). NULL: nothing to do. Own CPU.
 */
struct vcpu *role_next(struct cpu *cpu);

/* VCPU_REQ_ANSWER, for a vCPU that waits in a call (v->in_call): true if it can go on with an answer. Own CPU. */
bool role_has_answer(const struct vcpu *v);
/* A vCPU that waits in a call becomes READY, whatever for: its registers get what it goes on with. Own CPU. */
void role_answer(struct vcpu *v);

/* VCPU_REQ_START: set the vCPU up from v->start and make it READY. Own CPU. */
void role_start(struct vcpu *v);
/* VCPU_REQ_STOP was served: the vCPU is STOPPED and its state is in memory. Own CPU. */
void role_stopped(struct vcpu *v);
/* VCPU_REQ_PAUSE was served: the vCPU is PAUSED, or was OFF or STOPPED and is still. Own CPU. */
void role_paused(struct vcpu *v);
/* VCPU_REQ_DUMP: print the vCPU's registers for a person. Own CPU. */
void role_dump(struct vcpu *v);
/* Somebody kicked this CPU: work of the role's own. */
void role_serve(struct cpu *cpu);
/* A physical interrupt that was enabled here, other than those of core/vcpu. Deactivated afterwards by the caller. */
void role_irq(uint32_t intid);

/* The machine is up: make what is to run. Once, on the boot CPU; the others may be in role_run() already. */
void role_main(struct cpu *cpu);
/* Runs the CPU for good: on each, when it is set up; on the boot CPU after role_main(). */
noreturn void role_run(struct cpu *cpu);

/* For a panic's report: the vCPU whose registers are in that CPU, or NULL, and whose it is. Early, and at any time. */
const struct vcpu *role_loaded(const struct cpu *cpu);
const char *role_guest_name(const struct vcpu *v);

/* A guest did what nothing can answer (an unrecoverable exit): the VM is stopped, with a message. */
enum trap_result role_crash(struct vcpu *v, const char *why);

#endif
