/* SPDX-License-Identifier: MIT */
/*
 * virtio-blk against a model of the disk: requests cut into descriptors at random, and all that can be wrong with
 * one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <time.h>

#include "role/hyp/dev/virtio_blk.h"
#include "virtio_guest.h"

#define BASE UINT64_C(0x0a000000)
#define INTID 48
#define SECTOR VIRTIO_BLK_SECTOR_SIZE
#define SECTORS 64
#define DATA_MAX (16 * SECTOR)

struct fixture {
	struct test_vm *vm;
	struct virtio_device *dev;
	struct driver_queue q;
	uint8_t disk[SECTORS * SECTOR];
	uint64_t request; /* guest memory: header, data, status and room between */
	uint64_t table;
};

static struct fixture *start(bool read_only, uint64_t features)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct virtio_blk_disk disk = { f->disk, sizeof(f->disk) + 100, read_only, "disk-with-a-very-long-name" };

	f->vm = test_vm_new(MIB(1));
	random_fill(f->disk, sizeof(f->disk));
	assert_int_equal(virtio_blk_create(&f->vm->vm, ipa(BASE), INTID, &disk, &f->dev), OK);
	assert_true(driver_start(f->vm, BASE, VIRTIO_F_VERSION_1 | features, &f->q, 1, 16));
	f->request = test_vm_alloc(f->vm, 2 * DATA_MAX, 16);
	f->table = test_vm_alloc(f->vm, 512, 16);
	return f;
}

static void stop(struct fixture *f)
{
	virtio_destroy(f->dev);
	test_vm_free(f->vm);
	free(f);
	assert_int_equal(pool_objects, 0);
}

/* Cuts [at, at + size) into up to 'most' buffers. */
static unsigned cut(struct driver_buffer *buffers, unsigned most, uint64_t at, uint32_t size, bool writable)
{
	unsigned count = 0;

	while (size != 0) {
		uint32_t piece = ++count == most ? size : 1 + random_below(size);

		buffers[count - 1] = (struct driver_buffer){ at, piece, writable };
		at += piece;
		size -= piece;
	}
	return count;
}

/*
 * Sends a request with 'out' bytes of data to the device, or 'in' bytes from it, and returns the status. 'data' is both
 * and may be NULL. *written is what the used element says.
 */
static uint8_t request(struct fixture *f, uint32_t type, uint64_t sector, uint8_t *data, uint32_t out, uint32_t in,
		       uint32_t *written)
{
	struct virtio_blk_req req = { .type = type, .sector = sector };
	uint64_t reply = f->request + sizeof(req) + out;
	struct driver_buffer buffers[14];
	struct virtq_used_elem elem;
	unsigned count;

	memcpy(test_vm_ptr(f->vm, f->request), &req, sizeof(req));
	if (out != 0) {
		memcpy(test_vm_ptr(f->vm, f->request + sizeof(req)), data, out);
	}
	memset(test_vm_ptr(f->vm, reply), 0xcc, in + 1);
	count = cut(buffers, 7, f->request, (uint32_t)sizeof(req) + out, false);
	count += cut(buffers + count, 7, reply, in + 1, true);
	if (f->q.size > 2 && f->dev->driver_features & VIRTIO_F_INDIRECT_DESC) {
		assert_true(driver_add_indirect(&f->q, buffers, count, random_below(count), f->table) >= 0);
	} else {
		assert_true(driver_add(&f->q, buffers, count) >= 0);
	}
	driver_kick(&f->q, BASE, 0);
	if (!driver_take(&f->q, &elem)) {
		return 0xff;
	}
	if (written != NULL) {
		*written = elem.len;
	}
	if (in != 0 && data != NULL) {
		memcpy(data, test_vm_ptr(f->vm, reply), in);
	}
	return *(uint8_t *)test_vm_ptr(f->vm, reply + in);
}

