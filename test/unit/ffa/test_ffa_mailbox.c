/* SPDX-License-Identifier: MIT */
/* RX and TX buffers: which pages can be them, who has the RX buffer, and messages from one to another. */
#include "cmocka_main.h"

#include <pthread.h>

#include "ffa_world.h"

#define SP0 (&world.sps[0])
#define SP1 (&world.sps[1])
#define VM 7

static int start(void **state)
{
	(void)state;
	world_start();
	return 0;
}

/* Nothing is left of mailboxes and VMs that were dropped, and every page is what it was. */
static int finish(void **state)
{
	(void)state;
	for (unsigned i = 0; i < WORLD_SPS; i++) {
		ffa_mailbox_drop(&world.sps[i]);
		for (unsigned page = 0; page < WORLD_PAGES; page++) {
			assert_int_equal(world_attrs(&world.sps[i], world_page(i, page)),
					 i == 2 ? STAGE2_R | STAGE2_X : RWX);
		}
	}
	ffa_mailbox_drop(&ffa_nwd);
	for (unsigned i = 0; ffa_vm_at(i) != NULL; i++) {
		ffa_mailbox_drop(ffa_vm_at(i));
	}
	for (unsigned page = 0; page < WORLD_PAGES; page++) {
		assert_int_equal(world_attrs(&ffa_nwd, nwd_page(page)), RWX);
	}
	return 0;
}

static enum ffa_code unmap(struct ffa_endpoint *e, uint64_t id)
{
	CALL(ffa_rxtx_unmap, e, FFA_RXTX_UNMAP, id << 16);
	return answer();
}

static enum ffa_code release(struct ffa_endpoint *e, uint64_t id)
{
	CALL(ffa_rx_release, e, FFA_RX_RELEASE, id);
	return answer();
}

static enum ffa_code acquire(struct ffa_endpoint *e, uint64_t id)
{
	CALL(ffa_rx_acquire, e, FFA_RX_ACQUIRE, id);
	return answer();
}

/* ---- mapping ---- */

static void rxtx_map_takes_the_pages_and_unmap_returns_them(void **state)
{
	uint64_t tx = world_page(0, 1), rx = world_page(0, 3);

	(void)state;
	assert_int_equal(world_map(SP0, tx, rx, 1), FFA_OK);
	assert_int_equal(ffa_mailbox_size(SP0), PAGE_SIZE);
	assert_int_equal(world_attrs(SP0, tx), RW | STAGE2_SHARED_OWNED);
	assert_int_equal(world_attrs(SP0, tx + PAGE_SIZE), RWX);
	assert_int_equal(world_attrs(SP0, rx), STAGE2_R | STAGE2_SHARED_OWNED);
	assert_int_equal(world_attrs(SP0, rx + PAGE_SIZE), RWX);
	assert_int_equal(world_map(SP0, world_page(0, 10), world_page(0, 11), 1), FFA_DENIED);
	assert_int_equal(unmap(SP0, 0), FFA_OK);
	assert_int_equal(ffa_mailbox_size(SP0), 0);
	assert_int_equal(world_attrs(SP0, tx), RWX);
	assert_int_equal(world_attrs(SP0, rx), RWX);
	assert_int_equal(unmap(SP0, 0), FFA_INVALID_PARAMETERS);
	assert_int_equal(world_map(SP0, rx, tx, 1), FFA_OK);
}

static void rxtx_map_of_the_normal_world_keeps_its_access(void **state)
{
	(void)state;
	assert_int_equal(world_map(&ffa_nwd, nwd_page(0), nwd_page(1), 1), FFA_OK);
	assert_int_equal(world_attrs(&ffa_nwd, nwd_page(0)), RW | STAGE2_SHARED_OWNED);
	assert_int_equal(world_attrs(&ffa_nwd, nwd_page(1)), RW | STAGE2_SHARED_OWNED);
	assert_int_equal(unmap(&ffa_nwd, 0), FFA_OK);
}

