# SPDX-License-Identifier: Apache-2.0
"""Draws measured kernels under a machine's measured limits (a roofline) as an SVG.

    roofline.py KERNELS.csv LIMITS.csv -o PICTURE.svg

KERNELS.csv is what `checkkern --bench --csv` writes, LIMITS.csv what `bench_limits --threads 1` prints: both of one thread. Each kernel stands at its
best level: operations per byte that it has to move to the right, operations per second upward. A kernel over the memory roof lives in a cache.
"""
import argparse
import csv
import math
from html import escape

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 1080, 640, 72, 190, 76, 60
COLOURS = {"attention": "#c2410c", "matmul": "#1d4ed8", "activate": "#15803d", "norm": "#7e22ce", "quantize": "#0e7490", "rope": "#a16207",
           "add": "#475569", "taps": "#be185d", "resample": "#be185d", "rows": "#be185d", "patches": "#be185d"}
OTHER = "#334155"
HALO = 'stroke="#fff" stroke-width="3" stroke-linejoin="round" paint-order="stroke"'
ROOFS = (("memory", "memory", "#0f172a", ""), ("l3", "L3", "#64748b", "6 4"), ("l2", "L2", "#94a3b8", "4 4"), ("l1", "L1", "#cbd5e1", "2 4"))
# Where a name may stand beside its dot, the best place first.
PLACES = ((8, 4, "start"), (-8, 4, "end"), (8, -7, "start"), (-8, -7, "end"), (8, 15, "start"), (-8, 15, "end"), (0, -10, "middle"), (0, 19, "middle"))
LEVELS = ("scalar", "avx2", "avx512vnni", "avx512bf16", "amx", "neon", "neon_dotprod", "neon_i8mm", "neon_bf16")


def best_level(rows):
    """{(kernel, shape): row} of the highest level that each has."""
    best = {}
    for row in rows:
        key = row["kernel"], row["shape"]
        if key not in best or LEVELS.index(row["level"]) >= LEVELS.index(best[key]["level"]):
            best[key] = row
    return best


class Axes:
    def __init__(self, x, y):
        self.x, self.y = [math.log10(v) for v in x], [math.log10(v) for v in y]

    def at(self, x, y):
        fx = (math.log10(x) - self.x[0]) / (self.x[1] - self.x[0])
        fy = (math.log10(y) - self.y[0]) / (self.y[1] - self.y[0])
        return LEFT + fx * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - fy * (HEIGHT - TOP - BOTTOM)

    def ticks(self, which):
        low, high = which
        values = [10.0 ** e * m for e in range(math.floor(low), math.ceil(high)) for m in range(1, 10)]
        return [v for v in values if low - 1e-9 <= math.log10(v) <= high + 1e-9]


def text(x, y, content, size=12, colour="#0f172a", anchor="start", extra=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{colour}" text-anchor="{anchor}"{extra} {HALO}>{escape(content)}</text>'


def line(a, b, colour, width=1.0, dash=""):
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    return f'<line x1="{a[0]:.1f}" y1="{a[1]:.1f}" x2="{b[0]:.1f}" y2="{b[1]:.1f}" stroke="{colour}" stroke-width="{width}"{dashes}/>'


def dot(x, y, colour, title):
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5" fill="{colour}" fill-opacity="0.85" stroke="#fff"><title>{escape(title)}</title></circle>'


def grid(axes):
    out = []
    for v in axes.ticks(axes.x):
        x, bottom = axes.at(v, 10 ** axes.y[0])
        major = abs(math.log10(v) - round(math.log10(v))) < 1e-9
        out.append(line((x, bottom), (x, TOP), "#e2e8f0" if major else "#f1f5f9"))
        if major or f"{v:.0e}"[0] in "25":
            out.append(text(x, bottom + 18, f"{v:g}", 11, "#475569", "middle"))
    for v in axes.ticks(axes.y):
        left, y = axes.at(10 ** axes.x[0], v)
        major = abs(math.log10(v) - round(math.log10(v))) < 1e-9
        out.append(line((left, y), (WIDTH - RIGHT, y), "#e2e8f0" if major else "#f1f5f9"))
        if major or f"{v:.0e}"[0] in "25":
            out.append(text(left - 8, y + 4, f"{v:g}", 11, "#475569", "end"))
    out.append(text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 18, "operations per byte that the kernel has to move", 13, "#334155", "middle"))
    middle = (TOP + HEIGHT - BOTTOM) / 2
    out.append(text(22, middle, "billion operations per second, one thread", 13, "#334155", "middle", f' transform="rotate(-90 22 {middle:.1f})"'))
    return out


