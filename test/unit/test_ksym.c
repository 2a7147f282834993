/* SPDX-License-Identifier: MIT */
#include "cmocka_main.h"

#include "core/sys/image.h"
#include "core/sys/ksym.h"

#define TEXT_SIZE 0x1000

/* What the linker and scripts/ksyms make: an image whose code ends in its middle, and a table. */
uint8_t image_start[2 * TEXT_SIZE];
__asm__(".globl text_end\n.set text_end, image_start + 0x1000\n");
extern const uint32_t ksym_offset[], ksym_name[];
extern const char ksym_strings[];
extern uint32_t ksym_count; /* constant in the image */
uint32_t ksym_count;
const uint32_t ksym_offset[] = { 0x40, 0x44, 0x100, 0x800 };
const uint32_t ksym_name[] = { 0, 2, 5, 9 };
const char ksym_strings[] = "a\0bc\0def\0last";

static void expect(uint64_t at, const char *name, uint64_t offset)
{
	uint64_t found = UINT64_MAX;
	const char *text = ksym_lookup((uint64_t)(uintptr_t)image_start + at, &found);

	if (name == NULL) {
		assert_null(text);
		assert_int_equal(found, UINT64_MAX);
		return;
	}
	assert_non_null(text);
	assert_string_equal(text, name);
	assert_int_equal(found, offset);
}

static void the_symbol_at_or_below(void **state)
{
	(void)state;
	ksym_count = 4;
	expect(0x40, "a", 0);
	expect(0x43, "a", 3);
	expect(0x44, "bc", 0);
	expect(0xff, "bc", 0xbb);
	expect(0x100, "def", 0);
	expect(0x7ff, "def", 0x6ff);
	expect(0x800, "last", 0);
	expect(TEXT_SIZE - 1, "last", 0x7ff);
}

static void nothing_outside_of_the_code(void **state)
{
	(void)state;
	ksym_count = 4;
	expect(0, NULL, 0);
	expect(0x3f, NULL, 0);
	expect(TEXT_SIZE, NULL, 0);
	expect(UINT64_MAX, NULL, 0);
	expect(UINT64_MAX - (uint64_t)(uintptr_t)image_start, NULL, 0);
}

/* As in the first link. */
static void an_empty_table(void **state)
{
	(void)state;
	ksym_count = 0;
	expect(0x100, NULL, 0);
	ksym_count = 1;
	expect(0x100, "a", 0xc0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_symbol_at_or_below),
		cmocka_unit_test(nothing_outside_of_the_code),
		cmocka_unit_test(an_empty_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
