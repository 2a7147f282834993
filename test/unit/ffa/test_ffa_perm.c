/* SPDX-License-Identifier: MIT */
/* FFA_MEM_PERM_GET and _SET: an S-EL0 partition's own pages, while it initializes. */
#include "cmocka_main.h"

#include "ffa_world.h"

#define EL0 (&world.sps[2])
#define RX_ (STAGE2_R | STAGE2_X)

static bool initializing = true;

static int start(void **state)
{
	(void)state;
	world_start();
	initializing = true;
	return 0;
}

static void get_call(struct ffa_endpoint *caller, uint64_t *regs)
{
	ffa_mem_perm_get(caller, initializing, regs);
}
static void set_call(struct ffa_endpoint *caller, uint64_t *regs)
{
	ffa_mem_perm_set(caller, initializing, regs);
}

static enum ffa_code get(struct ffa_endpoint *caller, uint64_t base)
{
	CALL(get_call, caller, FFA_MEM_PERM_GET_64, base);
	return answer();
}

static enum ffa_code set(struct ffa_endpoint *caller, uint64_t base, uint64_t pages, uint64_t perm)
{
	CALL(set_call, caller, FFA_MEM_PERM_SET_64, base, pages, perm);
	return answer();
}

static void permissions_change_where_named(void **state)
{
	uint64_t page = world_page(2, 0);

	(void)state;
	assert_int_equal(get(EL0, page), FFA_OK);
	assert_int_equal(x[2], FFA_PERM_RX);
	assert_int_equal(set(EL0, page + PAGE_SIZE, 2, FFA_PERM_RW), FFA_OK);
	assert_int_equal(world_attrs(EL0, page), RX_);
	assert_int_equal(world_attrs(EL0, page + PAGE_SIZE), RW);
	assert_int_equal(world_attrs(EL0, page + 2 * PAGE_SIZE), RW);
	assert_int_equal(world_attrs(EL0, page + 3 * PAGE_SIZE), RX_);
	assert_int_equal(get(EL0, page + 2 * PAGE_SIZE), FFA_OK);
	assert_int_equal(x[2], FFA_PERM_RW);
	/* Pages of several permissions in one call. */
	assert_int_equal(set(EL0, page, WORLD_PAGES, FFA_PERM_RO), FFA_OK);
	assert_int_equal(get(EL0, world_page(2, WORLD_PAGES - 1)), FFA_OK);
	assert_int_equal(x[2], FFA_PERM_RO);
	assert_int_equal(set(EL0, page, 1, FFA_PERM_RX), FFA_OK);
	assert_int_equal(world_attrs(EL0, page), RX_);
	assert_int_equal(world_attrs(EL0, page + PAGE_SIZE), STAGE2_R);
}

static void only_partitions_at_s_el0_that_initialize(void **state)
{
	(void)state;
	assert_int_equal(get(&world.sps[0], world_page(0, 0)), FFA_DENIED);
	assert_int_equal(set(&world.sps[0], world_page(0, 0), 1, FFA_PERM_RO), FFA_DENIED);
	initializing = false;
	assert_int_equal(get(EL0, world_page(2, 0)), FFA_DENIED);
	assert_int_equal(set(EL0, world_page(2, 0), 1, FFA_PERM_RO), FFA_DENIED);
	assert_int_equal(world_attrs(EL0, world_page(2, 0)), RX_);
}

