/* SPDX-License-Identifier: MIT */
/*
 * Every form of load and store on a device register. Most of them leave a hypervisor without a syndrome. Each
 * must do what the instruction says or give the guest an abort, and leave the registers beside it alone.
 */
#include "payload/vm/mmio/forms.h"

#include "payload/lib/exception.h"
#include "payload/lib/report.h"
#include "payload/lib/timer.h"

#define MR (RTC_BASE + PL031_MR)
#define VALUE UINT32_C(0xf0e1d280)
#define OTHER UINT32_C(0xa5b6c7d8)
/* In the middle of nothing. */
#define NOWHERE UINT64_C(0x0b800000)

/* A fault of these forms is a data abort at the address, nothing else. */
static bool check_abort(struct fault fault, uint64_t address, uint64_t size)
{
	if (fault.taken && (ESR_EC(fault.esr) != EC_DABT_CUR || fault.far < address || fault.far >= address + size)) {
		test_fail("ESR 0x%lx FAR 0x%lx for 0x%lx", fault.esr, fault.far, address);
	}
	return fault.taken;
}

/* A load into x0: right, or an abort that leaves x0 as it was. */
#define LOAD(instruction, want)                                                                                   \
	do {                                                                                                      \
		uint64_t value_ = 0x5a5a5a5a5a5a5a5a;                                                             \
		struct fault fault_ = FAULT_OF(                                                                   \
			"mov x0, %0\n\t" instruction "\n\tmov %0, x0" : "+r"(value_) : "r"(MR) : "x0", "memory"); \
		uint64_t want_ = check_abort(fault_, MR, 8) ? 0x5a5a5a5a5a5a5a5a : (uint64_t)(want);              \
		if (value_ != want_) {                                                                            \
			test_fail("%s gives 0x%lx, want 0x%lx", instruction, value_, want_);                      \
		}                                                                                                 \
	} while (0)

/* A load through a base register that it changes: by 'step', or not at all when it aborts. */
#define LOAD_WRITEBACK(instruction, start, step, want)                                                \
	do {                                                                                          \
		uint64_t value_ = 0;                                                                  \
		uint64_t base_ = (start);                                                             \
		struct fault fault_ = FAULT_OF(instruction : "+r"(value_), "+r"(base_)::"memory");    \
		if (!check_abort(fault_, MR, 4) && (value_ != (want) || base_ != (start) + (step))) { \
			test_fail("%s gives 0x%lx, base 0x%lx", instruction, value_, base_);          \
		}                                                                                     \
		if (fault_.taken && base_ != (start)) {                                               \
			test_fail("%s aborts and changes its base", instruction);                     \
		}                                                                                     \
	} while (0)

/* A store of x0 = OTHER: MR takes the low 'bits', or the guest has an abort and MR its old value. */
#define STORE(instruction, bits)                                                                              \
	do {                                                                                                  \
		uint64_t base_ = MR;                                                                          \
		struct fault fault_;                                                                          \
		mmio_write32(MR, VALUE);                                                                      \
		fault_ = FAULT_OF("mov w0, %w1\n\t" instruction : "+r"(base_) : "r"(OTHER) : "x0", "memory"); \
		check_store(instruction, fault_, bits, OTHER);                                                \
	} while (0)

static void check_store(const char *instruction, struct fault fault, uint32_t bits, uint32_t stored)
{
	uint32_t mask = bits == 32 ? ~0u : BIT32(bits) - 1;
	uint32_t got = mmio_read32(MR);
	uint32_t want = check_abort(fault, MR, 8) ? VALUE : stored;

	if (((got ^ want) & mask) != 0) {
		test_fail("%s leaves 0x%x", instruction, got);
	}
}

void loads_plain(void)
{
	mmio_write32(MR, VALUE);
	LOAD("ldrb w0, [%1]", VALUE & 0xff);
	LOAD("ldrh w0, [%1]", VALUE & 0xffff);
	LOAD("ldr w0, [%1]", VALUE);
	LOAD("ldur w0, [%1]", VALUE);
	LOAD("ldr w0, [%1, xzr]", VALUE);
	LOAD("ldr wzr, [%1]\n\tmov w0, #7", 7);
	LOAD("ldrb wzr, [%1]\n\tmov w0, #7", 7);
	LOAD("prfm pldl1keep, [%1]", 0x5a5a5a5a5a5a5a5a);
}

