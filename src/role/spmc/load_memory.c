/* SPDX-License-Identifier: MIT */
#include "role/spmc/load_memory.h"

#include "arch/cache.h"
#include "arch/zero.h"
#include "core/mm/pool.h"
#include "core/vcpu/idreg.h"
#include "lib/str.h"
#include "role/spmc/el0.h"
#include "role/spmc/load.h"

/* By id - FFA_ID_SP_FIRST: an SP's package as it was loaded. */
static struct {
	pa_t base;
	uint64_t size; /* 0: none */
} copies[SPMC_SPS_MAX];

static uint64_t mmfr0(void)
{
	return cpu_features.raw[IDREG_INDEX(id_aa64mmfr0_el1)];
}

/* All that anybody may have is in the SPMC manifest; 0 if this CPU's addresses do not reach so far. */
static unsigned ipa_bits(const struct spmc_manifest *m)
{
	uint64_t end = 0;

	for (unsigned i = 0; i < m->range_count; i++) {
		end = MAX(end, m->ranges[i].base + m->ranges[i].size);
	}
	return stage2_ipa_bits(mmfr0(), end);
}

/* ---- an SP ---- */

static enum err map_identity(struct stage2 *s2, uint64_t base, uint64_t pages, unsigned attrs)
{
	return stage2_map(s2, ipa(base), pa(base), pages << PAGE_SHIFT, attrs | STAGE2_OWNED);
}

static enum err map_memory(struct sp *sp, const struct sp_memory_region *region)
{
	unsigned attrs = STAGE2_R | (region->write ? STAGE2_W : 0U) | (region->execute ? STAGE2_X : 0U);

	if (region->in_package) {
		return stage2_protect(&sp->space.secure, ipa(region->base), region->pages << PAGE_SHIFT,
				      attrs | STAGE2_OWNED);
	}
	return map_identity(region->ns ? &sp->space.ns : &sp->space.secure, region->base, region->pages, attrs);
}

static enum err map_device(struct sp *sp, const struct sp_device_region *region)
{
	return map_identity(region->ns ? &sp->space.ns : &sp->space.secure, region->base, region->pages,
			    STAGE2_R | (region->write ? STAGE2_W : 0U) | STAGE2_DEVICE);
}

/* Into empty tables. */
static enum err map_all(struct sp *sp)
{
	/* FFA_MEM_PERM_SET makes data of what an S-EL0 partition needs as such, while it initializes. */
	unsigned package = STAGE2_R | STAGE2_X | (sp->manifest.s_el0 ? 0U : STAGE2_W);
	enum err e = map_identity(&sp->space.secure, sp->base.v, sp->size >> PAGE_SHIFT, package);

	for (unsigned i = 0; e == OK && i < sp->manifest.memory_count; i++) {
		e = map_memory(sp, &sp->manifest.memory[i]);
	}
	for (unsigned i = 0; e == OK && i < sp->manifest.device_count; i++) {
		e = map_device(sp, &sp->manifest.devices[i]);
	}
	return e == OK && sp->manifest.s_el0 ? el0_map(&sp->space.secure) : e;
}

static enum err empty(struct stage2 *s2)
{
	return stage2_unmap(s2, ipa(0), BIT(s2->table.address_bits));
}

enum err sp_map_memory(struct sp *sp)
{
	enum err e = empty(&sp->space.secure);

	if (e == OK) {
		e = empty(&sp->space.ns);
	}
	return e == OK ? map_all(sp) : e;
}

/* True if the partition has all of the range to itself. */
static bool owns(struct sp *sp, uint64_t base, uint64_t size)
{
	uint64_t done = 0;

	while (done < size) {
		struct stage2 *table = ffa_space_table(&sp->space, base + done);
		unsigned attrs;
		uint64_t run;
		pa_t to;

		if (table == NULL || !stage2_lookup(table, ipa(base + done), &to, &attrs, &run) ||
		    (attrs & STAGE2_STATE_MASK) != STAGE2_OWNED) {
			return false;
		}
		done += run;
	}
	return true;
}

bool sp_has_memory(struct sp *sp)
{
	const struct sp_manifest *m = &sp->manifest;
	bool all = owns(sp, sp->base.v, sp->size);

	for (unsigned i = 0; i < m->memory_count; i++) {
		all = all && owns(sp, m->memory[i].base, m->memory[i].pages * PAGE_SIZE);
	}
	return all;
}

