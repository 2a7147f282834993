/* SPDX-License-Identifier: MIT */
/* Addresses that lead nowhere: fetched from, loaded from, walked through, with the MMU on and off. */
#include "payload/lib/boot.h"
#include "payload/lib/mmu.h"
#include "payload/vm/wild/tests.h"

/* Free in the identity map; each test unmaps what it mapped. */
#define WINDOW GIB(64)

static struct fault call_to(uint64_t address)
{
	struct fault fault;

	fault_expect();
	__asm__ volatile("blr %0" ::"r"(address)
			 : "x30", "x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12",
			   "x13", "x14", "x15", "x16", "x17", "memory");
	fault = fault_taken();
	return fault;
}

/* Some machines do fetch from a device, and find no instruction there. */
void fetch_device(void)
{
	static const uint64_t devices[] = { UART_BASE, RTC_BASE, 0x08000000 };

	for (uint32_t i = 0; i < ARRAY_SIZE(devices); i++) {
		struct fault fault;

		REQUIRE(mmu_map(WINDOW, devices[i], PAGE_SIZE, MMU_DEVICE, true));
		fault = call_to(WINDOW);
		CHECK(fault.taken);
		CHECK(ESR_EC(fault.esr) == EC_IABT_CUR || ESR_EC(fault.esr) == EC_UNKNOWN);
		mmu_unmap(WINDOW, PAGE_SIZE);
	}
}

void fetch_unmapped(void)
{
	struct fault fault = call_to(WINDOW);

	CHECK(fault.taken);
	CHECK_EQ(ESR_EC(fault.esr), EC_IABT_CUR);
	CHECK_EQ(ESR_FSC(fault.esr) & ~3ul, FSC_TRANSLATION);
	CHECK_EQ(fault.far, WINDOW);

	REQUIRE(mmu_map(WINDOW, ram_base + ram_size, PAGE_SIZE, MMU_NORMAL, true));
	fault = call_to(WINDOW + 8);
	CHECK(fault.taken);
	CHECK_EQ(ESR_EC(fault.esr), EC_IABT_CUR);
	CHECK_EQ(ESR_FSC(fault.esr), FSC_EXTERNAL);
	CHECK_EQ(fault.far, WINDOW + 8);
	mmu_unmap(WINDOW, PAGE_SIZE);

	fault = call_to(UART_BASE); /* mapped, but not executable: the guest's own fault */
	CHECK(fault.taken);
	CHECK_EQ(ESR_EC(fault.esr), EC_IABT_CUR);
	fault = call_to((uint64_t)cpu_entry + 2);
	CHECK(fault.taken);
	CHECK_EQ(ESR_EC(fault.esr), EC_PC_ALIGN);
}

static void check_load_store(uint64_t pa)
{
	for (uint32_t type = MMU_NORMAL; type <= MMU_NORMAL_NC; type++) {
		uint64_t value;
		struct fault load;
		struct fault store;

		REQUIRE(mmu_map(WINDOW, pa, PAGE_SIZE, (enum mmu_type)type, false));
		load = FAULT_OF("ldr %0, [%1]" : "=r"(value) : "r"(WINDOW + 0x10) : "memory");
		store = FAULT_OF("str %0, [%0]" ::"r"(WINDOW + 0x20) : "memory");
		mmu_unmap(WINDOW, PAGE_SIZE);
		if (!load.taken || !store.taken || ESR_EC(load.esr) != EC_DABT_CUR || load.far != WINDOW + 0x10 ||
		    (load.esr & ESR_WNR) != 0 || (store.esr & ESR_WNR) == 0 || store.far != WINDOW + 0x20) {
			test_fail("0x%lx type %u: load ESR 0x%lx FAR 0x%lx, store ESR 0x%lx FAR 0x%lx", pa, type,
				  load.esr, load.far, store.esr, store.far);
			return;
		}
		/* An external abort, or an address size fault where the address has too many bits. */
		if (ESR_FSC(load.esr) != FSC_EXTERNAL && ESR_FSC(load.esr) > 3) {
			test_fail("0x%lx: FSC 0x%lx", pa, ESR_FSC(load.esr));
		}
	}
}

void beyond_ram(void)
{
	volatile uint64_t *last = (volatile uint64_t *)(ram_base + ram_size - 8);

	*last = 0x600df00d; /* the last word is there */
	CHECK_EQ(*last, 0x600df00d);
	check_load_store(ram_base + ram_size);
	check_load_store(ram_base + ram_size + MIB(64));
}

/* QEMU's virt has device windows in the upper half of each power of two: these are not they. */
void beyond_pa(void)
{
	static const uint32_t shifts[] = { 36, 37, 38, 41, 43, 45, 47 };

	for (uint32_t i = 0; i < ARRAY_SIZE(shifts); i++) {
		check_load_store(BIT(shifts[i]) + MIB(32));
	}
}

