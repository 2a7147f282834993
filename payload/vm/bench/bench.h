/* SPDX-License-Identifier: MIT */
/* The parts of the benchmark that must not have an instruction too many (bench.S). */
#ifndef PAYLOAD_BENCH_H
#define PAYLOAD_BENCH_H

#include "payload/lib/base.h"

/*
 * Vectors whose IRQ entry begins with reading CNTVCT_EL0, stops the virtual timer, and ends the interrupt. Only
 * while one of the functions below runs, as it uses registers without saving them.
 */
extern const char bench_vectors[];

/* Sends with ICC_SGI1R_EL1 = value to this CPU; ticks from before the write to the handler. IRQs on. */
uint64_t bench_self_sgi(uint64_t value);
/* Waits for the virtual timer that fires at cval, spinning or in WFI; ticks from cval to the handler. IRQs on. */
uint64_t bench_timer_spin(uint64_t cval);
uint64_t bench_timer_wfi(uint64_t cval);

struct bench_ping {
	uint64_t arrived; /* CNTVCT_EL0 in the handler of the CPU that was called */
};
/*
 * Sends value, then sits in WFI until an interrupt comes back; ticks from before the write to the handler. IRQs
 * off.
 */
uint64_t bench_ping(uint64_t value, uint64_t *sent);
/* Answers 'count' interrupts, each received in WFI, by sending value. IRQs off. */
void bench_pong(uint64_t value, uint64_t count, struct bench_ping *ping);

#endif
