/* SPDX-License-Identifier: MIT */
/* What the normal world's programs and our partitions agree on: UUIDs, and the commands of commands.h. */
#ifndef PAYLOAD_LIB_PARTITION_H
#define PAYLOAD_LIB_PARTITION_H

#include "abi/ffa.h"
#include "payload/lib/base.h"
#include "payload/lib/commands.h"

#define UUID_HELLO ((struct ffa_uuid){ { UUID_WORDS_HELLO } })
#define UUID_HELLO_2 ((struct ffa_uuid){ { UUID_WORDS_HELLO_2 } })
#define UUID_IRQ ((struct ffa_uuid){ { UUID_WORDS_IRQ } })
#define UUID_RELAY ((struct ffa_uuid){ { UUID_WORDS_RELAY } })
#define UUID_VM_2 ((struct ffa_uuid){ { UUID_WORDS_VM_2 } })
#define UUID_VM_3 ((struct ffa_uuid){ { UUID_WORDS_VM_3 } })
#define UUID_EL0 ((struct ffa_uuid){ { UUID_WORDS_EL0 } })

static inline bool is_command(uint64_t word) { return word >= COMMAND_FIRST && word < COMMAND_LAST; }

/* Memory as FILL leaves it: words PATTERN_STEP bytes apart. */
void pattern_fill(uint64_t address, uint64_t pages, uint64_t pattern);
/* How many words are not as pattern_fill() with the same arguments leaves them. */
uint32_t pattern_wrong(uint64_t address, uint64_t pages, uint64_t pattern);

#endif
