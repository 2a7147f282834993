/* SPDX-License-Identifier: MIT */
/*
 * Any bytes in the TX buffers and any register values, for every call that reads a descriptor. What they made is in
 * order if it can all be undone: when the partitions are gone and the normal world has reclaimed everything, each page
 * is its first owner's, or wholly somebody else's to whom it was donated.
 */
#include "../unit/ffa/memory_world.h"

#include "ffa/transaction.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t *at, *end;

static uint64_t next(unsigned bytes)
{
	uint64_t value = 0;

	while (bytes-- > 0) {
		value = value << 8 | (at < end ? *at++ : 0);
	}
	return value;
}

/* Addresses that the fuzzer cannot know: small numbers in their place stand for pages of a party. */
static void place_pages(uint8_t *tx, uint32_t from)
{
	for (uint32_t i = from & ~15u; i + 16 <= BUFFER; i += 16) {
		uint64_t value = get(tx + i, 8);

		if (value != 0 && value <= PARTIES * PAGES) {
			put(tx + i, page_at((unsigned)(value - 1) / PAGES, (unsigned)(value - 1) % PAGES), 8);
		}
	}
}

static void send_any(unsigned who)
{
	static const uint32_t ids[] = { FFA_MEM_SHARE, FFA_MEM_LEND_64, FFA_MEM_DONATE };
	uint32_t length = (uint32_t)next(2), total = length + (uint32_t)next(1) * 16;

	call(ffa_mem_send, who, ids[next(1) % 3], total, length, 0, 0);
}

static void step(uint64_t *handle)
{
	unsigned who = (unsigned)next(1) % PARTIES, what = (unsigned)next(1) % 8;
	uint32_t count = (uint32_t)next(1) * 2;
	uint64_t low = (uint32_t)*handle, high = *handle >> 32;

	for (uint32_t i = 0; i < count; i++) {
		tx_of(who)[i] = (uint8_t)next(1);
	}
	place_pages(tx_of(who), what == 3 ? 0 : 64); /* behind a header; a fragment has none */
	if ((what & 4) != 0) {
		put(tx_of(who) + (what == 6 ? 0 : 8), *handle, 8); /* where a handle is */
	}
	switch (what) {
	case 0 ... 2:
		send_any(who);
		break;
	case 3:
		count = (uint32_t)next(2);
		call(ffa_mem_frag_tx, who, FFA_MEM_FRAG_TX, low, high, count, next(1) << 16);
		break;
	case 4 ... 5:
		low = next(2);
		call(ffa_mem_retrieve, who, FFA_MEM_RETRIEVE_REQ, low, low, 0, 0);
		break;
	case 6:
		call(ffa_mem_relinquish, who, FFA_MEM_RELINQUISH, 0, 0, 0, 0);
		break;
	default:
		call(ffa_mem_reclaim, who, FFA_MEM_RECLAIM, low, high, next(1), 0);
		break;
	}
	if (x[0] == FFA_SUCCESS && x[2] != 0) {
		*handle = x[2] | x[3] << 32;
	} else if (x[0] == FFA_MEM_FRAG_RX) {
		*handle = x[1] | x[2] << 32;
	}
	party(who)->mailbox.rx_state = FFA_RX_EMPTY;
}

/* The partitions are gone, so all that is left is the normal world's and nobody holds it. */
static void reclaim_all(void)
{
	while (!list_empty(ffa_transactions())) {
		must(reclaim(NWD, list_entry(ffa_transactions()->next, struct ffa_transaction, node)->handle, 0) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint32_t versions[] = { FFA_VERSION_1_0, FFA_VERSION_1_1, FFA_VERSION_1_2 };
	uint64_t handle = 0;

	at = data;
	end = data + size;
	world_start();
	for (unsigned who = 0; who < PARTIES; who++) {
		party(who)->version = versions[next(1) % 3];
		memset(tx_of(who), 0, BUFFER);
	}
	for (unsigned i = 0; i < 32 && at < end; i++) {
		step(&handle);
	}
	for (unsigned who = 0; who < SPS; who++) {
		ffa_mem_drop(&world.sp[who]);
	}
	reclaim_all();
	for (unsigned p = 0; p < PARTIES * PAGES; p++) {
		unsigned owners = 0;

		for (unsigned who = 0; who < PARTIES; who++) {
			struct stage2 *table = ffa_space_table(&world.space[who], page_at(p / PAGES, p % PAGES));
			unsigned attrs;

			if (table != NULL) {
				must(stage2_uniform(table, ipa(page_at(p / PAGES, p % PAGES)),
						    pa(page_at(p / PAGES, p % PAGES)), PAGE_SIZE, &attrs));
				must((attrs & STAGE2_STATE_MASK) == STAGE2_OWNED && (attrs & STAGE2_R) != 0);
				owners++;
			}
		}
		must(owners == 1);
	}
	return 0;
}
