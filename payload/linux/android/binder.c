/* SPDX-License-Identifier: MIT */
/* binderfs and binder: this process is the client, a child of it the context manager. */
#include "payload/linux/android/check.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/android/binderfs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "payload/linux/android/binder_ipc.h"
#include "payload/linux/android/binder_manager.h"

#define BINDERFS "/dev/binderfs"
#define CLIENTS 4
#define CALLS 250

static const struct parcel nothing = { 0 };

/* ---- binderfs ---- */

static void test_devices(void)
{
	static const char *const names[] = { "binder", "hwbinder", "vndbinder", "binder-control" };
	struct binderfs_device device = { .name = "trivet" };
	struct stat status;
	char what[64], path[64];
	int control;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), BINDERFS "/%s", names[i]);
		snprintf(what, sizeof(what), "binderfs: %s is there", names[i]);
		check(stat(path, &status) == 0 && S_ISCHR(status.st_mode), what);
	}
	control = open(BINDERFS "/binder-control", O_RDWR | O_CLOEXEC);
	check_ok(control, "binderfs: binder-control opens");
	check_ok(ioctl(control, BINDER_CTL_ADD, &device), "binderfs: it makes a device 'trivet'");
	check(stat(BINDERFS "/trivet", &status) == 0 && status.st_rdev == makedev(device.major, device.minor),
	      "binderfs: the device has the number that was told");
	check_fails(ioctl(control, BINDER_CTL_ADD, &device), EEXIST, "binderfs: not twice");
	strcpy(device.name, "short-lived");
	check_ok(ioctl(control, BINDER_CTL_ADD, &device), "binderfs: it makes another");
	check_ok(unlink(BINDERFS "/short-lived"), "binderfs: that can be removed");
	check_fails(open(BINDERFS "/short-lived", O_RDWR), ENOENT, "binderfs: and is gone");
	check_fails(unlink(BINDERFS "/binder-control"), EPERM, "binderfs: binder-control cannot be removed");
	close(control);
}

/* ---- transactions ---- */

/* Has that many bytes inverted, beginning with a given one; true if exactly those come back. */
static bool invert(struct binder *binder, size_t size, uint8_t first)
{
	static uint8_t bytes[CALL_BYTES_MAX];
	struct binder_transaction_data reply;
	const struct parcel request = { .data = bytes, .size = size };
	const uint8_t *got;
	bool same;

	for (size_t i = 0; i < size; i++) {
		bytes[i] = (uint8_t)(first + i * 7);
	}
	if (binder_call(binder, CONTEXT_MANAGER, CALL_INVERT, 0, &request, &reply) != BR_REPLY) {
		return false;
	}
	got = binder_data(&reply);
	same = reply.data_size == size;
	for (size_t i = 0; same && i < size; i++) {
		same = (got[i] ^ bytes[i]) == 0xff;
	}
	binder_free(binder, &reply);
	return same;
}

/* Calls CALL_WHO; the server must be that process, and must have been told the truth about this one. */
static bool who_is(struct binder *binder, uint32_t handle, pid_t server, uint64_t cookie)
{
	const struct parcel request = { .data = "12345678", .size = 8 };
	struct binder_transaction_data reply;
	struct who who = { 0 };

	if (binder_call(binder, handle, CALL_WHO, 0, &request, &reply) != BR_REPLY) {
		return false;
	}
	if (reply.data_size == sizeof(who)) {
		memcpy(&who, binder_data(&reply), sizeof(who));
	}
	binder_free(binder, &reply);
	return who.server == server && who.sender == getpid() && who.euid == geteuid() && who.data == 8 &&
	       who.cookie == cookie;
}

