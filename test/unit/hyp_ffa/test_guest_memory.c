/* SPDX-License-Identifier: MIT */
/*
 * What VMs can do to the machine's memory by giving theirs away: no more than docs/ffa-hypervisor.md says, and nothing
 * that is not RAM.
 */
#define HYP_RAM MIB(6)
#define HYP_POOL MIB(40)

#include "cmocka_main.h"

#include <stdio.h>

#include "hyp_ffa/hyp_world.h"

#define SP0 FFA_ID_SP_FIRST
#define PART (MIB(2) / PAGE_SIZE) /* pages: a third of a VM's RAM */

static char said[512];

static void note(enum log_level level, const char *text)
{
	if (level <= LOG_WARN) {
		snprintf(said, sizeof(said), "%s", text);
	}
}

static void start(void)
{
	host_log_hook = note;
	hyp_start(true);
	hyp_map_buffers(0);
	hyp_map_buffers(1);
	said[0] = 0;
}

static void restart(unsigned n)
{
	hyp_down(n);
	hyp_renew_ram(n);
	hyp_up(n);
	hyp_map_buffers(n);
}

static uint64_t give(unsigned n, uint32_t function, uint16_t receiver, unsigned first, unsigned count)
{
	struct hyp_send s = { .function = function, .receiver = receiver, .first = first, .count = count, .stride = 1 };
	const uint64_t *x = hyp_send(n, s, UINT32_MAX);

	assert_int_equal(hyp_code(x), FFA_OK);
	return pair(x, 2);
}

/* VM 1 donates a third of its RAM to VM 2. What that is answered. */
static int32_t donate(unsigned third)
{
	uint64_t handle = give(0, FFA_MEM_DONATE_64, 2, third * PART, PART);
	int32_t code = hyp_code(hyp_retrieve(1, 0, handle, FFA_MEM_DONATE_64));

	if (code == FFA_OK) {
		/* It was told of one part. The rest it does not care for: it has it all. */
		assert_int_equal(hyp_code(hyp_call(1, FFA_RX_RELEASE, 0, 0, 0, 0)), FFA_OK);
	} else {
		assert_int_equal(hyp_code(hyp_call(0, FFA_MEM_RECLAIM, lo32(handle), handle >> 32, 0, 0)), FFA_OK);
	}
	return code;
}

/* Nothing that was given is lost, and there is no more of it than there was. */
static void a_guest_is_given_no_more_than_it_has(void **state unused_arg)
{
	uint64_t free_pages;

	start();
	assert_int_equal(donate(1), FFA_OK);
	assert_int_equal(donate(2), FFA_OK);
	restart(0);
	assert_int_equal(donate(1), FFA_OK);
	assert_int_equal(donate(2), FFA_NO_MEMORY);
	assert_int_equal(attrs_of_page(0, 2 * PART), RAM_RWX);
	free_pages = hyp_free_pages();
	hyp_down(1);
	assert_true(hyp_free_pages() >= free_pages + 3 * PART);
	hyp_up(1);
	hyp_map_buffers(1);
	assert_int_equal(donate(2), FFA_OK);
}

/* The tables are of blocks by then, and there is no page to divide one. */
static void what_was_given_is_freed_without_memory(void **state unused_arg)
{
	pa_t page, given;

	start();
	given = pa(hyp.vms[0].ram.v + PART * PAGE_SIZE);
	assert_int_equal(donate(1), FFA_OK);
	memset(page_of(0, PART), 0x5a, PART * PAGE_SIZE);
	ffa_mem_compact();
	do {
		while (pool_alloc(1, PAGE_SIZE, PAGE_OWNER_EL2, &page) == OK) {
		}
	} while (ffa_guest_leave_some(&hyp.vms[1]));
	assert_true(hyp_free_pages() >= PART);
	assert_int_equal(pool_owner(given), PAGE_OWNER_FREE);
	for (unsigned i = 0; i < PART * PAGE_SIZE; i += 1021) {
		assert_int_equal(((const uint8_t *)pa_ptr(given))[i], 0);
	}
}

