/* SPDX-License-Identifier: MIT */
/* Guests of a hypervisor: memory among them, and with SPs of an SPMC below that is played. */
#include "cmocka_main.h"

#include "arch/cache.h"
#include "ffa/discovery.h"
#include "impl/cache.h"
#include "played_below.h"

#define UNMAPPED UINT32_MAX

static unsigned attrs_of(unsigned who, uint64_t address)
{
	unsigned attrs = UNMAPPED;
	uint64_t run;
	pa_t to;

	(void)stage2_lookup(&world.tables[who], ipa(address), &to, &attrs, &run);
	return attrs;
}

/* Guest 'who' sends its pages 'first'.. to 'to', one range each; the code. */
static int send_pages(unsigned who, enum ffa_memory_type type, uint16_t to, unsigned first, unsigned count,
		      struct descriptor *d, uint64_t *handle)
{
	static struct range ranges[300];
	unsigned party = 1;

	for (unsigned i = 0; i < count; i++) {
		ranges[i] = (struct range){ page_at(who, first + i), 1 };
	}
	*d = descriptor_of(who, type, 1, &party, ranges, count);
	d->id[0] = to;
	return send(who, call_of(type), d, 0, 0, false, handle);
}

/* ---- among guests ---- */

static void a_guest_finds_what_it_borrows_in_the_upper_half(void **state)
{
	struct descriptor d, request;
	uint64_t handle;

	(void)state;
	assert_int_equal(send_pages(0, FFA_MEMORY_SHARE, 2, 3, 2, &d, &handle), 0);
	assert_int_equal(attrs_of(0, page_at(0, 3)), RWX | STAGE2_SHARED_OWNED);
	request = request_of(1, FFA_MEMORY_SHARE, &d, handle);
	assert_int_equal(retrieve(1, &request), 0);
	assert_int_equal(response.d.range_count, 2);
	assert_int_equal(response.ranges[0].address, borrowed_at(0, 3));
	assert_int_equal(response.ranges[1].address, borrowed_at(0, 4));
	assert_int_equal(response.d.attributes, ATTRIBUTES_SHARED); /* NS says nothing here */
	assert_int_equal(attrs_of(1, borrowed_at(0, 3)), RW | STAGE2_SHARED_BORROWED);
	assert_int_equal(attrs_of(1, page_at(1, 3)), RWX);
	request = request_of(2, FFA_MEMORY_SHARE, &d, handle);
	assert_int_equal(retrieve(2, &request), FFA_INVALID_PARAMETERS); /* nobody shared with it */
	assert_int_equal(reclaim(2, handle, 0), FFA_INVALID_PARAMETERS);
	assert_int_equal(reclaim(0, handle, 0), FFA_DENIED);
	assert_int_equal(relinquish(1, 2, handle, 0), 0);
	assert_int_equal(attrs_of(1, borrowed_at(0, 3)), UNMAPPED);
	assert_int_equal(reclaim(0, handle, 0), 0);
	assert_int_equal(attrs_of(0, page_at(0, 3)), RWX);
	assert_int_equal(ffa_mem_count(), 0);
	assert_int_equal(world.waits, 0); /* what it shares its devices may reach */
}

static void a_guest_may_let_another_execute_what_it_lends(void **state)
{
	struct descriptor d, request;
	uint64_t handle;

	(void)state;
	assert_int_equal(send_pages(0, FFA_MEMORY_LEND, 2, 0, 1, &d, &handle), 0);
	assert_int_equal(attrs_of(0, page_at(0, 0)), STAGE2_LENT);
	request = request_of(1, FFA_MEMORY_LEND, &d, handle);
	request.permissions[0] = FFA_DATA_RO | FFA_EXEC_X << 2;
	assert_int_equal(retrieve(1, &request), 0);
	assert_int_equal(attrs_of(1, borrowed_at(0, 0)), STAGE2_R | STAGE2_X | STAGE2_SHARED_BORROWED);
}

