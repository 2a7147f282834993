/* SPDX-License-Identifier: MIT */
/* See crowd.h. CROWD_SPIN_COUNT, 1005, is what one round of crowd_spin executes. */
	.arch	armv8-a+fp

	.text
	.globl crowd_spin
crowd_spin:
	mov	x9, xzr
1:	mov	x10, #500
2:	subs	x10, x10, #1
	b.ne	2b
	add	x9, x9, #1
	mrs	x11, cntpct_el0
	cmp	x11, x0
	b.lo	1b
	mov	x0, x9
	ret

	.globl crowd_gap
crowd_gap:
	mrs	x10, cntpct_el0
1:	cbz	w1, 2f
	fmov	d0, x0
2:	mov	x9, x10
	mrs	x10, cntpct_el0
	cmp	x10, x2
	b.hs	3f
	sub	x11, x10, x9
	cmp	x11, x0
	b.lo	1b
	mov	x0, x11
	ret
3:	mov	x0, xzr
	ret

	.globl crowd_use_fp
crowd_use_fp:
	fmov	d0, x0
	ret

	/* A marker for scripts/qemu/count.c. */
	.globl crowd_mark
crowd_mark:
	hint	#0x7f
	ret
	.section .note.GNU-stack, "", %progbits
