/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file matmul_bf16.h  y = x W^T + bias with float32 x and bfloat16 weights, straight from the model file's panels.
 *
 *   y[row][n] = (sum over k of x[row][k] * w[n][k]) + bias[n]
 *
 * Where a level has no bf16 instructions, weights are widened in registers and the sum runs in the order of k, each product and its sum
 * rounded once: x and w are what they are, and all such levels give scalar's bits. Where it has some, x is rounded to bf16 as well (to
 * nearest even, subnormal numbers to zero) and pairs of products are added as the CPU does; the pairs come in the order of k there too. So
 * a row has the same bits alone as among others, whatever the range, on each level; checkkern holds the latter to a bound from an f64
 * oracle.
 */
#ifndef BINOCLE_OPS_MATMUL_MATMUL_BF16_H
#define BINOCLE_OPS_MATMUL_MATMUL_BF16_H

#include "ops/level.h"

enum {
  BNC_BF16_PANEL = 16,          /* columns of y that lie together */
  BNC_BF16_COLUMNS = 64,        /* columns of y that one item covers */
  BNC_BF16_ROWS = 12,           /* that a level rounds together, at most */
  BNC_BF16_WIDE_ROWS = 128,     /* of so many rows and more, a level that does not round widens weights once, for all of them */
  BNC_BF16_WIDE_BYTES = 1 << 20 /* to so much, of the second cache */
};

typedef struct bnc_matmul_bf16_args {
  size_t rows, k, n;
  const uint16_t *w;         /* [panels, (k + 1) / 2, 16, 2]: two columns k of 16 rows n lie together; zeros behind the last of both */
  const float *bias;         /* [n] or NULL: zeros */
  const float *x;            /* [rows, k] */
  float *y;                  /* [rows, n] */
  size_t x_stride, y_stride; /* elements from row to row */
} bnc_matmul_bf16_args;

/** All rows, the items (of BNC_BF16_COLUMNS columns) [from, to). scratch: bnc_bf16_scratch(k) bytes, 64-byte aligned, that no other thread
 * uses. */
BNC_KERNEL(matmul_bf16, const bnc_matmul_bf16_args *args, size_t from, size_t to, void *scratch);

/** Whether a level rounds x. */
static inline int bnc_bf16_rounds(bnc_cpu_level level) { return level == BNC_CPU_AVX512BF16 || level == BNC_CPU_NEON_BF16; }

static inline size_t bnc_bf16_items(size_t n) { return (n + BNC_BF16_COLUMNS - 1) / BNC_BF16_COLUMNS; }
static inline size_t bnc_bf16_panels(size_t n) { return (n + BNC_BF16_PANEL - 1) / BNC_BF16_PANEL; }
/** Values of a panel. */
static inline size_t bnc_bf16_panel(size_t k) { return (k + 1) / 2 * 2 * BNC_BF16_PANEL; }
/** Where w[n][i] lies, with k columns. */
static inline size_t bnc_bf16_place(size_t k, size_t n, size_t i) {
  return n / BNC_BF16_PANEL * bnc_bf16_panel(k) + i / 2 * 2 * BNC_BF16_PANEL + n % BNC_BF16_PANEL * 2 + i % 2;
}
/** Elements from row to row of rows that are rounded to bf16: k filled up, and, where 64 divides it, an odd number of cache lines. */
static inline size_t bnc_bf16_depth(size_t k) { return (k + 63) / 32 * 32; }
/** Panels that are widened together; 0: too long to be widened. */
static inline size_t bnc_bf16_wide_panels(size_t k) {
  const size_t fit = BNC_BF16_WIDE_BYTES / (bnc_bf16_panel(k) * sizeof(float));
  return fit >= 4 ? 4 : fit >= 2 ? 2 : 0;
}
static inline size_t bnc_bf16_scratch(size_t k) {
  const size_t rounded = bnc_bf16_depth(k) * BNC_BF16_ROWS * sizeof(uint16_t),
               wide = bnc_bf16_wide_panels(k) * bnc_bf16_panel(k) * sizeof(float);
  return rounded > wide ? rounded : wide;
}

/** Rounds rows w [n, k], finite numbers, to the nearest bf16 and fills the panels [from, to) with them. */
void bnc_matmul_bf16_pack(size_t n, size_t k, const float *w, uint16_t *panels, size_t from, size_t to);
/** The rows [0, n) out of panels, as f32 [n, k]. */
void bnc_matmul_bf16_widen(size_t n, size_t k, const uint16_t *panels, float *w);

#endif
