/* SPDX-License-Identifier: MIT */
/*
 * EL2 runs with HCR_EL2.TGE = 0, so for both values of E2H the EL1 operations speak of the guest's regime with the VMID
 * in VTTBR_EL2, and the EL2 operations of our own. Our entries are global, so their ASID does not matter.
 * Range operations are written as SYS, since assemblers for Armv8.0 do not know them.
 */
#include "arch/tlb.h"

#include "arch/barrier.h"
#include "arch/sysreg.h"

/* Operand of the range operations (Arm ARM, C5.5): (NUM + 1) * 2^(5 * SCALE + 1) pages from BaseADDR, any level. */
#define RANGE_BASE_SHIFT 0
#define RANGE_BASE_WIDTH 37
#define RANGE_NUM_SHIFT 39
#define RANGE_NUM_WIDTH 5
#define RANGE_SCALE_SHIFT 44
#define RANGE_SCALE_WIDTH 2
#define RANGE_SCALE_MAX 3
#define RANGE_TG_4K (UINT64_C(1) << 46)
#define RANGE_NUM_MAX 32

#define VTTBR_VMID_SHIFT 48

#define ADDRESS_SHIFT 0
#define ADDRESS_WIDTH 44
/* Of both forms by IPA (Arm ARM, C5.5.15 and C5.5.41): in the Secure state, which of the IPA spaces. */
#define IPA_NS BIT(63)

#define ID_AA64ISAR0_TLB_SHIFT 56
#define ID_AA64ISAR0_TLB_WIDTH 4
#define ID_AA64ISAR0_TLB_RANGE 2

/* Pages beyond which everything is invalidated: the walks that this costs are cheaper than so many operations. */
#define BY_PAGE_MAX 64
#define BY_RANGE_MAX (UINT64_C(RANGE_NUM_MAX) << (5 * RANGE_SCALE_MAX + 1))

enum regime { REGIME_EL2, REGIME_STAGE2, REGIME_STAGE2_NS };

static void invalidate_page(enum regime regime, uint64_t page)
{
	uint64_t operand = FIELD_PUT(ADDRESS, page) | (regime == REGIME_STAGE2_NS ? IPA_NS : 0);

	if (regime == REGIME_EL2) {
		__asm__ volatile("tlbi vae2is, %0" ::"r"(operand) : "memory");
	} else {
		__asm__ volatile("tlbi ipas2e1is, %0" ::"r"(operand) : "memory");
	}
}

static void invalidate_run(enum regime regime, uint64_t page, unsigned scale, uint64_t count)
{
	uint64_t operand = RANGE_TG_4K | FIELD_PUT(RANGE_SCALE, scale) | FIELD_PUT(RANGE_NUM, count - 1) |
			   FIELD_PUT(RANGE_BASE, page) | (regime == REGIME_STAGE2_NS ? IPA_NS : 0);

	if (regime == REGIME_EL2) {
		__asm__ volatile("sys #4, c8, c2, #1, %0" ::"r"(operand) : "memory"); /* TLBI RVAE2IS */
	} else {
		__asm__ volatile("sys #4, c8, c0, #2, %0" ::"r"(operand) : "memory"); /* TLBI RIPAS2E1IS */
	}
}

/* At most one operation for each scale and one for an odd page. */
static void invalidate_by_range(enum regime regime, uint64_t page, uint64_t pages)
{
	for (unsigned scale = RANGE_SCALE_MAX + 1; scale-- > 0;) {
		unsigned shift = 5 * scale + 1;
		uint64_t count = pages >> shift;

		if (count > 0) {
			invalidate_run(regime, page, scale, count);
			page += count << shift;
			pages -= count << shift;
		}
	}
	if (pages > 0) {
		invalidate_page(regime, page);
	}
}

/* False, and nothing done, if the range is so large that everything should go. */
static bool invalidate_range(enum regime regime, uint64_t base, uint64_t size)
{
	uint64_t page = base >> PAGE_SHIFT, pages = size >> PAGE_SHIFT;
	bool has_range = FIELD_GET(ID_AA64ISAR0_TLB, read_id_aa64isar0_el1()) >= ID_AA64ISAR0_TLB_RANGE;

	if (pages > (has_range ? BY_RANGE_MAX : BY_PAGE_MAX)) {
		return false;
	}
	if (has_range) {
		invalidate_by_range(regime, page, pages);
		return true;
	}
	for (; pages > 0; page++, pages--) {
		invalidate_page(regime, page);
	}
	return true;
}

void tlb_el2_range(va_t base, uint64_t size)
{
	dsb_ishst();
	if (!invalidate_range(REGIME_EL2, base.v, size)) {
		__asm__ volatile("tlbi alle2is" ::: "memory");
	}
	dsb_ish();
	isb();
}

static bool vmid_differs(uint64_t a, uint64_t b)
{
	return ((a ^ b) >> VTTBR_VMID_SHIFT) != 0;
}

/*
 * Loads the VMID for the operations that take it from VTTBR_EL2. Nothing is translated by it meanwhile: EL2 has its own
 * regime and executes no AT instruction between these two.
 */
static uint64_t vmid_load(uint64_t vttbr)
{
	uint64_t old = read_vttbr_el2();

	if (vmid_differs(old, vttbr)) {
		write_vttbr_el2(vttbr);
		isb();
	}
	return old;
}

static void vmid_restore(uint64_t vttbr, uint64_t old)
{
	if (vmid_differs(old, vttbr)) {
		write_vttbr_el2(old);
	}
	isb();
}

void tlb_stage2_range(uint64_t vttbr, ipa_t base, uint64_t size, bool ns)
{
	uint64_t old;

	dsb_ishst();
	old = vmid_load(vttbr);
	if (invalidate_range(ns ? REGIME_STAGE2_NS : REGIME_STAGE2, base.v, size)) {
		/* Stage 2 is gone before entries that were made of both stages are (Arm ARM, D8.16.5). */
		dsb_ish();
		__asm__ volatile("tlbi vmalle1is" ::: "memory");
	} else {
		__asm__ volatile("tlbi vmalls12e1is" ::: "memory");
	}
	dsb_ish();
	vmid_restore(vttbr, old);
}

void tlb_stage2_all(uint64_t vttbr)
{
	uint64_t old;

	dsb_ishst();
	old = vmid_load(vttbr);
	__asm__ volatile("tlbi vmalls12e1is" ::: "memory");
	dsb_ish();
	vmid_restore(vttbr, old);
}
