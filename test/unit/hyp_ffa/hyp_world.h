/* SPDX-License-Identifier: MIT */
/*
 * Two VMs of a hypervisor and an SPMC below them that is played here, for tests and fuzzers of role/hyp/ffa. The SPMC
 * keeps account of what it is told, by rules of its own, and checks it: physical addresses, who is who, nothing twice.
 * Messages between guests and their scheduling have a world of their own (direct_world.h). Included by exactly one file
 * of a program.
 */
#ifndef TEST_HYP_WORLD_H
#define TEST_HYP_WORLD_H

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "abi/psci.h"
#include "abi/smccc.h"
#include "arch/host/host.h"
#include "arch/smc.h"
#include "core/mm/pool.h"
#include "core/port/firmware.h"
#include "core/port/host.h"
#include "core/vcpu/run.h"
#include "ffa/answer.h"
#include "ffa/discovery.h"
#include "ffa/memory.h"
#include "lib/panic.h"
#include "role/hyp/devices.h"
#include "role/hyp/ffa/call.h"
#include "role/hyp/ffa/direct.h"
#include "role/hyp/ffa/guest.h"
#include "role/hyp/ffa/notify.h"
#include "role/hyp/ffa/runner.h"
#include "role/hyp/ffa/sp_run.h"
#include "role/hyp/ffa/spmc.h"
#include "role/hyp/ffa/start.h"

#define HYP_MEMORY 0x20000000u /* where an address of the host is one of a machine's, too */
#ifndef HYP_POOL
#define HYP_POOL MIB(16)
#endif
#define HYP_VMS 2
#define HYP_VCPUS 2
#ifndef HYP_RAM
#define HYP_RAM MIB(2)
#endif
#define HYP_PAGES (HYP_RAM / PAGE_SIZE)
#define HYP_CPUS 4
#define HYP_SPS 3
#define HYP_MMFR0 5
#define HYP_SRI 8
#define RAM_RWX (STAGE2_R | STAGE2_W | STAGE2_X)

/* A transaction that the SPMC was told of. */
struct spmc_share {
	uint64_t handle; /* 0: none */
	uint32_t function;
	uint16_t sender, receiver;
	uint32_t ranges, ranges_in, pages_in, page_count;
	uint32_t bytes; /* of the descriptor, so far */
	struct ffa_constituent range[1024];
	bool held; /* its receiver does not let go */
};
#define SPMC_SHARES 32

struct spmc_vm {
	pa_t tx, rx; /* 0: no buffers */
	bool acquired;
	bool notified; /* BITMAP_CREATE */
	uint16_t vcpus;
	uint64_t pending, vcpu_pending[HYP_VCPUS], framework;
};

static struct {
	uint8_t *memory;
	struct hyp_vm vms[HYP_VMS];
	struct vm_config configs[HYP_VMS];
	struct vcpu vcpus[HYP_VMS][HYP_VCPUS];
	struct vcpu *tables[HYP_VMS][HYP_VCPUS];
	struct cpu cpus[HYP_CPUS];
	uint64_t now;
	uint64_t free_pages; /* when all is set up */
	unsigned npis[HYP_VMS][HYP_VCPUS]; /* interrupts raised, since somebody looked */
	unsigned waits;                    /* for devices */
	unsigned calls;                    /* to the firmware */
	uint64_t freed;                    /* pages given back one by one */
	uint64_t woken[HYP_CPUS];          /* partitions */
	unsigned irqs;
	struct work *posted[HYP_CPUS];

	/* The firmware and the SPMC: */
	bool smccc, present;
	int32_t version;      /* that it says it has */
	bool refuses_newer;   /* instead of saying what it has */
	uint32_t negotiated;  /* what it was asked for last */
	uint16_t hyp_id;
	uint32_t buffer_code; /* of FFA_FEATURES(RXTX_MAP) */
	uint32_t sri;
	enum ffa_code map_code;
	bool stale; /* it remembers things of somebody who ran before the hypervisor */
	unsigned frags; /* descriptors and fragments that it was given */
	pa_t tx, rx;
	bool rx_full;
	struct spmc_vm vm[HYP_VMS + 1];
	struct spmc_share shares[SPMC_SHARES];
	uint64_t last_handle;
	enum ffa_code send_code; /* for the next descriptor or fragment */
	/* What partition number n answers to direct requests, and who asked what. */
	void (*sp_answers)(unsigned n, uint64_t *x);
	unsigned requests, runs;
	uint64_t info[FFA_REGS]; /* the answer to INFO_GET, once */
	/* Makes another answer of the right one to the call hyp.last, if it is not NULL. */
	void (*twist)(uint64_t *x);
	uint64_t bindings;
	uint32_t last_id; /* of the last call */
	uint64_t last[FFA_REGS];
} hyp;

