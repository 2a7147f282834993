/* SPDX-License-Identifier: MIT */
#include "core/vcpu/guest_mem.h"

#include "arch/atomic.h"
#include "core/mm/stage2.h"
#include "lib/str.h"

/* How many of the 'size' bytes at 'address' are the VM's own, from the first one on. */
static __attribute__((noinline)) uint64_t present(const struct guest_mem *mem, uint64_t address, uint64_t size)
{
	uint64_t length = 0, run;
	unsigned attrs;
	pa_t to;

	while (length < size && stage2_lookup(mem->tables, ipa(address + length), &to, &attrs, &run) &&
	       (attrs & STAGE2_STATE_MASK) != STAGE2_LENT) {
		length += MIN(run, size - length);
	}
	return length;
}

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
			/* Acquire: pairs with who raises it, and then waits for the lock that our caller holds. */
			if (unlikely(atomic_load_acquire(&mem->away) != 0)) {
				*length = present(mem, address, *length);
			}
			return *length != 0 ? bank->host + (address - bank->ipa) : NULL;
		}
	}
	return NULL;
}

void *guest_mem_place(const struct guest_mem *mem, uint64_t address, uint64_t size)
{
	for (unsigned i = 0; i < mem->count; i++) {
		const struct guest_bank *bank = &mem->banks[i];

		if (range_in(address, size, bank->ipa, bank->size)) {
			return bank->host + (address - bank->ipa);
		}
	}
	return NULL;
}

bool guest_mem_tables_have(const struct guest_mem *mem, const void *place, uint64_t size)
{
	for (unsigned i = 0; i < mem->count; i++) {
		const struct guest_bank *bank = &mem->banks[i];

		if (range_in((uintptr_t)place, size, (uintptr_t)bank->host, bank->size)) {
			uint64_t address = bank->ipa + ((uintptr_t)place - (uintptr_t)bank->host);

			return present(mem, address, size) == size;
		}
	}
	return false;
}

void *guest_mem_ptr(const struct guest_mem *mem, uint64_t address, uint64_t size)
{
	void *place = guest_mem_place(mem, address, size);

	return place != NULL && guest_mem_is_here(mem, place, size) ? place : NULL;
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
 * One bank holds nearly every access; the others take the pieces one by one, after all of them were found to be there.
 * If one is given away at that very moment, those before it were copied.
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

		if (piece == NULL) {
			return false;
		}
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

		if (piece == NULL) {
			return false;
		}
		memcpy(piece, src, length);
	}
	return true;
}
