/* SPDX-License-Identifier: MIT */
/* The machine as a VM has it, for payload/sp/lib. */
#include "payload/lib/exception.h"
#include "payload/lib/gic.h"
#include "payload/lib/timer.h"
#include "payload/vm/ffa/ffa.h"

/* What a VM borrows is behind the 39 bits that our MMU translates, as far above this as it is physically from 0. */
#define BORROWED_BASE BIT(39)
#define BORROWED_SIZE GIB(4)
#define BORROWED_VA GIB(256)

const struct ffa_boot_info_header *sp_boot_info;

uint32_t npi_count;
void (*npi_answer)(void);

uint64_t machine_tick_us;

static struct sp_cpu sp_cpus[SP_CPUS_MAX];
static uint32_t npi; /* 0: there is none */

struct sp_cpu *sp_this(void)
{
	return &sp_cpus[this_cpu()->index];
}

uint64_t sp_hf(uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3)
{
	(void)a0;
	(void)a1;
	(void)a2;
	(void)a3;
	return (uint64_t)-1;
}

uint64_t sp_va(uint64_t address)
{
	return address >= BORROWED_BASE ? address - BORROWED_BASE + BORROWED_VA : address;
}

bool sp_touch(uint64_t address, bool write, uint64_t *value)
{
	struct sp_cpu *cpu = sp_this();
	struct fault fault;

	fault_expect();
	if (write) {
		mmio_write64(sp_va(address), *value);
	} else {
		*value = mmio_read64(sp_va(address));
	}
	fault = fault_taken();
	cpu->esr = fault.esr;
	cpu->far = fault.far;
	return !fault.taken;
}

void sp_mask_interrupts(bool masked)
{
	masked ? irq_off() : irq_on();
}

void sp_timer_set(uint64_t us)
{
	timer_set_cval(TIMER_VIRTUAL, timer_now() + timer_ticks(us));
	timer_set_ctl(TIMER_VIRTUAL, TIMER_CTL_ENABLE);
}

void sp_timer_stop(void)
{
	timer_set_ctl(TIMER_VIRTUAL, 0);
}

noreturn void sp_fault(void)
{
	report_fatal("FF-A does not work for this VM");
}

static void on_irq(void)
{
	uint32_t intid = gic_ack();

	if (intid >= 1020) {
		return;
	}
	if (intid == npi) {
		atomic_add(&npi_count, 1);
		sp_interrupt(FFA_INTID_NPI);
		if (npi_answer != NULL) {
			npi_answer();
		}
	} else if (intid == timer_intid(TIMER_VIRTUAL)) {
		sp_interrupt(FFA_INTID_VTIMER);
		if (machine_tick_us != 0) {
			sp_timer_set(machine_tick_us);
		}
	} else if (!watchdog_irq(intid)) {
		test_fail("unexpected interrupt %u", intid);
		gic_disable(this_cpu()->index, intid);
	}
	gic_eoi(intid);
}

void machine_start_cpu(void)
{
	uint32_t index = this_cpu()->index;

	sp_cpus[index] = (struct sp_cpu){ .index = index };
	timer_set_ctl(TIMER_VIRTUAL, 0);
	gic_enable(index, timer_intid(TIMER_VIRTUAL));
	if (machine_tick_us != 0) {
		sp_timer_set(machine_tick_us);
	}
	if (npi != 0) {
		gic_enable(index, npi);
	}
}

void machine_start(void)
{
	struct ffa_regs r;

	mmu_map(BORROWED_VA, BORROWED_BASE, BORROWED_SIZE, MMU_NORMAL, false);
	r = FFA(FFA_VERSION, FFA_VERSION_1_2);
	r = FFA(FFA_FEATURES, FFA_FEATURE_NPI);
	npi = ffa_is(&r, FFA_SUCCESS) ? (uint32_t)r.x[2] : 0;
	irq_set_handler(on_irq);
	machine_start_cpu();
}
