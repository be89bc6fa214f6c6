# SPDX-License-Identifier: Apache-2.0
"""Races Binocle against llama.cpp on the same work, in interleaved rounds, and writes CSV rows.

    race.py [--rounds 5] [--threads N] [--work build/peers] [--build build/host] [-o FILE.csv] [--quick | --prepare]

Everything that is missing is made first, untimed: llama.cpp from Debian's packages, random-weight GGUF files, Binocle's models and their caches
(in all 17 GB under --work). Then, R rounds of: one ViT-L/14-336 tile, a prompt of 256 rows, 32 tokens, and for Binocle a picture with 50 tokens.
llama.cpp's best settings are chosen beforehand, each tried once; the tries are rows too. What is derived from measured rows says from which.
--quick: 1 round of small stand-ins, to see that every step works; its numbers mean nothing. --prepare: stop before the first round.
"""
import argparse
import csv
import os
import subprocess
import sys

import peer_models
from llama_cpp import LlamaCpp
from runner import Binocle, say, spread

COLUMNS = ("cpu", "level", "threads", "program", "version", "what", "setting", "min", "median", "max", "unit", "runs", "how")
TILES = 19          # what the reference runs per picture, and what a runtime without liveness has to
IMAGE_ROWS = 576
PROMPT = 50         # tokens of the prompt behind a picture
LAYER_WEIGHTS = 32 * (2 * 4096 * 4096 + 2 * 4096 * 1024 + 3 * 4096 * 14336)
HEAD_WEIGHTS = 4096 * 128256
Q4 = 4.5 / 8        # bytes of a weight: a nibble, and a 16-bit scale for each 32
TEXT = " ".join(["what is on the sign"] * 5)
LLAMA, BINOCLE = "llama.cpp", "binocle"


