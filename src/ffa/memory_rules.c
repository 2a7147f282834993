/* SPDX-License-Identifier: MIT */
/*
 * Who may send and retrieve what (DEN0140). Where the specification leaves the error code open, it is that
 * which clients know from the peer (docs/ffa-memory.md).
 */
#include "ffa/memory_priv.h"

#include "arch/atomic.h"
#include "ffa/endpoint.h"

#define ATTRIBUTES_NORMAL                                                                                \
	(FIELD_PUT(FFA_ATTRIBUTE_TYPE, FFA_TYPE_NORMAL) | FIELD_PUT(FFA_ATTRIBUTE_CACHE, FFA_CACHE_WB) | \
	 FIELD_PUT(FFA_ATTRIBUTE_SHARE, FFA_SHARE_INNER))
#define ATTRIBUTES_DEVICE FIELD_PUT(FFA_ATTRIBUTE_TYPE, FFA_TYPE_DEVICE) /* nGnRnE */
/* Of the cacheability field for Device memory: nGnRnE is 0. Stage 2 enforces nGnRE, so no more is possible. */
#define DEVICE_NGNRE 1

#define ACCESS_FLAGS_MBZ 0xfeu

static unsigned data_of(uint8_t permissions)
{
	return (unsigned)FIELD_GET(FFA_PERMISSION_DATA, permissions);
}
static unsigned exec_of(uint8_t permissions)
{
	return (unsigned)FIELD_GET(FFA_PERMISSION_EXEC, permissions);
}
static unsigned type_of(uint16_t attributes)
{
	return (unsigned)FIELD_GET(FFA_ATTRIBUTE_TYPE, attributes);
}

/* One borrower may be told what to specify; several get what the owner said. */
static bool is_exclusive(enum ffa_memory_type type, uint32_t borrower_count)
{
	return type == FFA_MEMORY_DONATE || (type == FFA_MEMORY_LEND && borrower_count == 1);
}

/* ---- sending ---- */

static enum ffa_code check_receiver(const struct ffa_endpoint *caller, const struct ffa_descriptor *d, uint32_t index)
{
	const struct ffa_memory_access_1_2 *access = &d->access[index];
	uint16_t id = access->endpoint;
	/* VMs behind id 0 need not be known to us. */
	bool known = ffa_id_is_secure(id) || caller->kind == FFA_KIND_GUEST;
	const struct ffa_endpoint *receiver = known ? ffa_endpoint_find(id) : NULL;

	if (id == d->region.sender || id == FFA_ID_VM_INVALID || (access->flags & ACCESS_FLAGS_MBZ) != 0 ||
	    (known && receiver == NULL)) {
		return FFA_INVALID_PARAMETERS;
	}
	for (uint32_t i = 0; i < index; i++) {
		if (d->access[i].endpoint == id) {
			return FFA_INVALID_PARAMETERS;
		}
	}
	return receiver != NULL && atomic_load(&receiver->aborted) != 0 ? FFA_DENIED : FFA_OK;
}

/*
 * An SP gives to SPs alone. The normal world shares with one SP at least, and VMs beside it are its hypervisor's
 * business; what it lends or donates goes to SPs. A guest gives to SPs, or to guests: who keeps the record of both
 * would have to agree with the other at each step.
 */
static bool direction_ok(const struct ffa_endpoint *caller, enum ffa_memory_type type, const struct ffa_descriptor *d)
{
	uint32_t sps = 0;

	for (uint32_t i = 0; i < d->region.access_count; i++) {
		sps += ffa_id_is_secure(d->access[i].endpoint) ? 1 : 0;
	}
	if (caller->kind == FFA_KIND_GUEST) {
		return sps == 0 || sps == d->region.access_count;
	}
	return sps == d->region.access_count ||
	       (type == FFA_MEMORY_SHARE && !ffa_id_is_secure(d->region.sender) && sps > 0);
}

static enum ffa_code check_receivers(const struct ffa_endpoint *caller, enum ffa_memory_type type,
				     const struct ffa_descriptor *d)
{
	if (d->region.access_count == 0 || (type == FFA_MEMORY_DONATE && d->region.access_count != 1)) {
		return FFA_INVALID_PARAMETERS;
	}
	for (uint32_t i = 0; i < d->region.access_count; i++) {
		enum ffa_code code = check_receiver(caller, d, i);

		if (code != FFA_OK) {
			return code;
		}
	}
	if (ffa_is_local(caller) ? d->region.sender != caller->id : ffa_id_is_secure(d->region.sender)) {
		return FFA_DENIED;
	}
	return direction_ok(caller, type, d) ? FFA_OK : FFA_DENIED;
}

static bool sent_permissions_ok(enum ffa_memory_type type, uint8_t permissions)
{
	unsigned data = data_of(permissions);

	if ((permissions & FFA_PERMISSION_MBZ) != 0 || exec_of(permissions) != FFA_EXEC_UNSPECIFIED) {
		return false;
	}
	return type == FFA_MEMORY_DONATE ? data == FFA_DATA_UNSPECIFIED : data == FFA_DATA_RO || data == FFA_DATA_RW;
}

