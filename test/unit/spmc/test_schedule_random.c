/* SPDX-License-Identifier: MIT */
/*
 * Partitions and a normal world that do anything at all, on four CPUs, of which one may go on while a partition runs on
 * another: whatever they do, each call of the normal world ends, is answered with what the SPMD lets through, and
 * leaves every context in a state that somebody can take it from; in the end the normal world alone can. SEED=n
 * replays; ROUNDS=n plays more.
 */
#include "sp_world.h"

#include <stdio.h>
#include <time.h>

#include "role/spmc/runtime.h"

#define CALLS_PER_WORLD 400
#define RUNS_BEFORE_BEHAVING 24
#define RUNS_MAX 200
#define CONTEXTS (WORLD_SPS - 1 + WORLD_CPUS)

static uint64_t random_state;
static unsigned runs;
static unsigned long total_runs, deaths;

static uint64_t random_u64(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state * UINT64_C(0x2545f4914f6cdd1d) >> 16;
}

static unsigned below(unsigned bound)
{
	return (unsigned)(random_u64() % bound);
}

static uint64_t random_id(void)
{
	static const uint16_t ids[] = { 0, 0, 0, 3, 0x8000, 0x8001, 0x8002, 0x8003, 0x8004, 0x8005, 0xffff, 0xffc1 };

	return ids[below(ARRAY_SIZE(ids))];
}

static uint64_t random_word(void)
{
	switch (below(8)) {
	case 0:
		return random_u64();
	case 1:
		return FFA_FRAMEWORK_MESSAGE | below(10);
	case 2:
		return below(50);
	default:
		return 0;
	}
}

/* A call that does not touch memory, often one that makes sense. */
static void random_call(uint64_t *x, uint16_t self)
{
	static const uint32_t functions[] = {
		FFA_MSG_SEND_DIRECT_REQ,
		FFA_MSG_SEND_DIRECT_REQ,
		FFA_MSG_SEND_DIRECT_REQ_64,
		FFA_MSG_SEND_DIRECT_REQ2_64,
		FFA_MSG_SEND_DIRECT_RESP,
		FFA_MSG_SEND_DIRECT_RESP_64,
		FFA_MSG_SEND_DIRECT_RESP2_64,
		FFA_RUN,
		FFA_RUN,
		FFA_MSG_WAIT,
		FFA_YIELD,
		FFA_ERROR,
		FFA_INTERRUPT,
		FFA_ID_GET,
		FFA_FEATURES,
		FFA_SUCCESS,
		FFA_NORMAL_WORLD_RESUME,
		FFA_SECONDARY_EP_REGISTER_64,
		0x840000ff,
		0x84000001,
		0xdeadbeef,
		HF_INTERRUPT_ENABLE,
		HF_INTERRUPT_ENABLE,
		HF_INTERRUPT_GET,
		HF_INTERRUPT_GET,
		HF_INTERRUPT_DEACTIVATE,
		HF_INTERRUPT_RECONFIGURE,
		HF_INTERRUPT_SEND_IPI,
	};

	x[0] = functions[below(ARRAY_SIZE(functions))];
	for (unsigned i = 1; i < 8; i++) {
		x[i] = random_word();
	}
	switch (x[0]) {
	case FFA_RUN:
		x[1] = random_id() << 16 | (below(3) != 0 ? this_cpu()->index * below(2) : below(6));
		break;
	case HF_INTERRUPT_ENABLE:
		x[1] = below(2) != 0 ? 40 + below(WORLD_SPS) : below(12);
		x[2] = below(4) != 0;
		break;
	case HF_INTERRUPT_SEND_IPI:
		x[1] = below(5);
		break;
	case FFA_ERROR:
		x[2] = (uint32_t)FFA_ABORTED;
		break;
	default:
		if (x[0] >= 0x84000000) {
			x[1] = (below(8) != 0 ? self : random_id()) << 16 | random_id();
			x[2] = below(4) != 0 ? 0 : x[2];
		}
		break;
	}
}

static bool is_resumable(const struct sp_vcpu *v)
{
	return v->state == SP_PREEMPTED || v->state == SP_YIELDED || v->state == SP_SUSPENDED;
}

/* FFA_RUN of a context that v has lost, if there is one here. */
static bool run_a_lost_one(struct sp_vcpu *v)
{
	for (unsigned i = 0; i < WORLD_SPS; i++) {
		const struct sp_vcpu *t = sp_local_vcpu(&world_sps[i], this_cpu());

		if (t->caller == v && is_resumable(t)) {
			ffa_answer(v->cpu.regs.x, FFA_RUN);
			v->cpu.regs.x[1] = sp_vcpu_ids(t);
			return true;
		}
	}
	return false;
}

