/* SPDX-License-Identifier: MIT */
/* A VM's making and its life: everything of role/hyp and core is real but the pool, the console and the CPUs. */
#include "machine.h"

#include "abi/psci.h"
#include "arch/atomic.h"
#include "core/mm/pool.h"
#include "core/port/clock.h"
#include "core/port/entropy.h"
#include "core/port/firmware.h"
#include "core/vcpu/idreg.h"
#include "role/hyp/console.h"
#include "role/hyp/devices.h"
#include "role/hyp/vm.h"

#define VCPUS 4
#define CPUS 3
#define KERNEL_OFFSET MIB(2)
#define ENTRY (GUEST_RAM_BASE + KERNEL_OFFSET)
#define MEMORY_SIZE MIB(6)

/* ---- a pool that fails when it is told to ---- */

static unsigned allocations;          /* so far */
static unsigned fail_at = UINT32_MAX; /* this one fails */
static unsigned held;                 /* not freed */

static struct held_pages {
	uint64_t base, pages;
	uint16_t owner;
} held_pages[64];

static bool allocate(void)
{
	if (allocations++ == fail_at) {
		return false;
	}
	held++;
	return true;
}

enum err pool_alloc(uint64_t pages, uint64_t align, uint16_t owner, pa_t *out)
{
	unsigned i = 0;

	if (!allocate()) {
		return ERR_NO_MEMORY;
	}
	while (held_pages[i].pages != 0) {
		assert_true(++i < ARRAY_SIZE(held_pages));
	}
	*out = pa_from_ptr(aligned_alloc(align, ALIGN_UP(pages * PAGE_SIZE, align)));
	memset(pa_ptr(*out), 0x5a, pages * PAGE_SIZE);
	held_pages[i] = (struct held_pages){ out->v, pages, owner };
	return OK;
}

enum err pool_alloc_page(pa_t *out)
{
	enum err error = pool_alloc(1, PAGE_SIZE, PAGE_OWNER_EL2, out);

	if (error == OK) {
		memset(pa_ptr(*out), 0, PAGE_SIZE);
	}
	return error;
}

/* Memory of a VM holds nothing of it any more. */
void pool_free(pa_t base, uint64_t pages)
{
	for (unsigned i = 0; i < ARRAY_SIZE(held_pages); i++) {
		if (held_pages[i].pages == 0 || held_pages[i].base != base.v) {
			continue;
		}
		assert_int_equal(held_pages[i].pages, pages);
		if (held_pages[i].owner >= PAGE_OWNER_VM) {
			const uint8_t *bytes = pa_ptr(base);

			assert_int_equal(bytes[0], 0);
			assert_memory_equal(bytes, bytes + 1, pages * PAGE_SIZE - 1);
		}
		held_pages[i].pages = 0;
		held--;
		free(pa_ptr(base));
		return;
	}
	fail_msg("pages that the pool never gave");
}

void *pool_alloc_object(size_t size)
{
	return allocate() ? calloc(1, size) : NULL;
}

void pool_free_object(void *object, size_t size)
{
	if (object != NULL) {
		memset(object, 0xa5, size);
		free(object);
		held--;
	}
}

void pool_stats(struct pool_stats *out)
{
	*out = (struct pool_stats){ 0 };
}

/* ---- what else is outside ---- */

static unsigned offs;
static unsigned messages_seen, resets_said;
static char last_message[512];

void firmware_system_off(void)
{
	offs++;
}
uint64_t clock_seconds(void)
{
	return 1800000000;
}

bool entropy_get(uint64_t *value)
{
	*value = 1;
	return true;
}

static bool nowhere_put(void *ctx, uint8_t byte)
{
	(void)ctx;
	(void)byte;
	return true;
}

const struct chardev_ops console_vm_ops = { .put = nowhere_put };

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

static void note_message(enum log_level level, const char *text)
{
	if (strstr(text, "' resets") != NULL) {
		resets_said++;
	} else if (level <= LOG_WARN) {
		messages_seen++;
		snprintf(last_message, sizeof(last_message), "%s", text);
	}
}

/* ---- a VM ---- */

static struct archive archive;
static struct bundle bundle;
static struct vm_config config;
static struct hyp_vm *vm;

static void make_config(void)
{
	static uint8_t kernel[256], disk[5000];
	static const struct vm_device_config devices[] = {
		{ .kind = VM_DEVICE_BLK, .name = "disk", .file = "disk" },
		{ .kind = VM_DEVICE_NET, .name = "lan", .mac = { 2 } },
		{ .kind = VM_DEVICE_CONSOLE, .name = "port" },
		{ .kind = VM_DEVICE_RNG, .name = "rng" },
		{ .kind = VM_DEVICE_BLK, .name = "more", .file = "disk", .read_only = true },
	};

	memset(disk, 0x77, sizeof(disk));
	archive.size = 0;
	archive_add(&archive, "kernel", kernel, sizeof(kernel));
	archive_add(&archive, "disk", disk, sizeof(disk));
	archive_end(&archive);
	bundle.archive = span_of(archive.data, archive.size);
	config = (struct vm_config){ .name = "a",
				     .vcpu_count = VCPUS,
				     .memory_size = MEMORY_SIZE,
				     .kernel = "kernel",
				     .raw = true,
				     .load_offset = KERNEL_OFFSET,
				     .device_count = ARRAY_SIZE(devices) };
	memcpy(config.devices, devices, sizeof(devices));
	for (unsigned i = 0; i < VCPUS; i++) {
		config.affinity[i] = (uint16_t)(i % CPUS);
	}
}

