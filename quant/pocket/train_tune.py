# SPDX-License-Identifier: Apache-2.0
"""Stage 4: everything together on fresh scenes, at a low rate: answers, plus the dense labels so reading goes on."""

import multiprocessing
import os
import random
from collections import deque

import numpy as np
import torch
from torch import nn

import export
import loop
import questions
import train_ask
import train_see
from model import normalise
from tokenizer import Prompt, build


def run(args):
    torch.manual_seed(args.seed + 3)
    where, path = loop.device(), os.path.join(args.state, "tune.pt")
    model, prompt = export.trained(args.state).to(where), Prompt(build())
    heads = train_see.Heads(model.cfg["mm_hidden_size"]).to(where)
    opt, start = loop.optimiser([model, heads], args.rate), 0
    if os.path.exists(path):
        state = torch.load(path, map_location=where)
        heads.load_state_dict(state["heads"]), opt.load_state_dict(state["opt"])
        start = state["step"]
    else:
        heads.load_state_dict(torch.load(os.path.join(args.state, "see.pt"), map_location=where)["heads"])
    if args.compile:
        model.tower.forward = torch.compile(model.tower.forward)
    first = args.seed * 1000003
    pixels, held_asked = train_ask.held_questions(first + 940000, 96, 8)
    workers = multiprocessing.get_context("spawn").Pool(args.workers)
    jobs = ((first + 1_000_000_000 + k, False) for k in range(start * args.batch // 2, 800000))
    fresh = loop.ahead(workers, train_see.train_scene, jobs)
    pool = deque((next(fresh) for _ in range(min(args.pool, 200))), maxlen=args.pool)
    log, total, hits = loop.Log(args.state, "tune", start, args.steps), 0.0, []
    for step in range(start, args.steps):
        rng = random.Random(args.seed * 1_000_003 + step)
        for _ in range(args.batch // 2):
            pool.append(next(fresh))
        picked, asked = [], []
        while len(picked) < args.batch:
            scene = pool[-1 - len(picked)] if len(picked) < args.batch // 2 else rng.choice(pool)
            scene = scene.shifted(rng.randint(-4, 4), rng.randint(-4, 4))
            got = questions.ask(rng, scene.items, 10)
            while 0 < len(got) < 10:
                got.append(got[-1])
            picked.append(scene), asked.append(got)
        images, tokens, patches = (t.to(where) for t in train_see.batch_of(picked))
        for group in opt.param_groups:
            group["lr"] = loop.rate_at(step, args.steps, args.rate, 50)
        crops, base = model.tiles(normalise(images))
        fused = model.fuse(crops, base)
        answers, right = train_ask.loss_and_right(model, prompt, fused, asked)
        loss = (answers + 0.1 * train_see.losses(heads.token(fused), train_see.TOKEN, tokens)
                + 0.1 * train_see.losses(heads.patch(crops), train_see.PATCH, patches))
        opt.zero_grad(), loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
        total += answers.item()
        hits.append(right.float().mean().item())
        if (step + 1) % 50 == 0:
            values = {}
            if (step + 1) % 150 == 0:
                table = train_ask.measure(model, prompt, train_ask.encode(model, pixels, where), held_asked)
                values = {k: a / b for k, (a, b) in sorted(table.items())}
                values["held"] = sum(a for a, _ in table.values()) / sum(b for _, b in table.values())
            log.report(step, loss=total / 50, right=float(np.mean(hits)), **values)
            total, hits = 0.0, []
        if (step + 1) % 100 == 0 or step + 1 == args.steps:
            loop.save(path, model=model.state_dict(), heads=heads.state_dict(), opt=opt.state_dict(), step=step + 1)
    workers.terminate()
