/* SPDX-License-Identifier: MIT */
/*
 * Instructions that C has no words for: system registers, barriers, device accesses, interrupt masks, plain
 * atomics.
 */
#ifndef PAYLOAD_LIB_ARCH_H
#define PAYLOAD_LIB_ARCH_H

#include "payload/lib/base.h"

#define read_sysreg(name)                                                    \
	({                                                                   \
		uint64_t value_;                                             \
		__asm__ volatile("mrs %0, " #name : "=r"(value_)::"memory"); \
		value_;                                                      \
	})
#define write_sysreg(name, value) __asm__ volatile("msr " #name ", %x0" ::"rZ"((uint64_t)(value)) : "memory")

/* The GIC's CPU interface by encoding, since assemblers differ in the names they know. */
#define ICC_PMR_EL1 S3_0_C4_C6_0
#define ICC_IAR0_EL1 S3_0_C12_C8_0
#define ICC_EOIR0_EL1 S3_0_C12_C8_1
#define ICC_HPPIR0_EL1 S3_0_C12_C8_2
#define ICC_BPR0_EL1 S3_0_C12_C8_3
#define ICC_AP1R0_EL1 S3_0_C12_C9_0
#define ICC_DIR_EL1 S3_0_C12_C11_1
#define ICC_RPR_EL1 S3_0_C12_C11_3
#define ICC_SGI1R_EL1 S3_0_C12_C11_5
#define ICC_ASGI1R_EL1 S3_0_C12_C11_6
#define ICC_SGI0R_EL1 S3_0_C12_C11_7
#define ICC_IAR1_EL1 S3_0_C12_C12_0
#define ICC_EOIR1_EL1 S3_0_C12_C12_1
#define ICC_HPPIR1_EL1 S3_0_C12_C12_2
#define ICC_BPR1_EL1 S3_0_C12_C12_3
#define ICC_CTLR_EL1 S3_0_C12_C12_4
#define ICC_SRE_EL1 S3_0_C12_C12_5
#define ICC_IGRPEN0_EL1 S3_0_C12_C12_6
#define ICC_IGRPEN1_EL1 S3_0_C12_C12_7
/* One more expansion, so that the names above may be given. */
#define read_icc(name) read_sysreg(name)
#define write_icc(name, value) write_sysreg(name, value)

#define op_(text) __asm__ volatile(text ::: "memory")
static inline void isb(void) { op_("isb"); }
static inline void dsb(void) { op_("dsb sy"); }
static inline void dsb_ish(void) { op_("dsb ish"); }
static inline void wfi(void) { op_("dsb sy\n\twfi"); }
static inline void wfe(void) { op_("wfe"); }
static inline void sev(void) { op_("dsb ish\n\tsev"); }
static inline void irq_on(void) { op_("msr daifclr, #2\n\tisb"); }
static inline void irq_off(void) { op_("msr daifset, #2"); }
#undef op_

static inline unsigned current_el(void) { return (unsigned)read_sysreg(CurrentEL) >> 2; }

/* Inline assembly keeps to plain addressing: writeback forms abort without a syndrome. */
#define MMIO_ACCESSORS(bits, load, store, reg)                                                     \
	static inline uint##bits##_t mmio_read##bits(uint64_t address)                             \
	{                                                                                          \
		uint##bits##_t value;                                                              \
		__asm__ volatile(load " %" reg "0, [%1]" : "=r"(value) : "r"(address) : "memory"); \
		return value;                                                                      \
	}                                                                                          \
	static inline void mmio_write##bits(uint64_t address, uint##bits##_t value)                \
	{                                                                                          \
		__asm__ volatile(store " %" reg "0, [%1]" ::"r"(value), "r"(address) : "memory");  \
	}
MMIO_ACCESSORS(8, "ldrb", "strb", "w")
MMIO_ACCESSORS(16, "ldrh", "strh", "w")
MMIO_ACCESSORS(32, "ldr", "str", "w")
MMIO_ACCESSORS(64, "ldr", "str", "x")
#undef MMIO_ACCESSORS

#define atomic_load(p) __atomic_load_n((p), __ATOMIC_SEQ_CST)
#define atomic_store(p, v) __atomic_store_n((p), (v), __ATOMIC_SEQ_CST)
#define atomic_add(p, v) __atomic_add_fetch((p), (v), __ATOMIC_SEQ_CST)

/* Cleans and invalidates by address to the point of coherency. */
void cache_clean(const void *start, uint64_t size);

struct spinlock {
	bool held;
};

static inline void spin_lock(struct spinlock *lock)
{
	while (__atomic_test_and_set(&lock->held, __ATOMIC_ACQUIRE)) {
		__asm__ volatile("yield");
	}
}

static inline void spin_unlock(struct spinlock *lock) { __atomic_clear(&lock->held, __ATOMIC_RELEASE); }

#endif
