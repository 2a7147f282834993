/* SPDX-License-Identifier: MIT */
/*
 * The life of VMs (role/hyp/life.c): a model beside the real thing, driven by what a person at the prompt, guests on
 * several CPUs and time do in any order. Every phase that should end ends; every command answers as the table here
 * says; RAM and disks hold what they should whenever a life begins; and what the pool gets back is scrubbed.
 */
#include "vm_world.h"

#include "role/hyp/dev/virtio_blk.h"

#define VMS 2
#define VCPUS 3
#define CPUS 3
#define DTB_SIZE IMAGE_FDT_SIZE
#define KERNEL_OFFSET DTB_SIZE
#define KERNEL_SIZE 256
#define ENTRY (GUEST_RAM_BASE + KERNEL_OFFSET)
#define MEMORY_SIZE MIB(4)
#define DISK_SIZE 5000
#define MARKS 4
#define ROUNDS_TO_END 2000 /* far more than anything takes */

/* ---- the model ---- */

/* What should become of a VM. */
enum fate {
	DOWN,
	WAITING,
	UP,
	PAUSED,
	ENDING,
	GOING,
	GONE,
};

/* What a vCPU should be, by what PSCI has answered. */
struct model_cpu {
	bool on;      /* started, or asked to */
	bool entered; /* since then */
	uint64_t entry, context;
	bool asked; /* a CPU_ON whose answer is in x0 at the next entry */
	bool wins;  /* that it found the CPU off */
};

struct model {
	struct hyp_vm *vm;
	struct vm_config config;
	enum fate fate;
	enum vm_after after; /* of ENDING */
	struct model_cpu cpus[VCPUS];
	bool fresh;          /* a life has begun and nobody has looked at its memory yet */
	bool scrubbed;       /* that memory is all zero, but for the images */
	bool virgin;         /* it is as the pool gave it */
	uint64_t marks[MARKS]; /* where the guest has written */
	bool marked[MARKS];
	bool disk_written;
	unsigned restarts;
	uint64_t due, paused_at, began;
	unsigned lives, ends[4], pauses, destroyed;
};

static struct model models[VMS];
static struct archive archive;
static struct bundle bundle;
static unsigned expected_offs;

static struct model *model_of(struct vm *vm)
{
	return &models[hyp_vm(vm)->config->index];
}

static uint32_t phase_of(const struct model *m)
{
	return m->vm->life.phase;
}

static bool is_in(const struct model *m, uint32_t phases)
{
	return (BIT(phase_of(m)) & phases) != 0;
}

#define IN_LIFE (BIT(VM_STARTING) | BIT(VM_RUNNING))
#define ENDABLE (BIT(VM_RUNNING) | BIT(VM_PAUSING) | BIT(VM_PAUSED))

static void model_begin(struct model *m, bool scrubbed)
{
	/* Nobody has written to the memory of a life that nobody has seen. */
	m->scrubbed = scrubbed || (m->fresh && m->scrubbed);
	m->fate = UP;
	m->fresh = true;
	memset(m->cpus, 0, sizeof(m->cpus));
	m->cpus[0] = (struct model_cpu){ .on = true, .entry = ENTRY, .context = m->vm->plan.dtb };
}

/* The first wish holds. */
static void model_end(struct model *m, enum vm_after after)
{
	if (m->fate != ENDING) {
		m->fate = ENDING;
		m->after = after;
		m->ends[after]++;
	}
}

static void model_apply(struct model *m, enum vm_policy policy)
{
	uint64_t delay;

	switch (policy) {
	case VM_POLICY_STOP:
		m->fate = DOWN;
		break;
	case VM_POLICY_DESTROY:
		m->fate = GOING;
		break;
	case VM_POLICY_RESTART:
		if (machine_now - m->began >= 60 * HZ) {
			m->restarts = 0;
		}
		delay = HZ << MIN(m->restarts, 6u);
		m->restarts++;
		m->fate = WAITING;
		m->due = m->vm->life.restart_at;
		assert_in_range(m->due, machine_now + delay - HZ / 100, machine_now + delay);
		break;
	}
}

