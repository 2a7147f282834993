/* SPDX-License-Identifier: MIT */
/*
 * A guest's EL1 and EL0 state outside the general registers, and access to the registers of the vCPU that is loaded.
 *
 * With HCR_EL2.E2H = 1 (VHE-only CPUs) EL2 reaches a guest's EL1 registers under _EL12 names; el1.c and guest_read_x()
 * hide that.
 */
#ifndef ARCH_EL1_H
#define ARCH_EL1_H

#include "arch/sysreg.h"
#include "lib/base.h"

/* X(name): registers that have an _EL12 twin; guest_read_name() and guest_write_name() exist for them. */
/* Lists that should read as lists. */
/* clang-format off */
#define GUEST_EL12_LIST(X) \
	X(sctlr) X(cpacr) X(ttbr0) X(ttbr1) X(tcr) X(spsr) X(elr) X(afsr0) X(afsr1) X(esr) X(far) X(mair) X(amair) \
	X(vbar) X(contextidr) X(cntkctl)

/* X(name): registers of a vCPU that every CPU has and that have one name in both modes. */
#define GUEST_EL1_LIST(X) \
	X(sp_el0) X(sp_el1) X(tpidr_el0) X(tpidrro_el0) X(tpidr_el1) X(par_el1) X(csselr_el1)

/* X(name): the same, but EL2 traps a guest's writes to them. */
#define GUEST_TRAPPED_LIST(X) X(mdscr_el1) X(actlr_el1)

/*
 * X(name): present only with FEAT_PAuth. The fifth key, APIA, is EL2's too and moves at every exit (struct vcpu_regs).
 */
#define GUEST_PAUTH_LIST(X) \
	X(apibkeylo_el1) X(apibkeyhi_el1) X(apdakeylo_el1) X(apdakeyhi_el1) X(apdbkeylo_el1) X(apdbkeyhi_el1) \
	X(apgakeylo_el1) X(apgakeyhi_el1)
/* clang-format on */

#define EL1_FIELD(name) uint64_t name;
struct el1_state {
	GUEST_EL12_LIST(EL1_FIELD)
	GUEST_EL1_LIST(EL1_FIELD)
	GUEST_TRAPPED_LIST(EL1_FIELD)
	GUEST_PAUTH_LIST(EL1_FIELD)
	uint64_t scxtnum_el0, scxtnum_el1; /* FEAT_CSV2_2 */
	uint64_t vdisr;                    /* FEAT_RAS: the guest's DISR_EL1 */
	uint64_t cntv_ctl, cntv_cval;
};
#undef EL1_FIELD

struct fp_state {
	_Alignas(16) uint8_t v[32][16];
	uint64_t fpsr, fpcr;
};

/* True if EL2 runs with E2H = 1, because the CPU has nothing else. Same on all CPUs; set at boot. */
extern bool el2_e2h;
/* True if the CPUs have FEAT_PAuth; set at boot. */
extern bool el2_pauth;

#define GUEST_EL12_ACCESSORS(name)                                                     \
	static inline uint64_t guest_read_##name(void)                                 \
	{                                                                              \
		return unlikely(el2_e2h) ? read_##name##_el12() : read_##name##_el1(); \
	}                                                                              \
	static inline void guest_write_##name(uint64_t value)                          \
	{                                                                              \
		if (unlikely(el2_e2h)) {                                               \
			write_##name##_el12(value);                                    \
		} else {                                                               \
			write_##name##_el1(value);                                     \
		}                                                                      \
	}
GUEST_EL12_LIST(GUEST_EL12_ACCESSORS)
#undef GUEST_EL12_ACCESSORS

/* The guest's virtual timer; the counters and the physical timer trap or need no other name. */
#define GUEST_EL02_ACCESSORS(name)                                                     \
	static inline uint64_t guest_read_##name(void)                                 \
	{                                                                              \
		return unlikely(el2_e2h) ? read_##name##_el02() : read_##name##_el0(); \
	}                                                                              \
	static inline void guest_write_##name(uint64_t value)                          \
	{                                                                              \
		if (unlikely(el2_e2h)) {                                               \
			write_##name##_el02(value);                                    \
		} else {                                                               \
			write_##name##_el0(value);                                     \
		}                                                                      \
	}
GUEST_EL02_ACCESSORS(cntv_ctl)
GUEST_EL02_ACCESSORS(cntv_cval)
#undef GUEST_EL02_ACCESSORS

/* Everything in struct el1_state but the timer, between memory and this CPU's registers. */
void el1_save(struct el1_state *state);
void el1_load(const struct el1_state *state);
/* Only what every CPU has and guests write untrapped (the first two lists); only the keys, where there are any. */
void el1_save_base(struct el1_state *state);
void el1_load_base(const struct el1_state *state);
/*
 * The same, and MDSCR_EL1, the virtual timer and VDISR_EL2, of which nothing stays in the CPU: for a world that gives
 * the CPU to another and gets it back as it was.
 */
void el1_save_world(struct el1_state *state);
void el1_load_world(const struct el1_state *state);
void el1_save_keys(struct el1_state *state);
void el1_load_keys(const struct el1_state *state);
void fp_save(struct fp_state *state);
void fp_load(const struct fp_state *state);

#endif
