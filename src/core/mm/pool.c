/* SPDX-License-Identifier: MIT */
/*
 * Two layers. Extents: a sorted array without gaps inside a region, where neighbours that are both free do not exist.
 * Chunks: an extent of 2 MiB that EL2 divides into pages, with its record in its own first page.
 */
#include "core/mm/pool.h"

#include "arch/spinlock.h"
#include "arch/zero.h"
#include "core/mm/pool_priv.h"
#include "lib/checked.h"
#include "lib/list.h"
#include "lib/panic.h"
#include "lib/str.h"

#define ADDRESS_END BIT(48)
#define EXTENTS_BUILT_IN 128
/* An allocation adds at most two extents: what is left before it and behind it. */
#define EXTENTS_PER_ALLOC 2

#define CHUNK_PAGES (BLOCK_SIZE / PAGE_SIZE)
#define CHUNK_WORDS (CHUNK_PAGES / 64)
/* The most that is looked for in chunks; EL2's larger allocations are extents. */
#define CHUNK_ALLOC_MAX 16

struct extent {
	uint64_t base;
	uint64_t pages;
	uint16_t owner;
	bool chunk; /* divided by a struct chunk at its base; owner is EL2 */
};

struct chunk {
	struct list node; /* in pool.chunks while it has a free page */
	uint64_t used[CHUNK_WORDS];
	uint64_t last[CHUNK_WORDS]; /* the last page of each allocation: a free of another size is found out */
	uint64_t free_pages;
};

static struct extent built_in[EXTENTS_BUILT_IN];

static struct {
	struct spinlock lock;
	struct extent *extents;
	unsigned count;
	unsigned capacity;
	struct list chunks;
	uint64_t total_pages;
	uint64_t free_pages;
	uint64_t el2_pages;
} pool = { .extents = built_in, .capacity = EXTENTS_BUILT_IN, .chunks = { &pool.chunks, &pool.chunks } };

void pool_pages_reset(void)
{
	pool.lock = (struct spinlock){ 0 };
	pool.extents = built_in;
	pool.count = 0;
	pool.capacity = EXTENTS_BUILT_IN;
	list_init(&pool.chunks);
	pool.total_pages = pool.free_pages = pool.el2_pages = 0;
}

/* ---- extents ---- */

static uint64_t extent_end(const struct extent *e)
{
	return e->base + e->pages * PAGE_SIZE;
}

/* The index of the first extent that ends behind 'address'; pool.count if there is none. */
static unsigned find(uint64_t address)
{
	unsigned low = 0, high = pool.count;

	while (low < high) {
		unsigned middle = (low + high) / 2;

		if (extent_end(&pool.extents[middle]) > address) {
			high = middle;
		} else {
			low = middle + 1;
		}
	}
	return low;
}

static void insert(unsigned index, struct extent extent)
{
	CHECK(pool.count < pool.capacity);
	memmove(&pool.extents[index + 1], &pool.extents[index], (pool.count - index) * sizeof(extent));
	pool.extents[index] = extent;
	pool.count++;
}

static void drop(unsigned index)
{
	pool.count--;
	memmove(&pool.extents[index], &pool.extents[index + 1], (pool.count - index) * sizeof(pool.extents[0]));
}

static bool joins(unsigned index)
{
	const struct extent *a = &pool.extents[index], *b = a + 1;

	return index + 1 < pool.count && a->owner == PAGE_OWNER_FREE && b->owner == PAGE_OWNER_FREE &&
	       extent_end(a) == b->base;
}

/* Joins a free extent with its free neighbours. */
static void coalesce(unsigned index)
{
	if (joins(index)) {
		pool.extents[index].pages += pool.extents[index + 1].pages;
		drop(index + 1);
	}
	if (index > 0 && joins(index - 1)) {
		pool.extents[index - 1].pages += pool.extents[index].pages;
		drop(index);
	}
}

/* Cuts [base, base + pages) out of the extent 'index' and gives it to 'owner'. Returns its index. */
static unsigned cut(unsigned index, uint64_t base, uint64_t pages, uint16_t owner)
{
	struct extent whole = pool.extents[index];
	uint64_t end = base + pages * PAGE_SIZE;

	if (end < extent_end(&whole)) {
		insert(index + 1, (struct extent){ .base = end,
						   .pages = (extent_end(&whole) - end) / PAGE_SIZE,
						   .owner = whole.owner });
	}
	if (base > whole.base) {
		pool.extents[index++].pages = (base - whole.base) / PAGE_SIZE;
		insert(index, (struct extent){ 0 });
	}
	pool.extents[index] = (struct extent){ .base = base, .pages = pages, .owner = owner };
	return index;
}

