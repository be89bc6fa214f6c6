#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What int8 vision costs the pocket model, part by part: its tower, DEM and projector in NumPy with Binocle's int8 arithmetic (ops/qd8.h,
quant/compile/quantize_weights.c, ops/attention/attention.h), beside the same in f32.
usage: pocket_int8.py [PICTURE...] > bench/baselines/pocket_int8.csv            needs numpy and pillow from PyPI; pictures of 336 x 336, by default the
tests' six. Each is seen turned as well, by quarters: a difference in the last bit of a sum changes what a picture loses by up to a half, since it moves
roundings, and DEM makes much of that. CSV: one less the cosine of all image embeddings of a picture with f32's, in ten thousandths: mean, its standard
error, the greatest, and of how many pictures it is 5 at most. Weights "fed back" are rounded as quant/calibrate/gptq.h does, on the pictures mirrored."""
import glob
import json
import math
import os
import sys

import numpy as np
from PIL import Image

from int8_rows import quantise_weights, rounded_rows, rounded_weights

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
GRID, PATCH, WIDTH, LIVE, TILE, VIEWS = 8, 14, 128, 3, 112, 3
MEAN, DEVIATION = (np.array(v, np.float32) for v in ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)))
ERF = np.vectorize(math.erf)
# Output (y, x) of the grid is position (3 y + 1, 3 x + 1) of the large map: in which crop, and where in it.
AT = [VIEWS * i + 1 for i in range(GRID)]
CROP = np.array([VIEWS * (y // GRID) + x // GRID for y in AT for x in AT])
INSIDE = np.array([y % GRID * GRID + x % GRID for y in AT for x in AT])


def read_tensors(folder):
    out = {}
    for path in glob.glob(os.path.join(folder, "*.safetensors")):
        with open(path, "rb") as f:
            data = f.read()
        begin = 8 + int.from_bytes(data[:8], "little")
        for name, t in json.loads(data[8:begin]).items():
            if name != "__metadata__":
                a, b = (begin + n for n in t["data_offsets"])
                out[name.removeprefix("model.vision_tower.vision_tower.")] = (np.frombuffer(data[a:b], "<u2").astype(np.uint32) << 16).view(np.float32).reshape(t["shape"])
    return out


def attend(q, k, v, int8):
    """One head; no more keys than a block of the kernel's and one."""
    scale = np.float32(q.shape[1] ** -0.5)
    if not int8:
        p = np.exp((s := q @ k.T * scale) - s.max(1, keepdims=True))
        return p @ v / p.sum(1, keepdims=True)

    def rounded(x, axis):
        most = np.abs(x).max(axis, keepdims=True) + np.float32(1e-30)
        return np.rint(x * (np.float32(127) / most)), most / np.float32(127)
    (a, s), m = rounded(q, 1), np.full((len(q), 1), -np.inf, np.float32)
    total, out = np.zeros((len(q), 1), np.float32), np.zeros((len(q), v.shape[1]), np.float32)
    for base in range(0, len(k), 64):
        (b, t), (c, u) = rounded(k[base:base + 64], 1), rounded(v[base:base + 64], 0)
        score = (a @ b.T * t.T) * (s * scale)
        before, m = m, np.maximum(m, score.max(1, keepdims=True))
        p, shrink = np.rint(np.exp(score - m) * 255), np.exp(before - m)
        total, out = total * shrink + p.sum(1, keepdims=True), (p @ c) * u + out * shrink
    return out / total


def gelu(x):
    return (x * 0.5 * (1 + ERF(x * 0.5 ** 0.5))).astype(np.float32)


