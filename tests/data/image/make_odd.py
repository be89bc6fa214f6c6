#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the pictures odd_* beside this file: correct ones that few programs write, and damaged ones whose pixels are all there.

odd.txt  NAME WIDTH HEIGHT CRC32 DAMAGE     the upright picture in RGB, by Pillow; DAMAGE 1: a warning must be given
Needs Pillow (13) and numpy.
"""
import io
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

HERE = Path(__file__).resolve().parent
rng = np.random.RandomState(3)
small = Image.fromarray(np.asarray(Image.fromarray(rng.randint(0, 256, (4, 5, 3), dtype=np.uint8)).resize((37, 22), Image.BICUBIC)))
inks = Image.fromarray(np.asarray(Image.fromarray(rng.randint(0, 256, (4, 5, 4), dtype=np.uint8), "CMYK").resize((37, 22))), "CMYK")
lines = []


def encode(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def keep(name, data, damage=0, like=None):
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(like or data))).convert("RGB")
    (HERE / name).write_bytes(data)
    lines.append(f"{name} {image.width} {image.height} {zlib.crc32(image.tobytes()):08x} {damage}\n")


def tiff(kind, count, value, order="<"):
    """One entry, the orientation; a value of more than 4 bytes stands behind the directory."""
    field = value.ljust(4, b"\0") if len(value) <= 4 else struct.pack(order + "I", 26)
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "HIH", 42, 8, 1)
    return head + struct.pack(order + "HHI", 274, kind, count) + field + bytes(4) + (value if len(value) > 4 else b"")


def xmp(text):
    return b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF>' + text + b"</rdf:RDF></x:xmpmeta>"


JPEG, PNG, WEBP = encode(small, "JPEG", quality=90), encode(small, "PNG"), encode(small, "WEBP", lossless=True)
EXIF, ADOBE = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0"
ATTRIBUTE, ELEMENT = xmp(b'<rdf:Description tiff:Orientation="6"/>'), xmp(b"<tiff:Orientation>8</tiff:Orientation>")
SIX = tiff(3, 1, struct.pack("<H", 6))


def jpeg(*parts, base=JPEG):
    return base[:2] + b"".join(b"\xff\xe1" + struct.pack(">H", len(p) + 2) + p for p in parts) + base[2:]


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(*chunks, after=b""):
    at = PNG.index(b"IDAT") - 4
    return PNG[:at] + b"".join(chunks) + PNG[at:-12] + after + PNG[-12:]


def webp(name, data, flag):
    size = struct.pack("<I", flag) + struct.pack("<I", small.width - 1)[:3] + struct.pack("<I", small.height - 1)[:3]
    pack = lambda n, d: n + struct.pack("<I", len(d)) + d + b"\0" * (len(d) & 1)
    body = b"WEBP" + pack(b"VP8X", size) + WEBP[12:] + pack(name, data)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def profile(name, data):
    return f"\n{name}\n{len(data):8}\n{data.hex()}\n".encode()


for kind, form in {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 11: "f", 13: "I", 16: "Q", 2: "B", 7: "B"}.items():
    for order in "<>":
        keep(f"odd_type{kind}_{'big' if order == '>' else 'little'}.png", png(chunk(b"eXIf", tiff(kind, 1, struct.pack(order + form, 6), order))))
keep("odd_rational.jpg", jpeg(EXIF + tiff(5, 1, struct.pack("<II", 12, 2))))
keep("odd_count2.jpg", jpeg(EXIF + tiff(3, 2, struct.pack("<HH", 6, 3))))
keep("odd_count3.jpg", jpeg(EXIF + tiff(3, 3, struct.pack(">HHH", 8, 3, 3), ">")))
keep("odd_count0.jpg", jpeg(EXIF + tiff(3, 0, struct.pack("<H", 6)), ADOBE + ELEMENT))
keep("odd_two_exif.jpg", jpeg(EXIF + SIX[:20], EXIF + SIX[20:]))
keep("odd_exif_over_xmp.jpg", jpeg(EXIF + tiff(3, 1, b"\1\0"), ADOBE + ATTRIBUTE))
keep("odd_no_exif_xmp.jpg", jpeg(EXIF + tiff(99, 1, b"\6\0"), ADOBE + ATTRIBUTE))
keep("odd_xmp_attribute.jpg", jpeg(ADOBE + ATTRIBUTE))
keep("odd_xmp_element.webp", webp(b"XMP ", ELEMENT, 4))
keep("odd_exif_twice.webp", webp(b"EXIF", EXIF + EXIF + SIX, 8))
keep("odd_xmp.png", png(chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + ATTRIBUTE)))
keep("odd_xmp_packed.png", png(after=chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(ELEMENT))))
keep("odd_xmp_single.png", png(chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + ATTRIBUTE.replace(b'"6"', b" = '6'").replace(b"= =", b"="))), like=png(chunk(b"eXIf", SIX)))
keep("odd_exif_prefix.png", png(chunk(b"eXIf", EXIF + SIX)))
keep("odd_exif_behind.png", png(after=chunk(b"eXIf", SIX)))
keep("odd_profile.png", png(chunk(b"tEXt", b"Raw profile type exif\0" + profile("exif", EXIF + SIX))))
keep("odd_profile_packed.png", png(after=chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(profile("exif", SIX)))))
keep("odd_profile_app1.png", png(chunk(b"tEXt", b"Raw profile type APP1\0" + profile("generic", EXIF + SIX))), like=png(chunk(b"eXIf", SIX)))
keep("odd_profile_bad.png", png(chunk(b"tEXt", b"Raw profile type exif\0\nexif\n 3\n0g")), like=PNG)

CMYK = encode(inks, "JPEG", quality=90)
at = CMYK.index(b"\xff\xee")
keep("odd_cmyk.jpg", CMYK)
keep("odd_cmyk_bare.jpg", CMYK[:at] + CMYK[at + 16 :])
keep("odd_ycck.jpg", CMYK[: at + 15] + b"\2" + CMYK[at + 16 :])
keep("odd_cmyk_exif.jpg", jpeg(EXIF + SIX, base=CMYK))

at = PNG.index(b"IDAT") - 4
length = struct.unpack(">I", PNG[at : at + 4])[0]
keep("odd_cut_end.png", PNG[:-12], 1, PNG)
keep("odd_cut_iend.png", PNG[:-3], 1, PNG)
keep("odd_cut_checksum.png", PNG[: at + 10 + length], 1, PNG)
keep("odd_cut_adler.png", PNG[: at + 6 + length], 1, PNG)
keep("odd_crc_idat.png", PNG[: at + 8 + length] + bytes(4) + PNG[-12:], 1, PNG)
keep("odd_crc_iend.png", PNG[:-4] + bytes(4), 0, PNG)
gray = encode(Image.fromarray((np.asarray(small.convert("L")).astype(np.uint16) * 2)), "PNG")
keep("odd_cut_gray16.png", gray[:-14], 1, gray)
keep("odd_no_end.jpg", JPEG[:-2], 1, JPEG)
keep("odd_zeros_for_end.jpg", JPEG[:-2] + bytes(40), 1, JPEG)
progressive = encode(small, "JPEG", progressive=True)
keep("odd_no_end_progressive.jpg", progressive[:-2], 1, progressive)
restart = encode(small, "JPEG", restart_marker_blocks=2)
at = restart.index(b"\xff\xd1", 300)
keep("odd_lost_restart.jpg", restart[:at] + restart[at + 2 :], 1)
keep("odd_wrong_restart.jpg", restart[: at + 1] + b"\xd5" + restart[at + 2 :], 1)
(HERE / "odd.txt").write_text("".join(sorted(lines)))
print(f"{len(lines)} pictures")
