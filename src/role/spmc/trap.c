/* SPDX-License-Identifier: MIT */
/*
 * Exits from a partition (vectors.S). What can be answered with its registers alone is answered here; the rest makes
 * sp_enter() return. Nothing that a partition does is answered by EL2's state: it is the partition's own exception, or
 * it ends the partition.
 */
#include "arch/translate.h"
#include "arch/vcpu_enter.h"
#include "core/vcpu/inject.h"
#include "core/vcpu/trap_priv.h"
#include "role/spmc/context.h"
#include "role/spmc/el0.h"

#define VBAR_ADDRESS GENMASK(63, 11)
#define VBAR_SIZE 0x800
#define ISR_FIQ BIT(6)
#define ISR_IRQ BIT(7)
#define HPFAR_NS BIT(63)
#define HPFAR_FIPA GENMASK(47, 4)
#define HPFAR_TO_IPA 8 /* bit 4 holds bit 12 */

static enum trap_result leave(struct sp_vcpu *v, enum sp_exit why)
{
	v->cpu.exit = why;
	return TRAP_LEAVE;
}

static enum trap_result crash(struct sp_vcpu *v, const char *reason)
{
	v->reason = reason;
	return leave(v, SP_EXIT_ABORT);
}

static bool is_el0(const struct sp_vcpu *v)
{
	return v->sp->endpoint.kind == FFA_KIND_SP_EL0;
}

/* SMCCC gives meaning to immediate 0 only (DEN0028, 2.9). */
static enum trap_result call(struct sp_vcpu *v, uint64_t esr)
{
	if (unlikely(FIELD_GET(ESR_IMM16, esr) != 0)) {
		v->cpu.regs.x[0] = (uint64_t)-1;
		return TRAP_RESUME;
	}
	return leave(v, SP_EXIT_CALL);
}

/* EL0 took an exception, and our vector page brings it here. */
static enum trap_result trap_el0(struct sp_vcpu *v, uint64_t esr)
{
	const char *reason = el0_trap(&v->cpu, (unsigned)FIELD_GET(ESR_IMM16, esr));

	return reason == NULL ? leave(v, SP_EXIT_CALL) : crash(v, reason);
}

/* ---- stage-2 aborts ---- */

/*
 * The table that the access went to and where in it. False if no table was asked. After a permission fault HPFAR_EL2
 * tells nothing (Arm ARM, D19.2.67), but then the page is there, and a page is in one of the two tables only.
 */
static bool fault_address(struct sp_vcpu *v, uint64_t esr, struct stage2 **table, uint64_t *address)
{
	uint64_t far = read_far_el2();

	if (esr_hpfar_valid(esr)) {
		uint64_t hpfar = read_hpfar_el2();

		*table = (hpfar & HPFAR_NS) != 0 ? &v->sp->space.ns : &v->sp->space.secure;
		*address = (hpfar & HPFAR_FIPA) << HPFAR_TO_IPA;
		return true;
	}
	if ((FIELD_GET(ESR_ABT_FSC, esr) & FSC_TYPE_MASK) != FSC_PERMISSION ||
	    !arch_translate_guest_va(far, (esr & ESR_ABT_WNR) != 0, pstate_is_el0(v->cpu.regs.pstate), address)) {
		return false;
	}
	*table = ffa_space_table(&v->sp->space, *address);
	return *table != NULL;
}

/* What the access needs of stage 2. A walk of the partition's own tables reads, and writes to update their flags. */
static unsigned fault_needs(uint64_t esr)
{
	if (esr_ec(esr) == EC_IABT_LOWER) {
		return (esr & ESR_ABT_S1PTW) != 0 ? STAGE2_R : STAGE2_X;
	}
	return (esr & ESR_ABT_WNR) != 0 ? STAGE2_W : STAGE2_R;
}

/*
 * The access is permitted, so it was another CPU's change of the entry that it met: it may be tried again. Not so where
 * the table is not what forbids it: walks of devices (HCR_EL2.PTW), code in Non-secure memory (SCR_EL3.SIF).
 */
