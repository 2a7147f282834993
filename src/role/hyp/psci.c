/* SPDX-License-Identifier: MIT */
#include "role/hyp/psci.h"

#include "abi/psci.h"
#include "abi/smccc.h"
#include "arch/atomic.h"
#include "core/port/role.h"
#include "core/sys/smccc.h"
#include "core/vcpu/run.h"
#include "role/hyp/ffa/direct.h"
#include "role/hyp/vm_ops.h"

/* MPIDR affinity fields as arguments carry them; all else is zero. */
#define AFFINITY_32 GENMASK(23, 0)
#define AFFINITY_64 (GENMASK(39, 32) | GENMASK(23, 0))

static bool is_smc64(const struct vcpu *v)
{
	return (v->regs.x[0] & BIT(SMCCC_64_SHIFT)) != 0;
}

/* Argument n (1..3); while the function id is still in x0. */
static uint64_t arg(const struct vcpu *v, unsigned n)
{
	return is_smc64(v) ? v->regs.x[n] : lo32(v->regs.x[n]);
}

/* Code can start there, and stays the guest's: an aligned address in its RAM. */
static bool entry_is_valid(const struct vcpu *v, uint64_t entry)
{
	return IS_ALIGNED(entry, 4) && guest_mem_ptr(&v->vm->mem, entry, 4) != NULL;
}

/* ---- power of one CPU ---- */

void psci_reset(struct vm *vm)
{
	for (unsigned i = 0; i < vm->vcpu_count; i++) {
		atomic_store(&vm->vcpus[i]->start.ready, 0);
		atomic_store_release(&vm->vcpus[i]->power, PSCI_AFFINITY_OFF);
	}
}

/* Who calls it has won v->start, or is v itself. */
static void ask_start(struct vcpu *v, uint64_t entry, uint64_t context)
{
	v->start.entry = entry;
	v->start.context = context;
	/* Release: pairs with the swap in psci_take_start(). */
	atomic_store_release(&v->start.ready, 1);
	vcpu_request(v, VCPU_REQ_START);
}

bool psci_wants_start(const struct vcpu *v)
{
	return atomic_load_acquire(&v->start.ready) != 0;
}

bool psci_take_start(struct vcpu *v)
{
	return atomic_swap(&v->start.ready, 0) != 0;
}

int32_t psci_power_on(struct vcpu *target, uint64_t entry, uint64_t context)
{
	uint32_t found = PSCI_AFFINITY_OFF;

	/* Of several callers one finds it off; acquire pairs with the release in cpu_off(). */
	if (!atomic_cas(&target->power, &found, (uint32_t)PSCI_AFFINITY_ON_PENDING)) {
		return found == PSCI_AFFINITY_ON ? PSCI_ALREADY_ON : PSCI_ON_PENDING;
	}
	ask_start(target, entry, context);
	return PSCI_SUCCESS;
}

void psci_started(struct vcpu *v)
{
	atomic_store_release(&v->power, PSCI_AFFINITY_ON);
}

static enum trap_result cpu_on(struct vcpu *v)
{
	uint64_t affinity = arg(v, 1);
	uint64_t entry = arg(v, 2);
	struct vcpu *target = vm_vcpu_by_mpidr(v->vm, affinity);

	if (target == NULL) {
		return smccc_answer(v, PSCI_INVALID_PARAMETERS);
	}
	if (!entry_is_valid(v, entry)) {
		return smccc_answer(v, PSCI_INVALID_ADDRESS);
	}
	return smccc_answer(v, psci_power_on(target, entry, arg(v, 3)));
}

static enum trap_result cpu_off(struct vcpu *v)
{
	ffa_direct_forget(v);
	vcpu_state_set(v, VCPU_OFF);
	/* Release: who finds it off may write v->start. This CPU serves the request that follows, after this trap. */
	atomic_store_release(&v->power, PSCI_AFFINITY_OFF);
	return TRAP_LEAVE;
}

/*
 * Standby is a WFI. Power down does the same, and then starts over at the entry point instead of returning: until
 * there is an interrupt to wake for, the call is left to be made again.
 */
static enum trap_result cpu_suspend(struct vcpu *v)
{
	uint64_t power_state = lo32(arg(v, 1));
	uint64_t entry = arg(v, 2);

	if ((power_state & PSCI_POWER_STATE_RESERVED) != 0) {
		return smccc_answer(v, PSCI_INVALID_PARAMETERS);
	}
	if (FIELD_GET(PSCI_POWER_STATE_TYPE, power_state) == 0) {
		smccc_answer(v, PSCI_SUCCESS);
		return role_wait(v, true);
	}
	if (!entry_is_valid(v, entry)) {
		return smccc_answer(v, PSCI_INVALID_ADDRESS);
	}
	if (!vcpu_has_wakeup(v)) {
		v->regs.pc -= 4;
		return role_wait(v, true);
	}
	/* It is on all the time, so nobody else writes v->start. */
	ask_start(v, entry, arg(v, 3));
	return TRAP_LEAVE;
}

