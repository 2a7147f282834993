/* SPDX-License-Identifier: MIT */
#include "bundle_test.h"
#include "lib/fdt.h"

static void make(struct tree *t)
{
	assert_int_equal(fdt_create_empty_tree(t->fdt, sizeof(t->fdt)), 0);
	tree_add(t, "/", "bus");
	tree_add(t, "/bus", "b@2000");
	tree_add(t, "/bus", "a@1000");
	tree_string(t, "/bus/a@1000", "compatible", "x,uart");
	tree_bytes(t, "/bus/b@2000", "compatible", "y,new\0x,uart", 13);
}

static struct span blob(const struct tree *t)
{
	return span_of(t->fdt, fdt_totalsize(t->fdt));
}

static void open_takes_a_whole_tree_only(void **state unused_arg)
{
	struct tree t;
	const void *fdt = NULL;

	make(&t);
	assert_int_equal(fdt_open(blob(&t), &fdt), OK);
	assert_ptr_equal(fdt, t.fdt);
	fdt = NULL;
	assert_int_equal(fdt_open(span_of(t.fdt, fdt_totalsize(t.fdt) - 1), &fdt), ERR_INVALID);
	assert_int_equal(fdt_open(span_of(t.fdt, 0), &fdt), ERR_INVALID);
	assert_int_equal(fdt_open(span_of(t.fdt + 4, fdt_totalsize(t.fdt) - 4), &fdt), ERR_INVALID);
	t.fdt[0] = 0;
	assert_int_equal(fdt_open(blob(&t), &fdt), ERR_INVALID);
	assert_null(fdt);
}

static void put_tags(struct tree *t, const uint32_t *tags, unsigned count)
{
	uint8_t *at = t->fdt + fdt_off_dt_struct(t->fdt);

	for (unsigned i = 0; i < count; i++) {
		fdt32_st(at + i * 4, tags[i]);
	}
}

static void open_wants_one_closed_root(void **state unused_arg)
{
	static const uint32_t good[] = { FDT_BEGIN_NODE, 0,      FDT_BEGIN_NODE, 0x61000000, FDT_END_NODE,
					 FDT_END_NODE,   FDT_END };
	static const uint32_t bad[][7] = {
		{ FDT_END },
		{ FDT_END_NODE, FDT_END },
		{ FDT_BEGIN_NODE, 0, FDT_END },
		{ FDT_BEGIN_NODE, 0, FDT_END_NODE, FDT_END_NODE, FDT_END },
		{ FDT_BEGIN_NODE, 0, FDT_END_NODE, FDT_BEGIN_NODE, 0, FDT_END_NODE, FDT_END },
		{ FDT_PROP, 0, 0, FDT_BEGIN_NODE, 0, FDT_END_NODE, FDT_END },
		{ FDT_BEGIN_NODE, 0, FDT_PROP, 0, 0xffff, FDT_END_NODE, FDT_END },
		{ FDT_BEGIN_NODE, 0, FDT_PROP, 0xfffffff0, 0, FDT_END_NODE, FDT_END },
		{ FDT_BEGIN_NODE, 0, FDT_PROP, 0x7fffffff, 0, FDT_END_NODE, FDT_END },
		{ FDT_BEGIN_NODE, 0, 7, FDT_END_NODE, FDT_END },
		{ FDT_BEGIN_NODE, 0x61616161, 0x61616161, 0x61616161, 0x61616161, 0x61616161, 0x61616161 },
	};
	const void *fdt;

	for (unsigned i = 0; i <= ARRAY_SIZE(bad); i++) {
		struct tree t;

		make(&t);
		fdt_set_size_dt_struct(t.fdt, sizeof(good));
		put_tags(&t, i == 0 ? good : bad[i - 1], ARRAY_SIZE(good));
		assert_int_equal(fdt_open(blob(&t), &fdt), i == 0 ? OK : ERR_INVALID);
	}
}

