/* SPDX-License-Identifier: MIT */
/* virtio-rng: fills what is asked for up to its limit, and says how much it gave. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <time.h>

#include "role/hyp/dev/virtio_rng.h"
#include "virtio_guest.h"

#define BASE UINT64_C(0x0a000000)
#define LIMIT 256

/* Asks for 'size' bytes in two buffers and returns how many the device says it gave. */
static uint32_t ask(struct driver_queue *q, uint64_t at, uint32_t size)
{
	struct driver_buffer buffers[] = { { at, size / 3 + 1, true },
					   { at + size / 3 + 1, size - size / 3 - 1, true } };
	struct virtq_used_elem elem;

	memset(test_vm_ptr(q->vm, at), 0, 1024);
	assert_true(driver_add(q, buffers, buffers[1].size != 0 ? 2 : 1) >= 0);
	driver_kick(q, BASE, 0);
	assert_true(driver_take(q, &elem));
	return elem.len;
}

static void random_bytes(void **state)
{
	struct test_vm *vm = test_vm_new(MIB(1));
	struct virtio_device *dev;
	struct driver_queue q;
	uint64_t at;

	(void)state;
	assert_int_equal(virtio_rng_create(&vm->vm, ipa(BASE), 48, &dev), OK);
	assert_true(driver_start(vm, BASE, VIRTIO_F_VERSION_1, &q, 1, 8));
	at = test_vm_alloc(vm, 1024, 16);
	for (uint32_t size = 1; size <= 1000; size++) {
		uint32_t expected = MIN(size, LIMIT);
		const uint8_t *p = test_vm_ptr(vm, at);
		unsigned zeroes = 0;

		assert_int_equal(ask(&q, at, size), expected);
		for (uint32_t i = 0; i < 1000; i++) {
			zeroes += p[i] == 0;
		}
		/* What was given differs from zero, but for a byte in 256; what was not is untouched. */
		assert_true(zeroes >= 1000 - expected && zeroes <= 1000 - expected + 16);
	}
	entropy_dry = true;
	assert_int_equal(ask(&q, at, 64), 0);
	entropy_dry = false;
	assert_int_equal(ask(&q, at, 64), 64);
	virtio_destroy(dev);
	test_vm_free(vm);
	assert_int_equal(pool_objects, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(random_bytes) };

	random_seed((uint64_t)time(NULL));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
