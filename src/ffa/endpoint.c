/* SPDX-License-Identifier: MIT */
#include "ffa/endpoint.h"

#include "core/mm/pool.h"
#include "ffa/memory.h"
#include "lib/panic.h"
#include "lib/str.h"

#define BUCKETS 64

struct ffa_endpoint ffa_nwd;

/* Complete before the first call is served, then only read. */
static struct ffa_endpoint *sps[FFA_SP_MAX];       /* without holes, in id order */
static struct ffa_endpoint *sps_by_id[FFA_SP_MAX]; /* by id - FFA_ID_SP_FIRST; NULL: no such SP */
static unsigned sp_count;

/*
 * VMs: 'vms' has all that were ever made and only grows, so it is read without the lock. A VM is in the bucket of its
 * id, or in 'unused' for the next one.
 */
static struct ffa_endpoint *vms[FFA_VM_MAX];
static uint32_t vm_count; /* atomic */
static struct spinlock vms_lock; /* the buckets, 'unused', and 'holders' of each; pool locks nest inside */
static struct list buckets[BUCKETS];
static struct list unused;

void ffa_endpoints_init(struct ffa_space *nwd_space)
{
	ffa_nwd = (struct ffa_endpoint){
		.id = FFA_ID_NWD,
		.kind = FFA_KIND_NWD,
		.version = FFA_VERSION_1_2,
		.space = nwd_space,
	};
	sp_count = 0;
	memset(sps_by_id, 0, sizeof(sps_by_id));
	vm_count = 0;
	list_init(&unused);
	for (unsigned i = 0; i < BUCKETS; i++) {
		list_init(&buckets[i]);
	}
}

void ffa_endpoint_add_sp(struct ffa_endpoint *sp)
{
	unsigned number = (unsigned)sp->id - FFA_ID_SP_FIRST;

	CHECK(number < FFA_SP_MAX && (sp_count == 0 || sp->id > sps[sp_count - 1]->id));
	sps_by_id[number] = sp;
	sps[sp_count++] = sp;
}

unsigned ffa_sp_count(void)
{
	return sp_count;
}

struct ffa_endpoint *ffa_sp(unsigned index)
{
	return index < sp_count ? sps[index] : NULL;
}

static bool is_vm_id(uint16_t id)
{
	return id != FFA_ID_NWD && id < FFA_ID_VM_INVALID;
}

/* The lock is held. */
static struct ffa_endpoint *vm_find(uint16_t id)
{
	list_for_each (node, &buckets[id % BUCKETS]) {
		struct ffa_endpoint *vm = list_entry(node, struct ffa_endpoint, node);

		if (vm->id == id) {
			return vm;
		}
	}
	return NULL;
}

/* One that nobody uses, or a new one. Its locks and what they guard are as its last user left them: unlocked, empty. */
static struct ffa_endpoint *vm_make(uint16_t id)
{
	struct ffa_endpoint *vm;

	if (!list_empty(&unused)) {
		vm = list_entry(unused.next, struct ffa_endpoint, node);
		list_remove(&vm->node);
	} else {
		vm = vm_count < FFA_VM_MAX ? pool_alloc_object(sizeof(*vm)) : NULL;
		if (vm == NULL) {
			return NULL;
		}
		vms[vm_count] = vm;
		/* Release: pairs with ffa_vm_at(). */
		atomic_store_release(&vm_count, vm_count + 1);
	}
	vm->id = id;
	vm->kind = FFA_KIND_VM;
	vm->version = ffa_nwd.version;
	vm->space = ffa_nwd.space;
	list_append(&buckets[id % BUCKETS], &vm->node);
	return vm;
}

static struct ffa_endpoint *vm_hold(uint16_t id, bool make)
{
	struct ffa_endpoint *vm;

	if (!is_vm_id(id)) {
		return NULL;
	}
	spin_lock(&vms_lock);
	vm = vm_find(id);
	if (vm == NULL && make) {
		vm = vm_make(id);
	}
	if (vm != NULL) {
		vm->holders++;
	}
	spin_unlock(&vms_lock);
	return vm;
}

struct ffa_endpoint *ffa_endpoint_find(uint16_t id)
{
	struct ffa_endpoint *vm;

	if ((id & FFA_ID_SECURE) != 0) {
		unsigned number = (unsigned)id - FFA_ID_SP_FIRST; /* the SPMC's own id wraps to no SP */

		return number < FFA_SP_MAX ? sps_by_id[number] : NULL;
	}
	if (id == FFA_ID_NWD) {
		return &ffa_nwd;
	}
	spin_lock(&vms_lock);
	vm = vm_find(id);
	spin_unlock(&vms_lock);
	return vm;
}

struct ffa_endpoint *ffa_endpoint_get(uint16_t id)
{
	return is_vm_id(id) ? vm_hold(id, false) : ffa_endpoint_find(id);
}

struct ffa_endpoint *ffa_vm_get(uint16_t id)
{
	struct ffa_endpoint *vm = vm_hold(id, true);

	/* Unless there can be no more, there was no memory. */
	if (vm == NULL && is_vm_id(id) && atomic_load(&vm_count) < FFA_VM_MAX) {
		ffa_mem_compact();
		vm = vm_hold(id, true);
	}
	return vm;
}

void ffa_endpoint_put(struct ffa_endpoint *e)
{
	if (e == NULL || e->kind != FFA_KIND_VM) {
		return;
	}
	spin_lock(&vms_lock);
	/* Only holders change these two, and there is none left. */
	if (--e->holders == 0 && ffa_mailbox_size(e) == 0 && !e->notifications.enabled) {
		list_remove(&e->node);
		list_append(&unused, &e->node);
	}
	spin_unlock(&vms_lock);
}

struct ffa_endpoint *ffa_vm_at(unsigned index)
{
	/* Acquire: the entry below the count is there. */
	return index < atomic_load_acquire(&vm_count) ? vms[index] : NULL;
}

struct ffa_endpoint *ffa_endpoint_of_call(struct ffa_endpoint *caller, uint16_t id, bool zero_is_self)
{
	if (ffa_is_sp(caller)) {
		return id == caller->id || (zero_is_self && id == 0) ? caller : NULL;
	}
	return (id & FFA_ID_SECURE) == 0 ? ffa_endpoint_get(id) : NULL;
}
