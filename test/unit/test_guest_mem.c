/* SPDX-License-Identifier: MIT */
/* Guest memory against a model: one byte array for the whole space, and a map of what is RAM. */
#include "bundle_test.h"
#include "core/mm/pool.h"
#include "core/mm/stage2.h"
#include "core/vcpu/guest_mem.h"

#define SPACE 0x8000u

/* Three banks: two that touch, a hole, and one. Each is an allocation of its own, so ASan sees a step over an edge. */
static struct guest_mem mem;
static uint8_t model[SPACE];

static bool model_ram(uint64_t address)
{
	return (address >= 0x1000 && address < 0x4000) || (address >= 0x5000 && address < 0x6000);
}

static bool model_all_ram(uint64_t address, uint64_t size)
{
	for (uint64_t i = 0; i < size; i++) {
		if (address + i < address || !model_ram(address + i)) {
			return false;
		}
	}
	return true;
}

static int setup(void **state unused_arg)
{
	mem.banks[0] = (struct guest_bank){ 0x1000, 0x1000, calloc(1, 0x1000) };
	mem.banks[1] = (struct guest_bank){ 0x5000, 0x1000, calloc(1, 0x1000) };
	mem.banks[2] = (struct guest_bank){ 0x2000, 0x2000, calloc(1, 0x2000) };
	mem.count = 3;
	memset(model, 0, sizeof(model));
	return 0;
}

static int teardown(void **state unused_arg)
{
	for (unsigned i = 0; i < mem.count; i++) {
		free(mem.banks[i].host);
	}
	return 0;
}

static void random_access_matches_the_model(void **state unused_arg)
{
	for (unsigned i = 0; i < 20000; i++) {
		uint64_t address = random_below(SPACE),
			 size = random_below(4) ? random_below(64) : random_below(SPACE / 2);
		bool ram = model_all_ram(address, size);
		uint8_t buffer[SPACE / 2], before[SPACE / 2];

		assert_ptr_equal(guest_mem_place(&mem, address, size), guest_mem_ptr(&mem, address, size));
		for (uint64_t k = 0; k < size; k++) {
			buffer[k] = (uint8_t)random_below(256);
		}
		if (random_below(2)) {
			assert_int_equal(guest_mem_write(&mem, address, buffer, size), ram);
			if (ram) {
				memcpy(model + address, buffer, size);
			}
		} else {
			memcpy(before, buffer, size);
			assert_int_equal(guest_mem_read(&mem, address, buffer, size), ram);
			assert_memory_equal(buffer, ram ? model + address : before, size);
		}
	}
	for (unsigned b = 0; b < mem.count; b++) {
		assert_memory_equal(mem.banks[b].host, model + mem.banks[b].ipa, mem.banks[b].size);
	}
}

static void a_pointer_covers_one_bank(void **state unused_arg)
{
	assert_ptr_equal(guest_mem_ptr(&mem, 0x1000, 0x1000), mem.banks[0].host);
	assert_ptr_equal(guest_mem_ptr(&mem, 0x3ff0, 0x10), mem.banks[2].host + 0x1ff0);
	assert_null(guest_mem_ptr(&mem, 0x1ff0, 0x20)); /* RAM, but of two banks */
	assert_null(guest_mem_ptr(&mem, 0x3ff0, 0x11));
	assert_null(guest_mem_ptr(&mem, 0x1000, 0));
	assert_null(guest_mem_ptr(&mem, 0xfff, 1));
	assert_null(guest_mem_ptr(&mem, 0x6000, 1));
	assert_null(guest_mem_ptr(&mem, 0x1000, UINT64_MAX));
	assert_null(guest_mem_ptr(&mem, UINT64_MAX, 1));
	assert_null(guest_mem_ptr(&mem, UINT64_MAX - 0xff, 0x2000));
}

