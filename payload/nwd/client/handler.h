/* SPDX-License-Identifier: MIT */
/* Interrupts of the first CPU while tests run: a timer of ours that interrupts partitions, and the SRI. */
#ifndef PAYLOAD_NWD_CLIENT_HANDLER_H
#define PAYLOAD_NWD_CLIENT_HANDLER_H

#include "payload/lib/ffa.h"

/* Ticks since tick_in(): 0 or 1. Schedule Receiver Interrupts since a test set it to 0. */
extern volatile uint32_t ticks;
extern volatile uint32_t sri_count;

/* From one to the other these interrupts are on; any other than them and the watchdog's fails the test. */
void handler_begin(void);
void handler_end(void);

/* One tick, in so many microseconds. */
void tick_in(uint64_t us);
/* A call during which a tick comes: not before it, however long the way there takes, since we mask interrupts. */
struct ffa_regs call_with_tick(struct ffa_regs regs, uint64_t us);
#define FFA_WITH_TICK(us, ...) call_with_tick((struct ffa_regs){ .x = { __VA_ARGS__ } }, (us))

#endif
