/* SPDX-License-Identifier: MIT */
/*
 * Chains of calls that an interrupt, a death or another CPU takes apart: whatever comes to rest, somebody can run on.
 * And the watchdog, whose clock a partition cannot wind up by itself.
 */
#include "sp_script.h"

#define CALLX(...) .exit = SP_EXIT_CALL, .call = { __VA_ARGS__ }
#define RUN(sp) CALLX(FFA_RUN, IDS(ID(sp), 0))
#define GET CALLX(HF_INTERRUPT_GET)
#define SEES_ERROR(code) .sees = { FFA_ERROR, 0, (uint32_t)(code) }

static int setup_chain(void **state)
{
	setup_booted(state);
	enable_interrupt_of(V(UP, 0), UP);
	return 0;
}

/* up calls old, which calls mp, which is interrupted for up: that one has the CPU, and has fetched its interrupt. */
#define SUSPENDED_CHAIN                                                                                             \
	{ V(UP, 0), REQ(UP, OLD) }, { V(OLD, 0), REQ(OLD, MP) }, { V(MP, 0), .exit = SP_EXIT_IRQ, .irq = 40 + UP }, \
	{                                                                                                           \
		V(UP, 0), .sees = { FFA_INTERRUPT, IDS(ID(OLD), 0) }, GET                                           \
	}

/* The normal world calls up. */
static void call_up(void)
{
	call(FFA_MSG_SEND_DIRECT_REQ, IDS(0, ID(UP)), 0, 0);
}

static void run(unsigned sp, unsigned vcpu)
{
	call(FFA_RUN, IDS(ID(sp), vcpu), 0, 0);
}

/* All three wait, and serve the next request as if nothing had been. */
static void assert_all_serve(void)
{
	assert_int_equal(V(MP, 0)->state, SP_WAITING);
	assert_int_equal(V(OLD, 0)->state, SP_WAITING);
	PLAY({ V(UP, 0), REQ(UP, OLD) }, { V(OLD, 0), REQ(OLD, MP) }, { V(MP, 0), RESP(MP, ID(OLD)) },
	     { V(OLD, 0), RESP(OLD, ID(UP)) }, { V(UP, 0), RESP(UP, 0) });
	call_up();
	assert_int_equal(x[0], FFA_MSG_SEND_DIRECT_RESP);
}

/* ---- the way back ---- */

static void chain_way_back_outlasts_another_interrupt(void **state)
{
	(void)state;
	PLAY(SUSPENDED_CHAIN, { V(UP, 0), .exit = SP_EXIT_IRQ, .irq = 40 + USER },
	     { V(USER, 0), .sees = { FFA_INTERRUPT, 0, 40 + USER }, WAIT }, { V(UP, 0), RUN(OLD) },
	     { V(MP, 0), RESP(MP, ID(OLD)) },
	     { V(OLD, 0), .sees = { FFA_MSG_SEND_DIRECT_RESP, IDS(ID(MP), ID(OLD)) }, RESP(OLD, ID(UP)) },
	     { V(UP, 0), .sees = { FFA_MSG_SEND_DIRECT_RESP, IDS(ID(OLD), ID(UP)) }, RESP(UP, 0) });
	call_up();
	assert_all_serve();
}

static void chain_way_back_outlasts_a_request(void **state)
{
	(void)state;
	PLAY(SUSPENDED_CHAIN, { V(UP, 0), REQ(UP, OLD) }, { V(UP, 0), SEES_ERROR(FFA_BUSY), REQ(UP, USER) },
	     { V(USER, 0), RESP(USER, ID(UP)) }, { V(UP, 0), RUN(MP) }, { V(UP, 0), SEES_ERROR(FFA_DENIED), RUN(OLD) },
	     { V(MP, 0), RESP(MP, ID(OLD)) }, { V(OLD, 0), RESP(OLD, ID(UP)) }, { V(UP, 0), RESP(UP, 0) });
	call_up();
	assert_all_serve();
}

