/* SPDX-License-Identifier: MIT */
/*
 * Several CPUs on one memory: identity, locks and atomics, interrupts between all pairs, WFE and SEV, TLB
 * maintenance that reaches the others, cache maintenance by set and way, registers that must belong to one CPU
 * only.
 *
 * Wants: 4 CPUs.
 */
#include "payload/lib/exception.h"
#include "payload/lib/gic.h"
#include "payload/lib/mmu.h"
#include "payload/lib/psci.h"
#include "payload/lib/report.h"
#include "payload/lib/timer.h"

/* KVM's hypercalls: which there are, and of those the one that only VMs have that pKVM protects. */
#define KVM_FEATURES 0x86000000
#define KVM_HYP_MEMINFO BIT(2)
#define SGI 5
#define LOCK_ROUNDS 10000
#define PING_ROUNDS 20
#define WFE_ROUNDS 100
/* Addresses that the identity map leaves free. */
#define WINDOW (GIB(64))

static uint64_t mpidrs[CPU_MAX];

static void read_identity(uint64_t arg)
{
	(void)arg;
	mpidrs[this_cpu()->index] = read_sysreg(mpidr_el1);
	CHECK_EQ(read_sysreg(currentel), 4);
}

static void mpidr(void)
{
	REQUIRE(cpu_run_all(cpu_count, read_identity, 0));
	for (uint32_t i = 0; i < cpu_count; i++) {
		CHECK_EQ(BITS(mpidrs[i], 31, 31), 1);
		CHECK_EQ(mpidrs[i] & UINT64_C(0xff00ffffff), cpus[i].affinity);
	}
}

static uint64_t id_registers[8];

static void compare_identity(uint64_t arg)
{
	(void)arg;
	CHECK_EQ(read_sysreg(midr_el1), id_registers[0]);
	CHECK_EQ(read_sysreg(id_aa64pfr0_el1), id_registers[1]);
	CHECK_EQ(read_sysreg(id_aa64isar0_el1), id_registers[2]);
	CHECK_EQ(read_sysreg(id_aa64isar1_el1), id_registers[3]);
	CHECK_EQ(read_sysreg(id_aa64mmfr0_el1), id_registers[4]);
	CHECK_EQ(read_sysreg(id_aa64mmfr1_el1), id_registers[5]);
	CHECK_EQ(read_sysreg(ctr_el0), id_registers[6]);
	CHECK_EQ(read_sysreg(clidr_el1), id_registers[7]);
}

/* CPUs of one kind: nothing but MPIDR_EL1 may differ. */
static void same_features(void)
{
	id_registers[0] = read_sysreg(midr_el1);
	id_registers[1] = read_sysreg(id_aa64pfr0_el1);
	id_registers[2] = read_sysreg(id_aa64isar0_el1);
	id_registers[3] = read_sysreg(id_aa64isar1_el1);
	id_registers[4] = read_sysreg(id_aa64mmfr0_el1);
	id_registers[5] = read_sysreg(id_aa64mmfr1_el1);
	id_registers[6] = read_sysreg(ctr_el0);
	id_registers[7] = read_sysreg(clidr_el1);
	REQUIRE(cpu_run_all(cpu_count, compare_identity, 0));
}

static struct spinlock lock;
static volatile uint64_t locked_a;
static volatile uint64_t locked_b;

static void count_locked(uint64_t rounds)
{
	for (uint64_t i = 0; i < rounds; i++) {
		spin_lock(&lock);
		locked_a = locked_a + 1;
		locked_b = locked_b + 3;
		if (locked_b != 3 * locked_a) {
			test_fail("CPU %u in a lock that is not one", this_cpu()->index);
		}
		spin_unlock(&lock);
	}
}

static void spinlocks(void)
{
	locked_a = 0;
	locked_b = 0;
	REQUIRE(cpu_run_all(cpu_count, count_locked, LOCK_ROUNDS));
	CHECK_EQ(locked_a, (uint64_t)LOCK_ROUNDS * cpu_count);
}

static uint64_t by_exclusives;
static uint64_t by_lse;
static uint64_t by_cas;

