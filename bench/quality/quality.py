#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What quantisation costs: each model's next-token distributions against those of an f32 model, on the same text.
usage: quality.py BINOCLE TEXT WINDOWS LENGTH F32.bnc NAME=MODEL.bnc...
Of each window of LENGTH ids the second half is scored. Prints CSV: positions, mean KL divergence from f32 (nats) with its standard error over
positions, the share of positions whose likeliest token is f32's, perplexity, and its ratio to f32's."""
import json
import os
import subprocess
import sys
import tempfile

import numpy as np


def log_softmax(x):
    x = x.astype(np.float64)
    x -= x.max(axis=1, keepdims=True)
    return x - np.log(np.exp(x).sum(axis=1, keepdims=True))


def logits(binocle, model, ids, folder):
    half = len(ids) // 2
    paths = [os.path.join(folder, name) for name in ("ids.npy", "force.npy", "logits.npy")]
    np.save(paths[0], ids[:half])
    np.save(paths[1], ids[half:])
    subprocess.run([binocle, "score", model, "--ids", paths[0], "--force", paths[1], "-o", paths[2], "--quiet"], check=True)
    return log_softmax(np.load(paths[2]))


def main():
    binocle, text, windows, length, base = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5]
    models = [("f32", base)] + [tuple(arg.split("=", 1)) for arg in sys.argv[6:]]
    with open(text, encoding="utf-8") as f:
        line = json.dumps(f.read())
    ids = json.loads(subprocess.run([binocle, "tokenize", base], input=line + "\n", capture_output=True, text=True, check=True).stdout)
    if len(ids) < windows * length:
        sys.exit(f"{text}: {len(ids)} ids, expected at least {windows * length}")
    ids = np.array(ids[:windows * length], np.int32).reshape(windows, length)
    sums = {name: {"kl": [], "top": [], "loss": []} for name, _ in models}
    with tempfile.TemporaryDirectory() as folder:
        for window in ids:
            target = window[length // 2:]
            reference = None
            for name, path in models:
                p = logits(binocle, path, window, folder)
                reference = p if reference is None else reference
                sums[name]["kl"] += list((np.exp(reference) * (reference - p)).sum(axis=1))
                sums[name]["top"] += list(reference.argmax(axis=1) == p.argmax(axis=1))
                sums[name]["loss"] += list(-p[np.arange(len(target)), target])
    print("model,bytes,positions,kl,kl_error,top1,perplexity,ratio")
    for name, path in models:
        kl, loss = np.array(sums[name]["kl"]), np.mean(sums[name]["loss"])
        print(f"{name},{os.path.getsize(path)},{len(kl)},{kl.mean():.4f},{kl.std() / len(kl) ** 0.5:.4f},{np.mean(sums[name]['top']):.4f},"
              f"{np.exp(loss):.3f},{np.exp(loss - np.mean(sums['f32']['loss'])):.4f}")


if __name__ == "__main__":
    main()