void loads_sign_extended(void)
{
	mmio_write32(MR, VALUE);
	LOAD("ldrsb w0, [%1]", (uint32_t)(int8_t)(VALUE & 0xff));
	LOAD("ldrsb x0, [%1]", (int64_t)(int8_t)(VALUE & 0xff));
	LOAD("ldrsh w0, [%1]", (uint32_t)(int16_t)(VALUE & 0xffff));
	LOAD("ldrsh x0, [%1]", (int64_t)(int16_t)(VALUE & 0xffff));
	LOAD("ldrsw x0, [%1]", (int64_t)(int32_t)VALUE);
	LOAD("ldursw x0, [%1]", (int64_t)(int32_t)VALUE);
}

void loads_writeback(void)
{
	mmio_write32(MR, VALUE);
	LOAD_WRITEBACK("ldr %w0, [%1], #8", MR, 8, VALUE);
	LOAD_WRITEBACK("ldr %w0, [%1], #-16", MR, -16ul, VALUE);
	LOAD_WRITEBACK("ldr %w0, [%1, #4]!", MR - 4, 4, VALUE);
	LOAD_WRITEBACK("ldr %w0, [%1, #-8]!", MR + 8, -8ul, VALUE);
	LOAD_WRITEBACK("ldrh %w0, [%1], #2", MR, 2, VALUE & 0xffff);
	LOAD_WRITEBACK("ldrb %w0, [%1, #1]!", MR - 1, 1, VALUE & 0xff);
	LOAD_WRITEBACK("ldrsw %0, [%1], #4", MR, 4, (uint64_t)(int64_t)(int32_t)VALUE);
}

void stores_plain(void)
{
	STORE("strb w0, [%0]", 8);
	STORE("strh w0, [%0]", 16);
	STORE("str w0, [%0]", 32);
	STORE("stur w0, [%0]", 32);
	STORE("str w0, [%0, xzr]", 32);
	mmio_write32(MR, VALUE);
	check_store("str wzr", FAULT_OF("str wzr, [%0]" ::"r"(MR) : "memory"), 32, 0);
}

void stores_writeback(void)
{
	uint64_t base = MR;
	struct fault fault;

	STORE("str w0, [%0], #4", 32);
	STORE("strh w0, [%0], #2", 16);
	mmio_write32(MR, VALUE);
	fault = FAULT_OF("str %w1, [%0], #12" : "+r"(base) : "r"(OTHER) : "memory");
	CHECK_EQ(base, fault.taken ? MR : MR + 12);
	base = MR - 16;
	fault = FAULT_OF("str %w1, [%0, #16]!" : "+r"(base) : "r"(OTHER) : "memory");
	CHECK_EQ(base, fault.taken ? MR - 16 : MR);
	check_store("str pre-index", fault, 32, OTHER);
}

void pairs(void)
{
	struct fault fault;
	uint64_t first = 1;
	uint64_t second = 2;
	uint32_t load;

	mmio_write32(MR, VALUE);
	load = mmio_read32(RTC_BASE + PL031_LR);
	fault = FAULT_OF("ldp %w0, %w1, [%2]" : "+&r"(first), "+&r"(second) : "r"(MR) : "memory");
	if (!check_abort(fault, MR, 8)) {
		CHECK_EQ(first, VALUE);
		CHECK_EQ(second, load);
	}
	fault = FAULT_OF("ldnp %w0, %w1, [%2]" : "+&r"(first), "+&r"(second) : "r"(MR) : "memory");
	check_abort(fault, MR, 8);
	fault = FAULT_OF("ldp %0, %1, [%2]" : "+&r"(first), "+&r"(second) : "r"(RTC_BASE) : "memory");
	check_abort(fault, RTC_BASE, 16);
	/* MR and the time itself, which is put back right after. */
	load = mmio_read32(RTC_BASE + PL031_DR);
	fault = FAULT_OF("stp %w0, %w1, [%2]" ::"r"(OTHER), "r"(load), "r"(MR) : "memory");
	check_store("stp", fault, 32, OTHER);
}

void exclusives(void)
{
	uint64_t value = 0;
	uint32_t failed = 1;
	struct fault fault;

	mmio_write32(MR, VALUE);
	fault_expect();
	__asm__ volatile("ldxr %w0, [%1]" : "+r"(value) : "r"(MR) : "memory");
	fault = fault_taken();
	if (!fault.taken) {
		CHECK_EQ(value, VALUE);
	}
	fault_expect();
	__asm__ volatile("ldxr %w0, [%2]\n\tstxr %w1, %w3, [%2]"
			 : "=&r"(value), "+&r"(failed)
			 : "r"(MR), "r"(OTHER)
			 : "memory");
	fault = fault_taken();
	if (!fault.taken) {
		CHECK_EQ(mmio_read32(MR), failed != 0 ? VALUE : OTHER);
	}
	__asm__ volatile("clrex");
	FAULT_OF("ldaxr %w0, [%1]" : "=r"(value) : "r"(MR) : "memory");
	FAULT_OF("ldxp %w0, wzr, [%1]" : "=r"(value) : "r"(RTC_BASE) : "memory");
	__asm__ volatile("clrex");
}

