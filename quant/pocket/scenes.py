# SPDX-License-Identifier: Apache-2.0
"""Seeded generator of synthetic high-resolution scenes: signs, shapes, textures and the questions about them.

A picture is 336 x 336: 3 x 3 crops of 112 pixels, each an 8 x 8 grid of 14-pixel patches. Text is 14 to 24 pixels high,
which the 112-pixel base picture shrinks to 5 to 8 pixels.
"""

import functools
import io
import math
import random

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

import fonts

SIZE = 336
GRID = 8          # patches per tile side
CELL = SIZE // GRID  # pixels that one visual token stands for
COLOURS = {
    "red": (205, 35, 40), "green": (30, 150, 60), "blue": (35, 75, 205), "yellow": (242, 212, 40),
    "orange": (242, 130, 20), "purple": (130, 50, 165), "white": (242, 242, 242), "black": (24, 24, 28),
}
COLOUR_NAMES = list(COLOURS)
SHAPES = ["circle", "square", "triangle", "star", "heart", "cross"]
WORDS = ("STOP EXIT OPEN CAFE TAXI BANK HOTEL PARK SHOP ZOO BAR GYM "
         "TEA MILK FISH BOOK POST SALE FREE SLOW BUS SHIP FARM WOOD").split()
CHARS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"  # label of a character is its index + 1; 0 is none
AREAS = [["top left", "top", "top right"], ["left", "center", "right"], ["bottom left", "bottom", "bottom right"]]
SIGN = len(SHAPES) + 1  # kind labels: 0 none, 1.. shapes, then sign


class Item:
    """One sign or shape: what it is, where it is, what is written on it."""

    def __init__(self, kind, shape, colour, text, size):
        self.kind, self.shape, self.colour, self.text, self.size = kind, shape, colour, text, size
        self.box = None  # x0, y0, x1, y1 in the picture

    @property
    def centre(self):
        return (self.box[0] + self.box[2]) / 2, (self.box[1] + self.box[3]) / 2


# ---------------------------------------------------------------- drawing

def _jitter(rng, rgb, amount):
    return tuple(int(min(255, max(0, c + rng.randint(-amount, amount)))) for c in rgb)


def _ink(rng, colour):
    """A text colour that stands out on a plate of this colour."""
    dark = colour in ("yellow", "white", "orange") or (colour in ("green", "red") and rng.random() < 0.15)
    return _jitter(rng, (25, 25, 30) if dark else (235, 235, 230), 20)


@functools.lru_cache(None)
def _noise():
    return np.random.default_rng(1).standard_normal((1024, 1024, 3), dtype=np.float32)


def background(rng, nrng):
    """A dull texture: gradient, stripes, bricks or photo-like fractal noise. Returns an RGB picture."""
    half = SIZE // 2
    base = rng.uniform(85, 185) + nrng.uniform(-18, 18, 3)
    yy, xx = np.mgrid[0:half, 0:half].astype(np.float32) / half
    style = rng.randrange(5)
    if style == 0:
        angle = rng.uniform(0, 2 * math.pi)
        field = (xx - 0.5) * math.cos(angle) + (yy - 0.5) * math.sin(angle)
    elif style == 1:
        angle, freq = rng.uniform(0, math.pi), rng.uniform(20, 120)
        field = 0.4 * np.sign(np.sin(freq * (xx * math.cos(angle) + yy * math.sin(angle))))
    elif style == 2:
        rows = rng.choice([8, 12, 16])
        line = yy * rows
        shift = np.floor(line) % 2 * 0.5
        mortar = ((line % 1) < 0.08) | (((xx * rows / 2 + shift) % 1) < 0.04)
        field = np.where(mortar, 0.5, -0.2).astype(np.float32)
    else:
        field = np.zeros((half, half), np.float32)
        for cells in (3, 6, 12, 24, 48):
            small = Image.fromarray(nrng.standard_normal((cells, cells)).astype(np.float32))
            field += np.asarray(small.resize((half, half), Image.BICUBIC)) * (1.2 / cells) ** rng.uniform(0.5, 0.9)
    tint = rng.uniform(15, 60) * nrng.uniform(0.6, 1.0, 3)
    pixels = (base + field[..., None] * tint).clip(0, 255).astype(np.uint8)
    return Image.fromarray(pixels).resize((SIZE, SIZE), Image.BILINEAR)