/* Takes note of what went on by itself, and checks that it may have. */
static void observe(struct model *m)
{
	if (m->fate == ENDING && phase_of(m) != VM_STOPPING) {
		switch (m->after) {
		case VM_AFTER_STOP:
			m->fate = DOWN;
			break;
		case VM_AFTER_RESET:
			model_begin(m, false);
			break;
		case VM_AFTER_OFF:
			model_apply(m, m->config.on_power_off);
			break;
		case VM_AFTER_CRASH:
			model_apply(m, m->config.on_crash);
			break;
		}
	}
	if (m->fate == WAITING && phase_of(m) != VM_WAITING) {
		assert_true(machine_now >= m->due);
		model_begin(m, true);
	}
	switch (m->fate) {
	case DOWN:
		assert_int_equal(phase_of(m), VM_DOWN);
		break;
	case WAITING:
		break;
	case UP:
		assert_true(is_in(m, IN_LIFE));
		break;
	case PAUSED:
		assert_true(is_in(m, BIT(VM_PAUSING) | BIT(VM_PAUSED)));
		break;
	case ENDING:
		break;
	case GOING:
	case GONE:
		assert_true(is_in(m, BIT(VM_SCRUBBING) | BIT(VM_GONE)));
		m->fate = phase_of(m) == VM_GONE ? GONE : GOING;
		break;
	}
	if (phase_of(m) == VM_PAUSED && m->paused_at == 0) {
		m->paused_at = m->vm->life.paused;
	}
}

/* ---- what the memory holds ---- */

static uint8_t *ram(const struct model *m, uint64_t offset)
{
	return pa_ptr(pa(m->vm->ram.v + offset));
}

static bool is_filled(const uint8_t *at, uint64_t size, uint8_t with)
{
	return at[0] == with && memcmp(at, at + 1, size - 1) == 0;
}

static void check_memory(struct model *m)
{
	const uint8_t *disk = pa_ptr(m->vm->disks[0].memory);
	uint64_t rest = KERNEL_OFFSET + KERNEL_SIZE;

	m->lives++;
	m->began = m->vm->life.started;
	assert_true(is_filled(ram(m, KERNEL_OFFSET), KERNEL_SIZE, 0x11));
	if (m->virgin) {
		assert_true(is_filled(ram(m, rest), MEMORY_SIZE - rest, 0x5a));
	} else if (m->scrubbed) {
		assert_true(is_filled(ram(m, rest), MEMORY_SIZE - rest, 0));
		memset(m->marked, 0, sizeof(m->marked));
	}
	for (unsigned i = 0; i < MARKS; i++) {
		assert_true(!m->marked[i] || *ram(m, m->marks[i]) == 0xee);
	}
	assert_int_equal(disk[0], m->disk_written ? 0xdd : 0x77);
	assert_true(is_filled(disk + 1, DISK_SIZE - 1, 0x77));
	assert_true(is_filled(disk + DISK_SIZE, 2 * PAGE_SIZE - DISK_SIZE, 0));
	m->fresh = m->virgin = false;
}

static void write_memory(struct model *m)
{
	unsigned i = (unsigned)random_below(MARKS);

	if (!m->marked[i]) {
		m->marks[i] = KERNEL_OFFSET + KERNEL_SIZE + random_below(MEMORY_SIZE - KERNEL_OFFSET - KERNEL_SIZE);
		*ram(m, m->marks[i]) = 0xee;
		m->marked[i] = true;
	}
	if (random_below(8) == 0) {
		*(uint8_t *)pa_ptr(m->vm->disks[0].memory) = 0xdd;
		m->disk_written = true;
	}
}

/* ---- guests ---- */

static void hvc(struct vcpu *v, uint32_t function, uint64_t x1, uint64_t x2, uint64_t x3)
{
	v->regs.x[0] = function;
	v->regs.x[1] = x1;
	v->regs.x[2] = x2;
	v->regs.x[3] = x3;
	machine_trap(v, EC_HVC64, 0);
}

static void take_answer(struct vcpu *v, struct model_cpu *c)
{
	int32_t answer = (int32_t)v->regs.x[0];

	if (c->asked) {
		c->asked = false;
		assert_int_equal(answer == PSCI_SUCCESS, c->wins);
		assert_true(c->wins || answer == PSCI_ALREADY_ON || answer == PSCI_ON_PENDING);
	}
}

