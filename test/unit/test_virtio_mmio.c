/* SPDX-License-Identifier: MIT */
/* The virtio-mmio registers: negotiation, queues, interrupts, resets, and accesses that no driver makes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <time.h>

#include "role/hyp/dev/virtio_mmio.h"
#include "virtio_guest.h"

#define BASE UINT64_C(0x0a000000)
#define INTID 48
#define FEATURE UINT64_C(1)

/* A device with two queues whose chains it uses unread. */
struct probe {
	struct virtio_device dev;
	struct virtq queues[2];
	unsigned resets;
};

static void probe_serve(struct virtio_device *dev, unsigned queue)
{
	struct virtq_chain *chain;

	while ((chain = virtq_pop(&dev->queues[queue])) != NULL) {
		virtq_push(&dev->queues[queue], chain->head, 0);
	}
}

static void probe_reset(struct virtio_device *dev)
{
	container_of(dev, struct probe, dev)->resets++;
}

static void probe_destroy(struct virtio_device *dev)
{
	pool_free_object(container_of(dev, struct probe, dev), sizeof(struct probe));
}

static const struct virtio_ops probe_ops = {
	.device_id = 42,
	.queue_count = 2,
	.serve = probe_serve,
	.reset = probe_reset,
	.destroy = probe_destroy,
};

static const uint8_t config[6] = { 1, 2, 3, 4, 5, 6 };

static struct probe *probe_new(struct test_vm *vm)
{
	struct probe *p = pool_alloc_object(sizeof(*p));

	p->dev.ops = &probe_ops;
	p->dev.features = FEATURE;
	p->dev.config = config;
	p->dev.config_size = sizeof(config);
	p->dev.queues = p->queues;
	p->queues[0].size_max = 16;
	p->queues[0].want_notify = true;
	p->queues[1].size_max = 8;
	p->queues[1].want_notify = true;
	assert_int_equal(virtio_create(&p->dev, &vm->vm, ipa(BASE), INTID), OK);
	return p;
}

