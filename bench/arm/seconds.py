# SPDX-License-Identifier: Apache-2.0
"""Estimates seconds of whole work on boards that were not at hand, and what the same method is off by where a machine was.

    seconds.py [-o FILE.csv]                                         boards, from the committed rows of arm-*.csv
    seconds.py --check BUILD [--mca COMMAND] [-o FILE.csv]           level avx2 of an x86 build, against bench/baselines/*-amd-zen3.csv

A kernel's cycles are its instructions, counted in an emulated run, times the cycles per instruction that llvm-mca gives its hottest loop on the core. A
work's seconds are the sum of its kernels' cycles over cores and clock, or its bytes over the memory's rate, whichever is more. What this leaves out: caches
that miss, threads that wait, clocks that fall. --check does it with llvm's model of Zen 3, whose clock is taken from its measured f32 peak, and compares with
what was measured there. It has the loops alone: counting under qemu-x86_64 fails, as its masked stores touch what checkkern guards.
"""
import argparse
import csv
import os
import re
import statistics
import subprocess

import loop_cycles

BASELINES = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "baselines")
# board -> level, core as llvm names it, cores, GHz, GB/s that all cores read. Clocks and rates are those of runtime/devices/boards.c.
BOARDS = {"Raspberry Pi 5": ("neon_dotprod", "neoverse-n1", 4, 2.4, 10.0), "Raspberry Pi 4": ("neon", "cortex-a72", 4, 1.8, 4.5),
          "Jetson Orin Nano": ("neon_dotprod", "neoverse-n1", 6, 1.5, 28.0), "phone (Cortex-X2, 3 x A710)": ("neon_i8mm", "neoverse-n2", 4, 2.3, 28.0)}
TILE = 23           # layers of ViT-L
LAYERS = 32         # of LLaMA-3-8B
LAYER_MACS = 2 * 4096 * 4096 + 2 * 4096 * 1024 + 3 * 4096 * 14336
# Weights of layers in groups of 32 and of 16: bits of one, the kernel, its shapes of many rows and of one, the loop of many rows: c4's is that of int8.
FORMATS = {32: (4.5, "matmul.i4", "640x4096x4096/32", "1x4096x14336/32", "matmul_i4"), 16: (4.25, "matmul.c4", "640x4096x4096", "1x4096x14336", "matmul_i8")}


def text_bytes(group):
    """That a token reads: the layers, and a head of 8 bits."""
    return LAYERS * LAYER_MACS * FORMATS[group][0] / 8 + 4096 * 128256 * 8.5 / 8


PICTURE_TILES = 10


def rows(name):
    with open(os.path.join(BASELINES, name), encoding="ascii") as file:
        return list(csv.DictReader(file))


