/* SPDX-License-Identifier: MIT */
/*
 * Interrupts of both worlds: a timer of ours preempts hello, waits for relay, and makes irq give the CPU back; timers
 * and a device of the partitions' interrupt us. Each test is pinned to its CPU, where the partition's context is too.
 */
#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/ktime.h>

#include "payload/linux/ffa_test/cpus.h"
#include "payload/linux/ffa_test/groups.h"
#include "payload/linux/ffa_test/tree.h"

#define SOON_US 2000
/* So much longer that a busy host does not make it shorter. */
#define LONG_US 100000
#define TRIES_MAX 20
#define HANDLED_MS 2000
#define VTIMER_INTID 3
#define RTC_INTID 34
#define RESUMES_MAX 100000

static struct timer {
	struct hrtimer timer;
	ktime_t rang;
} timer;

static enum hrtimer_restart ring(struct hrtimer *t)
{
	container_of(t, struct timer, timer)->rang = ktime_get();
	return HRTIMER_NORESTART;
}

/* How a request to compute for so long went, with the timer in the midst of it. */
struct run {
	unsigned int preemptions;
	ktime_t start, called, rang, end;
	struct arm_smccc_1_2_regs answer;
};

static struct run busy(struct ffa_device *sp, struct words words)
{
	struct run run = {};
	struct arm_smccc_1_2_regs r;

	tree_hrtimer_setup(&timer.timer, ring);
	timer.rang = 0;
	run.start = ktime_get();
	hrtimer_start(&timer.timer, ns_to_ktime(SOON_US * NSEC_PER_USEC), HRTIMER_MODE_REL_PINNED);
	run.called = ktime_get();
	r = ffa_request((struct arm_smccc_1_2_regs){ FFA_FN64_MSG_SEND_DIRECT_REQ, ffa_pair(own_id, sp->vm_id), 0,
						     words.w[0], words.w[1], words.w[2], words.w[3], words.w[4] });
	while (ffa_is(&r, FFA_INTERRUPT) && run.preemptions < RESUMES_MAX) {
		run.preemptions++;
		r = FFA(FFA_RUN, (u32)r.a1);
	}
	run.end = ktime_get();
	hrtimer_cancel(&timer.timer);
	run.rang = timer.rang;
	run.answer = r;
	return run;
}

static bool rang_within(const struct run *run)
{
	return run->rang != 0 && ktime_before(run->rang, run->end);
}

static void check_answered(const struct run *run)
{
	CHECK_EQ(run->answer.a0, FFA_FN64_MSG_SEND_DIRECT_RESP);
	CHECK_CODE(run->answer.a3, 0);
}

/* Again if the timer was so late that the partition was done. */
void preempts_by(struct words words, struct ffa_device *sp)
{
	struct run run;
	unsigned int tries = 0;

	do {
		run = busy(sp, words);
		check_answered(&run);
	} while (run.preemptions == 0 && ++tries < TRIES_MAX && !test_failed());
	CHECK(run.preemptions > 0);
	CHECK(rang_within(&run));
}

static void preempts(void)
{
	preempts_by((struct words){ { COMMAND_BUSY, LONG_US, 0 } }, hello);
}

/* What a partition masks are its own interrupts. */
static void preempts_masked(void)
{
	preempts_by((struct words){ { COMMAND_BUSY, LONG_US, BUSY_MASKED } }, hello);
}

static void preempts_with_fp(void)
{
	struct words w;

	preempts_by((struct words){ { COMMAND_BUSY, LONG_US, BUSY_FP } }, hello);
	w = COMMAND(hello, COMMAND_BUSY, LONG_US, BUSY_FP);
	CHECK_EQ(w.w[1] & BUSY_FP, 0);
}

/* relay queues: the timer rings when it has answered. Again if our CPU was so late that it rang before the call. */
static void queued(void)
{
	struct run run;
	unsigned int tries = 0;

	do {
		run = busy(relay, (struct words){ { COMMAND_BUSY, LONG_US, 0 } });
		check_answered(&run);
		CHECK_EQ(run.preemptions, 0);
	} while (run.rang != 0 && ktime_before(run.rang, run.called) && ++tries < TRIES_MAX && !test_failed());
	CHECK(ktime_us_delta(run.end, run.start) >= LONG_US);
	CHECK(run.rang == 0 || ktime_us_delta(run.rang, run.start) >= LONG_US);
}

/* irq hears of it, and answers early. */
static void managed_exit(void)
{
	struct run run;

	CHECK_CODE(COMMAND_CODE(irq, COMMAND_BUSY, 0, 0), 0);
	run = busy(irq, (struct words){ { COMMAND_BUSY, 50 * LONG_US, 0 } });
	check_answered(&run);
	CHECK_EQ(run.answer.a4, BUSY_MANAGED_EXIT);
	CHECK(ktime_us_delta(run.end, run.start) < 25 * LONG_US);
}

