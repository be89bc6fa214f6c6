# SPDX-License-Identifier: Apache-2.0
"""Stage 5: projector and language model get used to each other and to what the tower mistakes, on cached visual features."""

import glob
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
from tokenizer import Prompt, build


def encode(model, pictures, where, ablate=None):
    """Pictures uint8 -> fused features float16 [N,64,C]."""
    out = []
    with torch.no_grad():
        for k in range(0, len(pictures), 16):
            pixels = torch.from_numpy(np.stack(pictures[k:k + 16])).to(where)
            out.append(model.fuse(*model.tiles(normalise(pixels)), ablate).half().cpu())
    return torch.cat(out)


def answer_rows(model, prompt, pictures, packed):
    """Logit-ready hidden rows [B,K,H] of the places packed.answers of packed questions behind the shared prefix: system
    text, then the picture's rows [B,64,H]. A question sees the prefix and itself."""
    where, before, (batch, rows, _) = pictures.device, len(prompt.before), pictures.shape
    causal = lambda n: torch.ones(n, n, dtype=torch.bool, device=where).tril()
    system = model.model.embed_tokens(torch.tensor(prompt.before, device=where))[None]
    _, past = model.language(system, torch.arange(before, device=where), causal(before))
    length = packed.ids.shape[1]
    mask = torch.zeros(batch, 1, rows + length, before + rows + length, dtype=torch.bool, device=where)
    mask[..., :before] = True
    mask[:, :, :rows, before:before + rows] = causal(rows)
    mask[:, :, rows:, before:before + rows] = True
    mask[:, 0, rows:, before + rows:] = (packed.number[:, :, None] == packed.number[:, None]) & causal(length)
    first = torch.arange(before, before + rows, device=where).expand(batch, rows)
    x = torch.cat([pictures, model.model.embed_tokens(packed.ids)], 1)
    positions = torch.cat([first, before + rows + packed.place], 1)
    return model.language(x, positions, mask, past, rows + packed.answers)[0]


def loss_and_right(model, prompt, pictures, packed):
    """Mean loss of the answers' tokens, and [B,Q] whether greedy decoding gives the whole answer."""
    packed = packed.to(pictures.device)
    targets, number = packed.targets.gather(1, packed.answers), packed.number.gather(1, packed.answers)
    at = (targets >= 0).nonzero(as_tuple=True)
    scores = model.lm_head(answer_rows(model, prompt, pictures, packed)[at])
    loss = F.cross_entropy(scores, targets[at])
    wrong = torch.zeros(len(pictures), packed.questions, dtype=torch.long, device=pictures.device)
    wrong.index_put_((at[0], number[at]), (scores.argmax(-1) != targets[at]).long(), accumulate=True)
    return loss, wrong == 0


def held_questions(seed, pictures, per_picture, look=scenes.FREE):
    """Held-out scenes with their questions: (pixels list, asked list)."""
    pixels, asked = [], []
    for k in range(pictures):
        scene = scenes.make_scene(seed + k, True, look)
        got = questions.ask(random.Random(seed + k), scene.items, per_picture, True, look.free)
        if len(got) == per_picture:
            pixels.append(scene.pixels), asked.append(got)
    return pixels, asked


def measure(model, prompt, pictures, asked):
    """{category: (right, asked)}; pictures: projected rows [N,64,H]."""
    hits = {}
    with torch.no_grad():
        for k in range(0, len(asked), 16):
            _, right = loss_and_right(model, prompt, pictures[k:k + 16], data.Packed(prompt, asked[k:k + 16]))
            for row, qs in zip(right.tolist(), asked[k:k + 16]):
                for ok, q in zip(row, qs):
                    a, b = hits.get(q["category"], (0, 0))
                    hits[q["category"]] = (a + ok, b + 1)
    return hits


def share(hits):
    """measure()'s table as shares, with the whole under `held`."""
    out = {k: a / b for k, (a, b) in sorted(hits.items())}
    return dict(out, held=sum(a for a, _ in hits.values()) / sum(b for _, b in hits.values()))


