/* SPDX-License-Identifier: MIT */
/* FF-A of the hypervisor's VMs, over an SPMC that is played: what it is told, and what the VMs hear. */
#include "cmocka_main.h"

#include <stdio.h>

#include "ffa/port.h"
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

static void start(bool present)
{
	host_log_hook = note;
	said[0] = 0;
	said_count = 0;
	hyp_start(present);
}

/* All guests are down and their memory is as it was: nothing is left of them anywhere. */
static void end_clean(void)
{
	for (unsigned n = 0; n < HYP_VMS; n++) {
		hyp_down(n);
		assert_true(attrs_of_page(n, 0) == RAM_RWX);
		assert_false(hyp.vm[n + 1].notified);
		assert_int_equal(hyp.vm[n + 1].tx.v, 0);
	}
	ffa_mem_compact();
	assert_int_equal(ffa_mem_count(), 0);
	assert_int_equal(spmc_share_count(), 0);
	/* The table of handles stays once there was one. */
	assert_in_range(hyp_free_pages(), hyp.free_pages - 1, hyp.free_pages);
}

/* ---- finding the SPMC ---- */

static void without_smccc_no_call_is_made(void **state unused_arg)
{
	hyp_machine();
	hyp.smccc = false;
	ffa_start();
	assert_int_equal(hyp.calls, 0);
	assert_false(spmc_present());
	assert_null(ffa_below);
}

static void without_an_spmc_only_versions_are_asked(void **state unused_arg)
{
	hyp_machine();
	hyp.present = false;
	ffa_start();
	assert_int_equal(hyp.calls, 3);
	assert_int_equal(hyp.last[0], FFA_VERSION);
	assert_int_equal(hyp.last[1], FFA_VERSION_1_0);
	assert_false(spmc_present());
}

static void versions_are_negotiated_down(void **state unused_arg)
{
	static const struct {
		int32_t has;
		uint32_t spoken; /* 0: none */
	} cases[] = {
		{ 0x10000, 0x10000 },
		{ 0x10001, 0x10001 },
		{ 0x10002, 0x10002 },
		{ 0x10003, 0x10002 },
		{ 0x20000, 0 },
		{ 0x10, 0 },
		{ -1, 0 },
		{ -3, 0 },
	};

	host_log_hook = note;
	for (unsigned k = 0; k < 2 * ARRAY_SIZE(cases); k++) {
		unsigned i = k / 2;

		hyp_machine();
		hyp.version = cases[i].has;
		hyp.refuses_newer = k % 2 != 0;
		ffa_start();
		assert_int_equal(spmc.version, cases[i].spoken);
		assert_true(spmc_present() == (ffa_below != NULL));
		if (cases[i].spoken != 0) {
			assert_int_equal(hyp.negotiated, cases[i].spoken);
			assert_int_equal(ffa_partition_count(), HYP_SPS);
			assert_int_equal(ffa_partition(0)->vcpu_count, HYP_CPUS);
			assert_int_equal(spmc.sri, cases[i].spoken >= FFA_VERSION_1_1 ? HYP_SRI : 0);
			assert_false(hyp.rx_full);
		}
	}
}

static void partitions_have_all_their_uuids(void **state unused_arg)
{
	hyp_machine();
	ffa_start();
	assert_int_equal(ffa_partition(0)->uuid_count, 2);
	assert_int_equal(ffa_partition(0)->uuids[1].word[1], 1);
	assert_int_equal(ffa_partition(1)->uuid_count, 1);
	assert_int_equal(ffa_partition(1)->kind, FFA_KIND_SP_BELOW);
}

/* Whoever does not take us as he should is not used, and nothing is kept of it. */
static void an_spmc_that_refuses_is_left_alone(void **state unused_arg)
{
	host_log_hook = note;
	for (unsigned i = 0; i < 3; i++) {
		uint64_t free_pages;

		hyp_machine();
		free_pages = hyp_free_pages();
		hyp.hyp_id = i == 0 ? 1 : 0;
		hyp.map_code = i == 1 ? FFA_DENIED : FFA_OK;
		hyp.buffer_code = i == 2 ? 3 : 0;
		said_count = 0;
		ffa_start();
		assert_false(spmc_present());
		assert_null(ffa_below);
		assert_int_equal(said_count, 1);
		assert_int_equal(hyp_free_pages(), free_pages);
	}
}

