# SPDX-License-Identifier: Apache-2.0
"""Writes held-out pictures and questions: own seed, unseen fonts, wordings and photographs.

    python3 heldout.py -o DIR                   every set: DIR/SET/NNNN.png, DIR/SET/questions.jsonl
    python3 heldout.py --set lattice --seed 78 --pictures 5 --webp -o DIR       one set: DIR/NNNN.webp, DIR/questions.jsonl
"""

import argparse
import json
import os
import random

import numpy as np
from PIL import Image

import questions
import scenes
from scenes import Look

BASE = 3_000_000_000  # training seeds lie far above (data.seed_of)
SCALES = (0.7, 1.6)
SETS = {
    "lattice": Look(),                                                    # where the first pocket model was at home
    "shifted": Look(),                                                    # the same, moved by half a patch both ways
    "anywhere": Look(free=True),                                          # at any pixel, text across borders of crops too
    "scaled": Look(free=True, scales=SCALES),
    "photos": Look(free=True, scales=SCALES, photos=1.0),                 # on photographs
    "absent": Look(free=True, scales=SCALES, photos=0.5, signless=0.2),   # only questions after what is not there
    "signless": Look(photos=1.0, empty=1.0),                              # the same, of photographs with nothing added
}
UNANSWERABLE = ("absent", "signless")
SHIFT = {"shifted": 7}


def moved(pixels, by):
    """The picture moved right and down, its first row and column repeated."""
    at = np.maximum(np.arange(len(pixels)) - by, 0)
    return pixels[at][:, at]


def generate(name, seed, pictures, per_picture, held_out=True):
    """Yields (pixels, questions) of each picture of a set."""
    for k in range(pictures):
        scene = scenes.make_scene(BASE + seed * 1_000_003 + k, held_out, SETS[name])
        rng = random.Random(BASE + seed * 1_000_003 + k)
        if name in UNANSWERABLE:
            asked = [q for q in questions.ask(rng, scene.items, 64, held_out, True) if q["category"] == "absent"]
        else:
            asked = questions.ask(rng, scene.items, per_picture, held_out)
        yield moved(scene.pixels, SHIFT.get(name, 0)), asked[:per_picture]


def write(folder, name, args):
    os.makedirs(folder, exist_ok=True)
    count = 0
    with open(os.path.join(folder, "questions.jsonl"), "w", encoding="utf-8") as out:
        for k, (pixels, asked) in enumerate(generate(name, args.seed, args.pictures, args.per_picture, not args.familiar)):
            image = f"{k:04}." + ("webp" if args.webp else "png")
            Image.fromarray(pixels).save(os.path.join(folder, image), **(dict(quality=90, method=6) if args.webp else {}))
            for n, q in enumerate(asked):
                row = dict(id=f"{k:04}-{n}", image=image, question=q["question"], answers=[q["answer"]], category=q["category"])
                out.write(json.dumps(row) + "\n")
                count += 1
    print(f"{count} questions about {args.pictures} pictures in {folder}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", choices=list(SETS), help="only this set")
    parser.add_argument("--seed", type=int, default=77)
    parser.add_argument("--pictures", type=int, default=200, help="of each set")
    parser.add_argument("--per-picture", type=int, default=6)
    parser.add_argument("--familiar", action="store_true", help="fonts, wordings and photographs of training instead")
    parser.add_argument("--webp", action="store_true", help="write WebP of quality 90 in place of PNG")
    parser.add_argument("-o", required=True, help="folder to write")
    args = parser.parse_args()
    for name in [args.set] if args.set else SETS:
        write(args.o if args.set else os.path.join(args.o, name), name, args)


if __name__ == "__main__":
    main()