/* What ends this run for certain. */
static void behave(struct sp_vcpu *v)
{
	uint64_t *x = v->cpu.regs.x;

	if (sp_may(v->model, SP_CALL_MSG_WAIT) == SP_GO) {
		ffa_answer(x, FFA_MSG_WAIT);
		return;
	}
	ffa_answer(x,
		   v->request == FFA_MSG_SEND_DIRECT_REQ2_64 ? FFA_MSG_SEND_DIRECT_RESP2_64 : FFA_MSG_SEND_DIRECT_RESP);
	x[1] = (uint64_t)v->sp->endpoint.id << 16 | v->requester;
	x[2] = v->framework != 0 ? FFA_FRAMEWORK_MESSAGE | v->framework : 0;
}

static void normal_world(void);

/* The normal world of a CPU where no partition runs. */
static void another_cpu(void)
{
	unsigned here = this_cpu()->index, there = below(WORLD_CPUS), runs_here = runs;
	uint64_t pmr = read_icc_pmr_el1();

	if (schedule_of(&world_cpus[there])->current != NULL) {
		return;
	}
	world_cpu(there);
	write_icc_pmr_el1(0xf8);
	normal_world();
	world_cpu(here);
	write_icc_pmr_el1(pmr);
	runs = runs_here;
}

static bool timer_interrupts(void)
{
	write_cntpct_el0(read_cntpct_el0() + below(2));
	if (timer_next(&this_cpu()->timers) > read_cntpct_el0()) {
		return false;
	}
	world_intid = WORLD_TIMER;
	return true;
}

static enum sp_exit anything(struct sp_vcpu *v)
{
	assert_true(runs < RUNS_MAX);
	runs++;
	total_runs++;
	if (below(16) == 0) {
		another_cpu();
	}
	if (timer_interrupts()) {
		return SP_EXIT_IRQ;
	}
	if (runs > RUNS_BEFORE_BEHAVING) {
		behave(v);
		return SP_EXIT_CALL;
	}
	switch (below(20)) {
	case 0:
	case 1:
		world_intid = below(4) != 0 ? 40 + below(WORLD_SPS) : below(3) == 0 ? world_sgi_kick : WORLD_TIMER;
		return SP_EXIT_IRQ;
	case 2:
		return SP_EXIT_FIQ;
	case 3:
		return SP_EXIT_WAIT;
	case 4:
	case 5:
	case 6:
		behave(v);
		return SP_EXIT_CALL;
	case 7:
		/* One that dies on the way up is not started again. */
		if (below(v->model == SP_MODEL_INIT ? 4000 : 40) == 0) {
			deaths++;
			return SP_EXIT_ABORT;
		}
		return SP_EXIT_FIQ;
	case 8:
	case 9:
	case 10:
	case 11:
	case 12:
		ffa_answer(v->cpu.regs.x, FFA_MSG_SEND_DIRECT_REQ);
		v->cpu.regs.x[1] = (uint64_t)v->sp->endpoint.id << 16 | (FFA_ID_SP_FIRST + below(WORLD_SPS));
		return SP_EXIT_CALL;
	default:
		if (below(2) != 0 && run_a_lost_one(v)) {
			return SP_EXIT_CALL;
		}
		random_call(v->cpu.regs.x, v->sp->endpoint.id);
		if (v->cpu.regs.x[0] == FFA_ERROR && below(500) != 0) {
			behave(v);
		}
		return SP_EXIT_CALL;
	}
}

/* ---- what must hold when the normal world goes on ---- */

static void check_signals(const struct sp_vcpu *v)
{
	const struct sp_interrupts *in = &v->interrupts;
	uint32_t irqs = 0, fiqs = 0;
	uint64_t expected;

	for (unsigned word = 0; word < ARRAY_SIZE(in->pending); word++) {
		uint32_t active = in->enabled[word] & in->pending[word];

		fiqs += (uint32_t)__builtin_popcount(active & in->fiq[word]);
		irqs += (uint32_t)__builtin_popcount(active & ~in->fiq[word]);
	}
	assert_int_equal(in->irq_count, irqs);
	assert_int_equal(in->fiq_count, fiqs);
	expected = (irqs != 0 ? SP_SIGNAL_IRQ : 0) | (fiqs != 0 ? SP_SIGNAL_FIQ : 0);
	if (v->sp->manifest.s_el0) {
		expected = expected != 0 ? SP_SIGNAL_EL0 : 0;
	}
	assert_int_equal(v->signals & ~SP_SIGNAL_ABORT, expected);
}

