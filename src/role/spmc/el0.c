/* SPDX-License-Identifier: MIT */
#include "role/spmc/el0.h"

#include "arch/barrier.h"
#include "core/mm/pool.h"
#include "core/vcpu/esr.h"
#include "core/vcpu/idreg.h"

/* MAIR_EL1 and the indices into it. */
#define ATTR_INDEX_NORMAL 0
#define ATTR_INDEX_DEVICE 1
#define MAIR_NORMAL_WB UINT64_C(0xff)
#define MAIR_DEVICE_NGNRE (UINT64_C(0x04) << 8)

#define S1_NS BIT(5)

/* TCR_EL1 (Arm ARM, D19.2): TTBR0_EL1 translates 48 bits, TTBR1_EL1 nothing. */
#define TCR_T0SZ_48_BITS (UINT64_C(16) << 0)
#define TCR_IRGN0_WB (UINT64_C(1) << 8)
#define TCR_ORGN0_WB (UINT64_C(1) << 10)
#define TCR_SH0_INNER (UINT64_C(3) << 12)
#define TCR_T1SZ_48_BITS (UINT64_C(16) << 16)
#define TCR_EPD1 BIT(23)
#define TCR_TG1_4K (UINT64_C(2) << 30)
#define TCR_IPS_SHIFT 32
#define TCR_IPS_WIDTH 3
#define PARANGE_MASK UINT64_C(0xf)
#define PARANGE_48_BITS UINT64_C(5)

/* SCTLR_EL1: caches and MMU on, EL0 may use DC ZVA, CTR_EL0 and cache maintenance; WFI and WFE go on to EL2's trap. */
#define SCTLR_M BIT(0)
#define SCTLR_C BIT(2)
#define SCTLR_SA0 BIT(4)
#define SCTLR_EOS BIT(11)
#define SCTLR_I BIT(12)
#define SCTLR_DZE BIT(14)
#define SCTLR_UCT BIT(15)
#define SCTLR_NTWI BIT(16)
#define SCTLR_NTWE BIT(18)
#define SCTLR_TSCXT BIT(20)
#define SCTLR_EIS BIT(22)
#define SCTLR_SPAN BIT(23)
#define SCTLR_UCI BIT(26)
#define SCTLR_NTLSMD BIT(28)
#define SCTLR_LSMAOE BIT(29)
#define SCTLR_EL0                                                                                                \
	(SCTLR_M | SCTLR_C | SCTLR_SA0 | SCTLR_EOS | SCTLR_I | SCTLR_DZE | SCTLR_UCT | SCTLR_NTWI | SCTLR_NTWE | \
	 SCTLR_TSCXT | SCTLR_EIS | SCTLR_SPAN | SCTLR_UCI | SCTLR_NTLSMD | SCTLR_LSMAOE)

#define CPACR_FPEN (UINT64_C(3) << 20)

/* Both counters, and the physical timer, which EL2 emulates. The virtual one is EL1's: its use is an exception. */
#define CNTKCTL_EL0PCTEN BIT(0)
#define CNTKCTL_EL0VCTEN BIT(1)
#define CNTKCTL_EL0PTEN BIT(9)

/* Each range takes at most two tables at each level below the root, unless it is beyond measure. */
#define TABLES_MAX 128

/* Written once, at boot. */
static struct {
	struct pgtable table;
	pa_t tables[TABLES_MAX];
	unsigned table_count;
} el0;

/* Nobody walks it yet. */
static void invalidate(const struct pgtable *table unused_arg, uint64_t base unused_arg, uint64_t size unused_arg)
{
}

static const struct pgtable_ops ops = { .merges = false, .invalidate = invalidate };

/* What EL0 may is for stage 2 to say; EL1 executes the vectors alone. */
static pte_t encode(enum spmc_memory kind)
{
	bool device = kind == SPMC_DEVICE_SECURE || kind == SPMC_DEVICE_NS;
	bool ns = kind == SPMC_MEMORY_NS || kind == SPMC_DEVICE_NS;

	return PTE_AF | S1_AP_EL0 | S1_PXN | (ns ? S1_NS : 0) |
	       (device ? FIELD_PUT(S1_ATTR_INDEX, ATTR_INDEX_DEVICE) | S1_XN
		       : FIELD_PUT(S1_ATTR_INDEX, ATTR_INDEX_NORMAL) | FIELD_PUT(PTE_SH, PTE_SH_INNER));
}

static pte_t encode_vectors(void)
{
	return PTE_AF | S1_AP_READ_ONLY | S1_XN | FIELD_PUT(S1_ATTR_INDEX, ATTR_INDEX_NORMAL) |
	       FIELD_PUT(PTE_SH, PTE_SH_INNER);
}

