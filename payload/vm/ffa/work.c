/* SPDX-License-Identifier: MIT */
/*
 * A VM that works with partitions and another VM while others do what they like with the same ones
 * (payload/vm/hostile): its results must stay right, and each thing must be done in the end. Somebody may keep a
 * partition's context for as long as he lives, so that it is busy; he does not live long.
 */
#include "payload/lib/timer.h"
#include "payload/vm/ffa/ffa.h"

#define WORK_S 40
#define DONE_MS 30000 /* within which each thing must be done, on a host that is busy too */
#define PAGES 40
#define ROUNDS_MIN 3 /* of each CPU with each partner */
#define BIT_ID 5u

static uint16_t partners[3];
static uint32_t partner_count;
static uint64_t rounds[CPU_MAX], slowest_ms;

/* As nwd_command(), again for as long as somebody else has all of them. A test that has failed ends at once. */
static struct words done(uint16_t to, struct words words)
{
	uint64_t start = timer_now(), end = start + timer_ticks(DONE_MS * UINT64_C(1000)), took;
	struct words answer;

	do {
		answer = nwd_command(to, words);
	} while ((int32_t)answer.w[0] == FFA_BUSY && timer_now() < end && !test_failed());
	took = (timer_now() - start) / timer_ticks(1000);
	slowest_ms = took > slowest_ms ? took : slowest_ms;
	return answer;
}
#define DONE(to, ...) done((to), (struct words){ { __VA_ARGS__ } })
#define DONE_CODE(...) ((int32_t)DONE(__VA_ARGS__).w[0])

static void echo(uint16_t to, uint64_t seed)
{
	for (uint64_t i = 0; i < 20; i++) {
		struct words w = DONE(to, seed + i, ~seed, i << 32, 3, 4);

		CHECK_EQ(w.w[0], seed + i);
		CHECK_EQ(w.w[1], ~seed);
		CHECK_EQ(w.w[2], i << 32);
	}
}

/*
 * The other needs his RX buffer for it, which anybody may have filled with a message that nobody wants. CPU 0 alone
 * asks for it, so nothing else stands there.
 */
static int32_t retrieve(uint16_t to, uint64_t handle, uint64_t want)
{
	uint64_t end = timer_now() + timer_ticks(DONE_MS * UINT64_C(1000));
	int32_t code;

	while ((code = (int32_t)nwd_command(to, (struct words){ { COMMAND_RETRIEVE, handle, 0, want } }).w[0]) ==
		       FFA_BUSY &&
	       timer_now() < end && !test_failed()) {
		nwd_command(to, (struct words){ { COMMAND_CALL, FFA_NOTIFICATION_GET, to,
						  FFA_NOTIFICATION_GET_SPM | FFA_NOTIFICATION_GET_HYP } });
		nwd_command(to, (struct words){ { COMMAND_CALL, FFA_RX_RELEASE } });
	}
	return code;
}

/* CPU 0 has the mailbox. */
static void send(uint16_t to, uint32_t kind, uint64_t seed)
{
	const uint64_t want = nwd_id |
			      (uint64_t)FFA_PERMISSIONS(FFA_DATA_RW, kind == FFA_MEM_LEND_64 ? FFA_EXEC_XN : 0) << 16 |
			      (uint64_t)FFA_ATTRIBUTES_NORMAL << 32;
	uint64_t first = (uint64_t)nwd_pages[0], handle = 0;

	pattern_fill(first, PAGES, seed);
	REQUIRE(nwd_send_pages(kind, to, nwd_pages[0], PAGES, &handle) == FFA_OK);
	CHECK_CODE(retrieve(to, handle, want), FFA_OK);
	CHECK_EQ(DONE(to, COMMAND_CHECK, handle, seed).w[1], 0);
	CHECK_CODE(DONE_CODE(to, COMMAND_FILL, handle, ~seed), FFA_OK);
	CHECK_CODE(nwd_reclaim(handle), FFA_DENIED);
	CHECK_CODE(DONE_CODE(to, COMMAND_RELINQUISH, handle, 0), FFA_OK);
	CHECK_CODE(nwd_reclaim(handle), FFA_OK);
	CHECK_EQ(pattern_wrong(first, PAGES, ~seed), 0);
}

/* Bound to that one: nobody else sets it. */
static void notify(uint16_t to)
{
	const uint64_t bit = BIT(BIT_ID);
	struct ffa_regs r;

	CHECK_CODE(FFA_CODE(FFA_NOTIFICATION_BIND, ffa_pair(to, nwd_id), 0, bit), FFA_OK);
	CHECK_CODE(DONE_CODE(to, COMMAND_CALL, FFA_NOTIFICATION_SET, ffa_pair(to, nwd_id), 0, bit), FFA_OK);
	r = FFA(FFA_NOTIFICATION_GET, ffa_pair(0, nwd_id), FFA_NOTIFICATION_GET_SP | FFA_NOTIFICATION_GET_VM);
	CHECK_EQ(is_vm(to) ? r.x[4] : r.x[2], bit);
	CHECK_CODE(FFA_CODE(FFA_NOTIFICATION_UNBIND, ffa_pair(to, nwd_id), 0, bit), FFA_OK);
}

static void work_until(uint64_t end)
{
	uint32_t n = this_cpu()->index;

	while (timer_now() < end && !test_failed()) {
		uint16_t to = partners[rounds[n] % partner_count];
		uint64_t seed = rounds[n] << 20 | (uint64_t)n << 60;

		echo(to, seed);
		if (n == 0) {
			send(to, rounds[n] / 2 % 2 == 0 ? FFA_MEM_SHARE_64 : FFA_MEM_LEND_64, seed);
			notify(to);
			watchdog_feed();
		}
		rounds[n]++;
	}
}

static void work(void)
{
	uint64_t end = timer_now() + timer_ticks(WORK_S * UINT64_C(1000000));

	for (uint32_t i = 1; i < cpu_count; i++) {
		cpu_post(i, work_until, end);
	}
	work_until(end);
	for (uint32_t i = 1; i < cpu_count; i++) {
		CHECK(cpu_wait(i, DONE_MS));
	}
	print("# worked: %lu and %lu rounds, the slowest call took %lu ms\n", rounds[0], rounds[1], slowest_ms);
	for (uint32_t i = 0; i < cpu_count; i++) {
		CHECK(rounds[i] >= ROUNDS_MIN * partner_count);
	}
}

void test_work(void)
{
	static const struct test tests[] = { { "work", work } };
	const uint16_t all[] = { hello, irq, second };

	for (uint32_t i = 0; i < ARRAY_SIZE(all); i++) {
		if (all[i] != 0) {
			partners[partner_count++] = all[i];
		}
	}
	RUN_TESTS(tests);
}
