# SPDX-License-Identifier: MIT
"""The programs of payload/vm, each run as a VM of its own."""

import os
import re

from machine import Failure, Machine, bundle, require

LIMIT = 180
# bench and io measure and do not judge: `make bench` runs them. flood is a neighbour of others (net.py),
# crowd is one of many VMs (many_vms.py), shmem one of three (shmem.py), ffa one that calls others (ffa_vm.py), hostile one that
# harms others (hostile.py), life is begun and ended (lifecycle.py), and talk does what keys say (console.py).
NOT_TESTS = {"bench", "crowd", "ffa", "flood", "hostile", "io", "life", "shmem", "talk"}


def names():
    """The payloads, by their folders."""
    return sorted(name for name in os.listdir("payload/vm")
                  if name not in NOT_TESTS and any(f.endswith(".c") for f in os.listdir(f"payload/vm/{name}")))


def read_report(machine):
    """Follows a payload's report to its end: every test ok, and at least one."""
    bad = []
    while True:
        match = machine.expect(r"(not ok [^\r\n]*)\r?\n", r"# done: (\d+) passed, (\d+) failed", what="end of report")
        if match.group(0).startswith("not ok"):
            bad.append(match.group(1))
            continue
        passed, failed = int(match.group(1)), int(match.group(2))
        require(not bad and failed == 0, f"{failed} failed: {'; '.join(bad[:3])}")
        require(passed > 0, "the payload reported no test")
        return f"{passed} tests"


def run_payload(name, cpus, log, limit, *options):
    """Runs build/payload/NAME.img with 4 vCPUs on that many physical CPUs."""
    affinity = ",".join(str(i % cpus) for i in range(4))
    archive = bundle(f"build/test/{name}-{cpus}.cpio", "--payload", f"build/payload/{name}.img", "--vcpus", "4",
                     "--affinity", affinity)
    with Machine(log, limit, "--bundle", archive, "--cpus", str(cpus), "--memory", "1G", "--no-reboot",
                 *options) as machine:
        note = read_report(machine)
        machine.expect_end()
        return note


def cases():
    """(name, limit, function) for each payload on four CPUs and on one."""

    def case(name, cpus):
        return lambda log, limit: run_payload(name, cpus, log, limit)

    return [(f"{name}-{cpus}cpu", LIMIT, case(name, cpus)) for name in names() for cpus in (4, 1)]
