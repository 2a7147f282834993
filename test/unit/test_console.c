/* SPDX-License-Identifier: MIT */
/* The prompt, who gets keys and who is shown, and a UART that is slower than the guests. */
#include "cmocka_main.h"

#include <pthread.h>

#include "core/sys/log.c" /* the real one; host programs have another, arch/host/log.c */
#include "dev_host.h"

#include "abi/pl011.h"
#include "core/port/firmware.h"
#include "role/hyp/console.h"
#include "role/hyp/ffa/runner.h"
#include "role/hyp/ffa/spmc.h"
#include "role/hyp/networks.h"
#include "role/hyp/prompt.h"
#include "role/hyp/prompt_show.h"
#include "role/hyp/regions.h"
#include "role/hyp/dev/pl011.h"
#include "role/hyp/dev/virtio_console.h"

#define VMS 2
#define VCPUS 2
#define TICK 250 /* ms */
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

/* There are no partitions, of which the prompt would tell. */
struct spmc spmc;

struct cpu_share *runner_share(const struct cpu *cpu)
{
	fail_msg("CPU %u runs no partition", cpu->index);
	return NULL;
}

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

void regions_print(struct fmt_sink *out)
{
	fmt_print(out, "the shared memories\n");
}

bool net_switch_is_stuck(const struct net_switch_port *to)
{
	(void)to;
	return false;
}

/* ---- time ---- */

static uint64_t now; /* ms */

uint64_t cpu_now(void)
{
	return now;
}

void cpu_program_timer(struct cpu *cpu)
{
	(void)cpu;
}

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

/* What the last command about a VM's life was, and of which VM. */
static const char *life_command;
static const struct hyp_vm *life_vm;
static const char *life_refusal; /* NULL: it is done */

#define LIFE_COMMAND(name)                       \
	const char *vm_##name(struct hyp_vm *vm) \
	{                                        \
		life_command = #name;            \
		life_vm = vm;                    \
		return life_refusal;             \
	}
LIFE_COMMAND(start)
LIFE_COMMAND(stop)
LIFE_COMMAND(reset)
LIFE_COMMAND(pause)
LIFE_COMMAND(resume)
LIFE_COMMAND(destroy)

const char *vm_phase_name(uint32_t phase)
{
	return phase == VM_DOWN ? "down" : "up";
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
	assert_true(vm_text_init(&vm->output.text));
	assert_int_equal(pl011_create(&vm->vm, ipa(UART_BASE), 33, (struct chardev){ &vm_output_ops, vm }, &vm->uart),
			 OK);
	list_append(&vms, &vm->node);
}

static void press(const char *text);

static void forget_shown(void)
{
	shown_size = 0;
	shown[0] = '\0';
}

static int setup(void **state)
{
	(void)state;
	memset(guests, 0, sizeof(guests));
	memset(vcpus, 0, sizeof(vcpus));
	memset(dumps, 0, sizeof(dumps));
	memset(port_keys, 0, sizeof(port_keys));
	memset(port_ready, 0, sizeof(port_ready));
	memset(&cpu0, 0, sizeof(cpu0));
	timer_queue_init(&cpu0.timers);
	write_tpidr_el2((uintptr_t)&cpu0);
	write_cntfrq_el0(1000);
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
	prompt_close();
	console_init(false);
	assert_true(enabled);
	shown_size = 0;
	shown[0] = '\0';
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (unsigned i = 0; i < VMS; i++) {
		pl011_destroy(guests[i].uart);
		vm_text_free(&guests[i].output.text);
		bus_destroy(&guests[i].vm.bus);
	}
	return pool_objects == 0 ? 0 : -1;
}

