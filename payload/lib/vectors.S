/* SPDX-License-Identifier: MIT */
/* Exception vectors: save everything on the stack, call C, restore. */

	.macro save
	sub	sp, sp, #272
	stp	x0, x1, [sp, #0]
	stp	x2, x3, [sp, #16]
	stp	x4, x5, [sp, #32]
	stp	x6, x7, [sp, #48]
	stp	x8, x9, [sp, #64]
	stp	x10, x11, [sp, #80]
	stp	x12, x13, [sp, #96]
	stp	x14, x15, [sp, #112]
	stp	x16, x17, [sp, #128]
	stp	x18, x19, [sp, #144]
	stp	x20, x21, [sp, #160]
	stp	x22, x23, [sp, #176]
	stp	x24, x25, [sp, #192]
	stp	x26, x27, [sp, #208]
	stp	x28, x29, [sp, #224]
	mrs	x0, elr_el1
	mrs	x1, spsr_el1
	stp	x30, x0, [sp, #240]
	str	x1, [sp, #256]
	.endm

	.macro vector name, number=0
	.balign	128
	save
	mov	x0, sp
	mov	x1, #\number
	bl	\name
	b	restore
	.endm

	.text
	.balign	2048
	.globl exception_vectors
exception_vectors:
	vector	exception_unexpected, 0
	vector	exception_unexpected, 1
	vector	exception_unexpected, 2
	vector	exception_unexpected, 3
	vector	exception_sync
	vector	exception_irq
	vector	exception_unexpected, 6
	vector	exception_unexpected, 7
	vector	exception_unexpected, 8
	vector	exception_unexpected, 9
	vector	exception_unexpected, 10
	vector	exception_unexpected, 11
	vector	exception_unexpected, 12
	vector	exception_unexpected, 13
	vector	exception_unexpected, 14
	vector	exception_unexpected, 15

restore:
	/* A handler may have opened interrupts; ELR and SPSR must survive until the ERET. */
	msr	daifset, #2
	ldp	x30, x0, [sp, #240]
	ldr	x1, [sp, #256]
	msr	elr_el1, x0
	msr	spsr_el1, x1
	ldp	x0, x1, [sp, #0]
	ldp	x2, x3, [sp, #16]
	ldp	x4, x5, [sp, #32]
	ldp	x6, x7, [sp, #48]
	ldp	x8, x9, [sp, #64]
	ldp	x10, x11, [sp, #80]
	ldp	x12, x13, [sp, #96]
	ldp	x14, x15, [sp, #112]
	ldp	x16, x17, [sp, #128]
	ldp	x18, x19, [sp, #144]
	ldp	x20, x21, [sp, #160]
	ldp	x22, x23, [sp, #176]
	ldp	x24, x25, [sp, #192]
	ldp	x26, x27, [sp, #208]
	ldp	x28, x29, [sp, #224]
	add	sp, sp, #272
	eret
	.section .note.GNU-stack, "", %progbits