static void what_the_device_says_of_itself(void **state)
{
	struct fixture *f = start(false, 0);
	uint64_t at = BASE + VIRTIO_MMIO_CONFIG;
	uint64_t features = driver_offered(f->vm, BASE);
	uint8_t serial[VIRTIO_BLK_ID_BYTES];

	(void)state;
	assert_int_equal(test_read(f->vm, at), SECTORS);
	assert_int_equal(test_read(f->vm, at + 4), 0);
	assert_int_equal(test_read(f->vm, at + offsetof(struct virtio_blk_config, blk_size)), 512);
	assert_int_equal(test_read(f->vm, at + offsetof(struct virtio_blk_config, seg_max)), 14);
	assert_int_equal(features & VIRTIO_BLK_F_RO, 0);
	assert_int_not_equal(features & VIRTIO_BLK_F_DISCARD, 0);
	assert_int_equal(request(f, VIRTIO_BLK_T_GET_ID, 0, serial, 0, sizeof(serial), NULL), VIRTIO_BLK_S_OK);
	assert_memory_equal(serial, "disk-with-a-very-lon", sizeof(serial));
	assert_int_equal(request(f, VIRTIO_BLK_T_GET_ID, 0, serial, 0, 3, NULL), VIRTIO_BLK_S_OK);
	assert_int_equal(request(f, VIRTIO_BLK_T_FLUSH, 0, NULL, 0, 0, NULL), VIRTIO_BLK_S_OK);
	stop(f);
}

/* One random operation on the disk and on the model; right or out of range. */
static void random_operation(struct fixture *f, uint8_t *model)
{
	static uint8_t data[DATA_MAX];
	uint64_t first = random_below(SECTORS + 2);
	uint32_t count = 1 + random_below(DATA_MAX / SECTOR);
	uint8_t expected = first + count <= SECTORS ? VIRTIO_BLK_S_OK : VIRTIO_BLK_S_IOERR;
	uint8_t *place = model + first * SECTOR;
	struct virtio_blk_discard_write_zeroes range = { first, count, 0 };
	uint32_t written;

	switch (random_below(3)) {
	case 0:
		random_fill(data, sizeof(data));
		assert_int_equal(request(f, VIRTIO_BLK_T_OUT, first, data, count * SECTOR, 0, &written), expected);
		assert_int_equal(written, 1);
		if (expected == VIRTIO_BLK_S_OK) {
			memcpy(place, data, count * SECTOR);
		}
		break;
	case 1:
		assert_int_equal(request(f, VIRTIO_BLK_T_IN, first, data, 0, count * SECTOR, &written), expected);
		if (expected == VIRTIO_BLK_S_OK) {
			assert_memory_equal(data, place, count * SECTOR);
			assert_int_equal(written, count * SECTOR + 1);
		} else {
			assert_int_equal(data[0], 0xcc);
			assert_int_equal(written, 0);
		}
		break;
	default:
		range.flags = random_below(2);
		assert_int_equal(request(f, VIRTIO_BLK_T_WRITE_ZEROES, 0, (uint8_t *)&range, sizeof(range), 0, NULL),
				 expected);
		if (expected == VIRTIO_BLK_S_OK) {
			memset(place, 0, count * SECTOR);
		}
		break;
	}
	assert_memory_equal(f->disk, model, SECTORS * SECTOR);
}

static void disk_agrees_with_its_model(void **state)
{
	static const uint64_t features[] = { 0, VIRTIO_F_INDIRECT_DESC, VIRTIO_F_INDIRECT_DESC | VIRTIO_F_EVENT_IDX };
	static uint8_t model[SECTORS * SECTOR];

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(features); i++) {
		struct fixture *f = start(false, features[i]);

		memcpy(model, f->disk, sizeof(model));
		for (unsigned round = 0; round < 1500; round++) {
			random_operation(f, model);
		}
		stop(f);
	}
}

