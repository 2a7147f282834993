/* SPDX-License-Identifier: MIT */
/* Random sequences of calls against the model, and every point at which memory can run out. */
#include "mm_test.h"

#include "memory_sps.h"

static unsigned random_byte(void)
{
	return (unsigned)random_below(256);
}

static void calls_agree_with_the_model(void **state)
{
	unsigned rounds = random_rounds(600);
	unsigned long calls = 0, successes = 0;

	(void)state;
	random_start("memory");
	for (unsigned round = 0; round < rounds; round++) {
		model_start(random_byte);
		for (unsigned i = 0; i < 60; i++) {
			model_step();
		}
		model_finish();
		calls += model.calls;
		successes += model.successes;
	}
	printf("%lu calls, %lu of them done\n", calls, successes);
	assert_true(successes > calls / 6 && successes < calls - calls / 10);
}

/* ---- memory runs out ---- */

#define STRIDE MIB(2)
#define FAR 20
static struct range far_apart[FAR];

/* What the far pages are to both parties, one word each. */
static void note(unsigned *out)
{
	for (unsigned i = 0; i < FAR; i++) {
		for (unsigned who = 0; who < PARTIES; who++) {
			struct stage2 *table = ffa_space_table(&world.space[who], far_apart[i].address);
			unsigned attrs = UINT32_MAX;
			uint64_t run;
			pa_t to;

			if (table != NULL) {
				assert_true(stage2_lookup(table, ipa(far_apart[i].address), &to, &attrs, &run));
			}
			*out++ = attrs;
		}
	}
}

/* A call with ever more memory until it is done; while it is not, nothing changes. Pages it was done with. */
static unsigned with_little_memory(int (*f)(void *), void *arg)
{
	unsigned before[FAR * PARTIES], after[FAR * PARTIES];
	uint64_t free_before;

	ffa_spaces_compact();
	free_before = pool_free_pages();

	for (unsigned pages = 0;; pages++) {
		unsigned count = ffa_mem_count();
		int code;

		note(before);
		hoard_all_but(pages);
		code = f(arg);
		if (code == 0) {
			give_up_hoard();
			return pages;
		}
		assert_int_equal(code, FFA_NO_MEMORY);
		give_up_hoard();
		note(after);
		assert_memory_equal(before, after, sizeof(before));
		assert_int_equal(ffa_mem_count(), count);
		/* Tables that were made on the way are not lost; a page of handles, and its chunk's record, stay. */
		ffa_spaces_compact();
		assert_in_range(free_before - pool_free_pages(), 0, 2);
		assert_true(pages < 100);
	}
}

struct attempt {
	unsigned who;
	uint32_t id;
	struct descriptor d;
	uint64_t handle;
};

static int try_send(void *arg)
{
	struct attempt *a = arg;

	return send(a->who, a->id, &a->d, 0, 0, false, &a->handle);
}

static int try_retrieve(void *arg)
{
	struct attempt *a = arg;

	return retrieve(a->who, &a->d);
}

static void too_little_memory_changes_nothing(void **state)
{
	static const enum ffa_memory_type types[] = { FFA_MEMORY_SHARE, FFA_MEMORY_LEND, FFA_MEMORY_DONATE };
	unsigned to = 1;

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(types); i++) {
		struct attempt a = { .who = i == 1 ? NWD : 0, .id = call_of(types[i]) }, b = { .who = 1 };

		world_start_sized(MIB(4), STRIDE * (FAR + 2));
		for (unsigned k = 0; k < FAR; k++) {
			far_apart[k] = (struct range){ world.region[a.who].v + STRIDE * (FAR + 1 - k) + 5 * PAGE_SIZE,
						       1 };
		}
		a.d = descriptor_of(a.who, types[i], 1, &to, far_apart, FAR);
		/* Each range divides a block: a table each, and the record. */
		assert_in_range(with_little_memory(try_send, &a), FAR, FAR + 8);
		b.d = request_of(1, types[i], &a.d, a.handle);
		assert_in_range(with_little_memory(try_retrieve, &b), FAR, FAR + 4);
		/* Giving back needs none. */
		hoard_all_but(0);
		if (types[i] != FFA_MEMORY_DONATE) {
			assert_int_equal(relinquish(1, sp_id(1), a.handle, 0), 0);
			assert_int_equal(reclaim(a.who, a.handle, 0), 0);
		}
		give_up_hoard();
		assert_int_equal(ffa_mem_count(), 0);
	}
}

