/* SPDX-License-Identifier: MIT */
#include "role/hyp/dev/pl011.h"

#include "abi/pl011.h"
#include "arch/atomic.h"
#include "arch/spinlock.h"
#include "core/mm/pool.h"
#include "lib/ring.h"

#define FIFO_DEPTH 16
#define INPUT_SIZE 4096 /* a pasted page waits here while the guest works through its FIFO */

/* All fields but 'fr' and the constants are under 'lock'. */
struct pl011 {
	uint32_t fr; /* atomic: what a read of FR returns; drivers poll it, so they need no lock */
	struct spinlock lock;
	struct vm *vm;
	unsigned intid;
	struct chardev out;

	uint32_t ris;
	uint32_t imsc;
	uint32_t cr;
	uint32_t lcr_h;
	uint32_t ifls;
	uint32_t rsr;
	uint32_t ilpr, ibrd, fbrd, dmacr; /* remembered, without effect: the line has no speed */
	bool line;   /* what the vGIC was told last */
	bool overrun;                     /* a byte was lost since the FIFO last took one */

	struct ring tx; /* what the chardev would not take yet */
	struct ring rx; /* what the guest may read */
	struct ring input;
	uint8_t tx_bytes[FIFO_DEPTH];
	uint8_t rx_bytes[FIFO_DEPTH];
	uint8_t input_bytes[INPUT_SIZE];
};

/* 0xfe0..0xffc. As in QEMU's virt machine this is a revision whose FIFOs are 16 deep; r1p5 would have 32. */
static const uint8_t identification[8] = { 0x11, 0x10, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1 };

static bool fifos_enabled(const struct pl011 *u)
{
	return (u->lcr_h & PL011_LCR_H_FEN) != 0;
}

/* With the FIFOs off, each is a register of one byte. */
static uint32_t depth(const struct pl011 *u)
{
	return fifos_enabled(u) ? FIFO_DEPTH : 1;
}

/* IFLS counts in eighths of the FIFO: 1/8, 1/4, 1/2, 3/4, 7/8; the reserved values stand for the last. */
static uint32_t fifo_level(uint64_t select)
{
	static const uint8_t levels[] = { 2, 4, 8, 12, 14 };

	return levels[MIN(select, ARRAY_SIZE(levels) - 1)];
}

static uint32_t rx_level(const struct pl011 *u)
{
	return fifos_enabled(u) ? fifo_level(FIELD_GET(PL011_IFLS_RX, u->ifls)) : 1;
}

static uint32_t tx_level(const struct pl011 *u)
{
	return fifos_enabled(u) ? fifo_level(FIELD_GET(PL011_IFLS_TX, u->ifls)) : 0;
}

static uint32_t flags(const struct pl011 *u)
{
	uint32_t fr = 0;

	fr |= ring_empty(&u->tx) ? PL011_FR_TXFE : PL011_FR_BUSY;
	fr |= ring_count(&u->tx) >= depth(u) ? PL011_FR_TXFF : 0;
	fr |= ring_empty(&u->rx) ? PL011_FR_RXFE : 0;
	fr |= ring_count(&u->rx) >= depth(u) ? PL011_FR_RXFF : 0;
	if ((u->cr & PL011_CR_LBE) != 0) {
		/* The modem outputs come back as inputs. Otherwise nobody drives those. */
		fr |= (u->cr & PL011_CR_RTS) != 0 ? PL011_FR_CTS : 0;
		fr |= (u->cr & PL011_CR_DTR) != 0 ? PL011_FR_DSR : 0;
		fr |= (u->cr & PL011_CR_OUT1) != 0 ? PL011_FR_DCD : 0;
		fr |= (u->cr & PL011_CR_OUT2) != 0 ? PL011_FR_RI : 0;
	}
	return fr;
}

/* A byte arrives at the receiver. */
static void receive(struct pl011 *u, uint8_t byte)
{
	if (ring_count(&u->rx) >= depth(u)) {
		u->overrun = true;
		u->ris |= PL011_INT_OE;
		return;
	}
	ring_put(&u->rx, byte);
	u->overrun = false;
}

/*
 * After the guest read, or bytes arrived. The receive interrupt comes at the trigger level. The chip raises the timeout
 * interrupt when the line was quiet for 32 bit times; here whatever is below the level has been waiting long enough,
 * since all input that there is has been moved into the FIFO.
 */