static void large_buffers_are_given_if_they_are_wanted(void **state unused_arg)
{
	hyp_machine();
	hyp.buffer_code = 1;
	ffa_start();
	assert_true(spmc_present());
	assert_true(IS_ALIGNED(hyp.tx.v | hyp.rx.v, KIB(64)) && hyp.tx.v != hyp.rx.v);
}

/* ---- calls ---- */

static void vms_without_the_node_see_no_ffa(void **state unused_arg)
{
	uint64_t *x;
	unsigned calls;

	hyp_machine();
	ffa_start();
	hyp_make_vm(0, false);
	calls = hyp.calls;
	for (uint32_t n = 0; n < FFA_NUMBERS; n++) {
		for (uint32_t form = 0; form <= FFA_64; form += FFA_64) {
			x = hyp_call(0, (FFA_ERROR + n) | form, 1, 2, 3, 4);
			assert_int_equal(x[0], SMCCC_NOT_SUPPORTED);
			assert_int_equal(x[1], 1);
		}
	}
	assert_int_equal(hyp.calls, calls);
	assert_int_equal(ffa_partition_count(), HYP_SPS);
}

static void a_guest_finds_itself(void **state unused_arg)
{
	uint64_t *x;

	start(true);
	x = hyp_call(1, FFA_VERSION, FFA_VERSION_1_1, 0, 0, 0);
	assert_int_equal(x[0], FFA_VERSION_1_2);
	/* With the hint that the caller uses no SVE. */
	x = hyp_call(1, FFA_ID_GET | 0x10000, 0, 0, 0, 0);
	assert_int_equal(x[0], FFA_SUCCESS);
	assert_int_equal(x[2], 2);
	/* It is settled. */
	x = hyp_call(1, FFA_VERSION, FFA_VERSION_1_2, 0, 0, 0);
	assert_int_equal((int32_t)x[0], FFA_NOT_SUPPORTED);
	/* Until its next life. */
	hyp_down(1);
	hyp_up(1);
	x = hyp_call(1, FFA_VERSION, FFA_VERSION_1_0, 0, 0, 0);
	assert_int_equal(x[0], FFA_VERSION_1_2);
	x = hyp_call(1, FFA_FEATURES, FFA_FEATURE_NPI, 0, 0, 0);
	assert_int_equal(x[2], FFA_INTID_GUEST_NPI);
	end_clean();
}

/* What FFA_FEATURES says is what the table does. Answers and calls to a guest are told, and are nothing it can make. */
static void features_are_those_of_the_table(void **state unused_arg)
{
	static const uint32_t answers[] = { FFA_ERROR, FFA_SUCCESS, FFA_SUCCESS_64, FFA_MEM_RETRIEVE_RESP };

	start(true);
	for (uint32_t n = 0; n < FFA_NUMBERS; n++) {
		for (uint32_t form = 0; form <= FFA_64; form += FFA_64) {
			uint32_t id = (FFA_ERROR + n) | form;
			bool answer = false, told, served;

			for (unsigned i = 0; i < ARRAY_SIZE(answers); i++) {
				answer |= id == answers[i];
			}
			/* A retrieve request's NS bit. */
			told = hyp_code(hyp_call(0, FFA_FEATURES, id, 2, 0, 0)) == FFA_OK;
			served = id == FFA_FEATURES || hyp_code(hyp_call(0, id, 0, 0, 0, 0)) != FFA_NOT_SUPPORTED;
			if (told != (served || answer)) {
				fail_msg("0x%x: told %d, served %d", id, told, served);
			}
		}
	}
}

static void partitions_and_guests_are_listed(void **state unused_arg)
{
	struct ffa_partition_info info[8];
	uint64_t *x;

	for (unsigned present = 0; present <= 1; present++) {
		start(present != 0);
		hyp_map_buffers(0);
		x = hyp_call(0, FFA_PARTITION_INFO_GET, 0, 0, 0, 0);
		assert_int_equal(hyp_code(x), FFA_OK);
		/* The first partition has two UUIDs. */
		assert_int_equal(x[2], HYP_VMS + (present ? HYP_SPS + 1 : 0));
		memcpy(info, page_of(0, RX_PAGE), sizeof(info));
		assert_int_equal(info[0].id, 1);
		assert_int_equal(info[1].id, 2);
		assert_int_equal(info[1].vcpu_count, HYP_VCPUS);
		if (present) {
			assert_int_equal(info[2].id, SP0);
		}
		assert_int_equal(hyp_code(hyp_call(0, FFA_RX_RELEASE, 0, 0, 0, 0)), FFA_OK);
		end_clean();
	}
}

