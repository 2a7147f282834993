/* SPDX-License-Identifier: MIT */
/* The device's side of a virtqueue against a driver: whole chains in any shape, malformed ones, and two at a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <sched.h>
#include <time.h>

#include "core/mm/stage2.h"
#include "role/hyp/dev/virtqueue.h"
#include "virtio_guest.h"

#define RAM_SIZE MIB(1)
#define ALL_FEATURES (VIRTIO_F_EVENT_IDX | VIRTIO_F_INDIRECT_DESC)

/* ---- the VM's tables: all pages are there but one ---- */

static uint64_t lent_page = UINT64_MAX;
static unsigned lookups;

bool stage2_lookup(struct stage2 *s2, ipa_t base, pa_t *to, unsigned *attrs, uint64_t *run)
{
	(void)s2;
	lookups++;
	*to = pa(base.v);
	*attrs = ALIGN_DOWN(base.v, PAGE_SIZE) == lent_page ? STAGE2_LENT : STAGE2_OWNED | STAGE2_R | STAGE2_W;
	*run = PAGE_SIZE - (base.v & (PAGE_SIZE - 1));
	return true;
}

struct fixture {
	struct test_vm *vm;
	struct virtq q;
	struct driver_queue d;
};

/* A queue of 'size' descriptors that driver and device have agreed on. */
static struct fixture *start(uint16_t size, uint64_t features)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->vm = test_vm_new(RAM_SIZE);
	driver_queue_init(&f->d, f->vm, size, (features & VIRTIO_F_EVENT_IDX) != 0);
	f->q.size_max = VIRTQ_SIZE_MAX;
	f->q.want_notify = true;
	f->q.size = size;
	f->q.desc_ipa = f->d.desc_ipa;
	f->q.avail_ipa = f->d.avail_ipa;
	f->q.used_ipa = f->d.used_ipa;
	assert_true(virtq_start(&f->q, &f->vm->vm.mem, features));
	return f;
}

static void stop(struct fixture *f)
{
	test_vm_free(f->vm);
	free(f);
}

static bool begin(struct fixture *f)
{
	return virtq_begin(&f->q, &f->vm->vm.mem);
}

static void queue_starts_only_where_it_may(void **state)
{
	static const struct {
		uint32_t size;
		uint64_t desc, avail, used;
		bool good;
	} cases[] = {
		{ 8, 0x40000000, 0x40001000, 0x40002000, true },
		{ 1, 0x40000000, 0x40001000, 0x40002000, true },
		{ 128, 0x40000010, 0x40001002, 0x40002004, true },
		{ 0, 0x40000000, 0x40001000, 0x40002000, false },
		{ 3, 0x40000000, 0x40001000, 0x40002000, false },
		{ 256, 0x40000000, 0x40001000, 0x40002000, false },
		{ 8, 0x40000008, 0x40001000, 0x40002000, false },
		{ 8, 0x40000000, 0x40001001, 0x40002000, false },
		{ 8, 0x40000000, 0x40001000, 0x40002002, false },
		{ 8, 0, 0x40001000, 0x40002000, false },
		{ 8, 0x40000000, 0x3ffffffe, 0x40002000, false },
		{ 8, 0x400fff90, 0x40001000, 0x40002000, false },
		{ 8, 0x400fff80, 0x40001000, 0x40002000, true },
		{ 8, 0x40000000, 0x400fffec, 0x40002000, false },
		{ 8, 0x40000000, 0x400fffea, 0x40002000, true },
		{ 8, 0x40000000, 0x40001000, 0x400fffbc, false },
		{ 8, 0x40000000, 0x40001000, 0x400fffb8, true },
		{ 8, 0xfffffffffffffff0, 0x40001000, 0x40002000, false },
		{ 8, 0x40000000, 0xfffffffffffffffe, 0x40002000, false },
	};
	struct test_vm *vm = test_vm_new(RAM_SIZE);

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct virtq q = { .size_max = VIRTQ_SIZE_MAX, .size = (uint16_t)cases[i].size };

		q.desc_ipa = cases[i].desc;
		q.avail_ipa = cases[i].avail;
		q.used_ipa = cases[i].used;
		if (virtq_start(&q, &vm->vm.mem, ALL_FEATURES) != cases[i].good) {
			fail_msg("case %u", i);
		}
		assert_int_equal(q.ready, cases[i].good);
		assert_int_equal(virtq_begin(&q, &vm->vm.mem), cases[i].good);
	}
	test_vm_free(vm);
}

