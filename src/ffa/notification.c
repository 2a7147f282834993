/* SPDX-License-Identifier: MIT */
#include "ffa/notification.h"

#include "core/mm/pool.h"
#include "ffa/answer.h"
#include "ffa/endpoint.h"
#include "ffa/memory.h"
#include "ffa/port.h"

static uint16_t sender_of(const uint64_t *x)
{
	return (uint16_t)(x[1] >> 16);
}
static uint16_t receiver_of(const uint64_t *x)
{
	return (uint16_t)x[1];
}

/* Id 0 or a VM's. */
static bool is_ns(uint16_t id)
{
	return id < FFA_ID_VM_INVALID;
}

static struct ffa_notification_set *set_of(struct ffa_notifications *n, uint16_t sender)
{
	return ffa_id_is_secure(sender) ? &n->from_sp : &n->from_vm;
}

/* After every change of what is pending, with the lock held. */
static void update_hint(struct ffa_notifications *n)
{
	uint64_t global = n->framework | n->from_sp.pending | n->from_vm.pending;

	atomic_store_release(&n->pending_hint, global != 0 || n->from_sp.vcpus_pending + n->from_vm.vcpus_pending != 0);
}

/* Of 'bits', those that are not bound to the sender. */
static uint64_t not_bound_to(const struct ffa_notification_set *set, uint64_t bits, uint16_t sender)
{
	uint64_t others = bits & ~set->bound;

	for (uint64_t left = bits & set->bound; left != 0; left &= left - 1) {
		unsigned bit = (unsigned)__builtin_ctzll(left);

		if (set->sender[bit] != sender) {
			others |= BIT(bit);
		}
	}
	return others;
}

/* Takes 'bits' off what is pending for the vCPU, and returns those that were. */
static uint64_t vcpu_take(struct ffa_notification_set *set, unsigned vcpu, uint64_t bits)
{
	uint64_t *pending = &set->vcpu_pending[vcpu];
	uint64_t taken = *pending & bits;

	if (taken != 0) {
		*pending &= ~bits;
		set->vcpu_reported[vcpu] &= ~bits;
		set->vcpus_pending -= *pending == 0;
	}
	return taken;
}

static bool any_pending(const struct ffa_notifications *n, const struct ffa_notification_set *set, uint64_t bits)
{
	uint64_t pending = set->pending;

	for (unsigned v = 0; v < n->vcpu_count && set->vcpus_pending != 0; v++) {
		pending |= set->vcpu_pending[v];
	}
	return (pending & bits) != 0;
}

/* ---- bitmaps of VMs (16.1, 16.2) ---- */

enum ffa_code ffa_notifications_enable(struct ffa_endpoint *receiver, uint16_t vcpu_count)
{
	struct ffa_notifications *n = &receiver->notifications;
	size_t size = sizeof(uint64_t) * 4 * vcpu_count;
	uint64_t *words;

	if (vcpu_count == 0) {
		return FFA_INVALID_PARAMETERS;
	}
	words = vcpu_count <= FFA_NOTIFICATION_VCPUS_MAX ? ffa_mem_alloc_object(size) : NULL;
	if (words == NULL) {
		return FFA_NO_MEMORY;
	}
	spin_lock(&n->lock);
	if (n->enabled) {
		spin_unlock(&n->lock);
		pool_free_object(words, size);
		return FFA_DENIED;
	}
	n->enabled = true;
	n->vcpu_count = vcpu_count;
	n->from_sp = (struct ffa_notification_set){ .vcpu_pending = words, .vcpu_reported = words + vcpu_count };
	n->from_vm = (struct ffa_notification_set){ .vcpu_pending = words + 2 * vcpu_count,
						    .vcpu_reported = words + 3 * vcpu_count };
	n->framework = n->framework_reported = 0;
	spin_unlock(&n->lock);
	return FFA_OK;
}

/* DENIED if it is not enabled, or something is pending and that matters. */
static enum ffa_code disable(struct ffa_notifications *n, bool must_be_idle)
{
	uint64_t *words;
	size_t size;

	spin_lock(&n->lock);
	if (!n->enabled || (must_be_idle && any_pending(n, &n->from_sp, ~UINT64_C(0)))) {
		spin_unlock(&n->lock);
		return FFA_DENIED;
	}
	words = n->from_sp.vcpu_pending;
	size = sizeof(uint64_t) * 4 * n->vcpu_count;
	n->enabled = false;
	n->vcpu_count = 0;
	n->from_sp = n->from_vm = (struct ffa_notification_set){ 0 };
	n->framework = n->framework_reported = n->wakeups = 0;
	update_hint(n);
	spin_unlock(&n->lock);
	pool_free_object(words, size);
	return FFA_OK;
}