def held_sets():
    """Held-out pictures and questions by what their scenes are: items anywhere, and on the lattice."""
    return {name: held_questions(10_000, count, 8, look) for name, count, look in
            (("free", 72, scenes.Look(free=True)), ("lattice", 40, scenes.LATTICE))}


def measured(model, prompt, held, where):
    """Shares of held-out answers by category, of items anywhere and all of those on the lattice."""
    table = {}
    for name, (pixels, asked) in held.items():
        with torch.no_grad():
            rows = model.model.mm_projector(encode(model, pixels, where).float().to(where))
            table[name] = share(measure(model, prompt, rows, asked))
    return dict(table["free"], lattice=table["lattice"]["held"])


def fused_features(args, model, where):
    """What the DEM makes of the features that stage `fuse` left, float16 [N,64,C], and the items of those scenes."""
    features, items = [], []
    for path in sorted(glob.glob(os.path.join(args.state, "features*.pt"))):
        have = torch.load(path, weights_only=False)
        items += have["items"]
        with torch.no_grad():
            for k in range(0, len(have["items"]), 64):
                out = torch.stack(have["features"][k:k + 64]).float().to(where)
                features.append(model.fuse(out[:, :9], out[:, 9], args.ablate).half().cpu())
    return torch.cat(features), items


def language_of(model):
    """What answers from visual rows."""
    return nn.ModuleList([model.model.embed_tokens, model.model.layers, model.model.norm, model.lm_head])


def joined(folder, where):
    """The model as stages `talk` and `fuse` left it."""
    model = InfLlava(default_config()).to(where)
    language_of(model).load_state_dict(torch.load(os.path.join(folder, "talk.pt"), map_location=where)["language"])
    seen = torch.load(os.path.join(folder, "fuse.pt"), map_location=where)["modules"]
    for module, weights in zip((model.tower, model.model.spatial_embed, model.model.mm_projector), seen):
        module.load_state_dict(weights)
    return model


def run(args):
    torch.manual_seed(args.seed + 2)
    ranks, where = loop.Ranks(args), loop.device()
    model, prompt, path = joined(args.state, where), Prompt(build()), os.path.join(args.state, "ask.pt")
    language = nn.ModuleList([language_of(model), model.model.mm_projector])
    opt = loop.optimiser([model.model.layers, model.model.mm_projector],
                         [model.model.embed_tokens, model.model.norm, model.lm_head], args.rate)
    start = 0
    if os.path.exists(path):
        state = torch.load(path, map_location=where)
        language.load_state_dict(state["language"]), opt.load_state_dict(state["opt"])
        start = state["step"]
    pixels, held_asked = held_questions(10_000, 96, 8)
    held = encode(model, pixels, where, args.ablate).float()
    features, items = fused_features(args, model, where)
    stream = data.batches(data.Asking(items, "ask", args, ranks.rank, start, args.batch // ranks.world, prompt),
                          args.workers)
    log, total, hits = loop.Log(args.state, "ask", start, args.steps), 0.0, 0.0
    params = [p for g in opt.param_groups for p in g["params"]]
    project = model.model.mm_projector
    for step in range(start, args.steps):
        picked, packed = next(stream)
        loop.set_rate(opt, step, args)
        loss, right = loss_and_right(model, prompt, project(features[picked].float().to(where)), packed)
        ranks.update(opt, params, loss)
        total, hits = total + loss.detach(), hits + right.float().mean()
        if ranks.first and (step + 1) % args.report == 0:
            with torch.no_grad():
                table = measure(model, prompt, project(held.to(where)), held_asked)
            log.report(step, loss=total.item() / args.report, right=hits.item() / args.report, **share(table))
            total = hits = 0.0
        if ranks.first and ((step + 1) % args.save == 0 or step + 1 == args.steps):
            loop.save(path, language=language.state_dict(), opt=opt.state_dict(), step=step + 1)
