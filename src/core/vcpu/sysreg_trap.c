/* SPDX-License-Identifier: MIT */
/*
 * Trapped MSR, MRS and SYS instructions. A register that is not here does not exist for a guest: its feature is hidden
 * (idreg.c), so the access is UNDEFINED. Accesses from EL0 get here only where the architecture lets EL0 try.
 */
#include "core/vcpu/debug.h"
#include "core/vcpu/idreg.h"
#include "core/vcpu/inject.h"
#include "core/vcpu/ptimer.h"
#include "core/vcpu/trap_priv.h"

/* The encoding in the syndrome, without Rt and direction. */
#define SYSREG_ENC_MASK (GENMASK(21, 10) | GENMASK(4, 1))
#define ENC_CRM_SHIFT 1
#define ENC_CRM_WIDTH 4
#define ENC_OP2_SHIFT 17
#define ENC_OP2_WIDTH 3

/* NULL: that direction is UNDEFINED. The vCPU is loaded; reads and writes always succeed. */
struct sysreg_trap {
	uint32_t enc;
	uint64_t (*read)(struct vcpu *v, uint32_t enc);
	void (*write)(struct vcpu *v, uint32_t enc, uint64_t value);
};

static uint64_t read_zero(struct vcpu *v unused_arg, uint32_t enc unused_arg)
{
	return 0;
}
static void write_ignore(struct vcpu *v unused_arg, uint32_t enc unused_arg, uint64_t value unused_arg)
{
}

/* ---- identification ---- */

static uint64_t read_id(struct vcpu *v, uint32_t enc)
{
	unsigned index = (unsigned)(FIELD_GET(ENC_CRM, enc) << 3 | FIELD_GET(ENC_OP2, enc));

	return idreg_value(&cpu_features, index, v->vm->stage2.table.address_bits);
}

/* Which errata are fixed in this part: a guest decides by them. */
static uint64_t read_revidr(struct vcpu *v unused_arg, uint32_t enc unused_arg)
{
	return read_revidr_el1();
}
static uint64_t read_aidr(struct vcpu *v unused_arg, uint32_t enc unused_arg)
{
	return read_aidr_el1();
}

/* ---- self-hosted debug ---- */

#define OSLSR_OSLM_IMPLEMENTED BIT(3)
#define OSLSR_OSLK BIT(1)
#define OSLAR_OSLK BIT(0)

static uint64_t read_oslsr(struct vcpu *v, uint32_t enc unused_arg)
{
	return OSLSR_OSLM_IMPLEMENTED | (v->debug.os_lock ? OSLSR_OSLK : 0);
}

static void write_oslar(struct vcpu *v, uint32_t enc unused_arg, uint64_t value)
{
	debug_os_lock(v, (value & OSLAR_OSLK) != 0);
}

/*
 * MDCR_EL2.TDA takes MDSCR_EL1 along, which is otherwise the vCPU's own in the hardware. While the OS lock is set,
 * its other bits are those of the external debugger (D19.3.20): with HDE a breakpoint could halt the CPU for
 * everybody.
 */
#define MDSCR_SS BIT(0)
#define MDSCR_TDCC BIT(12)
#define MDSCR_KDE BIT(13)
#define MDSCR_MDE BIT(15)
#define MDSCR_SELF_HOSTED (MDSCR_SS | MDSCR_TDCC | MDSCR_KDE | MDSCR_MDE)

static uint64_t read_mdscr(struct vcpu *v unused_arg, uint32_t enc unused_arg)
{
	return read_mdscr_el1();
}
static void write_mdscr(struct vcpu *v unused_arg, uint32_t enc unused_arg, uint64_t value)
{
	write_mdscr_el1(value & MDSCR_SELF_HOSTED);
}

static uint64_t read_point(struct vcpu *v, uint32_t enc)
{
	return debug_point_read(v, (unsigned)FIELD_GET(ENC_OP2, enc), (unsigned)FIELD_GET(ENC_CRM, enc));
}

static void write_point(struct vcpu *v, uint32_t enc, uint64_t value)
{
	debug_point_write(v, (unsigned)FIELD_GET(ENC_OP2, enc), (unsigned)FIELD_GET(ENC_CRM, enc), value);
}

