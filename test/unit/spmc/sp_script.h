/* SPDX-License-Identifier: MIT */
/*
 * Scripts for the partitions of sp_world.h: PLAY() says who runs when, what each sees in its registers and how it comes
 * out; call() is the normal world's. Included by exactly one file of a program.
 */
#ifndef TEST_SP_SCRIPT_H
#define TEST_SP_SCRIPT_H

#include "sp_world.h"

/* One run of a context: who it must be, what it must see in x0..x3 (0: anything), and how it ends. */
struct step {
	struct sp_vcpu *who;
	uint64_t sees[4];
	enum sp_exit exit;
	uint64_t call[8];
	uint32_t irq; /* pending at the GIC when it ends */
	void (*meanwhile)(void); /* what other CPUs do before it ends; it may play a script of its own */
};

static const struct step *script;
static unsigned script_left;

static struct step steps[16];
static uint64_t x[18]; /* the normal world's registers */

static void play_meanwhile(void (*others)(void))
{
	const struct step *rest = script;
	struct step saved[ARRAY_SIZE(steps)];
	uint64_t saved_x[ARRAY_SIZE(x)], pmr = read_icc_pmr_el1();
	unsigned left = script_left, cpu = this_cpu()->index;

	memcpy(saved, steps, sizeof(steps));
	memcpy(saved_x, x, sizeof(x));
	script_left = 0;
	write_icc_pmr_el1(0xf8);
	others();
	assert_int_equal(script_left, 0);
	world_cpu(cpu);
	write_icc_pmr_el1(pmr);
	memcpy(steps, saved, sizeof(steps));
	memcpy(x, saved_x, sizeof(x));
	script = rest;
	script_left = left;
}

static enum sp_exit play(struct sp_vcpu *v)
{
	const struct step *step = script++;

	assert_true(script_left-- > 0);
	assert_ptr_equal(v, step->who);
	for (unsigned i = 0; i < 4; i++) {
		if (step->sees[i] != 0) {
			assert_int_equal(v->cpu.regs.x[i], step->sees[i]);
		}
	}
	if (step->meanwhile != NULL) {
		play_meanwhile(step->meanwhile);
	}
	if (step->exit == SP_EXIT_CALL) {
		memcpy(v->cpu.regs.x, step->call, sizeof(step->call));
	}
	if (step->irq != 0) {
		world_intid = step->irq;
	}
	return step->exit;
}

static void load_script(const struct step *from, unsigned count)
{
	assert_true(count <= ARRAY_SIZE(steps));
	assert_int_equal(script_left, 0);
	memcpy(steps, from, count * sizeof(*from));
	script = steps;
	script_left = count;
	world_enter = play;
}

#define PLAY(...) load_script((struct step[]){ __VA_ARGS__ }, ARRAY_SIZE(((struct step[]){ __VA_ARGS__ })))

#define V(sp, cpu) (&world_vcpus[sp][cpu])
#define IDS(from, to) ((uint64_t)(from) << 16 | (to))
#define ID(sp) (0x8001u + (sp))
#define RESP(sp, to) .exit = SP_EXIT_CALL, .call = { FFA_MSG_SEND_DIRECT_RESP, IDS(ID(sp), to), 0, 7, 8 }
#define REQ(sp, to) .exit = SP_EXIT_CALL, .call = { FFA_MSG_SEND_DIRECT_REQ, IDS(ID(sp), ID(to)), 0, 5, 6 }
#define WAIT .exit = SP_EXIT_CALL, .call = { FFA_MSG_WAIT }

/* The normal world's call with those registers; x8..x17 hold marks. */
static void call(uint64_t x0, uint64_t x1, uint64_t x2, uint64_t x3)
{
	for (unsigned i = 0; i < 18; i++) {
		x[i] = i < 8 ? 0 : 0x900 + i;
	}
	x[0] = x0;
	x[1] = x1;
	x[2] = x2;
	x[3] = x3;
	world_call(x);
	assert_int_equal(script_left, 0);
	assert_null(schedule_of(this_cpu())->current);
	assert_int_equal(read_icc_pmr_el1(), 0xf8);
}

static void assert_error(int code)
{
	assert_int_equal(x[0], FFA_ERROR);
	assert_int_equal((int32_t)x[2], code);
	assert_int_equal(x[2] >> 32, 0);
}

static int setup(void **state)
{
	(void)state;
	world_reset();
	script_left = 0;
	return 0;
}

static int setup_booted(void **state)
{
	setup(state);
	for (unsigned i = 0; i < WORLD_SPS; i++) {
		world_device(i);
	}
	world_boot();
	return 0;
}

#define ENABLE(sp) .exit = SP_EXIT_CALL, .call = { HF_INTERRUPT_ENABLE, 40 + (sp), 1, 0 }

static void enable_interrupt_of(struct sp_vcpu *v, unsigned sp)
{
	PLAY({ v, ENABLE(sp) }, { v, WAIT });
	call(FFA_RUN, IDS(v->sp->endpoint.id, v->cpu.index), 0, 0);
	assert_int_equal(x[0], FFA_MSG_WAIT);
	assert_true(world_enabled[40 + sp]);
}

#endif
