/* SPDX-License-Identifier: MIT */
#include "cmocka_main.h"

#include "vcpu_fixture.h"

#define EXTERNAL_ABORT_READ 0x96000010u /* ESR_EL1 of an external abort on a read at EL1 */
#define EXTERNAL_ABORT_WRITE 0x96000050u

static struct vcpu *const v = &fx.v;
static uint64_t pc_before;

static int setup(void **state)
{
	(void)state;
	fixture_reset();
	for (unsigned i = 0; i < 31; i++) {
		v->regs.x[i] = UINT64_C(0x1111111111111111) * (i % 15 + 1);
	}
	pc_before = v->regs.pc;
	return 0;
}

static void assert_skipped(enum trap_result result)
{
	assert_int_equal(result, TRAP_RESUME);
	assert_int_equal(v->regs.pc, pc_before + 4);
	assert_int_equal(v->regs.pstate, PSTATE_EL1H);
}

static void assert_injected(enum trap_result result, uint64_t esr)
{
	assert_int_equal(result, TRAP_RESUME);
	assert_int_equal(v->regs.pc, RAM_BASE + 0x800 + 0x200);
	assert_int_equal(read_elr_el1(), pc_before);
	assert_int_equal(read_esr_el1(), esr);
}

/* ---- classes ---- */

static void trap_counts_an_exit_once(void **state)
{
	(void)state;
	v->regs.esr = FIELD_PUT(ESR_EC, EC_HVC64);
	assert_int_equal(fixture_trap(false), TRAP_RESUME);
	assert_int_equal(v->stats.exits_by_ec[EC_HVC64], 1);
	fixture_fault(fixture_dabt(2, false, 19, false, false), DEVICE_BASE);
	assert_int_equal(fixture_trap(false), TRAP_RETRY);
	assert_int_equal(v->stats.exits_by_ec[EC_DABT_LOWER], 0);
	assert_int_equal(fixture_trap(true), TRAP_RESUME);
	assert_int_equal(v->stats.exits_by_ec[EC_DABT_LOWER], 1);
}

static void trap_calls_by_hvc_and_smc(void **state)
{
	(void)state;
	v->regs.esr = FIELD_PUT(ESR_EC, EC_HVC64);
	fixture_trap(false);
	assert_int_equal(fx.calls, 1);
	assert_int_equal(v->regs.pc, pc_before);
	v->regs.esr = FIELD_PUT(ESR_EC, EC_SMC64);
	assert_skipped(fixture_trap(false));
	assert_int_equal(fx.calls, 2);
}

static void trap_calls_with_another_immediate_are_unknown(void **state)
{
	(void)state;
	v->regs.esr = FIELD_PUT(ESR_EC, EC_HVC64) | 1;
	assert_int_equal(fixture_trap(false), TRAP_RESUME);
	assert_int_equal(v->regs.x[0], UINT64_MAX);
	assert_int_equal(v->regs.pc, pc_before);
	v->regs.x[0] = 0;
	v->regs.esr = FIELD_PUT(ESR_EC, EC_SMC64) | 0xffff;
	assert_skipped(fixture_trap(false));
	assert_int_equal(v->regs.x[0], UINT64_MAX);
	assert_int_equal(fx.calls, 0);
}

static void trap_waits_by_wfi_and_yields_by_the_rest(void **state)
{
	(void)state;
	for (unsigned ti = 0; ti < 4; ti++) {
		fx.waits = fx.wfi_waits = 0;
		v->regs.pc = pc_before;
		v->regs.esr = FIELD_PUT(ESR_EC, EC_WFX) | ti;
		assert_int_equal(fixture_trap(false), TRAP_LEAVE);
		assert_int_equal(v->regs.pc, pc_before + 4);
		assert_int_equal(fx.waits, 1);
		assert_int_equal(fx.wfi_waits, ti == 0);
	}
}

static void trap_brings_fp_in(void **state)
{
	(void)state;
	v->regs.esr = FIELD_PUT(ESR_EC, EC_FP);
	assert_int_equal(fixture_trap(false), TRAP_RESUME);
	assert_int_equal(fx.fp_traps, 1);
	assert_int_equal(v->regs.pc, pc_before);
}

