/* SPDX-License-Identifier: MIT */
/*
 * From the loader's world to ours: EL2's map, what the machine is, memory, the other CPUs; then the role.
 *
 * boot_map() runs with the MMU off, before anything may be printed; it maps the image and the device tree only.
 * boot_main() runs mapped and adds the rest. docs/boot.md tells the whole way.
 */
#include "core/sys/boot.h"

#include "arch/atomic.h"
#include "arch/barrier.h"
#include "arch/cache.h"
#include "arch/el1.h"
#include "arch/feature.h"
#include "arch/world.h"
#include "core/mm/pool.h"
#include "core/port/machine.h"
#include "core/port/role.h"
#include "core/sys/entropy.h"
#include "core/sys/image.h"
#include "core/sys/version.h"
#include "core/vcpu/idreg.h"
#include "lib/log.h"
#include "lib/panic.h"
#include "lib/str.h"

#define BOOT_PAGES 24 /* page tables until the pool is there */
#define FDT_SIZE_MAX MIB(2)

#define SCTLR_M BIT(0)
#define SCTLR_C BIT(2)
#define SCTLR_SA BIT(3)
#define SCTLR_I BIT(12)
#define SCTLR_WXN BIT(19)
#define SCTLR_ENIA BIT(31)
#define SCTLR_BT BIT(36) /* PACIASP is no landing pad for BR (it is for BLR) */
#define SCTLR_EL2_RES1 UINT64_C(0x30c50830)
#define HCR_RW BIT(31)
#define HCR_E2H BIT(34)

/* boot.S loads these, in this order, on every CPU. */
struct boot_mmu {
	uint64_t ttbr0, tcr;
	uint64_t mair, sctlr;
	uint64_t vbar, hcr;
};

extern struct boot_mmu boot_mmu;
struct boot_mmu boot_mmu;

/* By this boot.S finds out whose CPU it runs on. The last one is empty and ends the table. */
struct boot_cpu {
	uint64_t mpidr;
	struct cpu *cpu;
};

extern struct boot_cpu boot_cpus[CPU_MAX + 1];
struct boot_cpu boot_cpus[CPU_MAX + 1];

extern const uint8_t vectors_pauth[], vectors_plain[], boot_secondary[];
extern uint64_t __stack_chk_guard;
uint64_t __stack_chk_guard = UINT64_C(0x7472697665740aff); /* until there is entropy */

extern struct cpu_area boot_area;
static __attribute__((section(".boot_area.pages"))) _Alignas(PAGE_SIZE) uint8_t boot_pages[BOOT_PAGES][PAGE_SIZE];
static unsigned boot_pages_used;
static struct host_range fdt_range;
/* Not in .bss, which the first CPU clears: whoever comes later looks here before. */
__attribute__((section(".data"))) uint8_t *boot_late_stacks;

void boot_map(const void *fdt, struct cpu *cpu);
noreturn void boot_main(const void *fdt, struct cpu *cpu);
void boot_wrong_el(const void *fdt);
noreturn void cpu_main(struct cpu *cpu);

static enum err boot_page_alloc(pa_t *out)
{
	if (boot_pages_used == BOOT_PAGES) {
		return ERR_NO_MEMORY;
	}
	memset(boot_pages[boot_pages_used], 0, PAGE_SIZE);
	*out = pa_from_ptr(boot_pages[boot_pages_used++]);
	return OK;
}

static const struct stage1_pages boot_source = { .alloc = boot_page_alloc };

static enum err map_part(const void *from, const void *to, enum stage1_kind kind)
{
	uint64_t size = (uint64_t)((uintptr_t)to - (uintptr_t)from);

	return size == 0 ? OK : stage1_map(&el2_map, pa_from_ptr(from), size, kind);
}

/* The pages of the device tree outside of the image, by its header alone; everything else of it is checked later. */
static struct host_range fdt_pages(const void *fdt)
{
	uint64_t base = (uint64_t)(uintptr_t)fdt;
	const uint8_t *header = fdt;
	uint64_t size = (uint64_t)header[4] << 24 | (uint64_t)header[5] << 16 | (uint64_t)header[6] << 8 | header[7];
	bool magic = header[0] == 0xd0 && header[1] == 0x0d && header[2] == 0xfe && header[3] == 0xed;

