# SPDX-License-Identifier: Apache-2.0
"""Scenes without pictures: items, places and token labels in a tenth of a millisecond, for teaching language alone."""

import random

import numpy as np

from scenes import CELL, GRID, SIZE, choose_items, find_place, item_row

FILL = {"circle": 0.79, "square": 1.0, "triangle": 0.5, "star": 0.4, "heart": 0.7, "cross": 0.6}  # of the bounding box


def make_layout(seed, level=1.0):
    """Items with boxes as make_scene would place them; at level 0 one to three items, at level 1 as many as a scene."""
    rng, items = random.Random(seed), []
    chosen = choose_items(rng)
    if rng.random() >= level:
        chosen = rng.sample(chosen, rng.choice([1, 2, 2, 3]))
    for item in chosen:
        size = (item.size, item.size) if item.kind == "shape" else (
            int(item.size * rng.uniform(0.6, 0.85) * len(item.text)) + rng.randint(12, 24), item.size + rng.randint(12, 24))
        corner = find_place(rng, item, size, items)
        if corner:
            item.box = (*corner, corner[0] + size[0], corner[1] + size[1])
            items.append(item)
    return items


def layout_labels(rng, items):
    """Token labels uint8 [64,7] as scenes.token_labels; whether a barely covered token counts is left to chance."""
    out = np.zeros((GRID, GRID, 7), np.uint8)
    most = np.zeros((GRID, GRID))
    for item in items:
        row = item_row(item)
        x0, y0, x1, y1 = item.box
        for i in range(y0 // CELL, min(GRID - 1, (y1 - 1) // CELL) + 1):
            for j in range(x0 // CELL, min(GRID - 1, (x1 - 1) // CELL) + 1):
                part = (min(x1, (j + 1) * CELL) - max(x0, j * CELL)) * (min(y1, (i + 1) * CELL) - max(y0, i * CELL))
                part *= FILL.get(item.shape, 1.0) / (CELL * CELL)
                if part > max(most[i, j], rng.uniform(0.1, 0.26)):
                    out[i, j, :2], most[i, j] = row[:2], part
    for item in items:
        x, y = item.centre
        out[min(GRID - 1, int(y) // CELL), min(GRID - 1, int(x) // CELL)] = item_row(item)
    return out.reshape(GRID * GRID, 7)
