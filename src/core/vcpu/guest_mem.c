/* SPDX-License-Identifier: MIT */
#include "core/vcpu/guest_mem.h"

#include "lib/panic.h"
#include "lib/str.h"

/*
 * Where EL2 has the byte at 'address', and in *length how many of the 'size' bytes follow there; NULL if it is not
 * RAM.
 */
static uint8_t *find_piece(const struct guest_mem *mem, uint64_t address, uint64_t size, uint64_t *length)
{
	for (unsigned i = 0; i < mem->count; i++) {
		const struct guest_bank *bank = &mem->banks[i];

		if (range_in(address, 1, bank->ipa, bank->size)) {
			*length = MIN(size, bank->size - (address - bank->ipa));
			return bank->host + (address - bank->ipa);
		}
	}
	return NULL;
}

void *guest_mem_ptr(const struct guest_mem *mem, uint64_t address, uint64_t size)
{
	uint64_t length = 0;
	uint8_t *at = find_piece(mem, address, size, &length);

	return size != 0 && length == size ? at : NULL;
}

/* True if every byte is RAM, over as many banks as it takes. */
static bool all_ram(const struct guest_mem *mem, uint64_t address, uint64_t size)
{
	uint64_t length;

	for (; size != 0; address += length, size -= length) {
		if (find_piece(mem, address, size, &length) == NULL) {
			return false;
		}
		if (length != size && address + length == 0) {
			return false; /* it would go on at address 0 */
		}
	}
	return true;
}

/*
 * One bank holds nearly every access; the others take the pieces one by one, after all of them were found to be
 * there.
 */

bool guest_mem_read(const struct guest_mem *mem, uint64_t address, void *to, uint64_t size)
{
	const void *whole = guest_mem_ptr(mem, address, size);
	uint8_t *dst = to;
	uint64_t length = 0;

	if (likely(whole != NULL)) {
		memcpy(to, whole, size);
		return true;
	}
	if (!all_ram(mem, address, size)) {
		return false;
	}
	for (; size != 0; address += length, dst += length, size -= length) {
		const uint8_t *piece = find_piece(mem, address, size, &length);

		CHECK(piece != NULL);
		memcpy(dst, piece, length);
	}
	return true;
}

bool guest_mem_write(const struct guest_mem *mem, uint64_t address, const void *from, uint64_t size)
{
	void *whole = guest_mem_ptr(mem, address, size);
	const uint8_t *src = from;
	uint64_t length = 0;

	if (likely(whole != NULL)) {
		memcpy(whole, from, size);
		return true;
	}
	if (!all_ram(mem, address, size)) {
		return false;
	}
	for (; size != 0; address += length, src += length, size -= length) {
		uint8_t *piece = find_piece(mem, address, size, &length);

		CHECK(piece != NULL);
		memcpy(piece, src, length);
	}
	return true;
}