static void numbers_have_their_size(void **state unused_arg)
{
	struct tree t;
	uint32_t u32 = 7, cells[3];
	uint64_t u64 = 7;
	unsigned count = 9;

	make(&t);
	tree_u32(&t, "/", "one", 0x12345678);
	tree_bytes(&t, "/", "two", "\1\2\3\4\5\6\7\x8", 8);
	tree_bytes(&t, "/", "odd", "123", 3);
	tree_bytes(&t, "/", "none", NULL, 0);
	assert_int_equal(fdt_read_u32(t.fdt, 0, "absent", &u32), ERR_NOT_FOUND);
	assert_int_equal(fdt_read_u32(t.fdt, -1, "one", &u32), ERR_NOT_FOUND);
	assert_int_equal(fdt_read_u32(t.fdt, 0, "two", &u32), ERR_INVALID);
	assert_int_equal(fdt_read_u32(t.fdt, 0, "odd", &u32), ERR_INVALID);
	assert_int_equal(fdt_read_u32(t.fdt, 0, "none", &u32), ERR_INVALID);
	assert_int_equal(u32, 7);
	assert_int_equal(fdt_read_u32(t.fdt, 0, "one", &u32), OK);
	assert_int_equal(u32, 0x12345678);
	assert_int_equal(fdt_read_u64(t.fdt, 0, "odd", &u64), ERR_INVALID);
	assert_int_equal(u64, 7);
	assert_int_equal(fdt_read_u64(t.fdt, 0, "one", &u64), OK);
	assert_int_equal(u64, 0x12345678);
	assert_int_equal(fdt_read_u64(t.fdt, 0, "two", &u64), OK);
	assert_true(u64 == UINT64_C(0x0102030405060708));
	assert_int_equal(fdt_read_cells(t.fdt, 0, "two", cells, 1, &count), ERR_RANGE);
	assert_int_equal(count, 9);
	assert_int_equal(fdt_read_cells(t.fdt, 0, "two", cells, 3, &count), OK);
	assert_int_equal(count, 2);
	assert_int_equal(cells[1], 0x05060708);
}

static void strings_are_whole_and_printable(void **state unused_arg)
{
	struct tree t;
	const char *s = NULL;

	make(&t);
	tree_string(&t, "/", "good", "a b~");
	tree_string(&t, "/", "empty", "");
	tree_bytes(&t, "/", "open", "abc", 3);
	tree_bytes(&t, "/", "two", "ab\0cd", 6);
	tree_bytes(&t, "/", "bell", "ab\a", 4);
	tree_bytes(&t, "/", "latin", "ab\xe4", 4);
	assert_int_equal(fdt_read_string(t.fdt, 0, "absent", &s), ERR_NOT_FOUND);
	assert_int_equal(fdt_read_string(t.fdt, 0, "empty", &s), ERR_INVALID);
	assert_int_equal(fdt_read_string(t.fdt, 0, "open", &s), ERR_INVALID);
	assert_int_equal(fdt_read_string(t.fdt, 0, "two", &s), ERR_INVALID);
	assert_int_equal(fdt_read_string(t.fdt, 0, "bell", &s), ERR_INVALID);
	assert_int_equal(fdt_read_string(t.fdt, 0, "latin", &s), ERR_INVALID);
	assert_null(s);
	assert_int_equal(fdt_read_string(t.fdt, 0, "good", &s), OK);
	assert_string_equal(s, "a b~");
}

