/* SPDX-License-Identifier: MIT */
/*
 * What a VM of the hypervisor finds around it: a pool that fails when it is told to and that wants memory back
 * scrubbed, a firmware, a log. All else of role/hyp and core is real, on the CPUs of machine.h. Included by exactly one
 * file of a program.
 */
#ifndef TEST_VM_WORLD_H
#define TEST_VM_WORLD_H

#include "machine.h"

#include "abi/psci.h"
#include "arch/atomic.h"
#include "core/mm/pool.h"
#include "core/port/clock.h"
#include "core/port/entropy.h"
#include "core/port/firmware.h"
#include "core/vcpu/idreg.h"
#include "role/hyp/console.h"
#include "role/hyp/devices.h"
#include "role/hyp/vm.h"

/* ---- a pool that fails when it is told to ---- */

static unsigned allocations;          /* so far */
static unsigned fail_at = UINT32_MAX; /* this one fails */
static unsigned held;                 /* not freed */

static struct held_pages {
	uint64_t base, pages;
	uint16_t owner;
} held_pages[64];

static bool allocate(void)
{
	if (allocations++ == fail_at) {
		return false;
	}
	held++;
	return true;
}

enum err pool_alloc(uint64_t pages, uint64_t align, uint16_t owner, pa_t *out)
{
	unsigned i = 0;

	if (!allocate()) {
		return ERR_NO_MEMORY;
	}
	while (held_pages[i].pages != 0) {
		assert_true(++i < ARRAY_SIZE(held_pages));
	}
	*out = pa_from_ptr(aligned_alloc(align, ALIGN_UP(pages * PAGE_SIZE, align)));
	memset(pa_ptr(*out), 0x5a, pages * PAGE_SIZE);
	held_pages[i] = (struct held_pages){ out->v, pages, owner };
	return OK;
}

enum err pool_alloc_page(pa_t *out)
{
	enum err error = pool_alloc(1, PAGE_SIZE, PAGE_OWNER_EL2, out);

	if (error == OK) {
		memset(pa_ptr(*out), 0, PAGE_SIZE);
	}
	return error;
}

/* Memory of a VM holds nothing of it any more: zeroes, or what the pool gave. */
void pool_free(pa_t base, uint64_t pages)
{
	for (unsigned i = 0; i < ARRAY_SIZE(held_pages); i++) {
		if (held_pages[i].pages == 0 || held_pages[i].base != base.v) {
			continue;
		}
		assert_int_equal(held_pages[i].pages, pages);
		if (held_pages[i].owner >= PAGE_OWNER_VM) {
			const uint8_t *bytes = pa_ptr(base);

			assert_true(bytes[0] == 0 || bytes[0] == 0x5a);
			assert_memory_equal(bytes, bytes + 1, pages * PAGE_SIZE - 1);
		}
		held_pages[i].pages = 0;
		held--;
		free(pa_ptr(base));
		return;
	}
	fail_msg("pages that the pool never gave");
}

enum err pool_free_part(pa_t base, uint64_t pages)
{
	fail_msg("%llu pages at 0x%llx of a VM without FF-A", (unsigned long long)pages, (unsigned long long)base.v);
	return ERR_INVALID;
}

void *pool_alloc_object(size_t size) { return allocate() ? calloc(1, size) : NULL; }

void pool_free_object(void *object, size_t size)
{
	if (object != NULL) {
		memset(object, 0xa5, size);
		free(object);
		held--;
	}
}

void pool_stats(struct pool_stats *out) { *out = (struct pool_stats){ 0 }; }

/* ---- what else is outside ---- */

static unsigned offs;
static unsigned messages_seen, resets_said;
static char last_message[512];

void firmware_system_off(void) { offs++; }
bool firmware_has_smccc_1_2(void) { return false; }
void firmware_call(struct smc_regs *regs) { (void)regs; }
void irq_enable(uint32_t intid) { (void)intid; }
uint64_t clock_seconds(void) { return 1800000000; }

bool entropy_get(uint64_t *value)
{
	*value = 1;
	return true;
}

static bool nowhere_put(void *ctx, uint8_t byte)
{
	(void)ctx;
	(void)byte;
	return true;
}

const struct chardev_ops vm_output_ops = { .put = nowhere_put };

void role_dump(struct vcpu *v) { (void)v; }
/* The loop's turn between two slices of a job, too. */
static void (*world_serve)(void);

void role_serve(struct cpu *cpu)
{
	(void)cpu;
	if (world_serve != NULL) {
		world_serve();
	}
}
void role_irq(uint32_t intid) { (void)intid; }

static void note_message(enum log_level level, const char *text)
{
	if (strstr(text, "' resets") != NULL) {
		resets_said++;
	} else if (level <= LOG_WARN) {
		messages_seen++;
		snprintf(last_message, sizeof(last_message), "%s", text);
	}
}

#endif
