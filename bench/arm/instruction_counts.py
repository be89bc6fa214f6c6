# SPDX-License-Identifier: Apache-2.0
"""Counts the instructions that each ARM kernel executes at each named shape, under qemu-user with a plugin of its own.

    instruction_counts.py BUILD [--sysroot DIR] [--family NAME] [-o FILE.csv]

BUILD is the aarch64-linux preset's folder, DIR its sysroot (build/sysroot/arm64 of the tree where it is not given). Exact counts of an emulated
run: they do not depend on how busy the machine is, and say nothing about caches. A multiply-add counts as one, so vectors bring the ratio under 1.
"""
import argparse
import csv
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
# level -> a CPU that has it and nothing better
CPUS = {"neon": "cortex-a72", "neon_dotprod": "neoverse-n1", "neon_i8mm": "max", "neon_bf16": "max"}


def count(plugin, build, sysroot, level, family):
    """Rows (kernel, level, shape, instructions, floating or integer operations) of one level."""
    command = ["qemu-aarch64", "-cpu", CPUS[level], "-L", sysroot, "-plugin", plugin, os.path.join(build, "tests/checkkern"), "--quick", "--count",
               "--seed", "1", "--level", level] + (["--family", family] if family else [])
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    marks = [int(m) for m in re.findall(r"^mark (\d+)$", done.stderr, re.M)]
    jobs = [line.split(",") for line in done.stdout.splitlines() if line.startswith("count,")]
    if "checked nothing" in done.stdout and not jobs:  # the level has no such kernel
        return []
    if done.returncode != 0 or len(marks) != 2 * len(jobs):
        sys.exit(f"instruction_counts: {' '.join(command)}: {len(marks)} marks of {len(jobs)} jobs, exit {done.returncode}\n"
                 f"{done.stdout[-500:]}{done.stderr[-500:]}")
    return [(j[1], j[2], j[3], marks[2 * i + 1] - marks[2 * i], float(j[5])) for i, j in enumerate(jobs)]


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("build")
    parser.add_argument("--sysroot", default=os.path.join(os.path.dirname(os.path.dirname(HERE)), "build/sysroot/arm64"))
    parser.add_argument("--family")
    parser.add_argument("-o", dest="output", default="/dev/stdout")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        plugin = os.path.join(folder, "count_plugin.so")
        subprocess.run(["cc", "-O2", "-shared", "-fPIC", os.path.join(HERE, "count_plugin.c"), "-o", plugin], check=True)
        rows = [row for level in CPUS for row in count(plugin, options.build, options.sysroot, level, options.family)]
    if not rows:
        sys.exit("instruction_counts: nothing was counted")
    with open(options.output, "w", encoding="ascii", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(("kernel", "level", "shape", "instructions", "operations", "instructions_per_mac", "how"))
        for kernel, level, shape, instructions, operations in rows:
            out.writerow((kernel, level, shape, instructions, f"{operations:.0f}", f"{instructions / (operations / 2):.3f}" if operations else "", "counted under qemu"))


if __name__ == "__main__":
    main()
