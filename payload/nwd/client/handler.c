/* SPDX-License-Identifier: MIT */
#include "payload/nwd/client/handler.h"

#include "payload/lib/cpu.h"
#include "payload/lib/exception.h"
#include "payload/lib/gic.h"
#include "payload/lib/report.h"
#include "payload/lib/timer.h"

volatile uint32_t ticks;
volatile uint32_t sri_count;

static void on_interrupt(void)
{
	uint32_t intid = gic_ack();

	if (intid >= 1020) {
		return;
	}
	if (intid == timer_intid(TIMER_PHYSICAL)) {
		timer_set_ctl(TIMER_PHYSICAL, 0);
		ticks++;
	} else if (intid == FFA_INTID_SRI) {
		sri_count++;
	} else if (!watchdog_irq(intid)) {
		test_fail("unexpected interrupt %u", intid);
		gic_disable(this_cpu()->index, intid);
	}
	gic_eoi(intid);
}

void handler_begin(void)
{
	irq_set_handler(on_interrupt);
	gic_enable(this_cpu()->index, timer_intid(TIMER_PHYSICAL));
	gic_enable(this_cpu()->index, FFA_INTID_SRI);
}

void handler_end(void)
{
	timer_set_ctl(TIMER_PHYSICAL, 0);
	gic_disable(this_cpu()->index, timer_intid(TIMER_PHYSICAL));
	gic_disable(this_cpu()->index, FFA_INTID_SRI);
	irq_set_handler(NULL);
}

void tick_in(uint64_t us)
{
	ticks = 0;
	timer_set_tval(TIMER_PHYSICAL, (int32_t)timer_ticks(us));
	timer_set_ctl(TIMER_PHYSICAL, TIMER_CTL_ENABLE);
}

struct ffa_regs call_with_tick(struct ffa_regs regs, uint64_t us)
{
	irq_off();
	tick_in(us);
	ffa_call(&regs);
	irq_on();
	return regs;
}
