/* SPDX-License-Identifier: MIT */
#include "core/vgic/vgic.h"

#include "arch/barrier.h"
#include "arch/sysreg.h"
#include "core/mm/pool.h"
#include "core/port/vgic_port.h"
#include "core/vgic/vgic_priv.h"
#include "lib/str.h"

#define VTR_LISTREGS_SHIFT 0 /* one less than there are */
#define VTR_LISTREGS_WIDTH 5
#define VTR_A3V BIT(21)
#define VTR_PRIBITS_SHIFT 29 /* one less than there are */
#define VTR_PRIBITS_WIDTH 3
#define ICC_CTLR_RSS BIT(18)

#define TYPER_IDBITS_10 (9u << 19)
#define TYPER_A3V BIT(24)
#define TYPER_NO1N BIT(25)
#define TYPER_RSS BIT(26)

#define WAKER_ASLEEP 0x6u /* ProcessorSleep, ChildrenAsleep */

#define SGIR_LIST_MASK 0xffffu
#define SGIR_AFF1_SHIFT 16
#define SGIR_AFF1_WIDTH 8
#define SGIR_INTID_SHIFT 24
#define SGIR_INTID_WIDTH 4
#define SGIR_AFF2_SHIFT 32
#define SGIR_AFF2_WIDTH 8
#define SGIR_IRM BIT(40)
#define SGIR_RS_SHIFT 44
#define SGIR_RS_WIDTH 4
#define SGIR_AFF3_SHIFT 48
#define SGIR_AFF3_WIDTH 8

#define MPIDR_AFF_MASK UINT64_C(0xff00ffffff)

/* ---- life ---- */

static uint32_t typer_make(const struct vgic *vgic)
{
	uint32_t typer = (vgic->word_count - 1) | TYPER_IDBITS_10 | (uint32_t)TYPER_NO1N;

	if ((read_ich_vtr_el2() & VTR_A3V) != 0) {
		typer |= (uint32_t)TYPER_A3V;
	}
	if ((read_icc_ctlr_el1() & ICC_CTLR_RSS) != 0) {
		typer |= (uint32_t)TYPER_RSS;
	}
	return typer;
}

bool vgic_init(struct vgic *vgic, unsigned vcpu_count, unsigned spi_count)
{
	memset(vgic, 0, sizeof(*vgic));
	if (vcpu_count == 0 || vcpu_count > VGIC_VCPU_MAX || spi_count > VGIC_SPI_MAX) {
		return false;
	}
	vgic->vcpu_count = vcpu_count;
	vgic->word_count = 1 + (spi_count + 31) / 32;
	vgic->spi_count = (vgic->word_count - 1) * 32;
	vgic->ids[VGIC_ID_TYPER] = typer_make(vgic);
	vgic->ids[VGIC_ID_IIDR] = IIDR_TRIVET;
	vgic->priority_mask = (uint8_t)(0xff00 >> (FIELD_GET(VTR_PRIBITS, read_ich_vtr_el2()) + 1));
	vgic->cpus = pool_alloc_object(vcpu_count * sizeof(struct vgic_cpu *));
	if (vgic->spi_count != 0) {
		vgic->words = pool_alloc_object((vgic->word_count - 1) * sizeof(struct vgic_word));
		vgic->spis = pool_alloc_object(vgic->spi_count * sizeof(struct vgic_spi));
	}
	if (vgic->cpus == NULL || (vgic->spi_count != 0 && (vgic->words == NULL || vgic->spis == NULL))) {
		vgic_destroy(vgic);
		return false;
	}
	vgic_reset(vgic);
	return true;
}

static void word_reset(struct vgic_word *word)
{
	uint32_t line = word->line;

	memset(word, 0, sizeof(*word));
	word->line = line;
	word->group = UINT32_MAX; /* as KVM has it: a guest made for the Non-secure state does not set it */
}

uint16_t vgic_route_find(const struct vgic *vgic, uint32_t affinity)
{
	uint64_t mpidr = (uint64_t)(affinity >> 24) << 32 | (affinity & 0xffffff);

	for (uint32_t i = 0; i < vgic->vcpu_count; i++) {
		if (vgic->cpus[i] != NULL && vgic->cpus[i]->affinity == mpidr) {
			return (uint16_t)i;
		}
	}
	return VGIC_NOBODY;
}

static void cpu_reset(struct vgic_cpu *cpu)
{
	cpu->dirty = 0;
	cpu->check_words = 0;
	cpu->lr_used = 0;
	cpu->word.line &= ~cpu->hw; /* not an input: it fires again */
	cpu->hw = 0;
	cpu->waiting = false;
	cpu->waker = WAKER_ASLEEP;
	memset(cpu->check, 0, sizeof(cpu->check));
	memset(&cpu->request, 0, sizeof(cpu->request));
	word_reset(&cpu->word);
	cpu->word.edge = 0xffff;
	vgic_cpu_reset(cpu);
}