static void call_cpu_on(struct vcpu *v)
{
	struct model *m = model_of(v->vm);
	struct model_cpu *c = &m->cpus[v->index];
	unsigned n = (unsigned)random_below(v->vm->vcpu_count);
	struct vcpu *target = v->vm->vcpus[n];
	bool off = atomic_load(&target->power) == PSCI_AFFINITY_OFF;

	c->asked = true;
	c->wins = off;
	assert_int_equal(off, !m->cpus[n].on);
	if (off) {
		m->cpus[n] = (struct model_cpu){ .on = true,
						 .entry = ENTRY + 4 * random_below(64),
						 .context = random_below(1000) };
	}
	hvc(v, PSCI_CPU_ON_64, target->mpidr & ~BIT(31), off ? m->cpus[n].entry : ENTRY, off ? m->cpus[n].context : 1);
}

static void act(struct vcpu *v)
{
	struct model *m = model_of(v->vm);

	switch (random_below(40)) {
	case 0:
		model_end(m, VM_AFTER_RESET);
		hvc(v, PSCI_SYSTEM_RESET, 0, 0, 0);
		break;
	case 1:
		model_end(m, VM_AFTER_OFF);
		hvc(v, PSCI_SYSTEM_OFF, 0, 0, 0);
		break;
	case 2:
		model_end(m, VM_AFTER_CRASH);
		assert_int_equal(role_crash(v, "a test"), TRAP_LEAVE);
		v->exit = VCPU_EXIT_SERVED;
		break;
	case 3:
	case 4:
	case 5:
		memset(&m->cpus[v->index], 0, sizeof(struct model_cpu));
		hvc(v, PSCI_CPU_OFF, 0, 0, 0);
		break;
	case 6:
	case 7:
		machine_wfi(v);
		break;
	case 8:
	case 9:
	case 10:
	case 11:
	case 12:
	case 13:
		call_cpu_on(v);
		break;
	default:
		machine_leave();
	}
}

static void guest(struct vcpu *v)
{
	struct model *m = model_of(v->vm);
	struct model_cpu *c = &m->cpus[v->index];

	observe(m);
	assert_int_equal(phase_of(m), VM_RUNNING);
	assert_int_equal(m->fate, UP);
	assert_true(c->on);
	assert_int_equal(v->power, PSCI_AFFINITY_ON);
	assert_int_equal(read_cntvoff_el2(), v->vm->cntvoff);
	if (!c->entered) {
		assert_int_equal(v->regs.pc, c->entry);
		assert_int_equal(v->regs.x[0], c->context);
		c->entered = true;
	}
	if (m->fresh) {
		check_memory(m);
	}
	take_answer(v, c);
	write_memory(m);
	machine_now += 10;
	act(v);
}

/* ---- the prompt ---- */

static const struct {
	const char *(*ask)(struct hyp_vm *vm);
	uint32_t phases; /* in which it can be done */
} commands[] = {
	{ vm_start, BIT(VM_DOWN) | BIT(VM_WAITING) | BIT(VM_GONE) },
	{ vm_stop, ENDABLE | BIT(VM_STARTING) | BIT(VM_WAITING) },
	{ vm_reset, ENDABLE },
	{ vm_pause, BIT(VM_RUNNING) },
	{ vm_resume, BIT(VM_PAUSED) },
	{ vm_destroy, BIT(VM_DOWN) | BIT(VM_WAITING) },
};

static void model_start(struct model *m, uint32_t before)
{
	m->virgin = m->lives == 0 && before == VM_DOWN && !m->vm->life.scrub;
	if (before == VM_GONE) {
		memset(m->marked, 0, sizeof(m->marked));
		m->disk_written = false;
	}
	model_begin(m, true);
}

static void model_command(struct model *m, unsigned command, uint32_t before)
{
	switch (command) {
	case 0:
		model_start(m, before);
		break;
	case 1:
		if (before == VM_WAITING) {
			m->fate = DOWN;
		} else {
			model_end(m, VM_AFTER_STOP);
		}
		break;
	case 2:
		model_end(m, VM_AFTER_RESET);
		break;
	case 3:
		m->fate = PAUSED;
		m->paused_at = 0;
		m->pauses++;
		break;
	case 4:
		m->fate = UP;
		break;
	case 5:
		m->fate = GOING;
		m->destroyed++;
		break;
	}
}

