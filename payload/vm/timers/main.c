/* SPDX-License-Identifier: MIT */
/*
 * The generic timer as EL1 has it (Arm ARM, D11): both timers on every CPU fire when they should, not before,
 * and say so; a level stays until it is dealt with; WFI wakes; the counters do not run backwards anywhere.
 *
 * Wants: 4 CPUs. While one timer is tested the other one of CPU 0 is the watchdog.
 */
#include "payload/lib/exception.h"
#include "payload/lib/gic.h"
#include "payload/lib/report.h"
#include "payload/lib/timer.h"

#define REARM_COUNT 50
#define TOKEN_ROUNDS 50

/* What the handler saw on each CPU for each timer. */
struct seen {
	uint32_t count;
	uint64_t at; /* counter in the handler */
	uint64_t cval;
};
static struct seen seen[CPU_MAX][2];

/* What the handler does to the timer that fired. */
enum handling {
	HANDLER_STOPS,
	HANDLER_MASKS,
	HANDLER_REARMS,
	HANDLER_WAITS_TWICE,
};
static enum handling handling;

static enum timer tested;

static void handle(enum timer timer, struct seen *s)
{
	s->at = timer_count(timer);
	s->cval = timer_cval(timer);
	if ((timer_ctl(timer) & (TIMER_CTL_ISTATUS | TIMER_CTL_IMASK)) != TIMER_CTL_ISTATUS) {
		test_fail("interrupt with CTL 0x%lx", timer_ctl(timer));
	}
	if (handling == HANDLER_MASKS) {
		timer_set_ctl(timer, TIMER_CTL_ENABLE | TIMER_CTL_IMASK);
	} else if (handling == HANDLER_REARMS && s->count + 1 < REARM_COUNT) {
		timer_set_cval(timer, s->at + timer_ticks(100));
	} else if (handling != HANDLER_WAITS_TWICE || s->count > 0) {
		timer_set_ctl(timer, 0);
	}
	atomic_add(&s->count, 1);
}

static void handler(void)
{
	uint32_t intid = gic_ack();
	uint32_t cpu = this_cpu()->index;

	if (intid >= 1020) {
		return;
	}
	if (intid == timer_intid(TIMER_VIRTUAL) && !watchdog_irq(intid)) {
		handle(TIMER_VIRTUAL, &seen[cpu][TIMER_VIRTUAL]);
	} else if (intid == timer_intid(TIMER_PHYSICAL) && !watchdog_irq(intid)) {
		handle(TIMER_PHYSICAL, &seen[cpu][TIMER_PHYSICAL]);
	}
	gic_eoi(intid);
}

static uint32_t fired(void)
{
	return atomic_load(&seen[this_cpu()->index][tested].count);
}

static void begin(enum handling how)
{
	uint32_t cpu = this_cpu()->index;

	handling = how;
	seen[cpu][TIMER_VIRTUAL] = (struct seen){ 0 };
	seen[cpu][TIMER_PHYSICAL] = (struct seen){ 0 };
	gic_enable(cpu, timer_intid(tested));
}

static void end(void)
{
	timer_set_ctl(tested, 0);
	gic_disable(this_cpu()->index, timer_intid(tested));
}

/* Off first: an earlier setting could fire between the two writes. */
static void arm_at(uint64_t cval)
{
	timer_set_ctl(tested, 0);
	timer_set_cval(tested, cval);
	timer_set_ctl(tested, TIMER_CTL_ENABLE);
}

/* Fires when the counter reaches CVAL, not a tick before, and only once. */
static void check_fires(void)
{
	struct seen *s = &seen[this_cpu()->index][tested];
	uint64_t cval;

	begin(HANDLER_STOPS);
	cval = timer_count(tested) + timer_ticks(1000);
	arm_at(cval);
	CHECK_EQ(timer_cval(tested), cval);
	if (timer_count(tested) < cval) {
		CHECK(WAIT_UNTIL(fired() != 0, 2000));
	}
	CHECK(WAIT_UNTIL(fired() == 1, 2000));
	CHECK(s->at >= cval);
	CHECK_EQ(s->cval, cval);
	delay_us(500);
	CHECK_EQ(fired(), 1);
	end();
}

static void fires_at_cval(void)
{
	check_fires();
}

static void on_this_cpu(uint64_t arg)
{
	(void)arg;
	check_fires();
}

