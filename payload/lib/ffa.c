/* SPDX-License-Identifier: MIT */
#include "payload/lib/ffa.h"

struct ffa_regs ffa_call_with(struct ffa_regs regs)
{
	ffa_call(&regs);
	return regs;
}

static uint32_t access_size(uint32_t version)
{
	return version >= FFA_VERSION_1_2 ? FFA_MEMORY_ACCESS_1_2 : FFA_MEMORY_ACCESS_1_1;
}

static uint32_t header_size(uint32_t version)
{
	return version >= FFA_VERSION_1_1 ? sizeof(struct ffa_memory_region) : sizeof(struct ffa_memory_region_1_0);
}

/* Where the composite is, or the end of a descriptor without one. */
static uint32_t composite_offset(const struct ffa_transaction *t)
{
	return header_size(t->version) + t->borrower_count * access_size(t->version);
}

static void write_header(void *buffer, const struct ffa_transaction *t)
{
	if (t->version >= FFA_VERSION_1_1) {
		*(struct ffa_memory_region *)buffer = (struct ffa_memory_region){
			.sender = t->sender,
			.attributes = t->attributes,
			.flags = t->flags,
			.handle = t->handle,
			.tag = t->tag,
			.access_size = access_size(t->version),
			.access_count = t->borrower_count,
			.access_offset = sizeof(struct ffa_memory_region),
		};
	} else {
		*(struct ffa_memory_region_1_0 *)buffer = (struct ffa_memory_region_1_0){
			.sender = t->sender,
			.attributes = (uint8_t)t->attributes,
			.flags = t->flags,
			.handle = t->handle,
			.tag = t->tag,
			.access_count = t->borrower_count,
		};
	}
}

static void write_access(void *at, uint32_t version, const struct ffa_borrower *borrower, uint32_t composite)
{
	struct ffa_memory_access_1_2 access = {
		.endpoint = borrower->id,
		.permissions = borrower->permissions,
		.composite_offset = composite,
	};

	/* The older form is the newer one without what comes behind: a reserved word there, zero here. */
	if (version >= FFA_VERSION_1_2) {
		*(struct ffa_memory_access_1_2 *)at = access;
	} else {
		*(struct ffa_memory_access *)at = (struct ffa_memory_access){
			.endpoint = access.endpoint,
			.permissions = access.permissions,
			.composite_offset = access.composite_offset,
		};
	}
}

uint32_t ffa_describe_size(const struct ffa_transaction *t)
{
	if (t->ranges == NULL) {
		return composite_offset(t);
	}
	return composite_offset(t) + (uint32_t)sizeof(struct ffa_composite) +
	       t->range_count * (uint32_t)sizeof(struct ffa_constituent);
}

uint32_t ffa_describe(void *buffer, const struct ffa_transaction *t, uint32_t ranges)
{
	uint8_t *bytes = buffer;
	uint32_t composite = composite_offset(t);
	struct ffa_composite *head = (struct ffa_composite *)(bytes + composite);
	struct ffa_constituent *list = (struct ffa_constituent *)(head + 1);

	write_header(buffer, t);
	for (uint32_t i = 0; i < t->borrower_count; i++) {
		write_access(bytes + header_size(t->version) + i * access_size(t->version), t->version,
			     &t->borrowers[i], t->ranges == NULL ? 0 : composite);
	}
	if (t->ranges == NULL) {
		return composite;
	}
	*head = (struct ffa_composite){ .range_count = t->range_count };
	for (uint32_t i = 0; i < t->range_count; i++) {
		head->page_count += t->ranges[i].page_count;
	}
	for (uint32_t i = 0; i < ranges; i++) {
		list[i] = t->ranges[i];
	}
	return (uint32_t)((uint8_t *)&list[ranges] - bytes);
}

int32_t ffa_mem_send(uint32_t id, const struct ffa_transaction *t, void *tx, uint32_t size, uint64_t *handle)
{
	uint32_t total = ffa_describe_size(t);
	uint32_t head = composite_offset(t) + (uint32_t)sizeof(struct ffa_composite);
	uint32_t each = (uint32_t)sizeof(struct ffa_constituent);
	uint32_t sent = MIN(t->range_count, (size - head) / each);
	struct ffa_regs r = FFA(id, total, ffa_describe(tx, t, sent));

	while (sent < t->range_count && ffa_is(&r, FFA_MEM_FRAG_RX)) {
		uint32_t count = MIN(t->range_count - sent, size / each);
		struct ffa_constituent *list = tx;

		if (r.x[3] != head + sent * each) {
			return FFA_ABORTED;
		}
		for (uint32_t i = 0; i < count; i++) {
			list[i] = t->ranges[sent + i];
		}
		sent += count;
		r = FFA(FFA_MEM_FRAG_TX, r.x[1], r.x[2], count * each, (uint64_t)r.x[4]);
	}
	if (!ffa_is(&r, FFA_SUCCESS)) {
		return ffa_code(&r) != FFA_OK ? ffa_code(&r) : FFA_ABORTED;
	}
	*handle = ffa_u64(r.x[2], r.x[3]);
	return FFA_OK;
}

/* The parts of a header that both layouts have, and where the borrowers are. */
static uint32_t read_header(const void *rx, uint32_t version, struct ffa_retrieved *out)
{
	const struct ffa_memory_region *now = rx;
	const struct ffa_memory_region_1_0 *old = rx;

	if (version < FFA_VERSION_1_1) {
		*out = (struct ffa_retrieved){
			.sender = old->sender,
			.attributes = old->attributes,
			.flags = old->flags,
			.handle = old->handle,
			.tag = old->tag,
			.borrower_count = old->access_count,
		};
		return sizeof(*old);
	}
	*out = (struct ffa_retrieved){
		.sender = now->sender,
		.attributes = now->attributes,
		.flags = now->flags,
		.handle = now->handle,
		.tag = now->tag,
		.borrower_count = now->access_count,
	};
	return now->access_offset;
}

bool ffa_read_response(const void *rx, uint32_t version, uint32_t size, struct ffa_retrieved *out)
{
	const uint8_t *bytes = rx;
	uint32_t offset = read_header(rx, version, out);
	const struct ffa_memory_access *access = (const struct ffa_memory_access *)(bytes + offset);
	const struct ffa_composite *composite;

	if (out->borrower_count == 0 || offset + sizeof(*access) > size ||
	    access->composite_offset + sizeof(*composite) > size || access->composite_offset % 8 != 0) {
		return false;
	}
	out->borrower = (struct ffa_borrower){ access->endpoint, access->permissions };
	composite = (const struct ffa_composite *)(bytes + access->composite_offset);
	out->page_count = composite->page_count;
	out->range_count = composite->range_count;
	out->ranges = (const struct ffa_constituent *)(composite + 1);
	out->in_rx = MIN(out->range_count, (uint32_t)((size - access->composite_offset - sizeof(*composite)) /
						      sizeof(struct ffa_constituent)));
	return true;
}
