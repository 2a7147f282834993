/* SPDX-License-Identifier: MIT */
/*
 * Aborts from stage 2: emulated devices, accesses to nothing, and faults that are over when we look. A device may lie
 * over memory that stage 2 shows the guest for some accesses and not for others: those that it does not permit are the
 * device's.
 */
#include "core/vcpu/trap_priv.h"

#include "arch/translate.h"
#include "core/mm/stage2.h"
#include "core/vcpu/inject.h"
#include "core/vcpu/insn.h"
#include "core/vcpu/pstate.h"

#define HPFAR_FIPA GENMASK(47, 4) /* IPA bits 55..12 */
#define HPFAR_TO_IPA_SHIFT 8
#define PAGE_OFFSET(address) ((address) & (PAGE_SIZE - 1))
#define FAR_PAGE(address) ((address) & GENMASK(55, PAGE_SHIFT)) /* without the tag */

static uint64_t ipa_from_hpfar(uint64_t va)
{
	return (read_hpfar_el2() & HPFAR_FIPA) << HPFAR_TO_IPA_SHIFT | PAGE_OFFSET(va);
}

/* The region of an access, remembered: drivers stay with a device for a while. NULL if there is none. */
static const struct bus_region *find_region(struct vcpu *v, uint64_t ipa, unsigned size)
{
	const struct bus_region *region = bus_find(&v->vm->bus, ipa, size);

	if (region != NULL) {
		v->last_region = region;
	}
	return region;
}

static uint64_t low_bytes(uint64_t value, unsigned size)
{
	return value & (~UINT64_C(0) >> (64 - 8 * size));
}

static enum trap_result abort_guest(struct vcpu *v, uint64_t esr)
{
	inject_abort(v, esr, read_far_el2());
	return TRAP_RESUME;
}

/*
 * Another CPU may have been between break and make of that very entry. stage2_lookup() sees it before or after; if it
 * allows the access, that only has to be repeated.
 */
static bool fault_is_over(struct vcpu *v, uint64_t address, unsigned needs)
{
	unsigned attrs;
	uint64_t run;
	pa_t to;

	return stage2_lookup(&v->vm->stage2, ipa(address), &to, &attrs, &run) && (attrs & needs) == needs;
}

/* The IPA of a fault, from HPFAR_EL2 where that is valid, else by asking the guest's stage 1. */
static bool fault_ipa(const struct vcpu *v, uint64_t esr, uint64_t *out)
{
	uint64_t far = read_far_el2();

	if (esr_hpfar_valid(esr)) {
		*out = ipa_from_hpfar(far);
		return true;
	}
	return (FIELD_GET(ESR_ABT_FSC, esr) & FSC_TYPE_MASK) == FSC_PERMISSION &&
	       arch_translate_guest_va(far, (esr & ESR_ABT_WNR) != 0, pstate_is_el0(v->regs.pstate), out);
}

/* ---- accesses without a syndrome ---- */

/* The instruction that was trapped, from guest memory. Another vCPU may have changed it meanwhile; it is read once. */
static bool fetch(const struct vcpu *v, uint32_t *word)
{
	uint64_t address;

	/* As EL1 reads it: a page may be executable and not readable at EL0, never the other way round at EL1. */
	return arch_translate_guest_va(v->regs.pc, false, false, &address) &&
	       guest_mem_read(&v->vm->mem, address, word, sizeof(*word));
}

static uint64_t read_base(const struct vcpu *v, unsigned rn)
{
	if (rn < 31) {
		return v->regs.x[rn];
	}
	return !pstate_is_el0(v->regs.pstate) && (v->regs.pstate & PSTATE_SP) != 0 ? read_sp_el1() : read_sp_el0();
}

static void write_base(struct vcpu *v, unsigned rn, uint64_t value)
{
	if (rn < 31) {
		v->regs.x[rn] = value;
	} else if (!pstate_is_el0(v->regs.pstate) && (v->regs.pstate & PSTATE_SP) != 0) {
		write_sp_el1(value);
	} else {
		write_sp_el0(value);
	}
}

