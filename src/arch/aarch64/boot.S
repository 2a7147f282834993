/* SPDX-License-Identifier: MIT */
/*
 * From the loader to C. The first CPU comes here by the arm64 boot protocol or from EL3, as the SPMC does (x0 = device
 * tree, MMU off, interrupts masked); the others, and any that was off, come to boot_secondary with nothing.
 */
#include "arch/aarch64/asm.h"
#include "offsets.h"

#define HCR_E2H_BIT 34
#define SCTLR_EL2_RES1 0x30c50830

	.section .head.text, "ax"
	.global _start
_start:
	b boot_primary
	.long 0
	.quad 0				/* text_offset */
	.quad image_end - _start	/* image_size: memory needed, with .bss and the boot area */
	.quad 0xa			/* little endian, 4 KiB pages, anywhere in memory */
	.quad 0, 0, 0
	.ascii "ARM\x64"
	.long 0

/* To the root of both paths: a known EL2, MMU and caches off, no trap of our own instructions. Keeps x19..x28. */
boot_el2_regs:
	msr spsel, #1
	msr daifset, #0xf
	mov x1, #(1 << 31)		/* HCR_EL2.RW; E2H and TGE clear where the CPU lets us */
boot_set_hcr:				/* test/system/vhe.py sets E2H here: QEMU has no CPU that insists on it */
	msr hcr_el2, x1
	isb
	movz x1, #(SCTLR_EL2_RES1 >> 16), lsl #16
	movk x1, #(SCTLR_EL2_RES1 & 0xffff)
	msr sctlr_el2, x1
	isb
	ret

boot_primary:
	adrp x1, boot_late_stacks
	ldr x1, [x1, :lo12:boot_late_stacks]
	cbnz x1, boot_late
	mov x20, x0
	adrp x21, _start
	mrs x1, CurrentEL
	cmp x1, #(2 << 2)
	cset w22, eq
	b.ne 1f
	bl boot_el2_regs
1:
	/* Relocate: R_AARCH64_RELATIVE is all that a static PIE has. */
	adrp x1, rela_start
	add x1, x1, :lo12:rela_start
	adrp x2, rela_end
	add x2, x2, :lo12:rela_end
2:	cmp x1, x2
	b.hs 3f
	ldp x3, x4, [x1], #16
	ldr x5, [x1], #8
	cmp w4, #1027			/* R_AARCH64_RELATIVE */
	b.ne boot_stop
	add x5, x5, x21
	str x5, [x3, x21]
	b 2b
3:
	adrp x1, bss_start
	add x1, x1, :lo12:bss_start
	adrp x2, bss_end
	add x2, x2, :lo12:bss_end
4:	cmp x1, x2
	b.hs 5f
	stp xzr, xzr, [x1], #64
	stp xzr, xzr, [x1, #-48]
	stp xzr, xzr, [x1, #-32]
	stp xzr, xzr, [x1, #-16]
	b 4b
5:
	adrp x1, boot_area
	add x1, x1, :lo12:boot_area
	add x19, x1, #CPU_AREA_CPU
	mov sp, x19			/* the stack ends where struct cpu begins */
	mov x29, xzr
	mov x30, xzr
	mov x0, x20
	cbz w22, boot_at_el1
	msr tpidr_el2, x19
	mov x1, x19
	bl boot_map			/* C, MMU off: fills boot_mmu */
	bl boot_mmu_on
	mov x0, x20
	mov x1, x19
	bl boot_main
boot_stop:
	wfe
	b boot_stop

boot_at_el1:
	bl boot_wrong_el
	b boot_stop

/* Turns on this CPU's MMU with the values in boot_mmu. Keeps x19..x28. */
boot_mmu_on:
	adrp x1, boot_mmu
	add x1, x1, :lo12:boot_mmu
	ldp x2, x3, [x1]		/* ttbr0, tcr */
	ldp x4, x5, [x1, #16]		/* mair, sctlr */
	ldp x6, x7, [x1, #32]		/* vbar, hcr */
	msr hcr_el2, x7
	msr mair_el2, x4
	msr tcr_el2, x3
	msr ttbr0_el2, x2
	msr vbar_el2, x6
	isb
	/* What an earlier stage left in TLBs and instruction caches is not ours. */
	tlbi alle2
	ic iallu
	dsb nsh
	isb
	msr sctlr_el2, x5
	isb
	ret

/*
 * A CPU that was turned on. An SPMD that turns one on again restores all of EL2's registers as they were when it went
 * off, so the MMU may be on, and x0 means nothing: the CPU is known by its affinity (boot_cpus).
 */
	.global boot_secondary
	.hidden boot_secondary
boot_secondary:
	mrs x1, CurrentEL
	cmp x1, #(2 << 2)
	b.ne boot_stop
	bl boot_el2_regs
	mrs x1, mpidr_el1
	movz x2, #0xff, lsl #32
	movk x2, #0xff, lsl #16
	movk x2, #0xffff
	and x1, x1, x2
	adrp x3, boot_cpus
	add x3, x3, :lo12:boot_cpus
1:	ldp x4, x19, [x3], #16
	cbz x19, boot_stop
	cmp x4, x1
	b.ne 1b
	bl boot_mmu_on
	msr tpidr_el2, x19
	ldr x1, [x19, #CPU_STACK_TOP]
	mov sp, x1
	mov x29, xzr
	mov x30, xzr
	mov x0, x19
	bl cpu_main
	b boot_stop

/* The first CPU is still at its boot, which failed: see boot_late_stacks. EL3 is below us; x4 is the CPU's number. */
boot_late:
	mov x19, x1
	bl boot_el2_regs
	cmp x4, #BOOT_CPU_MAX
	b.hs boot_stop
	add x4, x4, #1
	mov x5, #BOOT_LATE_STACK_SIZE
	madd x4, x4, x5, x19
	mov sp, x4
	mov x29, xzr
	mov x30, xzr
	bl machine_late_cpu
	b boot_stop

	.section .boot_area, "aw", %nobits
	.p2align 12
	.global boot_area
	.hidden boot_area
boot_area:
	.skip CPU_AREA_SIZE
