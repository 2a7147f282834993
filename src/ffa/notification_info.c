/* SPDX-License-Identifier: MIT */
/* FFA_NOTIFICATION_INFO_GET (16.7): what the normal world's scheduler is told. */
#include "arch/atomic.h"
#include "ffa/answer.h"
#include "ffa/endpoint.h"
#include "ffa/notification.h"
#include "ffa/port.h"

#define INFO_IDS_32 10
#define INFO_LIST_VCPUS_MAX 3

/*
 * Lists of ids: an endpoint alone (something for all of it), or an endpoint and up to three of its vCPUs. Those of one
 * list stand together in 'ids'.
 */
struct info {
	uint16_t ids[FFA_INFO_IDS_64];
	unsigned id_count, id_max;
	unsigned list_count;
	uint64_t sizes;      /* two bits a list: entries after the first */
	unsigned list_vcpus; /* in the last list, if it is one of vCPUs of the endpoint at hand; else the maximum */
	bool more;
};

static bool info_put_endpoint(struct info *info, uint16_t id)
{
	if (info->id_count == info->id_max) {
		info->more = true;
		return false;
	}
	info->ids[info->id_count++] = id;
	info->list_count++;
	info->list_vcpus = INFO_LIST_VCPUS_MAX;
	return true;
}

static bool info_put_vcpu(struct info *info, uint16_t id, uint16_t vcpu)
{
	if (info->list_vcpus == INFO_LIST_VCPUS_MAX) {
		if (info->id_max - info->id_count < 2) {
			info->more = true;
			return false;
		}
		info_put_endpoint(info, id);
		info->list_vcpus = 0;
	} else if (info->id_count == info->id_max) {
		info->more = true;
		return false;
	}
	info->ids[info->id_count++] = vcpu;
	info->list_vcpus++;
	info->sizes += BIT(2 * (info->list_count - 1));
	return true;
}

static uint64_t vcpu_unreported(const struct ffa_notification_set *set, unsigned vcpu)
{
	return set->vcpus_pending != 0 ? set->vcpu_pending[vcpu] & ~set->vcpu_reported[vcpu] : 0;
}

static void vcpu_report(struct ffa_notification_set *set, unsigned vcpu)
{
	set->vcpu_reported[vcpu] = set->vcpu_pending[vcpu];
}

/* Puts in what was not told of yet, as far as there is room. The endpoint's lock is held. */
static void info_collect(struct info *info, struct ffa_endpoint *e)
{
	struct ffa_notifications *n = &e->notifications;
	unsigned vcpus = ffa_is_local(e) ? e->vcpu_count : n->vcpu_count;

	info->list_vcpus = INFO_LIST_VCPUS_MAX;
	if (((n->framework & ~n->framework_reported) | (n->from_sp.pending & ~n->from_sp.reported) |
	     (n->from_vm.pending & ~n->from_vm.reported)) != 0) {
		if (!info_put_endpoint(info, e->id)) {
			return;
		}
		n->framework_reported = n->framework;
		n->from_sp.reported = n->from_sp.pending;
		n->from_vm.reported = n->from_vm.pending;
	}
	for (unsigned v = 0; v < vcpus; v++) {
		bool notified = v < n->vcpu_count &&
				(vcpu_unreported(&n->from_sp, v) | vcpu_unreported(&n->from_vm, v)) != 0;

		if (!notified && (v >= 64 || (n->wakeups & BIT(v)) == 0)) {
			continue;
		}
		if (!info_put_vcpu(info, e->id, (uint16_t)v)) {
			return;
		}
		if (notified) {
			vcpu_report(&n->from_sp, v);
			vcpu_report(&n->from_vm, v);
		}
		n->wakeups &= ~(v < 64 ? BIT(v) : 0);
	}
}

/* False if there is no room for more. */
static bool info_add(struct info *info, struct ffa_endpoint *e)
{
	struct ffa_notifications *n = &e->notifications;
	uint64_t wakeups = 0;

	for (unsigned v = 0; ffa_is_local(e) && v < MIN(e->vcpu_count, 64U); v++) {
		wakeups |= ffa_port_take_wakeup(e, v) ? BIT(v) : 0;
	}
	if ((wakeups | n->wakeups) != 0 || atomic_load_acquire(&n->pending_hint) != 0) {
		spin_lock(&n->lock);
		n->wakeups |= wakeups;
		info_collect(info, e);
		spin_unlock(&n->lock);
	}
	return !info->more;
}

static void info_answer(const struct info *info, bool form64, uint64_t *x)
{
	unsigned per_register = form64 ? 4 : 2;

	if (info->id_count == 0) {
		ffa_answer_error(x, FFA_NO_DATA);
		return;
	}
	ffa_answer(x, form64 ? FFA_SUCCESS_64 : FFA_SUCCESS);
	x[2] = (info->more ? FFA_INFO_MORE : 0) | (uint64_t)info->list_count << FFA_INFO_LISTS_SHIFT |
	       info->sizes << FFA_INFO_SIZES_SHIFT;
	for (unsigned i = 0; i < info->id_count; i++) {
		x[3 + i / per_register] |= (uint64_t)info->ids[i] << (16 * (i % per_register));
	}
}

void ffa_notification_info_get(struct ffa_endpoint *caller, uint64_t *x)
{
	bool form64 = (x[0] & FFA_64) != 0;
	struct info info = { .id_max = form64 ? FFA_INFO_IDS_64 : INFO_IDS_32 };
	struct ffa_endpoint *vm;
	bool room = true;

	/* Notifications came with 1.1. */
	if (caller->kind != FFA_KIND_NWD || caller->version < FFA_VERSION_1_1) {
		ffa_answer_error(x, FFA_NOT_SUPPORTED);
		return;
	}
	for (unsigned i = 0; room && i < ffa_partition_count(); i++) {
		room = info_add(&info, ffa_partition(i));
	}
	room = room && info_add(&info, &ffa_nwd);
	for (unsigned i = 0; room && (vm = ffa_vm_at(i)) != NULL; i++) {
		room = info_add(&info, vm);
	}
	info_answer(&info, form64, x);
}
