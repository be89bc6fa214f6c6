# SPDX-License-Identifier: Apache-2.0
"""Endless batches for the training stages, drawn in the training process (workers = 0) or by DataLoader workers.

Every stream (process and worker) has its own seeds and its own pool of recent pictures: some pictures of a batch are
new, the rest come from the pool. A run repeats exactly given seed, ranks, workers and the step
where it was started.
"""

import itertools
import random
from collections import deque

import numpy as np
import torch
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

import layouts
import questions
import scenes
from model import normalise

TILE = 112
STAGE_SEEDS = {"read": 1, "see": 2, "fuse": 3, "ask": 4, "tune": 5, "talk": 6, "settle": 7, "shift": 0}


def seed_of(seed, stage, stream, k):
    """Seeds of different stages, streams and pictures never meet; those of held-out pictures lie far below all."""
    return ((seed * 8 + STAGE_SEEDS[stage]) * 4096 + stream) * (1 << 32) + k


def windows(rng, crowds, count):
    """Random windows of crowds: pixels uint8 [count,112,112,3], patch labels [count,64,6]."""
    pixels, labels = np.empty((count, TILE, TILE, 3), np.uint8), np.empty((count, 64, 6), np.uint8)
    for k in range(count):
        crowd = crowds[rng.randrange(len(crowds))]
        y, x = (rng.randint(0, scenes.SIZE - TILE) for _ in range(2))
        pixels[k] = crowd.pixels[y:y + TILE, x:x + TILE]
        labels[k] = scenes.patch_labels(crowd, (x, y, x + TILE, y + TILE)).reshape(64, 6)
    return torch.from_numpy(pixels), torch.from_numpy(labels).long()


def exposed(pixels):
    """Normalised float pixels with a random exposure and tint per picture, so that a picture's reuse is not its copy."""
    gain = (0.85 + 0.25 * torch.rand(len(pixels), 1, device=pixels.device)) * (
        0.96 + 0.08 * torch.rand(len(pixels), 3, device=pixels.device))
    return normalise((pixels * gain[:, None, None]).clamp_(max=255))


def dense(picked):
    """Scenes -> pixels uint8 [B,336,336,3], token labels [B,64,7], patch labels [B,9,64,6] in crop order."""
    pixels = torch.from_numpy(np.stack([s.pixels for s in picked]))
    tokens = torch.from_numpy(np.stack([scenes.token_labels(s) for s in picked])).long()
    crops = [[scenes.patch_labels(s, (x, y, x + TILE, y + TILE)).reshape(64, 6) for y in range(0, scenes.SIZE, TILE)
              for x in range(0, scenes.SIZE, TILE)] for s in picked]
    return pixels, tokens, torch.from_numpy(np.array(crops)).long()


class Packed:
    """Questions and answers of several pictures, those of one picture in a row: ids, targets (-1: no loss), number of
    the question (-1: filling) and place within it, each [B,T]; answers [B,K]: places of targets, filled up with 0, which has none."""

    def __init__(self, prompt, asked):
        rows = [[], [], [], []]
        for questions_of_one in asked:
            ids, targets, number, place = [], [], [], []
            for k, q in enumerate(questions_of_one):
                question, answer = prompt.question(q["question"]), prompt.answer(q["answer"])
                ids += question + answer[:-1]
                targets += [-1] * (len(question) - 1) + answer
                number += [k] * (len(question) + len(answer) - 1)
                place += range(len(question) + len(answer) - 1)
            for row, part in zip(rows, (ids, targets, number, place)):
                row.append(part)
        longest, self.questions = max(map(len, rows[0])), len(asked[0])
        full = lambda row, filling: torch.tensor([part + [filling] * (longest - len(part)) for part in row])
        self.ids, self.targets, self.number, self.place = map(full, rows, (0, -1, -1, 0))
        wanted = [[k for k, target in enumerate(row) if target >= 0] for row in rows[1]]
        most = max(map(len, wanted))
        self.answers = torch.tensor([w + [0] * (most - len(w)) for w in wanted])

    def to(self, where):
        for name in ("ids", "targets", "number", "place", "answers"):
            setattr(self, name, getattr(self, name).to(where))
        return self


def ask_all(rng, item_lists, count, held_out=False, unknown=False):
    """count questions about each picture; the last one repeats where a picture has fewer."""
    asked = []
    for items in item_lists:
        got = questions.ask(rng, items, count, held_out, unknown)
        asked.append(got + [got[-1]] * (count - len(got)))
    return asked


