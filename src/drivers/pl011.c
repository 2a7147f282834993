/* SPDX-License-Identifier: MIT */
#include "drivers/pl011.h"

#include "arch/mmio.h"

enum {
	UART_DR = 0x00,
	UART_FR = 0x18,
	UART_LCR_H = 0x2c,
	UART_CR = 0x30,
	UART_IMSC = 0x38,
	UART_ICR = 0x44,
};

#define FR_RXFE (1u << 4)
#define FR_TXFF (1u << 5)
#define LCR_H_FEN (1u << 4)
#define LCR_H_WLEN_8 (3u << 5)
#define CR_UARTEN (1u << 0)
#define CR_TXE (1u << 8)
#define CR_RXE (1u << 9)
#define INT_RX (1u << 4)
#define INT_TX (1u << 5)
#define INT_RT (1u << 6)

static uintptr_t uart;

void uart_init(uintptr_t base)
{
	uart = base;
	mmio_write32(uart + UART_IMSC, 0);
	if ((mmio_read32(uart + UART_CR) & CR_UARTEN) == 0) {
		mmio_write32(uart + UART_LCR_H, LCR_H_FEN | LCR_H_WLEN_8);
	}
	mmio_write32(uart + UART_CR, CR_UARTEN | CR_TXE | CR_RXE);
}

bool uart_try_putc(char c)
{
	if ((mmio_read32(uart + UART_FR) & FR_TXFF) != 0) {
		return false;
	}
	mmio_write32(uart + UART_DR, (uint8_t)c);
	return true;
}

void uart_putc(char c)
{
	while (!uart_try_putc(c)) {
	}
}

int uart_getc(void)
{
	if ((mmio_read32(uart + UART_FR) & FR_RXFE) != 0) {
		return -1;
	}
	return (int)(mmio_read32(uart + UART_DR) & 0xff);
}

void uart_enable_rx_interrupt(void)
{
	mmio_write32(uart + UART_ICR, INT_RX | INT_RT);
	mmio_write32(uart + UART_IMSC, INT_RX | INT_RT);
}

/*
 * It is raised when the FIFO falls to its trigger level, not while it is there: what came since the last clear
 * counts.
 */
void uart_enable_tx_interrupt(void)
{
	mmio_write32(uart + UART_IMSC, INT_RX | INT_RT | INT_TX);
}

void uart_clear_tx_interrupt(void)
{
	mmio_write32(uart + UART_IMSC, INT_RX | INT_RT);
	mmio_write32(uart + UART_ICR, INT_TX);
}
