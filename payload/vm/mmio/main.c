/* SPDX-License-Identifier: MIT */
/*
 * The two plain devices, PL011 (DDI 0183) and PL031 (DDI 0224), and what a guest may do to a device register:
 * every width and every form of load and store, cache operations, and addresses where nothing is.
 *
 * Wants: 1 CPU.
 */
#include "payload/lib/exception.h"
#include "payload/lib/gic.h"
#include "payload/lib/report.h"
#include "payload/lib/timer.h"
#include "payload/vm/mmio/forms.h"

#define PL011_DR 0x000
#define PL011_FR 0x018
#define PL011_FR_BUSY BIT32(3)
#define PL011_FR_RXFE BIT32(4)
#define PL011_FR_TXFF BIT32(5)
#define PL011_FR_RXFF BIT32(6)
#define PL011_FR_TXFE BIT32(7)
#define PL011_IBRD 0x024
#define PL011_FBRD 0x028
#define PL011_LCRH 0x02c
#define PL011_CR 0x030
#define PL011_CR_LBE BIT32(7)
#define PL011_IFLS 0x034
#define PL011_IMSC 0x038
#define PL011_RIS 0x03c
#define PL011_MIS 0x040
#define PL011_ICR 0x044
#define PL011_RX BIT32(4)
#define PL011_TX BIT32(5)
#define PL011_RT BIT32(6)

static uint32_t uart(uint32_t offset)
{
	return mmio_read32(UART_BASE + offset);
}

static void uart_set(uint32_t offset, uint32_t value)
{
	mmio_write32(UART_BASE + offset, value);
}

static uint32_t rtc(uint32_t offset)
{
	return mmio_read32(RTC_BASE + offset);
}

static void rtc_set(uint32_t offset, uint32_t value)
{
	mmio_write32(RTC_BASE + offset, value);
}

/* PrimeCell identification: part number and designer, then the fixed word 0xb105f00d. */
static void check_primecell(uint64_t base, uint32_t part)
{
	uint32_t id = 0;
	uint32_t cell = 0;

	for (uint32_t i = 0; i < 4; i++) {
		id |= mmio_read32(base + 0xfe0 + 4 * i) << 8 * i;
		cell |= mmio_read32(base + 0xff0 + 4 * i) << 8 * i;
	}
	CHECK_EQ(id & 0xfffff, 0x41000 | part);
	CHECK_EQ(cell, 0xb105f00d);
}

static void pl011_identity(void)
{
	check_primecell(UART_BASE, 0x011);
}

static void pl011_flags(void)
{
	CHECK(WAIT_UNTIL((uart(PL011_FR) & PL011_FR_TXFE) != 0, 1000));
	CHECK_EQ(uart(PL011_FR) & (PL011_FR_TXFF | PL011_FR_RXFF), 0);
	CHECK((uart(PL011_FR) & PL011_FR_RXFE) != 0);
	uart_set(PL011_FR, 0xffffffff); /* read-only */
	CHECK_EQ(uart(PL011_FR) & (PL011_FR_TXFF | PL011_FR_RXFF), 0);
}

static void check_uart_register(uint32_t offset, uint32_t mask)
{
	uint32_t before = uart(offset);

	uart_set(offset, mask);
	CHECK_EQ(uart(offset) & mask, mask);
	CHECK_EQ(mmio_read8(UART_BASE + offset), mask & 0xff);
	CHECK_EQ(mmio_read16(UART_BASE + offset), mask & 0xffff);
	uart_set(offset, 0);
	CHECK_EQ(uart(offset), 0);
	mmio_write16(UART_BASE + offset, (uint16_t)(mask & 0x55));
	CHECK_EQ(uart(offset) & 0xff, mask & 0x55);
	mmio_write8(UART_BASE + offset, (uint8_t)(mask & 0x2a));
	CHECK_EQ(uart(offset) & 0xff, mask & 0x2a);
	uart_set(offset, before);
	CHECK_EQ(uart(offset), before);
}

