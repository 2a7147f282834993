/* SPDX-License-Identifier: MIT */
/*
 * The register banks of GICD and GICR (IHI 0069, 12.9 and 12.11). SPIs' registers in GICD and a vCPU's SGIs' and
 * PPIs' in its SGI frame have the same layout: register = kind + INTID * bits per interrupt.
 */
#include "core/vgic/vgic.h"

#include "arch/atomic.h"
#include "arch/barrier.h"
#include "core/vgic/vgic_priv.h"

/* ---- registers of one bit for each interrupt ---- */

/*
 * One row for each 128 bytes: from 0x080 IGROUPR to 0x380 ICACTIVER. 'get' reads a word's interrupts, 'set' gets what
 * the guest wrote. 'self' accesses; word 0 is that of 'cpu'.
 */
struct bit_bank {
	uint32_t (*get)(struct vgic_cpu *self, struct vgic_cpu *cpu, unsigned w);
	void (*set)(struct vgic_cpu *self, struct vgic_cpu *cpu, unsigned w, uint32_t value);
};

static __attribute__((noinline)) void changed_slow(struct vgic_cpu *self, struct vgic_cpu *cpu, unsigned w,
						   uint32_t mask)
{
	const struct vgic_word *word = vgic_word(cpu, w);
	uint32_t loaded;

	/* Partner: the barrier in lr_claim. */
	dmb_ish();
	loaded = mask & atomic_load(&word->loaded);
	mask &= vgic_word_pending(word) | loaded;
	if (mask != 0) {
		vgic_ring(self, cpu, w, mask);
	}
	if (unlikely(loaded != 0)) {
		vgic_act(self, cpu, VGIC_OP_CHECK, w, loaded);
	}
}

/* After a change of configuration: those that may come, and those in list registers, which is waited for. */
static inline void changed(struct vgic_cpu *self, struct vgic_cpu *cpu, unsigned w, uint32_t mask)
{
	if (mask != 0) {
		changed_slow(self, cpu, w, mask);
	}
}

static uint32_t get_group(struct vgic_cpu *self unused_arg, struct vgic_cpu *cpu, unsigned w)
{
	return atomic_load(&vgic_word(cpu, w)->group);
}

static void set_group(struct vgic_cpu *self, struct vgic_cpu *cpu, unsigned w, uint32_t value)
{
	changed(self, cpu, w, atomic_swap(&vgic_word(cpu, w)->group, value) ^ value);
}

static uint32_t get_enabled(struct vgic_cpu *self unused_arg, struct vgic_cpu *cpu, unsigned w)
{
	return atomic_load(&vgic_word(cpu, w)->enabled);
}

static void set_enabled(struct vgic_cpu *self, struct vgic_cpu *cpu, unsigned w, uint32_t value)
{
	changed(self, cpu, w, ~atomic_or(&vgic_word(cpu, w)->enabled, value) & value);
}

static void clear_enabled(struct vgic_cpu *self, struct vgic_cpu *cpu, unsigned w, uint32_t value)
{
	changed(self, cpu, w, atomic_and(&vgic_word(cpu, w)->enabled, ~value) & value);
}

static uint32_t get_pending(struct vgic_cpu *self, struct vgic_cpu *cpu, unsigned w)
{
	return vgic_act(self, cpu, VGIC_OP_GET_PENDING, w, UINT32_MAX);
}

static void set_pending(struct vgic_cpu *self, struct vgic_cpu *cpu, unsigned w, uint32_t value)
{
	atomic_or(&vgic_word(cpu, w)->pending, value);
	vgic_ring(self, cpu, w, value);
}

static void clear_pending(struct vgic_cpu *self, struct vgic_cpu *cpu, unsigned w, uint32_t value)
{
	vgic_act(self, cpu, VGIC_OP_CLEAR_PENDING, w, value);
}

static uint32_t get_active(struct vgic_cpu *self, struct vgic_cpu *cpu, unsigned w)
{
	return vgic_act(self, cpu, VGIC_OP_GET_ACTIVE, w, UINT32_MAX);
}

