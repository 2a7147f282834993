/* SPDX-License-Identifier: MIT */
/*
 * The walker under the worst TLB there can be: it keeps every translation and every table pointer that was ever
 * reachable until an invalidation covers it. After each single store to a live table it must never hold two
 * translations of one page that differ in more than permissions (break-before-make), and after each call none that is
 * not the present one. Beside that, a plain array of pages says what the tables must say, and how many tables that
 * may take.
 */
#include "arch/atomic.h"

#include <stdint.h>

static void observed_store(uint64_t *entry, uint64_t value);
#undef atomic_store
#define atomic_store(p, v) observed_store(p, v)
#include "core/mm/pgtable.c" /* in the place of the library's, to see its stores */

#include "mm_test.h"

#include "core/mm/stage2.h"
#include "impl/tlb.h"

#define ARENA MIB(2)
#define WINDOW_BASE (GIB(1) - 2 * BLOCK_SIZE) /* across the end of a level-2 table */
#define WINDOW_BLOCKS 4
#define WINDOW_SIZE (WINDOW_BLOCKS * BLOCK_SIZE)
#define WINDOW_PAGES (WINDOW_SIZE / PAGE_SIZE)
#define PAGES_PER_BLOCK (BLOCK_SIZE / PAGE_SIZE)

#define MMFR0_48_BITS 5
#define MMFR1_VMID16 0x20

struct translation {
	pte_t pte; /* page and hardware attributes */
	unsigned level;
};

#define CACHED_MAX 8

static struct stage2 s2;
static bool observing;
/* What the TLB may hold of each page. */
static struct translation cached[WINDOW_PAGES][CACHED_MAX];
static unsigned cached_count[WINDOW_PAGES];
/* The tables that walk caches may hold for each 2 MiB, the present ones included. */
static struct walked {
	uint64_t table;
	uint64_t span; /* of the entry that leads to it: an invalidation of any byte there hits it */
} walked[WINDOW_BLOCKS][64];
static unsigned walked_count[WINDOW_BLOCKS];

static struct {
	bool mapped;
	uint64_t to;
	unsigned attrs;
} model[WINDOW_PAGES];

static const pte_t permissions = S2_AP_READ | S2_AP_WRITE | S2_XN;
static const pte_t software = FIELD_MASK(S2_STATE);

/* ---- the TLB ---- */

static void walk_cache_add(unsigned block, uint64_t table, uint64_t span)
{
	for (unsigned i = 0; i < walked_count[block]; i++) {
		if (walked[block][i].table == table && walked[block][i].span == span) {
			return;
		}
	}
	assert_true(walked_count[block] < ARRAY_SIZE(walked[block]));
	walked[block][walked_count[block]++] = (struct walked){ table, span };
}

static void walk_cache_invalidate(uint64_t base, uint64_t size)
{
	for (unsigned block = 0; block < WINDOW_BLOCKS; block++) {
		unsigned kept = 0;

		for (unsigned i = 0; i < walked_count[block]; i++) {
			struct walked w = walked[block][i];

			if (!range_overlaps(ALIGN_DOWN(WINDOW_BASE + block * BLOCK_SIZE, w.span), w.span, base, size)) {
				walked[block][kept++] = w;
			}
		}
		walked_count[block] = kept;
	}
}

/* A plain walk, apart from the one that is tested. Visits the tables on the way for the walk cache. */
static bool walk(uint64_t address, struct translation *out, bool cache)
{
	unsigned level = s2.table.start_level;
	uint64_t index = address >> (12 + 9 * (3 - level));
	const uint64_t *table = pa_ptr(s2.table.root);

	for (;; level++) {
		uint64_t pte = __atomic_load_n(&table[index], __ATOMIC_RELAXED);

		if ((pte & 1) == 0) {
			return false;
		}
		if (level == 3 || (pte & 2) == 0) {
			uint64_t offset = address & ((UINT64_C(1) << (12 + 9 * (3 - level))) - 1);

			out->pte = ((pte & ~software & ~UINT64_C(3)) + (offset & ~UINT64_C(0xfff)));
			out->level = level;
			return true;
		}
		table = pa_ptr(pa(pte & PTE_ADDRESS));
		if (cache) {
			walk_cache_add((unsigned)((address - WINDOW_BASE) / BLOCK_SIZE), pte & PTE_ADDRESS,
				       UINT64_C(1) << (12 + 9 * (3 - level)));
		}
		index = (address >> (12 + 9 * (3 - level - 1))) & 511;
	}
}

