/* SPDX-License-Identifier: MIT */
/*
 * FF-A calls of all kinds: any id with any arguments, and sequences that are nearly right, from all CPUs at once, with
 * descriptors that another CPU changes while they are read. Whatever else runs here may be called, and is left in the
 * middle; pages of the scratch memory go out and may never come back; the VM resets itself at any moment.
 *
 * What it does not do is to use the commands of payload/lib/commands.h by which a partition would end, or keep for good
 * what it is lent: who serves those is asked for it.
 */
#include "payload/lib/ffa.h"
#include "payload/lib/partition.h"
#include "payload/lib/psci.h"
#include "payload/lib/string.h"
#include "payload/lib/timer.h"
#include "payload/vm/hostile/hostile.h"

#define HANDLES 16
#define RANGES_MAX 400
#define RESET_MS 3000 /* between two resets, on average and of all CPUs */
#define ALARM_US 2000
#define BUSY_US 3000
#define RESUMES_MAX 8
#define IDS_MAX 16

/* What all CPUs use without a lock: whatever one of them finds there is as good as anything else. */
static uint64_t tx, rx;
static uint64_t handles[HANDLES];
static uint16_t self, ids[IDS_MAX];
static uint32_t id_count;
static uint64_t next_reset;
/* Each CPU's own. Whom it has left in the middle, as FFA_RUN names him; 0: nobody. */
static uint32_t left[CPU_MAX];
static struct ffa_constituent ranges[CPU_MAX][RANGES_MAX];
static struct ffa_transaction transactions[CPU_MAX];

/* ---- arguments that may be right ---- */

static uint16_t random_id(void)
{
	return random_once_in(16) || id_count == 0 ? (uint16_t)random_value() : ids[random_below(id_count)];
}

static uint16_t random_self(void)
{
	return random_once_in(32) ? random_id() : self;
}

/* One of ours, or of somebody else's by chance: they are numbers that go up. */
static uint64_t random_handle(void)
{
	uint64_t handle = handles[random_below(HANDLES)];

	switch (random_below(8)) {
	case 0:
		return handle + random_below(16) - 8;
	case 1:
		return handle ^ BIT(random_below(64));
	default:
		return handle;
	}
}

static void keep_handle(uint64_t handle)
{
	handles[random_below(HANDLES)] = handle;
}

static uint64_t random_bits(void)
{
	return random_once_in(4) ? random_value() : BIT(random_below(8));
}

/* Something that wakes this CPU out of any wait is on its way. */
static struct ffa_regs call(struct ffa_regs r)
{
	alarm_set((uint32_t)random_below(ALARM_US));
	ffa_call(&r);
	return r;
}
#define CALL(...) call((struct ffa_regs){ .x = { __VA_ARGS__ } })

/* ---- anything ---- */

static void any_call(void)
{
	struct ffa_regs r;

	for (uint32_t i = 1; i < ARRAY_SIZE(r.x); i++) {
		r.x[i] = random_once_in(4) ? random_value() : random_once_in(3) ? 0 : random_below(8);
	}
	if (random_once_in(2)) {
		r.x[1] = ffa_pair(random_self(), random_id());
	}
	r.x[0] = FFA_ERROR + random_below(0x90) + (random_once_in(2) ? FFA_64 : 0);
	call(r);
}

static void questions(void)
{
	CALL(FFA_PARTITION_INFO_GET, 0, 0, 0, 0, random_below(3));
	CALL(FFA_PARTITION_INFO_GET_REGS_64, 0, 0, random_below(8));
	CALL(FFA_FEATURES, random_once_in(2) ? FFA_ERROR + random_below(0x90) : random_value());
	CALL(random_once_in(2) ? FFA_ID_GET : FFA_SPM_ID_GET);
	CALL(FFA_VERSION, random_once_in(2) ? FFA_VERSION_1_2 : random_value());
	CALL(FFA_RX_RELEASE, random_once_in(4) ? random_id() : 0);
}