/* Every class that has no handler is the guest's own fault, whatever its syndrome. */
static void trap_of_any_other_class_is_undefined(void **state)
{
	(void)state;
	for (unsigned ec = 0; ec < EC_COUNT; ec++) {
		switch (ec) {
		case EC_WFX:
		case EC_FP:
		case EC_ILLEGAL_STATE:
		case EC_HVC64:
		case EC_SMC64:
		case EC_SYSREG:
		case EC_IABT_LOWER:
		case EC_DABT_LOWER:
			continue;
		default:
			break;
		}
		setup(state);
		v->regs.esr = FIELD_PUT(ESR_EC, ec) | GENMASK(25, 0);
		assert_injected(fixture_trap(false), 0x02000000);
	}
}

static void trap_reflects_an_illegal_state(void **state)
{
	(void)state;
	v->regs.esr = FIELD_PUT(ESR_EC, EC_ILLEGAL_STATE) | ESR_IL;
	assert_injected(fixture_trap(false), 0x3a000000);
}

static void trap_skip_ends_a_software_step(void **state)
{
	(void)state;
	v->regs.pstate |= PSTATE_SS | BIT(10);
	v->regs.esr = FIELD_PUT(ESR_EC, EC_SMC64);
	assert_skipped(fixture_trap(false));
}

/* ---- devices, with a syndrome ---- */

static void trap_reads_a_device_in_all_widths(void **state)
{
	const uint64_t pattern = UINT64_C(0xf1e2d3c4b5a69788);

	(void)state;
	for (unsigned size = 0; size < 4; size++) {
		for (unsigned form = 0; form < 4; form++) {
			bool sign = (form & 1) != 0;
			bool wide = (form & 2) != 0 || size == 3;
			uint64_t mask = ~UINT64_C(0) >> (64 - (8u << size));
			uint64_t expected = pattern & mask;

			setup(state);
			memcpy(&fx.device.bytes[8], &pattern, 8);
			if (sign) {
				expected |= ~mask;
			}
			if (!wide) {
				expected = (uint32_t)expected;
			}
			fixture_fault(fixture_dabt(size, false, 5, sign, wide), DEVICE_BASE + 8);
			assert_skipped(fixture_trap(false));
			assert_int_equal(v->regs.x[5], expected);
			assert_int_equal(fx.device.reads, 1);
			assert_int_equal(fx.device.last_size, 1u << size);
			assert_int_equal(fx.device.last_offset, 8);
		}
	}
}

static void trap_writes_a_device_in_all_widths(void **state)
{
	(void)state;
	for (unsigned size = 0; size < 4; size++) {
		setup(state);
		v->regs.x[7] = UINT64_C(0xf1e2d3c4b5a69788);
		fixture_fault(fixture_dabt(size, true, 7, false, true), DEVICE_BASE + 0xff0);
		assert_skipped(fixture_trap(false));
		assert_int_equal(fx.device.writes, 1);
		assert_int_equal(fx.device.last_value, v->regs.x[7] & (~UINT64_C(0) >> (64 - (8u << size))));
	}
}

static void trap_knows_the_zero_register(void **state)
{
	(void)state;
	fixture_fault(fixture_dabt(3, true, 31, false, true), DEVICE_BASE);
	fx.device.bytes[0] = 0xff;
	assert_skipped(fixture_trap(false));
	assert_int_equal(fx.device.last_value, 0);
	v->regs.pc = pc_before;
	fx.device.bytes[0] = 0xff;
	fixture_fault(fixture_dabt(3, false, 31, false, true), DEVICE_BASE);
	assert_skipped(fixture_trap(false));
	assert_int_equal(v->regs.x[30], UINT64_C(0x1111111111111111));
}

/* A quick exit has no x19..x28: nothing may have happened when it asks for them. */
static void trap_retries_without_a_trace(void **state)
{
	(void)state;
	for (unsigned rt = 0; rt < 32; rt++) {
		struct vcpu before;
		bool missing = rt >= 19 && rt <= 28;

		setup(state);
		fixture_fault(fixture_dabt(2, (rt & 1) != 0, rt, false, false), DEVICE_BASE);
		before = *v;
		assert_int_equal(fixture_trap(false), missing ? TRAP_RETRY : TRAP_RESUME);
		if (missing) {
			assert_memory_equal(v, &before, sizeof(before));
			assert_int_equal(fx.device.reads + fx.device.writes, 0);
		}
	}
}

