/* SPDX-License-Identifier: Apache-2.0 */
#ifdef __aarch64__
#define I4_ROWS 4 /* 4 x 4 sums, 4 nibbles and what they are multiplied by, of 32 registers */
#else
#define I4_ROWS 2 /* of 16 */
#endif
#include "ops/matmul/matmul_i4_neon.h"

/* A vector of int16 sums holds, for each of two rows of the panel, four lanes: products of a block's columns 4 i + lane. Eight of at most 15 * 128 stay
   within int16; they are widened after each block. */
I4_INLINE void i4_block(const uint8_t *nibbles, const int8_t *const *q, int32x4_t (*wide)[4], const size_t rows) {
  const uint8x16_t low = vdupq_n_u8(15);
  int16x8_t narrow[I4_ROWS][4];
  I4_UNROLL for (size_t r = 0; r < rows; ++r) {
    I4_UNROLL for (size_t i = 0; i < 4; ++i) narrow[r][i] = vdupq_n_s16(0);
  }
  for (size_t c = 0; c < 4; ++c) {
    I4_UNROLL for (size_t h = 0; h < 2; ++h) {
      const uint8x16_t both = vld1q_u8(nibbles + 32 * c + 16 * h);
      const int8x16_t even = vreinterpretq_s8_u8(vandq_u8(both, low)), odd = vreinterpretq_s8_u8(vshrq_n_u8(both, 4));
      I4_UNROLL for (size_t r = 0; r < rows; ++r) {
        const int32x2_t x = vreinterpret_s32_s8(vld1_s8(q[r] + 8 * c));
        const int8x8_t x_even = vreinterpret_s8_s32(vdup_lane_s32(x, 0)), x_odd = vreinterpret_s8_s32(vdup_lane_s32(x, 1));
        narrow[r][2 * h] = vmlal_s8(vmlal_s8(narrow[r][2 * h], vget_low_s8(even), x_even), vget_low_s8(odd), x_odd);
        narrow[r][2 * h + 1] = vmlal_s8(vmlal_s8(narrow[r][2 * h + 1], vget_high_s8(even), x_even), vget_high_s8(odd), x_odd);
      }
    }
  }
  I4_UNROLL for (size_t r = 0; r < rows; ++r) {
    I4_UNROLL for (size_t i = 0; i < 4; ++i) wide[r][i] = vpadalq_s16(wide[r][i], narrow[r][i]);
  }
}

/* Pairs of lanes: [a0 + a1, a2 + a3, b0 + b1, b2 + b3]. */
I4_INLINE int32x4_t i4_pairs(int32x4_t a, int32x4_t b) {
#ifdef __aarch64__
  return vpaddq_s32(a, b);
#else
  return vcombine_s32(vpadd_s32(vget_low_s32(a), vget_high_s32(a)), vpadd_s32(vget_low_s32(b), vget_high_s32(b)));
#endif
}

I4_INLINE void i4_group(const uint8_t *nibbles, const int8_t *const *q, size_t group, int32x4_t (*sum)[2], const size_t rows) {
  int32x4_t wide[I4_ROWS][4];
  const int8_t *at[I4_ROWS];
  I4_UNROLL for (size_t r = 0; r < rows; ++r) {
    I4_UNROLL for (size_t i = 0; i < 4; ++i) wide[r][i] = vdupq_n_s32(0);
    at[r] = q[r];
  }
  for (size_t k = 0; k < group; k += BNC_I4_BLOCK, nibbles += BNC_I4_BLOCK * BNC_I4_PANEL / 2) {
    i4_block(nibbles, at, wide, rows);
    I4_UNROLL for (size_t r = 0; r < rows; ++r) at[r] += BNC_I4_BLOCK;
  }
  I4_UNROLL for (size_t r = 0; r < rows; ++r) {
    sum[r][0] = vaddq_s32(sum[r][0], i4_pairs(wide[r][0], wide[r][1]));
    sum[r][1] = vaddq_s32(sum[r][1], i4_pairs(wide[r][2], wide[r][3]));
  }
}

void bnc_matmul_i4_neon(const bnc_matmul_args *args, size_t from, size_t to, void *scratch) {
  (void)scratch; i4_matmul(args, from, to); }