/* The buffers go away, and come back elsewhere, or one of them only. */
static void remap(void)
{
	uint64_t new_tx = random_once_in(8) ? random_page() : random_scratch();
	uint64_t new_rx = random_once_in(8) ? random_page() : random_scratch();
	struct ffa_regs r;

	CALL(FFA_RXTX_UNMAP, random_once_in(8) ? random_value() : 0);
	r = CALL(FFA_RXTX_MAP_64, new_tx, new_rx, random_once_in(16) ? random_value() : 1);
	if (ffa_is(&r, FFA_SUCCESS)) {
		tx = new_tx;
		rx = new_rx;
	}
}

/* What others of our CPUs describe there. */
static void scribble(void)
{
	for (uint32_t i = 0; i < 1000; i++) {
		uint64_t at = tx + (random_below(PAGE_SIZE) & (random_once_in(2) ? 0x78 : 0xff8));

		*(volatile uint64_t *)at = random_once_in(2) ? random_value() : random_scratch();
	}
}

/* ---- memory ---- */

static struct ffa_transaction *describe(uint32_t id)
{
	uint32_t n = this_cpu()->index;
	struct ffa_transaction *t = &transactions[n];
	bool share = (id & ~FFA_64) == FFA_MEM_SHARE, donate = (id & ~FFA_64) == FFA_MEM_DONATE;
	uint64_t scratch = random_scratch();

	*t = (struct ffa_transaction){
		.version = random_once_in(16) ? FFA_VERSION_1_1 : FFA_VERSION_1_2,
		.sender = random_self(),
		.attributes = share ? FFA_ATTRIBUTES_NORMAL : 0,
		.flags = random_once_in(8) ? (uint32_t)random_value() : 0,
		.tag = random_once_in(8),
		.borrower_count = random_once_in(4) ? 2 : 1,
		.ranges = ranges[n],
		.range_count = random_once_in(4) ? 1 + (uint32_t)random_below(RANGES_MAX) : 1,
	};
	for (uint32_t i = 0; i < t->borrower_count; i++) {
		t->borrowers[i].id = random_id();
		t->borrowers[i].permissions = donate ? 0 : FFA_PERMISSIONS(FFA_DATA_RO + random_below(2), 0);
	}
	for (uint32_t i = 0; i < t->range_count; i++) {
		ranges[n][i] = (struct ffa_constituent){
			.address = random_once_in(64) ? random_page() : random_scratch(),
			.page_count = random_once_in(256) ? (uint32_t)random_value() : 1,
		};
	}
	if (t->range_count == 1) {
		ranges[n][0] = (struct ffa_constituent){ scratch, 1 + (uint32_t)random_below(16), 0 };
	}
	return t;
}

/* Changes a word or two of what is described, now and then. */
static void spoil(uint32_t size)
{
	while (random_once_in(3)) {
		((volatile uint32_t *)tx)[random_below(size / 4 + 1)] = (uint32_t)random_value();
	}
}

static uint32_t random_length(uint32_t right)
{
	return random_once_in(16) ? (uint32_t)random_value() : random_once_in(16) ? right ^ 16 : right;
}

static void send(void)
{
	static const uint32_t kinds[] = { FFA_MEM_SHARE_64,  FFA_MEM_LEND_64, FFA_MEM_LEND_64,
					  FFA_MEM_DONATE_64, FFA_MEM_SHARE,   FFA_MEM_LEND };
	uint32_t id = kinds[random_below(random_once_in(8) ? ARRAY_SIZE(kinds) : 3)];
	struct ffa_transaction *t = describe(id);
	uint32_t first = MIN(t->range_count, 1 + (uint32_t)random_below(200));
	uint32_t size = ffa_describe((void *)tx, t, first);
	struct ffa_regs r;

	spoil(size);
	r = CALL(id, random_length(ffa_describe_size(t)), random_length(size));
	for (uint32_t sent = first; ffa_is(&r, FFA_MEM_FRAG_RX) && sent < t->range_count && !random_once_in(4);) {
		uint32_t count = MIN(t->range_count - sent, 1 + (uint32_t)random_below(250));

		keep_handle(ffa_u64(r.x[1], r.x[2]));
		memcpy((void *)tx, &t->ranges[sent], count * sizeof(t->ranges[0]));
		sent += count;
		r = CALL(FFA_MEM_FRAG_TX, r.x[1], r.x[2], random_length(count * (uint32_t)sizeof(t->ranges[0])),
			 r.x[4]);
	}
	if (ffa_is(&r, FFA_SUCCESS)) {
		keep_handle(ffa_u64(r.x[2], r.x[3]));
	}
}

