# SPDX-License-Identifier: Apache-2.0
"""Stage 3: projector and LLM learn to answer, on cached visual features; the questions of a picture share its prefix."""

import os
import random

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

import data
import loop
import questions
import scenes
from model import InfLlava, default_config, normalise
from parity import load_checkpoint
from tokenizer import Prompt, build


def encode(model, pictures, where):
    """Pictures uint8 -> fused features float16 [N,64,C]."""
    out = []
    with torch.no_grad():
        for k in range(0, len(pictures), 16):
            pixels = torch.from_numpy(np.stack(pictures[k:k + 16])).to(where)
            out.append(model.fuse(*model.tiles(normalise(pixels))).half().cpu())
    return torch.cat(out)


def answer_scores(model, prompt, features, ids, length):
    """Logit-ready hidden rows [B,Q*L,H] of packed questions behind the shared prefix: system text, then the picture."""
    where, before, rows = features.device, len(prompt.before), features.shape[1]
    causal = lambda n: torch.ones(n, n, dtype=torch.bool, device=where).tril()
    system = model.model.embed_tokens(torch.tensor(prompt.before, device=where))[None]
    _, past = model.language(system, torch.arange(before, device=where), causal(before))
    count = ids.shape[1] // length
    mask = torch.zeros(rows + ids.shape[1], before + rows + ids.shape[1], dtype=torch.bool, device=where)
    mask[:, :before] = True
    mask[:rows, before:before + rows] = causal(rows)
    mask[rows:, before:before + rows] = True
    mask[rows:, before + rows:] = torch.block_diag(*[causal(length)] * count).bool()
    positions = torch.cat([torch.arange(before, before + rows), before + rows + torch.arange(length).repeat(count)])
    x = torch.cat([model.model.mm_projector(features), model.model.embed_tokens(ids)], 1)
    hidden, _ = model.language(x, positions.to(where), mask, past)
    return hidden[:, rows:]


def loss_and_right(model, prompt, features, ids, targets, length):
    """Mean loss of the answers' tokens, and [B,Q] whether greedy decoding gives the whole answer."""
    ids, targets = ids.to(features.device), targets.to(features.device)
    hidden = answer_scores(model, prompt, features, ids, length)
    scores = model.lm_head(hidden[targets >= 0])
    loss = F.cross_entropy(scores, targets[targets >= 0])
    wrong = torch.zeros_like(targets, dtype=torch.bool)
    wrong[targets >= 0] = scores.argmax(-1) != targets[targets >= 0]
    return loss, ~wrong.view(len(ids), -1, length).any(-1)


def held_questions(seed, pictures, per_picture, held_out=True):
    """Held-out scenes with their questions: (pixels list, asked list)."""
    pixels, asked = [], []
    for k in range(pictures):
        scene = scenes.make_scene(seed + k, held_out)
        got = questions.ask(random.Random(seed + k), scene.items, per_picture, held_out)
        if len(got) == per_picture:
            pixels.append(scene.pixels), asked.append(got)
    return pixels, asked


def measure(model, prompt, features, asked):
    """{category: (right, asked)}; features float16 on the processor."""
    hits, where = {}, next(model.parameters()).device
    with torch.no_grad():
        for k in range(0, len(asked), 16):
            _, right = loss_and_right(model, prompt, features[k:k + 16].float().to(where),
                                      *data.pack(prompt, asked[k:k + 16]))
            for row, qs in zip(right.tolist(), asked[k:k + 16]):
                for ok, q in zip(row, qs):
                    a, b = hits.get(q["category"], (0, 0))
                    hits[q["category"]] = (a + ok, b + 1)
    return hits


def share(hits):
    """measure()'s table as shares, with the whole under `held`."""
    out = {k: a / b for k, (a, b) in sorted(hits.items())}
    return dict(out, held=sum(a for a, _ in hits.values()) / sum(b for _, b in hits.values()))


def cache(args, ranks, model, where):
    """Features and items of training scenes no earlier stage saw; kept in STATE/cacheRANK.pt, one part per process."""
    path, goal = os.path.join(args.state, f"cache{ranks.rank}.pt"), args.pool // ranks.world
    have = torch.load(path, weights_only=False) if os.path.exists(path) else dict(features=[], items=[])
    begin = len(have["items"])
    log = loop.Log(args.state, "cache", begin, goal)
    stream = data.batches(data.Drawing("cache", args, ranks.rank, begin // 64, 64), args.workers)
    while len(have["items"]) < goal:
        pixels, items = next(stream)
        have["features"].append(encode(model, pixels, where))
        have["items"] += items
        if len(have["items"]) % 512 == 0 or len(have["items"]) >= goal:
            loop.save(path, **have)
            if ranks.first:
                log.report(len(have["items"]) - 1)
    return torch.cat(have["features"]), have["items"]


def language_of(model):
    """The part that this stage trains."""
    return nn.ModuleList([model.model.mm_projector, model.model.embed_tokens, model.model.layers, model.model.norm,
                          model.lm_head])


def run(args):
    torch.manual_seed(args.seed + 2)
    ranks, where = loop.Ranks(args), loop.device()
    model, prompt = InfLlava(default_config()).to(where), Prompt(build())
    path = os.path.join(args.state, "ask.pt")
    seen = torch.load(os.path.join(args.state, "see.pt"), map_location=where)
    model.tower.load_state_dict(seen["tower"]), model.model.spatial_embed.load_state_dict(seen["dem"])
    language = language_of(model)
    opt, start = loop.optimiser([language], args.rate), 0
    if os.path.exists(path):
        state = torch.load(path, map_location=where)
        language.load_state_dict(state["language"]), opt.load_state_dict(state["opt"])
        start = state["step"]
    elif args.begin:
        language.load_state_dict(language_of(load_checkpoint(args.begin)).state_dict())
    features, items = cache(args, ranks, model, where)
    pixels, held_asked = held_questions(10_000, 96, 8)
    held = encode(model, pixels, where)
    stream = data.batches(data.Asking(items, "ask", args, ranks.rank, start, args.batch // ranks.world, prompt),
                          args.workers)
    log, total, hits, params = loop.Log(args.state, "ask", start, args.steps), 0.0, 0.0, list(language.parameters())
    for step in range(start, args.steps):
        picked, ids, targets, length = next(stream)
        loop.set_rate(opt, step, args)
        loss, right = loss_and_right(model, prompt, features[picked].float().to(where), ids, targets, length)
        ranks.update(opt, params, loss)
        total, hits = total + loss.detach(), hits + right.float().mean()
        if ranks.first and (step + 1) % args.report == 0:
            log.report(step, loss=total.item() / args.report, right=hits.item() / args.report,
                       **share(measure(model, prompt, held, held_asked)))
            total = hits = 0.0
        if ranks.first and ((step + 1) % args.save == 0 or step + 1 == args.steps):
            loop.save(path, language=language.state_dict(), opt=opt.state_dict(), step=step + 1)
