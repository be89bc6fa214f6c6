# SPDX-License-Identifier: Apache-2.0
"""Writes the README's table of the race from the committed rows.

    table.py            rewrites the block of README.md between the two marks from bench/baselines/race-*.csv
"""
import csv
import os
import re

BEGIN, END = "<!-- race: made by bench/table.py -->", "<!-- race: end -->"
ROWS = re.compile(r"bench/baselines/race-[a-z0-9-]+\.csv")
# What a line is called, and its row for Binocle, for llama.cpp and for the ratio.
LINES = (
    ("one ViT-L/14-336 tile", "tile", "tile", "tile"),
    ("a picture (Binocle: 10 tiles and DEM; llama.cpp: 19 of its tiles)", "picture", "19 x tile", "picture"),
    ("prefill, 256 rows", "prefill of 256 rows", "prefill of 256 rows", "prefill of 256 rows"),
    ("prefill, 626 rows", "prefill of 626 rows", "prefill of 626 rows", "prefill of 626 rows"),
    ("decode", "decode", "decode", "decode"),
    ("decode, of the measured read bandwidth", "decode of the read bandwidth", "decode of the read bandwidth", None),
    ("time to first token, a picture and 50 tokens", "time to first token", "time to first token", "time to first token"),
    ("peak memory, a picture and 50 tokens", "peak memory", "peak memory", "peak memory"),
)


def number(value):
    """Three digits at least, and no exponent."""
    v = float(value)
    return f"{v:.0f}" if v >= 100 else f"{v:.3g}" if v >= 1 else f"{v:.2f}"


def cell(row, times=1):
    if not row:
        return "-"
    low, middle, high = (number(times * float(row[c])) for c in ("min", "median", "max"))
    unit = "x" if row["unit"] == "x" else f" {row['unit']}"
    spread = f" ({low} - {high})" if int(row["runs"]) > 1 and low != high else ""
    star = "\\*" if row["how"].startswith("composed") else ""
    return f"{middle}{unit}{star}{spread}"


def table(text):
    """One table, of one machine's rows."""
    rows = list(csv.DictReader(text.splitlines()))
    find = {(r["program"], r["what"]): r for r in rows}
    first = rows[0]
    peer = next(r for r in rows if r["program"] == "llama.cpp")
    runs = find["binocle", "tile"]["runs"]
    setting = find["llama.cpp", "tile"]["setting"]
    lines = [f"{first['cpu']}, {first['threads']} threads, level {first['level']}; llama.cpp {peer['version']} at its best settings (tower: {setting}).",
             f"Random weights in the real geometry, LLaMA-3-8B in 4 bits. Median of {runs} interleaved rounds (least - most).", "",
             "| | Binocle | llama.cpp | ratio |", "| --- | --- | --- | --- |"]
    for title, ours, theirs, ratio in LINES:
        a, c = find.get(("binocle", ours)), find.get(("ratio", ratio))
        b = cell(find.get(("llama.cpp", "tile")), 19) + "\\*" if theirs == "19 x tile" else cell(find.get(("llama.cpp", theirs)))
        if a:
            lines.append(f"| {title} | {cell(a)} | {b} | {cell(c) if ratio else ''} |")
    return "\n".join(lines) + "\n\n\\* composed of measured parts: llama.cpp has no INF-LLaVA, whose reference looks at 19 tiles.\n"


def block(files):
    """The README's block from {path: text}: a table for each file of rows, the newest kind of machine first."""
    return "\n".join([BEGIN, *(table(files[path]) for path in sorted(files, reverse=True) if ROWS.fullmatch(path)), END])


def replaced(readme, new):
    if BEGIN not in readme or END not in readme:
        raise ValueError(f"README.md has no '{BEGIN}' ... '{END}'")
    return readme[:readme.index(BEGIN)] + new + readme[readme.index(END) + len(END):]


def main():
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    files = {}
    for name in os.listdir(os.path.join(root, "bench/baselines")):
        if ROWS.fullmatch(f"bench/baselines/{name}"):
            with open(os.path.join(root, "bench/baselines", name), encoding="utf-8") as f:
                files[f"bench/baselines/{name}"] = f.read()
    if not files:
        raise SystemExit("table: bench/baselines has no race-*.csv; bench/peers/race.py writes one")
    path = os.path.join(root, "README.md")
    with open(path, encoding="utf-8") as f:
        readme = f.read()
    with open(path, "w", encoding="utf-8") as f:
        f.write(replaced(readme, block(files)))


if __name__ == "__main__":
    main()
