/* SPDX-License-Identifier: MIT */
/* What a guest's call may ask for its whole VM. Any CPU that runs one of its vCPUs, any number of them at once. */
#ifndef ROLE_HYP_VM_OPS_H
#define ROLE_HYP_VM_OPS_H

struct vm;

/*
 * All vCPUs are asked to stop (the caller's leaves the guest when the trap is answered by TRAP_LEAVE); then the VM is
 * off, or starts again from its images. If it is stopping already, the first one's wish holds.
 */
void vm_system_off(struct vm *vm);
void vm_system_reset(struct vm *vm);

#endif