static void what_is_not_its_ram_a_guest_cannot_send(void **state)
{
	struct descriptor d, request;
	unsigned to = 1;
	uint64_t handle;
	struct range range = { GUEST_BASE + REGION, 1 };

	(void)state;
	d = descriptor_of(0, FFA_MEMORY_SHARE, 1, &to, &range, 1);
	assert_int_equal(send(0, FFA_MEM_SHARE, &d, 0, 0, false, &handle), FFA_DENIED);
	range.address = GUEST_BASE + REGION - PAGE_SIZE;
	range.pages = 2;
	d.total_pages = 2;
	assert_int_equal(send(0, FFA_MEM_SHARE, &d, 0, 0, false, &handle), FFA_DENIED);
	range.address = world.region[1].v; /* another's, by its physical address */
	assert_int_equal(send(0, FFA_MEM_SHARE, &d, 0, 0, false, &handle), FFA_DENIED);
	range.address = page_at(0, 0) - PAGE_SIZE;
	assert_int_equal(send(0, FFA_MEM_SHARE, &d, 0, 0, false, &handle), FFA_DENIED);
	range = (struct range){ 0, 1 };
	d.total_pages = 1;
	assert_int_equal(send(0, FFA_MEM_SHARE, &d, 0, 0, false, &handle), FFA_DENIED);
	range.address = GUEST_BASE + TX_AT;
	assert_int_equal(send(0, FFA_MEM_SHARE, &d, 0, 0, false, &handle), FFA_DENIED);
	/* What it borrowed, or was given. */
	assert_int_equal(send_pages(0, FFA_MEMORY_DONATE, 2, 5, 1, &d, &handle), 0);
	request = request_of(1, FFA_MEMORY_DONATE, &d, handle);
	assert_int_equal(retrieve(1, &request), 0);
	assert_int_equal(attrs_of(0, page_at(0, 5)), UNMAPPED);
	assert_int_equal(attrs_of(1, borrowed_at(0, 5)), RW);
	range.address = borrowed_at(0, 5);
	to = 2;
	d = descriptor_of(1, FFA_MEMORY_SHARE, 1, &to, &range, 1);
	assert_int_equal(send(1, FFA_MEM_SHARE, &d, 0, 0, false, &handle), FFA_DENIED);
	assert_int_equal(ffa_mem_count(), 0);
}

static void guests_know_guests_that_are_there(void **state)
{
	struct descriptor d;
	uint64_t handle;

	(void)state;
	assert_int_equal(send_pages(0, FFA_MEMORY_SHARE, 1, 0, 1, &d, &handle), FFA_INVALID_PARAMETERS); /* itself */
	assert_int_equal(send_pages(0, FFA_MEMORY_SHARE, 0, 0, 1, &d, &handle), FFA_INVALID_PARAMETERS); /* no such */
	assert_int_equal(send_pages(0, FFA_MEMORY_SHARE, 9, 0, 1, &d, &handle), FFA_INVALID_PARAMETERS);
	assert_int_equal(send_pages(0, FFA_MEMORY_SHARE, SP_ID, 0, 1, &d, &handle), FFA_INVALID_PARAMETERS);
	d.sender = 2;
	d.id[0] = 3;
	assert_int_equal(send(0, FFA_MEM_SHARE, &d, 0, 0, false, &handle), FFA_DENIED); /* in another's name */
	world.sp[1].aborted = 1;
	assert_int_equal(send_pages(0, FFA_MEMORY_SHARE, 2, 0, 1, &d, &handle), FFA_DENIED);
	assert_int_equal(attrs_of(0, page_at(0, 0)), RWX);
	assert_null(ffa_endpoint_find(0));
	assert_null(ffa_endpoint_find(4));
	assert_null(ffa_endpoint_get(FFA_ID_VM_INVALID));
}