/* The Non-secure interrupt or FFA_YIELD takes 'up' off the CPU, and it comes back on that CPU. */
static void chain_way_back_outlasts_its_owner_at_rest(void **state)
{
	(void)state;
	PLAY(SUSPENDED_CHAIN, { V(UP, 0), .exit = SP_EXIT_FIQ });
	call_up();
	assert_int_equal(x[0], FFA_INTERRUPT);
	run(OLD, 0);
	assert_error(FFA_DENIED);
	run(MP, 0);
	assert_error(FFA_DENIED);
	PLAY({ V(UP, 0), CALLX(FFA_YIELD) });
	run(UP, 0);
	assert_int_equal(x[0], FFA_YIELD);
	PLAY({ V(UP, 0), .sees = { FFA_SUCCESS }, RUN(OLD) }, { V(MP, 0), RESP(MP, ID(OLD)) },
	     { V(OLD, 0), RESP(OLD, ID(UP)) }, { V(UP, 0), RESP(UP, 0) });
	run(UP, 0);
	assert_int_equal(x[0], FFA_MSG_SEND_DIRECT_RESP);
	assert_all_serve();
}

/* Those that migrate come along with it; one that is pinned does not, and goes on where it belongs. */
static void chain_goes_on_where_it_may(void **state)
{
	(void)state;
	PLAY(SUSPENDED_CHAIN, { V(UP, 0), .exit = SP_EXIT_FIQ });
	call_up();
	world_cpu(1);
	PLAY({ V(UP, 0), RUN(OLD) }, { V(UP, 0), SEES_ERROR(FFA_DENIED), .exit = SP_EXIT_FIQ });
	run(UP, 0);
	assert_int_equal(x[0], FFA_INTERRUPT);
	assert_int_equal(V(OLD, 0)->state, SP_SUSPENDED);
	world_cpu(0);
	PLAY({ V(UP, 0), RUN(OLD) }, { V(MP, 0), RESP(MP, ID(OLD)) }, { V(OLD, 0), RESP(OLD, ID(UP)) },
	     { V(UP, 0), RESP(UP, 0) });
	run(UP, 0);
	assert_int_equal(x[0], FFA_MSG_SEND_DIRECT_RESP);
	assert_all_serve();

	PLAY({ V(UP, 0), REQ(UP, OLD) }, { V(OLD, 0), REQ(OLD, USER) },
	     { V(USER, 0), .exit = SP_EXIT_IRQ, .irq = 40 + UP }, { V(UP, 0), GET }, { V(UP, 0), .exit = SP_EXIT_FIQ });
	call_up();
	world_cpu(2);
	PLAY({ V(UP, 0), RUN(OLD) }, { V(USER, 0), RESP(USER, ID(OLD)) }, { V(OLD, 0), RESP(OLD, ID(UP)) },
	     { V(UP, 0), RESP(UP, 0) });
	run(UP, 0);
	assert_int_equal(x[0], FFA_MSG_SEND_DIRECT_RESP);
	world_cpu(0);
	assert_all_serve();
}

/* Its owner answers and leaves the chain behind: the normal world runs it on, and hears when it is through. */
static void chain_left_behind_is_the_normal_worlds(void **state)
{
	(void)state;
	PLAY(SUSPENDED_CHAIN, { V(UP, 0), RESP(UP, 0) });
	call_up();
	assert_int_equal(x[0], FFA_MSG_SEND_DIRECT_RESP);
	call(FFA_MSG_SEND_DIRECT_REQ, IDS(0, ID(OLD)), 0, 0);
	assert_error(FFA_BUSY);
	run(MP, 0);
	assert_error(FFA_DENIED); /* it is old's, which waits for it */
	PLAY({ V(MP, 0), .exit = SP_EXIT_FIQ }, { V(OLD, 0), .sees = { FFA_INTERRUPT }, .exit = SP_EXIT_FIQ });
	run(OLD, 0);
	assert_int_equal(x[0], FFA_INTERRUPT);
	assert_int_equal(x[1], IDS(ID(OLD), 0));
	PLAY({ V(OLD, 0), RUN(MP) }, { V(MP, 0), RESP(MP, ID(OLD)) }, { V(OLD, 0), RESP(OLD, ID(UP)) });
	run(OLD, 0);
	assert_int_equal(x[0], FFA_MSG_WAIT);
	assert_all_serve();
}

