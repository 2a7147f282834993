/* SPDX-License-Identifier: MIT */
/*
 * What a synchronous exit means. One const table by exception class; a handler hurts nobody but its guest.
 */
#ifndef CORE_VCPU_TRAP_H
#define CORE_VCPU_TRAP_H

#include "core/vcpu/vcpu.h"

enum trap_result {
	TRAP_RESUME = 0, /* the guest goes on (the handler moved the PC or injected an exception) */
	TRAP_LEAVE,  /* the vCPU should not go on now: it waits, is off, or its turn ended */
	TRAP_RETRY,  /* quick exits only: registers above x18 are needed; call again after the full save */
};

/*
 * Which general registers of a guest are in v->regs: a quick exit is tried with x19..x28 still in the CPU
 * (vectors.S).
 */
enum trap_saved {
	TRAP_SAVED_QUICK = 0,
	TRAP_SAVED_ALL,
};

/*
 * Handles the exit whose ESR_EL2 is 'esr', also in v->regs.esr (FAR_EL2 and HPFAR_EL2 are still in the hardware).
 * 'saved' says which of v->regs are valid.
 * Own CPU.
 */
enum trap_result trap_handle(struct vcpu *v, uint64_t esr, enum trap_saved saved);

#endif
