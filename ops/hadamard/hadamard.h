/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file hadamard.h  An orthogonal transform of rows that spreads what stands out in a few columns over all of them, so that int8 rows with
 * one scale lose less (QuaRot, Ashkboos et al., arXiv 2404.00456).
 *
 * block is the largest power of two that divides cols. Each block of a row is multiplied by the Hadamard matrix H of its size (Sylvester's:
 * H[i][j] is -1 to the number of ones that i and j have in common); then the same column of all blocks by the matrix mix:
 *   y[i * block + c] = sum over j of mix[i][j] * (H x[j * block ...])[c]
 * or, with a mix of one element, each value by that element. bnc_hadamard_mix fills mix so that the whole is orthogonal, symmetric and its
 * own inverse: 1 / sqrt(cols) times the Hartley matrix, mix[i][j] ~ cos(2 pi i j / m) + sin(2 pi i j / m).
 *
 * Columns 16, 32 ... apart are combined first, in this order; then sixteens, even and odd columns summed apart, in order; mix by fused
 * multiply-adds in order. Bit-identical on every level.
 */
#ifndef BINOCLE_OPS_HADAMARD_HADAMARD_H
#define BINOCLE_OPS_HADAMARD_HADAMARD_H

#include "ops/level.h"

/** The most blocks that are mixed. */
#define BNC_HADAMARD_BLOCKS 64u

typedef struct bnc_hadamard_args {
  size_t cols;               /* of which bnc_hadamard_fits is true */
  size_t mixed;              /* rows of mix: 1, or cols / block */
  const float *mix;          /* [mixed, mixed] */
  const float *x;            /* [rows, cols] */
  float *y;                  /* [rows, cols]; may be x */
  size_t x_stride, y_stride; /* elements from row to row */
} bnc_hadamard_args;

BNC_KERNEL(hadamard_f32, const bnc_hadamard_args *args, size_t from, size_t to);

typedef struct bnc_hadamard_ops {
  bnc_hadamard_f32_fn *f32;
} bnc_hadamard_ops;

static inline size_t bnc_hadamard_block(size_t cols) { return cols & (~cols + 1); }
/** Blocks are sixteen columns at least. */
static inline int bnc_hadamard_fits(size_t cols) { return cols > 0 && bnc_hadamard_block(cols) >= 16; }
/** Rows of the mix that spreads most: as many as there are blocks, if those are not too many. */
static inline size_t bnc_hadamard_mixed(size_t cols) {
  const size_t blocks = cols / bnc_hadamard_block(cols);
  return blocks <= BNC_HADAMARD_BLOCKS ? blocks : 1;
}
/** mix [mixed, mixed] of that many columns. */
void bnc_hadamard_mix(size_t cols, size_t mixed, float *mix);

#endif
