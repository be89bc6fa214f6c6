# SPDX-License-Identifier: Apache-2.0
"""Endless batches for the training stages, drawn in the training process (workers = 0) or by DataLoader workers.

Every stream (process and worker) has its own seeds and its own pool of recent pictures: some pictures of a batch are
new, the rest come from the pool, moved by a few pixels. A run repeats exactly given seed, ranks, workers and the step
where it was started.
"""

import random
from collections import deque

import numpy as np
import torch
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

import questions
import scenes

TILE = 112
STAGE_SEEDS = {"read": 1, "see": 2, "cache": 3, "ask": 4, "tune": 5, "held": 6}


def seed_of(seed, stage, stream, k):
    """Seeds of different stages, streams and pictures never meet; those of held-out pictures lie far below all."""
    return ((seed * 8 + STAGE_SEEDS[stage]) * 4096 + stream) * (1 << 32) + k


def windows(rng, sheets, count):
    """Random windows of text sheets: pixels uint8 [count,112,112,3], character labels [count,64]."""
    pixels, labels = np.empty((count, TILE, TILE, 3), np.uint8), np.empty((count, 64), np.uint8)
    for k in range(count):
        sheet, chars = sheets[rng.randrange(len(sheets))]
        y, x = rng.randint(0, scenes.SIZE - TILE), rng.randint(0, scenes.SIZE - TILE)
        pixels[k] = sheet[y:y + TILE, x:x + TILE]
        labels[k] = chars[y + 7:y + TILE:14, x + 7:x + TILE:14].reshape(-1)
    return torch.from_numpy(pixels), torch.from_numpy(labels).long()


def dense(picked):
    """Scenes -> pixels uint8 [B,336,336,3], token labels [B,64,9], patch labels [B,9,64,3] in crop order."""
    pixels = torch.from_numpy(np.stack([s.pixels for s in picked]))
    tokens = torch.from_numpy(np.stack([scenes.token_labels(s) for s in picked])).long()
    place = torch.arange(64).expand(len(picked), 64)
    tokens = torch.cat([tokens, torch.stack([place // 8, place % 8], -1)], -1)
    patches = torch.from_numpy(np.stack([scenes.patch_labels(s) for s in picked])).long()
    return pixels, tokens, patches.view(-1, 3, 8, 3, 8, 3).permute(0, 1, 3, 2, 4, 5).reshape(-1, 9, 64, 3)


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


def ask_all(rng, item_lists, count):
    """count questions about each picture; the last one repeats where a picture has fewer."""
    asked = []
    for items in item_lists:
        got = questions.ask(rng, items, count)
        asked.append(got + [got[-1]] * (count - len(got)))
    return asked


class Stream(IterableDataset):
    """Base: one endless stream of batches per process and worker."""

    def __init__(self, stage, args, rank, start, batch, prompt=None):
        self.stage, self.seed, self.rank, self.start, self.batch = stage, args.seed, rank, start, batch
        self.slots, self.pool, self.prompt = max(1, args.workers), args.pool, prompt

    def __iter__(self):
        info = get_worker_info()
        stream = self.rank * self.slots + (info.id if info else 0)
        numbers = iter(range(self.start * self.batch, 1 << 31))
        return self.batches(random.Random(seed_of(self.seed, self.stage, stream, self.start)),
                            lambda: seed_of(self.seed, self.stage, stream, next(numbers)))


class Reading(Stream):
    """(pixels, labels) windows of text sheets."""

    def batches(self, rng, new):
        sheets = deque((scenes.make_sheet(new()) for _ in range(self.pool // 4)), maxlen=self.pool)
        while True:
            sheets.append(scenes.make_sheet(new()))
            yield windows(rng, sheets, self.batch)


class Seeing(Stream):
    """(pixels, tokens, patches, windows, labels): three of five scenes crowded, a quarter new, plus text windows."""

    def batches(self, rng, new):
        make = lambda: scenes.make_scene(new(), crowd=rng.random() < 0.6)
        pool = deque((make() for _ in range(self.pool // 8)), maxlen=self.pool)
        sheets = deque((scenes.make_sheet(new()) for _ in range(40)), maxlen=300)
        while True:
            fresh = [make() for _ in range(max(1, self.batch // 4))]
            pool.extend(fresh)
            if rng.random() < 0.25:
                sheets.append(scenes.make_sheet(new()))
            picked = fresh + [rng.choice(pool) for _ in range(self.batch - len(fresh))]
            yield (*dense([s.shifted(rng.randint(-7, 7), rng.randint(-7, 7)) for s in picked]),
                   *windows(rng, sheets, self.batch * 3))


class Drawing(Stream):
    """(pixels uint8 [B,336,336,3], items per picture): ordinary scenes, all new."""

    def batches(self, rng, new):
        while True:
            some = [scenes.make_scene(new()) for _ in range(self.batch)]
            yield np.stack([s.pixels for s in some]), [s.items for s in some]


class Tuning(Stream):
    """(pixels, tokens, patches, ids, targets, length): ordinary scenes, half new, ten questions each."""

    def batches(self, rng, new):
        pool = deque((scenes.make_scene(new()) for _ in range(self.pool // 8)), maxlen=self.pool)
        while True:
            fresh = [scenes.make_scene(new()) for _ in range((self.batch + 1) // 2)]
            pool.extend(fresh)
            picked = fresh + [rng.choice(pool) for _ in range(self.batch - len(fresh))]
            picked = [s.shifted(rng.randint(-4, 4), rng.randint(-4, 4)) for s in picked]
            yield *dense(picked), *pack(self.prompt, ask_all(rng, [s.items for s in picked], 10))


class Asking(Stream):
    """(picture numbers, ids, targets, length) over a fixed list of pictures' items."""

    def __init__(self, items, *rest):
        super().__init__(*rest)
        self.items = items

    def batches(self, rng, new):
        while True:
            picked = [rng.randrange(len(self.items)) for _ in range(self.batch)]
            yield picked, *pack(self.prompt, ask_all(rng, [self.items[k] for k in picked], 10))


def batches(dataset, workers):
    """Iterator over a stream's batches."""
    more = dict(prefetch_factor=2, multiprocessing_context="fork") if workers else {}
    return iter(DataLoader(dataset, batch_size=None, num_workers=workers, **more))