static void pass(unsigned ms)
{
	now += ms;
	timer_run(&cpu0.timers, now);
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
	static const char *const commands[] = { "help",     "vms",     "vcpus",   "cpus",   "memory", "regs",
						"loglevel", "console", "history", "prefix", "shared", "quit" };

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(commands); i++) {
		expect("help", commands[i]);
	}
	expect("vms", "  1 one              down           2     64 MiB      0 KiB  (console)");
	expect("vms", "  2 two ");
	vcpus[1][1].stats.exits_by_ec[0x16] = 3;
	vcpus[1][1].stats.exits_by_ec[0x3f] = 4;
	vcpus[1][1].stats.irqs = 5;
	expect("vcpus", "two                 1    0 off      hvc 3 other 4 irq 5");
	write_cntfrq_el0(1000);
	write_cntpct_el0(0);
	cpu0.time[CPU_TIME_IDLE] = 77;
	expect("cpus", "77 ms");
	expect("shared", "the shared memories");
	expect("memory", "RAM 4000 KiB, free 2000 KiB (largest piece 1000 KiB), EL2's own 20 KiB");
	expect("loglevel", "info");
	expect("loglevel debug", "trivet> ");
	assert_int_equal(log_level_get(), LOG_DEBUG);
	expect("loglevel verbose", "Levels are");
	assert_int_equal(log_level_get(), LOG_DEBUG);
	expect("quit", "refused");
	assert_int_equal(offs, 1);
}

static void each_life_command_reaches_its_vm(void **state)
{
	static const char *const names[] = { "start", "stop", "reset", "pause", "resume", "destroy" };
	char line[64];

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		life_command = NULL;
		life_refusal = NULL;
		snprintf(line, sizeof(line), "%s two", names[i]);
		assert_null(strstr(answer(line), "Cannot"));
		press(ESC);
		assert_string_equal(life_command, names[i]);
		assert_ptr_equal(life_vm, &guests[1]);
		life_refusal = "it is so";
		expect(line, "Cannot ");
		expect(line, " two: it is so.");
		life_command = NULL;
		expect(names[i], "Usage: ");
		snprintf(line, sizeof(line), "%s three", names[i]);
		expect(line, "No VM is called \"three\"");
		assert_null(life_command);
	}
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
	show_registers(&vcpus[0][1]);
	assert_non_null(strstr(shown, "one/1 on CPU 0, off"));
	assert_non_null(strstr(shown, "x30 0000000000001234"));
	assert_non_null(strstr(shown, "vbar abc"));
	/* While it is loaded, the hardware has them. */
	cpu0.current = &vcpus[0][1];
	shown_size = 0;
	show_registers(&vcpus[0][1]);
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

/* Function keys, and what terminals answer when a VM has asked them something just before the prompt came. */
static void no_key_of_a_terminal_is_typed(void **state)
{
	static const char *const sequences[] = {
		"\x1b[A",
		"\x1b[1;5C",
		"\x1b[3~",
		"\x1bOP",
		"\x1b[24;80R",
		"\x1b[?62;22c",
		"\x1b[<35;17;25M",
		"\x1b]ldestroy two\r1\x1b\\",
		"\x1bP1$r0m\r2\r\x1b\\",
		"\x1b]11;rgb:0/0/0\x07",
		"\x1b[200~",
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(sequences); i++) {
		life_command = NULL;
		press(ESC);
		forget_shown();
		press(sequences[i]);
		assert_string_equal(shown, "");
		press("mem");
		press(sequences[i]);
		press("ory");
		press(sequences[i]);
		press("\r");
		assert_non_null(strstr(shown, "memory\r\nRAM 4000 KiB"));
		assert_null(life_command);
		press(ESC);
		assert_false(prompt_is_open());
	}
	/* ESC alone, or a string that nothing ends, keeps nobody from Enter or from leaving. */
	press(ESC "memory\x1b");
	forget_shown();
	press("\r");
	assert_non_null(strstr(shown, "RAM 4000 KiB"));
	press("\x1b]abc" ESC);
	assert_false(prompt_is_open());
	expect("memory", "RAM 4000 KiB");
}

