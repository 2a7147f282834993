/* SPDX-License-Identifier: MIT */
/* Structure offsets for assembly; the build turns this into offsets.h. */
#include "arch/smc.h"
#include "core/sys/boot.h"
#include "core/vcpu/cpu.h"
#include "core/vcpu/vcpu.h"

#define DEFINE(name, value) __asm__ volatile("\n.ascii \"->" #name " %0 " #value "\"" ::"i"((uint64_t)(value)))

void offsets(void);
void offsets(void)
{
	DEFINE(VCPU_X, offsetof(struct vcpu, regs.x));
	DEFINE(VCPU_PC, offsetof(struct vcpu, regs.pc));
	DEFINE(VCPU_ESR, offsetof(struct vcpu, regs.esr));
	DEFINE(VCPU_HOST_SP, offsetof(struct vcpu, regs.host_sp));
	DEFINE(VCPU_CPU, offsetof(struct vcpu, cpu));
	DEFINE(VCPU_DIRTY, offsetof(struct vcpu, vgic.dirty));
	DEFINE(VCPU_APIA, offsetof(struct vcpu, regs.apia));
	DEFINE(CPU_ATTENTION, offsetof(struct cpu, attention));
	DEFINE(CPU_APIA, offsetof(struct cpu, apia));
	DEFINE(CPU_STACK_TOP, offsetof(struct cpu, stack_top));
	DEFINE(CPU_AREA_CPU, offsetof(struct cpu_area, cpu));
	DEFINE(CPU_AREA_SIZE, sizeof(struct cpu_area));
	DEFINE(BOOT_CPU_MAX, CPU_MAX);
	DEFINE(BOOT_LATE_STACK_SIZE, BOOT_LATE_STACK);
	DEFINE(CPU_CRASH, offsetof(struct cpu, crash));
	DEFINE(CRASH_SP, offsetof(struct crash_regs, sp));
	DEFINE(CRASH_ELR, offsetof(struct crash_regs, elr));
	DEFINE(CRASH_ESR, offsetof(struct crash_regs, esr));
	DEFINE(CPU_AREA_END, sizeof(struct cpu_area) - offsetof(struct cpu_area, cpu));
	DEFINE(EL1_SP_EL0, offsetof(struct el1_state, sp_el0));
	DEFINE(EL1_CSSELR, offsetof(struct el1_state, csselr_el1));
	DEFINE(EL1_MDSCR, offsetof(struct el1_state, mdscr_el1));
	DEFINE(EL1_CNTV_CTL, offsetof(struct el1_state, cntv_ctl));
	DEFINE(FP_FPSR, offsetof(struct fp_state, fpsr));
}
