/* SPDX-License-Identifier: MIT */
/*
 * Notifications (FF-A 1.2, 9): 64 bits that SPs and 64 that VMs may set at a receiver, each bound to one sender, global
 * or for one vCPU; and those of the framework. A receiver's state is under its own lock, which is innermost.
 */
#ifndef FFA_NOTIFICATION_H
#define FFA_NOTIFICATION_H

#include "abi/ffa.h"
#include "arch/spinlock.h"
#include "lib/base.h"

struct ffa_endpoint;

/* Of one receiver: a bound on the memory that the normal world can take with its VMs. */
#define FFA_NOTIFICATION_VCPUS_MAX 256u

/* From SPs, or from VMs. */
struct ffa_notification_set {
	uint64_t bound;        /* bits that have a sender */
	uint64_t per_vcpu;     /* those of them that are for one vCPU each */
	uint64_t pending;      /* global ones */
	uint64_t reported;     /* of 'pending': INFO_GET told of them */
	uint16_t sender[64];
	uint64_t *vcpu_pending; /* one word for each vCPU of the receiver */
	uint64_t *vcpu_reported;
	uint32_t vcpus_pending; /* words of 'vcpu_pending' that are not zero */
};

struct ffa_notifications {
	struct spinlock lock;
	bool enabled; /* SP: its manifest; VM: BITMAP_CREATE */
	uint16_t vcpu_count;
	struct ffa_notification_set from_sp, from_vm;
	uint64_t framework; /* pending; FFA_FRAMEWORK_*; atomic reads without the lock */
	uint64_t framework_reported;
	uint64_t wakeups; /* SP: vCPUs with another reason to run (port.h), to be told of by the next INFO_GET */
	uint32_t pending_hint; /* atomic: non-zero if anything at all may be pending; read without the lock */
};

void ffa_notification_bitmap_create(struct ffa_endpoint *caller, uint64_t *x);
void ffa_notification_bitmap_destroy(struct ffa_endpoint *caller, uint64_t *x);
void ffa_notification_bind(struct ffa_endpoint *caller, uint64_t *x);
void ffa_notification_unbind(struct ffa_endpoint *caller, uint64_t *x);
void ffa_notification_set(struct ffa_endpoint *caller, uint64_t *x);
void ffa_notification_get(struct ffa_endpoint *caller, uint64_t *x);
void ffa_notification_info_get(struct ffa_endpoint *caller, uint64_t *x);

/* Makes room for a receiver's state and enables it. FFA_NO_MEMORY. At boot, and for BITMAP_CREATE. */
enum ffa_code ffa_notifications_enable(struct ffa_endpoint *receiver, uint16_t vcpu_count);
/* An endpoint that is no more: frees its state, and unbinds and clears what it could send to others. */
void ffa_notifications_drop(struct ffa_endpoint *e);

/* The framework says that the receiver's RX buffer has become full; 'from_sp' says who sent. True if it can receive. */
bool ffa_notify_rx_full(struct ffa_endpoint *receiver, bool from_sp);
/* True while that has not been fetched: then the buffer cannot be released (FF-A 1.2, 7.2.2.4). */
bool ffa_rx_full_pending(const struct ffa_endpoint *receiver);
/*
 * Whether an SP's vCPU has something to fetch when it is about to run: then its NPI is made pending. Cheap if not.
 */
bool ffa_notifications_pending(struct ffa_endpoint *receiver, unsigned vcpu);

#endif
