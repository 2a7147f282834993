/* SPDX-License-Identifier: MIT */
#include "role/hyp/guest_fdt.h"

#include <libfdt.h>

#include "abi/shared_memory.h"
#include "lib/fmt.h"
#include "lib/str.h"

#define PHANDLE_GIC 1
#define PHANDLE_CLOCK 2

/* Interrupt specifiers of arm,gic-v3. */
#define GIC_SPI 0
#define GIC_PPI 1
#define IRQ_EDGE_RISING 1
#define IRQ_LEVEL_HIGH 4

#define UART_CLOCK_HZ 24000000

/* The tree in the making. libfdt checks the room at each step, also after one that failed; the first error is kept. */
struct builder {
	void *fdt;
	int error;
};

static void step(struct builder *b, int error)
{
	if (b->error == 0) {
		b->error = error;
	}
}

static void begin_node(struct builder *b, const char *name)
{
	step(b, fdt_begin_node(b->fdt, name));
}

/* A node with a unit address: name@address. */
static void begin_node_at(struct builder *b, const char *name, uint64_t address)
{
	char full[40];

	fmt_string(full, sizeof(full), "%s@%llx", name, (unsigned long long)address);
	begin_node(b, full);
}

static void end_node(struct builder *b)
{
	step(b, fdt_end_node(b->fdt));
}

static void add_empty(struct builder *b, const char *name)
{
	step(b, fdt_property(b->fdt, name, "", 0));
}

static void add_u32(struct builder *b, const char *name, uint32_t value)
{
	step(b, fdt_property_u32(b->fdt, name, value));
}

static void add_u64(struct builder *b, const char *name, uint64_t value)
{
	step(b, fdt_property_u64(b->fdt, name, value));
}

static void add_string(struct builder *b, const char *name, const char *value)
{
	step(b, fdt_property(b->fdt, name, value, (int)strlen(value) + 1));
}

/* A list of strings: each but the last ends with "\0" in the literal. */
#define add_strings(b, name, literal) step(b, fdt_property((b)->fdt, name, literal, sizeof(literal)))

static void add_cells(struct builder *b, const char *name, const uint32_t *cells, unsigned count)
{
	void *to = NULL;

	step(b, fdt_property_placeholder(b->fdt, name, (int)(count * sizeof(*cells)), &to));
	for (unsigned i = 0; b->error == 0 && i < count; i++) {
		fdt32_st((uint8_t *)to + i * sizeof(*cells), cells[i]);
	}
}

#define add_cell_list(b, name, ...) \
	add_cells(b, name, (const uint32_t[]){ __VA_ARGS__ }, ARRAY_SIZE(((const uint32_t[]){ __VA_ARGS__ })))

/* "reg" of one range below 4 GiB where addresses and sizes take two cells. */
static void add_reg(struct builder *b, uint32_t base, uint32_t size)
{
	add_cell_list(b, "reg", 0, base, 0, size);
}

static void add_chosen(struct builder *b, const struct image_plan *plan, const uint64_t *seed)
{
	begin_node(b, "chosen");
	if (plan->config->bootargs != NULL) {
		add_string(b, "bootargs", plan->config->bootargs);
	}
	add_string(b, "stdout-path", "/pl011@9000000");
	if (plan->initrd.size != 0) {
		add_u64(b, "linux,initrd-start", plan->initrd.base);
		add_u64(b, "linux,initrd-end", plan->initrd.base + plan->initrd.size);
	}
	if (seed != NULL) {
		add_u64(b, "kaslr-seed", seed[0]);
		step(b, fdt_property(b->fdt, "rng-seed", &seed[1], (GUEST_FDT_SEED_WORDS - 1) * sizeof(*seed)));
	}
	end_node(b);
}

static void add_memory(struct builder *b, uint64_t size)
{
	begin_node_at(b, "memory", GUEST_RAM_BASE);
	add_string(b, "device_type", "memory");
	add_cell_list(b, "reg", 0, GUEST_RAM_BASE, hi32(size), lo32(size));
	end_node(b);
}

