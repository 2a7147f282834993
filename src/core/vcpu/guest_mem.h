/* SPDX-License-Identifier: MIT */
/*
 * A VM's RAM as EL2 sees it. Devices reach guest memory only through these: every access is checked against the banks,
 * never wraps, and copies once, so that what was checked is what is used.
 */
#ifndef CORE_VCPU_GUEST_MEM_H
#define CORE_VCPU_GUEST_MEM_H

#include "lib/addr.h"

#define GUEST_MEM_BANKS_MAX 8

struct guest_bank {
	uint64_t ipa;
	uint64_t size; /* multiple of PAGE_SIZE */
	uint8_t *host; /* where EL2 has it */
};

struct guest_mem {
	struct guest_bank banks[GUEST_MEM_BANKS_MAX];
	unsigned count;
};

/* EL2's pointer to [address, address + size) if all of it is RAM of one bank, else NULL. size > 0. */
void *guest_mem_ptr(const struct guest_mem *mem, uint64_t address, uint64_t size);
/* Copies; false, and nothing copied, if any byte is not RAM. May cross adjacent banks. size 0 succeeds. */
bool guest_mem_read(const struct guest_mem *mem, uint64_t address, void *to, uint64_t size);
bool guest_mem_write(const struct guest_mem *mem, uint64_t address, const void *from, uint64_t size);

#endif
