/* SPDX-License-Identifier: MIT */
#include "mm_test.h"

#include <pthread.h>

#define ARENA MIB(16)
#define ARENA_PAGES (ARENA / PAGE_SIZE)

static pa_t arena;

static int fresh(void **state)
{
	(void)state;
	pool_reset();
	if (arena.v == 0) {
		arena = arena_alloc(ARENA);
	}
	assert_int_equal(pool_add(arena, ARENA), OK);
	return 0;
}

/* ---- memory comes and goes ---- */

static void pool_add_drops_parts_of_pages(void **state)
{
	struct pool_stats stats;

	(void)state;
	pool_reset();
	assert_int_equal(pool_add(pa(arena.v + 1), 2 * PAGE_SIZE), OK);
	pool_stats(&stats);
	assert_int_equal(stats.total_pages, 1);
	assert_int_equal(pool_owner(pa(arena.v + PAGE_SIZE)), PAGE_OWNER_FREE);
	assert_int_equal(pool_owner(arena), PAGE_OWNER_EL2);
	assert_int_equal(pool_owner(pa(arena.v + 2 * PAGE_SIZE)), PAGE_OWNER_EL2);
	assert_int_equal(pool_add(pa(arena.v + MIB(1) + 1), PAGE_SIZE - 1), OK);
	assert_int_equal(pool_free_pages(), 1);
}

static void pool_add_refuses_what_cannot_be(void **state)
{
	pa_t page;

	(void)state;
	assert_int_equal(pool_add(pa(arena.v + PAGE_SIZE), PAGE_SIZE), ERR_EXISTS);
	assert_int_equal(pool_add(pa(arena.v - PAGE_SIZE), ARENA), ERR_EXISTS);
	assert_int_equal(pool_add(pa(UINT64_MAX - PAGE_SIZE), MIB(1)), ERR_RANGE);
	assert_int_equal(pool_add(pa(BIT(48) - PAGE_SIZE), 2 * PAGE_SIZE), ERR_RANGE);
	assert_int_equal(pool_add(pa(PAGE_SIZE), UINT64_MAX), ERR_RANGE);
	assert_int_equal(pool_free_pages(), ARENA_PAGES);
	pool_reset();
	/* Address 0 is nobody's: a pointer to it is NULL. */
	assert_int_equal(pool_add(pa(0), 2 * PAGE_SIZE), OK);
	assert_int_equal(pool_alloc(1, PAGE_SIZE, PAGE_OWNER_VM, &page), OK);
	assert_int_equal(page.v, PAGE_SIZE);
	assert_int_equal(pool_alloc(1, PAGE_SIZE, PAGE_OWNER_VM, &page), ERR_NO_MEMORY);
}

static void pool_add_joins_neighbours(void **state)
{
	struct pool_stats stats;

	(void)state;
	pool_reset();
	assert_int_equal(pool_add(arena, MIB(1)), OK);
	assert_int_equal(pool_add(pa(arena.v + MIB(2)), MIB(1)), OK);
	assert_int_equal(pool_add(pa(arena.v + MIB(1)), MIB(1)), OK);
	pool_stats(&stats);
	assert_int_equal(stats.largest_free, MIB(3) / PAGE_SIZE);
}

static void pool_add_says_when_regions_are_too_many(void **state)
{
	unsigned added = 0;

	(void)state;
	pool_reset();
	while (added < ARENA_PAGES / 2 && pool_add(pa(arena.v + added * 2 * PAGE_SIZE), PAGE_SIZE) == OK) {
		added++;
	}
	assert_in_range(added, 64, ARENA_PAGES / 2 - 1);
	assert_int_equal(pool_add(pa(arena.v + added * 2 * PAGE_SIZE), PAGE_SIZE), ERR_NO_MEMORY);
	assert_int_equal(pool_free_pages(), added);
}

