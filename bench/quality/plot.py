#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Draws what a model loses over the bits per weight that its file takes, ours beside llama.cpp's types, as an SVG for both themes.

    plot.py OURS.csv PEERS.csv WEIGHTS -o PICTURE.svg     what quality.py and peer_quality.py printed; WEIGHTS: elements of all matrices
    plot.py TABLE.csv -o PICTURE.svg                      what smollm2.py printed
    ... --report NAME=REPORT.json -o PAGE.html            and models of your own: what `binocle compile --evaluate TEXT --json` printed

A page has the picture, its rows as a table, and of each report what every layer and type of the KV cache loses. A mark is a model file: KL from f32 (up: worse, logarithmic), its bar two standard errors either way. Nearer to the lower left corner is better."""
import argparse
import csv
import json
import math
from html import escape

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 920, 560, 76, 30, 92, 60
LEAST = 1e-5  # KL below it is none
STYLE = """text { font: 13px system-ui, 'DejaVu Sans', sans-serif; fill: #1c2430 } .soft { fill: #566072; font-size: 12px } .title { font-size: 17px; font-weight: 600 }
.page { fill: #ffffff } .grid { stroke: #e1e5ec } .ours { fill: #3a66b8; stroke: #3a66b8 } .peer { fill: #ffffff; stroke: #b4552d } .end { text-anchor: end }
.middle { text-anchor: middle } .bar { stroke-width: 1.5 } .lead { stroke: #9aa4b2; stroke-width: 0.7 }
@media (prefers-color-scheme: dark) { text { fill: #e6eaf0 } .soft { fill: #a5b0c0 } .page { fill: #14181f } .grid { stroke: #2a313c }
.ours { fill: #8db4ff; stroke: #8db4ff } .peer { fill: #14181f; stroke: #f0996b } }"""

PAGE_STYLE = """<style>body { font: 15px system-ui, sans-serif; max-width: 940px; margin: 2em auto; padding: 0 1em; color-scheme: light dark }
svg { max-width: 100%; height: auto } table { border-collapse: collapse; margin: 1em 0; font-variant-numeric: tabular-nums; display: block; overflow-x: auto }
th, td { padding: 2px 10px; text-align: right } th:first-child, td:first-child { text-align: left } tr + tr { border-top: 1px solid #8884 }
.bar { width: 160px; text-align: left } .bar div { height: 10px; background: #3a66b8 }</style>"""


def rows_of(path):
    with open(path, encoding="utf-8", newline="") as f:
        return list(csv.DictReader(line for line in f if not line.startswith("#")))


def point(row, bits, ours):
    name = row["model"].replace("_", " ") if ours else row["model"].removeprefix("llama.cpp_").replace("_imatrix", " imatrix")
    return {"name": name, "bits": float(bits), "kl": float(row["kl"]), "error": float(row["kl_error"]), "ours": ours}


def points(paths, weights, reports):
    found = [{"name": name, "bits": r["bits_per_weight"]["file"], "kl": r["against"]["kl"], "error": r["against"]["kl_error"], "ours": True}
             for name, r in reports]
    if not paths:
        pass
    elif len(paths) == 1:
        found += [point(row, row["file_bits"], not row["model"].startswith("llama.cpp_")) for row in rows_of(paths[0])]
    else:
        found += [point(row, 8 * int(row["bytes"]) / weights, True) for row in rows_of(paths[0])]
        found += [point(row, row["bits"], False) for row in rows_of(paths[1])]
    # The KV cache's rows have f32 weights, and are another question.
    return sorted((p for p in found if p["kl"] > LEAST and p["bits"] < 16), key=lambda p: (-p["kl"], p["name"]))


def places(found, x, y):
    """Labels beside their marks, moved down until they are free of those above: names that end left of a mark where the right is taken."""
    taken = []
    for p in found:
        px, py, width = x(p["bits"]), y(p["kl"]), 7.2 * len(p["name"])
        side = px + 12 + width < WIDTH - RIGHT
        boxes = [(px + 12, px + 12 + width) if right else (px - 12 - width, px - 12) for right in ((True, False) if side else (False,)) if right or px - 12 - width > LEFT]
        tries = [(box, py + shift) for shift in (0, -15, 15, -30, 30, 45, 60) for box in boxes]
        free = [t for t in tries if all(t[0][1] < a or b < t[0][0] or abs(t[1] - at) > 14 for (a, b), at in taken)
                and all(q is p or not (t[0][0] - 8 < x(q["bits"]) < t[0][1] + 8 and abs(y(q["kl"]) - t[1]) < 11) for q in found)]
        box, at = (free or tries)[0]
        taken.append((box, at))
        yield p, px, py, box[0], at


def draw(found, title, subtitle):
    low_bits, high_bits = math.floor(min(p["bits"] for p in found) - 0.9), math.ceil(max(p["bits"] for p in found))
    low, high = min(p["kl"] for p in found) / 1.6, max(p["kl"] for p in found) * 1.5

    def x(bits):
        return LEFT + (bits - low_bits) / (high_bits - low_bits) * (WIDTH - LEFT - RIGHT)

    def y(kl):
        return HEIGHT - BOTTOM - math.log(max(kl, low) / low) / math.log(high / low) * (HEIGHT - TOP - BOTTOM)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img" aria-label="{escape(title)}">',
           f"<style>{STYLE}</style>", f'<rect class="page" width="{WIDTH}" height="{HEIGHT}"/>', f'<text class="title" x="24" y="32">{escape(title)}</text>',
           f'<text class="soft" x="24" y="52">{escape(subtitle)}</text>',
           '<circle class="ours" cx="30" cy="70" r="5"/><text x="42" y="74">Binocle</text><circle class="peer" cx="116" cy="70" r="5" stroke-width="2"/>'
           '<text x="128" y="74">llama.cpp</text>']
    for kl in (k * 10.0 ** e for e in range(-4, 2) for k in (1, 2, 5)):
        if low <= kl <= high:
            out.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(kl):.1f}" y2="{y(kl):.1f}"/>'
                       f'<text class="soft end" x="{LEFT - 8}" y="{y(kl) + 4:.1f}">{kl:g}</text>')
    for bits in range(low_bits, high_bits + 1):
        out.append(f'<line class="grid" x1="{x(bits):.1f}" x2="{x(bits):.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>'
                   f'<text class="soft middle" x="{x(bits):.1f}" y="{HEIGHT - BOTTOM + 20}">{bits}</text>')
    out += [f'<text class="soft middle" x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 16}">bits per weight of the file</text>',
            f'<text class="soft middle" transform="translate(20 {(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)">KL from f32, nats</text>']
    for p, px, py, tx, ty in places(found, x, y):
        kind = "ours" if p["ours"] else "peer"
        over, under = y(p["kl"] + 2 * p["error"]), y(p["kl"] - 2 * p["error"])
        if abs(ty - py) > 4:
            out.append(f'<line class="lead" x1="{px:.1f}" y1="{py:.1f}" x2="{tx - 3 if tx > px else px - 12:.1f}" y2="{ty:.1f}"/>')
        out.append(f'<line class="{kind} bar" x1="{px:.1f}" x2="{px:.1f}" y1="{over:.1f}" y2="{under:.1f}"/><circle class="{kind}" cx="{px:.1f}" cy="{py:.1f}" '
                   f'r="5" stroke-width="2"/><text x="{tx:.1f}" y="{ty + 4:.1f}">{escape(p["name"])}</text>')
    return "\n".join(out) + "\n</svg>\n"


def table(head, rows):
    cells = ["".join(f"<th>{escape(name)}</th>" for name in head)]
    cells += ["".join(f"<td>{cell if isinstance(cell, str) else f'{cell:.6g}'}</td>" for cell in row) for row in rows]
    return "<table>\n" + "\n".join(f"<tr>{row}</tr>" for row in cells) + "\n</table>"


def layers(report):
    """Relative L2 of each layer, as bars, and the rest as numbers."""
    rows = [(kind, layer) for kind in ("vision", "text") for layer in report.get(kind + "_layers", [])]
    most = max([layer["relative_l2"] for _, layer in rows], default=1) or 1
    out = ["<table>", "<tr><th>layer</th><th>bits per weight</th><th>relative L2</th><th></th><th>cosine</th><th>least cosine</th><th>rows</th></tr>"]
    for kind, layer in rows:
        out.append(f'<tr><td>{kind} {escape(layer["name"])}</td><td>{layer["bits_per_weight"]:.2f}</td><td>{layer["relative_l2"]:.5f} &plusmn; {layer["relative_l2_error"]:.5f}</td>'
                   f'<td class="bar"><div style="width:{100 * layer["relative_l2"] / most:.1f}%"></div></td><td>{layer["cosine"]:.6f} &plusmn; '
                   f'{layer["cosine_error"]:.6f}</td><td>{layer["least_cosine"]:.6f}</td><td>{layer["rows"]}</td></tr>')
    return "\n".join(out) + "\n</table>"


def page(found, picture, title, reports):
    parts = [f'<!DOCTYPE html>\n<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(title)}</title>', PAGE_STYLE,
             picture, table(("model", "bits per weight", "KL", "standard error"), ((escape(p["name"]), p["bits"], p["kl"], p["error"]) for p in found)),
             "<p>Behind &plusmn; stand standard errors.</p>"]
    for name, r in reports:
        a = r["against"]
        parts += [f"<h2>{escape(name)}</h2>", table(("bits, layers", "bits, file", "perplexity over f32's", "KL", "top-1", "logits, cosine", "tokens"),
                  [(r["bits_per_weight"]["layers"], r["bits_per_weight"]["file"], f'{a["perplexity_ratio"]:.4f} &plusmn; {a["perplexity_ratio_error"]:.4f}',
                    f'{a["kl"]:.5f} &plusmn; {a["kl_error"]:.5f}', f'{100 * a["top1"]:.2f} %', a["cosine"], str(r["tokens"]))]),
                  table(("KV cache", "perplexity over f32's", "KL", "top-1"),
                        ((escape(kind), k["perplexity_ratio"], f'{k["kl"]:.5f} &plusmn; {k["kl_error"]:.5f}', f'{100 * k["top1"]:.2f} %') for kind, k in r.get("kv", {}).items())),
                  layers(r)]
    return "\n".join(parts) + "\n</html>\n"


def main():
    p = argparse.ArgumentParser()
    p.add_argument("table", nargs="*")
    p.add_argument("--report", action="append", default=[], metavar="NAME=FILE.json")
    p.add_argument("-o", required=True, dest="output")
    p.add_argument("--title", default="What SmolLM2-135M loses, over the bits of its file")
    p.add_argument("--subtitle", default="docstrings of Python's library; each runtime against its own f32; lower left is better")
    o = p.parse_args()
    weights = int(o.table.pop()) if len(o.table) == 3 else 0
    reports = []
    for name, path in (report.split("=", 1) for report in o.report):
        with open(path, encoding="utf-8") as f:
            reports.append((name, json.load(f)))
    found = points(o.table, weights, reports)
    picture = draw(found, o.title, o.subtitle)
    with open(o.output, "w", encoding="utf-8") as f:
        f.write(page(found, picture, o.title, reports) if o.output.endswith(".html") else picture)


if __name__ == "__main__":
    main()
