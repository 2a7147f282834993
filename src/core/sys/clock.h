/* SPDX-License-Identifier: MIT */
#ifndef CORE_SYS_CLOCK_H
#define CORE_SYS_CLOCK_H

/* Reads the board's clock once; from then on the counter tells the time (core/port/clock.h). */
void clock_init(void);

#endif
