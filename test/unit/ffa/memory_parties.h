/* SPDX-License-Identifier: MIT */
/*
 * Who takes part: three SPs and the normal world with VMs; or, with world.guests, three guests of a hypervisor in the
 * SPs' places, each with addresses of its own. Used by unit tests and, with the fuzzer's bytes for chance, by fuzzers.
 */
#ifndef TEST_FFA_MEMORY_PARTIES_H
#define TEST_FFA_MEMORY_PARTIES_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "core/mm/pool.h"
#include "ffa/answer.h"
#include "ffa/endpoint.h"
#include "ffa/memory.h"
#include "ffa/port.h"
#include "ffa/space.h"
#include "ffa/transaction.h"

#define must(cond)                                                                         \
	do {                                                                               \
		if (!(cond)) {                                                             \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #cond); \
			abort();                                                           \
		}                                                                          \
	} while (0)

#define SPS 3u
#define NWD SPS /* the fourth party */
#define PARTIES 4u
#define REGION MIB(2)  /* each party's memory; one block at first */
#define TX_AT (MIB(1) + KIB(512)) /* in it */
#define RX_AT (TX_AT + KIB(64))
#define BUFFER KIB(4)
#define PAGES 14u /* of each party, that models and fuzzers know */
#define READ_ONLY_PAGE 12u
#define DEVICE_PAGE 13u /* of SPs; no byte of it is there for the SPMC to read or write */
#define RW (STAGE2_R | STAGE2_W)
#define RWX (RW | STAGE2_X)
#define MMFR0 5 /* 48 bits */
#define MMFR1 0x20

static struct {
	struct ffa_endpoint sp[SPS];
	struct ffa_space space[PARTIES];
	pa_t region[PARTIES];
	pa_t pool;
	uint64_t pool_size;
	bool guests;
	struct stage2 tables[SPS]; /* of guests */
	unsigned away[SPS], waits; /* what devices were told */
	void (*while_waiting)(void); /* called while they are waited for */
	uint64_t pages_held, pages_back; /* of guests that have ended: still out, and back since */
	uint16_t held_by; /* who was named as having the last of them */
} world;

#define GUEST_BASE GIB(1) /* IPA of each guest's memory */
#define GUEST_MEMORY 0x20000000u /* where the pool and, behind it, that is on the host: below FFA_BORROWED_BASE */
#define GUEST_POOL MIB(4)
#define PLOTS 6u /* memories that a guest may have */

void ffa_port_notified(struct ffa_endpoint *receiver, int vcpu, bool delayed)
{
	(void)receiver;
	(void)vcpu;
	(void)delayed;
}
const void *ffa_port_caller(void) { return NULL; }

bool ffa_port_take_wakeup(struct ffa_endpoint *sp, unsigned vcpu)
{
	(void)sp;
	(void)vcpu;
	return false;
}

static inline struct ffa_endpoint *party(unsigned who) { return who == NWD ? &ffa_nwd : &world.sp[who]; }
static inline uint16_t sp_id(unsigned who) { return (uint16_t)(world.guests ? 1 + who : FFA_ID_SP_FIRST + who); }
static inline uint8_t *tx_of(unsigned who) { return (uint8_t *)pa_ptr(world.region[who]) + TX_AT; }
static inline uint8_t *rx_of(unsigned who) { return (uint8_t *)pa_ptr(world.region[who]) + RX_AT; }
static inline uint64_t page_at(unsigned who, unsigned n)
{
	return (world.guests ? GUEST_BASE : world.region[who].v) + n * PAGE_SIZE;
}
/* Where a guest finds page n that it borrows from 'who'. */
static inline uint64_t borrowed_at(unsigned who, unsigned n)
{
	return FFA_BORROWED_BASE + world.region[who].v + n * PAGE_SIZE;
}

static inline pa_t plot_at(unsigned plot) { return pa(GUEST_MEMORY + GUEST_POOL + plot * REGION); }

static inline pa_t world_memory(uint64_t size)
{
	uint8_t *at = mmap(NULL, size + BLOCK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
			   -1, 0);

	must(at != MAP_FAILED);
	return pa(ALIGN_UP((uint64_t)(uintptr_t)at, BLOCK_SIZE));
}