static int setup(void **state)
{
	(void)state;
	machine_reset(CPUS);
	memset(&cpu_features, 0, sizeof(cpu_features));
	cpu_features.raw[IDREG_INDEX(id_aa64mmfr0_el1)] = 2; /* PARange: 40 bits */
	host_log_hook = note_message;
	messages_seen = resets_said = offs = allocations = held = 0;
	fail_at = UINT32_MAX;
	list_init(&vms);
	make_config();
	return 0;
}

/* VMs are for ever; a test frees what it made by the parts. */
static void destroy(void)
{
	for (unsigned i = 0; i < VCPUS; i++) {
		pool_free_object(vm->vm.vcpus[i], sizeof(struct vcpu));
	}
	pool_free_object(vm->vm.vcpus, VCPUS * sizeof(struct vcpu *));
	memset(pa_ptr(vm->ram), 0, MEMORY_SIZE);
	devices_destroy(vm);
	vgic_destroy(&vm->vm.vgic);
	bus_destroy(&vm->vm.bus);
	stage2_destroy(&vm->vm.stage2);
	pool_free(vm->ram, MEMORY_SIZE / PAGE_SIZE);
	pool_free_object(vm, sizeof(*vm));
	assert_int_equal(held, 0);
}

static void a_failed_creation_leaves_no_trace(void **state)
{
	unsigned needed;

	(void)state;
	vm = vm_create(&config, &bundle);
	assert_non_null(vm);
	assert_int_equal(messages_seen, 0);
	assert_ptr_equal(vms.next, &vm->node);
	needed = allocations;
	assert_true(needed > 20);
	destroy();
	list_init(&vms);
	for (unsigned i = 0; i < needed; i++) {
		allocations = messages_seen = 0;
		fail_at = i;
		assert_null(vm_create(&config, &bundle));
		assert_int_equal(held, 0);
		assert_true(list_empty(&vms));
		assert_int_equal(messages_seen, 1);
		assert_memory_equal(last_message, "VM 'a': ", 8);
	}
}

static void what_is_wrong_is_named(void **state)
{
	(void)state;
	config.memory_size = BIT(40);
	assert_null(vm_create(&config, &bundle));
	assert_non_null(strstr(last_message, "memory-mib: "));
	make_config();
	fail_at = 2; /* object, stage-2 root, memory */
	allocations = 0;
	assert_null(vm_create(&config, &bundle));
	assert_non_null(strstr(last_message, "memory-mib: 6 MiB"));
	fail_at = UINT32_MAX;
	make_config();
	config.devices[0].file = "nothing";
	assert_null(vm_create(&config, &bundle));
	assert_non_null(strstr(last_message, "disk"));
	make_config();
	config.kernel = "nothing";
	assert_null(vm_create(&config, &bundle));
	assert_non_null(strstr(last_message, "kernel: "));
	assert_int_equal(held, 0);
}

/* ---- its life ---- */

/* What the guest's CPUs should be, by what PSCI has answered. */
static struct model {
	bool on;          /* started, or asked to */
	bool entered;     /* since then */
	uint64_t entry, context;
	bool asked;       /* a CPU_ON whose answer is in x0 at the next entry */
	bool wins;        /* that it found the CPU off */
} model[VCPUS];

static unsigned entries, starts, stops_seen;
static enum vm_after wanted;

static void model_start(void)
{
	model[0] = (struct model){ .on = true, .entry = ENTRY, .context = vm->plan.dtb };
	starts++;
}

/* The VM is off, or starts again: nothing that was asked before counts. */
static void model_stop(enum vm_after after)
{
	wanted = after;
	memset(model, 0, sizeof(model));
	stops_seen++;
	if (after == VM_AFTER_RESET) {
		model_start();
	}
}

static void hvc(struct vcpu *v, uint32_t function, uint64_t x1, uint64_t x2, uint64_t x3)
{
	v->regs.x[0] = function;
	v->regs.x[1] = x1;
	v->regs.x[2] = x2;
	v->regs.x[3] = x3;
	machine_trap(v, EC_HVC64, 0);
}

static void take_answer(struct vcpu *v)
{
	struct model *m = &model[v->index];
	int32_t answer = (int32_t)v->regs.x[0];

	if (m->asked) {
		m->asked = false;
		assert_int_equal(answer == PSCI_SUCCESS, m->wins);
		assert_true(m->wins || answer == PSCI_ALREADY_ON || answer == PSCI_ON_PENDING);
	}
}

