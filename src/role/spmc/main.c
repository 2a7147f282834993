/* SPDX-License-Identifier: MIT */
/* The Secure Partition Manager Core: what the core asks of its role. */
#include "core/port/role.h"

#include "core/sys/boot.h"
#include "lib/log.h"
#include "lib/panic.h"
#include "role/spmc/context.h"
#include "role/spmc/life.h"
#include "role/spmc/load.h"
#include "role/spmc/loop.h"
#include "role/spmc/machine.h"
#include "role/spmc/sp.h"

void role_main(struct cpu *cpu unused_arg)
{
	/* Before anything is allocated, which might be just there. */
	sps_reserve(&spmc_manifest, boot_reserve);
	if (sp_contexts_init() != OK) {
		panic("no memory for the registers of the normal world");
	}
	if (sps_load(&spmc_manifest) != OK) {
		log_error("not all SPs were loaded");
	}
}

void role_run(struct cpu *cpu)
{
	sp_cpu_init(cpu);
	sps_start_on_cpu(cpu);
	spmc_loop(cpu);
}

const struct vcpu *role_loaded(const struct cpu *cpu)
{
	const struct sp_context *c = sp_context_of(cpu);

	return c != NULL && c->loaded != NULL ? &c->loaded->cpu : NULL;
}

const char *role_guest_name(const struct vcpu *v)
{
	return container_of(v, const struct sp_vcpu, cpu)->sp->manifest.name;
}
