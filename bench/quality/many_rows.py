#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How much sooner a text is scored when all rows of a chunk go through the model together: CPU time of one thread per token, `binocle perplexity`
beside tokens that are decoded one by one, in turns.
usage: many_rows.py BINOCLE TEXT ROUNDS NAME=MODEL.bnc...
CSV: the least of all rounds, which other programs on the machine disturb least; and what the head and layers alone take in a chunk (prefill of
`bench`, whose one output counts nothing), per token."""
import json
import os
import resource
import subprocess
import sys

GENERATED, PROMPT = 160, 512


def cpu(binocle, *arguments):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    out = subprocess.run([binocle, *arguments, "--threads", "1", "--json", "--quiet"], check=True, stdout=subprocess.PIPE).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime, json.loads(out)


def main():
    binocle, text, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
    print("model,bytes,together_ms,prefill_ms,one_by_one_ms,ratio")
    for name, path in (argument.split("=", 1) for argument in sys.argv[4:]):
        together, prefill, single = [], [], []
        for _ in range(rounds):
            seconds, found = cpu(binocle, "perplexity", path, text, "--context", str(PROMPT))
            start, _ = cpu(binocle, "bench", path, "--prompt-tokens", "8", "--gen-tokens", "1", "--repeat", "1", "--warm-up", "0")
            together.append((seconds - start) / found["tokens"])
            few, _ = cpu(binocle, "bench", path, "--prompt-tokens", "8", "--gen-tokens", str(GENERATED + 1), "--repeat", "1", "--warm-up", "0")
            single.append((few - start) / GENERATED)
            more, _ = cpu(binocle, "bench", path, "--prompt-tokens", str(PROMPT), "--gen-tokens", "1", "--repeat", "4", "--warm-up", "0")
            prefill.append((more - start) / (4 * PROMPT))
        a, b, c = (1e3 * min(values) for values in (together, prefill, single))
        print(f"{name},{os.path.getsize(path)},{a:.3f},{b:.3f},{c:.3f},{c / a:.1f}", flush=True)


if __name__ == "__main__":
    main()
