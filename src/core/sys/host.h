/* SPDX-License-Identifier: MIT */
/* Reads the machine's device tree into 'host' (core/port/host.h). */
#ifndef CORE_SYS_HOST_H
#define CORE_SYS_HOST_H

#include "core/port/host.h"

/*
 * Fills 'host' as far as the tree goes. ERR_INVALID, with part of it filled, if the tree is broken. Works with the
 * MMU off; 'fdt' is aligned to 8 bytes and mapped, and stays.
 */
enum err host_read(const void *fdt, uint64_t boot_mpidr);
/* ERR_UNSUPPORTED, with a message, if EL2 cannot run on what host_read() found. */
enum err host_check(void);

#endif
