/* SPDX-License-Identifier: MIT */
#include "ffa/transaction.h"

#include "core/mm/pool.h"
#include "ffa/below.h"
#include "ffa/endpoint.h"
#include "ffa/mailbox.h"
#include "lib/panic.h"
#include "lib/str.h"

#define ADDRESS_END BIT(48)

#define SLOT_SHIFT 0
#define SLOT_WIDTH 20
#define COUNT_SHIFT SLOT_WIDTH
#define COUNT_WIDTH 43
#define BELOW_BUCKETS 64u

#define SLOTS_PER_PAGE (PAGE_SIZE / sizeof(uint64_t))
#define SLOT_PAGES_MAX 1024
_Static_assert(SLOT_PAGES_MAX *SLOTS_PER_PAGE <= BIT(SLOT_WIDTH), "");

/* A slot holds the address of a record or, when free, the number of the next free one and a bit that no address has. */
#define SLOT_FREE 1u
#define SLOT_NEXT_SHIFT 1
#define SLOT_NONE (BIT(SLOT_WIDTH) - 1)

static struct {
	struct list all; /* zero until first used */
	uint64_t *slots[SLOT_PAGES_MAX];
	unsigned slot_pages;
	uint64_t first_free; /* SLOT_NONE if there is none */
	uint64_t count; /* of handles ever given */
	uint64_t record_bytes_max; /* of who has no bound of his own */
	struct list below[BELOW_BUCKETS];
} records;

void ffa_transactions_reset(void)
{
	memset(&records, 0, sizeof(records));
}

struct list *ffa_transactions(void)
{
	if (records.all.next == NULL) {
		struct pool_stats stats;

		list_init(&records.all);
		for (unsigned i = 0; i < BELOW_BUCKETS; i++) {
			list_init(&records.below[i]);
		}
		records.first_free = SLOT_NONE;
		pool_stats(&stats);
		records.record_bytes_max = stats.total_pages * PAGE_SIZE / FFA_RECORDS_SHARE;
	}
	return &records.all;
}

struct ffa_transaction *ffa_transaction_after(const struct ffa_transaction *place)
{
	struct list *next = place->node.next;

	return next != &records.all ? list_entry(next, struct ffa_transaction, node) : NULL;
}

void ffa_transaction_pass(struct ffa_transaction *place, struct ffa_transaction *t)
{
	list_remove(&place->node);
	list_insert(&t->node, &place->node);
}

/* ---- memory: when it is short, that of tables which nobody needs ---- */

static void *object_alloc(size_t size)
{
	void *object = pool_alloc_object(size);

	if (object == NULL) {
		ffa_spaces_compact();
		object = pool_alloc_object(size);
	}
	return object;
}

/* Not zeroed. NULL if there is none. */
static void *page_alloc(void)
{
	pa_t page;
	enum err e = pool_alloc(1, PAGE_SIZE, PAGE_OWNER_EL2, &page);

	if (e == ERR_NO_MEMORY) {
		ffa_spaces_compact();
		e = pool_alloc(1, PAGE_SIZE, PAGE_OWNER_EL2, &page);
	}
	return e == OK ? pa_ptr(page) : NULL;
}

/* ---- slots ---- */

static uint64_t *slot_at(uint64_t slot)
{
	return &records.slots[slot / SLOTS_PER_PAGE][slot % SLOTS_PER_PAGE];
}

static void slot_free(uint64_t slot)
{
	*slot_at(slot) = records.first_free << SLOT_NEXT_SHIFT | SLOT_FREE;
	records.first_free = slot;
}

/* One page more of free slots; such pages are never given back. */
static bool slots_grow(void)
{
	uint64_t first = records.slot_pages * SLOTS_PER_PAGE;
	uint64_t *page = records.slot_pages < SLOT_PAGES_MAX ? page_alloc() : NULL;

	if (page == NULL) {
		return false;
	}
	records.slots[records.slot_pages++] = page;
	for (uint64_t slot = first + SLOTS_PER_PAGE; slot-- > first;) {
		slot_free(slot);
	}
	return true;
}

