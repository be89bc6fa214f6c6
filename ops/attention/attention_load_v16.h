/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file attention_load_v16.h  Brings a block of keys and values into the form that attention_tile.h reads: f32, keys in groups of sixteen
 * with the keys innermost, values in rows padded with zeros. Include a v16_*.h first.
 */
#ifndef BINOCLE_OPS_ATTENTION_ATTENTION_LOAD_V16_H
#define BINOCLE_OPS_ATTENTION_ATTENTION_LOAD_V16_H

#include "ops/attention/attention_v16.h"
#include "ops/half.h"

/* n rows of d values to rows of `padded`, zeros behind. */
BNC_INLINE void attention_pad_rows(const float *src, size_t stride, size_t n, size_t d, float *dst, size_t padded) {
  for (size_t j = 0; j < n; ++j) {
    size_t i = 0;
    for (; i + 16 <= d; i += 16) v16_store(dst + j * padded + i, v16_load(src + j * stride + i));
    if (i < d) v16_store(dst + j * padded + i, v16_load_n(src + j * stride + i, d - i));
  }
}

BNC_INLINE void attention_load_rows_f32(const bnc_attention_args *a, size_t kv_head, attention_block *b, float *k, float *v) {
  const size_t d = b->d;
  const float *keys = a->k + b->base * a->k_stride + kv_head * d; /* [n, d] */
  b->k = k;
  for (size_t g = 0; g < b->n; g += 16, k += 16 * d) {
    const float *src = keys + g * a->k_stride;
    size_t i = 0, j = 0;
    const size_t rows = b->n - g < 16 ? b->n - g : 16;
    if (rows == 16) {
      for (; i + V16_TRANSPOSE <= d; i += V16_TRANSPOSE) v16_transpose(src + i, a->k_stride, k + i * 16);
    }
    for (; i < d; ++i) {
      for (j = 0; j < rows; ++j) k[i * 16 + j] = src[j * a->k_stride + i];
      for (; j < 16; ++j) k[i * 16 + j] = 0.0f;
    }
  }
  const float *values = a->v + b->base * a->v_stride + kv_head * d; /* [n, d] */
  attention_pad_rows(values, a->v_stride, b->n, d, v, b->padded);
  b->v = v;
  b->next_n = a->keys - b->base - b->n < BNC_ATTENTION_BLOCK ? a->keys - b->base - b->n : BNC_ATTENTION_BLOCK;
  b->next_k = keys + b->n * a->k_stride;
  b->next_v = values + b->n * a->v_stride;
  b->next_k_stride = a->k_stride;
  b->next_v_stride = a->v_stride;
}

BNC_INLINE void attention_load_cache_f32(const bnc_attention_args *a, size_t kv_head, attention_block *b, float *k, float *v) {
  const float *values = (const float *)a->cache.v + (kv_head * a->cache.capacity + b->base) * b->d; /* [n, d] */
  (void)k;
  b->k = (const float *)a->cache.k + (kv_head * a->cache.capacity + b->base) * b->d;
  b->v = values;
  b->v_stride = b->d;
  if (b->d != b->padded) {
    attention_pad_rows(values, b->d, b->n, b->d, v, b->padded);
    b->v = v;
    b->v_stride = b->padded;
  }
}

BNC_INLINE void attention_load_cache_f16(const bnc_attention_args *a, size_t kv_head, attention_block *b, float *k, float *v) {
  const size_t start = (kv_head * a->cache.capacity + b->base) * b->d, groups = (b->n + 15) / 16;
  const uint16_t *keys = (const uint16_t *)a->cache.k + start;   /* [groups, d, 16] */
  const uint16_t *values = (const uint16_t *)a->cache.v + start; /* [n, d] */
  for (size_t i = 0; i < groups * b->d; ++i) v16_store(k + i * 16, v16_from_f16(keys + i * 16));
  for (size_t j = 0; j < b->n; ++j) {
    size_t i = 0;
    for (; i + 16 <= b->d; i += 16) v16_store(v + j * b->padded + i, v16_from_f16(values + j * b->d + i));
    for (; i < b->padded; ++i) v[j * b->padded + i] = i < b->d ? bnc_f32_from_f16(values[j * b->d + i]) : 0.0f;
  }
  b->k = k;
  b->v = v;
}

BNC_INLINE void attention_load_cache_i8(const bnc_attention_args *a, size_t kv_head, attention_block *b, float *k, float *v) {
  const size_t token = kv_head * a->cache.capacity + b->base;
  const int8_t *keys = (const int8_t *)a->cache.k + token * b->d;   /* [groups, d, 16] */
  const int8_t *values = (const int8_t *)a->cache.v + token * b->d; /* [n, d] */
  for (size_t g = 0; g < b->n; g += 16) {
    const v16 scale = v16_load(a->cache.k_scale + token + g);
    for (size_t i = g * b->d; i < (g + 16) * b->d; i += 16) v16_store(k + i, v16_mul(v16_from_i8(keys + i), scale));
  }
  for (size_t j = 0; j < b->n; ++j) {
    const float scale = a->cache.v_scale[token + j];
    size_t i = 0;
    for (; i + 16 <= b->d; i += 16) v16_store(v + j * b->padded + i, v16_mul(v16_from_i8(values + j * b->d + i), v16_set1(scale)));
    for (; i < b->padded; ++i) v[j * b->padded + i] = i < b->d ? (float)values[j * b->d + i] * scale : 0.0f;
  }
  b->k = k;
  b->v = v;
}

/* Few rows of heads that are whole vectors: nothing is converted apart. */
BNC_INLINE bool attention_reads_cache(const bnc_attention_args *a, size_t from, size_t to) {
  return (to - from) * (a->heads / a->kv_heads) <= ATTENTION_FEW_ROWS && a->head_size % 16 == 0;
}

BNC_INLINE void attention_take_cache(const bnc_attention_args *a, size_t kv_head, attention_block *b, size_t size) {
  const size_t token = kv_head * a->cache.capacity + b->base;
  const bool last = b->n < BNC_ATTENTION_BLOCK || b->base + b->n + BNC_ATTENTION_BLOCK > a->cache.capacity;
  b->k = (const char *)a->cache.k + token * b->d * size;
  b->v = (const char *)a->cache.v + token * b->d * size;
  b->ahead = (const char *)b->k + (last ? 0 : BNC_ATTENTION_BLOCK * b->d * size);
}

BNC_INLINE void attention_take_cache_f16(const bnc_attention_args *a, size_t kv_head, attention_block *b, float *k, float *v) {
  (void)k;
  (void)v;
  attention_take_cache(a, kv_head, b, 2);
}

BNC_INLINE void attention_take_cache_i8(const bnc_attention_args *a, size_t kv_head, attention_block *b, float *k, float *v) {
  (void)k;
  (void)v;
  attention_take_cache(a, kv_head, b, 1);
  b->key_step = a->cache.k_scale + kv_head * a->cache.capacity + b->base;
  b->value_scale = a->cache.v_scale + kv_head * a->cache.capacity + b->base;
}

#endif
