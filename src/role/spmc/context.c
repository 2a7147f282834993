/* SPDX-License-Identifier: MIT */
#include "role/spmc/context.h"

#include "arch/barrier.h"
#include "arch/vcpu_enter.h"
#include "core/mm/pool.h"
#include "core/vcpu/debug.h"
#include "core/vcpu/idreg.h"
#include "core/vcpu/pstate.h"
#include "lib/str.h"

#define SCTLR_EL1_RESET 0x30d00800u /* RES1 bits; MMU and caches off, little endian */
#define ICH_HCR_TC BIT(10)
#define ICH_HCR_TALL0 BIT(11)
#define ICH_HCR_TALL1 BIT(12)
#define ICC_SRE_EL2_ENABLE BIT(3)

static struct sp_context *contexts[CPU_MAX];

/*
 * Less than a VM is shown (core/vcpu/idreg.c). There is no GIC CPU interface. SCXTNUM would be four registers more at
 * each switch, and zero, which it is to those who do not see it, serves as well. Memory copies may stop half-way and go
 * on under a CPU's own option, which a migrating context must not see change. Secure self-hosted debug is off in EL3.
 */
static const struct idreg_limit limits[] = {
	{ IDREG_INDEX(id_aa64pfr0_el1), 24, 0 },  /* GIC */
	{ IDREG_INDEX(id_aa64pfr0_el1), 56, 1 },  /* CSV2 */
	{ IDREG_INDEX(id_aa64pfr1_el1), 32, 1 },  /* CSV2_frac */
	{ IDREG_INDEX(id_aa64dfr0_el1), 0, 6 },   /* DebugVer: the least there is */
	{ IDREG_INDEX(id_aa64dfr0_el1), 12, 0 },  /* BRPs: one, which is the least */
	{ IDREG_INDEX(id_aa64dfr0_el1), 20, 0 },  /* WRPs */
	{ IDREG_INDEX(id_aa64dfr0_el1), 28, 0 },  /* CTX_CMPs */
	{ IDREG_INDEX(id_aa64isar2_el1), 16, 0 }, /* MOPS */
};

struct sp_context *sp_context_of(const struct cpu *cpu)
{
	return contexts[cpu->index];
}

enum err sp_contexts_init(void)
{
	cpu_features_limit(&cpu_features, limits, ARRAY_SIZE(limits));
	for (unsigned i = 0; i < cpu_count; i++) {
		contexts[i] = pool_alloc_object(sizeof(struct sp_context));
		if (contexts[i] == NULL || nwd_fp_init(&contexts[i]->fp) != OK) {
			return ERR_NO_MEMORY;
		}
	}
	return OK;
}

void sp_cpu_init(struct cpu *cpu)
{
	struct sp_context *c = sp_context_of(cpu);

	c->loaded = NULL;
	c->resident = NULL;
	c->away = false;
	c->fp.away = false;
	c->cntv_open = !cpu_features_has_ecv(&cpu_features);
	cpu->fp_owner = NULL;
	cpu_traps_init(&cpu_features);
	write_cnthctl_el2(vcpu_partition_cnthctl(&cpu_features));
	write_cntvoff_el2(0);
	write_vpidr_el2(read_midr_el1());
	/* Every access to the CPU interface traps, and is UNDEFINED. No list register delivers anything. */
	write_icc_sre_el2(read_icc_sre_el2() & ~ICC_SRE_EL2_ENABLE);
	write_ich_hcr_el2(ICH_HCR_TC | ICH_HCR_TALL0 | ICH_HCR_TALL1);
	c->hcr = vcpu_partition_hcr(&cpu_features, false, false);
	write_hcr_el2(c->hcr);
	sp_fp_open(c, false);
	isb();
	sp_timers_program(cpu);
}

/* ---- whose registers are in the CPU ---- */

/* v's keys are in memory, and what is in the CPU of stage 2 and keys is not taken for anybody's. */
static void evict(struct sp_context *c)
{
	struct sp_vcpu *v = c->resident;

	if (v != NULL) {
		el1_save_keys(&v->cpu.el1);
		c->resident = NULL;
	}
}

