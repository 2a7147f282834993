/* SPDX-License-Identifier: MIT */
/* How an attempt begins and ends. */
#include "payload/vm/hostile/context.h"

	/* x9 = this CPU's struct context; MPIDR_EL1 is all that is certain. */
	.macro this_context
	mrs	x9, mpidr_el1
	and	x9, x9, #0xff
	adrp	x10, contexts
	add	x10, x10, :lo12:contexts
	add	x9, x10, x9, lsl #CONTEXT_SHIFT
	.endm

	.text
/* uint64_t hostile_run(const uint64_t *x, const uint32_t *code): x0-x29 are loaded from x, x30 is the code. */
	.globl	hostile_run
hostile_run:
	stp	x29, x30, [sp, #-96]!
	stp	x19, x20, [sp, #16]
	stp	x21, x22, [sp, #32]
	stp	x23, x24, [sp, #48]
	stp	x25, x26, [sp, #64]
	stp	x27, x28, [sp, #80]
	this_context
	mov	x10, sp
	str	x10, [x9, #CONTEXT_SP]
	dc	civac, x9			/* it is read with the caches off */
	dsb	sy
	mov	x30, x1
	ldp	x2, x3, [x0, #16]
	ldp	x4, x5, [x0, #32]
	ldp	x6, x7, [x0, #48]
	ldp	x8, x9, [x0, #64]
	ldp	x10, x11, [x0, #80]
	ldp	x12, x13, [x0, #96]
	ldp	x14, x15, [x0, #112]
	ldp	x16, x17, [x0, #128]
	ldp	x18, x19, [x0, #144]
	ldp	x20, x21, [x0, #160]
	ldp	x22, x23, [x0, #176]
	ldp	x24, x25, [x0, #192]
	ldp	x26, x27, [x0, #208]
	ldp	x28, x29, [x0, #224]
	ldp	x0, x1, [x0]
	br	x30

	/* A CPU starts or wakes up here, and an attempt without an exception ends here. */
	.globl	hostile_entry
	.globl	hostile_back
hostile_entry:
hostile_back:
	mov	x0, xzr
recover:
	msr	daifset, #0xf
	msr	spsel, #1
	/* Before any access to memory: MMU off, little endian. */
	mov	w9, #0x0800
	movk	w9, #0x30d0, lsl #16
	msr	sctlr_el1, x9
	isb
	this_context
	ldp	x10, x11, [x9, #CONTEXT_TTBR0]
	ldp	x12, x13, [x9, #CONTEXT_MAIR]
	msr	ttbr0_el1, x10
	msr	tcr_el1, x11
	msr	mair_el1, x12
	msr	mdscr_el1, xzr
	mov	x14, #(3 << 20)			/* CPACR_EL1.FPEN */
	msr	cpacr_el1, x14
	adrp	x14, hostile_vectors
	add	x14, x14, :lo12:hostile_vectors
	msr	vbar_el1, x14
	ldr	x14, [x9, #CONTEXT_CPU]
	msr	tpidr_el1, x14
	isb
	tlbi	vmalle1
	ic	iallu
	dsb	nsh
	isb
	msr	sctlr_el1, x13
	isb
	ldr	x10, [x9, #CONTEXT_SP]
	str	xzr, [x9, #CONTEXT_SP]
	dc	civac, x9
	dsb	sy
	cbz	x10, 1f
	mov	sp, x10
	ldp	x19, x20, [sp, #16]
	ldp	x21, x22, [sp, #32]
	ldp	x23, x24, [sp, #48]
	ldp	x25, x26, [sp, #64]
	ldp	x27, x28, [sp, #80]
	ldp	x29, x30, [sp], #96
	ret
1:	ldr	x10, [x9, #CONTEXT_STACK]
	mov	sp, x10
	mov	x29, xzr
	mov	x30, xzr
	b	cpu_work

	/* No exception returns. */
	.balign	2048
	.globl	hostile_vectors
hostile_vectors:
	.rept	16
	.balign	128
	mrs	x0, esr_el1
	orr	x0, x0, #(1 << 63)
	b	recover
	.endr
	.section .note.GNU-stack, "", %progbits
