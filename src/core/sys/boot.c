/* SPDX-License-Identifier: MIT */
/*
 * From the loader's world to ours: EL2's map, what the machine is, memory, the other CPUs; then the role.
 *
 * boot_map() runs with the MMU off, before anything may be printed; it maps the image and the device tree only.
 * boot_main() runs mapped and adds the rest. docs/boot.md tells the whole way.
 */
#include "arch/atomic.h"
#include "arch/barrier.h"
#include "arch/cache.h"
#include "arch/el1.h"
#include "arch/feature.h"
#include "arch/vcpu_enter.h"
#include "core/mm/pool.h"
#include "core/mm/stage1.h"
#include "core/sys/clock.h"
#include "core/sys/entropy.h"
#include "core/port/firmware.h"
#include "core/port/host.h"
#include "core/port/role.h"
#include "core/sys/host.h"
#include "core/sys/image.h"
#include "core/sys/version.h"
#include "core/vcpu/debug.h"
#include "core/vcpu/idreg.h"
#include "core/vcpu/run.h"
#include "lib/log.h"
#include "lib/panic.h"
#include "lib/str.h"

#include "abi/psci.h"

#define BOOT_PAGES 24 /* page tables until the pool is there */
#define FDT_SIZE_MAX MIB(2)
#define CPU_ON_TIMEOUT_MS 10000 /* it takes microseconds, but a debugger or a busy emulator may hold a CPU up */
#define MAPPED_MAX 3 /* pieces of RAM that have a map of their own: image, device tree, the other CPUs' areas */

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

extern const uint8_t vectors_pauth[], vectors_plain[], boot_secondary[];
extern uint64_t __stack_chk_guard;
uint64_t __stack_chk_guard = UINT64_C(0x7472697665740aff); /* until there is entropy */

extern struct cpu_area boot_area;
static __attribute__((section(".boot_area"))) _Alignas(PAGE_SIZE) uint8_t boot_pages[BOOT_PAGES][PAGE_SIZE];
static unsigned boot_pages_used;
static struct stage1 el2_map;
static struct host_range fdt_range;

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
static const struct stage1_pages pool_source = { .alloc = pool_alloc_page };

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
	/* What was written uncached must not be hidden by a stale line once caches are on. */
	cache_clean_invalidate(rodata_end, (uint64_t)(image_end - rodata_end));
}

/* Boot protocol: an Image may be entered at EL1, where a hypervisor has nothing to do. MMU off, no log. */
void boot_wrong_el(const void *fdt)
{
	static const char text[] = "trivet-hyp: started at EL1, but it needs EL2 "
				   "(QEMU: -machine virt,virtualization=on). Stopped.\r\n";

	if (fdt_pages(fdt).size == 0) {
		return;
	}
	host_read(fdt, read_mpidr_el1() & MPIDR_AFFINITY);
	plat_early_console();
	for (const char *p = text; *p != '\0'; p++) {
		console_putc(*p);
	}
}

/* ---- with the MMU on ---- */

static void map_device(const struct host_range *range, const char *what)
{
	uint64_t base = ALIGN_DOWN(range->base, PAGE_SIZE);
	uint64_t end = ALIGN_UP(range->base + range->size, PAGE_SIZE);

	if (range->size != 0 && stage1_map(&el2_map, pa(base), end - base, STAGE1_DEVICE) != OK) {
		panic("cannot map %s at 0x%llx", what, (unsigned long long)range->base);
	}
}

/* Maps RAM except the 'holes', which are whole pages and sorted by base. */
static void map_region(const struct host_range *ram, const struct host_range *holes, unsigned count)
{
	uint64_t at = ALIGN_UP(ram->base, PAGE_SIZE);
	uint64_t end = ALIGN_DOWN(ram->base + ram->size, PAGE_SIZE);

	for (unsigned i = 0; i <= count; i++) {
		uint64_t stop = i < count ? MIN(MAX(holes[i].base, at), end) : end;

		if (stop > at && stage1_map(&el2_map, pa(at), stop - at, STAGE1_DATA) != OK) {
			panic("cannot map RAM at 0x%llx", (unsigned long long)at);
		}
		if (i < count) {
			at = MAX(at, holes[i].base + holes[i].size);
		}
	}
}

/*
 * A free place for the other CPUs' areas: behind the image, else at the end of a RAM region; clear of all that the
 * loader put somewhere. Found before RAM is mapped, because guard pages must not need a live block to be split.
 */
