/* SPDX-License-Identifier: MIT */
/* Interrupts that arrive, once and in the right place, and those that are held back until they may. */
#include "payload/vm/gic/tests.h"

#define SGI 3
#define SGI_IRM BIT(40)
#define CTLR_RSS BIT(18)
#define STORM_COUNT 10000

#define PL011_DR 0x000
#define PL011_IMSC 0x038
#define PL011_ICR 0x044
#define PL011_TX BIT32(5)

#define ISR_F BIT(6)
#define ISR_I BIT(7)

static void enable_everywhere(uint32_t sgi)
{
	for (uint32_t i = 0; i < cpu_count; i++) {
		gic_enable(i, sgi);
	}
}

static void disable_everywhere(uint32_t sgi)
{
	for (uint32_t i = 0; i < cpu_count; i++) {
		gic_disable(i, sgi);
	}
}

void sgi_self(void)
{
	log_begin(NULL);
	for (uint32_t sgi = 0; sgi < 16; sgi++) {
		gic_enable(0, sgi);
		gic_send_sgi(0, sgi);
		REQUIRE(log_reaches(0, sgi + 1));
		CHECK_EQ(logs[0].intid[sgi], sgi);
		gic_disable(0, sgi);
	}
	log_end();
}

static void send_to(uint64_t target)
{
	gic_send_sgi((uint32_t)target, SGI);
}

void sgi_all_pairs(void)
{
	uint32_t want[CPU_MAX] = { 0 };

	log_begin(NULL);
	enable_everywhere(SGI);
	for (uint32_t from = 0; from < cpu_count; from++) {
		for (uint32_t to = 0; to < cpu_count; to++) {
			if (from == 0) {
				send_to(to);
			} else {
				REQUIRE(cpu_run(from, send_to, to));
			}
			REQUIRE(log_reaches(to, ++want[to]));
		}
	}
	for (uint32_t i = 0; i < cpu_count; i++) {
		CHECK_EQ(log_count(i), cpu_count);
	}
	disable_everywhere(SGI);
	log_end();
}

/* A target list may name CPUs that do not exist. */
void sgi_list(void)
{
	uint64_t value = gic_sgi_value(0, SGI) & ~UINT64_C(0xffff);

	log_begin(NULL);
	enable_everywhere(SGI);
	dsb_ish();
	write_icc(ICC_SGI1R_EL1, value | 0xffff);
	for (uint32_t i = 0; i < cpu_count; i++) {
		CHECK(log_reaches(i, 1));
	}
	write_icc(ICC_SGI1R_EL1, value);        /* nobody */
	write_icc(ICC_SGI1R_EL1, value | UINT64_C(0xff) << 32 | 1); /* nobody lives at Aff2 = 255 */
	if ((read_icc(ICC_CTLR_EL1) & CTLR_RSS) != 0) {
		write_icc(ICC_SGI1R_EL1, value | UINT64_C(0xf) << 44 | 1); /* nor in that range of Aff0 */
	}
	isb();
	settle();
	for (uint32_t i = 0; i < cpu_count; i++) {
		CHECK_EQ(log_count(i), 1);
	}
	disable_everywhere(SGI);
	log_end();
}

void sgi_others(void)
{
	log_begin(NULL);
	enable_everywhere(SGI);
	dsb_ish();
	write_icc(ICC_SGI1R_EL1, SGI_IRM | SGI << 24);
	isb();
	for (uint32_t i = 0; i < cpu_count; i++) {
		CHECK(log_reaches(i, i == 0 ? 0 : 1));
	}
	disable_everywhere(SGI);
	log_end();
}

void masked_daif(void)
{
	log_begin(NULL);
	gic_enable(0, SGI);
	irq_off();
	gic_send_sgi(0, SGI);
	gic_send_sgi(0, SGI); /* two edges of one interrupt are one */
	settle();
	CHECK_EQ(log_count(0), 0);
	CHECK((read_sysreg(isr_el1) & ISR_I) != 0);
	CHECK_EQ(read_icc(ICC_HPPIR1_EL1), SGI);
	CHECK(gic_get_bit(0, SGI, GIC_ISPENDR));
	irq_on();
	CHECK(log_reaches(0, 1));
	CHECK(!gic_get_bit(0, SGI, GIC_ISPENDR));
	CHECK_EQ(read_sysreg(isr_el1) & ISR_I, 0);
	gic_disable(0, SGI);
	log_end();
}

