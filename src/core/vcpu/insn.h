/* SPDX-License-Identifier: MIT */
/*
 * Loads and stores for which the CPU gives no syndrome (ESR_EL2.ISV = 0) and that we emulate all the same: pairs, and
 * the forms that write the base register back, of general registers. Not decoded, on purpose: exclusives, atomics,
 * SIMD, tags, block zeroing; they have no meaning on a device.
 */
#ifndef CORE_VCPU_INSN_H
#define CORE_VCPU_INSN_H

#include "lib/base.h"

struct insn_access {
	bool load;
	bool sign;      /* sign-extend what is loaded */
	bool wide;      /* to 64 bits, else to 32 with zeroes above */
	uint8_t size;   /* bytes of one element: 1, 2, 4, 8 */
	uint8_t count;  /* 2 for a pair */
	uint8_t rt[2];  /* 31 is XZR */
	uint8_t rn;     /* 31 is SP */
	bool writeback; /* the base register becomes base + 'step' */
	int16_t offset; /* the first element is at base + offset; the next follows it */
	int16_t step;
};

/* Decodes an A64 instruction word; false, and *out undefined, if it is not one of those above. */
bool insn_decode(uint32_t word, struct insn_access *out);

/* Extends 'value', of 'size' bytes with zeroes above, to what the register shall hold. */
static inline uint64_t insn_extend(uint64_t value, unsigned size, bool sign, bool wide)
{
	if (sign) {
		unsigned shift = 64 - 8 * size;

		value = (uint64_t)((int64_t)(value << shift) >> shift);
	}
	return wide ? value : (uint32_t)value;
}

#endif
