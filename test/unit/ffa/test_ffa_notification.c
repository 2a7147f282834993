/* SPDX-License-Identifier: MIT */
/* Notifications: each rule and its error, the lists of INFO_GET, and random calls against a model of one receiver. */
#include "cmocka_main.h"

#include <stdio.h>
#include <time.h>

#include "ffa_world.h"

#define SP0 (&world.sps[0]) /* four vCPUs */
#define SP1 (&world.sps[1])
#define VM 7

#define PER_VCPU FFA_NOTIFICATION_PER_VCPU
#define DELAY FFA_NOTIFICATION_DELAY_SRI
#define GET_ALL 15u

static int start(void **state)
{
	(void)state;
	world_start();
	return 0;
}

static enum ffa_code create(struct ffa_endpoint *caller, uint64_t id, uint64_t vcpus)
{
	CALL(ffa_notification_bitmap_create, caller, FFA_NOTIFICATION_BITMAP_CREATE, id, vcpus);
	return answer();
}

static enum ffa_code destroy(struct ffa_endpoint *caller, uint64_t id)
{
	CALL(ffa_notification_bitmap_destroy, caller, FFA_NOTIFICATION_BITMAP_DESTROY, id);
	return answer();
}

static enum ffa_code bind(struct ffa_endpoint *caller, uint64_t sender, uint64_t receiver, uint64_t flags,
			  uint64_t bits)
{
	CALL(ffa_notification_bind, caller, FFA_NOTIFICATION_BIND, sender << 16 | receiver, flags, lo32(bits),
	     hi32(bits));
	return answer();
}

static enum ffa_code unbind(struct ffa_endpoint *caller, uint64_t sender, uint64_t receiver, uint64_t bits)
{
	CALL(ffa_notification_unbind, caller, FFA_NOTIFICATION_UNBIND, sender << 16 | receiver, 0, lo32(bits),
	     hi32(bits));
	return answer();
}

static enum ffa_code set(struct ffa_endpoint *caller, uint64_t sender, uint64_t receiver, uint64_t flags, uint64_t bits)
{
	CALL(ffa_notification_set, caller, FFA_NOTIFICATION_SET, sender << 16 | receiver, flags, lo32(bits),
	     hi32(bits));
	return answer();
}

static enum ffa_code get(struct ffa_endpoint *caller, uint64_t receiver, uint64_t vcpu, uint64_t flags)
{
	CALL(ffa_notification_get, caller, FFA_NOTIFICATION_GET, vcpu << 16 | receiver, flags);
	return answer();
}

static uint64_t from_sp(void)
{
	return x[2] | x[3] << 32;
}
static uint64_t from_vm(void)
{
	return x[4] | x[5] << 32;
}

static enum ffa_code info(struct ffa_endpoint *caller)
{
	CALL(ffa_notification_info_get, caller, FFA_NOTIFICATION_INFO_GET_64);
	return answer();
}

/* ---- rules ---- */

static void bitmaps_are_made_once_and_for_vms(void **state)
{
	(void)state;
	assert_int_equal(create(SP0, VM, 1), FFA_NOT_SUPPORTED);
	assert_int_equal(create(&ffa_nwd, SP0->id, 1), FFA_INVALID_PARAMETERS);
	assert_int_equal(create(&ffa_nwd, FFA_ID_VM_INVALID, 1), FFA_INVALID_PARAMETERS);
	assert_int_equal(create(&ffa_nwd, VM, 0), FFA_INVALID_PARAMETERS);
	assert_int_equal(create(&ffa_nwd, VM, FFA_NOTIFICATION_VCPUS_MAX + 1), FFA_NO_MEMORY);
	assert_int_equal(create(&ffa_nwd, VM, UINT32_MAX), FFA_NO_MEMORY);
	assert_null(ffa_endpoint_find(VM));
	assert_int_equal(create(&ffa_nwd, VM, 2), FFA_OK);
	assert_int_equal(create(&ffa_nwd, VM, 2), FFA_DENIED);
	assert_int_equal(create(&ffa_nwd, 0, FFA_NOTIFICATION_VCPUS_MAX), FFA_OK);
	assert_int_equal(create(&ffa_nwd, 0, 1), FFA_DENIED);
	assert_int_equal(destroy(SP0, VM), FFA_NOT_SUPPORTED);
	assert_int_equal(destroy(&ffa_nwd, SP0->id), FFA_INVALID_PARAMETERS);
	assert_int_equal(destroy(&ffa_nwd, VM + 1), FFA_DENIED);
	assert_int_equal(bind(&ffa_nwd, SP0->id, VM, 0, 1), FFA_OK);
	assert_int_equal(set(SP0, SP0->id, VM, 0, 1), FFA_OK);
	assert_int_equal(destroy(&ffa_nwd, VM), FFA_DENIED);
	assert_int_equal(get(&ffa_nwd, VM, 0, 5), FFA_OK);
	assert_int_equal(destroy(&ffa_nwd, VM), FFA_OK);
	assert_int_equal(destroy(&ffa_nwd, VM), FFA_DENIED);
	assert_null(ffa_endpoint_find(VM));
	assert_int_equal(destroy(&ffa_nwd, 0), FFA_OK);
	/* A bitmap that is made anew has nothing of the old one. */
	assert_int_equal(create(&ffa_nwd, VM, 2), FFA_OK);
	assert_int_equal(set(SP0, SP0->id, VM, 0, 1), FFA_DENIED);
	assert_int_equal(bind(&ffa_nwd, SP1->id, VM, 0, 1), FFA_OK);
	assert_int_equal(destroy(&ffa_nwd, VM), FFA_OK);
}

