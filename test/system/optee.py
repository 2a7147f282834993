# SPDX-License-Identifier: MIT
"""OP-TEE as a partition of trivet-spmc, and one of ours that behaves as it does, driven by Linux."""

import os
import re
import shutil
import subprocess
import time

import pkvm
from machine import Failure, Shell, Skip, bundle, require
from multi_vm import Vms
from spmc import SpmcMachine

KERNEL = "build/kernel/pkvm-host/Image"
HYP = "build/hyp/trivet-hyp.img"
INITRAMFS = "build/guest/optee.cpio.gz"
FFA_TEST = "build/guest/pkvm.cpio.gz"
OPTEE = "build/optee"
OPTEE_VMS = "build/optee-vms"
NO_SOURCE = 77  # of scripts/mkoptee
CASES = "1001 1004 1006 1013 6001"  # of xtest, where XTEST names no others
FOUR_CPUS = "1013"  # of them, the one with threads on all CPUs, which wants more memory than OP-TEE has beside others
BESIDE_CASES = "1001 1004 1006 6001"
XTEST_DONE = "/tmp/xtest.done"
HOTPLUGS = 6
CHECKS = 31  # what optee_like-test makes when none is missed; change it with the program
# Counters of the partition: enum service_count.
COUNTS = {"retrieved": 0, "relinquished": 1, "refused": 2, "interrupts": 3, "characters": 4, "bottom halves": 5}


class Typed(SpmcMachine):
    """With a normal world (run-spmc's options), and something to type on the secure console."""

    def __init__(self, log, limit, partitions, folder, *options):
        self.fifo = log.removesuffix(".log") + ".fifo"
        super().__init__(log, limit, "--set", partitions, "--dir", folder, "--secure-input", self.fifo, *options)

    def __enter__(self):
        if os.path.exists(self.fifo):
            os.unlink(self.fifo)
        os.mkfifo(self.fifo)
        self.typed = os.open(self.fifo, os.O_RDWR)
        return super().__enter__()

    def __exit__(self, *what):
        super().__exit__(*what)
        os.close(self.typed)
        os.unlink(self.fifo)

    def type_secure(self, text):
        os.write(self.typed, text.encode())


def linux(initrd=INITRAMFS, append=""):
    """Options: Linux as the normal world."""
    return ["--bl33", KERNEL, "--initrd", initrd, "--append", f"console=ttyAMA0 quiet {append}"]


def wait_for(get, wanted, what, within=20):
    """Until get() gives what is wanted."""
    end = time.monotonic() + within
    while True:
        got = get()
        if got == wanted:
            return
        if time.monotonic() > end:
            raise Failure(f"{what}: {got}, want {wanted}")
        time.sleep(0.2)


def notifications(shell):
    """How often Linux's FF-A driver was told that a notification waits for it, on all CPUs."""
    line = shell.run("grep -E 'ARM-FFA-(SRI|NPI)' /proc/interrupts")
    return sum(int(number) for number in re.findall(r"\d+", re.match(r" *\d+:([ \d]+) GIC", line).group(1)))


def count(shell, name):
    return int(shell.run(f"optee_like-test count {COUNTS[name]}"))


def held(shell):
    """Memories that the partition has and Linux not back: the driver's own messages."""
    return count(shell, "retrieved") - count(shell, "relinquished")


def check_report(text):
    """Every check reported, in order, and none failed."""
    lines = re.findall(r"^((?:not )?ok) (\d+) - ([^\r\n]*)", text, re.M)
    failed = [what for result, _, what in lines if result != "ok"]
    require(not failed, f"{len(failed)} checks fail: {'; '.join(failed[:5])}")
    require([int(number) for _, number, _ in lines] == list(range(1, CHECKS + 1)),
            f"{len(lines)} checks reported, not {CHECKS}; the last is {lines[-1:]!r}")
    require(f"# done: {CHECKS} passed, 0 failed" in text, "the report has no end")


def check_interrupts(machine, shell):
    """A character on the secure UART: interrupt, notification, Linux's bottom half, which reads it."""
    before = notifications(shell)
    names = ("interrupts", "bottom halves", "characters")
    start = {name: count(shell, name) for name in names}
    for number in range(1, 6):
        machine.type_secure("x")
        for name in reversed(names):
            wait_for(lambda n=name: count(shell, n), start[name] + number, f"{name} after {number} characters")
    require(notifications(shell) == before + 5, f"{notifications(shell) - before} interrupts in Linux, want 5")


def check_reload(shell, at_first):
    """Without its driver Linux has all memory back; the next one finds everything as the first did."""
    shell.run("rmmod optee")
    shell.run("modprobe optee")
    require(held(shell) == at_first, f"{held(shell)} memories held after the driver was loaded again, {at_first} at first")


