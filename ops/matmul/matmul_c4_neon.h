/* SPDX-License-Identifier: Apache-2.0 */
/** @file matmul_c4_neon.h  matmul_c4 on NEON registers: a part's panels become bytes in the first cache, a column after the other, and the
 * level's way with int8 matrices goes on from there. Include that way first. */
#ifndef BINOCLE_OPS_MATMUL_MATMUL_C4_NEON_H
#define BINOCLE_OPS_MATMUL_MATMUL_C4_NEON_H

#include "ops/matmul/matmul_c4.h"
#include "ops/matmul/matmul_i8_neon.h"

/* A part's columns, and where their bytes go. */
typedef struct c4_room {
  const bnc_matmul_c4_args *args;
  int8_t *bytes; /* [columns rounded up to panels, I8_DEPTH] */
} c4_room;

/* Each of eight steps four times: columns 0 to 3, then 4 to 7. */
BNC_INLINE int8x16x2_t c4_four(uint8x8_t steps) {
  const uint8x16_t both = vcombine_u8(steps, steps), twice = vzipq_u8(both, both).val[0];
  const uint8x16x2_t four = vzipq_u8(twice, twice);
  return (int8x16x2_t){{vreinterpretq_s8_u8(four.val[0]), vreinterpretq_s8_u8(four.val[1])}};
}

/* Eight columns of k: (u - 8) times the steps. */
BNC_INLINE void c4_eight(const uint8_t *nibbles /* [8, 4] */, int8x16x2_t step, int8_t *out /* [8], I8_DEPTH apart */) {
  const uint8x16_t low = vdupq_n_u8(15);
  const int8x16_t eight = vdupq_n_s8(8);
  I8_UNROLL for (size_t h = 0; h < 2; ++h) {
    const uint8x16_t both = vld1q_u8(nibbles + 16 * h);
    const int8x16_t even = vmulq_s8(vsubq_s8(vreinterpretq_s8_u8(vandq_u8(both, low)), eight), step.val[h]);
    const int8x16_t odd = vmulq_s8(vsubq_s8(vreinterpretq_s8_u8(vshrq_n_u8(both, 4)), eight), step.val[h]);
    const int32x4x2_t rows = vzipq_s32(vreinterpretq_s32_s8(even), vreinterpretq_s32_s8(odd));
    I8_UNROLL for (size_t i = 0; i < 2; ++i) {
      vst1_s8(out + (4 * h + 2 * i) * I8_DEPTH, vreinterpret_s8_s32(vget_low_s32(rows.val[i])));
      vst1_s8(out + (4 * h + 2 * i + 1) * I8_DEPTH, vreinterpret_s8_s32(vget_high_s32(rows.val[i])));
    }
  }
}

static void c4_expand(i8_part *p, const void *context) {
  const c4_room *to = context;
  const bnc_matmul_c4_args *a = to->args;
  const size_t panels = bnc_c4_panels(p->columns), bytes = bnc_c4_panel_bytes(a->to.k);
  for (size_t panel = 0; panel < panels; ++panel) {
    const uint8_t *first = a->panels + (p->n / BNC_C4_PANEL + panel) * bytes, *nibbles = first + 4 * p->from;
    const uint8_t *steps = first + bnc_c4_nibble_bytes(a->to.k) + p->from / 4;
    int8_t *out = to->bytes + panel * BNC_C4_PANEL * I8_DEPTH;
    for (size_t k = 0; k < p->depth; k += BNC_C4_BLOCK, steps += BNC_C4_PANEL) {
      const uint8x8_t both = vld1_u8(steps), one = vdup_n_u8(1);
      const int8x16x2_t step[2] = {c4_four(vadd_u8(vand_u8(both, vdup_n_u8(15)), one)), c4_four(vadd_u8(vshr_n_u8(both, 4), one))};
      I8_UNROLL for (size_t c = 0; c < 4; ++c, nibbles += 32) c4_eight(nibbles, step[c / 2], out + k + 8 * c);
    }
  }
  p->w = to->bytes;
  p->w_stride = I8_DEPTH;
}

/* All rows, the columns of the items [from, to), `together` (a multiple of a panel) at a time. scratch: `taken` bytes are run's. */
BNC_INLINE void c4_walk(const bnc_matmul_c4_args *a, size_t from, size_t to, size_t together, i8_part_run *run, void *scratch,
                        size_t taken) {
  const c4_room to_bytes = {a, (int8_t *)scratch + taken};
  i8_walk_parts(&a->to, from, to, together, c4_expand, &to_bytes, run, scratch);
}

#endif