static void pool_reserve_takes_out_whole_pages(void **state)
{
	pa_t got;

	(void)state;
	assert_int_equal(pool_reserve(pa(arena.v + MIB(1) + 5), 1), OK);
	assert_int_equal(pool_reserve(pa(arena.v + MIB(2) - 1), 2), OK);
	assert_int_equal(pool_free_pages(), ARENA_PAGES - 3);
	assert_int_equal(pool_owner(pa(arena.v + MIB(1))), PAGE_OWNER_EL2);
	assert_int_equal(pool_owner(pa(arena.v + MIB(1) + PAGE_SIZE)), PAGE_OWNER_FREE);
	/* What is out already, or never was in, is no error; nor is nothing at all. */
	assert_int_equal(pool_reserve(pa(arena.v + MIB(1) - PAGE_SIZE), MIB(1) + 2 * PAGE_SIZE), OK);
	assert_int_equal(pool_reserve(pa(arena.v - MIB(1)), MIB(1)), OK);
	assert_int_equal(pool_reserve(arena, 0), OK);
	assert_int_equal(pool_reserve(pa(UINT64_MAX), 2), ERR_RANGE);
	assert_int_equal(pool_free_pages(), ARENA_PAGES - MIB(1) / PAGE_SIZE - 2);
	/* A range over a hole and over free memory on both sides. */
	assert_int_equal(pool_reserve(pa(arena.v + PAGE_SIZE), MIB(3)), OK);
	assert_int_equal(pool_free_pages(), ARENA_PAGES - MIB(3) / PAGE_SIZE);
	assert_int_equal(pool_alloc(1, PAGE_SIZE, PAGE_OWNER_VM, &got), OK);
	assert_int_equal(got.v, arena.v);
	assert_int_equal(pool_reserve(arena, PAGE_SIZE), ERR_DENIED);
	assert_int_equal(pool_reserve(arena, ARENA), ERR_DENIED);
	assert_int_equal(pool_free_pages(), ARENA_PAGES - MIB(3) / PAGE_SIZE - 1);
	/* What was reserved may be given later (an initrd that is done with). */
	assert_int_equal(pool_add(pa(arena.v + PAGE_SIZE), MIB(3)), OK);
	assert_int_equal(pool_free_pages(), ARENA_PAGES - 1);
}

/* ---- allocation ---- */

static void pool_alloc_refuses_nonsense(void **state)
{
	pa_t out;

	(void)state;
	assert_int_equal(pool_alloc(0, PAGE_SIZE, PAGE_OWNER_VM, &out), ERR_INVALID);
	assert_int_equal(pool_alloc(1, PAGE_SIZE / 2, PAGE_OWNER_VM, &out), ERR_INVALID);
	assert_int_equal(pool_alloc(1, 3 * PAGE_SIZE, PAGE_OWNER_VM, &out), ERR_INVALID);
	assert_int_equal(pool_alloc(1, 0, PAGE_OWNER_VM, &out), ERR_INVALID);
	assert_int_equal(pool_alloc(1, PAGE_SIZE, PAGE_OWNER_FREE, &out), ERR_INVALID);
	assert_int_equal(pool_alloc(UINT64_MAX, PAGE_SIZE, PAGE_OWNER_VM, &out), ERR_NO_MEMORY);
	assert_int_equal(pool_alloc(BIT(52), PAGE_SIZE, PAGE_OWNER_EL2, &out), ERR_NO_MEMORY);
	assert_int_equal(pool_alloc(ARENA_PAGES + 1, PAGE_SIZE, PAGE_OWNER_VM, &out), ERR_NO_MEMORY);
	assert_int_equal(pool_alloc(1, BIT(63), PAGE_OWNER_VM, &out), ERR_NO_MEMORY);
	assert_int_equal(pool_free_pages(), ARENA_PAGES);
}

