/* SPDX-License-Identifier: MIT */
/* The device of a shared memory: doorbells compared with a model, who is up, and when the memory is scrubbed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <sched.h>
#include <time.h>

#include "abi/shared_memory.h"
#include "arch/host/host.h"
#include "dev_host.h"
#include "impl/cache.h"
#include "role/hyp/dev/shared_memory.h"

#define BASE UINT64_C(0x0c000000)
#define INTID(peer) (40 + (peer)) /* each VM's own, so that the fake vGIC tells them apart */
#define PEERS 5 /* the last one's VM is never made */
#define MADE 4
#define REGION_SIZE (8 * PAGE_SIZE)

static bool pages_empty;

enum err pool_alloc(uint64_t pages, uint64_t align, uint16_t owner, pa_t *out)
{
	assert_int_equal(owner, PAGE_OWNER_SHARED);
	if (pages_empty) {
		return ERR_NO_MEMORY;
	}
	*out = pa_from_ptr(aligned_alloc(align, pages * PAGE_SIZE));
	memset(pa_ptr(*out), 0x5a, pages * PAGE_SIZE);
	return OK;
}

struct fixture {
	struct shared_region *region;
	struct test_vm *vm[MADE];
	struct shared_memory *device[MADE];
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	memset(spi_level, 0, sizeof(spi_level));
	pool_empty = pages_empty = false;
	f->region = shared_region_create("board", REGION_SIZE, PEERS);
	assert_non_null(f->region);
	for (unsigned i = 0; i < MADE; i++) {
		f->vm[i] = test_vm_new(MIB(1));
		assert_int_equal(
			shared_memory_create(&f->vm[i]->vm, ipa(BASE), INTID(i), f->region, i, i == 2, &f->device[i]),
			OK);
	}
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < MADE; i++) {
		if (f->device[i] != NULL) {
			shared_memory_destroy(f->device[i]);
		}
		test_vm_free(f->vm[i]);
	}
	assert_int_equal(f->region->up, 0);
	assert_int_equal(f->region->users, 0);
	free(pa_ptr(f->region->memory));
	pool_free_object(f->region, sizeof(*f->region));
	free(f);
	return 0;
}

static uint32_t get(struct fixture *f, unsigned peer, uint32_t offset)
{
	return test_read(f->vm[peer], BASE + offset);
}

static void set(struct fixture *f, unsigned peer, uint32_t offset, uint32_t value)
{
	test_write(f->vm[peer], BASE + offset, value);
}

static void all_up(struct fixture *f)
{
	for (unsigned i = 0; i < MADE; i++) {
		set(f, i, SHARED_MEMORY_ENABLE, 0xffffffff);
		set(f, i, SHARED_MEMORY_CONTROL, SHARED_MEMORY_CONTROL_UP);
	}
	for (unsigned i = 0; i < MADE; i++) {
		set(f, i, SHARED_MEMORY_STATUS, 0xffffffff);
		assert_false(spi_level[INTID(i)]);
	}
}

/* ---- tests ---- */

static void registers_read_as_they_should(void **state)
{
	struct fixture *f = *state;
	uint64_t value;

	assert_int_equal(get(f, 2, SHARED_MEMORY_MAGIC), SHARED_MEMORY_MAGIC_VALUE);
	assert_int_equal(get(f, 2, SHARED_MEMORY_VERSION), 1);
	assert_int_equal(get(f, 2, SHARED_MEMORY_SELF), 2);
	assert_int_equal(get(f, 2, SHARED_MEMORY_PEERS), PEERS);
	assert_int_equal(get(f, 2, SHARED_MEMORY_ACCESS), 0);
	assert_int_equal(get(f, 1, SHARED_MEMORY_ACCESS), SHARED_MEMORY_ACCESS_WRITE);
	for (uint32_t offset = SHARED_MEMORY_UP; offset < SHARED_MEMORY_ACCESS; offset += 4) {
		assert_int_equal(get(f, 1, offset), 0);
	}
	assert_int_equal(get(f, 1, SHARED_MEMORY_SIZE - 4), 0);
	/* Read-only ones stay as they are; CONTROL has one bit. */
	for (uint32_t offset = 0; offset < SHARED_MEMORY_CONTROL; offset += 4) {
		uint32_t before = get(f, 1, offset);

		set(f, 1, offset, ~before);
		assert_int_equal(get(f, 1, offset), before);
	}
	set(f, 1, SHARED_MEMORY_CONTROL, 0xfffffffe);
	assert_int_equal(get(f, 1, SHARED_MEMORY_CONTROL), 0);
	for (unsigned size = 1; size <= 8; size *= 2) {
		for (unsigned offset = 0; offset < 8; offset++) {
			bool good = size == 4 && offset % 4 == 0;

			assert_int_equal(test_access(f->vm[0], false, BASE + offset, size, &value), good);
			value = 0;
			assert_int_equal(test_access(f->vm[0], true, BASE + offset, size, &value), good);
		}
	}
}

