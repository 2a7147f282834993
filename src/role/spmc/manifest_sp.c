/* SPDX-License-Identifier: MIT */
/* An SP's manifest: the properties of the partition. Its nodes are manifest_sp_nodes.c's. */
#include "role/spmc/manifest_sp.h"

#include "lib/str.h"

enum {
	COMPATIBLE,
	DEBUG_NAME,
	DESCRIPTION,
	FFA_VERSION_KEY,
	UUID,
	ID,
	AUXILIARY_ID,
	EXECUTION_CTX_COUNT,
	EXCEPTION_LEVEL,
	EXECUTION_STATE,
	LOAD_ADDRESS,
	ENTRYPOINT_OFFSET,
	XLAT_GRANULE,
	BOOT_ORDER,
	MESSAGING_METHOD,
	MANAGED_EXIT,
	MANAGED_EXIT_VIRQ,
	NS_INTERRUPTS_ACTION,
	OTHER_S_INTERRUPTS_ACTION,
	SRI_INTERRUPTS_POLICY,
	RUNTIME_MODEL,
	TIME_SLICE_MEM,
	GP_REGISTER_NUM,
	POWER_MANAGEMENT_MESSAGES,
	VM_AVAILABILITY_MESSAGES,
	NOTIFICATION_SUPPORT,
	ABORT_ACTION,
	WATCHDOG,
	ADDRESS_CELLS,
	SIZE_CELLS,
	/* Of the binding, but not done. */
	NOT_DONE,
	STREAM_ENDPOINT_IDS = NOT_DONE,
	HAS_PRIMARY_SCHEDULER,
	LIFECYCLE_SUPPORT,
	LIVE_ACTIVATION_SUPPORT,
	LIVE_ACTIVATION_REGISTER,
	LIVE_STATE_BUFFER_INFO,
	IMAGE_UUID,
};

static const char *const sp_keys[] = {
	[COMPATIBLE] = "compatible",
	[DEBUG_NAME] = "debug_name",
	[DESCRIPTION] = "description",
	[FFA_VERSION_KEY] = "ffa-version",
	[UUID] = "uuid",
	[ID] = "id",
	[AUXILIARY_ID] = "auxiliary-id",
	[EXECUTION_CTX_COUNT] = "execution-ctx-count",
	[EXCEPTION_LEVEL] = "exception-level",
	[EXECUTION_STATE] = "execution-state",
	[LOAD_ADDRESS] = "load-address",
	[ENTRYPOINT_OFFSET] = "entrypoint-offset",
	[XLAT_GRANULE] = "xlat-granule",
	[BOOT_ORDER] = "boot-order",
	[MESSAGING_METHOD] = "messaging-method",
	[MANAGED_EXIT] = "managed-exit",
	[MANAGED_EXIT_VIRQ] = "managed-exit-virq",
	[NS_INTERRUPTS_ACTION] = "ns-interrupts-action",
	[OTHER_S_INTERRUPTS_ACTION] = "other-s-interrupts-action",
	[SRI_INTERRUPTS_POLICY] = "sri-interrupts-policy",
	[RUNTIME_MODEL] = "runtime-model",
	[TIME_SLICE_MEM] = "time-slice-mem",
	[GP_REGISTER_NUM] = "gp-register-num",
	[POWER_MANAGEMENT_MESSAGES] = "power-management-messages",
	[VM_AVAILABILITY_MESSAGES] = "vm-availability-messages",
	[NOTIFICATION_SUPPORT] = "notification-support",
	[ABORT_ACTION] = "abort-action",
	[WATCHDOG] = "trivet,watchdog-us",
	[ADDRESS_CELLS] = "#address-cells",
	[SIZE_CELLS] = "#size-cells",
	[STREAM_ENDPOINT_IDS] = "stream-endpoint-ids",
	[HAS_PRIMARY_SCHEDULER] = "has-primary-scheduler",
	[LIFECYCLE_SUPPORT] = "lifecycle-support",
	[LIVE_ACTIVATION_SUPPORT] = "live-activation-support",
	[LIVE_ACTIVATION_REGISTER] = "live-activation-register",
	[LIVE_STATE_BUFFER_INFO] = "live-state-buffer-info",
	[IMAGE_UUID] = "image-uuid",
};
_Static_assert(ARRAY_SIZE(sp_keys) <= MANIFEST_KEYS_MAX, "");

