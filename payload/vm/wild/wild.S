/* SPDX-License-Identifier: MIT */
/* uint64_t mmu_off_load(uint64_t address): no stack and no memory but the address, as caches are off in between. */

	.text
	.globl mmu_off_load
mmu_off_load:
	mrs	x9, daif
	msr	daifset, #0xf
	mrs	x10, vbar_el1
	adr	x11, off_vectors
	msr	vbar_el1, x11
	mrs	x12, sctlr_el1
	bic	x13, x12, #(1 << 0)
	bic	x13, x13, #(1 << 2)
	mov	x14, xzr
	dsb	sy
	isb
	msr	sctlr_el1, x13
	isb
	ldr	w15, [x0]
	dsb	sy
	isb
	msr	sctlr_el1, x12
	isb
	msr	vbar_el1, x10
	isb
	msr	daif, x9
	mov	x0, x14
	ret

	.balign	2048
off_vectors:
	.skip	0x200
	mrs	x14, esr_el1
	mrs	x15, elr_el1
	add	x15, x15, #4
	msr	elr_el1, x15
	eret
	.balign	2048
	.section .note.GNU-stack, "", %progbits
