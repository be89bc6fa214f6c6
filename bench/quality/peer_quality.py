#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What llama.cpp's quantisations cost, on the text of quality.py: each against llama.cpp's own f32, by its own llama-perplexity.
usage: peer_quality.py FOLDER MODEL.gguf TEXT WINDOWS LENGTH CALIBRATION [THREADS]
llama.cpp is Debian's, unpacked under FOLDER (bench/peers/llama_cpp.py). MODEL.gguf of any type is taken as f32; each type is made with and
without an importance matrix of the text CALIBRATION. As in quality.py the second half of each window of LENGTH ids is scored. CSV:
model, bytes, bits per weight, KL and its standard error, share of equal likeliest tokens, perplexity over f32's."""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "peers"))
from llama_cpp import LlamaCpp  # noqa: E402

TYPES = ("Q8_0", "Q4_0", "IQ4_NL", "Q4_K_M")
NUMBER = r"\s*:?\s*(-?[\d.]+)"


def found(text, label, error=False):
    """What stands last behind the label; a table of each window comes before."""
    matches = re.findall(re.escape(label) + NUMBER + (r"\s*±\s*([\d.]+)" if error else ""), text)
    if not matches:
        sys.exit(f"llama-perplexity printed no {label}:\n{text[-2000:]}")
    return matches[-1]


def main():
    folder, source, text, windows, length, calibration = sys.argv[1:7]
    threads = sys.argv[7] if len(sys.argv) > 7 else "2"
    folder, source, text, calibration = map(os.path.abspath, (folder, source, text, calibration))
    os.makedirs(folder, exist_ok=True)
    llama = LlamaCpp(folder)
    base, logits, matrix = (os.path.join(folder, name) for name in ("f32.gguf", "f32.logits", "importance.gguf"))

    def once(result, program, *arguments):
        if not os.path.exists(result):
            llama.start(program, arguments)
            if not os.path.exists(result):
                sys.exit(f"{program} left no {result}")

    measure = ["-c", length, "--chunks", windows, "-t", threads]
    once(base, "llama-quantize", "--allow-requantize", source, base, "F32")
    once(logits, "llama-perplexity", "-m", base, "-f", text, *measure, "--kl-divergence-base", logits)
    once(matrix, "llama-imatrix", "-m", base, "-f", calibration, "-o", matrix, "-c", length, "-t", threads)
    weights = os.path.getsize(base) / 4
    print(f"# llama.cpp {llama.version}, {windows} windows of {length} ids")
    print("model,bytes,bits,kl,kl_error,top1,ratio", flush=True)
    for kind in TYPES:
        for importance in ([], ["--imatrix", matrix]):
            if importance and kind == "Q8_0":
                continue
            name = kind + ("_imatrix" if importance else "")
            path = os.path.join(folder, name + ".gguf")
            once(path, "llama-quantize", *importance, base, path, kind)
            told, _ = llama.start("llama-perplexity", ["-m", path, *measure, "--kl-divergence", "--kl-divergence-base", logits])
            kl, error = found(told, "Mean    KLD", True)
            print(f"{name},{os.path.getsize(path)},{os.path.getsize(path) * 8 / weights:.2f},{kl},{error},{float(found(told, 'Same top p')) / 100:.4f},"
                  f"{found(told, 'Mean PPL(Q)/PPL(base)')}", flush=True)


if __name__ == "__main__":
    main()
