/* SPDX-License-Identifier: MIT */
/* The prompt, who gets keys and who is shown, and a UART that is slower than the guests. */
#include "cmocka_main.h"

#include <pthread.h>

#include "core/sys/log.c" /* the real one; host programs have another, arch/host/log.c */
#include "dev_host.h"

#include "abi/pl011.h"
#include "core/port/firmware.h"
#include "role/hyp/console.h"
#include "role/hyp/networks.h"
#include "role/hyp/dev/pl011.h"
#include "role/hyp/dev/virtio_console.h"

#define VMS 2
#define VCPUS 2
#define UART_BASE UINT64_C(0x09000000)
#define CTRL_U "\x15"
#define ESC "\x1d"

/* ---- the UART ---- */

static char shown[1 << 20];
static size_t shown_size;
static uint64_t room = UINT64_MAX;
static bool room_interrupt; /* asked for */
static char keys[512];
static size_t key_count, key_next;
static bool enabled;

bool console_ready(void)
{
	return true;
}

void console_putc(char c)
{
	assert_true(spin_is_locked(&console_lock));
	assert_true(shown_size < sizeof(shown) - 1);
	shown[shown_size++] = c;
	shown[shown_size] = '\0';
}

bool console_try_putc(char c)
{
	if (room == 0) {
		room_interrupt = true;
		return false;
	}
	room -= room != UINT64_MAX;
	console_putc(c);
	return true;
}

void console_clear_output_interrupt(void)
{
	assert_true(spin_is_locked(&console_lock));
	room_interrupt = false;
}

int console_getc(void)
{
	return key_next < key_count ? (uint8_t)keys[key_next++] : -1;
}
void console_enable_interrupts(void)
{
	enabled = true;
}

/* ---- the rest of the hypervisor ---- */

struct list vms = { &vms, &vms };
struct list networks = { &networks, &networks };
struct cpu *cpus[CPU_MAX];
unsigned cpu_count = 1;

static struct hyp_vm guests[VMS];
static struct vm_config configs[VMS];
static struct vcpu vcpus[VMS][VCPUS];
static struct vcpu *tables[VMS][VCPUS];
static struct cpu cpu0;
static unsigned offs, dumps[VMS][VCPUS];
static struct virtio_device ports[2];
static char port_keys[2][64];
static unsigned port_ready[2];

void firmware_system_off(void)
{
	offs++;
}

void vcpu_request(struct vcpu *v, uint32_t requests)
{
	assert_int_equal(requests, VCPU_REQ_DUMP);
	dumps[hyp_vm(v->vm) - guests][v->index]++;
}

void pool_stats(struct pool_stats *out)
{
	*out = (struct pool_stats){ .total_pages = 1000, .free_pages = 500, .largest_free = 250, .el2_pages = 5 };
}

bool virtio_console_input(struct virtio_device *dev, uint8_t byte)
{
	char *to = port_keys[dev - ports];

	assert_false(spin_is_locked(&console_lock));
	to[strlen(to)] = (char)byte;
	return true;
}

void virtio_console_tx_ready(struct virtio_device *dev)
{
	assert_false(spin_is_locked(&console_lock));
	port_ready[dev - ports]++;
}

static struct vm_device_config port_of(const char *name)
{
	return (struct vm_device_config){ .kind = VM_DEVICE_CONSOLE, .name = name };
}

static void make_guest(unsigned i)
{
	struct hyp_vm *vm = &guests[i];

	configs[i] = (struct vm_config){ .name = i == 0 ? "one" : "two", .memory_size = MIB(64) };
	vm->config = &configs[i];
	strcpy(vm->vm.name, configs[i].name);
	vm->vm.vcpus = tables[i];
	vm->vm.vcpu_count = VCPUS;
	for (unsigned n = 0; n < VCPUS; n++) {
		tables[i][n] = &vcpus[i][n];
		vcpus[i][n].vm = &vm->vm;
		vcpus[i][n].cpu = &cpu0;
		vcpus[i][n].index = n;
	}
	ring_init(&vm->output, vm->output_data, sizeof(vm->output_data));
	assert_int_equal(pl011_create(&vm->vm, ipa(UART_BASE), 33, (struct chardev){ &console_vm_ops, vm }, &vm->uart),
			 OK);
	list_append(&vms, &vm->node);
}

static void press(const char *text);

