/* SPDX-License-Identifier: MIT */
#ifndef IMPL_ZERO_H
#define IMPL_ZERO_H

#include "arch/sysreg.h"
#include "lib/str.h"

#define DCZID_BS_MASK UINT64_C(0xf) /* log2 of the words that one DC ZVA clears; at most 2 KiB */
#define DCZID_DZP BIT(4)            /* DC ZVA is prohibited */

static inline void zero_pages(void *base, size_t size)
{
	uint64_t dczid = read_dczid_el0();
	uintptr_t at = (uintptr_t)base, end = at + size;
	uint64_t block = UINT64_C(4) << (dczid & DCZID_BS_MASK);

	if ((dczid & DCZID_DZP) != 0) {
		memset(base, 0, size);
		return;
	}
	/* A page has two blocks at least. */
	for (; at < end; at += 2 * block) {
		__asm__ volatile("dc zva, %0" ::"r"(at) : "memory");
		__asm__ volatile("dc zva, %0" ::"r"(at + block) : "memory");
	}
}

#endif
