/* SPDX-License-Identifier: MIT */
/* Random numbers that no guest can foretell. The board and its CPUs provide them. */
#ifndef CORE_PORT_ENTROPY_H
#define CORE_PORT_ENTROPY_H

#include "lib/base.h"

/*
 * 64 fresh random bits. False if there are none at the moment. Any CPU, any time; takes no lock that a caller may
 * hold.
 */
bool entropy_get(uint64_t *value);

#endif