/* Where a VM has drawn, the prompt begins with a terminal in order; what is shown in lines needs none. */
static void the_prompt_begins_with_a_terminal_in_order(void **state)
{
	(void)state;
	guest_print(&guests[0], "\x1b[8m\x1b]0;");
	forget_shown();
	press(ESC);
	assert_memory_equal(shown, "\r\n\x1b\\", 4);
	assert_non_null(strstr(shown, "\x1b[m"));
	assert_non_null(strstr(shown, "lTrivet. "));
	press("prefix on\r" ESC);
	forget_shown();
	press(ESC);
	assert_null(strchr(shown, '\x1b'));
	press("prefix off\r" ESC);
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

/* ---- which VM has the console ---- */

static void a_key_changes_the_console(void **state)
{
	(void)state;
	press(ESC "2");
	assert_ptr_equal(console_focus(), &guests[1]);
	assert_non_null(strstr(shown, "Console of two; Ctrl-] for the prompt.\r\n"));
	press(ESC "1");
	assert_ptr_equal(console_focus(), &guests[0]);
	press(ESC "\t");
	assert_ptr_equal(console_focus(), &guests[1]);
	press(ESC "\t");
	assert_ptr_equal(console_focus(), &guests[0]);
	forget_shown();
	press(ESC "3");
	assert_ptr_equal(console_focus(), &guests[0]);
	assert_non_null(strstr(shown, "trivet> \r\nThere is no VM 3; \"vms\" lists them.\r\ntrivet> "));
	assert_true(prompt_is_open());
	/* Inside a line they are characters, or nothing. */
	press("x2\t");
	assert_true(prompt_is_open());
	forget_shown();
	press("\r");
	assert_non_null(strstr(shown, "\"x2\" is no command"));
	press(ESC);
	assert_false(prompt_is_open());
	/* The keys of a port go back to the PL011. */
	guest_enable(&guests[1]);
	press(ESC "console two left\rab" ESC ESC "c" ESC "2d");
	assert_string_equal(port_keys[0], "abc");
	assert_int_equal(guest_read(&guests[1], PL011_DR), 'd');
}

static void a_vm_is_named_or_numbered(void **state)
{
	(void)state;
	expect("regs 2", "");
	assert_int_equal(dumps[1][0], 1);
	expect("regs 3", "No VM is called \"3\"");
	expect("regs 0", "No VM is called \"0\"");
	/* A name comes first. */
	strcpy(guests[0].vm.name, "2");
	expect("regs 2", "");
	assert_int_equal(dumps[0][0], 1);
	press(ESC "2");
	assert_ptr_equal(console_focus(), &guests[1]);
}

/* ---- output as it is ---- */

static void the_newest_output_is_shown(void **state)
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
	press(ESC "2");
	assert_non_null(strstr(shown, "prompt.\r\n[two: 3904 bytes are not shown; \"history two\" has the newest]\r\n"
				      "0000488\n0000489\n"));
	assert_string_equal(shown + shown_size - 8, "0000999\n");
	guest_print(&guests[1], "direct");
	assert_string_equal(shown + shown_size - 6, "direct");
	/* More than is kept at all. */
	press(ESC "1");
	for (unsigned i = 0; i < 100000; i++) {
		guest_print(&guests[1], "x");
	}
	forget_shown();
	press(ESC "2");
	assert_non_null(strstr(shown, "[two: 95904 bytes are not shown"));
	assert_memory_equal(shown + shown_size - 4096, "xxxx", 4);
	assert_int_equal(shown[shown_size - 4097], '\n');
}

static void nobody_disturbs_at_the_prompt(void **state)
{
	(void)state;
	guest_print(&guests[0], "before\n");
	press(ESC);
	forget_shown();
	guest_print(&guests[0], "meanwhile\n");
	assert_string_equal(shown, "");
	/* Nor does he wait for somebody who does not read. */
	for (unsigned i = 0; i < 3 * VM_OUTPUT_AHEAD; i++) {
		assert_true(vm_output_ops.put(&guests[0], '.'));
	}
	guest_print(&guests[0], "\nlast\n");
	press(ESC);
	assert_non_null(strstr(shown, "\nlast\n"));
	assert_null(strstr(shown, "meanwhile"));
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
	/* What it may be ahead, and its own FIFO, and then it waits. */
	assert_int_equal(sent, VM_OUTPUT_AHEAD + 16);
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
	press(ESC);
	assert_true((guest_read(&guests[1], PL011_FR) & PL011_FR_TXFE) != 0);
	assert_int_equal(port_ready[0], 1);
	assert_int_equal(port_ready[1], 1);
	press("console one\r");
	for (unsigned i = 0; i < 10000; i++) {
		assert_true(guest_try(&guests[1], 'y'));
	}
	/* Back again: what is kept comes as the UART has room. */
	press(ESC "console two\r");
	assert_true(room_interrupt);
	forget_shown();
	room = 10;
	press("");
	assert_string_equal(shown, "yyyyyyyyyy");
}

