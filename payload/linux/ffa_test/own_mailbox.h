/* SPDX-License-Identifier: MIT */
/*
 * A mailbox of our own, where the driver is not loaded, and what only somebody with a mailbox can do: retrieve, donate,
 * send messages and read them. Its calls take a lock, so they may come from any task.
 */
#ifndef FFA_TEST_OWN_MAILBOX_H
#define FFA_TEST_OWN_MAILBOX_H

#include "payload/linux/ffa_test/partition.h"

/* Of FF-A that is asked for: the module's parameter. */
extern unsigned int version;
/* A page each while it is open; MAILBOX_SPARE more behind RX, which are any test's. */
#define MAILBOX_SPARE 6
extern u8 *mailbox_tx, *mailbox_rx;

/* Agrees on the version, maps buffers. False if the version or a mailbox cannot be had. */
bool mailbox_open(void);
void mailbox_close(void);
/* FFA_RXTX_MAP with any values: FF-A's code. */
int mailbox_map(phys_addr_t tx_page, phys_addr_t rx_page, u32 count);
/* The id of who has that UUID (four words), or 0. */
u16 mailbox_find(u32 first, u32 second, u32 third, u32 fourth);
#define MAILBOX_FIND(words) mailbox_find(words)

/* A command as command(), past the driver. */
struct words mailbox_command(u16 to, struct words words);
#define COMMAND_OF(to, ...) mailbox_command((to), (struct words){ { __VA_ARGS__ } })

/* ---- memory that others lend us, and ours for them. FF-A's codes ---- */

struct borrowed {
	u64 handle; /* 0: there is none */
	struct ffa_mem_region_addr_range *ranges;
	u32 range_count, page_count, flags;
	u16 attributes;
	u8 permissions;
};
/* 'from' has sender, attributes, flags, handle and tag as the request shall have them. */
int mailbox_retrieve(const struct ffa_mem_region *from, u8 permissions, struct borrowed *got);
int mailbox_relinquish(struct borrowed *borrowed, u32 flags);
/* As memory_fill() and memory_wrong(). */
void borrowed_fill(const struct borrowed *borrowed, u64 pattern);
unsigned int borrowed_wrong(const struct borrowed *borrowed, u64 pattern);

/* One range of ours to one or two (0: to one). */
struct sending {
	u32 id; /* of the call */
	u16 to, also;
	phys_addr_t address;
	u32 page_count;
	u8 permissions;
	u32 flags;
	u16 attributes;
};
int mailbox_send(const struct sending *sending, u64 *handle);
int mailbox_reclaim(u64 handle);

/* ---- indirect messages: bytes that count up from 'first' ---- */

#define MESSAGE_MAX 256
int mailbox_message(u16 to, u32 size, u32 flags, u8 first);
/* What stands in RX: FF-A's code; how many bytes are not as they should be. RX stays full. */
int mailbox_received(u8 first, u16 *sender, u16 *receiver, u32 *size, unsigned int *wrong);

#endif
