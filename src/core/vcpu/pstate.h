/* SPDX-License-Identifier: MIT */
/* PSTATE as SPSR_ELx holds it (Arm ARM, C5.2.19). */
#ifndef CORE_VCPU_PSTATE_H
#define CORE_VCPU_PSTATE_H

#include "lib/base.h"

#define PSTATE_SP BIT(0)               /* SP_ELx and not SP_EL0 */
#define PSTATE_EL_SHIFT 2
#define PSTATE_EL_WIDTH 2
#define PSTATE_NRW BIT(4)              /* AArch32 */
#define PSTATE_F BIT(6)
#define PSTATE_I BIT(7)
#define PSTATE_A BIT(8)
#define PSTATE_D BIT(9)
#define PSTATE_DAIF (PSTATE_D | PSTATE_A | PSTATE_I | PSTATE_F)
#define PSTATE_BTYPE GENMASK(11, 10)
#define PSTATE_SSBS BIT(12)
#define PSTATE_ALLINT BIT(13)
#define PSTATE_IL BIT(20)
#define PSTATE_SS BIT(21)
#define PSTATE_PAN BIT(22)
#define PSTATE_UAO BIT(23)
#define PSTATE_DIT BIT(24)
#define PSTATE_TCO BIT(25)
#define PSTATE_NZCV GENMASK(31, 28)

#define PSTATE_EL1H (FIELD_PUT(PSTATE_EL, 1) | PSTATE_SP)

static inline bool pstate_is_el0(uint64_t pstate)
{
	return FIELD_GET(PSTATE_EL, pstate) == 0 || (pstate & PSTATE_NRW) != 0;
}

#endif
