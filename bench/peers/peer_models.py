# SPDX-License-Identifier: Apache-2.0
"""Random-weight GGUF files in the geometry of INF-LLaVA's parts: LLaMA-3-8B, and CLIP ViT-L/14-336 with LLaVA-1.5's projector.

    peer_models.py FOLDER      makes what is missing there: about 6 GB

    llama-3-8b-q4_0.gguf       the language model with a made-up vocabulary of LLaMA-3's size and kind
    llama-1-layer.gguf         one small layer of its width: lets llama-mtmd-cli encode a picture without loading 5 GB
    vit-l-{f16,q8_0,q4_0}.gguf the tower and projector (mmproj)
    tile.png                   a 336 x 336 picture;  scene.png: a 1008 x 1008 one
"""
import os
import random
import struct
import sys
import zlib

from gguf_write import ARRAY, BOOL, F32, I32, STRING, U32, Gguf

BYTES = 256
SPECIAL = ["<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]
TEMPLATE = ("{{ bos_token }}{% for message in messages %}{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' + message['content'] "
            "+ '<|eot_id|>' }}{% endfor %}{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}")


def byte_characters():
    """The printable character by which byte-level BPE writes each byte: itself where it is printable, else one from 256 up."""
    plain = set(range(33, 127)) | set(range(161, 173)) | set(range(174, 256))
    others = iter(range(256, 512))
    return [chr(b) if b in plain else chr(next(others)) for b in range(BYTES)]


def vocabulary(g, size):
    """`size` tokens: the bytes, pairs of bytes, pairs of pairs, and LLaMA-3's special ones at the end."""
    special = SPECIAL + [f"<|reserved_{i}|>" for i in range(BYTES - len(SPECIAL))]
    letters = byte_characters()
    tokens, merges, ordinary = list(letters), [], size - len(special)
    known, grown = set(tokens), 0
    while len(tokens) < ordinary:
        first = tokens[grown]
        for second in letters[:ordinary - len(tokens)]:
            if first + second not in known:
                known.add(first + second)
                tokens.append(first + second)
                merges.append(f"{first} {second}")
        grown += 1
    g.key("tokenizer.ggml.model", STRING, "gpt2")
    g.key("tokenizer.ggml.pre", STRING, "llama-bpe")
    g.key("tokenizer.ggml.tokens", ARRAY, (STRING, tokens + special))
    g.key("tokenizer.ggml.token_type", ARRAY, (I32, [1] * len(tokens) + [3] * len(special)))
    g.key("tokenizer.ggml.merges", ARRAY, (STRING, merges))
    g.key("tokenizer.ggml.bos_token_id", U32, ordinary)
    g.key("tokenizer.ggml.eos_token_id", U32, ordinary + SPECIAL.index("<|eot_id|>"))
    g.key("tokenizer.chat_template", STRING, TEMPLATE)


def llama(path, layers, ffn, vocab, kind):
    """LLaMA-3-8B's width: 4096, 32 heads, 8 key-value heads of 128."""
    g, width, kv = Gguf(), 4096, 1024
    g.key("general.architecture", STRING, "llama")
    g.key("general.name", STRING, f"{layers} layers of random weights, {kind}")
    for name, v in (("vocab_size", vocab), ("context_length", 8192), ("embedding_length", width), ("block_count", layers), ("feed_forward_length", ffn),
                    ("rope.dimension_count", 128), ("attention.head_count", 32), ("attention.head_count_kv", 8)):
        g.key(f"llama.{name}", U32, v)
    g.key("llama.rope.freq_base", F32, 500000.0)
    g.key("llama.attention.layer_norm_rms_epsilon", F32, 1e-5)
    g.key("general.file_type", U32, {"f16": 1, "q4_0": 2}[kind])
    vocabulary(g, vocab)
    g.tensor("token_embd.weight", (width, vocab), kind)
    for i in range(layers):
        for name, k, n in (("attn_q", width, width), ("attn_k", width, kv), ("attn_v", width, kv), ("attn_output", width, width),
                           ("ffn_gate", width, ffn), ("ffn_up", width, ffn), ("ffn_down", ffn, width)):
            g.tensor(f"blk.{i}.{name}.weight", (k, n), kind)
        for name in ("attn_norm", "ffn_norm"):
            g.tensor(f"blk.{i}.{name}.weight", (width,), "f32", 1.0)
    g.tensor("output_norm.weight", (width,), "f32", 1.0)
    g.tensor("output.weight", (width, vocab), kind)
    g.write(path)


def tower(path, kind):
    """24 layers, of which llama.cpp runs 23, as LLaVA does; then the projector to the language model's width."""
    g, width, mlp, out, layers, grid, patch = Gguf(), 1024, 4096, 4096, 24, 24, 14
    g.key("general.architecture", STRING, "clip")
    g.key("general.name", STRING, f"CLIP ViT-L/14-336 of random weights, {kind}")
    g.key("clip.has_vision_encoder", BOOL, True)
    g.key("clip.projector_type", STRING, "mlp")
    g.key("clip.use_gelu", BOOL, False)
    for name, v in (("image_size", grid * patch), ("patch_size", patch), ("embedding_length", width), ("feed_forward_length", mlp),
                    ("projection_dim", 768), ("attention.head_count", 16), ("block_count", layers)):
        g.key(f"clip.vision.{name}", U32, v)
    g.key("clip.vision.attention.layer_norm_epsilon", F32, 1e-5)
    g.key("clip.vision.image_mean", ARRAY, (F32, [0.48145466, 0.4578275, 0.40821073]))
    g.key("clip.vision.image_std", ARRAY, (F32, [0.26862954, 0.26130258, 0.27577711]))

    def linear(name, k, n):
        g.tensor(f"{name}.weight", (k, n), kind)
        g.tensor(f"{name}.bias", (n,), "f32", 0.0)

    def norm(name):
        g.tensor(f"{name}.weight", (width,), "f32", 1.0)
        g.tensor(f"{name}.bias", (width,), "f32", 0.0)

    g.tensor("v.class_embd", (width,), "f32")
    g.tensor("v.patch_embd.weight", (patch, patch, 3, width), "f16")
    g.tensor("v.position_embd.weight", (width, grid * grid + 1), "f32")
    norm("v.pre_ln")
    for i in range(layers):
        for name in ("attn_q", "attn_k", "attn_v", "attn_out"):
            linear(f"v.blk.{i}.{name}", width, width)
        linear(f"v.blk.{i}.ffn_up", width, mlp)
        linear(f"v.blk.{i}.ffn_down", mlp, width)
        norm(f"v.blk.{i}.ln1")
        norm(f"v.blk.{i}.ln2")
    linear("mm.0", width, out)
    linear("mm.2", out, out)
    g.write(path)


def picture(path, side):
    """A PNG of noise in large and small squares."""
    r, rows = random.Random(side), []
    coarse = [[r.randbytes(3) for _ in range(side // 16 + 1)] for _ in range(side // 16 + 1)]
    for y in range(side):
        rows.append(b"\0" + b"".join(coarse[y // 16][x // 16] if (x ^ y) & 4 else coarse[x // 16][y // 16] for x in range(side)))

    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
    with open(path, "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)) +
                chunk(b"IDAT", zlib.compress(b"".join(rows))) + chunk(b"IEND", b""))


def make(folder, only=None):
    """Makes what is missing in `folder`, or of the names in `only`."""
    os.makedirs(folder, exist_ok=True)
    wanted = {"llama-3-8b-q4_0.gguf": lambda p: llama(p, 32, 14336, 128256, "q4_0"),
              "llama-1-layer.gguf": lambda p: llama(p, 1, 256, 1024, "q4_0"),
              "tile.png": lambda p: picture(p, 336), "scene.png": lambda p: picture(p, 1008)}
    for kind in ("f16", "q8_0", "q4_0"):
        wanted[f"vit-l-{kind}.gguf"] = lambda p, k=kind: tower(p, k)
    for name, write in wanted.items():
        path = os.path.join(folder, name)
        if (only is None or name in only) and not os.path.exists(path):
            print(f"peer_models: writing {name}", file=sys.stderr)
            write(path + ".partial")
            os.rename(path + ".partial", path)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    make(sys.argv[1])
