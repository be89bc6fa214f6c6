# SPDX-License-Identifier: Apache-2.0
"""Counts the instructions of int8 linear layers, ours and XNNPACK's, on each kind of ARM core, under qemu-user with count_plugin.c.

    linear_counts.py BUILD [--sysroot DIR] [-o FILE.csv]

BUILD is the aarch64-linux preset's folder, DIR its sysroot (build/sysroot/arm64 of the tree where it is not given). XNNPACK picks its kernel by the
instructions that the emulated CPU reports. Counts are exact and say nothing about caches; XNNPACK's leave out the packing before the first run.
"""
import argparse
import csv
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
CPUS = ("cortex-a53", "cortex-a72", "cortex-a76", "max")  # max: what a Cortex-A710 has, and more


def count(plugin, build, sysroot, cpu):
    command = ["qemu-aarch64", "-cpu", cpu, "-L", sysroot, "-plugin", plugin, os.path.join(build, "bench/bench_int8"), "--count"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    marks = [int(m) for m in re.findall(r"^mark (\d+)$", done.stderr, re.M)]
    shapes = done.stdout.split()
    if done.returncode != 0 or not shapes or len(marks) != 3 * len(shapes):
        sys.exit(f"linear_counts: {' '.join(command)}: {len(marks)} marks of {len(shapes)} shapes, exit {done.returncode}\n{done.stderr[-500:]}")
    for i, shape in enumerate(shapes):
        rows, k, n, level, other = shape.split(",")
        macs = int(rows) * int(k) * int(n)
        own, xnnpack = (marks[3 * i + j + 1] - marks[3 * i + j] for j in (0, 1))
        yield cpu, level, f"{rows}x{k}x{n}", own, xnnpack, f"{own / macs:.4f}", f"{xnnpack / macs:.4f}", f"{xnnpack / own:.2f}", \
            f"{100 * int(other) / (int(rows) * int(n)):.1f}", "counted under qemu"


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("build")
    parser.add_argument("--sysroot", default=os.path.join(os.path.dirname(os.path.dirname(HERE)), "build/sysroot/arm64"))
    parser.add_argument("-o", dest="output", default="/dev/stdout")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        plugin = os.path.join(folder, "count_plugin.so")
        subprocess.run(["cc", "-O2", "-shared", "-fPIC", os.path.join(HERE, "count_plugin.c"), "-o", plugin], check=True)
        rows = [row for cpu in CPUS for row in count(plugin, options.build, options.sysroot, cpu)]
    with open(options.output, "w", encoding="ascii", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(("cpu", "level", "shape", "own_instructions", "xnnpack_instructions", "own_per_mac", "xnnpack_per_mac", "ratio",
                      "percent_rounded_otherwise", "how"))
        out.writerows(rows)


if __name__ == "__main__":
    main()