/* The number in the last "[NAME: N bytes are not shown" before 'at', if that ends at the line before it. */
static uint64_t told(const char *line, unsigned who)
{
	unsigned long long count = 0;
	char name[8];

	if (sscanf(line, "[%3[a-z]: %llu bytes are not shown;", name, &count) != 2 ||
	    strcmp(name, guests[who].vm.name) != 0) {
		return 0;
	}
	return count;
}

/*
 * VM 'one' prints numbers of six bits with bit 7 set, 'two' such with bit 6 too: in what the UART sent, the
 * hypervisor's own text is the rest. Returns how many of each were shown or told to be left out, after a check that
 * no other is missing, none comes twice and none in the wrong place.
 */
static void check_shown(uint64_t next[VMS])
{
	next[0] = next[1] = 0;
	for (size_t i = 0; i < shown_size; i++) {
		uint8_t byte = (uint8_t)shown[i];

		for (unsigned who = 0; who < VMS && byte == '['; who++) {
			next[who] += told(shown + i, who);
		}
		if (byte >= 0x80) {
			unsigned who = byte >> 6 & 1;

			assert_int_equal(byte & 0x3f, next[who] & 0x3f);
			next[who]++;
		}
	}
}

static void every_byte_is_shown_or_told_of(void **state)
{
	static const char *const words[] = { ESC,       ESC ESC,           ESC "1", ESC "2", ESC "\t", "\r",
					     "history", "history two 5\r", "1",     "vms\r", "x" };
	uint64_t sent[VMS] = { 0 }, seen[VMS];

	(void)state;
	random_seed(20261125);
	for (unsigned i = 0; i < 3000; i++) {
		unsigned who = random_below(VMS);

		switch (random_below(8)) {
		case 0:
			press(words[random_below(ARRAY_SIZE(words))]);
			break;
		case 1:
			room = random_below(3) == 0 ? UINT64_MAX : random_below(200);
			press("");
			break;
		default:
			for (unsigned n = random_below(random_below(50) == 0 ? 9000 : 50); n > 0; n--) {
				uint8_t byte = (uint8_t)(0x80 | who << 6 | (sent[who] & 0x3f));

				sent[who] += vm_output_ops.put(&guests[who], byte);
			}
		}
	}
	room = UINT64_MAX;
	press("\r" ESC ESC ESC "\r1");
	press(ESC ESC "\r" ESC "2");
	press(ESC "1");
	assert_true(shown_size < sizeof(shown) - 1);
	check_shown(seen);
	for (unsigned who = 0; who < VMS; who++) {
		assert_true(sent[who] > 10000);
		assert_true(seen[who] == sent[who]);
	}
}

/* ---- history ---- */

static void history_of_a_vm(void **state)
{
	char text[32];

	(void)state;
	expect("history two", "history two\r\ntrivet> ");
	for (unsigned i = 0; i < 100; i++) {
		snprintf(text, sizeof(text), "%u\r\n", i);
		guest_print(&guests[1], text);
	}
	assert_non_null(strstr(answer("history two 3"), "\r\n97\r\n98\r\n99\r\ntrivet> "));
	press(ESC);
	guest_print(&guests[1], "\x1b[31mlo\x1b[0mgin\x1b[6n: ");
	assert_non_null(strstr(answer("history 2 3"), "\r\n98\r\n99\r\nlogin: \r\ntrivet> "));
	press(ESC);
	assert_non_null(strstr(answer("history two"), "two\r\n81\r\n82"));
	press(ESC);
	assert_non_null(strstr(answer("history two 1000"), "1000\r\n0\r\n1\r\n2\r\n"));
	press(ESC);
	expect("history two 0", "\"0\" is no number of lines.");
	expect("history two x", "\"x\" is no number of lines.");
	expect("history", "Usage: history VM [LINES]");
	expect("history three", "No VM is called");
	/* It changes nothing in what is yet to be shown. */
	forget_shown();
	press(ESC "2");
	assert_non_null(strstr(shown, "0\r\n1\r\n2\r\n"));
}

