# SPDX-License-Identifier: Apache-2.0
"""Stage 1: the tower learns to read. Random 112-pixel windows of text sheets, a character label per patch."""

import multiprocessing
import os
from collections import deque

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

import loop
import scenes
from model import InfLlava, default_config, normalise

TILE = 112


def windows(rng, pool, count):
    """Random windows of the pool's sheets: pixels uint8 [count,112,112,3], labels uint8 [count,64]."""
    pixels, labels = np.empty((count, TILE, TILE, 3), np.uint8), np.empty((count, 64), np.uint8)
    for k in range(count):
        sheet, chars = pool[rng.integers(len(pool))]
        y, x = rng.integers(0, scenes.SIZE - TILE + 1, 2)
        pixels[k] = sheet[y:y + TILE, x:x + TILE]
        labels[k] = chars[y + 7:y + TILE:14, x + 7:x + TILE:14].reshape(-1)
    return torch.from_numpy(pixels), torch.from_numpy(labels).long()


def run(args):
    torch.manual_seed(args.seed)
    model, where = InfLlava(default_config()).to(loop.device()), loop.device()
    head = nn.Linear(model.cfg["mm_hidden_size"], 37).to(where)
    opt, start, path = loop.optimiser([model.tower, head], args.rate), 0, os.path.join(args.state, "read.pt")
    if os.path.exists(path):
        state = torch.load(path, map_location=where)
        model.tower.load_state_dict(state["tower"]), head.load_state_dict(state["head"])
        opt.load_state_dict(state["opt"])
        start = state["step"]
    tower = torch.compile(model.tower) if args.compile else model.tower
    held = [scenes.make_sheet(args.seed * 1000003 + 900000 + k) for k in range(12)]
    workers = multiprocessing.get_context("spawn").Pool(args.workers)
    fresh = loop.ahead(workers, scenes.make_sheet, range(args.seed * 1000003 + start, args.seed * 1000003 + 800000))
    pool = deque((next(fresh) for _ in range(args.pool)), maxlen=args.pool * 4)
    log, total = loop.Log(args.state, "read", start, args.steps), 0.0
    for step in range(start, args.steps):
        rng = np.random.default_rng([args.seed, step])
        if step % 4 == 0:
            pool.append(next(fresh))
        pixels, labels = windows(rng, pool, args.batch)
        for group in opt.param_groups:
            group["lr"] = loop.rate_at(step, args.steps, args.rate)
        scores = head(tower(normalise(pixels.to(where))))
        loss = F.cross_entropy(scores.flatten(0, 1), labels.to(where).flatten())
        opt.zero_grad(), loss.backward()
        nn.utils.clip_grad_norm_(model.tower.parameters(), 1.0)
        opt.step()
        total += loss.item()
        if (step + 1) % 25 == 0:
            pixels, labels = windows(np.random.default_rng(step), held, args.batch)
            with torch.no_grad():
                right = head(tower(normalise(pixels.to(where)))).argmax(-1).cpu() == labels
            log.report(step, loss=total / 25, read=right[labels > 0].float().mean().item())
            total = 0.0
        if (step + 1) % 200 == 0 or step + 1 == args.steps:
            loop.save(path, tower=model.tower.state_dict(), head=head.state_dict(), opt=opt.state_dict(), step=step + 1)
    workers.terminate()
