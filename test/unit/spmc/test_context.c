/* SPDX-License-Identifier: MIT */
/*
 * Whose registers are in the CPU: two partitions and the normal world on one. A partition "runs" by a script that
 * writes registers and then takes an exit as vectors.S would.
 */
#include "cmocka_main.h"

#include <stdlib.h>
#include <string.h>

#include "arch/host/host.h"
#include "arch/host/translate.h"
#include "arch/vcpu_enter.h"
#include "core/mm/pool.h"
#include "core/vcpu/esr.h"
#include "core/vcpu/idreg.h"
#include "role/spmc/context.h"
#include "role/spmc/el0.h"

#define PFR0_SVE (UINT64_C(1) << 32)
#define PFR1_SME (UINT64_C(1) << 24)
#define SVCR_SM 1u

static struct cpu cpu, other_cpu;
static struct sp sps_under_test[2];
static struct sp_vcpu contexts[2];
static struct sp_vcpu *contexts_of[2];
static void (*script)(struct sp_vcpu *v);
static unsigned entries, interrupts;
static const char *el0_answer;
static unsigned attrs_there; /* of stage 2, in the table that is asked for; 0: nothing */
static struct stage2 *table_asked;

/* ---- what is not under test ---- */

/* What boot allocates is never freed; the next test is another boot. */
static void *allocated[4];
static unsigned allocated_count;

void *pool_alloc_object(size_t size)
{
	assert_true(allocated_count < ARRAY_SIZE(allocated));
	return allocated[allocated_count++] = calloc(1, size);
}

static void free_all(void)
{
	while (allocated_count != 0) {
		free(allocated[--allocated_count]);
	}
}

bool stage2_lookup(struct stage2 *s2, ipa_t base, pa_t *to, unsigned *attrs, uint64_t *run)
{
	table_asked = s2;
	*to = pa(base.v);
	*attrs = attrs_there;
	*run = PAGE_SIZE;
	return attrs_there != 0;
}

struct stage2 *ffa_space_table(struct ffa_space *space, uint64_t address)
{
	(void)address;
	return attrs_there != 0 ? &space->secure : NULL;
}

const char *el0_trap(struct vcpu *v, unsigned immediate)
{
	(void)v;
	(void)immediate;
	return el0_answer;
}

bool sp_interrupt_set(struct sp_vcpu *v, unsigned intid)
{
	assert_int_equal(intid, FFA_INTID_VTIMER);
	interrupts++;
	v->signals |= SP_SIGNAL_IRQ;
	return true;
}

/* Until the quick handlers want the caller; 'script' does what the partition does. */
void vcpu_enter_plain(struct vcpu *v)
{
	v->exit = 99;
	entries++;
	script(sp_vcpu_of(v));
}

void vcpu_enter_pauth(struct vcpu *v)
{
	vcpu_enter_plain(v);
}

/* ---- helpers ---- */

/* An exit, as vectors.S makes it. True if the partition goes on. */
static bool take_exit(struct sp_vcpu *v, uint64_t esr)
{
	uint32_t result;

	v->cpu.regs.esr = esr;
	result = trap_handle(&v->cpu, esr, TRAP_SAVED_QUICK);
	return result == TRAP_RESUME || vcpu_quick_end(&v->cpu, result);
}

static void make_call(struct sp_vcpu *v)
{
	assert_false(take_exit(v, esr_make(EC_SMC64, 0)));
}

static uint64_t msr(uint32_t enc, unsigned rt)
{
	return esr_make(EC_SYSREG, enc | FIELD_PUT(ESR_SYSREG_RT, rt));
}

static uint64_t mrs(uint32_t enc, unsigned rt)
{
	return msr(enc, rt) | ESR_SYSREG_READ;
}

/* SVCR as hardware has it: a change of SM zeroes vectors, and FPSR is set. */
static uint64_t svcr_was;
static void on_write(enum host_sysreg_index reg, uint64_t value)
{
	if (reg == HOST_SYSREG_svcr && ((svcr_was ^ value) & SVCR_SM) != 0) {
		memset(&host_fp, 0, sizeof(host_fp));
		memset(host_sve, 0, sizeof(host_sve));
		host_fp.fpsr = 0x0800009f;
	}
	if (reg == HOST_SYSREG_svcr) {
		svcr_was = value;
	}
}

