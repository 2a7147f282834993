/* SPDX-License-Identifier: MIT */
/*
 * PSCI 1.1 for guests (DEN0022). v->power is a vCPU's affinity state, one of PSCI_AFFINITY_*:
 *
 *   OFF         v is VCPU_OFF or about to be; nobody writes v->start
 *   ON_PENDING  one caller of CPU_ON has won: it alone writes v->start, then asks by VCPU_REQ_START
 *   ON          v->start has been taken; v runs or waits
 *
 * OFF -> ON_PENDING is a compare-and-swap by any CPU; the other two edges are made by v's own CPU.
 */
#ifndef ROLE_HYP_PSCI_H
#define ROLE_HYP_PSCI_H

#include "core/vcpu/trap.h"

/* True if the function id in w0 is in PSCI's range. */
static inline bool psci_owns(uint32_t function) { return (function & 0xbfffffe0u) == 0x84000000u; }

/* Answers a call in PSCI's range: the result is in x0, unless the call does not return. Own CPU, v RUNNING. */
enum trap_result psci_call(struct vcpu *v);

/* All vCPUs off. The VM does not run. */
void psci_reset(struct vm *vm);
/* CPU_ON: PSCI_SUCCESS, PSCI_ALREADY_ON or PSCI_ON_PENDING. 'entry' is in the guest's RAM. Any CPU. */
int32_t psci_power_on(struct vcpu *target, uint64_t entry, uint64_t context);
/* VCPU_REQ_START was served: v->start has been taken and v is about to run. Own CPU. */
void psci_started(struct vcpu *v);

#endif