void masked_pmr(void)
{
	log_begin(NULL);
	gic_enable(0, SGI);
	write_icc(ICC_PMR_EL1, 0x80); /* the SGI's own priority: must be higher to pass */
	isb();
	gic_send_sgi(0, SGI);
	settle();
	CHECK_EQ(log_count(0), 0);
	CHECK_EQ(read_sysreg(isr_el1) & ISR_I, 0);
	write_icc(ICC_PMR_EL1, 0x88);
	isb();
	CHECK(log_reaches(0, 1));
	write_icc(ICC_PMR_EL1, 0xff);
	gic_disable(0, SGI);
	log_end();
}

/* Also when it is already on its way to the CPU: pending first, disabled then. */
void masked_enable(void)
{
	log_begin(NULL);
	gic_send_sgi(0, SGI);
	settle();
	CHECK_EQ(log_count(0), 0);
	gic_enable(0, SGI);
	CHECK(log_reaches(0, 1));

	irq_off();
	gic_send_sgi(0, SGI);
	CHECK(WAIT_UNTIL((read_sysreg(isr_el1) & ISR_I) != 0, 1000));
	gic_disable(0, SGI);
	settle();
	CHECK_EQ(read_sysreg(isr_el1) & ISR_I, 0);
	irq_on();
	settle();
	CHECK_EQ(log_count(0), 1);
	CHECK(gic_get_bit(0, SGI, GIC_ISPENDR));
	gic_enable(0, SGI);
	CHECK(log_reaches(0, 2));
	gic_disable(0, SGI);
	log_end();
}

void masked_group(void)
{
	log_begin(NULL);
	gic_enable(0, SGI);
	write_icc(ICC_IGRPEN1_EL1, 0);
	isb();
	gic_send_sgi(0, SGI);
	settle();
	CHECK_EQ(log_count(0), 0);
	CHECK_EQ(read_icc(ICC_IGRPEN1_EL1), 0);
	write_icc(ICC_IGRPEN1_EL1, 1);
	isb();
	CHECK(log_reaches(0, 1));
	gic_disable(0, SGI);
	log_end();
}

/* More than there are list registers, held back by one group while the other, of which none comes, is enabled. */
void masked_group_overflow(void)
{
	log_begin(NULL);
	write_icc(ICC_IGRPEN0_EL1, 1);
	write_icc(ICC_IGRPEN1_EL1, 0);
	isb();
	for (uint32_t sgi = 0; sgi < 16; sgi++) {
		gic_enable(0, sgi);
		gic_send_sgi(0, sgi);
	}
	settle();
	CHECK_EQ(log_count(0), 0);
	write_icc(ICC_IGRPEN0_EL1, 0);
	isb();
	settle();
	CHECK_EQ(log_count(0), 0);
	write_icc(ICC_IGRPEN1_EL1, 1);
	isb();
	CHECK(log_reaches(0, 16));
	for (uint32_t sgi = 0; sgi < 16; sgi++) {
		gic_disable(0, sgi);
	}
	log_end();
}

void masked_distributor(void)
{
	uint32_t ctlr = mmio_read32(gicd + GICD_CTLR);

	log_begin(NULL);
	gic_enable(0, SPI_FIRST);
	gic_route(SPI_FIRST, 0);
	mmio_write32(gicd + GICD_CTLR, GICD_CTLR_ARE);
	gic_wait_rwp();
	gic_set_bit(0, SPI_FIRST, GIC_ISPENDR);
	settle();
	CHECK_EQ(log_count(0), 0);
	mmio_write32(gicd + GICD_CTLR, ctlr);
	CHECK(log_reaches(0, 1));
	gic_disable(0, SPI_FIRST);
	log_end();
}