static void make_partition(unsigned n, enum ffa_kind kind)
{
	struct sp *sp = &sps_under_test[n];
	struct sp_vcpu *v = &contexts[n];

	memset(sp, 0, sizeof(*sp));
	memset(v, 0, sizeof(*v));
	contexts_of[n] = v;
	sp->vcpus = &contexts_of[n];
	sp->endpoint.kind = kind;
	sp->endpoint.vcpu_count = 2;
	sp->space.ns.vttbr = 0x1000 + n;
	sp->space.secure.vttbr = 0x2000 + n;
	sp->space.secure.table.address_bits = 40;
	v->sp = sp;
	v->cpu.cpu = &cpu;
	v->cpu.index = n;
	sp_vcpu_reset(v, 0x1000);
}

static void start(uint64_t pfr0, uint64_t pfr1)
{
	free_all();
	memset(host_sysreg, 0, sizeof(host_sysreg));
	host_sysreg_written = NULL;
	el2_e2h = false;
	el2_pauth = true;
	write_id_aa64pfr0_el1(0x11 | pfr0);
	write_id_aa64pfr1_el1(pfr1);
	cpu_features_read(&cpu_features);
	cpu_count = 1;
	memset(&cpu, 0, sizeof(cpu));
	memset(&other_cpu, 0, sizeof(other_cpu));
	cpu_init(&cpu, 0, 0);
	cpu_init(&other_cpu, 1, 1);
	write_tpidr_el2((uint64_t)(uintptr_t)&cpu);
	assert_int_equal(sp_contexts_init(), OK);
	sp_cpu_init(&cpu);
	make_partition(0, FFA_KIND_SP_EL1);
	make_partition(1, FFA_KIND_SP_EL1);
	entries = interrupts = 0;
	write_cntpct_el0(1000);
	attrs_there = 0;
	script = make_call;
}

static int setup(void **state)
{
	(void)state;
	start(0, 0);
	return 0;
}

/* Every register of EL1 and EL0 that a partition may write. */
/* clang-format off */
#define EACH_EL12(X) X(sctlr) X(cpacr) X(ttbr0) X(ttbr1) X(tcr) X(spsr) X(elr) X(afsr0) X(afsr1) X(esr) X(far) X(mair) \
	X(amair) X(vbar) X(contextidr) X(cntkctl)
#define EACH_EL1(X) X(sp_el0) X(sp_el1) X(tpidr_el0) X(tpidrro_el0) X(tpidr_el1) X(par_el1) X(csselr_el1) \
	X(cntv_ctl_el0) X(cntv_cval_el0)
/* clang-format on */

static void fill(uint64_t seed)
{
#define FILL(name) write_##name(seed++);
#define FILL12(name) write_##name##_el1(seed++);
	EACH_EL12(FILL12)
	EACH_EL1(FILL)
}

static void expect(uint64_t seed)
{
#define EXPECT(name) assert_int_equal(read_##name(), seed++);
#define EXPECT12(name) assert_int_equal(read_##name##_el1(), seed++);
	EACH_EL12(EXPECT12)
	EACH_EL1(EXPECT)
}

/* ---- EL1 ---- */

static void trash_and_call(struct sp_vcpu *v)
{
	/* Nothing of the normal world is here. */
	assert_int_equal(read_tpidr_el1(), v->cpu.el1.tpidr_el1);
	assert_int_equal(read_mdscr_el1(), 0);
	assert_int_equal(read_cntv_ctl_el0(), 0);
	assert_int_equal(read_cntv_cval_el0(), 0);
	fill(0x10000 * (v->cpu.index + 1));
	write_cntv_ctl_el0(0);
	write_cntv_cval_el0(0);
	make_call(v);
}

