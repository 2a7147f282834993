/* SPDX-License-Identifier: MIT */
#include "core/port/clock.h"

#include "core/port/host.h"
#include "core/sys/clock.h"

static uint64_t seconds_at_boot;
static uint64_t ticks_at_boot;

void clock_init(void)
{
	seconds_at_boot = rtc_seconds();
	ticks_at_boot = cpu_now();
}

uint64_t clock_seconds(void)
{
	return seconds_at_boot + (cpu_now() - ticks_at_boot) / read_cntfrq_el0();
}
