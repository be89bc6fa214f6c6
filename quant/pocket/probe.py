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
    state = torch.load(os.path.join(args.state, "fuse.pt"), map_location="cpu")
    model = InfLlava(default_config())
    heads = train_see.Heads(model.cfg["mm_hidden_size"])
    for module, weights in zip((model.tower, model.model.spatial_embed, model.model.mm_projector, heads), state["modules"]):
        module.load_state_dict(weights)
    symbols = train_see.symbols_of(args.state, model, torch.device("cpu"))
    held = [scenes.make_scene(5_000_000 + k, True) for k in range(args.scenes)]
    names = ("kind", "colour", "number", "word")
    print("| fused tokens | " + " | ".join(names) + " |\n|" + " --- |" * (len(names) + 1))
    for ablate, title in ABLATIONS.items():
        table = train_see.measure(model, heads, symbols, held, torch.device("cpu"), ablate)
        cells = ["%.1f %% (%.1f to %.1f)" % tuple(100 * v for v in (table[n][0] / table[n][1], *interval(*table[n])))
                 for n in names]
        print(f"| {title} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
