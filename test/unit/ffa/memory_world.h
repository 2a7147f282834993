/* SPDX-License-Identifier: MIT */
/*
 * The parties' calls about memory. Descriptors are built and read here byte by byte, so that the layout is written down
 * twice.
 */
#ifndef TEST_FFA_MEMORY_WORLD_H
#define TEST_FFA_MEMORY_WORLD_H

#include "memory_parties.h"

/* ---- calls ---- */

static _Thread_local uint64_t x[FFA_REGS]; /* of the last call */

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
static _Thread_local uint8_t send_bytes[SEND_BYTES_MAX];

/* w4 of fragments. */
static inline uint64_t fragment_endpoint(unsigned who, uint16_t sender)
{
	return who == NWD ? (uint64_t)sender << 16 : 0;
}

/* A send of which 'at' bytes are out. */
struct sending {
	unsigned who;
	const struct descriptor *d;
	uint32_t total, at;
	uint64_t handle; /* once there is one */
};

/* Takes what a call that was done answers. */
static inline void take_send_answer(struct sending *s)
{
	if (s->at < s->total) {
		must(x[0] == FFA_MEM_FRAG_RX && x[3] == s->at && x[4] == fragment_endpoint(s->who, s->d->sender));
		must(s->handle == 0 || s->handle == (x[1] | x[2] << 32));
		s->handle = x[1] | x[2] << 32;
		return;
	}
	must(x[0] == FFA_SUCCESS && x[1] == 0);
	must(s->handle == 0 || s->handle == (x[2] | x[3] << 32));
	s->handle = x[2] | x[3] << 32;
	must(((s->handle & FFA_HANDLE_HYPERVISOR) != 0) == (world.guests && (s->d->id[0] & FFA_ID_SECURE) == 0));
}

/* The first 'first' bytes (0: as much as fits). */
static inline int send_first(struct sending *s, uint32_t id, uint32_t first)
{
	int code;

	s->total = build(send_bytes, s->d);
	s->at = MIN(s->total, first != 0 ? first : (uint32_t)BUFFER);
	memcpy(tx_of(s->who), send_bytes, s->at);
	code = call(ffa_mem_send, s->who, id, s->total, s->at, 0, 0);
	if (code == 0) {
		take_send_answer(s);
	}
	return code;
}

static inline int send_next(struct sending *s, uint32_t next)
{
	uint32_t length = MIN(s->total - s->at, next != 0 ? next : (uint32_t)BUFFER);
	int code;

	must(build(send_bytes, s->d) == s->total);
	memcpy(tx_of(s->who), send_bytes + s->at, length);
	s->at += length;
	code = call(ffa_mem_frag_tx, s->who, FFA_MEM_FRAG_TX, (uint32_t)s->handle, s->handle >> 32, length,
		    fragment_endpoint(s->who, s->d->sender));
	if (code == 0) {
		take_send_answer(s);
	}
	return code;
}

/*
 * Sends the descriptor, 'first' bytes and then 'next' bytes at a time (multiples of 16 behind the composite's header;
 * 0: as much as fits). 'stop': leaves before the last fragment. The code, and *handle of a success or a fragment's
 * answer.
 */
static inline int send(unsigned who, uint32_t id, const struct descriptor *d, uint32_t first, uint32_t next, bool stop,
		       uint64_t *handle)
{
	struct sending s = { .who = who, .d = d };
	int code = send_first(&s, id, first);

	while (code == 0 && s.at < s.total && !stop) {
		code = send_next(&s, next);
	}
	*handle = s.handle;
	return code;
}

/* What a retrieve request was answered with. */
struct response {
	struct descriptor d; /* 'ranges' is NULL */
	uint32_t total;
	struct range ranges[4096];
};
static _Thread_local struct response response;

/* A response of which 'got' bytes were fetched. */
struct fetching {
	unsigned who;
	uint64_t handle, endpoint;
	uint32_t total, got, last; /* 'last': bytes of the last fragment, which RX has still */
};
static _Thread_local uint8_t response_bytes[SEND_BYTES_MAX];

/* The RX buffer is released after each fragment. */
static inline void take_fragment(struct fetching *f, uint64_t length)
{
	must(length > 0 && length <= BUFFER && f->got + length <= f->total && f->total <= sizeof(response_bytes));
	memcpy(response_bytes + f->got, rx_of(f->who), length);
	f->last = (uint32_t)length;
	f->got += f->last;
	must(release_rx(f->who) == 0);
}

static inline int retrieve_first(struct fetching *f, const struct descriptor *d)
{
	uint32_t length = build(tx_of(f->who), d);
	int code = call(ffa_mem_retrieve, f->who, FFA_MEM_RETRIEVE_REQ, length, length, 0, 0);

	if (code == 0) {
		must(x[0] == FFA_MEM_RETRIEVE_RESP && x[1] >= x[2]);
		f->handle = d->handle;
		f->total = (uint32_t)x[1];
		f->endpoint = fragment_endpoint(f->who, (uint16_t)get(rx_of(f->who), 2));
		take_fragment(f, x[2]);
	}
	return code;
}

static inline int fetch_next(struct fetching *f)
{
	int code = call(ffa_mem_frag_rx, f->who, FFA_MEM_FRAG_RX, (uint32_t)f->handle, f->handle >> 32, f->got,
			f->endpoint);

	if (code == 0) {
		must(x[0] == FFA_MEM_FRAG_TX && (x[1] | x[2] << 32) == f->handle && x[4] == f->endpoint);
		take_fragment(f, x[3]);
	}
	return code;
}

/* What was fetched, as a reader of that version understands it. */
static inline void parse_response(uint32_t version, uint32_t total)
{
	const uint8_t *bytes = response_bytes;
	uint32_t header = header_bytes(version), size = access_bytes(version), composite;

	response.total = total;
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
}

/* All fragments are fetched. */
static inline int retrieve(unsigned who, const struct descriptor *d)
{
	struct fetching f = { .who = who };
	int code = retrieve_first(&f, d);

	if (code != 0) {
		return code;
	}
	while (f.got < f.total) {
		must(fetch_next(&f) == 0);
	}
	parse_response(party(who)->version, f.total);
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
