# SPDX-License-Identifier: Apache-2.0
"""How far `binocle devices` is off: its estimate beside what `binocle bench` takes, on this machine.

    estimate_error.py [--program build/host/bin/binocle] [--rounds 3] [-o FILE.csv] MODEL.bnc...

One thread. Both sides are CPU time, so that other programs on the machine do not count: a part of a run is the CPU time of a whole process less that of one
without the part. Models are those of `binocle synth`; rounds are interleaved, and the median is told.
"""
import argparse
import csv
import json
import os
import resource
import statistics
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PICTURE = os.path.join(ROOT, "tests", "data", "photos", "coffee.jpg")
ROWS, TOKENS = 256, 24


def cpu_seconds(program, *arguments):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([program, *arguments, "--threads", "1", "--quiet", "--json"], capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(done.stderr)
    return after.ru_utime - before.ru_utime, json.loads(done.stdout)


def bench(program, model, rows, tokens, *more):
    return cpu_seconds(program, "bench", model, "--repeat", "1", "--warm-up", "0", "--prompt-tokens", str(rows), "--gen-tokens", str(tokens), *more)[0]


def measured(program, model):
    """Seconds of a picture, of ROWS rows of a prompt, of a token."""
    least = bench(program, model, 1, 1)
    return (bench(program, model, 1, 1, "--image", PICTURE), bench(program, model, ROWS, 1) - least, (bench(program, model, 1, 1 + TOKENS) - least) / TOKENS, least)


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--program", default=os.path.join(ROOT, "build", "host", "bin", "binocle"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("-o", dest="output", default="/dev/stdout")
    options = parser.parse_args()
    rows = []
    for model in options.models:
        rounds = []
        for _ in range(options.rounds):
            machine = cpu_seconds(options.program, "devices", model)[1]
            picture, prompt, token, least = measured(options.program, model)
            fit = machine["fit"][0]
            rounds.append({"picture": (fit["picture_s"], picture - least - fit["image_rows"] * prompt / ROWS),
                           f"prompt of {ROWS} rows": (fit["prompt_s"] * ROWS / fit["prompt_rows"], prompt), "token": (1 / fit["tokens_per_s"], token)})
            if prompt < 0.1:  # a model of vision alone
                rounds[-1] = {"picture": rounds[-1]["picture"]}
            print(model, rounds[-1], {k: machine["rates"][k] for k in ("int8_gops", "bf16_gops", "f32_gflops", "memory_gbytes_per_s")}, file=sys.stderr)
        for what in rounds[0]:
            estimate, truth = (statistics.median(r[what][i] for r in rounds) for i in (0, 1))
            error = statistics.median(r[what][0] / r[what][1] - 1 for r in rounds)
            rows.append((machine["cpu"]["brand"] + " (" + machine["cpu"]["uarch"] + ")", machine["cpu"]["level"], os.path.basename(model)[:-4], what,
                         f"{estimate:.4g}", f"{truth:.4g}", f"{100 * error:+.0f}", options.rounds))
    with open(options.output, "w", encoding="ascii", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(("cpu", "level", "model", "what", "estimated_s", "measured_s", "error_percent", "rounds"))
        out.writerows(rows)


if __name__ == "__main__":
    main()
