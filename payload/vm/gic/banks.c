/* SPDX-License-Identifier: MIT */
/* Registers as registers: what is written, what is read back, by whom. Nothing here lets an interrupt through. */
#include "payload/vm/gic/tests.h"

#define SPI_WORD (SPI_FIRST / 32 * 4)
#define SPI_MASK UINT32_C(0x000000ff)
/* SGIs 8 to 15: the PPIs may have sources. */
#define SGI_MASK UINT32_C(0x0000ff00)

void identity(void)
{
	uint32_t typer = mmio_read32(gicd + GICD_TYPER);
	uint32_t last = 0;

	CHECK(gic_intids >= SPI_FIRST + SPI_COUNT);
	CHECK_EQ(BITS(typer, 10, 10), 0); /* one security state */
	CHECK_EQ(BITS(mmio_read32(gicd + GIC_PIDR2), 7, 4), 3);
	mmio_read32(gicd + GICD_IIDR);
	CHECK((mmio_read32(gicd + GICD_CTLR) & GICD_CTLR_ARE) != 0);
	CHECK((mmio_read32(gicd + GICD_CTLR) & GICD_CTLR_DS) != 0);
	for (uint32_t i = 0; i < cpu_count; i++) {
		uint64_t rd = cpus[i].gicr;
		uint64_t typer64 = mmio_read64(rd + GICR_TYPER);

		CHECK_EQ(BITS(mmio_read32(rd + GIC_PIDR2), 7, 4), 3);
		CHECK_EQ(mmio_read32(rd + GICR_TYPER), typer64 & 0xffffffff);
		CHECK_EQ(mmio_read32(rd + GICR_TYPER + 4), typer64 >> 32);
		CHECK_EQ(mmio_read32(rd + GICR_IIDR), mmio_read32(cpus[0].gicr + GICR_IIDR));
		last += BITS(typer64, 4, 4);
		for (uint32_t j = 0; j < i; j++) {
			CHECK(BITS(mmio_read64(cpus[j].gicr + GICR_TYPER), 23, 8) != BITS(typer64, 23, 8));
		}
	}
	CHECK_EQ(last, 1);
}

void interface_registers(void)
{
	uint64_t pmr;

	CHECK_EQ(read_icc(ICC_SRE_EL1) & 1, 1);
	write_icc(ICC_SRE_EL1, 0); /* RAO/WI, or a GICv2 view that is not there */
	isb();
	CHECK_EQ(read_icc(ICC_SRE_EL1) & 1, 1);
	CHECK_EQ(read_icc(ICC_RPR_EL1), 0xff);
	irq_off();
	CHECK_EQ(read_icc(ICC_IAR1_EL1), GIC_SPURIOUS);
	CHECK_EQ(read_icc(ICC_HPPIR1_EL1), GIC_SPURIOUS);
	write_icc(ICC_PMR_EL1, 0xa8);
	isb();
	pmr = read_icc(ICC_PMR_EL1);
	write_icc(ICC_PMR_EL1, 0xff);
	CHECK(pmr == 0xa8 || pmr == 0xa0);
	CHECK(BITS(read_icc(ICC_CTLR_EL1), 10, 8) >= 3); /* PRIbits: 16 priorities at least */
	CHECK_EQ(read_icc(ICC_IGRPEN1_EL1), 1);
	for (uint64_t bpr = 0; bpr < 8; bpr++) {
		uint64_t got;

		write_icc(ICC_BPR1_EL1, bpr);
		isb();
		got = read_icc(ICC_BPR1_EL1);
		CHECK(got >= bpr && got <= 7);
	}
	write_icc(ICC_BPR1_EL1, 0);
	irq_on();
}

