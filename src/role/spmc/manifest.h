/* SPDX-License-Identifier: MIT */
/*
 * The SPMC manifest ("arm,ffa-core-manifest-1.0") and the manifest in an SP's package ("arm,ffa-manifest-1.0"), read
 * completely and checked before anything is used. Every property of the bindings is honoured or refused with a message
 * that names the SP and the property; docs/spmc-manifest.md lists them.
 */
#ifndef ROLE_SPMC_MANIFEST_H
#define ROLE_SPMC_MANIFEST_H

#include "abi/ffa.h"
#include "lib/base.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/span.h"

#define SP_NAME_MAX 32       /* with the zero at the end; longer names are cut */
#define SP_REGIONS_MAX 32    /* memory regions and device regions, each */
#define SP_INTERRUPTS_MAX 32 /* of one SP */
#define SP_UUIDS_MAX 4
#define SP_SMC_ALLOWED_MAX 32
#define SPMC_RANGES_MAX 16
#define SPMC_CPUS_MAX 64
#define SPMC_SPS_MAX 64

/* Where messages about manifests and packages go: complete lines, without a newline. */
struct spmc_report {
	void (*say)(const struct spmc_report *report, enum log_level level, const char *text);
};

extern const struct spmc_report spmc_report_to_log;
extern const struct spmc_report spmc_report_nowhere;

/* ---- the SPMC's ---- */

enum spmc_memory {
	SPMC_MEMORY_SECURE,
	SPMC_MEMORY_NS,
	SPMC_DEVICE_SECURE,
	SPMC_DEVICE_NS,
};

/* Whole pages below 2^48; no two ranges share a byte. */
struct spmc_range {
	uint64_t base, size;
	enum spmc_memory kind;
};

/* A vmN node: where TF-A put a package and what the platform owner grants. */
struct spmc_sp {
	uint16_t number; /* N: its id is FFA_ID_SPMC + N, whatever becomes of others */
	char name[SP_NAME_MAX];
	uint64_t load_address, mem_size; /* whole pages of Secure memory that no other SP has */
	uint16_t vcpu_count;             /* at most */
	bool smc_permissive;
	unsigned smc_allowed_count;
	uint32_t smc_allowed[SP_SMC_ALLOWED_MAX];
};

struct spmc_manifest {
	uint64_t image_base, image_size;    /* of the SPMC that reads it, with its data */
	uint64_t load_address, binary_size; /* what the SPMD was told of it; binary_size 0: nothing */
	uint32_t version; /* of FF-A, that the normal world is told of, by the SPMD or by us */
	unsigned cpu_count;
	uint64_t cpu_mpidr[SPMC_CPUS_MAX]; /* affinity fields, ascending */
	unsigned range_count;
	struct spmc_range ranges[SPMC_RANGES_MAX];
	unsigned sp_count;
	struct spmc_sp sps[SPMC_SPS_MAX]; /* in the order of their numbers */
};

/* True if [base, base + size) lies in one range of that kind. */
bool spmc_has_memory(const struct spmc_manifest *m, enum spmc_memory kind, uint64_t base, uint64_t size);
/* True if some of [base, base + size) is the SPMC's own, whether a range contains that or not. */
bool spmc_has_own(const struct spmc_manifest *m, uint64_t base, uint64_t size);

/* ---- an SP's ---- */

enum sp_ns_action { SP_NS_QUEUED = 0, SP_NS_MANAGED_EXIT = 1, SP_NS_SIGNALED = 2 };
enum sp_abort_action { SP_ABORT_STOP = 0, SP_ABORT_DESTROY = 1, SP_ABORT_RESTART = 2 };
#define SP_BOOT_ORDER_LAST 0xffff

struct sp_memory_region {
	char name[SP_NAME_MAX];
	uint64_t base; /* final: offsets from the load address are added */
	uint64_t pages;
	bool read, write, execute, ns;
	bool in_package; /* all of it is memory of the package; else none of it */
	uint32_t phandle; /* 0: none */
};

struct sp_interrupt {
	uint32_t intid; /* a PPI or an SPI */
	uint8_t priority;
	bool secure; /* else it is the normal world's until the SP asks for it (HF_INTERRUPT_RECONFIGURE) */
	bool level;
	bool has_target;
	uint64_t target_mpidr;
};

struct sp_device_region {
	char name[SP_NAME_MAX];
	uint64_t base, pages;
	bool read, write, ns;
	bool exclusive; /* no other SP may have it too */
};

struct sp_manifest {
	char name[SP_NAME_MAX];
	uint32_t ffa_version;
	unsigned uuid_count;
	struct ffa_uuid uuids[SP_UUIDS_MAX];
	uint32_t messaging; /* FFA_PROPERTY_DIRECT_RECV.. as in partition info */
	uint16_t vcpu_count;
	bool s_el0;
	bool has_id;
	uint32_t id;           /* what it would like */
	uint64_t entry_offset; /* from the package's first byte */
	uint16_t boot_order;   /* SP_BOOT_ORDER_LAST: after the others */
	bool has_boot_info_register;
	uint8_t boot_info_register; /* 0..3 */
	bool boot_info_fdt;
	enum sp_ns_action ns_action;
	bool managed_exit_virq;
	bool other_s_queued;   /* other-s-interrupts-action = 0 */
	bool notifications;
	uint32_t power_messages; /* power-management-messages: bit 0 CPU_OFF */
	bool vm_created, vm_destroyed;
	bool sri_delayed_waiting, sri_delayed_preempted; /* sri-interrupts-policy bits 0, 1 */
	enum sp_abort_action abort_action;
	uint64_t watchdog_us;  /* 0: none. How long it may run without giving the CPU back (docs/spmc-manifest.md) */
	bool has_rxtx;
	uint64_t tx_base, rx_base, rxtx_size;
	unsigned memory_count, device_count, interrupt_count;
	struct sp_memory_region memory[SP_REGIONS_MAX];
	struct sp_device_region devices[SP_REGIONS_MAX];
	struct sp_interrupt interrupts[SP_INTERRUPTS_MAX];
};

/*
 * Reads the SPMC manifest. ERR_INVALID and a message if the SPMC cannot run with it; SPs whose vmN node is broken are
 * left out with a message. 'image_base' and 'image_size' are the SPMC itself as it runs, whole pages. 'out' is
 * completely written; it is not to be used after an error. Allocates nothing.
 */
enum err spmc_manifest_read(struct span blob, uint64_t image_base, uint64_t image_size, struct spmc_manifest *out,
			    const struct spmc_report *report);
/*
 * Reads an SP's manifest. 'sp' and 'spmc' say where it was loaded and what it may have. ERR_INVALID and one message at
 * LOG_ERROR if the SP cannot run with it. All that concerns one SP alone is checked; what concerns several (overlaps,
 * interrupts) is load.c's. Messages at LOG_WARN tell what was asked for in vain. Allocates nothing.
 */
enum err sp_manifest_read(struct span blob, const struct spmc_manifest *spmc, const struct spmc_sp *sp,
			  struct sp_manifest *out, const struct spmc_report *report);

#endif
