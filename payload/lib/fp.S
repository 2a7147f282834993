/* SPDX-License-Identifier: MIT */
/* All 32 FP/SIMD registers: C here is compiled not to touch them. */
	.arch	armv8-a+fp+simd

	.macro	each_register op
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	\op	\n
	.endr
	.irp	n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	\op	\n
	.endr
	.endm

	/* Vn = seed + n below, its complement above. */
	.macro	fill n
	add	x1, x0, #\n
	mvn	x2, x1
	fmov	d\n, x1
	ins	v\n\().d[1], x2
	.endm

	.macro	check n
	add	x1, x0, #\n
	mvn	x2, x1
	umov	x3, v\n\().d[0]
	umov	x4, v\n\().d[1]
	cmp	x1, x3
	ccmp	x2, x4, #0, eq
	b.ne	1f
	.endm

	.text
/* void fp_fill(uint64_t seed) */
	.globl	fp_fill
fp_fill:
	each_register fill
	and	x1, x0, #0xc00000		/* FPCR.RMode */
	msr	fpcr, x1
	and	x1, x0, #0x1f			/* FPSR's cumulative flags */
	msr	fpsr, x1
	ret

/* bool fp_holds(uint64_t seed): they are as fp_fill(seed) left them. */
	.globl	fp_holds
fp_holds:
	each_register check
	and	x1, x0, #0xc00000
	mrs	x2, fpcr
	and	x3, x0, #0x1f
	mrs	x4, fpsr
	cmp	x1, x2
	ccmp	x3, x4, #0, eq
	b.ne	1f
	mov	w0, #1
	ret
1:	mov	w0, #0
	ret
	.section .note.GNU-stack, "", %progbits