static void context_gives_the_normal_world_its_registers_back(void **state)
{
	(void)state;
	fill(0x500);
	write_mdscr_el1(0x8000);
	script = trash_and_call;
	assert_int_equal(sp_enter(&contexts[0]), SP_EXIT_CALL);
	assert_int_equal(sp_enter(&contexts[1]), SP_EXIT_CALL);
	assert_int_equal(sp_enter(&contexts[0]), SP_EXIT_CALL);
	sp_leave(&cpu);
	expect(0x500);
	assert_int_equal(read_mdscr_el1(), 0x8000);
	/* Not a second time. */
	fill(0x900);
	sp_leave(&cpu);
	expect(0x900);
}

static void context_switches_stage_2_and_keys_only_when_another_comes(void **state)
{
	(void)state;
	sp_enter(&contexts[0]);
	assert_int_equal(read_vttbr_el2(), 0x1000);
	assert_int_equal(read_vsttbr_el2(), 0x2000);
	assert_int_equal(read_vmpidr_el2(), 0x80000000);
	write_apdbkeylo_el1(0xabc);
	sp_leave(&cpu);
	write_vttbr_el2(7); /* were it written again, this would be gone */
	sp_enter(&contexts[0]);
	assert_int_equal(read_vttbr_el2(), 7);
	sp_enter(&contexts[1]);
	assert_int_equal(read_vttbr_el2(), 0x1001);
	assert_int_equal(read_vmpidr_el2(), 0x80000001);
	assert_int_equal(read_apdbkeylo_el1(), 0);
	sp_enter(&contexts[0]);
	assert_int_equal(read_apdbkeylo_el1(), 0xabc);
}

static void context_put_leaves_nothing_of_it_in_the_cpu(void **state)
{
	(void)state;
	fill(0x500);
	script = trash_and_call;
	sp_enter(&contexts[0]);
	write_apgakeyhi_el1(0x77);
	sp_vcpu_put(&contexts[0]);
	assert_int_equal(contexts[0].cpu.el1.sctlr, 0x10000);
	assert_int_equal(contexts[0].cpu.el1.apgakeyhi_el1, 0x77);
	/* What another CPU changes of it meanwhile is not overwritten, and comes here with it. */
	contexts[0].cpu.el1.tpidr_el1 = 0x4321;
	contexts[0].cpu.el1.apgakeyhi_el1 = 0x78;
	sp_leave(&cpu);
	expect(0x500);
	script = make_call;
	sp_enter(&contexts[0]);
	assert_int_equal(read_tpidr_el1(), 0x4321);
	assert_int_equal(read_apgakeyhi_el1(), 0x78);
}

static void write_virtual_timer(struct sp_vcpu *v)
{
	assert_int_equal(read_cntv_ctl_el0(), 0);
	assert_int_equal(read_cntv_cval_el0(), 0);
	write_cntv_ctl_el0(2);
	write_cntv_cval_el0(0x1234);
	make_call(v);
}

static void context_keeps_the_virtual_timer_from_being_a_channel(void **state)
{
	(void)state;
	write_cntv_ctl_el0(1);
	write_cntv_cval_el0(0x77);
	script = write_virtual_timer;
	sp_enter(&contexts[0]);
	sp_enter(&contexts[1]); /* its caller waits */
	sp_enter(&contexts[0]);
	sp_leave(&cpu);
	assert_int_equal(read_cntv_ctl_el0(), 1);
	assert_int_equal(read_cntv_cval_el0(), 0x77);
	/* With FEAT_ECV it is UNDEFINED to a partition, and costs nothing. */
	write_id_aa64mmfr0_el1(UINT64_C(1) << 60);
	cpu_features_read(&cpu_features);
	sp_cpu_init(&cpu);
	script = make_call;
	sp_enter(&contexts[0]);
	write_cntv_cval_el0(7); /* were it written, this would be gone */
	sp_enter(&contexts[1]);
	assert_int_equal(read_cntv_cval_el0(), 7);
}

static void context_resets_to_power_up_state(void **state)
{
	struct sp_vcpu *v = &contexts[0];

	(void)state;
	script = trash_and_call;
	sp_enter(v);
	v->cpu.regs.x[5] = 5;
	sp_vcpu_reset(v, 0x8000);
	script = make_call;
	sp_enter(v);
	assert_int_equal(v->cpu.regs.pc, 0x8004); /* past its SMC */
	assert_int_equal(v->cpu.regs.pstate, PSTATE_EL1H | PSTATE_DAIF);
	assert_int_equal(v->cpu.regs.x[5], 0);
	assert_int_equal(read_tpidr_el1(), 0);
	assert_int_equal(read_sctlr_el1(), 0x30d00800);
}