/* The sender is no more: its bits at this receiver are free again. */
static void forget_sender(struct ffa_notifications *n, uint16_t sender)
{
	struct ffa_notification_set *set = set_of(n, sender);
	uint64_t bits;

	spin_lock(&n->lock);
	bits = set->bound & ~not_bound_to(set, set->bound, sender);
	for (unsigned v = 0; v < n->vcpu_count && (bits & set->per_vcpu) != 0; v++) {
		vcpu_take(set, v, bits);
	}
	set->bound &= ~bits;
	set->per_vcpu &= ~bits;
	set->pending &= ~bits;
	set->reported &= ~bits;
	update_hint(n);
	spin_unlock(&n->lock);
}

void ffa_notifications_drop(struct ffa_endpoint *e)
{
	struct ffa_endpoint *vm;

	disable(&e->notifications, false);
	for (unsigned i = 0; i < ffa_partition_count(); i++) {
		forget_sender(&ffa_partition(i)->notifications, e->id);
	}
	forget_sender(&ffa_nwd.notifications, e->id);
	for (unsigned i = 0; (vm = ffa_vm_at(i)) != NULL; i++) {
		forget_sender(&vm->notifications, e->id);
	}
}

/* Notifications came with 1.1. */
static bool supported(const struct ffa_endpoint *caller, uint64_t *x)
{
	if (caller->version >= FFA_VERSION_1_1) {
		return true;
	}
	ffa_answer_error(x, FFA_NOT_SUPPORTED);
	return false;
}

void ffa_notification_bitmap_create(struct ffa_endpoint *caller, uint64_t *x)
{
	uint16_t id = receiver_of(x);
	uint32_t vcpu_count = (uint32_t)x[2];
	struct ffa_endpoint *receiver;
	enum ffa_code code;

	if (caller->kind != FFA_KIND_NWD) {
		ffa_answer_error(x, FFA_NOT_SUPPORTED);
		return;
	}
	if (!supported(caller, x)) {
		return;
	}
	if (!is_ns(id) || vcpu_count == 0) {
		ffa_answer_error(x, FFA_INVALID_PARAMETERS);
		return;
	}
	receiver = id == FFA_ID_NWD ? caller : ffa_vm_get(id);
	if (receiver == NULL) {
		code = FFA_NO_MEMORY;
	} else if (receiver->notifications.enabled) {
		code = FFA_DENIED;
	} else {
		code = ffa_notifications_enable(receiver, (uint16_t)MIN(vcpu_count, (uint32_t)UINT16_MAX));
	}
	ffa_endpoint_put(receiver);
	ffa_answer_code(x, code);
}

void ffa_notification_bitmap_destroy(struct ffa_endpoint *caller, uint64_t *x)
{
	struct ffa_endpoint *receiver;

	if (caller->kind != FFA_KIND_NWD) {
		ffa_answer_error(x, FFA_NOT_SUPPORTED);
		return;
	}
	if (!supported(caller, x)) {
		return;
	}
	if (!is_ns(receiver_of(x))) {
		ffa_answer_error(x, FFA_INVALID_PARAMETERS);
		return;
	}
	receiver = ffa_endpoint_get(receiver_of(x));
	ffa_answer_code(x, receiver == NULL ? FFA_DENIED : disable(&receiver->notifications, true));
	ffa_endpoint_put(receiver);
}

/* ---- binding (16.3, 16.4) ---- */

/* Who may bind what to whom: the receiver for itself, id 0 for itself and its VMs to SPs. */
static bool may_bind(const struct ffa_endpoint *caller, uint16_t sender, uint16_t receiver)
{
	if (sender == receiver) {
		return false;
	}
	if (ffa_is_local(caller)) {
		return receiver == caller->id && (is_ns(sender) || ffa_id_is_secure(sender));
	}
	return ffa_id_is_secure(sender) && is_ns(receiver);
}

static enum ffa_code bind(struct ffa_notifications *n, uint16_t sender, uint64_t bits, bool per_vcpu)
{
	struct ffa_notification_set *set = set_of(n, sender);

	if ((set->bound & bits) != 0) {
		return FFA_DENIED;
	}
	set->bound |= bits;
	set->per_vcpu |= per_vcpu ? bits : 0;
	for (uint64_t left = bits; left != 0; left &= left - 1) {
		set->sender[__builtin_ctzll(left)] = sender;
	}
	return FFA_OK;
}

static enum ffa_code unbind(struct ffa_notifications *n, uint16_t sender, uint64_t bits)
{
	struct ffa_notification_set *set = set_of(n, sender);

	if (not_bound_to(set, bits, sender) != 0 || any_pending(n, set, bits)) {
		return FFA_DENIED;
	}
	set->bound &= ~bits;
	set->per_vcpu &= ~bits;
	return FFA_OK;
}

