/* SPDX-License-Identifier: MIT */
#include "lib/chacha.h"

#include "lib/str.h"

static uint32_t rotate(uint32_t value, unsigned by)
{
	return value << by | value >> (32 - by);
}

/* Inlined with constant indices, so that the state stays in registers. */
static inline __attribute__((always_inline)) void quarter_round(uint32_t x[16], unsigned a, unsigned b, unsigned c,
								unsigned d)
{
	x[a] += x[b], x[d] = rotate(x[d] ^ x[a], 16);
	x[c] += x[d], x[b] = rotate(x[b] ^ x[c], 12);
	x[a] += x[b], x[d] = rotate(x[d] ^ x[a], 8);
	x[c] += x[d], x[b] = rotate(x[b] ^ x[c], 7);
}

void chacha20_block(const uint32_t in[16], uint32_t out[16])
{
	uint32_t x[16];

	memcpy(x, in, sizeof(x));
	for (unsigned i = 0; i < 10; i++) {
		quarter_round(x, 0, 4, 8, 12);
		quarter_round(x, 1, 5, 9, 13);
		quarter_round(x, 2, 6, 10, 14);
		quarter_round(x, 3, 7, 11, 15);
		quarter_round(x, 0, 5, 10, 15);
		quarter_round(x, 1, 6, 11, 12);
		quarter_round(x, 2, 7, 8, 13);
		quarter_round(x, 3, 4, 9, 14);
	}
	for (unsigned i = 0; i < 16; i++) {
		out[i] = x[i] + in[i];
	}
}