/* v is current on some CPU, or waits there for one that is. */
static bool is_in_chain(const struct sp_vcpu *v)
{
	for (unsigned i = 0; i < WORLD_CPUS; i++) {
		const struct sp_vcpu *at = schedule_of(&world_cpus[i])->current;
		unsigned length = 0;

		for (; at != NULL && at != v; at = at->caller) {
			assert_true(length++ < WORLD_SPS);
		}
		if (at == v) {
			return true;
		}
	}
	return false;
}

/* No partition runs on any CPU. */
static bool is_at_rest_everywhere(void)
{
	for (unsigned i = 0; i < WORLD_CPUS; i++) {
		if (schedule_of(&world_cpus[i])->current != NULL) {
			return false;
		}
	}
	return true;
}

/* Who may run v again comes back for it: he is at work, or somebody may run him; or the normal world may run it. */
static void check_resumable(const struct sp_vcpu *v)
{
	const struct sp_vcpu *callee = v->callee;
	unsigned length = 0;

	if (v->state == SP_SUSPENDED) {
		assert_true(callee == NULL || callee->caller != v || callee->state == SP_SUSPENDED ||
			    callee->state == SP_ABORTED || callee->state == SP_OFF);
	} else {
		assert_null(callee);
	}
	for (; v != NULL && is_resumable(v); v = v->caller) {
		assert_true(length++ < CONTEXTS);
		assert_false(is_in_chain(v));
	}
	assert_true(v == NULL || is_in_chain(v) || v->state == SP_WAITING || v->state == SP_OFF ||
		    v->state == SP_ABORTED);
}

static void check_vcpu(const struct sp_vcpu *v)
{
	check_signals(v);
	switch (v->state) {
	case SP_WAITING:
		assert_int_equal(v->request, 0);
		assert_int_equal(v->model, SP_MODEL_NONE);
		assert_null(v->caller);
		break;
	case SP_YIELDED:
	case SP_PREEMPTED:
	case SP_SUSPENDED:
		check_resumable(v);
		break;
	case SP_OFF: /* one that was restarted on another CPU */
	case SP_ABORTED:
		break;
	default:
		if (!is_in_chain(v)) {
			fail_msg("%s is in state %u", v->sp->manifest.name, v->state);
		}
		return;
	}
	assert_false(is_in_chain(v));
	assert_false(v->wake_queued && is_at_rest_everywhere());
	assert_true(v->handling == 0 || v->state == SP_ABORTED);
	assert_false(timer_running(&v->watchdog));
}

static void check_world(void)
{
	assert_null(schedule_of(this_cpu())->current);
	assert_null(schedule_of(this_cpu())->wake);
	assert_int_equal(schedule_of(this_cpu())->before_nwd, 0);
	assert_int_equal(read_icc_pmr_el1(), 0xf8);
	for (unsigned i = 0; i < WORLD_SPS; i++) {
		struct sp *sp = &world_sps[i];
		unsigned stopped = 0;

		for (unsigned n = 0; n < sp->endpoint.vcpu_count; n++) {
			check_vcpu(sp->vcpus[n]);
			stopped += sp->vcpus[n]->state == SP_ABORTED;
		}
		assert_int_equal(sp->stopped, stopped);
	}
}

static bool passes_spmd(uint64_t id)
{
	static const uint32_t answers[] = {
		FFA_ERROR,
		FFA_SUCCESS,
		FFA_SUCCESS_64,
		FFA_INTERRUPT,
		FFA_MSG_WAIT,
		FFA_YIELD,
		FFA_MSG_SEND_DIRECT_RESP,
		FFA_MSG_SEND_DIRECT_RESP_64,
		FFA_MSG_SEND_DIRECT_RESP2_64,
	};

	for (unsigned i = 0; i < ARRAY_SIZE(answers); i++) {
		if (answers[i] == id) {
			return true;
		}
	}
	return false;
}