static void bitmaps_without_memory(void **state)
{
	pa_t page;

	(void)state;
	while (pool_alloc_page(&page) == OK) {
	}
	while (pool_alloc_object(8) != NULL) {
	}
	for (unsigned id = 1; id < 200; id++) {
		if (create(&ffa_nwd, id, FFA_NOTIFICATION_VCPUS_MAX) != FFA_OK) {
			assert_int_equal(answer(), FFA_NO_MEMORY);
			assert_null(ffa_endpoint_find((uint16_t)id));
			return;
		}
	}
	fail_msg("memory without end");
}

static void bitmaps_take_memory_that_tables_do_not_need(void **state)
{
	(void)state;
	world_run_short();
	assert_int_equal(create(&ffa_nwd, VM, FFA_NOTIFICATION_VCPUS_MAX), FFA_OK);
	assert_int_equal(create(&ffa_nwd, VM + 1, FFA_NOTIFICATION_VCPUS_MAX), FFA_OK);
}

static void callers_of_1_0_have_no_notifications(void **state)
{
	void (*const all[])(struct ffa_endpoint *, uint64_t *) = {
		ffa_notification_bitmap_create, ffa_notification_bitmap_destroy,
		ffa_notification_bind,          ffa_notification_unbind,
		ffa_notification_set,           ffa_notification_get,
		ffa_notification_info_get,
	};

	(void)state;
	ffa_nwd.version = SP0->version = FFA_VERSION_1_0;
	for (unsigned i = 0; i < ARRAY_SIZE(all); i++) {
		CALL(all[i], &ffa_nwd, FFA_NOTIFICATION_SET, 1, 1, 1);
		assert_int_equal(answer(), FFA_NOT_SUPPORTED);
		CALL(all[i], SP0, FFA_NOTIFICATION_SET, 1, 1, 1);
		assert_int_equal(answer(), FFA_NOT_SUPPORTED);
	}
}

