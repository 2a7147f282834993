/* SPDX-License-Identifier: MIT */
#include "role/hyp/vm_output.h"

#include "core/sys/console.h"
#include "lib/str.h"
#include "role/hyp/dev/pl011.h"
#include "role/hyp/dev/virtio_console.h"
#include "role/hyp/vm.h"

/* VMs that have a line to show, each once and in turn. The lock comes before that of a VM's output. */
static struct spinlock queue_lock;
static struct list queue = { &queue, &queue };

static uint64_t unshown(const struct vm_output *o)
{
	return o->text.end - o->shown.next;
}

/* ---- lines ---- */

_Static_assert(VM_NAME_MAX + 2 + VM_TEXT_LINE_MAX <= CONSOLE_LINE_MAX, "a VM's line fits on the console");

/* False if the console has no room. */
static bool try_line(const struct hyp_vm *vm, const struct vm_text_line *line)
{
	char out[CONSOLE_LINE_MAX];
	unsigned length = (unsigned)strlen(vm->vm.name);

	memcpy(out, vm->vm.name, length);
	out[length++] = line->continues ? '+' : '|';
	out[length++] = ' ';
	memcpy(out + length, line->text, line->length);
	return console_try_line(out, length + line->length);
}

enum shown {
	SHOWN,
	NOTHING, /* to show */
	NO_ROOM,
};

static enum shown show_line(struct hyp_vm *vm)
{
	struct vm_output *o = &vm->output;
	enum shown result = NOTHING;
	struct vm_text_place place;
	struct vm_text_line line;

	spin_lock(&o->lock);
	place = o->shown;
	if (o->view == VM_LINES && vm_text_line(&o->text, &place, o->due, &line)) {
		result = !line.visible || try_line(vm, &line) ? SHOWN : NO_ROOM;
		if (result == SHOWN) {
			o->shown = place;
		}
	}
	spin_unlock(&o->lock);
	return result;
}

/*
 * Whoever comes shows a line of each VM that waits, in turn, while there is room. A CPU that has printed another
 * meanwhile waits for the lock, so nobody is kept here by the others.
 */
static void show_lines(struct hyp_vm *ready)
{
	spin_lock(&queue_lock);
	if (ready != NULL && !ready->output.queued) {
		ready->output.queued = true;
		list_append(&queue, &ready->output.node);
	}
	while (console_try_line(NULL, 0) && !list_empty(&queue)) {
		struct hyp_vm *vm = list_entry(queue.next, struct hyp_vm, output.node);
		enum shown result = show_line(vm);

		if (result == NO_ROOM) {
			break;
		}
		list_remove(&vm->output.node);
		vm->output.queued = result == SHOWN;
		if (result == SHOWN) {
			list_append(&queue, &vm->output.node);
		}
	}
	spin_unlock(&queue_lock);
}

/* ---- what VMs print ---- */

static bool vm_put(void *ctx, uint8_t byte)
{
	struct hyp_vm *vm = ctx;
	struct vm_output *o = &vm->output;
	bool line = false, taken = true;

	spin_lock(&o->lock);
	if (o->view == VM_HIDDEN) {
		vm_text_put(&o->text, byte);
	} else if (unshown(o) >= VM_OUTPUT_AHEAD) {
		o->refused = true;
		taken = false;
	} else {
		bool next = unshown(o) == 0;

		vm_text_put(&o->text, byte);
		if (o->view == VM_LINES) {
			line = byte == '\n' || unshown(o) >= VM_TEXT_LINE_MAX;
		} else if (next && console_try_raw((char)byte)) {
			o->shown.next++;
		}
	}
	spin_unlock(&o->lock);
	if (line) {
		show_lines(vm);
	}
	return taken;
}

const struct chardev_ops vm_output_ops = { .put = vm_put };

/* ---- the CPU that takes the UART's interrupt ---- */

/* As much as the UART has room for; it interrupts when there is more. */
static void show_raw(struct vm_output *o)
{
	spin_lock(&o->lock);
	while (unshown(o) != 0 && console_try_raw((char)vm_text_at(&o->text, o->shown.next))) {
		o->shown.next++;
	}
	spin_unlock(&o->lock);
}

