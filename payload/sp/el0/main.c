/* SPDX-License-Identifier: MIT */
/* A partition at S-EL0 that speaks FF-A 1.0. */
#include "payload/sp/lib/sp.h"

const struct sp_program sp_program = { .name = "el0", .version = FFA_VERSION_1_0 };
