/* SPDX-License-Identifier: MIT */
/* The loop of a CPU (core/vcpu/run.c, cpu.c) with the hypervisor's turns (role/hyp/sched.c) on it. */
#include "machine.h"

#include "arch/atomic.h"
#include "core/port/vgic_port.h"
#include "core/vcpu/idreg.h"

#define SLICE (HZ / 100) /* 10 ms */
#define VCPUS 6

struct guest {
	struct vcpu v;
	bool pending;           /* the vGIC has something for it */
	uint64_t ran;           /* ticks in the guest */
	uint64_t ready_since;   /* UINT64_MAX: not ready */
	uint64_t longest_wait;  /* ready, and not run */
	uint64_t burst;         /* ticks until it waits; UINT64_MAX: never */
	uint64_t signature;     /* what its registers hold */
	unsigned entries, stops, pauses, starts, dumps;
	unsigned loads, saves;
	bool loaded;
	bool answerable;        /* the call that it waits in has its answer */
	unsigned answers;
};

static struct guest guests[VCPUS];
static struct vcpu *table[VCPUS];
static struct vm vm;
static struct vm vms[VCPUS]; /* for tests in which guests are of several VMs */
static struct cpu_share shares[1 + VCPUS][MACHINE_CPUS];
static unsigned guest_count;
static uint64_t end_time;
static unsigned roles_served;

static struct guest *guest_of(struct vcpu *v)
{
	return container_of(v, struct guest, v);
}
static struct guest *guest_of_vgic(struct vgic_cpu *c)
{
	return guest_of(container_of(c, struct vcpu, vgic));
}
static unsigned queued(const struct vcpu *v);

/* ---- a vGIC of one bit ---- */

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
	assert_false(guest_of_vgic(c)->loaded);
}
bool vgic_dir(struct vgic_cpu *c, uint32_t intid)
{
	return c == NULL && intid == 0;
}

void vgic_load(struct vgic_cpu *c)
{
	assert_false(guest_of_vgic(c)->loaded);
	guest_of_vgic(c)->loaded = true;
	guest_of_vgic(c)->loads++;
}

void vgic_save(struct vgic_cpu *c)
{
	assert_true(guest_of_vgic(c)->loaded);
	guest_of_vgic(c)->loaded = false;
	guest_of_vgic(c)->saves++;
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
	(void)value;
	(void)group1;
	guest_of_vgic(c)->pending = true;
}

static void interrupt(struct guest *g)
{
	g->pending = true;
	atomic_store_release(&g->v.vgic.dirty, 1);
	vgic_port_kick(&g->v);
}

/* ---- the role ---- */

enum trap_result role_call(struct vcpu *v)
{
	(void)v;
	return TRAP_RESUME;
}

void role_start(struct vcpu *v)
{
	guest_of(v)->starts++;
	vcpu_state_set(v, VCPU_READY);
}

void role_stopped(struct vcpu *v)
{
	assert_int_equal(v->state, VCPU_STOPPED);
	assert_ptr_not_equal(v->cpu->current, v);
	guest_of(v)->stops++;
}

void role_paused(struct vcpu *v)
{
	assert_ptr_not_equal(v->cpu->current, v);
	guest_of(v)->pauses++;
}

bool role_has_answer(const struct vcpu *v)
{
	assert_true(v->in_call);
	return container_of(v, struct guest, v)->answerable;
}

void role_answer(struct vcpu *v)
{
	/* Not in the queue yet: nobody runs it with the registers of before. */
	assert_int_equal(queued(v), 0);
	guest_of(v)->answers++;
}

void role_dump(struct vcpu *v)
{
	guest_of(v)->dumps++;
}

