/* SPDX-License-Identifier: MIT */
/*
 * Shares of a CPU (role/hyp/sched.c) whatever the guests do: VMs of random weights and numbers of vCPUs, with habits
 * that try to get more than their share, on the real loop (core/vcpu/run.c). A VM that always computes must get its
 * share; one that uses little must be served soon.
 */
#include "machine.h"

#include "arch/atomic.h"
#include "core/port/vgic_port.h"
#include "core/vcpu/idreg.h"
#include "role/hyp/sched.h"

#define TURN (HZ / 100)
#define VMS 5
#define VCPUS 12
#define SWITCH_TICKS 3 /* what EL2 takes to load a vCPU */

enum habit {
	SPIN,     /* always computes */
	NAP,      /* random bursts and sleeps */
	LIGHT,    /* a short burst, and a sleep that keeps it far below any share: it must be served soon */
	DODGE,    /* sleeps for a moment just before its turn ends */
	PINGPONG, /* a short burst; wakes another of its VM and waits for one to wake it */
	STORM,    /* sleeps for a moment, without end */
	YIELD,    /* WFE, without end */
	RINGER,   /* computes, and sends interrupts to whoever waits */
	HABITS,
};

struct guest {
	struct vcpu v;
	enum habit habit;
	bool pending;
	uint64_t burst;    /* ticks left */
	uint64_t deadline; /* of its timer */
	uint64_t longest;  /* from a deadline until it ran */
};

static struct guest guests[VCPUS];
static struct vm vms[VMS];
static struct cpu_share shares[VMS][MACHINE_CPUS];
static struct cpu_share no_vm; /* of somebody else */
static struct vcpu *tables[VMS][VCPUS];
static uint64_t ran[VMS];
static unsigned vm_count, guest_count;
static uint64_t end_time;

static struct guest *guest_of(struct vcpu *v)
{
	return container_of(v, struct guest, v);
}
static struct guest *guest_of_vgic(struct vgic_cpu *c)
{
	return guest_of(container_of(c, struct vcpu, vgic));
}

/* ---- what else is outside ---- */

bool vgic_has_pending(struct vgic_cpu *c)
{
	return guest_of_vgic(c)->pending;
}
bool vgic_has_pending_saved(struct vgic_cpu *c)
{
	return guest_of_vgic(c)->pending;
}
void vgic_enter(struct vgic_cpu *c)
{
	atomic_store(&c->dirty, 0);
}
void vgic_maintenance(struct vgic_cpu *c)
{
	(void)c;
}
void vgic_cpu_reset(struct vgic_cpu *c)
{
	(void)c;
}
bool vgic_dir(struct vgic_cpu *c, uint32_t intid)
{
	return c == NULL && intid == 0;
}
void vgic_load(struct vgic_cpu *c)
{
	(void)c;
	machine_now += SWITCH_TICKS;
}
void vgic_save(struct vgic_cpu *c)
{
	(void)c;
}
void vgic_fire_hw_ppi(struct vgic_cpu *c, unsigned intid, unsigned physical)
{
	(void)intid;
	(void)physical;
	guest_of_vgic(c)->pending = true;
}
void vgic_set_ppi(struct vgic_cpu *c, unsigned intid, bool level)
{
	(void)intid;
	guest_of_vgic(c)->pending |= level;
}
void vgic_sgi(struct vgic_cpu *c, uint64_t value, bool group1)
{
	(void)c;
	(void)value;
	(void)group1;
}

enum trap_result role_call(struct vcpu *v)
{
	(void)v;
	return TRAP_RESUME;
}
void role_start(struct vcpu *v)
{
	vcpu_state_set(v, VCPU_READY);
}
void role_stopped(struct vcpu *v)
{
	(void)v;
}
void role_paused(struct vcpu *v)
{
	(void)v;
}
bool role_has_answer(const struct vcpu *v)
{
	(void)v;
	return false;
}

void role_answer(struct vcpu *v)
{
	(void)v;
}

