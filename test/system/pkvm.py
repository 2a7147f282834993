#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Linux as pKVM's host beside trivet-spmc and its partitions: the module ffa_test, and VMs of KVM's.

As a program (make run-pkvm-ffa-test): the cases of pkvm-ffa, with the module's reports and at last the counts of all."""

import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../scripts"))  # for spmc

from machine import Failure, Shell, require  # noqa: E402
from spmc import SpmcMachine  # noqa: E402


class Kernel:
    """
    One of those that scripts/mkkernel makes of pkvm-host. 'vms': what kvm-vm makes there under pKVM. 'version': of FF-A
    that its driver and pKVM's proxy know; that of 1.2 has no notifications. None: unknown.
    """

    def __init__(self, suffix="", vms=None, version=None):
        self.image = f"build/kernel/pkvm-host{suffix}/Image"
        self.initrd = f"build/guest/pkvm{suffix}.cpio.gz"
        self.vms = vms
        self.version = version


# Of Debian's sid.
NEWEST = Kernel("-sid", vms="protected", version="1.2")
# 6.12, which cannot make protected VMs, or what is chosen in its place, as in the Makefile.
CHOICE = "given" if os.environ.get("PKVM_KERNEL_SRC") else os.environ.get("PKVM_KERNEL")
DEFAULT = Kernel(f"-{CHOICE}") if CHOICE else Kernel(vms="normal", version="1.1")
FAULTS = "WARNING:|BUG:|Internal error|Oops|detected stall|nVHE hyp panic"
REPORTS = []  # all that was read
VM_TESTS = r"# done: (\d+) passed, 0 failed"


class PkvmMachine(SpmcMachine):
    """'mode' is that of KVM: protected, nvhe or none."""

    def __init__(self, log, limit, kernel, mode, *options):
        append = f"console=ttyAMA0 quiet printk.time=0 kvm-arm.mode={mode}"
        super().__init__(log, limit, "--bl33", kernel.image, "--initrd", kernel.initrd, "--append", append, *options)


def check_kernel(shell):
    # 6.12 takes the deadline server of a CPU that goes off for a task that was left there; none is.
    faults = shell.run(f"(cat /tmp/ffa-test.log; dmesg) 2>/dev/null | grep -E '{FAULTS}' | grep -v 'at sched_cpu_dying+'"
                       " || true")
    require(faults == "", f"the kernel complains: {faults[:200]}")


def check_protected(shell):
    """KVM says so, and the host is at EL1 without a way to EL2."""
    text = shell.run("dmesg | grep 'kvm'")
    require(re.search(r"Protected h?n?VHE mode initialized successfully", text), f"no pKVM: {text[-200:]!r}")


def read_report(shell, path="/tmp/ffa-test.log"):
    """The reports in a log: every planned test is there, in order, and none failed. How many passed, and were skipped."""
    passed, skipped = 0, 0
    text = shell.run(f"grep -E '^(KTAP|1[.][.]|ok|not ok|#)' {path}")
    REPORTS.append(text)
    for report in text.split("KTAP version 1")[1:]:
        plan = re.search(r"^1\.\.(\d+)$", report, re.M)
        lines = re.findall(r"^((?:not )?ok) (\d+) (\S+)(.*)$", report, re.M)
        bad = [name + why for result, _, name, why in lines if result != "ok"]
        require(not bad, f"{len(bad)} fail: {'; '.join(bad[:3])}")
        require(plan and [int(number) for _, number, _, _ in lines] == list(range(1, int(plan.group(1)) + 1)),
                f"{len(lines)} tests reported; planned: {plan and plan.group(1)}")
        done = re.search(r"^# done: (\d+) passed, 0 failed, (\d+) skipped$", report, re.M)
        require(done and int(done.group(1)) + int(done.group(2)) == len(lines), "the report has no end")
        passed, skipped = passed + int(done.group(1)), skipped + int(done.group(2))
    require(passed > 0, "no test passed")
    return passed, skipped


def run_tests(shell, *parameters):
    """ffa-test with these parameters of the module's; what read_report() returns."""
    shell.run(f"ffa-test {' '.join(parameters)}", check=False, within=240)
    result = read_report(shell)
    check_kernel(shell)
    return result


def require_test(shell, name):
    """In the last report there is that test, and it passed."""
    line = shell.run(f"grep -F ' {name}' /tmp/ffa-test.log")
    require(re.fullmatch(rf"ok \d+ {re.escape(name)}", line), f"has {name} passed? {line!r}")


# ---- pkvm ----


def run_vm(shell, kernel):
    """A VM of KVM's to its end; what kind it was."""
    text = shell.run("kvm-vm /bin/smp.img /bin/guest.dtb", within=120)
    require(re.search(VM_TESTS, text), f"the VM: {text[-300:]!r}")
    kind = re.search(r"kvm-vm: a (\w+) VM", text).group(1)
    require(kernel.vms in (None, kind), f"a {kind} VM; a {kernel.vms} one was to be had")
    return kind


