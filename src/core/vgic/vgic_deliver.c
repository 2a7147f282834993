/* SPDX-License-Identifier: MIT */
/*
 * Delivery: the best pending interrupts go into the list registers of the vCPU that they are routed to. All state
 * here is of vCPUs that are loaded on the calling CPU, unless a function says otherwise.
 */
#include "core/vgic/vgic.h"

#include "arch/barrier.h"
#include "core/port/vgic_port.h"
#include "core/vgic/lr.h"
#include "core/vgic/vgic_priv.h"

#define KEY_MASKED 0x100u /* behind every priority: the guest does not take that group now */
#define ENTER_TURNS 64
#define SGI_MASK 0xffffu

/* Puts an interrupt into list register i if it is still to be delivered, and here. */
static void lr_load(struct vgic_cpu *cpu, unsigned i, unsigned intid)
{
	struct vgic_word *word = vgic_word(cpu, intid / 32);
	uint32_t bit = 1u << (intid % 32);

	if (!lr_claim(cpu, intid)) {
		return;
	}
	if ((vgic_word_ready(cpu->vgic, word) & bit) == 0 || !vgic_routed_here(cpu, intid)) {
		lr_release(cpu, intid);
		lr_look_again(cpu, intid);
		return;
	}
	lr_fill(cpu, i, intid,
		(atomic_load(&word->pending) & bit) != 0 && (atomic_and(&word->pending, ~bit) & bit) != 0);
}

/* What to compare when two interrupts want one list register; lower is better. */
static unsigned lr_key(uint64_t lr, uint64_t vmcr)
{
	unsigned key = (unsigned)FIELD_GET(LR_PRIORITY, lr);

	return (vmcr & ((lr & LR_GROUP) != 0 ? VMCR_VENG1 : VMCR_VENG0)) != 0 ? key : key | KEY_MASKED;
}

/* A pending interrupt finds no list register. What comes again must not go before it. */
static void wait_for_room(struct vgic_cpu *cpu, unsigned intid)
{
	vgic_note(cpu, intid / 32, 1u << (intid % 32));
	cpu->waiting = true;
	cpu->again = 0;
}

/*
 * Makes room for an interrupt that is better than the worst pending one, or preempts when all are active. NO_LR: it
 * waits.
 */
static unsigned lr_evict(struct vgic_cpu *cpu, unsigned intid)
{
	uint64_t vmcr = read_ich_vmcr_el2();
	unsigned worst_pending = NO_LR;
	unsigned worst_active = NO_LR;
	unsigned pending_key = lr_key(lr_make(cpu, intid), vmcr);
	unsigned active_key = 0;
	uint32_t used = cpu->lr_used;
	bool any_pending = false;

	while (used != 0) {
		unsigned i = take_bit(&used);
		uint64_t lr = lr_read(i);
		unsigned key = (lr & LR_ACTIVE) != 0 ? (unsigned)FIELD_GET(LR_PRIORITY, lr) : lr_key(lr, vmcr);

		if ((lr & LR_PENDING) != 0) {
			any_pending = true;
			if (key > pending_key) {
				worst_pending = i;
				pending_key = key;
			}
		} else if (worst_active == NO_LR || key >= active_key) {
			worst_active = i;
			active_key = key;
		}
	}
	if (worst_pending != NO_LR) {
		unsigned evicted = lr_intid(cpu, worst_pending);

		lr_take_back(cpu, worst_pending);
		wait_for_room(cpu, evicted);
		return worst_pending;
	}
	if (any_pending) {
		return NO_LR;
	}
	lr_park(cpu, worst_active);
	return worst_active;
}

static void place(struct vgic_cpu *cpu, unsigned intid)
{
	uint32_t room = cpu->lr_all & ~cpu->lr_used;
	unsigned i = room != 0 ? take_bit(&room) : lr_evict(cpu, intid);

	if (i == NO_LR) {
		wait_for_room(cpu, intid);
		return;
	}
	lr_load(cpu, i, intid);
}

/* Something about an interrupt in one of our list registers changed. True if it left. */
static bool lr_recheck(struct vgic_cpu *cpu, unsigned intid)
{
	const struct vgic_word *word = vgic_word(cpu, intid / 32);
	uint32_t bit = 1u << (intid % 32);
	unsigned i = lr_find(cpu, intid);
	uint64_t lr;

	if (i == NO_LR) {
		return true;
	}
	lr_not_again(cpu, intid);
	lr = lr_read(i);
	if ((lr & LR_PENDING) != 0) {
		/*
		 * Out, and in again if it is still to be delivered here: with the priority and group that it has now.
		 */
		lr_take_back(cpu, i);
		return true;
	}
	if ((lr & LR_ACTIVE) == 0) {
		lr_finish(cpu, i);
		return true;
	}
	if ((lr & LR_EOI) == 0 && ((atomic_load(&word->pending) & bit) != 0 ||
				   ((lr & LR_HW) == 0 && (atomic_load(&word->edge) & bit) == 0))) {
		/*
		 * There will be more at its end. A physical one stays active beyond that, then: lr_hw_sample sees to
		 * it.
		 */
		lr_set(cpu, i, (lr & ~(LR_HW | FIELD_MASK(LR_PINTID))) | LR_EOI);
	}
	return false;
}