class Core:
    def __init__(self, level, core, instructions, linears, loops):
        self.level = level
        self.counted = {(r["kernel"], r["level"], r["shape"]): float(r["instructions"]) for r in instructions}
        self.linear = {(r["level"], r["shape"]): float(r["own_instructions"]) for r in linears}
        self.rate = {(r["kernel"], r["level"]): float(r["cycles"]) / float(r["instructions"]) for r in loops if r["core"] == core}
        self.core = core

    def at(self, table, *key):
        """The best level's row; a level without a kernel uses the one below."""
        for level in (self.level, "neon"):
            if (key[0], level, *key[1:]) in table:
                return table[(key[0], level, *key[1:])], level
        raise KeyError(f"{key} at {self.level}")

    def cycles(self, kernel, shape, loop=None):
        count, level = self.at(self.counted, kernel, shape)
        name = loop or kernel.replace(".", "_").replace("activate_", "").replace("norm_layer", "layer_norm").replace("norm_rms", "rms_norm")
        return count * self.per_instruction(name, level)

    def per_instruction(self, name, level):
        known = self.rate.get((name, level))
        if known is not None:
            return known
        # A core that runs this level's code has its loops timed at another level only where both run there: the median of its loops stands in.
        return statistics.median(v for (_, each), v in self.rate.items() if each == level) if any(e == level for _, e in self.rate) else \
            statistics.median(self.rate.values())

    def linears(self, macs, shape):
        rows_, k, n = map(int, shape.split("x"))
        return macs / (rows_ * k * n) * self.linear[self.level, shape] * self.per_instruction("matmul_i8", self.level)

    def tile(self):
        layer = self.linears(577 * (4 * 1024 * 1024 + 2 * 1024 * 4096), "577x1024x1024") + self.cycles("attention.rows_i8", "vit 577x577x16x64")
        layer += 2 * self.cycles("norm.layer_qd8", "577x1024+residual") + self.cycles("activate.quick_gelu_qd8", "577x4096")
        return TILE * layer + self.linears(576 * (1024 * 4096 + 4096 * 4096), "64x4096x1024")

    def prompt(self, length, group):
        """int4 layers of so many rows; attention grows with the square."""
        _, kernel, shape, _, loop = FORMATS[group]
        linear = self.cycles(kernel, shape, loop) * LAYER_MACS / (4096 * 4096) * length / 640
        attention = self.cycles("attention.cache_f16", "prefill 640 32/8x128", "attention_cache_f16") * (length / 640) ** 2
        return LAYERS * (linear + attention + self.cycles("activate.silu_mul_qd8", "577x4096 halves") * 14336 / 4096 * length / 577)

    def token(self, group):
        _, kernel, _, shape, _ = FORMATS[group]
        return self.cycles(kernel, shape) * LAYERS * LAYER_MACS / (4096 * 14336) + self.linears(4096 * 128256, "1x4096x4096")


def boards():
    tables = rows("arm-instructions.csv"), rows("arm-linears.csv"), rows("arm-loops.csv")
    yield "board", "level", "core", "what", "compute_s", "memory_s", "seconds", "how"
    for board, (level, core, cores, ghz, gbytes) in BOARDS.items():
        c = Core(level, core, *tables)
        works = {"tile": (c.tile(), 0.33e9), f"picture of {PICTURE_TILES} tiles": (PICTURE_TILES * c.tile(), PICTURE_TILES * 0.33e9)}
        for group in FORMATS:
            amount, named = text_bytes(group), f", groups of {group}"
            works |= {f"prompt of {n} rows{named}": (c.prompt(n, group), times * amount) for n, times in ((256, 1), (626, 2))}
            works[f"token{named}"] = c.token(group), amount
        for what, (cycles, amount) in works.items():
            compute, memory = cycles / (cores * ghz * 1e9), amount / (gbytes * 1e9)
            yield board, level, core, what, f"{compute:.3g}", f"{memory:.3g}", f"{max(compute, memory):.3g}", "estimate"


# x86: what loop_cycles knows of ARM.
BRANCH = re.compile(r"^j\w+$")


def x86_macs(name, operands, bytes_too):
    wide = 1 if "%xmm" in operands and "%ymm" not in operands else 2
    if name.startswith("vfmadd"):
        return 1 if name.endswith("ss") else 4 * wide
    if name == "vpmaddubsw":
        return 16 * wide
    return 8 * wide if name == "vpmaddwd" and not bytes_too else 0


def x86_rates(build, mca):
    """{kernel: cycles per multiply-add of its hottest loop} at level avx2 on Zen 3."""
    loop_cycles.BRANCH, rates = BRANCH, {}
    for folder, _, names in os.walk(os.path.join(build, "CMakeFiles/binocle_avx2.dir/ops")):
        for code in (loop_cycles.functions("objdump", os.path.join(folder, n)) for n in names if n.endswith(".o")):
            own = [m for m in (re.match(r"^bnc_(\w+?)_avx2$", n) for n in code) if m]
            for match in own:
                some = list(code.values()) if len(own) == 1 else [code[match.group(0)]]
                loops = [loop for f in some for loop in loop_cycles.inner_loops(f) if not any(n.startswith("call") for _, n, _ in loop)]
                counted = [(sum(x86_macs(n, o, any(m == "vpmaddubsw" for _, m, _ in loop)) for _, n, o in loop), loop) for loop in loops]
                most = max((c for c, _ in counted), default=0)
                macs, loop = max((c for c in counted if most and 2 * c[0] >= most), key=lambda c: c[0] / len(c[1]), default=(0, None))
                if loop:
                    rates[match.group(1)] = x86_cycles(mca, loop) / macs
    return rates


