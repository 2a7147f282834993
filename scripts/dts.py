# SPDX-License-Identifier: MIT
"""For mksp and mkflash: device tree sources, with the C preprocessor's #include as in TF-A's build."""

import subprocess


class Failure(Exception):
    """Says why a tool could not do its work."""


def run(*line, **options):
    """Runs a tool; returns what it printed."""
    result = subprocess.run(line, capture_output=True, check=False, **options)
    if result.returncode != 0:
        raise Failure(f"{line[0]}: {result.stderr.decode(errors='replace').strip()}")
    return result.stdout


def compile_tree(path):
    """The blob of a .dts, or a .dtb as it is."""
    if path.endswith(".dtb"):
        with open(path, "rb") as file:
            return file.read()
    text = run("gcc", "-E", "-P", "-nostdinc", "-undef", "-D__DTS__", "-x", "assembler-with-cpp", path)
    return run("dtc", "-q", "-I", "dts", "-O", "dtb", input=text)
