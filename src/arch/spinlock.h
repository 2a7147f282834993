/* SPDX-License-Identifier: MIT */
/*
 * Ticket spinlock: fair, four bytes, zero is unlocked. EL2 runs with interrupts masked, so a lock is never held across
 * an interrupt. The order in which locks may nest stands in docs/locking.md and nowhere else.
 */
#ifndef ARCH_SPINLOCK_H
#define ARCH_SPINLOCK_H

#include "arch/atomic.h"
#include "arch/barrier.h"
#include "lib/base.h"

struct spinlock {
	uint16_t owner; /* the ticket that is being served; written by the holder only */
	uint16_t next;  /* the next ticket to hand out */
};

static inline void spin_lock(struct spinlock *lock)
{
	uint16_t ticket = __atomic_fetch_add(&lock->next, 1, __ATOMIC_RELAXED);

	/* Acquire: pairs with the release in spin_unlock. */
	while (atomic_load_acquire(&lock->owner) != ticket) {
		cpu_relax();
	}
}

static inline void spin_unlock(struct spinlock *lock)
{
	atomic_store_release(&lock->owner, (uint16_t)(lock->owner + 1));
}

/* For assertions: somebody holds it. */
static inline bool spin_is_locked(const struct spinlock *lock)
{
	return atomic_load(&lock->owner) != atomic_load(&lock->next);
}

#endif
