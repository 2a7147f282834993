/* SPDX-License-Identifier: MIT */
/* The physical PL011 UART (DDI 0183), as the console. Baud rate and format stay as the firmware set them. */
#ifndef DRIVERS_PL011_H
#define DRIVERS_PL011_H

#include "lib/base.h"

void uart_init(uintptr_t base);
/* Waits for room in the FIFO. */
void uart_putc(char c);
/* False if there is no room. */
bool uart_try_putc(char c);
/* -1: nothing there. */
int uart_getc(void);
void uart_enable_rx_interrupt(void);
/* With the receive interrupt on: one when a full FIFO has room again, until it is cleared, which turns it off. */
void uart_enable_tx_interrupt(void);
void uart_clear_tx_interrupt(void);

#endif
