/* SPDX-License-Identifier: MIT */
/* FFA_CONSOLE_LOG: whole lines with a name, by vCPU, and no more of them than a partition's share. */
#include "cmocka_main.h"

#include <stdio.h>

#include "arch/host/host.h"
#include "arch/sysreg.h"
#include "ffa_world.h"

#define SP0 (&world.sps[0])
#define SP1 (&world.sps[1])

static char lines[64][300];
static unsigned line_count;
static uint64_t characters;

static void note(enum log_level level, const char *text)
{
	assert_int_equal(level, LOG_INFO);
	if (line_count < ARRAY_SIZE(lines)) {
		snprintf(lines[line_count], sizeof(lines[0]), "%s", text);
	}
	line_count++;
	characters += strlen(text);
}

static int start(void **state)
{
	(void)state;
	world_start();
	host_log_hook = note;
	line_count = 0;
	characters = 0;
	write_cntfrq_el0(1000);
	write_cntpct_el0(0);
	return 0;
}

static unsigned vcpu;

static void log_call(struct ffa_endpoint *caller, uint64_t *regs)
{
	ffa_console_log(caller, vcpu, regs);
}

static enum ffa_code print_n(struct ffa_endpoint *caller, uint32_t id, const char *text, unsigned count)
{
	unsigned width = (id & FFA_64) != 0 ? 8 : 4;
	uint64_t r[FFA_REGS] = { id, count };

	for (unsigned i = 0; i < count && i < 16 * width; i++) {
		r[2 + i / width] |= (uint64_t)(uint8_t)text[i] << (8 * (i % width));
	}
	memcpy(x, r, sizeof(x));
	log_call(caller, x);
	return answer();
}

static enum ffa_code print(struct ffa_endpoint *caller, const char *text)
{
	return print_n(caller, FFA_CONSOLE_LOG_64, text, (unsigned)strlen(text));
}

static void lines_go_out_whole(void **state)
{
	char full[128];

	(void)state;
	assert_int_equal(print(SP0, "hello, "), FFA_OK);
	assert_int_equal(line_count, 0);
	assert_int_equal(print_n(SP0, FFA_CONSOLE_LOG, "world\nnext", 10), FFA_OK);
	assert_string_equal(lines[0], "first: hello, world");
	assert_int_equal(print_n(SP0, FFA_CONSOLE_LOG, "\0", 1), FFA_OK);
	assert_string_equal(lines[1], "first: next");
	assert_int_equal(print_n(SP0, FFA_CONSOLE_LOG, "\0\0", 2), FFA_OK);
	assert_int_equal(line_count, 2);
	assert_int_equal(print(SP0, "\n"), FFA_OK);
	assert_string_equal(lines[2], "first: ");
	assert_int_equal(print(SP1, "\033[2Jx\ty\x80\r\n"), FFA_OK);
	assert_string_equal(lines[3], "8002: .[2Jx\ty.");
	/* More than a line: 256 characters each. */
	memset(full, 'a', sizeof(full));
	assert_int_equal(print_n(SP0, FFA_CONSOLE_LOG_64, full, 128), FFA_OK);
	assert_int_equal(print_n(SP0, FFA_CONSOLE_LOG_64, full, 128), FFA_OK);
	assert_int_equal(line_count, 4);
	assert_int_equal(print(SP0, "b\n"), FFA_OK);
	assert_int_equal(line_count, 6);
	assert_int_equal(strlen(lines[4]), 7 + 256);
	assert_string_equal(lines[5], "first: b");
	/* vCPUs do not run into each other, and what a dead partition began is not lost. */
	vcpu = 0;
	assert_int_equal(print(SP0, "zero"), FFA_OK);
	vcpu = 3;
	assert_int_equal(print(SP0, "three"), FFA_OK);
	vcpu = 0;
	assert_int_equal(line_count, 6);
	ffa_console_flush(SP0);
	assert_string_equal(lines[6], "first: zero");
	assert_string_equal(lines[7], "first: three");
	ffa_console_flush(SP0);
	ffa_console_flush(&world.sps[2]);
	assert_int_equal(line_count, 8);
}

static void counts_are_those_of_the_form_and_version(void **state)
{
	static const char text[200];

	(void)state;
	for (unsigned minor = 0; minor <= 2; minor++) {
		unsigned max = minor == 2 ? 128 : 48;

		SP0->version = 0x10000 | minor;
		assert_int_equal(print_n(SP0, FFA_CONSOLE_LOG, text, 24), FFA_OK);
		assert_int_equal(print_n(SP0, FFA_CONSOLE_LOG, text, 25), FFA_INVALID_PARAMETERS);
		assert_int_equal(print_n(SP0, FFA_CONSOLE_LOG_64, text, max), FFA_OK);
		assert_int_equal(print_n(SP0, FFA_CONSOLE_LOG_64, text, max + 1), FFA_INVALID_PARAMETERS);
		assert_int_equal(print_n(SP0, FFA_CONSOLE_LOG_64, text, 0), FFA_INVALID_PARAMETERS);
		assert_int_equal(print_n(SP0, FFA_CONSOLE_LOG, text, UINT32_MAX), FFA_INVALID_PARAMETERS);
	}
	assert_int_equal(print_n(&ffa_nwd, FFA_CONSOLE_LOG, text, 1), FFA_NOT_SUPPORTED);
	assert_int_equal(line_count, 0);
}

/* A flood ends; nothing that was taken is lost; time gives more; others are not concerned. */
static void nobody_floods_the_log(void **state)
{
	unsigned taken = 0, before;

	(void)state;
	while (print(SP0, "0123456789\n0123456789\n") == FFA_OK) {
		taken += 2;
		assert_true(taken < 10000);
	}
	assert_int_equal(answer(), FFA_RETRY);
	assert_true(taken >= 300);
	assert_int_equal(line_count, taken);
	assert_true(characters < 20000);
	assert_int_equal(print(SP1, "me too\n"), FFA_OK);
	write_cntpct_el0(125);
	before = line_count;
	for (unsigned i = 0; i < 1000; i++) {
		print(SP0, "\n\n\n\n\n\n\n\n");
	}
	assert_in_range(line_count - before, 56, 80); /* the worth of an eighth of a second */
	write_cntpct_el0(UINT64_MAX / 2);
	assert_int_equal(print(SP0, "\n"), FFA_OK);
}

static void without_memory_there_is_an_answer(void **state)
{
	pa_t page;

	(void)state;
	while (pool_alloc_page(&page) == OK) {
	}
	while (pool_alloc_object(sizeof(uint64_t)) != NULL) {
	}
	assert_int_equal(print(SP0, "x\n"), FFA_DENIED);
	assert_int_equal(line_count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup(name, start)
		TEST(lines_go_out_whole),
		TEST(counts_are_those_of_the_form_and_version),
		TEST(nobody_floods_the_log),
		TEST(without_memory_there_is_an_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