/* ---- honest drivers ---- */

struct message {
	int head; /* -1: free */
	unsigned sequence;
	uint32_t read_size, write_size;
	struct driver_buffer buffers[20];
	unsigned count;
};

/* Cuts a message into random buffers inside its own slot of memory, some of one byte, and fills the readable part. */
static void make_message(struct fixture *f, struct message *m, uint64_t slot, unsigned sequence)
{
	unsigned readable = random_below(6);
	uint64_t at = slot;

	m->count = readable + random_below(6);
	m->count += m->count == 0;
	m->sequence = sequence;
	m->read_size = m->write_size = 0;
	for (unsigned i = 0; i < m->count; i++) {
		uint32_t size = random_below(4) == 0 ? 1 : 1 + random_below(150);
		uint8_t *p = test_vm_ptr(f->vm, at);

		m->buffers[i] = (struct driver_buffer){ at, size, i >= readable };
		for (uint32_t j = 0; j < size; j++) {
			p[j] = m->buffers[i].writable ? 0xee : (uint8_t)(sequence * 7 + m->read_size + j);
		}
		*(m->buffers[i].writable ? &m->write_size : &m->read_size) += size;
		at += size + random_below(3);
	}
}

static int send_message(struct fixture *f, struct message *m, uint64_t table)
{
	if (f->q.indirect && random_below(2) == 0) {
		m->head = driver_add_indirect(&f->d, m->buffers, m->count, random_below(m->count), table);
	} else {
		m->head = driver_add(&f->d, m->buffers, m->count);
	}
	return m->head;
}

/* The device: reads all in random pieces, checks it, answers with some bytes of a pattern. Returns how many. */
static uint32_t serve_message(struct virtq_chain *chain, const struct message *m)
{
	uint8_t piece[64];
	uint32_t done = 0;
	uint32_t want;
	uint64_t got;

	assert_int_equal(chain->readable_size, m->read_size);
	assert_int_equal(chain->writable_size, m->write_size);
	do {
		bool skip = random_below(8) == 0;

		got = virtq_read(chain, skip ? NULL : piece, 1 + random_below(64));
		for (uint32_t i = 0; i < got && !skip; i++) {
			assert_int_equal(piece[i], (uint8_t)(m->sequence * 7 + done + i));
		}
		done += (uint32_t)got;
	} while (got != 0);
	assert_int_equal(done, m->read_size);
	want = random_below(m->write_size + 1);
	for (done = 0; done < want; done += (uint32_t)got) {
		uint32_t size = 1 + random_below(64);

		size = MIN(size, want - done);
		for (uint32_t i = 0; i < size; i++) {
			piece[i] = (uint8_t)(m->sequence * 13 + done + i);
		}
		got = virtq_write(chain, piece, size);
		assert_int_equal(got, size);
	}
	assert_int_equal(chain->written, want);
	return want;
}

static void check_answer(struct fixture *f, const struct message *m, uint32_t written)
{
	uint32_t done = 0;

	for (unsigned i = 0; i < m->count; i++) {
		const uint8_t *p = test_vm_ptr(f->vm, m->buffers[i].ipa);

		for (uint32_t j = 0; m->buffers[i].writable && j < m->buffers[i].size; j++, done++) {
			assert_int_equal(p[j], done < written ? (uint8_t)(m->sequence * 13 + done) : 0xee);
		}
	}
}

#define SLOT_SIZE 4096
#define SLOTS 32

static struct message *find_message(struct message *messages, uint32_t head)
{
	for (unsigned i = 0; i < SLOTS; i++) {
		if (messages[i].head == (int)head) {
			return &messages[i];
		}
	}
	fail_msg("head %u is nobody's", head);
	return NULL;
}

/*
 * The device's turn; it may leave messages for later (unpop) and returns the others in the order in which it took
 * them.
 */
