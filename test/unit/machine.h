/* SPDX-License-Identifier: MIT */
/*
 * A few physical CPUs in one thread, each with its own system registers, SGIs, CNTHP and loop, on which scripted
 * guests "run": vcpu_enter calls the script. A CPU is stepped; its loop ends, by longjmp, when the script leaves or
 * when there is nothing to do. Included by exactly one file of a program.
 */
#ifndef TEST_MACHINE_H
#define TEST_MACHINE_H

#include "bundle_test.h"

#include "arch/gic_cpu.h"
#include "arch/host/host.h"
#include "arch/vcpu_enter.h"
#include "arch/world.h"
#include "core/port/host.h"
#include "core/port/role.h"
#include "core/vcpu/esr.h"
#include "core/vcpu/run.h"
#include "lib/panic.h"

#define MACHINE_CPUS 4
#define HYP_TIMER 26
#define VIRT_TIMER 27
#define MAINTENANCE 25
#define HZ UINT64_C(1000000)

struct machine_cpu {
	struct cpu cpu;
	uint64_t sysreg[HOST_SYSREG_COUNT]; /* while another one is at work */
	struct fp_state fp;
	bool kicked;  /* world_sgi_kick is pending */
	unsigned kicks;
};

static struct machine_cpu machine[MACHINE_CPUS];
static unsigned machine_at; /* the CPU whose registers are in host_sysreg */
static uint64_t machine_now;
static jmp_buf machine_out;

/* What a vCPU does when it is entered; it returns with v->exit set, or calls machine_leave(). */
static void (*machine_guest)(struct vcpu *v);

/* ---- the hardware ---- */

static void machine_switch(unsigned to)
{
	memcpy(machine[machine_at].sysreg, host_sysreg, sizeof(host_sysreg));
	machine[machine_at].fp = host_fp;
	machine_at = to;
	memcpy(host_sysreg, machine[to].sysreg, sizeof(host_sysreg));
	host_fp = machine[to].fp;
}

static bool timer_pending(void)
{
	return (host_sysreg[HOST_SYSREG_cnthp_ctl_el2] & 1) != 0 &&
	       machine_now >= host_sysreg[HOST_SYSREG_cnthp_cval_el2];
}

static bool machine_irq_pending(void) { return machine[machine_at].kicked || timer_pending(); }

static void sysreg_reading(enum host_sysreg_index reg)
{
	if (reg == HOST_SYSREG_cntpct_el0) {
		host_sysreg[reg] = machine_now;
	} else if (reg == HOST_SYSREG_icc_hppir1_el1) {
		host_sysreg[reg] = machine_irq_pending() ? HYP_TIMER : 1023;
	} else if (reg == HOST_SYSREG_icc_iar1_el1) {
		host_sysreg[reg] = 1023;
		if (machine[machine_at].kicked) {
			machine[machine_at].kicked = false;
			host_sysreg[reg] = world_sgi_kick;
		} else if (timer_pending()) {
			host_sysreg[reg] = HYP_TIMER;
		}
	}
}

static void sysreg_written(enum host_sysreg_index reg, uint64_t value)
{
	if (reg != HOST_SYSREG_icc_sgi1r_el1) {
		return;
	}
	for (unsigned i = 0; i < MACHINE_CPUS; i++) {
		if (value == machine[i].cpu.sgi_target) {
			machine[i].kicked = true;
			machine[i].kicks++;
			return;
		}
	}
	fail_msg("an SGI to nobody: %llx", (unsigned long long)value);
}

static noreturn void machine_leave(void) { longjmp(machine_out, 1); }

/* As vectors.S does it: a pending interrupt comes before the guest's next instruction. */
void vcpu_enter_plain(struct vcpu *v)
{
	for (;;) {
		while (machine_irq_pending()) {
			if (!vcpu_quick_end(v, vcpu_quick_irq(v))) {
				return;
			}
		}
		v->exit = UINT32_MAX;
		machine_guest(v);
		if (v->exit != UINT32_MAX) {
			return;
		}
	}
}

void vcpu_enter_pauth(struct vcpu *v) { vcpu_enter_plain(v); }

void arch_wait_for_interrupt(void)
{
	if (!machine_irq_pending()) {
		machine_leave();
	}
}

static unsigned machine_flushes;

void arch_flush_local_guest(void) { machine_flushes++; }

void irq_set_active(uint32_t intid, bool active)
{
	(void)intid;
	(void)active;
}

bool irq_is_pending(uint32_t intid)
{
	(void)intid;
	return false;
}

void panic_stop(void) { abort(); }

/* The exit that an instruction causes; v->exit tells the loop to handle it. */
static inline void machine_trap(struct vcpu *v, unsigned ec, uint64_t iss)
{
	v->regs.esr = FIELD_PUT(ESR_EC, ec) | ESR_IL | iss;
	v->exit = VCPU_EXIT_TRAP;
}

static inline void machine_wfi(struct vcpu *v) { machine_trap(v, EC_WFX, 0); }
static inline void machine_wfe(struct vcpu *v) { machine_trap(v, EC_WFX, 1); }

/* CPU i's loop until it has nothing to do or the script leaves. */
static inline void machine_step(unsigned i)
{
	machine_switch(i);
	if (setjmp(machine_out) == 0) {
		cpu_loop(&machine[i].cpu);
	}
}

static void machine_reset(unsigned count)
{
	memset(machine, 0, sizeof(machine));
	memset(host_sysreg, 0, sizeof(host_sysreg));
	memset(&host_fp, 0, sizeof(host_fp));
	machine_at = 0;
	machine_now = 1000;
	machine_flushes = 0;
	host_sysreg_reading = sysreg_reading;
	host_sysreg_written = sysreg_written;
	host.hyp_timer_intid = HYP_TIMER;
	host.virt_timer_intid = VIRT_TIMER;
	host.maintenance_intid = MAINTENANCE;
	cpu_count = count;
	for (unsigned i = 0; i < count; i++) {
		machine_switch(i);
		cpu_init(&machine[i].cpu, i, i);
		cpus[i] = &machine[i].cpu;
		machine[i].cpu.time_since = machine_now;
		write_tpidr_el2((uint64_t)(uintptr_t)&machine[i].cpu);
		write_cntfrq_el0(HZ);
	}
	machine_switch(0);
}

#endif