void ordered(void)
{
	mmio_write32(MR, VALUE);
	LOAD("ldar w0, [%1]", VALUE);
	LOAD("ldarb w0, [%1]", VALUE & 0xff);
	STORE("stlr w0, [%0]", 32);
	if (BITS(read_sysreg(id_aa64isar1_el1), 23, 20) != 0) {
		mmio_write32(MR, VALUE);
		LOAD(".arch_extension rcpc\n\tldapr w0, [%1]", VALUE);
	}
}

/* An implementation may refuse atomics on Device memory by its own kind of fault. */
#define ATOMIC(instruction, result)                                                                \
	do {                                                                                       \
		uint64_t value_ = 0x11;                                                            \
		struct fault fault_;                                                               \
		uint32_t got_;                                                                     \
		mmio_write32(MR, VALUE);                                                           \
		fault_ = FAULT_OF(".arch_extension lse\n\t" instruction : "+&r"(value_) : "r"(MR), \
				  "r"(OTHER) : "memory");                                          \
		got_ = mmio_read32(MR);                                                            \
		if (got_ != (fault_.taken ? VALUE : (uint32_t)(result))) {                         \
			test_fail("%s leaves 0x%x", instruction, got_);                            \
		}                                                                                  \
	} while (0)

void lse_atomics(void)
{
	if (BITS(read_sysreg(id_aa64isar0_el1), 23, 20) < 2) {
		test_skip("no FEAT_LSE");
		return;
	}
	ATOMIC("ldadd %w2, %w0, [%1]", VALUE + OTHER);
	ATOMIC("ldset %w2, %w0, [%1]", VALUE | OTHER);
	ATOMIC("ldclr %w2, %w0, [%1]", VALUE & ~OTHER);
	ATOMIC("stadd %w2, [%1]", VALUE + OTHER);
	ATOMIC("swp %w2, %w0, [%1]", OTHER);
	ATOMIC("cas %w0, %w2, [%1]", VALUE);
	ATOMIC("mov %w0, #0x11\n\tldaddal %w2, wzr, [%1]", VALUE + OTHER);
}

#define FP ".arch_extension fp\n\t.arch_extension simd\n\t"

void simd(void)
{
	uint64_t low = 0;
	struct fault fault;

	mmio_write32(MR, VALUE);
	fault = FAULT_OF(FP "movi v0.2d, #0\n\tldr s0, [%1]\n\tfmov %w0, s0" : "=r"(low) : "r"(MR) : "memory");
	CHECK_EQ(low, check_abort(fault, MR, 4) ? 0 : VALUE);
	check_abort(FAULT_OF(FP "ldr d0, [%0]" ::"r"(RTC_BASE) : "memory"), RTC_BASE, 16);
	check_abort(FAULT_OF(FP "ldr q0, [%0]" ::"r"(RTC_BASE) : "memory"), RTC_BASE, 16);
	check_abort(FAULT_OF(FP "ldp q0, q1, [%0]" ::"r"(RTC_BASE + 0x20) : "memory"), RTC_BASE + 0x20, 32);
	check_abort(FAULT_OF(FP "ld1 {v0.16b}, [%0]" ::"r"(RTC_BASE) : "memory"), RTC_BASE, 16);
	check_abort(FAULT_OF(FP "ld1r {v0.4s}, [%0]" ::"r"(MR) : "memory"), MR, 4);
	fault = FAULT_OF(FP "fmov s0, %w0\n\tstr s0, [%1]" ::"r"(OTHER), "r"(MR) : "memory");
	check_store("str s0", fault, 32, OTHER);
	check_abort(FAULT_OF(FP "str q0, [%0]" ::"r"(RTC_BASE + 0xfd0) : "memory"), RTC_BASE + 0xfd0, 16);
}

/* LDTR and STTR are checked as EL0 accesses: the map has none for EL0, so they fault before any device sees them. */
void unprivileged(void)
{
	uint64_t value;

	CHECK(FAULT_OF("ldtr %w0, [%1]" : "=r"(value) : "r"(MR) : "memory").taken);
	CHECK(FAULT_OF("sttr %w0, [%1]" ::"r"(OTHER), "r"(MR) : "memory").taken);
}

