/* SPDX-License-Identifier: MIT */
/* The hypervisor: VMs out of the bundle, and what the core asks of its role. */
#include "core/mm/pool.h"
#include "core/port/host.h"
#include "core/port/role.h"
#include "core/sys/clock.h"
#include "core/vcpu/run.h"
#include "lib/log.h"
#include "lib/str.h"
#include "role/hyp/console.h"
#include "role/hyp/ffa/start.h"
#include "role/hyp/ffa/notify.h"
#include "role/hyp/networks.h"
#include "role/hyp/prompt_show.h"
#include "role/hyp/regions.h"
#include "role/hyp/vm.h"

/* Reads one VM of the manifest and makes it; what is wrong with it is its own affair. */
static void make_vm(const struct manifest *manifest, int node, const struct bundle *bundle)
{
	struct vm_config *config = pool_alloc_object(sizeof(*config));

	if (config == NULL) {
		log_error("no memory to read the manifest");
		return;
	}
	if (manifest_read_vm(manifest, node, config, &report_to_log) != OK || vm_create(config, bundle) == NULL) {
		pool_free_object(config, sizeof(*config));
	}
}

static void make_vms(struct manifest *manifest)
{
	static struct bundle bundle;
	struct span archive = span_of(pa_ptr(pa(host.initrd.base)), host.initrd.size);

	if (bundle_open(&bundle, archive, &report_to_log) != OK ||
	    manifest_open(manifest, bundle.manifest, cpu_count, &report_to_log) != OK) {
		return;
	}
	networks_create(manifest, &report_to_log);
	regions_create(manifest, &report_to_log);
	for (int node = manifest_next_vm(manifest, -1); node >= 0; node = manifest_next_vm(manifest, node)) {
		make_vm(manifest, node, &bundle);
	}
}

void role_main(struct cpu *cpu unused_arg)
{
	static struct manifest manifest;
	unsigned started = 0;

	clock_init();
	ffa_start();
	make_vms(&manifest);
	list_for_each (node, &vms) {
		vm_attach(list_entry(node, struct hyp_vm, node));
	}
	console_init(manifest.console_prefix);
	list_for_each (node, &vms) {
		struct hyp_vm *vm = list_entry(node, struct hyp_vm, node);

		started += vm->config->autostart && vm_start(vm) == NULL ? 1 : 0;
	}
	if (started == 0) {
		log_error("no VM was started. Ctrl-] opens the prompt; \"quit\" powers off.");
	}
}

void role_run(struct cpu *cpu)
{
	cpu_loop(cpu);
}

const struct vcpu *role_loaded(const struct cpu *cpu)
{
	return cpu->current;
}

const char *role_guest_name(const struct vcpu *v)
{
	return v->vm->name;
}

void role_irq(uint32_t intid)
{
	if (intid == host.uart_intid) {
		console_interrupt();
	} else {
		notify_interrupt(intid);
	}
}

void role_dump(struct vcpu *v)
{
	show_registers(v);
}

void role_serve(struct cpu *cpu unused_arg)
{
}