static void a_long_history_waits_for_the_uart(void **state)
{
	char text[32];

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		snprintf(text, sizeof(text), "%05u\n", i);
		guest_print(&guests[1], text);
	}
	press(ESC);
	forget_shown();
	room = 100;
	press("history two 99999\r");
	assert_null(strstr(shown, "trivet> "));
	/* The VM goes on, and what is lost of its history meanwhile is passed over. */
	for (unsigned i = 0; i < 5000; i++) {
		guest_print(&guests[1], "new\n");
	}
	for (unsigned i = 0; strstr(shown, "trivet> ") == NULL; i++) {
		assert_true(i < 100000);
		assert_true(room_interrupt);
		room = 8;
		press("");
	}
	assert_non_null(strstr(shown, "\r\n12413\r\n12414\r\n"));
	assert_non_null(strstr(shown, "\r\n19998\r\n19999\r\ntrivet> "));
	assert_null(strstr(shown, "new"));
	/* A key ends it, and is taken as ever. */
	forget_shown();
	room = 100;
	press("history two 99999\r");
	room = UINT64_MAX;
	press("v");
	assert_string_equal(shown + shown_size - 9, "trivet> v");
	press("ms\r");
	assert_non_null(strstr(shown, "trivet> vms\r\n"));
	/* Of a history of which nothing is left, nothing is shown, and nothing newer in its place. */
	room = 100;
	forget_shown();
	press("history two 99999\r");
	for (unsigned i = 0; i < VM_TEXT_SIZE; i++) {
		guest_print(&guests[1], "z\n");
	}
	room = UINT64_MAX;
	press("");
	assert_null(strchr(shown, 'z'));
	assert_string_equal(shown + shown_size - 8, "trivet> ");
	press(ESC);
	assert_false(prompt_is_open());
}

/* ---- lines with prefixes ---- */

static void prefix_on(void)
{
	press(ESC "prefix on\r" ESC);
	forget_shown();
}

static void lines_have_prefixes(void **state)
{
	char text[600];

	(void)state;
	expect("prefix", "off");
	guest_print(&guests[0], "half a ");
	prefix_on();
	expect("prefix", "on");
	expect("prefix yes", "It can be on or off.");
	forget_shown();
	guest_print(&guests[0], "line\r\nhello\r\n");
	guest_print(&guests[1], "wor");
	guest_print(&guests[0], "again\n\n");
	assert_string_equal(shown, "one+ line\r\none| hello\r\none| again\r\none| \r\n");
	forget_shown();
	guest_print(&guests[1], "ld\n");
	assert_string_equal(shown, "two| world\r\n");
	/* A line without end is shown when its VM has been quiet for a while, and what follows is marked. */
	forget_shown();
	guest_print(&guests[1], "login: ");
	pass(TICK);
	guest_print(&guests[1], "me");
	pass(TICK);
	assert_string_equal(shown, "");
	pass(TICK);
	assert_string_equal(shown, "two| login: me\r\n");
	pass(10 * TICK);
	guest_print(&guests[1], "\r\npassword: ");
	log_info("x");
	assert_non_null(strstr(shown, "two| login: me\r\n["));
	assert_non_null(strstr(shown, "] x\r\n"));
	forget_shown();
	pass(TICK);
	pass(TICK);
	assert_string_equal(shown, "two| password: \r\n");
	guest_print(&guests[1], "***\r\n");
	assert_string_equal(shown, "two| password: \r\ntwo+ ***\r\n");
	/* So is one that is too long. */
	forget_shown();
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	guest_print(&guests[1], text);
	guest_print(&guests[1], "\n");
	assert_int_equal(shown_size, 599 + 3 * 7);
	assert_memory_equal(shown + 5 + 256, "\r\ntwo+ xx", 9);
	/* Off again, the VM with the console is seen as it is. */
	press(ESC "prefix off\r" ESC);
	forget_shown();
	guest_print(&guests[1], "hidden\n");
	guest_print(&guests[0], "\x1b[1mraw");
	pass(10 * TICK);
	assert_string_equal(shown, "\x1b[1mraw");
}

