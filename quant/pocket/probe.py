# SPDX-License-Identifier: Apache-2.0
"""What the fused visual tokens hold, before any language: the dense classifiers of stage `see` on held-out scenes.

    python3 probe.py --state DIR [--scenes 200]
"""

import argparse
import os

import torch

import scenes
import train_see
from evaluate import ABLATIONS, interval
from model import InfLlava, default_config


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--state", required=True)
    parser.add_argument("--scenes", type=int, default=200)
    args = parser.parse_args()
    state = torch.load(os.path.join(args.state, "see.pt"), map_location="cpu")
    model = InfLlava(default_config())
    heads = train_see.Heads(model.cfg["mm_hidden_size"])
    model.tower.load_state_dict(state["tower"]), model.model.spatial_embed.load_state_dict(state["dem"])
    heads.load_state_dict(state["heads"])
    held = [scenes.make_scene(5_000_000 + k, held_out=True) for k in range(args.scenes)]
    names = ("kind", "colour", "number", "word")
    print("| fused tokens | " + " | ".join(names) + " |\n|" + " --- |" * (len(names) + 1))
    for ablate, title in ABLATIONS.items():
        table = train_see.measure(model, heads, held, torch.device("cpu"), ablate, counts=True)
        cells = ["%.1f %% (%.1f to %.1f)" % tuple(100 * v for v in (table[n][0] / table[n][1], *interval(*table[n])))
                 for n in names]
        print(f"| {title} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