static void bind_and_unbind_rules(void **state)
{
	const uint64_t all = UINT64_MAX;

	(void)state;
	assert_int_equal(create(&ffa_nwd, VM, 2), FFA_OK);
	/* Who may. */
	assert_int_equal(bind(SP0, SP0->id, SP0->id, 0, 1), FFA_INVALID_PARAMETERS);
	assert_int_equal(bind(SP0, SP1->id, SP1->id, 0, 1), FFA_INVALID_PARAMETERS);
	assert_int_equal(bind(SP0, SP0->id, SP1->id, 0, 1), FFA_INVALID_PARAMETERS);
	assert_int_equal(bind(SP0, SP1->id, VM, 0, 1), FFA_INVALID_PARAMETERS);
	assert_int_equal(bind(SP0, FFA_ID_VM_INVALID, SP0->id, 0, 1), FFA_INVALID_PARAMETERS);
	assert_int_equal(bind(SP0, 0x8009, SP0->id, 0, 1), FFA_INVALID_PARAMETERS);
	assert_int_equal(bind(SP0, FFA_ID_SPMC, SP0->id, 0, 1), FFA_INVALID_PARAMETERS);
	assert_int_equal(bind(SP0, FFA_ID_EL3_FIRST, SP0->id, 0, 1), FFA_INVALID_PARAMETERS);
	assert_int_equal(bind(&ffa_nwd, VM, SP0->id, 0, 1), FFA_INVALID_PARAMETERS);
	assert_int_equal(bind(&ffa_nwd, SP0->id, SP1->id, 0, 1), FFA_INVALID_PARAMETERS);
	assert_int_equal(bind(&ffa_nwd, 0, VM, 0, 1), FFA_INVALID_PARAMETERS);
	assert_int_equal(bind(&ffa_nwd, SP0->id, VM + 1, 0, 1), FFA_INVALID_PARAMETERS);
	assert_int_equal(bind(&ffa_nwd, SP0->id, 0, 0, 1), FFA_NOT_SUPPORTED); /* it has no bitmap */
	/* What. */
	assert_int_equal(bind(SP0, SP1->id, SP0->id, 2, 1), FFA_INVALID_PARAMETERS);
	assert_int_equal(bind(SP0, SP1->id, SP0->id, 0x10001, 1), FFA_INVALID_PARAMETERS);
	assert_int_equal(bind(SP0, SP1->id, SP0->id, 0, 0), FFA_INVALID_PARAMETERS);
	assert_int_equal(bind(SP0, SP1->id, SP0->id, 0, 6), FFA_OK);
	assert_int_equal(bind(SP0, SP1->id, SP0->id, 0, 4), FFA_DENIED);
	assert_int_equal(bind(SP0, world.sps[2].id, SP0->id, 0, 8 | 4), FFA_DENIED);
	assert_int_equal(bind(SP0, world.sps[2].id, SP0->id, 0, 8), FFA_OK); /* the call before did nothing */
	assert_int_equal(bind(SP0, 0, SP0->id, 0, all), FFA_OK); /* those of VMs are others */
	assert_int_equal(bind(SP0, VM, SP0->id, 0, 1), FFA_DENIED);
	/* Unbinding: all of it or none. */
	CALL(ffa_notification_unbind, SP0, FFA_NOTIFICATION_UNBIND, (uint64_t)SP1->id << 16 | SP0->id, 1, 2);
	assert_int_equal(answer(), FFA_INVALID_PARAMETERS);
	assert_int_equal(unbind(SP0, SP1->id, SP0->id, 0), FFA_INVALID_PARAMETERS);
	assert_int_equal(unbind(SP0, SP1->id, SP0->id, 7), FFA_DENIED);
	assert_int_equal(unbind(SP0, SP1->id, SP0->id, 8 | 2), FFA_DENIED);
	assert_int_equal(unbind(SP1, SP0->id, SP1->id, 2), FFA_DENIED);
	assert_int_equal(set(SP1, SP1->id, SP0->id, 0, 2), FFA_OK);
	assert_int_equal(unbind(SP0, SP1->id, SP0->id, 6), FFA_DENIED);
	assert_int_equal(unbind(SP0, SP1->id, SP0->id, 4), FFA_OK);
	assert_int_equal(get(SP0, SP0->id, 0, GET_ALL), FFA_OK);
	assert_int_equal(unbind(SP0, SP1->id, SP0->id, 2), FFA_OK);
	assert_int_equal(bind(SP0, SP1->id, SP0->id, PER_VCPU, 2), FFA_OK);
	assert_int_equal(set(SP1, SP1->id, SP0->id, PER_VCPU | 3 << 16, 2), FFA_OK);
	assert_int_equal(unbind(SP0, SP1->id, SP0->id, 2), FFA_DENIED);
	assert_int_equal(get(SP0, SP0->id, 3, GET_ALL), FFA_OK);
	assert_int_equal(unbind(SP0, SP1->id, SP0->id, 2), FFA_OK);
	/* A receiver that cannot receive. */
	ffa_notifications_drop(SP1);
	assert_int_equal(bind(SP1, SP0->id, SP1->id, 0, 1), FFA_NOT_SUPPORTED);
	assert_int_equal(set(SP0, SP0->id, SP1->id, 0, 1), FFA_DENIED);
	assert_int_equal(get(SP1, SP1->id, 0, 1), FFA_NOT_SUPPORTED);
}