static void rxtx_map_refuses_what_is_no_buffer(void **state)
{
	uint64_t a = world_page(0, 0), b = world_page(0, 8), n = nwd_page(0);
	struct ffa_space *space = SP0->space;

	(void)state;
	assert_int_equal(world_map(SP0, a, b, 0), FFA_INVALID_PARAMETERS);
	assert_int_equal(world_map(SP0, a, b, FFA_RXTX_PAGES_MAX + 1), FFA_INVALID_PARAMETERS);
	assert_int_equal(world_map(SP0, a, b, 0x40 | 1), FFA_INVALID_PARAMETERS);
	assert_int_equal(world_map(SP0, a + 8, b, 1), FFA_INVALID_PARAMETERS);
	assert_int_equal(world_map(SP0, a, b + 0x800, 1), FFA_INVALID_PARAMETERS);
	assert_int_equal(world_map(SP0, a, a, 1), FFA_INVALID_PARAMETERS);
	assert_int_equal(world_map(SP0, a, n, 1), FFA_INVALID_PARAMETERS);
	assert_int_equal(world_map(SP0, n, a, 1), FFA_INVALID_PARAMETERS);
	assert_int_equal(world_map(SP0, a, world_page(1, 0), 1), FFA_INVALID_PARAMETERS);
	assert_int_equal(world_map(SP0, a, world_page(0, WORLD_PAGES), 1), FFA_INVALID_PARAMETERS);
	assert_int_equal(world_map(SP0, UINT64_MAX - PAGE_SIZE + 1, a, 1), FFA_INVALID_PARAMETERS);
	assert_int_equal(world_map(SP0, 0, 0, 0), FFA_INVALID_PARAMETERS); /* the forwarded form is the hypervisor's */
	/* Not its own, not writable, a device. */
	assert_int_equal(stage2_protect(&space->secure, ipa(b), PAGE_SIZE, RW | STAGE2_SHARED_BORROWED), OK);
	assert_int_equal(world_map(SP0, a, b, 1), FFA_INVALID_PARAMETERS);
	assert_int_equal(world_map(SP0, b, a, 1), FFA_INVALID_PARAMETERS);
	assert_int_equal(stage2_protect(&space->secure, ipa(b), PAGE_SIZE, RW), OK);
	assert_int_equal(stage2_protect(&space->secure, ipa(b), PAGE_SIZE, RW | STAGE2_DEVICE), OK);
	assert_int_equal(world_map(SP0, a, b, 1), FFA_INVALID_PARAMETERS);
	assert_int_equal(stage2_protect(&space->secure, ipa(b), PAGE_SIZE, STAGE2_R), OK);
	assert_int_equal(world_map(SP0, b, a, 1), FFA_INVALID_PARAMETERS);
	assert_int_equal(world_map(SP0, a, b, 1), FFA_OK); /* RX need not be writable */
	assert_int_equal(unmap(SP0, 0), FFA_OK);
	assert_int_equal(world_attrs(SP0, b), STAGE2_R);
	assert_int_equal(stage2_protect(&space->secure, ipa(b), PAGE_SIZE, RWX), OK);
	/* The normal world: of its own memory, and not twice. */
	assert_int_equal(world_map(&ffa_nwd, a, b, 1), FFA_DENIED);
	assert_int_equal(world_map(&ffa_nwd, n, a, 1), FFA_DENIED);
	assert_int_equal(stage2_protect(&world.nwd_space.ns, ipa(n), PAGE_SIZE, STAGE2_LENT), OK);
	assert_int_equal(world_map(&ffa_nwd, n, nwd_page(1), 1), FFA_DENIED);
	assert_int_equal(stage2_protect(&world.nwd_space.ns, ipa(n), PAGE_SIZE, RWX), OK);
}

static void rxtx_map_without_memory_leaves_no_trace(void **state)
{
	struct ffa_endpoint *sp = SP0;
	pa_t page, last = pa(0);
	unsigned refused = 0;

	(void)state;
	/* Blocks to divide, each of which takes a table. */
	for (unsigned i = 1; i <= 2; i++) {
		assert_int_equal(stage2_map(&sp->space->secure, ipa(GIB(i)), pa(GIB(i)), BLOCK_SIZE, RWX), OK);
	}
	while (pool_alloc_page(&page) == OK) {
		memcpy(pa_ptr(page), &last, sizeof(last));
		last = page;
	}
	while (world_map(sp, GIB(1), GIB(2), 1) != FFA_OK) {
		assert_int_equal(answer(), FFA_NO_MEMORY);
		assert_int_equal(ffa_mailbox_size(sp), 0);
		assert_int_equal(world_attrs(sp, GIB(1)), RWX);
		assert_int_equal(world_attrs(sp, GIB(2)), RWX);
		assert_true(last.v != 0);
		page = last;
		memcpy(&last, pa_ptr(page), sizeof(last));
		pool_free(page, 1);
		refused++;
	}
	assert_true(refused >= 2);
	assert_int_equal(world_attrs(sp, GIB(2)), STAGE2_R | STAGE2_SHARED_OWNED);
	ffa_mailbox_drop(sp);
	assert_int_equal(world_attrs(sp, GIB(2)), RWX);
}

