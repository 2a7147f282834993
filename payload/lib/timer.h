/* SPDX-License-Identifier: MIT */
/* The generic timer as EL1 sees it, waiting with a limit, and the watchdog that reports a hang. */
#ifndef PAYLOAD_LIB_TIMER_H
#define PAYLOAD_LIB_TIMER_H

#include "payload/lib/arch.h"

enum timer {
	TIMER_VIRTUAL,
	TIMER_PHYSICAL,
};

#define TIMER_CTL_ENABLE 1
#define TIMER_CTL_IMASK 2
#define TIMER_CTL_ISTATUS 4

/* CNTVCT_EL0, not read ahead. */
uint64_t timer_now(void);
/* The counter that belongs to a timer. */
uint64_t timer_count(enum timer timer);
/* Microseconds in counter ticks. */
uint64_t timer_ticks(uint64_t us);
uint32_t timer_intid(enum timer timer);

void timer_set_cval(enum timer timer, uint64_t cval);
uint64_t timer_cval(enum timer timer);
void timer_set_tval(enum timer timer, int32_t tval);
int32_t timer_tval(enum timer timer);
void timer_set_ctl(enum timer timer, uint64_t ctl);
uint64_t timer_ctl(enum timer timer);

/* Spins. */
void delay_us(uint64_t us);

/* True as soon as the condition holds, false if it does not within 'ms' milliseconds. */
#define WAIT_UNTIL(condition, ms)                                                 \
	({                                                                        \
		uint64_t end_ = timer_now() + timer_ticks((uint64_t)(ms) * 1000); \
		bool held_;                                                       \
		while (!(held_ = (condition)) && timer_now() < end_) {            \
			__asm__ volatile("yield");                                \
		}                                                                 \
		held_;                                                            \
	})

/*
 * A timer of the calling CPU that ends the payload with a report unless watchdog_feed() comes every 'seconds'.
 * It has the highest priority; it does not bite while that CPU masks IRQs.
 */
void watchdog_start(enum timer timer, uint32_t seconds);
void watchdog_feed(void);
/*
 * Called by interrupt handlers with what they acknowledged: true if it was the watchdog's. Does not return if
 * it bites.
 */
bool watchdog_irq(uint32_t intid);

#endif
