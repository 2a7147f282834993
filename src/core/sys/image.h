/* SPDX-License-Identifier: MIT */
/* The image's parts in memory, by the linker script (arch/aarch64/image.lds). */
#ifndef CORE_SYS_IMAGE_H
#define CORE_SYS_IMAGE_H

#include "lib/base.h"

extern uint8_t image_start[], text_end[], rodata_end[], data_end[], image_end[];

#endif
