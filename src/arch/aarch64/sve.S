/* SPDX-License-Identifier: MIT */
/* Scalable vector registers, between memory and the CPU. EL2's own code never uses them. */
#include "arch/aarch64/asm.h"

	.arch armv8-a+sve

#define AREA_VECTORS 16 /* behind FPSR and FPCR */

	.macro each_vector op
	.irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, \
		16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	\op z\n, [x0, #\n, mul vl]
	.endr
	.endm

	.macro each_predicate op
	.irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	\op p\n, [x0, #\n, mul vl]
	.endr
	.endm

/* x0: from the first vector to the first predicate. */
	.macro skip_vectors
	addvl x0, x0, #16
	addvl x0, x0, #16
	.endm

/* uint64_t sve_vector_bytes(void) */
func sve_vector_bytes
	rdvl x0, #1
	ret
endfunc sve_vector_bytes

/* uint64_t sve_streaming_bytes(void) */
func sve_streaming_bytes
	.inst 0x04bf5820 /* rdsvl x0, #1: older assemblers do not know FEAT_SME */
	ret
endfunc sve_streaming_bytes

/* void sve_save(void *area, bool ffr) */
func sve_save
	mrs x2, fpsr
	mrs x3, fpcr
	stp x2, x3, [x0], #AREA_VECTORS
	each_vector str
	skip_vectors
	each_predicate str
	tbz w1, #0, 1f
	rdffr p0.b
	str p0, [x0, #16, mul vl]
	ldr p0, [x0]
1:	ret
endfunc sve_save

/* void sve_load(const void *area, bool ffr) */
func sve_load
	ldp x2, x3, [x0], #AREA_VECTORS
	each_vector ldr
	skip_vectors
	tbz w1, #0, 1f
	ldr p0, [x0, #16, mul vl]
	wrffr p0.b
1:	each_predicate ldr
	msr fpsr, x2
	msr fpcr, x3
	ret
endfunc sve_load