void vgic_cpu_reset(struct vgic_cpu *cpu)
{
	cpu->vmcr = 0;
	cpu->parked_count = 0;
	memset(cpu->parked.mask, 0, sizeof(cpu->parked.mask));
	memset(cpu->ap0r, 0, sizeof(cpu->ap0r));
	memset(cpu->ap1r, 0, sizeof(cpu->ap1r));
}

void vgic_reset(struct vgic *vgic)
{
	uint16_t boot_cpu = vgic_route_find(vgic, 0);

	vgic->ids[VGIC_ID_CTLR] = (uint32_t)CTLR_ARE_DS;
	for (uint32_t w = 0; w + 1 < vgic->word_count; w++) {
		word_reset(&vgic->words[w]);
	}
	for (uint32_t i = 0; i < vgic->spi_count; i++) {
		vgic->spis[i] = (struct vgic_spi){ .route = boot_cpu, .owner = VGIC_NOBODY };
	}
	for (uint32_t i = 0; i < vgic->vcpu_count; i++) {
		if (vgic->cpus[i] != NULL) {
			cpu_reset(vgic->cpus[i]);
		}
	}
}

bool vgic_cpu_init(struct vgic *vgic, unsigned index, struct vgic_cpu *cpu, struct vcpu *vcpu, uint64_t mpidr)
{
	if (index >= vgic->vcpu_count || vgic->cpus[index] != NULL) {
		return false;
	}
	memset(cpu, 0, sizeof(*cpu));
	cpu->vgic = vgic;
	cpu->vcpu = vcpu;
	cpu->index = (uint16_t)index;
	cpu->affinity = mpidr & MPIDR_AFF_MASK;
	cpu->sgi_self = FIELD_PUT(SGIR_AFF3, mpidr >> 32) | FIELD_PUT(SGIR_AFF2, mpidr >> 16) |
			FIELD_PUT(SGIR_AFF1, mpidr >> 8) | FIELD_PUT(SGIR_RS, (mpidr & 0xff) >> 4) | BIT(mpidr & 15);
	cpu->lr_all = (uint32_t)(BIT(MIN(FIELD_GET(VTR_LISTREGS, read_ich_vtr_el2()) + 1, VGIC_LR_MAX)) - 1);
	cpu_reset(cpu);
	vgic->cpus[index] = cpu;
	if (cpu->affinity == 0) {
		/* Where all SPIs are routed after reset. */
		for (uint32_t i = 0; i < vgic->spi_count; i++) {
			vgic->spis[i].route = cpu->index;
		}
	}
	return true;
}

void vgic_destroy(struct vgic *vgic)
{
	if (vgic->cpus != NULL) {
		pool_free_object(vgic->cpus, vgic->vcpu_count * sizeof(struct vgic_cpu *));
	}
	if (vgic->words != NULL) {
		pool_free_object(vgic->words, (vgic->word_count - 1) * sizeof(struct vgic_word));
	}
	if (vgic->spis != NULL) {
		pool_free_object(vgic->spis, vgic->spi_count * sizeof(struct vgic_spi));
	}
	memset(vgic, 0, sizeof(*vgic));
}

/* ---- who is concerned ---- */

static void ring_cpu(struct vgic_cpu *self, struct vgic_cpu *target, unsigned w, uint32_t mask)
{
	vgic_note(target, w, mask);
	atomic_or(&target->dirty, VGIC_DIRTY_DELIVER);
	if (target != self) {
		vgic_port_kick(target->vcpu);
	}
}

void vgic_ring_spis(struct vgic *vgic, struct vgic_cpu *self, unsigned w, uint32_t mask)
{
	/*
	 * Either we see the owner here or the owner sees our change: partner is the barrier after a claim
	 * (lr.c, lr_claim), and after a release (lr_release).
	 */
	dmb_ish();
	while (mask != 0) {
		unsigned bit = take_bit(&mask);
		struct vgic_spi *spi = vgic_spi(vgic, w * 32 + bit);
		uint16_t target = atomic_load(&spi->owner);

		if (target == VGIC_NOBODY) {
			target = atomic_load(&spi->route);
		}
		if (target != VGIC_NOBODY) {
			ring_cpu(self, vgic->cpus[target], w, 1u << bit);
		}
	}
}

void vgic_ring(struct vgic_cpu *self, struct vgic_cpu *cpu, unsigned w, uint32_t mask)
{
	if (w == 0) {
		if (mask != 0) {
			ring_cpu(self, cpu, 0, mask);
		}
	} else {
		vgic_ring_spis(cpu->vgic, self, w, mask);
	}
}

/* ---- input lines ---- */

/* True if somebody must be told. */
static bool line_set(struct vgic_word *word, uint32_t bit, bool level)
{
	uint32_t old = level ? atomic_or(&word->line, bit) : atomic_and(&word->line, ~bit);

	if (((old & bit) != 0) == level) {
		return false;
	}
	if ((atomic_load(&word->edge) & bit) == 0) {
		return true;
	}
	return level && (atomic_or(&word->pending, bit) & bit) == 0;
}

/* The word of an SPI and its bit there, or NULL if there is none of that INTID. */
static struct vgic_word *spi_word(const struct vgic *vgic, unsigned intid, uint32_t *bit)
{
	unsigned w = intid / 32;

