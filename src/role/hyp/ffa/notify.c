/* SPDX-License-Identifier: MIT */
#include "role/hyp/ffa/notify.h"

#include "arch/atomic.h"
#include "abi/psci.h"
#include "core/port/host.h"
#include "core/vcpu/cpu.h"
#include "ffa/answer.h"
#include "ffa/port.h"
#include "lib/log.h"
#include "role/hyp/ffa/guest.h"
#include "role/hyp/ffa/runner.h"
#include "role/hyp/ffa/spmc.h"

/* Answers of FFA_NOTIFICATION_INFO_GET that are asked for in a row: each tells of up to 20 ids. */
#define INFO_ROUNDS 16
/* Then the VMs of the CPU have their turns, before it goes on. */
#define INFO_PAUSE_US 1000
/* How often the SPMC is asked to forget a VM for which partitions have new notifications meanwhile. */
#define FORGET_ROUNDS 8

/* ---- telling guests ---- */

/* A vCPU that is on: whichever takes the interrupt, all may fetch what is for the VM as a whole. */
static unsigned any_vcpu(const struct vm *vm)
{
	for (unsigned i = 0; i < vm->vcpu_count; i++) {
		if (atomic_load(&vm->vcpus[i]->power) == PSCI_AFFINITY_ON) {
			return i;
		}
	}
	return 0;
}

static void raise_npi(struct ffa_guest *g, int vcpu)
{
	struct vm *vm = &g->vm->vm;
	unsigned index = vcpu < 0 ? any_vcpu(vm) : (unsigned)vcpu;

	if (index < vm->vcpu_count) {
		vgic_pulse_sgi(&vm->vcpus[index]->vgic, FFA_INTID_GUEST_NPI);
	}
}

void ffa_port_notified(struct ffa_endpoint *receiver, int vcpu, bool delayed unused_arg)
{
	raise_npi(ffa_guest(receiver), vcpu);
}

const void *ffa_port_caller(void)
{
	return this_cpu()->current;
}

/* ---- what the SPMC has to tell ---- */

/* A partition's vCPU has something to fetch: the CPU that it belongs to lets it. */
static void wake_partition(const struct ffa_endpoint *sp, int vcpu)
{
	struct cpu *cpu = this_cpu();

	if (sp->vcpu_count > 1 && vcpu >= 0) {
		if ((unsigned)vcpu >= cpu_count) {
			return;
		}
		cpu = cpus[vcpu];
	}
	runner_wake(cpu, sp);
}

static void tell(uint16_t id, int vcpu)
{
	struct ffa_endpoint *e = ffa_endpoint_find(id);

	if (e == NULL) {
		return; /* ourselves, or a partition that we do not know */
	}
	if (e->kind == FFA_KIND_GUEST) {
		raise_npi(ffa_guest(e), vcpu);
	} else {
		wake_partition(e, vcpu);
	}
}

static uint16_t id_at(const uint64_t *x, unsigned n)
{
	return (uint16_t)(x[3 + n / 4] >> (16 * (n % 4)));
}

/* The lists of an answer: an endpoint alone, or one and up to three of its vCPUs (16.7). */
static void tell_lists(const uint64_t *x)
{
	unsigned lists = (unsigned)FIELD_GET(FFA_INFO_LISTS, x[2]);
	unsigned at = 0;

	for (unsigned list = 0; list < lists; list++) {
		unsigned vcpus = (unsigned)(x[2] >> (FFA_INFO_SIZES_SHIFT + 2 * list)) & 3;

		if (at + 1 + vcpus > FFA_INFO_IDS_64) {
			return; /* they do not fit an answer */
		}
		if (vcpus == 0) {
			tell(id_at(x, at), -1);
		}
		for (unsigned i = 0; i < vcpus; i++) {
			tell(id_at(x, at), id_at(x, at + 1 + i));
		}
		at += 1 + vcpus;
	}
}

/* Of one CPU. */
static struct info {
	struct work enable, ask;
	struct timer pause;
} infos[CPU_MAX];

