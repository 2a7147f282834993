/* SPDX-License-Identifier: MIT */
#include "cmocka_main.h"

#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "core/sys/log.c" /* host programs have another log, arch/host/log.c */

#define HZ 1000000

static char shown[1 << 20];
static size_t shown_size;
static bool ready;
static unsigned uart_room; /* characters; UINT_MAX: any number */

bool console_ready(void)
{
	return ready;
}

void console_putc(char c)
{
	assert_true(ready);
	assert_true(spin_is_locked(&console_lock));
	assert_true(shown_size < sizeof(shown) - 1);
	shown[shown_size++] = c;
	shown[shown_size] = '\0';
}

bool console_try_putc(char c)
{
	if (uart_room == 0) {
		return false;
	}
	uart_room -= uart_room != UINT_MAX;
	console_putc(c);
	return true;
}

static void set_time(uint64_t us)
{
	write_cntfrq_el0(HZ);
	write_cntpct_el0(us);
}

static int setup(void **state)
{
	(void)state;
	ready = true;
	uart_room = UINT_MAX;
	shown_size = 0;
	shown[0] = '\0';
	last_char = '\n';
	guest_line.length = guest_line.escape = 0;
	early_length = 0;
	waiting_size = waiting_next = 0;
	level_max = LOG_INFO;
	set_time(1500000);
	return 0;
}

static void expect(const char *text)
{
	assert_string_equal(shown, text);
	shown_size = 0;
	shown[0] = '\0';
}

static void a_line_has_its_time(void **state)
{
	(void)state;
	log_info("%s %u", "answer", 42u);
	expect("[   1.500000] answer 42\r\n");
	set_time(UINT64_C(123456789012));
	log_info("late");
	expect("[123456.789012] late\r\n");
	/* No product of ticks and a million overflows. */
	write_cntfrq_el0(UINT64_C(1000000000));
	write_cntpct_el0(UINT64_C(4000000000) * 1000000000 + 7000);
	log_info("%s", "");
	expect("[4000000000.000007] \r\n");
	write_cntfrq_el0(0);
	write_cntpct_el0(0);
	log_info("no frequency");
	expect("[   0.000000] no frequency\r\n");
}

static void levels(void **state)
{
	static const char *const texts[] = { "error", "warn", "info", "debug" };

	(void)state;
	for (enum log_level max = LOG_ERROR; max <= LOG_DEBUG; max++) {
		char expected[256] = "";

		log_level_set(max);
		assert_int_equal(log_level_get(), max);
		for (enum log_level level = LOG_ERROR; level <= LOG_DEBUG; level++) {
			log_print(level, "%s", texts[level]);
			if (level <= max) {
				snprintf(expected + strlen(expected), sizeof(expected) - strlen(expected),
					 "[   1.500000] %s\r\n", texts[level]);
			}
		}
		expect(expected);
	}
}

static void what_is_said_early_comes_first(void **state)
{
	(void)state;
	ready = false;
	log_info("early");
	expect("");
	ready = true;
	log_info("later");
	expect("[   1.500000] early\r\n[   1.500000] later\r\n");
	ready = false;
	for (unsigned i = 0; i < 100; i++) {
		log_info("0123456789");
	}
	ready = true;
	log_info("end");
	assert_int_equal(shown_size, sizeof(early) + strlen("[   1.500000] end\r\n"));
	assert_memory_equal(shown, "[   1.500000] 0123456789\r\n", 26);
}

static void a_line_begins_at_the_left(void **state)
{
	(void)state;
	fmt_print(console_begin(), "x");
	console_end();
	log_info("a");
	expect("x\r\n[   1.500000] a\r\n");
	assert_true(console_try_raw('x'));
	assert_true(console_try_raw('\n'));
	log_info("b");
	expect("x\n[   1.500000] b\r\n");
	/* A byte that was refused leaves no trace. */
	uart_room = 0;
	assert_false(console_try_raw('x'));
	log_info("c");
	expect("[   1.500000] c\r\n");
}

static void print_raw(const char *text)
{
	for (; *text != '\0'; text++) {
		assert_true(console_try_raw(*text));
	}
}

