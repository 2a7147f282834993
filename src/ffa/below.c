/* SPDX-License-Identifier: MIT */
#include "ffa/below.h"

const struct ffa_below *ffa_below;
