/* SPDX-License-Identifier: MIT */
/*
 * ffa_test: FF-A as Linux sees it, end to end with the partitions of payload/sp and other VMs. The report comes when it
 * is loaded (docs/pkvm.md), in the kernel's log: of the groups 'mailbox' and 'peer_mailbox' where the driver arm_ffa is
 * not loaded, else of the others. What stands below - nobody, pKVM's proxy, or a hypervisor whose VM this is - it finds
 * out, and tests that need another are skipped, which is counted apart. With serve=1 it tests nothing, but does what
 * other VMs ask of it.
 */
#include <linux/cpumask.h>
#include <linux/module.h>
#include <linux/reboot.h>
#include <linux/sched.h>

#include "payload/linux/ffa_test/groups.h"
#include "payload/linux/ffa_test/memory.h"
#include "payload/linux/ffa_test/own_mailbox.h"

#define GONE_MAX 16

static char *groups = "";
module_param(groups, charp, 0444);
MODULE_PARM_DESC(groups, "the groups of tests, separated by commas; default all");

unsigned long hypervisor_page, guest_page, given_back_page;
module_param(hypervisor_page, ulong, 0444);
MODULE_PARM_DESC(hypervisor_page, "address of a page that EL2 has taken from this kernel");
module_param(guest_page, ulong, 0444);
MODULE_PARM_DESC(guest_page, "address of a page of a VM of KVM's");

module_param(given_back_page, ulong, 0444);
MODULE_PARM_DESC(given_back_page, "address of one that a VM of KVM's had, which has ended");

module_param(version, uint, 0444);
MODULE_PARM_DESC(version, "of FF-A that is asked for without the driver (what the driver asks for)");

unsigned int keep;
module_param(keep, uint, 0444);
MODULE_PARM_DESC(keep, "transactions that stay until the module goes, or the machine restarts");

unsigned long long gone[GONE_MAX];
unsigned int gone_count;
module_param_array(gone, ullong, &gone_count, 0444);
MODULE_PARM_DESC(gone, "handles of a former boot, which must be unknown");

bool serve;
module_param(serve, bool, 0444);
MODULE_PARM_DESC(serve, "do the commands of other VMs (without the driver)");

bool linux_peer;
module_param(linux_peer, bool, 0444);
MODULE_PARM_DESC(linux_peer, "the groups peer and peer_mailbox call the Linux VM that serves, not payload/vm/ffa");

static const struct group *const without_driver[] = { &group_mailbox, &group_peer_mailbox };
static const struct group *const measured[] = { &group_bench };
static const struct group *const with_driver[] = {
	&group_discovery,     &group_messages,   &group_indirect, &group_sharing, &group_refused,
	&group_notifications, &group_interrupts, &group_cpus,     &group_peer,    &group_kept,
};
/* Where no partitions are. */
static const struct group *const with_vms[] = { &group_peer };

static int before_restart(struct notifier_block *block, unsigned long what, void *data)
{
	memory_take_back_kept();
	return NOTIFY_DONE;
}

static struct notifier_block restart_block = { .notifier_call = before_restart };

/* Pinned: a partition that was preempted goes on where it was. */
static void run_pinned(void)
{
	cpumask_t before;

	cpumask_copy(&before, current->cpus_ptr);
	set_cpus_allowed_ptr(current, cpumask_of(0));
	if (!partition_any()) {
		report_run(without_driver, ARRAY_SIZE(without_driver), groups);
	} else if (hello == NULL) {
		report_run(with_vms, ARRAY_SIZE(with_vms), groups);
	} else if (strcmp(groups, group_bench.name) == 0) {
		report_run(measured, ARRAY_SIZE(measured), groups);
	} else {
		report_run(with_driver, ARRAY_SIZE(with_driver), groups);
	}
	set_cpus_allowed_ptr(current, &before);
}

static int __init init(void)
{
	static const char *const names[] = { "nobody", "pKVM", "a hypervisor" };
	int error;

	if (serve) {
		return serve_start();
	}
	error = partition_init();
	if (error != 0) {
		return error;
	}
	if (partition_any() && partition_find_below()) {
		report_note("below is %s; our id is %u", names[below], own_id);
	}
	register_reboot_notifier(&restart_block);
	run_pinned();
	return 0;
}

static void __exit end(void)
{
	if (serve) {
		serve_stop();
		return;
	}
	unregister_reboot_notifier(&restart_block);
	memory_take_back_kept();
	partition_exit();
}

module_init(init);
module_exit(end);
MODULE_LICENSE("Dual MIT/GPL");
MODULE_DESCRIPTION("Tests of FF-A with the partitions of Trivet");
