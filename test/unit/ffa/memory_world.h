/* SPDX-License-Identifier: MIT */
/*
 * Three SPs and the normal world with VMs; or, with world.guests, three guests of a hypervisor in the SPs' places, each
 * with addresses of its own. Descriptors are built and read here byte by byte, so that the layout is written down
 * twice. Used by unit tests and, with the fuzzer's bytes for chance, by fuzz_ffa_memory.c.
 */
#ifndef TEST_FFA_MEMORY_WORLD_H
#define TEST_FFA_MEMORY_WORLD_H

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
#define TX_AT MIB(1)   /* in it */
#define RX_AT (MIB(1) + KIB(64))
#define BUFFER KIB(4)
#define PAGES 14u      /* of each party, that the model knows */
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
	uint64_t pages_held, pages_back; /* of guests that have ended: still out, and back since */
} world;

#define GUEST_BASE GIB(1) /* IPA of each guest's memory */
#define GUEST_MEMORY 0x20000000u /* where that is on the host: below FFA_BORROWED_BASE */

void ffa_port_notified(struct ffa_endpoint *receiver, int vcpu, bool delayed)
{
	(void)receiver;
	(void)vcpu;
	(void)delayed;
}
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
	(void)guest;
	(void)by;
	(void)base;
	world.pages_held += pages;
}

static void guest_pages_back(struct ffa_endpoint *guest, pa_t base, uint64_t pages)
{
	(void)guest;
	must(range_in(base.v, pages * PAGE_SIZE, world.region[0].v, SPS * REGION));
	world.pages_back += pages;
}

static void guest_giving(struct ffa_endpoint *guest) { world.away[guest->id - 1]++; }
static void guest_given(struct ffa_endpoint *guest)
{
	must(world.away[guest->id - 1] != 0);
	world.waits++;
}
static void guest_back(struct ffa_endpoint *guest)
{
	must(world.away[guest->id - 1] != 0);
	world.away[guest->id - 1]--;
}

static const struct ffa_guest_ops guest_ops = {
	.giving = guest_giving,
	.given = guest_given,
	.back = guest_back,
	.held = guest_held,
	.pages_back = guest_pages_back,
};

/* A guest's VM gets memory, and takes part. */
static inline void guest_start(unsigned who)
{
	struct ffa_endpoint *guest = &world.sp[who];

	must(stage2_init(&world.tables[who], STAGE2_ENDPOINT, FFA_GUEST_IPA_BITS, (uint16_t)(who + 1), MMFR0, MMFR1) ==
	     OK);
	must(stage2_map(&world.tables[who], ipa(GUEST_BASE), world.region[who], REGION, RWX) == OK);
	ffa_space_init_guest(&world.space[who], &guest_ops, &world.tables[who], ipa(GUEST_BASE), world.region[who]);
	ffa_mem_set_space(guest, &world.space[who]);
	must(ffa_mailbox_set_fixed(guest, pa(GUEST_BASE + TX_AT), pa(GUEST_BASE + RX_AT), BUFFER) == FFA_OK);
}

/* Its VM ends. True if others still have pages of it. */
static inline bool guest_end(unsigned who)
{
	bool out;

	ffa_mailbox_drop(&world.sp[who]);
	out = ffa_mem_drop(&world.sp[who]);
	ffa_mem_set_space(&world.sp[who], NULL);
	stage2_destroy(&world.tables[who]);
	return out;
}

