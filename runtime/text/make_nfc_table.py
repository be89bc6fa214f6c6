#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes nfc_table.c beside itself, from the Unicode data of Python's unicodedata (3.11: Unicode 14.0)."""
import sys
import unicodedata
from pathlib import Path

HANGUL = range(0xAC00, 0xD7A4)  # by arithmetic
parts, classes = {}, []
for code in range(sys.maxunicode + 1):
    decomposed = unicodedata.decomposition(chr(code))
    if decomposed and not decomposed.startswith("<") and code not in HANGUL:
        parts[code] = [int(x, 16) for x in decomposed.split()]
    marks = unicodedata.combining(chr(code))
    if marks and classes and classes[-1][1] == code - 1 and classes[-1][2] == marks:
        classes[-1][1] = code
    elif marks:
        classes.append([code, code, marks])
rows = sorted((code, p[0], p[1] if len(p) > 1 else 0) for code, p in parts.items())
assert all(len(p) < 3 and (len(p) < 2 or p[1] not in parts) for p in parts.values())
# What composes again: the exclusions of the standard are those that do not.
pairs = sorted((a, b, i) for i, (code, a, b) in enumerate(rows) if b and unicodedata.normalize("NFC", chr(a) + chr(b)) == chr(code))


def array(declaration, items):
    lines, line = [], "   "
    for item in items:
        if len(line) + len(item) > 137:
            lines.append(line)
            line = "   "
        line += " " + item
    return declaration + " = {\n" + "\n".join([*lines, line]) + "\n};\n"


with open(Path(__file__).parent / "nfc_table.c", "w", encoding="ascii") as out:
    out.write("/* SPDX-License-Identifier: Apache-2.0 */\n")
    out.write(f"/* Made by make_nfc_table.py: Unicode {unicodedata.unidata_version}. */\n#include \"runtime/text/nfc_table.h\"\n\n/* clang-format off */\n")
    out.write(array(f"const bnc_nfc_parts bnc_nfc_decompositions[{len(rows)}]", [f"{{0x{c:X}, 0x{a:X}, 0x{b:X}}}," for c, a, b in rows]))
    out.write(f"const size_t bnc_nfc_decomposition_count = {len(rows)};\n\n")
    out.write(array(f"const uint16_t bnc_nfc_compositions[{len(pairs)}]", [f"{i}," for _, _, i in pairs]))
    out.write(f"const size_t bnc_nfc_composition_count = {len(pairs)};\n\n")
    out.write(array(f"const bnc_nfc_class bnc_nfc_classes[{len(classes)}]", [f"{{0x{a:X}, 0x{b:X}, {c}}}," for a, b, c in classes]))
    out.write(f"const size_t bnc_nfc_class_count = {len(classes)};\n")
