/* SPDX-License-Identifier: MIT */
/* Into the guest and back. */
#ifndef ARCH_VCPU_ENTER_H
#define ARCH_VCPU_ENTER_H

#include "arch/el1.h"

struct vcpu;

/* With and without FEAT_PAuth; use vcpu_enter(). */
void vcpu_enter_pauth(struct vcpu *v);
void vcpu_enter_plain(struct vcpu *v);

/*
 * Runs the loaded vCPU until an exit that the quick handlers leave to the caller; v->exit says what is left. Interrupts
 * are masked at EL2 before and after.
 */
static inline void vcpu_enter(struct vcpu *v)
{
	if (likely(el2_pauth)) {
		vcpu_enter_pauth(v);
	} else {
		vcpu_enter_plain(v);
	}
}

/*
 * The other direction: vectors.S calls trap_handle() (core/vcpu/trap.h) or these, on EL2's stack, with only x0..x18,
 * x29 and x30 saved in v->regs. core/vcpu/run.c implements them.
 */
/* A physical interrupt. 0: answered, the guest may go on. */
uint32_t vcpu_quick_irq(struct vcpu *v);
uint32_t vcpu_quick_serror(struct vcpu *v);
/*
 * The exit was answered with 'result' (enum trap_result), but not with TRAP_RESUME, or something asks for this CPU.
 * True if the guest goes on after all; else v->exit says what vcpu_enter's caller has to do.
 */
bool vcpu_quick_end(struct vcpu *v, uint32_t result);

/* Waits for an interrupt with interrupts masked: returns when one is pending. */
void arch_wait_for_interrupt(void);
/* Forgets this CPU's stage-1 translations of the VMID that is loaded: another vCPU of the same VM ran here. */
void arch_flush_local_guest(void);

#endif