	if (base == 0 || !IS_ALIGNED(base, 8) || !magic || size > FDT_SIZE_MAX) {
		return (struct host_range){ 0 };
	}
	return (struct host_range){ ALIGN_DOWN(base, PAGE_SIZE),
				    ALIGN_UP(base + size, PAGE_SIZE) - ALIGN_DOWN(base, PAGE_SIZE) };
}

/* MMU off, one CPU, nothing mapped, no console: a failure here can only stop. */
void boot_map(const void *fdt, struct cpu *cpu)
{
	bool ok;

	memset(cpu, 0, sizeof(*cpu));
	el2_e2h = (read_hcr_el2() & HCR_E2H) != 0;
	el2_pauth = cpu_has_pauth();
	fdt_range = fdt_pages(fdt);
	ok = fdt_range.size != 0 && stage1_init(&el2_map, &boot_source, read_id_aa64pfr1_el1(), el2_e2h) == OK &&
	     map_part(image_start, text_end, STAGE1_CODE) == OK &&
	     map_part(text_end, rodata_end, STAGE1_RODATA) == OK && map_part(rodata_end, data_end, STAGE1_DATA) == OK &&
	     map_part(boot_area.stack, image_end, STAGE1_DATA) == OK &&
	     stage1_map(&el2_map, pa(fdt_range.base), fdt_range.size, STAGE1_RODATA) == OK;
	if (!ok) {
		panic_stop();
	}
	boot_mmu = (struct boot_mmu){
		.ttbr0 = el2_map.table.root.v,
		.tcr = stage1_tcr(read_id_aa64mmfr0_el1(), el2_e2h),
		.mair = stage1_mair(),
		.sctlr = SCTLR_EL2_RES1 | SCTLR_M | SCTLR_C | SCTLR_I | SCTLR_SA | SCTLR_WXN | SCTLR_BT |
			 (el2_pauth ? SCTLR_ENIA : 0),
		.vbar = (uint64_t)(uintptr_t)(el2_pauth ? vectors_pauth : vectors_plain),
		.hcr = HCR_RW | (el2_e2h ? HCR_E2H : 0),
	};
	/*
	 * What was written uncached must not be hidden by a stale line once caches are on. Pages come last in the
	 * image.
	 */
	cache_clean_invalidate(rodata_end, (uint64_t)(boot_pages[boot_pages_used] - (uint8_t *)rodata_end));
}

/* Boot protocol: an Image may be entered at EL1, where a hypervisor has nothing to do. MMU off, no log. */
void boot_wrong_el(const void *fdt)
{
	static const char text[] = "Trivet: started at EL1, but it needs EL2 "
				   "(QEMU: -machine virt,virtualization=on). Stopped.\r\n";

	if (fdt_pages(fdt).size == 0) {
		return;
	}
	machine_read(fdt, read_mpidr_el1() & MPIDR_AFFINITY);
	plat_early_console();
	for (const char *p = text; *p != '\0'; p++) {
		console_putc(*p);
	}
}

/* ---- with the MMU on ---- */

/* What every CPU sets for itself once it can run C with the MMU on. */
static void cpu_init_self(struct cpu *cpu)
{
	cpu->apia[0] = entropy_word();
	cpu->apia[1] = entropy_word();
	cpu->time_since = cpu_now();
	cpu_timer_off(cpu);
	if (plat_irq_init_cpu() != OK) {
		panic("CPU %u has no GICv3 redistributor", cpu->index);
	}
	machine_init_cpu(cpu);
	/* What it was asked while it went off came with an SGI that is gone. */
	(void)atomic_swap(&cpu->attention, 0);
	atomic_store_release(&cpu->online, 1);
}

/*
 * The CPU signs return addresses with its own key from here on. A function that was entered before could not return, so
 * this is for those that never do.
 */
