/* SPDX-License-Identifier: Apache-2.0 */
#include <arm_neon.h>

#include "ops/resample/resample_scalar.h"

static inline uint16x4_t total(int32x4_t high, int32x4_t low) {
  const int32x4_t s = vaddq_s32(vshlq_n_s32(high, BNC_RESAMPLE_LOW_BITS), low);
  return vqmovun_s32(vshrq_n_s32(vaddq_s32(s, vdupq_n_s32(BNC_RESAMPLE_HALF)), BNC_RESAMPLE_BITS));
}

void bnc_resample_columns_u8_neon(const bnc_resample_columns_args *args, size_t from, size_t to) {
  const bnc_resample *taps = args->taps;
  const int16_t *parts = taps->parts + 2 * args->position * taps->taps; /* [taps / 4, 2, 4] */
  const size_t count = taps->count[args->position];
  const int32x4_t zero = vdupq_n_s32(0);
  size_t k = from;
  for (; k + 16 <= to; k += 16) {
    int32x4_t high[4] = {zero, zero, zero, zero}, low[4] = {zero, zero, zero, zero};
    for (size_t t = 0; t < count; ++t) {
      const int16_t *part = parts + t / BNC_RESAMPLE_GROUP * (2 * BNC_RESAMPLE_GROUP) + t % BNC_RESAMPLE_GROUP;
      const int16x4_t w_high = vdup_n_s16(part[0]), w_low = vdup_n_s16(part[BNC_RESAMPLE_GROUP]);
      const uint8x16_t a = vld1q_u8(args->in[t] + k);
      const int16x8_t first = vreinterpretq_s16_u16(vmovl_u8(vget_low_u8(a))), last = vreinterpretq_s16_u16(vmovl_u8(vget_high_u8(a)));
      const int16x4_t x[4] = {vget_low_s16(first), vget_high_s16(first), vget_low_s16(last), vget_high_s16(last)};
#pragma GCC unroll 4
      for (size_t j = 0; j < 4; ++j) {
        high[j] = vmlal_s16(high[j], x[j], w_high);
        low[j] = vmlal_s16(low[j], x[j], w_low);
      }
    }
    const uint16x8_t words[2] = {vcombine_u16(total(high[0], low[0]), total(high[1], low[1])),
                                 vcombine_u16(total(high[2], low[2]), total(high[3], low[3]))};
    vst1q_u8(args->out + k, vcombine_u8(vqmovn_u16(words[0]), vqmovn_u16(words[1])));
  }
  bnc_resample_column(args, k, to);
}
