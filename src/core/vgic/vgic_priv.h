/* SPDX-License-Identifier: MIT */
/* What the files of the vGIC share among themselves. */
#ifndef CORE_VGIC_VGIC_PRIV_H
#define CORE_VGIC_VGIC_PRIV_H

#include "arch/atomic.h"
#include "core/vgic/lr.h"
#include "core/vgic/vgic.h"

/* The group enables of GICD_CTLR. */
#define CTLR_ENABLE_GRP0 BIT(0)
#define CTLR_ENABLE_GRP1 BIT(1)

#define CTLR_ARE_DS (BIT(4) | BIT(6)) /* affinity routing always, one Security state */
#define IIDR_TRIVET 0x54000000u       /* ProductID 'T', without a JEP106 code */

#define FIRST_SPI VGIC_PRIVATE_COUNT

/* Takes the lowest set bit out of 'mask' and gives its number; 'mask' is not zero. */
static inline unsigned take_bit(uint32_t *mask)
{
	unsigned bit = (unsigned)__builtin_ctz(*mask);

	*mask &= *mask - 1;
	return bit;
}

/* Word 'w' as 'cpu' sees it: word 0 is its own. */
static inline struct vgic_word *vgic_word(struct vgic_cpu *cpu, unsigned w)
{
	return w == 0 ? &cpu->word : &cpu->vgic->words[w - 1];
}

static inline struct vgic_spi *vgic_spi(const struct vgic *vgic, unsigned intid)
{
	return &vgic->spis[intid - FIRST_SPI];
}

/* True if a list register of 'cpu' holds it, given that one does; false if it is another's. */
static inline bool vgic_owns(const struct vgic_cpu *cpu, unsigned intid)
{
	return intid < FIRST_SPI || atomic_load(&vgic_spi(cpu->vgic, intid)->owner) == cpu->index;
}

static inline bool vgic_routed_here(const struct vgic_cpu *cpu, unsigned intid)
{
	return intid < FIRST_SPI || atomic_load(&vgic_spi(cpu->vgic, intid)->route) == cpu->index;
}

/* The interrupts of a word that exist: INTIDs 1020 to 1023 never do. */
static inline uint32_t vgic_word_mask(unsigned w) { return w == VGIC_WORD_MAX - 1 ? UINT32_MAX >> 4 : UINT32_MAX; }

/* Pending without regard to list registers. */
static inline uint32_t vgic_word_pending(const struct vgic_word *word)
{
	return atomic_load(&word->pending) | (atomic_load(&word->line) & ~atomic_load(&word->edge));
}

/* Those that could be delivered were they pending: enabled, group enabled, not active. */
static inline uint32_t vgic_word_open(const struct vgic *vgic, const struct vgic_word *word)
{
	uint32_t ctlr = atomic_load(&vgic->ids[VGIC_ID_CTLR]);
	uint32_t group = atomic_load(&word->group);
	uint32_t groups = ((ctlr & CTLR_ENABLE_GRP1) != 0 ? group : 0) | ((ctlr & CTLR_ENABLE_GRP0) != 0 ? ~group : 0);

	return atomic_load(&word->enabled) & groups & ~atomic_load(&word->active);
}

/* Those that a list register should hold, as far as the word tells. */
static inline uint32_t vgic_word_ready(const struct vgic *vgic, const struct vgic_word *word)
{
	return vgic_word_pending(word) & vgic_word_open(vgic, word);
}

/* Notes interrupts of word 'w' for the next vgic_enter() of 'cpu', which somebody else brings about by 'dirty'. */
static inline void vgic_note(struct vgic_cpu *cpu, unsigned w, uint32_t mask)
{
	atomic_or(&cpu->check[w], mask);
	atomic_or(&cpu->check_words, 1u << w);
}

/*
 * SGIs and the timer come again and again. Such an interrupt keeps its list register when the guest is done with it,
 * until somebody folds; if nothing about it was changed meanwhile, which folds, too, the same value is written once
 * more.
 */
static inline bool lr_refill(struct vgic_cpu *cpu, unsigned intid)
{
	unsigned i = cpu->again_lr[intid];

	if ((cpu->again >> intid & 1) == 0 || (read_ich_elrsr_el2() >> i & 1) == 0) {
		return false;
	}
	lr_write(i, cpu->lr[i]);
	return true;
}

/*
 * Tells the vCPUs concerned that interrupts of word 'w' changed, after the change. 'cpu' is whose word 0 is meant;
 * 'self' is the vCPU that runs on this CPU and is here in a trap of its own, or NULL: it needs no kick.
 */
void vgic_ring(struct vgic_cpu *self, struct vgic_cpu *cpu, unsigned w, uint32_t mask);
/* The same for the SPIs of a word when there is no vCPU at hand. */
void vgic_ring_spis(struct vgic *vgic, struct vgic_cpu *self, unsigned w, uint32_t mask);

/*
 * Does 'op' to interrupts 'mask' of word 'w', wherever their state is: in the word, in this CPU's list registers or
 * in another's, which is then waited for. Word 0 is that of 'cpu'. 'self' is the vCPU on this CPU. The result of the
 * GET ops.
 */
uint32_t vgic_act(struct vgic_cpu *self, struct vgic_cpu *cpu, enum vgic_op op, unsigned w, uint32_t mask);

/* Does what another vCPU asks for by 'request'. Own CPU. */
void vgic_serve_request(struct vgic_cpu *cpu);

/* The index of the vCPU with that affinity, packed as in struct vgic_spi, or VGIC_NOBODY. */
uint16_t vgic_route_find(const struct vgic *vgic, uint32_t affinity);

/* An SGI to the vCPU that is loaded here; false if it takes more than a free list register. */
bool vgic_sgi_quick(struct vgic_cpu *cpu, unsigned intid);

#endif
