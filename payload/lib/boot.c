/* SPDX-License-Identifier: MIT */
#include "payload/lib/boot.h"

#include "payload/lib/exception.h"
#include "payload/lib/fdt.h"
#include "payload/lib/gic.h"
#include "payload/lib/mmu.h"
#include "payload/lib/psci.h"
#include "payload/lib/report.h"
#include "payload/lib/string.h"

extern const char _head[], _image_end[];

uint64_t boot_first_count;
uint64_t ram_base;
uint64_t ram_size;

#define MPIDR_AFFINITY UINT64_C(0xff00ffffff)

/* CPU 0 is the one that runs; the others follow in the device tree's order. */
static void find_cpus(void)
{
	cpus[0].affinity = read_sysreg(mpidr_el1) & MPIDR_AFFINITY;
	for (uint32_t node = FDT_ROOT; node != 0 && cpu_count < CPU_MAX; node = fdt_next(node)) {
		uint32_t length = 0;
		uint64_t affinity;

		if (!str_starts(fdt_name(node), "cpu@") || fdt_prop(node, "reg", &length) == NULL) {
			continue;
		}
		affinity = length == 8 ? fdt_u64(node, "reg", 0) : fdt_u32(node, "reg", 0);
		if (affinity != cpus[0].affinity) {
			cpus[cpu_count++].affinity = affinity;
		}
	}
	for (uint32_t i = 0; i < CPU_MAX; i++) {
		cpus[i].index = i;
	}
}

/* Identity: everything below RAM is a device, the image's blocks are executable. */
static void map_machine(void)
{
	uint64_t image = (uint64_t)_head & ~(BLOCK_SIZE - 1);
	uint64_t image_end = ((uint64_t)_image_end + BLOCK_SIZE - 1) & ~(BLOCK_SIZE - 1);

	mmu_begin();
	mmu_map(0, 0, GIB(1), MMU_DEVICE, false);
	mmu_map(ram_base, ram_base, image - ram_base, MMU_NORMAL, false);
	mmu_map(image, image, image_end - image, MMU_NORMAL, true);
	mmu_map(image_end, image_end, ram_base + ram_size - image_end, MMU_NORMAL, false);
	mmu_start();
	for (uint32_t i = 0; i < CPU_MAX; i++) {
		cpus[i].mmu = mmu_regs;
	}
}

noreturn void boot_main(const void *fdt, uint64_t first_count)
{
	uint32_t memory;

	boot_first_count = first_count;
	write_sysreg(tpidr_el1, (uint64_t)&cpus[0]);
	exception_init_cpu();
	uart_init();
	memory = fdt_init(fdt) ? fdt_find_name("memory") : 0;
	if (memory == 0) {
		/* Nothing to go by, and the lock of print() wants the MMU: one letter is all there is. */
		mmio_write32(UART_BASE, '?');
		psci_system_off();
	}
	ram_base = fdt_u64(memory, "reg", 0);
	ram_size = fdt_u64(memory, "reg", 1);
	find_cpus();
	map_machine();

	cpus[0].online = true;
	psci_init();
	gic_init();
	gic_init_cpu();
	irq_on();
	payload_main();
	report_end();
}