void role_serve(struct cpu *cpu)
{
	(void)cpu;
	roles_served++;
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

/* ---- the fixture ---- */

static void make(unsigned count, unsigned cpu_total)
{
	machine_reset(cpu_total);
	memset(guests, 0, sizeof(guests));
	memset(&vm, 0, sizeof(vm));
	memset(shares, 0, sizeof(shares));
	memset(&cpu_features, 0, sizeof(cpu_features));
	roles_served = 0;
	guest_count = count;
	end_time = UINT64_MAX;
	vm.vcpus = table;
	vm.vcpu_count = count;
	vm.stage2.vttbr = 0x1234000;
	vm.stage2.vtcr = 0x77;
	vm.cntvoff = 500;
	vm.weight = 100;
	vm.shares = shares[VCPUS];
	for (unsigned i = 0; i < count; i++) {
		struct guest *g = &guests[i];

		table[i] = &g->v;
		vcpu_init(&g->v, &vm, &machine[i % cpu_total].cpu, i, i);
		vcpu_attach(&g->v);
		g->burst = UINT64_MAX;
		g->ready_since = UINT64_MAX;
		g->signature = 0x1000 * (i + 1);
	}
}

static void start_all(void)
{
	for (unsigned i = 0; i < guest_count; i++) {
		machine_switch(guests[i].v.cpu->index);
		vcpu_reset(&guests[i].v, 0x40000000, i);
		vcpu_request(&guests[i].v, VCPU_REQ_START);
	}
}

static unsigned queued(const struct vcpu *v)
{
	const struct cpu_share *share = &v->vm->shares[v->cpu->index];
	unsigned n = 0;

	if (share->weight != 0) { /* else nothing was ready there so far */
		list_for_each (node, &share->ready) {
			n += node == &v->queue_node;
		}
	}
	return n;
}

/* ---- states ---- */

static void only_the_edges_that_there_are(void **state)
{
	static const bool edges[6][6] = {
		[VCPU_OFF] = { [VCPU_READY] = true, [VCPU_STOPPED] = true },
		[VCPU_READY] = { [VCPU_RUNNING] = true, [VCPU_PAUSED] = true, [VCPU_STOPPED] = true },
		[VCPU_RUNNING] = { [VCPU_OFF] = true,
				   [VCPU_READY] = true,
				   [VCPU_WAITING] = true,
				   [VCPU_PAUSED] = true,
				   [VCPU_STOPPED] = true },
		[VCPU_WAITING] = { [VCPU_READY] = true, [VCPU_PAUSED] = true, [VCPU_STOPPED] = true },
		[VCPU_PAUSED] = { [VCPU_READY] = true, [VCPU_STOPPED] = true },
		[VCPU_STOPPED] = { [VCPU_OFF] = true, [VCPU_STOPPED] = true },
	};

	(void)state;
	for (enum vcpu_state from = VCPU_OFF; from <= VCPU_STOPPED; from++) {
		for (enum vcpu_state to = VCPU_OFF; to <= VCPU_STOPPED; to++) {
			struct vcpu *v = &guests[0].v;

			make(1, 1);
			vcpu_state_set(v, VCPU_READY);
			if (from != VCPU_READY) {
				vcpu_state_set(v, VCPU_STOPPED);
				v->state = from;
			}
			assert_int_equal(vcpu_state_set(v, to), edges[from][to]);
			assert_int_equal(v->state, edges[from][to] ? to : from);
			assert_int_equal(queued(v), v->state == VCPU_READY);
		}
	}
	assert_false(vcpu_state_set(&guests[0].v, (enum vcpu_state)6));
}

static void random_edges_keep_the_queue(void **state)
{
	(void)state;
	random_start("run");
	make(VCPUS, 2);
	for (unsigned i = 0; i < 100000; i++) {
		struct vcpu *v = &guests[random_below(VCPUS)].v;

		v->turn_left = random_below(2);
		vcpu_state_set(v, (enum vcpu_state)random_below(6));
		for (unsigned n = 0; n < VCPUS; n++) {
			assert_int_equal(queued(&guests[n].v), guests[n].v.state == VCPU_READY);
		}
	}
}

/* ---- requests ---- */

static void leave_at_once(struct vcpu *v)
{
	guest_of(v)->entries++;
	machine_leave();
}

static void requests_are_served_before_the_guest_runs(void **state)
{
	(void)state;
	make(2, 2);
	machine_guest = leave_at_once;
	machine_switch(0);
	/* To another CPU one SGI, however many requests; to the own one none. */
	vcpu_request(&guests[1].v, VCPU_REQ_START);
	vcpu_request(&guests[1].v, VCPU_REQ_DUMP);
	assert_int_equal(machine[1].kicks, 1);
	vcpu_request(&guests[0].v, VCPU_REQ_START);
	assert_int_equal(machine[0].kicks, 0);
	machine_step(1);
	assert_int_equal(guests[1].starts, 1);
	assert_int_equal(guests[1].dumps, 1);
	assert_int_equal(guests[1].v.state, VCPU_RUNNING);
	assert_int_equal(guests[1].entries, 1);
	assert_int_equal(guests[0].starts, 0);
	machine_step(0);
	assert_int_equal(guests[0].entries, 1);
	/* STOP before START: what starts again starts stopped. */
	vcpu_request(&guests[1].v, VCPU_REQ_STOP);
	machine_step(1);
	assert_int_equal(guests[1].stops, 1);
	assert_int_equal(guests[1].v.state, VCPU_STOPPED);
	assert_int_equal(guests[1].entries, 1);
	assert_null(machine[1].cpu.current);
	cpu_kick(&machine[1].cpu, CPU_ATTENTION_ROLE);
	machine_step(1);
	assert_int_equal(roles_served, 1);
}

/* ---- load and put ---- */

/* The hardware, as v sees it; 'set' gives it new values. */
static void touch_registers(struct vcpu *v, uint64_t value, bool set)
{
	if (set) {
		write_sctlr_el1(value);
		write_ttbr1_el1(value + 1);
		write_tpidr_el0(value + 2);
		write_sp_el1(value + 3);
		write_cntv_cval_el0(value + UINT64_C(0x1000000000));
		host_fp.v[31][15] = (uint8_t)(value >> 8);
		return;
	}
	assert_int_equal(read_sctlr_el1(), value);
	assert_int_equal(read_ttbr1_el1(), value + 1);
	assert_int_equal(read_tpidr_el0(), value + 2);
	assert_int_equal(read_sp_el1(), value + 3);
	assert_int_equal(read_cntv_cval_el0(), value + UINT64_C(0x1000000000));
	assert_int_equal(read_vmpidr_el2(), v->mpidr);
	assert_int_equal(read_vttbr_el2(), vm.stage2.vttbr);
	assert_int_equal(read_vtcr_el2(), vm.stage2.vtcr);
	assert_int_equal(read_cntvoff_el2(), vm.cntvoff);
	if (v->cpu->fp_owner == v) {
		assert_int_equal(host_fp.v[31][15], (uint8_t)(value >> 8));
	}
}

/* Uses FP now and then, changes its registers, gives the CPU away. */
static void registers_guest(struct vcpu *v)
{
	struct guest *g = guest_of(v);

	assert_ptr_equal(v->cpu->current, v);
	assert_int_equal(v->state, VCPU_RUNNING);
	assert_true(g->loaded);
	if (g->entries++ == 0) {
		assert_int_equal(read_sctlr_el1(), 0x30d00800);
		assert_int_equal(v->regs.pc, 0x40000000);
		assert_int_equal(v->regs.x[0], v->index);
		vcpu_fp_trap(v);
		assert_int_equal(host_fp.v[31][15], 0);
	} else {
		if (random_below(2) == 0) {
			vcpu_fp_trap(v);
		}
		touch_registers(v, g->signature, false);
	}
	g->signature += 0x100;
	if (v->cpu->fp_owner != v) {
		vcpu_fp_trap(v);
	}
	touch_registers(v, g->signature, true);
	machine_now += 10;
	if (machine_now > end_time) {
		machine_leave();
	}
	machine_wfe(v);
}

/* Its turn ends in a call: WAITING until what should wake it. */
static struct guest *call_and_wait(void)
{
	struct guest *g = &guests[0];

	make(2, 1);
	machine_guest = leave_at_once;
	vcpu_request(&g->v, VCPU_REQ_START);
	machine_step(0);
	assert_int_equal(g->v.state, VCPU_RUNNING);
	g->v.in_call = true;
	vcpu_state_set(&g->v, VCPU_WAITING);
	machine_step(0);
	assert_int_equal(g->v.state, VCPU_WAITING);
	assert_int_equal(g->answers, 0);
	return g;
}

static void check_answered(const struct guest *g, unsigned entries)
{
	assert_int_equal(g->answers, 1);
	assert_int_equal(g->v.in_call, false);
	assert_int_equal(g->v.state, VCPU_RUNNING);
	assert_int_equal(g->entries, entries);
}

static void a_call_is_answered_before_its_vcpu_goes_on(void **state)
{
	struct guest *g;

	(void)state;
	/* It is told to look, in vain, and then not. */
	g = call_and_wait();
	vcpu_request(&g->v, VCPU_REQ_ANSWER);
	machine_step(0);
	assert_int_equal(g->v.state, VCPU_WAITING);
	g->answerable = true;
	vcpu_request(&g->v, VCPU_REQ_ANSWER);
	machine_step(0);
	check_answered(g, 2);
	/* Who waits in no call has nothing to hear. */
	vcpu_request(&g->v, VCPU_REQ_ANSWER);
	machine_step(0);
	check_answered(g, 3);

	g = call_and_wait();
	interrupt(g);
	machine_step(0);
	check_answered(g, 2);

	/* While it is paused it is not answered; then it is, whatever the answer. */
	g = call_and_wait();
	vcpu_request(&g->v, VCPU_REQ_PAUSE);
	g->answerable = true;
	machine_step(0);
	vcpu_request(&g->v, VCPU_REQ_ANSWER);
	interrupt(g);
	machine_step(0);
	assert_int_equal(g->v.state, VCPU_PAUSED);
	assert_int_equal(g->answers, 0);
	vcpu_request(&g->v, VCPU_REQ_RESUME);
	machine_step(0);
	check_answered(g, 2);

	/* A new life knows nothing of a call. */
	g = call_and_wait();
	vcpu_request(&g->v, VCPU_REQ_STOP);
	machine_step(0);
	vcpu_reset(&g->v, 0x40000000, 0);
	vcpu_state_set(&g->v, VCPU_OFF);
	vcpu_state_set(&g->v, VCPU_READY);
	assert_int_equal(g->answers, 0);
}

static void each_vcpu_finds_its_registers(void **state)
{
	(void)state;
	make(3, 1);
	machine_guest = registers_guest;
	start_all();
	end_time = machine_now + 10000;
	machine_step(0);
	for (unsigned i = 0; i < 3; i++) {
		assert_true(guests[i].entries > 100);
		assert_true(guests[i].loads - guests[i].saves <= 1);
	}
	/* Another vCPU of the VM ran here before each. */
	assert_int_equal(machine_flushes, guests[0].loads + guests[1].loads + guests[2].loads);
	/* Reset takes it off the hardware and forgets all. */
	machine_switch(0);
	vcpu_reset(&guests[0].v, 0x1000, 7);
	assert_ptr_not_equal(machine[0].cpu.fp_owner, &guests[0].v);
	assert_int_equal(guests[0].v.el1.sctlr, 0x30d00800);
	assert_int_equal(guests[0].v.el1.ttbr1, 0);
	assert_int_equal(guests[0].v.fp.v[31][15], 0);
	assert_int_equal(guests[0].v.regs.pc, 0x1000);
	assert_int_equal(guests[0].v.regs.x[0], 7);
	assert_int_equal(guests[0].v.regs.x[1], 0);
}

/* The owner of the FP registers is reset beside another vCPU, whose FP accesses still trap. */
static void reset_leaves_no_fp_registers_to_others(void **state)
{
	struct vcpu *loaded, *other;

	(void)state;
	make(2, 1);
	machine_guest = registers_guest;
	start_all();
	end_time = machine_now + 100;
	machine_step(0);
	machine_switch(0);
	loaded = machine[0].cpu.current;
	other = table[1 - loaded->index];
	machine[0].cpu.fp_owner = other;
	write_cptr_el2(vcpu_cptr(&cpu_features, false));
	vcpu_reset(other, 0x1000, 0);
	assert_ptr_equal(machine[0].cpu.current, loaded);
	assert_null(machine[0].cpu.fp_owner);
	assert_int_equal(read_cptr_el2(), vcpu_cptr(&cpu_features, false));
}

/* ---- the virtual timer of who is off the CPU ---- */

static void far_timer_does_not_wake(void **state)
{
	struct vcpu *v = &guests[0].v;
	static const struct {
		uint64_t cval, deadline;
	} cases[] = {
		{ 1000, 1500 },
		{ UINT64_MAX - 500, UINT64_MAX },
		{ UINT64_MAX - 499, UINT64_MAX },
		{ UINT64_MAX, UINT64_MAX },
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		make(1, 1);
		start_all();
		machine_guest = registers_guest;
		end_time = machine_now;
		machine_step(0);
		machine_switch(0);
		write_cntv_cval_el0(cases[i].cval);
		write_cntv_ctl_el0(1);
		vcpu_put(v);
		assert_true(timer_running(&v->vtimer_wake));
		assert_int_equal(v->vtimer_wake.deadline, cases[i].deadline);
	}
}

/*
 * While others have the CPU below us, EL2's timer fires when the loaded vCPU's would: not if that is off, or has; but
 * if it does just now, and its interrupt is still pending.
 */
static void the_timer_is_covered(void **state)
{
	static const struct {
		uint64_t ctl, cval;
		bool pending, covered;
	} cases[] = {
		{ 1, 5000, false, true }, { 0, 5000, false, false },      { 3, 5000, false, false },
		{ 1, 100, false, false }, { 1, 100, true, true },         { 0, 100, true, false },
		{ 3, 100, true, false },  { 1, UINT64_MAX, false, true },
	};
	struct vcpu *v = &guests[0].v;

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		make(1, 1);
		start_all();
		machine_guest = registers_guest;
		end_time = machine_now;
		machine_step(0);
		machine_switch(0);
		write_cntv_cval_el0(cases[i].cval);
		write_cntv_ctl_el0(cases[i].ctl);
		machine[0].kicked = cases[i].pending;
		vcpu_cover_vtimer(v);
		assert_int_equal(timer_running(&v->vtimer_wake), cases[i].covered);
		if (cases[i].cval == 5000 && cases[i].covered) {
			assert_int_equal(host_sysreg[HOST_SYSREG_cnthp_cval_el2], 5000 + vm.cntvoff);
			assert_int_equal(host_sysreg[HOST_SYSREG_cnthp_ctl_el2], 1);
		}
		vcpu_uncover_vtimer(v);
		assert_false(timer_running(&v->vtimer_wake));
		assert_int_equal(v->state, VCPU_RUNNING);
	}
}

