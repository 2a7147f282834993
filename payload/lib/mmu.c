/* SPDX-License-Identifier: MIT */
#include "payload/lib/mmu.h"

#include "payload/lib/arch.h"

#define ENTRIES 512
#define TABLE_COUNT 24

#define DESC_VALID BIT(0)
#define DESC_TABLE BIT(1) /* at levels 1 and 2; a page at level 3 */
#define DESC_ATTR(n) ((uint64_t)(n) << 2)
#define DESC_SH_INNER (UINT64_C(3) << 8)
#define DESC_AF BIT(10)
#define DESC_PXN BIT(53)
#define DESC_UXN BIT(54)
#define DESC_ADDRESS UINT64_C(0x0000fffffffff000)

/* MAIR attributes in the order of enum mmu_type. */
#define MAIR (UINT64_C(0xff) | UINT64_C(0x04) << 8 | UINT64_C(0x44) << 16)
/* T0SZ 25, inner and outer write-back, inner shareable, TTBR1 off. */
#define TCR (25 | 1 << 8 | 1 << 10 | 3 << 12 | 1 << 23)
#define TCR_IPS_SHIFT 32
/* RES1 bits of Armv8.0, stack alignment checks, no WFI/WFE trap from EL0; M, C, I. */
#define SCTLR (UINT64_C(0x30d00800) | BIT(16) | BIT(18) | BIT(12) | BIT(4) | BIT(3) | BIT(2) | BIT(0))

#define CPACR_FPEN (UINT64_C(3) << 20)

struct mmu_regs mmu_regs;

static uint64_t tables[TABLE_COUNT][ENTRIES] __attribute__((aligned(4096)));
static uint32_t tables_used;

void mmu_enable(uint64_t ttbr0, uint64_t tcr, uint64_t mair, uint64_t sctlr);

static uint64_t *table_new(void)
{
	return tables_used < TABLE_COUNT ? tables[tables_used++] : NULL;
}

/* The table that 'entry' points to, made if there is none; NULL if the pool is empty or a block is in the way. */
static uint64_t *table_below(uint64_t *entry)
{
	uint64_t *table;

	if ((*entry & (DESC_VALID | DESC_TABLE)) == (DESC_VALID | DESC_TABLE)) {
		return (uint64_t *)(*entry & DESC_ADDRESS);
	}
	table = (*entry & DESC_VALID) != 0 ? NULL : table_new();
	if (table != NULL) {
		dsb();
		*entry = (uint64_t)table | DESC_TABLE | DESC_VALID;
	}
	return table;
}

static uint64_t *level1_entry(uint64_t va)
{
	return &tables[0][va >> 30];
}

bool mmu_map(uint64_t va, uint64_t pa, uint64_t size, enum mmu_type type, bool exec)
{
	uint64_t attributes = DESC_VALID | DESC_AF | DESC_SH_INNER | DESC_ATTR(type) | DESC_UXN;

	attributes |= exec ? 0 : DESC_PXN;
	for (uint64_t step; size != 0; va += step, pa += step, size -= step) {
		uint64_t *level2 = table_below(level1_entry(va));
		uint64_t *entry;

		if (level2 == NULL) {
			return false;
		}
		entry = &level2[BITS(va, 29, 21)];
		step = BLOCK_SIZE;
		if (((va | pa) & (BLOCK_SIZE - 1)) == 0 && size >= BLOCK_SIZE && *entry == 0) {
			*entry = pa | attributes;
			continue;
		}
		step = PAGE_SIZE;
		entry = table_below(entry);
		if (entry == NULL) {
			return false;
		}
		entry[BITS(va, 20, 12)] = pa | attributes | DESC_TABLE;
	}
	dsb();
	isb();
	return true;
}

void mmu_flush(void)
{
	__asm__ volatile("dsb ishst\n\ttlbi vmalle1is\n\tdsb ish\n\tisb" ::: "memory");
}

void mmu_unmap(uint64_t va, uint64_t size)
{
	for (uint64_t step; size != 0; va += step, size -= step) {
		uint64_t *level2 = (uint64_t *)(*level1_entry(va) & DESC_ADDRESS);
		uint64_t *entry = &level2[BITS(va, 29, 21)];

		step = (*entry & DESC_TABLE) != 0 ? PAGE_SIZE : BLOCK_SIZE;
		if (step == PAGE_SIZE) {
			entry = &((uint64_t *)(*entry & DESC_ADDRESS))[BITS(va, 20, 12)];
		}
		*entry = 0;
	}
	mmu_flush();
}

uint64_t *mmu_level1(uint64_t va)
{
	return level1_entry(va);
}

void mmu_begin(void)
{
	table_new(); /* tables[0] is level 1 */
}

void mmu_start(void)
{
	uint64_t parange = BITS(read_sysreg(id_aa64mmfr0_el1), 3, 0);

	mmu_regs = (struct mmu_regs){
		.ttbr0 = (uint64_t)tables[0],
		.tcr = TCR | MIN(parange, 5) << TCR_IPS_SHIFT,
		.mair = MAIR,
		.sctlr = SCTLR,
	};
	write_sysreg(cpacr_el1, CPACR_FPEN);
	mmu_enable(mmu_regs.ttbr0, mmu_regs.tcr, mmu_regs.mair, mmu_regs.sctlr);
}
