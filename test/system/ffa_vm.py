# SPDX-License-Identifier: MIT
"""FF-A of VMs (payload/vm/ffa): one calls the partitions of an SPMC below, and others, with and without one."""

import re

from machine import Machine, bundle, require
from multi_vm import Vms
from payloads import read_report
from spmc import SpmcMachine, edited, put

IMAGE = "build/hyp/trivet-hyp.img"
LIVES = 12  # of halves.c


def manifest(name, cpus, spmc, out, words=""):
    """config/NAME.dts, for so many CPUs, and told that there are no partitions if there is no SPMC; more words for the tester."""
    with open(f"config/{name}.dts", encoding="utf-8") as file:
        text = file.read()
    text = re.sub(r"affinity = <([^>]*)>",
                  lambda m: f"affinity = <{' '.join(str(int(n) % cpus) for n in m.group(1).split())}>", text)
    if not spmc:
        text = text.replace('bootargs = "sp', 'bootargs = "alone')
    text = re.sub('bootargs = "(sp|alone)', f'bootargs = "{words}\\1', text)
    with open(out, "w", encoding="utf-8") as file:
        file.write(text)
    return out


def machine_of(name, cpus, spmc, log, limit, words="", options=()):
    """The machine with config/NAME.dts, and options for one with an SPMC."""
    stem = log.removesuffix(".log")
    archive = bundle(f"{stem}.cpio", manifest(name, cpus, spmc, f"{stem}.dts", words), "--dir", "build/payload")
    if spmc:
        return SpmcMachine(log, limit, "--bl33", IMAGE, "--initrd", archive, "--cpus", str(cpus), *options)
    return Machine(log, limit, "--bundle", archive, "--cpus", str(cpus), "--memory", "1G", "--no-reboot")


def run(name, cpus, spmc):
    def case(log, limit):
        with machine_of(name, cpus, spmc, log, limit) as machine:
            note = read_report(machine)
            machine.expect_end()
            machine.look()
            return note

    return case


def older(log, limit):
    """The SPMC's manifest says that it has FF-A 1.1, so that is what the hypervisor speaks with it; the VM speaks 1.2."""
    blob = log.removesuffix(".log") + ".dtb"
    edited("config/spmc/default.dts", blob, [put("/attribute", "min_ver", "1")])
    with machine_of("ffa-vm", 4, True, log, limit, "older ", ("--set", blob)) as machine:
        machine.expect(r"FF-A 1\.1: an SPMC with 3 partitions", what="the version")
        note = read_report(machine)
        machine.expect_end()
        machine.look()
        return note


def free_memory(vms):
    """KiB, as the prompt's `memory` says."""
    found = re.search(r"free (\d+) KiB", vms.ask("memory"))
    require(found, "'memory' tells nothing")
    return int(found.group(1))


def halves(name, cpus, spmc):
    """A VM resets itself while it sends fragments (payload/vm/ffa/halves.c): nothing is left, and no memory is lost."""

    def case(log, limit):
        with machine_of(name, cpus, spmc, log, limit, "halves ") as machine:
            vms, free = Vms(machine), []
            while len(free) <= LIVES:
                found = machine.expect(r"# life (\d+): a key", r"^not ok ([^\r\n]*)", what="another life")
                require("not ok" not in found.group(0), found.group(1))
                require(int(found.group(1)) == len(free), f"life {found.group(1)} is number {len(free)}")
                free.append(free_memory(vms))
                machine.send("k")
            read_report(machine)
            machine.expect_end()
            machine.look()
        with open(log, encoding="utf-8", errors="replace") as file:
            require(not re.search("still holds|other RAM|given back", file.read()), "pages were not the VM's any more")
        # In six lives each kind goes to each partner once; before, EL2 takes what it keeps for such calls.
        require(free[-1] == free[LIVES // 2], f"free memory, life by life: {free}")
        return f"{LIVES} resets"

    return case


def to_partitions():
    """(name, function) for each."""
    return [("4cpu", run("ffa-vm", 4, True)), ("1cpu", run("ffa-vm", 1, True)), ("no-spmc", run("ffa-vm", 4, False)),
            ("spmc-1.1", older), ("halves", halves("ffa-vm", 4, True))]


def to_vms():
    return [(f"{vms}-vms-{cpus}cpu{'-spmc' if spmc else ''}", run(f"ffa-vm-{vms}", cpus, spmc))
            for vms in (2, 3) for cpus in (4, 1) for spmc in (False, True)] + \
        [(f"halves-{cpus}cpu{'-spmc' if spmc else ''}", halves("ffa-vm-2", cpus, spmc))
         for cpus, spmc in ((4, False), (1, False), (4, True))]
