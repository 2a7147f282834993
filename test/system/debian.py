# SPDX-License-Identifier: MIT
"""Debian's own userspace as a VM: systemd comes up whole, root logs in, and it powers off in order."""

from machine import Machine, Shell, require


def login(log, limit):
    with Machine(log, limit, "--bundle", "build/bundle/debian.cpio", "--cpus", "2", "--memory", "4G") as machine:
        machine.expect(r"debian login:", within=400, what="systemd's login prompt")
        machine.line("root")
        machine.expect(r"root@debian:~#", within=100, what="root's shell")
        machine.line("PS1='vm:# '")
        shell = Shell(machine)
        shell.wait(within=30)
        state = shell.run("systemctl is-system-running --wait", within=300, check=False)
        failed = shell.run("systemctl --failed --no-legend --plain", within=60)
        require(state == "running", f"systemd is {state}: {failed}")
        release = shell.run(". /etc/os-release; echo $PRETTY_NAME")
        require(release.startswith("Debian"), f"this is {release!r}")
        require(shell.run("findmnt -no SOURCE,FSTYPE /") == "/dev/vda ext4", "the root is not the disk")
        machine.line("poweroff")
        machine.expect_end()
    return release