static void add_cpus(struct builder *b, unsigned count)
{
	begin_node(b, "cpus");
	add_u32(b, "#address-cells", 1);
	add_u32(b, "#size-cells", 0);
	for (unsigned i = 0; i < count; i++) {
		begin_node_at(b, "cpu", guest_cpu_affinity(i));
		add_string(b, "device_type", "cpu");
		add_string(b, "compatible", "arm,armv8");
		add_u32(b, "reg", (uint32_t)guest_cpu_affinity(i));
		add_string(b, "enable-method", "psci");
		end_node(b);
	}
	end_node(b);
}

static void add_psci(struct builder *b)
{
	begin_node(b, "psci");
	add_strings(b, "compatible", "arm,psci-1.0\0arm,psci-0.2");
	add_string(b, "method", "hvc");
	end_node(b);
}

static void add_timer(struct builder *b)
{
	begin_node(b, "timer");
	add_strings(b, "compatible", "arm,armv8-timer");
	/* In the binding's order: secure, non-secure, virtual, hypervisor. */
	add_cell_list(b, "interrupts", GIC_PPI, GUEST_PPI_TIMER_SECURE, IRQ_LEVEL_HIGH, GIC_PPI, GUEST_PPI_TIMER_PHYS,
		      IRQ_LEVEL_HIGH, GIC_PPI, GUEST_PPI_TIMER_VIRT, IRQ_LEVEL_HIGH, GIC_PPI, GUEST_PPI_TIMER_HYP,
		      IRQ_LEVEL_HIGH);
	add_empty(b, "always-on");
	end_node(b);
}

static void add_gic(struct builder *b, unsigned vcpu_count)
{
	begin_node_at(b, "intc", GUEST_GICD_BASE);
	add_string(b, "compatible", "arm,gic-v3");
	add_empty(b, "interrupt-controller");
	add_u32(b, "#interrupt-cells", 3);
	add_u32(b, "#address-cells", 0);
	add_u32(b, "#redistributor-regions", 1);
	add_cell_list(b, "reg", 0, GUEST_GICD_BASE, 0, GUEST_GICD_SIZE, 0, GUEST_GICR_BASE, 0,
		      GUEST_GICR_SIZE * vcpu_count);
	add_u32(b, "phandle", PHANDLE_GIC);
	end_node(b);
}

static void add_clock(struct builder *b)
{
	begin_node(b, "apb-pclk");
	add_string(b, "compatible", "fixed-clock");
	add_u32(b, "#clock-cells", 0);
	add_u32(b, "clock-frequency", UART_CLOCK_HZ);
	add_string(b, "clock-output-names", "clk24mhz");
	add_u32(b, "phandle", PHANDLE_CLOCK);
	end_node(b);
}

static void add_pl011(struct builder *b)
{
	begin_node_at(b, "pl011", GUEST_PL011_BASE);
	add_strings(b, "compatible", "arm,pl011\0arm,primecell");
	add_reg(b, GUEST_PL011_BASE, GUEST_PL011_SIZE);
	add_cell_list(b, "interrupts", GIC_SPI, GUEST_PL011_SPI, IRQ_LEVEL_HIGH);
	add_cell_list(b, "clocks", PHANDLE_CLOCK, PHANDLE_CLOCK);
	add_strings(b, "clock-names", "uartclk\0apb_pclk");
	end_node(b);
}

static void add_pl031(struct builder *b)
{
	begin_node_at(b, "pl031", GUEST_PL031_BASE);
	add_strings(b, "compatible", "arm,pl031\0arm,primecell");
	add_reg(b, GUEST_PL031_BASE, GUEST_PL031_SIZE);
	add_cell_list(b, "interrupts", GIC_SPI, GUEST_PL031_SPI, IRQ_LEVEL_HIGH);
	add_cell_list(b, "clocks", PHANDLE_CLOCK);
	add_strings(b, "clock-names", "apb_pclk");
	end_node(b);
}

