/* SPDX-License-Identifier: MIT */
/*
 * What the tests of the readers share: replayable random numbers, archives and manifests to read, a place for
 * messages.
 */
#ifndef TEST_BUNDLE_TEST_H
#define TEST_BUNDLE_TEST_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cmocka_main.h"
#include "lib/base.h"

#include <libfdt.h>

#include "role/hyp/report.h"

/* ---- random numbers: SEED in the environment, else the time; printed, so that a failure can be replayed ---- */

static uint64_t random_state;

static inline void random_start(const char *what)
{
	const char *seed = getenv("SEED");

	random_state = seed != NULL ? strtoull(seed, NULL, 0) : (uint64_t)time(NULL) * 2654435761u;
	random_state |= random_state == 0;
	printf("%s: SEED=%llu\n", what, (unsigned long long)random_state);
	fflush(stdout);
}

static inline uint64_t random_below(uint64_t bound)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (random_state * UINT64_C(0x2545f4914f6cdd1d) >> 16) % bound;
}

/* Changes 1 to 4 bytes, one bit, or a word to an extreme value: what damage and malice look like. */
static inline void random_damage(uint8_t *data, size_t size)
{
	static const uint32_t extremes[] = { 0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffff0, 0x10000000 };

	for (uint64_t n = 1 + random_below(4); n > 0; n--) {
		uint8_t *at = data + random_below(size);

		switch (random_below(3)) {
		case 0:
			*at = (uint8_t)random_below(256);
			break;
		case 1:
			*at ^= (uint8_t)(1u << random_below(8));
			break;
		default:
			at = data + ALIGN_DOWN((uint64_t)(at - data), 4);
			if (at + 4 <= data + size) {
				uint32_t big = __builtin_bswap32(extremes[random_below(ARRAY_SIZE(extremes))]);

				memcpy(at, &big, 4);
			}
		}
	}
}

/* A copy of its own size, so that ASan sees every byte that is read behind it. */
static inline uint8_t *exact_copy(const void *data, size_t size)
{
	uint8_t *copy = malloc(size != 0 ? size : 1);

	assert_non_null(copy);
	memcpy(copy, data, size);
	return copy;
}

/* ---- messages ---- */

struct messages {
	struct report report;
	unsigned count;
	char last[256];
};

static inline void messages_error(struct report *report, const char *text)
{
	struct messages *m = container_of(report, struct messages, report);

	m->count++;
	snprintf(m->last, sizeof(m->last), "%s", text);
}

static const struct report_ops messages_ops = { .error = messages_error };

static inline struct messages messages_new(void) { return (struct messages){ .report.ops = &messages_ops }; }

/* ---- archives ---- */

struct archive {
	uint8_t data[20480];
	size_t size;
};

static inline void archive_pad(struct archive *a)
{
	while (a->size % 4 != 0) {
		a->data[a->size++] = 0;
	}
}

static inline void archive_add(struct archive *a, const char *name, const void *data, size_t size)
{
	size_t name_size = strlen(name) + 1;

	assert_true(a->size + 128 + name_size + size < sizeof(a->data));
	a->size += (size_t)sprintf((char *)a->data + a->size,
				   "070701%08x%08x%08x%08x%08x%08x%08zX%08x%08x%08x%08x%08zX%08x", 1u, 0100644u, 0u, 0u,
				   1u, 0u, size, 0u, 0u, 0u, 0u, name_size, 0u);
	memcpy(a->data + a->size, name, name_size);
	a->size += name_size;
	archive_pad(a);
	if (size != 0) {
		memcpy(a->data + a->size, data, size);
	}
	a->size += size;
	archive_pad(a);
}

static inline void archive_end(struct archive *a) { archive_add(a, "TRAILER!!!", NULL, 0); }

/* ---- manifests, as trees that a test may change before it packs them ---- */

struct tree {
	_Alignas(8) uint8_t fdt[8192];
	int vms;
};

static inline int tree_node(struct tree *t, const char *path)
{
	int node = fdt_path_offset(t->fdt, path);

	assert_true(node >= 0);
	return node;
}

static inline void tree_add(struct tree *t, const char *parent, const char *name)
{
	assert_true(fdt_add_subnode(t->fdt, tree_node(t, parent), name) >= 0);
}

static inline void tree_u32(struct tree *t, const char *path, const char *key, uint32_t value)
{
	assert_int_equal(fdt_setprop_u32(t->fdt, tree_node(t, path), key, value), 0);
}

static inline void tree_string(struct tree *t, const char *path, const char *key, const char *value)
{
	assert_int_equal(fdt_setprop_string(t->fdt, tree_node(t, path), key, value), 0);
}

static inline void tree_bytes(struct tree *t, const char *path, const char *key, const void *value, size_t size)
{
	assert_int_equal(fdt_setprop(t->fdt, tree_node(t, path), key, value, (int)size), 0);
}

static inline void tree_delete(struct tree *t, const char *path, const char *key)
{
	assert_int_equal(fdt_delprop(t->fdt, tree_node(t, path), key), 0);
}

static inline void tree_add_vm(struct tree *t, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/vms/%s", name);
	/* libfdt puts a new node first. */
	tree_add(t, "/vms", name);
	tree_u32(t, path, "vcpus", 2);
	tree_u32(t, path, "memory-mib", 64);
	tree_string(t, path, "kernel", "Image");
}

/* One VM "a" with all keys and a device of each kind, in the order blk, net, console, rng. */
static inline void tree_good(struct tree *t)
{
	static const char *const devices[][2] = {
		{ "rng", "virtio-rng" }, { "port", "virtio-console" }, { "lan", "virtio-net" }, { "disk", "virtio-blk" }
	};

	assert_int_equal(fdt_create_empty_tree(t->fdt, sizeof(t->fdt)), 0);
	tree_string(t, "/", "compatible", "trivet,manifest-1");
	tree_add(t, "/", "vms");
	tree_add_vm(t, "a");
	tree_bytes(t, "/vms/a", "affinity", "\0\0\0\3\0\0\0\1", 8);
	tree_string(t, "/vms/a", "initrd", "initramfs");
	tree_string(t, "/vms/a", "bootargs", "console=ttyAMA0");
	tree_add(t, "/vms/a", "devices");
	for (unsigned i = 0; i < ARRAY_SIZE(devices); i++) {
		char path[64];

		tree_add(t, "/vms/a/devices", devices[i][0]);
		snprintf(path, sizeof(path), "/vms/a/devices/%s", devices[i][0]);
		tree_string(t, path, "compatible", devices[i][1]);
	}
	tree_string(t, "/vms/a/devices/disk", "file", "disk.img");
	tree_bytes(t, "/vms/a/devices/disk", "read-only", NULL, 0);
	tree_bytes(t, "/vms/a/devices/lan", "mac", "\x52\x54\0\x12\x34\x56", 6);
}

#endif