static bool device_turn(struct fixture *f, struct message *messages, uint32_t *answers)
{
	struct virtq_chain *chain;

	if (!begin(f)) {
		fail_msg("broken");
	}
	while ((chain = virtq_pop(&f->q)) != NULL) {
		struct message *m = find_message(messages, chain->head);

		if (random_below(16) == 0) {
			virtq_unpop(&f->q, 1);
			continue;
		}
		answers[m - messages] = serve_message(chain, m);
		virtq_push(&f->q, chain->head, chain->written);
	}
	assert_false(f->q.broken);
	return virtq_end(&f->q);
}

/*
 * Long enough that all indexes wrap. With the model of 2.7.10: a turn is only had if the driver must notify, and
 * nothing that was added may then be left; and an interrupt is reported if and only if the driver's rule asks for it.
 */
static void run_messages(uint16_t size, uint64_t features, unsigned rounds)
{
	struct fixture *f = start(size, features);
	uint64_t slots = test_vm_alloc(f->vm, SLOTS * SLOT_SIZE, PAGE_SIZE);
	uint64_t tables = test_vm_alloc(f->vm, SLOTS * 512, 16);
	struct message messages[SLOTS];
	uint32_t answers[SLOTS];
	unsigned sequence = 0;

	for (unsigned i = 0; i < SLOTS; i++) {
		messages[i].head = -1;
	}
	for (unsigned round = 0; round < rounds; round++) {
		unsigned want = 1 + random_below(4);
		uint16_t event = (uint16_t)(f->d.seen + random_below(3));
		bool interrupt = false;
		struct virtq_used_elem elem;
		uint16_t before;

		for (unsigned i = 0; i < SLOTS && want != 0; i++) {
			if (messages[i].head < 0) {
				make_message(f, &messages[i], slots + i * SLOT_SIZE, sequence++);
				send_message(f, &messages[i], tables + i * 512);
				want--;
			}
		}
		*driver_used_event(&f->d) = event;
		before = f->d.used->idx;
		if (driver_must_kick(&f->d)) {
			interrupt = device_turn(f, messages, answers);
		}
		assert_int_equal(f->q.last_avail, f->d.added);
		if (f->q.event_idx) {
			assert_int_equal(interrupt,
					 (uint16_t)(f->d.used->idx - event - 1) < (uint16_t)(f->d.used->idx - before));
		} else {
			assert_int_equal(interrupt, f->d.used->idx != before);
		}
		while (driver_take(&f->d, &elem)) {
			struct message *m = find_message(messages, elem.id);

			assert_int_equal(elem.len, answers[m - messages]);
			check_answer(f, m, elem.len);
			m->head = -1;
		}
	}
	assert_true(sequence > rounds);
	stop(f);
}

static void messages_arrive_whole(void **state)
{
	(void)state;
	run_messages(64, 0, 5000);
	run_messages(16, VIRTIO_F_INDIRECT_DESC, 5000);
	run_messages(128, ALL_FEATURES, 5000);
	run_messages(32, VIRTIO_F_EVENT_IDX, 40000);
}

static void skipped_bytes_are_not_counted_as_written(void **state)
{
	struct fixture *f = start(8, 0);
	uint64_t at = test_vm_alloc(f->vm, 64, 16);
	struct driver_buffer buffers[] = { { at, 10, true }, { at + 10, 10, true } };
	struct virtq_chain *chain;

	(void)state;
	driver_add(&f->d, buffers, 2);
	assert_true(begin(f));
	chain = virtq_pop(&f->q);
	assert_non_null(chain);
	assert_int_equal(virtq_read(chain, NULL, 100), 0);
	assert_int_equal(virtq_write(chain, "abcd", 4), 4);
	assert_int_equal(virtq_write(chain, NULL, 15), 15);
	assert_int_equal(virtq_write(chain, "xyz", 3), 1);
	assert_int_equal(chain->written, 4);
	assert_int_equal(((uint8_t *)test_vm_ptr(f->vm, at))[19], 'x');
	stop(f);
}

