# SPDX-License-Identifier: Apache-2.0
"""Writes the tables of the race and of busy machines from the committed rows.

    table.py            rewrites the blocks between two marks: README.md's from bench/baselines/race-*.csv, bench/README.md's from busy-*.csv
"""
import csv
import os
import re

BEGIN, END = "<!-- {}: made by bench/table.py -->", "<!-- {}: end -->"
# What a line is called, its row for Binocle, and for others.
LINES = (
    ("one ViT-L/14-336 tile", "tile", "tile"),
    ("one ViT-L/14-336 tile in int8", "tile int8", "tile int8"),
    ("one ViT-L/14-336 tile in f32", "tile f32", "tile f32"),
    ("one ViT-L/14-336 tile in bf16", "tile bf16", "tile bf16"),
    ("a picture (Binocle: 10 tiles and DEM; llama.cpp: 19 of its tiles)", "picture", "19 x tile"),
    ("prefill, 256 rows", "prefill of 256 rows", "prefill of 256 rows"),
    ("prefill, 626 rows", "prefill of 626 rows", "prefill of 626 rows"),
    ("decode", "decode", "decode"),
    ("decode, of the measured read bandwidth", "decode of the read bandwidth", "decode of the read bandwidth"),
    ("time to first token, a picture and 50 tokens", "time to first token", "time to first token"),
    ("peak memory, a picture and 50 tokens", "peak memory", "peak memory"),
)
# Builds that somebody else's build of the same engine beats: shown where nothing better raced, and never in a ratio.
WEAK = {"llama.cpp": "Debian's build, without its fastest kernels"}
NO_PEERS = ("binocle", "ratio", "machine")
# What is asked for beside other programs, at most.
DEMANDS = {"against_one": 1.1, "against_share": 1.3}


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


def best(rows, what, state):
    """The fastest peer's row of that work."""
    found = [r for r in rows if r["what"] == what and r.get("state", "quiet") == state and r["program"] not in NO_PEERS]
    if not found:
        return None
    up = found[0]["unit"] in ("tokens/s", "%")
    return sorted(found, key=lambda r: float(r["median"]), reverse=up)[0]


def which(row):
    """The peer, its version, its settings, and what its numbers are."""
    told = [f"{row['program']} {row['version']}", WEAK.get(row["program"], ""), row["setting"], row.get("quality", "")]
    return "; ".join(t for t in told if t)


def lines_of(rows, state):
    """The cells of each line; the last, the ratio, is empty beside a weak build."""
    for title, ours, theirs in LINES:
        times = 19 if theirs == "19 x tile" else 1
        a = next((r for r in rows if (r["program"], r["what"], r.get("state", "quiet")) == ("binocle", ours, state)), None)
        b = best(rows, "tile" if times > 1 else theirs, state)
        if not a and not b:
            continue
        ratio = ""
        if a and b and b["program"] not in WEAK:
            ratio = cell(next(r for r in rows if (r["program"], r["what"], r["setting"], r.get("state")) == ("ratio", ours, f"{b['program']}, {b['setting']}", state)))
        quality = f"; {a['quality']}" if a and a.get("quality") else ""
        composed = "\\*" if times > 1 else ""
        yield title, f"{cell(a)}{quality}", f"{cell(b, times)}{composed}", which(b) if b else "-", ratio


def grid(rows, state):
    """The lines as Markdown, with a column of ratios where there is one."""
    lines = [("", "Binocle", "best peer", "which", "ratio"), ("---",) * 5, *lines_of(rows, state)]
    columns = 5 if any(line[4] for line in lines[2:]) else 4
    return [" ".join(("|", " | ".join((*line[:4], line[4] or "-")[:columns]), "|")) for line in lines]


def table(text):
    """One table, of one machine's rows; where it was busy, another."""
    rows = list(csv.DictReader(text.splitlines()))
    first = rows[0]
    runs = next(r for r in rows if r["program"] == "binocle" and "tried" not in r["what"])["runs"]
    lines = [f"{first['cpu']}, {first['threads']} threads, level {first['level']}; every engine at its best settings.",
             f"Random weights in the real geometry, LLaMA-3-8B in 4 bits. Median of {runs} interleaved rounds (least - most)."]
    for state in dict.fromkeys(r.get("state", "quiet") for r in rows):
        if state != "quiet":
            lines += ["", f"The same machine {state}:"]
        lines += ["", *grid(rows, state)]
    return "\n".join(lines) + "\n\n\\* composed of measured parts: 19 tiles, as the reference looks at, or 4 layers taken 8 times and the head.\n"


def busy_cell(row):
    """The two ratios, in bold where they are more than is asked for."""
    if not row:
        return "-"
    ratios = [(float(row[column]), most) for column, most in DEMANDS.items()]
    return " / ".join(f"**{ratio:.2f}**" if ratio > most else f"{ratio:.2f}" for ratio, most in ratios)


def busy_table(text):
    """One table, of one machine's rows: two threads, a line for each engine's work, a column for each number of neighbours."""
    rows = [r for r in csv.DictReader(text.splitlines()) if r["threads"] == "2"]
    beside = [n for n in dict.fromkeys(r["neighbours"] for r in rows) if n != "0"]
    lines = [f"{rows[0]['cpu']}, {rows[0]['rounds']} rounds:", "", f"| | {' | '.join(beside)} |", "| --- |" + " --- |" * len(beside)]
    for work in dict.fromkeys((r["engine"], r["model"], r["what"]) for r in rows):
        found = {r["neighbours"]: r for r in rows if (r["engine"], r["model"], r["what"]) == work}
        lines.append(f"| {', '.join(work)} | {' | '.join(busy_cell(found.get(n)) for n in beside)} |")
    return "\n".join(lines) + "\n"


# Each page's block: its name, its rows, and the table of a file of them.
PAGES = {"README.md": ("race", re.compile(r"bench/baselines/race-[a-z0-9-]+\.csv"), table),
         "bench/README.md": ("busy", re.compile(r"bench/baselines/busy-[a-z0-9-]+\.csv"), busy_table)}


def marks(page):
    return BEGIN.format(PAGES[page][0]), END.format(PAGES[page][0])


def replaced(page, text, files):
    """The page's text with the block of {path: text}: a table for each file of rows, the newest kind of machine first."""
    _, rows, made = PAGES[page]
    begin, end = marks(page)
    if begin not in text or end not in text:
        raise ValueError(f"{page} has no '{begin}' ... '{end}'")
    new = "\n".join([begin, *(made(files[path]) for path in sorted(files, reverse=True) if rows.fullmatch(path)), end])
    return text[:text.index(begin)] + new + text[text.index(end) + len(end):]


def main():
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    files = {}
    for name in os.listdir(os.path.join(root, "bench/baselines")):
        path = f"bench/baselines/{name}"
        if any(rows.fullmatch(path) for _, rows, _ in PAGES.values()):
            with open(os.path.join(root, path), encoding="utf-8") as f:
                files[path] = f.read()
    for page in PAGES:
        with open(os.path.join(root, page), encoding="utf-8") as f:
            text = f.read()
        with open(os.path.join(root, page), "w", encoding="utf-8") as f:
            f.write(replaced(page, text, files))


if __name__ == "__main__":
    main()
