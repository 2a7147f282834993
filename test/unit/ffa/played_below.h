/* SPDX-License-Identifier: MIT */
/*
 * The SPMC below three guests, played: it makes handles, keeps what it was told of by rules of its own, and checks it.
 * It refuses what it is told to (played.codes), or when it likes (played.whim).
 */
#ifndef TEST_FFA_PLAYED_BELOW_H
#define TEST_FFA_PLAYED_BELOW_H

#include "ffa/below.h"
#include "ffa/transaction.h"
#include "memory_world.h"

#define SP_ID 0x8001u
#define PLAYED_SPS 2u
#define PLAYED_SHARES 32u
#define PLAYED_RANGES 512u
#define BELOW_HANDLE UINT64_C(0x77)

struct played_share {
	uint64_t handle; /* 0: none */
	unsigned guest;
	enum ffa_memory_type type;
	uint32_t flags;
	uint32_t range_count, ranges_in;
	uint64_t page_count, pages_in;
	struct ffa_constituent ranges[PLAYED_RANGES];
	unsigned count;
	uint16_t id[LIST_MAX];
	bool complete;
	bool held[LIST_MAX]; /* by that receiver */
	bool gone;           /* a donation that its receiver has: it was the last that was heard of it */
};

static struct {
	struct {
		enum ffa_code send, frag, reclaim, map, acquire;
	} codes;
	enum ffa_code (*whim)(void);
	uint64_t (*handle_of)(uint64_t number); /* of its handles; NULL: BELOW_HANDLE + number */
	bool refused; /* what was asked since somebody cleared this */
	unsigned sends, frags, reclaims, maps, unmaps, acquires, releases, messages;
	uint32_t reclaim_flags; /* of the last one */
	struct played_share shares[PLAYED_SHARES], *last;
	struct ffa_endpoint sps[PLAYED_SPS];
} played;

static inline struct played_share *played_find(uint64_t handle)
{
	for (unsigned i = 0; handle != 0 && i < PLAYED_SHARES; i++) {
		if (played.shares[i].handle == handle) {
			return &played.shares[i];
		}
	}
	return NULL;
}

static enum ffa_code played_code(enum ffa_code wanted)
{
	enum ffa_code code = wanted == FFA_OK && played.whim != NULL ? played.whim() : wanted;

	played.refused |= code != FFA_OK;
	return code;
}

static void played_zero(const struct played_share *s)
{
	for (uint32_t i = 0; i < s->range_count; i++) {
		memset(pa_ptr(pa(s->ranges[i].address)), 0, (size_t)s->ranges[i].page_count * PAGE_SIZE);
	}
}

/* All of it is the sender's RAM, and the sender gave it away or shares it already. */
static void played_check_pages(const struct played_share *s)
{
	uint64_t ram = world.region[s->guest].v;

	for (uint32_t i = 0; i < s->range_count; i++) {
		uint64_t base = s->ranges[i].address, size = (uint64_t)s->ranges[i].page_count * PAGE_SIZE;
		unsigned attrs;

		must(range_in(base, size, ram, REGION) && s->ranges[i].reserved == 0);
		must(stage2_uniform(&world.tables[s->guest], ipa(GUEST_BASE + base - ram), pa(base), size, &attrs));
		must((attrs & STAGE2_STATE_MASK) ==
		     (s->type == FFA_MEMORY_SHARE ? (unsigned)STAGE2_SHARED_OWNED : (unsigned)STAGE2_LENT));
	}
}

static void played_take(struct played_share *s, struct ffa_transaction *t, uint32_t ranges)
{
	must(t->ranges_below == s->ranges_in && ranges <= s->range_count);
	for (; t->ranges_below < ranges; t->ranges_below++) {
		s->ranges[s->ranges_in] = *ffa_transaction_range(t, t->ranges_below);
		s->pages_in += s->ranges[s->ranges_in++].page_count;
	}
	if (s->ranges_in == s->range_count) {
		must(s->pages_in == s->page_count);
		played_check_pages(s);
		s->complete = true;
		if ((s->flags & FFA_MEM_ZERO) != 0) {
			played_zero(s);
		}
	}
}

/* A first fragment has room for three ranges. */
static enum ffa_code played_send(struct ffa_transaction *t, uint32_t ranges)
{
	enum ffa_code code = played_code(played.codes.send);
	struct played_share *s = played.shares;
	uint64_t number = ++played.sends;

