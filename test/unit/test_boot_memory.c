/* SPDX-License-Identifier: MIT */
#include "mm_test.h"

#include <stdlib.h>

#include "arch/host/host.h"
#include "arch/sysreg.h"
#include "core/mm/pool.h"
#include "core/sys/boot.h"
#include "core/sys/image.h"
#include "lib/str.h"

#define RAM_SIZE MIB(16)
#define IMAGE_AT MIB(1)
#define IMAGE_SIZE 0x34000
#define TABLES 32

/* The machine's RAM, with the image in it. */
extern uint8_t ram[RAM_SIZE];
_Alignas(BLOCK_SIZE) uint8_t ram[RAM_SIZE];
__asm__(".globl image_start\n.set image_start, ram + 0x100000\n"
	".globl image_end\n.set image_end, ram + 0x134000\n");

/* Of another world: never touched, so it need not be there. */
#define NS_BASE UINT64_C(0x7000000000)
#define NS_SIZE MIB(4)

static _Alignas(PAGE_SIZE) uint8_t tables[TABLES][PAGE_SIZE];
static unsigned tables_used;

static enum err table_alloc(pa_t *out)
{
	if (tables_used == TABLES) {
		return ERR_NO_MEMORY;
	}
	*out = pa_from_ptr(tables[tables_used++]);
	return OK;
}

static const struct stage1_pages source = { .alloc = table_alloc };

static uint64_t at(uint64_t offset)
{
	return (uint64_t)(uintptr_t)ram + offset;
}

static void assert_kind(uint64_t address, enum stage1_kind expected)
{
	enum stage1_kind kind;

	assert_true(stage1_lookup(&el2_map, va(address), &kind));
	assert_int_equal(kind, expected);
}

static void assert_unmapped(uint64_t address)
{
	enum stage1_kind kind;

	assert_false(stage1_lookup(&el2_map, va(address), &kind));
}

/*
 * One case that goes through boot in its order, because boot happens once: reservations with RAM known and not mapped,
 * the map, reservations with the pool filled.
 */
