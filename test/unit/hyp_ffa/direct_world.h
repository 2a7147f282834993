/* SPDX-License-Identifier: MIT */
/*
 * Guests that send each other messages (role/hyp/ffa/direct.c, sp_run.c, runner.c), on the CPUs of machine.h with the
 * real loop and scheduler. Their interrupts are one bit for each vCPU; the SPMC below is each program's own. Included
 * by exactly one file of a program.
 */
#ifndef TEST_DIRECT_WORLD_H
#define TEST_DIRECT_WORLD_H

#include "machine.h"

#include "arch/atomic.h"
#include "core/mm/pool.h"
#include "core/port/vgic_port.h"
#include "core/vcpu/idreg.h"
#include "ffa/memory.h"
#include "role/hyp/ffa/guest.h"
#include "role/hyp/ffa/runner.h"
#include "role/hyp/ffa/sp_run.h"
#include "role/hyp/ffa/spmc.h"

#define GUESTS 3
#define GUEST_VCPUS 2 /* at most */
#define SPS 2
#define SP_UP 0x8001 /* has one vCPU */
#define SP_MP 0x8002 /* has one on each CPU */

struct world_vcpu {
	struct vcpu v;
	bool pending; /* an interrupt */
	bool loaded;
};

static struct world_guest {
	struct hyp_vm vm;
	struct ffa_guest g;
	struct ffa_vcpu ffa_vcpus[GUEST_VCPUS];
	struct world_vcpu vcpus[GUEST_VCPUS];
	struct vcpu *table[GUEST_VCPUS];
	struct cpu_share shares[MACHINE_CPUS];
	unsigned stopped, paused;
} world[GUESTS];

static struct ffa_endpoint world_sps[SPS];

static inline struct vcpu *vcpu_of(unsigned guest, unsigned index) { return &world[guest].vcpus[index].v; }
static inline struct world_vcpu *world_vcpu(struct vcpu *v) { return container_of(v, struct world_vcpu, v); }
static inline struct world_guest *world_guest(struct vcpu *v)
{
	return container_of(hyp_vm(v->vm), struct world_guest, vm);
}
static inline uint16_t id_of(unsigned guest) { return (uint16_t)(guest + 1); }
/* As w1 of FFA_INTERRUPT, FFA_YIELD and FFA_RUN has it. */
static inline uint32_t ids_of(const struct vcpu *v) { return (uint32_t)ffa_guest_of(v)->endpoint.id << 16 | v->index; }

/* ---- a vGIC of one bit ---- */

static struct world_vcpu *vcpu_of_vgic(struct vgic_cpu *c) { return world_vcpu(container_of(c, struct vcpu, vgic)); }

bool vgic_has_pending(struct vgic_cpu *c) { return vcpu_of_vgic(c)->pending; }
bool vgic_has_pending_saved(struct vgic_cpu *c) { return vcpu_of_vgic(c)->pending; }
void vgic_enter(struct vgic_cpu *c) { atomic_store(&c->dirty, 0); }
void vgic_maintenance(struct vgic_cpu *c) { (void)c; }
void vgic_cpu_reset(struct vgic_cpu *c) { vcpu_of_vgic(c)->pending = false; }

void vgic_load(struct vgic_cpu *c)
{
	assert_false(vcpu_of_vgic(c)->loaded);
	vcpu_of_vgic(c)->loaded = true;
}

void vgic_save(struct vgic_cpu *c)
{
	assert_true(vcpu_of_vgic(c)->loaded);
	vcpu_of_vgic(c)->loaded = false;
}

bool vgic_dir(struct vgic_cpu *c, uint32_t intid) { return c == NULL && intid == 0; }

void vgic_fire_hw_ppi(struct vgic_cpu *c, unsigned intid, unsigned physical)
{
	(void)intid;
	(void)physical;
	vcpu_of_vgic(c)->pending = true;
}

void vgic_set_ppi(struct vgic_cpu *c, unsigned intid, bool level)
{
	(void)intid;
	vcpu_of_vgic(c)->pending |= level;
}

void vgic_sgi(struct vgic_cpu *c, uint64_t value, bool group1)
{
	(void)value;
	(void)group1;
	vcpu_of_vgic(c)->pending = true;
}

static inline void interrupt(struct vcpu *v)
{
	world_vcpu(v)->pending = true;
	atomic_store_release(&v->vgic.dirty, 1);
	vgic_port_kick(v);
}

/* ---- the rest of the role and of the machine ---- */

/* Objects of a few lines; what lives as long as the machine is not freed. */
static _Alignas(64) uint8_t pool[64][4096];
static bool pool_used[64];
static unsigned pool_objects;
static bool pool_empty;

void *pool_alloc_object(size_t size)
{
	for (unsigned i = 0; i < ARRAY_SIZE(pool) && !pool_empty; i++) {
		if (!pool_used[i]) {
			assert_true(size <= sizeof(pool[i]));
			pool_used[i] = true;
			pool_objects++;
			return memset(pool[i], 0, size);
		}
	}
	return NULL;
}

void pool_free_object(void *object, size_t size)
{
	size_t at = (size_t)((uint8_t *)object - pool[0]);

	if (object != NULL) {
		assert_true(at % sizeof(pool[0]) == 0 && pool_used[at / sizeof(pool[0])] && size != 0);
		memset(object, 0xa5, size);
		pool_used[at / sizeof(pool[0])] = false;
		pool_objects--;
	}
}

struct ffa_guest *ffa_guest_find(uint16_t id) { return &world[id - 1].g; }

/* No guest has buffers. */
static unsigned releases;

void ffa_mailbox_wait(struct ffa_endpoint *e, bool retain)
{
	assert_int_equal(e->kind, FFA_KIND_GUEST);
	releases += retain ? 0 : 1;
}

