/* SPDX-License-Identifier: MIT */
/* A VM's devices: the interrupt controller's registers, UART and RTC that each has, virtio as its manifest says. */
#ifndef ROLE_HYP_DEVICES_H
#define ROLE_HYP_DEVICES_H

#include "role/hyp/vm.h"

/*
 * Makes all and puts them on the VM's bus; false with a message. What was made is found by devices_destroy(). The VM
 * has its memory.
 */
bool devices_create(struct hyp_vm *vm);
/*
 * Power-on state; disks keep what was written to them. No vCPU of the VM runs. When it returns, no other CPU touches
 * the VM's memory by a device, nor will before a driver has set one up: each queue was stopped under its lock, which
 * whoever works on it holds.
 */
void devices_reset(struct hyp_vm *vm);
/*
 * Returns when no device works any more with memory that it looked at before: what guest_mem does not give out any more
 * nobody touches then. Any CPU; locks of src/ffa may be held.
 */
void devices_wait(struct hyp_vm *vm);
void devices_destroy(struct hyp_vm *vm);

#endif