static void lines_wait_while_somebody_types(void **state)
{
	(void)state;
	prefix_on();
	press(ESC);
	forget_shown();
	guest_print(&guests[1], "a\n");
	assert_string_equal(shown, "\r\ntwo| a\r\n");
	press("mem");
	forget_shown();
	guest_print(&guests[1], "b\n");
	pass(5 * TICK);
	press("ory");
	assert_string_equal(shown, "ory");
	press("\r");
	assert_non_null(strstr(shown, "EL2's own 20 KiB\r\ntrivet> \r\ntwo| b\r\n"));
	/* Keys go to the VM that has the console. */
	guest_enable(&guests[1]);
	press("2k");
	assert_int_equal(guest_read(&guests[1], PL011_DR), 'k');
}

static void a_vm_writes_behind_its_own_name_only(void **state)
{
	(void)state;
	prefix_on();
	guest_print(&guests[0], "10%\r20%\r30%\r\n");
	assert_string_equal(shown, "one| 10%\r\none| 20%\r\none| 30%\r\n");
	forget_shown();
	guest_print(&guests[0], "x\rtwo| forged\n");
	assert_string_equal(shown, "one| x\r\none| two| forged\r\n");
	forget_shown();
	guest_print(&guests[0], "\x1b[1A\x1b[2Kc\b\b\x0b\x0c\x7f\x9b"
				"2J\x1b]0;title\x07"
				"d\x1bPno\x1b\\e\x1b"
				"cf\tg\n");
	assert_string_equal(shown, "one| c?2Jdef\tg\r\n");
	forget_shown();
	/* A sequence without end takes no more than its own line. */
	guest_print(&guests[0], "\x1b]0;never\nnext\n");
	assert_string_equal(shown, "one| \r\none| next\r\n");
	/* What the console does meanwhile changes nothing. */
	forget_shown();
	guest_print(&guests[0], "50%\rone ");
	pass(TICK);
	pass(TICK);
	press(ESC "\r" ESC);
	guest_print(&guests[0], "two\n");
	assert_non_null(strstr(shown, "one| 50%\r\n"));
	assert_non_null(strstr(shown, "\r\none| one \r\n"));
	assert_string_equal(shown + shown_size - 10, "one+ two\r\n");
	/* One that a pause divides stays one. */
	forget_shown();
	guest_print(&guests[0], "ab\x1b[3");
	pass(TICK);
	pass(TICK);
	guest_print(&guests[0], "1mcd\n");
	assert_string_equal(shown, "one| ab\r\none+ cd\r\n");
}

/* How often 'text' stands in what was shown. */
static unsigned count_of(const char *text)
{
	unsigned n = 0;

	for (const char *p = shown; (p = strstr(p, text)) != NULL; p++) {
		n++;
	}
	return n;
}

/* One prints as much as it can, in the shortest lines; the other now and then. */
static void floods_share_the_uart(void **state)
{
	unsigned sent = 0;
	uint64_t flood = 0;

	(void)state;
	prefix_on();
	room = 0;
	for (unsigned i = 0; i < 2000; i++) {
		for (unsigned n = 0; n < 100; n++) {
			flood += vm_output_ops.put(&guests[0], '\n');
		}
		if (i % 2 == 0) {
			guest_print(&guests[1], "hello\n");
			sent++;
		}
		room = 32;
		press("");
		room = 0;
		/* It waits for a line of the other at most: one that has begun, and one in turn. */
		assert_true(sent - count_of("two| hello\r\n") <= 2);
	}
	assert_true(flood > 2000);
	room = UINT64_MAX;
	press("");
	assert_int_equal(count_of("two| hello\r\n"), sent);
	assert_int_equal(count_of("one| \r\n"), flood);
}

/* What a VM's lines are, put together again from what was shown. */
struct told_lines {
	char text[1 << 18];
	size_t size;
};

static void add(struct told_lines *t, const char *text, size_t size)
{
	assert_true(t->size + size < sizeof(t->text));
	memcpy(t->text + t->size, text, size);
	t->size += size;
}

