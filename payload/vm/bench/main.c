/* SPDX-License-Identifier: MIT */
/*
 * Measures what the operations cost that a guest does most, in ticks of CNTVCT_EL0: under QEMU's
 * `-icount shift=0,sleep=off` and a 1 GHz counter one tick is one instruction. Each is done 1000 times; the median is
 * printed, less the cost of measuring nothing: `bench <operation> <ticks>`, or `bench-skip <operation> <why>`.
 *
 * Wants: 2 CPUs.
 */
#include "payload/lib/boot.h"
#include "payload/lib/exception.h"
#include "payload/lib/gic.h"
#include "payload/lib/psci.h"
#include "payload/lib/report.h"
#include "payload/lib/timer.h"
#include "payload/vm/bench/bench.h"

#define ROUNDS 1000
#define WARMUP 10

#define PL011_FR 0x018
#define SGI_SELF 1
#define SGI_PING 2
#define SGI_PONG 3

static uint64_t samples[ROUNDS];
static uint64_t arrivals[ROUNDS];
static struct bench_ping ping;

/* One sample: the instruction between two readings of the counter. */
#define TICKS_OF(instruction, ...)                                                                    \
	({                                                                                            \
		uint64_t from_;                                                                       \
		uint64_t to_;                                                                         \
		__asm__ volatile("isb\n\tmrs %0, cntvct_el0\n\t" instruction "\n\tmrs %1, cntvct_el0" \
				 : "=&r"(from_), "=&r"(to_)                                           \
				 : __VA_ARGS__);                                                      \
		to_ - from_;                                                                          \
	})

static uint64_t median(uint64_t *values, uint32_t count)
{
	for (uint32_t gap = count / 2; gap > 0; gap /= 2) {
		for (uint32_t i = gap; i < count; i++) {
			uint64_t value = values[i];
			uint32_t at = i;

			for (; at >= gap && values[at - gap] > value; at -= gap) {
				values[at] = values[at - gap];
			}
			values[at] = value;
		}
	}
	return values[count / 2];
}

static uint64_t nothing(void)
{
	return TICKS_OF("", "r"(0) : "memory");
}

static uint64_t hvc_psci_version(void)
{
	register uint64_t x0 __asm__("x0") = PSCI_VERSION;

	return TICKS_OF("hvc #0", "r"(x0) : "memory", "x1", "x2", "x3");
}

static uint64_t smc_psci_version(void)
{
	register uint64_t x0 __asm__("x0") = PSCI_VERSION;

	return TICKS_OF("smc #0", "r"(x0) : "memory", "x1", "x2", "x3");
}

static uint64_t gicd_typer_read(void)
{
	return TICKS_OF("ldr w9, [%2]", "r"(gicd + GICD_TYPER) : "memory", "x9");
}

/* INTID 63 and SGI 15 have no source here. */
static uint64_t gicd_isenabler1_write(void)
{
	return TICKS_OF("str %w3, [%2]", "r"(gicd + GIC_ISENABLER + 4), "r"(BIT32(31)) : "memory");
}

static uint64_t gicr_isenabler0_write(void)
{
	return TICKS_OF("str %w3, [%2]", "r"(gic_base(0, 0) + GIC_ISENABLER), "r"(BIT32(15)) : "memory");
}

static uint64_t pl011_fr_read(void)
{
	return TICKS_OF("ldr w9, [%2]", "r"(UART_BASE + PL011_FR) : "memory", "x9");
}

static uint64_t self_sgi(void)
{
	return bench_self_sgi(gic_sgi_value(0, SGI_SELF));
}

static uint64_t vtimer(void)
{
	return bench_timer_spin(timer_now() + timer_ticks(10));
}

static uint64_t wfi_wakeup(void)
{
	return bench_timer_wfi(timer_now() + timer_ticks(200));
}

/*
 * The assembly functions do not tell the compiler that the handler uses x9-x12: they are calls, so it need not
 * know.
 */