static void tlb_add(uint64_t page, struct translation t)
{
	for (unsigned i = 0; i < cached_count[page]; i++) {
		struct translation *c = &cached[page][i];

		if (c->pte == t.pte && c->level == t.level) {
			return;
		}
		if (c->level != t.level || ((c->pte ^ t.pte) & ~permissions) != 0) {
			fail_msg("page %llu: %llx at level %u was made while %llx at level %u was not broken",
				 (unsigned long long)page, (unsigned long long)t.pte, t.level,
				 (unsigned long long)c->pte, c->level);
		}
	}
	assert_true(cached_count[page] < CACHED_MAX);
	cached[page][cached_count[page]++] = t;
}

static void tlb_fill(uint64_t first, uint64_t end)
{
	struct translation t;

	for (uint64_t page = first; page < end; page++) {
		if (walk(WINDOW_BASE + page * PAGE_SIZE, &t, true)) {
			tlb_add(page, t);
		}
	}
}

/* [base, base + size) as pages of the window. */
static bool clip(uint64_t base, uint64_t size, uint64_t *first, uint64_t *end)
{
	uint64_t from = MAX(base, WINDOW_BASE), to = MIN(base + size, WINDOW_BASE + WINDOW_SIZE);

	if (from >= to) {
		return false;
	}
	*first = (from - WINDOW_BASE) / PAGE_SIZE;
	*end = (to - WINDOW_BASE) / PAGE_SIZE;
	return true;
}

static void tlb_invalidate(const struct host_tlb_call *call)
{
	uint64_t base = call->kind == HOST_TLB_STAGE2_ALL ? 0 : call->base;
	uint64_t size = call->kind == HOST_TLB_STAGE2_ALL ? BIT(48) : call->size;
	uint64_t first, end;

	if (!observing) {
		return;
	}
	assert_int_not_equal(call->kind, HOST_TLB_EL2_RANGE);
	assert_int_equal(call->vttbr, s2.vttbr);
	walk_cache_invalidate(base, size);
	if (clip(base, size, &first, &end)) {
		for (uint64_t page = first; page < end; page++) {
			cached_count[page] = 0;
		}
	}
	/* Other CPUs run on: they fetch at once whatever is there now. */
	tlb_fill(0, WINDOW_PAGES);
}

/* If 'entry' is in the live tables: what it covers. Goes down the tables from 'table'. */
static bool find_entry(const uint64_t *table, uint64_t count, unsigned level, uint64_t base, const uint64_t *entry,
		       uint64_t *covers, uint64_t *size)
{
	uint64_t span = UINT64_C(1) << (12 + 9 * (3 - level));
	uint64_t first, end;

	if (entry >= table && entry < table + count) {
		*covers = base + (uint64_t)(entry - table) * span;
		*size = span;
		return true;
	}
	if (level == 3 || !clip(base, count * span, &first, &end)) {
		return false;
	}
	first = (WINDOW_BASE + first * PAGE_SIZE - base) / span;
	end = (WINDOW_BASE + end * PAGE_SIZE - base + span - 1) / span;
	for (uint64_t i = first; i < end; i++) {
		if ((table[i] & 3) == 3 && find_entry(pa_ptr(pa(table[i] & PTE_ADDRESS)), 512, level + 1,
						      base + i * span, entry, covers, size)) {
			return true;
		}
	}
	return false;
}

static void observed_store(uint64_t *entry, uint64_t value)
{
	uint64_t covers, size, first, end;
	bool live = observing && find_entry(pa_ptr(s2.table.root), s2.root_pages * 512, s2.table.start_level, 0, entry,
					    &covers, &size);

	__atomic_store_n(entry, value, __ATOMIC_RELAXED);
	if (live && clip(covers, size, &first, &end)) {
		tlb_fill(first, end);
	}
}