/* Each CPU but the first, whose other timer is the watchdog, one by one and then all at once. */
static void on_all_cpus(void)
{
	for (uint32_t i = 1; i < cpu_count; i++) {
		REQUIRE(cpu_run(i, on_this_cpu, 0));
	}
	REQUIRE(cpu_run_all(cpu_count, on_this_cpu, 0));
}

/* TVAL counts down through zero and is signed. */
static void tval(void)
{
	uint64_t before;
	uint64_t after;
	int32_t value;

	begin(HANDLER_STOPS);
	before = timer_count(tested);
	timer_set_tval(tested, INT32_MAX);
	after = timer_count(tested);
	CHECK(timer_cval(tested) >= before + INT32_MAX);
	CHECK(timer_cval(tested) <= after + INT32_MAX);
	before = timer_count(tested);
	value = timer_tval(tested);
	after = timer_count(tested);
	CHECK(value <= (int32_t)(timer_cval(tested) - before));
	CHECK(value >= (int32_t)(timer_cval(tested) - after));
	timer_set_tval(tested, -1000);
	CHECK(timer_tval(tested) <= -1000);
	CHECK(timer_cval(tested) < timer_count(tested));
	timer_set_cval(tested, timer_count(tested) - 5000);
	CHECK(timer_tval(tested) <= -5000);
	timer_set_tval(tested, (int32_t)timer_ticks(500));
	timer_set_ctl(tested, TIMER_CTL_ENABLE);
	CHECK(WAIT_UNTIL(fired() == 1, 2000));
	timer_set_tval(tested, -1);
	timer_set_ctl(tested, TIMER_CTL_ENABLE);
	CHECK(WAIT_UNTIL(fired() == 2, 2000));
	end();
}

static void status_and_mask(void)
{
	begin(HANDLER_STOPS);
	timer_set_cval(tested, timer_count(tested) + timer_ticks(10000000));
	timer_set_ctl(tested, TIMER_CTL_ENABLE | TIMER_CTL_IMASK);
	CHECK_EQ(timer_ctl(tested), TIMER_CTL_ENABLE | TIMER_CTL_IMASK);
	timer_set_cval(tested, timer_count(tested) - 1);
	CHECK_EQ(timer_ctl(tested), TIMER_CTL_ENABLE | TIMER_CTL_IMASK | TIMER_CTL_ISTATUS);
	delay_us(200);
	CHECK_EQ(fired(), 0);
	timer_set_ctl(tested, TIMER_CTL_ENABLE);
	CHECK(WAIT_UNTIL(fired() == 1, 1000));
	CHECK_EQ(timer_ctl(tested) & (TIMER_CTL_ENABLE | TIMER_CTL_IMASK), 0);
	/* The upper bits are RES0 and ISTATUS is read-only. */
	timer_set_cval(tested, ~0ul);
	timer_set_ctl(tested, ~0ul & ~(uint64_t)TIMER_CTL_ENABLE);
	CHECK_EQ(timer_ctl(tested) & ~(uint64_t)(TIMER_CTL_ISTATUS | TIMER_CTL_IMASK), 0);
	end();
}

/* The line follows the condition: pending in the redistributor while it holds, gone when it does not. */
static void line_is_level(void)
{
	uint32_t cpu = this_cpu()->index;
	uint32_t intid = timer_intid(tested);

	begin(HANDLER_STOPS);
	irq_off();
	arm_at(timer_count(tested));
	CHECK(WAIT_UNTIL(gic_get_bit(cpu, intid, GIC_ISPENDR), 1000));
	timer_set_ctl(tested, TIMER_CTL_ENABLE | TIMER_CTL_IMASK);
	CHECK(WAIT_UNTIL(!gic_get_bit(cpu, intid, GIC_ISPENDR), 1000));
	timer_set_ctl(tested, TIMER_CTL_ENABLE);
	CHECK(WAIT_UNTIL(gic_get_bit(cpu, intid, GIC_ISPENDR), 1000));
	timer_set_cval(tested, timer_count(tested) + timer_ticks(10000000));
	CHECK(WAIT_UNTIL(!gic_get_bit(cpu, intid, GIC_ISPENDR), 1000));
	CHECK_EQ(timer_ctl(tested), TIMER_CTL_ENABLE);
	irq_on();
	delay_us(200);
	CHECK_EQ(fired(), 0);
	end();
}

/* A handler that does nothing is entered again. */
static void fires_again_until_handled(void)
{
	begin(HANDLER_WAITS_TWICE);
	arm_at(timer_count(tested) + timer_ticks(100));
	CHECK(WAIT_UNTIL(fired() == 2, 2000));
	delay_us(200);
	CHECK_EQ(fired(), 2);
	end();
}