/* ---- what is not under test ---- */

struct cpu *cpus[CPU_MAX];
unsigned cpu_count = HYP_CPUS;
struct host host;
struct list vms = { &vms, &vms };

uint64_t cpu_now(void) { return hyp.now; }
void cpu_program_timer(struct cpu *cpu) { CHECK(cpu == this_cpu()); }
void cpu_serve_irqs(struct cpu *cpu)
{
	CHECK(cpu == this_cpu());
	hyp.irqs++;
}
void vcpu_cover_vtimer(struct vcpu *v) { CHECK(v == NULL); /* none is loaded */ }
void vcpu_uncover_vtimer(struct vcpu *v) { CHECK(v == NULL); }
void irq_enable(uint32_t intid) { CHECK(intid == HYP_SRI); }
void devices_wait(struct hyp_vm *vm)
{
	CHECK(vm->vm.mem.away != 0);
	hyp.waits++;
}

void cpu_post(struct cpu *cpu, struct work *work)
{
	work->posted = 1;
	hyp.posted[cpu->index] = work;
}

void vgic_pulse_sgi(struct vgic_cpu *cpu, unsigned intid)
{
	CHECK(intid == FFA_INTID_GUEST_NPI);
	for (unsigned i = 0; i < HYP_VMS * HYP_VCPUS; i++) {
		struct vcpu *v = &hyp.vcpus[i / HYP_VCPUS][i % HYP_VCPUS];

		hyp.npis[i / HYP_VCPUS][i % HYP_VCPUS] += &v->vgic == cpu;
	}
}

bool runner_init(void) { return true; }
/* Nobody counts time here. */
struct cpu_share *sched_share(struct vm *vm) { return vm->shares; }
bool sched_can_pay(struct cpu_share *share unused_arg) { return true; }
void sched_charge(struct cpu_share *share unused_arg, uint64_t since unused_arg) {}

struct cpu_share *runner_share(const struct cpu *cpu unused_arg) { return NULL; }
void runner_wake(struct cpu *cpu, const struct ffa_endpoint *sp)
{
	hyp.woken[cpu->index] |= BIT(sp->id - FFA_ID_SP_FIRST);
}

void vm_free_pages(pa_t base, uint64_t pages)
{
	CHECK(pool_free_part(base, pages) == OK);
	hyp.freed += pages;
}

/* Direct messages: the call table leads there, and no more is of interest here. */
static enum trap_result direct(struct vcpu *v)
{
	ffa_answer_error(v->regs.x, FFA_BUSY);
	return TRAP_RESUME;
}
enum trap_result ffa_direct_req(struct vcpu *v) { return direct(v); }
enum trap_result ffa_direct_resp(struct vcpu *v) { return direct(v); }
enum trap_result ffa_msg_wait(struct vcpu *v) { return direct(v); }
enum trap_result ffa_yield(struct vcpu *v) { return direct(v); }
enum trap_result ffa_run(struct vcpu *v) { return direct(v); }
void ffa_direct_reset(struct ffa_guest *g) { CHECK(!ffa_guest_is_up(g)); }

/* ---- the SPMC ---- */

static inline uint64_t pair(const uint64_t *x, unsigned at)
{
	return (uint64_t)(uint32_t)x[at + 1] << 32 | (uint32_t)x[at];
}

/* A VM by its id: those of the hypervisor, and no other. */
static struct spmc_vm *spmc_vm(uint64_t id)
{
	CHECK(id >= 1 && id <= HYP_VMS);
	return &hyp.vm[id];
}

static struct spmc_share *spmc_share(uint64_t handle)
{
	for (unsigned i = 0; i < SPMC_SHARES; i++) {
		if (handle != 0 && hyp.shares[i].handle == handle) {
			return &hyp.shares[i];
		}
	}
	return NULL;
}

static inline unsigned spmc_share_count(void)
{
	unsigned count = 0;

	for (unsigned i = 0; i < SPMC_SHARES; i++) {
		count += hyp.shares[i].handle != 0;
	}
	return count;
}

