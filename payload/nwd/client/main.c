/* SPDX-License-Identifier: MIT */
/*
 * The normal world's test client: everything that an SPMC owes its callers, from NS-EL2, with the partitions hello,
 * irq, relay and, where it is loaded, el0 at the other end.
 *
 * With words it first throws random calls, and then all must be as ever (fuzz.c).
 *
 * Wants: a firmware that enters it at NS-EL2, 1 to 8 CPUs.
 */
#include "payload/lib/cpu.h"
#include "payload/lib/timer.h"
#include "payload/nwd/client/tests.h"

#define WATCHDOG_SECONDS 30

void payload_main(void)
{
	watchdog_start(TIMER_VIRTUAL, WATCHDOG_SECONDS);
	print("# spmc-client: %u CPUs\n", cpu_count);
	if (!test_start()) {
		return;
	}
	print("# partitions: hello 0x%x irq 0x%x relay 0x%x el0 0x%x\n", hello, irq, relay, el0);
	test_fuzz();
	test_discovery();
	test_mailbox();
	test_indirect();
	test_messages();
	test_memory();
	test_memory_errors();
	test_fragments();
	test_notifications();
	test_interrupts();
	test_scalable();
	test_cpus();
	test_el0();
	test_abort();
}
