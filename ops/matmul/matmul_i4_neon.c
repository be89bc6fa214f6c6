/* SPDX-License-Identifier: Apache-2.0 */
#define I4_UNIT 1
#ifdef __aarch64__
#define I4_ROWS 4 /* 4 x 4 sums of pairs, 8 of floats, 4 of weights and what they are multiplied by, of 32 registers */
#else
#define I4_ROWS 2 /* of 16 */
#endif
#include "ops/matmul/matmul_i4_row_neon.h"
#include "ops/matmul/matmul_i4_slab_neon.h"
#include "ops/matmul/matmul_pairs_neon.h"

/* Sums in int16 for two rows of the panel, four lanes each: lane l has the products of a block's columns 4 i + l. Eight of at most 15 * 128
   stay within int16, and so do the sixteen of two lanes. */
typedef struct i4_narrow {
  int16x8_t rows[4];
} i4_narrow;

BNC_INLINE void i4_widen(i4_narrow x, int32x4_t *sum /* [2] */) {
  for (size_t h = 0; h < 2; ++h) sum[h] = vpadalq_s16(sum[h], pairs_s16(x.rows[2 * h], x.rows[2 * h + 1]));
}

/* x += the products of eight columns. */
BNC_INLINE void i4_columns8(const int8x8_t *w /* [2, 2, 2]: (h, j) of i4_block, of two rows each */, const int8_t *q /* [8] */,
                            i4_narrow *x) {
  const int32x2_t eight = vreinterpret_s32_s8(vld1_s8(q));
  const int8x8_t even = vreinterpret_s8_s32(vdup_lane_s32(eight, 0)), odd = vreinterpret_s8_s32(vdup_lane_s32(eight, 1));
  I4_UNROLL for (size_t h = 0; h < 2; ++h) {
    x->rows[2 * h] = vmlal_s8(vmlal_s8(x->rows[2 * h], w[4 * h], even), w[4 * h + 2], odd);
    x->rows[2 * h + 1] = vmlal_s8(vmlal_s8(x->rows[2 * h + 1], w[4 * h + 1], even), w[4 * h + 3], odd);
  }
}

BNC_INLINE i4_narrow i4_none(void) { return (i4_narrow){{vdupq_n_s16(0), vdupq_n_s16(0), vdupq_n_s16(0), vdupq_n_s16(0)}}; }

BNC_INLINE void i4_group(const uint8_t *nibbles, const int8_t *q, size_t group, int32x4_t *sum) {
  const uint8x16_t low = vdupq_n_u8(15);
  for (size_t k = 0; k < group; k += BNC_I4_BLOCK) {
    i4_narrow x = i4_none();
    for (size_t c = 0; c < BNC_I4_BLOCK; c += 8, nibbles += 32) {
      int8x8_t w[8];
      I4_UNROLL for (size_t h = 0; h < 2; ++h) {
        const uint8x16_t both = vld1q_u8(nibbles + 16 * h);
        const int8x16_t even = vreinterpretq_s8_u8(vandq_u8(both, low)), odd = vreinterpretq_s8_u8(vshrq_n_u8(both, 4));
        w[4 * h] = vget_low_s8(even);
        w[4 * h + 1] = vget_high_s8(even);
        w[4 * h + 2] = vget_low_s8(odd);
        w[4 * h + 3] = vget_high_s8(odd);
      }
      i4_columns8(w, q + k + c, &x);
    }
    i4_widen(x, sum);
  }
}

BNC_INLINE void i4_block(const int8_t *bytes, const int8_t *const *q, int32x4_t (*sum)[I4_PARTS], const size_t units) {
  i4_narrow x[I4_ROWS];
  I4_UNROLL for (size_t u = 0; u < units; ++u) x[u] = i4_none();
  for (size_t c = 0; c < 4; ++c, bytes += 64) {
    int8x8_t w[8];
    I4_UNROLL for (size_t i = 0; i < 8; ++i) w[i] = vld1_s8(bytes + 8 * i);
    I4_UNROLL for (size_t u = 0; u < units; ++u) i4_columns8(w, q[u] + 8 * c, &x[u]);
  }
  I4_UNROLL for (size_t u = 0; u < units; ++u) i4_widen(x[u], sum[u]);
}

enum { SLAB_ROWS = 2 }; /* one row alone takes fewer instructions without */

void bnc_matmul_i4_neon(const bnc_matmul_args *args, size_t from, size_t to, void *scratch) {
  if (args->rows >= SLAB_ROWS && args->w.group <= DEPTH)
    i4_slab_matmul(args, from, to, scratch);
  else
    i4_row_by_row(args, from, to);
}