static void context_shows_virtual_interrupts_in_hcr(void **state)
{
	struct sp_vcpu *v = &contexts[0];
	uint64_t base;

	(void)state;
	sp_enter(v);
	base = read_hcr_el2();
	assert_int_equal(base & (SP_SIGNAL_IRQ | SP_SIGNAL_FIQ), 0);
	v->signals = SP_SIGNAL_FIQ | SP_SIGNAL_ABORT;
	sp_enter(v);
	assert_int_equal(read_hcr_el2(), base | SP_SIGNAL_FIQ);
	v->signals = 0;
	sp_enter(v);
	assert_int_equal(read_hcr_el2(), base);
}

/* ---- FP, SVE, SME ---- */

static void use_fp_and_call(struct sp_vcpu *v)
{
	if (cpu.fp_owner != &v->cpu) {
		assert_true(take_exit(v, esr_make(EC_FP, 0)));
	}
	assert_ptr_equal(cpu.fp_owner, &v->cpu);
	assert_int_equal(host_fp.v[3][0], v->cpu.regs.x[20]);
	host_fp.v[3][0]++;
	v->cpu.regs.x[20] = host_fp.v[3][0];
	memset(host_sve, 0, sizeof(host_sve)); /* a write of V zeroes the rest of Z */
	make_call(v);
}

static void run_two_that_use_fp(void)
{
	script = use_fp_and_call;
	sp_enter(&contexts[0]);
	sp_enter(&contexts[1]);
	sp_enter(&contexts[0]);
	assert_int_equal(contexts[0].cpu.regs.x[20], 2);
	assert_int_equal(contexts[1].cpu.regs.x[20], 1);
	sp_leave(&cpu);
	assert_ptr_equal(cpu.fp_owner, NULL);
	assert_int_equal(read_cptr_el2(), vcpu_cptr(&cpu_features, false));
}

static void fp_comes_on_first_use_and_goes_back(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 2; round++) {
		start(round == 0 ? 0 : PFR0_SVE, 0);
		memset(&host_fp, 0x33, sizeof(host_fp));
		memset(host_sve, 0x44, sizeof(host_sve));
		write_zcr_el2(1);
		run_two_that_use_fp();
		assert_int_equal(host_fp.v[3][0], 0x33);
		assert_int_equal(host_fp.fpsr, UINT64_C(0x3333333333333333));
		assert_int_equal(host_sve[0], round == 0 ? 0 : 0x44);
		assert_int_equal(host_sve[HOST_SVE_SIZE - 1], round == 0 ? 0 : 0x44);
		assert_int_equal(read_zcr_el2(), 1);
	}
}

static void fp_that_nobody_uses_is_not_touched(void **state)
{
	(void)state;
	start(PFR0_SVE, PFR1_SME);
	memset(&host_fp, 0x33, sizeof(host_fp));
	sp_enter(&contexts[0]);
	assert_int_equal(read_cptr_el2(), vcpu_cptr(&cpu_features, false));
	memset(&host_fp, 0x34, sizeof(host_fp)); /* were it loaded, this would be gone */
	sp_leave(&cpu);
	assert_int_equal(host_fp.v[0][0], 0x34);
}

static void fp_survives_the_normal_worlds_streaming_mode(void **state)
{
	(void)state;
	for (unsigned sve = 0; sve < 2; sve++) {
		start(sve ? PFR0_SVE : 0, PFR1_SME);
		write_svcr(SVCR_SM | 2);
		svcr_was = SVCR_SM | 2;
		write_smcr_el2(3);
		memset(&host_fp, 0x33, sizeof(host_fp));
		memset(host_sve, 0x44, sizeof(host_sve));
		host_sysreg_written = on_write;
		run_two_that_use_fp();
		assert_int_equal(read_svcr(), SVCR_SM | 2);
		assert_int_equal(read_smcr_el2(), 3);
		assert_int_equal(host_fp.v[31][15], 0x33);
		assert_int_equal(host_fp.fpsr, UINT64_C(0x3333333333333333));
		assert_int_equal(host_sve[5], 0x44);
	}
}

