/* SPDX-License-Identifier: MIT */
/*
 * SVE and SME are the normal world's alone: whatever of them it has in its registers when it calls is there afterwards,
 * though partitions use FP/SIMD, which are the low parts of the same registers.
 */
#include "payload/lib/arch.h"
#include "payload/lib/string.h"
#include "payload/nwd/client/handler.h"
#include "payload/nwd/client/tests.h"

#define SEED UINT64_C(0x0000777700000042)
#define TICK_US 500
#define BUSY_US 20000
#define PREEMPTED_MAX 200
#define TRIES_MAX 50

#define ID_AA64PFR0_EL1 S3_0_C0_C4_0
#define ID_AA64PFR1_EL1 S3_0_C0_C4_1
#define ID_AA64SMFR0_EL1 S3_0_C0_C4_5
#define CPTR_EL2 S3_4_C1_C1_2
#define CPTR_ZEN (UINT64_C(3) << 16)
#define CPTR_SMEN (UINT64_C(3) << 24)
#define ZCR_EL2 S3_4_C1_C2_0
#define SMCR_EL2 S3_4_C1_C2_6
#define SMCR_FA64 (UINT64_C(1) << 31) /* all of SVE in streaming mode, FFR too */
#define LENGTH_MAX 0xf
#define SVCR S3_3_C4_C2_2
#define SVCR_SM 1
#define SVCR_ZA 2
#define TPIDR2_EL0 S3_3_C13_C0_5
/* By encoding: clang does not know the names where the compiler may not use these registers. */
#define FPCR S3_3_C4_C4_0
#define FPSR S3_3_C4_C4_1
#define FPCR_VALUE 0x800000 /* RMode */
#define FPSR_VALUE 0x15

#define VECTOR_MAX 256 /* bytes */
#define AREA_MAX (32 * VECTOR_MAX + 17 * VECTOR_MAX / 8)
#define ZA_MAX (VECTOR_MAX * VECTOR_MAX)

/*
 * Of a vector: at the length that is set now, and in streaming mode. Z0-Z31, P0-P15, FFR, as long as they are now; all
 * of ZA.
 */
uint64_t sve_bytes(void);
uint64_t sme_bytes(void);
void sve_load(const void *area);
void sve_store(void *area);
void za_load(const void *area);
void za_store(void *area);

static uint8_t area[AREA_MAX], found[AREA_MAX] __attribute__((aligned(16)));
static uint8_t za[ZA_MAX], za_found[ZA_MAX] __attribute__((aligned(16)));

static bool has_sve(void)
{
	return BITS(read_icc(ID_AA64PFR0_EL1), 35, 32) != 0;
}

static bool has_sme(void)
{
	return BITS(read_icc(ID_AA64PFR1_EL1), 27, 24) != 0 && (read_icc(ID_AA64SMFR0_EL1) >> 63) != 0;
}

static void fill(uint8_t *bytes, uint64_t size, uint64_t seed)
{
	for (uint64_t i = 0; i < size; i++) {
		bytes[i] = (uint8_t)((seed + i) * 0x9d >> 3);
	}
}

/* ---- vectors, at the length and in the mode that is set ---- */

static uint64_t area_size(void)
{
	return 32 * sve_bytes() + 17 * sve_bytes() / 8;
}

static void vectors_fill(uint64_t seed)
{
	uint64_t predicate = sve_bytes() / 8;
	uint8_t *ffr = area + area_size() - predicate;

	fill(area, area_size(), seed);
	/* FFR is some ones, then zeroes. */
	memset(ffr, 0, predicate);
	ffr[0] = 0x7f;
	sve_load(area);
	write_icc(FPCR, FPCR_VALUE);
	write_icc(FPSR, FPSR_VALUE);
}

static void vectors_check(void)
{
	memset(found, 0, sizeof(found));
	sve_store(found);
	if (memcmp(found, area, area_size()) != 0) {
		test_fail("vector registers of %lu bytes have changed", sve_bytes());
	}
	CHECK_EQ(read_icc(FPCR), FPCR_VALUE);
	CHECK_EQ(read_icc(FPSR), FPSR_VALUE);
}

