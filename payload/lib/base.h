/* SPDX-License-Identifier: MIT */
/* Words that every payload file uses. */
#ifndef PAYLOAD_LIB_BASE_H
#define PAYLOAD_LIB_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

#define BIT(n) (UINT64_C(1) << (n))
#define BIT32(n) (UINT32_C(1) << (n))
/* Bits high..low of a register value, moved down to bit 0. */
#define BITS(value, high, low) (((uint64_t)(value) >> (low)) & (~UINT64_C(0) >> (63 - ((high) - (low)))))

#define KIB(n) ((uint64_t)(n) << 10)
#define MIB(n) ((uint64_t)(n) << 20)
#define GIB(n) ((uint64_t)(n) << 30)
#define PAGE_SIZE KIB(4)
#define BLOCK_SIZE MIB(2)

#define noreturn __attribute__((noreturn))
#define printf_like(fmt, first) __attribute__((format(printf, fmt, first)))

/* QEMU's virt machine, which a VM sees too. The GIC, CPUs and RAM size come from the device tree. */
#define RAM_BASE 0x40000000ul
#define UART_BASE 0x09000000ul
#define UART_INTID 33
#define RTC_BASE 0x09010000ul
#define RTC_INTID 34
#define VIRTIO_BASE 0x0a000000ul
#define VIRTIO_STRIDE 0x200
#define VIRTIO_SLOTS 32
#define VIRTIO_INTID(slot) (48 + (slot))
#define PPI_PTIMER 30
#define PPI_VTIMER 27
/* Of EL2: what CNTP and CNTV mean there (HCR_EL2.E2H). */
#define PPI_PTIMER_EL2 26
#define PPI_VTIMER_EL2 28

#endif