static void fp_of_a_context_moves_with_it(void **state)
{
	(void)state;
	script = use_fp_and_call;
	sp_enter(&contexts[0]);
	sp_vcpu_put(&contexts[0]);
	assert_int_equal(contexts[0].cpu.fp.v[3][0], 1);
	assert_ptr_equal(cpu.fp_owner, NULL);
	assert_int_equal(read_cptr_el2(), vcpu_cptr(&cpu_features, false));
	contexts[0].cpu.fp.v[3][0] = 9;
	contexts[0].cpu.regs.x[20] = 9;
	sp_enter(&contexts[0]);
	assert_int_equal(contexts[0].cpu.regs.x[20], 10);
}

/* ---- exits ---- */

static void exits_say_what_is_to_be_done(void **state)
{
	struct sp_vcpu *v = &contexts[0];

	(void)state;
	assert_false(take_exit(v, esr_make(EC_SMC64, 0)));
	assert_int_equal(v->cpu.exit, SP_EXIT_CALL);
	assert_int_equal(v->cpu.regs.pc, 0x1004);
	assert_int_equal(sp_exit_conduit(v), SP_CONDUIT_SMC);
	assert_false(take_exit(v, esr_make(EC_HVC64, 0)));
	assert_int_equal(v->cpu.regs.pc, 0x1004);
	assert_int_equal(sp_exit_conduit(v), SP_CONDUIT_HVC);
	/* No immediate but 0 is SMCCC's. */
	assert_true(take_exit(v, esr_make(EC_HVC64, 1)));
	assert_int_equal(v->cpu.regs.x[0], UINT64_MAX);
	assert_false(take_exit(v, esr_make(EC_WFX, 0)));
	assert_int_equal(v->cpu.exit, SP_EXIT_WAIT);
	assert_int_equal(v->cpu.regs.pc, 0x1008);
	v->signals = SP_SIGNAL_IRQ;
	assert_true(take_exit(v, esr_make(EC_WFX, 0)));

	write_isr_el1(0);
	assert_int_equal(vcpu_quick_irq(&v->cpu), TRAP_RESUME);
	write_isr_el1(0x40);
	assert_int_equal(vcpu_quick_irq(&v->cpu), TRAP_LEAVE);
	assert_int_equal(v->cpu.exit, SP_EXIT_FIQ);
	write_isr_el1(0xc0);
	assert_int_equal(vcpu_quick_irq(&v->cpu), TRAP_LEAVE);
	assert_int_equal(v->cpu.exit, SP_EXIT_IRQ);
	assert_int_equal(vcpu_quick_serror(&v->cpu), TRAP_LEAVE);
	assert_int_equal(v->cpu.exit, SP_EXIT_ABORT);
	assert_string_equal(sp_exit_reason(v), "SError");
}

static void exits_of_el0_are_calls_or_the_end(void **state)
{
	struct sp_vcpu *v = &contexts[1];

	(void)state;
	make_partition(1, FFA_KIND_SP_EL0);
	el0_answer = NULL;
	assert_false(take_exit(v, esr_make(EC_HVC64, 2)));
	assert_int_equal(v->cpu.exit, SP_EXIT_CALL);
	assert_int_equal(sp_exit_conduit(v), SP_CONDUIT_SVC);
	el0_answer = "why";
	assert_false(take_exit(v, esr_make(EC_HVC64, 1)));
	assert_int_equal(v->cpu.exit, SP_EXIT_ABORT);
	assert_string_equal(sp_exit_reason(v), "why");
	assert_false(take_exit(v, esr_make(EC_DABT_LOWER, FSC_TRANSLATION | 3)));
	assert_int_equal(v->cpu.exit, SP_EXIT_ABORT);
}

static uint64_t fault(enum esr_ec ec, uint64_t iss, uint64_t hpfar)
{
	write_vbar_el1(0x10000);
	write_far_el2(0x123456);
	write_hpfar_el2(hpfar);
	return esr_make(ec, iss);
}