static void requests_that_cannot_be_served_get_their_status(void **state)
{
	struct fixture *f = start(false, 0);
	static uint8_t before[SECTORS * SECTOR];
	static uint8_t data[DATA_MAX];
	struct virtio_blk_discard_write_zeroes range = { 0, 1, 0 };

	(void)state;
	memcpy(before, f->disk, sizeof(before));
	assert_int_equal(request(f, 77, 0, data, 0, 0, NULL), VIRTIO_BLK_S_UNSUPP);
	assert_int_equal(request(f, 0xffffffff, 0, data, 512, 512, NULL), VIRTIO_BLK_S_UNSUPP);
	assert_int_equal(request(f, VIRTIO_BLK_T_IN, 0, data, 0, 511, NULL), VIRTIO_BLK_S_IOERR);
	assert_int_equal(request(f, VIRTIO_BLK_T_OUT, 0, data, 513, 0, NULL), VIRTIO_BLK_S_IOERR);
	assert_int_equal(request(f, VIRTIO_BLK_T_OUT, SECTORS, data, 512, 0, NULL), VIRTIO_BLK_S_IOERR);
	assert_int_equal(request(f, VIRTIO_BLK_T_OUT, UINT64_MAX, data, 512, 0, NULL), VIRTIO_BLK_S_IOERR);
	assert_int_equal(request(f, VIRTIO_BLK_T_IN, UINT64_MAX / 512, data, 0, 1024, NULL), VIRTIO_BLK_S_IOERR);
	assert_int_equal(request(f, VIRTIO_BLK_T_IN, UINT64_C(1) << 55, data, 0, 512, NULL), VIRTIO_BLK_S_IOERR);

	range.flags = VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP;
	assert_int_equal(request(f, VIRTIO_BLK_T_DISCARD, 0, (uint8_t *)&range, 16, 0, NULL), VIRTIO_BLK_S_UNSUPP);
	range.flags = 2;
	assert_int_equal(request(f, VIRTIO_BLK_T_WRITE_ZEROES, 0, (uint8_t *)&range, 16, 0, NULL), VIRTIO_BLK_S_UNSUPP);
	range.flags = 0;
	assert_int_equal(request(f, VIRTIO_BLK_T_WRITE_ZEROES, 0, (uint8_t *)&range, 15, 0, NULL), VIRTIO_BLK_S_IOERR);
	assert_int_equal(request(f, VIRTIO_BLK_T_DISCARD, 0, (uint8_t *)&range, 0, 0, NULL), VIRTIO_BLK_S_IOERR);
	range.num_sectors = UINT32_MAX;
	assert_int_equal(request(f, VIRTIO_BLK_T_DISCARD, 0, (uint8_t *)&range, 16, 0, NULL), VIRTIO_BLK_S_IOERR);
	range = (struct virtio_blk_discard_write_zeroes){ UINT64_MAX, 1, 0 };
	assert_int_equal(request(f, VIRTIO_BLK_T_DISCARD, 0, (uint8_t *)&range, 16, 0, NULL), VIRTIO_BLK_S_IOERR);
	assert_memory_equal(f->disk, before, sizeof(before));
	assert_false(device_broken(f->vm, BASE));

	range = (struct virtio_blk_discard_write_zeroes){ 3, 2, 0 };
	assert_int_equal(request(f, VIRTIO_BLK_T_DISCARD, 0, (uint8_t *)&range, 16, 0, NULL), VIRTIO_BLK_S_OK);
	memset(before + 3 * SECTOR, 0, 2 * SECTOR);
	assert_memory_equal(f->disk, before, sizeof(before));
	stop(f);
}

