/* SPDX-License-Identifier: MIT */
/* Random sequences of memory calls by three guests of a hypervisor, against the model. */
#include "mm_test.h"

#include "memory_guests.h"

static unsigned random_byte(void)
{
	return (unsigned)random_below(256);
}

static void calls_agree_with_the_model(void **state)
{
	unsigned rounds = random_rounds(250);
	unsigned long calls = 0, successes = 0, starved = 0;

	(void)state;
	random_start("guests");
	for (unsigned round = 0; round < rounds; round++) {
		model_start(random_byte);
		for (unsigned i = 0; i < 80; i++) {
			model_step();
		}
		model_finish();
		calls += model.calls;
		successes += model.successes;
		starved += model.starved;
	}
	printf("%lu calls, %lu of them done, %lu without memory\n", calls, successes, starved);
	assert_true(successes > calls / 6 && successes < calls - calls / 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_agree_with_the_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
