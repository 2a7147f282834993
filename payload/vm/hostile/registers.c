/* SPDX-License-Identifier: MIT */
#include "payload/vm/hostile/hostile.h"

#define ISB 0xd5033fdfu
#define MSR_SCTLR_X29 0xd518101du
#define SCTLR_MMU_OFF UINT64_C(0x30d00800)
#define SYSTEM 0xd5000000u
#define READ BIT32(21)

struct encoding {
	uint32_t op0, op1, crn, crm, op2;
};

/* It waits, and what it waits for may not come. */
static bool waits(struct encoding e)
{
	bool hint = e.op0 == 0 && e.op1 == 3;

	return hint && ((e.crn == 2 && e.crm == 0 && (e.op2 == 2 || e.op2 == 3)) || e.crn == 1);
}

static bool is_sctlr(struct encoding e)
{
	return e.op0 == 3 && e.op1 == 0 && e.crn == 1 && e.crm == 0 && e.op2 == 0;
}

/* Half of them where the registers are. */
static struct encoding random_encoding(void)
{
	uint64_t bits = random_next() >> 20;
	struct encoding e = { bits & 3, bits >> 2 & 7, bits >> 5 & 15, bits >> 9 & 15, bits >> 13 & 7 };

	if ((bits & BIT(20)) != 0) {
		e.op0 = 3;
		e.op1 = (bits & BIT(21)) != 0 ? 0 : 3;
	}
	return e;
}

/* With the MMU off for a moment, so that it does not matter what becomes of its registers. */
void sysregs_round(void)
{
	struct encoding e = random_encoding();
	uint32_t word = SYSTEM | e.op0 << 19 | e.op1 << 16 | e.crn << 12 | e.crm << 8 | e.op2 << 5;
	struct attempt attempt;

	if (waits(e)) {
		return;
	}
	attempt_begin(&attempt);
	if (random_once_in(3)) {
		word |= READ;
	}
	if (is_sctlr(e)) {
		attempt.x[0] &= ~UINT64_C(1);
	}
	if ((e.op0 == 3 && e.op1 == 0) || random_once_in(2)) {
		attempt.x[29] = SCTLR_MMU_OFF;
		attempt_add(&attempt, MSR_SCTLR_X29);
		attempt_add(&attempt, ISB);
	}
	attempt_add(&attempt, word);
	attempt_add(&attempt, ISB);
	attempt_run(&attempt);
	if (random_once_in(64)) {
		calm();
	}
}
