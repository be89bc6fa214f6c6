# SPDX-License-Identifier: Apache-2.0
"""Checks model.py against the original code's outputs: python3 parity.py FIXTURE (the folder with report.json)."""

import glob
import json
import os
import sys

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file

from model import InfLlava, normalise

LIMIT = 2e-5


def config_of(folder, tensors):
    """Model geometry from config.json and the tensors' shapes, as the importer does."""
    cfg = json.load(open(os.path.join(folder, "config.json")))
    tower = "model.vision_tower.vision_tower.vision_model."
    patch = tensors[tower + "embeddings.patch_embedding.weight"]
    rows = tensors[tower + "embeddings.position_embedding.weight"].shape[0]
    layers = {k[len(tower):].split(".")[2] for k in tensors if k.startswith(tower + "encoder.layers.")}
    return dict(cfg, patch=patch.shape[2], mm_hidden_size=patch.shape[0], grid=round((rows - 1) ** 0.5),
                vit_layers=len(layers), vit_mlp=tensors[tower + "encoder.layers.0.mlp.fc1.weight"].shape[0])


def load_checkpoint(folder):
    tensors = {}
    for path in sorted(glob.glob(os.path.join(folder, "*.safetensors"))):
        tensors.update(load_file(path))
    model = InfLlava(config_of(folder, tensors))
    model.load_state_dict({k: v.float() for k, v in tensors.items()})
    return model.eval()


def distance(got, want):
    want = torch.from_numpy(np.asarray(want))
    return float((got.double() - want.double()).norm() / want.double().norm())


def main():
    fixture = sys.argv[1]
    model = load_checkpoint(os.path.join(fixture, "checkpoint"))
    worst = checked = 0
    for case in ("text", "wide", "tall", "small"):
        folder = os.path.join(fixture, "expected", case)
        read = lambda name: np.load(os.path.join(folder, name + ".npy"))
        pixels = np.asarray(Image.open(os.path.join(folder, "pixels_u8.png")).convert("RGB"))
        with torch.no_grad():
            crops, base = model.tiles(normalise(torch.from_numpy(pixels)[None]))
            dem = model.model.spatial_embed(crops, base)
            proj = model.model.mm_projector((base + dem) / 2)[0]
            logits = model.causal_logits(model.join(torch.from_numpy(read("input_ids")).flatten(), [proj]))[-1]
        for name, got in (("dem", dem[0]), ("proj", proj), ("logits", logits)):
            far = distance(got, read(name).reshape(got.shape))
            worst, checked = max(worst, far), checked + 1
            print(f"{case:6} {name:7} {far:.2e} {'ok' if far < LIMIT else 'FAR'}")
    print(f"{checked} comparisons, worst {worst:.2e}, limit {LIMIT:.0e}")
    sys.exit(0 if checked == 12 and worst < LIMIT else 1)


if __name__ == "__main__":
    main()
