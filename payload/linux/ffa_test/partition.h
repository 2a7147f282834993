/* SPDX-License-Identifier: MIT */
/* The partitions of payload/sp as the driver (arm_ffa) found them, commands to them, and FF-A calls past the driver. */
#ifndef FFA_TEST_PARTITION_H
#define FFA_TEST_PARTITION_H

#include <linux/arm-smccc.h>
#include <linux/arm_ffa.h>
#include <linux/types.h>

#include "payload/lib/commands.h"

/* As the driver has it: the bytes of the words. */
#define UUID_BYTES(word) (word) & 0xff, (word) >> 8 & 0xff, (word) >> 16 & 0xff, (word) >> 24
#define UUID_OF_WORDS(a, b, c, d) ((uuid_t){ { UUID_BYTES(a), UUID_BYTES(b), UUID_BYTES(c), UUID_BYTES(d) } })
#define UUID_OF(words) UUID_OF_WORDS(words)

/* NULL: the driver is not there, or has not found it. The last two are VMs: payload/vm/ffa, and a Linux. */
extern struct ffa_device *hello, *irq, *relay, *servant, *other_linux;

/* Registers with the bus; then they are known. 0, or the error. */
int partition_init(void);
void partition_exit(void);

/* Who stands between us and the SPMC: nobody, pKVM's proxy, or the hypervisor whose VM we are. */
enum below { BELOW_NOBODY, BELOW_PKVM, BELOW_HYPERVISOR };
extern enum below below;
extern u16 own_id;
/* Somebody whom the driver has found. */
bool partition_any(void);
/* Asks; false if there is no FF-A. */
bool partition_find_below(void);
/*
 * pKVM's proxy that knows FF-A 1.2 lets fewer calls through than the one before it: no notifications, no messages of
 * 1.2, no discovery in registers. Whether it is that one, as it says itself.
 */
bool partition_strict_proxy(void);
/* Of FF-A, as the driver, who is below and the SPMC agreed. */
u32 partition_version(void);

/* ---- calls past the driver: x0.. ---- */

struct arm_smccc_1_2_regs ffa_call(struct arm_smccc_1_2_regs call);
#define FFA(...) ffa_call((struct arm_smccc_1_2_regs){ __VA_ARGS__ })
static inline bool ffa_is(const struct arm_smccc_1_2_regs *r, u32 id) { return (u32)r->a0 == id; }
/* The code of FFA_ERROR, else 0. */
static inline int ffa_code(const struct arm_smccc_1_2_regs *r) { return ffa_is(r, FFA_ERROR) ? (int)r->a2 : 0; }
#define FFA_CODE(...)                                            \
	({                                                       \
		struct arm_smccc_1_2_regs r_ = FFA(__VA_ARGS__); \
		ffa_code(&r_);                                   \
	})
static inline u32 ffa_pair(u16 from, u16 to) { return (u32)from << 16 | to; }
/* A direct request, again while a VM that gets it is busy: the answer, an error, FFA_INTERRUPT or FFA_YIELD. */
struct arm_smccc_1_2_regs ffa_request(struct arm_smccc_1_2_regs call);
/* The same as long as the partition was preempted or yields: its answer, or an error. */
struct arm_smccc_1_2_regs ffa_message(struct arm_smccc_1_2_regs call);

/* ---- commands (payload/lib/commands.h), by the driver ---- */

/* w[0] is 0, the FF-A code that the command ended with, or of the message: of Linux's errors made. */
struct words {
	u64 w[5];
};
struct words command(struct ffa_device *sp, struct words words);
#define COMMAND(sp, ...) command((sp), (struct words){ { __VA_ARGS__ } })
#define COMMAND_CODE(...) ((int)COMMAND(__VA_ARGS__).w[0])
/* An FF-A call that the partition makes: x0..x3. Its x0 is 0 if the message failed. */
struct words call_from(struct ffa_device *sp, u64 x0, u64 x1, u64 x2, u64 x3);
/* FF-A's code of it. */
int code_from(struct ffa_device *sp, u64 x0, u64 x1, u64 x2, u64 x3);

#endif