def x86_cycles(mca, loop):
    places, lines = {a for a, _, _ in loop}, []
    for address, name, operands in loop:
        operands = operands.split("#")[0].strip()
        to = re.match(r"([0-9a-f]+) <", operands)
        if BRANCH.match(name) and to:
            operands = f".L{to.group(1)}" if int(to.group(1), 16) in places else ".Lout"
        lines += [f".L{address:x}:", f"\t{name}\t{operands}"]
    done = subprocess.run([mca, "-march=x86-64", "-mcpu=znver3", "-iterations=400", "-"], input="\n".join([*lines, ".Lout:"]) + "\n", capture_output=True, text=True, check=True)
    return int(re.search(r"Total Cycles:\s+(\d+)", done.stdout).group(1)) / 400


def check(build, mca):
    """Kernels, then whole work of the race on two threads."""
    kernels = [r for r in rows("amd-zen3.csv") if r["level"] == "avx2"]
    race = {(r["program"], r["what"]): float(r["median"]) for r in rows("race-amd-zen3.csv")}
    ghz = next(float(r["max"]) for r in rows("limits-amd-zen3.csv") if r["what"] == "f32") / 32  # two FMAs of eight lanes a cycle
    rates, estimated = x86_rates(build, mca), {}
    yield "what", "shape", "cycles_per_mac", "estimated", "measured", "unit", "estimated_over_measured"
    for r in kernels:
        name = r["kernel"].replace(".", "_").replace("norm_layer", "layer_norm").replace("norm_rms", "rms_norm")
        if r["kernel"].split(".")[0] not in ("matmul", "attention") or name not in rates:
            continue
        measured, macs = float(r["ns"]), float(r["gflops"]) * float(r["ns"]) / 2
        estimated[r["kernel"]] = rates[name] / ghz  # ns of a multiply-add
        ns = macs * estimated[r["kernel"]]
        yield r["kernel"], r["shape"], f"{rates[name]:.4f}", f"{ns:.0f}", f"{measured:.0f}", "ns", f"{ns / measured:.2f}"
    linear, text, attention = (estimated[k] / 2e9 for k in ("matmul.i8", "matmul.i4", "attention.rows_f32"))  # seconds on two threads
    tile = TILE * (577 * 12 * 1024 * 1024 * linear + 2 * 577 * 577 * 1024 * attention) + 576 * 5 * 4096 * 1024 * linear
    works = [("tile", "s", tile, race["binocle", "tile"])]
    works += [(f"prefill of {n} rows", "s", LAYERS * LAYER_MACS * n * text, n / race["binocle", f"prefill of {n} rows"]) for n in (256, 626)]
    works.append(("decode", "s", max(LAYERS * LAYER_MACS * text, text_bytes(32) * 1e-9 / race["machine", "read bandwidth"]), 1 / race["binocle", "decode"]))
    for what, unit, guess, measured in works:
        yield what, "two threads", "", f"{guess:.3g}", f"{measured:.3g}", unit, f"{guess / measured:.2f}"


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--check", metavar="BUILD")
    parser.add_argument("--mca", default="llvm-mca-19")
    parser.add_argument("-o", dest="output", default="/dev/stdout")
    options = parser.parse_args()
    table = list(check(options.check, options.mca) if options.check else boards())
    with open(options.output, "w", encoding="ascii", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(table)


if __name__ == "__main__":
    main()
