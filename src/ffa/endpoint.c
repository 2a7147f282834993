/* SPDX-License-Identifier: MIT */
#include "ffa/endpoint.h"

#include "core/mm/pool.h"
#include "ffa/memory.h"
#include "lib/panic.h"
#include "lib/str.h"

#define BUCKETS 64

struct ffa_endpoint ffa_nwd;

/* Complete before the first call is served, then only read. NULL: no such one. */
static struct ffa_endpoint *partitions[FFA_GUEST_MAX + FFA_SP_MAX]; /* without holes */
static struct ffa_endpoint *sps_by_id[FFA_SP_MAX];                  /* by id - FFA_ID_SP_FIRST */
static struct ffa_endpoint *guests_by_id[FFA_GUEST_MAX + 1];
static unsigned partition_count;

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
	partition_count = 0;
	memset(partitions, 0, sizeof(partitions));
	memset(sps_by_id, 0, sizeof(sps_by_id));
	memset(guests_by_id, 0, sizeof(guests_by_id));
	vm_count = 0;
	list_init(&unused);
	for (unsigned i = 0; i < BUCKETS; i++) {
		list_init(&buckets[i]);
	}
}

static struct ffa_endpoint **place_of(uint16_t id)
{
	unsigned number = (unsigned)id - FFA_ID_SP_FIRST; /* the SPMC's own id wraps to no SP */

	if (ffa_id_is_secure(id)) {
		return number < FFA_SP_MAX ? &sps_by_id[number] : NULL;
	}
	return id != FFA_ID_NWD && id <= FFA_GUEST_MAX ? &guests_by_id[id] : NULL;
}

void ffa_endpoint_add(struct ffa_endpoint *e)
{
	struct ffa_endpoint **place = place_of(e->id);
	unsigned at = partition_count;

	CHECK(place != NULL && *place == NULL);
	*place = e;
	for (; at > 0 && partitions[at - 1]->id > e->id; at--) {
		partitions[at] = partitions[at - 1];
	}
	partitions[at] = e;
	partition_count++;
}

unsigned ffa_partition_count(void)
{
	return partition_count;
}

bool ffa_has_service(const struct ffa_endpoint *e, uint64_t low, uint64_t high)
{
	if (low == 0 && high == 0) {
		return true;
	}
	for (unsigned i = 0; i < e->uuid_count; i++) {
		const uint32_t *word = e->uuids[i].word;

		if (low == ((uint64_t)word[1] << 32 | word[0]) && high == ((uint64_t)word[3] << 32 | word[2])) {
			return true;
		}
	}
	return false;
}

struct ffa_endpoint *ffa_partition(unsigned index)
{
	return index < partition_count ? partitions[index] : NULL;
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
	struct ffa_endpoint **place = place_of(id);
	struct ffa_endpoint *vm;

	if (ffa_id_is_secure(id) || (place != NULL && *place != NULL)) {
		return place != NULL ? *place : NULL;
	}
	if (ffa_nwd.space == NULL) {
		return NULL;
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
	return ffa_nwd.space != NULL && is_vm_id(id) ? vm_hold(id, false) : ffa_endpoint_find(id);
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
	if (ffa_is_local(caller)) {
		return id == caller->id || (zero_is_self && id == 0) ? caller : NULL;
	}
	return !ffa_id_is_secure(id) ? ffa_endpoint_get(id) : NULL;
}
