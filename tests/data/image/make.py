#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the test pictures beside this file, and what Pillow says about them.

decode.txt  NAME WIDTH HEIGHT CRC32          the upright picture, RGB
fit.txt     NAME SIDE R G B CRC32            padded with R G B, resized to SIDE x SIDE
Needs Pillow and numpy. Lossy encoders may change between versions of Pillow; the expectations are always made with the pictures.
"""
import io
import struct
import sys
import warnings
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

HERE = Path(__file__).resolve().parent
PAD = (122, 116, 104)
rng = np.random.RandomState(20)
decode, fit = [], []


def smooth_noise(height, width, octaves, falloff):
    total, weight = np.zeros((height, width)), 1.0
    for o in range(octaves):
        n = 2 ** (o + 1) + 1
        small = Image.fromarray(rng.rand(n, n).astype(np.float32))
        total += weight * np.asarray(small.resize((width, height), Image.BICUBIC), dtype=np.float64)
        weight *= falloff
    return (total - total.min()) / (total.max() - total.min())


def photograph(width=320, height=240):
    """A lake below hills under a cloudy sky, with a little grain."""
    y, x = np.mgrid[0:height, 0:width] / height
    mix = lambda a, b, t: np.asarray(a)[None, None, :] * (1 - t[..., None]) + np.asarray(b)[None, None, :] * t[..., None]
    sky = mix((70, 120, 200), (235, 205, 170), np.clip(y / 0.6, 0, 1))
    clouds = np.clip(smooth_noise(height, width, 6, 0.55) * 2.2 - 1.0, 0, 1)
    out = sky * (1 - clouds[..., None]) + 245 * clouds[..., None]
    sun = np.exp(-((x - 1.0) ** 2 + (y - 0.22) ** 2) / 0.004)
    out += sun[..., None] * np.array((90, 70, 20))
    texture = smooth_noise(height, width, 7, 0.7)
    for base, colour, rough in ((0.45, (96, 118, 140), 0.10), (0.55, (58, 92, 62), 0.14)):
        line = base + rough * (smooth_noise(2, width, 6, 0.5)[0] - 0.5)
        mask = y > line[None, :]
        out = np.where(mask[..., None], np.array(colour) * (0.6 + 0.7 * texture[..., None]), out)
    lake = y > 0.72
    mirror = out[::-1][np.clip(np.arange(height) - int(0.44 * height), 0, height - 1)]
    ripple = 1 + 0.08 * np.sin(y * 220 + 6 * texture)
    out = np.where(lake[..., None], (mirror * 0.55 + np.array((20, 40, 60))) * ripple[..., None], out)
    out += rng.normal(0, 1.2, out.shape)
    return Image.fromarray(np.clip(out, 0, 255).astype(np.uint8), "RGB")


def reference(data, upright=True):
    image = Image.open(io.BytesIO(data))
    return (ImageOps.exif_transpose(image) if upright else image).convert("RGB")


def put(name, data, pillow=None):
    (HERE / name).write_bytes(data)
    rgb = pillow or reference(data)
    decode.append(f"{name} {rgb.width} {rgb.height} {zlib.crc32(rgb.tobytes()):08x}")


def put_bad(name, data):
    (HERE / name).write_bytes(data)


def put_fit(name, side, pad=PAD):
    image = reference((HERE / name).read_bytes())
    square = max(image.size)
    padded = Image.new("RGB", (square, square), pad)
    padded.paste(image, ((square - image.width) // 2, (square - image.height) // 2))
    fit.append("%s %d %d %d %d %08x" % (name, side, *pad, zlib.crc32(padded.resize((side, side), Image.BICUBIC).tobytes())))


def save(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def pack(samples, depth):
    """[rows, values] to rows of bytes, each behind its filter byte 0."""
    rows = []
    for row in samples:
        if depth == 16:
            data = row.astype(">u2").tobytes()
        else:
            bits = ((row[:, None] >> np.arange(depth - 1, -1, -1)) & 1).astype(np.uint8).ravel()
            data = np.packbits(bits).tobytes()
        rows.append(b"\0" + data)
    return b"".join(rows)


def png(samples, depth, colour, before=b"", interlaced=False, size=None, after=b""):
    """samples [height, width, channels], as stored."""
    height, width, channels = samples.shape
    passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)] if interlaced else [(0, 0, 1, 1)]
    raw = b""
    for y, x, dy, dx in passes:
        part = samples[y::dy, x::dx]
        if part.size:
            raw += pack(part.reshape(part.shape[0], -1), depth)
    header = struct.pack(">IIBBBBB", *(size or (width, height)), depth, colour, 0, 0, int(interlaced))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + before + chunk(b"IDAT", zlib.compress(raw, 9)) + after + chunk(b"IEND", b""))


def orientation_block(value, big=False):
    e = ">" if big else "<"
    return (b"MM\0*" if big else b"II*\0") + struct.pack(e + "IHHHIHHHHIII", 8, 2, 0x0100, 4, 1, 5, 0, 0x0112, 3, 1, value << 16 if big else value, 0)


def webp_chunk(name, data):
    return name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) & 1)


def u24(value):
    return struct.pack("<I", value)[:3]


def webp_extended(flags, width, height, chunks):
    body = b"WEBP" + webp_chunk(b"VP8X", bytes([flags, 0, 0, 0]) + u24(width - 1) + u24(height - 1)) + chunks
    return b"RIFF" + struct.pack("<I", len(body)) + body


def webp_frame(image, x, y, flags=0):
    payload = save(image, "WEBP", lossless=True, exact=True)[12:]
    if payload[:4] == b"VP8X":
        payload = payload[18:]
    return webp_chunk(b"ANMF", u24(x // 2) + u24(y // 2) + u24(image.width - 1) + u24(image.height - 1) + u24(100) + bytes([flags]) + payload)


def make_png(photo):
    put("photo.png", save(photo, "PNG", optimize=True))
    ramp = lambda depth, channels: rng.randint(0, 2 ** depth, (11, 13, channels))
    for interlaced in (False, True):
        tail = "_adam7" if interlaced else ""
        for depth in (1, 2, 4, 8, 16):
            put(f"png_gray{depth}{tail}.png", png(ramp(depth, 1), depth, 0, interlaced=interlaced))
        low = ramp(16, 1)
        low[::2] //= 150  # values on both sides of 255
        put(f"png_gray16_low{tail}.png", png(low, 16, 0, interlaced=interlaced))
        for depth in (1, 2, 4, 8):
            palette = chunk(b"PLTE", rng.randint(0, 256, 3 * min(2 ** depth, 200)).astype(np.uint8).tobytes())
            samples = np.minimum(ramp(depth, 1), 199)
            put(f"png_palette{depth}{tail}.png", png(samples, depth, 3, palette, interlaced))
            put(f"png_palette{depth}_trns{tail}.png", png(samples, depth, 3, palette + chunk(b"tRNS", b"\0\x80"), interlaced))
        for colour, name, channels in ((2, "rgb", 3), (4, "gray_alpha", 2), (6, "rgba", 4)):
            for depth in (8, 16):
                put(f"png_{name}{depth}{tail}.png", png(ramp(depth, channels), depth, colour, interlaced=interlaced))
    put("png_palette_short.png", png(np.arange(16).reshape(4, 4, 1), 8, 3, chunk(b"PLTE", bytes(range(30)))))
    put("png_gray8_trns.png", png(ramp(4, 1), 8, 0, chunk(b"tRNS", b"\0\3")))
    put("png_rgb8_trns.png", png(ramp(1, 3), 8, 2, chunk(b"tRNS", b"\0\1\0\0\0\1")))
    put("png_gamma.png", png(ramp(8, 3), 8, 2, chunk(b"gAMA", struct.pack(">I", 100000)) + chunk(b"bKGD", b"\0\xff" * 3)))
    put("png_exif6.png", png(ramp(8, 3), 8, 2, chunk(b"eXIf", orientation_block(6))))
    put("png_1x1.png", png(ramp(8, 3)[:1, :1], 8, 2))
    put("png_2x3.png", png(ramp(8, 3)[:3, :2], 8, 2))
    put("png_200x3.png", save(photo.crop((20, 60, 220, 63)), "PNG"))
    put("png_5x120.png", save(photo.crop((20, 60, 25, 180)), "PNG"))
    put("png_96x61.png", save(photo.crop((120, 90, 216, 151)), "PNG"))
    put_bad("bad_zero.png", png(ramp(8, 3), 8, 2, size=(0, 11)))
    put_bad("bad_bomb.png", png(ramp(8, 3), 8, 2, size=(30000, 30000)))
    put_bad("bad_side.png", png(ramp(8, 3), 8, 2, size=(40000, 1)))
    put_bad("bad_claim.png", png(ramp(8, 3), 8, 2, size=(8000, 8000)))
    data = bytearray(png(ramp(8, 3), 8, 2))
    data[32] ^= 1  # in the checksum of IHDR
    put_bad("bad_crc.png", bytes(data))
    put_bad("bad_palette.png", png(ramp(2, 1), 8, 3))


def make_jpeg(photo):
    put("photo.jpg", save(photo, "JPEG", quality=88))
    small = photo.crop((100, 60, 171, 113))  # 71 x 53: no multiple of a block
    for name, options in (("444", {"subsampling": 0}), ("422", {"subsampling": 1}), ("420", {"subsampling": 2}),
                          ("progressive", {"progressive": True}), ("restart", {"restart_marker_rows": 1})):
        put(f"jpeg_{name}.jpg", save(small, "JPEG", quality=80, **options))
    put("jpeg_gray.jpg", save(small.convert("L"), "JPEG", quality=80))
    put("jpeg_gray_progressive.jpg", save(small.convert("L"), "JPEG", quality=80, progressive=True))
    put("jpeg_rgb.jpg", save(small, "JPEG", quality=80, keep_rgb=True))
    put("jpeg_1x1.jpg", save(small.crop((0, 0, 1, 1)), "JPEG"))
    for value in range(1, 9):
        put(f"jpeg_exif{value}.jpg", save(small.crop((0, 0, 37, 22)), "JPEG", exif=b"Exif\0\0" + orientation_block(value, big=value % 2 == 0)))
    put("jpeg_exif9.jpg", save(small.crop((0, 0, 37, 22)), "JPEG", exif=b"Exif\0\0" + orientation_block(9)))
    data = save(small, "JPEG")
    at = data.index(b"\xff\xc0") + 5
    put_bad("bad_zero.jpg", data[:at] + struct.pack(">HH", 0, 71) + data[at + 4:])
    put_bad("bad_bomb.jpg", data[:at] + struct.pack(">HH", 30000, 30000) + data[at + 4:])
    put_bad("bad_side.jpg", data[:at] + struct.pack(">HH", 1, 65000) + data[at + 4:])
    put_bad("bad_claim.jpg", data[:at] + struct.pack(">HH", 8000, 8000) + data[at + 4:])
    put_bad("bad_channels.jpg", data[:at + 4] + b"\0" + data[at + 5:])
    put_bad("bad_12bit.jpg", data[:at - 1] + b"\x0c" + data[at:])


def make_webp(photo):
    put("photo.webp", save(photo, "WEBP", quality=85))
    small = photo.crop((100, 60, 171, 113))
    alpha = small.copy()
    alpha.putalpha(Image.fromarray(np.tile(np.linspace(0, 255, 71).astype(np.uint8), (53, 1))))
    put("webp_lossy.webp", save(small, "WEBP", quality=60))
    put("webp_lossless.webp", save(small, "WEBP", lossless=True))
    put("webp_lossy_alpha.webp", save(alpha, "WEBP", quality=60, exact=True))
    put("webp_lossless_alpha.webp", save(alpha, "WEBP", lossless=True, exact=True))
    put("webp_1x1.webp", save(small.crop((0, 0, 1, 1)), "WEBP"))
    other = small.transpose(Image.FLIP_LEFT_RIGHT)
    put("webp_animated.webp", save(small.crop((0, 0, 32, 32)), "WEBP", lossless=True, save_all=True, append_images=[other.crop((0, 0, 32, 32))]))
    frame = webp_frame(alpha.crop((30, 0, 50, 16)), 6, 4)
    animation = webp_chunk(b"ANIM", struct.pack("<IH", 0xFF00FF40, 0))
    put("webp_animated_part.webp", webp_extended(0x12, 40, 30, animation + frame + webp_frame(alpha.crop((0, 0, 40, 30)), 0, 0)))
    put("webp_exif8.webp", webp_extended(0x08, 71, 53, save(small, "WEBP", quality=60)[12:] + webp_chunk(b"EXIF", orientation_block(8))))
    put_bad("bad_bomb.webp", webp_extended(0x02, 16000, 16000, animation + frame))
    put_bad("bad_frame.webp", webp_extended(0x02, 20, 16, animation + frame))
    data = bytearray(save(small, "WEBP", quality=60))
    data[26:30] = b"\0\0\0\0"
    put_bad("bad_zero.webp", bytes(data))


def main():
    warnings.simplefilter("ignore")
    for old in list(HERE.glob("*.png")) + list(HERE.glob("*.jpg")) + list(HERE.glob("*.webp")):
        old.unlink()
    photo = photograph()
    make_png(photo)
    make_jpeg(photo)
    make_webp(photo)
    for name in ("photo.png", "png_1x1.png", "png_2x3.png", "png_200x3.png", "png_5x120.png", "png_96x61.png", "jpeg_420.jpg"):
        for side in (1, 2, 3, 7, 31, 61, 96, 97, 120, 200, 336):
            put_fit(name, side)
    for side in (240, 319, 320, 321, 640, 1008):
        put_fit("photo.png", side, (255, 0, 1))
    (HERE / "decode.txt").write_text("\n".join(decode) + "\n")
    (HERE / "fit.txt").write_text("\n".join(fit) + "\n")


if __name__ == "__main__":
    sys.exit(main())
