# SPDX-License-Identifier: MIT
"""Shared memories: three VMs of payload/vm/shmem, and two Linux VMs that use one through /dev/mem."""

import re

from machine import Machine, bundle, require
from multi_vm import Vms
from payloads import read_report

REGISTERS = 0x0C000000
MEMORY = 0x10000000
UP, CONTROL, STATUS, DOORBELL = 0x10, 0x14, 0x18, 0x20


def payloads(cpus):
    """config/shmem.dts as it is, or with all VMs on one CPU."""

    def run(log, limit):
        source = "config/shmem.dts"
        if cpus == 1:
            with open(source, encoding="utf-8") as file:
                text = re.sub(r"affinity = <\d>", "affinity = <0>", file.read())
            source = "build/test/shmem-1cpu.dts"
            with open(source, "w", encoding="utf-8") as file:
                file.write(text)
        archive = bundle(f"build/test/shmem-{cpus}.cpio", source, "--dir", "build/payload")
        with Machine(log, limit, "--bundle", archive, "--cpus", str(cpus), "--memory", "1G", "--no-reboot") as machine:
            note = read_report(machine)
            machine.expect_end()
            return note

    return run


class Side:
    """A VM's shell, and its side of the shared memory."""

    def __init__(self, vms, name):
        self.vms, self.name = vms, name

    def run(self, command, **options):
        return self.vms.shell.run(command, **options)

    def enter(self):
        self.vms.switch(self.name)
        return self

    def get(self, address):
        return int(self.run(f"devmem {address:#x} 32"), 16)

    def set(self, address, value):
        self.run(f"devmem {address:#x} 32 {value:#x}")


def check_doorbell(one, two):
    """One writes a word and rings; two sees who rang, and reads the word; then the other way round without the word."""
    two.enter().set(REGISTERS + CONTROL, 1)
    one.enter().set(REGISTERS + CONTROL, 1)
    require(one.get(REGISTERS + UP) == 3, "not both take part")
    one.set(MEMORY + 0x100, 0xC0FFEE)
    one.set(REGISTERS + DOORBELL, 1)
    two.enter()
    require(two.get(REGISTERS + STATUS) & 1, "the ring did not arrive at two")
    require(two.get(MEMORY + 0x100) == 0xC0FFEE, "the word did not arrive at two")
    two.set(REGISTERS + STATUS, 0xFFFFFFFF)
    require(two.get(REGISTERS + STATUS) == 0, "STATUS is not cleared")
    # Its side is read-only: the kernel makes an external abort a SIGBUS.
    answer = two.run(f"devmem {MEMORY + 0x100:#x} 32 1; echo code $?", check=False)
    require("code 135" in answer, f"a write by the read-only side: {answer!r}")
    require(two.get(MEMORY + 0x100) == 0xC0FFEE, "the read-only side has changed the word")
    two.set(REGISTERS + DOORBELL, 0)
    require(one.enter().get(REGISTERS + STATUS) & 2, "the ring did not arrive at one")


def check_life(vms, one, two):
    """What the memory holds stays while one VM is up, also if the other is destroyed; with none up it goes."""
    one.enter()
    one.set(REGISTERS + STATUS, 0xFFFFFFFF)
    vms.machine.send("\x1d")
    vms.machine.expect(r"trivet> ", within=20)
    vms.machine.line("stop two")
    vms.machine.expect(r"VM 'two' is stopped", within=60)
    vms.machine.line("destroy two")
    vms.machine.expect(r"VM 'two' is destroyed", within=60)
    vms.machine.line("shared")
    vms.machine.expect(r"0 one +read-write up .*1 two +read-only  down", within=20)
    vms.machine.line("start two")
    vms.machine.send("\x1d")
    vms.machine.expect(r"Console of one", within=20)
    vms.machine.line("")
    vms.shell.wait(within=60)
    require(one.get(REGISTERS + UP) == 1, "two is stopped and still up")
    require(one.get(REGISTERS + STATUS) & 0x20000, "one was not told that two has gone")
    two.enter()
    require(two.get(MEMORY + 0x100) == 0xC0FFEE, "the word is lost although one was up")
    vms.machine.send("\x1d")
    vms.machine.expect(r"trivet> ", within=20)
    for name in ("one", "two"):
        vms.machine.line(f"stop {name}")
        vms.machine.expect(f"VM '{name}' is stopped", within=60)
    vms.machine.line("start two")
    vms.machine.send("\x1d")
    vms.machine.expect(r"Console of two", within=20)
    vms.machine.line("")
    vms.shell.wait(within=200)
    require(two.get(MEMORY + 0x100) == 0, "the word has outlived all VMs")


def linux(log, limit):
    with Machine(log, limit, "--bundle", "build/bundle/shmem-linux.cpio", "--cpus", "2") as machine:
        vms = Vms(machine)
        vms.shell.wait(within=300)
        one, two = Side(vms, "one"), Side(vms, "two")
        check_doorbell(one, two)
        check_life(vms, one, two)
        machine.line("poweroff -f")
        machine.expect(r"VM 'two' is off", within=60)
