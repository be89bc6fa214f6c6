# SPDX-License-Identifier: Apache-2.0
"""Writes held-out pictures and questions: own seed, unseen fonts, unseen wordings.

    python3 heldout.py --seed 77 --pictures 200 --per-picture 6 -o DIR     DIR/NNNN.png, DIR/questions.jsonl
    python3 heldout.py --seed 78 --pictures 5 --webp -o ../../tests/data/pocket     what the tests and the quickstart ask
"""

import argparse
import json
import os
import random

from PIL import Image

import questions
import scenes

BASE = 3_000_000_000  # training seeds lie far above (data.seed_of)


def generate(seed, pictures, per_picture, held_out=True):
    """Yields (scene, questions) of each picture."""
    for k in range(pictures):
        scene = scenes.make_scene(BASE + seed * 1_000_003 + k, held_out)
        rng = random.Random(BASE + seed * 1_000_003 + k)
        yield scene, questions.ask(rng, scene.items, per_picture, held_out)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=77)
    parser.add_argument("--pictures", type=int, default=200)
    parser.add_argument("--per-picture", type=int, default=6)
    parser.add_argument("--familiar", action="store_true", help="fonts and wordings of training instead")
    parser.add_argument("--webp", action="store_true", help="write WebP of quality 90 in place of PNG")
    parser.add_argument("-o", required=True, help="folder to write")
    args = parser.parse_args()
    os.makedirs(args.o, exist_ok=True)
    count = 0
    with open(os.path.join(args.o, "questions.jsonl"), "w", encoding="utf-8") as out:
        for k, (scene, asked) in enumerate(generate(args.seed, args.pictures, args.per_picture, not args.familiar)):
            name = f"{k:04}." + ("webp" if args.webp else "png")
            Image.fromarray(scene.pixels).save(os.path.join(args.o, name), **(dict(quality=90, method=6) if args.webp else {}))
            for n, q in enumerate(asked):
                row = dict(id=f"{k:04}-{n}", image=name, question=q["question"], answers=[q["answer"]], category=q["category"])
                out.write(json.dumps(row) + "\n")
                count += 1
    print(f"{count} questions about {args.pictures} pictures in {args.o}")


if __name__ == "__main__":
    main()
