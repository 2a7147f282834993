/* SPDX-License-Identifier: MIT */
/*
 * Owns a device and its interrupt: the PL031, which interrupts at once when its match register is set to the time that
 * it is, so that anybody who can write it can make the interrupt come.
 */
#include "abi/pl031.h"
#include "payload/lib/arch.h"
#include "payload/sp/lib/sp.h"

static void device_interrupt(uint32_t intid)
{
	if (intid == RTC_INTID) {
		mmio_write32(RTC_BASE + PL031_ICR, 1);
	}
}

static void start(void)
{
	mmio_write32(RTC_BASE + PL031_ICR, 1);
	mmio_write32(RTC_BASE + PL031_IMSC, 1);
}

static void start_cpu(void)
{
	if (sp_hf(HF_INTERRUPT_ENABLE, RTC_INTID, true, 0) != 0) {
		sp_panic("HF_INTERRUPT_ENABLE failed");
	}
}

/* Again if the second was over just then. */
static void trigger(void)
{
	uint32_t now;

	do {
		now = mmio_read32(RTC_BASE + PL031_DR);
		mmio_write32(RTC_BASE + PL031_MR, now);
	} while (mmio_read32(RTC_BASE + PL031_DR) != now);
}

static bool command(uint64_t *w, uint32_t count)
{
	const volatile uint32_t *handled = &sp_this()->handled[RTC_INTID];
	uint32_t before = *handled;
	uint64_t end = sp_now() + sp_ticks(w[1]);

	(void)count;
	if (w[0] != COMMAND_TRIGGER) {
		return false;
	}
	trigger();
	while (sp_now() < end && *handled == before) {
		__asm__ volatile("nop");
	}
	w[0] = FFA_OK;
	w[1] = *handled - before;
	return true;
}

const struct sp_program sp_program = {
	.name = "irq",
	.version = FFA_VERSION_1_2,
	.wait_releases = true,
	.start = start,
	.start_cpu = start_cpu,
	.interrupt = device_interrupt,
	.command = command,
};
