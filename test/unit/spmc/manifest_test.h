/* SPDX-License-Identifier: MIT */
/* Manifests that are right, as trees that a test may change, and a place for what the readers say of them. */
#ifndef TEST_SPMC_MANIFEST_TEST_H
#define TEST_SPMC_MANIFEST_TEST_H

#include "bundle_test.h"
#include "role/spmc/manifest.h"

struct spmc_messages {
	struct spmc_report report;
	unsigned errors, warnings;
	char last[256]; /* error, or warning if there is no error */
};

static inline void spmc_messages_say(const struct spmc_report *report, enum log_level level, const char *text)
{
	struct spmc_messages *m = container_of(report, struct spmc_messages, report);

	assert_true(level == LOG_ERROR || level == LOG_WARN);
	if (level == LOG_ERROR || m->errors == 0) {
		snprintf(m->last, sizeof(m->last), "%s", text);
	}
	m->errors += level == LOG_ERROR;
	m->warnings += level == LOG_WARN;
}

static inline struct spmc_messages spmc_messages_new(void)
{
	return (struct spmc_messages){ .report.say = spmc_messages_say };
}

static inline struct span tree_blob(const struct tree *t) { return span_of(t->fdt, fdt_totalsize(t->fdt)); }

/* A list of cells, given in the CPU's byte order. */
static inline void tree_cells(struct tree *t, const char *path, const char *key, const uint32_t *cells, unsigned count)
{
	uint32_t big[64];

	assert_true(count <= ARRAY_SIZE(big));
	for (unsigned i = 0; i < count; i++) {
		big[i] = __builtin_bswap32(cells[i]);
	}
	tree_bytes(t, path, key, big, count * sizeof(big[0]));
}
#define tree_list(t, path, key, ...)                                \
	tree_cells(t, path, key, (const uint32_t[]){ __VA_ARGS__ }, \
		   sizeof((uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t))

static inline void tree_u64(struct tree *t, const char *path, const char *key, uint64_t value)
{
	tree_list(t, path, key, hi32(value), lo32(value));
}

static inline void tree_flag(struct tree *t, const char *path, const char *key) { tree_bytes(t, path, key, NULL, 0); }

static inline void tree_memory(struct tree *t, const char *name, const char *type, uint64_t base, uint64_t size)
{
	char path[32];

	snprintf(path, sizeof(path), "/%s", name);
	tree_add(t, "/", name);
	tree_string(t, path, "device_type", type);
	tree_list(t, path, "reg", hi32(base), lo32(base), hi32(size), lo32(size));
}

static inline void tree_cpu(struct tree *t, uint32_t mpidr)
{
	char name[16], path[32];

	snprintf(name, sizeof(name), "cpu@%x", mpidr);
	snprintf(path, sizeof(path), "/cpus/%s", name);
	tree_add(t, "/cpus", name);
	tree_string(t, path, "device_type", "cpu");
	tree_list(t, path, "reg", 0, mpidr);
}

static inline void tree_vm(struct tree *t, unsigned number, const char *name, uint64_t base)
{
	char node[16], path[32];

	snprintf(node, sizeof(node), "vm%u", number);
	snprintf(path, sizeof(path), "/hypervisor/%s", node);
	tree_add(t, "/hypervisor", node);
	tree_flag(t, path, "is_ffa_partition");
	tree_string(t, path, "debug_name", name);
	tree_u32(t, path, "load_address", (uint32_t)base);
	tree_u32(t, path, "mem_size", 0x100000);
	tree_u32(t, path, "vcpu_count", 4);
}

#define SPMC_BASE 0x0e100000u
#define SP_BASE(n) (0x0e800000u + ((n) - 1) * 0x100000u)

/* Two SPs "one" and "two", 4 CPUs, memory and devices of both worlds. */
static inline void spmc_tree(struct tree *t)
{
	static const uint32_t mpidrs[] = { 0, 3, 2, 1 };

	assert_int_equal(fdt_create_empty_tree(t->fdt, sizeof(t->fdt)), 0);
	tree_string(t, "/", "compatible", "arm,ffa-core-manifest-1.0");
	tree_u32(t, "/", "#address-cells", 2);
	tree_u32(t, "/", "#size-cells", 2);
	tree_add(t, "/", "attribute");
	tree_u32(t, "/attribute", "spmc_id", 0x8000);
	tree_u32(t, "/attribute", "maj_ver", 1);
	tree_u32(t, "/attribute", "min_ver", 2);
	tree_u32(t, "/attribute", "exec_state", 0);
	tree_u64(t, "/attribute", "load_address", SPMC_BASE);
	tree_u64(t, "/attribute", "entrypoint", SPMC_BASE);
	tree_u32(t, "/attribute", "binary_size", 0x80000);
	tree_add(t, "/", "cpus");
	for (unsigned i = 0; i < ARRAY_SIZE(mpidrs); i++) {
		tree_cpu(t, mpidrs[i]);
	}
	tree_memory(t, "memory@0", "memory", SPMC_BASE, 0xf00000);
	tree_memory(t, "memory@1", "ns-memory", 0x40000000, 0x40000000);
	tree_memory(t, "memory@2", "device-memory", 0x09010000, 0x1000);
	tree_memory(t, "memory@3", "ns-device-memory", 0x09000000, 0x1000);
	tree_add(t, "/", "hypervisor");
	tree_string(t, "/hypervisor", "compatible", "hafnium,hafnium");
	tree_vm(t, 2, "two", SP_BASE(2));
	tree_vm(t, 1, "one", SP_BASE(1));
}

#define SPMC_SIZE 0x60000u

/* As the SPMC at SPMC_BASE does. */
static inline enum err read_spmc(struct span blob, struct spmc_manifest *m, const struct spmc_report *report)
{
	return spmc_manifest_read(blob, SPMC_BASE, SPMC_SIZE, m, report);
}

static inline void spmc_good(struct spmc_manifest *m)
{
	static struct tree t;
	struct spmc_messages messages = spmc_messages_new();

	spmc_tree(&t);
	assert_int_equal(read_spmc(tree_blob(&t), m, &messages.report), OK);
	assert_int_equal(messages.errors + messages.warnings, 0);
}

/* The least that a manifest can say: S-EL1, one context. */
static inline void sp_tree_small(struct tree *t)
{
	assert_int_equal(fdt_create_empty_tree(t->fdt, sizeof(t->fdt)), 0);
	tree_string(t, "/", "compatible", "arm,ffa-manifest-1.0");
	tree_u32(t, "/", "ffa-version", 0x10002);
	tree_list(t, "/", "uuid", 1, 2, 3, 4);
	tree_u32(t, "/", "messaging-method", 3);
	tree_u32(t, "/", "execution-ctx-count", 1);
	tree_u32(t, "/", "exception-level", 2);
	tree_u32(t, "/", "execution-state", 0);
	tree_u32(t, "/", "entrypoint-offset", 0x4000);
}

static inline void tree_region(struct tree *t, const char *parent, const char *name, uint64_t base, uint32_t pages,
			       uint32_t attributes)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/%s", parent, name);
	tree_add(t, parent, name);
	tree_u64(t, path, "base-address", base);
	tree_u32(t, path, "pages-count", pages);
	tree_u32(t, path, "attributes", attributes);
}