#define MESSAGING_DIRECT2 (FFA_PROPERTY_DIRECT2_RECV | FFA_PROPERTY_DIRECT2_SEND)
#define MESSAGING_ALL (FFA_PROPERTY_DIRECT_RECV | FFA_PROPERTY_DIRECT_SEND | FFA_PROPERTY_INDIRECT | MESSAGING_DIRECT2)

#define ABORT_PROPAGATE 3

/* power-management-messages */
enum { POWER_CPU_OFF = 1, POWER_ALL = 7 };

static bool read_names(struct sp_reader *s, const struct manifest_node *n)
{
	char text[SP_NAME_MAX];

	(void)str_copy(s->out->name, s->sp->name, sizeof(s->out->name));
	return node_compatible(&s->r, n, COMPATIBLE, "arm,ffa-manifest-1.0") &&
	       node_text(&s->r, n, DEBUG_NAME, text, sizeof(text)) &&
	       node_text(&s->r, n, DESCRIPTION, text, sizeof(text));
}

static bool read_version(struct sp_reader *s, const struct manifest_node *n)
{
	uint64_t version = 0;

	if (!node_required_number(&s->r, n, FFA_VERSION_KEY, UINT32_MAX, &version)) {
		return false;
	}
	if (version < FFA_VERSION_1_0 || version > FFA_VERSION_1_2) {
		return reader_refuse(&s->r, sp_keys[FFA_VERSION_KEY], "0x%llx is not possible; FF-A 1.0 to 1.2 is",
				     (unsigned long long)version);
	}
	s->out->ffa_version = (uint32_t)version;
	return true;
}

static bool read_uuids(struct sp_reader *s, const struct manifest_node *n)
{
	static const struct ffa_uuid nil;
	uint32_t cells[4 * SP_UUIDS_MAX];
	unsigned count;

	if (!node_require(&s->r, n, UUID) || !node_cells(&s->r, n, UUID, 4, ARRAY_SIZE(cells), cells, &count)) {
		return false;
	}
	s->out->uuid_count = count / 4;
	memcpy(s->out->uuids, cells, count * sizeof(cells[0]));
	for (unsigned i = 0; i < s->out->uuid_count; i++) {
		const struct ffa_uuid *uuid = &s->out->uuids[i];

		if (memcmp(uuid, &nil, sizeof(nil)) == 0) {
			return reader_refuse(&s->r, sp_keys[UUID], "the nil UUID names no service");
		}
		for (unsigned j = 0; j < i; j++) {
			if (memcmp(uuid, &s->out->uuids[j], sizeof(*uuid)) == 0) {
				return reader_refuse(&s->r, sp_keys[UUID], "a UUID is there twice");
			}
		}
	}
	return true;
}

