/* SPDX-License-Identifier: MIT */
/*
 * What our partitions have in common: they wait for messages and do the commands of payload/lib/partition.h. Each has a
 * main.c that says who it is; sp/el0 has its own start and machine.
 */
#ifndef PAYLOAD_SP_LIB_SP_H
#define PAYLOAD_SP_LIB_SP_H

#include "payload/lib/ffa.h"
#include "payload/lib/partition.h"

#define SP_CPUS_MAX 8
#define SP_INTIDS 64 /* of which interrupts are counted */
#define SP_SPARE_PAGES 32

/* One execution context. */
struct sp_cpu {
	uint32_t index;
	uint32_t runs; /* times it got cycles by FFA_RUN while waiting */
	int32_t last_error;
	volatile bool managed_exit;
	volatile uint32_t handled[SP_INTIDS];
	uint32_t given[SP_INTIDS]; /* came as FFA_INTERRUPT */
	bool expecting; /* sp_touch(): a fault is part of it */
	bool faulted;
	uint64_t esr, far;
};

/* Each partition's own. */
extern const struct sp_program {
	const char *name;
	uint32_t version;
	/* FFA_MSG_WAIT gives RX back, though from 1.2 on it need not. Before, it always does. */
	bool wait_releases;
	/* From the start of the package, if the manifest has buffers: else two pages are mapped by FFA_RXTX_MAP. */
	uint32_t tx_offset, rx_offset;
	/* Once, on the first CPU, before FFA_MSG_WAIT. May be NULL, as the next. */
	void (*start)(void);
	/* On each CPU. */
	void (*start_cpu)(void);
	/* An interrupt that the library does not know: quiet the device. */
	void (*interrupt)(uint32_t intid);
	/* A command that the library does not do. Answers in w[]; false: unknown. */
	bool (*command)(uint64_t *w, uint32_t count);
} sp_program;

/* ---- what differs between S-EL1, S-EL0 and a VM: el1.c, sp/el0/machine.c, vm/ffa/machine.c ---- */

struct sp_cpu *sp_this(void);
/* HF_INTERRUPT_*, with x0..x3: x0 of the answer. */
uint64_t sp_hf(uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3);
/* A load or store that may fault; false if it did (then esr and far of sp_this()). */
bool sp_touch(uint64_t address, bool write, uint64_t *value);
/* Where the partition reaches an address that FF-A names. */
uint64_t sp_va(uint64_t address);
/* Masks virtual interrupts, or no longer. */
void sp_mask_interrupts(bool masked);
/* The emulated timer. */
void sp_timer_set(uint64_t us);
void sp_timer_stop(void);
/* Dies by a fault. */
noreturn void sp_fault(void);

/* ---- sp.c ---- */

/* The first execution context: version, buffers, the program's start. The others: the program's start_cpu. */
void sp_init(void);
void sp_init_cpu(void);
noreturn void sp_loop(void);
/* COMMAND_VM: answers in w[]. */
void sp_vm(uint64_t *w);
/* Counts and ends one virtual interrupt. */
void sp_interrupt(uint32_t intid);
void sp_log(const char *fmt, ...) printf_like(1, 2);
/* Our own error: says so and dies. */
noreturn void sp_panic(const char *why);

/* Boot information, if the manifest asks for it: from when the program starts. */
extern const struct ffa_boot_info_header *sp_boot_info;
/* Own id, and the mailbox; sp_mailbox_lock() holds while TX or RX is in use by this partition. */
extern uint16_t sp_id;
extern uint8_t *sp_tx, *sp_rx;
void sp_mailbox_lock(void);
void sp_mailbox_unlock(void);

/* ---- command.c, memory.c, message.c: answer in w[] ---- */

void sp_command(uint64_t *w, uint32_t count);
void sp_retrieve(uint64_t *w);
void sp_relinquish(uint64_t *w);
void sp_send(uint64_t *w);
void sp_fill(const uint64_t *w);
void sp_check(uint64_t *w);
void sp_message(uint64_t *w);
void sp_received(uint64_t *w);

static inline uint64_t sp_now(void)
{
	uint64_t now;

	__asm__ volatile("isb\n\tmrs %0, cntvct_el0" : "=r"(now)::"memory");
	return now;
}

static inline uint64_t sp_ticks(uint64_t us)
{
	uint64_t frequency;

	__asm__("mrs %0, cntfrq_el0" : "=r"(frequency));
	return us * frequency / 1000000;
}

#endif