static void scrub(struct stage2 *table)
{
	unsigned attrs;
	uint64_t run;

	for (ipa_t at = ipa(0); stage2_next(table, &at, &run, &attrs); at.v += run) {
		if ((attrs & (STAGE2_STATE_MASK | STAGE2_DEVICE)) == STAGE2_OWNED) {
			zero_pages(pa_ptr(pa(at.v)), run);
		}
	}
}

void sp_scrub_memory(struct sp *sp)
{
	scrub(&sp->space.secure);
	scrub(&sp->space.ns);
}

enum err load_space(struct sp *sp, const struct spmc_manifest *m, uint16_t vmid)
{
	unsigned bits = ipa_bits(m);
	enum err e = ERR_UNSUPPORTED;

	if (bits != 0) {
		e = ffa_space_init(&sp->space, bits, vmid, mmfr0(), cpu_features.raw[IDREG_INDEX(id_aa64mmfr1_el1)]);
	}
	if (e == OK) {
		e = map_all(sp);
		if (e != OK) {
			ffa_space_destroy(&sp->space);
		}
	}
	return e;
}

/* ---- the normal world ---- */

enum err load_nwd_space(struct ffa_space *nwd, const struct spmc_manifest *m)
{
	unsigned bits = ipa_bits(m);

	memset(copies, 0, sizeof(copies));
	return bits != 0 ? ffa_space_init_nwd(nwd, bits, mmfr0()) : ERR_UNSUPPORTED;
}

static enum err take_from_nwd(struct ffa_space *nwd, bool ns, uint64_t base, uint64_t pages)
{
	return ns ? stage2_unmap(&nwd->ns, ipa(base), pages << PAGE_SHIFT) : OK;
}

enum err load_nwd_memory(struct ffa_space *nwd, const struct spmc_manifest *m)
{
	enum err e = OK;

	for (unsigned i = 0; e == OK && i < m->range_count; i++) {
		const struct spmc_range *r = &m->ranges[i];

		if (r->kind == SPMC_MEMORY_NS) {
			e = map_identity(&nwd->ns, r->base, r->size >> PAGE_SHIFT, STAGE2_R | STAGE2_W | STAGE2_X);
		} else if (r->kind == SPMC_DEVICE_NS) {
			e = map_identity(&nwd->ns, r->base, r->size >> PAGE_SHIFT, STAGE2_R | STAGE2_W | STAGE2_DEVICE);
		}
	}
	for (unsigned i = 0; i < ffa_partition_count(); i++) {
		const struct sp_manifest *sp = &sp_of(ffa_partition(i))->manifest;

		for (unsigned j = 0; e == OK && j < sp->memory_count; j++) {
			e = take_from_nwd(nwd, sp->memory[j].ns, sp->memory[j].base, sp->memory[j].pages);
		}
		for (unsigned j = 0; e == OK && j < sp->device_count; j++) {
			e = take_from_nwd(nwd, sp->devices[j].ns, sp->devices[j].base, sp->devices[j].pages);
		}
	}
	return e;
}

/* ---- what a restart begins with ---- */

static unsigned copy_index(const struct sp *sp)
{
	return (unsigned)sp->endpoint.id - FFA_ID_SP_FIRST;
}

enum err load_keep_copy(const struct sp *sp, uint64_t size)
{
	uint64_t pages = ALIGN_UP(size, PAGE_SIZE) >> PAGE_SHIFT;
	pa_t base;
	enum err e = pool_alloc(pages, PAGE_SIZE, PAGE_OWNER_EL2, &base);

	if (e != OK) {
		return e;
	}
	memcpy(pa_ptr(base), pa_ptr(sp->base), pages << PAGE_SHIFT);
	copies[copy_index(sp)].base = base;
	copies[copy_index(sp)].size = pages << PAGE_SHIFT;
	return OK;
}

void load_drop_copy(const struct sp *sp)
{
	unsigned index = copy_index(sp);

	if (copies[index].size != 0) {
		pool_free(copies[index].base, copies[index].size >> PAGE_SHIFT);
		copies[index].size = 0;
	}
}

enum err sp_reload(const struct sp *sp)
{
	uint64_t size = copies[copy_index(sp)].size;

	if (size == 0) {
		return ERR_NOT_FOUND;
	}
	memcpy(pa_ptr(sp->base), pa_ptr(copies[copy_index(sp)].base), size);
	if (size < sp->size) {
		zero_pages(pa_ptr(pa(sp->base.v + size)), sp->size - size);
	}
	/* It begins with its MMU off, and with instructions that were data here. */
	cache_clean_invalidate(pa_ptr(sp->base), sp->size);
	cache_sync_code(pa_ptr(sp->base), size);
	return OK;
}