/* After a call nothing but the present state may be held. */
static void tlb_check(void)
{
	for (uint64_t page = 0; page < WINDOW_PAGES; page++) {
		struct translation now;
		bool valid = walk(WINDOW_BASE + page * PAGE_SIZE, &now, false);

		for (unsigned i = 0; i < cached_count[page]; i++) {
			if (!valid || cached[page][i].pte != now.pte || cached[page][i].level != now.level) {
				fail_msg("page %llu: the TLB still has %llx", (unsigned long long)page,
					 (unsigned long long)cached[page][i].pte);
			}
		}
	}
	for (unsigned block = 0; block < WINDOW_BLOCKS; block++) {
		struct walked before[64];
		unsigned count = walked_count[block];

		memcpy(before, walked[block], sizeof(before));
		walked_count[block] = 0;
		tlb_fill(block * PAGES_PER_BLOCK, (block + 1) * PAGES_PER_BLOCK);
		for (unsigned i = 0; i < count; i++) {
			bool present = false;

			for (unsigned j = 0; j < walked_count[block]; j++) {
				present |= walked[block][j].table == before[i].table &&
					   walked[block][j].span == before[i].span;
			}
			if (!present) {
				fail_msg("block %u: a walk cache still has table %llx", block,
					 (unsigned long long)before[i].table);
			}
		}
	}
}

/* ---- the model ---- */

static bool block_is_uniform(unsigned block)
{
	uint64_t first = block * PAGES_PER_BLOCK;

	for (uint64_t i = 0; i < PAGES_PER_BLOCK; i++) {
		if (!model[first + i].mapped || model[first + i].attrs != model[first].attrs ||
		    model[first + i].to != model[first].to + i * PAGE_SIZE) {
			return false;
		}
	}
	return IS_ALIGNED(model[first].to, BLOCK_SIZE);
}

static bool block_is_empty(unsigned block)
{
	for (uint64_t i = 0; i < PAGES_PER_BLOCK; i++) {
		if (model[block * PAGES_PER_BLOCK + i].mapped) {
			return false;
		}
	}
	return true;
}

/* Blocks wherever they are possible, tables nowhere else. */
static uint64_t model_tables(void)
{
	uint64_t tables = s2.root_pages;
	bool used[2] = { false, false };

	for (unsigned block = 0; block < WINDOW_BLOCKS; block++) {
		bool empty = block_is_empty(block);

		used[block / 2] |= !empty;
		tables += !empty && !block_is_uniform(block);
	}
	if (s2.table.start_level < 2) {
		tables += (uint64_t)used[0] + used[1];
	}
	if (s2.table.start_level < 1) {
		tables += used[0] || used[1];
	}
	return tables;
}

static void model_check(void)
{
	for (uint64_t page = 0; page < WINDOW_PAGES; page++) {
		uint64_t address = WINDOW_BASE + page * PAGE_SIZE;
		uint64_t offset = address % 4093;
		unsigned attrs;
		uint64_t run;
		pa_t to;
		bool mapped = stage2_lookup(&s2, ipa(address + offset), &to, &attrs, &run);

		assert_int_equal(mapped, model[page].mapped);
		if (!mapped) {
			continue;
		}
		assert_int_equal(to.v, model[page].to + offset);
		assert_int_equal(attrs, model[page].attrs);
		assert_int_equal((address + offset + run) % PAGE_SIZE, 0);
		for (uint64_t next = page + 1; next < page + (offset + run) / PAGE_SIZE; next++) {
			assert_true(model[next].mapped && model[next].attrs == attrs &&
				    model[next].to == model[page].to + (next - page) * PAGE_SIZE);
		}
	}
	assert_int_equal(s2.table.pages, model_tables());
}

/* ---- random calls ---- */

static uint64_t free_before;
static pa_t drained[ARENA / PAGE_SIZE];
static unsigned drained_count;

