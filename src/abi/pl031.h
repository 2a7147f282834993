/* SPDX-License-Identifier: MIT */
/* PrimeCell Real Time Clock (PL031), DDI 0224: register offsets. */
#ifndef ABI_PL031_H
#define ABI_PL031_H

#define PL031_DR 0x000
#define PL031_MR 0x004
#define PL031_LR 0x008
#define PL031_CR 0x00c
#define PL031_IMSC 0x010
#define PL031_RIS 0x014
#define PL031_MIS 0x018
#define PL031_ICR 0x01c
#define PL031_PERIPH_ID0 0xfe0 /* eight identification registers to the end of the page */
#define PL031_SIZE 0x1000

#define PL031_CR_START 1u
#define PL031_INT 1u /* the one bit of IMSC, RIS, MIS and ICR */

#endif