static void boot_memory_in_its_order(void **state)
{
	struct host_range fdt = { 0x1000, PAGE_SIZE }; /* not in RAM, as the SPMC's manifest is not */
	struct cpu_area *areas;
	pa_t page;

	(void)state;
	write_sctlr_el2(0);
	host.ram[0] = (struct host_range){ at(0), RAM_SIZE };
	host.ram_count = 1;
	host.ns_ram[0] = (struct host_range){ NS_BASE, NS_SIZE };
	host.ns_ram_count = 1;
	host.cpu_count = 4;
	host.reserved[0] = (struct host_range){ at(IMAGE_AT + IMAGE_SIZE), 16 }; /* right behind the image */
	host.reserved_count = 1;
	assert_int_equal(stage1_init(&el2_map, &source, 0, false), OK);
	boot_memory_start(&fdt);

	assert_int_equal(boot_reserve(at(MIB(8)), MIB(1)), OK);
	assert_int_equal(boot_reserve(at(MIB(9)), 1), OK);
	assert_int_equal(boot_reserve(at(MIB(9) + PAGE_SIZE - 1), 1), ERR_DENIED); /* the same page */
	assert_int_equal(boot_reserve(at(MIB(9) - 1), 1), ERR_DENIED);
	assert_int_equal(boot_reserve(at(IMAGE_AT), PAGE_SIZE), ERR_DENIED);
	assert_int_equal(boot_reserve(at(IMAGE_AT + IMAGE_SIZE - 1), 1), ERR_DENIED);
	assert_int_equal(boot_reserve(at(MIB(10)), 0), ERR_RANGE);
	assert_int_equal(boot_reserve(at(RAM_SIZE), PAGE_SIZE), ERR_RANGE);
	assert_int_equal(boot_reserve(at(RAM_SIZE - PAGE_SIZE), 2 * PAGE_SIZE), ERR_RANGE);
	assert_int_equal(boot_reserve(at(MIB(10)), UINT64_MAX), ERR_RANGE);
	assert_int_equal(boot_reserve(UINT64_MAX, 1), ERR_RANGE);
	assert_int_equal(boot_reserve(UINT64_MAX - 2, 1), ERR_RANGE);
	assert_int_equal(boot_reserve(NS_BASE, PAGE_SIZE), ERR_RANGE);

	areas = boot_memory_init();
	/* The lowest hole that holds them is in front of the image; each stack stands on a hole. */
	assert_ptr_equal(areas, ram);
	for (unsigned i = 0; i < 3; i++) {
		assert_unmapped((uint64_t)(uintptr_t)areas[i].guard);
		assert_unmapped((uint64_t)(uintptr_t)areas[i].guard + PAGE_SIZE - 1);
		assert_kind((uint64_t)(uintptr_t)areas[i].stack, STAGE1_DATA);
		assert_kind((uint64_t)(uintptr_t)&areas[i].cpu, STAGE1_DATA);
	}
	assert_kind((uint64_t)(uintptr_t)(areas + 3), STAGE1_DATA);
	assert_kind(at(MIB(8)), STAGE1_DATA);
	assert_kind(at(RAM_SIZE - 1), STAGE1_DATA);
	assert_unmapped(at(RAM_SIZE));
	assert_unmapped(at(IMAGE_AT)); /* boot_map has done that */
	assert_kind(NS_BASE, STAGE1_DATA_NS);
	assert_kind(NS_BASE + NS_SIZE - 1, STAGE1_DATA_NS);
	assert_unmapped(NS_BASE + NS_SIZE);

	assert_int_equal(pool_owner(pa(at(MIB(10)))), PAGE_OWNER_FREE);
	assert_int_equal(pool_owner(pa(at(MIB(8)))), PAGE_OWNER_EL2);
	assert_int_equal(pool_owner(pa(at(MIB(9)))), PAGE_OWNER_EL2);
	assert_int_equal(pool_owner(pa(at(MIB(9) + PAGE_SIZE))), PAGE_OWNER_FREE);
	assert_int_equal(pool_owner(pa(at(0))), PAGE_OWNER_EL2);
	assert_int_equal(pool_owner(pa(at(IMAGE_AT))), PAGE_OWNER_EL2);
	assert_int_equal(pool_owner(pa(at(IMAGE_AT + IMAGE_SIZE))), PAGE_OWNER_EL2);
	assert_int_equal(pool_owner(pa(NS_BASE)), PAGE_OWNER_EL2);

	assert_int_equal(boot_reserve(at(MIB(10)), MIB(1)), OK);
	assert_int_equal(pool_owner(pa(at(MIB(11) - 1))), PAGE_OWNER_EL2);
	assert_int_equal(boot_reserve(at(MIB(10)), MIB(1)), ERR_DENIED);
	assert_int_equal(boot_reserve(at(0), PAGE_SIZE), ERR_DENIED); /* a stack */
	assert_int_equal(pool_alloc(1, PAGE_SIZE, PAGE_OWNER_VM, &page), OK);
	assert_int_equal(boot_reserve(page.v, PAGE_SIZE), ERR_DENIED); /* too late */
	assert_int_equal(pool_owner(page), PAGE_OWNER_VM);

	/* Each in its own page, until there is no more room to note them. */
	for (unsigned i = 0;; i += 2) {
		enum err error = boot_reserve(at(MIB(12)) + i * PAGE_SIZE, PAGE_SIZE);

		if (error != OK) {
			assert_int_equal(error, ERR_NO_MEMORY);
			assert_in_range(i, 2 * 16, 2 * 256);
			assert_int_equal(pool_owner(pa(at(MIB(12)) + i * PAGE_SIZE)), PAGE_OWNER_FREE);
			break;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(boot_memory_in_its_order) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