static void rxtx_map_takes_memory_that_tables_do_not_need(void **state)
{
	struct stage2 *table = &world.sp_spaces[0].secure;

	(void)state;
	for (unsigned i = 1; i <= 2; i++) {
		assert_int_equal(stage2_map(table, ipa(GIB(i)), pa(GIB(i)), BLOCK_SIZE, RWX), OK);
	}
	world_run_short();
	assert_int_equal(world_map(SP0, GIB(1), GIB(2), 1), FFA_OK);
	assert_int_equal(world_attrs(SP0, GIB(2)), STAGE2_R | STAGE2_SHARED_OWNED);
}

static void rxtx_unmap_is_of_those_who_may(void **state)
{
	(void)state;
	assert_int_equal(world_map(SP0, world_page(0, 0), world_page(0, 1), 1), FFA_OK);
	assert_int_equal(unmap(SP0, SP0->id), FFA_INVALID_PARAMETERS);
	assert_int_equal(unmap(&ffa_nwd, SP0->id), FFA_INVALID_PARAMETERS);
	assert_int_equal(unmap(&ffa_nwd, VM), FFA_INVALID_PARAMETERS);
	assert_int_equal(unmap(&ffa_nwd, FFA_ID_VM_INVALID), FFA_INVALID_PARAMETERS);
	assert_int_equal(unmap(&ffa_nwd, 0), FFA_INVALID_PARAMETERS);
	assert_int_equal(ffa_mailbox_size(SP0), PAGE_SIZE);
}

static void manifest_s_mailbox_stays(void **state)
{
	(void)state;
	assert_int_equal(ffa_mailbox_set_fixed(SP1, pa(world_page(1, 0)), pa(world_page(1, 1)), 0x800),
			 FFA_INVALID_PARAMETERS);
	assert_int_equal(ffa_mailbox_set_fixed(SP1, pa(world_page(1, 0)), pa(world_page(1, 1)), PAGE_SIZE), FFA_OK);
	assert_int_equal(world_map(SP1, world_page(1, 4), world_page(1, 5), 1), FFA_DENIED);
	assert_int_equal(unmap(SP1, 0), FFA_DENIED);
	ffa_mailbox_drop(SP1);
	assert_int_equal(ffa_mailbox_size(SP1), 0);
	assert_int_equal(world_map(SP1, world_page(1, 4), world_page(1, 5), 1), FFA_OK);
	assert_int_equal(unmap(SP1, 0), FFA_OK);
}

/* ---- mailboxes of VMs ---- */

struct forwarded {
	struct ffa_endpoint_rxtx header;
	struct ffa_composite rx;
	struct ffa_constituent rx_range;
	struct ffa_composite tx;
	struct ffa_constituent tx_range;
};

static struct forwarded forwarded_map(uint16_t vm, unsigned page, uint32_t pages)
{
	return (struct forwarded){
		.header = { .endpoint = vm,
			    .rx_offset = offsetof(struct forwarded, rx),
			    .tx_offset = offsetof(struct forwarded, tx) },
		.rx = { .page_count = pages, .range_count = 1 },
		.rx_range = { .address = nwd_page(page), .page_count = pages },
		.tx = { .page_count = pages, .range_count = 1 },
		.tx_range = { .address = nwd_page(page + pages), .page_count = pages },
	};
}

static enum ffa_code forward(struct forwarded f)
{
	memcpy((void *)(uintptr_t)nwd_page(0), &f, sizeof(f));
	return world_map(&ffa_nwd, 0, 0, 0);
}

static void forwarded_map_is_the_vm_s(void **state)
{
	struct forwarded f = forwarded_map(VM, 10, 1);

	(void)state;
	assert_int_equal(world_map(&ffa_nwd, 0, 0, 0), FFA_INVALID_PARAMETERS); /* no TX to read */
	assert_null(ffa_endpoint_find(VM));
	assert_int_equal(world_map(&ffa_nwd, nwd_page(0), nwd_page(1), 1), FFA_OK);
	assert_int_equal(forward(f), FFA_OK);
	assert_non_null(ffa_endpoint_find(VM));
	assert_int_equal(ffa_mailbox_size(ffa_endpoint_find(VM)), PAGE_SIZE);
	assert_int_equal(forward(f), FFA_DENIED);
	assert_int_equal(forward(forwarded_map(VM + 1, 11, 1)), FFA_DENIED); /* those pages are taken */
	assert_null(ffa_endpoint_find(VM + 1));
	assert_int_equal(release(&ffa_nwd, VM), FFA_DENIED);
	assert_int_equal(unmap(&ffa_nwd, VM), FFA_OK);
	assert_null(ffa_endpoint_find(VM));
	assert_int_equal(unmap(&ffa_nwd, VM), FFA_INVALID_PARAMETERS);
}

