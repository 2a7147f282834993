/* SPDX-License-Identifier: MIT */
#include "core/mm/stage2.h"

#include "arch/tlb.h"
#include "arch/zero.h"
#include "core/mm/pool.h"
#include "lib/panic.h"

/* VTCR_EL2 (Arm ARM, D19.2). */
#define VTCR_T0SZ_SHIFT 0
#define VTCR_T0SZ_WIDTH 6
#define VTCR_SL0_SHIFT 6
#define VTCR_SL0_WIDTH 2
#define VTCR_IRGN0_WB (UINT64_C(1) << 8)
#define VTCR_ORGN0_WB (UINT64_C(1) << 10)
#define VTCR_SH0_INNER (UINT64_C(3) << 12)
#define VTCR_PS_SHIFT 16
#define VTCR_PS_WIDTH 3
#define VTCR_VS BIT(19)
#define VTCR_NSA BIT(30) /* a Non-secure IPA leads to a Non-secure PA; NSW = 0: the tables are Secure */
#define VTCR_RES1 BIT(31)

#define VTTBR_VMID_SHIFT 48
#define VTTBR_VMID_WIDTH 16

#define ID_AA64MMFR0_PARANGE_SHIFT 0
#define ID_AA64MMFR0_PARANGE_WIDTH 4
#define ID_AA64MMFR1_VMIDBITS_SHIFT 4
#define ID_AA64MMFR1_VMIDBITS_WIDTH 4
#define ID_AA64MMFR1_VMIDBITS_16 2

#define IPA_BITS_MIN 32
#define PARANGE_48_BITS 5

static void invalidate(const struct pgtable *table, uint64_t base, uint64_t size)
{
	const struct stage2 *s2 = container_of(table, struct stage2, table);

	tlb_stage2_range(s2->tlb_vttbr, ipa(base), size, s2->kind == STAGE2_SECURE_NS);
}

static void invalidate_nothing(const struct pgtable *table, uint64_t base, uint64_t size)
{
	(void)table;
	(void)base;
	(void)size;
}

static const struct pgtable_ops vm_ops = {
	.permissions = S2_AP_READ | S2_AP_WRITE | S2_XN,
	.software = FIELD_MASK(S2_STATE),
	.merges = true,
	.invalidate = invalidate,
};

static const struct pgtable_ops partition_ops = {
	.permissions = S2_AP_READ | S2_AP_WRITE | S2_XN,
	.software = FIELD_MASK(S2_STATE),
	.keeps = true,
	.invalidate = invalidate,
};

static const struct pgtable_ops facts_ops = {
	.permissions = S2_AP_READ | S2_AP_WRITE | S2_XN,
	.software = FIELD_MASK(S2_STATE),
	.keeps = true,
	.invalidate = invalidate_nothing,
};

static const struct pgtable_ops *const ops_of[] = {
	[STAGE2_VM] = &vm_ops,
	[STAGE2_ENDPOINT] = &partition_ops,
	[STAGE2_SECURE] = &partition_ops,
	[STAGE2_SECURE_NS] = &partition_ops,
	[STAGE2_FACTS] = &facts_ops,
};

static void invalidate_all(const struct stage2 *s2)
{
	if (s2->kind != STAGE2_FACTS) {
		tlb_stage2_all(s2->tlb_vttbr);
	}
}

/* More than 48 bits take LPA2 with its other descriptor format, which is not used. Unknown values are larger ones. */
static unsigned parange_enc(uint64_t id_aa64mmfr0)
{
	return MIN((unsigned)FIELD_GET(ID_AA64MMFR0_PARANGE, id_aa64mmfr0), (unsigned)PARANGE_48_BITS);
}

static unsigned pa_bits(uint64_t id_aa64mmfr0)
{
	static const uint8_t bits[] = { 32, 36, 40, 42, 44, 48 };

	return bits[parange_enc(id_aa64mmfr0)];
}

unsigned stage2_ipa_bits(uint64_t id_aa64mmfr0, uint64_t needed)
{
	unsigned bits = IPA_BITS_MIN;

	while (bits <= PTE_ADDRESS_BITS && BIT(bits) < needed) {
		bits++;
	}
	return bits <= pa_bits(id_aa64mmfr0) ? bits : 0;
}

/* Up to 16 tables stand side by side in place of one level more (Arm ARM, D8.2.10): the walk is as short as can be. */
static unsigned choose_start_level(unsigned ipa_bits)
{
	unsigned level = 2;

	while (ipa_bits > level_shift(level) + PTE_LEVEL_BITS + 4) {
		level--;
	}
	return level;
}

