/* SPDX-License-Identifier: MIT */
/*
 * What boot (core/sys/boot.c) asks of the image about the machine that it starts on: who describes it, and how its CPUs
 * come up. Each role implements all of it once. The order is that of the calls.
 */
#ifndef CORE_PORT_MACHINE_H
#define CORE_PORT_MACHINE_H

#include "core/vcpu/cpu.h"
#include "lib/addr.h"
#include "lib/err.h"

/*
 * Fills 'host' (core/port/host.h) from the device tree that the image was started with, as far as it goes. 'fdt' is
 * aligned to 8 bytes and mapped, and stays; nothing else but the image is mapped. 'mpidr' is this CPU, and becomes
 * number 0. ERR_INVALID if the tree is broken; what it says of the UART is in 'host' all the same, for the message.
 */
enum err machine_read(const void *fdt, uint64_t mpidr);
/* ERR_UNSUPPORTED, with a message, if EL2 cannot run on what machine_read() found. */
enum err machine_check(void);
/* One of them failed, and messages said why: gives the machine up, or leaves it to others. 'why' sums it up. */
noreturn void machine_refuse(const char *why);
/* A CPU came to the image's entry behind the first: boot_late_stacks is set. MMU off, nothing to log to. */
noreturn void machine_late_cpu(void);
/* What a CPU sets for itself, first or again, before it may take interrupts. */
void machine_init_cpu(struct cpu *cpu);
/* The other CPUs come to 'entry', now or when somebody turns them on. Panics if that cannot be. */
void machine_start_cpus(pa_t entry);
/* Tells the log in a line or two what runs below EL2. */
void machine_print(void);

#endif
