/* SPDX-License-Identifier: MIT */
/* The other process of the binder tests: a context manager, and what it can be asked. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#define CONTEXT_MANAGER 0 /* its handle in every process */

/* Codes of transactions. */
enum {
	CALL_INVERT = 1, /* bytes; the reply has each of them inverted */
	CALL_WHO,        /* nothing; the reply is a struct who */
	CALL_MEMORY, /* a memfd with MEMORY_ASKED in it; writes MEMORY_ANSWERED there; replies 1 if all was well */
	CALL_SERVICE, /* nothing; replies with an object of the manager's, which knows CALL_WHO */
	CALL_EXIT, /* one way: the manager ends */
};

#define CALL_BYTES_MAX 65536
#define MEMORY_SIZE 4096
#define MEMORY_ASKED "asked by the client"
#define MEMORY_ANSWERED "answered by the manager"
#define SERVICE_COOKIE 0x5e271ce0ULL

struct who {
	int32_t server; /* pid of who answers */
	int32_t sender; /* pid and euid that the driver told it of who asks */
	uint32_t euid;
	uint32_t data; /* how many bytes came */
	uint64_t cookie; /* of the object that was called; 0 is the context manager itself */
};

/*
 * Starts a process that is the context manager of the device; returns its pid, or -1 with errno if it cannot be that.
 */
pid_t manager_start(const char *path);
/* Kills it, if it still runs, and waits for its end. */
void manager_stop(pid_t manager);
