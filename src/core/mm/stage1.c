/* SPDX-License-Identifier: MIT */
#include "core/mm/stage1.h"

#include "arch/barrier.h"
#include "arch/sysreg.h"
#include "arch/tlb.h"
#include "lib/str.h"

/* MAIR_EL2 and the indices into it. */
#define ATTR_INDEX_NORMAL 0
#define ATTR_INDEX_DEVICE 1
#define MAIR_NORMAL_WB UINT64_C(0xff)
#define MAIR_DEVICE_NGNRE UINT64_C(0x04)

/* TCR_EL2 (Arm ARM, D19.2): these are at the same place for both values of E2H. */
#define TCR_T0SZ_48_BITS (UINT64_C(16) << 0)
#define TCR_IRGN0_WB (UINT64_C(1) << 8)
#define TCR_ORGN0_WB (UINT64_C(1) << 10)
#define TCR_SH0_INNER (UINT64_C(3) << 12)
/* E2H = 0 */
#define TCR_PS_SHIFT 16
#define TCR_PS_WIDTH 3
#define TCR_RES1 (BIT(23) | BIT(31))
/* E2H = 1: nothing is translated by TTBR1, yet its fields hold values that exist. */
#define TCR_T1SZ_48_BITS (UINT64_C(16) << 16)
#define TCR_EPD1 BIT(23)
#define TCR_TG1_4K (UINT64_C(2) << 30)
#define TCR_IPS_SHIFT 32
#define TCR_IPS_WIDTH 3

#define PARANGE_MASK UINT64_C(0xf)
#define PARANGE_48_BITS UINT64_C(5)

#define ID_AA64PFR1_BT_SHIFT 0
#define ID_AA64PFR1_BT_WIDTH 4

#define SCTLR_M BIT(0)

static void invalidate(const struct pgtable *table, uint64_t base, uint64_t size)
{
	(void)table;
	tlb_el2_range(va(base), size);
}

static const struct pgtable_ops ops = {
	.merges = false, /* a merge would break live entries */
	.invalidate = invalidate,
};

enum err stage1_init(struct stage1 *s1, const struct stage1_pages *pages, uint64_t id_aa64pfr1, bool e2h)
{
	pa_t root;
	enum err e = pages->alloc(&root);

	if (e != OK) {
		return e;
	}
	*s1 = (struct stage1){
		.pages = pages,
		.table = { .ops = &ops, .root = root, .pages = 1, .address_bits = PTE_ADDRESS_BITS },
		.e2h = e2h,
		.bti = FIELD_GET(ID_AA64PFR1_BT, id_aa64pfr1) != 0,
	};
	return OK;
}

static pte_t encode(const struct stage1 *s1, enum stage1_kind kind)
{
	pte_t never_execute = S1_XN | (s1->e2h ? S1_PXN : 0);
	pte_t privileged_execute = (s1->e2h ? S1_XN : 0) | (s1->bti ? S1_GUARDED : 0);
	pte_t common = PTE_AF | (s1->e2h ? 0 : S1_AP_EL0);
	pte_t normal = FIELD_PUT(S1_ATTR_INDEX, ATTR_INDEX_NORMAL) | FIELD_PUT(PTE_SH, PTE_SH_INNER);

	switch (kind) {
	case STAGE1_CODE:
		return common | normal | S1_AP_READ_ONLY | privileged_execute;
	case STAGE1_RODATA:
		return common | normal | S1_AP_READ_ONLY | never_execute;
	case STAGE1_DATA:
		return common | normal | never_execute;
	case STAGE1_DATA_NS:
		return common | normal | never_execute | S1_NS;
	case STAGE1_DEVICE:
	default:
		return common | FIELD_PUT(S1_ATTR_INDEX, ATTR_INDEX_DEVICE) | never_execute;
	}
}

/* Whether this CPU translates its own accesses by the map. */
static bool is_live(const struct stage1 *s1)
{
	return (read_sctlr_el2() & SCTLR_M) != 0 && (read_ttbr0_el2() & PTE_ADDRESS) == s1->table.root.v;
}

static void keep_pages(struct stage1 *s1, struct pgtable_pages *from)
{
	pa_t page;

	while (pgtable_pop(from, &page)) {
		memset(pa_ptr(page), 0, PAGE_SIZE);
		pgtable_push(&s1->spare, page);
	}
}

static enum err apply(struct stage1 *s1, struct pgtable_change *change)
{
	uint64_t tables;
	enum err e = pgtable_check_range(&s1->table, change->base, change->size);

	if (e == OK) {
		e = pgtable_plan(&s1->table, change, &tables);
	}
	if (e != OK) {
		return e;
	}
	if (change->action == PGTABLE_UNMAP && tables > 0 && is_live(s1)) {
		return ERR_DENIED;
	}
	for (; e == OK && tables > 0; tables--) {
		pa_t page;

		if (!pgtable_pop(&s1->spare, &page)) {
			e = s1->pages->alloc(&page);
		}
		if (e == OK) {
			pgtable_push(&change->spare, page);
		}
	}
	if (e == OK) {
		pgtable_commit(&s1->table, change);
		isb(); /* this CPU's next access may need what was mapped */
	}
	keep_pages(s1, &change->spare);
	keep_pages(s1, &change->dead);
	return e;
}

enum err stage1_map(struct stage1 *s1, pa_t base, uint64_t size, enum stage1_kind kind)
{
	struct pgtable_change change = {
		.action = PGTABLE_MAP,
		.base = base.v,
		.size = size,
		.to = base,
		.attrs = encode(s1, kind),
	};

	return apply(s1, &change);
}

enum err stage1_unmap(struct stage1 *s1, pa_t base, uint64_t size)
{
	struct pgtable_change change = { .action = PGTABLE_UNMAP, .base = base.v, .size = size };

	return apply(s1, &change);
}

bool stage1_lookup(const struct stage1 *s1, va_t address, enum stage1_kind *kind)
{
	pte_t leaf;
	uint64_t size;

	if (!pgtable_lookup(&s1->table, address.v, &leaf, &size)) {
		return false;
	}
	if (FIELD_GET(S1_ATTR_INDEX, leaf) == ATTR_INDEX_DEVICE) {
		*kind = STAGE1_DEVICE;
	} else if ((leaf & S1_AP_READ_ONLY) == 0) {
		*kind = (leaf & S1_NS) != 0 ? STAGE1_DATA_NS : STAGE1_DATA;
	} else {
		*kind = pte_attrs(leaf) == encode(s1, STAGE1_CODE) ? STAGE1_CODE : STAGE1_RODATA;
	}
	return true;
}

uint64_t stage1_mair(void)
{
	return MAIR_NORMAL_WB << (8 * ATTR_INDEX_NORMAL) | MAIR_DEVICE_NGNRE << (8 * ATTR_INDEX_DEVICE);
}

uint64_t stage1_tcr(uint64_t id_aa64mmfr0, bool e2h)
{
	uint64_t size_enc = MIN(id_aa64mmfr0 & PARANGE_MASK, PARANGE_48_BITS);
	uint64_t common = TCR_T0SZ_48_BITS | TCR_IRGN0_WB | TCR_ORGN0_WB | TCR_SH0_INNER;

	if (e2h) {
		return common | TCR_T1SZ_48_BITS | TCR_EPD1 | TCR_TG1_4K | FIELD_PUT(TCR_IPS, size_enc);
	}
	return common | TCR_RES1 | FIELD_PUT(TCR_PS, size_enc);
}
