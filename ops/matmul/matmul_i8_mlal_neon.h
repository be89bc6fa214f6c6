/* SPDX-License-Identifier: Apache-2.0 */
/** @file matmul_i8_mlal_neon.h  Sixteen int8 products at a time with the multiplications that every NEON has. */
#ifndef BINOCLE_OPS_MATMUL_MATMUL_I8_MLAL_NEON_H
#define BINOCLE_OPS_MATMUL_MATMUL_I8_MLAL_NEON_H

#ifdef __aarch64__
#define I8_ROWS 4 /* 16 sums, 4 weights, an activation and their products of 32 registers */
#else
#define I8_ROWS 2 /* 8 of 16 */
#endif
#define I8_NARROW 1
#include "ops/matmul/matmul_i8_straight_neon.h"

BNC_INLINE int16x8_t low_products(int8x16_t w, int8x16_t q) { return vmull_s8(vget_low_s8(w), vget_low_s8(q)); }
#ifdef __aarch64__
BNC_INLINE int16x8_t high_products(int8x16_t w, int8x16_t q) { return vmull_high_s8(w, q); }
BNC_INLINE int16x8_t add_high_products(int16x8_t x, int8x16_t w, int8x16_t q) { return vmlal_high_s8(x, w, q); }
#else
BNC_INLINE int16x8_t high_products(int8x16_t w, int8x16_t q) { return vmull_s8(vget_high_s8(w), vget_high_s8(q)); }
BNC_INLINE int16x8_t add_high_products(int16x8_t x, int8x16_t w, int8x16_t q) { return vmlal_s8(x, vget_high_s8(w), vget_high_s8(q)); }
#endif

/* int16 holds two products unless both are (-128)^2: where weights are -128, each product is added by itself. Step by step for all four
   columns: cores that run in order wait for a result that is needed at once. */
BNC_INLINE void i8_dots(int32x4_t *sum, const int8x16_t *w, int8x16_t q, const bool wide) {
  int16x8_t x[4];
  I8_UNROLL for (size_t i = 0; i < 4; ++i) x[i] = low_products(w[i], q);
  if (wide) {
    I8_UNROLL for (size_t i = 0; i < 4; ++i) sum[i] = vpadalq_s16(sum[i], x[i]);
    I8_UNROLL for (size_t i = 0; i < 4; ++i) x[i] = high_products(w[i], q);
  } else {
    I8_UNROLL for (size_t i = 0; i < 4; ++i) x[i] = add_high_products(x[i], w[i], q);
  }
  I8_UNROLL for (size_t i = 0; i < 4; ++i) sum[i] = vpadalq_s16(sum[i], x[i]);
}

BNC_INLINE int32x4_t i8_total(int32x4_t sum, int8x16_t w) { return vpadalq_s16(sum, vpaddlq_s8(w)); }

#endif
