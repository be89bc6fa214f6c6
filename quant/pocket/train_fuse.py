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
    have = dict(features=[], tokens=[], items=[])
    if os.path.exists(kept):
        have = torch.load(kept, weights_only=False)
    tower = torch.compile(model.tower) if args.compile else model.tower
    held = [scenes.make_scene(200 + k, True) for k in range(48)]
    held_tokens = data.dense(held)[1].to(where)
    held = torch.cat([encode(model, [s.pixels for s in held[k:k + 8]], where) for k in range(0, len(held), 8)]).to(where)
    stream = data.batches(data.Drawing("fuse", args, ranks.rank, len(have["items"]) // 8, 8), args.workers)
    log, total = loop.Log(args.state, "fuse", start, args.steps), 0.0
    params = [p for m in (dem, project, heads.token) for p in m.parameters()]
    rng = np.random.default_rng(args.seed + ranks.rank)
    share = args.batch // ranks.world
    for step in range(start, args.steps):
        if step % 4 == 0 and len(have["items"]) < args.pool // ranks.world or len(have["items"]) < share:
            some = next(stream)
            have["features"] += encode(model, [s.pixels for s in some], where)
            have["tokens"] += data.dense(some)[1]
            have["items"] += [s.items for s in some]
        picked = rng.integers(len(have["items"]), size=share)
        picked[:8] = len(have["items"]) - 1 - np.arange(min(8, share))  # the newest are always among them
        out = torch.stack([have["features"][k] for k in picked]).float().to(where)
        tokens = torch.stack([have["tokens"][k] for k in picked]).to(where)
        loop.set_rate(opt, step, args)
        loss, _ = train_see.fused_losses(model, heads, symbols, model.fuse(out[:, :9], out[:, 9]), tokens)
        ranks.update(opt, params, loss)
        total += loss.detach()
        if ranks.first and (step + 1) % args.report == 0:
            table = train_see.named(model, heads, symbols, held.float(), held_tokens)
            log.report(step, loss=total.item() / args.report, pool=len(have["items"]),
                       **{k: a / b for k, (a, b) in table.items()})
            total = 0.0
        if ranks.first and ((step + 1) % args.save == 0 or step + 1 == args.steps):
            loop.save(path, modules=[m.state_dict() for m in parts_of(model, heads)], opt=opt.state_dict(), step=step + 1)
        if (step + 1) % (8 * args.save) == 0 or step + 1 == args.steps:
            loop.save(kept, **have)
