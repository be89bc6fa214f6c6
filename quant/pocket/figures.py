# SPDX-License-Identifier: Apache-2.0
"""Accuracy through Binocle itself, in f32, int8 and int8 with int4 text, as the table of README.md.

    python3 figures.py BINOCLE checkpoint HELD
"""

import json
import os
import subprocess
import sys
import tempfile

TYPES = {"f32": ("f32", "f32"), "int8": ("int8", "int8"), "int8 vision, int4 text": ("int8", "int4")}


def cell(row):
    return "%.1f %% (%.1f to %.1f)" % tuple(100 * row[k] for k in ("accuracy", "accuracy_low", "accuracy_high"))


def main():
    program, checkpoint, held = sys.argv[1:4]
    sums = []
    with tempfile.TemporaryDirectory() as folder:
        model, answers = os.path.join(folder, "model.bnc"), os.path.join(folder, "answers.jsonl")
        for vision, text in TYPES.values():
            subprocess.run([program, "compile", checkpoint, "-o", model, "--vision-weights", vision, "--text-weights", text,
                            "--quiet"], check=True)
            out = subprocess.run([program, "eval", model, os.path.join(held, "questions.jsonl"), "-o", answers, "--force",
                                  "--max-tokens", "8", "--json", "--quiet"], check=True, stdout=subprocess.PIPE).stdout
            sums.append(json.loads(out))
    print("| category | questions | " + " | ".join(TYPES) + " |\n| --- | --- |" + " --- |" * len(TYPES))
    for rows in zip(*([*s["categories"], dict(s, category="all")] for s in sums)):
        print(f"| {rows[0]['category']} | {rows[0]['questions']} | " + " | ".join(map(cell, rows)) + " |")


if __name__ == "__main__":
    main()