static void pool_alloc_page_is_zero_and_far_from_large_extents(void **state)
{
	static const uint8_t zero[PAGE_SIZE];
	pa_t page, vm;

	(void)state;
	memset(pa_ptr(arena), 0xff, ARENA);
	assert_int_equal(pool_alloc_page(&page), OK);
	assert_memory_equal(pa_ptr(page), zero, PAGE_SIZE);
	assert_int_equal(pool_owner(page), PAGE_OWNER_EL2);
	/* A page table costs a VM no more than the last block. */
	assert_int_equal(pool_alloc((ARENA - BLOCK_SIZE) / PAGE_SIZE, BLOCK_SIZE, PAGE_OWNER_VM + 7, &vm), OK);
	assert_int_equal(vm.v, arena.v);
	assert_int_equal(pool_owner(pa(vm.v + MIB(3) + 17)), PAGE_OWNER_VM + 7);
	pool_free(page, 1);
	pool_free(vm, (ARENA - BLOCK_SIZE) / PAGE_SIZE);
	assert_int_equal(pool_free_pages(), ARENA_PAGES);
}

static void parts_are_freed_in_any_order(void **state)
{
	static const unsigned order[] = { 3, 0, 7, 5, 1, 6, 2, 4 };
	pa_t whole, one;

	(void)state;
	assert_int_equal(pool_alloc(8, PAGE_SIZE, PAGE_OWNER_VM + 2, &whole), OK);
	for (unsigned i = 0; i < ARRAY_SIZE(order); i++) {
		pa_t page = pa(whole.v + order[i] * PAGE_SIZE);

		assert_int_equal(pool_owner(page), PAGE_OWNER_VM + 2);
		assert_int_equal(pool_free_part(page, 1), OK);
		assert_int_equal(pool_owner(page), PAGE_OWNER_FREE);
		assert_int_equal(pool_free_pages(), ARENA_PAGES - 7 + i);
		if (i == 0) {
			/* It is as good as any other page. */
			assert_int_equal(pool_alloc(1, PAGE_SIZE, PAGE_OWNER_VM, &one), OK);
			pool_free(one, 1);
		}
	}
	assert_int_equal(pool_alloc(8, PAGE_SIZE, PAGE_OWNER_VM, &one), OK);
	assert_int_equal(pool_free_part(pa(one.v + 2 * PAGE_SIZE), 6), OK);
	assert_int_equal(pool_free_part(one, 2), OK);
	assert_int_equal(pool_free_pages(), ARENA_PAGES);
}

static void pool_alloc_uses_every_page(void **state)
{
	static pa_t pages[ARENA_PAGES];
	unsigned count = 0;

	(void)state;
	while (pool_alloc_page(&pages[count]) == OK) {
		count++;
	}
	assert_int_equal(pool_free_pages(), 0);
	/* The records are one page for each chunk. */
	assert_int_equal(count, ARENA_PAGES - ARENA / BLOCK_SIZE);
	while (count-- > 0) {
		pool_free(pages[count], 1);
	}
	assert_int_equal(pool_free_pages(), ARENA_PAGES);
	/* Where no chunk fits, pages are extents. */
	pool_reset();
	assert_int_equal(pool_add(pa(arena.v + PAGE_SIZE), MIB(1)), OK);
	for (count = 0; pool_alloc_page(&pages[count]) == OK; count++) {
	}
	assert_in_range(count, MIB(1) / PAGE_SIZE - 12, MIB(1) / PAGE_SIZE - 1); /* less what the records grew by */
	while (count-- > 0) {
		pool_free(pages[count], 1);
	}
}

/* ---- our own bugs ---- */

static bool free_panics(pa_t base, uint64_t pages)
{
	host_panic_hook = panic_catch;
	if (setjmp(panic_jump) != 0) {
		host_panic_hook = NULL;
		return true;
	}
	pool_free(base, pages);
	host_panic_hook = NULL;
	return false;
}

/* Two neighbours of four pages each; 'freed' of them are freed first. Then the same pool for a free that is wrong. */
static pa_t two_allocations(void **state, uint16_t owner, unsigned freed)
{
	pa_t out, next;

	fresh(state);
	assert_int_equal(pool_alloc(4, PAGE_SIZE, owner, &out), OK);
	assert_int_equal(pool_alloc(4, PAGE_SIZE, owner, &next), OK);
	assert_int_equal(next.v, out.v + 4 * PAGE_SIZE);
	if (freed > 0) {
		pool_free(out, 4);
	}
	if (freed > 1) {
		pool_free(next, 4);
	}
	return out;
}