/* By the driver, which runs it again and again: Linux's clock goes on meanwhile. */
static void clock_goes_on(void)
{
	ktime_t start = ktime_get();
	unsigned long ticks = jiffies;

	CHECK_CODE(COMMAND_CODE(hello, COMMAND_BUSY, 3 * LONG_US, 0), 0);
	CHECK(ktime_us_delta(ktime_get(), start) >= 3 * LONG_US);
	CHECK(jiffies - ticks >= usecs_to_jiffies(LONG_US));
}

static void chain(void)
{
	struct words w = COMMAND(relay, COMMAND_RELAY, hello->vm_id, COMMAND_BUSY, LONG_US, 0);

	CHECK_CODE(w.w[0], 0);
	CHECK_CODE(w.w[1], 0);
}

/* ---- the partitions' interrupts ---- */

static u64 handled(struct ffa_device *sp, u32 intid)
{
	return COMMAND(sp, COMMAND_INTERRUPTS, intid).w[1];
}

static bool handled_within(struct ffa_device *sp, u32 intid, u64 count)
{
	for (unsigned int ms = 0; ms < HANDLED_MS && handled(sp, intid) < count; ms++) {
		mdelay(1);
	}
	return handled(sp, intid) == count;
}

static void own_device(void)
{
	struct words w = COMMAND(irq, COMMAND_TRIGGER, LONG_US);

	CHECK_CODE(w.w[0], 0);
	/* A level that its handler takes down may be seen once more. */
	CHECK(w.w[1] == 1 || w.w[1] == 2);
}

/* Its timer rings while we compute, and while another partition does. */
static void own_timer(void)
{
	u64 before = handled(hello, VTIMER_INTID);

	CHECK_CODE(COMMAND_CODE(hello, COMMAND_TIMER, SOON_US), 0);
	mdelay(SOON_US / 1000 * 2);
	CHECK(handled_within(hello, VTIMER_INTID, before + 1));
	CHECK_CODE(COMMAND_CODE(hello, COMMAND_TIMER, SOON_US), 0);
	CHECK_CODE(COMMAND_CODE(relay, COMMAND_BUSY, LONG_US, 0), 0);
	CHECK(handled_within(hello, VTIMER_INTID, before + 2));
	CHECK_CODE(COMMAND_CODE(hello, COMMAND_TIMER, SOON_US), 0);
	CHECK_CODE(COMMAND_CODE(hello, COMMAND_BUSY, LONG_US, 0), 0);
	CHECK(handled_within(hello, VTIMER_INTID, before + 3));
}

/* Linux sleeps, its CPU is idle. */
static void own_timer_while_idle(void)
{
	u64 before = handled(hello, VTIMER_INTID);

	CHECK_CODE(COMMAND_CODE(hello, COMMAND_TIMER, 10 * SOON_US), 0);
	msleep(LONG_US / 1000);
	CHECK(handled_within(hello, VTIMER_INTID, before + 1));
}

/* Both at once: hello is preempted by ours, its own timer is not lost. */
static void both(void)
{
	u64 before = handled(hello, VTIMER_INTID);

	CHECK_CODE(COMMAND_CODE(hello, COMMAND_TIMER, SOON_US), 0);
	preempts();
	CHECK(handled_within(hello, VTIMER_INTID, before + 1));
}

/* Registers of the partitions and ours, with everything above. */
static void registers_kept(void)
{
	CHECK_CODE(COMMAND_CODE(hello, COMMAND_KEEP, 0x4444), 0);
	CHECK_CODE(COMMAND_CODE(irq, COMMAND_KEEP, 0x5555), 0);
	queued();
	managed_exit();
	msleep(SOON_US / 1000);
	CHECK_EQ(COMMAND(hello, COMMAND_HOLD, 0x4444).w[1], 1);
	CHECK_EQ(COMMAND(irq, COMMAND_HOLD, 0x5555).w[1], 1);
}

static const struct test tests[] = {
	{ "preempts", preempts },
	{ "preempts_masked", preempts_masked },
	{ "preempts_with_fp", preempts_with_fp },
	{ "queued", queued },
	{ "managed_exit", managed_exit },
	{ "clock_goes_on", clock_goes_on },
	{ "chain", chain },
	{ "own_device", own_device },
	{ "own_timer", own_timer },
	{ "own_timer_while_idle", own_timer_while_idle },
	{ "both", both },
	{ "registers_kept", registers_kept },
};
GROUP(interrupts, tests);
