/* SPDX-License-Identifier: MIT */
/* Packages in an arena that is the machine's memory: 16 MiB Secure, 1 MiB of it for each SP, and 16 MiB not. */
#ifndef TEST_SPMC_LOAD_WORLD_H
#define TEST_SPMC_LOAD_WORLD_H

#include "spmc/manifest_test.h"

#include <sys/mman.h>

#include "arch/host/host.h"
#include "core/mm/pool.h"
#include "core/vcpu/idreg.h"
#include "ffa/port.h"
#include "role/spmc/load.h"
#include "role/spmc/package.h"

#define PLACE_SIZE MIB(1)
#define SECURE_SIZE MIB(16)
#define NS_SIZE MIB(16)
#define POOL_SIZE MIB(8)
#define DEVICE_BASE 0x09010000u
#define NS_DEVICE_BASE 0x09000000u
#define IMAGE_OFFSET 0x4000u
#define IMAGE_SIZE 0x2000u

static struct {
	uint8_t *memory, *pool;
	struct spmc_manifest m;
	struct tree trees[4]; /* of the SPs */
	unsigned messages;
	char last[256];
} load;

/* Nobody sends anything while SPs are loaded. */
void ffa_port_notified(struct ffa_endpoint *receiver unused_arg, int vcpu unused_arg, bool delayed unused_arg)
{
	fail();
}
void interrupt_sri(bool delayed unused_arg) { fail(); }

const void *ffa_port_caller(void) { return NULL; }

bool ffa_port_take_wakeup(struct ffa_endpoint *sp unused_arg, unsigned vcpu unused_arg)
{
	fail();
	return false;
}

/* Where SP 'number' (1..) is loaded; what lies behind the last is for memory regions. */
static inline uint64_t place(unsigned number) { return (uint64_t)(uintptr_t)load.memory + (number - 1) * PLACE_SIZE; }
static inline uint64_t ns_base(void) { return (uint64_t)(uintptr_t)load.memory + SECURE_SIZE; }

static inline uint8_t *load_arena(uint64_t size)
{
	uint8_t *at = mmap(NULL, size + BLOCK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
			   -1, 0);

	assert_ptr_not_equal(at, MAP_FAILED);
	return (uint8_t *)(uintptr_t)ALIGN_UP((uint64_t)(uintptr_t)at, BLOCK_SIZE);
}

static inline void load_log(enum log_level level, const char *text)
{
	if (level <= LOG_WARN) {
		load.messages++;
		snprintf(load.last, sizeof(load.last), "%s", text);
	}
}

static inline void load_expect(unsigned messages, const char *text)
{
	assert_int_equal(load.messages, messages);
	if (messages != 0 && strstr(load.last, text) == NULL) {
		fail_msg("'%s' is not in '%s'", text, load.last);
	}
	load.messages = 0;
}

static inline void load_range(enum spmc_memory kind, uint64_t base, uint64_t size)
{
	load.m.ranges[load.m.range_count++] = (struct spmc_range){ .base = base, .size = size, .kind = kind };
}

/* 'count' SPs called sp1.., each with the smallest manifest; nothing is in memory yet. */
static inline void load_start(unsigned count)
{
	if (load.memory == NULL) {
		load.memory = load_arena(SECURE_SIZE + NS_SIZE);
		load.pool = load_arena(POOL_SIZE);
	}
	host_log_hook = load_log;
	cpu_features.raw[IDREG_INDEX(id_aa64mmfr0_el1)] = 5;
	pool_reset();
	assert_int_equal(pool_add(pa_from_ptr(load.pool), POOL_SIZE), OK);
	memset(&load.m, 0, sizeof(load.m));
	load.m.cpu_count = 4;
	load_range(SPMC_MEMORY_SECURE, place(1), SECURE_SIZE);
	load_range(SPMC_MEMORY_NS, ns_base(), NS_SIZE);
	load_range(SPMC_DEVICE_SECURE, DEVICE_BASE, 0x2000);
	load_range(SPMC_DEVICE_NS, NS_DEVICE_BASE, 0x1000);
	for (unsigned i = 0; i < count; i++) {
		struct spmc_sp *sp = &load.m.sps[i];

		*sp = (struct spmc_sp){ .number = (uint16_t)(i + 1),
					.load_address = place(i + 1),
					.mem_size = PLACE_SIZE,
					.vcpu_count = 4 };
		snprintf(sp->name, sizeof(sp->name), "sp%u", i + 1);
		sp_tree_small(&load.trees[i]);
	}
	load.m.sp_count = count;
	load.m.version = FFA_VERSION_1_2;
	load.messages = 0;
}

/* As BL2 loads it: header, manifest, image of a pattern; the rest is not zero. */
static inline void load_package(unsigned number, const struct tree *t)
{
	uint32_t size = fdt_totalsize(t->fdt);
	uint32_t header[] = { SP_PACKAGE_MAGIC, 2, 0x1000, size, IMAGE_OFFSET, IMAGE_SIZE };
	uint8_t *at = (uint8_t *)(uintptr_t)place(number);

	memset(at, 0xee, PLACE_SIZE);
	memset(at, 0, IMAGE_OFFSET);
	memcpy(at, header, sizeof(header));
	assert_true(0x1000 + size <= IMAGE_OFFSET);
	memcpy(at + 0x1000, t->fdt, size);
	memset(at + IMAGE_OFFSET, (int)number, IMAGE_SIZE);
}

/* Puts all packages into memory, and loads. */
static inline enum err load_all(void)
{
	for (unsigned i = 0; i < load.m.sp_count; i++) {
		fdt_pack(load.trees[i].fdt);
		load_package(i + 1, &load.trees[i]);
	}
	return sps_load(&load.m);
}

static inline uint64_t load_free_pages(void)
{
	struct pool_stats stats;

	pool_stats(&stats);
	return stats.free_pages;
}

/* The attributes of a page in a table, ~0 if it is not mapped to itself. */
static inline unsigned attrs_at(struct stage2 *s2, uint64_t address)
{
	unsigned attrs;
	uint64_t run;
	pa_t to;

	return stage2_lookup(s2, ipa(address), &to, &attrs, &run) && to.v == address ? attrs : ~0U;
}

#endif
