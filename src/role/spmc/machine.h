/* SPDX-License-Identifier: MIT */
/* The machine at S-EL2, as the SPMC manifest has it. */
#ifndef ROLE_SPMC_MACHINE_H
#define ROLE_SPMC_MACHINE_H

#include "role/spmc/manifest.h"

/* As read at boot; immutable. The packages of 'sps' are kept out of the page pool. */
extern struct spmc_manifest spmc_manifest;

#endif