static void what_a_dead_guest_left_with_others_comes_back_when_they_let_go(void **state)
{
	struct descriptor d, request;
	uint64_t handle, lost;
	uint8_t *byte = pa_ptr(world.region[0]);

	(void)state;
	*byte = 7;
	assert_int_equal(send_pages(0, FFA_MEMORY_SHARE, 2, 0, 2, &d, &handle), 0);
	request = request_of(1, FFA_MEMORY_SHARE, &d, handle);
	assert_int_equal(retrieve(1, &request), 0);
	assert_int_equal(send_pages(0, FFA_MEMORY_LEND, 3, 4, 1, &d, &lost), 0);
	assert_true(guest_end(0));
	assert_int_equal(ffa_mem_count(), 1);
	ffa_mem_each_held(&world.sp[0]);
	assert_int_equal(world.pages_held, 2);
	guest_start(0); /* anew, as it were in other memory */
	assert_int_equal(reclaim(0, handle, 0), FFA_INVALID_PARAMETERS);
	assert_int_equal(*byte, 7);
	assert_int_equal(retrieve(2, &request), FFA_INVALID_PARAMETERS);
	assert_int_equal(relinquish(1, 2, handle, 0), 0);
	assert_int_equal(world.pages_back, 2);
	assert_int_equal(*byte, 0);
	assert_int_equal(ffa_mem_count(), 0);
	assert_int_equal(world.space[0].record_bytes, 0);
	assert_int_equal(attrs_of(0, page_at(0, 0)), RWX);
}

static void who_holds_pages_of_a_dead_guest_is_named(void **state)
{
	unsigned to[] = { 1, 2 };
	struct range range = { page_at(0, 3), 1 };
	struct descriptor d = descriptor_of(0, FFA_MEMORY_SHARE, 2, to, &range, 1), request;
	uint64_t handle;

	(void)state;
	assert_int_equal(send(0, FFA_MEM_SHARE, &d, 0, 0, false, &handle), 0);
	request = request_of(2, FFA_MEMORY_SHARE, &d, handle);
	assert_int_equal(retrieve(2, &request), 0);
	assert_true(guest_end(0));
	ffa_mem_each_held(&world.sp[0]);
	assert_int_equal(world.pages_held, 1);
	assert_int_equal(world.held_by, sp_id(2));
}

static void what_is_mapped_beside_its_ram_is_not_a_guest_s_to_give(void **state)
{
	/* As far from where it is physically as RAM is, as a bank of flash may be by chance. */
	struct range range = { GUEST_BASE + REGION, 1 };
	unsigned to = 1;
	struct descriptor d;
	uint64_t handle;

	(void)state;
	assert_int_equal(stage2_map(&world.tables[0], ipa(range.address), pa(world.region[0].v + REGION), REGION, RWX),
			 OK);
	d = descriptor_of(0, FFA_MEMORY_LEND, 1, &to, &range, 1);
	assert_int_equal(send(0, FFA_MEM_LEND, &d, 0, 0, false, &handle), FFA_DENIED);
	range = (struct range){ GUEST_BASE + REGION - PAGE_SIZE, 2 };
	d = descriptor_of(0, FFA_MEMORY_LEND, 1, &to, &range, 1);
	assert_int_equal(send(0, FFA_MEM_LEND, &d, 0, 0, false, &handle), FFA_DENIED);
	assert_int_equal(attrs_of(0, GUEST_BASE + REGION), RWX);
	assert_int_equal(attrs_of(0, GUEST_BASE + REGION - PAGE_SIZE), RWX);
	ffa_mailbox_drop(&world.sp[0]);
	assert_int_equal(call(ffa_rxtx_map, 0, FFA_RXTX_MAP_64, GUEST_BASE + REGION, GUEST_BASE, 1, 0),
			 FFA_INVALID_PARAMETERS);
	assert_int_equal(call(ffa_rxtx_map, 0, FFA_RXTX_MAP_64, GUEST_BASE, GUEST_BASE + REGION, 1, 0),
			 FFA_INVALID_PARAMETERS);
	assert_int_equal(attrs_of(0, GUEST_BASE), RWX);
}

static void memory_that_is_too_high_for_others_stays_where_it_is(void **state)
{
	struct descriptor d, request;
	uint64_t handle;

	(void)state;
	(void)guest_end(0);
	world.region[0] = world_memory(REGION);
	assert_true(world.region[0].v >= FFA_BORROWED_BASE);
	guest_start(0);
	assert_int_equal(send_pages(0, FFA_MEMORY_LEND, 2, 3, 2, &d, &handle), 0);
	request = request_of(1, FFA_MEMORY_LEND, &d, handle);
	assert_int_equal(retrieve(1, &request), FFA_DENIED);
	assert_int_equal(reclaim(0, handle, 0), 0);
	assert_int_equal(attrs_of(0, page_at(0, 3)), RWX);
}

