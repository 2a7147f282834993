/* SPDX-License-Identifier: MIT */
/* An SPMC that answers what it should not, or remembers what was before us: nobody but who called it comes to harm. */
#include "cmocka_main.h"

#include <stdio.h>

#include "hyp_ffa/hyp_world.h"

#define SP0 FFA_ID_SP_FIRST

static char said[512];
static unsigned said_count;

static void note(enum log_level level, const char *text)
{
	if (level <= LOG_WARN) {
		said_count++;
		snprintf(said, sizeof(said), "%s", text);
	}
}

static void machine(void)
{
	host_log_hook = note;
	said[0] = 0;
	said_count = 0;
	hyp_machine();
}

static void start(void)
{
	host_log_hook = note;
	hyp_start(true);
	said[0] = 0;
	said_count = 0;
}

/* ---- at boot ---- */

/* Nothing of it is known, and nothing is lost for it. */
static void is_left_alone(uint64_t free_pages)
{
	assert_false(spmc_present());
	assert_null(ffa_below);
	assert_int_equal(ffa_partition_count(), 0);
	assert_int_equal(hyp.tx.v, 0);
	assert_int_equal(hyp_free_pages(), free_pages);
	assert_int_equal(said_count, 1);
	assert_non_null(strstr(said, "FF-A: there is an SPMC, but"));
}

static void memory_ends_at_any_moment(void **state unused_arg)
{
	bool found = false;

	for (unsigned left = 0; !found; left++) {
		pa_t page;

		machine();
		while (hyp_free_pages() > left) {
			assert_int_equal(pool_alloc(1, PAGE_SIZE, PAGE_OWNER_VM, &page), OK);
		}
		ffa_start();
		found = spmc_present();
		if (!found) {
			is_left_alone(left);
		}
	}
	assert_int_equal(ffa_partition_count(), HYP_SPS);
}

static struct ffa_partition_info *listed(unsigned n)
{
	return (struct ffa_partition_info *)pa_ptr(hyp.rx) + n;
}

static void twist_list(uint64_t *x)
{
	if (lo32(hyp.last[0]) == FFA_PARTITION_INFO_GET) {
		listed(2)->vcpu_count = 0;  /* the second partition */
		listed(3)->vcpu_count = 99; /* the third: more than there are CPUs */
		listed(3)->id = 0x8040;
		listed(4)->id = 0x8041; /* one that is out of our reach */
		listed(4)->vcpu_count = 1;
		listed(5)->id = 0xffc1; /* one of the firmware's own */
		listed(5)->vcpu_count = 1;
		x[2] = 6;
	}
}

static void partitions_that_cannot_be_called_are_not_listed(void **state unused_arg)
{
	machine();
	hyp.twist = twist_list;
	ffa_start();
	assert_true(spmc_present());
	assert_int_equal(ffa_partition_count(), 2);
	assert_int_equal(ffa_partition(0)->id, SP0);
	assert_int_equal(ffa_partition(1)->id, 0x8040);
}

static struct {
	uint32_t call;
	uint64_t x[4];
} instead;

static void answer_instead(uint64_t *x)
{
	if (lo32(hyp.last[0]) == instead.call) {
		memcpy(x, instead.x, sizeof(instead.x));
	}
}

static void lists_that_lie_are_not_read(void **state unused_arg)
{
	static const struct {
		uint64_t count, size;
	} lies[] = { { 171, 24 }, { 1, 4097 }, { 1, 0 }, { 4, 7 }, { UINT32_MAX, UINT32_MAX }, { UINT32_MAX, 8 } };

	for (unsigned i = 0; i < ARRAY_SIZE(lies); i++) {
		uint64_t free_pages;

		machine();
		free_pages = hyp_free_pages();
		instead.call = FFA_PARTITION_INFO_GET;
		instead.x[0] = FFA_SUCCESS;
		instead.x[2] = lies[i].count;
		instead.x[3] = lies[i].size;
		hyp.twist = answer_instead;
		ffa_start();
		is_left_alone(free_pages);
		assert_false(hyp.rx_full);
	}
}

static void none_is_a_number_of_partitions(void **state unused_arg)
{
	machine();
	instead.call = FFA_PARTITION_INFO_GET;
	instead.x[0] = FFA_ERROR;
	instead.x[2] = (uint32_t)FFA_INVALID_PARAMETERS;
	hyp.twist = answer_instead;
	ffa_start();
	assert_true(spmc_present());
	assert_int_equal(ffa_partition_count(), 0);
	assert_int_equal(said_count, 0);
}