static void aborts_are_the_partitions_own_unless_they_are_over(void **state)
{
	struct sp_vcpu *v = &contexts[0];
	uint64_t ns = BIT(63);

	(void)state;
	sp_enter(v);
	attrs_there = 0;
	assert_true(take_exit(v, fault(EC_DABT_LOWER, FSC_TRANSLATION | 3, 0x1230)));
	assert_int_equal(v->cpu.regs.pc, 0x10200);
	assert_int_equal(read_esr_el1(), esr_make(EC_DABT, FSC_EXTERNAL));
	assert_int_equal(read_far_el1(), 0x123456);
	assert_ptr_equal(table_asked, &v->sp->space.secure);

	/* Another CPU was changing the entry. */
	v->cpu.regs.pc = 0x3000;
	attrs_there = STAGE2_R | STAGE2_W;
	assert_true(take_exit(v, fault(EC_DABT_LOWER, FSC_TRANSLATION | 3 | ESR_ABT_WNR, ns | 0x1230)));
	assert_int_equal(v->cpu.regs.pc, 0x3000);
	assert_ptr_equal(table_asked, &v->sp->space.ns);
	attrs_there = STAGE2_R;
	assert_true(take_exit(v, fault(EC_DABT_LOWER, FSC_PERMISSION | 3 | ESR_ABT_WNR, 0)));
	assert_int_equal(v->cpu.regs.pc, 0x10200);

	/* Never over: code in Non-secure memory, walks of device memory. */
	attrs_there = STAGE2_R | STAGE2_W | STAGE2_X;
	v->cpu.regs.pc = 0x3000;
	assert_true(take_exit(v, fault(EC_IABT_LOWER, FSC_TRANSLATION | 3, ns | 0x1230)));
	assert_int_equal(v->cpu.regs.pc, 0x10200);
	attrs_there = STAGE2_R | STAGE2_DEVICE;
	v->cpu.regs.pc = 0x3000;
	assert_true(take_exit(v, fault(EC_DABT_LOWER, FSC_PERMISSION | 3 | ESR_ABT_S1PTW, 0x1230)));
	assert_int_equal(v->cpu.regs.pc, 0x10200);
}

/* ---- system registers ---- */

static void read_x20_and_call(struct sp_vcpu *v)
{
	if (entries == 1) {
		assert_false(take_exit(v, mrs(SYSREG_ENC_revidr_el1, 20)));
		assert_int_equal(v->cpu.exit, SP_EXIT_RETRY);
		return;
	}
	make_call(v);
}

static void sysreg_waits_for_all_registers_if_it_needs_them(void **state)
{
	(void)state;
	write_revidr_el1(0x55);
	script = read_x20_and_call;
	assert_int_equal(sp_enter(&contexts[0]), SP_EXIT_CALL);
	assert_int_equal(entries, 2);
	assert_int_equal(contexts[0].cpu.regs.x[20], 0x55);
}

static void sysreg_shows_what_there_is_and_no_more(void **state)
{
	static const uint32_t hidden[] = {
		SYSREG_ENC_icc_iar1_el1, SYSREG_ENC_icc_pmr_el1,  SYSREG_ENC_icc_sgi1r_el1,
		SYSREG_ENC_icc_sre_el1,  SYSREG_ENC_cntv_ctl_el0, SYSREG_ENC_scxtnum_el1,
		SYSREG_ENC_pmcr_el0,     SYSREG_ENC_tcr2_el1,     SYSREG_ENC(2, 1, 0, 0, 0) /* trace */,
	};
	struct sp_vcpu *v = &contexts[0];

	(void)state;
	start(UINT64_C(3) << 56 | UINT64_C(3) << 24 | PFR0_SVE, PFR1_SME);
	sp_enter(v);
	assert_true(take_exit(v, mrs(SYSREG_ENC_id_aa64pfr0_el1, 1)));
	/* CSV2 1 needs no SCXTNUM; no GIC, no SVE. */
	assert_int_equal(v->cpu.regs.x[1], UINT64_C(1) << 56 | 0x11);
	assert_int_equal(read_hcr_el2() & BIT(53), 0);
	assert_true(take_exit(v, msr(SYSREG_ENC_mdscr_el1, 1)));
	assert_true(take_exit(v, mrs(SYSREG_ENC_mdscr_el1, 1)));
	assert_int_equal(v->cpu.regs.x[1], 0);
	assert_int_equal(read_mdscr_el1(), 0);
	for (unsigned i = 0; i < ARRAY_SIZE(hidden); i++) {
		write_vbar_el1(0x20000);
		v->cpu.regs.pc = 0x3000;
		assert_true(take_exit(v, mrs(hidden[i], 1)));
		assert_int_equal(v->cpu.regs.pc, 0x20200);
		assert_int_equal(read_esr_el1(), esr_make(EC_UNKNOWN, 0));
	}
	/* ID registers cannot be written. */
	v->cpu.regs.pc = 0x3000;
	assert_true(take_exit(v, msr(SYSREG_ENC_id_aa64pfr0_el1, 1)));
	assert_int_equal(v->cpu.regs.pc, 0x20200);
}