static void notifications_are_suppressed_where_nobody_wants_them(void **state)
{
	struct fixture *f = start(8, 0);
	uint64_t at = test_vm_alloc(f->vm, 64, 16);
	struct driver_buffer buffer = { at, 10, false };
	struct virtq_chain *chain;

	(void)state;
	assert_int_equal(f->d.used->flags, 0);
	virtq_stop(&f->q);
	assert_false(begin(f));
	f->q.want_notify = false;
	f->q.size = 8;
	f->q.desc_ipa = f->d.desc_ipa;
	f->q.avail_ipa = f->d.avail_ipa;
	f->q.used_ipa = f->d.used_ipa;
	assert_true(virtq_start(&f->q, &f->vm->vm.mem, 0));
	assert_int_equal(f->d.used->flags, VIRTQ_USED_F_NO_NOTIFY);

	f->d.avail->flags = VIRTQ_AVAIL_F_NO_INTERRUPT;
	driver_add(&f->d, &buffer, 1);
	assert_false(driver_must_kick(&f->d));
	assert_true(begin(f));
	chain = virtq_pop(&f->q);
	virtq_push(&f->q, chain->head, 0);
	assert_false(virtq_end(&f->q));
	assert_int_equal(f->d.used->idx, 1);
	stop(f);
}

/* ---- dishonest ones ---- */

/* One descriptor and what follows it; the device must find the queue broken, with nothing used. */
static void expect_broken(struct fixture *f, const char *what)
{
	if (!begin(f)) {
		fail_msg("%s: no turn", what);
	}
	if (virtq_pop(&f->q) != NULL || !f->q.broken) {
		fail_msg("%s: accepted", what);
	}
	assert_false(virtq_end(&f->q));
	assert_int_equal(f->d.used->idx, 0);
	assert_false(begin(f));
	stop(f);
}

static void one_bad_descriptor_breaks_the_queue(void **state)
{
	static const struct {
		const char *what;
		struct virtq_desc desc[3];
	} cases[] = {
		{ "next out of range", { { 0x40010000, 8, VIRTQ_DESC_F_NEXT, 8 } } },
		{ "next far out of range", { { 0x40010000, 8, VIRTQ_DESC_F_NEXT, 0xffff } } },
		{ "loop to itself", { { 0x40010000, 8, VIRTQ_DESC_F_NEXT, 0 } } },
		{ "loop of two", { { 0x40010000, 8, VIRTQ_DESC_F_NEXT, 1 }, { 0x40010000, 8, VIRTQ_DESC_F_NEXT, 0 } } },
		{ "empty buffer", { { 0x40010000, 0, 0, 0 } } },
		{ "below RAM", { { 0x3fffffff, 8, 0, 0 } } },
		{ "over the end of RAM", { { 0x400ffff9, 8, 0, 0 } } },
		{ "wraps", { { 0xfffffffffffffff0, 0x20, 0, 0 } } },
		{ "4 GiB", { { 0x40010000, 0xffffffff, 0, 0 } } },
		{ "readable after writable",
		  { { 0x40010000, 8, VIRTQ_DESC_F_NEXT | VIRTQ_DESC_F_WRITE, 1 }, { 0x40010000, 8, 0, 0 } } },
		{ "empty table", { { 0x40010000, 0, VIRTQ_DESC_F_INDIRECT, 0 } } },
		{ "ragged table", { { 0x40010000, 24, VIRTQ_DESC_F_INDIRECT, 0 } } },
		{ "table outside RAM", { { 0x50000000, 16, VIRTQ_DESC_F_INDIRECT, 0 } } },
		{ "table over the end of RAM", { { 0x400ffff0, 32, VIRTQ_DESC_F_INDIRECT, 0 } } },
		{ "huge table", { { 0x40010000, 0xfffffff0, VIRTQ_DESC_F_INDIRECT, 0 } } },
		{ "table with next", { { 0x40010000, 16, VIRTQ_DESC_F_INDIRECT | VIRTQ_DESC_F_NEXT, 1 } } },
		{ "table of zeroes", { { 0x40020000, 16, VIRTQ_DESC_F_INDIRECT, 0 } } },
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fixture *f = start(8, ALL_FEATURES);

		memcpy(f->d.desc, cases[i].desc, sizeof(cases[i].desc));
		driver_publish(&f->d, 0);
		expect_broken(f, cases[i].what);
	}
}

