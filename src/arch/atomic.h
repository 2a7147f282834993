/* SPDX-License-Identifier: MIT */
/*
 * Atomic access to naturally aligned words; the compiler's own atomics are the implementation on every machine.
 *
 *   x = atomic_load(&w)            relaxed       atomic_load_acquire(&w)
 *   atomic_store(&w, x)            relaxed       atomic_store_release(&w, x)
 *   old = atomic_or(&w, bits)      acquire and release, as are the ones below
 *   old = atomic_and(&w, bits)
 *   old = atomic_add(&w, n)
 *   old = atomic_swap(&w, x)
 *   ok  = atomic_cas(&w, &expected, x)           writes what it found to 'expected' when it fails
 */
#ifndef ARCH_ATOMIC_H
#define ARCH_ATOMIC_H

#define atomic_load(p) __atomic_load_n(p, __ATOMIC_RELAXED)
#define atomic_load_acquire(p) __atomic_load_n(p, __ATOMIC_ACQUIRE)
#define atomic_store(p, v) __atomic_store_n(p, v, __ATOMIC_RELAXED)
#define atomic_store_release(p, v) __atomic_store_n(p, v, __ATOMIC_RELEASE)
#define atomic_or(p, v) __atomic_fetch_or(p, v, __ATOMIC_ACQ_REL)
#define atomic_and(p, v) __atomic_fetch_and(p, v, __ATOMIC_ACQ_REL)
#define atomic_add(p, v) __atomic_fetch_add(p, v, __ATOMIC_ACQ_REL)
#define atomic_swap(p, v) __atomic_exchange_n(p, v, __ATOMIC_ACQ_REL)
#define atomic_cas(p, expected, v) \
	__atomic_compare_exchange_n(p, expected, v, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)

#endif