static void set_active(struct vgic_cpu *self, struct vgic_cpu *cpu, unsigned w, uint32_t value)
{
	vgic_act(self, cpu, VGIC_OP_SET_ACTIVE, w, value);
}

static void clear_active(struct vgic_cpu *self, struct vgic_cpu *cpu, unsigned w, uint32_t value)
{
	vgic_act(self, cpu, VGIC_OP_CLEAR_ACTIVE, w, value);
	vgic_ring(self, cpu, w, value); /* what waited behind the active state */
}

#define BIT_BANK_SIZE 0x80
static const struct bit_bank bit_banks[] = {
	[1] = { get_group, set_group },       /* IGROUPR */
	[2] = { get_enabled, set_enabled },   /* ISENABLER */
	[3] = { get_enabled, clear_enabled }, /* ICENABLER */
	[4] = { get_pending, set_pending },   /* ISPENDR */
	[5] = { get_pending, clear_pending }, /* ICPENDR */
	[6] = { get_active, set_active },     /* ISACTIVER */
	[7] = { get_active, clear_active },   /* ICACTIVER */
};

/* ---- the banks together ---- */

#define BANKS_BEGIN 0x080
#define IPRIORITYR 0x400
#define IPRIORITYR_END 0x800
#define ITARGETSR_END 0xc00 /* no such thing with affinity routing: RAZ/WI */
#define ICFGR 0xc00
#define BANKS_END 0xd00

/* Whether word 'w' is where 'offset' of that frame has registers: 0 in the SGI frame, the others in GICD. */
static bool word_exists(const struct vgic *vgic, unsigned w, bool sgi_frame)
{
	return sgi_frame ? w == 0 : w != 0 && w < vgic->word_count;
}

static uint64_t priority_read(struct vgic_cpu *cpu, unsigned intid, unsigned size)
{
	const uint8_t *priority = &vgic_word(cpu, intid / 32)->priority[intid % 32];
	uint64_t value = 0;

	for (unsigned i = 0; i < size; i++) {
		value |= (uint64_t)atomic_load(&priority[i]) << (8 * i);
	}
	return value;
}

static void priority_write(struct vgic_cpu *self, struct vgic_cpu *cpu, unsigned intid, unsigned size, uint64_t value)
{
	uint8_t *priority = &vgic_word(cpu, intid / 32)->priority[intid % 32];
	uint32_t mask = 0;

	for (unsigned i = 0; i < size; i++) {
		if ((vgic_word_mask(intid / 32) & 1u << (intid % 32 + i)) != 0) {
			atomic_store(&priority[i], (uint8_t)(value >> (8 * i) & self->vgic->priority_mask));
			mask |= 1u << (intid % 32 + i);
		}
	}
	changed(self, cpu, intid / 32, mask);
}

/* The trigger bits of 16 interrupts stand at the odd bits of ICFGR. */
static uint32_t cfg_read(struct vgic_cpu *cpu, unsigned intid)
{
	uint32_t edge = atomic_load(&vgic_word(cpu, intid / 32)->edge) >> (intid % 32);
	uint32_t value = 0;

	for (unsigned i = 0; i < 16; i++) {
		value |= (edge >> i & 1) << (2 * i + 1);
	}
	return value;
}

static void cfg_write(struct vgic_cpu *self, struct vgic_cpu *cpu, unsigned intid, uint32_t value)
{
	struct vgic_word *word = vgic_word(cpu, intid / 32);
	uint32_t mask = 0xffffu << (intid % 32) & vgic_word_mask(intid / 32);
	uint32_t edge = 0;

	if (intid < FIRST_SPI) {
		return; /* SGIs are edges, PPIs levels */
	}
	for (unsigned i = 0; i < 16; i++) {
		edge |= (value >> (2 * i + 1) & 1) << (intid % 32 + i);
	}
	atomic_or(&word->edge, edge & mask);
	atomic_and(&word->edge, edge | ~mask);
	changed(self, cpu, intid / 32, mask);
}

static bool banks_width(unsigned offset, unsigned size)
{
	return size == 4 || (size == 1 && offset >= IPRIORITYR && offset < ITARGETSR_END);
}

