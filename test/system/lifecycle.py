# SPDX-License-Identifier: MIT
"""The life of VMs at the prompt and by their manifests: every command in every state that lasts, what follows their own
end, and one VM that lives and dies fifty times beside two that stream numbered frames to each other."""

import os
import random
import re
import subprocess
import time

from linux import ESCAPE, PROMPT
from machine import Failure, Machine, Shell, bundle, require
from vhe import LOAD_ADDRESS, symbol

MANIFEST = """/dts-v1/;
/ {{
	compatible = "trivet,manifest-1";
	console-prefix;
	{switches}
	vms {{
		{vms}
	}};
}};
"""
NET = 'devices {{ eth0 {{ compatible = "virtio-net"; switch = "lan"; mac = [02 00 00 00 00 {mac:02x}]; }}; }}'
LIVES = 50
COMMANDS = ("start", "stop", "reset", "pause", "resume", "destroy")


def vm(name, role, cpus=(0,), memory=4, kernel="life.img", keys=()):
    lines = [f"vcpus = <{len(cpus)}>", f"affinity = <{' '.join(map(str, cpus))}>", f"memory-mib = <{memory}>",
             f'kernel = "{kernel}"', f'bootargs = "{role}"', *keys]
    return f"{name} {{ " + " ".join(f"{line};" for line in lines) + " };"


class Life(Machine):
    """A machine whose prompt stays open; all VMs' output comes in lines behind their names."""

    def __init__(self, log, limit, name, vms, *options, switches=""):
        source = f"build/test/lifecycle-{name}.dts"
        with open(source, "w", encoding="ascii") as dts:
            dts.write(MANIFEST.format(switches=switches, vms="\n\t\t".join(vms)))
        archive = bundle(f"build/test/lifecycle-{name}.cpio", source, "--dir", "build/payload", "--dir", "build/guest",
                         "--dir", "build/deps/kernel")
        super().__init__(log, limit, "--bundle", archive, *options)

    def prompt(self):
        self.send(ESCAPE)
        self.expect(PROMPT, within=60, what="hypervisor's prompt")

    def ask(self, command):
        """What the prompt answers, with whatever else is printed meanwhile, even between the keys of the command."""
        self.line(command)
        self.expect(PROMPT, within=60, what=f"answer to {command!r}")
        return self.text.replace("\r", "")

    def do(self, command):
        answer = self.ask(command)
        require("Cannot" not in answer, f"{command!r} answers {answer!r}")

    def refuse(self, command, why):
        answer = self.ask(command)
        require(re.search(why, answer), f"{command!r} answers {answer!r}, not {why!r}")

    def state(self, name):
        found = re.search(rf"\b{name} +([a-z]+) +\d", self.ask("vms"))
        require(found, f"'vms' does not know {name}")
        return found.group(1)

    def until(self, name, state, within=60):
        end = time.monotonic() + within
        while (now := self.state(name)) != state:
            if time.monotonic() > end:
                raise Failure(f"{name} is {now} for {within} s, and should be {state}")
            time.sleep(0.05)

    def free_kib(self):
        return int(re.search(r"free (\d+) KiB", self.ask("memory")).group(1))


# ---- commands ----

# What each command answers in each state that lasts: its refusal, or nothing.
REFUSALS = {
    "running": {"start": "it is running already; reset", "resume": "it is running and not paused",
                "destroy": "it is running; stop it first"},
    "paused": {"start": "it is paused; resume", "pause": "it is paused already", "destroy": "it is paused; stop it first"},
    "down": {"stop": "it is down already", "reset": "it is down; start it", "pause": "it is down; start it",
             "resume": "it is down; start it"},
    "destroyed": {"stop": "it is destroyed already", "reset": "it is destroyed; start it", "pause": "it is destroyed; start it",
                  "resume": "it is destroyed; start it", "destroy": "it is destroyed already"},
    "waiting": {"reset": "it is down and will start again", "pause": "it is down and will start again",
                "resume": "it is down and will start again"},
}