static uint64_t measure(uint64_t (*operation)(void))
{
	for (uint32_t i = 0; i < WARMUP; i++) {
		operation();
	}
	for (uint32_t i = 0; i < ROUNDS; i++) {
		samples[i] = operation();
	}
	return median(samples, ROUNDS);
}

static void use_vectors(const char *vectors)
{
	write_sysreg(vbar_el1, (uint64_t)vectors);
	isb();
}

static void answer(uint64_t count)
{
	irq_off();
	use_vectors(bench_vectors);
	bench_pong(gic_sgi_value(0, SGI_PONG), count, &ping);
	use_vectors(exception_vectors);
	irq_on();
}

/* Both CPUs in WFI: CPU 0 calls and falls asleep, CPU 1 wakes, answers and falls asleep, CPU 0 wakes. */
static void ipi(uint64_t empty)
{
	if (cpu_count < 2 || !cpu_start(1)) {
		print("bench-skip ipi_oneway one CPU\nbench-skip ipi_roundtrip one CPU\n");
		return;
	}
	gic_enable(0, SGI_PONG);
	gic_enable(1, SGI_PING);
	cpu_post(1, answer, ROUNDS + WARMUP);
	irq_off();
	use_vectors(bench_vectors);
	for (uint32_t i = 0; i < ROUNDS + WARMUP; i++) {
		uint32_t at = i < WARMUP ? 0 : i - WARMUP;
		uint64_t sent;

		delay_us(20); /* CPU 1 is back in its WFI */
		samples[at] = bench_ping(gic_sgi_value(1, SGI_PING), &sent);
		arrivals[at] = atomic_load(&ping.arrived) - sent;
	}
	use_vectors(exception_vectors);
	irq_on();
	cpu_wait(1, 10000);
	print("bench ipi_oneway %lu\n", median(arrivals, ROUNDS) - empty);
	print("bench ipi_roundtrip %lu\n", median(samples, ROUNDS) - empty);
}

static const struct {
	const char *name;
	uint64_t (*run)(void);
} operations[] = {
	{ "hvc_psci_version", hvc_psci_version },
	{ "smc_psci_version", smc_psci_version },
	{ "gicd_typer_read", gicd_typer_read },
	{ "gicd_isenabler1_write", gicd_isenabler1_write },
	{ "gicr_isenabler0_write", gicr_isenabler0_write },
	{ "pl011_fr_read", pl011_fr_read },
	{ "self_sgi", self_sgi },
};

/* From CVAL to the handler: only one reading of the counter, so nothing to subtract. */
static void timer(void)
{
	gic_enable(0, PPI_VTIMER);
	irq_off();
	use_vectors(bench_vectors);
	irq_on();
	print("bench vtimer %lu\n", measure(vtimer));
	print("bench wfi_wakeup %lu\n", measure(wfi_wakeup));
	irq_off();
	use_vectors(exception_vectors);
	irq_on();
	gic_disable(0, PPI_VTIMER);
}

void payload_main(void)
{
	uint64_t empty = measure(nothing);
	bool has_smc = smccc_has(CONDUIT_SMC);

	print("# counter at %lu Hz, empty loop %lu\n", read_sysreg(cntfrq_el0), empty);
	gic_enable(0, SGI_SELF);
	for (uint32_t i = 0; i < ARRAY_SIZE(operations); i++) {
		if (operations[i].run == smc_psci_version && !has_smc) {
			print("bench-skip smc_psci_version SMC is UNDEFINED here\n");
			continue;
		}
		use_vectors(bench_vectors);
		samples[0] = measure(operations[i].run);
		use_vectors(exception_vectors);
		print("bench %s %lu\n", operations[i].name, samples[0] - empty);
	}
	timer();
	ipi(empty);
	print("bench first_instruction_raw %lu\n", boot_first_count);
}
