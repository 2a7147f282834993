/* SPDX-License-Identifier: MIT */
/*
 * The EL1 physical timer (CNTP_*_EL0) of a vCPU, emulated: the hardware's own is EL2's to give to nobody, and guests
 * hardly use it. It compares with the raw physical counter, which guests read untrapped (CNTHCTL_EL2.EL1PCTEN), so
 * CNTPCT_EL0 and CNTP_CVAL_EL0 agree; only the virtual counter has an offset. Its interrupt is PPI 30, a level.
 * All functions run on the vCPU's own CPU; the vCPU need not be loaded, and the timer fires whether it is or not.
 */
#ifndef CORE_VCPU_PTIMER_H
#define CORE_VCPU_PTIMER_H

#include "lib/base.h"

struct vcpu;

#define PTIMER_INTID 30

/* Prepares the fields; before the vCPU has a CPU. */
void ptimer_init(struct vcpu *v);
/* Disabled, as after reset. */
void ptimer_reset(struct vcpu *v);

uint64_t ptimer_read_ctl(const struct vcpu *v);
uint64_t ptimer_read_cval(const struct vcpu *v);
uint64_t ptimer_read_tval(const struct vcpu *v);
void ptimer_write_ctl(struct vcpu *v, uint64_t value);
void ptimer_write_cval(struct vcpu *v, uint64_t value);
void ptimer_write_tval(struct vcpu *v, uint64_t value);

#endif