static void read_only_disk_stays_as_it_is(void **state)
{
	struct fixture *f = start(true, 0);
	struct virtio_blk_discard_write_zeroes range = { 0, 1, 0 };
	static uint8_t before[SECTORS * SECTOR];
	uint8_t data[SECTOR] = { 0 };
	uint64_t features = driver_offered(f->vm, BASE);

	(void)state;
	memcpy(before, f->disk, sizeof(before));
	assert_int_equal(features & (VIRTIO_BLK_F_RO | VIRTIO_BLK_F_DISCARD | VIRTIO_BLK_F_WRITE_ZEROES),
			 VIRTIO_BLK_F_RO);
	assert_int_equal(request(f, VIRTIO_BLK_T_OUT, 0, data, SECTOR, 0, NULL), VIRTIO_BLK_S_IOERR);
	assert_int_equal(request(f, VIRTIO_BLK_T_DISCARD, 0, (uint8_t *)&range, 16, 0, NULL), VIRTIO_BLK_S_IOERR);
	assert_int_equal(request(f, VIRTIO_BLK_T_WRITE_ZEROES, 0, (uint8_t *)&range, 16, 0, NULL), VIRTIO_BLK_S_IOERR);
	assert_memory_equal(f->disk, before, sizeof(before));
	assert_int_equal(request(f, VIRTIO_BLK_T_IN, 0, data, 0, SECTOR, NULL), VIRTIO_BLK_S_OK);
	assert_memory_equal(data, before, SECTOR);
	stop(f);
}

static void a_request_without_header_or_status_breaks_the_device(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct fixture *f = start(false, 0);
		struct driver_buffer buffers[] = { { f->request, i == 0 ? 15 : 16, false },
						   { f->request + 16, 1, true } };

		memset(test_vm_ptr(f->vm, f->request), 0, 16);
		driver_add(&f->q, buffers, i == 0 ? 2 : 1);
		driver_kick(&f->q, BASE, 0);
		assert_true(device_broken(f->vm, BASE));
		assert_int_equal(f->q.used->idx, 0);
		/* A reset heals it, and the disk is still there. */
		assert_true(driver_start(f->vm, BASE, VIRTIO_F_VERSION_1, &f->q, 1, 16));
		assert_int_equal(request(f, VIRTIO_BLK_T_FLUSH, 0, NULL, 0, 0, NULL), VIRTIO_BLK_S_OK);
		stop(f);
	}
}

static void many_requests_by_one_notification(void **state)
{
	struct fixture *f = start(false, VIRTIO_F_EVENT_IDX);
	unsigned rises;

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		struct virtio_blk_req req = { .type = VIRTIO_BLK_T_IN, .sector = i };
		uint64_t at = f->request + i * 1024;
		struct driver_buffer buffers[] = { { at, 16, false },
						   { at + 16, SECTOR, true },
						   { at + 600, 1, true } };

		memcpy(test_vm_ptr(f->vm, at), &req, sizeof(req));
		assert_true(driver_add(&f->q, buffers, 3) >= 0);
	}
	rises = spi_rises[INTID];
	driver_kick(&f->q, BASE, 0);
	assert_int_equal(f->q.used->idx, 5);
	assert_int_equal(spi_rises[INTID], rises + 1);
	for (unsigned i = 0; i < 5; i++) {
		assert_memory_equal(test_vm_ptr(f->vm, f->request + i * 1024 + 16), f->disk + i * SECTOR, SECTOR);
	}
	stop(f);
}

/* ---- requests that take several turns ---- */

#define LONG_SIZE MIB(11)

/* A disk, and a driver without limits: one request of any size. */
struct long_fixture {
	struct fixture *f;
	uint8_t *disk;
	uint64_t header, data;
};

static void long_start(struct long_fixture *l)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct virtio_blk_disk disk = { malloc(LONG_SIZE), LONG_SIZE, false, "long" };

	f->vm = test_vm_new(MIB(16));
	random_fill(disk.data, LONG_SIZE);
	assert_int_equal(virtio_blk_create(&f->vm->vm, ipa(BASE), INTID, &disk, &f->dev), OK);
	*l = (struct long_fixture){ .f = f, .disk = disk.data };
}

static void long_stop(struct long_fixture *l)
{
	free(l->disk);
	stop(l->f);
}