/* 'offset' in [BANKS_BEGIN, BANKS_END), aligned to 'size'. */
static bool banks_read(struct vgic_cpu *self, struct vgic_cpu *cpu, bool sgi_frame, unsigned offset, unsigned size,
		       uint64_t *value)
{
	*value = 0;
	if (!banks_width(offset, size)) {
		return false;
	}
	if (offset < IPRIORITYR) {
		unsigned w = offset % BIT_BANK_SIZE / 4;

		if (word_exists(self->vgic, w, sgi_frame)) {
			*value = bit_banks[offset / BIT_BANK_SIZE].get(self, cpu, w) & vgic_word_mask(w);
		}
	} else if (offset < IPRIORITYR_END) {
		unsigned intid = offset - IPRIORITYR;

		if (word_exists(self->vgic, intid / 32, sgi_frame)) {
			*value = priority_read(cpu, intid, size);
		}
	} else if (offset >= ICFGR) {
		unsigned intid = (offset - ICFGR) * 4;

		if (word_exists(self->vgic, intid / 32, sgi_frame)) {
			*value = cfg_read(cpu, intid);
		}
	}
	return true;
}

/* The registers that are written all the time: one bit for each interrupt. False: it is another one. */
static inline bool bits_write(struct vgic_cpu *self, struct vgic_cpu *cpu, bool sgi_frame, uint64_t offset,
			      unsigned size, uint64_t value)
{
	unsigned w = offset % BIT_BANK_SIZE / 4;

	if (size != 4 || offset - BANKS_BEGIN >= IPRIORITYR - BANKS_BEGIN || offset % 4 != 0) {
		return false;
	}
	if (word_exists(self->vgic, w, sgi_frame)) {
		bit_banks[offset / BIT_BANK_SIZE].set(self, cpu, w, (uint32_t)value & vgic_word_mask(w));
	}
	return true;
}

static bool banks_write(struct vgic_cpu *self, struct vgic_cpu *cpu, bool sgi_frame, unsigned offset, unsigned size,
			uint64_t value)
{
	if (!banks_width(offset, size)) {
		return false;
	}
	if (offset < IPRIORITYR_END) {
		unsigned intid = offset - IPRIORITYR;

		if (word_exists(self->vgic, intid / 32, sgi_frame)) {
			priority_write(self, cpu, intid, size, value);
		}
	} else if (offset >= ICFGR) {
		unsigned intid = (offset - ICFGR) * 4;

		if (word_exists(self->vgic, intid / 32, sgi_frame)) {
			cfg_write(self, cpu, intid, (uint32_t)value);
		}
	}
	return true;
}

/* ---- GICD ---- */

#define GICD_SIZE KIB(64)
#define GICD_CTLR 0x0000
#define GICD_TYPER 0x0004
#define GICD_IIDR 0x0008
#define GICD_IROUTER 0x6000
#define GICD_IROUTER_END 0x8000
#define PIDR2 0xffe8

#define CTLR_GROUPS (CTLR_ENABLE_GRP0 | CTLR_ENABLE_GRP1)
#define PIDR2_GICV3 0x30u

/* Which 64-bit register holds the offset; others are 32 bits wide. */
static bool is_router(unsigned offset)
{
	return offset >= GICD_IROUTER && offset < GICD_IROUTER_END;
}

/* The SPI of an IROUTER, or NULL. */
static struct vgic_spi *router_spi(struct vgic *vgic, unsigned offset)
{
	unsigned intid = (offset - GICD_IROUTER) / 8;

	if (intid < FIRST_SPI || intid >= FIRST_SPI + MIN(vgic->spi_count, VGIC_SPI_MAX)) {
		return NULL;
	}
	return vgic_spi(vgic, intid);
}

static uint64_t router_read(struct vgic *vgic, unsigned offset, unsigned size)
{
	const struct vgic_spi *spi = router_spi(vgic, offset);
	uint32_t affinity = spi == NULL ? 0 : atomic_load(&spi->affinity);
	uint64_t value = (uint64_t)(affinity >> 24) << 32 | (affinity & 0xffffff);

	if (size == 8) {
		return value;
	}
	return offset % 8 == 0 ? lo32(value) : hi32(value);
}

