# SPDX-License-Identifier: Apache-2.0
"""Stage 4: everything together on fresh scenes, at a low rate: answers, plus the dense labels so that reading goes on.

It starts from the earlier stages' state, from its own, or (--begin) from an exported checkpoint.
"""

import os

import torch

import data
import export
import loop
import train_ask
import train_see
from model import normalise
from parity import load_checkpoint
from tokenizer import Prompt, build


def run(args):
    torch.manual_seed(args.seed + 3)
    ranks, path, seen = loop.Ranks(args), os.path.join(args.state, "tune.pt"), os.path.join(args.state, "see.pt")
    where = loop.device()
    state = torch.load(path, map_location=where) if os.path.exists(path) else None
    model = load_checkpoint(args.begin) if args.begin and not state else export.trained(args.state)
    model, prompt = model.to(where).train(), Prompt(build())
    heads = train_see.Heads(model.cfg["mm_hidden_size"]).to(where)
    opt, start = loop.optimiser([model, heads], args.rate), 0
    if state:
        heads.load_state_dict(state["heads"]), opt.load_state_dict(state["opt"])
        start = state["step"]
    elif os.path.exists(seen):
        heads.load_state_dict(torch.load(seen, map_location=where)["heads"])
    tower = torch.compile(model.tower) if args.compile else model.tower
    pixels, held_asked = train_ask.held_questions(10_000, 96, 8)
    share = args.batch // ranks.world
    stream = data.batches(data.Tuning("tune", args, ranks.rank, start, share, prompt), args.workers)
    log, total, hits = loop.Log(args.state, "tune", start, args.steps), 0.0, 0.0
    params = [p for g in opt.param_groups for p in g["params"]]
    for step in range(start, args.steps):
        images, tokens, patches, ids, targets, length = next(stream)
        loop.set_rate(opt, step, args)
        out = tower(model.cut(normalise(images.to(where)))).view(share, 10, 64, -1)
        fused = model.fuse(out[:, :9], out[:, 9])
        answers, right = train_ask.loss_and_right(model, prompt, fused, ids, targets, length)
        loss = (answers + 0.1 * train_see.losses(heads.token(fused), train_see.TOKEN, tokens.to(where))
                + 0.1 * train_see.losses(heads.patch(out[:, :9]), train_see.PATCH, patches.to(where)))
        ranks.update(opt, params, loss)
        total, hits = total + answers.detach(), hits + right.float().mean()
        if ranks.first and (step + 1) % args.report == 0:
            table = train_ask.measure(model, prompt, train_ask.encode(model, pixels, where), held_asked)
            log.report(step, loss=total.item() / args.report, right=hits.item() / args.report, **train_ask.share(table))
            total = hits = 0.0
        if ranks.first and ((step + 1) % args.save == 0 or step + 1 == args.steps):
            loop.save(path, model=model.state_dict(), heads=heads.state_dict(), opt=opt.state_dict(), step=step + 1)