/* ---- a VM's start and end ---- */

static void buffers_are_told_and_taken_back(void **state unused_arg)
{
	start(true);
	hyp_map_buffers(0);
	assert_int_equal(hyp.vm[1].tx.v, hyp.vms[0].ram.v + TX_PAGE * PAGE_SIZE);
	assert_int_equal(hyp.vm[1].rx.v, hyp.vms[0].ram.v + RX_PAGE * PAGE_SIZE);
	assert_int_equal(hyp_code(hyp_call(0, FFA_RXTX_UNMAP, 0, 0, 0, 0)), FFA_OK);
	assert_int_equal(hyp.vm[1].tx.v, 0);
	hyp_map_buffers(0);
	end_clean();
}

static unsigned asked[HYP_SPS], created, destroyed, order;
static int32_t status;

static void note_messages(unsigned n, uint64_t *x)
{
	if (lo32(x[0]) == FFA_MSG_SEND_DIRECT_REQ) {
		assert_int_equal(x[1], SP0 + n); /* from id 0 */
		assert_true(x[2] == (FFA_FRAMEWORK_MESSAGE | FFA_FRAMEWORK_VM_CREATED_REQ) ||
			    x[2] == (FFA_FRAMEWORK_MESSAGE | FFA_FRAMEWORK_VM_DESTROYED_REQ));
		assert_int_equal(x[3], UINT32_MAX);
		assert_int_equal(x[5], 1);
		asked[n]++;
		order = order * 10 + n + 1;
		created += (x[2] & 0xff) == FFA_FRAMEWORK_VM_CREATED_REQ;
		destroyed += (x[2] & 0xff) == FFA_FRAMEWORK_VM_DESTROYED_REQ;
	}
	hyp_sp_done(n, x);
	x[3] = (uint32_t)status;
}

static void restart_one(void (*answers)(unsigned n, uint64_t *x))
{
	memset(asked, 0, sizeof(asked));
	created = destroyed = order = 0;
	status = FFA_OK;
	hyp.sp_answers = answers;
	hyp_down(0);
	hyp_up(0);
}

static void partitions_hear_of_starts_and_ends(void **state unused_arg)
{
	start(true);
	restart_one(note_messages);
	assert_int_equal(created, 2); /* the third does not want to know */
	assert_int_equal(destroyed, 2);
	assert_int_equal(asked[2], 0);
	assert_int_equal(order, 1212);
	hyp.sp_answers = hyp_sp_done;
	end_clean();
}

static unsigned left_at;

/* It is interrupted, and yields, before it answers. */
static void slow(unsigned n, uint64_t *x)
{
	if (lo32(x[0]) == FFA_MSG_SEND_DIRECT_REQ) {
		asked[n]++;
		left_at = n;
		hyp.info[17] = x[2];
		ffa_answer(x, FFA_INTERRUPT);
		x[1] = (uint64_t)(SP0 + n) << 16;
	} else {
		assert_int_equal(x[1], (uint64_t)(SP0 + n) << 16);
		assert_int_equal(left_at, n);
		if (hyp.runs % 3 != 0) {
			ffa_answer(x, hyp.runs % 3 == 1 ? FFA_YIELD : FFA_INTERRUPT);
			x[1] = (uint64_t)(SP0 + n) << 16;
			return;
		}
		ffa_answer(x, FFA_MSG_SEND_DIRECT_RESP);
		x[2] = hyp.info[17] + 1;
	}
}

static void partitions_may_be_interrupted_meanwhile(void **state unused_arg)
{
	start(true);
	hyp.irqs = 0;
	restart_one(slow);
	assert_int_equal(asked[0], 2);
	assert_int_equal(asked[1], 2);
	assert_int_equal(hyp.runs, 12);
	assert_true(hyp.irqs >= 12);
	assert_int_equal(said_count, 0);
	hyp.sp_answers = hyp_sp_done;
	end_clean();
}

static unsigned tries;

static void at_the_third_time(unsigned n, uint64_t *x)
{
	tries++;
	hyp_sp_done(n, x);
	x[3] = tries % 3 == 0 ? 0 : (uint32_t)(tries % 3 == 1 ? FFA_RETRY : FFA_INTERRUPTED);
}

