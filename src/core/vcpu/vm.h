/* SPDX-License-Identifier: MIT */
/* What the core knows of a VM or partition. A role embeds it in its own object and finds that by container_of. */
#ifndef CORE_VCPU_VM_H
#define CORE_VCPU_VM_H

#include "core/mm/stage2.h"
#include "core/vcpu/bus.h"
#include "core/vcpu/guest_mem.h"
#include "core/vgic/vgic.h"
#include "core/vcpu/cpu.h"
#include "lib/log.h"

struct vcpu;

#define VM_NAME_MAX 32

struct vm {
	char name[VM_NAME_MAX];
	uint16_t id;
	unsigned vcpu_count;
	struct vcpu **vcpus;
	struct stage2 stage2;
	struct guest_mem mem;
	struct bus bus;
	struct vgic vgic;
	uint64_t cntvoff; /* what the guest's virtual counter is behind the physical one */
	struct vcpu *last_vcpu[CPU_MAX]; /* which of ours ran last on each physical CPU; that CPU only */
	struct log_limit log_limit; /* for what the guest provokes */
};

#endif
