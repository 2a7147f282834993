/* SPDX-License-Identifier: MIT */
#include "arch/aarch64/asm.h"

/*
 * copy_bytes(to, from, size). SCTLR_EL2.A is 0, so any address will do. What is left after the last whole block is
 * copied as the block that ends where the data ends: some bytes twice.
 */
func copy_bytes, 6
	add x4, x0, x2 // ends
	add x5, x1, x2
	cmp x2, #16
	b.lo 3f
	subs x2, x2, #64
	b.lo 2f
1:	ldp x6, x7, [x1]
	ldp x8, x9, [x1, #16]
	ldp x10, x11, [x1, #32]
	ldp x12, x13, [x1, #48]
	add x1, x1, #64
	subs x2, x2, #64
	stp x6, x7, [x0]
	stp x8, x9, [x0, #16]
	stp x10, x11, [x0, #32]
	stp x12, x13, [x0, #48]
	add x0, x0, #64
	b.hs 1b
2:	adds x2, x2, #64 // left, 0 to 63; 16 bytes or more lie before the end
	b.eq 9f
	ldp x14, x15, [x5, #-16]
	tbz x2, #5, 1f
	ldp x6, x7, [x1]
	ldp x8, x9, [x1, #16]
	add x1, x1, #32
	stp x6, x7, [x0]
	stp x8, x9, [x0, #16]
	add x0, x0, #32
1:	tbz x2, #4, 2f
	ldp x6, x7, [x1]
	stp x6, x7, [x0]
2:	stp x14, x15, [x4, #-16]
9:	ret
3:	tbz x2, #3, 4f
	ldr x6, [x1]
	ldr x7, [x5, #-8]
	str x6, [x0]
	str x7, [x4, #-8]
	ret
4:	tbz x2, #2, 5f
	ldr w6, [x1]
	ldr w7, [x5, #-4]
	str w6, [x0]
	str w7, [x4, #-4]
	ret
5:	cbz x2, 9b
	ldrb w6, [x1]
	ldrb w7, [x5, #-1]
	lsr x2, x2, #1 // of 3 bytes the middle one
	ldrb w8, [x1, x2]
	strb w6, [x0]
	strb w8, [x0, x2]
	strb w7, [x4, #-1]
	ret
endfunc copy_bytes