static void set_rules(void **state)
{
	(void)state;
	assert_int_equal(bind(SP0, SP1->id, SP0->id, 0, 1), FFA_OK);
	assert_int_equal(bind(SP0, SP1->id, SP0->id, PER_VCPU, 2), FFA_OK);
	assert_int_equal(bind(SP0, VM, SP0->id, 0, 4), FFA_OK);
	assert_int_equal(set(SP1, SP1->id, SP0->id, 4, 1), FFA_INVALID_PARAMETERS);
	assert_int_equal(set(SP1, SP1->id, SP0->id, 1 << 16, 1), FFA_INVALID_PARAMETERS);
	assert_int_equal(set(SP1, SP0->id, SP1->id, 0, 1), FFA_INVALID_PARAMETERS);
	assert_int_equal(set(SP1, SP1->id, SP1->id, 0, 1), FFA_INVALID_PARAMETERS);
	assert_int_equal(set(SP1, SP1->id, 0x8009, 0, 1), FFA_INVALID_PARAMETERS);
	assert_int_equal(set(SP1, SP1->id, VM, 0, 1), FFA_INVALID_PARAMETERS);
	assert_int_equal(set(SP1, SP1->id, SP0->id, 0, 0), FFA_INVALID_PARAMETERS);
	assert_int_equal(set(SP1, SP1->id, SP0->id, 0, 2), FFA_INVALID_PARAMETERS);
	assert_int_equal(set(SP1, SP1->id, SP0->id, PER_VCPU, 1), FFA_INVALID_PARAMETERS);
	assert_int_equal(set(SP1, SP1->id, SP0->id, PER_VCPU | 4 << 16, 2), FFA_INVALID_PARAMETERS);
	assert_int_equal(set(SP1, SP1->id, SP0->id, 0, 4), FFA_DENIED);
	assert_int_equal(set(SP1, SP1->id, SP0->id, 0, 9), FFA_DENIED);
	assert_int_equal(set(&ffa_nwd, SP1->id, SP0->id, 0, 1), FFA_INVALID_PARAMETERS);
	assert_int_equal(set(&ffa_nwd, VM, 0, 0, 4), FFA_INVALID_PARAMETERS);
	assert_int_equal(set(&ffa_nwd, VM, SP0->id, DELAY, 4), FFA_INVALID_PARAMETERS);
	assert_int_equal(set(&ffa_nwd, VM + 1, SP0->id, 0, 4), FFA_DENIED);
	assert_int_equal(set(&ffa_nwd, 0, SP0->id, 0, 4), FFA_DENIED);
	assert_int_equal(world.sri_count + world.sri_delayed_count, 0);
	assert_false(ffa_notifications_pending(SP0, 0));
	assert_int_equal(info(&ffa_nwd), FFA_NO_DATA);
	assert_int_equal(set(&ffa_nwd, VM, SP0->id, 0, 4), FFA_OK);
	assert_int_equal(world.sri_count, 1);
	assert_int_equal(set(SP1, SP1->id, SP0->id, DELAY, 1), FFA_OK);
	assert_int_equal(world.sri_delayed_count, 1);
	assert_int_equal(set(SP1, SP1->id, SP0->id, PER_VCPU | 3 << 16, 2), FFA_OK);
	assert_true(ffa_notifications_pending(SP0, 0));
	assert_int_equal(get(SP0, SP0->id, 0, 1), FFA_OK);
	assert_int_equal(from_sp(), 1);
	assert_int_equal(from_vm(), 0);
	assert_true(ffa_notifications_pending(SP0, 0));
	assert_int_equal(get(SP0, SP0->id, 0, GET_ALL), FFA_OK);
	assert_int_equal(from_sp(), 0);
	assert_int_equal(from_vm(), 4);
	assert_false(ffa_notifications_pending(SP0, 0));
	assert_true(ffa_notifications_pending(SP0, 3));
	assert_int_equal(get(SP0, SP0->id, 3, GET_ALL), FFA_OK);
	assert_int_equal(from_sp(), 2);
	assert_false(ffa_notifications_pending(SP0, 3));
}

