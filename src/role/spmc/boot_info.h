/* SPDX-License-Identifier: MIT */
/* The boot information that a partition finds at the start of its package (FF-A 1.2, 5.4). */
#ifndef ROLE_SPMC_BOOT_INFO_H
#define ROLE_SPMC_BOOT_INFO_H

#include "lib/addr.h"
#include "role/spmc/manifest.h"

/*
 * Writes it over the package's header, which has a page of its own. 'manifest' is where the manifest's blob is in the
 * package, behind that page.
 */
void boot_info_write(pa_t package, const struct sp_manifest *m, struct span manifest);

#endif
