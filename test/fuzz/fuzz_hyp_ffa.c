/* SPDX-License-Identifier: MIT */
/*
 * FF-A calls of two VMs of the hypervisor, in any order and with values that are half right, over an SPMC that is
 * played and that looks at all it is told. VMs end and start meanwhile, memory runs out, partitions take their time,
 * and the SPMC may answer what it should not. At the end nothing is left of them.
 */
#include <stdint.h>

#include "../unit/hyp_ffa/hyp_world.h"

#define STEPS_MAX 300
#define EL2_PAGES_MORE 40

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t *at, *end;

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

static uint64_t last_handle; /* that a guest was given */
static uint64_t el2_pages;   /* when all was set up */

static uint64_t some_handle(void)
{
	const struct spmc_share *s = &hyp.shares[next_byte() % SPMC_SHARES];

	if (last_handle != 0 && next_byte() % 4 == 0) {
		return last_handle;
	}
	return s->handle != 0 ? s->handle : FFA_HANDLE_HYPERVISOR | next_byte() << 20 | next_byte();
}

static uint64_t some_ids(void)
{
	static const uint16_t ids[] = { 0, 1, 2, 3, 0x7fff, 0x8000, 0x8001, 0x8002, 0x8003, 0x8004, 0xffff };

	return (uint64_t)ids[next_byte() % ARRAY_SIZE(ids)] << 16 | ids[next_byte() % ARRAY_SIZE(ids)];
}

/* Ids are FF-A's, mostly those that exist; arguments are what calls take, mostly. */
static void some_call(unsigned n)
{
	uint64_t x[5] = { (FFA_ERROR + next_byte() % (FFA_NUMBER_LAST - FFA_NUMBER_FIRST + 2)) |
			  (next_byte() % 2 != 0 ? FFA_64 : 0u) };
	const uint64_t *answer;

	for (unsigned i = 1; i < ARRAY_SIZE(x); i++) {
		uint64_t handle = some_handle();

		switch (next_byte() % 6) {
		case 0:
			x[i] = next_word();
			break;
		case 1:
			x[i] = page_ipa(next_byte());
			break;
		case 2:
			x[i] = some_ids();
			break;
		case 3:
			x[i] = lo32(handle);
			x[MIN(i + 1, ARRAY_SIZE(x) - 1)] = handle >> 32;
			i++;
			break;
		default:
			x[i] = next_byte() % 8;
			break;
		}
	}
	answer = hyp_call_by(n, next_byte() % HYP_VCPUS, x[0], x[1], x[2], x[3], x[4]);
	CHECK(lo32(answer[0]) != FFA_ERROR || ((int32_t)answer[2] < 0 && (int32_t)answer[2] >= FFA_NO_DATA));
}

static void some_memory(unsigned n)
{
	static const uint32_t functions[] = { FFA_MEM_SHARE_64, FFA_MEM_LEND_64, FFA_MEM_DONATE_64 };
	static const uint16_t receivers[] = { 0x8001, 0x8002, 0x8003, 1, 2, 0x8009 };
	struct hyp_send s = { .function = functions[next_byte() % 3],
			      .receiver = receivers[next_byte() % ARRAY_SIZE(receivers)],
			      .first = next_byte(),
			      .count = 1 + next_byte() % 4 * (next_byte() % 90),
			      .stride = next_byte() % 3,
			      .flags = next_byte() % 4 == 0 ? FFA_MEM_ZERO : 0 };

	hyp.send_code = next_byte() % 8 == 0 ? FFA_NO_MEMORY : FFA_OK;
	if (ffa_mailbox_size(&hyp.vms[n].ffa->endpoint) != 0) {
		const uint64_t *x = hyp_send(n, s, 1U + next_byte() % 4);

		last_handle = lo32(x[0]) == FFA_SUCCESS ? pair(x, 2) : last_handle;
	}
	hyp.send_code = FFA_OK;
}

/* ---- memory runs out ---- */

static struct {
	pa_t base;
	uint64_t pages;
} taken[HYP_POOL / PAGE_SIZE];
static unsigned taken_count;

/* As a party of its own, so that it is not taken for records of EL2's. */
static void starve(unsigned left)
{
	for (uint64_t pages = 512; pages != 0; pages /= 8) {
		while (taken_count < ARRAY_SIZE(taken) && hyp_free_pages() >= left + pages &&
		       pool_alloc(pages, PAGE_SIZE, PAGE_OWNER_SHARED, &taken[taken_count].base) == OK) {
			taken[taken_count++].pages = pages;
		}
	}
}