static bool fits(const struct extent *e, uint64_t pages, uint64_t align, bool high, uint64_t *base)
{
	if (e->owner != PAGE_OWNER_FREE || e->pages < pages) {
		return false;
	}
	if (high) {
		*base = ALIGN_DOWN(extent_end(e) - pages * PAGE_SIZE, align);
		return *base >= e->base;
	}
	return align_up_u64(e->base, align, base) && range_in(*base, pages * PAGE_SIZE, e->base, e->pages * PAGE_SIZE);
}

/* Allocates an extent as near as possible to the low or the high end. */
static enum err alloc_extent(uint64_t pages, uint64_t align, uint16_t owner, bool high, unsigned *out)
{
	if (pool.capacity - pool.count < EXTENTS_PER_ALLOC) {
		return ERR_NO_MEMORY;
	}
	for (unsigned i = 0; i < pool.count; i++) {
		unsigned index = high ? pool.count - 1 - i : i;
		uint64_t base;

		if (fits(&pool.extents[index], pages, align, high, &base)) {
			*out = cut(index, base, pages, owner);
			pool.free_pages -= pages;
			pool.el2_pages += owner == PAGE_OWNER_EL2 ? pages : 0;
			return OK;
		}
	}
	return ERR_NO_MEMORY;
}

static void free_extent(unsigned index)
{
	struct extent *e = &pool.extents[index];

	pool.free_pages += e->pages;
	pool.el2_pages -= e->owner == PAGE_OWNER_EL2 ? e->pages : 0;
	e->owner = PAGE_OWNER_FREE;
	e->chunk = false;
	coalesce(index);
}

/* ---- chunks ---- */

static bool bit_is_set(const uint64_t *words, uint64_t bit)
{
	return (words[bit / 64] & BIT(bit % 64)) != 0;
}

/* The first bit in [from, end) that is set in 'words' xor 'flip'; 'end' if there is none. */
static uint64_t next_bit(const uint64_t *words, uint64_t from, uint64_t end, uint64_t flip)
{
	while (from < end) {
		uint64_t rest = (words[from / 64] ^ flip) >> (from % 64);

		if (rest != 0) {
			return MIN(from + (uint64_t)__builtin_ctzll(rest), end);
		}
		from = (from | 63) + 1;
	}
	return end;
}

static uint64_t next_free(const struct chunk *chunk, uint64_t from)
{
	return next_bit(chunk->used, from, CHUNK_PAGES, ~UINT64_C(0));
}

/* Marks a run as allocated or free. */
static void chunk_mark(struct chunk *chunk, uint64_t first, uint64_t pages, bool used)
{
	for (uint64_t i = first; i < first + pages; i++) {
		chunk->used[i / 64] ^= BIT(i % 64);
	}
	chunk->last[(first + pages - 1) / 64] ^= BIT((first + pages - 1) % 64);
	chunk->free_pages = used ? chunk->free_pages - pages : chunk->free_pages + pages;
	pool.free_pages = used ? pool.free_pages - pages : pool.free_pages + pages;
	pool.el2_pages = used ? pool.el2_pages + pages : pool.el2_pages - pages;
}

static bool chunk_alloc(struct chunk *chunk, uint64_t pages, uint64_t align, pa_t *out)
{
	uint64_t first, next = 0;

	if (chunk->free_pages < pages) {
		return false;
	}
	do {
		first = ALIGN_UP(next_free(chunk, next), align / PAGE_SIZE);
		if (first + pages > CHUNK_PAGES) {
			return false;
		}
		next = next_bit(chunk->used, first, first + pages, 0);
	} while (next < first + pages);
	chunk_mark(chunk, first, pages, true);
	if (chunk->free_pages == 0) {
		list_remove(&chunk->node);
	}
	*out = pa(pa_from_ptr(chunk).v + first * PAGE_SIZE);
	return true;
}

static struct chunk *chunk_create(void)
{
	struct chunk *chunk;
	unsigned index;

	if (alloc_extent(CHUNK_PAGES, BLOCK_SIZE, PAGE_OWNER_EL2, true, &index) != OK) {
		return NULL;
	}
	pool.extents[index].chunk = true;
	pool.free_pages += CHUNK_PAGES;
	pool.el2_pages -= CHUNK_PAGES;
	chunk = pa_ptr(pa(pool.extents[index].base));
	*chunk = (struct chunk){ .free_pages = CHUNK_PAGES };
	chunk_mark(chunk, 0, 1, true);
	list_append(&pool.chunks, &chunk->node);
	return chunk;
}