static void partitions_may_ask_for_another_try(void **state unused_arg)
{
	start(true);
	tries = 0;
	restart_one(at_the_third_time);
	assert_int_equal(tries, 12);
	assert_int_equal(said_count, 0);
	end_clean();
}

static void busy(unsigned n, uint64_t *x)
{
	if (n == 0) {
		ffa_answer_error(x, FFA_BUSY);
	} else {
		hyp_sp_done(n, x);
	}
}

static void nobody_waits_for_ever(void **state unused_arg)
{
	uint64_t before;

	start(true);
	before = hyp.now;
	restart_one(busy);
	/* It never heard of the start, so the end is not for it. One had; its end it must hear of. */
	assert_true(hyp.now - before >= 2000000 && hyp.now - before < 2100000);
	assert_true(ffa_guest_is_up(hyp.vms[0].ffa));
	assert_int_equal(said_count, 2);
	assert_non_null(strstr(said, "VM 'one': partition 0x8001 does not take the news"));
	before = hyp.now;
	hyp_down(0);
	assert_true(hyp.now - before < 100000);
	hyp.sp_answers = hyp_sp_done;
	end_clean();
}

/* It works on the message for ever: then it does so without us. */
static void endless(unsigned n, uint64_t *x)
{
	ffa_answer(x, FFA_INTERRUPT);
	x[1] = (uint64_t)(SP0 + n) << 16;
}

static void who_does_not_end_is_left_behind(void **state unused_arg)
{
	start(true);
	hyp.sp_answers = endless;
	hyp_down(0);
	assert_int_equal(hyp.woken[0], 3);
	assert_non_null(strstr(said, "VM 'one': partition 0x8002 does not take the news that it has ended"));
	hyp.sp_answers = hyp_sp_done;
	hyp_up(0);
	end_clean();
}

static void dead(unsigned n, uint64_t *x)
{
	(void)n;
	ffa_answer_error(x, FFA_ABORTED);
}

static void the_dead_are_not_mourned(void **state unused_arg)
{
	start(true);
	restart_one(dead);
	assert_int_equal(said_count, 0);
	end_clean();
}

/* The start is cut short while a partition works on the news of it. */
static void a_start_that_is_cut_short(void **state unused_arg)
{
	start(true);
	hyp_down(0);
	for (unsigned after = 1; after < 12; after++) {
		memset(asked, 0, sizeof(asked));
		hyp.sp_answers = slow;
		for (unsigned i = 0; i < after && ffa_guest_enter_some(&hyp.vms[0]); i++) {
		}
		hyp_down(0);
		assert_false(hyp.vm[1].notified);
		assert_true(asked[0] == 2 || (asked[0] == 1 && after < 4));
	}
	hyp.sp_answers = hyp_sp_done;
	hyp_up(0);
	end_clean();
}

/* ---- memory ---- */

static const uint32_t functions[] = { FFA_MEM_SHARE_64, FFA_MEM_LEND_64, FFA_MEM_DONATE_64 };