void role_dump(struct vcpu *v)
{
	(void)v;
}
void role_serve(struct cpu *cpu)
{
	(void)cpu;
}
void role_irq(uint32_t intid)
{
	(void)intid;
}
enum trap_result role_crash(struct vcpu *v, const char *why)
{
	(void)v;
	fail_msg("%s", why);
	return TRAP_LEAVE;
}

/* ---- the guests ---- */

static void interrupt(struct guest *g)
{
	g->pending = true;
	atomic_store_release(&g->v.vgic.dirty, 1);
	vgic_port_kick(&g->v);
}

static void compute(struct guest *g, uint64_t ticks)
{
	machine_now += ticks;
	ran[g->v.vm - vms] += ticks;
	if (machine_now >= end_time) {
		machine_leave();
	}
}

/* WFI until its timer fires after so many ticks. */
static void nap(struct guest *g, uint64_t ticks)
{
	g->deadline = machine_now + ticks;
	write_cntv_cval_el0(g->deadline);
	write_cntv_ctl_el0(1);
	machine_wfi(&g->v);
}

static void sometimes_nap(struct guest *g, uint64_t burst, uint64_t sleep)
{
	uint64_t most = 1 + random_below(TURN / 50), ticks = MIN(g->burst, most);

	compute(g, ticks);
	g->burst -= ticks;
	if (g->burst == 0) {
		g->burst = burst;
		nap(g, sleep);
	}
}

/* Wakes one who waits: of its own VM, or any. */
static void ring(struct guest *g, bool own)
{
	unsigned from = random_below(guest_count);

	for (unsigned i = 0; i < guest_count; i++) {
		struct guest *other = &guests[(from + i) % guest_count];

		if (other != g && other->v.state == VCPU_WAITING && (!own || other->v.vm == g->v.vm)) {
			interrupt(other);
			g->v.exit = VCPU_EXIT_SERVED;
			return;
		}
	}
}

static void act(struct guest *g)
{
	uint64_t left = MIN(g->v.turn_left, g->v.vm->shares[0].turn_left);

	switch (g->habit) {
	case SPIN:
		compute(g, 1 + random_below(TURN / 50));
		break;
	case NAP:
		sometimes_nap(g, 1 + random_below(2 * TURN), 1 + random_below(4 * TURN));
		break;
	case LIGHT:
		sometimes_nap(g, 5, TURN / 5 + random_below(TURN));
		break;
	case DODGE:
		if (left > TURN / 20) {
			compute(g, MIN(left - TURN / 20, TURN / 50));
		} else {
			nap(g, 1 + random_below(20));
		}
		break;
	case PINGPONG:
		compute(g, 1 + random_below(100));
		ring(g, true);
		if (g->v.exit == UINT32_MAX) {
			nap(g, 50);
		} else {
			machine_wfi(&g->v);
		}
		break;
	case STORM:
		compute(g, 1);
		nap(g, 1 + random_below(30));
		break;
	case YIELD:
		compute(g, 1 + random_below(10));
		machine_wfe(&g->v);
		break;
	default:
		compute(g, 1 + random_below(TURN / 50));
		ring(g, false);
		break;
	}
}

/* The mean is exact: of the virtual times of all who want the CPU, by weight, whatever has been decided so far. */
static void check_mean(const struct cpu *cpu)
{
	__int128 sum = 0;
	uint64_t weight = 0;

	for (unsigned i = 0; i <= vm_count; i++) {
		const struct cpu_share *share = i < vm_count ? &shares[i][cpu->index] : &no_vm;

		if (share->active) {
			weight += share->weight;
			sum += (__int128)share->weight * share->virtual_time + share->rest;
			assert_true(share->rest < share->weight);
		}
	}
	assert_int_equal(cpu->weight, weight);
	assert_true(cpu->rest < weight && sum == (__int128)weight * cpu->virtual_time + cpu->rest);
}