/* VSTCR_EL2 has the walk alone (SW = SA = 0: all is Secure); the attributes of both walks are VTCR_EL2's. */
static uint64_t make_vtcr(enum stage2_kind kind, unsigned ipa_bits, unsigned level, uint64_t id_aa64mmfr0,
			  uint64_t id_aa64mmfr1)
{
	bool vmid16 = FIELD_GET(ID_AA64MMFR1_VMIDBITS, id_aa64mmfr1) == ID_AA64MMFR1_VMIDBITS_16;
	uint64_t walk = VTCR_RES1 | FIELD_PUT(VTCR_SL0, 2 - level) | FIELD_PUT(VTCR_T0SZ, 64 - ipa_bits);

	if (kind == STAGE2_SECURE) {
		return walk;
	}
	return walk | (vmid16 ? VTCR_VS : 0) | FIELD_PUT(VTCR_PS, parange_enc(id_aa64mmfr0)) | VTCR_SH0_INNER |
	       VTCR_ORGN0_WB | VTCR_IRGN0_WB | (kind == STAGE2_SECURE_NS ? VTCR_NSA : 0);
}

enum err stage2_init(struct stage2 *s2, enum stage2_kind kind, unsigned ipa_bits, uint16_t vmid, uint64_t id_aa64mmfr0,
		     uint64_t id_aa64mmfr1)
{
	unsigned level, one_table_bits;
	uint64_t pages;
	pa_t root;
	enum err e;

	if (ipa_bits < IPA_BITS_MIN || ipa_bits > pa_bits(id_aa64mmfr0)) {
		return ERR_RANGE;
	}
	level = choose_start_level(ipa_bits);
	one_table_bits = level_shift(level) + PTE_LEVEL_BITS;
	pages = ipa_bits > one_table_bits ? BIT(ipa_bits - one_table_bits) : 1;
	e = pool_alloc(pages, pages * PAGE_SIZE, PAGE_OWNER_EL2, &root);
	if (e != OK) {
		return e;
	}
	zero_pages(pa_ptr(root), pages * PAGE_SIZE);
	*s2 = (struct stage2){
		.vttbr = root.v | (kind == STAGE2_SECURE ? 0 : FIELD_PUT(VTTBR_VMID, vmid)),
		.vtcr = make_vtcr(kind, ipa_bits, level, id_aa64mmfr0, id_aa64mmfr1),
		.tlb_vttbr = root.v | FIELD_PUT(VTTBR_VMID, vmid),
		.kind = kind,
		.table = { .ops = ops_of[kind],
			   .root = root,
			   .pages = pages,
			   .address_bits = (uint8_t)ipa_bits,
			   .start_level = (uint8_t)level },
		.root_pages = (uint8_t)pages,
	};
	invalidate_all(s2);
	return OK;
}

static void free_pages(struct pgtable_pages *pages)
{
	pa_t page;

	while (pgtable_pop(pages, &page)) {
		pool_free(page, 1);
	}
}

/* Plans, allocates, commits. The lock is held. */
static enum err apply(struct stage2 *s2, struct pgtable_change *change)
{
	uint64_t tables;
	enum err e = pgtable_plan(&s2->table, change, &tables);

	for (; e == OK && tables > 0; tables--) {
		pa_t page;

		e = pool_alloc_page(&page);
		if (e == OK) {
			pgtable_push(&change->spare, page);
		}
	}
	if (e == OK) {
		pgtable_commit(&s2->table, change);
	}
	free_pages(&change->spare);
	free_pages(&change->dead);
	return e;
}

static enum err change_range(struct stage2 *s2, struct pgtable_change *change)
{
	enum err e = pgtable_check_range(&s2->table, change->base, change->size);

	if (e != OK) {
		return e;
	}
	spin_lock(&s2->lock);
	e = apply(s2, change);
	spin_unlock(&s2->lock);
	return e;
}

void stage2_destroy(struct stage2 *s2)
{
	struct pgtable_change everything = { .action = PGTABLE_UNMAP, .size = BIT(s2->table.address_bits) };

	CHECK(change_range(s2, &everything) == OK);
	stage2_compact(s2);
	CHECK(s2->table.pages == s2->root_pages);
	invalidate_all(s2);
	pool_free(s2->table.root, s2->root_pages);
	*s2 = (struct stage2){ 0 };
}

/* False if the attributes are not ones that this file knows, or not together. */
static bool encode(const struct stage2 *s2, unsigned attrs, pte_t *out)
{
	unsigned state = (attrs & STAGE2_STATE_MASK) >> STAGE2_STATE_SHIFT;
	bool fwb = s2->kind != STAGE2_VM && s2->kind != STAGE2_ENDPOINT;
	unsigned normal = fwb ? S2_MEMATTR_FWB_NORMAL_WB : S2_MEMATTR_NORMAL_WB;
	bool device = (attrs & STAGE2_DEVICE) != 0;

	if ((attrs & ~(unsigned)(STAGE2_R | STAGE2_W | STAGE2_X | STAGE2_DEVICE | STAGE2_NS | STAGE2_STATE_MASK)) !=
		    0 ||
	    (device && (attrs & STAGE2_X) != 0) ||
	    ((attrs & STAGE2_STATE_MASK) == STAGE2_LENT && (attrs & (STAGE2_R | STAGE2_W | STAGE2_X)) != 0)) {
		return false;
	}
	*out = PTE_AF | FIELD_PUT(S2_STATE, state) | ((attrs & STAGE2_R) != 0 ? S2_AP_READ : 0) |
	       ((attrs & STAGE2_W) != 0 ? S2_AP_WRITE : 0) | ((attrs & STAGE2_X) != 0 ? 0 : S2_XN) |
	       ((attrs & STAGE2_NS) != 0 ? S2_NS : 0) |
	       (device ? FIELD_PUT(S2_MEMATTR, S2_MEMATTR_DEVICE_NGNRE)
		       : FIELD_PUT(S2_MEMATTR, normal) | FIELD_PUT(PTE_SH, PTE_SH_INNER));
	return true;
}

