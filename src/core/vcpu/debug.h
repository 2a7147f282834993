/* SPDX-License-Identifier: MIT */
/*
 * A guest's self-hosted debug: breakpoints, watchpoints and the OS lock (Arm ARM, D2). Their registers trap
 * (MDCR_EL2.TDA, TDOSA), so the copy here is always current: an access goes to the copy and to the hardware, a vCPU
 * that comes onto the CPU brings its own, and nothing is ever read back. A vCPU without an enabled breakpoint costs
 * one register write for that. MDSCR_EL1, which also holds the software step, is part of struct el1_state.
 */
#ifndef CORE_VCPU_DEBUG_H
#define CORE_VCPU_DEBUG_H

#include "lib/base.h"

struct vcpu;
struct cpu_features;

#define DEBUG_POINTS_MAX 16

/* Breakpoint or watchpoint n: DBGBVR and DBGBCR, or DBGWVR and DBGWCR. */
struct debug_point {
	uint64_t value;
	uint64_t control;
};

struct debug_state {
	struct debug_point breakpoints[DEBUG_POINTS_MAX];
	struct debug_point watchpoints[DEBUG_POINTS_MAX];
	bool os_lock; /* OSLSR_EL1.OSLK: no debug exceptions but BRK */
	bool armed;   /* some control has its enable bit set */
};

/* Own CPU, v loaded or about to be (load) or about not to be (put). */
void debug_load(const struct vcpu *v);
void debug_put(const struct vcpu *v);
/* As after a cold reset. v is not loaded. */
void debug_reset(struct vcpu *v);
/* Once on each CPU: firmware may have left anything in the hardware. */
void debug_cpu_init(const struct cpu_features *f);

/* DBGBVR<n>, DBGBCR<n>, DBGWVR<n>, DBGWCR<n>_EL1: op2 is 4, 5, 6, 7. False if the guest has no such register. */
bool debug_point_exists(unsigned op2, unsigned n);
/* Access by the loaded vCPU to one that exists. */
uint64_t debug_point_read(const struct vcpu *v, unsigned op2, unsigned n);
void debug_point_write(struct vcpu *v, unsigned op2, unsigned n, uint64_t value);
void debug_os_lock(struct vcpu *v, bool locked);

#endif
