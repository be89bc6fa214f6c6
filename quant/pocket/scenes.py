# SPDX-License-Identifier: Apache-2.0
"""Seeded generator of synthetic high-resolution scenes: signs, shapes, textures and the questions about them.

A picture is 336 x 336: 3 x 3 crops of 112 pixels, each an 8 x 8 grid of 14-pixel patches. Text is 17 to 20 pixels high,
which the 112-pixel base picture shrinks to 6 or 7 pixels. A Look says how free a scene is: on the LATTICE text never
crosses the border of a crop, and items are centred on corners of patches, give or take two pixels; a FREE scene has its
items anywhere and of any scale, on photographs too, and sometimes nothing to read.
"""

import functools
import io
import math
import random
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

import fonts
import photos

SIZE = 336
GRID = 8          # patches per tile side
CELL = SIZE // GRID  # pixels that one visual token stands for
COLOURS = {
    "red": (205, 35, 40), "green": (30, 150, 60), "blue": (35, 75, 205), "yellow": (242, 212, 40),
    "orange": (242, 130, 20), "purple": (130, 50, 165), "white": (242, 242, 242), "black": (24, 24, 28),
}
COLOUR_NAMES = list(COLOURS)
SHAPES = ["circle", "square", "triangle", "star", "heart", "cross"]
WORDS = "STOP EXIT OPEN CAFE TAXI BANK PARK ZOO GYM TEA MILK FISH BUS SALE FREE BOOK".split()
CHARS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"  # label of a character is its index + 1; 0 is none
AREAS = [["top left", "top", "top right"], ["left", "center", "right"], ["bottom left", "bottom", "bottom right"]]
SIGN = len(SHAPES) + 1  # kind labels: 0 none, 1.. shapes, then sign
CROP = SIZE // 3
FIRST, LAST = {0: 0, 1: 3, 2: 5}, {0: 2, 1: 4, 2: 7}  # tokens that look into a crop, by its row or column
PATCH = 14
SHADOW, SOLID = [int(v * 0.4) for v in range(256)], [255 * (v > 127) for v in range(256)]
BIG_FROM, SMALL_TO = 66, 54  # sides in between are neither
IGNORE = 255      # label of what cannot be known, as of a text that a window cuts


class Look(NamedTuple):
    """free: items at any pixel. scales: of all items together, log-uniform, except for the share `plain`. photos: share of
    photographs as backgrounds. signless, empty: shares of scenes without a sign and without anything."""

    free: bool = False
    scales: tuple = (1.0, 1.0)
    plain: float = 0.0
    photos: float = 0.0
    signless: float = 0.0
    empty: float = 0.0

    def scale(self, rng):
        low, high = self.scales
        if low == high or self.plain and rng.random() < self.plain:
            return 1.0
        return math.exp(rng.uniform(math.log(low), math.log(high)))

    def near(self, rng, start, side):
        """Start itself, or near it where an item of this side is centred within two pixels of a patch's corner."""
        return start if self.free else round((start + side / 2) / PATCH) * PATCH - side // 2 + rng.randint(-2, 2)


LATTICE = Look()
FREE = Look(free=True, scales=(0.7, 1.6), plain=0.6, photos=0.4, signless=0.1, empty=0.1)


class Item:
    """One sign or shape: what it is, where it is, what is written on it."""

    def __init__(self, kind, shape, colour, text, size):
        self.kind, self.shape, self.colour, self.text, self.size, self.scale = kind, shape, colour, text, size, 1.0
        self.box = None  # x0, y0, x1, y1 in the picture

    def scaled(self, scale):
        self.size, self.scale = round(self.size * scale), scale
        return self

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


def background(rng, nrng, held_out=False, look=LATTICE):
    """A dull texture: gradient, stripes, bricks or photo-like fractal noise; or a photograph. Returns an RGB picture."""
    if look.photos and rng.random() < look.photos:
        return photos.photograph(rng, SIZE, held_out)
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


@functools.lru_cache(None)
def _bounds(font, text):
    return font.getbbox(text)


