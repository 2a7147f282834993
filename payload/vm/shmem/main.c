/* SPDX-License-Identifier: MIT */
/*
 * Shared memories and doorbells: what each peer sees of the others, and what none can do to another.
 *
 * Wants: config/shmem.dts.
 */
#include "payload/lib/exception.h"
#include "payload/lib/psci.h"
#include "payload/lib/report.h"
#include "payload/lib/timer.h"
#include "payload/vm/shmem/shmem.h"

#define ANSWER_MS 20000
#define ROUNDS 100
#define STORM 2000
#define ECHOES 201
#define ALL_UP (BIT32(CONDUCTOR) | BIT32(PARTNER) | BIT32(WATCHER))
#define NOTES_END (notes.physical + notes.size) /* nothing is there */
#define RETURN 0xd65f03c0u /* the instruction */

static uint32_t sequence;

/* ---- the conductor's side of a command ---- */

static struct answer *answer_of(uint32_t peer)
{
	return peer == WATCHER ? (struct answer *)notes.memory : &shmem_board()->answer;
}

static void ask(uint32_t peer, enum command command, uint64_t argument)
{
	struct request *request = &shmem_board()->requests[peer];

	request->command = command;
	request->argument = argument;
	request->release = ~argument;
	atomic_store(&request->sequence, ++sequence);
	shmem_set(&board, SHARED_MEMORY_DOORBELL, peer);
}

static bool answered(uint32_t peer, uint64_t *value)
{
	bool came = WAIT_UNTIL(atomic_load(&answer_of(peer)->sequence) == sequence, ANSWER_MS);

	*value = answer_of(peer)->value;
	return came;
}

static uint64_t call(uint32_t peer, enum command command, uint64_t argument)
{
	uint64_t value = 0;

	ask(peer, command, argument);
	if (!answered(peer, &value)) {
		report_fatal("peer %u does not answer command %u", peer, command);
	}
	return value;
}

static void release(uint32_t peer)
{
	struct request *request = &shmem_board()->requests[peer];

	atomic_store(&request->release, request->argument);
}

/* Both devices quiet: what came before is forgotten. */
static void settle(void)
{
	delay_us(2000);
	shmem_take(&board);
	shmem_take(&notes);
}

/* ---- tests ---- */

static void registers_say_who_we_are(void)
{
	CHECK_EQ(shmem_get(&board, SHARED_MEMORY_MAGIC), SHARED_MEMORY_MAGIC_VALUE);
	CHECK_EQ(shmem_get(&board, SHARED_MEMORY_VERSION), SHARED_MEMORY_VERSION_VALUE);
	CHECK_EQ(shmem_get(&board, SHARED_MEMORY_SELF), CONDUCTOR);
	CHECK_EQ(shmem_get(&board, SHARED_MEMORY_PEERS), PEERS);
	CHECK_EQ(shmem_get(&board, SHARED_MEMORY_ACCESS), SHARED_MEMORY_ACCESS_WRITE);
	CHECK_EQ(shmem_get(&board, SHARED_MEMORY_CONTROL), SHARED_MEMORY_CONTROL_UP);
	CHECK_EQ(shmem_get(&board, SHARED_MEMORY_DOORBELL), 0);
	CHECK_EQ(shmem_get(&board, SHARED_MEMORY_SIZE - 4), 0);
	CHECK_EQ(shmem_get(&notes, SHARED_MEMORY_PEERS), 2);
	CHECK_EQ(shmem_get(&notes, SHARED_MEMORY_ACCESS), 0);
}

static void memory_begins_as_zeroes(void)
{
	const uint64_t *words = (const uint64_t *)board.memory;

	for (uint64_t i = DATA_OFFSET / sizeof(*words); i < board.size / sizeof(*words); i++) {
		if (words[i] != 0) {
			test_fail("word %lu is 0x%lx", i, words[i]);
			return;
		}
	}
}