static void pl011_registers(void)
{
	check_uart_register(PL011_IBRD, 0xffff);
	check_uart_register(PL011_FBRD, 0x3f);
	check_uart_register(PL011_IFLS, 0x3f);
}

static uint32_t irqs[2]; /* UART, RTC */

static void handler(void)
{
	uint32_t intid = gic_ack();

	if (intid >= 1020) {
		return;
	}
	if (intid == UART_INTID) {
		atomic_add(&irqs[0], 1);
		uart_set(PL011_IMSC, 0);
	} else if (intid == RTC_INTID) {
		atomic_add(&irqs[1], 1);
		rtc_set(PL031_IMSC, 0);
	} else if (!watchdog_irq(intid)) {
		test_fail("unexpected interrupt %u", intid);
	}
	gic_eoi(intid);
}

static void pl011_tx_interrupt(void)
{
	irqs[0] = 0;
	gic_set_edge(0, UART_INTID, false);
	gic_route(UART_INTID, 0);
	gic_enable(0, UART_INTID);
	uart_set(PL011_IMSC, 0);
	uart_set(PL011_ICR, 0x7ff);
	CHECK_EQ(uart(PL011_MIS), 0);
	print("# a line for the transmitter\n");
	CHECK(WAIT_UNTIL((uart(PL011_RIS) & PL011_TX) != 0, 1000));
	CHECK_EQ(uart(PL011_MIS), 0);
	CHECK_EQ(irqs[0], 0);
	uart_set(PL011_IMSC, PL011_TX);
	CHECK(WAIT_UNTIL(atomic_load(&irqs[0]) == 1, 1000));
	CHECK_EQ(uart(PL011_IMSC), 0); /* the handler's doing */
	CHECK((uart(PL011_RIS) & PL011_TX) != 0);
	uart_set(PL011_ICR, PL011_TX);
	CHECK_EQ(uart(PL011_RIS) & PL011_TX, 0);
	uart_set(PL011_IMSC, PL011_RX);
	CHECK_EQ(uart(PL011_IMSC), PL011_RX);
	CHECK_EQ(uart(PL011_MIS), 0);
	uart_set(PL011_IMSC, 0);
	gic_disable(0, UART_INTID);
	CHECK_EQ(irqs[0], 1);
}

/* What is sent comes back; it may go out too. */
static void pl011_loopback(void)
{
	uint32_t cr = uart(PL011_CR);

	print("# looped: ");
	uart_set(PL011_CR, cr | PL011_CR_LBE);
	if ((uart(PL011_CR) & PL011_CR_LBE) == 0) {
		print("\n");
		test_skip("CR.LBE is not implemented");
		return;
	}
	uart_set(PL011_ICR, 0x7ff);
	for (uint32_t i = 0; i < 8; i++) {
		uart_set(PL011_DR, 'a' + i);
		CHECK(WAIT_UNTIL((uart(PL011_FR) & PL011_FR_RXFE) == 0, 1000));
		CHECK_EQ(uart(PL011_DR) & 0xff, 'a' + i);
	}
	CHECK((uart(PL011_FR) & PL011_FR_RXFE) != 0);
	uart_set(PL011_CR, cr);
	uart_set(PL011_ICR, 0x7ff);
	print("\n");
}

static void pl031_identity(void)
{
	check_primecell(RTC_BASE, 0x031);
	CHECK_EQ(rtc(PL031_CR) & 1, 1);
	rtc_set(PL031_CR, 0); /* cannot be stopped */
	CHECK(rtc(PL031_DR) > 1577836800u); /* 2020 */
}

static void pl031_advances(void)
{
	uint32_t before = rtc(PL031_DR);
	uint64_t start;

	CHECK(WAIT_UNTIL(rtc(PL031_DR) > before, 3000));
	start = timer_now();
	before = rtc(PL031_DR);
	CHECK(WAIT_UNTIL(rtc(PL031_DR) > before, 3000));
	CHECK(timer_now() - start >= timer_ticks(500000));
}

