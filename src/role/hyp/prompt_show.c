/* SPDX-License-Identifier: MIT */
#include "role/hyp/prompt_show.h"

#include "arch/atomic.h"
#include "core/mm/pool.h"
#include "core/sys/console.h"
#include "core/vcpu/cpu.h"
#include "core/vcpu/esr.h"
#include "role/hyp/console.h"
#include "role/hyp/ffa/runner.h"
#include "role/hyp/ffa/spmc.h"
#include "role/hyp/networks.h"
#include "role/hyp/regions.h"

static const char *state_name(uint32_t state)
{
	static const char *const names[] = { "off", "ready", "running", "waiting", "paused", "stopped" };

	return state < ARRAY_SIZE(names) ? names[state] : "?";
}

static void print_milliseconds(struct fmt_sink *out, uint64_t ticks)
{
	uint64_t per_ms = MAX(read_cntfrq_el0() / 1000, UINT64_C(1));

	fmt_print(out, "%10llu ms", (unsigned long long)(ticks / per_ms));
}

void show_vms(struct fmt_sink *out, char **words unused_arg, unsigned count unused_arg)
{
	unsigned number = 0;

	fmt_print(out, "%3s %-16s %-9s %6s %10s %10s\n", "", "VM", "state", "vCPUs", "memory", "tables");
	list_for_each (node, &vms) {
		const struct hyp_vm *vm = list_entry(node, struct hyp_vm, node);

		fmt_print(out, "%3u %-16s %-9s %6u %6llu MiB %6llu KiB%s\n", ++number, vm->vm.name,
			  vm_phase_name(atomic_load(&vm->life.phase)), vm->vm.vcpu_count,
			  (unsigned long long)vm->config->memory_size >> 20,
			  (unsigned long long)vm->vm.stage2.table.pages * 4,
			  vm == console_focus() ? "  (console)" : "");
	}
}

static void print_exits(struct fmt_sink *out, const struct vcpu *v)
{
	static const struct {
		uint8_t ec;
		const char *name;
	} classes[] = {
		{ EC_WFX, "wfx" },         { EC_FP, "fp" },         { EC_HVC64, "hvc" },
		{ EC_SMC64, "smc" },       { EC_SYSREG, "sysreg" }, { EC_IABT_LOWER, "iabort" },
		{ EC_DABT_LOWER, "mmio" },
	};
	uint64_t named = 0;
	uint64_t all = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(v->stats.exits_by_ec); i++) {
		all += v->stats.exits_by_ec[i];
	}
	for (unsigned i = 0; i < ARRAY_SIZE(classes); i++) {
		uint64_t n = v->stats.exits_by_ec[classes[i].ec];

		named += n;
		if (n != 0) {
			fmt_print(out, " %s %llu", classes[i].name, (unsigned long long)n);
		}
	}
	if (all != named) {
		fmt_print(out, " other %llu", (unsigned long long)(all - named));
	}
	fmt_print(out, " irq %llu\n", (unsigned long long)v->stats.irqs);
}

void show_vcpus(struct fmt_sink *out, char **words unused_arg, unsigned count unused_arg)
{
	fmt_print(out, "%-16s %4s %4s %-8s %s\n", "VM", "vCPU", "CPU", "state", "exits by reason");
	list_for_each (node, &vms) {
		const struct hyp_vm *vm = list_entry(node, struct hyp_vm, node);

		for (unsigned i = 0; i < vm->vm.vcpu_count; i++) {
			const struct vcpu *v = vm->vm.vcpus[i];

			fmt_print(out, "%-16s %4u %4u %-8s", vm->vm.name, i, v->cpu->index,
				  state_name(atomic_load(&v->state)));
			print_exits(out, v);
		}
	}
}

