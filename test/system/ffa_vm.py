# SPDX-License-Identifier: MIT
"""FF-A of VMs (payload/vm/ffa): one calls the partitions of an SPMC below, and others, with and without one."""

import re

from machine import Machine, bundle
from payloads import read_report
from spmc import SpmcMachine

IMAGE = "build/hyp/trivet-hyp.img"


def manifest(name, cpus, spmc, out):
    """config/NAME.dts, for so many CPUs, and told that there are no partitions if there is no SPMC."""
    with open(f"config/{name}.dts", encoding="utf-8") as file:
        text = file.read()
    text = re.sub(r"affinity = <([^>]*)>",
                  lambda m: f"affinity = <{' '.join(str(int(n) % cpus) for n in m.group(1).split())}>", text)
    if not spmc:
        text = text.replace('bootargs = "sp', 'bootargs = "alone')
    with open(out, "w", encoding="utf-8") as file:
        file.write(text)
    return out


def run(name, cpus, spmc):
    def case(log, limit):
        stem = log.removesuffix(".log")
        archive = bundle(f"{stem}.cpio", manifest(name, cpus, spmc, f"{stem}.dts"), "--dir", "build/payload")
        if spmc:
            machine = SpmcMachine(log, limit, "--bl33", IMAGE, "--initrd", archive, "--cpus", str(cpus))
        else:
            machine = Machine(log, limit, "--bundle", archive, "--cpus", str(cpus), "--memory", "1G", "--no-reboot")
        with machine:
            note = read_report(machine)
            machine.expect_end()
            machine.look()
            return note

    return case


def to_partitions():
    """(name, function) for each."""
    return [("4cpu", run("ffa-vm", 4, True)), ("1cpu", run("ffa-vm", 1, True)), ("no-spmc", run("ffa-vm", 4, False))]


def to_vms():
    return [(f"{vms}-vms-{cpus}cpu{'-spmc' if spmc else ''}", run(f"ffa-vm-{vms}", cpus, spmc))
            for vms in (2, 3) for cpus in (4, 1) for spmc in (False, True)]
