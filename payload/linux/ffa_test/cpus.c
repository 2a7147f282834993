/* SPDX-License-Identifier: MIT */
/* All CPUs call at once, and CPUs go off and come back while partitions are used. */
#include <linux/cpu.h>
#include <linux/sched.h>
#include <linux/workqueue.h>

#include "payload/linux/ffa_test/cpus.h"
#include "payload/linux/ffa_test/groups.h"
#include "payload/linux/ffa_test/memory.h"

#define ROUNDS 200
#define TRIES_MAX 1000000
#define POWER_ROUNDS 3
#define SHARED_PAGES 4

/* ---- the same on each CPU ---- */

struct job {
	struct work_struct work;
	void (*function)(unsigned int cpu);
	unsigned int cpu;
};

static struct job jobs[NR_CPUS];

static void work(struct work_struct *of)
{
	struct job *job = container_of(of, struct job, work);

	job->function(job->cpu);
}

/* Starts function(cpu) on a CPU that is there; wait_for() waits for its end. */
static void start_on(unsigned int cpu, void (*function)(unsigned int cpu))
{
	struct job *job = &jobs[cpu];

	job->function = function;
	job->cpu = cpu;
	INIT_WORK(&job->work, work);
	queue_work_on(cpu, system_long_wq, &job->work);
}

static void wait_for(unsigned int cpu)
{
	flush_work(&jobs[cpu].work);
}

void on_all(void (*function)(unsigned int cpu))
{
	unsigned int cpu;

	for_each_online_cpu(cpu)
	{
		start_on(cpu, function);
	}
	for_each_online_cpu(cpu)
	{
		wait_for(cpu);
	}
}

/* ---- calls from all ---- */

static void see_context(unsigned int cpu)
{
	struct words w = COMMAND(hello, COMMAND_STATE);

	CHECK_CODE(w.w[0], 0);
	CHECK_EQ(w.w[1], cpu);
	w = COMMAND(irq, COMMAND_STATE);
	CHECK_CODE(w.w[0], 0);
	CHECK_EQ(w.w[1], cpu);
}

static void own_contexts(void)
{
	on_all(see_context);
}

static void echo(unsigned int cpu)
{
	for (u64 i = 0; i < ROUNDS && !test_failed(); i++) {
		struct words w = COMMAND(i % 2 == 0 ? hello : irq, i, cpu, ~i);

		CHECK(w.w[0] == i && w.w[1] == cpu && w.w[2] == ~i);
	}
}

static void messages(void)
{
	on_all(echo);
}

static atomic_t busy;

/* The one that all want is busy mostly: then again. */
static void echo_by_relay(unsigned int cpu)
{
	for (u64 i = 1; i <= ROUNDS && !test_failed(); i++) {
		struct words w;
		unsigned int tries = 0;

		do {
			w = COMMAND(relay, i << 8 | cpu);
			cond_resched();
		} while ((int)w.w[0] == FFA_RET_BUSY && ++tries < TRIES_MAX);
		atomic_add(tries, &busy);
		CHECK_EQ(w.w[0], i << 8 | cpu);
	}
}

static void one_context(void)
{
	atomic_set(&busy, 0);
	on_all(echo_by_relay);
	report_note("relay was busy %u times", atomic_read(&busy));
}

static void share(unsigned int cpu)
{
	u64 pattern = 0x100000ull * (cpu + 1);

	for (unsigned int i = 0; i < ROUNDS / 10 && !test_failed(); i++) {
		struct ffa_device *sp = i % 2 == 0 ? hello : irq;
		struct memory *m = memory_get(SHARED_PAGES, 0);

		REQUIRE(m != NULL);
		memory_fill(m, pattern);
		REQUIRE(SEND(m, i % 4 < 2 ? SHARE : LEND, sp) == 0);
		REQUIRE(memory_retrieve(m, sp, FFA_MEM_RW) == 0);
		CHECK_EQ(memory_wrong_for(m, sp, pattern), 0);
		CHECK_CODE(memory_fill_by(m, sp, ~pattern), 0);
		CHECK_CODE(memory_relinquish(m, sp), 0);
		CHECK_CODE(memory_reclaim(m), 0);
		CHECK_EQ(memory_wrong(m, ~pattern), 0);
	}
}