static void give_command(struct model *m, unsigned command)
{
	uint32_t before = phase_of(m);
	bool possible = (BIT(before) & commands[command].phases) != 0;
	uint64_t virtual_time = m->paused_at - m->vm->vm.cntvoff;
	const char *why;

	observe(m);
	why = commands[command].ask(m->vm);
	assert_int_equal(why == NULL, possible);
	if (!possible) {
		assert_memory_equal(why, "it is ", 6);
		assert_int_equal(phase_of(m), before);
		return;
	}
	if (command == 4) {
		assert_int_equal(machine_now - m->vm->vm.cntvoff, virtual_time);
	}
	model_command(m, command, before);
	observe(m);
}

/* ---- what always holds ---- */

static void check_vcpus(const struct model *m)
{
	bool runs = is_in(m, ENDABLE | BIT(VM_STOPPING));

	for (unsigned i = 0; i < m->vm->vm.vcpu_count; i++) {
		const struct vcpu *v = m->vm->vm.vcpus[i];
		bool rests = v->state == VCPU_STOPPED || v->state == VCPU_OFF;

		assert_true(runs || rests);
		if (!runs || v->state == VCPU_STOPPED || v->state == VCPU_PAUSED) {
			assert_ptr_not_equal(v->cpu->current, v);
		}
		if (phase_of(m) == VM_PAUSED) {
			assert_true(rests || v->state == VCPU_PAUSED);
			assert_false(timer_running(&v->vtimer_wake));
		}
		if (phase_of(m) == VM_RUNNING && !m->cpus[i].on) {
			assert_true(rests);
		}
	}
}

static void check(struct model *m)
{
	observe(m);
	check_vcpus(m);
	assert_int_equal(m->vm->ram.v == 0, phase_of(m) == VM_GONE);
	assert_int_equal(m->vm->vm.mem.count, phase_of(m) == VM_GONE ? 0 : 1);
	assert_int_equal(m->vm->disks[0].pages, phase_of(m) == VM_GONE ? 0 : 2);
	assert_ptr_equal(vm_phase_name(phase_of(m))[0] == '?' ? NULL : m, m);
}

static bool is_moving(const struct model *m)
{
	return is_in(m, BIT(VM_STARTING) | BIT(VM_PAUSING) | BIT(VM_STOPPING) | BIT(VM_SCRUBBING)) ||
	       (phase_of(m) == VM_WAITING && machine_now >= m->vm->life.restart_at + HZ);
}

/* All that moves comes to rest. */
static void settle(void)
{
	for (unsigned round = 0; is_moving(&models[0]) || is_moving(&models[1]); round++) {
		assert_true(round < ROUNDS_TO_END);
		machine_step(round % CPUS);
		check(&models[0]);
		check(&models[1]);
	}
}

/* ---- the tests ---- */

/* Between the slices of a job the other CPUs, and the prompt, have their turn. */
static void leave_sometimes(void)
{
	if (random_below(2) == 0) {
		machine_leave();
	}
}

static void make_vm(unsigned i)
{
	static const char *const names[VMS] = { "a", "b" };
	struct model *m = &models[i];

	*m = (struct model){ .config = { .name = names[i],
					 .index = i,
					 .vcpu_count = VCPUS - i,
					 .memory_size = MEMORY_SIZE,
					 .kernel = "kernel",
					 .raw = true,
					 .load_offset = KERNEL_OFFSET,
					 .weight = 100,
					 .device_count = 2,
					 .devices = { { .kind = VM_DEVICE_BLK, .name = "disk", .file = "disk" },
						      { .kind = VM_DEVICE_NET, .name = "lan", .mac = { 2 } } } } };
	for (unsigned n = 0; n < m->config.vcpu_count; n++) {
		m->config.affinity[n] = (uint16_t)((n + i) % CPUS);
	}
	m->vm = vm_create(&m->config, &bundle);
	assert_non_null(m->vm);
	vm_attach(m->vm);
}

static int setup(void **state)
{
	static uint8_t kernel[KERNEL_SIZE], disk[DISK_SIZE];

	(void)state;
	machine_reset(CPUS);
	memset(&cpu_features, 0, sizeof(cpu_features));
	cpu_features.raw[IDREG_INDEX(id_aa64mmfr0_el1)] = 2; /* PARange: 40 bits */
	host_log_hook = note_message;
	messages_seen = resets_said = offs = allocations = held = expected_offs = 0;
	fail_at = UINT32_MAX;
	list_init(&vms);
	memset(kernel, 0x11, sizeof(kernel));
	memset(disk, 0x77, sizeof(disk));
	archive.size = 0;
	archive_add(&archive, "kernel", kernel, sizeof(kernel));
	archive_add(&archive, "disk", disk, sizeof(disk));
	archive_end(&archive);
	bundle.archive = span_of(archive.data, archive.size);
	for (unsigned i = 0; i < VMS; i++) {
		make_vm(i);
	}
	machine_guest = guest;
	world_serve = leave_sometimes;
	return 0;
}

