/* SPDX-License-Identifier: MIT */
/*
 * A virtual GICv3: distributor and SPIs per VM, SGIs, PPIs and list registers per vCPU. GICD and GICR are emulated;
 * the CPU interface is the hardware's (ICV registers), except SGI generation and, now and then, ICC_DIR_EL1, which
 * trap.
 *
 * Who may do what, without a lock (docs/vgic.md has the whole story):
 *   - Interrupt state is kept in words of 32 interrupts. Anybody may change them with single atomic operations.
 *   - Only the CPU on which a vCPU is loaded touches its list registers, by the calls under "the vCPU's own CPU".
 *     A vCPU that is not loaded has nothing in list registers: all its state is in the words.
 *   - Whoever changes something that may alter what a vCPU should see notes the interrupt in vgic_cpu.check, sets
 *     vgic_cpu.dirty and, if the vCPU is another one, calls vgic_port_kick(). Its CPU then calls vgic_enter().
 *   - An interrupt that sits in a list register is "loaded"; for an SPI its 'owner' is the claim, so it is never in two
 *     vCPUs' list registers. What must act on another CPU's list registers is asked of that CPU and waited for.
 */
#ifndef CORE_VGIC_VGIC_H
#define CORE_VGIC_VGIC_H

#include "arch/atomic.h"
#include "lib/base.h"

#define VGIC_SGI_COUNT 16
#define VGIC_PRIVATE_COUNT 32
#define VGIC_SPI_MAX 988 /* INTIDs 32..1019 */
#define VGIC_WORD_MAX 32
#define VGIC_LR_MAX 16
#define VGIC_APR_MAX 4
#define VGIC_VCPU_MAX 512

/* Reasons in vgic_cpu.dirty. */
enum {
	VGIC_DIRTY_DELIVER = 1 << 0, /* 'check' names interrupts to look at */
	VGIC_DIRTY_SYNC = 1 << 1,    /* 'request' is posted */
	VGIC_DIRTY_SGI = 1 << 2,     /* the latch of an SGI was set: look at those, without a note in 'check' */
};

/*
 * 32 interrupts, one bit each, in one cache line. An interrupt is pending if its latch is set, or if it is level
 * triggered and its line is high. While it is loaded, the list register adds to that: the latch was moved into it,
 * and so was the active state, whose bit here is then clear.
 */
struct vgic_word {
	uint32_t enabled;
	uint32_t pending; /* the latch: an edge was seen, or ISPENDR written */
	uint32_t line;    /* the input; of a PPI with a physical one behind it, that the physical one fired */
	uint32_t active;  /* and not in a list register */
	uint32_t group;   /* 1: Group 1 */
	uint32_t edge;    /* 1: edge-triggered; SGIs always, PPIs never */
	uint32_t loaded; /* in a list register; set after the claim of an SPI's owner, cleared before it is given up */
	uint32_t moved; /* counts what went back here from a list register */
	uint8_t priority[32];
};

/* What an SPI has besides. */
struct vgic_spi {
	uint32_t affinity; /* as written to IROUTER: Aff3 << 24 | Aff2 << 16 | Aff1 << 8 | Aff0 */
	uint16_t route; /* index of the vCPU with that affinity, or VGIC_NOBODY */
	uint16_t owner; /* the vCPU in whose list register it is, or VGIC_NOBODY; claimed by compare-and-swap */
};
#define VGIC_NOBODY UINT16_MAX

/* What one CPU asks of another: to act on its list registers as far as they hold interrupts of one word. */
enum vgic_op {
	VGIC_OP_CHECK, /* only look at what is in 'check' */
	VGIC_OP_GET_PENDING,
	VGIC_OP_GET_ACTIVE,
	VGIC_OP_CLEAR_PENDING,
	VGIC_OP_CLEAR_ACTIVE,
	VGIC_OP_SET_ACTIVE,
};

enum vgic_request_state {
	VGIC_REQUEST_FREE,
	VGIC_REQUEST_TAKEN, /* by one who asks, and is filling it */
	VGIC_REQUEST_POSTED, /* for the vCPU's CPU; the asker may still take it back */
	VGIC_REQUEST_SERVED, /* the vCPU's CPU is at it */
	VGIC_REQUEST_DONE, /* the asker reads 'result' and frees */
};

