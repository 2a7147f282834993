/* SPDX-License-Identifier: MIT */
/* What stage 2 promises, case by case; test_pgtable.c adds random calls under a simulated TLB. */
#include "mm_test.h"

#include "core/mm/stage2.h"
#include "impl/tlb.h"

#define ARENA MIB(4)
#define RWX (STAGE2_R | STAGE2_W | STAGE2_X)
#define MMFR0_40_BITS 2
#define MMFR0_48_BITS 5
#define MMFR1_VMID16 0x20
#define VMID 0x1234

static struct stage2 s2;
static pa_t arena;
static uint64_t free_at_start;

/* What was invalidated since forget_tlb(). */
static struct host_tlb_call tlb_last;
static unsigned tlb_count;

static void tlb_note(const struct host_tlb_call *call)
{
	tlb_last = *call;
	tlb_count++;
}

static void forget_tlb(void)
{
	tlb_count = 0;
	tlb_last = (struct host_tlb_call){ 0 };
}

static void start_bits(unsigned bits)
{
	pa_t page;

	pool_reset();
	if (arena.v == 0) {
		arena = arena_alloc(ARENA);
	}
	assert_int_equal(pool_add(arena, ARENA), OK);
	assert_int_equal(pool_alloc_page(&page), OK); /* keeps the first chunk, so that its record is always counted */
	free_at_start = pool_free_pages();
	host_tlb_called = tlb_note;
	assert_int_equal(stage2_init(&s2, STAGE2_VM, bits, VMID, MMFR0_48_BITS, MMFR1_VMID16), OK);
	forget_tlb();
}

static int start(void **state)
{
	(void)state;
	start_bits(39);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	forget_tlb();
	stage2_destroy(&s2);
	assert_true(tlb_count > 0);
	assert_int_equal(pool_free_pages(), free_at_start);
	host_tlb_called = NULL;
	return 0;
}

static void assert_leads(uint64_t from, uint64_t to, unsigned attrs, uint64_t run)
{
	unsigned got_attrs;
	uint64_t got_run;
	pa_t got;

	assert_true(stage2_lookup(&s2, ipa(from), &got, &got_attrs, &got_run));
	assert_int_equal(got.v, to);
	assert_int_equal(got_attrs, attrs);
	assert_int_equal(got_run, run);
}

static void assert_unmapped(uint64_t from)
{
	unsigned attrs;
	uint64_t run;
	pa_t to;

	assert_false(stage2_lookup(&s2, ipa(from), &to, &attrs, &run));
}

static pte_t leaf_at(uint64_t from)
{
	uint64_t size;
	pte_t leaf;

	assert_true(pgtable_lookup(&s2.table, from, &leaf, &size));
	return leaf;
}

/* ---- registers ---- */

static void stage2_ipa_bits_covers_what_is_needed(void **state)
{
	static const unsigned pa_bits[] = { 32, 36, 40, 42, 44, 48, 48, 48, 48 };

	(void)state;
	for (unsigned range = 0; range < ARRAY_SIZE(pa_bits); range++) {
		assert_int_equal(stage2_ipa_bits(0xabcd0 | range, 0), 32);
		assert_int_equal(stage2_ipa_bits(range, GIB(4)), 32);
		assert_int_equal(stage2_ipa_bits(range, GIB(4) + 1), range == 0 ? 0 : 33);
		assert_int_equal(stage2_ipa_bits(range, BIT(pa_bits[range])), pa_bits[range]);
		assert_int_equal(stage2_ipa_bits(range, BIT(pa_bits[range]) + 1), 0);
		assert_int_equal(stage2_ipa_bits(range, UINT64_MAX), 0);
	}
}

/* The walk that the registers describe must resolve exactly ipa_bits (Arm ARM, D8.2.10: T0SZ, SL0, concatenation). */
static void stage2_init_fits_the_walk_to_the_size(void **state)
{
	(void)state;
	for (unsigned bits = 32; bits <= 48; bits++) {
		unsigned sl0, levels, root_bits;

		start_bits(bits);
		sl0 = (s2.vtcr >> 6) & 3;
		assert_int_equal(s2.table.start_level, 2 - sl0);
		levels = 4 - s2.table.start_level;
		root_bits = bits - (12 + 9 * (levels - 1)); /* resolved by the root */
		assert_in_range(root_bits, 1, 13);
		assert_int_equal(s2.root_pages, root_bits <= 9 ? 1 : 1 << (root_bits - 9));
		assert_int_equal(64 - (s2.vtcr & 0x3f), bits);
		assert_true(IS_ALIGNED(s2.table.root.v, s2.root_pages * PAGE_SIZE));
		assert_int_equal(s2.vttbr, s2.table.root.v | (uint64_t)VMID << 48);
		assert_int_equal(s2.vtcr & ~UINT64_C(0xff),
				 UINT64_C(0x80000000) | 1 << 19 | 5 << 16 | 3 << 12 | 1 << 10 | 1 << 8);
		/* The first and the last page of the space, and nothing behind. */
		assert_int_equal(stage2_map(&s2, ipa(BIT(bits) - PAGE_SIZE), pa(0x9000), PAGE_SIZE, STAGE2_R), OK);
		assert_int_equal(stage2_map(&s2, ipa(0), pa(0x9000), PAGE_SIZE, STAGE2_R), OK);
		assert_leads(BIT(bits) - 1, 0x9fff, STAGE2_R, 1);
		assert_leads(0, 0x9000, STAGE2_R, PAGE_SIZE);
		assert_int_equal(stage2_map(&s2, ipa(BIT(bits)), pa(0x9000), PAGE_SIZE, STAGE2_R), ERR_RANGE);
		assert_unmapped(BIT(bits));
		finish(state);
	}
}

