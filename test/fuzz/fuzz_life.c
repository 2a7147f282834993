/* SPDX-License-Identifier: MIT */
/*
 * The lives of two VMs (test/unit/test_life.c) by a script: the input stands for the random numbers there, so it says
 * what the prompt asks, what the guests do and when time passes. The model is compared after each step, and at the end
 * all memory must have come back.
 */
#include "../unit/bundle_test.h"

#include <stdint.h>

static const uint8_t *script;
static size_t script_left;

/* Behind the end of the script, any numbers, or those who run on would do one thing for ever. */
static uint64_t script_below(uint64_t bound)
{
	uint64_t value = 0;

	if (script_left == 0) {
		return random_below(bound);
	}
	for (uint64_t most = bound - 1; most != 0 && script_left != 0; most >>= 8) {
		value = value << 8 | *script++;
		script_left--;
	}
	return value % bound;
}

#define random_below script_below
#define main run_as_unit_test
#include "../unit/test_life.c"
#undef main

#define STEPS_MAX 4000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum vm_policy policies[] = { VM_POLICY_STOP, VM_POLICY_RESTART, VM_POLICY_DESTROY };
	void *state = NULL;

	script = data;
	script_left = size;
	random_state = 1;
	setup(&state);
	for (unsigned i = 0; i < VMS; i++) {
		models[i].config.on_power_off = policies[random_below(ARRAY_SIZE(policies))];
		models[i].config.on_crash = policies[random_below(ARRAY_SIZE(policies))];
	}
	for (unsigned step = 0; step < STEPS_MAX && script_left != 0; step++) {
		one_step();
	}
	teardown(&state);
	return 0;
}
