/* SPDX-License-Identifier: MIT */
/* Linux's interface to a TEE (linux/tee.h), as far as the tests use it. A 'result' is the TEE's: TEE_*. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "payload/sp/optee_like/service.h"

#define TEE_OK 0u
#define TEE_BAD_PARAMETERS 0xffff0006u
#define TEE_ITEM_NOT_FOUND 0xffff0008u
/* The driver itself refused: see errno. */
#define TEE_NO_CALL 0xffffffffu
/* Of tee_ask(). */
#define TEE_NO_ANSWER UINT64_MAX

/* A client, with a session to the service of optee_like. */
struct tee {
	int fd;
	uint32_t session;
};

/* Memory that the TEE may be given. */
struct tee_memory {
	int id;
	int fd;
	void *data;
	size_t size;
	bool mapped; /* the kernel's: not the caller's own */
};

/* Opens the device alone; returns its file descriptor, or -1 with errno. */
int tee_device(void);
/* Opens a session to the service with that UUID; the result. */
uint32_t tee_open_session(int fd, const uint8_t *uuid, uint32_t *session);
/* Both, to our service; false with a line on stderr. */
bool tee_open(struct tee *tee);
void tee_close(struct tee *tee);
uint32_t tee_close_session(const struct tee *tee);
/* One command with its value and, if it wants one, a memory. *a and *b are before and after. */
uint32_t tee_invoke(const struct tee *tee, uint32_t command, uint64_t *a, uint64_t *b, const struct tee_memory *memory);
/* The same where only *a matters; what comes back, or TEE_NO_ANSWER with a result that is not TEE_OK. */
uint64_t tee_ask(const struct tee *tee, uint32_t command, uint64_t a, uint64_t b);

/* Memory of the kernel's, mapped; or the caller's own memory. False with errno. */
bool tee_memory_new(int fd, size_t size, struct tee_memory *memory);
bool tee_memory_register(int fd, void *data, size_t size, struct tee_memory *memory);
void tee_memory_free(struct tee_memory *memory);

/* Fills a memory as the service does, or counts the words that are not so. */
void tee_fill(const struct tee_memory *memory, uint64_t seed);
uint64_t tee_wrong(const struct tee_memory *memory, uint64_t seed);

/* Starts a thread that serves what the TEE asks of a supplicant: memory. False with errno. */
bool supplicant_start(void);
/* What it was asked for so far. */
unsigned supplicant_requests(void);