static void stage2_init_refuses_what_the_cpu_cannot_do(void **state)
{
	struct stage2 other;
	pa_t page;

	(void)state;
	assert_int_equal(stage2_init(&other, STAGE2_VM, 31, 1, MMFR0_48_BITS, 0), ERR_RANGE);
	assert_int_equal(stage2_init(&other, STAGE2_VM, 41, 1, MMFR0_40_BITS, 0), ERR_RANGE);
	assert_int_equal(stage2_init(&other, STAGE2_VM, 49, 1, MMFR0_48_BITS + 1, 0), ERR_RANGE);
	assert_int_equal(stage2_init(&other, STAGE2_VM, 40, 1, MMFR0_40_BITS, 0x10), OK);
	assert_int_equal(other.vtcr & (BIT(19) | 7 << 16), 2 << 16); /* 8-bit VMID, 40-bit output */
	assert_int_equal(other.root_pages, 2);
	stage2_destroy(&other);
	while (pool_alloc_page(&page) == OK) {
	}
	assert_int_equal(stage2_init(&other, STAGE2_VM, 40, 1, MMFR0_48_BITS, 0), ERR_NO_MEMORY);
	start_bits(39);
}

static void stage2_init_and_destroy_forget_the_vmid(void **state)
{
	struct stage2 other;
	uint64_t vttbr;

	(void)state;
	forget_tlb();
	assert_int_equal(stage2_init(&other, STAGE2_VM, 36, 9, MMFR0_48_BITS, MMFR1_VMID16), OK);
	assert_int_equal(tlb_count, 1);
	assert_int_equal(tlb_last.kind, HOST_TLB_STAGE2_ALL);
	vttbr = other.vttbr;
	assert_int_equal(tlb_last.vttbr, vttbr);
	assert_int_equal(stage2_map(&other, ipa(0), pa(PAGE_SIZE), MIB(64), RWX), OK);
	stage2_destroy(&other);
	assert_int_equal(tlb_last.kind, HOST_TLB_STAGE2_ALL);
	assert_int_equal(tlb_last.vttbr, vttbr);
}

/* ---- descriptors ---- */

static void stage2_descriptors_are_the_architecture_s(void **state)
{
	static const struct {
		unsigned attrs;
		uint64_t bits;
	} cases[] = {
		/* MemAttr 0b1111 in 5:2, S2AP in 7:6, SH 0b11 in 9:8, AF in 10, XN in 54, state from 56 */
		{ RWX, 0x3c | 0xc0 | 0x300 | 0x400 },
		{ STAGE2_R, 0x3c | 0x40 | 0x300 | 0x400 | 1ULL << 54 },
		{ STAGE2_W, 0x3c | 0x80 | 0x300 | 0x400 | 1ULL << 54 },
		{ 0, 0x3c | 0x300 | 0x400 | 1ULL << 54 },
		{ STAGE2_R | STAGE2_X | STAGE2_SHARED_OWNED, 0x3c | 0x40 | 0x300 | 0x400 | 1ULL << 56 },
		{ STAGE2_R | STAGE2_X | STAGE2_SHARED_BORROWED | STAGE2_NS, 0x3c | 0x40 | 0x300 | 0x400 | 5ULL << 55 },
		{ STAGE2_R | STAGE2_W | STAGE2_DEVICE, 0x04 | 0xc0 | 0x400 | 1ULL << 54 },
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(stage2_map(&s2, ipa(0x8000), pa(0x123456789000), PAGE_SIZE, cases[i].attrs), OK);
		assert_int_equal(leaf_at(0x8000), 0x123456789000 | cases[i].bits | 3);
		assert_leads(0x8010, 0x123456789010, cases[i].attrs, PAGE_SIZE - 0x10);
		assert_int_equal(stage2_map(&s2, ipa(MIB(4)), pa(MIB(6)), BLOCK_SIZE, cases[i].attrs), OK);
		assert_int_equal(leaf_at(MIB(4)), MIB(6) | cases[i].bits | 1);
		assert_int_equal(stage2_unmap(&s2, ipa(0), GIB(1)), OK);
	}
}

