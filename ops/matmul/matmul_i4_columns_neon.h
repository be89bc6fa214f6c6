/* SPDX-License-Identifier: Apache-2.0 */
/** @file matmul_i4_columns_neon.h  The order of columns that i4_block of matmul_i4_slab_neon.h takes: of weights and of sums. Define
 * I4_UNIT first. */
#ifndef BINOCLE_OPS_MATMUL_MATMUL_I4_COLUMNS_NEON_H
#define BINOCLE_OPS_MATMUL_MATMUL_I4_COLUMNS_NEON_H

#include "ops/matmul/matmul_i4_neon.h"

enum { I4_PARTS = 2 * I4_UNIT };

/* From halves of rows (part I4_UNIT * h + r is half h of row r) to what i4_block's registers hold, and back: the same step. */
BNC_INLINE void i4_turn(float32x4_t *part /* [I4_PARTS] */) {
  if (I4_UNIT == 1) return;
  for (size_t h = 0; h < 2; ++h) {
    const float32x4_t a = part[2 * h], b = part[2 * h + 1];
    part[2 * h] = vcombine_f32(vget_low_f32(a), vget_low_f32(b));
    part[2 * h + 1] = vcombine_f32(vget_high_f32(a), vget_high_f32(b));
  }
}

/* Eight columns of a panel. */
BNC_INLINE void i4_expand(const uint8_t *nibbles /* [8, 4] */, int8_t *bytes /* [64] */) {
  const uint8x16_t low = vdupq_n_u8(15);
  const int8x16_t eight = vdupq_n_s8(8);
  for (size_t h = 0; h < 2; ++h) {
    const uint8x16_t both = vld1q_u8(nibbles + 16 * h);
    const int32x4_t even = vreinterpretq_s32_s8(vsubq_s8(vreinterpretq_s8_u8(vandq_u8(both, low)), eight));
    const int32x4_t odd = vreinterpretq_s32_s8(vsubq_s8(vreinterpretq_s8_u8(vshrq_n_u8(both, 4)), eight));
    const int32x4x2_t both_columns = I4_UNIT == 2 ? vzipq_s32(even, odd) : (int32x4x2_t){{even, odd}};
    vst1q_s8(bytes + 32 * h, vreinterpretq_s8_s32(both_columns.val[0]));
    vst1q_s8(bytes + 32 * h + 16, vreinterpretq_s8_s32(both_columns.val[1]));
  }
}

#endif