static const void *reads_no_more; /* the last vCPU of which that was said */

void ffa_mailbox_leave(struct ffa_endpoint *e, const void *vcpu)
{
	assert_int_equal(e->kind, FFA_KIND_GUEST);
	reads_no_more = vcpu;
}

uint32_t ffa_mailbox_size(const struct ffa_endpoint *e)
{
	(void)e;
	return 0;
}

void ffa_mem_compact(void) { fail_msg("nothing here takes memory"); }

/* The call by its id, as call.c has it. */
static enum trap_result world_call(struct vcpu *v)
{
	switch (lo32(v->regs.x[0])) {
	case FFA_MSG_SEND_DIRECT_REQ:
	case FFA_MSG_SEND_DIRECT_REQ_64:
	case FFA_MSG_SEND_DIRECT_REQ2_64:
		return ffa_direct_req(v);
	case FFA_MSG_SEND_DIRECT_RESP:
	case FFA_MSG_SEND_DIRECT_RESP_64:
	case FFA_MSG_SEND_DIRECT_RESP2_64:
		return ffa_direct_resp(v);
	case FFA_MSG_WAIT:
		return ffa_msg_wait(v);
	case FFA_YIELD:
		return ffa_yield(v);
	case FFA_RUN:
		return ffa_run(v);
	default:
		fail_msg("a call 0x%x", lo32(v->regs.x[0]));
		return TRAP_RESUME;
	}
}

/* A vCPU is to start, whatever it did. False: its VM does not run any more. */
static bool (*world_starts)(struct vcpu *v);

void role_start(struct vcpu *v)
{
	if (world_starts != NULL && !world_starts(v)) {
		return;
	}
	ffa_direct_forget(v);
	vcpu_reset(v, 0x40000000, 0);
	if (v->state == VCPU_STOPPED) {
		vcpu_state_set(v, VCPU_OFF);
	}
	vcpu_state_set(v, VCPU_READY);
}

void role_stopped(struct vcpu *v)
{
	assert_int_equal(v->state, VCPU_STOPPED);
	world_guest(v)->stopped++;
}

void role_paused(struct vcpu *v) { world_guest(v)->paused += v->state == VCPU_PAUSED; }
void role_dump(struct vcpu *v) { (void)v; }
void role_serve(struct cpu *cpu) { (void)cpu; }
void role_irq(uint32_t intid) { (void)intid; }

enum trap_result role_crash(struct vcpu *v, const char *why)
{
	(void)v;
	fail_msg("%s", why);
	return TRAP_LEAVE;
}

/* ---- making it ---- */

static void make_guest(unsigned n, unsigned vcpu_count, const unsigned *on)
{
	struct world_guest *w = &world[n];

	memset(w, 0, sizeof(*w));
	w->vm.vm = (struct vm){
		.id = (uint16_t)n, .vcpu_count = vcpu_count, .vcpus = w->table, .weight = 100, .shares = w->shares
	};
	w->vm.ffa = &w->g;
	w->g.vm = &w->vm;
	w->g.vcpus = w->ffa_vcpus;
	w->g.endpoint = (struct ffa_endpoint){
		.id = id_of(n),
		.kind = FFA_KIND_GUEST,
		.vcpu_count = (uint16_t)vcpu_count,
		.version = FFA_VERSION_1_2,
		.properties = FFA_PROPERTY_DIRECT_RECV | FFA_PROPERTY_DIRECT_SEND | FFA_PROPERTY_DIRECT2_RECV |
			      FFA_PROPERTY_DIRECT2_SEND,
		.uuid_count = 1,
		.uuids = { { { 0x11, 0x22, 0x33, n } } },
	};
	ffa_endpoint_add(&w->g.endpoint);
	for (unsigned i = 0; i < vcpu_count; i++) {
		struct vcpu *v = &w->vcpus[i].v;

		w->table[i] = v;
		w->ffa_vcpus[i].vcpu = v;
		vcpu_init(v, &w->vm.vm, &machine[on[i]].cpu, i, i);
		vcpu_attach(v);
	}
}

/* Guest n has vcpus[n] vCPUs, on the CPUs of on[n]. */
static inline void make_world(unsigned cpu_total, const unsigned vcpus[GUESTS], const unsigned on[GUESTS][GUEST_VCPUS])
{
	static const uint16_t ids[SPS] = { SP_UP, SP_MP };

	machine_reset(cpu_total);
	memset(pool_used, 0, sizeof(pool_used));
	pool_objects = 0;
	memset(&cpu_features, 0, sizeof(cpu_features));
	ffa_endpoints_init(NULL);
	for (unsigned i = 0; i < GUESTS; i++) {
		make_guest(i, vcpus[i], on[i]);
	}
	for (unsigned i = 0; i < SPS; i++) {
		world_sps[i] = (struct ffa_endpoint){
			.id = ids[i],
			.kind = FFA_KIND_SP_BELOW,
			.vcpu_count = (uint16_t)(ids[i] == SP_UP ? 1 : cpu_total),
			.version = FFA_VERSION_1_2,
			.properties = FFA_PROPERTY_DIRECT_RECV | FFA_PROPERTY_DIRECT2_RECV,
		};
		ffa_endpoint_add(&world_sps[i]);
	}
	assert_true(sp_run_init());
}

/* ---- what happens to VMs ---- */

static inline void request_all(unsigned guest, uint32_t requests)
{
	world[guest].stopped = world[guest].paused = 0;
	for (unsigned i = 0; i < world[guest].vm.vm.vcpu_count; i++) {
		vcpu_request(vcpu_of(guest, i), requests);
	}
}

#endif
