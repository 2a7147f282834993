# SPDX-License-Identifier: MIT
"""Bundles with a fault: one message names it, and a good VM in the same bundle starts all the same.

The archives are made here and not by mkbundle, which would refuse them.
"""

import dataclasses
import re
import struct
import subprocess

from machine import Failure, Machine, require

GOOD_KERNEL = "build/payload/psci.img"
MANIFEST = "manifest.dtb"


def newc(files):
    """A cpio archive of (name, bytes) pairs in the newc form."""
    out = bytearray()
    for inode, (name, data) in enumerate([*files, ("TRAILER!!!", b"")], 1):
        encoded = name.encode() + b"\0"
        fields = (inode, 0o100644, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(encoded), 0)
        out += b"070701" + b"".join(b"%08X" % field for field in fields) + encoded
        out += bytes(-len(out) % 4) + data
        out += bytes(-len(out) % 4)
    return bytes(out)


def compile_dts(source):
    result = subprocess.run(["dtc", "-q", "-f", "-I", "dts", "-O", "dtb"], input=source.encode(), capture_output=True,
                            check=False)
    if result.returncode != 0:
        raise Failure(f"dtc: {result.stderr.decode().strip()}")
    return result.stdout


def read(path):
    with open(path, "rb") as file:
        return file.read()


GOOD = 'good { vcpus = <4>; memory-mib = <64>; kernel = "good.img"; };'
HEADER = '/dts-v1/; / { compatible = "trivet,manifest-1"; vms { %s }; };'


def vm(body="", name="bad", vcpus="vcpus = <1>;", memory="memory-mib = <32>;", kernel='kernel = "good.img";'):
    return f"{name} {{ {vcpus} {memory} {kernel} {body} }};"


def image(size, flags=0xA):
    """A page with the header of an arm64 Image that says it takes `size` bytes; it branches to itself."""
    return struct.pack("<IIQQQQQQ4sI", 0x14000000, 0, 0, size, flags, 0, 0, 0, b"ARM\x64", 0) + bytes(4032)


def elf_header(machine):
    """An ELF64 file without segments."""
    return struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", 2, machine, 1, 0, 0, 0, 0, 64, 56, 0, 0, 0, 0)


@dataclasses.dataclass
class Bad:
    """A bundle, the message that it must give, and whether the good VM is in it."""

    message: str
    vms: str = ""  # the manifest's VMs; the good one comes after the bad one
    files: tuple = ()
    archive: bytes = None  # instead of all that: the archive itself
    good: bool = True

    def build(self):
        if self.archive is not None:
            return self.archive
        manifest = compile_dts(HEADER % self.vms)
        return newc([(MANIFEST, manifest), ("good.img", read(GOOD_KERNEL)), *self.files])


def bad_vm(message, body="", files=(), **parts):
    """A VM called bad, that is wrong in the way given, before the good one."""
    return lambda: Bad(rf"VM 'bad': {message}", vm(body, **parts) + GOOD, files)


def taken_memory():
    """The good VM comes first; who finds no memory is told that it has some."""
    return Bad(r"VM 'bad': memory-mib: 65536 MiB are asked for, .*VM 'good' has 64 MiB: destroy it, or give less",
               GOOD + vm(memory="memory-mib = <65536>;"))


def device(message, text):
    return bad_vm(message, body="devices { %s };" % text)


BOARD = "shared-memory { board { size-kib = <%s>; }; };"
ON_BOARD = 'compatible = "shared-memory"; region = "board";'


def region(message, size="4", body=f"devices {{ x {{ {ON_BOARD} }}; }};"):
    """The bad VM uses a shared memory of that size."""

    def make():
        tree = HEADER % (vm(body) + GOOD)
        manifest = compile_dts(tree.replace("vms {", BOARD % size + " vms {", 1))
        return Bad(message, archive=newc([(MANIFEST, manifest), ("good.img", read(GOOD_KERNEL))]))

    return make


def no_manifest():
    return Bad(r"no file 'manifest\.dtb'", archive=newc([("good.img", read(GOOD_KERNEL))]), good=False)