static void stage2_refuses_attributes_that_make_no_sense(void **state)
{
	static const unsigned wrong[] = { STAGE2_DEVICE | STAGE2_R | STAGE2_X, STAGE2_LENT | STAGE2_R, 1U << 5,
					  1U << 10, ~0U };

	(void)state;
	assert_int_equal(stage2_map(&s2, ipa(0), pa(0), PAGE_SIZE, STAGE2_R), OK);
	for (unsigned i = 0; i < ARRAY_SIZE(wrong); i++) {
		assert_int_equal(stage2_map(&s2, ipa(PAGE_SIZE), pa(0), PAGE_SIZE, wrong[i]), ERR_INVALID);
		assert_int_equal(stage2_protect(&s2, ipa(0), PAGE_SIZE, wrong[i]), ERR_INVALID);
	}
	assert_leads(0, 0, STAGE2_R, PAGE_SIZE);
	assert_unmapped(PAGE_SIZE);
}

/* ---- ranges ---- */

static void stage2_refuses_ranges_that_cannot_be(void **state)
{
	static const struct {
		uint64_t base, size;
		enum err expected;
	} cases[] = {
		{ 0, 0, ERR_INVALID },
		{ 1, PAGE_SIZE, ERR_INVALID },
		{ 0, PAGE_SIZE + 1, ERR_INVALID },
		{ 0, PAGE_SIZE - 1, ERR_INVALID },
		{ BIT(39), PAGE_SIZE, ERR_RANGE },
		{ BIT(39) - PAGE_SIZE, 2 * PAGE_SIZE, ERR_RANGE },
		{ 0, BIT(39) + PAGE_SIZE, ERR_RANGE },
		{ PAGE_SIZE, BIT(39), ERR_RANGE },
		{ ALIGN_DOWN(UINT64_MAX, PAGE_SIZE), PAGE_SIZE, ERR_RANGE },
		{ ALIGN_DOWN(UINT64_MAX, PAGE_SIZE), 2 * PAGE_SIZE, ERR_RANGE },
		{ PAGE_SIZE, ALIGN_DOWN(UINT64_MAX, PAGE_SIZE), ERR_RANGE },
		{ BIT(48), BIT(63), ERR_RANGE },
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(stage2_map(&s2, ipa(cases[i].base), pa(0), cases[i].size, STAGE2_R),
				 cases[i].expected);
		assert_int_equal(stage2_protect(&s2, ipa(cases[i].base), cases[i].size, STAGE2_R), cases[i].expected);
		assert_int_equal(stage2_unmap(&s2, ipa(cases[i].base), cases[i].size), cases[i].expected);
	}
	assert_int_equal(stage2_map(&s2, ipa(0), pa(8), PAGE_SIZE, STAGE2_R), ERR_INVALID);
	assert_int_equal(stage2_map(&s2, ipa(0), pa(BIT(48)), PAGE_SIZE, STAGE2_R), ERR_RANGE);
	assert_int_equal(stage2_map(&s2, ipa(0), pa(BIT(48) - PAGE_SIZE), 2 * PAGE_SIZE, STAGE2_R), ERR_RANGE);
	assert_int_equal(stage2_map(&s2, ipa(0), pa(ALIGN_DOWN(UINT64_MAX, PAGE_SIZE)), 2 * PAGE_SIZE, STAGE2_R),
			 ERR_RANGE);
	assert_int_equal(s2.table.pages, s2.root_pages);
	assert_int_equal(tlb_count, 0);
	/* The whole space in one call: only blocks of 1 GiB. */
	assert_int_equal(stage2_map(&s2, ipa(0), pa(0), BIT(39), RWX), OK);
	assert_int_equal(s2.table.pages, s2.root_pages);
	assert_leads(BIT(39) - 1, BIT(39) - 1, RWX, 1);
	assert_int_equal(stage2_unmap(&s2, ipa(0), BIT(39)), OK);
	assert_unmapped(0);
}

/* ---- blocks ---- */

