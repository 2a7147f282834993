/* SPDX-License-Identifier: MIT */
/* What the vGIC asks of the code that runs vCPUs (core/vcpu). Host tests implement it as they like. */
#ifndef CORE_PORT_VGIC_PORT_H
#define CORE_PORT_VGIC_PORT_H

#include "lib/base.h"

struct vcpu;

/*
 * cpu->dirty of that vCPU was set. If it runs on another physical CPU it must come out of the guest, if it waits
 * (WFI) and may take an interrupt it must become ready, and its CPU calls vgic_enter() before the guest runs again.
 * Cheap and safe from any CPU; costs the other one nothing if the vCPU does not run and does not wake up. The dirty
 * bit is set (release) before the call; the vCPU's CPU reads it (acquire) after it has seen the kick.
 */
void vgic_port_kick(struct vcpu *target);

/*
 * The calling CPU waits for another: answers what others wait for from it meanwhile (its own vCPU's sync requests), so
 * that two CPUs that wait for each other both get on. Returns soon.
 */
void vgic_port_wait(void);

/* True if the vCPU is loaded on a physical CPU other than the caller's, so that its list registers are out of reach. */
bool vgic_port_loaded_elsewhere(const struct vcpu *target);

/* Deactivates (true: activates) a physical PPI of this CPU, for an HW-bit interrupt that changes hands. */
void vgic_port_set_physical_active(unsigned physical_intid, bool active);
/*
 * The level now of the input of a physical PPI that was given to vgic_fire_hw_ppi() for the vCPU that is loaded on this
 * CPU: whether it would fire again were it not active.
 */
bool vgic_port_physical_line(unsigned physical_intid);

#endif