def check_refusals(machine, name, state):
    require(machine.state(name) == state, f"{name} is not {state}")
    for command, why in REFUSALS[state].items():
        machine.refuse(f"{command} {name}", f"Cannot {command} {name}: {why}")
    require(machine.state(name) == state, f"a refused command has changed the state of {name}")


def check_clock(machine):
    """The VM's time stands still while it is paused, and its RAM outlives a reset and nothing else."""
    machine.expect(r"^clock\| life clock 3\r*\n", within=60)
    check_refusals(machine, "clock", "running")
    machine.do("pause clock")
    machine.expect(r"VM 'clock' is paused", within=20)
    check_refusals(machine, "clock", "paused")
    with open(machine.log_path, encoding="utf-8", errors="replace") as log:
        last = max(int(n) for n in re.findall(r"^clock\| life clock (\d+)", log.read(), re.M))
    before = time.monotonic()
    time.sleep(2)
    machine.do("resume clock")
    paused = time.monotonic() - before
    # The next line counts on; had time gone by, the lines up to now would come at once.
    machine.expect(rf"^clock\| life clock {last + 1}\r*\n", within=20)
    time.sleep(0.5)
    with open(machine.log_path, encoding="utf-8", errors="replace") as log:
        now = max(int(n) for n in re.findall(r"^clock\| life clock (\d+)", log.read(), re.M))
    require(now - last < 10 * (time.monotonic() - before - paused) + 5, f"the clock went from {last} to {now} in the pause")
    machine.do("reset clock")
    machine.expect(r"^clock\| life begins 2\r*\n", within=20, what="second life in the same RAM")
    machine.do("stop clock")
    machine.until("clock", "down")
    check_refusals(machine, "clock", "down")
    machine.do("start clock")
    machine.expect(r"^clock\| life begins 1\r*\n", within=20, what="first life in scrubbed RAM")
    machine.expect(r"^clock\| life clock 2\r*\n", within=20)
    # A paused VM can be reset, and stopped.
    machine.do("pause clock")
    machine.until("clock", "paused")
    machine.do("reset clock")
    machine.expect(r"^clock\| life begins 2\r*\n", within=20)
    machine.do("pause clock")
    machine.until("clock", "paused")
    machine.do("stop clock")
    machine.until("clock", "down")


def check_destroy(machine):
    """All memory goes back, to the page, and comes again."""
    free = machine.free_kib()
    machine.do("destroy clock")
    machine.expect(r"VM 'clock' is destroyed; its memory is free", within=20)
    check_refusals(machine, "clock", "destroyed")
    freed = machine.free_kib()
    require(freed >= free + 4096, f"{free} KiB were free before clock was destroyed, {freed} KiB after")
    machine.do("start clock")
    machine.expect(r"^clock\| life begins 1\r*\n", within=20)
    require(machine.free_kib() == free, "a VM that starts again takes another amount of memory")


def check_policies(machine):
    """One that is not started until somebody does; restarts that wait longer each time; an end that gives memory back."""
    require(machine.state("spare") == "down", "spare was started by itself")
    machine.do("start spare")
    machine.expect(r"^spare\| life begins 1\r*\n", within=20)
    machine.do("stop spare")
    # It has restarted a few times by now: let it, and see how long it waits.
    waits = []
    for _ in range(2):
        machine.expect(r"VM 'again' starts again in (\d+) s", within=120)
        waits.append(int(machine.child.match.group(1)))
        before = time.monotonic()
        machine.expect(r"^again\| life begins 1\r*\n", within=120)
        require(time.monotonic() - before > waits[-1] - 1, f"{waits[-1]} s were {time.monotonic() - before:.1f}")
    require(waits[1] == 2 * waits[0], f"the waits are {waits}")
    machine.until("again", "waiting")
    check_refusals(machine, "again", "waiting")
    machine.do("start again")
    machine.expect(r"^again\| life begins 1\r*\n", within=20)
    machine.until("again", "waiting")
    machine.do("stop again")
    require(machine.state("again") == "down", "again waits on though it was stopped")
    require(machine.state("gone") == "destroyed", "gone is not destroyed though it is off")
    machine.refuse("stop nobody", 'No VM is called "nobody"')
    for command in COMMANDS:
        machine.refuse(command, f"Usage: {command} VM")