def _draw_text(draw, chars, text, font, x, y, ink):
    """Writes text with its ink's top left at (x, y); marks each character's box in the label picture `chars`."""
    left, top, _, bottom = _bounds(font, text)
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
        x0, y0, x1, y1 = _bounds(font, item.text)
        pad_x, pad_y = rng.randint(6, 12), rng.randint(6, 12)
        width, height = x1 - x0 + 2 * pad_x, y1 - y0 + 2 * pad_y
        mask = Image.new("L", (width * 2, height * 2))
        ImageDraw.Draw(mask).rounded_rectangle((0, 0, width * 2 - 1, height * 2 - 1), rng.choice([0, 4, 10, 16]), 255)
        mask = mask.reduce(2)
        patch, chars = Image.new("RGB", mask.size, rgb), Image.new("L", mask.size)
        draw, ink = ImageDraw.Draw(patch), _ink(rng, item.colour)
        if rng.random() < 0.25:
            draw.rectangle((1, 1, width - 2, height - 2), outline=ink, width=rng.choice([1, 2]))
        _draw_text(draw, chars, item.text, font, pad_x, pad_y, ink)
    else:
        mask = _shape_mask(item.shape, item.size)
        patch, chars = Image.new("RGB", mask.size, rgb), Image.new("L", mask.size)
        if item.text:
            font = fonts.font(path, round(rng.randint(17, 20) * item.scale))
            x0, y0, x1, y1 = _bounds(font, item.text)
            drop = {"triangle": 0.68, "heart": 0.42, "star": 0.53}.get(item.shape, 0.5)
            _draw_text(ImageDraw.Draw(patch), chars, item.text, font, round((item.size - x1 + x0) / 2),
                       round(item.size * drop - (y1 - y0) / 2), _ink(rng, item.colour))
    if rng.random() < 0.3:
        angle = rng.uniform(-4, 4)
        patch = patch.rotate(angle, Image.BICUBIC, expand=True, fillcolor=rgb)
        mask, chars = mask.rotate(angle, Image.BICUBIC, expand=True), chars.rotate(angle, Image.NEAREST, expand=True)
    return patch, mask, chars


def _degrade(rng, image):
    """Blur, sensor noise, exposure and JPEG artefacts. RGB picture -> uint8 [H,W,3]."""
    if rng.random() < 0.4:
        image = image.filter(ImageFilter.BoxBlur(rng.uniform(0.1, 0.4)))
    gain = rng.uniform(0.88, 1.08)
    image = image.point([min(255, int(v * gain)) for v in range(256)] * 3)
    pixels, noise = np.asarray(image), rng.choice([0, 0, 3, 6])
    if noise:
        y, x = rng.randrange(1024 - SIZE), rng.randrange(1024 - SIZE)
        pixels = (pixels + _noise()[y:y + SIZE, x:x + SIZE] * np.float32(noise)).clip(0, 255).astype(np.uint8)
    if rng.random() < 0.4:
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "JPEG", quality=rng.randint(70, 95))
        pixels = np.asarray(Image.open(buffer))
    return pixels


# ---------------------------------------------------------------- scenes

class Scene:
    """pixels uint8 [336,336,3]; items; chars uint8 [336,336] character labels; owner uint8 [336,336] item index + 1."""

    def __init__(self, pixels, items, chars, owner):
        self.pixels, self.items, self.chars, self.owner = pixels, items, chars, owner
        self.rows = np.array([[0] * 7] + [item_row(item) for item in items], np.uint8)  # by owner, as the next two
        self.boxes = np.array([(0, 0, 0, 0)] + [item.box for item in items])
        self.centres = np.array([(0, 0)] + [item.centre for item in items])


def _new_item(rng, kind, shape=None):
    """kind: number or word (signs), or shape."""
    colour = rng.choice(COLOUR_NAMES)
    if kind != "shape":
        return Item("sign", None, colour, rng.choice(WORDS) if kind == "word" else str(rng.randint(10, 99)), rng.randint(17, 20))
    text = str(rng.randint(0, 9)) if rng.random() < 0.7 else ""
    size = rng.randint(66, 82) if rng.random() < 0.4 else rng.randint(48 if text else 40, 54)
    return Item("shape", shape or rng.choice(SHAPES), colour, text, size)