static void chain_of_the_dead_is_the_normal_worlds(void **state)
{
	(void)state;
	PLAY(SUSPENDED_CHAIN, { V(UP, 0), .exit = SP_EXIT_ABORT });
	call_up();
	assert_error(FFA_ABORTED);
	PLAY({ V(MP, 0), RESP(MP, ID(OLD)) }, { V(OLD, 0), RESP(OLD, ID(UP)) });
	run(OLD, 0);
	assert_int_equal(x[0], FFA_MSG_WAIT);
	assert_int_equal(V(MP, 0)->state, SP_WAITING);
	assert_int_equal(V(OLD, 0)->state, SP_WAITING);
}

/* The one that lost a context begins anew and knows nothing of it. */
static void chain_of_the_restarted_is_the_normal_worlds(void **state)
{
	(void)state;
	world_sps[UP].manifest.abort_action = SP_ABORT_RESTART;
	PLAY({ V(UP, 0), REQ(UP, OLD) }, { V(OLD, 0), .exit = SP_EXIT_FIQ }, { V(UP, 0), .exit = SP_EXIT_ABORT },
	     { V(UP, 0), WAIT });
	call_up();
	assert_error(FFA_ABORTED);
	assert_int_equal(V(UP, 0)->state, SP_WAITING);
	assert_int_equal(V(OLD, 0)->state, SP_PREEMPTED);
	PLAY({ V(OLD, 0), RESP(OLD, ID(UP)) });
	run(OLD, 0);
	assert_int_equal(x[0], FFA_MSG_WAIT);
	assert_all_serve();
}

/* ---- deaths within ---- */

static void other_context_of_mp_dies(void)
{
	world_cpu(1);
	PLAY({ V(MP, 1), .exit = SP_EXIT_ABORT });
	call(FFA_MSG_SEND_DIRECT_REQ, IDS(0, ID(MP)), 0, 0);
	assert_error(FFA_ABORTED);
	assert_int_equal(world_sps[MP].stopped, WORLD_CPUS);
}

static void chain_end_dies(void **state)
{
	(void)state;
	PLAY(SUSPENDED_CHAIN, { V(UP, 0), .meanwhile = other_context_of_mp_dies, RUN(OLD) },
	     { V(OLD, 0), SEES_ERROR(FFA_ABORTED), RESP(OLD, ID(UP)) }, { V(UP, 0), RESP(UP, 0) });
	call_up();
	assert_int_equal(x[0], FFA_MSG_SEND_DIRECT_RESP);
}

static void chain_first_dies(void **state)
{
	(void)state;
	PLAY({ V(UP, 0), REQ(UP, MP) }, { V(MP, 0), REQ(MP, OLD) }, { V(OLD, 0), .exit = SP_EXIT_IRQ, .irq = 40 + UP },
	     { V(UP, 0), GET }, { V(UP, 0), .meanwhile = other_context_of_mp_dies, RUN(MP) },
	     { V(UP, 0), SEES_ERROR(FFA_ABORTED), RUN(OLD) }, { V(UP, 0), SEES_ERROR(FFA_DENIED), RESP(UP, 0) });
	call_up();
	PLAY({ V(OLD, 0), RESP(OLD, ID(MP)) });
	run(OLD, 0);
	assert_int_equal(x[0], FFA_MSG_WAIT);
	assert_int_equal(V(OLD, 0)->state, SP_WAITING);
}

/* Within a life of its own again, it is not what was called before. */
static void chain_end_is_restarted(void **state)
{
	(void)state;
	world_sps[MP].manifest.abort_action = SP_ABORT_RESTART;
	PLAY(SUSPENDED_CHAIN, { V(UP, 0), .exit = SP_EXIT_FIQ });
	call_up();
	world_cpu(1);
	PLAY({ V(MP, 1), .exit = SP_EXIT_ABORT }, { V(MP, 1), WAIT });
	call(FFA_MSG_SEND_DIRECT_REQ, IDS(0, ID(MP)), 0, 0);
	assert_error(FFA_ABORTED);
	assert_int_equal(V(MP, 0)->state, SP_OFF);
	world_cpu(0);
	PLAY({ V(UP, 0), RUN(OLD) }, { V(OLD, 0), SEES_ERROR(FFA_ABORTED), RESP(OLD, ID(UP)) },
	     { V(UP, 0), RESP(UP, 0) });
	run(UP, 0);
	assert_int_equal(x[0], FFA_MSG_SEND_DIRECT_RESP);
}