def check_linux(machine):
    """Linux goes through all of it, and its uptime stands still while it is paused."""
    shell = Shell(machine)

    def enter(within=60):
        machine.line("console linux")
        machine.expect(r"Console of linux", within=20)
        machine.line("")
        shell.wait(within=within)

    machine.do("prefix off")
    enter(within=200)

    def uptime():
        return float(shell.run("cut -d' ' -f1 /proc/uptime"))

    before = uptime()
    machine.prompt()
    machine.do("pause linux")
    machine.expect(r"VM 'linux' is paused", within=20)
    time.sleep(6)
    machine.do("resume linux")
    enter()
    require(uptime() - before < 5, f"uptime went from {before} to {uptime()} in a pause of 6 s")
    shell.run("echo before > /tmp/mark")
    for commands, ends in ((("reset linux",), ()), (("stop linux", "start linux"), ("down",)),
                           (("stop linux", "destroy linux", "start linux"), ("down", "destroyed"))):
        machine.prompt()
        for i, command in enumerate(commands):
            machine.do(command)
            if i < len(ends):
                machine.until("linux", ends[i])
        enter(within=200)
        require(shell.run("ls /tmp/mark", check=False).endswith("No such file or directory"), f"{commands} keep what was in RAM")
        require(shell.run("nproc") == "2", f"after {commands} linux has not two CPUs")
    machine.prompt()


def commands(log, limit):
    vms = [vm("clock", "clock"),
           vm("again", "off ms=100", cpus=(1,), keys=['on-power-off = "restart"']),
           vm("gone", "off ms=100", cpus=(1,), keys=['on-power-off = "destroy"']),
           vm("spare", "clock", cpus=(1,), keys=["no-autostart"]),
           vm("linux", "console=ttyAMA0 quiet", cpus=(2, 3), memory=256, kernel="Image",
              keys=['initrd = "initramfs.cpio.gz"'])]
    with Life(log, limit, "commands", vms, "--cpus", "4", "--memory", "1G") as machine:
        machine.expect(r"^clock\| life begins 1\r*\n", within=60)
        machine.prompt()
        check_clock(machine)
        check_destroy(machine)
        check_policies(machine)
        check_linux(machine)
        machine.line("quit")
        machine.expect_end()


# ---- crashes ----