/* Brings both to GONE, where all is scrubbed, and frees what is left by the parts. */
static int teardown(void **state)
{
	(void)state;
	for (unsigned i = 0; i < VMS; i++) {
		settle();
		if (is_in(&models[i], commands[1].phases)) {
			give_command(&models[i], 1);
			settle();
		}
		if (phase_of(&models[i]) != VM_GONE) {
			give_command(&models[i], 5);
			settle();
		}
	}
	for (unsigned i = 0; i < VMS; i++) {
		struct hyp_vm *vm = models[i].vm;

		for (unsigned n = 0; n < vm->vm.vcpu_count; n++) {
			pool_free_object(vm->vm.vcpus[n], sizeof(struct vcpu));
		}
		pool_free_object(vm->vm.vcpus, vm->vm.vcpu_count * sizeof(struct vcpu *));
		pool_free_object(vm->vm.shares, CPUS * sizeof(struct cpu_share));
		devices_destroy(vm);
		vgic_destroy(&vm->vm.vgic);
		bus_destroy(&vm->vm.bus);
		vm_text_free(&vm->output.text);
	}
	for (unsigned i = 0; i < VMS; i++) {
		pool_free_object(models[i].vm, sizeof(struct hyp_vm));
	}
	assert_int_equal(held, 0);
	return 0;
}

/* WFI of a vCPU that nothing wakes would end the story. */
static void wake_one(struct model *m)
{
	struct vcpu *v = m->vm->vm.vcpus[random_below(m->vm->vm.vcpu_count)];

	if (v->state == VCPU_WAITING) {
		machine_switch(v->cpu->index);
		vcpu_state_set(v, VCPU_READY);
	}
}

static void one_step(void)
{
	struct model *m = &models[random_below(VMS)];
	unsigned cpu = (unsigned)random_below(CPUS);

	machine_switch(cpu);
	if (random_below(12) == 0) {
		give_command(m, (unsigned)random_below(ARRAY_SIZE(commands)));
	} else if (is_in(m, BIT(VM_DOWN) | BIT(VM_GONE)) && random_below(4) == 0) {
		give_command(m, 0);
	} else {
		wake_one(m);
	}
	if (random_below(20) == 0) {
		machine_now += random_below(HZ);
	} else if (random_below(500) == 0) {
		machine_now += 100 * HZ;
	}
	machine_step(cpu);
	for (unsigned i = 0; i < VMS; i++) {
		check(&models[i]);
	}
}

static void random_lives(void **state)
{
	static const enum vm_policy policies[] = { VM_POLICY_STOP, VM_POLICY_RESTART, VM_POLICY_DESTROY };

	(void)state;
	random_start("lives");
	for (unsigned step = 0; step < 60000; step++) {
		one_step();
		if (step % 1000 == 0) {
			settle();
			models[step / 1000 % VMS].config.on_power_off = policies[random_below(3)];
			models[step / 1000 % VMS].config.on_crash = policies[random_below(3)];
		}
	}
	settle();
	for (unsigned i = 0; i < VMS; i++) {
		const struct model *m = &models[i];

		assert_true(m->lives > 200 && m->pauses > 50 && m->destroyed > 20);
		for (unsigned after = 0; after < ARRAY_SIZE(m->ends); after++) {
			assert_true(m->ends[after] > 10);
		}
	}
	/* A guest that resets on and on does not flood the log. */
	assert_true(resets_said < (models[0].ends[VM_AFTER_RESET] + models[1].ends[VM_AFTER_RESET]));
}

/* Steps until the VM is in that phase. */
static void run_to(struct model *m, enum vm_phase phase)
{
	for (unsigned round = 0; phase_of(m) != phase; round++) {
		assert_true(round < ROUNDS_TO_END);
		machine_step(round % CPUS);
		observe(m);
	}
}

static void leave_at_once(struct vcpu *v)
{
	(void)v;
	machine_leave();
}

static void crash_at_once(struct vcpu *v)
{
	model_of(v->vm)->began = v->vm->cntvoff;
	model_end(model_of(v->vm), VM_AFTER_CRASH);
	role_crash(v, "a test");
	v->exit = VCPU_EXIT_SERVED;
}

