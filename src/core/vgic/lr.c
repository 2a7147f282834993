/* SPDX-License-Identifier: MIT */
#include "core/vgic/lr.h"

#include "arch/barrier.h"
#include "core/port/vgic_port.h"
#include "core/vgic/vgic_priv.h"

unsigned lr_find(const struct vgic_cpu *cpu, unsigned intid)
{
	uint32_t used = cpu->lr_used;

	while (used != 0) {
		unsigned i = take_bit(&used);

		if (lr_intid(cpu, i) == intid) {
			return i;
		}
	}
	return NO_LR;
}

/* ---- claims ---- */

bool lr_claim(struct vgic_cpu *cpu, unsigned intid)
{
	uint32_t bit = 1u << (intid % 32);
	uint16_t nobody = VGIC_NOBODY;

	if (intid < FIRST_SPI) {
		if ((cpu->word.loaded & bit) != 0) {
			return false;
		}
		atomic_store(&cpu->word.loaded, cpu->word.loaded | bit);
	} else if (atomic_cas(&vgic_spi(cpu->vgic, intid)->owner, &nobody, cpu->index)) {
		atomic_or(&vgic_word(cpu, intid / 32)->loaded, bit);
	} else {
		return false;
	}
	/*
	 * Who changes the word after this sees the claim; what changed before, we see. Partner: vgic_ring_spis,
	 * vgic_act.
	 */
	dmb_ish();
	return true;
}

void lr_release(struct vgic_cpu *cpu, unsigned intid)
{
	uint32_t bit = 1u << (intid % 32);

	if (intid < FIRST_SPI) {
		atomic_store_release(&cpu->word.loaded, cpu->word.loaded & ~bit);
	} else {
		atomic_and(&vgic_word(cpu, intid / 32)->loaded, ~bit);
		atomic_store_release(&vgic_spi(cpu->vgic, intid)->owner, VGIC_NOBODY);
	}
	/* Who changes the word after this finds no owner; what changed before, we see. Partner: vgic_ring_spis. */
	dmb_ish();
}

void lr_look_again(struct vgic_cpu *cpu, unsigned intid)
{
	unsigned w = intid / 32;
	uint32_t bit = 1u << (intid % 32);

	if (((vgic_word_ready(cpu->vgic, vgic_word(cpu, w)) | (w == 0 ? cpu->hw : 0)) & bit) != 0) {
		vgic_note(cpu, w, bit);
		atomic_or(&cpu->dirty, VGIC_DIRTY_DELIVER);
	}
}

/* ---- out of the list registers ---- */

void lr_not_again(struct vgic_cpu *cpu, unsigned intid)
{
	if (intid < VGIC_PRIVATE_COUNT) {
		cpu->again &= ~(1u << intid);
	}
}

void lr_drop(struct vgic_cpu *cpu, unsigned i)
{
	lr_not_again(cpu, lr_intid(cpu, i));
	cpu->lr_used &= ~(1u << i);
	cpu->lr_latched &= ~(1u << i);
	lr_write(i, 0);
	lr_release(cpu, lr_intid(cpu, i));
}

void lr_finish(struct vgic_cpu *cpu, unsigned i)
{
	unsigned intid = lr_intid(cpu, i);

	if ((cpu->lr[i] & LR_HW) != 0) {
		/* The hardware has deactivated the physical one, too. */
		cpu->hw &= ~(1u << intid);
		atomic_and(&cpu->word.line, ~(1u << intid));
	}
	cpu->lr_used &= ~(1u << i);
	cpu->lr_latched &= ~(1u << i);
	if ((cpu->lr[i] & LR_EOI) != 0) {
		lr_write(i, 0); /* or the maintenance interrupt would stay */
	}
	lr_not_again(cpu, intid);
	lr_release(cpu, intid);
	lr_look_again(cpu, intid);
}