static void trap_keeps_accesses_inside_a_region(void **state)
{
	(void)state;
	fixture_fault(fixture_dabt(0, false, 1, false, false), DEVICE_BASE + DEVICE_SIZE - 1);
	assert_skipped(fixture_trap(false));
	/* The remembered region ends in the middle of this one, or begins in the middle of that. */
	v->regs.pc = pc_before;
	fixture_fault(fixture_dabt(3, false, 1, false, true), DEVICE_BASE + DEVICE_SIZE - 4);
	assert_injected(fixture_trap(false), EXTERNAL_ABORT_READ);
	v->regs.pc = pc_before;
	v->regs.pstate = PSTATE_EL1H;
	fixture_fault(fixture_dabt(3, false, 1, false, true), DEVICE_BASE - 4);
	assert_injected(fixture_trap(false), EXTERNAL_ABORT_READ);
	assert_int_equal(fx.device.reads, 1);
}

static void trap_takes_the_page_from_hpfar(void **state)
{
	(void)state;
	/* Stage 1 maps a high address to the device. */
	fixture_fault(fixture_dabt(2, false, 1, false, false), DEVICE_BASE);
	write_far_el2(UINT64_C(0xffff800012345018));
	assert_skipped(fixture_trap(false));
	assert_int_equal(fx.device.last_offset, 0x18);
}

static void trap_aborts_what_nobody_answers(void **state)
{
	(void)state;
	fixture_fault(fixture_dabt(2, true, 1, false, false), NOWHERE + 0x44);
	assert_injected(fixture_trap(false), EXTERNAL_ABORT_WRITE);
	assert_int_equal(read_far_el1(), NOWHERE + 0x44);
	/* The device itself refuses: the register keeps its value. */
	setup(state);
	fx.device.refuse_after = 0;
	fixture_fault(fixture_dabt(2, false, 1, false, false), DEVICE_BASE);
	assert_injected(fixture_trap(false), EXTERNAL_ABORT_READ);
	assert_int_equal(v->regs.x[1], UINT64_C(0x2222222222222222));
}

static void trap_gives_aarch32_no_device(void **state)
{
	(void)state;
	v->regs.pstate = PSTATE_NRW;
	fixture_fault(fixture_dabt(2, false, 1, false, false), DEVICE_BASE);
	assert_int_equal(fixture_trap(false), TRAP_RESUME);
	assert_int_equal(v->regs.pc, RAM_BASE + 0x800 + 0x600);
	assert_int_equal(read_esr_el1(), 0x92000010);
	assert_int_equal(fx.device.reads, 0);
}

/* ---- faults of other kinds ---- */

/* Break-before-make of another CPU: by now the page is there. */
static void trap_repeats_an_access_that_is_allowed_now(void **state)
{
	(void)state;
	fixture_fault(fixture_dabt(3, true, 1, false, true), RAM_BASE + 0x1008);
	assert_int_equal(fixture_trap(false), TRAP_RESUME);
	assert_int_equal(v->regs.pc, pc_before);
	fixture_fault(FIELD_PUT(ESR_EC, EC_IABT_LOWER) | FSC_TRANSLATION | 2, RAM_BASE + 0x1008);
	assert_int_equal(fixture_trap(false), TRAP_RESUME);
	assert_int_equal(v->regs.pc, pc_before);
}

static void trap_aborts_what_the_mapping_forbids(void **state)
{
	uint64_t permission_write = (fixture_dabt(3, true, 1, false, true) & ~(uint64_t)0x3f) | FSC_PERMISSION | 3;

	(void)state;
	fx.ram_attrs = STAGE2_R;
	fixture_fault(permission_write, RAM_BASE + 0x1008);
	write_hpfar_el2(0xdeadbeef0); /* not valid after such a fault */
	assert_injected(fixture_trap(false), EXTERNAL_ABORT_WRITE);
	setup(state);
	fixture_fault(permission_write, RAM_BASE + 0x1008);
	write_hpfar_el2(0xdeadbeef0);
	assert_int_equal(fixture_trap(false), TRAP_RESUME);
	assert_int_equal(v->regs.pc, pc_before);
	setup(state);
	fx.ram_attrs = STAGE2_R | STAGE2_W;
	fixture_fault(FIELD_PUT(ESR_EC, EC_IABT_LOWER) | FSC_PERMISSION | 3, RAM_BASE);
	assert_injected(fixture_trap(false), 0x86000010);
}

