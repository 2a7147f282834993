/* SPDX-License-Identifier: MIT */
/* System registers by number: what the ID registers show must work, what they deny must be UNDEFINED. */
#include "payload/lib/cpu.h"
#include "payload/vm/wild/tests.h"

#define CPACR_FPEN (UINT64_C(3) << 20)
#define CPACR_ZEN (UINT64_C(3) << 16)
#define CPACR_SMEN (UINT64_C(3) << 24)

/* An instruction made at run time, and its return. */
static uint32_t code[2] __attribute__((aligned(64)));

static uint32_t access_word(struct encoding e, bool read)
{
	return 0xd5100000u | (uint32_t)read << 21 | (e.op0 - 2u) << 19 | (uint32_t)e.op1 << 16 | (uint32_t)e.crn << 12 |
	       (uint32_t)e.crm << 8 | (uint32_t)e.op2 << 5;
}

static struct fault run(uint32_t instruction, uint64_t *x0)
{
	register uint64_t value __asm__("x0");
	struct fault fault;

	code[0] = instruction;
	code[1] = 0xd65f03c0; /* ret */
	__asm__ volatile("dc cvau, %0\n\tdsb ish\n\tic ivau, %0\n\tdsb ish\n\tisb" ::"r"(code) : "memory");
	fault_expect();
	value = *x0; /* behind all calls: they may change x0 */
	__asm__ volatile("blr %1" : "+r"(value) : "r"(code) : "x30", "memory");
	*x0 = value;
	fault = fault_taken();
	return fault;
}

struct fault sysreg_read(struct encoding encoding, uint64_t *value)
{
	*value = 0;
	return run(access_word(encoding, true), value);
}

struct fault sysreg_write(struct encoding encoding, uint64_t value)
{
	return run(access_word(encoding, false), &value);
}

void cpacr_open(void)
{
	write_sysreg(cpacr_el1, CPACR_FPEN | CPACR_ZEN | CPACR_SMEN);
	isb();
}

void cpacr_usual(void)
{
	write_sysreg(cpacr_el1, CPACR_FPEN);
	isb();
}

/* The whole ID space can be read, allocated or not. */
void id_registers(void)
{
	for (uint8_t crm = 1; crm < 8; crm++) {
		for (uint8_t op2 = 0; op2 < 8; op2++) {
			uint64_t value;

			if (sysreg_read((struct encoding){ 3, 0, 0, crm, op2 }, &value).taken) {
				test_fail("S3_0_C0_C%u_%u is UNDEFINED", crm, op2);
			}
			if (sysreg_write((struct encoding){ 3, 0, 0, crm, op2 }, 0).taken == false) {
				test_fail("S3_0_C0_C%u_%u can be written", crm, op2);
			}
		}
	}
}

#define PFR0 { 3, 0, 0, 4, 0 }
#define PFR1 { 3, 0, 0, 4, 1 }
#define PFR2 { 3, 0, 0, 4, 2 }
#define DFR0 { 3, 0, 0, 5, 0 }
#define ISAR0 { 3, 0, 0, 6, 0 }
#define ISAR1 { 3, 0, 0, 6, 1 }
#define MMFR0 { 3, 0, 0, 7, 0 }
#define MMFR1 { 3, 0, 0, 7, 1 }
#define MMFR2 { 3, 0, 0, 7, 2 }
#define MMFR3 { 3, 0, 0, 7, 3 }

/*
 * Registers that exist exactly if a field of an ID register is at least 'least' (and not 15, where that means none).
 * DISR_EL1 is not among them: EL2 cannot trap it, so hiding FEAT_RAS does not hide it.
 */
