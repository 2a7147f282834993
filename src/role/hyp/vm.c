/* SPDX-License-Identifier: MIT */
#include "role/hyp/vm.h"

#include "abi/psci.h"
#include "arch/atomic.h"
#include "arch/zero.h"
#include "core/mm/pool.h"
#include "core/port/firmware.h"
#include "core/port/role.h"
#include "core/vcpu/idreg.h"
#include "core/vcpu/run.h"
#include "lib/log.h"
#include "lib/panic.h"
#include "lib/str.h"
#include "role/hyp/console.h"
#include "role/hyp/devices.h"
#include "role/hyp/dev/pl031.h"
#include "role/hyp/psci.h"
#include "role/hyp/vm_ops.h"

struct list vms = { &vms, &vms };

/* ---- making one ---- */

static bool fail(const struct hyp_vm *vm, const char *key, const char *what)
{
	report_error(&report_to_log, vm->vm.name, key, "%s", what);
	return false;
}

/* RAM: one piece, mapped at GUEST_RAM_BASE. */
static bool make_memory(struct hyp_vm *vm)
{
	const struct vm_config *config = vm->config;
	uint64_t mmfr0 = cpu_features.raw[IDREG_INDEX(id_aa64mmfr0_el1)];
	unsigned bits = stage2_ipa_bits(mmfr0, GUEST_RAM_BASE + config->memory_size);
	struct pool_stats stats;

	if (bits == 0) {
		return fail(vm, "memory-mib", "more than this CPU's guest physical addresses reach");
	}
	if (stage2_init(&vm->vm.stage2, STAGE2_VM, bits, (uint16_t)(vm->vm.id + 1), mmfr0,
			cpu_features.raw[IDREG_INDEX(id_aa64mmfr1_el1)]) != OK) {
		return fail(vm, NULL, "no memory for its translation tables");
	}
	if (pool_alloc(config->memory_size / PAGE_SIZE, BLOCK_SIZE, (uint16_t)(PAGE_OWNER_VM + vm->vm.id), &vm->ram) !=
	    OK) {
		pool_stats(&stats);
		report_error(&report_to_log, vm->vm.name, "memory-mib",
			     "%llu MiB are asked for, but only %llu MiB are free in one piece",
			     (unsigned long long)config->memory_size >> 20,
			     (unsigned long long)stats.largest_free >> 8);
		return false;
	}
	vm->vm.mem.banks[0] = (struct guest_bank){ GUEST_RAM_BASE, config->memory_size, pa_ptr(vm->ram) };
	vm->vm.mem.count = 1;
	if (stage2_map(&vm->vm.stage2, ipa(GUEST_RAM_BASE), vm->ram, config->memory_size,
		       STAGE2_R | STAGE2_W | STAGE2_X) != OK) {
		return fail(vm, "memory-mib", "no memory for its translation tables");
	}
	return true;
}

