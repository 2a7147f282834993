# SPDX-License-Identifier: MIT
"""trivet-hyp started by firmware: by TF-A as its BL33, and by U-Boot as a kernel."""

import re

import linux
from machine import Machine, Shell, require

BUNDLE = "build/bundle/linux.cpio"
UBOOT = "build/deps/uboot/u-boot.bin"


def check_hotplug(shell):
    """CPUs of the VM go and come, while the physical ones stay as firmware started them."""
    for cpu in (1, 2, 3):
        shell.run(f"echo 0 > /sys/devices/system/cpu/cpu{cpu}/online")
    require(shell.run("nproc") == "1", "CPUs 1 to 3 were turned off, and nproc is not 1")
    for cpu in (1, 2, 3):
        shell.run(f"echo 1 > /sys/devices/system/cpu/cpu{cpu}/online")
        answer = shell.run(f"taskset {1 << cpu:x} sh -c 'sleep 0.1; echo $((6 * 7))'")
        require(answer == "42", f"CPU {cpu} does no work after it was off")
    require(shell.run("nproc") == "4", "CPUs 1 to 3 were turned on again, and nproc is not 4")


def boot(machine, shell, firmware):
    """From the firmware's first line to the shell."""
    machine.expect(firmware, within=60, what="firmware's banner")
    machine.expect(r"Trivet [^\r\n]*NS-EL2", within=60, what="hypervisor's banner")
    machine.expect(r"4 CPUs[^\r\n]*PSCI \d\.\d by SMC", within=20, what="4 CPUs, started by the firmware's PSCI")
    shell.wait(within=150)
    require(shell.run("nproc") == "4", "nproc is not 4")


def cpus_run(machine, shell):
    """Each physical CPU has spent time in the guest, says the hypervisor's prompt."""
    machine.send(linux.ESCAPE)
    machine.expect(linux.PROMPT, within=20, what="hypervisor's prompt")
    machine.line("cpus")
    machine.expect(linux.PROMPT, within=20, what="prompt after 'cpus'")
    busy = re.findall(r"^\s*[0-3]\s.*?\b([1-9]\d*) ms", machine.text, re.M)
    require(len(busy) == 4, f"not all CPUs ran: {machine.text!r}")
    machine.send(linux.ESCAPE)
    machine.expect(r"Console of \w+", within=20)
    machine.line("")
    machine.expect(Shell.PROMPT, within=20, what="the guest's prompt after the hypervisor's")


def session(firmware, *options):
    """Boot by a firmware, use the VM, restart it, end."""

    def run(log, limit):
        with Machine(log, limit, "--bundle", BUNDLE, *options) as machine:
            shell = Shell(machine)
            boot(machine, shell, firmware)
            linux.check_interrupts(shell)
            linux.check_disk(shell)
            check_hotplug(shell)
            cpus_run(machine, shell)
            machine.line("reboot -f")
            shell.wait(within=150)
            require(shell.run("nproc") == "4", "nproc is not 4 after reboot -f")
            machine.line("poweroff -f")
            machine.expect_end()

    return run


def tfa(cpu):
    """TF-A, with the image as BL33."""

    def run(log, limit):
        flash = log.replace(".log", ".flash")
        session(r"BL31: v", "--tfa", "--flash", flash, "--cpu", cpu)(log, limit)

    return run


uboot = session(r"U-Boot 20\d\d", "--bios", UBOOT)