static void a_ring_is_one_bit_until_it_is_cleared(void **state)
{
	struct fixture *f = *state;
	struct shared_memory_counters counters;

	all_up(f);
	for (unsigned i = 0; i < 3; i++) {
		set(f, 0, SHARED_MEMORY_DOORBELL, 1);
		assert_true(spi_level[INTID(1)]);
		assert_int_equal(get(f, 1, SHARED_MEMORY_STATUS), SHARED_MEMORY_RANG(0));
	}
	set(f, 3, SHARED_MEMORY_DOORBELL, 1);
	set(f, 1, SHARED_MEMORY_STATUS, SHARED_MEMORY_RANG(0));
	assert_true(spi_level[INTID(1)]);
	set(f, 1, SHARED_MEMORY_STATUS, SHARED_MEMORY_RANG(3));
	assert_false(spi_level[INTID(1)]);
	assert_true(shared_memory_is_up(f->device[0], &counters));
	assert_int_equal(counters.rung, 3);
	assert_int_equal(counters.merged, 2);
	assert_int_equal(counters.ignored, 0);
}

static void rings_to_nobody_are_counted(void **state)
{
	static const uint32_t nobody[] = { MADE, PEERS, 15, 16, 31, 32, 63, 64, 0x10000, 0x80000000, 0xffffffff };
	struct fixture *f = *state;
	struct shared_memory_counters counters;

	all_up(f);
	set(f, 3, SHARED_MEMORY_CONTROL, 0);
	set(f, 3, SHARED_MEMORY_STATUS, 0xffffffff);
	for (unsigned i = 0; i < ARRAY_SIZE(nobody); i++) {
		set(f, 1, SHARED_MEMORY_DOORBELL, nobody[i]);
	}
	set(f, 1, SHARED_MEMORY_DOORBELL, 3); /* it does not take part */
	assert_int_equal(get(f, 3, SHARED_MEMORY_STATUS), 0);
	shared_memory_is_up(f->device[1], &counters);
	assert_int_equal(counters.ignored, ARRAY_SIZE(nobody) + 1);
	assert_int_equal(counters.rung, 0);
}

static void coming_and_going_is_told_to_those_who_are_up(void **state)
{
	struct fixture *f = *state;

	set(f, 0, SHARED_MEMORY_ENABLE, SHARED_MEMORY_CHANGED(1));
	set(f, 0, SHARED_MEMORY_CONTROL, SHARED_MEMORY_CONTROL_UP);
	assert_int_equal(get(f, 0, SHARED_MEMORY_STATUS), 0);
	set(f, 1, SHARED_MEMORY_CONTROL, SHARED_MEMORY_CONTROL_UP);
	set(f, 1, SHARED_MEMORY_CONTROL, SHARED_MEMORY_CONTROL_UP); /* again is nothing new */
	assert_true(spi_level[INTID(0)]);
	assert_int_equal(get(f, 0, SHARED_MEMORY_STATUS), SHARED_MEMORY_CHANGED(1));
	assert_int_equal(get(f, 2, SHARED_MEMORY_STATUS), 0);
	assert_int_equal(get(f, 2, SHARED_MEMORY_UP), 3);
	set(f, 0, SHARED_MEMORY_STATUS, 0xffffffff);
	set(f, 0, SHARED_MEMORY_DOORBELL, 1);
	/* Its VM stops: what it had is as at power-on, and 0 hears of it. */
	set(f, 1, SHARED_MEMORY_ENABLE, 0xffffffff);
	assert_true(spi_level[INTID(1)]);
	shared_memory_leave(f->device[1]);
	assert_false(spi_level[INTID(1)]);
	assert_int_equal(get(f, 1, SHARED_MEMORY_STATUS), 0);
	assert_int_equal(get(f, 1, SHARED_MEMORY_ENABLE), 0);
	assert_int_equal(get(f, 1, SHARED_MEMORY_CONTROL), 0);
	assert_int_equal(get(f, 0, SHARED_MEMORY_UP), 1);
	assert_int_equal(get(f, 0, SHARED_MEMORY_STATUS), SHARED_MEMORY_CHANGED(1));
	assert_true(spi_level[INTID(0)]);
}

