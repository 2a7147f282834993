/* SPDX-License-Identifier: MIT */
/*
 * Discovery, mailboxes, messages, notifications, permissions and console, called by the normal world and three SPs in
 * any order with values that are half right: every answer is one that the call may give, and the state stays
 * consistent.
 */
#include <stdint.h>

#include "../unit/ffa/ffa_world.h"
#include "arch/host/host.h"

#define STEPS_MAX 400

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t *at, *end;
static bool initializing;

static uint8_t next_byte(void)
{
	return at < end ? *at++ : 0;
}

static uint64_t next_word(void)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < 8; i++) {
		value = value << 8 | next_byte();
	}
	return value;
}

static void log_nothing(enum log_level level, const char *text)
{
	(void)level;
	CHECK(strlen(text) < 300);
}

static void perm_get(struct ffa_endpoint *caller, uint64_t *regs)
{
	ffa_mem_perm_get(caller, initializing, regs);
}
static void perm_set(struct ffa_endpoint *caller, uint64_t *regs)
{
	ffa_mem_perm_set(caller, initializing, regs);
}
static void console(struct ffa_endpoint *caller, uint64_t *regs)
{
	ffa_console_log(caller, next_byte() % MAX(caller->vcpu_count, 1), regs);
}

/*
 * 'shape' says of each argument what would be right: 'p' a page, 'n' a small number, 'w' a word, 'b' and 'h' some bits;
 * 'z' and 'Z' whose mailbox ('Z' in the upper half); 'r', 's', 'g': sender and receiver where the caller is the
 * receiver, the sender, or asks for itself; 'v' flags with a vCPU; 'c' a call's id or a feature.
 */
static const struct {
	void (*function)(struct ffa_endpoint *caller, uint64_t *x);
	uint32_t id;
	const char *shape;
} calls[] = {
	{ ffa_version, FFA_VERSION, "w" },
	{ ffa_features, FFA_FEATURES, "cn" },
	{ ffa_id_get, FFA_ID_GET, "" },
	{ ffa_partition_info_get, FFA_PARTITION_INFO_GET, "" },
	{ ffa_partition_info_get, FFA_PARTITION_INFO_GET, "nnnnn" },
	{ ffa_partition_info_get_regs, FFA_PARTITION_INFO_GET_REGS_64, "  n" },
	{ ffa_rxtx_map, FFA_RXTX_MAP_64, "ppn" },
	{ ffa_rxtx_map, FFA_RXTX_MAP_64, "ppn" },
	{ ffa_rxtx_map, FFA_RXTX_MAP_64, "" }, /* of a VM */
	{ ffa_rxtx_unmap, FFA_RXTX_UNMAP, "Z" },
	{ ffa_rx_release, FFA_RX_RELEASE, "z" },
	{ ffa_rx_acquire, FFA_RX_ACQUIRE, "z" },
	{ ffa_msg_send2, FFA_MSG_SEND2, "Z" },
	{ ffa_msg_send2, FFA_MSG_SEND2, "Zn" },
	{ ffa_notification_bitmap_create, FFA_NOTIFICATION_BITMAP_CREATE, "zn" },
	{ ffa_notification_bitmap_destroy, FFA_NOTIFICATION_BITMAP_DESTROY, "z" },
	{ ffa_notification_bind, FFA_NOTIFICATION_BIND, "rnbh" },
	{ ffa_notification_unbind, FFA_NOTIFICATION_UNBIND, "r bh" },
	{ ffa_notification_set, FFA_NOTIFICATION_SET, "svbh" },
	{ ffa_notification_set, FFA_NOTIFICATION_SET, "svbh" },
	{ ffa_notification_get, FFA_NOTIFICATION_GET, "gn" },
	{ ffa_notification_info_get, FFA_NOTIFICATION_INFO_GET_64, "" },
	{ ffa_notification_info_get, FFA_NOTIFICATION_INFO_GET, "" },
	{ perm_get, FFA_MEM_PERM_GET_64, "p" },
	{ perm_set, FFA_MEM_PERM_SET_64, "pnn" },
	{ console, FFA_CONSOLE_LOG_64, "nwwwn" },
	{ console, FFA_CONSOLE_LOG, "nwwwn" },
};