/* A memfd goes to the manager, which must find our words in it; then we must find the manager's. */
static void test_descriptor(struct binder *binder)
{
	int fd = memfd_create("passed", MFD_CLOEXEC);
	struct binder_fd_object object = { .hdr.type = BINDER_TYPE_FD, .fd = (uint32_t)fd };
	struct binder_transaction_data reply;
	binder_size_t offset = 0;
	struct parcel parcel = { &object, sizeof(object), &offset, 1 };
	uint32_t what, well = 0;
	char *at;

	if (ftruncate(fd, MEMORY_SIZE) != 0 ||
	    (at = mmap(NULL, MEMORY_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)) == MAP_FAILED) {
		check_ok(-1, "binder: a memfd to pass on");
		return;
	}
	memcpy(at, MEMORY_ASKED, sizeof(MEMORY_ASKED));
	what = binder_call(binder, CONTEXT_MANAGER, CALL_MEMORY, 0, &parcel, &reply);
	if (what == BR_REPLY) {
		memcpy(&well, binder_data(&reply), sizeof(well));
		binder_free(binder, &reply);
	}
	check(well == 1, "binder: the manager gets a descriptor and reads what we wrote to its memory");
	check(strcmp(at, MEMORY_ANSWERED) == 0, "binder: we read what the manager wrote there");
	munmap(at, MEMORY_SIZE);
	close(fd);
	object.fd = (uint32_t)fd;
	what = binder_call(binder, CONTEXT_MANAGER, CALL_MEMORY, 0, &parcel, &reply);
	check(what == BR_FAILED_REPLY, "binder: a descriptor that is not open is refused");
}

/* Returns a handle to the manager's service, with a reference of our own; 0 if there is none. */
static uint32_t get_service(struct binder *binder)
{
	struct binder_transaction_data reply;
	struct flat_binder_object object = { 0 };

	if (binder_call(binder, CONTEXT_MANAGER, CALL_SERVICE, 0, &nothing, &reply) != BR_REPLY) {
		return 0;
	}
	if (reply.data_size == sizeof(object) && reply.offsets_size == sizeof(binder_size_t)) {
		memcpy(&object, binder_data(&reply), sizeof(object));
	}
	if (object.hdr.type != BINDER_TYPE_HANDLE) {
		object.handle = 0;
	} else {
		binder_send(binder, BC_ACQUIRE, &object.handle, sizeof(object.handle));
	}
	binder_free(binder, &reply);
	return object.handle;
}

static void test_death(struct binder *binder, uint32_t service, pid_t manager)
{
	struct binder_handle_cookie request = { .handle = service, .cookie = 0xdead };
	struct binder_transaction_data reply;
	struct binder_transaction_data_secctx argument;
	binder_uintptr_t cookie;
	uint32_t what;

	check_ok(binder_send(binder, BC_REQUEST_DEATH_NOTIFICATION, &request, sizeof(request)),
		 "binder: a death notification is asked for");
	what = binder_call(binder, CONTEXT_MANAGER, CALL_EXIT, TF_ONE_WAY, &nothing, &reply);
	check(what == BR_TRANSACTION_COMPLETE, "binder: a one-way call does not wait");
	what = binder_next(binder, &argument);
	memcpy(&cookie, &argument, sizeof(cookie));
	check(what == BR_DEAD_BINDER && cookie == request.cookie, "binder: the manager's death is told");
	binder_send(binder, BC_DEAD_BINDER_DONE, &cookie, sizeof(cookie));
	check(wait_child(manager) == 0, "binder: it ended as it was asked to");
	what = binder_call(binder, service, CALL_WHO, 0, &nothing, &reply);
	check(what == BR_DEAD_REPLY, "binder: its service is dead");
	what = binder_call(binder, CONTEXT_MANAGER, CALL_WHO, 0, &nothing, &reply);
	check(what == BR_DEAD_REPLY, "binder: and so is the handle of the context manager");
}