static inline __attribute__((always_inline)) void take_key(const struct cpu *cpu)
{
	if (el2_pauth) {
		write_apiakeylo_el1(cpu->apia[0]);
		write_apiakeyhi_el1(cpu->apia[1]);
		isb();
	}
}

/* boot.S: a CPU that was turned on. Its struct cpu stays what it was if it has been on before. */
noreturn void cpu_main(struct cpu *cpu)
{
	cpu_init_self(cpu);
	take_key(cpu);
	role_run(cpu);
}

/* Everything that a CPU reads before its MMU is on goes to memory. */
static void prepare_cpus(struct cpu_area *areas)
{
	cpu_count = host.cpu_count;
	for (unsigned i = 1; i < host.cpu_count; i++) {
		struct cpu *cpu = &areas[i - 1].cpu;

		memset(cpu, 0, sizeof(*cpu));
		cpu_init(cpu, i, host.cpu_mpidr[i]);
		cpus[i] = cpu;
	}
	for (unsigned i = 0; i < host.cpu_count; i++) {
		boot_cpus[i] = (struct boot_cpu){ cpus[i]->mpidr, cpus[i] };
	}
	cache_clean_invalidate(boot_cpus, sizeof(boot_cpus));
}

static void print_host(void)
{
	uint64_t image_size = (uint64_t)(image_end - image_start);
	uint64_t in_use = image_size + (host.cpu_count - 1) * sizeof(struct cpu_area);
	struct pool_stats stats;

	pool_stats(&stats);
	in_use += stats.el2_pages * PAGE_SIZE;
	for (unsigned i = 0; i < host.ram_count; i++) {
		log_info("RAM 0x%llx, %llu MiB", (unsigned long long)host.ram[i].base,
			 (unsigned long long)(host.ram[i].size >> 20));
	}
	machine_print();
	log_info("image at 0x%llx, %llu KiB; %llu KiB of RAM in use, %llu MiB free",
		 (unsigned long long)(uintptr_t)image_start, (unsigned long long)image_size >> 10,
		 (unsigned long long)in_use >> 10, (unsigned long long)stats.free_pages >> 8);
}

/* The machine's tree is read, and EL2 has a console, a stack guard, its devices. */
static void find_machine(const void *fdt, struct cpu *cpu)
{
	enum err error;

	boot_memory_start(&fdt_range);
	error = machine_read(fdt, cpu->mpidr);
	boot_map_device(&host.uart, "the UART");
	plat_early_console();
	log_info("Trivet %s, %s, CPU %llx", TRIVET_VERSION, world_name, (unsigned long long)read_midr_el1());
	if (error != OK || machine_check() != OK) {
		machine_refuse(error != OK ? "the device tree is broken"
					   : "the device tree does not describe a machine that EL2 can use");
	}
	boot_map_device(&host.gicd, "the GIC distributor");
	for (unsigned i = 0; i < host.gicr_count; i++) {
		boot_map_device(&host.gicr[i], "GIC redistributors");
	}
	boot_map_device(&host.rtc, "the RTC");
}

/* Not protected itself: it changes the guard that its epilogue would compare with. */
__attribute__((no_stack_protector)) noreturn void boot_main(const void *fdt, struct cpu *cpu)
{
	struct cpu_area *areas;

	cpu_features_read(&cpu_features);
	cpu_init(cpu, 0, read_mpidr_el1() & MPIDR_AFFINITY);
	cpus[0] = cpu;
	cpu_count = 1;
	find_machine(fdt, cpu);
	entropy_init(host.seed, host.seed_size);
	__stack_chk_guard = entropy_word() & ~UINT64_C(0xff);
	areas = boot_memory_init();
	if (plat_irq_init() != OK) {
		panic("no GICv3 answers at 0x%llx", (unsigned long long)host.gicd.base);
	}
	cpu_init_self(cpu);
	take_key(cpu);
	prepare_cpus(areas);
	machine_start_cpus(pa_from_ptr(boot_secondary));
	print_host();
	role_main(cpu);
	role_run(cpu);
}