/* Of noted interrupts of one word, those in our list registers. Those that leave stay noted. */
static void recheck_word(struct vgic_cpu *cpu, unsigned w)
{
	uint32_t mask = atomic_load(&cpu->check[w]) & atomic_load(&vgic_word(cpu, w)->loaded);

	while (unlikely(mask != 0)) {
		unsigned bit = take_bit(&mask);

		if (vgic_owns(cpu, w * 32 + bit)) {
			atomic_and(&cpu->check[w], ~(1u << bit));
			if (lr_recheck(cpu, w * 32 + bit)) {
				vgic_note(cpu, w, 1u << bit);
			}
		}
	}
}

/* Of noted interrupts of one word, those that want to get in, and those for somebody else. */
static void place_word(struct vgic_cpu *cpu, unsigned w, uint32_t mask)
{
	struct vgic_word *word = vgic_word(cpu, w);
	uint32_t ready, loaded;

	if (w == 0 && (cpu->hw & mask) != 0) {
		lr_hw_sample(cpu, mask);
	}
	loaded = mask & atomic_load(&word->loaded);
	ready = mask & vgic_word_ready(cpu->vgic, word) & ~loaded;
	while (unlikely(loaded != 0)) {
		unsigned bit = take_bit(&loaded);

		if (vgic_owns(cpu, w * 32 + bit)) {
			vgic_note(cpu, w, 1u << bit); /* noted after recheck_word, and 'dirty' is set after that */
		}
	}
	while (ready != 0) {
		unsigned bit = take_bit(&ready);
		unsigned intid = w * 32 + bit;

		if (likely(vgic_routed_here(cpu, intid))) {
			place(cpu, intid);
		} else {
			vgic_ring_spis(cpu->vgic, NULL, w, 1u << bit);
		}
	}
}

/* SGIs whose latch is set are noted like everything else. */
static void note_sgis(struct vgic_cpu *cpu)
{
	uint32_t sgis = atomic_load(&cpu->word.pending) & SGI_MASK;

	if (sgis != 0) {
		vgic_note(cpu, 0, sgis);
	}
}

/*
 * All that came is SGIs, and their list registers are empty and may be used again. False: the long way, for what is
 * left.
 */
static bool refill_sgis(struct vgic_cpu *cpu)
{
	uint32_t sgis = atomic_load(&cpu->word.pending) & SGI_MASK;

	if (unlikely((sgis & ~(cpu->again & vgic_word_open(cpu->vgic, &cpu->word))) != 0)) {
		return false;
	}
	while (sgis != 0) {
		unsigned intid = take_bit(&sgis);

		/* The latch first: what comes after it was cleared sets it again, and rings. */
		atomic_and(&cpu->word.pending, ~(1u << intid));
		if (unlikely(!lr_refill(cpu, intid))) {
			atomic_or(&cpu->word.pending, 1u << intid);
			return false;
		}
	}
	return true;
}

static void check_all(struct vgic_cpu *cpu)
{
	uint32_t words;

	/*
	 * What has to leave does so first: then room and priorities are as they should be for all that want to get
	 * in.
	 */
	for (words = atomic_load_acquire(&cpu->check_words); words != 0;) {
		recheck_word(cpu, take_bit(&words));
	}
	cpu->waiting = false;
	for (words = atomic_swap(&cpu->check_words, 0); words != 0;) {
		unsigned w = take_bit(&words);

		place_word(cpu, w, atomic_swap(&cpu->check[w], 0));
	}
}

/*
 * Who waits for a list register may get one when the guest enables a group, or disables one of two: with both disabled
 * nothing is delivered anyway. Not to ask for more also matters on QEMU, whose VGrp0D tells of Group 1 (seen in 10.0):
 * asked for with Group 1 disabled, it would never end.
 */
static uint64_t waiting_for_groups(uint64_t vmcr)
{
	switch (vmcr & (VMCR_VENG0 | VMCR_VENG1)) {
	case VMCR_VENG0 | VMCR_VENG1:
		return HCR_VGRP0DIE | HCR_VGRP1DIE;
	case VMCR_VENG0:
		return HCR_VGRP1EIE;
	case VMCR_VENG1:
		return HCR_VGRP0EIE;
	default:
		return HCR_VGRP0EIE | HCR_VGRP1EIE;
	}
}