static void pool_free_finds_double_and_wrong_frees(void **state)
{
	static const struct {
		unsigned freed;
		uint64_t offset, pages;
	} wrong[] = {
		{ 0, 0, 3 },          { 0, 0, 5 },
		{ 0, 0, 8 },          { 0, 0, 0 },
		{ 0, PAGE_SIZE, 3 },  { 0, 8, 4 },
		{ 0, 0, UINT64_MAX }, { 1, 0, 4 },
		{ 1, 0, 8 },          { 1, 3 * PAGE_SIZE, 5 },
		{ 2, 0, 4 },          { 2, 4 * PAGE_SIZE, 4 },
	};
	pa_t out;

	for (unsigned i = 0; i < 2 * ARRAY_SIZE(wrong); i++) {
		unsigned w = i / 2;

		out = two_allocations(state, i % 2 == 0 ? PAGE_OWNER_EL2 : PAGE_OWNER_VM, wrong[w].freed);
		assert_true(free_panics(pa(out.v + wrong[w].offset), wrong[w].pages));
	}
	assert_false(free_panics(two_allocations(state, PAGE_OWNER_EL2, 0), 4));
	fresh(state);
	assert_true(free_panics(pa(arena.v - PAGE_SIZE), 1));
	fresh(state);
	assert_true(free_panics(pa(arena.v + ARENA), 1));
	fresh(state);
	assert_int_equal(pool_alloc_page(&out), OK);
	assert_true(free_panics(pa(ALIGN_DOWN(out.v, BLOCK_SIZE)), 1)); /* the chunk's own record */
}

/* ---- random allocations against a map of pages ---- */

#define LIVE_MAX 1500

static struct {
	pa_t base;
	uint64_t pages;
	uint16_t owner;
} live[LIVE_MAX];
static unsigned live_count;
static uint16_t model[ARENA_PAGES];

static void model_alloc(void)
{
	bool el2 = random_below(3) != 0;
	uint64_t pages = random_below(8) == 0 ? 1 + random_below(900) : 1 + random_below(el2 ? 20 : 3);
	uint64_t align = PAGE_SIZE << random_below(random_below(4) == 0 ? 10 : 3);
	uint16_t owner = el2 ? PAGE_OWNER_EL2 : (uint16_t)(PAGE_OWNER_VM + random_below(5));
	uint64_t before = pool_free_pages();
	pa_t out;

	if (live_count == LIVE_MAX || pool_alloc(pages, align, owner, &out) != OK) {
		assert_true(live_count == LIVE_MAX || pool_free_pages() <= before);
		return;
	}
	assert_true(IS_ALIGNED(out.v, align));
	assert_true(range_in(out.v, pages * PAGE_SIZE, arena.v, ARENA));
	for (uint64_t i = 0; i < pages; i++) {
		uint64_t page = (out.v - arena.v) / PAGE_SIZE + i;

		assert_int_equal(model[page], PAGE_OWNER_FREE);
		model[page] = owner;
		assert_int_equal(pool_owner(pa(out.v + i * PAGE_SIZE)), owner);
	}
	memset(pa_ptr(out), 0xa5, pages * PAGE_SIZE); /* records of the pool must not be in it */
	live[live_count].base = out;
	live[live_count].pages = pages;
	live[live_count++].owner = owner;
}

static void model_free(void)
{
	unsigned which;
	uint64_t first;

	if (live_count == 0) {
		return;
	}
	which = (unsigned)random_below(live_count);
	first = (live[which].base.v - arena.v) / PAGE_SIZE;
	pool_free(live[which].base, live[which].pages);
	for (uint64_t i = 0; i < live[which].pages; i++) {
		assert_int_equal(model[first + i], live[which].owner);
		model[first + i] = PAGE_OWNER_FREE;
		assert_int_equal(pool_owner(pa(live[which].base.v + i * PAGE_SIZE)), PAGE_OWNER_FREE);
	}
	live[which] = live[--live_count];
}