/* A VM that starts again and again, while somebody keeps what it lent. */
static void who_has_lost_too_much_stays_down(void **state unused_arg)
{
	struct hyp_vm *vm = &hyp.vms[0];
	struct spmc_share *share;

	start();
	spmc_share(give(0, FFA_MEM_LEND_64, SP0, 2, 1000))->held = true;
	share = spmc_share(give(0, FFA_MEM_LEND_64, SP0, 1002, HYP_PAGES - 1002));
	share->held = true;
	hyp_down(0);
	hyp_job(ffa_guest_ask_some, 0);
	assert_true(ffa_guest_may_have_more(vm)); /* two pages are its own still */
	hyp_renew_ram(0);
	hyp_up(0);
	hyp_map_buffers(0);
	spmc_share(give(0, FFA_MEM_LEND_64, SP0, 2, 3))->held = true;
	hyp_down(0);
	assert_int_equal(ffa_mem_held_pages(&vm->ffa->endpoint), HYP_PAGES + 1);
	assert_false(ffa_guest_may_have_more(vm));
	assert_non_null(strstr(said, "VM 'one': ffa: others still hold 6148 KiB of the RAM that it had"));
	/* Who holds it is asked before. */
	share->held = false;
	hyp_job(ffa_guest_ask_some, 0);
	assert_true(ffa_guest_may_have_more(vm));
	assert_int_equal(ffa_mem_held_pages(&vm->ffa->endpoint), 1003);
}

/* A start that is cut short has asked about some; the next one does not take that for an answer. */
static void every_start_asks_about_all(void **state unused_arg)
{
	struct hyp_vm *vm = &hyp.vms[0];
	struct spmc_share *shares[24];

	start();
	for (unsigned i = 0; i < ARRAY_SIZE(shares); i++) {
		shares[i] = spmc_share(give(0, FFA_MEM_LEND_64, SP0, 2 + i, 1));
		shares[i]->held = true;
	}
	hyp_down(0);
	assert_true(ffa_guest_ask_some(vm)); /* there is more, but the start is cut short */
	hyp_down(0);
	for (unsigned i = 0; i < ARRAY_SIZE(shares); i++) {
		shares[i]->held = false;
	}
	hyp_job(ffa_guest_ask_some, 0);
	assert_int_equal(ffa_mem_held_pages(&vm->ffa->endpoint), 0);
}

/* Flash and shared memories come from the pool as RAM does, so one may lie where RAM would be if it began earlier. */
static void what_is_not_ram_is_not_given(void **state unused_arg)
{
	struct hyp_vm *vm = &hyp.vms[1];
	ipa_t flash = ipa(GUEST_RAM_BASE - 2 * PAGE_SIZE);
	struct ffa_constituent range = { .address = flash.v, .page_count = 1 };
	struct hyp_send s = { .function = FFA_MEM_SHARE_64, .receiver = 1, .first = 5, .count = 1, .stride = 1 };
	const uint64_t *x;
	unsigned attrs;
	uint64_t run;
	pa_t to;

	start();
	assert_int_equal(
		stage2_map(&vm->vm.stage2, flash, pa(vm->ram.v - 2 * PAGE_SIZE), 2 * PAGE_SIZE, STAGE2_R | STAGE2_W),
		OK);
	x = hyp_send(1, s, UINT32_MAX);
	assert_int_equal(hyp_code(hyp_call(1, FFA_MEM_RECLAIM, x[2], x[3], 0, 0)), FFA_OK);
	/* The same again, but for the address. */
	memcpy(page_of(1, TX_PAGE) + 80, &range, sizeof(range));
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(hyp_code(hyp_call(1, s.function, 96, 96, 0, 0)), FFA_DENIED);
		/* RAM is behind it. */
		range.page_count = 3;
		memcpy(page_of(1, TX_PAGE) + 80, &range, sizeof(range));
		memcpy(page_of(1, TX_PAGE) + 64, &range.page_count, sizeof(range.page_count));
	}
	assert_int_equal(ffa_mem_count(), 0);
	assert_int_equal(hyp_code(hyp_call(1, FFA_RXTX_UNMAP, 0, 0, 0, 0)), FFA_OK);
	assert_int_equal(hyp_code(hyp_call(1, FFA_RXTX_MAP_64, flash.v, page_ipa(RX_PAGE), 1, 0)),
			 FFA_INVALID_PARAMETERS);
	assert_int_equal(hyp_code(hyp_call(1, FFA_RXTX_MAP_64, page_ipa(TX_PAGE), flash.v, 1, 0)),
			 FFA_INVALID_PARAMETERS);
	assert_true(stage2_lookup(&vm->vm.stage2, flash, &to, &attrs, &run));
	assert_int_equal(attrs, STAGE2_R | STAGE2_W);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_guest_is_given_no_more_than_it_has),
		cmocka_unit_test(what_was_given_is_freed_without_memory),
		cmocka_unit_test(who_has_lost_too_much_stays_down),
		cmocka_unit_test(every_start_asks_about_all),
		cmocka_unit_test(what_is_not_ram_is_not_given),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