static void router_write(struct vgic_cpu *self, unsigned offset, unsigned size, uint64_t value)
{
	struct vgic *vgic = self->vgic;
	struct vgic_spi *spi = router_spi(vgic, offset);
	unsigned intid = (offset - GICD_IROUTER) / 8;
	uint32_t affinity;

	if (spi == NULL) {
		return;
	}
	affinity = atomic_load(&spi->affinity);
	if (offset % 8 == 0) {
		affinity = (affinity & 0xff000000) | (lo32(value) & 0xffffff);
	}
	if (size == 8 || offset % 8 != 0) {
		affinity = (affinity & 0xffffff) | (size == 8 ? hi32(value) : lo32(value)) << 24;
	}
	atomic_store(&spi->affinity, affinity);
	atomic_store(&spi->route, vgic_route_find(vgic, affinity));
	changed(self, self, intid / 32, 1u << (intid % 32));
}

static void ctlr_write(struct vgic_cpu *self, uint32_t value)
{
	struct vgic *vgic = self->vgic;
	uint32_t groups = value & CTLR_GROUPS;

	if (atomic_swap(&vgic->ids[VGIC_ID_CTLR], groups | CTLR_ARE_DS) == (groups | CTLR_ARE_DS)) {
		return;
	}
	for (uint32_t i = 0; i < vgic->vcpu_count; i++) {
		changed(self, vgic->cpus[i], 0, UINT32_MAX);
	}
	for (uint32_t w = 1; w < vgic->word_count; w++) {
		changed(self, self, w, UINT32_MAX);
	}
}

bool vgic_dist_read_rest(struct vgic_cpu *cpu, uint64_t offset, unsigned size, uint64_t *value)
{
	unsigned at = (unsigned)offset;

	*value = 0;
	if (offset >= GICD_SIZE || !IS_ALIGNED(at, size)) {
		return false;
	}
	if (at >= BANKS_BEGIN && at < BANKS_END) {
		return banks_read(cpu, cpu, false, at, size, value);
	}
	if (is_router(at)) {
		if (size < 4) {
			return false;
		}
		*value = router_read(cpu->vgic, at, size);
		return true;
	}
	if (size != 4) {
		return false;
	}
	if (at == PIDR2) {
		*value = PIDR2_GICV3;
	}
	return true;
}

static __attribute__((noinline)) bool dist_write_rest(struct vgic_cpu *cpu, uint64_t offset, unsigned size,
						      uint64_t value)
{
	unsigned at = (unsigned)offset;

	if (offset >= GICD_SIZE || !IS_ALIGNED(at, size)) {
		return false;
	}
	if (at - BANKS_BEGIN < BANKS_END - BANKS_BEGIN) {
		return banks_write(cpu, cpu, false, at, size, value);
	}
	if (is_router(at)) {
		if (size < 4) {
			return false;
		}
		router_write(cpu, at, size, value);
		return true;
	}
	if (size != 4) {
		return false;
	}
	if (at == GICD_CTLR) {
		ctlr_write(cpu, (uint32_t)value);
	}
	return true;
}

bool vgic_dist_write(struct vgic_cpu *cpu, uint64_t offset, unsigned size, uint64_t value)
{
	return likely(bits_write(cpu, cpu, false, offset, size, value)) || dist_write_rest(cpu, offset, size, value);
}

/* ---- GICR ---- */

#define GICR_FRAMES KIB(128) /* of one vCPU: RD_base, SGI_base */
#define GICR_SGI_BASE KIB(64)
#define GICR_IIDR 0x0004
#define GICR_TYPER 0x0008
#define GICR_TYPER_HIGH 0x000c
#define GICR_WAKER 0x0014

#define TYPER_NUMBER_SHIFT 8
#define TYPER_LAST BIT(4)
#define WAKER_PROCESSOR_SLEEP BIT(1)
#define WAKER_CHILDREN_ASLEEP BIT(2)

