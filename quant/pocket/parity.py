# SPDX-License-Identifier: Apache-2.0
"""Checks model.py: the DEM's closed form against the whole computation, and, given a fixture (the folder with
report.json), everything against the original code's outputs: python3 parity.py [FIXTURE]
"""

import glob
import json
import os
import sys

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file

from model import IMAGE, Dem, InfLlava, default_config, normalise

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
    got, want = torch.as_tensor(got), torch.as_tensor(np.array(want))
    return float((got.double() - want.double()).norm() / want.double().norm())


def whole_dem(dem, crops, strides, grid):
    """The DEM as the original computes it: both 3g x 3g maps, every block, every phase, then the bilinear to g x g.
    crops, strides [9,g*g,C] -> [g*g,C]."""
    g, c = grid, crops.shape[-1]
    local = crops.view(3, 3, g, g, c).permute(0, 2, 1, 3, 4).reshape(3 * g, 3 * g, c)
    glob = strides.view(3, 3, g, g, c).permute(2, 0, 3, 1, 4).reshape(3 * g, 3 * g, c)
    new_glob, new_local = torch.empty_like(glob), torch.empty_like(local)
    for a in range(3):
        for b in range(3):
            block = (slice(a * g, a * g + g), slice(b * g, b * g + g))
            phase = (slice(a, None, 3), slice(b, None, 3))
            for out, at, query, keys in ((new_glob, block, glob, local), (new_local, phase, local, glob)):
                rows = dem.attention(query[at].reshape(1, -1, c), keys[at].reshape(1, -1, c))
                out[at] = rows.view(g, g, c)
    out = dem.ln_fuse(torch.cat([dem.ffn_crop(new_local), dem.ffn_stride(new_glob)], -1) + new_glob + new_local)
    small = torch.nn.functional.interpolate(out.permute(2, 0, 1)[None], (g, g), mode="bilinear", align_corners=False)
    return small[0].flatten(1).T


def closed_form(grid):
    """Distance between the closed form with ten live tiles and the whole DEM, random weights and features."""
    torch.manual_seed(grid)
    dem = Dem(dict(mm_hidden_size=64, grid=grid))
    crops, strides = torch.randn(2, 9, grid * grid, 64).unbind(0)
    with torch.no_grad():
        return distance(dem(crops[None], strides[None, 4])[0], whole_dem(dem, crops, strides, grid))


def shared_prefix():
    """Distance between questions packed behind one picture, as in training, and each question on its own."""
    import data  # here, because data needs the fonts' libraries and the rest of this file does not
    import train_ask
    from tokenizer import Prompt, build
    torch.manual_seed(5)
    model, prompt = InfLlava(default_config()), Prompt(build())
    asked = [dict(question=q, answer=a) for q, a in (("Where is the star?", "top left"), ("Is there a red cross?", "no"))]
    packed, features = data.Packed(prompt, [asked]), torch.randn(1, 64, model.cfg["mm_hidden_size"])
    packed.answers = torch.arange(packed.ids.shape[1])[None]  # every row, not only those of answers
    with torch.no_grad():
        picture = model.model.mm_projector(features)
        scores = model.lm_head(train_ask.answer_rows(model, prompt, picture, packed))[0]
        far = 0.0
        for k, q in enumerate(asked):
            tail = prompt.question(q["question"]) + prompt.answer(q["answer"])[:-1]
            rows = model.join(torch.tensor(prompt.before + [IMAGE] + tail), [picture[0]])
            far = max(far, distance(scores[packed.number[0] == k], model.causal_logits(rows)[-len(tail):]))
    return far


def main():
    far = shared_prefix()
    print(f"questions behind a shared prefix against each alone: {far:.2e}")
    if far > 5e-6:
        sys.exit(1)
    for grid in (6, 8, 24):  # the fixture's grid is a multiple of three, the pocket model's is not
        far = closed_form(grid)
        print(f"closed form of the DEM, grid {grid}: {far:.2e}")
        if far > 1e-6:
            sys.exit(1)
    if len(sys.argv) < 2:
        return
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
