# SPDX-License-Identifier: MIT
"""The console of several VMs (payload/vm/talk): switching, history, lines with prefixes, and floods."""

import re

from linux import ESCAPE, PROMPT
from machine import Machine, bundle, require

NAMES = ("one", "two", "three")
MANIFEST = """/dts-v1/;
/ {{
	compatible = "trivet,manifest-1";
	console-prefix;
	vms {{
{vms}
	}};
}};
"""
VM = '\t\t{name} {{ vcpus = <1>; affinity = <{cpu}>; memory-mib = <4>; kernel = "talk.img"; on-power-off = "stop"; }};'
# All that may stand in a line while the console is in prefix mode.
LINE = re.compile(r"(one|two|three)[|+] .*|\[ *\d+\.\d{6}\] .*|\[\w+: \d+ bytes are not shown; .*|(trivet> )+.*|Trivet\. .*|"
                  r"Console of \w+; .*|")


def make_bundle():
    source = "build/test/console.dts"
    vms = "\n".join(VM.format(name=name, cpu=i % 2) for i, name in enumerate(NAMES))
    with open(source, "w", encoding="ascii") as file:
        file.write(MANIFEST.format(vms=vms))
    return bundle("build/test/console.cpio", source, "--dir", "build/payload")


class Console:
    """The prompt and the short cuts."""

    def __init__(self, machine):
        self.machine = machine

    def open(self):
        self.machine.send(ESCAPE)
        self.machine.expect(r"Trivet\. [^\n]*\n" + PROMPT, within=20, what="the prompt")

    def ask(self, command):
        """At the open prompt; returns the answer."""
        self.machine.line(command)
        self.machine.expect(re.escape(command) + r"\r*\n(.*?)" + PROMPT, within=20, what=f"answer to {command!r}")
        return self.machine.child.match.group(1).replace("\r", "")

    def go(self, key, name):
        self.open()
        self.machine.send(key)
        self.machine.expect(rf"Console of {name}; [^\n]*\n", within=20)


def check_lines(console):
    """Prefix mode, with a flood."""
    machine = console.machine
    console.go("2", "two")
    machine.send("l")
    machine.expect(r"^two\| line 1 of 100\r*\n.*^two\| line 100 of 100\r*\n", within=20)
    machine.send("f")
    machine.expect(r"^two\| flood 2000 of a line that says nothing more\r*\n", within=40)
    console.go("1", "one")
    machine.send("a")
    machine.expect(r"^one\| key 97\r*\n", within=20, what="one beside a flood")
    machine.send("x")
    machine.expect(r"^one\| x\r*\none\| two\| forged by a return\r*\n.*?one\| two\| forged by a cursor\r*\n", within=20)
    # A line without end appears by itself, and what follows it is marked.
    console.go("3", "three")
    machine.send("p")
    machine.expect(r"^three\| what now\? \r*\n", within=20)
    machine.send("k")
    machine.expect(r"^three\+ key 107\r*\n", within=20)
    # While a line is typed, and until it is answered, nothing gets in between.
    console.open()
    answer = console.ask("prefix")
    require(answer == "on\n", f"'prefix' answers {answer!r} beside a flood")
    with open(machine.log_path, encoding="utf-8", errors="replace", newline="") as log:
        text = log.read()
    lines = text[text.index("| ready"):].replace("\r", "").split("\n")[1:-1]
    wrong = [line for line in lines if not LINE.fullmatch(line) and line not in ("prefix", "on")]
    require(not wrong, f"lines that are not whole: {wrong[:3]}")
    require(len([line for line in lines if line.startswith("two| flood")]) > 2000, "the flood is not in the log")


def check_prompt(console):
    """The prompt is open and the flood goes on, unseen: it is quiet here, and in the console of another VM."""
    machine = console.machine
    require(console.ask("prefix off") == "", "'prefix off' has an answer")
    answer = console.ask("vms")
    for i, name in enumerate(NAMES, 1):
        require(re.search(rf"^ +{i} {name} +running ", answer, re.M), f"'vms' answers {answer!r}")
    require("flood" not in answer, "a VM's output at the prompt")
    lines = console.ask("history two 5").splitlines()
    numbers = [int(re.fullmatch(r"flood (\d+) of a line that says nothing more", line).group(1)) for line in lines[:4]]
    require(numbers == list(range(numbers[0], numbers[0] + 4)), f"'history two 5' answers {lines}")
    require(console.ask("history 3 2") == "ready\nwhat now? key 107\n", "three's history is not what it printed")
    machine.send("1")
    machine.expect(r"Console of one; [^\n]*\n", within=20)
    machine.send("b")
    machine.expect(r"key 98\r*\n", within=20)
    require("flood" not in machine.text, "the flood is in the console of another VM")


def flood_number(console):
    """How far the flood is, which nobody sees. The last line may be a part of one."""
    return int(re.match(r"flood (\d+) of", console.ask("history two 2")).group(1))


def check_flood(console):
    """The VM that floods has the console: it takes keys, and the prompt comes."""
    machine = console.machine
    console.open()
    first = flood_number(console)
    while flood_number(console) < first + 200:  # more than the console of a VM makes up for
        pass
    machine.send("\t")
    machine.expect(r"Console of two; [^\n]*\n", within=20)
    machine.expect(r"\[two: \d+ bytes are not shown; \"history two\" has the newest\]\r*\nflood \d+ of", within=20)
    machine.expect(r"(flood \d+ of a line that says nothing more\r*\n){100}", within=20)
    console.open()
    answer = console.ask("cpus")
    require("flood" not in answer and re.search(r"^ +1 ", answer, re.M), f"'cpus' answers {answer!r} in a flood")
    machine.send(ESCAPE)
    machine.expect(r"Console of two; ", within=20)
    machine.send("z")
    machine.expect(r"key 122\r*\n", within=20, what="an end of the flood")


def check_end(console):
    """What a VM printed outlives it."""
    machine = console.machine
    console.open()
    machine.line("stop two")
    machine.expect(r"VM 'two' is stopped\r*\n", within=20)
    machine.line("destroy two")
    machine.expect(r"VM 'two' is destroyed; [^\n]*\n", within=20)
    machine.line("")
    machine.expect(PROMPT, within=20)
    require(console.ask("history two 1") == "key 122\n", "the history of a destroyed VM is lost")
    machine.line("start two")
    machine.expect(PROMPT, within=20)
    machine.send("2")
    machine.expect(r"Console of two; [^\n]*\n.*ready\r*\n", within=20)
    for key, name in (("1", "one"), ("2", "two"), ("3", "three")):
        console.go(key, name)
        machine.send("q")
        machine.expect(rf"VM '{name}' is off", within=20)


def run(log, limit):
    with Machine(log, limit, "--bundle", make_bundle(), "--cpus", "2", "--memory", "1G", "--no-reboot") as machine:
        console = Console(machine)
        ready = {machine.expect(r"(\w+)\| ready\r*\n", within=60).group(1) for _ in NAMES}
        require(ready == set(NAMES), f"ready are {ready}")
        check_lines(console)
        check_prompt(console)
        check_flood(console)
        check_end(console)
        machine.expect_end()
