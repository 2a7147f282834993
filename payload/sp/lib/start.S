/* SPDX-License-Identifier: MIT */
/*
 * Entry of a partition at S-EL1: MMU off, x4 = index of the CPU, x0 = boot information (gp-register-num = <0>), the
 * others zero. Other CPUs arrive at sp_secondary, with x4 too.
 */
#include "payload/sp/lib/stack.h"

	.section .head.text, "ax"
	.globl _head
_head:
	mov	x19, x4
	mov	x20, x0
	bl	image_prepare
	bl	set_stack
	mov	x0, x19
	mov	x1, x20
	bl	sp_boot
	b	.

	.text
	.globl sp_secondary
sp_secondary:
	mov	x19, x4
	adrp	x9, mmu_regs
	add	x9, x9, :lo12:mmu_regs
	ldp	x0, x1, [x9]
	ldp	x2, x3, [x9, #16]
	bl	mmu_enable
	bl	set_stack
	mov	x0, x19
	bl	sp_boot_secondary
	b	.

	/* Of CPU x19. */
set_stack:
	adrp	x0, stacks
	mov	x1, #SP_STACK_SIZE
	madd	x0, x19, x1, x0
	add	sp, x0, x1
	mov	x29, xzr
	ret

	.bss
	.balign	4096
stacks:
	.space	SP_STACK_SIZE * SP_STACKS
	.section .note.GNU-stack, "", %progbits
