/* SPDX-License-Identifier: MIT */
/* Exceptions taken at EL1: expected faults, the interrupt handler, and a report for everything else. */
#ifndef PAYLOAD_LIB_EXCEPTION_H
#define PAYLOAD_LIB_EXCEPTION_H

#include "payload/lib/cpu.h"

/* What vectors.S saves. */
struct frame {
	uint64_t x[31];
	uint64_t elr;
	uint64_t spsr;
	uint64_t pad;
};

#define ESR_EC(esr) BITS(esr, 31, 26)
#define ESR_ISS(esr) BITS(esr, 24, 0)
#define ESR_FSC(esr) BITS(esr, 5, 0)
#define ESR_WNR BIT(6)
#define ESR_S1PTW BIT(7)

#define EC_UNKNOWN 0x00
#define EC_WFX 0x01
#define EC_FP 0x07
#define EC_BTI 0x0d
#define EC_SVC64 0x15
#define EC_HVC64 0x16
#define EC_SYSREG 0x18
#define EC_SVE 0x19
#define EC_SME 0x1d
#define EC_IABT_CUR 0x21
#define EC_PC_ALIGN 0x22
#define EC_DABT_CUR 0x25
#define EC_SP_ALIGN 0x26
#define EC_MOPS 0x27
#define EC_BRK64 0x3c

#define FSC_TRANSLATION 0x04 /* and the level in bits 1:0 */
#define FSC_EXTERNAL 0x10
#define FSC_EXTERNAL_WALK 0x14 /* and the level in bits 1:0 */
#define FSC_ALIGNMENT 0x21
#define FSC_IMPLEMENTATION_EXCLUSIVE 0x35

/*
 * Around instructions that may fault on this CPU: the first synchronous exception is recorded and each faulting
 * instruction is skipped. A fetch that faults, or an instruction that is not in this image, returns to x30, so
 * a call to nowhere is a call that does nothing.
 */
void fault_expect(void);
/* Ends that; tells what came. */
struct fault fault_taken(void);

/* Runs the instruction(s) in 'text' with operands, expecting a fault; gives struct fault. */
#define FAULT_OF(...)                          \
	({                                     \
		fault_expect();                \
		__asm__ volatile(__VA_ARGS__); \
		fault_taken();                 \
	})

/* IRQs of all CPUs go to this function; NULL gives them back to irq_default(). */
void irq_set_handler(void (*handler)(void));
/* Acknowledges, feeds the watchdog, disables what nobody expected, ends. */
void irq_default(void);

/* Installs the vectors on the calling CPU. */
void exception_init_cpu(void);
/* Another vector table for the calling CPU, as the benchmark uses. */
extern const char exception_vectors[];

#endif
