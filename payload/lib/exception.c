/* SPDX-License-Identifier: MIT */
#include "payload/lib/exception.h"

#include "payload/lib/gic.h"
#include "payload/lib/report.h"
#include "payload/lib/timer.h"

extern const char _head[], _image_end[];

static void (*irq_handler)(void);

void exception_sync(struct frame *frame);
void exception_irq(struct frame *frame);
noreturn void exception_unexpected(const struct frame *frame, uint64_t vector);

void exception_init_cpu(void)
{
	write_sysreg(vbar_el1, (uint64_t)exception_vectors);
	isb();
}

void fault_expect(void)
{
	struct cpu *cpu = this_cpu();

	dsb();
	cpu->fault = (struct fault){ 0 };
	cpu->expecting = true;
	__asm__ volatile("" ::: "memory");
}

struct fault fault_taken(void)
{
	struct cpu *cpu = this_cpu();

	dsb();
	isb();
	cpu->expecting = false;
	return cpu->fault;
}

static bool is_ours(uint64_t pc)
{
	return (pc & 3) == 0 && pc >= (uint64_t)_head && pc < (uint64_t)_image_end;
}

void exception_sync(struct frame *frame)
{
	struct cpu *cpu = this_cpu();
	uint64_t esr = read_sysreg(esr_el1);
	uint64_t ec = ESR_EC(esr);

	if (!cpu->expecting) {
		report_fatal("exception on CPU %u: ESR 0x%lx FAR 0x%lx ELR 0x%lx x30 0x%lx", cpu->index, esr,
			     read_sysreg(far_el1), frame->elr, frame->x[30]);
	}
	if (!cpu->fault.taken) {
		cpu->fault = (struct fault){ true, esr, read_sysreg(far_el1), frame->elr };
	}
	if (ec == EC_SVC64) {
		return; /* ELR is behind it already */
	}
	frame->elr = is_ours(frame->elr) && ec != EC_IABT_CUR ? frame->elr + 4 : frame->x[30];
}

noreturn void exception_unexpected(const struct frame *frame, uint64_t vector)
{
	report_fatal("vector %lu: ESR 0x%lx FAR 0x%lx ELR 0x%lx", vector, read_sysreg(esr_el1), read_sysreg(far_el1),
		     frame->elr);
}

void irq_set_handler(void (*handler)(void))
{
	atomic_store(&irq_handler, handler);
}

void irq_default(void)
{
	uint32_t intid = gic_ack();

	if (intid >= 1020) {
		return;
	}
	if (!watchdog_irq(intid)) {
		test_fail("unexpected interrupt %u", intid);
		gic_disable(this_cpu()->index, intid);
	}
	gic_eoi(intid);
}

void exception_irq(struct frame *frame)
{
	void (*handler)(void) = atomic_load(&irq_handler);

	(void)frame;
	(handler != NULL ? handler : irq_default)();
}
