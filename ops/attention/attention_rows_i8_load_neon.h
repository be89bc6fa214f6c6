/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file attention_rows_i8_load_neon.h  Part of attention_rows_i8_neon.h: rounds queries, keys and values to bytes, and hands them to the
 * level's spread, put_keys and put_values.
 */
#ifndef BINOCLE_OPS_ATTENTION_ATTENTION_ROWS_I8_LOAD_NEON_H
#define BINOCLE_OPS_ATTENTION_ATTENTION_ROWS_I8_LOAD_NEON_H

#include "ops/attention/attention_rows_walk.h"

BNC_INLINE float inverse_of(float most) { return most > BNC_ATTENTION_I8_TINY ? 127.0f / most : 0.0f; }
BNC_INLINE v16 load_part(const float *x, size_t i, size_t d) { return d - i >= 16 ? v16_load(x + i) : v16_load_n(x + i, d - i); }
/* The integers that x * factor rounds to, in the low bits. */
BNC_INLINE v16 rounded(v16 x, v16 factor) { return v16_fma(x, factor, v16_set1(BNC_ATTENTION_I8_MAGIC)); }

/* The low bytes of sixteen lanes. */
BNC_INLINE uint8x16_t low_bytes(v16 x) {
  const uint16x8_t low = vuzpq_u16(vreinterpretq_u16_f32(x.a), vreinterpretq_u16_f32(x.b)).val[0];
  const uint16x8_t high = vuzpq_u16(vreinterpretq_u16_f32(x.c), vreinterpretq_u16_f32(x.d)).val[0];
  return vuzpq_u8(vreinterpretq_u8_u16(low), vreinterpretq_u8_u16(high)).val[0];
}
/* The low bytes of four rows of lanes, lane by lane. */
BNC_INLINE int8x16_t low_columns(float32x4_t x, float32x4_t y, float32x4_t z, float32x4_t w) {
  const uint32x4_t first = vsliq_n_u32(vreinterpretq_u32_f32(x), vreinterpretq_u32_f32(y), 8);
  const uint32x4_t last = vsliq_n_u32(vreinterpretq_u32_f32(z), vreinterpretq_u32_f32(w), 8);
  return vreinterpretq_s8_u32(vsliq_n_u32(first, last, 16));
}

BNC_INLINE float greatest_of(const float *x /* [d] */, size_t d) {
  v16 most = v16_set1(0.0f);
  for (size_t i = 0; i < d; i += 16) most = v16_max(v16_abs(load_part(x, i, d)), most);
  return v16_greatest(most);
}

/* Whole sixteens of keys: those that are not there repeat the last one, and get no weight. */
static void load_keys(const bnc_attention_args *a, const float *keys /* [n, d] */, size_t padded, block *b) {
  const size_t d = a->head_size;
  for (size_t j = 0; j < b->keys.all; j += 4) {
    const float *row[4]; /* [d] each */
    v16 factor[4];
    for (size_t r = 0; r < 4; ++r) {
      row[r] = keys + (j + r < b->n ? j + r : b->n - 1) * a->k_stride;
      const float most = greatest_of(row[r], d);
      factor[r] = v16_set1(inverse_of(most));
      b->keys.step[j + r] = bnc_attention_i8_step(most);
    }
    for (size_t i = 0; i < padded; i += 16) {
      uint8x16_t x[4];
      V16_UNROLL for (size_t r = 0; r < 4; ++r) x[r] = low_bytes(rounded(load_part(row[r], i, d), factor[r]));
      put_keys(b, padded, j, i, x);
    }
  }
}

/* As many values as keys, zeros for those that are not there. */
static void load_values(const bnc_attention_args *a, const float *values /* [n, d] */, size_t padded, block *b) {
  const size_t d = a->head_size;
  const v16 zero = v16_set1(0.0f);
  for (size_t c = 0; c < padded; c += 16) {
    int32x4_t sum[4] = {vdupq_n_s32(0), vdupq_n_s32(0), vdupq_n_s32(0), vdupq_n_s32(0)};
    v16 most = zero;
    for (size_t j = 0; j < b->n; ++j) most = v16_max(v16_abs(load_part(values + j * a->v_stride, c, d)), most);
    const v16 above = v16_sub(most, v16_set1(BNC_ATTENTION_I8_TINY)),
              factor = v16_if_positive(above, v16_div(v16_set1(127.0f), most), zero);
    v16_store(b->value_step + c, v16_if_positive(above, v16_mul(most, v16_set1(BNC_ATTENTION_I8_STEP)), zero));
    for (size_t j = 0; j < b->keys.all; j += 8) {
      int8x16_t y[2][4];
      V16_UNROLL for (size_t k = 0; k < 2; ++k) {
        v16 x[4];
        V16_UNROLL for (size_t i = 0; i < 4; ++i) {
          const size_t at = j + 4 * k + i;
          x[i] = rounded(at < b->n ? load_part(values + at * a->v_stride, c, d) : zero, factor);
        }
        y[k][0] = low_columns(x[0].a, x[1].a, x[2].a, x[3].a);
        y[k][1] = low_columns(x[0].b, x[1].b, x[2].b, x[3].b);
        y[k][2] = low_columns(x[0].c, x[1].c, x[2].c, x[3].c);
        y[k][3] = low_columns(x[0].d, x[1].d, x[2].d, x[3].d);
        V16_UNROLL for (size_t i = 0; LESS && i < 4; ++i) sum[i] = vdotq_s32(sum[i], y[k][i], vdupq_n_s8(1));
      }
      put_values(b, c, j, y);
    }
    V16_UNROLL for (size_t i = 0; LESS && i < 4; ++i) vst1q_s32(b->keys.start + c + 4 * i, vmulq_n_s32(sum[i], LESS));
  }
}

#endif
