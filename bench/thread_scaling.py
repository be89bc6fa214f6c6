# SPDX-License-Identifier: Apache-2.0
"""How Binocle scales from one thread to two, measured in interleaved rounds, and an estimate for four.

    thread_scaling.py [--rounds 5] [--work build/peers] [--build build/host] [-o FILE.csv] [--quick]

Vision (one ViT-L/14-336 tile), a prompt of 128 rows and 16 tokens of inf-llava-8b; and what one and two threads read from memory, which bounds the
tokens. The estimate is Amdahl's law with the serial share that the measured step from one to two gives: optimistic where memory is the limit.
--quick: small models, one round, to see that it works.
"""
import argparse
import csv
import os
import statistics
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "peers"))
import peer_models  # noqa: E402
from runner import Binocle, say, spread  # noqa: E402

COLUMNS = ("cpu", "level", "what", "quantity", "min", "median", "max", "unit", "runs", "how")


def at_four(gain):
    """Amdahl: a gain g from one to two threads leaves a serial share of 2/g - 1."""
    serial = min(max(2 / gain - 1, 0), 1)
    return 1 / (serial + (1 - serial) / 4)


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--work")
    parser.add_argument("--build")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("-o", dest="output", default="/dev/stdout")
    options = parser.parse_args()
    binocle = Binocle(options.build, options.work)
    models = os.path.join(binocle.work, "models")
    peer_models.make(models, ("tile.png",))
    tile, _ = binocle.model("pocket" if options.quick else "llava-tile")
    text, warm = binocle.model("pocket" if options.quick else "inf-llava-8b")
    samples = {}
    for number in range(1 if options.quick else options.rounds):
        say(f"round {number + 1}")
        for threads in (1, 2):
            v = binocle.bench(tile, threads, "--image", os.path.join(models, "tile.png"), "--gen-tokens", 1)
            t = binocle.bench(text, threads, "--prompt-tokens", 128, "--gen-tokens", 16)
            for what, rate in (("vision", 1 / v["vision_s"]), ("prefill", t["prefill_tokens_per_s"]), ("decode", t["decode_tokens_per_s"]),
                               ("read bandwidth", binocle.bandwidth(threads))):
                samples.setdefault(what, {}).setdefault(threads, []).append(rate)
    units = {"vision": "tiles/s", "prefill": "tokens/s", "decode": "tokens/s", "read bandwidth": "GB/s"}
    with open(options.output, "w", encoding="ascii", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(COLUMNS)
        for what, by_threads in samples.items():
            about = (binocle.cpu, warm["cpu_level"], what)
            for threads, rates in by_threads.items():
                out.writerow((*about, f"{threads} threads", *spread(rates), units[what], len(rates), "measured"))
            gains = [two / one for one, two in zip(by_threads[1], by_threads[2])]
            out.writerow((*about, "1 to 2", *spread(gains), "x", len(gains), "measured, per round"))
            if what != "read bandwidth":
                out.writerow((*about, "1 to 4", "", f"{at_four(statistics.median(gains)):.3g}", "", "x", len(gains), "estimate: Amdahl from the median of 1 to 2"))


if __name__ == "__main__":
    main()
