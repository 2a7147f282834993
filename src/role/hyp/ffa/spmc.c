/* SPDX-License-Identifier: MIT */
#include "role/hyp/ffa/spmc.h"

#include "arch/smc.h"
#include "arch/spinlock.h"
#include "core/mm/pool.h"
#include "core/port/firmware.h"
#include "ffa/discovery.h"
#include "ffa/endpoint.h"
#include "ffa/transaction.h"
#include "lib/fmt.h"
#include "lib/log.h"
#include "lib/str.h"
#include "role/hyp/ffa/sp_run.h"

struct spmc spmc;

/* Our buffers, and whatever is done with them from the first byte to the last. */
static struct {
	struct spinlock lock;
	uint32_t size; /* bytes of each */
	uint8_t *tx, *rx;
} mailbox;

static struct log_limit surprises;

/* ---- calls ---- */

_Static_assert(FFA_REGS == sizeof(struct smc_regs) / sizeof(uint64_t), "");

void spmc_call(uint64_t *x)
{
	struct smc_regs regs;

	for (unsigned i = 0; i < FFA_REGS; i++) {
		regs.x[i] = x[i];
	}
	firmware_call(&regs);
	for (unsigned i = 0; i < FFA_REGS; i++) {
		x[i] = regs.x[i];
	}
}

enum ffa_code spmc_code(const uint64_t *x)
{
	switch (lo32(x[0])) {
	case FFA_SUCCESS:
	case FFA_SUCCESS_64:
		return FFA_OK;
	case FFA_ERROR:
		/* An error that is none would be taken for a success. */
		return (int32_t)x[2] < 0 ? (enum ffa_code)(int32_t)x[2] : FFA_ABORTED;
	default:
		log_limited(&surprises, "FF-A: the SPMC answers 0x%x, which is no answer here", lo32(x[0]));
		return FFA_ABORTED;
	}
}

/* A call with up to four arguments that answers a code alone. */
static enum ffa_code call(uint32_t id, uint64_t a1, uint64_t a2, uint64_t a3)
{
	uint64_t x[FFA_REGS] = { id, a1, a2, a3 };

	spmc_call(x);
	return spmc_code(x);
}

/* Which VM a call is about, as several calls name it. */
static uint64_t of_vm(uint16_t id)
{
	return (uint64_t)id << 16;
}

/* ---- buffers of guests ---- */

static enum ffa_code rxtx_map(struct ffa_endpoint *guest, pa_t tx, pa_t rx, uint32_t pages)
{
	struct {
		struct ffa_endpoint_rxtx header;
		struct ffa_composite rx;
		struct ffa_constituent rx_range;
		struct ffa_composite tx;
		struct ffa_constituent tx_range;
	} d = {
		.header = { .endpoint = guest->id },
		.rx = { .page_count = pages, .range_count = 1 },
		.rx_range = { .address = rx.v, .page_count = pages },
		.tx = { .page_count = pages, .range_count = 1 },
		.tx_range = { .address = tx.v, .page_count = pages },
	};
	enum ffa_code code;

	d.header.rx_offset = offsetof(__typeof__(d), rx);
	d.header.tx_offset = offsetof(__typeof__(d), tx);
	spin_lock(&mailbox.lock);
	memcpy(mailbox.tx, &d, sizeof(d));
	code = call(FFA_RXTX_MAP_64, 0, 0, 0);
	spin_unlock(&mailbox.lock);
	return code;
}

static void rxtx_unmap(struct ffa_endpoint *guest)
{
	(void)call(FFA_RXTX_UNMAP, of_vm(guest->id), 0, 0);
}

/* An SPMC of 1.0 has no call for it, and writes to no VM unasked. */
static enum ffa_code rx_acquire(struct ffa_endpoint *guest)
{
	return spmc.version >= FFA_VERSION_1_1 ? call(FFA_RX_ACQUIRE, guest->id, 0, 0) : FFA_OK;
}

static enum ffa_code rx_release(struct ffa_endpoint *guest)
{
	return spmc.version >= FFA_VERSION_1_1 ? call(FFA_RX_RELEASE, guest->id, 0, 0) : FFA_OK;
}

/* Its buffer is read there anew, and what is in the header checked. */
static enum ffa_code msg_send2(struct ffa_endpoint *guest, uint32_t flags)
{
	return call(FFA_MSG_SEND2, of_vm(guest->id), flags, 0);
}

/* ---- memory ---- */

/* Takes an answer to a part of a description: FFA_OK if the rest is waited for, or if that was the last part. */
static enum ffa_code take_answer(struct ffa_transaction *t, const uint64_t *x)
{
	bool last = t->ranges_below == t->range_count;

	if (lo32(x[0]) == FFA_MEM_FRAG_RX && !last) {
		return FFA_OK;
	}
	if (lo32(x[0]) == FFA_SUCCESS && !last) {
		return FFA_ABORTED; /* it believes that it has all */
	}
	return spmc_code(x);
}