static void masked_in_handler(void)
{
	begin(HANDLER_MASKS);
	arm_at(timer_count(tested) + timer_ticks(100));
	CHECK(WAIT_UNTIL(fired() == 1, 2000));
	delay_us(200);
	CHECK_EQ(fired(), 1);
	CHECK_EQ(timer_ctl(tested), TIMER_CTL_ENABLE | TIMER_CTL_IMASK | TIMER_CTL_ISTATUS);
	/* A later CVAL and no mask: fires again. */
	timer_set_cval(tested, timer_count(tested) + timer_ticks(100));
	timer_set_ctl(tested, TIMER_CTL_ENABLE);
	CHECK(WAIT_UNTIL(fired() == 2, 2000));
	end();
}

static void rearmed_in_handler(void)
{
	begin(HANDLER_REARMS);
	arm_at(timer_count(tested) + timer_ticks(100));
	CHECK(WAIT_UNTIL(fired() == REARM_COUNT, 5000));
	end();
}

static void past_and_future(void)
{
	begin(HANDLER_STOPS);
	arm_at(0);
	CHECK(WAIT_UNTIL(fired() == 1, 1000));
	arm_at(timer_count(tested) - 1);
	CHECK(WAIT_UNTIL(fired() == 2, 1000));
	arm_at(UINT64_MAX);
	delay_us(1000);
	CHECK_EQ(timer_ctl(tested), TIMER_CTL_ENABLE);
	arm_at(timer_count(tested) + (UINT64_C(1) << 50));
	delay_us(1000);
	CHECK_EQ(timer_ctl(tested), TIMER_CTL_ENABLE);
	CHECK_EQ(fired(), 2);
	/* From the far future to soon. */
	arm_at(timer_count(tested) + timer_ticks(300));
	CHECK(WAIT_UNTIL(fired() == 3, 1000));
	end();
}

static void wfi_wakes(void)
{
	for (uint32_t masked = 0; masked < 2; masked++) {
		uint64_t cval;

		begin(HANDLER_STOPS);
		irq_off();
		cval = timer_count(tested) + timer_ticks(2000);
		arm_at(cval);
		while (fired() == 0) {
			wfi();
			/* Masked, the WFI ends when the interrupt is pending; it is taken after. */
			if (masked == 0 || (timer_ctl(tested) & TIMER_CTL_ISTATUS) != 0) {
				irq_on();
				irq_off();
			}
		}
		irq_on();
		CHECK(timer_count(tested) >= cval);
		CHECK_EQ(fired(), 1);
		end();
	}
}

static void sleeper(uint64_t arg)
{
	(void)arg;
	wfi_wakes();
}

static void wfi_wakes_others(void)
{
	for (uint32_t i = 1; i < cpu_count; i++) {
		cpu_post(i, sleeper, 0);
	}
	for (uint32_t i = 1; i < cpu_count; i++) {
		REQUIRE(cpu_wait(i, 10000));
	}
}

/* On a CPU without the watchdog: each timer fires at its own time. */
static void both_here(uint64_t arg)
{
	uint32_t cpu = this_cpu()->index;
	struct seen *s = seen[cpu];

	(void)arg;
	begin(HANDLER_STOPS);
	gic_enable(cpu, PPI_VTIMER);
	gic_enable(cpu, PPI_PTIMER);
	timer_set_cval(TIMER_PHYSICAL, timer_count(TIMER_PHYSICAL) + timer_ticks(2000));
	timer_set_cval(TIMER_VIRTUAL, timer_count(TIMER_VIRTUAL) + timer_ticks(1000));
	timer_set_ctl(TIMER_PHYSICAL, TIMER_CTL_ENABLE);
	timer_set_ctl(TIMER_VIRTUAL, TIMER_CTL_ENABLE);
	CHECK(WAIT_UNTIL(atomic_load(&s[TIMER_VIRTUAL].count) == 1, 2000));
	CHECK(WAIT_UNTIL(atomic_load(&s[TIMER_PHYSICAL].count) == 1, 2000));
	CHECK(s[TIMER_VIRTUAL].at >= s[TIMER_VIRTUAL].cval);
	CHECK(s[TIMER_PHYSICAL].at >= s[TIMER_PHYSICAL].cval);
	gic_disable(cpu, PPI_VTIMER);
	gic_disable(cpu, PPI_PTIMER);
}