/* All that the hypervisor tells of is its VM's RAM, and is not told of already. */
static void spmc_take_ranges(struct spmc_share *s, const uint8_t *from, uint32_t bytes)
{
	const struct hyp_vm *vm = &hyp.vms[s->sender - 1];

	CHECK(bytes % sizeof(struct ffa_constituent) == 0);
	for (; bytes != 0; bytes -= (uint32_t)sizeof(struct ffa_constituent), from += sizeof(struct ffa_constituent)) {
		struct ffa_constituent *r = &s->range[s->ranges_in];

		CHECK(s->ranges_in < s->ranges && s->ranges_in < ARRAY_SIZE(s->range));
		memcpy(r, from, sizeof(*r));
		CHECK(IS_ALIGNED(r->address, PAGE_SIZE) && r->reserved == 0);
		s->pages_in += r->page_count;
		s->ranges_in++;
		if (s->ranges_in != s->ranges || hyp.twist != NULL) {
			continue; /* the hypervisor looks at the pages when all are there */
		}
		CHECK(s->pages_in == s->page_count);
		for (uint32_t i = 0; i < s->ranges; i++) {
			CHECK(range_in(s->range[i].address, s->range[i].page_count * PAGE_SIZE, vm->ram.v, HYP_RAM));
		}
	}
}

static void spmc_answer_share(struct spmc_share *s, uint64_t *x)
{
	if (s->ranges_in < s->ranges) {
		ffa_answer(x, FFA_MEM_FRAG_RX);
		ffa_put_pair(x, 1, s->handle);
		x[3] = s->bytes;
		x[4] = (uint64_t)s->sender << 16;
	} else {
		ffa_answer_success(x);
		ffa_put_pair(x, 2, s->handle);
	}
}

static enum ffa_code spmc_next_code(void)
{
	enum ffa_code code = hyp.send_code;

	hyp.send_code = FFA_OK;
	return code;
}

static void spmc_send(uint64_t *x)
{
	const uint8_t *tx = pa_ptr(hyp.tx);
	bool old = hyp.negotiated < FFA_VERSION_1_1;
	struct ffa_memory_access access;
	struct ffa_composite composite;
	struct spmc_share *s = hyp.shares;
	enum ffa_code code = spmc_next_code();
	uint32_t total = (uint32_t)x[1], length = (uint32_t)x[2], access_at, count, fixed;
	struct ffa_memory_region region = { 0 };

	hyp.frags++;
	CHECK(x[3] == 0 && x[4] == 0 && length <= total && length <= PAGE_SIZE);
	while (s < &hyp.shares[SPMC_SHARES] && s->handle != 0) {
		s++;
	}
	if (s == &hyp.shares[SPMC_SHARES]) {
		code = FFA_NO_MEMORY;
	}
	if (code != FFA_OK) {
		ffa_answer_error(x, code);
		return;
	}
	memcpy(&region, tx, old ? sizeof(struct ffa_memory_region_1_0) : sizeof(region));
	count = old ? ((const struct ffa_memory_region_1_0 *)(const void *)tx)->access_count : region.access_count;
	access_at = old ? (uint32_t)sizeof(struct ffa_memory_region_1_0) : region.access_offset;
	CHECK(count == 1);
	memcpy(&access, tx + access_at, sizeof(access));
	memcpy(&composite, tx + access.composite_offset, sizeof(composite));
	fixed = access.composite_offset + (uint32_t)sizeof(composite);
	CHECK(total == fixed + composite.range_count * sizeof(struct ffa_constituent) && fixed <= length);
	*s = (struct spmc_share){ .function = lo32(x[0]) & ~FFA_64,
				  .sender = region.sender,
				  .receiver = access.endpoint,
				  .ranges = composite.range_count,
				  .page_count = composite.page_count,
				  .bytes = length };
	CHECK(s->sender >= 1 && s->sender <= HYP_VMS && ffa_id_is_secure(s->receiver));
	s->handle = ++hyp.last_handle << 8;
	spmc_take_ranges(s, tx + fixed, length - fixed);
	spmc_answer_share(s, x);
}

static void spmc_frag(uint64_t *x)
{
	struct spmc_share *s = spmc_share(pair(x, 1));
	enum ffa_code code = spmc_next_code();

	hyp.frags++;
	/* It may have been told of another handle than the one that there is. */
	if (hyp.twist != NULL && (s == NULL || x[3] / sizeof(struct ffa_constituent) > s->ranges - s->ranges_in ||
				  x[4] != (uint64_t)s->sender << 16)) {
		ffa_answer_error(x, FFA_INVALID_PARAMETERS);
		return;
	}
	CHECK(s != NULL && s->ranges_in < s->ranges && x[4] == (uint64_t)s->sender << 16 && x[3] <= PAGE_SIZE);
	if (code != FFA_OK) {
		s->handle = 0; /* as the peer does it */
		ffa_answer_error(x, code);
		return;
	}
	s->bytes += (uint32_t)x[3];
	spmc_take_ranges(s, pa_ptr(hyp.tx), (uint32_t)x[3]);
	spmc_answer_share(s, x);
}