/* ---- turns ---- */

static void note_waits(void)
{
	for (unsigned i = 0; i < guest_count; i++) {
		struct guest *g = &guests[i];

		if (g->v.state == VCPU_READY && g->ready_since == UINT64_MAX) {
			g->ready_since = machine_now;
		} else if (g->v.state != VCPU_READY && g->ready_since != UINT64_MAX) {
			g->longest_wait = MAX(g->longest_wait, machine_now - g->ready_since);
			g->ready_since = UINT64_MAX;
		}
	}
}

/* Computes until its burst is over; now and then an interrupt for somebody who waits. */
static void busy_guest(struct vcpu *v)
{
	struct guest *g = guest_of(v);
	uint64_t step = 1 + random_below(SLICE / 20);

	assert_ptr_equal(v->cpu->current, v);
	assert_int_equal(v->state, VCPU_RUNNING);
	g->entries++;
	g->pending = false;
	note_waits();
	step = MIN(step, g->burst);
	machine_now += step;
	g->ran += step;
	if (machine_now >= end_time) {
		machine_leave();
	}
	if (g->burst != UINT64_MAX) {
		g->burst -= step;
		if (g->burst == 0) {
			g->burst = 1 + random_below(SLICE / 2);
			machine_wfi(v);
		}
	}
	if (random_below(8) == 0) {
		struct guest *other = &guests[random_below(guest_count)];

		if (other->v.state == VCPU_WAITING) {
			interrupt(other);
			/* A trapped access to a device did it. */
			v->exit = v->exit == VCPU_EXIT_TRAP ? v->exit : VCPU_EXIT_SERVED;
		}
	}
}

