/* SPDX-License-Identifier: MIT */
#include "payload/linux/android/binder_ipc.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

int binder_open(struct binder *binder, const char *path)
{
	*binder = (struct binder){ .fd = open(path, O_RDWR | O_CLOEXEC), .map = MAP_FAILED };
	if (binder->fd < 0) {
		return -1;
	}
	binder->map = mmap(NULL, BINDER_MAP_SIZE, PROT_READ, MAP_PRIVATE | MAP_NORESERVE, binder->fd, 0);
	if (binder->map == MAP_FAILED) {
		int error = errno;

		close(binder->fd);
		errno = error;
		return -1;
	}
	return 0;
}

void binder_close(struct binder *binder)
{
	munmap(binder->map, BINDER_MAP_SIZE);
	close(binder->fd);
}

int binder_send(struct binder *binder, uint32_t command, const void *argument, size_t size)
{
	uint8_t bytes[sizeof(command) + sizeof(struct binder_transaction_data)];
	struct binder_write_read io = { .write_size = sizeof(command) + size, .write_buffer = (uintptr_t)bytes };

	memcpy(bytes, &command, sizeof(command));
	if (size != 0) {
		memcpy(bytes + sizeof(command), argument, size);
	}
	return ioctl(binder->fd, BINDER_WRITE_READ, &io) == 0 && io.write_consumed == io.write_size ? 0 : -1;
}

static bool fill(struct binder *binder)
{
	struct binder_write_read io = { .read_size = sizeof(binder->returns),
					.read_buffer = (uintptr_t)binder->returns };

	while (ioctl(binder->fd, BINDER_WRITE_READ, &io) != 0) {
		if (errno != EINTR) {
			return false;
		}
	}
	binder->at = 0;
	binder->end = io.read_consumed;
	return true;
}

uint32_t binder_next(struct binder *binder, void *argument)
{
	uint32_t what;

	for (;;) {
		while (binder->at == binder->end) {
			if (!fill(binder)) {
				return 0;
			}
		}
		memcpy(&what, binder->returns + binder->at, sizeof(what));
		/* A return's number tells how long its argument is. */
		memcpy(argument, binder->returns + binder->at + sizeof(what), _IOC_SIZE(what));
		binder->at += sizeof(what) + _IOC_SIZE(what);
		switch (what) {
		case BR_INCREFS:
			binder_send(binder, BC_INCREFS_DONE, argument, sizeof(struct binder_ptr_cookie));
			break;
		case BR_ACQUIRE:
			binder_send(binder, BC_ACQUIRE_DONE, argument, sizeof(struct binder_ptr_cookie));
			break;
		case BR_NOOP:
		case BR_SPAWN_LOOPER:
		case BR_RELEASE:
		case BR_DECREFS:
			break;
		default:
			return what;
		}
	}
}

static struct binder_transaction_data pack(const struct parcel *parcel)
{
	return (struct binder_transaction_data){
		.data_size = parcel->size,
		.offsets_size = parcel->offsets_count * sizeof(*parcel->offsets),
		.data.ptr = { .buffer = (uintptr_t)parcel->data, .offsets = (uintptr_t)parcel->offsets },
	};
}

uint32_t binder_call(struct binder *binder, uint32_t handle, uint32_t code, uint32_t flags,
		     const struct parcel *request, struct binder_transaction_data *reply)
{
	struct binder_transaction_data transaction = pack(request);
	struct binder_transaction_data_secctx argument;
	uint32_t what;

	transaction.target.handle = handle;
	transaction.code = code;
	transaction.flags = flags;
	if (binder_send(binder, BC_TRANSACTION, &transaction, sizeof(transaction)) != 0) {
		return 0;
	}
	do {
		what = binder_next(binder, &argument);
	} while (what == BR_TRANSACTION_COMPLETE && (flags & TF_ONE_WAY) == 0);
	if (what == BR_REPLY) {
		*reply = argument.transaction_data;
	}
	return what;
}

int binder_reply(struct binder *binder, const struct parcel *parcel)
{
	struct binder_transaction_data transaction = pack(parcel);

	return binder_send(binder, BC_REPLY, &transaction, sizeof(transaction));
}

const void *binder_data(const struct binder_transaction_data *transaction)
{
	return (const void *)(uintptr_t)transaction->data.ptr.buffer;
}

void binder_free(struct binder *binder, const struct binder_transaction_data *transaction)
{
	binder_send(binder, BC_FREE_BUFFER, &transaction->data.ptr.buffer, sizeof(transaction->data.ptr.buffer));
}