class Stream(IterableDataset):
    """Base: one endless stream of batches per process and worker. LOOKS: shares of looks that it draws."""

    LOOKS = {}

    def __init__(self, stage, args, rank, start, batch, prompt=None):
        self.stage, self.seed, self.rank, self.start, self.batch = stage, args.seed, rank, start, batch
        self.slots, self.pool, self.prompt = max(1, args.workers), args.pool, prompt
        self.grown = args.steps / 3

    def __iter__(self):
        info = get_worker_info()
        stream = self.rank * self.slots + (info.id if info else 0)
        numbers = iter(range(self.start * self.batch, 1 << 31))
        return self.batches(random.Random(seed_of(self.seed, self.stage, stream, self.start)),
                            lambda: seed_of(self.seed, self.stage, stream, next(numbers)))

    def scene(self, rng, new):
        """A new scene with one of this stream's looks."""
        return scenes.make_scene(new(), look=rng.choices(list(self.LOOKS), list(self.LOOKS.values()))[0])


class Reading(Stream):
    """(pixels, labels) windows of crowds."""

    def batches(self, rng, new):
        crowds = deque((scenes.make_crowd(new(), look=scenes.FREE) for _ in range(self.pool // 4)), maxlen=self.pool)
        while True:
            fresh = [scenes.make_crowd(new(), look=scenes.FREE) for _ in range(3)]
            crowds.extend(fresh)
            old, recent = windows(rng, crowds, self.batch // 2), windows(rng, fresh, self.batch - self.batch // 2)
            yield [torch.cat(pair) for pair in zip(old, recent)]


class Seeing(Stream):
    """(pixels, tokens, patches): half crowds, half scenes; a quarter new."""

    def batches(self, rng, new):
        make = lambda: scenes.make_crowd(new(), look=scenes.FREE) if rng.random() < 0.5 else scenes.make_scene(new(), look=scenes.FREE)
        pool = deque((make() for _ in range(self.pool // 8)), maxlen=self.pool)
        while True:
            fresh = [make() for _ in range(max(1, self.batch // 4))]
            pool.extend(fresh)
            picked = fresh + [rng.choice(pool) for _ in range(self.batch - len(fresh))]
            yield dense(picked)


class Talking(Stream):
    """(token labels [B,64,7], packed): layouts, ten questions each; full scenes after a third."""

    def batches(self, rng, new):
        for step in itertools.count(self.start):
            level = min(1.0, step / self.grown)
            items = [layouts.make_layout(new(), level) for _ in range(self.batch)]
            labels = torch.from_numpy(np.stack([layouts.layout_labels(rng, some) for some in items])).long()
            yield labels, Packed(self.prompt, ask_all(rng, items, 10))


class Drawing(Stream):
    """Lists of new scenes: on the lattice, free, and photographs with nothing on them, which are learnt last and differ most."""

    LOOKS = {scenes.FREE._replace(free=False, plain=1.0, photos=0.3, empty=0.05): 0.36,
             scenes.FREE._replace(plain=0.8, photos=0.4): 0.42, scenes.Look(photos=1.0, empty=1.0): 0.22}

    def batches(self, rng, new):
        while True:
            yield [self.scene(rng, new) for _ in range(self.batch)]


class Tuning(Stream):
    """(pixels, tokens, patches, packed questions, window pixels, window labels): free scenes, beside them some on the lattice
    and photographs with nothing on them, half new, ten questions each; and 16 windows of free crowds for each scene, which
    hold ten times the text."""

    LOOKS = {scenes.FREE._replace(free=False, plain=1.0, photos=0.3, empty=0.05): 0.3,
             scenes.FREE._replace(plain=0.8, photos=0.3, empty=0.02): 0.58, scenes.Look(photos=1.0, empty=1.0): 0.12}
    CROWD = scenes.FREE._replace(plain=0.8, photos=0.3)

    def batches(self, rng, new):
        pool = deque((self.scene(rng, new) for _ in range(self.pool // 8)), maxlen=self.pool)
        crowds = deque((scenes.make_crowd(new(), look=self.CROWD) for _ in range(self.pool // 8)), maxlen=self.pool)
        while True:
            if rng.random() < 0.5:
                crowds.append(scenes.make_crowd(new(), look=self.CROWD))
            picked = [rng.choice(pool) for _ in range(self.batch)]
            for k in range(self.batch):
                if rng.random() < 0.5:
                    picked[k] = self.scene(rng, new)
                    pool.append(picked[k])
            packed = Packed(self.prompt, ask_all(rng, [s.items for s in picked], 10, unknown=True))
            yield *dense(picked), packed, *windows(rng, crowds, 16 * self.batch)


class Asking(Stream):
    """(picture numbers, packed questions) over a fixed list of pictures' items."""

    def __init__(self, items, *rest):
        super().__init__(*rest)
        self.items = items

    def batches(self, rng, new):
        while True:
            picked = [rng.randrange(len(self.items)) for _ in range(self.batch)]
            yield picked, Packed(self.prompt, ask_all(rng, [self.items[k] for k in picked], 10, unknown=True))


def batches(dataset, workers):
    """Iterator over a stream's batches."""
    more = dict(prefetch_factor=2, multiprocessing_context="fork") if workers else {}
    return iter(DataLoader(dataset, batch_size=None, num_workers=workers, **more))