void lr_take_back(struct vgic_cpu *cpu, unsigned i)
{
	unsigned intid = lr_intid(cpu, i);

	if ((cpu->lr_latched & 1u << i) != 0) {
		atomic_or(&vgic_word(cpu, intid / 32)->pending, 1u << (intid % 32));
	}
	atomic_add(&vgic_word(cpu, intid / 32)->moved, 1);
	lr_drop(cpu, i);
}

void lr_park(struct vgic_cpu *cpu, unsigned i)
{
	unsigned intid = lr_intid(cpu, i);
	unsigned w = intid / 32;
	uint32_t bit = 1u << (intid % 32);

	cpu->parked_count += (cpu->parked.mask[w] & bit) == 0;
	cpu->parked.mask[w] |= bit;
	cpu->parked.group[w] = (cpu->lr[i] & LR_GROUP) != 0 ? cpu->parked.group[w] | bit : cpu->parked.group[w] & ~bit;
	cpu->parked.priority[intid] = (uint8_t)FIELD_GET(LR_PRIORITY, cpu->lr[i]);
	atomic_or(&vgic_word(cpu, w)->active, bit);
	atomic_add(&vgic_word(cpu, w)->moved, 1);
	lr_drop(cpu, i);
}

/* ---- interrupts with a physical one behind them ---- */

/*
 * The physical interrupt is held active for the PPI, so what its device does meanwhile is not told to us: look. With
 * the line low the PPI is not pending any more, and the physical one is let go, unless the guest is at it.
 */
void lr_hw_sample(struct vgic_cpu *cpu, uint32_t mask)
{
	mask &= cpu->hw;
	while (mask != 0) {
		unsigned intid = take_bit(&mask);
		uint32_t bit = 1u << intid;
		unsigned physical = cpu->physical[intid];

		unsigned i;

		if (vgic_port_physical_line(physical)) {
			atomic_or(&cpu->word.line, bit);
			continue;
		}
		atomic_and(&cpu->word.line, ~bit);
		lr_not_again(cpu, intid);
		i = (cpu->word.loaded & bit) != 0 ? lr_find(cpu, intid) : NO_LR;
		if (i != NO_LR && (lr_read(i) & LR_PENDING) != 0) {
			lr_take_back(cpu, i);
		}
		if (((cpu->word.loaded | atomic_load(&cpu->word.active)) & bit) == 0) {
			cpu->hw &= ~bit;
			vgic_port_set_physical_active(physical, false);
			lr_look_again(cpu, intid);
		}
	}
}

/* ---- parked interrupts ---- */

/* The parked interrupt of the highest priority; there is one. */
static unsigned parked_first(const struct vgic_cpu *cpu)
{
	unsigned best = 0;
	unsigned best_priority = UINT8_MAX + 1;

	for (unsigned w = 0; w < cpu->vgic->word_count; w++) {
		uint32_t mask = cpu->parked.mask[w];

		while (mask != 0) {
			unsigned intid = w * 32 + take_bit(&mask);

			if (cpu->parked.priority[intid] < best_priority) {
				best = intid;
				best_priority = cpu->parked.priority[intid];
			}
		}
	}
	return best;
}

void lr_unpark(struct vgic_cpu *cpu, unsigned intid)
{
	uint32_t bit = 1u << (intid % 32);

	if ((cpu->parked.mask[intid / 32] & bit) != 0) {
		cpu->parked.mask[intid / 32] &= ~bit;
		cpu->parked_count--;
	}
}

/*
 * The guest ended interrupts that were in no list register (EOImode 0). Ends come in the reverse order of acknowledges,
 * so these were the parked ones of the highest priority.
 */
