/* SPDX-License-Identifier: MIT */
/*
 * Synchronous exceptions into a guest's EL1, as its CPU would have taken them. The vCPU is loaded on the calling CPU,
 * its pc and pstate are those of the instruction that gets the exception. The pending trap is thereby answered: the
 * caller returns TRAP_RESUME and does not skip.
 */
#ifndef CORE_VCPU_INJECT_H
#define CORE_VCPU_INJECT_H

#include "core/vcpu/vcpu.h"

/* AArch64.TakeException to EL1 with this ESR_EL1. FAR_EL1 stays. */
void inject_exception(struct vcpu *v, uint64_t esr);

/* The instruction is UNDEFINED. */
void inject_undefined(struct vcpu *v);

/*
 * A synchronous external abort in the place of the stage-2 abort that ESR_EL2 = 'esr' (EC 0x20 or 0x24) reported at
 * virtual address 'far': nothing answers there.
 */
void inject_abort(struct vcpu *v, uint64_t esr, uint64_t far);

#endif
