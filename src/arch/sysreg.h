/* SPDX-License-Identifier: MIT */
/*
 * System registers: each is named once, in impl-independent form, and gets read_name() and write_name().
 *
 * The list gives the encoding op0, op1, CRn, CRm, op2 (Arm ARM, D19), so old assemblers know new registers too. The
 * developer's machine keeps the values in an array of its own (arch/host), with hooks for registers that act.
 */
#ifndef ARCH_SYSREG_H
#define ARCH_SYSREG_H

#include "arch/sysreg_list.h"
#include "impl/sysreg.h"

/* An encoding as one number, in the layout of ESR_ELx.ISS for EC 0x18 with Rt and direction clear. */
#define SYSREG_ENC(op0, op1, crn, crm, op2)                                                                      \
	(((uint32_t)(op0) << 20) | ((uint32_t)(op2) << 17) | ((uint32_t)(op1) << 14) | ((uint32_t)(crn) << 10) | \
	 ((uint32_t)(crm) << 1))

#define SYSREG_ENUM(name, op0, op1, crn, crm, op2) SYSREG_ENC_##name = SYSREG_ENC(op0, op1, crn, crm, op2),
enum sysreg_enc { SYSREG_LIST(SYSREG_ENUM) };
#undef SYSREG_ENUM

#endif