def roofs(axes, limits):
    out, top = [], max(limits["f32"], limits["int8"])
    low, high = 10 ** axes.x[0], 10 ** axes.x[1]
    for name, label, colour, dash in ROOFS:
        if name not in limits:
            continue
        start = max(low, 10 ** axes.y[0] / limits[name])
        a, b = axes.at(start, start * limits[name]), axes.at(top / limits[name], top)
        out.append(line(a, b, colour, 2 if name == "memory" else 1.4, dash))
        # Written along the roof, up to the place where it meets the lower ceiling.
        x = start * (min(limits["f32"], top) / limits[name] / start) ** 0.97
        px, py = axes.at(x, x * limits[name])
        angle = math.degrees(math.atan2(b[1] - a[1], b[0] - a[0]))
        turn = f' transform="rotate({angle:.1f} {px:.1f} {py - 6:.1f})"'
        out.append(text(px, py - 6, f"{label} {limits[name]:.0f} GB/s", 11, colour if name != "l1" else "#94a3b8", "end", turn))
    fastest = max(limits[n] for n, *_ in ROOFS if n in limits)
    for name, label, unit in (("f32", "f32 multiply-adds", "GFLOP/s"), ("int8", "exact int8 products", "GOP/s")):
        a, b = axes.at(max(low, limits[name] / fastest), limits[name]), axes.at(high, limits[name])
        out.append(line(a, b, "#0f172a", 2))
        out.append(text(b[0] + 8, b[1] + 1, label, 11.5))
        out.append(text(b[0] + 8, b[1] + 15, f"{limits[name]:.0f} {unit}", 11.5))
    return out


def overlap(a, b):
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def points(axes, best):
    """A dot for each kernel and shape; a kernel's name at its fastest one, where there is room."""
    out, boxes, spots = [], [], []
    for (kernel, shape), row in best.items():
        rate, bytes_rate = float(row["gflops"]), float(row["gbytes_per_s"])
        x, y = axes.at(rate / bytes_rate, rate)
        colour = COLOURS.get(kernel.split(".")[0], OTHER)
        spots.append((kernel, shape, row, x, y, colour))
        boxes.append((x - 5, y - 5, x + 5, y + 5))
        title = f"{kernel}, {shape}: {rate:.1f} billion operations/s, {bytes_rate:.1f} GB/s"
        out.append(dot(x, y, colour, title))
    named = {}
    for spot in spots:
        if spot[0] not in named or spot[4] < named[spot[0]][4]:
            named[spot[0]] = spot
    for kernel, _, _, x, y, colour in sorted(named.values(), key=lambda s: s[4]):
        name = kernel.split(".", 1)[1] if kernel.split(".")[0] in kernel.split(".", 1)[1] else kernel
        wide = 6.0 * len(name)
        for dx, dy, anchor in PLACES:
            left = x + dx - (wide if anchor == "end" else wide / 2 if anchor == "middle" else 0)
            box = (left, y + dy - 10, left + wide, y + dy + 2)
            if box[0] > LEFT and box[2] < WIDTH - RIGHT and box[1] > TOP and not any(overlap(box, other) for other in boxes):
                boxes.append(box)
                out.append(text(x + dx, y + dy, name, 10.5, colour, anchor))
                break
    return out


def draw(kernels, limits, cpu):
    best = best_level(kernels)
    intensity = [float(r["gflops"]) / float(r["gbytes_per_s"]) for r in best.values()]
    rates = [float(r["gflops"]) for r in best.values()]
    axes = Axes((min(intensity) / 1.6, max(max(intensity) * 2, 100)), (min(rates) / 1.8, max(limits["int8"], limits["f32"], *rates) * 1.6))
    level = max((r["level"] for r in best.values()), key=LEVELS.index)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
           'font-family="system-ui, Helvetica, Arial, sans-serif">',
           "<title>Roofline of Binocle's kernels</title>", f'<rect width="{WIDTH}" height="{HEIGHT}" rx="8" fill="#fff"/>',
           text(LEFT, 34, "Binocle's kernels under the measured limits", 19, extra=' font-weight="600"'),
           text(LEFT, 56, f"{cpu}, level {level}, one thread. A dot: a kernel at a shape of the real model. Over the memory roof: it works in a cache.", 12.5, "#475569")]
    out += grid(axes) + roofs(axes, limits) + points(axes, best)
    families = sorted({k.split(".")[0] for k, _ in best})
    for i, family in enumerate(families):
        y = HEIGHT - BOTTOM - 18 * (len(families) - 1 - i)
        out.append(dot(WIDTH - RIGHT + 20, y - 4, COLOURS.get(family, OTHER), family))
        out.append(text(WIDTH - RIGHT + 32, y, family, 12, "#334155"))
    return "\n".join(out) + "\n</svg>\n"


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("kernels")
    parser.add_argument("limits")
    parser.add_argument("-o", dest="output", required=True)
    options = parser.parse_args()
    with open(options.kernels, encoding="utf-8") as f:
        kernels = [r for r in csv.DictReader(f) if float(r["gflops"]) > 0 and float(r["gbytes_per_s"]) > 0]
    with open(options.limits, encoding="utf-8") as f:
        rows = [r for r in csv.DictReader(f) if r["threads"] == "1"]
    if not kernels or not {"f32", "int8", "memory"} <= {r["what"] for r in rows}:
        raise SystemExit("roofline: expected kernels in the first file, and one thread's f32, int8 and memory in the second")
    with open(options.output, "w", encoding="utf-8") as f:
        f.write(draw(kernels, {r["what"]: float(r["max"]) for r in rows}, rows[0]["cpu"]))


if __name__ == "__main__":
    main()