static uint64_t find_room(uint64_t size, const struct host_range *taken, unsigned count)
{
	for (unsigned r = 0; r < host.ram_count; r++) {
		uint64_t at = ALIGN_UP(host.ram[r].base, PAGE_SIZE);

		for (unsigned tries = 0; tries <= count; tries++) {
			bool clear = true;

			if (!range_in(at, size, host.ram[r].base, host.ram[r].size)) {
				break;
			}
			for (unsigned i = 0; i < count; i++) {
				if (range_overlaps(at, size, taken[i].base, taken[i].size)) {
					at = ALIGN_UP(taken[i].base + taken[i].size, PAGE_SIZE);
					clear = false;
				}
			}
			if (clear) {
				return at;
			}
		}
	}
	panic("no room for %u CPUs", host.cpu_count);
}

static void sort_ranges(struct host_range *ranges, unsigned count)
{
	for (unsigned i = 1; i < count; i++) {
		for (unsigned j = i; j > 0 && ranges[j].base < ranges[j - 1].base; j--) {
			struct host_range other = ranges[j];

			ranges[j] = ranges[j - 1];
			ranges[j - 1] = other;
		}
	}
}

/*
 * Maps RAM, except what is mapped otherwise already and what must not be mapped: a cacheable alias of it would let the
 * CPU read ahead into memory that only its owner may touch.
 */
static void map_ram(const struct host_range *mapped, unsigned mapped_count)
{
	struct host_range holes[HOST_RESERVED_MAX + MAPPED_MAX];
	unsigned count = 0;

	for (; count < mapped_count; count++) {
		holes[count] = mapped[count];
	}
	for (unsigned i = 0; i < host.no_map_count; i++) {
		uint64_t base = ALIGN_DOWN(host.no_map[i].base, PAGE_SIZE);

		holes[count++] = (struct host_range){
			base, ALIGN_UP(host.no_map[i].base + host.no_map[i].size, PAGE_SIZE) - base
		};
	}
	sort_ranges(holes, count);
	for (unsigned i = 0; i < host.ram_count; i++) {
		map_region(&host.ram[i], holes, count);
	}
}

/* Maps everything, gives free RAM to the pool and returns the other CPUs' areas. */
static struct cpu_area *memory_init(void)
{
	struct host_range taken[HOST_RESERVED_MAX + 4];
	unsigned count = 0;
	struct host_range image = { (uint64_t)(uintptr_t)image_start, (uint64_t)(image_end - image_start) };
	struct host_range areas = { .size = (host.cpu_count - 1) * sizeof(struct cpu_area) };
	struct cpu_area *area;

	taken[count++] = image;
	taken[count++] = fdt_range;
	taken[count++] = host.initrd;
	for (unsigned i = 0; i < host.reserved_count; i++) {
		taken[count++] = host.reserved[i];
	}
	areas.base = find_room(MAX(areas.size, PAGE_SIZE), taken, count);
	area = pa_ptr(pa(areas.base));
	for (unsigned i = 1; i < host.cpu_count; i++, area++) {
		if (map_part(area->stack, area + 1, STAGE1_DATA) != OK) {
			panic("cannot map the stack of CPU %u", i);
		}
	}
	map_ram((struct host_range[MAPPED_MAX]){ image, fdt_range, areas }, MAPPED_MAX);
	for (unsigned i = 0; i < host.ram_count; i++) {
		if (pool_add(pa(host.ram[i].base), host.ram[i].size) != OK) {
			log_warn("RAM at 0x%llx is not used: the pool refused it",
				 (unsigned long long)host.ram[i].base);
		}
	}
	taken[count++] = areas;
	for (unsigned i = 0; i < count; i++) {
		if (taken[i].size != 0 && pool_reserve(pa(taken[i].base), taken[i].size) != OK) {
			panic("cannot keep 0x%llx, %llu bytes, out of the pool", (unsigned long long)taken[i].base,
			      (unsigned long long)taken[i].size);
		}
	}
	el2_map.pages = &pool_source;
	return pa_ptr(pa(areas.base));
}

