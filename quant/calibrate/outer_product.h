/* SPDX-License-Identifier: Apache-2.0 */
/** @file outer_product.h  The one loop under calibration: a tile of a matrix product, which second moments, their factor, layers and error
   feedback all consist of. */
#ifndef BINOCLE_QUANT_CALIBRATE_OUTER_PRODUCT_H
#define BINOCLE_QUANT_CALIBRATE_OUTER_PRODUCT_H

#include <stddef.h>

enum { BNC_TILE_ROWS = 4, BNC_TILE_LANES = 16 };

/** sum[i][lane] = sum over p < depth, in order, of a[i * a_row + p * a_step] * b[p * b_step + lane]. Lanes are sums of their own, never
   reordered: the bits depend neither on the vector unit nor on how tiles are shared among threads. */
void bnc_outer_product(const float *a, size_t a_row, size_t a_step, const float *b, size_t b_step, size_t depth,
                       float sum[BNC_TILE_ROWS][BNC_TILE_LANES]);

#endif