static void feed(void)
{
	while (taken_count != 0) {
		taken_count--;
		pool_free(taken[taken_count].base, taken[taken_count].pages);
	}
}

/* ---- VMs start and end ---- */

static void restart(unsigned n)
{
	hyp_down(n);
	CHECK(!hyp.vm[n + 1].notified && hyp.vm[n + 1].tx.v == 0);
	feed();
	hyp_renew_ram(n);
	/* Some starts are cut short. */
	for (unsigned slices = next_byte() % 8; slices >= 6; slices--) {
		for (unsigned i = slices; i < 9 && ffa_guest_enter_some(&hyp.vms[n]); i++) {
		}
		hyp_down(n);
	}
	hyp_up(n);
}

/* ---- who is called below ---- */

/* A partition that hears of VMs: it is left, is busy, answers wrong. */
static void some_answer(unsigned n, uint64_t *x)
{
	static const int32_t codes[] = { FFA_BUSY, FFA_ABORTED, FFA_DENIED, FFA_RETRY, 0 };

	switch (next_byte() % 8) {
	case 1:
	case 2:
		ffa_answer(x, next_byte() % 2 != 0 ? FFA_INTERRUPT : FFA_YIELD);
		x[1] = (uint64_t)(FFA_ID_SP_FIRST + (next_byte() % 8 == 0 ? next_byte() : n)) << 16;
		break;
	case 3:
		ffa_answer_error(x, (enum ffa_code)codes[next_byte() % ARRAY_SIZE(codes)]);
		break;
	case 4:
		hyp_sp_done(n, x);
		x[3] = (uint32_t)codes[next_byte() % ARRAY_SIZE(codes)];
		break;
	default:
		hyp_sp_done(n, x);
		break;
	}
}

/* Answers about memory that are out of step. What is asked for back is given back: else the pages stay out for good. */
static void out_of_step(uint64_t *x)
{
	static const uint32_t ids[] = { FFA_SUCCESS,    FFA_MEM_FRAG_RX, FFA_ERROR, FFA_INTERRUPT,
					FFA_SUCCESS_64, FFA_MEM_FRAG_TX, UINT32_MAX };
	uint32_t call = lo32(hyp.last[0]);
	unsigned which;

	if (call != FFA_MEM_SHARE_64 && call != FFA_MEM_LEND_64 && call != FFA_MEM_DONATE_64 &&
	    call != FFA_MEM_FRAG_TX && call != FFA_NOTIFICATION_GET && call != FFA_NOTIFICATION_INFO_GET_64) {
		return;
	}
	which = next_byte();
	if (which % 4 == 0) {
		x[0] = ids[which / 4 % ARRAY_SIZE(ids)];
	} else if (which % 4 == 1) {
		x[1 + which / 4 % 7] = which % 32 < 16 ? some_handle() : next_word();
	}
}

static void tell_of_notifications(void)
{
	struct work *work;

	for (unsigned i = 0; i < 8; i++) {
		hyp.info[i] = i == 0 ? FFA_SUCCESS_64 : next_word();
	}
	notify_interrupt(HYP_SRI);
	work = hyp.posted[0];
	if (work != NULL) {
		hyp.posted[0] = NULL;
		work->ops->run(work);
	}
}

static void sps_act(void)
{
	struct spmc_share *s = &hyp.shares[next_byte() % SPMC_SHARES];

	s->held = s->handle != 0 && s->ranges_in == s->ranges && !s->held;
	hyp.vm[1 + next_byte() % HYP_VMS].pending |= next_byte();
}

/* ---- what guests have of each other ---- */

static void some_retrieve(unsigned n)
{
	static const uint32_t functions[] = { FFA_MEM_SHARE_64, FFA_MEM_LEND_64 };
	struct ffa_relinquish r = { .handle = last_handle, .flags = next_byte() % 4, .endpoint_count = 1 };
	uint16_t self = vm_id(n);
	uint64_t *x;

	if (ffa_mailbox_size(&hyp.vms[n].ffa->endpoint) == 0) {
		return;
	}
	if (next_byte() % 2 != 0) {
		x = hyp_retrieve(n, 1 - n, last_handle, functions[next_byte() % 2]);
		for (uint64_t told = x[2], all = x[1]; lo32(x[0]) != FFA_ERROR && told < all && next_byte() % 8 != 0;) {
			(void)hyp_call(n, FFA_RX_RELEASE, 0, 0, 0, 0);
			x = hyp_call(n, FFA_MEM_FRAG_RX, lo32(last_handle), last_handle >> 32, told, 0);
			told += x[3];
		}
		(void)hyp_call(n, FFA_RX_RELEASE, 0, 0, 0, 0);
		return;
	}
	memcpy(page_of(n, TX_PAGE), &r, sizeof(r));
	memcpy(page_of(n, TX_PAGE) + sizeof(r), &self, sizeof(self));
	(void)hyp_call(n, FFA_MEM_RELINQUISH, 0, 0, 0, 0);
}