/* By address on a device: done, ignored or refused. */
void cache_operations(void)
{
	static const uint64_t addresses[] = { MR, NOWHERE };
	uint32_t time = mmio_read32(RTC_BASE + PL031_DR);

	for (uint32_t i = 0; i < ARRAY_SIZE(addresses); i++) {
		uint64_t at = addresses[i];

		FAULT_OF("dc cvac, %0" ::"r"(at) : "memory");
		FAULT_OF("dc cvau, %0" ::"r"(at) : "memory");
		FAULT_OF("dc civac, %0" ::"r"(at) : "memory");
		FAULT_OF("dc ivac, %0" ::"r"(at) : "memory");
		FAULT_OF("dc zva, %0" ::"r"(at) : "memory");
		FAULT_OF("ic ivau, %0" ::"r"(at) : "memory");
		FAULT_OF("at s1e1r, %0" ::"r"(at) : "memory");
		isb();
		CHECK_EQ(read_sysreg(par_el1) & 1, 0);
		CHECK_EQ(BITS(read_sysreg(par_el1), 39, 12), at >> 12);
	}
	mmio_write32(RTC_BASE + PL031_LR, time); /* DC ZVA may have zeroed it */
	mmio_write32(MR, VALUE);
	CHECK_EQ(mmio_read32(MR), VALUE);
}

/* An alignment fault by the architecture; not every implementation checks, and then the device may refuse. */
static void check_unaligned(struct fault fault)
{
	if (check_abort(fault, MR + 1, 4)) {
		CHECK(ESR_FSC(fault.esr) == FSC_ALIGNMENT || ESR_FSC(fault.esr) == FSC_EXTERNAL);
	}
}

void unaligned(void)
{
	uint64_t value;

	check_unaligned(FAULT_OF("ldr %w0, [%1]" : "=r"(value) : "r"(MR + 1) : "memory"));
	check_unaligned(FAULT_OF("ldrh %w0, [%1]" : "=r"(value) : "r"(MR + 1) : "memory"));
	check_unaligned(FAULT_OF("strh %w0, [%1]" ::"r"(0), "r"(MR + 1) : "memory"));
	mmio_write32(MR, VALUE);
	CHECK_EQ(mmio_read32(MR), VALUE);
}

/* Nothing answers: a synchronous external abort, with WnR telling loads from stores. */
#define NOBODY(instruction, write)                                                                                    \
	do {                                                                                                          \
		uint64_t value_ = 0;                                                                                  \
		uint64_t at_ = NOWHERE;                                                                               \
		struct fault fault_ = FAULT_OF(instruction : "+&r"(value_), "+&r"(at_)::"memory");                    \
		if (!fault_.taken || ESR_EC(fault_.esr) != EC_DABT_CUR || ESR_FSC(fault_.esr) != FSC_EXTERNAL ||      \
		    fault_.far < NOWHERE || fault_.far >= NOWHERE + 32 || ((fault_.esr & ESR_WNR) != 0) != (write)) { \
			test_fail("%s: ESR 0x%lx FAR 0x%lx", instruction, fault_.esr, fault_.far);                    \
		}                                                                                                     \
		if (at_ != NOWHERE) {                                                                                 \
			test_fail("%s aborts and changes its base", instruction);                                     \
		}                                                                                                     \
	} while (0)

void unmapped_forms(void)
{
	NOBODY("ldrb %w0, [%1]", false);
	NOBODY("ldrh %w0, [%1]", false);
	NOBODY("ldr %w0, [%1]", false);
	NOBODY("ldr %0, [%1]", false);
	NOBODY("ldrsw %0, [%1]", false);
	NOBODY("ldr %w0, [%1], #4", false);
	NOBODY("ldr %w0, [%1, #4]!", false);
	NOBODY("ldp %w0, wzr, [%1]", false);
	NOBODY("ldp %0, xzr, [%1], #16", false);
	NOBODY("ldar %w0, [%1]", false);
	NOBODY("ldxr %w0, [%1]", false);
	NOBODY(FP "ldr q0, [%1]", false);
	NOBODY("strb %w0, [%1]", true);
	NOBODY("strh %w0, [%1]", true);
	NOBODY("str %w0, [%1]", true);
	NOBODY("str xzr, [%1]", true);
	NOBODY("str %w0, [%1], #4", true);
	NOBODY("str %0, [%1, #8]!", true);
	NOBODY("stp %0, xzr, [%1]", true);
	NOBODY("stp %w0, wzr, [%1, #8]!", true);
	NOBODY("stlr %w0, [%1]", true);
	NOBODY(FP "str q0, [%1]", true);
	NOBODY(FP "stp q0, q1, [%1]", true);
}