static void both_at_once(void)
{
	if (cpu_count < 2) {
		test_skip("one CPU");
		return;
	}
	for (uint32_t i = 1; i < cpu_count; i++) {
		REQUIRE(cpu_run(i, both_here, 0));
	}
}

static uint64_t token;
static uint32_t token_turn;

/* A value of the counter is passed round; whoever gets it must not read an earlier one. */
static void pass_token(uint64_t arg)
{
	uint32_t me = this_cpu()->index;

	(void)arg;
	for (uint32_t round = 0; round < TOKEN_ROUNDS; round++) {
		uint64_t now;

		if (!WAIT_UNTIL(atomic_load(&token_turn) == round * cpu_count + me, 5000)) {
			test_fail("CPU %u waits for round %u", me, round);
			return;
		}
		now = timer_count(tested);
		if (now < token) {
			test_fail("counter of CPU %u is %lu behind", me, token - now);
		}
		token = now;
		atomic_add(&token_turn, 1);
	}
}

static void counters_monotonic(void)
{
	uint64_t last = timer_count(tested);

	for (uint32_t i = 0; i < 10000; i++) {
		uint64_t now = timer_count(tested);

		CHECK(now >= last);
		last = now;
	}
	token = 0;
	token_turn = 0;
	REQUIRE(cpu_run_all(cpu_count, pass_token, 0));
}

static uint64_t frequency;

static void check_frequency(uint64_t arg)
{
	(void)arg;
	CHECK_EQ(read_sysreg(cntfrq_el0), frequency);
}

static void counter_frequency(void)
{
	frequency = read_sysreg(cntfrq_el0);
	CHECK(frequency >= 1000000 && frequency <= 1000000000);
	for (uint32_t i = 1; i < cpu_count; i++) {
		REQUIRE(cpu_run(i, check_frequency, 0));
	}
}

/* CNTPCT - CNTVCT lies between these two. */
struct offset {
	uint64_t low;
	uint64_t high;
};

static struct offset counter_offset(void)
{
	uint64_t before = timer_count(TIMER_VIRTUAL);
	uint64_t physical = timer_count(TIMER_PHYSICAL);

	return (struct offset){ physical - timer_count(TIMER_VIRTUAL), physical - before };
}

/* Both counters run at one rate, however long the reader was interrupted, and the virtual one is not ahead. */
static void physical_counter(void)
{
	struct offset first = counter_offset();
	struct offset second;

	delay_us(20000);
	second = counter_offset();
	CHECK((int64_t)first.high >= 0);
	CHECK((int64_t)(first.high - second.low) >= 0);
	CHECK((int64_t)(second.high - first.low) >= 0);
}

#define TIMER_TESTS(prefix)                                                                                           \
	{ prefix "-fires-at-cval", fires_at_cval }, { prefix "-on-all-cpus", on_all_cpus }, { prefix "-tval", tval }, \
		{ prefix "-status-and-mask", status_and_mask }, { prefix "-line-is-level", line_is_level },           \
		{ prefix "-fires-again-until-handled", fires_again_until_handled },                                   \
		{ prefix "-masked-in-handler", masked_in_handler },                                                   \
		{ prefix "-rearmed-in-handler", rearmed_in_handler }, { prefix "-past-and-future", past_and_future }, \
		{ prefix "-wfi-wakes", wfi_wakes }, { prefix "-wfi-wakes-others", wfi_wakes_others },                 \
	{                                                                                                             \
		prefix "-counter-monotonic", counters_monotonic                                                       \
	}

static const struct test virtual_tests[] = { TIMER_TESTS("virtual") };
static const struct test physical_tests[] = { TIMER_TESTS("physical") };
static const struct test common_tests[] = {
	{ "frequency", counter_frequency },
	{ "physical-counter", physical_counter },
	{ "both-at-once", both_at_once },
};

void payload_main(void)
{
	if (cpu_start_all() != cpu_count) {
		report_fatal("not all of %u CPUs start", cpu_count);
	}
	irq_set_handler(handler);
	tested = TIMER_VIRTUAL;
	watchdog_start(TIMER_PHYSICAL, 60);
	report_run(common_tests, ARRAY_SIZE(common_tests));
	report_run(virtual_tests, ARRAY_SIZE(virtual_tests));

	timer_set_ctl(TIMER_PHYSICAL, 0);
	gic_set_priority(0, PPI_PTIMER, 0x80);
	tested = TIMER_PHYSICAL;
	watchdog_start(TIMER_VIRTUAL, 60);
	report_run(physical_tests, ARRAY_SIZE(physical_tests));
}
