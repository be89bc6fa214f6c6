/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "ops/half.h"
#include "ops/kv_append/kv_append_runs.h"

static void store_f32(const bnc_kv_cache *cache, const bnc_kv_run *run) {
  for (size_t t = 0; t < run->tokens; ++t) {
    float *k_out = (float *)cache->k + run->k_at + t, *v_out = (float *)cache->v + run->v_at + t * cache->head_size;
    const float *k = run->k + t * run->k_stride, *v = run->v + t * run->v_stride; /* [head_size] */
    for (size_t i = 0; i < cache->head_size; ++i) {
      k_out[i * BNC_KV_BLOCK] = k[i];
      v_out[i] = v[i];
    }
  }
}

void bnc_kv_append_f32_scalar(const bnc_kv_append_args *args, size_t from, size_t to) { bnc_kv_append(args, from, to, store_f32); }

static void store_f16(const bnc_kv_cache *cache, const bnc_kv_run *run) {
  for (size_t t = 0; t < run->tokens; ++t) {
    uint16_t *k_out = (uint16_t *)cache->k + run->k_at + t, *v_out = (uint16_t *)cache->v + run->v_at + t * cache->head_size;
    const float *k = run->k + t * run->k_stride, *v = run->v + t * run->v_stride; /* [head_size] */
    for (size_t i = 0; i < cache->head_size; ++i) {
      k_out[i * BNC_KV_BLOCK] = bnc_f16_from_f32(k[i]);
      v_out[i] = bnc_f16_from_f32(v[i]);
    }
  }
}

void bnc_kv_append_f16_scalar(const bnc_kv_append_args *args, size_t from, size_t to) { bnc_kv_append(args, from, to, store_f16); }

/* The factor that takes the largest magnitude to 127, and the stored scale that takes it back. A zero row has scale 0. */
static float choose_i8(const float *x /* [d] */, size_t d, float *scale) {
  float max = 0.0f;
  for (size_t i = 0; i < d; ++i) max = fabsf(x[i]) > max ? fabsf(x[i]) : max;
  *scale = max / 127.0f;
  return max > 0.0f ? 127.0f / max : 0.0f;
}

static int8_t value_i8(float x, float factor) {
  float v = x * factor;
  v = v < 127.0f ? v : 127.0f; /* NaN becomes 127 */
  v = v > -127.0f ? v : -127.0f;
  return (int8_t)rintf(v);
}

static void store_i8(const bnc_kv_cache *cache, const bnc_kv_run *run) {
  const size_t d = cache->head_size;
  for (size_t t = 0; t < run->tokens; ++t) {
    int8_t *k_out = (int8_t *)cache->k + run->k_at + t, *v_out = (int8_t *)cache->v + run->v_at + t * d;
    const float *k = run->k + t * run->k_stride, *v = run->v + t * run->v_stride; /* [d] */
    const float k_factor = choose_i8(k, d, &cache->k_scale[run->scale_at + t]),
                v_factor = choose_i8(v, d, &cache->v_scale[run->scale_at + t]);
    for (size_t i = 0; i < d; ++i) {
      k_out[i * BNC_KV_BLOCK] = value_i8(k[i], k_factor);
      v_out[i] = value_i8(v[i], v_factor);
    }
  }
}

void bnc_kv_append_i8_scalar(const bnc_kv_append_args *args, size_t from, size_t to) { bnc_kv_append(args, from, to, store_i8); }
