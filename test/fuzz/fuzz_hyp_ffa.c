/* SPDX-License-Identifier: MIT */
/*
 * FF-A calls of two VMs of the hypervisor, in any order and with values that are half right, over an SPMC that is
 * played and that looks at all it is told. VMs end and start meanwhile. At the end nothing is left of them.
 */
#include <stdint.h>

#include "../unit/hyp_ffa/hyp_world.h"

#define STEPS_MAX 300

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

static uint64_t some_handle(void)
{
	const struct spmc_share *s = &hyp.shares[next_byte() % SPMC_SHARES];

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
		(void)hyp_send(n, s, 1U + next_byte() % 4);
	}
	hyp.send_code = FFA_OK;
}

/* Whoever has lost pages gets other RAM before it starts again. */
static void renew_ram(unsigned n)
{
	struct hyp_vm *vm = &hyp.vms[n];
	pa_t ram = vm->ram;
	unsigned lost = 0;

	for (unsigned page = 0; page < HYP_PAGES; page++) {
		lost += attrs_of_page(n, page) != RAM_RWX;
	}
	if (lost == 0) {
		return;
	}
	ffa_guest_memory_gone(vm);
	for (unsigned page = 0; page < HYP_PAGES; page++) {
		if (attrs_of_page(n, page) == RAM_RWX) {
			vm_free_pages(pa(ram.v + page * PAGE_SIZE), 1);
		}
	}
	stage2_destroy(&vm->vm.stage2);
	hyp_make_ram(n);
	ffa_guest_memory_made(vm);
}

static void restart(unsigned n)
{
	hyp_down(n);
	CHECK(!hyp.vm[n + 1].notified && hyp.vm[n + 1].tx.v == 0);
	renew_ram(n);
	hyp_up(n);
}

static void sps_act(void)
{
	struct spmc_share *s = &hyp.shares[next_byte() % SPMC_SHARES];

	s->held = s->handle != 0 && s->ranges_in == s->ranges && !s->held;
	hyp.vm[1 + next_byte() % HYP_VMS].pending |= next_byte();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	at = data;
	end = data + size;
	host_log_hook = log_nothing;
	hyp_start(next_byte() % 4 != 0);
	for (unsigned step = 0; step < STEPS_MAX && at < end; step++) {
		unsigned n = next_byte() % HYP_VMS;

		switch (next_byte() % 16) {
		case 0:
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
		default:
			some_call(n);
			break;
		}
	}
	for (unsigned i = 0; i < SPMC_SHARES; i++) {
		hyp.shares[i].held = false;
	}
	for (unsigned n = 0; n < HYP_VMS; n++) {
		hyp_down(n);
		renew_ram(n);
	}
	CHECK(ffa_mem_count() == 0 && spmc_share_count() == 0);
	/* But for the table of handles, once there was one, and the pool's own records. */
	ffa_mem_compact();
	CHECK(hyp.free_pages - hyp_free_pages() <= 4);
	return 0;
}