def hotplug(shell):
    """CPUs go and come while the partition waits there."""
    for online in (0, 1):
        for cpu in (1, 2, 3):
            shell.run(f"echo {online} > /sys/devices/system/cpu/cpu{cpu}/online")


def exists(shell, name):
    return shell.run(f"[ -e {name} ]; echo $?") == "0"


def hotplug_until(shell, name):
    """Again and again until there is that file, but not forever: what works meanwhile has one CPU for half of the time."""
    for number in range(HOTPLUGS):
        if exists(shell, name):
            break
        hotplug(shell)
    require(number > 0, "what was to work meanwhile had ended before")


def busy_beside_hotplug(shell):
    """As xtest_beside_hotplug(), with optee_like's client."""
    shell.run("rm -f /tmp/busy.code")
    shell.run("(optee_like-test busy 2 >/tmp/busy 2>&1; echo $? >/tmp/busy.code) </dev/null & true")
    hotplug_until(shell, "/tmp/busy.code")
    wait_for(lambda: exists(shell, "/tmp/busy.code"), True, "the callers have ended", within=shell.machine.limit)
    require(shell.run("cat /tmp/busy.code") == "0", f"callers while CPUs go: {shell.run('cat /tmp/busy')}")


def like(append=""):
    """payload/sp/optee_like and its client, twice: also after the driver went and CPUs were off."""

    def run(log, limit):
        with Typed(log, limit, "optee-like", "build/payload/sp", *linux(append=append)) as machine:
            shell = Shell(machine)
            shell.wait(within=120)
            shell.run("modprobe -a ffa-core ffa-module optee")
            require("initialized driver" in shell.run("dmesg | grep optee:"), "Linux's driver does not take the partition")
            at_first = held(shell)
            check_report(shell.run("optee_like-test", check=False, within=limit))
            check_interrupts(machine, shell)
            check_reload(shell, at_first)
            busy_beside_hotplug(shell)
            check_report(shell.run("optee_like-test", check=False, within=limit))
            check_interrupts(machine, shell)
            require(count(shell, "refused") == 0, "the SPMC refused something")
            require(shell.run("dmesg | grep -E 'BUG:|WARNING:|Oops|stall' || true") == "", "the kernel complains")
            machine.line("poweroff -f")
            machine.expect_end()
            machine.look()
        return f"{2 * CHECKS} checks"

    return run


def make_optee(*options):
    """Builds OP-TEE as a partition, if there is a source of it."""
    result = subprocess.run(["scripts/mkoptee", *options, INITRAMFS], capture_output=True, text=True,
                            stdin=subprocess.DEVNULL, check=False)
    last = re.sub(r"^ *[A-Z]+ +", "", (result.stderr.splitlines() or ["no message"])[-1])
    if result.returncode == NO_SOURCE:
        raise Skip(f"{last}; OPTEE_OS_SRC=dir or OPTEE_OS_BIN=file gives one")
    require(result.returncode == 0, f"scripts/mkoptee: {last}")


def check_xtest(text, cases):
    """What it says at the end; each case that was asked for is among those that passed."""
    subtests = re.search(r"(\d+) subtests? of which (\d+) failed", text)
    found = re.search(r"(\d+) test cases? of which (\d+) failed", text)
    require(subtests and found, f"xtest came to no end: {text.strip().splitlines()[-1:]}")
    bad = re.findall(r"^(\w+) FAIL", text, re.M)
    require(int(subtests.group(2)) == 0 and int(found.group(2)) == 0 and not bad, f"xtest: {found.group(0)}: {bad[:5]}")
    missing = [case for case in cases.split() if case != "all" and not re.search(rf"^regression_{case} OK", text, re.M)]
    require(not missing, f"xtest did not run {missing}")
    return int(found.group(1)), int(subtests.group(1))


def run_xtest(shell, cases):
    """Numbers of cases and of subtests."""
    return check_xtest(shell.run(f"optee-xtest {cases}", check=False, within=shell.machine.limit), cases)


def start_xtest(shell, cases):
    """The same, beside what the caller does next. It ends with end_xtest()."""
    shell.run(f"rm -f {XTEST_DONE}")
    shell.run(f"(optee-xtest {cases} >/tmp/xtest 2>&1; touch {XTEST_DONE}) </dev/null & true")


def end_xtest(shell, cases):
    """Waits for its end; as run_xtest()."""
    wait_for(lambda: exists(shell, XTEST_DONE), True, "xtest in the background has ended", within=shell.machine.limit)
    return check_xtest(shell.run("sed -n '/^Result of testsuite/,$p' /tmp/xtest"), cases)


def check_typed(machine, shell):
    """The second comes only if the bottom half of the first one has turned the UART's interrupt on again."""
    before = notifications(shell)
    for number in range(1, 4):
        machine.type_secure("x")
        wait_for(lambda: notifications(shell), before + number, "notifications of characters typed")