static int setup(void **state)
{
	(void)state;
	memset(guests, 0, sizeof(guests));
	memset(vcpus, 0, sizeof(vcpus));
	memset(dumps, 0, sizeof(dumps));
	memset(port_keys, 0, sizeof(port_keys));
	memset(port_ready, 0, sizeof(port_ready));
	memset(&cpu0, 0, sizeof(cpu0));
	cpus[0] = &cpu0;
	offs = 0;
	room = UINT64_MAX;
	list_init(&vms);
	make_guest(0);
	make_guest(1);
	configs[1].device_count = 3;
	configs[1].devices[0] = port_of("left");
	configs[1].devices[1] = (struct vm_device_config){ .kind = VM_DEVICE_RNG, .name = "rng" };
	configs[1].devices[2] = port_of("right");
	guests[1].virtio[0] = &ports[0];
	guests[1].virtio[2] = &ports[1];
	level_max = LOG_INFO;
	console_init();
	assert_true(enabled);
	/* Where the last test left the prompt, this brings it to its start. */
	press(ESC "console one\r");
	shown_size = 0;
	shown[0] = '\0';
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (unsigned i = 0; i < VMS; i++) {
		pl011_destroy(guests[i].uart);
		bus_destroy(&guests[i].vm.bus);
	}
	return pool_objects == 0 ? 0 : -1;
}

static void press(const char *text)
{
	key_count = strlen(text);
	key_next = 0;
	memcpy(keys, text, key_count);
	console_interrupt();
	assert_int_equal(key_next, key_count);
}

/* What a command at the prompt answers. */
static const char *answer(const char *line)
{
	char typed[256];

	press(ESC);
	shown_size = 0;
	snprintf(typed, sizeof(typed), "%s\r", line);
	press(typed);
	return shown;
}

static void expect(const char *line, const char *text)
{
	if (strstr(answer(line), text) == NULL) {
		fail_msg("\"%s\" answers \"%s\"", line, shown);
	}
	press(ESC);
}

static uint32_t guest_read(struct hyp_vm *vm, uint64_t reg)
{
	const struct bus_region *region = bus_find(&vm->vm.bus, UART_BASE + reg, 4);
	uint64_t value;

	assert_true(region->ops->read(region->device, NULL, reg, 4, &value));
	return (uint32_t)value;
}

static void guest_write(struct hyp_vm *vm, uint64_t reg, uint32_t value)
{
	const struct bus_region *region = bus_find(&vm->vm.bus, UART_BASE + reg, 4);

	assert_true(region->ops->write(region->device, NULL, reg, 4, value));
}

static void guest_enable(struct hyp_vm *vm)
{
	guest_write(vm, PL011_LCR_H, PL011_LCR_H_FEN);
	guest_write(vm, PL011_CR, PL011_CR_UARTEN | PL011_CR_TXE | PL011_CR_RXE);
}

static void guest_print(struct hyp_vm *vm, const char *text)
{
	for (; *text != '\0'; text++) {
		guest_write(vm, PL011_DR, (uint8_t)*text);
	}
}

/* ---- the prompt ---- */

static void each_command_answers(void **state)
{
	static const char *const commands[] = { "help", "vms",      "vcpus",   "cpus", "memory",
						"regs", "loglevel", "console", "quit" };

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(commands); i++) {
		expect("help", commands[i]);
	}
	expect("vms", "one              down           2     64 MiB      0 KiB  (console)");
	expect("vms", "two ");
	vcpus[1][1].stats.exits_by_ec[0x16] = 3;
	vcpus[1][1].stats.exits_by_ec[0x3f] = 4;
	vcpus[1][1].stats.irqs = 5;
	expect("vcpus", "two                 1    0 off      hvc 3 other 4 irq 5");
	write_cntfrq_el0(1000);
	write_cntpct_el0(0);
	cpu0.time[CPU_TIME_IDLE] = 77;
	expect("cpus", "77 ms");
	expect("memory", "RAM 4000 KiB, free 2000 KiB (largest piece 1000 KiB), EL2's own 20 KiB");
	expect("loglevel", "info");
	expect("loglevel debug", "trivet> ");
	assert_int_equal(log_level_get(), LOG_DEBUG);
	expect("loglevel verbose", "Levels are");
	assert_int_equal(log_level_get(), LOG_DEBUG);
	expect("quit", "refused");
	assert_int_equal(offs, 1);
}

static void registers_of_a_vcpu(void **state)
{
	(void)state;
	expect("regs two 1", "");
	assert_int_equal(dumps[1][1], 1);
	expect("regs one", "");
	assert_int_equal(dumps[0][0], 1);
	expect("regs two 2", "two has vCPUs 0 to 1.");
	expect("regs two -1", "two has vCPUs");
	expect("regs two 99999999999999999999", "two has vCPUs");
	expect("regs two 4294967296", "two has vCPUs");
	expect("regs three", "No VM is called \"three\"");
	expect("regs", "Usage: regs VM [VCPU]");
	expect("regs one 1 1", "Usage: regs VM [VCPU]");
	vcpus[0][1].regs.x[30] = 0x1234;
	vcpus[0][1].el1.vbar = 0xabc;
	write_vbar_el1(0xdef);
	shown_size = 0;
	console_dump(&vcpus[0][1]);
	assert_non_null(strstr(shown, "one/1 on CPU 0, off"));
	assert_non_null(strstr(shown, "x30 0000000000001234"));
	assert_non_null(strstr(shown, "vbar abc"));
	/* While it is loaded, the hardware has them. */
	cpu0.current = &vcpus[0][1];
	shown_size = 0;
	console_dump(&vcpus[0][1]);
	assert_non_null(strstr(shown, "vbar def"));
}

