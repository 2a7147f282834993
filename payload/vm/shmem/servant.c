/* SPDX-License-Identifier: MIT */
#include "payload/lib/exception.h"
#include "payload/lib/psci.h"
#include "payload/lib/report.h"
#include "payload/lib/timer.h"
#include "payload/vm/shmem/shmem.h"

/* The ESR of a write to the board, 0 if nothing came of it. */
static uint64_t try_write(void)
{
	struct fault fault = FAULT_OF("str xzr, [%0]" ::"r"(shmem_data()) : "memory");

	return fault.taken ? fault.esr : 0;
}

static void ring(uint64_t times)
{
	for (uint64_t i = 0; i < times; i++) {
		shmem_set(&board, SHARED_MEMORY_DOORBELL, CONDUCTOR);
	}
}

static bool wait_release(const struct request *request)
{
	return WAIT_UNTIL(atomic_load(&request->release) == request->argument, 20000);
}

/* How many interrupts came after all those rings. */
static uint64_t be_deaf(const struct request *request)
{
	uint32_t before = board.interrupts;

	irq_off();
	(void)wait_release(request);
	irq_on();
	delay_us(2000);
	return atomic_load(&board.interrupts) - before;
}

/* It only sleeps, so that a ring costs what the way of an interrupt costs. */
static uint64_t be_echo(const struct request *request)
{
	atomic_store(&board.echo, 1);
	while (atomic_load(&request->release) != request->argument) {
		shmem_sleep();
	}
	atomic_store(&board.echo, 0);
	return 1;
}

static uint64_t obey(const struct request *request)
{
	switch (request->command) {
	case COMMAND_CHECK:
		return pattern_errors(request->argument);
	case COMMAND_FILL:
		pattern_write(request->argument);
		return 0;
	case COMMAND_WRITE:
		return try_write();
	case COMMAND_RING:
		ring(request->argument);
		return 0;
	case COMMAND_DEAF:
		return be_deaf(request);
	case COMMAND_ECHO:
		return be_echo(request);
	default:
		return 0;
	}
}

void serve(uint32_t self)
{
	const struct request *request = &shmem_board()->requests[self];
	struct answer *answer = self == WATCHER ? (struct answer *)notes.memory : &shmem_board()->answer;
	const struct shmem *ours = self == WATCHER ? &notes : &board;
	uint32_t done = atomic_load(&answer->sequence); /* it outlives a reset of ours */

	for (;;) {
		uint32_t sequence;

		while ((sequence = atomic_load(&request->sequence)) == done) {
			shmem_sleep();
		}
		watchdog_feed();
		/* Before the answer: then the conductor looks for what follows from it. */
		if (request->command == COMMAND_DEAF || request->command == COMMAND_ECHO) {
			shmem_set(ours, SHARED_MEMORY_DOORBELL, CONDUCTOR);
		}
		answer->value = obey(request);
		done = sequence;
		atomic_store(&answer->sequence, sequence);
		shmem_set(ours, SHARED_MEMORY_DOORBELL, CONDUCTOR);
		if (request->command == COMMAND_RESET) {
			psci_call(PSCI_SYSTEM_RESET, 0, 0, 0);
		} else if (request->command == COMMAND_OFF) {
			psci_system_off();
		}
	}
}