static bool make_vcpus(struct hyp_vm *vm)
{
	const struct vm_config *config = vm->config;

	vm->vm.vcpus = pool_alloc_object(config->vcpu_count * sizeof(struct vcpu *));
	if (vm->vm.vcpus == NULL || !vgic_init(&vm->vm.vgic, config->vcpu_count, GUEST_SPI_COUNT)) {
		return fail(vm, "vcpus", "no memory for its interrupt controller");
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
	bus_destroy(&vm->vm.bus);
	if (vm->vm.stage2.root_pages != 0) {
		stage2_destroy(&vm->vm.stage2);
	}
	if (vm->ram.v != 0) {
		zero_pages(pa_ptr(vm->ram), config->memory_size);
		pool_free(vm->ram, config->memory_size / PAGE_SIZE);
	}
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
	ring_init(&vm->output, vm->output_data, sizeof(vm->output_data));
	if (image_plan(config, bundle, &vm->plan, &report_to_log) != OK || !make_memory(vm) || !make_vcpus(vm) ||
	    !devices_create(vm, bundle)) {
		free_vm(vm);
		return NULL;
	}
	list_append(&vms, &vm->node);
	return vm;
}

void vm_attach(struct hyp_vm *vm)
{
	for (unsigned i = 0; i < vm->vm.vcpu_count; i++) {
		vcpu_attach(vm->vm.vcpus[i]);
	}
}

/* ---- its life ---- */

/* Everything as at power-on; images in place. No vCPU runs. */
static bool power_on(struct hyp_vm *vm)
{
	vgic_reset(&vm->vm.vgic);
	devices_reset(vm);
	psci_reset(&vm->vm);
	if (image_load(&vm->plan, &vm->vm.mem) != OK) {
		return fail(vm, "kernel", "it does not load");
	}
	vm->vm.cntvoff = cpu_now();
	atomic_store_release(&vm->phase, VM_RUNNING);
	psci_power_on(vm->vm.vcpus[0], vm->plan.entry, vm->plan.dtb);
	return true;
}

bool vm_start(struct hyp_vm *vm)
{
	return atomic_load(&vm->phase) == VM_DOWN && power_on(vm);
}

bool vm_stop(struct hyp_vm *vm, enum vm_after after)
{
	uint32_t running = VM_RUNNING;

	if (!atomic_cas(&vm->phase, &running, (uint32_t)VM_STOPPING)) {
		return false;
	}
	vm->after = after;
	atomic_store(&vm->stopped, 0);
	/* Release, in vcpu_request: who serves the request sees the two words above. */
	for (unsigned i = 0; i < vm->vm.vcpu_count; i++) {
		vcpu_request(vm->vm.vcpus[i], VCPU_REQ_STOP);
	}
	return true;
}

/* With the last VM the machine goes off too, unless a crash is there to be looked at. */
static void off_if_last(void)
{
	list_for_each (node, &vms) {
		const struct hyp_vm *vm = list_entry(node, struct hyp_vm, node);

		if (atomic_load(&vm->phase) != VM_DOWN || vm->after == VM_AFTER_CRASH) {
			return;
		}
	}
	log_info("all VMs are off; the machine powers off");
	firmware_system_off();
	log_error("the firmware refused to power off");
}

/* On the CPU where the last vCPU stopped; nothing of the VM runs. */
static void all_stopped(struct hyp_vm *vm)
{
	if (vm->after == VM_AFTER_RESET) {
		log_limited(&vm->vm.log_limit, "VM '%s' resets", vm->vm.name);
		if (power_on(vm)) {
			return;
		}
		vm->after = VM_AFTER_CRASH;
	}
	log_info("VM '%s' is %s", vm->vm.name, vm->after == VM_AFTER_OFF ? "off" : "stopped");
	atomic_store_release(&vm->phase, VM_DOWN);
	off_if_last();
}

void role_stopped(struct vcpu *v)
{
	struct hyp_vm *vm = hyp_vm(v->vm);

	pl031_stop_timer(vm->rtc, v);
	if (atomic_add(&vm->stopped, 1) + 1 == vm->vm.vcpu_count) {
		all_stopped(vm);
	}
}

void role_start(struct vcpu *v)
{
	uint32_t power = atomic_load_acquire(&v->power);
	bool wakes = power == PSCI_AFFINITY_ON && v->state == VCPU_RUNNING; /* from CPU_SUSPEND */

	/* A request that the VM's stop has overtaken finds the power off, or the VM not running. */
	if (atomic_load(&hyp_vm(v->vm)->phase) != VM_RUNNING || !(wakes || power == PSCI_AFFINITY_ON_PENDING)) {
		return;
	}
	vcpu_reset(v, v->start.entry, v->start.context);
	if (v->state == VCPU_STOPPED) {
		vcpu_state_set(v, VCPU_OFF);
	}
	vcpu_state_set(v, VCPU_READY);
	psci_started(v);
}

void vm_system_off(struct vm *vm)
{
	vm_stop(hyp_vm(vm), VM_AFTER_OFF);
}

void vm_system_reset(struct vm *vm)
{
	vm_stop(hyp_vm(vm), VM_AFTER_RESET);
}

enum trap_result role_crash(struct vcpu *v, const char *why)
{
	log_limited(&v->vm->log_limit, "VM '%s': vCPU %u at pc 0x%llx: %s; the VM is stopped", v->vm->name, v->index,
		    (unsigned long long)v->regs.pc, why);
	vm_stop(hyp_vm(v->vm), VM_AFTER_CRASH);
	return TRAP_LEAVE;
}