/* Leaves 'left' pages in the pool. */
static void drain(uint64_t left)
{
	while (pool_free_pages() > left) {
		assert_int_equal(pool_alloc_page(&drained[drained_count]), OK);
		drained_count++;
	}
}

static void refill(void)
{
	while (drained_count > 0) {
		pool_free(drained[--drained_count], 1);
	}
}

static unsigned random_attrs(void)
{
	static const unsigned states[] = { STAGE2_OWNED, STAGE2_SHARED_OWNED, STAGE2_SHARED_BORROWED };
	unsigned attrs = (unsigned)random_below(8);

	if (random_below(2) == 0) {
		attrs = STAGE2_R | STAGE2_W | STAGE2_X; /* so that blocks come together again */
	} else if (random_below(6) == 0) {
		attrs = (attrs & ~(unsigned)STAGE2_X) | STAGE2_DEVICE;
	}
	return attrs | (random_below(4) == 0 ? states[random_below(3)] : 0);
}

static void random_range(uint64_t *page, uint64_t *pages)
{
	switch (random_below(5)) {
	case 0: /* whole blocks */
		*page = random_below(WINDOW_BLOCKS) * PAGES_PER_BLOCK;
		*pages = (1 + random_below(WINDOW_BLOCKS - *page / PAGES_PER_BLOCK)) * PAGES_PER_BLOCK;
		break;
	case 1: /* about blocks */
		*page = random_below(WINDOW_BLOCKS) * PAGES_PER_BLOCK + random_below(2);
		*pages = PAGES_PER_BLOCK - random_below(3);
		*pages = MIN(*pages, WINDOW_PAGES - *page);
		break;
	case 2: /* from one hole or boundary to the next, which completes blocks */
		*page = random_below(WINDOW_PAGES);
		for (*pages = 1;
		     *page > 0 && model[*page - 1].mapped == model[*page].mapped && *page % PAGES_PER_BLOCK != 0;
		     --*page) {
		}
		while (*page + *pages < WINDOW_PAGES && model[*page + *pages].mapped == model[*page].mapped &&
		       (*page + *pages) % PAGES_PER_BLOCK != 0) {
			++*pages;
		}
		break;
	case 3:
		*page = random_below(WINDOW_PAGES);
		*pages = 1;
		break;
	default:
		*page = random_below(WINDOW_PAGES);
		*pages = 1 + random_below(WINDOW_PAGES - *page);
		break;
	}
}

static bool all_mapped(uint64_t page, uint64_t pages, bool mapped)
{
	for (uint64_t i = page; i < page + pages; i++) {
		if (model[i].mapped != mapped) {
			return false;
		}
	}
	return true;
}

static enum err random_map(uint64_t page, uint64_t pages, enum err *expected)
{
	unsigned attrs = random_attrs();
	/* Mostly where blocks fit, so that pieces come together. */
	uint64_t shift = random_below(3) == 0 ? (1 + random_below(3)) * PAGE_SIZE : 0;
	uint64_t to = GIB(4) + page * PAGE_SIZE + shift;
	enum err e = stage2_map(&s2, ipa(WINDOW_BASE + page * PAGE_SIZE), pa(to), pages * PAGE_SIZE, attrs);

	*expected = all_mapped(page, pages, false) ? OK : ERR_EXISTS;
	for (uint64_t i = 0; e == OK && i < pages; i++) {
		model[page + i].mapped = true;
		model[page + i].to = to + i * PAGE_SIZE;
		model[page + i].attrs = attrs;
	}
	return e;
}

static enum err random_protect(uint64_t page, uint64_t pages, enum err *expected)
{
	unsigned attrs = random_attrs();
	enum err e = stage2_protect(&s2, ipa(WINDOW_BASE + page * PAGE_SIZE), pages * PAGE_SIZE, attrs);

	*expected = all_mapped(page, pages, true) ? OK : ERR_NOT_FOUND;
	for (uint64_t i = 0; e == OK && i < pages; i++) {
		model[page + i].attrs = attrs;
	}
	return e;
}

