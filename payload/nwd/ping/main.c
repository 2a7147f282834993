/* SPDX-License-Identifier: MIT */
/*
 * Says which partitions are there and answer: what a faulty manifest must leave running. Without an SPMC, none; and
 * then FF-A calls must still come back, and CPUs come and go.
 */
#include "payload/lib/cpu.h"
#include "payload/lib/report.h"
#include "payload/lib/timer.h"
#include "payload/nwd/lib/nwd.h"

#define WATCHDOG_SECONDS 20
#define WORD 0x1234

static const struct {
	const char *name;
	struct ffa_uuid uuid;
} partitions[] = {
	{ "hello", UUID_HELLO },
	{ "irq", UUID_IRQ },
	{ "relay", UUID_RELAY },
	{ "el0", UUID_EL0 },
};

static bool answers(uint16_t id)
{
	struct ffa_regs regs = { .x = { FFA_MSG_SEND_DIRECT_REQ, ffa_pair(FFA_ID_NWD, id), 0, WORD } };

	nwd_message(&regs);
	return ffa_is(&regs, FFA_MSG_SEND_DIRECT_RESP) && regs.x[3] == WORD;
}

static bool refused(void)
{
	struct ffa_regs version = { .x = { FFA_VERSION, FFA_VERSION_1_2 } };
	struct ffa_regs features = { .x = { FFA_FEATURES, FFA_MEM_SHARE } };

	ffa_call(&version);
	ffa_call(&features);
	return (int32_t)version.x[0] == FFA_NOT_SUPPORTED && !ffa_is(&features, FFA_SUCCESS);
}

static uint32_t cpus_refused; /* on CPUs other than the first; one after the other */

static void count_refused(uint64_t arg)
{
	(void)arg;
	cpus_refused += refused();
}

/* Twice: a CPU that was on before comes another way. */
static void without_spmc(void)
{
	uint32_t turns = 0;

	for (uint32_t i = 0; i < 2; i++) {
		for (uint32_t n = 1; n < cpu_count; n++) {
			turns += cpu_start(n) && cpu_run(n, count_refused, 0) && cpu_stop(n);
		}
	}
	print("# without an SPMC: %s; CPUs on and off %u times, refused %u times\n", refused() ? "refused" : "ANSWERED",
	      turns, cpus_refused);
}

void payload_main(void)
{
	bool ready;

	watchdog_start(TIMER_VIRTUAL, WATCHDOG_SECONDS);
	ready = nwd_init(FFA_VERSION_1_2);
	print("# answered:");
	for (size_t i = 0; ready && i < ARRAY_SIZE(partitions); i++) {
		uint16_t id = nwd_find(partitions[i].uuid);

		if (id != 0 && answers(id)) {
			print(" %s", partitions[i].name);
		}
	}
	print("\n");
	if (!ready) {
		without_spmc();
	}
}