/* If there is room now, the devices that were refused a byte may go on. */
static void resume(struct hyp_vm *vm)
{
	struct vm_output *o = &vm->output;
	bool resumes;

	spin_lock(&o->lock);
	resumes = o->refused && (o->view == VM_HIDDEN || unshown(o) < VM_OUTPUT_AHEAD);
	if (resumes) {
		o->refused = false;
	}
	spin_unlock(&o->lock);
	if (!resumes) {
		return;
	}
	pl011_tx_ready(vm->uart);
	for (unsigned i = 0; i < vm->config->device_count; i++) {
		if (vm->config->devices[i].kind == VM_DEVICE_CONSOLE) {
			virtio_console_tx_ready(vm->virtio[i]);
		}
	}
}

void vm_output_go_on(void)
{
	show_lines(NULL);
	list_for_each (node, &vms) {
		struct hyp_vm *vm = list_entry(node, struct hyp_vm, node);

		if (vm->output.view == VM_RAW) {
			show_raw(&vm->output);
		}
		if (vm->output.view != VM_HIDDEN) {
			resume(vm);
		}
	}
}

/* That position, where lines have not been followed. */
static struct vm_text_place place_of(const struct vm_text *t, uint64_t next)
{
	return (struct vm_text_place){
		.next = next,
		.continues = next != vm_text_oldest(t) && vm_text_at(t, next - 1) != '\n',
	};
}

/* Whoever comes to a console wants to see the newest. The lock is held. */
static void pass_over_old(const struct hyp_vm *vm, struct vm_output *o)
{
	uint64_t from;
	struct fmt_sink *out;

	if (unshown(o) <= VM_OUTPUT_AHEAD) {
		return;
	}
	from = vm_text_line_start(&o->text, o->text.end - VM_OUTPUT_AHEAD);
	out = console_begin();
	console_fresh_line();
	fmt_print(out, "[%s: %llu bytes are not shown; \"history %s\" has the newest]\n", vm->vm.name,
		  (unsigned long long)(from - o->shown.next), vm->vm.name);
	console_end();
	o->shown = (struct vm_text_place){ .next = from };
}

void vm_output_view(struct hyp_vm *vm, enum vm_view view)
{
	struct vm_output *o = &vm->output;

	if (o->view == view) {
		return;
	}
	spin_lock(&o->lock);
	if (o->view == VM_RAW) {
		o->shown = place_of(&o->text, o->shown.next);
	}
	if (view != VM_HIDDEN) {
		pass_over_old(vm, o);
	}
	o->quiet = o->due = 0;
	o->view = view;
	spin_unlock(&o->lock);
	if (view == VM_LINES) {
		show_lines(vm);
	} else if (view == VM_RAW) {
		show_raw(o);
	}
	resume(vm);
}

void vm_output_tick(struct hyp_vm *vm)
{
	struct vm_output *o = &vm->output;
	bool waits = false;

	spin_lock(&o->lock);
	if (o->view == VM_LINES) {
		o->due = o->quiet == o->text.end ? o->text.end : o->due;
		o->quiet = o->text.end;
		waits = o->due > o->shown.next;
	}
	spin_unlock(&o->lock);
	if (waits) {
		show_lines(vm);
	}
}

/* ---- history ---- */

struct vm_text_place vm_output_history(struct hyp_vm *vm, unsigned count, uint64_t *end)
{
	struct vm_output *o = &vm->output;
	struct vm_text_place place = { 0 };

	spin_lock(&o->lock);
	place.next = vm_text_tail(&o->text, count);
	*end = o->text.end;
	spin_unlock(&o->lock);
	return place;
}

bool vm_output_history_line(struct hyp_vm *vm, struct vm_text_place *place, uint64_t end, struct vm_text_line *line)
{
	struct vm_output *o = &vm->output;
	bool found;

	spin_lock(&o->lock);
	/* What is no longer kept is passed over, perhaps all of it. */
	found = MAX(place->next, vm_text_oldest(&o->text)) < end && vm_text_line(&o->text, place, UINT64_MAX, line);
	spin_unlock(&o->lock);
	return found;
}
