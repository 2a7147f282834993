/* SPDX-License-Identifier: MIT */
#include "payload/lib/arch.h"
#include "payload/sp/lib/sp.h"

#define HELD_MAX 16
#define RANGES_MAX 640

/* Memory that was retrieved. Under the mailbox's lock. */
static struct held {
	uint64_t handle;
	bool used;
	uint32_t range_count;
	struct ffa_constituent ranges[RANGES_MAX];
} held[HELD_MAX];

static uint8_t spare[SP_SPARE_PAGES][PAGE_SIZE] __attribute__((aligned(4096)));

static struct held *held_free(void)
{
	for (struct held *h = held; h < held + HELD_MAX; h++) {
		if (!h->used) {
			return h;
		}
	}
	return NULL;
}

static struct held *held_find(uint64_t handle)
{
	for (struct held *h = held; h < held + HELD_MAX; h++) {
		if (h->used && h->handle == handle) {
			return h;
		}
	}
	return NULL;
}

static bool keep_ranges(struct held *h, const struct ffa_constituent *ranges, uint32_t count)
{
	if (count > RANGES_MAX - h->range_count) {
		return false;
	}
	for (uint32_t i = 0; i < count; i++) {
		h->ranges[h->range_count++] = ranges[i];
	}
	return true;
}

/* The response is in RX, 'total' bytes of which 'size' are there: keeps its ranges, and gives RX back. */
static int32_t keep_response(struct held *h, uint32_t total, uint32_t size, struct ffa_retrieved *out)
{
	uint32_t got = size;
	bool kept = ffa_read_response(sp_rx, sp_program.version, size, out) && keep_ranges(h, out->ranges, out->in_rx);

	while (kept && got < total) {
		struct ffa_regs r = FFA(FFA_RX_RELEASE);

		r = FFA(FFA_MEM_FRAG_RX, (uint32_t)out->handle, out->handle >> 32, got);
		if (!ffa_is(&r, FFA_MEM_FRAG_TX) || r.x[3] == 0 || r.x[3] > total - got) {
			return ffa_code(&r) != FFA_OK ? ffa_code(&r) : FFA_ABORTED;
		}
		got += (uint32_t)r.x[3];
		kept = keep_ranges(h, (const void *)sp_rx, (uint32_t)r.x[3] / (uint32_t)sizeof(h->ranges[0]));
	}
	FFA(FFA_RX_RELEASE);
	return kept && h->range_count == out->range_count ? FFA_OK : FFA_ABORTED;
}

static int32_t retrieve(const struct ffa_transaction *request, struct held *h, struct ffa_retrieved *out)
{
	uint32_t size = ffa_describe(sp_tx, request, 0);
	struct ffa_regs r = FFA(FFA_MEM_RETRIEVE_REQ_64, size, size);

	if (!ffa_is(&r, FFA_MEM_RETRIEVE_RESP)) {
		return ffa_code(&r) != FFA_OK ? ffa_code(&r) : FFA_ABORTED;
	}
	h->handle = request->handle;
	h->range_count = 0;
	return keep_response(h, (uint32_t)r.x[1], (uint32_t)r.x[2], out);
}

void sp_retrieve(uint64_t *w)
{
	struct ffa_transaction request = {
		.version = sp_program.version,
		.sender = (uint16_t)w[3],
		.attributes = (uint16_t)(w[3] >> 32),
		.flags = (uint32_t)w[4],
		.handle = w[1],
		.tag = w[2],
		.borrower_count = 1,
		.borrowers = { { sp_id, (uint8_t)(w[3] >> 16) } },
	};
	struct ffa_retrieved response;
	struct held *h;

	sp_mailbox_lock();
	h = held_free();
	w[0] = (uint64_t)(h != NULL ? retrieve(&request, h, &response) : FFA_NO_MEMORY);
	if (w[0] == FFA_OK) {
		h->used = true;
		w[1] = response.page_count;
		w[2] = response.range_count;
		w[3] = h->ranges[0].address;
		w[4] = response.attributes | (uint64_t)response.borrower.permissions << 16 |
		       (uint64_t)response.flags << 32;
	}
	sp_mailbox_unlock();
}

void sp_relinquish(uint64_t *w)
{
	struct ffa_relinquish *request = (struct ffa_relinquish *)sp_tx;
	struct held *h;

	sp_mailbox_lock();
	*request = (struct ffa_relinquish){ .handle = w[1], .flags = (uint32_t)w[2], .endpoint_count = 1 };
	request->endpoints[0] = sp_id;
	w[0] = (uint64_t)FFA_CODE(FFA_MEM_RELINQUISH);
	h = held_find(w[1]);
	if (w[0] == FFA_OK && h != NULL) {
		h->used = false;
	}
	sp_mailbox_unlock();
}

void sp_send(uint64_t *w)
{
	uint32_t first = (uint16_t)(w[3] >> 16);
	uint8_t permissions = (uint8_t)(w[3] >> 32);
	struct ffa_constituent range = { .page_count = (uint16_t)w[3] };
	struct ffa_transaction send = {
		.version = sp_program.version,
		.sender = sp_id,
		.attributes = (uint16_t)(w[4] >> 32),
		.flags = (uint32_t)w[4],
		.borrower_count = (w[2] >> 16 & 0xffff) != 0 ? 2 : 1,
		.borrowers = { { (uint16_t)w[2], permissions }, { (uint16_t)(w[2] >> 16), permissions } },
		.ranges = &range,
		.range_count = 1,
	};

	if (first + range.page_count > SP_SPARE_PAGES) {
		w[0] = (uint64_t)FFA_INVALID_PARAMETERS;
		return;
	}
	range.address = (uint64_t)spare[first];
	sp_mailbox_lock();
	w[0] = (uint64_t)ffa_mem_send((uint32_t)w[1], &send, sp_tx, PAGE_SIZE, &w[1]);
	sp_mailbox_unlock();
	w[2] = range.address;
}

/* The ranges that a FILL or CHECK means: those of a handle, or the one that it gives. */
static const struct ffa_constituent *ranges_of(const uint64_t *w, struct ffa_constituent *one, uint32_t *count)
{
	const struct held *h = w[1] == 0 ? NULL : held_find(w[1]);

	*one = (struct ffa_constituent){ .address = w[3], .page_count = (uint32_t)w[4] };
	*count = h != NULL ? h->range_count : w[1] == 0;
	return h != NULL ? h->ranges : one;
}

void sp_fill(const uint64_t *w)
{
	struct ffa_constituent one;
	uint32_t count;
	const struct ffa_constituent *ranges = ranges_of(w, &one, &count);
	uint64_t pattern = w[2];

	for (uint32_t i = 0; i < count; i++) {
		pattern_fill(sp_va(ranges[i].address), ranges[i].page_count, pattern);
		pattern += ranges[i].page_count * PAGE_SIZE;
	}
}

void sp_check(uint64_t *w)
{
	struct ffa_constituent one;
	uint32_t count;
	const struct ffa_constituent *ranges = ranges_of(w, &one, &count);
	uint64_t pattern = w[2];
	uint32_t wrong = count == 0;

	for (uint32_t i = 0; i < count; i++) {
		wrong += pattern_wrong(sp_va(ranges[i].address), ranges[i].page_count, pattern);
		pattern += ranges[i].page_count * PAGE_SIZE;
	}
	w[1] = wrong;
}