/* Which maintenance interrupts and traps are wanted now. */
static void hcr_update(struct vgic_cpu *cpu)
{
	uint64_t vmcr = read_ich_vmcr_el2();
	uint64_t hcr = HCR_EN;

	if (unlikely(cpu->waiting)) {
		hcr |= HCR_NPIE | waiting_for_groups(vmcr);
	}
	if (unlikely(cpu->parked_count != 0)) {
		hcr |= HCR_LRENPIE | HCR_TDIR;
	}
	if (unlikely((vmcr & VMCR_VEOIM) != 0)) {
		/*
		 * An SPI may be deactivated on another PE than acknowledged it, and the list registers know nothing
		 * of that.
		 */
		hcr |= HCR_TDIR;
	}
	if (unlikely(hcr != cpu->hcr)) {
		cpu->hcr = (uint32_t)hcr;
		write_ich_hcr_el2(hcr);
	}
}

/* ---- the vCPU's own CPU ---- */

/* All that may be said by 'dirty', whose bits were taken. Apart, so that an SGI alone is quick. */
static __attribute__((noinline)) void enter_slowly(struct vgic_cpu *cpu, uint32_t dirty)
{
	/* Other CPUs that set 'dirty' while we are at it kick, too, so it need not be zero in the end. */
	unsigned turns = ENTER_TURNS;

	lr_fold(cpu);
	do {
		dirty |= atomic_swap(&cpu->dirty, 0);
		if ((dirty & VGIC_DIRTY_SGI) != 0) {
			note_sgis(cpu);
		}
		check_all(cpu);
		if (unlikely((dirty & VGIC_DIRTY_SYNC) != 0)) {
			vgic_serve_request(cpu);
		}
		if (unlikely(cpu->parked_count != 0) && !cpu->waiting) {
			lr_unpark_all(cpu);
		}
		dirty = 0;
	} while (unlikely(atomic_load(&cpu->dirty) != 0) && --turns != 0);
	hcr_update(cpu);
}

void vgic_enter(struct vgic_cpu *cpu)
{
	uint32_t dirty;

	if (unlikely(!cpu->loaded)) {
		return; /* vgic_load looks */
	}
	/* Acquire: pairs with the release of whoever set it; what it speaks of was written before. */
	dirty = atomic_swap(&cpu->dirty, 0);
	if (dirty != VGIC_DIRTY_SGI || unlikely(!refill_sgis(cpu))) {
		enter_slowly(cpu, dirty);
	}
}

void vgic_maintenance(struct vgic_cpu *cpu)
{
	vgic_enter(cpu);
}

/* Puts a private interrupt that has just come into a free list register, without the detour by its word. */
static bool load_quickly(struct vgic_cpu *cpu, unsigned intid, bool latched)
{
	struct vgic_word *word = &cpu->word;
	uint32_t bit = 1u << intid;
	uint32_t room = cpu->lr_all & ~cpu->lr_used;

	if (unlikely(room == 0 || cpu->waiting || ((word->loaded | atomic_load(&word->pending)) & bit) != 0)) {
		return false;
	}
	lr_claim(cpu, intid);
	if (unlikely((vgic_word_open(cpu->vgic, word) & bit) == 0)) {
		lr_release(cpu, intid);
		lr_look_again(cpu, intid);
		return false;
	}
	lr_fill(cpu, take_bit(&room), intid, latched);
	return true;
}

bool vgic_sgi_quick(struct vgic_cpu *cpu, unsigned intid)
{
	lr_fold(cpu);
	return load_quickly(cpu, intid, true);
}

void vgic_fire_hw_ppi(struct vgic_cpu *cpu, unsigned intid, unsigned physical_intid)
{
	uint32_t bit = 1u << (intid % 32);

	if (intid < VGIC_SGI_COUNT || intid >= VGIC_PRIVATE_COUNT || likely(lr_refill(cpu, intid))) {
		return;
	}
	lr_fold(cpu);
	cpu->hw |= bit;
	cpu->physical[intid] = (uint8_t)physical_intid;
	atomic_or(&cpu->word.line, bit);
	if (!load_quickly(cpu, intid, false)) {
		lr_look_again(cpu, intid);
	}
}

/* ---- which vCPU has the CPU ---- */

