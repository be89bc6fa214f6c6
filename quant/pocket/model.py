# SPDX-License-Identifier: Apache-2.0
"""INF-LLaVA in PyTorch at any size, for n = 3: CLIP tower, DEM, projector, LLaMA with grouped queries.

Parameter names are those of the released checkpoint, so `state_dict()` needs no renaming. Only the ten tiles that reach
the output are encoded: nine crops and the strided tile (1,1), which also is the base picture. The closed form: output
(i,j) of the g x g grid is position (3i+1, 3j+1) of the 3g x 3g map, which lies in crop (3i+1)//g, (3j+1)//g at
((3i+1)%g, (3j+1)%g).
"""

import math

import torch
import torch.nn.functional as F
from torch import nn

MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)
IMAGE = -200  # placeholder id of the picture


def default_config():
    """Geometry of the pocket model; the same keys as config.json where one exists."""
    return dict(patch=14, grid=8, mm_hidden_size=128, vit_layers=4, vit_mlp=512, mm_vision_select_layer=-2,
                hidden_size=128, intermediate_size=320, num_hidden_layers=4, num_attention_heads=4,
                num_key_value_heads=2, rope_theta=500000.0, rms_norm_eps=1e-5, vocab_size=641)


# ---------------------------------------------------------------- vision tower

class ClipAttention(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.heads = width // 64
        self.q_proj, self.k_proj = nn.Linear(width, width), nn.Linear(width, width)
        self.v_proj, self.out_proj = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, x):  # [B,T,C]
        b, t, c = x.shape
        q, k, v = (p(x).view(b, t, self.heads, 64).transpose(1, 2) for p in (self.q_proj, self.k_proj, self.v_proj))
        out = F.scaled_dot_product_attention(q, k, v)
        return self.out_proj(out.transpose(1, 2).reshape(b, t, c))


class ClipMlp(nn.Module):
    def __init__(self, width, inner):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(width, inner), nn.Linear(inner, width)

    def forward(self, x):
        a = 1.702  # x sigmoid(a x) is silu(a x) / a; on the weights both factors cost nothing
        x = F.silu(F.linear(x, a * self.fc1.weight, a * self.fc1.bias))
        return F.linear(x, self.fc2.weight / a, self.fc2.bias)


class ClipLayer(nn.Module):
    def __init__(self, width, inner):
        super().__init__()
        self.layer_norm1, self.self_attn = nn.LayerNorm(width), ClipAttention(width)
        self.layer_norm2, self.mlp = nn.LayerNorm(width), ClipMlp(width, inner)

    def forward(self, x):
        x = x + self.self_attn(self.layer_norm1(x))
        return x + self.mlp(self.layer_norm2(x))


