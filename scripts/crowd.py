# SPDX-License-Identifier: MIT
"""For bench-vms and the tests: machines with many VMs, most of them payload/vm/crowd."""

import os
import re
import subprocess

from machine import Failure, Machine

KERNEL = "crowd.img"
MEMORY_MIB = 4  # a payload needs no more
ESCAPE, PROMPT = "\x1d", "trivet> "
SAMPLES = r"{} (\d+) times: (\d+) (\d+) (\d+)"  # how many, least, median, most


def vm(name, role="say", cpus=(0,), memory=MEMORY_MIB, kernel=KERNEL, keys=()):
    """A node of the manifest; a vCPU for each of 'cpus'. 'keys' are more lines of it, as in 'weight = <200>'."""
    lines = [f"vcpus = <{len(cpus)}>", f"affinity = <{' '.join(map(str, cpus))}>", f"memory-mib = <{memory}>",
             f'kernel = "{kernel}"', f'bootargs = "{role}"', *keys]
    return f"{name} {{ " + " ".join(f"{line};" for line in lines) + " };"


def bundle(out, vms, dirs):
    """Writes the bundle 'out' of those VMs, with the files that they name from 'dirs'; returns its path."""
    os.makedirs(os.path.dirname(out), exist_ok=True)
    source = os.path.splitext(out)[0] + ".dts"
    with open(source, "w", encoding="ascii") as dts:
        dts.write('/dts-v1/;\n/ { compatible = "trivet,manifest-1"; vms {\n' + "\n".join(vms) + "\n}; };\n")
    subprocess.run(["scripts/mkbundle", "-o", out, source, *(word for path in dirs for word in ("--dir", path))],
                   check=True)
    return out


def numbers(pattern, text):
    """The groups of the pattern, which must be there, as numbers."""
    found = re.search(pattern, text)
    if not found:
        raise Failure(f"no {pattern!r} in {text!r}")
    return [int(n) for n in found.groups()]


class Crowd(Machine):
    """A machine with those VMs. The first one has the console, so what the others print waits to be asked for."""

    def __init__(self, log, limit, vms, *options, dirs=("build/payload",)):
        archive = bundle(os.path.splitext(log)[0] + ".cpio", vms, dirs)
        super().__init__(log, limit, "--bundle", archive, *options)

    def wait(self, names):
        """Until all of them are off."""
        left = set(names)
        while left:
            left.discard(self.expect(r"VM '(\S+)' is off", what=f"the end of {', '.join(sorted(left))}").group(1))

    def prompt(self):
        self.send(ESCAPE)
        self.expect(PROMPT, within=60, what="hypervisor's prompt")

    def ask(self, command):
        """What the prompt answers."""
        self.prompt()
        self.line(command)
        self.expect(PROMPT, within=60, what=f"prompt after {command!r}")
        answer = self.text
        self.send(ESCAPE)
        self.expect("Console of", within=60)
        return answer

    def output(self, name):
        """What a VM has printed since it was last asked for."""
        self.prompt()
        self.line(f"console {name}")
        self.expect(rf"Console of {name};[^\n]*\n", within=60)
        self.prompt()
        text = self.text
        self.send(ESCAPE)
        self.expect("Console of", within=60)
        return text

    def quit(self):
        self.prompt()
        self.line("quit")
        self.expect_end()