/* Both calls, which differ in the last step only. */
static enum ffa_code change_binding(struct ffa_endpoint *caller, const uint64_t *x, bool to_bound)
{
	uint16_t sender = sender_of(x);
	uint32_t flags = (uint32_t)x[2];
	uint64_t bits = ffa_arg_pair(x, 3);
	struct ffa_endpoint *receiver;
	struct ffa_notifications *n;
	enum ffa_code code;

	if ((flags & ~(to_bound ? FFA_NOTIFICATION_PER_VCPU : 0u)) != 0 || !may_bind(caller, sender, receiver_of(x)) ||
	    bits == 0) {
		return FFA_INVALID_PARAMETERS;
	}
	receiver = ffa_endpoint_get(receiver_of(x));
	if (receiver == NULL) {
		return FFA_INVALID_PARAMETERS;
	}
	n = &receiver->notifications;
	spin_lock(&n->lock);
	if (!n->enabled) {
		code = FFA_NOT_SUPPORTED;
	} else if ((ffa_id_is_secure(sender) || caller->kind == FFA_KIND_GUEST) && ffa_endpoint_find(sender) == NULL) {
		code = FFA_INVALID_PARAMETERS;
	} else if (to_bound) {
		code = bind(n, sender, bits, (flags & FFA_NOTIFICATION_PER_VCPU) != 0);
	} else {
		code = unbind(n, sender, bits);
	}
	spin_unlock(&n->lock);
	ffa_endpoint_put(receiver);
	return code;
}

void ffa_notification_bind(struct ffa_endpoint *caller, uint64_t *x)
{
	if (supported(caller, x)) {
		ffa_answer_code(x, change_binding(caller, x, true));
	}
}

void ffa_notification_unbind(struct ffa_endpoint *caller, uint64_t *x)
{
	if (supported(caller, x)) {
		ffa_answer_code(x, change_binding(caller, x, false));
	}
}

/* ---- setting and getting (16.5, 16.6) ---- */

/* The lock is held. */
static enum ffa_code set_pending(struct ffa_notifications *n, uint16_t sender, uint64_t bits, bool per_vcpu,
				 uint16_t vcpu)
{
	struct ffa_notification_set *set = set_of(n, sender);

	if (!n->enabled) {
		return FFA_DENIED;
	}
	if ((bits & set->bound & (per_vcpu ? ~set->per_vcpu : set->per_vcpu)) != 0) {
		return FFA_INVALID_PARAMETERS;
	}
	if (not_bound_to(set, bits, sender) != 0) {
		return FFA_DENIED;
	}
	if (!per_vcpu) {
		set->pending |= bits;
	} else if (vcpu >= n->vcpu_count) {
		return FFA_INVALID_PARAMETERS;
	} else {
		set->vcpus_pending += set->vcpu_pending[vcpu] == 0;
		set->vcpu_pending[vcpu] |= bits;
	}
	update_hint(n);
	return FFA_OK;
}

static enum ffa_code set(struct ffa_endpoint *caller, const uint64_t *x)
{
	const uint32_t known = FFA_NOTIFICATION_PER_VCPU | FFA_NOTIFICATION_DELAY_SRI;
	uint16_t sender = sender_of(x), vcpu = (uint16_t)(x[2] >> 16);
	uint32_t flags = (uint16_t)x[2];
	bool per_vcpu = (flags & FFA_NOTIFICATION_PER_VCPU) != 0;
	bool delayed = (flags & FFA_NOTIFICATION_DELAY_SRI) != 0;
	uint64_t bits = ffa_arg_pair(x, 3);
	struct ffa_endpoint *receiver;
	enum ffa_code code;

	if ((flags & ~known) != 0 || (!per_vcpu && vcpu != 0) || bits == 0 || sender == receiver_of(x)) {
		return FFA_INVALID_PARAMETERS;
	}
	if (ffa_is_local(caller) ? sender != caller->id : !is_ns(sender) || !ffa_id_is_secure(receiver_of(x))) {
		return FFA_INVALID_PARAMETERS;
	}
	if (!ffa_id_is_secure(caller->id) && delayed) {
		return FFA_INVALID_PARAMETERS;
	}
	receiver = ffa_endpoint_get(receiver_of(x));
	if (receiver == NULL) {
		return FFA_INVALID_PARAMETERS;
	}
	spin_lock(&receiver->notifications.lock);
	code = set_pending(&receiver->notifications, sender, bits, per_vcpu, vcpu);
	spin_unlock(&receiver->notifications.lock);
	if (code == FFA_OK) {
		ffa_port_notified(receiver, per_vcpu ? (int)vcpu : -1, delayed);
	}
	ffa_endpoint_put(receiver);
	return code;
}

