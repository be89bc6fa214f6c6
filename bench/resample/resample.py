#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fitting a picture against Pillow's resize of the same picture, in turns:
     resample.py [BUILD_FOLDER [ROUNDS]] > bench/baselines/resample.csv
Needs Pillow, one thread of which is timed by its own CPU time: the padded square, as the reference resizes it, and the picture alone, the padding left out."""
import os
import statistics
import subprocess
import sys
import time

from PIL import Image

SIDE = 1008
PAD = (122, 116, 104)
PICTURES = ((4000, 3000), (3000, 4000), (1920, 1080), (1280, 960), (640, 480), (336, 336))


def least_ms(run):
    times = []
    for _ in range(5):
        start = time.thread_time()
        run()
        times.append(time.thread_time() - start)
    return min(times) * 1e3


def pillow(width, height):
    picture = Image.frombytes("RGB", (width, height), os.urandom(width * height * 3))
    square = Image.new("RGB", (max(width, height),) * 2, PAD)
    square.paste(picture, ((square.width - width) // 2, (square.width - height) // 2))
    inner = (max(1, SIDE * width // square.width), max(1, SIDE * height // square.width))
    return {"pillow_square": least_ms(lambda: square.resize((SIDE, SIDE), Image.BICUBIC)), "pillow_picture": least_ms(lambda: picture.resize(inner, Image.BICUBIC))}


def ours(program, width, height, threads):
    out = subprocess.run([program, str(width), str(height), str(threads)], check=True, capture_output=True, text=True).stdout
    return {f"{name}_{threads}": float(ms) for name, ms in map(str.split, out.splitlines())}


def main():
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    program = os.path.join(sys.argv[1] if len(sys.argv) > 1 else os.path.join(root, "build", "host"), "bench", "bench_resample")
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    print("picture,way,threads,ms_min,ms_median,ms_max,times_faster_than_pillow_square,times_faster_than_pillow_picture")
    for width, height in PICTURES:
        times = {}
        for _ in range(rounds):
            for found in (pillow(width, height), ours(program, width, height, 1), ours(program, width, height, 2)):
                for way, ms in found.items():
                    times.setdefault(way, []).append(ms)
        medians = {way: statistics.median(ms) for way, ms in times.items()}
        for way, ms in times.items():
            name, threads = (way, "1") if way.startswith("pillow") else way.rsplit("_", 1)
            gains = [medians[p] / medians[way] for p in ("pillow_square", "pillow_picture")]
            print(f"{width}x{height},{name},{threads},{min(ms):.2f},{medians[way]:.2f},{max(ms):.2f},{gains[0]:.2f},{gains[1]:.2f}", flush=True)


if __name__ == "__main__":
    main()
