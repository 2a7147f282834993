/* SPDX-License-Identifier: MIT */
#include "role/hyp/ffa/spmc.h"

#include "arch/smc.h"
#include "arch/spinlock.h"
#include "arch/world.h"
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

_Static_assert(sizeof(struct smc_regs) == FFA_REGS * sizeof(uint64_t), "registers are all that is in it");

void spmc_call(uint64_t *x)
{
	firmware_call((struct smc_regs *)x);
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
	enum ffa_code code = call(FFA_RXTX_UNMAP, of_vm(guest->id), 0, 0);

	if (code != FFA_OK) {
		log_limited(&surprises, "FF-A: the SPMC does not forget the buffers of VM '%s': code %d", guest->name,
			    code);
	}
}

/* An SPMC of 1.0 has no call for it, and writes to no VM unasked, so there is nothing to release either. */
static enum ffa_code rx_acquire(struct ffa_endpoint *guest)
{
	return spmc.version >= FFA_VERSION_1_1 ? call(FFA_RX_ACQUIRE, guest->id, 0, 0) : FFA_OK;
}

static enum ffa_code rx_release(struct ffa_endpoint *guest)
{
	return spmc.version >= FFA_VERSION_1_1 ? call(FFA_RX_RELEASE, guest->id, 0, 0) : FFA_DENIED;
}

/* Its buffer is read there anew, and what is in the header checked. */
static enum ffa_code msg_send2(struct ffa_endpoint *guest, uint32_t flags)
{
	return call(FFA_MSG_SEND2, of_vm(guest->id), flags, 0);
}

/* ---- memory ---- */

/* The form of descriptors to it. What the sender left out is not to be found there as a zero. */
static uint32_t form_of(const struct ffa_transaction *t)
{
	return t->wide ? spmc.version : MIN(spmc.version, FFA_VERSION_1_1);
}

/* Bytes of header, receivers and the composite's header; ranges are behind it. */
static uint32_t header_size(const struct ffa_transaction *t)
{
	return ffa_descriptor_size(form_of(t), t->borrower_count);
}

/*
 * Takes an answer to a part of a description: FFA_OK if the rest is waited for, or if that was the last part. An SPMC
 * that goes on elsewhere than where we are, or believes that it has all, is none that pages can be given to.
 */
static enum ffa_code take_answer(const struct ffa_transaction *t, const uint64_t *x)
{
	bool last = t->ranges_below == t->range_count;
	uint32_t sent = header_size(t) + t->ranges_below * (uint32_t)sizeof(struct ffa_constituent);

	switch (lo32(x[0])) {
	case FFA_ERROR:
		return spmc_code(x);
	case FFA_SUCCESS:
	case FFA_SUCCESS_64:
		if (last) {
			return FFA_OK;
		}
		break;
	case FFA_MEM_FRAG_RX:
		if (!last && lo32(x[3]) == sent && (!t->told_below || ffa_arg_pair(x, 1) == t->below_handle)) {
			return FFA_OK;
		}
		break;
	default:
		break;
	}
	log_limited(&surprises, "FF-A: the SPMC answers 0x%x to %u of %u ranges, which is out of step", lo32(x[0]),
		    t->ranges_below, t->range_count);
	return FFA_ABORTED;
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

static void put_header(struct ffa_transaction *t)
{
	struct ffa_memory_region region = { .sender = t->sender,
					    .attributes = t->attributes,
					    .flags = t->flags,
					    .tag = t->tag,
					    .access_count = t->borrower_count };
	struct ffa_memory_access_1_2 access[FFA_RECEIVERS_MAX];

	for (uint32_t i = 0; i < t->borrower_count; i++) {
		const struct ffa_borrower *b = &t->borrowers[i];

		access[i] = (struct ffa_memory_access_1_2){
			.endpoint = b->id,
			.permissions = b->permissions,
			.implementation = { b->implementation[0], b->implementation[1] },
		};
	}
	ffa_descriptor_write(mailbox.tx, form_of(t), &region, access,
			     (struct ffa_composite){ .page_count = t->page_count, .range_count = t->range_count });
}

static enum ffa_code mem_send(struct ffa_transaction *t, uint32_t ranges)
{
	uint64_t x[FFA_REGS] = { send_function(t->type) };
	uint32_t start = header_size(t);
	enum ffa_code code;

	t->ranges_below = 0;
	spin_lock(&mailbox.lock);
	put_header(t);
	x[1] = start + t->range_count * sizeof(struct ffa_constituent);
	x[2] = put_ranges(t, start, ranges);
	spmc_call(x);
	spin_unlock(&mailbox.lock);
	code = take_answer(t, x);
	if (lo32(x[0]) == FFA_MEM_FRAG_RX || lo32(x[0]) == FFA_SUCCESS || lo32(x[0]) == FFA_SUCCESS_64) {
		t->below_handle = ffa_arg_pair(x, lo32(x[0]) == FFA_MEM_FRAG_RX ? 1 : 2);
	}
	return code;
}

/* True if there is enough for a fragment: what fills our buffer, or the end. */
static bool has_fragment(const struct ffa_transaction *t, uint32_t ranges)
{
	return ranges == t->range_count ? t->ranges_below < ranges
					: ranges - t->ranges_below >= mailbox.size / sizeof(struct ffa_constituent);
}

static enum ffa_code mem_frag(struct ffa_transaction *t, uint32_t ranges)
{
	enum ffa_code code = FFA_OK;