static void get_rules(void **state)
{
	(void)state;
	assert_int_equal(create(&ffa_nwd, VM, 2), FFA_OK);
	assert_int_equal(get(SP0, SP0->id, 0, 0x10), FFA_INVALID_PARAMETERS);
	assert_int_equal(get(SP0, SP1->id, 0, 1), FFA_INVALID_PARAMETERS);
	assert_int_equal(get(SP0, 0, 0, 1), FFA_INVALID_PARAMETERS);
	assert_int_equal(get(SP0, SP0->id, 4, 1), FFA_INVALID_PARAMETERS);
	assert_int_equal(get(SP0, SP0->id, 3, 1), FFA_OK);
	assert_int_equal(get(&ffa_nwd, SP0->id, 0, 1), FFA_INVALID_PARAMETERS);
	assert_int_equal(get(&ffa_nwd, 0, 0, 1), FFA_INVALID_PARAMETERS); /* no bitmap */
	assert_int_equal(get(&ffa_nwd, VM + 1, 0, 1), FFA_INVALID_PARAMETERS);
	assert_int_equal(get(&ffa_nwd, VM, 0, 2), FFA_INVALID_PARAMETERS);
	assert_int_equal(get(&ffa_nwd, VM, 0, 8), FFA_INVALID_PARAMETERS);
	assert_int_equal(get(&ffa_nwd, VM, 2, 5), FFA_INVALID_PARAMETERS);
	assert_int_equal(get(&ffa_nwd, VM, 1, 5), FFA_OK);
	/* Either flag of the framework fetches its whole word. */
	assert_true(ffa_notify_rx_full(SP0, true));
	assert_true(ffa_notify_rx_full(SP0, false));
	assert_int_equal(get(SP0, SP0->id, 0, 3), FFA_OK);
	assert_int_equal(x[6] | x[7], 0);
	assert_true(ffa_rx_full_pending(SP0));
	for (unsigned flag = 4; flag <= 8; flag += 4) {
		assert_int_equal(get(SP0, SP0->id, 0, flag), FFA_OK);
		assert_int_equal(x[6], 1);
		assert_int_equal(x[7], 1);
		assert_false(ffa_rx_full_pending(SP0));
		assert_int_equal(get(SP0, SP0->id, 0, 12), FFA_OK);
		assert_int_equal(x[6] | x[7], 0);
		assert_true(ffa_notify_rx_full(SP0, true));
		assert_true(ffa_notify_rx_full(SP0, false));
	}
}

/* ---- a partition that dies ---- */

static void drop_takes_its_bits_from_everybody(void **state)
{
	(void)state;
	assert_int_equal(create(&ffa_nwd, VM, 2), FFA_OK);
	assert_int_equal(create(&ffa_nwd, 0, 2), FFA_OK);
	assert_int_equal(bind(&ffa_nwd, SP0->id, VM, 0, 1), FFA_OK);
	assert_int_equal(bind(&ffa_nwd, SP0->id, 0, PER_VCPU, 1), FFA_OK);
	assert_int_equal(bind(SP1, SP0->id, SP1->id, 0, 1), FFA_OK);
	assert_int_equal(bind(SP1, world.sps[2].id, SP1->id, 0, 2), FFA_OK);
	assert_int_equal(set(SP0, SP0->id, VM, 0, 1), FFA_OK);
	assert_int_equal(set(SP0, SP0->id, 0, PER_VCPU | 1 << 16, 1), FFA_OK);
	assert_int_equal(set(SP0, SP0->id, SP1->id, 0, 1), FFA_OK);
	assert_int_equal(set(&world.sps[2], world.sps[2].id, SP1->id, 0, 2), FFA_OK);
	ffa_notifications_drop(SP0);
	assert_int_equal(get(&ffa_nwd, VM, 0, 5), FFA_OK);
	assert_int_equal(from_sp(), 0);
	assert_int_equal(get(&ffa_nwd, 0, 1, 5), FFA_OK);
	assert_int_equal(from_sp(), 0);
	assert_int_equal(bind(&ffa_nwd, SP1->id, 0, 0, 1), FFA_OK);
	assert_int_equal(get(SP1, SP1->id, 0, 1), FFA_OK);
	assert_int_equal(from_sp(), 2);
	assert_int_equal(info(&ffa_nwd), FFA_NO_DATA);
	/* Started again, it has a clean state. */
	assert_int_equal(ffa_notifications_enable(SP0, 4), FFA_OK);
	assert_int_equal(bind(SP0, SP1->id, SP0->id, 0, UINT64_MAX), FFA_OK);
}

/* ---- INFO_GET ---- */

