/* SPDX-License-Identifier: MIT */
/*
 * Who takes part in FF-A here.
 *
 * At an SPMC: the normal world's OS or hypervisor (id 0), its VMs as far as they have told us of themselves, and the
 * SPs. SPs are made at boot and stay; VMs come with FFA_NOTIFICATION_BITMAP_CREATE or a forwarded FFA_RXTX_MAP and go
 * when they have neither.
 *
 * At a hypervisor: its own VMs, which are guests here, and the SPs of the SPMC below it, if there is one. Both are made
 * at boot and stay.
 */
#ifndef FFA_ENDPOINT_H
#define FFA_ENDPOINT_H

#include "abi/ffa.h"
#include "arch/spinlock.h"
#include "ffa/mailbox.h"
#include "ffa/notification.h"
#include "ffa/space.h"
#include "lib/base.h"
#include "lib/list.h"

#define FFA_UUID_MAX 4
#define FFA_SP_MAX 64
#define FFA_VM_MAX 256 /* known at once: the normal world names them freely */
#define FFA_GUEST_MAX 255 /* ids 1..FFA_GUEST_MAX */

struct ffa_console;

enum ffa_kind {
	FFA_KIND_NWD, /* id 0: the physical instance of the normal world */
	FFA_KIND_VM,  /* behind id 0, which calls for it */
	FFA_KIND_SP_EL1,
	FFA_KIND_SP_EL0,
	FFA_KIND_GUEST,    /* a VM of this hypervisor */
	FFA_KIND_SP_BELOW, /* what it has and does is the SPMC's business; we know how it presents itself */
};

struct ffa_endpoint {
	uint16_t id;
	uint16_t vcpu_count;
	enum ffa_kind kind;
	uint32_t version; /* negotiated: what descriptors look like; VMs have that of id 0 */
	uint32_t version_max; /* what it is told that we have; 0: FFA_VERSION_OWN */
	bool version_locked; /* a call other than FFA_VERSION was made */
	uint32_t properties; /* FFA_PROPERTY_* as the manifest says */
	unsigned uuid_count;
	struct ffa_uuid uuids[FFA_UUID_MAX];
	uint32_t aborted; /* atomic; it takes part in nothing any more (an SP that died) */
	const char *name; /* for the log; NULL: its id is printed */
	struct ffa_mailbox mailbox;
	struct ffa_notifications notifications;
	struct ffa_console *consoles; /* console_log.c: one for each vCPU, made when first needed */
	struct ffa_space *space; /* one for all of the normal world */
	struct list node; /* VMs; with 'holders' under the lock of the list */
	uint32_t holders;
};

static inline bool ffa_id_is_secure(uint16_t id) { return (id & FFA_ID_SECURE) != 0; }
/*
 * A partition of this SPMC or hypervisor: it calls for itself alone, has tables and, if it maps them, buffers here.
 * Others call for several, or not here.
 */
static inline bool ffa_is_local(const struct ffa_endpoint *e)
{
	return e->kind == FFA_KIND_SP_EL1 || e->kind == FFA_KIND_SP_EL0 || e->kind == FFA_KIND_GUEST;
}

/* Id 0, at an SPMC. Its fields but versions and space are set by ffa_endpoints_init(). */
extern struct ffa_endpoint ffa_nwd;

/* Before anything else: forgets all endpoints. 'space' is the normal world's; a hypervisor gives NULL. */
void ffa_endpoints_init(struct ffa_space *nwd_space);
/*
 * At boot only: makes an SP known by its id, FFA_ID_SP_FIRST.. + FFA_SP_MAX - 1, or a guest, 1..FFA_GUEST_MAX; in any
 * order, and ids may have holes.
 */
void ffa_endpoint_add(struct ffa_endpoint *e);
/* Those that were added, in id order, guests before SPs; an id does not tell the index. NULL behind the last. */
struct ffa_endpoint *ffa_partition(unsigned index);
unsigned ffa_partition_count(void);
/* Whether it has the service that FFA_MSG_SEND_DIRECT_REQ2 names in x2 and x3 (15.4); all have the nil one. */
bool ffa_has_service(const struct ffa_endpoint *e, uint64_t low, uint64_t high);
/*
 * By id: an SP (aborted ones too), a guest, id 0, or a VM that is known; else NULL. Any CPU. The memory stays an
 * endpoint's for ever, but another CPU may drop a VM and know a new one there: who changes something of a VM holds it
 * (below).
 */
struct ffa_endpoint *ffa_endpoint_find(uint16_t id);

/*
 * As ffa_endpoint_find(), and a VM is not dropped before ffa_endpoint_put(). All others need no holding, so for them
 * both cost nothing. ffa_vm_get() makes the VM (1..0x7ffe) known if it is not; NULL if there is no room.
 */
struct ffa_endpoint *ffa_endpoint_get(uint16_t id);
struct ffa_endpoint *ffa_vm_get(uint16_t id);
/* The last holder drops a VM that has neither a mailbox nor notifications. NULL is harmless. */
void ffa_endpoint_put(struct ffa_endpoint *e);
/* VMs by number, NULL behind the last: those known and, without mailbox and notifications, those that were. */
struct ffa_endpoint *ffa_vm_at(unsigned index);
/*
 * The endpoint for which a call is made that names one: a local one may name itself only (or 0, if 'zero_is_self'), id
 * 0 itself or one of its VMs. NULL otherwise. It is held.
 */
struct ffa_endpoint *ffa_endpoint_of_call(struct ffa_endpoint *caller, uint16_t id, bool zero_is_self);

#endif
