/* SPDX-License-Identifier: MIT */
/*
 * Three VMs on shared memories: the first one conducts and reports, the others do what it asks. On "board" the third
 * may only read, so it answers in "notes".
 */
#ifndef PAYLOAD_VM_SHMEM_SHMEM_H
#define PAYLOAD_VM_SHMEM_SHMEM_H

#include "abi/shared_memory.h"
#include "payload/lib/arch.h"

enum peer {
	CONDUCTOR,
	PARTNER,
	WATCHER, /* peer 1 of "notes" */
	PEERS,
};

enum command {
	COMMAND_NONE,
	COMMAND_CHECK, /* answers how many words of the data are not the pattern of 'argument' */
	COMMAND_FILL,  /* fills the data with the pattern of 'argument' */
	COMMAND_WRITE, /* tries to write to the board; answers the ESR of what came of it, or 0 */
	COMMAND_RING,  /* rings the conductor 'argument' times */
	COMMAND_DEAF,  /* with interrupts off, until 'release' is the argument; answers how many came then */
	COMMAND_ECHO,  /* the handler answers each ring by a ring, until 'release' is the argument */
	COMMAND_RESET, /* answers, then resets the VM */
	COMMAND_OFF,   /* the same */
};

struct request {
	uint32_t sequence; /* written last */
	uint32_t command;
	uint64_t argument;
	uint64_t release;
};

struct answer {
	uint32_t sequence;
	uint64_t value;
};

/* What lies at the start of "board"; "notes" has the watcher's answer at its start. */
struct board {
	struct request requests[PEERS];
	struct answer answer; /* the partner's */
};
#define DATA_OFFSET PAGE_SIZE /* in "board" */
#define DATA_WORDS (2 * PAGE_SIZE / sizeof(uint64_t))

/* A device and its memory. */
struct shmem {
	uint64_t registers;
	uint64_t physical; /* of the memory; and it again, */
	uint64_t memory; /* write-back */
	uint64_t code;   /* executable */
	uint64_t size;
	uint32_t intid;
	uint32_t interrupts; /* taken */
	uint32_t seen;       /* STATUS bits that the handler found and cleared, until shmem_take() */
	uint32_t echo;       /* ring back whoever rings */
};

extern struct shmem board, notes;

/* By the label in the device tree; false if there is none. */
bool shmem_find(struct shmem *s, const char *label);
/* The handler of both devices' interrupts; enables those and takes part. */
void shmem_start(void);
/* Until an interrupt has been taken. One that comes after the caller has looked at what it waits for ends it, too. */
void shmem_sleep(void);
/* What the handler has seen since the last call. */
uint32_t shmem_take(struct shmem *s);

static inline uint32_t shmem_get(const struct shmem *s, uint32_t offset) { return mmio_read32(s->registers + offset); }

/* What was written to the memory before is there for whom the register tells of it. */
static inline void shmem_set(const struct shmem *s, uint32_t offset, uint32_t value)
{
	dsb();
	mmio_write32(s->registers + offset, value);
}

static inline struct board *shmem_board(void) { return (struct board *)board.memory; }
static inline uint64_t *shmem_data(void) { return (uint64_t *)(board.memory + DATA_OFFSET); }

static inline uint64_t pattern_word(uint64_t seed, uint64_t index)
{
	return (seed + 1) * UINT64_C(0x9e3779b97f4a7c15) ^ index * UINT64_C(0x0101010101010101);
}
void pattern_write(uint64_t seed);
uint64_t pattern_errors(uint64_t seed);

/* The partner's and the watcher's life. */
void serve(uint32_t self);

#endif
