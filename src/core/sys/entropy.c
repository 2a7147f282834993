/* SPDX-License-Identifier: MIT */
#include "core/sys/entropy.h"

#include "arch/random.h"
#include "arch/spinlock.h"
#include "arch/sysreg.h"
#include "core/port/entropy.h"
#include "lib/chacha.h"
#include "lib/str.h"

#define KEY_WORDS 8
#define OUTPUT_WORDS 4
#define SEED_MIN 16 /* bytes from the loader that are taken for enough */

static struct spinlock lock; /* innermost */
static uint32_t key[KEY_WORDS];
static uint64_t output[OUTPUT_WORDS]; /* wiped as it is given away */
static unsigned left;                 /* of 'output', from its start */
static uint64_t block_count;
static bool seeded;

/* One block: the first half is the next key, the second is output, so that an output tells nothing of earlier ones. */
static void generate(void)
{
	uint32_t in[16] = { 0x61707865, 0x3320646e, 0x79622d32, 0x6b206574 };
	uint32_t block[16];

	memcpy(&in[4], key, sizeof(key));
	in[12] = lo32(block_count);
	in[13] = hi32(block_count);
	block_count++;
	chacha20_block(in, block);
	memcpy(key, block, sizeof(key));
	memcpy(output, &block[8], sizeof(output));
	left = OUTPUT_WORDS;
}

void entropy_init(const uint8_t *seed, size_t size)
{
	uint8_t *bytes = (uint8_t *)key;

	for (size_t i = 0; i < size; i++) {
		bytes[i % sizeof(key)] ^= seed[i];
	}
	seeded = size >= SEED_MIN;
	for (unsigned i = 0; i < KEY_WORDS / 2; i++) {
		uint64_t word;

		if (arch_random(&word)) {
			key[2 * i] ^= lo32(word);
			key[2 * i + 1] ^= hi32(word);
			seeded = true;
		}
	}
	block_count = read_cntpct_el0();
	generate();
	left = 0;
}

bool entropy_get(uint64_t *value)
{
	if (!seeded) {
		return false;
	}
	spin_lock(&lock);
	if (left == 0) {
		generate();
	}
	*value = output[--left];
	output[left] = 0;
	spin_unlock(&lock);
	return true;
}

uint64_t entropy_word(void)
{
	uint64_t value;

	if (!entropy_get(&value)) {
		value = read_cntpct_el0() * UINT64_C(0x9e3779b97f4a7c15);
	}
	return value;
}