static void count_atomics(uint64_t rounds)
{
	bool lse = BITS(read_sysreg(id_aa64isar0_el1), 23, 20) >= 2;

	for (uint64_t i = 0; i < rounds; i++) {
		uint64_t value = by_cas;

		atomic_add(&by_exclusives, 1);
		while (!__atomic_compare_exchange_n(&by_cas, &value, value + 1, false, __ATOMIC_SEQ_CST,
						    __ATOMIC_SEQ_CST)) {
			continue;
		}
		if (lse) {
			__asm__ volatile(".arch_extension lse\n\tstadd %0, [%1]" ::"r"(UINT64_C(1)), "r"(&by_lse)
					 : "memory");
		} else {
			atomic_add(&by_lse, 1);
		}
	}
}

static void atomics(void)
{
	by_exclusives = by_lse = by_cas = 0;
	REQUIRE(cpu_run_all(cpu_count, count_atomics, LOCK_ROUNDS));
	CHECK_EQ(by_exclusives, (uint64_t)LOCK_ROUNDS * cpu_count);
	CHECK_EQ(by_lse, (uint64_t)LOCK_ROUNDS * cpu_count);
	CHECK_EQ(by_cas, (uint64_t)LOCK_ROUNDS * cpu_count);
}

static uint32_t taken[CPU_MAX];

static void count_sgi(void)
{
	uint32_t intid = gic_ack();

	if (intid < 1020) {
		if (intid == SGI) {
			atomic_add(&taken[this_cpu()->index], 1);
		} else if (!watchdog_irq(intid)) {
			test_fail("unexpected interrupt %u", intid);
		}
		gic_eoi(intid);
	}
}

/* Sleeps until this CPU has taken 'count' SGIs. */
static void sleep_until_taken(uint32_t count)
{
	irq_off();
	while (atomic_load(&taken[this_cpu()->index]) < count) {
		wfi();
		irq_on();
		irq_off();
	}
	irq_on();
}

static void answer_pings(uint64_t peer)
{
	for (uint32_t i = 0; i < PING_ROUNDS; i++) {
		sleep_until_taken(i + 1);
		gic_send_sgi((uint32_t)peer, SGI);
	}
}

static void send_pings(uint64_t peer)
{
	for (uint32_t i = 0; i < PING_ROUNDS; i++) {
		gic_send_sgi((uint32_t)peer, SGI);
		sleep_until_taken(i + 1);
	}
}

static void ping_pair(uint32_t a, uint32_t b)
{
	taken[a] = taken[b] = 0;
	cpu_post(b, answer_pings, a);
	if (a == 0) {
		send_pings(b);
	} else {
		REQUIRE(cpu_run(a, send_pings, b));
	}
	REQUIRE(cpu_wait(b, 10000));
	CHECK_EQ(taken[a], PING_ROUNDS);
	CHECK_EQ(taken[b], PING_ROUNDS);
}

static void ipi_all_pairs(void)
{
	irq_set_handler(count_sgi);
	for (uint32_t i = 0; i < cpu_count; i++) {
		gic_enable(i, SGI);
	}
	for (uint32_t a = 0; a < cpu_count; a++) {
		for (uint32_t b = 1; b < cpu_count; b++) {
			if (a != b) {
				ping_pair(a, b);
			}
		}
	}
	for (uint32_t i = 0; i < cpu_count; i++) {
		gic_disable(i, SGI);
	}
	irq_set_handler(NULL);
}

static uint32_t wfe_turn;

static void wfe_side(uint64_t side)
{
	for (uint32_t i = (uint32_t)side; i < 2 * WFE_ROUNDS; i += 2) {
		while (atomic_load(&wfe_turn) != i) {
			wfe();
		}
		atomic_store(&wfe_turn, i + 1);
		sev();
	}
}

/* A SEV before the WFE is remembered, so nothing is lost between the look and the sleep. */
static void wfe_and_sev(void)
{
	if (cpu_count < 2) {
		test_skip("one CPU");
		return;
	}
	wfe_turn = 0;
	cpu_post(1, wfe_side, 1);
	wfe_side(0);
	CHECK(cpu_wait(1, 10000));
	CHECK_EQ(wfe_turn, 2 * WFE_ROUNDS);
	__asm__ volatile("sevl\n\twfe"); /* own event register: returns at once */
}

static uint64_t page_a[512] __attribute__((aligned(4096)));
static uint64_t page_b[512] __attribute__((aligned(4096)));
static struct barrier tlb_barrier;

