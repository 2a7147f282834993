/* SPDX-License-Identifier: MIT */
#ifndef IMPL_BARRIER_H
#define IMPL_BARRIER_H

#define barrier_op(op) __asm__ volatile(op ::: "memory")

static inline void dsb_ish(void) { barrier_op("dsb ish"); }
static inline void dsb_ishst(void) { barrier_op("dsb ishst"); }
static inline void dsb_nsh(void) { barrier_op("dsb nsh"); }
static inline void dsb_sy(void) { barrier_op("dsb sy"); }
static inline void dmb_ish(void) { barrier_op("dmb ish"); }
static inline void dmb_oshst(void) { barrier_op("dmb oshst"); }
static inline void isb(void) { barrier_op("isb"); }
static inline void cpu_relax(void) { barrier_op("yield"); }

#endif
