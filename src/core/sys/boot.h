/* SPDX-License-Identifier: MIT */
/* The parts of boot, and what a role may ask of it meanwhile. docs/boot.md tells the whole way. */
#ifndef CORE_SYS_BOOT_H
#define CORE_SYS_BOOT_H

#include "core/mm/stage1.h"
#include "core/port/host.h"

/*
 * From machine_read() on, until role_main() allocates: keeps a part of host.ram, rounded outwards to pages, out of the
 * page pool, because somebody has it. ERR_RANGE if it is empty or not in RAM, ERR_DENIED if a byte of it is taken
 * already (the image, the CPUs' stacks, another reservation), ERR_NO_MEMORY if there are too many.
 */
enum err boot_reserve(uint64_t base, uint64_t size);

/*
 * NULL: one CPU comes to the image's entry, and others to boot_secondary. Else, where a CPU that comes to the entry all
 * the same has a stack of BOOT_LATE_STACK bytes, by the number that EL3 gives it in x4; it calls machine_late_cpu().
 */
#define BOOT_LATE_STACK 512
extern uint8_t *boot_late_stacks;

/* ---- boot.c and boot_memory.c between themselves ---- */

/* EL2's map; its users after boot are serialized by boot being over. */
extern struct stage1 el2_map;

/* Notes what the image and its device tree take, before machine_read(). */
void boot_memory_start(const struct host_range *fdt);
/* Panics with 'what' if it cannot. An empty range is mapped to nothing. */
void boot_map_device(const struct host_range *range, const char *what);
/* Maps everything, gives free RAM to the pool and returns the other CPUs' areas, host.cpu_count - 1 of them. */
struct cpu_area *boot_memory_init(void);

#endif
