/* SPDX-License-Identifier: MIT */
/* virtio-console: both directions, a chardev that is full at times, and a driver that asks too much. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <time.h>

#include "role/hyp/dev/virtio_console.h"
#include "virtio_guest.h"

#define BASE UINT64_C(0x0a000000)
#define INTID 48
#define RX 0
#define TX 1

/* A chardev with room for 'room' more bytes. */
struct sink {
	uint8_t bytes[200000];
	uint32_t count;
	uint32_t room;
};

static bool sink_put(void *ctx, uint8_t byte)
{
	struct sink *sink = ctx;

	if (sink->room == 0 || sink->count == sizeof(sink->bytes)) {
		return false;
	}
	sink->room--;
	sink->bytes[sink->count++] = byte;
	return true;
}

static const struct chardev_ops sink_ops = { .put = sink_put };

struct fixture {
	struct test_vm *vm;
	struct virtio_device *dev;
	struct driver_queue q[2];
	struct sink sink;
	uint64_t memory;
};

static struct fixture *start(void)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct chardev out = { &sink_ops, &f->sink };

	f->vm = test_vm_new(MIB(1));
	assert_int_equal(virtio_console_create(&f->vm->vm, ipa(BASE), INTID, out, &f->dev), OK);
	assert_true(driver_start(f->vm, BASE, VIRTIO_F_VERSION_1 | VIRTIO_F_EVENT_IDX, f->q, 2, 16));
	f->memory = test_vm_alloc(f->vm, 512 * 1024, 16);
	f->sink.room = UINT32_MAX;
	return f;
}

static void stop(struct fixture *f)
{
	virtio_destroy(f->dev);
	test_vm_free(f->vm);
	free(f);
	assert_int_equal(pool_objects, 0);
}

static void output_arrives_in_order(void **state)
{
	struct fixture *f = start();
	uint8_t expected[4000];
	uint32_t total = 0;
	struct virtq_used_elem elem;

	(void)state;
	random_fill(expected, sizeof(expected));
	memcpy(test_vm_ptr(f->vm, f->memory), expected, sizeof(expected));
	f->sink.room = 0;
	/* The chardev opens for a few bytes at a time while the driver goes on adding. */
	while (f->sink.count < sizeof(expected)) {
		struct driver_buffer buffer = { f->memory + total, 1 + random_below(300), false };

		buffer.size = MIN(buffer.size, (uint32_t)sizeof(expected) - total);
		if (buffer.size != 0 && driver_add(&f->q[TX], &buffer, 1) >= 0) {
			total += buffer.size;
		}
		driver_kick(&f->q[TX], BASE, TX);
		f->sink.room = random_below(150);
		virtio_console_tx_ready(f->dev);
		while (driver_take(&f->q[TX], &elem)) {
		}
	}
	assert_memory_equal(f->sink.bytes, expected, sizeof(expected));
	assert_int_equal(f->q[TX].used->idx, f->q[TX].added);
	stop(f);
}

static void input_waits_for_buffers(void **state)
{
	struct fixture *f = start();
	struct driver_buffer buffer = { f->memory, 4, true };
	struct virtq_used_elem elem;

	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		assert_true(virtio_console_input(f->dev, (uint8_t)('a' + i)));
	}
	assert_false(driver_take(&f->q[RX], &elem));
	driver_add(&f->q[RX], &buffer, 1);
	driver_kick(&f->q[RX], BASE, RX);
	assert_true(driver_take(&f->q[RX], &elem));
	assert_int_equal(elem.len, 4);
	assert_memory_equal(test_vm_ptr(f->vm, f->memory), "abcd", 4);
	driver_add(&f->q[RX], &buffer, 1);
	driver_kick(&f->q[RX], BASE, RX);
	assert_true(driver_take(&f->q[RX], &elem));
	assert_int_equal(elem.len, 2);
	/* With a buffer waiting, a byte arrives at once. */
	driver_add(&f->q[RX], &buffer, 1);
	driver_kick(&f->q[RX], BASE, RX);
	assert_false(driver_take(&f->q[RX], &elem));
	assert_true(virtio_console_input(f->dev, 'z'));
	assert_true(driver_take(&f->q[RX], &elem));
	assert_int_equal(elem.len, 1);
	stop(f);
}

static void input_is_refused_when_full_or_nobody_reads(void **state)
{
	struct fixture *f = start();
	unsigned taken = 0;

	(void)state;
	while (virtio_console_input(f->dev, 'x')) {
		taken++;
		assert_true(taken < 100000);
	}
	assert_int_equal(taken, 4096);
	test_write(f->vm, BASE + VIRTIO_MMIO_STATUS, 0);
	assert_false(virtio_console_input(f->dev, 'x'));
	/* The reset dropped what waited. */
	f->vm->ram_used = 0;
	assert_true(driver_start(f->vm, BASE, VIRTIO_F_VERSION_1, f->q, 2, 16));
	assert_true(virtio_console_input(f->dev, 'y'));
	stop(f);
}

static void an_endless_message_ends(void **state)
{
	struct fixture *f = start();

	(void)state;
	for (unsigned i = 0; i < 16; i++) {
		struct driver_buffer buffer = { f->memory, 512 * 1024, false };

		assert_true(driver_add(&f->q[TX], &buffer, 1) >= 0);
	}
	driver_kick(&f->q[TX], BASE, TX);
	assert_int_equal(f->sink.count, 32768);
	assert_int_equal(f->q[TX].used->idx, 16);
	stop(f);
}

static void a_reset_forgets_a_message_that_was_half_sent(void **state)
{
	struct fixture *f = start();
	struct driver_buffer buffer = { f->memory, 8, false };

	(void)state;
	memcpy(test_vm_ptr(f->vm, f->memory), "ABCDEFGH", 8);
	f->sink.room = 3;
	driver_add(&f->q[TX], &buffer, 1);
	driver_kick(&f->q[TX], BASE, TX);
	assert_int_equal(f->sink.count, 3);
	assert_true(driver_start(f->vm, BASE, VIRTIO_F_VERSION_1, f->q, 2, 16));
	f->sink.room = 100;
	virtio_console_tx_ready(f->dev);
	assert_int_equal(f->sink.count, 3);
	driver_add(&f->q[TX], &buffer, 1);
	driver_kick(&f->q[TX], BASE, TX);
	assert_int_equal(f->sink.count, 11);
	assert_memory_equal(f->sink.bytes, "ABCABCDEFGH", 11);
	stop(f);
}

static void a_receive_buffer_that_cannot_be_written_breaks_the_device(void **state)
{
	struct fixture *f = start();
	struct driver_buffer buffer = { f->memory, 8, false };

	(void)state;
	driver_add(&f->q[RX], &buffer, 1);
	driver_kick(&f->q[RX], BASE, RX);
	assert_false(device_broken(f->vm, BASE));
	virtio_console_input(f->dev, 'x');
	assert_true(device_broken(f->vm, BASE));
	stop(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(output_arrives_in_order),
		cmocka_unit_test(input_waits_for_buffers),
		cmocka_unit_test(input_is_refused_when_full_or_nobody_reads),
		cmocka_unit_test(an_endless_message_ends),
		cmocka_unit_test(a_reset_forgets_a_message_that_was_half_sent),
		cmocka_unit_test(a_receive_buffer_that_cannot_be_written_breaks_the_device),
	};

	random_seed((uint64_t)time(NULL));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
