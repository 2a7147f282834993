/* SPDX-License-Identifier: MIT */
/* Long calls about memory: whom they hold up, and whom they do not; and calls of three guests at the same time. */
#include "mm_test.h"

#include <pthread.h>
#include <unistd.h>

#include "played_below.h"

#define LONG_PAGES 200u
#define THREAD_CALLS 10000u
#define HANDLES 16u

static struct descriptor one_range(unsigned who, enum ffa_memory_type type, uint16_t to, const struct range *range)
{
	unsigned party = (who + 1) % SPS;
	struct descriptor d = descriptor_of(who, type, 1, &party, range, 1);

	d.id[0] = to;
	return d;
}

/* ---- nobody else waits ---- */

static unsigned passed;

/* Another guest shares a page and takes it back. It would wait for ever for a lock that the one before us holds. */
static void pass(void)
{
	struct range range = { page_at(2, 5), 1 };
	struct descriptor d = one_range(2, FFA_MEMORY_SHARE, 2, &range);
	uint64_t handle, y[FFA_REGS] = { FFA_MEM_SHARE };

	y[1] = y[2] = build(tx_of(2), &d);
	ffa_mem_send(&world.sp[2], y);
	must(y[0] == FFA_SUCCESS);
	handle = y[2] | y[3] << 32;
	memset(y, 0, sizeof(y));
	y[0] = FFA_MEM_RECLAIM;
	y[1] = (uint32_t)handle;
	y[2] = handle >> 32;
	ffa_mem_reclaim(&world.sp[2], y);
	must(y[0] == FFA_SUCCESS);
	passed++;
}

static enum ffa_code pass_below(void)
{
	pass();
	return FFA_OK;
}

static void a_long_call_holds_up_nobody_else(void **state)
{
	struct range range = { page_at(0, 0), 1 }; /* long for what devices may do meanwhile */
	struct descriptor d = one_range(0, FFA_MEMORY_LEND, 2, &range);
	uint64_t handle;

	(void)state;
	passed = 0;
	world.while_waiting = pass;
	assert_int_equal(send(0, FFA_MEM_LEND, &d, 0, 0, false, &handle), 0);
	assert_int_equal(passed, 1);
	world.while_waiting = NULL;
	assert_int_equal(reclaim(0, handle, 0), 0);
	played.whim = pass_below;
	d.id[0] = SP_ID;
	assert_int_equal(send(0, FFA_MEM_LEND, &d, 96, 0, false, &handle), 0); /* no range in the first fragment */
	assert_int_equal(passed, 3);
	assert_int_equal(reclaim(0, handle, 0), 0);
	assert_int_equal(passed, 4);
	assert_int_equal(ffa_mem_count(), 0);
}

/* ---- who has to do with it does ---- */

static struct {
	pthread_t thread;
	void (*call)(void); /* on another CPU, while the first one is at work */
	uint64_t handle;
	bool begun, over;
	int code;
} other;

static void *make_call(void *arg)
{
	__atomic_store_n(&other.begun, true, __ATOMIC_SEQ_CST);
	other.call();
	__atomic_store_n(&other.over, true, __ATOMIC_SEQ_CST);
	return arg;
}

static void start_other(void)
{
	if (!other.begun) {
		must(pthread_create(&other.thread, NULL, make_call, NULL) == 0);
		while (!__atomic_load_n(&other.begun, __ATOMIC_SEQ_CST)) {
		}
		usleep(20000);
		must(!__atomic_load_n(&other.over, __ATOMIC_SEQ_CST));
	}
}

static enum ffa_code start_other_below(void)
{
	start_other();
	return FFA_OK;
}

static void join_other(void)
{
	assert_true(other.begun);
	assert_int_equal(pthread_join(other.thread, NULL), 0);
	assert_true(other.over);
}

/* The owner's other vCPU. */
static void take_back(void)
{
	other.code = reclaim(0, other.handle, 0);
}