/* And in that life it is in another's chain, which has been taken apart too. */
static void chain_end_is_suspended_again(void **state)
{
	(void)state;
	enable_interrupt_of(V(OLD, 0), OLD);
	world_sps[MP].manifest.abort_action = SP_ABORT_RESTART;
	PLAY({ V(UP, 0), REQ(UP, USER) }, { V(USER, 0), REQ(USER, MP) },
	     { V(MP, 0), .exit = SP_EXIT_IRQ, .irq = 40 + UP }, { V(UP, 0), GET }, { V(UP, 0), .exit = SP_EXIT_FIQ });
	call_up();
	world_cpu(1);
	PLAY({ V(MP, 1), .exit = SP_EXIT_ABORT }, { V(MP, 1), WAIT });
	call(FFA_MSG_SEND_DIRECT_REQ, IDS(0, ID(MP)), 0, 0);
	world_cpu(0);
	PLAY({ V(OLD, 0), REQ(OLD, MP) }, { V(MP, 0), WAIT }, { V(OLD, 0), SEES_ERROR(FFA_BUSY), REQ(OLD, MP) },
	     { V(MP, 0), .exit = SP_EXIT_IRQ, .irq = 40 + OLD }, { V(OLD, 0), GET },
	     { V(OLD, 0), .exit = SP_EXIT_FIQ });
	call(FFA_MSG_SEND_DIRECT_REQ, IDS(0, ID(OLD)), 0, 0);
	assert_int_equal(V(MP, 0)->state, SP_SUSPENDED);
	PLAY({ V(UP, 0), RUN(USER) }, { V(USER, 0), SEES_ERROR(FFA_ABORTED), RESP(USER, ID(UP)) },
	     { V(UP, 0), RESP(UP, 0) });
	run(UP, 0);
	assert_int_equal(x[0], FFA_MSG_SEND_DIRECT_RESP);
	assert_int_equal(V(MP, 0)->state, SP_SUSPENDED);
	PLAY({ V(OLD, 0), RUN(MP) }, { V(MP, 0), RESP(MP, ID(OLD)) }, { V(OLD, 0), RESP(OLD, 0) });
	run(OLD, 0);
	assert_int_equal(x[0], FFA_MSG_SEND_DIRECT_RESP);
}

/*
 * mp, between up and old, dies by its other context; old is run on by the normal world on CPU 1, and serves user there
 * when up wants its chain back on CPU 0: it may not have old, which is in another's chain.
 */
static void up_wants_its_chain(void)
{
	world_cpu(0);
	memcpy(V(UP, 0)->cpu.regs.x, (uint64_t[8]){ FFA_RUN, IDS(ID(MP), 0) }, 64);
	call_from_sp(schedule_of(&world_cpus[0]), V(UP, 0));
	assert_ptr_equal(schedule_of(&world_cpus[0])->current, V(UP, 0));
	assert_int_equal((int32_t)V(UP, 0)->cpu.regs.x[2], FFA_ABORTED);
	assert_int_equal(V(OLD, 0)->state, SP_PREEMPTED);
}

static void old_gets_into_another_chain(void)
{
	other_context_of_mp_dies();
	PLAY({ V(OLD, 0), RESP(OLD, ID(MP)) });
	run(OLD, 0);
	assert_int_equal(x[0], FFA_MSG_WAIT);
	PLAY({ V(USER, 0), REQ(USER, OLD) }, { V(OLD, 0), .exit = SP_EXIT_FIQ },
	     { V(USER, 0), .meanwhile = up_wants_its_chain, RUN(OLD) }, { V(OLD, 0), RESP(OLD, ID(USER)) },
	     { V(USER, 0), RESP(USER, 0) });
	call(FFA_MSG_SEND_DIRECT_REQ, IDS(0, ID(USER)), 0, 0);
	assert_int_equal(x[0], FFA_MSG_SEND_DIRECT_RESP);
}

