/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as the machine's device tree. The header is made here, since boot.c maps as much as that says; the input
 * is the reserve map (one entry and its end), the strings (a fixed part of it) and the structure.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "arch/host/host.h"
#include "core/sys/host.h"
#include "lib/fdt.h"

#define RSVMAP_SIZE 32

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The names that host.c looks for, each at an offset that a property can be given. */
static const char strings[] =
	"#address-cells\0#size-cells\0bootargs\0compatible\0device_type\0enable-method\0linux,initrd-end\0"
	"linux,initrd-start\0#interrupt-cells\0interrupts\0kaslr-seed\0method\0no-map\0#redistributor-regions\0reg\0"
	"rng-seed\0status\0stdout-path";

static void quiet(enum log_level level, const char *text)
{
	(void)level;
	(void)text;
}

static void check_ranges(const struct host_range *ranges, unsigned count, unsigned max)
{
	if (count > max) {
		abort();
	}
	for (unsigned i = 0; i < count; i++) {
		if (!range_in(ranges[i].base, ranges[i].size, 0, BIT(48))) {
			abort();
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t struct_size = size < RSVMAP_SIZE ? 0 : ALIGN_DOWN(size - RSVMAP_SIZE, 4);
	size_t total = sizeof(struct fdt_header) + RSVMAP_SIZE + struct_size + sizeof(strings);
	uint8_t *fdt = malloc(total);
	uint8_t *body = fdt + sizeof(struct fdt_header);

	host_log_hook = quiet;
	memset(fdt, 0, total);
	fdt_set_magic(fdt, FDT_MAGIC);
	fdt_set_version(fdt, 17);
	fdt_set_last_comp_version(fdt, 16);
	fdt_set_totalsize(fdt, (uint32_t)total);
	fdt_set_off_mem_rsvmap(fdt, sizeof(struct fdt_header));
	fdt_set_off_dt_struct(fdt, sizeof(struct fdt_header) + RSVMAP_SIZE);
	fdt_set_size_dt_struct(fdt, (uint32_t)struct_size);
	fdt_set_off_dt_strings(fdt, (uint32_t)(total - sizeof(strings)));
	fdt_set_size_dt_strings(fdt, sizeof(strings));
	memcpy(body, data, MIN(size, RSVMAP_SIZE + struct_size));
	memcpy(fdt + total - sizeof(strings), strings, sizeof(strings));
	if (host_read(fdt, 0) == OK) {
		host_check();
		check_ranges(&host.initrd, host.initrd.size != 0, 1);
	}
	check_ranges(host.ram, host.ram_count, HOST_RAM_MAX);
	check_ranges(host.reserved, host.reserved_count, HOST_RESERVED_MAX);
	check_ranges(host.no_map, host.no_map_count, HOST_RESERVED_MAX);
	if (host.cpu_count == 0 || host.cpu_count > CPU_MAX || host.gicr_count > HOST_GICR_MAX ||
	    host.uart_intid > 1019) {
		abort();
	}
	free(fdt);
	return 0;
}
