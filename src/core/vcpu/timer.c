/* SPDX-License-Identifier: MIT */
#include "core/vcpu/timer.h"

void timer_queue_init(struct timer_queue *queue)
{
	*queue = (struct timer_queue){ 0 };
}

void timer_init(struct timer *timer, const struct timer_ops *ops)
{
	*timer = (struct timer){ .deadline = UINT64_MAX, .ops = ops };
}

void timer_start(struct timer_queue *queue, struct timer *timer, uint64_t deadline)
{
	heap_remove(&queue->timers, &timer->node);
	timer->deadline = deadline;
	/* Who is late queues up behind all that were due before, so that he can keep nobody from firing. */
	heap_insert(&queue->timers, &timer->node, MAX(deadline, queue->now));
}

void timer_stop(struct timer_queue *queue, struct timer *timer)
{
	heap_remove(&queue->timers, &timer->node);
}

struct timer *timer_first(const struct timer_queue *queue)
{
	struct heap_node *node = heap_first(&queue->timers);

	return node != NULL ? container_of(node, struct timer, node) : NULL;
}

uint64_t timer_next(const struct timer_queue *queue)
{
	const struct timer *first = timer_first(queue);

	return first != NULL ? first->deadline : UINT64_MAX;
}

uint64_t timer_run(struct timer_queue *queue, uint64_t now)
{
	uint64_t started = queue->timers.inserted;
	struct timer *timer;

	queue->now = now;
	/* Those that are started from here on wait for the next call, so this loop ends. */
	while ((timer = timer_first(queue)) != NULL && timer->node.key <= now && timer->node.order < started) {
		timer_stop(queue, timer);
		timer->ops->fired(timer);
	}
	return timer_next(queue);
}
