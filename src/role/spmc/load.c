/* SPDX-License-Identifier: MIT */
#include "role/spmc/load.h"

#include "core/mm/pool.h"
#include "lib/str.h"
#include "role/spmc/boot_info.h"
#include "role/spmc/el0.h"
#include "role/spmc/load_memory.h"
#include "role/spmc/manifest_reader.h"
#include "role/spmc/package.h"

struct sp **sps;
struct list sps_boot_list;

static struct sp *sp_table[SPMC_SPS_MAX];
static struct ffa_space nwd_space;
static bool has_el0; /* el0_init() was called, and what it said */
static enum err el0_error;

/* By number in the SPMC manifest: memory that its manifest names is somebody else's. Written before sps_load(). */
static uint64_t unreserved;

/* The SP that is being loaded. */
struct loader {
	const struct spmc_manifest *m;
	const struct spmc_sp *grant;
	struct manifest_reader say; /* for messages */
	struct sp_package package;
};

static struct loader loader_of(const struct spmc_manifest *m, unsigned index, const struct spmc_report *report)
{
	return (struct loader){ .m = m,
				.grant = &m->sps[index],
				.say = { .sp = m->sps[index].name, .report = report } };
}

static bool read_package(struct loader *l, struct sp_manifest *out)
{
	struct span memory = span_of(pa_ptr(pa(l->grant->load_address)), l->grant->mem_size);
	const char *wrong = sp_package_read(memory, &l->package);

	if (wrong != NULL) {
		return reader_refuse(&l->say, "package", "%s", wrong);
	}
	if (sp_manifest_read(l->package.manifest, l->m, l->grant, out, l->say.report) != OK) {
		return false;
	}
	if (!range_in(out->entry_offset, 4, l->package.image_offset, l->package.image_size)) {
		return reader_refuse(&l->say, "entrypoint-offset", "0x%llx is outside the image in the package",
				     (unsigned long long)out->entry_offset);
	}
	return !out->has_boot_info_register || l->package.has_header_page ||
	       reader_refuse(&l->say, "gp-register-num", "a package of version 1 has no room for boot information");
}

void sps_reserve(const struct spmc_manifest *m, enum err (*reserve)(uint64_t base, uint64_t size))
{
	static struct sp_manifest manifest;

	unreserved = 0;
	for (unsigned i = 0; i < m->sp_count; i++) {
		struct loader l = loader_of(m, i, &spmc_report_nowhere);

		if (!read_package(&l, &manifest)) {
			continue; /* sps_load() says why */
		}
		for (unsigned j = 0; j < manifest.memory_count; j++) {
			const struct sp_memory_region *r = &manifest.memory[j];

			if (!r->ns && !r->in_package && reserve(r->base, r->pages << PAGE_SHIFT) != OK) {
				unreserved |= BIT(i);
			}
		}
	}
}

/* ---- what an SP may not have because another has it ---- */

static bool check_memory(const struct loader *l, const struct sp_memory_region *r)
{
	uint64_t size = r->pages << PAGE_SHIFT;

	for (unsigned i = 0; i < l->m->sp_count; i++) {
		const struct spmc_sp *other = &l->m->sps[i];

		if (other != l->grant && range_overlaps(r->base, size, other->load_address, other->mem_size)) {
			return reader_refuse(&l->say, r->name, "the region overlaps the package of SP '%s'",
					     other->name);
		}
	}
	for (unsigned i = 0; i < ffa_partition_count(); i++) {
		const struct sp_manifest *other = &sp_of(ffa_partition(i))->manifest;

		for (unsigned j = 0; j < other->memory_count; j++) {
			if (range_overlaps(r->base, size, other->memory[j].base,
					   other->memory[j].pages << PAGE_SHIFT)) {
				return reader_refuse(&l->say, r->name, "the region overlaps '%s' of SP '%s'",
						     other->memory[j].name, other->name);
			}
		}
	}
	return true;
}

static bool check_device(const struct loader *l, const struct sp_device_region *d)
{
	for (unsigned i = 0; i < ffa_partition_count(); i++) {
		const struct sp_manifest *other = &sp_of(ffa_partition(i))->manifest;

		for (unsigned j = 0; j < other->device_count; j++) {
			const struct sp_device_region *o = &other->devices[j];

			if ((d->exclusive || o->exclusive) &&
			    range_overlaps(d->base, d->pages << PAGE_SHIFT, o->base, o->pages << PAGE_SHIFT)) {
				return reader_refuse(&l->say, d->name,
						     "the device overlaps '%s' of SP '%s', and %s is to "
						     "have it alone",
						     o->name, other->name, d->exclusive ? "this one" : "that one");
			}
		}
	}
	return true;
}

