# SPDX-License-Identifier: Apache-2.0
"""How much of the int8 peak prompts of int4 models reach, end to end: their multiply-accumulates of layers by the clock, beside what the same
threads multiply in registers (bench_limits) right before and behind.

    prefill_share.py [--rounds 5] [--rows 256,626] [--build build/host] [-o FILE.csv] NAME=MODEL.bnc...

Products of attention are left out of what is counted, and the last layer but for keys and values, which one row alone needs: the share is of the
whole time all the same.
"""
import argparse
import csv
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from runner import Binocle, run, say, spread  # noqa: E402

COLUMNS = ("cpu", "level", "threads", "model", "rows", "what", "min", "median", "max", "unit", "runs")


def row_macs(model):
    """Multiply-accumulates of one row of a long prompt."""
    hidden, ffn, wide, narrow = model["hidden"], model["ffn"], model["heads"] * model["head_dim"], model["kv_heads"] * model["head_dim"]
    keys_and_values = 2 * hidden * narrow
    return (model["layers"] - 1) * (2 * hidden * wide + keys_and_values + 3 * hidden * ffn) + keys_and_values


def peak(binocle, threads):
    """GOP/s of exact int8 products: two operations each."""
    text, _ = run([os.path.join(binocle.build, "bench/bench_limits"), "--threads", str(threads)])
    return next(float(row["median"]) for row in csv.DictReader(text.splitlines()) if row["what"] == "int8")


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", default="256,626")
    parser.add_argument("--build")
    parser.add_argument("-o", dest="output", default="/dev/stdout")
    parser.add_argument("models", nargs="+")
    options = parser.parse_args()
    binocle, samples = Binocle(options.build, None), {}
    models = dict(entry.split("=", 1) for entry in options.models)
    macs = {name: row_macs(binocle.json("inspect", path)["model"]) for name, path in models.items()}
    about = binocle.bench(next(iter(models.values())), 0, "--prompt-tokens", 1, "--gen-tokens", 1)
    threads = about["threads"]
    for _ in range(options.rounds):
        for name, path in models.items():
            for rows in map(int, options.rows.split(",")):
                before = peak(binocle, threads)
                rate = binocle.bench(path, threads, "--prompt-tokens", rows, "--gen-tokens", 1, "--warm-up", 1)["prefill_tokens_per_s"]
                top, speed = (before + peak(binocle, threads)) / 2, 2e-9 * rate * macs[name]
                for what, value in (("prompt, tokens/s", rate), ("layers, GOP/s", speed), ("int8 peak, GOP/s", top), ("share, %", 100 * speed / top)):
                    samples.setdefault((name, rows, what), []).append(value)
                say(f"{name}, {rows} rows: {rate:.1f} tokens/s, {100 * speed / top:.1f} % of {top:.0f} GOP/s")
    with open(options.output, "w", encoding="ascii", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(COLUMNS)
        for (name, rows, what), values in samples.items():
            what, unit = what.split(", ")
            out.writerow([binocle.cpu, about["cpu_level"], threads, name, rows, what, *spread(values), unit, len(values)])


if __name__ == "__main__":
    main()
