# SPDX-License-Identifier: MIT
"""TF-A, trivet-spmc with its partitions, trivet-hyp, and on it Linux and other VMs, all of which use FF-A.

config/ffa.dts has a Linux VM and one that acts as a partition, config/ffa-linux.dts two Linux VMs. Both also without TF-A
and partitions.
"""

import pkvm
from linux import ESCAPE, sum_of
from machine import Machine, Shell, require
from multi_vm import Vms
from spmc import SpmcMachine

HYP = "build/hyp/trivet-hyp.img"
SERVANT = "build/bundle/ffa.cpio"
TWO_LINUX = "build/bundle/ffa-linux.cpio"
PARTITIONS = 3
VMS = 2
PEER_TESTS = 39  # of the groups peer and peer_mailbox
LINUX_PEER_TESTS = 34  # those that another Linux can serve


def load_driver(shell, partitions=PARTITIONS):
    """The kernel's own driver finds FF-A, its partitions and the other VMs, and an interrupt of its own."""
    shell.run("modprobe ffa-module")
    text = shell.run("dmesg")
    require("ARM FF-A: Driver version 1.1" in text and "ARM FF-A: Firmware version 1.2 found" in text,
            f"the driver finds no FF-A: {text[-300:]!r}")
    require("Notification setup failed" not in text, "the driver has no notifications")
    require("ARM-FFA-NPI" in shell.run("cat /proc/interrupts"), "no notification interrupt")
    devices = shell.run("ls /sys/bus/arm_ffa/devices").split()
    require(len(devices) == partitions + VMS, f"devices: {devices}")


def notified(shell):
    """How often this VM's CPUs have got the notification pending interrupt since the driver was loaded."""
    return sum_of(shell.run("cat /proc/interrupts"), "ARM-FFA-NPI") or 0


def check_peer(shell, parameters, least):
    """Another VM, without the driver and with it. How many tests passed."""
    passed, _ = pkvm.run_tests(shell, f"groups=peer_mailbox,peer {parameters}")
    require(notified(shell) > 0, "no notification pending interrupt came")
    require(passed >= least, f"only {passed} tests with another VM passed")
    return passed


def check_newer(machine, shell):
    """A VM that has not agreed on another version yet does the same with FF-A 1.2; and begins anew, to agree again."""
    shell.run("dmesg -c >/dev/null; modprobe ffa_test groups=mailbox,peer_mailbox version=0x10002;"
              " dmesg | sed 's/^\\[ *[0-9.]*\\] //' >/tmp/ffa-test.log", within=120)
    passed, _ = pkvm.read_report(shell)
    machine.line("reboot -f")
    shell.wait(within=200)
    return passed


def check_linux_peer(vms, partitions):
    """VM two serves, and VM one tests it. How many tests passed."""
    vms.switch("two")
    vms.shell.run("modprobe ffa_test serve=1")
    vms.switch("one")
    load_driver(vms.shell, partitions)
    passed = check_peer(vms.shell, "linux_peer=1", LINUX_PEER_TESTS)
    vms.switch("two")
    vms.shell.run("rmmod ffa_test")
    pkvm.check_kernel(vms.shell)
    return passed


def quit_machine(machine):
    """At the prompt: the VM that acts as a partition does not end by itself."""
    machine.send(ESCAPE)
    machine.expect("trivet> ", within=20, what="hypervisor's prompt")
    machine.line("quit")
    machine.expect_end(within=60)


def power_off(machine, vms):
    """VM two, whose console it is, then VM one, and with them the machine."""
    machine.line("poweroff -f")
    machine.expect("VM 'two' is off", within=60)
    vms.switch("one")
    machine.line("poweroff -f")
    machine.expect_end(within=60)


def without_spmc(log, limit):
    """VMs alone: the hypervisor answers all by itself."""
    options = ["--cpus", "4", "--memory", "1G", "--no-reboot"]
    with Machine(log, limit, "--bundle", SERVANT, *options) as machine:
        shell = Shell(machine)
        shell.wait(within=100)
        passed = check_newer(machine, shell)
        load_driver(shell, partitions=0)
        passed += check_peer(shell, "", PEER_TESTS)
        quit_machine(machine)
    with Machine(log.replace(".log", "-two.log"), limit, "--bundle", TWO_LINUX, *options) as machine:
        vms = Vms(machine)
        vms.shell.wait(within=100)
        passed += check_linux_peer(vms, partitions=0)
        power_off(machine, vms)
        return f"{passed} tests"


def reset_while_lent(machine, shell):
    """The VM is cut off while a partition has pages of it, and lives on in other memory."""
    shell.run("modprobe ffa-module; modprobe ffa_test groups=kept keep=4", within=120)
    machine.send(ESCAPE)
    machine.expect("trivet> ", within=20, what="hypervisor's prompt")
    machine.line("reset one")
    machine.expect(r"VM 'one': 0x8001 still holds \d+ of its pages", within=60, what="word of the pages that are held")
    machine.expect(r"VM 'one' gets other RAM", within=60, what="word of other RAM")
    machine.send(ESCAPE)
    machine.expect(r"Console of \w+", within=30)
    shell.wait(within=200)
    load_driver(shell)
    pkvm.run_tests(shell, "groups=discovery,messages,sharing,notifications")


class Below(SpmcMachine):
    """The hypervisor with one of the bundles, behind TF-A and the SPMC."""

    def __init__(self, log, limit, bundle):
        super().__init__(log, limit, "--bl33", HYP, "--initrd", bundle)

    def __enter__(self):
        super().__enter__()
        self.expect(rf"FF-A 1\.2: an SPMC with {PARTITIONS} partitions", within=60, what="the SPMC, found")
        return self


def beside_servant(log, limit):
    """A Linux VM: all tests, with partitions and with another VM."""
    with Below(log, limit, SERVANT) as machine:
        shell = Shell(machine)
        shell.wait(within=200)
        newer = check_newer(machine, shell)
        load_driver(shell)
        passed, _ = pkvm.run_tests(shell)
        require(notified(shell), "no notification pending interrupt came")
        require(passed >= 80 + PEER_TESTS, f"only {passed} tests passed")
        reset_while_lent(machine, shell)
        quit_machine(machine)
        machine.look()
        return f"{newer + passed} tests"


def two(log, limit):
    """Two Linux VMs: with partitions both, and with each other."""
    with Below(log, limit, TWO_LINUX) as machine:
        vms = Vms(machine)
        vms.shell.wait(within=200)
        passed = check_linux_peer(vms, PARTITIONS)
        load_driver(vms.shell)
        more, _ = pkvm.run_tests(vms.shell, "groups=discovery,messages,indirect,sharing,notifications")
        vms.switch("one")
        last, _ = pkvm.run_tests(vms.shell, "groups=discovery,messages,indirect,sharing,notifications")
        vms.switch("two")
        power_off(machine, vms)
        machine.look()
        return f"{passed + more + last} tests"