static void run_for(uint64_t time)
{
	end_time = machine_now + time;
	while (machine_now < end_time) {
		machine_step(0);
		machine_now += 1; /* idle: till the next interrupt of busy_guest there is none */
	}
	machine_switch(0);
}

static void spinning_vcpus_share_alike(void **state)
{
	(void)state;
	random_start("run");
	for (unsigned n = 1; n <= VCPUS; n++) {
		uint64_t since;

		make(n, 1);
		machine_guest = busy_guest;
		start_all();
		since = machine_now;
		run_for(SLICE * 300);
		for (unsigned i = 0; i < n; i++) {
			uint64_t share = (machine_now - since) / n;

			assert_in_range(guests[i].ran, share - 2 * SLICE, share + 2 * SLICE);
			assert_true(guests[i].longest_wait <= (n - 1) * (SLICE + SLICE / 10));
		}
		/* One alone has no slice to end, and is not interrupted. */
		if (n == 1) {
			assert_int_equal(machine[0].cpu.deadline, UINT64_MAX);
			assert_int_equal(guests[0].loads, 1);
		}
	}
}

static void who_wakes_goes_first_but_pays(void **state)
{
	uint64_t since;

	(void)state;
	random_start("run");
	for (unsigned sleepers = 1; sleepers < VCPUS; sleepers++) {
		make(VCPUS, 1);
		machine_guest = busy_guest;
		for (unsigned i = 0; i < sleepers; i++) {
			guests[i].burst = SLICE / 3;
		}
		start_all();
		since = machine_now;
		run_for(SLICE * 2000);
		for (unsigned i = 0; i < VCPUS; i++) {
			uint64_t share = (machine_now - since) / VCPUS;

			/* Nobody starves, and who waits often gets no more than his share. */
			assert_true(guests[i].ran > SLICE);
			assert_true(i < sleepers ? guests[i].ran <= share + 2 * SLICE
						 : guests[i].ran + 2 * SLICE >= share);
			/* Each of the others may end a turn and have a new one before. */
			assert_true(guests[i].longest_wait <= 2 * (VCPUS - 1) * (SLICE + SLICE / 10));
		}
	}
}

