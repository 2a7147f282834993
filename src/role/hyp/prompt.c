/* SPDX-License-Identifier: MIT */
#include "role/hyp/prompt.h"

#include "core/port/firmware.h"
#include "core/sys/console.h"
#include "core/vcpu/run.h"
#include "lib/escape.h"
#include "lib/str.h"
#include "role/hyp/console.h"
#include "role/hyp/prompt_show.h"

#define CTRL_U 0x15
#define BACKSPACE 0x08
#define DELETE 0x7f
#define LINE_MAX 80
#define WORDS_MAX 4
#define PROMPT "trivet> "
#define HISTORY_LINES 20

/*
 * What a VM that had the terminal may have done to it must not hide the prompt, nor type there: this ends a sequence
 * without end, resets modes (DECSTR), characters and colours, where that is not known too, shows the cursor, and turns
 * off what reports the mouse, the focus and pasted text.
 */
#define TERMINAL_RESET "\x1b\\\x1b[!p\x0f\x1b(B\x1b[m\x1b[?7;25h\x1b[?1000;1002;1003;1004;2004l"

static bool is_open;
static char line[LINE_MAX];
static unsigned line_length;
static uint8_t escape; /* inside an escape sequence that is typed */

/* ---- output ---- */

/*
 * An answer goes out line by line, since a command runs without the console's lock: it may take any other, and write to
 * the log.
 */
static char answer[CONSOLE_LINE_MAX];
static unsigned answer_length;

static void flush(void)
{
	if (answer_length != 0) {
		fmt_print(console_begin(), "%.*s", (int)answer_length, answer);
		console_end();
		answer_length = 0;
	}
}

static void answer_put(struct fmt_sink *sink unused_arg, char c)
{
	answer[answer_length++] = c;
	if (c == '\n' || answer_length == sizeof(answer)) {
		flush();
	}
}

static struct fmt_sink answer_sink = { .put = answer_put };