static void trap_of_a_walk_outside_ram_is_an_abort_on_the_walk(void **state)
{
	(void)state;
	fixture_fault(FIELD_PUT(ESR_EC, EC_DABT_LOWER) | ESR_ABT_S1PTW | FSC_TRANSLATION | 3, DEVICE_BASE);
	write_far_el2(0x5000);
	assert_injected(fixture_trap(true), 0x96000014);
	assert_int_equal(read_far_el1(), 0x5000);
	/* The same for address translation instructions (CM): PAR_EL1 must not stay as it was. */
	setup(state);
	fixture_fault(FIELD_PUT(ESR_EC, EC_DABT_LOWER) | ESR_ABT_S1PTW | ESR_ABT_CM | FSC_TRANSLATION | 3, NOWHERE);
	assert_injected(fixture_trap(true), 0x96000114);
	/* A walk through a page that was about to be mapped. */
	setup(state);
	fixture_fault(FIELD_PUT(ESR_EC, EC_IABT_LOWER) | ESR_ABT_S1PTW | FSC_PERMISSION | 3, RAM_BASE);
	assert_int_equal(fixture_trap(true), TRAP_RESUME);
	assert_int_equal(v->regs.pc, pc_before);
}

static void trap_skips_cache_maintenance_on_devices(void **state)
{
	(void)state;
	fixture_fault(fixture_dabt_bare(true) | ESR_ABT_CM, DEVICE_BASE);
	assert_int_equal(fixture_trap(false), TRAP_RETRY);
	assert_skipped(fixture_trap(true));
	assert_int_equal(fx.device.writes, 0);
}

static void trap_aborts_execution_from_devices(void **state)
{
	(void)state;
	fixture_fault(FIELD_PUT(ESR_EC, EC_IABT_LOWER) | FSC_TRANSLATION | 3, DEVICE_BASE);
	v->regs.pc = pc_before = DEVICE_BASE;
	assert_injected(fixture_trap(false), 0x86000010);
	assert_int_equal(read_far_el1(), DEVICE_BASE);
}

static void trap_passes_other_aborts_on(void **state)
{
	(void)state;
	for (unsigned fsc = 0; fsc < 64; fsc++) {
		if ((fsc & FSC_TYPE_MASK) == FSC_TRANSLATION || (fsc & FSC_TYPE_MASK) == FSC_PERMISSION) {
			continue;
		}
		setup(state);
		fx.ram_attrs = 0;
		fixture_fault((fixture_dabt(2, false, 1, false, false) & ~(uint64_t)0x3f) | fsc, DEVICE_BASE);
		assert_injected(fixture_trap(true), EXTERNAL_ABORT_READ);
		assert_int_equal(fx.device.reads, 0);
	}
}

/* ---- a device over memory ---- */

#define SHOWN_BASE (RAM_BASE + 0x2000)

/* Memory of the guest with those attributes, of which the device has the rest. A permission fault tells no IPA. */
static void fault_on_shown(unsigned attrs, uint64_t esr, uint64_t offset)
{
	fx.ram_attrs = attrs;
	assert_int_equal(bus_add(&fx.vm.bus, ipa(SHOWN_BASE), DEVICE_SIZE, &device_ops, &fx.device), OK);
	fixture_fault((esr & ~(uint64_t)FSC_TYPE_MASK) | FSC_PERMISSION, SHOWN_BASE + offset);
	write_hpfar_el2(0xdeadbeef0);
}

