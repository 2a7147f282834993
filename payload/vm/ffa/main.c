/* SPDX-License-Identifier: MIT */
/*
 * Bootargs: "servant", with "ticks" one that is interrupted often; or for the tester what must be there: "sp" the
 * partitions hello, irq and relay below, "vm2" and "vm3" the servants with those UUIDs. What is not named must be
 * absent. With "older" the SPMC is one of FF-A 1.1. With "bench" nothing is tested but measured, with "halves" or
 * "work" something else is (halves.c, work.c).
 *
 * Wants: config/ffa-vm.dts, ffa-vm-2.dts, ffa-vm-3.dts, bench-ffa-sp.dts, bench-ffa-vm.dts.
 */
#include "payload/lib/fdt.h"
#include "payload/lib/psci.h"
#include "payload/lib/string.h"
#include "payload/lib/timer.h"
#include "payload/vm/ffa/ffa.h"

#define TICK_US 10000

uint16_t second, third, partner;
bool older;

/* It is one of the words of the bootargs. */
static bool wanted(const char *word)
{
	size_t length = strlen(word);

	for (const char *at = fdt_bootargs(); *at != '\0'; at++) {
		if (str_starts(at, word) && (at[length] == ' ' || at[length] == '\0')) {
			return true;
		}
	}
	return false;
}

bool is_servant(void)
{
	return wanted("servant");
}

/* ---- a servant ---- */

static noreturn void power(uint64_t how)
{
	if (how == POWER_CPU_OFF) {
		psci_call(PSCI_CPU_OFF, 0, 0, 0);
	} else if (how == POWER_RESET) {
		psci_call(PSCI_SYSTEM_RESET, 0, 0, 0);
	}
	psci_system_off();
}

static bool do_command(uint64_t *w, uint32_t count)
{
	(void)count;
	if (w[0] == COMMAND_POWER) {
		power(w[1]);
	}
	return false;
}

const struct sp_program sp_program = {
	.name = "servant",
	.version = FFA_VERSION_1_2,
	.command = do_command,
};

static void serve(uint64_t arg)
{
	(void)arg;
	machine_start_cpu();
	sp_loop();
}

static noreturn void be_servant(void)
{
	sp_init();
	if (wanted("bench")) {
		bench_servant_start();
		npi_answer = bench_answer;
	}
	if (wanted("ticks")) {
		machine_tick_us = TICK_US;
		machine_start_cpu();
	}
	cpu_start_all();
	for (uint32_t i = 1; i < cpu_count; i++) {
		cpu_post(i, serve, 0);
	}
	sp_loop();
}

/* ---- the tester ---- */

static struct words command_unless(uint16_t to, struct words words, bool starts)
{
	uint64_t end = timer_now() + timer_ticks(ANSWER_MS * UINT64_C(1000));
	struct words answer;

	do {
		answer = nwd_command(to, words);
	} while (((int32_t)answer.w[0] == FFA_BUSY || (starts && (int32_t)answer.w[0] == FFA_ABORTED)) &&
		 timer_now() < end);
	return answer;
}

struct words command_when_free(uint16_t to, struct words words)
{
	return command_unless(to, words, false);
}

struct words command_when_up(uint16_t to, struct words words)
{
	return command_unless(to, words, true);
}

struct ffa_regs call_from_when_free(uint16_t id, struct ffa_regs call)
{
	uint64_t end = timer_now() + timer_ticks(ANSWER_MS * UINT64_C(1000));
	struct ffa_regs got;

	do {
		got = nwd_call_from(id, call);
	} while (got.x[0] == 0 && (int32_t)got.x[2] == FFA_BUSY && timer_now() < end);
	return got;
}

void run_for_partner(const struct test *tests, size_t count)
{
	const char *name = partner == second ? "vm2" : partner == third ? "vm3" : "sp";

	for (size_t i = 0; i < count; i++) {
		static char text[64];
		struct test one = { text, tests[i].run };

		print_to(text, sizeof(text), "%s_%s", name, tests[i].name);
		report_run(&one, 1);
	}
}

static void check_present(const char *word, bool present)
{
	if (wanted(word) != present) {
		test_fail("%s is %s", word, present ? "there" : "not there");
	}
}

/* Who is there, and that they answer. */
static void all_are_there(void)
{
	second = nwd_find(UUID_VM_2);
	third = nwd_find(UUID_VM_3);
	check_present("sp", hello != 0 && irq != 0 && relay != 0);
	check_present("vm2", second != 0);
	check_present("vm3", third != 0);
	for (uint32_t i = 0; i < 2; i++) {
		uint16_t id = i == 0 ? second : third;

		if (id != 0) {
			CHECK_CODE(WHEN_UP(id, COMMAND_STATE).w[0], FFA_OK);
		}
	}
}

static void servants_power_off(void)
{
	uint16_t servants[] = { second, third };

	for (uint32_t i = 0; i < ARRAY_SIZE(servants); i++) {
		if (servants[i] != 0) {
			CHECK_CODE(WHEN_FREE(servants[i], COMMAND_POWER, POWER_OFF).w[0], FFA_ABORTED);
		}
	}
}

static void start_cpu(uint64_t arg)
{
	(void)arg;
	machine_start_cpu();
}

static void be_tester(void)
{
	static const struct test first[] = { { "all_are_there", all_are_there } };
	static const struct test last[] = { { "servants_power_off", servants_power_off } };
	uint16_t partners[3];

	watchdog_start(TIMER_PHYSICAL, 60);
	if (!nwd_init(FFA_VERSION_1_2)) {
		report_fatal("there is no FF-A");
	}
	RUN_TESTS(first);
	partners[0] = hello;
	partners[1] = second;
	partners[2] = third;
	older = wanted("older");
	cpu_start_all();
	for (uint32_t i = 1; i < cpu_count; i++) {
		cpu_run(i, start_cpu, 0);
	}
	if (wanted("bench")) {
		partner = hello != 0 ? hello : second;
		test_bench();
		RUN_TESTS(last);
		return;
	}
	if (wanted("halves")) {
		test_halves();
		RUN_TESTS(last);
		return;
	}
	if (wanted("work")) {
		test_work();
		RUN_TESTS(last);
		return;
	}
	test_discovery();
	for (uint32_t i = 0; i < ARRAY_SIZE(partners); i++) {
		partner = partners[i];
		if (partner != 0) {
			test_messages();
			test_memory();
			test_device();
		}
		/* Partitions are told what to do for it by messages that 1.1 does not have. */
		if (partner != 0 && !(older && partner == hello)) {
			test_notify();
		}
	}
	test_life();
	RUN_TESTS(last);
}

void payload_main(void)
{
	machine_start();
	if (is_servant()) {
		be_servant();
	}
	be_tester();
}
