/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a kernel: the readers stay inside the file, what is planned lies inside RAM and apart, and loading
 * stays inside RAM. The first byte chooses the amount of RAM and whether there is a load-offset.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/elf.h"
#include "role/hyp/image.h"

#define RAM UINT64_C(0x40000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void silent(struct report *report, const char *text)
{
	(void)report;
	(void)text;
}

static const struct report_ops ops = { .error = silent };

/* An archive of the kernel alone. */
static struct span make_archive(const uint8_t *kernel, size_t size)
{
	size_t head = 110 + 6; /* a header and the name "Image", already a multiple of 4 */
	uint8_t *archive = calloc(1, head + size + 4);

	sprintf((char *)archive, "070701%08x%08x%08x%08x%08x%08x%08zx%08x%08x%08x%08x%08x%08xImage", 1u, 0100644u, 0u,
		0u, 1u, 0u, size, 0u, 0u, 0u, 0u, 6u, 0u);
	memcpy(archive + head, kernel, size);
	return span_of(archive, head + size);
}

static bool apart(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
	return a + a_size <= b || b + b_size <= a;
}

static void plan_and_load(const struct vm_config *config, struct span archive)
{
	struct guest_mem mem = { .count = 1 };
	struct bundle bundle = { .archive = archive };
	struct report report = { .ops = &ops };
	struct image_loader loader;
	struct image_plan plan;
	enum err error;

	if (image_plan(config, &bundle, &plan, &report) != OK) {
		return;
	}
	if (!range_in(plan.kernel.base, plan.kernel.size, RAM, config->memory_size) ||
	    !range_in(plan.dtb, IMAGE_FDT_SIZE, RAM, config->memory_size) ||
	    !apart(plan.kernel.base, plan.kernel.size, plan.dtb, IMAGE_FDT_SIZE) ||
	    !range_in(plan.entry, 4, plan.kernel.base, plan.kernel.size)) {
		abort();
	}
	mem.banks[0] = (struct guest_bank){ RAM, config->memory_size, malloc(config->memory_size) };
	loader = image_loader(&plan, &mem);
	while (image_load_some(&loader, 777, &error)) {
	}
	if (error != OK) {
		abort();
	}
	free(mem.banks[0].host);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vm_config config = { .name = "vm", .kernel = "Image", .vcpu_count = 1 };
	struct span archive;

	if (size < 8) {
		return 0;
	}
	config.memory_size = MIB(2) * (1 + data[0] % 4);
	config.raw = data[0] >= 0xf0;
	config.load_offset = (uint64_t)data[1] * PAGE_SIZE;
	archive = make_archive(data + 2, size - 2);
	plan_and_load(&config, archive);
	free((void *)(uintptr_t)archive.data);
	return 0;
}