static void a_call_about_the_same_handle_waits(void **state)
{
	struct range range = { page_at(0, 0), LONG_PAGES };
	struct descriptor d = one_range(0, FFA_MEMORY_LEND, SP_ID, &range);
	struct sending s = { .who = 0, .d = &d };

	(void)state;
	memset(&other, 0, sizeof(other));
	other.call = take_back;
	assert_int_equal(send_first(&s, FFA_MEM_LEND, 96), 0);
	other.handle = s.handle;
	played.whim = start_other_below;
	assert_int_equal(send_next(&s, 0), 0);
	join_other();
	assert_int_equal(other.code, 0);
	assert_int_equal(ffa_mem_count(), 0);
	assert_int_equal(world.away[0], 0);
	assert_null(played_find(s.handle));
}

static void ask_for_fragment(void)
{
	uint64_t y[FFA_REGS] = { FFA_MEM_FRAG_RX, (uint32_t)other.handle, other.handle >> 32 };

	ffa_mem_frag_rx(&world.sp[1], y);
	other.code = (int32_t)y[2];
}

/* While one vCPU of the receiver waits to be told more, another one uses their mailbox. */
static void use_mailbox(void)
{
	uint32_t size;
	uint8_t *rx;

	start_other();
	must(ffa_rx_begin(&world.sp[1], &rx, &size) == FFA_OK);
	ffa_rx_end(&world.sp[1], false);
}

static void who_waits_keeps_no_mailbox(void **state)
{
	struct range range = { page_at(0, 0), LONG_PAGES };
	struct descriptor d = one_range(0, FFA_MEMORY_LEND, 2, &range);
	struct sending s = { .who = 0, .d = &d };

	(void)state;
	memset(&other, 0, sizeof(other));
	other.call = ask_for_fragment;
	assert_int_equal(send_first(&s, FFA_MEM_LEND, 96), 0);
	other.handle = s.handle;
	world.while_waiting = use_mailbox;
	assert_int_equal(send_next(&s, 0), 0);
	world.while_waiting = NULL;
	join_other();
	assert_int_equal(other.code, FFA_INVALID_PARAMETERS); /* it has not retrieved it */
	assert_int_equal(reclaim(0, s.handle, 0), 0);
	assert_int_equal(ffa_mem_count(), 0);
}

static uint64_t same_handle(uint64_t number)
{
	(void)number;
	return BELOW_HANDLE;
}

static enum ffa_code send_with_same_handle(void)
{
	struct range range = { page_at(2, 5), 1 };
	struct descriptor d = one_range(2, FFA_MEMORY_LEND, SP_ID, &range);

	played.whim = NULL;
	must(send(2, FFA_MEM_LEND, &d, 0, 0, false, &other.handle) == 0);
	return FFA_OK;
}

/* The SPMC has forgotten one and gives its handle to another, while the first one's pages go back. */
static void a_handle_is_used_again(void **state)
{
	struct range range = { page_at(0, 0), LONG_PAGES };
	struct descriptor d = one_range(0, FFA_MEMORY_LEND, SP_ID, &range);
	uint64_t handle;

	(void)state;
	played.handle_of = same_handle;
	assert_int_equal(send(0, FFA_MEM_LEND, &d, 0, 0, false, &handle), 0);
	played.whim = send_with_same_handle;
	assert_int_equal(reclaim(0, handle, 0), 0);
	assert_int_equal(other.handle, handle);
	assert_int_equal(ffa_mem_count(), 1);
	assert_int_equal(played_find(handle)->guest, 2);
	assert_int_equal(reclaim(0, handle, 0), FFA_INVALID_PARAMETERS);
	assert_int_equal(reclaim(2, handle, 0), 0);
	/* Nor does one that stays count as leaving. */
	assert_int_equal(send(0, FFA_MEM_LEND, &d, 0, 0, false, &handle), 0);
	played.codes.reclaim = FFA_DENIED;
	assert_int_equal(reclaim(0, handle, 0), FFA_DENIED);
	d = one_range(2, FFA_MEMORY_LEND, SP_ID, &(struct range){ page_at(2, 5), 1 });
	played.codes.reclaim = FFA_OK;
	assert_int_equal(send(2, FFA_MEM_LEND, &d, 0, 0, false, &other.handle), FFA_ABORTED);
	assert_int_equal(reclaim(0, handle, 0), 0);
	assert_int_equal(ffa_mem_count(), 0);
}

static void owner_ends(void)
{
	must(!guest_leave(0));
}

