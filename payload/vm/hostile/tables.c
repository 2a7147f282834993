/* SPDX-License-Identifier: MIT */
#include "payload/vm/hostile/hostile.h"

#define ENTRIES 512
#define ISB 0xd5033fdfu
#define MSR_TTBR0_X29 0xd518201du
#define MSR_TCR_X28 0xd518205cu
#define MSR_MAIR_X27 0xd518a21bu
#define MSR_SCTLR_X26 0xd518101au
#define TLBI_VMALLE1 0xd508871fu
#define ADD_X1_X1_X25 0x8b190021u

#define DESC_TABLE UINT64_C(3)
#define DESC_ADDRESS UINT64_C(0x0000fffffffff000)
#define DESC_AF BIT(10)
/* A block of normal, inner shareable, executable memory: the program. */
#define DESC_PROGRAM (UINT64_C(1) | 3 << 8 | DESC_AF | BIT(54))
#define PROGRAM_BLOCK 1 /* the second 2 MiB of RAM */

/* M, A, C, SA, SA0, I: what does not keep the program from running in its block. */
#define SCTLR_PLAY (BIT(1) | BIT(2) | BIT(3) | BIT(4) | BIT(12))
/* Attributes of walks, the top byte ignored, hardware management of access and dirty state. */
#define TCR_PLAY (UINT64_C(0x3f) << 8 | BIT(37) | BIT(39) | BIT(40) | BIT(41))

/* One pair for each CPU; all CPUs write to all of them. */
static uint64_t level1[CPU_MAX][ENTRIES] __attribute__((aligned(4096)));
static uint64_t level2[CPU_MAX][ENTRIES] __attribute__((aligned(4096)));

static uint64_t random_descriptor(void)
{
	uint64_t bits = random_next();

	switch (random_below(8)) {
	case 0:
		return bits;
	case 1:
	case 2:
		return random_scratch() | DESC_TABLE;
	case 3: /* a device, or nothing, as a table */
		return (random_page() & DESC_ADDRESS) | DESC_TABLE;
	default:
		return (random_page() & DESC_ADDRESS) | (bits & UINT64_C(0xfff0000000000ffc)) | DESC_AF | 1 |
		       (bits & 2);
	}
}

/* A few gigabytes only, so that what is changed is met. */
static void change_tables(void)
{
	uint32_t n = (uint32_t)random_below(cpu_count);
	uint64_t gigabyte = random_below(8), block = random_below(ENTRIES);

	if (random_once_in(2) && gigabyte != ram_base >> 30) {
		*(volatile uint64_t *)&level1[n][gigabyte] = random_descriptor();
	} else if (block != PROGRAM_BLOCK) {
		*(volatile uint64_t *)&level2[n][block] = random_descriptor();
	}
	*((volatile uint64_t *)random_scratch() + random_below(ENTRIES)) = random_descriptor();
}

void tables_init(void)
{
	for (uint32_t i = 0; i < cpu_count; i++) {
		level2[i][PROGRAM_BLOCK] = (ram_base + PROGRAM_BLOCK * BLOCK_SIZE) | DESC_PROGRAM;
		level1[i][ram_base >> 30] = (uint64_t)level2[i] | DESC_TABLE;
	}
}

/* An address that the tables play with, not the program's. */
static uint64_t random_target(void)
{
	uint64_t address = random_below(8) << 30 | random_below(BIT(random_once_in(2) ? 16 : 30));

	return address >= ram_base && address < scratch_base ? address + MIB(16) : address;
}

void tables_round(void)
{
	uint32_t n = random_once_in(4) ? (uint32_t)random_below(cpu_count) : this_cpu()->index;
	struct attempt attempt;

	for (uint32_t i = 0; i < 16; i++) {
		change_tables();
	}
	dsb();
	attempt_begin(&attempt);
	attempt.x[29] = (uint64_t)level1[n];
	attempt.x[28] = mmu_regs.tcr ^ (random_next() & TCR_PLAY);
	attempt.x[27] = random_once_in(2) ? mmu_regs.mair : random_next();
	attempt.x[26] = mmu_regs.sctlr ^ (random_next() & (SCTLR_PLAY | random_once_in(8)));
	attempt.x[25] = random_below(4) * PAGE_SIZE;
	attempt.x[1] = random_target();
	attempt_add(&attempt, MSR_TTBR0_X29);
	attempt_add(&attempt, MSR_TCR_X28);
	attempt_add(&attempt, MSR_MAIR_X27);
	attempt_add(&attempt, MSR_SCTLR_X26);
	attempt_add(&attempt, ISB);
	if (random_once_in(2)) {
		attempt_add(&attempt, TLBI_VMALLE1);
	}
	for (uint32_t i = 0; i < 3; i++) {
		attempt_add(&attempt, random_access());
		attempt_add(&attempt, ADD_X1_X1_X25);
	}
	attempt_run(&attempt);
}