static void reg_follows_the_parents_cells(void **state unused_arg)
{
	struct tree t;
	struct fdt_reg_form form = { 9, 9 };
	uint64_t base = 1, size = 1;
	int a;

	make(&t);
	assert_int_equal(fdt_read_reg_form(t.fdt, tree_node(&t, "/bus"), &form), OK);
	assert_int_equal(form.address_cells, 2);
	assert_int_equal(form.size_cells, 1);
	tree_u32(&t, "/bus", "#size-cells", 3);
	assert_int_equal(fdt_read_reg_form(t.fdt, tree_node(&t, "/bus"), &form), ERR_UNSUPPORTED);
	tree_u32(&t, "/bus", "#size-cells", 2);
	assert_int_equal(fdt_read_reg_form(t.fdt, tree_node(&t, "/bus"), &form), OK);
	assert_int_equal(form.size_cells, 2);

	tree_bytes(&t, "/bus/a@1000", "reg",
		   "\0\0\0\1\0\0\x10\0\0\0\0\0\0\0\x20\0"
		   "\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0\0\0\0\2",
		   32);
	a = tree_node(&t, "/bus/a@1000");
	assert_int_equal(fdt_read_reg(t.fdt, a, form, 0, &base, &size), OK);
	assert_true(base == UINT64_C(0x100001000) && size == 0x2000);
	assert_int_equal(fdt_read_reg(t.fdt, a, form, 1, &base, &size), ERR_RANGE);
	assert_int_equal(fdt_read_reg(t.fdt, a, form, 2, &base, &size), ERR_NOT_FOUND);
	assert_int_equal(fdt_read_reg(t.fdt, a, form, UINT32_MAX, &base, &size), ERR_NOT_FOUND);
	assert_true(base == UINT64_C(0x100001000) && size == 0x2000);
	assert_int_equal(fdt_read_reg(t.fdt, a, (struct fdt_reg_form){ 2, 1 }, 0, &base, &size), ERR_INVALID);
	assert_int_equal(fdt_read_reg(t.fdt, a, (struct fdt_reg_form){ 0, 0 }, 0, &base, &size), ERR_INVALID);
	assert_int_equal(fdt_read_reg(t.fdt, a, (struct fdt_reg_form){ 1, 0 }, 2, &base, &size), OK);
	assert_true(base == 0 && size == 0);
	assert_int_equal(fdt_read_reg(t.fdt, 0, form, 0, &base, &size), ERR_NOT_FOUND);
}

static void disabled_nodes_are_passed_over(void **state unused_arg)
{
	struct tree t;
	int first;

	make(&t);
	first = fdt_next_compatible(t.fdt, -1, "x,uart");
	assert_int_equal(first, tree_node(&t, "/bus/a@1000"));
	assert_int_equal(fdt_next_compatible(t.fdt, first, "x,uart"), tree_node(&t, "/bus/b@2000"));
	assert_int_equal(fdt_next_compatible(t.fdt, tree_node(&t, "/bus/b@2000"), "x,uart"), -1);
	tree_string(&t, "/bus/a@1000", "status", "disabled");
	assert_int_equal(fdt_next_compatible(t.fdt, -1, "x,uart"), tree_node(&t, "/bus/b@2000"));
	tree_string(&t, "/bus/a@1000", "status", "ok");
	assert_true(fdt_node_enabled(t.fdt, tree_node(&t, "/bus/a@1000")));
	tree_string(&t, "/bus/a@1000", "status", "okay");
	assert_true(fdt_node_enabled(t.fdt, tree_node(&t, "/bus/a@1000")));
	tree_bytes(&t, "/bus/a@1000", "status", "okay", 4);
	assert_false(fdt_node_enabled(t.fdt, tree_node(&t, "/bus/a@1000")));
}

static void random_damage_is_refused_or_harmless(void **state unused_arg)
{
	static struct tree good;
	unsigned opened = 0;

	make(&good);
	tree_string(&good, "/bus", "status", "okay");
	fdt_pack(good.fdt);
	for (unsigned i = 0; i < 20000; i++) {
		size_t size = fdt_totalsize(good.fdt);
		uint8_t *copy = exact_copy(good.fdt, size);
		const void *fdt;
		int node = -1;

		random_damage(copy, size);
		if (fdt_open(span_of(copy, size), &fdt) == OK) {
			opened++;
			while ((node = fdt_next_node(fdt, node, NULL)) >= 0) {
				const char *s;
				uint64_t base, length;

				(void)fdt_read_string(fdt, node, "compatible", &s);
				(void)fdt_node_enabled(fdt, node);
				(void)fdt_read_reg(fdt, node, (struct fdt_reg_form){ 2, 2 }, 0, &base, &length);
			}
			(void)fdt_next_compatible(fdt, -1, "x,uart");
		}
		free(copy);
	}
	assert_true(opened > 0 && opened < 20000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(open_takes_a_whole_tree_only),
		cmocka_unit_test(open_wants_one_closed_root),
		cmocka_unit_test(numbers_have_their_size),
		cmocka_unit_test(strings_are_whole_and_printable),
		cmocka_unit_test(reg_follows_the_parents_cells),
		cmocka_unit_test(disabled_nodes_are_passed_over),
		cmocka_unit_test(random_damage_is_refused_or_harmless),
	};

	random_start("fdt");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
