#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whether GGUF files mean to Binocle what they mean to llama.cpp, both in float32.
usage: gguf_agreement.py BINOCLE [MODEL.gguf TEXT WINDOWS]
Small random models of each kind: the distance between the logits behind 60 ids. A real model: the perplexity of a text in windows of 512 ids, of its
dequantised weights. Prints CSV. Needs gguf, llama-cpp-python and numpy from PyPI."""
import json
import os
import subprocess
import sys
import tempfile

import gguf
import numpy as np
from llama_cpp import Llama

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
WINDOW = 512
HIDDEN, LAYERS, FFN, HEADS, KV_HEADS = 256, 2, 512, 4, 2
HEAD = HIDDEN // HEADS
KINDS = {
    "llama": {},
    "llama, rope_freqs": {"factors": [1] * 10 + [2] * 6 + [8] * 16},
    "llama, linear rope scaling": {"linear": 4.0},
    "llama, tied head": {"tied": True},
    "qwen2, biases": {"architecture": "qwen2", "biases": True, "tied": True},
}


def small_model(path, architecture="llama", factors=None, linear=None, tied=False, biases=False):
    draw = np.random.default_rng(3)
    vocabulary = gguf.GGUFReader(os.path.join(ROOT, "tests", "data", "gguf", "smollm.gguf")).fields
    tokens, types, merges = (vocabulary["tokenizer.ggml." + k].contents() for k in ("tokens", "token_type", "merges"))
    out = gguf.GGUFWriter(path, architecture)
    for key, value in {"block_count": LAYERS, "context_length": WINDOW, "embedding_length": HIDDEN, "feed_forward_length": FFN, "head_count": HEADS,
                       "head_count_kv": KV_HEADS, "layer_norm_rms_eps": 1e-5, "rope_freq_base": 500000.0, "rope_dimension_count": HEAD, "vocab_size": len(tokens),
                       "tokenizer_model": "gpt2", "tokenizer_pre": "smollm", "token_list": tokens, "token_types": types, "token_merges": merges,
                       "bos_token_id": 1, "eos_token_id": 2, "add_bos_token": False}.items():
        getattr(out, "add_" + key)(value)
    if linear:
        out.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        out.add_rope_scaling_factor(linear)

    def add(name, *shape):
        values = draw.normal(size=shape)
        out.add_tensor(name, (1 + 0.1 * values if name.endswith("norm.weight") else values / np.sqrt(shape[-1])).astype(np.float32))

    add("token_embd.weight", len(tokens), HIDDEN)
    add("output_norm.weight", HIDDEN)
    if not tied:
        add("output.weight", len(tokens), HIDDEN)
    for i in range(LAYERS):
        for name, rows, columns in (("attn_q", HIDDEN, HIDDEN), ("attn_k", KV_HEADS * HEAD, HIDDEN), ("attn_v", KV_HEADS * HEAD, HIDDEN), ("attn_output", HIDDEN, HIDDEN),
                                    ("ffn_gate", FFN, HIDDEN), ("ffn_up", FFN, HIDDEN), ("ffn_down", HIDDEN, FFN)):
            add(f"blk.{i}.{name}.weight", rows, columns)
            if biases and name in ("attn_q", "attn_k", "attn_v"):
                add(f"blk.{i}.{name}.bias", rows)
        add(f"blk.{i}.attn_norm.weight", HIDDEN)
        add(f"blk.{i}.ffn_norm.weight", HIDDEN)
    if factors:
        out.add_tensor("rope_freqs.weight", np.array(factors, np.float32))
    close(out)
    return len(tokens)


def close(out):
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()


def dequantised(source, path):
    """The same model with every tensor in F32: llama.cpp then rounds no activations either."""
    reader = gguf.GGUFReader(source)
    out = gguf.GGUFWriter(path, reader.fields["general.architecture"].contents())
    for name, field in reader.fields.items():
        if not name.startswith("GGUF.") and name != "general.architecture":
            item = field.types[-1] if field.types[0] == gguf.GGUFValueType.ARRAY else None
            out.add_key_value(name, 0 if name == "general.file_type" else field.contents(), field.types[0], sub_type=item)
    for t in reader.tensors:
        out.add_tensor(t.name, gguf.dequantize(t.data, t.tensor_type).astype(np.float32).reshape([int(n) for n in reversed(t.shape)]))
    close(out)


def peer(path):
    return Llama(path, n_ctx=WINDOW, n_batch=WINDOW, logits_all=True, verbose=False, type_k=0, type_v=0)


def binocle(program, *arguments, **settings):
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=True, **settings).stdout


def small_models(program, folder):
    model, out, given, found = (os.path.join(folder, n) for n in ("small.gguf", "small.bnc", "ids.npy", "logits.npy"))
    for name, kind in KINDS.items():
        vocabulary = small_model(model, **kind)
        ids = np.random.default_rng(5).integers(0, vocabulary, 60).astype(np.int32)
        np.save(given, ids)
        llama = peer(model)
        llama.eval([int(i) for i in ids])
        theirs = np.array(llama.scores[len(ids) - 1], np.float64)
        binocle(program, "compile", model, "-o", out, "--text-weights", "f32", "--quiet")
        binocle(program, "score", out, "--ids", given, "-o", found, "--quiet")
        ours = np.load(found).astype(np.float64).reshape(-1)
        print(f'"{name}",{len(ids)},{np.linalg.norm(ours - theirs) / np.linalg.norm(theirs):.2e},,', flush=True)


def window_loss(llama, ids):
    """Of all ids but the first, in nats."""
    llama.reset()
    llama.eval(ids)
    loss = 0.0
    for i, target in enumerate(ids[1:]):
        row = np.array(llama.scores[i], np.float64)
        row -= row.max()
        loss += np.log(np.exp(row).sum()) - row[target]
    return loss


def real_model(program, folder, model, text, windows):
    exact, out, cut = (os.path.join(folder, n) for n in ("exact.gguf", "exact.bnc", "cut.txt"))
    dequantised(model, exact)
    binocle(program, "compile", model, "-o", out, "--text-weights", "f32", "--quiet")
    with open(text, encoding="utf-8") as f:
        whole = f.read()
    ids = json.loads(binocle(program, "tokenize", out, input=json.dumps(whole) + "\n"))[:windows * WINDOW]
    llama = peer(exact)
    if llama.tokenize(whole.encode(), add_bos=False, special=True)[:len(ids)] != ids or len(ids) < windows * WINDOW:
        sys.exit(f"{text}: too short, or not the same ids in both")
    with open(cut, "w", encoding="utf-8") as f:
        f.write(json.loads(binocle(program, "tokenize", out, "--decode", input=json.dumps(ids) + "\n")))
    ours = json.loads(binocle(program, "perplexity", out, cut, "--context", str(WINDOW), "--json", "--quiet"))
    theirs = np.exp(sum(window_loss(llama, ids[i:i + WINDOW]) for i in range(0, len(ids), WINDOW)) / ours["tokens"])
    print(f'"{os.path.basename(model)}",{ours["tokens"]},,{ours["perplexity"]:.6f},{theirs:.6f}')


def main():
    print("model,positions,relative_l2,perplexity,llama_cpp")
    with tempfile.TemporaryDirectory() as folder:
        small_models(sys.argv[1], folder)
        if len(sys.argv) > 2:
            real_model(sys.argv[1], folder, sys.argv[2], sys.argv[3], int(sys.argv[4]))


if __name__ == "__main__":
    main()
