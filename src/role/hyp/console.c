/* SPDX-License-Identifier: MIT */
#include "role/hyp/console.h"

#include "arch/atomic.h"
#include "core/mm/pool.h"
#include "core/port/firmware.h"
#include "core/port/host.h"
#include "core/sys/console.h"
#include "core/vcpu/esr.h"
#include "core/vcpu/run.h"
#include "lib/str.h"
#include "role/hyp/dev/pl011.h"
#include "role/hyp/dev/virtio_console.h"
#include "role/hyp/networks.h"

#define ESCAPE 0x1d /* Ctrl-] */
#define CTRL_U 0x15
#define BACKSPACE 0x08
#define DELETE 0x7f
#define LINE_MAX 80
#define WORDS_MAX 4
#define PROMPT "trivet> "

static struct hyp_vm *focus; /* atomic pointer: the CPU that takes the UART's interrupt changes it */

/* The rest is that CPU's alone. */
static struct hyp_vm *next_focus;       /* whom a command has chosen */
static struct virtio_device *key_port;  /* the port of 'next_focus' that gets the keys; NULL: its PL011 */
static bool at_prompt;
static char line[LINE_MAX];
static unsigned line_length;

/* ---- what VMs print ---- */

/* The newest replaces the oldest. */
static void remember(struct hyp_vm *vm, uint8_t byte)
{
	uint8_t oldest;

	if (ring_full(&vm->output)) {
		ring_get(&vm->output, &oldest);
	}
	ring_put(&vm->output, byte);
}

/*
 * Output of the VM that has the console appears; what the UART has no room for waits, until there is too much of it and
 * the device has to wait. Of the others, the newest VM_OUTPUT_SIZE bytes are kept.
 */
static bool vm_put(void *ctx, uint8_t byte)
{
	struct hyp_vm *vm = ctx;
	bool taken = true;

	spin_lock(&vm->output_lock);
	if (atomic_load(&focus) != vm) {
		remember(vm, byte);
	} else if (!ring_empty(&vm->output) || !console_try_raw((char)byte)) {
		taken = ring_put(&vm->output, byte);
		vm->output_refused |= !taken;
	}
	spin_unlock(&vm->output_lock);
	return taken;
}

const struct chardev_ops console_vm_ops = { .put = vm_put };

/* If there is room now, the devices that were refused a byte may go on. */
static void resume_output(struct hyp_vm *vm)
{
	bool resume;

	spin_lock(&vm->output_lock);
	resume = vm->output_refused && (atomic_load(&focus) != vm || !ring_full(&vm->output));
	if (resume) {
		vm->output_refused = false;
	}
	spin_unlock(&vm->output_lock);
	if (!resume) {
		return;
	}
	pl011_tx_ready(vm->uart);
	for (unsigned i = 0; i < vm->config->device_count; i++) {
		if (vm->config->devices[i].kind == VM_DEVICE_CONSOLE) {
			virtio_console_tx_ready(vm->virtio[i]);
		}
	}
}

/* As much as the UART has room for; it interrupts when there is more. */
static void show_output(struct hyp_vm *vm)
{
	uint8_t byte;

	spin_lock(&vm->output_lock);
	while (ring_peek(&vm->output, &byte) && console_try_raw((char)byte)) {
		ring_get(&vm->output, &byte);
	}
	spin_unlock(&vm->output_lock);
	resume_output(vm);
}

static void set_focus(struct hyp_vm *vm)
{
	struct hyp_vm *old = focus;

	atomic_store(&focus, vm);
	show_output(vm);
	if (old != NULL) {
		resume_output(old);
	}
}

/* ---- commands ---- */

struct command {
	const char *name;
	const char *arguments;
	const char *help;
	unsigned min, max; /* arguments */
	void (*run)(struct fmt_sink *out, char **words, unsigned count);
};

