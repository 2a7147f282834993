# SPDX-License-Identifier: MIT
"""TF-A, trivet-spmc with its partitions, trivet-hyp and two Linux VMs on it, which reach the partitions by FF-A."""

import re

import pkvm
from linux import ESCAPE
from machine import require
from multi_vm import Vms
from spmc import SpmcMachine

HYP = "build/hyp/trivet-hyp.img"
BUNDLE = "build/bundle/ffa.cpio"
PARTITIONS = 3
VMS = 2


def load_driver(shell):
    """The kernel's own driver finds FF-A, its partitions and the other VM, and an interrupt of its own."""
    shell.run("modprobe ffa-module")
    text = shell.run("dmesg")
    require("ARM FF-A: Driver version 1.1" in text and "ARM FF-A: Firmware version 1.2 found" in text,
            f"the driver finds no FF-A: {text[-300:]!r}")
    require("Notification setup failed" not in text, "the driver has no notifications")
    require("ARM-FFA-NPI" in shell.run("cat /proc/interrupts"), "no notification interrupt")
    devices = shell.run("ls /sys/bus/arm_ffa/devices").split()
    require(len(devices) == PARTITIONS + VMS, f"devices: {devices}")


def reset_while_lent(machine, vms):
    """The first VM is cut off while a partition has pages of it, and lives on in other memory."""
    vms.switch("one")
    vms.shell.run("modprobe ffa-module; modprobe ffa_test groups=kept keep=4", within=120)
    machine.send(ESCAPE)
    machine.expect("trivet> ", within=20, what="hypervisor's prompt")
    machine.line("reset one")
    machine.expect(r"VM 'one': 0x8001 still holds \d+ of its pages", within=60, what="word of the pages that are held")
    machine.expect(r"VM 'one' gets other RAM", within=60, what="word of other RAM")
    machine.send(ESCAPE)
    machine.expect(r"Console of \w+", within=30)
    vms.shell.wait(within=200)
    load_driver(vms.shell)
    pkvm.run_tests(vms.shell, "groups=discovery,messages,sharing,notifications")


def run(log, limit):
    with SpmcMachine(log, limit, "--bl33", HYP, "--initrd", BUNDLE) as machine:
        machine.expect(rf"FF-A 1\.2: an SPMC with {PARTITIONS} partitions", within=60, what="the SPMC, found")
        vms = Vms(machine)
        vms.shell.wait(within=200)
        load_driver(vms.shell)
        passed, _ = pkvm.run_tests(vms.shell)
        require(passed >= 80, f"only {passed} tests passed")
        vms.switch("two")
        load_driver(vms.shell)
        pkvm.run_tests(vms.shell, "groups=discovery,messages,indirect,sharing,notifications")
        reset_while_lent(machine, vms)
        require(re.search(r"one\s+running", vms.ask("vms")), "VM one does not run")
        machine.send("\r")
        vms.shell.run("true")
        for name in ("two", "one"):
            if name == "two":
                vms.switch(name)
            machine.line("poweroff -f")
            machine.expect(f"VM '{name}' is off", within=60)
            if name == "two":
                vms.switch("one")
        machine.expect_end(within=60)
