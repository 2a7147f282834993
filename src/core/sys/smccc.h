/* SPDX-License-Identifier: MIT */
/*
 * The SMC calls that every image answers alike: Arm architecture (DEN0028), vendor-specific hypervisor, and TRNG
 * (DEN0098). A role asks its own ranges first.
 */
#ifndef CORE_SYS_SMCCC_H
#define CORE_SYS_SMCCC_H

#include "core/vcpu/trap.h"

/*
 * Answers the call in v->regs.x[0] with arguments behind it: x0..x3 may change, the others stay. An unknown function
 * id gets SMCCC_NOT_SUPPORTED, sign-extended to 64 bits as all negative results are. Always TRAP_RESUME. Own CPU.
 */
enum trap_result smccc_call(struct vcpu *v);

/* Puts a result into x0. */
static inline enum trap_result smccc_answer(struct vcpu *v, int64_t result)
{
	v->regs.x[0] = (uint64_t)result;
	return TRAP_RESUME;
}

#endif