static void wrong_lines(void **state)
{
	char line[300];

	(void)state;
	expect("nonsense", "\"nonsense\" is no command");
	expect("VMS", "is no command");
	expect("vms now", "Usage: vms");
	expect("a b c d e f g h i j", "\"a\" is no command");
	expect("console one two three four five six", "Usage: console");
	expect("console a b c d", "Usage: console");
	assert_string_equal(answer(""), "\r\ntrivet> ");
	press(ESC);
	assert_null(strstr(answer("      "), "is no command"));
	press(ESC);
	expect("   memory   ", "RAM 4000 KiB");
	/* The line is full at 79 characters; what comes then is not shown and not read. */
	memset(line, 'x', sizeof(line));
	line[sizeof(line) - 1] = '\0';
	press(ESC);
	shown_size = 0;
	press(line);
	assert_int_equal(shown_size, 79);
	press("\r");
	press(ESC);
}

static void editing_a_line(void **state)
{
	(void)state;
	expect("memorz\by", "RAM 4000 KiB");
	expect("memorz\x7fy", "RAM 4000 KiB");
	expect("quit" CTRL_U "memory", "RAM 4000 KiB");
	expect("\b\b\bmemory", "RAM 4000 KiB");
	expect("mem\x01\x02\x1b\tory", "RAM 4000 KiB");
	expect("\xffmemory", "RAM 4000 KiB");
	assert_int_equal(offs, 0);
	/* The half of a line that was left at the prompt is gone when it is opened again. */
	press(ESC "qu" ESC);
	expect("it", "\"it\" is no command");
	assert_int_equal(offs, 0);
}

static void any_keys(void **state)
{
	(void)state;
	random_seed(20261123);
	for (unsigned i = 0; i < 20000; i++) {
		static const char *const words[] = { "console", "one", "two", "left", "regs",
						     " ",       "\r",  ESC,   "vms",  "\b" };
		char text[24] = "";

		if (random_below(3) == 0) {
			for (unsigned n = 0; n < 5; n++) {
				text[n] = (char)(1 + random_below(255));
			}
		} else {
			strcpy(text, words[random_below(ARRAY_SIZE(words))]);
		}
		shown_size = 0;
		press(text);
	}
	press("\r" ESC ESC);
}

/* ---- keys ---- */

static void keys_reach_the_chosen_device(void **state)
{
	(void)state;
	guest_enable(&guests[0]);
	guest_enable(&guests[1]);
	press("k");
	assert_int_equal(guest_read(&guests[0], PL011_DR), 'k');
	assert_true((guest_read(&guests[1], PL011_FR) & PL011_FR_RXFE) != 0);
	press(ESC "console two\rm");
	assert_int_equal(guest_read(&guests[1], PL011_DR), 'm');
	press(ESC "console two right\rhello" ESC "console two left\rabc" ESC ESC "d");
	assert_string_equal(port_keys[1], "hello");
	assert_string_equal(port_keys[0], "abcd");
	/* A choice that cannot be made changes nothing. */
	answer("console two rng");
	assert_non_null(strstr(shown, "two has no virtio-console \"rng\"."));
	press("console one left\r");
	assert_non_null(strstr(shown, "one has no virtio-console \"left\"."));
	press(ESC "e");
	assert_string_equal(port_keys[0], "abcde");
	assert_true((guest_read(&guests[1], PL011_FR) & PL011_FR_RXFE) != 0);
	press(ESC "console two\rn");
	assert_int_equal(guest_read(&guests[1], PL011_DR), 'n');
}

/* ---- output ---- */

static void the_newest_output_is_kept(void **state)
{
	char text[32];

	(void)state;
	guest_print(&guests[0], "seen");
	assert_string_equal(shown, "seen");
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "%07u\n", i);
		guest_print(&guests[1], text);
	}
	assert_string_equal(shown, "seen");
	press(ESC "console two\r");
	assert_null(strstr(shown, "0000487\n"));
	assert_non_null(strstr(shown, "0000488\n0000489\n"));
	assert_string_equal(shown + shown_size - 8, "0000999\n");
	guest_print(&guests[1], "direct");
	assert_string_equal(shown + shown_size - 6, "direct");
}