static void zeroes_reach_those_whose_caches_are_off(void **state)
{
	struct range range = { page_at(0, 3), 2 };
	unsigned to = 1;
	struct descriptor d = descriptor_of(0, FFA_MEMORY_LEND, 1, &to, &range, 1);
	uint64_t handle;

	(void)state;
	d.flags = FFA_MEM_ZERO;
	host_cache_cleaned = (struct host_cache_record){ 0 };
	assert_int_equal(send(0, FFA_MEM_LEND, &d, 0, 0, false, &handle), 0);
	assert_ptr_equal(host_cache_cleaned.base, pa_ptr(pa(world.region[0].v + 3 * PAGE_SIZE)));
	assert_int_equal(host_cache_cleaned.size, 2 * PAGE_SIZE);
}

/* A page of a donation that fails halfway must come out again without a table. */
static void tables_that_are_being_filled_are_not_compacted(void **state)
{
	uint64_t pages = world.tables[0].table.pages;

	(void)state;
	ffa_mailbox_drop(&world.sp[0]); /* it had divided the block that RAM is */
	world.space[0].mapping = 1;
	ffa_mem_compact();
	assert_int_equal(world.tables[0].table.pages, pages);
	world.space[0].mapping = 0;
	ffa_mem_compact();
	assert_int_equal(world.tables[0].table.pages, pages - 1);
}

static void a_dead_borrower_gives_back(void **state)
{
	struct descriptor d, request;
	uint64_t handle;

	(void)state;
	assert_int_equal(send_pages(0, FFA_MEMORY_LEND, 2, 0, 1, &d, &handle), 0);
	request = request_of(1, FFA_MEMORY_LEND, &d, handle);
	assert_int_equal(retrieve(1, &request), 0);
	*(uint8_t *)pa_ptr(world.region[0]) = 9; /* it writes a secret */
	assert_false(guest_end(1));
	assert_int_equal(*(uint8_t *)pa_ptr(world.region[0]), 0);
	assert_int_equal(reclaim(0, handle, 0), 0);
	assert_int_equal(attrs_of(0, page_at(0, 0)), RWX);
}

/* ---- for SPs ---- */

static void an_sp_s_share_goes_below_with_physical_addresses(void **state)
{
	struct descriptor d, request;
	uint64_t handle;

	(void)state;
	assert_int_equal(send_pages(1, FFA_MEMORY_LEND, SP_ID, 0, 2, &d, &handle), 0);
	assert_int_equal(handle, BELOW_HANDLE + 1);
	assert_int_equal(played.last->ranges_in, 2);
	assert_int_equal(played.last->ranges[1].address, world.region[1].v + PAGE_SIZE);
	assert_true(played.last->complete);
	request = request_of(0, FFA_MEMORY_LEND, &d, handle);
	assert_int_equal(retrieve(0, &request), FFA_INVALID_PARAMETERS);
	assert_int_equal(relinquish(0, 1, handle, 0), FFA_INVALID_PARAMETERS);
	assert_int_equal(reclaim(0, handle, 0), FFA_INVALID_PARAMETERS);
	assert_int_equal(played.reclaims, 0);
	played.codes.reclaim = FFA_DENIED; /* the SP holds it */
	assert_int_equal(reclaim(1, handle, 0), FFA_DENIED);
	assert_int_equal(attrs_of(1, page_at(1, 0)), STAGE2_LENT);
	assert_int_equal(world.away[1], 1);
	assert_int_equal(world.waits, 1);
	played.codes.reclaim = FFA_OK;
	assert_int_equal(reclaim(1, handle, FFA_MEM_ZERO), 0);
	assert_int_equal(world.away[1], 0);
	assert_int_equal(played.reclaim_flags, FFA_MEM_ZERO);
	assert_int_equal(attrs_of(1, page_at(1, 0)), RWX);
	assert_int_equal(reclaim(1, handle, 0), FFA_INVALID_PARAMETERS);
	assert_int_equal(ffa_mem_count(), 0);
}