static void chain_is_not_anothers(void **state)
{
	(void)state;
	PLAY({ V(UP, 0), REQ(UP, MP) }, { V(MP, 0), REQ(MP, OLD) }, { V(OLD, 0), .exit = SP_EXIT_IRQ, .irq = 40 + UP },
	     { V(UP, 0), GET }, { V(UP, 0), .meanwhile = old_gets_into_another_chain, RESP(UP, 0) });
	call_up();
	assert_int_equal(x[0], FFA_MSG_SEND_DIRECT_RESP);
}

/* While mp is BLOCKED, its partition dead already, what it lost is not the normal world's. */
static void dies_elsewhere(void)
{
	world_cpu(1);
	PLAY({ V(MP, 1), .exit = SP_EXIT_ABORT });
	call(FFA_MSG_SEND_DIRECT_REQ, IDS(0, ID(MP)), 0, 0);
	assert_error(FFA_ABORTED);
	assert_int_equal(world_sps[MP].stopped, WORLD_CPUS - 1);
	run(OLD, 0);
	assert_error(FFA_DENIED);
}

static void chain_of_one_that_must_stop(void **state)
{
	(void)state;
	PLAY({ V(MP, 0), REQ(MP, OLD) }, { V(OLD, 0), .exit = SP_EXIT_FIQ }, { V(MP, 0), REQ(MP, UP) },
	     { V(UP, 0), .meanwhile = dies_elsewhere, RESP(UP, ID(MP)) });
	call(FFA_MSG_SEND_DIRECT_REQ, IDS(0, ID(MP)), 0, 0);
	assert_error(FFA_ABORTED);
	assert_int_equal(world_sps[MP].stopped, WORLD_CPUS);
	PLAY({ V(OLD, 0), RESP(OLD, ID(MP)) });
	run(OLD, 0);
	assert_int_equal(x[0], FFA_MSG_WAIT);
}

/* The partition dies in the moment that one of its contexts is claimed, and put back: that one stops too. */
static void chain_unclaimed_notices_an_abort(void **state)
{
	struct schedule *s = schedule_of(&world_cpus[0]);

	(void)state;
	PLAY({ V(UP, 0), REQ(UP, MP) }, { V(MP, 0), .exit = SP_EXIT_FIQ }, { V(UP, 0), .exit = SP_EXIT_FIQ });
	call_up();
	assert_true(schedule_claim(s, V(MP, 0), SP_PREEMPTED));
	world_cpu(1);
	PLAY({ V(MP, 1), .exit = SP_EXIT_ABORT });
	call(FFA_MSG_SEND_DIRECT_REQ, IDS(0, ID(MP)), 0, 0);
	assert_int_equal(world_sps[MP].stopped, WORLD_CPUS - 1);
	world_cpu(0);
	schedule_unclaim(s, V(MP, 0), SP_PREEMPTED);
	assert_int_equal(V(MP, 0)->state, SP_ABORTED);
	assert_int_equal(world_sps[MP].stopped, WORLD_CPUS);
}

/* Whatever it does on another CPU, a context there hears of an interrupt. */
static void chain_everyone_is_kicked(void **state)
{
	static const uint8_t states[] = { SP_RUNNING, SP_BLOCKED, SP_INTERRUPTED, SP_PREEMPTED, SP_SUSPENDED };
	struct sp_vcpu *v = V(MP, 2);

	(void)state;
	v->interrupts.enabled[0] |= 1u << FFA_INTID_IPI;
	for (unsigned i = 0; i < ARRAY_SIZE(states); i++) {
		v->state = states[i];
		world_cpus[2].attention = 0;
		assert_true(sp_interrupt_set(v, FFA_INTID_IPI));
		assert_int_equal(world_kicks, i + 1);
		interrupt_clear(v, FFA_INTID_IPI);
	}
	v->state = SP_WAITING;
}

/* ---- the watchdog ---- */

#define TICKS 100
#define RUNS_MAX 1000

static unsigned runs;

/* A tick goes by. True if EL2's timer interrupts. */
static bool tick(void)
{
	assert_true(runs++ < RUNS_MAX);
	write_cntpct_el0(read_cntpct_el0() + 1);
	if (timer_next(&this_cpu()->timers) > read_cntpct_el0()) {
		return false;
	}
	world_intid = WORLD_TIMER;
	return true;
}

