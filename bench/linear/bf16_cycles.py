# SPDX-License-Identifier: Apache-2.0
"""Estimates the bf16 kernels of x86 without the CPUs that have the instructions: cycles per multiply-add of their inner loops as llvm-mca expects them.

    bf16_cycles.py BUILD [--mca COMMAND] [-o FILE.csv]

BUILD is the host preset's folder. Of each level's kernel, the loop of the largest tile (bench/arm/loop_cycles.py has the rest of the method: caches always
hit, branches are always right). The level below widens bf16 to f32; avx512bf16 multiplies it.
"""
import argparse
import csv
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "arm"))
import loop_cycles as arm  # noqa: E402

CORES = ("znver4", "sapphirerapids")
LEVELS = ("avx512vnni", "avx512bf16")
MACS = {"vfmadd231ps": 16, "vfmadd132ps": 16, "vfmadd213ps": 16, "vdpbf16ps": 32}  # of 512 bits


def macs(name, operands):
    return MACS.get(name, 0) if "%zmm" in operands else 0


def largest(functions):
    """The inner loop with the most multiply-adds."""
    loops = [loop for f in functions.values() for loop in arm.inner_loops(f)]
    return max(loops, key=lambda loop: sum(macs(n, o) for _, n, o in loop))


def cycles(mca, core, lines):
    done = subprocess.run([mca, "-march=x86-64", f"-mcpu={core}", f"-iterations={arm.ITERATIONS}", "-"], input="\n".join(lines) + "\n", capture_output=True,
                          text=True, check=False)
    total = re.search(r"Total Cycles:\s+(\d+)", done.stdout)
    if done.returncode != 0 or not total:
        sys.exit(f"bf16_cycles: {mca} failed on {core}:\n{done.stderr[-1500:]}")
    return int(total.group(1)) / arm.ITERATIONS


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("build")
    parser.add_argument("--mca", default="llvm-mca-19")
    parser.add_argument("-o", dest="output", default="/dev/stdout")
    options = parser.parse_args()
    arm.BRANCH = re.compile(r"^j\w+$")
    with open(options.output, "w", encoding="ascii", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(("kernel", "level", "core", "instructions", "macs", "cycles", "macs_per_cycle", "how"))
        for core in CORES:
            for level in LEVELS:
                folder = os.path.join(options.build, f"CMakeFiles/binocle_{level}.dir/ops/matmul")
                name = "matmul_bf16_v16.c.o" if level == "avx512vnni" else f"matmul_bf16_{level}.c.o"
                loop = largest(arm.functions("objdump", os.path.join(folder, name)))
                count, c = sum(macs(n, o) for _, n, o in loop), cycles(options.mca, core, arm.source(loop)[1:])
                out.writerow(("matmul_bf16", level, core, len(loop), count, f"{c:.2f}", f"{count / c:.1f}", "estimate"))


if __name__ == "__main__":
    main()
