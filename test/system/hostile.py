# SPDX-License-Identifier: MIT
"""A Linux VM that works beside VMs that want to do harm (payload/vm/hostile), on two CPUs that they share.

And a VM that works with partitions and another VM by FF-A, beside two that use all of FF-A to do harm.
"""

import hashlib
import os
import random
import re

from machine import Failure, Machine, bundle, require
from multi_vm import Vms
from payloads import read_report
from spmc import SpmcMachine

# What each VM must have done at least, in rounds of its CPU 0, until Linux is done.
ROUNDS = {"calls": 500, "reset": 500, "sysregs": 2000, "mmio": 100, "rings": 100, "storm": 20, "tables": 500,
          "flood": 5, "spin": 20}
RESETS = 2
LOG_LINES = 80  # of the hypervisor's own, in a run
NUMBERS = 50000


def make_bundle(name, seed):
    """config/hostile.dts with that seed for all."""
    with open("config/hostile.dts", encoding="utf-8") as file:
        text = re.sub(r"seed=\d+", f"seed={seed}", file.read())
    source = f"build/test/hostile-{name}.dts"
    with open(source, "w", encoding="utf-8") as file:
        file.write(text)
    return bundle(f"build/test/hostile-{name}.cpio", source, "--dir", "build/guest", "--dir", "build/deps/kernel",
                  "--dir", "build/payload")


def numbers():
    """What `seq NUMBERS` prints, and how the disk's numbers.txt begins."""
    return "".join(f"{n}\n" for n in range(1, NUMBERS + 1)).encode()


def check_work(shell):
    """
    Linux computes on both CPUs, uses its disk, and sleeps; all comes out as it must. What is asked for may be shown more than
    once: a line of the hypervisor's log that comes before its end has it stand once more behind that.
    """
    wanted = hashlib.sha256(numbers()).hexdigest()
    shell.run("mount /dev/vda /mnt && echo 3 > /proc/sys/vm/drop_caches")
    answer = shell.run(f"( (seq {NUMBERS} | sha256sum > /tmp/a) & seq {NUMBERS} | tee /mnt/copy | sha256sum; "
                       f"wait; cat /tmp/a; head -n {NUMBERS} /mnt/numbers.txt | sha256sum) | sort | uniq -c", within=100)
    require(set(re.findall(r"(\d+) ([0-9a-f]{64})", answer)) == {("3", wanted)}, f"wrong sums: {answer!r}")
    answer = shell.run("sync; umount /mnt && echo 3 > /proc/sys/vm/drop_caches && mount /dev/vda /mnt && "
                       "sha256sum < /mnt/copy", within=60)
    require(wanted in answer, f"the disk does not hold what was written: {answer!r}")
    answer = shell.run("for i in 1 2 3 4 5 6 7 8 9 10; do a=$(cut -d' ' -f1 /proc/uptime); sleep 0.2; "
                       "echo slept $a $(cut -d' ' -f1 /proc/uptime); done", within=60)
    slept = [float(b) - float(a) for a, b in dict(re.findall(r"slept (\d+\.\d\d) (\d+\.\d\d)", answer)).items()]
    require(len(slept) == 10 and min(slept) >= 0.19 and sorted(slept)[5] < 2, f"0.2 s of sleep took {slept}")
    require(re.search(r"inet 10\.7\.0\.\d+/24", shell.run("ip addr show eth0")), "the switch gave no address")
    answer = shell.run("dmesg -r | grep -E '^<[0-3]>|rcu.*stall|soft lockup'", check=False)
    require("stall" not in answer and "lockup" not in answer and "Oops" not in answer, f"Linux complains: {answer!r}")


def rounds_of(vms, name):
    """(rounds, resets) of a VM, by the last of its lines that is whole: what it does to its console is its own affair."""
    found = []
    for lines in (10, 1000):
        found = re.findall(rf"hostile {name}: (\d+) rounds, \d+ on other CPUs, (\d+) resets",
                           vms.ask(f"history {name} {lines}"))
        if found:
            break
    require(found, f"{name} has not told of any round")
    return int(found[-1][0]), int(found[-1][1])


def check_hostile(vms):
    """Each of them is alive and has done a good deal."""
    answer = vms.ask("vms")
    for name in ROUNDS:
        require(re.search(rf"{name} +(running|starting|waiting)", answer), f"{name} is gone: {answer!r}")
    done = {name: rounds_of(vms, name) for name in ROUNDS}
    lazy = {name: n for name, (n, _) in done.items() if n < ROUNDS[name]}
    require(not lazy, f"too few rounds: {lazy}")
    require(done["reset"][1] >= RESETS, f"{done['reset'][1]} resets")
    answer = vms.ask("cpus")
    require(len(re.findall(r"^ +[01] .* ms .* ms .* ms", answer, re.M)) == 2, f"'cpus' answers {answer!r}")
    return " ".join(f"{name} {n}" for name, (n, _) in done.items())