static void with_watchdog(unsigned sp)
{
	world_sps[sp].watchdog_ticks = TICKS;
	runs = 0;
}

/* up calls old without end. */
static enum sp_exit call_without_end(struct sp_vcpu *v)
{
	uint64_t *r = v->cpu.regs.x;

	if (tick()) {
		return SP_EXIT_IRQ;
	}
	memset(r, 0, 8 * sizeof(*r));
	r[0] = v == V(UP, 0) ? FFA_MSG_SEND_DIRECT_REQ : FFA_MSG_SEND_DIRECT_RESP;
	r[1] = v == V(UP, 0) ? IDS(ID(UP), ID(OLD)) : IDS(ID(OLD), ID(UP));
	return SP_EXIT_CALL;
}

static void watchdog_goes_on_while_others_work(void **state)
{
	(void)state;
	with_watchdog(UP);
	with_watchdog(OLD);
	world_enter = call_without_end;
	call_up();
	assert_error(FFA_ABORTED);
	assert_in_range(runs, TICKS, TICKS + 2);
	assert_int_equal(V(UP, 0)->state, SP_ABORTED);
	assert_int_equal(V(OLD, 0)->state, SP_WAITING); /* it did nothing wrong */
}

/*
 * old, called by up, is interrupted for user, which works for long as often as 'interruptions' says: the clocks of
 * both stand still meanwhile, and do not begin anew.
 */
static unsigned interruptions;

static enum sp_exit be_interrupted(struct sp_vcpu *v)
{
	uint64_t *r = v->cpu.regs.x;

	if (v == V(USER, 0)) {
		write_cntpct_el0(read_cntpct_el0() + 10 * TICKS);
		ffa_answer(r, FFA_MSG_WAIT);
		return SP_EXIT_CALL;
	}
	if (tick()) {
		return SP_EXIT_IRQ;
	}
	if (v == V(OLD, 0) && interruptions > 0) {
		interruptions--;
		world_intid = 40 + USER;
		return SP_EXIT_IRQ;
	}
	if (v == V(OLD, 0)) {
		ffa_answer(r, FFA_MSG_SEND_DIRECT_RESP);
		r[1] = IDS(ID(OLD), ID(UP));
	} else if (r[0] == FFA_MSG_SEND_DIRECT_REQ) {
		r[1] = IDS(ID(UP), ID(OLD));
	} else {
		ffa_answer(r, FFA_MSG_SEND_DIRECT_RESP);
		r[1] = IDS(ID(UP), 0);
	}
	return SP_EXIT_CALL;
}

static void watchdog_stands_still_for_an_interrupt(void **state)
{
	(void)state;
	with_watchdog(UP);
	with_watchdog(OLD);
	world_enter = be_interrupted;
	interruptions = TICKS - 10;
	call_up();
	assert_int_equal(x[0], FFA_MSG_SEND_DIRECT_RESP);
	runs = 0;
	interruptions = RUNS_MAX;
	call_up();
	/* old is stopped, and then up, whose time is over too. */
	assert_error(FFA_ABORTED);
	assert_in_range(runs, TICKS, TICKS + 3);
	assert_int_equal(V(OLD, 0)->state, SP_ABORTED);
}

/* Whenever up would wait, another interrupt is there for it. */
static enum sp_exit interrupt_itself(struct sp_vcpu *v)
{
	uint64_t *r = v->cpu.regs.x;

	if (tick()) {
		return SP_EXIT_IRQ;
	}
	if (runs % 2 != 0) {
		r[0] = HF_INTERRUPT_GET;
		return SP_EXIT_CALL;
	}
	sp_interrupt_set(v, FFA_INTID_VTIMER);
	ffa_answer(r, FFA_MSG_WAIT);
	return SP_EXIT_CALL;
}