static const char *state_name(uint32_t state)
{
	static const char *const names[] = { "off", "ready", "running", "waiting", "stopped" };

	return state < ARRAY_SIZE(names) ? names[state] : "?";
}

static const char *phase_name(uint32_t phase)
{
	static const char *const names[] = { "down", "running", "stopping" };

	return phase < ARRAY_SIZE(names) ? names[phase] : "?";
}

static bool parse_number(const char *word, unsigned *out)
{
	unsigned value = 0;

	if (*word == '\0') {
		return false;
	}
	for (; *word != '\0'; word++) {
		if (*word < '0' || *word > '9' || value > 100000) {
			return false;
		}
		value = value * 10 + (unsigned)(*word - '0');
	}
	*out = value;
	return true;
}

static struct hyp_vm *find_vm(struct fmt_sink *out, const char *name)
{
	list_for_each (node, &vms) {
		struct hyp_vm *vm = list_entry(node, struct hyp_vm, node);

		if (strcmp(vm->vm.name, name) == 0) {
			return vm;
		}
	}
	fmt_print(out, "No VM is called \"%s\"; \"vms\" lists them.\n", name);
	return NULL;
}

static void print_milliseconds(struct fmt_sink *out, uint64_t ticks)
{
	uint64_t per_ms = MAX(read_cntfrq_el0() / 1000, UINT64_C(1));

	fmt_print(out, "%10llu ms", (unsigned long long)(ticks / per_ms));
}

static void run_vms(struct fmt_sink *out, char **words unused_arg, unsigned count unused_arg)
{
	fmt_print(out, "%-16s %-9s %6s %10s %10s\n", "VM", "state", "vCPUs", "memory", "tables");
	list_for_each (node, &vms) {
		const struct hyp_vm *vm = list_entry(node, struct hyp_vm, node);

		fmt_print(out, "%-16s %-9s %6u %6llu MiB %6llu KiB%s\n", vm->vm.name,
			  phase_name(atomic_load(&vm->phase)), vm->vm.vcpu_count,
			  (unsigned long long)vm->config->memory_size >> 20,
			  (unsigned long long)vm->vm.stage2.table.pages * 4, vm == focus ? "  (console)" : "");
	}
}

static void print_exits(struct fmt_sink *out, const struct vcpu *v)
{
	static const struct {
		uint8_t ec;
		const char *name;
	} classes[] = {
		{ EC_WFX, "wfx" },         { EC_FP, "fp" },         { EC_HVC64, "hvc" },
		{ EC_SMC64, "smc" },       { EC_SYSREG, "sysreg" }, { EC_IABT_LOWER, "iabort" },
		{ EC_DABT_LOWER, "mmio" },
	};
	uint64_t named = 0;
	uint64_t all = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(v->stats.exits_by_ec); i++) {
		all += v->stats.exits_by_ec[i];
	}
	for (unsigned i = 0; i < ARRAY_SIZE(classes); i++) {
		uint64_t n = v->stats.exits_by_ec[classes[i].ec];

		named += n;
		if (n != 0) {
			fmt_print(out, " %s %llu", classes[i].name, (unsigned long long)n);
		}
	}
	if (all != named) {
		fmt_print(out, " other %llu", (unsigned long long)(all - named));
	}
	fmt_print(out, " irq %llu\n", (unsigned long long)v->stats.irqs);
}

static void run_vcpus(struct fmt_sink *out, char **words unused_arg, unsigned count unused_arg)
{
	fmt_print(out, "%-16s %4s %4s %-8s %s\n", "VM", "vCPU", "CPU", "state", "exits by reason");
	list_for_each (node, &vms) {
		const struct hyp_vm *vm = list_entry(node, struct hyp_vm, node);

		for (unsigned i = 0; i < vm->vm.vcpu_count; i++) {
			const struct vcpu *v = vm->vm.vcpus[i];

			fmt_print(out, "%-16s %4u %4u %-8s", vm->vm.name, i, v->cpu->index,
				  state_name(atomic_load(&v->state)));
			print_exits(out, v);
		}
	}
}