static void add_flash(struct builder *b, const uint64_t sizes[GUEST_FLASH_BANKS])
{
	uint32_t reg[4 * GUEST_FLASH_BANKS] = { 0 };

	for (unsigned i = 0; i < GUEST_FLASH_BANKS; i++) {
		reg[4 * i + 1] = GUEST_FLASH_BASE + i * GUEST_FLASH_WINDOW;
		reg[4 * i + 3] = lo32(sizes[i]);
	}
	begin_node_at(b, "flash", GUEST_FLASH_BASE);
	add_string(b, "compatible", "cfi-flash");
	add_cells(b, "reg", reg, ARRAY_SIZE(reg));
	add_u32(b, "bank-width", 4);
	end_node(b);
}

static void add_virtio(struct builder *b, unsigned slot)
{
	uint32_t base = GUEST_VIRTIO_BASE + slot * GUEST_VIRTIO_SIZE;

	begin_node_at(b, "virtio_mmio", base);
	add_string(b, "compatible", "virtio,mmio");
	add_reg(b, base, GUEST_VIRTIO_SIZE);
	add_cell_list(b, "interrupts", GIC_SPI, GUEST_VIRTIO_SPI + slot, IRQ_EDGE_RISING);
	add_empty(b, "dma-coherent");
	end_node(b);
}

static void add_shared_memory(struct builder *b, const struct vm_region_config *config, unsigned slot)
{
	uint32_t registers = GUEST_SHARED_REGISTERS_BASE + slot * GUEST_SHARED_REGISTERS_STRIDE;

	begin_node_at(b, "shared-memory", registers);
	add_string(b, "compatible", "trivet,shared-memory");
	add_string(b, "label", config->region);
	add_cell_list(b, "reg", 0, registers, 0, SHARED_MEMORY_SIZE, hi32(config->base), lo32(config->base),
		      hi32(config->size), lo32(config->size));
	add_cell_list(b, "interrupts", GIC_SPI, GUEST_SHARED_SPI + slot, IRQ_LEVEL_HIGH);
	if (config->read_only) {
		add_empty(b, "trivet,read-only");
	}
	end_node(b);
}

enum err guest_fdt_build(const struct image_plan *plan, const uint64_t seed[GUEST_FDT_SEED_WORDS], void *buffer,
			 size_t size)
{
	const struct vm_config *config = plan->config;
	struct builder b = { .fdt = buffer };

	/* To look for each property's name among the earlier ones would take longer than all else here. */
	step(&b, fdt_create_with_flags(buffer, (int)MIN(size, (size_t)INT32_MAX), FDT_CREATE_FLAG_NO_NAME_DEDUP));
	if (b.error != 0) {
		return ERR_NO_MEMORY;
	}
	step(&b, fdt_finish_reservemap(b.fdt));
	begin_node(&b, "");
	add_string(&b, "compatible", "linux,dummy-virt");
	add_string(&b, "model", "Trivet VM");
	add_u32(&b, "#address-cells", 2);
	add_u32(&b, "#size-cells", 2);
	add_u32(&b, "interrupt-parent", PHANDLE_GIC);
	add_chosen(&b, plan, seed);
	add_memory(&b, config->memory_size);
	add_cpus(&b, config->vcpu_count);
	add_psci(&b);
	add_timer(&b);
	add_gic(&b, config->vcpu_count);
	add_clock(&b);
	add_pl011(&b);
	add_pl031(&b);
	if (plan->kind == IMAGE_FIRMWARE) {
		add_flash(&b, plan->flash_size);
	}
	for (unsigned slot = 0; slot < config->device_count; slot++) {
		add_virtio(&b, slot);
	}
	for (unsigned slot = 0; slot < config->region_count; slot++) {
		add_shared_memory(&b, &config->regions[slot], slot);
	}
	end_node(&b);
	step(&b, fdt_finish(b.fdt));
	return b.error == 0 ? OK : ERR_NO_MEMORY;
}