class ClipEmbeddings(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        width = cfg["mm_hidden_size"]
        self.class_embedding = nn.Parameter(torch.randn(width) * 0.02)
        self.patch_embedding = nn.Conv2d(3, width, cfg["patch"], cfg["patch"], bias=False)
        self.position_embedding = nn.Embedding(cfg["grid"] ** 2 + 1, width)
        nn.init.normal_(self.position_embedding.weight, std=0.02)

    def forward(self, x):  # [B,3,S,S] -> [B,1+grid*grid,C]
        b, p, w = x.shape[0], self.patch_embedding.kernel_size[0], self.patch_embedding.weight
        g = x.shape[2] // p
        x = x.view(b, 3, g, p, g, p).permute(0, 2, 4, 1, 3, 5).reshape(b, g * g, 3 * p * p) @ w.flatten(1).T
        x = torch.cat([self.class_embedding.expand(b, 1, -1), x], 1)
        return x + self.position_embedding.weight


class ClipTransformer(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        width = cfg["mm_hidden_size"]
        self.embeddings = ClipEmbeddings(cfg)
        self.pre_layrnorm = nn.LayerNorm(width)
        self.encoder = nn.Module()
        self.encoder.layers = nn.ModuleList(ClipLayer(width, cfg["vit_mlp"]) for _ in range(cfg["vit_layers"]))
        self.post_layernorm = nn.LayerNorm(width)
        self.live = cfg["vit_layers"] + 1 + cfg["mm_vision_select_layer"]

    def forward(self, x):
        x = self.pre_layrnorm(self.embeddings(x))
        for layer in self.encoder.layers[:self.live]:
            x = layer(x)
        return x[:, 1:]  # [B,grid*grid,C]


# ---------------------------------------------------------------- dual-perspective enhancement module

class DemAttention(nn.Module):
    """LN(W_o att + query row), 8 heads."""

    def __init__(self, width, heads=8):
        super().__init__()
        self.heads = heads
        self.linears = nn.ModuleList(nn.Linear(width, width) for _ in range(4))
        self.ln = nn.LayerNorm(width)

    def forward(self, query, keys, mask=None):  # [B,Q,C], [B,K,C], mask broadcast to [B,8,Q,K]
        b, _, c = query.shape
        q, k, v = (lin(x).view(b, -1, self.heads, c // self.heads).transpose(1, 2)
                   for lin, x in zip(self.linears, (query, keys, keys)))
        out = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return self.ln(self.linears[3](out.transpose(1, 2).reshape(b, -1, c)) + query)


class Dem(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        c, g = cfg["mm_hidden_size"], cfg["grid"]
        self.attention = DemAttention(c)
        self.ffn_crop = nn.Sequential(nn.Linear(c, c // 16), nn.GELU(), nn.Linear(c // 16, c // 2))
        self.ffn_stride = nn.Sequential(nn.Linear(c, c // 16), nn.GELU(), nn.Linear(c // 16, c // 2))
        self.ln_fuse = nn.LayerNorm(c)
        at = [3 * i + 1 for i in range(g)]
        tile = torch.tensor([[3 * (y // g) + x // g for x in at] for y in at]).flatten()
        inside = torch.tensor([[(y % g) * g + x % g for x in at] for y in at]).flatten()
        self.groups = [(t, (tile == t).nonzero().flatten()) for t in range(9)]
        self.order = torch.cat([rows for _, rows in self.groups]).argsort()
        self.tile, self.inside = tile, inside

    def forward(self, crops, base, local_only=False, global_only=False):
        """crops [B,9,g*g,C], base [B,g*g,C] -> [B,g*g,C]. The two switches mask one perspective (ablation)."""
        near = crops[:, self.tile, self.inside]                                       # [B,g*g,C]
        glob = torch.cat([self.attention(base[:, rows], crops[:, t]) for t, rows in self.groups], 1)[:, self.order]
        local = self.attention(near, base)
        if local_only:
            glob = torch.zeros_like(glob)
        if global_only:
            local = torch.zeros_like(local)
        return self.ln_fuse(torch.cat([self.ffn_crop(local), self.ffn_stride(glob)], -1) + glob + local)


# ---------------------------------------------------------------- LLaMA

class RmsNorm(nn.Module):
    def __init__(self, width, eps):
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.ones(width)), eps

    def forward(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps) * self.weight


class LlamaAttention(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        h = cfg["hidden_size"]
        self.heads, self.kv_heads = cfg["num_attention_heads"], cfg["num_key_value_heads"]
        self.dim = h // self.heads
        self.q_proj, self.o_proj = nn.Linear(h, h, bias=False), nn.Linear(h, h, bias=False)
        self.k_proj = nn.Linear(h, self.kv_heads * self.dim, bias=False)
        self.v_proj = nn.Linear(h, self.kv_heads * self.dim, bias=False)

    def forward(self, x, rope, mask, past, last=None):
        b, t, h = x.shape
        k = self.k_proj(x).view(b, t, self.kv_heads, self.dim).transpose(1, 2)
        v = self.v_proj(x).view(b, t, self.kv_heads, self.dim).transpose(1, 2)
        k = _rotate(k, rope)
        if last is not None:
            x, mask, t = pick(x, last), pick(mask[:, 0], last)[:, None], last.shape[1]
            rope = [pick(part[:, 0], last)[:, None] for part in rope]
        q = _rotate(self.q_proj(x).view(b, t, self.heads, self.dim).transpose(1, 2), rope)
        if past is not None:
            k = torch.cat([past[0].expand(b, -1, -1, -1), k], 2)
            v = torch.cat([past[1].expand(b, -1, -1, -1), v], 2)
        share = self.heads // self.kv_heads
        out = F.scaled_dot_product_attention(q, k.repeat_interleave(share, 1), v.repeat_interleave(share, 1),
                                             attn_mask=mask)
        return self.o_proj(out.transpose(1, 2).reshape(b, t, h)), (k, v)


def pick(x, rows):
    """Rows [B,K] of x [B,T,C] -> [B,K,C]."""
    return x[torch.arange(len(x), device=x.device)[:, None], rows]


def _rotate(x, rope):  # halves convention of the released code
    cos, sin = rope
    a, b = x.chunk(2, -1)
    return x * cos + torch.cat([-b, a], -1) * sin


class LlamaMlp(nn.Module):
    def __init__(self, h, inner):
        super().__init__()
        self.gate_proj, self.up_proj = nn.Linear(h, inner, bias=False), nn.Linear(h, inner, bias=False)
        self.down_proj = nn.Linear(inner, h, bias=False)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class LlamaLayer(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        h, eps = cfg["hidden_size"], cfg["rms_norm_eps"]
        self.self_attn, self.mlp = LlamaAttention(cfg), LlamaMlp(h, cfg["intermediate_size"])
        self.input_layernorm, self.post_attention_layernorm = RmsNorm(h, eps), RmsNorm(h, eps)

    def forward(self, x, rope, mask, past, last=None):
        out, kept = self.self_attn(self.input_layernorm(x), rope, mask, past, last)
        x = (x if last is None else pick(x, last)) + out
        return x + self.mlp(self.post_attention_layernorm(x)), kept


# ---------------------------------------------------------------- the whole

class InfLlava(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.cfg, h = cfg, cfg["hidden_size"]
        self.model = nn.Module()
        self.model.embed_tokens = nn.Embedding(cfg["vocab_size"], h)
        self.model.layers = nn.ModuleList(LlamaLayer(cfg) for _ in range(cfg["num_hidden_layers"]))
        self.model.norm = RmsNorm(h, cfg["rms_norm_eps"])
        self.model.spatial_embed = Dem(cfg)
        self.model.mm_projector = nn.Sequential(nn.Linear(cfg["mm_hidden_size"], h), nn.GELU(), nn.Linear(h, h))
        self.model.vision_tower = nn.Module()
        self.model.vision_tower.vision_tower = nn.Module()
        self.model.vision_tower.vision_tower.vision_model = ClipTransformer(cfg)
        self.lm_head = nn.Linear(h, cfg["vocab_size"], bias=False)
        for name, p in self.named_parameters():
            if p.ndim == 2 and "vision_tower" not in name:
                nn.init.normal_(p, std=0.5 if "embed_tokens" in name else 1 / math.sqrt(p.shape[1]))
        for layer in self.model.layers:
            for p in (layer.self_attn.o_proj.weight, layer.mlp.down_proj.weight):
                nn.init.normal_(p, std=0.5 / math.sqrt(p.shape[1] * cfg["num_hidden_layers"]))

    @property
    def tower(self):
        return self.model.vision_tower.vision_tower.vision_model

    @staticmethod
    def cut(pixels):
        """Normalised pixels [B,3,S,S] -> the ten live tiles [B*10,3,S/3,S/3]: nine crops, then stride tile (1,1)."""
        b, _, s, _ = pixels.shape
        t = s // 3
        crops = pixels.view(b, 3, 3, t, 3, t).permute(0, 2, 4, 1, 3, 5).reshape(b, 9, 3, t, t)
        return torch.cat([crops, pixels[:, None, :, 1::3, 1::3]], 1).reshape(b * 10, 3, t, t)

    def tiles(self, pixels):
        """Normalised pixels [B,3,S,S] -> selected features of crops [B,9,g*g,C] and of stride tile (1,1) [B,g*g,C]."""
        out = self.tower(self.cut(pixels))
        out = out.view(pixels.shape[0], 10, *out.shape[1:])
        return out[:, :9], out[:, 9]

    def fuse(self, crops, base, ablate=None):
        """Mean of base features and DEM output, [B,g*g,C]. ablate: None, local, global, no-dem, base."""
        if ablate == "base":
            return base
        if ablate == "no-dem":  # both perspectives, nearest crop feature in place of the DEM
            dem = self.model.spatial_embed
            return (base + crops[:, dem.tile, dem.inside]) / 2
        return (base + self.model.spatial_embed(crops, base, ablate == "local", ablate == "global")) / 2

    def rope(self, positions):  # [T] -> cos, sin [T,dim]; [B,T] -> [B,1,T,dim]
        dim = self.cfg["hidden_size"] // self.cfg["num_attention_heads"]
        freq = self.cfg["rope_theta"] ** (-torch.arange(0, dim, 2, device=positions.device).float() / dim)
        angle = positions[..., None].float() * freq
        angle = torch.cat([angle, angle], -1)
        angle = angle[:, None] if positions.ndim == 2 else angle
        return angle.cos(), angle.sin()

    def language(self, x, positions, mask, past=None, last=None):
        """Embedded rows [B,T,H] at positions [T] or [B,T] with mask [..,T,past+T] -> hidden rows after the norm, K/V per
        layer. last [B,K]: the only rows whose result is needed, which spares the last layer the others."""
        rope, kept = self.rope(positions), []
        for i, layer in enumerate(self.model.layers):
            only = last if layer is self.model.layers[-1] else None
            x, kv = layer(x, rope, mask, None if past is None else past[i], only)
            kept.append(kv)
        return self.model.norm(x), kept

    def join(self, ids, pictures):
        """ids [n] with IMAGE placeholders and a list of projected pictures [g*g,H] -> rows [T,H]."""
        rows, start, left = [], 0, list(pictures)
        for k in (ids == IMAGE).nonzero().flatten().tolist():
            rows += [self.model.embed_tokens(ids[start:k]), left.pop(0)]
            start = k + 1
        return torch.cat(rows + [self.model.embed_tokens(ids[start:])])

    def causal_logits(self, rows):  # [T,H] -> logits [T,V]
        t = rows.shape[0]
        mask = torch.ones(t, t, dtype=torch.bool, device=rows.device).tril()
        hidden, _ = self.language(rows[None], torch.arange(t, device=rows.device), mask)
        return self.lm_head(hidden[0])


def normalise(pixels):
    """uint8 [B,S,S,3] -> float32 [B,3,S,S]."""
    mean, std = (torch.tensor(v, device=pixels.device) for v in (MEAN, STD))
    return torch.addcmul(-mean / std, pixels.float(), 1 / (255 * std)).permute(0, 3, 1, 2)