static void trap_gives_a_device_what_its_memory_forbids(void **state)
{
	setup(state);
	v->regs.x[1] = 0x98;
	fault_on_shown(STAGE2_R, fixture_dabt(2, true, 1, false, false), 0x154);
	assert_skipped(fixture_trap(true));
	assert_int_equal(fx.device.writes, 1);
	assert_int_equal(fx.device.last_offset, 0x154);
	assert_int_equal(fx.device.last_value, 0x98);
	setup(state);
	fx.device.bytes[0x40] = 'Q';
	fault_on_shown(0, fixture_dabt(1, false, 1, false, false), 0x40);
	assert_skipped(fixture_trap(true));
	assert_int_equal(v->regs.x[1], 'Q');
	/* By now the memory is shown again: its own contents. */
	setup(state);
	fault_on_shown(STAGE2_R, fixture_dabt(2, false, 1, false, false), 0x40);
	assert_int_equal(fixture_trap(true), TRAP_RESUME);
	assert_int_equal(v->regs.pc, pc_before);
	assert_int_equal(fx.device.reads, 0);
	/* A walk's own update of the guest's tables is no access to a device, and maintenance has nothing to do. */
	setup(state);
	fault_on_shown(STAGE2_R, fixture_dabt(2, true, 1, false, false) | ESR_ABT_S1PTW, 0x40);
	assert_int_equal(fixture_trap(true), TRAP_RESUME);
	assert_int_equal(v->regs.pc, RAM_BASE + 0x800 + 0x200);
	setup(state);
	fault_on_shown(STAGE2_R, fixture_dabt_bare(true) | ESR_ABT_CM, 0x40);
	assert_skipped(fixture_trap(true));
	assert_int_equal(fx.device.writes, 0);
	/* Execution is none either. */
	setup(state);
	fault_on_shown(STAGE2_R, FIELD_PUT(ESR_EC, EC_IABT_LOWER), 0x40);
	assert_injected(fixture_trap(true), 0x86000010);
}

/* ---- devices, without a syndrome ---- */

static void put_insn(uint32_t word)
{
	memcpy(&fx.ram[pc_before - RAM_BASE], &word, 4);
}

static void trap_emulates_a_load_pair(void **state)
{
	(void)state;
	put_insn(0xa9410861); /* ldp x1, x2, [x3, #16] */
	for (unsigned i = 0; i < 16; i++) {
		fx.device.bytes[0x20 + i] = (uint8_t)i;
	}
	v->regs.x[3] = DEVICE_BASE + 0x10;
	fixture_fault(fixture_dabt_bare(false), DEVICE_BASE + 0x20);
	assert_int_equal(fixture_trap(false), TRAP_RETRY);
	assert_int_equal(fx.device.reads, 0);
	assert_skipped(fixture_trap(true));
	assert_int_equal(v->regs.x[1], UINT64_C(0x0706050403020100));
	assert_int_equal(v->regs.x[2], UINT64_C(0x0f0e0d0c0b0a0908));
	assert_int_equal(v->regs.x[3], DEVICE_BASE + 0x10);
	assert_int_equal(fx.device.reads, 2);
}

static void trap_emulates_writeback(void **state)
{
	(void)state;
	put_insn(0xb81fcc41); /* str w1, [x2, #-4]! */
	v->regs.x[2] = DEVICE_BASE + 0x104;
	fixture_fault(fixture_dabt_bare(true), DEVICE_BASE + 0x100);
	assert_skipped(fixture_trap(true));
	assert_int_equal(fx.device.last_offset, 0x100);
	assert_int_equal(fx.device.last_value, 0x22222222);
	assert_int_equal(v->regs.x[2], DEVICE_BASE + 0x100);
	assert_int_equal(v->regs.x[1], UINT64_C(0x2222222222222222));
	/* Through the stack pointer that is in use: SP_EL1, then SP_EL0. */
	setup(state);
	put_insn(0xf80087e1); /* str x1, [sp], #8 */
	write_sp_el1(DEVICE_BASE + 0x40);
	write_sp_el0(7);
	fixture_fault(fixture_dabt_bare(true), DEVICE_BASE + 0x40);
	assert_skipped(fixture_trap(true));
	assert_int_equal(read_sp_el1(), DEVICE_BASE + 0x48);
	assert_int_equal(read_sp_el0(), 7);
	v->regs.pstate = PSTATE_EL1H & ~PSTATE_SP;
	v->regs.pc = pc_before;
	write_sp_el0(DEVICE_BASE + 0x80);
	fixture_fault(fixture_dabt_bare(true), DEVICE_BASE + 0x80);
	assert_int_equal(fixture_trap(true), TRAP_RESUME);
	assert_int_equal(read_sp_el0(), DEVICE_BASE + 0x88);
	assert_int_equal(read_sp_el1(), DEVICE_BASE + 0x48);
}