/* What the partition would like but what the platform decides: it runs all the same, and may ask what it got. */
static bool read_wishes(struct sp_reader *s, const struct manifest_node *n)
{
	uint64_t id = 0, auxiliary = 0, address = s->sp->load_address, model = 0;
	bool no_time_slices; /* there are none */

	if (!node_number(&s->r, n, ID, UINT16_MAX, &id) ||
	    !node_number(&s->r, n, AUXILIARY_ID, UINT32_MAX, &auxiliary) ||
	    !node_number(&s->r, n, LOAD_ADDRESS, UINT64_MAX, &address) ||
	    !node_number(&s->r, n, RUNTIME_MODEL, UINT32_MAX, &model) ||
	    !node_flag(&s->r, n, TIME_SLICE_MEM, &no_time_slices)) {
		return false;
	}
	s->out->has_id = node_has(n, ID);
	s->out->id = (uint32_t)id;
	if (node_has(n, AUXILIARY_ID)) {
		reader_warn(&s->r, sp_keys[AUXILIARY_ID], "no second id is given; no transaction can name 0x%llx",
			    (unsigned long long)auxiliary);
	}
	if (address != s->sp->load_address) {
		reader_warn(&s->r, sp_keys[LOAD_ADDRESS], "it is loaded at 0x%llx and not at 0x%llx",
			    (unsigned long long)s->sp->load_address, (unsigned long long)address);
	}
	if (node_has(n, RUNTIME_MODEL)) {
		reader_warn(&s->r, sp_keys[RUNTIME_MODEL], "has no effect; ns-interrupts-action says it");
	}
	return true;
}

static bool read_execution(struct sp_reader *s, const struct manifest_node *n)
{
	uint64_t level = 0, state = 0, granule = 0, count = 0;
	struct sp_manifest *m = s->out;

	if (!node_required_number(&s->r, n, EXCEPTION_LEVEL, UINT32_MAX, &level) ||
	    !node_required_number(&s->r, n, EXECUTION_STATE, UINT32_MAX, &state) ||
	    !node_number(&s->r, n, XLAT_GRANULE, UINT32_MAX, &granule) ||
	    !node_required_number(&s->r, n, EXECUTION_CTX_COUNT, UINT16_MAX, &count) ||
	    !node_number(&s->r, n, ENTRYPOINT_OFFSET, s->sp->mem_size - 1, &m->entry_offset)) {
		return false;
	}
	if (level != 1 && level != 2) {
		return reader_refuse(&s->r, sp_keys[EXCEPTION_LEVEL], "must be 1 (S-EL0) or 2 (S-EL1)");
	}
	m->s_el0 = level == 1;
	if (state != 0) {
		return reader_refuse(&s->r, sp_keys[EXECUTION_STATE], "must be 0, which is AArch64");
	}
	if (granule != 0) {
		return reader_refuse(&s->r, sp_keys[XLAT_GRANULE], "must be 0, which is 4 KiB");
	}
	if (!IS_ALIGNED(m->entry_offset, 4)) {
		return reader_refuse(&s->r, sp_keys[ENTRYPOINT_OFFSET], "0x%llx is no address of an instruction",
				     (unsigned long long)m->entry_offset);
	}
	if (count != 1 && (m->s_el0 || count < s->spmc->cpu_count)) {
		return reader_refuse(&s->r, sp_keys[EXECUTION_CTX_COUNT],
				     m->s_el0 ? "must be 1 at S-EL0" : "must be 1, or at least the %u of all CPUs",
				     s->spmc->cpu_count);
	}
	if (count > s->sp->vcpu_count) {
		return reader_refuse(&s->r, sp_keys[EXECUTION_CTX_COUNT],
				     "%u are more than the %u of vcpu_count in the SPMC manifest", (unsigned)count,
				     s->sp->vcpu_count);
	}
	m->vcpu_count = (uint16_t)count;
	return true;
}

