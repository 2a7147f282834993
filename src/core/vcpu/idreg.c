/* SPDX-License-Identifier: MIT */
#include "core/vcpu/idreg.h"

#include "arch/el1.h"
#include "core/vcpu/debug.h"
#include "lib/str.h"

struct cpu_features cpu_features;

/* ---- what is shown ---- */

enum field_kind {
	FIELD_UP_TO,        /* the lesser of what the CPU has and 'limit' */
	FIELD_SIGNED_UP_TO, /* the same for a field where 15 means "not there" */
	FIELD_FIXED,        /* 'limit' itself */
};

struct id_field {
	uint8_t index;
	uint8_t shift;
	uint8_t kind;
	uint8_t limit;
};

#define FIELD_ABSENT 15u /* in signed fields */
#define AT(reg) IDREG_INDEX(id_aa64##reg##_el1)
#define SHOW(reg, at, name, most) { AT(reg), at, FIELD_UP_TO, most },
#define SHOW_SIGNED(reg, at, name, most) { AT(reg), at, FIELD_SIGNED_UP_TO, most },
#define FIXED(reg, at, name, value) { AT(reg), at, FIELD_FIXED, value },

/*
 * All that a guest is shown (Arm ARM, D19.2). A field that is not here reads zero, and so does a whole register; a
 * value above the limit may come with registers or controls that this code does not know. Not shown, so trapped or
 * disabled below: EL2 and EL3, AArch32, SVE, SME, MTE, RAS, MPAM, AMU, PMU, SPE, trace, BRBE, LORegions, 64-byte
 * loads, NMI, GCS, permission indirection, big-endian data, the extension registers of TCR, SCTLR and HCR.
 */
/* clang-format off */
static const struct id_field id_fields[] = {
	FIXED(pfr0, 0, EL0, 1) /* AArch64 only */
	FIXED(pfr0, 4, EL1, 1)
	SHOW_SIGNED(pfr0, 16, FP, 1)
	SHOW_SIGNED(pfr0, 20, AdvSIMD, 1)
	FIXED(pfr0, 24, GIC, 1) /* the CPU interface of GICv3 */
	SHOW(pfr0, 48, DIT, 1)
	SHOW(pfr0, 56, CSV2, 3) /* 2 and above: SCXTNUM, HCR_EL2.EnSCXT */
	SHOW(pfr0, 60, CSV3, 1)

	SHOW(pfr1, 0, BT, 1)
	SHOW(pfr1, 4, SSBS, 2)
	SHOW(pfr1, 32, CSV2_frac, 2)

	SHOW(dfr0, 0, DebugVer, 9)
	SHOW(dfr0, 12, BRPs, 15) /* debug.c */
	SHOW(dfr0, 20, WRPs, 15)
	SHOW(dfr0, 28, CTX_CMPs, 15)
	FIXED(dfr0, 36, DoubleLock, FIELD_ABSENT)

	SHOW(isar0, 4, AES, 2)
	SHOW(isar0, 8, SHA1, 1)
	SHOW(isar0, 12, SHA2, 2)
	SHOW(isar0, 16, CRC32, 1)
	SHOW(isar0, 20, Atomic, 3)
	SHOW(isar0, 28, RDM, 1)
	SHOW(isar0, 32, SHA3, 1)
	SHOW(isar0, 36, SM3, 1)
	SHOW(isar0, 40, SM4, 1)
	SHOW(isar0, 44, DP, 1)
	SHOW(isar0, 48, FHM, 1)
	SHOW(isar0, 52, TS, 2)
	SHOW(isar0, 56, TLB, 2)
	SHOW(isar0, 60, RNDR, 1)

	SHOW(isar1, 0, DPB, 2)
	SHOW(isar1, 4, APA, 5) /* HCR_EL2.API and APK; the keys are switched */
	SHOW(isar1, 8, API, 5)
	SHOW(isar1, 12, JSCVT, 1)
	SHOW(isar1, 16, FCMA, 1)
	SHOW(isar1, 20, LRCPC, 3)
	SHOW(isar1, 24, GPA, 1)
	SHOW(isar1, 28, GPI, 1)
	SHOW(isar1, 32, FRINTTS, 1)
	SHOW(isar1, 36, SB, 1)
	SHOW(isar1, 40, SPECRES, 2)
	SHOW(isar1, 44, BF16, 2)
	SHOW(isar1, 48, DGH, 1)
	SHOW(isar1, 52, I8MM, 1)
	SHOW(isar1, 56, XS, 1)

	SHOW(isar2, 0, WFxT, 2)
	SHOW(isar2, 4, RPRES, 1)
	SHOW(isar2, 8, GPA3, 1)
	SHOW(isar2, 12, APA3, 5)
	SHOW(isar2, 16, MOPS, 1) /* HCRX_EL2.MSCEn */
	SHOW(isar2, 20, BC, 1)
	SHOW(isar2, 24, PAC_frac, 1)
	SHOW(isar2, 28, CLRBHB, 1)
	SHOW(isar2, 48, RPRFM, 1)
	SHOW(isar2, 52, CSSC, 1)
	SHOW(isar2, 56, LUT, 1)

	SHOW(isar3, 4, FAMINMAX, 1)

	SHOW(mmfr0, 0, PARange, 6) /* and see idreg_value() */
	SHOW(mmfr0, 4, ASIDBits, 2)
	SHOW(mmfr0, 20, TGran16, 2)
	SHOW_SIGNED(mmfr0, 24, TGran64, 0)
	SHOW_SIGNED(mmfr0, 28, TGran4, 1)
	SHOW(mmfr0, 44, ExS, 1)
	SHOW(mmfr0, 60, ECV, 1)

	SHOW(mmfr1, 0, HAFDBS, 2)
	SHOW(mmfr1, 12, HPDS, 2)
	SHOW(mmfr1, 20, PAN, 3)
	SHOW(mmfr1, 24, SpecSEI, 1)
	SHOW(mmfr1, 36, ETS, 3)
	SHOW(mmfr1, 44, AFP, 1)
	SHOW(mmfr1, 48, nTLBPA, 1)
	SHOW(mmfr1, 52, TIDCP1, 1)
	SHOW(mmfr1, 60, ECBHB, 1)

	SHOW(mmfr2, 0, CnP, 1)
	SHOW(mmfr2, 4, UAO, 1)
	SHOW(mmfr2, 16, VARange, 1)
	SHOW(mmfr2, 20, CCIDX, 1)
	SHOW(mmfr2, 28, ST, 1)
	SHOW(mmfr2, 32, AT, 1)
	SHOW(mmfr2, 36, IDS, 1)
	SHOW(mmfr2, 48, TTL, 1)
	SHOW(mmfr2, 52, BBM, 2)
	SHOW(mmfr2, 60, E0PD, 1)

	SHOW(mmfr3, 60, Spec_FPACC, 1)
};
/* clang-format on */

