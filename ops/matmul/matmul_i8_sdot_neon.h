/* SPDX-License-Identifier: Apache-2.0 */
/** @file matmul_i8_sdot_neon.h  The same with SDOT. */
#ifndef BINOCLE_OPS_MATMUL_MATMUL_I8_SDOT_NEON_H
#define BINOCLE_OPS_MATMUL_MATMUL_I8_SDOT_NEON_H

#ifdef __aarch64__
#define I8_ROWS 6 /* 24 sums, 4 weights and an activation of 32 registers */
#else
#define I8_ROWS 2 /* 8 of 16 */
#endif
#define I8_NARROW 0
#include "ops/matmul/matmul_i8_straight_neon.h"

/* SDOT takes four products of a lane exactly into int32, of any bytes. */
BNC_INLINE void i8_dots(int32x4_t *sum, const int8x16_t *w, int8x16_t q, const bool wide) {
  (void)wide;
  I8_UNROLL for (size_t i = 0; i < 4; ++i) sum[i] = vdotq_s32(sum[i], w[i], q);
}

BNC_INLINE int32x4_t i8_total(int32x4_t sum, int8x16_t w) { return vdotq_s32(sum, w, vdupq_n_s8(1)); }

#endif
