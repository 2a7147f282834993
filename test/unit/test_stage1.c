/* SPDX-License-Identifier: MIT */
#include "mm_test.h"

#include "arch/sysreg.h"
#include "core/mm/stage1.h"
#include "impl/tlb.h"

#define PAGES_MAX 64
#define PFR1_BTI 1
#define SCTLR_M 1

static uint8_t *boot_pages;
static unsigned pages_used, pages_limit;
static struct stage1 s1;

static enum err page_alloc(pa_t *out)
{
	if (pages_used == pages_limit) {
		return ERR_NO_MEMORY;
	}
	*out = pa_from_ptr(boot_pages + pages_used++ * PAGE_SIZE);
	return OK;
}

static const struct stage1_pages source = { .alloc = page_alloc };

static int start(void **state)
{
	(void)state;
	boot_pages = aligned_alloc(PAGE_SIZE, PAGES_MAX * PAGE_SIZE);
	memset(boot_pages, 0, PAGES_MAX * PAGE_SIZE);
	pages_used = 0;
	pages_limit = PAGES_MAX;
	write_sctlr_el2(0);
	assert_int_equal(stage1_init(&s1, &source, PFR1_BTI, false), OK);
	host_tlb_calls = 0;
	return 0;
}

static int finish(void **state)
{
	(void)state;
	write_sctlr_el2(0);
	free(boot_pages);
	return 0;
}

static pte_t leaf_at(uint64_t address, uint64_t *size)
{
	pte_t leaf;

	assert_true(pgtable_lookup(&s1.table, address, &leaf, size));
	return leaf;
}

static void assert_kind(uint64_t address, enum stage1_kind expected)
{
	enum stage1_kind kind;

	assert_true(stage1_lookup(&s1, va(address), &kind));
	assert_int_equal(kind, expected);
}

static void assert_unmapped(uint64_t address)
{
	enum stage1_kind kind;

	assert_false(stage1_lookup(&s1, va(address), &kind));
}

static void stage1_descriptors_are_the_architecture_s(void **state)
{
	/* AttrIndx 4:2, NS 5, AP[1] 6, AP[2] 7, SH 9:8, AF 10, GP 50, PXN 53, XN or UXN 54 */
	static const struct {
		bool e2h;
		uint64_t pfr1;
		enum stage1_kind kind;
		uint64_t bits;
	} cases[] = {
		{ false, PFR1_BTI, STAGE1_CODE, 0x7c3 | 1ULL << 50 },
		{ false, 0, STAGE1_CODE, 0x7c3 },
		{ false, PFR1_BTI, STAGE1_RODATA, 0x7c3 | 1ULL << 54 },
		{ false, PFR1_BTI, STAGE1_DATA, 0x743 | 1ULL << 54 },
		{ false, PFR1_BTI, STAGE1_DATA_NS, 0x763 | 1ULL << 54 },
		{ false, PFR1_BTI, STAGE1_DEVICE, 0x447 | 1ULL << 54 },
		{ true, PFR1_BTI, STAGE1_CODE, 0x783 | 1ULL << 50 | 1ULL << 54 },
		{ true, 0, STAGE1_CODE, 0x783 | 1ULL << 54 },
		{ true, 0, STAGE1_RODATA, 0x783 | 3ULL << 53 },
		{ true, 0, STAGE1_DATA, 0x703 | 3ULL << 53 },
		{ true, 0, STAGE1_DATA_NS, 0x723 | 3ULL << 53 },
		{ true, 0, STAGE1_DEVICE, 0x407 | 3ULL << 53 },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t size;

		finish(state);
		start(state);
		assert_int_equal(stage1_init(&s1, &source, cases[i].pfr1, cases[i].e2h), OK);
		assert_int_equal(stage1_map(&s1, pa(0x40001000), PAGE_SIZE, cases[i].kind), OK);
		assert_int_equal(leaf_at(0x40001000, &size), 0x40001000 | cases[i].bits);
		assert_int_equal(size, PAGE_SIZE);
		assert_kind(0x40001fff, cases[i].kind);
		assert_unmapped(0x40002000);
	}
}

static void stage1_registers(void **state)
{
	(void)state;
	assert_int_equal(stage1_mair(), 0x04ff);
	/* T0SZ 16, inner shareable write-back walks, 4 KiB; RES1 bits 23 and 31. */
	assert_int_equal(stage1_tcr(2, false), 0x80800000 | 2 << 16 | 0x3500 | 16);
	assert_int_equal(stage1_tcr(5, false), 0x80800000 | 5 << 16 | 0x3500 | 16);
	assert_int_equal(stage1_tcr(6, false), 0x80800000 | 5 << 16 | 0x3500 | 16);
	/* IPS in 34:32, EPD1, T1SZ 16, TG1 4 KiB. */
	assert_int_equal(stage1_tcr(5, true), 5ULL << 32 | 2ULL << 30 | 1 << 23 | 16 << 16 | 0x3500 | 16);
}