/* The device does a store in turns: only the last one moves the base and goes on to the next instruction. */
static void trap_repeats_a_store_and_writes_back_once(void **state)
{
	static const struct {
		uint32_t insn;
		unsigned writes; /* of one turn */
		uint64_t base, after;
	} stores[] = {
		{ 0xb80044a1, 1, DEVICE_BASE + 0x50, DEVICE_BASE + 0x54 }, /* str w1, [x5], #4 */
		{ 0xb81fcca1, 1, DEVICE_BASE + 0x54, DEVICE_BASE + 0x50 }, /* str w1, [x5, #-4]! */
		{ 0x28810ca1, 2, DEVICE_BASE + 0x50, DEVICE_BASE + 0x58 }, /* stp w1, w3, [x5], #8 */
	};

	for (unsigned i = 0; i < ARRAY_SIZE(stores); i++) {
		setup(state);
		put_insn(stores[i].insn);
		v->regs.x[5] = stores[i].base;
		for (unsigned turn = 0; turn < 3; turn++) {
			assert_int_equal(v->regs.pc, pc_before);
			assert_int_equal(v->regs.x[5], stores[i].base);
			fx.device.repeats = turn < 2;
			fixture_fault(fixture_dabt_bare(true), DEVICE_BASE + 0x50);
			assert_int_equal(fixture_trap(true), TRAP_RESUME);
		}
		assert_int_equal(v->regs.pc, pc_before + 4);
		assert_int_equal(v->regs.x[5], stores[i].after);
		assert_int_equal(fx.device.writes, 3 * stores[i].writes);
	}
	/* The usual store, with a syndrome. */
	setup(state);
	fx.device.repeats = 1;
	fixture_fault(fixture_dabt(2, true, 1, false, false), DEVICE_BASE + 0x50);
	assert_int_equal(fixture_trap(false), TRAP_RESUME);
	assert_int_equal(v->regs.pc, pc_before);
	assert_skipped(fixture_trap(false));
	assert_int_equal(fx.device.writes, 2);
}

static void trap_sign_extends_a_pair(void **state)
{
	(void)state;
	put_insn(0x68e00861); /* ldpsw x1, x2, [x3], #-256 */
	fx.device.bytes[0x203] = 0x80;
	v->regs.x[3] = DEVICE_BASE + 0x200;
	fixture_fault(fixture_dabt_bare(false), DEVICE_BASE + 0x200);
	assert_skipped(fixture_trap(true));
	assert_int_equal(v->regs.x[1], UINT64_C(0xffffffff80000000));
	assert_int_equal(v->regs.x[2], 0);
	assert_int_equal(v->regs.x[3], DEVICE_BASE + 0x100);
}

/* Nothing but the device's own side effects may remain of an access that fails. */
static void assert_no_emulation(uint32_t word, bool write)
{
	struct vcpu_regs before;

	put_insn(word);
	fixture_fault(fixture_dabt_bare(write), read_far_el2());
	before = v->regs;
	assert_injected(fixture_trap(true), write ? EXTERNAL_ABORT_WRITE : EXTERNAL_ABORT_READ);
	assert_memory_equal(v->regs.x, before.x, sizeof(before.x));
}

static void trap_aborts_what_it_cannot_emulate(void **state)
{
	static const uint32_t words[] = {
		0xc85f7c41, /* ldxr x1, [x2] */
		0x3cc10441, /* ldr q1, [x2], #16 */
		0xf8410441, /* ldr x1, [x2], #16: a load, but the fault was a write */
		0xd503201f, /* nop */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		setup(state);
		v->regs.x[2] = DEVICE_BASE;
		write_far_el2(DEVICE_BASE);
		assert_no_emulation(words[i], true);
		assert_int_equal(fx.device.reads + fx.device.writes, 0);
	}
}

