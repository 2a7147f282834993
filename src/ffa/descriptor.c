/* SPDX-License-Identifier: MIT */
#include "ffa/descriptor.h"

#include "ffa/endpoint.h"
#include "ffa/mailbox.h"
#include "lib/str.h"

_Static_assert(sizeof(struct ffa_memory_region) + FFA_RECEIVERS_MAX * FFA_MEMORY_ACCESS_1_2 +
			       sizeof(struct ffa_composite) <=
		       PAGE_SIZE,
	       "the fixed part of a response fits the smallest buffer");

static enum ffa_code read_region_1_0(struct ffa_endpoint *from, uint32_t length, struct ffa_memory_region *out)
{
	struct ffa_memory_region_1_0 old;

	if (length < sizeof(old) || ffa_tx_read(from, 0, &old, sizeof(old)) != FFA_OK || old.reserved_0 != 0 ||
	    old.reserved_1 != 0) {
		return FFA_INVALID_PARAMETERS;
	}
	*out = (struct ffa_memory_region){ .sender = old.sender,
					   .attributes = old.attributes,
					   .flags = old.flags,
					   .handle = old.handle,
					   .tag = old.tag,
					   .access_size = FFA_MEMORY_ACCESS_1_1,
					   .access_count = old.access_count,
					   .access_offset = sizeof(old) };
	return FFA_OK;
}

/* The hypervisor's retrieve request names no receiver and says nothing of where they would be. */
static bool layout_ok(const struct ffa_memory_region *r, uint32_t version)
{
	if (r->access_count == 0) {
		return r->access_size == 0 && r->access_offset == 0;
	}
	return (r->access_size == FFA_MEMORY_ACCESS_1_1 ||
		(r->access_size == FFA_MEMORY_ACCESS_1_2 && version >= FFA_VERSION_1_2)) &&
	       r->access_offset >= sizeof(*r) && IS_ALIGNED(r->access_offset, 8);
}

static enum ffa_code read_region(struct ffa_endpoint *from, uint32_t length, struct ffa_memory_region *out)
{
	if (from->version == FFA_VERSION_1_0) {
		return read_region_1_0(from, length, out);
	}
	if (length < sizeof(*out) || ffa_tx_read(from, 0, out, sizeof(*out)) != FFA_OK ||
	    (out->reserved[0] | out->reserved[1] | out->reserved[2]) != 0 || !layout_ok(out, from->version)) {
		return FFA_INVALID_PARAMETERS;
	}
	return FFA_OK;
}

/* One access descriptor; a narrow one is that of 1.2 without the words before the reserved one. */
static enum ffa_code read_access(struct ffa_endpoint *from, uint32_t at, bool wide, struct ffa_memory_access_1_2 *out)
{
	struct ffa_memory_access narrow;

	if (wide) {
		return ffa_tx_read(from, at, out, sizeof(*out)) == FFA_OK && out->reserved == 0
			       ? FFA_OK
			       : FFA_INVALID_PARAMETERS;
	}
	if (ffa_tx_read(from, at, &narrow, sizeof(narrow)) != FFA_OK || narrow.reserved != 0) {
		return FFA_INVALID_PARAMETERS;
	}
	*out = (struct ffa_memory_access_1_2){ .endpoint = narrow.endpoint,
					       .permissions = narrow.permissions,
					       .flags = narrow.flags,
					       .composite_offset = narrow.composite_offset };
	return FFA_OK;
}

enum ffa_code ffa_descriptor_read(struct ffa_endpoint *from, uint32_t length, struct ffa_descriptor *out)
{
	struct ffa_memory_region *r = &out->region;
	enum ffa_code code = read_region(from, length, r);