static bool fault_is_over(struct sp_vcpu *v, uint64_t esr)
{
	unsigned needs = fault_needs(esr);
	struct stage2 *table;
	uint64_t address, run;
	unsigned attrs;
	pa_t to;

	if (!fault_address(v, esr, &table, &address) || !stage2_lookup(table, ipa(address), &to, &attrs, &run)) {
		return false;
	}
	if ((needs == STAGE2_X && table == &v->sp->space.ns) ||
	    ((esr & ESR_ABT_S1PTW) != 0 && (attrs & STAGE2_DEVICE) != 0)) {
		return false;
	}
	return (attrs & needs) == needs;
}

static enum trap_result trap_abort(struct sp_vcpu *v, uint64_t esr)
{
	if (fault_is_over(v, esr)) {
		return TRAP_RESUME;
	}
	if (is_el0(v)) {
		return crash(v, "access to memory that it does not have");
	}
	/* Of an abort at its vectors it cannot be told: the same would come again, without end. */
	if (esr_ec(esr) == EC_IABT_LOWER && v->cpu.regs.pc - (guest_read_vbar() & VBAR_ADDRESS) < VBAR_SIZE) {
		return crash(v, "abort at its exception vectors");
	}
	inject_abort(&v->cpu, esr, read_far_el2());
	return TRAP_RESUME;
}

/* ---- exits ---- */

static enum trap_result trap_wfx(struct sp_vcpu *v)
{
	vcpu_skip(&v->cpu);
	return sp_interrupt_hcr(v) != 0 ? TRAP_RESUME : leave(v, SP_EXIT_WAIT);
}

/* All but calls, which need no stack. */
static __attribute__((noinline)) enum trap_result trap_other(struct sp_vcpu *v, uint64_t esr, enum trap_saved saved)
{
	switch (esr_ec(esr)) {
	case EC_WFX:
		return trap_wfx(v);
	case EC_FP:
		sp_fp_trap(sp_context_of(this_cpu()), v);
		return TRAP_RESUME;
	case EC_HVC64:
		return trap_el0(v, esr);
	case EC_SYSREG:
		return sp_trap_sysreg(v, esr, saved);
	case EC_IABT_LOWER:
	case EC_DABT_LOWER:
		return trap_abort(v, esr);
	case EC_ILLEGAL_STATE:
		inject_exception(&v->cpu, esr_make(EC_ILLEGAL_STATE, 0));
		return TRAP_RESUME;
	default:
		/* Features that are hidden: SVE, SME, LS64, AArch32 coprocessors, ... */
		inject_undefined(&v->cpu);
		return TRAP_RESUME;
	}
}

enum trap_result trap_handle(struct vcpu *v, uint64_t esr, enum trap_saved saved)
{
	struct sp_vcpu *context = sp_vcpu_of(v);
	unsigned ec = esr_ec(esr);

	if (likely(ec == EC_SMC64)) {
		/* It has not been executed: the return address is still its own. */
		vcpu_skip(v);
		return call(context, esr);
	}
	if (likely(ec == EC_HVC64 && !is_el0(context))) {
		return call(context, esr);
	}
	return trap_other(context, esr, saved);
}

/* Secure Group 1 comes as IRQ, all else as FIQ; what has gone again meanwhile was nothing. */
uint32_t vcpu_quick_irq(struct vcpu *v)
{
	uint64_t pending = read_isr_el1();

	if ((pending & (ISR_IRQ | ISR_FIQ)) == 0) {
		return TRAP_RESUME;
	}
	return leave(sp_vcpu_of(v), (pending & ISR_IRQ) != 0 ? SP_EXIT_IRQ : SP_EXIT_FIQ);
}

uint32_t vcpu_quick_serror(struct vcpu *v)
{
	return crash(sp_vcpu_of(v), "SError");
}

/* struct cpu.attention asks for nothing that is not an interrupt as well. */
bool vcpu_quick_end(struct vcpu *v, uint32_t result)
{
	if (result == TRAP_RETRY) {
		v->exit = SP_EXIT_RETRY;
	}
	return result == TRAP_RESUME;
}

enum sp_conduit sp_exit_conduit(const struct sp_vcpu *v)
{
	if (is_el0(v)) {
		return SP_CONDUIT_SVC;
	}
	return esr_ec(v->cpu.regs.esr) == EC_SMC64 ? SP_CONDUIT_SMC : SP_CONDUIT_HVC;
}

const char *sp_exit_reason(const struct sp_vcpu *v)
{
	return v->reason;
}