static void all_come_up(void)
{
	REQUIRE(WAIT_UNTIL(shmem_get(&board, SHARED_MEMORY_UP) == ALL_UP, ANSWER_MS));
	REQUIRE(WAIT_UNTIL(shmem_get(&notes, SHARED_MEMORY_UP) == 3, ANSWER_MS));
}

/* Data goes there and back, each time another pattern; the watcher sees it too. */
static void data_goes_both_ways(void)
{
	for (uint64_t i = 0; i < ROUNDS && !test_failed(); i++) {
		pattern_write(2 * i);
		CHECK_EQ(call(PARTNER, COMMAND_CHECK, 2 * i), 0);
		CHECK_EQ(call(PARTNER, COMMAND_FILL, 2 * i + 1), 0);
		CHECK_EQ(pattern_errors(2 * i + 1), 0);
		if (i % 10 == 0) {
			CHECK_EQ(call(WATCHER, COMMAND_CHECK, 2 * i + 1), 0);
		}
	}
}

static void check_write_fault(uint64_t esr)
{
	CHECK_EQ(ESR_EC(esr), EC_DABT_CUR);
	CHECK_EQ(ESR_FSC(esr), FSC_EXTERNAL);
	CHECK_EQ(esr & ESR_WNR, ESR_WNR);
}

/* An abort, and the memory is as it was: the watcher's side of the board, and ours of the notes. */
static void the_read_only_side_cannot_write(void)
{
	struct fault fault;
	uint64_t before;

	pattern_write(77);
	check_write_fault(call(WATCHER, COMMAND_WRITE, 0));
	CHECK_EQ(pattern_errors(77), 0);
	before = *(volatile uint64_t *)notes.memory;
	fault = FAULT_OF("str %1, [%0]" ::"r"(notes.memory), "r"(~before) : "memory");
	CHECK(fault.taken);
	check_write_fault(fault.esr);
	CHECK_EQ(*(volatile uint64_t *)notes.memory, before);
	CHECK_EQ(call(PARTNER, COMMAND_WRITE, 0), 0);
	CHECK_EQ(shmem_data()[0], 0);
}

static void nothing_there_is_executed(void)
{
	uint32_t *code = (uint32_t *)shmem_data();
	struct fault fault;

	*code = RETURN;
	cache_clean(code, sizeof(*code));
	__asm__ volatile("ic ialluis\n\tdsb ish\n\tisb" ::: "memory");
	fault_expect();
	((void (*)(void))(board.code + DATA_OFFSET))();
	fault = fault_taken();
	CHECK(fault.taken);
	CHECK_EQ(ESR_EC(fault.esr), EC_IABT_CUR);
}

/* However many rings: at least one interrupt, no more than rings, and the bit of nobody else. */
static void a_storm_loses_nothing(void)
{
	uint32_t before;
	uint32_t taken;

	settle();
	before = atomic_load(&board.interrupts);
	CHECK_EQ(call(PARTNER, COMMAND_RING, STORM), 0);
	delay_us(2000);
	taken = atomic_load(&board.interrupts) - before;
	CHECK(taken >= 1 && taken <= STORM + 1);
	CHECK_EQ(shmem_take(&board), SHARED_MEMORY_RANG(PARTNER));
}

static void one_ring_waits_at_most(void)
{
	uint64_t value = 0;

	settle();
	ask(PARTNER, COMMAND_DEAF, 1);
	REQUIRE(WAIT_UNTIL(shmem_take(&board) == SHARED_MEMORY_RANG(PARTNER), ANSWER_MS));
	delay_us(1000); /* it is between its ring and its mask */
	for (uint32_t i = 0; i < STORM; i++) {
		shmem_set(&board, SHARED_MEMORY_DOORBELL, PARTNER);
	}
	release(PARTNER);
	REQUIRE(answered(PARTNER, &value));
	CHECK(value >= 1 && value <= 2);
}