/* A line that a guest has begun is shown once more behind each line of the log that gets into it, as text. */
static void a_guests_line_is_shown_again(void **state)
{
	char longest[CONSOLE_LINE_MAX + 8];

	(void)state;
	print_raw("first\r\n\x1b]0;title\a\x1b[1mvm:~\x1b[m # \x1b[6nlt\b\bls");
	expect("first\r\n\x1b]0;title\a\x1b[1mvm:~\x1b[m # \x1b[6nlt\b\bls");
	log_info("a");
	expect("\r\n[   1.500000] a\r\nvm:~ # ls");
	log_info("b");
	expect("\r\n[   1.500000] b\r\nvm:~ # ls");
	print_raw(" -l\r");
	log_info("c");
	expect(" -l\r[   1.500000] c\r\n");
	/* Of a line that is too long, its beginning. */
	memset(longest, 'l', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	print_raw(longest);
	shown_size = 0;
	log_info("d");
	longest[CONSOLE_LINE_MAX] = '\0';
	assert_memory_equal(shown, "\r\n[   1.500000] d\r\n", 19);
	assert_string_equal(shown + 19, longest);
	/* Who else prints has ended it. */
	shown_size = 0;
	console_begin();
	console_fresh_line();
	console_end();
	log_info("e");
	expect("\r\n[   1.500000] e\r\n");
	print_raw("y");
	assert_true(console_try_line("whole", 5));
	log_info("f");
	expect("y\r\nwhole\r\n[   1.500000] f\r\n");
}

/* How often "text" stands in what was shown. */
static unsigned count(const char *text)
{
	unsigned n = 0;

	for (const char *p = shown; (p = strstr(p, text)) != NULL; p++) {
		n++;
	}
	return n;
}

static bool try_line(const char *text)
{
	return console_try_line(text, (unsigned)strlen(text));
}

static void nothing_gets_into_a_line(void **state)
{
	char longest[CONSOLE_LINE_MAX + 1];

	(void)state;
	assert_true(try_line("one"));
	assert_true(try_line(""));
	expect("one\r\n\r\n");
	uart_room = 2;
	assert_true(try_line("three"));
	assert_false(console_try_line(NULL, 0));
	assert_false(try_line("four"));
	assert_false(console_try_raw('x'));
	expect("th");
	/* The log ends it. */
	log_info("a");
	expect("ree\r\n[   1.500000] a\r\n");
	assert_true(console_try_line(NULL, 0));
	uart_room = 1;
	assert_true(try_line("five"));
	uart_room = 2;
	assert_false(console_try_line(NULL, 0));
	expect("fiv");
	uart_room = 4;
	assert_true(console_try_raw('x'));
	expect("e\r\nx");
	/* It begins at the left. */
	uart_room = UINT_MAX;
	assert_true(try_line("six"));
	expect("\r\nsix\r\n");
	memset(longest, 'l', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_true(console_try_raw('y'));
	assert_true(try_line(longest));
	assert_int_equal(shown_size, 1 + 2 + CONSOLE_LINE_MAX + 2);
	assert_memory_equal(shown + shown_size - 3, "l\r\n", 3);
}

static void a_source_that_floods_is_cut_off(void **state)
{
	struct log_limit limit = { 0 };
	struct log_limit other = { 0 };

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		log_limited(&limit, "flood");
	}
	assert_int_equal(count("flood"), LIMIT_BURST);
	log_limited(&other, "somebody else");
	assert_int_equal(count("somebody else"), 1);
	/* One more for each second. */
	set_time(4500000);
	shown_size = 0;
	for (unsigned i = 0; i < 1000; i++) {
		log_limited(&limit, "flood");
	}
	assert_int_equal(count("flood"), 3);
	assert_int_equal(count("(992 messages of this source dropped)"), 1);
	set_time(UINT64_C(1000000000000));
	shown_size = 0;
	for (unsigned i = 0; i < 1000; i++) {
		log_limited(&limit, "flood");
	}
	assert_int_equal(count("flood"), LIMIT_BURST);
	/* CPUs that read the counter in one order and get here in another. */
	shown_size = 0;
	for (unsigned i = 0; i < 1000; i++) {
		set_time(UINT64_C(1000000000000) - i % 2);
		log_limited(&limit, "flood");
	}
	assert_int_equal(shown_size, 0);
}

static void a_limited_line_is_a_warning(void **state)
{
	struct log_limit limit = { 0 };

	(void)state;
	log_level_set(LOG_ERROR);
	for (unsigned i = 0; i < 1000; i++) {
		log_limited(&limit, "flood");
	}
	expect("");
	log_level_set(LOG_WARN);
	log_limited(&limit, "flood");
	expect("[   1.500000] flood\r\n");
}

#define THREADS 4
#define LINES 500

static void *writer(void *arg)
{
	const char *name = arg;

	set_time(1500000);
	for (unsigned i = 0; i < LINES; i++) {
		log_info("%s%s%s%s%s%s%s%s", name, name, name, name, name, name, name, name);
	}
	return NULL;
}

static void lines_of_several_cpus_stay_whole(void **state)
{
	static char names[THREADS][8] = { "aaa", "bbb", "ccc", "ddd" };
	pthread_t threads[THREADS];

	(void)state;
	for (unsigned i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_create(&threads[i], NULL, writer, names[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		char line[64] = "[   1.500000] ";

		for (unsigned n = 0; n < 8; n++) {
			strcat(line, names[i]);
		}
		strcat(line, "\r\n");
		assert_int_equal(count(line), LINES);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_line_has_its_time, setup),
		cmocka_unit_test_setup(levels, setup),
		cmocka_unit_test_setup(what_is_said_early_comes_first, setup),
		cmocka_unit_test_setup(a_line_begins_at_the_left, setup),
		cmocka_unit_test_setup(a_guests_line_is_shown_again, setup),
		cmocka_unit_test_setup(nothing_gets_into_a_line, setup),
		cmocka_unit_test_setup(a_source_that_floods_is_cut_off, setup),
		cmocka_unit_test_setup(a_limited_line_is_a_warning, setup),
		cmocka_unit_test_setup(lines_of_several_cpus_stay_whole, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