static void watchdog_is_not_wound_up_by_interrupts(void **state)
{
	(void)state;
	with_watchdog(UP);
	V(UP, 0)->interrupts.enabled[0] |= 1u << FFA_INTID_VTIMER;
	world_enter = interrupt_itself;
	run(UP, 0);
	assert_int_equal(x[0], FFA_MSG_WAIT);
	assert_int_equal(V(UP, 0)->state, SP_ABORTED);
	assert_in_range(runs, TICKS, 2 * TICKS + 4);
}

static enum sp_exit handle_for_long(struct sp_vcpu *v)
{
	write_cntpct_el0(read_cntpct_el0() + TICKS * 3 / 4);
	ffa_answer(v->cpu.regs.x, FFA_MSG_WAIT);
	return SP_EXIT_CALL;
}

/* Each time that the normal world has had the CPU in between, on whichever it is. */
static void watchdog_is_wound_up_by_the_normal_world(void **state)
{
	(void)state;
	with_watchdog(USER);
	world_enter = handle_for_long;
	for (unsigned i = 0; i < 20; i++) {
		world_cpu(i / 3 % WORLD_CPUS);
		world_intid = 40 + USER;
		call(FFA_INTERRUPT, 0, 0, 0);
		assert_int_equal(x[0], FFA_NORMAL_WORLD_RESUME);
		assert_int_equal(V(USER, 0)->state, SP_WAITING);
		assert_null(timer_first(&this_cpu()->timers));
	}
}

/* It dies whenever it has initialized itself. */
static enum sp_exit die_and_return(struct sp_vcpu *v)
{
	assert_true(runs++ < RUNS_MAX);
	if (v->model != SP_MODEL_INIT) {
		return SP_EXIT_ABORT;
	}
	V(UP, 0)->interrupts.enabled[0] |= 1u << FFA_INTID_VTIMER;
	sp_interrupt_set(v, FFA_INTID_VTIMER);
	ffa_answer(v->cpu.regs.x, FFA_MSG_WAIT);
	return SP_EXIT_CALL;
}

static void watchdog_restarts_end(void **state)
{
	(void)state;
	world_sps[UP].manifest.abort_action = SP_ABORT_RESTART;
	runs = 0;
	world_enter = die_and_return;
	call_up();
	assert_error(FFA_ABORTED);
	assert_in_range(runs, 2, 4);
	call_up();
	assert_error(FFA_ABORTED);
	assert_int_equal(V(UP, 0)->state, SP_ABORTED);
}

static void watchdog_restarts_go_on(void **state)
{
	(void)state;
	world_sps[UP].manifest.abort_action = SP_ABORT_RESTART;
	for (unsigned i = 0; i < 20; i++) {
		PLAY({ V(UP, 0), .exit = SP_EXIT_ABORT }, { V(UP, 0), WAIT });
		call_up();
		assert_error(FFA_ABORTED);
	}
	PLAY({ V(UP, 0), RESP(UP, 0) });
	call_up();
	assert_int_equal(x[0], FFA_MSG_SEND_DIRECT_RESP);
}

#define CHAIN(name) cmocka_unit_test_setup(name, setup_chain)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CHAIN(chain_way_back_outlasts_another_interrupt),
		CHAIN(chain_way_back_outlasts_a_request),
		CHAIN(chain_way_back_outlasts_its_owner_at_rest),
		CHAIN(chain_goes_on_where_it_may),
		CHAIN(chain_left_behind_is_the_normal_worlds),
		CHAIN(chain_of_the_dead_is_the_normal_worlds),
		CHAIN(chain_of_the_restarted_is_the_normal_worlds),
		CHAIN(chain_end_dies),
		CHAIN(chain_first_dies),
		CHAIN(chain_end_is_restarted),
		CHAIN(chain_end_is_suspended_again),
		CHAIN(chain_is_not_anothers),
		CHAIN(chain_of_one_that_must_stop),
		CHAIN(chain_unclaimed_notices_an_abort),
		CHAIN(chain_everyone_is_kicked),
		CHAIN(watchdog_goes_on_while_others_work),
		CHAIN(watchdog_stands_still_for_an_interrupt),
		CHAIN(watchdog_is_not_wound_up_by_interrupts),
		CHAIN(watchdog_is_wound_up_by_the_normal_world),
		CHAIN(watchdog_restarts_end),
		CHAIN(watchdog_restarts_go_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
