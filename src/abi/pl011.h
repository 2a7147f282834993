/* SPDX-License-Identifier: MIT */
/* PrimeCell UART (PL011), DDI 0183: register offsets and bits. */
#ifndef ABI_PL011_H
#define ABI_PL011_H

#define PL011_DR 0x000
#define PL011_RSR_ECR 0x004
#define PL011_FR 0x018
#define PL011_ILPR 0x020
#define PL011_IBRD 0x024
#define PL011_FBRD 0x028
#define PL011_LCR_H 0x02c
#define PL011_CR 0x030
#define PL011_IFLS 0x034
#define PL011_IMSC 0x038
#define PL011_RIS 0x03c
#define PL011_MIS 0x040
#define PL011_ICR 0x044
#define PL011_DMACR 0x048
#define PL011_PERIPH_ID0 0xfe0 /* eight identification registers to the end of the page */
#define PL011_SIZE 0x1000

#define PL011_DR_OE (1u << 11)
#define PL011_RSR_OE (1u << 3)

#define PL011_FR_CTS (1u << 0)
#define PL011_FR_DSR (1u << 1)
#define PL011_FR_DCD (1u << 2)
#define PL011_FR_BUSY (1u << 3)
#define PL011_FR_RXFE (1u << 4)
#define PL011_FR_TXFF (1u << 5)
#define PL011_FR_RXFF (1u << 6)
#define PL011_FR_TXFE (1u << 7)
#define PL011_FR_RI (1u << 8)

#define PL011_LCR_H_FEN (1u << 4)

#define PL011_CR_UARTEN (1u << 0)
#define PL011_CR_LBE (1u << 7)
#define PL011_CR_TXE (1u << 8)
#define PL011_CR_RXE (1u << 9)
#define PL011_CR_DTR (1u << 10)
#define PL011_CR_RTS (1u << 11)
#define PL011_CR_OUT1 (1u << 12)
#define PL011_CR_OUT2 (1u << 13)

#define PL011_IFLS_TX_SHIFT 0
#define PL011_IFLS_TX_WIDTH 3
#define PL011_IFLS_RX_SHIFT 3
#define PL011_IFLS_RX_WIDTH 3

/* Interrupts, the same bits in IMSC, RIS, MIS and ICR. */
#define PL011_INT_RX (1u << 4)
#define PL011_INT_TX (1u << 5)
#define PL011_INT_RT (1u << 6)
#define PL011_INT_OE (1u << 10)
#define PL011_INT_ALL 0x7ffu

#endif