/* Every field is four bits wide. */
static unsigned field_at(uint64_t value, unsigned shift)
{
	return (unsigned)(value >> shift) & 0xfu;
}

static unsigned shown_field(const struct id_field *field, uint64_t raw)
{
	unsigned has = field_at(raw, field->shift);

	if (field->kind == FIELD_FIXED || (field->kind == FIELD_SIGNED_UP_TO && has == FIELD_ABSENT)) {
		return field->kind == FIELD_FIXED ? field->limit : FIELD_ABSENT;
	}
	return MIN(has, (unsigned)field->limit);
}

static void compute_shown(struct cpu_features *f)
{
	memset(f->shown, 0, sizeof(f->shown));
	for (size_t i = 0; i < ARRAY_SIZE(id_fields); i++) {
		const struct id_field *field = &id_fields[i];

		f->shown[field->index] |= (uint64_t)shown_field(field, f->raw[field->index]) << field->shift;
	}
}

void cpu_features_limit(struct cpu_features *f, const struct idreg_limit *limits, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct idreg_limit *limit = &limits[i];
		uint64_t *value = &f->shown[limit->index];
		unsigned field = MIN(field_at(*value, limit->shift), (unsigned)limit->most);

		*value = (*value & ~(UINT64_C(0xf) << limit->shift)) | (uint64_t)field << limit->shift;
	}
}

#define PARANGE_SHIFT 0
#define PARANGE_WIDTH 4

uint64_t idreg_value(const struct cpu_features *f, unsigned index, unsigned ipa_bits)
{
	static const uint8_t parange_bits[] = { 32, 36, 40, 42, 44, 48, 52 };
	uint64_t value = f->shown[index];

	if (index == AT(mmfr0)) {
		unsigned most = (unsigned)FIELD_GET(PARANGE, value);
		unsigned parange = 0;

		/* Rounded up: what lies above the guest's address space is simply not there. */
		while (parange < most && parange_bits[parange] < ipa_bits) {
			parange++;
		}
		value = (value & ~FIELD_MASK(PARANGE)) | FIELD_PUT(PARANGE, parange);
	}
	return value;
}

