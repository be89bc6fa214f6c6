/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/matmul/matmul_i8_sdot_neon.h"

#define C4_ROWS 4 /* 8 sums, 8 of weights, of 32 registers */
#include "ops/matmul/matmul_c4_neon.h"
#include "ops/matmul/matmul_c4_rows_neon.h"

BNC_INLINE void c4_group(const c4_weights *w, const int8_t *q, int16x8_t step, int32x4_t *sum) {
  I8_UNROLL for (size_t h = 0; h < 2; ++h) {
    int32x4_t x = vdupq_n_s32(0);
    I8_UNROLL for (size_t c = 0; c < 2; ++c) {
      const int8x8_t eight = vld1_s8(q + 8 * c);
      x = vdotq_lane_s32(vdotq_lane_s32(x, w->at[c][0][h], eight, 0), w->at[c][1][h], eight, 1);
    }
    sum[h] = vmlaq_s32(sum[h], x, vmovl_s16(h ? vget_high_s16(step) : vget_low_s16(step)));
  }
}

enum { SLAB_ROWS = 9 }; /* fewer take fewer instructions without bytes of weights */

void bnc_matmul_c4_neon_dotprod(const bnc_matmul_c4_args *args, size_t from, size_t to, void *scratch) {
  if (args->to.rows >= SLAB_ROWS)
    c4_walk(args, from, to, I8_TOGETHER, i8_straight_part, scratch, 0);
  else
    c4_row_by_row(args, from, to);
}