static void buffers_that_were_left_there_are_replaced(void **state unused_arg)
{
	machine();
	hyp.stale = true;
	ffa_start();
	assert_true(spmc_present());
	assert_int_not_equal(hyp.tx.v, 0);
}

/* 0 and 1 are between our own CPUs. */
static void an_interrupt_that_we_cannot_take_is_none(void **state unused_arg)
{
	static const uint32_t intids[] = { 0, 1, 16, 0x80000008 };

	for (unsigned i = 0; i < ARRAY_SIZE(intids); i++) {
		machine();
		hyp.sri = intids[i];
		ffa_start();
		assert_true(spmc_present());
		assert_int_equal(spmc.sri, 0);
		assert_non_null(strstr(said, "Schedule Receiver Interrupt"));
		for (unsigned cpu = 0; cpu < HYP_CPUS; cpu++) {
			assert_null(hyp.posted[cpu]);
		}
	}
}

static void buffers_that_are_not_forgotten_are_told_of(void **state unused_arg)
{
	start();
	hyp_map_buffers(0);
	instead.call = FFA_RXTX_UNMAP;
	instead.x[0] = FFA_ERROR;
	instead.x[2] = (uint32_t)FFA_DENIED;
	hyp.twist = answer_instead;
	assert_int_equal(hyp_code(hyp_call(0, FFA_RXTX_UNMAP, 0, 0, 0, 0)), FFA_OK);
	assert_non_null(strstr(said, "does not forget the buffers of VM 'one': code -6"));
}

/* ---- memory ---- */

static const struct hyp_send few = {
	.function = FFA_MEM_LEND_64, .receiver = SP0, .first = 2, .count = 3, .stride = 1
};
static const struct hyp_send many = {
	.function = FFA_MEM_LEND_64, .receiver = SP0, .first = 2, .count = 509, .stride = 1
};

/* What is answered to a part of a description: not to the first 'after' of them. */
static struct {
	unsigned after, times;
	uint32_t id;
	uint64_t handle; /* 0: the right one */
	uint32_t offset; /* beyond the right one */
} part;

static void twist_part(uint64_t *x)
{
	uint32_t call = lo32(hyp.last[0]);
	bool first = call == FFA_MEM_LEND_64, asked = lo32(x[0]) == FFA_MEM_FRAG_RX;
	uint64_t handle = asked ? pair(x, 1) : pair(x, 2);

	if ((!first && call != FFA_MEM_FRAG_TX) || part.times == 0 || hyp.frags <= part.after) {
		return;
	}
	part.times--;
	handle = part.handle != 0 ? part.handle : handle;
	x[0] = part.id != 0 ? part.id : x[0];
	if (lo32(x[0]) == FFA_MEM_FRAG_RX) {
		ffa_put_pair(x, 1, handle);
		x[3] += part.offset;
	} else if (lo32(x[0]) == FFA_SUCCESS) {
		ffa_put_pair(x, 2, handle);
	} else if (lo32(x[0]) == FFA_ERROR) {
		x[2] = 0; /* an error that is none */
	}
}

static void nothing_was_sent(struct hyp_send s)
{
	for (unsigned i = 0; i < s.count; i++) {
		assert_int_equal(attrs_of_page(0, s.first + i), RAM_RWX);
	}
	assert_int_equal(ffa_mem_count(), 0);
	assert_int_equal(hyp.vms[0].vm.mem.away, 0);
	assert_int_equal(hyp.vms[0].ffa->space.record_bytes, 0);
}