def read_page_log(shell, until):
    """What kvm-vm --page has said when it has said that."""
    return shell.run(f"until grep -q '{until}' /tmp/page.log || ! pidof kvm-vm >/dev/null; do sleep 1; done;"
                     " cat /tmp/page.log", within=120)


def check_pages(shell, kind, owned):
    """
    A VM's pages, while they are the VM's and when they are given back: who reads them, and with 'owned' that no
    partition gets one.
    """
    option = "--normal " if kind == "normal" else ""
    shell.run("rm -f /tmp/lines; mkfifo /tmp/lines;"
              f" kvm-vm {option}--page /bin/smp.img /bin/guest.dtb </tmp/lines >/tmp/page.log 2>&1 & exec 3>/tmp/lines")
    text = read_page_log(shell, "userspace reads")
    page = re.search(r"kvm-vm: page (0x[0-9a-f]+)", text)
    require(re.search(VM_TESTS, text) and page and f"a {kind} VM" in text, f"the VM: {text[-300:]!r}")
    if owned:
        run_tests(shell, "groups=refused", f"guest_page={page.group(1)}")
        require_test(shell, "refused.page_of_guest")
    shell.run("echo >&3")
    text = read_page_log(shell, "without the VM")
    found = re.findall(r"kvm-vm: (userspace reads|the kernel reads|without the VM): ([^\r\n]*)", text)
    wanted = ["SIGSEGV", "zeroes", "zeroes"] if kind == "protected" else ["what the VM had"] * 3
    require([what for _, what in found] == wanted, f"of the pages of a {kind} VM is there: {found}")
    run_tests(shell, "groups=refused", f"given_back_page={page.group(1)}")
    require_test(shell, "refused.page_given_back")
    shell.run("exec 3>&-; wait")


def run_vms_beside(shell):
    """VMs one after the other for as long as the host uses partitions. How many there were."""
    shell.run("(n=0; until [ -e /tmp/enough ]; do kvm-vm /bin/smp.img /bin/guest.dtb >/tmp/vm.log 2>&1 &&"
              " grep -q ', 0 failed' /tmp/vm.log || break; n=$((n + 1)); echo $n >/tmp/vms; done) & true")
    passed, _ = run_tests(shell, "groups=messages,sharing,notifications,interrupts,cpus")
    shell.run("while ! [ -e /tmp/vms ] && pidof kvm-vm >/dev/null; do sleep 1; done; touch /tmp/enough;"
              " while pidof kvm-vm >/dev/null; do sleep 1; done", within=120)
    count = int(shell.run("cat /tmp/vms 2>/dev/null || echo 0"))
    require(count > 0, f"no VM came to its end: {shell.run('tail -n 5 /tmp/vm.log')!r}")
    return count, passed


def check_hotplug(shell):
    for cpu in (1, 2, 3):
        shell.run(f"echo 0 >/sys/devices/system/cpu/cpu{cpu}/online")
    require(shell.run("nproc") == "1", "CPUs 1 to 3 were turned off, and nproc is not 1")
    for cpu in (1, 2, 3):
        shell.run(f"echo 1 >/sys/devices/system/cpu/cpu{cpu}/online")
    require(shell.run("nproc") == "4", "CPUs 1 to 3 were turned on again, and nproc is not 4")


def beside(kernel=DEFAULT):
    """To the shell, CPUs off and on, a VM and its pages, VMs while partitions work, and again after a restart."""

    def run(log, limit):
        with PkvmMachine(log, limit, kernel, "protected") as machine:
            shell = Shell(machine)
            shell.wait(within=120)
            require(shell.run("nproc") == "4", "nproc is not 4")
            check_protected(shell)
            check_hotplug(shell)
            kind = run_vm(shell, kernel)
            # Of a normal VM pKVM knows it too, but not that of 6.12.
            check_pages(shell, kind, owned=kind == "protected")
            if kind == "protected":
                check_pages(shell, "normal", owned=True)
            count, passed = run_vms_beside(shell)
            machine.line("reboot -f")
            shell.wait(within=120)
            check_protected(shell)
            run_vm(shell, kernel)
            run_tests(shell, "groups=discovery,messages")
            machine.line("poweroff -f")
            machine.expect_end()
            machine.look()
            return f"{count} {kind} VMs beside {passed} tests"

    return run


# ---- pkvm-ffa ----


KEPT = 6


def keep_open(shell):
    """Loads the module so that it leaves transactions open; their handles."""
    shell.run(f"modprobe ffa-module; dmesg -c >/dev/null; modprobe ffa_test groups=kept keep={KEPT}")
    handles = re.findall(r"# kept (0x[0-9a-f]+)", shell.run("dmesg"))
    require(len(handles) == KEPT, f"{KEPT} transactions were to be kept, and are {len(handles)}")
    return handles


def check_gone(shell, handles, groups):
    """None of the handles is known any more, and all works. How many tests that were."""
    passed, _ = run_tests(shell, f"groups=kept,{groups} gone={','.join(handles)}")
    require_test(shell, "kept.former_are_gone")
    return passed