class Race:
    def __init__(self, options):
        self.options, self.samples, self.how = options, {}, {}
        self.around = {BINOCLE: [], LLAMA: []}  # each round's read bandwidth about a program's decoding: the mean of before and behind
        self.rows, self.long = 256, IMAGE_ROWS + PROMPT
        # Binocle's two models and llama.cpp's language model.
        self.full, self.tile, self.text = (("pocket", "pocket", "llama-1-layer.gguf") if options.quick else
                                           ("inf-llava-8b", "llava-tile", "llama-3-8b-q4_0.gguf"))
        self.binocle = Binocle(options.build, options.work)

    def add(self, program, what, setting, value, unit, how="measured"):
        self.samples.setdefault((program, what, setting, unit), []).append(value)
        self.how[program, what, setting, unit] = how
        say(f"{program}: {what} ({setting}): {value:.3g} {unit}")

    def prepare(self):
        work = self.binocle.work
        self.llama = LlamaCpp(work)
        peer_models.make(os.path.join(work, "models"))
        self.path = {n: os.path.join(work, "models", n) for n in os.listdir(os.path.join(work, "models"))}
        for preset in (self.full, self.tile):
            self.path[preset], warm = self.binocle.model(preset)
        self.threads, self.level = self.options.threads or warm["threads"], warm["cpu_level"]

    def bench(self, model, *arguments):
        return self.binocle.bench(self.path[model], self.threads, *arguments)

    def choose(self):
        """llama.cpp's fastest weights and attention for the tower, and backend for prompts."""
        self.kind, self.flash, self.backend = "q8_0", "on", "cpu"
        if self.options.quick:
            return
        tries = {}
        for kind, flash in (("f16", "on"), ("q8_0", "on"), ("q8_0", "off"), ("q4_0", "on")):
            tries[kind, flash] = self.encode(kind, flash)[0]
            self.add(LLAMA, "tile, tried", f"{kind}, flash attention {flash}", tries[kind, flash], "s")
        self.kind, self.flash = min(tries, key=tries.get)
        rates = {}
        for backend in ("cpu", "blas"):
            rates[backend] = self.llama.bench(self.path[self.text], self.threads, [128], [], backend)["pp128"]
            self.add(LLAMA, "prefill of 128 rows, tried", f"backend {backend}", rates[backend], "tokens/s")
        self.backend = max(rates, key=rates.get)

    def encode(self, kind, flash, text="llama-1-layer.gguf"):
        return self.llama.encode(self.path[text], self.path[f"vit-l-{kind}.gguf"], self.path["tile.png"], TEXT, self.threads, flash)

    def round(self, number):
        tower, text = f"{self.kind}, flash attention {self.flash}", f"q4_0, backend {self.backend}"
        rows, tokens = self.rows, 4 if self.options.quick else 32
        say(f"round {number + 1} of {self.options.rounds}")
        self.add(BINOCLE, "tile", "int8", self.bench(self.tile, "--image", self.path["tile.png"], "--prompt-tokens", 1, "--gen-tokens", 1, "--warm-up", 1)["vision_s"], "s")
        self.add(LLAMA, "tile", tower, self.encode(self.kind, self.flash)[0], "s")
        bandwidth = [self.bandwidth()]
        b = self.bench(self.full, "--prompt-tokens", rows, "--gen-tokens", tokens, "--warm-up", 1)
        self.add(BINOCLE, f"prefill of {rows} rows", "int4", b["prefill_tokens_per_s"], "tokens/s")
        self.add(BINOCLE, "decode", "int4", b["decode_tokens_per_s"], "tokens/s")
        bandwidth.append(self.bandwidth())
        # The long prompt takes llama.cpp a minute and more: once.
        long = [self.long] if number == 0 else []
        prompts = [rows, *long]
        rates = self.llama.bench(self.path[self.text], self.threads, prompts, [tokens] if self.backend == "cpu" else [], self.backend)
        if self.backend != "cpu":  # single tokens stay with the CPU's own kernels and repacked weights
            rates |= self.llama.bench(self.path[self.text], self.threads, [], [tokens])
        self.add(LLAMA, f"prefill of {rows} rows", text, rates[f"pp{rows}"], "tokens/s")
        for n in long:
            self.add(LLAMA, f"prefill of {n} rows", text, rates[f"pp{n}"], "tokens/s")
        self.add(LLAMA, "decode", "q4_0, backend cpu", rates[f"tg{tokens}"], "tokens/s")
        bandwidth.append(self.bandwidth())
        for program, before, behind in ((BINOCLE, *bandwidth[:2]), (LLAMA, *bandwidth[1:])):
            self.around[program].append((before + behind) / 2)
        b = self.bench(self.full, "--image", self.path["scene.png"], "--prompt-tokens", PROMPT, "--gen-tokens", 2)
        self.add(BINOCLE, "picture", "int8, 10 tiles and DEM", b["vision_s"], "s")
        self.add(BINOCLE, f"prefill of {self.long} rows", "int4", b["prefill_tokens_per_s"], "tokens/s")
        self.add(BINOCLE, "time to first token", "picture and 50 tokens", b["time_to_first_token_s"], "s")
        self.add(BINOCLE, "peak memory", "picture and 50 tokens", b["peak_rss_bytes"] * 1e-9, "GB")
        self.add(BINOCLE, "load", "packed weights in the cache", b["load_s"], "s")

    def bandwidth(self):
        value = self.binocle.bandwidth(self.threads)
        self.add("machine", "read bandwidth", "memory", value, "GB/s", "measured: the best of 5 about each decoding")
        return value

    def whole(self):
        """The language model and the tower in one llama.cpp process, as a user has them: what memory that takes."""
        self.add(LLAMA, "peak memory", "one tile and the prompt", self.encode(self.kind, self.flash, self.text)[1] * 1e-9, "GB")

    def get(self, program, what):
        found = [v for (p, w, _, _), v in self.samples.items() if (p, w) == (program, what)]
        return found[0] if found else None

    def ratio(self, what, over, under, setting):
        """Per round, so that a slow moment of the machine meets both."""
        if over and under:
            n = min(len(over), len(under))
            self.samples["ratio", what, setting, "x"] = [a / b for a, b in zip(over[:n], under[:n])]
            self.how["ratio", what, setting, "x"] = "derived per round"

    def derive(self):
        tile, ours = self.get(LLAMA, "tile"), self.get(BINOCLE, "tile")
        self.ratio("tile", tile, ours, "llama.cpp's seconds over Binocle's")
        self.ratio("picture", [TILES * t for t in tile], self.get(BINOCLE, "picture"), f"{TILES} x llama.cpp's measured tile over Binocle's picture")
        for what in (f"prefill of {self.rows} rows", f"prefill of {self.long} rows", "decode"):
            self.ratio(what, self.get(BINOCLE, what), self.get(LLAMA, what), "tokens/s over tokens/s")
        for program, each in ((BINOCLE, LAYER_WEIGHTS * Q4 + HEAD_WEIGHTS), (LLAMA, (LAYER_WEIGHTS + HEAD_WEIGHTS) * Q4)):
            key = (program, "decode of the read bandwidth", f"{each * 1e-9:.2f} GB of weights per token", "%")
            self.samples[key] = [100 * d * each * 1e-9 / b for d, b in zip(self.get(program, "decode"), self.around[program])]
            self.how[key] = "derived per round: tokens/s x bytes of weights over the mean bandwidth before and behind"
        long = self.get(LLAMA, f"prefill of {self.long} rows")
        key = (LLAMA, "time to first token", f"{TILES} tiles and 50 tokens", "s")
        self.samples[key] = [TILES * t + self.long / long[0] for t in tile]
        self.how[key] = f"composed: {TILES} x its tile of each round + {self.long} rows at its measured prefill"
        self.ratio("time to first token", self.samples[key], self.get(BINOCLE, "time to first token"), "llama.cpp's composed seconds over Binocle's")
        self.ratio("peak memory", self.get(LLAMA, "peak memory"), self.get(BINOCLE, "peak memory"), "llama.cpp's over Binocle's")

    def write(self, file):
        out = csv.writer(file, lineterminator="\n")
        out.writerow(COLUMNS)
        versions = {LLAMA: self.llama.version, BINOCLE: self.binocle.version}
        for key, values in self.samples.items():
            program, what, setting, unit = key
            out.writerow([self.binocle.cpu, self.level, self.threads, program, versions.get(program, ""), what, setting, *spread(values), unit, len(values),
                          self.how[key]])


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--work")
    parser.add_argument("--build")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--prepare", action="store_true")
    parser.add_argument("-o", dest="output")
    options = parser.parse_args()
    options.rounds = 1 if options.quick else options.rounds
    race = Race(options)
    race.prepare()
    if options.prepare:
        return
    race.choose()
    for number in range(options.rounds):
        race.round(number)
    race.whole()
    race.derive()
    if options.output:
        with open(options.output, "w", encoding="ascii", newline="") as file:
            race.write(file)
    else:
        race.write(sys.stdout)


if __name__ == "__main__":
    try:
        main()
    except (subprocess.CalledProcessError, RuntimeError) as e:
        sys.exit(f"race: {e}")