static void retrieve(void)
{
	struct ffa_transaction t = {
		.version = FFA_VERSION_1_2,
		.sender = random_id(),
		.attributes = random_once_in(2) ? FFA_ATTRIBUTES_NORMAL : 0,
		.flags = random_once_in(8) ? (uint32_t)random_value() : 0,
		.handle = random_handle(),
		.borrower_count = 1,
		.borrowers = { { random_self(), FFA_PERMISSIONS(FFA_DATA_RW, random_below(3)) } },
	};
	uint32_t size = ffa_describe((void *)tx, &t, 0);
	struct ffa_regs r;

	spoil(size);
	r = CALL(FFA_MEM_RETRIEVE_REQ_64, random_length(size), random_length(size));
	if (ffa_is(&r, FFA_MEM_RETRIEVE_RESP) && !random_once_in(8)) {
		CALL(FFA_RX_RELEASE);
	}
}

static void give_back(void)
{
	struct ffa_relinquish *request = (struct ffa_relinquish *)tx;
	uint64_t handle = random_handle();

	*request = (struct ffa_relinquish){ .handle = handle, .endpoint_count = 1 };
	request->endpoints[0] = random_self();
	spoil(sizeof(*request));
	CALL(FFA_MEM_RELINQUISH);
	handle = random_handle();
	CALL(FFA_MEM_RECLAIM, (uint32_t)handle, handle >> 32, random_once_in(8) ? random_value() : 0);
	handle = random_handle();
	CALL(random_once_in(2) ? FFA_MEM_FRAG_RX : FFA_MEM_FRAG_TX, (uint32_t)handle, handle >> 32,
	     random_once_in(2) ? random_value() : 16 * random_below(256), random_once_in(2) ? random_value() : 0);
}

/* ---- messages ---- */

/* A command that harms nobody but by the time it takes, or words that come back; or a handle, for such as we are. */
static void random_words(uint64_t *w)
{
	for (uint32_t i = 0; i < 5; i++) {
		w[i] = random_value();
	}
	switch (random_below(6)) {
	case 0:
		w[0] = COMMAND_BUSY;
		w[1] = random_below(BUSY_US);
		w[2] = random_below(2);
		break;
	case 1:
		w[0] = COMMAND_YIELD;
		w[1] = random_below(4);
		w[2] = 0;
		break;
	case 2:
		w[0] = COMMAND_STATE;
		break;
	default:
		/* What was kept as a handle may have been the first word of another's command. */
		w[0] = random_handle();
		w[0] = is_command((uint32_t)w[0]) ? 0 : w[0];
	}
}

/* Goes on with somebody, and leaves him in the middle now and then. */
static void resume(struct ffa_regs r, uint32_t times)
{
	uint32_t *mine = &left[this_cpu()->index];

	for (uint32_t i = 0; i < times && (ffa_is(&r, FFA_INTERRUPT) || ffa_is(&r, FFA_YIELD)); i++) {
		*mine = (uint32_t)r.x[1];
		if (random_once_in(8)) {
			return;
		}
		r = CALL(FFA_RUN, *mine);
	}
	*mine = 0;
}

static void request(void)
{
	static const uint32_t kinds[] = { FFA_MSG_SEND_DIRECT_REQ, FFA_MSG_SEND_DIRECT_REQ_64,
					  FFA_MSG_SEND_DIRECT_REQ2_64 };
	uint32_t kind = kinds[random_below(ARRAY_SIZE(kinds))];
	bool two = kind == FFA_MSG_SEND_DIRECT_REQ2_64;
	struct ffa_regs r = { .x = { kind, ffa_pair(random_self(), random_id()) } };

	if (random_once_in(16)) {
		r.x[2] = random_value();
	}
	random_words(two ? &r.x[4] : &r.x[3]);
	resume(call(r), RESUMES_MAX);
}