struct vgic_request {
	uint32_t state; /* atomic; enum vgic_request_state */
	uint32_t op; /* enum vgic_op */
	uint32_t word;
	uint32_t mask;
	uint32_t result;
};

/*
 * Interrupts acknowledged here that are active and out of the list registers, for want of room or because of
 * vgic_save().
 */
struct vgic_parked {
	uint32_t mask[VGIC_WORD_MAX];
	uint32_t group[VGIC_WORD_MAX]; /* as they were acknowledged: the guest may have changed it since */
	uint8_t priority[VGIC_WORD_MAX * 32];
};

struct vcpu;
struct vgic;

/* One vCPU's half: SGIs, PPIs, redistributor, list registers. "Own" is for the CPU on which it is loaded alone. */
struct vgic_cpu {
	uint32_t dirty; /* atomic; VGIC_DIRTY_*: first, because every exit looks at it */
	uint32_t check_words; /* atomic; which words of 'check' are not zero */
	uint32_t lr_used; /* own; list registers that hold an interrupt, or did when we last looked */
	uint32_t lr_latched; /* own; of those that are pending, which took a latch with them */
	uint32_t lr_all; /* the list registers that the CPU has */
	uint32_t hw; /* own; PPIs whose physical interrupt is active for them */
	uint32_t again; /* own; loaded SGIs and PPIs that may be loaded again as they are (lr_refill) */
	uint32_t hcr; /* own; what ICH_HCR_EL2 was last set to */
	uint16_t index;
	bool loaded; /* own */
	bool waiting; /* own; 'check' holds pending interrupts that found no list register */
	uint32_t parked_count; /* own; bits in parked.mask */
	uint32_t waker; /* atomic; GICR_WAKER */
	struct vgic *vgic;
	struct vcpu *vcpu; /* for the port only; never looked into here */
	uint64_t affinity; /* Aff3.Aff2.Aff1.Aff0 in MPIDR layout */
	uint64_t sgi_self; /* what it writes to ICC_SGI1R_EL1 to name itself, less the INTID */
	struct vgic_word word; /* SGIs and PPIs */
	uint64_t lr[VGIC_LR_MAX]; /* own; what was last written */

	uint32_t check[VGIC_WORD_MAX]; /* atomic; interrupts to look at */
	struct vgic_request request;

	uint8_t again_lr[VGIC_PRIVATE_COUNT]; /* own; of those in 'again', which list register */
	uint8_t physical[VGIC_PRIVATE_COUNT]; /* own; the INTID behind a PPI of 'hw' */
	uint64_t vmcr; /* own, while not loaded; and below */
	uint64_t ap0r[VGIC_APR_MAX], ap1r[VGIC_APR_MAX];
	struct vgic_parked parked; /* own */
};

/* The first registers of GICD, by word. */
enum {
	VGIC_ID_CTLR,
	VGIC_ID_TYPER,
	VGIC_ID_IIDR,
	VGIC_ID_COUNT,
};

/* A VM's distributor. */
struct vgic {
	uint32_t ids[VGIC_ID_COUNT]; /* atomic; GICD_CTLR, GICD_TYPER and GICD_IIDR as they read */
	uint32_t vcpu_count;
	uint32_t spi_count; /* multiple of 32 */
	uint32_t word_count; /* spi_count / 32 + 1 */
	uint8_t priority_mask; /* the bits that are implemented */
	struct vgic_word *words; /* of SPIs: words[0] begins with INTID 32 */
	struct vgic_spi *spis; /* spis[0] is INTID 32 */
	struct vgic_cpu **cpus;
};

/* ---- life ---- */

/*
 * Prepares a distributor for 'vcpu_count' vCPUs and INTIDs 32..32 + spi_count - 1 (rounded up to 32). Memory: pool
 * objects.
 */
bool vgic_init(struct vgic *vgic, unsigned vcpu_count, unsigned spi_count);
/*
 * Prepares vCPU 'index'; all are prepared before any runs. 'mpidr' gives the affinity that GICR_TYPER and IROUTER
 * show.
 */
bool vgic_cpu_init(struct vgic *vgic, unsigned index, struct vgic_cpu *cpu, struct vcpu *vcpu, uint64_t mpidr);
/* Back to the state after reset; no vCPU of the VM runs or is loaded. Input lines keep their level. */
void vgic_reset(struct vgic *vgic);
/* The CPU interface alone is back to reset (PSCI CPU_ON); the vCPU is not loaded. Its own CPU. */
void vgic_cpu_reset(struct vgic_cpu *cpu);
void vgic_destroy(struct vgic *vgic);

