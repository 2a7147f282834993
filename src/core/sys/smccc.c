/* SPDX-License-Identifier: MIT */
#include "core/sys/smccc.h"

#include "abi/smccc.h"
#include "core/port/entropy.h"

/* Error codes and sizes of the TRNG interface (DEN0098, 2.1). */
#define TRNG_INVALID_PARAMETERS (-2)
#define TRNG_NO_ENTROPY (-3)
#define TRNG_VERSION_1_0 0x10000
#define TRNG_WORDS 3 /* results come in x1..x3 */

#define REVISION_MAJOR 0
#define REVISION_MINOR 1
#define VENDOR_HYP_CALLS 3 /* the three general queries */

struct smccc_function {
	uint32_t id;
	void (*call)(struct vcpu *v);
};

/* A UUID as results carry it (DEN0028, 6.2): w0..w3, each with the earlier byte lower. */
struct uuid_words {
	uint32_t word[4];
};

/* 247b9ce1-76e1-4213-8c65-dffbc7938bff */
static const struct uuid_words hypervisor_uid = { { 0xe19c7b24, 0x1342e176, 0xfbdf658c, 0xff8b93c7 } };
/* 818b732f-eba9-4c58-8c40-11dbd470d638 */
static const struct uuid_words trng_uuid = { { 0x2f738b81, 0x584ca9eb, 0xdb11408c, 0x38d670d4 } };

static const struct smccc_function *find(uint32_t id);

static void answer_uuid(struct vcpu *v, const struct uuid_words *uuid)
{
	for (unsigned i = 0; i < ARRAY_SIZE(uuid->word); i++) {
		v->regs.x[i] = uuid->word[i];
	}
}

/* ---- Arm architecture calls ---- */

static void version(struct vcpu *v)
{
	smccc_answer(v, SMCCC_VERSION_1_2);
}

/* The workaround calls are not here: firmware does not run them for a guest, and nobody claims that none is needed. */
static void arch_features(struct vcpu *v)
{
	uint32_t id = lo32(v->regs.x[1]);
	bool known = FIELD_GET(SMCCC_OWNER, id) == SMCCC_OWNER_ARCH && find(id) != NULL;

	smccc_answer(v, known ? SMCCC_SUCCESS : SMCCC_NOT_SUPPORTED);
}

/* ---- vendor-specific hypervisor calls ---- */

static void vendor_call_count(struct vcpu *v)
{
	smccc_answer(v, VENDOR_HYP_CALLS);
}

static void vendor_uid(struct vcpu *v)
{
	answer_uuid(v, &hypervisor_uid);
}

static void vendor_revision(struct vcpu *v)
{
	smccc_answer(v, REVISION_MAJOR);
	v->regs.x[1] = REVISION_MINOR;
}

/* ---- true random numbers ---- */

/* Without a source the interface is absent. */
static bool trng_present(void)
{
	uint64_t sample;

	return entropy_get(&sample);
}

static void trng_version(struct vcpu *v)
{
	smccc_answer(v, trng_present() ? TRNG_VERSION_1_0 : SMCCC_NOT_SUPPORTED);
}

static void trng_features(struct vcpu *v)
{
	uint32_t id = lo32(v->regs.x[1]);
	bool known = FIELD_GET(SMCCC_OWNER, id) == SMCCC_OWNER_STD && find(id) != NULL && trng_present();

	smccc_answer(v, known ? SMCCC_SUCCESS : SMCCC_NOT_SUPPORTED);
}

static void trng_get_uuid(struct vcpu *v)
{
	if (!trng_present()) {
		smccc_answer(v, SMCCC_NOT_SUPPORTED);
		return;
	}
	answer_uuid(v, &trng_uuid);
}

/* Lowest word first. */
static void trng_results(struct vcpu *v, const uint64_t words[TRNG_WORDS])
{
	for (unsigned i = 0; i < TRNG_WORDS; i++) {
		v->regs.x[TRNG_WORDS - i] = words[i];
	}
}

/*
 * 'bits' of entropy in words of 'width' bits: x3 has the lowest, then x2, x1; what is above is zero, and all is after
 * an error (DEN0098, 2.5).
 */
static void trng_rnd(struct vcpu *v, uint64_t bits, unsigned width)
{
	uint64_t words[TRNG_WORDS] = { 0 };

	trng_results(v, words);
	if (bits == 0 || bits > (uint64_t)TRNG_WORDS * width) {
		smccc_answer(v, TRNG_INVALID_PARAMETERS);
		return;
	}
	for (unsigned i = 0; bits != 0; i++) {
		unsigned take = (unsigned)MIN(bits, (uint64_t)width);
		uint64_t fresh;

		if (!entropy_get(&fresh)) {
			smccc_answer(v, TRNG_NO_ENTROPY);
			return;
		}
		words[i] = fresh & GENMASK(take - 1, 0);
		bits -= take;
	}
	trng_results(v, words);
	smccc_answer(v, SMCCC_SUCCESS);
}

static void trng_rnd_32(struct vcpu *v)
{
	trng_rnd(v, lo32(v->regs.x[1]), 32);
}

static void trng_rnd_64(struct vcpu *v)
{
	trng_rnd(v, v->regs.x[1], 64);
}

/* ---- dispatch ---- */

static const struct smccc_function smccc_functions[] = {
	{ SMCCC_VERSION, version },           { SMCCC_ARCH_FEATURES, arch_features },
	{ TRNG_VERSION, trng_version },       { TRNG_FEATURES, trng_features },
	{ TRNG_GET_UUID, trng_get_uuid },     { TRNG_RND_32, trng_rnd_32 },
	{ TRNG_RND_64, trng_rnd_64 },         { SMCCC_VENDOR_HYP_CALL_COUNT, vendor_call_count },
	{ SMCCC_VENDOR_HYP_UID, vendor_uid }, { SMCCC_VENDOR_HYP_REVISION, vendor_revision },
};

static const struct smccc_function *find(uint32_t id)
{
	for (size_t i = 0; i < ARRAY_SIZE(smccc_functions); i++) {
		if (smccc_functions[i].id == id) {
			return &smccc_functions[i];
		}
	}
	return NULL;
}

enum trap_result smccc_call(struct vcpu *v)
{
	const struct smccc_function *function = find(lo32(v->regs.x[0]));

	if (function == NULL) {
		return smccc_answer(v, SMCCC_NOT_SUPPORTED);
	}
	function->call(v);
	return TRAP_RESUME;
}
