# SPDX-License-Identifier: Apache-2.0
"""Joules per picture and per token of boards beside published ones, and what running on less power costs. No board was at hand: estimates, as each row says.

    joules.py rows PROGRAM      writes bench/baselines/joules-boards.csv and power-tradeoff.csv: `binocle devices --board`, the table of
                                platforms/threads/frugal_cores.c, and the recorded trees of tests/platforms/trees
    joules.py measure PROGRAM MODEL [OPTION of bench...]
                                prints rows of the second kind as a meter sees them on this machine: the ways take turns, three times
    joules.py table             rewrites the blocks of platforms/README.md between their marks from the committed rows
"""
import csv
import io
import json
import os
import re
import statistics
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BOARDS = (("pi4", "inf-llava-1b"), ("pi4", "inf-llava-3b"), ("pi5", "inf-llava-1b"), ("pi5", "inf-llava-8b"), ("jetson-nano", "inf-llava-3b"), ("orin-nano", "inf-llava-8b"),
          ("agx-orin", "inf-llava-8b"), ("phone-mid", "inf-llava-3b"), ("phone-flagship", "inf-llava-8b"))
ALIKE = ("pi4", "pi5", "jetson-nano", "orin-nano", "agx-orin")
REST = 1.0  # W, as runtime/api/session_power.c takes it for machines that it does not know
# Machines with several kinds of core: cores, kind, MHz, the fastest first; whether a kind counts as big. Two are as their device trees in Linux are.
TREES = ("phone-flagship", "phone-mid")
DEVICE_TREES = {"Google GS101 (Pixel 6)": ((2, "Cortex-X1", 2802, True), (2, "Cortex-A76", 2253, False), (4, "Cortex-A55", 1803, False)),
                "Rockchip RK3399": ((2, "Cortex-A72", 1800, True), (4, "Cortex-A53", 1416, False))}
JOULES, TRADEOFF, PUBLISHED = (f"bench/baselines/{name}.csv" for name in ("joules-boards", "power-tradeoff", "joules-published"))


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as f:
        return f.read()


def told(program, *arguments, **settings):
    return json.loads(subprocess.run([program, *arguments, "--json"], stdout=subprocess.PIPE, check=True, **settings).stdout)


def joules_rows(program):
    yield "board", "title", "model", "watts", "picture_s", "tokens_per_s", "joules_per_picture", "joules_per_token", "how"
    for board, model in BOARDS:
        found = told(program, "devices", model, "--board", board)
        fit = found["fit"][0]
        yield (board, found["board"]["title"], model, found["rates"]["watts"], *(f"{fit[name]:.3g}" for name in ("picture_s", "tokens_per_s", "joules_per_picture", "joules_per_token")),
               "estimate")