static void fragments_have_the_handle_of_the_spmc_from_the_first_on(void **state)
{
	struct descriptor d;
	uint64_t handle;

	(void)state;
	assert_int_equal(send_pages(0, FFA_MEMORY_SHARE, SP_ID, 0, 250, &d, &handle), 0);
	assert_int_equal(played.last->ranges_in, 250);
	assert_int_equal(send(0, FFA_MEM_SHARE, &d, 128, 0, true, &handle), 0);
	assert_int_equal(handle, BELOW_HANDLE + 2);
	assert_int_equal(played.sends, 2);
	assert_int_equal(reclaim(0, handle, 0), 0);
	assert_int_equal(played.reclaims, 1); /* the SPMC forgets the part that it was told */
	assert_int_equal(ffa_mem_count(), 1);
	assert_int_equal(send(0, FFA_MEM_SHARE, &d, 128, 1024, false, &handle), FFA_DENIED); /* they are shared */
	assert_int_equal(played.reclaims, 2);
	assert_int_equal(ffa_mem_count(), 1);
	assert_int_equal(reclaim(0, BELOW_HANDLE + 1, 0), 0);
	assert_int_equal(send(0, FFA_MEM_SHARE, &d, 128, 1024, false, &handle), 0);
	assert_int_equal(played.last->ranges_in, 250);
	for (unsigned i = 0; i < 250; i++) {
		assert_int_equal(played.last->ranges[i].address, world.region[0].v + i * PAGE_SIZE);
	}
}

static void what_fails_below_changes_nothing(void **state)
{
	struct descriptor d;
	uint64_t handle;

	(void)state;
	played.codes.send = FFA_NO_MEMORY;
	assert_int_equal(send_pages(0, FFA_MEMORY_LEND, SP_ID, 0, 9, &d, &handle), FFA_NO_MEMORY);
	assert_int_equal(attrs_of(0, page_at(0, 0)), RWX);
	assert_int_equal(played.reclaims, 0);
	played.codes.send = FFA_OK;
	played.codes.frag = FFA_DENIED;
	assert_int_equal(send_pages(0, FFA_MEMORY_LEND, SP_ID, 0, 9, &d, &handle), FFA_DENIED);
	assert_int_equal(attrs_of(0, page_at(0, 8)), RWX);
	assert_int_equal(ffa_mem_count(), 0);
	assert_int_equal(world.space[0].record_bytes, 0);
	assert_int_equal(world.away[0], 0);
}

static void guests_and_sps_are_not_mixed(void **state)
{
	unsigned to[] = { 1, 2 };
	struct range range = { page_at(0, 0), 1 };
	struct descriptor d;
	uint64_t handle;

	(void)state;
	d = descriptor_of(0, FFA_MEMORY_SHARE, 2, to, &range, 1);
	d.id[1] = SP_ID;
	assert_int_equal(send(0, FFA_MEM_SHARE, &d, 0, 0, false, &handle), FFA_DENIED);
	assert_int_equal(played.sends, 0);
}

static void what_an_sp_keeps_of_a_dead_guest_is_asked_for_again(void **state)
{
	struct descriptor d;
	uint64_t handle, partial;

	(void)state;
	assert_int_equal(send_pages(0, FFA_MEMORY_LEND, SP_ID, 0, 2, &d, &handle), 0);
	assert_int_equal(send_pages(0, FFA_MEMORY_LEND, SP_ID, 4, 250, &d, &partial), 0);
	assert_int_equal(reclaim(0, partial, 0), 0);
	assert_int_equal(send(0, FFA_MEM_LEND, &d, 128, 0, true, &partial), 0);
	played.reclaims = 0;
	played.codes.reclaim = FFA_DENIED;
	assert_true(guest_end(0));
	assert_int_equal(played.reclaims, 2); /* and the one that was not complete is forgotten, whatever is answered */
	assert_int_equal(ffa_mem_count(), 1);
	ffa_mem_each_held(&world.sp[0]);
	assert_int_equal(world.pages_held, 2);
	assert_int_equal(ask_again(), 1);
	guest_start(0);
	assert_int_equal(reclaim(0, handle, 0), FFA_INVALID_PARAMETERS);
	played.codes.reclaim = FFA_OK;
	assert_int_equal(ask_again(), 0);
	assert_int_equal(world.pages_back, 2);
	assert_int_equal(ffa_mem_count(), 0);
	assert_int_equal(world.space[0].record_bytes, 0);
}

