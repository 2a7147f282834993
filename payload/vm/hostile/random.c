/* SPDX-License-Identifier: MIT */
#include "payload/vm/hostile/hostile.h"

uint64_t scratch_base, scratch_end;

/* Each CPU's own, so that what one does not change what another does. */
static uint64_t states[CPU_MAX];

void random_init(uint64_t seed)
{
	scratch_base = ram_base + MIB(4);
	scratch_end = ram_base + ram_size;
	for (uint32_t i = 0; i < CPU_MAX; i++) {
		states[i] = (seed + i + 1) * UINT64_C(0x9e3779b97f4a7c15) | 1;
	}
}

/* xorshift64*. */
uint64_t random_next(void)
{
	uint64_t *state = &states[this_cpu()->index];

	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * UINT64_C(0x2545f4914f6cdd1d);
}

uint64_t random_below(uint64_t n)
{
	return (random_next() >> 16) % n;
}

bool random_once_in(uint64_t n)
{
	return random_below(n) == 0;
}

static bool is_program(uint64_t address)
{
	return address >= ram_base && address < scratch_base;
}

uint64_t random_value(void)
{
	uint64_t value = random_next();

	switch (random_below(8)) {
	case 0:
		value &= 15;
		break;
	case 1:
		value &= 0xffff;
		break;
	case 2:
		value = (uint32_t)value;
		break;
	case 3:
		value = random_page() + (value & 0xfff);
		break;
	case 4:
		value = BIT(value & 63) - random_below(3);
		break;
	case 5:
		value = UINT64_C(0) - (value & 0xffff);
		break;
	default:
		break;
	}
	return is_program(value) ? value ^ BIT(40) : value;
}

uint64_t random_scratch(void)
{
	return scratch_base + random_below((scratch_end - scratch_base) / PAGE_SIZE) * PAGE_SIZE;
}

uint64_t random_page(void)
{
	static const struct {
		uint64_t base;
		uint32_t pages;
	} windows[] = {
		{ 0x08000000, 16 },   /* GICD */
		{ 0x08010000, 0x90 }, /* a GICv2's, an ITS's: nothing */
		{ 0x080a0000, 0x90 }, /* GICR, and behind the last */
		{ UART_BASE, 2 },
		{ RTC_BASE, 2 },
		{ VIRTIO_BASE, 5 },
		{ 0x0c000000, 8 },  /* registers of shared memories */
		{ 0x10000000, 64 }, /* shared memories */
		{ 0, 64 },
		{ 0x3fff0000, 16 }, /* below RAM */
	};
	uint32_t choice = (uint32_t)random_below(ARRAY_SIZE(windows) + 4);
	uint64_t page;

	if (choice < ARRAY_SIZE(windows)) {
		return windows[choice].base + random_below(windows[choice].pages) * PAGE_SIZE;
	}
	switch (choice - ARRAY_SIZE(windows)) {
	case 0:
		return scratch_end + random_below(256) * PAGE_SIZE;
	case 1:
		return random_scratch();
	case 2:
		page = random_below(GIB(4)) & ~(PAGE_SIZE - 1);
		break;
	default:
		page = random_next() >> (16 + random_below(16)) & ~(PAGE_SIZE - 1);
		break;
	}
	return is_program(page) ? scratch_base : page;
}

uint32_t random_access(void)
{
	for (;;) {
		/* Loads and stores: bits 27 and 25 are 1 and 0. Rn = x1. */
		uint32_t word = ((uint32_t)random_next() & ~0x020003e0u) | 0x08000020u;

		/* Half of them the plain ones, with an offset that is not far. */
		if (random_once_in(2)) {
			word = (word & 0xc4c03fffu) | 0x39000000u;
		}
		/* The memory copies would run from what they are to destroy into the program. */
		if ((word & 0x3b200c00u) != 0x19000400u) {
			return word;
		}
	}
}