static void spmc_reclaim(uint64_t *x)
{
	struct spmc_share *s = spmc_share(pair(x, 1));

	if (s != NULL && !s->held) {
		s->handle = 0;
	}
	ffa_answer_code(x, s == NULL ? FFA_INVALID_PARAMETERS : s->held ? FFA_DENIED : FFA_OK);
}

static void spmc_map(uint64_t *x)
{
	const uint8_t *tx = pa_ptr(hyp.tx);
	struct ffa_endpoint_rxtx header;
	struct ffa_constituent rx_range, tx_range;
	struct spmc_vm *vm;

	if (x[1] != 0 && hyp.stale) {
		ffa_answer_error(x, FFA_DENIED);
		return;
	}
	if (x[1] != 0) {
		hyp.tx = pa(x[1]);
		hyp.rx = pa(x[2]);
		ffa_answer_code(x, hyp.map_code);
		return;
	}
	memcpy(&header, tx, sizeof(header));
	vm = spmc_vm(header.endpoint);
	CHECK(header.rx_offset % 8 == 0 && header.tx_offset % 8 == 0 && vm->tx.v == 0);
	memcpy(&rx_range, tx + header.rx_offset + sizeof(struct ffa_composite), sizeof(rx_range));
	memcpy(&tx_range, tx + header.tx_offset + sizeof(struct ffa_composite), sizeof(tx_range));
	CHECK(rx_range.page_count == 1 && tx_range.page_count == 1);
	CHECK(range_in(rx_range.address, PAGE_SIZE, hyp.vms[header.endpoint - 1].ram.v, HYP_RAM));
	CHECK(range_in(tx_range.address, PAGE_SIZE, hyp.vms[header.endpoint - 1].ram.v, HYP_RAM));
	vm->tx = pa(tx_range.address);
	vm->rx = pa(rx_range.address);
	vm->acquired = false;
	ffa_answer_success(x);
}

/* Three partitions; of 1.2 the first has two UUIDs, and so two entries. */
static void spmc_partitions(uint64_t *x)
{
	bool wide = hyp.negotiated >= FFA_VERSION_1_1;
	uint32_t size = wide ? sizeof(struct ffa_partition_info) : sizeof(struct ffa_partition_info_1_0), count = 0;

	CHECK(!hyp.rx_full);
	for (unsigned i = 0; i < HYP_SPS; i++) {
		for (unsigned u = 0; u < (i == 0 && hyp.negotiated >= FFA_VERSION_1_2 ? 2U : 1U); u++) {
			struct ffa_partition_info info = {
				.id = (uint16_t)(FFA_ID_SP_FIRST + i),
				.vcpu_count = i == 0 ? HYP_CPUS : 1,
				.properties = FFA_PROPERTY_DIRECT_RECV | FFA_PROPERTY_INDIRECT |
					      FFA_PROPERTY_NOTIFICATIONS | FFA_PROPERTY_AARCH64 |
					      (i == 2 ? 0U : FFA_PROPERTY_VM_CREATED | FFA_PROPERTY_VM_DESTROYED),
				.uuid = { { i + 1, u, 3, 4 } },
			};

			memcpy((uint8_t *)pa_ptr(hyp.rx) + (size_t)count++ * size, &info, size);
		}
	}
	hyp.rx_full = true;
	ffa_answer_success(x);
	x[2] = count;
	x[3] = wide ? size : 0;
}

static void spmc_get(uint64_t *x)
{
	struct spmc_vm *vm = spmc_vm(x[1] & 0xffff);
	unsigned vcpu = (unsigned)(x[1] >> 16);
	bool sp = (x[2] & FFA_NOTIFICATION_GET_SP) != 0, spm = (x[2] & FFA_NOTIFICATION_GET_SPM) != 0;

	CHECK(vm->notified && vcpu < vm->vcpus && (x[2] & ~UINT64_C(5)) == 0);
	ffa_answer_success(x);
	ffa_put_pair(x, 2, sp ? vm->pending | vm->vcpu_pending[vcpu] : 0);
	ffa_put_pair(x, 6, spm ? vm->framework : 0);
	if (sp) {
		vm->pending = vm->vcpu_pending[vcpu] = 0;
	}
	vm->framework = spm ? 0 : vm->framework;
}

