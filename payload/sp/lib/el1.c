/* SPDX-License-Identifier: MIT */
/* The machine as a partition at S-EL1 has it: an MMU of its own, vectors, virtual interrupts, a timer. */
#include "payload/lib/arch.h"
#include "payload/lib/exception.h"
#include "payload/lib/mmu.h"
#include "payload/sp/lib/sp.h"
#include "payload/sp/lib/stack.h"

#define SECURE_DRAM_BASE 0x0e000000ul
#define SECURE_DRAM_SIZE MIB(16)
#define NS_RAM_SIZE GIB(1)
#define CPACR_FPEN (UINT64_C(3) << 20)
#define VECTOR_FIQ 6
/* One interrupt after the other, but never without end. */
#define INTERRUPTS_AT_ONCE 64

_Static_assert(SP_STACKS == SP_CPUS_MAX, "start.S");

const struct ffa_boot_info_header *sp_boot_info;

static struct sp_cpu sp_cpus[SP_CPUS_MAX];

void sp_secondary(void);
noreturn void sp_boot(uint64_t index, const struct ffa_boot_info_header *boot_info);
noreturn void sp_boot_secondary(uint64_t index);
void exception_sync(struct frame *frame);
void exception_irq(struct frame *frame);
void exception_unexpected(const struct frame *frame, uint64_t vector);

struct sp_cpu *sp_this(void)
{
	return (struct sp_cpu *)read_sysreg(tpidr_el1);
}

uint64_t sp_hf(uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3)
{
	register uint64_t x0 __asm__("x0") = a0;
	register uint64_t x1 __asm__("x1") = a1;
	register uint64_t x2 __asm__("x2") = a2;
	register uint64_t x3 __asm__("x3") = a3;

	__asm__ volatile("hvc #0"
			 : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)::"memory", "x4", "x5", "x6", "x7", "x8", "x9", "x10",
			   "x11", "x12", "x13", "x14", "x15", "x16", "x17");
	return x0;
}

uint64_t sp_va(uint64_t address)
{
	return address;
}

void sp_mask_interrupts(bool masked)
{
	if (masked) {
		__asm__ volatile("msr daifset, #3" ::: "memory");
	} else {
		__asm__ volatile("msr daifclr, #3\n\tisb" ::: "memory");
	}
}

void sp_timer_set(uint64_t us)
{
	write_sysreg(cntp_tval_el0, sp_ticks(us));
	write_sysreg(cntp_ctl_el0, 1);
	isb();
}

void sp_timer_stop(void)
{
	write_sysreg(cntp_ctl_el0, 0);
	isb();
}

/* ---- exceptions ---- */

bool sp_touch(uint64_t address, bool write, uint64_t *value)
{
	struct sp_cpu *cpu = sp_this();

	cpu->faulted = false;
	cpu->expecting = true;
	dsb();
	if (write) {
		mmio_write64(address, *value);
	} else {
		*value = mmio_read64(address);
	}
	dsb();
	isb();
	cpu->expecting = false;
	return !*(volatile bool *)&cpu->faulted;
}

void exception_sync(struct frame *frame)
{
	struct sp_cpu *cpu = sp_this();

	cpu->esr = read_sysreg(esr_el1);
	cpu->far = read_sysreg(far_el1);
	if (!cpu->expecting) {
		sp_log("%s: ESR 0x%lx FAR 0x%lx ELR 0x%lx\n", sp_program.name, cpu->esr, cpu->far, frame->elr);
		sp_fault();
	}
	cpu->faulted = true;
	frame->elr += 4;
}

void exception_irq(struct frame *frame)
{
	(void)frame;
	for (unsigned i = 0; i < INTERRUPTS_AT_ONCE; i++) {
		uint32_t intid = (uint32_t)sp_hf(HF_INTERRUPT_GET, 0, 0, 0);

		if (intid == HF_INTERRUPT_NONE) {
			return;
		}
		sp_interrupt(intid);
		sp_hf(HF_INTERRUPT_DEACTIVATE, intid, intid, 0);
	}
}

void exception_unexpected(const struct frame *frame, uint64_t vector)
{
	if (vector == VECTOR_FIQ) {
		exception_irq(NULL);
		return;
	}
	sp_log("%s: vector %lu ELR 0x%lx\n", sp_program.name, vector, frame->elr);
	sp_fault();
}

/* No vectors, no stage 1, and no memory at the address: the instruction abort has nowhere to go. */
noreturn void sp_fault(void)
{
	write_sysreg(vbar_el1, 0);
	isb();
	for (;;) {
		__asm__ volatile("msr sctlr_el1, %0\n\tisb\n\tbr %1" ::"r"(UINT64_C(0x30d00800)), "r"(UINT64_C(0)));
	}
}

/* ---- boot ---- */

static void init_cpu(uint64_t index)
{
	struct sp_cpu *cpu = &sp_cpus[index % SP_CPUS_MAX];

	*cpu = (struct sp_cpu){ .index = (uint32_t)index };
	write_sysreg(tpidr_el1, (uint64_t)cpu);
	write_sysreg(vbar_el1, (uint64_t)exception_vectors);
	write_sysreg(cpacr_el1, CPACR_FPEN);
	isb();
	/* Managed exit and notifications are enabled by the manifest. */
	sp_hf(HF_INTERRUPT_ENABLE, FFA_INTID_VTIMER, true, 0);
	sp_hf(HF_INTERRUPT_ENABLE, FFA_INTID_IPI, true, 0);
}

/* Identity: Secure memory, where stage 2 has it, is executable; the normal world's is there as far as it was given. */
static void map_machine(void)
{
	mmu_begin();
	mmu_map(SECURE_DRAM_BASE, SECURE_DRAM_BASE, SECURE_DRAM_SIZE, MMU_NORMAL, true);
	mmu_map(RTC_BASE, RTC_BASE, PAGE_SIZE, MMU_DEVICE, false);
	mmu_map(RAM_BASE, RAM_BASE, NS_RAM_SIZE, MMU_NORMAL_NS, false);
	mmu_start();
	/* The others read it with their MMU off. */
	cache_clean(&mmu_regs, sizeof(mmu_regs));
}

noreturn void sp_boot(uint64_t index, const struct ffa_boot_info_header *boot_info)
{
	sp_boot_info = boot_info;
	map_machine();
	init_cpu(index);
	sp_init();
	/* A partition with one execution context has none to register. */
	FFA(FFA_SECONDARY_EP_REGISTER_64, (uint64_t)sp_secondary);
	sp_mask_interrupts(false);
	sp_loop();
}

noreturn void sp_boot_secondary(uint64_t index)
{
	init_cpu(index);
	sp_init_cpu();
	sp_mask_interrupts(false);
	sp_loop();
}