static void answers_out_of_step_end_a_transaction(void **state unused_arg)
{
	static const struct {
		const struct hyp_send *send;
		unsigned after;
		uint32_t id;
		uint64_t handle;
		uint32_t offset;
		bool forgets; /* it is not told to forget it: it would forget another, or has no handle */
	} cases[] = {
		{ &many, 0, 0, 0, 16, false },                              /* goes on elsewhere */
		{ &many, 1, 0, 0, UINT32_MAX, false },
		{ &many, 0, FFA_SUCCESS, 0, 0, false },                     /* has all, it says */
		{ &many, 1, FFA_MEM_FRAG_RX, UINT64_C(0x7700), 0, false },  /* of another one */
		{ &few, 0, FFA_MEM_FRAG_RX, 0, 0, false },                  /* wants more than there is */
		{ &few, 0, 0, FFA_HANDLE_HYPERVISOR | 5, 0, true },
		{ &few, 0, 0, FFA_HANDLE_INVALID, 0, true },
		{ &few, 0, FFA_ERROR, 0, 0, true },
		{ &few, 0, FFA_INTERRUPT, 0, 0, true },
		{ &few, 0, (uint32_t)SMCCC_NOT_SUPPORTED, 0, 0, true },
		{ &many, 0, FFA_MEM_FRAG_TX, 0, 0, true },
		{ &many, 1, FFA_YIELD, 0, 0, false },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		start();
		hyp_map_buffers(0);
		hyp.twist = twist_part;
		part = (__typeof__(part)){ cases[i].after, 1, cases[i].id, cases[i].handle, cases[i].offset };
		assert_int_equal(hyp_code(hyp_send(0, *cases[i].send, UINT32_MAX)), FFA_ABORTED);
		assert_int_equal(part.times, 0);
		nothing_was_sent(*cases[i].send);
		assert_int_equal(spmc_share_count(), cases[i].forgets);
		/* Later ones may be one too many for the log. */
		assert_true(i != 0 || strstr(said, "the SPMC answers 0x8400007a to 251 of 509 ranges") != NULL);
		/* It was a moment's weakness. */
		assert_int_equal(hyp_code(hyp_send(0, *cases[i].send, UINT32_MAX)), FFA_OK);
		hyp_down(0);
		hyp_down(1);
	}
}

/* Whoever reclaims would reclaim the other's. */
static void a_handle_is_not_given_twice(void **state unused_arg)
{
	uint64_t handle;

	start();
	hyp_map_buffers(0);
	hyp_map_buffers(1);
	handle = pair(hyp_send(0, few, UINT32_MAX), 2);
	hyp.twist = twist_part;
	part = (__typeof__(part)){ .times = 1, .handle = handle };
	assert_int_equal(hyp_code(hyp_send(1, few, UINT32_MAX)), FFA_ABORTED);
	assert_int_equal(ffa_mem_count(), 1);
	assert_int_equal(attrs_of_page(1, few.first), RAM_RWX);
	assert_non_null(spmc_share(handle)); /* the first one's, still */
	assert_int_equal(hyp_code(hyp_call(0, FFA_MEM_RECLAIM, lo32(handle), handle >> 32, 0, 0)), FFA_OK);
}

/* However long a description is, no call of the VM takes long. */
static void fragments_are_handed_on_as_they_come(void **state unused_arg)
{
	struct hyp_send s = { .function = FFA_MEM_SHARE_64, .receiver = SP0, .first = 2, .count = 500, .stride = 1 };
	const uint64_t *x;
	uint64_t handle;
	unsigned frags;

	start();
	hyp_map_buffers(0);
	x = hyp_send(0, s, 1);
	assert_int_equal(hyp.frags, 1);
	assert_int_equal(x[0], FFA_MEM_FRAG_RX);
	handle = pair(x, 1);
	/* One range at a time: they go down by the buffer. */
	for (unsigned done = (unsigned)(x[3] - 80) / 16; done < s.count; done++) {
		assert_int_equal(x[0], FFA_MEM_FRAG_RX);
		put_range(page_of(0, TX_PAGE), s.first + done);
		frags = hyp.frags;
		x = hyp_call(0, FFA_MEM_FRAG_TX, lo32(handle), handle >> 32, 16, 0);
		assert_true(hyp.frags - frags <= 1);
	}
	assert_int_equal(x[0], FFA_SUCCESS);
	assert_int_equal(hyp.frags, 2);
	assert_int_equal(spmc_share(handle)->ranges_in, s.count);
	/* Nothing is told before there is enough of it. */
	assert_int_equal(hyp_code(hyp_call(0, FFA_MEM_RECLAIM, lo32(handle), handle >> 32, 0, 0)), FFA_OK);
	s.count = 510;
	frags = hyp.frags;
	x = hyp_send(0, s, 2);
	assert_int_equal(x[0], FFA_MEM_FRAG_RX);
	assert_int_equal(hyp.frags, frags + 2);
}

/* ---- notifications ---- */

static void bitmaps_that_were_left_there_are_replaced(void **state unused_arg)
{
	start();
	hyp_down(0);
	hyp.stale = true;
	hyp.vm[1].notified = true;
	hyp.vm[1].vcpus = HYP_VCPUS;
	hyp.vm[1].pending = 7;
	hyp_up(0);
	assert_int_equal(said_count, 0);
	assert_true(hyp.vm[1].notified);
	assert_int_equal(hyp.vm[1].pending, 0);
	assert_int_equal(hyp_code(hyp_call(0, FFA_NOTIFICATION_BIND, (uint64_t)SP0 << 16 | 1, 0, 3, 0)), FFA_OK);
}