static enum ffa_code check_sent_attributes(enum ffa_memory_type type, const struct ffa_descriptor *d)
{
	uint16_t attributes = d->region.attributes;

	if ((attributes & (FFA_ATTRIBUTE_MBZ | FFA_ATTRIBUTE_NS)) != 0 || type_of(attributes) > FFA_TYPE_NORMAL) {
		return FFA_INVALID_PARAMETERS;
	}
	if (is_exclusive(type, d->region.access_count)) {
		return type_of(attributes) == FFA_TYPE_UNSPECIFIED ? FFA_OK : FFA_INVALID_PARAMETERS;
	}
	if (type_of(attributes) == FFA_TYPE_UNSPECIFIED) {
		attributes |= FIELD_PUT(FFA_ATTRIBUTE_TYPE, FFA_TYPE_NORMAL);
	}
	return attributes == ATTRIBUTES_NORMAL ? FFA_OK : FFA_DENIED;
}

enum ffa_code ffa_send_check(const struct ffa_endpoint *caller, enum ffa_memory_type type,
			     const struct ffa_descriptor *d)
{
	/* FFA_MEM_TIME_SLICE must not be set where FFA_MEM_OP_PAUSE is not supported. */
	uint32_t flags = type == FFA_MEMORY_SHARE ? 0 : FFA_MEM_ZERO;
	enum ffa_code code;

	if ((d->region.flags & ~flags) != 0 || d->region.handle != 0) {
		return FFA_INVALID_PARAMETERS;
	}
	code = check_receivers(caller, type, d);
	if (code != FFA_OK) {
		return code;
	}
	for (uint32_t i = 0; i < d->region.access_count; i++) {
		if (!sent_permissions_ok(type, d->access[i].permissions)) {
			return FFA_INVALID_PARAMETERS;
		}
	}
	return check_sent_attributes(type, d);
}

enum ffa_code ffa_send_check_pages(const struct ffa_transaction *t, unsigned owner_attrs)
{
	bool writable = (owner_attrs & STAGE2_W) != 0, device = (owner_attrs & STAGE2_DEVICE) != 0;

	if ((owner_attrs & STAGE2_R) == 0 || ((t->flags & FFA_MEM_ZERO) != 0 && !ffa_may_zero(owner_attrs)) ||
	    (device && (t->type != FFA_MEMORY_LEND || t->borrower_count != 1))) {
		return FFA_DENIED;
	}
	for (uint32_t i = 0; i < t->borrower_count; i++) {
		if (data_of(t->borrowers[i].permissions) == FFA_DATA_RW && !writable) {
			return FFA_DENIED;
		}
	}
	return FFA_OK;
}

/* ---- retrieving ---- */

static enum ffa_code check_retrieve_flags(const struct ffa_transaction *t, uint32_t flags)
{
	unsigned type = (unsigned)FIELD_GET(FFA_RETRIEVE_TYPE, flags);

	if ((flags & FFA_RETRIEVE_MBZ) != 0 || (type != FFA_MEMORY_ANY && type != t->type) ||
	    (flags & FFA_RETRIEVE_HINT_VALID) != 0 || FIELD_GET(FFA_RETRIEVE_HINT, flags) != 0 ||
	    (t->type == FFA_MEMORY_SHARE && (flags & (FFA_MEM_ZERO | FFA_RETRIEVE_ZERO_AFTER)) != 0)) {
		return FFA_INVALID_PARAMETERS;
	}
	/* Zeroes were written when the memory was sent, or will not be. */
	return (flags & FFA_MEM_ZERO) != 0 && (t->flags & FFA_MEM_ZERO) == 0 ? FFA_DENIED : FFA_OK;
}

static enum ffa_code check_retrieve_attributes(const struct ffa_transaction *t, uint16_t attributes)
{
	bool device = (t->owner_attrs & STAGE2_DEVICE) != 0;

	if ((attributes & (FFA_ATTRIBUTE_MBZ | FFA_ATTRIBUTE_NS)) != 0 || type_of(attributes) > FFA_TYPE_NORMAL) {
		return FFA_INVALID_PARAMETERS;
	}
	switch (type_of(attributes)) {
	case FFA_TYPE_UNSPECIFIED:
		return FFA_OK;
	case FFA_TYPE_DEVICE:
		return device && FIELD_GET(FFA_ATTRIBUTE_CACHE, attributes) <= DEVICE_NGNRE ? FFA_OK : FFA_DENIED;
	default:
		return !device && attributes == ATTRIBUTES_NORMAL ? FFA_OK : FFA_DENIED;
	}
}

/* The receivers that a request repeats must be the transaction's, or the borrower alone if it says so. */
static enum ffa_code check_list(const struct ffa_transaction *t, const struct ffa_descriptor *d)
{
	bool bypass = (d->region.flags & FFA_RETRIEVE_BYPASS) != 0;

