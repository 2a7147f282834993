/* SPDX-License-Identifier: MIT */
#include "role/hyp/guest_fdt.h"

#include "abi/shared_memory.h"
#include "lib/fdt_write.h"
#include "lib/str.h"

#define PHANDLE_GIC 1
#define PHANDLE_CLOCK 2

/* Interrupt specifiers of arm,gic-v3. */
#define GIC_SPI 0
#define GIC_PPI 1
#define IRQ_EDGE_RISING 1
#define IRQ_LEVEL_HIGH 4

#define UART_CLOCK_HZ 24000000

/* A node with a unit address: name@address. */
static void begin_node_at(struct fdt_writer *w, const char *name, uint64_t address)
{
	char full[40];
	size_t at = sizeof(full) - 1, length = strlen(name);

	full[at] = '\0';
	do {
		full[--at] = "0123456789abcdef"[address & 0xf];
		address >>= 4;
	} while (address != 0);
	full[--at] = '@';
	at -= length;
	memcpy(full + at, name, length);
	fdt_write_node(w, full + at);
}

static void add_empty(struct fdt_writer *w, const char *name)
{
	fdt_write_property(w, name, NULL, 0);
}

static void add_u32(struct fdt_writer *w, const char *name, uint32_t value)
{
	fdt_write_cells(w, name, &value, 1);
}

static void add_u64(struct fdt_writer *w, const char *name, uint64_t value)
{
	const uint32_t cells[] = { hi32(value), lo32(value) };

	fdt_write_cells(w, name, cells, ARRAY_SIZE(cells));
}

static void add_string(struct fdt_writer *w, const char *name, const char *value)
{
	fdt_write_property(w, name, value, strlen(value) + 1);
}

/* A list of strings: each but the last ends with "\0" in the literal. */
#define add_strings(w, name, literal) fdt_write_property(w, name, literal, sizeof(literal))

#define add_cell_list(w, name, ...) \
	fdt_write_cells(w, name, (const uint32_t[]){ __VA_ARGS__ }, ARRAY_SIZE(((const uint32_t[]){ __VA_ARGS__ })))

/* "reg" of one range below 4 GiB where addresses and sizes take two cells. */
static void add_reg(struct fdt_writer *w, uint32_t base, uint32_t size)
{
	add_cell_list(w, "reg", 0, base, 0, size);
}

static void add_chosen(struct fdt_writer *w, const struct image_plan *plan, const uint64_t *seed)
{
	fdt_write_node(w, "chosen");
	if (plan->config->bootargs != NULL) {
		add_string(w, "bootargs", plan->config->bootargs);
	}
	add_string(w, "stdout-path", "/pl011@9000000");
	if (plan->initrd.size != 0) {
		add_u64(w, "linux,initrd-start", plan->initrd.base);
		add_u64(w, "linux,initrd-end", plan->initrd.base + plan->initrd.size);
	}
	if (seed != NULL) {
		add_u64(w, "kaslr-seed", seed[0]);
		fdt_write_property(w, "rng-seed", &seed[1], (GUEST_FDT_SEED_WORDS - 1) * sizeof(*seed));
	}
	fdt_write_node_end(w);
}

static void add_memory(struct fdt_writer *w, uint64_t size)
{
	begin_node_at(w, "memory", GUEST_RAM_BASE);
	add_string(w, "device_type", "memory");
	add_cell_list(w, "reg", 0, GUEST_RAM_BASE, hi32(size), lo32(size));
	fdt_write_node_end(w);
}

static void add_cpus(struct fdt_writer *w, unsigned count)
{
	fdt_write_node(w, "cpus");
	add_u32(w, "#address-cells", 1);
	add_u32(w, "#size-cells", 0);
	for (unsigned i = 0; i < count; i++) {
		begin_node_at(w, "cpu", guest_cpu_affinity(i));
		add_string(w, "device_type", "cpu");
		add_string(w, "compatible", "arm,armv8");
		add_u32(w, "reg", (uint32_t)guest_cpu_affinity(i));
		add_string(w, "enable-method", "psci");
		fdt_write_node_end(w);
	}
	fdt_write_node_end(w);
}

static void add_psci(struct fdt_writer *w)
{
	fdt_write_node(w, "psci");
	add_strings(w, "compatible", "arm,psci-1.0\0arm,psci-0.2");
	add_string(w, "method", "hvc");
	fdt_write_node_end(w);
}

static void add_timer(struct fdt_writer *w)
{
	fdt_write_node(w, "timer");
	add_strings(w, "compatible", "arm,armv8-timer");
	/* In the binding's order: secure, non-secure, virtual, hypervisor. */
	add_cell_list(w, "interrupts", GIC_PPI, GUEST_PPI_TIMER_SECURE, IRQ_LEVEL_HIGH, GIC_PPI, GUEST_PPI_TIMER_PHYS,
		      IRQ_LEVEL_HIGH, GIC_PPI, GUEST_PPI_TIMER_VIRT, IRQ_LEVEL_HIGH, GIC_PPI, GUEST_PPI_TIMER_HYP,
		      IRQ_LEVEL_HIGH);
	add_empty(w, "always-on");
	fdt_write_node_end(w);
}

static void add_gic(struct fdt_writer *w, unsigned vcpu_count)
{
	begin_node_at(w, "intc", GUEST_GICD_BASE);
	add_string(w, "compatible", "arm,gic-v3");
	add_empty(w, "interrupt-controller");
	add_u32(w, "#interrupt-cells", 3);
	add_u32(w, "#address-cells", 0);
	add_u32(w, "#redistributor-regions", 1);
	add_cell_list(w, "reg", 0, GUEST_GICD_BASE, 0, GUEST_GICD_SIZE, 0, GUEST_GICR_BASE, 0,
		      GUEST_GICR_SIZE * vcpu_count);
	add_u32(w, "phandle", PHANDLE_GIC);
	fdt_write_node_end(w);
}