static unsigned decode(pte_t pte)
{
	bool device = FIELD_GET(S2_MEMATTR, pte) == S2_MEMATTR_DEVICE_NGNRE;
	unsigned state = (unsigned)FIELD_GET(S2_STATE, pte);

	return ((pte & S2_AP_READ) != 0 ? STAGE2_R : 0U) | ((pte & S2_AP_WRITE) != 0 ? STAGE2_W : 0U) |
	       ((pte & S2_XN) != 0 ? 0U : STAGE2_X) | (device ? STAGE2_DEVICE : 0U) |
	       ((pte & S2_NS) != 0 ? STAGE2_NS : 0U) | (state << STAGE2_STATE_SHIFT);
}

enum err stage2_map(struct stage2 *s2, ipa_t base, pa_t to, uint64_t size, unsigned attrs)
{
	struct pgtable_change change = { .action = PGTABLE_MAP, .base = base.v, .size = size, .to = to };

	if (!encode(s2, attrs, &change.attrs) || !IS_ALIGNED(to.v, PAGE_SIZE)) {
		return ERR_INVALID;
	}
	if (size != 0 && !range_in(to.v, size, 0, BIT(PTE_ADDRESS_BITS))) {
		return ERR_RANGE;
	}
	return change_range(s2, &change);
}

enum err stage2_protect(struct stage2 *s2, ipa_t base, uint64_t size, unsigned attrs)
{
	struct pgtable_change change = { .action = PGTABLE_PROTECT, .base = base.v, .size = size };

	return encode(s2, attrs, &change.attrs) ? change_range(s2, &change) : ERR_INVALID;
}

enum err stage2_turn(struct stage2 *s2, ipa_t base, uint64_t size, unsigned from, unsigned attrs)
{
	struct pgtable_change change = { .action = PGTABLE_TURN, .base = base.v, .size = size };

	return encode(s2, attrs, &change.attrs) && encode(s2, from, &change.from) ? change_range(s2, &change)
										  : ERR_INVALID;
}

enum err stage2_unmap(struct stage2 *s2, ipa_t base, uint64_t size)
{
	struct pgtable_change change = { .action = PGTABLE_UNMAP, .base = base.v, .size = size };

	return change_range(s2, &change);
}

bool stage2_uniform(struct stage2 *s2, ipa_t base, pa_t to, uint64_t size, unsigned *attrs)
{
	pte_t found;
	bool uniform;

	if (pgtable_check_range(&s2->table, base.v, size) != OK) {
		return false;
	}
	spin_lock(&s2->lock);
	uniform = pgtable_uniform(&s2->table, base.v, to, size, &found);
	spin_unlock(&s2->lock);
	if (uniform) {
		*attrs = decode(found);
	}
	return uniform;
}

void stage2_compact(struct stage2 *s2)
{
	struct pgtable_change change = { 0 };

	spin_lock(&s2->lock);
	pgtable_compact(&s2->table, &change);
	free_pages(&change.dead);
	spin_unlock(&s2->lock);
}

bool stage2_lookup(struct stage2 *s2, ipa_t base, pa_t *to, unsigned *attrs, uint64_t *run)
{
	uint64_t size, offset;
	pte_t leaf;
	bool found;

	spin_lock(&s2->lock);
	found = pgtable_lookup(&s2->table, base.v, &leaf, &size);
	spin_unlock(&s2->lock);
	if (!found) {
		return false;
	}
	offset = base.v & (size - 1);
	*to = pa(pte_address(leaf).v + offset);
	*attrs = decode(leaf);
	*run = size - offset;
	return true;
}

bool stage2_next(struct stage2 *s2, ipa_t *at, uint64_t *run, unsigned *attrs)
{
	uint64_t address = at->v, size = 0;
	bool found = false;
	pte_t leaf;

	spin_lock(&s2->lock);
	while (address < BIT(s2->table.address_bits)) {
		found = pgtable_lookup(&s2->table, address, &leaf, &size);
		if (found) {
			break;
		}
		address = ALIGN_DOWN(address, size) + size;
	}
	spin_unlock(&s2->lock);
	if (found) {
		*at = ipa(address);
		*run = size - (address & (size - 1));
		*attrs = decode(leaf);
	}
	return found;
}