static bool check_interrupt(const struct loader *l, uint32_t intid)
{
	for (unsigned i = 0; i < ffa_partition_count(); i++) {
		const struct sp_manifest *other = &sp_of(ffa_partition(i))->manifest;

		for (unsigned j = 0; j < other->interrupt_count; j++) {
			if (other->interrupts[j].intid == intid) {
				return reader_refuse(&l->say, "interrupts", "%u is SP '%s''s", intid, other->name);
			}
		}
	}
	return true;
}

static bool check_others(const struct loader *l, const struct sp_manifest *m)
{
	for (unsigned i = 0; i < m->memory_count; i++) {
		if (!check_memory(l, &m->memory[i])) {
			return false;
		}
	}
	for (unsigned i = 0; i < m->device_count; i++) {
		if (!check_device(l, &m->devices[i])) {
			return false;
		}
	}
	for (unsigned i = 0; i < m->interrupt_count; i++) {
		if (!check_interrupt(l, m->interrupts[i].intid)) {
			return false;
		}
	}
	return (unreserved & BIT(l->grant - l->m->sps)) == 0 ||
	       reader_refuse(&l->say, "memory-regions", "a region is memory that somebody else has");
}

/* ---- making it ---- */

static uint32_t properties(const struct sp_manifest *m)
{
	return m->messaging | FFA_PROPERTY_AARCH64 | (m->notifications ? FFA_PROPERTY_NOTIFICATIONS : 0U) |
	       (m->vm_created ? FFA_PROPERTY_VM_CREATED : 0U) | (m->vm_destroyed ? FFA_PROPERTY_VM_DESTROYED : 0U);
}

static void fill_endpoint(struct sp *sp, uint16_t id)
{
	struct ffa_endpoint *e = &sp->endpoint;
	const struct sp_manifest *m = &sp->manifest;

	e->id = id;
	e->vcpu_count = m->vcpu_count;
	e->kind = m->s_el0 ? FFA_KIND_SP_EL0 : FFA_KIND_SP_EL1;
	e->version = m->ffa_version;
	e->properties = properties(m);
	e->name = m->name;
	e->uuid_count = m->uuid_count;
	for (unsigned i = 0; i < m->uuid_count; i++) {
		e->uuids[i] = m->uuids[i];
	}
}

_Static_assert(SP_UUIDS_MAX <= FFA_UUID_MAX && SPMC_SPS_MAX <= FFA_SP_MAX, "an endpoint has room for what is read");

static struct sp_vcpu *make_vcpu(struct sp *sp, unsigned index)
{
	struct sp_vcpu *v = pool_alloc_object(sizeof(*v));

	if (v != NULL) {
		v->sp = sp;
		v->cpu.index = index;
		/* Those beyond the last CPU are there for whoever counts them, and never run. */
		v->cpu.cpu = index < cpu_count ? cpus[index] : NULL;
		v->entry = sp->base.v + sp->manifest.entry_offset;
	}
	return v;
}

static enum err make_vcpus(struct sp *sp)
{
	unsigned count = sp->endpoint.vcpu_count;

	sp->vcpus = pool_alloc_object(count * sizeof(sp->vcpus[0]));
	if (sp->vcpus == NULL) {
		return ERR_NO_MEMORY;
	}
	for (unsigned i = 0; i < count; i++) {
		sp->vcpus[i] = make_vcpu(sp, i);
		if (sp->vcpus[i] == NULL) {
			return ERR_NO_MEMORY;
		}
	}
	return OK;
}

/* The first S-EL0 partition brings what all of them need. */
static enum err prepare_el0(const struct spmc_manifest *m)
{
	if (!has_el0) {
		has_el0 = true;
		el0_error = el0_init(m);
	}
	return el0_error;
}

static enum err make_space(struct loader *l, struct sp *sp)
{
	enum err e = sp->manifest.s_el0 ? prepare_el0(l->m) : OK;

	if (e == OK) {
		e = load_space(sp, l->m, (uint16_t)(sp->endpoint.id & ~(unsigned)FFA_ID_SECURE));
	}
	if (e == OK) {
		sp->endpoint.space = &sp->space;
	}
	return e;
}

static bool make_mailbox(struct loader *l, struct sp *sp)
{
	const struct sp_manifest *m = &sp->manifest;

	return !m->has_rxtx ||
	       ffa_mailbox_set_fixed(&sp->endpoint, pa(m->tx_base), pa(m->rx_base), (uint32_t)m->rxtx_size) == FFA_OK ||
	       reader_refuse(&l->say, "rx_tx-info", "the buffers cannot be mapped");
}

/* What it finds in its package, and a copy of that if it is to be restarted one day. */
static enum err prepare_package(const struct loader *l, const struct sp *sp)
{
	const struct sp_manifest *m = &sp->manifest;