static void add_clock(struct fdt_writer *w)
{
	fdt_write_node(w, "apb-pclk");
	add_string(w, "compatible", "fixed-clock");
	add_u32(w, "#clock-cells", 0);
	add_u32(w, "clock-frequency", UART_CLOCK_HZ);
	add_string(w, "clock-output-names", "clk24mhz");
	add_u32(w, "phandle", PHANDLE_CLOCK);
	fdt_write_node_end(w);
}

static void add_pl011(struct fdt_writer *w)
{
	begin_node_at(w, "pl011", GUEST_PL011_BASE);
	add_strings(w, "compatible", "arm,pl011\0arm,primecell");
	add_reg(w, GUEST_PL011_BASE, GUEST_PL011_SIZE);
	add_cell_list(w, "interrupts", GIC_SPI, GUEST_PL011_SPI, IRQ_LEVEL_HIGH);
	add_cell_list(w, "clocks", PHANDLE_CLOCK, PHANDLE_CLOCK);
	add_strings(w, "clock-names", "uartclk\0apb_pclk");
	fdt_write_node_end(w);
}

static void add_pl031(struct fdt_writer *w)
{
	begin_node_at(w, "pl031", GUEST_PL031_BASE);
	add_strings(w, "compatible", "arm,pl031\0arm,primecell");
	add_reg(w, GUEST_PL031_BASE, GUEST_PL031_SIZE);
	add_cell_list(w, "interrupts", GIC_SPI, GUEST_PL031_SPI, IRQ_LEVEL_HIGH);
	add_cell_list(w, "clocks", PHANDLE_CLOCK);
	add_strings(w, "clock-names", "apb_pclk");
	fdt_write_node_end(w);
}

static void add_flash(struct fdt_writer *w, const uint64_t sizes[GUEST_FLASH_BANKS])
{
	uint32_t reg[4 * GUEST_FLASH_BANKS] = { 0 };

	for (unsigned i = 0; i < GUEST_FLASH_BANKS; i++) {
		reg[4 * i + 1] = GUEST_FLASH_BASE + i * GUEST_FLASH_WINDOW;
		reg[4 * i + 3] = lo32(sizes[i]);
	}
	begin_node_at(w, "flash", GUEST_FLASH_BASE);
	add_string(w, "compatible", "cfi-flash");
	fdt_write_cells(w, "reg", reg, ARRAY_SIZE(reg));
	add_u32(w, "bank-width", 4);
	fdt_write_node_end(w);
}

static void add_virtio(struct fdt_writer *w, unsigned slot)
{
	uint32_t base = GUEST_VIRTIO_BASE + slot * GUEST_VIRTIO_SIZE;

	begin_node_at(w, "virtio_mmio", base);
	add_string(w, "compatible", "virtio,mmio");
	add_reg(w, base, GUEST_VIRTIO_SIZE);
	add_cell_list(w, "interrupts", GIC_SPI, GUEST_VIRTIO_SPI + slot, IRQ_EDGE_RISING);
	add_empty(w, "dma-coherent");
	fdt_write_node_end(w);
}

static void add_shared_memory(struct fdt_writer *w, const struct vm_region_config *config, unsigned slot)
{
	uint32_t registers = GUEST_SHARED_REGISTERS_BASE + slot * GUEST_SHARED_REGISTERS_STRIDE;

	begin_node_at(w, "shared-memory", registers);
	add_string(w, "compatible", "trivet,shared-memory");
	add_string(w, "label", config->region);
	add_cell_list(w, "reg", 0, registers, 0, SHARED_MEMORY_SIZE, hi32(config->base), lo32(config->base),
		      hi32(config->size), lo32(config->size));
	add_cell_list(w, "interrupts", GIC_SPI, GUEST_SHARED_SPI + slot, IRQ_LEVEL_HIGH);
	if (config->read_only) {
		add_empty(w, "trivet,read-only");
	}
	fdt_write_node_end(w);
}

uint64_t guest_fdt_build(const struct image_plan *plan, const uint64_t seed[GUEST_FDT_SEED_WORDS], void *buffer,
			 uint64_t size)
{
	const struct vm_config *config = plan->config;
	struct fdt_writer writer, *w = &writer;

	fdt_write_start(w, buffer, size);
	fdt_write_node(w, "");
	add_string(w, "compatible", "linux,dummy-virt");
	add_string(w, "model", "Trivet VM");
	add_u32(w, "#address-cells", 2);
	add_u32(w, "#size-cells", 2);
	add_u32(w, "interrupt-parent", PHANDLE_GIC);
	add_chosen(w, plan, seed);
	add_memory(w, config->memory_size);
	add_cpus(w, config->vcpu_count);
	add_psci(w);
	add_timer(w);
	add_gic(w, config->vcpu_count);
	add_clock(w);
	add_pl011(w);
	add_pl031(w);
	if (plan->kind == IMAGE_FIRMWARE) {
		add_flash(w, plan->flash_size);
	}
	for (unsigned slot = 0; slot < config->device_count; slot++) {
		add_virtio(w, slot);
	}
	for (unsigned slot = 0; slot < config->region_count; slot++) {
		add_shared_memory(w, &config->regions[slot], slot);
	}
	fdt_write_node_end(w);
	return fdt_write_finish(w);
}