def choose_items(rng, look=LATTICE):
    """What a scene shows: a sign with a number, one with a word, or both; three to five shapes, some of them twice."""
    signs = rng.choice([["number"], ["word"], ["number", "word"], ["number", "word"]])
    bare = rng.random() if look.signless or look.empty else 1.0
    if bare < look.empty:
        return []
    if bare < look.empty + look.signless:
        signs = []
    scale = look.scale(rng)
    shapes = rng.sample(SHAPES, rng.choice([3, 4, 5]))
    for k in range(len(shapes) - 2):
        if rng.random() < 0.3:
            shapes[-1 - k] = shapes[0]
    items = [_new_item(rng, kind) for kind in signs] + [_new_item(rng, "shape", shape) for shape in shapes]
    return [item.scaled(scale) for item in items]


def _allowed(item, box):
    """Whether this place keeps the item's text inside one crop and its centre away from the borders of cells."""
    x0, y0, x1, y1 = box
    cx, cy = (x0 + x1) / 2, (y0 + y1) / 2
    if any(not 4 <= v % CELL <= CELL - 4 for v in (cx, cy)):
        return False
    if item.kind == "sign":
        return x0 // CROP == (x1 - 1) // CROP and y0 // CROP == (y1 - 1) // CROP
    return not item.text or all(18 <= v % CROP <= CROP - 18 for v in (cx, cy))


def _paste(rng, canvas, chars, owner, item, rendered, corner, number):
    """Draws one item into the picture and its two label pictures."""
    patch, mask, marks = rendered
    x, y = corner
    item.box = (x, y, x + patch.size[0], y + patch.size[1])
    if rng.random() < 0.4:  # a soft shadow
        canvas.paste(Image.new("RGB", patch.size, (20, 20, 20)), (x + 2, y + 3), mask.point(SHADOW))
    canvas.paste(patch, (x, y), mask)
    chars.paste(marks, (x, y), mask)
    owner.paste(number, (x, y), mask.point(SOLID))


def make_scene(seed, held_out=False, look=LATTICE):
    """One scene that questions can be asked about."""
    rng, nrng = random.Random(seed), np.random.default_rng(seed)
    font_files = fonts.files(held_out)
    canvas = background(rng, nrng, held_out, look)
    chars, owner = Image.new("L", (SIZE, SIZE)), Image.new("L", (SIZE, SIZE))
    items = []
    for item in choose_items(rng, look):
        rendered = _render_item(rng, item, font_files)
        corner = find_place(rng, item, rendered[0].size, items, look)
        if corner:
            items.append(item)
            _paste(rng, canvas, chars, owner, item, rendered, corner, len(items))
    return Scene(_degrade(rng, canvas), items, np.asarray(chars), np.asarray(owner))


def find_place(rng, item, size, items, look=LATTICE):
    """A free corner for an item of this size, or None."""
    if max(size) > SIZE - 4:
        return None
    for _ in range(80):
        x, y = (look.near(rng, rng.randint(2, SIZE - side - 2), side) for side in size)
        if not (2 <= x <= SIZE - size[0] - 2 and 2 <= y <= SIZE - size[1] - 2):
            continue
        box = (x, y, x + size[0], y + size[1])
        if (look.free or _allowed(item, box)) and all(box[2] + 4 <= o.box[0] or o.box[2] + 4 <= box[0] or box[3] + 4 <= o.box[1] or
                                       o.box[3] + 4 <= box[1] for o in items):
            return x, y
    return None


def make_crowd(seed, held_out=False, look=LATTICE):
    """A picture packed with rows of items, for dense training only: its items may cross the borders of crops."""
    rng, nrng = random.Random(seed), np.random.default_rng(seed)
    font_files = fonts.files(held_out)
    canvas = background(rng, nrng, held_out, look)
    chars, owner = Image.new("L", (SIZE, SIZE)), Image.new("L", (SIZE, SIZE))
    items, y = [], rng.randint(-25, 4)
    while y < SIZE:
        shapes, x, height = rng.random() < 0.25, rng.randint(-25, 4), 0
        while x < SIZE and len(items) < 254:
            item = _new_item(rng, "shape" if shapes else rng.choice(["number", "word"])).scaled(look.scale(rng))
            rendered = _render_item(rng, item, font_files)
            items.append(item)
            width, tall = rendered[0].size
            x = look.near(rng, x + 6, width)
            _paste(rng, canvas, chars, owner, item, rendered, (x, look.near(rng, y + 6, tall)), len(items))
            x += width + rng.choice([0, 2, 6])
            height = max(height, tall)
        y += height + rng.choice([2, 4, 6])
    return Scene(_degrade(rng, canvas), items, np.asarray(chars), np.asarray(owner))