/* ---- the timer ---- */

static void program(struct sp_vcpu *v, uint32_t enc, uint64_t value)
{
	v->cpu.regs.x[2] = value;
	assert_true(take_exit(v, msr(enc, 2)));
}

static void timer_fires_once_for_each_programming(void **state)
{
	struct sp_vcpu *v = &contexts[0];

	(void)state;
	sp_enter(v);
	program(v, SYSREG_ENC_cntp_tval_el0, 500);
	program(v, SYSREG_ENC_cntp_ctl_el0, 1);
	assert_int_equal(cpu.deadline, 1500);
	write_cntpct_el0(1499);
	sp_timers_run(&cpu);
	assert_int_equal(interrupts, 0);
	write_cntpct_el0(1500);
	sp_timers_run(&cpu);
	sp_timers_run(&cpu);
	assert_int_equal(interrupts, 1);
	assert_int_equal(cpu.deadline, UINT64_MAX);
	assert_true(take_exit(v, mrs(SYSREG_ENC_cntp_ctl_el0, 3)));
	assert_int_equal(v->cpu.regs.x[3], 5);
	assert_true(take_exit(v, mrs(SYSREG_ENC_cntp_tval_el0, 3)));
	assert_int_equal(v->cpu.regs.x[3], 0);
	/* Due at once, and then the interrupt line follows in HCR_EL2 at once. */
	v->signals = 0;
	program(v, SYSREG_ENC_cntp_cval_el0, 10);
	assert_int_equal(interrupts, 2);
	assert_int_equal(read_hcr_el2() & SP_SIGNAL_IRQ, SP_SIGNAL_IRQ);
	/* Masked, or off: nothing. */
	program(v, SYSREG_ENC_cntp_ctl_el0, 3);
	program(v, SYSREG_ENC_cntp_cval_el0, 20);
	program(v, SYSREG_ENC_cntp_ctl_el0, 0);
	assert_int_equal(interrupts, 2);
}

static void timer_moves_with_its_context(void **state)
{
	struct sp_vcpu *v = &contexts[0];

	(void)state;
	sp_enter(v);
	program(v, SYSREG_ENC_cntp_cval_el0, 5000);
	program(v, SYSREG_ENC_cntp_ctl_el0, 1);
	sp_vcpu_put(v);
	sp_leave(&cpu);
	/* As if this CPU had got it from the other one. */
	sp_timer_stop(&cpu, &v->cpu.ptimer);
	sp_timer_start(&other_cpu, &v->cpu.ptimer, 5000);
	v->timer_cpu = &other_cpu;
	sp_enter(v);
	assert_ptr_equal(v->timer_cpu, &cpu);
	assert_int_equal(timer_next(&other_cpu.timers), UINT64_MAX);
	assert_int_equal(cpu.deadline, 5000);
	sp_vcpu_reset(v, 0);
	assert_int_equal(timer_next(&cpu.timers), UINT64_MAX);
}