/* Reads through the window before and after CPU 0 changes what is behind it. */
static void read_window(uint64_t arg)
{
	volatile uint64_t *window = (volatile uint64_t *)WINDOW;
	struct fault fault;
	uint64_t value;

	(void)arg;
	CHECK_EQ(*window, 0xa);
	barrier_wait(&tlb_barrier, cpu_count);
	barrier_wait(&tlb_barrier, cpu_count); /* CPU 0 has unmapped it */
	fault = FAULT_OF("ldr %0, [%1]" : "=r"(value) : "r"(window));
	CHECK(fault.taken);
	CHECK_EQ(ESR_EC(fault.esr), EC_DABT_CUR);
	CHECK_EQ(ESR_FSC(fault.esr) & ~3ul, FSC_TRANSLATION);
	CHECK_EQ(fault.far, WINDOW);
	barrier_wait(&tlb_barrier, cpu_count);
	barrier_wait(&tlb_barrier, cpu_count); /* and mapped it to another page */
	CHECK_EQ(*window, 0xb);
}

static void tlb_broadcast(void)
{
	uint64_t value;

	page_a[0] = 0xa;
	page_b[0] = 0xb;
	for (uint32_t round = 0; round < 10; round++) {
		REQUIRE(mmu_map(WINDOW, (uint64_t)page_a, PAGE_SIZE, MMU_NORMAL, false));
		for (uint32_t i = 1; i < cpu_count; i++) {
			cpu_post(i, read_window, 0);
		}
		CHECK_EQ(*(volatile uint64_t *)WINDOW, 0xa);
		CHECK(barrier_wait(&tlb_barrier, cpu_count));
		mmu_unmap(WINDOW, PAGE_SIZE);
		CHECK(FAULT_OF("ldr %0, [%1]" : "=r"(value) : "r"(WINDOW)).taken);
		CHECK(barrier_wait(&tlb_barrier, cpu_count));
		CHECK(barrier_wait(&tlb_barrier, cpu_count));
		REQUIRE(mmu_map(WINDOW, (uint64_t)page_b, PAGE_SIZE, MMU_NORMAL, false));
		CHECK(barrier_wait(&tlb_barrier, cpu_count));
		CHECK_EQ(*(volatile uint64_t *)WINDOW, 0xb);
		for (uint32_t i = 1; i < cpu_count; i++) {
			CHECK(cpu_wait(i, 10000));
		}
		mmu_unmap(WINDOW, PAGE_SIZE);
	}
}

static void for_each_set_way(uint32_t level)
{
	uint64_t ccsidr;
	uint64_t ways;
	uint64_t sets;
	bool wide = BITS(read_sysreg(id_aa64mmfr2_el1), 23, 20) != 0; /* FEAT_CCIDX */

	write_sysreg(csselr_el1, level << 1);
	isb();
	ccsidr = read_sysreg(ccsidr_el1);
	ways = wide ? BITS(ccsidr, 23, 3) : BITS(ccsidr, 12, 3);
	sets = wide ? BITS(ccsidr, 55, 32) : BITS(ccsidr, 27, 13);
	for (uint64_t way = 0; way <= ways; way += MAX(1, ways / 4)) {
		uint64_t shift = ways == 0 ? 0 : (uint64_t)__builtin_clz((uint32_t)ways);

		for (uint64_t set = 0; set <= sets; set += MAX(1, sets / 16)) {
			uint64_t operand = way << shift | set << (BITS(ccsidr, 2, 0) + 4) | (uint64_t)level << 1;

			__asm__ volatile("dc csw, %0\n\tdc cisw, %0" ::"r"(operand) : "memory");
		}
	}
	dsb();
}

static uint64_t data_under_test[1024];

static void clean_set_way(uint64_t arg)
{
	(void)arg;
	for (uint32_t i = 0; i < ARRAY_SIZE(data_under_test); i++) {
		atomic_add(&data_under_test[i], 1);
		if (i % 128 == 0) {
			for_each_set_way(0);
		}
	}
}

/* pKVM says it by which hypercalls it has. */
static bool is_protected(void)
{
	int64_t calls = psci_has_smccc() ? psci_call(KVM_FEATURES, 0, 0, 0) : 0;

	return calls >= 0 && ((uint64_t)calls & KVM_HYP_MEMINFO) != 0;
}

