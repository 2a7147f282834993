/* SPDX-License-Identifier: MIT */
/* The hypervisor's machine: its device tree says all, and PSCI starts its CPUs. */
#include "core/port/machine.h"

#include "abi/psci.h"
#include "arch/atomic.h"
#include "arch/barrier.h"
#include "arch/el1.h"
#include "core/port/firmware.h"
#include "core/port/host.h"
#include "core/sys/host.h"
#include "core/vcpu/idreg.h"
#include "lib/log.h"
#include "lib/panic.h"

#define CPU_ON_TIMEOUT_MS 10000 /* it takes microseconds, but a debugger or a busy emulator may hold a CPU up */

enum err machine_read(const void *fdt, uint64_t mpidr)
{
	return host_read(fdt, mpidr);
}

enum err machine_check(void)
{
	return host_check();
}

noreturn void machine_refuse(const char *why)
{
	panic("%s", why);
}

noreturn void machine_late_cpu(void)
{
	panic_stop();
}

void machine_init_cpu(struct cpu *cpu unused_arg)
{
	cpu_traps_init(&cpu_features);
	irq_enable(host.maintenance_intid);
	irq_enable(host.hyp_timer_intid);
	irq_enable(host.virt_timer_intid);
}

void machine_start_cpus(pa_t entry)
{
	uint64_t deadline;

	for (unsigned i = 1; i < cpu_count; i++) {
		int32_t error = firmware_cpu_on(cpus[i]->mpidr, entry);

		if (error != PSCI_SUCCESS) {
			panic("CPU %u (MPIDR 0x%llx): PSCI CPU_ON answered %d", i, (unsigned long long)cpus[i]->mpidr,
			      error);
		}
	}
	deadline = cpu_now() + read_cntfrq_el0() / 1000 * CPU_ON_TIMEOUT_MS;
	for (unsigned i = 1; i < cpu_count; i++) {
		while (atomic_load_acquire(&cpus[i]->online) == 0) {
			if (cpu_now() > deadline) {
				panic("CPU %u (MPIDR 0x%llx) was started and never came", i,
				      (unsigned long long)cpus[i]->mpidr);
			}
			cpu_relax();
		}
	}
}

void machine_print(void)
{
	int32_t psci = firmware_psci_version();

	log_info("%u CPU%s, %s%s, GICv3 at 0x%llx, UART at 0x%llx, PSCI %d.%d by SMC", cpu_count,
		 cpu_count == 1 ? "" : "s", el2_e2h ? "VHE only" : "E2H=0", el2_pauth ? ", PAuth" : "",
		 (unsigned long long)host.gicd.base, (unsigned long long)host.uart.base, psci >> 16, psci & 0xffff);
}
