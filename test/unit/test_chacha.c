/* SPDX-License-Identifier: MIT */
#include "cmocka_main.h"

#include "lib/chacha.h"

/* RFC 8439, 2.3.2, the state word by word. */
static void block_of_the_rfc(void **state)
{
	static const uint32_t in[16] = {
		0x61707865, 0x3320646e, 0x79622d32, 0x6b206574, 0x03020100, 0x07060504, 0x0b0a0908, 0x0f0e0d0c,
		0x13121110, 0x17161514, 0x1b1a1918, 0x1f1e1d1c, 0x00000001, 0x09000000, 0x4a000000, 0x00000000,
	};
	static const uint32_t expected[16] = {
		0xe4e7f110, 0x15593bd1, 0x1fdd0f50, 0xc47120a3, 0xc7f4d1c7, 0x0368c033, 0x9aaa2204, 0x4e6cd4c3,
		0x466482d2, 0x09aa9f07, 0x05d7c214, 0xa2028bd9, 0xd19c12b5, 0xb94e16de, 0xe883d0cb, 0x4e3c50a2,
	};
	uint32_t out[16];

	(void)state;
	chacha20_block(in, out);
	assert_memory_equal(out, expected, sizeof(expected));
}

/* RFC 8439, A.1, vectors 1 and 2: key and nonce zero, block counter 0 and 1; the first words of each. */
static void blocks_of_the_zero_key(void **state)
{
	static const uint32_t expected[2][4] = {
		{ 0xade0b876, 0x903df1a0, 0xe56a5d40, 0x28bd8653 },
		{ 0xbee7079f, 0x7a385155, 0x7c97ba98, 0x0d082d73 },
	};

	(void)state;
	for (uint32_t counter = 0; counter < 2; counter++) {
		uint32_t in[16] = { 0x61707865, 0x3320646e, 0x79622d32, 0x6b206574, [12] = counter };
		uint32_t out[16];

		chacha20_block(in, out);
		assert_memory_equal(out, expected[counter], sizeof(expected[counter]));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(block_of_the_rfc),
		cmocka_unit_test(blocks_of_the_zero_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
