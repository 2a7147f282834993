/* SPDX-License-Identifier: MIT */
#include "cmocka_main.h"

#include <string.h>

#include "core/sys/entropy.c" /* its key and its counter are looked at */

static uint64_t rndr_value;
static unsigned rndr_good; /* so many words are there, then none */

bool arch_random(uint64_t *value)
{
	if (rndr_good == 0) {
		return false;
	}
	rndr_good--;
	*value = rndr_value++;
	return true;
}

static int setup(void **state)
{
	(void)state;
	memset(key, 0, sizeof(key));
	block_count = 0;
	seeded = false;
	rndr_good = 0;
	write_cntpct_el0(1000);
	return 0;
}

static void without_a_source_there_is_no_entropy(void **state)
{
	static const uint8_t seed[SEED_MIN] = { 1, 2, 3 };
	uint64_t value = 42;

	(void)state;
	assert_false(entropy_get(&value));
	entropy_init(seed, SEED_MIN - 1);
	assert_false(entropy_get(&value));
	assert_int_equal(value, 42);
	/* EL2's own guards still differ from boot to boot. */
	value = entropy_word();
	write_cntpct_el0(1001);
	assert_int_not_equal(entropy_word(), value);
	entropy_init(seed, SEED_MIN);
	assert_true(entropy_get(&value));
}

static void one_word_of_rndr_is_enough(void **state)
{
	uint64_t a, b;

	(void)state;
	rndr_value = 7;
	rndr_good = 1;
	entropy_init(NULL, 0);
	assert_true(entropy_get(&a));
	setup(NULL);
	rndr_value = 8;
	rndr_good = 1;
	entropy_init(NULL, 0);
	assert_true(entropy_get(&b));
	assert_int_not_equal(a, b);
}

/* Every byte of the seed counts, also those beyond the key's size. */
static void all_of_the_seed_counts(void **state)
{
	uint8_t seed[64];
	uint64_t first, other;

	(void)state;
	for (unsigned i = 0; i < sizeof(seed); i++) {
		seed[i] = (uint8_t)(i * 37);
	}
	entropy_init(seed, sizeof(seed));
	assert_true(entropy_get(&first));
	for (unsigned i = 0; i < sizeof(seed); i++) {
		setup(NULL);
		seed[i] ^= 1;
		entropy_init(seed, sizeof(seed));
		seed[i] ^= 1;
		assert_true(entropy_get(&other));
		assert_int_not_equal(first, other);
	}
	setup(NULL);
	entropy_init(seed, sizeof(seed));
	assert_true(entropy_get(&other));
	assert_int_equal(first, other);
}

/* The output is the second half of ChaCha20's block, wiped as it goes, and the first half has replaced the key. */
static void the_key_is_erased_with_each_output(void **state)
{
	static const uint8_t seed[32] = { 9, 8, 7, 6, 5, 4, 3, 2, 1 };

	(void)state;
	entropy_init(seed, sizeof(seed));
	for (unsigned i = 0; i < 100; i++) {
		uint32_t in[16] = { 0x61707865, 0x3320646e, 0x79622d32, 0x6b206574 };
		uint32_t block[16];
		uint64_t value;

		memcpy(&in[4], key, sizeof(key));
		in[12] = lo32(block_count);
		in[13] = hi32(block_count);
		chacha20_block(in, block);
		for (unsigned word = OUTPUT_WORDS; word-- > 0;) {
			assert_true(entropy_get(&value));
			assert_int_equal(value, (uint64_t)block[9 + 2 * word] << 32 | block[8 + 2 * word]);
			assert_int_equal(output[word], 0);
		}
		assert_memory_equal(key, block, sizeof(key));
		assert_memory_not_equal(key, &in[4], sizeof(key));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(without_a_source_there_is_no_entropy, setup),
		cmocka_unit_test_setup(one_word_of_rndr_is_enough, setup),
		cmocka_unit_test_setup(all_of_the_seed_counts, setup),
		cmocka_unit_test_setup(the_key_is_erased_with_each_output, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