def check_reload(shell):
    """The module goes with transactions open, the driver does so below it; and both come again."""
    passed = 0
    for first in ("ffa_test", "ffa_module"):
        handles = keep_open(shell)
        shell.run(f"rmmod {first}")
        require("cannot be taken back" not in shell.run("dmesg"), "not all was taken back")
        passed += check_gone(shell, handles, "discovery,sharing")
    return passed


def restart_with_open(machine, shell, how):
    """The kernel goes down in order while transactions are open; the next one finds none of them."""
    handles = keep_open(shell)
    boot = shell.run("cat /proc/sys/kernel/random/boot_id")
    machine.line(how)
    shell.wait(within=150)
    require(shell.run("cat /proc/sys/kernel/random/boot_id") != boot, f"the kernel that was to end goes on: {how}")
    return check_gone(shell, handles, "discovery,sharing,refused")


# Linux's driver does not give its mailbox back when another kernel takes over, and that one would get none: the driver goes
# first, and the module's transactions with it. Under pKVM there is no kexec: the next kernel would use EL2's memory.
KEXEC = ("for disk in vda vdb; do cat /dev/$disk >/tmp/$(cat /sys/block/$disk/serial); done; rmmod ffa_module;"
         " kexec-file /tmp/image /tmp/initrd \"$(cat /proc/cmdline)\"")
# Without UEFI a kernel cannot tell the next one where its ITS has tables: there is none.
NO_ITS = ["-machine", "its=off"]


def kexec_disks(kernel):
    return [word for name, file in (("image", kernel.image), ("initrd", kernel.initrd)) for word in
            ("-drive", f"file={file},format=raw,if=none,id={name},readonly=on",
             "-device", f"virtio-blk-device,drive={name},serial={name}")]


def check_version(report, kernel, mode, agreed=None):
    """The report is of that FF-A, and has no notifications only where the proxy is why."""
    if kernel.version is not None:
        require(f"# FF-A {agreed or kernel.version}" in report, f"not FF-A {agreed or kernel.version}")
        without = "SKIP pKVM's proxy has no notifications" in report
        require(without == (mode == "protected" and kernel.version != "1.1"),
                f"tests of notifications are skipped: {without}")


def through(mode, *restarts, kernel=DEFAULT, agreed=None, parameters=()):
    """All of ffa_test with KVM in that mode, modules that go and come, and restarts. 'agreed': another version of FF-A."""

    def run(log, limit):
        extra = ["-global", "virtio-mmio.force-legacy=false", *NO_ITS, *kexec_disks(kernel)]
        with PkvmMachine(log, limit, kernel, mode, "--", *extra) as machine:
            shell = Shell(machine)
            shell.wait(within=120)
            passed, skipped = run_tests(shell, *parameters)
            check_version(REPORTS[-1], kernel, mode, agreed)
            again = check_reload(shell)
            for how in restarts:
                again += restart_with_open(machine, shell, how)
            machine.line("poweroff -f")
            machine.expect_end()
            machine.look()
            return f"{passed} tests, {skipped} skipped, and {again} again"

    return run


def newer(log, limit):
    """A caller that asks for FF-A 1.2, which Linux's driver does not: the messages of that."""
    with PkvmMachine(log, limit, DEFAULT, "none") as machine:
        shell = Shell(machine)
        shell.wait(within=120)
        shell.run("dmesg -c >/dev/null; modprobe ffa_test version=0x10002; dmesg >/tmp/ffa-test.log")
        passed, _ = read_report(shell)
        machine.line("poweroff -f")
        machine.expect_end()
        machine.look()
        return f"{passed} tests"


FFA_CASES = {
    "protected": through("protected", "reboot -f"),
    "none": through("none", "reboot -f", KEXEC),
    "1.2": newer,
}
NEWEST_CASES = {
    "protected": through("protected", "reboot -f", kernel=NEWEST),
    "protected-1.1": through("protected", kernel=NEWEST, agreed="1.1", parameters=["version=0x10001"]),
    "none": through("none", "reboot -f", KEXEC, kernel=NEWEST),
}


def main():
    """Prints the reports as they are read."""
    code, counts = 0, {"passed": 0, "failed": 0, "skipped": 0}
    os.makedirs("build/test", exist_ok=True)
    for name, run in FFA_CASES.items():
        print(f"# KVM's mode, or FF-A's version: {name}", flush=True)
        REPORTS.clear()
        try:
            run(f"build/test/pkvm-ffa-{name}.log", 400)
        except Failure as failure:
            print(f"# {failure}")
            code = 1
        for report in REPORTS:
            print(report)
            for number, what in re.findall(r"(\d+) (passed|failed|skipped)", report):
                counts[what] += int(number)
    print("# all: " + ", ".join(f"{number} {what}" for what, number in counts.items()))
    return 1 if counts["failed"] or not counts["passed"] else code


if __name__ == "__main__":
    sys.exit(main())
