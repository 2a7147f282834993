# SPDX-License-Identifier: MIT
"""Payloads on a CPU that has VHE only (HCR_EL2.E2H stuck at 1, FEAT_E2H0 absent).

QEMU models none, so GDB plays it: on every CPU it stops at the one write of HCR_EL2 by boot.S and adds E2H. From there on
the image must find out by itself and use the other register layouts and names.
"""

import os
import subprocess

from machine import Failure, Machine, bundle, require
from payloads import read_report

ELF = "build/hyp/trivet-hyp.elf"
LOAD_ADDRESS = 0x40200000  # where QEMU's virt puts an Image
E2H = 1 << 34
LIMIT = 180


def symbol(name):
    """The linked address of a symbol of the image."""
    table = subprocess.run(["aarch64-linux-gnu-nm", ELF], capture_output=True, text=True, check=True).stdout
    for line in table.splitlines():
        address, _, found = line.rpartition(" ")
        if found == name:
            return int(address.split()[0], 16)
    raise Failure(f"{ELF} has no symbol {name}")


def gdb_commands(socket):
    """Adds E2H at every stop at EL2, for ever; a payload may have code at the same address. GDB ends when QEMU does."""
    return ["set pagination off", "set confirm off", f"target remote {socket}",
            f"hbreak *{LOAD_ADDRESS + symbol('boot_set_hcr'):#x}",
            "while 1\ncontinue\nif ($cpsr & 0xc) == 8\nset $x1 = $x1 | %#x\nend\nend" % E2H]


def run_payload(name, cpus, log, limit):
    """As payloads.run_payload, with GDB beside it."""
    affinity = ",".join(str(i % cpus) for i in range(4))
    archive = bundle(f"build/test/vhe-{name}.cpio", "--payload", f"build/payload/{name}.img", "--vcpus", "4",
                     "--affinity", affinity)
    socket = f"build/test/vhe-{name}.sock"
    script = f"build/test/vhe-{name}.gdb"
    if os.path.exists(socket):
        os.remove(socket)
    with open(script, "w", encoding="utf-8") as out:
        out.write("\n".join(gdb_commands(socket)) + "\n")
    with Machine(log, limit, "--bundle", archive, "--cpus", str(cpus), "--memory", "1G", "--no-reboot", "--",
                 "-gdb", f"unix:{socket},server=on,wait=off", "-S") as machine:
        while not os.path.exists(socket):
            require(machine.child.isalive(), "QEMU did not start")
        with subprocess.Popen(["gdb-multiarch", "-batch", "-nx", "-x", script], stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as gdb:
            try:
                machine.expect("VHE only", what="VHE only (the image did not find E2H set)")
                note = read_report(machine)
                machine.expect_end()
            finally:
                gdb.kill()
        return note


def cases():
    """(name, limit, function): what touches the most registers, on CPUs of their own and on a shared one."""

    def case(name, cpus):
        return lambda log, limit: run_payload(name, cpus, log, limit)

    return [(f"{name}-{cpus}cpu", LIMIT, case(name, cpus))
            for name, cpus in (("gic", 4), ("timers", 4), ("wild", 4), ("smp", 1))]
