# SPDX-License-Identifier: Apache-2.0
"""The small checkpoints of program_case.py as GGUF files, written with nothing but Python: bf16 values as they are, byte-level tokenizer."""
import json
import os
import struct

U32, I32, F32, BOOL, STRING, ARRAY = 4, 5, 6, 7, 8, 9
BF16 = 30
TOWER = "model.vision_tower.vision_tower.vision_model."
RENAMED = [("model.embed_tokens", "token_embd"), ("model.norm", "output_norm"), ("lm_head", "output"), ("model.layers", "blk"), ("model.mm_projector", "mm"),
           (TOWER + "encoder.layers", "v.blk"), (TOWER + "embeddings.class_embedding", "v.class_embd"), (TOWER + "embeddings.patch_embedding", "v.patch_embd"),
           (TOWER + "embeddings.position_embedding", "v.position_embd"), (TOWER + "pre_layrnorm", "v.pre_ln"), ("input_layernorm", "attn_norm"),
           ("post_attention_layernorm", "ffn_norm"), ("self_attn.q_proj", "attn_q"), ("self_attn.k_proj", "attn_k"), ("self_attn.v_proj", "attn_v"),
           ("self_attn.o_proj", "attn_output"), ("self_attn.out_proj", "attn_out"), ("mlp.gate_proj", "ffn_gate"), ("mlp.up_proj", "ffn_up"),
           ("mlp.down_proj", "ffn_down"), ("layer_norm", "ln"), ("mlp.fc1", "ffn_up"), ("mlp.fc2", "ffn_down")]


def text(value):
    raw = value.encode()
    return struct.pack("<Q", len(raw)) + raw


def key(name, kind, value):
    if kind == ARRAY:
        item, items = value
        body = struct.pack("<IQ", item, len(items)) + b"".join(text(i) if item == STRING else struct.pack("<f" if item == F32 else "<i", i) for i in items)
    else:
        body = text(value) if kind == STRING else struct.pack({U32: "<I", F32: "<f", BOOL: "<?"}[kind], value)
    return text(name) + struct.pack("<I", kind) + body


def write(path, keys, tensors):
    """tensors: (name, shape, bytes of bf16)."""
    infos, data = b"", b""
    for name, shape, raw in tensors:
        data += bytes(-len(data) % 32)
        infos += text(name) + struct.pack("<I", len(shape)) + b"".join(struct.pack("<Q", n) for n in reversed(shape)) + struct.pack("<IQ", BF16, len(data))
        data += raw
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(keys)) + b"".join(keys) + infos
    with open(path, "wb") as f:
        f.write(head + bytes(-len(head) % 32) + data)


def rename(name):
    for old, new in RENAMED:
        name = name.replace(old, new)
    return name


def rotated(raw, shape, heads):
    """Rows i and i + half of each head side by side, as llama.cpp's converter lays them."""
    row = 2 * shape[1]
    head = shape[0] // heads
    order = [h * head + part * head // 2 + i for h in range(heads) for i in range(head // 2) for part in range(2)]
    return b"".join(raw[r * row:r * row + row] for r in order)


def convert(folder, shard, model, vision, sizes, tower, tokens):
    """A LLaVA without DEM: the language model as `model`, its vision side as `vision`. sizes and tower: as in random_checkpoint.py."""
    with open(os.path.join(folder, shard), "rb") as f:
        header = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
        data = f.read()
    texts, pictures = [], []
    for name, t in header.items():
        if name == "__metadata__" or "spatial_embed" in name or "post_layernorm" in name:
            continue
        raw, shape = data[slice(*t["data_offsets"])], t["shape"]
        if name.startswith(TOWER + "encoder.layers.") and int(name.split(".")[6]) >= tower["layers"] - 1:
            continue
        if ".q_proj.weight" in name and "vision" not in name:
            raw = rotated(raw, shape, sizes["heads"])
        if ".k_proj.weight" in name and "vision" not in name:
            raw = rotated(raw, shape, sizes["kv_heads"])
        stored = rename(name).replace("class_embd.weight", "class_embd")
        (pictures if stored.startswith(("v.", "mm.")) else texts).append((stored, shape, raw))
    names = {"block_count": sizes["layers"], "context_length": 2048, "embedding_length": sizes["width"], "feed_forward_length": sizes["mlp"],
             "attention.head_count": sizes["heads"], "attention.head_count_kv": sizes["kv_heads"]}
    keys = [key("general.architecture", STRING, "llama"), key("llama.attention.layer_norm_rms_epsilon", F32, 1e-5), key("llama.rope.freq_base", F32, 500000.0),
            key("tokenizer.ggml.model", STRING, "gpt2"), key("tokenizer.ggml.pre", STRING, "llama-bpe"), key("tokenizer.ggml.tokens", ARRAY, (STRING, tokens)),
            key("tokenizer.ggml.merges", ARRAY, (STRING, [])), key("tokenizer.ggml.token_type", ARRAY, (I32, [3 if t.startswith("<|") else 1 for t in tokens])),
            key("tokenizer.ggml.bos_token_id", U32, tokens.index("<|begin_of_text|>")), key("tokenizer.ggml.eos_token_id", U32, tokens.index("<|end_of_text|>")),
            *(key("llama." + n, U32, v) for n, v in names.items())]
    write(model, keys, texts)
    names = {"image_size": tower["grid"] * tower["patch"], "patch_size": tower["patch"], "embedding_length": tower["width"], "feed_forward_length": tower["mlp"],
             "attention.head_count": tower["width"] // 64, "block_count": tower["layers"] - 1}
    keys = [key("general.architecture", STRING, "clip"), key("clip.has_vision_encoder", BOOL, True), key("clip.projector_type", STRING, "mlp"),
            key("clip.use_gelu", BOOL, False), key("clip.vision.attention.layer_norm_epsilon", F32, 1e-5),
            key("clip.vision.image_mean", ARRAY, (F32, [0.48145466, 0.4578275, 0.40821073])),
            key("clip.vision.image_std", ARRAY, (F32, [0.26862954, 0.26130258, 0.27577711])), *(key("clip.vision." + n, U32, v) for n, v in names.items())]
    write(vision, keys, pictures)
