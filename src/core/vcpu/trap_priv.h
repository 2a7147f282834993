/* SPDX-License-Identifier: MIT */
/* What the files that answer traps share (trap.c, mmio.c, sysreg_trap.c). */
#ifndef CORE_VCPU_TRAP_PRIV_H
#define CORE_VCPU_TRAP_PRIV_H

#include "core/vcpu/esr.h"
#include "core/vcpu/trap.h"

/* Handlers of an exception class: 'esr' is v->regs.esr; the rest as for trap_handle(). */
enum trap_result trap_sysreg(struct vcpu *v, uint64_t esr, enum trap_saved saved);
enum trap_result trap_data_abort(struct vcpu *v, uint64_t esr, enum trap_saved saved);
enum trap_result trap_insn_abort(struct vcpu *v, uint64_t esr, enum trap_saved saved);

/* True if a quick exit has not saved Xn: x19..x28. */
static inline bool trap_reg_missing(unsigned n) { return n - 19u < 10u; }

/* Asks for all registers. The exit will be counted when it comes again, so it is not counted now. */
static inline enum trap_result trap_retry(struct vcpu *v, uint64_t esr)
{
	v->stats.exits_by_ec[esr_ec(esr)]--;
	return TRAP_RETRY;
}

#endif
