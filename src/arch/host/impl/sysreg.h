/* SPDX-License-Identifier: MIT */
/*
 * The developer's machine: a register is a word of 'host_sysreg', one file for each thread (a thread is a CPU).
 * A test that needs a register to act (a counter that runs, a list register that an "EOI" empties) sets hooks.
 */
#ifndef IMPL_SYSREG_H
#define IMPL_SYSREG_H

#include "lib/base.h"

#define SYSREG_INDEX(name, op0, op1, crn, crm, op2) HOST_SYSREG_##name,
enum host_sysreg_index { SYSREG_LIST(SYSREG_INDEX) HOST_SYSREG_COUNT };
#undef SYSREG_INDEX

extern _Thread_local uint64_t host_sysreg[HOST_SYSREG_COUNT];
/* Called after a write and before a read, if set. */
extern void (*host_sysreg_written)(enum host_sysreg_index reg, uint64_t value);
extern void (*host_sysreg_reading)(enum host_sysreg_index reg);

uint64_t host_sysreg_read(enum host_sysreg_index reg);
void host_sysreg_write(enum host_sysreg_index reg, uint64_t value);

#define SYSREG_ACCESSORS(name, op0, op1, crn, crm, op2)                                           \
	static inline uint64_t read_##name(void) { return host_sysreg_read(HOST_SYSREG_##name); } \
	static inline void write_##name(uint64_t value) { host_sysreg_write(HOST_SYSREG_##name, value); }
SYSREG_LIST(SYSREG_ACCESSORS)
#undef SYSREG_ACCESSORS

#endif
