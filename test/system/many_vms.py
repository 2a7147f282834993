# SPDX-License-Identifier: MIT
"""Many VMs: Linux eight times, 32 tiny ones, and some that behave badly beside two that do not."""

import crowd
from machine import Shell, require

LINUX = 8
TINY = 32


def eight_linux(log, limit):
    """Eight Linux VMs of two vCPUs on four CPUs boot at once, and each has a shell that works."""
    vms = [crowd.vm(f"linux{i}", "console=ttyAMA0 quiet", cpus=(i % 4, (i + 1) % 4), memory=192, kernel="Image",
                    keys=['initrd = "initramfs.cpio.gz"']) for i in range(LINUX)]
    with crowd.Crowd(log, limit, vms, "--cpus", "4", "--memory", "3G", dirs=("build/deps/kernel", "build/guest")) as machine:
        shell = Shell(machine)
        for i in range(LINUX):
            if i > 0:
                machine.prompt()
                machine.line(f"console linux{i}")
                machine.expect(f"Console of linux{i}", within=20)
                machine.line("")
            shell.wait()
            require(shell.run("nproc") == "2", f"linux{i} has not two CPUs")
            # The name of a VM is nowhere in it, but what is written stays where it was written.
            shell.run(f"echo linux{i} > /tmp/name")
        for i in range(LINUX):
            machine.prompt()
            machine.line(f"console linux{i}")
            machine.expect(f"Console of linux{i}", within=20)
            require(shell.run("cat /tmp/name") == f"linux{i}", f"the console of linux{i} is another VM's")
            machine.line("poweroff -f")
            if i < LINUX - 1:
                machine.expect(f"VM 'linux{i}' is off", within=60)
        machine.expect_end()
    return f"{LINUX} VMs"


def tiny(cpus):
    """32 VMs that compute: each ends, and gets what the others of its CPU get."""

    def run(log, limit):
        names = [f"tiny{i}" for i in range(TINY)]
        first, window = (800, 1600) if cpus == 1 else (400, 1600)
        vms = [crowd.vm("keeper", "idle")]
        vms += [crowd.vm(name, f"spin from={first} until={first + window}", cpus=(i % cpus,))
                for i, name in enumerate(names)]
        with crowd.Crowd(log, limit, vms, "--cpus", str(cpus), "--icount") as machine:
            machine.wait(names)
            got = {name: crowd.numbers(r"ran (\d+) of (\d+), (\d+) late", machine.output(name)) for name in names}
            machine.quit()
        require(all(late < window * 10**6 / 100 for _, _, late in got.values()), f"some VM began late: {got}")
        for cpu in range(cpus):
            ran = [got[name][0] for i, name in enumerate(names) if i % cpus == cpu]
            mean = sum(ran) / len(ran)
            # A turn is 10 ms, and the window does not end with one. QEMU's CPUs take turns of their own in its time, so
            # with several of them a turn is not always as many instructions.
            slack = 10.5e6 if cpus == 1 else mean / 4
            require(all(abs(n - mean) <= slack for n in ran), f"CPU {cpu}: from {min(ran)} to {max(ran)}, mean {mean}")
        return f"{min(n for n, _, _ in got.values())} to {max(n for n, _, _ in got.values())} instructions each"

    return run


BAD = {"spinner": "spin-masked until=100000", "flooder": "flood", "stormer": "storm", "dying": "die", "resetting": "reset"}


def neighbours(log, limit):
    """One that computes gets its share and one that sleeps wakes up soon, on one CPU with all those who behave badly."""
    vms = [crowd.vm("keeper", "idle"), crowd.vm("worker", "spin from=300 until=2300"),
           crowd.vm("sleeper", "sleep until=2300")]
    vms += [crowd.vm(name, role) for name, role in BAD.items()]
    with crowd.Crowd(log, limit, vms, "--cpus", "1", "--icount") as machine:
        machine.wait(["worker", "sleeper"])
        ran, window = crowd.numbers(r"ran (\d+) of (\d+)", machine.output("worker"))
        _, _, median, most = crowd.numbers(crowd.SAMPLES.format("woke"), machine.output("sleeper"))
        answer = machine.ask("vms")
        machine.quit()
    require("flooder          running" in answer, f"'vms' answers {answer!r}")
    share, fair = ran / window, 1 / (1 + len(BAD))
    require(share >= 0.95 * fair, f"one of {1 + len(BAD)} who want the CPU got {share:.4f} of it")
    require(median < 20000 and most < 12 * 10**6, f"the sleeper woke up {median} instructions late, at most {most}")
    return f"share {share:.3f} of {fair:.3f}, wake-up {median}, at most {most}"


def cases():
    """(name, limit, function)."""
    return [("8-linux", 400, eight_linux), ("32-4cpu", 200, tiny(4)), ("32-1cpu", 200, tiny(1)),
            ("neighbours", 200, neighbours)]
