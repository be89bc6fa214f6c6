/* SPDX-License-Identifier: Apache-2.0 */
#define I4_ROWS 4
#include "ops/matmul/matmul_i4_neon.h"

/* SDOT takes four products of a lane exactly into int32. */
I4_INLINE void i4_group(const uint8_t *nibbles, const int8_t *const *q, size_t group, int32x4_t (*sum)[2], const size_t rows) {
  const uint8x16_t low = vdupq_n_u8(15);
  for (size_t k = 0; k < group; k += 8, nibbles += 32) {
    const uint8x16_t first = vld1q_u8(nibbles), second = vld1q_u8(nibbles + 16);
    const int8x16_t even0 = vreinterpretq_s8_u8(vandq_u8(first, low)), odd0 = vreinterpretq_s8_u8(vshrq_n_u8(first, 4));
    const int8x16_t even1 = vreinterpretq_s8_u8(vandq_u8(second, low)), odd1 = vreinterpretq_s8_u8(vshrq_n_u8(second, 4));
    I4_UNROLL for (size_t r = 0; r < rows; ++r) {
      const int8x8_t x = vld1_s8(q[r] + k);
      sum[r][0] = vdotq_lane_s32(vdotq_lane_s32(sum[r][0], even0, x, 0), odd0, x, 1);
      sum[r][1] = vdotq_lane_s32(vdotq_lane_s32(sum[r][1], even1, x, 0), odd1, x, 1);
    }
  }
}

void bnc_matmul_i4_neon_dotprod(const bnc_matmul_args *args, size_t from, size_t to, void *scratch) {
  (void)scratch; i4_matmul(args, from, to); }