/* An endpoint's id: often a good one. */
static uint16_t some_id(void)
{
	uint8_t how = next_byte();

	return how < 96    ? (uint16_t)(FFA_ID_SP_FIRST + how % 4)
	       : how < 240 ? how % 6
			   : (uint16_t)(next_byte() << 8 | how);
}

static uint64_t some_page(const struct ffa_endpoint *caller)
{
	uint8_t how = next_byte();
	unsigned whose = how >= 240             ? how % (WORLD_SPS + 1)
			 : ffa_is_local(caller) ? caller->id - FFA_ID_SP_FIRST
						: WORLD_SPS;

	return world_page(whose, how % 8) + (how == 255);
}

static uint64_t some_argument(const struct ffa_endpoint *caller, char shape)
{
	bool sp = ffa_is_local(caller);
	uint8_t how = next_byte();

	if (how >= 248) {
		return next_word();
	}
	switch (shape) {
	case 'p':
		return some_page(caller);
	case 'n':
		return how % 32 == 0 ? how : how % 8;
	case 'w':
		return how % 2 == 0 ? 0x10000 | how % 3 : next_word();
	case 'b':
		return how % 8 == 0 ? (uint32_t)next_word() : 1u << how % 2;
	case 'h':
		return how % 8 == 0 ? how : 0;
	case 'z':
		return sp ? 0 : some_id();
	case 'Z':
		return sp ? 0 : (uint64_t)some_id() << 16;
	case 'r':
		return (uint64_t)some_id() << 16 | (sp ? caller->id : some_id());
	case 's':
		return (uint64_t)(sp ? caller->id : some_id()) << 16 | some_id();
	case 'g':
		return (uint64_t)(how % 5) << 16 | (sp ? caller->id : some_id());
	case 'v':
		return how % 2 != 0 ? (uint64_t)(how % 5) << 16 | 1 : how % 8 == 0 ? how : 0;
	case 'c':
		return how < 8 ? how : (how % 2 != 0 ? 0x84000000 : 0xc4000000) | (0x5c + how % 0x38);
	default:
		return 0;
	}
}

static struct ffa_endpoint *some_caller(void)
{
	unsigned who = next_byte() % (WORLD_SPS + 2);

	return who < WORLD_SPS ? &world.sps[who] : &ffa_nwd;
}

/* A TX buffer gets a message or the map of a VM, as good as the input is. */
static void fill_tx(struct ffa_endpoint *e, bool with_map)
{
	uint8_t *tx = pa_ptr(e->mailbox.tx.base);
	struct ffa_message_header message = { .offset = 20 + next_byte() % 64, .receiver = some_id(), .sender = e->id };
	struct {
		struct ffa_endpoint_rxtx header;
		struct ffa_composite tx;
		struct ffa_constituent tx_range;
		struct ffa_composite rx;
		struct ffa_constituent rx_range;
	} map = { { .endpoint = some_id(), .rx_offset = 48, .tx_offset = 16 }, { 1, 1, 0 }, { 0 }, { 1, 1, 0 }, { 0 } };

	if (e->mailbox.size == 0) {
		return;
	}
	if (!with_map) {
		message.size = next_byte() % 8 != 0 ? next_byte() : (uint32_t)next_byte() << (next_byte() % 25);
		memcpy(tx, &message, sizeof(message));
	} else {
		map.tx_range = (struct ffa_constituent){ .address = some_page(&ffa_nwd), .page_count = 1 };
		map.rx_range = (struct ffa_constituent){ .address = some_page(&ffa_nwd), .page_count = 1 };
		memcpy(tx, &map, sizeof(map));
	}
	if (next_byte() % 4 == 0) {
		tx[next_byte() % 80] = next_byte();
	}
}

