#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a limit on memory costs: tokens per second and peak resident memory of one model under ever smaller limits, in rounds.

    memory.py MODEL -o FILE.csv [--limits 900M,700M,500M] [--threads 2] [--rounds 3]

The model's file stays in the system's caches, so this is the price of streaming itself; what a slow disk adds is bytes over its rate.
"""
import argparse
import csv
import json
import os
import statistics
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = os.path.join(ROOT, "build", "host", "bin", "binocle")


def bench(model, threads, limit):
    command = [PROGRAM, "bench", model, "--json", "--quiet", "--threads", str(threads), "--repeat", "1", "--warm-up", "0", "--prompt-tokens", "16", "--gen-tokens", "16"]
    if limit != "none":
        command += ["--memory-limit", limit]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("-o", dest="output", required=True)
    parser.add_argument("--limits", default="900M,700M,500M,400M")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    limits = ["none", *given.limits.split(",")]
    told = {limit: [] for limit in limits}
    for _ in range(given.rounds):
        for limit in limits:
            told[limit].append(bench(given.model, given.threads, limit))
    with open(given.output, "w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["model", "threads", "limit", "decode_tokens_per_s", "of_unlimited", "peak_rss_mb", "kv_mb"])
        for limit in limits:
            rate = statistics.median(run["decode_tokens_per_s"] for run in told[limit])
            ratio = statistics.median(run["decode_tokens_per_s"] / free["decode_tokens_per_s"] for run, free in zip(told[limit], told["none"]))
            peak = max(run["peak_rss_bytes"] for run in told[limit]) * 1e-6
            rows.writerow([os.path.basename(given.model), given.threads, limit, f"{rate:.3g}", f"{ratio:.2f}", f"{peak:.0f}",
                           f"{told[limit][0]['kv_bytes'] * 1e-6:.1f}"])


if __name__ == "__main__":
    main()
