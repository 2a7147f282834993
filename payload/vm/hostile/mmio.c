/* SPDX-License-Identifier: MIT */
#include "payload/vm/hostile/hostile.h"

#define BR_X1 0xd61f0020u
#define DC_ZVA_X1 0xd50b7421u
#define DC_CIVAC_X1 0xd50b7e21u

/* Two pages of each CPU's own, which lead somewhere else in each round. */
static uint64_t window(uint32_t cpu)
{
	return GIB(64) + cpu * GIB(1);
}

/* The tables behind the windows are made before the CPUs race. */
void mmio_init(void)
{
	for (uint32_t i = 0; i < cpu_count; i++) {
		mmu_map(window(i), scratch_base, 2 * PAGE_SIZE, MMU_NORMAL, false);
	}
}

static uint64_t random_offset(void)
{
	uint64_t offset = random_below(2 * PAGE_SIZE);

	switch (random_below(4)) {
	case 0:
		return offset; /* unaligned */
	case 1:
		return PAGE_SIZE - random_below(64); /* over the edge */
	default:
		return offset & ~UINT64_C(7);
	}
}

static uint32_t random_use(void)
{
	switch (random_below(16)) {
	case 0:
		return BR_X1;
	case 1:
		return random_once_in(2) ? DC_ZVA_X1 : DC_CIVAC_X1;
	default:
		return random_access();
	}
}

void mmio_round(void)
{
	uint64_t at = window(this_cpu()->index);
	uint64_t second = random_once_in(2) ? random_page() : random_scratch();

	mmu_unmap(at, 2 * PAGE_SIZE);
	mmu_map(at, random_page(), PAGE_SIZE, (enum mmu_type)random_below(3), true);
	mmu_map(at + PAGE_SIZE, second, PAGE_SIZE, (enum mmu_type)random_below(3), true);
	for (uint32_t i = 0; i < 16; i++) {
		struct attempt attempt;

		attempt_begin(&attempt);
		attempt.x[1] = at + random_offset();
		attempt_add(&attempt, random_use());
		attempt_run(&attempt);
	}
}