static void bind(struct ffa_endpoint *receiver, uint64_t sender, uint64_t per_vcpu, uint64_t bits)
{
	CALL(ffa_notification_bind, receiver, FFA_NOTIFICATION_BIND, sender << 16 | receiver->id, per_vcpu, bits);
	CHECK(answer() == FFA_OK);
}

/* Where most sequences get interesting: mailboxes are mapped, bits 0 and 1 bound, one of them per vCPU. */
static void prepare(void)
{
	CHECK(world_map(&ffa_nwd, nwd_page(0), nwd_page(1), 1) == FFA_OK);
	CHECK(world_map(&world.sps[0], world_page(0, 0), world_page(0, 2), 1) == FFA_OK);
	CHECK(world_map(&world.sps[1], world_page(1, 1), world_page(1, 0), 1) == FFA_OK);
	for (unsigned i = 0; i < WORLD_SPS; i++) {
		uint16_t other = world.sps[(i + 1) % WORLD_SPS].id;

		bind(&world.sps[i], other, 0, 1);
		bind(&world.sps[i], other, FFA_NOTIFICATION_PER_VCPU, 2);
		bind(&world.sps[i], i, i % 2, 1);
	}
}

static void step(void)
{
	struct ffa_endpoint *caller = some_caller(), *vm;
	unsigned which = next_byte() % (ARRAY_SIZE(calls) + 4);

	initializing = caller->kind == FFA_KIND_SP_EL0;
	if (which == ARRAY_SIZE(calls)) {
		fill_tx(caller, next_byte() % 2 != 0);
	} else if (which == ARRAY_SIZE(calls) + 1) {
		vm = ffa_vm_at(next_byte() % 4);
		if (vm != NULL) {
			fill_tx(vm, false);
		}
	} else if (which == ARRAY_SIZE(calls) + 2) {
		world.wakeups[next_byte() % WORLD_SPS] |= next_byte() % 16;
	} else if (which == ARRAY_SIZE(calls) + 3) {
		/* A partition dies and starts again, seldom. */
		if (ffa_is_local(caller) && next_byte() % 8 == 0) {
			ffa_mailbox_drop(caller);
			ffa_notifications_drop(caller);
			ffa_console_flush(caller);
			CHECK(ffa_notifications_enable(caller, caller->vcpu_count) == FFA_OK);
		}
	} else {
		uint64_t a[5] = { 0 };

		bool map_vm = calls[which].function == ffa_rxtx_map && calls[which].shape[0] == '\0';

		if (map_vm || calls[which].id == FFA_MSG_SEND2) {
			fill_tx(caller, map_vm);
		}
		for (unsigned i = 0; calls[which].shape[i] != '\0'; i++) {
			a[i] = some_argument(caller, calls[which].shape[i]);
		}
		CALL(calls[which].function, caller, calls[which].id, a[0], a[1], a[2], a[3], a[4]);
		if (calls[which].function == ffa_version) {
			CHECK(x[0] == FFA_VERSION_OWN || x[0] == UINT32_MAX);
		} else if (calls[which].function != ffa_partition_info_get_regs && calls[which].function != console) {
			answer();
		}
	}
}

static bool overlaps(const struct ffa_buffer *b, uint32_t size, uint64_t page)
{
	return page >= b->base.v && page - b->base.v < size;
}

static unsigned users_of(const struct ffa_endpoint *e, uint64_t page)
{
	const struct ffa_mailbox *m = &e->mailbox;

	return m->size == 0 ? 0u : (overlaps(&m->tx, m->size, page) + (unsigned)overlaps(&m->rx, m->size, page));
}

/* A page is a buffer of at most one endpoint, and its state says whether it is one. */
static void check_page(struct ffa_endpoint *owner, uint64_t page)
{
	unsigned users = users_of(&ffa_nwd, page);
	struct ffa_endpoint *vm;

	for (unsigned i = 0; i < WORLD_SPS; i++) {
		users += users_of(&world.sps[i], page);
	}
	for (unsigned i = 0; (vm = ffa_vm_at(i)) != NULL; i++) {
		users += users_of(vm, page);
	}
	CHECK(users <= 1);
	CHECK((world_attrs(owner, page) & STAGE2_STATE_MASK) == (users == 0 ? STAGE2_OWNED : STAGE2_SHARED_OWNED));
}

