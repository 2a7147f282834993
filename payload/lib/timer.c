/* SPDX-License-Identifier: MIT */
#include "payload/lib/timer.h"

#include "payload/lib/cpu.h"
#include "payload/lib/gic.h"
#include "payload/lib/report.h"

static enum timer watchdog_timer;
static uint32_t watchdog_seconds;
static uint32_t watchdog_cpu;

uint64_t timer_count(enum timer timer)
{
	isb();
	return timer == TIMER_VIRTUAL ? read_sysreg(cntvct_el0) : read_sysreg(cntpct_el0);
}

uint64_t timer_now(void)
{
	return timer_count(TIMER_VIRTUAL);
}

uint64_t timer_ticks(uint64_t us)
{
	return us * read_sysreg(cntfrq_el0) / 1000000;
}

uint32_t timer_intid(enum timer timer)
{
	if (current_el() == 2) {
		return timer == TIMER_VIRTUAL ? PPI_VTIMER_EL2 : PPI_PTIMER_EL2;
	}
	return timer == TIMER_VIRTUAL ? PPI_VTIMER : PPI_PTIMER;
}

void timer_set_cval(enum timer timer, uint64_t cval)
{
	if (timer == TIMER_VIRTUAL) {
		write_sysreg(cntv_cval_el0, cval);
	} else {
		write_sysreg(cntp_cval_el0, cval);
	}
	isb();
}

uint64_t timer_cval(enum timer timer)
{
	return timer == TIMER_VIRTUAL ? read_sysreg(cntv_cval_el0) : read_sysreg(cntp_cval_el0);
}

void timer_set_tval(enum timer timer, int32_t tval)
{
	uint64_t value = (uint64_t)(int64_t)tval;

	if (timer == TIMER_VIRTUAL) {
		write_sysreg(cntv_tval_el0, value);
	} else {
		write_sysreg(cntp_tval_el0, value);
	}
	isb();
}

int32_t timer_tval(enum timer timer)
{
	isb();
	return (int32_t)(timer == TIMER_VIRTUAL ? read_sysreg(cntv_tval_el0) : read_sysreg(cntp_tval_el0));
}

void timer_set_ctl(enum timer timer, uint64_t ctl)
{
	if (timer == TIMER_VIRTUAL) {
		write_sysreg(cntv_ctl_el0, ctl);
	} else {
		write_sysreg(cntp_ctl_el0, ctl);
	}
	isb();
}

uint64_t timer_ctl(enum timer timer)
{
	isb();
	return timer == TIMER_VIRTUAL ? read_sysreg(cntv_ctl_el0) : read_sysreg(cntp_ctl_el0);
}

void delay_us(uint64_t us)
{
	uint64_t end = timer_now() + timer_ticks(us);

	while (timer_now() < end) {
		__asm__ volatile("yield");
	}
}

void watchdog_start(enum timer timer, uint32_t seconds)
{
	watchdog_timer = timer;
	watchdog_seconds = seconds;
	watchdog_cpu = this_cpu()->index;
	watchdog_feed();
	timer_set_ctl(timer, TIMER_CTL_ENABLE);
	gic_set_priority(watchdog_cpu, timer_intid(timer), 0);
	gic_enable(watchdog_cpu, timer_intid(timer));
}

void watchdog_feed(void)
{
	if (watchdog_seconds != 0 && this_cpu()->index == watchdog_cpu) {
		uint64_t period = timer_ticks((uint64_t)watchdog_seconds * 1000000);

		timer_set_cval(watchdog_timer, timer_count(watchdog_timer) + period);
	}
}

bool watchdog_irq(uint32_t intid)
{
	if (watchdog_seconds == 0 || this_cpu()->index != watchdog_cpu || intid != timer_intid(watchdog_timer)) {
		return false;
	}
	if (timer_count(watchdog_timer) >= timer_cval(watchdog_timer)) {
		report_fatal("watchdog: nothing happened for %u s, was at 0x%lx", watchdog_seconds,
			     read_sysreg(elr_el1));
	}
	return true;
}