/* A pair of registers, one that sets the bits written as 1 and one that clears them; both read the state. */
static void check_pair(uint64_t set, uint64_t clear, uint32_t mask)
{
	uint32_t others;

	mmio_write32(clear, mask);
	others = mmio_read32(set) & ~mask;
	CHECK_EQ(mmio_read32(set) & mask, 0);
	mmio_write32(set, mask & 0x55555555);
	mmio_write32(set, 0);
	CHECK_EQ(mmio_read32(set) & mask, mask & 0x55555555);
	CHECK_EQ(mmio_read32(clear) & mask, mask & 0x55555555);
	mmio_write32(set, mask & 0xaaaaaaaa);
	CHECK_EQ(mmio_read32(set) & mask, mask);
	mmio_write32(clear, 0);
	mmio_write32(clear, mask & 0x33333333);
	CHECK_EQ(mmio_read32(clear) & mask, mask & 0xcccccccc);
	mmio_write32(clear, mask);
	CHECK_EQ(mmio_read32(set) & mask, 0);
	CHECK_EQ(mmio_read32(set) & ~mask, others);
}

static void check_plain(uint64_t address, uint32_t mask)
{
	uint32_t before = mmio_read32(address);

	mmio_write32(address, before | mask);
	CHECK_EQ(mmio_read32(address), before | mask);
	mmio_write32(address, before & ~mask);
	CHECK_EQ(mmio_read32(address), before & ~mask);
	mmio_write32(address, before);
	CHECK_EQ(mmio_read32(address), before);
}

void spi_banks(void)
{
	uint32_t ctlr = mmio_read32(gicd + GICD_CTLR);

	mmio_write32(gicd + GICD_CTLR, GICD_CTLR_ARE);
	gic_wait_rwp();
	check_pair(gicd + GIC_ISENABLER + SPI_WORD, gicd + GIC_ICENABLER + SPI_WORD, SPI_MASK);
	check_pair(gicd + GIC_ISPENDR + SPI_WORD, gicd + GIC_ICPENDR + SPI_WORD, SPI_MASK);
	check_pair(gicd + GIC_ISACTIVER + SPI_WORD, gicd + GIC_ICACTIVER + SPI_WORD, SPI_MASK);
	check_plain(gicd + GIC_IGROUPR + SPI_WORD, SPI_MASK);
	check_plain(gicd + GIC_ICFGR + SPI_FIRST / 16 * 4, 0xaaaa);
	mmio_write32(gicd + GICD_CTLR, ctlr);
	gic_wait_rwp();
}

static void check_private(uint64_t sgi_base)
{
	check_pair(sgi_base + GIC_ISENABLER, sgi_base + GIC_ICENABLER, SGI_MASK);
	check_pair(sgi_base + GIC_ISACTIVER, sgi_base + GIC_ICACTIVER, SGI_MASK);
	check_pair(sgi_base + GIC_ISPENDR, sgi_base + GIC_ICPENDR, SGI_MASK);
	check_plain(sgi_base + GIC_IGROUPR, SGI_MASK);
}

static void check_own_private(uint64_t arg)
{
	(void)arg;
	check_private(this_cpu()->gicr + GICR_SGI_BASE);
}

/* Of every CPU, by every CPU in turn, the first two included at least. */
void private_banks(void)
{
	for (uint32_t i = 0; i < cpu_count; i++) {
		check_private(cpus[i].gicr + GICR_SGI_BASE);
	}
	for (uint32_t i = 1; i < cpu_count; i++) {
		REQUIRE(cpu_run(i, check_own_private, 0));
	}
}

static void check_priorities(uint32_t cpu, uint32_t intid)
{
	uint64_t address = gic_base(cpu, intid) + GIC_IPRIORITYR + intid;
	uint32_t kept;

	mmio_write32(address, 0xffffffff);
	kept = mmio_read8(address);
	CHECK(kept == 0xff || kept == 0xf8 || kept == 0xf0);
	CHECK_EQ(mmio_read32(address), kept * 0x01010101);
	mmio_write8(address + 1, 0x50);
	mmio_write8(address + 2, 0xa0);
	CHECK_EQ(mmio_read32(address), kept | 0x50u << 8 | 0xa0u << 16 | kept << 24);
	CHECK_EQ(mmio_read8(address + 1), 0x50);
	CHECK_EQ(mmio_read8(address + 3), kept);
	mmio_write32(address, 0x10203040);
	CHECK_EQ(mmio_read8(address), 0x40);
	CHECK_EQ(mmio_read8(address + 3), 0x10);
	mmio_write32(address, 0x80808080);
}

