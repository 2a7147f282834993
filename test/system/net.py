# SPDX-License-Identifier: MIT
"""Networks between VMs: two switches, a VM on both, throughput, and a neighbour that does its worst."""

import re

from machine import Machine, require
from multi_vm import Vms

FLOOD_MAC = "52:54:00:76:03:00"  # of device 0 of VM 3
FIXED_MAC = "52:54:00:12:34:56"
STATIC_ADDRESS = "10.8.0.77"
UDP_MBITS = 10
PORT = re.compile(r"^ +(\w+)/(eth\d+) +tx (\d+) \(dropped (\d+), waited (\d+)\) +rx (\d+) \(dropped (\d+)\)", re.M)


def address(shell, port):
    found = re.search(r"inet ([\d.]+)/\d+", shell.run(f"ip addr show {port}"))
    require(found, f"{port} has no address")
    return found.group(1)


def counters(vms):
    """Of each port, by (VM, port): tx, tx dropped, waited, rx, rx dropped."""
    found = PORT.findall(vms.ask("switches").replace("\r", ""))
    return {(vm, port): list(map(int, numbers)) for vm, port, *numbers in found}


def addresses(vms):
    """Everybody's addresses, as DHCP and bootargs gave them."""
    vms.switch("left")
    left = address(vms.shell, "eth0")
    vms.switch("middle")
    middle = [address(vms.shell, port) for port in ("eth0", "eth1")]
    vms.switch("right")
    right = address(vms.shell, "eth0")
    require(FIXED_MAC in vms.shell.run("cat /sys/class/net/eth0/address"), "right's MAC is not the manifest's")
    require(right == STATIC_ADDRESS, f"right's address is {right}")
    require(left.startswith("10.7.0.") and middle[0].startswith("10.7.0."), f"left {left}, middle {middle}: not lan's")
    require(middle[1].startswith("10.8.0.") and len({left, *middle, right}) == 4, f"left {left}, middle {middle}")
    return left, middle, right


def check_reach(vms, left, middle, right):
    """Each switch joins its own ports, and nothing crosses: neither frames for an address nor broadcasts."""
    vms.shell.run(f"ping -c 2 -w 20 {middle[1]}", within=60)
    before = counters(vms)
    out = vms.shell.run(f"ip route add default dev eth0; ping -c 3 -W 1 {left}; arping -q -c 3 -w 4 -I eth0 {left}",
                        check=False, within=60)
    require("100% packet loss" in out, f"right reaches left across the switches: {out[-200:]}")
    after = counters(vms)
    vms.switch("left")
    vms.shell.run(f"ping -c 2 -w 20 {middle[0]}", within=60)
    sent = after["right", "eth0"][0] - before["right", "eth0"][0]
    heard = after["middle", "eth1"][3] - before["middle", "eth1"][3]
    # left and middle talk to each other of their own accord, but hear no more than they say.
    leaked = sum(sign * (counts[port][3] - counts[port][0]) for sign, counts in ((1, after), (-1, before))
                 for port in (("left", "eth0"), ("middle", "eth0")))
    require(sent >= 4 and heard >= sent, f"right sent {sent} broadcasts, middle's port on that switch heard {heard}")
    require(leaked <= 0, f"{leaked} frames came through to the other switch")


def transfer(vms, megabytes, server, what):
    """A file from the VM that has the console to 'middle', over TCP; the sums must agree."""
    sender = vms.current
    vms.switch("middle")
    # nc ends with its input, which must therefore stay open.
    vms.shell.run("rm -f /tmp/got; (sleep 900 | nc -l -p 9000 | (sha256sum > /tmp/sum; mv /tmp/sum /tmp/got) &)")
    vms.switch(sender)
    vms.shell.run(f"dd if=/dev/urandom of=/tmp/file bs=1M count={megabytes} 2>/dev/null", within=200)
    sent = vms.shell.run("sha256sum < /tmp/file", within=100)
    vms.shell.run(f"nc {server} 9000 < /tmp/file", within=200)
    vms.switch("middle")
    vms.shell.run("for i in $(seq 100); do [ -s /tmp/got ] && break; sleep 0.2; done", within=100)
    require(vms.shell.run("cat /tmp/got") == sent, f"{what}: {megabytes} MiB arrived changed, or not at all")
    vms.switch(sender)


def iperf(vms, server, options=""):
    """From the VM that has the console to 'middle', where a server runs; what the report's last line says."""
    # The server may still be at the end of the test before.
    out = vms.shell.run(f"for i in 1 2 3 4 5; do iperf3 -f m -c {server} {options} && break; sleep 1; done", within=120)
    found = re.search(r"([\d.]+) Mbits/sec.*receiver", out)
    require(found, f"iperf3 {options}: {out[-300:]}")
    return float(found.group(1)), out


def check_counts(vms):
    """What one sent is what the other got, and what is lost both have counted: there are but two ports."""
    got = counters(vms)
    right, middle = got["right", "eth0"], got["middle", "eth1"]
    require(right[0] > 1000, f"right's port: {right}")
    for (tx, dropped, _, _, _), (_, _, _, rx, lost) in ((right, middle), (middle, right)):
        # The switch itself answers DHCP, and the last frames may be on their way.
        require(abs(tx - rx) <= 8 and abs(dropped - lost) <= 8, f"backbone: right {right}, middle {middle}")
        # A receiver whose CPU the host holds up for long loses some.
        require(dropped <= tx / 10 + 8, f"backbone loses {dropped} frames, {tx} arrive")


def check_flood(vms, server):
    """Beside the flood a transfer ends as it should, and pings are answered in time."""
    vms.ask("start flood")
    vms.switch("left")
    # It never gives back a buffer: who sends to it waits, but not for long.
    vms.shell.run(f"arp -s 10.7.0.99 {FLOOD_MAC}; ping -c 4 -W 1 10.7.0.99", check=False)
    require(re.search(r"flood/eth0[^\r\n]* stuck", vms.ask("switches")), "flood's port does not count as stuck")
    vms.shell.run(f"ping -c 3 -w 30 {server}", within=60)
    transfer(vms, 4, server, "beside the flood")
    flood = counters(vms)["flood", "eth0"]
    require(flood[0] > 1000 and flood[1] > 1000, f"the flood's counters: {flood}")


class Net(Vms):
    def switch(self, name):
        super().switch(name)
        self.current = name


def run(log, limit):
    with Machine(log, limit, "--bundle", "build/bundle/net.cpio", "--cpus", "4") as machine:
        vms = Net(machine)
        vms.shell.wait(within=120)
        left, middle, right = addresses(vms)
        vms.switch("right")
        check_reach(vms, left, middle, right)
        vms.switch("middle")
        vms.shell.run("iperf3 -s -D")
        vms.switch("right")
        transfer(vms, 16, middle[1], "backbone")
        tcp, _ = iperf(vms, middle[1], "-n 64M")
        _, out = iperf(vms, middle[1], f"-u -b {UDP_MBITS}M -t 2")
        lost = re.search(r"\(([\d.e-]+)%\)\s+receiver", out)
        require(lost and float(lost.group(1)) < 50, f"UDP: {out[-300:]}")
        check_counts(vms)
        # As many datagrams as can be sent: more than a receiver takes whose CPU the host holds up.
        udp, _ = iperf(vms, middle[1], "-u -b 0 -t 2")
        check_flood(vms, middle[0])
        return f"TCP {tcp:.0f} Mbit/s; UDP {udp:.0f} Mbit/s at most, {lost.group(1)} % lost at {UDP_MBITS}"
