/* SPDX-License-Identifier: MIT */
/*
 * void first_look(struct look *): entry of a started CPU that writes down how it found itself and turns itself
 * off.
 */

	.text
	.globl first_look
first_look:
	mrs	x1, currentel
	mrs	x2, daif
	mrs	x3, sctlr_el1
	mrs	x4, spsel
	str	x0, [x0, #8]
	stp	x1, x2, [x0, #16]
	stp	x3, x4, [x0, #32]
	dsb	sy
	ldr	x9, [x0]
	ldr	w10, =0x84000002		/* PSCI CPU_OFF */
	mov	x0, x10
	cbnz	x9, 1f
	hvc	#0
	b	.
1:	smc	#0
	b	.
	.section .note.GNU-stack, "", %progbits
