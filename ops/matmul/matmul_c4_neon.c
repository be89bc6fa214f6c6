/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/matmul/matmul_i8_mlal_neon.h"

#define C4_ROWS 2 /* more would not leave registers for what they share */
#include "ops/matmul/matmul_c4_neon.h"
#include "ops/matmul/matmul_c4_rows_neon.h"
#include "ops/matmul/matmul_pairs_neon.h"

/* Sixteen products of at most 8 * 128 stay within int16. */
BNC_INLINE void c4_group(const c4_weights *w, const int8_t *q, int16x8_t step, int32x4_t *sum) {
  int16x8_t x[4]; /* of two columns of y, four lanes each */
  I8_UNROLL for (size_t c = 0; c < 2; ++c) {
    const int32x2_t eight = vreinterpret_s32_s8(vld1_s8(q + 8 * c));
    const int8x8_t four[2] = {vreinterpret_s8_s32(vdup_lane_s32(eight, 0)), vreinterpret_s8_s32(vdup_lane_s32(eight, 1))};
    I8_UNROLL for (size_t j = 0; j < 2; ++j) {
      I8_UNROLL for (size_t i = 0; i < 4; ++i) {
        const int8x16_t both = w->at[c][j][i / 2];
        const int8x8_t two = i % 2 ? vget_high_s8(both) : vget_low_s8(both);
        x[i] = c + j ? vmlal_s8(x[i], two, four[j]) : vmull_s8(two, four[j]);
      }
    }
  }
  const int16x8_t all = pairs_s16(pairs_s16(x[0], x[1]), pairs_s16(x[2], x[3]));
  sum[0] = vmlal_s16(sum[0], vget_low_s16(all), vget_low_s16(step));
  sum[1] = vmlal_s16(sum[1], vget_high_s16(all), vget_high_s16(step));
}

enum { SLAB_ROWS = 32 }; /* fewer take fewer instructions without bytes of weights */

void bnc_matmul_c4_neon(const bnc_matmul_c4_args *args, size_t from, size_t to, void *scratch) {
  if (args->to.rows >= SLAB_ROWS)
    c4_walk(args, from, to, I8_TOGETHER, i8_straight_part, scratch, 0);
  else
    c4_row_by_row(args, from, to);
}
