/* SPDX-License-Identifier: MIT */
/* ESR_ELx: why an exception was taken (Arm ARM, D19.2.37 ESR_EL2). */
#ifndef CORE_VCPU_ESR_H
#define CORE_VCPU_ESR_H

#include "lib/base.h"

#define ESR_EC_SHIFT 26
#define ESR_EC_WIDTH 6
#define ESR_IL BIT(25) /* the instruction is 32 bits long */
#define ESR_ISS_SHIFT 0
#define ESR_ISS_WIDTH 25

/* Exception classes. "Lower" is from an exception level below the one that takes the exception. */
enum esr_ec {
	EC_UNKNOWN = 0x00,
	EC_WFX = 0x01,
	EC_CP15_32 = 0x03, /* 0x03..0x06, 0x08, 0x0c: AArch32 coprocessor accesses */
	EC_FP = 0x07,
	EC_PAUTH = 0x09,
	EC_LS64 = 0x0a,
	EC_BTI = 0x0d,
	EC_ILLEGAL_STATE = 0x0e,
	EC_SVC64 = 0x15,
	EC_HVC64 = 0x16,
	EC_SMC64 = 0x17,
	EC_SYSREG = 0x18,
	EC_SVE = 0x19,
	EC_SME = 0x1d,
	EC_IABT_LOWER = 0x20,
	EC_IABT = 0x21,
	EC_DABT_LOWER = 0x24,
	EC_DABT = 0x25,
	EC_MOPS = 0x27,
	EC_COUNT = 64,
};

/* WFx */
#define ESR_WFX_TI_SHIFT 0 /* 0 WFI, 1 WFE, 2 WFIT, 3 WFET */
#define ESR_WFX_TI_WIDTH 2

/* HVC, SMC */
#define ESR_IMM16_SHIFT 0
#define ESR_IMM16_WIDTH 16

/* MSR, MRS, SYS: op0, op2, op1, CRn and CRm stand where SYSREG_ENC (arch/sysreg.h) puts them. */
#define ESR_SYSREG_READ BIT(0)
#define ESR_SYSREG_RT_SHIFT 5
#define ESR_SYSREG_RT_WIDTH 5

/* Data and instruction aborts */
#define ESR_ABT_FSC_SHIFT 0
#define ESR_ABT_FSC_WIDTH 6
#define ESR_ABT_WNR BIT(6)
#define ESR_ABT_S1PTW BIT(7) /* the stage-1 walk of the guest faulted, not the access itself */
#define ESR_ABT_CM BIT(8)    /* by cache maintenance or address translation */
#define ESR_ABT_FNV BIT(10)  /* FAR is not valid; only with FSC_EXTERNAL */
/* Data aborts; valid with ISV only */
#define ESR_ABT_SF BIT(15) /* the register is 64 bits wide */
#define ESR_ABT_SRT_SHIFT 16
#define ESR_ABT_SRT_WIDTH 5
#define ESR_ABT_SSE BIT(21) /* sign-extend */
#define ESR_ABT_SAS_SHIFT 22 /* log2 of the bytes */
#define ESR_ABT_SAS_WIDTH 2
#define ESR_ABT_ISV BIT(24)

/* Fault status: these are the type; the low two bits are the level. */
enum esr_fsc {
	FSC_ADDRESS_SIZE = 0x00,
	FSC_TRANSLATION = 0x04,
	FSC_ACCESS_FLAG = 0x08,
	FSC_PERMISSION = 0x0c,
	FSC_EXTERNAL = 0x10,
	FSC_EXTERNAL_WALK = 0x14,
	FSC_TYPE_MASK = 0x3c,
	/* Faults at level -1 do not follow that pattern. */
	FSC_ADDRESS_SIZE_L_1 = 0x29,
	FSC_TRANSLATION_L_1 = 0x2b,
};

static inline unsigned esr_ec(uint64_t esr) { return (unsigned)FIELD_GET(ESR_EC, esr); }

/* An ESR with IL set: what EL1 is shown of an A64 instruction. */
static inline uint64_t esr_make(enum esr_ec ec, uint64_t iss)
{
	return FIELD_PUT(ESR_EC, ec) | ESR_IL | FIELD_PUT(ESR_ISS, iss);
}

/*
 * True if HPFAR_EL2 holds the faulting IPA after an abort from stage 2 (Arm ARM, D19.2.67). After a permission fault on
 * the access itself it does not.
 */
static inline bool esr_hpfar_valid(uint64_t esr)
{
	unsigned fsc = (unsigned)FIELD_GET(ESR_ABT_FSC, esr);
	unsigned type = fsc & FSC_TYPE_MASK;

	if (type == FSC_PERMISSION) {
		return (esr & ESR_ABT_S1PTW) != 0;
	}
	return type == FSC_TRANSLATION || type == FSC_ACCESS_FLAG || type == FSC_ADDRESS_SIZE ||
	       fsc == FSC_TRANSLATION_L_1 || fsc == FSC_ADDRESS_SIZE_L_1;
}

#endif
