# SPDX-License-Identifier: Apache-2.0
"""Binocle against PyTorch: relative L2 of the logits on held-out pictures, one question each.

    python3 compare.py BINOCLE checkpoint HELD [PICTURES]     BINOCLE is the program; it compiles the checkpoint in f32
"""

import os
import subprocess
import sys
import tempfile

import numpy as np
import torch
from tokenizers import Tokenizer

import evaluate
from model import IMAGE, normalise
from parity import LIMIT, distance, load_checkpoint
from tokenizer import Prompt


def main():
    program, checkpoint, held = sys.argv[1:4]
    count = int(sys.argv[4]) if len(sys.argv) > 4 else 20
    torch.set_num_threads(1)  # on a busy machine threads wait for each other in every operator
    model = load_checkpoint(checkpoint)
    prompt = Prompt(Tokenizer.from_file(os.path.join(checkpoint, "tokenizer.json")))
    pixels, asked = evaluate.read(held)
    worst = 0.0
    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        path = lambda name: os.path.join(folder, name)
        subprocess.run([program, "compile", checkpoint, "-o", path("model.bnc"), "--vision-weights", "f32",
                        "--text-weights", "f32", "--quiet"], check=True)
        for picture, questions in list(zip(pixels, asked))[:count]:
            ids = np.array(prompt.before + [IMAGE] + prompt.question(questions[0]["question"]))
            np.save(path("ids.npy"), ids)
            subprocess.run([program, "score", path("model.bnc"), "--ids", path("ids.npy"), "--image",
                            os.path.join(held, questions[0]["image"]), "-o", path("logits.npy"), "--quiet"], check=True)
            tiles = model.tiles(normalise(torch.from_numpy(picture.copy())[None]))
            rows = model.join(torch.from_numpy(ids), [model.model.mm_projector(model.fuse(*tiles))[0]])
            worst = max(worst, distance(np.load(path("logits.npy")).reshape(-1), model.causal_logits(rows)[-1]))
    print(f"{min(count, len(pixels))} pictures, worst {worst:.2e}, limit {LIMIT:.0e}")
    sys.exit(0 if worst < LIMIT else 1)


if __name__ == "__main__":
    main()