static void memory_goes_to_partitions(void **state unused_arg)
{
	for (unsigned version = FFA_VERSION_1_0; version <= FFA_VERSION_1_2; version++) {
		host_log_hook = note;
		hyp_machine();
		hyp.version = (int32_t)version;
		ffa_start();
		hyp_make_vm(0, true);
		hyp_make_vm(1, true);
		hyp.free_pages = hyp_free_pages();
		hyp_up(0);
		hyp_up(1);
		assert_int_equal(hyp_code(hyp_call(0, FFA_VERSION, FFA_VERSION_1_1, 0, 0, 0)), FFA_OK);
		hyp_map_buffers(0);
		/* One of 1.0 never fills it. */
		assert_int_equal(hyp_code(hyp_call(0, FFA_RX_RELEASE, 0, 0, 0, 0)),
				 version == FFA_VERSION_1_0 ? FFA_DENIED : FFA_OK);
		for (unsigned i = 0; i < ARRAY_SIZE(functions); i++) {
			struct hyp_send s = {
				.function = functions[i], .receiver = SP0, .first = 10, .count = 7, .stride = 2
			};
			const uint64_t *x = hyp_send(0, s, UINT32_MAX);
			uint64_t handle = pair(x, 2);
			struct spmc_share *share = spmc_share(handle);

			assert_int_equal(hyp_code(x), FFA_OK);
			assert_non_null(share);
			assert_int_equal(share->sender, 1);
			assert_int_equal(share->function, functions[i] & ~FFA_64);
			for (unsigned n = 0; n < s.count; n++) {
				assert_int_equal(share->range[n].address, hyp.vms[0].ram.v + (10 + 2 * n) * PAGE_SIZE);
			}
			assert_int_equal(attrs_of_page(0, 10),
					 i == 0 ? RAM_RWX | STAGE2_SHARED_OWNED : (unsigned)STAGE2_LENT);
			assert_int_equal(attrs_of_page(0, 11), RAM_RWX);
			share->held = true;
			assert_int_equal(hyp_code(hyp_call(0, FFA_MEM_RECLAIM, lo32(handle), handle >> 32, 0, 0)),
					 FFA_DENIED);
			/* Another guest's it is not. */
			assert_int_equal(hyp_code(hyp_call(1, FFA_MEM_RECLAIM, lo32(handle), handle >> 32, 0, 0)),
					 FFA_INVALID_PARAMETERS);
			share->held = false;
			assert_int_equal(hyp_code(hyp_call(0, FFA_MEM_RECLAIM, lo32(handle), handle >> 32, 0, 0)),
					 FFA_OK);
			assert_int_equal(attrs_of_page(0, 10), RAM_RWX);
			assert_int_equal(hyp.vms[0].vm.mem.away, 0);
		}
		assert_int_equal(hyp.waits, 2);
		end_clean();
	}
}

static void descriptions_come_in_fragments(void **state unused_arg)
{
	struct hyp_send s = { .function = FFA_MEM_SHARE_64, .receiver = SP0, .first = 2, .count = 500, .stride = 1 };
	const uint64_t *x;
	uint64_t handle;

	start(true);
	hyp_map_buffers(0);
	x = hyp_send(0, s, 1);
	assert_int_equal(x[0], FFA_MEM_FRAG_RX);
	assert_int_equal(spmc_share_count(), 1);
	assert_int_equal(attrs_of_page(0, 2), RAM_RWX);
	handle = pair(x, 1);
	assert_int_equal(hyp_code(hyp_call(0, FFA_MEM_RECLAIM, lo32(handle), handle >> 32, 0, 0)), FFA_OK);
	assert_int_equal(spmc_share_count(), 0);
	x = hyp_send(0, s, UINT32_MAX);
	assert_int_equal(hyp_code(x), FFA_OK);
	assert_int_equal(spmc_share(pair(x, 2))->ranges_in, 500);
	end_clean();
}

static void a_refusal_below_leaves_no_trace(void **state unused_arg)
{
	struct hyp_send s = { .function = FFA_MEM_LEND_64, .receiver = SP0, .first = 2, .count = 500, .stride = 1 };

	start(true);
	hyp_map_buffers(0);
	hyp.send_code = FFA_DENIED;
	assert_int_equal(hyp_code(hyp_send(0, s, UINT32_MAX)), FFA_DENIED);
	assert_int_equal(hyp_code(hyp_send(0, s, 1)), FFA_OK);
	hyp.send_code = FFA_NO_MEMORY; /* for what follows */
	assert_int_equal(ffa_mem_count(), 1);
	(void)hyp_call(0, FFA_MEM_FRAG_TX, (uint32_t)(hyp.last_handle << 8), 0, 250 * 16, 0);
	assert_int_equal(attrs_of_page(0, 2), RAM_RWX);
	hyp.send_code = FFA_OK;
	end_clean();
	assert_int_equal(ffa_mem_count(), 0);
}

static void a_partial_description_ends_with_its_sender(void **state unused_arg)
{
	struct hyp_send s = { .function = FFA_MEM_LEND_64, .receiver = SP0, .first = 2, .count = 500, .stride = 1 };

	start(true);
	hyp_map_buffers(0);
	assert_int_equal(hyp_send(0, s, 1)[0], FFA_MEM_FRAG_RX);
	end_clean();
}

