# SPDX-License-Identifier: MIT
"""Linux as a VM, driven through its console."""

import hashlib
import re
import subprocess
import time

import payloads
from machine import Failure, Machine, Shell, require

CPU_MODELS = ["max", "neoverse-n2", "neoverse-n1", "cortex-a76", "cortex-a72", "cortex-a57", "cortex-a53"]
# Enough of the architecture to see that a CPU model is handled: interrupts, timers, features shown and hidden.
CPU_PAYLOADS = ["gic", "timers", "wild"]
DISK = "build/guest/disk.img"
PROMPT = r"trivet> "
ESCAPE = "\x1d"


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def sum_of(interrupts, pattern):
    """The sum over all CPUs of the line of /proc/interrupts that the pattern finds, or None."""
    total = None
    for line in interrupts.splitlines():
        if re.search(pattern, line):
            numbers = re.match(r"\s*\S+:((?:\s+\d+)+)", line)
            total = (total or 0) + sum(int(n) for n in numbers.group(1).split())
    return total


def check_cpus(shell):
    require(shell.run("nproc") == "4", "nproc is not 4")
    cpuinfo = shell.run("cat /proc/cpuinfo")
    require(len(re.findall(r"^processor\s*:", cpuinfo, re.M)) == 4, "/proc/cpuinfo does not show 4 processors")
    # Integer and floating point on all CPUs at once, more tasks than CPUs: registers must survive every switch.
    shell.run("echo 'BEGIN { for (i = 1; i < 60000; i++) s += i * i / (i + 0.5); printf \"%.12f\\n\", s }' > /tmp/fp")
    shell.run("(for i in 1 2 3 4 5 6 7 8; do taskset $((1 << (i % 4))) awk -f /tmp/fp > /tmp/sum$i & done; wait)", within=120)
    sums = shell.run("cat /tmp/sum? | sort | uniq -c").split()
    require(len(sums) == 2 and sums[0] == "8", f"the same floating-point sum differs between CPUs: {sums}")


def check_interrupts(shell):
    before = shell.run("cat /proc/interrupts")
    shell.run("(for i in 0 1 2 3; do taskset $((1 << i)) sh -c 'for j in 1 2 3; do sleep 0.1; done' & done; wait)")
    after = shell.run("cat /proc/interrupts")
    for what in ("arch_timer", r"IPI\d+:"):
        require(sum_of(before, what) is not None, f"no {what} in /proc/interrupts")
        require(sum_of(after, what) > sum_of(before, what), f"{what} interrupts do not grow")
    for what in ("uart-pl011", "virtio"):
        require(sum_of(after, what), f"no {what} interrupts")
    columns = re.search(r"^.*arch_timer", after, re.M).group(0)
    counts = re.findall(r"\s(\d+)(?=\s)", columns)[:4]
    require(all(int(n) > 0 for n in counts), f"a CPU gets no timer interrupts: {columns}")


def check_clock(shell):
    guest = int(shell.run("cat /sys/class/rtc/rtc0/since_epoch"))
    require(abs(guest - time.time()) < 60, f"the RTC says {guest}, the host {time.time():.0f}")
    require(shell.run("cat /sys/class/rtc/rtc0/name").startswith("rtc-pl031"), "rtc0 is not a PL031")
    start = float(shell.run("cut -d' ' -f1 /proc/uptime"))
    shell.run("sleep 1")
    took = float(shell.run("cut -d' ' -f1 /proc/uptime")) - start
    require(1.0 <= took < 20.0, f"sleep 1 took {took} s")


def check_disk(shell):
    digest = shell.run("sha256sum /dev/vda", within=120).split()[0]
    require(digest == sha256(DISK), "the disk does not read as its image")
    shell.run("mount /dev/vda /mnt")
    require("virtual disk" in shell.run("cat /mnt/hello.txt"), "hello.txt reads wrong")
    wrote = shell.run("dd if=/dev/urandom of=/mnt/new bs=64k count=48 2>/dev/null; sha256sum < /mnt/new")
    shell.run("sync; umount /mnt; echo 3 > /proc/sys/vm/drop_caches; mount /dev/vda /mnt")
    require(shell.run("sha256sum < /mnt/new") == wrote, "a file written to the disk reads back changed")
    shell.run("umount /mnt")
    require(shell.run("cat /sys/block/vda/serial", check=False) != "", "the disk has no serial")