/* Each wait is twice the one before, until it has run for a minute; stopping ends the wait. */
static void restarts_wait_longer_each_time(void **state)
{
	struct model *m = &models[0];
	uint64_t delay = HZ;

	(void)state;
	m->config.on_crash = VM_POLICY_RESTART;
	machine_guest = crash_at_once;
	give_command(m, 0);
	for (unsigned i = 0; i < 9; i++) {
		run_to(m, VM_WAITING);
		assert_int_equal(m->vm->life.restart_at, machine_now + delay);
		machine_now += delay - 1;
		machine_step(0);
		assert_int_equal(phase_of(m), VM_WAITING);
		if (i == 8) {
			machine_guest = leave_at_once;
		}
		machine_now += 1;
		run_to(m, i == 8 ? VM_RUNNING : VM_STOPPING);
		delay = MIN(2 * delay, 64 * HZ);
	}
	machine_now += 60 * HZ;
	machine_guest = crash_at_once;
	run_to(m, VM_WAITING);
	assert_int_equal(m->vm->life.restart_at, machine_now + HZ);
	give_command(m, 1);
	machine_now += 2 * HZ;
	settle();
	assert_int_equal(phase_of(m), VM_DOWN);
	/* A new wait does not end with the timer of the old one. */
	give_command(m, 0);
	run_to(m, VM_WAITING);
	give_command(m, 0);
	machine_now += HZ / 2;
	run_to(m, VM_WAITING);
	assert_int_equal(m->vm->life.restart_at, machine_now + 4 * HZ);
	machine_now += 4 * HZ - 1;
	machine_step(0);
	assert_int_equal(phase_of(m), VM_WAITING);
}

static void off_at_once(struct vcpu *v)
{
	model_end(model_of(v->vm), VM_AFTER_OFF);
	hvc(v, PSCI_SYSTEM_OFF, 0, 0, 0);
}

/* The machine goes off when the last VM has powered itself off, and not if one was stopped, crashed or never ran. */
static void the_last_one_puts_the_lights_out(void **state)
{
	static void (*const ways[])(struct vcpu *v) = { off_at_once, crash_at_once };

	(void)state;
	for (unsigned first = 0; first < 3; first++) {
		offs = 0;
		if (first < 2) {
			machine_guest = ways[first];
			give_command(&models[0], 0);
			settle();
			run_to(&models[0], VM_DOWN);
		}
		assert_int_equal(offs, 0);
		machine_guest = off_at_once;
		give_command(&models[1], 0);
		settle();
		run_to(&models[1], VM_DOWN);
		assert_int_equal(offs, first == 0);
		if (first == 1) {
			/* Stopped by hand. */
			machine_guest = leave_at_once;
			give_command(&models[0], 0);
			settle();
			give_command(&models[0], 1);
			settle();
			models[1].vm->life.after = VM_AFTER_OFF;
		}
	}
}

/* Without memory a destroyed VM stays destroyed; nothing is left behind, and it starts when there is some. */
static void no_memory_to_start(void **state)
{
	struct model *m = &models[1];
	unsigned before, needed;

	(void)state;
	give_command(m, 5);
	settle();
	before = held;
	allocations = 0;
	machine_guest = leave_at_once;
	give_command(m, 0);
	needed = allocations;
	assert_true(needed >= 3);
	run_to(m, VM_RUNNING);
	give_command(m, 1);
	settle();
	give_command(m, 5);
	settle();
	assert_int_equal(held, before);
	for (unsigned i = 0; i < needed; i++) {
		allocations = messages_seen = 0;
		fail_at = i;
		assert_non_null(strstr(vm_start(m->vm), "there is no memory for it"));
		assert_int_equal(phase_of(m), VM_GONE);
		assert_int_equal(held, before);
		assert_int_equal(messages_seen, 1);
		assert_non_null(strstr(last_message, "VM 'b': "));
	}
	fail_at = UINT32_MAX;
	give_command(m, 0);
	run_to(m, VM_RUNNING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(random_lives, setup, teardown),
		cmocka_unit_test_setup_teardown(restarts_wait_longer_each_time, setup, teardown),
		cmocka_unit_test_setup_teardown(the_last_one_puts_the_lights_out, setup, teardown),
		cmocka_unit_test_setup_teardown(no_memory_to_start, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
