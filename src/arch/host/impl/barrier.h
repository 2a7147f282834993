/* SPDX-License-Identifier: MIT */
/* The developer's machine: the strongest fence stands for each. */
#ifndef IMPL_BARRIER_H
#define IMPL_BARRIER_H

static inline void dsb_ish(void) { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
static inline void dsb_ishst(void) { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
static inline void dsb_nsh(void) { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
static inline void dsb_sy(void) { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
static inline void dmb_ish(void) { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
static inline void dmb_oshst(void) { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
static inline void isb(void) {}
/* More threads than CPUs: whoever a spin waits for may not be running. Declared here, <sched.h> defines too much. */
int sched_yield(void);
static inline void cpu_relax(void) { (void)sched_yield(); }

#endif