static void bad_tables_and_rings_break_the_queue(void **state)
{
	struct virtq_desc *inner;
	struct fixture *f;

	(void)state;
	f = start(8, ALL_FEATURES);
	f->d.desc[0] = (struct virtq_desc){ 0x40010000, 32, VIRTQ_DESC_F_INDIRECT, 0 };
	inner = test_vm_ptr(f->vm, 0x40010000);
	inner[0] = (struct virtq_desc){ 0x40010000, 32, VIRTQ_DESC_F_INDIRECT, 0 };
	driver_publish(&f->d, 0);
	expect_broken(f, "table in a table");

	f = start(8, ALL_FEATURES);
	f->d.desc[0] = (struct virtq_desc){ 0x40010000, 32, VIRTQ_DESC_F_INDIRECT, 0 };
	inner = test_vm_ptr(f->vm, 0x40010000);
	inner[0] = (struct virtq_desc){ 0x40020000, 8, VIRTQ_DESC_F_NEXT, 2 };
	inner[2] = (struct virtq_desc){ 0x40020000, 8, 0, 0 };
	driver_publish(&f->d, 0);
	expect_broken(f, "next out of the table");

	f = start(8, ALL_FEATURES);
	f->d.desc[0] = (struct virtq_desc){ 0x40010000, 16 * 4096, VIRTQ_DESC_F_INDIRECT, 0 };
	inner = test_vm_ptr(f->vm, 0x40010000);
	for (unsigned i = 0; i < 4096; i++) {
		inner[i] = (struct virtq_desc){ 0x40020000, 8, VIRTQ_DESC_F_NEXT, (uint16_t)(i + 1) };
	}
	driver_publish(&f->d, 0);
	expect_broken(f, "chain longer than any queue");

	f = start(8, 0);
	f->d.desc[0] = (struct virtq_desc){ 0x40010000, 16, VIRTQ_DESC_F_INDIRECT, 0 };
	driver_publish(&f->d, 0);
	expect_broken(f, "table that was not negotiated");

	f = start(8, ALL_FEATURES);
	driver_publish(&f->d, 8);
	expect_broken(f, "head out of range");

	f = start(8, ALL_FEATURES);
	f->d.desc[0] = (struct virtq_desc){ 0x40010000, 8, 0, 0 };
	f->d.avail->idx = 9;
	expect_broken(f, "more available than the queue holds");

	f = start(8, 0);
	f->d.avail->idx = 0xffff;
	expect_broken(f, "index runs backwards");

	f = start(8, ALL_FEATURES);
	f->d.desc[0] = (struct virtq_desc){ 0x40010000, 8, 0, 0 };
	driver_publish(&f->d, 0);
	f->vm->vm.mem.banks[0].size = PAGE_SIZE;
	f->vm->vm.mem.banks[0].ipa += PAGE_SIZE;
	f->vm->vm.mem.banks[0].host += PAGE_SIZE;
	expect_broken(f, "RAM that went away");
}

/* What was done before the bad chain is still shown. */
static void good_chains_before_a_bad_one_are_used(void **state)
{
	struct fixture *f = start(8, 0);
	struct virtq_chain *chain;

	(void)state;
	f->d.desc[0] = (struct virtq_desc){ 0x40010000, 8, 0, 0 };
	driver_publish(&f->d, 0);
	driver_publish(&f->d, 77);
	assert_true(begin(f));
	chain = virtq_pop(&f->q);
	assert_non_null(chain);
	virtq_push(&f->q, chain->head, 5);
	assert_null(virtq_pop(&f->q));
	assert_true(virtq_end(&f->q));
	assert_true(f->q.broken);
	assert_int_equal(f->d.used->idx, 1);
	assert_int_equal(f->d.used->ring[0].len, 5);
	stop(f);
}