static void update_rx_interrupts(struct pl011 *u, bool arrived)
{
	uint32_t count = ring_count(&u->rx);

	if (count >= rx_level(u)) {
		u->ris |= arrived ? PL011_INT_RX : 0;
		return;
	}
	u->ris &= ~PL011_INT_RX;
	if (count == 0) {
		u->ris &= ~PL011_INT_RT;
	} else {
		u->ris |= PL011_INT_RT;
	}
}

/* The wire: waiting input enters the FIFO while the receiver is on and not looped back. */
static void refill(struct pl011 *u)
{
	const uint32_t on = PL011_CR_UARTEN | PL011_CR_RXE;
	bool arrived = false;
	uint8_t byte;

	if ((u->cr & (on | PL011_CR_LBE)) != on) {
		return;
	}
	while (ring_count(&u->rx) < depth(u) && ring_get(&u->input, &byte)) {
		receive(u, byte);
		arrived = true;
	}
	if (arrived) {
		update_rx_interrupts(u, true);
	}
}

/*
 * The transmitter: as many bytes as the chardev takes leave the FIFO at once. Having 'worked', it raises the
 * interrupt if the FIFO is then at or below its trigger level: on the chip it would have been above for a moment.
 */
static void drain(struct pl011 *u, bool worked)
{
	while (!ring_empty(&u->tx) && chardev_put(&u->out, u->tx.data[u->tx.tail & (u->tx.size - 1)])) {
		u->tx.tail++;
		worked = true;
	}
	if (ring_count(&u->tx) > tx_level(u)) {
		u->ris &= ~PL011_INT_TX;
	} else if (worked) {
		u->ris |= PL011_INT_TX;
	}
}

/* Publishes what changed: the flags, and the interrupt line if it moved. */
static void update(struct pl011 *u)
{
	bool line = (u->ris & u->imsc) != 0;

	atomic_store(&u->fr, flags(u));
	if (line != u->line) {
		u->line = line;
		vgic_set_spi(&u->vm->vgic, u->intid, line);
	}
}

static uint32_t read_data(struct pl011 *u)
{
	uint8_t byte = 0;

	ring_get(&u->rx, &byte);
	u->rsr = u->overrun ? PL011_RSR_OE : 0;
	update_rx_interrupts(u, false);
	refill(u);
	return byte | (u->rsr != 0 ? PL011_DR_OE : 0);
}

/*
 * Sends also while UARTEN or TXE are off: no firmware has enabled the UART before an early console writes to it. What
 * is written to a full FIFO is lost, as on the chip.
 */
static void write_data(struct pl011 *u, uint8_t byte)
{
	if ((u->cr & PL011_CR_LBE) != 0) {
		receive(u, byte);
		update_rx_interrupts(u, true);
		drain(u, true);
		return;
	}
	if (ring_count(&u->tx) < depth(u)) {
		ring_put(&u->tx, byte);
	}
	drain(u, true);
}

static uint32_t read_register(struct pl011 *u, uint64_t offset)
{
	switch (offset) {
	case PL011_DR:
		return read_data(u);
	case PL011_RSR_ECR:
		return u->rsr;
	case PL011_FR:
		return u->fr;
	case PL011_ILPR:
		return u->ilpr;
	case PL011_IBRD:
		return u->ibrd;
	case PL011_FBRD:
		return u->fbrd;
	case PL011_LCR_H:
		return u->lcr_h;
	case PL011_CR:
		return u->cr;
	case PL011_IFLS:
		return u->ifls;
	case PL011_IMSC:
		return u->imsc;
	case PL011_RIS:
		return u->ris;
	case PL011_MIS:
		return u->ris & u->imsc;
	case PL011_DMACR:
		return u->dmacr;
	default:
		return offset >= PL011_PERIPH_ID0 ? identification[(offset - PL011_PERIPH_ID0) / 4] : 0;
	}
}

