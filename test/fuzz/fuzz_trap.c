/* SPDX-License-Identifier: MIT */
/*
 * A guest that makes any exits it likes: syndromes, fault addresses, registers and instruction words come from the
 * input, the state stays from one exit to the next. Whatever it does, it gets on, and only its own state changes.
 */
#include "../unit/vcpu_fixture.h"

struct record {
	uint64_t esr;
	uint64_t value;
	uint32_t word;     /* instruction at the PC */
	uint16_t offset;   /* in the faulting page */
	uint8_t place;     /* which page faults */
	uint8_t reg;       /* gets 'value', or the faulting address */
	uint8_t flags;
	uint8_t refuse;
};

enum {
	FLAG_FULL = 1,
	FLAG_REG_IS_ADDRESS = 2,
	FLAG_EL0 = 4,
	FLAG_AARCH32 = 8,
	FLAG_RAM_GONE = 16,
	FLAG_TRANSLATION_FAILS = 32,
	FLAG_REFUSE = 64,
	FLAG_TIME = 128,
};

static void require(bool condition)
{
	if (!condition) {
		abort();
	}
}

static bool translate_nothing(uint64_t va unused_arg, bool write unused_arg, bool el0 unused_arg,
			      uint64_t *ipa unused_arg)
{
	return false;
}

static uint64_t page_of(uint8_t place)
{
	static const uint64_t pages[] = {
		DEVICE_BASE,         RAM_BASE, NOWHERE,        DEVICE_BASE - PAGE_SIZE, DEVICE_BASE + DEVICE_SIZE,
		RAM_BASE + RAM_SIZE, 0,        GENMASK(47, 12)
	};

	return pages[place % ARRAY_SIZE(pages)];
}

static void prepare(const struct record *r)
{
	uint64_t address = page_of(r->place) + r->offset % PAGE_SIZE;

	fixture_fault((uint32_t)r->esr, address);
	fx.v.regs.pc = RAM_BASE + 0x100;
	fx.v.regs.pstate = (r->flags & FLAG_EL0) != 0 ? 0 : PSTATE_EL1H;
	fx.v.regs.pstate |= (r->flags & FLAG_AARCH32) != 0 ? PSTATE_NRW : 0;
	vcpu_set_reg(&fx.v, r->reg % 32, (r->flags & FLAG_REG_IS_ADDRESS) != 0 ? address : r->value);
	write_sp_el1(address);
	write_sp_el0(address - 8);
	memcpy(&fx.ram[0x100], &r->word, sizeof(r->word));
	fx.ram_attrs = (r->flags & FLAG_RAM_GONE) != 0 ? 0 : STAGE2_R | STAGE2_W | STAGE2_X;
	host_translate = (r->flags & FLAG_TRANSLATION_FAILS) != 0 ? translate_nothing : NULL;
	fx.device.refuse_after = (r->flags & FLAG_REFUSE) != 0 ? r->refuse : UINT32_MAX;
	fx.now += (r->flags & FLAG_TIME) != 0 ? r->value % 1000 : 0;
}

static void run_one(const struct record *r)
{
	bool full = (r->flags & FLAG_FULL) != 0;
	unsigned ec = esr_ec((uint32_t)r->esr);
	struct vcpu before;
	unsigned accesses;
	enum trap_result result;

	prepare(r);
	before = fx.v;
	accesses = fx.device.reads + fx.device.writes;
	result = fixture_trap(full);
	require(result == TRAP_RESUME || result == TRAP_LEAVE || (result == TRAP_RETRY && !full));
	if (result == TRAP_RETRY) {
		require(memcmp(&before, &fx.v, sizeof(before)) == 0);
		require(accesses == fx.device.reads + fx.device.writes);
		return;
	}
	require(fx.v.stats.exits_by_ec[ec] == before.stats.exits_by_ec[ec] + 1);
	require(result != TRAP_LEAVE || ec == EC_WFX);
	/* A quick exit leaves alone what it has not got. */
	require(full || memcmp(&before.regs.x[19], &fx.v.regs.x[19], 10 * sizeof(uint64_t)) == 0);
	/* On to the next instruction, the same again, or into a vector of EL1 with everything masked. */
	if (fx.v.regs.pc != before.regs.pc && fx.v.regs.pc != before.regs.pc + 4) {
		require(fx.v.regs.pc >= RAM_BASE + 0x800 && fx.v.regs.pc < RAM_BASE + 0x1000);
		require((fx.v.regs.pstate & (PSTATE_DAIF | 0x1f)) == (PSTATE_DAIF | PSTATE_EL1H));
		require(read_elr_el1() == before.regs.pc || ec == EC_SMC64);
	}
	require(fx.v.debug.armed || (fx.v.debug.breakpoints[0].control & 1) == 0);
	timer_run(&fx.cpu.timers, fx.now);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct record r;

	fixture_reset();
	cpu_features.raw[IDREG_INDEX(id_aa64dfr0_el1)] = 0xf000f000; /* 16 breakpoints, 1 watchpoint */
	for (unsigned n = 0; n < 64 && size >= sizeof(r); n++, data += sizeof(r), size -= sizeof(r)) {
		memcpy(&r, data, sizeof(r));
		run_one(&r);
	}
	return 0;
}
