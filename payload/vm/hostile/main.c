/* SPDX-License-Identifier: MIT */
/*
 * A VM that wants to do harm; its boot arguments are "BEHAVIOUR [seed=N]". All its CPUs do rounds of that for good. It
 * prints its seed, and about once a second `hostile BEHAVIOUR: N rounds`.
 *
 *   calls    hypercalls and SMCs of all kinds; PSCI calls that race with each other
 *   reset    the same, with SYSTEM_RESET by any CPU, a few times
 *   sysregs  reads and writes of system registers, and system instructions
 *   mmio     loads, stores and fetches of all forms over the whole IPA space
 *   rings    virtio devices with rings that make no sense, and change while they are read
 *   storm    interrupts of all kinds as fast as they go
 *   tables   stage-1 tables that change while they are in use
 *   flood    the UART and a virtio console
 *   spin     nothing, with interrupts masked
 *   ffa      FF-A calls of all kinds, with SYSTEM_RESET every few seconds
 */
#include <stdarg.h>

#include "payload/lib/fdt.h"
#include "payload/lib/psci.h"
#include "payload/lib/report.h"
#include "payload/lib/string.h"
#include "payload/lib/timer.h"
#include "payload/vm/hostile/hostile.h"

#define KEPT_MAGIC UINT64_C(0x686f7374696c6521)
#define REPORT_US 1000000
#define PL011_FR 0x018
#define PL011_FR_TXFF BIT32(5)

struct kept *kept;

static const struct behaviour {
	const char *name;
	void (*init)(void);
	void (*round)(void);
} behaviours[] = {
	{ "calls", NULL, calls_round },
	{ "reset", NULL, reset_round },
	{ "sysregs", NULL, sysregs_round },
	{ "mmio", mmio_init, mmio_round },
	{ "rings", rings_init, rings_round },
	{ "storm", NULL, storm_round },
	{ "tables", tables_init, tables_round },
	{ "flood", flood_init, flood_round },
	{ "spin", NULL, spin_round },
	{ "ffa", ffa_init, ffa_round },
};
static const struct behaviour *behaviour;
static uint64_t seed;
static uint64_t next_report;

void say(const char *fmt, ...)
{
	char line[128];
	va_list args;

	va_start(args, fmt);
	vprint_to(line, sizeof(line), fmt, args);
	va_end(args);
	uart_init();
	for (const char *c = line; *c != '\0'; c++) {
		/* Full for long: the hypervisor makes us wait, or another CPU has its hands on the UART. */
		WAIT_UNTIL((mmio_read32(UART_BASE + PL011_FR) & PL011_FR_TXFF) == 0, 100);
		mmio_write32(UART_BASE, (uint8_t)*c);
	}
}

static void report(void)
{
	uint64_t others = 0;

	if (timer_now() < next_report) {
		return;
	}
	next_report = timer_now() + timer_ticks(REPORT_US);
	for (uint32_t i = 1; i < cpu_count; i++) {
		others += kept->rounds[i];
	}
	say("\nhostile %s: %lu rounds, %lu on other CPUs, %lu resets, seed %lu\n", behaviour->name, kept->rounds[0],
	    others, kept->resets, seed);
}

noreturn void cpu_work(void)
{
	uint32_t n = this_cpu()->index;

	calm();
	for (;;) {
		behaviour->round();
		kept->rounds[n]++;
		if (n == 0) {
			report();
		}
	}
}

static void read_arguments(void)
{
	const char *args = fdt_bootargs();

	for (uint32_t i = 0; i < ARRAY_SIZE(behaviours); i++) {
		size_t length = strlen(behaviours[i].name);

		if (str_starts(args, behaviours[i].name) && (args[length] == ' ' || args[length] == '\0')) {
			behaviour = &behaviours[i];
		}
	}
	for (; *args != '\0'; args++) {
		if (str_starts(args, "seed=")) {
			for (args += 5; *args >= '0' && *args <= '9'; args++) {
				seed = seed * 10 + (uint64_t)(*args - '0');
			}
			return;
		}
	}
}

void payload_main(void)
{
	irq_off();
	read_arguments();
	if (behaviour == NULL) {
		report_fatal("no behaviour '%s'", fdt_bootargs());
	}
	/* Between the device tree and the program: no reset loads anything there. */
	kept = (struct kept *)(ram_base + MIB(1));
	if (kept->magic != KEPT_MAGIC) {
		*kept = (struct kept){ .magic = KEPT_MAGIC };
	}
	random_init(seed + (kept->resets << 32));
	say("hostile %s: seed %lu\n", behaviour->name, seed);
	if (behaviour->init != NULL) {
		behaviour->init();
	}
	attempt_init();
	for (uint32_t i = 1; i < cpu_count; i++) {
		psci_call(PSCI_CPU_ON_64, cpus[i].affinity, (uint64_t)hostile_entry, 0);
	}
	hostile_entry();
}