static void some_message(unsigned n)
{
	static const uint16_t ids[] = { 1, 2, 0x8001, 0x8003, 3 };
	struct ffa_message_header header = { .offset = next_byte() % 4 != 0 ? sizeof(header) : next_byte(),
					     .receiver = ids[next_byte() % ARRAY_SIZE(ids)],
					     .sender = vm_id(n),
					     .size = next_byte() * 17U };

	memcpy(page_of(n, TX_PAGE), &header, sizeof(header));
	(void)hyp_call(n, FFA_MSG_SEND2, 0, 0, 0, 0);
	(void)hyp_call(1 - n, FFA_NOTIFICATION_GET, vm_id(1 - n), 0xf, 0, 0);
	if (next_byte() % 2 != 0) {
		(void)hyp_call(1 - n, FFA_RX_RELEASE, 0, 0, 0, 0);
	}
}

static void step(unsigned n)
{
	switch (next_byte() % 24) {
	case 0:
	case 16:
		hyp_call(n, FFA_RXTX_MAP_64, page_ipa(TX_PAGE), page_ipa(RX_PAGE), 1, 0);
		break;
	case 1:
		restart(n);
		break;
	case 2:
		sps_act();
		break;
	case 3:
		for (unsigned i = 0; i < 64; i++) {
			page_of(n, TX_PAGE)[next_byte() % 128] = next_byte();
		}
		break;
	case 4:
	case 5:
	case 6:
		some_memory(n);
		break;
	case 17:
	case 18:
		some_retrieve(n);
		break;
	case 19:
		some_message(n);
		break;
	case 20:
		tell_of_notifications();
		break;
	case 21:
		starve(next_byte() % 8);
		break;
	case 22:
		feed();
		break;
	default:
		some_call(n);
		break;
	}
}

/*
 * All is given back, and nothing is left. An SPMC that was out of step may think that it has something, or not know the
 * handle that it gave: then those pages stay out.
 */
static void end_all(bool strange)
{
	struct pool_stats stats;
	uint64_t held = 0;

	feed();
	hyp.twist = NULL;
	hyp.sp_answers = hyp_sp_done;
	for (unsigned i = 0; i < SPMC_SHARES; i++) {
		hyp.shares[i].held = false;
	}
	for (unsigned n = 0; n < HYP_VMS; n++) {
		hyp_down(n);
		hyp_renew_ram(n);
	}
	for (unsigned n = 0; n < HYP_VMS; n++) {
		struct ffa_guest *g = hyp.vms[n].ffa;
		uint64_t pages = ffa_mem_held_pages(&g->endpoint);

		CHECK(hyp.vms[n].vm.mem.away == 0 && g->space.given_bytes == 0);
		CHECK(strange || pages == 0);
		CHECK((pages == 0) == (g->space.record_bytes == 0));
		held += pages;
	}
	CHECK(strange || spmc_share_count() == 0);
	CHECK((ffa_mem_count() == 0) == (held == 0));
	ffa_mem_compact();
	pool_stats(&stats);
	CHECK(stats.total_pages - stats.free_pages - stats.el2_pages == HYP_VMS * HYP_PAGES + held);
	/* EL2 has more than before: the table of handles, records of what is held, the pool's list of single pages. */
	CHECK(stats.el2_pages <= el2_pages + EL2_PAGES_MORE + 4 * ffa_mem_count());
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pool_stats stats;
	unsigned kind;

	at = data;
	end = data + size;
	host_log_hook = log_nothing;
	taken_count = 0;
	last_handle = 0;
	kind = next_byte();
	hyp_start(kind % 4 != 0);
	pool_stats(&stats);
	el2_pages = stats.el2_pages;
	hyp.twist = kind & 0x10 ? out_of_step : NULL;
	hyp.sp_answers = kind & 0x20 ? some_answer : hyp_sp_done;
	for (unsigned i = 0; i < STEPS_MAX && at < end; i++) {
		step(next_byte() % HYP_VMS);
	}
	end_all(hyp.twist != NULL);
	return 0;
}