/* Guests are of the VMs that the list says. */
static void make_vms(unsigned count, const unsigned *of, const uint16_t *weights, const uint16_t *caps)
{
	make(count, 1);
	for (unsigned i = 0; i < count; i++) {
		vms[i] = vm;
		vms[i].shares = shares[i];
		vms[i].weight = weights[i];
		vms[i].cap = caps[i];
		guests[i].v.vm = &vms[of[i]];
	}
	machine_guest = busy_guest;
}

static void vms_share_by_weight(void **state)
{
	static const unsigned of[VCPUS] = { 0, 1, 1, 1, 2, 2 };
	static const uint16_t weights[VCPUS] = { 100, 100, 300 }, caps[VCPUS] = { 0 };
	uint64_t part;

	(void)state;
	random_start("run");
	make_vms(VCPUS, of, weights, caps);
	start_all();
	run_for(SLICE * 1000);
	part = SLICE * 1000 / 5;
	assert_in_range(guests[0].ran, part * 94 / 100, part * 106 / 100);
	assert_in_range(guests[1].ran + guests[2].ran + guests[3].ran, part * 94 / 100, part * 106 / 100);
	assert_in_range(guests[4].ran + guests[5].ran, part * 3 * 94 / 100, part * 3 * 106 / 100);
}

