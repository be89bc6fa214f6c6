# SPDX-License-Identifier: Apache-2.0
"""Stage 2: tower and DEM learn what is where. Crowded and ordinary scenes, dense labels on three feature maps:
character, kind and colour per crop patch; kind and colour per base patch; everything about an item per fused token.
Windows of text sheets go on beside them, because they hold more characters than any scene."""

import os

import torch
import torch.nn.functional as F
from torch import nn

import data
import loop
import scenes
from model import InfLlava, default_config, normalise
from parity import load_checkpoint

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


def losses(scores, sizes, labels):
    """Weighted cross entropy of concatenated classifiers; labels [...,len(sizes)]."""
    total = 0.0
    for (name, _), part, k in zip(sizes.items(), scores.split(list(sizes.values()), -1), range(len(sizes))):
        total = total + WEIGHT.get(name, 1.0) * F.cross_entropy(part.flatten(0, -2), labels[..., k].flatten())
    return total


def measure(model, heads, held, where, ablate=None, counts=False):
    """Shares of items that the classifiers name rightly at their centre token (`char`: of patches); or (right, of)."""
    hits = {}
    with torch.no_grad():
        for k in range(0, len(held), 16):
            pixels, tokens, patches = data.dense(held[k:k + 16])
            crops, base = model.tiles(normalise(pixels.to(where)))
            parts = heads.token(model.fuse(crops, base, ablate)).split(list(TOKEN.values()), -1)
            right = torch.stack([p.argmax(-1) for p in parts], -1).cpu() == tokens
            char = heads.patch(crops)[..., :37].argmax(-1).cpu() == patches[..., 0]
            at = tokens[..., 2] == 1
            for name, where_true, ok in (
                    ("char", patches[..., 0] > 0, char), ("kind", at, right[..., 0]), ("colour", at, right[..., 1]),
                    ("centre", at, right[..., 2]), ("number", at & (tokens[..., 4] > 0), right[..., 4] & right[..., 5]),
                    ("word", at & (tokens[..., 6] > 0), right[..., 6])):
                hits.setdefault(name, []).append(ok[where_true].float())
    hits = {k: torch.cat(v) for k, v in hits.items()}
    return {k: (int(v.sum()), len(v)) if counts else v.mean().item() for k, v in hits.items()}


def run(args):
    torch.manual_seed(args.seed + 1)
    ranks, where = loop.Ranks(args), loop.device()
    share = args.batch // ranks.world
    model = InfLlava(default_config()).to(where)
    heads, dem = Heads(model.cfg["mm_hidden_size"]).to(where), model.model.spatial_embed
    opt, start, path = loop.optimiser([model.tower, dem, heads], args.rate), 0, os.path.join(args.state, "see.pt")
    if os.path.exists(path):
        state = torch.load(path, map_location=where)
        model.tower.load_state_dict(state["tower"]), dem.load_state_dict(state["dem"])
        heads.load_state_dict(state["heads"]), opt.load_state_dict(state["opt"])
        start = state["step"]
    elif args.begin:
        begun = load_checkpoint(args.begin)
        model.tower.load_state_dict(begun.tower.state_dict()), dem.load_state_dict(begun.model.spatial_embed.state_dict())
    else:
        state = torch.load(os.path.join(args.state, "read.pt"), map_location=where)
        model.tower.load_state_dict(state["tower"])
        with torch.no_grad():  # what the reading head has learnt
            heads.patch.weight[:37] = state["head"]["weight"]
            heads.patch.bias[:37] = state["head"]["bias"]
    tower = torch.compile(model.tower) if args.compile else model.tower
    held = [scenes.make_scene(100 + k) for k in range(48)]
    held_fonts = [scenes.make_scene(200 + k, held_out=True) for k in range(48)]
    stream = data.batches(data.Seeing("see", args, ranks.rank, start, share), args.workers)
    log, total = loop.Log(args.state, "see", start, args.steps), 0.0
    params = [p for g in opt.param_groups for p in g["params"]]
    for step in range(start, args.steps):
        pixels, tokens, patches, windows, chars = (t.to(where) for t in next(stream))
        loop.set_rate(opt, step, args)
        out = tower(torch.cat([model.cut(normalise(pixels)), normalise(windows)]))
        text, out = out[share * 10:], out[:share * 10].view(share, 10, 64, -1)
        crops, base = out[:, :9], out[:, 9]
        reading = F.cross_entropy(heads.patch(text)[..., :37].flatten(0, 1), chars.flatten())
        loss = (losses(heads.token(model.fuse(crops, base)), TOKEN, tokens) + losses(heads.patch(crops), PATCH, patches)
                + 0.5 * losses(heads.base(base), BASE, tokens[..., :2]) + reading)
        ranks.update(opt, params, loss)
        total += loss.detach()
        if ranks.first and (step + 1) % args.report == 0:
            fonts_too = {"unseen_" + k: v for k, v in measure(model, heads, held_fonts, where).items()
                         if k in ("number", "word")}
            log.report(step, loss=total.item() / args.report, **measure(model, heads, held, where), **fonts_too)
            total = 0.0
        if ranks.first and ((step + 1) % args.save == 0 or step + 1 == args.steps):
            loop.save(path, tower=model.tower.state_dict(), dem=dem.state_dict(), heads=heads.state_dict(),
                      opt=opt.state_dict(), step=step + 1)
