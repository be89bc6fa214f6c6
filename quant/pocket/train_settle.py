# SPDX-License-Identifier: Apache-2.0
"""Stage 7: DEM, projector and language model settle on the tower as it is, on kept features: a picture and its ten questions
cost a fifth of what they cost in `tune`, and each is seen many times; all are drawn before the first step. It also takes an
exported checkpoint further (--begin), which teaches it to say what it cannot tell without moving the tower. 45 % of the
scenes lie on the lattice, 22 % are photographs with nothing on them."""

import os
import random

import numpy as np
import torch

import data
import export
import loop
import train_ask
from parity import load_checkpoint
from tokenizer import Prompt, build
from train_fuse import Kept


def run(args):
    torch.manual_seed(args.seed + 6)
    ranks, path, where = loop.Ranks(args), os.path.join(args.state, "settle.pt"), loop.device()
    state = torch.load(path, map_location=where) if os.path.exists(path) else None
    model = load_checkpoint(args.begin) if args.begin and not state else export.trained(args.state)
    inner, prompt, start = model.to(where).train().model, Prompt(build()), 0
    opt = loop.optimiser([inner.spatial_embed, inner.mm_projector, inner.layers],
                         [inner.embed_tokens, inner.norm, model.lm_head], args.rate)
    if state:
        opt.load_state_dict(state["opt"])
        start = state["step"]
    have = Kept(os.path.join(args.state, f"settled{ranks.rank}.pt"), args.pool // ranks.world, where)
    held = train_ask.held_sets() if ranks.first else None
    stream = data.batches(data.Drawing("settle", args, ranks.rank, len(have.items) // 8, 8), args.workers)
    if len(have.items) < have.wanted:
        have.fill(model, stream)
    log, total, hits = loop.Log(args.state, "settle", start, args.steps), 0.0, 0.0
    params = [p for g in opt.param_groups for p in g["params"]]
    seed, share = args.seed + ranks.rank + start, args.batch // ranks.world
    rng, asking = np.random.default_rng(seed), random.Random(seed)
    for step in range(start, args.steps):
        out, _, items = have.batch(rng, share)
        packed = data.Packed(prompt, data.ask_all(asking, items, 10, unknown=True))
        loop.set_rate(opt, step, args)
        loss, right = train_ask.loss_and_right(model, prompt, inner.mm_projector(model.fuse(out[:, :9], out[:, 9])), packed)
        ranks.update(opt, params, loss)
        total, hits = total + loss.detach(), hits + right.float().mean()
        if ranks.first and (step + 1) % args.report == 0:
            log.report(step, loss=total.item() / args.report, right=hits.item() / args.report, pool=len(have.items),
                       **train_ask.measured(model, prompt, held, where))
            total = hits = 0.0
        if ranks.first and ((step + 1) % args.save == 0 or step + 1 == args.steps):
            loop.save(path, model=model.state_dict(), opt=opt.state_dict(), step=step + 1)
