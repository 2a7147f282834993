/* SPDX-License-Identifier: MIT */
/* The commands of the prompt that list something, for the table in prompt.c. Functions as in console.h. */
#ifndef ROLE_HYP_PROMPT_SHOW_H
#define ROLE_HYP_PROMPT_SHOW_H

#include "core/vcpu/vcpu.h"
#include "lib/fmt.h"

/* words[0] is the command's name, 'count' includes it. */
void show_vms(struct fmt_sink *out, char **words, unsigned count);
void show_vcpus(struct fmt_sink *out, char **words, unsigned count);
void show_cpus(struct fmt_sink *out, char **words, unsigned count);
void show_memory(struct fmt_sink *out, char **words, unsigned count);
void show_switches(struct fmt_sink *out, char **words, unsigned count);
void show_shared(struct fmt_sink *out, char **words, unsigned count);

/* Prints a vCPU's registers; they are all in v->regs and, where it is loaded, in the hardware. On its own CPU. */
void show_registers(struct vcpu *v);

#endif
