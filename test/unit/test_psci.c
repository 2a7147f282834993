/* SPDX-License-Identifier: MIT */
#include "cmocka_main.h"

#include <pthread.h>
#include <sched.h>

#include "abi/psci.h"
#include "abi/smccc.h"
#include "arch/atomic.h"
#include "role/hyp/psci.h"
#include "role/hyp/vm_ops.h"

#include "vcpu_fixture.h"

#define VCPUS 6
#define PER_CLUSTER 2
#define PC (RAM_BASE + 0x200)
#define SMC64 0x40000000u

static struct vcpu vcpus[VCPUS];
static struct vcpu *vcpu_table[VCPUS];
static unsigned requests[VCPUS]; /* not yet served */
static bool wakeup;
static unsigned systems_off, systems_reset;

/* Of 2 CPUs each in three clusters of Aff1; the last cluster has another Aff2, Aff3. */
static uint64_t mpidr_of(unsigned index)
{
	uint64_t cluster = index / PER_CLUSTER;

	return index % PER_CLUSTER | (cluster == 2 ? BIT(32) | BIT(16) : cluster << 8);
}

void vcpu_request(struct vcpu *v, uint32_t bits)
{
	assert_int_equal(bits, VCPU_REQ_START);
	if (v->power == PSCI_AFFINITY_ON_PENDING) {
		struct vcpu_start start = v->start;

		/* The winner has written all: a caller that comes now is too late and leaves no trace. */
		assert_int_equal(psci_power_on(v, 0, 0), PSCI_ON_PENDING);
		assert_memory_equal(&start, &v->start, sizeof(start));
	}
	atomic_add(&requests[v->index], 1);
}

bool vcpu_state_set(struct vcpu *v, enum vcpu_state state)
{
	v->state = state;
	return true;
}

bool vcpu_has_wakeup(struct vcpu *v)
{
	(void)v;
	return wakeup;
}

struct vcpu *vm_vcpu_by_mpidr(const struct vm *vm, uint64_t mpidr)
{
	for (unsigned i = 0; i < vm->vcpu_count; i++) {
		if (mpidr_of(i) == mpidr) {
			return vm->vcpus[i];
		}
	}
	return NULL;
}

void ffa_direct_forget(struct vcpu *v)
{
	(void)v;
}

void vm_system_off(struct vm *vm)
{
	assert_ptr_equal(vm, &fx.vm);
	systems_off++;
}

void vm_system_reset(struct vm *vm)
{
	assert_ptr_equal(vm, &fx.vm);
	systems_reset++;
}

static int setup(void **state)
{
	(void)state;
	fixture_reset();
	memset(vcpus, 0, sizeof(vcpus));
	memset(requests, 0, sizeof(requests));
	systems_off = systems_reset = 0;
	wakeup = false;
	fx.vm.vcpu_count = VCPUS;
	fx.vm.vcpus = vcpu_table;
	for (unsigned i = 0; i < VCPUS; i++) {
		vcpu_table[i] = &vcpus[i];
		vcpus[i].vm = &fx.vm;
		vcpus[i].index = i;
		vcpus[i].mpidr = mpidr_of(i) | BIT(31);
		vcpus[i].power = 0xff;
	}
	psci_reset(&fx.vm);
	return 0;
}

/* The vCPU's own CPU serves VCPU_REQ_START. */
static void serve(struct vcpu *v)
{
	assert_int_equal(requests[v->index], 1);
	requests[v->index] = 0;
	v->regs.pc = v->start.entry;
	v->regs.x[0] = v->start.context;
	v->state = VCPU_RUNNING;
	psci_started(v);
}

static void boot(void)
{
	assert_int_equal(psci_power_on(&vcpus[0], RAM_BASE, 1), PSCI_SUCCESS);
	serve(&vcpus[0]);
}

static enum trap_result call(struct vcpu *v, uint32_t function, uint64_t x1, uint64_t x2, uint64_t x3)
{
	v->regs.pc = PC;
	v->regs.x[0] = function;
	v->regs.x[1] = x1;
	v->regs.x[2] = x2;
	v->regs.x[3] = x3;
	assert_true(psci_owns(function));
	return psci_call(v);
}

/* One that returns. */
static int64_t ask(struct vcpu *v, uint32_t function, uint64_t x1, uint64_t x2, uint64_t x3)
{
	assert_int_equal(call(v, function, x1, x2, x3), TRAP_RESUME);
	assert_int_equal(v->regs.pc, PC);
	assert_int_equal(v->regs.x[2], x2);
	return (int64_t)v->regs.x[0];
}

