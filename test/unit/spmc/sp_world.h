/* SPDX-License-Identifier: MIT */
/*
 * Partitions without a machine: sp_enter() is the test's, and so are the GIC, the timer and memory. The scheduler, the
 * call table, interrupts, messages and src/ffa are real. A CPU is whatever TPIDR_EL2 says; the test turns it.
 *
 *   1 (0x8001) up    UP, S-EL1           3 (0x8003) user  UP, S-EL0
 *   2 (0x8002) mp    one for each CPU    4 (0x8004) old   UP, S-EL1, FF-A 1.1
 *
 * Included by exactly one file of a program.
 */
#ifndef TEST_SP_WORLD_H
#define TEST_SP_WORLD_H

#include "cmocka_main.h"

#include <stdlib.h>
#include <string.h>

#include "arch/gic_cpu.h"
#include "arch/host/host.h"
#include "arch/smc.h"
#include "arch/world.h"
#include "core/port/host.h"
#include "core/port/secure_irq.h"
#include "ffa/answer.h"
#include "ffa/discovery.h"
#include "role/spmc/call.h"
#include "role/spmc/el0.h"
#include "role/spmc/interrupt.h"
#include "role/spmc/life.h"
#include "role/spmc/load.h"
#include "role/spmc/power.h"
#include "role/spmc/schedule.h"

#define WORLD_CPUS 4
#define WORLD_TIMER 20
enum { UP, MP, USER, OLD, WORLD_SPS };

static struct sp world_sps[WORLD_SPS];
static struct sp_vcpu world_vcpus[WORLD_SPS][WORLD_CPUS];
static struct sp_vcpu *world_vcpu_tables[WORLD_SPS][WORLD_CPUS];
static struct spmc_sp world_grants[WORLD_SPS];
static struct sp *world_table[SPMC_SPS_MAX];
static struct cpu world_cpus[WORLD_CPUS];
static struct ffa_space world_nwd_space;

/* What the test plays. */
static enum sp_exit (*world_enter)(struct sp_vcpu *v);
static uint32_t world_intid = 1023; /* what the GIC gives next */
static uint32_t world_group0 = 1023;
static unsigned world_leaves, world_puts, world_resets, world_sris, world_kicks, world_el3, world_deactivated,
	world_reloads;
static uint64_t world_smc_x7;
static bool world_enabled[GIC_INTID_NONE]; /* at the GIC */
static bool world_timer_due;

/* ---- what is not under test ---- */

struct host host;
struct sp **sps = world_table;
struct list sps_boot_list;
static const char *world_reason = "it is a test";

enum sp_exit sp_enter(struct sp_vcpu *v)
{
	assert_int_equal(v->state, SP_RUNNING);
	assert_ptr_equal(v->cpu.cpu, this_cpu());
	return world_enter(v);
}

const char *sp_exit_reason(const struct sp_vcpu *v)
{
	(void)v;
	return world_reason;
}

static enum sp_conduit world_conduit = SP_CONDUIT_HVC;

enum sp_conduit sp_exit_conduit(const struct sp_vcpu *v)
{
	(void)v;
	return world_conduit;
}

void sp_leave(struct cpu *cpu)
{
	assert_ptr_equal(cpu, this_cpu());
	world_leaves++;
}

void sp_cpu_put(struct cpu *cpu) { assert_ptr_equal(cpu, this_cpu()); }

void sp_vcpu_put(struct sp_vcpu *v)
{
	assert_ptr_equal(v->cpu.cpu, this_cpu());
	world_puts++;
}

void sp_vcpu_reset(struct sp_vcpu *v, uint64_t entry)
{
	memset(&v->cpu.regs, 0, sizeof(v->cpu.regs));
	v->cpu.regs.pc = entry;
	world_resets++;
}

void el0_reset(struct vcpu *v) { (void)v; }

void sp_timer_start(struct cpu *cpu, struct timer *timer, uint64_t deadline)
{
	timer_start(&cpu->timers, timer, deadline);
}

void sp_timer_stop(struct cpu *cpu, struct timer *timer) { timer_stop(&cpu->timers, timer); }

void sp_timers_run(struct cpu *cpu) { timer_run(&cpu->timers, world_timer_due ? UINT64_MAX - 1 : cpu_now()); }

enum err sp_reload(const struct sp *sp)
{
	(void)sp;
	world_reloads++;
	return OK;
}

bool sp_has_memory(struct sp *sp)
{
	(void)sp;
	return true;
}

void sp_scrub_memory(struct sp *sp) { (void)sp; }

enum err sp_map_memory(struct sp *sp)
{
	(void)sp;
	return OK;
}

bool secure_irq_exists(uint32_t intid) { return intid < GIC_INTID_NONE; }
void secure_irq_claim(uint32_t intid, uint8_t priority, bool level)
{
	(void)level;
	assert_in_range(priority, SECURE_IRQ_PRIORITY_EL2 + 8, SECURE_IRQ_PRIORITY_END - 8);
	world_enabled[intid] = false;
}
void secure_irq_release(uint32_t intid) { world_enabled[intid] = false; }
void secure_irq_enable(uint32_t intid) { world_enabled[intid] = true; }
void secure_irq_disable(uint32_t intid) { world_enabled[intid] = false; }
void secure_irq_deactivate(uint32_t intid)
{
	(void)intid;
	world_deactivated++;
}
void secure_irq_route(uint32_t intid, uint64_t mpidr)
{
	(void)intid;
	(void)mpidr;
}

