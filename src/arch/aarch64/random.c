/* SPDX-License-Identifier: MIT */
#include "arch/random.h"

#include "arch/sysreg.h"

#define ID_AA64ISAR0_RNDR_SHIFT 60
#define ID_AA64ISAR0_RNDR_WIDTH 4

bool arch_random(uint64_t *value)
{
	uint64_t word;
	bool failed;

	if (FIELD_GET(ID_AA64ISAR0_RNDR, read_id_aa64isar0_el1()) == 0) {
		return false;
	}
	/* RNDR sets Z when it has nothing. */
	__asm__ volatile("mrs %0, S3_3_C2_C4_0\n\tcset %w1, eq" : "=r"(word), "=r"(failed)::"cc");
	*value = word;
	return !failed;
}
