/* SPDX-License-Identifier: MIT */
/*
 * The device tree that a VM gets: what QEMU's "virt" machine would say of the same hardware (guest_map.h). Bindings
 * are those of Linux, Documentation/devicetree/bindings.
 */
#ifndef ROLE_HYP_GUEST_FDT_H
#define ROLE_HYP_GUEST_FDT_H

#include "role/hyp/image.h"

#define GUEST_FDT_SEED_WORDS 5 /* /chosen: one for kaslr-seed, four for rng-seed */

/*
 * Writes the tree of plan->config to 'buffer', which is aligned to 8 bytes. 'seed' is random words, or NULL: then the
 * guest gets none. How many bytes it takes; 0 if it does not fit.
 */
uint64_t guest_fdt_build(const struct image_plan *plan, const uint64_t seed[GUEST_FDT_SEED_WORDS], void *buffer,
			 uint64_t size);

#endif