static bool check_set(const struct ffa_notifications *n, const struct ffa_notification_set *s)
{
	unsigned words = 0;

	CHECK((s->pending & ~(s->bound & ~s->per_vcpu)) == 0 && (s->reported & ~s->pending) == 0);
	CHECK((s->per_vcpu & ~s->bound) == 0);
	for (unsigned v = 0; v < n->vcpu_count; v++) {
		CHECK((s->vcpu_pending[v] & ~s->per_vcpu) == 0 && (s->vcpu_reported[v] & ~s->vcpu_pending[v]) == 0);
		words += s->vcpu_pending[v] != 0;
	}
	CHECK(words == s->vcpus_pending);
	return s->pending != 0 || words != 0;
}

static void check_endpoint(struct ffa_endpoint *e)
{
	struct ffa_notifications *n = &e->notifications;
	bool pending = check_set(n, &n->from_sp);

	pending |= check_set(n, &n->from_vm) || n->framework != 0;
	CHECK((n->pending_hint != 0) == pending && (n->framework_reported & ~n->framework) == 0);
	CHECK(!spin_is_locked(&n->lock) && !spin_is_locked(&e->mailbox.lock));
	CHECK(n->enabled || (!pending && n->vcpu_count == 0 && n->from_sp.bound == 0));
	CHECK(e->mailbox.size != 0 || e->mailbox.rx_state == FFA_RX_EMPTY);
	CHECK(e->mailbox.rx_state != FFA_RX_HYPERVISOR || e->kind == FFA_KIND_VM);
	if (e->kind == FFA_KIND_VM) {
		CHECK(e->holders == 0);
		CHECK((e->mailbox.size != 0 || n->enabled) == (ffa_endpoint_find(e->id) == e));
	}
}

static void check(bool pages_too)
{
	struct ffa_endpoint *vm;

	check_endpoint(&ffa_nwd);
	for (unsigned i = 0; i < WORLD_SPS; i++) {
		check_endpoint(&world.sps[i]);
	}
	for (unsigned i = 0; (vm = ffa_vm_at(i)) != NULL; i++) {
		check_endpoint(vm);
	}
	for (unsigned i = 0; pages_too && i <= WORLD_SPS; i++) {
		for (unsigned page = 0; page < 12; page++) {
			check_page(i < WORLD_SPS ? &world.sps[i] : &ffa_nwd, world_page(i, page));
		}
	}
}

/* All goes: every page is its owner's again. */
static void drop_all(void)
{
	struct ffa_endpoint *vm;

	for (unsigned i = 0; i < WORLD_SPS; i++) {
		ffa_mailbox_drop(&world.sps[i]);
		ffa_notifications_drop(&world.sps[i]);
	}
	ffa_mailbox_drop(&ffa_nwd);
	for (unsigned i = 0; (vm = ffa_vm_at(i)) != NULL; i++) {
		ffa_mailbox_drop(vm);
	}
	for (unsigned i = 0; i <= WORLD_SPS; i++) {
		for (unsigned page = 0; page < WORLD_PAGES; page++) {
			unsigned attrs = world_attrs(i < WORLD_SPS ? &world.sps[i] : &ffa_nwd, world_page(i, page));

			CHECK((attrs & STAGE2_STATE_MASK) == STAGE2_OWNED);
			CHECK(i == 2 || attrs == RWX);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	at = data;
	end = data + size;
	host_log_hook = log_nothing;
	world_start();
	if (next_byte() % 4 != 0) {
		prepare();
	}
	for (unsigned i = 0; i < STEPS_MAX && at < end; i++) {
		step();
		check(i % 16 == 0);
	}
	check(true);
	drop_all();
	return 0;
}