void priority_bytes(void)
{
	check_priorities(0, SPI_FIRST);
	check_priorities(0, SPI_FIRST + 4);
	for (uint32_t i = 0; i < cpu_count; i++) {
		check_priorities(i, 0);
		check_priorities(i, 12);
	}
}

void router(void)
{
	uint64_t address = gicd + GICD_IROUTER + 8 * SPI_FIRST;

	for (uint32_t i = 0; i < cpu_count; i++) {
		uint64_t affinity = cpus[i].affinity;

		mmio_write64(address, affinity);
		CHECK_EQ(mmio_read64(address), affinity);
		CHECK_EQ(mmio_read32(address), affinity & 0xffffffff);
		CHECK_EQ(mmio_read32(address + 4), affinity >> 32);
	}
	mmio_write64(address, 0);
	mmio_write32(address, (uint32_t)cpus[cpu_count - 1].affinity);
	CHECK_EQ(mmio_read64(address), cpus[cpu_count - 1].affinity & 0xffffffff);
	/* Interrupt_Routing_Mode may be fixed to 0; Aff fields beside it stay as written or become unknown. */
	mmio_write64(address, BIT(31));
	CHECK((mmio_read64(address) & ~BIT(31)) == 0);
	mmio_write64(address, cpus[0].affinity);
	CHECK_EQ(mmio_read64(address), cpus[0].affinity);
}

/* SGIs are edge-triggered for ever; they and the PPIs have no place in GICD. */
void sgi_configuration(void)
{
	uint64_t sgi_base = cpus[0].gicr + GICR_SGI_BASE;

	mmio_write32(sgi_base + GIC_ICFGR, 0);
	CHECK_EQ(mmio_read32(sgi_base + GIC_ICFGR), 0xaaaaaaaa);
	mmio_write32(gicd + GIC_ISENABLER, SGI_MASK);
	CHECK_EQ(mmio_read32(gicd + GIC_ISENABLER), 0);
	CHECK_EQ(mmio_read32(sgi_base + GIC_ISENABLER) & SGI_MASK, 0);
	mmio_write32(gicd + GIC_ISPENDR, SGI_MASK);
	CHECK_EQ(mmio_read32(sgi_base + GIC_ISPENDR) & SGI_MASK, 0);
	mmio_write32(gicd + GIC_IPRIORITYR + 8, 0x11111111);
	CHECK_EQ(mmio_read32(gicd + GIC_IPRIORITYR + 8), 0);
	CHECK_EQ(mmio_read32(sgi_base + GIC_IPRIORITYR + 8), 0x80808080);
}

/* INTIDs past GICD_TYPER's, up to the special ones, are RAZ/WI. */
void nonexistent(void)
{
	for (uint32_t intid = gic_intids; intid < 1024; intid += 32) {
		uint32_t word = intid / 32 * 4;
		uint32_t mask = intid % 32 == 0 ? ~0u : ~0u << intid % 32;

		mmio_write32(gicd + GIC_ISENABLER + word, mask);
		CHECK_EQ(mmio_read32(gicd + GIC_ISENABLER + word) & mask, 0);
		mmio_write32(gicd + GIC_ISPENDR + word, mask);
		CHECK_EQ(mmio_read32(gicd + GIC_ISPENDR + word) & mask, 0);
		mmio_write32(gicd + GIC_ISACTIVER + word, mask);
		CHECK_EQ(mmio_read32(gicd + GIC_ISACTIVER + word) & mask, 0);
		mmio_write32(gicd + GIC_IPRIORITYR + intid, 0x40404040);
		CHECK_EQ(mmio_read32(gicd + GIC_IPRIORITYR + intid), 0);
		mmio_write64(gicd + GICD_IROUTER + 8ul * intid, cpus[0].affinity | 1);
		CHECK_EQ(mmio_read64(gicd + GICD_IROUTER + 8ul * intid), 0);
	}
}

