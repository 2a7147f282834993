/* SPDX-License-Identifier: MIT */
#include "arch/feature.h"

#include "arch/sysreg.h"

#define ID_AA64ISAR1_APA_SHIFT 4
#define ID_AA64ISAR1_APA_WIDTH 4
#define ID_AA64ISAR1_API_SHIFT 8
#define ID_AA64ISAR1_API_WIDTH 4
#define ID_AA64ISAR2_APA3_SHIFT 12
#define ID_AA64ISAR2_APA3_WIDTH 4

bool cpu_has_pauth(void)
{
	uint64_t isar1 = read_id_aa64isar1_el1();

	return FIELD_GET(ID_AA64ISAR1_APA, isar1) != 0 || FIELD_GET(ID_AA64ISAR1_API, isar1) != 0 ||
	       FIELD_GET(ID_AA64ISAR2_APA3, read_id_aa64isar2_el1()) != 0;
}