static void psci_says_what_it_can(void **state)
{
	static const uint32_t known[] = {
		PSCI_VERSION,           PSCI_CPU_SUSPEND_32,   PSCI_CPU_SUSPEND_64,   PSCI_CPU_OFF,
		PSCI_CPU_ON_32,         PSCI_CPU_ON_64,        PSCI_AFFINITY_INFO_32, PSCI_AFFINITY_INFO_64,
		PSCI_MIGRATE_INFO_TYPE, PSCI_SYSTEM_OFF,       PSCI_SYSTEM_RESET,     PSCI_FEATURES,
		PSCI_SYSTEM_RESET2_32,  PSCI_SYSTEM_RESET2_64,
	};

	(void)state;
	boot();
	assert_int_equal(ask(&vcpus[0], PSCI_VERSION, 0, 0, 0), 0x10001);
	assert_int_equal(ask(&vcpus[0], PSCI_MIGRATE_INFO_TYPE, 0, 0, 0), 2);
	assert_int_equal(ask(&vcpus[0], PSCI_FEATURES, SMCCC_VERSION, 0, 0), 0);
	for (uint32_t n = 0; n < 64; n++) {
		uint32_t function = (PSCI_VERSION | (n & 31)) | (n >= 32 ? SMC64 : 0);
		bool is_known = false;

		for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
			is_known |= known[i] == function;
		}
		assert_int_equal(ask(&vcpus[0], PSCI_FEATURES, function, 0, 0), is_known ? 0 : -1);
		if (!is_known) {
			assert_int_equal(ask(&vcpus[0], function, 0, 0, 0), -1);
		}
	}
	assert_int_equal(ask(&vcpus[0], PSCI_FEATURES, 0x84000050, 0, 0), -1);
	assert_int_equal(ask(&vcpus[0], PSCI_FEATURES, 0, 0, 0), -1);
	assert_false(psci_owns(0x84000020));
	assert_false(psci_owns(0x04000000));
	assert_false(psci_owns(0x85000000));
}

static void psci_cpu_on_checks_its_arguments(void **state)
{
	struct vcpu *v = &vcpus[0];

	(void)state;
	boot();
	assert_int_equal(ask(v, PSCI_CPU_ON_64, 0x1000, RAM_BASE, 0), PSCI_INVALID_PARAMETERS);
	assert_int_equal(ask(v, PSCI_CPU_ON_64, 1 | BIT(31), RAM_BASE, 0), PSCI_INVALID_PARAMETERS);
	assert_int_equal(ask(v, PSCI_CPU_ON_64, 1 | BIT(63), RAM_BASE, 0), PSCI_INVALID_PARAMETERS);
	assert_int_equal(ask(v, PSCI_CPU_ON_64, 1, RAM_BASE - 4, 0), PSCI_INVALID_ADDRESS);
	assert_int_equal(ask(v, PSCI_CPU_ON_64, 1, RAM_BASE + RAM_SIZE, 0), PSCI_INVALID_ADDRESS);
	assert_int_equal(ask(v, PSCI_CPU_ON_64, 1, RAM_BASE + 2, 0), PSCI_INVALID_ADDRESS);
	assert_int_equal(ask(v, PSCI_CPU_ON_64, 1, UINT64_MAX - 3, 0), PSCI_INVALID_ADDRESS);
	assert_int_equal(ask(v, PSCI_CPU_ON_64, 0, RAM_BASE, 0), PSCI_ALREADY_ON);
	for (unsigned i = 1; i < VCPUS; i++) {
		assert_int_equal(vcpus[i].power, PSCI_AFFINITY_OFF);
		assert_int_equal(requests[i], 0);
	}
}

static void psci_smc32_uses_low_halves(void **state)
{
	const uint64_t dirt = UINT64_C(0xdead000000000000);

	(void)state;
	boot();
	assert_int_equal(ask(&vcpus[0], PSCI_CPU_ON_32, dirt | 1, dirt | (RAM_BASE + 8), dirt | 7), PSCI_SUCCESS);
	assert_int_equal(vcpus[1].start.entry, RAM_BASE + 8);
	assert_int_equal(vcpus[1].start.context, 7);
	serve(&vcpus[1]);
	assert_int_equal(ask(&vcpus[0], PSCI_AFFINITY_INFO_32, dirt | 1, dirt, 0), PSCI_AFFINITY_ON);
	/* Aff3 cannot be named by SMC32. */
	assert_int_equal(ask(&vcpus[0], PSCI_AFFINITY_INFO_32, BIT(24), 0, 0), PSCI_INVALID_PARAMETERS);
	/* The function id is w0. */
	assert_int_equal(call(&vcpus[0], PSCI_VERSION, 0, 0, 0), TRAP_RESUME);
	vcpus[0].regs.x[0] = dirt | PSCI_VERSION;
	psci_call(&vcpus[0]);
	assert_int_equal(vcpus[0].regs.x[0], 0x10001);
}

