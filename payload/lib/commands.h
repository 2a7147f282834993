/* SPDX-License-Identifier: MIT */
/*
 * What our partitions are called, and the commands that they take by direct messages. Nothing is included, so that
 * Linux's modules can use it.
 *
 * A message's payload is w[0] .. w[n-1]: x3-x7 of FFA_MSG_SEND_DIRECT_REQ (5 words), x4-x17 of _REQ2 (14). If w[0] is
 * a command the partition does it and answers with w[0] = 0 or an FF-A error code and results from w[1]; any other
 * message comes back as it is. The 32-bit form carries commands with small arguments too.
 */
#ifndef PAYLOAD_LIB_COMMANDS_H
#define PAYLOAD_LIB_COMMANDS_H

#define UUID_WORDS_HELLO 0x7d1e5f01, 0x6b0c4b0e, 0x9a3f21c8, 0x5d0e8a11
#define UUID_WORDS_HELLO_2 0x7d1e5f01, 0x6b0c4b0e, 0x9a3f21c8, 0x5d0e8a12
#define UUID_WORDS_IRQ 0x7d1e5f02, 0x4c8a43d1, 0xb1a7f00d, 0x02c6e4f7
#define UUID_WORDS_RELAY 0x7d1e5f03, 0x1f6e4a55, 0x8e60b2c3, 0x91d47a3c
#define UUID_WORDS_EL0 0x7d1e5f04, 0x2a9b4c7d, 0xa5d1c0e8, 0x3f7b6e90
/*
 * VMs that act as partitions do: config/ffa*.dts. UUID_WORDS_LINUX is Linux, with payload/linux/ffa_test as its
 * server.
 */
#define UUID_WORDS_VM_2 0x7d1e5f05, 0x3c1d4f2a, 0x8b6e07d9, 0x51f2c3a2
#define UUID_WORDS_VM_3 0x7d1e5f05, 0x3c1d4f2a, 0x8b6e07d9, 0x51f2c3a3
#define UUID_WORDS_LINUX 0x6f3a1c52, 0x9d0e4b7a, 0x8c21d4e5, 0x10f7a9b3

#define COMMAND_FIRST 0x7a5b0001u
#define RELAY_RESUMES_MAX 10000
enum command {
	/* Calls: w[1].. are x0.. of an FF-A call that it makes; the answer's x0.. come back in w[1].. . */
	COMMAND_CALL = COMMAND_FIRST,
	/* The same for the paravirtual interrupt calls: w[1]-w[4] are x0-x3, x0 comes back in w[1]. */
	COMMAND_HF,
	/*
	 * Sends a direct request with w[2].. to partition w[1] and runs it until it answers, at most RELAY_RESUMES_MAX
	 * times: its words from w[1].
	 */
	COMMAND_RELAY,

	/*
	 * Memory: w[1] handle, w[2] tag, w[3] sender | permissions << 16 | attributes << 32, w[4] flags of the request.
	 * Back: w[1] pages, w[2] ranges, w[3] address of the first, w[4] attributes | permissions << 16 | flags << 32.
	 */
	COMMAND_RETRIEVE,
	COMMAND_RELINQUISH, /* w[1] handle, w[2] flags */
	/*
	 * w[1] function id, w[2] receiver | second receiver (or 0) << 16, w[3] pages | first of its spare pages << 16 |
	 * permissions << 32, w[4] flags | attributes << 32. Back: w[1] handle, w[2] address.
	 */
	COMMAND_SEND,
	/*
	 * w[1] handle of retrieved memory, or 0 and w[3] address, w[4] pages; w[2] a pattern. CHECK: w[1] wrong words.
	 * The pages must be there.
	 */
	COMMAND_FILL,
	COMMAND_CHECK,
	/* w[1] address, w[2] a write? Back: w[1] whether it faulted, w[2] the word or ESR, w[3] FAR. Not at S-EL0. */
	COMMAND_TOUCH,

	/* An indirect message: w[1] receiver, w[2] bytes, w[3] flags, w[4] first byte; the others count up from it. */
	COMMAND_MESSAGE,
	/* w[1] as that w[4]. Back: w[1] sender | receiver << 16 | bytes << 32, w[2] wrong bytes. RX stays full. */
	COMMAND_RECEIVED,

	/* Time: w[1] microseconds to compute without giving the CPU back, w[2] BUSY_*; w[1] BUSY_* that ended it. */
	COMMAND_BUSY,
	COMMAND_YIELD, /* w[1] times, w[2] nanoseconds */
	COMMAND_TIMER, /* w[1] microseconds until its timer fires; returns at once */
	COMMAND_STOP, /* w[1] STOP_*: does not come back */

	/* Registers: w[1] a seed for FP/SIMD and the thread registers; HOLD: w[1] whether they are still so. */
	COMMAND_KEEP,
	COMMAND_HOLD,

	COMMAND_LOG, /* writes a line with w[1] */
	COMMAND_STATE, /* Back: w[1] vCPU, w[2] the code of the last error, w[3] times run, w[4] NPIs | MEIs << 32 */
	COMMAND_INTERRUPTS, /* w[1] id. Back: w[1] times handled on this vCPU, w[2] times given with FFA_INTERRUPT */

	/*
	 * The partition hello: what its boot information says. Back: w[1] its version; of the manifest: w[2]
	 * ffa-version, w[3] bytes, w[4] the first word of the first UUID.
	 */
	COMMAND_BOOT_INFO,

	/* The partition irq: makes its device interrupt, waits w[1] microseconds. Back: w[1] times it came. */
	COMMAND_TRIGGER,

	COMMAND_POWER, /* a VM: w[1] POWER_*; does not come back */

	/* w[1] a VM's id. Back: how many times the framework told of w[1] its start, w[2] its end. */
	COMMAND_VM,
	COMMAND_LAST,
};

enum {
	BUSY_MASKED = 1, /* with interrupts masked */
	BUSY_MANAGED_EXIT = 2, /* ended by the managed exit interrupt */
	BUSY_IPI = 8, /* no longer than until an interrupt of another of its contexts comes; ended by that */
	BUSY_FP = 4, /* with a value of its own in the FP registers; in the answer: it was lost */
};

enum {
	STOP_FAULT, /* a fault that it does not handle */
	STOP_LOOP, /* never gives the CPU back, with interrupts masked */
};

enum {
	POWER_OFF,
	POWER_RESET,
	POWER_CPU_OFF, /* of the CPU that has the command */
};

/* How memory is filled: a few words of each page. */
#define PATTERN_STEP 512u

#endif
