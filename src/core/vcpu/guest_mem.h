/* SPDX-License-Identifier: MIT */
/*
 * A VM's RAM as EL2 sees it. Devices reach guest memory only through these: every access is checked against the banks,
 * never wraps, and copies once, so that what was checked is what is used.
 *
 * A VM may give pages away for a while (FF-A); then they are not its devices' to read or write either. 'away' is raised
 * before such a page leaves the VM's tables, and whoever holds a pointer from here until then is waited for by who
 * raised it (devices_wait()).
 */
#ifndef CORE_VCPU_GUEST_MEM_H
#define CORE_VCPU_GUEST_MEM_H

#include "arch/atomic.h"
#include "lib/addr.h"

struct stage2;

#define GUEST_MEM_BANKS_MAX 8

struct guest_bank {
	uint64_t ipa;
	uint64_t size; /* multiple of PAGE_SIZE */
	uint8_t *host; /* where EL2 has it */
};

struct guest_mem {
	struct guest_bank banks[GUEST_MEM_BANKS_MAX];
	unsigned count;
	uint32_t away;         /* atomic: how many times pages were given away and are not back; 0: none is away */
	struct stage2 *tables; /* which tell what is away; NULL: nothing ever is */
};

/*
 * EL2's pointer to [address, address + size) if all of it is RAM of one bank, be it away or not, else NULL. size > 0.
 * Not to be followed before guest_mem_is_here() was asked.
 */
void *guest_mem_place(const struct guest_mem *mem, uint64_t address, uint64_t size);
/* For guest_mem_is_here(). */
bool guest_mem_tables_have(const struct guest_mem *mem, const void *place, uint64_t size);
/*
 * True if nothing of 'size' bytes at 'place', which guest_mem_place() has found, is away. Quick if nothing of the VM
 * is; else it looks at each piece of the tables: ask for no more than is used.
 */
static inline bool guest_mem_is_here(const struct guest_mem *mem, const void *place, uint64_t size)
{
	/* Acquire: pairs with who raises it, and then waits for the lock that our caller holds. */
	return likely(atomic_load_acquire(&mem->away) == 0) || guest_mem_tables_have(mem, place, size);
}
/* Both: the pointer, or NULL if any of it is away. */
void *guest_mem_ptr(const struct guest_mem *mem, uint64_t address, uint64_t size);
/* Copies; false, and nothing copied, if any byte is not RAM or away. May cross adjacent banks. size 0 succeeds. */
bool guest_mem_read(const struct guest_mem *mem, uint64_t address, void *to, uint64_t size);
bool guest_mem_write(const struct guest_mem *mem, uint64_t address, const void *from, uint64_t size);

#endif