static void the_end_of_a_guest_waits_for_work_on_its_pages(void **state)
{
	struct range range = { page_at(0, 0), 1 };
	struct descriptor d = one_range(0, FFA_MEMORY_LEND, sp_id(1), &range);
	uint64_t handle;

	(void)state;
	memset(&other, 0, sizeof(other));
	other.call = owner_ends;
	world.while_waiting = start_other;
	assert_int_equal(send(0, FFA_MEM_LEND, &d, 0, 0, false, &handle), 0);
	join_other();
	world.while_waiting = NULL;
	assert_int_equal(ffa_mem_count(), 0);
	assert_int_equal(guest_map_buffers(0), FFA_OK);
}

static struct ffa_mem_walk walk;

/* Whoever is at work with it: the end goes on later. */
static void end_some(void)
{
	for (unsigned i = 0; i < 3; i++) {
		must(ffa_mem_drop_some(&world.sp[0], &walk));
	}
	passed++;
}

/* One with many transactions ends in slices. */
static void an_end_takes_slices(void **state)
{
	struct ffa_transaction place = { 0 };
	struct range range = { page_at(0, 0), 1 };
	struct descriptor d = one_range(0, FFA_MEMORY_LEND, sp_id(1), &range);
	uint64_t handle;
	unsigned slices = 1;

	(void)state;
	walk = (struct ffa_mem_walk){ .place = &place };
	passed = 0;
	world.while_waiting = end_some;
	assert_int_equal(send(0, FFA_MEM_LEND, &d, 0, 0, false, &handle), 0);
	world.while_waiting = NULL;
	assert_int_equal(passed, 1);
	for (unsigned i = 1; i < 100; i++) {
		range.address = page_at(0, i);
		d = one_range(0, FFA_MEMORY_SHARE, sp_id(1), &range);
		assert_int_equal(send(0, FFA_MEM_SHARE, &d, 0, 0, false, &handle), 0);
	}
	for (unsigned before = ffa_mem_count(); ffa_mem_drop_some(&world.sp[0], &walk); before = ffa_mem_count()) {
		assert_in_range(before - ffa_mem_count(), 1, 20);
		slices++;
	}
	assert_in_range(slices, 5, 20);
	assert_int_equal(walk.left, 0);
	assert_int_equal(ffa_mem_count(), 0);
}

static void receiver_ends(void)
{
	must(!guest_leave(1));
}

/* Who was only named as a receiver waits for nothing: others could keep its end waiting for ever. */
static void who_has_nothing_of_it_ends_at_once(void **state)
{
	struct range range = { page_at(0, 0), 1 };
	struct descriptor d = one_range(0, FFA_MEMORY_LEND, sp_id(1), &range), request;
	uint64_t handle;

	(void)state;
	world.while_waiting = receiver_ends;
	assert_int_equal(send(0, FFA_MEM_LEND, &d, 0, 0, false, &handle), 0);
	world.while_waiting = NULL;
	assert_int_equal(guest_map_buffers(1), FFA_OK);
	request = request_of(1, FFA_MEMORY_LEND, &d, handle);
	assert_int_equal(retrieve(1, &request), FFA_DENIED); /* it was sent to one that has ended */
	assert_int_equal(reclaim(0, handle, 0), 0);
}

/* ---- all at once ---- */

struct handle {
	uint64_t value;
	enum ffa_memory_type type;
	uint16_t sender;
};
static struct handle handles[HANDLES]; /* anybody's: written and read without care */

struct guest_thread {
	pthread_t thread;
	unsigned who;
	uint64_t seed;
	unsigned done;
};

static unsigned next_number(struct guest_thread *g, unsigned bound)
{
	g->seed = g->seed * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (unsigned)(g->seed >> 33) % bound;
}

static struct handle some_handle(struct guest_thread *g)
{
	struct handle *h = &handles[next_number(g, HANDLES)], copy;

	copy.value = __atomic_load_n(&h->value, __ATOMIC_RELAXED);
	copy.type = __atomic_load_n(&h->type, __ATOMIC_RELAXED);
	copy.sender = __atomic_load_n(&h->sender, __ATOMIC_RELAXED);
	return copy;
}

