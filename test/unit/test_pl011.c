/* SPDX-License-Identifier: MIT */
/* The emulated UART: what Linux's amba-pl011 relies on, FIFOs, flags, interrupts, loopback. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <time.h>

#include "abi/pl011.h"
#include "dev_host.h"
#include "role/hyp/dev/pl011.h"

#define BASE UINT64_C(0x09000000)
#define INTID 33
#define ENABLE (PL011_CR_UARTEN | PL011_CR_TXE | PL011_CR_RXE)

struct sink {
	uint8_t bytes[100000];
	uint32_t count;
	uint32_t room;
};

static bool sink_put(void *ctx, uint8_t byte)
{
	struct sink *sink = ctx;

	if (sink->room == 0 || sink->count == sizeof(sink->bytes)) {
		return false;
	}
	sink->room--;
	sink->bytes[sink->count++] = byte;
	return true;
}

static const struct chardev_ops sink_ops = { .put = sink_put };

struct fixture {
	struct test_vm *vm;
	struct pl011 *uart;
	struct sink sink;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct chardev out = { &sink_ops, &f->sink };

	f->vm = test_vm_new(MIB(1));
	f->sink.room = UINT32_MAX;
	spi_level[INTID] = false;
	*state = f;
	return pl011_create(&f->vm->vm, ipa(BASE), INTID, out, &f->uart) == OK ? 0 : -1;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	pl011_destroy(f->uart);
	test_vm_free(f->vm);
	free(f);
	return pool_objects == 0 ? 0 : -1;
}

static uint32_t reg(struct fixture *f, unsigned offset)
{
	return test_read(f->vm, BASE + offset);
}

static void set(struct fixture *f, unsigned offset, uint32_t value)
{
	test_write(f->vm, BASE + offset, value);
}

static void type(struct fixture *f, const char *text)
{
	for (; *text != 0; text++) {
		assert_true(pl011_input(f->uart, (uint8_t)*text));
	}
}

static void power_on_state(void **state)
{
	static const uint8_t id[8] = { 0x11, 0x10, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1 };
	struct fixture *f = *state;

	for (unsigned i = 0; i < 8; i++) {
		assert_int_equal(reg(f, PL011_PERIPH_ID0 + 4 * i), id[i]);
	}
	assert_int_equal(reg(f, PL011_FR), PL011_FR_TXFE | PL011_FR_RXFE);
	assert_int_equal(reg(f, PL011_CR), 0x300);
	assert_int_equal(reg(f, PL011_IFLS), 0x12);
	assert_int_equal(reg(f, PL011_IMSC), 0);
	assert_int_equal(reg(f, PL011_RIS), 0);
	assert_int_equal(reg(f, 0x100), 0);
	set(f, PL011_IBRD, 0x12345);
	set(f, PL011_FBRD, 0xff);
	set(f, PL011_FR, 0xffff);
	set(f, PL011_RIS, 0xffff);
	assert_int_equal(reg(f, PL011_IBRD), 0x2345);
	assert_int_equal(reg(f, PL011_FBRD), 0x3f);
	assert_int_equal(reg(f, PL011_FR), PL011_FR_TXFE | PL011_FR_RXFE);
	assert_int_equal(reg(f, PL011_RIS), 0);
}

static void access_widths(void **state)
{
	struct fixture *f = *state;
	uint64_t value = 'x';

	assert_true(test_access(f->vm, true, BASE + PL011_DR, 1, &value));
	assert_true(test_access(f->vm, true, BASE + PL011_DR, 2, &value));
	assert_int_equal(f->sink.count, 2);
	set(f, PL011_IBRD, 0x1234);
	assert_true(test_access(f->vm, false, BASE + PL011_IBRD, 1, &value));
	assert_int_equal(value, 0x34);
	assert_true(test_access(f->vm, false, BASE + PL011_FR, 1, &value));
	assert_int_equal(value, 0x90);
	assert_false(test_access(f->vm, false, BASE + PL011_FR, 8, &value));
	assert_false(test_access(f->vm, false, BASE + PL011_DR + 1, 1, &value));
	assert_false(test_access(f->vm, true, BASE + PL011_DR, 8, &value));
	assert_int_equal(f->sink.count, 2);
}

/* An early console writes before anybody has enabled the UART. */
static void output_without_ceremony(void **state)
{
	struct fixture *f = *state;

	for (const char *p = "Booting"; *p != 0; p++) {
		set(f, PL011_DR, (uint8_t)*p);
	}
	assert_memory_equal(f->sink.bytes, "Booting", 7);
}