static enum err random_unmap(uint64_t page, uint64_t pages, enum err *expected)
{
	enum err e = stage2_unmap(&s2, ipa(WINDOW_BASE + page * PAGE_SIZE), pages * PAGE_SIZE);

	*expected = OK;
	for (uint64_t i = 0; e == OK && i < pages; i++) {
		model[page + i].mapped = false;
	}
	return e;
}

static void random_call(void)
{
	bool scarce = random_below(4) == 0;
	uint64_t tables_before = s2.table.pages, page, pages;
	enum err e, expected;

	random_range(&page, &pages);
	if (scarce) {
		drain(random_below(5));
	}
	observing = true;
	switch (random_below(8)) {
	case 0:
	case 1:
	case 2:
		e = random_map(page, pages, &expected);
		break;
	case 3:
	case 4:
	case 5:
		e = random_protect(page, pages, &expected);
		break;
	default:
		e = random_unmap(page, pages, &expected);
		break;
	}
	if (e == ERR_NO_MEMORY && expected == OK) {
		assert_true(scarce);
		assert_int_equal(s2.table.pages, tables_before);
	} else {
		assert_int_equal(e, expected);
	}
	tlb_check();
	observing = false;
	refill();
	model_check();
	assert_int_equal(pool_free_pages() + s2.table.pages, free_before);
}

static void random_calls(unsigned ipa_bits, unsigned rounds)
{
	pool_reset();
	assert_int_equal(pool_add(arena_alloc(ARENA), ARENA), OK);
	free_before = pool_free_pages() - 1; /* a chunk's record */
	memset(model, 0, sizeof(model));
	memset(cached_count, 0, sizeof(cached_count));
	memset(walked_count, 0, sizeof(walked_count));
	assert_int_equal(stage2_init(&s2, STAGE2_VM, ipa_bits, 3, MMFR0_48_BITS, MMFR1_VMID16), OK);
	host_tlb_called = tlb_invalidate;
	for (unsigned i = 0; i < rounds; i++) {
		random_call();
	}
	host_tlb_called = NULL;
	stage2_destroy(&s2);
	assert_int_equal(pool_free_pages(), free_before + 1);
}

static void pgtable_random_calls(void **state)
{
	static const unsigned ipa_bits[] = { 32, 34, 36, 39, 40, 43, 44, 48 };
	unsigned rounds = random_rounds(1000);

	(void)state;
	random_start(__func__);
	for (unsigned i = 0; i < ARRAY_SIZE(ipa_bits); i++) {
		random_calls(ipa_bits[i], rounds);
	}
}

static void pgtable_descriptors(void **state)
{
	pte_t block = pte_leaf(1, pa(GIB(3)), PTE_AF | S2_XN);

	(void)state;
	assert_int_equal(block, GIB(3) | BIT(54) | BIT(10) | 1);
	assert_int_equal(pte_leaf(3, pa(0x5000), PTE_AF), 0x5403);
	assert_int_equal(pte_table(pa(0x7000)), 0x7003);
	assert_true(pte_is_table(0x7003, 0) && pte_is_table(0x7003, 2));
	assert_false(pte_is_table(0x7003, 3) || pte_is_table(0x7001, 1) || pte_is_table(0x7002, 1));
	assert_int_equal(pte_child(block, 2, 511), (GIB(4) - MIB(2)) | BIT(54) | BIT(10) | 1);
	assert_int_equal(pte_child(pte_child(block, 2, 1), 3, 2), (GIB(3) + MIB(2) + 0x2000) | BIT(54) | BIT(10) | 3);
	assert_int_equal(pte_child(0, 3, 5), 0);
	assert_int_equal(pte_attrs(block), BIT(54) | BIT(10));
	assert_int_equal(level_size(0), GIB(512));
	assert_int_equal(level_size(1), GIB(1));
	assert_int_equal(level_size(2), BLOCK_SIZE);
	assert_int_equal(level_size(3), PAGE_SIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pgtable_descriptors),
		cmocka_unit_test(pgtable_random_calls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
