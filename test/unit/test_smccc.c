/* SPDX-License-Identifier: MIT */
#include "cmocka_main.h"

#include <string.h>

#include "abi/smccc.h"
#include "core/port/entropy.h"
#include "core/sys/smccc.h"

#define DIRT UINT64_C(0x1122334455667788)

static struct vcpu vcpu;
static uint64_t *const x = vcpu.regs.x;
static unsigned entropy_left; /* words until the source is dry */

bool entropy_get(uint64_t *value)
{
	*value = UINT64_MAX;
	if (entropy_left == 0) {
		return false;
	}
	entropy_left--;
	return true;
}

static int setup(void **state)
{
	(void)state;
	memset(&vcpu, 0, sizeof(vcpu));
	entropy_left = 1000;
	return 0;
}

/* x4 and above must never change. */
static int64_t call(uint32_t function, uint64_t x1)
{
	for (unsigned i = 0; i < 31; i++) {
		x[i] = DIRT;
	}
	x[0] = DIRT << 32 | function;
	x[1] = x1;
	assert_int_equal(smccc_call(&vcpu), TRAP_RESUME);
	for (unsigned i = 4; i < 31; i++) {
		assert_int_equal(x[i], DIRT);
	}
	return (int64_t)x[0];
}

static void smccc_discovery(void **state)
{
	(void)state;
	assert_int_equal(call(SMCCC_VERSION, 0), 0x10002);
	assert_int_equal(call(SMCCC_ARCH_FEATURES, SMCCC_VERSION), 0);
	assert_int_equal(call(SMCCC_ARCH_FEATURES, SMCCC_ARCH_FEATURES), 0);
	assert_int_equal(call(SMCCC_ARCH_FEATURES, DIRT << 32 | SMCCC_VERSION), 0);
	assert_int_equal(call(SMCCC_ARCH_FEATURES, SMCCC_ARCH_WORKAROUND_1), -1);
	assert_int_equal(call(SMCCC_ARCH_FEATURES, SMCCC_ARCH_SOC_ID), -1);
	assert_int_equal(call(SMCCC_ARCH_FEATURES, TRNG_VERSION), -1);
	assert_int_equal(x[1], TRNG_VERSION);
}

static void smccc_unknown_functions_change_x0_only(void **state)
{
	static const uint32_t ids[] = { 0,
					0xffffffff,
					SMCCC_ARCH_WORKAROUND_1,
					0xc4000050,
					0x86000000,
					0x84000054,
					0x82000000,
					SMCCC_VERSION & 0x7fffffff,
					SMCCC_VERSION | 0x40000000 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		assert_int_equal(call(ids[i], 7), -1);
		assert_int_equal(x[1], 7);
		assert_int_equal(x[2], DIRT);
		assert_int_equal(x[3], DIRT);
	}
}

static void smccc_names_the_hypervisor(void **state)
{
	static const uint8_t uid[] = { 0x24, 0x7b, 0x9c, 0xe1, 0x76, 0xe1, 0x42, 0x13,
				       0x8c, 0x65, 0xdf, 0xfb, 0xc7, 0x93, 0x8b, 0xff };

	(void)state;
	call(SMCCC_VENDOR_HYP_UID, 0);
	for (unsigned i = 0; i < sizeof(uid); i++) {
		assert_int_equal((x[i / 4] >> (8 * (i % 4))) & 0xff, uid[i]);
		assert_int_equal(x[i / 4] >> 32, 0);
	}
	assert_int_equal(call(SMCCC_VENDOR_HYP_CALL_COUNT, 0), 3);
	assert_int_equal(call(SMCCC_VENDOR_HYP_REVISION, 0), 0);
	assert_int_equal(x[1], 1);
}

static void trng_is_absent_without_a_source(void **state)
{
	(void)state;
	assert_int_equal(call(TRNG_VERSION, 0), 0x10000);
	assert_int_equal(call(TRNG_FEATURES, TRNG_RND_64), 0);
	assert_int_equal(call(TRNG_FEATURES, TRNG_GET_UUID), 0);
	assert_int_equal(call(TRNG_FEATURES, 0xc4000050), -1);
	assert_int_equal(call(TRNG_FEATURES, SMCCC_VERSION), -1);
	assert_true(call(TRNG_GET_UUID, 0) > 0);
	entropy_left = 0;
	assert_int_equal(call(TRNG_VERSION, 0), -1);
	assert_int_equal(call(TRNG_FEATURES, TRNG_RND_64), -1);
	assert_int_equal(call(TRNG_GET_UUID, 0), -1);
}

static uint64_t ones(unsigned bits, unsigned word, unsigned width)
{
	unsigned above = word * width;

	if (bits <= above) {
		return 0;
	}
	return ~UINT64_C(0) >> (64 - MIN(bits - above, width));
}

static void trng_gives_the_bits_asked_for(void **state)
{
	(void)state;
	for (unsigned width = 32; width <= 64; width += 32) {
		uint32_t function = width == 32 ? TRNG_RND_32 : TRNG_RND_64;

		for (unsigned bits = 1; bits <= 3 * width; bits++) {
			entropy_left = 3;
			assert_int_equal(call(function, bits), 0);
			for (unsigned word = 0; word < 3; word++) {
				assert_int_equal(x[3 - word], ones(bits, word, width));
			}
		}
		assert_int_equal(call(function, 0), -2);
		assert_int_equal(call(function, 3 * width + 1), -2);
		assert_int_equal(x[1] | x[2] | x[3], 0);
	}
	assert_int_equal(call(TRNG_RND_64, UINT64_MAX), -2);
	entropy_left = 1;
	assert_int_equal(call(TRNG_RND_32, DIRT << 32 | 8), 0);
}

static void trng_gives_all_or_nothing(void **state)
{
	(void)state;
	entropy_left = 2;
	assert_int_equal(call(TRNG_RND_64, 129), -3);
	assert_int_equal(x[1] | x[2] | x[3], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(smccc_discovery, setup),
		cmocka_unit_test_setup(smccc_unknown_functions_change_x0_only, setup),
		cmocka_unit_test_setup(smccc_names_the_hypervisor, setup),
		cmocka_unit_test_setup(trng_is_absent_without_a_source, setup),
		cmocka_unit_test_setup(trng_gives_the_bits_asked_for, setup),
		cmocka_unit_test_setup(trng_gives_all_or_nothing, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
