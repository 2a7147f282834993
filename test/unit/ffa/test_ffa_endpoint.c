/* SPDX-License-Identifier: MIT */
/* Who is known by which id, how VMs come and go, and that several CPUs may make and drop them at once. */
#include "cmocka_main.h"

#include <pthread.h>

#include "arch/host/host.h"
#include "ffa_world.h"

#define SP0 (&world.sps[0])

static int start(void **state)
{
	(void)state;
	world_start();
	return 0;
}

static void ids_lead_to_endpoints(void **state)
{
	(void)state;
	assert_ptr_equal(ffa_endpoint_find(0), &ffa_nwd);
	assert_int_equal(ffa_partition_count(), WORLD_SPS);
	for (unsigned i = 0; i < WORLD_SPS; i++) {
		assert_ptr_equal(ffa_endpoint_find(world.sps[i].id), &world.sps[i]);
		assert_ptr_equal(ffa_endpoint_get(world.sps[i].id), &world.sps[i]);
		assert_ptr_equal(ffa_partition(i), &world.sps[i]);
	}
	assert_null(ffa_partition(WORLD_SPS));
	assert_null(ffa_endpoint_find(FFA_ID_SPMC));
	assert_null(ffa_endpoint_find(FFA_ID_SP_FIRST + WORLD_SPS));
	assert_null(ffa_endpoint_find(FFA_ID_EL3_FIRST));
	assert_null(ffa_endpoint_find(FFA_ID_SPMD));
	assert_null(ffa_endpoint_find(1));
	assert_null(ffa_endpoint_find(FFA_ID_VM_INVALID));
	assert_null(ffa_vm_get(0));
	assert_null(ffa_vm_get(FFA_ID_VM_INVALID));
	assert_null(ffa_vm_get(FFA_ID_SP_FIRST));
}

static void vms_go_with_their_last_holder(void **state)
{
	struct ffa_endpoint *vm = ffa_vm_get(1), *other;

	(void)state;
	assert_non_null(vm);
	assert_int_equal(vm->id, 1);
	assert_int_equal(vm->kind, FFA_KIND_VM);
	assert_ptr_equal(vm->space, &world.nwd_space);
	other = ffa_vm_get(65); /* shares a place in the table */
	assert_ptr_equal(ffa_endpoint_find(65), other);
	assert_ptr_equal(ffa_vm_get(1), vm);
	ffa_endpoint_put(vm);
	assert_ptr_equal(ffa_endpoint_find(1), vm);
	ffa_endpoint_put(vm);
	assert_null(ffa_endpoint_find(1));
	assert_ptr_equal(ffa_endpoint_find(65), other);
	/* Its memory serves the next. */
	assert_ptr_equal(ffa_vm_get(2), vm);
	assert_int_equal(vm->id, 2);
	/* What it has keeps it. */
	assert_int_equal(ffa_notifications_enable(vm, 1), FFA_OK);
	ffa_endpoint_put(vm);
	assert_ptr_equal(ffa_endpoint_get(2), vm);
	ffa_notifications_drop(vm);
	assert_ptr_equal(ffa_endpoint_find(2), vm);
	ffa_endpoint_put(vm);
	assert_null(ffa_endpoint_find(2));
	ffa_endpoint_put(NULL);
	ffa_endpoint_put(&ffa_nwd);
	ffa_endpoint_put(SP0);
}

static void vms_need_memory(void **state)
{
	pa_t page;

	(void)state;
	while (pool_alloc_page(&page) == OK) {
	}
	for (unsigned id = 1; id <= FFA_VM_MAX; id++) {
		if (ffa_vm_get((uint16_t)id) == NULL) {
			assert_null(ffa_endpoint_find((uint16_t)id));
			return;
		}
	}
	fail_msg("memory without end");
}

static void vms_take_memory_that_tables_do_not_need(void **state)
{
	unsigned before, after;

	(void)state;
	world_run_short();
	before = world.sp_spaces[1].secure.table.pages;
	for (unsigned id = 1; id <= FFA_VM_MAX / 8; id++) {
		assert_non_null(ffa_vm_get((uint16_t)id));
	}
	after = world.sp_spaces[1].secure.table.pages;
	assert_true(after < before);
}

