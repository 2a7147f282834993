/* SPDX-License-Identifier: MIT */
/*
 * PSCI 1.1 for guests (DEN0022). v->power is a vCPU's affinity state, one of PSCI_AFFINITY_*:
 *
 *   OFF         v is VCPU_OFF or about to be; nobody writes v->start
 *   ON_PENDING  one caller of CPU_ON has won: it alone writes v->start, then asks by VCPU_REQ_START
 *   ON          v->start has been taken; v runs or waits, and may write v->start itself (CPU_SUSPEND)
 *
 * OFF -> ON_PENDING is a compare-and-swap by any CPU; the other two edges are made by v's own CPU. v->start.ready is
 * set by who wrote v->start, when it is whole, and cleared by v's CPU, which takes it: a request that comes late, or
 * twice, finds nothing to take.
 */
#ifndef ROLE_HYP_PSCI_H
#define ROLE_HYP_PSCI_H

#include "core/vcpu/trap.h"

/* True if the function id in w0 is in PSCI's range. */
static inline bool psci_owns(uint32_t function) { return (function & 0xbfffffe0u) == 0x84000000u; }

/* Answers a call in PSCI's range: the result is in x0, unless the call does not return. Own CPU, v RUNNING. */
enum trap_result psci_call(struct vcpu *v);

/* All vCPUs off, and nobody to start. The VM does not run. */
void psci_reset(struct vm *vm);
/* CPU_ON: PSCI_SUCCESS, PSCI_ALREADY_ON or PSCI_ON_PENDING. 'entry' is in the guest's RAM. Any CPU. */
int32_t psci_power_on(struct vcpu *target, uint64_t entry, uint64_t context);
/* True if somebody wants v to start, at v->start, and it has not done so yet. Any CPU. */
bool psci_wants_start(const struct vcpu *v);
/* The same, and that is taken: v starts, or nobody ever will. Own CPU. */
bool psci_take_start(struct vcpu *v);
/* VCPU_REQ_START was served: v->start has been taken and v is about to run. Own CPU. */
void psci_started(struct vcpu *v);

#endif
