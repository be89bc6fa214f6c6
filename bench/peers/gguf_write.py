# SPDX-License-Identifier: Apache-2.0
"""Writes GGUF files (version 3) of random weights, streamed to disk. The layout is that of the format's published description."""
import random
import struct

U32, I32, F32, BOOL, STRING, ARRAY = 4, 5, 6, 7, 8, 9
ALIGNMENT = 32
# name -> (the format's number, weights in a block, bytes of a block)
TYPES = {"f32": (0, 1, 4), "f16": (1, 1, 2), "q4_0": (2, 32, 18), "q8_0": (8, 32, 34)}
TILE = 1 << 15  # blocks of random weights, written again and again


def string(text):
    raw = text.encode()
    return struct.pack("<Q", len(raw)) + raw


def value(kind, v):
    if kind == STRING:
        return string(v)
    if kind == ARRAY:
        of, items = v
        return struct.pack("<IQ", of, len(items)) + b"".join(value(of, i) for i in items)
    return struct.pack({U32: "<I", I32: "<i", F32: "<f", BOOL: "<?"}[kind], v)


def tile(kind, deviation, seed):
    """TILE blocks of random weights of about that deviation."""
    r = random.Random(seed)
    if kind in ("f32", "f16"):
        code = "e" if kind == "f16" else "f"
        return struct.pack(f"<{TILE}{code}", *(r.gauss(0, deviation) for _ in range(TILE)))
    # The deviation of uniform nibbles is 4.61 steps, that of uniform bytes 73.9.
    step = struct.pack("<e", deviation / (4.61 if kind == "q4_0" else 73.9))
    size = TYPES[kind][2] - 2
    raw = r.randbytes(TILE * size)
    return b"".join(step + raw[i:i + size] for i in range(0, len(raw), size))


class Gguf:
    """Collects keys and tensors; write() makes the file. A tensor's shape is as GGUF has it: the inputs first."""

    def __init__(self):
        self.keys, self.tensors = [], []

    def key(self, name, kind, v):
        self.keys.append(string(name) + struct.pack("<I", kind) + value(kind, v))

    def tensor(self, name, shape, kind, constant=None):
        """Random weights of deviation 1/sqrt(inputs), or one value everywhere (f32)."""
        self.tensors.append((name, shape, kind, constant))

    def write(self, path):
        head, offset, sizes = [], 0, []
        for name, shape, kind, _ in self.tensors:
            number, weights, size = TYPES[kind]
            count = 1
            for n in shape:
                count *= n
            if shape[0] % weights:
                raise ValueError(f"{name}: {shape[0]} inputs, expected a multiple of {weights} for {kind}")
            head.append(string(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, number, offset))
            sizes.append(count // weights * size)
            offset += -(-sizes[-1] // ALIGNMENT) * ALIGNMENT
        tiles = {}
        with open(path, "wb") as f:
            f.write(b"GGUF" + struct.pack("<IQQ", 3, len(self.tensors), len(self.keys)) + b"".join(self.keys) + b"".join(head))
            f.write(bytes(-f.tell() % ALIGNMENT))
            for (name, shape, kind, constant), size in zip(self.tensors, sizes):
                what = (kind, shape[0], constant)
                if what not in tiles:
                    tiles[what] = tile(kind, shape[0] ** -0.5, len(tiles)) if constant is None else struct.pack("<f", constant) * TILE
                left, each = size, tiles[what]
                while left > 0:
                    left -= f.write(each[:left])
                f.write(bytes(-size % ALIGNMENT))
