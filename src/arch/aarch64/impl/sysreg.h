/* SPDX-License-Identifier: MIT */
#ifndef IMPL_SYSREG_H
#define IMPL_SYSREG_H

#include "lib/base.h"

/* Volatile keeps the order among accessors; the callers place the ISB where the architecture wants one. */
#define SYSREG_ACCESSORS(name, op0, op1, crn, crm, op2)                                                     \
	static inline uint64_t read_##name(void)                                                            \
	{                                                                                                   \
		uint64_t value;                                                                             \
		__asm__ volatile("mrs %0, S" #op0 "_" #op1 "_C" #crn "_C" #crm "_" #op2 : "=r"(value));     \
		return value;                                                                               \
	}                                                                                                   \
	static inline void write_##name(uint64_t value)                                                     \
	{                                                                                                   \
		__asm__ volatile("msr S" #op0 "_" #op1 "_C" #crn "_C" #crm "_" #op2 ", %x0" ::"rZ"(value)); \
	}
SYSREG_LIST(SYSREG_ACCESSORS)
#undef SYSREG_ACCESSORS

#endif
