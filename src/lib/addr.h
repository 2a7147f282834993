/* SPDX-License-Identifier: MIT */
/*
 * Physical, intermediate physical and virtual addresses are different types, so the compiler refuses to mix them.
 * The named functions here are the only way from one to another.
 */
#ifndef LIB_ADDR_H
#define LIB_ADDR_H

#include "lib/base.h"

typedef struct {
	uint64_t v;
} pa_t;

typedef struct {
	uint64_t v;
} ipa_t;

typedef struct {
	uint64_t v;
} va_t;

static inline pa_t pa(uint64_t v) { return (pa_t){ v }; }
static inline ipa_t ipa(uint64_t v) { return (ipa_t){ v }; }
static inline va_t va(uint64_t v) { return (va_t){ v }; }
static inline va_t va_from_ptr(const void *p) { return va((uint64_t)(uintptr_t)p); }
static inline void *va_ptr(va_t a) { return (void *)(uintptr_t)a.v; }

/* EL2 maps all that it uses at its physical address (docs/memory.md), so these two change the type only. */
static inline void *pa_ptr(pa_t a) { return (void *)(uintptr_t)a.v; }
static inline pa_t pa_from_ptr(const void *p) { return pa((uint64_t)(uintptr_t)p); }

#endif
