# SPDX-License-Identifier: MIT
"""trivet-spmc behind TF-A: the programs of payload/nwd talk to the partitions of payload/sp."""

import os
import re
import shutil
import subprocess
import time

import dts
from machine import PANIC, Failure, Machine, require

FUZZ_CALLS = 10000  # payload/nwd/client takes a seed and the number of random calls as its words (run-spmc --words)
SP_FOLDER = "build/payload/sp"


class SpmcMachine(Machine):
    """The console is the normal world's; the secure one goes to a file of its own, so that lines stay whole."""

    START = "scripts/run-spmc"

    def __init__(self, log, limit, *options):
        stem = log.removesuffix(".log")
        self.secure_path = stem + "-secure.log"
        flash = f"{stem}.flash"
        super().__init__(log, limit, "--secure-log", self.secure_path, "--flash", flash, *options)

    def __enter__(self):
        open(self.secure_path, "w", encoding="utf-8").close()
        return super().__enter__()

    def secure_text(self):
        """What the SPMC, and the partitions through it, have said so far."""
        with open(self.secure_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def look(self):
        """A panic of the SPMC ends the test."""
        found = re.search(PANIC, self.secure_text())
        require(not found, found and found.group(0))

    def expect_secure(self, pattern, within=20):
        """Waits until the secure console has said this; returns the match."""
        end = min(self.deadline, time.monotonic() + within)
        while True:
            text = self.secure_text()
            match = re.search(pattern, text, re.M)
            if match:
                return match
            self.look()
            if time.monotonic() > end:
                lines = text.strip().splitlines()
                raise Failure(f"the SPMC does not say {pattern!r} within {within} s; last: {lines[-1:]}")
            time.sleep(0.2)


def read_report(machine, needs=None):
    """Follows the report to its end: none failed, one passed at least, and one named like 'needs' if that is given."""
    bad, needed = [], needs is None
    while True:
        match = machine.expect(r"^(ok|not ok) ([^\r\n]*)\r?\n", r"# done: (\d+) passed, (\d+) failed",
                               what="end of report")
        if match.group(1) == "not ok":
            bad.append(match.group(2))
        elif match.group(1) == "ok":
            needed = needed or needs in match.group(2)
        else:
            passed, failed = int(match.group(1)), int(match.group(2))
            require(not bad and failed == 0, f"{failed} failed: {'; '.join(bad[:3])}")
            require(passed > 0, "the client reported no test")
            require(needed, f"no test of '{needs}' passed")
            return f"{passed} tests"


def run_program(name, log, limit, *options, needs=None):
    """Runs payload/nwd/NAME to its end."""
    with SpmcMachine(log, limit, "--bl33", f"build/payload/nwd/{name}.img", *options) as machine:
        note = read_report(machine, needs)
        machine.expect_end()
        machine.look()
        return note


def client(cpus, partitions="default", needs=None, icount=False):
    """The functional tests. With icount the CPUs take turns and time is what they executed: the same on a busy host."""
    options = ["--cpus", str(cpus), "--set", partitions] + (["--icount"] if icount else [])
    return lambda log, limit: run_program("client", log, limit, *options, needs=needs)


VERSIONS = {"1.0": 0x10000, "1.1": 0x10001}  # of FF-A, that payload/nwd/older takes as its word


def older(version):
    """A normal world of another version, and a hypervisor in it."""
    return lambda log, limit: run_program("older", log, limit, "--words", str(VERSIONS[version]),
                                          needs="version_locked") + f" of {version}"


def aborts(cpus, icount=False):
    """Partitions that die, and begin anew."""
    options = ["--cpus", str(cpus), "--set", "aborts"] + (["--icount"] if icount else [])
    return lambda log, limit: run_program("aborts", log, limit, *options, needs="restart")


def fuzz(log, limit):
    """Random calls, then the functional tests. Another seed each time: SEED=n repeats one."""
    seed = int(os.environ.get("SEED") or time.time_ns() & 0xFFFFFFFF)
    try:
        return run_program("client", log, limit, "--words", f"{seed},{FUZZ_CALLS}", needs="fuzz_calls") + f", SEED={seed}"
    except Failure as failure:
        raise Failure(f"SEED={seed}: {failure}") from None


# ---- bad manifests and packages ----


def tool(*line):
    result = subprocess.run(line, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise Failure(f"{' '.join(line)}: {result.stderr.strip()}")


def put(node, name, *value, kind="x"):
    """An edit of a tree: sets a property. Kinds as fdtput has them: x u32, s string, bx bytes."""
    return lambda blob: tool("fdtput", "-p", "-t", kind, blob, node, name, *value)


def drop(node, name):
    """An edit of a tree: removes a property."""
    return lambda blob: tool("fdtput", "-d", blob, node, name)


def edited(source, blob, edits):
    """Compiles the source to the file 'blob' and makes the edits there."""
    with open(blob, "wb") as file:
        file.write(dts.compile_tree(source))
    for edit in edits:
        edit(blob)


def with_partition(name, source, edits, message, survivors, package=None):
    """The partition gets another manifest, or other bytes by 'package'; the message is what the SPMC must say."""

    def run(log, limit):
        folder = log.removesuffix(".log")
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        blob, packed = f"{folder}/{name}.dtb", f"{folder}/{name}.pkg"
        edited(source, blob, edits)
        tool("scripts/mksp", "-o", packed, "--image", f"{SP_FOLDER}/{name}.img", "--manifest", blob)
        if package:
            with open(packed, "r+b") as file:
                data = bytearray(file.read())
                package(data)
                file.seek(0)
                file.write(data)
        run_bad(log, limit, rf"SP '{name}': .*{message}", *survivors, options=("--dir", folder))

    return run


def bad_partition(message, *edits, package=None):
    """relay has a fault; hello and irq must run all the same. 'package' changes the package's bytes."""
    return with_partition("relay", "payload/sp/relay/manifest.dts", edits, message, ("hello", "irq"), package)


def told(message, *edits):
    """relay says what has no effect, and runs."""
    return with_partition("relay", "payload/sp/relay/manifest.dts", edits, message, ("hello", "irq", "relay"))


def with_manifest_of_tfa(message, *edits):
    """hello has the manifest that TF-A has for OP-TEE, but for what the board and our client need otherwise."""
    return with_partition("hello", "build/deps/tfa/plat/arm/board/fvp/fdts/optee_sp_manifest.dts", edits, message,
                          ("hello", "irq", "relay"))


def bad_spmc(message, *edits, survivors=()):
    """The SPMC's own manifest has a fault: it names it, and only the survivors run, if any."""

    end = "" if survivors else r"[^\n]*\n(?s:.*)there will be no Secure partitions"

    def run(log, limit):
        blob = log.replace(".log", ".dtb")
        edited("config/spmc/default.dts", blob, edits)
        run_bad(log, limit, message + end, *survivors, options=("--replace-manifest", blob))

    return run


def run_bad(log, limit, message, *survivors, options):
    """payload/nwd/ping names the partitions that answer."""
    with SpmcMachine(log, limit, "--bl33", "build/payload/nwd/ping.img", *options) as machine:
        machine.expect_secure(message, within=30)
        match = machine.expect(r"# answered:([^\r\n]*)\r?\n", what="who answers")
        require(sorted(match.group(1).split()) == sorted(survivors), f"answered: {match.group(1)}, want {survivors}")
        if not survivors:
            machine.expect("# without an SPMC: refused; CPUs on and off 6 times, refused 6 times")
        machine.expect_end()
        machine.look()
        require(len(machine.secure_text().splitlines()) < 200, "the log is flooded")


def flip(offset, *values):
    def change(data):
        data[offset:offset + len(values)] = bytes(values)

    return change


# What is wrong: how the message must go on after the partition's name.
BAD = {
    "no-uuid": bad_partition("uuid", drop("/", "uuid")),
    "zero-uuid": bad_partition("uuid", put("/", "uuid", "0", "0", "0", "0")),
    "version": bad_partition("ffa-version", put("/", "ffa-version", "20000")),
    "compatible": bad_partition("compatible", put("/", "compatible", "arm,ffa-manifest-9.0", kind="s")),
    "entry": bad_partition("entrypoint-offset", put("/", "entrypoint-offset", "0", "7fffffff")),
    "unknown-property": told("no-such-property: not in the binding", put("/", "no-such-property", "1")),
    "tfa-optee": with_manifest_of_tfa("run-time-model: not in the binding",
                                      put("/", "uuid", "7d1e5f01", "6b0c4b0e", "9a3f21c8", "5d0e8a11"),
                                      put("/", "execution-ctx-count", "4"),
                                      put("/device-regions/uart1", "base-address", "0", "09040000")),
    "magic": bad_partition("package", package=flip(0, 0, 0, 0, 0)),
    "image-size": bad_partition("package", package=flip(20, 0xFF, 0xFF, 0xFF, 0x7F)),
    "manifest-damaged": bad_partition("not a device tree", package=flip(0x1000, 0, 0, 0, 0)),
    "contexts": bad_partition("execution-ctx-count", put("/", "execution-ctx-count", "2")),
    "region-not-granted": bad_partition("node 'tx'",
                                        put("/memory-regions/tx", "load-address-relative-offset", "0", "20000000")),
    "region-of-another": bad_partition("overlaps the package of SP 'hello'",
                                       drop("/memory-regions/tx", "load-address-relative-offset"),
                                       put("/memory-regions/tx", "base-address", "0", "0e8f0000")),
    "dma": bad_partition("stream-ids", put("/memory-regions/tx", "stream-ids", "1")),
    "buffers": bad_partition("rx_tx-info", put("/memory-regions/rx", "pages-count", "2")),
    "no-secure-memory": bad_spmc("'memory@0': reg", drop("/memory@0", "reg")),
    "no-cpus": bad_spmc("/cpus has no CPU 0x0", put("/cpus/cpu@0", "reg", "0", "7")),
    "no-binary-size": bad_spmc("binary_size: the entry of other CPUs", put("/attribute", "binary_size", "100")),
    "vm-without-memory": bad_spmc(r"vm3.*mem_size|relay.*mem_size", drop("/hypervisor/vm3", "mem_size"),
                                  survivors=("hello", "irq")),
}


def bad_manifests():
    """(name, function) for each."""
    return BAD.items()
