# SPDX-License-Identifier: Apache-2.0
"""Races Binocle against OpenVINO, ONNX Runtime, ExecuTorch and llama.cpp (as llama-cpp-python builds it) on the same work, and writes CSV rows.

    wide.py [--rounds 5] [--minutes M] [--threads N] [--neighbours 2] [--engines openvino,onnxruntime,executorch,llama] [--python ENGINE=PATH]...
            [--work build/peers] [--build build/host] [-o FILE.csv] [--small] [--prepare | --prepared]

Rounds are interleaved; every engine is a process of its own that is stopped while others have their turn, or ended where that would not leave the
memory to hold the others' weights (then it loads them anew, which is not timed). With several settings an engine's fastest
races; the tries are rows. Behind the quiet rounds come busy ones, beside so many neighbours that compute without end. --minutes: rounds end where the
time is over. --prepare makes the models (once; 25 GB) and ends; --prepared takes what is there and leaves out engines that have no models yet.
--small: stand-ins that show that every step works; their numbers mean nothing. Engines without a whole model run 4 layers, taken 8 times, and the
head: such rows say "composed".
"""
import argparse
import csv
import json
import os
import signal
import subprocess
import sys
import time

import peer_models
from race import COLUMNS
from runner import Binocle, attempt, say, spread

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../busy"))
from busy import Neighbours  # noqa: E402

NAMES = {"openvino": "OpenVINO", "onnxruntime": "ONNX Runtime", "executorch": "ExecuTorch", "llama": "llama-cpp-python"}
OURS = "binocle"
TILES = ("tile int8", "tile f32", "tile bf16")
BUSY = ("tile int8", "prefill of 256 rows", "decode")  # what busy rounds measure
ANSWER = 64  # tokens
SETTLE = 3  # seconds before an engine's turn: a virtual machine hands back to its host what the one before freed, which slows all down
ROOM = 2.5  # of Binocle's largest model: its own, and as much again for an engine that loads
QUALITY = {"tile int8": "int8 weights per channel, activations dynamic", "tile f32": "f32", "tile bf16": "bf16 weights, activations f32",
           "g16": "4 bits, groups of 16 with 4-bit steps, head 8 bits", "g32": "4 bits, groups of 32, head 8 bits",
           "g16-head4": "4 bits, groups of 16 with 4-bit steps, head too"}
# Binocle's weights of text: in groups never larger than a peer's, with a head of 8 bits, as is the default, or of 4, as all peers' are.
FORMATS = {"g32": ("--group", "32"), "g16": ("--group", "16"), "g16-head4": ("--group", "16", "--head-weights", "int4")}
DEFAULT = "g32"


def available():
    """Bytes that programs can have without pushing out what the system needs."""
    with open("/proc/meminfo", encoding="ascii") as file:
        return 1024 * int(next(line for line in file if line.startswith("MemAvailable")).split()[1])


def has_bf16():
    with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
        flags = next((line for line in file if line.startswith(("flags", "Features"))), "").split()
    return bool({"avx512_bf16", "amx_bf16", "bf16"} & set(flags))


class Engine:
    """A worker process."""

    def __init__(self, name, python, folder, threads, small, prepared):
        self.name, self.process = NAMES[name], None
        self.command = [python, os.path.join(HERE, "worker.py"), name, folder, str(threads), *(["--small"] if small else [])]
        if not prepared:
            say(f"{self.name}: preparing")
            subprocess.run([*self.command, "--prepare"], stderr=subprocess.DEVNULL, check=True)
        with open(os.path.join(folder, f"about-{name}.json"), encoding="ascii") as file:
            self.about = json.load(file)
        self.chosen = {}

    def settings(self, what):
        return self.about["settings"].get(what, [])

    def seconds(self, what, setting, rows=0, past=0, least=0.5):
        if not self.process:
            self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        else:
            self.process.send_signal(signal.SIGCONT)
        asked = {"what": what, "setting": setting, "rows": rows, "past": past, "seconds": least}
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} ended at {asked}")
        self.process.send_signal(signal.SIGSTOP)
        return json.loads(line)["seconds"]

    def close(self):
        if self.process:
            self.process.send_signal(signal.SIGCONT)
            self.process.stdin.close()
            self.process.wait()
            self.process = None