static bool read_messaging(struct sp_reader *s, const struct manifest_node *n)
{
	struct sp_manifest *m = s->out;
	uint64_t methods = 0, availability = 0;

	if (!node_required_number(&s->r, n, MESSAGING_METHOD, UINT32_MAX, &methods) ||
	    !node_flag(&s->r, n, NOTIFICATION_SUPPORT, &m->notifications) ||
	    !node_number(&s->r, n, VM_AVAILABILITY_MESSAGES, 3, &availability)) {
		return false;
	}
	if ((methods & ~(uint64_t)MESSAGING_ALL) != 0) {
		return reader_refuse(&s->r, sp_keys[MESSAGING_METHOD], "0x%llx has bits other than 0, 1, 2, 9 and 10",
				     (unsigned long long)methods);
	}
	if ((methods & MESSAGING_DIRECT2) != 0 && m->ffa_version < FFA_VERSION_1_2) {
		return reader_refuse(&s->r, sp_keys[MESSAGING_METHOD], "bits 9 and 10 need FF-A 1.2");
	}
	if (availability != 0 && (methods & FFA_PROPERTY_DIRECT_RECV) == 0) {
		return reader_refuse(&s->r, sp_keys[VM_AVAILABILITY_MESSAGES],
				     "come as direct requests, but messaging-method has not bit 0");
	}
	m->messaging = (uint32_t)methods;
	m->vm_created = (availability & 1) != 0;
	m->vm_destroyed = (availability & 2) != 0;
	return true;
}

static bool read_interrupt_actions(struct sp_reader *s, const struct manifest_node *n)
{
	struct sp_manifest *m = s->out;
	uint64_t action = SP_NS_SIGNALED, other = 1, policy = 0;
	bool managed_exit = false;

	if (!node_flag(&s->r, n, MANAGED_EXIT, &managed_exit) ||
	    !node_flag(&s->r, n, MANAGED_EXIT_VIRQ, &m->managed_exit_virq) ||
	    !node_number(&s->r, n, NS_INTERRUPTS_ACTION, SP_NS_SIGNALED, &action) ||
	    !node_number(&s->r, n, OTHER_S_INTERRUPTS_ACTION, 1, &other) ||
	    !node_number(&s->r, n, SRI_INTERRUPTS_POLICY, 3, &policy)) {
		return false;
	}
	/* The way to say it before FF-A 1.1. */
	if (managed_exit && node_has(n, NS_INTERRUPTS_ACTION) && action != SP_NS_MANAGED_EXIT) {
		return reader_refuse(&s->r, sp_keys[MANAGED_EXIT], "contradicts ns-interrupts-action");
	}
	m->ns_action = managed_exit ? SP_NS_MANAGED_EXIT : (enum sp_ns_action)action;
	if (m->ns_action == SP_NS_MANAGED_EXIT && m->s_el0) {
		return reader_refuse(&s->r, sp_keys[managed_exit ? MANAGED_EXIT : NS_INTERRUPTS_ACTION],
				     "a managed exit is for S-EL1 only");
	}
	if (m->managed_exit_virq && m->ns_action != SP_NS_MANAGED_EXIT) {
		return reader_refuse(&s->r, sp_keys[MANAGED_EXIT_VIRQ], "needs ns-interrupts-action = <1>");
	}
	m->other_s_queued = other == 0;
	if (m->other_s_queued && m->ns_action != SP_NS_QUEUED) {
		return reader_refuse(&s->r, sp_keys[OTHER_S_INTERRUPTS_ACTION],
				     "0 (queued) needs ns-interrupts-action = <0>");
	}
	if (policy != 0 && m->s_el0) {
		return reader_refuse(&s->r, sp_keys[SRI_INTERRUPTS_POLICY], "is for S-EL1 only");
	}
	m->sri_delayed_waiting = (policy & 1) != 0;
	m->sri_delayed_preempted = (policy & 2) != 0;
	return true;
}

/* Nobody tells us of a CPU's suspension, and a context that is not bound to a CPU does not end with one. */
static bool read_power(struct sp_reader *s, const struct manifest_node *n)
{
	uint64_t messages = 0;

	if (!node_number(&s->r, n, POWER_MANAGEMENT_MESSAGES, POWER_ALL, &messages)) {
		return false;
	}
	if ((messages & ~(uint64_t)POWER_CPU_OFF) != 0) {
		reader_warn(&s->r, sp_keys[POWER_MANAGEMENT_MESSAGES],
			    "bits 1 and 2 have no effect; the firmware tells of CPU_OFF alone");
	}
	if ((messages & POWER_CPU_OFF) != 0 && s->out->vcpu_count == 1) {
		reader_warn(&s->r, sp_keys[POWER_MANAGEMENT_MESSAGES],
			    "bit 0 has no effect: its one context is bound to no CPU");
		messages = 0;
	}
	s->out->power_messages = (uint32_t)messages & POWER_CPU_OFF;
	return true;
}