/* Each element is one access to the device. Registers change only when all of them were answered. */
static bool access_elements(struct vcpu *v, const struct insn_access *a, uint64_t ipa)
{
	uint64_t values[2] = { 0 };

	for (unsigned i = 0; i < a->count; i++) {
		uint64_t address = ipa + (uint64_t)i * a->size;
		const struct bus_region *region = find_region(v, address, a->size);
		bool answered;

		if (region == NULL) {
			return false;
		}
		if (a->load) {
			answered = region->ops->read(region->device, v, address - region->base, a->size, &values[i]);
		} else {
			answered = region->ops->write(region->device, v, address - region->base, a->size,
						      low_bytes(vcpu_get_reg(v, a->rt[i]), a->size));
		}
		if (!answered) {
			return false;
		}
	}
	for (unsigned i = 0; a->load && i < a->count; i++) {
		vcpu_set_reg(v, a->rt[i], insn_extend(values[i], a->size, a->sign, a->wide));
	}
	return true;
}

/*
 * Emulates the instruction at the PC; 'fault' is the IPA of the fault. It may be another than the one that faulted, or
 * its registers name another address: then it is not in the faulting page, whose IPA is all that we know, and the
 * guest gets an abort. So does an access that crosses into the next page.
 */
static bool emulate(struct vcpu *v, uint64_t esr, uint64_t fault)
{
	struct insn_access access;
	uint64_t base, va, pc = v->regs.pc;
	uint32_t word;

	if (!fetch(v, &word) || !insn_decode(word, &access) || access.load != ((esr & ESR_ABT_WNR) == 0)) {
		return false;
	}
	base = read_base(v, access.rn);
	va = base + (uint64_t)(int64_t)access.offset;
	if (FAR_PAGE(va) != FAR_PAGE(read_far_el2()) ||
	    PAGE_OFFSET(va) + (unsigned)(access.size * access.count) > PAGE_SIZE) {
		return false;
	}
	if (!access_elements(v, &access, ALIGN_DOWN(fault, PAGE_SIZE) + PAGE_OFFSET(va))) {
		return false;
	}
	if (access.writeback && v->regs.pc == pc) { /* else it is repeated, with the same base */
		write_base(v, access.rn, base + (uint64_t)(int64_t)access.step);
	}
	vcpu_skip(v);
	return true;
}

/* ---- accesses with a syndrome ---- */

/*
 * Straight code: a single load or store of a general register. Parameters stand where the device wants them. After its
 * answer everything is taken from *v again, which is cheaper than to keep it meanwhile; for the same reason these are
 * not inlined.
 */
static __attribute__((noinline)) enum trap_result write_device(void *device, struct vcpu *v, uint64_t offset,
							       unsigned size, const struct bus_ops *ops)
{
	uint64_t value = vcpu_get_reg(v, FIELD_GET(ESR_ABT_SRT, v->regs.esr));

	if (unlikely(!ops->write(device, v, offset, size, low_bytes(value, size)))) {
		return abort_guest(v, v->regs.esr);
	}
	vcpu_skip(v);
	return TRAP_RESUME;
}

static __attribute__((noinline)) enum trap_result read_device(void *device, struct vcpu *v, uint64_t offset,
							      unsigned size, const struct bus_ops *ops)
{
	uint64_t esr, value;

	if (unlikely(!ops->read(device, v, offset, size, &v->mmio_value))) {
		return abort_guest(v, v->regs.esr);
	}
	esr = v->regs.esr;
	value = v->mmio_value;
	/* There are zeroes above the value already. */
	if (unlikely((esr & ESR_ABT_SSE) != 0)) {
		value = insn_extend(value, 1u << FIELD_GET(ESR_ABT_SAS, esr), true, (esr & ESR_ABT_SF) != 0);
	}
	vcpu_set_reg(v, FIELD_GET(ESR_ABT_SRT, esr), value);
	vcpu_skip(v);
	return TRAP_RESUME;
}

static inline enum trap_result access_device(struct vcpu *v, uint64_t esr, const struct bus_region *region,
					     uint64_t offset, unsigned size)
{
	return (esr & ESR_ABT_WNR) != 0 ? write_device(region->device, v, offset, size, region->ops)
					: read_device(region->device, v, offset, size, region->ops);
}

/* ---- the handlers ---- */

