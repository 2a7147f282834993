/* SPDX-License-Identifier: MIT */
/* Entries, exceptions, calls, and the way between a CPU's own stack and those of the threads. */
#include "payload/sp/optee_like/entry.h"

	.arch	armv8-a+fp+simd

	/* MMU off, x0 = boot information. Which CPU: MPIDR's affinity is its index. */
	.section .head.text, "ax"
	.globl _head
_head:
	mov	x19, x0
	bl	image_prepare
	bl	set_stack
	mov	x1, x19
	bl	like_boot
	b	.

	.text
	.globl like_secondary
like_secondary:
	adrp	x9, mmu_regs
	add	x9, x9, :lo12:mmu_regs
	ldp	x0, x1, [x9]
	ldp	x2, x3, [x9, #16]
	bl	mmu_enable
	bl	set_stack
	bl	like_boot_secondary
	b	.

	/* This CPU's own; x0 = its index. */
set_stack:
	mrs	x0, mpidr_el1
	and	x0, x0, #0xffffff
	adrp	x1, like_stacks
	mov	x2, #LIKE_STACK
	madd	x1, x0, x2, x1
	add	sp, x1, x2
	mov	x29, xzr
	ret

/* void like_hvc(struct regs *regs), and by SMC: x0-x7 in and out, what is in x8-x17 is left as it happens to be. */
	.macro call name, instruction, before:vararg
	.globl \name
\name:
	stp	x19, x30, [sp, #-16]!
	mov	x19, x0
	ldp	x0, x1, [x19]
	ldp	x2, x3, [x19, #16]
	ldp	x4, x5, [x19, #32]
	ldp	x6, x7, [x19, #48]
	\before
	\instruction #0
	.ifnb	\before
	msr	daifset, #2
	.endif
	stp	x0, x1, [x19]
	stp	x2, x3, [x19, #16]
	stp	x4, x5, [x19, #32]
	stp	x6, x7, [x19, #48]
	ldp	x19, x30, [sp], #16
	ret
	.endm

	call	like_hvc, hvc
	call	like_smc, smc
/* The message loop's: with IRQ open around it. */
	call	like_smc_open, smc, msr daifclr, #2

/* noreturn void like_leave(uint64_t stack): to the message loop, on this CPU's stack. Everything is masked. */
	.globl like_leave
like_leave:
	mov	sp, x0
	mov	x29, xzr
	bl	like_loop
	b	.

/* noreturn void like_start(uint64_t stack, void (*first)(void)): a thread's first function, on the thread's stack. */
	.globl like_start
like_start:
	mov	sp, x0
	mov	x29, xzr
	blr	x1
	b	.

	.macro fp_registers op
	\op	q0, q1, [sp, #112]
	\op	q2, q3, [sp, #144]
	\op	q4, q5, [sp, #176]
	\op	q6, q7, [sp, #208]
	\op	q8, q9, [sp, #240]
	\op	q10, q11, [sp, #272]
	\op	q12, q13, [sp, #304]
	\op	q14, q15, [sp, #336]
	\op	q16, q17, [sp, #368]
	\op	q18, q19, [sp, #400]
	\op	q20, q21, [sp, #432]
	\op	q22, q23, [sp, #464]
	\op	q24, q25, [sp, #496]
	\op	q26, q27, [sp, #528]
	\op	q28, q29, [sp, #560]
	\op	q30, q31, [sp, #592]
	.endm

/*
 * void like_pause(uint64_t *place, uint64_t stack): notes in *place where this thread stands, and leaves it for the
 * message loop on 'stack'. Returns when like_go_on() is called with that, on whichever CPU.
 */
	.globl like_pause
like_pause:
	sub	sp, sp, #624
	stp	x19, x20, [sp]
	stp	x21, x22, [sp, #16]
	stp	x23, x24, [sp, #32]
	stp	x25, x26, [sp, #48]
	stp	x27, x28, [sp, #64]
	stp	x29, x30, [sp, #80]
	fp_registers stp
	mrs	x2, fpcr
	mrs	x3, fpsr
	stp	x2, x3, [sp, #96]
	mov	x2, sp
	str	x2, [x0]
	mov	x0, x1
	b	like_leave

	.globl like_go_on
like_go_on:
	mov	sp, x0
	ldp	x2, x3, [sp, #96]
	msr	fpcr, x2
	msr	fpsr, x3
	fp_registers ldp
	ldp	x19, x20, [sp]
	ldp	x21, x22, [sp, #16]
	ldp	x23, x24, [sp, #32]
	ldp	x25, x26, [sp, #48]
	ldp	x27, x28, [sp, #64]
	ldp	x29, x30, [sp, #80]
	add	sp, sp, #624
	ret

	/* On the stack that is in use. A handler may be paused on it, and end on another CPU. */
	.macro vector handler, number=0
	.balign	128
	sub	sp, sp, #176
	stp	x0, x1, [sp]
	mov	x0, #\number
	adr	x1, \handler
	b	exception
	.endm

	.balign	2048
	.globl like_vectors
like_vectors:
	.irp	n, 0, 1, 2, 3
	vector	to_die, \n
	.endr
	vector	to_die, 4
	vector	to_irq
	vector	to_fiq
	.irp	n, 7, 8, 9, 10, 11, 12, 13, 14, 15
	vector	to_die, \n
	.endr

to_irq:
	b	like_irq
to_fiq:
	b	like_fiq
to_die:
	b	like_die

	/* What C may change; x1 = the handler, x0 its argument. */
exception:
	stp	x2, x3, [sp, #16]
	stp	x4, x5, [sp, #32]
	stp	x6, x7, [sp, #48]
	stp	x8, x9, [sp, #64]
	stp	x10, x11, [sp, #80]
	stp	x12, x13, [sp, #96]
	stp	x14, x15, [sp, #112]
	stp	x16, x17, [sp, #128]
	mrs	x2, elr_el1
	stp	x18, x30, [sp, #144]
	mrs	x3, spsr_el1
	stp	x2, x3, [sp, #160]
	blr	x1
	ldp	x2, x3, [sp, #160]
	msr	elr_el1, x2
	msr	spsr_el1, x3
	ldp	x18, x30, [sp, #144]
	ldp	x16, x17, [sp, #128]
	ldp	x14, x15, [sp, #112]
	ldp	x12, x13, [sp, #96]
	ldp	x10, x11, [sp, #80]
	ldp	x8, x9, [sp, #64]
	ldp	x6, x7, [sp, #48]
	ldp	x4, x5, [sp, #32]
	ldp	x2, x3, [sp, #16]
	ldp	x0, x1, [sp]
	add	sp, sp, #176
	eret

	.bss
	.balign	4096
	.globl like_stacks
like_stacks:
	.space	LIKE_STACK * LIKE_CPUS
	.section .note.GNU-stack, "", %progbits
