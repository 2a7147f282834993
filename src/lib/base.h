/* SPDX-License-Identifier: MIT */
/* Words that every file uses: sizes, bit fields, alignment, container_of. */
#ifndef LIB_BASE_H
#define LIB_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr) - offsetof(type, member)))

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

#define BIT(n) (UINT64_C(1) << (n))
/* Bits high..low set, both inclusive. */
#define GENMASK(high, low) ((~UINT64_C(0) << (low)) & (~UINT64_C(0) >> (63 - (high))))

/* A field is given by the pair NAME_SHIFT and NAME_WIDTH. */
#define FIELD_MASK(name) (GENMASK(name##_WIDTH - 1, 0) << name##_SHIFT)
#define FIELD_GET(name, value) (((uint64_t)(value) >> name##_SHIFT) & GENMASK(name##_WIDTH - 1, 0))
#define FIELD_PUT(name, value) (((uint64_t)(value) & GENMASK(name##_WIDTH - 1, 0)) << name##_SHIFT)

/* 'align' is a power of two. ALIGN_UP wraps to a small number at the end of the range: check first. */
#define ALIGN_DOWN(value, align) ((value) & ~((uint64_t)(align) - 1))
#define ALIGN_UP(value, align) ALIGN_DOWN((value) + (uint64_t)(align) - 1, align)
#define IS_ALIGNED(value, align) (((uint64_t)(value) & ((uint64_t)(align) - 1)) == 0)
#define IS_POWER_OF_2(value) ((value) != 0 && ((value) & ((value) - 1)) == 0)

#define KIB(n) ((uint64_t)(n) << 10)
#define MIB(n) ((uint64_t)(n) << 20)
#define GIB(n) ((uint64_t)(n) << 30)

#define PAGE_SHIFT 12
#define PAGE_SIZE KIB(4)
#define BLOCK_SIZE MIB(2) /* what one level-2 entry maps */

#define noreturn __attribute__((noreturn))
#define printf_like(fmt, first) __attribute__((format(printf, fmt, first)))
#define unused_arg __attribute__((unused))

/* Low and high words of a 64-bit value, and both together. */
static inline uint32_t lo32(uint64_t value) { return (uint32_t)value; }
static inline uint32_t hi32(uint64_t value) { return (uint32_t)(value >> 32); }

/*
 * True if [base, base + size) lies in [outer, outer + outer_size). An empty range lies nowhere; wrapping ranges never
 * do.
 */
static inline bool range_in(uint64_t base, uint64_t size, uint64_t outer, uint64_t outer_size)
{
	return size != 0 && base >= outer && size <= outer_size && base - outer <= outer_size - size;
}

/* True if two non-wrapping ranges share a byte. */
static inline bool range_overlaps(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
	return a_size != 0 && b_size != 0 && (a < b ? b - a < a_size : a - b < b_size);
}

#endif
