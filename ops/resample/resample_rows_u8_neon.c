/* SPDX-License-Identifier: Apache-2.0 */
#include <arm_neon.h>

#include "ops/resample/resample_scalar.h"

enum { READ_AHEAD = 4 /* pixels: a load takes eight, and the last group may use half of them */ };

typedef struct sums {
  int32x4_t high[3], low[3]; /* red, green, blue */
} sums;

static inline sums add_group(sums s, const int16x4_t *x /* [3] */, const int16_t *part) {
  const int16x4_t high = vld1_s16(part), low = vld1_s16(part + BNC_RESAMPLE_GROUP);
#pragma GCC unroll 3
  for (size_t c = 0; c < 3; ++c) {
    s.high[c] = vmlal_s16(s.high[c], x[c], high);
    s.low[c] = vmlal_s16(s.low[c], x[c], low);
  }
  return s;
}

static inline int32x2_t halves(int32x4_t high, int32x4_t low) {
  const int32x4_t s = vaddq_s32(vshlq_n_s32(high, BNC_RESAMPLE_LOW_BITS), low);
  return vadd_s32(vget_low_s32(s), vget_high_s32(s));
}

static inline void position(const bnc_resample *taps, size_t i, const uint8_t *in, uint8_t *out) {
  const int16_t *part = taps->parts + 2 * i * taps->taps;
  const uint8_t *p = in + 3 * (size_t)taps->first[i];
  const int32x4_t zero = vdupq_n_s32(0);
  sums s = {{zero, zero, zero}, {zero, zero, zero}};
  for (size_t t = 0; t < taps->taps; t += 2 * BNC_RESAMPLE_GROUP, p += 6 * BNC_RESAMPLE_GROUP, part += 4 * BNC_RESAMPLE_GROUP) {
    const uint8x8x3_t rgb = vld3_u8(p);
    int16x4_t x[2][3];
#pragma GCC unroll 3
    for (size_t c = 0; c < 3; ++c) {
      const int16x8_t wide = vreinterpretq_s16_u16(vmovl_u8(rgb.val[c]));
      x[0][c] = vget_low_s16(wide);
      x[1][c] = vget_high_s16(wide);
    }
    s = add_group(s, x[0], part);
    if (t + BNC_RESAMPLE_GROUP < taps->taps) s = add_group(s, x[1], part + 2 * BNC_RESAMPLE_GROUP);
  }
  const int32x2_t blue = halves(s.high[2], s.low[2]);
  const int32x4_t both = vcombine_s32(vpadd_s32(halves(s.high[0], s.low[0]), halves(s.high[1], s.low[1])), vpadd_s32(blue, blue));
  const int32x4_t value = vshrq_n_s32(vaddq_s32(both, vdupq_n_s32(BNC_RESAMPLE_HALF)), BNC_RESAMPLE_BITS);
  const uint16x4_t words = vqmovun_s32(value);
  const uint8x8_t pixel = vqmovn_u16(vcombine_u16(words, words));
  vst1_lane_u8(out + 3 * i, pixel, 0);
  vst1_lane_u8(out + 3 * i + 1, pixel, 1);
  vst1_lane_u8(out + 3 * i + 2, pixel, 2);
}

void bnc_resample_rows_u8_neon(const bnc_resample_rows_args *args, size_t from, size_t to) {
  const size_t roomy = bnc_resample_roomy(args, READ_AHEAD);
  for (size_t row = from; row < to; ++row) {
    const uint8_t *in = args->in + (row - args->first_row) * args->in_stride;
    uint8_t *out = args->out + row % args->slots * args->out_stride;
    for (size_t i = args->begin; i < roomy; ++i) position(args->taps, i, in, out);
    for (size_t i = roomy; i < args->end; ++i) bnc_resample_position(args->taps, i, in, out);
  }
}