/* Guests have each other's pages where no physical address is seen. */
static void memory_goes_to_guests(void **state unused_arg)
{
	struct hyp_send s = { .function = FFA_MEM_LEND_64, .receiver = 2, .first = 5, .count = 1, .stride = 1 };
	uint64_t *x, handle;

	for (unsigned present = 0; present <= 1; present++) {
		start(present != 0);
		hyp_map_buffers(0);
		hyp_map_buffers(1);
		x = hyp_send(0, s, UINT32_MAX);
		assert_int_equal(hyp_code(x), FFA_OK);
		assert_int_equal(spmc_share_count(), 0);
		handle = pair(x, 2);
		assert_true((handle & FFA_HANDLE_HYPERVISOR) != 0);
		x = hyp_retrieve(1, 0, handle, FFA_MEM_LEND_64);
		assert_int_equal(x[0], FFA_MEM_RETRIEVE_RESP);
		/* The borrower ends: its pages go back, zeroed, and the owner has them again. */
		memset(page_of(0, 5), 0x77, PAGE_SIZE);
		hyp_down(1);
		assert_int_equal(page_of(0, 5)[100], 0);
		assert_int_equal(hyp_code(hyp_call(0, FFA_MEM_RECLAIM, lo32(handle), handle >> 32, 0, 0)), FFA_OK);
		hyp_up(1);
		end_clean();
	}
}

/* ---- the end of a VM whose pages others hold ---- */

static void held_pages_are_nobody_elses(void **state unused_arg)
{
	struct hyp_send s = { .function = FFA_MEM_LEND_64, .receiver = SP0 + 1, .first = 40, .count = 3, .stride = 2 };
	struct hyp_vm *vm;
	struct spmc_share *share;
	pa_t ram;

	start(true);
	vm = &hyp.vms[0];
	ram = vm->ram;
	hyp_map_buffers(0);
	share = spmc_share(pair(hyp_send(0, s, UINT32_MAX), 2));
	assert_non_null(share);
	share->held = true;
	hyp_down(0);
	assert_int_equal(said_count, 1);
	assert_non_null(strstr(said, "VM 'one': 0x8002 still holds 3 of its pages"));
	assert_int_equal(attrs_of_page(0, 40), STAGE2_LENT);
	assert_int_equal(attrs_of_page(0, 41), RAM_RWX);
	assert_int_equal(pool_owner(pa(ram.v + 40 * PAGE_SIZE)), PAGE_OWNER_VM);
	/* What is left of its RAM is given up, as vm_memory.c does it, and it lives on in other RAM. */
	hyp_renew_ram(0);
	assert_int_not_equal(vm->ram.v, ram.v);
	hyp_up(0);
	hyp_map_buffers(0);
	assert_int_equal(hyp_code(hyp_send(0, s, UINT32_MAX)), FFA_OK);
	/* The borrower lets go, and with the next event of any VM the pages are free, and zero. */
	memset(pa_ptr(pa(ram.v + 40 * PAGE_SIZE)), 0x55, PAGE_SIZE);
	share->held = false;
	assert_int_equal(pool_owner(pa(ram.v + 40 * PAGE_SIZE)), PAGE_OWNER_VM);
	hyp_down(1);
	for (unsigned n = 0; n < 3; n++) {
		const uint8_t *page = pa_ptr(pa(ram.v + (40 + 2 * n) * PAGE_SIZE));

		assert_int_equal(pool_owner(pa_from_ptr(page)), PAGE_OWNER_FREE);
		assert_int_equal(page[7], 0);
	}
	hyp_up(1);
	end_clean();
}

/* ---- notifications ---- */

static void notifications_of_partitions(void **state unused_arg)
{
	uint64_t *x;

	start(true);
	x = hyp_call(0, FFA_NOTIFICATION_BIND, (uint64_t)SP0 << 16 | 1, 0, 3, 0);
	assert_int_equal(hyp_code(x), FFA_OK);
	assert_int_equal(hyp.last[1], (uint64_t)SP0 << 16 | 1);
	assert_int_equal(hyp.last[3], 3);
	x = hyp_call(0, FFA_NOTIFICATION_SET, 1 << 16 | SP0, 0, 1, 0);
	assert_int_equal(hyp_code(x), FFA_OK);
	x = hyp_call(0, FFA_NOTIFICATION_UNBIND, (uint64_t)SP0 << 16 | 1, 0, 3, 0);
	assert_int_equal(hyp_code(x), FFA_OK);
	assert_int_equal(hyp.bindings, 3);
	/* For another VM, as another VM, with a partition that there is not: nobody below hears of it. */
	assert_int_equal(hyp_code(hyp_call(0, FFA_NOTIFICATION_BIND, (uint64_t)SP0 << 16 | 2, 0, 3, 0)),
			 FFA_INVALID_PARAMETERS);
	assert_int_equal(hyp_code(hyp_call(0, FFA_NOTIFICATION_SET, 2 << 16 | SP0, 0, 1, 0)), FFA_INVALID_PARAMETERS);
	assert_int_equal(hyp_code(hyp_call(0, FFA_NOTIFICATION_BIND, (uint64_t)0x8009 << 16 | 1, 0, 3, 0)),
			 FFA_INVALID_PARAMETERS);
	assert_int_equal(hyp.bindings, 3);
	/* A hypervisor makes the bitmaps. */
	assert_int_equal(hyp_code(hyp_call(0, FFA_NOTIFICATION_BITMAP_CREATE, 1, 2, 0, 0)), FFA_NOT_SUPPORTED);
	end_clean();
}

