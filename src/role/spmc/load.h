/* SPDX-License-Identifier: MIT */
/*
 * From packages to partitions, at boot on the boot CPU. A package that is broken, or that asks for what another SP has,
 * costs that SP alone: a message says why, and nothing of it remains. Docs: spmc-manifest.md.
 */
#ifndef ROLE_SPMC_LOAD_H
#define ROLE_SPMC_LOAD_H

#include "role/spmc/sp.h"

/* All that were loaded, by boot_node: by boot-order, those with the same in the order of their vmN nodes. */
extern struct list sps_boot_list;

/*
 * Before the page pool is filled: calls 'reserve' for the Secure memory that SPs have beside their packages, which the
 * caller has reserved. An SP whose memory cannot be reserved is not loaded later. Allocates nothing.
 */
void sps_reserve(const struct spmc_manifest *m, enum err (*reserve)(uint64_t base, uint64_t size));
/*
 * Makes an SP of each package that 'm' names, and the endpoint of the normal world. 'm' stays. The vCPUs are SP_OFF:
 * whoever starts one resets it.
 * ERR_NO_MEMORY and ERR_UNSUPPORTED if there can be no SP at all.
 */
enum err sps_load(const struct spmc_manifest *m);
/*
 * Makes the SP's package what it was when it was loaded, and the memory behind it zero. ERR_NOT_FOUND if no copy was
 * kept because its abort-action is not to restart it. Nothing of the SP runs, and its stage 2 is the caller's business.
 */
enum err sp_reload(const struct sp *sp);
/* Whether all memory that the SP was loaded with is still there and its own, used by nobody else. */
bool sp_has_memory(struct sp *sp);
/* Zeroes all memory that it has to itself, however it came by it. Devices stay as they are. Nothing of the SP runs. */
void sp_scrub_memory(struct sp *sp);
/*
 * Its stage 2 as after loading: empties both tables and maps what the manifest says. ERR_NO_MEMORY. Nothing of the SP
 * runs, and none of its memory is shared or lent. What it was given meanwhile is nobody's then.
 */
enum err sp_map_memory(struct sp *sp);

#endif