static const struct feature {
	const char *name;
	struct encoding id;
	uint8_t shift;
	uint8_t least;
	struct encoding reg;
} features[] = {
	{ "PMCR_EL0", DFR0, 8, 1, { 3, 3, 9, 12, 0 } },
	{ "PMCCNTR_EL0", DFR0, 8, 1, { 3, 3, 9, 13, 0 } },
	{ "PMINTENSET_EL1", DFR0, 8, 1, { 3, 0, 9, 14, 1 } },
	{ "PMSCR_EL1", DFR0, 32, 1, { 3, 0, 9, 9, 0 } },
	{ "PMSIDR_EL1", DFR0, 32, 1, { 3, 0, 9, 9, 7 } },
	{ "TRBLIMITR_EL1", DFR0, 44, 1, { 3, 0, 9, 11, 0 } },
	{ "TRCIDR1", DFR0, 4, 1, { 2, 1, 0, 9, 7 } },
	{ "TRFCR_EL1", DFR0, 40, 1, { 3, 0, 1, 2, 1 } },
	{ "BRBCR_EL1", DFR0, 52, 1, { 2, 1, 9, 0, 0 } },
	{ "ZCR_EL1", PFR0, 32, 1, { 3, 0, 1, 2, 0 } },
	{ "SMCR_EL1", PFR1, 24, 1, { 3, 0, 1, 2, 6 } },
	{ "SVCR", PFR1, 24, 1, { 3, 3, 4, 2, 2 } },
	{ "TPIDR2_EL0", PFR1, 24, 1, { 3, 3, 13, 0, 5 } },
	{ "GCR_EL1", PFR1, 8, 2, { 3, 0, 1, 0, 6 } },
	{ "TFSR_EL1", PFR1, 8, 2, { 3, 0, 5, 6, 0 } },
	{ "AMCR_EL0", PFR0, 44, 1, { 3, 3, 13, 2, 0 } },
	{ "ERRIDR_EL1", PFR0, 28, 1, { 3, 0, 5, 3, 0 } },
	{ "LORID_EL1", MMFR1, 16, 1, { 3, 0, 10, 4, 7 } },
	{ "PAN", MMFR1, 20, 1, { 3, 0, 4, 2, 3 } },
	{ "UAO", MMFR2, 4, 1, { 3, 0, 4, 2, 4 } },
	{ "DIT", PFR0, 48, 1, { 3, 3, 4, 2, 5 } },
	{ "RNDR", ISAR0, 60, 1, { 3, 3, 2, 4, 0 } },
	{ "TCR2_EL1", MMFR3, 0, 1, { 3, 0, 2, 0, 3 } },
	{ "SCTLR2_EL1", MMFR3, 4, 1, { 3, 0, 1, 0, 3 } },
	{ "PIR_EL1", MMFR3, 8, 1, { 3, 0, 10, 2, 3 } },
	{ "POR_EL1", MMFR3, 16, 1, { 3, 0, 10, 2, 4 } },
	{ "MAIR2_EL1", MMFR3, 24, 1, { 3, 0, 10, 2, 1 } },
	{ "GCSCR_EL1", PFR1, 44, 1, { 3, 0, 2, 5, 0 } },
	{ "CNTPCTSS_EL0", MMFR0, 60, 1, { 3, 3, 14, 0, 5 } },
	{ "ACCDATA_EL1", ISAR1, 60, 3, { 3, 0, 13, 0, 5 } },
	{ "FPMR", PFR2, 32, 1, { 3, 3, 4, 4, 2 } },
};

void features_match(void)
{
	cpacr_open();
	for (uint32_t i = 0; i < ARRAY_SIZE(features); i++) {
		const struct feature *f = &features[i];
		uint64_t id;
		uint64_t value;
		struct fault fault;
		bool shown;

		sysreg_read(f->id, &id);
		id = BITS(id, f->shift + 3, f->shift);
		shown = id >= f->least && id != 15;
		fault = sysreg_read(f->reg, &value);
		if (fault.taken == shown) {
			test_fail("%s: ID field %lu, ESR 0x%lx", f->name, id, fault.esr);
		} else if (fault.taken && ESR_EC(fault.esr) != EC_UNKNOWN) {
			test_fail("%s: ESR 0x%lx", f->name, fault.esr);
		}
	}
	cpacr_usual();
}

