# SPDX-License-Identifier: Apache-2.0
"""Stage 6: everything together on scenes, at a low rate: answers, plus the dense labels so that reading goes on."""

import os

import torch

import data
import export
import loop
import train_ask
import train_see
from model import normalise
from tokenizer import Prompt, build


def run(args):
    torch.manual_seed(args.seed + 3)
    ranks, path, where = loop.Ranks(args), os.path.join(args.state, "tune.pt"), loop.device()
    model, prompt = export.trained(args.state).to(where).train(), Prompt(build())
    heads = train_see.Heads(model.cfg["mm_hidden_size"]).to(where)
    symbols = train_see.symbols_of(args.state, model, where)
    inner = model.model
    opt = loop.optimiser([model.tower, inner.spatial_embed, inner.mm_projector, inner.layers],
                         [inner.embed_tokens, inner.norm, model.lm_head, heads], args.rate)
    start = 0
    if os.path.exists(path):
        state = torch.load(path, map_location=where)
        heads.load_state_dict(state["heads"]), opt.load_state_dict(state["opt"])
        start = state["step"]
    else:
        heads.load_state_dict(torch.load(os.path.join(args.state, "fuse.pt"), map_location=where)["modules"][3])
    tower = torch.compile(model.tower) if args.compile else model.tower
    pixels, held_asked = train_ask.held_questions(10_000, 96, 8)
    stream = data.batches(data.Tuning("tune", args, ranks.rank, start, args.batch // ranks.world, prompt), args.workers)
    log, total, hits = loop.Log(args.state, "tune", start, args.steps), 0.0, 0.0
    params = [p for g in opt.param_groups for p in g["params"]]
    for step in range(start, args.steps):
        images, tokens, patches, packed = next(stream)
        loop.set_rate(opt, step, args)
        out = tower(model.cut(normalise(images.to(where)))).view(len(images), 10, 64, -1)
        dense, rows = train_see.dense_losses(model, heads, symbols, out, tokens.to(where), patches.to(where))
        answers, right = train_ask.loss_and_right(model, prompt, rows, packed)
        ranks.update(opt, params, answers + 0.2 * dense)
        total, hits = total + answers.detach(), hits + right.float().mean()
        if ranks.first and (step + 1) % args.report == 0:
            with torch.no_grad():
                held = inner.mm_projector(train_ask.encode(model, pixels, where).float().to(where))
                table = train_ask.measure(model, prompt, held, held_asked)
            log.report(step, loss=total.item() / args.report, right=hits.item() / args.report, **train_ask.share(table))
            total = hits = 0.0
        if ranks.first and ((step + 1) % args.save == 0 or step + 1 == args.steps):
            loop.save(path, model=model.state_dict(), heads=heads.state_dict(), opt=opt.state_dict(), step=step + 1)