/* The lists of an answer, flat: each list's ids, then -1. */
static unsigned decode(int *out, bool form64)
{
	unsigned lists = (x[2] >> 7) & 31, at = 0, n = 0;

	for (unsigned i = 0; i < lists; i++) {
		unsigned size = ((x[2] >> (12 + 2 * i)) & 3) + 1;

		for (unsigned k = 0; k < size; k++, at++) {
			unsigned per = form64 ? 4 : 2;

			out[n++] = (int)((x[3 + at / per] >> (16 * (at % per))) & 0xffff);
		}
		out[n++] = -1;
	}
	for (; at < (form64 ? 20 : 10); at++) {
		assert_int_equal((x[3 + at / (form64 ? 4 : 2)] >> (16 * (at % (form64 ? 4 : 2)))) & 0xffff, 0);
	}
	return n;
}

#define LISTS(form64, ...)                                                \
	do {                                                              \
		int want[] = { __VA_ARGS__ }, have[64];                   \
		assert_int_equal(decode(have, form64), ARRAY_SIZE(want)); \
		assert_memory_equal(have, want, sizeof(want));            \
	} while (0)

static void info_get_lists_each_once(void **state)
{
	const int sp0 = SP0->id, sp1 = SP1->id;

	(void)state;
	assert_int_equal(info(SP0), FFA_NOT_SUPPORTED);
	assert_int_equal(info(&ffa_nwd), FFA_NO_DATA);
	assert_int_equal(create(&ffa_nwd, VM, 6), FFA_OK);
	assert_int_equal(create(&ffa_nwd, 0, 2), FFA_OK);
	assert_int_equal(bind(SP0, SP1->id, SP0->id, PER_VCPU, 2), FFA_OK);
	assert_int_equal(bind(SP0, 0, SP0->id, 0, 2), FFA_OK);
	assert_int_equal(bind(&ffa_nwd, SP0->id, VM, PER_VCPU, 1), FFA_OK);
	assert_int_equal(bind(&ffa_nwd, SP0->id, 0, 0, 1), FFA_OK);
	assert_int_equal(set(&ffa_nwd, 0, SP0->id, 0, 2), FFA_OK);
	assert_int_equal(set(SP1, SP1->id, SP0->id, PER_VCPU | 2 << 16, 2), FFA_OK);
	assert_int_equal(set(SP0, SP0->id, 0, 0, 1), FFA_OK);
	for (unsigned v = 0; v < 5; v++) {
		assert_int_equal(set(SP0, SP0->id, VM, PER_VCPU | (uint64_t)v << 16, 1), FFA_OK);
	}
	world.wakeups[1] = 1;
	assert_int_equal(info(&ffa_nwd), FFA_OK);
	assert_int_equal(x[0], FFA_SUCCESS_64);
	assert_int_equal(x[2] & 1, 0);
	LISTS(true, sp0, -1, sp0, 2, -1, sp1, 0, -1, 0, -1, VM, 0, 1, 2, -1, VM, 3, 4, -1);
	assert_int_equal(info(&ffa_nwd), FFA_NO_DATA);
	/* The same bit again says nothing new, another vCPU's does; what was fetched is told of when it comes again. */
	assert_int_equal(set(SP0, SP0->id, VM, PER_VCPU | 4 << 16, 1), FFA_OK);
	assert_int_equal(set(SP0, SP0->id, VM, PER_VCPU | 5 << 16, 1), FFA_OK);
	assert_int_equal(get(SP0, SP0->id, 0, GET_ALL), FFA_OK);
	assert_int_equal(set(&ffa_nwd, 0, SP0->id, 0, 2), FFA_OK);
	CALL(ffa_notification_info_get, &ffa_nwd, FFA_NOTIFICATION_INFO_GET);
	assert_int_equal(answer(), FFA_OK);
	assert_int_equal(x[0], FFA_SUCCESS);
	LISTS(false, sp0, -1, VM, 5, -1);
	assert_true(ffa_notify_rx_full(SP1, true));
	assert_int_equal(info(&ffa_nwd), FFA_OK);
	LISTS(true, sp1, -1);
}