static void rings_to_nobody_are_ignored(void)
{
	static const uint32_t nobody[] = { PEERS, 15, 16, 31, 32, 0x10001, 0x80000000, 0xffffffff };
	uint32_t before;

	settle();
	before = atomic_load(&board.interrupts);
	for (uint32_t i = 0; i < ARRAY_SIZE(nobody); i++) {
		shmem_set(&board, SHARED_MEMORY_DOORBELL, nobody[i]);
	}
	delay_us(2000);
	CHECK_EQ(atomic_load(&board.interrupts), before);
	CHECK_EQ(shmem_get(&board, SHARED_MEMORY_STATUS), 0);
	/* Oneself is somebody. */
	shmem_set(&board, SHARED_MEMORY_DOORBELL, CONDUCTOR);
	CHECK(WAIT_UNTIL(shmem_take(&board) == SHARED_MEMORY_RANG(CONDUCTOR), 1000));
	CHECK_EQ(call(PARTNER, COMMAND_NONE, 0), 0);
}

static void masked_rings_wait(void)
{
	uint32_t before;

	settle();
	shmem_set(&board, SHARED_MEMORY_ENABLE, ~SHARED_MEMORY_RANG(CONDUCTOR));
	before = atomic_load(&board.interrupts);
	shmem_set(&board, SHARED_MEMORY_DOORBELL, CONDUCTOR);
	delay_us(1000);
	CHECK_EQ(shmem_get(&board, SHARED_MEMORY_STATUS), SHARED_MEMORY_RANG(CONDUCTOR));
	CHECK_EQ(atomic_load(&board.interrupts), before);
	shmem_set(&board, SHARED_MEMORY_ENABLE, 0xffffffff);
	CHECK(WAIT_UNTIL(shmem_take(&board) == SHARED_MEMORY_RANG(CONDUCTOR), 1000));
	CHECK_EQ(shmem_get(&board, SHARED_MEMORY_STATUS), 0);
	/* Who does not take part hears nothing, and what waited is gone. */
	shmem_set(&board, SHARED_MEMORY_CONTROL, 0);
	shmem_set(&board, SHARED_MEMORY_DOORBELL, CONDUCTOR);
	CHECK_EQ(shmem_get(&board, SHARED_MEMORY_UP), ALL_UP & ~BIT32(CONDUCTOR));
	CHECK_EQ(shmem_get(&board, SHARED_MEMORY_STATUS), 0);
	shmem_set(&board, SHARED_MEMORY_CONTROL, SHARED_MEMORY_CONTROL_UP);
	CHECK_EQ(shmem_get(&board, SHARED_MEMORY_UP), ALL_UP);
	CHECK_EQ(shmem_get(&board, SHARED_MEMORY_STATUS), 0);
}

static void other_widths_abort(void)
{
	uint64_t at = board.registers;

	CHECK(FAULT_OF("ldrb wzr, [%0]" ::"r"(at) : "memory").taken);
	CHECK(FAULT_OF("ldrh wzr, [%0]" ::"r"(at) : "memory").taken);
	CHECK(FAULT_OF("ldr xzr, [%0]" ::"r"(at) : "memory").taken);
	CHECK(FAULT_OF("str xzr, [%0]" ::"r"(at) : "memory").taken);
	CHECK(FAULT_OF("str wzr, [%0]" ::"r"(at + SHARED_MEMORY_SIZE) : "memory").taken);
	CHECK(FAULT_OF("ldr wzr, [%0]" ::"r"(NOTES_END) : "memory").taken);
}

/* A peer goes and comes back; what it wrote stays, and we are told of both. */
static void contents_outlive_a_peers_reset(void)
{
	settle();
	CHECK_EQ(call(PARTNER, COMMAND_FILL, 4711), 0);
	CHECK_EQ(call(PARTNER, COMMAND_RESET, 0), 0);
	REQUIRE(WAIT_UNTIL((shmem_take(&board) & SHARED_MEMORY_CHANGED(PARTNER)) != 0, ANSWER_MS));
	REQUIRE(WAIT_UNTIL(shmem_get(&board, SHARED_MEMORY_UP) == ALL_UP, ANSWER_MS));
	CHECK_EQ(pattern_errors(4711), 0);
	CHECK_EQ(call(PARTNER, COMMAND_CHECK, 4711), 0);
	CHECK_EQ(call(PARTNER, COMMAND_FILL, 4712), 0);
	CHECK_EQ(pattern_errors(4712), 0);
}