/* A driver comes, and finds the device as after a reset. */
static void long_driver(struct long_fixture *l)
{
	l->f->vm->ram_used = 0;
	assert_true(driver_start(l->f->vm, BASE, VIRTIO_F_VERSION_1, &l->f->q, 1, 16));
	l->header = test_vm_alloc(l->f->vm, 64, 16);
	l->data = test_vm_alloc(l->f->vm, LONG_SIZE, 16);
}

static void long_request(struct long_fixture *l, uint32_t type, uint32_t size)
{
	struct virtio_blk_req req = { .type = type };
	struct driver_buffer buffers[] = { { l->header, sizeof(req), false },
					   { l->data, size, type == VIRTIO_BLK_T_IN },
					   { l->header + sizeof(req), 1, true } };

	memcpy(test_vm_ptr(l->f->vm, l->header), &req, sizeof(req));
	assert_true(driver_add(&l->f->q, buffers, 3) >= 0);
}

/* The guest's notification. True if it is to be made again: the PC is still at the store. */
static bool long_turn(struct long_fixture *l)
{
	const uint64_t pc = 0x1000;

	l->f->vm->vcpu[0].regs.pc = pc;
	test_write(l->f->vm, BASE + VIRTIO_MMIO_QUEUE_NOTIFY, 0);
	assert_true(l->f->vm->vcpu[0].regs.pc == pc || l->f->vm->vcpu[0].regs.pc == pc - 4);
	return l->f->vm->vcpu[0].regs.pc != pc;
}

/*
 * Each turn but the last repeats the guest's notification and shows nothing as used; the data are all there in the
 * end.
 */
static void assert_done_in_turns(struct long_fixture *l, uint32_t type, uint32_t size)
{
	struct virtq_used_elem elem;
	unsigned turns = 1;

	while (long_turn(l)) {
		assert_false(driver_take(&l->f->q, &elem));
		assert_true(++turns < 10);
	}
	assert_int_equal(turns, (size + MIB(4) - 1) / MIB(4));
	assert_true(driver_take(&l->f->q, &elem));
	assert_int_equal(elem.len, type == VIRTIO_BLK_T_OUT ? 1 : size + 1);
	assert_int_equal(*(uint8_t *)test_vm_ptr(l->f->vm, l->header + sizeof(struct virtio_blk_req)), VIRTIO_BLK_S_OK);
	assert_memory_equal(test_vm_ptr(l->f->vm, l->data), l->disk, size);
}

static void a_long_request_takes_several_turns(void **state)
{
	struct long_fixture l;

	(void)state;
	long_start(&l);
	long_driver(&l);
	long_request(&l, VIRTIO_BLK_T_IN, LONG_SIZE);
	assert_done_in_turns(&l, VIRTIO_BLK_T_IN, LONG_SIZE);
	random_fill(test_vm_ptr(l.f->vm, l.data), LONG_SIZE);
	long_request(&l, VIRTIO_BLK_T_OUT, LONG_SIZE);
	assert_done_in_turns(&l, VIRTIO_BLK_T_OUT, LONG_SIZE);
	long_stop(&l);
}

/* Another driver's request begins at its beginning, however far the one before it was. */
static void a_reset_forgets_a_request_that_was_half_done(void **state)
{
	struct virtq_used_elem elem;
	struct long_fixture l;

	(void)state;
	long_start(&l);
	for (unsigned i = 0; i < 3; i++) {
		long_driver(&l);
		long_request(&l, VIRTIO_BLK_T_IN, LONG_SIZE);
		assert_true(long_turn(&l));
		switch (i) {
		case 0: /* the VM resets */
			virtio_reset(l.f->dev);
			break;
		case 1: /* its driver does */
			test_write(l.f->vm, BASE + VIRTIO_MMIO_STATUS, 0);
			break;
		default: /* it only stops the queue */
			test_write(l.f->vm, BASE + VIRTIO_MMIO_QUEUE_SEL, 0);
			test_write(l.f->vm, BASE + VIRTIO_MMIO_QUEUE_READY, 0);
			break;
		}
		assert_false(long_turn(&l));
		assert_false(driver_take(&l.f->q, &elem));
		long_driver(&l);
		memset(test_vm_ptr(l.f->vm, l.data), 0, LONG_SIZE);
		long_request(&l, VIRTIO_BLK_T_IN, LONG_SIZE);
		assert_done_in_turns(&l, VIRTIO_BLK_T_IN, LONG_SIZE);
	}
	long_stop(&l);
}

