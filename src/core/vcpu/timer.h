/* SPDX-License-Identifier: MIT */
/*
 * Deadlines on a physical CPU, in ticks of the physical counter. Each CPU has its own queue and programs its EL2 timer
 * with the earliest; only that CPU touches it.
 */
#ifndef CORE_VCPU_TIMER_H
#define CORE_VCPU_TIMER_H

#include "lib/base.h"
#include "lib/heap.h"

struct timer;

struct timer_ops {
	void (*fired)(struct timer *timer); /* the timer is off the queue and may be started again */
};

struct timer {
	uint64_t deadline;
	const struct timer_ops *ops;
	struct heap_node node; /* in the queue, by deadline */
};

struct timer_queue {
	struct heap timers;
	uint64_t now; /* of the last timer_run() */
};

void timer_queue_init(struct timer_queue *queue);
void timer_init(struct timer *timer, const struct timer_ops *ops);
/*
 * (Re)starts it; it runs in no other queue. Equal deadlines fire in the order of starting. With a deadline that has
 * passed it waits for the next timer_run().
 */
void timer_start(struct timer_queue *queue, struct timer *timer, uint64_t deadline);
/* It runs in this queue, or not at all, which is harmless. */
void timer_stop(struct timer_queue *queue, struct timer *timer);
static inline bool timer_running(const struct timer *timer) { return heap_has(&timer->node); }
/* Fires all that are due; returns the next deadline, UINT64_MAX if none. */
uint64_t timer_run(struct timer_queue *queue, uint64_t now);
uint64_t timer_next(const struct timer_queue *queue);
/* The one with that deadline, or NULL. */
struct timer *timer_first(const struct timer_queue *queue);

#endif