void show_cpus(struct fmt_sink *out, char **words unused_arg, unsigned count unused_arg)
{
	/* Partitions that run for VMs count as hypervisor; the last column has those that run for nobody, of that. */
	fmt_print(out, "%3s %12s %6s %13s %13s %13s%s\n", "CPU", "MPIDR", "vCPUs", "guest", "hypervisor", "idle",
		  spmc_present() ? "    partitions" : "");
	for (unsigned i = 0; i < cpu_count; i++) {
		const struct cpu *cpu = cpus[i];

		fmt_print(out, "%3u %12llx %6u ", i, (unsigned long long)cpu->mpidr, cpu->vcpu_count);
		for (unsigned kind = 0; kind < CPU_TIME_COUNT; kind++) {
			uint64_t ticks = cpu->time[kind];

			/* The present stretch is not booked yet. */
			if (kind == (unsigned)cpu->time_kind) {
				ticks += read_cntpct_el0() - cpu->time_since;
			}
			print_milliseconds(out, ticks);
			fmt_print(out, " ");
		}
		if (spmc_present()) {
			print_milliseconds(out, runner_share(cpu)->used);
		}
		fmt_print(out, "\n");
	}
}

void show_memory(struct fmt_sink *out, char **words unused_arg, unsigned count unused_arg)
{
	struct pool_stats stats;

	pool_stats(&stats);
	fmt_print(out, "RAM %llu KiB, free %llu KiB (largest piece %llu KiB), EL2's own %llu KiB\n",
		  (unsigned long long)stats.total_pages * 4, (unsigned long long)stats.free_pages * 4,
		  (unsigned long long)stats.largest_free * 4, (unsigned long long)stats.el2_pages * 4);
}

void show_switches(struct fmt_sink *out, char **words unused_arg, unsigned count unused_arg)
{
	list_for_each (node, &networks) {
		const struct net_switch *sw = list_entry(node, struct net_switch, node);
		const struct net_switch_counters *c = &sw->counters;

		fmt_print(out, "%s: forwarded %llu, flooded %llu, dropped %llu, learned %llu, DHCP %llu\n", sw->name,
			  (unsigned long long)c->forwarded, (unsigned long long)c->flooded,
			  (unsigned long long)c->dropped, (unsigned long long)c->learned, (unsigned long long)c->dhcp);
		for (unsigned i = 0; i < sw->port_count; i++) {
			const struct net_counters *n = &sw->ports[i]->port->counters;

			fmt_print(out, "  %-32s tx %llu (dropped %llu, waited %llu)  rx %llu (dropped %llu)%s\n",
				  sw->ports[i]->name, (unsigned long long)n->tx_frames,
				  (unsigned long long)n->tx_dropped, (unsigned long long)n->tx_waits,
				  (unsigned long long)n->rx_frames, (unsigned long long)n->rx_dropped,
				  net_switch_is_stuck(sw->ports[i]) ? "  stuck" : "");
		}
	}
}

void show_shared(struct fmt_sink *out, char **words unused_arg, unsigned count unused_arg)
{
	regions_print(out);
}

void show_registers(struct vcpu *v)
{
	struct fmt_sink *out = console_begin();
	bool loaded = v->cpu->current == v;

	console_fresh_line();
	fmt_print(out, "%s/%u on CPU %u, %s\n", v->vm->name, v->index, v->cpu->index, state_name(v->state));
	for (unsigned i = 0; i < 31; i++) {
		fmt_print(out, "x%-2u %016llx%s", i, (unsigned long long)v->regs.x[i], i % 4 == 3 ? "\n" : "  ");
	}
	fmt_print(out, "pc  %016llx\npstate %08llx  last exit esr %08llx\n", (unsigned long long)v->regs.pc,
		  (unsigned long long)v->regs.pstate, (unsigned long long)v->regs.esr);
	fmt_print(out,
		  "sctlr %llx  ttbr0 %llx  ttbr1 %llx  tcr %llx\nvbar %llx  elr %llx  spsr %llx  esr %llx  far %llx\n",
		  (unsigned long long)(loaded ? guest_read_sctlr() : v->el1.sctlr),
		  (unsigned long long)(loaded ? guest_read_ttbr0() : v->el1.ttbr0),
		  (unsigned long long)(loaded ? guest_read_ttbr1() : v->el1.ttbr1),
		  (unsigned long long)(loaded ? guest_read_tcr() : v->el1.tcr),
		  (unsigned long long)(loaded ? guest_read_vbar() : v->el1.vbar),
		  (unsigned long long)(loaded ? guest_read_elr() : v->el1.elr),
		  (unsigned long long)(loaded ? guest_read_spsr() : v->el1.spsr),
		  (unsigned long long)(loaded ? guest_read_esr() : v->el1.esr),
		  (unsigned long long)(loaded ? guest_read_far() : v->el1.far));
	console_end();
}