static void run_cpus(struct fmt_sink *out, char **words unused_arg, unsigned count unused_arg)
{
	fmt_print(out, "%3s %12s %6s %13s %13s %13s\n", "CPU", "MPIDR", "vCPUs", "guest", "hypervisor", "idle");
	for (unsigned i = 0; i < cpu_count; i++) {
		const struct cpu *cpu = cpus[i];

		fmt_print(out, "%3u %12llx %6u ", i, (unsigned long long)cpu->mpidr, cpu->vcpu_count);
		for (unsigned kind = 0; kind < CPU_TIME_COUNT; kind++) {
			uint64_t ticks = cpu->time[kind];

			/* The present stretch is not booked yet. */
			if (kind == (unsigned)cpu->time_kind) {
				ticks += read_cntpct_el0() - cpu->time_since;
			}
			print_milliseconds(out, ticks);
			fmt_print(out, " ");
		}
		fmt_print(out, "\n");
	}
}

static void run_memory(struct fmt_sink *out, char **words unused_arg, unsigned count unused_arg)
{
	struct pool_stats stats;

	pool_stats(&stats);
	fmt_print(out, "RAM %llu KiB, free %llu KiB (largest piece %llu KiB), EL2's own %llu KiB\n",
		  (unsigned long long)stats.total_pages * 4, (unsigned long long)stats.free_pages * 4,
		  (unsigned long long)stats.largest_free * 4, (unsigned long long)stats.el2_pages * 4);
}

static void run_switches(struct fmt_sink *out, char **words unused_arg, unsigned count unused_arg)
{
	list_for_each (node, &networks) {
		const struct net_switch *sw = list_entry(node, struct net_switch, node);
		const struct net_switch_counters *c = &sw->counters;

		fmt_print(out, "%s: forwarded %llu, flooded %llu, dropped %llu, learned %llu, DHCP %llu\n", sw->name,
			  (unsigned long long)c->forwarded, (unsigned long long)c->flooded,
			  (unsigned long long)c->dropped, (unsigned long long)c->learned, (unsigned long long)c->dhcp);
		for (unsigned i = 0; i < sw->port_count; i++) {
			const struct net_counters *n = &sw->ports[i]->port->counters;

			fmt_print(out, "  %-32s tx %llu (dropped %llu, waited %llu)  rx %llu (dropped %llu)%s\n",
				  sw->ports[i]->name, (unsigned long long)n->tx_frames,
				  (unsigned long long)n->tx_dropped, (unsigned long long)n->tx_waits,
				  (unsigned long long)n->rx_frames, (unsigned long long)n->rx_dropped,
				  sw->ports[i]->stuck ? "  stuck" : "");
		}
	}
}

static void run_regs(struct fmt_sink *out, char **words, unsigned count)
{
	struct hyp_vm *vm = find_vm(out, words[1]);
	unsigned index = 0;

	if (vm == NULL) {
		return;
	}
	if (count > 2 && !(parse_number(words[2], &index) && index < vm->vm.vcpu_count)) {
		fmt_print(out, "%s has vCPUs 0 to %u.\n", vm->vm.name, vm->vm.vcpu_count - 1);
		return;
	}
	/* Its own CPU prints them, when it is out of the guest. */
	vcpu_request(vm->vm.vcpus[index], VCPU_REQ_DUMP);
}

static void run_loglevel(struct fmt_sink *out, char **words, unsigned count)
{
	static const char *const names[] = { "error", "warn", "info", "debug" };

	if (count == 1) {
		fmt_print(out, "%s\n", names[log_level_get()]);
		return;
	}
	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcmp(words[1], names[i]) == 0) {
			log_level_set((enum log_level)i);
			return;
		}
	}
	fmt_print(out, "Levels are error, warn, info and debug.\n");
}

