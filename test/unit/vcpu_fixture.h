/* SPDX-License-Identifier: MIT */
/*
 * One vCPU, loaded on a CPU of a VM with some RAM and one device, and what the trap code finds around it. Included by
 * exactly one file of a program; no test framework, so fuzz targets use it too.
 */
#ifndef TEST_VCPU_FIXTURE_H
#define TEST_VCPU_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch/host/translate.h"
#include "core/mm/pool.h"
#include "core/port/role.h"
#include "core/vcpu/esr.h"
#include "core/vcpu/idreg.h"
#include "core/vcpu/ptimer.h"
#include "core/vcpu/run.h"
#include "core/vcpu/trap.h"

/* ---- random numbers that a failure can be replayed with ---- */

static uint64_t random_state = 1;

static inline uint64_t random_u64(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state * UINT64_C(0x2545f4914f6cdd1d);
}

/* 0 .. bound - 1 */
static inline unsigned random_below(unsigned bound) { return (unsigned)((random_u64() >> 32) % bound); }

/* From SEED in the environment, else fixed; printed. */
static inline void random_seed(void)
{
	const char *text = getenv("SEED");

	random_state = text != NULL ? strtoull(text, NULL, 0) : 20261123;
	printf("SEED=%llu\n", (unsigned long long)random_state);
	random_state |= random_state == 0;
}

/* ---- the device: a page of bytes ---- */

#define DEVICE_BASE UINT64_C(0x09000000)
#define DEVICE_SIZE UINT64_C(0x1000)
#define RAM_BASE UINT64_C(0x40000000)
#define RAM_SIZE UINT64_C(0x4000)
#define NOWHERE UINT64_C(0x20000000)

struct fixture_device {
	uint8_t bytes[DEVICE_SIZE];
	unsigned reads, writes;
	uint64_t last_offset, last_value;
	unsigned last_size;
	unsigned refuse_after; /* this many accesses are answered; UINT32_MAX: all */
	unsigned repeats;      /* this many writes take another turn */
};

static bool device_answers(struct fixture_device *d, uint64_t offset, unsigned size)
{
	if (!range_in(offset, size, 0, DEVICE_SIZE) || (size != 1 && size != 2 && size != 4 && size != 8)) {
		abort();
	}
	if (d->refuse_after == 0) {
		return false;
	}
	d->refuse_after -= d->refuse_after != UINT32_MAX;
	d->last_offset = offset;
	d->last_size = size;
	return true;
}

static bool device_read(void *device, struct vcpu *v, uint64_t offset, unsigned size, uint64_t *value)
{
	struct fixture_device *d = device;

	(void)v;
	if (!device_answers(d, offset, size)) {
		return false;
	}
	d->reads++;
	*value = 0;
	memcpy(value, &d->bytes[offset], size);
	d->last_value = *value;
	return true;
}

static bool device_write(void *device, struct vcpu *v, uint64_t offset, unsigned size, uint64_t value)
{
	struct fixture_device *d = device;

	if ((size < 8 && value >> (8 * size) != 0) || !device_answers(d, offset, size)) {
		return false;
	}
	d->writes++;
	memcpy(&d->bytes[offset], &value, size);
	d->last_value = value;
	if (d->repeats != 0) {
		d->repeats--;
		vcpu_repeat(v);
	}
	return true;
}

static const struct bus_ops device_ops = { .read = device_read, .write = device_write };

/* ---- the vCPU ---- */

struct fixture {
	struct vm vm;
	struct cpu cpu;
	struct vcpu v;
	struct fixture_device device;
	uint8_t *ram;
	unsigned ram_attrs; /* of stage 2 */
	unsigned calls, waits, wfi_waits, fp_traps;
	uint64_t sgi_value;
	bool sgi_group1;
	unsigned sgis;
	uint32_t deactivated;
	bool ppi_level;
	unsigned ppi_intid;
	uint64_t now;
	unsigned timer_programs;
};

static struct fixture fx;

/* The parts of the hypervisor that are not under test. */
bool stage2_lookup(struct stage2 *s2, ipa_t base, pa_t *to, unsigned *attrs, uint64_t *run)
{
	if (s2 != &fx.vm.stage2) {
		abort();
	}
	if (!range_in(base.v, 1, RAM_BASE, RAM_SIZE) || fx.ram_attrs == 0) {
		return false;
	}
	*to = pa(base.v);
	*attrs = fx.ram_attrs;
	*run = PAGE_SIZE;
	return true;
}