static void call_cpu_on(struct vcpu *v)
{
	struct model *m = &model[v->index];
	unsigned n = (unsigned)random_below(VCPUS);
	struct vcpu *target = vm->vm.vcpus[n];
	bool off = atomic_load(&target->power) == PSCI_AFFINITY_OFF;

	m->asked = true;
	m->wins = off;
	assert_int_equal(off, !model[n].on);
	if (off) {
		model[n] = (struct model){ .on = true,
					   .entry = ENTRY + 4 * random_below(64),
					   .context = random_below(1000) };
	}
	hvc(v, PSCI_CPU_ON_64, target->mpidr & ~BIT(31), off ? model[n].entry : ENTRY, off ? model[n].context : 1);
}

static void psci_guest(struct vcpu *v)
{
	struct model *m = &model[v->index];

	entries++;
	assert_int_equal(vm->phase, VM_RUNNING);
	assert_true(m->on);
	assert_int_equal(v->power, PSCI_AFFINITY_ON);
	if (!m->entered) {
		assert_int_equal(v->regs.pc, m->entry);
		assert_int_equal(v->regs.x[0], m->context);
		m->entered = true;
	}
	take_answer(v);
	machine_now += 10;
	switch (random_below(24)) {
	case 0:
		model_stop(VM_AFTER_RESET);
		hvc(v, PSCI_SYSTEM_RESET, 0, 0, 0);
		break;
	case 1:
		model_stop(VM_AFTER_OFF);
		hvc(v, PSCI_SYSTEM_OFF, 0, 0, 0);
		break;
	case 2:
	case 3:
		memset(m, 0, sizeof(*m));
		hvc(v, PSCI_CPU_OFF, 0, 0, 0);
		break;
	case 4:
		machine_wfi(v);
		break;
	case 5:
	case 6:
	case 7:
	case 8:
	case 9:
		call_cpu_on(v);
		break;
	default:
		machine_leave();
	}
}

static void check(void)
{
	unsigned stopped = 0;

	for (unsigned i = 0; i < VCPUS; i++) {
		const struct vcpu *v = vm->vm.vcpus[i];

		stopped += v->state == VCPU_STOPPED;
		if (vm->phase == VM_DOWN) {
			assert_true(v->state == VCPU_STOPPED || v->state == VCPU_OFF);
			assert_ptr_not_equal(v->cpu->current, v);
		}
		if (vm->phase == VM_RUNNING && !model[i].on) {
			assert_true(v->state == VCPU_STOPPED || v->state == VCPU_OFF);
		}
	}
	assert_true(vm->stopped <= VCPUS);
	assert_true(vm->phase != VM_DOWN || starts == 0 || stopped != 0);
}

static void random_lives(void **state)
{
	uint32_t phase = VM_DOWN;
	unsigned downs = 0;

	(void)state;
	random_start("lives");
	vm = vm_create(&config, &bundle);
	assert_non_null(vm);
	vm_attach(vm);
	machine_guest = psci_guest;
	entries = starts = stops_seen = 0;
	for (unsigned step = 0; step < 100000; step++) {
		unsigned cpu = (unsigned)random_below(CPUS);

		machine_switch(cpu);
		if (vm->phase == VM_DOWN) {
			assert_false(vm_stop(vm, VM_AFTER_OFF));
			assert_true(vm_start(vm));
			assert_false(vm_start(vm));
			model_start();
		} else if (random_below(50) == 0) {
			enum vm_after after = random_below(2) == 0 ? VM_AFTER_OFF : VM_AFTER_RESET;
			bool running = vm->phase == VM_RUNNING;

			assert_int_equal(vm_stop(vm, after), running);
			if (running) {
				model_stop(after);
			}
		} else {
			/* WFI of a vCPU that nothing wakes would end the story. */
			struct vcpu *v = vm->vm.vcpus[random_below(VCPUS)];

			if (v->state == VCPU_WAITING) {
				machine_switch(v->cpu->index);
				vcpu_state_set(v, VCPU_READY);
			}
		}
		phase = vm->phase;
		machine_step(cpu);
		if (phase == VM_STOPPING && vm->phase == VM_RUNNING) {
			assert_int_equal(wanted, VM_AFTER_RESET);
		}
		downs += phase != VM_DOWN && vm->phase == VM_DOWN;
		check();
	}
	assert_int_equal(offs, downs);
	assert_true(entries > 1000 && starts > 100 && stops_seen > 200);
	assert_int_equal(messages_seen, offs); /* the firmware that does not power off */
	assert_int_equal(resets_said, 8); /* a guest that resets on and on does not flood the log: one burst */
	destroy();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_failed_creation_leaves_no_trace, setup),
		cmocka_unit_test_setup(what_is_wrong_is_named, setup),
		cmocka_unit_test_setup(random_lives, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
