/* SPDX-License-Identifier: MIT */
#include "ffa/discovery.h"

#include "ffa/answer.h"
#include "ffa/below.h"
#include "ffa/endpoint.h"
#include "lib/str.h"

/* ---- FFA_VERSION (13.2) ---- */

static bool version_is_compatible(uint32_t requested, uint32_t own)
{
	return (requested & FFA_VERSION_MBZ) == 0 &&
	       requested >> FFA_VERSION_MAJOR_SHIFT == own >> FFA_VERSION_MAJOR_SHIFT && requested <= own;
}

int32_t ffa_version_negotiate(struct ffa_endpoint *caller, uint32_t requested)
{
	uint32_t own = caller->version_max != 0 ? caller->version_max : FFA_VERSION_OWN;

	if (!version_is_compatible(requested, own) || (caller->version_locked && requested != caller->version)) {
		return FFA_NOT_SUPPORTED;
	}
	caller->version = requested;
	return (int32_t)own;
}

void ffa_version(struct ffa_endpoint *caller, uint64_t *x)
{
	ffa_answer(x, (uint32_t)ffa_version_negotiate(caller, (uint32_t)x[1]));
}

/* ---- FFA_FEATURES (13.3) ---- */

/* Callers to whom a call is reported. */
enum {
	NWD = 1 << FFA_KIND_NWD,
	EL1 = 1 << FFA_KIND_SP_EL1,
	EL0 = 1 << FFA_KIND_SP_EL0,
	SPS = EL1 | EL0,
	GUEST = 1 << FFA_KIND_GUEST,
	SPMC = NWD | SPS, /* callers of an SPMC */
	ALL = SPMC | GUEST,
};

/* For each form of a call: to whom, and from which minor version of the caller on. */
struct call_support {
	uint8_t smc32, smc64;
	uint8_t since;
};

#define AT(id) [((id) & 0xffu) - FFA_NUMBER_FIRST]

/*
 * What stands in no row is not supported. Calls of the SPMC to the caller, and answers, are reported as calls are. A
 * call that all may know of is reported to all, also to those at whose instance it is refused: existing test suites ask
 * all partitions for one list (docs/ffa-messages.md).
 */
static const struct call_support calls[FFA_NUMBER_LAST - FFA_NUMBER_FIRST + 1] = {
	AT(FFA_ERROR) = { ALL, 0, 0 },
	AT(FFA_SUCCESS) = { ALL, ALL, 0 },
	AT(FFA_INTERRUPT) = { ALL, 0, 0 },
	AT(FFA_VERSION) = { ALL, 0, 0 },
	AT(FFA_FEATURES) = { ALL, 0, 0 },
	AT(FFA_RX_RELEASE) = { ALL, 0, 0 },
	AT(FFA_RXTX_MAP) = { 0, ALL, 0 },
	AT(FFA_RXTX_UNMAP) = { ALL, 0, 0 },
	AT(FFA_PARTITION_INFO_GET) = { ALL, 0, 0 },
	AT(FFA_ID_GET) = { ALL, 0, 0 },
	AT(FFA_MSG_WAIT) = { ALL, 0, 0 },
	AT(FFA_YIELD) = { SPS | GUEST, 0, 0 },
	AT(FFA_RUN) = { ALL, 0, 0 },
	AT(FFA_MSG_SEND_DIRECT_REQ) = { ALL, ALL, 0 },
	AT(FFA_MSG_SEND_DIRECT_RESP) = { ALL, ALL, 0 },
	AT(FFA_MEM_DONATE) = { ALL, ALL, 0 },
	AT(FFA_MEM_LEND) = { ALL, ALL, 0 },
	AT(FFA_MEM_SHARE) = { ALL, ALL, 0 },
	AT(FFA_MEM_RETRIEVE_REQ) = { ALL, ALL, 0 },
	AT(FFA_MEM_RETRIEVE_RESP) = { ALL, 0, 0 },
	AT(FFA_MEM_RELINQUISH) = { ALL, 0, 0 },
	AT(FFA_MEM_RECLAIM) = { ALL, 0, 0 },
	AT(FFA_MEM_FRAG_RX) = { ALL, 0, 0 },
	AT(FFA_MEM_FRAG_TX) = { ALL, 0, 0 },
	AT(FFA_NOTIFICATION_BITMAP_CREATE) = { SPMC, 0, 1 },
	AT(FFA_NOTIFICATION_BITMAP_DESTROY) = { SPMC, 0, 1 },
	AT(FFA_NOTIFICATION_BIND) = { ALL, 0, 1 },
	AT(FFA_NOTIFICATION_UNBIND) = { ALL, 0, 1 },
	AT(FFA_NOTIFICATION_SET) = { ALL, 0, 1 },
	AT(FFA_NOTIFICATION_GET) = { ALL, 0, 1 },
	AT(FFA_NOTIFICATION_INFO_GET) = { NWD, SPMC, 1 },
	AT(FFA_RX_ACQUIRE) = { NWD, 0, 1 },
	AT(FFA_SPM_ID_GET) = { ALL, 0, 0 },
	AT(FFA_MSG_SEND2) = { ALL, 0, 1 },
	AT(FFA_SECONDARY_EP_REGISTER_64) = { 0, SPS, 0 },
	AT(FFA_MEM_PERM_GET) = { EL0, EL0, 0 },
	AT(FFA_MEM_PERM_SET) = { EL0, EL0, 0 },
	AT(FFA_CONSOLE_LOG) = { SPMC, SPMC, 0 },
	AT(FFA_PARTITION_INFO_GET_REGS_64) = { 0, ALL, 0 },
	AT(FFA_MSG_SEND_DIRECT_REQ2_64) = { 0, ALL, 2 },
	AT(FFA_MSG_SEND_DIRECT_RESP2_64) = { 0, ALL, 2 },
};