def alike(text):
    """Boards whose cores are alike: power is a straight line between rest and all cores busy, and so is the speed of what computing bounds."""
    for name in ALIKE:
        cores, watts, idle = re.search(rf'\{{"{name}",[^}}]*?BNC_CPU_\w+, (\d+),[^}}]*?, ([\d.]+), ([\d.]+),\s*(?:"[^"]*"|NULL)\}}', text).groups()
        watts, idle = float(watts), float(idle)
        limits = [(f"`--power-limit {round(idle + part * (watts - idle), 1):g}`", part) for part in (0.75, 0.5, 0.25)]
        for way, part in [(f"all {cores} cores", 1.0), (f"`--battery-saver`: {(int(cores) + 1) // 2} threads", (int(cores) + 1) // 2 / int(cores)), *limits]:
            power = idle + part * (watts - idle)
            yield name, way, f"{power:.3g}", f"{part:.2f}", f"{power / watts / part:.2f}", "estimate: runtime/devices/boards.c"


def recorded(tree, text_of):
    """(cores, kind, MHz, big), the fastest first, of a tree of tests/platforms/trees: its counts and its expectations."""
    text = text_of(f"tests/platforms/trees/{tree}.tree")
    mhz = {}
    for first, last, khz in re.findall(r"cpu\[(\d+)-(\d+)\]/cpufreq/cpuinfo_max_freq = (\d+)", text):
        mhz[int(last) - int(first) + 1, int(first)] = int(khz) // 1000
    midr = re.findall(r"cpu\[(\d+)-(\d+)\]/regs/identification/midr_el1 = 0x0*41\w(f)(\w{3})", text)
    names = {"d05": "Cortex-A55", "d0b": "Cortex-A76", "d46": "Cortex-A510", "d47": "Cortex-A710", "d48": "Cortex-X2"}
    kinds = [(int(last) - int(first) + 1, names[part], mhz[int(last) - int(first) + 1, int(first)], not names[part] in ("Cortex-A55", "Cortex-A510")) for first, last, _, part in midr]
    return sorted(kinds, key=lambda k: -k[2] * (2 if k[3] else 1))


def kinds_of_core(name, kinds, table):
    def of(cores, kind, mhz):
        return cores * mhz * table[kind][0] * 1e-6, cores * mhz * table[kind][1]
    big = [of(*k[:3]) for k in kinds if k[3]]
    count, power, speed = sum(k[0] for k in kinds if k[3]), sum(w for w, _ in big), sum(s for _, s in big)
    part = (count + 1) // 2 / count
    rows = [(f"all {count} big cores", REST + power, 1.0), (f"{(count + 1) // 2} of them", REST + part * power, part)]
    rows += [(f"{k[0]} x {k[1]}", REST + of(*k[:3])[0], of(*k[:3])[1] / speed) for k in kinds if not (k[3] and len(big) == 1)]
    half = rows[1][1] / part
    taken = min((r for r in rows[2:] if r[1] <= 0.8 * rows[0][1] and r[1] / r[2] < half), key=lambda r: r[1] / r[2], default=None)
    for way, watts, share in rows:
        saver = (way, watts, share) == taken or (taken is None and (way, watts, share) == rows[1])
        yield (name, way + (": `--battery-saver`" if saver else ""), f"{watts:.3g}", f"{share:.2f}", f"{watts / rows[0][1] / share:.2f}",
               "estimate: platforms/threads/frugal_cores.c")


def tradeoff_rows(text_of=read):
    """text_of: path -> text; of the tree's files."""
    yield "machine", "way", "watts", "speed", "joules", "how"
    yield from alike(text_of("runtime/devices/boards.c"))
    table = {kind: (float(power), float(macs)) for kind, power, macs in re.findall(r'\{"(Cortex-[\w]+)", ([\d.]+), ([\d.]+)\}', text_of("platforms/threads/frugal_cores.c"))}
    for name, kinds in [*((tree, recorded(tree, text_of)) for tree in TREES), *DEVICE_TREES.items()]:
        yield from kinds_of_core(name, kinds, table)


def measure(program, model, options):
    """Speeds and joules against full speed, of pictures (or prompts) and of tokens; each the median of three rounds."""
    free = told(program, "bench", model, "--repeat", "1", "--idle", "3", *options)
    rest = free["energy_idle_watts"]
    if rest is None:
        sys.exit(f"joules: this machine has no meter: {free['energy_note']}; --meter-command names one")
    tries = [told(program, "bench", model, "--minutes", "0.1", *options) for _ in range(3)]
    base, busy = tries[0], max(sum(r["joules"] for r in t["samples"]["rounds"]) / t["wall_s"] for t in tries)
    if busy < 1.1 * rest:
        sys.exit(f"joules: busy, this machine draws {busy:.3g} W, and {rest:.3g} W at rest: there is nothing to save")
    ways = [("full speed", []), ("`--battery-saver`", ["--battery-saver"])]
    ways += [(f"`--power-limit {rest + part * (busy - rest):.3g}`", ["--power-limit", f"{rest + part * (busy - rest):.3g}"]) for part in (0.75, 0.5, 0.25)]
    seen = {way: [] for way, _ in ways}
    for _ in range(3):
        for way, extra in ways:
            one = told(program, "bench", model, "--minutes", "0.1", *options, *extra)
            rounds = one["samples"]["rounds"]
            seen[way].append((sum(r["joules"] for r in rounds) / one["wall_s"], sum(r["repetitions"] for r in rounds) / one["wall_s"]))
    middle = {way: [statistics.median(column) for column in zip(*values)] for way, values in seen.items()}
    first = middle["full speed"]
    yield "machine", "way", "watts", "speed", "joules", "how"
    for way, (watts, speed) in middle.items():
        yield base["machine"]["cpu"], way, f"{watts:.3g}", f"{speed / first[1]:.2f}", f"{watts / first[0] * first[1] / speed:.2f}", f"measured: {base['energy_meter']}, {os.path.basename(model)}"


def write(rows, file):
    csv.writer(file, lineterminator="\n").writerows(rows)


def csv_of(rows):
    text = io.StringIO()
    write(rows, text)
    return text.getvalue()


def save(path, rows):
    with open(os.path.join(ROOT, path), "w", encoding="utf-8") as f:
        f.write(csv_of(rows))


def rows_of(files, path):
    return list(csv.DictReader(files[path].splitlines()))


def blocks(files):
    """The marked blocks of platforms/README.md from {path: text}."""
    lines = ["| machine | model | bits of text weights | engine | J/picture | J/token | |", "| --- | --- | --- | --- | --- | --- | --- |"]
    for r in rows_of(files, JOULES):
        lines.append(f"| {r['title'].split(',')[0]} | {r['model']} | 4 | Binocle | {r['joules_per_picture']} | {r['joules_per_token']} | estimated from {r['watts']} W |")
    for r in rows_of(files, PUBLISHED):
        lines.append(f"| {r['machine']} | {r['model']} | {r['bits']} | {r['engine']} | | {r['joules_per_token']} | published: {r['source']} |")
    yield "joules", lines
    lines = ["| machine | way | W | speed | joules | |", "| --- | --- | --- | --- | --- | --- |"]
    for r in rows_of(files, TRADEOFF):
        lines.append(f"| {r['machine']} | {r['way']} | {r['watts']} | {r['speed']} | {r['joules']} | {r['how'].split(':')[0]} |")
    yield "less power", lines


def replaced(readme, files):
    for name, lines in blocks(files):
        begin, end = f"<!-- {name}: made by bench/energy/joules.py -->", f"<!-- {name}: end -->"
        if begin not in readme or end not in readme:
            raise ValueError(f"platforms/README.md has no '{begin}' ... '{end}'")
        readme = readme[:readme.index(begin)] + "\n".join([begin, *lines]) + "\n" + readme[readme.index(end):]
    return readme


def main(arguments):
    if arguments[:1] == ["rows"] and len(arguments) == 2:
        save(JOULES, joules_rows(os.path.abspath(arguments[1])))
        save(TRADEOFF, tradeoff_rows())
    elif arguments[:1] == ["measure"] and len(arguments) > 2:
        write(measure(arguments[1], arguments[2], arguments[3:]), sys.stdout)
    elif arguments == ["table"]:
        path = os.path.join(ROOT, "platforms/README.md")
        text = replaced(read("platforms/README.md"), {name: read(name) for name in (JOULES, TRADEOFF, PUBLISHED)})
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
