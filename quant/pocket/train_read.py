# SPDX-License-Identifier: Apache-2.0
"""Stage 1: the tower learns to read. Random 112-pixel windows of crowds; every patch is to name its character, kind and
colour, and the whole text of the item that it belongs to, so that a text is gathered where a later stage looks for it."""

import os
import random

import torch
import torch.nn.functional as F
from torch import nn

import data
import loop
import scenes
from model import InfLlava, default_config, normalise
from parity import load_checkpoint

PATCH = dict(char=37, kind=8, colour=9, first=11, second=11, word=17)
WEIGHT = dict(centre=0.5, size=0.3)


def losses(scores, sizes, labels):
    """Weighted cross entropy of concatenated classifiers; labels [...,len(sizes)]."""
    total = 0.0
    for k, (name, part) in enumerate(zip(sizes, scores.split(list(sizes.values()), -1))):
        total = total + WEIGHT.get(name, 1.0) * F.cross_entropy(part.flatten(0, -2), labels[..., k].flatten(),
                                                                ignore_index=scenes.IGNORE)
    return total


def measure(head, tower, held):
    """Shares of patches named rightly: characters, both digits of a number, words; windows and labels."""
    with torch.no_grad():
        parts = head(tower(normalise(held[0]))).split(list(PATCH.values()), -1)
    labels, right = held[1], torch.stack([p.argmax(-1) for p in parts], -1) == held[1]
    known = labels[..., 3] != scenes.IGNORE
    share = lambda ok, at: ok[at].float().mean().item()
    return dict(char=share(right[..., 0], labels[..., 0] > 0), kind=share(right[..., 1], labels[..., 1] > 0),
                number=share(right[..., 3] & right[..., 4], known & (labels[..., 3] > 0)),
                word=share(right[..., 5], known & (labels[..., 5] > 0)))


def run(args):
    torch.manual_seed(args.seed)
    ranks, where = loop.Ranks(args), loop.device()
    model = InfLlava(default_config()).to(where)
    head = nn.Linear(model.cfg["mm_hidden_size"], sum(PATCH.values())).to(where)
    opt, start, path = loop.optimiser([model.tower], [head], args.rate), 0, os.path.join(args.state, "read.pt")
    if os.path.exists(path):
        state = torch.load(path, map_location=where)
        model.tower.load_state_dict(state["tower"]), head.load_state_dict(state["head"])
        opt.load_state_dict(state["opt"])
        start = state["step"]
    elif args.begin:
        model.tower.load_state_dict(load_checkpoint(args.begin).tower.state_dict())
    tower = torch.compile(model.tower) if args.compile else model.tower
    held = data.windows(random.Random(0), [scenes.make_crowd(k, look=scenes.FREE) for k in range(12)], 128)
    held_fonts = data.windows(random.Random(0), [scenes.make_crowd(k, True, scenes.FREE) for k in range(12)], 128)
    held, held_fonts = ([t.to(where) for t in h] for h in (held, held_fonts))
    stream = data.batches(data.Reading("read", args, ranks.rank, start, args.batch // ranks.world), args.workers)
    log, total = loop.Log(args.state, "read", start, args.steps), 0.0
    params = [*model.tower.parameters(), *head.parameters()]
    for step in range(start, args.steps):
        pixels, labels = next(stream)
        loop.set_rate(opt, step, args)
        loss = losses(head(tower(data.exposed(pixels.to(where)))), PATCH, labels.to(where))
        ranks.update(opt, params, loss)
        total += loss.detach()
        if ranks.first and (step + 1) % args.report == 0:
            unseen = {"unseen_" + k: v for k, v in measure(head, model.tower, held_fonts).items()}
            log.report(step, loss=total.item() / args.report, **measure(head, model.tower, held), **unseen)
            total = 0.0
        if ranks.first and ((step + 1) % args.save == 0 or step + 1 == args.steps):
            loop.save(path, tower=model.tower.state_dict(), head=head.state_dict(), opt=opt.state_dict(), step=step + 1)
