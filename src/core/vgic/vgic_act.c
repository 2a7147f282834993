/* SPDX-License-Identifier: MIT */
/*
 * What a register access must do to interrupts wherever they are: in their word, in our list registers, or in those of
 * another CPU, which then is asked and waited for.
 */
#include "core/vgic/vgic.h"

#include "arch/barrier.h"
#include "core/port/vgic_port.h"
#include "core/vgic/lr.h"
#include "core/vgic/vgic_priv.h"

#define ACT_TRIES 16

/* ---- in list registers ---- */

/* True for the GET ops if it is so, and for SET_ACTIVE if it is active here and the word is not to say so. */
static bool lr_act(struct vgic_cpu *cpu, enum vgic_op op, unsigned i)
{
	unsigned intid = lr_intid(cpu, i);
	uint32_t *active_word = &vgic_word(cpu, intid / 32)->active;
	uint32_t bit = 1u << (intid % 32);
	uint64_t lr = lr_read(i);
	bool pending = (lr & LR_PENDING) != 0;
	bool active = (lr & LR_ACTIVE) != 0;

	switch (op) {
	case VGIC_OP_CHECK:
		return false;
	case VGIC_OP_GET_PENDING:
		return pending;
	case VGIC_OP_GET_ACTIVE:
		return active;
	case VGIC_OP_CLEAR_PENDING:
		if (pending) {
			lr_drop(cpu, i);
			lr_look_again(cpu, intid);
		}
		return false;
	case VGIC_OP_CLEAR_ACTIVE:
		if (active) {
			lr_drop(cpu, i);
			lr_look_again(cpu, intid);
		}
		return false;
	case VGIC_OP_SET_ACTIVE:
		if (pending) {
			atomic_or(active_word, bit);
			lr_take_back(cpu, i);
		} else if (active) {
			atomic_and(active_word, ~bit); /* it is here, and ends here */
		}
		return active;
	}
	return false;
}

/* On our own list registers, which are as the guest left them. */
static uint32_t act_here(struct vgic_cpu *cpu, enum vgic_op op, unsigned w, uint32_t mask)
{
	uint32_t result = 0;
	uint32_t used = cpu->lr_used;

	while (used != 0) {
		unsigned i = take_bit(&used);
		unsigned intid = lr_intid(cpu, i);
		uint32_t bit = 1u << (intid % 32);

		if (intid / 32 == w && (mask & bit) != 0 && lr_act(cpu, op, i)) {
			result |= bit;
		}
	}
	return result;
}

void vgic_serve_request(struct vgic_cpu *cpu)
{
	struct vgic_request *request = &cpu->request;
	uint32_t posted = VGIC_REQUEST_POSTED;

	/* Acquire: pairs with the release when it was posted. */
	if (!atomic_cas(&request->state, &posted, VGIC_REQUEST_SERVED)) {
		return; /* taken back */
	}
	request->result = act_here(cpu, (enum vgic_op)request->op, request->word, request->mask);
	atomic_store_release(&request->state, VGIC_REQUEST_DONE);
}

/* Asks the CPU of 'target' and waits. False if the vCPU is loaded nowhere any more: then it has no list registers. */
static bool ask(struct vgic_cpu *target, enum vgic_op op, unsigned w, uint32_t mask, uint32_t *result)
{
	struct vgic_request *request = &target->request;
	uint32_t state = VGIC_REQUEST_FREE;

	while (!atomic_cas(&request->state, &state, VGIC_REQUEST_TAKEN)) {
		state = VGIC_REQUEST_FREE;
		vgic_port_wait();
	}
	request->op = op;
	request->word = w;
	request->mask = mask;
	atomic_store_release(&request->state, VGIC_REQUEST_POSTED);
	atomic_or(&target->dirty, VGIC_DIRTY_SYNC);
	vgic_port_kick(target->vcpu);
	/* Acquire: pairs with the release in serve_request. */
	while (atomic_load_acquire(&request->state) != VGIC_REQUEST_DONE) {
		state = VGIC_REQUEST_POSTED;
		if (!vgic_port_loaded_elsewhere(target->vcpu) &&
		    atomic_cas(&request->state, &state, VGIC_REQUEST_FREE)) {
			return false;
		}
		vgic_port_wait();
	}
	*result |= request->result;
	atomic_store_release(&request->state, VGIC_REQUEST_FREE);
	return true;
}

