/* SPDX-License-Identifier: MIT */
/* A process's end of binder: the driver's commands (BC_*) and returns (BR_*), without a framework above them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/android/binder.h>

#define BINDER_MAP_SIZE (1024 * 1024)

struct binder {
	int fd;
	void *map;              /* where the driver puts what others send */
	uint8_t returns[1024];  /* of the last read */
	size_t at, end;         /* what of them is still to be looked at */
};

/* What goes into a transaction or a reply: bytes, and the offsets in them where objects stand. */
struct parcel {
	const void *data;
	size_t size;
	const binder_size_t *offsets;
	size_t offsets_count;
};

/* Opens a device and maps the receive buffer; returns -1 with errno, or 0. */
int binder_open(struct binder *binder, const char *path);
void binder_close(struct binder *binder);
/* Sends one command; returns -1 with errno, or 0. */
int binder_send(struct binder *binder, uint32_t command, const void *argument, size_t size);
/*
 * Waits for the next return that is for the caller: references are acknowledged and idle returns skipped here. Copies
 * its argument, at most sizeof(struct binder_transaction_data_secctx) bytes. Returns 0 if the driver refuses to read.
 */
uint32_t binder_next(struct binder *binder, void *argument);
/*
 * Calls a handle and waits for the end: BR_REPLY, with *reply to be given back by binder_free();
 * BR_TRANSACTION_COMPLETE of a call with TF_ONE_WAY; BR_DEAD_REPLY, BR_FAILED_REPLY; or 0 if the driver refuses the
 * command.
 */
uint32_t binder_call(struct binder *binder, uint32_t handle, uint32_t code, uint32_t flags,
		     const struct parcel *request, struct binder_transaction_data *reply);
/* The server's answer to the transaction that came last; it stands before binder_free() of that. */
int binder_reply(struct binder *binder, const struct parcel *parcel);
/* Where the bytes of a transaction or reply that came are, until binder_free(). */
const void *binder_data(const struct binder_transaction_data *transaction);
/* Gives the buffer of a transaction or reply back. */
void binder_free(struct binder *binder, const struct binder_transaction_data *transaction);
