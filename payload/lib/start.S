/* SPDX-License-Identifier: MIT */
/*
 * Entry of every payload: an arm64 Linux Image, entered at EL1 with the MMU off and x0 = device tree (or any
 * other word that a payload makes sense of). Secondary CPUs arrive at cpu_entry with x0 = their struct cpu.
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
	adrp	x0, _bss_start
2:	stp	xzr, xzr, [x0], #16
	cmp	x0, x1
	b.lo	2b

	/* R_AARCH64_RELATIVE is the only kind there is: *(base + offset) = base + addend. */
	adr	x0, _head
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

	/* void mmu_enable(ttbr0, tcr, mair, sctlr); uses no stack. */
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

	.bss
	.balign	4096
boot_stack:
	.space	16384
	.balign	4096
boot_stack_end:
	.section .note.GNU-stack, "", %progbits