static void wrapping_ranges_are_no_ram(void **state unused_arg)
{
	struct guest_mem edges = { .count = 2 };
	uint8_t low[PAGE_SIZE], high[PAGE_SIZE], buffer[64];

	edges.banks[0] = (struct guest_bank){ 0, PAGE_SIZE, low };
	edges.banks[1] = (struct guest_bank){ UINT64_MAX - PAGE_SIZE + 1, PAGE_SIZE, high };
	memset(high, 0x11, sizeof(high));
	assert_true(guest_mem_read(&edges, UINT64_MAX - 31, buffer, 32));
	assert_false(guest_mem_read(&edges, UINT64_MAX - 31, buffer, 33));
	assert_false(guest_mem_write(&edges, UINT64_MAX - 31, buffer, 64));
	assert_false(guest_mem_read(&mem, 0x1000, buffer, UINT64_MAX));
	assert_true(guest_mem_read(&mem, 0x4800, buffer, 0));
	assert_true(guest_mem_write(&mem, UINT64_MAX, buffer, 0));
}

#define LENT_PAGE 2u /* of a bank with four */

static void what_is_away_is_not_there(void **state unused_arg)
{
	struct guest_mem own = { .banks = { { GIB(1), 4 * PAGE_SIZE, calloc(4, PAGE_SIZE) } }, .count = 1 };
	uint8_t *arena = aligned_alloc(BLOCK_SIZE, MIB(4)), byte[2 * PAGE_SIZE] = { 1 };
	struct stage2 tables;

	pool_reset();
	assert_int_equal(pool_add(pa_from_ptr(arena), MIB(4)), OK);
	assert_int_equal(stage2_init(&tables, STAGE2_ENDPOINT, 40, 1, 5, 0), OK);
	assert_int_equal(stage2_map(&tables, ipa(GIB(1)), pa(GIB(1)), 4 * PAGE_SIZE, STAGE2_R | STAGE2_W), OK);
	assert_int_equal(stage2_protect(&tables, ipa(GIB(1) + LENT_PAGE * PAGE_SIZE), PAGE_SIZE, STAGE2_LENT), OK);
	own.tables = &tables;
	assert_non_null(guest_mem_ptr(&own, GIB(1), 4 * PAGE_SIZE)); /* nobody looks */
	own.away = 1;
	assert_ptr_equal(guest_mem_ptr(&own, GIB(1), LENT_PAGE * PAGE_SIZE), own.banks[0].host);
	assert_null(guest_mem_ptr(&own, GIB(1), LENT_PAGE * PAGE_SIZE + 1));
	assert_null(guest_mem_ptr(&own, GIB(1) + LENT_PAGE * PAGE_SIZE, 1));
	assert_non_null(guest_mem_ptr(&own, GIB(1) + 3 * PAGE_SIZE, PAGE_SIZE));
	assert_false(guest_mem_write(&own, GIB(1) + PAGE_SIZE, byte, sizeof(byte)));
	assert_int_equal(own.banks[0].host[PAGE_SIZE], 0);
	assert_false(guest_mem_read(&own, GIB(1) + PAGE_SIZE, byte, sizeof(byte)));
	assert_int_equal(byte[0], 1);
	/* Nor is what its tables do not map any more. */
	assert_int_equal(stage2_unmap(&tables, ipa(GIB(1)), PAGE_SIZE), OK);
	assert_false(guest_mem_write(&own, GIB(1) + PAGE_SIZE - 1, byte, 2));
	assert_true(guest_mem_write(&own, GIB(1) + PAGE_SIZE, byte, 2));
	stage2_destroy(&tables);
	free(own.banks[0].host);
	free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(random_access_matches_the_model, setup, teardown),
		cmocka_unit_test_setup_teardown(a_pointer_covers_one_bank, setup, teardown),
		cmocka_unit_test_setup_teardown(wrapping_ranges_are_no_ram, setup, teardown),
		cmocka_unit_test(what_is_away_is_not_there),
	};

	random_start("guest_mem");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