def not_a_tree():
    return Bad(r"manifest: .*device tree", archive=newc([(MANIFEST, b"hello" * 20)]), good=False)


def foreign_tree():
    return Bad(r"manifest: .*compatible", archive=newc([(MANIFEST, compile_dts("/dts-v1/; / { };"))]), good=False)


def bad_prefix():
    tree = compile_dts((HEADER % GOOD).replace("vms {", "console-prefix = <1>; vms {"))
    return Bad(r"console-prefix: takes no value", archive=newc([(MANIFEST, tree)]), good=False)


def no_vms():
    return Bad(r"manifest: .*/vms", archive=newc([(MANIFEST, compile_dts(HEADER % ""))]), good=False)


def damaged_tree():
    tree = bytearray(compile_dts(HEADER % GOOD))
    tree[8:12] = struct.pack(">I", 0x7FFFFFF0)  # off_dt_struct
    return Bad(r"manifest: .*device tree", archive=newc([(MANIFEST, bytes(tree))]), good=False)


def truncated():
    """The archive ends inside the file that the bad VM needs."""
    manifest = compile_dts(HEADER % (vm(kernel='kernel = "late.img";') + GOOD))
    whole = newc([(MANIFEST, manifest), ("good.img", read(GOOD_KERNEL)), ("late.img", bytes(1 << 20))])
    return Bad(r"bundle: .* at byte \d+", archive=whole[:-(1 << 19)])


def same_name():
    """dtc merges nodes of one name: a tree with two is made by renaming one in the binary."""
    tree = compile_dts(HEADER % (GOOD + vm(name="gooe"))).replace(b"\0\0\0\x01gooe\0", b"\0\0\0\x01good\0")
    return Bad(r"VM 'good': .*name is taken", archive=newc([(MANIFEST, tree), ("good.img", read(GOOD_KERNEL))]))


