/* SPDX-License-Identifier: MIT */
/*
 * Physical interrupts that come while an SP runs or that the SPMD hands over, and the virtual ones that partitions see.
 * sp_interrupt_set() and sp_interrupt_hcr() are in sp.h.
 */
#ifndef ROLE_SPMC_INTERRUPT_H
#define ROLE_SPMC_INTERRUPT_H

#include "lib/err.h"
#include "role/spmc/schedule.h"

/*
 * Makes the Secure interrupts of sp's manifest the SPMC's, disabled, and sp their owner: the shared ones, on the boot
 * CPU. ERR_EXISTS if another partition or the SPMC itself has one, ERR_RANGE if the GIC does not have it; then none is
 * claimed.
 */
enum err interrupts_claim(struct sp *sp);
/*
 * The private ones, on each CPU whenever it comes up; interrupts_claim() has been called. What the context that uses
 * this CPU had enabled is enabled again.
 */
void interrupts_claim_private(struct sp *sp, struct cpu *cpu);
/* The partition died: its interrupts are off, and nobody's. */
void interrupts_release(struct sp *sp);
/*
 * Of a context that is OFF or ABORTED: nothing pends, and enabled is what its manifest asks for (managed exit, NPI, an
 * S-EL0 partition's interrupts). The GIC holds nothing back for it. That its partition is to stop stays.
 */
void interrupts_reset(struct sp_vcpu *v);

/* The Secure interrupt that this CPU's GIC interface has pending, if any. Own CPU, as all below. */
void interrupt_secure(struct schedule *s);
/* A Non-secure or Group 0 interrupt is pending while 'v' runs. */
void interrupt_other(struct schedule *s, struct sp_vcpu *v);
/* FFA_INTERRUPT from the SPMD: a Secure interrupt came while the normal world ran. */
void interrupt_from_spmd(struct schedule *s, struct sp_vcpu *from, uint64_t *x);

/* Runs the next context for which an interrupt of this CPU pends, if that may be now. True if one is current now. */
bool interrupt_wake(struct schedule *s);
/* An interrupt pends for a context that waits: this CPU runs it as soon as it may. */
void interrupt_queue_wake(struct schedule *s, struct sp_vcpu *v);
/* An interrupt pends for a context that waits, and the normal world shall run it by FFA_RUN. */
void interrupt_wakeup(struct sp_vcpu *v, bool delayed);
/* Puts FFA_INTERRUPT into the registers of a context that is about to run. */
void interrupt_tell(struct sp_vcpu *v);
/* The Schedule Receiver Interrupt; if 'delayed' as soon as this CPU goes back to the normal world. */
void interrupt_sri(bool delayed);
void interrupt_clear(struct sp_vcpu *v, unsigned intid);
/*
 * The context has handled v->handling, which it fetched: the GIC may bring it again. It says so by
 * HF_INTERRUPT_DEACTIVATE, by asking for the next, or by giving the CPU back; a level that its device still held when
 * it fetched the interrupt does not come twice.
 */
void interrupt_done(struct sp_vcpu *v);

/* HF_INTERRUPT_*: true if x[0] is one of them, and it has been answered in x[0]. */
bool interrupt_hypercall(struct schedule *s, struct sp_vcpu *v, uint64_t *x);

#endif