/* Between its turns a request becomes another one: each turn keeps to the disk and to RAM, and there is an end. */
static void a_request_that_changes_between_its_turns(void **state)
{
	static const uint32_t types[] = { VIRTIO_BLK_T_IN,      VIRTIO_BLK_T_OUT,          VIRTIO_BLK_T_GET_ID,
					  VIRTIO_BLK_T_DISCARD, VIRTIO_BLK_T_WRITE_ZEROES, 99 };
	struct long_fixture l;

	(void)state;
	long_start(&l);
	for (unsigned round = 0; round < 60; round++) {
		struct virtio_blk_req req = { 0 };
		unsigned turns = 0;

		long_driver(&l);
		long_request(&l, types[random_below(2)], LONG_SIZE);
		while (long_turn(&l)) {
			assert_true(++turns < 100);
			req.type = types[random_below(ARRAY_SIZE(types))];
			req.sector = random_below(LONG_SIZE / SECTOR + 10);
			memcpy(test_vm_ptr(l.f->vm, l.header), &req, sizeof(req));
			for (unsigned i = 0; i < 16; i++) {
				if (l.f->q.desc[i].len > 64) {
					l.f->q.desc[i].len = 1 + random_below(LONG_SIZE / SECTOR) * SECTOR;
					l.f->q.desc[i].flags ^= random_below(2) != 0 ? VIRTQ_DESC_F_WRITE : 0;
				}
			}
		}
	}
	long_driver(&l);
	long_request(&l, VIRTIO_BLK_T_IN, LONG_SIZE);
	assert_done_in_turns(&l, VIRTIO_BLK_T_IN, LONG_SIZE);
	long_stop(&l);
}

static void no_memory_or_no_place_leaves_nothing_behind(void **state)
{
	struct test_vm *vm = test_vm_new(MIB(1));
	struct virtio_blk_disk disk = { NULL, 0, false, "" };
	struct virtio_device *dev, *second;

	(void)state;
	pool_empty = true;
	assert_int_equal(virtio_blk_create(&vm->vm, ipa(BASE), INTID, &disk, &dev), ERR_NO_MEMORY);
	pool_empty = false;
	assert_int_equal(virtio_blk_create(&vm->vm, ipa(BASE), INTID, &disk, &dev), OK);
	assert_int_equal(virtio_blk_create(&vm->vm, ipa(BASE + 4), INTID, &disk, &second), ERR_EXISTS);
	virtio_destroy(dev);
	test_vm_free(vm);
	assert_int_equal(pool_objects, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_device_says_of_itself),
		cmocka_unit_test(disk_agrees_with_its_model),
		cmocka_unit_test(requests_that_cannot_be_served_get_their_status),
		cmocka_unit_test(read_only_disk_stays_as_it_is),
		cmocka_unit_test(a_request_without_header_or_status_breaks_the_device),
		cmocka_unit_test(many_requests_by_one_notification),
		cmocka_unit_test(a_long_request_takes_several_turns),
		cmocka_unit_test(a_reset_forgets_a_request_that_was_half_done),
		cmocka_unit_test(a_request_that_changes_between_its_turns),
		cmocka_unit_test(no_memory_or_no_place_leaves_nothing_behind),
	};

	random_seed((uint64_t)time(NULL));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