/* More than fits: nothing is lost, told twice, or promised in vain. */
static void info_get_says_when_there_is_more(void **state)
{
	for (unsigned form = 0; form < 2; form++) {
		unsigned told = 0, calls = 0;
		bool more = true;
		int list[64];

		start(state);
		for (unsigned id = 1; id <= 30; id++) {
			assert_int_equal(create(&ffa_nwd, id, 1), FFA_OK);
			assert_int_equal(bind(&ffa_nwd, SP0->id, id, 0, 1), FFA_OK);
			assert_int_equal(set(SP0, SP0->id, id, 0, 1), FFA_OK);
		}
		while (more) {
			CALL(ffa_notification_info_get, &ffa_nwd,
			     form == 0 ? FFA_NOTIFICATION_INFO_GET : FFA_NOTIFICATION_INFO_GET_64);
			assert_int_equal(answer(), FFA_OK);
			more = (x[2] & 1) != 0;
			for (unsigned i = 0, n = decode(list, form == 1); i < n; i += 2) {
				assert_int_equal(list[i], ++told);
			}
			calls++;
		}
		assert_int_equal(told, 30);
		assert_int_equal(calls, form == 0 ? 3 : 2);
		assert_int_equal(info(&ffa_nwd), FFA_NO_DATA);
	}
}

/* vCPUs at the edge of the answer: a list needs two places, and a wake-up that does not fit is told of next time. */
static void info_get_divides_vcpus(void **state)
{
	const int sp0 = SP0->id, sp1 = SP1->id;

	(void)state;
	assert_int_equal(bind(SP0, SP1->id, SP0->id, PER_VCPU, 1), FFA_OK);
	assert_int_equal(bind(SP0, SP1->id, SP0->id, 0, 2), FFA_OK);
	for (unsigned v = 0; v < 4; v++) {
		assert_int_equal(set(SP1, SP1->id, SP0->id, PER_VCPU | (uint64_t)v << 16, 1), FFA_OK);
	}
	assert_int_equal(set(SP1, SP1->id, SP0->id, 0, 2), FFA_OK);
	assert_int_equal(bind(SP1, SP0->id, SP1->id, 0, 1), FFA_OK);
	assert_int_equal(set(SP0, SP0->id, SP1->id, 0, 1), FFA_OK);
	world.wakeups[1] = 1;
	world.wakeups[2] = 1;
	CALL(ffa_notification_info_get, &ffa_nwd, FFA_NOTIFICATION_INFO_GET);
	assert_int_equal(answer(), FFA_OK);
	assert_int_equal(x[2] & 1, 1);
	LISTS(false, sp0, -1, sp0, 0, 1, 2, -1, sp0, 3, -1, sp1, -1, sp1, 0, -1);
	CALL(ffa_notification_info_get, &ffa_nwd, FFA_NOTIFICATION_INFO_GET);
	assert_int_equal(answer(), FFA_OK);
	LISTS(false, sp1 + 1, 0, -1);
	assert_int_equal(x[2] & 1, 0);
	assert_int_equal(info(&ffa_nwd), FFA_NO_DATA);
}

/* ---- against a model ---- */

/* One receiver (SP 0) as a reader of the specification would write it down: bit by bit. */
static struct {
	int sender[2][64]; /* by kind: 0 SPs, 1 VMs; -1 unbound */
	bool per_vcpu[2][64];
	bool pending[2][64][WORLD_VCPUS]; /* global: at vCPU 0 */
} model;

static uint64_t random_state;

static uint64_t random_u64(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state * UINT64_C(0x2545f4914f6cdd1d) >> 16;
}

static bool model_any(unsigned kind, unsigned bit)
{
	bool any = false;

	for (unsigned v = 0; v < WORLD_VCPUS; v++) {
		any |= model.pending[kind][bit][v];
	}
	return any;
}

static enum ffa_code model_bind(unsigned kind, int sender, uint64_t bits, bool per_vcpu)
{
	for (unsigned b = 0; b < 64; b++) {
		if ((bits >> b & 1) != 0 && model.sender[kind][b] >= 0) {
			return FFA_DENIED;
		}
	}
	for (unsigned b = 0; b < 64; b++) {
		if ((bits >> b & 1) != 0) {
			model.sender[kind][b] = sender;
			model.per_vcpu[kind][b] = per_vcpu;
		}
	}
	return FFA_OK;
}

static enum ffa_code model_unbind(unsigned kind, int sender, uint64_t bits)
{
	for (unsigned b = 0; b < 64; b++) {
		if ((bits >> b & 1) != 0 && (model.sender[kind][b] != sender || model_any(kind, b))) {
			return FFA_DENIED;
		}
	}
	for (unsigned b = 0; b < 64; b++) {
		if ((bits >> b & 1) != 0) {
			model.sender[kind][b] = -1;
		}
	}
	return FFA_OK;
}

static enum ffa_code model_set(unsigned kind, int sender, uint64_t bits, bool per_vcpu, unsigned vcpu)
{
	enum ffa_code code = FFA_OK;