/* Reads as zero or faults, does not change what is there, and is survived. */
static void check_nothing_at(uint64_t address)
{
	uint32_t value = 0;
	struct fault fault = FAULT_OF("str %w1, [%2]\n\tldr %w0, [%2]" : "=&r"(value) : "r"(~0u), "r"(address));

	if (!fault.taken && value != 0) {
		test_fail("0x%lx reads as 0x%x", address, value);
	}
}

void reserved(void)
{
	static const uint32_t in_gicd[] = { 0x0014, 0x0024, 0x0038, 0x0800, 0x0820, 0x0e00,
					    0x0f00, 0x0f10, 0x5ffc, 0xc000, 0xfe00 };
	static const uint32_t in_rd[] = { 0x0180, 0x1000, 0xc000 };
	static const uint32_t in_sgi[] = { 0x0084, 0x0104, 0x0184, 0x0204, 0x0304, 0x0420, 0x0c08, 0x0e00, 0xc000 };
	uint32_t ctlr = mmio_read32(gicd + GICD_CTLR);

	for (uint32_t i = 0; i < ARRAY_SIZE(in_gicd); i++) {
		check_nothing_at(gicd + in_gicd[i]);
	}
	for (uint32_t i = 0; i < ARRAY_SIZE(in_rd); i++) {
		check_nothing_at(cpus[cpu_count - 1].gicr + in_rd[i]);
	}
	for (uint32_t i = 0; i < ARRAY_SIZE(in_sgi); i++) {
		check_nothing_at(cpus[cpu_count - 1].gicr + GICR_SGI_BASE + in_sgi[i]);
	}
	CHECK_EQ(mmio_read32(gicd + GICD_CTLR), ctlr);
}

/*
 * Widths that the specification does not promise, also unaligned ones: any answer or an abort, and all is as
 * before.
 */
void odd_widths(void)
{
	static const uint32_t offsets[] = { GICD_CTLR,
					    GICD_TYPER,
					    GIC_ISENABLER + 8,
					    GIC_ISPENDR + 8,
					    GIC_IPRIORITYR + 64,
					    GIC_ICFGR + 16,
					    GICD_IROUTER + 8 * SPI_FIRST,
					    GIC_PIDR2,
					    0xfffc };
	uint32_t ctlr = mmio_read32(gicd + GICD_CTLR);

	for (uint32_t i = 0; i < ARRAY_SIZE(offsets); i++) {
		uint64_t address = gicd + offsets[i];
		uint64_t value;

		FAULT_OF("ldrb %w0, [%1]" : "=r"(value) : "r"(address + 1));
		FAULT_OF("ldrh %w0, [%1]" : "=r"(value) : "r"(address + 2));
		FAULT_OF("ldr %w0, [%1]" : "=r"(value) : "r"(address + 1));
		FAULT_OF("ldr %0, [%1]" : "=r"(value) : "r"(address & ~7ul));
		FAULT_OF("ldp %w0, wzr, [%1]" : "=r"(value) : "r"(address & ~7ul));
		FAULT_OF("strb %w0, [%1]" ::"r"(0), "r"(address + 1));
		FAULT_OF("strh wzr, [%0]" ::"r"(address + 2));
		FAULT_OF("str xzr, [%0]" ::"r"(address - 4));
	}
	mmio_write32(gicd + GICD_CTLR, ctlr);
	gic_wait_rwp();
	CHECK_EQ(mmio_read32(gicd + GICD_CTLR), ctlr);
	CHECK_EQ(BITS(mmio_read32(gicd + GIC_PIDR2), 7, 4), 3);
	mmio_write32(gicd + GIC_ICENABLER + SPI_WORD, ~0u);
	mmio_write32(gicd + GIC_ICPENDR + SPI_WORD, ~0u);
	mmio_write32(gicd + GIC_IGROUPR + SPI_WORD, ~0u);
	for (uint32_t i = 0; i < SPI_COUNT; i++) {
		gic_set_priority(0, SPI_FIRST + i, 0x80);
		gic_route(SPI_FIRST + i, 0);
	}
}
