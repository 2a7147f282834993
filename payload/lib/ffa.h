/* SPDX-License-Identifier: MIT */
/* FF-A from the side of who calls: the call itself, and the descriptors of memory transactions. */
#ifndef PAYLOAD_LIB_FFA_H
#define PAYLOAD_LIB_FFA_H

#include "abi/ffa.h"
#include "payload/lib/base.h"

struct ffa_regs {
	uint64_t x[18];
};

/* One call: x0-x17 go in and come out. By SMC, unless the program has its own (an S-EL0 partition: SVC). */
void ffa_call(struct ffa_regs *regs);

/* FFA(id, x1, x2, ...): a call with the rest zero; gives what came back. */
struct ffa_regs ffa_call_with(struct ffa_regs regs);
#define FFA(...) ffa_call_with((struct ffa_regs){ .x = { __VA_ARGS__ } })

/* What an answer says: FFA_OK unless it is FFA_ERROR. */
static inline int32_t ffa_code(const struct ffa_regs *regs)
{
	return (uint32_t)regs->x[0] == FFA_ERROR ? (int32_t)regs->x[2] : FFA_OK;
}
static inline bool ffa_is(const struct ffa_regs *regs, uint32_t id) { return (uint32_t)regs->x[0] == id; }
/* For calls of which only the code matters. */
#define FFA_CODE(...)                                     \
	({                                                \
		struct ffa_regs regs_ = FFA(__VA_ARGS__); \
		ffa_code(&regs_);                         \
	})

/* w1 of a message or a request to run: who, to whom. */
static inline uint32_t ffa_pair(uint32_t high, uint32_t low) { return high << 16 | low; }
static inline uint64_t ffa_u64(uint64_t low, uint64_t high) { return (uint32_t)low | high << 32; }

#define FFA_ATTRIBUTES_NORMAL                                                                       \
	(FFA_SHARE_INNER << FFA_ATTRIBUTE_SHARE_SHIFT | FFA_CACHE_WB << FFA_ATTRIBUTE_CACHE_SHIFT | \
	 FFA_TYPE_NORMAL << FFA_ATTRIBUTE_TYPE_SHIFT)
#define FFA_PERMISSIONS(data, exec) \
	((uint8_t)((data) << FFA_PERMISSION_DATA_SHIFT | (exec) << FFA_PERMISSION_EXEC_SHIFT))
#define FFA_BORROWERS_MAX 4

struct ffa_borrower {
	uint16_t id;
	uint8_t permissions;
};

/* A transaction as its descriptor tells it: of a send with its ranges, or of a retrieve request without. */
struct ffa_transaction {
	uint32_t version; /* of the caller, which decides the layout */
	uint16_t sender;
	uint16_t attributes;
	uint32_t flags;
	uint64_t handle;
	uint64_t tag;
	uint32_t borrower_count;
	struct ffa_borrower borrowers[FFA_BORROWERS_MAX];
	const struct ffa_constituent *ranges;
	uint32_t range_count;
};

/* Writes the descriptor with its first 'ranges' ranges. Returns the bytes written. */
uint32_t ffa_describe(void *buffer, const struct ffa_transaction *transaction, uint32_t ranges);
/* Bytes of the descriptor with all its ranges. */
uint32_t ffa_describe_size(const struct ffa_transaction *transaction);

/*
 * FFA_MEM_SHARE, _LEND or _DONATE through a TX buffer, in fragments of at most 'size' bytes. FFA_OK and the handle, or
 * the error of the call that failed. An answer that makes no sense is FFA_ABORTED.
 */
int32_t ffa_mem_send(uint32_t id, const struct ffa_transaction *transaction, void *tx, uint32_t size, uint64_t *handle);

/* What a retrieve response says, but its ranges: those are at 'ranges' in RX, 'in_rx' of them in this fragment. */
struct ffa_retrieved {
	uint16_t sender;
	uint16_t attributes;
	uint32_t flags;
	uint64_t handle;
	uint64_t tag;
	uint32_t borrower_count;
	struct ffa_borrower borrower; /* the first */
	uint32_t page_count;
	uint32_t range_count;
	const struct ffa_constituent *ranges;
	uint32_t in_rx;
};
/* Reads a response of 'size' bytes (its first fragment). False if it cannot be one. */
bool ffa_read_response(const void *rx, uint32_t version, uint32_t size, struct ffa_retrieved *out);

#endif
