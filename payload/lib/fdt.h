/* SPDX-License-Identifier: MIT */
/*
 * Reads the few facts that a payload needs from the device tree it was given. Trusts its maker: that is who is
 * tested.
 */
#ifndef PAYLOAD_LIB_FDT_H
#define PAYLOAD_LIB_FDT_H

#include "payload/lib/base.h"

/* Takes the blob; false if it is none. Works with the MMU off. */
bool fdt_init(const void *blob);

/* Nodes in document order: start with FDT_ROOT, 0 at the end. */
#define FDT_ROOT 1u
uint32_t fdt_next(uint32_t node);
const char *fdt_name(uint32_t node);

/* The value of a property and its length in bytes, or NULL. */
const void *fdt_prop(uint32_t node, const char *name, uint32_t *length);
/* True if 'compatible' lists the string. */
bool fdt_is_compatible(uint32_t node, const char *compatible);
/* First node with that, or 0. */
uint32_t fdt_find_compatible(const char *compatible);
/* First node of that name, without its unit address, or 0. */
uint32_t fdt_find_name(const char *name);

/* Number 'index' of a property that is an array of 32-bit or 64-bit cells; 0 when it is not that long. */
uint32_t fdt_u32(uint32_t node, const char *name, uint32_t index);
uint64_t fdt_u64(uint32_t node, const char *name, uint32_t index);

/* /chosen/bootargs, or "". */
const char *fdt_bootargs(void);

#endif