void panic_stop(void) { abort(); }

void arch_smc(struct smc_regs *regs)
{
	world_el3 += regs->x[0] == FFA_EL3_INTR_HANDLE;
	world_smc_x7 = regs->x[7];
	regs->x[0] = 0x1234;
}

static void world_reading(enum host_sysreg_index reg)
{
	if (reg == HOST_SYSREG_icc_iar1_el1) {
		host_sysreg[reg] = world_intid;
		world_intid = 1023;
	} else if (reg == HOST_SYSREG_icc_hppir0_el1) {
		host_sysreg[reg] = world_group0;
	}
}

static void world_written(enum host_sysreg_index reg, uint64_t value)
{
	(void)value;
	world_sris += reg == HOST_SYSREG_icc_asgi1r_el1;
	world_kicks += reg == HOST_SYSREG_icc_sgi1r_el1;
}

/* ---- the partitions ---- */

static void world_cpu(unsigned i) { write_tpidr_el2((uint64_t)(uintptr_t)&world_cpus[i]); }

static void world_make(unsigned i, const char *name)
{
	struct sp *sp = &world_sps[i];
	struct sp_manifest *m = &sp->manifest;
	struct ffa_endpoint *e = &sp->endpoint;

	strcpy(m->name, name);
	m->vcpu_count = i == MP ? WORLD_CPUS : 1;
	m->s_el0 = i == USER;
	m->ns_action = SP_NS_SIGNALED;
	m->ffa_version = i == OLD ? FFA_VERSION_1_1 : FFA_VERSION_1_2;
	e->id = (uint16_t)(FFA_ID_SP_FIRST + i);
	e->vcpu_count = m->vcpu_count;
	e->kind = i == USER ? FFA_KIND_SP_EL0 : FFA_KIND_SP_EL1;
	e->version = m->ffa_version;
	e->properties = FFA_PROPERTY_DIRECT_RECV | FFA_PROPERTY_DIRECT_SEND | FFA_PROPERTY_DIRECT2_RECV |
			FFA_PROPERTY_DIRECT2_SEND;
	e->uuid_count = 1;
	e->uuids[0] = (struct ffa_uuid){ { 1, 2, 3, 4 + i } };
	e->space = &sp->space;
	sp->grant = &world_grants[i];
	sp->vcpus = world_vcpu_tables[i];
	for (unsigned n = 0; n < m->vcpu_count; n++) {
		sp->vcpus[n] = &world_vcpus[i][n];
		sp->vcpus[n]->sp = sp;
		sp->vcpus[n]->cpu.index = n;
		sp->vcpus[n]->cpu.cpu = &world_cpus[n];
	}
	world_table[i] = sp;
	ffa_endpoint_add(e);
	list_append(&sps_boot_list, &sp->boot_node);
}

/* Interrupt 40 + i is the partition's. */
static void world_device(unsigned i)
{
	world_sps[i].manifest.interrupt_count = 1;
	world_sps[i].manifest.interrupts[0] = (struct sp_interrupt){
		.intid = 40 + i, .priority = 0x40, .secure = true, .level = true
	};
}

/* All is new; nothing has started. */
static void world_reset(void)
{
	for (unsigned i = 0; i < WORLD_SPS; i++) {
		if (world_sps[i].prepared) {
			interrupts_release(&world_sps[i]);
		}
	}
	memset(world_sps, 0, sizeof(world_sps));
	memset(world_vcpus, 0, sizeof(world_vcpus));
	memset(world_grants, 0, sizeof(world_grants));
	memset(world_cpus, 0, sizeof(world_cpus));
	memset(host_sysreg, 0, sizeof(host_sysreg));
	memset(world_enabled, 0, sizeof(world_enabled));
	world_leaves = world_puts = world_resets = world_sris = world_kicks = 0;
	world_el3 = world_deactivated = world_reloads = 0;
	world_intid = world_group0 = 1023;
	world_timer_due = false;
	world_conduit = SP_CONDUIT_HVC;
	host_sysreg_reading = world_reading;
	host_sysreg_written = world_written;
	host.hyp_timer_intid = WORLD_TIMER;
	cpu_count = WORLD_CPUS;
	write_icc_pmr_el1(0xf8);
	write_cntfrq_el0(1000000);
	list_init(&sps_boot_list);
	ffa_endpoints_init(&world_nwd_space);
	ffa_nwd.version = FFA_VERSION_1_2;
	for (unsigned i = 0; i < WORLD_CPUS; i++) {
		cpu_init(&world_cpus[i], i, i);
		cpus[i] = &world_cpus[i];
		*schedule_of(&world_cpus[i]) = (struct schedule){ .cpu = &world_cpus[i] };
	}
	world_make(UP, "up");
	world_make(MP, "mp");
	world_make(USER, "user");
	world_make(OLD, "old");
	world_cpu(0);
}

static enum sp_exit world_waits(struct sp_vcpu *v)
{
	ffa_answer(v->cpu.regs.x, FFA_MSG_WAIT);
	return SP_EXIT_CALL;
}

/* Starts everything, as role_run() does. */
static void world_boot(void)
{
	world_enter = world_waits;
	for (unsigned i = 0; i < WORLD_CPUS; i++) {
		world_cpu(i);
		sps_start_on_cpu(&world_cpus[i]);
	}
	world_cpu(0);
}

/* The normal world's call on the CPU that is turned to; x is answered. */
static void world_call(uint64_t *x) { call_serve_normal_world(schedule_of(this_cpu()), x); }

#endif