static void live(struct vcpu *v)
{
	static unsigned entries;
	struct guest *g = guest_of(v);

	if (entries++ % 64 == 0) {
		check_mean(v->cpu);
	}
	g->pending = false;
	if (g->deadline != 0 && machine_now >= g->deadline) {
		g->longest = MAX(g->longest, machine_now - g->deadline);
	}
	g->deadline = 0;
	write_cntv_ctl_el0(0);
	act(g);
}

/* ---- the fixture ---- */

static void reset_machine(unsigned count)
{
	machine_reset(1);
	memset(guests, 0, sizeof(guests));
	memset(vms, 0, sizeof(vms));
	memset(shares, 0, sizeof(shares));
	memset(&no_vm, 0, sizeof(no_vm));
	memset(ran, 0, sizeof(ran));
	memset(&cpu_features, 0, sizeof(cpu_features));
	vm_count = count;
	guest_count = 0;
	machine_guest = live;
}

static void make_vm(unsigned index, unsigned vcpus, uint16_t weight, const enum habit *habits)
{
	struct vm *vm = &vms[index];

	vm->vcpus = tables[index];
	vm->vcpu_count = vcpus;
	vm->weight = weight;
	vm->shares = shares[index];
	for (unsigned i = 0; i < vcpus; i++) {
		struct guest *g = &guests[guest_count++];

		vm->vcpus[i] = &g->v;
		vcpu_init(&g->v, vm, &machine[0].cpu, i, i);
		vcpu_attach(&g->v);
		g->habit = habits[i];
		g->burst = 1;
	}
}

static void run_for(uint64_t ticks)
{
	for (unsigned i = 0; i < guest_count; i++) {
		vcpu_reset(&guests[i].v, 0x40000000, i);
		vcpu_request(&guests[i].v, VCPU_REQ_START);
	}
	end_time = machine_now + ticks;
	machine_step(0);
	assert_true(machine_now >= end_time);
}

static uint64_t weights_of(unsigned count)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < count; i++) {
		sum += vms[i].weight;
	}
	return sum;
}

/* ---- shares ---- */

static const uint16_t weights[] = { 10, 50, 100, 100, 100, 300, 1000 };

/* The first VM computes, the others do what they like. */
static void nobody_takes_the_share_of_another(void **state)
{
	(void)state;
	random_start("sched");
	for (unsigned round = 0; round < 60; round++) {
		uint64_t total = 3000 * TURN, fair;

		reset_machine(2 + random_below(VMS - 1));
		for (unsigned i = 0; i < vm_count; i++) {
			enum habit habits[2];

			for (unsigned n = 0; n < ARRAY_SIZE(habits); n++) {
				habits[n] = i == 0 ? SPIN : (enum habit)random_below(HABITS);
			}
			make_vm(i, 1 + random_below(2), weights[random_below(ARRAY_SIZE(weights))], habits);
		}
		run_for(total);
		fair = total * vms[0].weight / weights_of(vm_count);
		if (ran[0] + 3 * TURN < fair * 97 / 100) {
			for (unsigned i = 0; i < guest_count; i++) {
				print_message("vm %u weight %u habit %u ran %llu\n", (unsigned)(guests[i].v.vm - vms),
					      guests[i].v.vm->weight, guests[i].habit,
					      (unsigned long long)ran[guests[i].v.vm - vms]);
			}
			fail_msg("%llu ticks, %llu are fair", (unsigned long long)ran[0], (unsigned long long)fair);
		}
	}
}

/* All compute, with whatever numbers of vCPUs: each VM gets what its weight says. */
static void all_who_compute_get_their_share(void **state)
{
	static const enum habit habits[] = { SPIN, SPIN, SPIN };

	(void)state;
	random_start("sched");
	for (unsigned round = 0; round < 20; round++) {
		uint64_t total = 6000 * TURN;

		reset_machine(1 + random_below(4));
		for (unsigned i = 0; i < vm_count; i++) {
			make_vm(i, 1 + random_below(3), weights[random_below(ARRAY_SIZE(weights))], habits);
		}
		run_for(total);
		for (unsigned i = 0; i < vm_count; i++) {
			uint64_t fair = total * vms[i].weight / weights_of(vm_count);

			assert_in_range(ran[i] + 3 * TURN, fair * 98 / 100, fair * 102 / 100 + 6 * TURN);
		}
	}
}