	*bit = 1u << (intid % 32);
	return w == 0 || w >= vgic->word_count || (vgic_word_mask(w) & *bit) == 0 ? NULL : &vgic->words[w - 1];
}

void vgic_set_spi(struct vgic *vgic, unsigned intid, bool level)
{
	uint32_t bit;
	struct vgic_word *word = spi_word(vgic, intid, &bit);

	if (word != NULL && line_set(word, bit, level)) {
		vgic_ring_spis(vgic, NULL, intid / 32, bit);
	}
}

void vgic_pulse_spi(struct vgic *vgic, unsigned intid)
{
	uint32_t bit;
	struct vgic_word *word = spi_word(vgic, intid, &bit);

	if (word != NULL && (atomic_load(&word->edge) & bit) != 0 && (atomic_or(&word->pending, bit) & bit) == 0) {
		vgic_ring_spis(vgic, NULL, intid / 32, bit);
	}
}

void vgic_set_ppi(struct vgic_cpu *cpu, unsigned intid, bool level)
{
	uint32_t bit = 1u << (intid % 32);

	if (intid >= VGIC_SGI_COUNT && intid < VGIC_PRIVATE_COUNT && line_set(&cpu->word, bit, level)) {
		ring_cpu(NULL, cpu, 0, bit);
	}
}

/* ---- SGIs ---- */

/* Sets the latch and rings. */
static void sgi_latch(struct vgic_cpu *self, struct vgic_cpu *target, uint32_t bit)
{
	if ((atomic_or(&target->word.pending, bit) & bit) == 0) {
		atomic_or(&target->dirty, VGIC_DIRTY_SGI);
		if (target != self) {
			vgic_port_kick(target->vcpu);
		}
	}
}

void vgic_pulse_sgi(struct vgic_cpu *cpu, unsigned intid)
{
	sgi_latch(NULL, cpu, 1u << intid);
}

/* ICC_SGI1R generates SGIs of either group when DS is 1, ICC_SGI0R those of Group 0 only (IHI 0069, 12.1.10). */
static inline bool sgi_allowed(const struct vgic_cpu *target, unsigned intid, bool group1)
{
	return group1 || (atomic_load(&target->word.group) >> intid & 1) == 0;
}

static __attribute__((noinline)) void sgi_to_self(struct vgic_cpu *cpu, unsigned intid)
{
	if (unlikely(!lr_refill(cpu, intid) && !vgic_sgi_quick(cpu, intid))) {
		sgi_latch(cpu, cpu, 1u << intid);
	}
}

static __attribute__((noinline)) void sgi_to(struct vgic_cpu *self, struct vgic_cpu *target, unsigned intid)
{
	sgi_latch(self, target, 1u << intid);
}

static void sgi_send(struct vgic_cpu *self, struct vgic_cpu *target, unsigned intid, bool group1)
{
	if (!sgi_allowed(target, intid, group1)) {
		return;
	}
	if (target == self) {
		sgi_to_self(self, intid);
	} else {
		sgi_to(self, target, intid);
	}
}

/* To all others, or to a list. */
static __attribute__((noinline)) void sgi_to_many(struct vgic_cpu *cpu, uint64_t value, bool group1)
{
	struct vgic *vgic = cpu->vgic;
	unsigned intid = (unsigned)FIELD_GET(SGIR_INTID, value);
	uint32_t list = (uint32_t)value & SGIR_LIST_MASK;
	/* Affinity of the first vCPU that the list can name. */
	uint64_t base = FIELD_GET(SGIR_AFF3, value) << 32 | FIELD_GET(SGIR_AFF2, value) << 16 |
			FIELD_GET(SGIR_AFF1, value) << 8 | FIELD_GET(SGIR_RS, value) << 4;

	for (uint32_t i = 0; i < vgic->vcpu_count; i++) {
		struct vgic_cpu *target = vgic->cpus[i];
		uint64_t nth = target->affinity - base;

		if ((value & SGIR_IRM) != 0 ? target != cpu : nth < 16 && (list >> nth & 1) != 0) {
			sgi_send(cpu, target, intid, group1);
		}
	}
}

/*
 * What is common: one target, by ICC_SGI1R, and it is the sender or in the first cluster, with its index as its Aff0.
 */
void vgic_sgi(struct vgic_cpu *cpu, uint64_t value, bool group1)
{
	const struct vgic *vgic = cpu->vgic;
	unsigned intid = (unsigned)FIELD_GET(SGIR_INTID, value);
	uint64_t list = value & ~FIELD_MASK(SGIR_INTID);

	if (likely(group1 && list == cpu->sgi_self)) {
		sgi_to_self(cpu, intid);
		return;
	}
	if (likely(group1 && list <= SGIR_LIST_MASK && IS_POWER_OF_2(list))) {
		unsigned first = (unsigned)__builtin_ctzl(list);

		if (likely(first < vgic->vcpu_count && vgic->cpus[first]->affinity == first)) {
			sgi_to(cpu, vgic->cpus[first], intid);
			return;
		}
	}
	sgi_to_many(cpu, value, group1);
}
