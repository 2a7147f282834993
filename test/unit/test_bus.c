/* SPDX-License-Identifier: MIT */
#include "cmocka_main.h"

#include <stdlib.h>

#include "core/mm/pool.h"
#include "core/vcpu/bus.h"

static bool pool_empty;
static size_t pool_bytes;

void *pool_alloc_object(size_t size)
{
	if (pool_empty) {
		return NULL;
	}
	pool_bytes += size;
	return calloc(1, size);
}

void pool_free_object(void *object, size_t size)
{
	pool_bytes -= size;
	free(object);
}

static const struct bus_ops ops;

static void bus_refuses_bad_regions(void **state)
{
	struct bus bus = { 0 };

	(void)state;
	assert_int_equal(bus_add(&bus, ipa(0x1000), 0, &ops, NULL), ERR_RANGE);
	assert_int_equal(bus_add(&bus, ipa(0x1000), 7, &ops, NULL), ERR_RANGE);
	assert_int_equal(bus_add(&bus, ipa(UINT64_MAX - 0xfe), 0x100, &ops, NULL), ERR_RANGE);
	assert_int_equal(bus_add(&bus, ipa(UINT64_MAX - 0xff), 0x100, &ops, NULL), OK);
	assert_int_equal(bus_add(&bus, ipa(0x1000), 0x1000, &ops, NULL), OK);
	assert_int_equal(bus_add(&bus, ipa(0x1000), 0x1000, &ops, NULL), ERR_EXISTS);
	assert_int_equal(bus_add(&bus, ipa(0x1ff8), 0x1000, &ops, NULL), ERR_EXISTS);
	assert_int_equal(bus_add(&bus, ipa(0xff0), 0x11, &ops, NULL), ERR_EXISTS);
	assert_int_equal(bus_add(&bus, ipa(0), UINT64_MAX, &ops, NULL), ERR_EXISTS);
	assert_int_equal(bus_add(&bus, ipa(0xff0), 0x10, &ops, NULL), OK);
	assert_int_equal(bus_add(&bus, ipa(0x2000), 0x10, &ops, NULL), OK);
	assert_int_equal(bus.count, 4);
	bus_destroy(&bus);
	assert_int_equal(pool_bytes, 0);
}

static void bus_finds_whole_accesses_only(void **state)
{
	struct bus bus = { 0 };

	(void)state;
	assert_null(bus_find(&bus, 0, 8));
	assert_int_equal(bus_add(&bus, ipa(0x1000), 0x100, &ops, NULL), OK);
	assert_int_equal(bus_add(&bus, ipa(0x1100), 0x100, &ops, NULL), OK);
	assert_int_equal(bus_add(&bus, ipa(UINT64_MAX - 0xff), 0x100, &ops, NULL), OK);
	assert_null(bus_find(&bus, 0xfff, 1));
	assert_null(bus_find(&bus, 0xffc, 8));
	assert_ptr_equal(bus_find(&bus, 0x1000, 8), &bus.regions[0]);
	assert_ptr_equal(bus_find(&bus, 0x10ff, 1), &bus.regions[0]);
	/* Across the border of two devices: neither. */
	assert_null(bus_find(&bus, 0x10fc, 8));
	assert_ptr_equal(bus_find(&bus, 0x11f8, 8), &bus.regions[1]);
	assert_null(bus_find(&bus, 0x11f9, 8));
	assert_ptr_equal(bus_find(&bus, UINT64_MAX - 7, 8), &bus.regions[2]);
	assert_null(bus_find(&bus, UINT64_MAX - 6, 8));
	bus_destroy(&bus);
}

static void bus_without_memory_stays_as_it_was(void **state)
{
	struct bus bus = { 0 };
	unsigned n = 0;

	(void)state;
	pool_empty = true;
	assert_int_equal(bus_add(&bus, ipa(0), 8, &ops, NULL), ERR_NO_MEMORY);
	assert_int_equal(bus.count, 0);
	pool_empty = false;
	assert_int_equal(bus_add(&bus, ipa(0), 8, &ops, NULL), OK);
	pool_empty = true;
	do {
		n++;
	} while (bus_add(&bus, ipa(8 * n), 8, &ops, NULL) == OK);
	assert_int_equal(bus.count, n);
	assert_int_equal(bus.count, bus.capacity);
	pool_empty = false;
	assert_int_equal(bus_add(&bus, ipa(8 * n), 8, &ops, NULL), OK);
	for (unsigned i = 0; i <= n; i++) {
		assert_ptr_equal(bus_find(&bus, 8 * i, 8), &bus.regions[i]);
	}
	bus_destroy(&bus);
	assert_int_equal(pool_bytes, 0);
}

/* Against a byte map of a small address space. */
static void bus_matches_a_byte_map(void **state)
{
	enum { SPACE = 2048 };
	static uintptr_t owner[SPACE];
	struct bus bus = { 0 };

	(void)state;
	srand(1);
	for (uintptr_t id = 1; id < 400; id++) {
		uint64_t base = (uint64_t)rand() % (SPACE - 64);
		uint64_t size = 8 + (uint64_t)rand() % 50;
		bool overlap = false;

		for (uint64_t a = base; a < base + size; a++) {
			overlap |= owner[a] != 0;
		}
		assert_int_equal(bus_add(&bus, ipa(base), size, &ops, (void *)id), overlap ? ERR_EXISTS : OK);
		for (uint64_t a = base; !overlap && a < base + size; a++) {
			owner[a] = id;
		}
	}
	for (uint64_t a = 0; a < SPACE - 8; a++) {
		for (unsigned size = 1; size <= 8; size *= 2) {
			const struct bus_region *found = bus_find(&bus, a, size);
			bool whole = owner[a] != 0;

			for (unsigned i = 1; i < size; i++) {
				whole &= owner[a + i] == owner[a];
			}
			assert_true(whole ? found != NULL && (uintptr_t)found->device == owner[a] : found == NULL);
		}
	}
	bus_destroy(&bus);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bus_refuses_bad_regions),
		cmocka_unit_test(bus_finds_whole_accesses_only),
		cmocka_unit_test(bus_without_memory_stays_as_it_was),
		cmocka_unit_test(bus_matches_a_byte_map),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
