/* SPDX-License-Identifier: MIT */
#include "core/vcpu/trap.h"

#include "abi/smccc.h"
#include "core/port/role.h"
#include "core/vcpu/inject.h"
#include "core/vcpu/pstate.h"
#include "core/vcpu/run.h"
#include "core/vcpu/trap_priv.h"

static enum trap_result trap_undefined(struct vcpu *v)
{
	inject_undefined(v);
	return TRAP_RESUME;
}

/* The guest returned to an illegal state; EL1 hears of it as it would have without us. */
static enum trap_result trap_illegal_state(struct vcpu *v, uint64_t esr unused_arg, enum trap_saved saved unused_arg)
{
	inject_exception(v, esr_make(EC_ILLEGAL_STATE, 0));
	return TRAP_RESUME;
}

enum {
	WFX_WFI = 0,
};

/*
 * WFI waits; WFE gives the CPU away for a turn. The forms with a timeout may complete at any time (Arm ARM, C6.2 WFIT),
 * so they do as WFE does.
 */
static enum trap_result trap_wfx(struct vcpu *v, uint64_t esr, enum trap_saved saved unused_arg)
{
	if ((v->regs.pstate & PSTATE_NRW) != 0) {
		return trap_undefined(v);
	}
	vcpu_skip(v);
	return role_wait(v, FIELD_GET(ESR_WFX_TI, esr) == WFX_WFI);
}

/* SMCCC gives meaning to immediate 0 only (DEN0028, 2.9). */
static enum trap_result trap_call(struct vcpu *v, uint64_t esr)
{
	if (unlikely(FIELD_GET(ESR_IMM16, esr) != 0)) {
		v->regs.x[0] = (uint64_t)SMCCC_NOT_SUPPORTED;
		return TRAP_RESUME;
	}
	return role_call(v);
}

static enum trap_result trap_hvc(struct vcpu *v, uint64_t esr, enum trap_saved saved unused_arg)
{
	return trap_call(v, esr);
}

/* A trapped SMC has not been executed: the return address is still its own. */
static enum trap_result trap_smc(struct vcpu *v, uint64_t esr, enum trap_saved saved unused_arg)
{
	vcpu_skip(v);
	return trap_call(v, esr);
}

/* The instruction runs again, with the FP registers there. */
static enum trap_result trap_fp(struct vcpu *v, uint64_t esr unused_arg, enum trap_saved saved unused_arg)
{
	vcpu_fp_trap(v);
	return TRAP_RESUME;
}

/*
 * What is not here: features that are hidden from guests (SVE, SME, LS64, AArch32 coprocessors, ...) and classes that
 * no setting of ours sends here. To the guest its instruction is UNDEFINED.
 */
static enum trap_result (*const trap_table[EC_COUNT])(struct vcpu *v, uint64_t esr, enum trap_saved saved) = {
	[EC_WFX] = trap_wfx,
	[EC_FP] = trap_fp,
	[EC_ILLEGAL_STATE] = trap_illegal_state,
	[EC_HVC64] = trap_hvc,
	[EC_SMC64] = trap_smc,
	[EC_SYSREG] = trap_sysreg,
	[EC_IABT_LOWER] = trap_insn_abort,
	[EC_DABT_LOWER] = trap_data_abort,
};

enum trap_result trap_handle(struct vcpu *v, uint64_t esr, enum trap_saved saved)
{
	unsigned ec = esr_ec(esr);

	v->stats.exits_by_ec[ec]++;
	if (unlikely(trap_table[ec] == NULL)) {
		return trap_undefined(v);
	}
	return trap_table[ec](v, esr, saved);
}
