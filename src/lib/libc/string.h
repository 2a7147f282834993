/* SPDX-License-Identifier: MIT */
/* libfdt includes this name; the image has no C library. */
#include "lib/str.h"