static void stage2_map_uses_the_largest_blocks(void **state)
{
	(void)state;
	assert_int_equal(stage2_map(&s2, ipa(GIB(1) - PAGE_SIZE), pa(GIB(5) - PAGE_SIZE),
				    GIB(1) + BLOCK_SIZE + 2 * PAGE_SIZE, RWX),
			 OK);
	assert_leads(GIB(1) - PAGE_SIZE, GIB(5) - PAGE_SIZE, RWX, PAGE_SIZE);
	assert_leads(GIB(1), GIB(5), RWX, GIB(1));
	assert_leads(GIB(2), GIB(6), RWX, BLOCK_SIZE);
	assert_leads(GIB(2) + BLOCK_SIZE, GIB(6) + BLOCK_SIZE, RWX, PAGE_SIZE);
	assert_unmapped(GIB(2) + BLOCK_SIZE + PAGE_SIZE);
	assert_int_equal(s2.table.pages, s2.root_pages + 4);
	assert_int_equal(tlb_count, 0); /* what was invalid is in no TLB */
	/* The output decides as well. */
	assert_int_equal(stage2_map(&s2, ipa(GIB(3)), pa(GIB(3) + PAGE_SIZE), BLOCK_SIZE, RWX), OK);
	assert_leads(GIB(3), GIB(3) + PAGE_SIZE, RWX, PAGE_SIZE);
}

static void stage2_map_fails_as_a_whole(void **state)
{
	(void)state;
	assert_int_equal(stage2_map(&s2, ipa(MIB(9)), pa(0), PAGE_SIZE, RWX), OK);
	assert_int_equal(stage2_map(&s2, ipa(PAGE_SIZE), pa(0), MIB(9), RWX), ERR_EXISTS);
	assert_int_equal(stage2_map(&s2, ipa(0), pa(0), GIB(1), RWX), ERR_EXISTS);
	assert_unmapped(PAGE_SIZE);
	assert_unmapped(MIB(9) - PAGE_SIZE);
	assert_int_equal(s2.table.pages, s2.root_pages + 2);
}

static void stage2_protect_fails_as_a_whole(void **state)
{
	(void)state;
	assert_int_equal(stage2_map(&s2, ipa(0), pa(0), MIB(8), RWX), OK);
	assert_int_equal(stage2_unmap(&s2, ipa(MIB(7)), PAGE_SIZE), OK);
	forget_tlb();
	assert_int_equal(stage2_protect(&s2, ipa(PAGE_SIZE), MIB(8) - PAGE_SIZE, STAGE2_R), ERR_NOT_FOUND);
	assert_int_equal(stage2_protect(&s2, ipa(MIB(6)), MIB(4), STAGE2_R), ERR_NOT_FOUND);
	assert_leads(0, 0, RWX, BLOCK_SIZE);
	assert_leads(MIB(6), MIB(6), RWX, PAGE_SIZE);
	assert_int_equal(tlb_count, 0);
}

static void stage2_unmap_splits_and_map_merges(void **state)
{
	(void)state;
	assert_int_equal(stage2_map(&s2, ipa(GIB(1)), pa(GIB(1)), GIB(1), RWX), OK);
	assert_leads(GIB(1), GIB(1), RWX, GIB(1));
	/* One page out of a block of 1 GiB takes two tables, and one break of that block. */
	assert_int_equal(stage2_unmap(&s2, ipa(GIB(1) + MIB(2)), PAGE_SIZE), OK);
	assert_int_equal(s2.table.pages, s2.root_pages + 2);
	assert_int_equal(tlb_count, 1);
	assert_int_equal(tlb_last.kind, HOST_TLB_STAGE2_RANGE);
	assert_int_equal(tlb_last.base, GIB(1));
	assert_int_equal(tlb_last.size, GIB(1));
	assert_int_equal(tlb_last.vttbr, s2.vttbr);
	assert_unmapped(GIB(1) + MIB(2));
	assert_leads(GIB(1) + MIB(2) + PAGE_SIZE, GIB(1) + MIB(2) + PAGE_SIZE, RWX, PAGE_SIZE);
	assert_leads(GIB(1), GIB(1), RWX, BLOCK_SIZE);
	/* Put back with other attributes it stays a page; with the same all comes together. */
	assert_int_equal(stage2_map(&s2, ipa(GIB(1) + MIB(2)), pa(GIB(1) + MIB(2)), PAGE_SIZE, STAGE2_R), OK);
	assert_leads(GIB(1) + MIB(2), GIB(1) + MIB(2), STAGE2_R, PAGE_SIZE);
	assert_int_equal(stage2_protect(&s2, ipa(GIB(1) + MIB(2)), PAGE_SIZE, RWX), OK);
	assert_leads(GIB(1), GIB(1), RWX, GIB(1));
	assert_int_equal(s2.table.pages, s2.root_pages);
}

