/* SPDX-License-Identifier: MIT */
/* The emulated RTC: time, setting it, and an alarm that any vCPU may move. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <time.h>

#include "abi/pl031.h"
#include "arch/sysreg.h"
#include "dev_host.h"
#include "role/hyp/dev/pl031.h"

#define BASE UINT64_C(0x09010000)
#define INTID 34
#define FREQUENCY UINT64_C(1000000000)

struct fixture {
	struct test_vm *vm;
	struct pl031 *rtc;
};

/* Time passes outside, and the timers of both CPUs run. */
static void advance(struct fixture *f, uint64_t seconds)
{
	clock_now += seconds;
	host_sysreg[HOST_SYSREG_cntpct_el0] += seconds * FREQUENCY;
	for (unsigned i = 0; i < 2; i++) {
		timer_run(&f->vm->cpu[i].timers, host_sysreg[HOST_SYSREG_cntpct_el0]);
	}
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	spi_level[INTID] = false;
	clock_now = 1800000000;
	host_sysreg[HOST_SYSREG_cntfrq_el0] = FREQUENCY;
	host_sysreg[HOST_SYSREG_cntpct_el0] = 12345;
	f->vm = test_vm_new(MIB(1));
	*state = f;
	return pl031_create(&f->vm->vm, ipa(BASE), INTID, &f->rtc) == OK ? 0 : -1;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < 2; i++) {
		pl031_stop_timer(f->rtc, &f->vm->vcpu[i]);
	}
	pl031_destroy(f->rtc);
	test_vm_free(f->vm);
	free(f);
	return pool_objects == 0 ? 0 : -1;
}

static uint32_t reg(struct fixture *f, unsigned offset)
{
	return test_read(f->vm, BASE + offset);
}

static void set(struct fixture *f, unsigned offset, uint32_t value)
{
	test_write(f->vm, BASE + offset, value);
}

/* A write by the second vCPU, on its own CPU. */
static void set_by_other(struct fixture *f, unsigned offset, uint32_t value)
{
	const struct bus_region *region = bus_find(&f->vm->vm.bus, BASE + offset, 4);

	assert_true(region->ops->write(region->device, &f->vm->vcpu[1], offset, 4, value));
}

static void identification_and_widths(void **state)
{
	static const uint8_t id[8] = { 0x31, 0x10, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1 };
	struct fixture *f = *state;
	uint64_t value;

	for (unsigned i = 0; i < 8; i++) {
		assert_int_equal(reg(f, PL031_PERIPH_ID0 + 4 * i), id[i]);
	}
	assert_int_equal(reg(f, PL031_CR), 1);
	assert_int_equal(reg(f, 0x20), 0);
	assert_true(test_access(f->vm, false, BASE + PL031_DR, 1, &value));
	assert_int_equal(value, 1800000000 & 0xff);
	assert_false(test_access(f->vm, false, BASE + PL031_DR, 8, &value));
	assert_false(test_access(f->vm, true, BASE + PL031_LR + 2, 2, &value));
}

static void time_runs_and_can_be_set(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(reg(f, PL031_DR), 1800000000);
	advance(f, 10);
	assert_int_equal(reg(f, PL031_DR), 1800000010);
	set(f, PL031_LR, 1000);
	assert_int_equal(reg(f, PL031_LR), 1000);
	assert_int_equal(reg(f, PL031_DR), 1000);
	advance(f, 5);
	assert_int_equal(reg(f, PL031_DR), 1005);
	set(f, PL031_LR, UINT32_MAX);
	advance(f, 2);
	assert_int_equal(reg(f, PL031_DR), 1);
	set(f, PL031_CR, 0);
	advance(f, 1);
	assert_int_equal(reg(f, PL031_DR), 2);
	pl031_reset(f->rtc);
	assert_int_equal(reg(f, PL031_DR), 1800000018);
}

