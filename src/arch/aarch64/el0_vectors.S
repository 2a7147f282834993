/* SPDX-License-Identifier: MIT */
/* EL2 does not come back to the instruction behind an HVC: it returns to EL0. */
#include "arch/el0_vectors.h"

.macro vector immediate
	.p2align 7
	hvc #\immediate
	b .
.endm

	.section .text.el0_vectors, "ax"
	.p2align 12
	.global el0_vectors
	.hidden el0_vectors
	.type el0_vectors, %object
el0_vectors:
	.rept 8 /* from EL1 itself, where nothing else ever runs */
	vector EL0_HVC_OTHER
	.endr
	vector EL0_HVC_SYNC /* from EL0: synchronous, IRQ, FIQ, SError */
	.rept 7 /* and AArch32, which does not run */
	vector EL0_HVC_OTHER
	.endr
	.p2align 12
	.size el0_vectors, . - el0_vectors