static bool read_life(struct sp_reader *s, const struct manifest_node *n)
{
	uint64_t order = SP_BOOT_ORDER_LAST, abort_action = SP_ABORT_STOP, reg = 0;
	struct sp_manifest *m = s->out;

	if (!node_number(&s->r, n, BOOT_ORDER, SP_BOOT_ORDER_LAST, &order) ||
	    !node_number(&s->r, n, GP_REGISTER_NUM, 3, &reg) ||
	    !node_number(&s->r, n, ABORT_ACTION, ABORT_PROPAGATE, &abort_action) ||
	    !node_number(&s->r, n, WATCHDOG, UINT32_MAX, &m->watchdog_us)) {
		return false;
	}
	if (abort_action == ABORT_PROPAGATE) {
		return reader_refuse(&s->r, sp_keys[ABORT_ACTION],
				     "3 (propagate) is not done: what ends one partition ends no other");
	}
	m->boot_order = (uint16_t)order;
	m->has_boot_info_register = node_has(n, GP_REGISTER_NUM);
	m->boot_info_register = (uint8_t)reg;
	m->abort_action = (enum sp_abort_action)abort_action;
	return true;
}

static bool refuse_not_done(const struct sp_reader *s, const struct manifest_node *n)
{
	for (unsigned key = NOT_DONE; key < ARRAY_SIZE(sp_keys); key++) {
		if (node_has(n, key)) {
			return reader_refuse(&s->r, sp_keys[key], "%s",
					     key == STREAM_ENDPOINT_IDS ? NO_DMA
					     : key == HAS_PRIMARY_SCHEDULER
						     ? "the normal world has it"
						     : "is of FF-A 1.3, which is not spoken here");
		}
	}
	return true;
}

static bool read_partition(struct sp_reader *s)
{
	struct manifest_node n;
	uint64_t cells = 0;

	/* #address-cells and #size-cells are dtc's, for "reg", which no node has. */
	return reader_read_told(&s->r, &n, sp_keys) && refuse_not_done(s, &n) && read_names(s, &n) &&
	       read_version(s, &n) && read_uuids(s, &n) && read_execution(s, &n) && read_wishes(s, &n) &&
	       read_messaging(s, &n) && read_interrupt_actions(s, &n) && read_power(s, &n) && read_life(s, &n) &&
	       node_number(&s->r, &n, ADDRESS_CELLS, 2, &cells) && node_number(&s->r, &n, SIZE_CELLS, 2, &cells);
}

static bool read_nodes(struct sp_reader *s)
{
	bool more;

	for (;;) {
		if (!reader_child(&s->r, NULL, &more)) {
			return false;
		}
		if (!more) {
			break;
		}
		if (!sp_read_node(s)) {
			return false;
		}
	}
	if (s->has_boot_info && !s->out->has_boot_info_register) {
		return reader_refuse(&s->r, sp_keys[GP_REGISTER_NUM], "is missing: the node boot-info needs it");
	}
	return sp_resolve_rxtx(s);
}

enum err sp_manifest_read(struct span blob, const struct spmc_manifest *spmc, const struct spmc_sp *sp,
			  struct sp_manifest *out, const struct spmc_report *report)
{
	struct sp_reader s = {
		.r = { .sp = sp->name, .report = report },
		.spmc = spmc,
		.sp = sp,
		.out = out,
	};

	/* All but the regions and interrupts, of which the counts say what is written. */
	memset(out, 0, offsetof(struct sp_manifest, memory));
	return reader_start(&s.r, blob) && read_partition(&s) && read_nodes(&s) ? OK : ERR_INVALID;
}
