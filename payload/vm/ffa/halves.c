/* SPDX-License-Identifier: MIT */
/*
 * A VM that resets itself while it sends memory in fragments, again and again, and looks in each life at what is left
 * of the one before: nothing. What it remembers stands in RAM that nobody loads anything to. In each life it waits
 * for a key, so that its reader may look at the hypervisor's memory, always at the same point.
 */
#include "payload/lib/boot.h"
#include "payload/lib/psci.h"
#include "payload/lib/timer.h"
#include "payload/vm/ffa/ffa.h"

#define LIVES 12
#define RANGES 600 /* three fragments */
#define KEPT_MAGIC UINT64_C(0x68616c7665732121)
#define RACE_US 3000
#define KEY_MS 60000
#define UART_DR 0x00
#define UART_FR 0x18
#define FR_RXFE BIT32(4)

static struct kept {
	uint64_t magic;
	uint64_t life;
	uint64_t handle; /* the last that was begun */
	uint64_t fragments; /* so many had been sent */
} *kept;

static const uint32_t kinds[] = { FFA_MEM_SHARE_64, FFA_MEM_LEND_64, FFA_MEM_DONATE_64 };
static struct ffa_constituent ranges[RANGES];
static uint32_t kind;

/* Every other page, to the partner. */
static struct ffa_transaction scattered(uint32_t id)
{
	struct ffa_constituent one;
	struct ffa_transaction t = nwd_transaction(id, partner, &one, nwd_pages[0], 1);

	for (uint32_t i = 0; i < RANGES; i++) {
		ranges[i] = (struct ffa_constituent){ .address = (uint64_t)nwd_pages[2 * i], .page_count = 1 };
	}
	t.ranges = ranges;
	t.range_count = RANGES;
	return t;
}

/* So many fragments of a page each: the answer to the last. */
static struct ffa_regs begin(const struct ffa_transaction *t, uint32_t fragments)
{
	const uint32_t each = (uint32_t)sizeof(ranges[0]);
	uint32_t sent = ((uint32_t)PAGE_SIZE - (ffa_describe_size(t) - RANGES * each)) / each;
	struct ffa_regs r = FFA(kind, ffa_describe_size(t), ffa_describe(nwd_tx, t, sent));

	for (uint32_t i = 1; i < fragments && ffa_is(&r, FFA_MEM_FRAG_RX); i++) {
		uint32_t count = MIN(RANGES - sent, (uint32_t)PAGE_SIZE / each);

		for (uint32_t k = 0; k < count; k++) {
			((struct ffa_constituent *)nwd_tx)[k] = ranges[sent + k];
		}
		sent += count;
		r = FFA(FFA_MEM_FRAG_TX, r.x[1], r.x[2], count * each);
	}
	return r;
}

/* ---- how a life ends ---- */

static noreturn void reset(void)
{
	dsb();
	psci_call(PSCI_SYSTEM_RESET, 0, 0, 0);
	report_fatal("SYSTEM_RESET has come back");
}

/* On CPU 1: half a transaction, a whole one, and back, for as long as there is time. */
static void send_on(uint64_t arg)
{
	struct ffa_transaction t = scattered(kind);

	(void)arg;
	for (uint32_t i = 0;; i++) {
		struct ffa_regs r = begin(&t, 1 + i % 3);
		bool whole = ffa_is(&r, FFA_SUCCESS);

		kept->handle = ffa_u64(r.x[whole ? 2 : 1], r.x[whole ? 3 : 2]);
		nwd_reclaim(kept->handle);
	}
}

/* In lives with an odd number another CPU sends while this one resets the VM. */
static noreturn void end_life(void)
{
	struct ffa_transaction t = scattered(kind);
	struct ffa_regs r;

	kept->life++;
	if (kept->life % 2 == 0 && cpu_count > 1) {
		cpu_post(1, send_on, 0);
		delay_us(RACE_US + timer_now() % RACE_US);
		reset();
	}
	kept->fragments = 1 + kept->life / 2 % 2;
	r = begin(&t, (uint32_t)kept->fragments);
	if (!ffa_is(&r, FFA_MEM_FRAG_RX)) {
		report_fatal("half a transaction was answered with 0x%lx, %d", r.x[0], ffa_code(&r));
	}
	kept->handle = ffa_u64(r.x[1], r.x[2]);
	reset();
}

/* ---- what the next one finds ---- */

/* Neither we nor the others know it. */
static void former_is_gone(void)
{
	const uint16_t others[] = { hello, second };
	uint64_t handle = kept->handle;

	for (uint32_t i = 0; i < ARRAY_SIZE(others); i++) {
		if (others[i] != 0) {
			for (uint32_t k = 0; k < ARRAY_SIZE(kinds); k++) {
				CHECK_CODE(nwd_retrieve(others[i], kinds[k], handle, 0).w[0], FFA_INVALID_PARAMETERS);
			}
			CHECK_CODE(COMMAND_CODE(others[i], COMMAND_RELINQUISH, handle, 0), FFA_INVALID_PARAMETERS);
		}
	}
	/* In this order: a fragment that makes no sense would end it. */
	CHECK_CODE(nwd_reclaim(handle), FFA_INVALID_PARAMETERS);
	CHECK_CODE(FFA_CODE(FFA_MEM_FRAG_TX, (uint32_t)handle, handle >> 32, sizeof(ranges[0])),
		   FFA_INVALID_PARAMETERS);
}

/* All the pages are ours again: they are sent whole, and used. */
static void pages_are_ours(void)
{
	struct ffa_transaction t = scattered(FFA_MEM_LEND_64);
	uint64_t handle = 0;

	for (uint32_t i = 0; i < RANGES; i++) {
		pattern_fill(ranges[i].address, 1, 0x9000 + i * PAGE_SIZE);
	}
	REQUIRE(nwd_send(FFA_MEM_LEND_64, &t, &handle) == FFA_OK);
	CHECK_CODE(nwd_retrieve(partner, FFA_MEM_LEND_64, handle, 0).w[0], FFA_OK);
	CHECK_EQ(COMMAND(partner, COMMAND_CHECK, handle, 0x9000).w[1], 0);
	CHECK_CODE(COMMAND_CODE(partner, COMMAND_RELINQUISH, handle, 0), FFA_OK);
	CHECK_CODE(nwd_reclaim(handle), FFA_OK);
}

static bool key_comes(void)
{
	bool came = WAIT_UNTIL((mmio_read32(UART_BASE + UART_FR) & FR_RXFE) == 0, KEY_MS);

	(void)mmio_read32(UART_BASE + UART_DR);
	return came;
}

void test_halves(void)
{
	static const struct test tests[] = {
		{ "former_is_gone", former_is_gone },
		{ "pages_are_ours", pages_are_ours },
	};

	kept = (struct kept *)(ram_base + MIB(1));
	if (kept->magic != KEPT_MAGIC) {
		*kept = (struct kept){ .magic = KEPT_MAGIC };
	}
	kind = kinds[kept->life % ARRAY_SIZE(kinds)];
	partner = second == 0 || (hello != 0 && kept->life / 3 % 2 == 0) ? hello : second;
	if (kept->life > 0) {
		RUN_TESTS(tests);
	}
	print("# life %lu: a key, please\n", kept->life);
	if (!key_comes()) {
		report_fatal("no key came");
	}
	if (kept->life < LIVES && !test_failed()) {
		end_life();
	}
}
