/* SPDX-License-Identifier: MIT */
/* The wild tests, by file. */
#ifndef PAYLOAD_WILD_TESTS_H
#define PAYLOAD_WILD_TESTS_H

#include "payload/lib/exception.h"
#include "payload/lib/report.h"

/* A system register by number. */
struct encoding {
	uint8_t op0, op1, crn, crm, op2;
};

/* MRS or MSR of any encoding; the fault if there was one. */
struct fault sysreg_read(struct encoding encoding, uint64_t *value);
struct fault sysreg_write(struct encoding encoding, uint64_t value);

/* Seeded by "seed=N" of the boot arguments, else by 1. */
uint64_t random_next(void);

/* CPACR_EL1 with nothing trapped and as the library wants it. */
void cpacr_open(void);
void cpacr_usual(void);

void id_registers(void);
void features_match(void);
void higher_levels(void);
void debug_registers(void);
void fp_trap(void);
void undefined_instructions(void);

void fetch_device(void);
void fetch_unmapped(void);
void beyond_ram(void);
void beyond_pa(void);
void mmu_off(void);
void walk_beyond_ram(void);
void walk_device(void);
void maintenance(void);

void call_immediates(void);
void random_calls(void);
void all_reads(void);
void random_writes(void);
void still_sane(void);

/* wild.S: loads from an address with the MMU off; gives ESR_EL1 if that faults, else 0. */
uint64_t mmu_off_load(uint64_t address);

#endif
