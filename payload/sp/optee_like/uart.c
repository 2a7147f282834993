/* SPDX-License-Identifier: MIT */
/* The secure UART: its interrupt becomes a notification to Linux, which comes back to have the characters read. */
#include "abi/pl011.h"
#include "payload/lib/arch.h"
#include "payload/sp/optee_like/like.h"

#define RX_INTERRUPTS (PL011_INT_RX | PL011_INT_RT)

static int32_t notify_bit = -1;

static void enable(bool on)
{
	uint32_t others = mmio_read32(LIKE_UART + PL011_IMSC) & ~RX_INTERRUPTS;

	mmio_write32(LIKE_UART + PL011_IMSC, others | (on ? RX_INTERRUPTS : 0));
}

static void read_all(void)
{
	while ((mmio_read32(LIKE_UART + PL011_FR) & PL011_FR_RXFE) == 0) {
		mmio_read32(LIKE_UART + PL011_DR);
		like_count(COUNT_CHARACTERS);
	}
	mmio_write32(LIKE_UART + PL011_ICR, RX_INTERRUPTS);
}

void uart_start(void)
{
	struct regs r = HVC(HF_INTERRUPT_ENABLE, LIKE_UART_INTID, 1, 0);

	if (r.x[0] == 0) {
		r = HVC(HF_INTERRUPT_RECONFIGURE, LIKE_UART_INTID, 2, 1);
	}
	if (r.x[0] != 0) {
		like_panic("its interrupt cannot be enabled");
	}
	mmio_write32(LIKE_UART + PL011_CR,
		     mmio_read32(LIKE_UART + PL011_CR) | PL011_CR_UARTEN | PL011_CR_RXE | PL011_CR_TXE);
	enable(true);
}

void uart_interrupt(void)
{
	int32_t bit = atomic_load(&notify_bit);
	struct regs r;

	like_count(COUNT_INTERRUPTS);
	if (bit < 0) {
		read_all();
		return;
	}
	enable(false);
	r = HVC(FFA_NOTIFICATION_SET, ffa_pair(like_id, FFA_ID_NWD), FFA_NOTIFICATION_DELAY_SRI, (uint32_t)BIT(bit),
		BIT(bit) >> 32);
	if ((uint32_t)r.x[0] != FFA_SUCCESS) {
		like_count(COUNT_REFUSED);
	}
}

void uart_notify(int32_t bit)
{
	atomic_store(&notify_bit, bit);
	if (bit < 0) {
		enable(true);
	}
}

void uart_bottom_half(void)
{
	like_count(COUNT_BOTTOM_HALVES);
	read_all();
	enable(true);
}
