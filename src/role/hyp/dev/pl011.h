/* SPDX-License-Identifier: MIT */
/* An emulated PrimeCell UART (PL011, DDI 0183). docs/devices.md tells how it differs from the chip. */
#ifndef ROLE_HYP_DEV_PL011_H
#define ROLE_HYP_DEV_PL011_H

#include "core/vcpu/vm.h"
#include "lib/err.h"
#include "role/hyp/dev/chardev.h"

struct pl011;

/*
 * Makes a UART at 'base' (PL011_SIZE bytes) whose level-sensitive interrupt is SPI 'intid'. Output goes to 'out'.
 * Before the VM runs. ERR_NO_MEMORY, or what bus_add() says.
 */
enum err pl011_create(struct vm *vm, ipa_t base, unsigned intid, struct chardev out, struct pl011 **uart);
/* Power-on state; typed input that no guest has seen stays. No vCPU of the VM runs. */
void pl011_reset(struct pl011 *uart);
/* The VM is gone: nothing reaches the device by its bus or as a chardev any more. */
void pl011_destroy(struct pl011 *uart);

/*
 * Input from outside. Any CPU, not with a lock that the chardev's put takes. False, and nothing taken, if there is no
 * room.
 */
bool pl011_input(struct pl011 *uart, uint8_t byte);
/* The chardev that refused a byte has room again. As pl011_input(). */
void pl011_tx_ready(struct pl011 *uart);

#endif
