/* SPDX-License-Identifier: MIT */
#ifndef PAYLOAD_NWD_BENCH_BENCH_H
#define PAYLOAD_NWD_BENCH_BENCH_H

#include "payload/lib/ffa.h"

/* ffa_call(), and the ticks from before its SMC to behind it. */
uint64_t bench_call(struct ffa_regs *regs);

#endif