# ---------------------------------------------------------------- labels

def item_row(item):
    """kind, colour+1, is-centre, size bucket, first digit+1, second digit+1, word+1 of an item's centre token."""
    kind = SIGN if item.kind == "sign" else SHAPES.index(item.shape) + 1
    digits = [int(c) + 1 for c in item.text] if item.text.isdigit() else []
    word = WORDS.index(item.text) + 1 if item.text in WORDS else 0
    bucket = 0 if item.kind == "sign" else 1 if item.size <= SMALL_TO else 2 if item.size >= BIG_FROM else IGNORE
    return [kind, COLOUR_NAMES.index(item.colour) + 1, 1, bucket, *(digits + [0, 0])[:2], word]


def home(x, y):
    """Row and column of the token that is to know an item centred here: the nearest of those that look into its crop."""
    return tuple(int(min(LAST[v // CROP], max(FIRST[v // CROP], v // CELL))) for v in (y, x))


def token_labels(scene):
    """uint8 [64,7] per visual token, as item_row. Tokens that an item covers without its centre have only kind and
    colour; where a text crosses the border of a crop, a token of the other crop has the text as well."""
    out = np.zeros((GRID, GRID, 7), np.uint8)
    cells = (np.arange(SIZE) // CELL)[:, None] * GRID + np.arange(SIZE) // CELL
    slots = len(scene.items) + 1
    counts = np.bincount((cells * slots + scene.owner).ravel(), minlength=64 * slots).reshape(GRID, GRID, slots)[..., 1:]
    best, most = (counts.argmax(-1), counts.max(-1)) if scene.items else (None, np.zeros((GRID, GRID)))
    rows = scene.rows[1:].tolist()
    for i in range(GRID):
        for j in range(GRID):
            if most[i, j] > 0.18 * CELL * CELL:
                out[i, j, :2] = rows[best[i, j]][:2]
    for k, (item, row) in enumerate(zip(scene.items, rows)):
        for at in text_homes(scene, k):
            out[at] = row[:2] + [0, IGNORE] + row[4:]
    for item, row in zip(scene.items, rows):
        x, y = item.centre
        if 0 <= x < SIZE and 0 <= y < SIZE:
            out[home(x, y)] = row
    return out.reshape(GRID * GRID, 7)


def text_homes(scene, k):
    """The tokens of every crop that shows a sixth of item k's text or more, nearest to the part that it shows."""
    rows, columns = np.nonzero((scene.owner == k + 1) & (scene.chars > 0))
    found = []
    for crop in np.unique(rows // CROP * 3 + columns // CROP):
        part = rows // CROP * 3 + columns // CROP == crop
        if 6 * part.sum() >= len(rows):
            found.append(home(columns[part].mean(), rows[part].mean()))
    return found


def patch_labels(scene, window):
    """uint8 [P,P,6] per 14-pixel patch of a window (x0, y0, x1, y1) of the picture, what is under its centre:
    character, kind, colour+1, and for the four patches about an item's centre first digit+1, second digit+1, word+1
    (ignored elsewhere)."""
    x0, y0, x1, y1 = window
    at = np.s_[y0 + 7:y1:14, x0 + 7:x1:14]
    chars, owner = scene.chars[at], scene.owner[at]
    rows, centre = scene.rows, scene.centres[owner]
    inside = ((scene.boxes[:, :2] >= (x0, y0)) & (scene.boxes[:, 2:] <= (x1, y1))).all(-1)
    yy, xx = np.mgrid[y0 + 7:y1:14, x0 + 7:x1:14]
    out = np.concatenate([chars[..., None], rows[owner][..., :2], rows[owner][..., 4:]], -1)
    far = (abs(centre[..., 0] - xx) > PATCH) | (abs(centre[..., 1] - yy) > PATCH)
    out[far | ~inside[owner] | (owner == 0), 3:] = IGNORE
    return out