static void count_ends(struct vgic_cpu *cpu)
{
	uint64_t count = FIELD_GET(HCR_EOICOUNT, read_ich_hcr_el2());
	bool split = (read_ich_vmcr_el2() & VMCR_VEOIM) != 0;

	if (count == 0) {
		return;
	}
	write_ich_hcr_el2(cpu->hcr);
	/* With EOImode 1 it is ICC_DIR that deactivates, and that traps. */
	while (!split && count-- != 0 && cpu->parked_count != 0) {
		unsigned intid = parked_first(cpu);

		lr_unpark(cpu, intid);
		atomic_and(&vgic_word(cpu, intid / 32)->active, ~(1u << (intid % 32)));
		vgic_note(cpu, intid / 32, 1u << (intid % 32));
	}
}

void lr_fold(struct vgic_cpu *cpu)
{
	if (cpu->lr_used != 0) {
		/* An empty one that asked to hear of the end shows in EISR and not in ELRSR (IHI 0069, 12.4.5). */
		uint32_t finished = (uint32_t)(read_ich_elrsr_el2() | read_ich_eisr_el2()) & cpu->lr_used;

		while (finished != 0) {
			lr_finish(cpu, take_bit(&finished));
		}
	}
	if (unlikely(cpu->parked_count != 0)) {
		count_ends(cpu);
	}
}

/* ---- into the list registers ---- */

uint64_t lr_make(struct vgic_cpu *cpu, unsigned intid)
{
	const struct vgic_word *word = vgic_word(cpu, intid / 32);
	uint32_t bit = 1u << (intid % 32);
	uint64_t lr = FIELD_PUT(LR_INTID, intid) | FIELD_PUT(LR_PRIORITY, atomic_load(&word->priority[intid % 32]));

	if ((atomic_load(&word->group) & bit) != 0) {
		lr |= LR_GROUP;
	}
	if (intid < FIRST_SPI && (cpu->hw & bit) != 0) {
		return lr | LR_HW | FIELD_PUT(LR_PINTID, cpu->physical[intid]);
	}
	/* A level may still be high at the end, or be high again: only we can see that. */
	return (atomic_load(&word->edge) & bit) == 0 ? lr | LR_EOI : lr;
}

void lr_fill(struct vgic_cpu *cpu, unsigned i, unsigned intid, bool latched)
{
	uint64_t lr = lr_make(cpu, intid) | LR_PENDING;

	cpu->lr_used |= 1u << i;
	cpu->lr_latched |= (uint32_t)latched << i;
	if (intid < VGIC_PRIVATE_COUNT && (lr & LR_EOI) == 0 && latched == (intid < VGIC_SGI_COUNT) && !cpu->waiting) {
		cpu->again |= 1u << intid;
		cpu->again_lr[intid] = (uint8_t)i;
	}
	lr_set(cpu, i, lr);
}

void lr_unpark_all(struct vgic_cpu *cpu)
{
	uint32_t room = cpu->lr_all & ~cpu->lr_used;

	while (room != 0 && cpu->parked_count != 0) {
		unsigned intid = parked_first(cpu);
		struct vgic_word *word = vgic_word(cpu, intid / 32);
		uint32_t bit = 1u << (intid % 32);
		unsigned i;
		uint64_t lr;

		lr_unpark(cpu, intid);
		if (!lr_claim(cpu, intid)) {
			continue;
		}
		if ((atomic_and(&word->active, ~bit) & bit) == 0) {
			lr_release(cpu, intid); /* somebody wrote ICACTIVER */
			lr_look_again(cpu, intid);
			continue;
		}
		i = take_bit(&room);
		/* The hardware finds it at its end only as it was acknowledged. */
		lr = lr_make(cpu, intid) & ~(FIELD_MASK(LR_PRIORITY) | LR_GROUP);
		lr |= FIELD_PUT(LR_PRIORITY, cpu->parked.priority[intid]);
		if ((cpu->parked.group[intid / 32] & bit) != 0) {
			lr |= LR_GROUP;
		}
		if ((atomic_load(&word->pending) & bit) != 0) {
			lr = (lr & ~(LR_HW | FIELD_MASK(LR_PINTID))) | LR_EOI;
		}
		cpu->lr_used |= 1u << i;
		lr_set(cpu, i, lr | LR_ACTIVE);
	}
}
