#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How near int8 vision is to f32 in the program itself: the pocket model's checkpoint is compiled in f32, in int8, and in int8 rounded for pictures
(compile --calibration QUESTIONS.jsonl); each encodes the same held-out pictures and answers their questions.
usage: vision_cosine.py BINOCLE FOLDER [--pictures 16] [--threads N] > bench/baselines/vision_cosine.csv       needs numpy and pillow from PyPI, and fonts as
quant/pocket/README.md says. Pictures are quant/pocket/heldout.py's: so many of each of three sets to look at, half as many of another seed to calibrate on;
they and the models are left in FOLDER. CSV: one less the cosine of all image embeddings of a picture with f32's, in ten thousandths: mean, its standard
error, median, the greatest, and of how many pictures it is 5 at most (0.9995); then how many of their questions are answered rightly."""
import argparse
import json
import os
import subprocess
import sys

import numpy as np

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
POCKET = os.path.join(ROOT, "quant", "pocket")
SETS = ("lattice", "anywhere", "scaled")
SEEDS = {"seen": 57, "held": 91}


def make_pictures(folder, kind, pictures):
    """One file of questions over all sets; its path."""
    path = os.path.join(folder, kind, "questions.jsonl")
    if os.path.exists(path):
        return path
    lines = []
    for name in SETS:
        subprocess.run([sys.executable, os.path.join(POCKET, "heldout.py"), "--set", name, "--seed", str(SEEDS[kind]), "--pictures", str(pictures), "-o",
                        os.path.join(folder, kind, name)], check=True, stdout=sys.stderr)
        with open(os.path.join(folder, kind, name, "questions.jsonl"), encoding="utf-8") as f:
            lines += [dict(row, image=os.path.join(name, row["image"]), id=f"{name}-{row['id']}") for row in map(json.loads, f)]
    with open(path, "w", encoding="utf-8") as f:
        f.writelines(json.dumps(line) + "\n" for line in lines)
    return path


class Bench:
    def __init__(self, o):
        self.program, self.folder, self.threads = os.path.abspath(o.binocle), os.path.abspath(o.folder), str(o.threads)
        os.makedirs(self.folder, exist_ok=True)
        self.seen, self.held = (make_pictures(self.folder, kind, n) for kind, n in (("seen", max(o.pictures // 2, 1)), ("held", o.pictures)))
        with open(self.held, encoding="utf-8") as f:
            self.pictures = sorted({os.path.join(self.folder, "held", json.loads(line)["image"]) for line in f})

    def run(self, *arguments):
        return subprocess.run([self.program, *arguments, "--threads", self.threads, "--quiet"], check=True, stdout=subprocess.PIPE).stdout

    def compile(self, name, *options):
        path = os.path.join(self.folder, name + ".bnc")
        self.run("compile", os.path.join(POCKET, "checkpoint"), "-o", path, *options)
        return path

    def embeddings(self, model):
        out = os.path.join(self.folder, "made.npy")
        for picture in self.pictures:
            self.run("encode", model, picture, "--stage", "projector", "-o", out)
            yield np.load(out).ravel().astype(np.float64)

    def right(self, model):
        told = json.loads(self.run("eval", model, self.held, "-o", os.path.join(self.folder, "answers.jsonl"), "--force", "--json"))
        return told["right"], told["questions"]


def main():
    p = argparse.ArgumentParser()
    p.add_argument("binocle")
    p.add_argument("folder")
    p.add_argument("--pictures", type=int, default=16)
    p.add_argument("--threads", type=int, default=2)
    o = p.parse_args()
    bench = Bench(o)
    models = {"f32": ["--vision-weights", "f32", "--text-weights", "f32"], "int8": [], "int8 calibrated": ["--calibration", bench.seen]}
    reference = None
    print("model,pictures,mean,error,median,greatest,within,right,questions")
    for name, options in models.items():
        model = bench.compile(name.replace(" ", "_"), *options)
        found = list(bench.embeddings(model))
        reference = reference or found
        lost = np.array([1e4 * (1 - a @ b / np.sqrt((a @ a) * (b @ b))) for a, b in zip(found, reference)])
        right, asked = bench.right(model)
        print(f"{name},{len(lost)},{lost.mean():.2f},{lost.std() / len(lost) ** 0.5:.2f},{np.median(lost):.2f},{lost.max():.2f},{np.mean(lost <= 5):.2f},{right},{asked}", flush=True)


if __name__ == "__main__":
    main()