/* ---- latency ---- */

/* Beside whatever else, one who uses little is not kept waiting by those who compute. */
static void who_uses_little_is_served_at_once(void **state)
{
	(void)state;
	random_start("sched");
	for (unsigned round = 0; round < 40; round++) {
		static const enum habit light[] = { LIGHT };

		reset_machine(2 + random_below(VMS - 1));
		make_vm(0, 1, 100, light);
		for (unsigned i = 1; i < vm_count; i++) {
			static const enum habit others[] = { SPIN, RINGER, SPIN };

			make_vm(i, 1 + random_below(2), 100, others + random_below(2));
		}
		run_for(500 * TURN);
		/* A guest of this test is not interrupted within a step. */
		assert_in_range(guests[0].longest, 0, TURN / 50 + 2 * SWITCH_TICKS + 10);
	}
}

/* ---- jobs ---- */

static struct job {
	struct sched_job job;
	uint64_t done;
} busy_job;

static bool busy_slice(struct sched_job *job)
{
	uint64_t ticks = 1 + random_below(TURN / 4);

	machine_now += ticks;
	container_of(job, struct job, job)->done += ticks;
	return true;
}

static const struct sched_job_ops busy_ops = { .slice = busy_slice };

/* Work for a VM counts for its share. */
static void jobs_are_charged(void **state)
{
	static const enum habit habits[] = { SPIN };
	uint64_t total = 3000 * TURN;

	(void)state;
	random_start("sched");
	for (unsigned i = 0; i < ARRAY_SIZE(weights); i++) {
		uint64_t fair;

		reset_machine(2);
		busy_job = (struct job){ .job.ops = &busy_ops };
		make_vm(0, 1, 100, habits);
		vms[1].weight = weights[i];
		vms[1].shares = shares[1];
		sched_begin(sched_share(&vms[1]), &busy_job.job, false);
		run_for(total);
		fair = total * vms[1].weight / weights_of(2);
		assert_in_range(busy_job.done + 2 * TURN, fair * 98 / 100, fair * 102 / 100 + 4 * TURN);
		assert_in_range(ran[0] + 2 * TURN, (total - fair) * 97 / 100, total - fair + 4 * TURN);
	}
}

static uint64_t slices_done, longest_wait, wanted_since;

static bool short_slice(struct sched_job *job)
{
	(void)job;
	machine_now += 7;
	slices_done++;
	longest_wait = MAX(longest_wait, machine_now - wanted_since);
	return false;
}

static const struct sched_job_ops short_ops = { .slice = short_slice };
static struct sched_job short_job;

static void begin_short(struct work *work)
{
	(void)work;
	sched_begin(sched_share(&vms[0]), &short_job, true);
}

static const struct work_ops begin_ops = { .run = begin_short };
static struct work begin_work = { .ops = &begin_ops };

/* What other CPUs ask for now and then: a job of a VM whose vCPU computes, or waits. */
static void live_and_want(struct vcpu *v)
{
	bool ready = guests[0].habit == LIGHT && guests[0].v.state != VCPU_WAITING;

	if (!ready && list_empty(&short_job.node) && begin_work.posted == 0 && random_below(50) == 0) {
		wanted_since = machine_now;
		cpu_post(v->cpu, &begin_work);
		v->exit = VCPU_EXIT_SERVED;
		return;
	}
	live(v);
}