struct fixture {
	struct test_vm *vm;
	struct probe *probe;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->vm = test_vm_new(MIB(1));
	f->probe = probe_new(f->vm);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	virtio_destroy(&f->probe->dev);
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

static void identification(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(reg(f, VIRTIO_MMIO_MAGIC_VALUE), 0x74726976);
	assert_int_equal(reg(f, VIRTIO_MMIO_VERSION), 2);
	assert_int_equal(reg(f, VIRTIO_MMIO_DEVICE_ID), 42);
	assert_int_equal(driver_offered(f->vm, BASE),
			 FEATURE | VIRTIO_F_VERSION_1 | VIRTIO_F_EVENT_IDX | VIRTIO_F_INDIRECT_DESC);
	set(f, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 2);
	assert_int_equal(reg(f, VIRTIO_MMIO_DEVICE_FEATURES), 0);
	assert_int_equal(reg(f, VIRTIO_MMIO_SHM_LEN_LOW), 0xffffffff);
	assert_int_equal(reg(f, VIRTIO_MMIO_SHM_LEN_HIGH), 0xffffffff);
	assert_int_equal(reg(f, VIRTIO_MMIO_QUEUE_NUM_MAX), 16);
	set(f, VIRTIO_MMIO_QUEUE_SEL, 1);
	assert_int_equal(reg(f, VIRTIO_MMIO_QUEUE_NUM_MAX), 8);
	set(f, VIRTIO_MMIO_QUEUE_SEL, 2);
	assert_int_equal(reg(f, VIRTIO_MMIO_QUEUE_NUM_MAX), 0);
	set(f, VIRTIO_MMIO_QUEUE_SEL, 0xffffffff);
	assert_int_equal(reg(f, VIRTIO_MMIO_QUEUE_NUM_MAX), 0);
	assert_int_equal(reg(f, VIRTIO_MMIO_QUEUE_READY), 0);
}

static void features_must_fit(void **state)
{
	struct fixture *f = *state;

	driver_begin(f->vm, BASE);
	assert_false(driver_features(f->vm, BASE, FEATURE));                          /* no VERSION_1 */
	assert_false(driver_features(f->vm, BASE, VIRTIO_F_VERSION_1 | FEATURE << 1)); /* not offered */
	assert_false(driver_features(f->vm, BASE, VIRTIO_F_VERSION_1 | BIT(40)));
	assert_true(driver_features(f->vm, BASE, VIRTIO_F_VERSION_1 | FEATURE));
	/* From then on they stay. */
	set(f, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
	set(f, VIRTIO_MMIO_DRIVER_FEATURES, 0);
	assert_int_equal(f->probe->dev.driver_features, VIRTIO_F_VERSION_1 | FEATURE);
}

static void status_goes_in_order_and_only_forward(void **state)
{
	struct fixture *f = *state;

	set(f, VIRTIO_MMIO_STATUS, VIRTIO_STATUS_DRIVER_OK);
	assert_int_equal(reg(f, VIRTIO_MMIO_STATUS), 0);
	set(f, VIRTIO_MMIO_STATUS, VIRTIO_STATUS_DEVICE_NEEDS_RESET | 0x30);
	assert_int_equal(reg(f, VIRTIO_MMIO_STATUS), 0);
	driver_begin(f->vm, BASE);
	set(f, VIRTIO_MMIO_STATUS, 0x7); /* DRIVER_OK without FEATURES_OK */
	assert_int_equal(reg(f, VIRTIO_MMIO_STATUS), 3);
	assert_true(driver_features(f->vm, BASE, VIRTIO_F_VERSION_1));
	set(f, VIRTIO_MMIO_STATUS, VIRTIO_STATUS_ACKNOWLEDGE);
	assert_int_equal(reg(f, VIRTIO_MMIO_STATUS), 0xb);
	driver_ok(f->vm, BASE);
	assert_int_equal(reg(f, VIRTIO_MMIO_STATUS), 0xf);
	set(f, VIRTIO_MMIO_STATUS, 0);
	assert_int_equal(reg(f, VIRTIO_MMIO_STATUS), 0);
	assert_int_equal(f->probe->dev.driver_features, 0);
	assert_int_equal(f->probe->resets, 2);
	/* FEATURES_OK needs DRIVER; ACKNOWLEDGE may be missing. */
	set(f, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	set(f, VIRTIO_MMIO_DRIVER_FEATURES, 1);
	set(f, VIRTIO_MMIO_STATUS, VIRTIO_STATUS_FEATURES_OK | VIRTIO_STATUS_ACKNOWLEDGE);
	assert_int_equal(reg(f, VIRTIO_MMIO_STATUS), VIRTIO_STATUS_ACKNOWLEDGE);
	set(f, VIRTIO_MMIO_STATUS, 0);
	set(f, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	set(f, VIRTIO_MMIO_DRIVER_FEATURES, 1);
	set(f, VIRTIO_MMIO_STATUS, VIRTIO_STATUS_FEATURES_OK | VIRTIO_STATUS_DRIVER);
	assert_int_equal(reg(f, VIRTIO_MMIO_STATUS), VIRTIO_STATUS_FEATURES_OK | VIRTIO_STATUS_DRIVER);
}

static void queues_start_after_features_and_keep_their_place(void **state)
{
	struct fixture *f = *state;
	struct driver_queue d;

	driver_queue_init(&d, f->vm, 16, false);
	driver_begin(f->vm, BASE);
	assert_false(driver_queue_ready(&d, BASE, 0)); /* before FEATURES_OK */
	assert_true(driver_features(f->vm, BASE, VIRTIO_F_VERSION_1));
	assert_false(driver_queue_ready(&d, BASE, 1)); /* 16 is more than it can */
	d.avail_ipa++;
	assert_false(driver_queue_ready(&d, BASE, 0));
	d.avail_ipa--;
	d.used_ipa |= BIT(40);
	assert_false(driver_queue_ready(&d, BASE, 0));
	d.used_ipa &= ~BIT(40);
	assert_true(driver_queue_ready(&d, BASE, 0));
	set(f, VIRTIO_MMIO_QUEUE_NUM, 4);
	set(f, VIRTIO_MMIO_QUEUE_DESC_LOW, 0);
	assert_int_equal(f->probe->queues[0].size, 16);
	assert_int_equal(f->probe->queues[0].desc_ipa, d.desc_ipa);
	set(f, VIRTIO_MMIO_QUEUE_READY, 0);
	assert_int_equal(reg(f, VIRTIO_MMIO_QUEUE_READY), 0);
	set(f, VIRTIO_MMIO_QUEUE_READY, 1);
	assert_int_equal(reg(f, VIRTIO_MMIO_QUEUE_READY), 0); /* its addresses are gone */
}

static struct driver_buffer buffer_of(struct fixture *f)
{
	return (struct driver_buffer){ test_vm_alloc(f->vm, 16, 16), 16, false };
}

static void notification_interrupt_and_acknowledge(void **state)
{
	struct fixture *f = *state;
	struct driver_queue q[2];
	struct driver_buffer buffer = buffer_of(f);
	unsigned rises;

	assert_true(driver_start(f->vm, BASE, VIRTIO_F_VERSION_1, q, 2, 8));
	rises = spi_rises[INTID];
	set(f, VIRTIO_MMIO_QUEUE_NOTIFY, 2);
	set(f, VIRTIO_MMIO_QUEUE_NOTIFY, 0xffffffff);
	set(f, VIRTIO_MMIO_QUEUE_NOTIFY, 0); /* nothing there */
	assert_int_equal(spi_rises[INTID], rises);
	driver_add(&q[1], &buffer, 1);
	driver_kick(&q[1], BASE, 1);
	assert_int_equal(q[1].used->idx, 1);
	assert_int_equal(spi_rises[INTID], rises + 1);
	assert_false(spi_level[INTID]);
	assert_int_equal(driver_ack(f->vm, BASE), VIRTIO_MMIO_INTERRUPT_USED_BUFFER);
	assert_int_equal(reg(f, VIRTIO_MMIO_INTERRUPT_STATUS), 0);
	/* An event while the last one is not acknowledged makes an edge all the same. */
	driver_add(&q[1], &buffer, 1);
	driver_kick(&q[1], BASE, 1);
	driver_add(&q[1], &buffer, 1);
	driver_kick(&q[1], BASE, 1);
	assert_int_equal(spi_rises[INTID], rises + 3);
}

static void nothing_moves_before_driver_ok_or_after_failed(void **state)
{
	struct fixture *f = *state;
	struct driver_buffer buffer = buffer_of(f);
	struct driver_queue q;

	driver_queue_init(&q, f->vm, 8, false);
	driver_begin(f->vm, BASE);
	assert_true(driver_features(f->vm, BASE, VIRTIO_F_VERSION_1));
	assert_true(driver_queue_ready(&q, BASE, 0));
	driver_add(&q, &buffer, 1);
	set(f, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
	assert_int_equal(q.used->idx, 0);
	driver_ok(f->vm, BASE);
	set(f, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
	assert_int_equal(q.used->idx, 1);
	set(f, VIRTIO_MMIO_STATUS, 0xf | VIRTIO_STATUS_FAILED);
	driver_add(&q, &buffer, 1);
	set(f, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
	assert_int_equal(q.used->idx, 1);
}

static void a_broken_queue_stops_the_device_until_reset(void **state)
{
	struct fixture *f = *state;
	struct driver_buffer buffer = buffer_of(f);
	struct driver_queue q[2];
	unsigned rises;

	assert_true(driver_start(f->vm, BASE, VIRTIO_F_VERSION_1, q, 2, 8));
	rises = spi_rises[INTID];
	driver_publish(&q[0], 99);
	driver_kick(&q[0], BASE, 0);
	assert_true(device_broken(f->vm, BASE));
	assert_int_equal(driver_ack(f->vm, BASE), VIRTIO_MMIO_INTERRUPT_CONFIG_CHANGE);
	assert_int_equal(spi_rises[INTID], rises + 1);
	driver_add(&q[1], &buffer, 1);
	driver_kick(&q[1], BASE, 1);
	assert_int_equal(q[1].used->idx, 0);
	for (unsigned i = 0; i < 100; i++) {
		driver_kick(&q[0], BASE, 0);
	}
	assert_int_equal(spi_rises[INTID], rises + 1);
	set(f, VIRTIO_MMIO_STATUS, 0);
	assert_int_equal(reg(f, VIRTIO_MMIO_STATUS), 0);
	assert_int_equal(reg(f, VIRTIO_MMIO_INTERRUPT_STATUS), 0);
	assert_true(driver_start(f->vm, BASE, VIRTIO_F_VERSION_1, q, 2, 8));
	driver_add(&q[0], &buffer, 1);
	driver_kick(&q[0], BASE, 0);
	assert_int_equal(q[0].used->idx, 1);
	/* What the machine does when the VM resets. */
	virtio_reset(&f->probe->dev);
	assert_int_equal(reg(f, VIRTIO_MMIO_STATUS), 0);
	driver_add(&q[0], &buffer, 1);
	set(f, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
	assert_int_equal(q[0].used->idx, 1);
}

static void widths(void **state)
{
	struct fixture *f = *state;
	uint64_t value = 0xff;

	assert_true(test_access(f->vm, false, BASE, 1, &value));
	assert_int_equal(value, 0);
	assert_true(test_access(f->vm, false, BASE, 8, &value));
	assert_int_equal(value, 0);
	assert_true(test_access(f->vm, false, BASE + 2, 4, &value));
	assert_int_equal(value, 0);
	value = VIRTIO_STATUS_ACKNOWLEDGE;
	assert_true(test_access(f->vm, true, BASE + VIRTIO_MMIO_STATUS, 1, &value));
	assert_int_equal(reg(f, VIRTIO_MMIO_STATUS), 0);
	for (unsigned size = 1; size <= 8; size *= 2) {
		for (unsigned at = 0; at < 16; at++) {
			uint64_t expected = 0;

			for (unsigned i = 0; i < size; i++) {
				expected |= at + i < sizeof(config) ? (uint64_t)config[at + i] << (8 * i) : 0;
			}
			assert_true(test_access(f->vm, false, BASE + VIRTIO_MMIO_CONFIG + at, size, &value));
			assert_int_equal(value, expected);
		}
	}
	value = 0x55;
	assert_true(test_access(f->vm, true, BASE + VIRTIO_MMIO_CONFIG, 1, &value));
	assert_int_equal(config[0], 1);
}

/* Any register, any value: the device stays sane, and after a reset it works. */
static void random_registers(void **state)
{
	struct fixture *f = *state;
	struct driver_buffer buffer = buffer_of(f);
	struct driver_queue q[2];
	unsigned broken = 0, started = 0;

	for (unsigned round = 0; round < 300; round++) {
		f->vm->ram_used = 4096;
		driver_start(f->vm, BASE, VIRTIO_F_VERSION_1 | (round % 2 != 0 ? VIRTIO_F_EVENT_IDX : 0), q, 2, 8);
		for (unsigned i = 0; i < 200; i++) {
			uint64_t value = random_below(3) == 0 ? random_u64() : random_below(16);
			unsigned size = random_below(4) != 0 ? 4 : 1u << random_below(4);
			uint64_t offset = 4 * random_below(VIRTIO_MMIO_SIZE / 4 - 1);

			if (random_below(4) == 0) {
				f->vm->ram[4096 + random_below(512)] = (uint8_t)random_below(4);
				offset = VIRTIO_MMIO_QUEUE_NOTIFY;
			}
			test_access(f->vm, random_below(3) != 0, BASE + offset, size, &value);
			started += f->probe->queues[0].ready;
		}
		broken += device_broken(f->vm, BASE);
	}
	assert_true(broken > 10 && started > 1000);
	f->vm->ram_used = 4096;
	assert_true(driver_start(f->vm, BASE, VIRTIO_F_VERSION_1, q, 2, 8));
	driver_add(&q[0], &buffer, 1);
	driver_kick(&q[0], BASE, 0);
	assert_int_equal(q[0].used->idx, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(identification),
		TEST(features_must_fit),
		TEST(status_goes_in_order_and_only_forward),
		TEST(queues_start_after_features_and_keep_their_place),
		TEST(notification_interrupt_and_acknowledge),
		TEST(nothing_moves_before_driver_ok_or_after_failed),
		TEST(a_broken_queue_stops_the_device_until_reset),
		TEST(widths),
		TEST(random_registers),
	};

	random_seed((uint64_t)time(NULL));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