	for (unsigned b = 0; b < 64; b++) {
		if ((bits >> b & 1) == 0) {
			continue;
		}
		if (model.sender[kind][b] >= 0 && model.per_vcpu[kind][b] != per_vcpu) {
			return FFA_INVALID_PARAMETERS;
		}
		code = model.sender[kind][b] != sender ? FFA_DENIED : code;
	}
	if (code == FFA_OK && vcpu >= WORLD_VCPUS) {
		return FFA_INVALID_PARAMETERS;
	}
	for (unsigned b = 0; b < 64 && code == FFA_OK; b++) {
		model.pending[kind][b][vcpu] |= (bits >> b & 1) != 0;
	}
	return code;
}

static uint64_t model_get(unsigned kind, unsigned vcpu)
{
	uint64_t bits = 0;

	for (unsigned b = 0; b < 64; b++) {
		unsigned v = model.per_vcpu[kind][b] ? vcpu : 0;

		bits |= (uint64_t)model.pending[kind][b][v] << b;
		model.pending[kind][b][v] = false;
	}
	return bits;
}

static void random_step(void)
{
	unsigned kind = (unsigned)random_u64() % 2, vcpu = (unsigned)random_u64() % (WORLD_VCPUS + 1);
	int sender = kind == 0 ? SP0->id + 1 + (int)(random_u64() % 2) : (int)(random_u64() % 2) * VM;
	struct ffa_endpoint *caller = kind == 0 ? &world.sps[sender - SP0->id] : &ffa_nwd;
	uint64_t bits = random_u64() & random_u64() & random_u64() & GENMASK(63, 56) ? BIT(random_u64() % 8)
										     : random_u64() % 256 << 28;
	bool per_vcpu = random_u64() % 2 != 0, pending = false;

	bits += bits == 0;
	vcpu = per_vcpu ? vcpu : 0;
	switch (random_u64() % 8) {
	case 0:
		assert_int_equal(bind(SP0, (uint64_t)sender, SP0->id, per_vcpu, bits),
				 model_bind(kind, sender, bits, per_vcpu));
		break;
	case 1:
		assert_int_equal(unbind(SP0, (uint64_t)sender, SP0->id, bits), model_unbind(kind, sender, bits));
		break;
	case 2:
		vcpu %= WORLD_VCPUS;
		assert_int_equal(get(SP0, SP0->id, vcpu, 3), FFA_OK);
		assert_int_equal(from_sp(), model_get(0, vcpu));
		assert_int_equal(from_vm(), model_get(1, vcpu));
		break;
	default:
		assert_int_equal(set(caller, (uint64_t)sender, SP0->id, per_vcpu | (uint64_t)vcpu << 16, bits),
				 model_set(kind, sender, bits, per_vcpu, vcpu));
	}
	vcpu %= WORLD_VCPUS;
	for (unsigned k = 0; k < 2; k++) {
		for (unsigned b = 0; b < 64; b++) {
			pending |= model.pending[k][b][model.per_vcpu[k][b] ? vcpu : 0];
		}
	}
	assert_int_equal(ffa_notifications_pending(SP0, vcpu), pending);
}

static void random_calls_agree_with_the_model(void **state)
{
	const char *seed = getenv("SEED");
	struct timespec now;

	(void)state;
	timespec_get(&now, TIME_UTC);
	random_state = (seed != NULL ? strtoull(seed, NULL, 0) : (uint64_t)now.tv_nsec) | 1;
	printf("notification: SEED=%llu\n", (unsigned long long)random_state);
	for (unsigned sequence = 0; sequence < 500; sequence++) {
		world_start();
		memset(&model, 0, sizeof(model));
		memset(model.sender, 0xff, sizeof(model.sender));
		for (unsigned step = 0; step < 100; step++) {
			random_step();
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup(name, start)
		TEST(bitmaps_are_made_once_and_for_vms),
		TEST(bitmaps_without_memory),
		TEST(bitmaps_take_memory_that_tables_do_not_need),
		TEST(callers_of_1_0_have_no_notifications),
		TEST(bind_and_unbind_rules),
		TEST(set_rules),
		TEST(get_rules),
		TEST(drop_takes_its_bits_from_everybody),
		TEST(info_get_lists_each_once),
		TEST(info_get_says_when_there_is_more),
		TEST(info_get_divides_vcpus),
		TEST(random_calls_agree_with_the_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
