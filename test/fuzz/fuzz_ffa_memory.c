/* SPDX-License-Identifier: MIT */
/*
 * Sequences of memory calls, in any order and with any fields, by three SPs and the normal world: each is answered as a
 * plain list of pages predicts, and changes just that (test/unit/ffa/memory_model.h).
 */
#include "../unit/ffa/memory_model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STEPS_MAX 100

static const uint8_t *at, *end;

static unsigned next_byte(void)
{
	return at < end ? *at++ : 0;
}

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
