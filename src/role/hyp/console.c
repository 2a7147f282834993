/* SPDX-License-Identifier: MIT */
#include "role/hyp/console.h"

#include "core/port/host.h"
#include "core/sys/console.h"
#include "core/vcpu/cpu.h"
#include "role/hyp/dev/pl011.h"
#include "role/hyp/dev/virtio_console.h"
#include "role/hyp/prompt.h"

#define TICK_MS 250 /* a line without end waits one to two of them in prefix mode */

static struct hyp_vm *focus;
static struct virtio_device *key_port; /* the port of 'focus' that gets the keys; NULL: its PL011 */
static bool prefix;
static bool at_work; /* a key of the prompt is being answered */
static struct timer tick;

/* What 'history' still has to show; no VM: nothing. */
static struct {
	struct hyp_vm *vm;
	struct vm_text_place place;
	uint64_t end;
} replay;

/* ---- who is seen ---- */

/*
 * At the prompt nobody disturbs, and nobody waits for a reader who is busy with something else. Whole lines do not
 * disturb, unless somebody is typing.
 */
static enum vm_view view_of(const struct hyp_vm *vm)
{
	if (at_work || replay.vm != NULL || (prompt_is_open() && (!prefix || prompt_is_typing()))) {
		return VM_HIDDEN;
	}
	if (prefix) {
		return VM_LINES;
	}
	return vm == focus ? VM_RAW : VM_HIDDEN;
}

static void update_views(void)
{
	list_for_each (node, &vms) {
		struct hyp_vm *vm = list_entry(node, struct hyp_vm, node);

		vm_output_view(vm, view_of(vm));
	}
}

static void start_tick(void)
{
	struct cpu *cpu = this_cpu();

	timer_start(&cpu->timers, &tick, cpu_now() + read_cntfrq_el0() / 1000 * TICK_MS);
	cpu_program_timer(cpu);
}

static void ticked(struct timer *timer unused_arg)
{
	list_for_each (node, &vms) {
		vm_output_tick(list_entry(node, struct hyp_vm, node));
	}
	start_tick();
}

static const struct timer_ops tick_ops = { .fired = ticked };

/* ---- for commands ---- */

struct hyp_vm *console_focus(void)
{
	return focus;
}

void console_go(struct hyp_vm *vm, struct virtio_device *port)
{
	focus = vm;
	key_port = port;
	prompt_close();
}

bool console_prefix(void)
{
	return prefix;
}

void console_set_prefix(bool on)
{
	if (on && !prefix) {
		start_tick();
	} else if (!on) {
		timer_stop(&this_cpu()->timers, &tick);
	}
	prefix = on;
}

void console_history(struct hyp_vm *vm, unsigned count)
{
	replay.vm = vm;
	replay.place = vm_output_history(vm, count, &replay.end);
}

bool console_in_history(void)
{
	return replay.vm != NULL;
}

/* The end of a history, or of the patience of who reads it. */
static void end_replay(void)
{
	replay.vm = NULL;
	prompt_show();
}

static void go_on_with_replay(void)
{
	struct vm_text_place place = replay.place;
	struct vm_text_line line;

	if (replay.vm == NULL) {
		return;
	}
	while (vm_output_history_line(replay.vm, &place, replay.end, &line)) {
		if (line.visible && !console_try_line(line.text, line.length)) {
			return;
		}
		replay.place = place;
	}
	end_replay();
}

/* ---- the keyboard ---- */

static void guest_key(uint8_t key)
{
	/* With no room left the key is lost, as on a UART that nobody reads. */
	if (key_port != NULL) {
		virtio_console_input(key_port, key);
	} else if (focus != NULL) {
		pl011_input(focus->uart, key);
	}
}

static void take_key(uint8_t key)
{
	if (!prompt_is_open() && key != PROMPT_ESCAPE) {
		guest_key(key);
		return;
	}
	/* Hidden first: no line gets between a key and its echo. */
	at_work = true;
	update_views();
	if (replay.vm != NULL) {
		end_replay();
	}
	if (prompt_is_open()) {
		prompt_key(key);
	} else {
		prompt_open();
	}
	go_on_with_replay();
	at_work = false;
	update_views();
}

void console_interrupt(void)
{
	int key;

	console_begin();
	console_clear_output_interrupt();
	console_end();
	vm_output_go_on();
	if (replay.vm != NULL) {
		go_on_with_replay();
		update_views();
	}
	while ((key = console_getc()) >= 0) {
		take_key((uint8_t)key);
	}
}

void console_init(bool with_prefix)
{
	focus = list_empty(&vms) ? NULL : list_entry(vms.next, struct hyp_vm, node);
	timer_init(&tick, &tick_ops);
	console_set_prefix(with_prefix);
	update_views();
	console_enable_interrupts();
}
