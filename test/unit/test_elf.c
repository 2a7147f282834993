/* SPDX-License-Identifier: MIT */
#include "bundle_test.h"
#include "elf_test.h"
#include "lib/elf.h"

#define BASE UINT64_C(0x40200000)

static struct span whole(const struct elf_file *f)
{
	return span_of(f->data, f->size);
}

static void a_good_file_gives_its_segments(void **state unused_arg)
{
	struct elf_file f;
	struct elf elf;
	struct elf_segment s;
	const char *why = NULL;

	elf_good(&f, BASE);
	assert_int_equal(elf_open(whole(&f), &elf, &why), OK);
	assert_false(elf.relocatable);
	assert_true(elf.entry == BASE + 8);
	assert_true(elf.low == BASE && elf.high == BASE + 0x1040);
	assert_int_equal(elf.header_count, 3);
	assert_false(elf_segment(&elf, 0, &s));
	assert_true(elf_segment(&elf, 1, &s));
	assert_true(s.paddr == BASE && s.size == 64 && s.data.size == 64 && s.data.data == f.data + 256);
	assert_true(elf_segment(&elf, 2, &s));
	assert_true(s.paddr == BASE + 0x1000 && s.size == 64 && s.data.size == 16 && s.data.data[0] == 0xda);
	elf_put(&f, ELF_TYPE, 3, 2);
	assert_int_equal(elf_open(whole(&f), &elf, &why), OK);
	assert_true(elf.relocatable);
}

static void what_is_wrong_is_named(void **state unused_arg)
{
	static const struct {
		size_t at;
		uint64_t value;
		unsigned size;
		const char *why;
	} cases[] = {
		{ 0, 0, 1, "not ELF" },
		{ 4, 1, 1, "not for 64-bit" },
		{ 5, 2, 1, "not for 64-bit" },
		{ ELF_MACHINE, 62, 2, "not for 64-bit" },
		{ ELF_TYPE, 1, 2, "not an executable" },
		{ ELF_PHENTSIZE, 64, 2, "program headers are of another size" },
		{ ELF_PHOFF, 512, 8, "ends inside the program headers" },
		{ ELF_PHOFF, UINT64_MAX - 8, 8, "ends inside the program headers" },
		{ ELF_PHOFF, UINT64_MAX - 60, 8, "ends inside the program headers" },
		{ ELF_PHNUM, 0, 2, "entry point" },
		{ ELF_PHNUM, 0xffff, 2, "ends inside the program headers" },
		{ ELF_PH(1) + PH_OFFSET, 449, 8, "outside the file" },
		{ ELF_PH(1) + PH_OFFSET, UINT64_MAX, 8, "outside the file" },
		{ ELF_PH(1) + PH_FILESZ, 65, 8, "outside the file or is larger there" },
		{ ELF_PH(1) + PH_FILESZ, UINT64_MAX, 8, "outside the file" },
		{ ELF_PH(2) + PH_MEMSZ, UINT64_MAX, 8, "end of the address space" },
		{ ELF_PH(2) + PH_PADDR, UINT64_MAX - 62, 8, "end of the address space" },
		{ ELF_ENTRY, 0, 8, "entry point" },
		{ ELF_ENTRY, UINT64_C(0xffff000040200040), 8, "entry point" },
		{ ELF_ENTRY, UINT64_C(0xffff000040200006), 8, "entry point" },
		{ ELF_ENTRY, UINT64_C(0xffff000040201010), 8, "entry point" },
		{ ELF_PH(1) + PH_TYPE, 0, 4, "entry point" },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct elf_file f;
		struct elf elf = { .entry = 1 };
		const char *why = "";

		elf_good(&f, BASE);
		elf_put(&f, cases[i].at, cases[i].value, cases[i].size);
		assert_int_equal(elf_open(whole(&f), &elf, &why), ERR_INVALID);
		if (strstr(why, cases[i].why) == NULL) {
			fail_msg("case %u says: %s", i, why);
		}
		assert_int_equal(elf.entry, 1);
	}
}

static void truncation_is_noticed(void **state unused_arg)
{
	struct elf_file f;
	const char *why;
	struct elf elf;

	elf_good(&f, BASE);
	for (size_t size = 0; size < 336; size++) {
		uint8_t *copy = exact_copy(f.data, size);

		assert_int_equal(elf_open(span_of(copy, size), &elf, &why), ERR_INVALID);
		free(copy);
	}
}

static void random_damage_stays_inside(void **state unused_arg)
{
	struct elf_file f;
	unsigned opened = 0;

	for (unsigned i = 0; i < 20000; i++) {
		const char *why = NULL;
		struct elf elf;
		uint8_t *copy;

		elf_good(&f, BASE);
		random_damage(f.data, ELF_PH(3));
		copy = exact_copy(f.data, f.size);
		if (elf_open(span_of(copy, f.size), &elf, &why) == OK) {
			opened++;
			for (unsigned n = 0; n < elf.header_count; n++) {
				struct elf_segment s;

				if (!elf_segment(&elf, n, &s)) {
					continue;
				}
				assert_true(s.data.size <= s.size);
				assert_true(s.paddr >= elf.low && s.paddr <= elf.high && s.size <= elf.high - s.paddr);
				if (s.data.size != 0) {
					assert_true(s.data.data >= copy && s.data.data + s.data.size <= copy + f.size);
				}
			}
			assert_true(elf.entry >= elf.low && elf.entry < elf.high);
		} else {
			assert_non_null(why);
		}
		free(copy);
	}
	assert_true(opened > 0 && opened < 20000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_file_gives_its_segments),
		cmocka_unit_test(what_is_wrong_is_named),
		cmocka_unit_test(truncation_is_noticed),
		cmocka_unit_test(random_damage_stays_inside),
	};

	random_start("elf");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