static void forwarded_map_refuses_broken_descriptors(void **state)
{
	struct forwarded good = forwarded_map(VM, 10, 1), f;

	(void)state;
	assert_int_equal(world_map(&ffa_nwd, nwd_page(0), nwd_page(1), 1), FFA_OK);
#define REFUSED(change)                                                                               \
	f = good;                                                                                     \
	change;                                                                                       \
	assert_int_equal(forward(f), FFA_INVALID_PARAMETERS);                                         \
	assert_null(ffa_endpoint_find(f.header.endpoint &FFA_ID_SECURE || f.header.endpoint == 0 ? VM \
												 : f.header.endpoint))
	REFUSED(f.header.endpoint = 0);
	REFUSED(f.header.endpoint = FFA_ID_VM_INVALID);
	REFUSED(f.header.endpoint = FFA_ID_SP_FIRST);
	REFUSED(f.header.endpoint = FFA_ID_SPMC);
	REFUSED(f.header.rx_offset += 4);
	REFUSED(f.header.tx_offset += 1);
	REFUSED(f.header.tx_offset = PAGE_SIZE - 24);
	REFUSED(f.header.rx_offset = UINT32_MAX - 7);
	REFUSED(f.rx.range_count = 2);
	REFUSED(f.rx.range_count = 0);
	REFUSED(f.rx.page_count = 2);
	REFUSED(f.tx_range.page_count = f.tx.page_count = 2);
	REFUSED(f.tx_range.page_count = f.tx.page_count = f.rx_range.page_count = f.rx.page_count = 0);
	REFUSED(f.tx_range.address++);
	REFUSED(f.tx_range.address = f.rx_range.address);
#undef REFUSED
	f = good;
	f.tx_range.address = world_page(0, 0);
	assert_int_equal(forward(f), FFA_DENIED);
	assert_null(ffa_endpoint_find(VM));
	assert_int_equal(forward(good), FFA_OK);
}

static void vms_are_bounded(void **state)
{
	uint64_t free_pages;

	(void)state;
	for (unsigned id = 1; id <= FFA_VM_MAX; id++) {
		struct ffa_endpoint *vm = ffa_vm_get((uint16_t)(id * 3));

		assert_non_null(vm);
		assert_int_equal(ffa_notifications_enable(vm, 1), FFA_OK);
		ffa_endpoint_put(vm);
	}
	assert_null(ffa_vm_get(1));
	assert_int_equal(world_map(&ffa_nwd, nwd_page(0), nwd_page(1), 1), FFA_OK);
	assert_int_equal(forward(forwarded_map(1, 10, 1)), FFA_NO_MEMORY);
	free_pages = world_free_pages();
	CALL(ffa_notification_bitmap_destroy, &ffa_nwd, FFA_NOTIFICATION_BITMAP_DESTROY, 3);
	assert_int_equal(answer(), FFA_OK);
	assert_int_equal(forward(forwarded_map(1, 10, 1)), FFA_OK);
	assert_true(world_free_pages() >= free_pages);
	assert_null(ffa_endpoint_find(3));
	assert_non_null(ffa_endpoint_find(6));
}

/* ---- who has the RX buffer ---- */

static void rx_states(void **state)
{
	struct ffa_endpoint *vm;
	uint8_t *rx;
	uint32_t size;

	(void)state;
	assert_int_equal(ffa_rx_begin(SP0, &rx, &size), FFA_BUSY);
	assert_int_equal(world_map(SP0, world_page(0, 0), world_page(0, 1), 1), FFA_OK);
	assert_int_equal(release(SP0, 0), FFA_DENIED);
	assert_int_equal(ffa_rx_begin(SP0, &rx, &size), FFA_OK);
	assert_ptr_equal(rx, (void *)(uintptr_t)world_page(0, 1));
	assert_int_equal(size, PAGE_SIZE);
	ffa_rx_end(SP0, false);
	assert_int_equal(ffa_rx_begin(SP0, &rx, &size), FFA_OK);
	ffa_rx_end(SP0, true);
	assert_int_equal(ffa_rx_begin(SP0, &rx, &size), FFA_BUSY);
	assert_int_equal(release(SP0, SP0->id), FFA_INVALID_PARAMETERS);
	assert_int_equal(release(SP0, 0), FFA_OK);
	assert_int_equal(release(SP0, 0), FFA_DENIED);
	/* MSG_WAIT's release, which is of whatever is full. */
	ffa_mailbox_wait(SP0, false);
	assert_int_equal(ffa_rx_begin(SP0, &rx, &size), FFA_OK);
	ffa_rx_end(SP0, true);
	ffa_mailbox_wait(SP0, false);
	assert_int_equal(ffa_rx_begin(SP0, &rx, &size), FFA_OK);
	ffa_rx_end(SP0, true);
	/* The hypervisor's for a VM. */
	assert_int_equal(world_map(&ffa_nwd, nwd_page(0), nwd_page(1), 1), FFA_OK);
	assert_int_equal(acquire(&ffa_nwd, VM), FFA_INVALID_PARAMETERS);
	assert_int_equal(forward(forwarded_map(VM, 10, 1)), FFA_OK);
	vm = ffa_endpoint_find(VM);
	assert_int_equal(acquire(SP0, VM), FFA_NOT_SUPPORTED);
	assert_int_equal(acquire(&ffa_nwd, 0), FFA_NOT_SUPPORTED);
	assert_int_equal(acquire(&ffa_nwd, SP0->id), FFA_NOT_SUPPORTED);
	assert_int_equal(acquire(&ffa_nwd, VM), FFA_OK);
	assert_int_equal(acquire(&ffa_nwd, VM), FFA_DENIED);
	assert_int_equal(ffa_rx_begin(vm, &rx, &size), FFA_BUSY);
	assert_int_equal(release(&ffa_nwd, VM), FFA_OK);
	assert_int_equal(ffa_rx_begin(vm, &rx, &size), FFA_OK);
	ffa_rx_end(vm, true);
	assert_int_equal(acquire(&ffa_nwd, VM), FFA_DENIED);
	assert_int_equal(release(&ffa_nwd, VM), FFA_OK);
	assert_int_equal(release(&ffa_nwd, SP0->id), FFA_INVALID_PARAMETERS);
	assert_int_equal(release(&ffa_nwd, VM + 1), FFA_INVALID_PARAMETERS);
}

