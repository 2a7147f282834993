/* SPDX-License-Identifier: MIT */
#include "payload/lib/partition.h"

void pattern_fill(uint64_t address, uint64_t pages, uint64_t pattern)
{
	for (uint64_t offset = 0; offset < pages * PAGE_SIZE; offset += PATTERN_STEP) {
		*(volatile uint64_t *)(address + offset) = pattern + offset;
	}
}

uint32_t pattern_wrong(uint64_t address, uint64_t pages, uint64_t pattern)
{
	uint32_t wrong = 0;

	for (uint64_t offset = 0; offset < pages * PAGE_SIZE; offset += PATTERN_STEP) {
		wrong += *(const volatile uint64_t *)(address + offset) != pattern + offset;
	}
	return wrong;
}