static void read_shown(struct told_lines told_by[VMS], unsigned *logged)
{
	for (char *line = shown; *line != '\0';) {
		char *end = strstr(line, "\r\n");

		assert_non_null(end);
		*end = '\0';
		if (strncmp(line, "one", 3) == 0 || strncmp(line, "two", 3) == 0) {
			struct told_lines *t = &told_by[line[0] == 't'];

			assert_true((line[3] == '|' || line[3] == '+') && line[4] == ' ');
			if (line[3] == '|' && t->size != 0) {
				add(t, "\n", 1);
			}
			add(t, line + 5, (size_t)(end - line) - 5);
		} else if (line[0] == '[') {
			unsigned number;

			assert_int_equal(sscanf(line, "[%*u.%*u] log %u", &number), 1);
			assert_int_equal(number, *logged);
			(*logged)++;
		} else if (*line != '\0' && strncmp(line, "Trivet.", 7) != 0 && strncmp(line, "Console of", 10) != 0) {
			assert_string_equal(line,
					    "trivet> "); /* perhaps ended by what came then, and Enter after that */
		}
		line = end + 2;
	}
}

static void all_lines_of_all_vms(void **state)
{
	static struct told_lines sent[VMS], seen[VMS];
	unsigned logs = 0, logged = 0;
	bool prompt = false;

	(void)state;
	memset(sent, 0, sizeof(sent));
	memset(seen, 0, sizeof(seen));
	random_seed(20261126);
	prefix_on();
	for (unsigned i = 0; i < 4000; i++) {
		unsigned who = random_below(VMS);
		char key[2] = "\t";

		switch (random_below(10)) {
		case 0:
			room = random_below(4) == 0 ? UINT64_MAX : random_below(600);
			press("");
			break;
		case 1:
			pass(random_below(TICK));
			break;
		case 2:
			log_info("log %u", logs++);
			break;
		case 3:
			key[0] = prompt ? "\r\t12"[random_below(4)] : ESC[0];
			press(key);
			prompt = prompt_is_open();
			break;
		default:
			for (unsigned n = random_below(random_below(9) == 0 ? 600 : 30); n > 0; n--) {
				uint8_t byte = (uint8_t)(random_below(30) == 0 ? '\n' : 'a' + random_below(26));

				/* No empty ones: what becomes of one depends on when a part before it was shown. */
				if (byte == '\n' &&
				    (sent[who].size == 0 || sent[who].text[sent[who].size - 1] == '\n')) {
					continue;
				}
				if (!vm_output_ops.put(&guests[who], byte)) {
					break;
				}
				add(&sent[who], (char *)&byte, 1);
			}
		}
	}
	room = UINT64_MAX;
	if (prompt) {
		press(ESC);
	}
	for (unsigned who = 0; who < VMS; who++) {
		assert_true(vm_output_ops.put(&guests[who], '.'));
		assert_true(vm_output_ops.put(&guests[who], '\n'));
		add(&sent[who], ".", 1);
	}
	press("");
	assert_int_equal(shown[shown_size - 1], '\n');
	read_shown(seen, &logged);
	assert_int_equal(logged, logs);
	for (unsigned who = 0; who < VMS; who++) {
		assert_true(sent[who].size > 8000);
		assert_int_equal(seen[who].size, sent[who].size);
		assert_memory_equal(seen[who].text, sent[who].text, sent[who].size);
	}
}

/* ---- several CPUs ---- */

#define LINES_EACH 4000

static pthread_barrier_t writers_ready;

static void *write_lines(void *arg)
{
	struct hyp_vm *vm = arg;
	char text[32];

	pthread_barrier_wait(&writers_ready);
	for (unsigned i = 0; i < LINES_EACH; i++) {
		snprintf(text, sizeof(text), "line %u\n", i);
		for (const char *p = text; *p != '\0'; p++) {
			while (!vm_output_ops.put(vm, (uint8_t)*p)) {
			}
		}
	}
	return NULL;
}