/* The interrupt was on this CPU. An SPMC that has always more to tell does not keep the CPU for it. */
static void ask(struct work *work)
{
	struct info *info = container_of(work, struct info, ask);

	for (unsigned i = 0; i < INFO_ROUNDS; i++) {
		uint64_t x[FFA_REGS] = { FFA_NOTIFICATION_INFO_GET_64 };

		spmc_call(x);
		if (lo32(x[0]) != FFA_SUCCESS_64) {
			return;
		}
		tell_lists(x);
		if ((x[2] & FFA_INFO_MORE) == 0) {
			return;
		}
	}
	timer_start(&this_cpu()->timers, &info->pause, cpu_now() + read_cntfrq_el0() / 1000000 * INFO_PAUSE_US);
}

static void paused(struct timer *timer)
{
	cpu_post(this_cpu(), &container_of(timer, struct info, pause)->ask);
}

static void enable_here(struct work *work unused_arg)
{
	irq_enable(spmc.sri);
}

static const struct work_ops ask_ops = { .run = ask };
static const struct work_ops enable_ops = { .run = enable_here };
static const struct timer_ops pause_ops = { .fired = paused };

void notify_init(void)
{
	if (spmc.sri == 0) {
		return;
	}
	for (unsigned i = 0; i < cpu_count; i++) {
		infos[i].ask.ops = &ask_ops;
		infos[i].enable.ops = &enable_ops;
		timer_init(&infos[i].pause, &pause_ops);
		cpu_post(cpus[i], &infos[i].enable);
	}
}

void notify_interrupt(uint32_t intid)
{
	if (spmc.sri != 0 && intid == spmc.sri) {
		cpu_post(this_cpu(), &infos[this_cpu()->index].ask);
	}
}

/* ---- calls of guests ---- */

static uint16_t high_id(const uint64_t *x)
{
	return (uint16_t)(x[1] >> 16);
}
static uint16_t low_id(const uint64_t *x)
{
	return (uint16_t)x[1];
}

/* True if the call is the SPMC's to answer: an SP takes part, and the guest is who it says. Else it may be answered. */
static bool is_for_spmc(const struct ffa_endpoint *caller, uint16_t self, uint16_t other, uint64_t *x)
{
	enum ffa_code code = FFA_OK;

	if (caller->version >= FFA_VERSION_1_1 && (self != caller->id || ffa_endpoint_find(other) == NULL)) {
		code = FFA_INVALID_PARAMETERS;
	} else if (MIN(caller->version, spmc.version) < FFA_VERSION_1_1 || !caller->notifications.enabled) {
		code = FFA_NOT_SUPPORTED;
	}
	if (code != FFA_OK) {
		ffa_answer_error(x, code);
	}
	return code == FFA_OK;
}

/* Hands the call down with what it defines, x0..x4, and answers the code. */
static void hand_down(uint64_t *x)
{
	uint64_t call[FFA_REGS] = { lo32(x[0]), lo32(x[1]), lo32(x[2]), lo32(x[3]), lo32(x[4]) };

	spmc_call(call);
	ffa_answer_code(x, spmc_code(call));
}

static void change_binding(struct ffa_endpoint *caller, uint64_t *x)
{
	if (is_for_spmc(caller, low_id(x), high_id(x), x)) {
		hand_down(x);
	}
}

void notify_bind(struct ffa_endpoint *caller, uint64_t *x)
{
	if (ffa_id_is_secure(high_id(x))) {
		change_binding(caller, x);
	} else {
		ffa_notification_bind(caller, x);
	}
}

void notify_unbind(struct ffa_endpoint *caller, uint64_t *x)
{
	if (ffa_id_is_secure(high_id(x))) {
		change_binding(caller, x);
	} else {
		ffa_notification_unbind(caller, x);
	}
}

void notify_set(struct ffa_endpoint *caller, uint64_t *x)
{
	if (!ffa_id_is_secure(low_id(x))) {
		ffa_notification_set(caller, x);
	} else if (is_for_spmc(caller, high_id(x), low_id(x), x)) {
		hand_down(x);
	}
}

