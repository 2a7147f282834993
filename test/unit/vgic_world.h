/* SPDX-License-Identifier: MIT */
/*
 * A VM of a few vCPUs, each on a CPU of its own that this one thread plays in turn, beside a plain model of what a GIC
 * with its interrupts would do. world_step() does something to both; world_check() compares all that a guest can see.
 */
#ifndef TEST_VGIC_WORLD_H
#define TEST_VGIC_WORLD_H

#include <stdio.h>
#include <stdlib.h>

#include "core/mm/pool.h"
#include "core/port/vgic_port.h"
#include "core/vgic/vgic.h"
#include "core/vgic/vgic_priv.h"
#include "model_gich.h"

#define CPUS 3
#define SPIS 64
#define INTIDS (32 + SPIS)
#define TIMER 27
#define PHYSICAL_TIMER 26 /* another number, lest they be mixed up */

#define REQUIRE(cond, ...)                                        \
	do {                                                      \
		if (!(cond)) {                                    \
			fprintf(stderr, "%s: ", #cond);           \
			fprintf(stderr, __VA_ARGS__);             \
			fprintf(stderr, " (step %u)\n", w.steps); \
			abort();                                  \
		}                                                 \
	} while (0)

/* One interrupt as the architecture has it (IHI 0069, 4.1). */
struct irq {
	bool latch, line, enabled, active, group1, edge;
	uint8_t priority;
	unsigned route; /* of an SPI; CPUS: nobody */
};

struct acked {
	unsigned intid;
	bool group1;
};

struct vcpu {
	struct vgic_cpu vgic;
	unsigned index;
	bool loaded, kicked;
	struct gich hw;
	struct irq irqs[32];
	struct acked running[40]; /* acknowledged and not ended */
	unsigned running_count;
	uint64_t vmcr; /* as it was when the vCPU was last loaded */
};

static struct {
	struct vgic vgic;
	struct vcpu vcpus[CPUS];
	struct irq spis[SPIS];
	bool split; /* EOImode 1 */
	uint32_t ctlr;
	unsigned steps;
} w;

/* ---- what the vGIC asks ---- */

void *pool_alloc_object(size_t size) { return calloc(1, size); }

void pool_free_object(void *object, size_t size)
{
	(void)size;
	free(object);
}

static struct vcpu *played(void) { return container_of(gich, struct vcpu, hw); }

void vgic_port_kick(struct vcpu *target) { target->kicked = true; }

bool vgic_port_loaded_elsewhere(const struct vcpu *target) { return target != played() && target->loaded; }

/* The others get on meanwhile. */
void vgic_port_wait(void)
{
	struct vcpu *me = played();

	for (unsigned i = 0; i < CPUS; i++) {
		struct vcpu *v = &w.vcpus[i];

		if (v->loaded && v->vgic.dirty != 0) {
			gich_switch(&v->hw);
			vgic_enter(&v->vgic);
		}
	}
	gich_switch(&me->hw);
}

void vgic_port_set_physical_active(unsigned physical_intid, bool active)
{
	uint32_t bit = 1u << physical_intid;

	gich->physical_active = active ? gich->physical_active | bit : gich->physical_active & ~bit;
}

bool vgic_port_physical_line(unsigned physical_intid) { return (gich->physical_line & 1u << physical_intid) != 0; }

/* ---- the model ---- */

static struct irq *irq_of(struct vcpu *v, unsigned intid) { return intid < 32 ? &v->irqs[intid] : &w.spis[intid - 32]; }

static bool irq_pending(const struct irq *irq) { return irq->latch || (irq->line && !irq->edge); }

/* To be delivered to that vCPU. */
static bool irq_ready(const struct irq *irq, const struct vcpu *v, unsigned intid)
{
	return irq_pending(irq) && irq->enabled && !irq->active && (w.ctlr & (irq->group1 ? 2 : 1)) != 0 &&
	       (intid < 32 || irq->route == v->index);
}

/* Of the groups that 'vmcr' enables, the best priority to be delivered; 256: none. The timer counts if 'timer'. */
static unsigned model_best(struct vcpu *v, uint64_t vmcr, bool timer)
{
	unsigned best = 256;

	for (unsigned intid = 0; intid < INTIDS; intid++) {
		const struct irq *irq = irq_of(v, intid);

		if ((timer || intid != TIMER) && irq_ready(irq, v, intid) &&
		    (vmcr & (irq->group1 ? VMCR_VENG1 : VMCR_VENG0)) != 0) {
			best = MIN(best, irq->priority);
		}
	}
	return best;
}

static void model_reset(void)
{
	w.ctlr = 0;
	for (unsigned i = 0; i < SPIS; i++) {
		w.spis[i] = (struct irq){ .group1 = true, .line = w.spis[i].line };
	}
	for (unsigned c = 0; c < CPUS; c++) {
		for (unsigned i = 0; i < 32; i++) {
			w.vcpus[c].irqs[i] = (struct irq){ .group1 = true,
							   .edge = i < 16,
							   .line = w.vcpus[c].irqs[i].line };
		}
		w.vcpus[c].running_count = 0;
	}
}

/* ---- both together ---- */

static void play(struct vcpu *v) { gich_switch(&v->hw); }

static void world_load(struct vcpu *v)
{
	play(v);
	v->loaded = true;
	vgic_load(&v->vgic);
}

static void world_unload(struct vcpu *v)
{
	play(v);
	v->vmcr = host_sysreg[HOST_SYSREG_ich_vmcr_el2];
	vgic_save(&v->vgic);
	v->loaded = false;
	REQUIRE(gich->physical_active == 0, "vCPU %u leaves with an active timer", v->index);
}

static void set_vmcr(struct vcpu *v, uint64_t vmcr)
{
	play(v);
	host_sysreg[HOST_SYSREG_ich_vmcr_el2] = vmcr;
}

static uint64_t vmcr_make(bool g0, bool g1, unsigned pmr)
{
	return (g0 ? VMCR_VENG0 : 0) | (g1 ? VMCR_VENG1 : 0) | (w.split ? VMCR_VEOIM : 0) | FIELD_PUT(VMCR_VPMR, pmr);
}

static void world_start(unsigned lr_count, bool split)
{
	memset(&w, 0, sizeof(w));
	gich_init(lr_count);
	for (unsigned i = 0; i < CPUS; i++) {
		w.vcpus[i].index = i;
		gich_start(&w.vcpus[i].hw);
	}
	w.split = split;
	REQUIRE(vgic_init(&w.vgic, CPUS, SPIS), "no vGIC");
	for (unsigned i = 0; i < CPUS; i++) {
		REQUIRE(vgic_cpu_init(&w.vgic, i, &w.vcpus[i].vgic, &w.vcpus[i], BIT(31) | i), "no vCPU");
	}
	model_reset();
	for (unsigned i = 0; i < CPUS; i++) {
		world_load(&w.vcpus[i]);
		set_vmcr(&w.vcpus[i], vmcr_make(false, true, 0xff));
		w.vcpus[i].vgic.dirty = VGIC_DIRTY_DELIVER; /* an exit that EOImode 1 needs before it is used */
	}
}

static void world_end(void) { vgic_destroy(&w.vgic); }

/* One CPU does what it is asked; false if there is nothing. */
static bool settle_one(struct vcpu *v)
{
	uint32_t timer = 1u << PHYSICAL_TIMER;

	if (!v->loaded) {
		return false;
	}
	play(v);
	if ((gich->physical_line & ~gich->physical_active & timer) != 0) {
		gich->physical_active |= timer;
		vgic_fire_hw_ppi(&v->vgic, TIMER, PHYSICAL_TIMER);
	} else if (gich_misr() != 0) {
		vgic_maintenance(&v->vgic);
	} else if (v->vgic.dirty != 0) {
		vgic_enter(&v->vgic);
	} else {
		return false;
	}
	return true;
}

/* Until nobody has anything left to do. That must come to an end. */
static void world_settle(void)
{
	bool busy = true;

	for (unsigned turns = 0; busy; turns++) {
		REQUIRE(turns < 200, "an interrupt storm: misr %llx, dirty %x", (unsigned long long)gich_misr(),
			played()->vgic.dirty);
		busy = false;
		for (unsigned i = 0; i < CPUS; i++) {
			busy |= settle_one(&w.vcpus[i]);
			w.vcpus[i].kicked = false;
		}
	}
}

/* ---- registers, of the vCPU that is played ---- */

enum {
	R_GROUP = 0x80,
	R_ENABLE_SET = 0x100,
	R_ENABLE_CLEAR = 0x180,
	R_PENDING_SET = 0x200,
	R_PENDING_CLEAR = 0x280,
	R_ACTIVE_SET = 0x300,
	R_ACTIVE_CLEAR = 0x380,
	R_PRIORITY = 0x400,
	R_CONFIG = 0xc00,
	R_ROUTER = 0x6000
};

static uint64_t reg_read(struct vcpu *by, struct vcpu *of, unsigned intid, uint64_t offset, unsigned size)
{
	uint64_t value;

	play(by);
	if (intid < 32) {
		REQUIRE(vgic_redist_read(&by->vgic, of->index * KIB(128) + KIB(64) + offset, size, &value), "0x%x",
			(unsigned)offset);
	} else {
		REQUIRE(vgic_dist_read(&by->vgic, offset, size, &value), "0x%x", (unsigned)offset);
	}
	return value;
}

static void reg_write(struct vcpu *by, struct vcpu *of, unsigned intid, uint64_t offset, unsigned size, uint64_t value)
{
	play(by);
	if (intid < 32) {
		REQUIRE(vgic_redist_write(&by->vgic, of->index * KIB(128) + KIB(64) + offset, size, value), "0x%x",
			(unsigned)offset);
	} else {
		REQUIRE(vgic_dist_write(&by->vgic, offset, size, value), "0x%x", (unsigned)offset);
	}
}

static bool bit_read(struct vcpu *by, struct vcpu *of, unsigned intid, unsigned bank)
{
	return (reg_read(by, of, intid, bank + intid / 32 * 4, 4) >> (intid % 32) & 1) != 0;
}

static void bit_write(struct vcpu *by, struct vcpu *of, unsigned intid, unsigned bank)
{
	reg_write(by, of, intid, bank + intid / 32 * 4, 4, 1u << (intid % 32));
}

static void ctlr_set(struct vcpu *by, uint32_t ctlr)
{
	reg_write(by, by, 32, 0, 4, ctlr);
	w.ctlr = ctlr & 3;
}

/* ---- comparison ---- */

/* Nobody is in two list registers, and 'loaded' and 'owner' tell the truth. */
static void check_loaded(void)
{
	unsigned holder[INTIDS] = { 0 };

	for (unsigned c = 0; c < CPUS; c++) {
		struct vcpu *v = &w.vcpus[c];

		if (!v->loaded) {
			REQUIRE(v->vgic.lr_used == 0 && v->vgic.word.loaded == 0, "vCPU %u is not loaded", c);
			continue;
		}
		play(v);
		for (unsigned i = 0; i < gich_lr_count; i++) {
			unsigned intid = (unsigned)FIELD_GET(LR_INTID, gich_lr(i));

			if ((gich_lr(i) & (LR_PENDING | LR_ACTIVE)) == 0) {
				continue;
			}
			REQUIRE((v->vgic.lr_used & 1u << i) != 0, "list register %u of vCPU %u", i, c);
			REQUIRE((vgic_word(&v->vgic, intid / 32)->loaded & 1u << intid % 32) != 0, "%u", intid);
			if (intid >= 32) {
				REQUIRE(holder[intid] == 0, "%u is in two list registers", intid);
				REQUIRE(w.vgic.spis[intid - 32].owner == c, "%u", intid);
			} else {
				REQUIRE(holder[intid] != c + 1, "%u is in two list registers", intid);
			}
			holder[intid] = c + 1;
		}
	}
}

/* What is delivered to a vCPU is the best there is. */
static void check_delivery(struct vcpu *v)
{
	unsigned best;
	int i;

	play(v);
	best = model_best(v, host_sysreg[HOST_SYSREG_ich_vmcr_el2], true);
	i = gich_best();
	REQUIRE((best < 256) == (i >= 0), "vCPU %u: best is %u, list register %d", v->index, best, i);
	if (i >= 0) {
		uint64_t lr = gich_lr((unsigned)i);
		unsigned intid = (unsigned)FIELD_GET(LR_INTID, lr);
		const struct irq *irq = irq_of(v, intid);

		REQUIRE(FIELD_GET(LR_PRIORITY, lr) == best && irq->priority == best, "vCPU %u: %u", v->index, intid);
		REQUIRE(irq_ready(irq, v, intid), "vCPU %u: %u", v->index, intid);
		REQUIRE(irq->group1 == ((lr & LR_GROUP) != 0), "vCPU %u: %u", v->index, intid);
	}
}

static void check_wakeup(struct vcpu *v)
{
	uint64_t vmcr = v->loaded ? (play(v), host_sysreg[HOST_SYSREG_ich_vmcr_el2]) : v->vmcr;
	bool must = model_best(v, vmcr, v->loaded) < FIELD_GET(VMCR_VPMR, vmcr);
	bool may = model_best(v, vmcr, true) < FIELD_GET(VMCR_VPMR, vmcr);
	bool is;

	play(v);
	is = vgic_has_pending(&v->vgic);
	/* Of a vCPU that is not loaded, the timer is the caller's to watch. */
	REQUIRE((!must || is) && (may || !is), "vCPU %u: wake-up is %d", v->index, is);
}

/* All registers of an interrupt, read by one vCPU. */
static void check_registers(struct vcpu *by, struct vcpu *of, unsigned intid)
{
	const struct irq *irq = irq_of(of, intid);

	REQUIRE(bit_read(by, of, intid, R_ENABLE_SET) == irq->enabled, "%u", intid);
	REQUIRE(bit_read(by, of, intid, R_ENABLE_CLEAR) == irq->enabled, "%u", intid);
	REQUIRE(bit_read(by, of, intid, R_GROUP) == irq->group1, "%u", intid);
	if (intid != TIMER || by == of) {
		REQUIRE(bit_read(by, of, intid, R_PENDING_SET) == irq_pending(irq), "%u of vCPU %u by %u", intid,
			of->index, by->index);
		REQUIRE(bit_read(by, of, intid, R_PENDING_CLEAR) == irq_pending(irq), "%u", intid);
	}
	REQUIRE(bit_read(by, of, intid, R_ACTIVE_SET) == irq->active, "%u", intid);
	REQUIRE(bit_read(by, of, intid, R_ACTIVE_CLEAR) == irq->active, "%u", intid);
	REQUIRE(reg_read(by, of, intid, R_PRIORITY + intid, 1) == irq->priority, "%u", intid);
	REQUIRE((reg_read(by, of, intid, R_CONFIG + intid / 16 * 4, 4) >> (intid % 16 * 2) & 3) == (irq->edge ? 2 : 0),
		"%u", intid);
	if (intid >= 32 && irq->route < CPUS) {
		REQUIRE(reg_read(by, of, intid, R_ROUTER + 8ul * intid, 8) == irq->route, "%u", intid);
	}
}

/* When all has settled: everything. */
static void world_check(struct vcpu *by, unsigned intid)
{
	check_loaded();
	for (unsigned c = 0; c < CPUS; c++) {
		if (w.vcpus[c].loaded) {
			check_delivery(&w.vcpus[c]);
		}
		check_wakeup(&w.vcpus[c]);
	}
	if (by->loaded) {
		for (unsigned c = 0; c < CPUS; c++) {
			check_registers(by, &w.vcpus[c], intid);
		}
	}
	/* Reading changes nothing; what it brought about may have to settle. */
	world_settle();
}

/* ---- what happens ---- */

/* The guest on a vCPU acknowledges; the interrupt, or GICH_SPURIOUS. */
static unsigned world_ack(struct vcpu *v)
{
	int i;
	bool group1;
	unsigned intid;
	struct irq *irq;

	play(v);
	i = gich_signalled();
	if (i < 0) {
		return GICH_SPURIOUS;
	}
	group1 = (gich_lr((unsigned)i) & LR_GROUP) != 0;
	REQUIRE(gich_ack(!group1) == GICH_SPURIOUS, "of the other group");
	intid = gich_ack(group1);
	irq = irq_of(v, intid);
	irq->latch = false;
	irq->active = true;
	REQUIRE(v->running_count < ARRAY_SIZE(v->running), "more than there are priorities");
	v->running[v->running_count++] = (struct acked){ intid, group1 };
	return intid;
}

/* It ends what it acknowledged last. */
static void world_eoi(struct vcpu *v)
{
	struct acked last;

	if (v->running_count == 0) {
		return;
	}
	last = v->running[--v->running_count];
	play(v);
	gich_eoi(last.intid, last.group1);
	if (!w.split) {
		irq_of(v, last.intid)->active = false;
	}
}

static bool is_running(unsigned intid, const struct vcpu *of)
{
	for (unsigned c = 0; c < CPUS; c++) {
		const struct vcpu *v = &w.vcpus[c];

		for (unsigned i = 0; i < v->running_count; i++) {
			if (v->running[i].intid == intid && (intid >= 32 || v == of)) {
				return true;
			}
		}
	}
	return false;
}

static void world_dir(struct vcpu *v, unsigned intid)
{
	if (!w.split || is_running(intid, v)) {
		return;
	}
	play(v);
	if (gich_dir_traps()) {
		REQUIRE(vgic_dir(&v->vgic, intid), "%u", intid);
	} else {
		gich_deactivate(intid);
	}
	irq_of(v, intid)->active = false;
}

static void world_line(struct vcpu *v, unsigned intid, bool level)
{
	struct irq *irq = irq_of(v, intid);

	if (intid >= 32) {
		vgic_set_spi(&w.vgic, intid, level);
	} else {
		vgic_set_ppi(&v->vgic, intid, level);
	}
	if (level && !irq->line && irq->edge) {
		irq->latch = true;
	}
	irq->line = level;
}

/* The timer's output. Hardware does not take a pending one back (docs/vgic.md), so it falls only when it is not. */
static void world_timer(struct vcpu *v, bool level)
{
	uint32_t bit = 1u << PHYSICAL_TIMER;

	if (!v->loaded) {
		return;
	}
	play(v);
	for (unsigned i = 0; i < gich_lr_count; i++) {
		if (FIELD_GET(LR_INTID, gich_lr(i)) == TIMER && (gich_lr(i) & LR_PENDING) != 0) {
			return;
		}
	}
	v->irqs[TIMER].line = level;
	gich->physical_line = level ? gich->physical_line | bit : gich->physical_line & ~bit;
}

static void world_sgi(struct vcpu *v, unsigned intid, uint32_t list, bool others, bool group1)
{
	play(v);
	vgic_sgi(&v->vgic, (uint64_t)intid << 24 | list | (others ? BIT(40) : 0), group1);
	for (unsigned c = 0; c < CPUS; c++) {
		struct irq *irq = &w.vcpus[c].irqs[intid];

		if ((others ? c != v->index : (list & 1u << c) != 0) && (group1 || !irq->group1)) {
			irq->latch = true;
		}
	}
}

/* The guest on 'by' writes a register of an interrupt. */
static void world_write(struct vcpu *by, struct vcpu *of, unsigned intid, unsigned what, unsigned value)
{
	struct irq *irq = irq_of(of, intid);
	uint32_t word;

	switch (what) {
	case 0:
	case 1:
		bit_write(by, of, intid, R_ENABLE_SET);
		irq->enabled = true;
		break;
	case 2:
		bit_write(by, of, intid, R_ENABLE_CLEAR);
		irq->enabled = false;
		break;
	case 3:
	case 4:
		bit_write(by, of, intid, R_PENDING_SET);
		irq->latch = true;
		break;
	case 5:
		bit_write(by, of, intid, R_PENDING_CLEAR);
		irq->latch = false;
		break;
	case 6:
		bit_write(by, of, intid, R_ACTIVE_SET);
		irq->active = true;
		break;
	case 7:
		/* A guest that makes inactive what it still has to end has no promise (IHI 0069, 4.1.2). */
		if (!is_running(intid, of)) {
			bit_write(by, of, intid, R_ACTIVE_CLEAR);
			irq->active = false;
		}
		break;
	case 8:
		reg_write(by, of, intid, R_PRIORITY + intid, 1, value & 0xff);
		irq->priority = value & 0xf8;
		break;
	case 9:
		word = (uint32_t)reg_read(by, of, intid, R_GROUP + intid / 32 * 4, 4);
		irq->group1 = (value & 1) != 0;
		word = (word & ~(1u << intid % 32)) | (uint32_t)(value & 1) << intid % 32;
		reg_write(by, of, intid, R_GROUP + intid / 32 * 4, 4, word);
		break;
	case 10:
		word = (uint32_t)reg_read(by, of, intid, R_CONFIG + intid / 16 * 4, 4);
		word = (word & ~(3u << intid % 16 * 2)) | (value & 1) << (intid % 16 * 2 + 1);
		reg_write(by, of, intid, R_CONFIG + intid / 16 * 4, 4, word);
		irq->edge = intid < 32 ? irq->edge : (value & 1) != 0;
		break;
	case 11:
		if (intid >= 32) {
			reg_write(by, of, intid, R_ROUTER + 8ul * intid, 8, value % (CPUS + 1));
			irq->route = value % (CPUS + 1);
		}
		break;
	default:
		ctlr_set(by, value % 8 == 0 ? value >> 3 : 3);
		break;
	}
}

/* ---- random events: 'next' gives the bytes of a choice ---- */

/* Few enough that they meet, of every kind. */
static const uint8_t world_intids[] = { 0,  1,  2,  3,  15, 16, 20, 21, TIMER, 31, 32, 33,
					34, 35, 36, 40, 62, 63, 64, 65, 80,    94, 95 };

static void world_step(unsigned (*next)(void))
{
	unsigned what = next();
	struct vcpu *v = &w.vcpus[next() % CPUS];
	unsigned intid = world_intids[next() % ARRAY_SIZE(world_intids)];
	unsigned value = next();

	w.steps++;
	switch (what % 16) {
	case 0:
	case 1:
		if (v->loaded) {
			world_sgi(v, intid % 16, value & 7, (value & 8) != 0, (value & 0x30) != 0);
		}
		break;
	case 2:
	case 3:
		if (intid >= 16 && intid != TIMER) {
			world_line(v, intid, (value & 1) != 0);
		}
		break;
	case 4:
		world_timer(v, (value & 1) != 0);
		break;
	case 5:
	case 6:
	case 7:
		if (v->loaded) {
			world_ack(v);
		}
		break;
	case 8:
	case 9:
		if (v->loaded) {
			world_eoi(v);
		}
		break;
	case 10:
		if (v->loaded) {
			world_dir(v, intid);
		}
		break;
	case 11:
		if ((value & 7) != 0) {
			break;
		}
		if (v->loaded) {
			world_unload(v);
		} else {
			world_load(v);
		}
		break;
	case 12:
		if (v->loaded && (value & 3) == 0) {
			set_vmcr(v, vmcr_make((value & 4) != 0, (value & 24) != 0,
					      (value & 32) != 0 ? value & 0xf8 : 0xff));
		}
		break;
	default:
		if (v->loaded) {
			world_write(v, &w.vcpus[value % CPUS], intid, next() % 13, next());
		}
		break;
	}
}

#endif