static void caps_hold(void **state)
{
	static const unsigned of[] = { 0, 1, 1 };
	static const uint16_t weights[] = { 100, 100, 100 }, caps[] = { 30, 0, 0 };

	(void)state;
	random_start("run");
	/* Alone, and beside others who take what it leaves. */
	for (unsigned n = 1; n <= 3; n++) {
		uint64_t total = SLICE * 1000;

		make_vms(n, of, weights, caps);
		start_all();
		run_for(total);
		assert_in_range(guests[0].ran, total * 28 / 100, total * 32 / 100);
		if (n > 1) {
			uint64_t others = guests[1].ran + guests[2].ran;

			assert_in_range(others, total * 68 / 100, total * 72 / 100);
		}
	}
}

/* One that spins, one that sleeps: what wakes it is answered at once, as long as it has a turn to go on with. */
static uint64_t woken_at;

static void latency_guest(struct vcpu *v)
{
	struct guest *g = guest_of(v);

	g->entries++;
	if (v->index == 0) {
		if (woken_at != 0) {
			assert_int_equal(machine_now, woken_at);
			woken_at = 0;
		}
		g->pending = false;
		machine_now += 50;
		machine_wfi(v);
		return;
	}
	machine_now += 1000;
	if (machine_now >= end_time) {
		machine_leave();
	}
	assert_int_equal(woken_at, 0);
	if (guests[0].v.state == VCPU_WAITING && guests[0].v.turn_left != 0) {
		woken_at = machine_now;
		interrupt(&guests[0]);
		/* A device's register was written: the exit is served, and the loop sees who woke. */
		v->exit = VCPU_EXIT_SERVED;
	}
}

