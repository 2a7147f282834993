/* SPDX-License-Identifier: MIT */
/* The one service of optee_like: what its clients (payload/linux/optee_like) and it agree on. */
#ifndef PAYLOAD_SP_OPTEE_LIKE_SERVICE_H
#define PAYLOAD_SP_OPTEE_LIKE_SERVICE_H

#include <stdint.h>

/* 7d1e5f05-3d52-4b6f-8c11-6a90e4d2b758, as bytes in that order. */
#define SERVICE_UUID { 0x7d, 0x1e, 0x5f, 0x05, 0x3d, 0x52, 0x4b, 0x6f, 0x8c, 0x11, 0x6a, 0x90, 0xe4, 0xd2, 0xb7, 0x58 }

/* Commands. The first parameter is a value in and out, unless it says otherwise; a, b are before -> after. */
enum service_command {
	SERVICE_ADD = 1, /* a, b -> a + b */
	SERVICE_COUNT, /* a: enum service_count -> how many */
	SERVICE_SUSPENDED, /* -> a: threads that were suspended and not resumed yet */
	/* Two parameters: a: a seed -> a: words that were wrong; and a memory, of whole words. */
	SERVICE_FILL,
	SERVICE_CHECK,
	/*
	 * Gets a memory of a bytes from the normal world, fills it, looks, gives it back. b: RPC_SHM_* -> a: wrong
	 * words.
	 */
	SERVICE_BORROW,
	/* Gives its CPU back for a milliseconds. b: a seed for the FP registers -> b: 1 if they were lost. */
	SERVICE_SLEEP,
	/*
	 * Computes for a microseconds. b: a seed as above. -> a: times that it was interrupted, b: the CPUs that it
	 * ran on, bit 32: the FP registers were lost.
	 */
	SERVICE_COMPUTE,
	/* Waits for another to send notification a, b milliseconds at most; or sends it. -> a: what the RPC gave. */
	SERVICE_WAIT,
	SERVICE_SEND,
};

enum service_count {
	COUNT_RETRIEVED,
	COUNT_RELINQUISHED,
	COUNT_REFUSED, /* by the SPMC: anything */
	COUNT_INTERRUPTS, /* of the UART */
	COUNT_CHARACTERS, /* that came there */
	COUNT_BOTTOM_HALVES,
	COUNT_FOREIGN, /* threads suspended by a foreign interrupt */
	COUNT_RPC,
	COUNT_RESUMED,
	COUNT_NO_THREAD,
	COUNT_RANGES, /* the most in one share */
	COUNT_LAST,
};

/* What FILL leaves in a memory: a word each SERVICE_STEP bytes. */
#define SERVICE_STEP 256u
static inline uint64_t service_word(uint64_t seed, uint64_t offset) { return seed * 0x9e3779b97f4a7c15u + offset; }

#endif
