# SPDX-License-Identifier: Apache-2.0
"""Stage 8: a tower that reads on the lattice teaches itself to read anywhere. A window of a lattice crowd, or a lattice scene, is
moved by almost half a patch both ways, and the tower is to see in it what it saw before it was moved; so DEM, projector and
language model, which stay as they are, know what they get. The way that pictures are moved grows over the first quarter."""

import itertools
import os
import random
from collections import deque

import numpy as np
import torch

import data
import loop
import scenes
import train_ask
import train_fuse
from model import InfLlava, normalise
from parity import load_checkpoint
from tokenizer import Prompt, build

REACH = 6  # with the lattice's own two pixels half a patch; further, two patches would claim the middle of one item
LOOK = scenes.LATTICE._replace(photos=0.25, empty=0.03)
CORNERS = [(y, x) for y in range(14, 190, 56) for x in range(14, 190, 56)]  # of windows in a crowd, room for moves about each
TEXT = 4.0  # weight of rows about the middle of an item, beyond that of every row


def moved(pixels, dy, dx):
    """A picture moved down and right, its border repeated."""
    rows, columns = (np.clip(np.arange(scenes.SIZE) - by, 0, scenes.SIZE - 1) for by in (dy, dx))
    return pixels[rows][:, columns]


class Lesson:
    """Pictures with what the teacher sees in them where they were drawn: windows of crowds, and scenes as a whole."""

    def __init__(self, teacher, args, rank, start):
        self.teacher, self.rng = teacher, random.Random(data.seed_of(args.seed, "shift", rank, start))
        self.seeds = (data.seed_of(args.seed, "shift", rank, k) for k in itertools.count(start + 1))
        self.crowds, self.scenes = deque(maxlen=args.pool), deque(maxlen=args.pool)
        for _ in range(args.pool // 8):
            self.draw_crowd(), self.draw_scene()

    def draw_crowd(self):
        crowd = scenes.make_crowd(next(self.seeds), look=LOOK)
        tiles = np.stack([crowd.pixels[y:y + data.TILE, x:x + data.TILE] for y, x in CORNERS])
        labels = np.stack([scenes.patch_labels(crowd, (x, y, x + data.TILE, y + data.TILE)).reshape(64, 6) for y, x in CORNERS])
        middle = torch.from_numpy((labels[..., 3] != scenes.IGNORE) & (labels[..., 1] > 0))
        with torch.no_grad():
            out = self.teacher.tower(normalise(torch.from_numpy(tiles))).half()
        self.crowds.append((crowd.pixels, out, 1 + TEXT * middle))

    def draw_scene(self):
        scene = scenes.make_scene(next(self.seeds), look=LOOK)
        out = train_fuse.encode(self.teacher, [scene.pixels], "cpu")[0]
        self.scenes.append((scene.pixels, out, 1 + TEXT * torch.from_numpy(scenes.token_labels(scene)[:, 2] == 1)))

    def batch(self, windows, whole, reach):
        """Moved windows, what to see in them and weights; and of whole scenes the same."""
        rng, shift = self.rng, lambda: self.rng.randint(-reach, reach)
        if rng.random() < 0.25:
            self.draw_crowd()
        if rng.random() < 0.25:
            self.draw_scene()
        tiles, wanted, weight = [], [], []
        for _ in range(windows):
            pixels, out, weights = rng.choice(self.crowds)
            k = rng.randrange(len(CORNERS))
            y, x = (at + shift() for at in CORNERS[k])
            tiles.append(pixels[y:y + data.TILE, x:x + data.TILE]), wanted.append(out[k]), weight.append(weights[k])
        picked = [rng.choice(self.scenes) for _ in range(whole)]
        pictures = np.stack([moved(pixels, shift(), shift()) for pixels, _, _ in picked])
        stack = lambda parts: torch.stack(list(parts)).float()
        return ((torch.from_numpy(np.stack(tiles)), stack(wanted), stack(weight)),
                (torch.from_numpy(pictures), stack(p[1] for p in picked), stack(p[2] for p in picked)))


def far(out, wanted, weight, spread):
    """Weighted mean square of the distance, each channel in units of its spread."""
    return (((out - wanted) / spread).square().mean(-1) * weight).mean()


def run(args):
    torch.manual_seed(args.seed + 7)
    ranks, path = loop.Ranks(args), os.path.join(args.state, "shift.pt")
    teacher, prompt, start = load_checkpoint(args.begin), Prompt(build()), 0
    model = load_checkpoint(args.begin)
    opt = loop.optimiser([model.tower], [], args.rate)
    if os.path.exists(path):
        state = torch.load(path)
        model.load_state_dict(state["model"]), opt.load_state_dict(state["opt"])
        start = state["step"]
    lesson = Lesson(teacher, args, ranks.rank, start)
    spread = torch.cat([out.flatten(0, 1) for _, out, _ in lesson.crowds]).float().std(0)
    whole = torch.stack([out for _, out, _ in lesson.scenes]).float()
    fused = teacher.fuse(whole[:, :9], whole[:, 9]).detach().flatten(0, 1).std(0)
    pixels, asked = train_ask.held_questions(10_000, 40, 8, scenes.LATTICE)
    held = {name: np.stack([moved(p, by, by) for p in pixels]) for name, by in (("lattice", 0), ("by_3", 3), ("by_7", 7))}
    log, total = loop.Log(args.state, "shift", start, args.steps), 0.0
    params, share = list(model.tower.parameters()), args.batch // ranks.world
    for step in range(start, args.steps):
        loop.set_rate(opt, step, args)
        reach = min(REACH, 3 + 12 * step // args.steps)
        (tiles, wanted, weight), (pictures, seen, middles) = lesson.batch(share, max(1, share // 64), reach)
        cut = model.cut(data.exposed(pictures))
        out = model.tower(torch.cat([data.exposed(tiles), cut]))
        whole = out[share:].view(len(pictures), 10, *out.shape[1:])
        loss = (far(out[:share], wanted, weight, spread) + 0.3 * far(whole, seen, 1.0, spread)
                + far(model.fuse(whole[:, :9], whole[:, 9]), teacher.fuse(seen[:, :9], seen[:, 9]).detach(), middles, fused))
        ranks.update(opt, params, loss)
        total += loss.item()
        if ranks.first and (step + 1) % args.report == 0:
            rows = {name: model.model.mm_projector(train_ask.encode(model, some, "cpu").float()).detach() for name, some in held.items()}
            table = {name: train_ask.share(train_ask.measure(model, prompt, some, asked)) for name, some in rows.items()}
            log.report(step, loss=total / args.report, **{name: table["by_7"][name] for name in ("number", "word", "digit")},
                       **{name: t["held"] for name, t in table.items()})
            total = 0.0
        if ranks.first and ((step + 1) % args.save == 0 or step + 1 == args.steps):
            loop.save(path, model=model.state_dict(), opt=opt.state_dict(), step=step + 1)
