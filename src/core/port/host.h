/* SPDX-License-Identifier: MIT */
/*
 * What the machine is, as its device tree says, and the devices that EL2 drives itself. machine_read() fills 'host'
 * (core/port/machine.h); the board (plat/) picks drivers by it and implements the functions below.
 */
#ifndef CORE_PORT_HOST_H
#define CORE_PORT_HOST_H

#include "core/vcpu/cpu.h"
#include "lib/addr.h"
#include "lib/err.h"

#define HOST_RAM_MAX 16
#define HOST_RESERVED_MAX 32
#define HOST_GICR_MAX 8

struct host_range {
	uint64_t base;
	uint64_t size;
};

#define MPIDR_AFFINITY UINT64_C(0xff00ffffff)

struct host {
	struct host_range ram[HOST_RAM_MAX]; /* of the world that we are in */
	unsigned ram_count;
	struct host_range ns_ram[HOST_RAM_MAX]; /* at S-EL2: the normal world's, which EL2 maps too */
	unsigned ns_ram_count;
	struct host_range reserved[HOST_RESERVED_MAX]; /* /memreserve/ and /reserved-memory */
	unsigned reserved_count;
	struct host_range no_map[HOST_RESERVED_MAX]; /* those of them that nobody but their owner may map */
	unsigned no_map_count;
	uint64_t cpu_mpidr[CPU_MAX];
	unsigned cpu_count;
	bool has_psci;
	bool psci_hvc; /* conduit: HVC, else SMC */
	bool has_gic;
	struct host_range gicd;
	struct host_range gicr[HOST_GICR_MAX];
	unsigned gicr_count;
	unsigned maintenance_intid; /* PPIs as INTIDs */
	unsigned hyp_timer_intid; /* EL2's own, of the world that we are in */
	unsigned virt_timer_intid;
	struct host_range uart; /* size 0: none */
	unsigned uart_intid;
	struct host_range rtc; /* size 0: none */
	struct host_range initrd;
	uint8_t seed[64]; /* /chosen rng-seed and kaslr-seed, folded */
	unsigned seed_size;
	char bootargs[256];
};

extern struct host host;

/* ---- the board ---- */

/* Where no tree says it (S-EL2): UART, GIC and timer of this board, into 'host'; its CPUs are there already. */
void plat_describe(void);
/* The console as soon as 'host' is filled. */
void plat_early_console(void);
/* Interrupt controller: once, then on each CPU. ERR_* with a message if the machine has not what it needs. */
enum err plat_irq_init(void);
enum err plat_irq_init_cpu(void);

/* ---- the drivers ---- */

/* False until plat_early_console() has found one. */
bool console_ready(void);
/* Console output; waits for room. The log's lock is held. */
void console_putc(char c);
/*
 * As console_putc(), but false if there is no room: then the UART interrupts when there is. Waits only where there
 * are no interrupts. The log's lock is held.
 */
bool console_try_putc(char c);
/* Ends the interrupt for room, until console_try_putc() asks for it again. The log's lock is held. */
void console_clear_output_interrupt(void);
/* Next input byte, or -1. Only the CPU that takes the UART's interrupt calls it. */
int console_getc(void);
/* Input, and room for output that was refused, raise host.uart_intid from now on, at this CPU. */
void console_enable_interrupts(void);

/* Distributor and redistributor: an interrupt that this CPU takes. SPIs are routed here. */
void irq_enable(uint32_t intid);
/* The active state of a private interrupt of this CPU, set from outside the CPU interface. */
void irq_set_active(uint32_t intid, bool active);

/* True if a private interrupt of this CPU is pending: of a level-sensitive one, its line. */
bool irq_is_pending(uint32_t intid);

/* Wall-clock seconds since 1970 from the board's RTC, 0 without one. */
uint64_t rtc_seconds(void);

#endif