static void stage2_unmap_is_content_with_holes(void **state)
{
	(void)state;
	assert_int_equal(stage2_unmap(&s2, ipa(0), BIT(39)), OK);
	assert_int_equal(tlb_count, 0);
	assert_int_equal(stage2_map(&s2, ipa(MIB(2) + PAGE_SIZE), pa(0), PAGE_SIZE, RWX), OK);
	assert_int_equal(stage2_map(&s2, ipa(GIB(7)), pa(0), PAGE_SIZE, RWX), OK);
	assert_int_equal(stage2_unmap(&s2, ipa(PAGE_SIZE), GIB(7)), OK);
	assert_int_equal(tlb_count, 1);
	assert_true(range_in(GIB(7), PAGE_SIZE, tlb_last.base, tlb_last.size));
	assert_true(range_in(MIB(2) + PAGE_SIZE, PAGE_SIZE, tlb_last.base, tlb_last.size));
	assert_int_equal(s2.table.pages, s2.root_pages);
}

/* ---- what a call costs and touches ---- */

static void stage2_invalidates_once_and_only_what_changed(void **state)
{
	(void)state;
	assert_int_equal(stage2_map(&s2, ipa(0), pa(0), MIB(64), RWX), OK);
	assert_int_equal(tlb_count, 0);
	/* Permissions of many blocks: no break. */
	assert_int_equal(stage2_protect(&s2, ipa(MIB(2)), MIB(32), STAGE2_R), OK);
	assert_int_equal(tlb_count, 1);
	assert_int_equal(tlb_last.base, MIB(2));
	assert_int_equal(tlb_last.size, MIB(32));
	/* What is so already, and what only software reads, needs nothing. */
	forget_tlb();
	assert_int_equal(stage2_protect(&s2, ipa(MIB(2)), MIB(32), STAGE2_R), OK);
	assert_int_equal(stage2_protect(&s2, ipa(MIB(3)), PAGE_SIZE, STAGE2_R), OK);
	assert_int_equal(stage2_protect(&s2, ipa(MIB(2)), MIB(32), STAGE2_R | STAGE2_SHARED_OWNED), OK);
	assert_int_equal(tlb_count, 0);
	assert_int_equal(s2.table.pages, s2.root_pages + 1);
	assert_leads(MIB(2), MIB(2), STAGE2_R | STAGE2_SHARED_OWNED, BLOCK_SIZE);
	/* A page of a block: one break, which covers all. */
	assert_int_equal(stage2_protect(&s2, ipa(MIB(40)), PAGE_SIZE, STAGE2_R), OK);
	assert_int_equal(tlb_count, 1);
	assert_int_equal(tlb_last.base, MIB(40));
	assert_int_equal(tlb_last.size, BLOCK_SIZE);
	/* Another page of it, and back: no break, then a merge. */
	forget_tlb();
	assert_int_equal(stage2_protect(&s2, ipa(MIB(41)), PAGE_SIZE, STAGE2_R), OK);
	assert_int_equal(tlb_count, 1);
	assert_int_equal(tlb_last.base, MIB(41));
	assert_int_equal(tlb_last.size, PAGE_SIZE);
	forget_tlb();
	assert_int_equal(stage2_protect(&s2, ipa(MIB(40)), BLOCK_SIZE, RWX), OK);
	assert_int_equal(tlb_count, 1);
	assert_int_equal(tlb_last.base, MIB(40));
	assert_int_equal(tlb_last.size, BLOCK_SIZE);
	assert_leads(MIB(40), MIB(40), RWX, BLOCK_SIZE);
	/* A whole subtree goes by one entry. */
	forget_tlb();
	assert_int_equal(stage2_unmap(&s2, ipa(0), GIB(1)), OK);
	assert_int_equal(tlb_count, 1);
	assert_int_equal(s2.table.pages, s2.root_pages);
}

/* A merge invalidates its block; what the same call changed before it is invalidated as well. */
static void stage2_merge_forgets_no_other_change(void **state)
{
	(void)state;
	assert_int_equal(stage2_map(&s2, ipa(0), pa(0), MIB(4), RWX), OK);
	assert_int_equal(stage2_protect(&s2, ipa(0), PAGE_SIZE, STAGE2_R), OK);
	assert_int_equal(stage2_protect(&s2, ipa(MIB(3)), MIB(1), STAGE2_R), OK);
	forget_tlb();
	assert_int_equal(stage2_protect(&s2, ipa(MIB(1)), MIB(2), STAGE2_R), OK);
	assert_leads(MIB(2), MIB(2), STAGE2_R, BLOCK_SIZE);
	assert_int_equal(tlb_count, 2);
	assert_int_equal(tlb_last.base, MIB(1));
	assert_int_equal(tlb_last.size, MIB(1));
}

/* ---- memory ---- */

