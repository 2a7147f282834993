/* SPDX-License-Identifier: MIT */
/* QEMU's virt machine, and any other with a PL011, a GICv3 and PSCI in its device tree. */
#include "core/port/host.h"
#include "drivers/gicv3.h"
#include "drivers/pl011.h"
#include "drivers/pl031.h"

static bool uart_ready;
static bool uart_interrupts;

void plat_early_console(void)
{
	if (host.uart.size != 0) {
		uart_init(host.uart.base);
		uart_ready = true;
	}
}

bool console_ready(void)
{
	return uart_ready;
}

void console_putc(char c)
{
	if (uart_ready) {
		uart_putc(c);
	}
}

bool console_try_putc(char c)
{
	if (!uart_interrupts) {
		console_putc(c);
		return true;
	}
	if (uart_try_putc(c)) {
		return true;
	}
	uart_enable_tx_interrupt();
	return false;
}

void console_clear_output_interrupt(void)
{
	if (uart_interrupts) {
		uart_clear_tx_interrupt();
	}
}

int console_getc(void)
{
	return uart_ready ? uart_getc() : -1;
}

void console_enable_interrupts(void)
{
	if (uart_ready && host.uart_intid != 0) {
		irq_enable(host.uart_intid);
		uart_enable_rx_interrupt();
		uart_interrupts = true;
	}
}

enum err plat_irq_init(void)
{
	return gic_ns_dist_init(host.gicd.base);
}

enum err plat_irq_init_cpu(void)
{
	return gic_ns_cpu_init(host.gicr, host.gicr_count);
}

uint64_t rtc_seconds(void)
{
	return host.rtc.size != 0 ? pl031_read(host.rtc.base) : 0;
}
