/* SPDX-License-Identifier: MIT */
/* What an image does to itself before C, and the MMU. Nothing here uses a stack. */

	.text
	/* Zeroes .bss and applies the relocations. With the MMU off; changes x0-x4. */
	.globl image_prepare
image_prepare:
	/*
	 * The loader cleaned the file's bytes only: stale lines over .bss must not come back once the caches
	 * are on.
	 */
	adrp	x0, _bss_start
	adrp	x1, _bss_end
	mrs	x2, ctr_el0
	ubfx	x2, x2, #16, #4
	mov	x3, #4
	lsl	x3, x3, x2			/* bytes of the smallest data cache line */
1:	dc	ivac, x0
	add	x0, x0, x3
	cmp	x0, x1
	b.lo	1b
	dsb	sy

	/* The same without cache maintenance, for an image at EL0. */
	.globl image_relocate
image_relocate:
	adrp	x0, _bss_start
	adrp	x1, _bss_end
2:	stp	xzr, xzr, [x0], #16
	cmp	x0, x1
	b.lo	2b

	/* R_AARCH64_RELATIVE is the only kind there is: *(base + offset) = base + addend. */
	adrp	x0, _head
	add	x0, x0, :lo12:_head
	adrp	x1, _rela_start
	add	x1, x1, :lo12:_rela_start
	adrp	x2, _rela_end
	add	x2, x2, :lo12:_rela_end
3:	cmp	x1, x2
	b.hs	4f
	ldr	x3, [x1]
	ldr	x4, [x1, #16]
	add	x4, x4, x0
	str	x4, [x0, x3]
	add	x1, x1, #24
	b	3b
4:	dsb	sy
	ret

	/* void mmu_enable(ttbr0, tcr, mair, sctlr) */
	.globl mmu_enable
mmu_enable:
	ic	iallu
	tlbi	vmalle1
	dsb	nsh
	msr	mair_el1, x2
	msr	tcr_el1, x1
	msr	ttbr0_el1, x0
	isb
	msr	sctlr_el1, x3
	isb
	ret
	.section .note.GNU-stack, "", %progbits
