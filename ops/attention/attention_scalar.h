/* SPDX-License-Identifier: Apache-2.0 */
/** @file attention_scalar.h  The algorithm of attention.h, once; the scalar kernels differ in how they read an element of a key or value.
 */
#ifndef BINOCLE_OPS_ATTENTION_ATTENTION_SCALAR_H
#define BINOCLE_OPS_ATTENTION_ATTENTION_SCALAR_H

#include <assert.h>

#include "ops/attention/attention.h"
#include "ops/math_f32.h"

/* Element i of a key or value row of a key head, as f32. */
typedef float bnc_attention_element(const bnc_attention_args *a, size_t kv_head, size_t key, size_t i);

static inline void bnc_attention_row(const bnc_attention_args *a, size_t kv_head, size_t keys, const float *q /* [d] */,
                                     float *out /* [d] */, bnc_attention_element *k, bnc_attention_element *v) {
  const size_t d = a->head_size;
  float m = -INFINITY, l = 0.0f, p[BNC_ATTENTION_BLOCK];
  for (size_t base = 0; base < keys; base += BNC_ATTENTION_BLOCK) {
    const size_t n = keys - base < BNC_ATTENTION_BLOCK ? keys - base : BNC_ATTENTION_BLOCK;
    const float m_old = m;
    for (size_t j = 0; j < n; ++j) {
      float s = 0.0f;
      for (size_t i = 0; i < d; ++i) s = fmaf(q[i], k(a, kv_head, base + j, i), s);
      p[j] = s * a->scale;
      m = p[j] > m ? p[j] : m;
    }
    const float alpha = bnc_exp_f32(m_old - m);
    float lanes[16] = {0};
    for (size_t j = 0; j < n; ++j) {
      p[j] = bnc_exp_f32(p[j] - m);
      lanes[j % 16] += p[j];
    }
    for (size_t half = 8; half; half /= 2) {
      for (size_t i = 0; i < half; ++i) lanes[i] += lanes[i + half];
    }
    l = fmaf(l, alpha, lanes[0]);
    if (base) {
      for (size_t i = 0; i < d; ++i) out[i] *= alpha;
    } else {
      for (size_t i = 0; i < d; ++i) out[i] = 0.0f;
    }
    for (size_t j = 0; j < n; ++j) {
      for (size_t i = 0; i < d; ++i) out[i] = fmaf(p[j], v(a, kv_head, base + j, i), out[i]);
    }
  }
  const float inverse = 1.0f / l;
  for (size_t i = 0; i < d; ++i) out[i] *= inverse;
}

static inline void bnc_attention_scalar(const bnc_attention_args *a, size_t kv_head, size_t from, size_t to, bnc_attention_element *k,
                                        bnc_attention_element *v) {
  const size_t group = a->heads / a->kv_heads, d = a->head_size;
  assert(a->keys && (!a->causal || a->position + to <= a->keys));
  for (size_t row = from; row < to; ++row) {
    const size_t keys = a->causal ? a->position + row + 1 : a->keys;
    for (size_t head = kv_head * group; head < (kv_head + 1) * group; ++head) {
      bnc_attention_row(a, kv_head, keys, a->q + row * a->q_stride + head * d, a->out + row * a->out_stride + head * d, k, v);
    }
  }
}

#endif
