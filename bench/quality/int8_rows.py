# SPDX-License-Identifier: Apache-2.0
"""Binocle's rounding to int8 in NumPy, number for number, for the scripts that simulate what it costs: activations as ops/qd8.h says, weights as
quant/compile/quantize_weights.c. All in float32."""
import numpy as np


def levels_of_rows(x):
    """(q - zero point, s), rows x being near (q - zero point) / s."""
    low, high = np.minimum(x.min(1, keepdims=True), 0), np.maximum(x.max(1, keepdims=True), 0)
    s = np.float32(255) / np.where(low == high, np.float32(255), high - low)
    zero = np.rint(np.clip(np.where((-128 + low * s) + (127 + high * s) > 0, -128 - low * s, 127 - high * s), -128, 127))
    return np.clip(np.rint(x * s), -128 - zero, 127 - zero), s


def quantise_rows(x):
    """(q - zero point, scale) of each row."""
    q, s = levels_of_rows(x)
    return q, np.float32(1) / s


def rounded_rows(x):
    q, s = levels_of_rows(x)
    return q / s


def quantise_weights(w):
    """(q, s): each row w is near q * s, with the first of the scales that leaves the least squared error."""
    most, best = np.abs(w).max(1, keepdims=True), None
    for steps in (127.0, *(127.25 + 0.75 * c for c in range(24))):
        s = most / np.float32(steps)
        q = np.clip(np.rint(w / s), -127, 127)
        error = ((w - q * s) ** 2).sum(1, keepdims=True)
        better = error < best[2] if best else True
        best = tuple(np.where(better, new, old) for new, old in zip((q, s, error), best or (q, s, error)))
    return best[:2]


def rounded_weights(w):
    q, s = quantise_weights(w)
    return q * s
