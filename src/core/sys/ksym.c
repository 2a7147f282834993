/* SPDX-License-Identifier: MIT */
#include "core/sys/ksym.h"

#include "core/sys/image.h"

/* scripts/ksyms makes these. */
extern const uint32_t ksym_count;
extern const uint32_t ksym_offset[];
extern const uint32_t ksym_name[];
extern const char ksym_strings[];

const char *ksym_lookup(uint64_t address, uint64_t *offset)
{
	uint64_t at = address - (uint64_t)(uintptr_t)image_start;
	uint32_t low = 0;
	uint32_t high = ksym_count;

	if (address < (uint64_t)(uintptr_t)image_start || address >= (uint64_t)(uintptr_t)text_end || ksym_count == 0) {
		return NULL;
	}
	/* The last symbol at or below. */
	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;

		if (ksym_offset[middle] <= at) {
			low = middle;
		} else {
			high = middle;
		}
	}
	if (ksym_offset[low] > at) {
		return NULL;
	}
	*offset = at - ksym_offset[low];
	return &ksym_strings[ksym_name[low]];
}