static void memory(void)
{
	on_all(share);
}

static void keep_registers(unsigned int cpu)
{
	u64 seed = 0x40000021ull * (cpu + 1);

	CHECK_CODE(COMMAND_CODE(hello, COMMAND_KEEP, seed), 0);
	CHECK_CODE(COMMAND_CODE(irq, COMMAND_KEEP, seed + 0x100), 0);
	for (unsigned int i = 0; i < ROUNDS / 10; i++) {
		CHECK_EQ(COMMAND(hello, COMMAND_HOLD, seed).w[1], 1);
		CHECK_EQ(COMMAND(irq, COMMAND_HOLD, seed + 0x100).w[1], 1);
	}
}

static void registers(void)
{
	on_all(keep_registers);
}

/* Some compute, are preempted and share, all at once. */
static void all_sorts(unsigned int cpu)
{
	switch (cpu % 4) {
	case 0:
		share(cpu);
		break;
	case 1:
		CHECK_CODE(COMMAND_CODE(hello, COMMAND_BUSY, 200000, 0), 0);
		break;
	case 2:
		echo_by_relay(cpu);
		break;
	default:
		echo(cpu);
	}
}

static void mixed(void)
{
	on_all(all_sorts);
}

/* ---- CPUs that go and come ---- */

static void off_and_on(void)
{
	SKIP_UNLESS(num_online_cpus() > 1, "one CPU");
	for (unsigned int round = 0; round < POWER_ROUNDS && !test_failed(); round++) {
		for (unsigned int cpu = 1; cpu < nr_cpu_ids; cpu++) {
			REQUIRE(remove_cpu(cpu) == 0);
		}
		/* Contexts of CPUs that are off do nothing; ours does. */
		see_context(0);
		for (unsigned int cpu = 1; cpu < nr_cpu_ids; cpu++) {
			REQUIRE(add_cpu(cpu) == 0);
		}
		own_contexts();
	}
}

static void call_often(unsigned int cpu)
{
	for (unsigned int i = 0; i < POWER_ROUNDS; i++) {
		echo(cpu);
		share(cpu);
	}
}

/* One goes and comes while the others call. */
static void off_while_used(void)
{
	unsigned int last = nr_cpu_ids - 1;

	SKIP_UNLESS(num_online_cpus() > 2, "fewer than three CPUs");
	for (unsigned int cpu = 1; cpu < last; cpu++) {
		start_on(cpu, call_often);
	}
	for (unsigned int round = 0; round < POWER_ROUNDS; round++) {
		CHECK_CODE(remove_cpu(last), 0);
		see_context(0);
		CHECK_CODE(add_cpu(last), 0);
		start_on(last, see_context);
		wait_for(last);
	}
	for (unsigned int cpu = 1; cpu < last; cpu++) {
		wait_for(cpu);
	}
}

/* What was shared on a CPU that is gone is there still, and taken back from another. */
static void memory_of_cpu_that_went(void)
{
	struct memory *m = memory_get(SHARED_PAGES, 0);
	unsigned int last = nr_cpu_ids - 1;

	SKIP_UNLESS(num_online_cpus() > 1, "one CPU");
	REQUIRE(m != NULL);
	REQUIRE(SEND(m, SHARE, hello) == 0 && memory_retrieve(m, hello, FFA_MEM_RW) == 0);
	REQUIRE(remove_cpu(last) == 0);
	CHECK_CODE(memory_fill_by(m, hello, 0x777), 0);
	CHECK_EQ(memory_wrong(m, 0x777), 0);
	REQUIRE(add_cpu(last) == 0);
	CHECK_CODE(memory_relinquish(m, hello), 0);
	CHECK_CODE(memory_reclaim(m), 0);
	own_contexts();
}

static const struct test tests[] = {
	{ "own_contexts", own_contexts },
	{ "messages", messages },
	{ "one_context", one_context },
	{ "memory", memory },
	{ "registers", registers },
	{ "mixed", mixed },
	{ "off_and_on", off_and_on },
	{ "off_while_used", off_while_used },
	{ "memory_of_cpu_that_went", memory_of_cpu_that_went },
};
GROUP(cpus, tests);