static void tables_that_nobody_needs_are_given_back_when_memory_is_short(void **state)
{
	unsigned to = 1, attrs[FAR * PARTIES];
	struct attempt a = { .who = 0, .id = FFA_MEM_SHARE }, b = { .who = 1 };
	uint64_t tables;

	(void)state;
	world_start_sized(MIB(4), STRIDE * (FAR + 2));
	for (unsigned k = 0; k < FAR; k++) {
		far_apart[k] = (struct range){ world.region[0].v + STRIDE * (k + 2), 1 };
	}
	a.d = descriptor_of(0, FFA_MEMORY_SHARE, 1, &to, far_apart, FAR);
	assert_int_equal(try_send(&a), 0);
	b.d = request_of(1, FFA_MEMORY_SHARE, &a.d, a.handle);
	assert_int_equal(try_retrieve(&b), 0);
	tables = world.space[0].secure.table.pages + world.space[1].secure.table.pages;
	assert_int_equal(relinquish(1, sp_id(1), a.handle, 0), 0);
	assert_int_equal(reclaim(0, a.handle, 0), 0);
	assert_int_equal(world.space[0].secure.table.pages + world.space[1].secure.table.pages, tables);
	note(attrs);
	for (unsigned k = 0; k < FAR; k++) {
		assert_int_equal(attrs[k * PARTIES], RWX);
	}
	/* Record and tables of the third party's share are all made of that. */
	for (unsigned k = 0; k < FAR; k++) {
		far_apart[k].address = world.region[2].v + STRIDE * (k + 2);
	}
	to = 0;
	a = (struct attempt){ .who = 2,
			      .id = FFA_MEM_SHARE,
			      .d = descriptor_of(2, FFA_MEMORY_SHARE, 1, &to, far_apart, FAR) };
	hoard_all_but(0);
	assert_int_equal(try_send(&a), 0);
	assert_true(world.space[0].secure.table.pages + world.space[1].secure.table.pages < tables);
	give_up_hoard();
}

/* What is shared stays in pages, so that taking it back needs no memory whatever happened meanwhile. */
static void compaction_leaves_what_is_shared(void **state)
{
	struct range whole = { 0 }, part;
	unsigned to = 1, attrs;
	struct descriptor d;
	uint64_t handle, other, run, pages;
	pa_t page;

	(void)state;
	world_start_sized(MIB(4), STRIDE * (FAR + 2));
	whole = (struct range){ world.region[0].v + STRIDE * 3, 256 };
	part = (struct range){ whole.address + MIB(1), 256 };
	d = descriptor_of(0, FFA_MEMORY_SHARE, 1, &to, &whole, 1);
	assert_int_equal(send(0, FFA_MEM_SHARE, &d, 0, 0, false, &handle), 0);
	d = descriptor_of(0, FFA_MEMORY_SHARE, 1, &to, &part, 1);
	assert_int_equal(send(0, FFA_MEM_SHARE, &d, 0, 0, false, &other), 0);
	pages = world.space[0].secure.table.pages;
	ffa_spaces_compact();
	assert_int_equal(world.space[0].secure.table.pages, pages);
	hoard_all_but(0);
	assert_int_equal(reclaim(0, handle, 0), 0);
	assert_int_equal(reclaim(0, other, 0), 0);
	give_up_hoard();
	ffa_spaces_compact();
	assert_int_equal(world.space[0].secure.table.pages, pages - 1);
	assert_true(stage2_lookup(&world.space[0].secure, ipa(whole.address), &page, &attrs, &run));
	assert_int_equal(run, BLOCK_SIZE);
	assert_int_equal(attrs, RWX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_agree_with_the_model),
		cmocka_unit_test(too_little_memory_changes_nothing),
		cmocka_unit_test(tables_that_nobody_needs_are_given_back_when_memory_is_short),
		cmocka_unit_test(compaction_leaves_what_is_shared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
