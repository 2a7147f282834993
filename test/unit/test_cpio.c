/* SPDX-License-Identifier: MIT */
#include "bundle_test.h"
#include "lib/cpio.h"

static void make(struct archive *a)
{
	a->size = 0;
	archive_add(a, "one", "first", 5);
	archive_add(a, "two", "", 0);
	archive_add(a, "dir/three", "0123456789abcdef", 16);
	archive_end(a);
}

static struct span whole(const struct archive *a)
{
	return span_of(a->data, a->size);
}

static void files_are_found_by_name(void **state unused_arg)
{
	struct archive a;
	struct span data;

	make(&a);
	assert_int_equal(cpio_find(whole(&a), "one", &data), OK);
	assert_int_equal(data.size, 5);
	assert_memory_equal(data.data, "first", 5);
	assert_int_equal(cpio_find(whole(&a), "two", &data), OK);
	assert_int_equal(data.size, 0);
	assert_int_equal(cpio_find(whole(&a), "dir/three", &data), OK);
	assert_int_equal(data.size, 16);
	assert_int_equal(cpio_find(whole(&a), "three", &data), ERR_NOT_FOUND);
	assert_int_equal(cpio_find(whole(&a), "", &data), ERR_NOT_FOUND);
	assert_int_equal(cpio_find(whole(&a), "TRAILER!!!", &data), ERR_NOT_FOUND);
	assert_int_equal(data.size, 16);
}

static void the_first_of_two_files_is_taken_and_nothing_behind_the_trailer(void **state unused_arg)
{
	struct archive a;
	struct span data;

	make(&a);
	archive_add(&a, "late", "x", 1);
	assert_int_equal(cpio_find(whole(&a), "late", &data), ERR_NOT_FOUND);
	a.size = 0;
	archive_add(&a, "same", "1", 1);
	archive_add(&a, "same", "22", 2);
	archive_end(&a);
	assert_int_equal(cpio_find(whole(&a), "same", &data), OK);
	assert_int_equal(data.size, 1);
}

static void only_regular_files_are_files(void **state unused_arg)
{
	struct archive a = { 0 };
	struct span data;

	archive_add(&a, "entry", "x", 1);
	archive_end(&a);
	memcpy(a.data + 14, "000041ed", 8); /* a directory */
	assert_int_equal(cpio_find(whole(&a), "entry", &data), ERR_NOT_FOUND);
	memcpy(a.data + 14, "0000a1ff", 8); /* a symbolic link */
	assert_int_equal(cpio_find(whole(&a), "entry", &data), ERR_NOT_FOUND);
	memcpy(a.data + 14, "00008180", 8);
	assert_int_equal(cpio_find(whole(&a), "entry", &data), OK);
}

/* mkbundle pads names with zeroes, to align the data. */
static void names_may_be_padded(void **state unused_arg)
{
	struct archive a = { 0 };
	struct span data;

	archive_add(&a, "padded..........", "x", 1);
	memset(a.data + 110 + 6, 0, 10);
	archive_end(&a);
	assert_int_equal(cpio_find(whole(&a), "padded", &data), OK);
	assert_int_equal(data.data[0], 'x');
}

static enum err walk(struct span archive, unsigned *count, const char **why)
{
	struct cpio_entry entry;
	uint64_t offset = 0;
	enum err e;

	*count = 0;
	while ((e = cpio_read(archive, offset, &entry, why)) == OK) {
		assert_true(entry.next > offset);
		assert_true(entry.data.size == 0 || (entry.data.data >= archive.data &&
						     entry.data.data + entry.data.size <= archive.data + archive.size));
		assert_true(strlen(entry.name) < archive.size);
		offset = entry.next;
		(*count)++;
	}
	return e;
}

/* Cut anywhere, what is whole before the cut is still read, and the rest is an error that says what is missing. */
static void truncation_is_noticed_everywhere(void **state unused_arg)
{
	struct archive a;
	const char *why = NULL;
	unsigned count;

	make(&a);
	assert_int_equal(walk(whole(&a), &count, &why), ERR_NOT_FOUND);
	assert_int_equal(count, 3);
	for (size_t size = 0; size < a.size - 1; size++) {
		uint8_t *copy = exact_copy(a.data, size);
		enum err e = walk(span_of(copy, size), &count, &why);

		/* The padding behind the trailer's name may be missing. */
		if (e != ERR_NOT_FOUND) {
			assert_int_equal(e, ERR_INVALID);
			assert_non_null(strstr(why, "the archive ends"));
		} else {
			assert_true(a.size - size < 4);
		}
		free(copy);
	}
}

static void malformed_headers_are_named(void **state unused_arg)
{
	static const struct {
		size_t at;
		const char *bytes;
		const char *why;
	} cases[] = {
		{ 0, "070702", "no cpio header" },
		{ 0, "\xc7\x71", "no cpio header" },
		{ 54, "0000000g", "not a hexadecimal number" },
		{ 54, "-0000001", "not a hexadecimal number" },
		{ 14, "0x000001", "not a hexadecimal number" },
		{ 54, "ffffffff", "ends inside a file" },
		{ 94, "ffffffff", "ends inside a name" },
		{ 94, "00000000", "does not end with a zero byte" },
		{ 94, "00000003", "does not end with a zero byte" },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct archive a;
		const char *why = NULL;
		unsigned count;

		make(&a);
		memcpy(a.data + cases[i].at, cases[i].bytes, strlen(cases[i].bytes));
		assert_int_equal(walk(whole(&a), &count, &why), ERR_INVALID);
		assert_int_equal(count, 0);
		assert_non_null(strstr(why, cases[i].why));
	}
}

static void random_damage_stays_inside(void **state unused_arg)
{
	for (unsigned i = 0; i < 20000; i++) {
		struct archive a;
		const char *why = NULL;
		struct span data;
		unsigned count;
		uint8_t *copy;

		make(&a);
		a.size -= random_below(2) * random_below(a.size);
		random_damage(a.data, MAX(a.size, 1u));
		copy = exact_copy(a.data, a.size);
		assert_true(walk(span_of(copy, a.size), &count, &why) != OK);
		(void)cpio_find(span_of(copy, a.size), "dir/three", &data);
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_are_found_by_name),
		cmocka_unit_test(the_first_of_two_files_is_taken_and_nothing_behind_the_trailer),
		cmocka_unit_test(only_regular_files_are_files),
		cmocka_unit_test(names_may_be_padded),
		cmocka_unit_test(truncation_is_noticed_everywhere),
		cmocka_unit_test(malformed_headers_are_named),
		cmocka_unit_test(random_damage_stays_inside),
	};

	random_start("cpio");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
