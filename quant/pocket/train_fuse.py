# SPDX-License-Identifier: Apache-2.0
"""Stage 4: DEM and projector alone, on features of the tower as it stands. They are a twentieth of the work of the tower,
so each picture is encoded once and used many times. Stage `ask` goes on with the same features (STATE/features.pt)."""

import os

import numpy as np
import torch

import data
import loop
import scenes
import train_see
from model import InfLlava, default_config, normalise


def encode(model, pictures, where):
    """Pictures uint8 -> the tower's features float16 [N,10,64,C]."""
    with torch.no_grad():
        out = model.tower(model.cut(normalise(torch.from_numpy(np.stack(pictures)).to(where))))
    return out.view(len(pictures), 10, *out.shape[1:]).half().cpu()


class Kept:
    """Scenes with the tower's features of them, as many as wanted; while they grow, some of each batch are the newest."""

    def __init__(self, path, wanted, where):
        self.path, self.wanted, self.where = path, wanted, where
        self.features, self.tokens, self.items = [], [], []
        if os.path.exists(path):
            have = torch.load(path, weights_only=False)
            self.features, self.tokens, self.items = have["features"], have["tokens"], have["items"]

    def grow(self, model, some):
        self.features += encode(model, [s.pixels for s in some], self.where)
        self.tokens += data.dense(some)[1]
        self.items += [s.items for s in some]

    def feed(self, model, stream, share, step):
        """Takes scenes from the stream: every fourth step until there are as many as wanted, and always enough for a batch."""
        if step % 4 == 0 and len(self.items) < self.wanted:
            self.grow(model, next(stream))
        while len(self.items) < share:
            self.grow(model, next(stream))

    def fill(self, model, stream):
        """As many scenes as wanted at once: a model that is trained already learns the first few by heart while they grow."""
        while len(self.items) < self.wanted:
            self.grow(model, next(stream))
        self.save()

    def batch(self, rng, share):
        """Features [share,10,64,C], token labels and items of random scenes."""
        picked = rng.integers(len(self.items), size=share)
        if len(self.items) < self.wanted:
            picked[:8] = len(self.items) - 1 - np.arange(min(8, share))
        take = lambda kept: torch.stack([kept[k] for k in picked]).to(self.where)
        return take(self.features).float(), take(self.tokens), [self.items[k] for k in picked]

    def save(self):
        loop.save(self.path, features=self.features, tokens=self.tokens, items=self.items)


def parts_of(model, heads):
    return model.tower, model.model.spatial_embed, model.model.mm_projector, heads


def run(args):
    torch.manual_seed(args.seed + 5)
    ranks, where = loop.Ranks(args), loop.device()
    model = InfLlava(default_config()).to(where)
    heads, symbols = train_see.Heads(model.cfg["mm_hidden_size"]).to(where), train_see.symbols_of(args.state, model, where)
    path, kept = os.path.join(args.state, "fuse.pt"), os.path.join(args.state, f"features{ranks.rank}.pt")
    dem, project = model.model.spatial_embed, model.model.mm_projector
    opt, start = loop.optimiser([dem, project], [heads], args.rate), 0
    state = torch.load(path if os.path.exists(path) else os.path.join(args.state, "see.pt"), map_location=where)
    for module, weights in zip(parts_of(model, heads), state["modules"]):
        module.load_state_dict(weights)
    if os.path.exists(path):
        opt.load_state_dict(state["opt"])
        start = state["step"]
    share = args.batch // ranks.world
    have = Kept(kept, args.pool // ranks.world, where)
    held = [scenes.make_scene(200 + k, True, scenes.FREE) for k in range(48)]
    held_tokens = data.dense(held)[1].to(where)
    held = torch.cat([encode(model, [s.pixels for s in held[k:k + 8]], where) for k in range(0, len(held), 8)]).to(where)
    stream = data.batches(data.Drawing("fuse", args, ranks.rank, len(have.items) // 8, 8), args.workers)
    log, total = loop.Log(args.state, "fuse", start, args.steps), 0.0
    params = [p for m in (dem, project, heads.token) for p in m.parameters()]
    rng = np.random.default_rng(args.seed + ranks.rank)
    for step in range(start, args.steps):
        have.feed(model, stream, share, step)
        out, tokens, _ = have.batch(rng, share)
        loop.set_rate(opt, step, args)
        loss, _ = train_see.fused_losses(model, heads, symbols, model.fuse(out[:, :9], out[:, 9]), tokens)
        ranks.update(opt, params, loss)
        total += loss.detach()
        if ranks.first and (step + 1) % args.report == 0:
            table = train_see.named(model, heads, symbols, held.float(), held_tokens)
            log.report(step, loss=total.item() / args.report, pool=len(have.items),
                       **{k: a / b for k, (a, b) in table.items()})
            total = 0.0
        if ranks.first and ((step + 1) % args.save == 0 or step + 1 == args.steps):
            loop.save(path, modules=[m.state_dict() for m in parts_of(model, heads)], opt=opt.state_dict(), step=step + 1)
        if (step + 1) % (8 * args.save) == 0 or step + 1 == args.steps:
            have.save()