void prompt_show(void)
{
	if (is_open) {
		struct fmt_sink *out = console_begin();

		console_fresh_line();
		fmt_print(out, PROMPT);
		console_end();
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

/* The VM of that number, from 1, or NULL. */
static struct hyp_vm *vm_by_number(unsigned number)
{
	list_for_each (node, &vms) {
		if (--number == 0) {
			return list_entry(node, struct hyp_vm, node);
		}
	}
	return NULL;
}

/* By its name or its number. */
static struct hyp_vm *find_vm(struct fmt_sink *out, const char *word)
{
	struct hyp_vm *vm = NULL;
	unsigned number;

	list_for_each (node, &vms) {
		struct hyp_vm *other = list_entry(node, struct hyp_vm, node);

		if (strcmp(other->vm.name, word) == 0) {
			return other;
		}
	}
	if (parse_number(word, &number) && number != 0) {
		vm = vm_by_number(number);
	}
	if (vm == NULL) {
		fmt_print(out, "No VM is called \"%s\"; \"vms\" lists them.\n", word);
	}
	return vm;
}

static void run_life(struct fmt_sink *out, char **words, const char *(*ask)(struct hyp_vm *vm))
{
	struct hyp_vm *vm = find_vm(out, words[1]);
	const char *why = vm != NULL ? ask(vm) : NULL;

	if (why != NULL) {
		fmt_print(out, "Cannot %s %s: %s.\n", words[0], vm->vm.name, why);
	}
}

#define LIFE_COMMAND(name)                                                                    \
	static void run_##name(struct fmt_sink *out, char **words, unsigned count unused_arg) \
	{                                                                                     \
		run_life(out, words, vm_##name);                                              \
	}
LIFE_COMMAND(start)
LIFE_COMMAND(stop)
LIFE_COMMAND(reset)
LIFE_COMMAND(pause)
LIFE_COMMAND(resume)
LIFE_COMMAND(destroy)

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

static void say_console(struct fmt_sink *out, const struct hyp_vm *vm)
{
	fmt_print(out, "Console of %s; Ctrl-] for the prompt.\n", vm->vm.name);
}

/* Back to where the keys went before. */
static void leave(struct fmt_sink *out)
{
	if (console_focus() == NULL) {
		fmt_print(out, "There are no VMs.\n");
		return;
	}
	say_console(out, console_focus());
	prompt_close();
}

static void go(struct fmt_sink *out, struct hyp_vm *vm, struct virtio_device *port)
{
	say_console(out, vm);
	console_go(vm, port);
}

static void run_console(struct fmt_sink *out, char **words, unsigned count)
{
	struct hyp_vm *vm = count > 1 ? find_vm(out, words[1]) : NULL;
	struct virtio_device *port = count > 2 && vm != NULL ? find_port(out, vm, words[2]) : NULL;

	if (count == 1) {
		leave(out);
	} else if (vm != NULL && (count == 2 || port != NULL)) {
		go(out, vm, port);
	}
}

static void run_history(struct fmt_sink *out, char **words, unsigned count)
{
	struct hyp_vm *vm = find_vm(out, words[1]);
	unsigned lines = HISTORY_LINES;

	if (count > 2 && !(parse_number(words[2], &lines) && lines != 0)) {
		fmt_print(out, "\"%s\" is no number of lines.\n", words[2]);
	} else if (vm != NULL) {
		console_history(vm, lines);
	}
}

static void run_prefix(struct fmt_sink *out, char **words, unsigned count)
{
	bool on = count > 1 && strcmp(words[1], "on") == 0;

	if (count == 1) {
		fmt_print(out, "%s\n", console_prefix() ? "on" : "off");
	} else if (on || strcmp(words[1], "off") == 0) {
		console_set_prefix(on);
	} else {
		fmt_print(out, "It can be on or off.\n");
	}
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
	{ "vms", "", "the VMs, their numbers and state", 0, 0, show_vms },
	{ "vcpus", "", "all vCPUs: where, state, exits by reason", 0, 0, show_vcpus },
	{ "cpus", "", "physical CPUs: time in guest, hypervisor and idle", 0, 0, show_cpus },
	{ "memory", "", "the page pool", 0, 0, show_memory },
	{ "switches", "", "the switches, their ports and counters", 0, 0, show_switches },
	{ "shared", "", "the shared memories, their peers and counters", 0, 0, show_shared },
	{ "start", "VM", "start a VM that is down or destroyed", 1, 1, run_start },
	{ "stop", "VM", "end a VM at once, as if its power were cut", 1, 1, run_stop },
	{ "reset", "VM", "start a VM again from its images", 1, 1, run_reset },
	{ "pause", "VM", "keep a VM from running; its virtual time stands still", 1, 1, run_pause },
	{ "resume", "VM", "let a paused VM go on", 1, 1, run_resume },
	{ "destroy", "VM", "scrub the memory of a VM that is down, and give it back", 1, 1, run_destroy },
	{ "regs", "VM [VCPU]", "registers of a vCPU", 1, 2, run_regs },
	{ "console", "[VM [PORT]]", "back to a VM's console; keys go to that virtio-console", 0, 2, run_console },
	{ "history", "VM [LINES]", "what a VM printed last; a key ends it", 1, 2, run_history },
	{ "prefix", "[on|off]", "all VMs' output in lines, each behind the VM's name", 0, 1, run_prefix },
	{ "loglevel", "[LEVEL]", "show or set: error, warn, info, debug", 0, 1, run_loglevel },
	{ "quit", "", "power the machine off", 0, 0, run_quit },
};

static void run_help(struct fmt_sink *out, char **words unused_arg, unsigned count unused_arg)
{
	for (unsigned i = 0; i < ARRAY_SIZE(commands); i++) {
		fmt_print(out, "  %-9s %-11s %s\n", commands[i].name, commands[i].arguments, commands[i].help);
	}
	fmt_print(out, "A VM is named, or given by its number. On an empty line, 1 to 9 go to that VM's console,\n"
		       "Tab to the next VM's, Ctrl-] back.\n");
}

/* Cuts the line into words; returns how many, at most 'max'. */
static unsigned split(char **words, unsigned max)
{
	unsigned count = 0;
	char *p = line;

	for (;;) {
		while (*p == ' ') {
			*p++ = '\0';
		}
		if (*p == '\0' || count == max) {
			return count;
		}
		words[count++] = p;
		while (*p != '\0' && *p != ' ') {
			p++;
		}
	}
}

static void run_line(struct fmt_sink *out)
{
	char *words[WORDS_MAX];
	unsigned count;

	line[line_length] = '\0';
	line_length = 0;
	count = split(words, ARRAY_SIZE(words));
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

/* ---- keys ---- */

/* A key that does something at once, on an empty line. False: it is another one. */
static bool short_cut(struct fmt_sink *out, uint8_t key)
{
	struct hyp_vm *focus = console_focus();
	struct list *next;

	if (key >= '1' && key <= '9') {
		struct hyp_vm *vm = vm_by_number((unsigned)(key - '0'));

		fmt_print(out, "\n");
		if (vm != NULL) {
			go(out, vm, NULL);
		} else {
			fmt_print(out, "There is no VM %c; \"vms\" lists them.\n", key);
		}
		return true;
	}
	if (key == '\t' && focus != NULL) {
		next = focus->node.next != &vms ? focus->node.next : vms.next;
		fmt_print(out, "\n");
		go(out, list_entry(next, struct hyp_vm, node), NULL);
		return true;
	}
	return false;
}

static void edit(struct fmt_sink *out, uint8_t key)
{
	if ((key == BACKSPACE || key == DELETE) && line_length > 0) {
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
}

void prompt_key(uint8_t key)
{
	struct fmt_sink *out = &answer_sink;
	bool done = true;

	/* A function key, or the answer of a terminal that a VM has asked something. */
	if (key != PROMPT_ESCAPE && escape_takes(&escape, key)) {
		return;
	}
	if (key == '\r' || key == '\n') {
		fmt_print(out, "\n");
		run_line(out);
	} else if (key == PROMPT_ESCAPE) {
		fmt_print(out, "\n");
		leave(out);
	} else if (line_length != 0 || !short_cut(out, key)) {
		edit(out, key);
		done = false;
	}
	flush();
	if (done && !console_in_history()) {
		prompt_show();
	}
}

void prompt_open(void)
{
	struct fmt_sink *out = console_begin();

	is_open = true;
	escape = 0;
	console_fresh_line();
	if (!console_prefix()) {
		fmt_print(out, TERMINAL_RESET);
	}
	fmt_print(out,
		  "Trivet. \"help\" lists the commands; 1-9: that VM's console, Tab: the next one's, Ctrl-]: back.\n");
	console_end();
	prompt_show();
}

void prompt_close(void)
{
	is_open = false;
	line_length = 0;
}

bool prompt_is_open(void)
{
	return is_open;
}

bool prompt_is_typing(void)
{
	return line_length != 0;
}