/* Whatever the rings hold, what comes out lies in RAM, and a turn ends. */
static void garbage_does_no_harm(void **state)
{
	unsigned chains = 0, broken = 0;

	(void)state;
	for (unsigned round = 0; round < 3000; round++) {
		struct fixture *f = start((uint16_t)(1 << random_below(8)), random_u64() & ALL_FEATURES);
		unsigned pops = 0;
		struct virtq_chain *chain;

		random_fill(f->vm->ram, 8192);
		f->d.avail->idx = (uint16_t)random_below(f->d.size + 2u);
		for (unsigned i = 0; i < f->d.size; i++) {
			struct virtq_desc *desc = &f->d.desc[i];

			f->d.avail->ring[i] = (uint16_t)random_below(f->d.size);
			desc->addr = TEST_RAM_BASE + random_below(RAM_SIZE);
			desc->len = random_below(16) == 0 ? desc->len : 1 + random_below(4000);
			desc->next = (uint16_t)random_below(f->d.size);
			desc->flags &= random_below(3) == 0 ? 7 : 2;
		}
		assert_true(begin(f));
		while ((chain = virtq_pop(&f->q)) != NULL) {
			uint64_t left = chain->readable_size + chain->writable_size;

			for (unsigned i = 0; i < chain->segment_count; i++) {
				assert_true(chain->segments[i].data >= f->vm->ram);
				assert_true(chain->segments[i].data + chain->segments[i].size <= f->vm->ram + RAM_SIZE);
				left -= chain->segments[i].size;
			}
			assert_int_equal(left, 0);
			pops++;
			virtq_push(&f->q, chain->head, 0);
		}
		assert_true(pops <= f->d.size);
		virtq_end(&f->q);
		chains += pops;
		broken += f->q.broken;
		stop(f);
	}
	/* The test would be void if it never got past the first checks, or always. */
	assert_true(chains > 300 && broken > 300 && broken < 3000);
}

/* ---- pages that the VM has given away ---- */

#define LENT_BUFFER (3 * PAGE_SIZE)

static struct fixture *start_with_a_lent_page(uint64_t page)
{
	struct fixture *f = start(16, VIRTIO_F_INDIRECT_DESC);

	lent_page = page;
	f->vm->vm.mem.away = 1;
	lookups = 0;
	return f;
}

static bool is_filled(const uint8_t *bytes, uint64_t size, uint8_t value)
{
	return bytes[0] == value && memcmp(bytes, bytes + 1, size - 1) == 0;
}

/* The page in the middle of a buffer: neither read nor written, and the queue breaks when somebody tries. */
static void what_was_given_away_is_not_touched(void **state)
{
	static uint8_t data[LENT_BUFFER];
	const uint64_t from = TEST_RAM_BASE + 0x10000, to = TEST_RAM_BASE + 0x20000;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct fixture *f = start_with_a_lent_page((i == 1 ? to : from) + PAGE_SIZE);
		struct driver_buffer buffers[] = { { from, LENT_BUFFER, false }, { to, LENT_BUFFER, true } };
		struct virtq_chain *chain;

		memset(test_vm_ptr(f->vm, from), 1, LENT_BUFFER);
		memset(test_vm_ptr(f->vm, to), 2, LENT_BUFFER);
		driver_add(&f->d, buffers, 2);
		assert_true(begin(f));
		chain = virtq_pop(&f->q);
		assert_non_null(chain);
		assert_false(f->q.broken);
		switch (i) {
		case 0:
			memset(data, 3, sizeof(data));
			assert_int_equal(virtq_read(chain, NULL, PAGE_SIZE), PAGE_SIZE);
			assert_false(f->q.broken); /* what is skipped is not looked at */
			virtq_rewind(chain, 0);
			assert_int_equal(virtq_read(chain, data, LENT_BUFFER), LENT_BUFFER);
			assert_true(is_filled(data, LENT_BUFFER, 0));
			break;
		case 1:
			memset(data, 3, sizeof(data));
			assert_int_equal(virtq_write(chain, data, LENT_BUFFER), LENT_BUFFER);
			assert_true(is_filled(test_vm_ptr(f->vm, to), LENT_BUFFER, 2));
			break;
		default:
			assert_int_equal(virtq_copy(chain, chain, LENT_BUFFER), LENT_BUFFER);
			assert_true(is_filled(test_vm_ptr(f->vm, to), LENT_BUFFER, 0));
			break;
		}
		assert_true(f->q.broken);
		assert_true(is_filled(test_vm_ptr(f->vm, from), LENT_BUFFER, 1));
		assert_null(virtq_pop(&f->q));
		virtq_push(&f->q, 0, 0);
		virtq_end(&f->q);
		stop(f);
	}
	lent_page = UINT64_MAX;
}

