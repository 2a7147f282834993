/* SPDX-License-Identifier: MIT */
/* Formatting against the C library's. */
#include "bundle_test.h"
#include "lib/fmt.h"

#define SAME(...)                                                                                \
	do {                                                                                     \
		char ours[128], theirs[128];                                                     \
		size_t length = fmt_string(ours, sizeof(ours), __VA_ARGS__);                     \
		assert_int_equal(length, (size_t)snprintf(theirs, sizeof(theirs), __VA_ARGS__)); \
		assert_string_equal(ours, theirs);                                               \
	} while (0)

/* Random formats are no literals, and some of them are redundant ("%-05d"): what is compared is what they do. */
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"
#pragma GCC diagnostic ignored "-Wformat"

static void plain_text_and_each_conversion(void **state unused_arg)
{
	SAME("plain");
	SAME("%d %i %u %x %X %c %s %% end", -5, 7, 8u, 0xabcu, 0xABCu, 'z', "text");
	SAME("%d %u %x", 0, 0u, 0u);
	SAME("%lld %llu %llx", INT64_MIN + 0ll, UINT64_MAX + 0ull, UINT64_MAX + 0ull);
	SAME("%ld %lu %zu %zx", -1l, 1ul, (size_t)2, (size_t)3);
	SAME("%hhd %hhu %hd %hu", (signed char)-1, (unsigned char)200, (short)-300, (unsigned short)60000);
	SAME("%#x %#X %#x", 255u, 255u, 0u);
	SAME("%.0d|%.0x", 0, 0u);
	SAME("%p", (void *)0x1234);
	SAME("%.3s|%.0s|%10.2s|%-10s|", "abcdef", "gone", "xyz", "left");
	SAME("%*d|%-*d|%.*s|%*d", 6, 42, 6, 42, 2, "abc", -6, 42);
}

static void random_fields_agree(void **state unused_arg)
{
	static const char *const lengths[] = { "hh", "h", "", "l", "ll", "z" };
	static const char *const letters = "dixXu";

	for (unsigned i = 0; i < 100000; i++) {
		char format[32] = "%";
		uint64_t length = random_below(ARRAY_SIZE(lengths));
		uint64_t value = random_below(UINT64_MAX) >> random_below(64);
		char ours[128], theirs[128];

		strcat(format, random_below(2) ? "-" : "");
		strcat(format, random_below(2) ? "0" : "");
		if (random_below(2)) {
			snprintf(format + strlen(format), 8, "%u", (unsigned)random_below(30));
		}
		if (random_below(2)) {
			snprintf(format + strlen(format), 8, ".%u", (unsigned)random_below(30));
		}
		strcat(format, lengths[length]);
		strncat(format, &letters[random_below(5)], 1);
		if (length < 3) {
			assert_int_equal(fmt_string(ours, sizeof(ours), format, (unsigned)value),
					 snprintf(theirs, sizeof(theirs), format, (unsigned)value));
		} else {
			assert_int_equal(fmt_string(ours, sizeof(ours), format, value),
					 snprintf(theirs, sizeof(theirs), format, value));
		}
		if (strcmp(ours, theirs) != 0) {
			print_error("format \"%s\" of 0x%llx\n", format, (unsigned long long)value);
		}
		assert_string_equal(ours, theirs);
	}
}

static void output_is_cut_at_the_size(void **state unused_arg)
{
	char text[8];

	memset(text, 'x', sizeof(text));
	assert_int_equal(fmt_string(text, 4, "%s", "abcdef"), 6);
	assert_string_equal(text, "abc");
	assert_int_equal(text[4], 'x');
	assert_int_equal(fmt_string(text, 1, "%d", 12345), 5);
	assert_string_equal(text, "");
	text[0] = 'x';
	assert_int_equal(fmt_string(text, 0, "abc"), 3);
	assert_int_equal(text[0], 'x');
}

static void bad_formats_do_no_harm(void **state unused_arg)
{
	const char *volatile percent = "100%";
	const char *volatile unknown = "%y";
	const char *volatile width = "%999999999999d";
	const char *volatile null = NULL;
	char text[32];

	fmt_string(text, sizeof(text), percent);
	assert_string_equal(text, "100");
	fmt_string(text, sizeof(text), unknown);
	assert_string_equal(text, "%y");
	assert_int_equal(fmt_string(text, sizeof(text), width, 1), INT16_MAX);
	fmt_string(text, sizeof(text), "%s", null);
	assert_string_equal(text, "(null)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_text_and_each_conversion),
		cmocka_unit_test(random_fields_agree),
		cmocka_unit_test(output_is_cut_at_the_size),
		cmocka_unit_test(bad_formats_do_no_harm),
	};

	random_start("fmt");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