/* Writes ranges behind 'at' in our TX buffer, as many as fit, up to number 'ranges'. Returns where they end. */
static uint32_t put_ranges(struct ffa_transaction *t, uint32_t at, uint32_t ranges)
{
	for (; t->ranges_below < ranges && mailbox.size - at >= sizeof(struct ffa_constituent); t->ranges_below++) {
		const struct ffa_constituent *range = ffa_transaction_range(t, t->ranges_below);
		struct ffa_constituent out = { .address = range->address, .page_count = range->page_count };

		memcpy(mailbox.tx + at, &out, sizeof(out));
		at += (uint32_t)sizeof(out);
	}
	return at;
}

static enum ffa_code mem_reclaim(struct ffa_transaction *t, uint32_t flags)
{
	return call(FFA_MEM_RECLAIM, lo32(t->below_handle), t->below_handle >> 32, flags);
}

static uint32_t send_function(enum ffa_memory_type type)
{
	switch (type) {
	case FFA_MEMORY_DONATE:
		return FFA_MEM_DONATE_64;
	case FFA_MEMORY_LEND:
		return FFA_MEM_LEND_64;
	default:
		return FFA_MEM_SHARE_64;
	}
}

/* Header, receivers and the composite's header. Returns where the ranges begin. */
static uint32_t put_header(struct ffa_transaction *t)
{
	struct ffa_memory_region region = { .sender = t->sender,
					    .attributes = t->attributes,
					    .flags = t->flags,
					    .tag = t->tag,
					    .access_count = t->borrower_count };
	struct ffa_memory_access_1_2 access[FFA_RECEIVERS_MAX] = { 0 };
	/* What the sender left out is not to be found there as a zero. */
	uint32_t version = t->wide ? spmc.version : MIN(spmc.version, FFA_VERSION_1_1);

	for (uint32_t i = 0; i < t->borrower_count; i++) {
		const struct ffa_borrower *b = &t->borrowers[i];

		access[i].endpoint = b->id;
		access[i].permissions = b->permissions;
		access[i].implementation[0] = b->implementation[0];
		access[i].implementation[1] = b->implementation[1];
	}
	ffa_descriptor_write(mailbox.tx, version, &region, access,
			     (struct ffa_composite){ .page_count = t->page_count, .range_count = t->range_count });
	return ffa_descriptor_size(version, t->borrower_count);
}

static enum ffa_code mem_send(struct ffa_transaction *t, uint32_t ranges)
{
	uint64_t x[FFA_REGS] = { send_function(t->type) };
	uint32_t start;
	enum ffa_code code;

	t->ranges_below = 0;
	spin_lock(&mailbox.lock);
	start = put_header(t);
	x[1] = start + t->range_count * sizeof(struct ffa_constituent);
	x[2] = put_ranges(t, start, ranges);
	spmc_call(x);
	spin_unlock(&mailbox.lock);
	code = take_answer(t, x);
	t->below_handle = ffa_arg_pair(x, lo32(x[0]) == FFA_MEM_FRAG_RX ? 1 : 2);
	return code;
}

static enum ffa_code mem_frag(struct ffa_transaction *t, uint32_t ranges)
{
	enum ffa_code code = FFA_OK;

	spin_lock(&mailbox.lock);
	while (code == FFA_OK && t->ranges_below < ranges) {
		uint64_t x[FFA_REGS] = { FFA_MEM_FRAG_TX };

		ffa_put_pair(x, 1, t->below_handle);
		x[3] = put_ranges(t, 0, ranges);
		x[4] = of_vm(t->sender);
		spmc_call(x);
		code = take_answer(t, x);
	}
	spin_unlock(&mailbox.lock);
	return code;
}

static const struct ffa_below below = {
	.rxtx_map = rxtx_map,
	.rxtx_unmap = rxtx_unmap,
	.rx_acquire = rx_acquire,
	.rx_release = rx_release,
	.msg_send2 = msg_send2,
	.mem_send = mem_send,
	.mem_frag = mem_frag,
	.mem_reclaim = mem_reclaim,
};

/* ---- at boot ---- */

static void version_name(uint32_t version, char *to, size_t size)
{
	fmt_string(to, size, "%u.%u", version >> FFA_VERSION_MAJOR_SHIFT, version & 0xffff);
}

static int32_t ask_version(uint32_t version)
{
	uint64_t x[FFA_REGS] = { FFA_VERSION, version };

	spmc_call(x);
	return (int32_t)x[0];
}

/* The version that both speak; 0: there is no SPMC, or none for us. */
static uint32_t negotiate(void)
{
	int32_t answer = ask_version(FFA_VERSION_OWN);
	char name[16];

	if (answer < 0) {
		return 0;
	}
	version_name((uint32_t)answer, name, sizeof(name));
	if ((uint32_t)answer >> FFA_VERSION_MAJOR_SHIFT != FFA_VERSION_OWN >> FFA_VERSION_MAJOR_SHIFT) {
		log_error("FF-A: the SPMC speaks version %s, and we do not; VMs cannot reach partitions", name);
		return 0;
	}
	/* An older one answers what it has, and waits to hear that it will do. */
	if ((uint32_t)answer < FFA_VERSION_OWN && ask_version((uint32_t)answer) < 0) {
		log_error("FF-A: the SPMC has version %s and refuses it; VMs cannot reach partitions", name);
		return 0;
	}
	return MIN((uint32_t)answer, FFA_VERSION_OWN);
}

