/* SPDX-License-Identifier: Apache-2.0 */
#include <arm_neon.h>

#include "ops/limits/limits.h"

int32_t bnc_limits_int8_neon_i8mm(double *macs) {
  int8x16_t x = vdupq_n_s8(3);
  int32x4_t a = vdupq_n_s32(0), b = vdupq_n_s32(1), c = vdupq_n_s32(2), d = vdupq_n_s32(3), e = vdupq_n_s32(4), f = vdupq_n_s32(5),
            g = vdupq_n_s32(6), h = vdupq_n_s32(7), i = vdupq_n_s32(8), j = vdupq_n_s32(9), k = vdupq_n_s32(10), l = vdupq_n_s32(11);
  for (int r = 0; r < BNC_LIMIT_ROUNDS; ++r) {
    a = vmmlaq_s32(a, x, x);
    b = vmmlaq_s32(b, x, x);
    c = vmmlaq_s32(c, x, x);
    d = vmmlaq_s32(d, x, x);
    e = vmmlaq_s32(e, x, x);
    f = vmmlaq_s32(f, x, x);
    g = vmmlaq_s32(g, x, x);
    h = vmmlaq_s32(h, x, x);
    i = vmmlaq_s32(i, x, x);
    j = vmmlaq_s32(j, x, x);
    k = vmmlaq_s32(k, x, x);
    l = vmmlaq_s32(l, x, x);
    __asm__("" : "+w"(x)); /* the products are not the same ones to the compiler */
  }
  *macs = 12.0 * 32 * BNC_LIMIT_ROUNDS;
  return vgetq_lane_s32(vaddq_s32(vaddq_s32(vaddq_s32(vaddq_s32(a, b), vaddq_s32(c, d)), vaddq_s32(vaddq_s32(e, f), vaddq_s32(g, h))),
                                  vaddq_s32(vaddq_s32(i, j), vaddq_s32(k, l))),
                        0);
}
