/* SPDX-License-Identifier: MIT */
/* What must be known of the CPU before anything else runs. */
#ifndef ARCH_FEATURE_H
#define ARCH_FEATURE_H

#include "lib/base.h"

/* FEAT_PAuth with any algorithm: address authentication, so that APIA and its instructions exist. */
bool cpu_has_pauth(void);

#endif
