/* SPDX-License-Identifier: MIT */
/*
 * Trapped MSR, MRS and SYS instructions of a partition. A register that is not here does not exist for it: the access
 * is UNDEFINED, as of the GIC CPU interface, the virtual timer, the PMU, and all that the ID registers do not show.
 */
#include "core/vcpu/idreg.h"
#include "core/vcpu/inject.h"
#include "core/vcpu/trap_priv.h"
#include "role/spmc/context.h"

/* The encoding in the syndrome, without Rt and direction. */
#define SYSREG_ENC_MASK (GENMASK(21, 10) | GENMASK(4, 1))
#define ENC_CRM_SHIFT 1
#define ENC_CRM_WIDTH 4
#define ENC_OP2_SHIFT 17
#define ENC_OP2_WIDTH 3

/* The ID space: op0 3, op1 0, CRn 0, CRm 1..7. */
#define ID_SPACE_MASK SYSREG_ENC(3, 7, 15, 8, 0)
#define ID_SPACE SYSREG_ENC(3, 0, 0, 0, 0)
/* Self-hosted debug: op0 2, op1 0. Firmware keeps it off in the Secure state, so it is there and does nothing. */
#define DEBUG_SPACE_MASK SYSREG_ENC(3, 7, 0, 0, 0)
#define DEBUG_SPACE SYSREG_ENC(2, 0, 0, 0, 0)

#define OSLSR_OSLM_IMPLEMENTED BIT(3)
#define OSLSR_OSLK BIT(1)

static bool is_id(uint32_t enc)
{
	return (enc & ID_SPACE_MASK) == ID_SPACE && FIELD_GET(ENC_CRM, enc) != 0;
}

static bool is_debug(uint32_t enc)
{
	return (enc & DEBUG_SPACE_MASK) == DEBUG_SPACE;
}

static uint64_t id_value(const struct sp_vcpu *v, uint32_t enc)
{
	unsigned index = (unsigned)(FIELD_GET(ENC_CRM, enc) << 3 | FIELD_GET(ENC_OP2, enc));

	return idreg_value(&cpu_features, index, v->sp->space.secure.table.address_bits);
}

/* False: UNDEFINED. */
static bool read_register(const struct sp_vcpu *v, uint32_t enc, uint64_t *value)
{
	switch (enc) {
	case SYSREG_ENC_cntp_ctl_el0:
		*value = sp_ptimer_read_ctl(v);
		return true;
	case SYSREG_ENC_cntp_cval_el0:
		*value = v->cpu.ptimer_cval;
		return true;
	case SYSREG_ENC_cntp_tval_el0:
		*value = sp_ptimer_read_tval(v);
		return true;
	case SYSREG_ENC_revidr_el1: /* which errata are fixed: software decides by it */
		*value = read_revidr_el1();
		return true;
	case SYSREG_ENC_aidr_el1:
		*value = read_aidr_el1();
		return true;
	case SYSREG_ENC_oslsr_el1:
		*value = OSLSR_OSLM_IMPLEMENTED | OSLSR_OSLK;
		return true;
	default:
		*value = is_id(enc) ? id_value(v, enc) : 0;
		return is_id(enc) || is_debug(enc) || enc == SYSREG_ENC_actlr_el1;
	}
}

static bool write_register(struct sp_vcpu *v, uint32_t enc, uint64_t value)
{
	switch (enc) {
	case SYSREG_ENC_cntp_ctl_el0:
		sp_ptimer_write_ctl(v, value);
		return true;
	case SYSREG_ENC_cntp_cval_el0:
		sp_ptimer_write_cval(v, value);
		return true;
	case SYSREG_ENC_cntp_tval_el0:
		sp_ptimer_write_tval(v, value);
		return true;
	default:
		return is_debug(enc) || enc == SYSREG_ENC_actlr_el1;
	}
}

enum trap_result sp_trap_sysreg(struct sp_vcpu *v, uint64_t esr, enum trap_saved saved)
{
	struct vcpu *cpu_state = &v->cpu;
	uint32_t enc = (uint32_t)(esr & SYSREG_ENC_MASK);
	unsigned rt = (unsigned)FIELD_GET(ESR_SYSREG_RT, esr);
	uint64_t value;
	bool done;

	if (unlikely(saved != TRAP_SAVED_ALL && trap_reg_missing(rt))) {
		return TRAP_RETRY;
	}
	if ((esr & ESR_SYSREG_READ) != 0) {
		done = read_register(v, enc, &value);
		if (done) {
			vcpu_set_reg(cpu_state, rt, value);
		}
	} else {
		done = write_register(v, enc, vcpu_get_reg(cpu_state, rt));
	}
	if (done) {
		vcpu_skip(cpu_state);
	} else {
		inject_undefined(cpu_state);
	}
	/* The timer's interrupt may be pending now. */
	sp_context_update_hcr(sp_context_of(this_cpu()), v);
	return TRAP_RESUME;
}
