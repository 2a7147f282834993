/* SPDX-License-Identifier: MIT */
#include "payload/lib/arch.h"

void cache_clean(const void *start, uint64_t size)
{
	uint64_t line = UINT64_C(4) << BITS(read_sysreg(ctr_el0), 19, 16);
	uint64_t end = (uint64_t)start + size;

	for (uint64_t at = (uint64_t)start & ~(line - 1); at < end; at += line) {
		__asm__ volatile("dc civac, %0" ::"r"(at) : "memory");
	}
	dsb();
}