static void tx_read_stays_inside(void **state)
{
	uint8_t bytes[16];

	(void)state;
	assert_int_equal(ffa_tx_read(SP0, 0, bytes, 1), FFA_INVALID_PARAMETERS);
	assert_int_equal(world_map(SP0, world_page(0, 0), world_page(0, 1), 1), FFA_OK);
	memset((void *)(uintptr_t)world_page(0, 0), 0x5a, PAGE_SIZE);
	assert_int_equal(ffa_tx_read(SP0, PAGE_SIZE - 16, bytes, 16), FFA_OK);
	assert_int_equal(bytes[15], 0x5a);
	assert_int_equal(ffa_tx_read(SP0, PAGE_SIZE - 15, bytes, 16), FFA_INVALID_PARAMETERS);
	assert_int_equal(ffa_tx_read(SP0, UINT32_MAX, bytes, 2), FFA_INVALID_PARAMETERS);
	assert_int_equal(ffa_tx_read(SP0, 2, bytes, UINT32_MAX), FFA_INVALID_PARAMETERS);
}

/* ---- FFA_MSG_SEND2 ---- */

static void mailboxes(void)
{
	assert_int_equal(world_map(SP0, world_page(0, 0), world_page(0, 1), 1), FFA_OK);
	assert_int_equal(world_map(SP1, world_page(1, 0), world_page(1, 1), 1), FFA_OK);
	assert_int_equal(world_map(&ffa_nwd, nwd_page(0), nwd_page(1), 1), FFA_OK);
}

static uint8_t *tx_of(const struct ffa_endpoint *e)
{
	return pa_ptr(e->mailbox.tx.base);
}
static uint8_t *rx_of(const struct ffa_endpoint *e)
{
	return pa_ptr(e->mailbox.rx.base);
}

static enum ffa_code send_raw(struct ffa_endpoint *caller, struct ffa_endpoint *from, struct ffa_message_header header,
			      uint64_t flags)
{
	memcpy(tx_of(from), &header, sizeof(header));
	CALL(ffa_msg_send2, caller, FFA_MSG_SEND2, from == caller ? 0 : (uint64_t)from->id << 16, flags);
	return answer();
}

static enum ffa_code send(struct ffa_endpoint *from, uint16_t to, uint32_t offset, uint32_t size)
{
	struct ffa_message_header header = { .offset = offset, .receiver = to, .sender = from->id, .size = size };

	return send_raw(from, from, header, 0);
}

static uint64_t get_framework(struct ffa_endpoint *e)
{
	CALL(ffa_notification_get, e, FFA_NOTIFICATION_GET, e->id,
	     FFA_NOTIFICATION_GET_SPM | (ffa_is_local(e) ? FFA_NOTIFICATION_GET_HYP : 0));
	assert_int_equal(answer(), FFA_OK);
	return x[6] | x[7] << 32;
}