static void spmc_bitmap(uint64_t *x)
{
	struct spmc_vm *vm = spmc_vm(x[1]);
	bool create = lo32(x[0]) == FFA_NOTIFICATION_BITMAP_CREATE;
	uint64_t pending = vm->pending;

	for (unsigned i = 0; i < HYP_VCPUS; i++) {
		pending |= vm->vcpu_pending[i];
	}
	CHECK((vm->notified != create || hyp.stale) && (!create || x[2] == HYP_VCPUS));
	if (create ? vm->notified : pending != 0) {
		ffa_answer_error(x, FFA_DENIED);
		return;
	}
	*vm = (struct spmc_vm){ .tx = vm->tx, .rx = vm->rx, .notified = create, .vcpus = (uint16_t)x[2] };
	ffa_answer_success(x);
}

/* BIND, UNBIND, SET: whoever the hypervisor lets through is who he says. */
static void spmc_binding(uint64_t *x)
{
	bool set = lo32(x[0]) == FFA_NOTIFICATION_SET;
	uint16_t sender = (uint16_t)(x[1] >> 16), receiver = (uint16_t)x[1];

	CHECK(ffa_id_is_secure(set ? receiver : sender));
	CHECK(spmc_vm(set ? sender : receiver)->notified);
	hyp.bindings++;
	ffa_answer_code(x, pair(x, 3) != 0 ? FFA_OK : FFA_INVALID_PARAMETERS);
}

static void spmc_direct(uint64_t *x)
{
	bool run = lo32(x[0]) == FFA_RUN;
	uint16_t sp = (uint16_t)(run ? x[1] >> 16 : x[1]);

	CHECK(sp >= FFA_ID_SP_FIRST && sp < FFA_ID_SP_FIRST + HYP_SPS);
	hyp.requests += !run;
	hyp.runs += run;
	hyp.sp_answers(sp - FFA_ID_SP_FIRST, x);
}

static void spmc_version(uint64_t *x)
{
	uint32_t asked = (uint32_t)x[1];

	if (hyp.version >= 0 && asked >> 16 == 1 && (uint32_t)hyp.version >> 16 == 1) {
		hyp.negotiated = MIN(asked, (uint32_t)hyp.version);
	}
	ffa_answer(x, hyp.refuses_newer && asked > (uint32_t)hyp.version ? UINT32_MAX : (uint32_t)hyp.version);
}

static void spmc_features(uint64_t *x)
{
	uint64_t asked = x[1];

	ffa_answer_success(x);
	if (asked == FFA_RXTX_MAP_64) {
		x[2] = hyp.buffer_code;
	} else {
		CHECK(asked == FFA_FEATURE_SRI);
		x[2] = hyp.sri;
	}
}

static void spmc_call_of_vm(uint64_t *x)
{
	struct spmc_vm *vm;

	switch (lo32(x[0])) {
	case FFA_RXTX_UNMAP:
		if (x[1] == 0) {
			CHECK(hyp.stale || hyp.tx.v != 0);
			hyp.stale = false;
			hyp.tx = hyp.rx = pa(0);
			break;
		}
		vm = spmc_vm(x[1] >> 16);
		CHECK(vm->tx.v != 0);
		vm->tx = vm->rx = pa(0);
		break;
	case FFA_RX_ACQUIRE:
		vm = spmc_vm(x[1]);
		CHECK(vm->rx.v != 0 && !vm->acquired);
		vm->acquired = true;
		break;
	case FFA_MSG_SEND2:
		CHECK(spmc_vm(x[1] >> 16)->tx.v != 0);
		break;
	default:
		panic("the SPMC is asked for 0x%x", lo32(x[0]));
	}
	ffa_answer_success(x);
}

