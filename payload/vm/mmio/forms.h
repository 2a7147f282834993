/* SPDX-License-Identifier: MIT */
/* Ways to touch a device register (forms.c). */
#ifndef PAYLOAD_MMIO_FORMS_H
#define PAYLOAD_MMIO_FORMS_H

/* The register of the PL031 that takes any 32-bit value: its match register, here always a time far away. */
#define PL031_DR 0x000
#define PL031_MR 0x004
#define PL031_LR 0x008
#define PL031_CR 0x00c
#define PL031_IMSC 0x010
#define PL031_RIS 0x014
#define PL031_MIS 0x018
#define PL031_ICR 0x01c

void loads_plain(void);
void loads_sign_extended(void);
void loads_writeback(void);
void stores_plain(void);
void stores_writeback(void);
void pairs(void);
void exclusives(void);
void ordered(void);
void lse_atomics(void);
void simd(void);
void unprivileged(void);
void cache_operations(void);
void unaligned(void);
void unmapped_forms(void);

#endif