/* Runs 'call' with 0, 1, 2 .. pages in the pool until it succeeds; each failure leaves no trace. */
static void with_every_shortage(enum err (*call)(void), uint64_t expected_tables)
{
	static pa_t kept[ARENA / PAGE_SIZE];
	static uint8_t root[16 * PAGE_SIZE];
	uint64_t before = s2.table.pages;

	memcpy(root, pa_ptr(s2.table.root), s2.root_pages * PAGE_SIZE);
	for (uint64_t left = 0;; left++) {
		unsigned count = 0;
		enum err e;

		while (pool_free_pages() > left) {
			assert_int_equal(pool_alloc_page(&kept[count++]), OK);
		}
		forget_tlb();
		e = call();
		assert_int_equal(pool_free_pages(), left - (s2.table.pages - before));
		while (count > 0) {
			pool_free(kept[--count], 1);
		}
		if (e == OK) {
			assert_int_equal(left, expected_tables);
			assert_int_equal(s2.table.pages, before + expected_tables);
			return;
		}
		assert_int_equal(e, ERR_NO_MEMORY);
		assert_int_equal(s2.table.pages, before);
		assert_memory_equal(root, pa_ptr(s2.table.root), s2.root_pages * PAGE_SIZE);
		assert_int_equal(tlb_count, 0);
	}
}

static enum err map_across(void)
{
	return stage2_map(&s2, ipa(GIB(1) - PAGE_SIZE), pa(PAGE_SIZE), MIB(6), RWX);
}

static enum err unmap_inside(void)
{
	return stage2_unmap(&s2, ipa(GIB(4) + PAGE_SIZE), GIB(2) - 2 * PAGE_SIZE);
}

static enum err protect_inside(void)
{
	return stage2_protect(&s2, ipa(GIB(8) + MIB(3)), PAGE_SIZE, STAGE2_R);
}

static void stage2_fails_without_a_trace(void **state)
{
	(void)state;
	/* Two level-2 tables; level-3 tables for one page before the gigabyte and for 6 MiB less a page behind it. */
	with_every_shortage(map_across, 2 + 1 + 3);
	assert_int_equal(stage2_map(&s2, ipa(GIB(4)), pa(GIB(4)), GIB(2), RWX), OK);
	with_every_shortage(unmap_inside, 4);
	assert_leads(GIB(4), GIB(4), RWX, PAGE_SIZE);
	assert_leads(GIB(6) - PAGE_SIZE, GIB(6) - PAGE_SIZE, RWX, PAGE_SIZE);
	assert_unmapped(GIB(4) + PAGE_SIZE);
	assert_unmapped(GIB(6) - 2 * PAGE_SIZE);
	assert_int_equal(stage2_map(&s2, ipa(GIB(8)), pa(GIB(8)), GIB(1), RWX), OK);
	with_every_shortage(protect_inside, 2);
}

/* ---- partitions and the normal world (STAGE2_SECURE and others) ---- */

static struct stage2 of_kind;

static void start_kind(enum stage2_kind kind)
{
	assert_int_equal(stage2_init(&of_kind, kind, 40, 7, MMFR0_48_BITS, MMFR1_VMID16), OK);
	forget_tlb();
}

static pte_t kind_leaf_at(uint64_t from)
{
	uint64_t size;
	pte_t leaf;

	assert_true(pgtable_lookup(&of_kind.table, from, &leaf, &size));
	return leaf;
}

/* VSTCR_EL2: T0SZ, SL0, RES1; VTCR_EL2 of the Secure state: NSA in 30. FWB: MemAttr 0b0110. */
static void stage2_kinds_are_the_architecture_s(void **state)
{
	(void)state;
	start_kind(STAGE2_SECURE);
	assert_int_equal(of_kind.vtcr, UINT64_C(0x80000000) | 1 << 6 | 24);
	assert_int_equal(of_kind.vttbr, of_kind.table.root.v);
	assert_int_equal(stage2_map(&of_kind, ipa(0x1000), pa(0x1000), PAGE_SIZE, RWX), OK);
	assert_int_equal(kind_leaf_at(0x1000), 0x1000 | 6 << 2 | 3 << 6 | 3 << 8 | 1 << 10 | 3);
	assert_int_equal(tlb_count, 0);
	assert_int_equal(stage2_unmap(&of_kind, ipa(0x1000), PAGE_SIZE), OK);
	assert_int_equal(tlb_last.kind, HOST_TLB_STAGE2_RANGE);
	assert_false(tlb_last.ns);
	stage2_destroy(&of_kind);

	start_kind(STAGE2_SECURE_NS);
	assert_int_equal(of_kind.vtcr,
			 UINT64_C(0xc0000000) | 1 << 19 | 5 << 16 | 3 << 12 | 1 << 10 | 1 << 8 | 1 << 6 | 24);
	assert_int_equal(of_kind.vttbr, of_kind.table.root.v | UINT64_C(7) << 48);
	assert_int_equal(stage2_map(&of_kind, ipa(0x1000), pa(0x1000), PAGE_SIZE, STAGE2_R | STAGE2_DEVICE), OK);
	assert_int_equal(kind_leaf_at(0x1000) & 0x3c, 1 << 2);
	assert_int_equal(stage2_unmap(&of_kind, ipa(0x1000), PAGE_SIZE), OK);
	assert_true(tlb_last.ns);
	assert_int_equal(tlb_last.vttbr, of_kind.vttbr);
	stage2_destroy(&of_kind);

	start_kind(STAGE2_FACTS);
	assert_int_equal(stage2_map(&of_kind, ipa(0), pa(0), GIB(1), RWX), OK);
	assert_int_equal(stage2_protect(&of_kind, ipa(0x5000), PAGE_SIZE, STAGE2_LENT), OK);
	assert_int_equal(stage2_unmap(&of_kind, ipa(0), GIB(1)), OK);
	stage2_destroy(&of_kind);
	assert_int_equal(tlb_count, 0);
}

