/* SPDX-License-Identifier: MIT */
/*
 * OP-TEE's protocol over FF-A, as far as it is spoken here: direct messages, and the messages in memory that they
 * name.
 */
#ifndef PAYLOAD_SP_OPTEE_LIKE_PROTOCOL_H
#define PAYLOAD_SP_OPTEE_LIKE_PROTOCOL_H

#include <stdint.h>

/* w3 of a request. Its answer has the status in w3. */
enum {
	OPTEE_GET_API_VERSION = 0, /* w3 major, w4 minor */
	OPTEE_GET_OS_VERSION = 1, /* w3 major, w4 minor, w5 build */
	OPTEE_EXCHANGE_CAPABILITIES = 2, /* w4 most params of an RPC, w5 OPTEE_CAP_*, w6 largest notification */
	OPTEE_UNREGISTER_SHM = 3, /* w4, w5 handle */
	OPTEE_ENABLE_ASYNC_NOTIF = 5, /* w4 bit */
};
#define OPTEE_YIELDING_CALL 0x80000000u /* w4, w5 handle, w6 offset of the message */
#define OPTEE_YIELDING_RESUME 0x80000001u /* w7 thread */
/* w4 of the answer to those two; w7 is the thread. */
enum {
	OPTEE_RETURN_DONE = 0,
	OPTEE_RETURN_RPC = 1,
	OPTEE_RETURN_INTERRUPT = 2,
};
#define OPTEE_CAP_ARG_OFFSET 1u
#define OPTEE_CAP_ASYNC_NOTIF 2u

/* A parameter of a message. */
struct param {
	uint64_t attributes;
	union {
		struct {
			uint64_t a, b, c;
		} value;
		struct {
			uint32_t offset_low;
			uint16_t offset_high;
			uint16_t internal_offset; /* of the buffer in its first page */
			uint64_t size;
			uint64_t handle;
		} memory;
	};
};
_Static_assert(sizeof(struct param) == 32, "");
enum {
	PARAM_NONE = 0,
	PARAM_VALUE_IN = 1,
	PARAM_VALUE_OUT = 2,
	PARAM_VALUE_INOUT = 3,
	PARAM_MEMORY_IN = 5,
	PARAM_MEMORY_OUT = 6,
	PARAM_MEMORY_INOUT = 7,
};
#define PARAM_TYPE_MASK 0xffu

struct message {
	uint32_t command;
	uint32_t function;
	uint32_t session;
	uint32_t cancel_id;
	uint32_t pad;
	uint32_t result;
	uint32_t origin;
	uint32_t param_count;
	struct param params[];
};

/* Commands of the normal world's messages. */
enum {
	OPTEE_OPEN_SESSION = 0, /* two params first: UUID, client */
	OPTEE_INVOKE = 1,
	OPTEE_CLOSE_SESSION = 2,
	OPTEE_DO_BOTTOM_HALF = 6,
	OPTEE_STOP_ASYNC_NOTIF = 7,
};
/* And of ours, behind its message. */
enum {
	RPC_NOTIFICATION = 4, /* a: wait or send, b: which, c: milliseconds */
	RPC_SUSPEND = 5, /* a: milliseconds */
	RPC_SHM_ALLOC = 6, /* a: type, b: size, c: alignment; a memory comes back */
	RPC_SHM_FREE = 7, /* a: type, b: handle */
};
enum { RPC_NOTIFICATION_WAIT = 0, RPC_NOTIFICATION_SEND = 1 };
enum { RPC_SHM_SUPPLICANT = 0, RPC_SHM_KERNEL = 1 };

enum {
	TEE_SUCCESS = 0,
	TEE_GENERIC = (int)0xffff0000u,
	TEE_BAD_PARAMETERS = (int)0xffff0006u,
	TEE_ITEM_NOT_FOUND = (int)0xffff0008u,
	TEE_OUT_OF_MEMORY = (int)0xffff000cu,
	TEE_BUSY = (int)0xffff000du,
};
#define TEE_ORIGIN_TEE 3u
#define TEE_ORIGIN_SERVICE 4u

#endif
