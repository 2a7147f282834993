/* SPDX-License-Identifier: MIT */
/* The registers of SVE and SME, between memory and the CPU: C here is compiled not to touch them. */

	.arch	armv8-a+sve

	.macro each_register op
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	\op	z\n, [x0, #\n, mul vl]
	.endr
	.irp	n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	\op	z\n, [x0, #\n, mul vl]
	.endr
	addvl	x0, x0, #16
	addvl	x0, x0, #16
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	\op	p\n, [x0, #\n, mul vl]
	.endr
	.endm

	.text
	.globl sve_bytes
sve_bytes:
	rdvl	x0, #1
	ret

	.globl sme_bytes
sme_bytes:
	.inst	0x04bf5820			/* rdsvl x0, #1: older assemblers do not know SME */
	ret

	.globl sve_load
sve_load:
	/* FFR by way of a predicate, so it comes first: it is behind 32 vectors and 16 predicates. */
	addvl	x1, x0, #16
	addvl	x1, x1, #16
	addpl	x1, x1, #16
	ldr	p0, [x1]
	wrffr	p0.b
	each_register ldr
	ret

	.globl sve_store
sve_store:
	each_register str
	rdffr	p0.b
	str	p0, [x0, #16, mul vl]
	ldr	p0, [x0]
	ret

	/* Row w12 of ZA from or to [x0]. */
	.macro each_row instruction
	.inst	0x04bf5823			/* rdsvl x3, #1 */
	mov	w12, wzr
1:	.inst	\instruction
	add	x0, x0, x3
	add	w12, w12, #1
	cmp	w12, w3
	b.lo	1b
	ret
	.endm

	.globl za_load
za_load:
	each_row 0xe1000000			/* ldr za[w12, 0], [x0] */

	.globl za_store
za_store:
	each_row 0xe1200000			/* str za[w12, 0], [x0] */
	.section .note.GNU-stack, "", %progbits
