/* SPDX-License-Identifier: Apache-2.0 */
/* The algorithm of attention.h, once; the kernels differ in how they read an element of a key or value. */
#include <assert.h>

#include "ops/attention/attention.h"
#include "ops/half.h"
#include "ops/math_f32.h"

/* Element i of a key or value row of a key head, as f32. */
typedef float element(const bnc_attention_args *a, size_t kv_head, size_t key, size_t i);

static void attend_row(const bnc_attention_args *a, size_t kv_head, size_t keys, const float *q /* [d] */, float *out /* [d] */, element *k,
                       element *v) {
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

static void attend(const bnc_attention_args *a, size_t kv_head, size_t from, size_t to, element *k, element *v) {
  const size_t group = a->heads / a->kv_heads, d = a->head_size;
  assert(a->keys && (!a->causal || a->position + to <= a->keys));
  for (size_t row = from; row < to; ++row) {
    const size_t keys = a->causal ? a->position + row + 1 : a->keys;
    for (size_t head = kv_head * group; head < (kv_head + 1) * group; ++head) {
      attend_row(a, kv_head, keys, a->q + row * a->q_stride + head * d, a->out + row * a->out_stride + head * d, k, v);
    }
  }
}

static float rows_f32_key(const bnc_attention_args *a, size_t kv_head, size_t token, size_t i) {
  return a->k[token * a->k_stride + kv_head * a->head_size + i];
}

static float rows_f32_value(const bnc_attention_args *a, size_t kv_head, size_t token, size_t i) {
  return a->v[token * a->v_stride + kv_head * a->head_size + i];
}

void bnc_attention_rows_f32_scalar(const bnc_attention_args *args, size_t kv_head, size_t from, size_t to, void *scratch) {
  (void)scratch;
  attend(args, kv_head, from, to, rows_f32_key, rows_f32_value);
}

static float cache_f32_key(const bnc_attention_args *a, size_t kv_head, size_t token, size_t i) {
  return ((const float *)a->cache.k)[kv_head * a->cache.capacity * a->head_size + bnc_kv_key_offset(&a->cache, token, i)];
}

static float cache_f32_value(const bnc_attention_args *a, size_t kv_head, size_t token, size_t i) {
  return ((const float *)a->cache.v)[(kv_head * a->cache.capacity + token) * a->head_size + i];
}

void bnc_attention_cache_f32_scalar(const bnc_attention_args *args, size_t kv_head, size_t from, size_t to, void *scratch) {
  (void)scratch;
  attend(args, kv_head, from, to, cache_f32_key, cache_f32_value);
}

static float cache_f16_key(const bnc_attention_args *a, size_t kv_head, size_t token, size_t i) {
  return bnc_f32_from_f16(
      ((const uint16_t *)a->cache.k)[kv_head * a->cache.capacity * a->head_size + bnc_kv_key_offset(&a->cache, token, i)]);
}

static float cache_f16_value(const bnc_attention_args *a, size_t kv_head, size_t token, size_t i) {
  return bnc_f32_from_f16(((const uint16_t *)a->cache.v)[(kv_head * a->cache.capacity + token) * a->head_size + i]);
}

void bnc_attention_cache_f16_scalar(const bnc_attention_args *args, size_t kv_head, size_t from, size_t to, void *scratch) {
  (void)scratch;
  attend(args, kv_head, from, to, cache_f16_key, cache_f16_value);
}

static float cache_i8_key(const bnc_attention_args *a, size_t kv_head, size_t token, size_t i) {
  const int8_t *k = (const int8_t *)a->cache.k + kv_head * a->cache.capacity * a->head_size;
  return (float)k[bnc_kv_key_offset(&a->cache, token, i)] * a->cache.k_scale[kv_head * a->cache.capacity + token];
}

static float cache_i8_value(const bnc_attention_args *a, size_t kv_head, size_t token, size_t i) {
  const int8_t *v = (const int8_t *)a->cache.v + (kv_head * a->cache.capacity + token) * a->head_size;
  return (float)v[i] * a->cache.v_scale[kv_head * a->cache.capacity + token];
}

void bnc_attention_cache_i8_scalar(const bnc_attention_args *args, size_t kv_head, size_t from, size_t to, void *scratch) {
  (void)scratch;
  attend(args, kv_head, from, to, cache_i8_key, cache_i8_value);
}
