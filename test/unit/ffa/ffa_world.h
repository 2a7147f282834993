/* SPDX-License-Identifier: MIT */
/*
 * A normal world and three SPs with memory of their own, for tests and fuzzers of src/ffa: SP 0 is an MP partition at
 * S-EL1, SP 1 an UP one, SP 2 is at S-EL0. Addresses are those of an arena of the host.
 */
#ifndef TEST_FFA_WORLD_H
#define TEST_FFA_WORLD_H

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "core/mm/pool.h"
#include "ffa/answer.h"
#include "ffa/console_log.h"
#include "ffa/discovery.h"
#include "ffa/endpoint.h"
#include "ffa/perm.h"
#include "ffa/port.h"
#include "lib/panic.h"

#define WORLD_POOL MIB(4)
#define WORLD_PAGES 64 /* of the normal world, and of each SP */
#define WORLD_SPS 3
#define WORLD_VCPUS 4
#define WORLD_MMFR0 5 /* 48 bits */
#define WORLD_MMFR1 0x20

#define RW (STAGE2_R | STAGE2_W)
#define RWX (RW | STAGE2_X)

static const struct ffa_uuid world_uuids[] = {
	{ { 1, 2, 3, 4 } },
	{ { 5, 6, 7, 8 } },
	{ { 9, 10, 11, 12 } },
	{ { 0xffffffff, 0, 0x80000000, 1 } },
};

static struct {
	struct ffa_endpoint sps[WORLD_SPS];
	struct ffa_space sp_spaces[WORLD_SPS], nwd_space;
	uint8_t *pool, *memory;
	uint64_t free_pages; /* once all is set up */
	unsigned sri_count, sri_delayed_count;
	const void *caller; /* a vCPU */
	uint64_t wakeups[WORLD_SPS]; /* what ffa_port_take_wakeup() has to tell */
} world;

void ffa_port_notified(struct ffa_endpoint *receiver, int vcpu, bool delayed)
{
	(void)receiver;
	(void)vcpu;
	world.sri_count += !delayed;
	world.sri_delayed_count += delayed;
}

const void *ffa_port_caller(void) { return world.caller; }

bool ffa_port_take_wakeup(struct ffa_endpoint *sp, unsigned vcpu)
{
	uint64_t *mask = &world.wakeups[sp->id - FFA_ID_SP_FIRST];
	bool set = (*mask & BIT(vcpu)) != 0;

	*mask &= ~BIT(vcpu);
	return set;
}

static inline uint8_t *world_arena(uint64_t size)
{
	uint8_t *at = mmap(NULL, size + BLOCK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
			   -1, 0);

	CHECK(at != MAP_FAILED);
	return (uint8_t *)(uintptr_t)ALIGN_UP((uint64_t)(uintptr_t)at, BLOCK_SIZE);
}

/* Page number 'page' of SP 'sp', or of the normal world if that is WORLD_SPS. */
static inline uint64_t world_page(unsigned sp, unsigned page)
{
	return (uint64_t)(uintptr_t)world.memory + ((uint64_t)sp * WORLD_PAGES + page) * PAGE_SIZE;
}

static inline uint64_t nwd_page(unsigned page) { return world_page(WORLD_SPS, page); }

static inline uint64_t world_free_pages(void)
{
	struct pool_stats stats;

	pool_stats(&stats);
	return stats.free_pages;
}

static inline void world_sp(unsigned i)
{
	struct ffa_endpoint *sp = &world.sps[i];
	struct ffa_space *space = &world.sp_spaces[i];

	CHECK(ffa_space_init(space, 48, (uint16_t)(i + 1), WORLD_MMFR0, WORLD_MMFR1) == OK);
	CHECK(stage2_map(&space->secure, ipa(world_page(i, 0)), pa(world_page(i, 0)), WORLD_PAGES * PAGE_SIZE,
			 i == 2 ? STAGE2_R | STAGE2_X : RWX) == OK);
	*sp = (struct ffa_endpoint){
		.id = (uint16_t)(FFA_ID_SP_FIRST + i),
		.vcpu_count = i == 0 ? WORLD_VCPUS : 1,
		.kind = i == 2 ? FFA_KIND_SP_EL0 : FFA_KIND_SP_EL1,
		.version = FFA_VERSION_1_2,
		.properties = FFA_PROPERTY_DIRECT_RECV | FFA_PROPERTY_DIRECT_SEND | FFA_PROPERTY_INDIRECT |
			      FFA_PROPERTY_NOTIFICATIONS,
		.uuid_count = i == 0 ? 2 : 1,
		.uuids = { world_uuids[i == 0 ? 0 : i + 1], world_uuids[1] },
		.name = i == 0 ? "first" : NULL,
		.space = space,
	};
	ffa_endpoint_add(sp);
	CHECK(ffa_notifications_enable(sp, sp->vcpu_count) == FFA_OK);
}

