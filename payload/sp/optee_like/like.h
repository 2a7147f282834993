/* SPDX-License-Identifier: MIT */
/*
 * A partition that behaves to the SPMC as OP-TEE does, and to Linux's OP-TEE driver too: docs/optee.md. OP-TEE's
 * message protocol is in protocol.h, what its one service does in service.h.
 */
#ifndef PAYLOAD_SP_OPTEE_LIKE_LIKE_H
#define PAYLOAD_SP_OPTEE_LIKE_LIKE_H

#include "payload/lib/ffa.h"
#include "payload/sp/optee_like/entry.h"
#include "payload/sp/optee_like/service.h"

/* Fewer than CPUs: a caller must wait now and then. */
#define LIKE_THREADS 3
/* Most parameters of a message from here to the normal world. */
#define LIKE_RPC_PARAMS 4

/* Of a call: only these eight are loaded and stored. */
struct regs {
	uint64_t x[8];
};

enum thread_state { THREAD_FREE, THREAD_RUNNING, THREAD_SUSPENDED };

/* A call that may take long. It goes on, on whichever CPU, where it was suspended. */
struct thread {
	uint32_t state; /* enum thread_state: claimed by compare-and-swap */
	uint64_t place; /* where it stands, while it is suspended */
	struct regs call; /* the request that started it, then the last one that resumed it */
	uint32_t suspended; /* times a foreign interrupt did it */
	uint32_t cpus; /* that it ran on */
};

/* One execution context. */
struct like_cpu {
	uint32_t index;
	uint64_t stack; /* its end */
	struct thread *thread; /* that runs here */
	struct thread *left; /* whose stack is still in use until the message loop goes on ... */
	enum thread_state left_state; /* ... and is this then */
	struct regs regs; /* the next call of the message loop, or what came back */
};

struct like_cpu *like_cpu(void);
/* Masks IRQ and FIQ; returns what to give to like_unmask(). */
uint64_t like_mask(void);
void like_unmask(uint64_t before);
/* Text on the UART. */
void like_log(const char *fmt, ...) printf_like(1, 2);
/* The same, and nothing more from this CPU. */
noreturn void like_panic(const char *why);

/* What is counted over all CPUs: SERVICE_COUNT. */
extern uint32_t like_counts[COUNT_LAST];
void like_count(enum service_count what);

/* ---- entry.S ---- */

extern const char like_vectors[];
extern uint8_t like_stacks[LIKE_CPUS][LIKE_STACK];
void like_secondary(void);
void like_hvc(struct regs *regs);
void like_smc(struct regs *regs);
void like_smc_open(struct regs *regs);
noreturn void like_leave(uint64_t stack);
noreturn void like_start(uint64_t stack, void (*first)(void));
void like_pause(uint64_t *place, uint64_t stack);
noreturn void like_go_on(uint64_t place);
/* and what it calls */
noreturn void like_boot(uint64_t index, const struct ffa_boot_info_header *info);
noreturn void like_boot_secondary(uint64_t index);
noreturn void like_loop(void);
void like_irq(void);
void like_fiq(void);
noreturn void like_die(uint64_t vector);

/* A call by HVC, the rest of x0-x7 zero. */
struct regs like_hvc_with(struct regs regs);
#define HVC(...) like_hvc_with((struct regs){ .x = { __VA_ARGS__ } })

/* ---- thread.c: on the CPU's stack, everything masked ---- */

/* A request that may take long: does not return if a thread is free. False: there is none. */
bool thread_call(const struct regs *request);
/* "Resume": does not return if that thread is suspended. */
bool thread_resume(const struct regs *request, uint64_t number);
/*
 * On a thread: answers the request that it runs for, with w4-w6, and goes on with the next one that resumes it.
 */
void thread_suspend(uint64_t w4, uint64_t w5, uint64_t w6);

/* ---- memory.c ---- */

/* Memory of the normal world: retrieved when it is first named, and held until it is dropped. */
struct memory;

/* NULL: it cannot be retrieved. Each get wants a put. */
struct memory *memory_get(uint64_t handle);
void memory_put(struct memory *memory);
/* Gives it back to the SPMC. False: it is not held, or in use. */
bool memory_drop(uint64_t handle);
/* The bytes at an offset, and in *size how many follow there without a gap; NULL: beyond its end. */
void *memory_at(const struct memory *memory, uint64_t offset, uint64_t *size);
uint64_t memory_size(const struct memory *memory);

extern uint8_t *like_tx, *like_rx; /* one pair for all CPUs */
extern uint16_t like_id;

/* ---- yielding.c, service.c ---- */

/* What a thread does: the message at an offset in the memory of a handle. Returns TEE_*. */
uint32_t yielding_call(uint64_t handle, uint32_t offset);

struct call;
struct param;
/* Asks the normal world for something, and waits for its answer in the params. Returns TEE_*. */
uint32_t rpc(struct call *call, uint32_t command, struct param *params, uint32_t count);
/* One command of the service. Returns TEE_*. */
uint32_t service_invoke(struct call *call, uint32_t command, struct param *params, uint32_t count);

/* ---- uart.c: a device with an interrupt ---- */

#define LIKE_UART 0x09040000ul
#define LIKE_UART_INTID 40
void uart_start(void);
/* The interrupt. */
void uart_interrupt(void);
/* Linux says that notification 'bit' may be sent from now on; -1: no longer. */
void uart_notify(int32_t bit);
/* What is left to do after a notification. */
void uart_bottom_half(void);

#endif