static void pl031_load(void)
{
	uint32_t before = rtc(PL031_DR);

	rtc_set(PL031_LR, 1000000000);
	CHECK(rtc(PL031_DR) - 1000000000 <= 2);
	CHECK_EQ(rtc(PL031_LR), 1000000000);
	rtc_set(PL031_LR, before);
	CHECK(rtc(PL031_DR) - before <= 2);
}

static void pl031_alarm(void)
{
	irqs[1] = 0;
	gic_set_edge(0, RTC_INTID, false);
	gic_route(RTC_INTID, 0);
	gic_enable(0, RTC_INTID);
	rtc_set(PL031_IMSC, 0);
	rtc_set(PL031_ICR, 1);
	CHECK_EQ(rtc(PL031_RIS), 0);
	rtc_set(PL031_MR, rtc(PL031_DR) + 1);
	CHECK(WAIT_UNTIL(rtc(PL031_RIS) == 1, 5000));
	CHECK_EQ(rtc(PL031_MIS), 0);
	CHECK_EQ(irqs[1], 0);
	rtc_set(PL031_IMSC, 1);
	CHECK(WAIT_UNTIL(atomic_load(&irqs[1]) == 1, 1000));
	CHECK_EQ(rtc(PL031_IMSC), 0);
	rtc_set(PL031_ICR, 1);
	CHECK_EQ(rtc(PL031_RIS), 0);
	/* And with the mask open from the start. */
	rtc_set(PL031_IMSC, 1);
	rtc_set(PL031_MR, rtc(PL031_DR) + 1);
	CHECK(WAIT_UNTIL(atomic_load(&irqs[1]) == 2, 5000));
	rtc_set(PL031_ICR, 1);
	rtc_set(PL031_MR, 0xfffffff0);
	gic_disable(0, RTC_INTID);
}

static void unmapped(void)
{
	static const uint64_t addresses[] = { 0x09f00000, 0x0b800000, 0x0bfff000, 0x0bfffffc };

	for (uint32_t i = 0; i < ARRAY_SIZE(addresses); i++) {
		uint64_t value;
		struct fault fault = FAULT_OF("ldr %w0, [%1]" : "=r"(value) : "r"(addresses[i]));

		CHECK(fault.taken);
		CHECK_EQ(ESR_EC(fault.esr), EC_DABT_CUR);
		CHECK_EQ(ESR_FSC(fault.esr), FSC_EXTERNAL);
		CHECK_EQ(fault.esr & ESR_WNR, 0);
		CHECK_EQ(fault.far, addresses[i]);
	}
}

static void still_alive(void)
{
	check_primecell(UART_BASE, 0x011);
	check_primecell(RTC_BASE, 0x031);
	CHECK(WAIT_UNTIL((uart(PL011_FR) & PL011_FR_TXFE) != 0, 1000));
}

static const struct test tests[] = {
	{ "pl011-identity", pl011_identity },
	{ "pl011-flags", pl011_flags },
	{ "pl011-registers", pl011_registers },
	{ "pl011-tx-interrupt", pl011_tx_interrupt },
	{ "pl011-loopback", pl011_loopback },
	{ "pl031-identity", pl031_identity },
	{ "pl031-advances", pl031_advances },
	{ "pl031-load", pl031_load },
	{ "pl031-alarm", pl031_alarm },
	{ "loads-plain", loads_plain },
	{ "loads-sign-extended", loads_sign_extended },
	{ "loads-writeback", loads_writeback },
	{ "stores-plain", stores_plain },
	{ "stores-writeback", stores_writeback },
	{ "pairs", pairs },
	{ "exclusives", exclusives },
	{ "ordered", ordered },
	{ "lse-atomics", lse_atomics },
	{ "simd", simd },
	{ "unprivileged", unprivileged },
	{ "cache-operations", cache_operations },
	{ "unaligned", unaligned },
	{ "unmapped", unmapped },
	{ "unmapped-forms", unmapped_forms },
	{ "still-alive", still_alive },
};

void payload_main(void)
{
	irq_set_handler(handler);
	watchdog_start(TIMER_VIRTUAL, 60);
	report_run(tests, ARRAY_SIZE(tests));
}
