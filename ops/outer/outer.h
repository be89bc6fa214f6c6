/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file outer.h  sum[i][lane] += sum over p < depth, in order, of a[i * a_row + p * a_step] * b[p * b_step + lane]: a tile of a matrix
 * product as a sum of outer products. What calibration spends its time on: second moments, their factor, layers, error feedback.
 *
 * A product and a sum are rounded each, and lanes are sums of their own: the bits are the same on all levels, and where a sum goes on from
 * what an earlier call left, those of one call.
 */
#ifndef BINOCLE_OPS_OUTER_OUTER_H
#define BINOCLE_OPS_OUTER_OUTER_H

#include <stddef.h>

#include "ops/level.h"

enum { BNC_OUTER_ROWS = 4, BNC_OUTER_LANES = 16 };

typedef struct bnc_outer_args {
  const float *a;
  size_t a_row, a_step; /* from row to row of the tile, from p to p */
  const float *b;       /* [depth, 16] */
  size_t b_step, depth;
  float *sum; /* [4, 16] */
  size_t sum_stride;
} bnc_outer_args;

BNC_KERNEL(outer_product, const bnc_outer_args *args);

typedef struct bnc_outer_ops {
  bnc_outer_product_fn *product;
} bnc_outer_ops;

/** The kernel of this machine's level, for who has no bnc_kernels: scalar's where the level cannot be told. */
bnc_outer_product_fn *bnc_outer_here(void);

#endif
