/* SPDX-License-Identifier: MIT */
/* Flash as its drivers use it: what they find out, what programming and erasing do, and what becomes of misuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dev_host.h"
#include "role/hyp/dev/cfi_flash.h"

#define BASE UINT64_C(0x04000000)
#define SIZE MIB(4)
#define BLOCK CFI_FLASH_BLOCK_SIZE
#define BUFFER 1024u

/* What a command and a status are on a bus with two chips. */
#define BOTH(x) ((uint32_t)(x) << 16 | (x))
#define READY BOTH(0x80)
#define SEQUENCE_ERROR BOTH(0xb0)

/* ---- stage 2: how the memory is mapped now ---- */

static unsigned shown;
static unsigned changes;

enum err stage2_protect(struct stage2 *s2, ipa_t base, uint64_t size, unsigned attrs)
{
	(void)s2;
	assert_int_equal(base.v, BASE);
	assert_int_equal(size, SIZE);
	assert_int_not_equal(attrs, shown); /* not for nothing */
	shown = attrs;
	changes++;
	return OK;
}

/* ---- the flash of a VM ---- */

struct fixture {
	struct test_vm *vm;
	struct cfi_flash *flash;
	uint8_t *memory;
	uint8_t *model; /* what should be in it */
};

static int make(void **state, bool read_only)
{
	struct fixture *f = calloc(1, sizeof(*f));

	random_seed(20261123);
	pool_empty = false;
	shown = CFI_FLASH_SHOWN;
	changes = 0;
	f->vm = test_vm_new(MIB(1));
	f->memory = aligned_alloc(BLOCK_SIZE, SIZE);
	f->model = malloc(SIZE);
	random_fill(f->memory, SIZE);
	memcpy(f->model, f->memory, SIZE);
	assert_int_equal(cfi_flash_create(&f->vm->vm, ipa(BASE), pa_from_ptr(f->memory), SIZE, read_only, &f->flash),
			 OK);
	*state = f;
	return 0;
}

static int setup(void **state)
{
	return make(state, false);
}

static int setup_read_only(void **state)
{
	return make(state, true);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	cfi_flash_destroy(f->flash);
	test_vm_free(f->vm);
	assert_int_equal(pool_objects, 0);
	free(f->memory);
	free(f->model);
	free(f);
	return 0;
}

static uint32_t get(struct fixture *f, uint64_t offset)
{
	return test_read(f->vm, BASE + offset);
}

static void put(struct fixture *f, uint64_t offset, uint32_t value)
{
	test_write(f->vm, BASE + offset, value);
}

static uint64_t get_narrow(struct fixture *f, uint64_t offset, unsigned size)
{
	uint64_t value = 0;

	assert_true(test_access(f->vm, false, BASE + offset, size, &value));
	return value;
}

static void put_narrow(struct fixture *f, uint64_t offset, unsigned size, uint64_t value)
{
	assert_true(test_access(f->vm, true, BASE + offset, size, &value));
}

/* Status is shown; then the array, which is as the model says. */
static void assert_status(struct fixture *f, uint32_t status)
{
	assert_int_equal(shown, 0);
	assert_int_equal(get(f, random_below(SIZE / 4) * 4), status);
	put(f, 0, BOTH(0x50));
	assert_int_equal(get(f, 0), READY);
	put(f, 0, BOTH(0xff));
	assert_int_equal(shown, CFI_FLASH_SHOWN);
	assert_memory_equal(f->memory, f->model, SIZE);
}

static void model_program(struct fixture *f, uint64_t offset, const void *data, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		f->model[offset + i] &= ((const uint8_t *)data)[i];
	}
}

static void erase(struct fixture *f, uint64_t offset)
{
	put(f, offset, BOTH(0x20));
	put(f, offset, BOTH(0xd0));
	memset(f->model + ALIGN_DOWN(offset, BLOCK), 0xff, BLOCK);
}

/* ---- what drivers find out ---- */

static uint8_t query(struct fixture *f, unsigned index)
{
	uint32_t word = get(f, index * 4);

	assert_int_equal(word, BOTH(word & 0xff));
	return (uint8_t)word;
}