/* With ISV set: a single access by an A64 instruction at the address in HPFAR_EL2. */
static inline bool is_simple(const struct vcpu *v, uint64_t esr)
{
	return (esr & (ESR_ABT_S1PTW | ESR_ABT_CM | FSC_TYPE_MASK)) == FSC_TRANSLATION &&
	       (v->regs.pstate & PSTATE_NRW) == 0;
}

/* Whether the access may be a device's: stage 2 did not permit it, and it is an instruction's own. */
static bool may_be_device(const struct vcpu *v, uint64_t esr)
{
	unsigned type = (unsigned)FIELD_GET(ESR_ABT_FSC, esr) & FSC_TYPE_MASK;

	/* AArch32 is hidden; a program that got there all the same may not use devices. */
	return (type == FSC_TRANSLATION || type == FSC_PERMISSION) && (esr & ESR_ABT_S1PTW) == 0 &&
	       (v->regs.pstate & PSTATE_NRW) == 0;
}

/* All but a simple access to the device that was accessed last. */
static __attribute__((noinline)) enum trap_result data_abort_slow(struct vcpu *v, uint64_t esr)
{
	unsigned size = 1u << FIELD_GET(ESR_ABT_SAS, esr);
	bool write = (esr & ESR_ABT_WNR) != 0;
	const struct bus_region *region;
	uint64_t address;

	if ((esr & ESR_ABT_ISV) != 0 && is_simple(v, esr)) {
		address = ipa_from_hpfar(read_far_el2());
		region = find_region(v, address, size);
		if (region != NULL) {
			return access_device(v, esr, region, address - region->base, size);
		}
	}
	if (!fault_ipa(v, esr, &address)) {
		return abort_guest(v, esr);
	}
	/* Cache maintenance and walks that update flags set WnR too; RAM is writable wherever they may go on. */
	if (fault_is_over(v, address, write ? STAGE2_W : STAGE2_R)) {
		return TRAP_RESUME;
	}
	if (!may_be_device(v, esr)) {
		return abort_guest(v, esr);
	}
	/* There is no cached copy of a device, of nothing, or of what this guest may not access: nothing to do. */
	if ((esr & ESR_ABT_CM) != 0) {
		vcpu_skip(v);
		return TRAP_RESUME;
	}
	if ((esr & ESR_ABT_ISV) == 0) {
		return emulate(v, esr, address) ? TRAP_RESUME : abort_guest(v, esr);
	}
	region = find_region(v, address, size);
	return region != NULL ? access_device(v, esr, region, address - region->base, size) : abort_guest(v, esr);
}

enum trap_result trap_data_abort(struct vcpu *v, uint64_t esr, enum trap_saved saved)
{
	const struct bus_region *region = v->last_region;

	/* Without a syndrome the register number means nothing, and any register may be needed. */
	if (unlikely((esr & ESR_ABT_ISV) == 0)) {
		return saved == TRAP_SAVED_ALL ? data_abort_slow(v, esr) : trap_retry(v, esr);
	}
	if (unlikely(saved != TRAP_SAVED_ALL && trap_reg_missing((unsigned)FIELD_GET(ESR_ABT_SRT, esr)))) {
		return trap_retry(v, esr);
	}
	if (likely(region != NULL && is_simple(v, esr))) {
		uint64_t offset = ipa_from_hpfar(read_far_el2()) - region->base;
		uint64_t size = UINT64_C(1) << FIELD_GET(ESR_ABT_SAS, esr);

		/* A region is not smaller than an access (bus_add): no wrap; an offset that wrapped is too large. */
		if (likely(offset <= region->size - size)) {
			return access_device(v, esr, region, offset, (unsigned)size);
		}
	}
	return data_abort_slow(v, esr);
}

enum trap_result trap_insn_abort(struct vcpu *v, uint64_t esr, enum trap_saved saved unused_arg)
{
	/* A walk's own access to the guest's tables is a read. */
	unsigned needs = (esr & ESR_ABT_S1PTW) != 0 ? STAGE2_R : STAGE2_X;
	uint64_t address;

	if (fault_ipa(v, esr, &address) && fault_is_over(v, address, needs)) {
		return TRAP_RESUME;
	}
	return abort_guest(v, esr);
}