static void send_some(struct guest_thread *g)
{
	enum ffa_memory_type type = next_number(g, 200) == 0 ? FFA_MEMORY_DONATE
				    : next_number(g, 2) == 0 ? FFA_MEMORY_LEND
							     : FFA_MEMORY_SHARE;
	uint16_t to = (uint16_t)(1 + (g->who + 1 + next_number(g, 2)) % SPS);
	struct range range = { page_at(g->who, next_number(g, 180)), 1 + next_number(g, 3) * 70 };
	struct descriptor d = one_range(g->who, type, to, &range);
	struct handle *h = &handles[next_number(g, HANDLES)];
	uint64_t handle;

	if (send(g->who, call_of(type), &d, 0, 0, false, &handle) == 0) {
		g->done++;
		__atomic_store_n(&h->value, handle, __ATOMIC_RELAXED);
		__atomic_store_n(&h->type, type, __ATOMIC_RELAXED);
		__atomic_store_n(&h->sender, sp_id(g->who), __ATOMIC_RELAXED);
	}
}

static void retrieve_some(struct guest_thread *g)
{
	struct handle h = some_handle(g);
	struct descriptor d = { .version = FFA_VERSION_1_2,
				.sender = h.sender,
				.flags = (uint32_t)h.type << 3,
				.handle = h.value,
				.count = 1,
				.id = { sp_id(g->who) },
				.permissions = { FFA_DATA_RW | (h.type != FFA_MEMORY_SHARE ? FFA_EXEC_XN << 2 : 0) } };
	struct fetching f = { .who = g->who };

	g->done += retrieve_first(&f, &d) == 0;
}

static void *run_guest(void *arg)
{
	struct guest_thread *g = arg;

	for (unsigned i = 0; i < THREAD_CALLS; i++) {
		switch (next_number(g, 40)) {
		case 0: /* its VM ends and starts */
			guest_leave(g->who);
			(void)ask_again();
			must(guest_map_buffers(g->who) == 0);
			break;
		case 1:
			ffa_mem_compact();
			break;
		case 2 ... 12:
			send_some(g);
			break;
		case 13 ... 22:
			retrieve_some(g);
			break;
		case 23 ... 31:
			g->done += relinquish(g->who, sp_id(g->who), some_handle(g).value, 0) == 0;
			break;
		default:
			g->done += reclaim(g->who, some_handle(g).value, 0) == 0;
			break;
		}
	}
	return arg;
}

static void three_guests_call_at_the_same_time(void **state)
{
	struct guest_thread g[SPS];
	unsigned done = 0;

	(void)state;
	random_start("guests at once");
	memset(handles, 0, sizeof(handles));
	for (unsigned who = 0; who < SPS; who++) {
		g[who] = (struct guest_thread){ .who = who, .seed = random_u64() };
		assert_int_equal(pthread_create(&g[who].thread, NULL, run_guest, &g[who]), 0);
	}
	for (unsigned who = 0; who < SPS; who++) {
		assert_int_equal(pthread_join(g[who].thread, NULL), 0);
		done += g[who].done;
	}
	for (unsigned who = 0; who < SPS; who++) {
		guest_leave(who);
	}
	assert_int_equal(ffa_mem_count(), 0);
	for (unsigned who = 0; who < SPS; who++) {
		assert_int_equal(world.space[who].record_bytes, 0);
		assert_int_equal(world.space[who].mapping, 0);
	}
	printf("%u of %u calls done\n", done, SPS * THREAD_CALLS);
	assert_true(done > THREAD_CALLS / 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_long_call_holds_up_nobody_else, start_with_spmc),
		cmocka_unit_test_setup(a_call_about_the_same_handle_waits, start_with_spmc),
		cmocka_unit_test_setup(who_waits_keeps_no_mailbox, start_with_spmc),
		cmocka_unit_test_setup(a_handle_is_used_again, start_with_spmc),
		cmocka_unit_test_setup(the_end_of_a_guest_waits_for_work_on_its_pages, start),
		cmocka_unit_test_setup(an_end_takes_slices, start),
		cmocka_unit_test_setup(who_has_nothing_of_it_ends_at_once, start),
		cmocka_unit_test_setup(three_guests_call_at_the_same_time, start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