static void pool_random_against_model(void **state)
{
	unsigned rounds = random_rounds(40000);
	struct pool_stats stats;
	uint64_t run = 0;
	uint64_t longest = 0;

	(void)state;
	random_start(__func__);
	for (unsigned i = 0; i < rounds; i++) {
		/* Fills up and runs empty in turns. */
		if (random_below(100) < ((i / 2000) % 2 == 0 ? 65 : 35)) {
			model_alloc();
		} else {
			model_free();
		}
	}
	for (uint64_t i = 0; i < ARENA_PAGES; i++) {
		uint16_t owner = pool_owner(pa(arena.v + i * PAGE_SIZE));

		assert_true(owner == model[i] ||
			    (model[i] == PAGE_OWNER_FREE && owner == PAGE_OWNER_EL2)); /* records */
	}
	while (live_count > 0) {
		model_free();
	}
	/* All is free again but for the records, which may have grown anywhere; and free neighbours are one piece. */
	pool_stats(&stats);
	assert_int_equal(stats.free_pages + stats.el2_pages, ARENA_PAGES);
	assert_in_range(stats.el2_pages, 0, 64);
	for (uint64_t i = 0; i < ARENA_PAGES; i++) {
		run = pool_owner(pa(arena.v + i * PAGE_SIZE)) == PAGE_OWNER_FREE ? run + 1 : 0;
		longest = MAX(longest, run);
	}
	assert_int_equal(stats.largest_free, longest);
}

/* ---- objects ---- */

static void pool_object_sizes(void **state)
{
	(void)state;
	assert_null(pool_alloc_object(0));
	assert_null(pool_alloc_object(KIB(64) + 1));
	pool_free_object(NULL, 17);
	for (size_t size = 1; size <= KIB(64); size += size < 4200 ? 1 : 997) {
		uint8_t *a = pool_alloc_object(size), *b = pool_alloc_object(size);

		assert_non_null(a);
		assert_non_null(b);
		assert_true(IS_ALIGNED((uintptr_t)a, 64) && IS_ALIGNED((uintptr_t)b, 64));
		assert_true(a + size <= b || b + size <= a);
		for (size_t i = 0; i < size; i++) {
			assert_int_equal(a[i] | b[i], 0);
		}
		memset(a, 0xff, size);
		memset(b, 0xff, size);
		pool_free_object(a, size);
		pool_free_object(b, size);
	}
	assert_int_equal(pool_free_pages(), ARENA_PAGES);
}

static bool free_object_panics(void *object, size_t size)
{
	host_panic_hook = panic_catch;
	if (setjmp(panic_jump) != 0) {
		host_panic_hook = NULL;
		return true;
	}
	pool_free_object(object, size);
	host_panic_hook = NULL;
	return false;
}

static void pool_object_finds_wrong_frees(void **state)
{
	uint8_t *object = pool_alloc_object(100);

	assert_true(free_object_panics(object, 300));
	fresh(state);
	object = pool_alloc_object(100);
	assert_non_null(pool_alloc_object(100));
	pool_free_object(object, 100);
	assert_true(free_object_panics(object, 100));
	fresh(state);
	object = pool_alloc_object(100);
	assert_true(free_object_panics(object + 64, 100));
	fresh(state);
	object = pool_alloc_object(100);
	assert_true(free_object_panics(object, 0));
	fresh(state);
	object = pool_alloc_object(KIB(20));
	assert_true(free_object_panics(object, KIB(16)));
	fresh(state);
	assert_false(free_object_panics(pool_alloc_object(KIB(20)), KIB(20)));
}

#define OBJECTS 3000

