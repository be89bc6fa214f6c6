# SPDX-License-Identifier: Apache-2.0
"""Accuracy of an exported checkpoint on held-out questions, with 95 % intervals, and the masked ablations.

    python3 heldout.py -o DIR && python3 evaluate.py checkpoint DIR [--json FILE]
    python3 evaluate.py CHECKPOINT DIR --trained base      a checkpoint that was trained that way (train.py ask --ablate base)

An answer counts when greedy decoding gives it exactly. Masked: the full model with one part switched off, nothing
retrained; such rows show what the trained model relies on, not how good a model trained without the part would be.
"""

import argparse
import json
import math
import os

import numpy as np
import torch
from PIL import Image
from tokenizers import Tokenizer

import train_ask
from model import normalise
from parity import load_checkpoint
from questions import DETAIL, WHOLE
from tokenizer import Prompt

ABLATIONS = {None: "full model", "no-dem": "both perspectives, no DEM (masked)", "local": "local only (masked)",
             "global": "global only (masked)", "base": "base resolution only (masked)"}


def interval(right, asked):
    """Wilson's 95 % interval of a share."""
    z, p = 1.96, right / asked
    middle = (p + z * z / (2 * asked)) / (1 + z * z / asked)
    half = z * math.sqrt(p * (1 - p) / asked + z * z / (4 * asked * asked)) / (1 + z * z / asked)
    return middle - half, middle + half


def read(folder):
    """questions.jsonl grouped by picture: pixels and questions."""
    by_image = {}
    with open(os.path.join(folder, "questions.jsonl"), encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            by_image.setdefault(row["image"], []).append(dict(row, answer=row["answers"][0]))
    pixels = [np.asarray(Image.open(os.path.join(folder, name)).convert("RGB")) for name in by_image]
    return pixels, list(by_image.values())


def tile_features(model, pixels):
    """Pictures -> crops [N,9,g*g,C] and base [N,g*g,C]; the tower runs once for all ablations."""
    out = []
    with torch.no_grad():
        for k in range(0, len(pixels), 16):
            out.append(model.tiles(normalise(torch.from_numpy(np.stack(pixels[k:k + 16])))))
    return [torch.cat(parts) for parts in zip(*out)]


def score(model, prompt, features, asked):
    """{category: (right, asked)}; pictures may have different numbers of questions."""
    hits = {}
    for row, qs in zip(features, asked):
        for category, (a, b) in train_ask.measure(model, prompt, model.model.mm_projector(row[None]), [qs]).items():
            x, y = hits.get(category, (0, 0))
            hits[category] = (x + a, y + b)
    return hits


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint")
    parser.add_argument("questions")
    parser.add_argument("--json", help="also write the table to this file")
    parser.add_argument("--no-ablations", action="store_true")
    parser.add_argument("--trained", choices=[name for name in ABLATIONS if name], help="only this one")
    args = parser.parse_args()
    torch.set_num_threads(1)  # on a busy machine threads wait for each other in every operator
    model = load_checkpoint(args.checkpoint)
    prompt = Prompt(Tokenizer.from_file(os.path.join(args.checkpoint, "tokenizer.json")))
    pixels, asked = read(args.questions)
    crops, base = tile_features(model, pixels)
    report = {}
    titles = {args.trained: args.trained + " (trained)"} if args.trained else ABLATIONS
    for ablate, title in list(titles.items())[:1 if args.no_ablations else None]:
        with torch.no_grad():
            fused = model.fuse(crops, base, ablate)
        hits = score(model, prompt, fused, asked)
        total = lambda names: tuple(map(sum, zip(*(hits[n] for n in names if n in hits))))
        rows = dict(sorted(hits.items()), **{"all detail": total(DETAIL), "all whole": total(WHOLE), "all": total(hits)})
        report[title] = {}
        print(f"\n{title}\n| category | right | of | accuracy | 95 % interval |\n| --- | --- | --- | --- | --- |")
        for name, (a, b) in rows.items():
            low, high = interval(a, b)
            report[title][name] = dict(right=a, asked=b, accuracy=a / b, low=low, high=high)
            print(f"| {name} | {a} | {b} | {100 * a / b:.1f} % | {100 * low:.1f} to {100 * high:.1f} |")
    if args.json:
        with open(args.json, "w", encoding="utf-8") as out:
            json.dump(report, out, indent=1)
            out.write("\n")


if __name__ == "__main__":
    main()