static void chunk_free(unsigned index, uint64_t base, uint64_t pages)
{
	struct chunk *chunk = pa_ptr(pa(pool.extents[index].base));
	uint64_t first = (base - pool.extents[index].base) / PAGE_SIZE;

	/*
	 * Exactly one allocation: it begins behind another or a free page, is all in use, and ends where that one
	 * did.
	 */
	CHECK(first > 0 && pages <= CHUNK_PAGES - first);
	CHECK(!bit_is_set(chunk->used, first - 1) || bit_is_set(chunk->last, first - 1));
	CHECK(next_free(chunk, first) >= first + pages);
	CHECK(next_bit(chunk->last, first, CHUNK_PAGES, 0) == first + pages - 1);
	if (chunk->free_pages == 0) {
		list_append(&pool.chunks, &chunk->node);
	}
	chunk_mark(chunk, first, pages, false);
	if (chunk->free_pages == CHUNK_PAGES - 1) {
		list_remove(&chunk->node);
		chunk_mark(chunk, 0, 1, false);
		pool.free_pages -= CHUNK_PAGES;
		pool.el2_pages += CHUNK_PAGES;
		free_extent(index);
	}
}

/* ---- both ---- */

static enum err alloc_in_chunks(uint64_t pages, uint64_t align, pa_t *out)
{
	struct chunk *chunk;

	list_for_each (node, &pool.chunks) {
		if (chunk_alloc(list_entry(node, struct chunk, node), pages, align, out)) {
			return OK;
		}
	}
	chunk = chunk_create();
	return chunk != NULL && chunk_alloc(chunk, pages, align, out) ? OK : ERR_NO_MEMORY;
}

/* The lock is held. */
static enum err alloc(uint64_t pages, uint64_t align, uint16_t owner, pa_t *out)
{
	unsigned index;
	enum err e;

	if (owner == PAGE_OWNER_EL2 && pages <= CHUNK_ALLOC_MAX && align <= CHUNK_ALLOC_MAX * PAGE_SIZE &&
	    alloc_in_chunks(pages, align, out) == OK) {
		return OK;
	}
	e = alloc_extent(pages, align, owner, false, &index);
	if (e == OK) {
		*out = pa(pool.extents[index].base);
	}
	return e;
}

static void free_pages(pa_t base, uint64_t pages)
{
	unsigned index = find(base.v);
	const struct extent *e = &pool.extents[index];

	CHECK(index < pool.count && e->base <= base.v && e->owner != PAGE_OWNER_FREE);
	CHECK(IS_ALIGNED(base.v, PAGE_SIZE) && pages > 0);
	if (e->chunk) {
		chunk_free(index, base.v, pages);
	} else {
		CHECK(e->base == base.v && e->pages == pages);
		free_extent(index);
	}
}

/* Doubles the array of extents while there is room to allocate one. Failure shows when the room is used up. */
static void grow(void)
{
	struct extent *old = pool.extents;
	uint64_t old_size = pool.capacity * sizeof(*old);
	pa_t pages;

	if (alloc(ALIGN_UP(2 * old_size, PAGE_SIZE) / PAGE_SIZE, PAGE_SIZE, PAGE_OWNER_EL2, &pages) != OK) {
		return;
	}
	memcpy(pa_ptr(pages), old, old_size);
	pool.extents = pa_ptr(pages);
	pool.capacity *= 2;
	if (old != built_in) {
		free_pages(pa_from_ptr(old), ALIGN_UP(old_size, PAGE_SIZE) / PAGE_SIZE);
	}
}

enum err pool_alloc(uint64_t pages, uint64_t align, uint16_t owner, pa_t *out)
{
	enum err e;

	if (pages == 0 || !IS_POWER_OF_2(align) || align < PAGE_SIZE || owner == PAGE_OWNER_FREE) {
		return ERR_INVALID;
	}
	if (pages > ADDRESS_END / PAGE_SIZE) {
		return ERR_NO_MEMORY;
	}
	spin_lock(&pool.lock);
	if (pool.capacity - pool.count < 2 * EXTENTS_PER_ALLOC) {
		grow();
	}
	e = alloc(pages, align, owner, out);
	spin_unlock(&pool.lock);
	return e;
}

enum err pool_alloc_page(pa_t *out)
{
	enum err e = pool_alloc(1, PAGE_SIZE, PAGE_OWNER_EL2, out);

	if (e == OK) {
		zero_pages(pa_ptr(*out), PAGE_SIZE);
	}
	return e;
}

void pool_free(pa_t base, uint64_t pages)
{
	spin_lock(&pool.lock);
	free_pages(base, pages);
	spin_unlock(&pool.lock);
}

enum err pool_free_part(pa_t base, uint64_t pages)
{
	enum err e = ERR_NO_MEMORY;
	unsigned index;

