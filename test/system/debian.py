# SPDX-License-Identifier: MIT
"""Debian's own userspace as a VM: systemd comes up whole, packages install, the disk keeps them, the network works."""

import re

from machine import Machine, bundle, require
from multi_vm import Vms

# config/debian.dts and a second VM on its switch, which answers to ping.
WITH_NEIGHBOUR = """/include/ "../../config/debian.dts"
/ {
	vms {
		neighbour {
			vcpus = <1>;
			affinity = <3>;
			memory-mib = <192>;
			kernel = "Image";
			initrd = "initramfs.cpio.gz";
			bootargs = "console=ttyAMA0 quiet net.ip=eth0:10.7.0.99/24";
			devices {
				eth0 { compatible = "virtio-net"; switch = "lan"; };
			};
		};
	};
};
"""


def make_bundle():
    source = "build/test/debian.dts"
    with open(source, "w", encoding="utf-8") as file:
        file.write(WITH_NEIGHBOUR)
    return bundle("build/test/debian.cpio", source, "--dir", "build/guest", "--dir", "build/deps/kernel")


def login(machine, shell):
    machine.expect(r"debian login: ", within=240, what="systemd's login prompt")
    machine.line("root")
    machine.expect(r"root@debian:~# ", within=90, what="root's shell")
    machine.line("PS1='vm:# ' SYSTEMD_PAGER= TERM=dumb; export SYSTEMD_PAGER TERM")
    shell.wait(within=60)


def check_systemd(shell):
    state = shell.run("systemctl is-system-running --wait", within=240, check=False)
    failed = shell.run("systemctl --failed --no-legend --plain")
    require(state == "running" and failed == "", f"systemd is {state}; failed: {failed}")
    errors = shell.run("journalctl --boot --quiet --priority err")
    require(errors == "", f"errors in the journal: {errors}")


def check_machine(shell):
    release = shell.run(". /etc/os-release; echo $PRETTY_NAME")
    require(release.startswith("Debian"), f"this is {release!r}")
    require(shell.run("findmnt -no SOURCE,FSTYPE /").split() == ["/dev/vda", "ext4"], "the root is not the disk")
    require(shell.run("nproc") == "4", "there are not four CPUs")
    return release


def check_network(shell):
    shell.run("/lib/systemd/systemd-networkd-wait-online --timeout 60", within=90)
    addresses = shell.run("ip -brief -4 address show dev eth0")
    require(re.search(r"\b10\.7\.0\.[1-9]\d*/24\b", addresses), f"no address from the switch: {addresses!r}")
    shell.run("ping -c 3 -w 60 10.7.0.99", within=90)


def install_package(shell):
    """A package that is made here, by apt. Then all that dpkg knows is in order, and every file is as it was packed."""
    shell.run("mkdir -p kept/DEBIAN kept/usr/share/kept; head -c 3000000 /dev/urandom > kept/usr/share/kept/data")
    shell.run("(cd kept; md5sum usr/share/kept/data > DEBIAN/md5sums)")
    control = r"Package: kept\nVersion: 1\nArchitecture: arm64\nMaintainer: t <t@t>\nDescription: t\n"
    shell.run(f"printf '{control}' > kept/DEBIAN/control")
    shell.run("dpkg-deb -Znone --build kept", within=120)
    shell.run("apt-get --quiet --yes install ./kept.deb", within=180)
    check_packages(shell)


def check_packages(shell):
    require(shell.run("dpkg-query -Wf '${Status}' kept") == "install ok installed", "the package is not installed")
    require(shell.run("dpkg --audit") == "", "dpkg --audit finds faults")
    changed = shell.run("dpkg --verify", within=240, check=False)
    require(changed == "", f"files that are not as they were packed: {changed}")


def run(log, limit):
    with Machine(log, limit, "--bundle", make_bundle(), "--cpus", "4", "--memory", "4G") as machine:
        vms = Vms(machine)
        shell = vms.shell
        login(machine, shell)
        check_systemd(shell)
        release = check_machine(shell)
        check_network(shell)
        install_package(shell)
        identity = shell.run("cat /etc/machine-id")
        machine.line("reboot")
        login(machine, shell)
        check_systemd(shell)
        check_packages(shell)
        require(shell.run("cat /etc/machine-id") == identity, "the machine has another identity after a reboot")
        boots = shell.run("journalctl --list-boots")
        require(len(re.findall(r"^ *-?\d+ [0-9a-f]{32}", boots, re.M)) == 2, f"the journal has not two boots: {boots}")
        machine.line("poweroff")
        machine.expect(r"VM 'debian' is off", within=90)
        vms.switch("neighbour")
        machine.line("poweroff -f")
        machine.expect_end()
    return release
