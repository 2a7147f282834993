# SPDX-License-Identifier: MIT
"""A QEMU that runs one of the images, with its console under pexpect."""

import os
import re
import subprocess
import time

import pexpect

# What the image prints when it finds a bug of its own: no test waits any longer then.
PANIC = r"EL2 panic[^\r\n]*"


class Failure(Exception):
    """The case failed; the text says why."""


class Skip(Exception):
    """The case cannot run here; the text says why."""


def bundle(out, *arguments):
    """Runs mkbundle; returns the bundle's path."""
    os.makedirs(os.path.dirname(out), exist_ok=True)
    line = ["scripts/mkbundle", "-o", out, *arguments]
    result = subprocess.run(line, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise Failure(f"{' '.join(line)}: {(result.stderr or result.stdout).strip()}")
    return out


class Machine:
    """Started on entry, killed on exit. All waiting ends at the case's limit."""

    START = "scripts/run-qemu"
    LOOK = 2  # seconds between the calls of look()

    def __init__(self, log, limit, *qemu_options):
        self.log_path = log
        self.deadline = time.monotonic() + limit
        self.limit = limit
        self.options = list(qemu_options)

    def __enter__(self):
        self.log = open(self.log_path, "w", encoding="utf-8", errors="replace")
        self.child = pexpect.spawn(self.START, self.options, timeout=None, encoding="utf-8",
                                   codec_errors="replace", dimensions=(24, 200), echo=False)
        self.child.logfile_read = self.log
        self.child.delaybeforesend = None
        return self

    def __exit__(self, *_):
        self.child.close(force=True)
        self.log.close()

    def look(self):
        """Raises Failure if something that is not on the console says that waiting is in vain."""

    @property
    def text(self):
        """What stood before the last match."""
        return self.child.before

    def expect(self, *patterns, within=None, what=None):
        """Waits for one of the patterns; returns the match object, whose .re is the pattern that matched."""
        left = self.deadline - time.monotonic()
        timeout = max(0.1, min(left, within) if within else left)
        end = time.monotonic() + timeout
        waits = [re.compile(p, re.M | re.S) for p in patterns]
        index = None
        while index is None:
            self.look()
            try:
                index = self.child.expect([PANIC, *waits], timeout=min(self.LOOK, max(0.1, end - time.monotonic())))
            except pexpect.TIMEOUT:
                if time.monotonic() >= end:
                    raise Failure(f"no {what or patterns[0]!r} within {timeout:.0f} s; last: {self.tail()!r}") from None
            except pexpect.EOF:
                self.look()
                raise Failure(f"QEMU ended before {what or patterns[0]!r}; last: {self.tail()!r}") from None
        if index == 0:
            raise Failure(self.child.after)
        return self.child.match

    def tail(self):
        lines = [line for line in (self.child.before or "").splitlines() if line.strip()]
        return lines[-1].strip() if lines else ""

    def expect_end(self, within=30):
        """Waits for QEMU to end by itself."""
        try:
            index = self.child.expect([PANIC, pexpect.EOF], timeout=max(0.1, min(self.deadline - time.monotonic(), within)))
        except pexpect.TIMEOUT:
            raise Failure(f"QEMU did not end within {within} s; last: {self.tail()!r}") from None
        if index == 0:
            raise Failure(self.child.after)

    def send(self, text):
        self.child.send(text)

    def line(self, text):
        self.child.send(text + "\r")


class Shell:
    """The guest's shell on a machine's console."""

    PROMPT = r"vm:[^\r\n]*# "

    def __init__(self, machine):
        self.machine = machine

    def wait(self, within=None):
        self.machine.expect(self.PROMPT, within=within, what="shell prompt")
        # A wide terminal, so that the line editor does not fold; no answer to its question where the cursor is.
        self.run("stty cols 400")

    def run(self, command, check=True, within=60):
        """Types a command; returns what it printed. With check, it must succeed."""
        # The quotes keep the markers from being found in the echo of the command itself.
        self.machine.line(f"echo B''EGIN; {command}; echo E''ND$?")
        match = self.machine.expect(r"BEGIN\r*\n(.*?)END(\d+)\r*\n", within=within, what=f"end of {command!r}")
        output, code = match.group(1).replace("\r", "").strip(), int(match.group(2))
        self.machine.expect(self.PROMPT, within=within, what="shell prompt")
        if check and code != 0:
            raise Failure(f"{command!r} in the guest: exit code {code}: {output[-200:]}")
        return output


def require(condition, why):
    if not condition:
        raise Failure(why)
