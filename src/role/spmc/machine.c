/* SPDX-License-Identifier: MIT */
/* The SPMC's machine: its manifest says what memory and CPUs there are, the board knows its devices. */
#include "role/spmc/machine.h"

#include "abi/ffa.h"
#include "arch/cache.h"
#include "arch/el1.h"
#include "arch/smc.h"
#include "arch/world.h"
#include "core/port/host.h"
#include "core/port/machine.h"
#include "core/port/secure_irq.h"
#include "core/sys/boot.h"
#include "core/sys/image.h"
#include "lib/fdt.h"
#include "lib/log.h"
#include "lib/panic.h"
#include "role/spmc/refuse.h"
#include "role/spmc/spmd.h"

struct spmc_manifest spmc_manifest;
struct host host; /* the hypervisor has it in core/sys/host.c, beside what fills it */

static void add_range(const struct spmc_range *range)
{
	struct host_range r = { range->base, range->size };

	if (range->kind == SPMC_MEMORY_SECURE && host.ram_count < HOST_RAM_MAX) {
		host.ram[host.ram_count++] = r;
	} else if (range->kind == SPMC_MEMORY_NS && host.ns_ram_count < HOST_RAM_MAX) {
		host.ns_ram[host.ns_ram_count++] = r;
	}
}

_Static_assert(SPMC_RANGES_MAX <= HOST_RAM_MAX, "each range of the manifest has a place in host");
_Static_assert(SPMC_CPUS_MAX <= CPU_MAX, "and each CPU");

/* A context of an SP that has several is pinned to the CPU of its number, so the order is that of the affinities. */
static bool add_cpus(uint64_t boot_mpidr)
{
	bool found = false;

	host.cpu_mpidr[host.cpu_count++] = boot_mpidr;
	for (unsigned i = 0; i < spmc_manifest.cpu_count; i++) {
		if (spmc_manifest.cpu_mpidr[i] == boot_mpidr) {
			found = true;
		} else if (host.cpu_count < CPU_MAX) {
			host.cpu_mpidr[host.cpu_count++] = spmc_manifest.cpu_mpidr[i];
		}
	}
	return found;
}

enum err machine_read(const void *fdt, uint64_t mpidr)
{
	struct span blob = span_of(fdt, fdt_totalsize(fdt));
	enum err error = spmc_manifest_read(blob, (uint64_t)(uintptr_t)image_start, (uint64_t)(image_end - image_start),
					    &spmc_manifest, &spmc_report_to_log);

	if (error == OK) {
		for (unsigned i = 0; i < spmc_manifest.range_count; i++) {
			add_range(&spmc_manifest.ranges[i]);
		}
		if (!add_cpus(mpidr)) {
			log_error("SPMC manifest: /cpus has no CPU 0x%llx, which runs now", (unsigned long long)mpidr);
			error = ERR_INVALID;
		}
	}
	host.cpu_count = MAX(host.cpu_count, 1U);
	plat_describe();
	return error;
}

/* An SP lies where the manifest itself is, or there is no more room to note its memory: it is left out. */
static void reserve_packages(void)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < spmc_manifest.sp_count; i++) {
		const struct spmc_sp *sp = &spmc_manifest.sps[i];
		enum err error = boot_reserve(sp->load_address, sp->mem_size);

		if (error == OK) {
			spmc_manifest.sps[kept++] = *sp;
		} else {
			log_error("SPMC manifest: SP '%s': its memory at 0x%llx, 0x%llx bytes, cannot be reserved: %s",
				  sp->name, (unsigned long long)sp->load_address, (unsigned long long)sp->mem_size,
				  err_name(error));
		}
	}
	spmc_manifest.sp_count = kept;
}

enum err machine_check(void)
{
	if (read_cntfrq_el0() == 0) {
		log_error("the firmware left CNTFRQ_EL0 at 0");
		return ERR_UNSUPPORTED;
	}
	reserve_packages();
	return OK;
}

/* Other CPUs know no memory that is theirs but this: the manifest would have said what memory there is. */
static _Alignas(16) uint8_t late_stacks[CPU_MAX][BOOT_LATE_STACK];

static noreturn void answer_for_ever(struct refusal *r, struct smc_regs *call)
{
	for (;;) {
		arch_smc(call);
		refuse_answer(r, call->x);
	}
}

noreturn void machine_refuse(const char *why)
{
	struct smc_regs call = { .x = { FFA_ERROR, 0, (uint32_t)FFA_NOT_SUPPORTED } };
	struct refusal r = { .starting = true };

	log_error("%s: there will be no Secure partitions", why);
	boot_late_stacks = late_stacks[0];
	/* Whoever reads these has its MMU off. */
	cache_clean_invalidate(&boot_late_stacks, sizeof(boot_late_stacks));
	cache_clean_invalidate(late_stacks, sizeof(late_stacks));
	answer_for_ever(&r, &call);
}

noreturn void machine_late_cpu(void)
{
	struct smc_regs call = { .x = { FFA_MSG_WAIT } }; /* it is up, as far as the SPMD is concerned */
	struct refusal r = { 0 };

	answer_for_ever(&r, &call);
}

static void claim_own(unsigned intid, bool level)
{
	secure_irq_claim(intid, SECURE_IRQ_PRIORITY_EL2, level);
	secure_irq_enable(intid);
}

void machine_init_cpu(struct cpu *cpu unused_arg)
{
	claim_own(world_sgi_kick, false);
	claim_own(world_sgi_stop, false);
	claim_own(host.hyp_timer_intid, true);
	/* The Schedule Receiver Interrupt is raised here and taken by the normal world. */
	secure_irq_release(FFA_INTID_SRI);
}

void machine_start_cpus(pa_t entry)
{
	if (spmd_id_get() != FFA_ID_SPMC) {
		panic("the SPMD does not say that this is the SPMC");
	}
	if (cpu_count > 1 && spmd_register_entry(entry) != FFA_OK) {
		log_error("SPMC manifest: node 'attribute': binary_size: the entry of other CPUs, 0x%llx, is not in "
			  "the 0x%llx bytes from load_address 0x%llx on, so the SPMD refuses it",
			  (unsigned long long)entry.v, (unsigned long long)spmc_manifest.binary_size,
			  (unsigned long long)spmc_manifest.load_address);
		machine_refuse("the SPMC cannot come to other CPUs");
	}
}

void machine_print(void)
{
	for (unsigned i = 0; i < host.ns_ram_count; i++) {
		log_info("RAM 0x%llx, %llu MiB, Non-secure", (unsigned long long)host.ns_ram[i].base,
			 (unsigned long long)(host.ns_ram[i].size >> 20));
	}
	log_info("%u CPU%s at most%s, %u SP%s, GICv3 at 0x%llx, UART at 0x%llx", cpu_count, cpu_count == 1 ? "" : "s",
		 el2_pauth ? ", PAuth" : "", spmc_manifest.sp_count, spmc_manifest.sp_count == 1 ? "" : "s",
		 (unsigned long long)host.gicd.base, (unsigned long long)host.uart.base);
}
