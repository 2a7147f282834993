/* SPDX-License-Identifier: MIT */
#include "role/hyp/vm.h"

#include "core/mm/pool.h"
#include "core/vcpu/run.h"
#include "lib/log.h"
#include "lib/str.h"
#include "role/hyp/devices.h"
#include "role/hyp/ffa/guest.h"

struct list vms = { &vms, &vms };

/* ---- making one ---- */

static bool fail(const struct hyp_vm *vm, const char *key, const char *what)
{
	report_error(&report_to_log, vm->vm.name, key, "%s", what);
	return false;
}

static bool make_vcpus(struct hyp_vm *vm)
{
	const struct vm_config *config = vm->config;

	vm->vm.vcpus = pool_alloc_object(config->vcpu_count * sizeof(struct vcpu *));
	if (vm->vm.vcpus == NULL || !vgic_init(&vm->vm.vgic, config->vcpu_count, GUEST_SPI_COUNT)) {
		return fail(vm, "vcpus", "no memory for its interrupt controller");
	}
	vm->vm.shares = pool_alloc_object(cpu_count * sizeof(struct cpu_share));
	if (vm->vm.shares == NULL) {
		return fail(vm, "vcpus", "no memory for their shares of the CPUs");
	}
	for (unsigned i = 0; i < config->vcpu_count; i++) {
		struct vcpu *v = pool_alloc_object(sizeof(*v));

		if (v == NULL) {
			return fail(vm, "vcpus", "no memory for that many");
		}
		vm->vm.vcpus[i] = v;
		vm->vm.vcpu_count = i + 1;
		vcpu_init(v, &vm->vm, cpus[config->affinity[i]], i, guest_cpu_affinity(i));
		if (!vgic_cpu_init(&vm->vm.vgic, i, &v->vgic, v, guest_cpu_affinity(i))) {
			return fail(vm, "vcpus", "no memory for their interrupts");
		}
	}
	return true;
}

static bool make_text(struct hyp_vm *vm)
{
	return vm_text_init(&vm->output.text) || fail(vm, NULL, "no memory for what it prints");
}

static void free_vm(struct hyp_vm *vm)
{
	const struct vm_config *config = vm->config;

	devices_destroy(vm);
	if (vm->vm.vgic.vcpu_count != 0) {
		vgic_destroy(&vm->vm.vgic);
	}
	for (unsigned i = 0; i < vm->vm.vcpu_count; i++) {
		pool_free_object(vm->vm.vcpus[i], sizeof(struct vcpu));
	}
	if (vm->vm.vcpus != NULL) {
		pool_free_object(vm->vm.vcpus, config->vcpu_count * sizeof(struct vcpu *));
	}
	pool_free_object(vm->vm.shares, cpu_count * sizeof(struct cpu_share));
	bus_destroy(&vm->vm.bus);
	vm_free_memory(vm);
	vm_text_free(&vm->output.text);
	pool_free_object(vm, sizeof(*vm));
}

struct hyp_vm *vm_create(const struct vm_config *config, const struct bundle *bundle)
{
	struct hyp_vm *vm = pool_alloc_object(sizeof(*vm));

	if (vm == NULL) {
		report_error(&report_to_log, config->name, NULL, "no memory for it");
		return NULL;
	}
	str_copy(vm->vm.name, config->name, sizeof(vm->vm.name));
	vm->vm.id = (uint16_t)config->index;
	vm->config = config;
	vm->bundle = bundle;
	vm->vm.weight = config->weight;
	vm->vm.cap = config->cap;
	if (image_plan(config, bundle, &vm->plan, &report_to_log) != OK || !vm_make_memory(vm) || !make_vcpus(vm) ||
	    !make_text(vm) || !devices_create(vm) || !ffa_guest_create(vm)) {
		free_vm(vm);
		return NULL;
	}
	life_init(vm);
	list_append(&vms, &vm->node);
	return vm;
}

void vm_attach(struct hyp_vm *vm)
{
	for (unsigned i = 0; i < vm->vm.vcpu_count; i++) {
		vcpu_attach(vm->vm.vcpus[i]);
	}
}
