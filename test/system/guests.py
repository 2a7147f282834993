# SPDX-License-Identifier: MIT
"""Firmware in flash: U-Boot and UEFI to their prompts, what they find there, and Linux that they boot from a disk. And a
program of the user's own, by `make run-guest`."""

import os
import re

from machine import Machine, Shell, require
from payloads import read_report

UBOOT_PROMPT = r"^=> "
UEFI_PROMPT = r"Shell> \S*|FS0:\\> \S*"  # with the codes of a terminal behind it


class Prompt:
    """A firmware's prompt on a machine's console."""

    def __init__(self, machine, prompt):
        self.machine = machine
        self.prompt = prompt

    def ask(self, command, within=30):
        self.machine.line(command)
        self.machine.expect(self.prompt, within=within, what=f"end of {command!r}")
        return self.machine.text.replace("\r", "")


def check_linux(machine):
    """The firmware has started Linux: its shell, both CPUs and the disk; then it ends."""
    shell = Shell(machine)
    shell.wait(within=90)
    require(shell.run("nproc") == "2", "Linux does not have two CPUs")
    require("/dev/vda" in shell.run("ls /dev/vda"), "Linux has no disk")
    machine.line("poweroff -f")
    machine.expect_end()


def to_uboot(machine):
    machine.expect(r"U-Boot 20\d\d", within=60)
    machine.expect(r"Hit any key to stop autoboot", within=30)
    machine.line("")
    machine.expect(UBOOT_PROMPT, within=20, what="U-Boot's prompt")
    return Prompt(machine, UBOOT_PROMPT)


def begin_again(machine, *commands):
    """The VM through these commands of the hypervisor's prompt, and to its own."""
    rests = {"stop": "is stopped", "destroy": "is destroyed", "start": ""}
    machine.send("\x1d")
    machine.expect(r"trivet> ", within=20)
    for command in commands:
        machine.line(f"{command} uboot")
        machine.expect(rests[command], within=60, what=f"end of {command!r}")
    machine.send("\x1d")
    machine.expect("Console of uboot", within=20)
    return to_uboot(machine)


def uboot(log, limit):
    with Machine(log, limit, "--bundle", "build/bundle/uboot.cpio", "--cpus", "2") as machine:
        prompt = to_uboot(machine)
        require("U-Boot 20" in prompt.ask("version"), "'version' does not answer")
        memory = prompt.ask("bdinfo")
        require(re.search(r"start\s*= 0x0*40000000\s+-> size\s*= 0x0*20000000", memory), f"bdinfo: {memory!r}")
        require("linux,dummy-virt" in prompt.ask("fdt addr 0x40000000; fdt print / compatible"), "no device tree in RAM")
        require("startup.nsh" in prompt.ask("ls virtio 0 /"), "it does not read the disk")
        require("bytes read" in prompt.ask("load virtio 0 0x41000000 /Image"), "it does not load a file")
        require("10.7.0." in prompt.ask("setenv autoload no; dhcp"), "the switch gave it no address")
        # What it writes to flash is there after a reset.
        prompt.ask("setenv kept 'a pinch of salt'")
        require(re.search(r"^OK", prompt.ask("saveenv", within=60), re.M), "saveenv failed")
        machine.line("reset")
        prompt = to_uboot(machine)
        require("kept=a pinch of salt" in prompt.ask("printenv kept"), "the environment is not as it was saved")
        # Also when the VM was off; when it is destroyed its flash goes with it, and comes back as in the bundle.
        prompt = begin_again(machine, "stop", "start")
        require("kept=a pinch of salt" in prompt.ask("printenv kept"), "stop and start lose what is in flash")
        prompt = begin_again(machine, "stop", "destroy", "start")
        require('"kept" not defined' in prompt.ask("printenv kept"), "what was in flash outlives the VM's memory")
        prompt.ask("setenv kept again")
        require(re.search(r"^OK", prompt.ask("saveenv", within=60), re.M), "saveenv failed in the new flash")
        machine.line("boot")
        check_linux(machine)


def to_uefi(machine):
    machine.expect(r"UEFI Interactive Shell", within=90)
    machine.expect(r"Press .*ESC", within=30)
    machine.send("\x1b")
    machine.expect(UEFI_PROMPT, within=30, what="UEFI's shell")
    return Prompt(machine, UEFI_PROMPT)


