/* SPDX-License-Identifier: MIT */
/* The machine as a partition at S-EL0 has it: calls by SVC, no virtual interrupts, one execution context. */
#include "payload/sp/lib/sp.h"

static struct sp_cpu the_cpu;

noreturn void sp_main(void);

struct sp_cpu *sp_this(void)
{
	return &the_cpu;
}

uint64_t sp_hf(uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3)
{
	struct ffa_regs r = FFA(a0, a1, a2, a3);

	return r.x[0];
}

/* A fault would be its end. */
bool sp_touch(uint64_t address, bool write, uint64_t *value)
{
	volatile uint64_t *word = (volatile uint64_t *)address;

	if (write) {
		*word = *value;
	} else {
		*value = *word;
	}
	return true;
}

uint64_t sp_va(uint64_t address)
{
	return address;
}

void sp_mask_interrupts(bool masked)
{
	(void)masked;
}

void sp_timer_set(uint64_t us)
{
	__asm__ volatile("msr cntp_tval_el0, %0\n\tmsr cntp_ctl_el0, %1\n\tisb" ::"r"(sp_ticks(us)), "r"(UINT64_C(1)));
}

void sp_timer_stop(void)
{
	__asm__ volatile("msr cntp_ctl_el0, xzr\n\tisb");
}

noreturn void sp_fault(void)
{
	for (;;) {
		__asm__ volatile("ldr wzr, [%0]" ::"r"(UINT64_C(8)));
	}
}

noreturn void sp_main(void)
{
	sp_init();
	sp_loop();
}
