/* SPDX-License-Identifier: MIT */
/*
 * What the programs share that call partitions, in the normal world or in a VM: a mailbox, the partitions found by
 * UUID, commands to them.
 */
#ifndef PAYLOAD_NWD_LIB_NWD_H
#define PAYLOAD_NWD_LIB_NWD_H

#include "payload/lib/ffa.h"
#include "payload/lib/partition.h"

/* Own id, which is 0 if there is no hypervisor, and the RX and TX buffer. */
extern uint16_t nwd_id;
extern uint8_t nwd_rx[PAGE_SIZE], nwd_tx[PAGE_SIZE];
/* Pages to share, and others that stay ours. */
#define NWD_PAGES 1600
extern uint8_t nwd_pages[NWD_PAGES][PAGE_SIZE];

/* Ids of the partitions; 0: there is none of that kind. */
extern uint16_t hello, irq, relay, el0;

/* Number n of the words that were given to the program (scripts/run-spmc --words), or 'otherwise' if that is zero. */
uint64_t nwd_word(uint32_t n, uint64_t otherwise);
/* That version agreed on, buffers mapped, partitions found. False, and a line that says why, if FF-A is not there. */
bool nwd_init(uint32_t version);
/* Then this is the version: descriptors are of it. */
extern uint32_t nwd_version;
/* The id of the partition with that UUID (by FFA_PARTITION_INFO_GET_REGS), or 0. */
uint16_t nwd_find(struct ffa_uuid uuid);

/* The buffers of a VM of ours, a page each, in the way a hypervisor says it. */
int32_t nwd_map_vm(uint16_t vm, uint64_t tx, uint64_t rx);

/*
 * A direct message; runs the partition again when it was preempted or yielded, so that what comes back is the answer or
 * an error. 'regs' in and out.
 */
void nwd_message(struct ffa_regs *regs);

/* A command by FFA_MSG_SEND_DIRECT_REQ_64: its answer's words. w[0] is FFA_OK, what the command says, or the error. */
struct words {
	uint64_t w[5];
};
struct words nwd_command(uint16_t sp, struct words words);
#define COMMAND(sp, ...) nwd_command((sp), (struct words){ { __VA_ARGS__ } })
/* Only its code. */
#define COMMAND_CODE(...) ((int32_t)COMMAND(__VA_ARGS__).w[0])

/*
 * An FF-A call that a partition makes for us, with x0-x11; what it got, x0-x12. By FFA_MSG_SEND_DIRECT_REQ2, so not for
 * partitions before 1.2. x0 is 0 if the message itself failed, and x2 the code.
 */
struct ffa_regs nwd_call_from(uint16_t sp, struct ffa_regs call);
#define SP_FFA(sp, ...) nwd_call_from((sp), (struct ffa_regs){ .x = { __VA_ARGS__ } })
#define SP_FFA_CODE(...)                                        \
	({                                                      \
		struct ffa_regs sp_regs_ = SP_FFA(__VA_ARGS__); \
		nwd_code_from(&sp_regs_);                       \
	})
/* The code of such a call: FFA_ABORTED if the message failed. */
int32_t nwd_code_from(const struct ffa_regs *regs);

/* ---- memory ---- */

/* A send of 'count' pages at 'first' to one borrower, with what is usual for that call. */
struct ffa_transaction nwd_transaction(uint32_t id, uint16_t borrower, struct ffa_constituent *range, void *first,
				       uint32_t count);
/* Sends it; its handle. */
int32_t nwd_send(uint32_t id, const struct ffa_transaction *transaction, uint64_t *handle);
/* Both. */
int32_t nwd_send_pages(uint32_t id, uint16_t borrower, void *first, uint32_t count, uint64_t *handle);
/* Has a partition retrieve with the usual permissions for a memory of that kind. */
struct words nwd_retrieve(uint16_t sp, uint32_t id, uint64_t handle, uint64_t tag);
int32_t nwd_reclaim(uint64_t handle);
/* What a hypervisor asks before it takes memory back for a VM; a good answer is in RX, to be released. */
struct ffa_regs nwd_hypervisor_retrieve(uint64_t handle);

#endif
