/* SPDX-License-Identifier: MIT */
/*
 * QEMU's virt machine as the Secure world sees it (-machine virt,secure=on,virtualization=on,gic-version=3). The SPMC's
 * manifest names memory and CPUs; these devices are where they are on this board.
 */
#include "core/port/host.h"
#include "drivers/gicv3.h"
#include "drivers/pl011.h"

#define GICD_BASE 0x08000000
#define GICD_SIZE KIB(64)
#define GICR_BASE 0x080a0000
#define GICR_SIZE KIB(128) /* for each CPU */
#define GICR_CPUS_MAX 123  /* then the region is full */
#define UART_BASE 0x09040000 /* the second PL011, which only the Secure world reaches */
#define UART_SIZE KIB(4)
#define TIMER_INTID 20 /* CNTHPS */

static bool uart_ready;

void plat_describe(void)
{
	host.gicd = (struct host_range){ GICD_BASE, GICD_SIZE };
	host.gicr[0] = (struct host_range){ GICR_BASE, GICR_SIZE * MIN(host.cpu_count, GICR_CPUS_MAX) };
	host.gicr_count = 1;
	host.has_gic = true;
	host.uart = (struct host_range){ UART_BASE, UART_SIZE };
	host.hyp_timer_intid = TIMER_INTID;
}

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

/* Nobody takes the UART's interrupt here. */
bool console_try_putc(char c)
{
	console_putc(c);
	return true;
}

enum err plat_irq_init(void)
{
	return gic_s_dist_init(host.gicd.base);
}

enum err plat_irq_init_cpu(void)
{
	return gic_s_cpu_init(host.gicr, host.gicr_count);
}