/* ---- interrupts and timer ---- */

/* Of the one Security state that a guest sees, ASGI1R names the group that is not Group 1. */
static void write_sgi0(struct vcpu *v, uint32_t enc unused_arg, uint64_t value)
{
	vgic_sgi(&v->vgic, value, false);
}
static void write_sgi1(struct vcpu *v, uint32_t enc unused_arg, uint64_t value)
{
	vgic_sgi(&v->vgic, value, true);
}

#define ICC_DIR_INTID GENMASK(23, 0)

/* Trapped while the vGIC must know what is deactivated (ICH_HCR_EL2.TDIR). */
static void write_dir(struct vcpu *v, uint32_t enc unused_arg, uint64_t value)
{
	vgic_dir(&v->vgic, (uint32_t)(value & ICC_DIR_INTID));
}

/* The system register interface, with neither FIQ nor IRQ bypass: nothing of it can be changed. */
static uint64_t read_sre(struct vcpu *v unused_arg, uint32_t enc unused_arg)
{
	return 7;
}

static uint64_t read_cntp_ctl(struct vcpu *v, uint32_t enc unused_arg)
{
	return ptimer_read_ctl(v);
}
static uint64_t read_cntp_cval(struct vcpu *v, uint32_t enc unused_arg)
{
	return ptimer_read_cval(v);
}
static uint64_t read_cntp_tval(struct vcpu *v, uint32_t enc unused_arg)
{
	return ptimer_read_tval(v);
}
static void write_cntp_ctl(struct vcpu *v, uint32_t enc unused_arg, uint64_t value)
{
	ptimer_write_ctl(v, value);
}
static void write_cntp_cval(struct vcpu *v, uint32_t enc unused_arg, uint64_t value)
{
	ptimer_write_cval(v, value);
}
static void write_cntp_tval(struct vcpu *v, uint32_t enc unused_arg, uint64_t value)
{
	ptimer_write_tval(v, value);
}

/* ---- dispatch ---- */

/* By encoding, ascending: op0, op2, op1, CRn, CRm (SYSREG_ENC). */
static const struct sysreg_trap sysreg_traps[] = {
	{ SYSREG_ENC_mdccint_el1, read_zero, write_ignore },            /* no debug communication channel */
	{ SYSREG_ENC(2, 0, 1, 0, 0), read_zero, NULL },                 /* MDRAR_EL1 */
	{ SYSREG_ENC(2, 3, 0, 1, 0), read_zero, NULL },                 /* MDCCSR_EL0 */
	{ SYSREG_ENC(2, 3, 0, 4, 0), read_zero, write_ignore },         /* DBGDTR_EL0 */
	{ SYSREG_ENC(2, 3, 0, 5, 0), read_zero, write_ignore },         /* DBGDTRRX_EL0, DBGDTRTX_EL0 */
	{ SYSREG_ENC(2, 0, 0, 0, 2), read_zero, write_ignore },         /* OSDTRRX_EL1 */
	{ SYSREG_ENC_mdscr_el1, read_mdscr, write_mdscr },
	{ SYSREG_ENC(2, 0, 0, 3, 2), read_zero, write_ignore },         /* OSDTRTX_EL1 */
	{ SYSREG_ENC(2, 0, 0, 6, 2), read_zero, write_ignore },         /* OSECCR_EL1 */
	{ SYSREG_ENC_oslar_el1, NULL, write_oslar },
	{ SYSREG_ENC_oslsr_el1, read_oslsr, NULL },
	{ SYSREG_ENC_osdlr_el1, read_zero, write_ignore },              /* no double lock */
	{ SYSREG_ENC(2, 0, 1, 4, 4), read_zero, write_ignore },         /* DBGPRCR_EL1 */
	{ SYSREG_ENC(2, 0, 7, 8, 6), read_zero, write_ignore },         /* DBGCLAIMSET_EL1: no claim tags */
	{ SYSREG_ENC(2, 0, 7, 9, 6), read_zero, write_ignore },         /* DBGCLAIMCLR_EL1 */
	{ SYSREG_ENC(2, 0, 7, 14, 6), read_zero, NULL },                /* DBGAUTHSTATUS_EL1: no external debug */
	{ SYSREG_ENC_cntp_tval_el0, read_cntp_tval, write_cntp_tval },
	{ SYSREG_ENC_actlr_el1, read_zero, write_ignore },
	{ SYSREG_ENC_icc_dir_el1, NULL, write_dir },
	{ SYSREG_ENC_cntp_ctl_el0, read_cntp_ctl, write_cntp_ctl },
	{ SYSREG_ENC_cntp_cval_el0, read_cntp_cval, write_cntp_cval },
	{ SYSREG_ENC_icc_sgi1r_el1, NULL, write_sgi1 },
	{ SYSREG_ENC_icc_sre_el1, read_sre, write_ignore },
	{ SYSREG_ENC_revidr_el1, read_revidr, NULL },
	{ SYSREG_ENC_icc_asgi1r_el1, NULL, write_sgi0 },
	{ SYSREG_ENC_icc_sgi0r_el1, NULL, write_sgi0 },
	{ SYSREG_ENC_aidr_el1, read_aidr, NULL },
};

