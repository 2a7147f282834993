/* SPDX-License-Identifier: MIT */
#include "core/vcpu/timer.h"

/* A CPU has a handful of timers (a slice, two for each vCPU), so a sorted list is enough. */

void timer_queue_init(struct timer_queue *queue)
{
	list_init(&queue->timers);
}

void timer_init(struct timer *timer, const struct timer_ops *ops)
{
	timer->deadline = UINT64_MAX;
	timer->ops = ops;
	list_init(&timer->node);
}

void timer_start(struct timer_queue *queue, struct timer *timer, uint64_t deadline)
{
	struct list *before;

	list_remove(&timer->node);
	timer->deadline = deadline;
	before = queue->timers.prev;
	while (before != &queue->timers && list_entry(before, struct timer, node)->deadline > deadline) {
		before = before->prev;
	}
	list_insert(before, &timer->node);
}

void timer_stop(struct timer_queue *queue unused_arg, struct timer *timer)
{
	list_remove(&timer->node);
}

uint64_t timer_next(const struct timer_queue *queue)
{
	if (list_empty(&queue->timers)) {
		return UINT64_MAX;
	}
	return list_entry(queue->timers.next, struct timer, node)->deadline;
}

uint64_t timer_run(struct timer_queue *queue, uint64_t now)
{
	struct list due;

	/*
	 * What is due is taken aside first: a timer that starts itself again with a deadline that has passed waits
	 * for the next call, so this loop ends.
	 */
	list_init(&due);
	while (!list_empty(&queue->timers) && timer_next(queue) <= now) {
		struct list *node = queue->timers.next;

		list_remove(node);
		list_append(&due, node);
	}
	while (!list_empty(&due)) {
		struct timer *timer = list_entry(due.next, struct timer, node);

		list_remove(&timer->node);
		timer->ops->fired(timer);
	}
	return timer_next(queue);
}
