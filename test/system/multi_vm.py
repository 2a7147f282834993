# SPDX-License-Identifier: MIT
"""Two Linux VMs beside each other: their consoles, their network, and that one goes on when the other ends."""

import re

from linux import ESCAPE, PROMPT
from machine import Machine, Shell, require


class Vms:
    """The console of the machine, and which VM has it."""

    def __init__(self, machine):
        self.machine = machine
        self.shell = Shell(machine)

    def ask(self, command):
        """A command at the hypervisor's prompt; returns its answer and goes back to the VM that had the console."""
        self.machine.send(ESCAPE)
        self.machine.expect(PROMPT, within=20, what="hypervisor's prompt")
        self.machine.line(command)
        self.machine.expect(PROMPT, within=20, what=f"prompt after {command!r}")
        answer = self.machine.text
        self.machine.send(ESCAPE)
        self.machine.expect(r"Console of \w+", within=20)
        return answer

    def switch(self, name):
        """The console goes to that VM, which has a shell or comes to it."""
        self.machine.send(ESCAPE)
        self.machine.expect(PROMPT, within=20, what="hypervisor's prompt")
        self.machine.line(f"console {name}")
        self.machine.expect(f"Console of {name}", within=20)
        self.machine.line("")
        self.shell.wait(within=200)


def address(shell):
    found = re.search(r"inet (10\.7\.0\.\d+)/24", shell.run("ip addr show eth0"))
    require(found, "eth0 has no address from the switch")
    return found.group(1)


def check_network(vms, megabytes):
    """From two to one: ping, and a file whose sum is the same on both sides."""
    vms.switch("one")
    one = address(vms.shell)
    vms.shell.run("(sleep 900 | nc -l -p 9000 | sha256sum > /tmp/got &)")
    vms.switch("two")
    two = address(vms.shell)
    require(one != two, f"both VMs have the address {one}")
    vms.shell.run(f"ping -c 3 -w 20 {one}", within=60)
    vms.shell.run(f"dd if=/dev/urandom of=/tmp/file bs=1M count={megabytes} 2>/dev/null", within=200)
    sent = vms.shell.run("sha256sum < /tmp/file", within=100)
    vms.shell.run(f"nc {one} 9000 < /tmp/file", within=400)
    vms.switch("one")
    vms.shell.run("for i in $(seq 100); do [ -s /tmp/got ] && break; sleep 0.2; done", within=100)
    require(vms.shell.run("cat /tmp/got") == sent, f"{megabytes} MiB arrived changed, or not at all")


def check_counters(vms):
    answer = vms.ask("switches")
    for name in ("one", "two"):
        found = re.search(rf"{name}/eth0\s+tx (\d+) \(dropped (\d+).*?rx (\d+) \(dropped (\d+)", answer)
        require(found, f"'switches' answers {answer!r}")
        tx, _, rx, lost = map(int, found.groups())
        # TCP's frames may hold 64 KiB. A receiver whose CPU the host holds up for half a second loses some of them.
        require(tx > 100 and rx > 100 and lost < (tx + rx) / 10, f"{name}'s counters: {found.group(0)!r}")
    require(re.search(r"DHCP [1-9]", answer), "the switch has given no address")


def run_two(cpus, bundle, megabytes):
    def run(log, limit):
        with Machine(log, limit, "--bundle", f"build/bundle/{bundle}.cpio", "--cpus", str(cpus)) as machine:
            vms = Vms(machine)
            vms.shell.wait(within=300)
            check_network(vms, megabytes)
            check_counters(vms)
            # The other one ends; this one goes on.
            vms.switch("two")
            machine.line("poweroff -f")
            machine.expect(r"VM 'two' is off", within=60)
            vms.switch("one")
            require(vms.shell.run("echo $((6 * 7))") == "42", "one VM does not go on without the other")
            machine.line("poweroff -f")
            machine.expect_end()

    return run