static void timer_of_a_context_that_migrates_survives_its_cpu(void **state)
{
	struct sp_vcpu *v = &contexts[0];

	(void)state;
	cpus[0] = &cpu;
	cpus[1] = &other_cpu;
	cpu_count = 2;
	cpu.online = other_cpu.online = 1;
	sp_enter(v);
	program(v, SYSREG_ENC_cntp_cval_el0, 5000);
	program(v, SYSREG_ENC_cntp_ctl_el0, 1);
	sp_vcpu_put(v);
	sp_cpu_put(&cpu);
	/* A pinned one's stays with the CPU. */
	sp_timers_leave(&cpu);
	assert_int_equal(cpu.online, 0);
	assert_int_equal(cpu.deadline, UINT64_MAX);
	assert_int_equal(timer_next(&cpu.timers), 5000);
	assert_int_equal(other_cpu.attention, 0);
	/* One for all CPUs goes on. */
	sps_under_test[0].endpoint.vcpu_count = 1;
	sp_timers_leave(&cpu);
	assert_int_equal(timer_next(&cpu.timers), UINT64_MAX);
	assert_ptr_equal(v->timer_cpu, &other_cpu);
	assert_int_equal(other_cpu.attention, CPU_ATTENTION_ROLE);
	write_tpidr_el2((uint64_t)(uintptr_t)&other_cpu);
	sp_timers_run(&other_cpu);
	assert_int_equal(other_cpu.deadline, 5000);
	/* The last CPU has nobody to give it to. */
	sp_timers_leave(&other_cpu);
	assert_int_equal(timer_next(&other_cpu.timers), 5000);
	write_cntpct_el0(5000);
	sp_timers_run(&other_cpu);
	assert_int_equal(interrupts, 1);
}

static void timer_goes_on_when_the_cpu_is_back(void **state)
{
	struct sp_vcpu *v = &contexts[0];

	(void)state;
	sp_enter(v);
	program(v, SYSREG_ENC_cntp_cval_el0, 5000);
	program(v, SYSREG_ENC_cntp_ctl_el0, 1);
	/* It is preempted, and its CPU goes off and comes back. */
	sp_cpu_put(&cpu);
	cpu_timer_off(&cpu);
	assert_int_equal(cpu.deadline, UINT64_MAX);
	write_cntpct_el0(6000);
	sp_cpu_init(&cpu);
	assert_int_equal(cpu.deadline, 5000);
	assert_int_equal(interrupts, 0);
	sp_timers_run(&cpu);
	assert_int_equal(interrupts, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(context_gives_the_normal_world_its_registers_back, setup),
		cmocka_unit_test_setup(context_switches_stage_2_and_keys_only_when_another_comes, setup),
		cmocka_unit_test_setup(context_put_leaves_nothing_of_it_in_the_cpu, setup),
		cmocka_unit_test_setup(context_keeps_the_virtual_timer_from_being_a_channel, setup),
		cmocka_unit_test_setup(context_resets_to_power_up_state, setup),
		cmocka_unit_test_setup(context_shows_virtual_interrupts_in_hcr, setup),
		cmocka_unit_test_setup(fp_comes_on_first_use_and_goes_back, setup),
		cmocka_unit_test_setup(fp_that_nobody_uses_is_not_touched, setup),
		cmocka_unit_test_setup(fp_survives_the_normal_worlds_streaming_mode, setup),
		cmocka_unit_test_setup(fp_of_a_context_moves_with_it, setup),
		cmocka_unit_test_setup(exits_say_what_is_to_be_done, setup),
		cmocka_unit_test_setup(exits_of_el0_are_calls_or_the_end, setup),
		cmocka_unit_test_setup(aborts_are_the_partitions_own_unless_they_are_over, setup),
		cmocka_unit_test_setup(sysreg_waits_for_all_registers_if_it_needs_them, setup),
		cmocka_unit_test_setup(sysreg_shows_what_there_is_and_no_more, setup),
		cmocka_unit_test_setup(timer_fires_once_for_each_programming, setup),
		cmocka_unit_test_setup(timer_moves_with_its_context, setup),
		cmocka_unit_test_setup(timer_of_a_context_that_migrates_survives_its_cpu, setup),
		cmocka_unit_test_setup(timer_goes_on_when_the_cpu_is_back, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
