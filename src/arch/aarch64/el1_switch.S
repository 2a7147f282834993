/* SPDX-License-Identifier: MIT */
/*
 * EL1 and EL0 registers between memory and a CPU with E2H = 0, in pairs, in the order of the lists in arch/el1.h. These
 * run at every switch; compilers merge and order the accesses as they please, mostly for the worse. el1.c has the rest.
 */
#include "arch/aarch64/asm.h"
#include "offsets.h"

	.macro save_pair a, b
	mrs x1, \a
	mrs x2, \b
	stp x1, x2, [x0, #at]
	.set at, at + 16
	.endm

	.macro load_pair a, b
	ldp x1, x2, [x0, #at]
	msr \a, x1
	msr \b, x2
	.set at, at + 16
	.endm

/* All but CSSELR_EL1, the last, which has no partner. */
	.macro each_pair op
	.set at, 0
	\op sctlr_el1, cpacr_el1
	\op ttbr0_el1, ttbr1_el1
	\op tcr_el1, spsr_el1
	\op elr_el1, afsr0_el1
	\op afsr1_el1, esr_el1
	\op far_el1, mair_el1
	\op amair_el1, vbar_el1
	\op contextidr_el1, cntkctl_el1
	.if at != EL1_SP_EL0
	.error "the order is not that of struct el1_state"
	.endif
	\op sp_el0, sp_el1
	\op tpidr_el0, tpidrro_el0
	\op tpidr_el1, par_el1
	.if at != EL1_CSSELR || EL1_MDSCR != at + 8
	.error "the order is not that of struct el1_state"
	.endif
	.endm

/* void el1_save_plain(struct el1_state *): el1_save_base() */
func el1_save_plain
	each_pair save_pair
	mrs x1, csselr_el1
	str x1, [x0, #EL1_CSSELR]
	ret
endfunc el1_save_plain

/* void el1_load_plain(const struct el1_state *): el1_load_base() */
func el1_load_plain
	each_pair load_pair
	ldr x1, [x0, #EL1_CSSELR]
	msr csselr_el1, x1
	ret
endfunc el1_load_plain

/* void el1_save_world_plain(struct el1_state *): el1_save_world() but for VDISR_EL2 */
func el1_save_world_plain
	each_pair save_pair
	save_pair csselr_el1, mdscr_el1
	mrs x1, cntv_ctl_el0
	mrs x2, cntv_cval_el0
	stp x1, x2, [x0, #EL1_CNTV_CTL]
	msr mdscr_el1, xzr
	msr cntv_ctl_el0, xzr
	msr cntv_cval_el0, xzr
	ret
endfunc el1_save_world_plain

/* void el1_load_world_plain(const struct el1_state *): el1_load_world() but for VDISR_EL2 */
func el1_load_world_plain
	each_pair load_pair
	load_pair csselr_el1, mdscr_el1
	ldp x1, x2, [x0, #EL1_CNTV_CTL]
	msr cntv_cval_el0, x2
	msr cntv_ctl_el0, x1
	ret
endfunc el1_load_world_plain