class Vision:
    """weights, inputs: whether a site's are rounded; attention: whether a site's operands are. round_weights(matrix, name) rounds."""

    def __init__(self, tensors, round_weights=lambda w, name: rounded_weights(w)):
        self.t, self.kept, self.round_weights, self.moments = tensors, {}, round_weights, None

    def run(self, tiles, weights, inputs, attention):
        self.weights, self.inputs, self.attention = weights, inputs, attention
        features = [self.tower(tile) for tile in tiles]
        crops, base = features[:-1], features[-1]
        near, local = np.stack([crops[c][i] for c, i in zip(CROP, INSIDE)]), np.zeros((GRID * GRID, WIDTH), np.float32)
        for crop in range(VIEWS * VIEWS):
            rows = np.nonzero(CROP == crop)[0]
            local[rows] = self.enhance(base[rows], crops[crop])
        other = self.enhance(near, base)
        halves = [self.linear("dem.ffn", gelu(self.linear("dem.ffn", x, f"model.spatial_embed.{name}.0")), f"model.spatial_embed.{name}.2")
                  for name, x in (("ffn_crop", other), ("ffn_stride", local))]
        dem = self.norm(np.concatenate(halves, 1) + local + other, "model.spatial_embed.ln_fuse")
        return self.linear("projector", gelu(self.linear("projector", (base + dem) * np.float32(0.5), "model.mm_projector.0")), "model.mm_projector.2")

    def linear(self, site, x, name, bias=True):
        w = self.t[name + ".weight"].reshape(len(self.t[name + ".weight"]), -1)
        if self.moments is not None:
            self.moments[name] = self.moments.get(name, 0) + x.T.astype(np.float64) @ x
        if self.weights(site):
            if name not in self.kept:
                self.kept[name] = self.round_weights(w, name)
            w = self.kept[name]
        y = (rounded_rows(x) if self.inputs(site) else x) @ w.T
        return (y + self.t[name + ".bias"] if bias else y).astype(np.float32)

    def norm(self, x, name):
        x = x - x.mean(1, keepdims=True)
        return x / np.sqrt((x * x).mean(1, keepdims=True) + np.float32(1e-5)) * self.t[name + ".weight"] + self.t[name + ".bias"]

    def heads(self, site, q, k, v, count):
        parts = (np.split(x, count, 1) for x in (q, k, v))
        return np.concatenate([attend(*head, self.attention(site)) for head in zip(*parts)], 1).astype(np.float32)

    def tower(self, tile):
        x = tile.reshape(GRID, PATCH, GRID, PATCH, 3).transpose(0, 2, 4, 1, 3).reshape(GRID * GRID, -1)
        position = self.t["vision_model.embeddings.position_embedding.weight"]
        x = self.linear("patch", x, "vision_model.embeddings.patch_embedding", False) + position[1:]
        x = self.norm(np.concatenate([(self.t["vision_model.embeddings.class_embedding"] + position[0])[None], x]), "vision_model.pre_layrnorm")
        for i in range(LIVE):
            name, site = f"vision_model.encoder.layers.{i}.", f"layer{i}."
            h = self.norm(x, name + "layer_norm1")
            qkv = (self.linear(site + "qkv", h, f"{name}self_attn.{part}_proj") for part in "qkv")
            x = x + self.linear(site + "out", self.heads(site + "attention", *qkv, WIDTH // 64), name + "self_attn.out_proj")
            h = self.linear(site + "mlp", self.norm(x, name + "layer_norm2"), name + "mlp.fc1")
            x = x + self.linear(site + "mlp", h / (1 + np.exp(np.float32(-1.702) * h)), name + "mlp.fc2")
        return x[1:]

    def enhance(self, query, context):
        q, k, v = (self.linear("dem.qkv", x, f"model.spatial_embed.attention.linears.{i}") for i, x in enumerate((query, context, context)))
        return self.norm(self.linear("dem.out", self.heads("dem.attention", q, k, v, 8), "model.spatial_embed.attention.linears.3") + query,
                         "model.spatial_embed.attention.ln")


def read_picture(path):
    image = Image.open(path).convert("RGB")
    if image.size != (VIEWS * TILE, VIEWS * TILE):
        sys.exit(f"{path}: {image.size}, expected {VIEWS * TILE} x {VIEWS * TILE}")
    return ((np.asarray(image, np.float32) / 255 - MEAN) / DEVIATION).astype(np.float32)


def tiles_of(x):
    return [x[y * TILE:(y + 1) * TILE, c * TILE:(c + 1) * TILE] for y in range(VIEWS) for c in range(VIEWS)] + [x[1::VIEWS, 1::VIEWS]]


def fed_back(w, moments):
    """Each column's rounding error is made up for by the columns behind it, for inputs of those second moments."""
    s, k = quantise_weights(w)[1].astype(np.float64), w.shape[1]
    up = np.linalg.cholesky(np.linalg.inv(moments + np.eye(k) * 0.01 * np.trace(moments) / k)).T
    left, out = w.astype(np.float64), np.empty(w.shape, np.float32)
    for j in range(k):
        value = np.clip(np.rint(left[:, j] / s[:, 0]), -127, 127) * s[:, 0]
        left[:, j:] -= np.outer((left[:, j] - value) / up[j, j], up[j, j:])
        out[:, j] = value
    return out


def angle(a, b):
    a, b = a.ravel().astype(np.float64), b.ravel().astype(np.float64)
    return 1e4 * (1 - a @ b / np.sqrt((a @ a) * (b @ b)))


def only(*sites):
    return lambda site: site.startswith(sites)


def but(*sites):
    return lambda site: not site.startswith(sites)


def main():
    paths = sys.argv[1:] or sorted(glob.glob(os.path.join(ROOT, "tests", "data", "pocket", "*.webp")))
    seen = [read_picture(path) for path in paths]
    vision, pictures = Vision(read_tensors(os.path.join(ROOT, "quant", "pocket", "checkpoint"))), [tiles_of(np.rot90(x, k)) for x in seen for k in range(4)]

    def all_sites(site):
        return True

    def none(site):
        return False
    right = [vision.run(p, none, none, none) for p in pictures]
    moments = vision.moments = {}
    for x in seen:
        vision.run(tiles_of(x[:, ::-1]), none, none, none)
    vision.moments = None
    feeding = Vision(vision.t, lambda w, name: fed_back(w, moments[name]))
    sites = ("patch", *(f"layer{i}.{part}" for i in range(LIVE) for part in ("qkv", "attention", "out", "mlp")), "dem.qkv", "dem.attention", "dem.out", "dem.ffn", "projector")
    outside = ("patch", "dem", "projector")
    ways = {"int8": (vision, *(all_sites,) * 3), "weights alone": (vision, all_sites, none, none), "weights alone, fed back": (feeding, all_sites, none, none),
            "inputs alone": (vision, none, all_sites, none), "attention alone": (vision, none, none, all_sites),
            **{f"{site} alone": (vision, *(only(site),) * 3) for site in sites},
            "weights fed back": (feeding, *(all_sites,) * 3), "f32: patch, DEM, projector": (vision, *(but(*outside),) * 3),
            "f32: patch, DEM, projector; weights fed back": (feeding, *(but(*outside),) * 3),
            "f32: patch, DEM, projector, first MLP": (vision, *(but(*outside, "layer0.mlp"),) * 3)}
    print("way,mean,error,greatest,within")
    for name, (model, *way) in ways.items():
        found = np.array([angle(model.run(p, *way), r) for p, r in zip(pictures, right)])
        print(f'"{name}",{found.mean():.2f},{found.std() / len(found) ** 0.5:.2f},{found.max():.2f},{np.mean(found <= 5):.2f}', flush=True)


if __name__ == "__main__":
    main()
