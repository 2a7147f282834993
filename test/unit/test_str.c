/* SPDX-License-Identifier: MIT */
/* The image's <string.h> against the C library's, at every alignment. The image's get other names here. */
#include "bundle_test.h"
#include "lib/str.h"

#define memcpy image_memcpy
#define memmove image_memmove
#define memset image_memset
#define memcmp image_memcmp
#define memchr image_memchr
#define strlen image_strlen
#define strnlen image_strnlen
#define strcmp image_strcmp
#define strncmp image_strncmp
#define strchr image_strchr
#define strrchr image_strrchr
#undef LIB_STR_H
#include "lib/libc/string.c"
#undef memcpy
#undef memmove
#undef memset
#undef memcmp
#undef memchr
#undef strlen
#undef strnlen
#undef strcmp
#undef strncmp
#undef strchr
#undef strrchr

#define AREA 512

static void fill_random(uint8_t *p, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		p[i] = (uint8_t)random_below(256);
	}
}

/* Source and destination are exact allocations, so ASan sees an access outside of them. */
static void memcpy_copies_all_and_no_more(void **state unused_arg)
{
	for (size_t to = 0; to < 9; to++) {
		for (size_t from = 0; from < 9; from++) {
			for (size_t size = 0; size < 200; size += size < 40 ? 1 : 7) {
				uint8_t *src = malloc(from + size + 1), *dst = calloc(1, to + size + 1);

				fill_random(src, from + size);
				src = realloc(src, from + size + (size == 0));
				assert_ptr_equal(image_memcpy(dst + to, src + from, size), dst + to);
				assert_memory_equal(dst + to, src + from, size);
				for (size_t i = 0; i < to; i++) {
					assert_int_equal(dst[i], 0);
				}
				assert_int_equal(dst[to + size], 0);
				free(src);
				free(dst);
			}
		}
	}
}

static void memmove_is_right_for_any_overlap(void **state unused_arg)
{
	for (unsigned i = 0; i < 20000; i++) {
		uint8_t ours[AREA], theirs[AREA];
		size_t size = random_below(AREA / 2);
		size_t from = random_below(AREA - size), to = random_below(AREA - size);

		fill_random(ours, AREA);
		memcpy(theirs, ours, AREA);
		assert_ptr_equal(image_memmove(ours + to, ours + from, size), ours + to);
		memmove(theirs + to, theirs + from, size);
		assert_memory_equal(ours, theirs, AREA);
	}
}

static void memset_sets_all_and_no_more(void **state unused_arg)
{
	for (unsigned i = 0; i < 20000; i++) {
		uint8_t ours[AREA], theirs[AREA];
		size_t size = random_below(AREA / 2), at = random_below(AREA - size);
		int byte = (int)random_below(1024) - 512;

		fill_random(ours, AREA);
		memcpy(theirs, ours, AREA);
		assert_ptr_equal(image_memset(ours + at, byte, size), ours + at);
		memset(theirs + at, byte, size);
		assert_memory_equal(ours, theirs, AREA);
	}
}

static int sign(int value)
{
	return (value > 0) - (value < 0);
}

/* Few letters, so that strings are often equal for a while; bytes above 127 must compare as unsigned. */
static void strings_agree_with_the_c_library(void **state unused_arg)
{
	static const char letters[] = "ab\xff";

	for (unsigned i = 0; i < 50000; i++) {
		size_t a_size = random_below(12), b_size = random_below(12), max = random_below(14);
		char *a = malloc(a_size + 1), *b = malloc(b_size + 1);
		int c = letters[random_below(4)];

		for (size_t k = 0; k < a_size; k++) {
			a[k] = letters[random_below(3)];
		}
		for (size_t k = 0; k < b_size; k++) {
			b[k] = letters[random_below(3)];
		}
		a[a_size] = b[b_size] = '\0';
		assert_int_equal(image_strlen(a), strlen(a));
		assert_int_equal(image_strnlen(a, max), strnlen(a, max));
		assert_int_equal(sign(image_strcmp(a, b)), sign(strcmp(a, b)));
		assert_int_equal(sign(image_strncmp(a, b, max)), sign(strncmp(a, b, max)));
		assert_int_equal(sign(image_memcmp(a, b, MIN(a_size, b_size))),
				 sign(memcmp(a, b, MIN(a_size, b_size))));
		assert_ptr_equal(image_strchr(a, c), strchr(a, c));
		assert_ptr_equal(image_strrchr(a, c), strrchr(a, c));
		assert_ptr_equal(image_memchr(a, c, a_size), memchr(a, c, a_size));
		free(a);
		free(b);
	}
}

static void str_copy_cuts_and_says_so(void **state unused_arg)
{
	char dst[4] = { 'x', 'x', 'x', 'x' };

	assert_true(str_copy(dst, "abc", sizeof(dst)));
	assert_string_equal(dst, "abc");
	assert_false(str_copy(dst, "defg", sizeof(dst)));
	assert_string_equal(dst, "def");
	assert_true(str_copy(dst, "", sizeof(dst)));
	assert_string_equal(dst, "");
	assert_false(str_copy(dst, "z", 0));
	assert_string_equal(dst, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memcpy_copies_all_and_no_more), cmocka_unit_test(memmove_is_right_for_any_overlap),
		cmocka_unit_test(memset_sets_all_and_no_more),   cmocka_unit_test(strings_agree_with_the_c_library),
		cmocka_unit_test(str_copy_cuts_and_says_so),
	};

	random_start("str");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