	if (code != FFA_OK) {
		return code;
	}
	while (s->handle != 0) {
		must(++s < &played.shares[PLAYED_SHARES]);
	}
	*s = (struct played_share){ .handle = played.handle_of != NULL ? played.handle_of(number)
								       : BELOW_HANDLE + number,
				    .guest = t->sender - 1u,
				    .type = t->type,
				    .flags = t->flags,
				    .range_count = t->range_count,
				    .page_count = t->page_count,
				    .count = t->borrower_count };
	must(s->guest < SPS && t->owner == &world.sp[s->guest] && s->range_count <= PLAYED_RANGES);
	for (unsigned i = 0; i < s->count; i++) {
		s->id[i] = t->borrowers[i].id;
		must(s->id[i] >= SP_ID && s->id[i] < SP_ID + PLAYED_SPS);
	}
	played.last = s;
	t->below_handle = s->handle;
	t->ranges_below = 0;
	played_take(s, t, MIN(ranges, 3U));
	return FFA_OK;
}

static enum ffa_code played_frag(struct ffa_transaction *t, uint32_t ranges)
{
	struct played_share *s = played_find(t->below_handle);
	enum ffa_code code = played_code(played.codes.frag);

	must(s != NULL && !s->complete);
	played.frags++;
	if (code == FFA_OK) {
		played_take(s, t, ranges);
	}
	return code;
}

static bool played_holds(const struct played_share *s)
{
	bool held = false;

	for (unsigned i = 0; i < s->count; i++) {
		held |= s->held[i];
	}
	return held;
}

static enum ffa_code played_reclaim(struct ffa_transaction *t, uint32_t flags)
{
	struct played_share *s = played_find(t->below_handle);
	enum ffa_code code = played_code(played.codes.reclaim);

	must(s != NULL);
	played.reclaims++;
	played.reclaim_flags = flags;
	if (code == FFA_OK && s->complete) {
		code = s->gone ? FFA_INVALID_PARAMETERS : played_holds(s) ? FFA_DENIED : FFA_OK;
	}
	played.refused |= code != FFA_OK;
	if (code == FFA_OK) {
		if (s->complete && (flags & FFA_MEM_ZERO) != 0) {
			played_zero(s);
		}
		s->handle = 0;
	}
	return code;
}

static enum ffa_code played_map(struct ffa_endpoint *guest, pa_t tx, pa_t rx, uint32_t pages)
{
	must(tx.v == world.region[guest->id - 1].v + TX_AT && rx.v == world.region[guest->id - 1].v + RX_AT);
	must(pages == 1);
	played.maps++;
	return played.codes.map;
}

static void played_unmap(struct ffa_endpoint *guest)
{
	(void)guest;
	played.unmaps++;
}

static enum ffa_code played_acquire(struct ffa_endpoint *guest)
{
	(void)guest;
	played.acquires += played.codes.acquire == FFA_OK;
	return played.codes.acquire;
}

static enum ffa_code played_release(struct ffa_endpoint *guest)
{
	(void)guest;
	played.releases++;
	return FFA_OK;
}

static enum ffa_code played_msg_send2(struct ffa_endpoint *guest, uint32_t flags)
{
	(void)guest;
	(void)flags;
	played.messages++;
	return FFA_OK;
}

static const struct ffa_below played_below = {
	.rxtx_map = played_map,
	.rxtx_unmap = played_unmap,
	.rx_acquire = played_acquire,
	.rx_release = played_release,
	.msg_send2 = played_msg_send2,
	.mem_send = played_send,
	.mem_frag = played_frag,
	.mem_reclaim = played_reclaim,
};

/* After world_start_guests(): there is an SPMC, with two partitions. */
static inline void played_start(void)
{
	memset(&played, 0, sizeof(played));
	for (unsigned i = 0; i < PLAYED_SPS; i++) {
		played.sps[i] = (struct ffa_endpoint){
			.id = (uint16_t)(SP_ID + i),
			.kind = FFA_KIND_SP_BELOW,
			.version = FFA_VERSION_1_2,
			.vcpu_count = 1,
			.properties = FFA_PROPERTY_DIRECT_RECV | FFA_PROPERTY_INDIRECT,
		};
		ffa_endpoint_add(&played.sps[i]);
	}
	ffa_below = &played_below;
}

/* How tests begin. */
static inline int start(void **state)
{
	(void)state;
	ffa_below = NULL;
	world_start_guests();
	return 0;
}

static inline int start_with_spmc(void **state)
{
	start(state);
	played_start();
	return 0;
}

#endif
