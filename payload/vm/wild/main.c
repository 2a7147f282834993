/* SPDX-License-Identifier: MIT */
/*
 * A guest that does everything wrong: undefined and trapped registers, wild calls, wild addresses. Each must
 * give what the architecture says, and the guest must be as sane after as before.
 *
 * Wants: 1 CPU. Boot argument seed=N chooses the random numbers.
 */
#include "payload/lib/fdt.h"
#include "payload/lib/string.h"
#include "payload/lib/timer.h"
#include "payload/vm/wild/tests.h"

static uint64_t random_state = 1;

/* xorshift64*. */
uint64_t random_next(void)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return random_state * UINT64_C(0x2545f4914f6cdd1d);
}

static void random_seed(const char *args)
{
	uint64_t seed = 0;

	for (; *args != '\0'; args++) {
		if (str_starts(args, "seed=")) {
			for (args += 5; *args >= '0' && *args <= '9'; args++) {
				seed = seed * 10 + (uint64_t)(*args - '0');
			}
			break;
		}
	}
	random_state = seed == 0 ? 1 : seed;
	print("# seed=%lu\n", random_state);
}

static const struct test tests[] = {
	{ "id-registers", id_registers },
	{ "features-match", features_match },
	{ "higher-levels", higher_levels },
	{ "debug-registers", debug_registers },
	{ "fp-trap", fp_trap },
	{ "undefined-instructions", undefined_instructions },
	{ "fetch-device", fetch_device },
	{ "fetch-unmapped", fetch_unmapped },
	{ "beyond-ram", beyond_ram },
	{ "beyond-pa", beyond_pa },
	{ "mmu-off", mmu_off },
	{ "walk-beyond-ram", walk_beyond_ram },
	{ "walk-device", walk_device },
	{ "maintenance", maintenance },
	{ "call-immediates", call_immediates },
	{ "random-calls", random_calls },
	{ "all-reads", all_reads },
	{ "sane-after-reads", still_sane },
	{ "random-writes", random_writes },
	{ "sane-after-writes", still_sane },
};

void payload_main(void)
{
	random_seed(fdt_bootargs());
	watchdog_start(TIMER_VIRTUAL, 60);
	report_run(tests, ARRAY_SIZE(tests));
}
