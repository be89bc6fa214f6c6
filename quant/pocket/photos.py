# SPDX-License-Identifier: Apache-2.0
"""Photographs and paintings behind the signs, or with no sign in them: from packages, split into training and held-out.
None of them is in this tree; their licences are in the packages (mostly CC BY-SA and LGPL, scikit-image's free samples)."""

import functools
import glob
import importlib.util
import os

import numpy as np
from PIL import Image

# Debian: lomiri-wallpapers-16.04 plasma-workspace-wallpapers; held out: lomiri-wallpapers-20.04 mate-backgrounds, and the
# samples inside PyPI's scikit-image and scikit-learn. Left out: two that show discs or digits.
TRAIN = ["/usr/share/backgrounds/*_by_*.jpg", "/usr/share/wallpapers/*/contents/images/*x*.*"]
HELD_OUT = ["/usr/share/backgrounds/mate/nature/*.jpg", "skimage/data/astronaut.png", "skimage/data/chelsea.png",
            "skimage/data/coffee.png", "skimage/data/rocket.jpg", "skimage/data/motorcycle_left.png",
            "skimage/data/camera.png", "sklearn/datasets/images/china.jpg", "sklearn/datasets/images/flower.jpg"]
LATER = ["Fossa", "Infinite-Sea", "Kleiber", "Painting-Colors"]  # lomiri-wallpapers-20.04, beside 16.04
UNFIT = ["ColorfulCups", "greentock"]
LEAST = {False: 30, True: 18}
LONGEST = 1000  # pixels of the longer side that are kept


def _found(pattern):
    if not pattern.startswith("/"):
        package, _, rest = pattern.partition("/")
        spec = importlib.util.find_spec(package)
        pattern = os.path.join(os.path.dirname(spec.origin), rest) if spec else ""
    once = {}
    for path in sorted(glob.glob(pattern)):  # a wallpaper comes in several resolutions
        once.setdefault(path.partition("/contents/")[0], path)
    return list(once.values())


@functools.lru_cache(None)
def files(held_out):
    """The picture files of one side of the split, in a fixed order."""
    has = lambda path, names: any(name in path for name in names)
    both = [path for pattern in TRAIN for path in _found(pattern) if not has(path, UNFIT)]
    paths = [path for path in both if has(path, LATER) == held_out]
    paths += [path for pattern in HELD_OUT for path in _found(pattern)] if held_out else []
    if len(paths) < LEAST[held_out]:
        raise SystemExit(f"photos: only {len(paths)} of at least {LEAST[held_out]} pictures found; see photos.py for the packages")
    return paths


@functools.lru_cache(None)
def _picture(path):
    picture = Image.open(path).convert("RGB")
    picture.thumbnail((LONGEST, LONGEST), Image.BICUBIC)
    return picture


def photograph(rng, size, held_out=False):
    """A square of a random photograph, at least a third of its shorter side, scaled to size and mirrored half of the time;
    in training, where photographs are few, also turned, and with its colours exchanged half of the time."""
    picture = _picture(rng.choice(files(held_out)))
    side = int(min(picture.size) * rng.uniform(0.34, 1))
    x, y = (rng.randint(0, length - side) for length in picture.size)
    square = picture.resize((size, size), Image.BICUBIC, (x, y, x + side, y + side))
    square = square.transpose(Image.FLIP_LEFT_RIGHT) if rng.random() < 0.5 else square
    if not held_out:
        square = square.rotate(90 * rng.randrange(4))
        if rng.random() < 0.5:
            square = Image.merge("RGB", rng.sample(square.split(), 3))
    return square