/* Whole ranges: the ID space (op0 3, op1 0, CRn 0, CRm 1..7) and the points (op0 2, op1 0, CRn 0, op2 4..7). */
#define ID_SPACE_MASK SYSREG_ENC(3, 7, 15, 8, 0)
#define ID_SPACE SYSREG_ENC(3, 0, 0, 0, 0)
#define POINTS_MASK SYSREG_ENC(3, 7, 15, 0, 4)
#define POINTS SYSREG_ENC(2, 0, 0, 0, 4)

static const struct sysreg_trap id_trap = { ID_SPACE, read_id, NULL };
static const struct sysreg_trap point_trap = { POINTS, read_point, write_point };

static const struct sysreg_trap *find(uint32_t enc)
{
	unsigned crm = (unsigned)FIELD_GET(ENC_CRM, enc);
	size_t low = 0;
	size_t high = ARRAY_SIZE(sysreg_traps);

	if ((enc & ID_SPACE_MASK) == ID_SPACE && crm != 0) {
		return &id_trap;
	}
	if ((enc & POINTS_MASK) == POINTS) {
		return debug_point_exists((unsigned)FIELD_GET(ENC_OP2, enc), crm) ? &point_trap : NULL;
	}
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (sysreg_traps[middle].enc == enc) {
			return &sysreg_traps[middle];
		}
		if (sysreg_traps[middle].enc < enc) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return NULL;
}

static __attribute__((noinline)) enum trap_result access_register(struct vcpu *v, uint64_t esr)
{
	uint32_t enc = (uint32_t)(esr & SYSREG_ENC_MASK);
	unsigned rt = (unsigned)FIELD_GET(ESR_SYSREG_RT, esr);
	bool read = (esr & ESR_SYSREG_READ) != 0;
	const struct sysreg_trap *reg = find(enc);

	if (reg == NULL || (read ? reg->read == NULL : reg->write == NULL)) {
		inject_undefined(v);
		return TRAP_RESUME;
	}
	if (read) {
		vcpu_set_reg(v, rt, reg->read(v, enc));
	} else {
		reg->write(v, enc, vcpu_get_reg(v, rt));
	}
	vcpu_skip(v);
	return TRAP_RESUME;
}

static __attribute__((noinline)) enum trap_result send_sgi(struct vcpu *v, uint64_t value)
{
	vcpu_skip(v);
	vgic_sgi(&v->vgic, value, true);
	return TRAP_RESUME;
}

enum trap_result trap_sysreg(struct vcpu *v, uint64_t esr, enum trap_saved saved)
{
	unsigned rt = (unsigned)FIELD_GET(ESR_SYSREG_RT, esr);

	if (unlikely(saved != TRAP_SAVED_ALL && trap_reg_missing(rt))) {
		return trap_retry(v, esr);
	}
	/* The one that is written all the time goes first. */
	if (likely((esr & (SYSREG_ENC_MASK | ESR_SYSREG_READ)) == SYSREG_ENC_icc_sgi1r_el1)) {
		return send_sgi(v, vcpu_get_reg(v, rt));
	}
	return access_register(v, esr);
}