static void stage2_lent_pages_permit_nothing(void **state)
{
	unsigned attrs;
	uint64_t run;
	pa_t to;

	(void)state;
	assert_int_equal(stage2_map(&s2, ipa(0), pa(0), PAGE_SIZE, STAGE2_LENT | STAGE2_R), ERR_INVALID);
	assert_int_equal(stage2_map(&s2, ipa(0), pa(0), PAGE_SIZE, STAGE2_LENT | STAGE2_DEVICE), OK);
	assert_true(stage2_lookup(&s2, ipa(0), &to, &attrs, &run));
	assert_int_equal(attrs, STAGE2_LENT | STAGE2_DEVICE);
	assert_int_equal(leaf_at(0) & (3 << 6 | UINT64_C(3) << 56 | UINT64_C(1) << 54 | 1),
			 UINT64_C(3) << 56 | UINT64_C(1) << 54 | 1);
}

static void stage2_turn_wants_every_page_as_it_was(void **state)
{
	unsigned attrs;

	(void)state;
	assert_int_equal(stage2_map(&s2, ipa(0), pa(0), MIB(4), RWX), OK);
	assert_int_equal(stage2_protect(&s2, ipa(MIB(3)), PAGE_SIZE, STAGE2_R), OK);
	assert_int_equal(stage2_turn(&s2, ipa(0), MIB(4), RWX, STAGE2_LENT), ERR_DENIED);
	assert_int_equal(stage2_turn(&s2, ipa(0), MIB(5), RWX, STAGE2_LENT), ERR_DENIED);
	assert_int_equal(stage2_turn(&s2, ipa(MIB(4)), PAGE_SIZE, RWX, STAGE2_LENT), ERR_NOT_FOUND);
	assert_int_equal(stage2_turn(&s2, ipa(0), MIB(2), RWX | 3 << 12, STAGE2_LENT), ERR_INVALID);
	assert_true(stage2_uniform(&s2, ipa(0), pa(0), MIB(3), &attrs));
	assert_int_equal(attrs, RWX);
	assert_int_equal(stage2_turn(&s2, ipa(0), MIB(3), RWX, STAGE2_LENT), OK);
	assert_int_equal(stage2_turn(&s2, ipa(0), PAGE_SIZE, RWX, STAGE2_LENT), ERR_DENIED);
	assert_true(stage2_uniform(&s2, ipa(0), pa(0), MIB(3), &attrs));
	assert_int_equal(attrs, STAGE2_LENT);
	assert_false(stage2_uniform(&s2, ipa(0), pa(0), MIB(3) + PAGE_SIZE, &attrs)); /* not alike */
	assert_false(stage2_uniform(&s2, ipa(MIB(3)), pa(MIB(3)), 2 * MIB(1), &attrs)); /* not mapped */
	assert_false(stage2_uniform(&s2, ipa(0), pa(0), 0, &attrs));
	assert_false(stage2_uniform(&s2, ipa(1), pa(1), PAGE_SIZE, &attrs));
	assert_false(stage2_uniform(&s2, ipa(BIT(39)), pa(BIT(39)), PAGE_SIZE, &attrs));
	assert_int_equal(stage2_map(&s2, ipa(MIB(8)), pa(MIB(6)), PAGE_SIZE, RWX), OK);
	assert_false(stage2_uniform(&s2, ipa(MIB(8)), pa(MIB(8)), PAGE_SIZE, &attrs)); /* elsewhere */
	assert_true(stage2_uniform(&s2, ipa(MIB(8)), pa(MIB(6)), PAGE_SIZE, &attrs));
	assert_int_equal(stage2_map(&s2, ipa(MIB(8) + PAGE_SIZE), pa(MIB(6)), PAGE_SIZE, RWX), OK);
	assert_false(stage2_uniform(&s2, ipa(MIB(8)), pa(MIB(6)), 2 * PAGE_SIZE, &attrs)); /* not in one piece */
}

