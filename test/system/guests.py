# SPDX-License-Identifier: MIT
"""Firmware in flash: U-Boot and UEFI to their prompts, what they find there, and Linux that they boot from a disk."""

import re

from machine import Machine, Shell, require

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