	if (m->has_boot_info_register) {
		boot_info_write(sp->base, m, l->package.manifest);
	}
	return m->abort_action != SP_ABORT_RESTART
		       ? OK
		       : load_keep_copy(sp, l->package.image_offset + l->package.image_size);
}

static bool make(struct loader *l, struct sp *sp)
{
	enum err e = make_space(l, sp);

	if (e == OK && !make_mailbox(l, sp)) {
		return false;
	}
	if (e == OK && sp->manifest.notifications &&
	    ffa_notifications_enable(&sp->endpoint, sp->endpoint.vcpu_count) != FFA_OK) {
		e = ERR_NO_MEMORY;
	}
	if (e == OK) {
		e = make_vcpus(sp);
	}
	if (e == OK) {
		e = prepare_package(l, sp);
	}
	return e == OK || reader_refuse(&l->say, NULL, "%s", err_name(e));
}

static void free_vcpus(struct sp *sp)
{
	unsigned count = sp->endpoint.vcpu_count;

	for (unsigned i = 0; sp->vcpus != NULL && i < count; i++) {
		pool_free_object(sp->vcpus[i], sizeof(*sp->vcpus[i]));
	}
	pool_free_object(sp->vcpus, count * sizeof(sp->vcpus[0]));
}

/* Of one that was never made known. */
static void unmake(struct sp *sp)
{
	load_drop_copy(sp);
	free_vcpus(sp);
	ffa_notifications_drop(&sp->endpoint);
	ffa_mailbox_drop(&sp->endpoint);
	if (sp->endpoint.space != NULL) {
		ffa_space_destroy(&sp->space);
	}
}

/* Behind those that boot before it or at the same time. */
static void add_to_boot_list(struct sp *sp)
{
	struct list *at = sps_boot_list.prev;

	while (at != &sps_boot_list &&
	       list_entry(at, struct sp, boot_node)->manifest.boot_order > sp->manifest.boot_order) {
		at = at->prev;
	}
	list_insert(at, &sp->boot_node);
}

static void announce(struct sp *sp)
{
	const struct sp_manifest *m = &sp->manifest;

	sps[sp->grant->number - 1] = sp;
	ffa_endpoint_add(&sp->endpoint);
	add_to_boot_list(sp);
	log_info("SP '%s' is 0x%x: %s, FF-A %u.%u, %u vCPU%s, 0x%llx with %llu KiB", m->name, sp->endpoint.id,
		 m->s_el0 ? "S-EL0" : "S-EL1", m->ffa_version >> FFA_VERSION_MAJOR_SHIFT, m->ffa_version & 0xffff,
		 m->vcpu_count, m->vcpu_count == 1 ? "" : "s", (unsigned long long)sp->base.v,
		 (unsigned long long)(sp->size >> 10));
}

static bool load_into(struct loader *l, struct sp *sp)
{
	uint16_t id = (uint16_t)(FFA_ID_SPMC + l->grant->number);

	sp->grant = l->grant;
	sp->base = pa(l->grant->load_address);
	sp->size = l->grant->mem_size;
	if (!read_package(l, &sp->manifest) || !check_others(l, &sp->manifest)) {
		return false;
	}
	fill_endpoint(sp, id);
	if (sp->manifest.has_id && (sp->manifest.id | FFA_ID_SECURE) != id) {
		reader_warn(&l->say, "id", "it is 0x%x and not 0x%x", id, sp->manifest.id);
	}
	if (!make(l, sp)) {
		unmake(sp);
		return false;
	}
	return true;
}

static void load(const struct spmc_manifest *m, unsigned index)
{
	struct loader l = loader_of(m, index, &spmc_report_to_log);
	struct sp *sp = pool_alloc_object(sizeof(*sp));

	if (sp == NULL) {
		(void)reader_refuse(&l.say, NULL, "%s", err_name(ERR_NO_MEMORY));
	} else if (load_into(&l, sp)) {
		announce(sp);
	} else {
		pool_free_object(sp, sizeof(*sp));
	}
}

enum err sps_load(const struct spmc_manifest *m)
{
	enum err e = load_nwd_space(&nwd_space, m);

	if (e != OK) {
		return e;
	}
	memset(sp_table, 0, sizeof(sp_table));
	sps = sp_table;
	has_el0 = false;
	list_init(&sps_boot_list);
	ffa_endpoints_init(&nwd_space);
	/* Of 1.0 the SPMD does not even ask: that is what the normal world speaks then. */
	ffa_nwd.version = ffa_nwd.version_max = m->version;
	for (unsigned i = 0; i < m->sp_count; i++) {
		load(m, i);
	}
	return load_nwd_memory(&nwd_space, m);
}