static void psci_suspend_standby_is_a_wfi(void **state)
{
	(void)state;
	boot();
	assert_int_equal(call(&vcpus[0], PSCI_CPU_SUSPEND_64, 0, 0, 0), TRAP_LEAVE);
	assert_int_equal(fx.wfi_waits, 1);
	assert_int_equal(vcpus[0].regs.x[0], PSCI_SUCCESS);
	assert_int_equal(vcpus[0].regs.pc, PC);
	assert_int_equal(ask(&vcpus[0], PSCI_CPU_SUSPEND_64, BIT(31), 0, 0), PSCI_INVALID_PARAMETERS);
	assert_int_equal(fx.wfi_waits, 1);
}

static void psci_suspend_powerdown_starts_over_after_a_wakeup(void **state)
{
	struct vcpu *v = &vcpus[0];

	(void)state;
	boot();
	assert_int_equal(ask(v, PSCI_CPU_SUSPEND_64, BIT(16), RAM_BASE + 1, 3), PSCI_INVALID_ADDRESS);
	assert_int_equal(call(v, PSCI_CPU_SUSPEND_64, BIT(16), RAM_BASE + 64, 3), TRAP_LEAVE);
	assert_int_equal(fx.wfi_waits, 1);
	/* The call is made again, unchanged. */
	assert_int_equal(v->regs.pc, PC - 4);
	assert_int_equal(v->regs.x[0], PSCI_CPU_SUSPEND_64);
	assert_int_equal(requests[0], 0);
	wakeup = true;
	assert_int_equal(call(v, PSCI_CPU_SUSPEND_64, BIT(16), RAM_BASE + 64, 3), TRAP_LEAVE);
	assert_int_equal(v->power, PSCI_AFFINITY_ON);
	serve(v);
	assert_int_equal(v->regs.pc, RAM_BASE + 64);
	assert_int_equal(v->regs.x[0], 3);
}

static void psci_system_calls_do_not_return(void **state)
{
	(void)state;
	boot();
	assert_int_equal(call(&vcpus[0], PSCI_SYSTEM_OFF, 0, 0, 0), TRAP_LEAVE);
	assert_int_equal(call(&vcpus[0], PSCI_SYSTEM_RESET, 0, 0, 0), TRAP_LEAVE);
	assert_int_equal(call(&vcpus[0], PSCI_SYSTEM_RESET2_64, 0, 5, 0), TRAP_LEAVE);
	assert_int_equal(systems_off, 1);
	assert_int_equal(systems_reset, 2);
	assert_int_equal(ask(&vcpus[0], PSCI_SYSTEM_RESET2_64, 1, 0, 0), PSCI_INVALID_PARAMETERS);
	assert_int_equal(ask(&vcpus[0], PSCI_SYSTEM_RESET2_32, 0x80000000, 0, 0), PSCI_INVALID_PARAMETERS);
	assert_int_equal(systems_reset, 2);
}

/* ---- the model: what each vCPU is, and what a group of them therefore is ---- */

static int model[VCPUS];

static int64_t model_affinity_info(uint64_t affinity, unsigned level)
{
	bool found = false, on = false, pending = false;

	for (unsigned i = 0; i < VCPUS; i++) {
		/* Compare field by field from 'level' up. */
		bool same = true;

		for (unsigned l = level; l < 4; l++) {
			unsigned shift = l == 3 ? 32 : 8 * l;

			same &= ((mpidr_of(i) >> shift) & 0xff) == ((affinity >> shift) & 0xff);
		}
		found |= same;
		on |= same && model[i] == PSCI_AFFINITY_ON;
		pending |= same && model[i] == PSCI_AFFINITY_ON_PENDING;
	}
	if (!found) {
		return PSCI_INVALID_PARAMETERS;
	}
	return on ? PSCI_AFFINITY_ON : pending ? PSCI_AFFINITY_ON_PENDING : PSCI_AFFINITY_OFF;
}

static void model_cpu_on(struct vcpu *v, unsigned step)
{
	unsigned target = random_below(VCPUS);
	int64_t result = ask(v, PSCI_CPU_ON_64, mpidr_of(target), RAM_BASE + 4 * target, step);

	if (model[target] == PSCI_AFFINITY_OFF) {
		assert_int_equal(result, PSCI_SUCCESS);
		assert_int_equal(vcpus[target].start.context, step);
		model[target] = PSCI_AFFINITY_ON_PENDING;
	} else {
		assert_int_equal(result, model[target] == PSCI_AFFINITY_ON ? PSCI_ALREADY_ON : PSCI_ON_PENDING);
		assert_int_not_equal(vcpus[target].start.context, step);
	}
}