static void transmit_interrupt_and_a_full_backend(void **state)
{
	struct fixture *f = *state;

	set(f, PL011_CR, ENABLE);
	set(f, PL011_LCR_H, PL011_LCR_H_FEN | 0x60);
	set(f, PL011_IMSC, PL011_INT_TX);
	assert_false(spi_level[INTID]);
	set(f, PL011_DR, 'a');
	assert_true(spi_level[INTID]); /* sent, so the FIFO has room */
	set(f, PL011_ICR, PL011_INT_TX);
	assert_false(spi_level[INTID]);

	f->sink.room = 0;
	for (unsigned i = 0; i < 16; i++) {
		assert_int_equal(reg(f, PL011_FR) & PL011_FR_TXFF, 0);
		set(f, PL011_DR, 'A' + i);
		assert_int_equal(reg(f, PL011_FR) & (PL011_FR_TXFE | PL011_FR_BUSY), PL011_FR_BUSY);
	}
	assert_int_equal(reg(f, PL011_FR) & PL011_FR_TXFF, PL011_FR_TXFF);
	assert_int_equal(reg(f, PL011_RIS) & PL011_INT_TX, 0);
	set(f, PL011_DR, '!'); /* lost */
	f->sink.room = 7;
	pl011_tx_ready(f->uart);
	assert_false(spi_level[INTID]); /* 9 left: above the half */
	assert_int_equal(reg(f, PL011_FR) & PL011_FR_TXFF, 0);
	f->sink.room = 1;
	pl011_tx_ready(f->uart);
	assert_true(spi_level[INTID]);
	f->sink.room = 100;
	pl011_tx_ready(f->uart);
	assert_int_equal(f->sink.count, 17);
	assert_memory_equal(f->sink.bytes, "aABCDEFGHIJKLMNOP", 17);
	assert_int_equal(reg(f, PL011_FR), PL011_FR_TXFE | PL011_FR_RXFE);
}

static void without_fifos_a_register_holds_one(void **state)
{
	struct fixture *f = *state;

	set(f, PL011_CR, ENABLE);
	f->sink.room = 0;
	set(f, PL011_DR, 'a');
	assert_int_equal(reg(f, PL011_FR) & PL011_FR_TXFF, PL011_FR_TXFF);
	type(f, "xy");
	assert_int_equal(reg(f, PL011_FR) & PL011_FR_RXFF, PL011_FR_RXFF);
	assert_int_equal(reg(f, PL011_RIS) & PL011_INT_RX, PL011_INT_RX);
	assert_int_equal(reg(f, PL011_DR), 'x');
	assert_int_equal(reg(f, PL011_RIS) & PL011_INT_RX, PL011_INT_RX);
	assert_int_equal(reg(f, PL011_DR), 'y');
	assert_int_equal(reg(f, PL011_RIS) & PL011_INT_RX, 0);
	assert_int_equal(reg(f, PL011_FR) & PL011_FR_RXFE, PL011_FR_RXFE);
	assert_int_equal(reg(f, PL011_DR), 0);
}

static void receive_and_timeout_interrupts(void **state)
{
	struct fixture *f = *state;

	set(f, PL011_CR, ENABLE);
	set(f, PL011_LCR_H, PL011_LCR_H_FEN);
	set(f, PL011_IFLS, 1 << 3); /* a quarter: 4 */
	set(f, PL011_IMSC, PL011_INT_RX | PL011_INT_RT);
	type(f, "a");
	assert_int_equal(reg(f, PL011_MIS), PL011_INT_RT);
	assert_true(spi_level[INTID]);
	set(f, PL011_ICR, PL011_INT_RT);
	assert_false(spi_level[INTID]);
	type(f, "bcd");
	assert_int_equal(reg(f, PL011_MIS) & PL011_INT_RX, PL011_INT_RX);
	assert_int_equal(reg(f, PL011_DR), 'a');
	assert_int_equal(reg(f, PL011_MIS), PL011_INT_RT); /* three left: they must not be forgotten */
	assert_int_equal(reg(f, PL011_DR), 'b');
	assert_int_equal(reg(f, PL011_DR), 'c');
	assert_true(spi_level[INTID]);
	assert_int_equal(reg(f, PL011_DR), 'd');
	assert_false(spi_level[INTID]);
	assert_int_equal(reg(f, PL011_RIS), 0);
}