static void flash_answers_a_query(void **state)
{
	struct fixture *f = *state;
	unsigned blocks, block;

	put(f, 0x55 * 4, BOTH(0x98));
	assert_int_equal(shown, 0);
	assert_int_equal(query(f, 0x10), 'Q');
	assert_int_equal(query(f, 0x11), 'R');
	assert_int_equal(query(f, 0x12), 'Y');
	assert_int_equal(query(f, 0x13) | query(f, 0x14) << 8, 1); /* Intel, Sharp extended */
	assert_int_equal(query(f, 0x27), __builtin_ctz(SIZE / 2)); /* one chip's size */
	assert_int_equal(1u << query(f, 0x2a), BUFFER / 2);
	assert_int_equal(query(f, 0x2c), 1);
	blocks = (query(f, 0x2d) | (unsigned)query(f, 0x2e) << 8) + 1;
	block = (query(f, 0x2f) | (unsigned)query(f, 0x30) << 8) * 256;
	assert_int_equal(block, BLOCK / 2);
	assert_int_equal((uint64_t)blocks * block * 2, SIZE);
	assert_int_equal(query(f, query(f, 0x15)), 'P');
	assert_int_equal(query(f, 0x32), 'R');
	assert_int_equal(query(f, 0x33), 'I');
	/* A driver that takes it for one chip of 16 bits, or bytes; and behind the table. */
	assert_int_equal(get_narrow(f, 0x40, 2), 'Q');
	assert_int_equal(get_narrow(f, 0x42, 2), 'Q');
	assert_int_equal(get_narrow(f, 0x40, 1), 'Q');
	assert_int_equal(get_narrow(f, 0x41, 1), 0);
	assert_int_equal(get(f, SIZE - 4), 0);
	put(f, 0, BOTH(0xff));
	assert_int_equal(shown, CFI_FLASH_SHOWN);
	assert_memory_equal(f->memory, f->model, SIZE);
}

static void flash_identifies_itself(void **state)
{
	struct fixture *f = *state;

	put(f, 0, BOTH(0x90));
	assert_int_equal(get(f, 0), BOTH(0x89));
	assert_int_equal(get(f, 4), BOTH(0x18));
	assert_int_equal(get(f, BLOCK + 8), 0); /* not locked */
	put(f, 0, BOTH(0xf0));                  /* another maker's reset will do */
	assert_int_equal(shown, CFI_FLASH_SHOWN);
}

/* A moment's fault brings a read here while the array is shown: it gives what the mapping would. */
static void flash_reads_as_its_memory(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < 1000; i++) {
		unsigned size = 1u << random_below(4);
		uint64_t offset = random_below((uint32_t)SIZE / size) * (uint64_t)size, value = 0;

		memcpy(&value, f->model + offset, size);
		assert_int_equal(get_narrow(f, offset, size), value);
	}
	assert_int_equal(changes, 0);
}

/* UEFI stores to variables in the flash that it executes: it must be able to go on. */
static void flash_takes_eight_bytes_as_two_words(void **state)
{
	struct fixture *f = *state;

	put_narrow(f, 0x1000, 8, 0x5f123478);
	assert_int_equal(changes, 0);
	put_narrow(f, 0x1000, 8, 0x5f123490); /* identifiers, then the array */
	assert_int_equal(shown, CFI_FLASH_SHOWN);
	assert_memory_equal(f->memory, f->model, SIZE);
	put_narrow(f, 0x1000, 8, (uint64_t)0x55aa00ff << 32 | 0x40); /* a word is programmed */
	model_program(f, 0x1004, &(uint32_t){ 0x55aa00ff }, 4);
	assert_int_equal(get_narrow(f, 0, 8), (uint64_t)READY << 32 | READY);
	assert_status(f, READY);
}

static void flash_refuses_misaligned_accesses(void **state)
{
	static const struct {
		uint64_t offset;
		unsigned size;
	} accesses[] = { { 4, 8 }, { 1, 2 }, { 3, 2 }, { 1, 4 }, { 2, 4 }, { 0x1006, 4 } };
	struct fixture *f = *state;

	for (unsigned i = 0; i < ARRAY_SIZE(accesses); i++) {
		uint64_t value = 0x98;

		assert_false(test_access(f->vm, false, BASE + accesses[i].offset, accesses[i].size, &value));
		assert_false(test_access(f->vm, true, BASE + accesses[i].offset, accesses[i].size, &value));
	}
	assert_int_equal(changes, 0);
}

/* ---- programming and erasing ---- */

