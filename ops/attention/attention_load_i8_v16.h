/* SPDX-License-Identifier: Apache-2.0 */
/** @file attention_load_i8_v16.h  Keys and values of the _rows_i8_ kernel, rounded to int8 and kept as f32. Include a v16_*.h first. */
#ifndef BINOCLE_OPS_ATTENTION_ATTENTION_LOAD_I8_V16_H
#define BINOCLE_OPS_ATTENTION_ATTENTION_LOAD_I8_V16_H

#include "ops/attention/attention_load_v16.h"

/* `rows` rows of sixteen lanes, rounded by what is greatest in each lane; the lanes' steps. */
BNC_INLINE v16 attention_round_lanes(float *x /* [rows, stride] */, size_t rows, size_t stride) {
  const v16 magic = v16_set1(BNC_ATTENTION_I8_MAGIC), zero = v16_set1(0.0f);
  v16 most = zero;
  for (size_t i = 0; i < rows; ++i) most = v16_max(most, v16_abs(v16_load(x + i * stride)));
  const v16 above = v16_sub(most, v16_set1(BNC_ATTENTION_I8_TINY)), factor = v16_if_positive(above, v16_div(v16_set1(127.0f), most), zero);
  for (size_t i = 0; i < rows; ++i) v16_store(x + i * stride, v16_sub(v16_fma(v16_load(x + i * stride), factor, magic), magic));
  return v16_if_positive(above, v16_mul(most, v16_set1(BNC_ATTENTION_I8_STEP)), zero);
}

/* The steps lie behind the room for values. */
BNC_INLINE void attention_load_rows_i8(const bnc_attention_args *a, size_t kv_head, attention_block *b, float *k, float *v) {
  float *key_step = v + BNC_ATTENTION_BLOCK * b->padded, *value_step = key_step + BNC_ATTENTION_BLOCK;
  attention_load_rows_f32(a, kv_head, b, k, v);
  for (size_t g = 0; g < b->n; g += 16) v16_store(key_step + g, attention_round_lanes(k + g * b->d, b->d, 16));
  for (size_t c = 0; c < b->padded; c += 16) v16_store(value_step + c, attention_round_lanes(v + c, b->n, b->padded));
  b->key_step = key_step;
  b->value_step = value_step;
}

#endif