/* Random writes by all peers; a model of the words tells status, up and line after each. */
static void random_writes_agree_with_the_model(void **state)
{
	struct fixture *f = *state;
	uint32_t status[MADE] = { 0 }, enable[MADE] = { 0 }, up = 0;

	random_seed(7);
	for (unsigned round = 0; round < 100000; round++) {
		unsigned p = random_below(MADE);
		uint32_t value = random_below(PEERS + 2);

		switch (random_below(5)) {
		case 0:
			set(f, p, SHARED_MEMORY_DOORBELL, value);
			if (value < MADE && (up & BIT(value)) != 0) {
				status[value] |= 1u << p;
			}
			break;
		case 1:
			value = (uint32_t)random_u64();
			set(f, p, SHARED_MEMORY_STATUS, value);
			status[p] &= ~value;
			break;
		case 2:
			enable[p] = (uint32_t)random_u64();
			set(f, p, SHARED_MEMORY_ENABLE, enable[p]);
			break;
		case 3:
			value = random_below(4) != 0;
			set(f, p, SHARED_MEMORY_CONTROL, value);
			if (((up >> p) & 1) == value) {
				break;
			}
			up ^= 1u << p;
			status[p] = value != 0 ? status[p] : 0;
			for (unsigned i = 0; i < MADE; i++) {
				status[i] |= i != p && (up & BIT(i)) != 0 ? 0x10000u << p : 0;
			}
			break;
		default:
			assert_int_equal(get(f, p, SHARED_MEMORY_ENABLE), enable[p]);
			assert_int_equal(get(f, p, SHARED_MEMORY_UP), up);
		}
		for (unsigned i = 0; i < MADE; i++) {
			assert_int_equal(get(f, i, SHARED_MEMORY_STATUS), status[i]);
			assert_int_equal(spi_level[INTID(i)], (status[i] & enable[i]) != 0);
		}
	}
}

/* ---- contents ---- */

static bool is_all(const struct fixture *f, uint8_t byte)
{
	const uint8_t *bytes = pa_ptr(f->region->memory);

	return bytes[0] == byte && memcmp(bytes, bytes + 1, REGION_SIZE - 1) == 0;
}

static void the_first_user_scrubs_and_the_last_one_leaves_it_dirty(void **state)
{
	struct fixture *f = *state;
	unsigned calls = 1;

	assert_true(is_all(f, 0x5a)); /* what the pool gave */
	while (shared_memory_enter_some(f->device[0], 3 * PAGE_SIZE)) {
		assert_false(is_all(f, 0));
		calls++;
	}
	assert_int_equal(calls, 3);
	assert_int_equal(host_cache_cleaned.base, (uint8_t *)pa_ptr(f->region->memory) + 6 * PAGE_SIZE);
	assert_true(is_all(f, 0));
	memset(pa_ptr(f->region->memory), 7, REGION_SIZE);
	assert_false(shared_memory_enter_some(f->device[1], PAGE_SIZE)); /* one is up: it stays */
	assert_false(shared_memory_enter_some(f->device[1], PAGE_SIZE));
	shared_memory_leave(f->device[0]);
	assert_false(shared_memory_enter_some(f->device[0], PAGE_SIZE));
	assert_true(is_all(f, 7));
	shared_memory_leave(f->device[1]);
	shared_memory_leave(f->device[1]); /* twice is once */
	shared_memory_leave(f->device[0]);
	assert_true(is_all(f, 7));
	assert_true(shared_memory_enter_some(f->device[2], REGION_SIZE - 1) || is_all(f, 0));
}