/* Rings and table, each on a page of its own. */
static void rings_that_were_given_away_break_the_queue(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct fixture *f = start(16, 0);
		uint64_t *const places[] = { &f->q.desc_ipa, &f->q.avail_ipa, &f->q.used_ipa };

		for (unsigned k = 0; k < 3; k++) {
			*places[k] = TEST_RAM_BASE + 0x10000 * (k + 1);
		}
		((struct virtq_avail *)test_vm_ptr(f->vm, f->q.avail_ipa))->idx = 1;
		lent_page = *places[i];
		f->vm->vm.mem.away = 1;
		assert_true(begin(f));
		assert_null(virtq_pop(&f->q));
		assert_true(f->q.broken);
		virtq_want_less(&f->q);
		assert_false(virtq_want_more(&f->q));
		assert_false(virtq_end(&f->q));
		stop(f);
	}
	lent_page = UINT64_MAX;
}

/* Buffers of any size, and as many as there may be: the tables are asked for what is moved only. */
static void given_pages_cost_what_is_moved(void **state)
{
	struct fixture *f = start_with_a_lent_page(UINT64_MAX - PAGE_SIZE);
	uint64_t table = test_vm_alloc(f->vm, 64 * sizeof(struct virtq_desc), 16);
	struct driver_buffer buffers[64];
	struct virtq_chain *chain;
	uint8_t byte;

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(buffers); i++) {
		buffers[i] = (struct driver_buffer){ TEST_RAM_BASE, RAM_SIZE, i >= 32 };
	}
	driver_add_indirect(&f->d, buffers, ARRAY_SIZE(buffers), 0, table);
	assert_true(begin(f));
	chain = virtq_pop(&f->q);
	assert_non_null(chain);
	assert_int_equal(chain->readable_size, 32 * RAM_SIZE);
	assert_true(lookups <= 3 + 1 + ARRAY_SIZE(buffers)); /* areas, descriptors */
	lookups = 0;
	assert_int_equal(virtq_read(chain, NULL, 31 * RAM_SIZE), 31 * RAM_SIZE);
	assert_int_equal(virtq_read(chain, &byte, 1), 1);
	assert_int_equal(virtq_write(chain, NULL, 31 * RAM_SIZE), 31 * RAM_SIZE);
	assert_int_equal(virtq_write(chain, &byte, 1), 1);
	assert_int_equal(lookups, 2);
	stop(f);
	lent_page = UINT64_MAX;
}

/* ---- both at once ---- */

#define RACE_MESSAGES 100000u

struct race {
	struct fixture *f;
	uint32_t kicks; /* notifications so far, atomic */
	uint32_t interrupts; /* so far, atomic */
	uint32_t lost; /* somebody waited in vain, atomic */
};

/* Waits until *counter is no longer 'seen'. A lost notification shows as nothing happening for seconds. */
static bool wait_change(struct race *race, uint32_t *counter, uint32_t seen)
{
	time_t deadline = time(NULL) + 10;

	while (__atomic_load_n(counter, __ATOMIC_ACQUIRE) == seen) {
		if (time(NULL) > deadline || __atomic_load_n(&race->lost, __ATOMIC_RELAXED) != 0) {
			__atomic_store_n(&race->lost, 1, __ATOMIC_RELAXED);
			return false;
		}
		sched_yield();
	}
	return true;
}

static void *race_device(void *arg)
{
	struct race *race = arg;
	uint32_t seen = 0, total = 0;

	while (total < RACE_MESSAGES && wait_change(race, &race->kicks, seen)) {
		struct virtq_chain *chain;

		seen = __atomic_load_n(&race->kicks, __ATOMIC_ACQUIRE);
		if (!begin(race->f)) {
			__atomic_store_n(&race->lost, 1, __ATOMIC_RELAXED);
			break;
		}
		while ((chain = virtq_pop(&race->f->q)) != NULL) {
			uint32_t value;

			virtq_read(chain, &value, sizeof(value));
			if (value != total++) {
				__atomic_store_n(&race->lost, 1, __ATOMIC_RELAXED);
			}
			virtq_push(&race->f->q, chain->head, 0);
		}
		if (virtq_end(&race->f->q)) {
			__atomic_fetch_add(&race->interrupts, 1, __ATOMIC_ACQ_REL);
		}
	}
	return NULL;
}

