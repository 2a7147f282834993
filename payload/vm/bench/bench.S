/* SPDX-License-Identifier: MIT */
/* See bench.h. The handler leaves the time in x10 and sets x12; x9 to x12 belong to it and to the functions here. */

	.macro unused
	.balign	128
	b	.
	.endm

	.text
	.balign	2048
	.globl bench_vectors
bench_vectors:
	.rept 5
	unused
	.endr
	.balign	128
	mrs	x10, cntvct_el0
	msr	cntv_ctl_el0, xzr
	mrs	x11, S3_0_C12_C12_0		/* ICC_IAR1_EL1 */
	mov	x12, #1
	msr	S3_0_C12_C12_1, x11		/* ICC_EOIR1_EL1 */
	eret
	.rept 10
	unused
	.endr

	.globl bench_self_sgi
bench_self_sgi:
	mov	x12, xzr
	isb
	mrs	x9, cntvct_el0
	msr	S3_0_C12_C11_5, x0		/* ICC_SGI1R_EL1 */
	isb
1:	cbz	x12, 1b
	sub	x0, x10, x9
	ret

	.globl bench_timer_spin
bench_timer_spin:
	mov	x12, xzr
	mov	x11, #1
	msr	cntv_cval_el0, x0
	msr	cntv_ctl_el0, x11
	isb
1:	cbz	x12, 1b
	sub	x0, x10, x0
	ret

	.globl bench_timer_wfi
bench_timer_wfi:
	mov	x12, xzr
	mov	x11, #1
	msr	cntv_cval_el0, x0
	msr	cntv_ctl_el0, x11
	isb
1:	wfi
	cbz	x12, 1b
	sub	x0, x10, x0
	ret

	/* Between the last look and the WFI an interrupt may come: masked, it still ends the WFI. */
	.macro wait_masked
1:	wfi
	msr	daifclr, #2
	isb
	msr	daifset, #2
	cbz	x12, 1b
	.endm

	.globl bench_ping
bench_ping:
	mov	x12, xzr
	isb
	mrs	x9, cntvct_el0
	msr	S3_0_C12_C11_5, x0
	isb
	wait_masked
	str	x9, [x1]
	sub	x0, x10, x9
	ret

	.globl bench_pong
bench_pong:
	mov	x12, xzr
	wait_masked
	str	x10, [x2]
	dsb	ish
	msr	S3_0_C12_C11_5, x0
	isb
	subs	x1, x1, #1
	b.ne	bench_pong
	ret
	.section .note.GNU-stack, "", %progbits