static void buffers_are_known_below_and_rx_is_acquired_there(void **state)
{
	struct descriptor d, request;
	uint64_t handle;

	(void)state;
	ffa_mailbox_drop(&world.sp[1]);
	assert_int_equal(played.unmaps, 1);
	played.codes.map = FFA_BUSY;
	assert_int_equal(call(ffa_rxtx_map, 1, FFA_RXTX_MAP_64, GUEST_BASE + TX_AT, GUEST_BASE + RX_AT, 1, 0),
			 FFA_BUSY);
	assert_int_equal(attrs_of(1, GUEST_BASE + TX_AT), RWX);
	played.codes.map = FFA_OK;
	assert_int_equal(call(ffa_rxtx_map, 1, FFA_RXTX_MAP_64, GUEST_BASE + TX_AT, GUEST_BASE + RX_AT, 1, 0), 0);
	assert_int_equal(played.maps, 2);
	assert_int_equal(send_pages(0, FFA_MEMORY_SHARE, 2, 0, 1, &d, &handle), 0);
	request = request_of(1, FFA_MEMORY_SHARE, &d, handle);
	played.codes.acquire = FFA_DENIED; /* an SP's message is in it */
	assert_int_equal(retrieve(1, &request), FFA_BUSY);
	assert_int_equal(attrs_of(1, borrowed_at(0, 0)), UNMAPPED);
	played.codes.acquire = FFA_OK;
	request.tag = 1;
	assert_int_equal(retrieve(1, &request), FFA_INVALID_PARAMETERS);
	assert_int_equal(played.acquires, 0); /* nothing was written */
	request.tag = 0;
	assert_int_equal(retrieve(1, &request), 0); /* and releases it */
	assert_int_equal(played.acquires, 1);
	assert_int_equal(played.releases, 1);
	assert_int_equal(release_rx(1), 0); /* what an SP may have written */
	assert_int_equal(played.releases, 2);
}

/* ---- messages, and what guests are told ---- */

static void put_message(unsigned who, uint16_t to)
{
	put(tx_of(who), 0, 8);
	put(tx_of(who) + 8, 40, 4);
	put(tx_of(who) + 12, (uint64_t)sp_id(who) << 16 | to, 4);
	put(tx_of(who) + 16, 4, 4);
	memset(tx_of(who) + 20, 0, 20);
	put(tx_of(who) + 40, 0x12345678, 4);
}

static void messages_go_to_guests_here_and_to_sps_below(void **state)
{
	(void)state;
	world.sp[0].properties = FFA_PROPERTY_INDIRECT;
	put_message(0, 2);
	assert_int_equal(call(ffa_msg_send2, 0, FFA_MSG_SEND2, 0, 0, 0, 0), FFA_DENIED); /* it receives none */
	world.sp[1].properties = FFA_PROPERTY_INDIRECT;
	assert_int_equal(call(ffa_msg_send2, 0, FFA_MSG_SEND2, 0, FFA_MSG_SEND2_DELAY_SRI, 0, 0),
			 FFA_INVALID_PARAMETERS);
	assert_int_equal(call(ffa_msg_send2, 0, FFA_MSG_SEND2, 0, 0, 0, 0), 0);
	assert_int_equal(get(rx_of(1) + 40, 4), 0x12345678);
	assert_int_equal(played.acquires, 1);
	assert_int_equal(call(ffa_msg_send2, 0, FFA_MSG_SEND2, 0, 0, 0, 0), FFA_BUSY);
	put_message(0, SP_ID);
	assert_int_equal(call(ffa_msg_send2, 0, FFA_MSG_SEND2, 0, 0, 0, 0), 0);
	assert_int_equal(played.messages, 1);
}