static void msg_send2_delivers(void **state)
{
	(void)state;
	mailboxes();
	memset(tx_of(SP0), 0xa5, PAGE_SIZE);
	memset(rx_of(SP1), 0, PAGE_SIZE);
	assert_int_equal(send(SP0, SP1->id, 48, 100), FFA_OK);
	assert_memory_equal(rx_of(SP1), tx_of(SP0), 148);
	assert_int_equal(rx_of(SP1)[148], 0);
	assert_int_equal(world.sri_count, 1);
	assert_int_equal(send(SP0, SP1->id, 48, 100), FFA_BUSY);
	/* The buffer is the receiver's until it knows of the message, and lets go of it. */
	assert_int_equal(release(SP1, 0), FFA_DENIED);
	ffa_mailbox_wait(SP1, false);
	assert_int_equal(send(SP0, SP1->id, 48, 100), FFA_BUSY);
	assert_int_equal(get_framework(SP1), FFA_FRAMEWORK_RX_FULL_SPM);
	assert_int_equal(get_framework(SP1), 0);
	assert_int_equal(release(SP1, 0), FFA_OK);
	assert_int_equal(send(SP0, SP1->id, 40, PAGE_SIZE - 40), FFA_OK);
	assert_int_equal(world.sri_count, 2);
	assert_int_equal(world.sri_delayed_count, 0);
}

/* What SP1 was told last is gone from its RX. */
static bool is_read(void)
{
	enum ffa_code code = send(SP0, SP1->id, 48, 100);

	if (code == FFA_OK) {
		assert_int_equal(get_framework(SP1), FFA_FRAMEWORK_RX_FULL_SPM);
		assert_int_equal(release(SP1, 0), FFA_OK);
		return true;
	}
	assert_int_equal(code, FFA_BUSY);
	return false;
}

static void answer_call_of(const void *vcpu)
{
	uint8_t *rx;
	uint32_t size;

	world.caller = vcpu;
	assert_int_equal(ffa_rx_begin(SP1, &rx, &size), FFA_OK);
	ffa_rx_end(SP1, true);
}

static void wait_as(const void *vcpu, bool retain)
{
	world.caller = vcpu;
	ffa_mailbox_wait(SP1, retain);
}

/* Another may have to wait meanwhile: it has just started, or had an interrupt. */
static void the_answer_to_a_call_is_its_callers(void **state)
{
	const char a, b;

	(void)state;
	mailboxes();
	answer_call_of(&a);
	wait_as(&b, false);
	assert_false(is_read());
	wait_as(&b, true);
	wait_as(&b, false);
	assert_false(is_read());
	wait_as(&a, false);
	assert_true(is_read());
	/* It leaves it to the others. */
	answer_call_of(&a);
	wait_as(&a, true);
	assert_false(is_read());
	wait_as(&b, false);
	assert_true(is_read());
	/* It is off. */
	answer_call_of(&a);
	ffa_mailbox_leave(SP1, &b);
	wait_as(&b, false);
	assert_false(is_read());
	ffa_mailbox_leave(SP1, &a);
	wait_as(&b, false);
	assert_true(is_read());
	/* Whoever says so. */
	answer_call_of(&a);
	world.caller = &b;
	assert_int_equal(release(SP1, 0), FFA_OK);
	assert_true(is_read());
	/* A message is for all of them, also where it has read, or did when the buffers were others. */
	for (unsigned anew = 0; anew < 2; anew++) {
		answer_call_of(&a);
		if (anew != 0) {
			assert_int_equal(unmap(SP1, 0), FFA_OK);
			assert_int_equal(world_map(SP1, world_page(1, 0), world_page(1, 1), 1), FFA_OK);
		} else {
			wait_as(&a, false);
		}
		assert_int_equal(send(SP0, SP1->id, 48, 100), FFA_OK);
		assert_int_equal(get_framework(SP1), FFA_FRAMEWORK_RX_FULL_SPM);
		wait_as(&b, true);
		assert_false(is_read());
		wait_as(&b, false);
		assert_true(is_read());
	}
	world.caller = NULL;
}

