/* SPDX-License-Identifier: MIT */
/* Offsets into struct cpu for start.S; cpu.c asserts them. */
#ifndef PAYLOAD_LIB_CPU_OFFSETS_H
#define PAYLOAD_LIB_CPU_OFFSETS_H

#define CPU_STACK 0
#define CPU_TTBR0 8
#define CPU_TCR 16
#define CPU_MAIR 24
#define CPU_SCTLR 32

#endif
