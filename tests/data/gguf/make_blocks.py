#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes blocks.gguf: a matrix [2, 256] in each type of block, as NAME, and as NAME.f32 what the `gguf` package (0.19.0, NumPy 2.4.6) reads in
it. Types that the package can write come from normal numbers; the others are random bytes under scales of a sensible size."""
from pathlib import Path

import gguf
import numpy as np

rng = np.random.default_rng(13)
K = gguf.GGMLQuantizationType
WRITTEN = (K.F16, K.BF16, K.Q4_0, K.Q4_1, K.Q5_0, K.Q5_1, K.Q8_0)
HALVES = {K.Q2_K: (80, 82), K.Q3_K: (108,), K.Q4_K: (0, 2), K.Q5_K: (0, 2), K.Q6_K: (208,), K.IQ4_NL: (0,), K.IQ4_XS: (0,)}


def random_blocks(kind):
    elements, size = gguf.GGML_QUANT_SIZES[kind]
    blocks = rng.integers(0, 256, (512 // elements, size), dtype=np.uint8)
    for at in HALVES[kind]:
        blocks[:, at:at + 2] = rng.normal(0, 0.02, (len(blocks), 1)).astype(np.float16).view(np.uint8)
    return blocks.reshape(2, -1)


out = gguf.GGUFWriter(Path(__file__).parent / "blocks.gguf", "llama")
for kind in (*WRITTEN, *HALVES):
    if kind in WRITTEN:
        values = rng.normal(0, 0.5, (2, 256)).astype(np.float32)
        values[0, :32] = 0
        raw = gguf.quantize(values, kind)
    else:
        raw = random_blocks(kind)
    out.add_tensor(kind.name, raw, raw_dtype=kind)
    out.add_tensor(kind.name + ".f32", gguf.dequantize(raw, kind).astype(np.float32).reshape(2, 256))
out.write_header_to_file()
out.write_kv_data_to_file()
out.write_tensors_to_file()
out.close()