static inline struct stage2 *table_of_party(unsigned who)
{
	return who == NWD ? &world.space[who].ns : &world.space[who].secure;
}

static inline void party_start(unsigned who, uint64_t region)
{
	struct stage2 *table = table_of_party(who);
	uint64_t base = world.region[who].v;

	must((who == NWD ? ffa_space_init_nwd(&world.space[who], 48, MMFR0)
			 : ffa_space_init(&world.space[who], 48, (uint16_t)(who + 1), MMFR0, MMFR1)) == OK);
	must(stage2_map(table, ipa(base), pa(base), region, RWX) == OK);
	if (who == NWD) {
		ffa_endpoints_init(&world.space[who]);
		return;
	}
	must(stage2_protect(table, ipa(page_at(who, READ_ONLY_PAGE)), PAGE_SIZE, STAGE2_R) == OK);
	must(stage2_protect(table, ipa(page_at(who, DEVICE_PAGE)), PAGE_SIZE, RW | STAGE2_DEVICE) == OK);
	must(mprotect(pa_ptr(pa(page_at(who, DEVICE_PAGE))), PAGE_SIZE, PROT_NONE) == 0);
}

static void guest_held(struct ffa_endpoint *guest, uint16_t by, pa_t base, uint64_t pages)
{
	must(ffa_endpoint_find(by) != NULL && by != guest->id);
	must(range_in(base.v, PAGE_SIZE, plot_at(0).v, PLOTS * REGION));
	must(pages <= PLOTS * REGION / PAGE_SIZE);
	world.pages_held += pages;
	world.held_by = by;
}

static void guest_pages_back(struct ffa_endpoint *guest, pa_t base, uint64_t pages)
{
	const uint64_t *word = pa_ptr(base);

	(void)guest;
	must(range_in(base.v, pages * PAGE_SIZE, plot_at(0).v, PLOTS * REGION));
	for (uint64_t i = 0; i < pages * PAGE_SIZE / sizeof(*word); i++) {
		must(word[i] == 0);
	}
	__atomic_fetch_add(&world.pages_back, pages, __ATOMIC_RELAXED);
}

static void guest_giving(struct ffa_endpoint *guest)
{
	__atomic_fetch_add(&world.away[guest->id - 1], 1, __ATOMIC_RELAXED);
}

static void guest_given(struct ffa_endpoint *guest)
{
	must(__atomic_load_n(&world.away[guest->id - 1], __ATOMIC_RELAXED) != 0);
	__atomic_fetch_add(&world.waits, 1, __ATOMIC_RELAXED);
	if (world.while_waiting != NULL) {
		world.while_waiting();
	}
}

static void guest_back(struct ffa_endpoint *guest)
{
	must(__atomic_fetch_sub(&world.away[guest->id - 1], 1, __ATOMIC_RELAXED) != 0);
}

static const struct ffa_guest_ops guest_ops = {
	.giving = guest_giving,
	.given = guest_given,
	.back = guest_back,
	.held = guest_held,
	.pages_back = guest_pages_back,
};

/* A guest's VM gets memory, which is all of world.region. */
static inline void guest_make_memory(unsigned who)
{
	struct stage2 *tables = &world.tables[who];

	must(stage2_init(tables, STAGE2_ENDPOINT, FFA_GUEST_IPA_BITS, (uint16_t)(who + 1), MMFR0, MMFR1) == OK);
	must(stage2_map(tables, ipa(GUEST_BASE), world.region[who], REGION, RWX) == OK);
	world.away[who] = 0;
	ffa_space_init_guest(&world.space[who], &guest_ops, tables, ipa(GUEST_BASE), world.region[who], REGION);
	ffa_mem_set_space(&world.sp[who], &world.space[who]);
}

static inline void guest_free_memory(unsigned who)
{
	ffa_mem_set_space(&world.sp[who], NULL);
	stage2_destroy(&world.tables[who]);
}

static inline int guest_map_buffers(unsigned who)
{
	return ffa_mailbox_set_fixed(&world.sp[who], pa(GUEST_BASE + TX_AT), pa(GUEST_BASE + RX_AT), BUFFER);
}