def _shape_mask(shape, side):
    """Antialiased mask [side,side] of a shape that fills its square."""
    big, s = Image.new("L", (side * 4, side * 4)), side * 4 - 1
    draw = ImageDraw.Draw(big)
    if shape == "circle":
        draw.ellipse((0, 0, s, s), fill=255)
    elif shape == "square":
        draw.rectangle((0, 0, s, s), fill=255)
    elif shape == "triangle":
        draw.polygon([(s / 2, 0), (s, s), (0, s)], fill=255)
    elif shape == "star":
        ring = [(0.5 if k % 2 == 0 else 0.24, math.pi * (k / 5 - 0.5)) for k in range(10)]
        draw.polygon([(s * (0.5 + r * math.cos(a)), s * (0.53 + r * 1.05 * math.sin(a))) for r, a in ring], fill=255)
    elif shape == "heart":
        draw.ellipse((0, 0, s * 0.54, s * 0.54), fill=255)
        draw.ellipse((s * 0.46, 0, s, s * 0.54), fill=255)
        draw.polygon([(s * 0.045, s * 0.40), (s * 0.955, s * 0.40), (s / 2, s)], fill=255)
    else:
        draw.rectangle((s * 0.31, 0, s * 0.69, s), fill=255)
        draw.rectangle((0, s * 0.31, s, s * 0.69), fill=255)
    return big.reduce(4)


@functools.lru_cache(None)
def _advance(font, char):
    return font.getlength(char)


def _draw_text(draw, chars, text, font, x, y, ink):
    """Writes text with its ink's top left at (x, y); marks each character's box in the label picture `chars`."""
    left, top, _, bottom = font.getbbox(text)
    draw.text((x - left, y - top), text, font=font, fill=ink)
    if chars is not None:
        marks = ImageDraw.Draw(chars)
        x0 = x - left
        for char in text:  # kerning is a pixel at most: ignored
            x1 = x0 + _advance(font, char)
            marks.rectangle((x0, y, x1 - 1, y + bottom - top - 1), fill=CHARS.index(char) + 1)
            x0 = x1


def _render_item(rng, item, font_files):
    """Returns (rgb patch, mask, character labels) of one item."""
    rgb = _jitter(rng, COLOURS[item.colour], 16)
    path = rng.choice(font_files)
    if item.kind == "sign":
        font = fonts.font(path, item.size)
        x0, y0, x1, y1 = font.getbbox(item.text)
        pad_x, pad_y = rng.randint(6, 12), rng.randint(6, 12)
        width, height = x1 - x0 + 2 * pad_x, y1 - y0 + 2 * pad_y
        mask = Image.new("L", (width * 2, height * 2))
        ImageDraw.Draw(mask).rounded_rectangle((0, 0, width * 2 - 1, height * 2 - 1), rng.choice([0, 4, 10, 16]), 255)
        mask = mask.reduce(2)
        patch, chars = Image.new("RGB", mask.size, rgb), Image.new("L", mask.size)
        draw, ink = ImageDraw.Draw(patch), _ink(rng, item.colour)
        if rng.random() < 0.4:
            draw.rectangle((1, 1, width - 2, height - 2), outline=ink, width=rng.choice([1, 2]))
        _draw_text(draw, chars, item.text, font, pad_x, pad_y, ink)
    else:
        mask = _shape_mask(item.shape, item.size)
        patch, chars = Image.new("RGB", mask.size, rgb), Image.new("L", mask.size)
        if item.text:
            font = fonts.font(path, rng.randint(14, 18))
            x0, y0, x1, y1 = font.getbbox(item.text)
            drop = {"triangle": 0.68, "heart": 0.42, "star": 0.53}.get(item.shape, 0.5)
            _draw_text(ImageDraw.Draw(patch), chars, item.text, font, round((item.size - x1 + x0) / 2),
                       round(item.size * drop - (y1 - y0) / 2), _ink(rng, item.colour))
    if rng.random() < 0.35:
        angle = rng.uniform(-8, 8)
        patch = patch.rotate(angle, Image.BICUBIC, expand=True, fillcolor=rgb)
        mask, chars = mask.rotate(angle, Image.BICUBIC, expand=True), chars.rotate(angle, Image.NEAREST, expand=True)
    return patch, mask, chars