static bool call_supported(const struct ffa_endpoint *caller, uint32_t id)
{
	uint32_t number = (id & ~FFA_64) - ((FFA_ERROR & ~0xffu) | FFA_NUMBER_FIRST);
	const struct call_support *call = &calls[number < ARRAY_SIZE(calls) ? number : 0];
	uint8_t to = (id & FFA_64) != 0 ? call->smc64 : call->smc32;

	return number < ARRAY_SIZE(calls) && (to & BIT(caller->kind)) != 0 &&
	       caller->version >= (FFA_VERSION_1_0 | call->since);
}

/* Properties of a call, in w2. 'input' are those that the caller says it honours. False: not supported like this. */
static bool call_properties(const struct ffa_endpoint *caller, uint32_t id, uint32_t input, uint64_t *properties)
{
	switch (id | FFA_64) {
	case FFA_RXTX_MAP_64:
		/* [1:0] 0: a buffer is a multiple of 4 KiB. [31:16] the maximum, for callers that know of it. */
		*properties = caller->version >= FFA_VERSION_1_2 ? FFA_RXTX_PAGES_MAX << 16 : 0;
		return true;
	case FFA_MEM_RETRIEVE_REQ_64:
		/* From 1.1 on the caller must know that the NS bit is used (DEN0140, 4.3). */
		if (caller->kind == FFA_KIND_GUEST) {
			return true;
		}
		*properties = FFA_FEATURES_RETRIEVE_NS_BIT | FFA_FEATURES_RETRIEVE_HYPERVISOR;
		return caller->version < FFA_VERSION_1_1 || (input & FFA_FEATURES_RETRIEVE_NS_BIT) != 0;
	case FFA_SECONDARY_EP_REGISTER_64:
		return caller->vcpu_count > 1;
	case FFA_SPM_ID_GET | FFA_64:
		return caller->kind != FFA_KIND_GUEST || ffa_below != NULL;
	default:
		return true;
	}
}

/* Interrupts that are reported as features: the id in w2. */
static bool feature(const struct ffa_endpoint *caller, uint32_t id, uint64_t *intid)
{
	static const struct {
		uint8_t to, intid, guest_intid;
	} features[] = {
		[FFA_FEATURE_NPI] = { EL1 | GUEST, FFA_INTID_NPI, FFA_INTID_GUEST_NPI },
		[FFA_FEATURE_SRI] = { NWD, FFA_INTID_SRI, 0 },
		[FFA_FEATURE_ME] = { EL1, FFA_INTID_ME, 0 },
	};

	if (id >= ARRAY_SIZE(features) || (features[id].to & BIT(caller->kind)) == 0) {
		return false;
	}
	*intid = caller->kind == FFA_KIND_GUEST ? features[id].guest_intid : features[id].intid;
	return true;
}