static void normal_world(void)
{
	uint64_t x[18] = { 0 };
	uint64_t id;

	runs = 0;
	world_group0 = below(20) == 0 ? 8 : 1023;
	if (below(6) == 0) {
		x[0] = FFA_INTERRUPT;
		world_intid = below(4) != 0 ? 40 + below(WORLD_SPS) : below(60);
		world_intid = world_intid == world_sgi_stop ? world_sgi_kick : world_intid;
	} else if (below(3) != 0) {
		x[0] = below(2) != 0 ? FFA_RUN : FFA_MSG_SEND_DIRECT_REQ;
		x[1] = FFA_ID_SP_FIRST + below(WORLD_SPS);
		x[1] = x[0] == FFA_RUN ? x[1] << 16 | (x[1] == 0x8002 ? this_cpu()->index : 0) : x[1];
	} else {
		random_call(x, 0);
	}
	id = x[0];
	world_call(x);
	if (id == FFA_INTERRUPT) {
		assert_int_equal(x[0], FFA_NORMAL_WORLD_RESUME);
	} else {
		assert_true(passes_spmd(x[0]));
	}
	check_world();
}

static enum sp_exit well_behaved(struct sp_vcpu *v)
{
	behave(v);
	return SP_EXIT_CALL;
}

/* FFA_RUN of all that is at rest, by the normal world of this CPU. */
static void run_all(void)
{
	for (unsigned i = 0; i < WORLD_SPS; i++) {
		struct sp_vcpu *v = sp_local_vcpu(&world_sps[i], this_cpu());
		uint64_t x[18] = { FFA_RUN, sp_vcpu_ids(v) };

		if (is_resumable(v)) {
			world_call(x);
			check_world();
		}
	}
}

/* Whatever has happened: if all partitions only ever answer, the normal world can end all that they have begun. */
static void end_a_world(void)
{
	world_enter = well_behaved;
	for (unsigned i = 0; i < CONTEXTS * WORLD_CPUS; i++) {
		world_cpu(i % WORLD_CPUS);
		run_all();
	}
	for (unsigned i = 0; i < WORLD_SPS; i++) {
		for (unsigned n = 0; n < world_sps[i].endpoint.vcpu_count; n++) {
			assert_false(is_resumable(world_sps[i].vcpus[n]));
		}
	}
}

static void play_a_world(void)
{
	world_reset();
	for (unsigned i = 0; i < WORLD_SPS; i++) {
		struct sp_manifest *m = &world_sps[i].manifest;

		world_device(i);
		m->abort_action = SP_ABORT_RESTART;
		m->ns_action = i == USER ? SP_NS_SIGNALED : (enum sp_ns_action)below(3);
		m->managed_exit_virq = below(2) != 0;
		m->other_s_queued = m->ns_action == SP_NS_QUEUED && below(2) != 0;
		m->sri_delayed_waiting = i != USER && below(4) == 0;
		m->sri_delayed_preempted = i != USER && below(4) == 0;
		m->vm_created = below(2) != 0;
		m->power_messages = below(2);
		m->watchdog_us = below(2) != 0 ? 8 + below(20) : 0;
	}
	world_boot();
	for (unsigned i = 0; i < WORLD_SPS; i++) {
		for (unsigned n = 0; n < world_sps[i].endpoint.vcpu_count; n++) {
			world_vcpus[i][n].interrupts.enabled[1] |= 1u << (40 + i - 32);
		}
	}
	world_enter = anything;
	for (unsigned i = 0; i < CALLS_PER_WORLD; i++) {
		world_cpu(below(WORLD_CPUS));
		normal_world();
		if (below(100) == 0 && this_cpu()->index != 0) {
			runs = 0;
			if (power_cpu_off(this_cpu()) == 0) {
				sps_start_on_cpu(this_cpu());
			}
			check_world();
		}
	}
	end_a_world();
}

static void quiet(enum log_level level, const char *text)
{
	(void)level;
	(void)text;
}

static void schedule_survives_anything(void **state)
{
	const char *seed = getenv("SEED");
	const char *rounds = getenv("ROUNDS");
	unsigned count = rounds != NULL ? (unsigned)strtoul(rounds, NULL, 0) : 300;

	(void)state;
	random_state = seed != NULL ? strtoull(seed, NULL, 0) : (uint64_t)time(NULL) * UINT64_C(2654435761);
	random_state |= random_state == 0;
	host_log_hook = getenv("LOUD") != NULL ? NULL : quiet;
	for (unsigned i = 0; i < count; i++) {
		if (i % 100 == 0) {
			printf("SEED=%llu\n", (unsigned long long)random_state);
			fflush(stdout);
		}
		play_a_world();
	}
	host_log_hook = NULL;
	printf("%lu runs, %lu deaths\n", total_runs, deaths);
	assert_true(deaths > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(schedule_survives_anything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