static inline void world_start(void)
{
	uint64_t size = (WORLD_SPS + 1) * WORLD_PAGES * PAGE_SIZE;
	uint8_t *pool = world.pool, *memory = world.memory;
	void *object;

	memset(&world, 0, sizeof(world));
	world.pool = pool != NULL ? pool : world_arena(WORLD_POOL);
	world.memory = memory != NULL ? memory : world_arena(size);
	pool_reset();
	CHECK(pool_add(pa_from_ptr(world.pool), WORLD_POOL) == OK);
	CHECK(ffa_space_init_nwd(&world.nwd_space, 48, WORLD_MMFR0) == OK);
	CHECK(stage2_map(&world.nwd_space.ns, ipa(nwd_page(0)), pa(nwd_page(0)), WORLD_PAGES * PAGE_SIZE, RWX) == OK);
	ffa_endpoints_init(&world.nwd_space);
	for (unsigned i = 0; i < WORLD_SPS; i++) {
		world_sp(i);
	}
	/* Slabs that a test needs are there already, so that what it leaves behind can be counted in pages. */
	object = pool_alloc_object(sizeof(struct ffa_endpoint));
	pool_free_object(object, sizeof(struct ffa_endpoint));
	world.free_pages = world_free_pages();
}

/* No memory is free, and some is in tables that nobody needs. */
static inline void world_run_short(void)
{
	struct stage2 *table = &world.sp_spaces[1].secure;
	pa_t page;

	for (unsigned i = 1; i <= 8; i++) {
		CHECK(stage2_map(table, ipa(GIB(i)), pa(GIB(i)), PAGE_SIZE, RW) == OK);
	}
	CHECK(stage2_unmap(table, ipa(GIB(1)), GIB(8)) == OK);
	while (pool_alloc_page(&page) == OK) {
	}
	CHECK(table->table.pages > 8);
}

/* A call with up to seven arguments; x keeps the answer. */
static uint64_t x[FFA_REGS];
#define CALL(function, caller, id, ...)                                                              \
	do {                                                                                         \
		uint64_t args[] = { (id), ##__VA_ARGS__ };                                           \
		for (unsigned r = 0; r < FFA_REGS; r++) {                                            \
			x[r] = r < ARRAY_SIZE(args) ? args[r] : r < 8 ? 0 : UINT64_C(0x5151000) + r; \
		}                                                                                    \
		function(caller, x);                                                                 \
	} while (0)

/* FFA_OK for a success, else the code; what no call may answer is a panic. */
static inline enum ffa_code answer(void)
{
	if (x[0] == FFA_SUCCESS || x[0] == FFA_SUCCESS_64) {
		CHECK(x[1] == 0);
		return FFA_OK;
	}
	CHECK(x[0] == FFA_ERROR && x[1] == 0 && x[3] == 0 && x[4] == 0 && x[5] == 0 && x[6] == 0 && x[7] == 0);
	CHECK(hi32(x[2]) == 0 && (int32_t)x[2] >= FFA_NO_DATA && (int32_t)x[2] < 0);
	return (enum ffa_code)(int32_t)x[2];
}

static inline enum ffa_code world_map(struct ffa_endpoint *e, uint64_t tx, uint64_t rx, uint64_t pages)
{
	CALL(ffa_rxtx_map, e, FFA_RXTX_MAP_64, tx, rx, pages);
	return answer();
}

/* Attributes of a page in the table of its owner. */
static inline unsigned world_attrs(struct ffa_endpoint *e, uint64_t page)
{
	unsigned attrs = 0;
	uint64_t run;
	pa_t to;

	CHECK(stage2_lookup(ffa_space_table(e->space, page), ipa(page), &to, &attrs, &run));
	return attrs;
}

#endif