static void msg_send2_from_and_to_the_normal_world(void **state)
{
	struct ffa_message_header h = { .offset = 20, .receiver = SP1->id, .sender = 0, .size = 4 };
	struct ffa_endpoint *vm;

	(void)state;
	mailboxes();
	ffa_nwd.version = FFA_VERSION_1_1; /* its header has 20 bytes */
	assert_int_equal(send_raw(&ffa_nwd, &ffa_nwd, h, FFA_MSG_SEND2_DELAY_SRI), FFA_INVALID_PARAMETERS);
	assert_int_equal(send_raw(&ffa_nwd, &ffa_nwd, h, 0), FFA_OK);
	assert_int_equal(get_framework(SP1), FFA_FRAMEWORK_RX_FULL_HYP);
	assert_int_equal(release(SP1, 0), FFA_OK);
	/* A VM behind it: from its own TX. Both ends in the normal world are none of our business. */
	assert_int_equal(forward(forwarded_map(VM, 10, 1)), FFA_OK);
	vm = ffa_endpoint_find(VM);
	h.sender = VM;
	assert_int_equal(send_raw(&ffa_nwd, vm, h, 0), FFA_OK);
	assert_memory_equal(rx_of(SP1), tx_of(vm), 24);
	assert_int_equal(get_framework(SP1), FFA_FRAMEWORK_RX_FULL_HYP);
	/* Whatever its hypervisor speaks, a VM may speak 1.1 or 1.2. */
	assert_int_equal(release(SP1, 0), FFA_OK);
	vm->version = FFA_VERSION_1_2;
	assert_int_equal(send_raw(&ffa_nwd, vm, h, 0), FFA_OK);
	assert_memory_equal(rx_of(SP1), tx_of(vm), 24);
	assert_int_equal(get_framework(SP1), FFA_FRAMEWORK_RX_FULL_HYP);
	assert_int_equal(release(SP1, 0), FFA_OK);
	h.offset = 40;
	h.uuid = world_uuids[1];
	assert_int_equal(send_raw(&ffa_nwd, vm, h, 0), FFA_OK);
	assert_memory_equal(rx_of(SP1), tx_of(vm), 44);
	assert_int_equal(get_framework(SP1), FFA_FRAMEWORK_RX_FULL_HYP);
	assert_int_equal(release(SP1, 0), FFA_OK);
	h.offset = 19;
	assert_int_equal(send_raw(&ffa_nwd, vm, h, 0), FFA_INVALID_PARAMETERS);
	h.offset = 20;
	h.receiver = 0;
	assert_int_equal(send_raw(&ffa_nwd, vm, h, 0), FFA_INVALID_PARAMETERS);
	/* From an SP to them. Without a bitmap there is nobody to tell. */
	assert_int_equal(send(SP0, VM, 40, 1), FFA_OK);
	assert_int_equal(world.sri_count, 4);
	assert_int_equal(release(&ffa_nwd, VM), FFA_OK);
	CALL(ffa_notification_bitmap_create, &ffa_nwd, FFA_NOTIFICATION_BITMAP_CREATE, 0, 4);
	assert_int_equal(answer(), FFA_OK);
	h = (struct ffa_message_header){ .offset = 40, .receiver = 0, .sender = SP0->id };
	assert_int_equal(send_raw(SP0, SP0, h, FFA_MSG_SEND2_DELAY_SRI), FFA_OK);
	assert_int_equal(world.sri_delayed_count, 1);
	assert_int_equal(world.sri_count, 4);
	assert_int_equal(release(&ffa_nwd, 0), FFA_DENIED);
	assert_int_equal(get_framework(&ffa_nwd), FFA_FRAMEWORK_RX_FULL_SPM);
	assert_int_equal(release(&ffa_nwd, 0), FFA_OK);
}

static void msg_send2_refuses(void **state)
{
	struct ffa_message_header h;

	(void)state;
	assert_int_equal(ffa_tx_read(SP0, 0, &h, 1), FFA_INVALID_PARAMETERS);
	CALL(ffa_msg_send2, SP0, FFA_MSG_SEND2);
	assert_int_equal(answer(), FFA_DENIED); /* no TX */
	mailboxes();
	assert_int_equal(send(SP0, SP0->id, 40, 1), FFA_INVALID_PARAMETERS);
	assert_int_equal(send(SP0, 0x8009, 40, 1), FFA_INVALID_PARAMETERS);
	assert_int_equal(send(SP0, VM, 40, 1), FFA_INVALID_PARAMETERS);
	assert_int_equal(send(SP0, world.sps[2].id, 40, 1), FFA_BUSY); /* no RX */
	assert_int_equal(send(SP0, SP1->id, 39, 1), FFA_INVALID_PARAMETERS);
	assert_int_equal(send(SP0, SP1->id, 40, PAGE_SIZE - 39), FFA_INVALID_PARAMETERS);
	assert_int_equal(send(SP0, SP1->id, PAGE_SIZE + 1, 0), FFA_INVALID_PARAMETERS);
	assert_int_equal(send(SP0, SP1->id, UINT32_MAX, 1), FFA_INVALID_PARAMETERS);
	assert_int_equal(send(SP0, SP1->id, 48, UINT32_MAX - 8), FFA_INVALID_PARAMETERS);
	h = (struct ffa_message_header){ .offset = 40, .receiver = SP1->id, .sender = 0 };
	assert_int_equal(send_raw(SP0, SP0, h, 0), FFA_INVALID_PARAMETERS); /* not its name */
	h.sender = SP0->id;
	assert_int_equal(send_raw(SP0, SP0, h, 1), FFA_INVALID_PARAMETERS);
	assert_int_equal(send_raw(SP0, SP0, h, 4), FFA_INVALID_PARAMETERS);
	CALL(ffa_msg_send2, SP0, FFA_MSG_SEND2, (uint64_t)SP0->id << 16);
	assert_int_equal(answer(), FFA_INVALID_PARAMETERS);
	CALL(ffa_msg_send2, &ffa_nwd, FFA_MSG_SEND2, (uint64_t)SP0->id << 16);
	assert_int_equal(answer(), FFA_DENIED);
	CALL(ffa_msg_send2, &ffa_nwd, FFA_MSG_SEND2, (uint64_t)VM << 16);
	assert_int_equal(answer(), FFA_DENIED);
	/* Properties, versions, death. */
	SP1->properties &= ~(uint32_t)FFA_PROPERTY_INDIRECT;
	assert_int_equal(send(SP0, SP1->id, 40, 1), FFA_DENIED);
	assert_int_equal(send(SP1, SP0->id, 40, 1), FFA_DENIED);
	SP1->properties |= FFA_PROPERTY_INDIRECT;
	SP1->version = FFA_VERSION_1_0;
	assert_int_equal(send(SP0, SP1->id, 40, 1), FFA_DENIED);
	assert_int_equal(send(SP1, SP0->id, 40, 1), FFA_DENIED);
	SP1->version = FFA_VERSION_1_1;
	assert_int_equal(send(SP1, SP0->id, 19, 1), FFA_INVALID_PARAMETERS);
	SP1->aborted = 1;
	assert_int_equal(send(SP0, SP1->id, 40, 1), FFA_BUSY);
	SP1->aborted = 0;
	assert_int_equal(world.sri_count, 0);
	assert_int_equal(SP0->mailbox.rx_state, FFA_RX_EMPTY);
	assert_int_equal(SP1->mailbox.rx_state, FFA_RX_EMPTY);
	assert_int_equal(send(SP1, SP0->id, 20, 1), FFA_OK);
	/* Who has no notifications gets messages, but is not told. */
	ffa_notifications_drop(SP1);
	assert_int_equal(send(SP0, SP1->id, 40, 1), FFA_OK);
	assert_int_equal(world.sri_count, 1);
	assert_int_equal(release(SP1, 0), FFA_OK);
}

