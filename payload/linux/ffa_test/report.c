/* SPDX-License-Identifier: MIT */
#include "payload/linux/ffa_test/report.h"

#include <linux/kernel.h>
#include <linux/printk.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#include "payload/linux/ffa_test/memory.h"

#define WHY_MAX 160

static struct {
	spinlock_t lock;
	bool failed, skipped;
	char why[WHY_MAX];
} now = { .lock = __SPIN_LOCK_UNLOCKED(now.lock) };

void report_note(const char *format, ...)
{
	struct va_format text;
	va_list arguments;

	va_start(arguments, format);
	text = (struct va_format){ .fmt = format, .va = &arguments };
	pr_info("# %pV\n", &text);
	va_end(arguments);
}

/* The first thing that is told stays. */
static void tell(bool *what, const char *format, va_list arguments)
{
	unsigned long flags;

	spin_lock_irqsave(&now.lock, flags);
	if (!now.failed && (!now.skipped || what == &now.failed)) {
		vscnprintf(now.why, sizeof(now.why), format, arguments);
	}
	*what = true;
	spin_unlock_irqrestore(&now.lock, flags);
}

void test_fail(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	tell(&now.failed, format, arguments);
	va_end(arguments);
}

void test_skip(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	tell(&now.skipped, format, arguments);
	va_end(arguments);
}

bool test_failed(void)
{
	return READ_ONCE(now.failed);
}

static bool is_chosen(const char *name, const char *chosen)
{
	size_t length = strlen(name);

	if (*chosen == '\0') {
		return true;
	}
	for (; chosen != NULL; chosen = strchr(chosen, ',')) {
		chosen += *chosen == ',';
		if (strncmp(chosen, name, length) == 0 && (chosen[length] == '\0' || chosen[length] == ',')) {
			return true;
		}
	}
	return false;
}

/* What a test leaves shared is taken back before the next begins. */
static void run_one(const struct group *group, const struct test *test)
{
	now.failed = now.skipped = false;
	test->run();
	memory_end_test();
	cond_resched();
}

static void report_one(const struct group *group, const struct test *test, unsigned int number)
{
	if (now.failed) {
		pr_info("not ok %u %s.%s: %s\n", number, group->name, test->name, now.why);
	} else if (now.skipped) {
		pr_info("ok %u %s.%s # SKIP %s\n", number, group->name, test->name, now.why);
	} else {
		pr_info("ok %u %s.%s\n", number, group->name, test->name);
	}
}

void report_run(const struct group *const *groups, unsigned int count, const char *chosen)
{
	unsigned int passed = 0, failed = 0, skipped = 0, planned = 0, number = 0;

	for (unsigned int i = 0; i < count; i++) {
		planned += is_chosen(groups[i]->name, chosen) ? groups[i]->count : 0;
	}
	pr_info("KTAP version 1\n");
	pr_info("1..%u\n", planned);
	for (unsigned int i = 0; i < count; i++) {
		for (unsigned int j = 0; is_chosen(groups[i]->name, chosen) && j < groups[i]->count; j++) {
			run_one(groups[i], &groups[i]->tests[j]);
			report_one(groups[i], &groups[i]->tests[j], ++number);
			failed += now.failed;
			skipped += !now.failed && now.skipped;
			passed += !now.failed && !now.skipped;
		}
	}
	pr_info("# done: %u passed, %u failed, %u skipped\n", passed, failed, skipped);
}
