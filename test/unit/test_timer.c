/* SPDX-License-Identifier: MIT */
#include "cmocka_main.h"

#include <stdlib.h>

#include "core/vcpu/timer.h"

#include "vcpu_fixture.h"

#define TIMERS 12

struct probe {
	struct timer timer;
	uint64_t model; /* deadline, or UINT64_MAX: not running */
	unsigned order; /* of starting, for equal deadlines */
	unsigned fired;
};

static struct timer_queue queue;
static struct probe probes[TIMERS];
static unsigned fire_log[TIMERS * 2];
static unsigned fire_count;
static uint64_t restart_at;

static void fired(struct timer *timer)
{
	struct probe *p = container_of(timer, struct probe, timer);

	assert_false(timer_running(timer));
	assert_true(fire_count < ARRAY_SIZE(fire_log));
	fire_log[fire_count++] = (unsigned)(p - probes);
	p->fired++;
	if (restart_at != 0) {
		timer_start(&queue, timer, restart_at);
	}
}

static const struct timer_ops ops = { .fired = fired };

static int setup(void **state)
{
	(void)state;
	timer_queue_init(&queue);
	fire_count = 0;
	restart_at = 0;
	for (unsigned i = 0; i < TIMERS; i++) {
		probes[i] = (struct probe){ .model = UINT64_MAX };
		timer_init(&probes[i].timer, &ops);
	}
	return 0;
}

static void timer_equal_deadlines_fire_in_order_of_starting(void **state)
{
	(void)state;
	timer_start(&queue, &probes[2].timer, 10);
	timer_start(&queue, &probes[0].timer, 10);
	timer_start(&queue, &probes[1].timer, 9);
	assert_int_equal(timer_run(&queue, 8), 9);
	assert_int_equal(fire_count, 0);
	assert_int_equal(timer_run(&queue, 10), UINT64_MAX);
	assert_int_equal(fire_count, 3);
	assert_int_equal(fire_log[0], 1);
	assert_int_equal(fire_log[1], 2);
	assert_int_equal(fire_log[2], 0);
}

/* A timer that starts itself in the past fires once a call, so a call ends. */
static void timer_restart_in_the_past_waits_for_the_next_run(void **state)
{
	(void)state;
	timer_start(&queue, &probes[0].timer, 5);
	restart_at = 1;
	assert_int_equal(timer_run(&queue, 100), 1);
	assert_int_equal(fire_count, 1);
	assert_int_equal(timer_run(&queue, 100), 1);
	assert_int_equal(fire_count, 2);
}

static void timer_stop_is_harmless_when_stopped(void **state)
{
	(void)state;
	timer_stop(&queue, &probes[0].timer);
	timer_start(&queue, &probes[0].timer, 5);
	timer_stop(&queue, &probes[0].timer);
	timer_stop(&queue, &probes[0].timer);
	assert_false(timer_running(&probes[0].timer));
	assert_int_equal(timer_run(&queue, UINT64_MAX), UINT64_MAX);
	assert_int_equal(fire_count, 0);
}

static uint64_t model_next(void)
{
	uint64_t next = UINT64_MAX;

	for (unsigned i = 0; i < TIMERS; i++) {
		next = MIN(next, probes[i].model);
	}
	return next;
}

static void check_run(uint64_t now)
{
	fire_count = 0;
	timer_run(&queue, now);
	for (unsigned n = 0; n < fire_count; n++) {
		struct probe *p = &probes[fire_log[n]];

		assert_true(p->model <= now);
		if (n > 0) {
			struct probe *before = &probes[fire_log[n - 1]];

			assert_true(before->model < p->model ||
				    (before->model == p->model && before->order < p->order));
		}
	}
	for (unsigned n = 0; n < fire_count; n++) {
		probes[fire_log[n]].model = UINT64_MAX;
	}
	assert_true(model_next() > now);
}

static void timer_matches_a_list_of_deadlines(void **state)
{
	uint64_t now = 0;

	(void)state;
	random_seed();
	for (unsigned step = 1; step < 100000; step++) {
		struct probe *p = &probes[random_below(TIMERS)];

		switch (random_below(4)) {
		case 0:
		case 1:
			p->model = now + random_below(20);
			p->order = step;
			timer_start(&queue, &p->timer, p->model);
			break;
		case 2:
			p->model = UINT64_MAX;
			timer_stop(&queue, &p->timer);
			break;
		default:
			now += random_below(5);
			check_run(now);
			break;
		}
		assert_true(timer_running(&p->timer) == (p->model != UINT64_MAX));
		assert_true(timer_next(&queue) == model_next());
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(timer_equal_deadlines_fire_in_order_of_starting, setup),
		cmocka_unit_test_setup(timer_restart_in_the_past_waits_for_the_next_run, setup),
		cmocka_unit_test_setup(timer_stop_is_harmless_when_stopped, setup),
		cmocka_unit_test_setup(timer_matches_a_list_of_deadlines, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
