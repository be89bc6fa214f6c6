# SPDX-License-Identifier: Apache-2.0
"""Estimates the inner loops of the ARM kernels without ARM hardware: cycles per multiply-add that llvm-mca expects, against the core's limit.

    loop_cycles.py BUILD [--mca COMMAND] [--objdump COMMAND] [-o FILE.csv]

BUILD is the aarch64-linux preset's folder. Of each kernel's object, or of its function where an object holds several, the innermost loop with the most multiply-adds (see hottest) is taken out of the
disassembly, and timed on each core that runs its level. The limit is what the same model gives for independent multiply-adds of that loop's kind alone. These are
estimates: caches always hit, branches are always right, and llvm gives the Cortex-A72 the numbers of the A57.
"""
import argparse
import csv
import os
import re
import subprocess
import sys

# level -> cores that run it, as llvm names them. neoverse-n1 has the Cortex-A76's pipelines, neoverse-n2 the Cortex-A710's, neoverse-v1 the Cortex-X1's.
CORES = {"neon": ("cortex-a53", "cortex-a72", "neoverse-n1"), "neon_dotprod": ("cortex-a55", "neoverse-n1"),
         "neon_i8mm": ("cortex-a510", "neoverse-n2", "neoverse-v1"),
         "neon_bf16": ("cortex-a510", "neoverse-n2", "neoverse-v1")}
KERNEL = re.compile(r"^bnc_(\w+?)_(neon_dotprod|neon_i8mm|neon_bf16|neon)$")
INSTRUCTION = re.compile(r"^\s*([0-9a-f]+):\t(\S+)(?:\s+(.*?))?\s*(?://.*)?$")
BRANCH = re.compile(r"^(?:b\.\w+|cbn?z|tbn?z|b)$")
# instruction -> multiply-adds by the arrangement of its result
WIDE = {"8h": 8, "4s": 4}
MACS = {"fmla": {"4s": 4, "2s": 2, "2d": 2}, "fmls": {"4s": 4, "2s": 2}, "sdot": {"4s": 16, "2s": 8}, "smmla": {"4s": 32}, "usmmla": {"4s": 32}, "bfdot": {"4s": 8}, "bfmmla": {"4s": 16},
        "smlal": WIDE, "smlal2": WIDE, "smull": WIDE, "smull2": WIDE, "mla": WIDE}
ITERATIONS = 400
COLUMNS = ("kernel", "level", "core", "instructions", "macs", "kind", "cycles", "cycles_per_mac", "limit_cycles_per_mac", "percent_of_limit", "how")


def macs(name, operands):
    shape = re.match(r"v\d+\.(\d+[bhsd])", operands or "")
    return MACS.get(name, {}).get(shape.group(1), 0) if shape else 1 if name == "fmadd" and operands.startswith("s") else 0


def functions(objdump, path):
    """{name: [(address, instruction, operands)]} of each function."""
    text = subprocess.run([objdump, "-d", "--no-show-raw-insn", path], check=True, capture_output=True, text=True).stdout
    found, current = {}, None
    for line in text.splitlines():
        start = re.match(r"^[0-9a-f]+ <(.*)>:", line)
        if start:
            current = found.setdefault(start.group(1), [])
        m = INSTRUCTION.match(line)
        if m and current is not None:
            current.append((int(m.group(1), 16), m.group(2), m.group(3) or ""))
    return found


def target(operands):
    m = re.search(r"([0-9a-f]+) <", operands)
    return int(m.group(1), 16) if m else None


def inner_loops(function):
    """The bodies of loops that hold no other loop and call nothing."""
    at = {address: i for i, (address, _, _) in enumerate(function)}
    ranges = []
    for i, (_, name, operands) in enumerate(function):
        to = target(operands) if BRANCH.match(name) else None
        if to in at and at[to] <= i:
            ranges.append((at[to], i))
    inner = [r for r in ranges if not any(o != r and r[0] <= o[0] and o[1] <= r[1] for o in ranges)]
    return [function[a:b + 1] for a, b in inner if not any(name in ("bl", "blr") for _, name, _ in function[a:b + 1])]


