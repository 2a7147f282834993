/* SPDX-License-Identifier: MIT */
/*
 * Entry of VMs and of the normal world's programs: an arm64 Linux Image, entered at EL1 or EL2 with the MMU off and
 * x0 = device tree (or any other word that a payload makes sense of). Secondary CPUs arrive at cpu_entry with
 * x0 = their struct cpu.
 */
#include "payload/lib/cpu_offsets.h"

	.section .head.text, "ax"
	.globl _head
_head:
	mrs	x21, cntpct_el0			/* what the benchmark calls the first instruction */
	b	start
	.quad	0				/* text_offset */
	.quad	_image_end - _head
	.quad	0xa				/* little endian, 4 KiB pages, anywhere in RAM */
	.quad	0, 0, 0
	.ascii	"ARM\x64"
	.long	0

	.text
start:
	msr	daifset, #0xf
	mov	x20, x0

	bl	host_extension
	bl	image_prepare
	adrp	x0, boot_stack_end
	mov	sp, x0
	mov	x29, xzr
	mov	x30, xzr
	mov	x0, x20
	mov	x1, x21
	bl	boot_main
	b	.

	/* x0: struct cpu, cleaned to memory by the CPU that started us. No stack until the MMU is on. */
	.globl cpu_entry
cpu_entry:
	msr	daifset, #0xf
	mov	x19, x0
	bl	host_extension
	ldr	x0, [x19, #CPU_TTBR0]
	ldr	x1, [x19, #CPU_TCR]
	ldr	x2, [x19, #CPU_MAIR]
	ldr	x3, [x19, #CPU_SCTLR]
	bl	mmu_enable
	ldr	x1, [x19, #CPU_STACK]
	mov	sp, x1
	mov	x29, xzr
	mov	x30, xzr
	mov	x0, x19
	bl	cpu_main
	b	.

	/*
	 * At EL2 the registers named _EL1 shall be EL2's (HCR_EL2.E2H) and no EL1 exists below (TGE): so all this is
	 * the same program there, with one translation regime and all interrupts its own.
	 */
host_extension:
	mrs	x1, CurrentEL
	cmp	x1, #(2 << 2)
	b.ne	1f
	mov	x1, #(1 << 34)			/* E2H */
	orr	x1, x1, #(1 << 31)		/* RW */
	orr	x1, x1, #(1 << 27)		/* TGE */
	msr	hcr_el2, x1
	isb
1:	ret

	.bss
	.balign	4096
boot_stack:
	.space	16384
	.balign	4096
boot_stack_end:
	.section .note.GNU-stack, "", %progbits