static void alarm_rings_once(void **state)
{
	struct fixture *f = *state;

	set(f, PL031_IMSC, 1);
	set(f, PL031_MR, 1800000003);
	advance(f, 2);
	assert_false(spi_level[INTID]);
	advance(f, 1);
	assert_true(spi_level[INTID]); /* by the timer: nobody looked at a register */
	assert_int_equal(reg(f, PL031_RIS), 1);
	assert_int_equal(reg(f, PL031_MIS), 1);
	set(f, PL031_ICR, 0);
	assert_true(spi_level[INTID]);
	set(f, PL031_ICR, 1);
	assert_false(spi_level[INTID]);
	advance(f, 100);
	assert_int_equal(reg(f, PL031_RIS), 0);
}

static void alarm_now_past_and_masked(void **state)
{
	struct fixture *f = *state;

	set(f, PL031_MR, 1800000000);
	assert_int_equal(reg(f, PL031_RIS), 1);
	assert_int_equal(reg(f, PL031_MIS), 0);
	assert_false(spi_level[INTID]);
	set(f, PL031_IMSC, 0xff);
	assert_int_equal(reg(f, PL031_IMSC), 1);
	assert_true(spi_level[INTID]);
	set(f, PL031_IMSC, 0);
	assert_false(spi_level[INTID]);
	set(f, PL031_ICR, 1);
	set(f, PL031_MR, 1799999999); /* passed: comes round in 136 years */
	advance(f, 1000);
	assert_int_equal(reg(f, PL031_RIS), 0);
	advance(f, UINT64_C(0x100000000) - 1001);
	assert_int_equal(reg(f, PL031_RIS), 1);
}

/* The alarm came, the timer has not gone off yet, and the guest sets the next one. */
static void alarm_is_not_lost_by_setting_the_next(void **state)
{
	struct fixture *f = *state;

	set(f, PL031_MR, 1800000003);
	clock_now += 4;
	set(f, PL031_MR, 1800000100);
	assert_int_equal(reg(f, PL031_RIS), 1);
}

static void setting_the_time_moves_the_alarm(void **state)
{
	struct fixture *f = *state;

	set(f, PL031_IMSC, 1);
	set(f, PL031_MR, 1800000100);
	set(f, PL031_LR, 1800000095);
	advance(f, 4);
	assert_false(spi_level[INTID]);
	advance(f, 1);
	assert_true(spi_level[INTID]);
}

/* The timer in the first CPU's queue goes off for nothing, or finds the alarm of the second. */
static void alarm_moved_by_another_vcpu(void **state)
{
	struct fixture *f = *state;

	set(f, PL031_IMSC, 1);
	set(f, PL031_MR, 1800000010);
	set_by_other(f, PL031_MR, 1800000020);
	advance(f, 10);
	assert_false(spi_level[INTID]);
	advance(f, 10);
	assert_true(spi_level[INTID]);
	set(f, PL031_ICR, 1);
	set(f, PL031_MR, 1800000040);
	set_by_other(f, PL031_MR, 1800000025);
	advance(f, 5);
	assert_true(spi_level[INTID]);
	set(f, PL031_ICR, 1);
	advance(f, 100);
	assert_false(spi_level[INTID]);
}

static void reset_silences_it(void **state)
{
	struct fixture *f = *state;

	set(f, PL031_IMSC, 1);
	set(f, PL031_MR, 1800000000);
	assert_true(spi_level[INTID]);
	set(f, PL031_MR, 1800000005);
	pl031_reset(f->rtc);
	assert_false(spi_level[INTID]);
	set(f, PL031_IMSC, 1);
	advance(f, 10);
	assert_false(spi_level[INTID]);
	assert_int_equal(reg(f, PL031_MR), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(identification_and_widths),
		TEST(time_runs_and_can_be_set),
		TEST(alarm_rings_once),
		TEST(alarm_now_past_and_masked),
		TEST(alarm_is_not_lost_by_setting_the_next),
		TEST(setting_the_time_moves_the_alarm),
		TEST(alarm_moved_by_another_vcpu),
		TEST(reset_silences_it),
	};

	random_seed((uint64_t)time(NULL));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