/* Clean and clean-and-invalidate only: nobody's data is lost by them. pKVM takes them from the VMs that it protects. */
static void set_way(void)
{
	if (is_protected()) {
		struct fault fault = FAULT_OF("dc csw, %0" ::"r"(0ul));

		CHECK(fault.taken && ESR_EC(fault.esr) == EC_UNKNOWN);
		return;
	}
	for (uint32_t i = 0; i < ARRAY_SIZE(data_under_test); i++) {
		data_under_test[i] = i;
	}
	REQUIRE(cpu_run_all(cpu_count, clean_set_way, 0));
	for (uint32_t i = 0; i < ARRAY_SIZE(data_under_test); i++) {
		CHECK_EQ(data_under_test[i], i + cpu_count);
	}
	__asm__ volatile("ic ialluis\n\tdsb ish\n\tisb" ::: "memory");
}

/* Registers that a vCPU keeps while others run beside it or in its place. */
static void own_registers(uint64_t arg)
{
	uint64_t mine = 0x1000 * (this_cpu()->index + arg);

	for (uint32_t round = 0; round < 100; round++) {
		uint64_t low;
		uint64_t high;

		mine++;
		write_sysreg(tpidr_el0, mine);
		write_sysreg(tpidrro_el0, mine + 1);
		write_sysreg(contextidr_el1, mine & 0xffff);
		write_sysreg(sp_el0, mine + 3);
		__asm__ volatile(".arch_extension fp\n\t.arch_extension simd\n\t"
				 "fmov d0, %0\n\tfmov d31, %1\n\tmov v31.d[1], %0" ::"r"(mine),
				 "r"(~mine));
		psci_call(PSCI_VERSION, 0, 0, 0);
		mmio_read32(UART_BASE + 0x18);
		if (round % 10 == 0) {
			delay_us(500);
		}
		CHECK_EQ(read_sysreg(tpidr_el0), mine);
		CHECK_EQ(read_sysreg(tpidrro_el0), mine + 1);
		CHECK_EQ(read_sysreg(contextidr_el1), mine & 0xffff);
		CHECK_EQ(read_sysreg(sp_el0), mine + 3);
		__asm__ volatile(".arch_extension fp\n\t.arch_extension simd\n\t"
				 "fmov %0, d0\n\tmov %1, v31.d[1]"
				 : "=r"(low), "=r"(high));
		CHECK_EQ(low, mine);
		CHECK_EQ(high, mine);
		__asm__ volatile(".arch_extension fp\n\tfmov %0, d31" : "=r"(low));
		CHECK_EQ(low, ~mine);
	}
}

static void registers_are_own(void)
{
	REQUIRE(cpu_run_all(cpu_count, own_registers, 7));
}

/* A reader must see the writer's two stores in their order, by barriers alone. */
static uint64_t message;
static uint64_t flag;

static void read_messages(uint64_t arg)
{
	(void)arg;
	for (uint64_t i = 1; i <= 1000; i++) {
		CHECK(WAIT_UNTIL(__atomic_load_n(&flag, __ATOMIC_ACQUIRE) >= i, 5000));
		CHECK(message >= i);
	}
}

static void message_passing(void)
{
	if (cpu_count < 2) {
		test_skip("one CPU");
		return;
	}
	message = flag = 0;
	cpu_post(1, read_messages, 0);
	for (uint64_t i = 1; i <= 1000; i++) {
		message = i;
		__atomic_store_n(&flag, i, __ATOMIC_RELEASE);
	}
	CHECK(cpu_wait(1, 10000));
}

static const struct test tests[] = {
	{ "mpidr", mpidr },
	{ "same-features", same_features },
	{ "spinlocks", spinlocks },
	{ "atomics", atomics },
	{ "message-passing", message_passing },
	{ "ipi-all-pairs", ipi_all_pairs },
	{ "wfe-and-sev", wfe_and_sev },
	{ "tlb-broadcast", tlb_broadcast },
	{ "set-way", set_way },
	{ "registers-are-own", registers_are_own },
};

void payload_main(void)
{
	watchdog_start(TIMER_VIRTUAL, 60);
	if (cpu_start_all() != cpu_count) {
		report_fatal("not all of %u CPUs start", cpu_count);
	}
	report_run(tests, ARRAY_SIZE(tests));
}