static pa_t vectors(void)
{
	return pa_from_ptr(el0_vectors);
}

/*
 * The mappings in turn: each range, from whose Secure memory the vectors' page is then taken out and mapped for EL1.
 * False behind the last.
 */
static bool mapping(const struct spmc_manifest *m, unsigned index, struct pgtable_change *out)
{
	*out = (struct pgtable_change){ .action = PGTABLE_MAP, .base = vectors().v, .size = PAGE_SIZE };
	if (index < m->range_count) {
		out->base = m->ranges[index].base;
		out->size = m->ranges[index].size;
		out->attrs = encode(m->ranges[index].kind);
	} else if (index == m->range_count) {
		out->action = PGTABLE_UNMAP;
	} else {
		out->attrs = encode_vectors();
	}
	out->to = pa(out->base);
	return index < m->range_count + 2;
}

static enum err add_table(pa_t *out)
{
	enum err e = el0.table_count < TABLES_MAX ? pool_alloc_page(out) : ERR_RANGE;

	if (e == OK) {
		el0.tables[el0.table_count++] = *out;
	}
	return e;
}

static enum err build(const struct spmc_manifest *m)
{
	struct pgtable_change change;

	for (unsigned i = 0; mapping(m, i, &change); i++) {
		uint64_t tables;
		enum err e = pgtable_plan(&el0.table, &change, &tables);

		for (; e == OK && tables > 0; tables--) {
			pa_t page;

			e = add_table(&page);
			if (e == OK) {
				pgtable_push(&change.spare, page);
			}
		}
		if (e != OK) {
			return e;
		}
		pgtable_commit(&el0.table, &change);
	}
	return OK;
}

enum err el0_init(const struct spmc_manifest *m)
{
	pa_t root;
	enum err e;

	el0.table_count = 0;
	e = add_table(&root);
	if (e == OK) {
		el0.table = (struct pgtable){ .ops = &ops, .root = root, .pages = 1, .address_bits = PTE_ADDRESS_BITS };
		e = build(m);
	}
	if (e != OK) {
		while (el0.table_count > 0) {
			pool_free(el0.tables[--el0.table_count], 1);
		}
	}
	dsb_ish();
	return e;
}

static enum err map_borrowed(struct stage2 *s2, pa_t page, unsigned attrs)
{
	return stage2_map(s2, ipa(page.v), page, PAGE_SIZE, attrs | STAGE2_SHARED_BORROWED);
}

enum err el0_map(struct stage2 *secure)
{
	enum err e = map_borrowed(secure, vectors(), STAGE2_R | STAGE2_X);

	for (unsigned i = 0; e == OK && i < el0.table_count; i++) {
		e = map_borrowed(secure, el0.tables[i], STAGE2_R);
	}
	return e;
}

void el0_reset(struct vcpu *v)
{
	uint64_t parange = cpu_features.raw[IDREG_INDEX(id_aa64mmfr0_el1)] & PARANGE_MASK;

	v->el1.mair = MAIR_NORMAL_WB | MAIR_DEVICE_NGNRE;
	v->el1.tcr = TCR_T0SZ_48_BITS | TCR_IRGN0_WB | TCR_ORGN0_WB | TCR_SH0_INNER | TCR_T1SZ_48_BITS | TCR_EPD1 |
		     TCR_TG1_4K | FIELD_PUT(TCR_IPS, MIN(parange, PARANGE_48_BITS));
	v->el1.ttbr0 = el0.table.root.v;
	v->el1.sctlr = SCTLR_EL0;
	v->el1.vbar = vectors().v;
	v->el1.cpacr = CPACR_FPEN;
	v->el1.cntkctl = CNTKCTL_EL0PCTEN | CNTKCTL_EL0VCTEN | CNTKCTL_EL0PTEN;
	v->regs.pstate = 0; /* EL0t, nothing masked */
}

const char *el0_trap(struct vcpu *v, unsigned immediate)
{
	uint64_t esr = guest_read_esr();

	if (immediate != EL0_HVC_SYNC) {
		return "an exception that no partition at S-EL0 can have";
	}
	/* What the CPU stored when it took the exception to EL1; EL0 cannot write these registers. */
	v->regs.pc = guest_read_elr();
	v->regs.pstate = guest_read_spsr();
	switch (esr_ec(esr)) {
	case EC_SVC64:
		return NULL;
	case EC_IABT_LOWER:
		return "an instruction fetch from where nothing is";
	case EC_DABT_LOWER:
		return "an access to where nothing is";
	case EC_UNKNOWN:
	case EC_SYSREG:
		return "an instruction that S-EL0 has not";
	default:
		return "an exception";
	}
}
