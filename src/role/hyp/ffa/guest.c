/* SPDX-License-Identifier: MIT */
#include "role/hyp/ffa/guest.h"

#include "arch/atomic.h"
#include "arch/cache.h"
#include "arch/zero.h"
#include "core/mm/pool.h"
#include "ffa/discovery.h"
#include "ffa/transaction.h"
#include "lib/log.h"
#include "lib/panic.h"
#include "lib/str.h"
#include "role/hyp/devices.h"
#include "role/hyp/ffa/notify.h"
#include "role/hyp/ffa/spmc.h"

#define SLICE_BYTES MIB(1)
/* The part (1 / this) of its RAM that the records of a guest's transactions may take of our memory. */
#define RECORDS_SHARE 64
#define RECORDS_MIN KIB(64)

struct ffa_guest *ffa_guest_find(uint16_t id)
{
	struct ffa_endpoint *e = ffa_endpoint_find(id);

	return e != NULL && e->kind == FFA_KIND_GUEST ? ffa_guest(e) : NULL;
}

bool ffa_guest_is_up(const struct ffa_guest *g)
{
	return atomic_load(&g->endpoint.aborted) == 0;
}

/* ---- memory that is given away, and the VM's devices ---- */

static void giving(struct ffa_endpoint *guest)
{
	/* Before the tables change: which devices find in them from now on. */
	(void)atomic_add(&ffa_guest(guest)->vm->vm.mem.away, 1);
}

static void given(struct ffa_endpoint *guest)
{
	devices_wait(ffa_guest(guest)->vm);
}

static void back(struct ffa_endpoint *guest)
{
	(void)atomic_add(&ffa_guest(guest)->vm->vm.mem.away, -1U);
}

/* ---- memory that others hold when the VM has ended ---- */

/* Says what stands together in the list of held pages. */
static void tell_held(struct ffa_guest *g)
{
	if (g->held.pages != 0) {
		log_limited(&g->vm->vm.log_limit,
			    "VM '%s': 0x%x still holds %llu of its pages, the first at 0x%llx: they are nobody else's "
			    "until it gives them back",
			    g->endpoint.name, g->held.by, (unsigned long long)g->held.pages,
			    (unsigned long long)g->held.base.v);
	}
	g->held = (struct ffa_held){ 0 };
}

static void is_held(struct ffa_endpoint *guest, uint16_t by, pa_t base, uint64_t pages)
{
	struct ffa_guest *g = ffa_guest(guest);

	if (g->held.by != by) {
		tell_held(g);
		g->held = (struct ffa_held){ .by = by, .base = base };
	}
	g->held.pages += pages;
}

static void pages_back(struct ffa_endpoint *guest, pa_t base, uint64_t pages)
{
	/* A guest whose caches are off may be the next to have them. */
	cache_clean_invalidate(pa_ptr(base), pages * PAGE_SIZE);
	log_limited(&ffa_guest(guest)->vm->vm.log_limit, "VM '%s': %llu pages at 0x%llx are given back", guest->name,
		    (unsigned long long)pages, (unsigned long long)base.v);
	vm_free_pages(base, pages);
}

static const struct ffa_guest_ops guest_ops = {
	.giving = giving,
	.given = given,
	.back = back,
	.held = is_held,
	.pages_back = pages_back,
};

/* Zeroes some of a piece, the rest of it from g->zeroed on; returns how much. */
static uint64_t zero_donated(struct ffa_guest *g, pa_t base, uint64_t size)
{
	uint64_t some = MIN(size - g->zeroed, SLICE_BYTES);
	void *at = pa_ptr(pa(base.v + g->zeroed));

	zero_pages(at, some);
	cache_clean_invalidate(at, some);
	g->zeroed += some;
	return some;
}

/*
 * What was donated to the VM goes to the pool, zeroed; some of it, true if there is more. Nothing else is left in that
 * half of its space. What one entry maps is freed at once, since to divide it would take memory; and if it has become
 * part of a larger one this very moment (ffa_spaces_compact()), next time that is.
 */
static bool free_donated(struct ffa_guest *g)
{
	struct stage2 *tables = &g->vm->vm.stage2;
	uint64_t done = 0, run;
	ipa_t at = ipa(FFA_BORROWED_BASE);
	unsigned attrs;

	if (g->endpoint.space == NULL) {
		return false;
	}
	while (stage2_next(tables, &at, &run, &attrs)) {
		pa_t to = pa(at.v - FFA_BORROWED_BASE);

		if (done >= SLICE_BYTES) {
			return true;
		}
		done += zero_donated(g, to, run);
		if (g->zeroed < run || stage2_unmap(tables, at, run) != OK) {
			return true;
		}
		vm_free_pages(to, run / PAGE_SIZE);
		g->zeroed = 0;
	}
	g->space.given_bytes = 0; /* nobody gives it anything while it is down */
	return false;
}

void ffa_guest_memory_made(struct hyp_vm *vm)
{
	struct ffa_guest *g = vm->ffa;

	if (g != NULL && vm->ram.v != 0) {
		ffa_space_init_guest(&g->space, &guest_ops, &vm->vm.stage2, ipa(GUEST_RAM_BASE), vm->ram,
				     vm->config->memory_size);
		ffa_mem_set_space(&g->endpoint, &g->space);
	}
}

void ffa_guest_memory_gone(struct hyp_vm *vm)
{
	if (vm->ffa != NULL) {
		ffa_mem_set_space(&vm->ffa->endpoint, NULL);
	}
}

/* ---- making one ---- */

