# SPDX-License-Identifier: Apache-2.0
"""Stage 3: tower, DEM and projector learn what is where. Crowds and scenes; dense labels on crop patches, base patches
and fused tokens; and the projector learns to write the rows that the language model knows from stage `talk`."""

import os

import torch
import torch.nn.functional as F
from torch import nn

import data
import loop
import scenes
import train_read
from model import InfLlava, default_config, normalise
from train_read import losses
from train_talk import SIZES, Symbols

TOKEN = dict(zip(("kind", "colour", "centre", "size", "first", "second", "word"), SIZES))
BASE = dict(kind=8, colour=9)


class Heads(nn.Module):
    """The dense classifiers; thrown away after training."""

    def __init__(self, width):
        super().__init__()
        self.token = nn.Linear(width, sum(TOKEN.values()))
        self.patch = nn.Linear(width, sum(train_read.PATCH.values()))
        self.base = nn.Linear(width, sum(BASE.values()))


def known(tokens):
    """Tokens without ignored labels."""
    return (tokens != scenes.IGNORE).all(-1)


def token_losses(heads, fused, tokens):
    """Loss of the fused tokens' labels; what an item says is asked where its centre or its text is: one token in ten."""
    labels = tokens.clone()
    labels[..., 3:][(tokens[..., 2] != 1) & (tokens[..., 3] != scenes.IGNORE)] = scenes.IGNORE
    return losses(heads.token(fused), TOKEN, labels)


def fused_losses(model, heads, symbols, fused, tokens):
    """Loss of the fused tokens' labels and of the projected rows; and those rows."""
    rows, ok = model.model.mm_projector(fused), known(tokens)
    with torch.no_grad():
        wanted = symbols(tokens.where(ok[..., None], 0))
    far = (rows - wanted).square().mean(-1) * (1 + 15 * (tokens[..., 2] == 1))
    return token_losses(heads, fused, tokens) + 10 * far[ok].mean(), rows


def dense_losses(model, heads, symbols, out, tokens, patches):
    """Loss of all dense labels and of the projected rows, and those rows; tower's output [B,10,64,C]."""
    crops, base = out[:, :9], out[:, 9]
    loss, rows = fused_losses(model, heads, symbols, model.fuse(crops, base), tokens)
    return loss + (losses(heads.patch(crops), train_read.PATCH, patches)
                   + 0.3 * losses(heads.base(base), BASE, tokens[..., :2])), rows


def named(model, heads, symbols, out, tokens, ablate=None):
    """{name: (right, of)}: items that the classifiers name rightly at their centre token, from the tower's features
    [B,10,64,C]; `far`: the share of the symbols' variance that the projected rows miss there."""
    with torch.no_grad():
        fused = model.fuse(out[:, :9], out[:, 9], ablate)
        parts = heads.token(fused).split(list(TOKEN.values()), -1)
        rows, wanted = model.model.mm_projector(fused), symbols(tokens)
    right, at = torch.stack([p.argmax(-1) for p in parts], -1) == tokens, tokens[..., 2] == 1
    pick = dict(kind=(at, right[..., 0]), colour=(at, right[..., 1]), centre=(at, right[..., 2]), size=(at, right[..., 3]),
                number=(at & (tokens[..., 4] > 0), right[..., 4] & right[..., 5]), word=(at & (tokens[..., 6] > 0), right[..., 6]))
    hits = {name: (ok[where].sum().item(), where.sum().item()) for name, (where, ok) in pick.items()}
    return dict(hits, far=(((rows - wanted)[at].square().mean() / wanted[at].var()).item(), 1))


def measure(model, heads, symbols, held, where, ablate=None):
    """named() of scenes."""
    hits = {}
    for k in range(0, len(held), 16):
        pixels, tokens, _ = data.dense(held[k:k + 16])
        with torch.no_grad():
            crops, base = model.tiles(normalise(pixels.to(where)))
        out = torch.cat([crops, base[:, None]], 1)
        for name, (a, b) in named(model, heads, symbols, out, tokens.to(where), ablate).items():
            x, y = hits.get(name, (0, 0))
            hits[name] = (x + a, y + b)
    return hits


def symbols_of(folder, model, where):
    """The codes of stage `talk`."""
    symbols = Symbols(model.cfg["hidden_size"]).to(where)
    symbols.load_state_dict(torch.load(os.path.join(folder, "talk.pt"), map_location=where)["symbols"])
    return symbols


def run(args):
    torch.manual_seed(args.seed + 1)
    ranks, where = loop.Ranks(args), loop.device()
    model = InfLlava(default_config()).to(where)
    heads, seeing = Heads(model.cfg["mm_hidden_size"]).to(where), model.model
    symbols = symbols_of(args.state, model, where)
    trained = [model.tower, seeing.spatial_embed, seeing.mm_projector]
    opt, start, path = loop.optimiser(trained, [heads], args.rate), 0, os.path.join(args.state, "see.pt")
    if os.path.exists(path):
        state = torch.load(path, map_location=where)
        for module, weights in zip((*trained, heads), state["modules"]):
            module.load_state_dict(weights)
        opt.load_state_dict(state["opt"])
        start = state["step"]
    else:
        state = torch.load(os.path.join(args.state, "read.pt"), map_location=where)
        model.tower.load_state_dict(state["tower"]), heads.patch.load_state_dict(state["head"])
    tower = torch.compile(model.tower) if args.compile else model.tower
    held, held_fonts = ([scenes.make_scene(seed + k, unseen, scenes.FREE) for k in range(48)] for seed, unseen in ((100, False), (200, True)))
    stream = data.batches(data.Seeing("see", args, ranks.rank, start, args.batch // ranks.world), args.workers)
    log, total = loop.Log(args.state, "see", start, args.steps), 0.0
    params = [p for g in opt.param_groups for p in g["params"]]
    for step in range(start, args.steps):
        pixels, tokens, patches = (t.to(where) for t in next(stream))
        loop.set_rate(opt, step, args)
        out = tower(model.cut(data.exposed(pixels))).view(len(pixels), 10, 64, -1)
        loss, _ = dense_losses(model, heads, symbols, out, tokens, patches)
        ranks.update(opt, params, loss)
        total += loss.detach()
        if ranks.first and (step + 1) % args.report == 0:
            seen, unseen = ({k: a / b for k, (a, b) in measure(model, heads, symbols, some, where).items()}
                            for some in (held, held_fonts))
            log.report(step, loss=total.item() / args.report, **seen,
                       **{"unseen_" + k: v for k, v in unseen.items() if k in ("number", "word")})
            total = 0.0
        if ranks.first and ((step + 1) % args.save == 0 or step + 1 == args.steps):
            loop.save(path, modules=[m.state_dict() for m in (*trained, heads)], opt=opt.state_dict(), step=step + 1)
