# SPDX-License-Identifier: MIT
"""What a boot loader does between firmware and a kernel: the machine's device tree names the command line and an initrd.

For run-qemu and run-spmc: QEMU itself loads no initrd where firmware is in flash.
"""

import os

from dts import run

# Where TF-A's loader is not: BL33 is at 0x60000000, the device tree at the start of RAM.
INITRD_BASE = 0x64000000


def devices(tree):
    """(node, address) of each node at the root that has an address."""
    for node in run("fdtget", "-l", tree, "/").decode().split():
        name, _, address = node.partition("@")
        if name and address:
            yield f"/{node}", int(address, 16)


def write(machine, tree, flash, append="", initrd=None, hidden=()):
    """Writes the tree of the machine, a QEMU command line, to the file 'tree'; returns the options that give QEMU the
    flash, the tree and the initrd. Devices at addresses in the ranges of 'hidden' are there for others: disabled."""
    new = f"{tree}.new"
    # The tree depends on whether there is firmware, which has PSCI then.
    run(*machine, "-machine", f"dumpdtb={new}", "-bios", flash)
    line = ["-bios", flash, "-dtb", tree]
    if append:
        run("fdtput", "-t", "s", new, "/chosen", "bootargs", append)
    if initrd:
        end = INITRD_BASE + os.path.getsize(initrd)
        for name, address in (("start", INITRD_BASE), ("end", end)):
            run("fdtput", "-t", "x", new, "/chosen", f"linux,initrd-{name}", "0", f"{address:x}")
        line += ["-device", f"loader,file={initrd},addr={INITRD_BASE:#x},force-raw=on"]
    for node, address in devices(new):
        if any(address in span for span in hidden):
            run("fdtput", "-t", "s", new, node, "status", "disabled")
    os.replace(new, tree)
    return line
