/* SPDX-License-Identifier: MIT */
/* Offsets into struct context for hostile.S; attempt.c asserts them. */
#ifndef PAYLOAD_VM_HOSTILE_CONTEXT_H
#define PAYLOAD_VM_HOSTILE_CONTEXT_H

#define CONTEXT_SP 0
#define CONTEXT_TTBR0 8
#define CONTEXT_MAIR 24
#define CONTEXT_CPU 40
#define CONTEXT_STACK 48
#define CONTEXT_SIZE 64
#define CONTEXT_SHIFT 6

#endif