static void both_kinds_are_fetched_at_once(void **state unused_arg)
{
	uint64_t *x;

	start(true);
	/* From the other guest, and from partitions. */
	assert_int_equal(hyp_code(hyp_call(0, FFA_NOTIFICATION_BIND, 2 << 16 | 1, 0, 0x10, 0)), FFA_OK);
	assert_int_equal(hyp_code(hyp_call(1, FFA_NOTIFICATION_SET, 2 << 16 | 1, 0, 0x10, 0)), FFA_OK);
	assert_int_equal(hyp.npis[0][0], 1);
	hyp.vm[1].pending = 0x500000006;
	hyp.vm[1].vcpu_pending[1] = 8;
	hyp.vm[1].framework = 1;
	/* What the guest itself does not allow takes nothing away below. */
	assert_int_equal(hyp_code(hyp_call(0, FFA_NOTIFICATION_GET, 1, 0x1f, 0, 0)), FFA_INVALID_PARAMETERS);
	assert_int_equal(hyp_code(hyp_call(0, FFA_NOTIFICATION_GET, 2 << 16 | 1, 0xf, 0, 0)), FFA_INVALID_PARAMETERS);
	assert_int_equal(hyp_code(hyp_call(0, FFA_NOTIFICATION_GET, 2, 0xf, 0, 0)), FFA_INVALID_PARAMETERS);
	x = hyp_call_by(0, 1, FFA_NOTIFICATION_GET, 1 << 16 | 1, 0xf, 0, 0);
	assert_int_equal(x[0], FFA_SUCCESS);
	assert_int_equal(x[2], 0xe);
	assert_int_equal(x[3], 5);
	assert_int_equal(x[4], 0x10);
	assert_int_equal(x[6], 1);
	x = hyp_call(0, FFA_NOTIFICATION_GET, 1, 0xf, 0, 0);
	assert_int_equal(x[2] | x[3] | x[4] | x[5] | x[6] | x[7], 0);
	end_clean();
}

static void work_is_done(unsigned cpu)
{
	struct work *work = hyp.posted[cpu];

	assert_non_null(work);
	hyp.posted[cpu] = NULL;
	write_tpidr_el2((uint64_t)(uintptr_t)&hyp.cpus[cpu]);
	work->ops->run(work);
	write_tpidr_el2((uint64_t)(uintptr_t)&hyp.cpus[0]);
}

static void the_spmc_says_who_is_notified(void **state unused_arg)
{
	start(true);
	for (unsigned i = 0; i < HYP_CPUS; i++) {
		work_is_done(i); /* the interrupt is enabled */
	}
	memset(hyp.npis, 0, sizeof(hyp.npis));
	/* VM 1; VM 2 with its vCPU 1; partition 0x8001 with vCPU 2; 0x8003; a VM and a partition that are not here. */
	hyp.info[0] = FFA_SUCCESS_64;
	hyp.info[1] = 0;
	hyp.info[2] = 6 << FFA_INFO_LISTS_SHIFT | (uint64_t)1 << (FFA_INFO_SIZES_SHIFT + 2) |
		      (uint64_t)1 << (FFA_INFO_SIZES_SHIFT + 4);
	hyp.info[3] = 1 | 2 << 16 | UINT64_C(1) << 32 | UINT64_C(0x8001) << 48;
	hyp.info[4] = 2 | UINT64_C(0x8003) << 16 | UINT64_C(77) << 32 | UINT64_C(0x8030) << 48;
	hyp.info[5] = hyp.info[6] = hyp.info[7] = 0;
	notify_interrupt(HYP_SRI + 1);
	assert_null(hyp.posted[0]);
	notify_interrupt(HYP_SRI);
	work_is_done(0);
	assert_int_equal(hyp.npis[0][0], 1);
	assert_int_equal(hyp.npis[0][1], 0);
	assert_int_equal(hyp.npis[1][0], 0);
	assert_int_equal(hyp.npis[1][1], 1);
	assert_int_equal(hyp.woken[2], 1);
	assert_int_equal(hyp.woken[0], 4);
	/* Only a vCPU that is on takes what is for all. */
	hyp.vcpus[0][0].power = PSCI_AFFINITY_OFF;
	ffa_port_notified(&hyp.vms[0].ffa->endpoint, -1, false);
	assert_int_equal(hyp.npis[0][1], 1);
	/* Lists that lie about their length end. */
	hyp.info[0] = FFA_SUCCESS_64;
	hyp.info[2] = 31 << FFA_INFO_LISTS_SHIFT | UINT64_MAX << FFA_INFO_SIZES_SHIFT;
	notify_interrupt(HYP_SRI);
	work_is_done(0);
	end_clean();
}

