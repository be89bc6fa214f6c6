#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What quantisation costs: each model's next-token distributions against those of an f32 model, on the same text.
usage: quality.py BINOCLE TEXT WINDOWS LENGTH F32.bnc NAME=MODEL.bnc...
Of each window of LENGTH ids the second half is scored (binocle perplexity --against). Prints CSV: positions, mean KL divergence from f32 (nats)
with its standard error over positions, the share of positions whose likeliest token is f32's, perplexity, and its ratio to f32's."""
import json
import os
import subprocess
import sys
import tempfile


def told(binocle, command, *arguments, stdin=None):
    return json.loads(subprocess.run([binocle, command, *arguments], input=stdin, capture_output=True, text=True, check=True).stdout)


def main():
    binocle, text, windows, length, base = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5]
    print("model,bytes,positions,kl,kl_error,top1,perplexity,ratio", flush=True)
    for name, path in [("f32", base)] + [tuple(arg.split("=", 1)) for arg in sys.argv[6:]]:
        whole = told(binocle, "perplexity", path, text, "--context", str(length), "--skip", str(length // 2), "--windows", str(windows), "--against", base,
                     "--json", "--quiet")
        if whole["tokens"] < windows * (length // 2):
            sys.exit(f"{text}: has {whole['tokens']} ids to score, expected {windows} windows of {length // 2}")
        a = whole["against"]
        print(f"{name},{os.path.getsize(path)},{whole['tokens']},{a['kl']:.4f},{a['kl_error']:.4f},{a['top1']:.4f},{whole['perplexity']:.3f},"
              f"{a['perplexity_ratio']:.4f}", flush=True)


if __name__ == "__main__":
    main()
