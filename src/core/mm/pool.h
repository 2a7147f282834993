/* SPDX-License-Identifier: MIT */
/*
 * The page pool: every page of RAM that the image does not occupy, and who owns it.
 *
 * The pool knows ownership by extents, so starting it costs the number of memory regions and not of pages. Large
 * extents (a VM's memory) come from the low end, single pages (page tables) from chunks of 2 MiB at the high end.
 * All functions may be called on any CPU with the MMU on; the pool's own locks are innermost (docs/locking.md).
 */
#ifndef CORE_MM_POOL_H
#define CORE_MM_POOL_H

#include "lib/addr.h"
#include "lib/err.h"

/* Owner numbers: 0 free, 1 EL2 itself, 2 several VMs together, then PAGE_OWNER_VM + the VM's id. */
enum {
	PAGE_OWNER_FREE = 0,
	PAGE_OWNER_EL2 = 1,
	PAGE_OWNER_SHARED = 2,
	PAGE_OWNER_VM = 3,
};

/*
 * Gives [base, base + size) to the pool. Parts of pages at the edges are dropped, and so is the page at address 0.
 * ERR_EXISTS if it overlaps what the pool has, ERR_RANGE if it wraps or ends beyond 48 bits, ERR_NO_MEMORY if there are
 * too many separate regions.
 */
enum err pool_add(pa_t base, uint64_t size);
/*
 * Takes [base, base + size) out before anything is allocated from it (image, device tree, initrd); ERR_DENIED if
 * something is. Rounds outwards; what the pool does not have is no error. ERR_RANGE, ERR_NO_MEMORY as above.
 */
enum err pool_reserve(pa_t base, uint64_t size);

/*
 * Allocates 'pages' contiguous pages whose address is a multiple of 'align' bytes (a power of two >= PAGE_SIZE). Not
 * zeroed. ERR_NO_MEMORY; ERR_INVALID for no pages, another alignment or PAGE_OWNER_FREE.
 */
enum err pool_alloc(uint64_t pages, uint64_t align, uint16_t owner, pa_t *out);
/* One zeroed page for EL2's own use, such as a page table. */
enum err pool_alloc_page(pa_t *out);
/* Frees exactly what one pool_alloc or pool_alloc_page gave. The caller scrubs what was another party's. */
void pool_free(pa_t base, uint64_t pages);
/*
 * Frees a part of what one pool_alloc gave to another than EL2; the rest stays allocated, and is freed in parts as
 * well. ERR_NO_MEMORY, and nothing was done.
 */
enum err pool_free_part(pa_t base, uint64_t pages);

/* Zeroed memory for EL2's objects, aligned to 64 bytes, 1 byte to 64 KiB; NULL if there is none, or for other sizes. */
void *pool_alloc_object(size_t size);
/* Frees an object by the size it was allocated with. NULL is harmless. */
void pool_free_object(void *object, size_t size);

/* Who owns the page with that byte; PAGE_OWNER_EL2 for what the pool never had. */
uint16_t pool_owner(pa_t page);

struct pool_stats {
	uint64_t total_pages; /* ever added, less reserved */
	uint64_t free_pages;
	uint64_t el2_pages; /* allocated with PAGE_OWNER_EL2, the pool's own records included */
	uint64_t largest_free; /* pages in the largest free extent */
};
void pool_stats(struct pool_stats *out);

/* Forgets all memory and all that was allocated, for host tests that start afresh. */
void pool_reset(void);

#endif
