/* SPDX-License-Identifier: MIT */
/*
 * EL2's exception vectors and the way into and out of a guest.
 *
 * While a guest runs, SP_EL2 is its struct vcpu, so an exit can save registers before it needs any. An exit is first
 * tried quickly: only what the procedure call standard lets C destroy (x0..x18, x30) is saved, and C is asked whether
 * it can answer with that (trap_handle, vcpu_quick_irq). If it can, the same registers are loaded again and the guest
 * goes on; the guest's x19..x28 never left the CPU. If not, they are saved too and vcpu_enter returns to its caller.
 *
 * With pointer authentication EL2 has a key of its own. The key registers are shared with EL1, so they are exchanged
 * here; CPUs without FEAT_PAuth get vectors without that ('vectors_plain').
 */
#include "arch/aarch64/asm.h"
#include "offsets.h"

	.arch armv8.3-a

#define X(n) (VCPU_X + 8 * (n))
#define FRAME_VCPU 96 /* in vcpu_enter's frame, which SP points to when an exit has switched to EL2's stack */

	.macro keys_to_host vcpu, cpu
	mrs x5, apiakeylo_el1
	mrs x6, apiakeyhi_el1
	stp x5, x6, [\vcpu, #VCPU_APIA]
	mrs \cpu, tpidr_el2
	ldp x5, x6, [\cpu, #CPU_APIA]
	msr apiakeylo_el1, x5
	msr apiakeyhi_el1, x6
	isb
	.endm

	.macro keys_to_guest vcpu
	ldp x1, x2, [\vcpu, #VCPU_APIA]
	msr apiakeylo_el1, x1
	msr apiakeyhi_el1, x2
	.endm

/* The first half of an exit; fits a vector slot of 32 instructions. Leaves x0 = vcpu, SP = EL2's stack. */
	.macro exit_save
	stp x0, x1, [sp, #X(0)]
	stp x2, x3, [sp, #X(2)]
	stp x4, x5, [sp, #X(4)]
	stp x6, x7, [sp, #X(6)]
	stp x8, x9, [sp, #X(8)]
	stp x10, x11, [sp, #X(10)]
	stp x12, x13, [sp, #X(12)]
	stp x14, x15, [sp, #X(14)]
	stp x16, x17, [sp, #X(16)]
	str x18, [sp, #X(18)]
	stp x29, x30, [sp, #X(29)]
	mrs x2, elr_el2
	mrs x3, spsr_el2
	stp x2, x3, [sp, #VCPU_PC]
	mov x0, sp
	ldr x4, [sp, #VCPU_HOST_SP]
	mov sp, x4
	mov x29, xzr
	.endm

/*
 * Where an exit goes on after exit_save. C has answered when w0 is 0; the guest goes on at once if nothing asks for
 * this CPU or changed the vCPU's interrupts, else C decides (vcpu_quick_end). x19..x28 are the guest's all the time.
 */
	.macro exit_paths pauth, suffix
exit_sync\suffix:
	mrs x1, esr_el2
	str x1, [x0, #VCPU_ESR]
	.if \pauth
	keys_to_host x0, x3
	.endif
	mov w2, #0
	bl trap_handle
exit_answered\suffix:
	ldr x9, [sp, #FRAME_VCPU]
	ldr x2, [x9, #VCPU_CPU]
	ldr w3, [x9, #VCPU_DIRTY]
	ldr w2, [x2, #CPU_ATTENTION]
	orr w3, w3, w0
	orr w3, w3, w2
	cbnz w3, exit_end\suffix
resume\suffix:
	.if \pauth
	keys_to_guest x9
	.endif
	ldp x2, x3, [x9, #VCPU_PC]
	msr elr_el2, x2
	msr spsr_el2, x3
	mov sp, x9
	ldp x29, x30, [sp, #X(29)]
	ldr x18, [sp, #X(18)]
resume_x0_x17\suffix:
	ldp x16, x17, [sp, #X(16)]
	ldp x14, x15, [sp, #X(14)]
	ldp x12, x13, [sp, #X(12)]
	ldp x10, x11, [sp, #X(10)]
	ldp x8, x9, [sp, #X(8)]
	ldp x6, x7, [sp, #X(6)]
	ldp x4, x5, [sp, #X(4)]
	ldp x2, x3, [sp, #X(2)]
	ldp x0, x1, [sp, #X(0)]
	eret_guarded

exit_irq\suffix:
	.if \pauth
	keys_to_host x0, x3
	.endif
	bl vcpu_quick_irq
	b exit_answered\suffix
exit_serror\suffix:
	mrs x1, esr_el2
	str x1, [x0, #VCPU_ESR]
	.if \pauth
	keys_to_host x0, x3
	.endif
	bl vcpu_quick_serror
exit_end\suffix:
	mov w1, w0
	ldr x0, [sp, #FRAME_VCPU]
	bl vcpu_quick_end
	ldr x9, [sp, #FRAME_VCPU]
	cbnz w0, resume\suffix
	b leave
	.endm

	.text
	exit_paths 1, _pauth
	exit_paths 0, _plain

/* vcpu_enter returns to its caller. x9: the vCPU. */
leave:
	mov x0, x9
	stp x19, x20, [x0, #X(19)]
	stp x21, x22, [x0, #X(21)]
	stp x23, x24, [x0, #X(23)]
	stp x25, x26, [x0, #X(25)]
	stp x27, x28, [x0, #X(27)]
	ldp x19, x20, [sp]
	ldp x21, x22, [sp, #16]
	ldp x23, x24, [sp, #32]
	ldp x25, x26, [sp, #48]
	ldp x27, x28, [sp, #64]
	ldp x29, x30, [sp, #80]
	add sp, sp, #112
	ret

/* void vcpu_enter(struct vcpu *v): runs the guest until an exit that the quick path leaves to the caller. */
	.macro enter pauth, suffix
func vcpu_enter\suffix
	sub sp, sp, #112
	stp x19, x20, [sp]
	stp x21, x22, [sp, #16]
	stp x23, x24, [sp, #32]
	stp x25, x26, [sp, #48]
	stp x27, x28, [sp, #64]
	stp x29, x30, [sp, #80]
	str x0, [sp, #FRAME_VCPU]
	mov x4, sp
	str x4, [x0, #VCPU_HOST_SP]
	.if \pauth
	keys_to_guest x0
	.endif
	ldp x2, x3, [x0, #VCPU_PC]
	msr elr_el2, x2
	msr spsr_el2, x3
	mov sp, x0
	ldp x29, x30, [sp, #X(29)]
	ldp x27, x28, [sp, #X(27)]
	ldp x25, x26, [sp, #X(25)]
	ldp x23, x24, [sp, #X(23)]
	ldp x21, x22, [sp, #X(21)]
	ldp x19, x20, [sp, #X(19)]
	ldr x18, [sp, #X(18)]
	b resume_x0_x17\suffix
endfunc vcpu_enter\suffix
	.endm
	enter 1, _pauth
	enter 0, _plain

/*
 * An exception from EL2 itself is our bug: report and stop. SP may be what is broken (a stack that ran into its guard
 * page), so everything goes into struct cpu and the report runs on the emergency stack behind it. TPIDR_EL1 is the
 * guest's; it is lost, as is everything else.
 */
	.macro crash kind
	msr tpidr_el1, x0
	mrs x0, tpidr_el2
	add x0, x0, #CPU_CRASH
	stp x2, x3, [x0, #16]
	mov x2, #\kind
	b crash_common
	.endm

crash_common:
	stp x4, x5, [x0, #32]
	stp x6, x7, [x0, #48]
	stp x8, x9, [x0, #64]
	stp x10, x11, [x0, #80]
	stp x12, x13, [x0, #96]
	stp x14, x15, [x0, #112]
	stp x16, x17, [x0, #128]
	stp x18, x19, [x0, #144]
	stp x20, x21, [x0, #160]
	stp x22, x23, [x0, #176]
	stp x24, x25, [x0, #192]
	stp x26, x27, [x0, #208]
	stp x28, x29, [x0, #224]
	str x30, [x0, #240]
	mrs x3, tpidr_el1
	stp x3, x1, [x0]
	mov x4, sp
	str x4, [x0, #CRASH_SP]
	mrs x4, elr_el2
	mrs x5, spsr_el2
	stp x4, x5, [x0, #CRASH_ELR]
	mrs x4, esr_el2
	mrs x5, far_el2
	stp x4, x5, [x0, #CRASH_ESR]
	mrs x4, tpidr_el2
	add x5, x4, #CPU_AREA_END
	mov sp, x5
	mov x29, xzr
	mov x30, xzr
	mov w1, w2
	bl crash_report
1:	wfe
	b 1b

	.macro slot
	.p2align 7
	.endm

	.macro vector_table pauth, suffix
	.p2align 11
	.global vectors\suffix
	.hidden vectors\suffix
vectors\suffix:
	/* from EL2 with SP_EL0: never used */
	slot
	crash 0
	slot
	crash 1
	slot
	crash 2
	slot
	crash 3
	/* from EL2 itself */
	slot
	crash 4
	slot
	crash 5
	slot
	crash 6
	slot
	crash 7
	/* from a guest in AArch64, then in AArch32: synchronous, IRQ, FIQ, SError */
	.rept 2
	slot
	exit_save
	b exit_sync\suffix
	slot
	exit_save
	b exit_irq\suffix
	slot
	exit_save
	b exit_irq\suffix
	slot
	exit_save
	b exit_serror\suffix
	.endr
	.endm

	.text
	vector_table 1, _pauth
	vector_table 0, _plain