/* Fields below the level do not count: of a group of CPUs the most awake one speaks for all (DEN0022, 5.7). */
static enum trap_result affinity_info(struct vcpu *v)
{
	static const uint64_t level_mask[] = { AFFINITY_64, AFFINITY_64 & ~GENMASK(7, 0), AFFINITY_64 & ~GENMASK(15, 0),
					       AFFINITY_64 & ~GENMASK(23, 0) };
	const struct vm *vm = v->vm;
	uint64_t affinity = arg(v, 1);
	uint64_t level = lo32(arg(v, 2));
	int32_t answer = PSCI_INVALID_PARAMETERS;

	if ((affinity & ~(is_smc64(v) ? AFFINITY_64 : AFFINITY_32)) != 0 || level >= ARRAY_SIZE(level_mask)) {
		return smccc_answer(v, PSCI_INVALID_PARAMETERS);
	}
	for (unsigned i = 0; i < vm->vcpu_count; i++) {
		int32_t power = (int32_t)atomic_load_acquire(&vm->vcpus[i]->power);

		if (((vm->vcpus[i]->mpidr ^ affinity) & level_mask[level]) != 0) {
			continue;
		}
		if (power == PSCI_AFFINITY_ON || answer < 0 || answer == PSCI_AFFINITY_OFF) {
			answer = power;
		}
		if (answer == PSCI_AFFINITY_ON) {
			break;
		}
	}
	return smccc_answer(v, answer);
}

/* ---- the system ---- */

static enum trap_result system_off(struct vcpu *v)
{
	vm_system_off(v->vm);
	return TRAP_LEAVE;
}

static enum trap_result system_reset(struct vcpu *v)
{
	vm_system_reset(v->vm);
	return TRAP_LEAVE;
}

/* Type 0, warm reset, is the one that the specification defines; ours clears no more and no less than the cold one. */
static enum trap_result system_reset2(struct vcpu *v)
{
	if (lo32(arg(v, 1)) != 0) {
		return smccc_answer(v, PSCI_INVALID_PARAMETERS);
	}
	return system_reset(v);
}

static enum trap_result version(struct vcpu *v)
{
	return smccc_answer(v, PSCI_VERSION_1_1);
}

static enum trap_result migrate_info_type(struct vcpu *v)
{
	return smccc_answer(v, PSCI_TOS_NOT_PRESENT);
}

static enum trap_result features(struct vcpu *v);

/* ---- dispatch ---- */

struct psci_function {
	enum trap_result (*call)(struct vcpu *v);
	bool smc64; /* exists by both conventions, else by SMC32 only */
};

/* The ids of the range differ in these bits, and in the one for the convention. */
#define NUMBER(function) ((function) & 0x1fu)

static const struct psci_function psci_functions[32] = {
	[NUMBER(PSCI_VERSION)] = { version, false },
	[NUMBER(PSCI_CPU_SUSPEND_32)] = { cpu_suspend, true },
	[NUMBER(PSCI_CPU_OFF)] = { cpu_off, false },
	[NUMBER(PSCI_CPU_ON_32)] = { cpu_on, true },
	[NUMBER(PSCI_AFFINITY_INFO_32)] = { affinity_info, true },
	[NUMBER(PSCI_MIGRATE_INFO_TYPE)] = { migrate_info_type, false },
	[NUMBER(PSCI_SYSTEM_OFF)] = { system_off, false },
	[NUMBER(PSCI_SYSTEM_RESET)] = { system_reset, false },
	[NUMBER(PSCI_FEATURES)] = { features, false },
	[NUMBER(PSCI_SYSTEM_RESET2_32)] = { system_reset2, true },
};

/* What implements a function id in PSCI's range, or NULL. */
static const struct psci_function *find(uint32_t function)
{
	const struct psci_function *entry = &psci_functions[NUMBER(function)];
	bool by_smc64 = (function & BIT(SMCCC_64_SHIFT)) != 0;

	return entry->call != NULL && (!by_smc64 || entry->smc64) ? entry : NULL;
}

/* Flags of CPU_SUSPEND: original power_state format, no OS-initiated mode: 0, as are those of all others. */
static enum trap_result features(struct vcpu *v)
{
	uint32_t function = lo32(v->regs.x[1]);
	bool known = function == SMCCC_VERSION || (psci_owns(function) && find(function) != NULL);

	return smccc_answer(v, known ? PSCI_SUCCESS : PSCI_NOT_SUPPORTED);
}

enum trap_result psci_call(struct vcpu *v)
{
	const struct psci_function *function = find(lo32(v->regs.x[0]));

	return likely(function != NULL) ? function->call(v) : smccc_answer(v, PSCI_NOT_SUPPORTED);
}
