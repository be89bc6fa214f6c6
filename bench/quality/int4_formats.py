#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What int4's formats cost at run time: CPU time of one thread per row of a prompt and per token, of models that differ in it alone, by turns.
usage: int4_formats.py BINOCLE ROUNDS NAME=MODEL.bnc... > bench/baselines/int4-formats-CPU.csv
Models: `binocle synth inf-llava-8b --text-weights int4 [--group 16]`, or a few layers of that geometry as calibration_cost.py makes them, compiled.
CSV: the least of all rounds, which other programs on the machine disturb least, without what a process takes to begin; and how many times as fast as
the first model each is: the median of the ratios within a round, the least and the greatest."""
import os
import statistics
import sys

from many_rows import cpu

FEW, PROMPT, GENERATED = 8, 1032, 64


def measured(binocle, path):
    """Seconds of a process that begins, that reads a prompt besides, and that generates besides."""
    return [cpu(binocle, "bench", path, "--prompt-tokens", str(prompt), "--gen-tokens", str(generated), "--repeat", "1", "--warm-up", "0")[0]
            for prompt, generated in ((FEW, 1), (PROMPT, 1), (FEW, GENERATED + 1))]


def main():
    binocle, rounds, models = sys.argv[1], int(sys.argv[2]), [argument.split("=", 1) for argument in sys.argv[3:]]
    seconds = {name: [] for name, _ in models}
    for turn in range(rounds + 1):
        for name, path in models:
            found = measured(binocle, path)
            if turn > 0:  # the first one maps the weights
                seconds[name].append(found)
    print("model,bytes,rounds,prefill_ms,prefill_gain,prefill_gain_least,prefill_gain_most,decode_ms,decode_gain,decode_gain_least,decode_gain_most")
    each = {}
    for name, rows in seconds.items():
        begin = min(row[0] for row in rows)
        each[name] = [(1e3 * (prompt - begin) / (PROMPT - FEW), 1e3 * (generated - begin) / GENERATED) for _, prompt, generated in rows]
    for name, path in models:
        row = [name, str(os.path.getsize(path)), str(rounds)]
        for what in (0, 1):
            gains = [first[what] / own[what] for first, own in zip(each[models[0][0]], each[name])]
            row += [f"{min(values[what] for values in each[name]):.3f}", *(f"{g:.3f}" for g in (statistics.median(gains), min(gains), max(gains)))]
        print(",".join(row))


if __name__ == "__main__":
    main()