static void only_what_is_its_own_and_makes_sense(void **state)
{
	uint64_t page = world_page(2, 0), last = world_page(2, WORLD_PAGES - 1);
	struct ffa_space *space = EL0->space;

	(void)state;
	assert_int_equal(get(EL0, page + 1), FFA_INVALID_PARAMETERS);
	assert_int_equal(get(EL0, world_page(1, 0)), FFA_INVALID_PARAMETERS);
	assert_int_equal(get(EL0, UINT64_MAX & ~UINT64_C(0xfff)), FFA_INVALID_PARAMETERS);
	assert_int_equal(set(EL0, page + 0x10, 1, FFA_PERM_RO), FFA_INVALID_PARAMETERS);
	assert_int_equal(set(EL0, page, 0, FFA_PERM_RO), FFA_INVALID_PARAMETERS);
	assert_int_equal(set(EL0, world_page(1, 0), 1, FFA_PERM_RO), FFA_INVALID_PARAMETERS);
	assert_int_equal(set(EL0, last, 2, FFA_PERM_RO), FFA_INVALID_PARAMETERS);
	assert_int_equal(set(EL0, page, UINT32_MAX, FFA_PERM_RO), FFA_INVALID_PARAMETERS);
	assert_int_equal(set(EL0, UINT64_MAX & ~UINT64_C(0xfff), 2, FFA_PERM_RO), FFA_INVALID_PARAMETERS);
	for (uint32_t perm = 0; perm < 16; perm++) {
		if (perm != FFA_PERM_RX && perm != FFA_PERM_RW && perm != FFA_PERM_RO) {
			assert_int_equal(set(EL0, page, 1, perm), FFA_INVALID_PARAMETERS);
		}
	}
	assert_int_equal(set(EL0, page, 1, FFA_PERM_RO | 0x80000000), FFA_INVALID_PARAMETERS);
	CALL(set_call, EL0, FFA_MEM_PERM_SET, page, 1, FFA_PERM_RO); /* 32 bits of the address */
	assert_int_equal(answer(), FFA_INVALID_PARAMETERS);
	assert_int_equal(world_attrs(EL0, last), RX_);
	/* Its buffers and what it borrows. */
	assert_int_equal(set(EL0, page, 4, FFA_PERM_RW), FFA_OK);
	assert_int_equal(world_map(EL0, page, page + PAGE_SIZE, 1), FFA_OK);
	assert_int_equal(set(EL0, page + PAGE_SIZE, 1, FFA_PERM_RW), FFA_DENIED);
	assert_int_equal(set(EL0, page + PAGE_SIZE, 2, FFA_PERM_RO), FFA_DENIED);
	assert_int_equal(world_attrs(EL0, page + PAGE_SIZE), STAGE2_R | STAGE2_SHARED_OWNED);
	assert_int_equal(stage2_protect(&space->secure, ipa(last), PAGE_SIZE, STAGE2_R | STAGE2_SHARED_BORROWED), OK);
	assert_int_equal(set(EL0, last, 1, FFA_PERM_RW), FFA_DENIED);
	assert_int_equal(get(EL0, last), FFA_OK);
	assert_int_equal(x[2], FFA_PERM_RO);
	/* Devices are not executed, nor mixed with memory; nor is what the normal world can write. */
	assert_int_equal(stage2_protect(&space->secure, ipa(last), PAGE_SIZE, RW | STAGE2_DEVICE), OK);
	assert_int_equal(set(EL0, last, 1, FFA_PERM_RX), FFA_INVALID_PARAMETERS);
	assert_int_equal(set(EL0, last - PAGE_SIZE, 2, FFA_PERM_RO), FFA_INVALID_PARAMETERS);
	assert_int_equal(set(EL0, last, 1, FFA_PERM_RO), FFA_OK);
	assert_int_equal(world_attrs(EL0, last), STAGE2_R | STAGE2_DEVICE);
	assert_int_equal(stage2_map(&space->ns, ipa(nwd_page(0)), pa(nwd_page(0)), PAGE_SIZE, RW), OK);
	assert_int_equal(set(EL0, nwd_page(0), 1, FFA_PERM_RX), FFA_INVALID_PARAMETERS);
	assert_int_equal(set(EL0, nwd_page(0), 1, FFA_PERM_RO), FFA_OK);
	assert_int_equal(set(EL0, last - PAGE_SIZE, 1, FFA_PERM_RW), FFA_OK);
}

static void memory_that_tables_do_not_need_is_taken(void **state)
{
	(void)state;
	assert_int_equal(stage2_map(&EL0->space->secure, ipa(GIB(1)), pa(GIB(1)), BLOCK_SIZE, RX_), OK);
	world_run_short();
	assert_int_equal(set(EL0, GIB(1) + PAGE_SIZE, 1, FFA_PERM_RW), FFA_OK);
	assert_int_equal(world_attrs(EL0, GIB(1) + PAGE_SIZE), RW);
	assert_int_equal(world_attrs(EL0, GIB(1)), RX_);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup(name, start)
		TEST(permissions_change_where_named),
		TEST(only_partitions_at_s_el0_that_initialize),
		TEST(only_what_is_its_own_and_makes_sense),
		TEST(memory_that_tables_do_not_need_is_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
