/* SPDX-License-Identifier: Apache-2.0 */
#include <arm_neon.h>

#include "ops/inline.h"
#include "ops/limits/limits.h"

float bnc_limits_bf16_neon_bf16(double *macs) {
  bfloat16x8_t x = vreinterpretq_bf16_u16(vdupq_n_u16(0x3c00)); /* 2^-7 */
  float32x4_t sum[BNC_LIMIT_SUMS], all = vdupq_n_f32(0.0f);
  BNC_UNROLL(12) for (int i = 0; i < BNC_LIMIT_SUMS; ++i) sum[i] = vdupq_n_f32((float)i); /* all different */
  for (int r = 0; r < BNC_LIMIT_ROUNDS; ++r) {
    BNC_UNROLL(12) for (int i = 0; i < BNC_LIMIT_SUMS; ++i) sum[i] = vbfmmlaq_f32(sum[i], x, x);
    __asm__("" : "+w"(x)); /* the products are not the same ones to the compiler */
  }
  BNC_UNROLL(12) for (int i = 0; i < BNC_LIMIT_SUMS; ++i) all = vaddq_f32(all, sum[i]);
  *macs = 16.0 * BNC_LIMIT_SUMS * BNC_LIMIT_ROUNDS;
  return vaddvq_f32(all);
}
