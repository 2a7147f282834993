/* SPDX-License-Identifier: MIT */
/* What load.c asks of load_memory.c: the stage 2 of SPs, and what the normal world may share. */
#ifndef ROLE_SPMC_LOAD_MEMORY_H
#define ROLE_SPMC_LOAD_MEMORY_H

#include "role/spmc/sp.h"

/* Empty tables and the map of sp->manifest: ERR_NO_MEMORY, ERR_UNSUPPORTED if the CPU's addresses do not reach. */
enum err load_space(struct sp *sp, const struct spmc_manifest *m, uint16_t vmid);
/*
 * The beginning and the end of loading: the normal world's space, empty; then in it all its memory and devices but what
 * the SPs have of them.
 */
enum err load_nwd_space(struct ffa_space *nwd, const struct spmc_manifest *m);
enum err load_nwd_memory(struct ffa_space *nwd, const struct spmc_manifest *m);
/* Keeps a copy of the first 'size' bytes of the package, for sp_reload(). ERR_NO_MEMORY. */
enum err load_keep_copy(const struct sp *sp, uint64_t size);
/* For an SP that is not loaded after all. */
void load_drop_copy(const struct sp *sp);

#endif