void ffa_features(struct ffa_endpoint *caller, uint64_t *x)
{
	uint32_t id = (uint32_t)x[1], input = (uint32_t)x[2];
	uint64_t properties = 0;
	bool supported;

	if ((id & FFA_FEATURES_IS_CALL) != 0) {
		supported = call_supported(caller, id) && call_properties(caller, id, input, &properties);
	} else {
		supported = input == 0 && feature(caller, id, &properties);
	}
	if (!supported) {
		ffa_answer_error(x, FFA_NOT_SUPPORTED);
		return;
	}
	ffa_answer_success(x);
	x[2] = properties;
}

/* ---- FFA_ID_GET, FFA_SPM_ID_GET (13.10, 13.11) ---- */

void ffa_id_get(struct ffa_endpoint *caller, uint64_t *x)
{
	ffa_answer_success(x);
	x[2] = caller->id;
}

void ffa_spm_id_get(struct ffa_endpoint *caller, uint64_t *x)
{
	if (caller->kind == FFA_KIND_GUEST && ffa_below == NULL) {
		ffa_answer_error(x, FFA_NOT_SUPPORTED);
		return;
	}
	ffa_answer_success(x);
	x[2] = FFA_ID_SPMC;
}

/* ---- partition information (13.8, 13.9) ---- */

/* What is asked: all partitions, by each of their UUIDs, or those with one UUID. */
struct query {
	const struct ffa_endpoint *caller;
	struct ffa_uuid uuid;
	bool all;
};

static struct query query_make(const struct ffa_endpoint *caller, struct ffa_uuid uuid)
{
	bool nil = (uuid.word[0] | uuid.word[1] | uuid.word[2] | uuid.word[3]) == 0;

	return (struct query){ .caller = caller, .uuid = uuid, .all = nil };
}

/* How many entries an SP has in the answer. Before 1.2 a partition had one UUID, and its readers expect one entry. */
static unsigned query_entries(const struct query *q, const struct ffa_endpoint *sp)
{
	if (q->all) {
		return q->caller->version >= FFA_VERSION_1_2 ? MAX(sp->uuid_count, 1U) : 1;
	}
	for (unsigned i = 0; i < sp->uuid_count; i++) {
		if (memcmp(&sp->uuids[i], &q->uuid, sizeof(q->uuid)) == 0) {
			return 1;
		}
	}
	return 0;
}

static unsigned query_count(const struct query *q)
{
	unsigned count = 0;

	for (unsigned i = 0; i < ffa_partition_count(); i++) {
		count += query_entries(q, ffa_partition(i));
	}
	return count;
}

/* Of the properties in the manifest, those that the target's version has and that make sense to the caller (6.2.2). */
static uint32_t visible_properties(const struct ffa_endpoint *caller, const struct ffa_endpoint *sp)
{
	bool local = ffa_is_local(caller);
	uint32_t hidden = 0;

	if (caller->version < FFA_VERSION_1_1) {
		return sp->properties & (FFA_PROPERTY_DIRECT_RECV | FFA_PROPERTY_DIRECT_SEND | FFA_PROPERTY_INDIRECT) &
		       ~(local ? 0u : FFA_PROPERTY_DIRECT_SEND);
	}
	if (sp->kind == FFA_KIND_SP_BELOW) {
		return sp->properties & ~(uint32_t)(FFA_PROPERTY_VM_CREATED | FFA_PROPERTY_VM_DESTROYED);
	}
	if (sp->version < FFA_VERSION_1_2) {
		hidden |= FFA_PROPERTY_DIRECT2_RECV | FFA_PROPERTY_DIRECT2_SEND;
	}
	if (sp->version < FFA_VERSION_1_1) {
		hidden |= FFA_PROPERTY_INDIRECT | FFA_PROPERTY_NOTIFICATIONS;
	}
	if (!local) {
		hidden |= FFA_PROPERTY_DIRECT_SEND | FFA_PROPERTY_DIRECT2_SEND; /* an SP never calls the normal world */
	}
	if (local || (sp->properties & FFA_PROPERTY_DIRECT_RECV) == 0) {
		hidden |= FFA_PROPERTY_VM_CREATED | FFA_PROPERTY_VM_DESTROYED;
	}
	return (sp->properties & ~hidden) | FFA_PROPERTY_AARCH64;
}

