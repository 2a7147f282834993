/* SPDX-License-Identifier: MIT */
/* What assembly files share. */
#ifndef ARCH_AARCH64_ASM_H
#define ARCH_AARCH64_ASM_H

/* func name ... endfunc name: a global function of the image. */
.macro func name, align=2
	.text
	.p2align \align
	.global \name
	.hidden \name
	.type \name, %function
	\name:
	hint #34 /* BTI c */
.endm

.macro endfunc name
	.size \name, . - \name
.endm

/* Nothing after an exception return may run, not even speculatively. */
.macro eret_guarded
	eret
	dsb nsh
	isb
.endm

#endif
