/* SPDX-License-Identifier: MIT */
/* What a VM printed, read in lines: at once or bit by bit, whatever bytes there are. */
#include "cmocka_main.h"

#include "dev_host.h"

#include "role/hyp/vm_text.h"

static struct vm_text text;

static int setup(void **state)
{
	(void)state;
	assert_true(vm_text_init(&text));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	vm_text_free(&text);
	return pool_objects == 0 ? 0 : -1;
}

static void print(const char *s)
{
	while (*s != '\0') {
		vm_text_put(&text, (uint8_t)*s++);
	}
}

/* The lines that were read, put together again. */
struct lines {
	char text[1 << 17];
	size_t size;
};

static void read_all(struct vm_text_place *place, uint64_t due, struct lines *to)
{
	struct vm_text_line line;
	uint64_t before;

	for (;;) {
		before = place->next;
		if (!vm_text_line(&text, place, due, &line)) {
			assert_int_equal(place->next, before);
			return;
		}
		assert_true(place->next > before && place->next <= text.end);
		assert_true(line.length <= VM_TEXT_LINE_MAX);
		for (unsigned i = 0; i < line.length; i++) {
			assert_true(line.text[i] == '\t' || (line.text[i] >= ' ' && line.text[i] < 0x7f));
		}
		if (!line.visible) {
			continue;
		}
		assert_true(to->size + line.length + 2 < sizeof(to->text));
		if (!line.continues) {
			to->text[to->size++] = '\n';
		}
		memcpy(to->text + to->size, line.text, line.length);
		to->size += line.length;
		to->text[to->size] = '\0';
	}
}

static void expect(const char *printed, const char *read)
{
	static struct lines got;
	struct vm_text_place place = { .next = text.end };

	got.size = 0;
	got.text[0] = '\0';
	print(printed);
	read_all(&place, text.end, &got);
	assert_string_equal(got.text, read);
}

static void lines_and_what_ends_them(void **state)
{
	(void)state;
	expect("", "");
	expect("a\nb\r\nc\r\r\nd", "\na\nb\nc\nd");
	expect("\n\n\r\n", "\n\n\n");
	expect("1%\r2%\r\n", "\n1%\n2%");
	expect("\rx\r", "\nx");
	expect("\x1b[1;31mred\x1b[m \x1b(B\x1b]0;title\x1b\\\x1b]2;t\x07.\x1b"
	       "7\xc3\xa4\x9b",
	       "\nred .???");
	expect("\x1b]lost\nkept", "\n\nkept");
	expect("\x1b[12", "");
}

/* How a reader comes to the lines makes no difference to what is in them. */
static void pauses_change_nothing(void **state)
{
	static const char *const parts[] = { "\n",   "\x1b[1m", "\x1b]x\x07", "word ", "\t",
					     "\x1b", "[",       "m",          "\x9b",  "\b" };
	static struct lines at_once, by_parts;

	(void)state;
	random_seed(20261127);
	for (unsigned round = 0; round < 300; round++) {
		struct vm_text_place slow = { .next = text.end }, fast = slow;

		at_once.size = by_parts.size = 0;
		for (unsigned i = random_below(2000); i > 0; i--) {
			if (random_below(20) == 0) {
				char byte = (char)random_below(256);

				vm_text_put(&text, (uint8_t)(byte == '\r' ? '.' : byte));
			} else {
				print(parts[random_below(round % 2 == 0 ? 10 : 4)]);
			}
			if (random_below(10) == 0) {
				read_all(&fast, random_below(2) != 0 ? text.end : 0, &by_parts);
			}
		}
		vm_text_put(&text, '\n');
		read_all(&fast, 0, &by_parts);
		read_all(&slow, 0, &at_once);
		assert_true(fast.next == text.end && slow.next == text.end);
		assert_int_equal(by_parts.size, at_once.size);
		assert_memory_equal(by_parts.text, at_once.text, at_once.size);
	}
}

static void any_bytes(void **state)
{
	static struct lines got;
	struct vm_text_place place = { 0 };

	(void)state;
	random_seed(20261128);
	for (unsigned i = 0; i < 3000000; i++) {
		vm_text_put(&text, (uint8_t)random_below(256));
		if (random_below(3000) == 0) {
			got.size = 0;
			read_all(&place, random_below(2) != 0 ? text.end : 0, &got);
		}
	}
	/* Who reads too late goes on at the oldest that is kept. */
	place = (struct vm_text_place){ 0 };
	got.size = 0;
	read_all(&place, text.end, &got);
	assert_true(place.next == text.end);
	assert_true(got.size < VM_TEXT_SIZE * 2);
}

static void where_lines_begin(void **state)
{
	(void)state;
	assert_int_equal(vm_text_tail(&text, 5), 0);
	print("one\ntwo\nthree\n");
	assert_int_equal(vm_text_tail(&text, 1), 8);
	assert_int_equal(vm_text_tail(&text, 2), 4);
	assert_int_equal(vm_text_tail(&text, 3), 0);
	assert_int_equal(vm_text_tail(&text, 4), 0);
	print("fo");
	assert_int_equal(vm_text_tail(&text, 1), 14);
	assert_int_equal(vm_text_tail(&text, 2), 8);
	assert_int_equal(vm_text_line_start(&text, 5), 8);
	assert_int_equal(vm_text_line_start(&text, 8), 8);
	assert_int_equal(vm_text_line_start(&text, 15), 15);
	for (unsigned i = 0; i < 70000; i++) {
		vm_text_put(&text, 'x');
	}
	assert_int_equal(vm_text_oldest(&text), 16 + 70000 - VM_TEXT_SIZE);
	assert_int_equal(vm_text_tail(&text, 2), vm_text_oldest(&text));
	assert_int_equal(vm_text_line_start(&text, 60000), 60000);
}

static void no_memory(void **state)
{
	struct vm_text none;

	(void)state;
	pool_empty = true;
	assert_false(vm_text_init(&none));
	pool_empty = false;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(lines_and_what_ends_them, setup, teardown),
		cmocka_unit_test_setup_teardown(pauses_change_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(any_bytes, setup, teardown),
		cmocka_unit_test_setup_teardown(where_lines_begin, setup, teardown),
		cmocka_unit_test(no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