static void write_register(struct pl011 *u, uint64_t offset, uint32_t value)
{
	switch (offset) {
	case PL011_DR:
		write_data(u, (uint8_t)value);
		break;
	case PL011_RSR_ECR:
		u->rsr = 0;
		u->overrun = false;
		break;
	case PL011_ILPR:
		u->ilpr = value & 0xff;
		break;
	case PL011_IBRD:
		u->ibrd = value & 0xffff;
		break;
	case PL011_FBRD:
		u->fbrd = value & 0x3f;
		break;
	case PL011_LCR_H:
		u->lcr_h = value & 0xff;
		break;
	case PL011_CR:
		u->cr = value & 0xff87;
		break;
	case PL011_IFLS:
		u->ifls = value & 0x3f;
		break;
	case PL011_IMSC:
		u->imsc = value & PL011_INT_ALL;
		break;
	case PL011_ICR:
		u->ris &= ~value;
		break;
	case PL011_DMACR:
		u->dmacr = value & 0x7;
		break;
	default:
		return;
	}
	refill(u);
}

/* Kept out of uart_read(), which then needs no stack. */
static __attribute__((noinline)) bool read_locked(struct pl011 *u, uint64_t offset, unsigned size, uint64_t *value)
{
	if (size > 4 || offset % 4 != 0) {
		return false;
	}
	spin_lock(&u->lock);
	*value = read_register(u, offset) & GENMASK(8 * size - 1, 0);
	update(u);
	spin_unlock(&u->lock);
	return true;
}

static bool uart_read(void *device, struct vcpu *vcpu, uint64_t offset, unsigned size, uint64_t *value)
{
	struct pl011 *u = device;

	(void)vcpu;
	if (likely(offset == PL011_FR && size >= 2 && size <= 4)) {
		*value = atomic_load(&u->fr);
		return true;
	}
	return read_locked(u, offset, size, value);
}

static bool uart_write(void *device, struct vcpu *vcpu, uint64_t offset, unsigned size, uint64_t value)
{
	struct pl011 *u = device;

	(void)vcpu;
	if (size > 4 || offset % 4 != 0) {
		return false;
	}
	spin_lock(&u->lock);
	write_register(u, offset, (uint32_t)value);
	update(u);
	spin_unlock(&u->lock);
	return true;
}

static const struct bus_ops uart_ops = { .read = uart_read, .write = uart_write };

static void set_power_on_state(struct pl011 *u)
{
	u->ris = 0;
	u->imsc = 0;
	u->cr = PL011_CR_TXE | PL011_CR_RXE;
	u->lcr_h = 0;
	u->ifls = FIELD_PUT(PL011_IFLS_RX, 2) | FIELD_PUT(PL011_IFLS_TX, 2);
	u->rsr = 0;
	u->ilpr = u->ibrd = u->fbrd = u->dmacr = 0;
	u->overrun = false;
	ring_init(&u->tx, u->tx_bytes, sizeof(u->tx_bytes));
	ring_init(&u->rx, u->rx_bytes, sizeof(u->rx_bytes));
}

enum err pl011_create(struct vm *vm, ipa_t base, unsigned intid, struct chardev out, struct pl011 **uart)
{
	struct pl011 *u = pool_alloc_object(sizeof(*u));
	enum err e;

	if (u == NULL) {
		return ERR_NO_MEMORY;
	}
	u->vm = vm;
	u->intid = intid;
	u->out = out;
	ring_init(&u->input, u->input_bytes, sizeof(u->input_bytes));
	set_power_on_state(u);
	update(u);
	e = bus_add(&vm->bus, base, PL011_SIZE, &uart_ops, u);
	if (e != OK) {
		pool_free_object(u, sizeof(*u));
		return e;
	}
	*uart = u;
	return OK;
}

void pl011_reset(struct pl011 *uart)
{
	spin_lock(&uart->lock);
	set_power_on_state(uart);
	update(uart);
	spin_unlock(&uart->lock);
}

void pl011_destroy(struct pl011 *uart)
{
	pool_free_object(uart, sizeof(*uart));
}

bool pl011_input(struct pl011 *uart, uint8_t byte)
{
	bool taken;

	spin_lock(&uart->lock);
	taken = ring_put(&uart->input, byte);
	refill(uart);
	update(uart);
	spin_unlock(&uart->lock);
	return taken;
}

void pl011_tx_ready(struct pl011 *uart)
{
	spin_lock(&uart->lock);
	drain(uart, false);
	update(uart);
	spin_unlock(&uart->lock);
}
