/* SPDX-License-Identifier: MIT */
/* The developer's machine: a register is a word in memory. */
#ifndef IMPL_MMIO_H
#define IMPL_MMIO_H

#include "lib/base.h"

#define MMIO_ACCESSORS(bits)                                                         \
	static inline uint##bits##_t mmio_read##bits(uintptr_t address)              \
	{                                                                            \
		return *(volatile uint##bits##_t *)address;                          \
	}                                                                            \
	static inline void mmio_write##bits(uintptr_t address, uint##bits##_t value) \
	{                                                                            \
		*(volatile uint##bits##_t *)address = value;                         \
	}

MMIO_ACCESSORS(8)
MMIO_ACCESSORS(16)
MMIO_ACCESSORS(32)
MMIO_ACCESSORS(64)
#undef MMIO_ACCESSORS

#endif