def check_log(path):
    """The hypervisor's own lines are few, and none is an error."""
    with open(path, encoding="utf-8", errors="replace") as log:
        lines = [line for line in log if re.match(r"\[ *\d+\.\d{6}\] ", line)]
    require(0 < len(lines) <= LOG_LINES, f"{len(lines)} lines in the hypervisor's log")


def beside(name, seed):
    def run(log, limit):
        options = ["--bundle", make_bundle(name, seed), "--cpus", "2", "--memory", "1G", "--no-reboot"]
        with Machine(log, limit, *options) as machine:
            vms = Vms(machine)
            vms.shell.wait(within=100)
            check_work(vms.shell)
            done = check_hostile(vms)
            # The one that still works ends by itself; what remains is ended at the prompt.
            machine.line("poweroff -f")
            machine.expect(r"VM 'linux' is off", within=60)
            machine.send("\x1d")
            machine.expect("trivet> ", within=20, what="the prompt without Linux")
            machine.line("quit")
            machine.expect_end()
        check_log(log)
        return f"seed {seed}: {done}"

    return run


# ---- by FF-A ----

HYP = "build/hyp/trivet-hyp.img"
FFA_ROUNDS = 100  # of CPU 0 of each hostile VM; it counts anew when it gets other RAM
FFA_RESETS = 5  # of both together
LOG_LINES_PER_RESET = 20


def make_ffa_bundle(stem, seed, spmc):
    """config/hostile-ffa.dts with these seeds; without partitions if there is no SPMC."""
    with open("config/hostile-ffa.dts", encoding="utf-8") as file:
        text = re.sub(r"seed=(\d+)", lambda found: f"seed={seed + int(found.group(1)) - 1}", file.read())
    if not spmc:
        text = text.replace("work sp", "work alone")
    with open(f"{stem}.dts", "w", encoding="utf-8") as file:
        file.write(text)
    return bundle(f"{stem}.cpio", f"{stem}.dts", "--dir", "build/payload")


def check_ffa_log(path):
    """How often the hostile VMs began anew; and that the hypervisor has said little, and nothing about itself."""
    with open(path, encoding="utf-8", errors="replace") as log:
        text = log.read()
    lines = re.findall(r"^\[ *\d+\.\d{6}\] .*$", text, re.M)
    resets = len([line for line in lines if re.search("VM '(one|two)' resets", line)])
    require(len(lines) <= LOG_LINES + LOG_LINES_PER_RESET * resets, f"{len(lines)} lines in the hypervisor's log")
    return resets


def most_rounds(machine, name):
    """What that hostile VM has told of at most, at the prompt."""
    machine.line(f"history {name} 1000")
    machine.expect("trivet> ", within=20, what="prompt after 'history'")
    return max((int(n) for n in re.findall(r"hostile ffa: (\d+) rounds", machine.text)), default=0)


def by_ffa(seed, spmc):
    def run(log, limit):
        archive = make_ffa_bundle(log.removesuffix(".log"), seed, spmc)
        if spmc:
            machine = SpmcMachine(log, limit, "--bl33", HYP, "--initrd", archive)
        else:
            machine = Machine(log, limit, "--bundle", archive, "--cpus", "4", "--memory", "1G", "--no-reboot")
        try:
            with machine:
                read_report(machine)
                machine.send("\x1d")
                machine.expect("trivet> ", within=20, what="the prompt")
                done = [most_rounds(machine, name) for name in ("one", "two")]
                machine.line("quit")
                machine.expect_end()
                machine.look()
            require(min(done) >= FFA_ROUNDS, f"too few rounds: {done}")
            resets = check_ffa_log(log)
            require(resets >= FFA_RESETS, f"only {resets} resets")
        except Failure as failure:
            raise Failure(f"SEED={seed}: {failure}") from None
        return f"seed {seed}: {done} rounds, {resets} resets"

    return run


def seed_of_now():
    """SEED=n gives a former one again."""
    return int(os.environ.get("SEED") or random.randrange(2, 1 << 32))


def cases():
    """(name, function): a seed that is always the same, and one that is not."""
    return [("fixed", beside("fixed", 1)), ("random", beside("random", seed_of_now()))]


def ffa_cases():
    """The same for those that use FF-A."""
    seed = seed_of_now()
    return [("ffa", by_ffa(seed, spmc=False)), ("ffa-spmc", by_ffa(seed, spmc=True))]