static void flash_programs_ones_to_zeroes(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < 40; i++) {
		unsigned size = 1u << random_below(3);
		uint64_t offset = random_below((uint32_t)SIZE / size) * (uint64_t)size, data = random_u64();

		put(f, offset & ~UINT64_C(3), BOTH(i % 2 == 0 ? 0x40 : 0x10));
		put_narrow(f, offset, size, data & (~UINT64_C(0) >> (64 - 8 * size)));
		model_program(f, offset, &data, size);
		assert_status(f, READY);
	}
}

static void flash_erases_one_block(void **state)
{
	struct fixture *f = *state;

	erase(f, 3 * BLOCK + 0x1234);
	assert_status(f, READY);
	erase(f, SIZE - 4);
	assert_status(f, READY);
	put(f, 0, BOTH(0x20));
	put(f, 0, BOTH(0x40)); /* not the confirmation */
	assert_status(f, SEQUENCE_ERROR);
}

static void buffered(struct fixture *f, uint64_t offset, const uint8_t *data, unsigned size, unsigned width)
{
	put(f, offset & ~UINT64_C(3), BOTH(0xe8));
	assert_int_equal(get(f, 0), READY);
	put(f, offset & ~UINT64_C(3), BOTH(size / width - 1));
	for (unsigned i = 0; i < size; i += width) {
		uint64_t value = 0;

		memcpy(&value, data + i, width);
		put_narrow(f, offset + i, width, value);
	}
	put(f, offset & ~UINT64_C(3), BOTH(0xd0));
	model_program(f, offset, data, size);
}

static void flash_programs_a_buffer(void **state)
{
	uint8_t data[BUFFER];
	struct fixture *f = *state;

	random_fill(data, sizeof(data));
	erase(f, 0);
	erase(f, SIZE - BLOCK);
	buffered(f, 0, data, BUFFER, 4);
	assert_status(f, READY);
	buffered(f, 0x1000, data, BUFFER / 2, 2); /* as U-Boot, which takes it for one chip */
	assert_status(f, READY);
	buffered(f, SIZE - 4, data, 4, 4);
	assert_status(f, READY);
	buffered(f, SIZE - BUFFER, data, BUFFER, 4);
	assert_status(f, READY);
}

static void flash_programs_no_bad_buffer(void **state)
{
	struct fixture *f = *state;

	put(f, 0, BOTH(0xe8)); /* too many */
	put(f, 0, BOTH(BUFFER / 4));
	assert_status(f, SEQUENCE_ERROR);
	put(f, 0, BOTH(0xe8));
	put(f, 0, 0xffffffff);
	assert_status(f, SEQUENCE_ERROR);
	put(f, 0, BOTH(0xe8)); /* below and behind what the buffer holds */
	put(f, 0, BOTH(1));
	put(f, 0x2000, 0);
	put(f, 0x1ffc, 0);
	assert_status(f, SEQUENCE_ERROR);
	put(f, 0, BOTH(0xe8));
	put(f, 0, BOTH(1));
	put(f, 0x2000, 0);
	put(f, 0x2000 + BUFFER, 0);
	assert_status(f, SEQUENCE_ERROR);
	put(f, 0, BOTH(0xe8)); /* not confirmed */
	put(f, 0, BOTH(0));
	put(f, 0x2000, 0);
	put(f, 0, BOTH(0xff));
	assert_status(f, SEQUENCE_ERROR);
}

static void flash_takes_locks_and_locks_nothing(void **state)
{
	static const uint8_t seconds[] = { 0x01, 0xd0, 0x2f };
	struct fixture *f = *state;

	for (unsigned i = 0; i < ARRAY_SIZE(seconds); i++) {
		put(f, BLOCK, BOTH(0x60));
		put(f, BLOCK, BOTH(seconds[i]));
		assert_status(f, READY);
	}
	put(f, BLOCK, BOTH(0x60));
	put(f, BLOCK, BOTH(0x03));
	assert_status(f, SEQUENCE_ERROR);
	erase(f, BLOCK);
	assert_status(f, READY);
}

static void read_only_flash_stays_as_it_is(void **state)
{
	struct fixture *f = *state;

	put(f, 0, BOTH(0x40));
	put(f, 0, 0);
	assert_status(f, BOTH(0x92));
	put(f, 0, BOTH(0x20));
	put(f, 0, BOTH(0xd0));
	assert_status(f, BOTH(0xa2));
	put(f, 0, BOTH(0xe8));
	put(f, 0, BOTH(0));
	put(f, 0, 0);
	put(f, 0, BOTH(0xd0));
	assert_status(f, BOTH(0x92));
	put(f, 0, BOTH(0x90));
	assert_int_equal(get(f, 5 * BLOCK + 8), BOTH(1)); /* locked */
}

