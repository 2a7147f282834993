/* SPDX-License-Identifier: MIT */
/*
 * The bundle: a cpio archive, given in the place of the initrd, that holds manifest.dtb and the files that it names.
 * It stays in memory unchanged for the life of the machine, so that a VM can be loaded again from it.
 */
#ifndef ROLE_HYP_BUNDLE_H
#define ROLE_HYP_BUNDLE_H

#include "role/hyp/manifest.h"

#define BUNDLE_MANIFEST "manifest.dtb"

struct bundle {
	struct span archive;
	struct span manifest; /* a copy, aligned as a device tree must be */
};

/*
 * Finds and copies the manifest (to memory of the pool). An archive that is damaged behind the manifest is reported and
 * used as far as it goes: the VMs whose files are whole start. Fails, with a message, without archive or manifest.
 */
enum err bundle_open(struct bundle *bundle, struct span archive, struct report *report);

/* The contents of a file in the bundle; ERR_NOT_FOUND if there is none of that name. */
enum err bundle_file(const struct bundle *bundle, const char *name, struct span *out);

/* True if all files that the VM's keys name are there and not empty; else a message names VM, key and file. */
bool bundle_has_files(const struct bundle *bundle, const struct vm_config *config, struct report *report);

#endif
