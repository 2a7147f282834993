# SPDX-License-Identifier: MIT
"""For the scripts bench*: images' instructions counted by scripts/qemu/count.c, by phase and by function."""

import bisect
import collections
import os
import re
import subprocess

PLUGIN = "build/bench/count.so"
SOURCE = "scripts/qemu/count.c"


def build_plugin():
    if not os.path.exists(PLUGIN) or os.path.getmtime(PLUGIN) < os.path.getmtime(SOURCE):
        os.makedirs(os.path.dirname(PLUGIN), exist_ok=True)
        subprocess.run(["gcc", "-std=gnu17", "-O2", "-Wall", "-Wextra", "-fPIC", "-shared", "-fvisibility=hidden", "-o",
                        PLUGIN, SOURCE], check=True)


def output_of(*line):
    return subprocess.run(line, check=True, capture_output=True, text=True).stdout


class Counts:
    """'image' is the path of an image without .img or .elf, 'base' where it lies when it runs, 'linked' the address that it
    has in its ELF file. 'beside' are Counts of other images, which the same run counts to the same file."""

    def __init__(self, out, image, base, guest=0, linked=0, suffix=".img", beside=()):
        self.path, self.elf, self.base, self.linked = out, image + ".elf", base, linked
        self.size = os.path.getsize(image + suffix)
        places = "".join(f",base={each.base:#x},size={each.size:#x}" for each in (self, *beside))
        self.option = ["-plugin", f"{PLUGIN},out={out}{places},guest={guest:#x}"]
        if os.path.exists(out):
            os.remove(out)

    def read(self):
        """After the run; False if QEMU left no counts. self.phases: of each phase, {function: instructions}."""
        if not os.path.exists(self.path):
            return False
        functions = self.functions()
        starts = [address for address, _ in functions]
        self.phases, self.at = [], collections.Counter()
        with open(self.path, encoding="ascii") as lines:
            for line in lines:
                phase, address, count = map(int, line.split())
                while len(self.phases) <= phase:
                    self.phases.append(collections.Counter())
                offset = address - self.base
                if not 0 <= offset < self.size:
                    continue
                self.phases[phase][functions[bisect.bisect_right(starts, offset) - 1][1]] += count
                self.at[offset] += count
        return True

    def functions(self):
        found = re.findall(r"^([0-9a-f]+) [tTwW] ([^$\s]\S*)$", output_of("aarch64-linux-gnu-nm", "-n", self.elf), re.M)
        return [(int(address, 16) - self.linked, name) for address, name in found]

    def erets(self):
        """How often the image entered a guest. (EL2 returns to itself from no exception.)"""
        code = output_of("aarch64-linux-gnu-objdump", "-d", self.elf)
        return sum(self.at[int(address, 16) - self.linked] for address in re.findall(r"^\s*([0-9a-f]+):\s+\S+\s+eret$", code, re.M))


def write_profile(path, titled):
    """(title, counter) pairs to a file, the functions with the most instructions first."""
    with open(path, "w", encoding="ascii") as out:
        for title, counter in titled:
            print(f"{counter.total():10} {title}", file=out)
            for function, count in counter.most_common():
                if count:
                    print(f"{count:10}   {function}", file=out)