/* What the op means where an interrupt is in no list register. */
static uint32_t act_word(struct vgic_word *word, enum vgic_op op, uint32_t mask)
{
	switch (op) {
	case VGIC_OP_CHECK:
		break;
	case VGIC_OP_GET_PENDING:
		return vgic_word_pending(word) & mask;
	case VGIC_OP_GET_ACTIVE:
		return atomic_load(&word->active) & mask;
	case VGIC_OP_CLEAR_PENDING:
		atomic_and(&word->pending, ~mask);
		break;
	case VGIC_OP_CLEAR_ACTIVE:
		atomic_and(&word->active, ~mask);
		break;
	case VGIC_OP_SET_ACTIVE:
		atomic_or(&word->active, mask);
		break;
	}
	return 0;
}

/* Those of 'mask' that 'target' has in list registers; word 0 is its own. */
static uint32_t owned_by(const struct vgic_cpu *target, unsigned w, uint32_t mask)
{
	uint32_t theirs = 0;

	if (w == 0) {
		return mask;
	}
	while (mask != 0) {
		unsigned bit = take_bit(&mask);

		if (vgic_owns(target, w * 32 + bit)) {
			theirs |= 1u << bit;
		}
	}
	return theirs;
}

/* Acts in the list registers that hold interrupts of 'mask'; each vCPU is asked once. */
static uint32_t act_loaded(struct vgic_cpu *self, struct vgic_cpu *cpu, enum vgic_op op, unsigned w, uint32_t mask)
{
	struct vgic_word *word = vgic_word(cpu, w);
	uint32_t result = 0;

	while ((mask &= atomic_load(&word->loaded)) != 0) {
		struct vgic_cpu *target = cpu;
		uint32_t theirs;

		if (w != 0) {
			uint16_t owner = atomic_load(
				&vgic_spi(cpu->vgic, w * 32 + (unsigned)__builtin_ctz(mask))->owner);

			if (owner == VGIC_NOBODY) {
				continue; /* just released: 'loaded' was cleared before */
			}
			target = cpu->vgic->cpus[owner];
		}
		theirs = owned_by(target, w, mask);
		if (target == self) {
			result |= act_here(self, op, w, theirs);
		} else if (!ask(target, op, w, theirs, &result)) {
			continue;
		}
		mask &= ~theirs;
	}
	return result;
}

/*
 * An interrupt may move between its word and a list register while we look in both: then look again. A guest whose
 * vCPUs keep on moving it does not keep us; what it reads was so at some moment of the access.
 */
uint32_t vgic_act(struct vgic_cpu *self, struct vgic_cpu *cpu, enum vgic_op op, unsigned w, uint32_t mask)
{
	struct vgic_word *word = vgic_word(cpu, w);
	uint32_t result = 0;

	if (atomic_load(&self->dirty) != 0) {
		vgic_enter(self);
	} else {
		lr_fold(self);
	}
	if (w == 0 && cpu == self) {
		lr_hw_sample(self, mask);
	}
	for (unsigned tries = 0; tries < ACT_TRIES; tries++) {
		uint32_t moved = atomic_load_acquire(&word->moved);
		uint32_t loaded = atomic_load(&word->loaded) & mask;
		uint32_t there = loaded != 0 ? act_loaded(self, cpu, op, w, loaded) : 0;

		result |= there | act_word(word, op, op == VGIC_OP_SET_ACTIVE ? mask & ~there : mask);
		/*
		 * Partner: the barrier in lr_claim; an interrupt that was claimed before we changed its word shows as
		 * loaded.
		 */
		dmb_ish();
		if (atomic_load(&word->moved) == moved && (atomic_load(&word->loaded) & mask & ~loaded) == 0) {
			break;
		}
	}
	return result;
}

bool vgic_dir(struct vgic_cpu *cpu, uint32_t intid)
{
	struct vgic *vgic = cpu->vgic;
	unsigned w = intid / 32;
	uint32_t bit = 1u << (intid % 32);

	/* Without EOImode 1, or for no interrupt, the write is ignored (IHI 0069, 12.2.7). */
	if ((read_ich_vmcr_el2() & VMCR_VEOIM) == 0 || w >= vgic->word_count || (vgic_word_mask(w) & bit) == 0) {
		return true;
	}
	vgic_act(cpu, cpu, VGIC_OP_CLEAR_ACTIVE, w, bit);
	lr_unpark(cpu, intid);
	vgic_ring(cpu, cpu, w, bit);
	return true;
}
