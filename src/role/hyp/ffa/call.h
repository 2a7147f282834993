/* SPDX-License-Identifier: MIT */
/* FF-A's calls of VMs, as a table (docs/abi-map.md). */
#ifndef ROLE_HYP_FFA_CALL_H
#define ROLE_HYP_FFA_CALL_H

#include "abi/ffa.h"
#include "abi/smccc.h"
#include "core/vcpu/trap.h"

/* True if the function id in w0 is among FF-A's, with or without the hint about SVE. */
static inline bool ffa_owns(uint32_t id)
{
	return (id & ~(FFA_64 | 1u << SMCCC_SVE_HINT_SHIFT)) - (FFA_ERROR & ~0xffu) - FFA_NUMBER_FIRST < FFA_NUMBERS;
}

/*
 * Answers such a call, in x0..x17. A VM that takes no part in FF-A hears what it would hear of a firmware without. Own
 * CPU, v RUNNING.
 */
enum trap_result ffa_call(struct vcpu *v);

#endif
