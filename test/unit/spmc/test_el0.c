/* SPDX-License-Identifier: MIT */
#include "spmc/load_world.h"
#include "arch/el0_vectors.h"
#include "core/mm/pte.h"
#include "core/vcpu/esr.h"
#include "core/vcpu/pstate.h"
#include "role/spmc/el0.h"

#define S1_NS BIT(5)

static struct sp *load_el0(void)
{
	load_start(2);
	tree_u32(&load.trees[0], "/", "exception-level", 1);
	tree_u32(&load.trees[1], "/", "exception-level", 1);
	/* The vectors are in Secure memory, as the image is. */
	load_range(SPMC_MEMORY_SECURE, ALIGN_DOWN((uint64_t)(uintptr_t)el0_vectors, PAGE_SIZE) - 0x1000, 0x4000);
	assert_int_equal(load_all(), OK);
	load_expect(0, "");
	assert_int_equal(ffa_partition_count(), 2);
	return sps[0];
}

static pa_t table_of(const struct sp *sp unused_arg)
{
	struct vcpu *v = calloc(1, sizeof(*v));
	pa_t root;

	el0_reset(v);
	root = pa(v->el1.ttbr0);
	free(v);
	return root;
}

/* Walks stage 1 as the CPU does, every table through the partition's stage 2. */
static pte_t walk(struct sp *sp, uint64_t address)
{
	pa_t table = table_of(sp);

	for (unsigned level = 0;; level++) {
		uint64_t index = address >> level_shift(level) & (PTE_PER_TABLE - 1);
		pte_t pte = ((const pte_t *)pa_ptr(table))[index];

		assert_int_equal(attrs_at(&sp->space.secure, table.v), STAGE2_R | STAGE2_SHARED_BORROWED);
		if (!pte_is_table(pte, level)) {
			uint64_t size = level_size(level);

			if (pte_is_valid(pte)) {
				/* Identity. */
				assert_int_equal(pte_address(pte).v & ~(size - 1), address & ~(size - 1));
			}
			return pte;
		}
		table = pte_address(pte);
	}
}

static void stage_1_is_the_machine_and_permits_everything(void **state unused_arg)
{
	struct sp *sp = load_el0();
	pte_t pte;

	for (uint64_t at = 0; at < SECURE_SIZE; at += 0x3000) {
		pte = walk(sp, place(1) + at);
		assert_true(pte_is_valid(pte));
		assert_int_equal(pte & (S1_NS | S1_AP_EL0 | S1_AP_READ_ONLY | S1_PXN | S1_XN), S1_AP_EL0 | S1_PXN);
	}
	pte = walk(sp, ns_base() + NS_SIZE - 1);
	assert_int_equal(pte & (S1_NS | S1_AP_EL0 | S1_AP_READ_ONLY | S1_PXN | S1_XN), S1_NS | S1_AP_EL0 | S1_PXN);
	pte = walk(sp, DEVICE_BASE);
	assert_int_equal(pte & (S1_NS | S1_AP_EL0 | S1_AP_READ_ONLY | S1_XN), S1_AP_EL0 | S1_XN);
	pte = walk(sp, NS_DEVICE_BASE);
	assert_int_equal(pte & (S1_NS | S1_AP_EL0 | S1_AP_READ_ONLY | S1_XN), S1_NS | S1_AP_EL0 | S1_XN);
	assert_false(pte_is_valid(walk(sp, ns_base() + NS_SIZE)));
	assert_false(pte_is_valid(walk(sp, DEVICE_BASE - 1 - 0x1000 * 16)));
	assert_ptr_equal(pa_ptr(table_of(sps[0])), pa_ptr(table_of(sps[1])));
}

/* EL0 cannot reach them; EL1 executes them and nothing else. */
static void the_vectors_are_el1_code(void **state unused_arg)
{
	struct sp *sp = load_el0();
	uint64_t vectors = (uint64_t)(uintptr_t)el0_vectors;
	pte_t pte = walk(sp, vectors);

	assert_true(pte_is_valid(pte));
	assert_int_equal(pte & (S1_NS | S1_AP_EL0 | S1_AP_READ_ONLY | S1_PXN | S1_XN), S1_AP_READ_ONLY | S1_XN);
	assert_int_equal(walk(sp, vectors + PAGE_SIZE) & S1_PXN, S1_PXN);
	assert_int_equal(attrs_at(&sp->space.secure, vectors), STAGE2_R | STAGE2_X | STAGE2_SHARED_BORROWED);
	assert_int_equal(attrs_at(&sp->space.secure, vectors + PAGE_SIZE), ~0U);
	assert_int_equal(attrs_at(&sp->space.secure, sp->base.v), STAGE2_R | STAGE2_X);
}

static void a_vcpu_starts_at_el0(void **state unused_arg)
{
	struct vcpu *v = calloc(1, sizeof(*v));

	load_el0();
	v->regs.pstate = PSTATE_EL1H | PSTATE_DAIF;
	el0_reset(v);
	assert_int_equal(v->regs.pstate, 0);
	assert_int_equal(v->el1.vbar, (uintptr_t)el0_vectors);
	assert_int_equal(v->el1.sctlr & 0x1005, 0x1005); /* I, C, M */
	assert_int_equal(v->el1.tcr & 0x3f, 16);
	assert_int_equal(v->el1.tcr >> 32 & 7, 5);
	assert_int_equal(v->el1.cpacr, 3 << 20);
	free(v);
}

static const char *trap(struct vcpu *v, enum esr_ec ec, unsigned immediate)
{
	write_esr_el1(esr_make(ec, 0));
	write_elr_el1(0x1234);
	write_spsr_el1(PSTATE_NZCV);
	return el0_trap(v, immediate);
}

static void only_svc_is_a_call(void **state unused_arg)
{
	static const enum esr_ec others[] = { EC_UNKNOWN, EC_SYSREG, EC_IABT_LOWER, EC_DABT_LOWER, EC_FP, EC_BTI };
	struct vcpu *v = calloc(1, sizeof(*v));

	assert_null(trap(v, EC_SVC64, EL0_HVC_SYNC));
	assert_int_equal(v->regs.pc, 0x1234);
	assert_int_equal(v->regs.pstate, PSTATE_NZCV);
	for (unsigned i = 0; i < ARRAY_SIZE(others); i++) {
		assert_non_null(trap(v, others[i], EL0_HVC_SYNC));
	}
	assert_non_null(trap(v, EC_SVC64, EL0_HVC_OTHER));
	assert_non_null(trap(v, EC_SVC64, 0));
	free(v);
}

static void no_memory_leaves_nothing(void **state unused_arg)
{
	for (unsigned pages = 1; pages < 30; pages++) {
		uint64_t before;
		enum err e;

		load_start(1);
		pool_reset();
		assert_int_equal(pool_add(pa_from_ptr(load.pool), (uint64_t)pages << PAGE_SHIFT), OK);
		before = load_free_pages();
		e = el0_init(&load.m);
		assert_true(e == OK || e == ERR_NO_MEMORY);
		if (e != OK) {
			assert_int_equal(load_free_pages(), before);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stage_1_is_the_machine_and_permits_everything),
		cmocka_unit_test(the_vectors_are_el1_code),
		cmocka_unit_test(a_vcpu_starts_at_el0),
		cmocka_unit_test(only_svc_is_a_call),
		cmocka_unit_test(no_memory_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