/* A hypervisor with three guests. */
static inline void world_start_guests(void)
{
	uint8_t *at = (uint8_t *)(uintptr_t)GUEST_MEMORY;

	memset(&world, 0, sizeof(world));
	world.guests = true;
	(void)munmap(at, MIB(4) + SPS * REGION);
	must(mmap(at, MIB(4) + SPS * REGION, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
		  -1, 0) == at);
	ffa_mem_reset();
	pool_reset();
	must(pool_add(pa(GUEST_MEMORY), MIB(4)) == OK);
	ffa_endpoints_init(NULL);
	for (unsigned who = 0; who < SPS; who++) {
		world.region[who] = pa(GUEST_MEMORY + MIB(4) + who * REGION);
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

/* ---- calls ---- */

static uint64_t x[FFA_REGS]; /* of the last call */

static inline int call(void (*f)(struct ffa_endpoint *, uint64_t *), unsigned who, uint64_t x0, uint64_t x1,
		       uint64_t x2, uint64_t x3, uint64_t x4)
{
	memset(x, 0, sizeof(x));
	x[0] = x0;
	x[1] = x1;
	x[2] = x2;
	x[3] = x3;
	x[4] = x4;
	f(party(who), x);
	return x[0] == FFA_ERROR ? (int)(int32_t)(uint32_t)x[2] : 0;
}

static inline int release_rx(unsigned who) { return call(ffa_rx_release, who, FFA_RX_RELEASE, 0, 0, 0, 0); }

/* ---- descriptors, byte by byte ---- */

static inline void put(uint8_t *at, uint64_t value, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++) {
		at[i] = (uint8_t)(value >> 8 * i);
	}
}

static inline uint64_t get(const uint8_t *at, unsigned bytes)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < bytes; i++) {
		value |= (uint64_t)at[i] << 8 * i;
	}
	return value;
}

struct range {
	uint64_t address;
	uint32_t pages;
};

#define LIST_MAX 8
struct descriptor {
	uint32_t version;
	uint16_t sender;
	uint16_t attributes;
	uint32_t flags;
	uint64_t handle, tag;
	unsigned access_size; /* 0: the version's own */
	unsigned count;
	uint16_t id[LIST_MAX];
	uint8_t permissions[LIST_MAX];
	uint64_t implementation[LIST_MAX];
	uint32_t total_pages;
	unsigned range_count;
	const struct range *ranges; /* NULL: no composite */
};

static inline unsigned header_bytes(uint32_t version) { return version == FFA_VERSION_1_0 ? 32 : 48; }
static inline unsigned access_bytes(uint32_t version) { return version >= FFA_VERSION_1_2 ? 32 : 16; }

/* Bytes written. */
static inline uint32_t build(uint8_t *to, const struct descriptor *d)
{
	unsigned header = header_bytes(d->version);
	unsigned size = d->access_size != 0 ? d->access_size : access_bytes(d->version);
	unsigned composite = header + d->count * size;

	memset(to, 0, composite + 16);
	put(to, d->sender, 2);
	put(to + 2, d->attributes, d->version == FFA_VERSION_1_0 ? 1 : 2);
	put(to + 4, d->flags, 4);
	put(to + 8, d->handle, 8);
	put(to + 16, d->tag, 8);
	put(to + 28, d->count, 4);
	if (d->version != FFA_VERSION_1_0 && d->count != 0) {
		put(to + 24, size, 4);
		put(to + 32, header, 4);
	}
	for (unsigned i = 0; i < d->count; i++) {
		uint8_t *access = to + header + i * size;

		put(access, d->id[i], 2);
		put(access + 2, d->permissions[i], 1);
		put(access + 4, d->ranges != NULL ? composite : 0, 4);
		if (size == 32) {
			put(access + 8, d->implementation[i], 8);
		}
	}
	if (d->ranges == NULL) {
		return composite;
	}
	put(to + composite, d->total_pages, 4);
	put(to + composite + 4, d->range_count, 4);
	for (unsigned i = 0; i < d->range_count; i++) {
		uint8_t *range = to + composite + 16 + i * 16;

		put(range, d->ranges[i].address, 8);
		put(range + 8, d->ranges[i].pages, 4);
		put(range + 12, 0, 4);
	}
	return composite + 16 + d->range_count * 16;
}

#define SEND_BYTES_MAX (KIB(64) + 4096)
static uint8_t send_bytes[SEND_BYTES_MAX];

/*
 * Sends the descriptor, 'first' bytes and then 'next' bytes at a time (multiples of 16 behind the composite's header;
 * 0: as much as fits). 'stop': leaves before the last fragment. The code, and *handle of a success or a fragment's
 * answer.
 */
