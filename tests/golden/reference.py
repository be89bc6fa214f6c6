# SPDX-License-Identifier: Apache-2.0
"""An independent INF-LLaVA in numpy and float64, written from the paper's and the released code's definitions, without any of the compiler's ideas: all tiles,
both DEM maps, every block and phase. It is checked against the authors' PyTorch outputs (validate), and then gives expectations for checkpoints that the
authors' code cannot run: other n, odd grids, plain LLaVA, text only, another input size.

  reference.py validate tests/data/reference            compares with the committed outputs of the original code
  reference.py input-size tests/data/reference SIZE     writes expected/_input_SIZE from the picture `text`
  reference.py made FOLDER tests/data/golden            FOLDER as `test_golden_made FOLDER` writes it: expectations of each checkpoint
"""
import glob
import json
import math
import os
import struct
import sys

import numpy as np

erf = np.vectorize(math.erf, otypes=[np.float64])
MEAN = np.array([0.48145466, 0.4578275, 0.40821073])
STD = np.array([0.26862954, 0.26130258, 0.27577711])
TOWER = "vision_model."
DEM = "model.spatial_embed."


def read_tensors(folder):
    """Every tensor of a folder's safetensors files, as float64; a tower's names begin with vision_model."""
    tensors = {}
    for path in sorted(glob.glob(os.path.join(folder, "*.safetensors"))):
        with open(path, "rb") as f:
            header = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
            data = f.read()
        for name, t in header.items():
            if name == "__metadata__":
                continue
            raw = np.frombuffer(data[slice(*t["data_offsets"])], {"BF16": "<u2", "F16": "<f2", "F32": "<f4"}[t["dtype"]])
            if t["dtype"] == "BF16":
                raw = (raw.astype(np.uint32) << 16).view(np.float32)
            tensors[name.replace("model.vision_tower.vision_tower.", "")] = raw.astype(np.float64).reshape(t["shape"])
    return tensors


def gelu(x):
    return x * 0.5 * (1 + erf(x / math.sqrt(2)))


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def layer_norm(x, t, name, eps):
    d = x - x.mean(-1, keepdims=True)
    return d / np.sqrt((d * d).mean(-1, keepdims=True) + eps) * t[name + ".weight"] + t[name + ".bias"]


def linear(x, t, name):
    y = x @ t[name + ".weight"].T
    return y + t[name + ".bias"] if name + ".bias" in t else y


