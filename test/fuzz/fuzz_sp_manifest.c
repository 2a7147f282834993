/* SPDX-License-Identifier: MIT */
/* Any bytes as an SP's manifest: what is accepted is inside what is granted, what is refused brings one message. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ffa/mailbox.h"
#include "role/spmc/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* As config/spmc/virt.dtsi has it. */
static const struct spmc_manifest spmc = {
	.load_address = 0x0e100000,
	.binary_size = 0x80000,
	.cpu_count = 4,
	.cpu_mpidr = { 0, 1, 2, 3 },
	.range_count = 4,
	.ranges = { { 0x0e100000, 0xf00000, SPMC_MEMORY_SECURE },
		    { 0x40000000, 0x40000000, SPMC_MEMORY_NS },
		    { 0x09010000, 0x1000, SPMC_DEVICE_SECURE },
		    { 0x09000000, 0x1000, SPMC_DEVICE_NS } },
	.sp_count = 1,
	.sps = { { .name = "sp", .load_address = 0x0e800000, .mem_size = 0x100000, .vcpu_count = 4 } },
};

static unsigned errors;

static void count(const struct spmc_report *report, enum log_level level, const char *text)
{
	(void)report;
	if (strlen(text) == 0 || strlen(text) > 255) {
		abort();
	}
	errors += level == LOG_ERROR;
}

static const struct spmc_report report = { .say = count };

static bool regions_ok(const struct sp_manifest *m)
{
	for (unsigned i = 0; i < m->memory_count; i++) {
		const struct sp_memory_region *r = &m->memory[i];
		uint64_t size = r->pages << PAGE_SHIFT;

		if (!IS_ALIGNED(r->base, PAGE_SIZE) || !r->read || (r->execute && (r->write || r->ns)) ||
		    !spmc_has_memory(&spmc, r->ns ? SPMC_MEMORY_NS : SPMC_MEMORY_SECURE, r->base, size) ||
		    range_overlaps(r->base, size, spmc.load_address, spmc.binary_size) ||
		    r->in_package != range_overlaps(r->base, size, 0x0e800000, 0x100000)) {
			return false;
		}
		for (unsigned j = 0; j < i; j++) {
			if (range_overlaps(r->base, size, m->memory[j].base, m->memory[j].pages << PAGE_SHIFT)) {
				return false;
			}
		}
	}
	for (unsigned i = 0; i < m->device_count; i++) {
		const struct sp_device_region *d = &m->devices[i];

		if (!IS_ALIGNED(d->base, PAGE_SIZE) || !d->read ||
		    !spmc_has_memory(&spmc, d->ns ? SPMC_DEVICE_NS : SPMC_DEVICE_SECURE, d->base,
				     d->pages << PAGE_SHIFT)) {
			return false;
		}
	}
	return true;
}

static bool interrupts_ok(const struct sp_manifest *m)
{
	for (unsigned i = 0; i < m->interrupt_count; i++) {
		const struct sp_interrupt *irq = &m->interrupts[i];

		if (irq->intid < 16 || irq->intid > 1019 || (irq->has_target && irq->target_mpidr > 3)) {
			return false;
		}
		for (unsigned j = 0; j < i; j++) {
			if (m->interrupts[j].intid == irq->intid) {
				return false;
			}
		}
	}
	return true;
}

static bool manifest_ok(const struct sp_manifest *m)
{
	if (m->has_rxtx && (m->rxtx_size == 0 || m->rxtx_size > FFA_RXTX_PAGES_MAX * PAGE_SIZE ||
			    range_overlaps(m->rx_base, m->rxtx_size, m->tx_base, m->rxtx_size))) {
		return false;
	}
	return m->uuid_count >= 1 && m->uuid_count <= SP_UUIDS_MAX && (m->vcpu_count == 1 || m->vcpu_count == 4) &&
	       !(m->s_el0 && m->vcpu_count != 1) && m->entry_offset < 0x100000 && m->boot_info_register <= 3 &&
	       m->memory_count <= SP_REGIONS_MAX && m->device_count <= SP_REGIONS_MAX &&
	       m->interrupt_count <= SP_INTERRUPTS_MAX && (m->messaging & ~0x607u) == 0 && regions_ok(m) &&
	       interrupts_ok(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size != 0 ? size : 1); /* aligned */
	struct sp_manifest m;
	enum err e;

	memcpy(copy, data, size);
	errors = 0;
	e = sp_manifest_read(span_of(copy, size), &spmc, &spmc.sps[0], &m, &report);
	if (errors != (e == OK ? 0 : 1) || (e == OK && !manifest_ok(&m))) {
		abort();
	}
	free(copy);
	return 0;
}
