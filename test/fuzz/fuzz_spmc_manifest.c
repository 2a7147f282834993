/* SPDX-License-Identifier: MIT */
/* Any bytes as the SPMC manifest: what is accepted lies inside the limits, what is refused brings a message. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "role/spmc/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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

static bool sp_ok(const struct spmc_manifest *m, unsigned index)
{
	const struct spmc_sp *sp = &m->sps[index];

	for (unsigned i = 0; i < index; i++) {
		if (range_overlaps(sp->load_address, sp->mem_size, m->sps[i].load_address, m->sps[i].mem_size)) {
			return false;
		}
	}
	return spmc_has_memory(m, SPMC_MEMORY_SECURE, sp->load_address, sp->mem_size) &&
	       !spmc_has_own(m, sp->load_address, sp->mem_size) && sp->number != 0 && sp->number <= SPMC_SPS_MAX &&
	       IS_ALIGNED(sp->load_address | sp->mem_size, PAGE_SIZE) && sp->vcpu_count != 0 &&
	       sp->vcpu_count <= SPMC_CPUS_MAX && sp->smc_allowed_count <= SP_SMC_ALLOWED_MAX &&
	       strnlen(sp->name, SP_NAME_MAX) < SP_NAME_MAX;
}

static bool manifest_ok(const struct spmc_manifest *m)
{
	for (unsigned i = 0; i < m->range_count; i++) {
		const struct spmc_range *r = &m->ranges[i];

		if (r->size == 0 || r->base + r->size > BIT(48) || !IS_ALIGNED(r->base | r->size, PAGE_SIZE)) {
			return false;
		}
		for (unsigned j = 0; j < i; j++) {
			if (range_overlaps(r->base, r->size, m->ranges[j].base, m->ranges[j].size)) {
				return false;
			}
		}
	}
	for (unsigned i = 1; i < m->cpu_count; i++) {
		if (m->cpu_mpidr[i - 1] >= m->cpu_mpidr[i]) {
			return false;
		}
	}
	for (unsigned i = 0; i < m->sp_count; i++) {
		if (!sp_ok(m, i)) {
			return false;
		}
	}
	return m->cpu_count != 0 && m->cpu_count <= SPMC_CPUS_MAX && m->range_count <= SPMC_RANGES_MAX;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size != 0 ? size : 1); /* aligned */
	struct spmc_manifest m;

	memcpy(copy, data, size);
	errors = 0;
	if (spmc_manifest_read(span_of(copy, size), 0x0e100000, 0x60000, &m, &report) == OK ? !manifest_ok(&m)
											    : errors == 0) {
		abort();
	}
	free(copy);
	return 0;
}
