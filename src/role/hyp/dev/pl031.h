/* SPDX-License-Identifier: MIT */
/* An emulated PrimeCell real-time clock (PL031, DDI 0224) that shows the time outside until the guest sets another. */
#ifndef ROLE_HYP_DEV_PL031_H
#define ROLE_HYP_DEV_PL031_H

#include "core/vcpu/vm.h"
#include "lib/err.h"

struct pl031;

/*
 * Makes an RTC at 'base' (PL031_SIZE bytes) whose level-sensitive interrupt is SPI 'intid'. Before the VM runs, when
 * vm->vcpu_count is known. ERR_NO_MEMORY, or what bus_add() says.
 */
enum err pl031_create(struct vm *vm, ipa_t base, unsigned intid, struct pl031 **rtc);
/* Power-on state: the time outside, no alarm. No vCPU of the VM runs. */
void pl031_reset(struct pl031 *rtc);
/* Takes the RTC's timer of one vCPU off its CPU's queue. On that CPU, when the vCPU will not run again. */
void pl031_stop_timer(struct pl031 *rtc, struct vcpu *vcpu);
/* The VM is gone and pl031_stop_timer() has been called for each vCPU. */
void pl031_destroy(struct pl031 *rtc);

#endif