/* Over calls of partitions that use their FP registers, and of one that does not. */
static void over_calls(void)
{
	vectors_fill(SEED);
	CHECK_CODE(COMMAND_CODE(hello, COMMAND_KEEP, SEED + 1), FFA_OK);
	vectors_check();
	CHECK_CODE(COMMAND_CODE(irq, COMMAND_KEEP, SEED + 2), FFA_OK);
	CHECK_EQ(COMMAND(hello, COMMAND_HOLD, SEED + 1).w[1], 1);
	CHECK_CODE(COMMAND_CODE(relay, COMMAND_RELAY, irq, COMMAND_HOLD, SEED + 2), FFA_OK);
	CHECK_CODE(COMMAND_CODE(hello, COMMAND_STATE), FFA_OK);
	vectors_check();
}

/* hello is preempted with values of its own in its FP registers: each time we find ours. Returns how often. */
static uint32_t preempt(void)
{
	uint32_t preempted = 0;
	struct ffa_regs r;

	vectors_fill(SEED + 3);
	r = FFA_WITH_TICK(TICK_US, FFA_MSG_SEND_DIRECT_REQ_64, ffa_pair(FFA_ID_NWD, hello), 0, COMMAND_BUSY, BUSY_US,
			  BUSY_FP);
	while (ffa_is(&r, FFA_INTERRUPT)) {
		vectors_check();
		vectors_fill(SEED + 4 + preempted);
		/* Without ticks to its end, should it come to this. */
		r = preempted++ < PREEMPTED_MAX ? FFA_WITH_TICK(TICK_US, FFA_RUN, (uint32_t)r.x[1])
						: FFA(FFA_RUN, (uint32_t)r.x[1]);
	}
	vectors_check();
	CHECK_EQ(r.x[0], FFA_MSG_SEND_DIRECT_RESP_64);
	CHECK_EQ(r.x[4], 0);
	return preempted;
}

/* On a busy host a tick may come too late. */
static void over_preemption(void)
{
	uint32_t tries = 0;

	while (preempt() == 0 && !test_failed()) {
		CHECK(++tries < TRIES_MAX);
	}
}

static void sve_of_length(uint64_t length)
{
	if (!has_sve()) {
		test_skip("no SVE");
		return;
	}
	write_icc(ZCR_EL2, length);
	isb();
	over_calls();
	over_preemption();
	CHECK_EQ(read_icc(ZCR_EL2), length);
}

static void sve_longest(void)
{
	sve_of_length(LENGTH_MAX);
}
static void sve_short(void)
{
	sve_of_length(0);
	sve_of_length(1);
}

/* ---- SME ---- */

static void streaming_of_length(uint64_t length, uint64_t svcr)
{
	if (!has_sve() || !has_sme()) {
		test_skip("no SME with all of SVE");
		return;
	}
	write_icc(ZCR_EL2, 0);
	write_icc(SMCR_EL2, length | SMCR_FA64);
	write_icc(TPIDR2_EL0, SEED);
	isb();
	write_icc(SVCR, svcr);
	if ((svcr & SVCR_ZA) != 0) {
		fill(za, sizeof(za), SEED);
		za_load(za);
	}
	over_calls();
	over_preemption();
	CHECK_EQ(read_icc(SVCR), svcr);
	if ((svcr & SVCR_ZA) != 0) {
		memset(za_found, 0, sizeof(za_found));
		za_store(za_found);
		CHECK(memcmp(za_found, za, sme_bytes() * sme_bytes()) == 0);
	}
	CHECK_EQ(read_icc(SMCR_EL2), length | SMCR_FA64);
	CHECK_EQ(read_icc(TPIDR2_EL0), SEED);
	write_icc(SVCR, 0);
}

static void streaming(void)
{
	streaming_of_length(LENGTH_MAX, SVCR_SM);
	streaming_of_length(0, SVCR_SM);
}
static void za_alone(void)
{
	streaming_of_length(LENGTH_MAX, SVCR_ZA);
}
static void streaming_and_za(void)
{
	streaming_of_length(LENGTH_MAX, SVCR_SM | SVCR_ZA);
}

void test_scalable(void)
{
	static const struct test tests[] = {
		{ "scalable_sve", sve_longest },
		{ "scalable_sve_short", sve_short },
		{ "scalable_streaming", streaming },
		{ "scalable_za", za_alone },
		{ "scalable_streaming_and_za", streaming_and_za },
	};

	write_icc(CPTR_EL2, read_icc(CPTR_EL2) | (has_sve() ? CPTR_ZEN : 0) | (has_sme() ? CPTR_SMEN : 0));
	isb();
	handler_begin();
	RUN_TESTS(tests);
	handler_end();
}
