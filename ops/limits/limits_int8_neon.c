/* SPDX-License-Identifier: Apache-2.0 */
#include <arm_neon.h>

#include "ops/limits/limits.h"

/* Two products fit into 16 bits: 16 of them in two instructions, which a third adds in pairs. */
int32_t bnc_limits_int8_neon(double *macs) {
  int8x8_t x0 = vdup_n_s8(3), x1 = vdup_n_s8(5);
  const int8x8_t y0 = x0, y1 = x1, y2 = vdup_n_s8(7), y3 = vdup_n_s8(9);
  int32x4_t a = vdupq_n_s32(0), b = vdupq_n_s32(1), c = vdupq_n_s32(2), d = vdupq_n_s32(3), e = vdupq_n_s32(4), f = vdupq_n_s32(5),
            g = vdupq_n_s32(6), h = vdupq_n_s32(7);
  for (int r = 0; r < BNC_LIMIT_ROUNDS; ++r) {
    a = vpadalq_s16(a, vmlal_s8(vmull_s8(x0, y0), y0, x0));
    b = vpadalq_s16(b, vmlal_s8(vmull_s8(x1, y0), y0, x1));
    c = vpadalq_s16(c, vmlal_s8(vmull_s8(x0, y1), y1, x0));
    d = vpadalq_s16(d, vmlal_s8(vmull_s8(x1, y1), y1, x1));
    e = vpadalq_s16(e, vmlal_s8(vmull_s8(x0, y2), y2, x0));
    f = vpadalq_s16(f, vmlal_s8(vmull_s8(x1, y2), y2, x1));
    g = vpadalq_s16(g, vmlal_s8(vmull_s8(x0, y3), y3, x0));
    h = vpadalq_s16(h, vmlal_s8(vmull_s8(x1, y3), y3, x1));
    __asm__("" : "+w"(x0), "+w"(x1)); /* the products are not the same ones to the compiler */
  }
  *macs = 8.0 * 16 * BNC_LIMIT_ROUNDS;
  return vgetq_lane_s32(vaddq_s32(vaddq_s32(vaddq_s32(a, b), vaddq_s32(c, d)), vaddq_s32(vaddq_s32(e, f), vaddq_s32(g, h))), 0);
}
