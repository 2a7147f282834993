/* SPDX-License-Identifier: MIT */
/*
 * A virtual CPU: its registers, its state, and what others ask of it.
 *
 * A vCPU belongs to one physical CPU for life (its affinity). That CPU alone reads and writes the fields below, except
 * those marked atomic. State stays where it is: while the vCPU is loaded, EL1 system registers, the virtual timer and
 * the list registers live in the hardware; 'el1' and 'fp' are current only after vcpu_put().
 */
#ifndef CORE_VCPU_VCPU_H
#define CORE_VCPU_VCPU_H

#include "arch/el1.h"
#include "core/vcpu/debug.h"
#include "core/vcpu/pstate.h"
#include "core/vcpu/timer.h"
#include "core/vcpu/vm.h"
#include "core/vgic/vgic.h"
#include "lib/base.h"

struct cpu;

/* What an exit stores; the order is enter.S's, by pairs. SP_EL2 points here while the guest runs. */
struct vcpu_regs {
	uint64_t x[31];
	uint64_t pc;     /* ELR_EL2 */
	uint64_t pstate; /* SPSR_EL2 */
	uint64_t esr;    /* ESR_EL2 of the last exit */
	uint64_t host_sp; /* EL2's stack pointer while the guest runs */
	uint64_t apia[2]; /* the guest's APIA key, where there is FEAT_PAuth: low, high */
};

enum vcpu_state {
	VCPU_OFF,     /* PSCI CPU_OFF; only vcpu_start leaves it */
	VCPU_READY,   /* may run; on its CPU's run queue */
	VCPU_RUNNING, /* is the CPU's current vCPU */
	VCPU_WAITING, /* WFI, CPU_SUSPEND or a call of the role's, until an interrupt is pending or it is answered */
	VCPU_PAUSED,  /* the VM is paused, and it was in one of the three above */
	VCPU_STOPPED, /* the VM stopped it: off, crashed or being reset */
};

/* Requests, an atomic word; its CPU serves them before the guest runs again. So is vgic.dirty, for interrupts. */
enum {
	VCPU_REQ_START = 1 << 1, /* PSCI CPU_ON: entry, context and state are in 'start' */
	VCPU_REQ_STOP = 1 << 2,  /* the VM stops: leave the guest and do not come back */
	VCPU_REQ_DUMP = 1 << 3,  /* show the registers (role_dump) */
	VCPU_REQ_PAUSE = 1 << 4, /* leave the guest until VCPU_REQ_RESUME */
	VCPU_REQ_RESUME = 1 << 5,
	VCPU_REQ_ANSWER = 1 << 6, /* the call that it waits in may have its answer (role_has_answer) */
};

/* What vcpu_enter leaves to its caller. */
enum vcpu_exit {
	VCPU_EXIT_SERVED, /* handled; look at requests, timers and state before going on */
	VCPU_EXIT_TRAP,   /* regs.esr is still to be handled, now that all registers are saved */
};

struct vcpu_start {
	uint64_t entry;
	uint64_t context; /* x0 */
	uint32_t ready;   /* atomic; both are written, and have yet to be taken */
};

struct vcpu_stats {
	uint64_t exits_by_ec[64];
	uint64_t irqs;
	uint64_t guest_ticks; /* time in the guest, counter ticks */
};

struct vcpu {
	struct vcpu_regs regs; /* first: enter.S */
	struct vm *vm;
	struct cpu *cpu;   /* the physical CPU that it belongs to */
	uint32_t attention; /* its bit in cpu->attention */
	uint32_t requests; /* atomic; VCPU_REQ_* */
	uint32_t state;    /* enum vcpu_state; atomic reads by anybody, written by vcpu_state_set on its CPU */
	struct vgic_cpu vgic;
	uint32_t exit;     /* enum vcpu_exit, after vcpu_enter */
	bool in_call; /* WAITING, or PAUSED since then, in a call of the role's that is answered before it goes on */
	unsigned index;
	uint64_t mpidr; /* VMPIDR_EL2 */

	uint32_t power; /* atomic; the PSCI affinity state: role/hyp/psci.c owns it */
	struct vcpu_start start; /* where VCPU_REQ_START leads; role/hyp/psci.h says who writes it */

	struct timer ptimer; /* emulated CNTP: when to raise its PPI */
	uint64_t ptimer_ctl; /* ENABLE, IMASK; ISTATUS is computed */
	uint64_t ptimer_cval;
	struct timer vtimer_wake; /* while not loaded: when CNTV would fire */

	const struct bus_region *last_region; /* of vm->bus: where the last MMIO access went, or NULL (mmio.c) */
	uint64_t mmio_value; /* what a device answered, on its way to a register */
	struct debug_state debug;

	struct list queue_node; /* in the list of its VM's share while READY; the role's scheduler, as the next two */
	uint64_t turn_left; /* ticks left of its part of its VM's turns */
	bool woken; /* READY after WAITING, with something left */
	struct list cpu_node; /* in cpu->vcpus */
	struct vcpu_stats stats;
	struct el1_state el1;
	struct fp_state fp;
};

/*
 * Moves the guest past the trapped A64 instruction, as if it had been executed: a software step and BTYPE end with
 * it.
 */
static inline void vcpu_skip(struct vcpu *v)
{
	v->regs.pc += 4;
	v->regs.pstate &= ~(PSTATE_SS | PSTATE_BTYPE);
}

/*
 * For a device that is written to: the guest will write the same once more, as the device has more to do for it than
 * may be done at once. Takes back the vcpu_skip() that follows the device's answer.
 */
static inline void vcpu_repeat(struct vcpu *v) { v->regs.pc -= 4; }

/* Xn of the guest with 31 as XZR. */
static inline uint64_t vcpu_get_reg(const struct vcpu *v, uint64_t n) { return likely(n < 31) ? v->regs.x[n] : 0; }
static inline void vcpu_set_reg(struct vcpu *v, uint64_t n, uint64_t value)
{
	if (likely(n < 31)) {
		v->regs.x[n] = value;
	}
}

/* The vCPU of 'vm' with that affinity (MPIDR Aff fields, other bits zero), or NULL. */
struct vcpu *vm_vcpu_by_mpidr(const struct vm *vm, uint64_t mpidr);

/*
 * Sets request bits and makes its CPU look: an SGI if that CPU is another one. The state that the request speaks of is
 * written before (release here, acquire where requests are read). Any CPU.
 */
void vcpu_request(struct vcpu *v, uint32_t requests);

/*
 * Sets power-up register state: x0 = context, pc = entry, EL1h with DAIF masked, MMU off; all else as after reset.
 * Own CPU.
 */
void vcpu_reset(struct vcpu *v, uint64_t entry, uint64_t context);

#endif