/* The driver asks for an interrupt when the queue is full, and looks once more after asking (2.7.7.2). */
static void race_driver(struct race *race, uint64_t slots)
{
	struct driver_queue *d = &race->f->d;
	struct virtq_used_elem elem;

	for (uint32_t i = 0; i < RACE_MESSAGES; i++) {
		while (d->free_count == 0) {
			uint32_t seen = __atomic_load_n(&race->interrupts, __ATOMIC_ACQUIRE);

			__atomic_store_n(driver_used_event(d), d->seen, __ATOMIC_RELAXED);
			__atomic_thread_fence(__ATOMIC_SEQ_CST);
			if (!driver_take(d, &elem) && !wait_change(race, &race->interrupts, seen)) {
				return;
			}
		}
		while (driver_take(d, &elem)) {
		}
		uint16_t head = d->free[d->free_count - 1];
		struct driver_buffer buffer = { slots + head * 4u, 4, false };

		memcpy(test_vm_ptr(race->f->vm, buffer.ipa), &i, 4);
		driver_add(d, &buffer, 1);
		if (driver_must_kick(d)) {
			__atomic_fetch_add(&race->kicks, 1, __ATOMIC_ACQ_REL);
		}
	}
}

/* With a short queue each waits for the other nearly all the time. */
static void no_notification_is_lost_between_two_cpus(void **state)
{
	static const uint16_t sizes[] = { 16, 2, 1 };

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct race race = { .f = start(sizes[i], VIRTIO_F_EVENT_IDX) };
		uint64_t slots = test_vm_alloc(race.f->vm, 64, 16);
		pthread_t thread;

		assert_int_equal(pthread_create(&thread, NULL, race_device, &race), 0);
		race_driver(&race, slots);
		pthread_join(thread, NULL);
		assert_int_equal(race.lost, 0);
		assert_int_equal(race.f->q.used_idx, (uint16_t)RACE_MESSAGES);
		stop(race.f);
	}
}

/* A driver that moves the index while it is being read gets no endless turn. */
static void *flip_index(void *arg)
{
	struct race *race = arg;

	while (__atomic_load_n(&race->lost, __ATOMIC_RELAXED) == 0) {
		__atomic_store_n(&race->f->d.avail->idx, 1, __ATOMIC_RELAXED);
		__atomic_store_n(&race->f->d.avail->idx, 2, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void a_flickering_index_ends_a_turn(void **state)
{
	struct race race = { .f = start(2, VIRTIO_F_EVENT_IDX) };
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, flip_index, &race), 0);
	for (unsigned i = 0; i < 100000 && begin(race.f); i++) {
		virtq_end(&race.f->q);
	}
	__atomic_store_n(&race.lost, 1, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	stop(race.f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(queue_starts_only_where_it_may),
		cmocka_unit_test(messages_arrive_whole),
		cmocka_unit_test(skipped_bytes_are_not_counted_as_written),
		cmocka_unit_test(notifications_are_suppressed_where_nobody_wants_them),
		cmocka_unit_test(one_bad_descriptor_breaks_the_queue),
		cmocka_unit_test(bad_tables_and_rings_break_the_queue),
		cmocka_unit_test(good_chains_before_a_bad_one_are_used),
		cmocka_unit_test(garbage_does_no_harm),
		cmocka_unit_test(what_was_given_away_is_not_touched),
		cmocka_unit_test(rings_that_were_given_away_break_the_queue),
		cmocka_unit_test(given_pages_cost_what_is_moved),
		cmocka_unit_test(no_notification_is_lost_between_two_cpus),
		cmocka_unit_test(a_flickering_index_ends_a_turn),
	};

	random_seed((uint64_t)time(NULL));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