static uint64_t median(uint64_t *values, uint32_t count)
{
	for (uint32_t i = 1; i < count; i++) {
		uint64_t value = values[i];
		uint32_t at = i;

		for (; at > 0 && values[at - 1] > value; at--) {
			values[at] = values[at - 1];
		}
		values[at] = value;
	}
	return values[count / 2];
}

/* There by a ring, back by a ring of the partner's handler, until our handler has run. */
static void round_trip(void)
{
	static uint64_t samples[ECHOES];
	uint64_t value = 0;

	settle();
	ask(PARTNER, COMMAND_ECHO, 1);
	REQUIRE(WAIT_UNTIL(shmem_take(&board) == SHARED_MEMORY_RANG(PARTNER), ANSWER_MS));
	delay_us(1000);
	for (uint32_t i = 0; i < ECHOES; i++) {
		uint32_t before = atomic_load(&board.interrupts);
		uint64_t from = timer_now();

		shmem_set(&board, SHARED_MEMORY_DOORBELL, PARTNER);
		while (atomic_load(&board.interrupts) == before) {
			shmem_sleep();
		}
		samples[i] = timer_now() - from;
	}
	release(PARTNER);
	shmem_set(&board, SHARED_MEMORY_DOORBELL, PARTNER);
	REQUIRE(answered(PARTNER, &value));
	CHECK_EQ(value, 1);
	print("bench doorbell-round-trip %lu\n", median(samples, ECHOES));
}

/* Last: nobody is left to talk to. */
static void peers_power_off(void)
{
	settle();
	for (uint32_t peer = PARTNER; peer <= WATCHER; peer++) {
		CHECK_EQ(call(peer, COMMAND_OFF, 0), 0);
	}
	CHECK(WAIT_UNTIL(shmem_get(&board, SHARED_MEMORY_UP) == BIT32(CONDUCTOR), ANSWER_MS));
	CHECK(WAIT_UNTIL(shmem_get(&notes, SHARED_MEMORY_UP) == BIT32(CONDUCTOR), ANSWER_MS));
	shmem_take(&board);
	shmem_set(&board, SHARED_MEMORY_DOORBELL, PARTNER);
	delay_us(1000);
	CHECK_EQ(shmem_take(&board), 0);
}

static const struct test tests[] = {
	{ "registers-say-who-we-are", registers_say_who_we_are },
	{ "memory-begins-as-zeroes", memory_begins_as_zeroes },
	{ "all-come-up", all_come_up },
	{ "data-goes-both-ways", data_goes_both_ways },
	{ "the-read-only-side-cannot-write", the_read_only_side_cannot_write },
	{ "nothing-there-is-executed", nothing_there_is_executed },
	{ "a-storm-loses-nothing", a_storm_loses_nothing },
	{ "one-ring-waits-at-most", one_ring_waits_at_most },
	{ "rings-to-nobody-are-ignored", rings_to_nobody_are_ignored },
	{ "masked-rings-wait", masked_rings_wait },
	{ "other-widths-abort", other_widths_abort },
	{ "contents-outlive-a-peers-reset", contents_outlive_a_peers_reset },
	{ "round-trip", round_trip },
	{ "peers-power-off", peers_power_off },
};

void payload_main(void)
{
	uint32_t self;

	if (!shmem_find(&board, "board")) {
		report_fatal("no shared memory \"board\" in the device tree");
	}
	self = shmem_get(&board, SHARED_MEMORY_SELF);
	if (self != PARTNER && !shmem_find(&notes, "notes")) {
		report_fatal("no shared memory \"notes\" in the device tree");
	}
	watchdog_start(TIMER_VIRTUAL, 60);
	shmem_start();
	if (self != CONDUCTOR) {
		serve(self);
	}
	report_run(tests, ARRAY_SIZE(tests));
}