static void pool_object_random(void **state)
{
	static struct {
		uint8_t *at;
		size_t size;
		uint8_t tag;
	} objects[OBJECTS];
	unsigned rounds = random_rounds(60000);

	(void)state;
	random_start(__func__);
	for (unsigned i = 0; i < rounds + OBJECTS; i++) {
		unsigned which = i < rounds ? (unsigned)random_below(OBJECTS) : i - rounds;

		if (objects[which].at != NULL) {
			for (size_t b = 0; b < objects[which].size; b++) {
				assert_int_equal(objects[which].at[b], objects[which].tag);
			}
			pool_free_object(objects[which].at, objects[which].size);
			objects[which].at = NULL;
		} else if (i < rounds) {
			size_t size = 1 + random_below(random_below(20) == 0 ? 9000 : 2100);

			objects[which].at = pool_alloc_object(size);
			objects[which].size = size;
			objects[which].tag = (uint8_t)random_u64();
			if (objects[which].at != NULL) {
				assert_int_equal(objects[which].at[0] | objects[which].at[size - 1], 0);
				memset(objects[which].at, objects[which].tag, size);
			}
		}
	}
	assert_in_range(pool_free_pages(), ARENA_PAGES - 16, ARENA_PAGES);
}

/* ---- many CPUs ---- */

#define THREADS 4
#define THREAD_PAGES 100

/* Whatever a thread was given is its own until it gives it back. */
static void *thread_main(void *arg)
{
	uint64_t tag = (uint64_t)(uintptr_t)arg;
	uint64_t *held[THREAD_PAGES] = { NULL };
	uintptr_t wrong = 0;

	for (unsigned i = 0; i < 20000; i++) {
		unsigned slot = (i * 7919 + (unsigned)tag * 31) % THREAD_PAGES;
		bool object = slot % 2 == 0;

		if (held[slot] != NULL) {
			wrong += held[slot][0] != tag || held[slot][7] != slot;
			if (object) {
				pool_free_object(held[slot], 64 + slot * 8);
			} else {
				pool_free(pa_from_ptr(held[slot]), 1);
			}
			held[slot] = NULL;
			continue;
		}
		if (object) {
			held[slot] = pool_alloc_object(64 + slot * 8);
		} else {
			pa_t page;

			held[slot] = pool_alloc_page(&page) == OK ? pa_ptr(page) : NULL;
		}
		if (held[slot] == NULL || held[slot][0] != 0 || held[slot][7] != 0) {
			wrong++;
			break;
		}
		held[slot][0] = tag;
		held[slot][7] = slot;
	}
	for (unsigned slot = 0; slot < THREAD_PAGES; slot++) {
		if (held[slot] != NULL && slot % 2 == 0) {
			pool_free_object(held[slot], 64 + slot * 8);
		} else if (held[slot] != NULL) {
			pool_free(pa_from_ptr(held[slot]), 1);
		}
	}
	return (void *)wrong;
}

static void pool_serves_many_cpus(void **state)
{
	pthread_t threads[THREADS];
	void *wrong;

	(void)state;
	for (uintptr_t i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_create(&threads[i], NULL, thread_main, (void *)(i + 1)), 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], &wrong), 0);
		assert_null(wrong);
	}
	assert_int_equal(pool_free_pages(), ARENA_PAGES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(pool_add_drops_parts_of_pages, fresh),
		cmocka_unit_test_setup(pool_add_refuses_what_cannot_be, fresh),
		cmocka_unit_test_setup(pool_add_joins_neighbours, fresh),
		cmocka_unit_test_setup(pool_add_says_when_regions_are_too_many, fresh),
		cmocka_unit_test_setup(pool_reserve_takes_out_whole_pages, fresh),
		cmocka_unit_test_setup(pool_alloc_refuses_nonsense, fresh),
		cmocka_unit_test_setup(pool_alloc_page_is_zero_and_far_from_large_extents, fresh),
		cmocka_unit_test_setup(parts_are_freed_in_any_order, fresh),
		cmocka_unit_test_setup(pool_alloc_uses_every_page, fresh),
		cmocka_unit_test_setup(pool_free_finds_double_and_wrong_frees, fresh),
		cmocka_unit_test_setup(pool_random_against_model, fresh),
		cmocka_unit_test_setup(pool_object_sizes, fresh),
		cmocka_unit_test_setup(pool_object_finds_wrong_frees, fresh),
		cmocka_unit_test_setup(pool_object_random, fresh),
		cmocka_unit_test_setup(pool_serves_many_cpus, fresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
