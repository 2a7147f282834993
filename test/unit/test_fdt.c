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

/* Also where libfdt took nodes and properties out and left FDT_NOP. */
static void children_are_found_in_their_order(void **state unused_arg)
{
	struct tree t;
	int first, second;

	make(&t);
	tree_add(&t, "/bus/b@2000", "below");
	tree_u32(&t, "/bus", "gone", 1);
	tree_add(&t, "/bus", "gone");
	for (unsigned nops = 0; nops < 2; nops++) {
		if (nops != 0) {
			assert_int_equal(fdt_nop_property(t.fdt, tree_node(&t, "/bus"), "gone"), 0);
			assert_int_equal(fdt_nop_node(t.fdt, tree_node(&t, "/bus/gone")), 0);
			assert_int_equal(fdt_nop_node(t.fdt, tree_node(&t, "/bus/b@2000/below")), 0);
		} else {
			assert_int_equal(fdt_child(t.fdt, tree_node(&t, "/bus"), "gone"), tree_node(&t, "/bus/gone"));
		}
		first = fdt_next_child(t.fdt, tree_node(&t, "/bus"), nops == 0 ? tree_node(&t, "/bus/gone") : -1);
		assert_string_equal(fdt_node_name(t.fdt, first), "a@1000");
		second = fdt_next_child(t.fdt, tree_node(&t, "/bus"), first);
		assert_string_equal(fdt_node_name(t.fdt, second), "b@2000");
		assert_int_equal(second, fdt_child(t.fdt, tree_node(&t, "/bus"), "b@2000"));
		assert_int_equal(fdt_next_child(t.fdt, tree_node(&t, "/bus"), second), -1);
		assert_int_equal(fdt_next_child(t.fdt, first, -1), -1);
	}
	assert_int_equal(fdt_child(t.fdt, 0, "bus"), tree_node(&t, "/bus"));
	assert_int_equal(fdt_child(t.fdt, 0, "a@1000"), -1);
	assert_int_equal(fdt_child(t.fdt, tree_node(&t, "/bus"), "a"), -1);
	assert_int_equal(fdt_child(t.fdt, tree_node(&t, "/bus"), "gone"), -1);
	assert_int_equal(fdt_next_child(t.fdt, 0, tree_node(&t, "/bus")), -1);
	/* What is no node has none, and no name. */
	assert_int_equal(fdt_next_child(t.fdt, -1, -1), -1);
	assert_int_equal(fdt_child(t.fdt, -1, "bus"), -1);
	assert_int_equal(fdt_next_child(t.fdt, tree_node(&t, "/bus") + 2, -1), -1);
	assert_int_equal(fdt_next_child(t.fdt, INT32_MAX, -1), -1);
	assert_string_equal(fdt_node_name(t.fdt, -1), "");
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

				(void)fdt_read_string(fdt, node, "compatible", &s);
				assert_string_equal(fdt_node_name(fdt, node), fdt_get_name(fdt, node, NULL));
				assert_int_equal(fdt_next_child(fdt, node, -1), MAX(fdt_first_subnode(fdt, node), -1));
			}
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
		cmocka_unit_test(children_are_found_in_their_order),
		cmocka_unit_test(random_damage_is_refused_or_harmless),
	};

	random_start("fdt");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
