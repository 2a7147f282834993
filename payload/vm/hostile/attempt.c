/* SPDX-License-Identifier: MIT */
#include "payload/lib/gic.h"
#include "payload/lib/timer.h"
#include "payload/vm/hostile/hostile.h"

#define STACK_SIZE 16384
#define CODE_BYTES 128

_Static_assert(offsetof(struct context, sp) == CONTEXT_SP, "hostile.S");
_Static_assert(offsetof(struct context, mmu.ttbr0) == CONTEXT_TTBR0, "hostile.S");
_Static_assert(offsetof(struct context, mmu.mair) == CONTEXT_MAIR, "hostile.S");
_Static_assert(offsetof(struct context, mmu.sctlr) == CONTEXT_MAIR + 8, "hostile.S");
_Static_assert(offsetof(struct context, cpu) == CONTEXT_CPU, "hostile.S");
_Static_assert(offsetof(struct context, stack) == CONTEXT_STACK, "hostile.S");
_Static_assert(sizeof(struct context) == CONTEXT_SIZE && CONTEXT_SIZE == 1 << CONTEXT_SHIFT, "hostile.S");

/* By the lowest affinity byte of MPIDR_EL1, which counts a VM's first 16 CPUs. */
extern struct context contexts[CPU_MAX];
struct context contexts[CPU_MAX];
static char stacks[CPU_MAX][STACK_SIZE] __attribute__((aligned(64)));
static uint32_t code[CPU_MAX][CODE_BYTES / 4] __attribute__((aligned(CODE_BYTES)));

_Static_assert(ATTEMPT_WORDS < CODE_BYTES / 4, "and the branch back");

uint64_t hostile_run(const uint64_t *x, const uint32_t *code);
void hostile_back(void);
extern const char hostile_vectors[];

void attempt_init(void)
{
	for (uint32_t i = 0; i < cpu_count; i++) {
		contexts[cpus[i].affinity & 0xff] = (struct context){
			.mmu = mmu_regs,
			.cpu = (uint64_t)&cpus[i],
			.stack = (uint64_t)stacks[i] + STACK_SIZE,
		};
	}
	cache_clean(contexts, sizeof(contexts));
	write_sysreg(vbar_el1, (uint64_t)hostile_vectors);
	isb();
}

void attempt_begin(struct attempt *attempt)
{
	for (uint32_t i = 0; i < ATTEMPT_REGS; i++) {
		attempt->x[i] = random_value();
	}
	attempt->count = 0;
}

void attempt_add(struct attempt *attempt, uint32_t word)
{
	attempt->words[attempt->count++] = word;
}

uint64_t attempt_run(const struct attempt *attempt)
{
	uint32_t *words = code[this_cpu()->index];
	uint32_t *end = words + attempt->count;

	for (uint32_t i = 0; i < attempt->count; i++) {
		words[i] = attempt->words[i];
	}
	*end = 0x14000000u | ((uint32_t)((uint64_t)hostile_back - (uint64_t)end) >> 2 & 0x3ffffff); /* B hostile_back */
	for (uint64_t line = (uint64_t)words; line <= (uint64_t)end; line += 16) {
		__asm__ volatile("dc cvau, %0\n\tdsb ish\n\tic ivau, %0" ::"r"(line) : "memory");
	}
	dsb_ish();
	isb();
	return hostile_run(attempt->x, words);
}

/* gic_init_cpu() waits and reports; here another CPU may be at the same registers. */
void calm(void)
{
	uint64_t rd = this_cpu()->gicr, sgi = rd + GICR_SGI_BASE;

	mmio_write32(rd + GICR_WAKER, 0);
	mmio_write32(gicd + GICD_CTLR, GICD_CTLR_ARE | GICD_CTLR_GRP1 | GICD_CTLR_GRP0);
	mmio_write32(sgi + GIC_ICENABLER, ~0u);
	mmio_write32(sgi + GIC_ICPENDR, ~0u);
	mmio_write32(sgi + GIC_ICACTIVER, ~0u);
	mmio_write32(sgi + GIC_IGROUPR, ~0u);
	mmio_write32(sgi + GIC_IGRPMODR, 0);
	for (uint32_t i = 0; i < 32; i += 4) {
		mmio_write32(sgi + GIC_IPRIORITYR + i, 0x80808080);
	}
	write_icc(ICC_SRE_EL1, 7);
	isb();
	write_icc(ICC_PMR_EL1, 0xff);
	write_icc(ICC_BPR1_EL1, 0);
	write_icc(ICC_CTLR_EL1, 0);
	write_icc(ICC_AP1R0_EL1, 0);
	write_icc(ICC_IGRPEN1_EL1, 1);
	isb();
}

void alarm_set(uint32_t us)
{
	timer_set_cval(TIMER_VIRTUAL, timer_now() + timer_ticks(us));
	timer_set_ctl(TIMER_VIRTUAL, TIMER_CTL_ENABLE);
	mmio_write32(this_cpu()->gicr + GICR_SGI_BASE + GIC_ISENABLER, BIT32(PPI_VTIMER));
}