static bool slot_take(struct ffa_transaction *t)
{
	uint64_t slot;

	if (records.first_free == SLOT_NONE && !slots_grow()) {
		return false;
	}
	slot = records.first_free;
	records.first_free = *slot_at(slot) >> SLOT_NEXT_SHIFT;
	*slot_at(slot) = (uint64_t)(uintptr_t)t;
	t->slot = (uint32_t)slot;
	t->handle = FIELD_PUT(COUNT, ++records.count) | FIELD_PUT(SLOT, slot) |
		    (t->owner->kind == FFA_KIND_GUEST ? FFA_HANDLE_HYPERVISOR : 0);
	return true;
}

/* The SPMC counts, in some bits of its handle. */
static struct list *below_bucket(uint64_t handle)
{
	return &records.below[(handle ^ handle >> SLOT_WIDTH) % BELOW_BUCKETS];
}

static struct ffa_transaction *find_below(uint64_t handle)
{
	struct ffa_transaction *leaving = NULL;

	if (ffa_below == NULL) {
		return NULL;
	}
	(void)ffa_transactions();
	list_for_each (node, below_bucket(handle)) {
		struct ffa_transaction *t = list_entry(node, struct ffa_transaction, below_node);

		if (t->handle == handle && !t->leaving) {
			return t;
		}
		leaving = t->handle == handle ? t : leaving;
	}
	return leaving;
}

struct ffa_transaction *ffa_transaction_find(uint64_t handle)
{
	uint64_t slot = FIELD_GET(SLOT, handle);
	struct ffa_transaction *t;
	uint64_t value;

	if (slot < records.slot_pages * SLOTS_PER_PAGE) {
		value = *slot_at(slot);
		t = (value & SLOT_FREE) == 0 ? va_ptr(va(value)) : NULL;
		/* By chance it may be one of the SPMC's handles. */
		if (t != NULL && t->handle == handle && !t->told_below) {
			return t;
		}
	}
	return find_below(handle);
}

bool ffa_transaction_set_below(struct ffa_transaction *t)
{
	const struct ffa_transaction *other = ffa_transaction_find(t->below_handle);

	if ((t->below_handle & FFA_HANDLE_HYPERVISOR) != 0 || (other != NULL && !other->leaving)) {
		return false;
	}
	t->handle = t->below_handle;
	t->told_below = true;
	list_append(below_bucket(t->handle), &t->below_node);
	return true;
}

/* ---- records ---- */

static size_t record_size(uint32_t borrower_count)
{
	return sizeof(struct ffa_transaction) + borrower_count * sizeof(struct ffa_borrower);
}

static uint64_t range_pages(uint32_t range_count)
{
	return (range_count + FFA_RANGES_PER_PAGE - 1) / FFA_RANGES_PER_PAGE;
}

static size_t directory_size(const struct ffa_transaction *t)
{
	return range_pages(t->range_count) * sizeof(t->pages[0]);
}

/* Counts what the whole record will take, so that fragments to come cannot pass the bound. */
static bool charge(struct ffa_transaction *t)
{
	bool few = t->range_count <= FFA_RANGES_IN_RECORD;
	uint64_t max;

	t->record_bytes = record_size(t->borrower_count) +
			  (few ? 0 : directory_size(t) + range_pages(t->range_count) * PAGE_SIZE);
	max = t->space->record_bytes_max != 0 ? t->space->record_bytes_max : records.record_bytes_max;
	if (t->record_bytes > max - t->space->record_bytes) {
		return false;
	}
	t->space->record_bytes += t->record_bytes;
	return true;
}

static void set_borrowers(struct ffa_transaction *t, const struct ffa_descriptor *d)
{
	t->borrower_count = d->region.access_count;
	for (uint32_t i = 0; i < t->borrower_count; i++) {
		t->borrowers[i].id = d->access[i].endpoint;
		t->borrowers[i].permissions = d->access[i].permissions;
		t->borrowers[i].implementation[0] = d->access[i].implementation[0];
		t->borrowers[i].implementation[1] = d->access[i].implementation[1];
	}
}

