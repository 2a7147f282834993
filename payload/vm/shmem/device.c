/* SPDX-License-Identifier: MIT */
#include "payload/lib/exception.h"
#include "payload/lib/fdt.h"
#include "payload/lib/gic.h"
#include "payload/lib/mmu.h"
#include "payload/lib/string.h"
#include "payload/lib/timer.h"
#include "payload/vm/shmem/shmem.h"

/* Aliases of the memory, above what the library maps. */
#define NORMAL_ALIAS GIB(64)
#define CODE_ALIAS GIB(65)

struct shmem board, notes;

bool shmem_find(struct shmem *s, const char *label)
{
	for (uint32_t node = FDT_ROOT; node != 0; node = fdt_next(node)) {
		uint32_t length;
		const char *name = fdt_prop(node, "label", &length);
		uint64_t base;

		if (!fdt_is_compatible(node, "trivet,shared-memory") || name == NULL || !str_equal(name, label)) {
			continue;
		}
		base = fdt_u64(node, "reg", 2);
		*s = (struct shmem){
			.registers = fdt_u64(node, "reg", 0),
			.physical = base,
			.memory = NORMAL_ALIAS + base,
			.code = CODE_ALIAS + base,
			.size = fdt_u64(node, "reg", 3),
			.intid = 32 + fdt_u32(node, "interrupts", 1),
		};
		return mmu_map(s->memory, base, s->size, MMU_NORMAL, false) &&
		       mmu_map(s->code, base, s->size, MMU_NORMAL, true);
	}
	return false;
}

static bool handle(struct shmem *s, uint32_t intid)
{
	uint32_t status;

	if (s->intid != intid) {
		return false;
	}
	status = shmem_get(s, SHARED_MEMORY_STATUS);
	shmem_set(s, SHARED_MEMORY_STATUS, status);
	atomic_add(&s->interrupts, 1);
	__atomic_or_fetch(&s->seen, status, __ATOMIC_SEQ_CST);
	if (s->echo && (status & SHARED_MEMORY_RANG(CONDUCTOR)) != 0) {
		shmem_set(s, SHARED_MEMORY_DOORBELL, CONDUCTOR);
	}
	return true;
}

static void on_irq(void)
{
	uint32_t intid = gic_ack();

	if (intid >= 1020) {
		return;
	}
	if (!handle(&board, intid) && !handle(&notes, intid) && !watchdog_irq(intid)) {
		gic_disable(0, intid);
	}
	gic_eoi(intid);
}

static void start(struct shmem *s)
{
	if (s->registers == 0) {
		return;
	}
	gic_set_edge(0, s->intid, false);
	gic_route(s->intid, 0);
	gic_enable(0, s->intid);
	shmem_set(s, SHARED_MEMORY_ENABLE, 0xffffffff);
	shmem_set(s, SHARED_MEMORY_CONTROL, SHARED_MEMORY_CONTROL_UP);
}

void shmem_start(void)
{
	irq_set_handler(on_irq);
	start(&board);
	start(&notes);
}

void shmem_sleep(void)
{
	static uint32_t slept_at;
	uint32_t taken;

	irq_off();
	taken = board.interrupts + notes.interrupts;
	if (taken == slept_at) {
		wfi();
	}
	irq_on(); /* it is taken here */
	slept_at = board.interrupts + notes.interrupts;
}

uint32_t shmem_take(struct shmem *s)
{
	return __atomic_exchange_n(&s->seen, 0, __ATOMIC_SEQ_CST);
}

void pattern_write(uint64_t seed)
{
	for (uint64_t i = 0; i < DATA_WORDS; i++) {
		shmem_data()[i] = pattern_word(seed, i);
	}
}

uint64_t pattern_errors(uint64_t seed)
{
	uint64_t errors = 0;

	for (uint64_t i = 0; i < DATA_WORDS; i++) {
		errors += ((volatile uint64_t *)shmem_data())[i] != pattern_word(seed, i);
	}
	return errors;
}
