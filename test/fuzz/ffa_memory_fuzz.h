/* SPDX-License-Identifier: MIT */
/* A model of memory calls (memory_sps.h or memory_guests.h, included before) with the fuzzer's bytes for chance. */
#ifndef TEST_FFA_MEMORY_FUZZ_H
#define TEST_FFA_MEMORY_FUZZ_H

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STEPS_MAX 100

static const uint8_t *at, *end;

static unsigned next_byte(void) { return at < end ? *at++ : 0; }

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	at = data;
	end = data + size;
	model_start(next_byte);
	for (unsigned i = 0; i < STEPS_MAX && at < end; i++) {
		model_step();
	}
	model_finish();
	return 0;
}

#endif
