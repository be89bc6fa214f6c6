/* SPDX-License-Identifier: Apache-2.0 */
#define I4_UNIT 1
#ifdef __aarch64__
#define I4_ROWS 6 /* 12 sums and as many of floats, 4 of weights and an activation, of 32 registers */
#else
#define I4_ROWS 2 /* of 16 */
#endif
#include "ops/matmul/matmul_i4_row_neon.h"
#include "ops/matmul/matmul_i4_slab_neon.h"

/* SDOT takes four products of a lane exactly into int32. */
BNC_INLINE void i4_group(const uint8_t *nibbles, const int8_t *q, size_t group, int32x4_t *sum) {
  const uint8x16_t low = vdupq_n_u8(15);
  for (size_t k = 0; k < group; k += 8, nibbles += 32) {
    const int8x8_t x = vld1_s8(q + k);
    I4_UNROLL for (size_t h = 0; h < 2; ++h) {
      const uint8x16_t both = vld1q_u8(nibbles + 16 * h);
      const int8x16_t even = vreinterpretq_s8_u8(vandq_u8(both, low)), odd = vreinterpretq_s8_u8(vshrq_n_u8(both, 4));
      sum[h] = vdotq_lane_s32(vdotq_lane_s32(sum[h], even, x, 0), odd, x, 1);
    }
  }
}

BNC_INLINE void i4_block(const int8_t *bytes, const int8_t *const *q, int32x4_t (*sum)[I4_PARTS], const size_t units) {
  for (size_t c = 0; c < 4; ++c, bytes += 64) {
    const int8x16_t w[4] = {vld1q_s8(bytes), vld1q_s8(bytes + 16), vld1q_s8(bytes + 32), vld1q_s8(bytes + 48)};
    I4_UNROLL for (size_t u = 0; u < units; ++u) {
      const int8x8_t x = vld1_s8(q[u] + 8 * c);
      I4_UNROLL for (size_t h = 0; h < 2; ++h) sum[u][h] = vdotq_lane_s32(vdotq_lane_s32(sum[u][h], w[2 * h], x, 0), w[2 * h + 1], x, 1);
    }
  }
}

enum { SLAB_ROWS = 3 }; /* fewer pass one by one, which takes fewer instructions */

void bnc_matmul_i4_neon_dotprod(const bnc_matmul_args *args, size_t from, size_t to, void *scratch) {
  if (args->rows >= SLAB_ROWS && args->w.group <= DEPTH)
    i4_slab_matmul(args, from, to, scratch);
  else
    i4_row_by_row(args, from, to);
}
