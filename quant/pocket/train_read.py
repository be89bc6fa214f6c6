# SPDX-License-Identifier: Apache-2.0
"""Stage 1: the tower learns to read. Random 112-pixel windows of text sheets, a character label per patch."""

import os
import random

import torch
import torch.nn.functional as F
from torch import nn

import data
import loop
import scenes
from model import InfLlava, default_config, normalise


def run(args):
    torch.manual_seed(args.seed)
    ranks, where = loop.Ranks(args), loop.device()
    model = InfLlava(default_config()).to(where)
    head = nn.Linear(model.cfg["mm_hidden_size"], 37).to(where)
    opt, start, path = loop.optimiser([model.tower, head], args.rate), 0, os.path.join(args.state, "read.pt")
    if os.path.exists(path):
        state = torch.load(path, map_location=where)
        model.tower.load_state_dict(state["tower"]), head.load_state_dict(state["head"])
        opt.load_state_dict(state["opt"])
        start = state["step"]
    tower = torch.compile(model.tower) if args.compile else model.tower
    held = data.windows(random.Random(0), [scenes.make_sheet(k) for k in range(12)], 128)
    stream = data.batches(data.Reading("read", args, ranks.rank, start, args.batch // ranks.world), args.workers)
    log, total = loop.Log(args.state, "read", start, args.steps), 0.0
    params = [*model.tower.parameters(), *head.parameters()]
    for step in range(start, args.steps):
        pixels, labels = next(stream)
        loop.set_rate(opt, step, args)
        scores = head(tower(normalise(pixels.to(where))))
        loss = F.cross_entropy(scores.flatten(0, 1), labels.to(where).flatten())
        ranks.update(opt, params, loss)
        total += loss.detach()
        if ranks.first and (step + 1) % args.report == 0:
            with torch.no_grad():
                right = head(model.tower(normalise(held[0].to(where)))).argmax(-1).cpu() == held[1]
            log.report(step, loss=total.item() / args.report, read=right[held[1] > 0].float().mean().item())
            total = 0.0
        if ranks.first and ((step + 1) % args.save == 0 or step + 1 == args.steps):
            loop.save(path, tower=model.tower.state_dict(), head=head.state_dict(), opt=opt.state_dict(), step=step + 1)