/* It runs as soon as an interrupt would be taken, and counts for that VM's share; so do two jobs at once. */
static void urgent_jobs_do_not_wait_for_a_turn(void **state)
{
	static const enum habit spin[] = { SPIN }, light[] = { LIGHT };

	(void)state;
	random_start("sched");
	for (unsigned computes = 0; computes < 2; computes++) {
		reset_machine(2);
		make_vm(0, 1, 100, computes ? spin : light);
		make_vm(1, 1, 100, spin);
		machine_guest = live_and_want;
		short_job = (struct sched_job){ .ops = &short_ops };
		list_init(&short_job.node);
		busy_job = (struct job){ .job.ops = &busy_ops };
		slices_done = longest_wait = 0;
		if (computes) {
			sched_begin(sched_share(&vms[0]), &busy_job.job, false);
		}
		run_for(2000 * TURN);
		assert_true(slices_done > 100);
		if (!computes) {
			assert_in_range(longest_wait, 7, TURN / 50 + 2 * SWITCH_TICKS + 20);
		}
		assert_in_range(ran[1], 2000 * TURN / 2 * 97 / 100, 2000 * TURN);
	}
}

/* ---- others than VMs, and what is done for others ---- */

/* Who is no VM has jobs alone, and shares as a VM does. */
static void who_is_no_vm_shares_alike(void **state)
{
	static const enum habit habits[] = { SPIN };
	uint64_t total = 3000 * TURN, fair = total * 100 / 400;

	(void)state;
	random_start("sched");
	reset_machine(1);
	make_vm(0, 1, 300, habits);
	sched_share_init(&no_vm, 100, 0);
	busy_job = (struct job){ .job.ops = &busy_ops };
	sched_begin(&no_vm, &busy_job.job, true);
	run_for(total);
	assert_in_range(busy_job.done + 2 * TURN, fair * 98 / 100, fair * 102 / 100 + 4 * TURN);
	assert_in_range(ran[0] + 2 * TURN, (total - fair) * 98 / 100, total - fair + 4 * TURN);
}

static uint64_t done_for_last; /* by the first VM's vCPU, for the last VM */
static unsigned refused;

/* The first VM does nothing but what is the last one's, and tries again and again when that one may not have more. */
static void live_for_the_last(struct vcpu *v)
{
	struct cpu_share *share = sched_share(&vms[vm_count - 1]);
	uint64_t since = machine_now;

	if (v->vm != &vms[0]) {
		live(v);
		return;
	}
	check_mean(v->cpu);
	if (!sched_can_pay(share)) {
		refused++;
		compute(guest_of(v), 1 + random_below(20));
		return;
	}
	machine_now += 1 + random_below(TURN / 20);
	sched_charge(share, since);
	done_for_last += machine_now - since;
	check_mean(v->cpu);
	compute(guest_of(v), 1);
}

/* Whether that VM sleeps, computes itself, or has a cap: it has no more for it, and who computes no less. */
static void who_has_others_work_for_him_pays(void **state)
{
	static const enum habit spin[] = { SPIN }, light[] = { LIGHT };
	uint64_t total = 3000 * TURN;

	(void)state;
	random_start("sched");
	for (unsigned i = 0; i < 12; i++) {
		bool sleeps = i % 3 == 0, capped = i % 3 == 2;
		uint64_t fair = total / 3, used;

		reset_machine(3);
		machine_guest = live_for_the_last;
		done_for_last = refused = 0;
		make_vm(0, 1, 100, spin);
		make_vm(1, 1, 100, spin);
		make_vm(2, 1, 100, sleeps ? light : spin);
		vms[2].cap = capped ? 10 : 0;
		run_for(total);
		used = done_for_last + ran[2];
		assert_true(refused > 0);
		assert_in_range(used, 0, (capped ? total / 10 : fair) * 103 / 100 + 4 * TURN);
		assert_in_range(used, (capped ? total / 10 : fair) * 90 / 100 - 4 * TURN, total);
		assert_in_range(ran[1] + 3 * TURN, fair * 97 / 100, total);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_takes_the_share_of_another),  cmocka_unit_test(all_who_compute_get_their_share),
		cmocka_unit_test(who_uses_little_is_served_at_once),  cmocka_unit_test(jobs_are_charged),
		cmocka_unit_test(urgent_jobs_do_not_wait_for_a_turn), cmocka_unit_test(who_is_no_vm_shares_alike),
		cmocka_unit_test(who_has_others_work_for_him_pays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