void vgic_load(struct vgic_cpu *cpu)
{
	uint32_t hw = cpu->hw;

	for (uint32_t lrs = cpu->lr_all; lrs != 0;) {
		lr_write(take_bit(&lrs), 0);
	}
	write_ich_vmcr_el2(cpu->vmcr);
	apr_load(cpu->ap0r, cpu->ap1r);
	cpu->hcr = (uint32_t)HCR_EN;
	write_ich_hcr_el2(HCR_EN);
	while (hw != 0) {
		vgic_port_set_physical_active(cpu->physical[take_bit(&hw)], true);
	}
	cpu->loaded = true;
	note_sgis(cpu);
	if (atomic_load(&cpu->check_words) != 0 || cpu->parked_count != 0) {
		atomic_or(&cpu->dirty, VGIC_DIRTY_DELIVER);
	}
}

/* What we noted but is to be delivered elsewhere goes there, since we do not look for a while. */
static void forward(struct vgic_cpu *cpu)
{
	uint32_t words = atomic_load(&cpu->check_words) & ~1u;

	while (words != 0) {
		unsigned w = take_bit(&words);
		uint32_t mask = atomic_load(&cpu->check[w]) & vgic_word_ready(cpu->vgic, vgic_word(cpu, w));

		while (mask != 0) {
			unsigned bit = take_bit(&mask);

			if (!vgic_routed_here(cpu, w * 32 + bit)) {
				vgic_ring_spis(cpu->vgic, NULL, w, 1u << bit);
			}
		}
	}
}

void vgic_save(struct vgic_cpu *cpu)
{
	lr_fold(cpu);
	for (uint32_t used = cpu->lr_used; used != 0;) {
		unsigned i = take_bit(&used);

		if ((lr_read(i) & LR_ACTIVE) != 0) {
			lr_park(cpu, i);
		} else {
			lr_take_back(cpu, i);
		}
		lr_look_again(cpu, lr_intid(cpu, i));
	}
	for (uint32_t hw = cpu->hw; hw != 0;) {
		vgic_port_set_physical_active(cpu->physical[take_bit(&hw)], false);
	}
	/* What is not active fires again, if there is still reason, when the caller has loaded the device's state. */
	atomic_and(&cpu->word.line, ~(cpu->hw & ~atomic_load(&cpu->word.active)));
	cpu->hw &= atomic_load(&cpu->word.active);
	atomic_store(&cpu->vmcr, read_ich_vmcr_el2());
	apr_save(cpu->ap0r, cpu->ap1r);
	write_ich_hcr_el2(0);
	cpu->loaded = false;
	cpu->waiting = false;
	forward(cpu);
}

/* ---- WFI ---- */

/* With the group enabled in the CPU interface and the priority above its mask. */
static bool taken(uint64_t vmcr, bool group1, unsigned priority)
{
	return (vmcr & (group1 ? VMCR_VENG1 : VMCR_VENG0)) != 0 && priority < FIELD_GET(VMCR_VPMR, vmcr);
}

static bool pending_in_lrs(struct vgic_cpu *cpu)
{
	uint64_t vmcr = read_ich_vmcr_el2();
	uint32_t used = cpu->lr_used;

	while (used != 0) {
		uint64_t lr = lr_read(take_bit(&used));

		if ((lr & LR_PENDING) != 0 && taken(vmcr, (lr & LR_GROUP) != 0, (unsigned)FIELD_GET(LR_PRIORITY, lr))) {
			return true;
		}
	}
	return false;
}

bool vgic_has_pending(struct vgic_cpu *cpu)
{
	if (!cpu->loaded) {
		return vgic_has_pending_saved(cpu);
	}
	/*
	 * A level that is still high when the guest ends it comes again, also before the maintenance interrupt. What
	 * ended and did not ask for that one keeps its list register for the next time (lr_refill).
	 */
	if (read_ich_eisr_el2() != 0 || cpu->parked_count != 0) {
		lr_fold(cpu);
	}
	if (atomic_load(&cpu->dirty) != 0) {
		vgic_enter(cpu);
	}
	/* What waits for a list register is of lower priority than what is in them. */
	return pending_in_lrs(cpu);
}

bool vgic_has_pending_saved(struct vgic_cpu *cpu)
{
	uint64_t vmcr = atomic_load(&cpu->vmcr);
	uint32_t words;

	note_sgis(cpu);
	for (words = atomic_load(&cpu->check_words); words != 0;) {
		unsigned w = take_bit(&words);
		const struct vgic_word *word = vgic_word(cpu, w);
		uint32_t mask = atomic_load(&cpu->check[w]) & vgic_word_ready(cpu->vgic, word) &
				~atomic_load(&word->loaded);

		while (mask != 0) {
			unsigned bit = take_bit(&mask);

			if (vgic_routed_here(cpu, w * 32 + bit) &&
			    taken(vmcr, (atomic_load(&word->group) & 1u << bit) != 0,
				  atomic_load(&word->priority[bit]))) {
				return true;
			}
		}
	}
	return false;
}