/* ---- misuse ---- */

/* Whatever is written, the mapping is one of two, nothing beside the memory is touched, and a reset mends all. */
static void flash_survives_garbage(void **state)
{
	static const uint8_t codes[] = { 0x10, 0x20, 0x40, 0x50, 0x60, 0x70, 0x90, 0x98, 0xd0, 0xe8, 0xff, 0x01, 0x00 };
	struct fixture *f = *state;

	for (unsigned i = 0; i < 200000; i++) {
		unsigned size = 1u << random_below(4);
		uint64_t offset = random_below(4) == 0 ? SIZE - size * (1 + random_below(4)) : random_below(SIZE);
		uint64_t value = random_below(8) == 0 ? random_u64() : BOTH(codes[random_below(ARRAY_SIZE(codes))]);
		bool write = random_below(3) != 0;

		offset = MIN(offset, SIZE - size);
		assert_int_equal(test_access(f->vm, write, BASE + offset, size, &value), offset % size == 0);
		assert_true(shown == 0 || shown == CFI_FLASH_SHOWN);
		if (i % 1000 == 0) {
			cfi_flash_reset(f->flash);
			assert_int_equal(shown, CFI_FLASH_SHOWN);
			memcpy(f->model, f->memory, SIZE);
			erase(f, random_below(SIZE / 4) * UINT64_C(4));
			assert_status(f, READY);
		}
	}
}

/* The contents outlive a reset, a sequence that was begun does not. */
static void flash_resets_to_its_array(void **state)
{
	static const uint8_t begun[] = { 0x10, 0x20, 0x40, 0x60, 0x70, 0x90, 0x98, 0xe8 };
	struct fixture *f = *state;

	for (unsigned i = 0; i < ARRAY_SIZE(begun); i++) {
		put(f, 0, BOTH(0x20));
		put(f, 0, BOTH(0));
		put(f, 0, BOTH(begun[i]));
		cfi_flash_reset(f->flash);
		assert_int_equal(shown, CFI_FLASH_SHOWN);
		assert_memory_equal(f->memory, f->model, SIZE);
		put(f, 0, BOTH(0x70));
		assert_status(f, READY);
	}
}

static void flash_takes_other_memory(void **state)
{
	struct fixture *f = *state;
	uint8_t *old = f->memory;

	f->memory = aligned_alloc(BLOCK_SIZE, SIZE);
	memset(f->memory, 0xff, SIZE);
	memset(f->model, 0xff, SIZE);
	cfi_flash_set_memory(f->flash, pa_from_ptr(f->memory));
	free(old); /* ASan would see who still uses it */
	put(f, 8, BOTH(0x40));
	put(f, 8, 0x12345678);
	model_program(f, 8, &(uint32_t){ 0x12345678 }, 4);
	assert_status(f, READY);
}

static void flash_needs_memory_and_a_free_place(void **state)
{
	struct fixture *f = *state;
	struct cfi_flash *other = NULL;

	assert_int_equal(cfi_flash_create(&f->vm->vm, ipa(BASE), pa_from_ptr(f->memory), SIZE, false, &other),
			 ERR_EXISTS);
	pool_empty = true;
	assert_int_equal(cfi_flash_create(&f->vm->vm, ipa(BASE), pa_from_ptr(f->memory), SIZE, false, &other),
			 ERR_NO_MEMORY);
	pool_empty = false;
	assert_null(other);
}

#define flash_test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		flash_test(flash_answers_a_query),
		flash_test(flash_identifies_itself),
		flash_test(flash_reads_as_its_memory),
		flash_test(flash_takes_eight_bytes_as_two_words),
		flash_test(flash_refuses_misaligned_accesses),
		flash_test(flash_programs_ones_to_zeroes),
		flash_test(flash_erases_one_block),
		flash_test(flash_programs_a_buffer),
		flash_test(flash_programs_no_bad_buffer),
		flash_test(flash_takes_locks_and_locks_nothing),
		cmocka_unit_test_setup_teardown(read_only_flash_stays_as_it_is, setup_read_only, teardown),
		flash_test(flash_survives_garbage),
		flash_test(flash_resets_to_its_array),
		flash_test(flash_takes_other_memory),
		flash_test(flash_needs_memory_and_a_free_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
