/* SPDX-License-Identifier: MIT */
/*
 * The physical console: one VM has it (the focus), and the escape key, Ctrl-], opens the hypervisor's own prompt.
 */
#ifndef ROLE_HYP_CONSOLE_H
#define ROLE_HYP_CONSOLE_H

#include "role/hyp/dev/chardev.h"
#include "role/hyp/vm.h"

/* Gives the keyboard to the first VM and turns on input. On the boot CPU, after the VMs are made. */
void console_init(void);
/* A byte that a VM's serial port sent. ctx: its struct hyp_vm. */
extern const struct chardev_ops console_vm_ops;
/* The UART has input, or room for output; the CPU that takes its interrupt. */
void console_interrupt(void);
/* Prints a vCPU's registers; they are all in v->regs and, where it is loaded, in the hardware. Its own CPU. */
void console_dump(struct vcpu *v);

#endif