/* ---- the vCPU's own CPU ---- */

/* Another vCPU takes or gives up the physical CPU: loads or saves ICH_VMCR, APRs, list registers; ICH_HCR. */
void vgic_load(struct vgic_cpu *cpu);
void vgic_save(struct vgic_cpu *cpu);
/* Before entering the guest, if cpu->dirty: folds finished list registers back, fills them by priority. */
void vgic_enter(struct vgic_cpu *cpu);
/* The physical maintenance interrupt came. */
void vgic_maintenance(struct vgic_cpu *cpu);
/*
 * The physical interrupt behind a PPI (16..31) was acknowledged and stays active until the guest deactivates the PPI
 * (virtual timer: HW bit of the list register). 'physical_intid' is a PPI, too.
 */
void vgic_fire_hw_ppi(struct vgic_cpu *cpu, unsigned intid, unsigned physical_intid);
/* ICC_SGI1R_EL1 (group1), or ICC_SGI0R_EL1 or ICC_ASGI1R_EL1 (not group1) written by the vCPU (IHI 0069, 12.1.7). */
void vgic_sgi(struct vgic_cpu *cpu, uint64_t value, bool group1);
/* ICC_DIR_EL1 written by the vCPU, and trapped since ICH_HCR_EL2.TDIR was set. True: it is dealt with. */
bool vgic_dir(struct vgic_cpu *cpu, uint32_t intid);
/* True if the vCPU would take an interrupt now were it not masked by PSTATE: what wakes WFI. Loaded or not. */
bool vgic_has_pending(struct vgic_cpu *cpu);
/* The same of a vCPU that is not loaded, on any CPU. If it is loaded meanwhile, the answer is of no use. */
bool vgic_has_pending_saved(struct vgic_cpu *cpu);

/* ---- anybody ---- */

/*
 * An input line of a level interrupt, or an edge on an edge-triggered one (level true, then false does no harm). SPI.
 */
void vgic_set_spi(struct vgic *vgic, unsigned intid, bool level);
/*
 * An edge on an edge-triggered SPI: pending from now on, whatever else happens at the same time. To raise and lower the
 * line would not do for two CPUs at once, since the line that one holds up hides the edge of the other. Nothing on a
 * level one.
 */
void vgic_pulse_spi(struct vgic *vgic, unsigned intid);
/* The same for an SGI (0..15), which nobody but us sends: pending from now on. */
void vgic_pulse_sgi(struct vgic_cpu *cpu, unsigned intid);
/* As vgic_set_spi(), for a PPI of one vCPU. */
void vgic_set_ppi(struct vgic_cpu *cpu, unsigned intid, bool level);

/*
 * Register access by 'cpu' (the accessing vCPU, on its own CPU). 'offset' is from the start of GICD, or of the whole
 * GICR region (128 KiB per vCPU, in index order). 'size' is 1, 2, 4 or 8. What is not a register reads zero and
 * ignores writes; an access of a width or alignment that the register does not allow returns false and changes
 * nothing.
 */
bool vgic_dist_read_rest(struct vgic_cpu *cpu, uint64_t offset, unsigned size, uint64_t *value);
static inline bool vgic_dist_read(struct vgic_cpu *cpu, uint64_t offset, unsigned size, uint64_t *value)
{
	const struct vgic *vgic = cpu->vgic;

	if (unlikely(size != 4 || offset > (VGIC_ID_COUNT - 1) * sizeof(vgic->ids[0]) || offset % 4 != 0)) {
		return vgic_dist_read_rest(cpu, offset, size, value);
	}
	/* CTLR, TYPER, IIDR: at hand. */
	*value = atomic_load(&vgic->ids[offset / 4]);
	return true;
}
bool vgic_dist_write(struct vgic_cpu *cpu, uint64_t offset, unsigned size, uint64_t value);
bool vgic_redist_read(struct vgic_cpu *cpu, uint64_t offset, unsigned size, uint64_t *value);
bool vgic_redist_write(struct vgic_cpu *cpu, uint64_t offset, unsigned size, uint64_t value);

#endif
