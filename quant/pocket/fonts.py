# SPDX-License-Identifier: Apache-2.0
"""The fonts of the scenes: families from Debian packages, found through fontconfig, split into training and held-out."""

import functools
import subprocess

from PIL import ImageFont

# Debian packages that carry them: fonts-dejavu fonts-liberation fonts-freefont-ttf fonts-lato fonts-urw-base35
# fonts-comfortaa fonts-quicksand fonts-inter fonts-linuxlibertine fonts-firacode fonts-hack fonts-inconsolata
# fonts-cabin fonts-junction fonts-crosextra-carlito; held out: fonts-roboto-unhinted fonts-open-sans
# fonts-crosextra-caladea fonts-cantarell
TRAIN = [
    "DejaVuSans", "DejaVuSans-Bold", "DejaVuSansCondensed-Bold", "DejaVuSerif-Bold", "LiberationSans-Regular",
    "LiberationSans-Bold", "LiberationSerif-Regular", "LiberationSerif-Bold", "FreeSans", "FreeSansBold", "FreeSerifBold",
    "Lato-Regular", "Lato-Medium", "Lato-Bold", "Lato-Heavy", "Carlito-Regular", "Carlito-Bold", "C059-Bold",
    "NimbusRoman-Bold", "NimbusSans-Bold", "NimbusSans-Regular", "P052-Bold", "P052-Roman", "URWBookman-Demi",
    "Inter-Regular", "Inter-Medium", "Inter-Bold", "LinLibertine_RB", "LinBiolinum_RB", "Cabin-Regular", "Cabin-Bold",
    "Cabin-SemiBold", "Junction-regular",
]
HELD_OUT = [
    "Roboto-Regular", "Roboto-Medium", "Roboto-Bold", "Roboto-Black", "OpenSans-Regular", "OpenSans-SemiBold",
    "OpenSans-Semibold", "OpenSans-Bold", "Caladea-Regular", "Caladea-Bold", "Cantarell-Regular", "Cantarell-Bold",
    "Cantarell-ExtraBold",
]


@functools.lru_cache(None)
def files(held_out):
    """The font files of one side of the split, sorted by name so that a seed means the same on every machine."""
    listing = subprocess.run(["fc-list", "--format", "%{file}\n"], capture_output=True, text=True, check=True).stdout
    by_stem = {}
    for path in sorted(listing.split("\n")):
        stem, _, suffix = path.rpartition("/")[2].rpartition(".")
        if suffix in ("ttf", "otf"):
            by_stem.setdefault(stem, path)
    names = HELD_OUT if held_out else TRAIN
    found = [by_stem[n] for n in names if n in by_stem]
    if len(found) < 0.7 * len(names):
        missing = [n for n in names if n not in by_stem]
        raise SystemExit(f"fonts: only {len(found)} of {len(names)} are installed; missing {', '.join(missing)}")
    return found


@functools.lru_cache(None)
def _cap_ratio(path):
    box = ImageFont.truetype(path, 100).getbbox("H")
    return (box[3] - box[1]) / 100.0


@functools.lru_cache(4096)
def _sized(path, size):
    return ImageFont.truetype(path, size)


def font(path, cap_height):
    """The font at the size whose capital H is cap_height pixels high."""
    return _sized(path, max(6, round(cap_height / _cap_ratio(path))))