static inline int send(unsigned who, uint32_t id, const struct descriptor *d, uint32_t first, uint32_t next, bool stop,
		       uint64_t *handle)
{
	uint32_t total = build(send_bytes, d), at = MIN(total, first != 0 ? first : (uint32_t)BUFFER);
	uint64_t endpoint = who == NWD ? (uint64_t)d->sender << 16 : 0;
	int code;

	memcpy(tx_of(who), send_bytes, at);
	code = call(ffa_mem_send, who, id, total, at, 0, 0);
	while (code == 0 && at < total) {
		uint32_t length = MIN(total - at, next != 0 ? next : (uint32_t)BUFFER);

		must(x[0] == FFA_MEM_FRAG_RX && x[3] == at && x[4] == endpoint);
		*handle = x[1] | x[2] << 32;
		if (stop) {
			return 0;
		}
		memcpy(tx_of(who), send_bytes + at, length);
		at += length;
		code = call(ffa_mem_frag_tx, who, FFA_MEM_FRAG_TX, *handle & UINT32_MAX, *handle >> 32, length,
			    endpoint);
	}
	if (code == 0) {
		must(x[0] == FFA_SUCCESS && x[1] == 0);
		*handle = x[2] | x[3] << 32;
		must(((*handle & FFA_HANDLE_HYPERVISOR) != 0) == (world.guests && (d->id[0] & FFA_ID_SECURE) == 0));
	}
	return code;
}

/* What a retrieve request was answered with. */
struct response {
	struct descriptor d; /* 'ranges' is NULL */
	uint32_t total;
	struct range ranges[4096];
};
static struct response response;

/* All fragments are fetched, and the RX buffer released after each. */
static inline int retrieve(unsigned who, const struct descriptor *d)
{
	static uint8_t bytes[SEND_BYTES_MAX];
	uint32_t version = party(who)->version;
	uint32_t length = build(tx_of(who), d), got, header = header_bytes(version), size = access_bytes(version);
	uint32_t composite;
	int code = call(ffa_mem_retrieve, who, FFA_MEM_RETRIEVE_REQ, length, length, 0, 0);
	uint64_t endpoint;

	if (code != 0) {
		return code;
	}
	must(x[0] == FFA_MEM_RETRIEVE_RESP && x[2] <= BUFFER && x[1] >= x[2] && x[1] <= sizeof(bytes));
	response.total = (uint32_t)x[1];
	got = (uint32_t)x[2];
	memcpy(bytes, rx_of(who), got);
	endpoint = who == NWD ? get(bytes, 2) << 16 : 0;
	must(release_rx(who) == 0);
	while (got < response.total) {
		must(call(ffa_mem_frag_rx, who, FFA_MEM_FRAG_RX, (uint32_t)d->handle, d->handle >> 32, got, endpoint) ==
		     0);
		must(x[0] == FFA_MEM_FRAG_TX && (x[1] | x[2] << 32) == d->handle && x[4] == endpoint);
		must(x[3] > 0 && x[3] <= BUFFER && got + x[3] <= response.total);
		memcpy(bytes + got, rx_of(who), x[3]);
		got += (uint32_t)x[3];
		must(release_rx(who) == 0);
	}
	response.d = (struct descriptor){ .version = version,
					  .sender = (uint16_t)get(bytes, 2),
					  .attributes = (uint16_t)get(bytes + 2, version == FFA_VERSION_1_0 ? 1 : 2),
					  .flags = (uint32_t)get(bytes + 4, 4),
					  .handle = get(bytes + 8, 8),
					  .tag = get(bytes + 16, 8),
					  .count = (unsigned)get(bytes + 28, 4) };
	must(version == FFA_VERSION_1_0 || (get(bytes + 24, 4) == size && get(bytes + 32, 4) == 48));
	must(response.d.count <= LIST_MAX);
	composite = header + response.d.count * size;
	for (unsigned i = 0; i < response.d.count; i++) {
		const uint8_t *access = bytes + header + i * size;

		response.d.id[i] = (uint16_t)get(access, 2);
		response.d.permissions[i] = (uint8_t)get(access + 2, 1);
		response.d.implementation[i] = size == 32 ? get(access + 8, 8) : 0;
		must(get(access + 4, 4) == composite);
	}
	response.d.total_pages = (uint32_t)get(bytes + composite, 4);
	response.d.range_count = (unsigned)get(bytes + composite + 4, 4);
	must(response.total == composite + 16 + response.d.range_count * 16 && response.d.range_count <= 4096);
	for (unsigned i = 0; i < response.d.range_count; i++) {
		response.ranges[i].address = get(bytes + composite + 16 + i * 16, 8);
		response.ranges[i].pages = (uint32_t)get(bytes + composite + 16 + i * 16 + 8, 4);
		must(get(bytes + composite + 16 + i * 16 + 12, 4) == 0);
	}
	return 0;
}