/* ---- what the CPU has ---- */

static unsigned raw_field(const struct cpu_features *f, unsigned index, unsigned shift)
{
	return field_at(f->raw[index], shift);
}

/* PMUVer 15 is a PMU that is not the architecture's. */
static bool has_pmu(const struct cpu_features *f)
{
	unsigned version = raw_field(f, AT(dfr0), 8);

	return version != 0 && version != FIELD_ABSENT;
}

static bool has_pauth(const struct cpu_features *f)
{
	return raw_field(f, AT(isar1), 4) != 0 || raw_field(f, AT(isar1), 8) != 0 || raw_field(f, AT(isar2), 12) != 0;
}

/* FEAT_CSV2_2 or FEAT_CSV2_1p2. */
static bool shows_scxtnum(const struct cpu_features *f)
{
	unsigned csv2 = field_at(f->shown[AT(pfr0)], 56);

	return csv2 >= 2 || (csv2 == 1 && field_at(f->shown[AT(pfr1)], 32) >= 2);
}

static bool has_amu(const struct cpu_features *f)
{
	return raw_field(f, AT(pfr0), 44) != 0;
}
static bool has_lor(const struct cpu_features *f)
{
	return raw_field(f, AT(mmfr1), 16) != 0;
}
static bool has_trace(const struct cpu_features *f)
{
	return raw_field(f, AT(dfr0), 4) != 0;
}
static bool has_spe(const struct cpu_features *f)
{
	return raw_field(f, AT(dfr0), 32) != 0;
}
static bool has_trf(const struct cpu_features *f)
{
	return raw_field(f, AT(dfr0), 40) != 0;
}
static bool shows_mops(const struct cpu_features *f)
{
	return field_at(f->shown[AT(isar2)], 16) != 0;
}

bool cpu_features_has_pan(const struct cpu_features *f)
{
	return raw_field(f, AT(mmfr1), 20) != 0;
}
bool cpu_features_has_ecv(const struct cpu_features *f)
{
	return raw_field(f, AT(mmfr0), 60) != 0;
}
bool cpu_features_has_ssbs(const struct cpu_features *f)
{
	return raw_field(f, AT(pfr1), 4) != 0;
}
bool cpu_features_has_mte(const struct cpu_features *f)
{
	return raw_field(f, AT(pfr1), 8) >= 2;
}
bool cpu_features_has_nmi(const struct cpu_features *f)
{
	return raw_field(f, AT(pfr1), 36) != 0;
}
bool cpu_features_has_fgt(const struct cpu_features *f)
{
	return raw_field(f, AT(mmfr0), 56) != 0;
}
bool cpu_features_has_hcx(const struct cpu_features *f)
{
	return raw_field(f, AT(mmfr1), 40) != 0;
}

bool cpu_features_has_ras(const struct cpu_features *f)
{
	return raw_field(f, AT(pfr0), 28) != 0;
}
bool cpu_features_has_sve(const struct cpu_features *f)
{
	return raw_field(f, AT(pfr0), 32) != 0;
}
bool cpu_features_has_sme(const struct cpu_features *f)
{
	return raw_field(f, AT(pfr1), 24) != 0;
}

/* The fields hold one less than the number. */
unsigned cpu_features_breakpoints(const struct cpu_features *f)
{
	return raw_field(f, AT(dfr0), 12) + 1;
}
unsigned cpu_features_watchpoints(const struct cpu_features *f)
{
	return raw_field(f, AT(dfr0), 20) + 1;
}

#define PMCR_N_SHIFT 11
#define PMCR_N_WIDTH 5