static void stage2_of_partitions_keeps_its_tables_until_compacted(void **state)
{
	uint64_t pages, run;
	unsigned attrs;
	pa_t to;

	(void)state;
	start_kind(STAGE2_SECURE);
	assert_int_equal(stage2_map(&of_kind, ipa(0), pa(0), MIB(8), RWX), OK);
	assert_int_equal(stage2_turn(&of_kind, ipa(0x1000), PAGE_SIZE, RWX, STAGE2_LENT), OK); /* a block divided */
	assert_int_equal(stage2_map(&of_kind, ipa(GIB(1)), pa(GIB(1)), PAGE_SIZE, RWX), OK);
	pages = of_kind.table.pages;
	assert_int_equal(stage2_turn(&of_kind, ipa(0x1000), PAGE_SIZE, STAGE2_LENT, RWX), OK);
	assert_int_equal(stage2_unmap(&of_kind, ipa(GIB(1)), GIB(1)), OK);
	assert_int_equal(of_kind.table.pages, pages);
	assert_int_equal(stage2_turn(&of_kind, ipa(MIB(4)), 2 * PAGE_SIZE, RWX, RWX | STAGE2_SHARED_OWNED), OK);
	forget_tlb();
	stage2_compact(&of_kind);
	assert_true(tlb_count > 0);
	assert_int_equal(of_kind.table.pages,
			 pages - 3 + 1); /* two of 1 GiB's, one divided; the one with shared pages stays */
	assert_true(stage2_lookup(&of_kind, ipa(0), &to, &attrs, &run));
	assert_int_equal(run, MIB(2));
	assert_true(stage2_lookup(&of_kind, ipa(MIB(4)), &to, &attrs, &run));
	assert_int_equal(run, PAGE_SIZE);
	stage2_destroy(&of_kind);
}

static void stage2_next_leaves_nothing_out(void **state)
{
	static const struct {
		uint64_t at, run;
		unsigned attrs;
	} want[] = {
		{ 0x3000, PAGE_SIZE, RWX },
		{ 0x4000, PAGE_SIZE, STAGE2_R },
		{ MIB(4), MIB(2), RWX },
		{ GIB(3), GIB(1), RWX },
		{ BIT(40) - PAGE_SIZE, PAGE_SIZE, STAGE2_R },
	};
	uint64_t run = 0;
	unsigned attrs;
	ipa_t at = ipa(0);

	(void)state;
	start_kind(STAGE2_SECURE);
	assert_false(stage2_next(&of_kind, &at, &run, &attrs));
	for (unsigned i = 0; i < ARRAY_SIZE(want); i++) {
		assert_int_equal(stage2_map(&of_kind, ipa(want[i].at), pa(want[i].at), want[i].run, want[i].attrs), OK);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(want); i++) {
		assert_true(stage2_next(&of_kind, &at, &run, &attrs));
		assert_int_equal(at.v, want[i].at);
		assert_int_equal(run, want[i].run);
		assert_int_equal(attrs, want[i].attrs);
		at.v += run;
	}
	assert_false(stage2_next(&of_kind, &at, &run, &attrs));
	at = ipa(GIB(3) + MIB(1)); /* inside of a block */
	assert_true(stage2_next(&of_kind, &at, &run, &attrs));
	assert_int_equal(at.v, GIB(3) + MIB(1));
	assert_int_equal(run, GIB(1) - MIB(1));
	stage2_destroy(&of_kind);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, start, finish)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stage2_ipa_bits_covers_what_is_needed),
		cmocka_unit_test(stage2_init_fits_the_walk_to_the_size),
		CASE(stage2_init_refuses_what_the_cpu_cannot_do),
		CASE(stage2_init_and_destroy_forget_the_vmid),
		CASE(stage2_kinds_are_the_architecture_s),
		CASE(stage2_lent_pages_permit_nothing),
		CASE(stage2_turn_wants_every_page_as_it_was),
		CASE(stage2_of_partitions_keeps_its_tables_until_compacted),
		CASE(stage2_next_leaves_nothing_out),
		CASE(stage2_descriptors_are_the_architecture_s),
		CASE(stage2_refuses_attributes_that_make_no_sense),
		CASE(stage2_refuses_ranges_that_cannot_be),
		CASE(stage2_map_uses_the_largest_blocks),
		CASE(stage2_map_fails_as_a_whole),
		CASE(stage2_protect_fails_as_a_whole),
		CASE(stage2_unmap_splits_and_map_merges),
		CASE(stage2_unmap_is_content_with_holes),
		CASE(stage2_invalidates_once_and_only_what_changed),
		CASE(stage2_merge_forgets_no_other_change),
		CASE(stage2_fails_without_a_trace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