def _degrade(rng, image):
    """Blur, sensor noise, exposure and JPEG artefacts. RGB picture -> uint8 [H,W,3]."""
    if rng.random() < 0.4:
        image = image.filter(ImageFilter.BoxBlur(rng.uniform(0.1, 0.5)))
    gain = rng.uniform(0.88, 1.08)
    image = image.point([min(255, int(v * gain)) for v in range(256)] * 3)
    pixels, noise = np.asarray(image), rng.choice([0, 0, 3, 6, 9])
    if noise:
        y, x = rng.randrange(1024 - SIZE), rng.randrange(1024 - SIZE)
        pixels = (pixels + _noise()[y:y + SIZE, x:x + SIZE] * np.float32(noise)).clip(0, 255).astype(np.uint8)
    if rng.random() < 0.4:
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "JPEG", quality=rng.randint(55, 95))
        pixels = np.asarray(Image.open(buffer))
    return pixels


# ---------------------------------------------------------------- scenes

class Scene:
    """pixels uint8 [336,336,3]; items; chars uint8 [336,336] character labels; owner uint8 [336,336] item index + 1."""

    def __init__(self, pixels, items, chars, owner):
        self.pixels, self.items, self.chars, self.owner = pixels, items, chars, owner

    def shifted(self, dx, dy):
        """The same scene moved by a few pixels, its border repeated."""
        rows = np.clip(np.arange(SIZE) - dy, 0, SIZE - 1)[:, None]
        columns = np.clip(np.arange(SIZE) - dx, 0, SIZE - 1)
        items = []
        for item in self.items:
            moved = Item(item.kind, item.shape, item.colour, item.text, item.size)
            moved.box = tuple(v + d for v, d in zip(item.box, (dx, dy, dx, dy)))
            items.append(moved)
        return Scene(self.pixels[rows, columns], items, self.chars[rows, columns], self.owner[rows, columns])


def _new_item(rng, kind, used):
    if kind == "sign":
        free = [c for c in COLOUR_NAMES if c not in used] or COLOUR_NAMES
        colour = rng.choice(free)
        used.append(colour)
        roll = rng.random()
        text = rng.choice(WORDS) if roll < 0.45 else str(rng.randint(10, 99)) if roll < 0.92 else str(rng.randint(0, 9))
        return Item("sign", None, colour, text, rng.randint(14, 24 if len(text) < 5 else 20))
    text = str(rng.randint(0, 9)) if rng.random() < 0.6 else ""
    return Item("shape", rng.choice(SHAPES), rng.choice(COLOUR_NAMES), text, rng.randint(50 if text else 38, 84))


def make_scene(seed, held_out=False, crowd=False):
    """One scene. crowd: as many items as fit, colours of signs not unique (dense training only, no questions)."""
    rng, nrng = random.Random(seed), np.random.default_rng(seed)
    font_files = fonts.files(held_out)
    canvas = background(rng, nrng)
    chars, owner = Image.new("L", (SIZE, SIZE)), Image.new("L", (SIZE, SIZE))
    if crowd:
        kinds = [rng.choice(["sign", "sign", "shape"]) for _ in range(22)]
    else:
        kinds = ["sign"] * rng.choice([1, 2, 2, 3, 3]) + ["shape"] * rng.choice([3, 4, 4, 5])
    items, used = [], []
    for kind in kinds:
        item = _new_item(rng, kind, [] if crowd else used)
        patch, mask, marks = _render_item(rng, item, font_files)
        width, height = patch.size
        for _ in range(20 if crowd else 60):
            x, y = rng.randint(2, SIZE - width - 2), rng.randint(2, SIZE - height - 2)
            box = (x, y, x + width, y + height)
            if all(box[2] + 4 <= o.box[0] or o.box[2] + 4 <= box[0] or box[3] + 4 <= o.box[1] or
                   o.box[3] + 4 <= box[1] for o in items):
                break
        else:
            continue
        item.box = box
        items.append(item)
        if rng.random() < 0.4:  # a soft shadow
            dim = Image.new("RGB", patch.size, (20, 20, 20))
            canvas.paste(dim, (x + 2, y + 3), mask.point(lambda v: v * 0.4))
        canvas.paste(patch, (x, y), mask)
        chars.paste(marks, (x, y), mask)
        owner.paste(len(items), (x, y), mask.point(lambda v: 255 if v > 127 else 0))
    pixels = _degrade(rng, canvas)
    return Scene(pixels, items, np.asarray(chars), np.asarray(owner))


