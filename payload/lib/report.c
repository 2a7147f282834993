/* SPDX-License-Identifier: MIT */
#include "payload/lib/report.h"

#include "payload/lib/psci.h"
#include "payload/lib/timer.h"

static struct spinlock reason_lock;
static const char *running = "start";
static char reason[160];
static bool failed;
static const char *skipped;
static uint32_t passed_count;
static uint32_t failed_count;

static void set_reason(const char *fmt, va_list args)
{
	spin_lock(&reason_lock);
	if (!failed) {
		vprint_to(reason, sizeof(reason), fmt, args);
		failed = true;
	}
	spin_unlock(&reason_lock);
}

void test_fail(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	set_reason(fmt, args);
	va_end(args);
}

void test_skip(const char *why)
{
	skipped = why;
}

bool test_failed(void)
{
	return atomic_load(&failed);
}

static void report_one(void)
{
	if (failed) {
		failed_count++;
		print("not ok %s: %s\n", running, reason);
	} else if (skipped != NULL) {
		print("skip %s: %s\n", running, skipped);
	} else {
		passed_count++;
		print("ok %s\n", running);
	}
}

void report_run(const struct test *tests, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		running = tests[i].name;
		failed = false;
		skipped = NULL;
		watchdog_feed();
		tests[i].run();
		report_one();
	}
	running = "end";
}

noreturn void report_end(void)
{
	print("# done: %u passed, %u failed\n", passed_count, failed_count);
	psci_system_off();
}

noreturn void report_fatal(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	set_reason(fmt, args);
	va_end(args);
	report_one();
	report_end();
}