/* A client on each CPU, all at once. */
static void test_many(const char *path)
{
	pid_t clients[CLIENTS];
	int well = 0;

	for (unsigned i = 0; i < CLIENTS; i++) {
		clients[i] = fork();
		if (clients[i] == 0) {
			struct binder binder;
			bool same = run_on(i) == 0 && binder_open(&binder, path) == 0;

			for (unsigned call = 0; same && call < CALLS; call++) {
				same = invert(&binder, call * 37 % 2000, (uint8_t)(call + i));
			}
			_exit(same ? 0 : 1);
		}
	}
	for (unsigned i = 0; i < CLIENTS; i++) {
		well += wait_child(clients[i]) == 0;
	}
	check(well == CLIENTS, "binder: 4 clients, one on each CPU, make 250 calls each");
}

static void test_transactions(struct binder *binder, const char *path, pid_t manager)
{
	struct binder_transaction_data reply;
	uint32_t service, what;

	check(invert(binder, CALL_BYTES_MAX, 3), "binder: 64 KiB go to the manager, and others come back");
	check(who_is(binder, CONTEXT_MANAGER, manager, 0),
	      "binder: the manager is another process, and learns our pid");
	check_fails(manager_start(path), EBUSY, "binder: there is one context manager");
	what = binder_call(binder, 4711, CALL_WHO, 0, &nothing, &reply);
	check(what == BR_FAILED_REPLY, "binder: a handle of nothing is refused");
	test_descriptor(binder);
	test_many(path);
	service = get_service(binder);
	check(service != 0, "binder: an object of the manager's arrives as a handle");
	check(who_is(binder, service, manager, SERVICE_COOKIE), "binder: a call of it reaches that object");
	test_death(binder, service, manager);
}

/* Each device is a world of its own: nobody there until it has its own context manager. Returns that, or -1. */
static pid_t test_context(struct binder *binder, const char *name, const char *path)
{
	struct binder_version version = { 0 };
	struct binder_transaction_data reply;
	char what[80];
	pid_t manager;

	snprintf(what, sizeof(what), "%s: opens and maps", name);
	if (!check_ok(binder_open(binder, path), what)) {
		return -1;
	}
	snprintf(what, sizeof(what), "%s: speaks protocol 8", name);
	check(ioctl(binder->fd, BINDER_VERSION, &version) == 0 && version.protocol_version == 8, what);
	snprintf(what, sizeof(what), "%s: nobody answers without a context manager", name);
	check(binder_call(binder, CONTEXT_MANAGER, CALL_WHO, 0, &nothing, &reply) == BR_DEAD_REPLY, what);
	manager = manager_start(path);
	snprintf(what, sizeof(what), "%s: a process becomes the context manager", name);
	if (!check_ok(manager, what)) {
		binder_close(binder);
		return -1;
	}
	snprintf(what, sizeof(what), "%s: a transaction and its reply", name);
	check(invert(binder, 100, 1) && who_is(binder, CONTEXT_MANAGER, manager, 0), what);
	return manager;
}

void test_binder(void)
{
	static const char *const others[] = { "hwbinder", "vndbinder", "trivet" };
	const char *path = BINDERFS "/binder";
	struct binder binder;
	pid_t manager;

	mkdir(BINDERFS, 0755);
	if (!check_ok(mount("binder", BINDERFS, "binder", 0, NULL), "binderfs: mounted")) {
		return;
	}
	test_devices();
	manager = test_context(&binder, "binder", path);
	if (manager > 0) {
		test_transactions(&binder, path, manager);
		/* The context is free again. */
		manager = manager_start(path);
		if (check_ok(manager, "binder: another process becomes the context manager")) {
			check(who_is(&binder, CONTEXT_MANAGER, manager, 0), "binder: and answers");
			manager_stop(manager);
		}
		binder_close(&binder);
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		char other[64];

		snprintf(other, sizeof(other), BINDERFS "/%s", others[i]);
		manager = test_context(&binder, others[i], other);
		if (manager > 0) {
			manager_stop(manager);
			binder_close(&binder);
		}
	}
	check_ok(umount(BINDERFS), "binderfs: unmounted");
}
