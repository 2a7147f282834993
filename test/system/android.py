# SPDX-License-Identifier: MIT
"""A kernel of Android's configuration as a VM, with payload/linux/android as its userspace."""

import re
import time

from machine import Machine, Shell, require

BUNDLE = "build/bundle/android.cpio"
CHECKS = 177  # what android-test makes when none is missed; change it with the program
CLOCK_SECONDS = 30  # how far the guest's clock may be from the host's


def check_clock(shell):
    """The kernel took its time from the PL031 when it booted; nobody has set it since."""
    guest = int(shell.run("date +%s"))
    require(abs(guest - time.time()) < CLOCK_SECONDS, f"the guest's clock says {guest}, the host's {time.time():.0f}")


def check_report(text):
    """Every check reported, in order, and none failed."""
    lines = re.findall(r"^((?:not )?ok) (\d+) - ([^\r\n]*)", text, re.M)
    failed = [what for result, _, what in lines if result != "ok"]
    require(not failed, f"{len(failed)} checks fail: {'; '.join(failed[:5])}")
    require([int(number) for _, number, _ in lines] == list(range(1, CHECKS + 1)),
            f"{len(lines)} checks reported, not {CHECKS}; the last is {lines[-1:]!r}")
    require(f"1..{CHECKS}" in text and f"# done: {CHECKS} passed, 0 failed" in text, "the report has no end")


def check_kernel(shell):
    require("android" in shell.run("uname -r"), "this is not our kernel")
    faults = shell.run("dmesg | grep -E 'WARNING:|BUG:|Internal error|CFI failure|Oops|detected stall' || true")
    require(faults == "", f"the kernel complains: {faults[:200]}")


def proof(log, limit):
    with Machine(log, limit, "--bundle", BUNDLE, "--cpus", "4") as machine:
        shell = Shell(machine)
        shell.wait(within=150)
        check_clock(shell)
        check_report(shell.run("android-test", check=False, within=240))
        check_kernel(shell)
        machine.line("poweroff -f")
        machine.expect_end()
    return f"{CHECKS} checks"
