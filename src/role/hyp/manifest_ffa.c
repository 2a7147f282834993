/* SPDX-License-Identifier: MIT */
/* What a VM may call outside: FF-A, as its node 'ffa' says, and SMCs to the firmware. */
#include "abi/smccc.h"
#include "lib/fdt.h"
#include "lib/str.h"
#include "role/hyp/manifest_reader.h"

#define MESSAGING_ALL                                                                                              \
	(FFA_PROPERTY_DIRECT_RECV | FFA_PROPERTY_DIRECT_SEND | FFA_PROPERTY_INDIRECT | FFA_PROPERTY_DIRECT2_RECV | \
	 FFA_PROPERTY_DIRECT2_SEND)
/* It sends what it likes, and receives what needs no vCPU of its own that waits for it. */
#define MESSAGING_USUAL (FFA_PROPERTY_DIRECT_SEND | FFA_PROPERTY_INDIRECT | FFA_PROPERTY_DIRECT2_SEND)

/* Four cells each; none is nil, which stands for all of them, and none comes twice. */
static bool read_uuids(const struct reader *r, struct vm_ffa_config *ffa)
{
	uint32_t cells[4 * MANIFEST_UUID_MAX];
	static const struct ffa_uuid nil;
	unsigned count = 0;
	enum err e = fdt_read_cells(r->fdt, r->node, "uuid", cells, ARRAY_SIZE(cells), &count);

	if (e == ERR_RANGE || (e == OK && count % 4 != 0)) {
		complain(r, "uuid", "give 1 to %d UUIDs of four cells each", MANIFEST_UUID_MAX);
		return false;
	}
	if (!reader_optional(r, "uuid", e, "four cells, as in <0x486178e0 0xe7f811e3 0xbc5e0002 0xa5d5c51b>")) {
		return false;
	}
	ffa->uuid_count = count / 4;
	memcpy(ffa->uuids, cells, count * sizeof(cells[0]));
	for (unsigned i = 0; i < ffa->uuid_count; i++) {
		bool bad = memcmp(&ffa->uuids[i], &nil, sizeof(nil)) == 0;

		for (unsigned j = 0; j < i; j++) {
			bad |= memcmp(&ffa->uuids[i], &ffa->uuids[j], sizeof(nil)) == 0;
		}
		if (bad) {
			complain(r, "uuid", "UUID %u is nil, or there already; give another", i + 1);
			return false;
		}
	}
	return true;
}

bool manifest_read_ffa(const struct reader *vm, int node, struct vm_config *config)
{
	static const char *const keys[] = { "uuid", "messaging-method", NULL };
	struct vm_ffa_config *ffa = &config->ffa;
	struct reader r = *vm;
	enum err e;

	if (node < 0) {
		return true;
	}
	r.node = node;
	ffa->enabled = true;
	ffa->messaging = MESSAGING_USUAL;
	e = fdt_read_u32(r.fdt, r.node, "messaging-method", &ffa->messaging);
	if (!reader_check_keys(&r, keys) || !reader_check_childless(&r) || !read_uuids(&r, ffa) ||
	    !reader_optional(&r, "messaging-method", e, "one cell of bits, as in <0x406>")) {
		return false;
	}
	if ((ffa->messaging & ~(uint32_t)MESSAGING_ALL) != 0) {
		complain(&r, "messaging-method", "0x%x has bits other than 0, 1, 2, 9 and 10; clear them",
			 ffa->messaging);
		return false;
	}
	return true;
}

/* What the firmware may be asked for a VM: not what we answer ourselves, nor what lets somebody take the machine. */
static bool may_allow(uint32_t id)
{
	unsigned owner = (unsigned)FIELD_GET(SMCCC_OWNER, id);

	return owner == SMCCC_OWNER_CPU || owner == SMCCC_OWNER_SIP || owner == SMCCC_OWNER_OEM ||
	       owner >= SMCCC_OWNER_TRUSTED_FIRST;
}

bool manifest_read_smcs(const struct reader *vm, struct vm_config *config)
{
	unsigned count = 0;
	enum err e = fdt_read_cells(vm->fdt, vm->node, "smc-allow", config->smcs, MANIFEST_SMC_MAX, &count);

	if (e == ERR_RANGE) {
		complain(vm, "smc-allow", "more than %d function ids; give fewer", MANIFEST_SMC_MAX);
		return false;
	}
	if (!reader_optional(vm, "smc-allow", e, "a list of SMC function ids, as in <0xc2000001>")) {
		return false;
	}
	config->smc_count = count;
	for (unsigned i = 0; i < count; i++) {
		if (!may_allow(config->smcs[i])) {
			complain(vm, "smc-allow",
				 "0x%08x is not the firmware's to answer for a VM; give ids of CPU, SiP, OEM, trusted "
				 "application or trusted OS services",
				 config->smcs[i]);
			return false;
		}
	}
	return true;
}