static void an_interrupt_is_answered_at_once(void **state)
{
	(void)state;
	make(2, 1);
	woken_at = 0;
	machine_guest = latency_guest;
	start_all();
	end_time = machine_now + 100 * SLICE;
	machine_step(0);
	assert_true(guests[0].entries > 50);
}

static void wfi_with_something_pending_does_not_wait(void **state)
{
	(void)state;
	make(2, 1);
	guests[0].v.state = VCPU_RUNNING;
	guests[0].pending = true;
	assert_int_equal(role_wait(&guests[0].v, true), TRAP_RESUME);
	assert_int_equal(guests[0].v.state, VCPU_RUNNING);
	guests[0].pending = false;
	assert_int_equal(role_wait(&guests[0].v, true), TRAP_LEAVE);
	assert_int_equal(guests[0].v.state, VCPU_WAITING);
}

/* A vCPU that waits wakes by its virtual timer though it is not loaded. */
/* Who changes the interrupts of a vCPU that is not loaded and does not wake up leaves its CPU alone. */
static void only_who_runs_or_wakes_up_is_kicked(void **state)
{
	struct guest *busy, *other;

	(void)state;
	make(3, 2);
	/* Guests 0 and 2 are on CPU 0, this is CPU 1. */
	machine_guest = leave_at_once;
	for (unsigned i = 0; i < 3; i++) {
		vcpu_request(&guests[i].v, VCPU_REQ_START);
	}
	machine_step(0);
	busy = guests[0].v.state == VCPU_RUNNING ? &guests[0] : &guests[2];
	other = busy == &guests[0] ? &guests[2] : &guests[0];
	assert_int_equal(busy->v.state, VCPU_RUNNING);
	assert_int_equal(other->v.state, VCPU_READY);
	machine_switch(1);
	for (unsigned waits = 0; waits < 2; waits++) {
		unsigned before = machine[0].kicks;

		/* READY: it looks when it is loaded. WAITING: for another interrupt. */
		atomic_store(&other->v.state, waits ? VCPU_WAITING : VCPU_READY);
		atomic_store_release(&other->v.vgic.dirty, 1);
		vgic_port_kick(&other->v);
		assert_int_equal(machine[0].kicks, before);
		assert_int_equal(machine[0].cpu.attention, 0);
	}
	interrupt(other);
	assert_int_equal(machine[0].kicks, 1);
	assert_int_equal(atomic_swap(&machine[0].cpu.attention, 0), other->v.attention);
	/* Loaded, even if it waits: its list registers are there. */
	atomic_store(&busy->v.state, VCPU_WAITING);
	atomic_store_release(&busy->v.vgic.dirty, 1);
	vgic_port_kick(&busy->v);
	assert_int_equal(machine[0].kicks, 2);
	assert_int_equal(machine[0].cpu.attention, busy->v.attention);
}