/* The instruction word or a register was changed behind our back: the access may not leave the page that faulted. */
static void trap_emulates_in_the_faulting_page_only(void **state)
{
	(void)state;
	v->regs.x[3] = DEVICE_BASE + DEVICE_SIZE;
	write_far_el2(DEVICE_BASE);
	assert_no_emulation(0xa9410861, false); /* ldp x1, x2, [x3, #16] */
	setup(state);
	v->regs.x[3] = DEVICE_BASE + DEVICE_SIZE - 24;
	write_far_el2(DEVICE_BASE + DEVICE_SIZE - 8);
	assert_no_emulation(0xa9410861, false);
	assert_int_equal(fx.device.reads, 0);
}

static void trap_second_half_refused_changes_no_register(void **state)
{
	(void)state;
	fx.device.refuse_after = 1;
	v->regs.x[3] = DEVICE_BASE;
	write_far_el2(DEVICE_BASE);
	assert_no_emulation(0x28ff0861, false); /* ldp w1, w2, [x3], #-8 */
	assert_int_equal(fx.device.reads, 1);
}

static bool translate_nothing(uint64_t va, bool write, bool el0, uint64_t *ipa)
{
	(void)va;
	(void)write;
	(void)el0;
	(void)ipa;
	return false;
}

static void trap_aborts_when_the_instruction_is_gone(void **state)
{
	(void)state;
	host_translate = translate_nothing;
	v->regs.x[3] = DEVICE_BASE;
	write_far_el2(DEVICE_BASE);
	assert_no_emulation(0xa9410861, false);
	/* Code outside RAM cannot be read either. */
	setup(state);
	v->regs.pc = pc_before = NOWHERE;
	fixture_fault(fixture_dabt_bare(false), DEVICE_BASE);
	assert_injected(fixture_trap(true), EXTERNAL_ABORT_READ);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(trap_counts_an_exit_once, setup),
		cmocka_unit_test_setup(trap_calls_by_hvc_and_smc, setup),
		cmocka_unit_test_setup(trap_calls_with_another_immediate_are_unknown, setup),
		cmocka_unit_test_setup(trap_waits_by_wfi_and_yields_by_the_rest, setup),
		cmocka_unit_test_setup(trap_brings_fp_in, setup),
		cmocka_unit_test_setup(trap_of_any_other_class_is_undefined, setup),
		cmocka_unit_test_setup(trap_reflects_an_illegal_state, setup),
		cmocka_unit_test_setup(trap_skip_ends_a_software_step, setup),
		cmocka_unit_test_setup(trap_reads_a_device_in_all_widths, setup),
		cmocka_unit_test_setup(trap_writes_a_device_in_all_widths, setup),
		cmocka_unit_test_setup(trap_knows_the_zero_register, setup),
		cmocka_unit_test_setup(trap_retries_without_a_trace, setup),
		cmocka_unit_test_setup(trap_keeps_accesses_inside_a_region, setup),
		cmocka_unit_test_setup(trap_takes_the_page_from_hpfar, setup),
		cmocka_unit_test_setup(trap_aborts_what_nobody_answers, setup),
		cmocka_unit_test_setup(trap_gives_aarch32_no_device, setup),
		cmocka_unit_test_setup(trap_repeats_an_access_that_is_allowed_now, setup),
		cmocka_unit_test_setup(trap_aborts_what_the_mapping_forbids, setup),
		cmocka_unit_test_setup(trap_of_a_walk_outside_ram_is_an_abort_on_the_walk, setup),
		cmocka_unit_test_setup(trap_skips_cache_maintenance_on_devices, setup),
		cmocka_unit_test_setup(trap_aborts_execution_from_devices, setup),
		cmocka_unit_test_setup(trap_gives_a_device_what_its_memory_forbids, setup),
		cmocka_unit_test_setup(trap_passes_other_aborts_on, setup),
		cmocka_unit_test_setup(trap_emulates_a_load_pair, setup),
		cmocka_unit_test_setup(trap_emulates_writeback, setup),
		cmocka_unit_test_setup(trap_repeats_a_store_and_writes_back_once, setup),
		cmocka_unit_test_setup(trap_sign_extends_a_pair, setup),
		cmocka_unit_test_setup(trap_aborts_what_it_cannot_emulate, setup),
		cmocka_unit_test_setup(trap_emulates_in_the_faulting_page_only, setup),
		cmocka_unit_test_setup(trap_second_half_refused_changes_no_register, setup),
		cmocka_unit_test_setup(trap_aborts_when_the_instruction_is_gone, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