/* Entry number 'which' of an SP. The UUID is told to those who did not name it. */
static struct ffa_partition_info query_entry(const struct query *q, const struct ffa_endpoint *sp, unsigned which)
{
	struct ffa_partition_info info = {
		.id = sp->id,
		.vcpu_count = sp->vcpu_count,
		.properties = visible_properties(q->caller, sp),
	};

	if (q->all && which < sp->uuid_count) {
		info.uuid = sp->uuids[which];
	}
	return info;
}

/* Writes at most 'max' entries from 'first' on; returns how many. 'size' is that of each: 1.0 has their first part. */
static unsigned query_write(const struct query *q, unsigned first, unsigned max, uint8_t *to, uint32_t size)
{
	unsigned number = 0, written = 0;

	for (unsigned i = 0; i < ffa_partition_count() && written < max; i++) {
		unsigned entries = query_entries(q, ffa_partition(i));

		for (unsigned which = 0; which < entries && written < max; which++, number++) {
			if (number >= first) {
				struct ffa_partition_info info = query_entry(q, ffa_partition(i), which);

				memcpy(to + written++ * size, &info, size);
			}
		}
	}
	return written;
}

static enum ffa_code info_to_rx(struct ffa_endpoint *caller, const struct query *q, unsigned count, uint32_t size)
{
	uint32_t room;
	uint8_t *rx;
	enum ffa_code code = ffa_rx_begin(caller, &rx, &room);

	if (code != FFA_OK) {
		return code;
	}
	if (count > room / size) {
		code = FFA_NO_MEMORY;
	} else {
		query_write(q, 0, count, rx, size);
	}
	ffa_rx_end(caller, code == FFA_OK);
	return code;
}

void ffa_partition_info_get(struct ffa_endpoint *caller, uint64_t *x)
{
	struct ffa_uuid uuid = { { (uint32_t)x[1], (uint32_t)x[2], (uint32_t)x[3], (uint32_t)x[4] } };
	struct query q = query_make(caller, uuid);
	uint32_t flags = (uint32_t)x[5];
	bool is_1_0 = caller->version < FFA_VERSION_1_1;
	uint32_t size = is_1_0 ? sizeof(struct ffa_partition_info_1_0) : sizeof(struct ffa_partition_info);
	bool count_only = (flags & FFA_PARTITION_INFO_COUNT_ONLY) != 0;
	enum ffa_code code = FFA_OK;
	unsigned count = query_count(&q);

	if ((flags & ~(is_1_0 ? 0u : FFA_PARTITION_INFO_COUNT_ONLY)) != 0 || count == 0) {
		code = FFA_INVALID_PARAMETERS;
	} else if (!count_only) {
		code = info_to_rx(caller, &q, count, size);
	}
	ffa_answer_code(x, code);
	if (code == FFA_OK) {
		x[2] = count;
		x[3] = count_only ? 0 : size;
	}
}

/* x2 of the answer */
#define INFO_REGS_CURRENT_SHIFT 16
#define INFO_REGS_SIZE_SHIFT 48
#define INFO_REGS_MAX ((FFA_REGS - 3) * sizeof(uint64_t) / sizeof(struct ffa_partition_info))

void ffa_partition_info_get_regs(struct ffa_endpoint *caller, uint64_t *x)
{
	struct ffa_uuid uuid = { { lo32(x[1]), hi32(x[1]), lo32(x[2]), hi32(x[2]) } };
	struct query q = query_make(caller, uuid);
	unsigned first = (uint16_t)x[3], tag = (uint16_t)(x[3] >> 16);
	unsigned count = query_count(&q), written;

	/* SPs do not change while we run, so one tag is enough. */
	if (tag != 0) {
		ffa_answer_error(x, FFA_RETRY);
		return;
	}
	if (first >= count) {
		ffa_answer_error(x, FFA_INVALID_PARAMETERS);
		return;
	}
	ffa_answer(x, FFA_SUCCESS_64);
	memset(&x[3], 0, (FFA_REGS - 3) * sizeof(x[0]));
	written = query_write(&q, first, INFO_REGS_MAX, (uint8_t *)&x[3], sizeof(struct ffa_partition_info));
	x[2] = (count - 1) | (uint64_t)(first + written - 1) << INFO_REGS_CURRENT_SHIFT |
	       (uint64_t)sizeof(struct ffa_partition_info) << INFO_REGS_SIZE_SHIFT;
}
