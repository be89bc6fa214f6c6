# SPDX-License-Identifier: Apache-2.0
"""Stage 2: tower and DEM learn what is where. Crowded and ordinary scenes, dense labels on three feature maps:
character, kind and colour per crop patch; kind and colour per base patch; everything about an item per fused token.
Windows of text sheets go on beside them, because they hold more characters than any scene."""

import multiprocessing
import os
from collections import deque

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

import loop
import scenes
import train_read
from model import InfLlava, default_config, normalise

TOKEN = dict(kind=8, colour=9, centre=2, size=4, first=11, second=11, word=25, row=8, column=8)
PATCH = dict(char=37, kind=8, colour=9)
BASE = dict(kind=8, colour=9)
WEIGHT = dict(first=2.0, second=2.0, word=2.0, char=1.0, centre=0.5, size=0.3, row=0.2, column=0.2)


class Heads(nn.Module):
    """The dense classifiers; thrown away after this stage."""

    def __init__(self, width):
        super().__init__()
        self.token = nn.Linear(width, sum(TOKEN.values()))
        self.patch = nn.Linear(width, sum(PATCH.values()))
        self.base = nn.Linear(width, sum(BASE.values()))


def train_scene(job):
    """Worker: (seed, crowd) -> Scene."""
    seed, crowd = job
    return scenes.make_scene(seed, crowd=crowd)


def batch_of(picked):
    """Scenes -> pixels, token labels [B,64,9], patch labels [B,9,64,3] in crop order."""
    pixels = torch.from_numpy(np.stack([s.pixels for s in picked]))
    tokens = torch.from_numpy(np.stack([scenes.token_labels(s) for s in picked])).long()
    place = torch.arange(64).expand(len(picked), 64)
    tokens = torch.cat([tokens, torch.stack([place // 8, place % 8], -1)], -1)
    patches = torch.from_numpy(np.stack([scenes.patch_labels(s) for s in picked])).long()
    patches = patches.view(-1, 3, 8, 3, 8, 3).permute(0, 1, 3, 2, 4, 5).reshape(-1, 9, 64, 3)
    return pixels, tokens, patches


def losses(scores, sizes, labels):
    """Weighted cross entropy of concatenated classifiers; labels [...,len(sizes)]."""
    total = 0.0
    for (name, _), part, k in zip(sizes.items(), scores.split(list(sizes.values()), -1), range(len(sizes))):
        total = total + WEIGHT.get(name, 1.0) * F.cross_entropy(part.flatten(0, -2), labels[..., k].flatten())
    return total


def measure(model, heads, held, where):
    """Shares of items whose centre token says everything right."""
    hits = {}
    with torch.no_grad():
        for k in range(0, len(held), 16):
            pixels, tokens, patches = batch_of(held[k:k + 16])
            crops, base = model.tiles(normalise(pixels.to(where)))
            parts = heads.token(model.fuse(crops, base)).split(list(TOKEN.values()), -1)
            right = torch.stack([p.argmax(-1) for p in parts], -1).cpu() == tokens
            char = heads.patch(crops)[..., :37].argmax(-1).cpu() == patches[..., 0]
            at = tokens[..., 2] == 1
            for name, where_true, ok in (
                    ("char", patches[..., 0] > 0, char), ("kind", at, right[..., 0]), ("colour", at, right[..., 1]),
                    ("centre", at, right[..., 2]), ("number", at & (tokens[..., 4] > 0), right[..., 4] & right[..., 5]),
                    ("word", at & (tokens[..., 6] > 0), right[..., 6])):
                hits.setdefault(name, []).append(ok[where_true].float())
    return {k: torch.cat(v).mean().item() for k, v in hits.items()}


def run(args):
    torch.manual_seed(args.seed)
    where = loop.device()
    model = InfLlava(default_config()).to(where)
    heads = Heads(model.cfg["mm_hidden_size"]).to(where)
    dem = model.model.spatial_embed
    opt, start, path = loop.optimiser([model.tower, dem, heads], args.rate), 0, os.path.join(args.state, "see.pt")
    if os.path.exists(path):
        state = torch.load(path, map_location=where)
        model.tower.load_state_dict(state["tower"]), dem.load_state_dict(state["dem"])
        heads.load_state_dict(state["heads"]), opt.load_state_dict(state["opt"])
        start = state["step"]
    else:
        state = torch.load(os.path.join(args.state, "read.pt"), map_location=where)
        model.tower.load_state_dict(state["tower"])
        with torch.no_grad():  # what the reading head has learnt
            heads.patch.weight[:37] = state["head"]["weight"]
            heads.patch.bias[:37] = state["head"]["bias"]
    if args.compile:
        model.tower.forward = torch.compile(model.tower.forward)
    first = args.seed * 1000003
    held = [scenes.make_scene(first + 900000 + k) for k in range(64)]
    held_fonts = [scenes.make_scene(first + 910000 + k, held_out=True) for k in range(64)]
    workers = multiprocessing.get_context("spawn").Pool(args.workers)
    fresh = loop.ahead(workers, train_scene, ((first + k, k % 5 < 3) for k in range(4 * start, 800000)))
    pool = deque((next(fresh) for _ in range(args.pool // 4)), maxlen=args.pool)
    sheets = deque((scenes.make_sheet(first + 800000 + k) for k in range(150)), maxlen=600)
    log, total = loop.Log(args.state, "see", start, args.steps), 0.0
    for step in range(start, args.steps):
        rng = np.random.default_rng([args.seed, step])
        for _ in range(args.batch // 4):
            pool.append(next(fresh))
        if step % 4 == 0:
            sheets.append(scenes.make_sheet(first + 950000 + step))
        picked = [pool[-1 - k] for k in range(args.batch // 4)]
        while len(picked) < args.batch:
            picked.append(pool[rng.integers(len(pool))])
        pixels, tokens, patches = batch_of([s.shifted(*rng.integers(-7, 8, 2)) for s in picked])
        for group in opt.param_groups:
            group["lr"] = loop.rate_at(step, args.steps, args.rate)
        tokens, patches = tokens.to(where), patches.to(where)
        windows, chars = train_read.windows(rng, sheets, args.batch * 3)
        stack = torch.cat([model.cut(normalise(pixels.to(where))), normalise(windows.to(where))])
        out = model.tower(stack)
        text, out = out[args.batch * 10:], out[:args.batch * 10].view(args.batch, 10, 64, -1)
        crops, base = out[:, :9], out[:, 9]
        reading = F.cross_entropy(heads.patch(text)[..., :37].flatten(0, 1), chars.to(where).flatten())
        parts = [losses(heads.token(model.fuse(crops, base)), TOKEN, tokens), losses(heads.patch(crops), PATCH, patches),
                 losses(heads.base(base), BASE, tokens[..., :2])]
        loss = parts[0] + parts[1] + 0.5 * parts[2] + reading
        opt.zero_grad(), loss.backward()
        nn.utils.clip_grad_norm_([p for g in opt.param_groups for p in g["params"]], 1.0)
        opt.step()
        total += loss.item()
        if (step + 1) % 100 == 0:
            fonts_too = {"unseen_" + k: v for k, v in measure(model, heads, held_fonts, where).items()
                         if k in ("number", "word")}
            log.report(step, loss=total / 100, token=parts[0].item(), **measure(model, heads, held, where), **fonts_too)
            total = 0.0
        if (step + 1) % 200 == 0 or step + 1 == args.steps:
            loop.save(path, tower=model.tower.state_dict(), dem=dem.state_dict(), heads=heads.state_dict(),
                      opt=opt.state_dict(), step=step + 1)
    workers.terminate()