/*
 * The SPMC is asked first, for what it gives is gone there; so what could make the guest's own part fail is looked at
 * before.
 */
void notify_get(struct ffa_endpoint *caller, uint64_t *x)
{
	const uint32_t down_flags = FFA_NOTIFICATION_GET_SP | FFA_NOTIFICATION_GET_SPM;
	uint64_t down[FFA_REGS] = { FFA_NOTIFICATION_GET, x[1], x[2] & down_flags };
	uint64_t rest[FFA_REGS] = { FFA_NOTIFICATION_GET, x[1], x[2] & ~(uint64_t)down_flags };
	const struct ffa_notifications *n = &caller->notifications;

	if (caller->version >= FFA_VERSION_1_1 && n->enabled && low_id(x) == caller->id && high_id(x) < n->vcpu_count &&
	    (x[2] & ~(uint64_t)FFA_NOTIFICATION_GET_ALL) == 0 && down[2] != 0 && spmc.version >= FFA_VERSION_1_1) {
		spmc_call(down);
		if (spmc_code(down) != FFA_OK) {
			ffa_answer_error(x, spmc_code(down));
			return;
		}
	} else {
		ffa_answer_success(down);
	}
	ffa_notification_get(caller, rest);
	for (unsigned i = 0; i < 8; i++) {
		x[i] = rest[i];
	}
	if (lo32(x[0]) == FFA_SUCCESS) {
		/* SPs' in w2 and w3, the SPMC's own in w6. */
		x[2] |= lo32(down[2]);
		x[3] |= lo32(down[3]);
		x[6] |= lo32(down[6]);
	}
}

/* ---- with a guest's life ---- */

static enum ffa_code create(const struct ffa_endpoint *guest)
{
	uint64_t x[FFA_REGS] = { FFA_NOTIFICATION_BITMAP_CREATE, guest->id, guest->vcpu_count };

	spmc_call(x);
	return spmc_code(x);
}

static void fetch_all(const struct ffa_endpoint *guest)
{
	for (unsigned i = 0; i < guest->vcpu_count; i++) {
		uint64_t x[FFA_REGS] = { FFA_NOTIFICATION_GET, (uint64_t)i << 16 | guest->id,
					 FFA_NOTIFICATION_GET_SP | FFA_NOTIFICATION_GET_SPM };

		spmc_call(x);
	}
}

/* The SPMC keeps what has not been fetched, so that is fetched; partitions may have more for it at any moment. */
static enum ffa_code destroy(const struct ffa_endpoint *guest)
{
	enum ffa_code code = FFA_DENIED;

	for (unsigned i = 0; code == FFA_DENIED && i < FORGET_ROUNDS; i++) {
		uint64_t x[FFA_REGS] = { FFA_NOTIFICATION_BITMAP_DESTROY, guest->id };

		fetch_all(guest);
		spmc_call(x);
		code = spmc_code(x);
	}
	return code;
}

enum ffa_code notify_enable(struct ffa_endpoint *guest)
{
	enum ffa_code code = ffa_notifications_enable(guest, guest->vcpu_count);

	if (code != FFA_OK || spmc.version < FFA_VERSION_1_1) {
		return code;
	}
	code = create(guest);
	/* Another life of it, or whoever ran before us, may have left one there, with what was bound then. */
	if (code == FFA_DENIED && destroy(guest) == FFA_OK) {
		code = create(guest);
	}
	if (code != FFA_OK) {
		ffa_notifications_drop(guest);
	}
	return code;
}

void notify_disable(struct ffa_endpoint *guest)
{
	enum ffa_code code;

	if (!guest->notifications.enabled) {
		return;
	}
	ffa_notifications_drop(guest);
	if (spmc.version < FFA_VERSION_1_1) {
		return;
	}
	code = destroy(guest);
	if (code != FFA_OK) {
		log_limited(&ffa_guest(guest)->vm->vm.log_limit,
			    "FF-A: the SPMC keeps the notifications of VM '%s': code %d", guest->name, code);
	}
}
