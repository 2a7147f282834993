/* SPDX-License-Identifier: MIT */
/*
 * Flash under a guest that reads and writes it at random. The input is a list of accesses: a byte for direction, width
 * and place, then the bytes that are written. Memory is all ones at first and all that a guest may change; ASan watches
 * its ends. What is mapped must always be what is shown.
 */
#include "../unit/dev_host.h"
#include "role/hyp/dev/cfi_flash.h"

#define BASE UINT64_C(0x04000000)
#define SIZE BLOCK_SIZE

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned shown;

enum err stage2_protect(struct stage2 *s2, ipa_t base, uint64_t size, unsigned attrs)
{
	(void)s2;
	if (base.v != BASE || size != SIZE || attrs == shown || (attrs != 0 && attrs != CFI_FLASH_SHOWN)) {
		abort();
	}
	shown = attrs;
	return OK;
}

static const uint64_t places[] = { 0,           4,       0x40, 0x400, CFI_FLASH_BLOCK_SIZE - 4, CFI_FLASH_BLOCK_SIZE,
				   SIZE - 1024, SIZE - 8 };

/* Uses up one access of the input; false at its end. */
static bool access_once(struct test_vm *vm, const uint8_t **data, size_t *left, const uint8_t *memory)
{
	unsigned what, width;
	uint64_t offset, value = 0;
	bool answered;

	if (*left < 2) {
		return false;
	}
	what = (*data)[0];
	width = 1u << (what >> 1 & 3);
	offset = places[what >> 3 & 7] + ((*data)[1] & 7);
	offset = MIN(offset, SIZE - width);
	*data += 2;
	*left -= 2;
	if ((what & 1) != 0) {
		size_t taken = MIN(*left, width);

		memcpy(&value, *data, taken);
		*data += taken;
		*left -= taken;
	}
	answered = test_access(vm, (what & 1) != 0, BASE + offset, width, &value);
	if (answered != (offset % width == 0)) {
		abort();
	}
	if (answered && (what & 1) == 0 && shown != 0 && memcmp(&value, memory + offset, width) != 0) {
		abort();
	}
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct test_vm *vm = test_vm_new(PAGE_SIZE);
	static uint8_t *memory;
	struct cfi_flash *flash;

	if (memory == NULL) {
		memory = aligned_alloc(BLOCK_SIZE, SIZE);
	}
	memset(memory, CFI_FLASH_ERASED, SIZE);
	shown = CFI_FLASH_SHOWN;
	if (cfi_flash_create(&vm->vm, ipa(BASE), pa_from_ptr(memory), SIZE, size % 5 == 0, &flash) != OK) {
		abort();
	}
	while (access_once(vm, &data, &size, memory)) {
	}
	cfi_flash_reset(flash);
	if (shown != CFI_FLASH_SHOWN) {
		abort();
	}
	cfi_flash_destroy(flash);
	test_vm_free(vm);
	if (pool_objects != 0) {
		abort();
	}
	return 0;
}
