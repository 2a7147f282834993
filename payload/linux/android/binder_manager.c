/* SPDX-License-Identifier: MIT */
#include "payload/linux/android/binder_manager.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "payload/linux/android/binder_ipc.h"
#include "payload/linux/android/check.h"

static uint8_t inverted[CALL_BYTES_MAX];

static void answer_invert(struct binder *binder, const struct binder_transaction_data *call)
{
	const uint8_t *data = binder_data(call);
	size_t size = call->data_size <= sizeof(inverted) ? call->data_size : 0;

	for (size_t i = 0; i < size; i++) {
		inverted[i] = (uint8_t)~data[i];
	}
	binder_reply(binder, &(struct parcel){ .data = inverted, .size = size });
}

static void answer_who(struct binder *binder, const struct binder_transaction_data *call)
{
	struct who who = {
		.server = getpid(),
		.sender = call->sender_pid,
		.euid = call->sender_euid,
		.data = (uint32_t)call->data_size,
		.cookie = call->cookie,
	};

	binder_reply(binder, &(struct parcel){ .data = &who, .size = sizeof(who) });
}

/* Uses the memory behind the descriptor that came with the call. */
static bool use_memory(const struct binder_transaction_data *call)
{
	const struct binder_fd_object *object = binder_data(call);
	bool as_asked;
	char *at;

	if (call->offsets_size != sizeof(binder_size_t) || call->data_size != sizeof(*object) ||
	    object->hdr.type != BINDER_TYPE_FD) {
		return false;
	}
	at = mmap(NULL, MEMORY_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, (int)object->fd, 0);
	close((int)object->fd);
	if (at == MAP_FAILED) {
		return false;
	}
	as_asked = strcmp(at, MEMORY_ASKED) == 0;
	memcpy(at, MEMORY_ANSWERED, sizeof(MEMORY_ANSWERED));
	munmap(at, MEMORY_SIZE);
	return as_asked;
}

static void answer_memory(struct binder *binder, const struct binder_transaction_data *call)
{
	uint32_t well = use_memory(call);

	binder_reply(binder, &(struct parcel){ .data = &well, .size = sizeof(well) });
}

static void answer_service(struct binder *binder)
{
	struct flat_binder_object object = {
		.hdr.type = BINDER_TYPE_BINDER,
		.binder = (uintptr_t)inverted, /* any address of ours: the driver only tells objects apart by it */
		.cookie = SERVICE_COOKIE,
	};
	binder_size_t offset = 0;

	binder_reply(binder, &(struct parcel){ &object, sizeof(object), &offset, 1 });
}

static void answer(struct binder *binder, const struct binder_transaction_data *call)
{
	switch (call->code) {
	case CALL_INVERT:
		answer_invert(binder, call);
		break;
	case CALL_WHO:
		answer_who(binder, call);
		break;
	case CALL_MEMORY:
		answer_memory(binder, call);
		break;
	case CALL_SERVICE:
		answer_service(binder);
		break;
	default:
		_exit(call->code == CALL_EXIT ? 0 : 1);
	}
	binder_free(binder, call);
}

static void serve(struct binder *binder)
{
	struct binder_transaction_data_secctx argument;
	uint32_t what;

	binder_send(binder, BC_ENTER_LOOPER, NULL, 0);
	do {
		what = binder_next(binder, &argument);
		if (what == BR_TRANSACTION) {
			answer(binder, &argument.transaction_data);
		}
	} while (what != 0);
	_exit(1);
}

/* Becomes the context manager and tells through the pipe how that went: 0, or errno. */
static void manage(const char *path, int ready)
{
	struct flat_binder_object object = { .flags = FLAT_BINDER_FLAG_ACCEPTS_FDS };
	struct binder binder;
	int error = 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (binder_open(&binder, path) != 0 || ioctl(binder.fd, BINDER_SET_CONTEXT_MGR_EXT, &object) != 0) {
		error = errno;
	}
	if (write(ready, &error, sizeof(error)) != sizeof(error) || error != 0) {
		_exit(1);
	}
	serve(&binder);
}

pid_t manager_start(const char *path)
{
	int ready[2], error = EIO;
	pid_t manager;

	if (pipe2(ready, O_CLOEXEC) != 0) {
		return -1;
	}
	manager = fork();
	if (manager == 0) {
		manage(path, ready[1]);
	}
	close(ready[1]);
	if (manager > 0 && read(ready[0], &error, sizeof(error)) != sizeof(error)) {
		error = EIO;
	}
	close(ready[0]);
	if (error != 0) {
		if (manager > 0) {
			manager_stop(manager);
		}
		errno = error;
		return -1;
	}
	return manager;
}

void manager_stop(pid_t manager)
{
	kill(manager, SIGKILL);
	wait_child(manager);
}
