/* SPDX-License-Identifier: MIT */
/*
 * One of many VMs. Its command line says what it does: "ROLE [key=number ...]", times in milliseconds of the physical
 * counter, which all VMs share. It prints one line, `crowd ...`, and powers itself off.
 *
 *   say                    nothing but its line
 *   spin from= until=      computes; prints for how many instructions it ran between the two times
 *   spin-masked ...        the same with interrupts masked
 *   sleep until= us= [fp=1]  sleeps, again and again; prints how late it came back, and how long it stayed then
 *   watch until= [fp=1]    computes; prints for how long the CPU was taken from it, in ticks
 *   idle                   sleeps for good
 * and those who behave badly, until they are stopped:
 *   flood                  prints without end
 *   storm                  sends itself interrupts and lets its timer fire without end
 *   die                    has no code left to run, so it faults without end
 *   reset                  resets itself at once, again and again
 */
#include "payload/lib/boot.h"
#include "payload/lib/exception.h"
#include "payload/lib/fdt.h"
#include "payload/lib/gic.h"
#include "payload/lib/psci.h"
#include "payload/lib/report.h"
#include "payload/lib/string.h"
#include "payload/lib/timer.h"
#include "payload/vm/crowd/crowd.h"

#define SAMPLES 2000
#define NOWHERE UINT64_C(0x20000000)
#define STORM_SGI 3
#define GAP_LEAST 100 /* ticks; less is an exit that did not take the CPU away */

static uint64_t samples[SAMPLES], stays[SAMPLES];

/* ---- the command line ---- */

static bool is_end(char c)
{
	return c == '\0' || c == ' ';
}

/* The number of 'key' ("name="), or what is given. */
static uint64_t number(const char *key, uint64_t otherwise)
{
	const char *p = fdt_bootargs();
	uint64_t value = 0;

	while (*p != '\0' && !str_starts(p, key)) {
		while (!is_end(*p)) {
			p++;
		}
		while (*p == ' ') {
			p++;
		}
	}
	if (*p == '\0') {
		return otherwise;
	}
	for (p += strlen(key); *p >= '0' && *p <= '9'; p++) {
		value = value * 10 + (uint64_t)(*p - '0');
	}
	return value;
}

static uint64_t ticks_of_ms(uint64_t ms)
{
	return timer_ticks(ms * 1000);
}

/* ---- those who measure ---- */

static void sort(uint64_t *values, uint64_t count)
{
	for (uint64_t gap = count / 2; gap > 0; gap /= 2) {
		for (uint64_t i = gap; i < count; i++) {
			uint64_t value = values[i], at = i;

			for (; at >= gap && values[at - gap] > value; at -= gap) {
				values[at] = values[at - gap];
			}
			values[at] = value;
		}
	}
}

static void print_samples(const char *what, uint64_t *values, uint64_t count)
{
	if (count == 0) {
		values[count++] = 0;
	}
	sort(values, count);
	print("crowd %s %lu times: %lu %lu %lu\n", what, count, values[0], values[count / 2], values[count - 1]);
}

static void say(void)
{
	print("crowd says hello\n");
}

static void spin(void)
{
	uint64_t from = ticks_of_ms(number("from=", 0)), until = ticks_of_ms(number("until=", 1000));
	uint64_t late = timer_count(TIMER_PHYSICAL);

	crowd_spin(from);
	late = late > from ? late - from : 0;
	print("crowd ran %lu of %lu, %lu late\n", crowd_spin(until) * CROWD_SPIN_COUNT, until - from, late);
}

static void spin_masked(void)
{
	irq_off();
	spin();
}

/* Masked, a pending interrupt ends the WFI all the same. */
static void sleep(void)
{
	uint64_t until = ticks_of_ms(number("until=", 1000)), step = timer_ticks(number("us=", 3100));
	uint64_t count = 0, woken = 0;
	bool fp = number("fp=", 0) != 0;

	irq_off();
	gic_enable(0, PPI_VTIMER);
	while (timer_count(TIMER_PHYSICAL) < until && count < SAMPLES) {
		uint64_t deadline = timer_now() + step;

		timer_set_cval(TIMER_VIRTUAL, deadline);
		timer_set_ctl(TIMER_VIRTUAL, TIMER_CTL_ENABLE);
		stays[count] = timer_now() - woken;
		do {
			wfi();
			woken = timer_now();
		} while (woken < deadline);
		samples[count++] = woken - deadline;
		timer_set_ctl(TIMER_VIRTUAL, 0);
		gic_eoi(gic_ack());
		if (fp) {
			crowd_use_fp();
		}
	}
	print_samples("woke", samples, count);
	print_samples("stayed", stays, count);
}

static void watch(void)
{
	uint64_t until = ticks_of_ms(number("until=", 1000));
	uint32_t fp = (uint32_t)number("fp=", 0);
	uint64_t count = 0;

	while (count < SAMPLES && (samples[count] = crowd_gap(GAP_LEAST, fp, until)) != 0) {
		count++;
	}
	print_samples("was interrupted", samples, count);
}

static void idle(void)
{
	irq_off();
	for (;;) {
		wfi();
	}
}

/* ---- those who behave badly ---- */

static void flood(void)
{
	for (uint64_t i = 0;; i++) {
		print("flood %lu ------------------------------------------------------------------\n", i);
	}
}

static void storm_handler(void)
{
	uint32_t intid = gic_ack();

	if (intid == STORM_SGI) {
		gic_send_sgi(0, STORM_SGI);
	}
	gic_eoi(intid);
}

static void storm(void)
{
	irq_set_handler(storm_handler);
	gic_enable(0, STORM_SGI);
	gic_enable(0, PPI_PTIMER);
	gic_send_sgi(0, STORM_SGI);
	for (;;) {
		timer_set_cval(TIMER_PHYSICAL, timer_count(TIMER_PHYSICAL) + 100);
		timer_set_ctl(TIMER_PHYSICAL, TIMER_CTL_ENABLE);
		wfi();
	}
}

static void die(void)
{
	/* Without the MMU, which would refuse the fetch before the hypervisor sees it. */
	write_sysreg(vbar_el1, NOWHERE);
	write_sysreg(sctlr_el1, read_sysreg(sctlr_el1) & ~UINT64_C(1));
	isb();
	__asm__ volatile("brk #0");
}

static void reset(void)
{
	psci_call(PSCI_SYSTEM_RESET, 0, 0, 0);
}

static const struct {
	const char *name;
	void (*run)(void);
} roles[] = {
	{ "say", say },     { "spin", spin },   { "spin-masked", spin_masked },
	{ "sleep", sleep }, { "watch", watch }, { "idle", idle },
	{ "flood", flood }, { "storm", storm }, { "die", die },
	{ "reset", reset },
};

void payload_main(void)
{
	const char *args = fdt_bootargs();

	crowd_mark();
	for (uint32_t i = 0; i < ARRAY_SIZE(roles); i++) {
		size_t length = strlen(roles[i].name);

		if (str_starts(args, roles[i].name) && is_end(args[length])) {
			roles[i].run();
			psci_system_off();
		}
	}
	print("crowd: no role '%s'\n", args);
	psci_system_off();
}