void mmu_off(void)
{
	uint64_t esr;

	CHECK_EQ(mmu_off_load(UART_BASE + 0x18), 0);
	CHECK_EQ(mmu_off_load(ram_base), 0);
	esr = mmu_off_load(ram_base + ram_size);
	CHECK_EQ(ESR_EC(esr), EC_DABT_CUR);
	CHECK_EQ(ESR_FSC(esr), FSC_EXTERNAL);
	esr = mmu_off_load(0x0b800000);
	CHECK_EQ(ESR_EC(esr), EC_DABT_CUR);
	CHECK_EQ(ESR_FSC(esr), FSC_EXTERNAL);
	for (uint32_t shift = 41; shift < 56; shift += 2) {
		esr = mmu_off_load(BIT(shift) + MIB(32));
		CHECK_EQ(ESR_EC(esr), EC_DABT_CUR);
		CHECK(ESR_FSC(esr) == FSC_EXTERNAL || ESR_FSC(esr) <= 3);
	}
	CHECK_EQ(mmu_off_load(ram_base + ram_size - 4), 0);
}

/* The level-1 descriptor of the window names a table at 'table'. */
static struct fault walk_through(uint64_t table, bool write)
{
	uint64_t *entry = mmu_level1(WINDOW);
	uint64_t before = *entry;
	uint64_t value;
	struct fault fault;

	*entry = table | 3;
	mmu_flush();
	if (write) {
		fault = FAULT_OF("str xzr, [%0]" ::"r"(WINDOW + 0x40) : "memory");
	} else {
		fault = FAULT_OF("ldr %0, [%1]" : "=r"(value) : "r"(WINDOW + 0x40) : "memory");
	}
	*entry = before;
	mmu_flush();
	return fault;
}

void walk_beyond_ram(void)
{
	for (uint32_t write = 0; write < 2; write++) {
		struct fault fault = walk_through(ram_base + ram_size, write);

		CHECK(fault.taken);
		CHECK_EQ(ESR_EC(fault.esr), EC_DABT_CUR);
		CHECK_EQ(ESR_FSC(fault.esr) & ~3ul, FSC_EXTERNAL_WALK); /* an injected one may not know the level */
		CHECK_EQ(fault.far, WINDOW + 0x40);
	}
}

/* A device as a table: an abort on the walk, or descriptors that are invalid. */
void walk_device(void)
{
	static const uint64_t devices[] = { UART_BASE, 0x08000000, 0x0b800000 };

	for (uint32_t i = 0; i < ARRAY_SIZE(devices); i++) {
		struct fault fault = walk_through(devices[i], false);

		CHECK(fault.taken);
		CHECK_EQ(ESR_EC(fault.esr), EC_DABT_CUR);
	}
}

/* Everything that EL1 may ask of caches and TLBs, with addresses that lead anywhere. */
void maintenance(void)
{
	static const uint64_t addresses[] = { 0, WINDOW, UINT64_C(0x0000fffffffff000), UINT64_C(0xffffffffffffffff) };

	__asm__ volatile("tlbi vmalle1\n\ttlbi vmalle1is\n\tic iallu\n\tic ialluis\n\tdsb sy\n\tisb" ::: "memory");
	for (uint32_t i = 0; i < ARRAY_SIZE(addresses); i++) {
		uint64_t at = addresses[i];

		__asm__ volatile("tlbi vae1, %0\n\ttlbi vae1is, %0\n\ttlbi vale1, %0\n\ttlbi vale1is, %0\n\t"
				 "tlbi vaae1, %0\n\ttlbi vaae1is, %0\n\ttlbi vaale1, %0\n\ttlbi vaale1is, %0\n\t"
				 "tlbi aside1, %0\n\ttlbi aside1is, %0\n\tdsb sy\n\tisb" ::"r"(at)
				 : "memory");
		__asm__ volatile("at s1e1r, %0\n\tat s1e1w, %0\n\tat s1e0r, %0\n\tat s1e0w, %0\n\tisb" ::"r"(at));
		FAULT_OF("dc civac, %0" ::"r"(at) : "memory");
	}
	__asm__ volatile("at s1e1r, %0\n\tisb" ::"r"(WINDOW));
	CHECK_EQ(read_sysreg(par_el1) & 1, 1);
	__asm__ volatile("at s1e1w, %0\n\tisb" ::"r"(ram_base));
	CHECK_EQ(read_sysreg(par_el1) & 1, 0);
	CHECK_EQ(BITS(read_sysreg(par_el1), 47, 12), ram_base >> 12);
}
