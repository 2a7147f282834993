/* SPDX-License-Identifier: MIT */
/*
 * Entry of the partition at S-EL0: its memory is there as the package was loaded, and read-only. FFA_MEM_PERM_SET makes
 * what is data writable; only then there is a stack.
 */
#include "payload/sp/lib/stack.h"

#define FFA_MEM_PERM_SET_64 0xc4000089
#define FFA_PERM_RW 5
#define FFA_ERROR 0x84000060

	.section .head.text, "ax"
	.globl _head
_head:
	ldr	w0, =FFA_MEM_PERM_SET_64
	adrp	x1, _data_start
	adrp	x2, _image_end
	sub	x2, x2, x1
	lsr	x2, x2, #12
	mov	x3, #FFA_PERM_RW
	svc	#0
	ldr	w1, =FFA_ERROR
	cmp	w0, w1
	b.eq	.				/* nothing can be said without data */
	bl	image_relocate
	adrp	x0, stack_end
	mov	sp, x0
	mov	x29, xzr
	bl	sp_main
	b	.

	.bss
	.balign	4096
	.space	SP_STACK_SIZE
stack_end:
	.balign	4096
	.section .note.GNU-stack, "", %progbits
