/* SPDX-License-Identifier: MIT */
/*
 * A call is answered in the registers that it came in: x[0..17] of the caller. What a call does not define beyond x7
 * stays as it was (SMCCC 1.2, FF-A 11.2).
 */
#ifndef FFA_ANSWER_H
#define FFA_ANSWER_H

#include "abi/ffa.h"
#include "lib/base.h"

#define FFA_REGS 18 /* x0..x17 */

static inline void ffa_answer(uint64_t *x, uint32_t id)
{
	x[0] = id;
	x[1] = x[2] = x[3] = x[4] = x[5] = x[6] = x[7] = 0;
}

/* FFA_ERROR: w1 MBZ, w2 the code. */
static inline void ffa_answer_error(uint64_t *x, enum ffa_code code)
{
	ffa_answer(x, FFA_ERROR);
	x[2] = (uint32_t)code;
}

static inline void ffa_answer_success(uint64_t *x) { ffa_answer(x, FFA_SUCCESS); }

/* FFA_SUCCESS or, if the code says so, FFA_ERROR. */
static inline void ffa_answer_code(uint64_t *x, enum ffa_code code)
{
	if (code == FFA_OK) {
		ffa_answer_success(x);
	} else {
		ffa_answer_error(x, code);
	}
}

/* A 64-bit value as calls carry it in two 32-bit registers, low half first. */
static inline uint64_t ffa_arg_pair(const uint64_t *x, unsigned at)
{
	return (uint64_t)(uint32_t)x[at + 1] << 32 | (uint32_t)x[at];
}
static inline void ffa_put_pair(uint64_t *x, unsigned at, uint64_t value)
{
	x[at] = (uint32_t)value;
	x[at + 1] = value >> 32;
}

#endif