/* What stays while the normal world runs: EL3 keeps it for us, and no other partition has been here. */
static void settle(struct sp_context *c, struct sp_vcpu *v)
{
	const struct ffa_space *space = &v->sp->space;

	evict(c);
	write_vttbr_el2(space->ns.vttbr);
	write_vtcr_el2(space->ns.vtcr);
	write_vsttbr_el2(space->secure.vttbr);
	write_vstcr_el2(space->secure.vtcr);
	write_vmpidr_el2(BIT(31) | v->cpu.index);
	if (unlikely(c->cntv_open)) {
		/* A partition has no virtual timer (sysreg.c): what it writes there all the same does not last. */
		guest_write_cntv_ctl(0);
		guest_write_cntv_cval(0);
	}
	el1_load_keys(&v->cpu.el1);
	c->resident = v;
	if (timer_running(&v->cpu.ptimer) && v->timer_cpu != this_cpu()) {
		sp_ptimer_bring(v);
	}
}

static void load(struct sp_context *c, struct cpu *cpu, struct sp_vcpu *v)
{
	if (c->loaded != NULL) {
		el1_save_base(&c->loaded->cpu.el1);
	} else if (!c->away) {
		/*
		 * Its debug exceptions and virtual timer are off from here on: the timer would compare by our offset.
		 * Keys are EL3's to switch: a world that may use pointer authentication has some of its own.
		 */
		el1_save_world(&c->nwd);
		c->away = true;
	}
	if (unlikely(c->resident != v)) {
		settle(c, v);
	}
	el1_load_base(&v->cpu.el1);
	c->loaded = v;
	if (unlikely(c->fp_open != (cpu->fp_owner == &v->cpu))) {
		sp_fp_open(c, !c->fp_open);
	}
}

void sp_context_update_hcr(struct sp_context *c, const struct sp_vcpu *v)
{
	uint64_t hcr = v->hcr | sp_interrupt_hcr(v);

	if (unlikely(hcr != c->hcr)) {
		c->hcr = hcr;
		write_hcr_el2(hcr);
	}
}

enum sp_exit sp_enter(struct sp_vcpu *v)
{
	struct cpu *cpu = this_cpu();
	struct sp_context *c = sp_context_of(cpu);

	if (c->loaded != v) {
		load(c, cpu, v);
	}
	do {
		sp_context_update_hcr(c, v);
		/* The exception return synchronizes all that was written above. */
		vcpu_enter(&v->cpu);
	} while (unlikely(v->cpu.exit == SP_EXIT_RETRY) &&
		 trap_handle(&v->cpu, v->cpu.regs.esr, TRAP_SAVED_ALL) == TRAP_RESUME);
	return (enum sp_exit)v->cpu.exit;
}

void sp_leave(struct cpu *cpu)
{
	struct sp_context *c = sp_context_of(cpu);

	if (c->loaded != NULL) {
		el1_save_base(&c->loaded->cpu.el1);
		c->loaded = NULL;
	}
	if (c->away) {
		el1_load_world(&c->nwd);
		c->away = false;
	}
	if (unlikely(c->fp.away)) {
		sp_fp_give_back(c, cpu);
	}
}

void sp_vcpu_put(struct sp_vcpu *v)
{
	struct cpu *cpu = this_cpu();
	struct sp_context *c = sp_context_of(cpu);

	if (c->loaded == v) {
		el1_save_base(&v->cpu.el1);
		c->loaded = NULL;
	}
	if (c->resident == v) {
		evict(c);
	}
	sp_fp_put(c, cpu, v);
}

void sp_cpu_put(struct cpu *cpu)
{
	sp_leave(cpu);
	evict(sp_context_of(cpu));
}

void sp_vcpu_reset(struct sp_vcpu *v, uint64_t entry)
{
	struct cpu *cpu = this_cpu();
	struct sp_context *c = sp_context_of(cpu);
	struct vcpu *cpu_state = &v->cpu;

	/* What is left of it in this CPU is nobody's. */
	if (c->loaded == v) {
		c->loaded = NULL;
	}
	if (c->resident == v) {
		c->resident = NULL;
	}
	sp_fp_forget(c, cpu, v);
	sp_ptimer_reset(v);
	memset(&cpu_state->el1, 0, sizeof(cpu_state->el1));
	memset(&cpu_state->fp, 0, sizeof(cpu_state->fp));
	memset(&cpu_state->regs, 0, sizeof(cpu_state->regs));
	cpu_state->el1.sctlr = SCTLR_EL1_RESET;
	cpu_state->regs.pc = entry;
	cpu_state->regs.pstate = PSTATE_EL1H | PSTATE_DAIF;
	v->hcr = vcpu_partition_hcr(&cpu_features, sp_is_up(v->sp), v->sp->endpoint.kind == FFA_KIND_SP_EL0);
	v->reason = NULL;
}