/* What every CPU sets for itself once it can run C with the MMU on. */
static void cpu_init_self(struct cpu *cpu)
{
	cpu->apia[0] = entropy_word();
	cpu->apia[1] = entropy_word();
	cpu->time_since = cpu_now();
	cpu_traps_init(&cpu_features);
	debug_cpu_init(&cpu_features);
	if (plat_irq_init_cpu() != OK) {
		panic("CPU %u has no redistributor in the device tree's GICv3 node", cpu->index);
	}
	irq_enable(host.maintenance_intid);
	irq_enable(host.hyp_timer_intid);
	irq_enable(host.virt_timer_intid);
	atomic_store_release(&cpu->online, 1);
}

/* boot.S: a CPU that firmware_cpu_on started. */
noreturn void cpu_main(struct cpu *cpu)
{
	cpu_init_self(cpu);
	cpu_loop(cpu);
}

static void start_cpus(struct cpu_area *areas)
{
	uint64_t deadline;

	cpu_count = host.cpu_count;
	for (unsigned i = 1; i < host.cpu_count; i++) {
		struct cpu *cpu = &areas[i - 1].cpu;
		int32_t error;

		memset(cpu, 0, sizeof(*cpu));
		cpu_init(cpu, i, host.cpu_mpidr[i]);
		cpus[i] = cpu;
		cache_clean_invalidate(cpu, sizeof(*cpu));
		error = firmware_cpu_on(cpu->mpidr, pa_from_ptr(boot_secondary), pa_from_ptr(cpu).v);
		if (error != PSCI_SUCCESS) {
			panic("CPU %u (MPIDR 0x%llx): PSCI CPU_ON answered %d", i, (unsigned long long)cpu->mpidr,
			      error);
		}
	}
	deadline = cpu_now() + read_cntfrq_el0() / 1000 * CPU_ON_TIMEOUT_MS;
	for (unsigned i = 1; i < host.cpu_count; i++) {
		while (atomic_load_acquire(&cpus[i]->online) == 0) {
			if (cpu_now() > deadline) {
				panic("CPU %u (MPIDR 0x%llx) was started and never came", i,
				      (unsigned long long)cpus[i]->mpidr);
			}
			cpu_relax();
		}
	}
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
	log_info("%u CPU%s, %s%s, GICv3 at 0x%llx, UART at 0x%llx, PSCI %d.%d by %s", host.cpu_count,
		 host.cpu_count == 1 ? "" : "s", el2_e2h ? "VHE only" : "E2H=0", el2_pauth ? ", PAuth" : "",
		 (unsigned long long)host.gicd.base, (unsigned long long)host.uart.base, firmware_psci_version() >> 16,
		 firmware_psci_version() & 0xffff, host.psci_hvc ? "HVC" : "SMC");
	log_info("image at 0x%llx, %llu KiB; %llu KiB of RAM in use, %llu MiB free",
		 (unsigned long long)(uintptr_t)image_start, (unsigned long long)image_size >> 10,
		 (unsigned long long)in_use >> 10, (unsigned long long)stats.free_pages >> 8);
}

/* Not protected itself: it changes the guard that its epilogue would compare with. */
__attribute__((no_stack_protector)) noreturn void boot_main(const void *fdt, struct cpu *cpu)
{
	struct cpu_area *areas;
	enum err error;

	cpu_features_read(&cpu_features);
	cpu_init(cpu, 0, read_mpidr_el1() & MPIDR_AFFINITY);
	cpus[0] = cpu;
	cpu_count = 1;
	error = host_read(fdt, cpu->mpidr);
	map_device(&host.uart, "the UART");
	plat_early_console();
	log_info("Trivet %s, NS-EL2, CPU %llx", TRIVET_VERSION, (unsigned long long)read_midr_el1());
	if (error != OK || host_check() != OK) {
		panic("the device tree %s", error != OK ? "is broken" : "does not describe a machine that EL2 can use");
	}
	entropy_init(host.seed, host.seed_size);
	__stack_chk_guard = entropy_word() & ~UINT64_C(0xff);
	map_device(&host.gicd, "the GIC distributor");
	for (unsigned i = 0; i < host.gicr_count; i++) {
		map_device(&host.gicr[i], "GIC redistributors");
	}
	map_device(&host.rtc, "the RTC");
	areas = memory_init();
	if (plat_irq_init() != OK) {
		panic("no GICv3 answers at 0x%llx", (unsigned long long)host.gicd.base);
	}
	cpu_init_self(cpu);
	clock_init();
	start_cpus(areas);
	print_host();
	role_main(cpu);
	cpu_loop(cpu);
}