def make_sheet(seed):
    """A picture full of text lines in all fonts, for teaching the tower to read. (pixels uint8, chars uint8)."""
    rng, nrng = random.Random(seed), np.random.default_rng(seed)
    font_files = fonts.files(False)
    canvas = background(rng, nrng)
    chars, draw = Image.new("L", (SIZE, SIZE)), ImageDraw.Draw(canvas)
    y = rng.randint(-8, 4)
    while y < SIZE:
        cap, x = rng.randint(13, 24), rng.randint(-12, 4)
        row = cap + rng.randint(6, 16)
        while x < SIZE:
            roll = rng.random()
            if roll < 0.6:
                text = "".join(rng.choice("0123456789") for _ in range(rng.randint(1, 4)))
            elif roll < 0.8:
                text = rng.choice(WORDS)
            else:
                text = "".join(rng.choice(CHARS[10:]) for _ in range(rng.randint(2, 4)))
            font, colour = fonts.font(rng.choice(font_files), cap), rng.choice(COLOUR_NAMES)
            x0, _, x1, _ = font.getbbox(text)
            pad = rng.randint(3, 10)
            draw.rectangle((x, y, x + x1 - x0 + 2 * pad, y + row - 2), fill=_jitter(rng, COLOURS[colour], 16))
            _draw_text(draw, chars, text, font, x + pad, y + (row - 1 - cap) // 2, _ink(rng, colour))
            x += x1 - x0 + 2 * pad + rng.choice([0, 2, 8])
        y += row
    return _degrade(rng, canvas), np.asarray(chars)


# ---------------------------------------------------------------- labels

def token_labels(scene):
    """uint8 [64,7] per visual token: kind, colour+1, is-centre, size bucket, first digit+1, second digit+1, word+1."""
    out = np.zeros((GRID, GRID, 7), np.uint8)
    cells = (np.arange(SIZE) // CELL)[:, None] * GRID + np.arange(SIZE) // CELL
    slots = len(scene.items) + 1
    counts = np.bincount((cells * slots + scene.owner).ravel(), minlength=64 * slots).reshape(GRID, GRID, slots)[..., 1:]
    best, most = (counts.argmax(-1), counts.max(-1)) if scene.items else (None, np.zeros((GRID, GRID)))
    row_of = []
    for item in scene.items:
        kind = SIGN if item.kind == "sign" else SHAPES.index(item.shape) + 1
        digits = [int(c) + 1 for c in item.text] if item.text.isdigit() else []
        word = WORDS.index(item.text) + 1 if item.text in WORDS else 0
        bucket = 0 if item.kind == "sign" else 1 + min(2, (item.size - 38) // 16)
        first, second = (digits + [0, 0])[:2]
        row_of.append([kind, COLOUR_NAMES.index(item.colour) + 1, 0, bucket, first, second, word])
    for i in range(GRID):
        for j in range(GRID):
            if most[i, j] > 0.18 * CELL * CELL:
                out[i, j] = row_of[best[i, j]]
    for item, row in zip(scene.items, row_of):
        x, y = item.centre
        i, j = min(GRID - 1, max(0, int(y) // CELL)), min(GRID - 1, max(0, int(x) // CELL))
        out[i, j] = row
        out[i, j, 2] = 1
    return out.reshape(GRID * GRID, 7)


def patch_labels(scene):
    """uint8 [24,24,3] per patch of the full picture: character, kind, colour+1 under its centre."""
    chars, owner = scene.chars[7::14, 7::14], scene.owner[7::14, 7::14]
    kinds = np.array([0] + [SIGN if t.kind == "sign" else SHAPES.index(t.shape) + 1 for t in scene.items], np.uint8)
    colours = np.array([0] + [COLOUR_NAMES.index(t.colour) + 1 for t in scene.items], np.uint8)
    return np.stack([chars, kinds[owner], colours[owner]], -1)