/* An interrupt for the one vCPU of a CPU is no reason to leave it; whatever else is asked stays asked. */
static void a_quick_exit_leaves_requests_to_the_loop(void **state)
{
	struct vcpu *v = &guests[0].v;
	struct cpu *cpu;

	(void)state;
	make(1, 1);
	machine_guest = leave_at_once;
	vcpu_request(v, VCPU_REQ_START);
	machine_step(0);
	cpu = v->cpu;
	assert_int_equal(v->state, VCPU_RUNNING);
	atomic_store(&cpu->attention, v->attention);
	atomic_store_release(&v->vgic.dirty, 1);
	assert_true(vcpu_quick_end(v, TRAP_RESUME));
	assert_int_equal(cpu->attention, 0);
	assert_int_equal(v->vgic.dirty, 0);

	vcpu_request(v, VCPU_REQ_DUMP);
	assert_false(vcpu_quick_end(v, TRAP_RESUME));
	assert_int_equal(cpu->attention, v->attention);
	assert_int_equal(atomic_swap(&v->requests, 0), VCPU_REQ_DUMP);

	atomic_store(&cpu->attention, v->attention | CPU_ATTENTION_WORK);
	assert_false(vcpu_quick_end(v, TRAP_RESUME));
	assert_int_equal(cpu->attention, v->attention | CPU_ATTENTION_WORK);

	/* With two of them here the loop finds out for whom it is. */
	atomic_store(&cpu->attention, v->attention);
	cpu->vcpu_count = 2;
	assert_false(vcpu_quick_end(v, TRAP_RESUME));
	assert_int_equal(cpu->attention, v->attention);
}

static void timer_guest(struct vcpu *v)
{
	struct guest *g = guest_of(v);

	g->entries++;
	if (v->index == 1 || g->entries == 2) {
		machine_now += 100;
		if (machine_now >= end_time) {
			machine_leave();
		}
		if (g->entries == 2 && v->index == 0) {
			assert_in_range(machine_now - vm.cntvoff, 5000, 5300);
			machine_leave();
		}
		return;
	}
	write_cntv_cval_el0(5000);
	write_cntv_ctl_el0(1);
	machine_wfi(v);
}

static void the_virtual_timer_wakes(void **state)
{
	(void)state;
	make(2, 1);
	machine_guest = timer_guest;
	start_all();
	end_time = machine_now + SLICE;
	machine_step(0);
	assert_int_equal(guests[0].entries, 2);
	assert_int_equal(read_cntv_ctl_el0(), 1);
}

static void every_tick_is_booked(void **state)
{
	const struct cpu *cpu = &machine[0].cpu;
	uint64_t since;
	uint64_t ran = 0;

	(void)state;
	random_start("run");
	make(VCPUS, 1);
	machine_guest = busy_guest;
	for (unsigned i = 0; i < VCPUS; i++) {
		guests[i].burst = SLICE;
	}
	since = machine_now;
	start_all();
	run_for(SLICE * 100);
	cpu_account(&machine[0].cpu, CPU_TIME_HYP);
	assert_int_equal(cpu->time[CPU_TIME_GUEST] + cpu->time[CPU_TIME_HYP] + cpu->time[CPU_TIME_IDLE],
			 machine_now - since);
	for (unsigned i = 0; i < VCPUS; i++) {
		ran += guests[i].ran;
	}
	/* Time passes in guests only, and one tick at a time while there is nothing to do. */
	assert_int_equal(cpu->time[CPU_TIME_GUEST], ran);
	assert_int_equal(cpu->time[CPU_TIME_HYP], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_edges_that_there_are),
		cmocka_unit_test(random_edges_keep_the_queue),
		cmocka_unit_test(requests_are_served_before_the_guest_runs),
		cmocka_unit_test(a_call_is_answered_before_its_vcpu_goes_on),
		cmocka_unit_test(each_vcpu_finds_its_registers),
		cmocka_unit_test(reset_leaves_no_fp_registers_to_others),
		cmocka_unit_test(far_timer_does_not_wake),
		cmocka_unit_test(the_timer_is_covered),
		cmocka_unit_test(spinning_vcpus_share_alike),
		cmocka_unit_test(who_wakes_goes_first_but_pays),
		cmocka_unit_test(vms_share_by_weight),
		cmocka_unit_test(caps_hold),
		cmocka_unit_test(an_interrupt_is_answered_at_once),
		cmocka_unit_test(wfi_with_something_pending_does_not_wait),
		cmocka_unit_test(only_who_runs_or_wakes_up_is_kicked),
		cmocka_unit_test(a_quick_exit_leaves_requests_to_the_loop),
		cmocka_unit_test(the_virtual_timer_wakes),
		cmocka_unit_test(every_tick_is_booked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