/* Registers and instructions of EL2 and EL3 do not exist for EL1, virtualized or not. */
void higher_levels(void)
{
	static const struct encoding encodings[] = {
		{ 3, 4, 1, 1, 0 }, /* HCR_EL2 */
		{ 3, 4, 1, 0, 0 }, /* SCTLR_EL2 */
		{ 3, 4, 2, 1, 0 }, /* VTTBR_EL2 */
		{ 3, 4, 12, 0, 0 }, /* VBAR_EL2 */
		{ 3, 4, 12, 11, 0 }, /* ICH_HCR_EL2 */
		{ 3, 4, 12, 12, 0 }, /* ICH_LR0_EL2 */
		{ 3, 4, 14, 0, 3 }, /* CNTVOFF_EL2 */
		{ 3, 4, 14, 2, 1 }, /* CNTHP_CTL_EL2 */
		{ 3, 4, 13, 0, 2 }, /* TPIDR_EL2 */
		{ 3, 4, 4, 1, 0 }, /* SP_EL1 */
		{ 3, 5, 1, 0, 0 }, /* SCTLR_EL12 */
		{ 3, 5, 12, 0, 0 }, /* VBAR_EL12 */
		{ 3, 5, 14, 2, 1 }, /* CNTP_CTL_EL02 */
		{ 3, 6, 1, 1, 0 }, /* SCR_EL3 */
		{ 3, 6, 12, 12, 7 }, /* ICC_IGRPEN1_EL3 */
		{ 3, 7, 14, 2, 1 }, /* CNTPS_CTL_EL1 */
	};
	uint64_t value;

	for (uint32_t i = 0; i < ARRAY_SIZE(encodings); i++) {
		struct fault fault = sysreg_read(encodings[i], &value);

		if (!fault.taken || ESR_EC(fault.esr) != EC_UNKNOWN) {
			test_fail("S%u_%u_C%u_C%u_%u: taken %d ESR 0x%lx", encodings[i].op0, encodings[i].op1,
				  encodings[i].crn, encodings[i].crm, encodings[i].op2, fault.taken, fault.esr);
		}
		CHECK(sysreg_write(encodings[i], 0).taken);
	}
	CHECK(FAULT_OF(".inst 0xd50c8780" :: : "memory").taken); /* TLBI ALLE1 */
	CHECK(FAULT_OF(".inst 0xd50c87df" :: : "memory").taken); /* TLBI VMALLS12E1 */
	CHECK(FAULT_OF(".inst 0xd50c7880" :: : "memory").taken); /* AT S12E1R, x0 */
	CHECK(FAULT_OF(".inst 0xd50c7800" :: : "memory").taken); /* AT S1E2R, x0 */
}

/* The self-hosted debug registers of Armv8 are always there: they hold what is written. */
void debug_registers(void)
{
	uint64_t before = read_sysreg(mdscr_el1);

	write_sysreg(oslar_el1, 0);
	isb();
	CHECK_EQ(read_sysreg(oslsr_el1) & 2, 0);
	write_sysreg(oslar_el1, 1);
	isb();
	CHECK_EQ(read_sysreg(oslsr_el1) & 2, 2);
	write_sysreg(oslar_el1, 0);
	isb();
	CHECK_EQ(read_sysreg(oslsr_el1) & 2, 0);
	write_sysreg(dbgbvr0_el1, 0x12345670);
	write_sysreg(dbgwvr0_el1, 0x12345678);
	isb();
	CHECK_EQ(read_sysreg(dbgbvr0_el1), 0x12345670);
	CHECK_EQ(read_sysreg(dbgwvr0_el1), 0x12345678);
	write_sysreg(dbgbcr0_el1, 0);
	write_sysreg(dbgwcr0_el1, 0);
	write_sysreg(mdscr_el1, before);
	CHECK_EQ(read_sysreg(mdscr_el1), before);
}

#define FP ".arch_extension fp\n\t"

/* The guest's own trap of floating point is the guest's; the registers keep their values over it. */
void fp_trap(void)
{
	uint64_t value = 0;
	struct fault fault;

	__asm__ volatile(FP "fmov d7, %0" ::"r"(UINT64_C(0x0123456789abcdef)));
	write_sysreg(cpacr_el1, 0);
	isb();
	fault = FAULT_OF(FP "fmov %0, d7" : "+r"(value));
	cpacr_usual();
	CHECK(fault.taken);
	CHECK_EQ(ESR_EC(fault.esr), EC_FP);
	__asm__ volatile(FP "fmov %0, d7" : "=r"(value));
	CHECK_EQ(value, UINT64_C(0x0123456789abcdef));
}

void undefined_instructions(void)
{
	struct fault fault = FAULT_OF(".inst 0x00000000" :: : "memory"); /* UDF */

	CHECK(fault.taken);
	CHECK_EQ(ESR_EC(fault.esr), EC_UNKNOWN);
	fault = FAULT_OF(".inst 0xffffffff" :: : "memory");
	CHECK(fault.taken);
	CHECK_EQ(ESR_EC(fault.esr), EC_UNKNOWN);
	fault = FAULT_OF("hlt #0x1234" :: : "memory");
	CHECK(fault.taken);
	CHECK_EQ(ESR_EC(fault.esr), EC_UNKNOWN);
	fault = FAULT_OF("brk #0x1234" :: : "memory");
	CHECK(fault.taken);
	CHECK_EQ(ESR_EC(fault.esr), EC_BRK64);
	CHECK_EQ(ESR_ISS(fault.esr) & 0xffff, 0x1234);
	fault = FAULT_OF("svc #0x4321" :: : "memory");
	CHECK(fault.taken);
	CHECK_EQ(ESR_EC(fault.esr), EC_SVC64);
	CHECK_EQ(ESR_ISS(fault.esr) & 0xffff, 0x4321);
	CHECK(FAULT_OF(".inst 0xd4a00001" :: : "memory").taken); /* DCPS1 outside Debug state */
}