enum ffa_code ffa_transaction_new(struct ffa_endpoint *owner, const struct ffa_descriptor *d,
				  struct ffa_composite composite, struct ffa_transaction **out)
{
	struct list *all = ffa_transactions();
	size_t size = record_size(d->region.access_count);
	struct ffa_transaction *t;

	if (composite.range_count > FFA_RANGES_MAX) {
		return FFA_NO_MEMORY;
	}
	t = object_alloc(size);
	if (t == NULL) {
		return FFA_NO_MEMORY;
	}
	t->owner = owner;
	t->space = owner->space;
	t->page_count = composite.page_count;
	t->range_count = composite.range_count;
	set_borrowers(t, d);
	if (!charge(t)) {
		pool_free_object(t, size);
		return FFA_NO_MEMORY;
	}
	if (t->range_count > FFA_RANGES_IN_RECORD) {
		t->pages = object_alloc(directory_size(t));
	}
	if ((t->range_count > FFA_RANGES_IN_RECORD && t->pages == NULL) || !slot_take(t)) {
		pool_free_object(t->pages, directory_size(t));
		t->space->record_bytes -= t->record_bytes;
		pool_free_object(t, size);
		return FFA_NO_MEMORY;
	}
	list_append(all, &t->node);
	*out = t;
	return FFA_OK;
}

void ffa_transaction_free(struct ffa_transaction *t)
{
	if (t->pages != NULL) {
		for (uint64_t i = 0; i < range_pages(t->range_count) && t->pages[i] != NULL; i++) {
			pool_free(pa_from_ptr(t->pages[i]), 1);
		}
		pool_free_object(t->pages, directory_size(t));
	}
	t->space->record_bytes -= t->record_bytes;
	slot_free(t->slot);
	list_remove(&t->node);
	if (t->told_below) {
		list_remove(&t->below_node);
	}
	pool_free_object(t, record_size(t->borrower_count));
}

struct ffa_borrower *ffa_transaction_borrower(struct ffa_transaction *t, uint16_t id)
{
	for (uint32_t i = 0; i < t->borrower_count; i++) {
		if (t->borrowers[i].id == id) {
			return &t->borrowers[i];
		}
	}
	return NULL;
}

/* ---- ranges ---- */

static bool range_ok(const struct ffa_constituent *range)
{
	return IS_ALIGNED(range->address, PAGE_SIZE) &&
	       range_in(range->address, (uint64_t)range->page_count * PAGE_SIZE, 0, ADDRESS_END);
}

/* How many of 'count' ranges, from the next one on, lie side by side; 0 if there is no memory for them. */
static uint32_t room(struct ffa_transaction *t, uint32_t count)
{
	uint32_t in_page = t->ranges_in % FFA_RANGES_PER_PAGE;

	if (t->pages == NULL) {
		return count;
	}
	if (in_page == 0) {
		struct ffa_constituent *page = page_alloc();

		if (page == NULL) {
			return 0;
		}
		t->pages[t->ranges_in / FFA_RANGES_PER_PAGE] = page;
	}
	return MIN(count, (uint32_t)FFA_RANGES_PER_PAGE - in_page);
}

enum ffa_code ffa_transaction_append(struct ffa_transaction *t, struct ffa_endpoint *from, uint32_t offset,
				     uint32_t count)
{
	if (count > t->range_count - t->ranges_in) {
		return FFA_INVALID_PARAMETERS;
	}
	while (count > 0) {
		uint32_t some = room(t, count);
		uint32_t size = some * (uint32_t)sizeof(struct ffa_constituent);
		struct ffa_constituent *ranges;

		if (some == 0) {
			return FFA_NO_MEMORY;
		}
		ranges = ffa_transaction_range(t, t->ranges_in);
		if (ffa_tx_read(from, offset, ranges, size) != FFA_OK) {
			return FFA_INVALID_PARAMETERS;
		}
		for (uint32_t i = 0; i < some; i++) {
			if (!range_ok(&ranges[i])) {
				return FFA_INVALID_PARAMETERS;
			}
			/* What is not a guest's RAM will not lead there. */
			ranges[i].address += t->space->own_offset;
			t->pages_in += ranges[i].page_count;
		}
		t->ranges_in += some;
		offset += size;
		count -= some;
	}
	return FFA_OK;
}