	spin_lock(&mailbox.lock);
	while (code == FFA_OK && has_fragment(t, ranges)) {
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
	uint32_t asked = FFA_VERSION_OWN;
	int32_t answer = ask_version(asked);
	char name[16];

	/* An older one says what it has, or refuses what it does not know. */
	while (answer < 0 && asked > FFA_VERSION_1_0) {
		answer = ask_version(--asked);
	}
	if (answer < 0) {
		return 0;
	}
	version_name((uint32_t)answer, name, sizeof(name));
	if ((uint32_t)answer >> FFA_VERSION_MAJOR_SHIFT != FFA_VERSION_OWN >> FFA_VERSION_MAJOR_SHIFT) {
		log_error("FF-A: the SPMC speaks version %s, and we do not; VMs cannot reach partitions", name);
		return 0;
	}
	if ((uint32_t)answer < asked && ask_version((uint32_t)answer) < 0) {
		log_error("FF-A: the SPMC has version %s and refuses it; VMs cannot reach partitions", name);
		return 0;
	}
	return MIN((uint32_t)answer, asked);
}

static bool is_hypervisor(void)
{
	uint64_t x[FFA_REGS] = { FFA_ID_GET };

	spmc_call(x);
	return spmc_code(x) == FFA_OK && (uint16_t)x[2] == FFA_ID_NWD;
}

/* Bytes that buffers need at least, and by which they are aligned; 0: it does not say. */
static uint32_t buffer_size(void)
{
	static const uint32_t sizes[] = { KIB(4), KIB(64), KIB(16) };
	uint64_t x[FFA_REGS] = { FFA_FEATURES, FFA_RXTX_MAP_64 };
	unsigned code;

	spmc_call(x);
	code = x[2] & 3;
	return spmc_code(x) == FFA_OK && code < ARRAY_SIZE(sizes) ? sizes[code] : 0;
}

/* Whoever ran before us (a boot loader, another kernel) may have left its own there. */
static enum ffa_code map_both(pa_t both, uint32_t size)
{
	enum ffa_code code = call(FFA_RXTX_MAP_64, both.v, both.v + size, size / PAGE_SIZE);

	if (code == FFA_DENIED && call(FFA_RXTX_UNMAP, 0, 0, 0) == FFA_OK) {
		code = call(FFA_RXTX_MAP_64, both.v, both.v + size, size / PAGE_SIZE);
	}
	return code;
}

static bool map_buffers(void)
{
	uint32_t size = buffer_size();
	pa_t both;

	if (size == 0 || pool_alloc(2 * size / PAGE_SIZE, size, PAGE_OWNER_EL2, &both) != OK) {
		return false;
	}
	memset(pa_ptr(both), 0, 2 * (size_t)size);
	if (map_both(both, size) != FFA_OK) {
		pool_free(both, 2 * size / PAGE_SIZE);
		return false;
	}
	mailbox.tx = pa_ptr(both);
	mailbox.rx = mailbox.tx + size;
	mailbox.size = size;
	return true;
}

/* Buffers that the SPMC does not give back stay what they are, and are nobody's. */
static void unmap_buffers(void)
{
	if (call(FFA_RXTX_UNMAP, 0, 0, 0) == FFA_OK) {
		pool_free(pa_from_ptr(mailbox.tx), 2 * mailbox.size / PAGE_SIZE);
	}
}

/* A partition, or one more UUID of one that is known. False: there is no memory. */
static bool add_partition(const struct ffa_partition_info *info)
{
	struct ffa_endpoint *e = ffa_endpoint_find(info->id);
	const uint32_t *word = info->uuid.word;

	if (info->id < FFA_ID_SP_FIRST || info->id >= FFA_ID_SP_FIRST + FFA_SP_MAX || info->vcpu_count == 0) {
		return true; /* a logical partition of the firmware, one too many, or one that nobody can call */
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
	enum ffa_code code;
	bool found;

	spmc_call(x);
	code = spmc_code(x);
	if (code != FFA_OK) {
		return code == FFA_INVALID_PARAMETERS; /* nobody has a UUID: there are none */
	}
	count = lo32(x[2]);
	size = spmc.version >= FFA_VERSION_1_1 ? lo32(x[3]) : sizeof(struct ffa_partition_info_1_0);
	found = size >= sizeof(struct ffa_partition_info_1_0) && count <= mailbox.size / size &&
		add_partitions(count, size);
	(void)call(FFA_RX_RELEASE, 0, 0, 0);
	return found;
}

/* Nobody has heard of them yet. */
static void forget_partitions(void)
{
	struct ffa_endpoint *e;

	for (unsigned i = 0; (e = ffa_partition(i)) != NULL; i++) {
		pool_free_object(e, sizeof(*e));
	}
	ffa_endpoints_init(NULL);
}

static uint32_t find_sri(void)
{
	uint64_t x[FFA_REGS] = { FFA_FEATURES, FFA_FEATURE_SRI };

	if (spmc.version < FFA_VERSION_1_1) {
		return 0;
	}
	spmc_call(x);
	if (lo32(x[0]) != FFA_SUCCESS) {
		return 0;
	}
	if (x[2] >= 16 || x[2] == world_sgi_kick || x[2] == world_sgi_stop) {
		log_error(
			"FF-A: the SPMC's Schedule Receiver Interrupt is %llu, which we cannot take; VMs are not told "
			"of notifications by partitions",
			(unsigned long long)x[2]);
		return 0;
	}
	return (uint32_t)x[2];
}

/* NULL, or why it cannot be worked with; then all is as it was. */
static const char *connect(void)
{
	const char *why = NULL;

	if (!is_hypervisor()) {
		return "it does not take us for the hypervisor";
	}
	if (!map_buffers()) {
		return "it does not take our buffers";
	}
	if (!find_partitions()) {
		why = "it does not tell its partitions";
	} else if (!sp_run_init()) {
		why = "there is no memory to keep account of its partitions";
	}
	if (why != NULL) {
		forget_partitions();
		unmap_buffers();
	}
	return why;
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
