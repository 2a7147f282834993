/* SPDX-License-Identifier: MIT */
/*
 * The way of a VM's output to the physical console. The newest is kept (vm_text.h), and what is watched appears: as it
 * is, of the one VM that has the console, or in whole lines behind the VM's name, of all VMs. Who is watched and prints
 * faster than the UART sends has to wait; nobody else does.
 */
#ifndef ROLE_HYP_VM_OUTPUT_H
#define ROLE_HYP_VM_OUTPUT_H

#include "arch/spinlock.h"
#include "lib/list.h"
#include "role/hyp/dev/chardev.h"
#include "role/hyp/vm_text.h"

struct hyp_vm;

/*
 * Bytes that a VM may be ahead of the UART before its devices wait; and the most that appear of what nobody has seen.
 */
#define VM_OUTPUT_AHEAD 4096

enum vm_view {
	VM_HIDDEN,
	VM_RAW, /* every byte, at once */
	VM_LINES, /* "name| text"; "name+ text" goes on with a line of which a part has been shown */
};

struct vm_output {
	struct spinlock lock; /* of all fields but the last two */
	enum vm_view view; /* only the CPU that takes the UART's interrupt changes it */
	bool refused; /* some device waits to be told that there is room */
	struct vm_text text;
	struct vm_text_place shown; /* up to here it has appeared, or been passed over */
	uint64_t quiet; /* VM_LINES: the text's end at the last tick, */
	uint64_t due; /* and up to where a line without end has waited long enough */

	bool queued; /* for its line to be shown; under the lock of that queue, with 'node' */
	struct list node;
};

/* A byte that a VM's serial port sent. ctx: its struct hyp_vm. */
extern const struct chardev_ops vm_output_ops;

/* The functions below: on the CPU that takes the UART's interrupt, without any lock. */

/* From now on it is seen like that. What was printed unseen appears, at most the newest VM_OUTPUT_AHEAD bytes. */
void vm_output_view(struct hyp_vm *vm, enum vm_view view);
/* The UART may have room: shows what waits for it, and lets the devices go on that wait. */
void vm_output_go_on(void);
/* A while has passed: a line without end, of a VM that has printed nothing since the last call, is shown. */
void vm_output_tick(struct hyp_vm *vm);

/* Where the last 'count' lines that the VM printed begin; '*end': where they end. */
struct vm_text_place vm_output_history(struct hyp_vm *vm, unsigned count, uint64_t *end);
/* The line at '*place', before 'end'; see vm_text_line(). */
bool vm_output_history_line(struct hyp_vm *vm, struct vm_text_place *place, uint64_t end, struct vm_text_line *line);

#endif