static void guests_are_told_of_guests_and_sps(void **state)
{
	uint64_t properties;

	(void)state;
	world.sp[1].properties = FFA_PROPERTY_DIRECT_RECV;
	assert_int_equal(call(ffa_partition_info_get, 0, FFA_PARTITION_INFO_GET, 0, 0, 0, 0), 0);
	assert_int_equal(x[2], SPS + PLAYED_SPS);
	assert_int_equal(get(rx_of(0) + 24, 2), 2);
	properties = get(rx_of(0) + 24 + 4, 4);
	assert_int_equal(properties, FFA_PROPERTY_DIRECT_RECV | FFA_PROPERTY_AARCH64);
	assert_int_equal(get(rx_of(0) + 72, 2), SP_ID);
	assert_int_equal(get(rx_of(0) + 72 + 4, 4), played.sps[0].properties);
	assert_int_equal(call(ffa_features, 0, FFA_FEATURES, FFA_FEATURE_NPI, 0, 0, 0), 0);
	assert_int_equal(x[2], FFA_INTID_GUEST_NPI);
	assert_int_equal(call(ffa_features, 0, FFA_FEATURES, FFA_FEATURE_SRI, 0, 0, 0), FFA_NOT_SUPPORTED);
	assert_int_equal(call(ffa_features, 0, FFA_FEATURES, FFA_NOTIFICATION_BITMAP_CREATE, 0, 0, 0),
			 FFA_NOT_SUPPORTED);
	assert_int_equal(call(ffa_features, 0, FFA_FEATURES, FFA_NOTIFICATION_INFO_GET_64, 0, 0, 0), FFA_NOT_SUPPORTED);
	assert_int_equal(call(ffa_features, 0, FFA_FEATURES, FFA_MEM_SHARE_64, 0, 0, 0), 0);
	assert_int_equal(call(ffa_spm_id_get, 0, FFA_SPM_ID_GET, 0, 0, 0, 0), 0);
	ffa_below = NULL;
	assert_int_equal(call(ffa_spm_id_get, 0, FFA_SPM_ID_GET, 0, 0, 0, 0), FFA_NOT_SUPPORTED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_guest_finds_what_it_borrows_in_the_upper_half, start),
		cmocka_unit_test_setup(a_guest_may_let_another_execute_what_it_lends, start),
		cmocka_unit_test_setup(what_is_not_its_ram_a_guest_cannot_send, start),
		cmocka_unit_test_setup(guests_know_guests_that_are_there, start),
		cmocka_unit_test_setup(what_a_dead_guest_left_with_others_comes_back_when_they_let_go, start),
		cmocka_unit_test_setup(who_holds_pages_of_a_dead_guest_is_named, start),
		cmocka_unit_test_setup(what_is_mapped_beside_its_ram_is_not_a_guest_s_to_give, start),
		cmocka_unit_test_setup(memory_that_is_too_high_for_others_stays_where_it_is, start),
		cmocka_unit_test_setup(zeroes_reach_those_whose_caches_are_off, start),
		cmocka_unit_test_setup(tables_that_are_being_filled_are_not_compacted, start),
		cmocka_unit_test_setup(a_dead_borrower_gives_back, start),
		cmocka_unit_test_setup(an_sp_s_share_goes_below_with_physical_addresses, start_with_spmc),
		cmocka_unit_test_setup(fragments_have_the_handle_of_the_spmc_from_the_first_on, start_with_spmc),
		cmocka_unit_test_setup(what_fails_below_changes_nothing, start_with_spmc),
		cmocka_unit_test_setup(guests_and_sps_are_not_mixed, start_with_spmc),
		cmocka_unit_test_setup(what_an_sp_keeps_of_a_dead_guest_is_asked_for_again, start_with_spmc),
		cmocka_unit_test_setup(buffers_are_known_below_and_rx_is_acquired_there, start_with_spmc),
		cmocka_unit_test_setup(messages_go_to_guests_here_and_to_sps_below, start_with_spmc),
		cmocka_unit_test_setup(guests_are_told_of_guests_and_sps, start_with_spmc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
