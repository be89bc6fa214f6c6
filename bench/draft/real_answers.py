# SPDX-License-Identifier: Apache-2.0
"""What guessing ahead (--draft lookup) brings on answers that models really give, with guesses and without in turn.

    real_answers.py MODEL.bnc... [--rounds 5] [--threads 1] [--build build/host] [-o FILE.csv]

A model with a tower is asked about the pictures of tests/data/pocket, one without about texts; nothing is drawn, so both ways must give the same
answer. A step is one run of the layers; `gain` is the median over rounds of the time of tokens without guesses over that with them, where that time can
be measured.
"""
import argparse
import csv
import json
import os
import statistics
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from runner import TREE, say  # noqa: E402

COLUMNS = ("cpu", "model", "threads", "kind", "questions", "tokens", "steps", "guessed", "right", "tokens_per_step", "gain", "least", "most", "rounds", "same")
TEXTS = {
    "short answer": ["What is the capital of France? Answer in one word.", "How many days has a week? Answer with a number."],
    "caption": ["Describe a small harbour in the evening in a paragraph of five sentences.",
                "Describe a red bus that stands in front of a brick building, and the people who wait beside it."],
    "JSON": ["List five fruits as a JSON array of objects with the keys \"name\", \"colour\" and \"count\". Write the JSON alone.",
             "Write a JSON array of objects for a car, a bicycle and a bench, each with the keys \"name\", \"colour\" and \"position\"."],
    "about a given text": ["The museum opens at nine in the morning and closes at six in the evening. On Fridays it closes at nine in the evening. Tickets "
                           "cost twelve euros, and children under twelve pay nothing. When does it open and close, and what do tickets cost?",
                           "Correct the spelling, and change nothing else: The hous on the hil is old. Nobody has lived in the hous for ten yeers, "
                           "and the garden of the hous on the hil is ful of tall gras."],
}
CAPTION = "Describe the picture."
SCHEMA = {"type": "array", "minItems": 3, "maxItems": 3, "items": {"type": "object", "required": ["name", "colour", "there"],
          "properties": {"name": {"enum": ["circle", "square", "sign"]}, "colour": {"enum": ["red", "green", "blue"]}, "there": {"type": "boolean"}}}}
LEAST_SECONDS = 0.2
PICTURES = os.path.join(TREE, "tests/data/pocket")


def questions(has_tower, folder):
    """{kind: [arguments of `run`]}"""
    if not has_tower:
        return {kind: [["--prompt", text] for text in texts] for kind, texts in TEXTS.items()}
    with open(os.path.join(PICTURES, "questions.jsonl"), encoding="utf-8") as file:
        asked = [json.loads(line) for line in file]
    pictures = sorted({q["image"] for q in asked})
    schema = os.path.join(folder, "schema.json")
    with open(schema, "w", encoding="utf-8") as file:
        json.dump(SCHEMA, file)
    about = [["--image", os.path.join(PICTURES, name)] for name in pictures]
    return {"VQA": [["--image", os.path.join(PICTURES, q["image"]), "--prompt", q["question"]] for q in asked],
            "caption": [[*image, "--prompt", CAPTION] for image in about],
            "JSON": [[*image, "--prompt", "List what is there.", "--json-schema", schema] for image in about]}


def ask(options, model, arguments, drafts):
    command = [os.path.join(options.build, "bin/binocle"), "run", model, *arguments, "--max-tokens", "160", "--threads", str(options.threads), "--json", "--quiet"]
    command += ["--draft", "lookup"] if drafts else []
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def seconds(answers):
    """Of the tokens behind each answer's first, which is drawn from the prompt's logits."""
    return sum(a["decode_s"] for a in answers)


def row(options, cpu, model, kind, asked):
    gains = []
    for _ in range(options.rounds):
        both = [[ask(options, model, arguments, drafts) for arguments in asked] for drafts in (False, True)]
        gains += [seconds(both[0]) / seconds(both[1])] if seconds(both[0]) > LEAST_SECONDS else []
    plain, ahead = both
    tokens, right = sum(a["tokens"] for a in ahead), sum(a["guessed_right"] for a in ahead)
    same = all(a["answer"] == b["answer"] for a, b in zip(plain, ahead))
    spread = [f"{f:.3g}" for f in (statistics.median(gains), min(gains), max(gains))] if gains else [""] * 3
    return (cpu, os.path.basename(model), options.threads, kind, len(asked), tokens, tokens - right, sum(a["guessed_tokens"] for a in ahead), right,
            f"{tokens / max(tokens - right, 1):.3g}", *spread, len(gains), "yes" if same else "NO")


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--build", default=os.path.join(TREE, "build/host"))
    parser.add_argument("-o", dest="output", default="/dev/stdout")
    options = parser.parse_args()
    program = os.path.join(options.build, "bin/binocle")
    about = json.loads(subprocess.run([program, "devices", "--json"], check=True, stdout=subprocess.PIPE).stdout)["cpu"]
    cpu = f"{about['brand']} ({about['uarch']}, {about['cpus']} CPUs)"
    with open(options.output, "w", encoding="ascii", newline="") as file, tempfile.TemporaryDirectory() as folder:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(COLUMNS)
        for model in options.models:
            programs = json.loads(subprocess.run([program, "inspect", model, "--json"], check=True, stdout=subprocess.PIPE).stdout)["programs"]
            for kind, asked in questions(programs["vision"] is not None, folder).items():
                say(f"{os.path.basename(model)}: {kind}")
                out.writerow(row(options, cpu, model, kind, asked))
                file.flush()


if __name__ == "__main__":
    main()