/* Group 0 interrupts are FIQs: taken here by polling, with F masked all the time. */
void group0_is_fiq(void)
{
	log_begin(NULL);
	gic_set_group(0, SGI, false);
	gic_enable(0, SGI);
	gic_set_bit(0, SGI, GIC_ISPENDR);
	settle();
	CHECK_EQ(log_count(0), 0);
	CHECK_EQ(read_sysreg(isr_el1) & ISR_F, 0);
	write_icc(ICC_IGRPEN0_EL1, 1);
	isb();
	CHECK(WAIT_UNTIL((read_sysreg(isr_el1) & ISR_F) != 0, 1000));
	CHECK_EQ(read_icc(ICC_HPPIR0_EL1), SGI);
	CHECK_EQ(read_icc(ICC_IAR0_EL1), SGI);
	dsb();
	CHECK(gic_get_bit(0, SGI, GIC_ISACTIVER));
	write_icc(ICC_EOIR0_EL1, SGI);
	isb();
	CHECK(!gic_get_bit(0, SGI, GIC_ISACTIVER));
	CHECK_EQ(read_sysreg(isr_el1) & ISR_F, 0);

	/* Changing the group of a pending interrupt moves it. */
	write_icc(ICC_IGRPEN0_EL1, 0);
	isb();
	gic_set_bit(0, SGI, GIC_ISPENDR);
	settle();
	CHECK_EQ(log_count(0), 0);
	gic_set_group(0, SGI, true);
	CHECK(log_reaches(0, 1));
	gic_disable(0, SGI);
	log_end();
}

/* Set pending by software: delivered once, whether configured edge or level. */
void spi_pending(void)
{
	log_begin(NULL);
	for (uint32_t i = 0; i < SPI_COUNT; i++) {
		uint32_t spi = SPI_FIRST + i;

		gic_set_edge(0, spi, i % 2 == 0);
		gic_route(spi, 0);
		gic_enable(0, spi);
		gic_set_bit(0, spi, GIC_ISPENDR);
		CHECK(log_reaches(0, i + 1));
		CHECK_EQ(logs[0].intid[i], spi);
		CHECK(!gic_get_bit(0, spi, GIC_ISPENDR));
		CHECK(!gic_get_bit(0, spi, GIC_ISACTIVER));
		gic_disable(0, spi);
	}
	log_end();
}

void spi_each_cpu(void)
{
	log_begin(NULL);
	gic_enable(0, SPI_FIRST);
	for (uint32_t i = 0; i < cpu_count; i++) {
		gic_route(SPI_FIRST, i);
		gic_set_bit(0, SPI_FIRST, GIC_ISPENDR);
		CHECK(log_reaches(i, 1));
	}
	for (uint32_t i = 0; i < cpu_count; i++) {
		CHECK_EQ(log_count(i), 1);
	}
	gic_route(SPI_FIRST, 0);
	gic_disable(0, SPI_FIRST);
	log_end();
}

void retarget_pending(void)
{
	if (!need_cpus(2)) {
		return;
	}
	log_begin(NULL);
	gic_enable(0, SPI_FIRST);
	gic_route(SPI_FIRST, 0);
	irq_off();
	gic_set_bit(0, SPI_FIRST, GIC_ISPENDR);
	CHECK(WAIT_UNTIL((read_sysreg(isr_el1) & ISR_I) != 0, 1000));
	gic_route(SPI_FIRST, 1);
	CHECK(log_reaches(1, 1));
	irq_on();
	settle();
	CHECK_EQ(log_count(0), 0);
	gic_route(SPI_FIRST, 0);
	gic_disable(0, SPI_FIRST);
	log_end();
}

static void check_cleared(uint32_t intid)
{
	gic_enable(0, intid);
	gic_set_bit(0, intid, GIC_ISPENDR);
	CHECK(WAIT_UNTIL((read_sysreg(isr_el1) & ISR_I) != 0, 1000));
	gic_set_bit(0, intid, GIC_ICPENDR);
	settle();
	CHECK_EQ(read_sysreg(isr_el1) & ISR_I, 0);
	CHECK(!gic_get_bit(0, intid, GIC_ISPENDR));
	CHECK_EQ(read_icc(ICC_IAR1_EL1), GIC_SPURIOUS);
}

void clear_pending(void)
{
	log_begin(NULL);
	irq_off();
	gic_route(SPI_FIRST, 0);
	check_cleared(SGI);
	check_cleared(SPI_FIRST);
	irq_on();
	settle();
	CHECK_EQ(log_count(0), 0);
	gic_disable(0, SGI);
	gic_disable(0, SPI_FIRST);
	log_end();
}