/* Two CPUs: each SP writes to the other and takes what came, while the normal world maps and unmaps a VM. */
struct talker {
	struct ffa_endpoint *self, *peer;
	unsigned sent, got;
};

static void *talk(void *arg)
{
	struct talker *t = arg;
	struct ffa_message_header h = { .offset = 40, .sender = t->self->id, .receiver = t->peer->id, .size = 2000 };

	for (unsigned round = 0; round < 20000; round++) {
		uint64_t r[FFA_REGS] = { FFA_MSG_SEND2 };

		memcpy(tx_of(t->self), &h, sizeof(h));
		ffa_msg_send2(t->self, r);
		t->sent += r[0] == FFA_SUCCESS;
		memset(r, 0, sizeof(r));
		r[1] = t->self->id;
		r[2] = FFA_NOTIFICATION_GET_SPM;
		ffa_notification_get(t->self, r);
		if (r[6] != 0) {
			memset(r, 0, sizeof(r));
			ffa_rx_release(t->self, r);
			t->got += r[0] == FFA_SUCCESS;
		}
	}
	return NULL;
}

static void msg_send2_both_ways_at_once(void **state)
{
	struct talker a = { SP0, SP1, 0, 0 }, b = { SP1, SP0, 0, 0 };
	pthread_t thread;

	(void)state;
	mailboxes();
	assert_int_equal(pthread_create(&thread, NULL, talk, &a), 0);
	talk(&b);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(a.sent > 0 && b.sent > 0);
	assert_int_equal(a.sent, b.got + (SP1->mailbox.rx_state == FFA_RX_FULL));
	assert_int_equal(b.sent, a.got + (SP0->mailbox.rx_state == FFA_RX_FULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, finish)
		TEST(rxtx_map_takes_the_pages_and_unmap_returns_them),
		TEST(rxtx_map_of_the_normal_world_keeps_its_access),
		TEST(rxtx_map_refuses_what_is_no_buffer),
		TEST(rxtx_map_without_memory_leaves_no_trace),
		TEST(rxtx_map_takes_memory_that_tables_do_not_need),
		TEST(rxtx_unmap_is_of_those_who_may),
		TEST(manifest_s_mailbox_stays),
		TEST(forwarded_map_is_the_vm_s),
		TEST(forwarded_map_refuses_broken_descriptors),
		TEST(vms_are_bounded),
		TEST(rx_states),
		TEST(tx_read_stays_inside),
		TEST(msg_send2_delivers),
		TEST(the_answer_to_a_call_is_its_callers),
		TEST(msg_send2_from_and_to_the_normal_world),
		TEST(msg_send2_refuses),
		TEST(msg_send2_both_ways_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
