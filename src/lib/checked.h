/* SPDX-License-Identifier: MIT */
/* Arithmetic on numbers from outside. Each returns false, and leaves *out alone, if the result does not fit. */
#ifndef LIB_CHECKED_H
#define LIB_CHECKED_H

#include "lib/base.h"

static inline bool add_u64(uint64_t a, uint64_t b, uint64_t *out)
{
	uint64_t r;

	if (__builtin_add_overflow(a, b, &r)) {
		return false;
	}
	*out = r;
	return true;
}

static inline bool mul_u64(uint64_t a, uint64_t b, uint64_t *out)
{
	uint64_t r;

	if (__builtin_mul_overflow(a, b, &r)) {
		return false;
	}
	*out = r;
	return true;
}

/* Rounds up to a power of two. */
static inline bool align_up_u64(uint64_t a, uint64_t align, uint64_t *out)
{
	uint64_t r;

	if (!add_u64(a, align - 1, &r)) {
		return false;
	}
	*out = r & ~(align - 1);
	return true;
}

#endif
