# SPDX-License-Identifier: Apache-2.0
"""Stage 2: the language model learns to answer from symbols. The rows in the picture's place are sums of embeddings of
the token labels of layouts that nobody draws, so a picture costs next to nothing and its rows say everything plainly.
The number of items grows in the first third. Stage `join` then teaches the projector to write the same rows."""

import os
import random

import torch
from torch import nn

import data
import layouts
import loop
import questions
import scenes
import train_ask
from model import InfLlava, default_config
from tokenizer import Prompt, build

SIZES = (8, 9, 2, 3, 11, 11, 17)  # classes of scenes.token_labels


class Symbols(nn.Module):
    """Token labels [B,64,7] -> rows [B,64,H]: the centre token of an item tells all about it and its place, every other
    token is the same, so that an item counts once and a glance at everything already says something."""

    def __init__(self, width):
        super().__init__()
        self.tables = nn.ModuleList(nn.Embedding(n, width) for n in (*SIZES, scenes.GRID, scenes.GRID))
        for table in self.tables:
            nn.init.normal_(table.weight, std=0.4)
        self.requires_grad_(False)

    def forward(self, labels):
        place = torch.arange(labels.shape[1], device=labels.device).expand(labels.shape[:2])
        columns = [*labels.unbind(-1), place // scenes.GRID, place % scenes.GRID]
        rows = sum(table(column) for table, column in zip(self.tables, columns))
        centre = labels[..., 2:3] == 1
        return torch.where(centre, rows, self.tables[2].weight[0])


def same_words(model, symbols, prompt, names):
    """Lets the words of questions start as the codes of what they mean, so that one rule, look for the same, finds all.
    names: (table, class, word)."""
    with torch.no_grad():
        for table, number, word in names:
            for text in (word, " " + word):
                ids = prompt.answer(text)[:-1]
                if len(ids) == 1:
                    model.model.embed_tokens.weight[ids[0]] = symbols.tables[table].weight[number]


def meanings():
    """(table, class, word) of kinds, colours, digits and words."""
    kinds = [(0, k + 1, word) for k, shape in enumerate(scenes.SHAPES + ["sign"]) for word in (shape, questions.PLURAL[shape])]
    return (kinds + [(1, k + 1, word) for k, word in enumerate(scenes.COLOUR_NAMES)] + [(4, k + 1, str(k)) for k in range(10)] +
            [(6, k + 1, word) for k, word in enumerate(scenes.WORDS)])


def held_layouts(seed, count, per_picture):
    """Labels of layouts no training seed makes, with questions in held-out wordings."""
    labels, asked = [], []
    for k in range(count):
        rng = random.Random(seed + k)
        items = layouts.make_layout(seed + k)
        labels.append(torch.from_numpy(layouts.layout_labels(rng, items)))
        asked += data.ask_all(rng, [items], per_picture, True)
    return torch.stack(labels).long(), asked


def run(args):
    torch.manual_seed(args.seed + 4)
    ranks, where = loop.Ranks(args), loop.device()
    model, prompt = InfLlava(default_config()).to(where), Prompt(build())
    symbols = Symbols(model.cfg["hidden_size"]).to(where)
    opt = loop.optimiser([model.model.layers], [symbols, model.model.embed_tokens, model.model.norm, model.lm_head], args.rate)
    language, start, path = train_ask.language_of(model), 0, os.path.join(args.state, "talk.pt")
    if os.path.exists(path):
        state = torch.load(path, map_location=where)
        language.load_state_dict(state["language"]), symbols.load_state_dict(state["symbols"])
        opt.load_state_dict(state["opt"])
        start = state["step"]
    else:
        same_words(model, symbols, prompt, meanings())
    held, held_asked = held_layouts(10_000, 64, 10)
    stream = data.batches(data.Talking("talk", args, ranks.rank, start, args.batch // ranks.world, prompt), args.workers)
    log, total, hits = loop.Log(args.state, "talk", start, args.steps), 0.0, 0.0
    params = [p for g in opt.param_groups for p in g["params"]]
    for step in range(start, args.steps):
        labels, packed = next(stream)
        loop.set_rate(opt, step, args)
        rows = symbols(labels.to(where))
        loss, right = train_ask.loss_and_right(model, prompt, rows + 0.2 * torch.randn_like(rows), packed)
        ranks.update(opt, params, loss)
        total, hits = total + loss.detach(), hits + right.float().mean()
        if ranks.first and (step + 1) % args.report == 0:
            with torch.no_grad():
                table = train_ask.measure(model, prompt, symbols(held), held_asked)
            log.report(step, loss=total.item() / args.report, right=hits.item() / args.report, **train_ask.share(table))
            total = hits = 0.0
        if ranks.first and ((step + 1) % args.save == 0 or step + 1 == args.steps):
            loop.save(path, language=language.state_dict(), symbols=symbols.state_dict(), opt=opt.state_dict(),
                      step=step + 1)
