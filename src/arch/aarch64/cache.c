/* SPDX-License-Identifier: MIT */
#include "arch/cache.h"

#include "arch/barrier.h"
#include "arch/sysreg.h"

/* CTR_EL0 (Arm ARM, D19.2): line sizes as log2 of words; what an instruction fetch needs. */
#define CTR_IMINLINE_SHIFT 0
#define CTR_IMINLINE_WIDTH 4
#define CTR_L1IP_SHIFT 14
#define CTR_L1IP_WIDTH 2
#define CTR_L1IP_PIPT 3
#define CTR_DMINLINE_SHIFT 16
#define CTR_DMINLINE_WIDTH 4
#define CTR_IDC BIT(28) /* data needs no cleaning to the point of unification */
#define CTR_DIC BIT(29) /* instruction caches need no invalidation */

/* From here on, all instruction caches at once cost less than line by line. */
#define BY_LINE_MAX MIB(1)

#define for_each_line(at, base, size, line)                                                                            \
	for (uintptr_t at = ALIGN_DOWN((uintptr_t)(base), line), at##_end = (uintptr_t)(base) + (size); at < at##_end; \
	     at += (line))

void cache_clean_invalidate(const void *base, uint64_t size)
{
	uint64_t line = UINT64_C(4) << FIELD_GET(CTR_DMINLINE, read_ctr_el0());

	for_each_line(at, base, size, line)
	{
		__asm__ volatile("dc civac, %0" ::"r"(at) : "memory");
	}
	dsb_sy();
}

static void invalidate_instructions(const void *base, uint64_t size, uint64_t ctr)
{
	uint64_t line = UINT64_C(4) << FIELD_GET(CTR_IMINLINE, ctr);

	/*
	 * By address reaches every alias in a PIPT cache only; the guest sees the memory at other addresses than EL2.
	 */
	if (FIELD_GET(CTR_L1IP, ctr) != CTR_L1IP_PIPT || size > BY_LINE_MAX) {
		__asm__ volatile("ic ialluis" ::: "memory");
		return;
	}
	for_each_line(at, base, size, line)
	{
		__asm__ volatile("ic ivau, %0" ::"r"(at) : "memory");
	}
}

void cache_sync_code(const void *base, uint64_t size)
{
	uint64_t ctr = read_ctr_el0();
	uint64_t line = UINT64_C(4) << FIELD_GET(CTR_DMINLINE, ctr);

	if ((ctr & CTR_IDC) == 0) {
		for_each_line(at, base, size, line)
		{
			__asm__ volatile("dc cvau, %0" ::"r"(at) : "memory");
		}
	}
	dsb_ish();
	if ((ctr & CTR_DIC) == 0) {
		invalidate_instructions(base, size, ctr);
		dsb_ish();
	}
	isb();
}