static uint64_t redist_typer(const struct vgic_cpu *cpu)
{
	uint64_t affinity = (cpu->affinity >> 32) << 24 | (cpu->affinity & 0xffffff);

	return affinity << 32 | (uint64_t)cpu->index << TYPER_NUMBER_SHIFT |
	       (cpu->index + 1u == cpu->vgic->vcpu_count ? TYPER_LAST : 0);
}

/* The vCPU whose frames hold the offset, or NULL. */
static struct vgic_cpu *redist_cpu(const struct vgic *vgic, uint64_t offset)
{
	uint64_t index = offset / GICR_FRAMES;

	return index < vgic->vcpu_count ? vgic->cpus[index] : NULL;
}

static bool rd_read(const struct vgic_cpu *cpu, unsigned at, unsigned size, uint64_t *value)
{
	if (at == GICR_TYPER && size == 8) {
		*value = redist_typer(cpu);
		return true;
	}
	if (size != 4) {
		return false;
	}
	switch (at) {
	case GICR_IIDR:
		*value = IIDR_TRIVET;
		break;
	case GICR_TYPER:
		*value = lo32(redist_typer(cpu));
		break;
	case GICR_TYPER_HIGH:
		*value = hi32(redist_typer(cpu));
		break;
	case GICR_WAKER:
		*value = atomic_load(&cpu->waker);
		break;
	case PIDR2:
		*value = PIDR2_GICV3;
		break;
	default:
		break;
	}
	return true;
}

static bool rd_write(struct vgic_cpu *cpu, unsigned at, unsigned size, uint64_t value)
{
	if (size != 4) {
		/* Read-only as a whole, but written in its own width it is no error. */
		return at == GICR_TYPER && size == 8;
	}
	if (at == GICR_WAKER) {
		/* The interface follows at once. Interrupts are forwarded in any case, as in KVM and QEMU. */
		atomic_store(&cpu->waker, (value & WAKER_PROCESSOR_SLEEP) != 0
						  ? (uint32_t)(WAKER_PROCESSOR_SLEEP | WAKER_CHILDREN_ASLEEP)
						  : 0);
	}
	return true;
}

bool vgic_redist_read(struct vgic_cpu *cpu, uint64_t offset, unsigned size, uint64_t *value)
{
	struct vgic_cpu *target = redist_cpu(cpu->vgic, offset);
	unsigned at = (unsigned)(offset % GICR_FRAMES);

	*value = 0;
	if (target == NULL || !IS_ALIGNED(at, size)) {
		return false;
	}
	if (at < GICR_SGI_BASE) {
		return rd_read(target, at, size, value);
	}
	at -= (unsigned)GICR_SGI_BASE;
	if (at - BANKS_BEGIN < BANKS_END - BANKS_BEGIN) {
		return banks_read(cpu, target, true, at, size, value);
	}
	return size == 4;
}

static __attribute__((noinline)) bool redist_write_rest(struct vgic_cpu *cpu, uint64_t offset, unsigned size,
							uint64_t value)
{
	struct vgic_cpu *target = redist_cpu(cpu->vgic, offset);
	unsigned at = (unsigned)(offset % GICR_FRAMES);

	if (target == NULL || !IS_ALIGNED(at, size)) {
		return false;
	}
	if (at < GICR_SGI_BASE) {
		return rd_write(target, at, size, value);
	}
	at -= (unsigned)GICR_SGI_BASE;
	if (at - BANKS_BEGIN < BANKS_END - BANKS_BEGIN) {
		return banks_write(cpu, target, true, at, size, value);
	}
	return size == 4;
}

bool vgic_redist_write(struct vgic_cpu *cpu, uint64_t offset, unsigned size, uint64_t value)
{
	struct vgic_cpu *target = redist_cpu(cpu->vgic, offset);

	return likely(target != NULL &&
		      bits_write(cpu, target, true, offset % GICR_FRAMES - GICR_SGI_BASE, size, value)) ||
	       redist_write_rest(cpu, offset, size, value);
}
