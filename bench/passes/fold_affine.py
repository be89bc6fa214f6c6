#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What folding the affine part of norms into the linear layers behind them would do to quantised models.
usage: fold_affine.py PROGRAM CHECKPOINT PICTURE NAME      prints CSV: model,weights,norms,projector_l2,logits_l2

W' = W diag(gamma), b' = b + W beta, gamma' = 1, beta' = 0, in the checkpoint itself, in float32: the compiler then quantises what a pass of its own would
have given it. Compared with the unfolded model in f32, as relative L2 at the projector and over the logits of 32 forced tokens behind picture and prompt.
Layers are folded where every reader of the norm is a linear layer: q, k, v and fc1 of the tower; q, k, v, gate, up and the head of the text."""
import glob
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile

import numpy as np


def read(folder):
    tensors = {}
    for path in sorted(glob.glob(os.path.join(folder, "*.safetensors"))):
        with open(path, "rb") as f:
            head = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
            data = f.read()
        for name, t in head.items():
            if name == "__metadata__":
                continue
            raw = data[t["data_offsets"][0]:t["data_offsets"][1]]
            if t["dtype"] == "BF16":
                values = (np.frombuffer(raw, "<u2").astype(np.uint32) << 16).view(np.float32)
            else:
                values = np.frombuffer(raw, {"F16": "<f2", "F32": "<f4"}[t["dtype"]]).astype(np.float32)
            tensors[name] = values.reshape(t["shape"])
    return tensors


def write(folder, tensors, like):
    shutil.copytree(like, folder, ignore=shutil.ignore_patterns("*.safetensors", "*.safetensors.index.json"))
    head, at = {}, 0
    for name, t in tensors.items():
        head[name] = {"dtype": "F32", "shape": list(t.shape), "data_offsets": [at, at + t.nbytes]}
        at += t.nbytes
    text = json.dumps(head).encode()
    with open(os.path.join(folder, "model.safetensors"), "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        for t in tensors.values():
            f.write(np.ascontiguousarray(t, "<f4").tobytes())


def fold(tensors, vision, text):
    out = dict(tensors)

    def apply(norm, layers):
        gamma, beta = tensors[norm + ".weight"], tensors.get(norm + ".bias")
        for layer in layers:
            w = tensors[layer + ".weight"].astype(np.float64)
            if beta is not None:
                out[layer + ".bias"] = (tensors[layer + ".bias"] + w @ beta).astype(np.float32)
            out[layer + ".weight"] = (w * gamma).astype(np.float32)
        out[norm + ".weight"] = np.ones_like(gamma)
        if beta is not None:
            out[norm + ".bias"] = np.zeros_like(beta)

    for name in tensors:
        stem = name[:-len(".weight")]
        layer, _, norm = stem.rpartition(".")
        attention = [f"{layer}.self_attn.{p}_proj" for p in "qkv"]
        if not name.endswith(".weight"):
            continue
        if vision and norm == "layer_norm1":
            apply(stem, attention)
        elif vision and norm == "layer_norm2":
            apply(stem, [layer + ".mlp.fc1"])
        elif text and norm == "input_layernorm":
            apply(stem, attention)
        elif text and norm == "post_attention_layernorm":
            apply(stem, [layer + ".mlp.gate_proj", layer + ".mlp.up_proj"])
        elif text and stem == "model.norm":
            apply(stem, ["lm_head"])
    return out


def results(program, checkpoint, picture, work, weights, vocabulary):
    model, ids, force, out = (os.path.join(work, f) for f in ("m.bnc", "ids.npy", "force.npy", "out.npy"))
    vision, text = weights.split("/")
    run = lambda *a: subprocess.run([program, *a, "--quiet"], check=True, env={**os.environ, "BINOCLE_CACHE": ""})
    run("compile", checkpoint, "-o", model, "--vision-weights", vision, "--text-weights", text)
    run("encode", model, picture, "--stage", "projector", "-o", out)
    projector = np.load(out)
    random = np.random.default_rng(1)
    np.save(ids, np.concatenate([[-200], random.integers(3, vocabulary, 24)]).astype(np.int32))
    np.save(force, random.integers(3, vocabulary, 32).astype(np.int32))
    run("score", model, "--ids", ids, "--image", picture, "--force", force, "-o", out)
    return projector.astype(np.float64), np.load(out).astype(np.float64)


def main():
    program, checkpoint, picture, label = sys.argv[1:]
    tensors = read(checkpoint)
    vocabulary = tensors["lm_head.weight"].shape[0] - 1
    with tempfile.TemporaryDirectory() as work:
        variants = {"as they are": tensors, "tower folded": fold(tensors, True, False), "text folded": fold(tensors, False, True), "all folded": fold(tensors, True, True)}
        exact = None
        for weights in ("f32/f32", "int8/int8", "int8/int4"):
            for name, each in variants.items():
                folder = os.path.join(work, "checkpoint")
                write(folder, each, checkpoint)
                found = results(program, folder, picture, work, weights, vocabulary)
                shutil.rmtree(folder)
                exact = exact or found
                print(label, weights, name, *(f"{np.linalg.norm(a - b) / np.linalg.norm(b):.3e}" for a, b in zip(found, exact)), sep=",", flush=True)


if __name__ == "__main__":
    main()