/* Whom this CPU has left first: others wait for him, and would do so until the next reset. */
static void run_somebody(void)
{
	uint32_t mine = left[this_cpu()->index];

	if (mine != 0) {
		resume(CALL(FFA_RUN, mine), ~0u);
	}
	CALL(FFA_RUN, ffa_pair(random_id(), (uint32_t)random_below(5)));
	CALL(random_once_in(2) ? FFA_YIELD : FFA_INTERRUPT, random_once_in(4) ? random_value() : 0);
}

/* Takes requests for a while, and answers as it likes. */
static void serve(void)
{
	struct ffa_regs r = CALL(FFA_MSG_WAIT, 0, random_below(2));

	for (uint32_t i = 0; i < RESUMES_MAX && !ffa_is(&r, FFA_ERROR) && !ffa_is(&r, FFA_INTERRUPT); i++) {
		bool two = ffa_is(&r, FFA_MSG_SEND_DIRECT_REQ2_64);

		keep_handle(two ? r.x[4] : r.x[3]);
		if (random_once_in(4)) {
			CALL(FFA_YIELD);
		}
		r.x[0] += random_once_in(16) ? random_below(4) : 1;
		r.x[1] = random_once_in(16) ? random_value() : ffa_pair((uint16_t)r.x[1], (uint16_t)(r.x[1] >> 16));
		r.x[2] = random_once_in(16) ? random_value() : 0;
		r = call(r);
	}
}

static void send_indirect(void)
{
	struct ffa_message_header *header = (struct ffa_message_header *)tx;

	*header = (struct ffa_message_header){ .offset = sizeof(*header),
					       .sender = random_self(),
					       .receiver = random_id(),
					       .size = (uint32_t)random_below(PAGE_SIZE) };
	spoil(sizeof(*header));
	CALL(FFA_MSG_SEND2, 0, random_once_in(4) ? random_value() : 0);
}

static void notifications(void)
{
	uint16_t other = random_id();
	uint64_t bits = random_bits();
	uint32_t flags = random_once_in(4) ? (uint32_t)random_value() : (uint32_t)random_below(2);

	CALL(FFA_NOTIFICATION_BIND, ffa_pair(other, random_self()), flags, (uint32_t)bits, bits >> 32);
	CALL(FFA_NOTIFICATION_SET, ffa_pair(random_self(), other), flags | random_below(5) << 16, (uint32_t)bits,
	     bits >> 32);
	CALL(FFA_NOTIFICATION_GET, ffa_pair((uint32_t)random_below(5), random_self()), random_below(16));
	CALL(FFA_NOTIFICATION_UNBIND, ffa_pair(other, random_self()), 0, (uint32_t)bits, bits >> 32);
}

/* ---- a round ---- */

static void find_others(void)
{
	struct ffa_regs r;

	(void)FFA(FFA_VERSION, FFA_VERSION_1_2);
	r = FFA(FFA_ID_GET);
	self = (uint16_t)r.x[2];
	tx = scratch_base;
	rx = scratch_base + PAGE_SIZE;
	r = FFA(FFA_RXTX_MAP_64, tx, rx, 1);
	r = FFA(FFA_PARTITION_INFO_GET);
	if (ffa_is(&r, FFA_SUCCESS)) {
		const struct ffa_partition_info *info = (const void *)rx;

		for (; id_count < r.x[2] && id_count < IDS_MAX; id_count++) {
			ids[id_count] = info[id_count].id;
		}
		(void)FFA(FFA_RX_RELEASE);
	}
}

void ffa_init(void)
{
	find_others();
	next_reset = timer_now() + timer_ticks((RESET_MS / 2 + random_below(RESET_MS)) * 1000);
}

void ffa_round(void)
{
	static void (*const acts[])(void) = { any_call, any_call,     questions, remap,         send,         send,
					      send,     retrieve,     retrieve,  give_back,     give_back,    request,
					      request,  run_somebody, serve,     send_indirect, notifications };

	if (timer_now() > next_reset) {
		kept->resets++;
		dsb();
		psci_call(PSCI_SYSTEM_RESET, 0, 0, 0);
	}
	/* The last CPU spoils what the others describe, mostly. */
	if (this_cpu()->index == cpu_count - 1 && cpu_count > 1 && !random_once_in(4)) {
		scribble();
		return;
	}
	acts[random_below(ARRAY_SIZE(acts))]();
}