static void set_identity(struct ffa_endpoint *e, const struct hyp_vm *vm)
{
	const struct vm_ffa_config *config = &vm->config->ffa;

	e->id = (uint16_t)(vm->vm.id + 1);
	e->vcpu_count = (uint16_t)vm->vm.vcpu_count;
	e->kind = FFA_KIND_GUEST;
	e->version = FFA_VERSION_OWN;
	e->properties = config->messaging | FFA_PROPERTY_NOTIFICATIONS;
	e->uuid_count = config->uuid_count;
	memcpy(e->uuids, config->uuids, sizeof(e->uuids));
	e->name = vm->vm.name;
	e->aborted = 1; /* it is down */
}
_Static_assert(MANIFEST_UUID_MAX == FFA_UUID_MAX && MANIFEST_VM_MAX <= FFA_GUEST_MAX, "");

bool ffa_guest_create(struct hyp_vm *vm)
{
	struct ffa_guest *g;

	if (!vm->config->ffa.enabled) {
		return true;
	}
	g = pool_alloc_object(sizeof(*g));
	if (g != NULL) {
		g->vcpus = pool_alloc_object(vm->vm.vcpu_count * sizeof(g->vcpus[0]));
		g->walk.place = pool_alloc_object(sizeof(*g->walk.place));
	}
	if (g == NULL || g->vcpus == NULL || g->walk.place == NULL) {
		if (g != NULL) {
			pool_free_object(g->vcpus, vm->vm.vcpu_count * sizeof(g->vcpus[0]));
			pool_free_object(g->walk.place, sizeof(*g->walk.place));
		}
		pool_free_object(g, sizeof(*g));
		report_error(&report_to_log, vm->vm.name, "ffa", "no memory for it");
		return false;
	}
	g->vm = vm;
	for (unsigned i = 0; i < vm->vm.vcpu_count; i++) {
		g->vcpus[i].vcpu = vm->vm.vcpus[i];
	}
	set_identity(&g->endpoint, vm);
	g->space.record_bytes_max = MAX(vm->config->memory_size / RECORDS_SHARE, (uint64_t)RECORDS_MIN);
	g->space.given_bytes_max = vm->config->memory_size;
	vm->ffa = g;
	ffa_guest_memory_made(vm);
	ffa_endpoint_add(&g->endpoint);
	return true;
}

/* ---- its VM starts and ends ---- */

bool ffa_guest_enter_some(struct hyp_vm *vm)
{
	struct ffa_guest *g = vm->ffa;
	enum ffa_code code;

	if (g == NULL || g->step == FFA_GUEST_KNOWN) {
		return false;
	}
	if (g->step == FFA_GUEST_UNKNOWN) {
		if (ffa_mem_retry_some(&g->walk)) {
			return true;
		}
		code = notify_enable(&g->endpoint);
		if (code != FFA_OK) {
			log_limited(&vm->vm.log_limit, "VM '%s': ffa: it cannot have notifications (code %d)",
				    vm->vm.name, code);
		}
		announce_begin(g, true);
		g->step = FFA_GUEST_ENTERING;
	}
	if (announce_some(g)) {
		return true;
	}
	g->step = FFA_GUEST_KNOWN;
	atomic_store_release(&g->endpoint.aborted, 0);
	return false;
}

/* Its memory was taken back, as far as that can be had. */
static void forget(struct ffa_guest *g)
{
	notify_disable(&g->endpoint);
	if (g->walk.left != 0) {
		ffa_mem_each_held(&g->endpoint);
		tell_held(g);
	}
	g->endpoint.version = FFA_VERSION_OWN;
	g->endpoint.version_locked = false;
}

bool ffa_guest_leave_some(struct hyp_vm *vm)
{
	struct ffa_guest *g = vm->ffa;

	if (g == NULL) {
		return false;
	}
	switch (g->step) {
	case FFA_GUEST_ENTERING:
		/* The start was cut short: the one who has the message finishes, then all hear of the end. */
		if (g->announcement.left != 0) {
			(void)announce_some(g);
			return true;
		}
		/* fall through */
	case FFA_GUEST_KNOWN:
		atomic_store_release(&g->endpoint.aborted, 1);
		ffa_direct_reset(g);
		announce_begin(g, false);
		g->step = FFA_GUEST_LEAVING;
		return true;
	case FFA_GUEST_LEAVING:
		if (announce_some(g)) {
			return true;
		}
		/* The partitions gave back what they wanted to. */
		ffa_mailbox_drop(&g->endpoint);
		g->step = FFA_GUEST_FORGETTING;
		return true;
	case FFA_GUEST_FORGETTING:
		if (!ffa_mem_drop_some(&g->endpoint, &g->walk)) {
			forget(g);
			g->step = FFA_GUEST_ASKING;
		}
		return true;
	case FFA_GUEST_ASKING:
		if (ffa_mem_retry_some(&g->walk)) {
			return true;
		}
		g->step = FFA_GUEST_UNKNOWN;
		break;
	case FFA_GUEST_UNKNOWN:
		/* A start that was cut short may have asked about some: the next one asks about all. */
		ffa_mem_walk_stop(&g->walk);
		break;
	}
	return free_donated(g);
}

bool ffa_guest_ask_some(struct hyp_vm *vm)
{
	return ffa_mem_retry_some(&vm->ffa->walk);
}

bool ffa_guest_may_have_more(struct hyp_vm *vm)
{
	uint64_t held = ffa_mem_held_pages(&vm->ffa->endpoint) * PAGE_SIZE;

	if (held > vm->config->memory_size) {
		report_error(&report_to_log, vm->vm.name, "ffa",
			     "others still hold %llu KiB of the RAM that it had, more than it may have; it starts when "
			     "they have given back some",
			     (unsigned long long)held >> 10);
		return false;
	}
	return true;
}
