/* SPDX-License-Identifier: MIT */
#include "core/vcpu/inject.h"

#include "core/vcpu/esr.h"
#include "core/vcpu/idreg.h"
#include "core/vcpu/pstate.h"

#define SCTLR_EL1_SPINTMASK BIT(62)
#define SCTLR_EL1_DSSBS BIT(44)
#define SCTLR_EL1_SPAN BIT(23)

/* Offsets into the vector table (Arm ARM, D1.4.1.2). */
#define VECTOR_CURRENT_SP_EL0 0x000u
#define VECTOR_CURRENT_SP_ELX 0x200u
#define VECTOR_LOWER_64 0x400u
#define VECTOR_LOWER_32 0x600u
#define VBAR_ADDRESS GENMASK(63, 11)

static uint64_t vector_offset(uint64_t pstate)
{
	if ((pstate & PSTATE_NRW) != 0) {
		return VECTOR_LOWER_32;
	}
	if (pstate_is_el0(pstate)) {
		return VECTOR_LOWER_64;
	}
	return (pstate & PSTATE_SP) != 0 ? VECTOR_CURRENT_SP_ELX : VECTOR_CURRENT_SP_EL0;
}

/* PSTATE in the handler. What is not kept or set here (SS, IL, UAO, BTYPE, ...) the architecture clears. */
static uint64_t handler_pstate(uint64_t pstate, uint64_t sctlr)
{
	uint64_t handler = PSTATE_EL1H | PSTATE_DAIF | (pstate & (PSTATE_NZCV | PSTATE_DIT | PSTATE_PAN));

	/* Without FEAT_PAN SPAN is RES1, without FEAT_SSBS DSSBS is RES0; the guest may have written otherwise. */
	if (cpu_features_has_pan(&cpu_features) && (sctlr & SCTLR_EL1_SPAN) == 0) {
		handler |= PSTATE_PAN;
	}
	if (cpu_features_has_ssbs(&cpu_features) && (sctlr & SCTLR_EL1_DSSBS) != 0) {
		handler |= PSTATE_SSBS;
	}
	/* These two are hidden from guests, but every exception that the CPU itself takes to EL1 sets them. */
	if (cpu_features_has_mte(&cpu_features)) {
		handler |= PSTATE_TCO;
	}
	if (cpu_features_has_nmi(&cpu_features) && (sctlr & SCTLR_EL1_SPINTMASK) == 0) {
		handler |= PSTATE_ALLINT;
	}
	return handler;
}

void inject_exception(struct vcpu *v, uint64_t esr)
{
	uint64_t pstate = v->regs.pstate;

	guest_write_spsr(pstate);
	guest_write_elr(v->regs.pc);
	guest_write_esr(esr);
	v->regs.pc = (guest_read_vbar() & VBAR_ADDRESS) + vector_offset(pstate);
	v->regs.pstate = handler_pstate(pstate, guest_read_sctlr());
}

void inject_undefined(struct vcpu *v)
{
	inject_exception(v, esr_make(EC_UNKNOWN, 0));
}

void inject_abort(struct vcpu *v, uint64_t esr, uint64_t far)
{
	bool el0 = pstate_is_el0(v->regs.pstate);
	bool data = esr_ec(esr) == EC_DABT_LOWER;
	/*
	 * The syndrome says at which level of stage 2 the walk failed, not of stage 1; which of the guest's own
	 * levels it was is not known, so the first is named.
	 */
	uint64_t iss = (esr & ESR_ABT_S1PTW) != 0 ? FSC_EXTERNAL_WALK : FSC_EXTERNAL;
	enum esr_ec ec;

	if (data) {
		ec = el0 ? EC_DABT_LOWER : EC_DABT;
		iss |= esr & (ESR_ABT_WNR | ESR_ABT_CM);
	} else {
		ec = el0 ? EC_IABT_LOWER : EC_IABT;
	}
	guest_write_far(far);
	inject_exception(v, esr_make(ec, iss));
}