/* Everything that a manifest can say of an SP at S-EL1, as vm1. */
static inline void sp_tree_full(struct tree *t)
{
	sp_tree_small(t);
	tree_string(t, "/", "debug_name", "first");
	tree_string(t, "/", "description", "The first");
	tree_list(t, "/", "uuid", 1, 2, 3, 4, 0xffffffff, 0, 0, 0);
	tree_u32(t, "/", "id", 0x8001);
	tree_u32(t, "/", "execution-ctx-count", 4);
	tree_u64(t, "/", "load-address", SP_BASE(1));
	tree_u32(t, "/", "xlat-granule", 0);
	tree_u32(t, "/", "boot-order", 7);
	tree_u32(t, "/", "messaging-method", 0x607);
	tree_u32(t, "/", "ns-interrupts-action", 1);
	tree_flag(t, "/", "managed-exit");
	tree_flag(t, "/", "managed-exit-virq");
	tree_u32(t, "/", "other-s-interrupts-action", 1);
	tree_u32(t, "/", "sri-interrupts-policy", 1);
	tree_flag(t, "/", "time-slice-mem");
	tree_u32(t, "/", "gp-register-num", 3);
	tree_u32(t, "/", "power-management-messages", 1);
	tree_u32(t, "/", "vm-availability-messages", 2);
	tree_flag(t, "/", "notification-support");
	tree_u32(t, "/", "abort-action", 2);
	tree_u64(t, "/", "trivet,watchdog-us", 250000);
	tree_add(t, "/", "boot-info");
	tree_string(t, "/boot-info", "compatible", "arm,ffa-manifest-boot-info");
	tree_flag(t, "/boot-info", "ffa_manifest");
	tree_add(t, "/", "rx_tx-info");
	tree_string(t, "/rx_tx-info", "compatible", "arm,ffa-manifest-rx_tx-buffer");
	tree_u32(t, "/rx_tx-info", "rx-buffer", 11);
	tree_u32(t, "/rx_tx-info", "tx-buffer", 12);
	tree_add(t, "/", "device-regions");
	tree_string(t, "/device-regions", "compatible", "arm,ffa-manifest-device-regions");
	tree_region(t, "/device-regions", "uart", 0x09000000, 1, 9);
	tree_region(t, "/device-regions", "rtc", 0x09010000, 1, 3);
	tree_string(t, "/device-regions/rtc", "description", "PL031");
	tree_list(t, "/device-regions/rtc", "interrupts", 34, 0xb40, 22, 0x510);
	tree_list(t, "/device-regions/rtc", "interrupts-target", 34, 0, 2);
	tree_flag(t, "/device-regions/rtc", "exclusive-access");
	/* libfdt puts a new node first: the regions come before rx_tx-info here, and behind it in another test. */
	tree_add(t, "/", "memory-regions");
	tree_string(t, "/memory-regions", "compatible", "arm,ffa-manifest-memory-regions");
	tree_region(t, "/memory-regions", "shared", 0x48000000, 2, 0xb);
	tree_region(t, "/memory-regions", "code", 0x0ef00000, 3, 5);
	tree_region(t, "/memory-regions", "tx", 0x0e900000 - 0x1000, 1, 3);
	tree_u32(t, "/memory-regions/tx", "phandle", 12);
	tree_region(t, "/memory-regions", "rx", 0, 1, 1);
	tree_delete(t, "/memory-regions/rx", "base-address");
	tree_u32(t, "/memory-regions/rx", "load-address-relative-offset", 0xfe000);
	tree_u32(t, "/memory-regions/rx", "phandle", 11);
}

/* One change to a good tree, and what the message must contain. */
struct bad_tree {
	const char *path;
	const char *key; /* NULL: a node of that path is added */
	const char *value; /* bytes */
	size_t size; /* BAD_ABSENT: the property is deleted */
	const char *message;
};
#define BAD_ABSENT ((size_t)-1)
#define CELLS(s) s, sizeof(s) - 1
#define TEXT(s) s, sizeof(s)

static inline void tree_break(struct tree *t, const struct bad_tree *bad)
{
	if (bad->key == NULL) {
		const char *slash = strrchr(bad->path, '/');
		char parent[64];

		snprintf(parent, sizeof(parent), "%.*s", slash == bad->path ? 1 : (int)(slash - bad->path), bad->path);
		tree_add(t, parent, slash + 1);
	} else if (bad->size == BAD_ABSENT) {
		tree_delete(t, bad->path, bad->key);
	} else {
		tree_bytes(t, bad->path, bad->key, bad->value, bad->size);
	}
}

static inline void expect_message(const struct spmc_messages *messages, const char *expected)
{
	if (strstr(messages->last, expected) == NULL) {
		fail_msg("'%s' is not in '%s'", expected, messages->last);
	}
}

#endif
