/* SPDX-License-Identifier: MIT */
/*
 * A VM that takes part in FF-A, since its manifest has a node 'ffa' (docs/ffa-hypervisor.md). To src/ffa it is an
 * endpoint of kind FFA_KIND_GUEST, whose id is the VM's number in the manifest plus one; its calls come through call.c.
 *
 *   made with the VM, and stays    endpoint, vcpus
 *   with the VM's memory           space
 *   while the VM is up             mailbox, notifications, transactions; what the SPMC below knows of it
 *
 * A VM that starts is made known below (ffa_guest_enter_some), and one that ends is forgotten there
 * (ffa_guest_leave_some): both are done by the VM's job, since SPs may have to run for it. Memory that others still
 * hold then is in quarantine: it belongs to no VM, and the pool gets it when they have given it back. The VM gets other
 * RAM before it starts again (vm_memory.h).
 */
#ifndef ROLE_HYP_FFA_GUEST_H
#define ROLE_HYP_FFA_GUEST_H

#include "core/vcpu/vcpu.h"
#include "ffa/endpoint.h"
#include "ffa/memory.h"
#include "role/hyp/ffa/announce.h"
#include "role/hyp/ffa/direct.h"
#include "role/hyp/vm.h"

/* What a vCPU of a guest is to FF-A. */
struct ffa_vcpu {
	struct vcpu *vcpu;
	struct ffa_direct direct;
};

/* What the SPMC and its partitions know of it. */
enum ffa_guest_step {
	FFA_GUEST_UNKNOWN,
	FFA_GUEST_ENTERING, /* partitions are being told */
	FFA_GUEST_KNOWN,
	FFA_GUEST_LEAVING,    /* partitions are being told */
	FFA_GUEST_FORGETTING, /* its memory is taken back */
	FFA_GUEST_ASKING,     /* the SPMC is asked for what is left of others */
};

/* Pages that one other still holds after the guest's end: those that one message names. */
struct ffa_held {
	uint16_t by;
	pa_t base; /* of the first */
	uint64_t pages;
};

struct ffa_guest {
	struct ffa_endpoint endpoint; /* 'name' is the VM's; 'space' is NULL while the VM has no memory */
	struct ffa_space space;
	struct hyp_vm *vm;
	struct ffa_vcpu *vcpus; /* by the vCPU's index */

	/* Only the VM's job: */
	enum ffa_guest_step step;
	struct announcement announcement;
	struct ffa_mem_walk walk;
	struct ffa_held held;
	uint64_t zeroed; /* bytes of the first piece of memory that was donated to it */
};

/* The guest whose vCPU that is; NULL: its VM has no FF-A. */
static inline struct ffa_guest *ffa_guest_of(const struct vcpu *v) { return hyp_vm(v->vm)->ffa; }
static inline struct ffa_vcpu *ffa_vcpu_of(const struct vcpu *v) { return &ffa_guest_of(v)->vcpus[v->index]; }
/* Of an endpoint of kind FFA_KIND_GUEST. */
static inline struct ffa_guest *ffa_guest(struct ffa_endpoint *e)
{
	return container_of(e, struct ffa_guest, endpoint);
}
/* By id; NULL if there is no such guest. It may be down. */
struct ffa_guest *ffa_guest_find(uint16_t id);
/* True while the guest's VM runs or is paused: otherwise nobody reaches it. Any CPU; it may end at any moment. */
bool ffa_guest_is_up(const struct ffa_guest *g);

/*
 * Makes the guest, if the VM's manifest has the node, and makes it known as an endpoint: nothing after it may fail to
 * make the VM. False with a message.
 */
bool ffa_guest_create(struct hyp_vm *vm);
/* The VM has new RAM and tables, or is about to lose them. Nothing of it runs. */
void ffa_guest_memory_made(struct hyp_vm *vm);
void ffa_guest_memory_gone(struct hyp_vm *vm);

/*
 * By the VM's job, with no lock held; for a VM without FF-A there is nothing to do. True: there is more. They do not
 * take for ever: a partition that cannot be told within a second is left out, with a message.
 */
bool ffa_guest_enter_some(struct hyp_vm *vm);
/*
 * No vCPU runs and the devices have been reset. When it is done nobody else has to do with the VM's RAM but for what
 * is in quarantine, which is not in vm_ram_is_whole() any more.
 */
bool ffa_guest_leave_some(struct hyp_vm *vm);

/* By the VM's job: who holds pages of guests that have ended is asked once more. True: there is more. */
bool ffa_guest_ask_some(struct hyp_vm *vm);
/*
 * Before the VM gets other RAM, since others have some of what it had. False, with a message, if more than the VM's RAM
 * is still held: else one that starts again and again would use up all memory.
 */
bool ffa_guest_may_have_more(struct hyp_vm *vm);

#endif