static void calls_name_whom_they_may(void **state)
{
	struct ffa_endpoint *vm = ffa_vm_get(9);

	(void)state;
	assert_ptr_equal(ffa_endpoint_of_call(SP0, SP0->id, false), SP0);
	assert_null(ffa_endpoint_of_call(SP0, 0, false));
	assert_ptr_equal(ffa_endpoint_of_call(SP0, 0, true), SP0);
	assert_null(ffa_endpoint_of_call(SP0, SP0->id + 1, true));
	assert_null(ffa_endpoint_of_call(SP0, 9, true));
	assert_ptr_equal(ffa_endpoint_of_call(&ffa_nwd, 0, false), &ffa_nwd);
	assert_ptr_equal(ffa_endpoint_of_call(&ffa_nwd, 9, false), vm);
	assert_null(ffa_endpoint_of_call(&ffa_nwd, 10, false));
	assert_null(ffa_endpoint_of_call(&ffa_nwd, SP0->id, true));
	assert_null(ffa_endpoint_of_call(&ffa_nwd, FFA_ID_SPMC, true));
}

static jmp_buf panicked;

static void catch (const char *text)
{
	(void)text;
	longjmp(panicked, 1);
}

static void refuse_sp(uint16_t id)
{
	struct ffa_endpoint odd = { .id = id };

	host_panic_hook = catch;
	if (setjmp(panicked) == 0) {
		ffa_endpoint_add(&odd);
		fail_msg("an SP 0x%x", id);
	}
	host_panic_hook = NULL;
	assert_int_equal(ffa_partition_count(), WORLD_SPS);
}

static void ids_of_sps_ascend_and_may_have_holes(void **state)
{
	static struct ffa_endpoint last = { .id = FFA_ID_SP_FIRST + FFA_SP_MAX - 1, .kind = FFA_KIND_SP_EL1 };

	(void)state;
	refuse_sp(FFA_ID_SP_FIRST);
	refuse_sp(FFA_ID_SP_FIRST + WORLD_SPS - 1);
	refuse_sp(FFA_ID_SPMC);
	refuse_sp(FFA_ID_SP_FIRST + FFA_SP_MAX);
	ffa_endpoint_add(&last);
	assert_int_equal(ffa_partition_count(), WORLD_SPS + 1);
	assert_ptr_equal(ffa_partition(WORLD_SPS), &last);
	assert_ptr_equal(ffa_endpoint_find(last.id), &last);
	for (uint16_t id = FFA_ID_SP_FIRST + WORLD_SPS; id < last.id; id++) {
		assert_null(ffa_endpoint_find(id));
	}
}

/* CPUs that make bitmaps of a few VMs, use and destroy them. Nobody sees another's, and none is left. */
static void *churn(void *arg)
{
	uint16_t mine = (uint16_t)(uintptr_t)arg;

	for (unsigned round = 0; round < 20000; round++) {
		uint16_t id = (uint16_t)(1 + (round + mine) % 5 * 64);
		uint64_t r[FFA_REGS] = { FFA_NOTIFICATION_BITMAP_CREATE, id, 1 + round % 8 };

		ffa_notification_bitmap_create(&ffa_nwd, r);
		if (r[0] == FFA_SUCCESS) {
			struct ffa_endpoint *vm = ffa_endpoint_get(id);

			CHECK(vm != NULL && vm->id == id && vm->notifications.enabled);
			CHECK(vm->notifications.vcpu_count == 1 + round % 8);
			ffa_endpoint_put(vm);
			memset(r, 0, sizeof(r));
			r[1] = id;
			ffa_notification_bitmap_destroy(&ffa_nwd, r);
			CHECK(r[0] == FFA_SUCCESS);
		}
	}
	return NULL;
}

static void vms_on_several_cpus(void **state)
{
	pthread_t threads[2];

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(threads); i++) {
		assert_int_equal(pthread_create(&threads[i], NULL, churn, (void *)(uintptr_t)i), 0);
	}
	churn((void *)(uintptr_t)3);
	for (unsigned i = 0; i < ARRAY_SIZE(threads); i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	}
	for (uint16_t i = 0; i < 5; i++) {
		assert_null(ffa_endpoint_find((uint16_t)(1 + i * 64)));
	}
	assert_null(ffa_vm_at(5)); /* not more than there ever were at once */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup(name, start)
		TEST(ids_lead_to_endpoints),
		TEST(vms_go_with_their_last_holder),
		TEST(vms_take_memory_that_tables_do_not_need),
		TEST(vms_need_memory),
		TEST(calls_name_whom_they_may),
		TEST(ids_of_sps_ascend_and_may_have_holes),
		TEST(vms_on_several_cpus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