/* The virtio-console of that name. */
static struct virtio_device *find_port(struct fmt_sink *out, const struct hyp_vm *vm, const char *name)
{
	for (unsigned i = 0; i < vm->config->device_count; i++) {
		const struct vm_device_config *device = &vm->config->devices[i];

		if (device->kind == VM_DEVICE_CONSOLE && strcmp(device->name, name) == 0) {
			return vm->virtio[i];
		}
	}
	fmt_print(out, "%s has no virtio-console \"%s\".\n", vm->vm.name, name);
	return NULL;
}

static void run_console(struct fmt_sink *out, char **words, unsigned count)
{
	struct hyp_vm *vm = count > 1 ? find_vm(out, words[1]) : focus;
	struct virtio_device *port = count > 2 && vm != NULL ? find_port(out, vm, words[2]) : NULL;

	if (vm == NULL || (count > 2 && port == NULL)) {
		return;
	}
	at_prompt = false;
	next_focus = vm;
	if (count > 1) {
		key_port = port;
	}
	fmt_print(out, "Console of %s; Ctrl-] for the prompt.\n", vm->vm.name);
}

static void run_quit(struct fmt_sink *out, char **words unused_arg, unsigned count unused_arg)
{
	fmt_print(out, "The machine powers off.\n");
	firmware_system_off();
	fmt_print(out, "The firmware refused.\n");
}

static void run_help(struct fmt_sink *out, char **words, unsigned count);

static const struct command commands[] = {
	{ "help", "", "this list", 0, 0, run_help },
	{ "vms", "", "the VMs and their state", 0, 0, run_vms },
	{ "vcpus", "", "all vCPUs: where, state, exits by reason", 0, 0, run_vcpus },
	{ "cpus", "", "physical CPUs: time in guest, hypervisor and idle", 0, 0, run_cpus },
	{ "memory", "", "the page pool", 0, 0, run_memory },
	{ "switches", "", "the switches, their ports and counters", 0, 0, run_switches },
	{ "regs", "VM [VCPU]", "registers of a vCPU", 1, 2, run_regs },
	{ "loglevel", "[LEVEL]", "show or set: error, warn, info, debug", 0, 1, run_loglevel },
	{ "console", "[VM [PORT]]", "back to a VM's console; keys go to that virtio-console", 0, 2, run_console },
	{ "quit", "", "power the machine off", 0, 0, run_quit },
};

static void run_help(struct fmt_sink *out, char **words unused_arg, unsigned count unused_arg)
{
	for (unsigned i = 0; i < ARRAY_SIZE(commands); i++) {
		fmt_print(out, "  %-9s %-11s %s\n", commands[i].name, commands[i].arguments, commands[i].help);
	}
}

static void run_line(struct fmt_sink *out)
{
	char *words[WORDS_MAX + 1];
	unsigned count = 0;
	char *p = line;

	line[line_length] = '\0';
	line_length = 0;
	while (*p != '\0' && count < ARRAY_SIZE(words)) {
		while (*p == ' ') {
			*p++ = '\0';
		}
		if (*p == '\0') {
			break;
		}
		words[count++] = p;
		while (*p != '\0' && *p != ' ') {
			p++;
		}
	}
	if (count == 0) {
		return;
	}
	for (unsigned i = 0; i < ARRAY_SIZE(commands); i++) {
		const struct command *command = &commands[i];

		if (strcmp(words[0], command->name) != 0) {
			continue;
		}
		if (count - 1 < command->min || count - 1 > command->max) {
			fmt_print(out, "Usage: %s %s\n", command->name, command->arguments);
		} else {
			command->run(out, words, count);
		}
		return;
	}
	fmt_print(out, "\"%s\" is no command; \"help\" lists them.\n", words[0]);
}

/* ---- the keyboard ---- */

