/* SPDX-License-Identifier: MIT */
/* Pages of ours that partitions get: all of a test's are taken back when it ends. Tests use this from any task. */
#ifndef FFA_TEST_MEMORY_H
#define FFA_TEST_MEMORY_H

#include <linux/list.h>
#include <linux/scatterlist.h>

#include "payload/linux/ffa_test/partition.h"

enum kind { SHARE, LEND };

struct memory {
	struct list_head node;
	struct sg_table table; /* a range each */
	unsigned int ranges, order; /* of 1 << order pages each */
	bool sent, to_two;
	u64 handle;
	u64 tag;
	u64 address; /* of its first page for who retrieved it last */
	enum kind kind;
	const struct ffa_mem_ops *ops; /* of the receiver's device */
	struct ffa_device *holders[2]; /* who has retrieved it */
};

/* NULL, and the test has failed, if there is no memory. */
struct memory *memory_get(unsigned int ranges, unsigned int order);
/* Another list of ranges: those of 'of' from 'first' on. Its pages stay those of 'of'. */
struct memory *memory_alias(const struct memory *of, unsigned int first, unsigned int ranges);
/* Any pages of the machine, whoever they are of. */
struct memory *memory_of_page(phys_addr_t page);
phys_addr_t memory_page(const struct memory *m, unsigned int page);
static inline unsigned int memory_pages(const struct memory *m) { return m->ranges << m->order; }

/* To one partition, or to two: 0, or Linux's error. 'flags' of the transaction; 'access' FFA_MEM_RW or FFA_MEM_RO. */
struct send {
	enum kind kind;
	struct ffa_device *to, *also;
	u32 flags;
	u8 access;
};
int memory_send(struct memory *m, struct send send);
#define SEND(m, ...) memory_send((m), (struct send){ __VA_ARGS__, .access = FFA_MEM_RW })
int memory_reclaim(struct memory *m);

/* FF-A's codes. RW or RO as the partition asks. */
int memory_retrieve(struct memory *m, struct ffa_device *sp, u8 access);
int memory_relinquish(struct memory *m, struct ffa_device *sp);

/* Sends so many ranges, looks at what is in them from both sides, and has them back: a test. */
void memory_round_trip(struct ffa_device *sp, enum kind kind, unsigned int ranges, unsigned int order);

/* The pattern of COMMAND_FILL: by us, and how many words are wrong for us and for a partition that has it. */
void memory_fill(const struct memory *m, u64 pattern);
unsigned int memory_wrong(const struct memory *m, u64 pattern);
int memory_fill_by(const struct memory *m, struct ffa_device *sp, u64 pattern);
unsigned int memory_wrong_for(const struct memory *m, struct ffa_device *sp, u64 pattern);

/* Takes back all; fails the test if it cannot be had back. What cannot is never used again. */
void memory_end_test(void);
/* Until the module goes or the machine restarts. */
void memory_keep(struct memory *m);
/* Takes back what is kept; a note says what could not be. */
void memory_take_back_kept(void);

#endif