/* As a driver does: never a byte to a full FIFO. True if it was taken. */
static bool guest_try(struct hyp_vm *vm, uint8_t byte)
{
	if ((guest_read(vm, PL011_FR) & PL011_FR_TXFF) != 0) {
		return false;
	}
	guest_write(vm, PL011_DR, byte);
	return true;
}

static void a_slow_uart_holds_the_guest_not_el2(void **state)
{
	uint32_t sent = 0;

	(void)state;
	random_seed(20261124);
	guest_enable(&guests[0]);
	room = 0;
	while (guest_try(&guests[0], (uint8_t)('a' + sent % 26))) {
		sent++;
	}
	/* The ring and its own FIFO, and then it waits. */
	assert_int_equal(sent, VM_OUTPUT_SIZE + 16);
	assert_int_equal(shown_size, 0);
	while (sent < 100000) {
		assert_true(room_interrupt);
		room = 1 + random_below(32);
		press("");
		assert_true(room == 0);
		for (unsigned i = random_below(40); i > 0 && guest_try(&guests[0], (uint8_t)('a' + sent % 26)); i--) {
			sent++;
		}
	}
	room = UINT64_MAX;
	press("");
	assert_false(room_interrupt);
	assert_int_equal(shown_size, sent);
	for (uint32_t i = 0; i < sent; i++) {
		assert_int_equal(shown[i], 'a' + i % 26);
	}
	assert_true((guest_read(&guests[0], PL011_FR) & PL011_FR_TXFE) != 0);
}

/* Who waits for room and loses the console need not wait any more. */
static void nobody_waits_for_a_console_that_he_has_not(void **state)
{
	(void)state;
	press(ESC "console two\r");
	guest_enable(&guests[1]);
	room = 0;
	while (guest_try(&guests[1], 'x')) {
	}
	assert_int_equal(port_ready[0], 0);
	press(ESC "console one\r");
	assert_true((guest_read(&guests[1], PL011_FR) & PL011_FR_TXFE) != 0);
	assert_int_equal(port_ready[0], 1);
	assert_int_equal(port_ready[1], 1);
	for (unsigned i = 0; i < 10000; i++) {
		assert_true(guest_try(&guests[1], 'y'));
	}
	/* Back again: what is kept comes as the UART has room. */
	press(ESC "console two\r");
	assert_true(room_interrupt);
	shown_size = 0;
	room = 10;
	press("");
	assert_string_equal(shown, "yyyyyyyyyy");
}

#define WRITES 400000

static pthread_barrier_t writers_ready;

static void *write_numbers(void *arg)
{
	uint8_t high = (uint8_t)((uintptr_t)arg << 7);

	pthread_barrier_wait(&writers_ready);
	for (uint32_t i = 0; i < WRITES; i++) {
		console_vm_ops.put(&guests[1], high | (i & 0x7f));
	}
	return NULL;
}

/* Two devices of one VM, on two CPUs: what is kept is the end of both, in order. */
static void several_devices_print_at_once(void **state)
{
	uint8_t next[2];
	bool known[2] = { false, false };
	pthread_t threads[2];
	uint8_t byte;

	(void)state;
	assert_int_equal(pthread_barrier_init(&writers_ready, NULL, 2), 0);
	for (uintptr_t i = 0; i < 2; i++) {
		assert_int_equal(pthread_create(&threads[i], NULL, write_numbers, (void *)i), 0);
	}
	for (unsigned i = 0; i < 2; i++) {
		pthread_join(threads[i], NULL);
	}
	assert_int_equal(ring_count(&guests[1].output), VM_OUTPUT_SIZE);
	while (ring_get(&guests[1].output, &byte)) {
		unsigned who = byte >> 7;

		if (known[who]) {
			assert_int_equal(byte & 0x7f, next[who]);
		}
		known[who] = true;
		next[who] = (byte + 1) & 0x7f;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_command_answers, setup, teardown),
		cmocka_unit_test_setup_teardown(registers_of_a_vcpu, setup, teardown),
		cmocka_unit_test_setup_teardown(wrong_lines, setup, teardown),
		cmocka_unit_test_setup_teardown(editing_a_line, setup, teardown),
		cmocka_unit_test_setup_teardown(any_keys, setup, teardown),
		cmocka_unit_test_setup_teardown(keys_reach_the_chosen_device, setup, teardown),
		cmocka_unit_test_setup_teardown(the_newest_output_is_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(a_slow_uart_holds_the_guest_not_el2, setup, teardown),
		cmocka_unit_test_setup_teardown(nobody_waits_for_a_console_that_he_has_not, setup, teardown),
		cmocka_unit_test_setup_teardown(several_devices_print_at_once, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