def check_random(shell):
    require("virtio_rng" in shell.run("cat /sys/class/misc/hw_random/rng_available"), "no virtio-rng")
    shell.run("echo virtio_rng.0 > /sys/class/misc/hw_random/rng_current")
    one, two = (shell.run("od -An -v -tx1 -N 32 /dev/hwrng") for _ in range(2))
    require(one != two and set(one) - set("0 \n"), f"/dev/hwrng gives {one!r} and {two!r}")


def check_net(shell):
    shell.run("ip link set eth0 up; ip addr add 192.0.2.1/24 dev eth0")
    shell.run("arping -c 3 -w 5 -I eth0 192.0.2.2", check=False)
    for way in ("tx", "rx"):
        packets = int(shell.run(f"cat /sys/class/net/eth0/statistics/{way}_packets"))
        require(packets > 0, f"no {way} packets on eth0 with the loopback peer")


def check_hypervisor_prompt(machine, shell):
    """The escape key: ask the hypervisor about the VM, and go back to the guest."""
    machine.send(ESCAPE)
    machine.expect(PROMPT, within=20, what="hypervisor's prompt")
    for command, answer in (("help", r"vcpus"), ("vms", r"linux\s+running\s+4"), ("vcpus", r"(linux\s+[0-3].*){4}"),
                            ("cpus", r"\d+ ms"), ("memory", r"free \d+"), ("loglevel", r"info"), ("regs nobody", r"No VM"),
                            ("regs linux 9", r"0 to 3"), ("nonsense", r"no command")):
        machine.line(command)
        machine.expect(PROMPT, within=20, what=f"prompt after {command!r}")
        require(re.search(answer, machine.text, re.S), f"{command!r} answers {machine.text!r}")
    machine.line("regs linux 0")
    machine.expect(r"\b(x0|pc)\b", within=20, what="registers of a vCPU")
    machine.line("console")
    machine.expect(r"Console of linux", within=20)
    machine.line("")
    machine.expect(Shell.PROMPT, within=20, what="the guest's prompt after the hypervisor's")
    require(shell.run("echo $((6 * 7))") == "42", "the guest does not answer after the hypervisor's prompt")


def check_quit(log, limit, *options):
    """The prompt's quit ends the machine, whatever the guest does."""
    with Machine(log, limit, *options) as machine:
        Shell(machine).wait(within=150)
        machine.send(ESCAPE)
        machine.expect(PROMPT, within=20, what="hypervisor's prompt")
        machine.line("quit")
        machine.expect_end()


def full(cpus, bundle):
    """Everything that a person would try, in one session: boot, look, write, reboot, power off."""

    def run(log, limit):
        with Machine(log, limit, "--bundle", f"build/bundle/{bundle}.cpio", "--cpus", str(cpus)) as machine:
            shell = Shell(machine)
            shell.wait(within=150)
            check_cpus(shell)
            check_interrupts(shell)
            check_clock(shell)
            check_disk(shell)
            check_random(shell)
            check_net(shell)
            require("hvc0" in shell.run("ls /dev"), "no virtio console /dev/hvc0")
            check_hypervisor_prompt(machine, shell)
            machine.line("reboot -f")
            shell.wait(within=150)
            require(float(shell.run("cut -d' ' -f1 /proc/uptime")) < 120, "not a fresh boot after reboot -f")
            machine.line("poweroff -f")
            machine.expect_end()
        check_quit(log.replace(".log", "-quit.log"), limit, "--bundle", f"build/bundle/{bundle}.cpio", "--cpus", str(cpus))

    return run


def on_cpu(cpu):
    """A CPU model: a few payloads, and Linux to the shell and off again."""

    def run(log, limit):
        help_text = subprocess.run(["qemu-system-aarch64", "-machine", "virt", "-cpu", "help"], capture_output=True,
                                   text=True, check=False).stdout
        require(re.search(rf"\b{cpu}\b", help_text), f"this QEMU does not model {cpu}")
        failures = []
        for name in CPU_PAYLOADS:
            try:
                payloads.run_payload(name, 4, log.replace(".log", f"-{name}.log"), limit, "--cpu", cpu)
            except Failure as failure:
                failures.append(f"payload {name}: {failure}")
        with Machine(log, limit, "--bundle", "build/bundle/linux.cpio", "--cpu", cpu) as machine:
            shell = Shell(machine)
            shell.wait(within=200)
            require(shell.run("nproc") == "4", "nproc is not 4")
            machine.line("poweroff -f")
            machine.expect_end()
        require(not failures, "; ".join(failures))

    return run
