# SPDX-License-Identifier: Apache-2.0
"""Draws the ten heaviest ops of a profile, and how near each comes to its roof, as an SVG for both themes.

    heaviest.py PROFILE.json -o PICTURE.svg [--title TEXT]

PROFILE.json is what `binocle profile MODEL ... --json` printed. Ops that do the same for another tile or layer count as one. A bar is an op's typical
time (calls times the median, or the CPU time where that is less); its dark part is the least time that the roof allows for it.
"""
import argparse
import json
import re
from html import escape

WIDTH, ROW, TOP, LEFT, RIGHT = 1000, 40, 96, 372, 190
STYLE = """text { font: 13px system-ui, 'DejaVu Sans', sans-serif; fill: #1c2430 } .soft { fill: #566072; font-size: 12px } .title { font-size: 17px; font-weight: 600 }
.page { fill: #ffffff } .bar { fill: #b9c9e8 } .bound { fill: #3a66b8 } .end { text-anchor: end }
@media (prefers-color-scheme: dark) { text { fill: #e6eaf0 } .soft { fill: #a5b0c0 } .page { fill: #14181f } .bar { fill: #3d4d6b } .bound { fill: #8db4ff } }"""


def alike(profile):
    """[{name, program, kernel, ...}] of ops that differ in tile and layer alone, heaviest first."""
    found = {}
    for program, p in profile["programs"].items():
        for op in p["ops"]:
            key = program, re.sub(r"(^|\.)(crop|stride|layer|block|phase)\d+", r"\1\2*", op["name"]), op["kind"], op["kernel"], op["shape"]
            g = found.setdefault(key, dict(op, program=program, star=key[1], members=0, typical=0, bound=0.0, calls=0))
            g["members"] += 1
            g["calls"] += op["calls"]
            g["typical"] += op["nanoseconds_typical"]
            g["bound"] += op["nanoseconds_typical"] * op["roof_percent"] / 100
    for g in found.values():
        g["name"] = g["star"] if g["members"] > 1 else g["name"]
    return sorted(found.values(), key=lambda g: -g["typical"])


def seconds(ns):
    return f"{ns / 1e9:.2f} s" if ns >= 1e9 else f"{ns / 1e6:.3g} ms"


def draw(profile, title):
    groups = alike(profile)
    whole, top = sum(g["typical"] for g in groups), groups[:10]
    identity, scale = profile["identity"], (WIDTH - LEFT - RIGHT) / top[0]["typical"]
    height = TOP + ROW * len(top) + 62
    best = {name: max(v["before"] or 0, v["after"] or 0) for name, v in profile["roofs"].items() if isinstance(v, dict)}
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" role="img">',
           f"<title>{escape(title)}</title><style>{STYLE}</style>", f'<rect class="page" width="{WIDTH}" height="{height}" rx="8"/>',
           f'<text class="title" x="20" y="32">{escape(title)}</text>',
           f'<text class="soft" x="20" y="54">{escape(identity["machine"]["cpu"])} ({escape(identity["machine"]["uarch"])}), {escape(identity["cpu_level"])}, '
           f'threads: {identity["threads"]}, Binocle {escape(identity["version"])}, {identity["date"][:10]}; load average {identity["load_before"]:g} before and '
           f'{identity["load_after"]:g} behind</text>',
           f'<text class="soft" x="20" y="74">roofs beside the run: int8 {best["int8_gops"]:.0f} GOP/s, f32 {best["f32_gops"]:.0f} GOP/s, memory {best["memory_gbps"]:.1f} GB/s. '
           "Dark: the least time that the roof allows</text>"]
    for i, g in enumerate(top):
        y, wide = TOP + ROW * i, g["typical"] * scale
        percent = 100 * g["bound"] / g["typical"]
        out += [f'<text class="end" x="{LEFT - 10}" y="{y + 15}">{escape(g["program"])}: {escape(g["name"])}</text>',
                f'<text class="end soft" x="{LEFT - 10}" y="{y + 31}">{escape(g["kernel"])}, {escape(g["shape"])}, {escape(g["dtype"].replace("->", "to"))}</text>',
                f'<rect class="bar" x="{LEFT}" y="{y + 4}" width="{wide:.1f}" height="22" rx="2"/>',
                f'<rect class="bound" x="{LEFT}" y="{y + 4}" width="{min(wide, wide * percent / 100):.1f}" height="22" rx="2"/>',
                f'<text x="{LEFT + wide + 8:.1f}" y="{y + 14}">{percent:.0f} % of {escape(g["roof"])}</text>',
                f'<text class="soft" x="{LEFT + wide + 8:.1f}" y="{y + 29}">{seconds(g["typical"])}, {100 * g["typical"] / whole:.1f} % of all ops</text>']
    share = sum(g["typical"] for g in top) / whole
    out.append(f'<text class="soft" x="20" y="{height - 34}">These ten are {100 * share:.0f} % of the time of all ops ({seconds(whole)}); together all ops reach '
               f'{100 * sum(g["bound"] for g in groups) / whole:.0f} % of their roofs.</text>')
    warnings = [w for w in profile["warnings"] if not w.startswith("energy")]
    out.append(f'<text class="soft" x="20" y="{height - 14}">{escape("; ".join(warnings))[:150] or "Nothing else ran."}</text>')
    return "\n".join(out) + "\n</svg>\n"


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("profile")
    parser.add_argument("-o", dest="output", required=True)
    parser.add_argument("--title", default="The ten heaviest ops and their percent of the roof")
    options = parser.parse_args()
    with open(options.profile, encoding="utf-8") as f:
        profile = json.load(f)["profile"]
    with open(options.output, "w", encoding="utf-8") as f:
        f.write(draw(profile, options.title))


if __name__ == "__main__":
    main()
