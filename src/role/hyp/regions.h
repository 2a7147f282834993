/* SPDX-License-Identifier: MIT */
/* The shared memories of the manifest, and what the life of a VM means for them. */
#ifndef ROLE_HYP_REGIONS_H
#define ROLE_HYP_REGIONS_H

#include "lib/fmt.h"
#include "role/hyp/dev/shared_memory.h"
#include "role/hyp/manifest.h"

struct hyp_vm;

/* In the manifest's order; complete before any VM is made. */
extern struct list regions;

/* Makes all of them; what is wrong with one is said, and its VMs do not start. */
void regions_create(const struct manifest *manifest, struct report *report);
/* By name, or NULL. */
struct shared_region *region_find(const char *name);

/* Maps a VM's regions in its stage-2 tables, which are new; with those they go. False with a message. */
bool regions_map(struct hyp_vm *vm);
/* The VM starts: as shared_memory_enter_some(), for all its regions. */
bool regions_enter_some(struct hyp_vm *vm, uint64_t budget);
/* It has stopped, or does not get as far as running. */
void regions_leave(struct hyp_vm *vm);
/* All of them and their peers, for the prompt. */
void regions_print(struct fmt_sink *out);

#endif