def heads_attention(q, k, v, heads, mask=None):
    """q [n, heads*d], k and v [m, kv_heads*d]: each of heads/kv_heads neighbouring query heads reads one key head."""
    d = q.shape[1] // heads
    group = heads // (k.shape[1] // d)
    out = []
    for h in range(heads):
        own, shared = slice(h * d, h * d + d), slice(h // group * d, h // group * d + d)
        scores = q[:, own] @ k[:, shared].T / math.sqrt(d)
        out.append(softmax(scores if mask is None else scores + mask) @ v[:, shared])
    return np.concatenate(out, 1)


def interpolate(x, rows, kernel):
    """torch.nn.functional.interpolate of x [h, w, c] to rows x rows, align_corners=False, antialias=False."""

    def matrix(size):
        m = np.zeros((rows, size))
        for r in range(rows):
            at = size / rows * (r + 0.5) - 0.5
            if kernel == "bilinear":
                at = max(at, 0.0)
            base = math.floor(at)
            t = at - base
            taps = {0: 1 - t, 1: t} if kernel == "bilinear" else {k - 1: cubic(t + 1 - k) for k in range(4)}
            for k, w in taps.items():
                m[r, min(max(base + k, 0), size - 1)] += w
        return m

    return np.einsum("yh,xw,hwc->yxc", matrix(x.shape[0]), matrix(x.shape[1]), x, optimize=True)


def cubic(x, a=-0.75):
    x = abs(x)
    if x <= 1:
        return ((a + 2) * x - (a + 3)) * x * x + 1
    return (((x - 5) * x + 8) * x - 4) * a if x < 2 else 0.0


class Model:
    def __init__(self, folder, tower=None):
        self.config = json.load(open(os.path.join(folder, "config.json"), encoding="utf-8"))
        self.t = read_tensors(folder)
        self.tower_config = dict(self.config.get("vision_config", {}))
        if tower:
            self.t.update(read_tensors(tower))
            self.tower_config = json.load(open(os.path.join(tower, "config.json"), encoding="utf-8"))["vision_config"]
        self.n = self.config.get("mm_tiles_per_side", 3)

    def encode(self, pixels):
        """One tile [side, side, 3] -> the selected hidden state [rows, C]."""
        t, c = self.t, self.tower_config
        kernel = t[TOWER + "embeddings.patch_embedding.weight"]  # [C, 3, p, p]
        p, width = kernel.shape[2], kernel.shape[0]
        g = pixels.shape[0] // p
        patches = pixels[:g * p, :g * p].reshape(g, p, g, p, 3).transpose(0, 2, 4, 1, 3).reshape(g * g, -1)
        x = np.concatenate([t[TOWER + "embeddings.class_embedding"][None], patches @ kernel.reshape(width, -1).T])
        x = layer_norm(x + t[TOWER + "embeddings.position_embedding.weight"], t, TOWER + "pre_layrnorm", c.get("layer_norm_eps", 1e-5))
        layers = 1 + max(int(k.split(".")[3]) for k in t if k.startswith(TOWER + "encoder.layers."))
        for i in range(layers + 1 + self.config["mm_vision_select_layer"]):
            name, eps = f"{TOWER}encoder.layers.{i}.", c.get("layer_norm_eps", 1e-5)
            h = layer_norm(x, t, name + "layer_norm1", eps)
            q, k, v = (linear(h, t, name + f"self_attn.{w}_proj") for w in "qkv")
            x = x + linear(heads_attention(q, k, v, c.get("num_attention_heads", width // 64)), t, name + "self_attn.out_proj")
            h = linear(layer_norm(x, t, name + "layer_norm2", eps), t, name + "mlp.fc1")
            h = gelu(h) if c.get("hidden_act") == "gelu" else h / (1 + np.exp(-1.702 * h))
            x = x + linear(h, t, name + "mlp.fc2")
        return x if self.config.get("mm_vision_select_feature") == "cls_patch" else x[1:]

    def enhance(self, query, context):
        t = self.t
        q, k, v = (linear(x, t, DEM + f"attention.linears.{i}") for i, x in ((0, query), (1, context), (2, context)))
        return layer_norm(linear(heads_attention(q, k, v, 8), t, DEM + "attention.linears.3") + query, t, DEM + "attention.ln", 1e-5)

    def dem(self, crops, strides):
        n, t = self.n, self.t
        g, c = math.isqrt(crops[0].shape[0]), crops[0].shape[1]
        local, glob = np.zeros((2, n * g, n * g, c))
        for i in range(n * n):
            y, x = divmod(i, n)
            local[y * g:y * g + g, x * g:x * g + g] = crops[i].reshape(g, g, c)
            glob[y::n, x::n] = strides[i].reshape(g, g, c)
        new_local, new_glob = np.zeros_like(local), np.zeros_like(glob)
        for i in range(n * n):
            y, x = divmod(i, n)
            block, phase = np.s_[y * g:y * g + g, x * g:x * g + g], np.s_[y::n, x::n]
            new_glob[block] = self.enhance(glob[block].reshape(-1, c), local[block].reshape(-1, c)).reshape(g, g, c)
            new_local[phase] = self.enhance(local[phase].reshape(-1, c), glob[phase].reshape(-1, c)).reshape(g, g, c)
        down = [linear(gelu(linear(m, t, DEM + f + ".0")), t, DEM + f + ".2") for m, f in ((new_local, "ffn_crop"), (new_glob, "ffn_stride"))]
        return interpolate(layer_norm(np.concatenate(down, -1) + new_glob + new_local, t, DEM + "ln_fuse", 1e-5), g, "bilinear").reshape(-1, c)

    def see(self, u8):
        """The resized picture [side, side, 3] u8 -> {stage: value}."""
        t, n = self.t, self.n
        pixels = (u8 / 255.0 - MEAN) / STD
        tile = math.isqrt(t[TOWER + "embeddings.position_embedding.weight"].shape[0] - 1) * t[TOWER + "embeddings.patch_embedding.weight"].shape[2]
        out = {}
        base = self.encode(interpolate(pixels, tile, "bicubic"))
        x = base
        if DEM + "ln_fuse.weight" in t:
            big = interpolate(pixels, n * tile, "bicubic")
            crops = [self.encode(big[y * tile:y * tile + tile, x * tile:x * tile + tile]) for y in range(n) for x in range(n)]
            strides = [self.encode(big[y::n, x::n]) for y in range(n) for x in range(n)]
            out["tiles"] = crops + strides + [base]
            out["dem"] = self.dem(crops, strides)
            x = (base + out["dem"]) / 2
        for i in range(0, 16, 2):
            name = f"model.mm_projector.{i}"
            if i == 0 and name + ".weight" not in t:
                name = "model.mm_projector"
            if name + ".weight" in t:
                x = linear(gelu(x) if i else x, t, name)
        out["proj"] = x
        return out

    def join(self, ids, images):
        images = iter(images)
        rows = [next(images) if i == -200 else self.t["model.embed_tokens.weight"][i:i + 1] for i in ids]
        return np.concatenate(rows)

    def logits(self, x):
        """Of every row of a joined sequence [n, H]."""
        t, c = self.t, self.config
        heads, eps = c["num_attention_heads"], c["rms_norm_eps"]
        d = c.get("head_dim", c["hidden_size"] // heads)
        # The released code's frequencies and angles are float32.
        frequency = np.float32(1) / np.float32(c["rope_theta"]) ** (np.arange(0, d, 2, dtype=np.float32) / np.float32(d))
        angle = (np.arange(len(x), dtype=np.float32)[:, None] * frequency).astype(np.float64)
        cos, sin = np.cos(np.tile(angle, 2)), np.sin(np.tile(angle, 2))

        def rotate(v):
            v = v.reshape(len(x), -1, d)
            half = np.concatenate([-v[..., d // 2:], v[..., :d // 2]], -1)
            return (v * cos[:, None] + half * sin[:, None]).reshape(len(x), -1)

        def rms(v, name):
            return v / np.sqrt((v * v).mean(-1, keepdims=True) + eps) * t[name + ".weight"]

        mask = np.triu(np.full((len(x), len(x)), -np.inf), 1)
        for i in range(c["num_hidden_layers"]):
            name = f"model.layers.{i}."
            h = rms(x, name + "input_layernorm")
            q, k, v = (linear(h, t, name + f"self_attn.{w}_proj") for w in "qkv")
            x = x + linear(heads_attention(rotate(q), rotate(k), v, heads, mask), t, name + "self_attn.o_proj")
            h = rms(x, name + "post_attention_layernorm")
            gate = linear(h, t, name + "mlp.gate_proj")
            x = x + linear(gate / (1 + np.exp(-gate)) * linear(h, t, name + "mlp.up_proj"), t, name + "mlp.down_proj")
        return rms(x, "model.norm") @ t["model.embed_tokens.weight" if c["tie_word_embeddings"] else "lm_head.weight"].T


def distance(a, b):
    return np.linalg.norm(a - b) / np.linalg.norm(b)


def fitted(path, side):
    """The picture padded to a square and resized, as the released code does."""
    from PIL import Image
    picture = Image.open(path).convert("RGB")
    longer = max(picture.size)
    square = Image.new("RGB", (longer, longer), (122, 116, 104))
    square.paste(picture, ((longer - picture.width) // 2, (longer - picture.height) // 2))
    return np.asarray(square.resize((side, side), Image.BICUBIC))


def validate(folder):
    model, worst, projected = Model(os.path.join(folder, "checkpoint")), 0, {}
    cases = {name: [name] for name in ("text", "wide", "tall", "small")}
    cases.update(_text_only=[], _image_first=["small"], _two_images=["small", "text"], _truncated=["small"])
    for case, pictures in cases.items():
        def expected(what, case=case):
            return np.load(os.path.join(folder, "expected", case, what + ".npy"))
        found = {}
        if case in pictures:
            out = model.see(fitted(os.path.join(folder, "images", case + ".png"), 1008))
            projected[case] = out["proj"]
            found = {what: distance(out[what], expected(what)) for what in ("dem", "proj")}
        x = model.join(expected("input_ids"), [projected[p] for p in pictures])[:600 if case == "_truncated" else 2048]
        forced = model.t["model.embed_tokens.weight"][expected("tokens")[:-1]]
        found["logits"] = max(distance(a, b) for a, b in zip(model.logits(np.concatenate([x, forced]))[len(x) - 1:], expected("gen_logits")))
        worst = max(worst, *found.values())
        print(case, *(f"{k} {v:.2e}" for k, v in found.items()))
    print(f"worst {worst:.2e}")
    return 0 if worst < 5e-6 else 1


def save(folder, **arrays):
    os.makedirs(folder, exist_ok=True)
    for name, value in arrays.items():
        np.save(os.path.join(folder, name + ".npy"), np.asarray(value, np.float32))


def input_size(folder, size):
    """Every 16th row of the projector and the logits behind the prompt of case `text`."""
    model = Model(os.path.join(folder, "checkpoint"))
    out = model.see(fitted(os.path.join(folder, "images", "text.png"), size))
    ids = np.load(os.path.join(folder, "expected", "text", "input_ids.npy"))
    save(os.path.join(folder, "expected", f"_input_{size}"), proj=out["proj"][::16], logits=model.logits(model.join(ids, [out["proj"]]))[-1:])
    return 0


def made(folder, out):
    for path in sorted(glob.glob(os.path.join(folder, "*", "ids.txt"))):
        case = os.path.dirname(path)
        tower = case + "_tower"
        model = Model(case, tower if os.path.isdir(tower) else None)
        ids = [int(i) for i in open(path, encoding="ascii").read().split()]
        prompt, forced = ids[:ids.index(-1)], ids[ids.index(-1) + 1:]
        arrays = {}
        images = []
        if os.path.exists(os.path.join(case, "pixels.bin")):
            pixels = np.fromfile(os.path.join(case, "pixels.bin"), np.uint8)
            side = math.isqrt(len(pixels) // 3)
            seen = model.see(pixels.reshape(side, side, 3))
            images = [seen["proj"]]
            arrays = {k: seen[k] for k in ("dem", "proj") if k in seen}
        x = model.join(prompt + forced, images)
        arrays["logits"] = model.logits(x)[-1 - len(forced):]
        save(os.path.join(out, os.path.basename(case)), **arrays)
        print(os.path.basename(case), {k: np.shape(v) for k, v in arrays.items()})
    return 0


if __name__ == "__main__":
    command, arguments = sys.argv[1], sys.argv[2:]
    sys.exit({"validate": validate, "input-size": lambda f, s: input_size(f, int(s)), "made": made}[command](*arguments))