CASES = {
    "no-bundle": lambda: Bad(r"bundle: there is none", archive=b"", good=False),
    "not-an-archive": lambda: Bad(r"bundle: .* at byte 0", archive=b"\x1f\x8b" * 512, good=False),
    "truncated-archive": truncated,
    "no-manifest": no_manifest,
    "manifest-is-text": not_a_tree,
    "manifest-is-damaged": damaged_tree,
    "manifest-of-another-kind": foreign_tree,
    "no-vms": no_vms,
    "console-prefix-with-a-value": bad_prefix,
    "unknown-key": bad_vm("colour: unknown key", 'colour = "red";'),
    "unknown-node": bad_vm("gadgets: unknown node", "gadgets { };"),
    "unknown-device": device("device 'x': compatible: ", 'x { compatible = "virtio-gpu"; };'),
    "unknown-device-key": device("device 'x': speed: unknown key", 'x { compatible = "virtio-net"; speed = <1>; };'),
    "bad-mac": device("device 'x': mac: ", 'x { compatible = "virtio-net"; mac = [01 02 03 04 05 06]; };'),
    "disk-not-there": device("device 'x': file: no file 'none'", 'x { compatible = "virtio-blk"; file = "none"; };'),
    "no-such-region": device("device 'x': region: there is no 'board'", f"x {{ {ON_BOARD} }};"),
    "region-without-a-name": device("device 'x': region: the key is missing", 'x { compatible = "shared-memory"; };'),
    "unaligned-region": region("device 'board': size-kib: 6 KiB", size="6"),
    "huge-region": region("device 'board': size-kib: 4194303 KiB", size="4194303"),
    "unused-region": region("device 'board': no VM uses this shared memory", body="colour;"),
    "region-twice-in-a-vm": region(r"VM 'bad': device 'y': region: the device 'x' of this VM has 'board'",
                                   body=f"devices {{ x {{ {ON_BOARD} }}; y {{ {ON_BOARD} }}; }};"),
    "no-vcpus": bad_vm("vcpus: the key is missing", vcpus=""),
    "zero-vcpus": bad_vm("vcpus: 0 vCPUs", vcpus="vcpus = <0>;"),
    "too-many-vcpus": bad_vm("vcpus: 100000 vCPUs", vcpus="vcpus = <100000>;"),
    "no-such-cpu": bad_vm("affinity: physical CPU 64", "affinity = <64>;"),
    "affinity-of-wrong-length": bad_vm("affinity: 2 CPUs", "affinity = <0 1>;", vcpus="vcpus = <3>;"),
    "odd-memory": bad_vm("memory-mib: 3 MiB", memory="memory-mib = <3>;"),
    "memory-is-text": bad_vm("memory-mib: must be", memory='memory-mib = "512 MiB";'),
    "more-memory-than-there-is": bad_vm(r"memory\S*: 65536 MiB", memory="memory-mib = <65536>;"),
    "memory-that-another-has": taken_memory,
    "no-kernel": bad_vm("kernel: the key is missing", kernel=""),
    "kernel-not-there": bad_vm("kernel: no file 'none'", kernel='kernel = "none";'),
    "kernel-is-text": bad_vm("kernel: 'text' is neither", kernel='kernel = "text";', files=(("text", b"hello\n" * 100),)),
    "kernel-is-empty": bad_vm("kernel: the file 'empty'", kernel='kernel = "empty";', files=(("empty", b""),)),
    "kernel-is-big-endian": bad_vm("kernel: 'be' is a big-endian", kernel='kernel = "be";',
                                   files=(("be", image(4096, flags=0xB)),)),
    "kernel-claims-too-much": bad_vm("kernel: it takes", kernel='kernel = "huge";', files=(("huge", image(1 << 40)),)),
    "elf-of-another-machine": bad_vm("kernel: 'elf' is an ELF file, but", kernel='kernel = "elf";',
                                     files=(("elf", elf_header(62)),)),
    "no-weight-so-small": bad_vm("weight: 9 is not possible", "weight = <9>;"),
    "cap-of-all": bad_vm("cap: 100 is not possible", "cap = <100>;"),
    "no-such-policy": bad_vm("on-crash: 'reboot' is not known", 'on-crash = "reboot";'),
    "uuid-cut-short": bad_vm("uuid: give 1 to 4 UUIDs", "ffa { uuid = <1 2 3>; };"),
    "no-such-messages": bad_vm("messaging-method: 0x800 has bits", "ffa { messaging-method = <0x800>; };"),
    "psci-to-the-firmware": bad_vm("smc-allow: 0x84000008 is not", "smc-allow = <0x84000008>;"),
    "load-offset-outside": bad_vm("load-offset: ", "load-offset = <0x10000000>;"),
    "firmware-beside-a-kernel": bad_vm("kernel: not beside 'firmware'", 'firmware = "good.img";'),
    "no-such-firmware": bad_vm("firmware: no file 'nowhere'", 'firmware = "nowhere";', kernel=""),
    "odd-flash": bad_vm("variables-mib: 3 is not possible", 'firmware = "good.img"; variables-mib = <3>;', kernel=""),
    "firmware-too-big": bad_vm("firmware: 'big' is larger than a bank", 'firmware = "big";', kernel="",
                               files=(("big", bytes((64 << 20) + 1)),)),
    "initrd-too-big": bad_vm(r"memory-mib: .*initrd", 'initrd = "big";', memory="memory-mib = <4>;",
                             files=(("big", bytes(8 << 20)),)),
    "same-name-twice": same_name,
}


def run_bad(name, log, limit):
    bad = CASES[name]()
    options = ["--memory", "1G", "--no-reboot"]
    archive = bad.build()
    if archive:
        path = f"build/test/bad-{name}.cpio"
        with open(path, "wb") as file:
            file.write(archive)
        options += ["--bundle", path]
    with Machine(log, limit, *options) as machine:
        machine.expect(bad.message + r"[^\r\n]*", what=bad.message)
        if not bad.good:
            machine.expect(r"no VM was started", within=20)
            return
        machine.expect(r"^ok \S+", what="a line of the good VM's report")
    with open(log, encoding="utf-8", errors="replace") as text:
        about = [line for line in text if re.search(r"VM 'bad'", line)]
    require(len(about) <= 1, f"{len(about)} messages about one fault")


def cases():
    """(name, function) for each bad bundle."""

    def case(name):
        return lambda log, limit: run_bad(name, log, limit)

    return [(name, case(name)) for name in CASES]
