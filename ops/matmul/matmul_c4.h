/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file matmul_c4.h  y = x W^T + bias for dynamically quantised int8 rows (ops/qd8.h) and int4 weights with scales of two levels: an
 * integer step of 1 to 16 for each 16 columns of k, and one float scale per column of y. The weights are read as model files hold them
 * (runtime/model/format.h: QC4).
 *
 * With u the stored nibble and s its group's step, v = s (u - 8) is a byte: -128 .. 112. So these are int8 matrices that take 4.25 bits,
 * and give what matmul_i8.h gives of v, operation by operation: y[row][n] = fmaf((float)(sum over k of (q[row][k] - zero_point[row]) *
 * v[n][k]) * x_scale[row], scale[n], bias[n]) Sums are exact on every level, modulo 2^32 where a hostile file makes them larger. u s + 128
 * - 8 s is a byte without sign: a slab for VPDPBUSD takes one multiplication of nibbles in int16 lanes, whose halves cannot carry (15 * 16
 * < 256). AVX2 multiplies nibbles with activations first: 8 columns of a lane, the products of 15 * 128 at most, less 8 times the
 * activations, stay within int16 (8 * 15 * 128 + 8
 * * 8 * 128 < 2^15), and are then multiplied by their step.
 */
#ifndef BINOCLE_OPS_MATMUL_MATMUL_C4_H
#define BINOCLE_OPS_MATMUL_MATMUL_C4_H

#include "ops/matmul/matmul_i8.h"

enum {
  BNC_C4_GROUP = 16, /* columns of k that share a step */
  BNC_C4_PANEL = 8,  /* columns of y that lie together */
  BNC_C4_BLOCK = 32, /* columns of k that lie together: k is a multiple of it */
  BNC_C4_STEPS = 16  /* the largest step */
};

/** Weights in panels of 8 columns of y, those beyond n zeros: nibbles [k / 32, 4, 8, 4], where byte (c, i, j) of a block holds columns 8 c
   + j (low) and 8 c + 4 + j (high) of k for column i of y; then steps [k / 32, 8], a byte for column i, which holds the step less 1 of a
   block's first 16 columns of k (low) and its last (high). */
typedef struct bnc_matmul_c4_args {
  bnc_matmul_i8_args to; /* all but w, which is not read; scale [n] */
  const uint8_t *panels; /* [panels, bnc_c4_panel_bytes(k)] */
  const int32_t *totals; /* [panels * 8]: sums of v along k */
} bnc_matmul_c4_args;

/** All rows, the items (of BNC_I8_COLUMNS columns) [from, to). scratch: BNC_MATMUL_SCRATCH bytes that no other thread uses. */
BNC_KERNEL(matmul_c4, const bnc_matmul_c4_args *args, size_t from, size_t to, void *scratch);

static inline size_t bnc_c4_panels(size_t n) { return (n + BNC_C4_PANEL - 1) / BNC_C4_PANEL; }
static inline size_t bnc_c4_nibble_bytes(size_t k) { return k * BNC_C4_PANEL / 2; }
/** Of a panel: 4.25 bits a weight. */
static inline size_t bnc_c4_panel_bytes(size_t k) { return bnc_c4_nibble_bytes(k) + k / BNC_C4_BLOCK * BNC_C4_PANEL; }

/** Fills the panels [from, to) of an [n, k] matrix from its rows: what the compiler does with what it has quantised. */
void bnc_matmul_c4_pack(size_t n, size_t k, const uint8_t *source /* [n, k / 2], even columns in the low nibble */,
                        const uint8_t *steps /* [n, k / 16] of 1 to 16 */, uint8_t *panels, int32_t *totals /* [panels * 8] */, size_t from,
                        size_t to);
/** The values v of the columns of y [0, n). */
void bnc_matmul_c4_expand(size_t n, size_t k, const uint8_t *panels, int8_t *out /* [n, k] */);

/** One of them. */
static inline int32_t bnc_c4_value(const uint8_t *panel, size_t k, size_t i, size_t column) {
  const uint8_t pair = panel[(column / 8 * BNC_C4_PANEL + i) * 4 + column % 4];
  const uint8_t steps = panel[bnc_c4_nibble_bytes(k) + column / BNC_C4_BLOCK * BNC_C4_PANEL + i];
  const int32_t u = pair >> (column % 8 < 4 ? 0 : 4) & 15, step = (steps >> (column % BNC_C4_BLOCK < BNC_C4_GROUP ? 0 : 4) & 15) + 1;
  return (u - 8) * step;
}

#endif
