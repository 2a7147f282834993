/* SPDX-License-Identifier: MIT */
#ifndef IMPL_MMIO_H
#define IMPL_MMIO_H

#include "lib/base.h"

/* Inline assembly keeps to plain addressing: a compiler may choose writeback forms, whose aborts carry no syndrome. */
#define MMIO_ACCESSORS(bits, load, store, reg)                                                     \
	static inline uint##bits##_t mmio_read##bits(uintptr_t address)                            \
	{                                                                                          \
		uint##bits##_t value;                                                              \
		__asm__ volatile(load " %" reg "0, [%1]" : "=r"(value) : "r"(address) : "memory"); \
		return value;                                                                      \
	}                                                                                          \
	static inline void mmio_write##bits(uintptr_t address, uint##bits##_t value)               \
	{                                                                                          \
		__asm__ volatile(store " %" reg "0, [%1]" ::"r"(value), "r"(address) : "memory");  \
	}

MMIO_ACCESSORS(8, "ldrb", "strb", "w")
MMIO_ACCESSORS(16, "ldrh", "strh", "w")
MMIO_ACCESSORS(32, "ldr", "str", "w")
MMIO_ACCESSORS(64, "ldr", "str", "x")
#undef MMIO_ACCESSORS

#endif
