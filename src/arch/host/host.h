/* SPDX-License-Identifier: MIT */
/* What a host test may take hold of: FP/SIMD registers, panics, the log. */
#ifndef ARCH_HOST_HOST_H
#define ARCH_HOST_HOST_H

#include "arch/el1.h"
#include "lib/log.h"

/* This CPU's FP/SIMD registers. Per thread, as the system registers are (impl/sysreg.h). */
extern _Thread_local struct fp_state host_fp;
/* What its scalable registers have beyond those. */
#define HOST_SVE_SIZE 64
extern _Thread_local uint8_t host_sve[HOST_SVE_SIZE];

/* If set, called with a panic's text before the program aborts; it may longjmp out. Per thread. */
extern _Thread_local void (*host_panic_hook)(const char *text);

/* If set, gets each log line in the place of stderr. Per thread. */
extern _Thread_local void (*host_log_hook)(enum log_level level, const char *text);

#endif
