/* SPDX-License-Identifier: MIT */
#include "cmocka_main.h"

#include "core/vcpu/ptimer.h"

#include "vcpu_fixture.h"

#define ENABLE 1u
#define IMASK 2u
#define ISTATUS 4u

static struct vcpu *const v = &fx.v;

static int setup(void **state)
{
	(void)state;
	fixture_reset();
	ptimer_init(v);
	fx.now = 1000;
	return 0;
}

static void ptimer_fires_at_its_deadline(void **state)
{
	(void)state;
	ptimer_write_cval(v, 2000);
	ptimer_write_ctl(v, ENABLE);
	assert_int_equal(fx.ppi_intid, 30);
	assert_false(fx.ppi_level);
	assert_int_equal(timer_next(&fx.cpu.timers), 2000);
	assert_int_equal(fx.timer_programs, 2);
	fx.now = 1999;
	timer_run(&fx.cpu.timers, fx.now);
	assert_false(fx.ppi_level);
	fx.now = 2000;
	timer_run(&fx.cpu.timers, fx.now);
	assert_true(fx.ppi_level);
	assert_int_equal(ptimer_read_ctl(v), ENABLE | ISTATUS);
	assert_false(timer_running(&v->ptimer));
	/* A level: it falls when the condition does. */
	ptimer_write_cval(v, 3000);
	assert_false(fx.ppi_level);
	assert_int_equal(timer_next(&fx.cpu.timers), 3000);
}

static void ptimer_in_the_past_is_due_at_once(void **state)
{
	(void)state;
	ptimer_write_ctl(v, ENABLE);
	assert_true(fx.ppi_level);
	assert_false(timer_running(&v->ptimer));
	ptimer_write_ctl(v, ENABLE | IMASK);
	assert_false(fx.ppi_level);
	assert_int_equal(ptimer_read_ctl(v), ENABLE | IMASK | ISTATUS);
	ptimer_write_ctl(v, 0);
	assert_int_equal(ptimer_read_ctl(v), 0);
}

static void ptimer_masked_or_disabled_has_no_deadline(void **state)
{
	(void)state;
	ptimer_write_cval(v, 2000);
	assert_false(timer_running(&v->ptimer));
	ptimer_write_ctl(v, ENABLE | IMASK);
	assert_false(timer_running(&v->ptimer));
	/* Unmasked after it became due. */
	fx.now = 2500;
	ptimer_write_ctl(v, ENABLE);
	assert_true(fx.ppi_level);
}

static void ptimer_tval_is_32_bits_signed(void **state)
{
	(void)state;
	ptimer_write_tval(v, 0xffffffff);
	assert_int_equal(ptimer_read_cval(v), 999);
	assert_int_equal(ptimer_read_tval(v), 0xffffffff);
	ptimer_write_tval(v, UINT64_C(0x123400000010));
	assert_int_equal(ptimer_read_cval(v), 1016);
	fx.now = 1020;
	assert_int_equal(ptimer_read_tval(v), 0xfffffffc);
	/* The sum wraps as the hardware's does. */
	fx.now = 5;
	ptimer_write_tval(v, 0x80000000);
	assert_int_equal(ptimer_read_cval(v), UINT64_C(0xffffffff80000005));
}

static void ptimer_keeps_its_register_bits_only(void **state)
{
	(void)state;
	ptimer_write_cval(v, UINT64_MAX);
	ptimer_write_ctl(v, UINT64_MAX);
	assert_int_equal(ptimer_read_ctl(v), ENABLE | IMASK);
}

static void ptimer_reset_stops_it(void **state)
{
	(void)state;
	ptimer_write_ctl(v, ENABLE);
	assert_true(fx.ppi_level);
	ptimer_reset(v);
	assert_false(fx.ppi_level);
	assert_int_equal(ptimer_read_ctl(v), 0);
	ptimer_write_cval(v, 5000);
	ptimer_write_ctl(v, ENABLE);
	ptimer_reset(v);
	assert_int_equal(timer_next(&fx.cpu.timers), UINT64_MAX);
}

/* Line, status and deadline against what the registers say, at every step. */
static void ptimer_matches_its_registers(void **state)
{
	uint64_t cval = 0;
	unsigned ctl = 0;

	(void)state;
	random_seed();
	for (unsigned step = 0; step < 50000; step++) {
		switch (random_below(4)) {
		case 0:
			ctl = random_below(4);
			ptimer_write_ctl(v, ctl);
			break;
		case 1:
			cval = fx.now + random_below(40) - 20;
			ptimer_write_cval(v, cval);
			break;
		case 2:
			cval = fx.now + random_below(30);
			ptimer_write_tval(v, cval - fx.now);
			break;
		default:
			fx.now += random_below(15);
			timer_run(&fx.cpu.timers, fx.now);
			break;
		}
		bool met = (ctl & ENABLE) != 0 && fx.now >= cval;

		assert_int_equal(fx.ppi_level, met && (ctl & IMASK) == 0);
		assert_int_equal(ptimer_read_ctl(v), ctl | (met ? ISTATUS : 0));
		assert_int_equal(timer_running(&v->ptimer), ctl == ENABLE && !met);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(ptimer_fires_at_its_deadline, setup),
		cmocka_unit_test_setup(ptimer_in_the_past_is_due_at_once, setup),
		cmocka_unit_test_setup(ptimer_masked_or_disabled_has_no_deadline, setup),
		cmocka_unit_test_setup(ptimer_tval_is_32_bits_signed, setup),
		cmocka_unit_test_setup(ptimer_keeps_its_register_bits_only, setup),
		cmocka_unit_test_setup(ptimer_reset_stops_it, setup),
		cmocka_unit_test_setup(ptimer_matches_its_registers, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
