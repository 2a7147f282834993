/* SPDX-License-Identifier: MIT */
/* The GIC tests, by chapter, and the interrupt log that they share. */
#ifndef PAYLOAD_GIC_TESTS_H
#define PAYLOAD_GIC_TESTS_H

#include "payload/lib/exception.h"
#include "payload/lib/gic.h"
#include "payload/lib/report.h"
#include "payload/lib/timer.h"

/* SPIs without a device in the test's machine: those of virtio slots 16 to 23. */
#define SPI_FIRST 64
#define SPI_COUNT 8

/* Interrupts that a CPU took, in order; 'most' is the deepest nesting. */
#define LOG_MAX 64
struct irq_log {
	uint32_t intid[LOG_MAX];
	uint32_t count;
	uint32_t depth;
	uint32_t most;
};
extern struct irq_log logs[CPU_MAX];

/*
 * From here to log_end() IRQs go to the log, and each one to 'action' (may be NULL) between acknowledge and end.
 * log_begin() empties the logs; log_count() reads a CPU's.
 */
void log_begin(void (*action)(uint32_t intid));
void log_end(void);
uint32_t log_count(uint32_t cpu);
/* True when CPU n has taken 'count' interrupts within a second, and then no more for a moment. */
bool log_reaches(uint32_t cpu, uint32_t count);
/* Waits a moment, in which an interrupt that must not come would come. */
void settle(void);

/* Some CPUs or one: the tests that need two skip themselves by this. */
bool need_cpus(uint32_t count);

void identity(void);
void interface_registers(void);
void spi_banks(void);
void private_banks(void);
void priority_bytes(void);
void router(void);
void sgi_configuration(void);
void nonexistent(void);
void reserved(void);
void odd_widths(void);

void sgi_self(void);
void sgi_all_pairs(void);
void sgi_list(void);
void sgi_others(void);
void masked_daif(void);
void masked_pmr(void);
void masked_enable(void);
void masked_group(void);
void masked_group_overflow(void);
void masked_distributor(void);
void group0_is_fiq(void);
void spi_pending(void);
void spi_each_cpu(void);
void retarget_pending(void);
void clear_pending(void);
void pend_other_cpu(void);
void uart_level(void);
void storm(void);

void priority_order(void);
void priority_change(void);
void preemption(void);
void no_preemption_in_group(void);
void nested_overflow(void);
void eoi_mode_1(void);
void deactivate_out_of_order(void);
void active_from_other_cpu(void);
void set_active(void);
void acknowledge_by_hand(void);
void wrong_end(void);

#endif