	spin_lock(&pool.lock);
	if (pool.capacity - pool.count < 2 * EXTENTS_PER_ALLOC) {
		grow();
	}
	if (pool.capacity - pool.count >= EXTENTS_PER_ALLOC) {
		index = find(base.v);
		CHECK(index < pool.count && IS_ALIGNED(base.v, PAGE_SIZE) && pages > 0);
		CHECK(range_in(base.v, pages * PAGE_SIZE, pool.extents[index].base,
			       pool.extents[index].pages * PAGE_SIZE));
		CHECK(pool.extents[index].owner != PAGE_OWNER_FREE && pool.extents[index].owner != PAGE_OWNER_EL2);
		free_extent(cut(index, base.v, pages, pool.extents[index].owner));
		e = OK;
	}
	spin_unlock(&pool.lock);
	return e;
}

/* The lock is held. [base, end) is whole pages. */
static enum err add(uint64_t base, uint64_t end)
{
	unsigned index = find(base);

	if (index < pool.count && pool.extents[index].base < end) {
		return ERR_EXISTS;
	}
	if (pool.count == pool.capacity) {
		return ERR_NO_MEMORY;
	}
	insert(index, (struct extent){ .base = base, .pages = (end - base) / PAGE_SIZE });
	pool.total_pages += (end - base) / PAGE_SIZE;
	pool.free_pages += (end - base) / PAGE_SIZE;
	coalesce(index);
	return OK;
}

enum err pool_add(pa_t base, uint64_t size)
{
	uint64_t start = MAX(base.v, PAGE_SIZE), end;
	enum err e = OK;

	if (!add_u64(base.v, size, &end) || end > ADDRESS_END) {
		return ERR_RANGE;
	}
	start = ALIGN_UP(start, PAGE_SIZE);
	end = ALIGN_DOWN(end, PAGE_SIZE);
	spin_lock(&pool.lock);
	if (start < end) {
		e = add(start, end);
	}
	spin_unlock(&pool.lock);
	return e;
}

/* The lock is held. [base, end) is whole pages. */
static enum err reserve(uint64_t base, uint64_t end)
{
	unsigned first = find(base);

	for (unsigned i = first; i < pool.count && pool.extents[i].base < end; i++) {
		if (pool.extents[i].owner != PAGE_OWNER_FREE) {
			return ERR_DENIED;
		}
	}
	if (pool.capacity - pool.count < EXTENTS_PER_ALLOC) {
		return ERR_NO_MEMORY;
	}
	for (unsigned i = first; i < pool.count && pool.extents[i].base < end;) {
		const struct extent *e = &pool.extents[i];
		uint64_t from = MAX(base, e->base);
		uint64_t pages = (MIN(end, extent_end(e)) - from) / PAGE_SIZE;

		i = cut(i, from, pages, PAGE_OWNER_EL2);
		drop(i);
		pool.total_pages -= pages;
		pool.free_pages -= pages;
	}
	return OK;
}

enum err pool_reserve(pa_t base, uint64_t size)
{
	uint64_t end;
	enum err e = OK;

	if (!add_u64(base.v, size, &end) || end > ADDRESS_END) {
		return ERR_RANGE;
	}
	spin_lock(&pool.lock);
	if (size != 0) {
		e = reserve(ALIGN_DOWN(base.v, PAGE_SIZE), ALIGN_UP(end, PAGE_SIZE));
	}
	spin_unlock(&pool.lock);
	return e;
}

uint16_t pool_owner(pa_t page)
{
	uint16_t owner = PAGE_OWNER_EL2;
	const struct extent *e;
	unsigned index;

	spin_lock(&pool.lock);
	index = find(page.v);
	e = &pool.extents[index];
	if (index < pool.count && e->base <= page.v) {
		owner = e->owner;
		if (e->chunk) {
			const struct chunk *chunk = pa_ptr(pa(e->base));

			owner = bit_is_set(chunk->used, (page.v - e->base) / PAGE_SIZE) ? PAGE_OWNER_EL2
											: PAGE_OWNER_FREE;
		}
	}
	spin_unlock(&pool.lock);
	return owner;
}

void pool_stats(struct pool_stats *out)
{
	spin_lock(&pool.lock);
	*out = (struct pool_stats){
		.total_pages = pool.total_pages,
		.free_pages = pool.free_pages,
		.el2_pages = pool.el2_pages,
	};
	for (unsigned i = 0; i < pool.count; i++) {
		if (pool.extents[i].owner == PAGE_OWNER_FREE) {
			out->largest_free = MAX(out->largest_free, pool.extents[i].pages);
		}
	}
	spin_unlock(&pool.lock);
}
