/* SPDX-License-Identifier: MIT */
/*
 * The physical console: who gets the keys and whose output is seen. One VM has it (the focus), the escape key, Ctrl-],
 * opens the prompt (prompt.h), and in prefix mode the output of all VMs is seen in lines. docs/console.md.
 *
 * All functions: on the CPU that takes the UART's interrupt, without any lock.
 */
#ifndef ROLE_HYP_CONSOLE_H
#define ROLE_HYP_CONSOLE_H

#include "role/hyp/vm.h"

/* Gives the console to the first VM and turns on input. On the boot CPU, after the VMs are made. */
void console_init(bool prefix);
/* The UART has input, or room for output. */
void console_interrupt(void);

/* For the prompt's commands. What they change is seen when the command has ended. */

/* The VM that has the console; NULL if there are no VMs. */
struct hyp_vm *console_focus(void);
/* The VM gets the console, its virtio-console 'port' the keys (NULL: its PL011), and the prompt closes. */
void console_go(struct hyp_vm *vm, struct virtio_device *port);
bool console_prefix(void);
void console_set_prefix(bool on);
/* Shows the last 'count' lines (1 or more) that the VM printed, as the UART takes them; then comes the prompt. */
void console_history(struct hyp_vm *vm, unsigned count);
bool console_in_history(void);

#endif