static bool is_hypervisor(void)
{
	uint64_t x[FFA_REGS] = { FFA_ID_GET };

	spmc_call(x);
	return spmc_code(x) == FFA_OK && (uint16_t)x[2] == FFA_ID_NWD;
}

/* Bytes that buffers need at least, and by which they are aligned. */
static uint32_t buffer_size(void)
{
	static const uint32_t sizes[] = { KIB(4), KIB(64), KIB(16) };
	uint64_t x[FFA_REGS] = { FFA_FEATURES, FFA_RXTX_MAP_64 };
	unsigned code;

	spmc_call(x);
	code = x[2] & 3;
	return spmc_code(x) == FFA_OK && code < ARRAY_SIZE(sizes) ? sizes[code] : 0;
}

static bool map_buffers(void)
{
	uint32_t size = buffer_size();
	pa_t both;

	if (size == 0 || pool_alloc(2 * size / PAGE_SIZE, size, PAGE_OWNER_EL2, &both) != OK) {
		return false;
	}
	memset(pa_ptr(both), 0, 2 * (size_t)size);
	if (call(FFA_RXTX_MAP_64, both.v, both.v + size, size / PAGE_SIZE) != FFA_OK) {
		pool_free(both, 2 * size / PAGE_SIZE);
		return false;
	}
	mailbox.tx = pa_ptr(both);
	mailbox.rx = mailbox.tx + size;
	mailbox.size = size;
	return true;
}

/* A partition, or one more UUID of one that is known. False: there is no memory. */
static bool add_partition(const struct ffa_partition_info *info)
{
	struct ffa_endpoint *e = ffa_endpoint_find(info->id);
	const uint32_t *word = info->uuid.word;

	if (info->id < FFA_ID_SP_FIRST || info->id >= FFA_ID_SP_FIRST + FFA_SP_MAX) {
		return true; /* a logical partition of the firmware, or one too many */
	}
	if (e == NULL) {
		e = pool_alloc_object(sizeof(*e));
		if (e == NULL) {
			return false;
		}
		e->id = info->id;
		e->kind = FFA_KIND_SP_BELOW;
		e->vcpu_count = info->vcpu_count;
		e->version = spmc.version;
		e->properties = info->properties;
		ffa_endpoint_add(e);
	}
	if (e->uuid_count < FFA_UUID_MAX && (word[0] | word[1] | word[2] | word[3]) != 0) {
		e->uuids[e->uuid_count++] = info->uuid;
	}
	return true;
}

/* What is in our RX buffer: 'count' descriptors of 'size' bytes. */
static bool add_partitions(uint32_t count, uint32_t size)
{
	for (uint32_t i = 0; i < count; i++) {
		struct ffa_partition_info info = { 0 };

		memcpy(&info, mailbox.rx + (size_t)i * size, MIN((size_t)size, sizeof(info)));
		if (!add_partition(&info)) {
			return false;
		}
	}
	return true;
}

static bool find_partitions(void)
{
	uint64_t x[FFA_REGS] = { FFA_PARTITION_INFO_GET };
	uint32_t count, size;
	bool found;

	spmc_call(x);
	if (spmc_code(x) != FFA_OK) {
		return false;
	}
	count = lo32(x[2]);
	size = spmc.version >= FFA_VERSION_1_1 ? lo32(x[3]) : sizeof(struct ffa_partition_info_1_0);
	found = size >= sizeof(struct ffa_partition_info_1_0) && count <= mailbox.size / size &&
		add_partitions(count, size);
	(void)call(FFA_RX_RELEASE, 0, 0, 0);
	return found;
}

static uint32_t find_sri(void)
{
	uint64_t x[FFA_REGS] = { FFA_FEATURES, FFA_FEATURE_SRI };

	if (spmc.version < FFA_VERSION_1_1) {
		return 0;
	}
	spmc_call(x);
	return lo32(x[0]) == FFA_SUCCESS && x[2] < 16 ? (uint32_t)x[2] : 0;
}

static const char *connect(void)
{
	if (!is_hypervisor()) {
		return "it does not take us for the hypervisor";
	}
	if (!map_buffers()) {
		return "it does not take our buffers";
	}
	if (!find_partitions()) {
		return "it does not tell its partitions";
	}
	return sp_run_init() ? NULL : "there is no memory to keep account of its partitions";
}

void spmc_find(void)
{
	const char *why;
	char name[16];

	spmc.version = firmware_has_smccc_1_2() ? negotiate() : 0;
	if (spmc.version == 0) {
		return;
	}
	why = connect();
	if (why != NULL) {
		log_error("FF-A: there is an SPMC, but %s; VMs cannot reach partitions", why);
		spmc.version = 0;
		return;
	}
	spmc.sri = find_sri();
	ffa_below = &below;
	version_name(spmc.version, name, sizeof(name));
	log_info("FF-A %s: an SPMC with %u partition%s", name, ffa_partition_count(),
		 ffa_partition_count() == 1 ? "" : "s");
}
