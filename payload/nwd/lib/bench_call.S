/* SPDX-License-Identifier: MIT */
/* See bench.h: as payload/lib/ffa_call.S, with the counter read next to the SMC. */
	.text
	.globl bench_call
bench_call:
	stp	x19, x30, [sp, #-32]!
	stp	x20, x21, [sp, #16]
	mov	x19, x0
	ldp	x0, x1, [x19]
	ldp	x2, x3, [x19, #16]
	ldp	x4, x5, [x19, #32]
	ldp	x6, x7, [x19, #48]
	ldp	x8, x9, [x19, #64]
	ldp	x10, x11, [x19, #80]
	ldp	x12, x13, [x19, #96]
	ldp	x14, x15, [x19, #112]
	ldp	x16, x17, [x19, #128]
	mrs	x20, cntpct_el0
	smc	#0
	mrs	x21, cntpct_el0
	stp	x0, x1, [x19]
	stp	x2, x3, [x19, #16]
	stp	x4, x5, [x19, #32]
	stp	x6, x7, [x19, #48]
	stp	x8, x9, [x19, #64]
	stp	x10, x11, [x19, #80]
	stp	x12, x13, [x19, #96]
	stp	x14, x15, [x19, #112]
	stp	x16, x17, [x19, #128]
	sub	x0, x21, x20
	ldp	x20, x21, [sp, #16]
	ldp	x19, x30, [sp], #32
	ret
	.section .note.GNU-stack, "", %progbits