static unsigned notified;

static void notify_again(uint64_t *x)
{
	(void)x;
	if (lo32(hyp.last[0]) == FFA_NOTIFICATION_GET && notified != 0) {
		notified--;
		hyp.vm[1].pending = 1;
	}
}

static void partitions_that_notify_who_ends(void **state unused_arg)
{
	start();
	hyp.twist = notify_again;
	notified = 5;
	hyp_down(0);
	assert_int_equal(said_count, 0);
	assert_false(hyp.vm[1].notified);
	hyp_up(0);
	/* For ever: it is told of, and comes right when it ends. */
	notified = UINT32_MAX;
	hyp_down(0);
	assert_int_equal(said_count, 1);
	assert_non_null(strstr(said, "keeps the notifications of VM 'one': code -6"));
	notified = 0;
	hyp.stale = true;
	hyp_up(0);
	assert_int_equal(said_count, 1);
	assert_int_equal(hyp_code(hyp_call(0, FFA_NOTIFICATION_BIND, (uint64_t)SP0 << 16 | 1, 0, 3, 0)), FFA_OK);
}

static void who_has_no_bitmap_has_no_notifications(void **state unused_arg)
{
	start();
	hyp_down(0);
	instead.call = FFA_NOTIFICATION_BITMAP_CREATE;
	instead.x[0] = FFA_ERROR;
	instead.x[2] = (uint32_t)FFA_NO_MEMORY;
	hyp.twist = answer_instead;
	hyp_up(0);
	assert_true(ffa_guest_is_up(hyp.vms[0].ffa));
	assert_non_null(strstr(said, "VM 'one': ffa: it cannot have notifications (code -3)"));
	assert_int_equal(hyp_code(hyp_call(0, FFA_NOTIFICATION_BIND, (uint64_t)SP0 << 16 | 1, 0, 3, 0)),
			 FFA_NOT_SUPPORTED);
	assert_int_equal(hyp_code(hyp_call(0, FFA_NOTIFICATION_BIND, 2 << 16 | 1, 0, 3, 0)), FFA_NOT_SUPPORTED);
}

static void always_more(uint64_t *x)
{
	if (lo32(hyp.last[0]) == FFA_NOTIFICATION_INFO_GET_64) {
		x[0] = FFA_SUCCESS_64;
		x[2] = FFA_INFO_MORE | 1 << FFA_INFO_LISTS_SHIFT;
		x[3] = 1;
	}
}

/* The CPU's VMs have their turns all the same. */
static void an_spmc_that_never_ends_to_tell(void **state unused_arg)
{
	struct work *work;
	unsigned calls;

	start();
	for (unsigned i = 0; i < HYP_CPUS; i++) {
		hyp.posted[i]->ops->run(hyp.posted[i]);
	}
	memset(hyp.posted, 0, sizeof(hyp.posted));
	hyp.twist = always_more;
	notify_interrupt(HYP_SRI);
	work = hyp.posted[0];
	assert_non_null(work);
	hyp.posted[0] = NULL;
	calls = hyp.calls;
	work->ops->run(work);
	assert_true(hyp.calls - calls <= 16);
	assert_null(hyp.posted[0]);
	/* It goes on later. */
	assert_true(timer_next(&hyp.cpus[0].timers) > hyp.now);
	hyp.now = timer_next(&hyp.cpus[0].timers);
	timer_run(&hyp.cpus[0].timers, hyp.now);
	assert_ptr_equal(hyp.posted[0], work);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_ends_at_any_moment),
		cmocka_unit_test(partitions_that_cannot_be_called_are_not_listed),
		cmocka_unit_test(lists_that_lie_are_not_read),
		cmocka_unit_test(none_is_a_number_of_partitions),
		cmocka_unit_test(buffers_that_were_left_there_are_replaced),
		cmocka_unit_test(an_interrupt_that_we_cannot_take_is_none),
		cmocka_unit_test(buffers_that_are_not_forgotten_are_told_of),
		cmocka_unit_test(answers_out_of_step_end_a_transaction),
		cmocka_unit_test(a_handle_is_not_given_twice),
		cmocka_unit_test(fragments_are_handed_on_as_they_come),
		cmocka_unit_test(bitmaps_that_were_left_there_are_replaced),
		cmocka_unit_test(partitions_that_notify_who_ends),
		cmocka_unit_test(who_has_no_bitmap_has_no_notifications),
		cmocka_unit_test(an_spmc_that_never_ends_to_tell),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
