# SPDX-License-Identifier: Apache-2.0
"""Stage 3: projector and LLM learn to answer, on cached visual features; the questions of a picture share its prefix."""

import multiprocessing
import os
import random

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

import loop
import questions
import scenes
from model import InfLlava, default_config, normalise
from tokenizer import Prompt, build


def worker_scene(job):
    """Worker: (seed, held_out) -> (pixels, items)."""
    scene = scenes.make_scene(job[0], job[1])
    return scene.pixels, scene.items


def encode(model, pictures, where, ablate=None, dtype=torch.float16):
    """Pictures uint8 -> fused features [N,64,C]."""
    out = []
    with torch.no_grad():
        for k in range(0, len(pictures), 16):
            pixels = torch.from_numpy(np.stack(pictures[k:k + 16])).to(where)
            out.append(model.fuse(*model.tiles(normalise(pixels)), ablate).to(dtype).cpu())
    return torch.cat(out)


def pack(prompt, asked):
    """Questions per picture (lists of equal length) -> ids [B,Q*L], targets [B,Q*L] (-1: no loss), L."""
    rows = [[(prompt.question(q["question"]), prompt.answer(q["answer"])) for q in qs] for qs in asked]
    length = max(len(q) + len(a) - 1 for qs in rows for q, a in qs)
    ids = torch.zeros(len(rows), len(rows[0]), length, dtype=torch.long)
    targets = torch.full_like(ids, -1)
    for b, qs in enumerate(rows):
        for k, (q, a) in enumerate(qs):
            ids[b, k, :len(q) + len(a) - 1] = torch.tensor(q + a[:-1])
            targets[b, k, len(q) - 1:len(q) + len(a) - 1] = torch.tensor(a)
    return ids.flatten(1), targets.flatten(1), length


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


def loss_and_right(model, prompt, features, asked):
    """Mean loss of the answers' tokens, and [B,Q] whether greedy decoding gives the whole answer."""
    ids, targets, length = pack(prompt, asked)
    ids, targets = ids.to(features.device), targets.to(features.device)
    hidden = answer_scores(model, prompt, features, ids, length)
    scores = model.lm_head(hidden[targets >= 0])
    loss = F.cross_entropy(scores, targets[targets >= 0])
    wrong = torch.zeros_like(targets, dtype=torch.bool)
    wrong[targets >= 0] = scores.argmax(-1) != targets[targets >= 0]
    return loss, ~wrong.view(len(asked), -1, length).any(-1)


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
            _, right = loss_and_right(model, prompt, features[k:k + 16].float().to(where), asked[k:k + 16])
            for row, qs in zip(right.tolist(), asked[k:k + 16]):
                for ok, q in zip(row, qs):
                    a, b = hits.get(q["category"], (0, 0))
                    hits[q["category"]] = (a + ok, b + 1)
    return hits


def cache(args, model, where, first):
    """Features and items of training scenes no earlier stage saw; kept in STATE/cache.pt."""
    path = os.path.join(args.state, "cache.pt")
    have = torch.load(path, weights_only=False) if os.path.exists(path) else dict(features=[], items=[])
    if len(have["items"]) < args.pool:
        with multiprocessing.get_context("spawn").Pool(args.workers) as workers:
            jobs = ((first + 2_000_000_000 + k, False) for k in range(len(have["items"]), args.pool))
            pixels = []
            for picture, items in loop.ahead(workers, worker_scene, jobs, 64):
                pixels.append(picture), have["items"].append(items)
                if len(pixels) == 64 or len(have["items"]) == args.pool:
                    have["features"].append(encode(model, pixels, where))
                    pixels = []
                if len(have["items"]) % 1024 == 0:
                    print(f"cache {len(have['items'])}/{args.pool}", flush=True)
        loop.save(path, **have)
    return torch.cat(have["features"]), have["items"]


def run(args):
    torch.manual_seed(args.seed + 2)
    where = loop.device()
    model, prompt = InfLlava(default_config()).to(where), Prompt(build())
    first, path = args.seed * 1000003, os.path.join(args.state, "ask.pt")
    seen = torch.load(os.path.join(args.state, "see.pt"), map_location=where)
    model.tower.load_state_dict(seen["tower"]), model.model.spatial_embed.load_state_dict(seen["dem"])
    language = nn.ModuleList([model.model.mm_projector, model.model.embed_tokens, model.model.layers, model.model.norm,
                              model.lm_head])
    opt, start = loop.optimiser([language], args.rate), 0
    if os.path.exists(path):
        state = torch.load(path, map_location=where)
        language.load_state_dict(state["language"]), opt.load_state_dict(state["opt"])
        start = state["step"]
    features, items = cache(args, model, where, first)
    pixels, held_asked = held_questions(first + 940000, 96, 8)
    held = encode(model, pixels, where)
    log, total, hits = loop.Log(args.state, "ask", start, args.steps), 0.0, []
    for step in range(start, args.steps):
        rng = random.Random(args.seed * 1_000_003 + step)
        picked, asked = [], []
        while len(picked) < args.batch:
            k = rng.randrange(len(items))
            got = questions.ask(rng, items[k], 10)
            if len(got) == 10:
                picked.append(k), asked.append(got)
        for group in opt.param_groups:
            group["lr"] = loop.rate_at(step, args.steps, args.rate)
        loss, right = loss_and_right(model, prompt, features[picked].float().to(where), asked)
        opt.zero_grad(), loss.backward()
        nn.utils.clip_grad_norm_(language.parameters(), 1.0)
        opt.step()
        total += loss.item()
        hits.append(right.float().mean().item())
        if (step + 1) % 100 == 0:
            values = {}
            if (step + 1) % 300 == 0:
                table = measure(model, prompt, held, held_asked)
                values = {k: a / b for k, (a, b) in sorted(table.items())}
                values["held"] = sum(a for a, _ in table.values()) / sum(b for _, b in table.values())
            log.report(step, loss=total / 100, right=float(np.mean(hits)), **values)
            total, hits = 0.0, []
        if (step + 1) % 300 == 0 or step + 1 == args.steps:
            loop.save(path, language=language.state_dict(), opt=opt.state_dict(), step=step + 1)