/* Through another CPU's redistributor. */
void pend_other_cpu(void)
{
	if (!need_cpus(2)) {
		return;
	}
	log_begin(NULL);
	gic_set_bit(1, SGI, GIC_ISPENDR);
	settle();
	CHECK_EQ(log_count(1), 0);
	CHECK(gic_get_bit(1, SGI, GIC_ISPENDR));
	gic_enable(1, SGI);
	CHECK(log_reaches(1, 1));
	CHECK(!gic_get_bit(1, SGI, GIC_ISPENDR));
	gic_disable(1, SGI);
	gic_set_bit(1, SGI, GIC_ISPENDR);
	gic_set_bit(1, SGI, GIC_ICPENDR);
	gic_enable(1, SGI);
	settle();
	CHECK_EQ(log_count(1), 1);
	CHECK_EQ(log_count(0), 0);
	gic_disable(1, SGI);
	log_end();
}

/* Leaves the source asserted twice: a level that stays high comes again after each end of interrupt. */
static void uart_action(uint32_t intid)
{
	if (intid == UART_INTID && log_count(0) >= 3) {
		mmio_write32(UART_BASE + PL011_IMSC, 0);
	}
}

void uart_level(void)
{
	log_begin(uart_action);
	gic_set_edge(0, UART_INTID, false);
	gic_route(UART_INTID, 0);
	print("# one line, so that the transmitter has had something to do\n");
	irq_off();
	mmio_write32(UART_BASE + PL011_IMSC, PL011_TX);
	gic_enable(0, UART_INTID);
	CHECK(WAIT_UNTIL(gic_get_bit(0, UART_INTID, GIC_ISPENDR), 1000));
	gic_set_bit(0, UART_INTID, GIC_ICPENDR); /* a level is not cleared by that */
	CHECK(gic_get_bit(0, UART_INTID, GIC_ISPENDR));
	mmio_write32(UART_BASE + PL011_IMSC, 0);
	settle();
	CHECK(!gic_get_bit(0, UART_INTID, GIC_ISPENDR));
	CHECK_EQ(read_sysreg(isr_el1) & ISR_I, 0);
	mmio_write32(UART_BASE + PL011_IMSC, PL011_TX);
	irq_on();
	CHECK(log_reaches(0, 3));
	mmio_write32(UART_BASE + PL011_IMSC, 0);
	mmio_write32(UART_BASE + PL011_ICR, PL011_TX);
	gic_disable(0, UART_INTID);
	log_end();
}

static uint32_t storm_turn;

/* Each CPU answers the other's SGI from its handler's successor: it sleeps in WFI until its turn has come. */
static void storm_side(uint64_t side)
{
	for (uint32_t i = (uint32_t)side; i < 2 * STORM_COUNT; i += 2) {
		irq_off();
		while (atomic_load(&storm_turn) != i) {
			wfi();
			irq_on();
			irq_off();
		}
		irq_on();
		atomic_store(&storm_turn, i + 1);
		gic_send_sgi(side == 0 ? 1 : 0, SGI);
	}
}

void storm(void)
{
	if (!need_cpus(2)) {
		return;
	}
	/* CPUs that idle in WFE would take turns with these two where physical CPUs are shared. */
	for (uint32_t i = 2; i < cpu_count; i++) {
		REQUIRE(cpu_stop(i));
	}
	log_begin(NULL);
	gic_enable(0, SGI);
	gic_enable(1, SGI);
	storm_turn = 0;
	cpu_post(1, storm_side, 1);
	storm_side(0);
	CHECK(cpu_wait(1, 30000));
	settle();
	CHECK_EQ(storm_turn, 2 * STORM_COUNT);
	/*
	 * A CPU may see its turn before the SGI, answer, and be sent the next while the first is still pending: they
	 * merge.
	 */
	CHECK(log_count(0) > 0 && log_count(0) <= STORM_COUNT);
	CHECK(log_count(1) > 0 && log_count(1) <= STORM_COUNT);
	gic_disable(0, SGI);
	gic_disable(1, SGI);
	log_end();
	CHECK_EQ(cpu_start_all(), cpu_count);
}
