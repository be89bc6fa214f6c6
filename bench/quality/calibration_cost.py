#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What `compile --text-weights int4 --calibration` takes in a full-size geometry: seconds beside what it foretells before it begins, and peak memory.
usage: calibration_cost.py BINOCLE FOLDER [--geometry llama-8b] [--layers 1] [--rows 8192] [--threads 2] > bench/baselines/calibration_cost.csv
A checkpoint of so many layers of that geometry is made in FOLDER: random bf16 weights, the pocket model's tokenizer and as small an embedding, since
neither costs anything here. All layers cost the same, so that a whole model takes its layers' share more; it is told as hours, by the clock and of CPU time. Memory is that of one
layer's activations and matrices, however many layers there are, and of what of the checkpoint's mapped file stays in memory. CSV; the load of the
machine is that of the last minute."""
import argparse
import json
import os
import re
import resource
import shutil
import struct
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TOKENIZER = os.path.join(ROOT, "quant", "pocket", "checkpoint", "tokenizer.json")
VOCABULARY = 641
# hidden, FFN, heads, heads of keys and values, layers
GEOMETRIES = {"llama-8b": (4096, 14336, 32, 8, 32), "llama-3b": (3072, 8192, 24, 8, 28), "llama-1b": (2048, 8192, 32, 8, 16)}
SIGNS = bytes(0x3C | i & 0x80 for i in range(256))  # the upper byte of a bf16 between 2^-7 and 2^-5
CHUNK = 1 << 24


def tensors(geometry, layers):
    hidden, ffn, heads, kv, _ = geometry
    keys = hidden // heads * kv
    yield "model.embed_tokens.weight", (VOCABULARY, hidden)
    yield "model.norm.weight", (hidden,)
    for i in range(layers):
        for name, shape in (("input_layernorm", (hidden,)), ("post_attention_layernorm", (hidden,)), ("self_attn.q_proj", (hidden, hidden)),
                            ("self_attn.k_proj", (keys, hidden)), ("self_attn.v_proj", (keys, hidden)), ("self_attn.o_proj", (hidden, hidden)),
                            ("mlp.gate_proj", (ffn, hidden)), ("mlp.up_proj", (ffn, hidden)), ("mlp.down_proj", (hidden, ffn))):
            yield f"model.layers.{i}.{name}.weight", shape


def elements(shape):
    return shape[0] * (shape[1] if len(shape) > 1 else 1)


def values(count):
    out = bytearray(2 * count)
    out[0::2], out[1::2] = os.urandom(count), os.urandom(count).translate(SIGNS)
    return out


def make_checkpoint(folder, geometry, layers):
    hidden, ffn, heads, kv, _ = geometry
    os.makedirs(folder)
    shutil.copy(TOKENIZER, folder)
    with open(os.path.join(folder, "config.json"), "w", encoding="utf-8") as f:
        json.dump({"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": hidden, "intermediate_size": ffn, "num_attention_heads": heads,
                   "num_key_value_heads": kv, "num_hidden_layers": layers, "vocab_size": VOCABULARY, "max_position_embeddings": 4096, "rms_norm_eps": 1e-5,
                   "rope_theta": 500000.0, "tie_word_embeddings": True, "hidden_act": "silu", "torch_dtype": "bfloat16"}, f)
    header, at = {}, 0
    for name, shape in tensors(geometry, layers):
        header[name] = {"dtype": "BF16", "shape": list(shape), "data_offsets": [at, at + 2 * elements(shape)]}
        at += 2 * elements(shape)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(os.path.join(folder, "model.safetensors"), "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        for _, shape in tensors(geometry, layers):
            for begin in range(0, elements(shape), CHUNK):
                f.write(values(min(CHUNK, elements(shape) - begin)))


def main():
    p = argparse.ArgumentParser()
    p.add_argument("binocle")
    p.add_argument("folder")
    p.add_argument("--geometry", choices=sorted(GEOMETRIES), default="llama-8b")
    p.add_argument("--layers", type=int, default=1)
    p.add_argument("--rows", type=int, default=8192)
    p.add_argument("--threads", type=int, default=2)
    o = p.parse_args()
    geometry, checkpoint = GEOMETRIES[o.geometry], os.path.join(o.folder, f"{o.geometry}-{o.layers}")
    if not os.path.exists(checkpoint):
        shutil.rmtree(checkpoint + ".part", ignore_errors=True)
        make_checkpoint(checkpoint + ".part", geometry, o.layers)
        os.rename(checkpoint + ".part", checkpoint)
    text = os.path.join(o.folder, "text.txt")
    with open(text, "w", encoding="utf-8") as f:  # no two digits are one id; windows have 256 rows
        f.write("".join(str(i * i % 10) for i in range(o.rows)))
    out, before, begin = os.path.join(o.folder, "made.bnc"), resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    shutil.rmtree(out + ".calibration", ignore_errors=True)
    told = subprocess.run([o.binocle, "compile", checkpoint, "-o", out, "--text-weights", "int4", "--group", "32", "--calibration", text, "--threads", str(o.threads)],
                          check=True, stderr=subprocess.PIPE, text=True).stderr
    seconds, after = time.monotonic() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    found = re.search(r"calibrating on (\d+) rows, from layer 0 of \d+: about (\d+) (second|minute)s", told)
    if not found:
        sys.exit(f"compile foretold nothing:\n{told}")
    foretold = int(found[2]) * (60 if found[3] == "minute" else 1)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print("geometry,layers,rows,threads,foretold_s,seconds,cpu_s,peak_mb,whole_model_hours,whole_model_cpu_hours,load")
    print(f"{o.geometry},{o.layers},{found[1]},{o.threads},{foretold},{seconds:.0f},{cpu:.0f},{after.ru_maxrss / 1024:.0f},"
          f"{seconds / o.layers * geometry[4] / 3600:.2f},{cpu / o.layers * geometry[4] / 3600:.2f},{os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