static inline int relinquish(unsigned who, uint16_t id, uint64_t handle, uint32_t flags)
{
	uint8_t *tx = tx_of(who);

	put(tx, handle, 8);
	put(tx + 8, flags, 4);
	put(tx + 12, 1, 4);
	put(tx + 16, id, 2);
	return call(ffa_mem_relinquish, who, FFA_MEM_RELINQUISH, 0, 0, 0, 0);
}

static inline int reclaim(unsigned who, uint64_t handle, uint32_t flags)
{
	return call(ffa_mem_reclaim, who, FFA_MEM_RECLAIM, (uint32_t)handle, handle >> 32, flags, 0);
}

/* The hypervisor's request: nothing but the handle. */
static inline int inspect(uint64_t handle)
{
	struct descriptor d = { .version = ffa_nwd.version, .handle = handle };

	return retrieve(NWD, &d);
}

/* ---- descriptors that are as they should be ---- */

#define ATTRIBUTES_SHARED 0x2f /* Normal, write-back, inner shareable */

static inline uint32_t call_of(enum ffa_memory_type type)
{
	return type == FFA_MEMORY_DONATE ? FFA_MEM_DONATE_64
	       : type == FFA_MEMORY_LEND ? FFA_MEM_LEND
					 : FFA_MEM_SHARE_64;
}

static inline struct descriptor descriptor_of(unsigned who, enum ffa_memory_type type, unsigned count,
					      const unsigned *to, const struct range *ranges, unsigned range_count)
{
	struct descriptor d = { .version = party(who)->version,
				.sender = who == NWD ? 0 : sp_id(who),
				.attributes = type == FFA_MEMORY_SHARE || count > 1 ? ATTRIBUTES_SHARED : 0,
				.count = count,
				.ranges = ranges,
				.range_count = range_count };

	for (unsigned i = 0; i < count; i++) {
		d.id[i] = sp_id(to[i]);
		d.permissions[i] = type == FFA_MEMORY_DONATE ? FFA_DATA_UNSPECIFIED : FFA_DATA_RW;
	}
	for (unsigned i = 0; i < range_count; i++) {
		d.total_pages += ranges[i].pages;
	}
	return d;
}

/* The request of party 'to' for what 'sent' describes, in its own version. */
static inline struct descriptor request_of(unsigned to, enum ffa_memory_type type, const struct descriptor *sent,
					   uint64_t handle)
{
	struct descriptor d = *sent;
	bool exclusive = type == FFA_MEMORY_DONATE || (type == FFA_MEMORY_LEND && sent->count == 1);

	d.version = party(to)->version;
	d.attributes = 0;
	d.flags = (uint32_t)type << 3;
	d.handle = handle;
	d.access_size = 0;
	d.ranges = NULL;
	for (unsigned i = 0; i < d.count; i++) {
		d.permissions[i] = (uint8_t)((type == FFA_MEMORY_DONATE ? FFA_DATA_RW : sent->permissions[i]) |
					     (exclusive ? FFA_EXEC_XN << 2 : 0));
	}
	return d;
}

#endif