void ffa_notification_set(struct ffa_endpoint *caller, uint64_t *x)
{
	if (supported(caller, x)) {
		ffa_answer_code(x, set(caller, x));
	}
}

/* Fetches global bits and those of the vCPU. The lock is held. */
static uint64_t take(struct ffa_notification_set *set, unsigned vcpu)
{
	uint64_t bits = set->pending | vcpu_take(set, vcpu, ~UINT64_C(0));

	set->pending = set->reported = 0;
	return bits;
}

static uint64_t take_framework(struct ffa_notifications *n)
{
	n->framework_reported = 0;
	return atomic_swap(&n->framework, 0);
}

static enum ffa_code get(struct ffa_endpoint *receiver, unsigned vcpu, uint32_t flags, uint64_t *x)
{
	struct ffa_notifications *n = &receiver->notifications;
	uint64_t framework = 0;
	enum ffa_code code = FFA_OK;

	spin_lock(&n->lock);
	if (!n->enabled) {
		code = ffa_is_local(receiver) ? FFA_NOT_SUPPORTED : FFA_INVALID_PARAMETERS;
	} else if (vcpu >= n->vcpu_count) {
		code = FFA_INVALID_PARAMETERS;
	} else {
		ffa_answer_success(x);
		ffa_put_pair(x, 2, (flags & FFA_NOTIFICATION_GET_SP) != 0 ? take(&n->from_sp, vcpu) : 0);
		ffa_put_pair(x, 4, (flags & FFA_NOTIFICATION_GET_VM) != 0 ? take(&n->from_vm, vcpu) : 0);
		/* Either flag fetches both halves: clients that know the peer ask with one of them. */
		if ((flags & (FFA_NOTIFICATION_GET_SPM | FFA_NOTIFICATION_GET_HYP)) != 0) {
			framework = take_framework(n);
		}
		ffa_put_pair(x, 6, framework);
		update_hint(n);
	}
	spin_unlock(&n->lock);
	return code;
}

void ffa_notification_get(struct ffa_endpoint *caller, uint64_t *x)
{
	const uint32_t ns_known = FFA_NOTIFICATION_GET_SP | FFA_NOTIFICATION_GET_SPM;
	const uint32_t known = ns_known | FFA_NOTIFICATION_GET_VM | FFA_NOTIFICATION_GET_HYP;
	uint32_t flags = (uint32_t)x[2];
	unsigned vcpu = (uint16_t)(x[1] >> 16);
	struct ffa_endpoint *receiver;
	enum ffa_code code = FFA_INVALID_PARAMETERS;

	if (!supported(caller, x)) {
		return;
	}
	/* What VMs and the hypervisor have for a VM, the hypervisor knows itself. */
	receiver = (flags & ~(ffa_is_local(caller) ? known : ns_known)) == 0
			   ? ffa_endpoint_of_call(caller, receiver_of(x), false)
			   : NULL;
	if (receiver != NULL) {
		code = get(receiver, vcpu, flags, x);
		ffa_endpoint_put(receiver);
	}
	if (code != FFA_OK) {
		ffa_answer_error(x, code);
	}
}

/* ---- for others in the SPMC ---- */

bool ffa_notify_rx_full(struct ffa_endpoint *receiver, bool from_sp)
{
	struct ffa_notifications *n = &receiver->notifications;
	bool enabled;

	spin_lock(&n->lock);
	enabled = n->enabled;
	if (enabled) {
		atomic_or(&n->framework, from_sp ? FFA_FRAMEWORK_RX_FULL_SPM : FFA_FRAMEWORK_RX_FULL_HYP);
		update_hint(n);
	}
	spin_unlock(&n->lock);
	return enabled;
}

bool ffa_rx_full_pending(const struct ffa_endpoint *receiver)
{
	return (atomic_load_acquire(&receiver->notifications.framework) &
		(FFA_FRAMEWORK_RX_FULL_SPM | FFA_FRAMEWORK_RX_FULL_HYP)) != 0;
}

bool ffa_notifications_pending(struct ffa_endpoint *receiver, unsigned vcpu)
{
	struct ffa_notifications *n = &receiver->notifications;
	uint64_t bits;

	if (likely(atomic_load_acquire(&n->pending_hint) == 0)) {
		return false;
	}
	spin_lock(&n->lock);
	bits = n->framework | n->from_sp.pending | n->from_vm.pending;
	if (vcpu < n->vcpu_count) {
		bits |= n->from_sp.vcpu_pending[vcpu] | n->from_vm.vcpu_pending[vcpu];
	}
	spin_unlock(&n->lock);
	return bits != 0;
}