class Wide:
    def __init__(self, options):
        self.options, self.samples, self.about = options, {}, {}
        self.binocle = Binocle(options.build, options.work)
        self.rows, self.past, self.layers = ((16, 16), 16, 1) if options.small else ((256, 626), 256, 8)
        tile, whole = ("pocket", "pocket") if options.small else ("llava-tile", "inf-llava-8b")
        self.models = {what: self.model(tile, what[5:]) for what in TILES if has_bf16() or "bf16" not in what}
        self.models |= {kind: self.model(whole, "int8", kind) for kind in FORMATS}
        self.picture = os.path.join(self.binocle.work, "models", "tile.png")
        peer_models.make(os.path.dirname(self.picture), ("tile.png",))
        warm = self.bench(DEFAULT, "--prompt-tokens", 1, "--gen-tokens", 1)
        self.threads, self.level = options.threads or warm["threads"], warm["cpu_level"]
        self.quality = QUALITY | ({"tile bf16": "bf16 weights and activations"} if self.level.endswith("bf16") else {})
        folder = os.path.join(self.binocle.work, "peers-small" if options.small else "peers")
        os.makedirs(folder, exist_ok=True)
        self.engines, self.versions, self.format = [], {}, DEFAULT
        for name in options.engines:
            attempt(NAMES[name], lambda n=name: self.add_engine(n, folder))

    def add_engine(self, name, folder):
        options = self.options
        self.engines.append(Engine(name, options.pythons.get(name, sys.executable), folder, self.threads, options.small, options.prepared))
        self.versions[self.engines[-1].name] = self.engines[-1].about["version"]

    def model(self, preset, vision, kind=DEFAULT):
        """The path of a model of Binocle's, made where it is not there; the usual kind has the name that other scripts know."""
        unusual = (*([vision] if vision != "int8" else []), *([kind] if kind != DEFAULT else []))
        path = os.path.join(self.binocle.work, "-".join((preset, *unusual)) + ".bnc")
        known = os.path.exists(path) and subprocess.run([self.binocle.program, "inspect", path], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0
        if not known:
            say(f"synthesising {path}")
            self.binocle("synth", preset, "-o", path, "--text-weights", "int4", *FORMATS[kind], "--vision-weights", vision, "--quiet")
        return path

    def bench(self, model, *arguments):
        return self.binocle.bench(self.models[model], getattr(self, "threads", 0), *arguments)

    def add(self, state, program, what, setting, value, unit, quality, how="measured"):
        key = state, program, what, setting, unit
        self.samples.setdefault(key, []).append(value)
        self.about[key] = quality, how
        say(f"{state}, {program}: {what} ({setting}): {value:.3g} {unit}")

    def text_seconds(self, engine, what, setting, rows, past, least):
        """Of the whole language model."""
        t = engine.seconds(what, setting, rows, past, least)
        if "head" not in engine.about["settings"]:
            return t, "measured: the whole model"
        return self.layers * t + engine.seconds("head", setting, 1, 0, least / 2), f"composed: {self.layers} x 4 layers, and the head"

    def choose(self):
        """Each engine's fastest setting of each work, ours too; bf16 only where the CPU computes in it."""
        self.choose_ours()
        for engine in list(self.engines):
            self.guarded(engine, lambda e=engine: self.choose_for(e))
            self.make_room(engine)

    def guarded(self, engine, work):
        if not attempt(engine.name, work):
            self.engines.remove(engine)
            if engine.process:
                engine.process.kill()
                engine.process.wait()

    def make_room(self, engine):
        """Ends an engine that would push the files that others map out of memory."""
        if available() < ROOM * os.path.getsize(self.models[DEFAULT]):
            engine.close()

    def choose_ours(self):
        """One format for all works on text, as a user has one file: the one that answers first, of a prompt and as many tokens as an answer has."""
        taken = dict.fromkeys(FORMATS, 0)
        for kind in FORMATS:
            for what, count, rows, tokens in (("prefill", self.rows[0], self.rows[0], 1), ("decode", ANSWER, self.past, 16)):
                rate = self.text_rate(kind, what, rows, tokens)
                taken[kind] += count / rate
                self.add("quiet", OURS, f"{what}, tried", kind, rate, "tokens/s", self.quality[kind])
        self.format = min(taken, key=taken.get)

    def choose_for(self, engine):
        for what in (*TILES, "prefill", "decode"):
            settings = [s for s in engine.settings(what) if "bf16" not in s or has_bf16()]
            tried = {}
            for setting in settings if len(settings) > 1 else []:
                rows, past = {"prefill": (self.rows[0], 0), "decode": (1, self.past)}.get(what, (0, 0))
                tried[setting] = engine.seconds(what, setting, rows, past, 0.3)
                self.add("quiet", engine.name, f"{what}, tried", setting, tried[setting], "s", engine.about["quality"].get(setting, engine.about["quality"].get(what, "")))
            engine.chosen[what] = min(tried, key=tried.get) if tried else settings[0] if settings else None

    def ours(self, state, works):
        self.settle()
        for what in TILES:
            if what in works and what in self.models:
                b = self.bench(what, "--image", self.picture, "--prompt-tokens", 1, "--gen-tokens", 1, "--warm-up", 2, "--repeat", 2)
                self.add(state, OURS, what, what[5:], b["vision_s"], "s", self.quality[what])
        for rows in dict.fromkeys(self.rows):
            self.add_text(state, works, f"prefill of {rows} rows", rows, 1)
        self.add_text(state, works, "decode", self.past, 16)

    def settle(self):
        if not self.options.small:
            time.sleep(SETTLE)

    def text_rate(self, kind, what, rows, tokens):
        """Tokens/s of a prompt of so many rows, or of so many tokens behind it."""
        return self.bench(kind, "--prompt-tokens", rows, "--gen-tokens", tokens, "--warm-up", 1)[f"{what}_tokens_per_s"]

    def add_text(self, state, works, what, rows, tokens):
        if what in works:
            self.add(state, OURS, what, self.format, self.text_rate(self.format, what.split()[0], rows, tokens), "tokens/s", self.quality[self.format])

    def theirs(self, engine, state, works):
        self.settle()
        quality = engine.about["quality"]
        for what in TILES:
            setting = engine.chosen[what]
            if setting and what in works:
                self.add(state, engine.name, what, setting, engine.seconds(what, setting), "s", quality.get(what, ""))
        for rows in dict.fromkeys(self.rows):
            setting, what = engine.chosen["prefill"], f"prefill of {rows} rows"
            if setting and what in works:
                seconds, how = self.text_seconds(engine, "prefill", setting, rows, 0, 0.1)
                self.add(state, engine.name, what, setting, rows / seconds, "tokens/s", quality[setting], how)
        setting = engine.chosen["decode"]
        if setting and "decode" in works:
            seconds, how = self.text_seconds(engine, "decode", setting, 1, self.past, 0.5)
            self.add(state, engine.name, "decode", setting, 1 / seconds, "tokens/s", quality[setting], how)

    def round(self, state, works):
        start = time.monotonic()
        self.ours(state, works)
        for engine in list(self.engines):
            self.guarded(engine, lambda e=engine: self.theirs(e, state, works))
            self.make_room(engine)
        return time.monotonic() - start

    def race(self, begun):
        budget = self.options.minutes * 60 if self.options.minutes else float("inf")
        self.choose()
        works = (*TILES, *(f"prefill of {n} rows" for n in self.rows), "decode")
        longest, neighbours = 0, self.options.neighbours
        for _ in range(self.options.rounds):
            if longest and time.monotonic() - begun + longest > (0.7 if neighbours else 1) * budget:
                break
            longest = max(longest, self.round("quiet", works))
        if not neighbours:
            return
        longest *= 1.5
        with Neighbours(os.path.join(self.binocle.build, "bench/bench_busy"), neighbours):
            for number in range(self.options.rounds):
                if number and time.monotonic() - begun + longest > budget:
                    break
                longest = self.round(f"beside {neighbours} neighbours", (BUSY[0], f"prefill of {self.rows[0]} rows", BUSY[2]))

    def derive(self):
        """Their seconds over ours, our rates over theirs, round by round."""
        for (state, program, what, setting, unit), values in list(self.samples.items()):
            own = next((v for (s, p, w, _, _), v in self.samples.items() if (s, p, w) == (state, OURS, what)), None)
            if program == OURS or "tried" in what or not own:
                continue
            pairs = list(zip(values, own))
            key = state, "ratio", what, f"{program}, {setting}", "x"
            self.samples[key] = [t / o if unit == "s" else o / t for t, o in pairs]
            self.about[key] = "", "derived per round"

    def write(self, file):
        out = csv.writer(file, lineterminator="\n")
        out.writerow((*COLUMNS, "state", "quality"))
        versions = {OURS: self.binocle.version, **self.versions}
        for key, values in self.samples.items():
            state, program, what, setting, unit = key
            quality, how = self.about[key]
            out.writerow([self.binocle.cpu, self.level, self.threads, program, versions.get(program, ""), what, setting, *spread(values), unit, len(values), how, state, quality])


def main():
    begun = time.monotonic()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("wide: ended"))  # stopped workers would stay, with the memory of their models
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--minutes", type=float, default=0)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--neighbours", type=int, default=2)
    parser.add_argument("--engines", default="openvino,onnxruntime,executorch,llama")
    parser.add_argument("--python", action="append", default=[])
    parser.add_argument("--work")
    parser.add_argument("--build")
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--prepare", action="store_true")
    parser.add_argument("--prepared", action="store_true")
    parser.add_argument("-o", dest="output", default="/dev/stdout")
    options = parser.parse_args()
    options.engines = [e for e in options.engines.split(",") if e]
    options.pythons = dict(entry.split("=", 1) for entry in options.python)
    unknown = [e for e in options.engines if e not in NAMES]
    if unknown:
        sys.exit(f"wide: --engines has '{unknown[0]}', expected of {', '.join(NAMES)}")
    wide = Wide(options)
    if options.prepare:
        return
    try:
        wide.race(begun)
        wide.derive()
        with open(options.output, "w", encoding="ascii", newline="") as file:
            wide.write(file)
    finally:
        for engine in wide.engines:
            engine.close()


if __name__ == "__main__":
    try:
        main()
    except (subprocess.CalledProcessError, RuntimeError) as e:
        sys.exit(f"wide: {e}")