static void spmc_serve(uint64_t *x)
{
	switch (lo32(x[0])) {
	case FFA_VERSION:
		spmc_version(x);
		break;
	case FFA_ID_GET:
		ffa_answer_success(x);
		x[2] = hyp.hyp_id;
		break;
	case FFA_FEATURES:
		spmc_features(x);
		break;
	case FFA_RXTX_MAP_64:
		spmc_map(x);
		break;
	case FFA_PARTITION_INFO_GET:
		spmc_partitions(x);
		break;
	case FFA_RX_RELEASE:
		if (x[1] == 0) {
			CHECK(hyp.rx_full);
			hyp.rx_full = false;
		} else {
			CHECK(spmc_vm(x[1])->rx.v != 0);
			spmc_vm(x[1])->acquired = false;
		}
		ffa_answer_success(x);
		break;
	case FFA_MEM_SHARE_64:
	case FFA_MEM_LEND_64:
	case FFA_MEM_DONATE_64:
		spmc_send(x);
		break;
	case FFA_MEM_FRAG_TX:
		spmc_frag(x);
		break;
	case FFA_MEM_RECLAIM:
		spmc_reclaim(x);
		break;
	case FFA_NOTIFICATION_BITMAP_CREATE:
	case FFA_NOTIFICATION_BITMAP_DESTROY:
		spmc_bitmap(x);
		break;
	case FFA_NOTIFICATION_BIND:
	case FFA_NOTIFICATION_UNBIND:
	case FFA_NOTIFICATION_SET:
		spmc_binding(x);
		break;
	case FFA_NOTIFICATION_GET:
		spmc_get(x);
		break;
	case FFA_NOTIFICATION_INFO_GET_64:
		memcpy(x, hyp.info, sizeof(hyp.info));
		ffa_answer_error(hyp.info, FFA_NO_DATA);
		break;
	case FFA_MSG_SEND_DIRECT_REQ:
	case FFA_RUN:
		spmc_direct(x);
		break;
	default:
		spmc_call_of_vm(x);
		break;
	}
}

bool firmware_has_smccc_1_2(void) { return hyp.smccc; }

void firmware_call(struct smc_regs *regs)
{
	CHECK(hyp.smccc); /* else the machine might not know the instruction */
	hyp.calls++;
	memcpy(hyp.last, regs->x, sizeof(hyp.last));
	if (!hyp.present) {
		regs->x[0] = (uint64_t)SMCCC_NOT_SUPPORTED;
		return;
	}
	for (unsigned i = 8; i < FFA_REGS; i++) {
		CHECK(regs->x[i] == 0); /* nothing of ours goes where no call defines it */
	}
	spmc_serve(regs->x);
	if (hyp.twist != NULL) {
		hyp.twist(regs->x);
	}
}

/* ---- making it ---- */

static inline uint64_t hyp_free_pages(void)
{
	struct pool_stats stats;

	pool_stats(&stats);
	return stats.free_pages;
}

static void hyp_sp_done(unsigned n, uint64_t *x)
{
	uint64_t message = x[2];

	(void)n;
	if (lo32(x[0]) == FFA_RUN) {
		ffa_answer(x, FFA_MSG_WAIT);
		return;
	}
	ffa_answer(x, FFA_MSG_SEND_DIRECT_RESP);
	x[2] = message + 1;
}

static inline void hyp_make_ram(unsigned n)
{
	struct hyp_vm *vm = &hyp.vms[n];

	CHECK(stage2_init(&vm->vm.stage2, STAGE2_ENDPOINT, FFA_GUEST_IPA_BITS, (uint16_t)(n + 1), HYP_MMFR0, 0) == OK);
	CHECK(pool_alloc(HYP_PAGES, BLOCK_SIZE, (uint16_t)(PAGE_OWNER_VM + n), &vm->ram) == OK);
	CHECK(stage2_map(&vm->vm.stage2, ipa(GUEST_RAM_BASE), vm->ram, HYP_RAM, RAM_RWX) == OK);
	vm->vm.mem = (struct guest_mem){ .banks = { { GUEST_RAM_BASE, HYP_RAM, pa_ptr(vm->ram) } },
					 .count = 1,
					 .tables = &vm->vm.stage2 };
}

static inline void hyp_make_vm(unsigned n, bool ffa)
{
	static const char *const names[HYP_VMS] = { "one", "two" };
	struct hyp_vm *vm = &hyp.vms[n];
	struct vm_config *c = &hyp.configs[n];

	*c = (struct vm_config){ .name = names[n], .index = n, .vcpu_count = HYP_VCPUS, .memory_size = HYP_RAM };
	c->ffa = (struct vm_ffa_config){
		.enabled = ffa, .uuid_count = 1, .uuids = { { { n + 100, 2, 3, 4 } } }, .messaging = 0x607
	};
	vm->config = c;
	vm->vm.id = (uint16_t)n;
	strcpy(vm->vm.name, names[n]);
	vm->vm.vcpu_count = HYP_VCPUS;
	vm->vm.vcpus = hyp.tables[n];
	for (unsigned i = 0; i < HYP_VCPUS; i++) {
		hyp.tables[n][i] = &hyp.vcpus[n][i];
		hyp.vcpus[n][i] = (struct vcpu){
			.vm = &vm->vm, .cpu = &hyp.cpus[i], .index = i, .power = PSCI_AFFINITY_OFF
		};
	}
	hyp_make_ram(n);
	CHECK(ffa_guest_create(vm));
}