/* As the interrupt handler of Linux reads: while MIS shows something, drain. Nothing is lost or left. */
static void pasted_text_arrives_whole(void **state)
{
	struct fixture *f = *state;
	unsigned received = 0, pasted = 0;

	set(f, PL011_CR, ENABLE);
	set(f, PL011_LCR_H, PL011_LCR_H_FEN);
	set(f, PL011_IMSC, PL011_INT_RX | PL011_INT_RT);
	for (unsigned round = 0; round < 2000; round++) {
		unsigned burst = random_below(200);

		while (burst-- != 0 && pl011_input(f->uart, (uint8_t)(pasted % 251))) {
			pasted++;
		}
		for (unsigned reads = random_below(300); reads != 0 && spi_level[INTID]; reads--) {
			assert_int_equal(reg(f, PL011_FR) & PL011_FR_RXFE, 0);
			assert_int_equal(reg(f, PL011_DR), received % 251);
			received++;
		}
	}
	while (spi_level[INTID]) {
		assert_int_equal(reg(f, PL011_DR), received % 251);
		received++;
	}
	assert_int_equal(received, pasted);
	assert_true(pasted > 100000);
}

static void input_waits_until_the_receiver_is_on(void **state)
{
	struct fixture *f = *state;
	unsigned taken = 5;

	set(f, PL011_IMSC, PL011_INT_ALL);
	type(f, "early");
	assert_int_equal(reg(f, PL011_FR) & PL011_FR_RXFE, PL011_FR_RXFE);
	assert_false(spi_level[INTID]);
	set(f, PL011_LCR_H, PL011_LCR_H_FEN);
	set(f, PL011_CR, ENABLE);
	assert_true(spi_level[INTID]);
	assert_int_equal(reg(f, PL011_DR), 'e');
	pl011_reset(f->uart);
	assert_false(spi_level[INTID]);
	assert_int_equal(reg(f, PL011_FR), PL011_FR_TXFE | PL011_FR_RXFE);
	assert_int_equal(reg(f, PL011_CR), 0x300);
	for (taken = 0; pl011_input(f->uart, 'x'); taken++) {
		assert_true(taken < 10000);
	}
	assert_int_equal(taken, 4096);
}

static void loopback(void **state)
{
	struct fixture *f = *state;

	set(f, PL011_LCR_H, PL011_LCR_H_FEN);
	set(f, PL011_CR, ENABLE | PL011_CR_LBE | PL011_CR_RTS | PL011_CR_OUT2);
	assert_int_equal(reg(f, PL011_FR) & 0x107, PL011_FR_CTS | PL011_FR_RI);
	type(f, "outside"); /* the line is cut */
	for (unsigned i = 0; i < 17; i++) {
		set(f, PL011_DR, 'a' + i);
	}
	assert_int_equal(f->sink.count, 0);
	assert_int_equal(reg(f, PL011_FR) & PL011_FR_RXFF, PL011_FR_RXFF);
	assert_int_equal(reg(f, PL011_RIS) & PL011_INT_OE, PL011_INT_OE);
	assert_int_equal(reg(f, PL011_DR), 'a' | PL011_DR_OE);
	assert_int_equal(reg(f, PL011_RSR_ECR), PL011_RSR_OE);
	set(f, PL011_RSR_ECR, 0);
	assert_int_equal(reg(f, PL011_RSR_ECR), 0);
	for (unsigned i = 1; i < 16; i++) {
		assert_int_equal(reg(f, PL011_DR), 'a' + i);
	}
	set(f, PL011_CR, ENABLE);
	assert_int_equal(reg(f, PL011_FR) & 0x107, 0);
	assert_int_equal(reg(f, PL011_DR), 'o');
}

/* The line is told to the vGIC if and only if it moves, and always is RIS AND IMSC. */
static void line_follows_the_registers(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < 50000; i++) {
		uint64_t value = random_u64();

		switch (random_below(6)) {
		case 0:
			pl011_input(f->uart, (uint8_t)value);
			break;
		case 1:
			f->sink.count = 0;
			f->sink.room = random_below(8);
			pl011_tx_ready(f->uart);
			break;
		case 2:
			set(f, PL011_CR, random_below(2) != 0 ? ENABLE : (uint32_t)value);
			break;
		default:
			test_access(f->vm, random_below(2) != 0, BASE + 4 * random_below(20), 4, &value);
			break;
		}
		assert_int_equal(spi_level[INTID], reg(f, PL011_MIS) != 0);
		assert_int_equal(reg(f, PL011_MIS), reg(f, PL011_RIS) & reg(f, PL011_IMSC));
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(power_on_state),
		TEST(access_widths),
		TEST(output_without_ceremony),
		TEST(transmit_interrupt_and_a_full_backend),
		TEST(without_fifos_a_register_holds_one),
		TEST(receive_and_timeout_interrupts),
		TEST(pasted_text_arrives_whole),
		TEST(input_waits_until_the_receiver_is_on),
		TEST(loopback),
		TEST(line_follows_the_registers),
	};

	random_seed((uint64_t)time(NULL));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
