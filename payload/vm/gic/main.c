/* SPDX-License-Identifier: MIT */
/*
 * GICv3 as a guest meets it (IHI 0069): every register bank from the own CPU and from another, delivery of
 * SGIs, PPIs and SPIs with each way to hold one back, priorities and preemption beyond what list registers
 * hold, both EOI modes.
 *
 * Wants: 4 CPUs.
 */
#include "payload/vm/gic/tests.h"

struct irq_log logs[CPU_MAX];

static void (*log_action)(uint32_t intid);

static void log_handler(void)
{
	struct irq_log *log = &logs[this_cpu()->index];
	uint32_t intid = gic_ack();

	if (intid >= 1020) {
		return;
	}
	if (watchdog_irq(intid)) {
		gic_eoi(intid);
		return;
	}
	if (log->count < LOG_MAX) {
		log->intid[log->count] = intid;
	}
	log->depth++;
	log->most = MAX(log->most, log->depth);
	atomic_add(&log->count, 1);
	if (log_action != NULL) {
		log_action(intid);
	}
	log->depth--;
	gic_eoi(intid);
}

void log_begin(void (*action)(uint32_t intid))
{
	for (uint32_t i = 0; i < CPU_MAX; i++) {
		logs[i] = (struct irq_log){ 0 };
	}
	atomic_store(&log_action, action);
	irq_set_handler(log_handler);
}

void log_end(void)
{
	settle();
	irq_set_handler(NULL);
}

uint32_t log_count(uint32_t cpu)
{
	return atomic_load(&logs[cpu].count);
}

void settle(void)
{
	delay_us(200);
}

bool log_reaches(uint32_t cpu, uint32_t count)
{
	bool reached = WAIT_UNTIL(log_count(cpu) >= count, 1000);

	settle();
	return reached && log_count(cpu) == count;
}

bool need_cpus(uint32_t count)
{
	if (cpu_count < count) {
		test_skip("too few CPUs");
	}
	return cpu_count >= count;
}

static const struct test tests[] = {
	{ "identity", identity },
	{ "interface-registers", interface_registers },
	{ "spi-banks", spi_banks },
	{ "private-banks", private_banks },
	{ "priority-bytes", priority_bytes },
	{ "router", router },
	{ "sgi-configuration", sgi_configuration },
	{ "nonexistent-intids", nonexistent },
	{ "reserved-registers", reserved },
	{ "odd-widths", odd_widths },
	{ "sgi-self", sgi_self },
	{ "sgi-all-pairs", sgi_all_pairs },
	{ "sgi-list", sgi_list },
	{ "sgi-others", sgi_others },
	{ "masked-by-daif", masked_daif },
	{ "masked-by-pmr", masked_pmr },
	{ "masked-by-enable", masked_enable },
	{ "masked-by-group", masked_group },
	{ "masked-by-group-overflow", masked_group_overflow },
	{ "masked-by-distributor", masked_distributor },
	{ "group0-is-fiq", group0_is_fiq },
	{ "spi-pending", spi_pending },
	{ "spi-to-each-cpu", spi_each_cpu },
	{ "retarget-while-pending", retarget_pending },
	{ "clear-pending", clear_pending },
	{ "pend-on-other-cpu", pend_other_cpu },
	{ "uart-level", uart_level },
	{ "priority-order", priority_order },
	{ "priority-change", priority_change },
	{ "preemption", preemption },
	{ "no-preemption-in-group", no_preemption_in_group },
	{ "nested-overflow", nested_overflow },
	{ "eoi-mode-1", eoi_mode_1 },
	{ "deactivate-out-of-order", deactivate_out_of_order },
	{ "active-from-other-cpu", active_from_other_cpu },
	{ "set-active", set_active },
	{ "acknowledge-by-hand", acknowledge_by_hand },
	{ "wrong-end", wrong_end },
	{ "storm", storm },
};

void payload_main(void)
{
	watchdog_start(TIMER_VIRTUAL, 60);
	if (cpu_start_all() != cpu_count) {
		report_fatal("not all of %u CPUs start", cpu_count);
	}
	report_run(tests, ARRAY_SIZE(tests));
}