/* The machine; no VM yet. What the SPMC is can be changed before hyp_find(). */
static inline void hyp_machine(void)
{
	uint8_t *memory = hyp.memory;

	memset(&hyp, 0, sizeof(hyp));
	memset(&spmc, 0, sizeof(spmc));
	if (memory == NULL) {
		memory = mmap(pa_ptr(pa(HYP_MEMORY)), HYP_POOL, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
		CHECK(memory == pa_ptr(pa(HYP_MEMORY)));
	}
	hyp.memory = memory;
	ffa_below = NULL;
	ffa_mem_reset();
	pool_reset();
	CHECK(pool_add(pa(HYP_MEMORY), HYP_POOL) == OK);
	host_sysreg[HOST_SYSREG_cntfrq_el0] = 1000000;
	for (unsigned i = 0; i < HYP_CPUS; i++) {
		hyp.cpus[i].index = i;
		timer_queue_init(&hyp.cpus[i].timers);
		cpus[i] = &hyp.cpus[i];
	}
	write_tpidr_el2((uint64_t)(uintptr_t)&hyp.cpus[0]);
	hyp.smccc = hyp.present = true;
	hyp.version = FFA_VERSION_1_2;
	hyp.sri = HYP_SRI;
	hyp.sp_answers = hyp_sp_done;
	ffa_answer_error(hyp.info, FFA_NO_DATA);
}

/* The VM's job, until it is done. */
static inline unsigned hyp_job(bool (*some)(struct hyp_vm *vm), unsigned n)
{
	unsigned slices = 1;

	while (some(&hyp.vms[n])) {
		CHECK(++slices < 100000);
		hyp.now += 100;
	}
	return slices;
}

static inline void hyp_up(unsigned n)
{
	hyp_job(ffa_guest_enter_some, n);
	for (unsigned i = 0; i < HYP_VCPUS; i++) {
		hyp.vcpus[n][i].power = PSCI_AFFINITY_ON;
	}
}

static inline void hyp_down(unsigned n) { hyp_job(ffa_guest_leave_some, n); }

/* All of it: an SPMC, unless 'present' is false, and two VMs that are up. */
static inline void hyp_start(bool present)
{
	hyp_machine();
	hyp.present = present;
	ffa_start();
	for (unsigned n = 0; n < HYP_VMS; n++) {
		hyp_make_vm(n, true);
	}
	hyp.free_pages = hyp_free_pages();
	for (unsigned n = 0; n < HYP_VMS; n++) {
		hyp_up(n);
	}
}

/* ---- what guests do ---- */

static inline uint64_t page_ipa(unsigned page) { return GUEST_RAM_BASE + (uint64_t)page * PAGE_SIZE; }
static inline uint8_t *page_of(unsigned n, unsigned page)
{
	return (uint8_t *)pa_ptr(hyp.vms[n].ram) + (size_t)page * PAGE_SIZE;
}
static inline uint16_t vm_id(unsigned n) { return (uint16_t)(n + 1); }

/* A call by a vCPU; its registers. */
#define TX_PAGE 0
#define RX_PAGE 1

static inline uint64_t *hyp_call_by(unsigned n, unsigned vcpu, uint64_t id, uint64_t a1, uint64_t a2, uint64_t a3,
				    uint64_t a4)
{
	struct vcpu *v = &hyp.vcpus[n][vcpu];

	memset(v->regs.x, 0, sizeof(v->regs.x));
	v->regs.x[0] = id;
	v->regs.x[1] = a1;
	v->regs.x[2] = a2;
	v->regs.x[3] = a3;
	v->regs.x[4] = a4;
	CHECK(ffa_owns(lo32(id)) && ffa_call(v) == TRAP_RESUME);
	return v->regs.x;
}

#define hyp_call(n, id, a1, a2, a3, a4) hyp_call_by(n, 0, id, a1, a2, a3, a4)

static inline int32_t hyp_code(const uint64_t *x)
{
	return lo32(x[0]) == FFA_ERROR ? (int32_t)x[2] : lo32(x[0]) == (uint32_t)SMCCC_NOT_SUPPORTED ? -100 : 0;
}

static inline void hyp_map_buffers(unsigned n)
{
	CHECK(hyp_code(hyp_call(n, FFA_RXTX_MAP_64, page_ipa(TX_PAGE), page_ipa(RX_PAGE), 1, 0)) == FFA_OK);
}

/* A descriptor of 1.1 in the guest's TX: 'count' ranges of one page, from page 'first' on, every 'stride'th. */
struct hyp_send {
	uint32_t function;
	uint16_t receiver;
	unsigned first, count, stride;
	uint32_t flags;
};

static inline void put_range(uint8_t *to, unsigned page)
{
	struct ffa_constituent range = { .address = page_ipa(page), .page_count = 1 };

	memcpy(to, &range, sizeof(range));
}

/* Sends it, in as many fragments as it takes, up to 'fragments'. The last answer. */
static inline uint64_t *hyp_send(unsigned n, struct hyp_send s, unsigned fragments)
{
	bool share = s.function == FFA_MEM_SHARE_64, donate = s.function == FFA_MEM_DONATE_64;
	struct ffa_memory_region region = { .sender = vm_id(n),
					    .attributes = share ? 0x2f : 0,
					    .flags = s.flags,
					    .access_size = FFA_MEMORY_ACCESS_1_1,
					    .access_count = 1,
					    .access_offset = sizeof(region) };
	struct ffa_memory_access access = { .endpoint = s.receiver,
					    .permissions = donate ? 0 : FFA_DATA_RW,
					    .composite_offset = sizeof(region) + sizeof(access) };
	struct ffa_composite composite = { .page_count = s.count, .range_count = s.count };
	uint32_t at = access.composite_offset + (uint32_t)sizeof(composite), total = at + s.count * 16;
	uint8_t *tx = page_of(n, TX_PAGE);
	unsigned done = 0;
	uint64_t *x;

	memcpy(tx, &region, sizeof(region));
	memcpy(tx + sizeof(region), &access, sizeof(access));
	memcpy(tx + access.composite_offset, &composite, sizeof(composite));
	for (; done < s.count && at + 16 <= PAGE_SIZE; done++, at += 16) {
		put_range(tx + at, s.first + done * s.stride);
	}
	x = hyp_call(n, s.function, total, at, 0, 0);
	while (--fragments != 0 && lo32(x[0]) == FFA_MEM_FRAG_RX) {
		uint64_t low = x[1], high = x[2];

		for (at = 0; done < s.count && at + 16 <= PAGE_SIZE; done++, at += 16) {
			put_range(tx + at, s.first + done * s.stride);
		}
		x = hyp_call(n, FFA_MEM_FRAG_TX, low, high, at, 0);
	}
	return x;
}

/* Retrieves what guest 'from' has sent, to this one alone, by that function. */
static inline uint64_t *hyp_retrieve(unsigned n, unsigned from, uint64_t handle, uint32_t function)
{
	bool share = function == FFA_MEM_SHARE_64;
	struct ffa_memory_region region = { .sender = vm_id(from),
					    .handle = handle,
					    .access_size = FFA_MEMORY_ACCESS_1_1,
					    .access_count = 1,
					    .access_offset = sizeof(region) };
	struct ffa_memory_access access = { .endpoint = vm_id(n),
					    .permissions = FFA_DATA_RW | (share ? 0U : FFA_EXEC_XN << 2) };
	uint8_t *tx = page_of(n, TX_PAGE);

	memcpy(tx, &region, sizeof(region));
	memcpy(tx + sizeof(region), &access, sizeof(access));
	return hyp_call(n, FFA_MEM_RETRIEVE_REQ_64, sizeof(region) + sizeof(access), sizeof(region) + sizeof(access), 0,
			0);
}

static inline unsigned attrs_of_page(unsigned n, unsigned page)
{
	unsigned attrs = 0;
	uint64_t run;
	pa_t to;

	return stage2_lookup(&hyp.vms[n].vm.stage2, ipa(page_ipa(page)), &to, &attrs, &run) ? attrs : UINT32_MAX;
}

/* Whoever has lost pages gets other RAM before it starts again, and what it has left is given up, as in vm_memory.c. */
static inline void hyp_renew_ram(unsigned n)
{
	struct hyp_vm *vm = &hyp.vms[n];
	pa_t ram = vm->ram;
	unsigned lost = 0;

	for (unsigned page = 0; page < HYP_PAGES; page++) {
		lost += attrs_of_page(n, page) != RAM_RWX;
	}
	if (lost == 0) {
		return;
	}
	ffa_guest_memory_gone(vm);
	for (unsigned page = 0; page < HYP_PAGES; page++) {
		if (attrs_of_page(n, page) == RAM_RWX) {
			vm_free_pages(pa(ram.v + page * PAGE_SIZE), 1);
		}
	}
	stage2_destroy(&vm->vm.stage2);
	hyp_make_ram(n);
	ffa_guest_memory_made(vm);
}

#endif
