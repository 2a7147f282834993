/* SPDX-License-Identifier: MIT */
#include "arch/random.h"

bool arch_random(uint64_t *value)
{
	(void)value;
	return false;
}