def uefi(log, limit):
    with Machine(log, limit, "--bundle", "build/bundle/uefi.cpio", "--cpus", "2") as machine:
        prompt = to_uefi(machine)
        require("UEFI v2" in prompt.ask("ver"), "'ver' does not answer")
        require("startup.nsh" in prompt.ask("ls fs0:\\"), "it does not read the disk")
        # A variable is in flash, and there after a reset.
        prompt.ask("setvar Kept -guid 11223344-5566-7788-99aa-bbccddeeff00 -bs -nv =0x53616c74")
        machine.line("reset")
        prompt = to_uefi(machine)
        kept = prompt.ask("setvar Kept -guid 11223344-5566-7788-99aa-bbccddeeff00")
        require("74 6C 61 53" in kept, f"the variable is not as it was: {kept!r}")
        machine.line("fs0:\\startup.nsh")
        check_linux(machine)


# ---- a program of the user's own ----

OWN = "build/test/own program"  # a folder whose name a shell would take for two
IMAGE_MAGIC = b"ARM\x64"  # at byte 56 of an arm64 Image


class RunGuest(Machine):
    """The command of the README."""

    START = "make"

    def __init__(self, log, limit, *variables):
        super().__init__(log, limit, "run-guest", *variables)

    def refused(self, message):
        """It ends with that message and an error, before QEMU is started."""
        self.expect(message + r"[^\n]*\r*\n", within=60)
        self.expect_end()
        self.child.close()
        require(self.child.exitstatus not in (0, None), "make reports no error")
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            require("Trivet" not in log.read(), "QEMU was started")


def own_file(name, data):
    os.makedirs(OWN, exist_ok=True)
    path = f"{OWN}/{name}"
    with open(path, "wb") as file:
        file.write(data)
    return path


def check_form(log, limit, form):
    """A payload that reports, in one of the forms that a program may have."""
    with open(f"build/payload/psci.{'elf' if form == 'elf' else 'img'}", "rb") as file:
        data = file.read()
    variables = ["VCPUS=4", "MEM=32"]
    if form == "raw":
        require(data[56:60] == IMAGE_MAGIC, "the payload is no Image")
        data = data[:56] + bytes(4) + data[60:]
        variables.append("LOAD_OFFSET=0x100000")
    # The same name as the disk that the command adds.
    with RunGuest(log, limit, f"GUEST={own_file('disk.img', data)}", *variables) as machine:
        read_report(machine)
        machine.expect_end()


def check_wrong(log, limit):
    """What is none of these is told so: by make where the file cannot be read, else by the hypervisor."""
    with RunGuest(log, limit) as machine:
        machine.refused(r"make run-guest GUEST=file: ")
    with RunGuest(log, limit, f"GUEST={OWN}/none") as machine:
        machine.refused(rf"mkbundle: {OWN}/none: No such file or directory")
    with RunGuest(log, limit, f"GUEST={own_file('x', b'x')}", "LOAD_OFFSET=here") as machine:
        machine.refused(r"mkbundle: error: argument --load-offset: ")
    for name, data, message in (("a-text", b"This is no program.\n", r"is neither an arm64 Image nor an ELF file; for a raw"),
                                ("packed.gz", b"\x1f\x8b\x08" + bytes(60), r"is packed with gzip: unpack it"),
                                ("x86.elf", b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\x00\x3e\x00" + bytes(44),
                                 r"is an ELF file, but "),
                                ("empty", b"", r"the file '[^']*' in the bundle is empty")):
        with RunGuest(log, limit, f"GUEST={own_file(name, data)}") as machine:
            machine.expect(rf"VM '{name.split('.')[0]}': kernel: [^\n]*{message}", within=60)
            machine.expect(r"no VM was started\. [^\n]*\n", within=20)
            machine.send("\x1d")
            machine.expect(r"trivet> ", within=20)
            machine.line("quit")
            machine.expect_end()


def run_guest(log, limit):
    """One after the other, since they all make the same bundle; the log is that of the last."""
    for form in ("elf", "image", "raw"):
        check_form(log, limit, form)
    check_wrong(log, limit)
