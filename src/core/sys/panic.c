/* SPDX-License-Identifier: MIT */
/*
 * The report of our own bugs. It trusts nothing: no lock, no allocation, every pointer checked before it is followed.
 */
#include "lib/panic.h"

#include "arch/atomic.h"
#include "arch/gic_cpu.h"
#include "arch/vcpu_enter.h"
#include "arch/world.h"
#include "core/port/role.h"
#include "core/sys/console.h"
#include "core/sys/ksym.h"
#include "core/vcpu/vcpu.h"

#define FRAMES_MAX 24
#define PAC_MASK GENMASK(47, 0) /* EL2's addresses have 48 bits; a return address may carry a signature above */

void crash_report(const struct crash_regs *regs, unsigned kind);

static uint32_t panicking; /* atomic: 1 + index of the CPU that reports */

noreturn void panic_stop(void)
{
	for (;;) {
		arch_wait_for_interrupt();
	}
}

/* The first CPU reports and stops the others; any later one only stops. */
static struct fmt_sink *begin(struct cpu *self)
{
	uint32_t none = 0;

	if (self->crashing || !atomic_cas(&panicking, &none, self->index + 1)) {
		panic_stop();
	}
	self->crashing = true;
	for (unsigned i = 0; i < cpu_count; i++) {
		if (cpus[i] != NULL && cpus[i] != self && atomic_load(&cpus[i]->online) != 0) {
			gic_send_sgi(cpus[i]->sgi_target, world_sgi_stop);
		}
	}
	console_fresh_line();
	return console_seize();
}

static void print_address(struct fmt_sink *out, uint64_t address)
{
	uint64_t offset;
	const char *name = ksym_lookup(address, &offset);

	if (name != NULL) {
		fmt_print(out, "  %016llx  %s+0x%llx\n", (unsigned long long)address, name, (unsigned long long)offset);
	} else {
		fmt_print(out, "  %016llx\n", (unsigned long long)address);
	}
}

/* Frame records (AAPCS64 6.4.6) as long as they lie on this CPU's stack and go upwards. */
static void backtrace(struct fmt_sink *out, const struct cpu *self, uint64_t pc, uint64_t frame)
{
	uint64_t low = self->stack_top - CPU_STACK_SIZE;
	uint64_t high = self->stack_top + PAGE_SIZE; /* the emergency stack is above */

	fmt_print(out, "Backtrace:\n");
	print_address(out, pc);
	for (unsigned i = 0; i < FRAMES_MAX; i++) {
		const uint64_t *record = (const uint64_t *)(uintptr_t)frame;

		if (!IS_ALIGNED(frame, 8) || !range_in(frame, 16, low, high - low)) {
			return;
		}
		low = frame + 16;
		if ((record[1] & PAC_MASK) == 0) {
			return;
		}
		print_address(out, (record[1] & PAC_MASK) - 4);
		frame = record[0];
	}
}

static void print_guest(struct fmt_sink *out, const struct cpu *self)
{
	const struct vcpu *v = role_loaded(self);

	if (v == NULL) {
		fmt_print(out, "No vCPU was loaded.\n");
	} else {
		fmt_print(out, "vCPU: %s/%u at pc %016llx pstate %08llx, last exit esr %08llx\n", role_guest_name(v),
			  v->index, (unsigned long long)v->regs.pc, (unsigned long long)v->regs.pstate,
			  (unsigned long long)v->regs.esr);
	}
}

noreturn void panic(const char *fmt, ...)
{
	struct cpu *self = this_cpu();
	struct fmt_sink *out = begin(self);
	va_list args;

	fmt_print(out, "EL2 panic on CPU %u: ", self->index);
	va_start(args, fmt);
	fmt_vprint(out, fmt, args);
	va_end(args);
	fmt_print(out, "\n");
	print_guest(out, self);
	backtrace(out, self, ((uint64_t)(uintptr_t)__builtin_return_address(0) & PAC_MASK) - 4,
		  *(const uint64_t *)__builtin_frame_address(0));
	fmt_print(out, "EL2 stopped.\n");
	panic_stop();
}

/* vectors.S: EL2 itself took an exception. Runs on the emergency stack. */
void crash_report(const struct crash_regs *regs, unsigned kind)
{
	static const char *const kinds[] = { "synchronous exception", "IRQ", "FIQ", "SError" };
	struct cpu *self = this_cpu();
	struct fmt_sink *out = begin(self);

	fmt_print(out, "EL2 panic on CPU %u: %s from EL2%s\n", self->index, kinds[kind & 3],
		  kind < 4 ? " with SP_EL0" : "");
	fmt_print(out, "esr %08llx (EC 0x%02x)  far %016llx  elr %016llx  spsr %08llx\n", (unsigned long long)regs->esr,
		  (unsigned)(regs->esr >> 26 & 0x3f), (unsigned long long)regs->far, (unsigned long long)regs->elr,
		  (unsigned long long)regs->spsr);
	if (range_in(regs->far, 1, self->stack_top - CPU_STACK_SIZE - PAGE_SIZE, PAGE_SIZE)) {
		fmt_print(out, "The address is in the guard page: stack overflow.\n");
	}
	for (unsigned i = 0; i < 31; i++) {
		fmt_print(out, "x%-2u %016llx%s", i, (unsigned long long)regs->x[i], i % 4 == 3 ? "\n" : "  ");
	}
	fmt_print(out, "sp  %016llx\n", (unsigned long long)regs->sp);
	print_guest(out, self);
	backtrace(out, self, regs->elr, regs->x[29]);
	fmt_print(out, "EL2 stopped.\n");
	panic_stop();
}

/* What -fstack-protector calls. */
noreturn void __stack_chk_fail(void);
noreturn void __stack_chk_fail(void)
{
	panic("stack smashed");
}