	/* A sole borrower has nobody to leave out. */
	if (d->region.access_count != (bypass ? 1 : t->borrower_count) || (bypass && t->borrower_count == 1)) {
		return FFA_INVALID_PARAMETERS;
	}
	for (uint32_t i = 0; i < d->region.access_count; i++) {
		const struct ffa_memory_access_1_2 *a = &d->access[i];
		const struct ffa_borrower *b = NULL;

		if (a->composite_offset != 0 || (a->flags & ACCESS_FLAGS_MBZ) != 0) {
			return FFA_INVALID_PARAMETERS;
		}
		for (uint32_t k = 0; b == NULL && k < t->borrower_count; k++) {
			b = t->borrowers[k].id == a->endpoint ? &t->borrowers[k] : NULL;
		}
		if (b == NULL) {
			return FFA_DENIED;
		}
		for (uint32_t k = 0; k < i; k++) {
			if (d->access[k].endpoint == a->endpoint) {
				return FFA_INVALID_PARAMETERS;
			}
		}
		if (t->wide && d->wide &&
		    (a->implementation[0] != b->implementation[0] || a->implementation[1] != b->implementation[1])) {
			return FFA_INVALID_PARAMETERS;
		}
	}
	return FFA_OK;
}

/* What of data access a borrower gets for what it asks; FFA_DATA_RESERVED if it asks for more than it may have. */
static unsigned grant_data(const struct ffa_transaction *t, const struct ffa_borrower *b, unsigned asked)
{
	unsigned most = data_of(b->permissions);

	if (t->type == FFA_MEMORY_DONATE) {
		most = (t->owner_attrs & STAGE2_W) != 0 ? FFA_DATA_RW : FFA_DATA_RO;
	}
	if (asked == FFA_DATA_UNSPECIFIED) {
		return most;
	}
	return asked > most ? FFA_DATA_RESERVED : asked;
}

static enum ffa_code grant(const struct ffa_transaction *t, const struct ffa_borrower *b, uint8_t asked,
			   uint8_t *granted)
{
	bool exclusive = is_exclusive(t->type, t->borrower_count);
	unsigned exec = exec_of(asked), data;

	if ((asked & FFA_PERMISSION_MBZ) != 0 || data_of(asked) == FFA_DATA_RESERVED || exec == FFA_EXEC_RESERVED ||
	    exclusive != (exec != FFA_EXEC_UNSPECIFIED)) {
		return FFA_INVALID_PARAMETERS;
	}
	/* EL3 keeps the Secure state from fetching instructions from Non-secure memory (SCR_EL3.SIF). */
	if (exec == FFA_EXEC_X && t->ns && ffa_id_is_secure(b->id)) {
		return FFA_INVALID_PARAMETERS;
	}
	data = grant_data(t, b, data_of(asked));
	if (data == FFA_DATA_RESERVED || (exec == FFA_EXEC_X && (t->owner_attrs & STAGE2_X) == 0)) {
		return FFA_DENIED;
	}
	*granted = (uint8_t)(FIELD_PUT(FFA_PERMISSION_DATA, data) |
			     FIELD_PUT(FFA_PERMISSION_EXEC, exec == FFA_EXEC_X ? FFA_EXEC_X : FFA_EXEC_XN));
	return FFA_OK;
}

static enum ffa_code grant_own(const struct ffa_transaction *t, const struct ffa_borrower *borrower,
			       const struct ffa_descriptor *d, uint8_t *granted)
{
	for (uint32_t i = 0; i < d->region.access_count; i++) {
		if (d->access[i].endpoint == borrower->id) {
			return grant(t, borrower, d->access[i].permissions, granted);
		}
	}
	return FFA_INVALID_PARAMETERS;
}

enum ffa_code ffa_retrieve_check(const struct ffa_transaction *t, const struct ffa_borrower *borrower,
				 const struct ffa_descriptor *d, uint8_t *granted)
{
	enum ffa_code code;

	if (d->region.sender != t->sender) {
		return FFA_DENIED;
	}
	if (d->region.tag != t->tag) {
		return FFA_INVALID_PARAMETERS;
	}
	code = check_retrieve_flags(t, d->region.flags);
	if (code == FFA_OK) {
		code = check_retrieve_attributes(t, d->region.attributes);
	}
	if (code == FFA_OK) {
		code = check_list(t, d);
	}
	if (code == FFA_OK) {
		code = grant_own(t, borrower, d, granted);
	}
	/* Who cannot write cannot have zeroes written either, and nobody can to a device. */
	if (code == FFA_OK && (d->region.flags & (FFA_MEM_ZERO | FFA_RETRIEVE_ZERO_AFTER)) != 0 &&
	    (data_of(*granted) == FFA_DATA_RO || !ffa_may_zero(t->owner_attrs))) {
		code = FFA_DENIED;
	}
	return code;
}

uint16_t ffa_response_attributes(const struct ffa_transaction *t, const struct ffa_borrower *borrower)
{
	uint64_t kind = (t->owner_attrs & STAGE2_DEVICE) != 0 ? ATTRIBUTES_DEVICE : ATTRIBUTES_NORMAL;

	return (uint16_t)(kind | (t->ns && ffa_id_is_secure(borrower->id) ? FFA_ATTRIBUTE_NS : 0));
}