/* All start at once, in any order of their calls, and some starts are cut short: nobody is ready before all is zero. */
static void users_scrub_together(void **state)
{
	struct fixture *f = *state;

	random_seed(11);
	for (unsigned round = 0; round < 200; round++) {
		bool ready[MADE] = { false };
		unsigned left = MADE;

		memset(pa_ptr(f->region->memory), 7, REGION_SIZE);
		while (left != 0) {
			unsigned p = random_below(MADE);

			if (!ready[p] && random_below(8) == 0) {
				shared_memory_leave(f->device[p]);
			} else if (!ready[p] &&
				   !shared_memory_enter_some(f->device[p], PAGE_SIZE * random_below(4) + 1)) {
				assert_true(is_all(f, 0));
				ready[p] = true;
				left--;
			}
		}
		for (unsigned i = 0; i < MADE; i++) {
			shared_memory_leave(f->device[i]);
		}
	}
}

/* ---- several CPUs ---- */

static pthread_barrier_t together;

struct peer {
	struct fixture *f;
	unsigned number;
	bool good;
};

static void run_peers(struct fixture *f, unsigned count, void *(*run)(void *arg))
{
	struct peer peers[MADE];
	pthread_t threads[MADE];

	assert_int_equal(pthread_barrier_init(&together, NULL, count), 0);
	for (unsigned i = 0; i < count; i++) {
		peers[i] = (struct peer){ f, i, true };
		assert_int_equal(pthread_create(&threads[i], NULL, run, &peers[i]), 0);
	}
	for (unsigned i = 0; i < count; i++) {
		pthread_join(threads[i], NULL);
		assert_true(peers[i].good);
	}
	pthread_barrier_destroy(&together);
}

static void *start_and_look(void *arg)
{
	struct peer *p = arg;

	for (unsigned round = 0; round < 500; round++) {
		pthread_barrier_wait(&together);
		while (shared_memory_enter_some(p->f->device[p->number], PAGE_SIZE)) {
		}
		p->good = p->good && is_all(p->f, 0);
		pthread_barrier_wait(&together);
		/* One of them writes; then all go, in any order. */
		if (p->number == round % MADE) {
			memset(pa_ptr(p->f->region->memory), 7, REGION_SIZE);
		}
		pthread_barrier_wait(&together);
		shared_memory_leave(p->f->device[p->number]);
	}
	return NULL;
}

static void vms_on_several_cpus_find_zeroes(void **state)
{
	run_peers(*state, MADE, start_and_look);
}

#define ROUND_TRIPS 5000
#define PATIENCE_S 30 /* a ring that has not come by then is lost */

static bool trips_done;

static bool wait_for_ring(struct peer *p, unsigned from)
{
	time_t end = time(NULL) + PATIENCE_S;

	while ((get(p->f, p->number, SHARED_MEMORY_STATUS) & SHARED_MEMORY_RANG(from)) == 0) {
		if (time(NULL) > end) {
			return false;
		}
		sched_yield();
	}
	set(p->f, p->number, SHARED_MEMORY_STATUS, SHARED_MEMORY_RANG(from));
	return true;
}

/* Peers 0 and 1 answer each other's rings; the others ring both, for as long as that takes. */
static void *ring_and_answer(void *arg)
{
	struct peer *p = arg;

	pthread_barrier_wait(&together);
	if (p->number > 1) {
		for (unsigned i = 0; !__atomic_load_n(&trips_done, __ATOMIC_RELAXED); i++) {
			set(p->f, p->number, SHARED_MEMORY_DOORBELL, i % 2);
		}
		return NULL;
	}
	for (unsigned i = 0; i < ROUND_TRIPS && p->good; i++) {
		if (p->number == 0) {
			set(p->f, 0, SHARED_MEMORY_DOORBELL, 1);
		}
		p->good = wait_for_ring(p, !p->number);
		if (p->number == 1) {
			set(p->f, 1, SHARED_MEMORY_DOORBELL, 0);
		}
	}
	__atomic_store_n(&trips_done, true, __ATOMIC_RELAXED);
	return NULL;
}

static void no_ring_is_lost(void **state)
{
	trips_done = false;
	all_up(*state);
	run_peers(*state, MADE, ring_and_answer);
}