static void stage1_map_uses_blocks_and_refuses_overlap(void **state)
{
	uint64_t size;

	(void)state;
	assert_int_equal(stage1_map(&s1, pa(GIB(1) - MIB(2)), GIB(1) + MIB(2) + PAGE_SIZE, STAGE1_DATA), OK);
	leaf_at(GIB(1) - 1, &size);
	assert_int_equal(size, BLOCK_SIZE);
	leaf_at(GIB(2) - 1, &size);
	assert_int_equal(size, GIB(1));
	leaf_at(GIB(2), &size);
	assert_int_equal(size, PAGE_SIZE);
	assert_int_equal(host_tlb_calls, 0);
	assert_int_equal(stage1_map(&s1, pa(GIB(2) - PAGE_SIZE), PAGE_SIZE, STAGE1_DATA), ERR_EXISTS);
	assert_int_equal(stage1_map(&s1, pa(0), GIB(1), STAGE1_DEVICE), ERR_EXISTS);
	assert_int_equal(stage1_map(&s1, pa(0), 0, STAGE1_DATA), ERR_INVALID);
	assert_int_equal(stage1_map(&s1, pa(8), PAGE_SIZE, STAGE1_DATA), ERR_INVALID);
	assert_int_equal(stage1_map(&s1, pa(BIT(48)), PAGE_SIZE, STAGE1_DATA), ERR_RANGE);
	assert_int_equal(stage1_map(&s1, pa(BIT(48) - PAGE_SIZE), MIB(1), STAGE1_DATA), ERR_RANGE);
	assert_int_equal(stage1_map(&s1, pa(BIT(48) - PAGE_SIZE), PAGE_SIZE, STAGE1_DATA), OK);
	assert_unmapped(0);
	assert_unmapped(UINT64_MAX);
}

/* Pages beside each other never become a block: that would break entries in use. */
static void stage1_never_merges(void **state)
{
	uint64_t size;

	(void)state;
	for (uint64_t at = 0; at < BLOCK_SIZE; at += PAGE_SIZE) {
		assert_int_equal(stage1_map(&s1, pa(GIB(1) + at), PAGE_SIZE, STAGE1_DATA), OK);
	}
	leaf_at(GIB(1), &size);
	assert_int_equal(size, PAGE_SIZE);
	assert_int_equal(host_tlb_calls, 0);
}

static void stage1_unmap_splits_only_what_is_not_live(void **state)
{
	unsigned used;

	(void)state;
	assert_int_equal(stage1_map(&s1, pa(GIB(1)), GIB(1), STAGE1_DATA), OK);
	assert_int_equal(stage1_unmap(&s1, pa(GIB(1) + MIB(4)), PAGE_SIZE), OK);
	assert_unmapped(GIB(1) + MIB(4));
	assert_kind(GIB(1) + MIB(4) - 1, STAGE1_DATA);
	assert_kind(GIB(1) + MIB(4) + PAGE_SIZE, STAGE1_DATA);
	/* Live, with an ASID and CnP in TTBR0_EL2: a page goes, a part of a block does not. */
	write_ttbr0_el2(s1.table.root.v | BIT(48) | 1);
	write_sctlr_el2(SCTLR_M);
	host_tlb_calls = 0;
	assert_int_equal(stage1_unmap(&s1, pa(GIB(1) + MIB(5)), PAGE_SIZE), OK);
	assert_int_equal(host_tlb_calls, 1);
	assert_int_equal(stage1_unmap(&s1, pa(GIB(1) + MIB(8)), PAGE_SIZE), ERR_DENIED);
	assert_kind(GIB(1) + MIB(8), STAGE1_DATA);
	assert_int_equal(stage1_unmap(&s1, pa(GIB(1) + MIB(8)), MIB(2)), OK);
	assert_unmapped(GIB(1) + MIB(9));
	/* Another map may be live: this one can still be split. */
	write_ttbr0_el2(s1.table.root.v + PAGE_SIZE);
	assert_int_equal(stage1_unmap(&s1, pa(GIB(1) + MIB(16)), PAGE_SIZE), OK);
	/* Tables that fell out of use serve again, clean. */
	assert_int_equal(stage1_unmap(&s1, pa(GIB(1)), GIB(1)), OK);
	assert_int_equal(s1.table.pages, 1);
	used = pages_used;
	assert_int_equal(stage1_map(&s1, pa(GIB(1) + PAGE_SIZE), PAGE_SIZE, STAGE1_CODE), OK);
	assert_int_equal(pages_used, used);
	for (uint64_t at = 0; at < GIB(1); at += PAGE_SIZE) {
		enum stage1_kind kind;

		assert_int_equal(stage1_lookup(&s1, va(GIB(1) + at), &kind), at == PAGE_SIZE);
	}
}

static void stage1_fails_without_a_trace(void **state)
{
	unsigned left;

	(void)state;
	for (left = 0;; left++) {
		enum err e;

		finish(state);
		start(state);
		pages_limit = pages_used + left;
		e = stage1_map(&s1, pa(GIB(1) - PAGE_SIZE), 2 * PAGE_SIZE, STAGE1_CODE);
		if (e == OK) {
			break;
		}
		assert_int_equal(e, ERR_NO_MEMORY);
		assert_int_equal(s1.table.pages, 1);
		assert_unmapped(GIB(1) - PAGE_SIZE);
		assert_unmapped(GIB(1));
		/* The pages that it had got are not lost. */
		pages_limit = PAGES_MAX;
		assert_int_equal(stage1_map(&s1, pa(GIB(1) - PAGE_SIZE), 2 * PAGE_SIZE, STAGE1_CODE), OK);
		assert_int_equal(pages_used, 6);
	}
	assert_int_equal(left, 5); /* one of level 1, two each of levels 2 and 3 */
	pages_limit = pages_used;
	assert_int_equal(stage1_init(&s1, &source, 0, false), ERR_NO_MEMORY);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, start, finish)
	const struct CMUnitTest tests[] = {
		CASE(stage1_descriptors_are_the_architecture_s),  cmocka_unit_test(stage1_registers),
		CASE(stage1_map_uses_blocks_and_refuses_overlap), CASE(stage1_never_merges),
		CASE(stage1_unmap_splits_only_what_is_not_live),  CASE(stage1_fails_without_a_trace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