	if (code != FFA_OK) {
		return code;
	}
	if (r->access_count > FFA_RECEIVERS_MAX || r->access_offset > length ||
	    r->access_count * r->access_size > length - r->access_offset) {
		return FFA_INVALID_PARAMETERS;
	}
	out->wide = r->access_size == FFA_MEMORY_ACCESS_1_2;
	out->access_end = r->access_offset + r->access_count * r->access_size;
	for (uint32_t i = 0; code == FFA_OK && i < r->access_count; i++) {
		code = read_access(from, r->access_offset + i * r->access_size, out->wide, &out->access[i]);
	}
	return code;
}

enum ffa_code ffa_descriptor_read_composite(struct ffa_endpoint *from, const struct ffa_descriptor *d, uint32_t total,
					    uint32_t length, struct ffa_composite *out, uint32_t *at)
{
	uint32_t offset = d->access[0].composite_offset;
	uint32_t end;

	for (uint32_t i = 1; i < d->region.access_count; i++) {
		if (d->access[i].composite_offset != offset) {
			return FFA_INVALID_PARAMETERS;
		}
	}
	if (offset < d->access_end || !IS_ALIGNED(offset, 16) || offset > length || length - offset < sizeof(*out) ||
	    ffa_tx_read(from, offset, out, sizeof(*out)) != FFA_OK) {
		return FFA_INVALID_PARAMETERS;
	}
	end = offset + (uint32_t)sizeof(*out);
	*at = end;
	/* Fragments end between ranges. */
	return IS_ALIGNED(length - end, sizeof(struct ffa_constituent)) &&
			       IS_ALIGNED(total - end, sizeof(struct ffa_constituent)) && out->range_count != 0 &&
			       out->range_count == (total - end) / sizeof(struct ffa_constituent)
		       ? FFA_OK
		       : FFA_INVALID_PARAMETERS;
}

/* ---- writing ---- */

static uint32_t region_size(uint32_t version)
{
	return version == FFA_VERSION_1_0 ? sizeof(struct ffa_memory_region_1_0) : sizeof(struct ffa_memory_region);
}

static uint32_t access_size(uint32_t version)
{
	return version >= FFA_VERSION_1_2 ? FFA_MEMORY_ACCESS_1_2 : FFA_MEMORY_ACCESS_1_1;
}

uint32_t ffa_descriptor_size(uint32_t version, uint32_t count)
{
	return region_size(version) + count * access_size(version) + (uint32_t)sizeof(struct ffa_composite);
}

static void write_region(uint8_t *to, uint32_t version, const struct ffa_memory_region *r)
{
	if (version == FFA_VERSION_1_0) {
		struct ffa_memory_region_1_0 old = { .sender = r->sender,
						     .attributes = (uint8_t)r->attributes,
						     .flags = r->flags,
						     .handle = r->handle,
						     .tag = r->tag,
						     .access_count = r->access_count };
		memcpy(to, &old, sizeof(old));
	} else {
		struct ffa_memory_region new = *r;

		new.access_size = access_size(version);
		new.access_offset = sizeof(new);
		memcpy(to, &new, sizeof(new));
	}
}

void ffa_descriptor_write(uint8_t *to, uint32_t version, const struct ffa_memory_region *region,
			  const struct ffa_memory_access_1_2 *access, struct ffa_composite composite)
{
	uint32_t composite_offset = ffa_descriptor_size(version, region->access_count) - (uint32_t)sizeof(composite);
	uint32_t size = access_size(version);
	uint8_t *at = to + region_size(version);

	write_region(to, version, region);
	for (uint32_t i = 0; i < region->access_count; i++, at += size) {
		struct ffa_memory_access_1_2 wide = access[i];
		struct ffa_memory_access narrow = { .endpoint = wide.endpoint,
						    .permissions = wide.permissions,
						    .flags = wide.flags,
						    .composite_offset = composite_offset };

		wide.composite_offset = composite_offset;
		memcpy(at, size == sizeof(wide) ? (const void *)&wide : (const void *)&narrow, size);
	}
	memcpy(at, &composite, sizeof(composite));
}
