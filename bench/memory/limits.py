#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whether any limit on memory crashes a run: from far too little to ample, in steps, by the system's limits and by --memory-limit.

    limits.py MODEL... -o FILE.csv [--step 1.03] [--threads 1,2]

A run looks at a picture, reads a prompt and makes tokens (`binocle bench`). It must answer, or end with exit code 1 and one line; what the loader cannot even
start is counted apart. Anything else is printed, and ends the script with 1. Counts do not depend on how busy the machine is.
"""
import argparse
import csv
import os
import re
import resource
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = os.environ.get("BINOCLE_PROGRAM", os.path.join(ROOT, "build", "host", "bin", "binocle"))
PICTURE = os.path.join(ROOT, "tests", "data", "pocket", "0000.webp")
SYSTEM = {"address space": resource.RLIMIT_AS, "data": resource.RLIMIT_DATA}
KINDS = (*SYSTEM, "--memory-limit")
OUTCOMES = ("answered", "refused", "not started", "otherwise")


def run(model, kind, size, threads):
    """One of OUTCOMES, and what it said where it is the last."""
    def limit():
        resource.setrlimit(SYSTEM[kind], (size, size))
    command = [PROGRAM, "bench", model, "--image", PICTURE, "--repeat", "1", "--warm-up", "0", "--prompt-tokens", "8", "--gen-tokens", "2", "--threads", str(threads), "--quiet", "--json"]
    if kind not in SYSTEM:
        command += ["--memory-limit", str(size)]
    done = subprocess.run(command, capture_output=True, preexec_fn=limit if kind in SYSTEM else None, timeout=300, check=False)
    said = done.stderr.decode("utf-8", "replace")
    if done.returncode == 0 and done.stdout.startswith(b"{"):
        return "answered", ""
    if done.returncode == 1 and not done.stdout and re.fullmatch(r"binocle: [^\n]+\n", said):
        return "refused", ""
    if kind in SYSTEM and not done.stdout and (done.returncode == 127 or done.returncode < 0 and "binocle:" not in said):
        return "not started", ""
    return "otherwise", f"exit code {done.returncode}: {said!r}"


def sweep(model, kind, threads, step, least, most):
    """Counts by outcome; the least size in bytes from which all answer; what went otherwise."""
    counts, enough, wrong, size = dict.fromkeys(OUTCOMES, 0), None, [], least
    while size <= most:
        outcome, said = run(model, kind, int(size), threads)
        counts[outcome] += 1
        enough = (enough or int(size)) if outcome == "answered" else None
        # A process that the loader did not get to the program is no crash of it; one above a size at which the program spoke would be.
        if outcome == "otherwise" or outcome == "not started" and (counts["answered"] or counts["refused"]):
            wrong.append(f"{os.path.basename(model)}, {kind} {int(size)} bytes, {threads} threads: {outcome} {said}")
        size *= step
    return counts, enough, wrong


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("models", nargs="+")
    parser.add_argument("-o", dest="output", required=True)
    parser.add_argument("--step", type=float, default=1.03)
    parser.add_argument("--threads", default="1,2")
    given = parser.parse_args()
    rows, wrong = [], []
    for model in given.models:
        most = 4 * os.path.getsize(model) + (400 << 20)
        for kind in KINDS:
            for threads in map(int, given.threads.split(",")):
                counts, enough, bad = sweep(model, kind, threads, given.step, 1 << 18, most)
                wrong += bad
                rows.append((os.path.basename(model), kind, threads, f"{given.step:g}", sum(counts.values()), *counts.values(), f"{(enough or 0) * 1e-6:.1f}"))
                print(*rows[-1], file=sys.stderr)
    with open(given.output, "w", newline="", encoding="utf-8") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(("model", "limit", "threads", "step", "runs", *(o.replace(" ", "_") for o in OUTCOMES), "answers_from_mb"))
        out.writerows(rows)
    print(*wrong, sep="\n", end="\n" if wrong else "")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