/* All of them do everything at once. What is a peer's own is at any moment as it has left it. */
static void *do_anything(void *arg)
{
	struct peer *p = arg;
	uint32_t x = p->number + 1, up = 0, enable = 0;

	pthread_barrier_wait(&together);
	for (unsigned i = 0; i < 30000 && p->good; i++) {
		x = x * 1664525 + 1013904223;
		switch (x >> 28) {
		case 0:
		case 1:
		case 2:
			up = x >> 20 & 1;
			set(p->f, p->number, SHARED_MEMORY_CONTROL, up);
			break;
		case 3:
			enable = x;
			set(p->f, p->number, SHARED_MEMORY_ENABLE, enable);
			break;
		case 4:
			up = enable = 0;
			shared_memory_leave(p->f->device[p->number]);
			break;
		case 5:
		case 6:
			set(p->f, p->number, SHARED_MEMORY_STATUS, x);
			break;
		default:
			set(p->f, p->number, SHARED_MEMORY_DOORBELL, x >> 20 & 7);
			break;
		}
		p->good = get(p->f, p->number, SHARED_MEMORY_CONTROL) == up &&
			  get(p->f, p->number, SHARED_MEMORY_ENABLE) == enable &&
			  (up != 0 || get(p->f, p->number, SHARED_MEMORY_STATUS) == 0);
	}
	return NULL;
}

static void peers_on_several_cpus_do_not_disturb(void **state)
{
	struct fixture *f = *state;

	run_peers(f, MADE, do_anything);
	for (unsigned i = 0; i < MADE; i++) {
		uint32_t status = get(f, i, SHARED_MEMORY_STATUS), enable = get(f, i, SHARED_MEMORY_ENABLE);

		assert_int_equal(spi_level[INTID(i)], (status & enable) != 0);
	}
}

static void what_cannot_be_made_leaves_no_trace(void **state)
{
	struct fixture *f = *state;
	struct shared_memory *other = NULL;
	unsigned before = pool_objects;

	assert_int_equal(shared_memory_create(&f->vm[0]->vm, ipa(BASE + PAGE_SIZE), 9, f->region, 1, false, &other),
			 ERR_EXISTS);
	assert_int_equal(shared_memory_create(&f->vm[0]->vm, ipa(BASE), 9, f->region, 4, false, &other), ERR_EXISTS);
	assert_int_equal(shared_memory_create(&f->vm[0]->vm, ipa(BASE + PAGE_SIZE), 9, f->region, PEERS, false, &other),
			 ERR_RANGE);
	assert_null(f->region->peers[4]);
	pool_empty = true;
	assert_int_equal(shared_memory_create(&f->vm[0]->vm, ipa(BASE + PAGE_SIZE), 9, f->region, 4, false, &other),
			 ERR_NO_MEMORY);
	assert_null(shared_region_create("x", PAGE_SIZE, 1));
	pool_empty = false;
	pages_empty = true;
	assert_null(shared_region_create("x", PAGE_SIZE, 1));
	assert_int_equal(pool_objects, before);
	assert_null(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(registers_read_as_they_should, setup, teardown),
		cmocka_unit_test_setup_teardown(a_ring_is_one_bit_until_it_is_cleared, setup, teardown),
		cmocka_unit_test_setup_teardown(rings_to_nobody_are_counted, setup, teardown),
		cmocka_unit_test_setup_teardown(coming_and_going_is_told_to_those_who_are_up, setup, teardown),
		cmocka_unit_test_setup_teardown(random_writes_agree_with_the_model, setup, teardown),
		cmocka_unit_test_setup_teardown(the_first_user_scrubs_and_the_last_one_leaves_it_dirty, setup,
						teardown),
		cmocka_unit_test_setup_teardown(users_scrub_together, setup, teardown),
		cmocka_unit_test_setup_teardown(vms_on_several_cpus_find_zeroes, setup, teardown),
		cmocka_unit_test_setup_teardown(no_ring_is_lost, setup, teardown),
		cmocka_unit_test_setup_teardown(peers_on_several_cpus_do_not_disturb, setup, teardown),
		cmocka_unit_test_setup_teardown(what_cannot_be_made_leaves_no_trace, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