void cpu_features_read(struct cpu_features *f)
{
	memset(f, 0, sizeof(*f));
	/* Those that this code knows; ID registers that a CPU does not have read zero. */
	f->raw[AT(pfr0)] = read_id_aa64pfr0_el1();
	f->raw[AT(pfr1)] = read_id_aa64pfr1_el1();
	f->raw[AT(dfr0)] = read_id_aa64dfr0_el1();
	f->raw[AT(isar0)] = read_id_aa64isar0_el1();
	f->raw[AT(isar1)] = read_id_aa64isar1_el1();
	f->raw[AT(isar2)] = read_id_aa64isar2_el1();
	f->raw[AT(isar3)] = read_id_aa64isar3_el1();
	f->raw[AT(mmfr0)] = read_id_aa64mmfr0_el1();
	f->raw[AT(mmfr1)] = read_id_aa64mmfr1_el1();
	f->raw[AT(mmfr2)] = read_id_aa64mmfr2_el1();
	f->raw[AT(mmfr3)] = read_id_aa64mmfr3_el1();
	if (has_pmu(f)) {
		f->pmu_counters = (uint8_t)FIELD_GET(PMCR_N, read_pmcr_el0());
	}
	compute_shown(f);
}

/* ---- controls ---- */

#define HCR_VM BIT(0)
#define HCR_SWIO BIT(1)
#define HCR_PTW BIT(2)
#define HCR_FMO BIT(3)
#define HCR_IMO BIT(4)
#define HCR_AMO BIT(5)
#define HCR_FB BIT(9)
#define HCR_BSU_INNER BIT(10)
#define HCR_TWI BIT(13)
#define HCR_TWE BIT(14)
#define HCR_TID1 BIT(16)
#define HCR_TID3 BIT(18)
#define HCR_TSC BIT(19)
#define HCR_TIDCP BIT(20)
#define HCR_TACR BIT(21)
#define HCR_RW BIT(31)
#define HCR_E2H BIT(34)
#define HCR_TLOR BIT(35)
#define HCR_TERR BIT(36)
#define HCR_APK BIT(40)
#define HCR_API BIT(41)
#define HCR_FWB BIT(46)
#define HCR_ENSCXT BIT(53)
#define HCR_TID5 BIT(58)

/*
 * Left at 0, with a reason:
 *   TSW      a vCPU stays on one CPU, so its set/way operations reach the very caches that it uses, as on bare metal;
 *            SWIO turns those that would only invalidate into clean and invalidate, so they lose nobody's data
 *   FB, BSU  for the same reason its local TLB and cache maintenance needs no widening
 *   TEA      an external abort on the guest's own access is the guest's
 *   ATA      MTE is hidden: tags read as zero, the tag registers trap
 *   FIEN     RAS is hidden
 */
uint64_t vcpu_hcr(const struct cpu_features *f, bool owns_cpu)
{
	uint64_t hcr = HCR_VM | HCR_SWIO | HCR_PTW | HCR_FMO | HCR_IMO | HCR_AMO | HCR_TID1 | HCR_TID3 | HCR_TSC |
		       HCR_TIDCP | HCR_TACR | HCR_RW;

	if (el2_e2h) {
		hcr |= HCR_E2H;
	}
	if (!owns_cpu) {
		hcr |= HCR_TWI | HCR_TWE;
	}
	if (has_pauth(f)) {
		hcr |= HCR_APK | HCR_API;
	}
	if (shows_scxtnum(f)) {
		hcr |= HCR_ENSCXT;
	}
	if (has_lor(f)) {
		hcr |= HCR_TLOR;
	}
	if (cpu_features_has_ras(f)) {
		hcr |= HCR_TERR;
	}
	if (cpu_features_has_mte(f)) {
		hcr |= HCR_TID5;
	}
	return hcr;
}

/*
 * FB and BSU: a vCPU that migrates leaves TLB entries behind that its later, local maintenance would miss. WFI always
 * traps: its caller, not this CPU, decides what to do meanwhile.
 */
uint64_t vcpu_partition_hcr(const struct cpu_features *f, bool migrates, bool waits)
{
	uint64_t hcr = vcpu_hcr(f, true) | HCR_FWB | HCR_TWI;

	if (waits) {
		hcr |= HCR_TWE;
	}
	if (migrates) {
		hcr |= HCR_FB | HCR_BSU_INNER;
	}
	return hcr;
}

#define HCRX_TALLINT BIT(6)
#define HCRX_MSCEN BIT(11)

/* MCE2 stays 0: a vCPU does not move between CPUs, so EL1 may handle what a memory copy leaves to its option. */
uint64_t vcpu_hcrx(const struct cpu_features *f)
{
	return (shows_mops(f) ? HCRX_MSCEN : 0) | (cpu_features_has_nmi(f) ? HCRX_TALLINT : 0);
}