def xtest_beside_hotplug(shell):
    """CPUs go and come while sessions are open and calls are under way, which other CPUs then finish."""
    start_xtest(shell, FOUR_CPUS)
    hotplug_until(shell, XTEST_DONE)
    end_xtest(shell, FOUR_CPUS)


def check_kernel(shell):
    require(shell.run("dmesg | grep -E 'BUG:|WARNING:|Oops|stall|optee: F' || true") == "", "the kernel complains")


def xtest(cases=None, append=""):
    """Real OP-TEE. Without cases: those of XTEST, or some that take no more than minutes."""

    def run(log, limit):
        chosen = cases or os.environ.get("XTEST") or CASES
        make_optee()
        with Typed(log, limit, "optee", OPTEE, *linux(f"{OPTEE}/initramfs.cpio.gz", append)) as machine:
            shell = Shell(machine)
            shell.wait(within=120)
            count, subtests = run_xtest(shell, chosen)
            check_typed(machine, shell)
            xtest_beside_hotplug(shell)
            check_kernel(shell)
            machine.line("poweroff -f")
            machine.expect_end()
            machine.look()
        return f"{count} xtest cases, {subtests} subtests"

    return run


def use_others(shell):
    """
    The module ffa_test, with the driver as it is: ffa-test would unload it, and OP-TEE's with it. How many passed. Not its
    notifications: for Linux's driver an id is one sender's, and OP-TEE's driver has 0. Not its interrupts: they are to come
    within milliseconds, and the CPUs are busy.
    """
    shell.run("dmesg -c >/dev/null; modprobe ffa_test groups=messages,sharing;"
              " dmesg >/tmp/ffa-test.log; rmmod ffa_test", within=shell.machine.limit)
    return pkvm.read_report(shell)[0]


def beside(log, limit):
    """OP-TEE with less memory, and three other partitions: ffa_test uses them while xtest uses OP-TEE."""
    make_optee()
    initrd = log.removesuffix(".log") + ".cpio.gz"
    with open(initrd, "wb") as out:
        for name in (f"{OPTEE}/initramfs.cpio.gz", FFA_TEST):
            with open(name, "rb") as part:
                shutil.copyfileobj(part, out)
    with Typed(log, limit, "optee-beside", OPTEE, *linux(initrd, "printk.time=0")) as machine:
        shell = Shell(machine)
        shell.wait(within=120)
        shell.run("optee-xtest")
        start_xtest(shell, BESIDE_CASES)
        passed, rounds = 0, 0
        while not exists(shell, XTEST_DONE):
            passed += use_others(shell)
            rounds += 1
        count, subtests = end_xtest(shell, BESIDE_CASES)
        check_typed(machine, shell)
        check_kernel(shell)
        machine.line("poweroff -f")
        machine.expect_end()
        machine.look()
    return f"{count} xtest cases, {subtests} subtests, beside {rounds} runs of ffa_test with {passed} tests"


def reset_in_use(machine, vms):
    """A VM is cut off in the middle of calls; the other one goes on, and it begins anew."""
    vms.switch("one")
    start_xtest(vms.shell, FOUR_CPUS)
    vms.switch("two")
    start_xtest(vms.shell, "1004")
    vms.ask("reset one")
    machine.line("")
    end_xtest(vms.shell, "1004")
    vms.switch("one")
    require(vms.shell.run("ls /tmp") == "", "VM one was not reset")
    return run_xtest(vms.shell, "1001 1004")


def vms(log, limit):
    """Two VMs of the hypervisor use OP-TEE at once; one is reset meanwhile, and lives on; each ends."""
    make_optee("--vms")
    files = bundle(log.removesuffix(".log") + ".cpio", "config/optee-vms.dts", "--dir", OPTEE_VMS,
                   "--dir", os.path.dirname(KERNEL))
    with Typed(log, limit, "optee", OPTEE_VMS, "--bl33", HYP, "--initrd", files) as machine:
        both = Vms(machine)
        both.shell.wait(within=200)
        start_xtest(both.shell, CASES)
        both.switch("two")
        counts = [run_xtest(both.shell, "1001 1004 1013")]
        # The console belongs to the VM that came to OP-TEE last.
        check_typed(machine, both.shell)
        both.switch("one")
        counts.append(end_xtest(both.shell, CASES))
        check_kernel(both.shell)
        counts.append(reset_in_use(machine, both))
        for name, other in (("two", "one"), ("one", None)):
            both.switch(name)
            check_kernel(both.shell)
            machine.line("poweroff -f")
            machine.expect(f"VM '{name}' is off", within=60)
            if other:
                both.switch(other)
                counts.append(run_xtest(both.shell, "1004"))
        machine.expect_end()
        machine.look()
    return f"{sum(n for n, _ in counts)} xtest cases, {sum(n for _, n in counts)} subtests"