static void notifications_without_an_spmc(void **state unused_arg)
{
	uint64_t *x;
	unsigned calls;

	start(false);
	calls = hyp.calls;
	assert_int_equal(hyp_code(hyp_call(0, FFA_NOTIFICATION_BIND, (uint64_t)SP0 << 16 | 1, 0, 3, 0)),
			 FFA_INVALID_PARAMETERS);
	assert_int_equal(hyp_code(hyp_call(0, FFA_NOTIFICATION_BIND, 2 << 16 | 1, 1, 3, 0)), FFA_OK);
	assert_int_equal(hyp_code(hyp_call(1, FFA_NOTIFICATION_SET, 2 << 16 | 1, 1 << 16 | 1, 2, 0)), FFA_OK);
	assert_int_equal(hyp.npis[0][1], 1);
	x = hyp_call(0, FFA_NOTIFICATION_GET, 1 << 16 | 1, 0xf, 0, 0);
	assert_int_equal(x[2], 0);
	assert_int_equal(x[4], 2);
	assert_int_equal(hyp.calls, calls);
	end_clean();
}

/* What nobody fetched must not keep the SPMC from forgetting the VM. */
static void unfetched_notifications_end_with_the_vm(void **state unused_arg)
{
	start(true);
	hyp.vm[1].pending = 7;
	hyp.vm[1].vcpu_pending[0] = 1;
	hyp.vm[1].vcpu_pending[1] = 1;
	end_clean();
	assert_int_equal(said_count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_smccc_no_call_is_made),
		cmocka_unit_test(without_an_spmc_only_versions_are_asked),
		cmocka_unit_test(versions_are_negotiated_down),
		cmocka_unit_test(partitions_have_all_their_uuids),
		cmocka_unit_test(an_spmc_that_refuses_is_left_alone),
		cmocka_unit_test(large_buffers_are_given_if_they_are_wanted),
		cmocka_unit_test(vms_without_the_node_see_no_ffa),
		cmocka_unit_test(a_guest_finds_itself),
		cmocka_unit_test(features_are_those_of_the_table),
		cmocka_unit_test(partitions_and_guests_are_listed),
		cmocka_unit_test(buffers_are_told_and_taken_back),
		cmocka_unit_test(partitions_hear_of_starts_and_ends),
		cmocka_unit_test(partitions_may_be_interrupted_meanwhile),
		cmocka_unit_test(partitions_may_ask_for_another_try),
		cmocka_unit_test(nobody_waits_for_ever),
		cmocka_unit_test(who_does_not_end_is_left_behind),
		cmocka_unit_test(the_dead_are_not_mourned),
		cmocka_unit_test(a_start_that_is_cut_short),
		cmocka_unit_test(memory_goes_to_partitions),
		cmocka_unit_test(descriptions_come_in_fragments),
		cmocka_unit_test(a_refusal_below_leaves_no_trace),
		cmocka_unit_test(a_partial_description_ends_with_its_sender),
		cmocka_unit_test(memory_goes_to_guests),
		cmocka_unit_test(held_pages_are_nobody_elses),
		cmocka_unit_test(notifications_of_partitions),
		cmocka_unit_test(both_kinds_are_fetched_at_once),
		cmocka_unit_test(the_spmc_says_who_is_notified),
		cmocka_unit_test(notifications_without_an_spmc),
		cmocka_unit_test(unfetched_notifications_end_with_the_vm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