#define MDCR_HPMN_SHIFT 0
#define MDCR_HPMN_WIDTH 5
#define MDCR_TPMCR BIT(5)
#define MDCR_TPM BIT(6)
#define MDCR_TDA BIT(9)
#define MDCR_TDOSA BIT(10)
#define MDCR_TDRA BIT(11)
#define MDCR_TPMS BIT(14)
#define MDCR_TTRF BIT(19)

/* E2PB and E2TB stay 0: the profiling and trace buffers are EL2's, and EL1's access to them traps. */
uint64_t vcpu_mdcr(const struct cpu_features *f)
{
	uint64_t mdcr = MDCR_TDA | MDCR_TDOSA | MDCR_TDRA;

	if (has_pmu(f)) {
		mdcr |= MDCR_TPM | MDCR_TPMCR | FIELD_PUT(MDCR_HPMN, f->pmu_counters);
	}
	if (has_spe(f)) {
		mdcr |= MDCR_TPMS;
	}
	if (has_trf(f)) {
		mdcr |= MDCR_TTRF;
	}
	return mdcr;
}

/* E2H = 0. SME, SVE: trap bits where the feature exists, RES1 where not. */
#define CPTR_RES1 0x32ffu
#define CPTR_TZ BIT(8)
#define CPTR_TFP BIT(10)
#define CPTR_TSM BIT(12)
#define CPTR_TTA BIT(20)
/* E2H = 1: the layout of CPACR_EL1; ZEN and SMEN = 0 trap. */
#define CPTR_E2H_ZEN GENMASK(17, 16)
#define CPTR_E2H_FPEN GENMASK(21, 20)
#define CPTR_E2H_SMEN GENMASK(25, 24)
#define CPTR_E2H_TTA BIT(28)
/* Both. */
#define CPTR_TAM BIT(30)

uint64_t vcpu_cptr(const struct cpu_features *f, bool fp)
{
	uint64_t cptr = has_amu(f) ? CPTR_TAM : 0;

	if (el2_e2h) {
		return cptr | (has_trace(f) ? CPTR_E2H_TTA : 0) | (fp ? CPTR_E2H_FPEN : 0);
	}
	return cptr | CPTR_RES1 | CPTR_TZ | CPTR_TSM | (has_trace(f) ? CPTR_TTA : 0) | (fp ? 0 : CPTR_TFP);
}

uint64_t vcpu_cptr_open(const struct cpu_features *f)
{
	bool sve = cpu_features_has_sve(f);
	bool sme = cpu_features_has_sme(f);

	if (el2_e2h) {
		return CPTR_E2H_FPEN | (sve ? CPTR_E2H_ZEN : 0) | (sme ? CPTR_E2H_SMEN : 0);
	}
	return (CPTR_RES1 | CPTR_TZ) & ~((sve ? CPTR_TZ : 0) | (sme ? CPTR_TSM : 0));
}

/* CNTPCT_EL0 is read untrapped; the physical timer is emulated (ptimer.c), so its registers trap. */
#define CNTHCTL_EL1PCTEN BIT(0)
#define CNTHCTL_E2H_EL1PCTEN BIT(10)
#define CNTHCTL_EL1TVT BIT(13)

uint64_t vcpu_cnthctl(void)
{
	return el2_e2h ? CNTHCTL_E2H_EL1PCTEN : CNTHCTL_EL1PCTEN;
}

uint64_t vcpu_partition_cnthctl(const struct cpu_features *f)
{
	return vcpu_cnthctl() | (cpu_features_has_ecv(f) ? CNTHCTL_EL1TVT : 0);
}

void cpu_traps_init(const struct cpu_features *f)
{
	write_mdcr_el2(vcpu_mdcr(f));
	write_hstr_el2(0);
	debug_cpu_init(f);
	write_cnthctl_el2(vcpu_cnthctl());
	if (cpu_features_has_hcx(f)) {
		write_hcrx_el2(vcpu_hcrx(f));
	}
	if (cpu_features_has_fgt(f)) {
		/*
		 * Zero traps nothing of what bits without "n" name, and all of what bits with "n" name: registers of
		 * SME, LS64, GCS, THE, permission indirection and overlays, BRBE, which are all hidden.
		 */
		write_hfgrtr_el2(0);
		write_hfgwtr_el2(0);
		write_hfgitr_el2(0);
		write_hdfgrtr_el2(0);
		write_hdfgwtr_el2(0);
		if (has_amu(f)) {
			write_hafgrtr_el2(0);
		}
	}
}
