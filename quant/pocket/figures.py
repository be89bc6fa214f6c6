# SPDX-License-Identifier: Apache-2.0
"""Accuracy through Binocle itself on every held-out set, as the tables of README.md: in f32, int8 and int8 with int4 text,
the lattice by category, every set, then every set by category in int8.

    python3 figures.py BINOCLE checkpoint HELD     HELD: the folder that heldout.py wrote
"""

import json
import os
import subprocess
import sys
import tempfile

from heldout import SETS

TYPES = {"f32": ("f32", "f32"), "int8": ("int8", "int8"), "int8 vision, int4 text": ("int8", "int4")}


def cell(row):
    return "%.1f %% (%.1f to %.1f)" % tuple(100 * row[k] for k in ("accuracy", "accuracy_low", "accuracy_high"))


def measured(program, model, questions, answers):
    """Binocle's own summary of its answers."""
    out = subprocess.run([program, "eval", model, questions, "-o", answers, "--force", "--max-tokens", "8", "--json", "--quiet"],
                         check=True, stdout=subprocess.PIPE).stdout
    return json.loads(out)


def table(head, rows):
    print("\n| " + " | ".join(head) + " |\n|" + " --- |" * len(head))
    for row in rows:
        print("| " + " | ".join(map(str, row)) + " |")


def main():
    program, checkpoint, held = sys.argv[1:4]
    sums = {}
    with tempfile.TemporaryDirectory() as folder:
        model, answers = os.path.join(folder, "model.bnc"), os.path.join(folder, "answers.jsonl")
        for kind, (vision, text) in TYPES.items():
            subprocess.run([program, "compile", checkpoint, "-o", model, "--vision-weights", vision, "--text-weights", text,
                            "--quiet"], check=True)
            for name in SETS:
                sums[kind, name] = measured(program, model, os.path.join(held, name, "questions.jsonl"), answers)
    lattice = {kind: sums[kind, "lattice"] for kind in TYPES}
    table(["category", "questions", *TYPES], [[rows[0]["category"], rows[0]["questions"], *map(cell, rows)]
                                              for rows in zip(*(some["categories"] for some in lattice.values()))])
    table(["set", "questions", *TYPES], [[name, sums["int8", name]["questions"], *(cell(sums[kind, name]) for kind in TYPES)]
                                         for name in SETS])
    by_category = {name: {row["category"]: cell(row) for row in sums["int8", name]["categories"]} for name in SETS}
    shown = [name for name in SETS if len(by_category[name]) > 1]
    table(["category", *shown], [[category, *(by_category[name].get(category, "") for name in shown)]
                                 for category in sorted(by_category[shown[0]])])


if __name__ == "__main__":
    main()