void *pool_alloc_object(size_t size) { return calloc(1, size); }

void pool_free_object(void *object, size_t size)
{
	(void)size;
	free(object);
}

enum trap_result role_call(struct vcpu *v)
{
	(void)v;
	fx.calls++;
	return TRAP_RESUME;
}

enum trap_result role_wait(struct vcpu *v, bool wfi)
{
	(void)v;
	fx.waits++;
	fx.wfi_waits += wfi;
	return TRAP_LEAVE;
}

void vcpu_fp_trap(struct vcpu *v)
{
	(void)v;
	fx.fp_traps++;
}

void vgic_sgi(struct vgic_cpu *cpu, uint64_t value, bool group1)
{
	(void)cpu;
	fx.sgis++;
	fx.sgi_value = value;
	fx.sgi_group1 = group1;
}

bool vgic_dir(struct vgic_cpu *cpu, uint32_t intid)
{
	(void)cpu;
	fx.deactivated = intid;
	return true;
}

void vgic_set_ppi(struct vgic_cpu *cpu, unsigned intid, bool level)
{
	(void)cpu;
	fx.ppi_intid = intid;
	fx.ppi_level = level;
}

uint64_t cpu_now(void) { return fx.now; }

void cpu_program_timer(struct cpu *cpu)
{
	(void)cpu;
	fx.timer_programs++;
}

static void *fixture_ram;

static inline void fixture_reset(void)
{
	bus_destroy(&fx.vm.bus);
	memset(&fx, 0, sizeof(fx));
	memset(host_sysreg, 0, sizeof(host_sysreg));
	memset(&cpu_features, 0, sizeof(cpu_features));
	host_translate = NULL;
	if (fixture_ram == NULL) {
		fixture_ram = malloc(RAM_SIZE);
	}
	memset(fixture_ram, 0, RAM_SIZE);
	fx.ram = fixture_ram;
	fx.ram_attrs = STAGE2_R | STAGE2_W | STAGE2_X;
	fx.device.refuse_after = UINT32_MAX;
	fx.vm.mem.banks[0] = (struct guest_bank){ .ipa = RAM_BASE, .size = RAM_SIZE, .host = fx.ram };
	fx.vm.mem.count = 1;
	fx.vm.stage2.table.address_bits = 40;
	if (bus_add(&fx.vm.bus, ipa(DEVICE_BASE), DEVICE_SIZE, &device_ops, &fx.device) != OK) {
		abort();
	}
	timer_queue_init(&fx.cpu.timers);
	fx.v.vm = &fx.vm;
	fx.v.cpu = &fx.cpu;
	ptimer_init(&fx.v);
	fx.v.regs.pc = RAM_BASE + 0x100;
	fx.v.regs.pstate = PSTATE_EL1H;
	write_vbar_el1(RAM_BASE + 0x800);
}

/* The syndrome, FAR and HPFAR of an abort at an IPA that stage 1 reached by the same virtual address. */
static inline void fixture_fault(uint64_t esr, uint64_t address)
{
	fx.v.regs.esr = esr;
	write_far_el2(address);
	write_hpfar_el2((address >> PAGE_SHIFT) << 4);
}

static inline enum trap_result fixture_trap(bool full)
{
	return trap_handle(&fx.v, fx.v.regs.esr, full ? TRAP_SAVED_ALL : TRAP_SAVED_QUICK);
}

/* A data abort with a syndrome: 'size' is log2. */
static inline uint64_t fixture_dabt(unsigned size, bool write, unsigned rt, bool sign, bool wide)
{
	return FIELD_PUT(ESR_EC, EC_DABT_LOWER) | ESR_IL | ESR_ABT_ISV | FIELD_PUT(ESR_ABT_SAS, size) |
	       FIELD_PUT(ESR_ABT_SRT, rt) | (write ? ESR_ABT_WNR : 0) | (sign ? ESR_ABT_SSE : 0) |
	       (wide ? ESR_ABT_SF : 0) | FSC_TRANSLATION | 3;
}

/* One without. */
static inline uint64_t fixture_dabt_bare(bool write)
{
	return FIELD_PUT(ESR_EC, EC_DABT_LOWER) | ESR_IL | (write ? ESR_ABT_WNR : 0) | FSC_TRANSLATION | 3;
}

#endif