static void prompt_key(uint8_t key)
{
	struct fmt_sink *out = console_begin();

	if (key == '\r' || key == '\n') {
		fmt_print(out, "\n");
		run_line(out);
		if (at_prompt) {
			fmt_print(out, PROMPT);
		}
	} else if (key == ESCAPE) {
		char *words[] = { NULL };

		fmt_print(out, "\n");
		run_console(out, words, 1);
	} else if ((key == BACKSPACE || key == DELETE) && line_length > 0) {
		line_length--;
		fmt_print(out, "\b \b");
	} else if (key == CTRL_U) {
		for (; line_length > 0; line_length--) {
			fmt_print(out, "\b \b");
		}
	} else if (key >= ' ' && key < DELETE && line_length < LINE_MAX - 1) {
		line[line_length++] = (char)key;
		fmt_print(out, "%c", key);
	}
	console_end();
	/* Without the console: the VM's lock comes before it. */
	if (next_focus != focus) {
		set_focus(next_focus);
	}
}

static void open_prompt(void)
{
	struct fmt_sink *out = console_begin();

	at_prompt = true;
	line_length = 0;
	console_fresh_line();
	fmt_print(out, "Trivet. \"help\" lists the commands, Ctrl-] goes back.\n" PROMPT);
	console_end();
}

static void guest_key(uint8_t key)
{
	/* With no room left the key is lost, as on a UART that nobody reads. */
	if (key_port != NULL) {
		virtio_console_input(key_port, key);
	} else if (focus != NULL) {
		pl011_input(focus->uart, key);
	}
}

void console_interrupt(void)
{
	int key;

	console_begin();
	console_clear_output_interrupt();
	console_end();
	if (focus != NULL) {
		show_output(focus);
	}
	while ((key = console_getc()) >= 0) {
		if (at_prompt) {
			prompt_key((uint8_t)key);
		} else if (key == ESCAPE) {
			open_prompt();
		} else {
			guest_key((uint8_t)key);
		}
	}
}

void console_init(void)
{
	if (!list_empty(&vms)) {
		next_focus = focus = list_entry(vms.next, struct hyp_vm, node);
	}
	console_enable_interrupts();
}

void console_dump(struct vcpu *v)
{
	struct fmt_sink *out = console_begin();
	bool loaded = v->cpu->current == v;

	console_fresh_line();
	fmt_print(out, "%s/%u on CPU %u, %s\n", v->vm->name, v->index, v->cpu->index, state_name(v->state));
	for (unsigned i = 0; i < 31; i++) {
		fmt_print(out, "x%-2u %016llx%s", i, (unsigned long long)v->regs.x[i], i % 4 == 3 ? "\n" : "  ");
	}
	fmt_print(out, "pc  %016llx\npstate %08llx  last exit esr %08llx\n", (unsigned long long)v->regs.pc,
		  (unsigned long long)v->regs.pstate, (unsigned long long)v->regs.esr);
	fmt_print(out,
		  "sctlr %llx  ttbr0 %llx  ttbr1 %llx  tcr %llx\nvbar %llx  elr %llx  spsr %llx  esr %llx  far %llx\n",
		  (unsigned long long)(loaded ? guest_read_sctlr() : v->el1.sctlr),
		  (unsigned long long)(loaded ? guest_read_ttbr0() : v->el1.ttbr0),
		  (unsigned long long)(loaded ? guest_read_ttbr1() : v->el1.ttbr1),
		  (unsigned long long)(loaded ? guest_read_tcr() : v->el1.tcr),
		  (unsigned long long)(loaded ? guest_read_vbar() : v->el1.vbar),
		  (unsigned long long)(loaded ? guest_read_elr() : v->el1.elr),
		  (unsigned long long)(loaded ? guest_read_spsr() : v->el1.spsr),
		  (unsigned long long)(loaded ? guest_read_esr() : v->el1.esr),
		  (unsigned long long)(loaded ? guest_read_far() : v->el1.far));
	console_end();
}