static inline void guest_start(unsigned who)
{
	guest_make_memory(who);
	must(guest_map_buffers(who) == FFA_OK);
}

/* What it has to do with others ends with its VM. True if they still have pages of it. */
static inline bool guest_leave(unsigned who)
{
	ffa_mailbox_drop(&world.sp[who]);
	return ffa_mem_drop(&world.sp[who]);
}

/* The SPMC is asked again for what ended guests have left with SPs: how many of those transactions remain. */
static inline unsigned ask_again(void)
{
	struct ffa_transaction place = { 0 };
	struct ffa_mem_walk walk = { .place = &place };

	while (ffa_mem_retry_some(&walk)) {
	}
	return walk.left;
}

static inline bool guest_end(unsigned who)
{
	bool out = guest_leave(who);

	guest_free_memory(who);
	return out;
}

/* A hypervisor with three guests. */
static inline void world_start_guests(void)
{
	uint8_t *at = (uint8_t *)(uintptr_t)GUEST_MEMORY;
	uint64_t size = GUEST_POOL + PLOTS * REGION;

	memset(&world, 0, sizeof(world));
	world.guests = true;
	(void)munmap(at, size);
	must(mmap(at, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == at);
	ffa_mem_reset();
	pool_reset();
	must(pool_add(pa(GUEST_MEMORY), GUEST_POOL) == OK);
	ffa_endpoints_init(NULL);
	for (unsigned who = 0; who < SPS; who++) {
		world.region[who] = plot_at(who);
		world.sp[who] = (struct ffa_endpoint){
			.id = sp_id(who), .vcpu_count = 1, .kind = FFA_KIND_GUEST, .version = FFA_VERSION_1_2
		};
		ffa_endpoint_add(&world.sp[who]);
		guest_start(who);
	}
}

static inline void party_join(unsigned who)
{
	if (who != NWD) {
		world.sp[who] = (struct ffa_endpoint){ .id = sp_id(who),
						       .vcpu_count = 1,
						       .kind = FFA_KIND_SP_EL1,
						       .version = FFA_VERSION_1_2,
						       .space = &world.space[who] };
		ffa_endpoint_add(&world.sp[who]);
	}
	must(ffa_mailbox_set_fixed(party(who), pa_from_ptr(tx_of(who)), pa_from_ptr(rx_of(who)), BUFFER) == FFA_OK);
}

/* Everything afresh, each party with 'region' bytes (multiples of 2 MiB; memory is kept from one start to the next). */
static inline void world_start_sized(uint64_t pool_size, uint64_t region)
{
	static uint64_t region_size;

	if (world.pool.v == 0) {
		world.pool = world_memory(MIB(16));
	}
	if (region > region_size) {
		for (unsigned who = 0; who < PARTIES; who++) {
			world.region[who] = world_memory(region);
		}
		region_size = region;
	}
	ffa_mem_reset();
	pool_reset();
	world.pool_size = pool_size;
	must(pool_add(world.pool, pool_size) == OK);
	party_start(NWD, region);
	for (unsigned who = 0; who < SPS; who++) {
		party_start(who, region);
	}
	party_join(NWD);
	for (unsigned who = 0; who < SPS; who++) {
		party_join(who);
	}
}

static inline void world_start(void) { world_start_sized(MIB(4), REGION); }

/* ---- memory runs out ---- */

static pa_t hoard[8192];
static unsigned hoarded;

/* Takes all that the pool has but 'leave' pages. */
static inline void hoard_all_but(unsigned leave)
{
	hoarded = 0;
	while (hoarded < ARRAY_SIZE(hoard) && pool_alloc_page(&hoard[hoarded]) == OK) {
		hoarded++;
	}
	must(hoarded < ARRAY_SIZE(hoard));
	while (leave > 0 && hoarded > 0) {
		pool_free(hoard[--hoarded], 1);
		leave--;
	}
}

static inline void give_up_hoard(void)
{
	while (hoarded > 0) {
		pool_free(hoard[--hoarded], 1);
	}
}

#endif