static void psci_matches_the_model(void **state)
{
	(void)state;
	random_seed();
	boot();
	for (unsigned i = 0; i < VCPUS; i++) {
		model[i] = i == 0 ? PSCI_AFFINITY_ON : PSCI_AFFINITY_OFF;
	}
	for (unsigned step = 2; step < 100000; step++) {
		unsigned index = random_below(VCPUS);
		struct vcpu *v = &vcpus[index];

		if (model[index] == PSCI_AFFINITY_ON_PENDING) {
			serve(v);
			assert_int_equal(v->regs.pc, RAM_BASE + 4 * index);
			model[index] = PSCI_AFFINITY_ON;
		} else if (model[index] == PSCI_AFFINITY_ON) {
			uint64_t affinity = mpidr_of(random_below(VCPUS)) ^
					    (random_below(8) == 0 ? BIT(random_below(24)) : 0);
			unsigned level = random_below(5);

			switch (random_below(6)) {
			case 0:
				assert_int_equal(call(v, PSCI_CPU_OFF, 0, 0, 0), TRAP_LEAVE);
				assert_int_equal(v->state, VCPU_OFF);
				model[index] = PSCI_AFFINITY_OFF;
				break;
			case 1:
			case 2:
				model_cpu_on(v, step);
				break;
			default:
				assert_int_equal(ask(v, PSCI_AFFINITY_INFO_64, affinity, level, 0),
						 level > 3 ? PSCI_INVALID_PARAMETERS
							   : model_affinity_info(affinity, level));
				break;
			}
		} else if (random_below(50) == 0) {
			/* All off would be the end. */
			assert_int_equal(psci_power_on(v, RAM_BASE + 4 * index, step), PSCI_SUCCESS);
			model[index] = PSCI_AFFINITY_ON_PENDING;
		}
		for (unsigned i = 0; i < VCPUS; i++) {
			assert_int_equal(requests[i], model[i] == PSCI_AFFINITY_ON_PENDING);
		}
	}
}

/* ---- real CPUs at once ---- */

enum {
	ROUNDS = 20000,
	SPINS = 2000, /* before the other thread is let run, on a machine that is busy */
};

static unsigned started, done; /* atomic; rounds */
static int32_t other_result;

static void wait_for(const unsigned *counter, unsigned round)
{
	for (unsigned n = 0; atomic_load_acquire(counter) != round; n++) {
		if (n > SPINS) {
			sched_yield();
		}
	}
}

static void *other_caller(void *arg)
{
	(void)arg;
	for (unsigned round = 1; round <= ROUNDS; round++) {
		wait_for(&started, round);
		other_result = psci_power_on(&vcpus[1], RAM_BASE + 8, round);
		atomic_store_release(&done, round);
	}
	return NULL;
}

static void psci_of_two_callers_one_wins(void **state)
{
	pthread_t thread;

	(void)state;
	boot();
	assert_int_equal(pthread_create(&thread, NULL, other_caller, NULL), 0);
	for (unsigned round = 1; round <= ROUNDS; round++) {
		int32_t result;

		atomic_store_release(&started, round);
		/* Hits the other one earlier or later. */
		for (volatile unsigned delay = round % 100; delay > 0; delay--) {
		}
		result = psci_power_on(&vcpus[1], RAM_BASE + 4, ~round);
		wait_for(&done, round);
		assert_true((result == PSCI_SUCCESS && other_result == PSCI_ON_PENDING) ||
			    (result == PSCI_ON_PENDING && other_result == PSCI_SUCCESS));
		assert_int_equal(vcpus[1].start.entry, result == PSCI_SUCCESS ? RAM_BASE + 4 : RAM_BASE + 8);
		assert_int_equal(lo32(vcpus[1].start.context), result == PSCI_SUCCESS ? ~round : round);
		serve(&vcpus[1]);
		assert_int_equal(call(&vcpus[1], PSCI_CPU_OFF, 0, 0, 0), TRAP_LEAVE);
	}
	pthread_join(thread, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(psci_says_what_it_can, setup),
		cmocka_unit_test_setup(psci_cpu_on_checks_its_arguments, setup),
		cmocka_unit_test_setup(psci_smc32_uses_low_halves, setup),
		cmocka_unit_test_setup(psci_suspend_standby_is_a_wfi, setup),
		cmocka_unit_test_setup(psci_suspend_powerdown_starts_over_after_a_wakeup, setup),
		cmocka_unit_test_setup(psci_system_calls_do_not_return, setup),
		cmocka_unit_test_setup(psci_matches_the_model, setup),
		cmocka_unit_test_setup(psci_of_two_callers_one_wins, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