static void several_cpus_print_lines(void **state)
{
	unsigned next[VMS] = { 0 };
	pthread_t threads[VMS];

	(void)state;
	prefix_on();
	assert_int_equal(pthread_barrier_init(&writers_ready, NULL, VMS), 0);
	for (unsigned i = 0; i < VMS; i++) {
		assert_int_equal(pthread_create(&threads[i], NULL, write_lines, &guests[i]), 0);
	}
	for (unsigned i = 0; i < VMS; i++) {
		pthread_join(threads[i], NULL);
	}
	for (char *line = shown; *line != '\0'; line = strstr(line, "\r\n") + 2) {
		unsigned who = line[0] == 't', number;

		assert_int_equal(sscanf(line + 3, "| line %u\r\n", &number), 1);
		assert_int_equal(number, next[who]++);
	}
	assert_int_equal(next[0], LINES_EACH);
	assert_int_equal(next[1], LINES_EACH);
}

#define WRITES 400000

static void *write_numbers(void *arg)
{
	uint8_t high = (uint8_t)((uintptr_t)arg << 7);

	pthread_barrier_wait(&writers_ready);
	for (uint32_t i = 0; i < WRITES; i++) {
		vm_output_ops.put(&guests[1], high | (i & 0x7f));
	}
	return NULL;
}

/* Two devices of one VM, on two CPUs: what is kept is the end of both, in order. */
static void several_devices_print_at_once(void **state)
{
	const struct vm_text *text = &guests[1].output.text;
	uint8_t next[2];
	bool known[2] = { false, false };
	pthread_t threads[2];

	(void)state;
	assert_int_equal(pthread_barrier_init(&writers_ready, NULL, 2), 0);
	for (uintptr_t i = 0; i < 2; i++) {
		assert_int_equal(pthread_create(&threads[i], NULL, write_numbers, (void *)i), 0);
	}
	for (unsigned i = 0; i < 2; i++) {
		pthread_join(threads[i], NULL);
	}
	assert_int_equal(text->end, 2 * WRITES);
	for (uint64_t at = vm_text_oldest(text); at != text->end; at++) {
		uint8_t byte = vm_text_at(text, at);
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
		cmocka_unit_test_setup_teardown(each_life_command_reaches_its_vm, setup, teardown),
		cmocka_unit_test_setup_teardown(registers_of_a_vcpu, setup, teardown),
		cmocka_unit_test_setup_teardown(wrong_lines, setup, teardown),
		cmocka_unit_test_setup_teardown(editing_a_line, setup, teardown),
		cmocka_unit_test_setup_teardown(no_key_of_a_terminal_is_typed, setup, teardown),
		cmocka_unit_test_setup_teardown(the_prompt_begins_with_a_terminal_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(any_keys, setup, teardown),
		cmocka_unit_test_setup_teardown(keys_reach_the_chosen_device, setup, teardown),
		cmocka_unit_test_setup_teardown(a_key_changes_the_console, setup, teardown),
		cmocka_unit_test_setup_teardown(a_vm_is_named_or_numbered, setup, teardown),
		cmocka_unit_test_setup_teardown(the_newest_output_is_shown, setup, teardown),
		cmocka_unit_test_setup_teardown(nobody_disturbs_at_the_prompt, setup, teardown),
		cmocka_unit_test_setup_teardown(a_slow_uart_holds_the_guest_not_el2, setup, teardown),
		cmocka_unit_test_setup_teardown(nobody_waits_for_a_console_that_he_has_not, setup, teardown),
		cmocka_unit_test_setup_teardown(every_byte_is_shown_or_told_of, setup, teardown),
		cmocka_unit_test_setup_teardown(history_of_a_vm, setup, teardown),
		cmocka_unit_test_setup_teardown(a_long_history_waits_for_the_uart, setup, teardown),
		cmocka_unit_test_setup_teardown(lines_have_prefixes, setup, teardown),
		cmocka_unit_test_setup_teardown(lines_wait_while_somebody_types, setup, teardown),
		cmocka_unit_test_setup_teardown(a_vm_writes_behind_its_own_name_only, setup, teardown),
		cmocka_unit_test_setup_teardown(floods_share_the_uart, setup, teardown),
		cmocka_unit_test_setup_teardown(all_lines_of_all_vms, setup, teardown),
		cmocka_unit_test_setup_teardown(several_cpus_print_lines, setup, teardown),
		cmocka_unit_test_setup_teardown(several_devices_print_at_once, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
