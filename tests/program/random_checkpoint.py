# SPDX-License-Identifier: Apache-2.0
"""Writes a small random checkpoint in the released layout (safetensors, index, config.json, tokenizer.json), with nothing but Python.

    python3 random_checkpoint.py FOLDER [SEED]

The weights are noise: it shows that every stage runs, not that it answers well.
"""
import array
import json
import math
import os
import random
import struct
import sys

VISION = {"width": 128, "layers": 3, "mlp": 256, "patch": 14, "grid": 24}
TEXT = {"width": 128, "layers": 2, "mlp": 256, "heads": 4, "kv_heads": 2}
SPECIAL = ["<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]
VOCABULARY = 256 + len(SPECIAL)
SPLIT = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|"
         r"\s+(?!\S)|\s+")
SHARD = "model-00001-of-00001.safetensors"


def shapes():
    """Name -> shape of every tensor."""
    c, h = VISION["width"], TEXT["width"]
    out = {"model.embed_tokens.weight": (VOCABULARY + 1, h), "model.norm.weight": (h,), "lm_head.weight": (VOCABULARY + 1, h)}

    def linear(name, rows, cols):
        out[name + ".weight"], out[name + ".bias"] = (rows, cols), (rows,)

    def norm(name):
        out[name + ".weight"] = out[name + ".bias"] = (c,)

    for i in range(TEXT["layers"]):
        layer, kv = f"model.layers.{i}.", h // TEXT["heads"] * TEXT["kv_heads"]
        for name, shape in (("self_attn.q_proj", (h, h)), ("self_attn.k_proj", (kv, h)), ("self_attn.v_proj", (kv, h)),
                            ("self_attn.o_proj", (h, h)), ("mlp.gate_proj", (TEXT["mlp"], h)), ("mlp.up_proj", (TEXT["mlp"], h)),
                            ("mlp.down_proj", (h, TEXT["mlp"])), ("input_layernorm", (h,)), ("post_attention_layernorm", (h,))):
            out[layer + name + ".weight"] = shape
    dem = "model.spatial_embed."
    for i in range(4):
        linear(f"{dem}attention.linears.{i}", c, c)
    norm(dem + "attention.ln")
    norm(dem + "ln_fuse")
    for ffn in ("ffn_crop", "ffn_stride"):
        linear(f"{dem}{ffn}.0", c // 16, c)
        linear(f"{dem}{ffn}.2", c // 2, c // 16)
    linear("model.mm_projector.0", h, c)
    linear("model.mm_projector.2", h, h)
    tower = "model.vision_tower.vision_tower.vision_model."
    out[tower + "embeddings.class_embedding"] = (c,)
    out[tower + "embeddings.patch_embedding.weight"] = (c, 3, VISION["patch"], VISION["patch"])
    out[tower + "embeddings.position_embedding.weight"] = (VISION["grid"] ** 2 + 1, c)
    norm(tower + "pre_layrnorm")
    norm(tower + "post_layernorm")
    for i in range(VISION["layers"]):
        layer = f"{tower}encoder.layers.{i}."
        for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
            linear(f"{layer}self_attn.{name}", c, c)
        linear(layer + "mlp.fc1", VISION["mlp"], c)
        linear(layer + "mlp.fc2", c, VISION["mlp"])
        norm(layer + "layer_norm1")
        norm(layer + "layer_norm2")
    return out


def bf16(value):
    return struct.unpack("<I", struct.pack("<f", value))[0] >> 16


def values(name, shape, draw):
    """The bf16 bits of a tensor: norms near one, biases near zero, matrices with unit gain."""
    count = math.prod(shape)
    if len(shape) == 1 and name.endswith("weight"):
        return array.array("H", [bf16(1.0)] * count)
    scale = 0.02 if len(shape) == 1 else math.sqrt(3 / math.prod(shape[1:]))
    table = [bf16(scale * (i + 0.5 - 2048) / 2048) for i in range(4096)]
    return array.array("H", [table[i & 4095] for i in memoryview(draw.randbytes(2 * count)).cast("H")])


def write_weights(folder, seed):
    draw = random.Random(seed)
    header, parts, at = {"__metadata__": {"format": "pt"}}, [], 0
    for name, shape in sorted(shapes().items()):
        data = values(name, shape, draw)
        if sys.byteorder == "big":
            data.byteswap()
        header[name] = {"dtype": "BF16", "shape": list(shape), "data_offsets": [at, at + 2 * len(data)]}
        at += 2 * len(data)
        parts.append(data.tobytes())
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(os.path.join(folder, SHARD), "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + b"".join(parts))
    write_json(folder, "model.safetensors.index.json",
               {"metadata": {"total_size": at}, "weight_map": {n: SHARD for n in header if n != "__metadata__"}})
    return at


def byte_alphabet():
    """GPT-2's printable stand-ins for the 256 bytes."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [b for b in range(256) if b not in plain]
    return {chr(b): b for b in plain} | {chr(256 + i): b for i, b in enumerate(rest)}


def tokenizer():
    """Byte-level BPE of the LLaMA-3 kind without a single merge: one token per byte."""
    begin = {"id": SPECIAL[0], "type_id": 0}
    return {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [{"id": 256 + i, "content": s, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
                          "special": True} for i, s in enumerate(SPECIAL)],
        "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": SPLIT}, "behavior": "Isolated", "invert": False},
            {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}]},
        "post_processor": {
            "type": "TemplateProcessing", "single": [{"SpecialToken": begin}, {"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [{"SpecialToken": begin}, {"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {SPECIAL[0]: {"id": SPECIAL[0], "ids": [256], "tokens": [SPECIAL[0]]}}},
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None, "end_of_word_suffix": None,
                  "fuse_unk": False, "byte_fallback": False, "ignore_merges": True, "vocab": byte_alphabet(), "merges": []},
    }


def config():
    return {
        "architectures": ["LlavaLlamaForCausalLM"], "model_type": "llava_llama", "torch_dtype": "bfloat16", "hidden_act": "silu",
        "vocab_size": VOCABULARY + 1, "hidden_size": TEXT["width"], "intermediate_size": TEXT["mlp"], "num_hidden_layers": TEXT["layers"],
        "num_attention_heads": TEXT["heads"], "num_key_value_heads": TEXT["kv_heads"], "rms_norm_eps": 1e-5, "rope_theta": 500000.0,
        "max_position_embeddings": 8192, "tokenizer_model_max_length": 2048, "tie_word_embeddings": False, "bos_token_id": 256,
        "eos_token_id": 260, "pad_token_id": VOCABULARY, "image_aspect_ratio": "pad", "mm_hidden_size": VISION["width"],
        "mm_projector_type": "mlp2x_gelu", "mm_vision_tower": "openai/clip-vit-large-patch14-336", "mm_vision_select_layer": -2,
        "mm_vision_select_feature": "patch", "mm_patch_merge_type": "flat", "mm_use_im_start_end": False,
        "mm_use_im_patch_token": False, "use_mm_proj": True, "vision_config": {"num_attention_heads": VISION["width"] // 64},
    }


def write_json(folder, name, value):
    with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
        json.dump(value, f, ensure_ascii=False, indent=1)


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    folder, seed = sys.argv[1], int(sys.argv[2]) if len(sys.argv) == 3 else 1
    os.makedirs(folder, exist_ok=True)
    write_json(folder, "config.json", config())
    write_json(folder, "generation_config.json", {"bos_token_id": 256, "eos_token_id": 260})
    write_json(folder, "tokenizer.json", tokenizer())
    size = write_weights(folder, seed)
    print(f"{folder}: a random checkpoint of {size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
