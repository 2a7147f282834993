# SPDX-License-Identifier: MIT
"""OP-TEE as a partition of trivet-spmc, and one of ours that behaves as it does, driven by Linux."""

import os
import re
import subprocess
import time

from machine import Failure, Shell, Skip, require
from spmc import SpmcMachine

KERNEL = "build/kernel/pkvm-host/Image"
INITRAMFS = "build/guest/optee.cpio.gz"
OPTEE = "build/optee"
NO_SOURCE = 77  # of scripts/mkoptee
CASES = "1001 1004 1006 1013 6001"  # of xtest, where XTEST names no others
CHECKS = 31  # what optee_like-test makes when none is missed; change it with the program
# Counters of the partition: enum service_count.
COUNTS = {"retrieved": 0, "relinquished": 1, "refused": 2, "interrupts": 3, "characters": 4, "bottom halves": 5}


class Typed(SpmcMachine):
    """With the normal world's shell, and something to type on the secure console."""

    def __init__(self, log, limit, partitions, folder, initrd, append=""):
        self.fifo = log.removesuffix(".log") + ".fifo"
        super().__init__(log, limit, "--set", partitions, "--dir", folder, "--bl33", KERNEL, "--initrd", initrd,
                         "--append", f"console=ttyAMA0 {append}", "--secure-input", self.fifo)

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
    line = shell.run("grep ARM-FFA-SRI /proc/interrupts")
    return sum(int(number) for number in re.findall(r"\s(\d+)(?=\s)", line.split(":", 1)[1])[:4])


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


def like(append=""):
    """payload/sp/optee_like and its client, twice: also after the driver went and CPUs were off."""

    def run(log, limit):
        with Typed(log, limit, "optee-like", "build/payload/sp", INITRAMFS, append) as machine:
            shell = Shell(machine)
            shell.wait(within=120)
            shell.run("modprobe -a ffa-core ffa-module optee")
            require("initialized driver" in shell.run("dmesg | grep optee:"), "Linux's driver does not take the partition")
            at_first = held(shell)
            check_report(shell.run("optee_like-test", check=False, within=limit))
            check_interrupts(machine, shell)
            check_reload(shell, at_first)
            hotplug(shell)
            check_report(shell.run("optee_like-test", check=False, within=limit))
            check_interrupts(machine, shell)
            require(count(shell, "refused") == 0, "the SPMC refused something")
            require(shell.run("dmesg | grep -E 'BUG:|WARNING:|Oops|stall' || true") == "", "the kernel complains")
            machine.line("poweroff -f")
            machine.expect_end()
            machine.look()
        return f"{2 * CHECKS} checks"

    return run


def make_optee():
    """Builds OP-TEE as a partition, if there is a source of it."""
    result = subprocess.run(["scripts/mkoptee", INITRAMFS], capture_output=True, text=True, stdin=subprocess.DEVNULL,
                            check=False)
    last = re.sub(r"^ *[A-Z]+ +", "", (result.stderr.splitlines() or ["no message"])[-1])
    if result.returncode == NO_SOURCE:
        raise Skip(f"{last}; OPTEE_OS_SRC=dir or OPTEE_OS_BIN=file gives one")
    require(result.returncode == 0, f"scripts/mkoptee: {last}")


def check_xtest(text, cases):
    """What it says at the end; each case that was asked for is among those that passed."""
    subtests = re.search(r"(\d+) subtests of which (\d+) failed", text)
    found = re.search(r"(\d+) test cases of which (\d+) failed", text)
    require(subtests and found, f"xtest came to no end: {text.strip().splitlines()[-1:]}")
    bad = re.findall(r"^(\w+) FAIL", text, re.M)
    require(int(subtests.group(2)) == 0 and int(found.group(2)) == 0 and not bad, f"xtest: {found.group(0)}: {bad[:5]}")
    missing = [case for case in cases if not re.search(rf"^regression_{case} OK", text, re.M)]
    require(not missing, f"xtest did not run {missing}")
    return f"{found.group(1)} xtest cases, {subtests.group(1)} subtests"


def xtest(cases=None):
    """Real OP-TEE. Without cases: those of XTEST, or some that take no more than minutes."""

    def run(log, limit):
        chosen = cases or os.environ.get("XTEST") or CASES
        make_optee()
        with Typed(log, limit, "optee", OPTEE, f"{OPTEE}/initramfs.cpio.gz") as machine:
            shell = Shell(machine)
            shell.wait(within=120)
            note = check_xtest(shell.run(f"optee-xtest {chosen}", check=False, within=limit),
                               [] if chosen == "all" else chosen.split())
            # The second comes only if the bottom half of the first one has turned the UART's interrupt on again.
            before = notifications(shell)
            for number in range(1, 4):
                machine.type_secure("x")
                wait_for(lambda: notifications(shell), before + number, "notifications of characters typed")
            hotplug(shell)
            check_xtest(shell.run("optee-xtest 1013", check=False, within=limit), ["1013"])
            machine.line("poweroff -f")
            machine.expect_end()
            machine.look()
        return note

    return run