def errors_by_gdb(socket):
    """GDB, which makes an SError of each HVC #0x5e55, since QEMU has none of a device: the exit goes on as that does.

    At EL2 only: the payload has code at the same addresses.
    """
    script = f"{os.path.splitext(socket)[0]}.gdb"
    jumps = []
    for kind in ("pauth", "plain"):
        at, to = (LOAD_ADDRESS + symbol(f"exit_{what}_{kind}") for what in ("sync", "serror"))
        jumps.append((at, f"if $pc == {at:#x} && ($cpsr & 0xc) == 8 && ($ESR_EL2 & 0xfc00ffff) == 0x58005e55\n"
                          f"set $pc = {to:#x}\nend"))
    with open(script, "w", encoding="ascii") as out:
        out.write("\n".join(["set pagination off", "set confirm off", f"target remote {socket}",
                             *(f"hbreak *{at:#x}" for at, _ in jumps),
                             "while 1\ncontinue\n" + "\n".join(jump for _, jump in jumps) + "\nend"]) + "\n")
    return subprocess.Popen(["gdb-multiarch", "-batch", "-nx", "-x", script], stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def crashes(log, limit):
    """What follows an SError, by the manifest: it stays down, starts again, each time later, or gives its memory back."""
    socket = "build/test/lifecycle-crashes.sock"
    vms = [vm("stays", "crash ms=50"),
           vm("again", "crash ms=50", keys=['on-crash = "restart"']),
           vm("goes", "crash ms=50", keys=['on-crash = "destroy"'])]
    if os.path.exists(socket):
        os.remove(socket)
    with Life(log, limit, "crashes", vms, "--cpus", "1", "--memory", "512M", "--", "-gdb",
              f"unix:{socket},server=on,wait=off", "-S") as machine:
        while not os.path.exists(socket):
            require(machine.child.isalive(), "QEMU did not start")
        with errors_by_gdb(socket) as gdb:
            try:
                waits = check_crashes(machine)
            finally:
                gdb.kill()
    return f"started again after {waits} s"


def check_crashes(machine):
    missing = {"stays", "again", "goes"}
    while missing:
        machine.expect(r"VM '(\w+)': vCPU 0 at pc 0x[0-9a-f]+: SError; the VM is stopped", within=60)
        missing.discard(machine.child.match.group(1))
    machine.prompt()
    waits = []
    for _ in range(3):
        machine.expect(r"VM 'again' starts again in (\d+) s", within=60)
        waits.append(int(machine.child.match.group(1)))
        machine.expect(r"^again\| life begins 1\r*\n", within=60, what="another life, in scrubbed RAM")
    require(waits[1] == 2 * waits[0] and waits[2] == 2 * waits[1], f"the waits are {waits}")
    machine.until("stays", "down")
    machine.until("goes", "destroyed")
    # Who crashed can be started at the prompt, and who waits be stopped.
    for name in ("stays", "goes"):
        machine.do(f"start {name}")
        machine.expect(rf"^{name}\| life begins 1\r*\n", within=60)
    machine.until("again", "waiting")
    machine.do("stop again")
    machine.until("again", "down")
    machine.until("stays", "down")
    machine.until("goes", "destroyed")
    machine.line("quit")
    machine.expect_end()
    return waits


# ---- one that lives and dies ----

def tally(machine, name):
    """The next report of a stream: frames sent, received, wrong."""
    machine.expect(rf"^{name}\| life stream sent (\d+) received (\d+) wrong (\d+)\r*\n", within=60, what=f"report of {name}")
    return [int(n) for n in machine.child.match.groups()]


def end_life(machine, choice):
    """Ends the life of 'brief' in one of the ways, and begins another."""
    ways = choice.choice((("reset",), ("stop", "start"), ("stop", "destroy", "start"), ("pause", "reset"),
                          ("pause", "resume", "stop", "start")))
    rests = {"stop": "down", "destroy": "destroyed", "pause": "paused", "resume": "running"}
    for command in ways:
        machine.do(f"{command} brief")
        if command in rests:
            machine.until("brief", rests[command])
    return ways


def restarts(log, limit):
    choice = random.Random(20261123)
    vms = [vm("left", "stream peer=2 brief=3", cpus=(1,), keys=[NET.format(mac=1)]),
           vm("right", "stream peer=1 brief=3", cpus=(2,), keys=[NET.format(mac=2)]),
           vm("brief", "brief left=1 right=2", cpus=(3,), keys=[NET.format(mac=3)])]
    with Life(log, limit, "restarts", vms, "--cpus", "4", "--icount", switches="switches { lan { }; };") as machine:
        machine.expect(r"^brief\| life brief 1 is up\r*\n", within=60)
        first = {name: tally(machine, name) for name in ("left", "right")}
        machine.prompt()
        for i in range(LIVES):
            ways = end_life(machine, choice)
            machine.expect(r"^brief\| life brief \d+ is up\r*\n", within=60, what=f"life {i + 2} after {ways}")
        last = {name: tally(machine, name) for name in ("left", "right")}
        machine.line("quit")
        machine.expect_end()
    got = {name: last[name][1] - first[name][1] for name in last}
    for name, (_, received, wrong) in last.items():
        require(wrong == 0, f"{name} has {wrong} of {received} frames missing or wrong")
        require(got[name] > 20 * LIVES, f"{name} received only {got[name]} frames meanwhile")
    return f"{LIVES} lives beside {sum(got.values())} frames, none lost"


def cases():
    """(name, limit, function)."""
    return [("commands", 240, commands), ("crashes", 120, crashes), ("restarts", 180, restarts)]