def hottest(some):
    """Of the loops with at least half of the most multiply-adds, the one with the most per instruction: exponentials hold many, but few per instruction."""
    loops = [loop for f in some for loop in inner_loops(f)]
    counted = [(sum(macs(n, o) for _, n, o in loop), loop) for loop in loops]
    most = max((c for c, _ in counted), default=0)
    return max((c for c in counted if most > 0 and 2 * c[0] >= most), key=lambda c: c[0] / len(c[1]), default=(0, None))[1]


def cycles(mca, core, lines):
    source = "\n".join(lines) + "\n"
    command = [mca, "-march=aarch64", f"-mcpu={core}", "-mattr=+dotprod,+i8mm,+bf16,+fullfp16", f"-iterations={ITERATIONS}", "-"]
    done = subprocess.run(command, input=source, capture_output=True, text=True, check=False)
    total = re.search(r"Total Cycles:\s+(\d+)", done.stdout)
    if done.returncode != 0 or not total:
        sys.exit(f"loop_cycles: {mca} failed on {core}:\n{done.stderr[-1500:]}")
    return int(total.group(1)) / ITERATIONS


def source(loop):
    """The loop as llvm's assembler reads it: branches inside it become labels, addresses and remarks go."""
    start, lines = loop[0][0], []
    places = {address for address, _, _ in loop}
    for address, name, operands in loop:
        to = target(operands) if BRANCH.match(name) else None
        if to is not None:
            operands = re.sub(r"[0-9a-f]+ <.*", f".L{to:x}" if to in places else ".Lout", operands)
        elif name in ("adrp", "adr"):
            operands = operands.split(",")[0] + ", #0"
        lines += [f".L{address:x}:", f"\t{name}\t{operands}"]
    return [f"// {start:x}"] + lines + [".Lout:"]


def limit(mca, core, loop):
    """Cycles per multiply-add of the loop's commonest kind, 24 independent ones."""
    kinds = {}  # (instruction, multiply-adds) -> [in the loop, operands of the first]
    for _, name, operands in loop:
        n = macs(name, operands)
        if n:
            kinds.setdefault((name, n), [0, operands])[0] += n
    (name, n), (_, operands) = max(kinds.items(), key=lambda item: item[1][0])
    if name == "fmadd":
        lines = [f"\tfmadd\ts{i}, s30, s30, s{i}" for i in range(24)]
    else:
        shape, factors = re.match(r"v\d+(\.\w+),(.*)", operands).groups()
        factors = re.sub(r"v\d+", "v30", factors)  # a register that no result goes to
        lines = [f"\t{name}\tv{i}{shape},{factors}" for i in range(24)]
    return cycles(mca, core, lines) / (24 * n), name


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("build")
    parser.add_argument("--mca", default="llvm-mca-19")
    parser.add_argument("--objdump", default="aarch64-linux-gnu-objdump")
    parser.add_argument("-o", dest="output", default="/dev/stdout")
    options = parser.parse_args()
    kernels = []  # (kernel, level, the functions whose loops may be its own)
    for level in CORES:
        for folder, _, names in os.walk(os.path.join(options.build, f"CMakeFiles/binocle_{level}.dir/ops")):
            for code in (functions(options.objdump, os.path.join(folder, n)) for n in names if n.endswith(".o")):
                own = [m for m in map(KERNEL.match, code) if m and m.group(2) == level]
                kernels += [(m.group(1), level, list(code.values()) if len(own) == 1 else [code[m.group(0)]]) for m in own]
    if not kernels:
        sys.exit(f"loop_cycles: no ARM kernels in {options.build}; cmake --preset aarch64-linux && cmake --build --preset aarch64-linux makes them")
    with open(options.output, "w", encoding="ascii", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(COLUMNS)
        for kernel, level, some in sorted(kernels, key=lambda k: k[:2]):
            loop = hottest(some)
            if loop is None:
                continue
            count = sum(macs(n, o) for _, n, o in loop)
            for core in CORES[level]:
                c = cycles(options.mca, core, source(loop))
                best, kind = limit(options.mca, core, loop)
                out.writerow((kernel, level, core, len(loop), count, kind, f"{c:.2f}", f"{c / count:.4f}", f"{best:.4f}", f"{100 * best * count / c:.0f}",
                              "estimate"))


if __name__ == "__main__":
    main()
